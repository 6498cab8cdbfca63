/* One random step of each kind, against the schema as it stands. */
#include "gen_int.h"

struct maker {
    struct gen *g;
    const struct version *v;
    const char *older; /* some version's name */
    struct gen_names names;
};

/* ---- Picking ---- */

static const struct shape *pick_shape(struct maker *m, unsigned kinds)
{
    size_t at = rnd_below(&m->g->r, m->v->n_shapes);
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *s = m->v->shapes[(at + i) % m->v->n_shapes];
        if (kinds >> s->kind & 1)
            return s;
    }
    return NULL;
}

/* Item types mostly, objects too. */
static const struct shape *pick_fielded(struct maker *m)
{
    return pick_shape(m, rnd_chance(&m->g->r, 75) ? 1u << SHAPE_ITEM
                                                 : 1u << SHAPE_ITEM | 1u << SHAPE_OBJECT);
}

typedef bool field_test(const struct field *f);

static const struct field *pick_field(struct maker *m, const struct shape *s, field_test *test)
{
    size_t at = s ? rnd_below(&m->g->r, s->n_fields) : 0;
    for (size_t i = 0; s && i < s->n_fields; i++) {
        const struct field *f = &s->fields[(at + i) % s->n_fields];
        if (!test || test(f))
            return f;
    }
    return NULL;
}

static bool is_written(const struct field *f)
{
    return !f->read_only;
}
static bool is_needed(const struct field *f)
{
    return f->required && !f->def.p;
}
static bool is_required(const struct field *f)
{
    return f->required;
}
static bool is_optional(const struct field *f)
{
    return !f->required && !f->read_only;
}
static bool is_string(const struct field *f)
{
    return f->type->base == T_STRING && !f->read_only;
}
static bool is_number(const struct field *f)
{
    return (f->type->base == T_INTEGER || f->type->base == T_NUMBER) && !f->read_only;
}
static bool is_list(const struct field *f)
{
    return f->type->base == T_LIST && !f->read_only && !is_needed(f);
}
static bool is_no_list(const struct field *f)
{
    return f->type->base != T_LIST && !f->read_only && !is_needed(f);
}
static bool is_object(const struct field *f)
{
    return f->type->base == T_OBJECT && !f->read_only;
}
static bool is_mapped(const struct field *f)
{
    return (f->type->base == T_STRING || f->type->base == T_ENUM || f->type->base == T_INTEGER) &&
           !f->read_only;
}
static bool is_keyable(const struct field *f)
{
    return !f->type->elem && f->type->base != T_OBJECT && f->type->base != T_JSON && !f->read_only;
}

static const char *new_field(struct maker *m, const struct shape *s)
{
    for (int i = 0; i < 8; i++) {
        const char *name = gen_of(m->g, gen_fields, n_gen_fields);
        if (!shape_field(s, span_of(name)))
            return name;
    }
    return NULL;
}

static const char *new_shape(struct maker *m, const char *prefix)
{
    const char *name = gen_text(m->g, "%s%u", prefix, 2 + rnd_below(&m->g->r, 6));
    return version_shape_named(m->v, span_of(name)) ? NULL : name;
}

static const char *type_text_of(struct maker *m, const struct type_ref *t)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    MUST(type_print(t, m->v->shapes, m->v->n_shapes, &b));
    return gen_kept(m->g, &b);
}

/* ---- Expressions ---- */

/* One field's value as `out` wants it. */
static const char *sql_text(struct maker *m, const char *x)
{
    static const char *const forms[] = {
        "%s", "upper(%s)", "lower(%s)", "substr(%s, 1, 3)", "'p:' || %s", "replace(%s, ' ', '_')",
        "CASE WHEN %s = 'pending' THEN 'done' ELSE 'other' END", "coalesce(%s, 'none')",
        "CASE %s WHEN 'cancelled' THEN 'pending' WHEN 'a' THEN 'b' END", "CAST(%s AS TEXT)",
        "trim(%s || ' ' || coalesce(_key, ''))", "CASE WHEN %s > 'b' THEN 'high' ELSE 'low' END",
    };
    char sql[200];
    size_t i = rnd_below(&m->g->r, sizeof forms / sizeof forms[0]);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, sizeof sql, forms[i], x);
#pragma GCC diagnostic pop
    return gen_text(m->g, "%s", sql);
}

static const char *sql_number(struct maker *m, const char *x)
{
    switch (rnd_below(&m->g->r, 8)) {
    case 0:
        return gen_text(m->g, "%s + 1", x);
    case 1:
        return gen_text(m->g, "%s * 2", x);
    case 2:
        return gen_text(m->g, "%s / 2", x);
    case 3:
        return gen_text(m->g, "length(%s)", x);
    case 4:
        return gen_text(m->g, "coalesce(%s, 0)", x);
    case 5:
        return gen_text(m->g, "CASE WHEN %s > 2 THEN 1 ELSE 0 END", x);
    case 6:
        return gen_text(m->g, "CAST(%s AS INTEGER)", x);
    default:
        return x;
    }
}

static const char *sql_boolean(struct maker *m, const char *x)
{
    switch (rnd_below(&m->g->r, 3)) {
    case 0:
        return gen_text(m->g, "%s > 2", x);
    case 1:
        return gen_text(m->g, "%s IS NULL", x);
    default:
        return gen_text(m->g, "%s = 'a'", x);
    }
}

/* An expression over the fields of s; `name` has the type `as` (a field that changes its type). */
static const char *sql_for(struct maker *m, const struct shape *s, const struct type_ref *out)
{
    const struct field *f = pick_field(m, s, NULL), *g = pick_field(m, s, NULL);
    const char *x = f ? f->name : "_key";
    const char *a, *b;

    for (size_t i = 0; i < s->n_fields && rnd_chance(&m->g->r, 60); i++)
        if (type_equal(s->fields[i].type, out))
            x = s->fields[i].name;
    if (rnd_chance(&m->g->r, 12))
        return x;
    switch (out->base) {
    case T_STRING:
        if (g && rnd_chance(&m->g->r, 15))
            return gen_text(m->g, "%s || '-' || coalesce(%s, '')", x, g->name);
        return sql_text(m, x);
    case T_INTEGER:
    case T_NUMBER:
        return sql_number(m, x);
    case T_BOOLEAN:
        return sql_boolean(m, x);
    case T_LIST:
        return gen_text(m->g, "json_array(%s)", x);
    case T_JSON:
        return gen_text(m->g, "json_array(%s, 1)", x);
    case T_ENUM:
        a = gen_sql_value(m->g, m->v, out);
        b = gen_sql_value(m->g, m->v, out);
        return gen_text(m->g, "CASE WHEN %s IS NULL OR %s > 'b' THEN %s ELSE %s END", x, x, a, b);
    default:
        return rnd_chance(&m->g->r, 60) ? x : gen_sql_value(m->g, m->v, out);
    }
}

static const char *sql_over(struct maker *m, const struct shape *s, const char *name,
                            const struct type_ref *out)
{
    const struct field *f = pick_field(m, s, NULL);
    if (f && (!out || out->base == T_STRING) && rnd_chance(&m->g->r, 15))
        return gen_text(m->g, "%s || '-' || coalesce(%s, '')", name, f->name);
    if (out && (out->base == T_INTEGER || out->base == T_NUMBER))
        return sql_number(m, name);
    if (out && out->base == T_BOOLEAN)
        return sql_boolean(m, name);
    if (out && out->base == T_ENUM)
        return gen_text(m->g, "CASE WHEN %s > 'b' THEN %s ELSE %s END", name,
                        gen_sql_value(m->g, m->v, out), gen_sql_value(m->g, m->v, out));
    return !out || out->base == T_STRING ? sql_text(m, name) : name;
}

/* The same fields without one of them, or with others beside. */
static const struct shape *changed(struct maker *m, const struct shape *s, const char *without,
                                   const struct field *more, size_t n_more)
{
    struct shape *to = arena_alloc(m->g->a, sizeof *to);
    struct field *f = arena_alloc(m->g->a, (s->n_fields + n_more) * sizeof *f);
    *to = *s;
    to->fields = f;
    to->n_fields = 0;
    for (size_t i = 0; i < s->n_fields; i++)
        if (!without || strcmp(s->fields[i].name, without) != 0)
            f[to->n_fields++] = s->fields[i];
    for (size_t i = 0; i < n_more; i++)
        f[to->n_fields++] = more[i];
    return to;
}

static const struct type_ref *base_named(const char *type)
{
    static const struct type_ref refs[] = {
        {T_STRING, NULL, 0},  {T_INTEGER, NULL, 0}, {T_NUMBER, NULL, 0},
        {T_BOOLEAN, NULL, 0}, {T_JSON, NULL, 0},
    };
    static const char *const names[] = {"string", "integer", "number", "boolean", "json"};
    for (size_t i = 0; i < 5; i++)
        if (!strcmp(names[i], type))
            return &refs[i];
    return NULL;
}

static const char *plain_type(struct maker *m)
{
    static const char *const types[] = {"string", "string", "integer", "number", "boolean", "json"};
    return GEN_OF(m->g, types);
}

/* ---- Types ---- */

static const char *add_type(struct maker *m)
{
    static const char *const kinds[] = {"item", "item", "object", "enum"};
    unsigned k = rnd_below(&m->g->r, 4);
    const char *name = new_shape(m, k == 3 ? "Enum" : k == 2 ? "Part" : "Thing");
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (!name)
        return NULL;
    if (k == 3)
        return gen_text(m->g, "add_type: {type: %s, kind: enum, values: [a, b, small, done]}", name);
    MUST(buf_printf(&b, "add_type: {type: %s, kind: %s, fields: {", name, kinds[k]));
    for (size_t i = 0, n = 1 + rnd_below(&m->g->r, 3); i < n; i++) {
        const char *f = gen_fields[(i * 7 + k * 3) % n_gen_fields];
        MUST(buf_printf(&b, "%s%s: %s", i ? ", " : "", f, gen_definition(m->g, &m->names, k < 2 ? SHAPE_ITEM : SHAPE_OBJECT, f, false)));
    }
    MUST(buf_printf(&b, "}%s}", k < 2 && rnd_chance(&m->g->r, 20) ? ", open: true" : ""));
    return gen_kept(m->g, &b);
}

static const char *remove_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 7);
    size_t items = 0;
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *o = m->v->shapes[i];
        items += o->kind == SHAPE_ITEM;
        for (size_t j = 0; s && j < o->n_fields && o != s; j++)
            for (const struct type_ref *t = o->fields[j].type; t; t = t->elem)
                if (t->shape == s->id)
                    return NULL;
    }
    if (!s || (s->kind == SHAPE_ITEM && items < 2))
        return NULL;
    return gen_text(m->g, "remove_type: {type: %s}", s->name);
}

static const char *rename_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 7);
    const char *name = new_shape(m, "Renamed");
    return s && name ? gen_text(m->g, "rename_type: {from: %s, to: %s}", s->name, name) : NULL;
}

static const char *copy_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    const char *name = new_shape(m, "Copy"), *own = s ? new_field(m, s) : NULL;
    const struct field *f = pick_field(m, s, is_written);
    if (!s || !name || m->v->n_shapes > 7)
        return NULL;
    if (own && f && rnd_chance(&m->g->r, 50))
        return gen_text(m->g, "copy_type: {from: %s, to: %s, fields: {%s: %s}}", s->name, name, own,
                        f->name);
    return gen_text(m->g, "copy_type: {from: %s, to: %s}", s->name, name);
}

static const char *extract_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    const struct field *f = pick_field(m, s, is_written), *h = pick_field(m, s, is_written);
    const char *name = new_shape(m, "Made"), *as = s ? new_field(m, s) : NULL;
    if (!f || !name || !as || f->unique || h->unique)
        return NULL;
    if (rnd_chance(&m->g->r, 50))
        as = f->name;
    if (f != h && rnd_chance(&m->g->r, 40))
        return gen_text(m->g, "extract_type: {type: %s, fields: {%s: one, %s: two}, into: %s, as: %s}",
                        s->name, f->name, h->name, name, as);
    return gen_text(m->g, "extract_type: {type: %s, fields: [%s], into: %s, as: %s}", s->name,
                    f->name, name, as);
}

/* ---- Fields ---- */

static const char *add_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const char *name = s ? new_field(m, s) : NULL, *type = plain_type(m);
    const char *value = !strcmp(type, "string") ? "none" : !strcmp(type, "boolean") ? "true" : "4";
    if (!name)
        return NULL;
    switch (rnd_below(&m->g->r, 4)) {
    case 0:
        return gen_text(m->g, "add_field: {type: %s, field: %s, as: %s}", s->name, name,
                        gen_definition(m->g, &m->names, s->kind, name, false));
    case 1:
        return gen_text(m->g, "add_field: {type: %s, field: %s, as: {type: %s, default: %s%s}}",
                        s->name, name, type, value,
                        rnd_chance(&m->g->r, 50) ? ", required: true" : "");
    case 2:
        return gen_text(m->g, "add_field: {type: %s, field: %s, as: {type: %s%s}, up: \"%s\"}",
                        s->name, name, type, rnd_chance(&m->g->r, 30) ? ", required: true" : "",
                        sql_for(m, s, base_named(type)));
    default:
        return gen_text(m->g, "add_field: {type: %s, field: %s, as: {type: %s, default: %s}, up: \"%s\"}",
                        s->name, name, type, value, sql_for(m, s, base_named(type)));
    }
}

static const char *remove_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, NULL);
    if (!f || s->n_fields < 2)
        return NULL;
    if (is_needed(f) || (!f->read_only && rnd_chance(&m->g->r, 40)))
        return gen_text(m->g, "remove_field: {type: %s, field: %s, down: \"%s\"}", s->name, f->name,
                        sql_for(m, changed(m, s, f->name, NULL, 0), f->type));
    return gen_text(m->g, "remove_field: {type: %s, field: %s}", s->name, f->name);
}

static const char *restore_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    for (const struct version *v = m->v->base; s && v; v = v->base) {
        const struct shape *then = version_shape(v, s->id);
        for (size_t i = 0; then && i < then->n_fields; i++) {
            const struct field *f = &then->fields[i];
            const struct type_ref *t = f->type;
            while (t->elem)
                t = t->elem;
            if (shape_field_by_slot(s, f->slot) || shape_field(s, span_of(f->name)) ||
                (t->shape && !version_shape(m->v, t->shape)) || is_needed(f) || f->read_only)
                continue;
            return gen_text(m->g, "restore_field: {type: %s, field: %s, from: %s}", s->name, f->name,
                            v->name);
        }
    }
    return NULL;
}

static const char *compute_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const char *name = s ? new_field(m, s) : NULL, *type = plain_type(m);
    return name ? gen_text(m->g, "compute_field: {type: %s, field: %s, as: %s, value: \"%s\"}",
                           s->name, name, type, sql_for(m, s, base_named(type)))
                : NULL;
}

static const char *rename_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, NULL);
    const char *to = f ? new_field(m, s) : NULL;
    return to ? gen_text(m->g, "rename_field: {type: %s, from: %s, to: %s}", s->name, f->name, to)
              : NULL;
}

static const char *reorder_fields(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, NULL);
    return f ? gen_text(m->g, "reorder_fields: {type: %s, fields: [%s]}", s->name, f->name) : NULL;
}

static const char *require_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_optional);
    if (!f)
        return NULL;
    if (f->def.p && rnd_chance(&m->g->r, 50))
        return gen_text(m->g, "require_field: {type: %s, field: %s}", s->name, f->name);
    return gen_text(m->g, "require_field: {type: %s, field: %s, up: \"%s\"}", s->name, f->name,
                    rnd_chance(&m->g->r, 60) ? gen_sql_value(m->g, m->v, f->type)
                                             : sql_for(m, s, f->type));
}

static const char *relax_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_required);
    if (!f)
        return NULL;
    if (f->def.p && rnd_chance(&m->g->r, 50))
        return gen_text(m->g, "relax_field: {type: %s, field: %s}", s->name, f->name);
    return gen_text(m->g, "relax_field: {type: %s, field: %s, down: \"%s\"}", s->name, f->name,
                    rnd_chance(&m->g->r, 60) ? gen_sql_value(m->g, m->v, f->type)
                                             : sql_for(m, s, f->type));
}

static const char *change_default(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_written);
    const char *json = f ? gen_value(m->g, m->v->shapes, m->v->n_shapes, f->type, 1) : NULL;
    if (f && f->def.p && !f->required && rnd_chance(&m->g->r, 30))
        return gen_text(m->g, "change_default: {type: %s, field: %s}", s->name, f->name);
    if (!json || strchr(json, '\\') || !strcmp(json, "null") || f->type->base == T_REF ||
        f->type->base == T_JSON || type_structured(f->type))
        return NULL;
    return gen_text(m->g, "change_default: {type: %s, field: %s, default: %s}", s->name, f->name,
                    json);
}

/* A definition that the old one converts to, or NULL. */
static const char *wider(struct maker *m, const struct field *f)
{
    if (is_needed(f))
        return NULL;
    switch (f->type->base) {
    case T_INTEGER:
        return rnd_chance(&m->g->r, 50) ? "number" : "string";
    case T_NUMBER:
    case T_BOOLEAN:
    case T_UUID:
    case T_ENUM:
        return "string";
    case T_DATE:
        return "timestamp";
    default:
        return type_structured(f->type) ? NULL : "json";
    }
}

static const char *change_type(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_written);
    const char *type = plain_type(m), *to = f ? wider(m, f) : NULL, *name;
    struct field now;
    struct buf def BUF_CLEANUP = BUF_INIT;

    if (!f)
        return NULL;
    name = f->name;
    if (to && rnd_chance(&m->g->r, 35))
        return gen_text(m->g, "change_type: {type: %s, field: %s, to: %s}", s->name, name, to);
    if (rnd_chance(&m->g->r, 30) && f->type->base <= T_BOOLEAN)
        type = type_text_of(m, f->type); /* the same type, other values */
    now = *f;
    now.type = base_named(type) ? base_named(type) : f->type;
    MUST(buf_printf(&def, "{type: '%s'", type));
    if (rnd_chance(&m->g->r, 25) && now.type->base == T_STRING)
        MUST(buf_adds(&def, ", default: fresh"));
    if (rnd_chance(&m->g->r, 15))
        MUST(buf_adds(&def, ", required: true"));
    MUST(buf_addc(&def, '}'));
    return gen_text(m->g, "change_type: {type: %s, field: %s, to: %s, up: \"%s\", down: \"%s\"}",
                    s->name, name, buf_str(&def), sql_over(m, s, name, now.type),
                    sql_over(m, changed(m, s, name, &now, 1), name, f->type));
}

/* ---- Several fields ---- */

static const char *split_field(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_string);
    const char *a = f ? new_field(m, s) : NULL, *b = f ? new_field(m, s) : NULL;
    if (!a || !b || !strcmp(a, b))
        return NULL;
    if (rnd_chance(&m->g->r, 50))
        return gen_text(m->g,
                        "split_field: {type: %s, field: %s, into: {%s: {as: string, up: \"substr(%s, "
                        "1, 1)\"}, %s: {as: string, up: \"substr(%s, 2)\"}}, down: \"%s || %s\"}",
                        s->name, f->name, a, f->name, b, f->name, a, b);
    return gen_text(m->g,
                    "split_field: {type: %s, field: %s, into: {%s: {as: string, up: \"%s\"}, %s: "
                    "{as: integer, up: \"length(%s)\"}}, down: \"trim(coalesce(%s, '') || ' ' || "
                    "coalesce(%s, ''))\"}",
                    s->name, f->name, a, sql_text(m, f->name), b, f->name, a, b);
}

static const char *merge_fields(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_string), *h = pick_field(m, s, is_written);
    const char *into = f ? new_field(m, s) : NULL;
    if (!into || f == h || h->type->base > T_JSON)
        return NULL;
    return gen_text(m->g,
                    "merge_fields: {type: %s, fields: {%s: \"substr(%s, 1, instr(%s || '|', '|') - "
                    "1)\", %s: \"substr(%s, instr(%s || '|', '|') + 1)\"}, into: %s, as: string, up: "
                    "\"coalesce(%s, '') || '|' || coalesce(%s, '')\"}",
                    s->name, f->name, into, into, h->name, into, into, into, f->name, h->name);
}

static const char *wrap_list(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_no_list);
    return f ? gen_text(m->g, "wrap_list: {type: %s, field: %s}", s->name, f->name) : NULL;
}

static const char *unwrap_list(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_list);
    return f ? gen_text(m->g, "unwrap_list: {type: %s, field: %s}", s->name, f->name) : NULL;
}

static const char *nest_fields(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_written), *h = pick_field(m, s, is_written);
    const char *into = f ? new_field(m, s) : NULL;
    if (!into || f->unique || h->unique)
        return NULL;
    if (f == h)
        return gen_text(m->g, "nest_fields: {type: %s, fields: [%s], into: %s}", s->name, f->name,
                        into);
    return gen_text(m->g, "nest_fields: {type: %s, fields: [%s, %s], into: %s}", s->name, f->name,
                    h->name, into);
}

static const char *unnest_fields(struct maker *m)
{
    const struct shape *s = pick_fielded(m), *o;
    const struct field *f = pick_field(m, s, is_object), *inner;
    const char *to = f ? new_field(m, s) : NULL;
    if (!to || !(o = version_shape(m->v, f->type->shape)) || !(inner = pick_field(m, o, is_written)))
        return NULL;
    return gen_text(m->g, "unnest_fields: {type: %s, into: %s, fields: {%s: %s}}", s->name, f->name,
                    inner->name, to);
}

static const char *transform(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_string);
    const char *a = f ? new_field(m, s) : NULL, *b = f ? new_field(m, s) : NULL;
    if (!a || !b || !strcmp(a, b))
        return NULL;
    if (rnd_chance(&m->g->r, 40))
        return gen_text(m->g,
                        "transform: {type: %s, add: {%s: string, %s: integer}, up: {%s: \"%s\", %s: "
                        "\"length(%s)\"}}",
                        s->name, a, b, a, sql_for(m, s, base_named("string")), b, f->name);
    return gen_text(m->g,
                    "transform: {type: %s, add: {%s: string, %s: integer}, remove: [%s], up: {%s: "
                    "\"%s\", %s: \"length(%s)\"}, down: {%s: \"coalesce(%s, '') || coalesce(%s, 0)\"}}",
                    s->name, a, b, f->name, a, sql_text(m, f->name), b, f->name, f->name, a, b);
}

/* ---- Values ---- */

static const char *add_value(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ENUM);
    return s ? gen_text(m->g, "add_value: {enum: %s, value: new%u, as: %s}", s->name,
                        rnd_below(&m->g->r, 90), s->values[rnd_below(&m->g->r, s->n_values)])
             : NULL;
}

static const char *remove_value(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ENUM);
    unsigned i = s ? rnd_below(&m->g->r, s->n_values) : 0;
    return s && s->n_values > 1
               ? gen_text(m->g, "remove_value: {enum: %s, value: %s, as: %s}", s->name, s->values[i],
                          s->values[(i + 1) % s->n_values])
               : NULL;
}

static const char *rename_value(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ENUM);
    return s ? gen_text(m->g, "rename_value: {enum: %s, from: %s, to: other%u}", s->name,
                        s->values[rnd_below(&m->g->r, s->n_values)], rnd_below(&m->g->r, 90))
             : NULL;
}

static const char *map_values(struct maker *m)
{
    const struct shape *s = pick_fielded(m), *en;
    const struct field *f = pick_field(m, s, is_mapped);
    if (!f)
        return NULL;
    if (f->type->base == T_STRING)
        return gen_text(m->g, "map_values: {type: %s, field: %s, values: {a: x, b: %s, pending: done}}",
                        s->name, f->name, rnd_chance(&m->g->r, 50) ? "x" : "a");
    if (f->type->base == T_INTEGER)
        return gen_text(m->g, "map_values: {type: %s, field: %s, values: {1: 2, 2: 1, 3: 5}}", s->name,
                        f->name);
    en = version_shape(m->v, f->type->shape);
    return gen_text(m->g, "map_values: {type: %s, field: %s, values: {%s: %s}}", s->name, f->name,
                    en->values[0], en->values[en->n_values - 1]);
}

/* ---- Constraints ---- */

static const char *add_unique(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    const struct field *f = pick_field(m, s, is_keyable), *h = pick_field(m, s, is_keyable);
    if (!f || f->unique)
        return NULL;
    if (f != h)
        return gen_text(m->g, "add_unique: {type: %s, fields: [%s, %s]}", s->name, f->name, h->name);
    return gen_text(m->g, "add_unique: {type: %s, fields: [%s]}", s->name, f->name);
}

static const char *remove_unique(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    for (size_t i = 0; s && i < s->n_fields; i++)
        if (s->fields[i].unique)
            return gen_text(m->g, "remove_unique: {type: %s, fields: [%s]}", s->name,
                            s->fields[i].name);
    return NULL;
}

static const char *add_check(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_number), *h = pick_field(m, s, is_string);
    if (f && (!h || rnd_chance(&m->g->r, 50)))
        return gen_text(m->g, "add_check: {type: %s, check: \"%s < %u\", up: \"%s\"}", s->name, f->name,
                        8 + rnd_below(&m->g->r, 9), rnd_chance(&m->g->r, 70) ? "0" : "NULL");
    return h ? gen_text(m->g, "add_check: {type: %s, check: \"length(%s) < %u\", up: \"substr(%s, 1, 2)\"}",
                        s->name, h->name, 5 + rnd_below(&m->g->r, 9), h->name)
             : NULL;
}

static const char *remove_check(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    for (size_t i = 0; s && i < s->n_fields; i++)
        if (s->fields[i].check)
            return gen_text(m->g, "remove_check: {type: %s, check: \"%s\"}", s->name,
                            s->fields[i].check);
    if (!s || !s->n_checks)
        return NULL;
    return gen_text(m->g, "remove_check: {type: %s, check: \"%s\"}", s->name, s->checks[0]);
}

/* ---- All of them ---- */

static const struct {
    const char *(*make)(struct maker *m);
    unsigned weight;
} makers[] = {
    {add_type, 3},      {remove_type, 2},   {rename_type, 3},    {copy_type, 3},
    {extract_type, 0},  {add_field, 12},    {remove_field, 8},   {restore_field, 5},
    {compute_field, 3}, {rename_field, 6},  {reorder_fields, 2}, {require_field, 6},
    {relax_field, 5},   {change_default, 4}, {change_type, 12},  {split_field, 5},
    {merge_fields, 4},  {wrap_list, 4},     {unwrap_list, 4},    {nest_fields, 4},
    {unnest_fields, 4}, {transform, 4},     {add_value, 4},      {remove_value, 4},
    {rename_value, 3},  {map_values, 5},    {add_unique, 1},     {remove_unique, 1},
    {add_check, 4},     {remove_check, 2},
};
#define N_MAKERS (sizeof makers / sizeof makers[0])

static void read_names(struct maker *m)
{
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *s = m->v->shapes[i];
        if (s->kind == SHAPE_ITEM && m->names.n_items < 8)
            m->names.items[m->names.n_items++] = s->name;
        if (s->kind == SHAPE_ENUM && m->names.n_enums < 8)
            m->names.enums[m->names.n_enums++] = s->name;
    }
}

const char *gen_step(struct gen *g, const struct version *v, const char *version_name)
{
    struct maker m = {.g = g, .v = v, .older = version_name};
    unsigned total = 0, at;
    read_names(&m);
    for (size_t i = 0; i < N_MAKERS; i++)
        total += makers[i].weight;
    at = rnd_below(&g->r, total);
    for (size_t i = 0; i < N_MAKERS; i++) {
        if (at < makers[i].weight)
            return makers[i].make(&m);
        at -= makers[i].weight;
    }
    return NULL;
}
