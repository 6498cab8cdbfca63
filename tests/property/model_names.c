/* model.h: what items are called.
 *
 * A key is a value like a field's, and change_key links two of them. What its expressions give becomes a legal
 * name, and the only one of the type's. */
#include "model.h"

#include <string.h>

#include "case.h"

static const char *text(struct model *m, const struct buf *b)
{
    const char *p = arena_strndup(m->a, b->p, b->n);
    MUST(p);
    return p;
}

/* ---- Expressions ---- */

static const char *joined(struct arena *a, const char *x, const char *between, const char *y)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (!x || !y || x[0] != '"')
        return NULL;
    MUST(buf_printf(&b, "%.*s%s%s", (int)strlen(x) - 1, x, between, y + 1));
    const char *p = arena_strdup(a, buf_str(&b));
    MUST(p);
    return p;
}

static const char *field(struct arena *a, const struct m_step *s, const char *const *in, const char *prev)
{
    return m_exprs[0](a, s, in, prev);
}

static const char *upper(struct arena *a, const struct m_step *s, const char *const *in, const char *prev)
{
    return m_exprs[1](a, s, in, prev);
}

static const char *prefixed(struct arena *a, const struct m_step *s, const char *const *in, const char *prev)
{
    (void)s, (void)prev;
    return joined(a, "\"k-\"", "", in[0]);
}

static const char *both(struct arena *a, const struct m_step *s, const char *const *in, const char *prev)
{
    (void)s, (void)prev;
    return joined(a, in[0], "-", in[1]);
}

const struct m_key_expr m_key_exprs[] = {
    {"%s", field, true, false},
    {"upper(%s)", upper, true, false},
    {"_key", m_fn_same, false, true},
    {"'k-' || _key", prefixed, false, true},
    {"substr(_key, 1, 1)", m_fn_first, false, true},
    {"%s || '-' || _key", both, true, true},
};
const size_t n_m_key_exprs = sizeof m_key_exprs / sizeof m_key_exprs[0];

const char *m_fn_key_up(struct arena *a, const struct m_step *s, const char *const *in, const char *prev)
{
    return m_key_exprs[s->expr].fn(a, s, in, prev);
}

const char *m_fn_key_down(struct arena *a, const struct m_step *s, const char *const *in, const char *prev)
{
    return m_key_exprs[s->expr2].fn(a, s, in, prev);
}

/* ---- Names ---- */

/* The only text of the generator's that is no legal name is the empty one. */
const char *m_key_plain(const char *value, const char *like)
{
    if (!value)
        value = like;
    MUST(value);
    return strcmp(value, "\"\"") != 0 ? value : "\"%\"";
}

static bool is(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

/* Of two types that were merged, the later one's items give way to an own key of the earlier one's. */
static bool is_taken(const struct model *m, const struct m_item *it, const struct m_rule *r, const char *key)
{
    for (size_t i = 0; i < m->n_items && !m->nameless[r->out]; i++) {
        const struct m_item *o = &m->items[i];
        size_t rank = r->merged ? m_rank(r->merged, o->root) : 0;
        bool own = is(o->v[m->nodes[o->root].key], key);
        bool theirs = r->merged && !r->settled && (o->root == r->merged->root[0] || o->root == r->merged->root[1]);
        if (o->number == it->number)
            continue;
        if (theirs && own && rank < r->rank)
            return true;
        if (is(o->v[r->out], key) && !(theirs && own && rank > r->rank))
            return true;
    }
    return false;
}

const char *m_key_free(struct model *m, const struct m_item *it, const struct m_rule *r, const char *key)
{
    const char *suffix = r->merged && r->rank ? r->merged->name[r->rank] : NULL;
    struct buf b BUF_CLEANUP = BUF_INIT, plain BUF_CLEANUP = BUF_INIT;
    MUST(buf_adds(&b, key) && buf_printf(&plain, "%.*s", (int)strlen(key) - 1, key));
    if (suffix && is_taken(m, it, r, key)) {
        MUST(buf_printf(&plain, "~%s", suffix));
        buf_reset(&b);
        MUST(buf_printf(&b, "%s\"", buf_str(&plain)));
    }
    for (unsigned n = 2; is_taken(m, it, r, buf_str(&b)); n++) {
        buf_reset(&b);
        MUST(buf_printf(&b, "%s~%u\"", buf_str(&plain), n));
    }
    return text(m, &b);
}

/* By whom the item gets that key; a key that nobody gives is the only one among its like. */
static struct m_rule rule_of(const struct model *m, size_t root, size_t id)
{
    for (size_t to = 0; to < m->known; to++)
        for (size_t i = 0; m->nodes[to].root == root && i < m->nodes[to].n_rules; i++)
            if (m->nodes[to].rules[i].out == id && m->nodes[to].rules[i].forward)
                return m->nodes[to].rules[i];
    return (struct m_rule){.out = id};
}

/* What the item was called then, and is not now, nobody else is called. */
bool m_keys_stand(const struct model *m, const struct m_item *then, const struct m_item *now)
{
    for (size_t to = 0; to < m->known; to++) {
        size_t id = m->nodes[to].key;
        const struct m_rule r = rule_of(m, now->root, id);
        if (m->nodes[to].root == now->root && then->v[id] && !is(then->v[id], now->v[id]) &&
            is_taken(m, now, &r, then->v[id]))
            return false;
    }
    return true;
}

bool model_shows(const struct model *m, size_t node, const struct m_item *it)
{
    size_t at = m_node_for(m, node, it);
    return at != MODEL_NODES && (!m->nodes[at].part || is(m->nodes[at].part, it->v[m->nodes[at].parts]));
}

static bool is_called(const struct model *m, size_t node, const struct m_item *it, const char *key)
{
    size_t at = m_node_for(m, node, it);
    const char *own = at != MODEL_NODES ? it->v[m->nodes[at].key] : NULL;
    return own && strlen(own) == strlen(key) + 2 && !memcmp(own + 1, key, strlen(key));
}

struct m_item *model_item(struct model *m, size_t node, const char *key)
{
    for (size_t i = 0; i < m->n_items; i++)
        if (model_shows(m, node, &m->items[i]) && is_called(m, node, &m->items[i], key))
            return &m->items[i];
    return NULL;
}

bool m_key_is_taken(const struct model *m, size_t node, const char *key)
{
    bool taken = false;
    for (size_t i = 0; i < m->n_items; i++)
        taken |= is_called(m, node, &m->items[i], key);
    return taken;
}
