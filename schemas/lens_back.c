/* Propagation backward: the steps between the writer's version and the root, newest first
 * (lens_work.c). */
#include "lens_work.h"

/* ---- Links ---- */

bool work_here_changed(const struct work *w, const struct link *lk)
{
    for (size_t i = 0; i < lk->n; i++)
        if (slotset_has(&w->changed, lk->here[i]))
            return true;
    return false;
}

/* The reference was written: the old fields show the record it points to. */
int work_link_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct record folded RECORD_CLEANUP = RECORD_INIT;
    struct sight s = work_sight(w);
    struct span now;

    if (lk->kind == LINK_MOVE)
        return link_move_backward(w, lk, e);
    if (!record_copy(&w->r, &folded))
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++)
        record_unset(&folded, lk->here[i]);
    if (folded.gen < lk->step)
        folded.gen = lk->step;
    s.rec = &folded;
    s.flat = false;
    s.refs = true;
    for (size_t i = 0; i < lk->n; i++) {
        if (sight_slot(&s, lk->here[i], &now, e))
            return -1;
        if (!span_eq(now, record_value(&w->r, lk->here[i]))) /* what formulas hid of it is overwritten */
            record_drop(&w->r, lk->here[i], ENTRY_MEMORY);
        if (work_store(w, lk->here[i], ENTRY_VALUE, now, e))
            return -1;
    }
    return 0;
}

/* ---- The backward pass ---- */

/* One step's formulas and link: the run of entries with its id. */
struct step_run {
    uint32_t step, version;
    const struct applied *forward, *backward;
    size_t n_forward, n_backward;
    const struct link *link;
};

static bool sees_here(const struct work *w, const struct link *lk)
{
    for (size_t i = 0; i < lk->n; i++)
        if (work_reached(w, lk->here[i]))
            return true;
    return false;
}

/* split_type: a type that is no part of it (a copy of the whole) is its old side. */
static bool is_undivided(const struct work *w, slot_no part)
{
    const struct catalog *c = w->l->cat;

    for (size_t i = 0; i < c->n_namings; i++)
        if (c->namings[i]->fit && c->namings[i]->slot == part)
            return !work_reached(w, part);
    return false;
}

/* The type that a step was taken by, with the shapes of its version; coll: of its items, 0 = of a merged type's. */
struct taker {
    struct shape *const *shapes;
    size_t n_shapes;
    uint32_t shape, coll;
};

/* A merged type stands for the one that was of the step's items before. */
static uint32_t type_of(const struct shape *s, const struct taker *t)
{
    for (size_t i = 0; i < s->n_colls && t->coll; i++)
        if (s->colls[i] == t->coll)
            return s->merged[i];
    return s->id;
}

static const struct shape *on_path(const struct work *w, uint32_t id)
{
    const struct shape *s = NULL;
    for (const struct version *v = w->vw.v; v && id && !s; v = v->base)
        s = version_shape(v, id);
    return s;
}

static bool is_of(const struct work *w, const struct taker *t)
{
    const struct shape *s = w->s;
    uint32_t id = type_of(s, t);

    while (!shapes_find(t->shapes, t->n_shapes, id)) {
        s = id == s->id ? s : on_path(w, id);
        if (s && !s->origin && w->s->n_colls) /* it was merged with others before the step */
            return false;
        if (!s || !(s = on_path(w, s->origin)))
            return true;
        id = type_of(s, t);
    }
    return id == t->shape;
}

bool work_is_own(const struct work *w, const struct formula *f)
{
    const struct taker t = {f->shapes, f->n_shapes, f->shape, f->n_colls ? 0 : f->coll};
    return is_of(w, &t);
}

/* The step was taken by the writer's type, or by one that it was made from since. */
static bool is_link_own(const struct work *w, const struct link *lk)
{
    const struct taker t = {lk->shapes, lk->n_shapes, lk->shape, lk->coll};
    return is_of(w, &t);
}

static bool link_crossed(const struct work *w, const struct link *lk)
{
    bool made_behind = w->create && lk->kind == LINK_EXTRACT; /* where the reference was removed later: it has none */

    if (lk->kind != LINK_INLINE) /* another type of the same items, a restored field: that is the old side */
        return (work_reached(w, lk->ref) || made_behind) && !sees_here(w, lk) && is_link_own(w, lk);
    for (size_t i = 0; i < lk->n; i++)
        if (work_reached(w, lk->here[i]))
            return true;
    return false;
}

static bool is_crossed(const struct work *w, const struct step_run *st)
{
    bool new_side = false, old_side = false, linked = false;
    bool link = st->link && link_crossed(w, st->link), crossed = false;
    for (size_t i = 0; i < st->n_forward; i++) {
        linked |= st->forward[i].f->mode == FORMULA_LINKED;
        new_side |= st->forward[i].f->mode == FORMULA_LINKED && work_reached(w, st->forward[i].f->out);
        old_side |= w->create && is_undivided(w, st->forward[i].f->out);
    }
    for (size_t i = 0; i < st->n_backward; i++) {
        const struct formula *f = st->backward[i].f;
        old_side = old_side || work_sees(w, f->out) || !work_is_own(w, f);
        crossed |= f->n_inputs == 0;
        for (size_t j = 0; j < f->n_inputs; j++)
            crossed |= f->inputs[j].slot == SLOT_KEY || work_reached(w, f->inputs[j].slot);
    }
    /* Both sides are seen where restore_field brought a field back, and neither where the new field
     * was removed later: then it says nothing any more, but for the items that are made here. For
     * those a removed field has what `down` gives, also when nothing is left of what that reads. */
    return new_side || (!old_side && (link || w->create || (!linked && crossed)));
}

static int reach_and_pin(struct work *w, slot_no slot, struct err *e)
{
    return slotset_add(w->l, &w->reached, slot, e) || slotset_add(w->l, &w->pinned, slot, e) ? -1
                                                                                             : 0;
}

static int cross_inline(struct work *w, const struct link *lk, struct err *e)
{
    if ((w->create || work_here_changed(w, lk)) && link_inline_backward(w, lk, e))
        return -1;
    for (size_t i = 0; i < lk->n; i++)
        if (slotset_add(w->l, &w->pinned, lk->here[i], e))
            return -1;
    return reach_and_pin(w, lk->ref, e);
}

static int cross_link(struct work *w, const struct link *lk, struct err *e)
{
    if (slotset_add(w->l, &w->crossed, lk->step, e))
        return -1;
    if (lk->kind == LINK_INLINE)
        return cross_inline(w, lk, e);
    if ((w->create || slotset_has(&w->changed, lk->ref)) && work_link_backward(w, lk, e))
        return -1;
    if (slotset_add(w->l, &w->pinned, lk->ref, e))
        return -1;
    for (size_t i = 0; i < lk->n; i++)
        if (reach_and_pin(w, lk->here[i], e))
            return -1;
    return 0;
}

/* Not the writer's, and perhaps not yet computed from what the writer changed. A computed field is never the
 * writer's, also where it is seen. */
static bool may_be_stale(const struct work *w, const struct formula *h)
{
    return h->mode == FORMULA_COMPUTED || (h->mode == FORMULA_SEEDED && !work_reached(w, h->out) &&
                                           !slotset_has(&w->pinned, h->out));
}

/* Takes the newest step that is left in the three sorted lists; n*: what is left of each. */
static struct step_run last_step(const struct group *g, const struct lens *l, size_t *nf,
                                 size_t *nb, size_t *nk)
{
    struct step_run st = {0};
    if (*nf)
        st.step = g->forward[*nf - 1].f->step;
    if (*nb && g->backward[*nb - 1].f->step > st.step)
        st.step = g->backward[*nb - 1].f->step;
    if (*nk && g->links[*nk - 1]->step > st.step)
        st.step = g->links[*nk - 1]->step;
    for (; *nf && g->forward[*nf - 1].f->step == st.step; --*nf, st.n_forward++)
        st.version = (st.forward = &g->forward[*nf - 1])->version;
    for (; *nb && g->backward[*nb - 1].f->step == st.step; --*nb, st.n_backward++)
        st.version = (st.backward = &g->backward[*nb - 1])->version;
    if (*nk && g->links[*nk - 1]->step == st.step)
        st.link = g->links[--*nk];
    const struct version *v = !st.version && st.link ? link_version(l->cat, st.link) : NULL;
    if (v)
        st.version = v->number;
    return st;
}

static int cross(struct work *w, const struct step_run *st, struct err *e);

static int bring_back(struct work *w, slot_no slot, uint32_t after, uint32_t before, struct err *e);

/* The same of a field that stands in the record which a reference leads to: that may have been found already. */
static int bring_over(struct work *w, slot_no slot, uint32_t after, uint32_t before, struct err *e)
{
    for (size_t i = w->g->n_links; i-- > 0;) {
        const struct link *lk = w->g->links[i];
        const struct version *v = link_version(w->l->cat, lk);
        bool here = false;
        for (size_t k = 0; k < lk->n; k++)
            here |= lk->here[k] == slot;
        if (!here || lk->kind != LINK_EXTRACT || lk->step <= after || lk->step >= before || work_reached(w, slot) ||
            !v || !work_on_path(w, v->number))
            continue;
        if (bring_back(w, lk->ref, lk->step, before, e) || (link_crossed(w, lk) && cross_link(w, lk, e)))
            return -1;
    }
    return 0;
}

/* A slot that a linked step between two others gives back, when the writer stands on its new side: it
 * does so first. Other steps with links wait for their turn. */
static int bring_back(struct work *w, slot_no slot, uint32_t after, uint32_t before, struct err *e)
{
    const struct group *g = w->g;
    if (bring_over(w, slot, after, before, e))
        return -1;
    for (size_t i = g->n_backward; i-- > 0 && g->backward[i].f->step > after;) {
        uint32_t step = g->backward[i].f->step;
        size_t nf = 0, nb = i + 1, nk = 0;
        if (step >= before || g->backward[i].f->out != slot || work_reached(w, slot))
            continue;
        while (nf < g->n_forward && g->forward[nf].f->step <= step)
            nf++;
        while (nb < g->n_backward && g->backward[nb].f->step == step)
            nb++;
        while (nk < g->n_links && g->links[nk]->step <= step)
            nk++;
        struct step_run st = last_step(g, w->l, &nf, &nb, &nk);
        if (!st.link && work_on_path(w, st.version) && is_crossed(w, &st) && cross(w, &st, e))
            return -1;
    }
    return 0;
}

/* A backward formula may read a computed field, or what an older step seeds and the writer does not
 * see any more, and these may read others, or what steps between give back: the passes come too late
 * for it. Ends, because a formula reads what older steps gave. */
int work_refresh_inputs(struct work *w, const struct formula *f, struct err *e)
{
    const struct group *g = w->g;
    for (size_t i = 0; i < g->n_forward && g->forward[i].f->step < f->step; i++) {
        const struct formula *h = g->forward[i].f;
        if (!work_reads(f, h->out) || !may_be_stale(w, h))
            continue;
        for (size_t k = 0; k < h->n_inputs; k++)
            if (bring_back(w, h->inputs[k].slot, h->step, f->step, e))
                return -1;
        if (work_refresh_inputs(w, h, e) || (work_inputs_changed(w, h) && may_be_stale(w, h) && work_run(w, h, e)))
            return -1;
    }
    return 0;
}

/* The step's new side stays as it is. A new item's maker may not see it any more: nobody has decided it
 * then. */
static int pin_new_side(struct work *w, const struct formula *f, struct err *e)
{
    if (f->mode != FORMULA_LINKED)
        return 0;
    if (w->create && !work_reached(w, f->out) && !record_get(&w->r, f->out) &&
        !record_set(&w->r, f->out, ENTRY_DERIVED, (struct span){0}))
        return err_nomem(e);
    return slotset_add(w->l, &w->pinned, f->out, e);
}

/* A step on an enum changes the fields of several types, of which some may be of the same items. */
static bool is_elsewhere(const struct work *w, const struct formula *f)
{
    return f->mode == FORMULA_LINKED && !work_is_own(w, f);
}

static int cross(struct work *w, const struct step_run *st, struct err *e)
{
    for (size_t i = 0; i < st->n_forward; i++)
        if (!is_elsewhere(w, st->forward[i].f) && pin_new_side(w, st->forward[i].f, e))
            return -1;
    for (size_t i = 0; i < st->n_backward; i++) {
        const struct formula *f = st->backward[i].f;
        if (work_reached(w, f->out) || is_elsewhere(w, f)) /* seen as well, or a newer step gave it */
            continue;
        if (!w->create && work_only_for_new(w->g, f))
            continue;
        if (work_refresh_inputs(w, f, e) || (work_inputs_changed(w, f) && work_run(w, f, e)) ||
            reach_and_pin(w, f->out, e))
            return -1;
    }
    return st->link && link_crossed(w, st->link) ? cross_link(w, st->link, e) : 0;
}

int work_backward_pass(struct work *w, struct err *e)
{
    size_t nf = w->g->n_forward, nb = w->g->n_backward, nk = w->g->n_links;
    while (nf || nb || nk) {
        struct step_run st = last_step(w->g, w->l, &nf, &nb, &nk);
        if (w->vw.step && st.step > w->vw.step)
            continue;
        if (work_on_path(w, st.version) && is_crossed(w, &st) && cross(w, &st, e))
            return -1;
    }
    return 0;
}
