/* extract_type: writes of the old fields.
 *
 * The item then refers to the record of those values, found or made. What it referred to before is
 * remembered with the values it was shown as: nothing that a writer of the new side chose (null, a
 * record without values, one of two with the same values) is lost by A, B, A on the old side. */
#include "lens_link.h"
#include "sha256.h"

static int text_of(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                   struct span *ret, struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    *ret = stored;
    if (!stored.p || !type_structured(t))
        return 0;
    if (lens_render(l, vw, t, stored, 1, &b, e))
        return -1;
    *ret = lens_keep(l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

/* Other values have another name, also where the step's version shows the same of both. */
static int name_of(struct lens *l, struct view vw, const struct type_ref *t, struct span stored, struct span *ret,
                   struct err *e)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    unsigned char digest[SHA256_SIZE];
    struct span beyond;
    bool hidden;

    if (lens_value_beyond(l, vw, t, stored, &beyond, &hidden, e))
        return -1;
    vw.bare = true;
    if (text_of(l, vw, t, stored, ret, e))
        return -1;
    if (!hidden)
        return 0;
    sha256(beyond, digest);
    if (!buf_addspan(&b, *ret) || !buf_addc(&b, ' '))
        return err_nomem(e);
    for (size_t i = 0; i < 8; i++)
        if (!buf_printf(&b, "%02x", digest[i]))
            return err_nomem(e);
    *ret = lens_keep(l, buf_span(&b));
    return ret->p ? 0 : err_nomem(e);
}

int link_values(struct lens *l, const struct version *v, const struct link *lk,
                const struct span *stored, struct link_values *ret, struct err *e)
{
    struct view vw = {v, lk->shapes, lk->n_shapes, false, lk->step};
    struct span *texts = arena_alloc(&l->arena, 3 * (lk->n + 1) * sizeof *texts);
    struct span *names = texts + lk->n + 1, *same = names + lk->n + 1;

    if (!texts)
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++)
        if (lens_value_same(l, vw, lk->types[i], stored[i], &same[i], e) ||
            text_of(l, vw, lk->types[i], stored[i], &texts[i], e) ||
            name_of(l, vw, lk->types[i], stored[i], &names[i], e))
            return -1;
    *ret = (struct link_values){stored, texts, names, same};
    return 0;
}

int link_values_same(struct lens *l, const struct version *v, const struct link *lk,
                     const struct record *r, struct span *ret, struct err *e)
{
    struct view vw = {v, lk->shapes, lk->n_shapes, false, lk->step};
    struct span *same = arena_alloc(&l->arena, (lk->n + 1) * sizeof *same);

    if (!same)
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++)
        if (lens_value_same(l, vw, lk->types[i], record_value(r, lk->here[i]), &same[i], e))
            return -1;
    *ret = inputs_encode(l, same, lk->n);
    return ret->p ? 0 : err_nomem(e);
}

int lens_link_values(struct lens *l, const struct link *lk, const struct record *rec,
                     struct span key, struct link_values *ret, struct err *e)
{
    const struct version *v = link_version(l->cat, lk);
    const struct shape *s = shapes_find(lk->shapes, lk->n_shapes, lk->target_shape);
    struct span *stored = arena_alloc(&l->arena, (lk->n + 1) * sizeof *stored);
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct sight at;

    if (!stored)
        return err_nomem(e);
    if (!v || !s)
        return err_set(e, ERR_IO, "a link to an unknown type");
    if (lens_seen(l, v, s, rec, key, &brought, &at, e))
        return -1;
    for (size_t i = 0; i < lk->n; i++)
        if (sight_slot(&at, lk->there[i], &stored[i], e))
            return -1;
    return link_values(l, v, lk, stored, ret, e);
}

int lens_link_record(struct lens *l, const struct link *lk, const struct link_values *values,
                     struct span key, struct record *ret, struct err *e)
{
    struct record first RECORD_CLEANUP = {.gen = lk->step};
    bool changed;

    for (size_t i = 0; i < lk->n; i++)
        if (values->stored[i].p &&
            !record_set(&first, lk->there[i], ENTRY_VALUE, values->stored[i]))
            return err_nomem(e);
    if (lens_bring_nested(l, link_version(l->cat, lk), l->cat->last_step, &first, e)) /* objects may be from before the step */
        return -1;
    return lens_materialize(l, lk->target_coll, key, &first, l->cat->last_step, ret, &changed, e);
}

static int encoded(struct work *w, const struct record *r, const struct link *lk, struct span *ret,
                   struct err *e)
{
    return link_values_same(w->l, w->vw.v, lk, r, ret, e);
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

int link_leave(struct work *w, const struct link *lk, struct record *now, struct err *e)
{
    struct remembered m = {.id = link_left_id(lk), .value = record_value(now, lk->ref)};

    if (lk->kind != LINK_EXTRACT)
        return 0;
    if (m.value.p ? encoded(w, now, lk, &m.inputs, e) : !link_memory(now, lk->ref, m.id, &m))
        return m.value.p ? -1 : 0;
    return link_remember(w->l, &w->r, lk->ref, ENTRY_MEMORY, m, e);
}

/* The record of the values: found or made; *ret p == NULL: there are none. */
static int record_of_values(struct work *w, const struct link *lk, struct span *ret, struct err *e)
{
    struct span *stored = arena_alloc(&w->l->arena, (lk->n + 1) * sizeof *stored);
    struct link_values values;
    uint64_t id;
    bool any = false;

    if (!stored)
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        stored[i] = record_value(&w->r, lk->here[i]);
        any |= stored[i].p != NULL;
    }
    if (!any)
        return 0;
    if (link_values(w->l, w->vw.v, lk, stored, &values, e) ||
        w->l->world.extract(w->l->world.arg, lk, &values, false, &id, e))
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
