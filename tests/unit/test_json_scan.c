/* The incremental check of JSON: one verdict, one place, whatever the fragments. */
#include "json_texts.h"

static int scan(const char *text, size_t n, struct err *e)
{
    struct json_scan s;

    json_scan_init(&s);
    return json_scan_feed(&s, text, n, e) < 0 ? -1 : json_scan_finish(&s, e);
}

START_TEST(json_scan__verdict_and_words)
{
    struct err e = ERR_INIT;

    check_error(&json_texts[_i], scan(json_texts[_i].text, json_texts[_i].n, &e), &e);
}
END_TEST

/* Copies each fragment, so that a sanitizer sees a read past its end. */
static int feed_copy(struct json_scan *s, const char *p, size_t n, struct err *e)
{
    char *copy = malloc(n ? n : 1);
    int r;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, p, n);
    r = json_scan_feed(s, copy, n, e);
    free(copy);
    return r;
}

START_TEST(json_scan__same_verdict_for_every_split)
{
    const struct text_row *row = &json_texts[_i];
    struct err want = ERR_INIT;
    int r = scan(row->text, row->n, &want);

    for (size_t cut = 0; cut <= row->n; cut++) {
        struct err e = ERR_INIT;
        struct json_scan s;
        int got;

        json_scan_init(&s);
        got = feed_copy(&s, row->text, cut, &e);
        if (got == 0)
            got = feed_copy(&s, row->text + cut, row->n - cut, &e);
        if (got == 0)
            got = json_scan_finish(&s, &e);
        ck_assert_msg(got == r && e.line == want.line && e.column == want.column,
                      "%s, cut at %zu: %d at %u:%u", row->name, cut, got, e.line, e.column);
    }
}
END_TEST

START_TEST(json_scan__same_verdict_byte_by_byte)
{
    const struct text_row *row = &json_texts[_i];
    struct err e = ERR_INIT, want = ERR_INIT;
    struct json_scan s;
    int r = 0;

    json_scan_init(&s);
    for (size_t i = 0; i < row->n && r == 0; i++)
        r = feed_copy(&s, row->text + i, 1, &e);
    if (r == 0)
        r = json_scan_finish(&s, &e);
    ck_assert_msg(r == scan(row->text, row->n, &want), "%s", row->name);
    ck_assert_msg(e.line == want.line && e.column == want.column, "%s: %u:%u", row->name, e.line,
                  e.column);
}
END_TEST

START_TEST(json_scan__refuses_for_good)
{
    struct err e = ERR_INIT, again = ERR_INIT, end = ERR_INIT;
    struct json_scan s;

    json_scan_init(&s);
    ck_assert_int_eq(json_scan_feed(&s, TEXT("{]"), &e), -1);
    ck_assert_int_eq(json_scan_feed(&s, TEXT("{}"), &again), -1);
    ck_assert_int_eq(again.code, ERR_INVALID);
    ck_assert_int_eq(json_scan_feed(&s, "", 0, &again), -1);
    ck_assert_int_eq(json_scan_finish(&s, &end), -1);
    ck_assert(!json_scan_complete(&s));
}
END_TEST

START_TEST(json_scan__complete_when_the_object_is_closed)
{
    struct err e = ERR_INIT;
    struct json_scan s;

    json_scan_init(&s);
    ck_assert(!json_scan_complete(&s));
    ck_assert_int_eq(json_scan_feed(&s, TEXT("{\"a\": {}"), &e), 0);
    ck_assert(!json_scan_complete(&s));
    ck_assert_int_eq(json_scan_feed(&s, TEXT("}"), &e), 0);
    ck_assert(json_scan_complete(&s));
    ck_assert_int_eq(json_scan_feed(&s, TEXT("\n"), &e), 0);
    ck_assert(json_scan_complete(&s));
}
END_TEST

struct names {
    struct buf all;
    const char *refuse;
};

static int on_name(void *arg, struct span name, struct err *e)
{
    struct names *names = arg;

    ck_assert(buf_addspan(&names->all, name) && buf_addc(&names->all, ';'));
    if (names->refuse && span_eq(name, span_of(names->refuse)))
        return err_set(e, ERR_INVALID, "no field \"%s\"", names->refuse);
    return 0;
}

START_TEST(json_scan__names_of_the_outermost_object_only)
{
    static const char text[] =
        "{\"a\": {\"x\": 1}, \"b\\u00e9\\ud83d\\ude00\\n\": [{\"y\": \"z\"}], "
        "\"\303\251\": \"s\", \"\": 0}";

    for (size_t step = 1; step < sizeof(text); step++) {
        struct names names = {0};
        struct err e = ERR_INIT;
        struct json_scan s;

        json_scan_init(&s);
        s.on_name = on_name;
        s.arg = &names;
        for (size_t at = 0; at < sizeof(text) - 1; at += step) {
            size_t left = sizeof(text) - 1 - at;

            ck_assert_int_eq(feed_copy(&s, text + at, left < step ? left : step, &e), 0);
        }
        ck_assert_str_eq(buf_str(&names.all), "a;b\303\251\360\237\230\200\n;\303\251;;");
        buf_free(&names.all);
    }
}
END_TEST

START_TEST(json_scan__a_refused_name_gets_its_place)
{
    struct names names = {.refuse = "nme"};
    struct err e = ERR_INIT;
    struct json_scan s;

    json_scan_init(&s);
    s.on_name = on_name;
    s.arg = &names;
    ck_assert_int_eq(json_scan_feed(&s, TEXT("{\"a\": 1,\n  \"nme"), &e), 0);
    ck_assert_int_eq(json_scan_feed(&s, TEXT("\""), &e), -1);
    ck_assert_uint_eq(e.line, 2);
    ck_assert_uint_eq(e.column, 3);
    ck_assert_str_eq(e.text, "no field \"nme\"");
    buf_free(&names.all);
}
END_TEST

START_TEST(json_scan__very_long_names_are_not_reported)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct names names = {0};
    struct err e = ERR_INIT;
    struct json_scan s;

    ck_assert(buf_adds(&text, "{\"short\":1,\""));
    for (int i = 0; i < 1025; i++)
        ck_assert(buf_addc(&text, 'x'));
    ck_assert(buf_adds(&text, "\":2,\"last\":3}"));
    json_scan_init(&s);
    s.on_name = on_name;
    s.arg = &names;
    ck_assert_int_eq(json_scan_feed(&s, text.p, text.n, &e), 0);
    ck_assert(json_scan_complete(&s));
    ck_assert_str_eq(buf_str(&names.all), "short;last;");
    buf_free(&names.all);
}
END_TEST

/* ---- Depth ---- */

START_TEST(json_depth__64_levels_are_the_limit)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    for (int n = 63; n <= 66; n++) {
        struct err e = ERR_INIT, tree_e = ERR_INIT;
        struct arena a ARENA_CLEANUP = {0};
        struct json_node *v;

        nest(&b, "{\"a\":", "1", "}", n);
        ck_assert_int_eq(scan(b.p, b.n, &e), n <= 64 ? 0 : -1);
        ck_assert_int_eq(json_parse(b.p, b.n, &a, &v, &tree_e), n <= 64 ? 0 : -1);
        ck_assert_str_eq(e.text, n <= 64 ? "" : "nesting deeper than 64 levels");
        ck_assert_str_eq(e.text, tree_e.text);
    }
}
END_TEST

static TCase *scan_case(void)
{
    TCase *tc = tcase_create("scan");

    tcase_add_loop_test(tc, json_scan__verdict_and_words, 0, ROWS(json_texts));
    tcase_add_loop_test(tc, json_scan__same_verdict_for_every_split, 0, ROWS(json_texts));
    tcase_add_loop_test(tc, json_scan__same_verdict_byte_by_byte, 0, ROWS(json_texts));
    tcase_add_test(tc, json_scan__refuses_for_good);
    tcase_add_test(tc, json_scan__complete_when_the_object_is_closed);
    tcase_add_test(tc, json_scan__names_of_the_outermost_object_only);
    tcase_add_test(tc, json_scan__a_refused_name_gets_its_place);
    tcase_add_test(tc, json_scan__very_long_names_are_not_reported);
    tcase_add_test(tc, json_depth__64_levels_are_the_limit);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("json_scan");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, scan_case());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
