/* extract_type: writes of the old fields.
 *
 * The item then refers to the record of those values, found or made. What it referred to before is
 * remembered with the values it was shown as: nothing that a writer of the new side chose (null, a
 * record without values, one of two with the same values) is lost by A, B, A on the old side. */
#include "lens_link.h"

int work_values(struct work *w, const struct record *r, const struct link *lk, struct span **ret,
                struct err *e)
{
    struct view vw = {w->vw.v, lk->shapes, lk->n_shapes, false, 0};
    struct span *v = arena_alloc(&w->l->arena, (lk->n + 1) * sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        struct buf b BUF_CLEANUP = BUF_INIT;
        v[i] = record_value(r, lk->here[i]);
        if (!v[i].p || !type_structured(lk->types[i]))
            continue;
        if (lens_render(w->l, vw, lk->types[i], v[i], 1, &b, e))
            return -1;
        v[i] = lens_keep(w->l, buf_span(&b));
        if (!v[i].p)
            return err_nomem(e);
    }
    *ret = v;
    return 0;
}

static int encoded(struct work *w, const struct record *r, const struct link *lk, struct span *ret,
                   struct err *e)
{
    struct span *values;

    if (work_values(w, r, lk, &values, e))
        return -1;
    *ret = inputs_encode(w->l, values, lk->n);
    return ret->p ? 0 : err_nomem(e);
}

/* Does the record that `ref` points to still hold what w's record shows? */
static int still_shows(struct work *w, const struct link *lk, struct span ref, bool *ret,
                       struct err *e)
{
    struct record with RECORD_CLEANUP = RECORD_INIT, target RECORD_CLEANUP = RECORD_INIT;
    struct sight s = link_sight(w, &with);

    if (!record_set(&with, lk->ref, ENTRY_VALUE, ref))
        return err_nomem(e);
    *ret = !link_target(&with, lk); /* null */
    if (*ret)
        return 0;
    with.gen = w->r.gen;
    return link_target_of(&s, lk, &target, ret, e) || (*ret && link_shows_same(w, lk, &s, ret, e))
               ? -1
               : 0;
}

/* *ret stays p == NULL: nothing is remembered under these values. */
static int take_back(struct work *w, const struct link *lk, struct span *ret, struct err *e)
{
    struct remembered m;
    struct span now;
    bool still;

    if (!link_memory(&w->r, lk->ref, link_left_id(lk), &m))
        return 0;
    if (encoded(w, &w->r, lk, &now, e))
        return -1;
    if (!span_eq(now, m.inputs) || !m.value.p)
        return 0;
    if (still_shows(w, lk, m.value, &still, e))
        return -1;
    if (still)
        *ret = m.value;
    return 0;
}

static int keep_left(struct work *w, const struct link *lk, struct err *e)
{
    struct span had = record_value(&w->old, lk->ref), was;
    struct remembered m;

    if (encoded(w, &w->old, lk, &was, e))
        return -1;
    if (had.p)
        return link_remember(w->l, &w->r, lk->ref, ENTRY_MEMORY,
                             (struct remembered){link_left_id(lk), had, was}, e);
    if (link_memory(&w->r, lk->ref, link_left_id(lk), &m) && span_eq(m.inputs, was))
        link_forget(&w->r, lk->ref, link_left_id(lk));
    return 0;
}

/* The record of the values: found or made; *ret p == NULL: there are none. */
static int record_of_values(struct work *w, const struct link *lk, struct span *ret, struct err *e)
{
    struct span *values;
    uint64_t id;
    bool any = false;

    if (work_values(w, &w->r, lk, &values, e))
        return -1;
    for (size_t i = 0; i < lk->n; i++)
        any |= values[i].p != NULL;
    if (!any)
        return 0;
    if (w->l->world.extract(w->l->world.arg, lk, values, false, &id, e))
        return -1;
    *ret = lens_ref_bytes(w->l, id);
    return ret->p ? 0 : err_nomem(e);
}

int link_extract_forward(struct work *w, const struct link *lk, struct err *e)
{
    struct span stored = {0};

    if (!w->create && (take_back(w, lk, &stored, e) || keep_left(w, lk, e)))
        return -1;
    if (!stored.p && record_of_values(w, lk, &stored, e))
        return -1;
    return work_store(w, lk->ref, ENTRY_VALUE, stored, e);
}
