/* model.h: what a step makes of types whose fields stand in other items from then on. */
#include "model_step_int.h"

#include <stdio.h>
#include <string.h>

#include "case.h"

static void add_over(struct change *c, bool forward, enum m_over over, size_t out, const size_t *in, size_t n_in,
                     size_t there)
{
    step_rule(c, forward, M_LINKED, NULL, out, in[0], n_in > 1 ? in[1] : 0, n_in);
    struct m_rule *r = &c->n->rules[c->n->n_rules - 1];
    r->over = over;
    r->there = there;
}

/* The record of the values comes next, as a type of its own. */
void step_extract(struct change *c)
{
    size_t n = c->s->n;
    struct m_field ref = step_follower(c, c->s->c), taken[2] = {c->a, c->b};
    struct m_link *l = &c->n->link;
    ref.type = M_REF;
    ref.refers = c->m->n + 1;
    *l = (struct m_link){.is = true, .root = c->m->n + 1, .node = c->m->n + 1, .ref = ref.id, .n = n};
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)m_field_at(c->n, taken[i].name);
        c->at = at < c->at ? at : c->at;
        l->here[i] = taken[i].id;
        l->there[i] = step_new_id(c);
        ref.seeded |= taken[i].seeded;
        ref.old &= taken[i].old;
    }
    for (size_t i = 0; i < n; i++)
        step_cut(c, taken[i].name);
    step_insert(c, c->at, ref);
    add_over(c, true, M_FIND, ref.id, l->here, n, 0);
    for (size_t i = 0; i < n; i++)
        add_over(c, false, M_READ, l->here[i], &ref.id, 1, l->there[i]);
}

/* The fields that the reference leads to, in its place. */
void step_inline(struct change *c)
{
    const struct m_node *there = &c->m->nodes[c->s->then];
    struct m_link *l = &c->n->link;
    *l = (struct m_link){.is = true, .inlined = true, .root = there->root, .node = c->s->then, .ref = c->a.id,
                         .n = c->s->n};
    step_cut(c, c->s->a);
    for (size_t i = 0; i < l->n; i++) {
        struct m_field f = there->f[m_field_at(there, c->s->from[i])];
        if (f.type == M_ENUM)
            memcpy(c->n->values, there->values, sizeof c->n->values);
        c->n->n_values = f.type == M_ENUM ? there->n_values : c->n->n_values;
        l->there[i] = f.id;
        f.name = c->s->to[i];
        l->here[i] = f.id = step_new_id(c);
        f.old = false;
        step_insert(c, c->at + i, f);
        add_over(c, true, M_READ, f.id, &l->ref, 1, l->there[i]);
    }
    add_over(c, false, M_GIVE, l->ref, l->here, l->n, 0);
}

/* Its type's node comes next. */
void step_move(struct change *c)
{
    struct m_link *l = &c->n->link;
    size_t moves = 0;
    for (size_t i = 0; i < c->m->n; i++)
        moves += c->m->nodes[i].link.moved != 0;
    MUST(moves < MODEL_MOVES);
    *l = (struct m_link){.is = true, .moved = moves + 1, .root = c->m->nodes[c->s->then].root, .node = c->m->n + 1,
                         .ref = c->a.id, .here = {c->b.id}, .there = {step_new_id(c)}, .n = 1};
    step_cut(c, c->s->b);
    add_over(c, true, M_PUT, l->ref, (size_t[]){l->here[0], l->ref}, 2, 0);
    add_over(c, false, M_COME, l->here[0], &l->ref, 1, l->there[0]);
}

void step_moved(struct change *c)
{
    const struct m_node *from = &c->m->nodes[c->s->then], *before = &c->m->nodes[from->from];
    struct m_field f = before->f[m_field_at(before, from->step.b)];
    if (f.type == M_ENUM)
        memcpy(c->n->values, from->values, sizeof c->n->values);
    c->n->n_values = f.type == M_ENUM ? from->n_values : c->n->n_values;
    f.name = from->step.to[0];
    f.id = from->link.there[0];
    f.old = false;
    step_insert(c, c->n->n, f);
}

void step_add_record_type(struct model *m, const struct m_node *holder)
{
    const struct m_step *s = &holder->step;
    struct m_node *n = &m->nodes[m->n], *before = &m->nodes[holder->from];
    *n = (struct m_node){.from = -1, .root = m->n, .line = m->n, .key = m->n_ids++, .step = *s, .n = s->n};
    snprintf(n->type, sizeof n->type, "%s", s->into);
    memcpy(n->values, holder->values, sizeof n->values);
    n->n_values = holder->n_values;
    for (size_t i = 0; i < s->n; i++) {
        n->f[i] = before->f[m_field_at(before, i ? s->b : s->a)];
        n->f[i].name = s->to[i];
        n->f[i].id = holder->link.there[i];
        n->f[i].old = false;
    }
    m->n++;
}
