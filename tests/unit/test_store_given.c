/* References that a formula gives items from before its step: what becomes of them when their target is
 * removed, renamed, replaced or made is the same before a backfill (_i == 0) and after it (_i == 1). */
#include "store_rig.h"

#include <check.h>

static struct rig r;

static void setup(void)
{
    rig_init(&r);
}
static void teardown(void)
{
    rig_free_sound(&r);
}

#define PUT(...)           ASSERT_OK(rig_put(&r, __VA_ARGS__))
#define SETTLED            "SELECT count(*) FROM link"
#define REFERENCES         "SELECT count(*) FROM ref"

/* Person p is from before v2, in which it refers to the dog that its note names. */
static void add_people(const char *on_delete, int backfilled)
{
    struct buf v1 BUF_CLEANUP = BUF_INIT;

    ck_assert(buf_printf(&v1,
                         "version: v1\ntypes:\n"
                         "  Dog: {fields: {name: string}}\n"
                         "  Person: {fields: {note: string, dog: {type: ref<Dog>, on_delete: %s}}}\n",
                         on_delete));
    rig_add(&r, buf_str(&v1));
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\"}");
    PUT("v1", "Dog", "tim", "{\"name\": \"Tim\"}");
    PUT("v1", "Person", "p", "{\"note\": \"rex\"}");
    PUT("v1", "Person", "q", "{\"note\": \"zoe\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - require_field: {type: Person, field: dog, up: note}\n");
    if (backfilled)
        rig_backfill(&r);
}

#define P_REFERS_TO(dog) ASSERT_LINE("v2", "Person", "p", "{\"_key\": \"p\", \"note\": \"rex\", \"dog\": \"" dog "\"}")
#define P_REFERS_TO_NONE ASSERT_LINE("v2", "Person", "p", "{\"_key\": \"p\", \"note\": \"rex\"}")
#define Q_REFERS_TO_NONE ASSERT_LINE("v2", "Person", "q", "{\"_key\": \"q\", \"note\": \"zoe\"}")

START_TEST(delete__is_refused_where_a_formula_refers)
{
    add_people("restrict", _i);
    ASSERT_REFUSED(rig_delete(&r, "v1", "Dog", "rex"), ERR_BUSY, "\"rex\" is referred to by Person.dog of \"p\"");
    P_REFERS_TO("rex");
    ASSERT_OK(rig_delete(&r, "v2", "Dog", "tim"));
    P_REFERS_TO("rex");
    ASSERT_OK(rig_delete(&r, "v1", "Person", "p"));
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
}
END_TEST

START_TEST(delete__unsets_what_a_formula_gave)
{
    add_people("unset", _i);
    rig_changes(&r);
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    ck_assert_msg(strstr(rig_changes(&r), "ITEM ") != NULL, "nobody is told of p");
    P_REFERS_TO_NONE;
    PUT("v1", "Dog", "rex", "{}"); /* another one */
    P_REFERS_TO_NONE;
    ASSERT_SQL(REFERENCES, 0);
}
END_TEST

START_TEST(delete__cascades_over_what_formulas_gave)
{
    rig_add(&r, "version: v1\ntypes:\n"
                "  Dog: {fields: {mum: string}}\n  Cat: {fields: {}}\n"
                "  Person: {fields: {note: string}}\n");
    PUT("v1", "Cat", "tom", "{}");
    PUT("v1", "Dog", "rex", "{\"mum\": \"tom\"}");
    PUT("v1", "Person", "p", "{\"note\": \"rex\"}");
    PUT("v1", "Person", "q", "{\"note\": \"tom\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: cat, as: {type: ref<Cat>, on_delete: cascade}, up: mum}\n"
                "  - add_field: {type: Person, field: dog, as: {type: ref<Dog>, on_delete: cascade}, up: note}\n");
    if (_i)
        rig_backfill(&r);
    ASSERT_OK(rig_delete(&r, "v1", "Cat", "tom"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "");
    ck_assert_str_eq(rig_keys(&r, "v1", "Person"), "q");
}
END_TEST

START_TEST(rename__what_a_formula_gave_follows)
{
    add_people("restrict", _i);
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "max"));
    P_REFERS_TO("max");
    ASSERT_OK(rig_rename(&r, "v2", "Dog", "tim", "zoe"));
    Q_REFERS_TO_NONE;
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "zoe", "max")); /* replaced */
    P_REFERS_TO("max");
    ck_assert_str_eq(rig_keys(&r, "v2", "Dog"), "max");
}
END_TEST

START_TEST(create__a_formula_has_looked_already)
{
    add_people("restrict", _i);
    Q_REFERS_TO_NONE;
    PUT("v1", "Dog", "zoe", "{}");
    Q_REFERS_TO_NONE;
    PUT("v1", "Person", "new", "{\"note\": \"zoe\"}"); /* now */
    ASSERT_LINE("v2", "Person", "new", "{\"_key\": \"new\", \"note\": \"zoe\", \"dog\": \"zoe\"}");
    rig_backfill(&r);
    P_REFERS_TO("rex");
}
END_TEST

START_TEST(key__changes_by_what_a_field_says)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string, mum: string}}\n");
    PUT("v1", "Dog", "1", "{\"name\": \"rex\"}");
    PUT("v1", "Dog", "2", "{\"name\": \"tim\", \"mum\": \"rex\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_key: {type: Dog, up: name, down: \"coalesce(name, _key)\"}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - add_field: {type: Dog, field: mother, as: {type: ref<Dog>, on_delete: unset}, up: mum}\n");
    if (_i)
        rig_backfill(&r);
    PUT("v1", "Dog", "1", "{\"name\": \"max\"}");
    ASSERT_LINE("v3", "Dog", "tim", "{\"_key\": \"tim\", \"name\": \"tim\", \"mum\": \"rex\", \"mother\": \"max\"}");
    PUT("v1", "Dog", "2", "{\"name\": \"tom\", \"mum\": \"rex\"}"); /* itself, too */
    ASSERT_LINE("v3", "Dog", "tom", "{\"_key\": \"tom\", \"name\": \"tom\", \"mum\": \"rex\", \"mother\": \"max\"}");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "1"));
    ASSERT_LINE("v3", "Dog", "tom", "{\"_key\": \"tom\", \"name\": \"tom\", \"mum\": \"rex\"}");
}
END_TEST

/* Names are looked up while they are being given. */
START_TEST(key__of_the_same_version)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string, mum: string}}\n");
    PUT("v1", "Dog", "1", "{\"name\": \"rex\", \"mum\": \"tim\"}");
    PUT("v1", "Dog", "2", "{\"name\": \"tim\", \"mum\": \"rex\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_key: {type: Dog, up: name, down: \"coalesce(name, _key)\"}\n"
                "  - add_field: {type: Dog, field: mother, as: {type: ref<Dog>, on_delete: unset}, up: mum}\n");
    if (_i)
        rig_backfill(&r);
    ASSERT_LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"name\": \"rex\", \"mum\": \"tim\", \"mother\": \"tim\"}");
    ASSERT_LINE("v2", "Dog", "tim", "{\"_key\": \"tim\", \"name\": \"tim\", \"mum\": \"rex\", \"mother\": \"rex\"}");
}
END_TEST

START_TEST(inside__references_of_objects_in_lists)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {}}\n  Person: {fields: {boxes: list<Box>}}\n"
                "objects:\n  Box: {fields: {note: string}}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Person", "p", "{\"boxes\": [{\"note\": \"tim\"}, {\"note\": \"rex\"}]}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Box, field: dogs, as: list<ref<Dog>>, up: \"json_array(note)\"}\n");
    if (_i)
        rig_backfill(&r);
    ASSERT_REFUSED(rig_delete(&r, "v1", "Dog", "rex"), ERR_BUSY, "of \"p\"");
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "max"));
    ck_assert(strstr(rig_line(&r, "v2", "Person", "p"), "\"dogs\": [\"max\"]") != NULL);
}
END_TEST

/* What the item was before its writer began is written on from (lens_before.c): it is settled as well. */
START_TEST(written__on_from_what_it_was)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {}}\n  Person: {fields: {note: string, word: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Person, field: loud, as: string, up: \"upper(word)\"}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Person", "p", "{\"note\": \"rex\"}");
    PUT("v1", "Person", "p", "{\"note\": \"rex\", \"word\": \"a\"}");
    PUT("v1", "Person", "q", "{\"note\": \"rex\"}");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - add_field: {type: Person, field: dog, as: ref<Dog>, up: note}\n");
    if (_i)
        rig_backfill(&r);
    PUT("v1", "Person", "q", "{\"note\": \"rex\", \"word\": \"a\"}"); /* begins here */
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "max"));
    PUT("v1", "Person", "p", "{\"note\": \"rex\", \"word\": \"b\"}");
    PUT("v1", "Person", "q", "{\"note\": \"rex\", \"word\": \"b\"}");
    ASSERT_LINE("v3", "Person", "q", "{\"_key\": \"q\", \"note\": \"rex\", \"word\": \"b\", \"loud\": \"B\", \"dog\": \"max\"}");
    ASSERT_LINE("v3", "Person", "p", "{\"_key\": \"p\", \"note\": \"rex\", \"word\": \"b\", \"loud\": \"B\", \"dog\": \"max\"}");
}
END_TEST

/* Nothing is looked up, and the old field would have the reference unset: the new one's items go along. */
/* Who wrote "rex" found no dog of that name; written back, it is the same item as before, whoever came since. */
START_TEST(written__back_what_found_nobody_then)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {}}\n  Person: {fields: {dog: ref<Dog>}}\n");
    PUT("v1", "Person", "p", "{}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_type: {type: Person, field: dog, to: string, up: dog, down: dog}\n");
    if (_i)
        rig_backfill(&r);
    PUT("v2", "Person", "p", "{\"dog\": \"rex\"}");
    ASSERT_LINE("v1", "Person", "p", "{\"_key\": \"p\"}");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v2", "Person", "p", "{\"dog\": \"tim\"}");
    PUT("v2", "Person", "p", "{\"dog\": \"rex\"}");
    ASSERT_LINE("v1", "Person", "p", "{\"_key\": \"p\"}");
    PUT("v2", "Person", "p", "{\"dog\": \"tim\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "tim"));
    PUT("v2", "Person", "q", "{\"dog\": \"tim\"}"); /* a new one looks */
    ASSERT_LINE("v1", "Person", "p", "{\"_key\": \"p\"}");
    ASSERT_LINE("v1", "Person", "q", "{\"_key\": \"q\", \"dog\": \"tim\"}");
}
END_TEST

/* That a formula looks for a dog ends no run where it finds none then and now. */
START_TEST(written__on_where_nothing_was_found)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {}}\n"
                "  Person: {fields: {dog: ref<Dog>, home: Home}}\n"
                "objects:\n  Home: {fields: {zip: string}}\n");
    PUT("v1", "Person", "p", "{\"home\": {\"zip\": null}}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_type: {type: Home, field: zip, to: integer, up: \"coalesce(zip, 0)\", down: zip}\n"
                "  - change_type: {type: Person, field: dog, to: string, up: dog, down: dog}\n");
    if (_i)
        rig_backfill(&r);
    ASSERT_LINE("v2", "Person", "p", "{\"_key\": \"p\", \"home\": {\"zip\": 0}}");
    PUT("v2", "Person", "p", "{\"dog\": null}");
    PUT("v2", "Person", "p", "{\"home\": {\"zip\": 0}}");
    ASSERT_LINE("v1", "Person", "p", "{\"_key\": \"p\", \"home\": {\"zip\": null}}");
}
END_TEST

/* Nobody wrote through v2: what v1 shows can't come from there. */
START_TEST(rename__gives_older_sides_nothing)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {}}\n  Person: {fields: {note: string, dog: ref<Dog>}}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Person", "p", "{\"dog\": \"rex\"}");
    PUT("v1", "Person", "q", "{\"note\": \"n\", \"dog\": \"rex\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - change_type: {type: Person, field: note, to: string, up: \"coalesce(note, 'none')\","
                " down: \"note || '-' || dog\"}\n");
    if (_i)
        rig_backfill(&r);
    PUT("v1", "Person", "p", "{\"dog\": null}");
    PUT("v1", "Person", "p", "{\"dog\": \"rex\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "max"));
    ASSERT_LINE("v1", "Person", "p", "{\"_key\": \"p\", \"dog\": \"max\"}");
    ASSERT_LINE("v1", "Person", "q", "{\"_key\": \"q\", \"note\": \"n\", \"dog\": \"max\"}");
    PUT("v2", "Person", "q", "{\"note\": \"m\", \"dog\": \"max\"}");
    ASSERT_LINE("v1", "Person", "q", "{\"_key\": \"q\", \"note\": \"m-max\", \"dog\": \"max\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "max", "rex"));
    ASSERT_LINE("v1", "Person", "q", "{\"_key\": \"q\", \"note\": \"m-rex\", \"dog\": \"rex\"}");
}
END_TEST

/* Nor where what v1 shows was computed itself, from what is older still. */
START_TEST(rename__gives_computed_sides_nothing)
{
    rig_add(&r, "version: v0\ntypes:\n  Dog: {fields: {}}\n  Person: {fields: {note: string, dog: ref<Dog>}}\n");
    rig_add(&r, "version: v1\nfrom: v0\nmigrate:\n"
                "  - require_field: {type: Person, field: note, up: note}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - relax_field: {type: Person, field: note, down: \"coalesce(dog, 'nobody')\"}\n");
    PUT("v0", "Dog", "rex", "{}");
    PUT("v0", "Person", "p", "{\"dog\": \"rex\"}");
    PUT("v2", "Person", "q", "{\"dog\": \"rex\"}");
    if (_i)
        rig_backfill(&r);
    ASSERT_LINE("v0", "Person", "q", "{\"_key\": \"q\", \"note\": \"rex\", \"dog\": \"rex\"}");
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "max"));
    ASSERT_LINE("v0", "Person", "p", "{\"_key\": \"p\", \"dog\": \"max\"}");
    ASSERT_LINE("v1", "Person", "p", "{\"_key\": \"p\", \"dog\": \"max\"}");
    ASSERT_LINE("v0", "Person", "q", "{\"_key\": \"q\", \"note\": \"max\", \"dog\": \"max\"}");
}
END_TEST

START_TEST(moved__a_reference_that_the_item_had)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {}}\n"
                "  Person: {fields: {note: string, dog: {type: ref<Dog>, on_delete: unset}}}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Person", "p", "{\"note\": \"word\", \"dog\": \"rex\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Person, field: pet, as: {type: ref<Dog>, on_delete: cascade}, up: dog}\n");
    if (_i)
        rig_backfill(&r);
    PUT("v1", "Dog", "tim", "{}");
    ASSERT_SQL(REFERENCES, _i ? 2 : 1); /* p was left alone */
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Person"), "");
}
END_TEST

START_TEST(made__a_record_that_a_formula_refers_to_stays)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {breed: string}}\n  Person: {fields: {note: string}}\n");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Pug\"}");
    PUT("v1", "Person", "p", "{\"note\": \"Pug\"}");
    PUT("v1", "Person", "q", "{\"note\": \"Collie\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n"
                "  - add_field: {type: Person, field: likes, as: ref<Breed>, up: note}\n");
    if (_i)
        rig_backfill(&r);
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Pug");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Collie\"}");
    ASSERT_LINE("v2", "Person", "p", "{\"_key\": \"p\", \"note\": \"Pug\", \"likes\": \"Pug\"}");
    ASSERT_LINE("v2", "Person", "q", "{\"_key\": \"q\", \"note\": \"Collie\"}");
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Pug Collie");
}
END_TEST

/* Once, and for good. */
START_TEST(settled__once)
{
    add_people("unset", 0);
    ASSERT_OK(rig_delete(&r, "v1", "Person", "q"));
    PUT("v1", "Person", "q", "{}"); /* of a type that no formula refers to */
    ASSERT_SQL(SETTLED, 0);
    ASSERT_SQL(REFERENCES, 0);
    PUT("v1", "Dog", "max", "{}");
    ASSERT_SQL(SETTLED, 1);
    ASSERT_SQL(REFERENCES, 1);
    rig_reopen(&r, NULL);
    PUT("v1", "Dog", "zoe", "{}");
    ASSERT_SQL(SETTLED, 1);
    P_REFERS_TO("rex");
}
END_TEST

START_TEST(reverted__a_version_that_is_not_served_enforces_nothing)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {}}\n  Person: {fields: {note: string}}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Person", "p", "{\"note\": \"rex\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Person, field: dog, as: {type: ref<Dog>, on_delete: cascade}, up: note}\n");
    if (_i)
        rig_backfill(&r);
    rig_state(&r, "v2", VERSION_DORMANT);
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    PUT("v1", "Dog", "rex", "{}");
    rig_state(&r, "v2", VERSION_LIVE);
    ASSERT_LINE("v2", "Person", "p", "{\"_key\": \"p\", \"note\": \"rex\"}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_given");
    TCase *tc = tcase_create("store_given");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, delete__is_refused_where_a_formula_refers, 0, 2);
    tcase_add_loop_test(tc, delete__unsets_what_a_formula_gave, 0, 2);
    tcase_add_loop_test(tc, delete__cascades_over_what_formulas_gave, 0, 2);
    tcase_add_loop_test(tc, rename__what_a_formula_gave_follows, 0, 2);
    tcase_add_loop_test(tc, create__a_formula_has_looked_already, 0, 2);
    tcase_add_loop_test(tc, key__changes_by_what_a_field_says, 0, 2);
    tcase_add_loop_test(tc, key__of_the_same_version, 0, 2);
    tcase_add_loop_test(tc, inside__references_of_objects_in_lists, 0, 2);
    tcase_add_loop_test(tc, written__on_from_what_it_was, 0, 2);
    tcase_add_loop_test(tc, written__back_what_found_nobody_then, 0, 2);
    tcase_add_loop_test(tc, written__on_where_nothing_was_found, 0, 2);
    tcase_add_loop_test(tc, rename__gives_older_sides_nothing, 0, 2);
    tcase_add_loop_test(tc, rename__gives_computed_sides_nothing, 0, 2);
    tcase_add_loop_test(tc, moved__a_reference_that_the_item_had, 0, 2);
    tcase_add_loop_test(tc, made__a_record_that_a_formula_refers_to_stays, 0, 2);
    tcase_add_test(tc, settled__once);
    tcase_add_loop_test(tc, reverted__a_version_that_is_not_served_enforces_nothing, 0, 2);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
