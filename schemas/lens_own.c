/* What the holder of a reference shows of fields that stand in the item which it points to.
 *
 * LINK_EXTRACT, LINK_INLINE: it shows what the target holds. Two holders of one target show the same.
 *
 * LINK_MOVE puts the fields of many holders into one place, but on the old side they must stay
 * apart: a write there changes the field of its own item and the target's, no other holder's. So
 *   the target's mark  says since which value of it an *era* lasts, the era's number, and what a
 *                      holder without a value of its own is shown in it
 *   a holder           keeps a value of its own with the number of the era it holds in (its basis)
 *
 *   no era --the old side writes another value, or keeps one--> era n --the same--> era n
 *          <--the new side writes the target's field, by whatever way--
 *
 * Without an era every holder shows the target's value. An era is over when that is not what the
 * mark says; it is back when the value is back. Numbers are not used again. A holder that is written
 * while its era is over remembers the own value, with target and era. [I4]
 *
 * A holder without a reference keeps the field to itself. When the new side makes it refer to
 * something, its own value is remembered until it makes it refer to nothing. The reference may stand in
 * another item as well, and be written there, while nobody writes the holder: so the value says in its
 * basis that it is of the time without a reference (ERA_ALONE), or which target its era is of. */
#include "lens_link.h"

#include <stdio.h>

/* In place of an era's number: while the holder refers to nothing. */
#define ERA_ALONE UINT64_MAX

/* What the record's own value holds in: the era, and where the reference may change elsewhere, the target. false: in
 * any. */
static bool own_basis(const struct sight *s, const struct link *lk, struct remembered *ret)
{
    const struct entry *en = record_find(s->rec, lk->here[0], ENTRY_BASIS);
    return lk->kind == LINK_MOVE && en && remembered_read(en->bytes, ret) && ret->id;
}

/* The reference is another item's to change, too. */
static bool ref_follows(const struct lens *l, const struct link *lk)
{
    return lk->ref < l->cat->n_slots && l->cat->slots[lk->ref].is_volatile;
}

static struct span place_of(struct lens *l, struct span ref, uint64_t era)
{
    char number[32];
    int n = snprintf(number, sizeof number, "%llu", (unsigned long long)era);
    struct span parts[2] = {ref, {number, (size_t)n}};
    return inputs_encode(l, parts, 2);
}

struct span link_place(struct lens *l, const struct record *r, const struct link *lk, uint64_t era)
{
    return place_of(l, record_value(r, lk->ref), era);
}

/* The same of a record that may be folded. */
static int place_seen(const struct sight *s, const struct link *lk, uint64_t era, struct span *ret, struct err *e)
{
    struct span ref;

    if (link_ref(s, lk, &ref, e))
        return -1;
    *ret = place_of(s->l, ref, era);
    return ret->p ? 0 : err_nomem(e);
}

/* The own value that the holder had in this era, put aside while it was over. */
static int put_aside(const struct sight *s, const struct link *lk, uint64_t era, struct span *ret,
                     struct err *e)
{
    for (size_t i = 0; era && i < s->rec->n; i++) {
        const struct entry *en = &s->rec->e[i];
        struct remembered m;
        struct span at;
        if (en->slot != lk->here[0] || en->kind != ENTRY_MEMORY || !remembered_read(en->bytes, &m) ||
            m.id != link_left_id(lk))
            continue;
        if (place_seen(s, lk, era, &at, e))
            return -1;
        if (span_eq(at, m.inputs))
            *ret = m.value;
    }
    return 0;
}

static int remember_own(struct lens *l, const struct link *lk, struct span own, struct span at, struct record *r,
                        struct err *e)
{
    return at.p ? link_remember(l, r, lk->here[0], ENTRY_MEMORY,
                                (struct remembered){link_left_id(lk), own, at}, e)
                : err_nomem(e);
}

/* Does the own value hold now? */
static int holds_now(const struct sight *s, const struct link *lk, const struct remembered *in,
                     const struct era *now, bool *ret, struct err *e)
{
    struct span at;

    *ret = in->id == ERA_ALONE ? !now->there : in->id == now->number;
    if (!*ret || !now->there || !in->inputs.n)
        return 0;
    if (place_seen(s, lk, now->number, &at, e))
        return -1;
    *ret = span_eq(at, in->inputs);
    return 0;
}

/* The holder had a value to itself before it referred to something, and refers to nothing again, which was written in
 * another item. */
static bool is_alone_again(const struct sight *s, const struct link *lk, const struct era *now, struct remembered *ret)
{
    return lk->kind == LINK_MOVE && !now->there && ref_follows(s->l, lk) &&
           link_memory(s->rec, lk->here[0], link_alone_id(lk), ret);
}

int link_put_aside(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    struct span value, own = record_value(s->rec, lk->here[0]);
    struct remembered in = {0}, alone;
    bool based = own_basis(s, lk, &in), holds = false;
    struct era era;

    if (!based && !ref_follows(s->l, lk))
        return 0;
    if (link_look(s, lk, 0, &value, &era, e) || (based && holds_now(s, lk, &in, &era, &holds, e)))
        return -1;
    if (is_alone_again(s, lk, &era, &alone))
        link_forget(r, lk->here[0], link_alone_id(lk));
    if (!based || holds)
        return 0;
    if (in.id == ERA_ALONE)
        return link_remember(s->l, r, lk->here[0], ENTRY_MEMORY, (struct remembered){link_alone_id(lk), own, {0}}, e);
    if (!in.inputs.n && place_seen(s, lk, in.id, &in.inputs, e))
        return -1;
    return remember_own(s->l, lk, own, in.inputs, r, e);
}

/* The reference is unset in the record; but it may stand in another item itself, and lead to the target yet. */
static bool is_retired(const struct link *lk, const struct record *r)
{
    for (size_t i = 0; lk->kind != LINK_INLINE && i < r->n; i++) {
        struct remembered m;
        if (r->e[i].slot == lk->ref && r->e[i].kind == ENTRY_MEMORY && remembered_read(r->e[i].bytes, &m) &&
            m.id == link_alone_id(lk))
            return true;
    }
    return false;
}

int link_retire(struct lens *l, const struct link *lk, struct record *r, struct err *e)
{
    struct remembered m = {.id = link_alone_id(lk)};
    return ref_follows(l, lk) ? link_remember(l, r, lk->ref, ENTRY_MEMORY, m, e) : 0;
}

int link_slot(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              bool *ret_is_own, struct err *e)
{
    struct span value, own = record_value(s->rec, lk->here[i]);
    struct remembered in = {0}, alone;
    bool based = own_basis(s, lk, &in), holds = false;
    struct era era;

    *ret = own;
    *ret_is_own = (own.p && !based) || (s->rec->gen < lk->step && lk->kind != LINK_INLINE) || is_retired(lk, s->rec);
    if (*ret_is_own)
        return 0;
    if (link_look(s, lk, i, &value, &era, e) || (based && holds_now(s, lk, &in, &era, &holds, e)))
        return -1;
    if (holds)
        return 0;
    *ret = era.shown;
    if (is_alone_again(s, lk, &era, &alone))
        *ret = alone.value;
    return lk->kind == LINK_MOVE ? put_aside(s, lk, era.number, ret, e) : 0;
}

int link_shows_same(struct work *w, const struct link *lk, const struct sight *with, bool *ret,
                    struct err *e)
{
    struct span is, is_text, own_text;

    *ret = true;
    for (size_t i = 0; i < lk->n && *ret; i++) {
        if (link_look(with, lk, i, &is, NULL, e) || link_encoded(with, lk, i, is, &is_text, e) ||
            link_encoded(with, lk, i, record_value(&w->r, lk->here[i]), &own_text, e))
            return -1;
        *ret = span_eq(is_text, own_text);
    }
    return 0;
}

/* ---- Writing over a link ---- */

/* What a record was shown over one of its links. */
struct looked {
    struct span value;
    struct era era;
};

static int look_all(struct work *w, struct looked **ret, struct err *e)
{
    struct sight s = link_sight(w, &w->r);
    const struct group *g = w->g;
    struct looked *all;
    size_t n = 0;

    for (size_t k = 0; k < g->n_links; k++)
        n += g->links[k]->n;
    if (!(all = arena_alloc(&w->l->arena, (n + 1) * sizeof *all)))
        return err_nomem(e);
    *ret = all;
    for (size_t k = 0; k < g->n_links; k++)
        for (size_t i = 0; i < g->links[k]->n; i++, all++)
            if (link_look(&s, g->links[k], i, &all->value, &all->era, e))
                return -1;
    return 0;
}

/* What the holder shows in the era that is now, as link_slot has it of a stored record. */
static int own_now(struct work *w, const struct link *lk, const struct looked *was,
                   const struct looked *is, struct span *ret, struct err *e)
{
    struct sight s = link_sight(w, &w->r);
    struct span own = record_value(&w->r, lk->here[0]), own_text, shown_text;

    if (link_encoded(&s, lk, 0, own, &own_text, e) ||
        link_encoded(&s, lk, 0, was->era.shown, &shown_text, e))
        return -1;
    if (was->era.number && was->era.number == is->era.number) {
        *ret = own;
        return 0;
    }
    if (was->era.number && !span_eq(own_text, shown_text) &&
        remember_own(w->l, lk, own, link_place(w->l, &w->r, lk, was->era.number), &w->r, e))
        return -1;
    *ret = is->era.shown;
    return put_aside(&s, lk, is->era.number, ret, e);
}

/* The item that another link of the record leads to has been written in the course of this write. */
static int follow_one(struct work *w, const struct link *lk, size_t i, const struct looked *was,
                      const struct looked *is, struct err *e)
{
    slot_no here = lk->here[i];
    struct span now = is->value;

    if ((span_eq(was->value, is->value) && was->era.number == is->era.number) ||
        shape_shows(w->s, here) || slotset_has(&w->reached, here))
        return 0;
    if (lk->kind == LINK_MOVE && own_now(w, lk, was, is, &now, e))
        return -1;
    return work_store(w, here, ENTRY_VALUE, now, e);
}

int link_assign(struct work *w, const struct link *lk, uint64_t id, const struct span *values,
                bool only_unset, uint64_t *ret_id, struct err *e)
{
    struct looked *was, *is;

    if (look_all(w, &was, e) || (id && elsewhere_note(w->l, lk, id, e)) ||
        w->l->world.assign(w->l->world.arg, lk, id, w->key, values, only_unset, ret_id, e) ||
        (!id && elsewhere_made(w->l, lk, *ret_id, e)) || look_all(w, &is, e))
        return -1;
    for (size_t k = 0; k < w->g->n_links; k++)
        for (size_t i = 0; i < w->g->links[k]->n; i++, was++, is++)
            if (w->g->links[k] != lk && follow_one(w, w->g->links[k], i, was, is, e))
                return -1;
    return 0;
}

/* ---- Folding ---- */

/* The value stands elsewhere; that nobody decided it here stays (I5). False: no memory. */
static bool leave_to_link(struct record *r, slot_no slot)
{
    const struct entry *en = record_get(r, slot);
    bool derived = en && en->kind == ENTRY_DERIVED;

    record_unset(r, slot);
    return !derived || record_set(r, slot, ENTRY_DERIVED, (struct span){0});
}

/* It shows what all do: what it left behind there does not come back. */
static int forget_left(const struct sight *s, const struct link *lk, uint64_t era, struct record *r, struct err *e)
{
    struct span at = link_place(s->l, s->rec, lk, era);
    struct remembered m;

    if (!at.p)
        return err_nomem(e);
    if (link_memory(r, lk->here[0], link_left_id(lk), &m) && span_eq(m.inputs, at))
        link_forget(r, lk->here[0], link_left_id(lk));
    return 0;
}

/* The holder's own value stays where it is not what a holder without one is shown. */
int link_hold(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    struct span value, own = record_value(s->rec, lk->here[0]), shown_text, own_text;
    struct era era;

    if (link_look(s, lk, 0, &value, &era, e) || link_encoded(s, lk, 0, era.shown, &shown_text, e) ||
        link_encoded(s, lk, 0, own, &own_text, e))
        return -1;
    bool same = span_eq(shown_text, own_text);
    struct remembered basis = {.id = era.number};
    if (ref_follows(s->l, lk))
        basis.inputs = link_place(s->l, s->rec, lk, era.number);
    if (era.number && !same)
        return link_remember(s->l, r, lk->here[0], ENTRY_BASIS, basis, e);
    if (!leave_to_link(r, lk->here[0]))
        return err_nomem(e);
    if (era.number)
        return forget_left(s, lk, era.number, r, e);
    return same || !era.last ? 0 : remember_own(s->l, lk, own, link_place(s->l, s->rec, lk, era.last), r, e);
}

/* The holder refers to nothing, as yet. */
static int fold_alone(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    struct remembered basis = {.id = ERA_ALONE};

    if (!record_value(r, lk->here[0]).p || !ref_follows(s->l, lk))
        return 0;
    return link_remember(s->l, r, lk->here[0], ENTRY_BASIS, basis, e);
}

int link_fold(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    if (r->gen < lk->step && lk->kind != LINK_INLINE) /* the fields are not elsewhere yet */
        return 0;
    if (lk->kind == LINK_MOVE && s->l->cat->slots[lk->here[0]].link != lk) /* of two siblings that move one field, the */
        return 0;                                                           /* newer is looked through */
    if (lk->kind == LINK_MOVE)
        return link_target(s->rec, lk) ? link_hold(s, lk, r, e) : fold_alone(s, lk, r, e);
    for (size_t i = 0; i < lk->n; i++)
        if (lk->kind == LINK_EXTRACT ? !leave_to_link(r, lk->here[i])
                                     : (record_unset(r, lk->here[i]), false))
            return err_nomem(e);
    return 0;
}
