/* History: which changes leave a revision, how it reads through every version. */
#include "history_rig.h"

#include <check.h>

#include "../../store/history.h"

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

/* ---- Which changes ---- */

START_TEST(write__what_was_replaced_is_a_revision)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"name\":  \"Rex\"}");
    COUNT(0);
    HISTORY("v1", "Dog", "rex", "(none)");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rexi\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rexo\"}");
    HISTORY("v1", "Dog", "rex", "{\"name\": \"Rex\"}; {\"name\": \"Rexi\"}");
    ck_assert_str_eq(rig_history_names(&r, "v1", "Dog"), "rex");
    rig_reopen(&r, NULL);
    PUT("v1", "Dog", "rex", "{}");
    HISTORY("v1", "Dog", "rex", "{\"name\": \"Rex\"}; {\"name\": \"Rexi\"}; {\"name\": \"Rexo\"}");
}
END_TEST

START_TEST(write__unchanged_content_makes_none)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"age\": 3}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"age\": 3}");
    PUT("v1", "Dog", "rex", "{ \"age\": 3,  \"name\": \"Rex\" }");
    COUNT(0);
    ck_assert_str_eq(rig_history_names(&r, "v1", "Dog"), "");
}
END_TEST

START_TEST(write__a_refused_one_makes_none)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"age\": 3}");
    ASSERT_REFUSED(rig_put(&r, "v1", "Dog", "rex", "{\"age\": \"old\"}"), ERR_INVALID, "");
    COUNT(0);
}
END_TEST

START_TEST(backfill__makes_none)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"age\": 3, \"breed\": \"Pug\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_type: {type: Dog, field: age, to: string}\n"
                "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n");
    rig_backfill(&r);
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Pug");
    COUNT(0);
}
END_TEST

START_TEST(delete__the_last_content_stays_under_its_key)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\"}");
    PUT("v1", "Dog", "max", "{\"name\": \"Max\"}");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    HISTORY("v1", "Dog", "rex", "{\"name\": \"Rex\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex II\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex 2\"}");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    HISTORY("v1", "Dog", "rex", "{\"name\": \"Rex\"}; {\"name\": \"Rex II\"}; {\"name\": \"Rex 2\"}");
    ck_assert_str_eq(rig_history_names(&r, "v1", "Dog"), "rex");
    PUT("v1", "Dog", "rex", "{}");
    HISTORY("v1", "Dog", "rex", "{\"name\": \"Rex\"}; {\"name\": \"Rex II\"}; {\"name\": \"Rex 2\"}");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "max"));
    ck_assert_str_eq(rig_history_names(&r, "v1", "Dog"), "max rex");
}
END_TEST

START_TEST(rename__takes_the_history_along)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rexi\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "fido"));
    HISTORY("v1", "Dog", "rex", "(none)");
    HISTORY("v1", "Dog", "fido", "{\"name\": \"Rex\"}");
    PUT("v1", "Dog", "max", "{\"name\": \"Max\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "max", "fido"));
    HISTORY("v1", "Dog", "fido", "{\"name\": \"Rex\"}; {\"name\": \"Rexi\"}");
    ck_assert_str_eq(rig_history_names(&r, "v1", "Dog"), "fido");
}
END_TEST

START_TEST(rename__onto_another_item_with_formulas_over_the_key)
{
    rig_add(&r, "version: v1\ntypes: {Dog: {fields: {age: integer}}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - compute_field: {type: Dog, field: title, as: string, "
                "value: \"upper(_key) || age\"}\n");
    PUT("v1", "Dog", "rex", "{\"age\": 1}");
    PUT("v1", "Dog", "max", "{\"age\": 2}");
    rig_backfill(&r);
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "max", "rex"));
    ck_assert_ptr_nonnull(strstr(rig_history(&r, "v2", "Dog", "rex"), "REX1"));
}
END_TEST

START_TEST(off__nothing_is_kept_and_what_is_there_stays)
{
    struct store_options off = {.no_jobs = true, .no_history = true};

    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\"}");
    PUT("v1", "Dog", "max", "{\"name\": \"Max\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rexi\"}");
    rig_reopen(&r, &off);
    PUT("v1", "Dog", "rex", "{\"name\": \"Rexo\"}");
    PUT("v1", "Dog", "max", "{\"name\": \"Maxi\"}");
    COUNT(1);
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "fido"));
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "fido"));
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "max"));
    COUNT(1);
    HISTORY("v1", "Dog", "fido", "{\"name\": \"Rex\"}");
    ck_assert_str_eq(rig_history_names(&r, "v1", "Dog"), "fido");
}
END_TEST

START_TEST(attr__of_a_deleted_item_holds_for_its_revisions)
{
    struct store_options off = {.no_jobs = true, .no_history = true};
    struct item_stat a = {.mode = 0600}, got = {0};
    const struct version *v;
    struct catalog *c;

    rig_add(&r, dogs);
    v = rig_version(&r, "v1");
    PUT("v1", "Dog", "rex", "{}");
    ASSERT_OK(store_set_attr(r.s, v, rig_type(v, "Dog"), rig_number(&r, "v1", "Dog", "rex"),
                             ATTR_MODE, &a, &r.err));
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    c = store_catalog(r.s);
    ASSERT_OK(store_history_read(r.s, c, v, rig_type(v, "Dog"), 1, &got, NULL, &r.err));
    catalog_unref(c);
    ck_assert(got.has_mode && got.mode == 0600);
    rig_reopen(&r, &off);
    v = rig_version(&r, "v1");
    PUT("v1", "Dog", "max", "{}");
    ASSERT_OK(store_set_attr(r.s, v, rig_type(v, "Dog"), rig_number(&r, "v1", "Dog", "max"),
                             ATTR_MODE, &a, &r.err));
    ASSERT_SQL("SELECT count(*) FROM attr WHERE number > 0", 2);
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "max"));
    ASSERT_SQL("SELECT count(*) FROM attr WHERE number > 0", 1);
}
END_TEST

/* ---- Through versions ---- */

START_TEST(versions__a_revision_from_before_a_version_reads_in_it)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"age\": 3, \"breed\": \"Pug\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"age\": 4, \"breed\": \"Lab\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - rename_field: {type: Dog, from: name, to: title}\n"
                "  - change_type: {type: Dog, field: age, to: string}\n"
                "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n");
    HISTORY("v2", "Dog", "rex", "{ \"title\": \"Rex\", \"age\": \"3\", \"breed\": \"Pug\" }");
    HISTORY("v1", "Dog", "rex", "{\"name\": \"Rex\", \"age\": 3, \"breed\": \"Pug\"}");
    PUT("v2", "Dog", "rex", "{\"title\": \"Rex\", \"age\": \"old\", \"breed\": \"Lab\"}");
    rig_backfill(&r);
    HISTORY("v2", "Dog", "rex",
            "{ \"title\": \"Rex\", \"age\": \"3\", \"breed\": \"Pug\" }; "
            "{ \"title\": \"Rex\", \"age\": \"4\", \"breed\": \"Lab\" }");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rexi\"}");
    HISTORY("v1", "Dog", "rex",
            "{\"name\": \"Rex\", \"age\": 3, \"breed\": \"Pug\"}; "
            "{\"name\": \"Rex\", \"age\": 4, \"breed\": \"Lab\"}; "
            "{ \"name\": \"Rex\", \"breed\": \"Lab\" }");
}
END_TEST

static int gone_op(struct store_tx *tx, void *arg, struct err *e)
{
    (void)arg;
    return history_note_finalized(tx, 1, e);
}

START_TEST(versions__what_a_gone_version_knew_still_gives_the_values_of_those_that_stay)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"age\": 3, \"breed\": \"Pug\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"age\": 4}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_type: {type: Dog, field: age, to: string}\n"
                "  - remove_field: {type: Dog, field: breed}\n");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"age\": \"old\"}");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    ASSERT_OK(store_write(r.s, 0, gone_op, NULL, &r.err));
    HISTORY("v2", "Dog", "rex",
            "{ \"name\": \"Rex\", \"age\": \"3\" }; { \"name\": \"Rex\", \"age\": \"4\" }");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - rename_field: {type: Dog, from: age, to: years}\n");
    rig_reopen(&r, NULL);
    HISTORY("v3", "Dog", "rex",
            "{ \"name\": \"Rex\", \"years\": \"3\" }; { \"name\": \"Rex\", \"years\": \"4\" }; "
            "{ \"name\": \"Rex\", \"years\": \"old\" }");
}
END_TEST

START_TEST(keys__each_version_lists_by_those_it_shows)
{
    rig_add(&r, dogs);
    PUT("v1", "Dog", "early", "{\"name\": \"E\"}");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "early"));
    PUT("v1", "Dog", "a", "{\"name\": \"Rex\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_key: {type: Dog, up: \"'x-' || _key\", down: \"substr(_key, 3)\"}\n");
    PUT("v1", "Dog", "a", "{\"name\": \"Rexi\"}");
    HISTORY("v1", "Dog", "a", "{\"name\": \"Rex\"}");
    HISTORY("v2", "Dog", "x-a", "{ \"name\": \"Rex\" }");
    HISTORY("v2", "Dog", "a", "(none)");
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "x-a", "x-b"));
    HISTORY("v1", "Dog", "b", "{\"name\": \"Rex\"}");
    ASSERT_OK(rig_delete(&r, "v2", "Dog", "x-b"));
    HISTORY("v2", "Dog", "x-b", "{ \"name\": \"Rex\" }; { \"name\": \"Rexi\" }");
    HISTORY("v1", "Dog", "b", "{\"name\": \"Rex\"}; {\"name\": \"Rexi\"}");
    HISTORY("v2", "Dog", "early", "{ \"name\": \"E\" }");
    ck_assert_str_eq(rig_history_names(&r, "v1", "Dog"), "early b");
    ck_assert_str_eq(rig_history_names(&r, "v2", "Dog"), "early x-b");
}
END_TEST

/* ---- Other items ---- */

START_TEST(references__show_the_key_their_target_has_now_or_had_last)
{
    rig_add(&r, "version: v1\ntypes:\n"
                "  Person: {fields: {name: string}}\n"
                "  Dog: {fields: {owner: {type: ref<Person>, on_delete: unset}}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Person", "bob", "{}");
    PUT("v1", "Dog", "rex", "{\"owner\":  \"ann\"}");
    PUT("v1", "Dog", "rex", "{\"owner\":  \"bob\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Person", "ann", "anna"));
    HISTORY("v1", "Dog", "rex", "{ \"owner\": \"anna\" }");
    ASSERT_OK(rig_delete(&r, "v1", "Person", "bob"));
    HISTORY("v1", "Dog", "rex", "{ \"owner\": \"anna\" }; {\"owner\": \"bob\"}");
    ASSERT_OK(rig_delete(&r, "v1", "Person", "anna"));
    HISTORY("v1", "Dog", "rex", "{ \"owner\": \"anna\" }; {\"owner\": \"bob\"}");
}
END_TEST

START_TEST(extract__what_a_record_held_then_is_shown_also_when_it_is_gone)
{
    rig_add(&r, dogs);
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n");
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Pug\"}");
    PUT("v2", "Breed", "Pug", "{\"name\": \"Mops\"}");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Lab\"}");
    HISTORY("v1", "Dog", "rex", "{ \"breed\": \"Mops\" }");
    HISTORY("v2", "Breed", "Pug", "{ \"name\": \"Pug\" }");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Box\"}"); /* nothing refers to Lab any more */
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Pug Box");
    HISTORY("v2", "Breed", "Lab", "{ \"name\": \"Lab\" }");
    HISTORY("v1", "Dog", "rex", "{ \"breed\": \"Mops\" }; {\"breed\": \"Lab\"}");
    HISTORY("v2", "Dog", "rex", "{ \"breed\": \"Pug\" }; { \"breed\": \"Lab\" }");
    PUT("v2", "Breed", "Pug", "{\"name\": \"Carlin\"}");
    HISTORY("v1", "Dog", "rex", "{ \"breed\": \"Mops\" }; {\"breed\": \"Lab\"}");
}
END_TEST

START_TEST(move__a_write_through_the_old_side_leaves_one_of_each_item)
{
    rig_add(&r, "version: v1\ntypes:\n"
                "  Person: {fields: {name: string}}\n"
                "  Dog: {fields: {city: string, owner: ref<Person>}}\n");
    PUT("v1", "Person", "ann", "{\"name\": \"Ann\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Oslo\", \"owner\": \"ann\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n");
    rig_backfill(&r);
    ASSERT_LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Oslo\"}");
    COUNT(0);
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    HISTORY("v2", "Person", "ann", "{ \"name\": \"Ann\", \"city\": \"Oslo\" }");
    HISTORY("v1", "Dog", "rex", "{\"city\": \"Oslo\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Bonn\", \"owner\": \"ann\"}");
    HISTORY("v1", "Dog", "rex",
            "{\"city\": \"Oslo\", \"owner\": \"ann\"}; {\"city\": \"Rome\", \"owner\": \"ann\"}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("history");
    TCase *tc = tcase_create("history");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, write__what_was_replaced_is_a_revision);
    tcase_add_test(tc, write__unchanged_content_makes_none);
    tcase_add_test(tc, write__a_refused_one_makes_none);
    tcase_add_test(tc, backfill__makes_none);
    tcase_add_test(tc, delete__the_last_content_stays_under_its_key);
    tcase_add_test(tc, rename__takes_the_history_along);
    tcase_add_test(tc, rename__onto_another_item_with_formulas_over_the_key);
    tcase_add_test(tc, off__nothing_is_kept_and_what_is_there_stays);
    tcase_add_test(tc, attr__of_a_deleted_item_holds_for_its_revisions);
    tcase_add_test(tc, versions__a_revision_from_before_a_version_reads_in_it);
    tcase_add_test(tc, versions__what_a_gone_version_knew_still_gives_the_values_of_those_that_stay);
    tcase_add_test(tc, keys__each_version_lists_by_those_it_shows);
    tcase_add_test(tc, references__show_the_key_their_target_has_now_or_had_last);
    tcase_add_test(tc, extract__what_a_record_held_then_is_shown_also_when_it_is_gone);
    tcase_add_test(tc, move__a_write_through_the_old_side_leaves_one_of_each_item);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
