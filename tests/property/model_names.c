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

static bool is_taken(const struct model *m, const struct m_item *it, size_t id, const char *key)
{
    for (size_t i = 0; i < m->n_items; i++) {
        const struct m_item *o = &m->items[i];
        if (o->number != it->number && o->v[id] && !strcmp(o->v[id], key))
            return true;
    }
    return false;
}

const char *m_key_free(struct model *m, const struct m_item *it, size_t id, const char *key)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    MUST(buf_adds(&b, key));
    for (unsigned n = 2; is_taken(m, it, id, buf_str(&b)); n++) {
        buf_reset(&b);
        MUST(buf_printf(&b, "%.*s~%u\"", (int)strlen(key) - 1, key, n));
    }
    return text(m, &b);
}

/* What the item was called then, and is not now, nobody else is called. */
bool m_keys_stand(const struct model *m, const struct m_item *then, const struct m_item *now)
{
    for (size_t to = 0; to < m->known; to++) {
        size_t id = m->nodes[to].key;
        const char *key = then->v[id];
        if (m->nodes[to].root == now->root && key && strcmp(key, now->v[id]) != 0 &&
            is_taken(m, now, id, key))
            return false;
    }
    return true;
}

bool model_shows(const struct model *m, size_t node, const struct m_item *it)
{
    return m->nodes[node].root == it->root;
}

struct m_item *model_item(struct model *m, size_t node, const char *key)
{
    for (size_t i = 0; i < m->n_items; i++) {
        const char *is = m->items[i].v[m->nodes[node].key];
        if (model_shows(m, node, &m->items[i]) && strlen(is) == strlen(key) + 2 &&
            !memcmp(is + 1, key, strlen(key)))
            return &m->items[i];
    }
    return NULL;
}
