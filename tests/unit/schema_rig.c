#include "schema_rig.h"

#include <check.h>

struct expr_env *env;

void schema_setup(void)
{
    struct err e = ERR_INIT;

    ck_assert_int_eq(expr_env_new(&env, &e), 0);
}

void schema_teardown(void)
{
    expr_env_free(env);
}

static struct schema_counters counters_after(const struct version *parent)
{
    if (!parent)
        return (struct schema_counters){1, 1, SLOT_FIRST, 1};
    return (struct schema_counters){parent->number + 1, parent->step_end, parent->slot_end,
                                    parent->shape_end};
}

int try_compile(const char *text, struct version *parent, struct version **ret,
                       struct err *e)
{
    struct schema_counters first = counters_after(parent);

    return schema_compile("test.yaml", span_of(text), parent, &first, env, ret, e);
}

struct version *compile(const char *text, struct version *parent)
{
    struct version *v = NULL;
    struct err e = ERR_INIT;

    ck_assert_msg(try_compile(text, parent, &v, &e) == 0, "%u:%u: %s (%s)", e.line, e.column,
                  e.text, e.expected);
    return v;
}

struct version *next(struct version *parent, const char *body)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    struct version *v;

    buf_printf(&text, "version: v%u\nfrom: %s\n%s", parent->number + 1, parent->name, body);
    v = compile(buf_str(&text), parent);
    version_unref(parent);
    return v;
}

const char dogs[] = "version: v1\n"
                           "types:\n"
                           "  Dog:\n"
                           "    fields:\n"
                           "      name: {type: string, required: true}\n"
                           "      breed: string\n"
                           "      age: {type: integer, default: 0, check: \"age >= 0\"}\n"
                           "      owner: ref<Person>\n"
                           "  Person:\n"
                           "    fields: {email: {type: string, unique: true}}\n"
                           "enums:\n"
                           "  Size: [small, large]\n";

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

static void print_shapes(const struct version *v, struct buf *out)
{
    for (size_t i = 0; i < v->n_shapes; i++) {
        const struct shape *s = v->shapes[i];

        buf_printf(out, "%s%s(", i ? " " : "", s->name);
        for (size_t k = 0; k < s->n_fields; k++) {
            const struct field *f = &s->fields[k];

            buf_printf(out, "%s%s: ", k ? ", " : "", f->name);
            type_print(f->type, v->shapes, v->n_shapes, out);
            buf_printf(out, "%s%s%.*s", f->required ? "!" : "", f->def.p ? "=" : "", (int)f->def.n,
                       f->def.p ? f->def.p : "");
        }
        for (size_t k = 0; k < s->n_values; k++)
            buf_printf(out, "%s%s", k ? " " : "", s->values[k]);
        buf_adds(out, ")");
    }
}

void assert_shapes(const struct version *v, const char *want)
{
    BUF_CLEANUP struct buf out = BUF_INIT;

    print_shapes(v, &out);
    ck_assert_str_eq(buf_str(&out), want);
}

void assert_steps(const struct version *v, const char *want)
{
    BUF_CLEANUP struct buf out = BUF_INIT;

    for (size_t i = 0; i < v->n_notes; i++)
        buf_printf(&out, "%s%s", i ? " " : "", v->notes[i].step);
    ck_assert_str_eq(buf_str(&out), want);
}
