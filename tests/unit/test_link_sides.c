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

int main(void)
{
    Suite *s = suite_create("link_sides");
    TCase *tc = tcase_create("link_sides");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, move__a_restored_field_that_a_copy_maps_is_the_old_side);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
