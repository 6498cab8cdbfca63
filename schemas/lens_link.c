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
 * mark says; it is back when the value is back. Numbers are not used again. [I4]
 *
 * A holder without a reference keeps the field to itself. When the new side gives it a reference to
 * a target that has a value already, its own one is remembered until the reference is unset. */
#include "lens_int.h"

/* Of what the link remembers. */
static uint64_t link_hidden_id(const struct link *lk)
{
    return (uint64_t)lk->step * 2 + 1;
}

static int text_of(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                   struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct view vw = {s->v, lk->shapes, lk->n_shapes};

    *ret = stored;
    if (!stored.p || !type_structured(lk->types[i]))
        return 0;
    if (lens_render(s->l, vw, lk->types[i], stored, 1, &b, e))
        return -1;
    *ret = lens_keep(s->l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

/* Comparable bytes of one value. */
static int encoded(const struct sight *s, const struct link *lk, size_t i, struct span stored,
                   struct span *ret, struct err *e)
{
    struct span text;

    if (text_of(s, lk, i, stored, &text, e))
        return -1;
    *ret = inputs_encode(s->l, &text, 1);
    return ret->p ? 0 : err_nomem(e);
}

/* ---- Memory ---- */

static struct entry *find_memory(struct record *r, slot_no slot, uint64_t id,
                                 struct remembered *ret)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->e[i].slot == slot && r->e[i].kind == ENTRY_MEMORY &&
            remembered_read(r->e[i].bytes, ret) && ret->id == id)
            return &r->e[i];
    return NULL;
}

static void forget(struct record *r, slot_no slot, uint64_t id)
{
    struct remembered m;
    struct entry *en = find_memory(r, slot, id, &m);
    size_t i;

    if (!en)
        return;
    i = (size_t)(en - r->e);
    memmove(en, en + 1, (r->n - i - 1) * sizeof *en);
    r->n--;
}

static int remember(struct lens *l, struct record *r, slot_no slot, enum entry_kind kind,
                    struct remembered m, struct err *e)
{
    struct span bytes = remembered_write(l, &m);

    if (kind == ENTRY_MEMORY)
        forget(r, slot, m.id);
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

/* The target's record, copied into the arena; *found = false: there is none. */
static int target_of(const struct sight *s, const struct link *lk, struct record *ret,
                     bool *ret_found, struct err *e)
{
    struct lens *l = s->l;
    struct span bytes, ref = record_value(s->rec, lk->ref);
    struct buf hold BUF_CLEANUP = BUF_INIT;

    *ret_found = false;
    if (!ref.p || s->depth >= SIGHT_MAX_DEPTH)
        return 0;
    if (ref.p[0] == 'k')
        return foreseen_target(s, lk, ret, ret_found, e);
    if (l->world.record_of(l->world.arg, lens_ref_id(ref), &hold, ret_found, e))
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
    struct span ref = record_value(s->rec, lk->ref);
    struct buf key BUF_CLEANUP = BUF_INIT;
    bool found;

    if (ref.p[0] == 'k') {
        *ret = (struct span){ref.p + 1, ref.n - 1};
        return 0;
    }
    if (l->world.key_of(l->world.arg, s->v, lk->target_shape, lens_ref_id(ref), &key, &found, e))
        return -1;
    *ret = lens_keep(l, buf_span(&key));
    return ret->p ? 0 : err_nomem(e);
}

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
    return sight_slot(&at, there, ret, e);
}

/* What the target of move_field says to its holders. */
struct era {
    uint64_t number;   /* 0 = none */
    struct span shown; /* to a holder without a value of its own */
};

static uint64_t last_era(const struct record *target, const struct link *lk)
{
    struct remembered m;
    struct span mark = record_value(target, lk->mark);
    return mark.p && remembered_read(mark, &m) ? m.id : 0;
}

static int era_of(const struct sight *s, const struct link *lk, const struct record *target,
                  struct span value, struct era *ret, struct err *e)
{
    struct remembered m;
    struct span is, mark = record_value(target, lk->mark);

    *ret = (struct era){0, value};
    if (lk->kind != LINK_MOVE || !mark.p || !remembered_read(mark, &m))
        return 0;
    if (encoded(s, lk, 0, value, &is, e))
        return -1;
    if (span_eq(is, m.inputs))
        *ret = (struct era){m.id, m.value};
    return 0;
}

/* The target's value; ret_era may be NULL. */
static int across(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
                  struct era *ret_era, struct err *e)
{
    struct record target RECORD_CLEANUP = RECORD_INIT;
    bool found;

    *ret = (struct span){0};
    if (ret_era)
        *ret_era = (struct era){0};
    if (target_of(s, lk, &target, &found, e))
        return -1;
    if (!found)
        return 0;
    if (target_slot(s, lk, i, &target, ret, e))
        return -1;
    return ret_era ? era_of(s, lk, &target, *ret, ret_era, e) : 0;
}

int link_across(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
                struct err *e)
{
    return across(s, lk, i, ret, NULL, e);
}

/* The era that the record's own value holds in; 0 = in any. */
static uint64_t own_era(const struct sight *s, const struct link *lk)
{
    const struct entry *en = record_find(s->rec, lk->here[0], ENTRY_BASIS);
    struct remembered m;
    return lk->kind == LINK_MOVE && en && remembered_read(en->bytes, &m) ? m.id : 0;
}

int link_slot(const struct sight *s, const struct link *lk, size_t i, struct span *ret,
              bool *ret_is_own, struct err *e)
{
    struct span value, own = record_value(s->rec, lk->here[i]);
    uint64_t in = own_era(s, lk);
    struct era era;

    *ret = own;
    *ret_is_own = own.p && !in;
    if (*ret_is_own || (s->rec->gen < lk->step && lk->kind != LINK_INLINE))
        return 0;
    if (across(s, lk, i, &value, &era, e))
        return -1;
    if (!in || era.number != in)
        *ret = era.shown;
    return 0;
}

/* ---- Folding ---- */

/* The holder's own value stays where it is not what a holder without one is shown. */
static int fold_move(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    struct span value, own = record_value(r, lk->here[0]), shown_text, own_text;
    struct era era;

    if (across(s, lk, 0, &value, &era, e) || encoded(s, lk, 0, era.shown, &shown_text, e) ||
        encoded(s, lk, 0, own, &own_text, e))
        return -1;
    if (era.number && !span_eq(shown_text, own_text))
        return remember(s->l, r, lk->here[0], ENTRY_BASIS, (struct remembered){.id = era.number},
                        e);
    record_unset(r, lk->here[0]);
    return 0;
}

int link_fold(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    if (r->gen < lk->step)
        return 0;
    if (lk->kind == LINK_MOVE)
        return record_value(r, lk->ref).p ? fold_move(s, lk, r, e) : 0;
    for (size_t i = 0; i < lk->n; i++)
        record_unset(r, lk->here[i]);
    return 0;
}

/* ---- Writing: move_field ---- */

static struct sight sight_of(struct work *w, const struct record *r)
{
    return (struct sight){.l = w->l, .v = w->vw.v, .g = w->g, .rec = r, .key = w->key};
}

static int assign(struct work *w, const struct link *lk, uint64_t id, const struct span *values,
                  bool only_unset, uint64_t *ret_id, struct err *e)
{
    return w->l->world.assign(w->l->world.arg, lk, id, w->key, values, only_unset, ret_id, e);
}

/* The old side was written. An item that comes to a target without a value says nothing about the
 * target's; one that comes with a value gives it where there is none. */
int link_move_forward(struct work *w, const struct link *lk, bool touched, bool ref_changed,
                      struct err *e)
{
    struct span ref = record_value(&w->r, lk->ref), own = record_value(&w->r, lk->here[0]);
    uint64_t id = ref.p ? lens_ref_id(ref) : 0;
    bool only_unset = !touched || (!own.p && ref_changed);

    return id ? assign(w, lk, id, &own, only_unset, &id, e) : 0;
}

/* The holder had the field to itself: now it goes to the target, or is remembered. */
static int give_own(struct work *w, const struct link *lk, struct span *now, struct err *e)
{
    const struct entry *had = record_get(&w->old, lk->here[0]);
    uint64_t id = lens_ref_id(record_value(&w->r, lk->ref));

    if (!had || !had->bytes.n || had->kind != ENTRY_VALUE || record_value(&w->old, lk->ref).p)
        return 0;
    if (now->p)
        return remember(w->l, &w->r, lk->here[0], ENTRY_MEMORY,
                        (struct remembered){link_hidden_id(lk), had->bytes, {0}}, e);
    *now = had->bytes;
    return assign(w, lk, id, now, true, &id, e);
}

/* No reference any more: what was shown stays with the holder, or what it had before comes back. */
static int keep_own(struct work *w, const struct link *lk, struct err *e)
{
    struct remembered m;
    struct span own = record_value(&w->r, lk->here[0]);

    if (!find_memory(&w->r, lk->here[0], link_hidden_id(lk), &m))
        return own.p && !record_set(&w->r, lk->here[0], ENTRY_DERIVED, own) ? err_nomem(e) : 0;
    forget(&w->r, lk->here[0], link_hidden_id(lk));
    return work_store(w, lk->here[0], ENTRY_VALUE, m.value, e);
}

int link_move_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct sight s = sight_of(w, &w->r);
    struct span now;

    if (!record_value(&w->r, lk->ref).p)
        return keep_own(w, lk, e);
    if (across(&s, lk, 0, &now, NULL, e) || give_own(w, lk, &now, e))
        return -1;
    return work_store(w, lk->here[0], ENTRY_VALUE, now, e);
}

/* The target, written over the link. own: what the holder shows from now on. */
int link_mark(struct work *w, const struct link *lk, struct span own, struct err *e)
{
    struct sight s = sight_of(w, &w->old);
    struct span was = record_value(&w->old, lk->there[0]), now = record_value(&w->r, lk->there[0]);
    struct span was_text, now_text, own_text, bytes;
    struct era era;

    if (era_of(&s, lk, &w->old, was, &era, e) || encoded(&s, lk, 0, was, &was_text, e) ||
        encoded(&s, lk, 0, now, &now_text, e) || encoded(&s, lk, 0, own, &own_text, e))
        return -1;
    if (span_eq(was_text, now_text) && (era.number || span_eq(own_text, now_text)))
        return 0;
    if (!era.number)
        era.number = last_era(&w->old, lk) + 1;
    bytes = remembered_write(w->l, &(struct remembered){era.number, era.shown, now_text});
    return bytes.p ? work_store(w, lk->mark, ENTRY_VALUE, bytes, e) : err_nomem(e);
}

/* ---- Writing: inline_type ---- */

static int values_encode(struct work *w, const struct record *r, const struct link *lk,
                         struct span *ret, struct err *e)
{
    struct span *values;

    if (work_values(w, r, lk, &values, e))
        return -1;
    *ret = inputs_encode(w->l, values, lk->n);
    return ret->p ? 0 : err_nomem(e);
}

/* All fields were unset: the item refers to nothing; to what it referred to is remembered. */
static int let_go(struct work *w, const struct link *lk, struct span ref, struct err *e)
{
    struct span was;

    if (values_encode(w, &w->old, lk, &was, e) ||
        remember(w->l, &w->r, lk->ref, ENTRY_MEMORY,
                 (struct remembered){link_hidden_id(lk), ref, was}, e))
        return -1;
    return work_store(w, lk->ref, ENTRY_VALUE, (struct span){0}, e);
}

/* The values are again those of the item that it referred to before. */
static int take_back(struct work *w, const struct link *lk, struct span *ret, struct err *e)
{
    struct record with RECORD_CLEANUP = RECORD_INIT;
    struct sight s = sight_of(w, &with);
    struct remembered m;
    struct span now, is, is_text, own_text;

    *ret = (struct span){0};
    if (values_encode(w, &w->r, lk, &now, e))
        return -1;
    if (!find_memory(&w->r, lk->ref, link_hidden_id(lk), &m) || !span_eq(m.inputs, now))
        return 0;
    if (!record_set(&with, lk->ref, ENTRY_VALUE, m.value))
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        if (across(&s, lk, i, &is, NULL, e) || encoded(&s, lk, i, is, &is_text, e) ||
            encoded(&s, lk, i, record_value(&w->r, lk->here[i]), &own_text, e))
            return -1;
        if (!span_eq(is_text, own_text))
            return 0;
    }
    *ret = m.value;
    return 0;
}

int link_inline_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct span *values, ref = record_value(&w->r, lk->ref), back = {0};
    uint64_t had = ref.p ? lens_ref_id(ref) : 0, id = had;
    bool any = false;

    if (!(values = arena_alloc(&w->l->arena, lk->n * sizeof *values)))
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        values[i] = record_value(&w->r, lk->here[i]);
        any |= values[i].p != NULL;
    }
    if (!had && !any && !(w->create && lk->required))
        return 0;
    if (had && !any && !lk->required)
        return let_go(w, lk, ref, e);
    if (!had && take_back(w, lk, &back, e))
        return -1;
    if (!back.p && assign(w, lk, had, values, false, &id, e))
        return -1;
    if (id == had && !back.p)
        return 0;
    forget(&w->r, lk->ref, link_hidden_id(lk));
    back = back.p ? back : lens_ref_bytes(w->l, id);
    return back.p ? work_store(w, lk->ref, ENTRY_VALUE, back, e) : err_nomem(e);
}
