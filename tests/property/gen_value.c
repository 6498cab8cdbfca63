#include "gen_int.h"

static const char *const strings[] = {
    "\"\"",        "\"a\"",      "\"b\"",       "\"Ab\"",         "\"wire fox\"", "\"pending\"",
    "\"done\"",    "\"12\"",     "\"é ü\"",     "\"q\\\"uote\\n\"", "\"x y z\"",  "\"\\u0061\"",
    "\"true\"",    "\"2020-01-02\"", "\"small\"",  "\"a/b,c%\"",
};
static const char *const integers[] = {"0", "1", "2", "3", "5", "7", "10", "-4",
                                       "12345678901234567890", "9007199254740993"};
static const char *const numbers[] = {"0", "1", "2.5", "12.30", "1e3", "-0.5", "3", "1E-2", "5.0"};
static const char *const booleans[] = {"true", "false"};
static const char *const timestamps[] = {"\"2020-01-02T03:04:05Z\"", "\"1999-12-31T23:59:60+01:00\"",
                                         "\"2024-02-29T00:00:00.5Z\""};
static const char *const dates[] = {"\"2020-01-02\"", "\"1999-12-31\"", "\"2024-02-29\""};
static const char *const uuids[] = {"\"00000000-0000-4000-8000-000000000001\"",
                                    "\"ABCDEF00-0000-4000-8000-00000000000f\""};
static const char *const bytes[] = {"\"\"", "\"aGk=\"", "\"AAEC\""};
static const char *const jsons[] = {"1", "\"t\"", "true", "[]", "[1, {\"a\": null}]", "{\"b\": 2, \"a\": []}",
                                    "12.30", "null"};
static const char *const map_keys[] = {"x", "y", "z w", "é"};

struct pool {
    const char *const *words;
    size_t n;
};
#define POOL(a) {a, sizeof(a) / sizeof(a)[0]}
static const struct pool pools[] = {
    [T_STRING] = POOL(strings),       [T_INTEGER] = POOL(integers), [T_NUMBER] = POOL(numbers),
    [T_BOOLEAN] = POOL(booleans),     [T_TIMESTAMP] = POOL(timestamps), [T_DATE] = POOL(dates),
    [T_UUID] = POOL(uuids),           [T_BYTES] = POOL(bytes),      [T_JSON] = POOL(jsons),
};

const char *gen_shown_key(struct gen *g, const struct shape *s, uint32_t coll, const char *key)
{
    for (size_t i = 1; i < s->n_colls; i++) /* as when the first type has it, too */
        if (s->colls[i] == coll && rnd_chance(&g->r, 40))
            return gen_text(g, "%s~%.*s", key, (int)s->tags[i].n - 2, s->tags[i].p + 1);
    return key;
}

static const char *value_of_ref(struct gen *g, struct shape *const *shapes, size_t n_shapes,
                                const struct type_ref *t)
{
    const struct shape *s = shapes_find(shapes, n_shapes, t->shape);
    size_t n = 0, at;
    for (size_t i = 0; i < g->n_keys; i++)
        n += s && shape_has_coll(s, g->keys[i].coll);
    if (!n)
        return NULL;
    at = rnd_below(&g->r, n);
    for (size_t i = 0; i < g->n_keys; i++)
        if (shape_has_coll(s, g->keys[i].coll) && at-- == 0)
            return gen_text(g, "\"%s\"", gen_shown_key(g, s, g->keys[i].coll, g->keys[i].key));
    return NULL;
}

static bool members_of(struct gen *g, struct shape *const *shapes, size_t n_shapes,
                       const struct shape *s, unsigned depth, struct members *ret)
{
    *ret = (struct members){arena_alloc(g->a, (s->n_fields + 4) * sizeof(struct member)), 0};
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        bool needed = f->required && !f->def.p;
        if (f->read_only || (!needed && !rnd_chance(&g->r, 75)))
            continue;
        const char *json = !f->required && rnd_chance(&g->r, 8)
                               ? "null"
                               : gen_value(g, shapes, n_shapes, f->type, depth + 1);
        if (!json && needed)
            return false;
        if (json && f->required && f->type->base != T_JSON && !strcmp(json, "null"))
            continue;
        if (json)
            ret->m[ret->n++] = (struct member){.name = gen_text(g, "%s", f->name), .json = json};
    }
    return true;
}

static const char *value_of_object(struct gen *g, struct shape *const *shapes, size_t n_shapes,
                                   const struct type_ref *t, unsigned depth)
{
    const struct shape *s = shapes_find(shapes, n_shapes, t->shape);
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct members m;
    if (!s || depth > 5 || !members_of(g, shapes, n_shapes, s, depth, &m))
        return NULL;
    MUST(buf_addc(&b, '{'));
    for (size_t i = 0; i < m.n; i++)
        MUST(buf_printf(&b, "%s\"%s\": %s", i ? ", " : "", m.m[i].name, m.m[i].json));
    MUST(buf_addc(&b, '}'));
    return gen_kept(g, &b);
}

static const char *value_of_parts(struct gen *g, struct shape *const *shapes, size_t n_shapes,
                                  const struct type_ref *t, unsigned depth)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    bool list = t->base == T_LIST;
    size_t n = rnd_below(&g->r, list ? 4 : 3), done = 0;
    size_t first = rnd_below(&g->r, 4);
    MUST(buf_addc(&b, list ? '[' : '{'));
    for (size_t i = 0; i < n; i++) {
        const char *json = gen_value(g, shapes, n_shapes, t->elem, depth + 1);
        if (!json || !strcmp(json, "null"))
            continue;
        MUST(buf_adds(&b, done++ ? ", " : ""));
        if (!list)
            MUST(buf_printf(&b, "\"%s\": ", map_keys[(first + i) % 4]));
        MUST(buf_adds(&b, json));
    }
    MUST(buf_addc(&b, list ? ']' : '}'));
    return gen_kept(g, &b);
}

const char *gen_value(struct gen *g, struct shape *const *shapes, size_t n_shapes,
                      const struct type_ref *t, unsigned depth)
{
    const struct shape *s;
    switch (t->base) {
    case T_LIST:
    case T_MAP:
        return value_of_parts(g, shapes, n_shapes, t, depth);
    case T_REF:
        return value_of_ref(g, shapes, n_shapes, t);
    case T_OBJECT:
        return value_of_object(g, shapes, n_shapes, t, depth);
    case T_ENUM:
        s = shapes_find(shapes, n_shapes, t->shape);
        return gen_text(g, "\"%s\"", s->values[rnd_below(&g->r, s->n_values)]);
    default:
        return gen_of(g, pools[t->base].words, pools[t->base].n);
    }
}

const char *gen_sql_value(struct gen *g, const struct version *v, const struct type_ref *t)
{
    static const char *const texts[] = {"'a'", "'b'", "'pending'", "'wire fox'", "''"};
    static const char *const values[] = {"0", "1", "3", "10"};
    const struct shape *s;
    switch (t->base) {
    case T_STRING:
        return GEN_OF(g, texts);
    case T_INTEGER:
    case T_NUMBER:
        return GEN_OF(g, values);
    case T_BOOLEAN:
        return rnd_chance(&g->r, 50) ? "0" : "1";
    case T_TIMESTAMP:
        return "'2020-01-02T03:04:05Z'";
    case T_DATE:
        return "'2020-01-02'";
    case T_ENUM:
        s = version_shape(v, t->shape);
        return gen_text(g, "'%s'", s->values[rnd_below(&g->r, s->n_values)]);
    case T_LIST:
        return "'[]'";
    case T_MAP:
        return "'{}'";
    case T_JSON:
        return "'[1]'";
    default:
        return "NULL";
    }
}

/* ---- Items ---- */

static void shuffle(struct gen *g, struct members *m)
{
    for (size_t i = m->n; i > 1; i--) {
        size_t j = rnd_below(&g->r, i);
        struct member t = m->m[i - 1];
        m->m[i - 1] = m->m[j];
        m->m[j] = t;
    }
}

static const char *extra_name(struct gen *g, const struct shape *s, const struct members *m)
{
    const char *name = gen_of(g, gen_fields, n_gen_fields);
    return shape_field(s, span_of(name)) || member_named(m, name) ? NULL : name;
}

bool gen_item(struct gen *g, const struct version *v, const struct shape *s, struct members *ret)
{
    const char *name;
    if (!members_of(g, v->shapes, v->n_shapes, s, 0, ret))
        return false;
    for (int i = 0; s->open && i < 2; i++)
        if (rnd_chance(&g->r, 50) && (name = extra_name(g, s, ret)))
            ret->m[ret->n++] = (struct member){.name = name, .json = GEN_OF(g, jsons)};
    if (rnd_chance(&g->r, 20))
        shuffle(g, ret);
    return true;
}

/* tag: of a merged type, which does not change. */
static void edit_field(struct gen *g, const struct version *v, const struct field *f, slot_no tag,
                       struct members *ret)
{
    const char *json = gen_value(g, v->shapes, v->n_shapes, f->type, 1);
    if (f->read_only || f->slot == tag || member_named(ret, f->name))
        return;
    if (!f->required && rnd_chance(&g->r, 20))
        json = rnd_chance(&g->r, 60) ? NULL : "null";
    else if (f->required && (!json || (!strcmp(json, "null") && f->type->base != T_JSON)))
        return;
    else if (!json)
        return;
    ret->m[ret->n++] = (struct member){.name = gen_text(g, "%s", f->name), .json = json};
    if (f->type->base == T_LIST && g->lists && rnd_chance(&g->aside, g->lists))
        ret->m[ret->n - 1].how = (enum list_edit)(1 + rnd_below(&g->aside, N_LIST_EDITS - 1));
}

/* A list, if there is one, where lists are what the case is about. */
static const struct field *some_field(struct gen *g, const struct shape *s)
{
    size_t first = rnd_below(&g->r, s->n_fields);
    for (size_t i = 0; g->lists && i < s->n_fields; i++)
        if (s->fields[(first + i) % s->n_fields].type->base == T_LIST)
            return &s->fields[(first + i) % s->n_fields];
    return &s->fields[first];
}

void gen_edits(struct gen *g, const struct version *v, const struct shape *s, struct members *ret)
{
    size_t n = 1 + rnd_below(&g->r, 2);
    const char *name;
    *ret = (struct members){arena_alloc(g->a, 4 * sizeof(struct member)), 0};
    for (size_t i = 0; i < n && s->n_fields; i++)
        edit_field(g, v, some_field(g, s), s->tag, ret);
    if (s->open && rnd_chance(&g->r, 30) && (name = extra_name(g, s, ret)))
        ret->m[ret->n++] = (struct member){.name = name, .json = GEN_OF(g, jsons)};
}
