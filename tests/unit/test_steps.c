/* Steps: what each kind makes of a small schema, what its formulas give, and what it refuses. */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/expr.h"
#include "schemas/json.h"
#include "schemas/schema.h"

static struct expr_env *env;

static const char base_text[] =
    "version: v1\n"
    "types:\n"
    "  Dog:\n"
    "    fields:\n"
    "      name:  {type: string, required: true}\n"
    "      breed: string\n"
    "      age:   {type: string, default: \"0\", check: \"length(age) < 9\"}\n"
    "      size:  Size\n"
    "      sizes: list<Size>\n"
    "      legs:  {type: integer, required: true, default: 4}\n"
    "      owner: {type: ref<Person>}\n"
    "      home:  Address\n"
    "      tags:  list<string>\n"
    "  Person:\n"
    "    fields: {email: {type: string, unique: true}, city: string, street: string}\n"
    "  Any: {fields: {j: json}}\n"
    "objects:\n"
    "  Address: {fields: {street: string, size: Size, zip: string}}\n"
    "enums:\n"
    "  Size: [small, medium, large]\n";

/* ---- Compiling ---- */

static struct version *compile_next(const char *text, struct version *parent, struct err *e)
{
    struct schema_counters first = {1, 1, SLOT_FIRST, 1};
    struct version *v = NULL;

    if (parent)
        first = (struct schema_counters){parent->number + 1, parent->step_end, parent->slot_end,
                                         parent->shape_end};
    if (schema_compile("v.yaml", span_of(text), parent, &first, env, &v, e))
        return NULL;
    return v;
}

static struct version *compile_ok(const char *text, struct version *parent)
{
    struct err e = ERR_INIT;
    struct version *v = compile_next(text, parent, &e);

    ck_assert_msg(v != NULL, "%u:%u: %s (expected: %s) in\n%s", e.line, e.column, e.text,
                  e.expected, text);
    return v;
}

/* A version v2 over the base: steps begin on line 4. */
static void steps_text(char *ret, size_t size, const char *steps)
{
    snprintf(ret, size, "version: v2\nfrom: v1\nmigrate:\n%s", steps);
}

static struct version *migrate(const char *steps)
{
    struct version *base = compile_ok(base_text, NULL), *v;
    char text[4096];

    steps_text(text, sizeof(text), steps);
    v = compile_ok(text, base);
    version_unref(base); /* v holds it */
    return v;
}

static struct shape *shape(const struct version *v, const char *name)
{
    struct shape *s = version_shape_named(v, span_of(name));

    ck_assert_msg(s != NULL, "no type %s", name);
    return s;
}

static struct field *field(const struct version *v, const char *type, const char *name)
{
    struct field *f = shape_field(shape(v, type), span_of(name));

    ck_assert_msg(f != NULL, "no field %s.%s", type, name);
    return f;
}

static bool has_field(const struct version *v, const char *type, const char *name)
{
    return shape_field(shape(v, type), span_of(name)) != NULL;
}

static slot_no slot(const struct version *v, const char *type, const char *name)
{
    return field(v, type, name)->slot;
}

static const struct formula *formula(const struct version *v, slot_no out, enum formula_dir dir)
{
    for (size_t i = 0; i < v->n_formulas; i++) {
        if (v->formulas[i]->out == out && v->formulas[i]->dir == dir)
            return v->formulas[i];
    }
    ck_abort_msg("no formula gives slot %u", (unsigned)out);
    return NULL;
}

static const struct formula *up(const struct version *v, const char *type, const char *name)
{
    return formula(v, slot(v, type, name), FORMULA_FORWARD);
}

static const struct formula *down(const struct version *v, const char *type, const char *name)
{
    return formula(v, slot(v->base, type, name), FORMULA_BACKWARD);
}

/* ---- Evaluating ---- */

/* The result on one line, "unset" when it is. inputs: name, JSON, ..., NULL. */
static const char *eval_prev(const struct formula *f, const char *prev, const char *const *inputs)
{
    static struct buf line;
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct span in[16] = {{0}};
    struct err e = ERR_INIT;
    bool set = true;

    for (; *inputs; inputs += 2) {
        bool known = false;

        for (size_t i = 0; i < f->n_inputs; i++) {
            if (strcmp(f->inputs[i].name, inputs[0]) == 0) {
                in[i] = span_of(inputs[1]);
                known = true;
            }
        }
        ck_assert_msg(known, "no input %s", inputs[0]);
    }
    ck_assert_int_eq(expr_eval(env, f, in, span_of(prev), &out, &set, &e), 0);
    buf_reset(&line);
    if (!set)
        return "unset";
    ck_assert(json_to_line(buf_span(&out), &line));
    return buf_str(&line);
}

#define EVAL(f, ...)            eval_prev(f, NULL, (const char *const[]){__VA_ARGS__, NULL})
#define EVAL_PREV(f, prev, ...) eval_prev(f, prev, (const char *const[]){__VA_ARGS__, NULL})

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

/* ---- Several fields ---- */

START_TEST(transform__both_directions_are_linked)
{
    struct version *v =
        migrate("- transform: {type: Person, add: {place: {type: string, required: true}},"
                " remove: [city, street], up: {place: \"coalesce(street || ', ', '') || city\"},"
                " down: {city: \"place\"}}\n");

    ck_assert(!has_field(v, "Person", "city") && !has_field(v, "Person", "street"));
    ck_assert_int_eq(up(v, "Person", "place")->mode, FORMULA_LINKED);
    ck_assert_str_eq(EVAL(up(v, "Person", "place"), "city", "\"Rome\"", "street", "\"Via\""),
                     "\"Via, Rome\"");
    ck_assert_str_eq(EVAL(down(v, "Person", "city"), "place", "\"Bonn\""), "\"Bonn\"");
    version_unref(v);
}
END_TEST

START_TEST(transform__a_field_takes_the_place_of_its_namesake)
{
    struct version *v = migrate("- transform: {type: Dog, add: {age: integer}, remove: [age],"
                                " up: {age: \"CAST(age AS INTEGER)\"}}\n");

    ck_assert_uint_ne(slot(v, "Dog", "age"), slot(v->base, "Dog", "age"));
    ck_assert_int_eq(up(v, "Dog", "age")->mode, FORMULA_SEEDED);
    ck_assert_uint_eq(up(v, "Dog", "age")->inputs[0].slot, slot(v->base, "Dog", "age"));
    version_unref(v);
}
END_TEST

START_TEST(split_field__parts_stand_in_its_place)
{
    struct version *v = migrate(
        "- split_field: {type: Person, field: city, into: {town: {as: string, up: \"substr(city, 1,"
        " instr(city || ' ', ' ') - 1)\"}, land: {as: string, up: \"substr(city, instr(city || ' ',"
        " ' ') + 1)\"}}, down: \"trim(town || ' ' || coalesce(land, ''))\"}\n");

    ck_assert_str_eq(shape(v, "Person")->fields[1].name, "town");
    ck_assert_str_eq(shape(v, "Person")->fields[2].name, "land");
    ck_assert_str_eq(EVAL(up(v, "Person", "town"), "city", "\"Rome Italy\""), "\"Rome\"");
    ck_assert_str_eq(EVAL(down(v, "Person", "city"), "town", "\"Rome\"", "land", "\"Italy\""),
                     "\"Rome Italy\"");
    version_unref(v);
}
END_TEST

START_TEST(merge_fields__mirror_image)
{
    struct version *v =
        migrate("- merge_fields: {type: Person, fields: {street: \"substr(place, 1,"
                " instr(place, ',') - 1)\", city: \"substr(place, instr(place, ',')"
                " + 1)\"}, into: place, as: string, up: \"street || ',' || city\"}\n");

    ck_assert_str_eq(shape(v, "Person")->fields[1].name, "place");
    ck_assert_uint_eq(shape(v, "Person")->n_fields, 2);
    ck_assert_str_eq(EVAL(up(v, "Person", "place"), "street", "\"a\"", "city", "\"b\""), "\"a,b\"");
    ck_assert_str_eq(EVAL(down(v, "Person", "city"), "place", "\"x,y\""), "\"y\"");
    version_unref(v);
}
END_TEST

START_TEST(extract_type__leaves_a_link)
{
    struct version *v = migrate("- extract_type: {type: Dog, fields: {breed: name, age: years},"
                                " into: Breed, as: breed, key: \"breed || age\"}\n");
    const struct link *l;

    ck_assert_uint_eq(v->n_links, 1);
    l = v->links[0];
    ck_assert_uint_eq(l->n, 2);
    ck_assert_uint_eq(l->ref, slot(v, "Dog", "breed"));
    ck_assert_uint_eq(l->here[0], slot(v->base, "Dog", "breed"));
    ck_assert_uint_eq(l->there[0], slot(v, "Breed", "name"));
    ck_assert_uint_eq(l->target_coll, shape(v, "Breed")->coll);
    ck_assert_ptr_nonnull(l->key);
    ck_assert_str_eq(EVAL(l->key, "breed", "\"pug\"", "age", "\"3\""), "\"pug3\"");
    ck_assert_uint_eq(v->n_formulas, 0);
    ck_assert_uint_eq(slot(v, "Dog", "breed"), shape(v, "Dog")->fields[1].slot);
    ck_assert(!field(v, "Dog", "breed")->required);
    ck_assert_str_eq(field(v, "Breed", "years")->check, "length(\"years\") < 9");
    ck_assert(!has_field(v, "Dog", "age"));
    version_unref(v);
}
END_TEST

START_TEST(extract_type__reference_is_required_with_its_value)
{
    struct version *v = migrate("- extract_type: {type: Dog, fields: [name, breed], into: Kind,"
                                " as: kind}\n");

    ck_assert(field(v, "Dog", "kind")->required);
    ck_assert(field(v, "Kind", "name")->required && !field(v, "Kind", "breed")->required);
    version_unref(v);
}
END_TEST

/* ---- Lists and objects ---- */

START_TEST(wrap_list__head_and_tail)
{
    struct version *v = migrate("- wrap_list: {type: Dog, field: age}\n");
    const struct formula *f = up(v, "Dog", "age"), *b = down(v, "Dog", "age");

    ck_assert_str_eq(EVAL(f, "age", "\"a\""), "[\"a\"]");
    ck_assert_str_eq(EVAL_PREV(f, "[\"x\", \"y\"]", "age", "\"a\""), "[\"a\", \"y\"]");
    ck_assert_str_eq(EVAL(f, "age", "null"), "null");
    ck_assert_str_eq(EVAL(b, "age", "[\"a\", \"b\"]"), "\"a\"");
    ck_assert_str_eq(EVAL(b, "age", "[]"), "\"0\"");
    ck_assert_str_eq(field(v, "Dog", "age")->def.p, "[\n    \"0\"\n  ]");
    version_unref(v);
}
END_TEST

START_TEST(unwrap_list__keeps_the_tail)
{
    struct version *v = migrate("- unwrap_list: {type: Dog, field: tags}\n");
    const struct formula *f = up(v, "Dog", "tags"), *b = down(v, "Dog", "tags");

    ck_assert_int_eq(field(v, "Dog", "tags")->type->base, T_STRING);
    ck_assert_str_eq(EVAL(f, "tags", "[\"a\", \"b\"]"), "\"a\"");
    ck_assert_str_eq(EVAL(f, "tags", "[]"), "unset");
    ck_assert_str_eq(EVAL(f, "tags", NULL), "unset");
    ck_assert_str_eq(EVAL_PREV(b, "[\"a\", \"b\"]", "tags", "\"c\""), "[\"c\", \"b\"]");
    version_unref(v);
}
END_TEST

START_TEST(nest_fields__into_an_object)
{
    struct version *v =
        migrate("- nest_fields: {type: Person, fields: {city: town, street: street},"
                " into: home, object: Home}\n");
    const struct formula *f = up(v, "Person", "home");

    ck_assert_str_eq(shape(v, "Home")->fields[0].name, "town");
    ck_assert_str_eq(EVAL(f, "city", "\"Rome\""), "{\"town\": \"Rome\"}");
    ck_assert_str_eq(EVAL(f, "city", NULL), "unset");
    ck_assert_str_eq(EVAL(f, "city", "null", "street", "\"x\""),
                     "{\"town\": null, \"street\": \"x\"}");
    ck_assert_str_eq(EVAL(down(v, "Person", "city"), "home", "{\"town\": \"Bonn\"}"), "\"Bonn\"");
    ck_assert_str_eq(EVAL(down(v, "Person", "street"), "home", "{\"town\": \"Bonn\"}"), "unset");
    version_unref(v);
}
END_TEST

START_TEST(nest_fields__too_deep_for_an_item_is_unset)
{
    struct version *v = migrate("- nest_fields: {type: Any, fields: [j], into: o}\n");
    char deep[2 * 63 + 1];

    for (size_t n = 62; n <= 63; n++) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        deep[2 * n] = '\0';
        ck_assert_int_eq(strcmp(EVAL(up(v, "Any", "o"), "j", deep), "unset") == 0, n == 63);
    }
    version_unref(v);
}
END_TEST

START_TEST(nest_fields__names_the_object_itself)
{
    struct version *v = migrate("- nest_fields: {type: Dog, fields: [name, legs], into: who}\n");

    ck_assert_int_eq(shape(v, "Dog_who")->kind, SHAPE_OBJECT);
    ck_assert(field(v, "Dog", "who")->required);
    ck_assert_str_eq(EVAL(up(v, "Dog", "who"), "name", "\"Rex\"", "legs", "4"),
                     "{\"name\": \"Rex\", \"legs\": 4}");
    version_unref(v);
}
END_TEST

START_TEST(unnest_fields__keeps_members_that_stay)
{
    struct version *v =
        migrate("- unnest_fields: {type: Dog, fields: {street: road}, into: home}\n");
    const struct formula *b = down(v, "Dog", "home");

    ck_assert(!has_field(v, "Dog", "home"));
    ck_assert_str_eq(EVAL(up(v, "Dog", "road"), "home", "{\"street\": \"a\", \"zip\": \"1\"}"),
                     "\"a\"");
    ck_assert_str_eq(EVAL_PREV(b, "{\"street\": \"a\", \"zip\": \"1\"}", "road", "\"b\""),
                     "{\"street\": \"b\", \"zip\": \"1\"}");
    ck_assert_str_eq(EVAL(b, "road", NULL), "unset");
    ck_assert_str_eq(EVAL_PREV(b, "{}", "road", NULL), "unset");
    version_unref(v);
}
END_TEST

START_TEST(unnest_fields__all_of_them)
{
    struct version *v = migrate("- rename_field: {type: Address, from: size, to: extent}\n"
                                "- unnest_fields: {type: Dog, into: home}\n");

    ck_assert_str_eq(shape(v, "Dog")->fields[7].name, "street");
    ck_assert_str_eq(shape(v, "Dog")->fields[9].name, "zip");
    ck_assert_str_eq(EVAL(down(v, "Dog", "home"), "street", "\"a\"", "zip", "\"1\""),
                     "{\"street\": \"a\", \"zip\": \"1\"}");
    version_unref(v);
}
END_TEST

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

/* Refused only after other steps. */
static void assert_refused(const char *steps, const char *wanted)
{
    struct version *base = compile_ok(base_text, NULL);
    struct err e = ERR_INIT;
    char text[4096];

    steps_text(text, sizeof(text), steps);
    ck_assert_ptr_null(compile_next(text, base, &e));
    ck_assert_str_eq(e.text, wanted);
    version_unref(base);
}

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

/* ---- Values ---- */

START_TEST(add_value__older_versions_see_its_stand_in)
{
    struct version *v = migrate("- add_value: {enum: Size, value: huge, as: large}\n");

    ck_assert_uint_eq(shape(v, "Size")->n_values, 4);
    ck_assert_str_eq(EVAL(up(v, "Dog", "size"), "size", "\"small\""), "\"small\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "size"), "size", "\"huge\""), "\"large\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "sizes"), "sizes", "[\"huge\", \"small\"]"),
                     "[\"large\", \"small\"]");
    ck_assert_str_eq(EVAL(down(v, "Address", "size"), "size", "\"huge\""), "\"large\"");
    ck_assert_uint_eq(down(v, "Address", "size")->shape, shape(v, "Address")->id);
    version_unref(v);
}
END_TEST

START_TEST(remove_value__defaults_follow)
{
    struct version *v = migrate("- change_default: {type: Dog, field: size, default: medium}\n"
                                "- change_default: {type: Dog, field: home,"
                                " default: {size: medium}}\n"
                                "- remove_value: {enum: Size, value: medium, as: small}\n");

    ck_assert_uint_eq(shape(v, "Size")->n_values, 2);
    ck_assert_str_eq(field(v, "Dog", "size")->def.p, "\"small\"");
    ck_assert_str_eq(field(v, "Dog", "home")->def.p, "{\n    \"size\": \"small\"\n  }");
    ck_assert_str_eq(EVAL(up(v, "Dog", "size"), "size", "\"medium\""), "\"small\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "size"), "size", "\"small\""), "\"small\"");
    version_unref(v);
}
END_TEST

START_TEST(rename_value__both_ways_and_shared_slots)
{
    struct version *v = migrate("- copy_type: {from: Dog, to: Cat}\n"
                                "- rename_value: {enum: Size, from: small, to: tiny}\n");

    ck_assert_str_eq(EVAL(up(v, "Dog", "size"), "size", "\"small\""), "\"tiny\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "size"), "size", "\"tiny\""), "\"small\"");
    ck_assert_uint_eq(slot(v, "Dog", "size"), slot(v, "Cat", "size"));
    version_unref(v);
}
END_TEST

START_TEST(map_values__unknown_ones_pass)
{
    struct version *v = migrate("- map_values: {type: Dog, field: tags, values: {a: x, b: x,"
                                " c: \"\"}}\n"
                                "- map_values: {type: Dog, field: legs, values: {\"4\": 5}}\n");

    ck_assert_str_eq(EVAL(up(v, "Dog", "tags"), "tags", "[\"a\", \"b\", \"q\"]"),
                     "[\"x\", \"x\", \"q\"]");
    ck_assert_str_eq(EVAL(down(v, "Dog", "tags"), "tags", "[\"x\", \"\"]"), "[\"a\", \"c\"]");
    ck_assert_str_eq(EVAL(up(v, "Dog", "legs"), "legs", "4"), "5");
    ck_assert_str_eq(field(v, "Dog", "legs")->def.p, "5");
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

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

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
    tcase_add_test(tc, transform__both_directions_are_linked);
    tcase_add_test(tc, transform__a_field_takes_the_place_of_its_namesake);
    tcase_add_test(tc, split_field__parts_stand_in_its_place);
    tcase_add_test(tc, merge_fields__mirror_image);
    tcase_add_test(tc, extract_type__leaves_a_link);
    tcase_add_test(tc, extract_type__reference_is_required_with_its_value);
    tcase_add_test(tc, wrap_list__head_and_tail);
    tcase_add_test(tc, unwrap_list__keeps_the_tail);
    tcase_add_test(tc, nest_fields__into_an_object);
    tcase_add_test(tc, nest_fields__too_deep_for_an_item_is_unset);
    tcase_add_test(tc, nest_fields__names_the_object_itself);
    tcase_add_test(tc, unnest_fields__keeps_members_that_stay);
    tcase_add_test(tc, unnest_fields__all_of_them);
    tcase_add_test(tc, move_field__new_slot_at_the_end_of_the_target);
    tcase_add_test(tc, move_field__what_one_value_could_not_keep);
    tcase_add_test(tc, inline_type__fields_at_the_place_of_the_reference);
    tcase_add_test(tc, inline_type__what_the_target_requires);
    tcase_add_test(tc, inline_type__while_something_else_refers_to_it);
    tcase_add_test(tc, add_value__older_versions_see_its_stand_in);
    tcase_add_test(tc, remove_value__defaults_follow);
    tcase_add_test(tc, rename_value__both_ways_and_shared_slots);
    tcase_add_test(tc, map_values__unknown_ones_pass);
    tcase_add_test(tc, add_unique__one_field_and_several);
    tcase_add_test(tc, add_unique__keys_follow_to_new_slots);
    tcase_add_test(tc, remove_unique__in_any_order);
    tcase_add_test(tc, add_check__mends_what_fails);
    tcase_add_test(tc, add_check__mends_see_the_item_as_it_was);
    tcase_add_test(tc, remove_check__own_and_added);
    tcase_add_loop_test(tc, step__refused_with_its_place, 0, ROWS(refusals));
    tcase_add_test(tc, link__a_value_stands_in_one_place);
    tcase_add_test(tc, link__no_circle);
    tcase_add_test(tc, restore_field__not_beside_what_took_its_place);
    tcase_add_test(tc, steps__compile_to_the_same_numbers_again);
    tcase_add_test(tc, steps__leave_a_note_each);
}

static void setup(void)
{
    struct err e = ERR_INIT;

    ck_assert_int_eq(expr_env_new(&env, &e), 0);
}

static void teardown(void)
{
    expr_env_free(env);
}

int main(void)
{
    Suite *suite = suite_create("steps");
    TCase *tc = tcase_create("steps");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    add_tests(tc);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
