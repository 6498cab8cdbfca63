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
    if (s->depth < SIGHT_MAX_DEPTH)
        return sight_slot(&deeper, lk->ref, ret, e);
    *ret = (struct span){0};
    return 0;
}

static int text_of(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                   struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct view vw = {s->v, lk->shapes, lk->n_shapes, false, 0};

    *ret = stored;
    if (!stored.p || !type_structured(lk->types[i]))
        return 0;
    if (lens_render(s->l, vw, lk->types[i], stored, 1, &b, e))
        return -1;
    *ret = lens_keep(s->l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

int link_encoded(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                 struct span *ret, struct err *e)
{
    struct span text;

    if (text_of(s, lk, i, stored, &text, e))
        return -1;
    *ret = inputs_encode(s->l, &text, 1);
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

/* extract_type has yet to make the record: its values still stand in the holder. */
static int foreseen_target(const struct sight *s, const struct link *lk, struct record *ret,
                           bool *ret_found, struct err *e)
{
    for (size_t k = 0; k < s->g->n_links; k++) {
        const struct link *made = s->g->links[k];
        if (made->kind != LINK_EXTRACT || made->ref != lk->ref)
            continue;
        ret->gen = made->step;
        for (size_t i = 0; i < made->n; i++) {
            struct span value = record_value(s->rec, made->here[i]);
            if (value.p && !record_set(ret, made->there[i], ENTRY_VALUE, value))
                return err_nomem(e);
        }
        *ret_found = true;
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
        return foreseen_target(s, lk, ret, ret_found, e);
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

/* Up to date, also inside of objects. */
static int target_slot(const struct sight *s, const struct link *lk, size_t i,
                       const struct record *target, struct span *ret, struct err *e)
{
    const struct catalog *c = s->l->cat;
    struct record up RECORD_CLEANUP = RECORD_INIT;
    slot_no there = lk->there[i];
    struct sight at = {.l = s->l,
                       .v = s->v,
                       .g = catalog_group(c, lk->target_coll),
                       .rec = target,
                       .depth = s->depth + 1};
    bool behind = lk->kind == LINK_INLINE && target->gen < lk->step;

    if ((behind || (there < c->n_slots && c->slots[there].is_volatile)) &&
        target_key(s, lk, &at.key, e))
        return -1;
    if (behind) { /* what older steps compute of it may be missing */
        if (lens_bring(s->l, s->v, at.g, at.key, target, lk->step, false, &up, e))
            return -1;
        at.rec = &up;
    }
    if (sight_slot(&at, there, ret, e))
        return -1;
    if (!ret->p || !type_structured(lk->types[i]))
        return 0;
    return lens_value_bring(s->l, (struct view){s->v, lk->shapes, lk->n_shapes, false, 0},
                            lk->types[i], *ret, c->last_step, ret, e);
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

int link_slot(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              bool *ret_is_own, struct err *e)
{
    struct span value, own = record_value(s->rec, lk->here[i]);
    uint64_t in = own_era(s, lk);
    struct era era;

    *ret = own;
    *ret_is_own = (own.p && !in) || (s->rec->gen < lk->step && lk->kind != LINK_INLINE);
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

/* ---- Folding ---- */

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
    record_unset(r, lk->here[0]);
    return same || !era.last ? 0 : remember_own(s->l, lk, own, era.last, s->rec, r, e);
}

int link_fold(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    if (r->gen < lk->step)
        return 0;
    if (lk->kind ==
        LINK_MOVE) /* of two siblings that move one field, the newer is looked through */
        return link_target(s->rec, lk) && s->l->cat->slots[lk->here[0]].link == lk
                   ? fold_move(s, lk, r, e)
                   : 0;
    for (size_t i = 0; i < lk->n; i++) {
        const struct entry *en = record_get(r, lk->here[i]);
        bool derived = lk->kind == LINK_EXTRACT && en && en->kind == ENTRY_DERIVED;
        record_unset(r, lk->here[i]);
        /* the value stands elsewhere; that nobody decided it here stays (I5) */
        if (derived && !record_set(r, lk->here[i], ENTRY_DERIVED, (struct span){0}))
            return err_nomem(e);
    }
    return 0;
}
