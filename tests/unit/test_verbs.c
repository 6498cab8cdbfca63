/* The verbs: what they answer and refuse, and the states of a backfill. */
#include "store_rig.h"

#include <check.h>
#include <stdio.h>

#include "../../store/verbs.h"

static struct rig r;
static struct buf report;

static void setup(void)
{
    rig_init(&r);
}
static void teardown(void)
{
    rig_free(&r);
    buf_free(&report);
}

typedef int (*verb_fn)(struct store *s, struct span version, const struct verb_caller *by,
                       struct buf *report, struct err *e);
typedef int (*file_fn)(struct store *s, const char *file, struct span text,
                       const struct verb_caller *by, struct buf *report, struct err *e);

static int verb(verb_fn fn, const char *version)
{
    buf_reset(&report);
    err_clear(&r.err);
    return fn(r.s, span_of(version), NULL, &report, &r.err);
}

static int file(file_fn fn, const char *name, const char *yaml)
{
    buf_reset(&report);
    err_clear(&r.err);
    return fn(r.s, name, span_of(yaml), NULL, &report, &r.err);
}

#define ASSERT_SAYS(call, want)                                                                    \
    do {                                                                                           \
        ASSERT_OK(call);                                                                           \
        ck_assert_msg(strstr(buf_str(&report), want), "%s", buf_str(&report));                     \
    } while (0)

#define ITEMS 12

static const char dogs[] = "version: v1\n"
                           "types:\n"
                           "  Dog: {fields: {name: string, age: string, mark: string}}\n";
static const char ages[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - change_type: {type: Dog, field: age, to: integer, up: \"CAST(age AS INTEGER)\", "
    "down: \"CAST(age AS TEXT)\"}\n";
static const char marks[] =
    "version: v3\nfrom: v2\nmigrate:\n"
    "  - change_type: {type: Dog, field: mark, to: integer, up: \"CAST(mark AS INTEGER)\", "
    "down: \"CAST(mark AS TEXT)\"}\n";

static void put_dogs(void)
{
    char key[16], text[64];

    for (int i = 0; i < ITEMS; i++) {
        snprintf(key, sizeof key, "d%d", i);
        snprintf(text, sizeof text, "{\"name\": \"dog %d\", \"age\": \"%d\", \"mark\": \"7\"}", i, i);
        ASSERT_OK(rig_put(&r, "v1", "Dog", key, text));
    }
}

static void with_jobs(void)
{
    rig_reopen(&r, &(struct store_options){.create = true});
}

static void three_versions(void)
{
    with_jobs();
    ASSERT_OK(file(store_add, "v1.yaml", dogs));
    put_dogs();
    ASSERT_OK(file(store_add, "v2.yaml", ages));
    ASSERT_OK(file(store_add, "v3.yaml", marks));
}

static const struct version_status *status_of(struct store_status *st, const char *version)
{
    for (size_t i = 0; i < st->n; i++)
        if (!strcmp(st->versions[i].name, version))
            return &st->versions[i];
    ck_abort_msg("no version %s", version);
}

static const char *state_of(const char *version)
{
    struct store_status st;
    const char *name;

    ASSERT_OK(store_status(r.s, &st, &r.err));
    name = backfill_state_names[status_of(&st, version)->backfill];
    store_status_free(&st);
    return name;
}

#define ASSERT_STATE(version, want) ck_assert_str_eq(state_of(version), want)

/* An item a second: it is under way for as long as a test takes. */
static void start_slowly(const char *version)
{
    ASSERT_OK(store_backfill_rate(r.s, 1, NULL, &r.err));
    ASSERT_OK(verb(store_backfill, version));
    ASSERT_STATE(version, "running");
}

static void finish(const char *version)
{
    ASSERT_OK(store_backfill_rate(r.s, 0, NULL, &r.err));
    ck_assert_int_eq(store_wait_jobs(r.s, 20000, NULL), 0);
    ASSERT_STATE(version, "done");
}

/* ---- backfill ---- */

START_TEST(backfill__is_paused_and_resumed)
{
    three_versions();
    ASSERT_STATE("v1", "not_needed");
    ASSERT_STATE("v2", "needed");
    start_slowly("v2");
    ASSERT_SAYS(verb(store_backfill, "v2"), "backfill of v2 is running");
    ck_assert_int_eq(store_wait_jobs(r.s, 20, NULL), 1);
    ASSERT_SAYS(verb(store_backfill, "pause"), "backfill paused at ");
    ASSERT_STATE("v2", "paused");
    ck_assert_int_eq(store_wait_jobs(r.s, 0, NULL), 0);
    ASSERT_SAYS(verb(store_backfill, "pause"), "backfill paused at ");
    ASSERT_SAYS(verb(store_backfill, "resume"), "backfill resumed at ");
    ASSERT_STATE("v2", "running");
    finish("v2");
    ASSERT_SAYS(verb(store_backfill, "v2"), "nothing to do");
    ASSERT_REFUSED(verb(store_backfill, "resume"), ERR_INVALID, "no backfill is running");
}
END_TEST

START_TEST(backfill__is_cancelled_and_begins_anew)
{
    three_versions();
    start_slowly("v2");
    ASSERT_SAYS(verb(store_backfill, "cancel"), "backfill cancelled at ");
    ASSERT_STATE("v2", "needed");
    ASSERT_REFUSED(verb(store_backfill, "cancel"), ERR_INVALID, "no backfill is running");
    ASSERT_SAYS(verb(store_backfill, "v2"), "started, 12 items");
    finish("v2");
}
END_TEST

START_TEST(backfill__of_another_version_waits_for_the_first)
{
    three_versions();
    start_slowly("v2");
    ASSERT_REFUSED(verb(store_backfill, "v3"), ERR_BUSY, "the backfill of v2 is not finished");
    ASSERT_OK(verb(store_backfill, "pause"));
    ASSERT_REFUSED(verb(store_backfill, "v3"), ERR_BUSY, "the backfill of v2 is not finished");
    ASSERT_OK(verb(store_backfill, "v2"));
    finish("v2");
    ASSERT_OK(verb(store_backfill, "v3"));
    finish("v3");
}
END_TEST

START_TEST(backfill__goes_on_by_itself_and_stays_paused)
{
    three_versions();
    start_slowly("v2");
    ck_assert_uint_eq(store_backfill_rate_get(r.s), 1);
    with_jobs();
    ASSERT_STATE("v2", "running");
    ck_assert_uint_eq(store_backfill_rate_get(r.s), 1);
    ASSERT_OK(verb(store_backfill, "pause"));
    with_jobs();
    ASSERT_STATE("v2", "paused");
    ASSERT_OK(verb(store_backfill, "resume"));
    finish("v2");
}
END_TEST

START_TEST(backfill__of_what_is_not_there)
{
    three_versions();
    ASSERT_REFUSED(verb(store_backfill, "v4"), ERR_NOT_FOUND, "v4");
    ASSERT_REFUSED(verb(store_backfill, "paus"), ERR_NOT_FOUND, "paus");
    ASSERT_SAYS(verb(store_backfill, "v1"), "nothing to do");
}
END_TEST

/* Nothing goes on with it there, whatever its row says. */
START_TEST(backfill__of_a_read_only_store_is_paused)
{
    three_versions();
    start_slowly("v2");
    rig_reopen(&r, &(struct store_options){.read_only = true});
    ASSERT_STATE("v2", "paused");
    ASSERT_REFUSED(verb(store_backfill, "resume"), ERR_READ_ONLY, "read-only");
    err_clear(&r.err);
    ASSERT_REFUSED(store_backfill_rate(r.s, 5, NULL, &r.err), ERR_READ_ONLY, "read-only");
    ck_assert_uint_eq(store_backfill_rate_get(r.s), 0);
}
END_TEST

START_TEST(revert__ends_the_backfill_of_what_goes)
{
    three_versions();
    start_slowly("v3");
    ASSERT_OK(verb(store_revert, "v2"));
    ck_assert_int_eq(store_wait_jobs(r.s, 0, NULL), 0);
    ASSERT_OK(file(store_add, "v2.yaml", ages));
    ASSERT_STATE("v2", "needed");
}
END_TEST

/* ---- add, check ---- */

START_TEST(add__under_a_name_that_is_taken)
{
    three_versions();
    ASSERT_OK(file(store_add, "v2.yaml", ages));
    ASSERT_REFUSED(file(store_add, "v2.yaml",
                        "version: v2\nfrom: v1\nmigrate:\n"
                        "  - rename_field: {type: Dog, from: age, to: years}\n"),
                   ERR_EXISTS, "rename_field: {type: Dog, from: age, to: years}");
    ck_assert_uint_eq(r.err.line, 4);
    ASSERT_REFUSED(file(store_add, "v2.yaml", "version: v2\nfrom: v1\nmigrate:\n"), ERR_EXISTS,
                   "change_type");
}
END_TEST

START_TEST(add__of_a_file_that_is_called_otherwise)
{
    three_versions();
    ASSERT_REFUSED(file(store_add, "v5.yaml", "from: v3\nversion: v4\nmigrate: []\n"), ERR_INVALID,
                   "the file is version v4, its name another");
    ck_assert_uint_eq(r.err.line, 2);
}
END_TEST

START_TEST(add__from_a_version_that_is_not_live)
{
    three_versions();
    ASSERT_OK(verb(store_revert, "v3"));
    ASSERT_REFUSED(file(store_add, "v4.yaml", "version: v4\nfrom: v3\nmigrate: []\n"), ERR_INVALID,
                   "from: v3 is not a live version");
    ck_assert_uint_eq(r.err.line, 2);
    ASSERT_REFUSED(file(store_add, "v4.yaml", "version: v4\nmigrate: []\n"), ERR_INVALID,
                   "\"from\" is missing: v2 is live");
    ASSERT_REFUSED(file(store_add, "v4.yaml", "version: v4\ntypes:\n  Cat: {fields: {a: string}}\n"),
                   ERR_INVALID, "\"from\" is missing");
}
END_TEST

START_TEST(add__wakes_what_was_reverted)
{
    three_versions();
    ASSERT_OK(rig_put(&r, "v3", "Dog", "new", "{\"mark\": 41}"));
    ASSERT_OK(verb(store_revert, "v3"));
    ASSERT_SAYS(file(store_check, "v3.yaml", marks), "");
    ASSERT_OK(file(store_add, "v3.yaml", marks));
    ASSERT_LINE("v3", "Dog", "new", "{\"_key\": \"new\", \"mark\": 41}");
}
END_TEST

START_TEST(add__restores_no_field_whose_values_finalize_dropped)
{
    three_versions();
    ASSERT_OK(file(store_add, "v4.yaml",
                   "version: v4\nfrom: v3\nmigrate:\n  - remove_field: {type: Dog, field: name}\n"));
    ASSERT_OK(verb(store_backfill, "v4"));
    finish("v4");
    ASSERT_OK(verb(store_finalize, "v4"));
    ASSERT_REFUSED(file(store_add, "v5.yaml",
                        "version: v5\nfrom: v4\nmigrate:\n"
                        "  - restore_field: {type: Dog, field: name, from: v3}\n"),
                   ERR_INVALID, "Dog.name");
}
END_TEST

START_TEST(check__changes_nothing)
{
    three_versions();
    ASSERT_SAYS(file(store_check, "v4.yaml",
                     "version: v4\nfrom: v3\nmigrate:\n"
                     "  - remove_field: {type: Dog, field: name}\n"),
                "12 items");
    ASSERT_REFUSED(verb(store_verify, "v4"), ERR_NOT_FOUND, "v4");
    ASSERT_OK(file(store_check, "v3.yaml", marks));
    rig_reopen(&r, &(struct store_options){.read_only = true});
    ASSERT_OK(file(store_check, "v4.yaml", "version: v4\nfrom: v3\nmigrate: []\n"));
}
END_TEST

START_TEST(add_unique__names_three_pairs_and_more)
{
    three_versions();
    ASSERT_REFUSED(file(store_add, "v4.yaml",
                        "version: v4\nfrom: v3\nmigrate:\n"
                        "  - add_unique: {type: Dog, fields: [mark]}\n"),
                   ERR_EXISTS, "Dog.mark is not unique: \"d0\" and \"d1\" both have 7; ");
    ck_assert_msg(strstr(r.err.text, "\"d3\" both have 7; and more"), "%s", r.err.text);
    ASSERT_REFUSED(file(store_check, "v4.yaml",
                        "version: v4\nfrom: v3\nmigrate:\n"
                        "  - add_unique: {type: Dog, fields: [mark]}\n"),
                   ERR_EXISTS, "mark is not unique");
}
END_TEST

/* ---- verify ---- */

/* A mend that does not mend: nobody has damaged these. */
START_TEST(verify__counts_what_a_check_would_refuse)
{
    three_versions();
    ASSERT_OK(verb(store_verify, "v3"));
    ASSERT_OK(file(store_add, "v4.yaml",
                   "version: v4\nfrom: v3\nmigrate:\n"
                   "  - add_check: {type: Dog, check: \"age < 10\", up: \"age\"}\n"));
    ASSERT_SAYS(verb(store_verify, "v4"), "except: 2 items are shown with what a check refuses");
    ck_assert_msg(strstr(buf_str(&report), "the first: Dog \"d10\" through v4"), "%s", buf_str(&report));
    ck_assert_msg(strstr(buf_str(&report), "check \"age < 10\" does not hold"), "%s", buf_str(&report));
    ASSERT_OK(rig_put(&r, "v4", "Dog", "d10", "{\"name\": \"dog 10\", \"age\": 1}"));
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "d11"));
    ASSERT_OK(verb(store_verify, "v4"));
    ck_assert_msg(!strstr(buf_str(&report), "except"), "%s", buf_str(&report));
}
END_TEST

START_TEST(verify__of_what_is_not_live)
{
    three_versions();
    ASSERT_REFUSED(verb(store_verify, "v9"), ERR_NOT_FOUND, "v9");
    ASSERT_OK(verb(store_revert, "v3"));
    ASSERT_REFUSED(verb(store_verify, "v3"), ERR_NOT_FOUND, "v3");
}
END_TEST

static bool always(void *arg)
{
    (void)arg;
    return true;
}

START_TEST(interrupted__verify_says_so)
{
    struct verb_caller by = {.interrupted = always};

    three_versions();
    buf_reset(&report);
    err_clear(&r.err);
    ASSERT_REFUSED(store_verify(r.s, span_of("v3"), &by, &report, &r.err), ERR_INTERRUPTED,
                   "interrupted");
}
END_TEST

/* ---- finalize, revert ---- */

START_TEST(finalize__wants_a_backfill)
{
    three_versions();
    ASSERT_REFUSED(verb(store_finalize, "v2"), ERR_BUSY, "v2 is not backfilled");
    ASSERT_REFUSED(verb(store_finalize, "v8"), ERR_NOT_FOUND, "v8");
    start_slowly("v2");
    ASSERT_REFUSED(verb(store_finalize, "v2"), ERR_BUSY, "v2 is not backfilled");
    finish("v2");
    ASSERT_OK(verb(store_finalize, "v2"));
    ASSERT_REFUSED(verb(store_revert, "v2"), ERR_BUSY, "the oldest version");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbs");
    TCase *t = tcase_create("verbs");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, backfill__is_paused_and_resumed);
    tcase_add_test(t, backfill__is_cancelled_and_begins_anew);
    tcase_add_test(t, backfill__of_another_version_waits_for_the_first);
    tcase_add_test(t, backfill__goes_on_by_itself_and_stays_paused);
    tcase_add_test(t, backfill__of_what_is_not_there);
    tcase_add_test(t, backfill__of_a_read_only_store_is_paused);
    tcase_add_test(t, revert__ends_the_backfill_of_what_goes);
    tcase_add_test(t, add__under_a_name_that_is_taken);
    tcase_add_test(t, add__of_a_file_that_is_called_otherwise);
    tcase_add_test(t, add__from_a_version_that_is_not_live);
    tcase_add_test(t, add__wakes_what_was_reverted);
    tcase_add_test(t, add__restores_no_field_whose_values_finalize_dropped);
    tcase_add_test(t, check__changes_nothing);
    tcase_add_test(t, add_unique__names_three_pairs_and_more);
    tcase_add_test(t, verify__counts_what_a_check_would_refuse);
    tcase_add_test(t, verify__of_what_is_not_live);
    tcase_add_test(t, interrupted__verify_says_so);
    tcase_add_test(t, finalize__wants_a_backfill);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int bad = srunner_ntests_failed(runner);
    srunner_free(runner);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
