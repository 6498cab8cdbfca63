/* A write: a text laid over a record (lens_lay.c), what follows from it, and what is kept of it. */
#include "lens_int.h"

/* A computed field may stand in the text as it was shown, or as it comes out; never otherwise. */
static int check_computed(struct work *w, const struct json_node *object, const struct record *base,
                          bool *ret_stale, struct err *e)
{
    for (size_t i = 0; i < w->s->n_fields; i++) {
        const struct field *f = &w->s->fields[i];
        const struct json_node *m = f->read_only ? json_member(object, span_of(f->name)) : NULL;
        struct buf b BUF_CLEANUP = BUF_INIT;
        struct span now = base_value(&w->r, f->slot);
        if (!m)
            continue;
        if (!json_write(m, 1, &b))
            return err_nomem(e);
        if (span_eq(buf_span(&b), now))
            continue;
        *ret_stale = true;
        if (base && span_eq(buf_span(&b), base_value(base, f->slot)))
            continue;
        err_at(e, ERR_INVALID, m->name_line, m->name_column,
               "%s.%s is computed from other fields and can't be written", w->s->name, f->name);
        return err_field(e, f->name);
    }
    return 0;
}

/* Another writer changed a field since base, and the item now holds both writers' changes: the text
 * does not say what it holds. */
static bool is_merged(const struct work *laid, const struct work *w, const struct record *base)
{
    for (size_t i = 0; base && i <= w->s->n_fields; i++) {
        const struct field *f = i < w->s->n_fields ? &w->s->fields[i] : NULL;
        slot_no slot = f ? f->slot : SLOT_EXTRA;
        struct span was = base_value(base, slot), found = base_value(&laid->old, slot);
        if ((!f && !w->s->open) || span_eq(was, found))
            continue;
        if (!f || type_structured(f->type) || span_eq(found, base_value(&w->r, slot)))
            return true;
    }
    return false;
}

/* The writer's own bytes: kept for v when they are not the canonical text; a change of a field
 * ends those of the other versions. */
static int keep_bytes(struct lens *l, const struct version *v, const struct shape *s,
                      struct span key, struct span text, bool keep, bool fields, struct record *rec,
                      bool *ret_changed, struct err *e)
{
    struct buf canonical BUF_CLEANUP = BUF_INIT;
    const struct entry *had = record_find(rec, raw_slot(v, s), ENTRY_RAW);
    struct span before = had ? had->bytes : (struct span){0};

    record_drop(rec, fields ? SLOT_NONE : raw_slot(v, s), ENTRY_RAW);
    if (keep && lens_text(l, v, s, rec, key, false, &canonical, e))
        return -1;
    if (keep && !span_eq(buf_span(&canonical), text) && lens_raw_set(l, v, s, rec, key, text, e))
        return -1;
    had = record_find(rec, raw_slot(v, s), ENTRY_RAW);
    *ret_changed = !span_eq(before, had ? had->bytes : (struct span){0});
    return 0;
}

/* A key changed, and nothing that a version shows as a field. */
static bool only_keys(const struct lens *l, const struct slotset *changed)
{
    for (size_t i = 0; i < changed->n; i++)
        if (changed->s[i] != SLOT_KEY && !l->cat->slots[changed->s[i]].is_key)
            return false;
    return true;
}

static int tell(struct lens *l, const struct work *w, bool other, struct lens_change *ret,
                struct err *e)
{
    slot_no *slots = arena_alloc(&l->arena, (w->changed.n + 1) * sizeof *slots);
    if (!slots)
        return err_nomem(e);
    if (w->changed.n)
        memcpy(slots, w->changed.s, w->changed.n * sizeof *slots);
    *ret = (struct lens_change){slots, w->changed.n, w->create || !only_keys(l, &w->changed), false};
    ret->any = w->create || w->changed.n || other;
    return 0;
}

/* A decision that changes no value (a seeded field written as it was shown) is a change too. */
static bool same_entries(const struct record *a, const struct record *b)
{
    return entries_same(a->e, a->n, b->e, b->n);
}

struct put_bases {
    const struct record *base; /* the snapshot at open, or the record as it is now */
    struct json_node *shown;   /* the writer's own bytes, which the reader at open saw; or NULL */
};

/* base: a snapshot, which holds own bytes only while they stand. */
static int find_shown(struct lens *l, const struct version *v, const struct shape *s,
                      struct span key, const struct record *base, const struct record *cur,
                      struct put_bases *ret, struct err *e)
{
    const struct entry *en = base ? record_find(base, raw_slot(v, s), ENTRY_RAW) : NULL;
    struct span raw = {0};
    if (en && en->bytes.n > sizeof(uint64_t)) {
        size_t head = en->bytes.p[0] ? 1 + sizeof(uint64_t) : 1;
        raw = (struct span){en->bytes.p + head, en->bytes.n - head};
    } else if (en && en->bytes.n > 1 && !en->bytes.p[0]) {
        raw = (struct span){en->bytes.p + 1, en->bytes.n - 1};
    } else if (!base && cur && lens_raw(l, v, s, cur, key, &raw, e)) {
        return -1;
    }
    return raw.p ? json_parse(raw.p, raw.n, &l->arena, &ret->shown, e) : 0;
}

static int same_text(struct lens *l, struct view vw, const struct type_ref *t, struct span a,
                     struct span b, bool *ret, struct err *e)
{
    struct buf x BUF_CLEANUP = BUF_INIT, y BUF_CLEANUP = BUF_INIT;

    if (lens_render(l, vw, t, a, 1, &x, e) || (b.p && lens_render(l, vw, t, b, 1, &y, e)))
        return -1;
    *ret = b.p && span_eq(buf_span(&x), buf_span(&y));
    return 0;
}

/* The snapshot as it would be had the records been there that it foresees: the item has real references
 * now. Where these are others, another writer has changed it. */
static int settle_base(struct work *w, const struct record *base, struct record *ret, struct err *e)
{
    if (!record_copy(base, ret))
        return err_nomem(e);
    for (size_t i = 0; i < w->s->n_fields; i++) {
        const struct field *f = &w->s->fields[i];
        struct span was = base_value(base, f->slot), now = base_value(&w->old, f->slot);
        bool foreseen, same;
        if (!was.p || !type_structured(f->type))
            continue;
        if (lens_foresees(w->l, w->vw, f->type, was, &foreseen, e) ||
            (foreseen && same_text(w->l, w->vw, f->type, was, now, &same, e)))
            return -1;
        if (foreseen && same && !record_set(ret, f->slot, ENTRY_VALUE, now))
            return err_nomem(e);
    }
    return 0;
}

/* A run of writes by one version (lens_before.c). */
struct series {
    slot_no writer;        /* of this write */
    bool matters;
    struct record before;  /* the item as it was when it began */
    bool is;               /* there is one: of this writer, or, where nothing is written, of any */
    bool changes;          /* something is written */
    uint64_t shown;        /* over the item's links, by the end and before it began */
    struct record brought; /* before, up to date */
    struct work again;     /* the write, laid over that */
};

static void series_free(struct series *s)
{
    record_free(&s->before);
    record_free(&s->brought);
    work_free(&s->again);
}

static bool same_as_base(const struct work *w, const struct record *base)
{
    bool same = true;
    for (size_t i = 0; base && i < w->s->n_fields && same; i++)
        same = span_eq(base_value(base, w->s->fields[i].slot), base_value(&w->old, w->s->fields[i].slot));
    return same && (!base || span_eq(base_value(base, SLOT_EXTRA), base_value(&w->old, SLOT_EXTRA)));
}

static int series_keep(struct series *ser, const struct work *w, const struct record *before, struct err *e)
{
    return lens_bring_before(w->l, w->vw.v, w->g, w->key, before, &w->old, w->l->cat->last_step, &ser->before, e);
}

/* A run begins with the item as this write found it, brought up to date: over a link it is not done again. */
static int series_start(struct series *ser, const struct work *w, struct err *e)
{
    if (!record_copy(&w->old, &ser->before))
        return err_nomem(e);
    ser->before.gen = w->l->cat->last_step;
    return lens_fold(w->l, w->vw.v, w->g, w->key, &ser->before, e);
}

/* Where the writer's version goes on with what it began, *w becomes the work that starts from there. */
static int series_begin(struct series *ser, const struct record *base, const struct record *cur,
                        struct work **w, struct err *e)
{
    struct record was RECORD_CLEANUP = RECORD_INIT;
    struct work *laid = *w;
    slot_no writer;
    bool changes = ser->changes = !same_entries(&laid->old, &laid->r), resumes;

    ser->writer = raw_slot(laid->vw.v, laid->s);
    ser->matters = cur && before_matters(laid->l, laid->vw.v, laid->s);
    if (!cur || before_read(laid->l, cur, &writer, &was, &ser->is, e))
        return cur ? -1 : 0;
    resumes = ser->is && changes && ser->matters && writer == ser->writer && same_as_base(laid, base);
    if (((ser->is && !changes) || resumes) && series_keep(ser, laid, &was, e))
        return -1;
    if (!changes) {
        ser->writer = writer;
        return 0;
    }
    if (resumes && before_replays(laid, cur, &ser->before, &resumes, e))
        return -1;
    if (resumes && before_resume(laid, cur, &ser->before, &ser->brought, &ser->again, &resumes, e))
        return -1;
    if (resumes)
        *w = &ser->again;
    ser->is = ser->matters;
    return resumes || !ser->is ? 0 : series_start(ser, laid, e);
}

/* The slots that are others than they were: when the work began with what the item was before. */
static int find_changed(struct work *w, const struct record *was, struct err *e)
{
    w->changed = (struct slotset){0};
    for (size_t i = 0; i < was->n + w->r.n; i++) {
        const struct entry *en = i < was->n ? &was->e[i] : &w->r.e[i - was->n];
        if (en->kind <= ENTRY_DERIVED && !span_eq(record_value(was, en->slot), record_value(&w->r, en->slot)) &&
            slotset_add(w->l, &w->changed, en->slot, e))
            return -1;
    }
    return 0;
}

static int series_end(struct series *ser, struct span key, const struct work *w, const struct record *cur,
                      struct record *ret, struct err *e)
{
    const struct entry *left = cur ? record_find(cur, ser->writer, ENTRY_ELSEWHERE) : NULL;
    bool linked = w->g->n_links;

    if (!ser->is || !span_eq(key, w->key))
        return 0;
    if (linked && ser->changes && elsewhere_keep(w->l, ser->writer, ser->shown, ret, e))
        return -1;
    if (!ser->changes && left && !record_set(ret, ser->writer, ENTRY_ELSEWHERE, left->bytes))
        return err_nomem(e);
    return before_keep(w->l, ser->writer, &ser->before, linked, ret, e);
}

static int propagate(struct work *w, struct err *e)
{
    bool open = elsewhere_open(w->l, true);
    int rc = work_propagate(w, e);
    elsewhere_open(w->l, open);
    return rc;
}

/* For values that this text did not change, another record was found than the item refers to. */
static bool finds_another(const struct work *w, const struct record *old)
{
    for (size_t i = 0; i < w->g->n_links; i++) {
        const struct link *lk = w->g->links[i];
        bool same = lk->kind == LINK_EXTRACT;
        for (size_t k = 0; k < lk->n && same; k++)
            same = span_eq(record_value(&w->r, lk->here[k]), record_value(old, lk->here[k]));
        if (same && !span_eq(record_value(&w->r, lk->ref), record_value(old, lk->ref)))
            return true;
    }
    return false;
}

/* Laid over the item as it was, a text finds its records anew. Where one has got these values since, or lost them, the
 * run is over, and the text is laid over the item as it is. */
static int series_check(struct series *ser, struct work *laid, struct work **w, struct err *e)
{
    if (*w == laid || !finds_another(*w, &laid->old))
        return 0;
    *w = laid;
    return lens_undo(laid->l, e) || series_start(ser, laid, e) || propagate(laid, e) ? -1 : 0;
}

int lens_put(struct lens *l, const struct version *v, const struct shape *s, struct span key,
             struct span text, bool line, const struct record *base, const struct record *cur,
             struct record *ret, struct lens_change *ret_change, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT, settled RECORD_CLEANUP = RECORD_INIT;
    struct series ser __attribute__((cleanup(series_free))) = {0};
    struct work laid WORK_CLEANUP = {0}, *w = &laid;
    struct json_node *object;
    bool stale = false, bytes_changed = false;

    if (cur && lens_bring_current(l, v, s, key, cur, NULL, &brought, e))
        return -1;
    if (work_begin(&laid, l, view_of(v), s, s->coll, key, cur ? &brought : NULL, e))
        return -1;
    if (base && cur && settle_base(&laid, base, &settled, e))
        return -1;
    base = base && cur ? &settled : base;
    struct put_bases b = {base ? base : cur ? &laid.old : NULL, NULL};
    if (lens_parse_item(l, v, s, text, line, b.base, &object, e) ||
        (!line && find_shown(l, v, s, key, base, cur, &b, e)))
        return -1;
    if (work_lay(&laid, object, b.base, b.shown, e) || elsewhere_begin(l, laid.g, s->coll, key, e) ||
        series_begin(&ser, base, cur, &w, e) || propagate(w, e) || series_check(&ser, &laid, &w, e) ||
        check_computed(w, object, b.base, &stale, e) ||
        (w != &laid && find_changed(w, &laid.old, e))) {
        err_excerpt(e, text.p, text.n);
        return -1;
    }
    bool decided = cur && !same_entries(&laid.old, &w->r), merged = is_merged(&laid, w, base);
    if ((ser.is && elsewhere_shown(w, l->cat->last_step, &ser.shown, e)) || work_finish(w, ret, e) ||
        lens_run_checks(l, v, s, w->key, ret, cur ? &brought : NULL, e))
        return -1;
    bool fields = w->create || w->changed.n;
    bool keep = !line && !stale && !merged;
    if ((fields || !line) && /* a line of JSON Lines that changes nothing leaves the bytes */
        keep_bytes(l, v, s, w->key, text, keep, fields, ret, &bytes_changed, e))
        return -1;
    if (series_end(&ser, key, w, cur, ret, e))
        return -1;
    bool counts_on = cur && elsewhere_is_signed(cur);
    return tell(l, w, decided || bytes_changed || counts_on, ret_change, e);
}

/* The key and the part that the item is to have in s, where they are others. */
static int set_place(struct work *w, struct span new_key, struct err *e)
{
    struct span json = key_encode(w->l, new_key);

    if (!json.p)
        return err_nomem(e);
    if (!span_eq(json, record_value(&w->r, shape_key(w->s))) &&
        work_set(w, shape_key(w->s), json, e))
        return -1;
    if (!w->s->key)
        w->key = new_key;
    return w->s->part && !span_eq(w->s->part_name, record_value(&w->r, w->s->part))
               ? work_set(w, w->s->part, w->s->part_name, e)
               : 0;
}

int lens_rekey(struct lens *l, const struct version *v, const struct shape *s, struct span key,
               struct span new_key, const struct record *cur, struct record *ret,
               struct lens_change *ret_change, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct work w WORK_CLEANUP = {0};

    if (lens_bring_current(l, v, s, key, cur, NULL, &brought, e) ||
        work_begin(&w, l, view_of(v), s, s->coll, key, &brought, e) ||
        set_place(&w, new_key, e) || work_propagate(&w, e) || work_finish(&w, ret, e))
        return -1;
    lens_raw_drop(l, ret, &w.changed); /* own bytes stand while no field in them follows the key */
    return tell(l, &w, true, ret_change, e);
}

int lens_yield(struct lens *l, const struct version *v, const struct shape *s, struct span key,
               const struct record *cur, struct record *ret, struct lens_change *ret_change,
               struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct work w WORK_CLEANUP = {0};

    if (lens_bring_current(l, v, s, key, cur, NULL, &brought, e) ||
        work_begin(&w, l, view_of(v), s, s->coll, key, &brought, e) ||
        slotset_add(l, &w.changed, SLOT_KEY, e) || work_propagate(&w, e) || work_finish(&w, ret, e))
        return -1;
    lens_raw_drop(l, ret, &w.changed);
    return tell(l, &w, true, ret_change, e);
}

static int assign_values(struct work *w, const struct link *lk, const struct span *values,
                         bool only_unset, struct err *e)
{
    bool move = lk->kind == LINK_MOVE, yields = false;

    if (move && only_unset && link_yields(w, lk, values[1], &yields, e))
        return -1;
    for (size_t i = 0; i < lk->n; i++) {
        struct view vw = {w->vw.v, lk->shapes, lk->n_shapes, false, 0};
        struct span now = values[i];
        if (only_unset && base_value(&w->r, lk->there[i]).p && !yields)
            continue;
        if (now.p && type_structured(lk->types[i]) && /* the holder may be from before steps on objects in it */
            lens_value_bring(w->l, vw, lk->types[i], now, w->l->cat->last_step, &now, e))
            return -1;
        if (work_decide(w, lk->there[i], now, e))
            return -1;
    }
    return move ? link_mark(w, lk, values, only_unset, yields, e) : 0;
}

/* move_field: the write is none, but comes of an item that is brought up to date; and what the target has of that
 * item nobody has written there, or the item has nothing for it. */
static bool is_brought(const struct work *w, const struct link *lk, const struct span *values, bool only_unset,
                       const struct record *cur)
{
    if (lk->kind != LINK_MOVE || !only_unset || !cur || elsewhere_is_open(w->l))
        return false;
    return values[1].p ? link_is_unwritten(lk, cur) : !values[0].p && !w->changed.n;
}

/* The writer stands where the step stands: it sees the target's type as it was then. */
int lens_assign(struct lens *l, const struct link *lk, struct span key, const struct span *values,
                bool only_unset, const struct record *cur, struct record *ret,
                struct lens_change *ret_change, struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct work w WORK_CLEANUP = {0};
    const struct version *v = link_version(l->cat, lk);
    const struct shape *s = shapes_find(lk->shapes, lk->n_shapes, lk->target_shape);
    bool other = false;

    if (!v || !s)
        return err_set(e, ERR_IO, "a link to an unknown type");
    if ((cur && lens_bring_current(l, v, s, key, cur, NULL, &brought, e)) ||
        work_begin(&w, l, (struct view){v, lk->shapes, lk->n_shapes, false, lk->step}, s,
                   lk->target_coll, key, cur ? &brought : NULL, e) ||
        assign_values(&w, lk, values, only_unset, e) ||
        work_propagate(&w, e) || work_finish(&w, ret, e) ||
        (is_brought(&w, lk, values, only_unset, cur) ? elsewhere_keep_sign(cur, ret, e)
                                                     : elsewhere_sign(l, v, cur, w.create || w.changed.n, ret, &other, e)))
        return -1;
    lens_raw_drop(l, ret, &w.changed);
    return tell(l, &w, other, ret_change, e);
}

int lens_drop_ref(struct lens *l, uint32_t coll, struct span key, slot_no slot, uint64_t target,
                  const struct record *cur, struct record *ret, struct lens_change *ret_change,
                  struct err *e)
{
    struct record brought RECORD_CLEANUP = RECORD_INIT;
    struct work w WORK_CLEANUP = {0};
    const struct version *v;
    const struct shape *s = catalog_shape(l->cat, (struct shape_wanted){.coll = coll, .field = slot}, &v);
    struct shape hold;
    struct span now;
    bool set;

    if (!s) {
        *ret_change = (struct lens_change){0};
        return record_copy(cur, ret) ? 0 : err_nomem(e);
    }
    s = shape_of_coll(s, coll, &hold);
    if (lens_bring_current(l, v, s, key, cur, NULL, &brought, e) ||
        work_begin(&w, l, view_of(v), s, s->coll, key, &brought, e))
        return -1;
    struct span had = base_value(&w.r, slot);
    if (had.p && l->cat->slots[slot].type) {
        if (lens_value_without(l, l->cat->slots[slot].type, had, target, &now, &set, e) ||
            work_decide(&w, slot, set ? now : (struct span){0}, e))
            return -1;
    }
    if (work_propagate(&w, e) || work_finish(&w, ret, e))
        return -1;
    lens_raw_drop(l, ret, &w.changed);
    return tell(l, &w, true, ret_change, e);
}
