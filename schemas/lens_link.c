/* Fields that stand in the item that a reference points to.
 *
 * LINK_EXTRACT, LINK_INLINE: the holder shows what the target holds. Two holders of one target show
 * the same.
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
 * something, its own value is remembered until it makes it refer to nothing. */
#include "lens_link.h"

#include <stdio.h>

uint64_t link_target(const struct record *r, const struct link *lk)
{
    struct span ref = record_value(r, lk->ref);
    return ref.p ? lens_ref_id(ref) : 0;
}
/* The reference as it is now: a newer step may have put it into another item, too. */
static int ref_of(const struct sight *s, const struct link *lk, struct span *ret, struct err *e)
{
    struct sight deeper = *s;
    deeper.depth++;
    deeper.below = 0;
    if (s->refs) {
        *ret = record_value(s->rec, lk->ref);
        return 0;
    }
    if (s->depth < SIGHT_MAX_DEPTH)
        return sight_slot(&deeper, lk->ref, ret, e);
    *ret = (struct span){0};
    return 0;
}

int link_encoded(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                 struct span *ret, struct err *e)
{
    struct view vw = {s->v, lk->shapes, lk->n_shapes, false, lk->step};
    struct span same;

    if (lens_value_same(s->l, vw, lk->types[i], stored, &same, e))
        return -1;
    *ret = inputs_encode(s->l, &same, 1);
    return ret->p ? 0 : err_nomem(e);
}

/* ---- Memory ---- */

struct entry *link_memory(struct record *r, slot_no slot, uint64_t id, struct remembered *ret)
{
    for (size_t i = 0; i < r->n; i++) {
        struct remembered m;
        if (r->e[i].slot != slot || r->e[i].kind != ENTRY_MEMORY ||
            !remembered_read(r->e[i].bytes, &m) || m.id != id)
            continue;
        *ret = m;
        return &r->e[i];
    }
    return NULL;
}

void link_forget(struct record *r, slot_no slot, uint64_t id)
{
    struct remembered m;
    struct entry *en = link_memory(r, slot, id, &m);
    size_t i;

    if (!en)
        return;
    i = (size_t)(en - r->e);
    memmove(en, en + 1, (r->n - i - 1) * sizeof *en);
    r->n--;
}

int link_remember(struct lens *l, struct record *r, slot_no slot, enum entry_kind kind,
                  struct remembered m, struct err *e)
{
    struct span bytes = remembered_write(l, &m);

    if (kind == ENTRY_MEMORY)
        link_forget(r, slot, m.id);
    return bytes.p && record_set(r, slot, kind, bytes) ? 0 : err_nomem(e);
}

/* ---- Looking over the reference ---- */

/* Formulas of the target may read its key. */
static int target_key(const struct sight *s, const struct link *lk, struct span *ret, struct err *e)
{
    struct lens *l = s->l;
    struct span ref;
    struct buf key BUF_CLEANUP = BUF_INIT;
    bool found;

    if (ref_of(s, lk, &ref, e))
        return -1;
    if (ref.p[0] == 'k') {
        *ret = (struct span){ref.p + 1, ref.n - 1};
        return 0;
    }
    if (l->world.key_of(l->world.arg, s->v, lk->target_shape, lens_ref_id(ref), &key, &found, e))
        return -1;
    *ret = lens_keep(l, buf_span(&key));
    return ret->p ? 0 : err_nomem(e);
}

/* What older steps compute of the target may be missing; and newer links may show its fields another value than
 * it holds. */
static uint32_t target_upto(const struct link *lk, const struct group *g)
{
    uint32_t upto = lk->kind == LINK_INLINE ? lk->step : 0;
    return g->n_links && g->links[g->n_links - 1]->step > upto ? g->links[g->n_links - 1]->step : upto;
}

/* How the target is looked at, up to date for the link; up: the caller's, holds what is computed. */
static int target_sight(const struct sight *s, const struct link *lk, slot_no there,
                        const struct record *target, struct record *up, struct sight *ret,
                        struct err *e)
{
    const struct catalog *c = s->l->cat;
    const struct group *g = catalog_group(c, lk->target_coll);
    uint32_t upto = target_upto(lk, g);
    bool behind = target->gen < upto;

    *ret = (struct sight){.l = s->l,
                          .v = s->v,
                          .g = g,
                          .rec = target,
                          .depth = s->depth + 1,
                          .from = s,
                          .sought = s->sought};
    if ((behind || (there < c->n_slots && c->slots[there].is_volatile)) &&
        target_key(s, lk, &ret->key, e))
        return -1;
    if (!behind)
        return 0;
    ret->rec = up;
    return lens_bring_seen(ret, target, upto, up, e);
}

/* extract_type has yet to make the record: its values still stand in the holder. */
static int foreseen_values(const struct sight *s, const struct link *made, struct span key,
                           struct record *ret, struct err *e)
{
    const struct group *g = catalog_group(s->l->cat, made->target_coll);
    struct record first RECORD_CLEANUP = {.gen = made->step};
    struct sight at = {.l = s->l,
                       .v = s->v,
                       .g = g,
                       .key = key,
                       .depth = s->depth + 1,
                       .from = s,
                       .sought = s->sought};

    for (size_t i = 0; i < made->n; i++) {
        struct span value = record_value(s->rec, made->here[i]);
        if (value.p && !record_set(&first, made->there[i], ENTRY_VALUE, value))
            return err_nomem(e);
    }
    if (g->n_links) /* of its fields, too, some may stand elsewhere, and have been written there */
        return lens_bring_seen(&at, &first, s->l->cat->last_step, ret, e);
    return record_copy(&first, ret) ? 0 : err_nomem(e);
}

static int foreseen_target(const struct sight *s, struct span ref, uint32_t coll,
                           struct record *ret, bool *ret_found, struct err *e);

static bool is_sought(const struct sight *s, struct span ref, uint32_t coll)
{
    for (const struct sought *o = s->sought; o; o = o->outer)
        if (o->coll == coll && span_eq(o->ref, ref))
            return true;
    return false;
}

/* The same, of the item that the record refers to over lk. That reference may be foreseen as well, and
 * then the search for its record must not lead back to one that is being looked for already. */
static int foreseen_beyond(const struct sight *s, const struct link *lk, struct span ref, uint32_t coll,
                           struct record *ret, bool *ret_found, struct err *e)
{
    struct record over RECORD_CLEANUP = RECORD_INIT, up RECORD_CLEANUP = RECORD_INIT;
    struct sought sought = {ref, coll, s->sought};
    struct sight deeper = *s, at;
    struct span through;
    bool found;

    deeper.depth++;
    deeper.sought = &sought;
    if (ref_of(&deeper, lk, &through, e))
        return -1;
    if (is_sought(&deeper, through, lk->target_coll))
        return 0;
    if (link_target_of(&deeper, lk, &over, &found, e) ||
        (found && target_sight(&deeper, lk, lk->there[0], &over, &up, &at, e)))
        return -1;
    at.sought = &sought;
    return found ? foreseen_target(&at, ref, coll, ret, ret_found, e) : 0;
}

/* Which of the links that make records of the target's type foresees this one. The reference may have
 * come over others, and through formulas. */
static int foreseen_target(const struct sight *s, struct span ref, uint32_t coll,
                           struct record *ret, bool *ret_found, struct err *e)
{
    for (size_t k = 0; k < s->g->n_links; k++) {
        const struct link *made = s->g->links[k];
        struct span now;
        if (made->kind != LINK_EXTRACT || made->target_coll != coll)
            continue;
        if (sight_slot(s, made->ref, &now, e))
            return -1;
        *ret_found = span_eq(now, ref);
        if (*ret_found)
            return foreseen_values(s, made, (struct span){ref.p + 1, ref.n - 1}, ret, e);
    }
    for (size_t k = 0; k < s->g->n_links && !*ret_found; k++)
        if (foreseen_beyond(s, s->g->links[k], ref, coll, ret, ret_found, e))
            return -1;
    return 0;
}

/* A record that is foreseen itself has references that only those foresee which led to it. */
static int foreseen_from(const struct sight *s, struct span ref, uint32_t coll, struct record *ret,
                         bool *ret_found, struct err *e)
{
    struct sought sought = {ref, coll, s->sought};
    bool again = is_sought(s, ref, coll);

    if (foreseen_target(s, ref, coll, ret, ret_found, e))
        return -1;
    for (const struct sight *o = s->from; o && !*ret_found && !again; o = o->from) {
        struct sight there = *o;
        there.depth = s->depth + 1;
        there.sought = &sought;
        if (foreseen_target(&there, ref, coll, ret, ret_found, e))
            return -1;
    }
    return 0;
}

int link_target_of(const struct sight *s, const struct link *lk, struct record *ret,
                   bool *ret_found, struct err *e)
{
    struct lens *l = s->l;
    struct span bytes, ref;
    struct buf hold BUF_CLEANUP = BUF_INIT;
    uint64_t id;

    *ret_found = false;
    if (s->depth >= SIGHT_MAX_DEPTH)
        return 0;
    if (ref_of(s, lk, &ref, e))
        return -1;
    if (ref.n && ref.p[0] == 'k')
        return foreseen_from(s, ref, lk->target_coll, ret, ret_found, e);
    if (!ref.p || !(id = lens_ref_id(ref)))
        return 0;
    if (l->world.record_of(l->world.arg, id, &hold, ret_found, e))
        return -1;
    if (!*ret_found)
        return 0;
    bytes = lens_keep(l, buf_span(&hold));
    if (!bytes.p)
        return err_nomem(e);
    return record_decode(bytes, ret, e);
}

/* Up to date, also inside of objects. */
static int target_slot(const struct sight *s, const struct link *lk, size_t i,
                       const struct record *target, struct span *ret, struct err *e)
{
    struct record up RECORD_CLEANUP = RECORD_INIT;
    struct sight at;

    if (target_sight(s, lk, lk->there[i], target, &up, &at, e) ||
        sight_slot(&at, lk->there[i], ret, e))
        return -1;
    if (!ret->p || !type_structured(lk->types[i]))
        return 0;
    return lens_value_bring(s->l, (struct view){s->v, lk->shapes, lk->n_shapes, false, 0},
                            lk->types[i], *ret, s->l->cat->last_step, ret, e);
}

/* varint from, varint bytes of the key, the key, and the rest as remembered. */
bool link_mark_read(const struct record *target, const struct link *lk, struct mark *ret)
{
    struct span bytes = record_value(target, lk->mark);
    const char *p = bytes.p, *end = p ? p + bytes.n : NULL;
    uint64_t from, n;

    if (!p || !varint_read(&p, end, &from) || !varint_read(&p, end, &n) || n > (uint64_t)(end - p))
        return false;
    ret->from = (enum mark_from)from;
    ret->key = (struct span){p, (size_t)n};
    p += n;
    return remembered_read((struct span){p, (size_t)(end - p)}, &ret->m);
}

int link_era_of(const struct sight *s, const struct link *lk, const struct record *target,
                struct span value, struct era *ret, struct err *e)
{
    struct mark mark;
    struct span is;

    *ret = (struct era){.shown = value};
    if (lk->kind != LINK_MOVE || !link_mark_read(target, lk, &mark))
        return 0;
    if (link_encoded(s, lk, 0, value, &is, e))
        return -1;
    ret->last = mark.m.id;
    if (span_eq(is, mark.m.inputs))
        *ret = (struct era){mark.m.id, mark.m.value, mark.m.id};
    return 0;
}

int link_look(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              struct era *ret_era, struct err *e)
{
    struct record target RECORD_CLEANUP = RECORD_INIT;
    bool found;

    *ret = (struct span){0};
    if (ret_era)
        *ret_era = (struct era){0};
    if (link_target_of(s, lk, &target, &found, e))
        return -1;
    if (!found)
        return 0;
    if (target_slot(s, lk, i, &target, ret, e))
        return -1;
    return ret_era ? link_era_of(s, lk, &target, *ret, ret_era, e) : 0;
}

int link_across(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
                struct err *e)
{
    return link_look(s, lk, i, ret, NULL, e);
}

/* The era that the record's own value holds in; 0 = in any. */
static uint64_t own_era(const struct sight *s, const struct link *lk)
{
    const struct entry *en = record_find(s->rec, lk->here[0], ENTRY_BASIS);
    struct remembered m;
    return lk->kind == LINK_MOVE && en && remembered_read(en->bytes, &m) ? m.id : 0;
}

struct span link_place(struct lens *l, const struct record *r, const struct link *lk, uint64_t era)
{
    char number[32];
    int n = snprintf(number, sizeof number, "%llu", (unsigned long long)era);
    struct span parts[2] = {record_value(r, lk->ref), {number, (size_t)n}};
    return inputs_encode(l, parts, 2);
}

/* The own value that the holder had in this era, put aside while it was over. */
static int put_aside(const struct sight *s, const struct link *lk, uint64_t era, struct span *ret,
                     struct err *e)
{
    for (size_t i = 0; era && i < s->rec->n; i++) {
        const struct entry *en = &s->rec->e[i];
        struct remembered m;
        if (en->slot != lk->here[0] || en->kind != ENTRY_MEMORY || !remembered_read(en->bytes, &m) ||
            m.id != link_left_id(lk))
            continue;
        struct span at = link_place(s->l, s->rec, lk, era);
        if (!at.p)
            return err_nomem(e);
        if (span_eq(at, m.inputs))
            *ret = m.value;
    }
    return 0;
}

static int remember_own(struct lens *l, const struct link *lk, struct span own, uint64_t era,
                        const struct record *rec, struct record *r, struct err *e)
{
    struct span at = link_place(l, rec, lk, era);
    return at.p ? link_remember(l, r, lk->here[0], ENTRY_MEMORY,
                                (struct remembered){link_left_id(lk), own, at}, e)
                : err_nomem(e);
}

int link_put_aside(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    struct span value, own = record_value(s->rec, lk->here[0]);
    uint64_t in = own_era(s, lk);
    struct era era;

    if (!in || link_look(s, lk, 0, &value, &era, e))
        return in ? -1 : 0;
    if (era.number == in)
        return 0;
    return remember_own(s->l, lk, own, in, s->rec, r, e);
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
    bool leads_on = lk->ref < l->cat->n_slots && l->cat->slots[lk->ref].is_volatile;
    return leads_on ? link_remember(l, r, lk->ref, ENTRY_MEMORY, m, e) : 0;
}

int link_slot(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              bool *ret_is_own, struct err *e)
{
    struct span value, own = record_value(s->rec, lk->here[i]);
    uint64_t in = own_era(s, lk);
    struct era era;

    *ret = own;
    *ret_is_own = (own.p && !in) || (s->rec->gen < lk->step && lk->kind != LINK_INLINE) || is_retired(lk, s->rec);
    if (*ret_is_own)
        return 0;
    if (link_look(s, lk, i, &value, &era, e))
        return -1;
    if (in && era.number == in)
        return 0;
    *ret = era.shown;
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
        remember_own(w->l, lk, own, was->era.number, &w->r, &w->r, e))
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

/* The holder's own value stays where it is not what a holder without one is shown. */
static int fold_move(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    struct span value, own = record_value(s->rec, lk->here[0]), shown_text, own_text;
    struct era era;

    if (link_look(s, lk, 0, &value, &era, e) || link_encoded(s, lk, 0, era.shown, &shown_text, e) ||
        link_encoded(s, lk, 0, own, &own_text, e))
        return -1;
    bool same = span_eq(shown_text, own_text);
    if (era.number && !same)
        return link_remember(s->l, r, lk->here[0], ENTRY_BASIS,
                             (struct remembered){.id = era.number}, e);
    if (!leave_to_link(r, lk->here[0]))
        return err_nomem(e);
    return same || !era.last ? 0 : remember_own(s->l, lk, own, era.last, s->rec, r, e);
}

int link_fold(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    if (r->gen < lk->step && lk->kind != LINK_INLINE) /* the fields are not elsewhere yet */
        return 0;
    if (lk->kind ==
        LINK_MOVE) /* of two siblings that move one field, the newer is looked through */
        return link_target(s->rec, lk) && s->l->cat->slots[lk->here[0]].link == lk
                   ? fold_move(s, lk, r, e)
                   : 0;
    for (size_t i = 0; i < lk->n; i++)
        if (lk->kind == LINK_EXTRACT ? !leave_to_link(r, lk->here[i])
                                     : (record_unset(r, lk->here[i]), false))
            return err_nomem(e);
    return 0;
}
