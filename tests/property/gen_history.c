/* A long history: a chain of 171 versions with the mix of steps of a well-known real one. */
#include "gen_int.h"

#define HISTORY_TRIES 200

enum { NEW_TYPE, OLD_TYPE, TYPE_NAME, NEW_FIELD, OLD_FIELD, FIELD_NAME, EXTRACT, MERGE, N_STEPS };
static const unsigned mix[N_STEPS] = {
    [NEW_TYPE] = 42,  [OLD_TYPE] = 10,   [TYPE_NAME] = 1, [NEW_FIELD] = 95,
    [OLD_FIELD] = 21, [FIELD_NAME] = 36, [EXTRACT] = 4,   [MERGE] = 2,
};

struct history {
    struct gen *g;
    unsigned left[N_STEPS], total;
    unsigned names; /* given so far: none is used twice */
    size_t version; /* in the making */
};

/* ---- Picking ---- */

static const struct version *now(const struct history *h)
{
    return h->g->c.v[h->version];
}

static const struct shape *some_type(struct history *h)
{
    const struct version *v = now(h);
    size_t at = rnd_below(&h->g->r, v->n_shapes);
    for (size_t i = 0; i < v->n_shapes; i++)
        if (v->shapes[(at + i) % v->n_shapes]->kind == SHAPE_ITEM)
            return v->shapes[(at + i) % v->n_shapes];
    return NULL;
}

static const struct field *some_field(struct history *h, const struct shape *s, bool string)
{
    size_t at = rnd_below(&h->g->r, s->n_fields);
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[(at + i) % s->n_fields];
        if (!f->required && (!string || f->type->base == T_STRING))
            return f;
    }
    return NULL;
}

static bool is_referred_to(const struct version *v, const struct shape *s)
{
    for (size_t i = 0; i < v->n_shapes; i++)
        for (size_t j = 0; j < v->shapes[i]->n_fields; j++)
            if (v->shapes[i]->fields[j].type->shape == s->id)
                return true;
    return false;
}

/* ---- Steps ---- */

static const char *field_type(struct history *h)
{
    static const char *const types[] = {"string", "string", "string", "integer",      "boolean",
                                        "number", "date",   "json",   "list<string>", "timestamp"};
    const struct shape *s = some_type(h);
    if (rnd_chance(&h->g->r, 15))
        return gen_text(h->g, "ref<%s>", s->name);
    return GEN_OF(h->g, types);
}

static const char *new_type(struct history *h)
{
    unsigned n = h->names++;
    return gen_text(h->g,
                    "add_type: {type: Type%u, fields: {name: string, number: {type: integer, "
                    "default: %u}, other: '%s'}}",
                    n, n % 7, field_type(h));
}

static const char *old_type(struct history *h)
{
    const struct shape *s = some_type(h);
    if (now(h)->n_shapes < 4 || is_referred_to(now(h), s))
        return NULL;
    return gen_text(h->g, "remove_type: {type: %s}", s->name);
}

static const char *new_field(struct history *h)
{
    const struct shape *s = some_type(h);
    const struct field *f = some_field(h, s, true);
    unsigned n = h->names++;
    switch (rnd_below(&h->g->r, 4)) {
    case 0:
        return gen_text(h->g,
                        "add_field: {type: %s, field: field%u, as: {type: string, default: "
                        "none, required: true}}",
                        s->name, n);
    case 1:
        return f ? gen_text(h->g,
                            "add_field: {type: %s, field: field%u, as: string, up: "
                            "\"upper(%s)\"}",
                            s->name, n, f->name)
                 : NULL;
    default:
        return gen_text(h->g, "add_field: {type: %s, field: field%u, as: '%s'}", s->name, n,
                        field_type(h));
    }
}

static const char *old_field(struct history *h)
{
    const struct shape *s = some_type(h);
    const struct field *f = some_field(h, s, false);
    if (!f || s->n_fields < 3)
        return NULL;
    if (f->type->base == T_STRING && rnd_chance(&h->g->r, 30))
        return gen_text(h->g, "remove_field: {type: %s, field: %s, down: \"'gone'\"}", s->name,
                        f->name);
    return gen_text(h->g, "remove_field: {type: %s, field: %s}", s->name, f->name);
}

static const char *extract(struct history *h)
{
    const struct shape *s = some_type(h);
    const struct field *f = some_field(h, s, true);
    unsigned n = h->names++;
    return f ? gen_text(h->g,
                        "extract_type: {type: %s, fields: {%s: name}, into: Made%u, as: field%u}",
                        s->name, f->name, n, n)
             : NULL;
}

/* Made by an extract_type of the chain, or by merge_types. */
static bool is_made(const struct version *v, const struct shape *s)
{
    for (; v; v = v->base)
        for (size_t i = 0; i < v->n_links; i++)
            if (v->links[i]->target_coll == s->coll)
                return true;
    return s->n_colls > 0;
}

static bool are_alike(const struct field *f, const struct field *g)
{
    return type_equal(f->type, g->type) && f->on_delete == g->on_delete &&
           (f->def.p ? g->def.p && span_eq(f->def, g->def) : !g->def.p);
}

/* They can be merged: fields of one name are alike. */
static bool fit(const struct version *v, const struct shape *s, const struct shape *o)
{
    if (o == s || o->kind != SHAPE_ITEM || o->open != s->open || is_made(v, s) || is_made(v, o))
        return false;
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = shape_field(o, span_of(s->fields[i].name));
        if (f && !are_alike(&s->fields[i], f))
            return false;
    }
    return true;
}

static const char *merge(struct history *h)
{
    const struct version *v = now(h);
    const struct shape *s = some_type(h);
    size_t at = rnd_below(&h->g->r, v->n_shapes);
    unsigned n = h->names++;
    for (size_t i = 0; i < v->n_shapes; i++) {
        const struct shape *o = v->shapes[(at + i) % v->n_shapes];
        if (fit(v, s, o))
            return gen_text(h->g, "merge_types: {types: [%s, %s], into: Merged%u, tag: field%u}", s->name,
                            o->name, n, n);
    }
    return NULL;
}

static const char *make(struct history *h, unsigned kind)
{
    const struct shape *s = some_type(h);
    const struct field *f = some_field(h, s, false);
    switch (kind) {
    case NEW_TYPE:
        return new_type(h);
    case OLD_TYPE:
        return old_type(h);
    case TYPE_NAME:
        return gen_text(h->g, "rename_type: {from: %s, to: Renamed%u}", s->name, h->names++);
    case NEW_FIELD:
        return new_field(h);
    case OLD_FIELD:
        return old_field(h);
    case FIELD_NAME:
        return f ? gen_text(h->g, "rename_field: {type: %s, from: %s, to: field%u}", s->name,
                            f->name, h->names++)
                 : NULL;
    case EXTRACT:
        return extract(h);
    default:
        return merge(h);
    }
}

/* Of the steps that are left, in their proportion. */
static unsigned draw(struct history *h)
{
    unsigned at = rnd_below(&h->g->r, h->total), kind = 0;
    while (at >= h->left[kind])
        at -= h->left[kind++];
    return kind;
}

static void add_step(struct history *h)
{
    for (int tries = 0; tries < HISTORY_TRIES; tries++) {
        unsigned kind = draw(h);
        const char *step = make(h, kind);
        if (!step || !gen_try_step(h->g, h->version, step))
            continue;
        h->left[kind]--;
        h->total--;
        return;
    }
    case_die("no step fits any more", "a long history");
}

void gen_history(uint64_t seed, struct arena *a, struct expr_env *env, struct kase *ret,
                 struct stats *st)
{
    struct gen g = {.r = {seed}, .a = a, .env = env, .k = ret, .st = st};
    struct history h = {.g = &g};

    for (unsigned i = 0; i < N_STEPS; i++)
        h.total += h.left[i] = mix[i];
    gen_begin(&g);
    for (h.version = 1; h.version < HISTORY_VERSIONS; h.version++) {
        size_t more = HISTORY_VERSIONS - 1 - h.version; /* each takes one step at least */
        gen_new_version(&g, (int)h.version - 1, 4);
        add_step(&h);
        while (h.total > more && g.k->v[h.version].n_steps < 4 &&
               (h.total > 3 * more || rnd_chance(&g.r, 25)))
            add_step(&h);
    }
    MUST(h.total == 0);
    gen_operations(&g, 2, 60);
    ret->parts = (seed & 1 ? CASE_REVERT : 0) | (seed & 2 ? CASE_COMPOSE : 0);
    ret->without = 1 + rnd_below(&g.r, HISTORY_VERSIONS - 1);
    ret->middle = 1 + rnd_below(&g.r, HISTORY_VERSIONS - 2);
    gen_end(&g);
}
