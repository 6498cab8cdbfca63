/* Steps on types, single fields and constraints: what each kind makes of a small schema, and what its
 * formulas give. */
#include <check.h>

#include "steps_base.h"

/* ---- Types ---- */

START_TEST(add_type__item_object_and_enum)
{
    struct version *v = migrate("- add_type: {type: Coat, kind: enum, values: [short, long]}\n"
                                "- add_type: {type: Chip, kind: object, fields: {no: integer}}\n"
                                "- add_type: {type: Vet, open: true, fields: {coat: Coat,"
                                " chip: Chip, boss: ref<Vet>, name: {type: string, required: true,"
                                " unique: true}}}\n");

    ck_assert_int_eq(shape(v, "Coat")->kind, SHAPE_ENUM);
    ck_assert_uint_eq(shape(v, "Coat")->n_values, 2);
    ck_assert_int_eq(shape(v, "Chip")->kind, SHAPE_OBJECT);
    ck_assert(shape(v, "Vet")->open);
    ck_assert_uint_eq(shape(v, "Vet")->n_fields, 4);
    ck_assert_uint_eq(shape(v, "Vet")->n_uniques, 1);
    ck_assert_uint_ne(shape(v, "Vet")->coll, 0);
    ck_assert_uint_eq(field(v, "Vet", "boss")->type->shape, shape(v, "Vet")->id);
    ck_assert_uint_eq(v->n_formulas, 0);
    ck_assert_uint_eq(v->n_notes, 3);
    version_unref(v);
}
END_TEST

START_TEST(rename_type__fields_follow)
{
    struct version *v = migrate("- rename_type: {from: Person, to: Human}\n"
                                "- rename_type: {from: Size, to: Bulk}\n");

    ck_assert_uint_eq(field(v, "Dog", "owner")->type->shape, shape(v, "Human")->id);
    ck_assert_uint_eq(shape(v, "Human")->id, shape(v->base, "Person")->id);
    ck_assert_uint_eq(field(v, "Dog", "size")->type->shape, shape(v, "Bulk")->id);
    version_unref(v);
}
END_TEST

START_TEST(remove_type__after_its_last_use)
{
    struct version *v = migrate("- remove_field: {type: Dog, field: owner}\n"
                                "- remove_type: {type: Person}\n");

    ck_assert_ptr_null(version_shape_named(v, span_of("Person")));
    ck_assert_ptr_nonnull(version_shape_named(v->base, span_of("Person")));
    ck_assert(v->notes[1].destructive);
    version_unref(v);
}
END_TEST

START_TEST(copy_type__shares_slots_and_has_its_own)
{
    struct version *v =
        migrate("- copy_type: {from: Person, to: Person2, fields: {mail: email,"
                " city: \"upper(city)\", n: {as: integer, up: \"length(email)\"}}}\n");

    ck_assert_uint_eq(shape(v, "Person2")->coll, shape(v, "Person")->coll);
    ck_assert_uint_ne(shape(v, "Person2")->id, shape(v, "Person")->id);
    ck_assert_uint_eq(slot(v, "Person2", "street"), slot(v, "Person", "street"));
    ck_assert_uint_ne(slot(v, "Person2", "city"), slot(v, "Person", "city"));
    ck_assert_str_eq(shape(v, "Person2")->fields[1].name, "city");
    ck_assert_str_eq(EVAL(up(v, "Person2", "city"), "city", "\"Oslo\""), "\"OSLO\"");
    ck_assert_str_eq(EVAL(up(v, "Person2", "n"), "email", "\"a@b\""), "3");
    ck_assert_int_eq(up(v, "Person2", "mail")->mode, FORMULA_SEEDED);
    version_unref(v);
}
END_TEST

/* ---- Fields ---- */

START_TEST(add_field__up_seeds_it)
{
    struct version *v = migrate("- add_field: {type: Dog, field: loud, as: {type: string,"
                                " default: no}, up: \"CASE WHEN breed = 'husky' THEN 'yes' END\"}\n"
                                "- add_field: {type: Dog, field: note, as: string}\n"
                                "- add_field: {type: Address, field: door, as: integer}\n");

    ck_assert_int_eq(up(v, "Dog", "loud")->mode, FORMULA_SEEDED);
    ck_assert_str_eq(EVAL(up(v, "Dog", "loud"), "breed", "\"husky\""), "\"yes\"");
    ck_assert_uint_eq(v->n_formulas, 1);
    ck_assert_str_eq(shape(v, "Dog")->fields[10].name, "note");
    ck_assert(has_field(v, "Address", "door"));
    ck_assert(!has_field(v->base, "Address", "door"));
    ck_assert(v->notes[0].needs_backfill && !v->notes[1].needs_backfill);
    version_unref(v);
}
END_TEST

START_TEST(remove_field__down_speaks_the_new_names)
{
    struct version *v =
        migrate("- rename_field: {type: Dog, from: breed, to: race}\n"
                "- remove_field: {type: Dog, field: name, down: \"race || _key\"}\n");

    ck_assert(!has_field(v, "Dog", "name"));
    ck_assert_int_eq(down(v, "Dog", "name")->mode, FORMULA_SEEDED);
    ck_assert_str_eq(EVAL(down(v, "Dog", "name"), "race", "\"pug \"", "_key", "\"1\""),
                     "\"pug 1\"");
    version_unref(v);
}
END_TEST

START_TEST(rename_field__keeps_slot_and_takes_checks_along)
{
    struct version *v = migrate("- rename_field: {type: Dog, from: age, to: years}\n");

    ck_assert_uint_eq(slot(v, "Dog", "years"), slot(v->base, "Dog", "age"));
    ck_assert_str_eq(field(v, "Dog", "years")->check, "length(years) < 9");
    ck_assert_str_eq(field(v->base, "Dog", "age")->check, "length(age) < 9");
    ck_assert_uint_eq(v->n_formulas, 0);
    version_unref(v);
}
END_TEST

START_TEST(rename_field__swaps_over_a_third_name)
{
    struct version *v = migrate("- rename_field: {type: Person, from: city, to: x}\n"
                                "- rename_field: {type: Person, from: street, to: city}\n"
                                "- rename_field: {type: Person, from: x, to: street}\n");

    ck_assert_uint_eq(slot(v, "Person", "city"), slot(v->base, "Person", "street"));
    ck_assert_uint_eq(slot(v, "Person", "street"), slot(v->base, "Person", "city"));
    version_unref(v);
}
END_TEST

START_TEST(restore_field__shows_the_slot_again)
{
    struct version *v2 = migrate("- remove_field: {type: Dog, field: breed}\n");
    struct version *v3 = compile_ok("version: v3\nfrom: v2\nmigrate:\n"
                                    "- restore_field: {type: Dog, field: breed, from: v1}\n",
                                    v2);

    ck_assert_uint_eq(slot(v3, "Dog", "breed"), slot(v2->base, "Dog", "breed"));
    ck_assert_uint_eq(v3->n_formulas, 0);
    version_unref(v2);
    version_unref(v3);
}
END_TEST

START_TEST(restore_field__with_its_check_and_key)
{
    struct version *v2 = migrate("- remove_field: {type: Dog, field: age}\n"
                                 "- remove_field: {type: Person, field: email}\n");
    struct version *v3 = compile_ok("version: v3\nfrom: v2\nmigrate:\n"
                                    "- restore_field: {type: Dog, field: age, from: v1}\n"
                                    "- restore_field: {type: Person, field: email, from: v1}\n",
                                    v2);

    ck_assert_str_eq(field(v3, "Dog", "age")->check, "length(age) < 9");
    ck_assert_uint_eq(shape(v3, "Person")->n_uniques, 1);
    ck_assert_uint_eq(shape(v3, "Person")->uniques[0].id, slot(v2->base, "Person", "email"));
    version_unref(v2);
    version_unref(v3);
}
END_TEST

START_TEST(compute_field__is_read_only)
{
    struct version *v = migrate("- compute_field: {type: Dog, field: title, as: string,"
                                " value: \"name || ', ' || coalesce(breed, 'mixed')\"}\n");

    ck_assert(field(v, "Dog", "title")->read_only);
    ck_assert_int_eq(up(v, "Dog", "title")->mode, FORMULA_COMPUTED);
    ck_assert_str_eq(EVAL(up(v, "Dog", "title"), "name", "\"Rex\""), "\"Rex, mixed\"");
    version_unref(v);
}
END_TEST

START_TEST(reorder_fields__the_others_follow)
{
    struct version *v = migrate("- reorder_fields: {type: Person, fields: [street]}\n");
    const struct shape *s = shape(v, "Person");

    ck_assert_str_eq(s->fields[0].name, "street");
    ck_assert_str_eq(s->fields[1].name, "email");
    ck_assert_str_eq(s->fields[2].name, "city");
    version_unref(v);
}
END_TEST

START_TEST(require_field__with_and_without_up)
{
    struct version *v =
        migrate("- require_field: {type: Dog, field: age}\n"
                "- require_field: {type: Dog, field: breed, up: \"'mixed' -- or so\"}\n");

    ck_assert(field(v, "Dog", "age")->required);
    ck_assert_uint_eq(slot(v, "Dog", "age"), slot(v->base, "Dog", "age"));
    ck_assert(field(v, "Dog", "breed")->required && !field(v->base, "Dog", "breed")->required);
    ck_assert_str_eq(EVAL(up(v, "Dog", "breed"), "breed", NULL), "\"mixed\"");
    ck_assert_str_eq(EVAL(up(v, "Dog", "breed"), "breed", "\"pug\""), "\"pug\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "breed"), "breed", "\"pug\""), "\"pug\"");
    ck_assert_int_eq(up(v, "Dog", "breed")->mode, FORMULA_LINKED);
    version_unref(v);
}
END_TEST

START_TEST(relax_field__with_and_without_down)
{
    struct version *v = migrate("- relax_field: {type: Dog, field: legs}\n"
                                "- relax_field: {type: Dog, field: name, down: \"_key\"}\n");

    ck_assert(!field(v, "Dog", "legs")->required && !field(v, "Dog", "name")->required);
    ck_assert_uint_eq(slot(v, "Dog", "legs"), slot(v->base, "Dog", "legs"));
    ck_assert_str_eq(EVAL(down(v, "Dog", "name"), "_key", "\"rex\""), "\"rex\"");
    ck_assert_str_eq(EVAL(up(v, "Dog", "name"), "name", "\"Rex\""), "\"Rex\"");
    version_unref(v);
}
END_TEST

START_TEST(change_default__definition_only)
{
    struct version *v = migrate("- change_default: {type: Dog, field: age, default: \"1\"}\n"
                                "- change_default: {type: Dog, field: tags, default: [a]}\n");

    ck_assert_str_eq(field(v, "Dog", "age")->def.p, "\"1\"");
    ck_assert_str_eq(field(v->base, "Dog", "age")->def.p, "\"0\"");
    ck_assert_uint_eq(slot(v, "Dog", "age"), slot(v->base, "Dog", "age"));
    version_unref(v);
}
END_TEST

START_TEST(change_default__without_a_value_takes_it_away)
{
    struct version *v = migrate("- change_default: {type: Dog, field: age}\n");

    ck_assert_ptr_null(field(v, "Dog", "age")->def.p);
    version_unref(v);
}
END_TEST

/* ---- change_type ---- */

START_TEST(change_type__with_expressions)
{
    struct version *v = migrate("- change_type: {type: Dog, field: age, to: {type: integer,"
                                " default: 0}, up: \"CAST(age AS INTEGER)\","
                                " down: \"CAST(age AS TEXT)\"}\n");

    ck_assert_uint_ne(slot(v, "Dog", "age"), slot(v->base, "Dog", "age"));
    ck_assert_str_eq(EVAL(up(v, "Dog", "age"), "age", "\"12\""), "12");
    ck_assert_str_eq(EVAL(down(v, "Dog", "age"), "age", "12"), "\"12\"");
    ck_assert_int_eq(up(v, "Dog", "age")->mode, FORMULA_LINKED);
    ck_assert_ptr_null(field(v, "Dog", "age")->check);
    version_unref(v);
}
END_TEST

START_TEST(change_type__widening_needs_no_expressions)
{
    struct version *v = migrate("- change_type: {type: Dog, field: legs, to: {type: string,"
                                " required: true, default: \"4\"}}\n");

    ck_assert_str_eq(EVAL(up(v, "Dog", "legs"), "legs", "3"), "\"3\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "legs"), "legs", "\"3\""), "3");
    /* What does not fit shows the old default. */
    ck_assert_str_eq(EVAL(down(v, "Dog", "legs"), "legs", "\"three\""), "4");
    version_unref(v);
}
END_TEST

START_TEST(change_type__way_back_is_found)
{
    struct version *v = migrate("- change_type: {type: Dog, field: age, to: number,"
                                " up: \"CAST(age AS REAL)\"}\n");

    ck_assert_str_eq(EVAL(down(v, "Dog", "age"), "age", "1.50"), "\"1.50\"");
    version_unref(v);
}
END_TEST

START_TEST(change_type__same_type_changes_the_definition)
{
    struct version *v = migrate("- change_type: {type: Person, field: email, to: {type: string,"
                                " default: none}}\n");

    ck_assert_uint_eq(slot(v, "Person", "email"), slot(v->base, "Person", "email"));
    ck_assert(!field(v, "Person", "email")->unique);
    ck_assert_uint_eq(shape(v, "Person")->n_uniques, 0);
    ck_assert_uint_eq(shape(v->base, "Person")->n_uniques, 1);
    ck_assert_uint_eq(v->n_formulas, 0);
    version_unref(v);
}
END_TEST

/* ---- Constraints ---- */

START_TEST(add_unique__one_field_and_several)
{
    struct version *v = migrate("- add_unique: {type: Dog, fields: name}\n"
                                "- add_unique: {type: Dog, fields: [breed, legs]}\n"
                                "- rename_value: {enum: Size, from: small, to: tiny}\n");

    ck_assert(field(v, "Dog", "name")->unique);
    ck_assert_uint_eq(shape(v, "Dog")->n_uniques, 2);
    ck_assert(v->notes[0].scans);
    version_unref(v);
}
END_TEST

START_TEST(add_unique__keys_follow_to_new_slots)
{
    struct version *v = migrate("- add_unique: {type: Dog, fields: [breed, size]}\n"
                                "- rename_value: {enum: Size, from: small, to: tiny}\n");
    const struct shape *s = shape(v, "Dog");

    ck_assert_uint_eq(s->n_uniques, 1);
    ck_assert_uint_eq(s->uniques[0].slots[1], slot(v, "Dog", "size"));
    ck_assert(v->notes[1].scans);
    version_unref(v);
}
END_TEST

START_TEST(remove_unique__in_any_order)
{
    struct version *v = migrate("- add_unique: {type: Dog, fields: [breed, legs]}\n"
                                "- remove_unique: {type: Dog, fields: [legs, breed]}\n"
                                "- remove_unique: {type: Person, fields: [email]}\n");

    ck_assert_uint_eq(shape(v, "Dog")->n_uniques, 0);
    ck_assert_uint_eq(shape(v, "Person")->n_uniques, 0);
    version_unref(v);
}
END_TEST

START_TEST(add_check__mends_what_fails)
{
    struct version *v =
        migrate("- add_check: {type: Dog, check: \"legs >= 0\", up: \"abs(legs)\"}\n");
    const struct formula *f = up(v, "Dog", "legs");

    ck_assert_uint_eq(shape(v, "Dog")->n_checks, 1);
    ck_assert_str_eq(EVAL(f, "legs", "-3"), "3");
    ck_assert_str_eq(EVAL(f, "legs", "5"), "5");
    ck_assert_str_eq(EVAL(down(v, "Dog", "legs"), "legs", "5"), "5");
    version_unref(v);
}
END_TEST

START_TEST(add_check__mends_see_the_item_as_it_was)
{
    struct version *v = migrate("- add_check: {type: Person, check: \"city <> street\", up:"
                                " {city: \"'a'\", street: \"'b'\"}}\n");

    ck_assert_str_eq(EVAL(up(v, "Person", "city"), "city", "\"x\"", "street", "\"x\""), "\"a\"");
    ck_assert_str_eq(EVAL(up(v, "Person", "street"), "city", "\"x\"", "street", "\"x\""), "\"b\"");
    ck_assert_str_eq(EVAL(up(v, "Person", "street"), "street", "\"x\""), "\"x\"");
    version_unref(v);
}
END_TEST

START_TEST(remove_check__own_and_added)
{
    struct version *v = migrate("- add_check: {type: Dog, check: \"legs >= 0\", up: \"0\"}\n"
                                "- remove_check: {type: Dog, check: \"legs >= 0\"}\n"
                                "- remove_check: {type: Dog, check: \"length(age) < 9\"}\n");

    ck_assert_uint_eq(shape(v, "Dog")->n_checks, 0);
    ck_assert_ptr_null(field(v, "Dog", "age")->check);
    version_unref(v);
}
END_TEST

/* ---- Numbers ---- */

START_TEST(steps__compile_to_the_same_numbers_again)
{
    static const char steps[] = "- rename_value: {enum: Size, from: small, to: tiny}\n"
                                "- extract_type: {type: Dog, fields: {breed: name}, into: Breed,"
                                " as: breed}\n"
                                "- nest_fields: {type: Person, fields: [city], into: home}\n"
                                "- copy_type: {from: Dog, to: Cat, fields: {nick: name}}\n";
    struct version *a = migrate(steps), *b = migrate(steps);

    ck_assert_uint_eq(a->slot_end, b->slot_end);
    ck_assert_uint_eq(a->shape_end, b->shape_end);
    ck_assert_uint_eq(a->step_end, b->step_end);
    for (size_t i = 0; i < a->n_shapes; i++) {
        ck_assert_uint_eq(a->shapes[i]->id, b->shapes[i]->id);
        for (size_t j = 0; j < a->shapes[i]->n_fields; j++)
            ck_assert_uint_eq(a->shapes[i]->fields[j].slot, b->shapes[i]->fields[j].slot);
    }
    version_unref(a);
    version_unref(b);
}
END_TEST

START_TEST(steps__leave_a_note_each)
{
    struct version *v = migrate("- description: first\n  steps:\n"
                                "  - rename_field: {type: Dog, from: name, to: call_name}\n"
                                "- remove_field: {type: Dog, field: breed}\n");

    ck_assert_uint_eq(v->n_notes, 2);
    ck_assert_str_eq(v->notes[0].what, "Dog.name becomes Dog.call_name");
    ck_assert_str_eq(v->notes[0].group, "first");
    ck_assert_str_eq(v->notes[1].step, "remove_field");
    ck_assert_str_eq(v->notes[1].loses, "finalize drops the values of Dog.breed");
    ck_assert_uint_eq(v->notes[1].shape, shape(v, "Dog")->id);
    version_unref(v);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, add_type__item_object_and_enum);
    tcase_add_test(tc, rename_type__fields_follow);
    tcase_add_test(tc, remove_type__after_its_last_use);
    tcase_add_test(tc, copy_type__shares_slots_and_has_its_own);
    tcase_add_test(tc, add_field__up_seeds_it);
    tcase_add_test(tc, remove_field__down_speaks_the_new_names);
    tcase_add_test(tc, rename_field__keeps_slot_and_takes_checks_along);
    tcase_add_test(tc, rename_field__swaps_over_a_third_name);
    tcase_add_test(tc, restore_field__shows_the_slot_again);
    tcase_add_test(tc, restore_field__with_its_check_and_key);
    tcase_add_test(tc, compute_field__is_read_only);
    tcase_add_test(tc, reorder_fields__the_others_follow);
    tcase_add_test(tc, require_field__with_and_without_up);
    tcase_add_test(tc, relax_field__with_and_without_down);
    tcase_add_test(tc, change_default__definition_only);
    tcase_add_test(tc, change_default__without_a_value_takes_it_away);
    tcase_add_test(tc, change_type__with_expressions);
    tcase_add_test(tc, change_type__widening_needs_no_expressions);
    tcase_add_test(tc, change_type__way_back_is_found);
    tcase_add_test(tc, change_type__same_type_changes_the_definition);
    tcase_add_test(tc, add_unique__one_field_and_several);
    tcase_add_test(tc, add_unique__keys_follow_to_new_slots);
    tcase_add_test(tc, remove_unique__in_any_order);
    tcase_add_test(tc, add_check__mends_what_fails);
    tcase_add_test(tc, add_check__mends_see_the_item_as_it_was);
    tcase_add_test(tc, remove_check__own_and_added);
    tcase_add_test(tc, steps__compile_to_the_same_numbers_again);
    tcase_add_test(tc, steps__leave_a_note_each);
}

int main(void)
{
    return steps_run("steps", add_tests);
}
