/* steps_base.h */
#include "steps_base.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/expr.h"
#include "schemas/json.h"

struct expr_env *env;

const char base_text[] =
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

struct version *compile_next(const char *text, struct version *parent, struct err *e)
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

struct version *compile_ok(const char *text, struct version *parent)
{
    struct err e = ERR_INIT;
    struct version *v = compile_next(text, parent, &e);

    ck_assert_msg(v != NULL, "%u:%u: %s (expected: %s) in\n%s", e.line, e.column, e.text,
                  e.expected, text);
    return v;
}

/* A version v2 over the base: steps begin on line 4. */
void steps_text(char *ret, size_t size, const char *steps)
{
    snprintf(ret, size, "version: v2\nfrom: v1\nmigrate:\n%s", steps);
}

struct version *migrate(const char *steps)
{
    struct version *base = compile_ok(base_text, NULL), *v;
    char text[4096];

    steps_text(text, sizeof(text), steps);
    v = compile_ok(text, base);
    version_unref(base); /* v holds it */
    return v;
}

struct shape *shape(const struct version *v, const char *name)
{
    struct shape *s = version_shape_named(v, span_of(name));

    ck_assert_msg(s != NULL, "no type %s", name);
    return s;
}

struct field *field(const struct version *v, const char *type, const char *name)
{
    struct field *f = shape_field(shape(v, type), span_of(name));

    ck_assert_msg(f != NULL, "no field %s.%s", type, name);
    return f;
}

bool has_field(const struct version *v, const char *type, const char *name)
{
    return shape_field(shape(v, type), span_of(name)) != NULL;
}

slot_no slot(const struct version *v, const char *type, const char *name)
{
    return field(v, type, name)->slot;
}

const struct formula *formula(const struct version *v, slot_no out, enum formula_dir dir)
{
    for (size_t i = 0; i < v->n_formulas; i++) {
        if (v->formulas[i]->out == out && v->formulas[i]->dir == dir)
            return v->formulas[i];
    }
    ck_abort_msg("no formula gives slot %u", (unsigned)out);
    return NULL;
}

const struct formula *up(const struct version *v, const char *type, const char *name)
{
    return formula(v, slot(v, type, name), FORMULA_FORWARD);
}

const struct formula *down(const struct version *v, const char *type, const char *name)
{
    return formula(v, slot(v->base, type, name), FORMULA_BACKWARD);
}

/* Refused only after other steps. */
void assert_refused(const char *steps, const char *wanted)
{
    struct version *base = compile_ok(base_text, NULL);
    struct err e = ERR_INIT;
    char text[4096];

    steps_text(text, sizeof(text), steps);
    ck_assert_ptr_null(compile_next(text, base, &e));
    ck_assert_str_eq(e.text, wanted);
    version_unref(base);
}

/* ---- Evaluating ---- */

/* The result on one line, "unset" when it is. inputs: name, JSON, ..., NULL. */
const char *eval_prev(const struct formula *f, const char *prev, const char *const *inputs)
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

/* ---- Running ---- */

static void setup(void)
{
    struct err e = ERR_INIT;

    ck_assert_int_eq(expr_env_new(&env, &e), 0);
}

static void teardown(void)
{
    expr_env_free(env);
}

int steps_run(const char *name, void (*add_tests)(TCase *tc))
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
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
