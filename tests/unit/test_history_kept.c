/* History: what is kept of it, and the table that it is in. */
#include "history_rig.h"

#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include "../../store/history.h"
#include "../../store/tables.h"

static struct rig r;

static void setup(void)
{
    rig_init(&r);
}
static void teardown(void)
{
    rig_free(&r);
}

static const char dogs[] = "version: v1\n"
                           "types:\n"
                           "  Dog: {fields: {name: string, age: integer, breed: string}}\n";

/* ---- The rule ---- */

static const struct store_options few = {.history_count = 3};

/* The trimming thread looks again at the latest after a second or two. */
static void wait_for_count(int64_t n)
{
    for (int i = 0; i < 1000 && rig_sql(&r, "SELECT count(*) FROM history") != n; i++)
        usleep(10000);
    COUNT(n);
}

START_TEST(trim__the_newest_of_each_item_stay)
{
    char text[64];

    rig_reopen(&r, &few);
    rig_add(&r, dogs);
    for (int i = 0; i < 400; i++) {
        snprintf(text, sizeof text, "{\"age\": %d}", i);
        PUT("v1", "Dog", i % 2 ? "rex" : "max", text);
    }
    PUT("v1", "Dog", "one", "{}");
    PUT("v1", "Dog", "one", "{\"age\": 1}");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "max"));
    wait_for_count(7);
    HISTORY("v1", "Dog", "rex", "{\"age\": 393}; {\"age\": 395}; {\"age\": 397}");
    HISTORY("v1", "Dog", "max", "{\"age\": 394}; {\"age\": 396}; {\"age\": 398}");
    HISTORY("v1", "Dog", "one", "{}");
}
END_TEST

START_TEST(trim__what_is_too_old_goes_and_the_modes_with_it)
{
    struct store_options young = {.history_age_s = 1};
    struct item_stat a = {.mode = 0600};
    const struct version *v;

    rig_add(&r, dogs);
    v = rig_version(&r, "v1");
    PUT("v1", "Dog", "rex", "{}");
    ASSERT_OK(store_set_attr(r.s, v, rig_type(v, "Dog"), rig_number(&r, "v1", "Dog", "rex"),
                             ATTR_MODE, &a, &r.err));
    PUT("v1", "Dog", "max", "{}");
    ASSERT_OK(store_set_attr(r.s, v, rig_type(v, "Dog"), rig_number(&r, "v1", "Dog", "max"),
                             ATTR_MODE, &a, &r.err));
    PUT("v1", "Dog", "max", "{\"age\": 1}");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    usleep(1100000);
    rig_reopen(&r, &young);
    wait_for_count(0);
    HISTORY("v1", "Dog", "rex", "(none)");
    ASSERT_SQL("SELECT count(*) FROM attr WHERE number > 0", 1);
}
END_TEST

START_TEST(sweep__revisions_of_types_that_are_gone_go)
{
    struct store_options jobs = {0};

    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {age: integer}}\n  Cat: {fields: {}}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Dog", "rex", "{\"age\": 1}");
    PUT("v1", "Dog", "max", "{}");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "max"));
    PUT("v1", "Cat", "tom", "{}");
    ASSERT_OK(rig_delete(&r, "v1", "Cat", "tom"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate: [remove_type: {type: Dog}]\n");
    rig_state(&r, "v1", VERSION_GONE);
    COUNT(3);
    rig_reopen(&r, &jobs);
    wait_for_count(1);
    HISTORY("v2", "Cat", "tom", "{}");
}
END_TEST

/* ---- The table ---- */

START_TEST(format__a_store_from_before_history_gets_the_table)
{
    struct store_options ro = {.read_only = true, .no_jobs = true};
    struct store *s;
    sqlite3 *db;

    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"age\": 1}");
    store_close(r.s);
    r.s = NULL;
    ck_assert_int_eq(sqlite3_open(r.path, &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(db, "DROP TABLE history; DROP TABLE gone; DROP TABLE member; "
                         "PRAGMA user_version = 1",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    ASSERT_REFUSED(store_open(r.path, &ro, &s, &r.err), ERR_INVALID, "has format 1: mount it once");
    rig_reopen(&r, NULL);
    ASSERT_SQL("PRAGMA user_version", STORE_FORMAT);
    PUT("v1", "Dog", "rex", "{\"age\": 2}");
    HISTORY("v1", "Dog", "rex", "{\"age\": 1}");
    rig_reopen(&r, &ro);
    HISTORY("v1", "Dog", "rex", "{\"age\": 1}");
}
END_TEST

START_TEST(format__a_table_too_many_or_too_few_is_refused)
{
    static const char *const damages[] = {
        "PRAGMA user_version = 1",             /* with the tables of 3 and later */
        "PRAGMA user_version = 2",
        "PRAGMA user_version = 3; DROP TABLE history",
        "PRAGMA user_version = 1; DROP TABLE made",
        "PRAGMA user_version = 0",
    };
    struct store *s;
    sqlite3 *db;

    store_close(r.s);
    r.s = NULL;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        ck_assert_int_eq(sqlite3_open(r.path, &db), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(db, damages[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        err_clear(&r.err);
        ASSERT_REFUSED(store_open(r.path, &(struct store_options){0}, &s, &r.err), ERR_INVALID, "");
    }
}
END_TEST

START_TEST(table__impossible_numbers_are_refused_or_an_error)
{
    struct store *s;
    sqlite3 *db;

    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"age\": 1}");
    PUT("v1", "Dog", "rex", "{\"age\": 2}");
    store_close(r.s);
    r.s = NULL;
    ck_assert_int_eq(sqlite3_open(r.path, &db), SQLITE_OK);
    sqlite3_exec(db, "UPDATE history SET at = 9223372036854775807", NULL, NULL, NULL);
    err_clear(&r.err);
    ASSERT_REFUSED(store_open(r.path, &(struct store_options){0}, &s, &r.err), ERR_INVALID,
                   "its last revision");
    sqlite3_exec(db, "UPDATE history SET at = 1, rev = 1 << 38", NULL, NULL, NULL);
    err_clear(&r.err);
    ASSERT_REFUSED(store_open(r.path, &(struct store_options){0}, &s, &r.err), ERR_INVALID,
                   "its last revision");
    sqlite3_exec(db, "UPDATE history SET rev = 1, body = x'01'", NULL, NULL, NULL);
    sqlite3_close(db);
    rig_reopen(&r, NULL);
    struct catalog *c = store_catalog(r.s);
    const struct version *v = rig_version(&r, "v1");
    struct item_stat stat;
    ASSERT_REFUSED(store_history_read(r.s, c, v, rig_type(v, "Dog"), 1, &stat, NULL, &r.err), ERR_IO,
                   "damaged");
    catalog_unref(c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("history_kept");
    TCase *tc = tcase_create("history_kept");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, trim__the_newest_of_each_item_stay);
    tcase_add_test(tc, trim__what_is_too_old_goes_and_the_modes_with_it);
    tcase_add_test(tc, sweep__revisions_of_types_that_are_gone_go);
    tcase_add_test(tc, format__a_store_from_before_history_gets_the_table);
    tcase_add_test(tc, format__a_table_too_many_or_too_few_is_refused);
    tcase_add_test(tc, table__impossible_numbers_are_refused_or_an_error);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
