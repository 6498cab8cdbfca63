/* model.h: what a node has. */
#include "model.h"

#include <string.h>

int m_field_at(const struct m_node *n, const char *name)
{
    for (size_t i = 0; i < n->n; i++)
        if (!strcmp(n->f[i].name, name))
            return (int)i;
    return -1;
}

bool m_has_id(const struct m_node *n, size_t id)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->f[i].id == id)
            return true;
    return false;
}

const struct m_rule *m_rule_giving(const struct m_node *n, size_t id)
{
    for (size_t i = 0; i < n->n_rules; i++)
        if (!n->rules[i].forward && n->rules[i].out == id)
            return &n->rules[i];
    return NULL;
}

bool m_descends(const struct model *m, size_t node, size_t from)
{
    for (int i = (int)node; i >= 0; i = m->nodes[i].from)
        if ((size_t)i == from)
            return true;
    return false;
}
