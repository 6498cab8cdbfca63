/* move_field and inline_type in a store: references, other items' rows, notices, and the first use
 * of a type that got a field. */
#include "store_rig.h"

#include <check.h>
#include <stdio.h>


static struct rig r;
static struct buf told; /* notices of the last write */

static void setup(void)
{
    rig_init(&r);
}
static void teardown(void)
{
    rig_free_sound(&r);
    buf_free(&told);
}

#define PUT(...)        ck_assert_msg(rig_put(&r, __VA_ARGS__) == 0, "%s", r.err.text)
#define LINE(want, ...) ck_assert_str_eq(rig_line(&r, __VA_ARGS__), want)
#define DERIVED         "SELECT count(*) FROM link"

static const char dogs[] = "version: v1\n"
                           "types:\n"
                           "  Dog:\n"
                           "    fields:\n"
                           "      name: string\n"
                           "      city: string\n"
                           "      owner: {type: ref<Person>, on_delete: unset}\n"
                           "  Person: {fields: {name: string}}\n";
static const char moved[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n";

static void moved_dogs(void)
{
    rig_add(&r, dogs);
    PUT("v1", "Person", "ann", "{\"name\": \"Ann\"}");
    PUT("v1", "Person", "bob", "{\"name\": \"Bob\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "tim", "{\"name\": \"Tim\", \"city\": \"Oslo\", \"owner\": \"bob\"}");
    rig_add(&r, moved);
}

static void old_texts(void)
{
    LINE("{\"_key\": \"rex\", \"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"ann\"}", "v1",
         "Dog", "rex");
    LINE("{\"_key\": \"zoe\", \"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"ann\"}", "v1",
         "Dog", "zoe");
    LINE("{\"_key\": \"tim\", \"name\": \"Tim\", \"city\": \"Oslo\", \"owner\": \"bob\"}", "v1",
         "Dog", "tim");
}

START_TEST(move__first_use_through_the_new_version_derives)
{
    moved_dogs();
    old_texts();
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\"}", "v1", "Person", "ann");
    LINE("{\"_key\": \"rex\", \"name\": \"Rex\", \"owner\": \"ann\"}", "v2", "Dog", "rex");
    ck_assert_int_eq(rig_sql(&r, DERIVED), 0);
    rig_changes(&r);
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Berlin\"}", "v2", "Person", "ann");
    ck_assert_int_eq(rig_sql(&r, DERIVED), 1);
    ck_assert_str_eq(rig_changes(&r), "");
    LINE("{\"_key\": \"bob\", \"name\": \"Bob\", \"city\": \"Oslo\"}", "v2", "Person", "bob");
    old_texts();
    rig_backfill(&r);
    old_texts();
    rig_reopen(&r, NULL);
    old_texts();
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Berlin\"}", "v2", "Person", "ann");
}
END_TEST

START_TEST(move__a_write_through_the_new_side_comes_after_the_old_values)
{
    moved_dogs();
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Paris\"}");
    ck_assert_int_eq(rig_sql(&r, DERIVED), 1);
    LINE("{\"_key\": \"rex\", \"name\": \"Rex\", \"city\": \"Paris\", \"owner\": \"ann\"}", "v1",
         "Dog", "rex");
    LINE("{\"_key\": \"zoe\", \"name\": \"Zoe\", \"city\": \"Paris\", \"owner\": \"ann\"}", "v1",
         "Dog", "zoe");
}
END_TEST

/* ITEM, with the number of each. */
static void assert_told(const char *type, const char *key)
{
    char one[64];
    snprintf(one, sizeof one, "ITEM %llu", (unsigned long long)rig_number(&r, "v1", type, key));
    ck_assert_msg(strstr(buf_str(&told), one) != NULL, "%s \"%s\" (%s) in: %s", type, key, one,
                  buf_str(&told));
}

static void take_told(void)
{
    buf_reset(&told);
    ck_assert(buf_adds(&told, rig_changes(&r)));
}

START_TEST(move__notices_name_the_items_that_show_it)
{
    moved_dogs();
    rig_keys(&r, "v2", "Person");
    take_told();
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Paris\"}");
    take_told();
    assert_told("Person", "ann");
    assert_told("Dog", "rex");
    assert_told("Dog", "zoe");
    PUT("v1", "Dog", "tim", "{\"name\": \"Tim\", \"city\": \"Ulm\", \"owner\": \"bob\"}");
    take_told();
    assert_told("Person", "bob");
    assert_told("Dog", "tim");
    LINE("{\"_key\": \"bob\", \"name\": \"Bob\", \"city\": \"Ulm\"}", "v2", "Person", "bob");
}
END_TEST

START_TEST(move__a_deleted_target_leaves_its_value_with_the_holders)
{
    moved_dogs();
    rig_keys(&r, "v2", "Person");
    ck_assert_msg(rig_delete(&r, "v1", "Person", "ann") == 0, "%s", r.err.text);
    LINE("{\"_key\": \"rex\", \"name\": \"Rex\", \"city\": \"Berlin\"}", "v1", "Dog", "rex");
    LINE("{\"_key\": \"zoe\", \"name\": \"Zoe\", \"city\": \"Rome\"}", "v1", "Dog", "zoe");
    LINE("{\"_key\": \"zoe\", \"name\": \"Zoe\"}", "v2", "Dog", "zoe");
}
END_TEST

START_TEST(move__the_first_by_key_gives_its_value_in_any_order)
{
    moved_dogs();
    PUT("v1", "Dog", "zoe", "{\"name\": \"Z\", \"city\": \"Rome\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "tim", "{\"name\": \"T\", \"city\": \"Oslo\", \"owner\": \"ann\"}");
    ck_assert_msg(rig_delete(&r, "v1", "Dog", "rex") == 0, "%s", r.err.text);
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Berlin\"}", "v2", "Person", "ann");
    LINE("{\"_key\": \"bob\", \"name\": \"Bob\", \"city\": \"Oslo\"}", "v2", "Person", "bob");
    LINE("{\"_key\": \"tim\", \"name\": \"T\", \"city\": \"Oslo\", \"owner\": \"ann\"}", "v1",
         "Dog", "tim");
}
END_TEST

START_TEST(move__revert_wake_finalize)
{
    moved_dogs();
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"}");
    rig_state(&r, "v2", VERSION_DORMANT);
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"bob\"}");
    LINE("{\"_key\": \"rex\", \"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"}", "v1",
         "Dog", "rex");
    LINE("{\"_key\": \"tim\", \"name\": \"Tim\", \"city\": \"Oslo\", \"owner\": \"bob\"}", "v1",
         "Dog", "tim");
    rig_state(&r, "v2", VERSION_LIVE);
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Kiel\"}", "v2", "Person", "ann");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Kiel\"}", "v2", "Person", "ann");
    LINE("{\"_key\": \"tim\", \"name\": \"Tim\", \"owner\": \"bob\"}", "v2", "Dog", "tim");
}
END_TEST

START_TEST(move__chains_and_inlined_types_derive_too)
{
    rig_add(&r, "version: v1\ntypes:\n"
                "  Dog: {fields: {zone: string, owner: ref<Person>}}\n"
                "  Person: {fields: {land: ref<Land>}}\n"
                "  Land: {fields: {name: string}}\n");
    PUT("v1", "Land", "de", "{\"name\": \"De\"}");
    PUT("v1", "Person", "ann", "{\"land\": \"de\"}");
    PUT("v1", "Dog", "rex", "{\"zone\": \"CET\", \"owner\": \"ann\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - move_field: {type: Dog, field: zone, to: Person, through: owner}\n"
                "  - move_field: {type: Person, field: zone, to: Land, through: land, as: time}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - inline_type: {type: Person, ref: land, fields: [time]}\n");
    LINE("{\"_key\": \"ann\", \"time\": \"CET\"}", "v3", "Person", "ann");
    ck_assert_int_eq(rig_sql(&r, DERIVED), 2);
    LINE("{\"_key\": \"de\", \"name\": \"De\", \"time\": \"CET\"}", "v2", "Land", "de");
    PUT("v3", "Person", "ann", "{\"time\": \"UTC\"}");
    LINE("{\"_key\": \"rex\", \"zone\": \"UTC\", \"owner\": \"ann\"}", "v1", "Dog", "rex");
}
END_TEST

static const char vets[] =
    "version: v1\n"
    "types:\n"
    "  Dog: {fields: {name: string, vet: {type: ref<Vet>, on_delete: unset}}}\n"
    "  Vet: {fields: {name: {type: string, required: true, unique: true}, "
    "phone: string}}\n";
static const char inlined[] = "version: v2\nfrom: v1\nmigrate:\n"
                              "  - inline_type: {type: Dog, ref: vet, fields: {name: vet}}\n";

static void with_vets(void)
{
    rig_add(&r, vets);
    PUT("v1", "Vet", "jo", "{\"name\": \"Jo\", \"phone\": \"1\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"vet\": \"jo\"}");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"vet\": \"jo\"}");
    PUT("v1", "Dog", "jo", "{\"name\": \"Tim\"}");
    rig_add(&r, inlined);
}

START_TEST(inline__writes_the_other_item_and_tells)
{
    with_vets();
    LINE("{\"_key\": \"rex\", \"name\": \"Rex\", \"vet\": \"Jo\"}", "v2", "Dog", "rex");
    take_told();
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"vet\": \"Joe\"}");
    take_told();
    assert_told("Vet", "jo");
    assert_told("Dog", "rex");
    assert_told("Dog", "zoe");
    LINE("{\"_key\": \"jo\", \"name\": \"Joe\", \"phone\": \"1\"}", "v1", "Vet", "jo");
    LINE("{\"_key\": \"zoe\", \"name\": \"Zoe\", \"vet\": \"Joe\"}", "v2", "Dog", "zoe");
}
END_TEST

START_TEST(inline__makes_an_item_under_a_key_like_the_holders)
{
    with_vets();
    PUT("v2", "Dog", "jo", "{\"name\": \"Tim\", \"vet\": \"Al\"}");
    LINE("{\"_key\": \"jo\", \"name\": \"Tim\", \"vet\": \"jo~2\"}", "v1", "Dog", "jo");
    LINE("{\"_key\": \"jo~2\", \"name\": \"Al\"}", "v1", "Vet", "jo~2");
    ck_assert_int_eq(rig_count(&r, "v1", "Vet"), 2);
    ck_assert_int_eq(rig_put(&r, "v2", "Dog", "new", "{\"vet\": \"Al\"}"), -1);
    ck_assert_int_eq(r.err.code, ERR_EXISTS);
    ck_assert_int_eq(rig_count(&r, "v1", "Vet"), 2);
    LINE("", "v2", "Dog", "new");
    ck_assert_msg(rig_delete(&r, "v1", "Vet", "jo~2") == 0, "%s", r.err.text);
    LINE("{\"_key\": \"jo\", \"name\": \"Tim\"}", "v2", "Dog", "jo");
}
END_TEST

START_TEST(inline__values_survive_finalize)
{
    with_vets();
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    PUT("v2", "Dog", "rex", "{\"name\": \"R\", \"vet\": \"Jo\"}");
    PUT("v2", "Dog", "jo", "{\"name\": \"Tim\", \"vet\": \"Al\"}");
    rig_reopen(&r, NULL);
    LINE("{\"_key\": \"rex\", \"name\": \"R\", \"vet\": \"Jo\"}", "v2", "Dog", "rex");
    PUT("v2", "Dog", "rex", "{\"name\": \"R\", \"vet\": \"Joe\"}");
    LINE("{\"_key\": \"zoe\", \"name\": \"Zoe\", \"vet\": \"Joe\"}", "v2", "Dog", "zoe");
    LINE("{\"_key\": \"jo\", \"name\": \"Tim\", \"vet\": \"Al\"}", "v2", "Dog", "jo");
}
END_TEST

START_TEST(inline__undoes_extract)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {breed: string, age: integer}}\n");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Pug\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - inline_type: {type: Dog, ref: breed, fields: {name: breed}}\n");
    LINE("{\"_key\": \"rex\", \"breed\": \"Pug\"}", "v3", "Dog", "rex");
    PUT("v3", "Dog", "new", "{\"breed\": \"Collie\"}");
    LINE("{\"_key\": \"new\", \"breed\": \"Collie\"}", "v1", "Dog", "new");
    PUT("v1", "Dog", "zoe", "{\"breed\": \"Pug\"}");
    LINE("{\"_key\": \"zoe\", \"breed\": \"Pug\"}", "v3", "Dog", "zoe");
    PUT("v3", "Dog", "rex", "{\"breed\": \"Mops\"}");
    LINE("{\"_key\": \"zoe\", \"breed\": \"Mops\"}", "v1", "Dog", "zoe");
    LINE("{\"_key\": \"Pug\", \"name\": \"Mops\"}", "v2", "Breed", "Pug");
    rig_backfill(&r);
    LINE("{\"_key\": \"rex\", \"breed\": \"Mops\"}", "v1", "Dog", "rex");
    LINE("{\"_key\": \"new\", \"breed\": \"Collie\"}", "v3", "Dog", "new");
}
END_TEST

/* ---- Writes by one version in a row ---- */

START_TEST(in_a_row__what_a_write_left_in_another_item_is_taken_back)
{
    moved_dogs();
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Berlin\"}", "v2", "Person", "ann");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Ulm\", \"owner\": \"ann\"}");
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Ulm\"}", "v2", "Person", "ann");
    take_told();
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"bob\"}");
    take_told();
    assert_told("Person", "ann");
    assert_told("Dog", "zoe");
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Berlin\"}", "v2", "Person", "ann");
    LINE("{\"_key\": \"bob\", \"name\": \"Bob\", \"city\": \"Kiel\"}", "v2", "Person", "bob");
    LINE("{\"_key\": \"zoe\", \"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"ann\"}", "v1", "Dog",
         "zoe");
    rig_reopen(&r, NULL);
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"ann\"}");
    LINE("{\"_key\": \"bob\", \"name\": \"Bob\", \"city\": \"Oslo\"}", "v2", "Person", "bob");
    old_texts();
}
END_TEST

static void inlined_dogs(void)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string, owner: ref<Person>}}\n"
                "  Person: {fields: {name: {type: string, unique: true}}}\n");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - inline_type: {type: Dog, ref: owner, fields: {name: owner_name}}\n");
}

START_TEST(in_a_row__an_item_that_a_write_made_is_made_anew_or_goes)
{
    uint64_t number;

    inlined_dogs();
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"owner_name\": \"Al\"}");
    LINE("{\"_key\": \"rex\", \"name\": \"Al\"}", "v1", "Person", "rex");
    number = rig_number(&r, "v1", "Person", "rex");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"owner_name\": \"Bo\"}");
    LINE("{\"_key\": \"rex\", \"name\": \"Bo\"}", "v1", "Person", "rex");
    ck_assert_uint_eq(rig_number(&r, "v1", "Person", "rex"), number);
    rig_changes(&r);
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    ck_assert_ptr_nonnull(strstr(rig_changes(&r), "REMOVED rex"));
    ck_assert_int_eq(rig_count(&r, "v1", "Person"), 0);
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"owner_name\": \"Cy\"}");
    LINE("{\"_key\": \"rex\", \"name\": \"Cy\"}", "v1", "Person", "rex");
}
END_TEST

START_TEST(in_a_row__an_item_that_another_refers_to_stays)
{
    inlined_dogs();
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"owner_name\": \"Al\"}");
    PUT("v1", "Dog", "zoe", "{\"owner\": \"rex\"}");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    LINE("{\"_key\": \"rex\", \"name\": \"Al\"}", "v1", "Person", "rex");
    LINE("{\"_key\": \"zoe\", \"owner\": \"rex\"}", "v1", "Dog", "zoe");
}
END_TEST

/* Who writes it as it is has it so, in whatever bytes. */
START_TEST(in_a_row__an_item_that_somebody_wrote_as_it_was_stays)
{
    inlined_dogs();
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"owner_name\": \"Al\"}");
    char *text = strdup(rig_get(&r, "v1", "Person", "rex"));
    PUT("v1", "Person", "rex", text);
    free(text);
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    LINE("{\"_key\": \"rex\", \"name\": \"Al\"}", "v1", "Person", "rex");
}
END_TEST

/* zoe sees what rex's second write alone would have left, also where one version is left. */
START_TEST(in_a_row__after_finalize)
{
    inlined_dogs();
    PUT("v2", "Dog", "rex", "{\"owner_name\": \"Al\"}");
    PUT("v1", "Dog", "zoe", "{\"owner\": \"rex\"}");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    PUT("v2", "Dog", "rex", "{\"owner_name\": null}");
    LINE("{\"_key\": \"zoe\", \"owner_name\": null}", "v2", "Dog", "zoe");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    LINE("{\"_key\": \"zoe\", \"owner_name\": \"Al\"}", "v2", "Dog", "zoe");
}
END_TEST

/* The name that the first write took from Al is another's by now: it does not come back. */
START_TEST(in_a_row__what_another_item_has_taken_does_not_come_back)
{
    inlined_dogs();
    PUT("v1", "Person", "al", "{\"name\": \"Al\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"owner\": \"al\"}");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"owner_name\": \"Alf\"}");
    PUT("v1", "Person", "new", "{\"name\": \"Al\"}");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rexy\", \"owner_name\": \"Alf\"}");
    LINE("{\"_key\": \"al\", \"name\": \"Alf\"}", "v1", "Person", "al");
    LINE("{\"_key\": \"rex\", \"name\": \"Rexy\", \"owner_name\": \"Alf\"}", "v2", "Dog", "rex");
}
END_TEST

/* A write that is refused takes nothing back. */
START_TEST(in_a_row__a_refused_write_leaves_all_as_it_is)
{
    inlined_dogs();
    PUT("v1", "Person", "al", "{\"name\": \"Al\"}");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"owner_name\": \"Bo\"}");
    ASSERT_REFUSED(rig_put(&r, "v2", "Dog", "rex", "{\"owner_name\": \"Al\"}"), ERR_EXISTS, "Al");
    LINE("{\"_key\": \"rex\", \"name\": \"Rex\", \"owner_name\": \"Bo\"}", "v2", "Dog", "rex");
    LINE("{\"_key\": \"rex\", \"name\": \"Bo\"}", "v1", "Person", "rex");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    ck_assert_int_eq(rig_count(&r, "v1", "Person"), 1);
}
END_TEST

/* What it was before, it was without the reference: it is not known any more what that led to. In one round it has
 * been brought up to date. */
START_TEST(in_a_row__ends_where_the_other_item_refers_to_a_record)
{
    moved_dogs();
    PUT("v1", "Dog", "rex", "{\"city\": \"Ulm\", \"owner\": \"ann\"}");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Person, fields: [name], into: Name, as: called}\n");
    if (_i)
        rig_backfill(&r);
    PUT("v1", "Dog", "rex", "{}");
    LINE("{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Ulm\"}", "v2", "Person", "ann");
}
END_TEST

/* Each write keeps what its readers saw, not what was there for a moment. */
START_TEST(in_a_row__history_has_what_was_seen)
{
    moved_dogs();
    PUT("v2", "Person", "ann", "{\"city\": \"Bonn\"}");
    PUT("v1", "Dog", "tim", "{\"city\": \"Ulm\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "tim", "{\"city\": \"Kiel\", \"owner\": \"ann\"}");
    ck_assert_int_eq(rig_sql(&r, "SELECT count(*) FROM history WHERE key = 'ann'"), 3);
    ck_assert_int_eq(rig_sql(&r, "SELECT count(*) FROM history WHERE key = 'ann' AND instr(body, 'Ulm') > 0 "
                                 "AND rev = (SELECT max(rev) FROM history WHERE key = 'ann')"),
                     1);
}
END_TEST

/* An object in an item from before a step on it: the other item gets what that step gives. */
START_TEST(move__of_an_object_from_before_a_step_stays_when_that_is_finalized)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {home: Box, owner: ref<Person>}}\n"
                "  Person: {fields: {}}\nobjects:\n  Box: {fields: {street: string, zip: string}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Dog", "rex", "{\"home\": {\"street\": \"a\", \"zip\": \"1\"}, \"owner\": \"ann\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - nest_fields: {type: Box, fields: [zip], into: code}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - move_field: {type: Dog, field: home, to: Person, through: owner}\n");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    LINE("{\"_key\": \"ann\", \"home\": {\"street\": \"a\", \"code\": {\"zip\": \"1\"}}}", "v3", "Person", "ann");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_links");
    TCase *tc = tcase_create("store_links");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, move__first_use_through_the_new_version_derives);
    tcase_add_test(tc, move__a_write_through_the_new_side_comes_after_the_old_values);
    tcase_add_test(tc, move__notices_name_the_items_that_show_it);
    tcase_add_test(tc, move__a_deleted_target_leaves_its_value_with_the_holders);
    tcase_add_test(tc, move__the_first_by_key_gives_its_value_in_any_order);
    tcase_add_test(tc, move__revert_wake_finalize);
    tcase_add_test(tc, move__chains_and_inlined_types_derive_too);
    tcase_add_test(tc, inline__writes_the_other_item_and_tells);
    tcase_add_test(tc, inline__makes_an_item_under_a_key_like_the_holders);
    tcase_add_test(tc, inline__values_survive_finalize);
    tcase_add_test(tc, inline__undoes_extract);
    tcase_add_test(tc, in_a_row__what_a_write_left_in_another_item_is_taken_back);
    tcase_add_test(tc, in_a_row__an_item_that_a_write_made_is_made_anew_or_goes);
    tcase_add_test(tc, in_a_row__an_item_that_another_refers_to_stays);
    tcase_add_test(tc, in_a_row__an_item_that_somebody_wrote_as_it_was_stays);
    tcase_add_test(tc, in_a_row__after_finalize);
    tcase_add_test(tc, in_a_row__what_another_item_has_taken_does_not_come_back);
    tcase_add_test(tc, in_a_row__a_refused_write_leaves_all_as_it_is);
    tcase_add_loop_test(tc, in_a_row__ends_where_the_other_item_refers_to_a_record, 0, 2);
    tcase_add_test(tc, in_a_row__history_has_what_was_seen);
    tcase_add_test(tc, move__of_an_object_from_before_a_step_stays_when_that_is_finalized);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
