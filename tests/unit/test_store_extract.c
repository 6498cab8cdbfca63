/* Types that extract_type derives: before and after the first listing, before and after backfill.
 */
#include "store_rig.h"

#include <check.h>
#include <stdio.h>

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
                           "  Dog: {fields: {name: string, breed: string}}\n";
static const char breeds[] = "version: v2\nfrom: v1\nmigrate:\n"
                             "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, "
                             "as: breed}\n";

static void put_dogs(const char *const *breed_of, size_t n)
{
    char key[32], text[64];

    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "d%zu", i);
        snprintf(text, sizeof text, "{\"breed\": \"%s\"}", breed_of[i]);
        ASSERT_OK(rig_put(&r, "v1", "Dog", key, text));
    }
}

static const char *const three[] = {"Lab", "Pug", "Lab"};

START_TEST(extract__derived_by_the_first_listing)
{
    rig_add(&r, dogs);
    put_dogs(three, 3);
    rig_add(&r, breeds);
    ck_assert_int_eq(rig_count(&r, "v2", "Breed"), -1);
    ASSERT_LINE("v2", "Dog", "d0", "{\"_key\": \"d0\", \"breed\": \"Lab\"}");
    ASSERT_SQL("SELECT count(*) FROM made", 0); /* foreseen, not made */
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Pug");
    ck_assert_int_eq(rig_count(&r, "v2", "Breed"), 2);
    ASSERT_LINE("v2", "Breed", "Lab", "{\"_key\": \"Lab\", \"name\": \"Lab\"}");
    ASSERT_LINE("v2", "Dog", "d2", "{\"_key\": \"d2\", \"breed\": \"Lab\"}");
    ASSERT_SQL("SELECT sum(holders) FROM origin", 3);
    rig_backfill(&r);
    ASSERT_SQL("SELECT sum(holders) FROM origin", 0);
    ASSERT_SQL("SELECT count(*) FROM ref", 3);
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Pug");
    ASSERT_LINE("v1", "Dog", "d2", "{\"_key\": \"d2\", \"breed\": \"Lab\"}");
}
END_TEST

/* Nobody has listed Name yet: an unused record of it would go on referring to the unused one of Breed. */
START_TEST(extract__no_record_stays_for_values_that_are_overwritten)
{
    rig_add(&r, dogs);
    put_dogs(three, 3);
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n"
                "  - extract_type: {type: Dog, fields: [breed], into: Name, as: breed}\n");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d1", "{}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab");
    ck_assert_str_eq(rig_keys(&r, "v2", "Name"), "Lab");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d1", "{\"breed\": \"Pug\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Pug");
}
END_TEST

START_TEST(extract__a_record_is_found_by_what_another_shows_in_it)
{
    rig_add(&r, dogs);
    rig_add(&r, breeds);
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Breed, fields: [name], into: Name, as: name}\n");
    ASSERT_OK(rig_put(&r, "v2", "Breed", "lab", "{\"name\": \"Lab\"}"));
    ASSERT_OK(rig_put(&r, "v3", "Name", "Lab", "{\"name\": \"Labrador\"}"));
    ASSERT_LINE("v2", "Breed", "lab", "{\"_key\": \"lab\", \"name\": \"Labrador\"}");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d0", "{\"breed\": \"Labrador\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "lab");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d0", "{\"breed\": \"Lab\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "lab Lab");
}
END_TEST

START_TEST(extract__an_edit_of_the_record_shows_in_all)
{
    static const char *const when[] = {"before", "after"};

    rig_add(&r, dogs);
    put_dogs(three, 3);
    rig_add(&r, breeds);
    for (int i = 0; i < 2; i++) {
        char text[64], line[64];
        snprintf(text, sizeof text, "{\"name\": \"Lab %s\"}", when[i]);
        snprintf(line, sizeof line, "{\"_key\": \"d0\", \"breed\": \"Lab %s\"}", when[i]);
        ASSERT_OK(rig_put(&r, "v2", "Breed", "Lab", text));
        ASSERT_LINE("v1", "Dog", "d0", line);
        ASSERT_LINE("v2", "Dog", "d0", "{\"_key\": \"d0\", \"breed\": \"Lab\"}");
        rig_backfill(&r);
        ASSERT_LINE("v1", "Dog", "d0", line);
    }
    rig_changes(&r);
    ASSERT_OK(rig_put(&r, "v2", "Breed", "Lab", "{\"name\": \"L\"}"));
    ck_assert_str_eq(rig_changes(&r), "ITEM 4, ITEM 1, ITEM 3");
}
END_TEST

START_TEST(extract__a_write_of_other_values_refers_to_another_record)
{
    rig_add(&r, dogs);
    put_dogs(three, 3);
    rig_add(&r, breeds);
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Pug");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d1", "{\"breed\": \"Lab\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab"); /* nobody refers to Pug */
    ASSERT_LINE("v2", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"Lab\"}");
    /* One that was written through the new side stays, and its key is taken. */
    ASSERT_OK(rig_put(&r, "v2", "Breed", "Lab", "{\"name\": \"Labrador\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d1", "{\"breed\": \"Lab\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Lab~2");
    ASSERT_LINE("v2", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"Lab~2\"}");
    ASSERT_LINE("v1", "Dog", "d0", "{\"_key\": \"d0\", \"breed\": \"Labrador\"}");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d0", "{\"breed\": \"X\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d2", "{\"breed\": \"X\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Lab~2 X");
    ASSERT_OK(rig_delete(&r, "v2", "Breed", "Lab"));
    ASSERT_REFUSED(rig_delete(&r, "v2", "Breed", "X"), ERR_BUSY, "Dog.breed of \"d");
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab~2 X");
}
END_TEST

START_TEST(extract__holders_from_before_the_step_restrict)
{
    rig_add(&r, dogs);
    put_dogs(three, 3);
    rig_add(&r, breeds);
    ASSERT_REFUSED(rig_delete(&r, "v2", "Breed", "Lab"), ERR_BUSY, "Dog.breed of \"d0\"");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "d0"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Pug");
    ASSERT_OK(rig_delete(&r, "v2", "Dog", "d2"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Pug");
    ASSERT_OK(rig_rename(&r, "v2", "Breed", "Pug", "Mops"));
    ASSERT_LINE("v2", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"Mops\"}");
    ASSERT_LINE("v1", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"Pug\"}");
    ASSERT_SQL("SELECT count(*) FROM extracted", 1);
}
END_TEST

START_TEST(extract__before_derivation_writes_make_the_same_records)
{
    rig_add(&r, dogs);
    put_dogs(three, 3);
    rig_add(&r, breeds);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d0", "{\"breed\": \"Lab\", \"name\": \"x\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "new", "{\"breed\": \"Pug\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "gone", "{\"breed\": \"Gone\"}"));
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "gone"));
    ASSERT_LINE("v2", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"Pug\"}");
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Pug");
    ASSERT_SQL("SELECT sum(holders) FROM origin", 2); /* d1, d2 */
    rig_reopen(&r, NULL);
    ck_assert_int_eq(rig_count(&r, "v2", "Breed"), 2);
    ASSERT_OK(rig_put(&r, "v2", "Breed", "Pug", "{\"name\": \"Mops\"}"));
    ASSERT_LINE("v1", "Dog", "new", "{\"_key\": \"new\", \"breed\": \"Mops\"}");
    ASSERT_LINE("v1", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"Mops\"}");
}
END_TEST

START_TEST(extract__a_key_expression_derives_before_it_is_read)
{
    static const char *const two[] = {"Lab", "LAB"};

    rig_add(&r, dogs);
    put_dogs(two, 2);
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed, "
                "key: \"lower(breed)\"}\n");
    ASSERT_LINE("v2", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"lab~2\"}");
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "lab lab~2");
}
END_TEST

START_TEST(extract__of_an_extracted_type)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {breed: string, land: string}}\n");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "a", "{\"breed\": \"Lab\", \"land\": \"ca\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "b", "{\"breed\": \"Newf\", \"land\": \"ca\"}"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {breed: name, land: land}, into: Breed, "
                "as: breed}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Breed, fields: {land: name}, into: Land, as: land}\n");
    ck_assert_str_eq(rig_keys(&r, "v3", "Land"), "ca");
    ck_assert_str_eq(rig_keys(&r, "v3", "Breed"), "Lab,ca Newf,ca");
    ASSERT_OK(rig_put(&r, "v3", "Land", "ca", "{\"name\": \"Canada\"}"));
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"breed\": \"Lab\", \"land\": \"Canada\"}");
    rig_backfill(&r);
    ASSERT_LINE("v1", "Dog", "b", "{\"_key\": \"b\", \"breed\": \"Newf\", \"land\": \"Canada\"}");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "b", "{\"breed\": \"Newf\", \"land\": \"us\"}"));
    ck_assert_str_eq(rig_keys(&r, "v3", "Land"), "ca us");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "b"));
    ck_assert_str_eq(rig_keys(&r, "v3", "Land"), "ca");
    ck_assert_str_eq(rig_keys(&r, "v3", "Breed"), "Lab,ca");
}
END_TEST

/* A record is called by the keys in its values: those of before a rename, whenever it is made. */
START_TEST(extract__of_a_reference_before_a_rename)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {owner: ref<Person>}}\n"
                "  Person: {fields: {name: string}}\n");
    ASSERT_OK(rig_put(&r, "v1", "Person", "ann", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"owner\": \"ann\"}"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: [owner], into: Home, as: home}\n");
    ASSERT_LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"home\": \"ann\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Person", "ann", "eve"));
    ASSERT_LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"home\": \"ann\"}");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "zoe", "{\"owner\": \"eve\"}"));
    ASSERT_LINE("v2", "Dog", "zoe", "{\"_key\": \"zoe\", \"home\": \"ann\"}");
    ck_assert_str_eq(rig_keys(&r, "v2", "Home"), "ann");
    ASSERT_LINE("v2", "Home", "ann", "{\"_key\": \"ann\", \"owner\": \"eve\"}");
    rig_backfill(&r);
    ASSERT_LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"home\": \"ann\"}");
}
END_TEST

/* Over inline_type, where nobody has looked at the type before. */
START_TEST(extract__a_record_that_is_given_a_value_is_not_that_of_older_items)
{
    rig_add(&r, dogs);
    put_dogs(three, 2);
    rig_add(&r, breeds);
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - inline_type: {type: Dog, ref: breed, fields: {name: breed_name}}\n");
    ASSERT_OK(rig_put(&r, "v3", "Dog", "d0", "{\"breed_name\": \"Pug\"}"));
    ASSERT_LINE("v2", "Dog", "d0", "{\"_key\": \"d0\", \"breed\": \"Lab\"}");
    ASSERT_LINE("v2", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"Pug\"}");
    rig_backfill(&r);
    ASSERT_LINE("v2", "Dog", "d1", "{\"_key\": \"d1\", \"breed\": \"Pug\"}");
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab Pug");
    ASSERT_LINE("v2", "Breed", "Lab", "{\"_key\": \"Lab\", \"name\": \"Pug\"}");
}
END_TEST

/* The reference of an extracted type restricts; a change_type behind it may say otherwise. */
static void extract_and(const char *on_delete)
{
    char text[512];

    rig_add(&r, dogs);
    put_dogs(three, 3);
    snprintf(text, sizeof text,
             "%s  - change_type: {type: Dog, field: breed, to: {type: ref<Breed>, on_delete: %s}}\n", breeds,
             on_delete);
    rig_add(&r, text);
}

/* With the last reference a record that was only extracted goes by itself: it is deleted all the same. */
START_TEST(extract__a_deleted_record_unsets_its_references)
{
    extract_and("unset");
    if (_i)
        rig_backfill(&r);
    ASSERT_OK(rig_delete(&r, "v2", "Breed", "Lab"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Pug");
    ASSERT_LINE("v1", "Dog", "d0", "{\"_key\": \"d0\"}");
    ASSERT_LINE("v2", "Dog", "d2", "{\"_key\": \"d2\"}");
    ASSERT_REFUSED(rig_delete(&r, "v2", "Breed", "Lab"), ERR_NOT_FOUND, "there is no Breed \"Lab\"");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d0", "{\"breed\": \"Lab\"}"));
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Pug Lab");
}
END_TEST

START_TEST(extract__a_deleted_record_takes_its_holders_along)
{
    extract_and("cascade");
    if (_i)
        rig_backfill(&r);
    ASSERT_OK(rig_delete(&r, "v2", "Breed", "Lab"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "d1");
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Pug");
}
END_TEST

/* v1 writes twice in a row. Between, the record that the item left gets the values which v1 had given it: it goes on
 * referring to the one that was made then, where v1 changes another field. */
START_TEST(extract__a_record_that_gets_the_values_takes_no_item_over)
{
    rig_add(&r, dogs);
    rig_add(&r, breeds);
    ASSERT_OK(rig_put(&r, "v2", "Breed", "k", "{}"));
    ASSERT_OK(rig_put(&r, "v2", "Dog", "a", "{\"breed\": \"k\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "a", "{\"breed\": \"pug\"}"));
    ASSERT_LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"breed\": \"pug\"}");
    ASSERT_OK(rig_rename(&r, "v2", "Breed", "pug", "z"));
    ASSERT_OK(rig_put(&r, "v2", "Breed", "k", "{\"name\": \"pug\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "a", "{\"breed\": \"pug\", \"name\": \"n\"}"));
    ASSERT_LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"name\": \"n\", \"breed\": \"z\"}");
}
END_TEST

/* An object in an item from before a step on it: the record holds what that step gives. */
START_TEST(extract__of_an_object_from_before_a_step_stays_when_that_is_finalized)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {home: Box}}\n"
                "objects:\n  Box: {fields: {street: string, zip: string}}\n");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"home\": {\"street\": \"a\", \"zip\": \"1\"}}"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - nest_fields: {type: Box, fields: [zip], into: code}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: [home], into: Home, as: home, key: \"'h'\"}\n");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    ASSERT_LINE("v3", "Home", "h",
                "{\"_key\": \"h\", \"home\": {\"street\": \"a\", \"code\": {\"zip\": \"1\"}}}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_extract");
    TCase *t = tcase_create("store_extract");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, extract__derived_by_the_first_listing);
    tcase_add_test(t, extract__no_record_stays_for_values_that_are_overwritten);
    tcase_add_test(t, extract__a_record_is_found_by_what_another_shows_in_it);
    tcase_add_test(t, extract__an_edit_of_the_record_shows_in_all);
    tcase_add_test(t, extract__a_write_of_other_values_refers_to_another_record);
    tcase_add_test(t, extract__holders_from_before_the_step_restrict);
    tcase_add_test(t, extract__before_derivation_writes_make_the_same_records);
    tcase_add_test(t, extract__a_key_expression_derives_before_it_is_read);
    tcase_add_test(t, extract__of_an_extracted_type);
    tcase_add_test(t, extract__of_a_reference_before_a_rename);
    tcase_add_test(t, extract__a_record_that_is_given_a_value_is_not_that_of_older_items);
    tcase_add_test(t, extract__a_record_that_gets_the_values_takes_no_item_over);
    tcase_add_loop_test(t, extract__a_deleted_record_unsets_its_references, 0, 2);
    tcase_add_loop_test(t, extract__a_deleted_record_takes_its_holders_along, 0, 2);
    tcase_add_test(t, extract__of_an_object_from_before_a_step_stays_when_that_is_finalized);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
