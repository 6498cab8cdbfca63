/* model.h: fields that move over a reference, to the item that is referred to (move_field).
 *
 * The new side has one value, the target's; the old side has one in each item that holds the reference, its holders.
 * A write of a holder's field is also one of the target's, and changes no other holder; a write of the target's is one
 * of all its holders'. So the target knows the value that a holder gave it last, and while it has that, an era, each
 * holder shows its own value, or what those without one showed when the era began. An era is over with another
 * value, and comes back with that one. A holder that is written meanwhile has left its value behind with that target
 * and era, where it finds it again; so it has when it leaves a target. One that refers to nothing has its value alone. */
#include "model_carry.h"

#include "case.h"

static struct m_item *target_of(struct model *m, const struct m_link *l, const struct m_item *it)
{
    return m_referred(m, it->v[l->ref]);
}

/* The era that is now; 0 = none. */
static unsigned era_of(const struct m_link *l, const struct m_item *target)
{
    const struct m_era *e = &target->moved[l->moved].era;
    return e->n && m_same(e->value, target->v[l->there[0]]) ? e->n : 0;
}

/* To a holder without a value of its own. */
static const char *shown_by(const struct m_link *l, const struct m_item *target)
{
    return era_of(l, target) ? target->moved[l->moved].era.shown : target->v[l->there[0]];
}

static bool is_of(const struct m_own *o, const struct m_item *target, unsigned era)
{
    return o->is && o->to == target->number && o->era == era;
}

const char *m_move_value(struct model *m, const struct m_link *l, const struct m_item *it)
{
    const struct m_item *target = target_of(m, l, it);
    const struct m_moved *mv = &it->moved[l->moved];
    unsigned era = target ? era_of(l, target) : 0;
    if (!target)
        return it->v[l->here[0]];
    if (era && is_of(&mv->own, target, era))
        return mv->own.value;
    return era && is_of(&mv->left, target, era) ? mv->left.value : shown_by(l, target);
}

unsigned m_move_era(struct model *m, const struct m_link *l, const struct m_item *it, const char **ret)
{
    const struct m_item *target = target_of(m, l, it);
    *ret = target ? target->v[l->there[0]] : NULL;
    return target ? era_of(l, target) : 0;
}

/* ---- Around a write of a holder ---- */

void m_move_begin(struct model *m, struct m_item *it)
{
    for (size_t to = 0; to < m->known; to++) {
        const struct m_link *l = &m->nodes[to].link;
        struct m_moved *mv = &it->moved[l->moved];
        if (!l->moved || m->nodes[to].root != it->root || !mv->own.is)
            continue;
        const struct m_item *target = target_of(m, l, it);
        if (target && is_of(&mv->own, target, era_of(l, target)))
            continue;
        mv->left = mv->own;
        mv->own.is = false;
    }
}

static void keep_own(struct model *m, const struct m_link *l, struct m_item *it)
{
    const struct m_item *target = target_of(m, l, it);
    const char *here = it->v[l->here[0]];
    unsigned era = target ? era_of(l, target) : 0;
    it->moved[l->moved].own = (struct m_own){0};
    if (era && !m_same(here, shown_by(l, target)))
        it->moved[l->moved].own = (struct m_own){true, target->number, era, here};
    else if (era && is_of(&it->moved[l->moved].left, target, era)) /* it shows what all do */
        it->moved[l->moved].left.is = false;
}

void m_move_end(struct model *m, struct m_item *it)
{
    for (size_t to = 0; to < m->known; to++)
        if (m->nodes[to].link.moved && m->nodes[to].root == it->root)
            keep_own(m, &m->nodes[to].link, it);
}

void m_move_forget(const struct model *m, struct m_item *it, size_t id, const struct m_rule *by)
{
    for (size_t to = 0; to < m->known; to++) {
        const struct m_node *n = &m->nodes[to];
        if (n->link.moved && n->link.here[0] == id && !(by && by->over == M_COME))
            it->moved[n->link.moved].left.is = it->moved[n->link.moved].alone.is = false;
    }
}

/* ---- From the old side ---- */

/* The holder has `own` from now on. True: something is another than it was. */
static bool mark(const struct m_link *l, struct m_item *target, const char *was, unsigned era, const char *own)
{
    struct m_era *e = &target->moved[l->moved].era, had = *e;
    const char *now = target->v[l->there[0]];
    if (!era && m_same(was, now) && m_same(own, now))
        return false;
    *e = (struct m_era){era ? era : e->n + 1, now, era ? e->shown : was};
    return e->n != had.n || !m_same(e->value, had.value) || !m_same(e->shown, had.shown);
}

/* only_unset: the target's own value stays where it has one. */
static void put_there(struct carry *c, size_t to, struct m_item *target, const char *value, bool only_unset)
{
    const struct m_link *l = &c->m->nodes[to].link;
    struct carry there = {.m = c->m, .it = target, .at = l->node};
    const char *was = target->v[l->there[0]];
    unsigned era = era_of(l, target);
    bool any;

    m_elsewhere_note(c->m, target);
    memcpy(there.was, target->v, sizeof there.was);
    carry_look(&there);
    if (!(only_unset && was) && !m_same(was, value))
        carry_set(&there, l->there[0], value, NULL);
    any = mark(l, target, was, era, value);
    carry_spread(&there);
    for (size_t id = 0; id < c->m->n_ids; id++)
        any |= !m_same(target->v[id], there.was[id]);
    if (any)
        c->m->before[target - c->m->items].writer = 0;
    m_elsewhere_wrote(c->m, target, any);
    carry_tell(c->m, target, c->it);
}

/* A holder that comes without a value says nothing of the target's; one that comes with one gives it where there is
 * none. */
void carry_put(struct carry *c, size_t to)
{
    const struct m_link *l = &c->m->nodes[to].link;
    struct m_item *target = target_of(c->m, l, c->it);
    const char *own = c->it->v[l->here[0]];
    bool touched = c->create || c->changed[l->here[0]], comes = c->create || c->changed[l->ref];

    if (c->now && c->since <= to) { /* the step is newer than what the item began with: it goes on from what it is */
        touched = !m_same(own, c->now->v[l->here[0]]) || (target && m_elsewhere_is_taken_back(c->m, target));
        comes = !m_same(c->it->v[l->ref], c->now->v[l->ref]);
    }
    if (target && !c->told && !c->bring && (touched || comes))
        put_there(c, to, target, own, !touched || (!own && comes));
}

/* ---- From the new side ---- */

/* The value that it had was its own, rather than the target's, or what that shows to all. */
static bool had_own(struct carry *c, const struct m_link *l, const struct m_item *target)
{
    const char *had = c->was[l->here[0]];
    if (c->create || !target)
        return !c->create;
    return !m_same(had, shown_by(l, target)) && !m_same(had, target->v[l->there[0]]);
}

static const char *go_alone(struct carry *c, const struct m_link *l, bool had, bool left)
{
    struct m_own *alone = &c->it->moved[l->moved].alone;
    const char *value = had ? c->was[l->here[0]] : NULL;
    if ((!had || !left) && alone->is) {
        value = alone->value;
        alone->is = false;
    }
    return value;
}

/* A target without a value gets the one that the holder had alone. */
static const char *arrive(struct carry *c, size_t to, struct m_item *target)
{
    const struct m_link *l = &c->m->nodes[to].link;
    const struct m_moved *mv = &c->it->moved[l->moved];
    if (is_of(&mv->left, target, era_of(l, target)))
        return mv->left.value;
    if (!target->v[l->there[0]] && mv->alone.is && mv->alone.value) {
        put_there(c, to, target, mv->alone.value, true);
        return mv->alone.value;
    }
    return target->v[l->there[0]];
}

void carry_come(struct carry *c, size_t to, const struct m_rule *r)
{
    const struct m_link *l = &c->m->nodes[to].link;
    struct m_item *from = m_referred(c->m, c->was[l->ref]), *target = target_of(c->m, l, c->it);
    struct m_moved *mv = &c->it->moved[l->moved];
    const char *own = c->was[l->here[0]];
    bool had = had_own(c, l, from);

    if (from && !c->create && !m_same(own, from->v[l->there[0]]))
        mv->left = (struct m_own){true, from->number, era_of(l, from), own};
    if (target && had)
        mv->alone = (struct m_own){.is = true, .value = own};
    carry_set(c, l->here[0], target ? arrive(c, to, target) : go_alone(c, l, had, from != NULL), r);
}

/* ---- The step comes ---- */

/* Of the items that refer to one and have a value, the first by key gives it. */
static const struct m_item *first_of(struct model *m, size_t to, const struct m_item *target)
{
    const struct m_link *l = &m->nodes[to].link;
    const struct m_item *first = NULL;
    for (size_t i = 0; i < m->n_items; i++) {
        const struct m_item *it = &m->items[i];
        size_t key = m->nodes[it->root].key;
        bool gives = it->root == m->nodes[to].root && target_of(m, l, it) == target && it->v[l->here[0]];
        if (gives && (!first || m_compare_keys(it->v[key], first->v[key]) < 0))
            first = it;
    }
    return first;
}

static void begin_era(const struct m_link *l, struct m_item *target, const char *value)
{
    target->v[l->there[0]] = value;
    target->moved[l->moved].era = (struct m_era){1, value, NULL};
}

/* What it was before others wrote it over a reference has the value, too. */
static void begin_era_before(struct model *m, const struct m_link *l, const struct m_item *target, const char *value)
{
    struct m_before *own = &m->before[target - m->items];
    if (own->writer)
        begin_era(l, &own->it, value);
    for (size_t i = 0; i < m->n_items; i++)
        for (size_t k = 0; m->before[i].writer && k < m->before[i].n_left; k++)
            if (m->before[i].left[k].number == target->number && m->before[i].left[k].was)
                begin_era(l, m->before[i].left[k].was, value);
}

void m_move_step(struct model *m, size_t to)
{
    const struct m_link *l = &m->nodes[to].link;
    for (size_t i = 0; l->moved && i < m->n_items; i++) {
        struct m_item *target = &m->items[i];
        const struct m_item *first = target->root == l->root ? first_of(m, to, target) : NULL;
        if (!first)
            continue;
        begin_era(l, target, first->v[l->here[0]]);
        begin_era_before(m, l, target, first->v[l->here[0]]);
    }
    for (size_t i = 0; l->moved && i < m->n_items; i++)
        if (m->items[i].root == m->nodes[to].root)
            keep_own(m, l, &m->items[i]);
}
