/* model.h: references between items. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "model.h"

static const char *text(struct arena *a, const char *s)
{
    const char *p = arena_strdup(a, s);
    MUST(p);
    return p;
}

const char *m_ref(struct arena *a, const struct m_item *it)
{
    char value[24];
    snprintf(value, sizeof value, "@%u", it->number);
    return text(a, value);
}

struct m_item *m_referred(struct model *m, const char *value)
{
    unsigned long number = value && value[0] == '@' ? strtoul(value + 1, NULL, 10) : 0;
    for (size_t i = 0; i < m->n_items; i++)
        if (m->items[i].number == number)
            return &m->items[i];
    return NULL;
}

size_t m_node_of_line(const struct model *m, const struct m_shows *beside, size_t line)
{
    size_t i = 0;
    while (i < beside->n && m->nodes[beside->node[i]].line != line &&
           (!m->nodes[beside->node[i]].part || m->nodes[beside->node[i]].whole != line))
        i++;
    MUST(i < beside->n);
    return beside->node[i];
}

const char *m_ref_text(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *value)
{
    const struct m_item *it = m_referred(m, value);
    return it ? it->v[m->nodes[m_node_of_line(m, beside, f->refers)].key] : value;
}

const char *m_ref_taken(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *json,
                        const char *had)
{
    size_t node = m_node_of_line(m, beside, f->refers);
    const struct m_node *n = &m->nodes[node];
    if (json[0] != '"')
        return json;
    for (size_t i = 0; i < m->n_items; i++) {
        const struct m_item *it = &m->items[i];
        if (it->root != n->root || strcmp(it->v[n->key], json) != 0)
            continue;
        const char *ref = m_ref(m->a, it);
        bool any_part = n->line != f->refers;
        return any_part || model_shows(m, node, it) || (had && !strcmp(had, ref)) ? ref : NULL;
    }
    return NULL;
}

bool m_is_referred_to(const struct model *m, const struct m_item *it, const bool by[MODEL_IDS])
{
    for (size_t i = 0; i < m->n_items; i++)
        for (size_t id = 0; id < m->n_ids && &m->items[i] != it; id++) {
            const char *v = m->items[i].v[id];
            if (v && v[0] == '@' && strtoul(v + 1, NULL, 10) == it->number && (!by || by[id]))
                return true;
        }
    return false;
}

bool m_refs_stand(struct model *m, const struct m_item *it)
{
    for (size_t id = 0; id < m->n_ids; id++)
        if (it->v[id] && it->v[id][0] == '@' && !m_referred(m, it->v[id]))
            return false;
    return true;
}
