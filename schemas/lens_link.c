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
 * A holder without a reference keeps the field to itself. When the new side makes it refer to
 * something, its own value is remembered until it makes it refer to nothing. */
#include "lens_int.h"

#include <stdio.h>

/* Set and not null: the item it points to, or one that is only foreseen. */
static uint64_t target_id(const struct record *r, const struct link *lk)
{
    struct span ref = record_value(r, lk->ref);
    return ref.p ? lens_ref_id(ref) : 0;
}
static bool is_foreseen(const struct record *r, const struct link *lk)
{
    struct span ref = record_value(r, lk->ref);
    return ref.n && ref.p[0] == 'k';
}

/* Of what the link remembers: of the target that was left, and of the time without one. */
static uint64_t link_left_id(const struct link *lk)
{
    return (uint64_t)lk->step * 2;
}
static uint64_t link_alone_id(const struct link *lk)
{
    return (uint64_t)lk->step * 2 + 1;
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
    struct span bytes;
    struct buf hold BUF_CLEANUP = BUF_INIT;
    uint64_t id = target_id(s->rec, lk);

    *ret_found = false;
    if (s->depth >= SIGHT_MAX_DEPTH)
        return 0;
    if (is_foreseen(s->rec, lk))
        return foreseen_target(s, lk, ret, ret_found, e);
    if (!id)
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

/* What the target of move_field says to its holders. */
struct era {
    uint64_t number;   /* 0 = none */
    struct span shown; /* to a holder without a value of its own */
};

/* Whose value the target has: */
enum mark_from {
    FROM_WRITER,  /* somebody wrote it */
    FROM_HOLDER,  /* an item from before the step: the one with the smallest key */
    FROM_COMER,   /* an item that was made to refer to it */
};

struct mark {
    enum mark_from from;
    struct span key;     /* FROM_HOLDER: its key */
    struct remembered m; /* id: the era, value: what is shown, inputs: the target's value */
};

/* varint from, varint bytes of the key, the key, and the rest as remembered. */
static bool mark_read(const struct record *target, const struct link *lk, struct mark *ret)
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

static int mark_write(struct work *w, const struct link *lk, const struct mark *mark, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct span m = remembered_write(w->l, &mark->m), bytes;

    if (!m.p || !buf_addvarint(&b, mark->from) || !buf_addvarint(&b, mark->key.n) ||
        (mark->key.n && !buf_addspan(&b, mark->key)) || !buf_addspan(&b, m))
        return err_nomem(e);
    bytes = lens_keep(w->l, buf_span(&b));
    return bytes.p ? work_store(w, lk->mark, ENTRY_VALUE, bytes, e) : err_nomem(e);
}

static int era_of(const struct sight *s, const struct link *lk, const struct record *target,
                  struct span value, struct era *ret, struct err *e)
{
    struct mark mark;
    struct span is;

    *ret = (struct era){0, value};
    if (lk->kind != LINK_MOVE || !mark_read(target, lk, &mark))
        return 0;
    if (encoded(s, lk, 0, value, &is, e))
        return -1;
    if (span_eq(is, mark.m.inputs))
        *ret = (struct era){mark.m.id, mark.m.value};
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
    *ret_is_own = (own.p && !in) || (s->rec->gen < lk->step && lk->kind != LINK_INLINE);
    if (*ret_is_own)
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
    if (lk->kind == LINK_MOVE) /* of two siblings that move one field, the newer is looked through */
        return target_id(r, lk) && s->l->cat->slots[lk->here[0]].link == lk
                   ? fold_move(s, lk, r, e)
                   : 0;
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
    struct span own = record_value(&w->r, lk->here[0]);
    uint64_t id = target_id(&w->r, lk);
    bool only_unset = !touched || (!own.p && ref_changed);

    return id ? assign(w, lk, id, (struct span[2]){own}, only_unset, &id, e) : 0;
}

/* Was the holder's value its own, rather than what the target holds or shows to all? */
static int had_own(struct work *w, const struct link *lk, bool *ret, struct err *e)
{
    struct sight before = sight_of(w, &w->old);
    struct span value, value_text, shown_text, own_text;
    struct era era;

    *ret = !w->create;
    if (w->create || !target_id(&w->old, lk))
        return 0;
    if (across(&before, lk, 0, &value, &era, e) ||
        encoded(&before, lk, 0, era.shown, &shown_text, e) ||
        encoded(&before, lk, 0, value, &value_text, e) ||
        encoded(&before, lk, 0, record_value(&w->old, lk->here[0]), &own_text, e))
        return -1;
    *ret = !span_eq(shown_text, own_text) && !span_eq(value_text, own_text);
    return 0;
}

/* The reference is gone: the holder's own value stays, or comes back. */
static int take_own(struct work *w, const struct link *lk, bool had, struct err *e)
{
    slot_no here = lk->here[0];
    struct remembered m = {.value = record_value(&w->old, here)};

    if (!had)
        m.value = (struct span){0};
    if ((!had || !target_id(&w->old, lk)) && find_memory(&w->r, here, link_alone_id(lk), &m))
        forget(&w->r, here, link_alone_id(lk));
    return work_store(w, here, ENTRY_VALUE, m.value, e);
}

/* Which target, in which era. */
static struct span place_of(struct work *w, const struct record *r, const struct link *lk,
                            const struct era *era)
{
    char number[32];
    int n = snprintf(number, sizeof number, "%llu", (unsigned long long)era->number);
    struct span parts[2] = {record_value(r, lk->ref), {number, (size_t)n}};
    return inputs_encode(w->l, parts, 2);
}

/* It leaves a target that shows it something else than others: that is remembered with the target. */
static int leave(struct work *w, const struct link *lk, struct err *e)
{
    struct sight before = sight_of(w, &w->old);
    struct span value, value_text, own_text, own = record_value(&w->old, lk->here[0]), at;
    struct era era;

    if (w->create || !target_id(&w->old, lk))
        return 0;
    if (across(&before, lk, 0, &value, &era, e) || encoded(&before, lk, 0, value, &value_text, e) ||
        encoded(&before, lk, 0, own, &own_text, e))
        return -1;
    if (span_eq(value_text, own_text))
        return 0;
    at = place_of(w, &w->old, lk, &era);
    return at.p ? remember(w->l, &w->r, lk->here[0], ENTRY_MEMORY,
                           (struct remembered){link_left_id(lk), own, at}, e)
                : err_nomem(e);
}

/* A target without a value gets the one that the holder has to itself. */
static int bring_along(struct work *w, const struct link *lk, struct span *now, struct err *e)
{
    struct remembered m;
    uint64_t id = target_id(&w->r, lk);

    if (now->p || !find_memory(&w->r, lk->here[0], link_alone_id(lk), &m) || !m.value.p)
        return 0;
    *now = m.value;
    return assign(w, lk, id, (struct span[2]){*now}, true, &id, e);
}

/* There is a (nother) target: its value is shown, unless the holder was here before. */
static int arrive(struct work *w, const struct link *lk, struct err *e)
{
    struct sight s = sight_of(w, &w->r);
    struct span now, at;
    struct remembered m;
    struct era era;

    if (across(&s, lk, 0, &now, &era, e))
        return -1;
    at = place_of(w, &w->r, lk, &era);
    if (!at.p)
        return err_nomem(e);
    if (find_memory(&w->r, lk->here[0], link_left_id(lk), &m) && span_eq(m.inputs, at))
        now = m.value;
    else if (bring_along(w, lk, &now, e))
        return -1;
    return work_store(w, lk->here[0], ENTRY_VALUE, now, e);
}

int link_move_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct span own = record_value(&w->old, lk->here[0]);
    bool had;

    if (had_own(w, lk, &had, e) || leave(w, lk, e))
        return -1;
    if (!target_id(&w->r, lk))
        return take_own(w, lk, had, e);
    if (had && !target_id(&w->old, lk) &&
        remember(w->l, &w->r, lk->here[0], ENTRY_MEMORY,
                 (struct remembered){link_alone_id(lk), own, {0}}, e))
        return -1;
    return arrive(w, lk, e);
}

/* ---- The target's side of it ---- */

static bool key_before(struct span a, struct span b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order < 0 || (order == 0 && a.n < b.n);
}

/* Of all items from before the step the one with the smallest key gives its value, in whatever order
 * they are brought up to date, unless somebody has written the field since. */
int link_yields(struct work *w, const struct link *lk, struct span holder_key, bool *ret,
                struct err *e)
{
    struct sight s = sight_of(w, &w->old);
    struct mark mark;
    struct era era;

    *ret = false;
    if (!holder_key.p || !mark_read(&w->old, lk, &mark))
        return 0;
    if (era_of(&s, lk, &w->old, record_value(&w->old, lk->there[0]), &era, e))
        return -1;
    *ret = era.number && (mark.from == FROM_COMER ||
                          (mark.from == FROM_HOLDER && key_before(holder_key, mark.key)));
    return 0;
}

/* values: as lens_assign's; the first one is what the holder shows from now on. */
int link_mark(struct work *w, const struct link *lk, const struct span *values, bool only_unset,
              bool yields, struct err *e)
{
    struct sight s = sight_of(w, &w->old);
    struct span was = record_value(&w->old, lk->there[0]), now = record_value(&w->r, lk->there[0]);
    struct span was_text, now_text, own_text;
    struct mark mark, next = {.from = FROM_WRITER};
    struct era era;
    bool marked = mark_read(&w->old, lk, &mark), gives;

    if (era_of(&s, lk, &w->old, was, &era, e) || encoded(&s, lk, 0, was, &was_text, e) ||
        encoded(&s, lk, 0, now, &now_text, e) || encoded(&s, lk, 0, values[0], &own_text, e))
        return -1;
    gives = only_unset && (yields || (!was.p && now.p));
    if (gives)
        next.from = values[1].p ? FROM_HOLDER : FROM_COMER;
    else if (only_unset && era.number)
        next = mark;
    if (next.from == FROM_HOLDER && gives)
        next.key = values[1];
    if (!era.number && span_eq(was_text, now_text) && span_eq(own_text, now_text))
        return 0;
    next.m = (struct remembered){era.number ? era.number : marked ? mark.m.id + 1 : 1, era.shown,
                                 now_text};
    return mark_write(w, lk, &next, e);
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

/* Does an item that shows none of the fields refer to nothing? Where the target can't be without one
 * of them, or was made for them alone; else it refers to a target without them. */
static bool lets_go(const struct work *w, const struct link *lk)
{
    const struct shape *s = shapes_find(lk->shapes, lk->n_shapes, lk->target_shape);
    const struct entry *ref = record_get(&w->r, lk->ref);

    if (lk->required)
        return false;
    for (size_t i = 0; s && i < lk->n; i++) {
        const struct field *f = shape_field_by_slot(s, lk->there[i]);
        if (f && f->required && !f->def.p)
            return true;
    }
    return ref && ref->kind == ENTRY_DERIVED;
}

/* All fields were unset: the item refers to nothing; to what it referred to is remembered. */
static int let_go(struct work *w, const struct link *lk, struct span ref, struct err *e)
{
    struct span was;

    if (values_encode(w, &w->old, lk, &was, e) ||
        remember(w->l, &w->r, lk->ref, ENTRY_MEMORY,
                 (struct remembered){link_alone_id(lk), ref, was}, e))
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
    if (!find_memory(&w->r, lk->ref, link_alone_id(lk), &m) || !span_eq(m.inputs, now))
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
    uint64_t had = target_id(&w->r, lk), id = had;
    bool any = false;

    if (!(values = arena_alloc(&w->l->arena, lk->n * sizeof *values)))
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        values[i] = record_value(&w->r, lk->here[i]);
        any |= values[i].p != NULL;
    }
    if (!had && !any && !(w->create && lk->required))
        return 0;
    if (had && !any && lets_go(w, lk))
        return let_go(w, lk, ref, e);
    if (!had && take_back(w, lk, &back, e))
        return -1;
    if (!back.p && assign(w, lk, had, values, false, &id, e))
        return -1;
    if (id == had && !back.p)
        return 0;
    forget(&w->r, lk->ref, link_alone_id(lk));
    back = back.p ? back : lens_ref_bytes(w->l, id);
    return back.p ? work_store(w, lk->ref, ENTRY_DERIVED, back, e) : err_nomem(e);
}
