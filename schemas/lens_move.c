/* move_field: writes that pass over its link (lens_own.c says what is kept where). */
#include "lens_link.h"

/* Nothing is, of a field that only formulas read which finalize took. */
static bool is_written(const struct work *w, const struct link *lk)
{
    return w->l->cat->slots[lk->here[0]].goes_on;
}

/* The old side was written. An item that comes to a target without a value says nothing about the
 * target's; one that comes with a value gives it where there is none. */
int link_move_forward(struct work *w, const struct link *lk, bool touched, bool ref_changed,
                      struct err *e)
{
    struct span own = record_value(&w->r, lk->here[0]);
    uint64_t id = link_target(&w->r, lk);
    bool only_unset = !touched || (!own.p && ref_changed);

    return id && is_written(w, lk) ? link_assign(w, lk, id, (struct span[2]){own}, only_unset, &id, e) : 0;
}

/* Was the holder's value its own, rather than what the target holds or shows to all? */
static int had_own(struct work *w, const struct link *lk, bool *ret, struct err *e)
{
    struct sight before = link_sight(w, &w->old);
    struct span value, value_text, shown_text, own_text;
    struct era era;

    *ret = !w->create;
    if (w->create || !link_target(&w->old, lk))
        return 0;
    if (link_look(&before, lk, 0, &value, &era, e) ||
        link_encoded(&before, lk, 0, era.shown, &shown_text, e) ||
        link_encoded(&before, lk, 0, value, &value_text, e) ||
        link_encoded(&before, lk, 0, record_value(&w->old, lk->here[0]), &own_text, e))
        return -1;
    *ret = !span_eq(shown_text, own_text) && !span_eq(value_text, own_text);
    return 0;
}

/* What formulas hid of another value is overwritten; what the link remembers is not. */
static int store_here(struct work *w, const struct link *lk, struct span value, struct err *e)
{
    slot_no here = lk->here[0];
    bool same = span_eq(record_value(&w->r, here), value);
    size_t kept = 0;

    for (size_t i = 0; i < w->r.n; i++) {
        const struct entry *en = &w->r.e[i];
        struct remembered m;
        if (same || en->slot != here || en->kind != ENTRY_MEMORY ||
            (remembered_read(en->bytes, &m) && (m.id == link_left_id(lk) || m.id == link_alone_id(lk))))
            w->r.e[kept++] = *en;
    }
    w->r.n = kept;
    return work_store(w, here, ENTRY_VALUE, value, e);
}

/* The reference is gone: the holder's own value stays, or comes back. */
static int take_own(struct work *w, const struct link *lk, bool had, struct err *e)
{
    slot_no here = lk->here[0];
    struct remembered m = {.value = record_value(&w->old, here)};

    if (!had)
        m.value = (struct span){0};
    if ((!had || !link_target(&w->old, lk)) && link_memory(&w->r, here, link_alone_id(lk), &m))
        link_forget(&w->r, here, link_alone_id(lk));
    return store_here(w, lk, m.value, e);
}

/* It leaves a target that shows it something else than others: that is remembered with the target.
 */
static int leave(struct work *w, const struct link *lk, struct err *e)
{
    struct sight before = link_sight(w, &w->old);
    struct span value, value_text, own_text, own = record_value(&w->old, lk->here[0]), at;
    struct era era;

    if (w->create || !link_target(&w->old, lk))
        return 0;
    if (link_look(&before, lk, 0, &value, &era, e) ||
        link_encoded(&before, lk, 0, value, &value_text, e) ||
        link_encoded(&before, lk, 0, own, &own_text, e))
        return -1;
    if (span_eq(value_text, own_text))
        return 0;
    at = link_place(w->l, &w->old, lk, era.number);
    return at.p ? link_remember(w->l, &w->r, lk->here[0], ENTRY_MEMORY,
                                (struct remembered){link_left_id(lk), own, at}, e)
                : err_nomem(e);
}

/* What linked steps made of the field in the target since it moved there. */
static int forms_of(struct work *w, const struct link *lk, struct slotset *ret, struct err *e)
{
    const struct group *g = catalog_group(w->l->cat, lk->target_coll);

    if (slotset_add(w->l, ret, lk->there[0], e))
        return -1;
    for (size_t i = 0; i < g->n_forward; i++) {
        const struct formula *f = g->forward[i].f;
        for (size_t k = 0; k < f->n_inputs; k++)
            if (f->mode == FORMULA_LINKED && slotset_has(ret, f->inputs[k].slot) &&
                slotset_add(w->l, ret, f->out, e))
                return -1;
    }
    return 0;
}

/* The writer says what the target holds: it sees the field there, over the same reference. */
static int said_by_writer(struct work *w, const struct link *lk, bool *ret, struct err *e)
{
    struct slotset forms = {0};

    *ret = false;
    if (forms_of(w, lk, &forms, e))
        return -1;
    for (size_t k = 0; k < w->g->n_links; k++) {
        const struct link *in = w->g->links[k];
        for (size_t i = 0; i < in->n; i++)
            *ret |= in->kind == LINK_INLINE && slotset_has(&forms, in->there[i]) &&
                    (shape_shows(w->s, in->here[i]) || slotset_has(&w->reached, in->here[i]));
    }
    return 0;
}

/* A target without a value gets the one that the holder has to itself. */
static int bring_along(struct work *w, const struct link *lk, struct span *now, struct err *e)
{
    struct remembered m;
    uint64_t id = link_target(&w->r, lk);
    bool said;

    if (said_by_writer(w, lk, &said, e))
        return -1;
    if (now->p || said || !is_written(w, lk) ||
        !link_memory(&w->r, lk->here[0], link_alone_id(lk), &m) || !m.value.p)
        return 0;
    *now = m.value;
    return link_assign(w, lk, id, (struct span[2]){*now}, true, &id, e);
}

/* There is a (nother) target: its value is shown, unless the holder was here before. */
static int arrive(struct work *w, const struct link *lk, struct err *e)
{
    struct sight s = link_sight(w, &w->r);
    struct span now, at;
    struct remembered m;
    struct era era;

    if (link_look(&s, lk, 0, &now, &era, e))
        return -1;
    at = link_place(w->l, &w->r, lk, era.number);
    if (!at.p)
        return err_nomem(e);
    if (link_memory(&w->r, lk->here[0], link_left_id(lk), &m) && span_eq(m.inputs, at))
        now = m.value;
    else if (bring_along(w, lk, &now, e))
        return -1;
    return store_here(w, lk, now, e);
}

int link_move_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct span own = record_value(&w->old, lk->here[0]);
    bool had;

    if (had_own(w, lk, &had, e) || leave(w, lk, e))
        return -1;
    if (!link_target(&w->r, lk))
        return take_own(w, lk, had, e);
    if (had && link_remember(w->l, &w->r, lk->here[0], ENTRY_MEMORY,
                             (struct remembered){link_alone_id(lk), own, {0}}, e))
        return -1;
    return arrive(w, lk, e);
}

/* ---- The target's side of it ---- */

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

static bool key_before(struct span a, struct span b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order < 0 || (order == 0 && a.n < b.n);
}

/* Of all items from before the step the one with the smallest key gives its value, in whatever
 * order they are brought up to date, unless somebody has written the field since. */
int link_yields(struct work *w, const struct link *lk, struct span holder_key, bool *ret,
                struct err *e)
{
    struct sight s = link_sight(w, &w->old);
    struct mark mark;
    struct era era;

    *ret = false;
    if (!holder_key.p || !link_mark_read(&w->old, lk, &mark))
        return 0;
    if (link_era_of(&s, lk, &w->old, record_value(&w->old, lk->there[0]), &era, e))
        return -1;
    *ret = era.number && (mark.from == FROM_COMER ||
                          (mark.from == FROM_HOLDER && key_before(holder_key, mark.key)));
    return 0;
}

bool link_is_unwritten(const struct link *lk, const struct record *target)
{
    struct mark mark;

    if (link_mark_read(target, lk, &mark))
        return mark.from == FROM_HOLDER;
    return !record_get(target, lk->there[0]);
}

/* values: as lens_assign's; the first one is what the holder shows from now on. */
int link_mark(struct work *w, const struct link *lk, const struct span *values, bool only_unset,
              bool yields, struct err *e)
{
    struct sight s = link_sight(w, &w->old);
    struct span was = record_value(&w->old, lk->there[0]), now = record_value(&w->r, lk->there[0]);
    struct span was_text, now_text, own_text;
    struct mark mark, next = {.from = FROM_WRITER};
    struct era era;
    bool marked = link_mark_read(&w->old, lk, &mark), gives;

    if (link_era_of(&s, lk, &w->old, was, &era, e) || link_encoded(&s, lk, 0, was, &was_text, e) ||
        link_encoded(&s, lk, 0, now, &now_text, e) ||
        link_encoded(&s, lk, 0, values[0], &own_text, e))
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
    next.m = (struct remembered){era.number ? era.number
                                 : marked   ? mark.m.id + 1
                                            : 1,
                                 era.shown, now_text};
    return mark_write(w, lk, &next, e);
}
