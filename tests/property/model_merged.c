/* model.h: types that were merged. Items of each have a node of their own, with the same fields. */
#include "model.h"

#include <string.h>

#include "case.h"

size_t m_node_for(const struct model *m, size_t node, const struct m_item *it)
{
    if (m->nodes[node].root == it->root)
        return node;
    size_t also = m->nodes[node].also;
    return also && m->nodes[also].root == it->root ? also : MODEL_NODES;
}

size_t m_also(const struct model *m, size_t node)
{
    return m->nodes[node].also ? m->nodes[node].also : node;
}

static bool says(const struct m_node *n, const char *const *values)
{
    bool is = !n->tag;
    for (size_t i = 0; i < n->n; i++)
        is |= n->f[i].tag && values[i] && !strcmp(values[i], n->tag);
    return is;
}

size_t m_node_tagged(const struct model *m, size_t node, const char *const *values)
{
    if (says(&m->nodes[node], values))
        return node;
    size_t also = m->nodes[node].also;
    return also && says(&m->nodes[also], values) ? also : MODEL_NODES;
}

bool m_tag_stays(const struct m_node *n, const char *const *values)
{
    return says(n, values);
}

const char *m_fn_tag(struct arena *a, const struct m_step *s, const char *const *in, const char *prev)
{
    (void)a, (void)in, (void)prev;
    return s->def;
}

size_t m_rank(const struct m_merged *merged, size_t root)
{
    return merged->root[0] == root ? 0 : 1;
}

struct m_item *m_rival(struct model *m, const struct m_item *it)
{
    for (size_t to = 0; to < m->known; to++) {
        const struct m_node *n = &m->nodes[to];
        bool merges = (n->step.kind == M_MERGE_TYPES || n->step.kind == M_MERGED) && !m->nameless[n->key];
        for (size_t i = 0; merges && n->n_rules && n->root == it->root && i < m->n_items; i++) {
            struct m_item *o = &m->items[i];
            if (o->number != it->number && o->v[n->key] && !strcmp(o->v[n->key], it->v[n->key]))
                return o;
        }
    }
    return NULL;
}
