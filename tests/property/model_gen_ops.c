/* Random histories over a chain of versions: writes, backfills, and versions that come and go. */
#include <string.h>

#include "model_case.h"

const char *m_gen_value(struct m_case *c, const struct m_node *n, const struct m_field *f)
{
    static const char *const texts[] = {"\"a\"", "\"b\"",     "\"pending\"", "\"done\"", "\"\"",
                                        "\"y\"", "\"x|y z\"", "\"12\"",      "\"Ab\"",   "null"};
    static const char *const lists[] = {"[]", "[\"a\"]", "[\"a\", \"b\"]",
                                        "[\"done\", \"a\", \"b\"]"};
    static const char *const numbers[] = {"0", "7", "12", "-3", "120"};
    if (f->tag)
        return rnd_chance(&c->r, 50) ? n->tag : c->shape.nodes[n->also].tag;
    if (!f->def && !f->required && rnd_chance(&c->r, 20))
        return NULL;
    switch (f->type) {
    case M_TEXT:
        return texts[rnd_below(&c->r, f->required ? 9 : 10)];
    case M_LIST:
        return lists[rnd_below(&c->r, 4)];
    case M_INT:
        return numbers[rnd_below(&c->r, 5)];
    case M_ENUM:
        return m_format(c, "\"%s\"", n->values[rnd_below(&c->r, n->n_values)]);
    case M_REF:
        return m_gen_ref(c);
    case M_INSIDE: /* when it is written: m_inside_drawn */
    case M_OBJECT:
        break;
    }
    unsigned x = rnd_below(&c->r, 4), y = rnd_below(&c->r, 9), z = rnd_below(&c->r, 9);
    if (x == 0)
        return m_format(c, "{\"%s\": %s}", f->members[y & 1], texts[z]);
    return m_format(c, "{\"%s\": %s, \"%s\": %s}", f->members[0], texts[y], f->members[1],
                    texts[z]);
}

static struct m_op *new_op(struct m_case *c, enum m_op_kind kind, size_t version)
{
    struct m_op *op = &c->ops[c->n_ops++];
    *op = (struct m_op){.kind = kind, .version = version, .salt = rnd_next(&c->r)};
    return op;
}

static void make_write(struct m_case *c, size_t version, enum m_op_kind kind)
{
    static const char *const keys[] = {"k1", "k2", "k3"}, *const names[] = {"k1", "k2", "n1", "n2", "a", "k-k1"};
    struct m_op *op = new_op(c, kind, version);
    const struct m_shows *sh = &c->shows[version];
    do
        op->node = sh->node[rnd_below(&c->r, sh->n)];
    while (c->shape.nodes[op->node].object);
    const struct m_node *n = &c->shape.nodes[op->node];
    op->key = rnd_chance(&c->r, n->key == c->shape.nodes[n->root].key ? 30 : 60) ? m_gen_key(c) : keys[rnd_below(&c->r, 3)];
    op->to = rnd_chance(&c->r, 30) ? m_format(c, "r%zu", c->n_ops) : names[rnd_below(&c->r, sizeof names / sizeof names[0])];
    op->edit = rnd_chance(&c->r, 50);
    for (size_t i = 0; i < n->n; i++)
        op->values[i] = n->f[i].type == M_INSIDE ? m_gen_key(c) : m_gen_value(c, n, &n->f[i]);
}

enum state { NONE, LIVE, DORMANT, GONE };
struct states {
    enum state of[CASE_VERSIONS];
    size_t next; /* to be added */
};

bool m_version_descends(const struct m_case *c, size_t version, size_t from)
{
    int at = (int)version;
    while (at > (int)from)
        at = c->k.v[at].from;
    return at == (int)from;
}

static void set_state(const struct m_case *c, struct states *st, size_t version, enum state state)
{
    for (size_t i = version; i < c->k.n_v; i++)
        if (m_version_descends(c, i, version) && st->of[i] != NONE && st->of[i] != GONE)
            st->of[i] = state;
}

static void finalize(struct m_case *c, struct states *st, size_t version)
{
    new_op(c, MO_FINALIZE, version);
    for (size_t i = 0; i < c->k.n_v; i++)
        if (st->of[i] != NONE && !(m_version_descends(c, i, version) && st->of[i] == LIVE))
            st->of[i] = GONE;
}

/* What an item that was not written since shows over the step of another branch, or of a version that is
 * reverted, does not outlive it yet (docs/decisions/07-open-laws.md). */
static bool takes_a_link(const struct m_case *c, const struct states *st, size_t version)
{
    bool takes = false;
    for (size_t v = 0; v < c->k.n_v; v++) {
        bool goes = st->of[v] != NONE && st->of[v] != GONE && !m_version_descends(c, version, v) &&
                    !(m_version_descends(c, v, version) && st->of[v] == LIVE);
        for (size_t i = c->shows[v].first; goes && i < c->shows[v].end; i++)
            takes |= c->shape.nodes[i].link.is;
    }
    return takes;
}

/* A field can't be restored from a version that is gone. */
static bool can_be_added(const struct m_case *c, const struct states *st, size_t version)
{
    bool ok = version == 0 || st->of[c->k.v[version].from] != GONE;
    for (size_t i = c->shows[version].first; i < c->shows[version].end; i++)
        for (size_t k = 0; k < version && c->shape.nodes[i].step.kind == M_RESTORE; k++)
            ok &= st->of[k] != GONE || strcmp(c->k.v[k].name, c->shape.nodes[i].step.c) != 0;
    return ok;
}

static void add_next(struct m_case *c, struct states *st)
{
    while (st->next < c->k.n_v && !can_be_added(c, st, st->next))
        st->next++;
    if (st->next == c->k.n_v || (st->next && st->of[c->k.v[st->next].from] != LIVE))
        return;
    new_op(c, MO_ADD, st->next);
    st->of[st->next++] = LIVE;
}

static void change_state(struct m_case *c, struct states *st, size_t v, unsigned n)
{
    bool base = v && st->of[c->k.v[v].from] == LIVE; /* the oldest one is not reverted */
    if (n < 3 && v && st->of[v] == LIVE) {
        if (!takes_a_link(c, st, v))
            finalize(c, st, v);
    } else if (n < 9 && base && st->of[v] == LIVE) {
        new_op(c, MO_REVERT, v);
        set_state(c, st, v, DORMANT);
    } else if (n >= 9 && base && st->of[v] == DORMANT) {
        new_op(c, MO_WAKE, v);
        set_state(c, st, v, LIVE);
    }
}

void m_gen_ops(struct m_case *c)
{
    struct states st = {0};
    add_next(c, &st);
    while (c->n_ops < MAX_OPS) {
        unsigned n = rnd_below(&c->r, 100);
        size_t v = rnd_below(&c->r, c->k.n_v);
        if (n < 18)
            add_next(c, &st);
        else if (n < 76 && st.of[v] == LIVE)
            make_write(c, v, n < 69 ? MO_WRITE : n < 73 ? MO_REMOVE : MO_RENAME);
        else if (n >= 76 && n < 84)
            new_op(c, MO_BACKFILL, 0);
        else if (n >= 84)
            change_state(c, &st, v, n - 84);
    }
}
