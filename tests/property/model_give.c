/* model.h: fields of an inlined type, which are written to the item referred to. */
#include "model_carry.h"

#include "case.h"

/* Other fields of the writer's that stand there follow. */
static void see_again(struct carry *c, size_t but, const struct m_item *it)
{
    for (size_t to = 0; to < c->m->known; to++) {
        const struct m_node *n = &c->m->nodes[to];
        bool leads = n->link.is && !n->link.moved && n->root == c->it->root && to != but && m_referred(c->m, c->it->v[n->link.ref]) == it;
        for (size_t i = 0; leads && i < n->link.n; i++)
            if (!m_same(c->it->v[n->link.here[i]], it->v[n->link.there[i]])) {
                c->it->v[n->link.here[i]] = it->v[n->link.there[i]];
                c->changed[n->link.here[i]] = true;
            }
    }
}

/* As its type was when the step was taken. */
static void write_there(struct carry *c, size_t to, struct m_item *it)
{
    const struct m_link *l = &c->m->nodes[to].link;
    struct carry there = {.m = c->m, .it = it, .at = l->node};
    bool any = false;
    c->m->before[it - c->m->items].writer = 0;
    m_elsewhere_note(c->m, it);
    memcpy(there.was, it->v, sizeof there.was);
    carry_look(&there);
    for (size_t i = 0; i < l->n; i++)
        if (!m_same(it->v[l->there[i]], c->it->v[l->here[i]]))
            carry_set(&there, l->there[i], c->it->v[l->here[i]], NULL);
    carry_spread(&there);
    for (size_t id = 0; id < c->m->n_ids; id++)
        any |= !m_same(it->v[id], there.was[id]);
    m_elsewhere_wrote(c->m, it, any);
    carry_tell(c->m, it, c->it);
    see_again(c, to, it);
}

static struct m_item *make_there(struct carry *c, size_t to)
{
    const struct m_link *l = &c->m->nodes[to].link;
    const struct m_node *n = &c->m->nodes[l->node];
    const char *values[MODEL_FIELDS] = {0}, *own = c->it->v[c->m->nodes[c->it->root].key];
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < n->n; k++)
            if (n->f[k].id == l->there[i])
                values[k] = c->it->v[l->here[i]];
    struct m_item *it = m_elsewhere_spare(c->m, n->root);
    if (it)
        m_make_anew(c->m, l->node, it, values);
    else
        it = m_make(c->m, l->node, m_free_key_like(c->m, l->node, own), values);
    m_elsewhere_made(c->m, it);
    return it;
}

/* What it referred to before, if that was made for it, or the values are again the same there. */
static struct m_item *take_back(struct carry *c, size_t to, const struct m_memory *left)
{
    const struct m_link *l = &c->m->nodes[to].link;
    struct m_item *it = left->is ? m_referred(c->m, left->value) : NULL;
    bool is = it != NULL;
    for (size_t i = 0; is && i < l->n && !c->it->alone[to].had_made; i++)
        is = m_same(left->under[i], c->it->v[l->here[i]]) && m_same(it->v[l->there[i]], c->it->v[l->here[i]]);
    return is ? it : NULL;
}

static void let_go(struct carry *c, size_t to, size_t i)
{
    const struct m_link *l = &c->m->nodes[to].link;
    struct m_alone *a = &c->it->alone[to];
    bool made = a->made;
    c->it->memory[to][i] = (struct m_memory){
        true, c->it->v[l->ref], {c->was[l->here[0]], l->n > 1 ? c->was[l->here[1]] : NULL}};
    const char *none[MODEL_LINKED] = {0};
    bool there = a->is && a->ref && m_still_shows(c->m, to, a->ref, none);
    carry_set(c, l->ref, there ? a->ref : NULL, &c->m->nodes[to].rules[i]);
    *a = (struct m_alone){.had_made = made};
}

void carry_give(struct carry *c, size_t to, size_t i)
{
    const struct m_link *l = &c->m->nodes[to].link;
    struct m_alone *a = &c->it->alone[to];
    struct m_memory *left = &c->it->memory[to][i];
    struct m_item *it = m_referred(c->m, c->it->v[l->ref]);
    bool any = false, had_any = false;

    for (size_t k = 0; k < l->n; k++) {
        any |= c->it->v[l->here[k]] != NULL;
        had_any |= c->was[l->here[k]] != NULL;
    }
    if (!it && !any)
        return;
    if (it && !any && (a->is ? !m_same(a->ref, c->it->v[l->ref]) : a->made)) {
        let_go(c, to, i);
        return;
    }
    if (any && !had_any && !c->create) {
        a->is = true;
        a->ref = c->was[l->ref];
    }
    struct m_item *back = it ? it : take_back(c, to, left);
    if (back)
        write_there(c, to, back);
    if (it)
        return;
    left->is = false;
    a->made = true;
    carry_set(c, l->ref, m_ref(c->m->a, back ? back : make_there(c, to)), &c->m->nodes[to].rules[i]);
    a->made = true;
}
