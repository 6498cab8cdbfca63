/* Propagation: what follows from the slots that a writer changed.
 *
 * The record is flat while it is worked on: links unfolded, every slot in the record itself.
 *
 * Two passes (I8). Backward, over the steps between the writer's version and the root, newest
 * first: a step is *crossed* when the writer stands on its new side, that is, when what the writer
 * sees, or what an already crossed step computed from it, is among the step's new slots or the
 * inputs of its backward formulas. A crossed step runs its backward formulas, and its new side is
 * pinned: it is the writer's side, it keeps what is stored. Then forward, over all steps of all
 * versions in order: every formula whose output is neither seen by the writer nor pinned.
 *
 * A formula runs only when one of its inputs changed (I4); at the creation of an item all count as
 * changed. What the writer sees is never computed, but for computed fields. A seeded slot that
 * somebody wrote is left alone (I5). */
#include "lens_work.h"

#include "lens_link.h"

#define PATH_BYTES (VERSION_MAX_NUMBER / 8 + 1)

static int find_path(struct work *w, struct err *e)
{
    unsigned char *path = arena_alloc(&w->l->arena, PATH_BYTES);
    if (!path)
        return err_nomem(e);
    for (const struct version *v = w->vw.v; v; v = v->base)
        path[v->number / 8] |= (unsigned char)(1u << v->number % 8);
    w->path = path;
    return 0;
}

static int put_key(struct work *w, struct record *r, slot_no slot, struct span key, struct err *e)
{
    struct span json = key_encode(w->l, key);
    return json.p && record_set(r, slot, ENTRY_VALUE, json) ? 0 : err_nomem(e);
}

/* A new item has the key that its maker sees; where that is not its own, one like it until older
 * versions say theirs. */
static int seed_key(struct work *w, struct err *e)
{
    struct key_rule own = {.space = w->s->coll, .like = w->s->key};
    struct sight now = work_sight(w);
    struct span json;

    if (w->s->kind != SHAPE_ITEM)
        return 0;
    if (put_key(w, &w->r, shape_key(w->s), w->key, e))
        return -1;
    if (w->s->part && !record_set(&w->r, w->s->part, ENTRY_VALUE, w->s->part_name))
        return err_nomem(e);
    if (!w->s->key)
        return 0;
    if (key_name(&now, &own, (struct span){0}, (struct span){0}, &json, e) ||
        key_decode(w->l, json, &w->key, e))
        return -1;
    return record_set(&w->r, SLOT_KEY, ENTRY_VALUE, json) ? 0 : err_nomem(e);
}

int work_begin(struct work *w, struct lens *l, struct view vw, const struct shape *s,
               uint32_t group, struct span key, const struct record *cur, struct err *e)
{
    *w = (struct work){
        .l = l, .vw = vw, .s = s, .g = catalog_group(l->cat, group), .key = key, .create = !cur};
    w->r.gen = l->cat->last_step;
    if (!cur && seed_key(w, e))
        return -1;
    if (w->g->n_forward + w->g->n_backward + w->g->n_links && find_path(w, e))
        return -1;
    if (!cur)
        return 0;
    if (!record_copy(cur, &w->old))
        return err_nomem(e);
    if (lens_unfold(l, vw.v, w->g, key, &w->old, e) || put_key(w, &w->old, SLOT_KEY, key, e))
        return -1;
    return record_copy(&w->old, &w->r) ? 0 : err_nomem(e);
}

void work_free(struct work *w)
{
    record_free(&w->old);
    record_free(&w->r);
}

int work_set(struct work *w, slot_no slot, struct span stored, struct err *e)
{
    record_drop(&w->r, slot, ENTRY_MEMORY);
    if (!stored.p)
        record_unset(&w->r, slot);
    else if (!record_set(&w->r, slot, ENTRY_VALUE, stored))
        return err_nomem(e);
    return slotset_add(w->l, &w->changed, slot, e);
}

/* ---- The forward pass ---- */

static int forward_formula(struct work *w, const struct formula *f, struct err *e)
{
    bool theirs = work_sees(w, f->out) || slotset_has(&w->pinned, f->out);
    if (f->mode != FORMULA_COMPUTED && theirs)
        return 0;
    return work_inputs_changed(w, f) ? work_run(w, f, e) : 0;
}

/* A step from since the run of writes began has the item as it is now. */
static bool is_another(const struct work *w, slot_no slot)
{
    return !span_eq(record_value(&w->r, slot), record_value(w->names, slot));
}

static bool here_is_another(const struct work *w, const struct link *lk)
{
    bool another = lk->kind == LINK_MOVE && elsewhere_is_taken_back(w->l, link_target(&w->r, lk));
    for (size_t i = 0; i < lk->n; i++)
        another |= is_another(w, lk->here[i]);
    return another;
}

static int forward_link(struct work *w, const struct link *lk, struct err *e)
{
    bool later = w->names && lk->step > w->since && lk->kind != LINK_INLINE;
    bool ref_changed = w->create || (later ? is_another(w, lk->ref) : slotset_has(&w->changed, lk->ref));
    bool touched = w->create || (later ? here_is_another(w, lk) : work_here_changed(w, lk));
    if (slotset_has(&w->crossed, lk->step) || w->follows) /* no item goes to another one by that */
        return 0;
    switch (lk->kind) {
    case LINK_EXTRACT:
        if (work_sees(w, lk->ref) && ref_changed && record_value(&w->r, lk->ref).p)
            return work_link_backward(w, lk, e);
        return touched ? link_extract_forward(w, lk, e) : 0;
    case LINK_MOVE:
        return touched || ref_changed ? link_move_forward(w, lk, touched, ref_changed, e) : 0;
    case LINK_INLINE:
        return ref_changed ? work_link_backward(w, lk, e) : 0;
    }
    return 0;
}

static int forward_pass(struct work *w, struct err *e)
{
    const struct group *g = w->g;
    size_t i = 0, k = 0;
    while (i < g->n_forward || k < g->n_links) {
        const struct formula *f = i < g->n_forward ? g->forward[i].f : NULL;
        const struct link *lk = k < g->n_links ? g->links[k] : NULL;
        if (lk && (!f || lk->step < f->step)) {
            k++;
            if (forward_link(w, lk, e))
                return -1;
        } else {
            i++;
            if (forward_formula(w, f, e))
                return -1;
        }
    }
    return 0;
}

/* Removed fields that only other versions show go on being computed (I5), and then what follows from
 * them. */
static int seeds_elsewhere(struct work *w, struct err *e)
{
    const struct group *g = w->g;
    struct slotset before;
    size_t n = w->changed.n;
    int rc = 0;

    for (size_t i = g->n_backward; i-- > 0 && !w->create;) {
        const struct formula *f = g->backward[i].f;
        if (f->mode != FORMULA_SEEDED || work_reached(w, f->out) || !work_inputs_changed(w, f) ||
            work_only_for_new(g, f))
            continue;
        bool decided = work_is_decided(g, &w->r, w->s, f->out, f->step); /* also seen, and left as it was */
        if (decided ? work_keep_decided(w, f->out, e) : work_run(w, f, e))
            return -1;
    }
    if (w->changed.n == n)
        return 0;
    before = w->changed;
    w->changed = (struct slotset){0};
    for (size_t i = n; i < before.n && rc == 0; i++)
        rc = slotset_add(w->l, &w->changed, before.s[i], e);
    if (rc == 0)
        rc = forward_pass(w, e);
    for (size_t i = 0; i < before.n && rc == 0; i++)
        rc = slotset_add(w->l, &w->changed, before.s[i], e);
    return rc;
}

/* The step lies between the writer's side and the root: one that writes over a link stands where that stands, before
 * later steps of the same version. */
static bool is_behind(const struct work *w, const struct applied *a)
{
    bool later = w->vw.step && a->f->step > w->vw.step;
    return !later && work_on_path(w, a->version) && work_is_own(w, a->f);
}

/* The writer's side has removed the field as well: what stands there, that step gave. */
static bool is_removed_here(const struct work *w, slot_no slot)
{
    const struct group *g = w->g;
    for (size_t i = 0; i < g->n_backward; i++)
        if (g->backward[i].f->out == slot && g->backward[i].f->mode == FORMULA_SEEDED &&
            is_behind(w, &g->backward[i]))
            return true;
    return false;
}

/* The writer saw what f gives: itself, or, of a seeded field, what a linked step made of it; or it made the
 * item where the field has not been removed, which is for those that are made where it has. */
static bool is_theirs(const struct work *w, const struct applied *a)
{
    const struct formula *f = a->f;
    bool on_path = is_behind(w, a), back = f->dir == FORMULA_BACKWARD;

    if (f->mode == FORMULA_COMPUTED || work_only_for_new(w->g, f))
        return false;
    if (f->mode == FORMULA_LINKED && back && !on_path)
        return false; /* what it is computed from followed from the writer's side */
    if (f->mode == FORMULA_SEEDED && back && !on_path && !work_sees(w, f->out) && is_removed_here(w, f->out))
        return false;
    return work_sees(w, f->out) || (f->mode == FORMULA_SEEDED && (!back || !on_path) &&
                                    (work_reached(w, f->out) || (w->create && back)));
}

/* A field that the writer saw and left as it was, while what it is computed from changed: it is the
 * writer's from now on (I5), or it would be computed by the next change of any of them. In a new item
 * everything has changed; there a seed is all that a writer can have left. */
static int settle_seen(struct work *w, const struct applied *a, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct formula *f = a[i].f;
        if ((!w->create || f->mode == FORMULA_SEEDED) && work_inputs_changed(w, f) && is_theirs(w, &a[i]) &&
            work_keep_decided(w, f->out, e))
            return -1;
    }
    return 0;
}

/* What is decided by what a linked step shows it by is so for itself: finalize may take that step away. */
static int settle_linked(struct work *w, struct err *e)
{
    const struct group *g = w->g;
    for (size_t i = 0; i < g->n_forward + g->n_backward; i++) {
        const struct formula *f = work_formula_at(g, i);
        if (f->mode == FORMULA_SEEDED && !work_only_for_new(g, f) &&
            work_is_decided(g, &w->r, NULL, f->out, f->step) && work_keep_decided(w, f->out, e))
            return -1;
    }
    return 0;
}

static bool is_given(const struct group *g, const struct formula *f)
{
    bool given = false;
    for (size_t i = 0; i < g->n_forward; i++)
        given |= g->forward[i].f == f;
    return given;
}

/* By a step that finalize took. A key follows from the one before it, which may be nobody's name any more. */
static int name_by_past(struct work *w, slot_no slot, struct err *e)
{
    const struct formula *f = record_get(&w->r, slot) ? NULL : catalog_names_by(w->l->cat, w->s->coll, slot);
    if (!f || is_given(w->g, f))
        return 0;
    if ((f->key && name_by_past(w, f->key->like, e)) || work_refresh_inputs(w, f, e))
        return -1;
    struct formula past = *f;
    struct key_rule rule = {0};
    if (f->key) { /* nobody gives way any more */
        rule = (struct key_rule){.space = f->key->space, .like = f->key->like, .suffix = f->key->suffix};
        past.key = &rule;
    }
    return work_run(w, &past, e);
}

/* A new item has a name, and a part, in every type that shows it, also where the step that gave them is
 * finalized: its maker may have come by a copied type, which has others. Newer steps go on from there. */
static int name_everywhere(struct work *w, struct err *e)
{
    const struct catalog *c = w->l->cat;
    for (size_t i = 0; i < c->n_namings && w->create && w->s->kind == SHAPE_ITEM; i++)
        if (c->namings[i]->coll == w->s->coll && name_by_past(w, c->namings[i]->slot, e))
            return -1;
    return 0;
}

int work_propagate(struct work *w, struct err *e)
{
    const struct group *g = w->g;
    bool follows = g->n_forward + g->n_backward + g->n_links != 0;
    bool later = w->names && g->n_links && g->links[g->n_links - 1]->step > w->since;

    if (!w->create && !w->changed.n && !later)
        return 0;
    if ((follows && work_backward_pass(w, e)) || name_everywhere(w, e))
        return -1;
    if (!follows)
        return 0;
    return forward_pass(w, e) || seeds_elsewhere(w, e) || settle_seen(w, g->forward, g->n_forward, e) ||
                   settle_seen(w, g->backward, g->n_backward, e) || settle_linked(w, e)
               ? -1
               : 0;
}

/* What there was up to a step. */
static struct group group_upto(const struct group *g, uint32_t step)
{
    struct group ret = *g;
    while (ret.n_forward && ret.forward[ret.n_forward - 1].f->step > step)
        ret.n_forward--;
    while (ret.n_backward && ret.backward[ret.n_backward - 1].f->step > step)
        ret.n_backward--;
    while (ret.n_links && ret.links[ret.n_links - 1]->step > step)
        ret.n_links--;
    return ret;
}

int work_follow(struct lens *l, const struct link *lk, struct span key, const struct record *before,
                const struct slotset *changed, struct record *r, struct err *e)
{
    const struct version *v = link_version(l->cat, lk);
    const struct shape *s = v ? shapes_find(lk->shapes, lk->n_shapes, lk->shape) : NULL; /* as the step left it */
    struct work w WORK_CLEANUP = {0};
    struct group g = group_upto(catalog_group(l->cat, lk->coll), lk->step); /* of later steps it holds nothing */
    struct shape unseen;

    if (!s)
        return 0;
    unseen = *s; /* nobody writes this item, so nothing of it is seen and left as it was */
    unseen.n_fields = 0;
    w = (struct work){.l = l,
                      .vw = view_of(v),
                      .s = &unseen,
                      .key = key,
                      .changed = *changed,
                      .follows = true,
                      .g = &g};
    if (!record_copy(before, &w.old) || !record_copy(r, &w.r))
        return err_nomem(e);
    if (slotset_add(l, &w.reached, lk->ref, e) || find_path(&w, e) || work_propagate(&w, e))
        return -1;
    w.r.gen = r->gen;
    return record_copy(&w.r, r) ? 0 : err_nomem(e);
}

void work_drop_dead(const struct catalog *c, struct record *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct entry *en = &r->e[i];
        bool dead = en->kind >= ENTRY_RAW ? !raw_is_live(c, en->slot)
                                          : en->slot >= SLOT_FIRST && en->slot < c->n_slots &&
                                                c->slots[en->slot].is_gone;
        if (!dead)
            r->e[kept++] = *en;
    }
    r->n = kept;
}

int work_finish(struct work *w, struct record *ret, struct err *e)
{
    struct span key = w->key, had = record_value(&w->old, SLOT_KEY), now = record_value(&w->r, SLOT_KEY);

    w->r.gen = w->l->cat->last_step;
    work_drop_dead(w->l->cat, &w->r); /* with the next write */
    record_drop(&w->r, SLOT_NONE, ENTRY_BEFORE); /* a writer says what it was */
    record_drop(&w->r, SLOT_NONE, ENTRY_ELSEWHERE);
    if (span_eq(had, now)) /* the own key is the one that the caller gave */
        record_unset(&w->r, SLOT_KEY);
    if (lens_fold(w->l, w->vw.v, w->g, key, &w->r, e))
        return -1;
    return record_copy(&w->r, ret) ? 0 : err_nomem(e);
}
