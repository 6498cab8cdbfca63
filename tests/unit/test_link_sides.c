/* On which side of a step over a reference a writer stands who has the field by another step. */
#include "lens_cases.h"

START_TEST(move__a_restored_field_that_a_copy_maps_is_the_old_side)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {owner: ref<Person>, city: string}}\n"
               "  Person: {fields: {}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Dog", "rex", "{\"owner\": \"ann\"}");
    PUT("v1", "Dog", "zoe", "{\"owner\": \"ann\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n"
               "  - restore_field: {type: Dog, field: city, from: v1}\n"
               "  - copy_type: {from: Dog, to: Copy}\n"
               "  - map_values: {type: Copy, field: city, values: {Rome: Roma}}\n");
    lt_backfill(&t);
    PUT("v2", "Copy", "rex", "{\"owner\": \"ann\", \"city\": \"Roma\"}");
    LINE("v2", "Copy", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\", \"city\": \"Roma\"}");
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\", \"city\": \"Rome\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\", \"city\": \"Rome\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Rome\"}");
    LINE("v2", "Copy", "zoe", "{\"_key\": \"zoe\", \"owner\": \"ann\"}");
}
END_TEST

/* The record that the reference stands in is written, and nobody writes the item. */
START_TEST(move__a_reference_that_another_item_gets_shows_its_target)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {owner: ref<Person>, city: string}}\n"
               "  Person: {fields: {}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n"
               "  - extract_type: {type: Dog, fields: [owner], into: House, as: house}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\"}");
    PUT("v2", "House", "h", "{}");
    PUT("v2", "Dog", "rex", "{\"house\": \"h\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"city\": \"Rome\"}");
    for (int i = 0; i < 2; i++) { /* also where the item is written back as it reads */
        PUT("v2", "House", "h", "{\"owner\": \"ann\"}");
        LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\"}");
        if (i)
            PUT("v2", "Dog", "rex", "{\"house\": \"h\"}");
        LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\"}");
        PUT("v2", "Person", "ann", "{\"city\": \"Oslo\"}");
        LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\", \"city\": \"Oslo\"}");
        PUT("v2", "Person", "ann", "{}");
        PUT("v2", "House", "h", "{}");
        LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"city\": \"Rome\"}");
    }
}
END_TEST

/* A value of its own is beside one target's, not beside any other's. */
START_TEST(move__a_value_of_its_own_stays_with_its_target)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {owner: ref<Person>, city: string}}\n"
               "  Person: {fields: {}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n"
               "  - extract_type: {type: Dog, fields: [owner], into: House, as: house}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Person", "bob", "{}");
    PUT("v1", "Dog", "rex", "{\"owner\": \"ann\", \"city\": \"Rome\"}");
    PUT("v1", "Dog", "zoe", "{\"owner\": \"ann\", \"city\": \"Bonn\"}");
    PUT("v1", "Dog", "tim", "{\"owner\": \"bob\", \"city\": \"Kyiv\"}");
    PUT("v1", "Dog", "tom", "{\"owner\": \"bob\", \"city\": \"Graz\"}");
    LINE("v1", "Dog", "zoe", "{\"_key\": \"zoe\", \"owner\": \"ann\", \"city\": \"Bonn\"}");
    PUT("v2", "House", "ann", "{\"owner\": \"bob\"}");
    LINE("v1", "Dog", "zoe", "{\"_key\": \"zoe\", \"owner\": \"bob\"}");
    PUT("v2", "Dog", "zoe", "{\"house\": \"ann\"}");
    LINE("v1", "Dog", "zoe", "{\"_key\": \"zoe\", \"owner\": \"bob\"}");
    PUT("v2", "House", "ann", "{\"owner\": \"ann\"}");
    LINE("v1", "Dog", "zoe", "{\"_key\": \"zoe\", \"owner\": \"ann\", \"city\": \"Bonn\"}");
}
END_TEST

START_TEST(move__a_copy_from_before_the_reference_was_made_is_the_old_side)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {owner: ref<Person>, city: string}}\n"
               "  Person: {fields: {}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - copy_type: {from: Dog, to: Copy}\n"
               "  - extract_type: {type: Dog, fields: [city], into: City, as: place}\n"
               "  - move_field: {type: Dog, field: place, to: Person, through: owner}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v2", "Copy", "rex", "{\"owner\": \"ann\"}");
    PUT("v2", "Copy", "rex", "{\"owner\": \"ann\", \"city\": \"Rome\"}");
    LINE("v2", "Copy", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\", \"city\": \"Rome\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\", \"city\": \"Rome\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"place\": \"Rome\"}");
}
END_TEST

/* The record that a write makes comes to an item that has a value, and has none. */
START_TEST(move__a_record_that_is_made_without_a_value_has_none)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {city: string, owner: ref<Person>}}\n"
               "  Person: {fields: {}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [owner, city], into: House, as: house}\n"
               "  - move_field: {type: House, field: city, to: Person, through: owner}\n");
    PUT("v2", "Person", "ann", "{\"city\": \"Rome\"}");
    PUT("v1", "Dog", "rex", "{\"owner\": \"ann\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Rome\"}");
    PUT("v2", "Person", "ann", "{\"city\": \"Oslo\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"city\": \"Oslo\", \"owner\": \"ann\"}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("link_sides");
    TCase *tc = tcase_create("link_sides");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, move__a_restored_field_that_a_copy_maps_is_the_old_side);
    tcase_add_test(tc, move__a_reference_that_another_item_gets_shows_its_target);
    tcase_add_test(tc, move__a_value_of_its_own_stays_with_its_target);
    tcase_add_test(tc, move__a_copy_from_before_the_reference_was_made_is_the_old_side);
    tcase_add_test(tc, move__a_record_that_is_made_without_a_value_has_none);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
