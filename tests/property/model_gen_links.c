/* What model_gen.c draws of references between items. */
#include <stdlib.h>
#include <string.h>

#include "model_case.h"

const char *m_gen_key(struct m_case *c)
{
    return m_format(c, "?%u", rnd_below(&c->r, 1000));
}

const char *m_key_now(struct m_case *c, struct model *m, size_t node, const char *key, const char *else_key)
{
    size_t n = 0, at;
    if (key[0] != '?')
        return key;
    for (size_t i = 0; i < m->n_items; i++)
        n += model_shows(m, node, &m->items[i]);
    at = n ? strtoul(key + 1, NULL, 10) % n : 0;
    for (size_t i = 0; i < m->n_items; i++)
        if (model_shows(m, node, &m->items[i]) && at-- == 0) {
            const char *is = m->items[i].v[m->nodes[node].key];
            return m_format(c, "%.*s", (int)strlen(is) - 2, is + 1);
        }
    return else_key;
}

const char *m_gen_ref(struct m_case *c)
{
    unsigned n = rnd_below(&c->r, 100);
    return n < 6 ? "null" : n < 9 ? "\"k9\"" : m_gen_key(c);
}

bool m_shows_line(const struct m_case *c, size_t version, size_t line)
{
    const struct m_shows *sh = &c->shows[version];
    for (size_t i = 0; i < sh->n; i++)
        if (c->shape.nodes[sh->node[i]].line == line ||
            (c->shape.nodes[sh->node[i]].part && c->shape.nodes[sh->node[i]].whole == line))
            return true;
    return false;
}

bool m_type_is_used(const struct m_case *c, size_t version, size_t node)
{
    const struct m_shows *sh = &c->shows[version];
    const struct m_node *t = &c->shape.nodes[node];
    for (size_t i = 0; i < sh->n; i++) {
        const struct m_node *n = &c->shape.nodes[sh->node[i]];
        for (size_t k = 0; k < n->n; k++)
            if (n->f[k].type == M_REF && (n->f[k].refers == t->line || (t->part && n->f[k].refers == t->whole)))
                return true;
    }
    return false;
}

bool m_choose_link(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct m_shows *sh = &c->shows[version];
    (void)node;
    if (s->kind == M_ADD_REF)
        s->then = sh->node[rnd_below(&c->r, sh->n)];
    return true;
}
