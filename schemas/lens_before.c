/* What an item was before the version that wrote it last began to.
 *
 * An item holds more than one version shows, so what a write leaves could depend on the writes before
 * it: which element of a list goes on as which, what a linked side hides, what a key was. While one
 * version writes, each of its texts is therefore laid over the item as it was when that version began,
 * not over what its last text made of it: the second of two writes leaves what it alone would have left
 * (PutPut), whatever the steps are. The idea is that of a constant complement (Bancilhon, Spyratos,
 * "Update Semantics of Relational Views", 1981), here one for each run of writes by one version.
 * Whatever else changes the item ends the run, and so does finalize, after which other sides do not
 * follow any more from what is written.
 *
 * An entry of the record keeps the slots in which the two differ, as they were: varint oldest version,
 * then as record_diff writes it. Own bytes are no part of it. What the writes left in other items is
 * taken back with it (lens_elsewhere.c). */
#include "lens_work.h"

static bool content_of(const struct record *r, struct record *ret)
{
    if (!record_copy(r, ret))
        return false;
    record_drop(ret, SLOT_NONE, ENTRY_RAW);
    record_drop(ret, SLOT_NONE, ENTRY_BEFORE);
    record_drop(ret, SLOT_NONE, ENTRY_ELSEWHERE);
    record_unset(ret, SLOT_KEY); /* stands beside the record */
    return true;
}

/* Each finalize makes it another. */
static uint32_t oldest_version(const struct catalog *c)
{
    for (size_t i = 0; i < c->n_entries; i++)
        if (c->entries[i].state != VERSION_GONE)
            return c->entries[i].v->number;
    return 0;
}

/* ---- Keeping the difference ---- */

int before_keep(struct lens *l, slot_no writer, const struct record *before, bool always,
                struct record *rec, struct err *e)
{
    struct record was RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct span bytes;
    bool differs;

    record_drop(rec, SLOT_NONE, ENTRY_BEFORE);
    if (!content_of(before, &was) || !content_of(rec, &now) ||
        !buf_addvarint(&b, oldest_version(l->cat)) || !record_diff(&was, &now, &b, &differs))
        return err_nomem(e);
    if (!differs && !always)
        return 0;
    bytes = lens_keep(l, buf_span(&b));
    return bytes.p && record_set(rec, writer, ENTRY_BEFORE, bytes) ? 0 : err_nomem(e);
}

/* ---- Taking it back ---- */

int before_read(struct lens *l, const struct record *cur, slot_no *ret_writer, struct record *ret,
                bool *ret_is, struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    const struct entry *en = NULL;
    uint64_t oldest;

    for (size_t i = 0; i < cur->n && !en; i++)
        en = cur->e[i].kind == ENTRY_BEFORE ? &cur->e[i] : NULL;
    *ret_is = en && raw_is_live(l->cat, en->slot);
    if (!*ret_is)
        return 0;
    const char *p = en->bytes.p, *end = p + en->bytes.n;
    if (!varint_read(&p, end, &oldest))
        return err_set(e, ERR_IO, "damaged record: what it was before is cut short");
    *ret_is = oldest == oldest_version(l->cat);
    if (!*ret_is)
        return 0;
    *ret_writer = en->slot;
    if (!content_of(cur, &now))
        return err_nomem(e);
    if (record_undiff((struct span){p, (size_t)(end - p)}, &now, ret, e))
        return -1;
    work_drop_dead(l->cat, ret);
    return 0;
}

/* ---- Writing on from there ---- */

static bool holds_objects(const struct type_ref *t)
{
    while (t->elem)
        t = t->elem;
    return t->base == T_OBJECT;
}

/* An older version reads null for a reference to an item of another type that was merged with its own. */
static bool quotes_merged(const struct lens *l, const struct version *v, const struct field *f)
{
    const struct catalog *c = l->cat;
    for (size_t i = 0; i < c->n_namings; i++)
        if (c->namings[i]->shared && type_refers(f->type, v->shapes, v->n_shapes, c->namings[i]->coll))
            return true;
    return false;
}

/* Objects inside may hold more than the only version that is left shows: what is computed from it. */
static bool reads_inside(const struct catalog *c)
{
    bool reads = false;
    for (size_t i = 0; i < c->n_applied && !reads; i++) {
        const struct formula *f = c->applied[i].f;
        reads = !f->coll;
        for (size_t k = 0; k < f->n_inputs; k++)
            reads |= holds_objects(f->inputs[k].type);
    }
    return reads;
}

bool before_matters(const struct lens *l, const struct version *v, const struct shape *s)
{
    const struct group *g = catalog_group(l->cat, s->coll);
    bool parts = false;
    size_t live = 0;

    for (size_t i = 0; i < l->cat->n_entries; i++)
        live += l->cat->entries[i].state != VERSION_GONE;
    for (size_t i = 0; i < s->n_fields; i++)
        parts |= holds_objects(s->fields[i].type) || quotes_merged(l, v, &s->fields[i]);
    if (s->id >> RAW_SHAPE_BITS || (live < 2 && !elsewhere_matters(g) && !(parts && reads_inside(l->cat))))
        return false;
    return parts || g->n_forward + g->n_backward + g->n_links;
}

/* The rule by which a slot's keys are given, or were, before finalize took the step; false: there is none. */
static bool rule_of(const struct lens *l, const struct group *g, slot_no slot, struct key_rule *ret)
{
    const struct catalog *c = l->cat;

    for (size_t i = 0; i < g->n_forward; i++)
        if (g->forward[i].f->out == slot && g->forward[i].f->key) {
            *ret = *g->forward[i].f->key;
            return true;
        }
    for (size_t i = 0; i < c->n_namings; i++)
        if (c->namings[i]->slot == slot && c->namings[i]->space && !c->namings[i]->shared) {
            *ret = (struct key_rule){.space = c->namings[i]->space};
            return true;
        }
    return false;
}

/* Where a part's name stands, nothing can be taken. */
static bool is_part(const struct catalog *c, slot_no slot)
{
    for (size_t i = 0; i < c->n_namings; i++)
        if (c->namings[i]->slot == slot || c->namings[i]->fit == slot)
            return !c->namings[i]->space;
    return false;
}

/* A key that the item had then, and has not now: does anybody else? */
static int key_is_free(struct lens *l, const struct group *g, slot_no slot, struct span json, bool *ret,
                       struct err *e)
{
    enum name_state state = NAME_FREE;
    struct key_rule rule;
    struct span key;

    *ret = rule_of(l, g, slot, &rule) && json.p;
    if (!*ret || !l->world.name_taken)
        return 0;
    if (key_decode(l, json, &key, e) ||
        l->world.name_taken(l->world.arg, &rule, key, &state, e))
        return -1;
    *ret = state == NAME_FREE;
    return 0;
}

struct gone_refs {
    struct lens *l;
    bool any;
    struct err *e;
};

static int look_for(void *arg, uint64_t target)
{
    struct gone_refs *g = arg;
    struct buf hold BUF_CLEANUP = BUF_INIT;
    bool found;

    if (g->l->world.record_of(g->l->world.arg, target, &hold, &found, g->e))
        return -1;
    g->any |= !found;
    return 0;
}

/* What the item has no more may have been given away or deleted since. */
int before_still_there(struct lens *l, const struct group *g, const struct record *then,
                       const struct record *now, bool *ret, struct err *e)
{
    const struct catalog *c = l->cat;

    *ret = true;
    for (size_t i = 0; i < then->n && *ret; i++) {
        const struct entry *en = &then->e[i];
        const struct slot_info *si = en->slot < c->n_slots ? &c->slots[en->slot] : NULL;
        struct gone_refs gone = {l, false, e};
        if (en->kind > ENTRY_DERIVED || !si || span_eq(en->bytes, record_value(now, en->slot)))
            continue;
        if (si->is_key && !is_part(c, en->slot) &&
            key_is_free(l, g, en->slot, record_value(then, en->slot), ret, e))
            return -1;
        if (si->type && en->bytes.n && type_structured(si->type) &&
            lens_value_refs(c, si->type, en->bytes, look_for, &gone, e))
            return -1;
        *ret &= !gone.any;
    }
    return 0;
}

/* A value with parts: its text, laid over what was there then. *ret_set = false: it can't be. */
static int lay_parts(struct work *w, const struct field *f, struct span now, struct span then,
                     struct span *ret, bool *ret_set, struct err *e)
{
    struct view vw = w->vw;
    struct buf a BUF_CLEANUP = BUF_INIT, b BUF_CLEANUP = BUF_INIT;

    vw.bare = true;
    *ret = then;
    *ret_set = true;
    if (lens_render(w->l, vw, f->type, now, 1, &a, e) ||
        (then.p && lens_render(w->l, vw, f->type, then, 1, &b, e)))
        return -1;
    if (then.p && span_eq(buf_span(&a), buf_span(&b)))
        return 0;
    struct span text = lens_keep(w->l, buf_span(&a));
    if (!text.p)
        return err_nomem(e);
    return lens_encode_shown(w->l, vw, f->type, text, then, ret, ret_set, e);
}

static int lay_slot(struct work *w, const struct field *f, slot_no slot, struct span now, bool *ret_set,
                    struct err *e)
{
    struct span then = record_value(&w->r, slot);

    *ret_set = true;
    if (span_eq(now, then))
        return 0;
    if (f && now.p && type_structured(f->type) &&
        lay_parts(w, f, now, then, &now, ret_set, e))
        return -1;
    return *ret_set && !span_eq(now, then) ? work_set(w, slot, now, e) : 0;
}

static int lay_seen(struct work *w, const struct record *now, bool *ret_set, struct err *e)
{
    const struct shape *s = w->s;

    for (size_t i = 0; i < s->n_fields && *ret_set; i++) {
        const struct field *f = &s->fields[i];
        if (!f->read_only && lay_slot(w, f, f->slot, record_value(now, f->slot), ret_set, e))
            return -1;
    }
    return s->open && *ret_set
               ? lay_slot(w, NULL, SLOT_EXTRA, record_value(now, SLOT_EXTRA), ret_set, e)
               : 0;
}

static int carry_own_bytes(const struct record *from, struct record *to, struct err *e)
{
    for (size_t i = 0; i < from->n; i++)
        if (from->e[i].kind == ENTRY_RAW &&
            !record_set(to, from->e[i].slot, ENTRY_RAW, from->e[i].bytes))
            return err_nomem(e);
    return 0;
}

/* The run has changed the slot; cur: as it is stored. */
static bool run_changed(const struct record *cur, slot_no slot)
{
    for (size_t i = 0; i < cur->n; i++) {
        const char *p = cur->e[i].bytes.p, *end = p + cur->e[i].bytes.n;
        uint64_t oldest;
        if (cur->e[i].kind == ENTRY_BEFORE && varint_read(&p, end, &oldest))
            return record_diff_has((struct span){p, (size_t)(end - p)}, slot);
    }
    return true;
}

/* A step over a reference came since the run began, and has put fields elsewhere that the run left alone: they are what
 * they are by now, whoever has written them there. */
static int adopt_here(struct work *w, const struct record *cur, struct record *brought, struct err *e)
{
    for (size_t k = 0; k < w->g->n_links; k++) {
        const struct link *lk = w->g->links[k];
        for (size_t i = 0; lk->step > brought->gen && lk->kind != LINK_INLINE && i < lk->n; i++) {
            const struct entry *en = record_get(&w->old, lk->here[i]);
            if (run_changed(cur, lk->here[i]))
                continue;
            record_unset(brought, lk->here[i]);
            if (en && !record_set(brought, lk->here[i], en->kind, en->bytes))
                return err_nomem(e);
        }
    }
    return 0;
}

static int resume(struct work *w, const struct record *cur, const struct record *before, struct record *brought,
                  struct work *ret, bool *ret_is, struct err *e)
{
    const struct shape *s = w->s;
    const struct group *g = w->g;

    if (lens_bring_current(w->l, w->vw.v, s, w->key, before, &w->old, brought, e))
        return -1;
    brought->gen = before->gen; /* over later links nothing is to be seen: the values are its own */
    if (adopt_here(w, cur, brought, e))
        return -1;
    if (work_begin(ret, w->l, w->vw, s, s->coll, w->key, brought, e))
        return -1;
    ret->names = &w->old;
    ret->since = before->gen;
    *ret_is = span_eq(record_value(&ret->r, shape_key(s)), record_value(&w->r, shape_key(s)));
    if (*ret_is && before_still_there(w->l, g, &ret->r, &w->old, ret_is, e))
        return -1;
    for (size_t i = 0; i < g->n_links && *ret_is; i++)
        if (link_leave(ret, g->links[i], &w->old, e))
            return -1;
    if (*ret_is && lay_seen(ret, &w->r, ret_is, e))
        return -1;
    return *ret_is ? carry_own_bytes(&w->r, &ret->r, e) : 0;
}

static bool gives_ref(const struct formula *f)
{
    const struct type_ref *t = f->out_type;
    while (t->elem)
        t = t->elem;
    return t->base == T_REF;
}

/* A formula looks for an item by its key, perhaps in an object inside: what it finds may be another than when the
 * run's last text was laid. */
static bool looks_up(const struct catalog *c, const struct group *g)
{
    for (size_t i = 0; i < g->n_forward + g->n_backward; i++)
        if (gives_ref(work_formula_at(g, i)))
            return true;
    for (size_t i = 0; i < c->n_applied; i++)
        if (!c->applied[i].f->coll && gives_ref(c->applied[i].f))
            return true;
    return false;
}

static bool same_values(const struct record *a, const struct record *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->e[i].kind <= ENTRY_DERIVED &&
            !span_eq(record_value(a, a->e[i].slot), record_value(b, a->e[i].slot)))
            return false;
    return true;
}

int before_replays(const struct work *w, const struct record *cur, const struct record *before, bool *ret, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct work last = *w, again WORK_CLEANUP = {0};

    *ret = true;
    if (w->g->n_links || !looks_up(w->l->cat, w->g))
        return 0;
    last.r = w->old;
    if (resume(&last, cur, before, &brought, &again, ret, e) || (*ret && work_propagate(&again, e)))
        return -1;
    *ret = *ret && same_values(&again.r, &w->old) && same_values(&w->old, &again.r);
    return 0;
}

int before_resume(struct work *w, const struct record *cur, const struct record *before,
                  struct record *brought, struct work *ret, bool *ret_is, struct err *e)
{
    const struct group *g = w->g;
    struct taken_back back;

    /* to bring it up to date would make records of values that nobody has seen since the step */
    *ret_is = !g->n_links || elsewhere_matters(g) || g->links[g->n_links - 1]->step <= before->gen;
    if (!*ret_is)
        return 0;
    if (elsewhere_take_back(w, cur, &back, ret_is, e) ||
        (*ret_is && resume(w, cur, before, brought, ret, ret_is, e)) ||
        (*ret_is && elsewhere_unchanged(ret, &back, ret_is, e)))
        return -1;
    return *ret_is ? 0 : lens_undo(w->l, e);
}
