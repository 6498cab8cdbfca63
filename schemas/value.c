/* Is a JSON value legal for a type? One table row for each base type. */
#include "value.h"

#include <stdio.h>

#include "value_place.h"

struct check {
    struct shape *const *shapes;
    size_t n_shapes;
    bool computed; /* any reference may be null: it is to an item that the type does not show */
    const struct value_was *was;
    size_t n_was;
    struct err *e;
};

void place_print(const struct place *at, char ret[PATH_SIZE])
{
    size_t n;
    if (!at->up) {
        snprintf(ret, PATH_SIZE, "%s", at->path);
        return;
    }
    place_print(at->up, ret);
    n = strlen(ret);
    if (at->name.p)
        snprintf(ret + n, PATH_SIZE - n, "%s%.*s", n ? "." : "", (int)at->name.n, at->name.p);
    else
        snprintf(ret + n, PATH_SIZE - n, "[%zu]", at->index);
}

/* Fills in what every refusal has: path and expected type. */
static int refuse_at(struct check *c, const struct place *at, const struct type_ref *t)
{
    char path[PATH_SIZE];
    BUF_CLEANUP struct buf type = BUF_INIT;
    place_print(at, path);
    err_field(c->e, path);
    if (type_print(t, c->shapes, c->n_shapes, &type) && buf_str(&type))
        err_expected(c->e, "%s", buf_str(&type));
    return -1;
}

#define SHOWN_MAX 60

/* The user's text, shortened at a character: "old", 12.5, true, an object. */
static void value_show(const struct json_node *v, char *ret, size_t size)
{
    size_t n = v->text.n;
    if (n > SHOWN_MAX)
        for (n = SHOWN_MAX; n > 0 && (v->text.p[n] & 0xc0) == 0x80;)
            n--;
    const char *more = n < v->text.n ? "..." : "";
    if (v->kind == JSON_STRING)
        snprintf(ret, size, "\"%.*s%s\"", (int)n, v->text.p, more);
    else if (v->kind == JSON_NUMBER)
        snprintf(ret, size, "%.*s%s", (int)n, v->text.p, more);
    else
        snprintf(ret, size, "%s", json_kind_name(v->kind));
}

static int refuse(struct check *c, const struct place *at, const struct type_ref *t,
                  const struct json_node *v, const char *what)
{
    char shown[SHOWN_MAX + 8], path[PATH_SIZE];
    value_show(v, shown, sizeof shown);
    place_print(at, path);
    err_at(c->e, ERR_INVALID, v->line, v->column, "%s: %s is not %s", path, shown, what);
    return refuse_at(c, at, t);
}

static int check_value(struct check *c, const struct type_ref *t, const struct json_node *v,
                       bool nullable, const struct place *at);

/* ---- Enums ---- */

static bool enum_has(const struct shape *s, struct span value)
{
    for (size_t i = 0; i < s->n_values; i++)
        if (span_eq(span_of(s->values[i]), value))
            return true;
    return false;
}

static bool enum_list(const struct shape *s, struct buf *out)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s->n_values; i++)
        ok = (i == 0 || buf_adds(out, ", ")) && buf_adds(out, s->values[i]);
    return ok;
}

static int check_enum(struct check *c, const struct type_ref *t, const struct json_node *v,
                      const struct place *at)
{
    char what[300];
    BUF_CLEANUP struct buf list = BUF_INIT;
    const struct shape *s = shapes_find(c->shapes, c->n_shapes, t->shape);
    if (!s)
        return refuse(c, at, t, v, "a value of a known enum");
    if (v->kind == JSON_STRING && enum_has(s, v->text))
        return 0;
    const char *near =
        v->kind == JSON_STRING ? err_nearest(v->text.p, v->text.n, s->values, s->n_values) : NULL;
    if (near)
        snprintf(what, sizeof what, "a value of %s; the nearest is \"%s\"", s->name, near);
    else
        snprintf(what, sizeof what, "a value of %s", s->name);
    refuse(c, at, t, v, what);
    if (enum_list(s, &list) && buf_str(&list))
        snprintf(c->e->expected, sizeof c->e->expected, "one of %s", buf_str(&list));
    return -1;
}

/* ---- References ---- */

static int check_ref(struct check *c, const struct type_ref *t, const struct json_node *v,
                     const struct place *at)
{
    struct err why = ERR_INIT;
    char what[300];
    if (v->kind != JSON_STRING)
        return refuse(c, at, t, v, "the key of an item");
    if (key_check(v->text, &why) == 0)
        return 0;
    snprintf(what, sizeof what, "the key of an item: %.200s", why.text);
    return refuse(c, at, t, v, what);
}

/* ---- Lists, maps, objects ---- */

static int check_list(struct check *c, const struct type_ref *t, const struct json_node *v,
                      const struct place *at)
{
    struct place inner = {.up = at};
    if (v->kind != JSON_ARRAY)
        return refuse(c, at, t, v, "a list");
    for (const struct json_node *i = v->child; i; i = i->next, inner.index++)
        if (check_value(c, t->elem, i, false, &inner))
            return -1;
    return 0;
}

static int check_map(struct check *c, const struct type_ref *t, const struct json_node *v,
                     const struct place *at)
{
    if (v->kind != JSON_OBJECT)
        return refuse(c, at, t, v, "a map");
    for (const struct json_node *i = v->child; i; i = i->next) {
        struct place inner = {.up = at, .name = i->name};
        if (check_value(c, t->elem, i, false, &inner))
            return -1;
    }
    return 0;
}

static int refuse_unknown(struct check *c, const struct type_ref *t, const struct shape *s,
                          const struct json_node *v, const struct place *at)
{
    char path[PATH_SIZE];
    const char *near = NULL;
    const char **names = calloc(s->n_fields + 1, sizeof *names);
    if (!names)
        return err_nomem(c->e);
    for (size_t i = 0; i < s->n_fields; i++)
        names[i] = s->fields[i].name;
    near = err_nearest(v->name.p, v->name.n, names, s->n_fields);
    free(names);
    place_print(at, path);
    err_at(c->e, ERR_INVALID, v->name_line, v->name_column,
           near ? "%s: %s has no field \"%.*s\"; the nearest is \"%s\""
                : "%s: %s has no field \"%.*s\"",
           path, s->name, v->name.n > SHOWN_MAX ? SHOWN_MAX : (int)v->name.n, v->name.p, near);
    return refuse_at(c, at, t);
}

/* v holds an object of that shape in which the field is null, or not there. */
static bool stood_without(const struct check *c, const struct type_ref *t, const struct json_node *v,
                          const struct shape *s, const struct field *f, bool null)
{
    const struct shape *o = t->base == T_OBJECT ? shapes_find(c->shapes, c->n_shapes, t->shape) : NULL;
    bool stood = false;
    if (o && o == s && v->kind == JSON_OBJECT) {
        const struct json_node *m = json_member(v, span_of(f->name));
        stood = null ? m && m->kind == JSON_NULL : !m;
    }
    for (const struct json_node *m = v->child; m && !stood; m = m->next) {
        const struct field *in = o ? shape_field(o, m->name) : NULL;
        if (in || t->elem)
            stood = stood_without(c, in ? in->type : t->elem, m, s, f, null);
    }
    return stood;
}

static bool may_lack(const struct check *c, const struct shape *s, const struct field *f, bool null)
{
    bool may = false;
    for (size_t i = 0; i < c->n_was && !may; i++)
        may = stood_without(c, c->was[i].type, c->was[i].v, s, f, null);
    return may;
}

static int check_required(struct check *c, const struct type_ref *t, const struct shape *s,
                          const struct json_node *v, const struct place *at)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        char path[PATH_SIZE];
        if (!f->required || f->def.p || json_member(v, span_of(f->name)) || may_lack(c, s, f, false))
            continue;
        place_print(at, path);
        err_at(c->e, ERR_INVALID, v->line, v->column, "%s: the field \"%s\" is required", path,
               f->name);
        return refuse_at(c, at, t);
    }
    return 0;
}

static int check_object(struct check *c, const struct type_ref *t, const struct json_node *v,
                        const struct place *at)
{
    const struct shape *s = shapes_find(c->shapes, c->n_shapes, t->shape);
    if (!s || v->kind != JSON_OBJECT)
        return refuse(c, at, t, v, "an object");
    for (const struct json_node *i = v->child; i; i = i->next) {
        const struct field *f = shape_field(s, i->name);
        struct place inner = {.up = at, .name = i->name};
        if (!f && !s->open)
            return refuse_unknown(c, t, s, i, at);
        bool nullable = f && (!f->required || (i->kind == JSON_NULL && may_lack(c, s, f, true)));
        if (f && check_value(c, f->type, i, nullable, &inner))
            return -1;
    }
    return check_required(c, t, s, v, at);
}

/* ---- Scalars ---- */

static int check_boolean(struct check *c, const struct type_ref *t, const struct json_node *v,
                         const struct place *at)
{
    if (v->kind == JSON_TRUE || v->kind == JSON_FALSE)
        return 0;
    return refuse(c, at, t, v, "true or false");
}

static int check_integer(struct check *c, const struct type_ref *t, const struct json_node *v,
                         const struct place *at)
{
    if (v->kind == JSON_NUMBER && json_number_is_integer(v->text))
        return 0;
    return refuse(c, at, t, v, "an integer");
}

static int check_json(struct check *c, const struct type_ref *t, const struct json_node *v,
                      const struct place *at)
{
    (void)c, (void)t, (void)v, (void)at;
    return 0;
}

static const struct rule {
    int (*check)(struct check *c, const struct type_ref *t, const struct json_node *v,
                 const struct place *at); /* or NULL: of this kind, with this text */
    enum json_kind kind;
    bool (*text)(struct span s);
    const char *what;
} rules[] = {
    [T_STRING] = {.kind = JSON_STRING, .what = "a string"},
    [T_INTEGER] = {.check = check_integer},
    [T_NUMBER] = {.kind = JSON_NUMBER, .what = "a number"},
    [T_BOOLEAN] = {.check = check_boolean},
    [T_TIMESTAMP] = {.kind = JSON_STRING,
                     .text = value_is_timestamp,
                     .what = "a timestamp like \"2024-05-01T12:30:00Z\""},
    [T_DATE] = {.kind = JSON_STRING, .text = value_is_date, .what = "a date like \"2024-05-01\""},
    [T_UUID] = {.kind = JSON_STRING, .text = value_is_uuid, .what = "a UUID"},
    [T_BYTES] = {.kind = JSON_STRING, .text = value_is_base64, .what = "base64 text"},
    [T_JSON] = {.check = check_json},
    [T_LIST] = {.check = check_list},
    [T_MAP] = {.check = check_map},
    [T_REF] = {.check = check_ref},
    [T_OBJECT] = {.check = check_object},
    [T_ENUM] = {.check = check_enum},
};

static int check_value(struct check *c, const struct type_ref *t, const struct json_node *v,
                       bool nullable, const struct place *at)
{
    const struct rule *r = &rules[t->base];
    if (v->kind == JSON_NULL && (nullable || (c->computed && t->base == T_REF)))
        return 0;
    if (r->check)
        return r->check(c, t, v, at);
    if (v->kind == r->kind && (!r->text || r->text(v->text)))
        return 0;
    return refuse(c, at, t, v, r->what);
}

int value_check(const struct type_ref *t, const struct json_node *v, bool nullable,
                struct shape *const *shapes, size_t n_shapes, const char *path, struct err *e)
{
    struct check c = {.shapes = shapes, .n_shapes = n_shapes, .e = e};
    const struct place at = {.path = path};
    return check_value(&c, t, v, nullable, &at);
}

int value_check_computed(const struct type_ref *t, const struct json_node *v,
                         struct shape *const *shapes, size_t n_shapes, struct err *e)
{
    const struct value_beside none = {.computed = true};
    return value_check_beside(t, v, &none, shapes, n_shapes, e);
}

int value_check_beside(const struct type_ref *t, const struct json_node *v, const struct value_beside *beside,
                       struct shape *const *shapes, size_t n_shapes, struct err *e)
{
    struct check c = {shapes, n_shapes, beside->computed, beside->was, beside->n, e};
    const struct place at = {.path = ""};
    return check_value(&c, t, v, beside->computed || beside->nullable, &at);
}
