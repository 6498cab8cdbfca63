/* Names that change_key gives and parts that split_type makes: when they are derived, how they
 * follow, what fsck finds. */
#include "store_rig.h"

#include <check.h>
#include <stdio.h>

#include "../../store/verbs.h"

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
                           "  Dog: {fields: {name: string, chip: string}}\n"
                           "  Walk: {fields: {dog: ref<Dog>}}\n";
static const char by_chip[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - change_key: {type: Dog, up: chip, down: \"'dog-' || _key\"}\n";

static void put_dogs(void)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "1", "{\"name\": \"Rex\", \"chip\": \"a\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "2", "{\"name\": \"Max\", \"chip\": \"b\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "3", "{\"name\": \"Twin\", \"chip\": \"a\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Walk", "w", "{\"dog\": \"3\"}"));
}

static size_t findings(void)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    size_t n;

    ck_assert_int_eq(store_fsck(r.s, &report, &n, &r.err), 0);
    if (n)
        fprintf(stderr, "%s", buf_str(&report));
    return n;
}

#define NEW_NAMES "SELECT count(*) FROM name WHERE coll = (SELECT max(coll) FROM name)"
#define STRAY_NAMES                                                                                \
    "SELECT count(*) FROM name WHERE coll NOT IN (SELECT coll FROM count)"
#define DERIVED   "SELECT count(*) FROM link"

START_TEST(names__derived_by_the_first_use_of_the_type)
{
    put_dogs();
    rig_add(&r, by_chip);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "2", "{\"name\": \"Max\", \"chip\": \"c\"}"));
    ASSERT_SQL(DERIVED, 0);
    ASSERT_SQL(NEW_NAMES, 1); /* what is written is up to date */
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "a c a~2");
    ASSERT_SQL(DERIVED, 1);
    ASSERT_SQL(NEW_NAMES, 3);
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

START_TEST(names__derived_by_a_reference_to_the_type)
{
    put_dogs();
    rig_add(&r, by_chip);
    ASSERT_LINE("v2", "Walk", "w", "{\"_key\": \"w\", \"dog\": \"a~2\"}");
    ASSERT_SQL(DERIVED, 1);
    ASSERT_OK(rig_put(&r, "v2", "Walk", "x", "{\"dog\": \"b\"}"));
    ASSERT_LINE("v1", "Walk", "x", "{\"_key\": \"x\", \"dog\": \"2\"}");
    ASSERT_REFUSED(rig_put(&r, "v2", "Walk", "y", "{\"dog\": \"2\"}"), ERR_INVALID, "Dog");
}
END_TEST

START_TEST(names__are_the_same_after_backfill_and_reopening)
{
    put_dogs();
    rig_add(&r, by_chip);
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "a b a~2");
    rig_backfill(&r);
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "a b a~2");
    rig_reopen(&r, NULL);
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "a b a~2");
    ASSERT_LINE("v2", "Dog", "a~2", "{\"_key\": \"a~2\", \"name\": \"Twin\", \"chip\": \"a\"}");
}
END_TEST

/* A key that reads what another item of the type is called: who is brought up to date first, a backfill (_i == 0)
 * or a reader, does not matter, and no item stands in its own way. */
START_TEST(names__of_others_in_a_name)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string, mum: ref<Dog>}}\n");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "1", "{\"name\": \"A\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "2", "{\"name\": \"B\", \"mum\": \"1\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "3", "{\"name\": \"C\", \"mum\": \"2\"}"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_type: {type: Dog, field: mum, to: string, up: mum, down: mum}\n"
                "  - change_key: {type: Dog, up: \"name || coalesce('-' || mum, '')\", down: _key}\n");
    if (_i == 0)
        rig_backfill(&r);
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "A B-A C-B-A");
    rig_backfill(&r);
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "A B-A C-B-A");
    ASSERT_LINE("v2", "Dog", "C-B-A", "{\"_key\": \"C-B-A\", \"name\": \"C\", \"mum\": \"B-A\"}");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

#define SHORTER "  - change_key: {type: Dog, up: \"'p-' || _key\", down: \"substr(_key, 3)\"}\n"

/* Two steps give the same old names in one version (_i == 1) and in two: what is called in between is unique. */
START_TEST(names__between_two_steps_are_unique)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    if (_i == 0)
        rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n" SHORTER);
    rig_add(&r, _i ? "version: v3\nfrom: v1\nmigrate:\n" SHORTER SHORTER
                   : "version: v3\nfrom: v2\nmigrate:\n" SHORTER);
    ASSERT_OK(rig_put(&r, "v3", "Dog", "p-a", "{}"));
    ASSERT_OK(rig_put(&r, "v3", "Dog", "q-a", "{}"));
    ASSERT_OK(rig_put(&r, "v3", "Dog", "p-p-a", "{}"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "% 2 a");
    rig_backfill(&r);
    ASSERT_OK(rig_put(&r, "v3", "Dog", "r-a", "{}"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "% 2 a 3");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

START_TEST(names__each_change_of_one_is_told)
{
    put_dogs();
    rig_add(&r, by_chip);
    rig_keys(&r, "v2", "Dog");
    rig_changes(&r);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "1", "{\"name\": \"Rex\", \"chip\": \"z\"}"));
    ck_assert_ptr_nonnull(strstr(rig_changes(&r), "REMOVED a, ADDED z"));
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "z", "y"));
    ck_assert_ptr_nonnull(strstr(rig_changes(&r), "REMOVED 1, ADDED dog-y, REMOVED z, ADDED y"));
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "dog-y", "q"));
    ck_assert_str_eq(rig_changes(&r), "REMOVED dog-y, ADDED q, ITEM 1");
    ASSERT_OK(rig_delete(&r, "v2", "Dog", "y"));
    ck_assert_ptr_nonnull(strstr(rig_changes(&r), "REMOVED q, REMOVED y"));
}
END_TEST

START_TEST(names__a_hidden_key_comes_back_with_what_it_was_hidden_under)
{
    put_dogs();
    rig_add(&r, by_chip);
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "b", "mine"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "1 dog-mine 3");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "dog-mine", "{\"name\": \"Max\", \"chip\": \"other\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "a other a~2");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "dog-mine", "{\"name\": \"Max\", \"chip\": \"b\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "a mine a~2");
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "mine", "b"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "1 2 3");
}
END_TEST

/* The second of two writes by v3 leaves the name that it alone would have left, also where finalize took the
 * step that gave v2 its names. */
START_TEST(names__two_writes_after_finalize_leave_what_the_second_leaves)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - change_key: {type: Dog, up: _key, down: _key}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n  - change_key: {type: Dog, up: _key, down: name}\n");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    ASSERT_OK(rig_put(&r, "v2", "Dog", "x", "{\"name\": \"a\"}"));
    ASSERT_OK(rig_put(&r, "v3", "Dog", "x", "{\"name\": \"c\"}"));
    ASSERT_OK(rig_put(&r, "v2", "Dog", "c", "{\"name\": \"d\"}"));
    ASSERT_OK(rig_put(&r, "v3", "Dog", "x", "{\"name\": \"b\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "b");
    ASSERT_OK(rig_put(&r, "v3", "Dog", "x", "{\"name\": \"a\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "x");
}
END_TEST

/* Of two steps that finalize took, the second goes on from the first one's key, and so does a newer step. */
START_TEST(names__of_a_copied_type_are_given_by_finalized_steps_in_order)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - copy_type: {from: Dog, to: Pet}\n"
                "  - change_key: {type: Dog, up: \"'a-' || _key\", down: _key}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - change_key: {type: Dog, up: \"'b-' || _key\", down: _key}\n");
    rig_add(&r, "version: v4\nfrom: v3\nmigrate:\n"
                "  - change_key: {type: Dog, up: \"'c-' || _key\", down: _key}\n");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    ASSERT_OK(rig_put(&r, "v4", "Pet", "x", "{}"));
    ck_assert_str_eq(rig_keys(&r, "v3", "Dog"), "b-a-x");
    ck_assert_str_eq(rig_keys(&r, "v4", "Dog"), "c-b-a-x");
}
END_TEST

START_TEST(names__a_long_one_that_is_taken_is_shortened)
{
    char key[250], text[300];

    put_dogs();
    rig_add(&r, by_chip);
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = 0;
    snprintf(text, sizeof text, "{\"chip\": \"%s\"}", key);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "4", text));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "5", text));
    ck_assert_ptr_nonnull(strstr(rig_keys(&r, "v2", "Dog"), key));
    ck_assert_ptr_nonnull(strstr(rig_keys(&r, "v2", "Dog"), "~2"));
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

START_TEST(names__go_with_the_version_that_used_them)
{
    static const struct store_options with_jobs = {0};

    put_dogs();
    rig_add(&r, by_chip);
    rig_add(&r, "version: v1b\nfrom: v1\nmigrate:\n  - rename_type: {from: Dog, to: Hound}\n");
    rig_keys(&r, "v2", "Dog");
    rig_state(&r, "v2", VERSION_GONE);
    ck_assert_uint_eq(findings(), 0);
    ASSERT_OK(rig_delete(&r, "v1b", "Hound", "2"));
    ck_assert_uint_eq(findings(), 0);
    rig_reopen(&r, &with_jobs); /* what is left behind is swept */
    for (int i = 0; i < 300 && rig_sql(&r, STRAY_NAMES); i++)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    ASSERT_SQL(STRAY_NAMES, 0);
}
END_TEST

/* ---- Parts ---- */

static const char split[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - split_type: {type: Dog, into: {Tagged: chip IS NOT NULL, Wild: else}}\n";
#define MEMBERS "SELECT count(*) FROM member"

START_TEST(parts__derived_by_the_first_use_of_one)
{
    put_dogs();
    ASSERT_OK(rig_put(&r, "v1", "Dog", "4", "{\"name\": \"Wolf\"}"));
    rig_add(&r, split);
    ck_assert_int_eq(rig_count(&r, "v2", "Tagged"), -1);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "2", "{\"name\": \"Max\"}"));
    ASSERT_SQL(MEMBERS, 1); /* what is written is up to date */
    ck_assert_str_eq(rig_keys(&r, "v2", "Tagged"), "1 3");
    ck_assert_str_eq(rig_keys(&r, "v2", "Wild"), "2 4");
    ck_assert_int_eq(rig_count(&r, "v2", "Tagged"), 2);
    ASSERT_SQL(MEMBERS, 4);
    rig_backfill(&r);
    ck_assert_str_eq(rig_keys(&r, "v2", "Wild"), "2 4");
    rig_reopen(&r, NULL);
    ck_assert_str_eq(rig_keys(&r, "v2", "Tagged"), "1 3");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

START_TEST(parts__an_item_is_read_and_deleted_only_where_it_is)
{
    struct err e = ERR_INIT;
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct catalog *c;
    const struct version *v;
    uint64_t number;

    put_dogs();
    rig_add(&r, split);
    number = rig_number(&r, "v2", "Tagged", "1");
    v = rig_version(&r, "v2");
    c = store_catalog(r.s);
    ck_assert_int_eq(store_read(r.s, c, v, rig_type(v, "Wild"), number, NULL, &text, &e), -1);
    ck_assert_int_eq(e.code, ERR_NOT_FOUND);
    err_clear(&e);
    ck_assert_int_eq(store_delete(r.s, v, rig_type(v, "Wild"), number, &e), -1);
    ck_assert_int_eq(e.code, ERR_NOT_FOUND);
    err_clear(&e);
    ck_assert_int_eq(store_rename(r.s, v, rig_type(v, "Tagged"), rig_type(v, "Wild"), number,
                                  span_of("1"), true, &e),
                     0);
    ck_assert_int_eq(store_read(r.s, c, v, rig_type(v, "Wild"), number, NULL, &text, &e), 0);
    ck_assert_int_eq(store_delete(r.s, v, rig_type(v, "Wild"), number, &e), 0);
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "2 3");
    catalog_unref(c);
}
END_TEST

START_TEST(parts__a_key_stands_once_over_all_parts)
{
    put_dogs();
    rig_add(&r, split);
    ASSERT_REFUSED(rig_put(&r, "v2", "Wild", "1", "{}"), ERR_EXISTS, "another part");
    ASSERT_REFUSED(rig_append(&r, "v2", "Wild", "{\"_key\": \"1\"}\n"), ERR_EXISTS, "another part");
    ASSERT_OK(rig_put(&r, "v2", "Wild", "5", "{}"));
    ASSERT_REFUSED(rig_rename(&r, "v2", "Wild", "5", "1"), ERR_EXISTS, "another part");
    ck_assert_str_eq(rig_keys(&r, "v2", "Wild"), "5");
}
END_TEST

START_TEST(parts__each_move_is_told)
{
    put_dogs();
    rig_add(&r, split);
    rig_keys(&r, "v2", "Wild");
    rig_changes(&r);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "1", "{\"name\": \"Rex\"}"));
    ck_assert_str_eq(rig_changes(&r), "REMOVED 1, ADDED 1, ITEM 1");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "1", "{\"name\": \"Rexy\"}"));
    ck_assert_str_eq(rig_changes(&r), "ITEM 1");
}
END_TEST

START_TEST(parts__what_was_moved_by_hand_comes_back_with_its_values)
{
    put_dogs();
    rig_add(&r, split);
    ASSERT_OK(rig_put(&r, "v2", "Tagged", "1", "{\"name\": \"Rex\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Tagged"), "1 2 3");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "1", "{\"name\": \"King\"}")); /* not what it is split by */
    ck_assert_str_eq(rig_keys(&r, "v2", "Tagged"), "1 2 3");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "1", "{\"chip\": \"z\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "1", "{\"name\": \"King\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Tagged"), "1 2 3"); /* A, B, A */
    ASSERT_OK(rig_put(&r, "v1", "Dog", "2", "{\"name\": \"Max\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Wild"), "2");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

START_TEST(parts__the_only_one_left_takes_steps)
{
    put_dogs();
    rig_add(&r, split);
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n  - remove_field: {type: Walk, field: dog}\n"
                "  - remove_type: {type: Wild}\n  - add_field: {type: Tagged, field: size, as: integer}\n"
                "  - add_field: {type: Walk, field: with, as: ref<Tagged>}\n");
    ASSERT_OK(rig_put(&r, "v3", "Tagged", "1", "{\"size\": 7}"));
    ASSERT_OK(rig_put(&r, "v3", "Walk", "w", "{\"with\": \"1\"}"));
    ASSERT_LINE("v3", "Walk", "w", "{\"_key\": \"w\", \"with\": \"1\"}");
}
END_TEST

START_TEST(parts__go_with_the_version_that_has_them)
{
    static const struct store_options with_jobs = {0};

    put_dogs();
    rig_add(&r, split);
    rig_add(&r, "version: v1b\nfrom: v1\nmigrate:\n  - rename_type: {from: Dog, to: Hound}\n");
    rig_keys(&r, "v2", "Wild");
    rig_state(&r, "v2", VERSION_GONE);
    ck_assert_uint_eq(findings(), 0);
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "2"));
    rig_reopen(&r, &with_jobs);
    for (int i = 0; i < 300 && rig_sql(&r, MEMBERS); i++)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    ASSERT_SQL(MEMBERS, 0);
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_names");
    TCase *t = tcase_create("names");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, names__derived_by_the_first_use_of_the_type);
    tcase_add_test(t, names__derived_by_a_reference_to_the_type);
    tcase_add_test(t, names__are_the_same_after_backfill_and_reopening);
    tcase_add_loop_test(t, names__of_others_in_a_name, 0, 2);
    tcase_add_loop_test(t, names__between_two_steps_are_unique, 0, 2);
    tcase_add_test(t, names__each_change_of_one_is_told);
    tcase_add_test(t, names__a_hidden_key_comes_back_with_what_it_was_hidden_under);
    tcase_add_test(t, names__two_writes_after_finalize_leave_what_the_second_leaves);
    tcase_add_test(t, names__of_a_copied_type_are_given_by_finalized_steps_in_order);
    tcase_add_test(t, names__a_long_one_that_is_taken_is_shortened);
    tcase_add_test(t, names__go_with_the_version_that_used_them);
    tcase_add_test(t, parts__derived_by_the_first_use_of_one);
    tcase_add_test(t, parts__an_item_is_read_and_deleted_only_where_it_is);
    tcase_add_test(t, parts__a_key_stands_once_over_all_parts);
    tcase_add_test(t, parts__each_move_is_told);
    tcase_add_test(t, parts__what_was_moved_by_hand_comes_back_with_its_values);
    tcase_add_test(t, parts__the_only_one_left_takes_steps);
    tcase_add_test(t, parts__go_with_the_version_that_has_them);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int bad = srunner_ntests_failed(runner);
    srunner_free(runner);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
