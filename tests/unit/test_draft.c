/* Drafts: what a write says at once, and what waits for the close. */
#include <check.h>
#include <stdlib.h>

#include "fs/draft.h"

static struct draft d;
static struct err e;

/* The names that the schema of these tests knows. */
static int know_name(void *arg, struct span name, struct err *err)
{
    (void)arg;
    if (span_eq(name, span_of("name")) || span_eq(name, span_of("age")))
        return 0;
    return err_set(err, ERR_INVALID, "\"%.*s\" is no field", (int)name.n, name.p);
}

static void setup_new(void)
{
    draft_init(&d, 1000, true, know_name, NULL);
    err_clear(&e);
}

static void setup_item(void)
{
    draft_init(&d, 1000, false, know_name, NULL);
    err_clear(&e);
    ck_assert_int_eq(draft_load(&d, span_of("{\"name\": \"Rex\"}\n"), false, &e), 0);
}

static void teardown(void)
{
    draft_deinit(&d);
}

static int write_at(uint64_t offset, const char *text, bool *ret_check)
{
    *ret_check = false;
    err_clear(&e);
    return draft_write(&d, offset, false, span_of(text), ret_check, &e);
}

static int write_end(const char *text, bool *ret_check)
{
    return write_at(d.text.n, text, ret_check);
}

START_TEST(write__in_fragments_is_due_for_a_check_when_the_object_closes)
{
    static const char *const parts[] = {"{", "\"na", "me\"", ": \"R", "ex", "\"", "}"};
    const int n = sizeof(parts) / sizeof(parts[0]);
    bool check;

    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(write_end(parts[i], &check), 0);
        ck_assert_msg(check == (i == n - 1), "after \"%s\"", parts[i]);
    }
    draft_checked(&d);
    ck_assert_int_eq(write_end("\n", &check), 0);
    ck_assert(!check);
    ck_assert_int_eq(draft_complete(&d, &e), 0);
}
END_TEST

START_TEST(write__an_unknown_name_is_refused_at_its_closing_quote)
{
    bool check;

    ck_assert_int_eq(write_end("{\"nme", &check), 0);
    ck_assert_int_eq(write_end("\": 1}", &check), -1);
    ck_assert_int_eq(e.code, ERR_INVALID);
    ck_assert_uint_eq(e.line, 1);
    ck_assert_str_eq(e.excerpt, "{\"nme\": 1}");
}
END_TEST

START_TEST(refusal__is_for_good_and_keeps_the_refused_bytes)
{
    bool check;

    ck_assert_int_eq(write_end("{]", &check), -1);
    ck_assert_int_eq(write_end("}", &check), -1);
    ck_assert_int_eq(e.code, ERR_INVALID);
    err_clear(&e);
    ck_assert_int_eq(draft_complete(&d, &e), -1);
    err_clear(&e);
    ck_assert_int_eq(draft_truncate(&d, 0, &e), -1);
    ck_assert(span_eq(buf_span(&d.text), span_of("{]")));
}
END_TEST

START_TEST(write__after_the_object_is_refused_at_once)
{
    bool check;

    ck_assert_int_eq(write_end("{\"age\": 1}\n", &check), 0);
    ck_assert(check);
    draft_checked(&d);
    ck_assert_int_eq(write_end("{", &check), -1);
    ck_assert_uint_eq(e.line, 2);
}
END_TEST

START_TEST(write__out_of_sequence_waits_for_the_close)
{
    bool check;

    ck_assert_int_eq(write_at(5, "]]", &check), 0);
    ck_assert(!check);
    ck_assert(!d.in_sequence);
    ck_assert_int_eq(draft_complete(&d, &e), 0);
    ck_assert_int_eq(memcmp(d.text.p, "\0\0\0\0\0]]", 7), 0);
}
END_TEST

START_TEST(complete__a_text_cut_short_is_not_and_may_go_on)
{
    bool check;

    ck_assert_int_eq(write_end("{\"age\":", &check), 0);
    ck_assert_int_eq(draft_complete(&d, &e), -1);
    ck_assert_int_eq(e.code, ERR_INVALID);
    ck_assert_int_eq(write_end("1}", &check), 0);
    err_clear(&e);
    ck_assert_int_eq(draft_complete(&d, &e), 0);
}
END_TEST

START_TEST(truncate__to_nothing_is_no_save)
{
    bool check;

    ck_assert(!d.dirty);
    ck_assert_int_eq(draft_truncate(&d, 0, &e), 0);
    ck_assert(!d.dirty);
    ck_assert(d.in_sequence);
    ck_assert_int_eq(write_end("{\"age\": 2}", &check), 0);
    ck_assert(check);
    ck_assert(d.dirty);
}
END_TEST

START_TEST(truncate__to_a_part_is_judged_at_the_close)
{
    ck_assert_int_eq(draft_truncate(&d, 3, &e), 0);
    ck_assert(d.dirty);
    ck_assert(!d.in_sequence);
    ck_assert(span_eq(buf_span(&d.text), span_of("{\"n")));
}
END_TEST

START_TEST(truncate__to_the_present_size_changes_nothing)
{
    ck_assert_int_eq(draft_truncate(&d, d.text.n, &e), 0);
    ck_assert(!d.dirty);
}
END_TEST

START_TEST(append__goes_to_the_drafts_own_end_in_sequence)
{
    bool check = false;

    draft_deinit(&d);
    draft_init(&d, 1000, false, know_name, NULL);
    ck_assert_int_eq(draft_load(&d, span_of("{\"age\": 1}"), true, &e), 0);
    ck_assert_int_eq(draft_write(&d, 0, true, span_of("\n"), &check, &e), 0);
    ck_assert(span_eq(buf_span(&d.text), span_of("{\"age\": 1}\n")));
    ck_assert_int_eq(draft_write(&d, 0, true, span_of("{"), &check, &e), -1);
}
END_TEST

START_TEST(write__over_the_limit_is_too_big)
{
    bool check;

    ck_assert_int_eq(write_at(1000, "x", &check), -1);
    ck_assert_int_eq(e.code, ERR_TOO_BIG);
    ck_assert_uint_eq(d.text.n, 0);
}
END_TEST

START_TEST(publish__leaves_nothing_to_save)
{
    bool check;

    ck_assert_int_eq(write_end("{\"age\": 1}", &check), 0);
    ck_assert(d.dirty);
    draft_published(&d);
    ck_assert(!d.dirty);
}
END_TEST

static Suite *draft_suite(void)
{
    Suite *s = suite_create("draft");
    TCase *new = tcase_create("new"), *item = tcase_create("item");

    tcase_add_checked_fixture(new, setup_new, teardown);
    tcase_add_test(new, write__in_fragments_is_due_for_a_check_when_the_object_closes);
    tcase_add_test(new, write__an_unknown_name_is_refused_at_its_closing_quote);
    tcase_add_test(new, refusal__is_for_good_and_keeps_the_refused_bytes);
    tcase_add_test(new, write__after_the_object_is_refused_at_once);
    tcase_add_test(new, write__out_of_sequence_waits_for_the_close);
    tcase_add_test(new, complete__a_text_cut_short_is_not_and_may_go_on);
    tcase_add_test(new, write__over_the_limit_is_too_big);
    tcase_add_test(new, append__goes_to_the_drafts_own_end_in_sequence);
    tcase_add_test(new, publish__leaves_nothing_to_save);
    suite_add_tcase(s, new);
    tcase_add_checked_fixture(item, setup_item, teardown);
    tcase_add_test(item, truncate__to_nothing_is_no_save);
    tcase_add_test(item, truncate__to_a_part_is_judged_at_the_close);
    tcase_add_test(item, truncate__to_the_present_size_changes_nothing);
    suite_add_tcase(s, item);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(draft_suite());
    int failed;

    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
