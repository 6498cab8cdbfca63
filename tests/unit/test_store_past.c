/* What finalize leaves: fields that a step computed from other items stay as they are, and items made since have
 * names and parts. */
#include "store_rig.h"

#include <check.h>

#include "../../store/verbs.h"

static struct rig r;

static void setup(void)
{
    rig_init(&r);
}

static void teardown(void)
{
    rig_free_sound(&r);
}

#define PUT(...)                ASSERT_OK(rig_put(&r, __VA_ARGS__))
#define LINE(want, v, type, key) ASSERT_LINE(v, type, key, want)

/* v2's fields are computed from what rex is called; v1 is gone. */
static void finalize_dogs(void)
{
    rig_add(&r, "version: v1\ntypes:\n"
                "  Dog: {fields: {}}\n"
                "  Person: {fields: {note: string, dog: ref<Dog>, dogs: list<ref<Dog>>}}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Person", "p", "{\"note\": \"a\", \"dog\": \"rex\", \"dogs\": [\"rex\"]}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Person, field: seeded, as: string, up: dog}\n"
                "  - change_type: {type: Person, field: dogs, to: string, up: \"dogs\", down: \"dogs\"}\n"
                "  - change_type: {type: Person, field: note, to: string, up: \"note || '-' || dog\","
                " down: \"substr(note, 1, 1)\"}\n");
    rig_backfill(&r);
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "max")); /* after the backfill: what is stored is old */
    rig_state(&r, "v1", VERSION_GONE);
}

#define P_AS(dog)                                                                                            \
    LINE("{\"_key\": \"p\", \"note\": \"a-max\", \"dog\": " dog ", \"dogs\": \"[\\\"max\\\"]\", \"seeded\": \"max\"}", \
         "v2", "Person", "p")

START_TEST(rename__does_not_show_in_what_a_gone_step_computed)
{
    finalize_dogs();
    P_AS("\"max\"");
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "max", "zoe"));
    P_AS("\"zoe\"");
    rig_reopen(&r, NULL);
    P_AS("\"zoe\"");
}
END_TEST

START_TEST(delete__leaves_what_a_gone_step_computed)
{
    finalize_dogs();
    ASSERT_OK(rig_delete(&r, "v2", "Person", "p"));
    ASSERT_OK(rig_delete(&r, "v2", "Dog", "max"));
    rig_free(&r);
    rig_init(&r);
    finalize_dogs();
    PUT("v2", "Dog", "zoe", "{}");
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "zoe", "max")); /* in its place: what referred to it goes on */
    P_AS("\"max\"");
}
END_TEST

/* The second of two writes leaves what it alone would have left, also where a gone step computed. */
START_TEST(written__twice_from_what_it_was)
{
    finalize_dogs();
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - change_type: {type: Person, field: note, to: string, up: \"substr(note, 1, 2)\", down: note}\n");
    PUT("v3", "Person", "p", "{\"note\": \"b\", \"dog\": \"max\"}");
    PUT("v3", "Person", "p", "{\"note\": \"a-\", \"dog\": \"max\", \"dogs\": \"[\\\"max\\\"]\", \"seeded\": \"max\"}");
    P_AS("\"max\"");
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "max", "zoe"));
    P_AS("\"zoe\"");
}
END_TEST

/* What v1's field was, the copied type's still is: it was computed backward. */
START_TEST(backward__what_a_gone_step_gave_stays)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {}}\n  Person: {fields: {note: string, dog: ref<Dog>}}\n");
    PUT("v1", "Dog", "rex", "{}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - copy_type: {from: Person, to: Copy}\n"
                "  - change_type: {type: Person, field: note, to: string, up: note, down: \"note || dog\"}\n");
    PUT("v2", "Person", "p", "{\"note\": \"n\", \"dog\": \"rex\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "max"));
    rig_backfill(&r);
    LINE("{\"_key\": \"p\", \"note\": \"nmax\", \"dog\": \"max\"}", "v2", "Copy", "p");
    rig_state(&r, "v1", VERSION_GONE);
    LINE("{\"_key\": \"p\", \"note\": \"nmax\", \"dog\": \"max\"}", "v2", "Copy", "p");
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "max", "zoe"));
    LINE("{\"_key\": \"p\", \"note\": \"nmax\", \"dog\": \"zoe\"}", "v2", "Copy", "p");
    LINE("{\"_key\": \"p\", \"note\": \"n\", \"dog\": \"zoe\"}", "v2", "Person", "p");
}
END_TEST

/* Over a reference: what stood in the other item when the step went. */
START_TEST(write__to_the_other_item_does_not_show)
{
    rig_add(&r, "version: v1\ntypes:\n"
                "  Breed: {fields: {size: string}}\n"
                "  Dog: {fields: {breed: ref<Breed>}}\n");
    PUT("v1", "Breed", "b", "{\"size\": \"big\"}");
    PUT("v1", "Dog", "rex", "{\"breed\": \"b\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - inline_type: {type: Dog, ref: breed, fields: {size: size}}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - add_field: {type: Dog, field: label, as: string, up: \"'is ' || size\"}\n");
    rig_backfill(&r);
    PUT("v1", "Breed", "b", "{\"size\": \"small\"}");
    LINE("{\"_key\": \"rex\", \"size\": \"small\", \"label\": \"is small\"}", "v3", "Dog", "rex");
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    PUT("v3", "Dog", "tim", "{\"size\": \"huge\"}");
    LINE("{\"_key\": \"rex\", \"size\": \"small\", \"label\": \"is small\"}", "v3", "Dog", "rex");
    PUT("v3", "Dog", "rex", "{\"size\": \"tiny\", \"label\": \"is small\"}");
    LINE("{\"_key\": \"rex\", \"size\": \"tiny\", \"label\": \"is small\"}", "v3", "Dog", "rex");
}
END_TEST

/* Both types show the same items; the one's keys were given by a step. */
START_TEST(made__by_a_copy_has_a_key_in_the_other_type)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {n: integer}}\n");
    PUT("v1", "Dog", "k3", "{}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - copy_type: {from: Dog, to: Copy}\n"
                "  - change_key: {type: Dog, up: \"'p-' || _key\", down: \"substr(_key, 3)\"}\n");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "p-k3", "k2"));
    PUT("v2", "Copy", "k2", "{\"n\": 1}");
    PUT("v2", "Copy", "p-k2", "{\"n\": 2}");
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "p-k2", "p-x"));
    PUT("v2", "Copy", "x", "{\"n\": 3}"); /* its name is taken */
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "k2 p-x p-p-k2 p-x~2");
    ck_assert_str_eq(rig_keys(&r, "v2", "Copy"), "k3 k2 p-k2 x");
    LINE("{\"_key\": \"k2\"}", "v2", "Dog", "k2");
    LINE("{\"_key\": \"p-x\", \"n\": 1}", "v2", "Dog", "p-x");
    LINE("{\"_key\": \"p-x~2\", \"n\": 3}", "v2", "Dog", "p-x~2");
}
END_TEST

START_TEST(made__by_a_copy_stands_in_a_part)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {n: integer}}\n");
    PUT("v1", "Dog", "a", "{\"n\": 1}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - copy_type: {from: Dog, to: Copy}\n"
                "  - split_type: {type: Dog, into: {Small: \"n < 5\", Big: else}}\n");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    PUT("v2", "Copy", "b", "{\"n\": 2}");
    PUT("v2", "Copy", "c", "{\"n\": 22}");
    PUT("v2", "Small", "d", "{\"n\": 23}");
    ck_assert_str_eq(rig_keys(&r, "v2", "Small"), "a b d");
    ck_assert_str_eq(rig_keys(&r, "v2", "Big"), "c");
    ck_assert_str_eq(rig_keys(&r, "v2", "Copy"), "a b c d");
}
END_TEST

/* Before finalize the dog would have become a~Dog. */
START_TEST(made__by_a_copy_of_a_merged_type_takes_no_name)
{
    rig_add(&r, "version: v1\ntypes:\n  Cat: {fields: {n: integer}}\n  Dog: {fields: {n: integer}}\n");
    PUT("v1", "Dog", "a", "{\"n\": 1}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - copy_type: {from: Cat, to: Copy}\n"
                "  - merge_types: {types: [Cat, Dog], into: Pet, tag: kind}\n");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    PUT("v2", "Copy", "a", "{\"n\": 2}");
    LINE("{\"_key\": \"a\", \"kind\": \"Dog\", \"n\": 1}", "v2", "Pet", "a");
    LINE("{\"_key\": \"a~2\", \"kind\": \"Cat\", \"n\": 2}", "v2", "Pet", "a~2");
    LINE("{\"_key\": \"a\", \"n\": 2}", "v2", "Copy", "a");
}
END_TEST

/* v3's record was edited; v3 was reverted, and goes with the finalize of v2. What v1 showed by it stays. */
static void edit_record_of_dogs(const char *which)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {city: string}}\n");
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\"}");
    PUT("v1", "Dog", "tim", "{\"city\": \"Oslo\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate: []\n");
    rig_backfill(&r);
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {city: name}, into: City, as: city}\n");
    PUT("v3", "City", which, "{\"name\": \"Roma\"}");
    LINE("{\"_key\": \"rex\", \"city\": \"Roma\"}", "v2", "Dog", "rex");
}

static void finalize(const char *version)
{
    struct buf report BUF_CLEANUP = BUF_INIT;

    ASSERT_OK(store_finalize(r.s, span_of(version), NULL, &report, &r.err));
}

START_TEST(extracted__what_a_reverted_version_wrote_stays)
{
    edit_record_of_dogs("Rome");
    rig_state(&r, "v3", VERSION_DORMANT);
    LINE("{\"_key\": \"rex\", \"city\": \"Roma\"}", "v2", "Dog", "rex");
    finalize("v2");
    LINE("{\"_key\": \"rex\", \"city\": \"Roma\"}", "v2", "Dog", "rex");
    LINE("{\"_key\": \"tim\", \"city\": \"Oslo\"}", "v2", "Dog", "tim");
    PUT("v2", "Dog", "rex", "{\"city\": \"Bari\"}");
    LINE("{\"_key\": \"rex\", \"city\": \"Bari\"}", "v2", "Dog", "rex");
}
END_TEST

/* What is computed for good reads a member of objects that no version shows any more. */
START_TEST(computed__over_members_that_nobody_shows)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {home: list<Box>}}\n"
                "objects:\n  Box: {fields: {kind: ref<Dog>}}\n");
    PUT("v1", "Dog", "a", "{}");
    PUT("v1", "Dog", "a", "{\"home\": [{\"kind\": \"a\"}, {}]}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - nest_fields: {type: Box, fields: [kind], into: state}\n"
                "  - compute_field: {type: Dog, field: n, as: string, value: home}\n"
                "  - add_field: {type: Box, field: note, as: json}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - remove_field: {type: Box, field: state, down: note}\n");
    rig_add(&r, "version: v4\nfrom: v3\nmigrate: []\n");
    rig_backfill(&r);
#define A "{\"_key\": \"a\", \"home\": [{}, {}], \"n\": \"[{\\\"state\\\": {\\\"kind\\\": \\\"a\\\"}}, {}]\"}"
    LINE(A, "v4", "Dog", "a");
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    rig_state(&r, "v3", VERSION_GONE);
    LINE(A, "v4", "Dog", "a");
    PUT("v4", "Dog", "a", "{\"home\": [{}, {}], \"n\": \"[{\\\"state\\\": {\\\"kind\\\": \\\"a\\\"}}, {}]\"}");
    LINE(A, "v4", "Dog", "a");
}
END_TEST

/* Two steps give v2's field a value: the newer one, to items made since. The item is no such one, whether it was
 * brought up to that before finalize took the older step's turn (_i == 1) or after. */
START_TEST(removed__down_is_for_new_items_after_finalize_too)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {kind: string, color: string}}\n");
    PUT("v1", "Dog", "a", "{}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: owner, as: {type: number, required: true}, up: color}\n");
    if (_i == 0)
        rig_backfill(&r);
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - remove_field: {type: Dog, field: owner, down: \"kind * 2\"}\n");
    if (_i == 1)
        rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    PUT("v3", "Dog", "a", "{\"kind\": \"other\"}");
    PUT("v3", "Dog", "b", "{\"kind\": \"4\"}");
    LINE("{\"_key\": \"a\", \"kind\": \"other\"}", "v2", "Dog", "a");
    LINE("{\"_key\": \"b\", \"kind\": \"4\", \"owner\": 8}", "v2", "Dog", "b");
}
END_TEST

/* The other item was written after the backfill, and what finalize took reads it over a reference. */
START_TEST(finalize__leaves_what_was_read_over_several_steps)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: loud, as: string, up: name}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n");
    rig_add(&r, "version: v4\nfrom: v3\nmigrate:\n"
                "  - map_values: {type: Dog, field: loud, values: {b: c}}\n"
                "  - inline_type: {type: Dog, ref: r, fields: {x: name}}\n");
    PUT("v1", "Dog", "k", "{\"name\": \"a\"}");
    PUT("v3", "X", "a", "{\"x\": \"b\"}");
    LINE("{\"_key\": \"k\", \"name\": \"b\", \"loud\": \"c\"}", "v4", "Dog", "k");
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    rig_state(&r, "v3", VERSION_GONE);
    LINE("{\"_key\": \"k\", \"name\": \"b\", \"loud\": \"c\"}", "v4", "Dog", "k");
}
END_TEST

/* The same where it is read by what a newer step gives back. */
START_TEST(finalize__leaves_what_was_computed_backward)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {size: E}}\nenums: {E: [small, large]}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - compute_field: {type: Dog, field: loud, as: string, value: upper(size)}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n  - rename_value: {enum: E, from: small, to: tiny}\n");
    rig_add(&r, "version: v4\nfrom: v3\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {size: x}, into: X, as: r}\n");
    PUT("v2", "Dog", "k", "{\"size\": \"large\"}");
    PUT("v4", "X", "large", "{\"x\": \"tiny\"}");
    LINE("{\"_key\": \"k\", \"size\": \"tiny\", \"loud\": \"SMALL\"}", "v3", "Dog", "k");
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    LINE("{\"_key\": \"k\", \"size\": \"tiny\", \"loud\": \"SMALL\"}", "v3", "Dog", "k");
    PUT("v4", "X", "large", "{\"x\": \"large\"}");
    LINE("{\"_key\": \"k\", \"size\": \"large\", \"loud\": \"SMALL\"}", "v3", "Dog", "k");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_past");
    TCase *tc = tcase_create("store_past");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, rename__does_not_show_in_what_a_gone_step_computed);
    tcase_add_test(tc, delete__leaves_what_a_gone_step_computed);
    tcase_add_test(tc, written__twice_from_what_it_was);
    tcase_add_test(tc, backward__what_a_gone_step_gave_stays);
    tcase_add_test(tc, write__to_the_other_item_does_not_show);
    tcase_add_test(tc, made__by_a_copy_has_a_key_in_the_other_type);
    tcase_add_test(tc, made__by_a_copy_stands_in_a_part);
    tcase_add_test(tc, made__by_a_copy_of_a_merged_type_takes_no_name);
    tcase_add_test(tc, extracted__what_a_reverted_version_wrote_stays);
    tcase_add_test(tc, finalize__leaves_what_was_read_over_several_steps);
    tcase_add_test(tc, finalize__leaves_what_was_computed_backward);
    tcase_add_test(tc, computed__over_members_that_nobody_shows);
    tcase_add_loop_test(tc, removed__down_is_for_new_items_after_finalize_too, 0, 2);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
