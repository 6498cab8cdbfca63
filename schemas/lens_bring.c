/* Records from before a step: what they lack is computed, in memory for a reader, to be stored by a
 * writer; and records unfolded for work, folded for storing. */
#include "lens_int.h"

/* ---- Missing generations ---- */

static int bring_formula(const struct sight *s, const struct formula *f, struct record *r,
                         struct err *e)
{
    struct span *inputs, now, had = s->names ? record_value(s->names, f->out) : (struct span){0};
    if (record_get(r, f->out))
        return 0;
    if (sight_inputs(s, f, &inputs, e) || sight_eval(s, f, inputs, (struct kept){0}, &now, e) ||
        (f->key && key_name(s, f->key, now, had, &now, e)))
        return -1;
    return record_set(r, f->out, ENTRY_DERIVED, now) ? 0 : err_nomem(e);
}

static int values_seen(const struct sight *s, const struct link *lk, struct link_values *ret,
                       bool *ret_any, struct err *e)
{
    struct span *v = arena_alloc(&s->l->arena, (lk->n + 1) * sizeof *v);
    if (!v)
        return err_nomem(e);
    *ret_any = false;
    for (size_t i = 0; i < lk->n; i++) {
        if (sight_slot(s, lk->here[i], &v[i], e))
            return -1;
        *ret_any |= v[i].p != NULL;
    }
    return link_values(s->l, s->v, lk, v, ret, e);
}

/* A field that moves: what the item held becomes the target's, unless it has a value already. From
 * here on a basis in this slot is the link's. */
static int bring_move(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    struct lens *l = s->l;
    struct span own, ref = record_value(r, lk->ref), values[2];
    uint64_t id = ref.p ? lens_ref_id(ref) : 0;
    const struct entry *en = record_get(r, lk->here[0]);
    if (sight_slot(s, lk->here[0], &own, e))
        return -1;
    record_drop(r, lk->here[0], ENTRY_BASIS);
    if (en && !span_eq(own, en->bytes) && !record_set(r, lk->here[0], en->kind, own))
        return err_nomem(e);
    values[0] = own;
    values[1] = own.p ? s->key : own; /* without a value it gives none, and has none, whatever the target has */
    if (id && l->world.assign(l->world.arg, lk, id, s->key, values, true, &id, e))
        return -1;
    return id && !own.p ? link_hold(s, lk, r, e) : 0;
}

/* An item from before the step refers to the record made from its values; that one may have been
 * written since, and the item shows what it holds now. */
static int bring_fresh(const struct sight *s, const struct link *lk, struct record *r,
                       struct err *e)
{
    struct record before RECORD_CLEANUP = RECORD_INIT;
    struct slotset changed = {0};

    if (!record_copy(r, &before))
        return err_nomem(e);
    for (size_t i = 0; i < lk->n; i++) {
        struct span now, had;
        if (sight_slot(s, lk->here[i], &had, e) || link_across(s, lk, i, &now, e))
            return -1;
        if (span_eq(now, had))
            continue;
        const struct entry *en = record_get(r, lk->here[i]);
        enum entry_kind kind = en && en->kind == ENTRY_DERIVED ? ENTRY_DERIVED : ENTRY_VALUE; /* I5 */
        if (!now.p && kind == ENTRY_VALUE)
            record_unset(r, lk->here[i]);
        else if (!record_set(r, lk->here[i], kind, now))
            return err_nomem(e);
        if (slotset_add(s->l, &changed, lk->here[i], e))
            return -1;
    }
    return changed.n ? work_follow(s->l, lk, s->key, &before, &changed, r, e) : 0;
}

/* What the item was before its writer began (lens_before.c) is from before the step, and nobody has seen its values
 * since: it refers to what the item refers to now, and the write goes on from that (work.since). */
static int adopt_link(const struct sight *s, const struct link *lk, struct record *r, struct err *e)
{
    struct span ref = record_value(s->names, lk->ref);

    if (lk->kind == LINK_EXTRACT && ref.p && !record_set(r, lk->ref, ENTRY_VALUE, ref))
        return err_nomem(e);
    if (lk->kind == LINK_MOVE)
        record_drop(r, lk->here[0], ENTRY_BASIS);
    return 0;
}

/* The reference of an item from before the step: made, or only foreseen. */
static int bring_link(const struct sight *s, const struct link *lk, bool writing, struct record *r,
                      struct err *e)
{
    struct lens *l = s->l;
    struct buf key BUF_CLEANUP = BUF_INIT;
    struct link_values values;
    struct span stored;
    uint64_t id = 0;
    bool any = false;

    if (lk->kind == LINK_INLINE || (lk->kind == LINK_EXTRACT && record_get(r, lk->ref)))
        return 0;
    if (writing && s->names)
        return adopt_link(s, lk, r, e);
    if (lk->kind == LINK_MOVE)
        return writing ? bring_move(s, lk, r, e) : 0;
    if (values_seen(s, lk, &values, &any, e))
        return -1;
    if (!any)
        return 0;
    if (!buf_addc(&key, 'k'))
        return err_nomem(e);
    if (writing ? l->world.extract(l->world.arg, lk, &values, true, &id, e)
                : l->world.origin_of(l->world.arg, lk, &values, &id, &key, e))
        return -1;
    stored = id ? lens_ref_bytes(l, id) : lens_keep(l, buf_span(&key));
    if (!stored.p || !record_set(r, lk->ref, ENTRY_VALUE, stored))
        return err_nomem(e);
    bool deeper = catalog_group(l->cat, lk->target_coll)->n_links != 0;
    return id || deeper ? bring_fresh(s, lk, r, e) : 0;
}

int lens_bring_nested(struct lens *l, const struct version *v, uint32_t upto, struct record *r,
                      struct err *e)
{
    for (size_t i = 0; i < r->n; i++) {
        struct entry *en = &r->e[i];
        const struct slot_info *si;
        if (en->kind > ENTRY_DERIVED || !en->bytes.n || en->slot >= l->cat->n_slots)
            continue;
        si = &l->cat->slots[en->slot];
        if (!si->type || !type_structured(si->type))
            continue;
        struct view vw = {v, si->shapes, si->n_shapes, false, 0};
        if (lens_value_bring(l, vw, si->type, en->bytes, upto, &en->bytes, e))
            return -1;
    }
    return 0;
}

/* Own bytes get their hash before the values they stand on leave the record. */
static int bring_raws(struct lens *l, struct span key, const struct record *cur, struct record *ret,
                      struct err *e)
{
    for (size_t i = 0; i < cur->n; i++) {
        const struct entry *en = &cur->e[i];
        const struct version *v;
        const struct shape *s;
        struct span raw;
        if (en->kind != ENTRY_RAW || !en->bytes.n || en->bytes.p[0] != 0)
            continue;
        const struct catalog_entry *ce = catalog_entry(l->cat, en->slot >> RAW_SHAPE_BITS);
        v = ce && ce->state != VERSION_GONE ? ce->v : NULL;
        s = v ? version_shape(v, en->slot & ((1u << RAW_SHAPE_BITS) - 1)) : NULL;
        if (!s || !lens_quotes_others(l, s))
            continue;
        if (lens_raw(l, v, s, cur, key, &raw, e))
            return -1;
        record_drop(ret, en->slot, ENTRY_RAW);
        if (raw.p && lens_raw_set_as(l, v, s, ret, cur, key, raw, e))
            return -1;
    }
    return 0;
}

/* Steps in order; ret->gen stays behind until the end, so that a link's fields are read from the record
 * itself. */
static int bring_steps(struct sight *at, const struct record *cur, uint32_t upto, bool writing,
                       struct record *ret, struct err *e)
{
    const struct group *g = at->g;
    size_t i = 0, k = 0;

    while (i < g->n_forward || k < g->n_links) {
        const struct formula *f = i < g->n_forward ? g->forward[i].f : NULL;
        const struct link *lk = k < g->n_links ? g->links[k] : NULL;
        bool link_first = lk && (!f || lk->step < f->step);
        uint32_t step = link_first ? lk->step : f->step;
        if (step > upto)
            break;
        if (step > cur->gen &&
            (link_first ? bring_link(at, lk, writing, ret, e) : bring_formula(at, f, ret, e)))
            return -1;
        link_first ? k++ : i++;
    }
    return 0;
}

/* at: the record that is brought, in place of its source. */
static int bring(struct sight *at, const struct record *cur, uint32_t upto, bool writing,
                 struct record *ret, struct err *e)
{
    at->rec = ret;
    if (!record_copy(cur, ret))
        return err_nomem(e);
    if (cur->gen >= upto)
        return 0;
    bool open = elsewhere_open(at->l, false);
    int rc = bring_steps(at, cur, upto, writing, ret, e);
    elsewhere_open(at->l, open);
    if (rc || !writing)
        return rc;
    if (lens_bring_nested(at->l, at->v, upto, ret, e) || bring_raws(at->l, at->key, cur, ret, e) ||
        work_keep_removed(at->g, cur->gen, upto, ret, e))
        return -1;
    ret->gen = upto;
    return 0;
}

int lens_bring(struct lens *l, const struct version *v, const struct group *g, struct span key,
               const struct record *cur, uint32_t upto, bool writing, struct record *ret,
               struct err *e)
{
    struct sight at = {.l = l, .v = v, .g = g, .key = key};
    return bring(&at, cur, upto, writing, ret, e);
}

int lens_bring_seen(const struct sight *s, const struct record *cur, uint32_t upto,
                    struct record *ret, struct err *e)
{
    struct sight at = *s;
    return bring(&at, cur, upto, false, ret, e);
}

int lens_bring_current(struct lens *l, const struct version *v, const struct shape *s,
                       struct span key, const struct record *cur, const struct record *names,
                       struct record *ret, struct err *e)
{
    struct sight at = {
        .l = l, .v = v, .g = catalog_group(l->cat, s->coll), .key = key, .names = names};
    if (bring(&at, cur, l->cat->last_step, true, ret, e))
        return -1;
    return lens_bring_nested(l, v, l->cat->last_step, ret, e); /* as a value written now would be */
}

/* ---- Folding ---- */

static int unfold_slot(const struct sight *s, slot_no slot, struct record *r, struct err *e)
{
    const struct entry *en = record_get(r, slot);
    struct span now;
    if (sight_slot(s, slot, &now, e))
        return -1;
    record_drop(r, slot, ENTRY_BASIS);
    if (en && span_eq(now, en->bytes))
        return 0;
    if (!now.p && !en)
        return 0;
    return record_set(r, slot, now.p && !en ? ENTRY_VALUE : ENTRY_DERIVED, now) ? 0 : err_nomem(e);
}

/* Does the formula give the value under these inputs itself? */
static int gives(const struct sight *s, const struct formula *f, struct span under, struct span value, bool *ret,
                 struct err *e)
{
    const struct span *inputs;
    struct span computed;

    if (inputs_decode(s->l, under, f->n_inputs, &inputs, e) ||
        sight_eval(s, f, inputs, (struct kept){0}, &computed, e))
        return -1;
    *ret = span_eq(computed, value);
    return 0;
}

/* The formula reads now what it read then. */
static int stands_under(const struct sight *s, const struct formula *f, struct span then, bool *ret, struct err *e)
{
    struct sight deeper = *s;
    struct span *inputs;

    deeper.depth++;
    deeper.below = s->l->cat->slots[f->out].rank;
    if (sight_inputs(&deeper, f, &inputs, e))
        return -1;
    struct span now = inputs_encode(s->l, inputs, f->n_inputs);
    *ret = span_eq(now, then);
    return now.p ? 0 : err_nomem(e);
}

/* What stands in the other item has changed, and nobody has written this one since: a value (or none) that the
 * formula would not have given under the inputs of then is hidden like one that a write hides (05). One that it
 * gives anyway is not; that its writer decided the field stays (I5). */
static int keep_hidden(const struct sight *s, const struct entry *basis, struct record *now, struct err *e)
{
    const struct entry *had = record_get(s->rec, basis->slot);
    const struct formula *f = s->l->cat->slots[basis->slot].source;
    struct span value = record_value(s->rec, basis->slot);
    struct remembered b, m;
    bool given, same;

    if (!f || f->mode != FORMULA_LINKED || !remembered_read(basis->bytes, &b) || b.id != formula_id(f))
        return 0;
    if (stands_under(s, f, b.inputs, &same, e))
        return -1;
    if (same)
        return 0;
    if (gives(s, f, b.inputs, value, &given, e))
        return -1;
    if (given)
        return had && had->kind == ENTRY_VALUE ? work_decide_entry(now, basis->slot, e) : 0;
    for (size_t i = now->n; i-- > 0;)
        if (now->e[i].slot == basis->slot && now->e[i].kind == ENTRY_MEMORY &&
            remembered_read(now->e[i].bytes, &m) && remembered_by(&m, b.id))
            memmove(&now->e[i], &now->e[i + 1], (--now->n - i) * sizeof now->e[0]);
    bool decided = work_is_decided(s->g, s->rec, NULL, basis->slot, f->step);
    m = (struct remembered){b.id + (decided ? 0 : REMEMBERED_UNDECIDED), value, b.inputs};
    struct span bytes = remembered_write(s->l, &m);
    return bytes.p && record_set(now, basis->slot, ENTRY_MEMORY, bytes) ? 0 : err_nomem(e);
}

/* Back into the holder, for good. */
static int unfold_retired(const struct sight *s, struct record *r, struct err *e)
{
    const struct group *g = s->g;

    for (size_t k = 0; k < g->n_retired; k++)
        for (size_t i = 0; i < g->retired[k]->n; i++)
            if (unfold_slot(s, g->retired[k]->here[i], r, e))
                return -1;
    for (size_t k = 0; k < g->n_retired; k++) {
        record_unset(r, g->retired[k]->ref);
        if (link_retire(s->l, g->retired[k], r, e))
            return -1;
    }
    return 0;
}

int lens_unfold(struct lens *l, const struct version *v, const struct group *g, struct span key,
                struct record *r, struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct sight s = {.l = l, .v = v, .g = g, .rec = r, .key = key};

    if (!record_copy(r, &now))
        return err_nomem(e);
    for (size_t k = 0; k < g->n_links; k++) {
        if (g->links[k]->kind == LINK_MOVE && link_put_aside(&s, g->links[k], &now, e))
            return -1;
        for (size_t i = 0; i < g->links[k]->n; i++)
            if (unfold_slot(&s, g->links[k]->here[i], &now, e))
                return -1;
    }
    if (unfold_retired(&s, &now, e))
        return -1;
    for (size_t i = 0; i < r->n; i++)
        if (r->e[i].kind == ENTRY_BASIS &&
            (unfold_slot(&s, r->e[i].slot, &now, e) || keep_hidden(&s, &r->e[i], &now, e)))
            return -1;
    struct record old = *r;
    *r = now;
    now = old;
    return 0;
}

/* All that may change it from elsewhere is what an item is called that it refers to. */
static bool reads_only_keys(const struct catalog *c, const struct formula *f)
{
    bool further = false;
    for (size_t i = 0; i < f->n_inputs; i++)
        further |= f->inputs[i].slot < c->n_slots && c->slots[f->inputs[i].slot].is_volatile;
    return !further;
}

/* An older side's field was computed from the newer side: what stands there somebody decided, and it was not
 * computed in its turn from the older one. */
static bool is_given_back(const struct sight *s, const struct formula *f, const struct record *r)
{
    const struct entry *en = record_get(r, f->out);
    return en && en->kind == ENTRY_DERIVED && work_gives(s->g, r, f);
}

/* What a writer decided in a seeded slot depends on nothing any more (I5), and an older side's field on a key
 * that the newer side's formula reads only while it was computed by that: else a rename would change it
 * though nobody wrote through the newer version. */
static bool is_source(const struct sight *s, const struct formula *f, const struct record *r)
{
    const struct catalog *c = s->l->cat;
    if (f->dir == FORMULA_BACKWARD && f->mode == FORMULA_LINKED && reads_only_keys(c, f) &&
        !is_given_back(s, f, r))
        return false;
    if (f->step > r->gen || f->out >= c->n_slots || c->slots[f->out].source != f)
        return false;
    return f->mode != FORMULA_SEEDED || !work_seed_is_decided(s->g, r, NULL, f);
}

static int add_basis(const struct sight *s, const struct applied *a, size_t n, struct record *r,
                     struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const struct formula *f = a[i].f;
        struct span *inputs, bytes;
        if (!is_source(s, f, r))
            continue;
        if (sight_inputs(s, f, &inputs, e))
            return -1;
        struct remembered m = {formula_id(f), {0}, inputs_encode(s->l, inputs, f->n_inputs)};
        bytes = m.inputs.p ? remembered_write(s->l, &m) : (struct span){0};
        if (!bytes.p || !record_set(r, f->out, ENTRY_BASIS, bytes))
            return err_nomem(e);
    }
    return 0;
}

int lens_fold(struct lens *l, const struct version *v, const struct group *g, struct span key,
              struct record *r, struct err *e)
{
    struct record flat RECORD_CLEANUP = RECORD_INIT;
    struct sight s = {.l = l, .v = v, .g = g, .rec = r, .key = key, .flat = true};
    record_drop(r, SLOT_NONE, ENTRY_BASIS);
    if (add_basis(&s, g->backward, g->n_backward, r, e) ||
        add_basis(&s, g->forward, g->n_forward, r, e))
        return -1;
    if (!g->n_links)
        return 0;
    if (!record_copy(r, &flat))
        return err_nomem(e);
    s.rec = &flat;
    for (size_t k = 0; k < g->n_links; k++)
        if (link_fold(&s, g->links[k], r, e))
            return -1;
    return 0;
}

int lens_bring_before(struct lens *l, const struct version *v, const struct group *g,
                      struct span key, const struct record *before, const struct record *now,
                      uint32_t upto, struct record *ret, struct err *e)
{
    struct sight at = {.l = l, .v = v, .g = g, .key = key, .names = now};

    bool due = before->gen < upto;

    if (due ? g->n_links : !group_reads_past(g)) /* over a link other items would be looked at, or made */
        return record_copy(before, ret) ? 0 : err_nomem(e);
    return bring(&at, before, upto, true, ret, e) || lens_unfold(l, v, g, key, ret, e) ||
                   lens_fold(l, v, g, key, ret, e)
               ? -1
               : 0;
}
