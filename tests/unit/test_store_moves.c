/* move_field beside other types of the same items, after finalize, and what writes in a row leave in the other item. */
#include "store_rig.h"

#include <check.h>

#include "../../store/verbs.h"

static struct rig r;

static void setup(void)
{
    rig_init(&r);
    rig_add(&r, "version: v1\ntypes:\n"
                "  Dog: {fields: {name: string, phone: string, owner: ref<Person>}}\n"
                "  Person: {fields: {email: string}}\n");
}

static void teardown(void)
{
    rig_free_sound(&r);
}

#define PUT(...)                ASSERT_OK(rig_put(&r, __VA_ARGS__))
#define LINE(want, v, type, key) ASSERT_LINE(v, type, key, want)

static void move_phones(void)
{
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - move_field: {type: Dog, field: phone, to: Person, through: owner}\n");
}

/* The copy shows the reference, as the new side does; but it did not take the step. */
START_TEST(copy__is_an_old_side_also_without_the_field)
{
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - copy_type: {from: Dog, to: Pet}\n"
                "  - change_type: {type: Pet, field: phone, to: integer, up: \"CAST(phone AS INTEGER)\","
                " down: \"CAST(phone AS TEXT)\"}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - move_field: {type: Pet, field: phone, to: Person, through: owner}\n");
    PUT("v3", "Dog", "rex", "{\"phone\": \"5\"}");
    LINE("{\"_key\": \"rex\", \"phone\": 5}", "v2", "Pet", "rex");
    PUT("v1", "Person", "ann", "{}");
    PUT("v3", "Dog", "max", "{\"phone\": \"7\", \"owner\": \"ann\"}");
    LINE("{\"_key\": \"ann\", \"phone\": 7}", "v3", "Person", "ann");
}
END_TEST

/* A formula that finalize took reads the field yet; the step is gone all the same. */
START_TEST(finalize__ends_what_a_dog_brings_along)
{
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: loud, as: string, up: \"upper(phone)\"}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - move_field: {type: Dog, field: phone, to: Person, through: owner}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Dog", "rex", "{\"phone\": \"a\"}");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    PUT("v3", "Dog", "rex", "{\"owner\": \"ann\", \"loud\": \"A\"}");
    LINE("{\"_key\": \"ann\"}", "v3", "Person", "ann");
}
END_TEST

/* The second write of three comes to an item that has its value already, by another dog: it leaves nothing there, so
 * the third one leaves what it alone would have left. */
START_TEST(in_a_row__what_was_there_is_left)
{
    move_phones();
    PUT("v2", "Person", "ann", "{\"phone\": \"7\"}");
    PUT("v2", "Person", "bob", "{\"phone\": \"8\"}");
    PUT("v1", "Dog", "rex", "{\"phone\": \"1\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "max", "{\"phone\": \"2\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "tim", "{\"phone\": \"1\"}");
    PUT("v1", "Dog", "tim", "{\"phone\": \"2\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "tim", "{\"phone\": \"1\", \"owner\": \"bob\"}");
    LINE("{\"_key\": \"bob\", \"phone\": \"8\"}", "v2", "Person", "bob");
    LINE("{\"_key\": \"tim\", \"phone\": \"1\", \"owner\": \"bob\"}", "v1", "Dog", "tim");
}
END_TEST

/* A newer version moves another field to the item that the first of two writes left something in. */
START_TEST(in_a_row__over_a_step_that_moves_another_field)
{
    move_phones();
    PUT("v1", "Dog", "rex", "{\"phone\": \"1\", \"name\": \"a\"}");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Dog", "rex", "{\"phone\": \"1\", \"name\": \"b\", \"owner\": \"ann\"}");
    LINE("{\"_key\": \"ann\", \"phone\": \"1\"}", "v2", "Person", "ann");
    if (_i)
        rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                    "  - move_field: {type: Dog, field: name, to: Person, through: owner}\n");
    PUT("v1", "Dog", "rex", "{\"phone\": \"1\", \"name\": \"c\"}");
    LINE("{\"_key\": \"ann\"}", "v2", "Person", "ann");
}
END_TEST

/* The dog left a phone behind with bob, and comes again and says that it has none. */
START_TEST(old_side__says_what_all_show)
{
    move_phones();
    PUT("v2", "Person", "ann", "{\"phone\": \"1\"}");
    PUT("v2", "Person", "bob", "{}");
    PUT("v1", "Dog", "rex", "{\"phone\": \"1\", \"owner\": \"bob\"}");
    PUT("v1", "Dog", "max", "{\"phone\": \"2\", \"owner\": \"bob\"}");
    PUT("v2", "Dog", "rex", "{\"owner\": \"ann\"}");
    PUT("v2", "Person", "ann", "{}");
    LINE("{\"_key\": \"rex\", \"owner\": \"ann\"}", "v1", "Dog", "rex");
    PUT("v1", "Dog", "rex", "{\"owner\": \"bob\"}");
    LINE("{\"_key\": \"rex\", \"owner\": \"bob\"}", "v1", "Dog", "rex");
    LINE("{\"_key\": \"max\", \"phone\": \"2\", \"owner\": \"bob\"}", "v1", "Dog", "max");
}
END_TEST

/* The oldest side shows one text, first since its writer said so, then since the phone of bob gives it. */
START_TEST(target__that_gives_what_is_shown_hides_it_all_the_same)
{
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_type: {type: Dog, field: phone, to: string, up: \"'no'\", down: phone}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - move_field: {type: Dog, field: phone, to: Person, through: owner}\n");
    PUT("v3", "Person", "ann", "{\"phone\": \"no\"}");
    PUT("v3", "Person", "bob", "{\"phone\": \"no\"}");
    PUT("v1", "Dog", "rex", "{\"phone\": \"1\", \"owner\": \"bob\"}");
    PUT("v3", "Person", "bob", "{\"phone\": \"1\"}");
    LINE("{\"_key\": \"rex\", \"phone\": \"1\", \"owner\": \"bob\"}", "v1", "Dog", "rex");
    PUT("v3", "Dog", "rex", "{\"owner\": \"ann\"}");
    LINE("{\"_key\": \"rex\", \"phone\": \"1\", \"owner\": \"ann\"}", "v1", "Dog", "rex");
}
END_TEST

/* What the oldest side hid of ann's phone is not the dog's when it is with her again. */
START_TEST(reference__overwrites_what_a_step_hid)
{
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_type: {type: Dog, field: phone, to: string, up: \"phone\", down: \"'x'\"}\n"
                "  - move_field: {type: Dog, field: phone, to: Person, through: owner}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate: []\n");
    PUT("v2", "Person", "ann", "{\"phone\": \"7\"}");
    PUT("v2", "Dog", "rex", "{\"owner\": \"ann\"}");
    PUT("v1", "Dog", "rex", "{\"phone\": \"1\"}");
    PUT("v2", "Dog", "rex", "{\"owner\": \"ann\"}");
    PUT("v3", "Dog", "rex", "{}");
    PUT("v1", "Dog", "rex", "{\"phone\": \"x\", \"owner\": \"ann\"}");
    LINE("{\"_key\": \"ann\", \"phone\": \"x\"}", "v2", "Person", "ann");
}
END_TEST

/* A later step of the same version puts the phone and the seeded field into one: who brings a phone has seen neither. */
START_TEST(seeded__field_of_the_target_stays_seeded_beside_a_later_step)
{
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Person, field: mail, as: string, up: email}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - move_field: {type: Dog, field: phone, to: Person, through: owner}\n"
                "  - nest_fields: {type: Person, fields: [mail, phone], into: reach, object: Reach}\n");
    PUT("v1", "Person", "ann", "{\"email\": \"a\"}");
    PUT("v1", "Dog", "rex", "{\"phone\": \"1\", \"owner\": \"ann\"}");
    LINE("{\"_key\": \"ann\", \"email\": \"a\", \"reach\": {\"mail\": \"a\", \"phone\": \"1\"}}", "v3", "Person", "ann");
    PUT("v1", "Person", "ann", "{\"email\": \"b\"}");
    LINE("{\"_key\": \"ann\", \"email\": \"b\", \"mail\": \"b\"}", "v2", "Person", "ann");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_moves");
    TCase *t = tcase_create("store_moves");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, copy__is_an_old_side_also_without_the_field);
    tcase_add_test(t, finalize__ends_what_a_dog_brings_along);
    tcase_add_test(t, in_a_row__what_was_there_is_left);
    tcase_add_loop_test(t, in_a_row__over_a_step_that_moves_another_field, 0, 2);
    tcase_add_test(t, old_side__says_what_all_show);
    tcase_add_test(t, target__that_gives_what_is_shown_hides_it_all_the_same);
    tcase_add_test(t, reference__overwrites_what_a_step_hid);
    tcase_add_test(t, seeded__field_of_the_target_stays_seeded_beside_a_later_step);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
