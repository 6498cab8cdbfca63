#include "catalog.h"

#include <assert.h>

/* The version that everything before it was finalized away from: its own steps have nothing left
 * to compute from, except computed fields. */
static bool is_root(const struct catalog *c, const struct version *v)
{
    const struct catalog_entry *p = v->parent ? catalog_entry(c, v->parent) : NULL;
    return !p || p->state == VERSION_GONE;
}

static bool applies(const struct catalog *c, const struct version *v, const struct formula *f)
{
    return !is_root(c, v) || f->mode == FORMULA_COMPUTED;
}

static void note_type(struct catalog *c, slot_no slot, const struct type_ref *t,
                      struct shape *const *shapes, size_t n_shapes)
{
    if (slot >= c->n_slots || c->slots[slot].type)
        return;
    c->slots[slot].type = t;
    c->slots[slot].shapes = shapes;
    c->slots[slot].n_shapes = n_shapes;
}

static const struct type_ref text_type = {.base = T_STRING};

/* 0: the own key, which is no slot of a record. */
static void note_key(struct catalog *c, slot_no slot)
{
    if (!slot || slot >= c->n_slots)
        return;
    note_type(c, slot, &text_type, NULL, 0);
    c->slots[slot].is_key = true;
}

static void note_fields(struct catalog *c, const struct shape *s, struct shape *const *shapes, size_t n_shapes)
{
    for (size_t i = 0; i < s->n_fields; i++)
        note_type(c, s->fields[i].slot, s->fields[i].type, shapes, n_shapes);
}

/* A later step of the same version may have removed what a step has put inside of an object. */
static void note_objects_then(struct catalog *c, const struct formula *f)
{
    for (size_t i = 0; i < f->n_shapes; i++)
        if (f->shapes[i]->kind == SHAPE_OBJECT)
            note_fields(c, f->shapes[i], f->shapes, f->n_shapes);
}

static void note_version_types(struct catalog *c, const struct version *v)
{
    for (size_t i = 0; i < v->n_shapes; i++) {
        note_fields(c, v->shapes[i], v->shapes, v->n_shapes);
        note_key(c, v->shapes[i]->key);
        note_key(c, v->shapes[i]->part);
        note_key(c, v->shapes[i]->fit);
    }
    for (size_t i = 0; i < v->n_formulas; i++) {
        const struct formula *f = v->formulas[i];
        note_type(c, f->out, f->out_type, f->shapes, f->n_shapes);
        for (size_t j = 0; j < f->n_inputs; j++)
            note_type(c, f->inputs[j].slot, f->inputs[j].type, f->shapes, f->n_shapes);
        if (applies(c, v, f))
            note_objects_then(c, f);
    }
}

/* A formula over a merged type works in each of its collections. */
static size_t groups_of(const struct formula *f)
{
    return f->n_colls ? f->n_colls : 1;
}

static uint32_t group_of(const struct formula *f, size_t i)
{
    if (!f->coll)
        return f->shape;
    return f->n_colls ? f->colls[i] : f->coll;
}

/* What it reads stays in the records, or goes on standing in other items. */
static void note_inputs(struct catalog *c, const struct formula *f)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].slot < c->n_slots) {
            note_type(c, f->inputs[i].slot, f->inputs[i].type, f->shapes, f->n_shapes);
            c->slots[f->inputs[i].slot].is_read = true;
        }
}

static void note_formula(struct catalog *c, const struct version *v, const struct formula *f)
{
    if (f->out >= c->n_slots)
        return;
    note_inputs(c, f);
    c->slots[f->out].computed = true;
    if (f->dir == FORMULA_FORWARD)
        c->slots[f->out].forward = f;
    for (size_t i = 0; i < groups_of(f); i++)
        c->applied[c->n_applied++] = (struct applied){f, v->number, group_of(f, i)};
}

/* A version that is not gone shows the slot in items of that collection; 0: in any, or in objects. */
static bool is_shown(const struct catalog *c, uint32_t coll, slot_no slot)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        if (c->entries[i].state == VERSION_GONE)
            continue;
        for (size_t j = 0; j < v->n_shapes; j++)
            if ((!coll || shape_has_coll(v->shapes[j], coll)) &&
                shape_field_by_slot(v->shapes[j], slot))
                return true;
    }
    return false;
}

static bool shows_fields(const struct catalog *c, const struct link *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (is_shown(c, l->coll, l->here[i]))
            return true;
    return false;
}

static bool needs_fields(const struct catalog *c, const struct link *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->here[i] < c->n_slots && c->slots[l->here[i]].is_read)
            return true;
    return shows_fields(c, l);
}

static bool link_applies(const struct catalog *c, const struct catalog_entry *en, const struct link *l)
{
    return en->state != VERSION_GONE && (!is_root(c, en->v) || l->kind == LINK_INLINE);
}

static bool note_read(struct catalog *c, slot_no slot)
{
    if (slot >= c->n_slots || c->slots[slot].is_read)
        return false;
    return c->slots[slot].is_read = true;
}

/* Over a link that is needed its reference is read, and in the target the fields: they may stand in
 * other items themselves. True: some were not known to be read yet. */
static bool note_looks(struct catalog *c)
{
    bool any = false;
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_links; j++) {
            const struct link *l = c->entries[i].v->links[j];
            if (!link_applies(c, &c->entries[i], l) && !needs_fields(c, l))
                continue;
            any |= note_read(c, l->ref);
            for (size_t k = 0; k < l->n; k++)
                any |= note_read(c, l->there[k]);
        }
    return any;
}

/* The reference is that of fields which are still shown over it. */
static bool leads_on(const struct catalog *c, const struct link *l)
{
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_links; j++) {
            const struct link *o = c->entries[i].v->links[j];
            if (o != l && o->kind == LINK_INLINE && o->ref == l->ref &&
                (link_applies(c, &c->entries[i], o) || needs_fields(c, o)))
                return true;
        }
    return false;
}

static void note_volatile(struct slot_info *here, const struct link *l)
{
    if (!here->is_volatile || l->step < here->since)
        here->since = l->step;
    here->is_volatile = true;
}

/* The side that a link's fields were moved from may be finalized away, or the one they moved to;
 * where the values are does not change with that. */
static void note_link(struct catalog *c, const struct catalog_entry *en, const struct link *l)
{
    bool applies = link_applies(c, en, l);

    if (!applies && !needs_fields(c, l))
        return;
    if (applies || l->kind == LINK_INLINE || is_shown(c, l->coll, l->ref) || leads_on(c, l) || !shows_fields(c, l))
        c->links[c->n_links++] = l;
    else
        c->retired[c->n_retired++] = l;
    note_type(c, l->ref, l->ref_type, l->shapes, l->n_shapes);
    if (l->kind == LINK_MOVE)
        note_type(c, l->mark, &text_type, NULL, 0);
    if (l->ref < c->n_slots)
        c->slots[l->ref].computed = true;
    for (size_t i = 0; i < l->n; i++) {
        note_type(c, l->there[i], l->types[i], l->shapes, l->n_shapes);
        if (l->here[i] >= c->n_slots)
            continue;
        note_type(c, l->here[i], l->types[i], l->shapes, l->n_shapes);
        c->slots[l->here[i]].linked_before = c->slots[l->here[i]].link != NULL;
        c->slots[l->here[i]].link = l;
        c->slots[l->here[i]].link_index = i;
        note_volatile(&c->slots[l->here[i]], l);
    }
}

/* A version that is not gone finds items by these names, or names them anew in a later step of its own: then they
 * are as unique as if a version showed them, which there may have been. */
static bool is_used(const struct catalog *c, const struct catalog_entry *en, const struct naming *n)
{
    if (n->space && en->state != VERSION_GONE && !is_root(c, en->v))
        return true;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t j = 0; j < v->n_shapes && c->entries[i].state != VERSION_GONE; j++)
            if (shape_uses(v->shapes[j], n))
                return true;
    }
    return false;
}

static bool holds_ref(const struct type_ref *t, const struct formula *f)
{
    return type_refers(t, f->shapes, f->n_shapes, 0);
}

/* What is volatile over links up to this step brings it to more; keys: and what references are called does. all:
 * by formulas that finalize took, too. */
struct spread {
    uint32_t since;
    bool keys, all;
};

/* The text of a reference changes with the key of its target; the reference itself does not, so
 * what holds references is not computed anew for that. And what a step gave does not come back by
 * the same step: it is the other side's. */
static bool brings_volatile(const struct catalog *c, const struct formula *f, struct spread by)
{
    for (size_t i = 0; i < f->n_inputs; i++) {
        const struct formula_input *in = &f->inputs[i];
        const struct slot_info *si = in->slot < c->n_slots ? &c->slots[in->slot] : NULL;
        if (si && si->is_volatile && si->since <= by.since && !(si->source && si->source->step == f->step))
            return true;
        if (by.keys && holds_ref(in->type, f))
            return true;
    }
    return false;
}

static bool mark_volatile(struct catalog *c, const struct formula *f, struct spread by)
{
    struct slot_info *si = f->out < c->n_slots ? &c->slots[f->out] : NULL;
    /* A key and a part are decided when the item is written: nobody else's write moves it. */
    if (!si || si->is_key || f->key || si->is_volatile || (by.keys && holds_ref(f->out_type, f)) ||
        !brings_volatile(c, f, by))
        return false;
    si->is_volatile = true;
    si->source = f;
    si->since = by.since;
    si->rank = ++c->n_volatile;
    return true;
}

/* It applies, or outlives its version. */
static bool goes_on(const struct catalog *c, const struct catalog_entry *en, const struct formula *f)
{
    if (en->state != VERSION_GONE)
        return applies(c, en->v, f);
    return f->mode == FORMULA_COMPUTED && f->out < c->n_slots && c->slots[f->out].forward == f;
}

/* To the fixed point: a chain of formulas carries it on. */
static void spread_from(struct catalog *c, struct spread by)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < c->n_entries; i++) {
            const struct version *v = c->entries[i].v;
            for (size_t j = 0; j < v->n_formulas; j++)
                if (by.all || goes_on(c, &c->entries[i], v->formulas[j]))
                    again |= mark_volatile(c, v->formulas[j], by);
        }
        for (size_t i = 0; i < c->n_past; i++)
            again |= mark_volatile(c, c->past[i].f, by);
    }
}

/* The first step after this one with a link; 0: there is none. */
static uint32_t next_link(const struct catalog *c, uint32_t after)
{
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_links; j++)
            if (c->entries[i].v->links[j]->step > after)
                return c->entries[i].v->links[j]->step;
    return 0;
}

/* Over links first: a value in another item is never a copy of one here. And over the oldest of them first: a field
 * goes on following what it followed, whatever later steps put into other items. */
static void spread_volatile(struct catalog *c, bool all)
{
    struct spread by = {0, false, all};
    while ((by.since = next_link(c, by.since)))
        spread_from(c, by);
    spread_from(c, (struct spread){UINT32_MAX, true, all});
}

/* A slot is computed after all that it is computed from: its rank is higher. It was marked by the first of
 * its inputs that is volatile; others may have come later. Ends, because slots do not follow from each other
 * in a circle, and after so many rounds in any case. */
static void rank_volatile(struct catalog *c)
{
    bool again = true;
    for (uint32_t rounds = 0; again && rounds < c->n_slots; rounds++) {
        again = false;
        for (size_t i = 0; i < c->n_slots; i++) {
            const struct formula *f = c->slots[i].source;
            for (size_t k = 0; f && k < f->n_inputs; k++) {
                const struct slot_info *in = f->inputs[k].slot < c->n_slots ? &c->slots[f->inputs[k].slot] : NULL;
                if (!in || in->rank < c->slots[i].rank || (in->source && in->source->step == f->step))
                    continue;
                c->slots[i].rank = ++c->n_volatile;
                again = true;
            }
        }
    }
}

static bool reads_volatile(const struct catalog *c, const struct formula *f)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].slot < c->n_slots && c->slots[f->inputs[i].slot].is_volatile)
            return true;
    return false;
}

static void collect_givers(struct catalog *c)
{
    for (size_t i = 0; i < c->n_applied; i++) {
        const struct applied *a = &c->applied[i];
        bool follows = reads_volatile(c, a->f);
        if (a->f->dir == FORMULA_FORWARD && holds_ref(a->f->out_type, a->f))
            c->givers[c->n_givers++] = (struct giver){a, a->f->sql || follows, follows};
    }
}

static int allocate(struct catalog *c, size_t n_entries, size_t n_formulas, size_t n_links,
                    size_t n_namings)
{
    c->entries = calloc(n_entries ? n_entries : 1, sizeof *c->entries);
    c->slots = calloc(c->n_slots ? c->n_slots : 1, sizeof *c->slots);
    c->applied = calloc(n_formulas ? n_formulas : 1, sizeof *c->applied);
    c->past = calloc(n_formulas ? n_formulas : 1, sizeof *c->past);
    c->seeds = calloc(n_formulas + 1, sizeof *c->seeds);
    c->links = calloc(n_links ? n_links : 1, sizeof *c->links);
    c->retired = calloc(n_links ? n_links : 1, sizeof *c->retired);
    c->givers = calloc(n_formulas + 1, sizeof *c->givers);
    c->namings = calloc(n_namings + 1, sizeof *c->namings);
    c->groups = calloc(n_formulas + n_links + 1, sizeof *c->groups);
    return c->entries && c->slots && c->applied && c->past && c->seeds && c->links && c->retired &&
                   c->givers && c->namings && c->groups
               ? 0
               : -1;
}

/* Types of slots that only gone versions know. */
static void collect_gone(struct catalog *c)
{
    for (size_t i = 0; i < c->n_slots; i++)
        c->slots[i].is_gone = !c->slots[i].type;
    for (size_t i = 0; i < c->n_entries; i++)
        if (c->entries[i].state == VERSION_GONE)
            note_version_types(c, c->entries[i].v);
}

/* What is computed for good goes on when its version is gone, as long as it is shown, or read by
 * another one that is: what it reads stays in the records then. */
static bool outlives(const struct catalog *c, const struct formula *f)
{
    return f->mode == FORMULA_COMPUTED && f->out < c->n_slots && c->slots[f->out].type;
}

/* From the last to the first: a formula reads what older ones give. */
static void collect_outliving(struct catalog *c)
{
    for (size_t i = c->n_entries; i-- > 0;) {
        const struct version *v = c->entries[i].v;
        for (size_t j = c->entries[i].state == VERSION_GONE ? v->n_formulas : 0; j-- > 0;) {
            const struct formula *f = v->formulas[j];
            if (!outlives(c, f))
                continue;
            note_formula(c, v, f);
            note_objects_then(c, f); /* it reads members that no version shows any more */
        }
    }
}

/* ---- Formulas that finalize took ----
 *
 * What they gave stands in the records since the backfill, except where it depends on another item: that
 * may have changed after the record was written. Such an item is read by the formula until it is
 * written itself (lens_unfold). */

static bool varies(const struct catalog *c, const struct formula *f)
{
    for (size_t i = 0; i < f->n_inputs; i++) {
        slot_no in = f->inputs[i].slot;
        const struct formula *by = in < c->n_slots ? c->slots[in].varies_by : NULL;
        if (in < c->n_slots && c->slots[in].may_vary && !(by && by->step == f->step))
            return true;
        if (holds_ref(f->inputs[i].type, f))
            return true;
    }
    return false;
}

/* As if nothing were gone: what is volatile then may have been when it was stored. */
static void mark_varying(struct catalog *c)
{
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_links; j++) {
            const struct link *l = c->entries[i].v->links[j];
            for (size_t k = 0; k < l->n; k++)
                if (l->here[k] < c->n_slots)
                    note_volatile(&c->slots[l->here[k]], l);
        }
    spread_volatile(c, true);
    for (size_t i = 0; i < c->n_slots; i++) {
        struct slot_info *si = &c->slots[i];
        si->may_vary = si->is_volatile;
        si->varies_by = si->source;
        si->is_volatile = false;
        si->source = NULL;
        si->since = si->rank = 0;
    }
    c->n_volatile = 0;
}

/* A backward one is read on where it reads a key itself, or is what its output varies by: else what it reads by
 * other formulas they may have from its own output, and would have to go round. */
static bool quotes_keys(const struct formula *f)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].type->base == T_REF)
            return true;
    return false;
}

static bool is_past(const struct catalog *c, const struct catalog_entry *en, const struct formula *f)
{
    return f->mode != FORMULA_COMPUTED && f->out < c->n_slots &&
           (f->dir == FORMULA_FORWARD || quotes_keys(f) || c->slots[f->out].varies_by == f) &&
           (en->state == VERSION_GONE || !applies(c, en->v, f)) && varies(c, f) &&
           (c->slots[f->out].is_read || is_shown(c, 0, f->out));
}

/* Before what formulas read that finalize took. */
static void note_going_on(struct catalog *c)
{
    while (note_looks(c))
        ;
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_links; j++) {
            const struct link *l = c->entries[i].v->links[j];
            for (size_t k = 0; k < l->n; k++)
                if (l->here[k] < c->n_slots)
                    c->slots[l->here[k]].goes_on |= link_applies(c, &c->entries[i], l) ||
                                                    c->slots[l->here[k]].is_read || is_shown(c, l->coll, l->here[k]);
        }
}

/* From the last to the first, as collect_outliving. */
static void collect_past(struct catalog *c)
{
    for (size_t i = c->n_entries; i-- > 0;) {
        const struct version *v = c->entries[i].v;
        for (size_t j = v->n_formulas; j-- > 0;) {
            const struct formula *f = v->formulas[j];
            if (!is_past(c, &c->entries[i], f))
                continue;
            note_inputs(c, f);
            note_objects_then(c, f);
            for (size_t k = 0; k < groups_of(f); k++)
                c->past[c->n_past++] = (struct applied){f, v->number, group_of(f, k)};
        }
    }
}

static void collect(struct catalog *c)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        c->last_step = v->step_end ? v->step_end - 1 : 0;
        if (c->entries[i].state == VERSION_GONE)
            continue;
        note_version_types(c, v);
        for (size_t j = 0; j < v->n_formulas; j++)
            if (applies(c, v, v->formulas[j]))
                note_formula(c, v, v->formulas[j]);
    }
    catalog_note_seeds(c);
    collect_outliving(c);
    mark_varying(c);
    note_going_on(c);
    do {
        c->n_past = 0;
        collect_past(c);
    } while (note_looks(c));
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_links; j++)
            note_link(c, &c->entries[i], c->entries[i].v->links[j]);
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t j = 0; j < c->entries[i].v->n_namings; j++)
            if (is_used(c, &c->entries[i], &c->entries[i].v->namings[j]))
                c->namings[c->n_namings++] = &c->entries[i].v->namings[j];
}

static size_t count_applied(const struct version *v)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n_formulas; i++)
        n += groups_of(v->formulas[i]);
    return n;
}

int catalog_new(const struct catalog_entry *entries, size_t n, uint32_t default_number,
                uint64_t epoch, const struct schema_counters *next, struct catalog **ret,
                struct err *e)
{
    size_t n_formulas = 0, n_links = 0, n_namings = 0;
    struct catalog *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        n_formulas += count_applied(entries[i].v);
        n_links += entries[i].v->n_links;
        n_namings += entries[i].v->n_namings;
    }
    atomic_init(&c->refs, 1);
    c->epoch = epoch;
    c->default_number = default_number;
    c->next = *next;
    c->n_slots = next->slot;
    if (allocate(c, n, n_formulas, n_links, n_namings)) {
        catalog_unref(c);
        return err_nomem(e);
    }
    for (size_t i = 0; i < n; i++) {
        assert(i == 0 || entries[i].v->number > entries[i - 1].v->number); /* I1 */
        c->entries[i] = entries[i];
        version_ref(entries[i].v);
        c->n_entries++;
    }
    collect(c);
    collect_gone(c);
    catalog_group_up(c);
    spread_volatile(c, false);
    rank_volatile(c);
    collect_givers(c);
    *ret = c;
    return 0;
}

struct catalog *catalog_ref(struct catalog *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void catalog_unref(struct catalog *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < c->n_entries; i++)
        version_unref(c->entries[i].v);
    free(c->entries);
    free(c->slots);
    free(c->applied);
    free(c->past);
    free(c->seeds);
    free(c->groups);
    free(c->links);
    free(c->retired);
    free(c->givers);
    free(c->namings);
    free(c);
}
