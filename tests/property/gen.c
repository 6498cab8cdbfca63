#include "gen_int.h"

#include "schemas/catalog.h"
#include "schemas/model.h"

#include <stdarg.h>

const char *gen_text(struct gen *g, const char *fmt, ...)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    MUST(buf_vprintf(&b, fmt, ap));
    va_end(ap);
    return gen_kept(g, &b);
}

const char *gen_kept(struct gen *g, struct buf *b)
{
    const char *p = arena_strndup(g->a, b->p ? b->p : "", b->n);
    MUST(p);
    return p;
}

const char *gen_of(struct gen *g, const char *const *pool, size_t n)
{
    return pool[rnd_below(&g->r, n)];
}

/* ---- Versions ---- */

static bool compile(struct gen *g, size_t i, struct err *e)
{
    version_unref(g->c.v[i]);
    g->c.v[i] = NULL;
    return case_compile_one(g->k, i, g->env, &g->c, e) == 0;
}

static void add_root(struct gen *g)
{
    struct case_version *v = &g->k->v[0];
    struct err e = ERR_INIT;
    char text[900];
    snprintf(v->name, sizeof v->name, "v1");
    v->from = -1;
    gen_root(g, v);
    g->k->n_v = 1;
    if (compile(g, 0, &e))
        return;
    err_format(&e, text, sizeof text);
    case_die(text, "a root schema is refused");
}

static void count_kind(struct stats *st, const char *step)
{
    for (size_t i = 0; i < n_step_kinds; i++) {
        size_t n = strlen(step_kinds[i].name);
        if (!strncmp(step, step_kinds[i].name, n) && step[n] == ':')
            st->kinds[i]++;
    }
}

/* Two branches that both put fields of the same items into others, or both merge their type, are not
 * translated into each other (docs/decisions/07): no case has them. */
static bool meets(const struct link *a, const struct link *b)
{
    return a->coll == b->coll || a->coll == b->target_coll || a->target_coll == b->coll;
}

static bool both_merge(const struct version *v, const struct version *o)
{
    for (size_t a = 0; a < v->n_namings; a++)
        for (size_t b = 0; b < o->n_namings && v->namings[a].shared; b++)
            if (o->namings[b].shared && o->namings[b].coll == v->namings[a].coll)
                return true;
    return false;
}

static bool meets_sibling(const struct gen *g, size_t i)
{
    const struct version *v = g->c.v[i];
    for (size_t j = 0; j < i; j++) {
        const struct version *o = g->c.v[j];
        if (!version_descends(v, o) && both_merge(v, o))
            return true;
        for (size_t a = 0; a < v->n_links && !version_descends(v, o); a++)
            for (size_t b = 0; b < o->n_links; b++)
                if (meets(v->links[a], o->links[b]))
                    return true;
    }
    return false;
}

bool gen_try_step(struct gen *g, size_t i, const char *step)
{
    struct case_version *v = &g->k->v[i];
    struct err e = ERR_INIT;
    char text[900];

    v->steps[v->n_steps++] = step;
    g->st->steps++;
    if (compile(g, i, &e) && !meets_sibling(g, i)) {
        count_kind(g->st, step);
        return true;
    }
    err_format(&e, text, sizeof text);
    if (getenv("LAWS_REFUSED"))
        fprintf(stderr, "refused: %s\n  %s\n", step, text);
    g->st->refused_steps++;
    v->n_steps--;
    err_clear(&e);
    MUST(compile(g, i, &e));
    return false;
}

void gen_new_version(struct gen *g, int from, size_t room)
{
    size_t i = g->k->n_v++;
    struct case_version *v = &g->k->v[i];
    struct err e = ERR_INIT;

    snprintf(v->name, sizeof v->name, "v%zu", i + 1);
    v->from = from;
    v->steps = arena_alloc(g->a, room * sizeof *v->steps);
    MUST(v->steps && compile(g, i, &e));
}

static void add_version(struct gen *g)
{
    size_t i = g->k->n_v, n = 1 + rnd_below(&g->r, 2) + rnd_chance(&g->r, 30);

    gen_new_version(g, (int)(rnd_chance(&g->r, 88) ? i - 1 : rnd_below(&g->r, i)), 8);
    for (int tries = 0; g->k->v[i].n_steps < n && tries < 8; tries++) {
        const char *step = gen_step(g, g->c.v[i]);
        if (step)
            gen_try_step(g, i, step);
    }
}

/* ---- What is done ---- */

static struct op *new_op(struct gen *g, enum op_kind kind, unsigned version)
{
    struct op *ops = arena_grow(g->a, g->k->ops, g->k->n_ops, sizeof *ops);
    MUST(ops);
    g->k->ops = ops;
    ops[g->k->n_ops] = (struct op){.kind = kind, .version = version, .salt = rnd_next(&g->r)};
    return &ops[g->k->n_ops++];
}

static const struct shape *some_type(struct gen *g, unsigned version)
{
    const struct version *v = g->c.v[version];
    size_t at = rnd_below(&g->r, v->n_shapes);
    for (size_t i = 0; i < v->n_shapes; i++)
        if (v->shapes[(at + i) % v->n_shapes]->kind == SHAPE_ITEM)
            return v->shapes[(at + i) % v->n_shapes];
    return NULL;
}

static int some_live(struct gen *g)
{
    size_t at = rnd_below(&g->r, g->k->n_v);
    for (size_t i = 0; i < g->k->n_v; i++)
        if (g->live[(at + i) % g->k->n_v])
            return (int)((at + i) % g->k->n_v);
    return -1;
}

/* Of an item that the type shows, or will; *ret_coll: where that is. */
static const char *some_key(struct gen *g, const struct shape *s, bool old, uint32_t *ret_coll)
{
    static const char *const keys[] = {"k1", "k2", "k3", "a b", "ü", "12"};
    size_t at = rnd_below(&g->r, g->n_keys);
    for (size_t i = 0; old && i < g->n_keys; i++) {
        const struct gen_key *k = &g->keys[(at + i) % g->n_keys];
        *ret_coll = k->coll;
        if (shape_has_coll(s, k->coll))
            return gen_shown_key(g, s, k->coll, k->key);
    }
    *ret_coll = s->n_colls ? s->colls[rnd_below(&g->r, s->n_colls)] : s->coll;
    return GEN_OF(g, keys);
}

static void note_key(struct gen *g, uint32_t coll, const char *key)
{
    for (size_t i = 0; i < g->n_keys; i++)
        if (g->keys[i].coll == coll && !strcmp(g->keys[i].key, key))
            return;
    if (g->n_keys < sizeof g->keys / sizeof g->keys[0])
        g->keys[g->n_keys++] = (struct gen_key){coll, key};
}

/* A merged type's text says where the item is; sometimes it says something else. */
static void set_tag(struct gen *g, const struct shape *s, uint32_t coll, struct members *m)
{
    const struct field *f = s->n_colls ? shape_field_by_slot(s, s->tag) : NULL;
    size_t at = 0;
    if (!f || rnd_chance(&g->r, 5))
        return;
    while (at + 1 < s->n_colls && s->colls[at] != coll)
        at++;
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->m[i].name, f->name))
            m->m[i].json = gen_text(g, "%.*s", (int)s->tags[at].n, s->tags[at].p);
}

static void add_put(struct gen *g)
{
    int version = some_live(g);
    const struct shape *s = version < 0 ? NULL : some_type(g, (unsigned)version);
    struct members text, other = {0};
    uint32_t coll;
    if (!s || !gen_item(g, g->c.v[version], s, &text))
        return;
    if (rnd_chance(&g->r, 40) && !gen_item(g, g->c.v[version], s, &other))
        other.n = 0;
    struct op *op = new_op(g, OP_PUT, (unsigned)version);
    op->type = gen_text(g, "%s", s->name);
    op->key = some_key(g, s, rnd_chance(&g->r, 70), &coll);
    set_tag(g, s, coll, &text);
    set_tag(g, s, coll, &other);
    op->text = text;
    op->other = other;
    op->style = rnd_chance(&g->r, 50) ? 0 : rnd_below(&g->r, 5);
    note_key(g, coll, op->key);
}

static bool show_the_same(const struct shape *s, const struct shape *s2)
{
    bool same = shape_has_coll(s2, s->coll);
    for (size_t i = 1; i < s->n_colls; i++)
        same |= shape_has_coll(s2, s->colls[i]);
    return same;
}

static void add_edit(struct gen *g)
{
    int version = some_live(g), version2 = some_live(g);
    const struct shape *s = version < 0 ? NULL : some_type(g, (unsigned)version);
    const struct shape *s2 = version2 < 0 ? NULL : some_type(g, (unsigned)version2);
    bool race = s && s2 && show_the_same(s, s2) && rnd_chance(&g->r, 25);
    struct members text;
    uint32_t coll;

    if (!s)
        return;
    gen_edits(g, g->c.v[version], s, &text);
    struct op *op = new_op(g, race ? OP_RACE : OP_EDIT, (unsigned)version);
    op->type = gen_text(g, "%s", s->name);
    op->key = some_key(g, s, true, &coll);
    op->text = text;
    op->style = rnd_chance(&g->r, 60) ? 0 : rnd_below(&g->r, 5);
    if (!race)
        return;
    struct members other;
    gen_edits(g, g->c.v[version2], s2, &other);
    op->version2 = (unsigned)version2;
    op->type2 = gen_text(g, "%s", s2->name);
    op->other = other;
}

static void add_rekey(struct gen *g)
{
    int version = some_live(g);
    const struct shape *s = version < 0 ? NULL : some_type(g, (unsigned)version);
    if (!s)
        return;
    uint32_t coll, other;
    struct op *op = new_op(g, OP_REKEY, (unsigned)version);
    op->type = gen_text(g, "%s", s->name);
    op->key = some_key(g, s, true, &coll);
    op->new_key = some_key(g, s, false, &other);
    for (size_t i = 0; i < g->n_keys; i++)
        if (g->keys[i].coll == coll && !strcmp(g->keys[i].key, op->new_key))
            return;
    for (size_t i = 0; i < g->n_keys; i++)
        if (g->keys[i].coll == coll && !strcmp(g->keys[i].key, op->key))
            g->keys[i].key = op->new_key;
}

static void add_delete(struct gen *g)
{
    int version = some_live(g);
    const struct shape *s = version < 0 ? NULL : some_type(g, (unsigned)version);
    if (!s || g->linked) /* the world in memory does not count the holders of extracted records */
        return;
    uint32_t coll;
    struct op *op = new_op(g, OP_DELETE, (unsigned)version);
    op->type = gen_text(g, "%s", s->name);
    op->key = some_key(g, s, true, &coll);
}

static void set_live(struct gen *g, unsigned version, bool live)
{
    for (size_t i = 0; i < g->k->n_v; i++)
        if (g->added[i] && !g->gone[i] && version_descends(g->c.v[i], g->c.v[version]))
            g->live[i] = live;
}

static void add_revert(struct gen *g)
{
    int version = some_live(g);
    if (version <= 0 || g->gone[g->k->v[version].from]) /* the oldest one */
        return;
    new_op(g, OP_REVERT, (unsigned)version);
    set_live(g, (unsigned)version, false);
}

static void add_wake(struct gen *g)
{
    unsigned i = rnd_below(&g->r, g->k->n_v);
    if (!g->added[i] || g->live[i] || g->gone[i] || !g->live[g->k->v[i].from])
        return;
    new_op(g, OP_WAKE, i);
    set_live(g, i, true);
}

static void add_finalize(struct gen *g)
{
    int version = some_live(g);
    if (version <= 0)
        return;
    new_op(g, OP_FINALIZE, (unsigned)version);
    for (size_t i = 0; i < g->k->n_v; i++) {
        bool stays = g->live[i] && version_descends(g->c.v[i], g->c.v[version]);
        g->live[i] = stays;
        g->gone[i] |= g->added[i] && !stays;
    }
}

/* It comes from a version that is gone, or restores a field from one. */
static bool is_cut_off(const struct gen *g, size_t i)
{
    const struct case_version *v = &g->k->v[i];
    bool cut = v->from >= 0 && g->gone[v->from];
    for (size_t k = 0; k < i; k++)
        for (size_t j = 0; g->gone[k] && j < v->n_steps; j++) {
            const char *from = strstr(v->steps[j], ", from: ");
            cut |= !strncmp(v->steps[j], "restore_field:", 14) && from &&
                   !strncmp(from + 8, g->k->v[k].name, strlen(g->k->v[k].name)) &&
                   from[8 + strlen(g->k->v[k].name)] == '}';
        }
    return cut;
}

static void add_next(struct gen *g)
{
    for (unsigned i = 0; i < g->k->n_v; i++) {
        g->gone[i] |= !g->added[i] && is_cut_off(g, i);
        if (g->added[i] || g->gone[i])
            continue;
        int from = g->k->v[i].from;
        if (from >= 0 && !g->live[from]) { /* its parent must be served again */
            unsigned top = (unsigned)from;
            while (!g->live[g->k->v[top].from])
                top = (unsigned)g->k->v[top].from;
            new_op(g, OP_WAKE, top);
            set_live(g, top, true);
        }
        new_op(g, OP_ADD, i);
        g->added[i] = g->live[i] = true;
        return;
    }
}

static void add_some(struct gen *g)
{
    unsigned n = rnd_below(&g->r, 100);
    if (n < 38)
        add_put(g);
    else if (n < 80)
        add_edit(g);
    else if (n < 83)
        add_rekey(g);
    else if (n < 86)
        add_delete(g);
    else if (n < 87)
        add_finalize(g);
    else if (n < 92)
        new_op(g, OP_BACKFILL, 0);
    else if (n < 96)
        add_revert(g);
    else
        add_wake(g);
}

/* ---- A case ---- */

void gen_begin(struct gen *g)
{
    *g->k = (struct kase){0};
    g->c.next[0] = (struct schema_counters){1, 1, SLOT_FIRST, 1};
    add_root(g);
}

/* All versions one after the other, and writes between them. */
void gen_operations(struct gen *g, unsigned between, size_t at_the_end)
{
    add_next(g);
    for (int i = 0; i < 3; i++)
        add_put(g);
    for (size_t i = 1; i <= g->k->n_v; i++) {
        size_t some = i == g->k->n_v ? at_the_end : rnd_below(&g->r, between);
        for (size_t j = 0; j < some; j++)
            add_some(g);
        add_next(g);
    }
}

void gen_end(struct gen *g)
{
    g->st->versions += g->k->n_v;
    compiled_free(&g->c);
}

void gen_case(uint64_t seed, struct gen_shares shares, struct arena *a, struct expr_env *env,
              struct kase *ret, struct stats *st)
{
    struct rnd aside = {~seed}; /* the other cases stay what they are, whatever the share */
    struct gen g = {.r = {seed}, .a = a, .env = env, .k = ret, .st = st};
    size_t x = rnd_below(&g.r, 12), y = rnd_below(&g.r, 12), n = 1 + (x < y ? x : y);

    g.merged = rnd_chance(&aside, shares.merged);
    g.aside = aside;
    g.lists = shares.lists;
    g.linked = rnd_chance(&g.r, shares.linked) && !g.merged;
    gen_begin(&g);
    while (ret->n_v < n)
        add_version(&g);
    gen_operations(&g, 4, 8);
    ret->parts = (rnd_chance(&g.r, 40) ? CASE_REVERT : 0) | (rnd_chance(&g.r, 40) ? CASE_COMPOSE : 0);
    ret->without = 1 + rnd_below(&g.r, n);
    ret->middle = 1 + rnd_below(&g.r, n);
    gen_end(&g);
}
