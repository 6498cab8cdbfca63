/* Steps over references, and what every step refuses, with its place. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "steps_base.h"

/* ---- Over references ---- */

START_TEST(move_field__new_slot_at_the_end_of_the_target)
{
    struct version *v = migrate("- move_field: {type: Dog, field: age, to: Person, through: owner,"
                                " as: dog_age}\n");
    const struct shape *person = shape(v, "Person");
    const struct field *f = &person->fields[person->n_fields - 1];
    const struct link *l = v->links[0];

    ck_assert(!has_field(v, "Dog", "age"));
    ck_assert_str_eq(f->name, "dog_age");
    ck_assert_str_eq(f->check, "length(\"dog_age\") < 9");
    ck_assert_str_eq(f->def.p, "\"0\"");
    ck_assert_uint_eq(v->n_links, 1);
    ck_assert_int_eq(l->kind, LINK_MOVE);
    ck_assert_uint_eq(l->ref, slot(v, "Dog", "owner"));
    ck_assert_uint_eq(l->here[0], slot(v->base, "Dog", "age"));
    ck_assert_uint_eq(l->there[0], f->slot);
    ck_assert(v->notes[0].needs_backfill);
    version_unref(v);
}
END_TEST

START_TEST(move_field__what_one_value_could_not_keep)
{
    assert_refused("- add_unique: {type: Dog, fields: breed}\n"
                   "- move_field: {type: Dog, field: breed, to: Person, through: owner}\n",
                   "move_field: Dog.breed is unique; a value in Person shows in every Dog that "
                   "refers to it");
    assert_refused("- compute_field: {type: Dog, field: n, as: integer, value: \"length(name)\"}\n"
                   "- move_field: {type: Dog, field: n, to: Person, through: owner}\n",
                   "move_field: Dog.n is computed; remove_field and compute_field change it");
    assert_refused("- add_field: {type: Person, field: boss, as: ref<Person>}\n"
                   "- move_field: {type: Person, field: city, to: Person, through: boss}\n",
                   "move_field: Person.boss refers to Person, the same items");
}
END_TEST

START_TEST(inline_type__fields_at_the_place_of_the_reference)
{
    struct version *v = migrate("- inline_type: {type: Dog, ref: owner, fields:"
                                " {email: mail, city: town}}\n");
    const struct shape *dog = shape(v, "Dog");
    const struct link *l = v->links[0];

    ck_assert_ptr_null(version_shape_named(v, span_of("Person")));
    ck_assert_ptr_nonnull(version_shape_named(v->base, span_of("Person")));
    ck_assert(!has_field(v, "Dog", "owner"));
    ck_assert_str_eq(dog->fields[6].name, "mail");
    ck_assert_str_eq(dog->fields[7].name, "town");
    ck_assert_str_eq(dog->fields[8].name, "home");
    ck_assert(!dog->fields[6].unique);
    ck_assert_int_eq(l->kind, LINK_INLINE);
    ck_assert_uint_eq(l->ref, slot(v->base, "Dog", "owner"));
    ck_assert_uint_eq(l->here[1], dog->fields[7].slot);
    ck_assert_uint_eq(l->there[1], slot(v->base, "Person", "city"));
    ck_assert(!l->required);
    ck_assert(v->notes[0].needs_backfill);
    version_unref(v);
}
END_TEST

START_TEST(inline_type__what_the_target_requires)
{
    static const char inlined[] =
        "- require_field: {type: Person, field: email, up: \"'x'\"}\n"
        "- inline_type: {type: Dog, ref: owner, fields: {email: email, city: city}}\n";
    struct version *v = migrate(inlined);
    char text[512];

    ck_assert(!field(v, "Dog", "email")->required);
    ck_assert_str_eq(field(v, "Dog", "email")->check,
                     "\"email\" IS NOT NULL OR \"city\" IS NULL");
    version_unref(v);
    snprintf(text, sizeof(text), "- require_field: {type: Dog, field: owner, up: \"'x'\"}\n%s",
             inlined);
    v = migrate(text);
    ck_assert(field(v, "Dog", "email")->required);
    ck_assert_ptr_null(field(v, "Dog", "email")->check);
    ck_assert(v->links[0]->required);
    version_unref(v);
    assert_refused("- require_field: {type: Person, field: email, up: \"'x'\"}\n"
                   "- inline_type: {type: Dog, ref: owner, fields: [city]}\n",
                   "inline_type: older versions require Person.email, which has no default and is "
                   "not among `fields`");
}
END_TEST

START_TEST(inline_type__while_something_else_refers_to_it)
{
    assert_refused("- add_field: {type: Any, field: all, as: list<ref<Person>>}\n"
                   "- inline_type: {type: Dog, ref: owner, fields: [city]}\n",
                   "inline_type: Person is also used by Any.all, which is list<ref<Person>>");
    assert_refused("- copy_type: {from: Dog, to: Cat}\n"
                   "- inline_type: {type: Cat, ref: owner, fields: [city]}\n",
                   "inline_type: Person is also used by Dog.owner, which is ref<Person>");
    assert_refused("- add_field: {type: Person, field: boss, as: ref<Person>}\n"
                   "- inline_type: {type: Dog, ref: owner, fields: [boss]}\n",
                   "inline_type: Person.boss refers to Person itself, which is gone after this step");
    assert_refused("- add_field: {type: Dog, field: dam, as: ref<Dog>}\n"
                   "- inline_type: {type: Dog, ref: dam, fields: [breed]}\n",
                   "inline_type: Dog.dam refers to Dog, the same items");
}
END_TEST

/* ---- Over references, again ---- */

static void refused_after(const char *root, const char *first, const char *second, const char *text)
{
    struct version *v1 = compile_ok(root, NULL), *v2 = compile_ok(first, v1);
    struct err e = ERR_INIT;
    struct version *v3 = compile_next(second, v2, &e);
    ck_assert_msg(v3 == NULL, "accepted: %s", second);
    ck_assert_str_eq(e.text, text);
    version_unref(v2);
    version_unref(v1);
}

static const char linked_root[] =
    "version: v1\ntypes:\n"
    "  Dog: {fields: {name: string, breed: string, owner: ref<Person>}}\n"
    "  Person: {fields: {name: string, city: string, dog: ref<Dog>}}\n";

START_TEST(link__a_value_stands_in_one_place)
{
    refused_after(linked_root,
                  "version: v2\nfrom: v1\nmigrate:\n"
                  "  - remove_field: {type: Person, field: dog}\n"
                  "  - inline_type: {type: Dog, ref: owner, fields: {city: city}}\n",
                  "version: v3\nfrom: v2\nmigrate:\n"
                  "  - extract_type: {type: Dog, fields: [city], into: City, as: city}\n",
                  "extract_type: Dog.city stands in the items of Person since v2, and can't stand in "
                  "others as well");
}
END_TEST

START_TEST(link__no_circle)
{
    refused_after(linked_root,
                  "version: v2\nfrom: v1\nmigrate:\n"
                  "  - move_field: {type: Dog, field: breed, to: Person, through: owner}\n",
                  "version: v3\nfrom: v2\nmigrate:\n"
                  "  - move_field: {type: Person, field: city, to: Dog, through: dog}\n",
                  "move_field: fields of Dog stand in the items of Person already: a write would go "
                  "round in a circle");
}
END_TEST

START_TEST(restore_field__not_beside_what_took_its_place)
{
    refused_after(linked_root,
                  "version: v2\nfrom: v1\nmigrate:\n"
                  "  - extract_type: {type: Dog, fields: [breed], into: Breed, as: kind}\n",
                  "version: v3\nfrom: v2\nmigrate:\n"
                  "  - restore_field: {type: Dog, field: breed, from: v1}\n",
                  "restore_field: Dog.breed and \"kind\" are two sides of one extract_type, one type "
                  "can't show both");
}
END_TEST

START_TEST(restore_field__not_beside_what_it_was_inlined_as)
{
    refused_after(linked_root,
                  "version: v2\nfrom: v1\nmigrate:\n"
                  "  - extract_type: {type: Dog, fields: [breed], into: Breed, as: kind}\n"
                  "  - inline_type: {type: Dog, ref: kind, fields: {breed: race}}\n"
                  "  - change_type: {type: Dog, field: race, to: json}\n",
                  "version: v3\nfrom: v2\nmigrate:\n"
                  "  - restore_field: {type: Dog, field: breed, from: v1}\n",
                  "restore_field: Dog.breed and \"race\" are two sides of one extract_type, one type "
                  "can't show both");
}
END_TEST

START_TEST(extract_type__not_beside_its_other_side)
{
    refused_after(linked_root,
                  "version: v2\nfrom: v1\nmigrate:\n"
                  "  - split_field: {type: Dog, field: breed, into: {a: {as: string, up: breed}, "
                  "b: {as: string, up: breed}}, down: \"a || b\"}\n"
                  "  - restore_field: {type: Dog, field: breed, from: v1}\n",
                  "version: v3\nfrom: v2\nmigrate:\n"
                  "  - extract_type: {type: Dog, fields: [a], into: Part, as: part}\n",
                  "extract_type: Dog.part and \"breed\" are two sides of one extract_type, one type "
                  "can't show both");
}
END_TEST

START_TEST(move_field__not_over_what_it_gives)
{
    refused_after(linked_root,
                  "version: v2\nfrom: v1\nmigrate:\n"
                  "  - nest_fields: {type: Dog, fields: [name, owner], into: mark}\n"
                  "  - restore_field: {type: Dog, field: owner, from: v1}\n",
                  "version: v3\nfrom: v2\nmigrate:\n"
                  "  - move_field: {type: Dog, field: mark, to: Person, through: owner}\n",
                  "move_field: Dog.mark gives \"owner\": where the value stands would depend on the "
                  "value");
}
END_TEST

START_TEST(extract_type__not_of_what_another_item_changes)
{
    refused_after(linked_root,
                  "version: v2\nfrom: v1\nmigrate:\n"
                  "  - add_field: {type: Dog, field: label, as: string, up: \"owner || '!'\"}\n",
                  "version: v3\nfrom: v2\nmigrate:\n"
                  "  - extract_type: {type: Dog, fields: [label], into: Label, as: label}\n",
                  "extract_type: Dog.label is computed from \"owner\", which another item's name or "
                  "content changes: its value can't stand in other items");
}
END_TEST

/* ---- Refusals: the step's line is 4 ---- */

struct refusal {
    const char *step;
    unsigned column;
    const char *text;
};

static const struct refusal refusals[] = {
#include "steps_refused.h"
};

/* "text*": begins like that (the rest is other modules' to say). */
static bool text_is(const char *text, const char *wanted)
{
    size_t n = strlen(wanted);

    if (n && wanted[n - 1] == '*')
        return strncmp(text, wanted, n - 1) == 0;
    return strcmp(text, wanted) == 0;
}

START_TEST(step__refused_with_its_place)
{
    const struct refusal *row = &refusals[_i];
    struct version *base = compile_ok(base_text, NULL), *v;
    struct err e = ERR_INIT;
    char text[4096];

    steps_text(text, sizeof(text), row->step);
    v = compile_next(text, base, &e);
    ck_assert_msg(v == NULL, "accepted: %s", row->step);
    ck_assert_msg(text_is(e.text, row->text), "%s: \"%s\" instead of \"%s\"", row->step, e.text,
                  row->text);
    ck_assert_msg(e.line == 4 && e.column == row->column, "%s: at %u:%u, not 4:%u", row->step,
                  e.line, e.column, row->column);
    ck_assert(e.field[0] || strstr(e.text, "is not a step"));
    version_unref(base);
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, move_field__new_slot_at_the_end_of_the_target);
    tcase_add_test(tc, move_field__what_one_value_could_not_keep);
    tcase_add_test(tc, inline_type__fields_at_the_place_of_the_reference);
    tcase_add_test(tc, inline_type__what_the_target_requires);
    tcase_add_test(tc, inline_type__while_something_else_refers_to_it);
    tcase_add_test(tc, link__a_value_stands_in_one_place);
    tcase_add_test(tc, link__no_circle);
    tcase_add_test(tc, restore_field__not_beside_what_took_its_place);
    tcase_add_test(tc, restore_field__not_beside_what_it_was_inlined_as);
    tcase_add_test(tc, extract_type__not_beside_its_other_side);
    tcase_add_test(tc, move_field__not_over_what_it_gives);
    tcase_add_test(tc, extract_type__not_of_what_another_item_changes);
    tcase_add_loop_test(tc, step__refused_with_its_place, 0, ROWS(refusals));
}

int main(void)
{
    return steps_run("steps_links", add_tests);
}
