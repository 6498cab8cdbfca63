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
#include "lens_int.h"

#include <assert.h>

#define PATH_BYTES (VERSION_MAX_NUMBER / 8 + 1)

static bool on_path(const struct work *w, uint32_t version)
{
    return w->path[version / 8] >> version % 8 & 1;
}

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

static struct sight sight_now(struct work *w)
{
    return (struct sight){
        .l = w->l, .v = w->vw.v, .g = w->g, .rec = &w->r, .key = w->key, .flat = true};
}

static struct sight sight_before(struct work *w)
{
    struct sight s = sight_now(w);
    s.rec = &w->old;
    return s;
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
    struct sight now = sight_now(w);
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

static bool inputs_changed(const struct work *w, const struct formula *f)
{
    if (w->create)
        return true;
    for (size_t i = 0; i < f->n_inputs; i++)
        if (slotset_has(&w->changed, f->inputs[i].slot))
            return true;
    return false;
}

/* ---- Memory of what a linked formula hides ---- */

static struct entry *memory_of(struct record *r, const struct formula *f)
{
    for (size_t i = 0; i < r->n; i++) {
        struct remembered m;
        if (r->e[i].slot == f->out && r->e[i].kind == ENTRY_MEMORY &&
            remembered_read(r->e[i].bytes, &m) && m.id == formula_id(f))
            return &r->e[i];
    }
    return NULL;
}

static void memory_drop(struct record *r, struct entry *en)
{
    size_t i = (size_t)(en - r->e);
    memmove(en, en + 1, (r->n - i - 1) * sizeof *en);
    r->n--;
}

/* Takes back what was hidden when the inputs are again those it was hidden under. */
static bool memory_take(struct work *w, const struct formula *f, struct span inputs,
                        struct span *ret)
{
    struct remembered m;
    struct entry *en = memory_of(&w->r, f);
    if (!en || !remembered_read(en->bytes, &m) || !span_eq(m.inputs, inputs))
        return false;
    *ret = m.value;
    memory_drop(&w->r, en);
    return true;
}

/* Before a value is overwritten: kept, when the formula would not have given it. */
static int memory_keep(struct work *w, const struct formula *f, struct err *e)
{
    struct sight before = sight_before(w);
    struct span *inputs, computed, had = record_value(&w->old, f->out);
    if (w->create)
        return 0;
    if (sight_inputs(&before, f, &inputs, e) ||
        sight_eval(&before, f, inputs, (struct span){0}, &computed, e) ||
        (f->key && key_plain(&before, f->key, computed, &computed, e)))
        return -1;
    struct remembered m = {formula_id(f), had, inputs_encode(w->l, inputs, f->n_inputs)}, was;
    struct span bytes = m.inputs.p ? remembered_write(w->l, &m) : (struct span){0};
    struct entry *en = memory_of(&w->r, f);
    if (!bytes.p)
        return err_nomem(e);
    if (span_eq(computed, had)) { /* under these inputs another side has given it since */
        if (en && remembered_read(en->bytes, &was) && span_eq(was.inputs, m.inputs))
            memory_drop(&w->r, en);
        return 0;
    }
    if (en)
        en->bytes = bytes;
    else if (!record_set(&w->r, f->out, ENTRY_MEMORY, bytes))
        return err_nomem(e);
    return 0;
}

/* What another formula hid of the slot: it is overwritten from this side. */
static void memory_outdated(struct work *w, const struct formula *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->r.n; i++) {
        struct remembered m;
        const struct entry *en = &w->r.e[i];
        if (en->slot != f->out || en->kind != ENTRY_MEMORY || !remembered_read(en->bytes, &m) ||
            m.id == formula_id(f))
            w->r.e[kept++] = *en;
    }
    w->r.n = kept;
}

/* ---- Running formulas ---- */

static bool reads(const struct formula *f, slot_no slot)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].slot == slot)
            return true;
    return false;
}

static const struct formula *formula_at(const struct group *g, size_t i)
{
    return (i < g->n_forward ? &g->forward[i] : &g->backward[i - g->n_forward])->f;
}

/* The i-th slot that stands for f's output on the other side of its step; false: there is none. */
static bool partner(const struct group *g, const struct formula *f, size_t i, slot_no *ret)
{
    bool forward = f->dir == FORMULA_FORWARD;
    const struct applied *a = forward ? g->backward : g->forward;
    size_t n = forward ? g->n_backward : g->n_forward;
    for (size_t j = 0; j < n; j++) {
        const struct formula *h = a[j].f;
        if (h->step != f->step || h->mode != FORMULA_LINKED ||
            (!reads(f, h->out) && !reads(h, f->out) && strcmp(f->out_name, h->out_name) != 0))
            continue;
        *ret = h->out;
        if (i-- == 0)
            return true;
    }
    return false;
}

/* A writer decided the slot: itself (also when that is hidden at the moment), or one that a linked
 * step shows it by. seen: the shape of a write in progress, or NULL. without: the step that the
 * question comes from. Ends, because steps that are not asked again form a tree. */
static bool is_decided(const struct group *g, const struct record *r, const struct shape *seen,
                       slot_no slot, uint32_t without)
{
    const struct entry *en = record_get(r, slot);
    slot_no other;
    if (!en || en->kind == ENTRY_VALUE || record_find(r, slot, ENTRY_MEMORY) ||
        (seen && shape_field_by_slot(seen, slot)))
        return true;
    for (size_t i = 0; i < g->n_forward + g->n_backward; i++) {
        const struct formula *f = formula_at(g, i);
        if (f->out != slot || f->mode != FORMULA_LINKED || f->step == without)
            continue;
        for (size_t j = 0; partner(g, f, j, &other); j++)
            if (is_decided(g, r, seen, other, f->step))
                return true;
    }
    return false;
}

/* Another step seeds the slot, or one that a linked step shows it by. */
static bool is_seeded(const struct group *g, slot_no slot, uint32_t seed, uint32_t without)
{
    slot_no other;
    for (size_t i = 0; i < g->n_forward + g->n_backward; i++) {
        const struct formula *f = formula_at(g, i);
        if (f->out != slot || f->step == seed || f->step == without)
            continue;
        if (f->mode == FORMULA_SEEDED)
            return true;
        for (size_t j = 0; f->mode == FORMULA_LINKED && partner(g, f, j, &other); j++)
            if (is_seeded(g, other, seed, f->step))
                return true;
    }
    return false;
}

/* A removed field that another step seeds as well has two formulas: this one is for the items that
 * are made on its new side, and there it decides. */
static bool only_for_new(const struct group *g, const struct formula *f)
{
    return f->dir == FORMULA_BACKWARD && f->mode == FORMULA_SEEDED &&
           is_seeded(g, f->out, f->step, f->step);
}

bool work_seed_is_decided(const struct group *g, const struct record *r, const struct shape *seen,
                          const struct formula *f)
{
    return only_for_new(g, f) || is_decided(g, r, seen, f->out, f->step);
}

static int decide_entry(struct record *r, slot_no slot, struct err *e)
{
    const struct entry *en = record_get(r, slot);
    if (!en || en->kind == ENTRY_VALUE)
        return 0;
    if (en->bytes.n)
        return record_set(r, slot, ENTRY_VALUE, en->bytes) ? 0 : err_nomem(e);
    record_unset(r, slot);
    return 0;
}

/* What is computed is the writer's from now on. */
static int keep_decided(struct work *w, slot_no slot, struct err *e)
{
    return decide_entry(&w->r, slot, e);
}

int work_keep_removed(const struct group *g, uint32_t from, uint32_t upto, struct record *r,
                      struct err *e)
{
    for (size_t i = 0; i < g->n_backward; i++) {
        const struct formula *f = g->backward[i].f;
        if (f->mode == FORMULA_SEEDED && f->step > from && f->step <= upto && !only_for_new(g, f) &&
            decide_entry(r, f->out, e))
            return -1;
    }
    return 0;
}

/* A decided value is about to be computed: what it is computed from holds the decision now. */
static int pass_decision(struct work *w, const struct formula *f, struct err *e)
{
    const struct entry *en = record_get(&w->r, f->out);
    const struct group *g = w->g;
    slot_no slot;
    if (w->create || (en && en->kind == ENTRY_DERIVED))
        return 0;
    for (size_t i = 0; partner(g, f, i, &slot); i++)
        if (keep_decided(w, slot, e))
            return -1;
    return 0;
}

int work_store(struct work *w, slot_no slot, enum entry_kind kind, struct span value, struct err *e)
{
    struct span had = record_value(&w->r, slot);
    if (!value.p && kind == ENTRY_VALUE)
        record_unset(&w->r, slot);
    else if (!record_set(&w->r, slot, kind, value))
        return err_nomem(e);
    if (slot == SLOT_KEY && key_decode(w->l, value, &w->key, e))
        return -1;
    return span_eq(had, value) ? 0 : slotset_add(w->l, &w->changed, slot, e);
}

/* What a formula may keep a part of (a list's tail): the value, or, where it shows nothing of it at
 * the moment, the one that it hides. */
static int kept_part(struct work *w, const struct formula *f, struct span *ret, struct err *e)
{
    const struct entry *en = record_get(&w->r, f->out), *hidden = memory_of(&w->r, f);
    struct span mend = {0};
    struct remembered m = {0};
    bool set = false;
    *ret = en && en->bytes.n ? en->bytes : (struct span){0};
    if (en && en->kind == ENTRY_DERIVED && f->mend.p &&
        lens_encode_text(w->l, view_at(w->l, w->vw.v, f, f->out_type), f->out_type, f->mend, mend, &mend, &set, e))
        return -1;
    bool stand_in = set && span_eq(*ret, mend);
    if (ret->p && !stand_in && !span_eq(*ret, span_of("null")) && !span_eq(*ret, span_of("n")))
        return 0;
    *ret = hidden && remembered_read(hidden->bytes, &m) ? m.value : (struct span){0};
    return 0;
}

/* A key that is the item's already is free for it. */
static struct span old_key(const struct work *w, const struct formula *f)
{
    return record_value(w->create ? &w->r : &w->old, f->out);
}

static int run(struct work *w, const struct formula *f, struct err *e)
{
    struct sight now = sight_now(w);
    struct span *inputs, value, taken;
    enum entry_kind kind = w->create && only_for_new(w->g, f) ? ENTRY_VALUE : ENTRY_DERIVED;

    if (f->mode == FORMULA_SEEDED && !w->create && work_seed_is_decided(w->g, &w->r, w->s, f))
        return only_for_new(w->g, f) ? 0 : keep_decided(w, f->out, e);
    if (sight_inputs(&now, f, &inputs, e) ||
        (f->mode == FORMULA_LINKED && pass_decision(w, f, e)))
        return -1;
    if (f->mode == FORMULA_LINKED && !w->create) {
        struct span under = inputs_encode(w->l, inputs, f->n_inputs);
        if (!under.p)
            return err_nomem(e);
        bool back = memory_take(w, f, under, &taken);
        if (memory_keep(w, f, e))
            return -1;
        if (back && f->key && key_name(&now, f->key, taken, old_key(w, f), &taken, e))
            return -1;
        if (back)
            return work_store(w, f->out, ENTRY_VALUE, taken, e);
    }
    if (kept_part(w, f, &taken, e) || sight_eval(&now, f, inputs, taken, &value, e) ||
        (f->key && key_name(&now, f->key, value, old_key(w, f), &value, e)))
        return -1;
    if (!span_eq(value, record_value(&w->r, f->out)))
        memory_outdated(w, f);
    return work_store(w, f->out, kind, value, e);
}

/* ---- Links ---- */

static bool here_changed(const struct work *w, const struct link *lk)
{
    for (size_t i = 0; i < lk->n; i++)
        if (slotset_has(&w->changed, lk->here[i]))
            return true;
    return false;
}

/* The reference was written: the old fields show the record it points to. */
static int link_backward(struct work *w, const struct link *lk, struct err *e)
{
    struct record folded RECORD_CLEANUP = RECORD_INIT;
    struct sight s = sight_now(w);
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
    for (size_t i = 0; i < lk->n; i++)
        if (sight_slot(&s, lk->here[i], &now, e) || work_store(w, lk->here[i], ENTRY_VALUE, now, e))
            return -1;
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

static bool sees(const struct work *w, slot_no slot)
{
    return shape_shows(w->s, slot);
}

static bool reached(const struct work *w, slot_no slot)
{
    return sees(w, slot) || slotset_has(&w->reached, slot);
}

static bool sees_here(const struct work *w, const struct link *lk)
{
    for (size_t i = 0; i < lk->n; i++)
        if (sees(w, lk->here[i]))
            return true;
    return false;
}

static bool link_crossed(const struct work *w, const struct link *lk)
{
    if (lk->kind != LINK_INLINE) /* a copied type, a restored field: that is the old side */
        return reached(w, lk->ref) && !sees_here(w, lk);
    for (size_t i = 0; i < lk->n; i++)
        if (reached(w, lk->here[i]))
            return true;
    return false;
}

/* split_type: a type that is no part of it (a copy of the whole) is its old side. */
static bool is_undivided(const struct work *w, slot_no part)
{
    const struct catalog *c = w->l->cat;

    for (size_t i = 0; i < c->n_namings; i++)
        if (c->namings[i]->fit && c->namings[i]->slot == part)
            return !reached(w, part);
    return false;
}

/* The step was taken by the writer's type, or by one that it was made from since: not by another type
 * of the same items. */
static bool is_own(const struct work *w, const struct formula *f)
{
    const struct shape *s = w->s->n_colls ? NULL : w->s; /* merge_types: made from several */
    while (s && !shapes_find(f->shapes, f->n_shapes, s->id)) {
        const struct shape *origin = NULL;
        for (const struct version *v = w->vw.v; v && s->origin && !origin; v = v->base)
            origin = version_shape(v, s->origin);
        s = origin;
    }
    return !s || s->id == f->shape;
}

static bool is_crossed(const struct work *w, const struct step_run *st)
{
    bool new_side = false, old_side = false, linked = false;
    bool link = st->link && link_crossed(w, st->link), crossed = false;
    for (size_t i = 0; i < st->n_forward; i++) {
        linked |= st->forward[i].f->mode == FORMULA_LINKED;
        new_side |= st->forward[i].f->mode == FORMULA_LINKED && reached(w, st->forward[i].f->out);
        old_side |= w->create && is_undivided(w, st->forward[i].f->out);
    }
    for (size_t i = 0; i < st->n_backward; i++) {
        const struct formula *f = st->backward[i].f;
        old_side = old_side || sees(w, f->out) || !is_own(w, f);
        crossed |= f->n_inputs == 0;
        for (size_t j = 0; j < f->n_inputs; j++)
            crossed |= f->inputs[j].slot == SLOT_KEY || reached(w, f->inputs[j].slot);
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
    if ((w->create || here_changed(w, lk)) && link_inline_backward(w, lk, e))
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
    if ((w->create || slotset_has(&w->changed, lk->ref)) && link_backward(w, lk, e))
        return -1;
    if (slotset_add(w->l, &w->pinned, lk->ref, e))
        return -1;
    for (size_t i = 0; i < lk->n; i++)
        if (reach_and_pin(w, lk->here[i], e))
            return -1;
    return 0;
}

/* Not the writer's, and not yet computed from what the writer changed. A computed field is never the
 * writer's, also where it is seen. */
static bool is_stale(const struct work *w, const struct formula *h)
{
    if (h->mode == FORMULA_COMPUTED)
        return inputs_changed(w, h);
    return h->mode == FORMULA_SEEDED && !reached(w, h->out) &&
           !slotset_has(&w->pinned, h->out) && inputs_changed(w, h);
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
    if (!st.version && st.link)
        for (size_t i = 0; i < l->cat->n_entries; i++) {
            const struct version *v = l->cat->entries[i].v;
            if (v->step_first <= st.step && st.step < v->step_end)
                st.version = v->number;
        }
    return st;
}

static int cross(struct work *w, const struct step_run *st, struct err *e);

/* A slot that a linked step between two others gives back, when the writer stands on its new side: it
 * does so first. Steps with links wait for their turn. */
static int bring_back(struct work *w, slot_no slot, uint32_t after, uint32_t before, struct err *e)
{
    const struct group *g = w->g;
    for (size_t i = g->n_backward; i-- > 0 && g->backward[i].f->step > after;) {
        uint32_t step = g->backward[i].f->step;
        size_t nf = 0, nb = i + 1, nk = 0;
        if (step >= before || g->backward[i].f->out != slot || reached(w, slot))
            continue;
        while (nf < g->n_forward && g->forward[nf].f->step <= step)
            nf++;
        while (nb < g->n_backward && g->backward[nb].f->step == step)
            nb++;
        while (nk < g->n_links && g->links[nk]->step <= step)
            nk++;
        struct step_run st = last_step(g, w->l, &nf, &nb, &nk);
        if (!st.link && on_path(w, st.version) && is_crossed(w, &st) && cross(w, &st, e))
            return -1;
    }
    return 0;
}

/* A backward formula may read a computed field, or what an older step seeds and the writer does not
 * see any more, and these may read others, or what steps between give back: the passes come too late
 * for it. Ends, because a formula reads what older steps gave. */
static int refresh_inputs(struct work *w, const struct formula *f, struct err *e)
{
    const struct group *g = w->g;
    for (size_t i = 0; i < g->n_forward && g->forward[i].f->step < f->step; i++) {
        const struct formula *h = g->forward[i].f;
        if (h->mode == FORMULA_LINKED || !reads(f, h->out))
            continue;
        for (size_t k = 0; k < h->n_inputs; k++)
            if (bring_back(w, h->inputs[k].slot, h->step, f->step, e))
                return -1;
        if (refresh_inputs(w, h, e) || (is_stale(w, h) && run(w, h, e)))
            return -1;
    }
    return 0;
}

static int cross(struct work *w, const struct step_run *st, struct err *e)
{
    for (size_t i = 0; i < st->n_forward; i++)
        if (st->forward[i].f->mode == FORMULA_LINKED &&
            slotset_add(w->l, &w->pinned, st->forward[i].f->out, e))
            return -1;
    for (size_t i = 0; i < st->n_backward; i++) {
        const struct formula *f = st->backward[i].f;
        if (reached(w, f->out)) /* seen as well, or a newer step gave it */
            continue;
        if (!w->create && only_for_new(w->g, f))
            continue;
        if (refresh_inputs(w, f, e) || (inputs_changed(w, f) && run(w, f, e)) ||
            reach_and_pin(w, f->out, e))
            return -1;
    }
    return st->link && link_crossed(w, st->link) ? cross_link(w, st->link, e) : 0;
}

static int backward_pass(struct work *w, struct err *e)
{
    size_t nf = w->g->n_forward, nb = w->g->n_backward, nk = w->g->n_links;
    while (nf || nb || nk) {
        struct step_run st = last_step(w->g, w->l, &nf, &nb, &nk);
        if (w->vw.step && st.step > w->vw.step)
            continue;
        if (on_path(w, st.version) && is_crossed(w, &st) && cross(w, &st, e))
            return -1;
    }
    return 0;
}

/* ---- The forward pass ---- */

static int forward_formula(struct work *w, const struct formula *f, struct err *e)
{
    bool theirs = sees(w, f->out) || slotset_has(&w->pinned, f->out);
    if (f->mode != FORMULA_COMPUTED && theirs)
        return 0;
    return inputs_changed(w, f) ? run(w, f, e) : 0;
}

static int forward_link(struct work *w, const struct link *lk, struct err *e)
{
    bool ref_changed = w->create || slotset_has(&w->changed, lk->ref);
    bool touched = w->create || here_changed(w, lk);
    if (slotset_has(&w->crossed, lk->step))
        return 0;
    switch (lk->kind) {
    case LINK_EXTRACT:
        if (sees(w, lk->ref) && ref_changed && record_value(&w->r, lk->ref).p)
            return link_backward(w, lk, e);
        return touched ? link_extract_forward(w, lk, e) : 0;
    case LINK_MOVE:
        return touched || ref_changed ? link_move_forward(w, lk, touched, ref_changed, e) : 0;
    case LINK_INLINE:
        return ref_changed ? link_backward(w, lk, e) : 0;
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
        if (f->mode != FORMULA_SEEDED || reached(w, f->out) || !inputs_changed(w, f) ||
            only_for_new(g, f))
            continue;
        bool decided = is_decided(g, &w->r, w->s, f->out, f->step); /* also seen, and left as it was */
        if (decided ? keep_decided(w, f->out, e) : run(w, f, e))
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

/* A field that the writer saw (or what a linked step made of a seeded one) and left as it was, while what it is computed from changed: it
 * is the writer's from now on (I5), or it would be computed by the next change of any of them. */
static int settle_seen(struct work *w, const struct applied *a, size_t n, struct err *e)
{
    for (size_t i = 0; i < n && !w->create; i++) {
        const struct formula *f = a[i].f;
        bool seed = f->mode == FORMULA_SEEDED && f->dir == FORMULA_FORWARD;
        bool theirs = sees(w, f->out) || (seed && reached(w, f->out));
        if (f->mode == FORMULA_COMPUTED || !theirs || !inputs_changed(w, f) ||
            only_for_new(w->g, f))
            continue;
        if (f->mode == FORMULA_LINKED && f->dir == FORMULA_BACKWARD && !on_path(w, a[i].version))
            continue; /* what it is computed from followed from the writer's side */
        if (keep_decided(w, f->out, e))
            return -1;
    }
    return 0;
}

/* What is decided by what a linked step shows it by is so for itself: finalize may take that step away. */
static int settle_linked(struct work *w, struct err *e)
{
    const struct group *g = w->g;
    for (size_t i = 0; i < g->n_forward + g->n_backward; i++) {
        const struct formula *f = formula_at(g, i);
        if (f->mode == FORMULA_SEEDED && !only_for_new(g, f) &&
            is_decided(g, &w->r, NULL, f->out, f->step) && keep_decided(w, f->out, e))
            return -1;
    }
    return 0;
}

int work_propagate(struct work *w, struct err *e)
{
    const struct group *g = w->g;
    if (!w->create && !w->changed.n)
        return 0;
    if (!(g->n_forward + g->n_backward + g->n_links))
        return 0;
    if (backward_pass(w, e) || forward_pass(w, e) || seeds_elsewhere(w, e))
        return -1;
    return settle_seen(w, g->forward, g->n_forward, e) ||
                   settle_seen(w, g->backward, g->n_backward, e) || settle_linked(w, e)
               ? -1
               : 0;
}

const struct version *link_version(const struct catalog *c, const struct link *lk)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        if (v->step_first <= lk->step && lk->step < v->step_end)
            return v;
    }
    return NULL;
}

int work_follow(struct lens *l, const struct link *lk, struct span key, const struct record *before,
                const struct slotset *changed, struct record *r, struct err *e)
{
    const struct version *v = link_version(l->cat, lk);
    const struct shape *s = v ? version_shape(v, lk->shape) : NULL;
    struct work w WORK_CLEANUP = {0};

    if (!s)
        return 0;
    w = (struct work){.l = l,
                      .vw = view_of(v),
                      .s = s,
                      .key = key,
                      .changed = *changed,
                      .g = catalog_group(l->cat, lk->coll)};
    if (!record_copy(before, &w.old) || !record_copy(r, &w.r))
        return err_nomem(e);
    if (find_path(&w, e) || work_propagate(&w, e))
        return -1;
    w.r.gen = r->gen;
    return record_copy(&w.r, r) ? 0 : err_nomem(e);
}

/* What only finalized versions knew goes with the next write. */
static void drop_dead(const struct catalog *c, struct record *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct entry *en = &r->e[i];
        const struct catalog_entry *v =
            en->kind == ENTRY_RAW ? catalog_entry(c, en->slot >> RAW_SHAPE_BITS) : NULL;
        bool dead = en->kind == ENTRY_RAW ? !v || v->state == VERSION_GONE
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
    drop_dead(w->l->cat, &w->r);
    if (span_eq(had, now)) /* the own key is the one that the caller gave */
        record_unset(&w->r, SLOT_KEY);
    if (lens_fold(w->l, w->vw.v, w->g, key, &w->r, e))
        return -1;
    return record_copy(&w->r, ret) ? 0 : err_nomem(e);
}
