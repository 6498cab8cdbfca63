/* Schema files into compiled versions: numbers, steps, findings. */
#include <check.h>
#include <stdio.h>

#include "schema_rig.h"
#include "schemas/json.h"
#include "schemas/lint.h"
#include "schemas/sql_names.h"

/* ---- Roots ---- */

START_TEST(schema__root_numbers_in_the_order_of_the_file)
{
    struct version *v = compile(dogs, NULL);

    assert_shapes(v, "Dog(name: string!, breed: string, age: integer=0, owner: ref<Person>) "
                     "Person(email: string) Size(small large)");
    ck_assert_uint_eq(shape(v, "Dog")->id, 1);
    ck_assert_uint_eq(shape(v, "Dog")->coll, 2);
    ck_assert_uint_eq(shape(v, "Person")->id, 3);
    ck_assert_uint_eq(shape(v, "Size")->id, 5);
    ck_assert_uint_eq(shape(v, "Size")->coll, 0);
    ck_assert_uint_eq(field(v, "Dog", "name")->slot, SLOT_FIRST);
    ck_assert_uint_eq(field(v, "Person", "email")->slot, SLOT_FIRST + 4);
    ck_assert_uint_eq(v->slot_end, SLOT_FIRST + 5);
    ck_assert_uint_eq(v->step_first, v->step_end);
    ck_assert_uint_eq(shape(v, "Person")->n_uniques, 1);
    ck_assert_uint_eq(shape(v, "Person")->uniques[0].id, SLOT_FIRST + 4);
    ck_assert_int_eq(version_shape_index(v, 3), 1);
    version_unref(v);
}
END_TEST

START_TEST(schema__objects_may_contain_themselves_where_it_is_optional)
{
    struct version *v = compile("version: v1\n"
                                "types: {Tree: {fields: {root: {type: Node, required: true}}}}\n"
                                "objects:\n"
                                "  Node:\n"
                                "    fields:\n"
                                "      left: Node\n"
                                "      more: {type: list<Node>, required: true}\n"
                                "      by: {type: map<Node>, required: true}\n",
                                NULL);

    ck_assert_int_eq(field(v, "Node", "left")->type->base, T_OBJECT);
    ck_assert(type_structured(field(v, "Node", "more")->type));
    version_unref(v);
}
END_TEST

START_TEST(schema__defaults_are_canonical)
{
    struct version *v = compile("version: v1\n"
                                "types:\n"
                                "  A:\n"
                                "    fields:\n"
                                "      n: {type: number, default: 1.50}\n"
                                "      l: {type: list<string>, default: [a, \"b\\u00e9\"]}\n"
                                "      e: {type: list<ref<A>>, default: []}\n"
                                "      o: {type: O, default: {x: 1}}\n"
                                "objects: {O: {fields: {x: {type: integer, required: true}}}}\n",
                                NULL);

    ck_assert(span_eq(field(v, "A", "n")->def, span_of("1.50")));
    ck_assert(
        span_eq(field(v, "A", "l")->def, span_of("[\n    \"a\",\n    \"b\xc3\xa9\"\n  ]")));
    ck_assert(span_eq(field(v, "A", "e")->def, span_of("[]")));
    ck_assert(span_eq(field(v, "A", "o")->def, span_of("{\n    \"x\": 1\n  }")));
    version_unref(v);
}
END_TEST

START_TEST(schema__types_print_as_they_are_written)
{
    static const char *const types[] = {"string", "list<map<ref<A>>>", "map<O>", "list<list<E>>",
                                        "json"};
    BUF_CLEANUP struct buf text = BUF_INIT;
    struct version *v;

    buf_adds(&text, "version: v1\nobjects: {O: {fields: {x: string}}}\nenums: {E: [a]}\n"
                    "types:\n  A:\n    fields:\n");
    for (size_t i = 0; i < 5; i++)
        buf_printf(&text, "      f%zu: %s\n", i, types[i]);
    v = compile(buf_str(&text), NULL);
    for (size_t i = 0; i < 5; i++) {
        BUF_CLEANUP struct buf out = BUF_INIT;
        const struct type_ref *t = shape(v, "A")->fields[i].type;

        ck_assert(type_print(t, v->shapes, v->n_shapes, &out));
        ck_assert_str_eq(buf_str(&out), types[i]);
        ck_assert(type_equal(t, t));
        ck_assert(!type_equal(t, shape(v, "A")->fields[(i + 1) % 5].type));
    }
    ck_assert(!type_structured(field(v, "A", "f3")->type));
    ck_assert(type_structured(field(v, "A", "f1")->type));
    version_unref(v);
}
END_TEST

START_TEST(schema__more_fields_than_the_limit_are_refused)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    struct version *v = NULL;
    struct err e = ERR_INIT;

    buf_adds(&text, "version: v1\ntypes:\n  A:\n    fields:\n");
    for (unsigned i = 0; i <= FIELDS_MAX; i++)
        buf_printf(&text, "      f%u: string\n", i);
    ck_assert_int_eq(try_compile(buf_str(&text), NULL, &v, &e), -1);
    ck_assert_str_eq(e.text, "A has more than 2048 fields");
    ck_assert_uint_eq(e.line, 5 + FIELDS_MAX);
}
END_TEST

START_TEST(schema__expressions_over_a_wide_type)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    struct version *v;

    buf_adds(&text, "version: v1\ntypes:\n  A:\n    fields:\n");
    for (unsigned i = 0; i < FIELDS_MAX; i++)
        buf_printf(&text, "      f%u: {type: integer%s}\n", i,
                   i == 1999 ? ", check: f1999 > f7" : "");
    v = compile(buf_str(&text), NULL);
    ck_assert_uint_eq(shape(v, "A")->n_fields, FIELDS_MAX);
    version_unref(v);
}
END_TEST

START_TEST(schema__peek)
{
    char version[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE];
    struct err e = ERR_INIT;

    ck_assert_int_eq(schema_peek("a.yaml", span_of(dogs), version, from, &e), 0);
    ck_assert_str_eq(version, "v1");
    ck_assert_str_eq(from, "");
    ck_assert_int_eq(
        schema_peek("a.yaml", span_of("from: 1.0\nversion: 2\n"), version, from, &e), 0);
    ck_assert_str_eq(version, "2");
    ck_assert_str_eq(from, "1.0");
}
END_TEST

/* ---- Steps ---- */

START_TEST(migrate__rename_keeps_numbers_and_the_parent_as_it_was)
{
    struct version *old = version_ref(compile(dogs, NULL));
    struct version *v = next(old, "migrate:\n"
                                  "  - rename_field: {type: Dog, from: name, to: call_name}\n"
                                  "  - rename_type: {from: Dog, to: Hound}\n");

    ck_assert_uint_eq(field(v, "Hound", "call_name")->slot, field(old, "Dog", "name")->slot);
    ck_assert_uint_eq(shape(v, "Hound")->id, shape(old, "Dog")->id);
    ck_assert_ptr_eq(shape(v, "Person"), shape(old, "Person")); /* shared while it is the same */
    assert_shapes(old, "Dog(name: string!, breed: string, age: integer=0, owner: ref<Person>) "
                       "Person(email: string) Size(small large)");
    ck_assert_uint_eq(v->n_formulas, 0);
    ck_assert_uint_eq(v->step_end, v->step_first + 2);
    version_unref(v);
    version_unref(old);
}
END_TEST

START_TEST(migrate__retype_links_a_new_slot_both_ways)
{
    struct version *v = compile(dogs, NULL);
    slot_no old = field(v, "Dog", "age")->slot;
    const struct formula *up, *down;

    v = next(v, "migrate:\n"
                "  - change_type: {type: Dog, field: age, to: string,\n"
                "      up: \"age || ' years'\", down: \"CAST(age AS INTEGER)\"}\n");
    ck_assert_uint_eq(v->n_formulas, 2);
    up = v->formulas[0];
    down = v->formulas[1];
    ck_assert_int_eq(up->dir, FORMULA_FORWARD);
    ck_assert_int_eq(up->mode, FORMULA_LINKED);
    ck_assert_uint_eq(up->n_inputs, 1);
    ck_assert_uint_eq(up->inputs[0].slot, old);
    ck_assert_uint_eq(up->out, field(v, "Dog", "age")->slot);
    ck_assert_uint_eq(down->out, old);
    ck_assert_uint_eq(down->inputs[0].slot, up->out);
    ck_assert(span_eq(down->mend, span_of("0")));
    ck_assert_uint_ne(up->uid, down->uid);
    version_unref(v);
}
END_TEST

START_TEST(migrate__formulas_keep_the_shapes_of_their_step)
{
    struct version *v = compile(dogs, NULL);
    const struct formula *f;
    uint32_t dog = shape(v, "Dog")->id;

    v = next(v, "migrate:\n"
                "  - add_field: {type: Dog, field: shout, as: string, up: upper(name)}\n"
                "  - rename_field: {type: Dog, from: name, to: call_name}\n"
                "  - rename_type: {from: Dog, to: Hound}\n");
    f = v->formulas[0];
    ck_assert_str_eq(shapes_find(f->shapes, f->n_shapes, dog)->name, "Dog");
    ck_assert_str_eq(f->inputs[0].name, "name");
    ck_assert_int_eq(f->mode, FORMULA_SEEDED);
    version_unref(v);
}
END_TEST

START_TEST(migrate__expressions_read_the_key)
{
    struct version *v = next(
        compile(dogs, NULL),
        "migrate:\n  - add_field: {type: Dog, field: id, as: string, up: \"_key || name\"}\n");

    ck_assert_uint_eq(v->formulas[0]->n_inputs, 2);
    ck_assert_uint_eq(v->formulas[0]->inputs[1].slot, SLOT_KEY);
    version_unref(v);
}
END_TEST

START_TEST(migrate__checks_follow_a_rename)
{
    struct version *v = next(compile(dogs, NULL),
                             "migrate:\n"
                             "  - rename_field: {type: Dog, from: age, to: years}\n"
                             "  - rename_field: {type: Dog, from: years, to: \"age in years\"}\n");

    ck_assert_str_eq(field(v, "Dog", "age in years")->check, "\"age in years\" >= 0");
    version_unref(v);
}
END_TEST

START_TEST(migrate__unique_follows_its_field)
{
    struct version *v = compile(dogs, NULL);
    slot_no slot = field(v, "Person", "email")->slot;

    v = next(v, "migrate:\n  - rename_field: {type: Person, from: email, to: mail}\n");
    ck_assert_uint_eq(shape(v, "Person")->n_uniques, 1);
    ck_assert_uint_eq(shape(v, "Person")->uniques[0].slots[0], slot);
    v = next(v, "migrate:\n  - remove_field: {type: Person, field: mail}\n");
    ck_assert_uint_eq(shape(v, "Person")->n_uniques, 0);
    version_unref(v);
}
END_TEST

START_TEST(migrate__groups_are_named_in_the_findings)
{
    struct version *v = next(compile(dogs, NULL),
                             "migrate:\n"
                             "  - rename_field: {type: Dog, from: name, to: call_name}\n"
                             "  - description: a coat\n"
                             "    steps:\n"
                             "      - add_type: {type: Coat, kind: enum, values: [short, long]}\n"
                             "      - add_field: {type: Dog, field: coat, as: Coat}\n");

    assert_steps(v, "rename_field add_type add_field");
    ck_assert_ptr_null(v->notes[0].group);
    ck_assert_str_eq(v->notes[2].group, "a coat");
    ck_assert_uint_eq(v->notes[2].line, 8);
    ck_assert(!v->notes[2].inferred);
    version_unref(v);
}
END_TEST

START_TEST(migrate__same_counters_give_the_same_numbers)
{
    static const char body[] =
        "migrate:\n"
        "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n"
        "  - change_type: {type: Dog, field: age, to: number}\n"
        "  - add_type: {type: Vet, fields: {name: string}}\n";
    struct version *a = next(compile(dogs, NULL), body), *b = next(compile(dogs, NULL), body);

    ck_assert_uint_eq(a->slot_end, b->slot_end);
    ck_assert_uint_eq(a->shape_end, b->shape_end);
    ck_assert_uint_eq(a->step_end, b->step_end);
    for (size_t i = 0; i < a->n_shapes; i++) {
        ck_assert_uint_eq(a->shapes[i]->id, b->shapes[i]->id);
        for (size_t k = 0; k < a->shapes[i]->n_fields; k++)
            ck_assert_uint_eq(a->shapes[i]->fields[k].slot, b->shapes[i]->fields[k].slot);
    }
    version_unref(a);
    version_unref(b);
}
END_TEST

START_TEST(migrate__queries_belong_to_their_version)
{
    struct version *v = next(compile(dogs, NULL),
                             "queries:\n  breeds: SELECT DISTINCT breed AS _key FROM Dog\n");

    ck_assert_uint_eq(v->n_queries, 1);
    ck_assert_str_eq(v->queries[0].name, "breeds");
    v = next(v, "migrate: []\n");
    ck_assert_uint_eq(v->n_queries, 0);
    version_unref(v);
}
END_TEST

START_TEST(migrate__a_long_chain_is_freed_at_once)
{
    struct version *v = compile(dogs, NULL);

    for (int i = 0; i < 2000; i++)
        v = next(v, "migrate:\n  - change_default: {type: Dog, field: age, default: 1}\n");
    ck_assert_uint_eq(v->number, 2001);
    version_unref(v);
}
END_TEST

/* ---- Findings ---- */

static int64_t dozen(void *arg, uint32_t id)
{
    (void)arg;
    return id == 1 ? 12 : -1;
}

START_TEST(lint__text)
{
    BUF_CLEANUP struct buf out = BUF_INIT;
    const struct lint_items items = {dozen, NULL};
    struct version *v = next(
        compile(dogs, NULL), "migrate:\n  - rename_field: {type: Dog, from: name, to: call_name}\n");

    ck_assert(lint_text(v, "v2.yaml", &items, &out));
    ck_assert_str_eq(buf_str(&out),
                     "v2 from v1: 1 step, 1 safe\n"
                     "v2.yaml:4:5: rename_field: Dog.name becomes Dog.call_name [safe] (12 items)\n"
                     "  forward: same value\n"
                     "  backward: same value\n");
    version_unref(v);
}
END_TEST

/* Dog has 12 items, Person 5, all others none; Address is held by Dog, in a list and in a map of Kennel's, and by
 * Person, Size by Address too. */
static const char kennels[] = "version: v1\n"
                              "types:\n"
                              "  Dog:\n"
                              "    fields:\n"
                              "      name: string\n"
                              "      age: {type: integer, default: 3}\n"
                              "      kennels: list<Kennel>\n"
                              "      tags: list<string>\n"
                              "      owner: ref<Person>\n"
                              "  Person: {fields: {home: Address, name: string}}\n"
                              "  Cat: {fields: {name: string, size: Size}}\n"
                              "objects:\n"
                              "  Kennel: {fields: {places: map<Address>}}\n"
                              "  Address: {fields: {zip: string, size: Size}}\n"
                              "  Unused: {fields: {zip: string}}\n"
                              "enums:\n"
                              "  Size: [s, m, l]\n";

static int64_t of_kennels(void *arg, uint32_t id)
{
    const struct version *v = arg;
    return id == shape(v, "Dog")->id ? 12 : id == shape(v, "Person")->id ? 5 : 0;
}

static const struct {
    const char *step, *want; /* "destructive (12 items)" */
} classes[] = {
    {"rename_field: {type: Address, from: zip, to: code}", "safe] (17 items)"},
    {"rename_field: {type: Kennel, from: places, to: at}", "safe] (12 items)"},
    {"rename_type: {from: Unused, to: Idle}", "safe] (0 items)"},
    {"add_value: {enum: Size, value: xl, as: l}", "one-way, needs backfill] (17 items)"},
    {"remove_value: {enum: Size, value: l, as: m}", "destructive, needs backfill] (17 items)"},
    {"rename_value: {enum: Size, from: l, to: large}", "needs backfill] (17 items)"},
    {"map_values: {type: Dog, field: name, values: {a: b}}", "destructive, needs backfill] (12 items)"},
    {"map_values: {type: Dog, field: name, values: {a: c, b: c, c: a}}",
     "destructive, needs backfill] (12 items)"},
    {"map_values: {type: Dog, field: name, values: {a: b, b: a}}", "needs backfill] (12 items)"},
    {"map_values: {type: Dog, field: age, values: {\"1\": 2}}", "destructive, needs backfill] (12 items)"},
    {"add_check: {type: Dog, check: \"age > 0\", up: \"1\"}", "destructive, needs backfill] (12 items)"},
    {"change_key: {type: Dog, up: \"'k'\", down: \"'d'\"}", "destructive, needs backfill] (12 items)"},
    {"wrap_list: {type: Dog, field: name}", "one-way, needs backfill] (12 items)"},
    {"unwrap_list: {type: Dog, field: tags}", "destructive, needs backfill] (12 items)"},
    {"change_type: {type: Dog, field: age, to: string}", "one-way, needs backfill] (12 items)"},
    {"change_type: {type: Dog, field: owner, to: {type: ref<Person>, on_delete: unset}}",
     "safe] (12 items)"},
    {"merge_types: {types: [Dog, Person], into: All, tag: kind}", "one-way, needs backfill] (17 items)"},
    {"copy_type: {from: Dog, to: Hound}", "safe] (12 items)"},
};

START_TEST(lint__classes_and_items)
{
    BUF_CLEANUP struct buf out = BUF_INIT, body = BUF_INIT;
    struct version *v1 = compile(kennels, NULL), *v;
    const struct lint_items items = {of_kennels, v1};
    const char *said;

    buf_printf(&body, "migrate:\n  - %s\n", classes[_i].step);
    v = next(version_ref(v1), buf_str(&body));
    ck_assert(lint_brief(v, "v2.yaml", &items, &out));
    said = strrchr(buf_str(&out), '[');
    ck_assert_ptr_nonnull(said++);
    ck_assert_msg(strncmp(said, classes[_i].want, strlen(classes[_i].want)) == 0 &&
                      strcmp(said + strlen(classes[_i].want), "\n") == 0,
                  "%s: %s", classes[_i].step, buf_str(&out));
    version_unref(v);
    version_unref(v1);
}
END_TEST

/* Two types with the same items count once. */
START_TEST(lint__items_of_a_copy_count_once)
{
    BUF_CLEANUP struct buf out = BUF_INIT;
    struct version *v1 = compile(kennels, NULL), *v2, *v;
    const struct lint_items items = {of_kennels, v1};

    v2 = next(version_ref(v1), "migrate:\n  - copy_type: {from: Dog, to: Hound}\n");
    v = next(v2, "migrate:\n  - remove_field: {type: Kennel, field: places}\n");
    ck_assert(lint_brief(v, "v3.yaml", &items, &out));
    ck_assert_str_eq(buf_str(&out),
                     "v3.yaml:4:5: remove_field: Kennel.places is gone [destructive] (12 items)\n");
    version_unref(v);
    version_unref(v1);
}
END_TEST

START_TEST(lint__json_is_json)
{
    BUF_CLEANUP struct buf out = BUF_INIT;
    struct arena arena ARENA_CLEANUP = {0};
    struct json_node *root, *steps;
    struct err e = ERR_INIT;
    struct version *v = next(compile(dogs, NULL),
                             "migrate:\n"
                             "  - remove_field: {type: Dog, field: breed}\n"
                             "  - add_field: {type: Dog, field: up, as: string, up: \"'\\\"'\"}\n");

    ck_assert(lint_json(v, "v2.yaml", NULL, &out));
    ck_assert_msg(json_parse(out.p, out.n, &arena, &root, &e) == 0, "%s", e.text);
    steps = json_member(root, span_of("steps"));
    ck_assert_uint_eq(steps->n_children, 2);
    ck_assert_int_eq(json_member(steps->child, span_of("destructive"))->kind, JSON_TRUE);
    ck_assert_int_eq(json_member(steps->child, span_of("safe"))->kind, JSON_FALSE);
    ck_assert_int_eq(json_member(steps->child->next, span_of("needs_backfill"))->kind, JSON_TRUE);
    version_unref(v);
}
END_TEST

/* ---- Names in expressions ---- */

static const struct {
    const char *sql, *after; /* `age` called `years old`; after == NULL: it is not read */
} renames[] = {
    {"age >= 0", "\"years old\" >= 0"},
    {"\"age\" + AGE + [age]", "\"years old\" + \"years old\" + \"years old\""},
    {"'age' <> name", NULL},
    {"'it''s age' || x", NULL},
    {"age(1)", NULL},
    {"age  (1)", NULL},
    {"average > age2 -- age", NULL},
    {"/* age */ 1", NULL},
    {"x'00' || 1e5", NULL},
    {"CASE WHEN age THEN 1 END", "CASE WHEN \"years old\" THEN 1 END"},
};

START_TEST(sql_names__reads_and_renames)
{
    BUF_CLEANUP struct buf out = BUF_INIT;
    const char *sql = renames[_i].sql, *after = renames[_i].after;

    ck_assert_msg(sql_reads(sql, "age") == (after != NULL), "%s", sql);
    ck_assert(sql_rename(sql, "age", "years old", &out));
    ck_assert_str_eq(buf_str(&out), after ? after : sql);
}
END_TEST

START_TEST(sql_names__bare_where_it_may_be)
{
    BUF_CLEANUP struct buf out = BUF_INIT;

    sql_rename("age + \"age\"", "age", "years", &out);
    ck_assert_str_eq(buf_str(&out), "years + \"years\"");
    buf_reset(&out);
    sql_rename("age", "age", "select", &out);
    ck_assert_str_eq(buf_str(&out), "\"select\"");
    buf_reset(&out);
    sql_rename("age", "age", "a\"b", &out);
    ck_assert_str_eq(buf_str(&out), "\"a\"\"b\"");
}
END_TEST

/* ---- */

static TCase *versions_case(void)
{
    TCase *tests = tcase_create("versions");

    tcase_add_checked_fixture(tests, schema_setup, schema_teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, schema__root_numbers_in_the_order_of_the_file);
    tcase_add_test(tests, schema__objects_may_contain_themselves_where_it_is_optional);
    tcase_add_test(tests, schema__defaults_are_canonical);
    tcase_add_test(tests, schema__types_print_as_they_are_written);
    tcase_add_test(tests, schema__more_fields_than_the_limit_are_refused);
    tcase_add_test(tests, schema__expressions_over_a_wide_type);
    tcase_add_test(tests, schema__peek);
    tcase_add_test(tests, migrate__rename_keeps_numbers_and_the_parent_as_it_was);
    tcase_add_test(tests, migrate__retype_links_a_new_slot_both_ways);
    tcase_add_test(tests, migrate__formulas_keep_the_shapes_of_their_step);
    tcase_add_test(tests, migrate__expressions_read_the_key);
    tcase_add_test(tests, migrate__checks_follow_a_rename);
    tcase_add_test(tests, migrate__unique_follows_its_field);
    tcase_add_test(tests, migrate__groups_are_named_in_the_findings);
    tcase_add_test(tests, migrate__same_counters_give_the_same_numbers);
    tcase_add_test(tests, migrate__queries_belong_to_their_version);
    tcase_add_test(tests, migrate__a_long_chain_is_freed_at_once);
    tcase_add_test(tests, lint__text);
    tcase_add_loop_test(tests, lint__classes_and_items, 0, sizeof classes / sizeof classes[0]);
    tcase_add_test(tests, lint__items_of_a_copy_count_once);
    tcase_add_test(tests, lint__json_is_json);
    return tests;
}

static TCase *names_case(void)
{
    TCase *tests = tcase_create("sql names");

    tcase_add_loop_test(tests, sql_names__reads_and_renames, 0,
                        sizeof(renames) / sizeof(renames[0]));
    tcase_add_test(tests, sql_names__bare_where_it_may_be);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("schema");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, versions_case());
    suite_add_tcase(suite, names_case());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
