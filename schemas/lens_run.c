/* One formula is run: whether it may, what it hides, and what it gives. */
#include "lens_work.h"

static struct sight sight_before(struct work *w)
{
    struct sight s = work_sight(w);
    s.rec = &w->old;
    return s;
}

bool work_inputs_changed(const struct work *w, const struct formula *f)
{
    if (w->create)
        return true;
    for (size_t i = 0; i < f->n_inputs; i++)
        if (slotset_has(&w->changed, f->inputs[i].slot))
            return true;
    return false;
}

/* ---- Memory of what a linked formula hides ---- */

static void memory_drop(struct record *r, struct entry *en)
{
    size_t i = (size_t)(en - r->e);
    memmove(en, en + 1, (r->n - i - 1) * sizeof *en);
    r->n--;
}

/* Takes back what was hidden when the inputs are again those it was hidden under. */
static bool memory_take(struct work *w, const struct formula *f, struct span inputs,
                        struct span *ret, enum entry_kind *ret_kind)
{
    struct remembered m;
    struct entry *en = remembered_find(&w->r, f->out, formula_id(f), &m);
    if (!en || !span_eq(m.inputs, inputs))
        return false;
    *ret = m.value;
    *ret_kind = m.id & REMEMBERED_UNDECIDED ? ENTRY_DERIVED : ENTRY_VALUE;
    memory_drop(&w->r, en);
    return true;
}

/* Before a value is overwritten: kept, when the formula would not have given it. inputs: those before the
 * write, under: the same, encoded. */
static int memory_keep(struct work *w, const struct formula *f, const struct span *inputs,
                       struct span under, struct err *e)
{
    struct sight before = sight_before(w);
    struct span computed, had = record_value(&w->old, f->out);
    if (sight_eval(&before, f, inputs, (struct kept){0}, &computed, e) ||
        (f->key && key_plain(&before, f->key, computed, &computed, e)))
        return -1;
    bool decided = work_is_decided(w->g, &w->old, NULL, f->out, f->step);
    struct remembered m = {formula_id(f) + (decided ? 0 : REMEMBERED_UNDECIDED), had, under}, was;
    struct span bytes = remembered_write(w->l, &m);
    struct entry *en = remembered_find(&w->r, f->out, formula_id(f), &was);
    if (!bytes.p)
        return err_nomem(e);
    if (span_eq(computed, had)) { /* under these inputs another side has given it since */
        if (en && span_eq(was.inputs, m.inputs))
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
            remembered_by(&m, formula_id(f)))
            w->r.e[kept++] = *en;
    }
    w->r.n = kept;
}

/* ---- Running formulas ---- */

bool work_reads(const struct formula *f, slot_no slot)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].slot == slot)
            return true;
    return false;
}

const struct formula *work_formula_at(const struct group *g, size_t i)
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
            (!work_reads(f, h->out) && !work_reads(h, f->out) && strcmp(f->out_name, h->out_name) != 0))
            continue;
        *ret = h->out;
        if (i-- == 0)
            return true;
    }
    return false;
}

static bool hides_decided(const struct record *r, slot_no slot)
{
    struct remembered m;
    for (size_t i = 0; i < r->n; i++)
        if (r->e[i].slot == slot && r->e[i].kind == ENTRY_MEMORY &&
            (!remembered_read(r->e[i].bytes, &m) || !(m.id & REMEMBERED_UNDECIDED)))
            return true;
    return false;
}

/* A writer decided the slot: itself (also when that is hidden at the moment), or one that a linked
 * step shows it by. seen: the shape of a write in progress, or NULL. without: the step that the
 * question comes from. Ends, because steps that are not asked again form a tree. */
bool work_is_decided(const struct group *g, const struct record *r, const struct shape *seen,
                       slot_no slot, uint32_t without)
{
    const struct entry *en = record_get(r, slot);
    slot_no other;
    if (!en || en->kind == ENTRY_VALUE || hides_decided(r, slot) ||
        (seen && shape_field_by_slot(seen, slot)))
        return true;
    for (size_t i = 0; i < g->n_forward + g->n_backward; i++) {
        const struct formula *f = work_formula_at(g, i);
        if (f->out != slot || f->mode != FORMULA_LINKED || f->step == without)
            continue;
        for (size_t j = 0; partner(g, f, j, &other); j++)
            if (work_is_decided(g, r, seen, other, f->step))
                return true;
    }
    return false;
}

bool work_gives(const struct group *g, const struct record *r, const struct formula *f)
{
    slot_no other;
    bool any = false;
    for (size_t i = 0; partner(g, f, i, &other); i++) {
        any = true;
        if (work_is_decided(g, r, NULL, other, f->step))
            return true;
    }
    return !any;
}

static const struct seed *seed_of(const struct group *g, const struct formula *f)
{
    const struct slot_info *si = &g->slots[f->out];
    for (size_t i = 0; i < si->n_seeds; i++)
        if (si->seeds[i].step == f->step)
            return &si->seeds[i];
    return NULL;
}

/* By an older step, of a version that this one comes from. What a version does can't depend on those beside it or
 * after it, nor on a finalize of those before. */
static bool is_seeded_before(const struct slot_info *si, const struct seed *seed)
{
    for (size_t i = 0; i < si->n_seeds && si->seeds[i].step < seed->step; i++)
        if (version_descends(seed->v, si->seeds[i].v))
            return true;
    return false;
}

/* The slot, or one that a linked step shows it by. */
static bool is_seeded(const struct group *g, slot_no slot, const struct seed *seed, uint32_t without)
{
    slot_no other;
    if (is_seeded_before(&g->slots[slot], seed))
        return true;
    for (size_t i = 0; i < g->n_forward + g->n_backward; i++) {
        const struct formula *f = work_formula_at(g, i);
        if (f->out != slot || f->step == seed->step || f->step == without)
            continue;
        for (size_t j = 0; f->mode == FORMULA_LINKED && partner(g, f, j, &other); j++)
            if (is_seeded(g, other, seed, f->step))
                return true;
    }
    return false;
}

/* A removed field that another step seeds as well has two formulas: this one is for the items that
 * are made on its new side, and there it decides. */
bool work_only_for_new(const struct group *g, const struct formula *f)
{
    const struct seed *seed = f->dir == FORMULA_BACKWARD && f->mode == FORMULA_SEEDED ? seed_of(g, f) : NULL;
    return seed && is_seeded(g, f->out, seed, f->step);
}

bool work_seed_is_decided(const struct group *g, const struct record *r, const struct shape *seen,
                          const struct formula *f)
{
    return work_only_for_new(g, f) || work_is_decided(g, r, seen, f->out, f->step);
}

int work_decide_entry(struct record *r, slot_no slot, struct err *e)
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
int work_keep_decided(struct work *w, slot_no slot, struct err *e)
{
    return work_decide_entry(&w->r, slot, e);
}

int work_keep_removed(const struct group *g, uint32_t from, uint32_t upto, struct record *r,
                      struct err *e)
{
    for (size_t i = 0; i < g->n_backward; i++) {
        const struct formula *f = g->backward[i].f;
        if (f->mode == FORMULA_SEEDED && f->step > from && f->step <= upto && !work_only_for_new(g, f) &&
            work_decide_entry(r, f->out, e))
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
        if (work_keep_decided(w, slot, e))
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

/* The value is what stands in for one that the formula did not give, whoever decided it since. */
static int is_stand_in(struct work *w, const struct formula *f, struct span value, bool *ret, struct err *e)
{
    struct sight before = sight_before(w);
    struct span mend = {0}, *inputs, computed;
    bool set;

    *ret = false;
    if (w->create || !f->fn || !f->mend.p || !value.p)
        return 0;
    if (lens_encode_text(w->l, view_at(w->l, w->vw.v, f, f->out_type), f->out_type, f->mend, mend, &mend, &set, e))
        return -1;
    if (!set || !span_eq(value, mend))
        return 0;
    if (sight_inputs(&before, f, &inputs, e) || sight_eval(&before, f, inputs, (struct kept){0}, &computed, e))
        return -1;
    *ret = span_eq(computed, mend);
    return 0;
}

/* What a formula may keep a part of: a list's tail, what it hid of single elements. */
static int part_before(struct work *w, const struct formula *f, struct kept *ret, struct err *e)
{
    struct sight before = sight_before(w);
    struct remembered now = {.value = record_value(&w->r, f->out)};
    struct span *had;
    bool stand_in;
    if (is_stand_in(w, f, now.value, &stand_in, e))
        return -1;
    if (stand_in)
        now.value = (struct span){0};
    if (!w->create && f->each) { /* single elements are remembered under what they were made from */
        if (sight_inputs(&before, f, &had, e))
            return -1;
        now.inputs = inputs_encode(w->l, had, f->n_inputs);
        if (!now.inputs.p)
            return err_nomem(e);
    }
    return kept_part(w->l, &w->r, f, now, ret, e);
}

/* A key that is the item's already is free for it. */
static struct span old_key(const struct work *w, const struct formula *f)
{
    return record_value(w->create ? &w->r : w->names ? w->names : &w->old, f->out);
}

/* What a linked formula hid under the present inputs comes back, and what it hides now is kept. *ret_done:
 * there is nothing left to compute. An input may be another and read the same: an object of which another
 * version shows more than the step does. That is no change for the step (I4); but a key may have to be
 * another, where the name was taken. */
static int run_linked(struct work *w, const struct formula *f, const struct span *inputs, bool *ret_done,
                      struct err *e)
{
    struct sight now = work_sight(w), before = sight_before(w);
    enum entry_kind kind = ENTRY_VALUE;
    struct span *had, value;

    if (sight_inputs(&before, f, &had, e))
        return -1;
    struct span under = inputs_encode(w->l, inputs, f->n_inputs);
    struct span was_under = inputs_encode(w->l, had, f->n_inputs);
    if (!under.p || !was_under.p)
        return err_nomem(e);
    *ret_done = !f->key && span_eq(under, was_under);
    if (*ret_done)
        return 0;
    *ret_done = memory_take(w, f, under, &value, &kind);
    if (memory_keep(w, f, had, was_under, e))
        return -1;
    if (!*ret_done)
        return 0;
    if (f->key && key_name(&now, f->key, value, old_key(w, f), &value, e))
        return -1;
    return work_store(w, f->out, kind, value, e);
}

int work_run(struct work *w, const struct formula *f, struct err *e)
{
    struct sight now = work_sight(w);
    struct span *inputs, value;
    struct kept kept;
    bool done = false;
    enum entry_kind kind = w->create && work_only_for_new(w->g, f) ? ENTRY_VALUE : ENTRY_DERIVED;

    if (w->follows && w->l->cat->slots[f->out].source != f) /* as a stored record is read */
        return 0;
    if (f->mode == FORMULA_SEEDED && !w->create && work_seed_is_decided(w->g, &w->r, w->s, f))
        return work_only_for_new(w->g, f) ? 0 : work_keep_decided(w, f->out, e);
    if (sight_inputs(&now, f, &inputs, e) ||
        (f->mode == FORMULA_LINKED && pass_decision(w, f, e)))
        return -1;
    if (f->mode == FORMULA_LINKED && !w->create && run_linked(w, f, inputs, &done, e))
        return -1;
    if (done)
        return 0;
    if (part_before(w, f, &kept, e) || sight_eval(&now, f, inputs, kept, &value, e) ||
        (f->key && key_name(&now, f->key, value, old_key(w, f), &value, e)))
        return -1;
    if (!span_eq(value, record_value(&w->r, f->out)))
        memory_outdated(w, f);
    return work_store(w, f->out, kind, value, e);
}
