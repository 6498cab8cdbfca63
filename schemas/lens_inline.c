/* inline_type: writes of fields that stand in the item referred to. */
#include "lens_link.h"

/* made: the target was made for these fields alone. */
static int values_encode(struct work *w, const struct record *r, const struct link *lk, bool made,
                         struct span *ret, struct err *e)
{
    struct span parts[2] = {{made ? "d" : "v", 1}};

    if (link_values_same(w->l, w->vw.v, lk, r, &parts[1], e))
        return -1;
    *ret = inputs_encode(w->l, parts, 2);
    return ret->p ? 0 : err_nomem(e);
}

/* Does an item that shows none of the fields refer to nothing? It has what it had before it got them:
 * that may be nothing, or this target without them. Where that is not known: to nothing where the target
 * can't be without one of them, or was made for them alone. */
static bool lets_go(struct work *w, const struct link *lk)
{
    const struct shape *s = shapes_find(lk->shapes, lk->n_shapes, lk->target_shape);
    struct span now = record_value(&w->r, lk->ref);
    const struct entry *ref = record_get(&w->r, lk->ref);
    struct remembered before;

    if (link_memory(&w->r, lk->ref, link_alone_id(lk), &before))
        return !span_eq(before.value, now);
    if (lk->required)
        return false;
    for (size_t i = 0; s && i < lk->n; i++) {
        const struct field *f = shape_field_by_slot(s, lk->there[i]);
        if (f && f->required && !f->def.p)
            return true;
    }
    return ref && ref->kind == ENTRY_DERIVED;
}

/* What the item referred to before is there, and shows none of the fields yet. */
static int still_shows_none(struct work *w, const struct link *lk, struct span ref, bool *ret, struct err *e)
{
    struct record with RECORD_CLEANUP = RECORD_INIT, target RECORD_CLEANUP = RECORD_INIT;
    struct sight s = link_sight(w, &with);

    if (!record_set(&with, lk->ref, ENTRY_VALUE, ref))
        return err_nomem(e);
    *ret = !link_target(&with, lk); /* null */
    if (*ret)
        return 0;
    return link_target_of(&s, lk, &target, ret, e) || (*ret && link_shows_same(w, lk, &s, ret, e)) ? -1 : 0;
}

/* All fields were unset: the item refers to nothing, as before it got them (unset, or null); to
 * what it referred to is remembered. */
static int let_go(struct work *w, const struct link *lk, struct span ref, struct err *e)
{
    struct remembered before = {0};
    struct span was;
    bool made = record_get(&w->r, lk->ref)->kind == ENTRY_DERIVED, none = true;

    if (link_memory(&w->r, lk->ref, link_alone_id(lk), &before))
        link_forget(&w->r, lk->ref, link_alone_id(lk));
    if (before.value.p && still_shows_none(w, lk, before.value, &none, e))
        return -1;
    if (!none)
        before.value = (struct span){0};
    if (values_encode(w, &w->old, lk, made, &was, e) ||
        link_remember(w->l, &w->r, lk->ref, ENTRY_MEMORY,
                      (struct remembered){link_left_id(lk), ref, was}, e))
        return -1;
    return work_store(w, lk->ref, ENTRY_VALUE, before.value, e);
}

/* The item that it referred to before, when that was made for it or the values are again the same.
 * *ret stays p == NULL: there is none. */
static int take_back(struct work *w, const struct link *lk, const struct span *values,
                     struct span *ret, struct err *e)
{
    struct record with RECORD_CLEANUP = RECORD_INIT, target RECORD_CLEANUP = RECORD_INIT;
    struct sight s = link_sight(w, &with);
    struct remembered m;
    struct span made, same;
    bool found, is;
    uint64_t id;

    if (!link_memory(&w->r, lk->ref, link_left_id(lk), &m))
        return 0;
    if (!record_set(&with, lk->ref, ENTRY_VALUE, m.value))
        return err_nomem(e);
    id = link_target(&with, lk);
    if (values_encode(w, &w->r, lk, true, &made, e) ||
        values_encode(w, &w->r, lk, false, &same, e) || link_target_of(&s, lk, &target, &found, e))
        return -1;
    if (!found)
        return 0;
    if (made.n > 1 && m.inputs.n > 1 && m.inputs.p[1] == made.p[1])
        is = true;
    else if (!span_eq(m.inputs, same))
        return 0;
    else if (link_shows_same(w, lk, &s, &is, e))
        return -1;
    if (is)
        *ret = m.value;
    return is ? link_assign(w, lk, id, values, false, &id, e) : 0;
}

/* What the item refers to while it shows none of the fields: it is about to get some. */
static int keep_alone(struct work *w, const struct link *lk, struct err *e)
{
    struct remembered m = {.id = link_alone_id(lk), .value = record_value(&w->old, lk->ref)};

    if (w->create)
        return 0;
    for (size_t i = 0; i < lk->n; i++)
        if (record_value(&w->old, lk->here[i]).p)
            return 0;
    return link_remember(w->l, &w->r, lk->ref, ENTRY_MEMORY, m, e);
}

int link_inline_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct span *values, ref = record_value(&w->r, lk->ref), back = {0};
    uint64_t had = link_target(&w->r, lk), id = had;
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
    if ((any && keep_alone(w, lk, e)) || (!had && take_back(w, lk, values, &back, e)))
        return -1;
    if (!back.p && link_assign(w, lk, had, values, false, &id, e))
        return -1;
    if (id == had && !back.p)
        return 0;
    link_forget(&w->r, lk->ref, link_left_id(lk));
    back = back.p ? back : lens_ref_bytes(w->l, id);
    return back.p ? work_store(w, lk->ref, ENTRY_DERIVED, back, e) : err_nomem(e);
}
