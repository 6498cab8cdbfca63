/* model.h: what goes on after a finalize. */
#include "model.h"

#include <string.h>

static bool is_shown(const struct model *m, const struct m_final *f, size_t id)
{
    bool shown = false;
    for (size_t to = 0; to < m->known; to++)
        shown |= f->shown[to] && m_has_id(&m->nodes[to], id);
    return shown;
}

static bool has_input(const struct m_rule *r, size_t id)
{
    return r->in[0] == id || (r->n_in > 1 && r->in[1] == id);
}

/* It is shown, or another one that goes on is computed from it. */
static bool goes_on(const struct model *m, const struct m_final *f, size_t id, size_t after)
{
    bool on = is_shown(m, f, id);
    for (size_t to = after + 1; to < m->known; to++)
        for (size_t i = 0; (f->gone[to] || f->begins[to]) && i < m->nodes[to].n_rules; i++)
            on |= has_input(&m->nodes[to].rules[i], id);
    return on;
}

static bool is_read(const struct model *m, const bool kept[MODEL_NODES], size_t id)
{
    bool is = false;
    for (size_t to = 0; to < m->known; to++) {
        const struct m_node *n = &m->nodes[to];
        for (size_t i = 0; i < n->n_rules; i++)
            is |= n->rules[i].mode == M_COMPUTED && has_input(&n->rules[i], id);
        for (size_t k = 0; kept[to] && k < n->link.n; k++)
            is |= n->link.there[k] == id;
    }
    return is;
}

/* Both sides are still shown: the old one by a copied type. Or no version shows what stands in the other item, but what
 * is computed from it goes on, or is seen over one that goes on. kept: those that are known to. */
static bool link_goes_on(const struct model *m, const struct m_final *f, const bool kept[MODEL_NODES],
                         const struct m_link *l)
{
    bool on = false, shown = false;
    for (size_t k = 0; k < l->n; k++) {
        shown |= is_shown(m, f, l->here[k]);
        on |= is_read(m, kept, l->here[k]);
    }
    return shown ? is_shown(m, f, l->ref) : on;
}

static void keep_links(const struct model *m, const struct m_final *f, bool kept[MODEL_NODES])
{
    for (bool more = true; more;) {
        more = false;
        for (size_t to = 0; to < m->known; to++) {
            bool stays = (!f->gone[to] && !f->begins[to]) || m->nodes[to].link.inlined;
            bool is = m->nodes[to].link.is && (stays || link_goes_on(m, f, kept, &m->nodes[to].link));
            more |= is && !kept[to];
            kept[to] = is;
        }
    }
}

static void drop_rules(struct model *m, const struct m_final *f, size_t to)
{
    struct m_node *n = &m->nodes[to];
    size_t kept = 0;
    for (size_t i = 0; i < n->n_rules; i++)
        if (n->rules[i].over ||
            (n->rules[i].mode == M_COMPUTED && (f->begins[to] || goes_on(m, f, n->rules[i].out, to))))
            n->rules[kept++] = n->rules[i];
    n->n_rules = kept;
    for (size_t i = 0; i < m->n_items && !n->link.is; i++)
        memset(m->items[i].memory[to], 0, sizeof m->items[i].memory[to]);
    for (size_t i = 0; i < m->n_objects; i++)
        memset(m->objects[i]->memory[to], 0, sizeof m->objects[i]->memory[to]);
}

static bool is_shown_key(const struct model *m, const struct m_final *f, size_t id)
{
    bool is = false;
    for (size_t to = 0; to < m->known; to++)
        is |= m->nodes[to].key == id && (f->shown[to] || m->nodes[to].from < 0);
    return is;
}

/* A version shows the field, or may again, or something is computed from it or gives it. */
static bool is_alive(const struct model *m, const struct m_final *f, size_t id)
{
    bool is = is_shown(m, f, id);
    for (size_t to = 0; to < m->known && !is; to++) {
        const struct m_node *n = &m->nodes[to];
        is = (!f->gone[to] && !f->begins[to] && m_has_id(n, id)) || (n->link.is && n->link.ref == id);
        for (size_t i = 0; i < n->n_rules; i++)
            is |= n->rules[i].out == id || has_input(&n->rules[i], id);
    }
    for (size_t to = m->known; to < m->n && !is; to++) /* restored */
        is = m_has_id(&m->nodes[to], id);
    return is;
}

void model_finalize(struct model *m, const struct m_final *f)
{
    for (size_t to = 0; to < m->known; to++)
        m->nameless[m->nodes[to].key] = !is_shown_key(m, f, m->nodes[to].key);
    for (size_t i = 0; i < m->n_items && f->oldest != m->oldest; i++)
        m->before[i].writer = 0; /* other sides do not follow any more from what is written */
    m->oldest = f->oldest;
    for (size_t to = m->known; to-- > 0;)
        if (f->gone[to] || f->begins[to])
            drop_rules(m, f, to);
    bool kept[MODEL_NODES] = {0};
    keep_links(m, f, kept);
    for (size_t to = 0; to < m->known; to++) {
        struct m_node *n = &m->nodes[to];
        if (!n->link.is || kept[to])
            continue;
        n->n_rules = 0;
        n->link.is = false;
        n->link.moved = 0;
    }
    for (size_t id = 0; id < m->n_ids; id++)
        m->dead[id] = !is_alive(m, f, id);
}
