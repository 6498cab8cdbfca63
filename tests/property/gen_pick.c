/* What a step is made of: shapes and fields that suit it, free names, expressions. */
#include "gen_step_int.h"

/* ---- Picking ---- */

const struct shape *pick_shape(struct maker *m, unsigned kinds)
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
const struct shape *pick_fielded(struct maker *m)
{
    return pick_shape(m, rnd_chance(&m->g->r, 75) ? 1u << SHAPE_ITEM
                                                 : 1u << SHAPE_ITEM | 1u << SHAPE_OBJECT);
}

const struct field *pick_field(struct maker *m, const struct shape *s, field_test *test)
{
    size_t at = s ? rnd_below(&m->g->r, s->n_fields) : 0;
    for (size_t i = 0; s && i < s->n_fields; i++) {
        const struct field *f = &s->fields[(at + i) % s->n_fields];
        if (!test || test(f))
            return f;
    }
    return NULL;
}

bool is_written(const struct field *f)
{
    return !f->read_only;
}
bool is_needed(const struct field *f)
{
    return f->required && !f->def.p;
}
bool is_required(const struct field *f)
{
    return f->required;
}
bool is_optional(const struct field *f)
{
    return !f->required && !f->read_only;
}
bool is_string(const struct field *f)
{
    return f->type->base == T_STRING && !f->read_only;
}
bool is_number(const struct field *f)
{
    return (f->type->base == T_INTEGER || f->type->base == T_NUMBER) && !f->read_only;
}
bool is_list(const struct field *f)
{
    return f->type->base == T_LIST && !f->read_only && !is_needed(f);
}
bool is_no_list(const struct field *f)
{
    return f->type->base != T_LIST && !f->read_only && !is_needed(f);
}
bool is_object(const struct field *f)
{
    return f->type->base == T_OBJECT && !f->read_only;
}
bool is_mapped(const struct field *f)
{
    return (f->type->base == T_STRING || f->type->base == T_ENUM || f->type->base == T_INTEGER) &&
           !f->read_only;
}
bool is_keyable(const struct field *f)
{
    return !f->type->elem && f->type->base != T_OBJECT && f->type->base != T_JSON && !f->read_only;
}

const char *new_field(struct maker *m, const struct shape *s)
{
    for (int i = 0; i < 8; i++) {
        const char *name = gen_of(m->g, gen_fields, n_gen_fields);
        if (!shape_field(s, span_of(name)))
            return name;
    }
    return NULL;
}

const char *new_shape(struct maker *m, const char *prefix)
{
    const char *name = gen_text(m->g, "%s%u", prefix, 2 + rnd_below(&m->g->r, 6));
    return version_shape_named(m->v, span_of(name)) ? NULL : name;
}

const char *type_text_of(struct maker *m, const struct type_ref *t)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    MUST(type_print(t, m->v->shapes, m->v->n_shapes, &b));
    return gen_kept(m->g, &b);
}

/* ---- Expressions ---- */

/* One field's value as `out` wants it. */
const char *sql_text(struct maker *m, const char *x)
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

const char *sql_number(struct maker *m, const char *x)
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
const char *sql_for(struct maker *m, const struct shape *s, const struct type_ref *out)
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

const char *sql_over(struct maker *m, const struct shape *s, const char *name,
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
const struct shape *changed(struct maker *m, const struct shape *s, const char *without,
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

const struct type_ref *base_named(const char *type)
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

const char *plain_type(struct maker *m)
{
    static const char *const types[] = {"string", "string", "integer", "number", "boolean", "json"};
    return GEN_OF(m->g, types);
}

