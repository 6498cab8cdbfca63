/* What translation asks of a world: items over references, and the records that extraction makes.
 *
 * It follows store/derive.c in what an extracted record is found by (its present values; for items
 * from before the step the values they had then), without counting holders: no item is deleted. And
 * store/derive_move.c in when all holders of a field that moves are brought up to date. */
#include "world_int.h"

#include <stdio.h>

#include "schemas/value.h"

/* ---- Extracted records ---- */

static void values_encode(const struct span *values, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        MUST(buf_addvarint(out, values[i].p ? values[i].n + 1 : 0));
        if (values[i].p)
            MUST(buf_addspan(out, values[i]));
    }
}

static void add_origin(struct world *w, uint32_t step, struct span values, uint64_t id)
{
    struct w_origin *o = reallocarray(w->st.origins, w->st.n_origins + 1, sizeof *o);
    MUST(o);
    w->st.origins = o;
    o[w->st.n_origins++] = (struct w_origin){step, id, world_bytes(values)};
}

static const struct w_origin *find_origin(const struct world *w, uint32_t step, struct span vals)
{
    for (size_t i = 0; i < w->st.n_origins; i++)
        if (w->st.origins[i].step == step && span_eq(buf_span(&w->st.origins[i].values), vals))
            return &w->st.origins[i];
    return NULL;
}

/* What the record holds now in the fields that it was made from. */
static int present_values(struct world *w, const struct link *l, const struct w_item *it,
                          struct buf *out, struct err *e)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct link_values values;
    struct lens lens;
    int rc;

    lens_init(&lens, w->cat, w->env, &w->lens.world);
    if (record_decode(buf_span(&it->body), &rec, e))
        return -1;
    rc = lens_link_values(&lens, l, &rec, span_of(it->key), &values, e);
    if (rc == 0)
        values_encode(values.same, l->n, out);
    lens_deinit(&lens);
    return rc;
}

/* Of several that which is called so, or else the first by key. */
static int find_present(struct world *w, const struct link *l, struct span vals, const char *called, uint64_t *ret_id,
                        struct err *e)
{
    const char *found = NULL;
    *ret_id = 0;
    for (size_t i = 0; i < w->st.n_items; i++) {
        struct buf now BUF_CLEANUP = BUF_INIT;
        const struct w_item *it = &w->st.items[i];
        if (it->coll != l->target_coll)
            continue;
        if (present_values(w, l, it, &now, e))
            return -1;
        bool is = span_eq(buf_span(&now), vals), so = !strcmp(it->key, called);
        if (!is || (found && !so && (!strcmp(found, called) || strcmp(it->key, found) > 0)))
            continue;
        found = it->key;
        *ret_id = it->id;
    }
    return 0;
}

static int free_key(struct world *w, const struct link *l, const struct span *values,
                    struct buf *out)
{
    MUST(key_from_values(values, l->types, l->n, out));
    size_t plain = out->n;
    for (unsigned n = 2; world_by_key(w, l->target_coll, buf_span(out)); n++) {
        out->n = plain;
        MUST(buf_printf(out, "~%u", n));
    }
    return 0;
}

/* Whoever makes it: looked at aside, a record has the number that it will have. One that goes and comes
 * again has another. */
static uint64_t number_of(const struct world *w, const struct link *l, const struct span *values)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ l->step ^ w->purged << 32, base = (uint64_t)l->target_coll << 40;
    values_encode(values, l->n, &b);
    for (size_t i = 0; i < b.n; i++)
        h = (h ^ (unsigned char)b.p[i]) * UINT64_C(0x100000001b3);
    for (h |= UINT64_C(1) << 38;; h++)
        if (!world_by_id(w, base | (h & ((UINT64_C(1) << 39) - 1))))
            return base | (h & ((UINT64_C(1) << 39) - 1));
}

static int make_record(struct world *w, const struct link *l, const struct link_values *values,
                       bool present, uint64_t *ret_id, struct err *e)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct buf key BUF_CLEANUP = BUF_INIT;
    struct lens lens;
    bool was_fresh = w->fresh;

    if (w->depth >= WORLD_MAX_DEPTH)
        return err_set(e, ERR_INVALID, "extracted types refer to each other without end");
    free_key(w, l, values->names, &key);
    lens_init(&lens, w->cat, w->env, &w->lens.world);
    w->depth++;
    w->fresh = present;
    int rc = lens_link_record(&lens, l, values, buf_span(&key), &rec, e);
    w->fresh = was_fresh;
    w->depth--;
    if (rc == 0) {
        struct w_item *it = world_add_item(w, l->target_coll, buf_span(&key));
        it->id = number_of(w, l, values->same);
        it->made = true;
        *ret_id = it->id;
        rc = world_keep(w, it->id, &rec, e);
    }
    lens_deinit(&lens);
    return rc;
}

static int on_extract(void *arg, const struct link *l, const struct link_values *values,
                      bool origin, uint64_t *ret_id, struct err *e)
{
    struct world *w = arg;
    struct buf vals BUF_CLEANUP = BUF_INIT, called BUF_CLEANUP = BUF_INIT;
    bool present = !origin || w->fresh;

    MUST(!w->reading);
    values_encode(values->same, l->n, &vals);
    MUST(key_from_values(values->names, l->types, l->n, &called));
    const struct w_origin *o = find_origin(w, l->step, buf_span(&vals));
    if (o && !present) {
        *ret_id = o->id;
        return 0;
    }
    if (find_present(w, l, buf_span(&vals), buf_str(&called), ret_id, e))
        return -1;
    if (!*ret_id && present && (world_derive_given(w, l->target_coll, false, e) ||
                                find_present(w, l, buf_span(&vals), buf_str(&called), ret_id, e)))
        return -1;
    if (!*ret_id && make_record(w, l, values, present, ret_id, e))
        return -1;
    if (!find_origin(w, l->step, buf_span(&vals)))
        add_origin(w, l->step, buf_span(&vals), *ret_id);
    return 0;
}

static int on_origin_of(void *arg, const struct link *l, const struct link_values *values,
                        uint64_t *ret_id, struct buf *ret_key, struct err *e)
{
    struct buf vals BUF_CLEANUP = BUF_INIT;
    (void)e;
    values_encode(values->same, l->n, &vals);
    const struct w_origin *o = find_origin(arg, l->step, buf_span(&vals));
    *ret_id = o ? o->id : 0;
    if (!o)
        MUST(key_from_values(values->names, l->types, l->n, ret_key));
    return 0;
}

static int derive_made(struct world *w, uint32_t coll, struct err *e);

/* ---- Fields that stand in other items ---- */

static uint64_t take_spare(struct world *w, uint32_t coll)
{
    for (size_t i = w->n_spares; i-- > 0;) {
        uint64_t id = w->spares[i];
        if (id >> 40 != coll)
            continue;
        memmove(&w->spares[i], &w->spares[i + 1], (--w->n_spares - i) * sizeof *w->spares);
        return id;
    }
    return 0;
}

static int assign_new(struct world *w, struct lens *lens, const struct link *l, struct span like,
                      const struct span *values, uint64_t *ret_id, struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct buf key BUF_CLEANUP = BUF_INIT;
    struct lens_change change;
    uint64_t id = take_spare(w, l->target_coll);

    MUST(buf_addspan(&key, id ? span_of(world_by_id(w, id)->key) : like));
    for (unsigned n = 2; !id && world_by_key(w, l->target_coll, buf_span(&key)); n++) {
        key.n = like.n;
        MUST(buf_printf(&key, "~%u", n));
    }
    if (lens_assign(lens, l, buf_span(&key), values, false, NULL, &now, &change, e))
        return -1;
    *ret_id = id ? id : world_add_item(w, l->target_coll, buf_span(&key))->id;
    return world_keep(w, *ret_id, &now, e);
}

static int assign_to(struct world *w, struct lens *lens, const struct link *l, uint64_t id,
                     const struct span *values, bool only_unset, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    const struct w_item *it = world_by_id(w, id);
    struct lens_change change;

    if (!it)
        return 0;
    struct buf body BUF_CLEANUP = world_bytes(buf_span(&it->body));
    struct buf key BUF_CLEANUP = world_bytes(span_of(it->key));
    if (record_decode(buf_span(&body), &cur, e) ||
        lens_assign(lens, l, buf_span(&key), values, only_unset, &cur, &now, &change, e))
        return -1;
    return change.any ? world_keep(w, id, &now, e) : 0;
}

static int on_assign(void *arg, const struct link *l, uint64_t id, struct span holder_key,
                     const struct span *values, bool only_unset, uint64_t *ret_id, struct err *e)
{
    struct world *w = arg;
    struct lens lens;

    MUST(!w->reading);
    if (w->depth >= WORLD_MAX_DEPTH)
        return err_set(e, ERR_INVALID, "items written through each other without end");
    if (((!id || l->kind == LINK_INLINE) && derive_made(w, l->target_coll, e)) ||
        (!id && world_derive_given(w, l->target_coll, false, e)))
        return -1;
    *ret_id = id;
    lens_init(&lens, w->cat, w->env, &w->lens.world);
    w->depth++;
    int rc = id ? assign_to(w, &lens, l, id, values, only_unset, e)
                : assign_new(w, &lens, l, holder_key, values, ret_id, e);
    w->depth--;
    lens_deinit(&lens);
    return rc;
}

static bool has_one_holder(struct world *w, uint64_t id)
{
    uint64_t first = 0;
    bool is = true;
    for (size_t i = 0; i < w->st.n_items && is; i++) {
        const struct w_item *it = &w->st.items[i];
        if (it->id == id || !world_refers(w, it, id))
            continue;
        is = !first;
        first = it->id;
    }
    return is;
}

static int on_restore(void *arg, uint64_t id, const struct record *rec, bool *ret_is, struct err *e)
{
    struct world *w = arg;
    size_t kept = 0;

    *ret_is = world_by_id(w, id) && (rec || has_one_holder(w, id));
    if (!*ret_is)
        return 0;
    for (size_t i = 0; i < w->n_spares; i++)
        if (w->spares[i] != id)
            w->spares[kept++] = w->spares[i];
    w->n_spares = kept;
    if (rec)
        return world_keep(w, id, rec, e);
    MUST(w->n_spares < sizeof w->spares / sizeof *w->spares);
    w->spares[w->n_spares++] = id;
    return 0;
}

/* ---- Deriving ---- */

static bool is_behind(const struct w_item *it, const struct link *l)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    return it->coll == l->coll && record_decode(buf_span(&it->body), &cur, &e) == 0 &&
           cur.gen < l->step;
}

/* Items that still have to be brought up to the link's step, or even to be made before that, or to get the field that
 * moves from others. */
static bool has_behind(const struct world *w, const struct link *l)
{
    for (size_t k = 0; k < w->cat->n_links && l->kind == LINK_MOVE; k++) {
        const struct link *first = w->cat->links[k];
        if (first->kind != LINK_INLINE && first->target_coll == l->coll && first->step < l->step &&
            has_behind(w, first))
            return true;
    }
    for (size_t i = 0; i < w->st.n_items; i++)
        if (is_behind(&w->st.items[i], l))
            return true;
    return false;
}

/* The record of an item's values is made; the item itself stays as it is. */
static int make_for(struct world *w, const struct link *l, size_t i, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    struct buf body BUF_CLEANUP = world_bytes(buf_span(&w->st.items[i].body));
    struct buf key BUF_CLEANUP = world_bytes(span_of(w->st.items[i].key)); /* the array may move */
    struct lens lens;
    bool changed;

    if (record_decode(buf_span(&body), &cur, e))
        return -1;
    lens_init(&lens, w->cat, w->env, &w->lens.world);
    int rc = lens_materialize(&lens, l->coll, buf_span(&key), &cur, l->step, &now, &changed, e);
    lens_deinit(&lens);
    return rc;
}

/* Makes all records of an extracted type, as its first listing does. */
static int derive_made(struct world *w, uint32_t coll, struct err *e)
{
    MUST(w->cat->n_links <= 64);
    for (size_t k = 0; k < w->cat->n_links; k++) {
        const struct link *l = w->cat->links[k];
        if (l->kind != LINK_EXTRACT || l->target_coll != coll || w->deriving >> k & 1)
            continue;
        w->deriving |= UINT64_C(1) << k; /* it may be asked for again on the way */
        w->depth++;
        int rc = derive_made(w, l->coll, e);
        for (size_t i = 0; i < w->st.n_items && rc == 0; i++)
            if (is_behind(&w->st.items[i], l))
                rc = make_for(w, l, i, e);
        w->depth--;
        w->deriving &= ~(UINT64_C(1) << k);
        if (rc)
            return -1;
    }
    return 0;
}

static int derive_shown(struct world *w, const struct shape *s, struct err *e)
{
    int rc = derive_made(w, s->coll, e);
    for (size_t i = 1; i < s->n_colls && rc == 0; i++)
        rc = derive_made(w, s->colls[i], e);
    return rc;
}

int world_derive_quoting(struct world *w, uint32_t coll, struct err *e)
{
    for (size_t i = 0; i < w->cat->n_links; i++) {
        const struct link *l = w->cat->links[i];
        if (l->kind == LINK_EXTRACT && link_quotes(l, coll) && derive_made(w, l->target_coll, e))
            return -1;
    }
    return 0;
}

static bool knows(const struct version *v, uint32_t step)
{
    for (; v; v = v->base)
        if (v->step_first <= step && step < v->step_end)
            return true;
    return false;
}

/* As in store/derive_move.c. */
static const struct link *next_underived(const struct world *w, const struct version *v,
                                         uint32_t coll, bool writes, unsigned depth)
{
    for (size_t i = 0; i < w->cat->n_links && depth < 8; i++) {
        const struct link *l = w->cat->links[i], *deeper = NULL;
        if (l->kind == LINK_MOVE && (l->target_coll == coll || (writes && l->coll == coll)) &&
            knows(v, l->step) && has_behind(w, l))
            return l;
        if (l->kind == LINK_INLINE && l->coll == coll && knows(v, l->step))
            deeper = next_underived(w, v, l->target_coll, writes, depth + 1);
        if (deeper)
            return deeper;
    }
    return NULL;
}

static const struct link *next_for_view(const struct world *w, const struct view *vw, bool writes)
{
    const struct link *l = next_underived(w, vw->v, vw->s->coll, writes, 0);
    for (size_t i = 1; i < vw->s->n_colls && !l; i++)
        l = next_underived(w, vw->v, vw->s->colls[i], writes, 0);
    return l;
}

static int derive_move(struct world *w, const struct link *l, unsigned depth, struct err *e)
{
    for (size_t i = 0; i < w->cat->n_links && depth < 8; i++) {
        const struct link *first = w->cat->links[i];
        if (first->kind == LINK_MOVE && first->target_coll == l->coll && first->step < l->step &&
            has_behind(w, first) && derive_move(w, first, depth + 1, e))
            return -1;
    }
    if (derive_made(w, l->coll, e))
        return -1;
    for (size_t i = 0; i < w->st.n_items; i++)
        if (is_behind(&w->st.items[i], l) && world_bring(w, i, w->cat->last_step, e))
            return -1;
    return 0;
}

bool world_needs_derive(const struct world *w, const struct view *vw)
{
    for (size_t i = 0; i < w->cat->n_links; i++) {
        const struct link *l = w->cat->links[i];
        if (l->kind == LINK_EXTRACT && shape_has_coll(vw->s, l->target_coll) && has_behind(w, l))
            return true;
    }
    return next_for_view(w, vw, false) != NULL;
}

int world_derive(struct world *w, const struct view *vw, bool writes, struct err *e)
{
    const struct link *l;
    int rc = world_derive_names(w, e) || derive_shown(w, vw->s, e) ? -1 : 0;
    for (unsigned n = 0;
         rc == 0 && n < WORLD_MAX_DEPTH && (l = next_for_view(w, vw, writes));
         n++)
        rc = derive_move(w, l, 0, e);
    return rc;
}

/* ---- References that formulas give ---- */

static int bring_given(struct world *w, const struct giver *g, struct err *e)
{
    for (size_t i = 0; i < w->st.n_items; i++) {
        struct record cur RECORD_CLEANUP = RECORD_INIT;
        if (!giver_works_in(w->cat, g, w->st.items[i].coll))
            continue;
        if (record_decode(buf_span(&w->st.items[i].body), &cur, e))
            return -1;
        if (cur.gen >= g->at->f->step)
            continue;
        w->given++;
        if (world_bring(w, i, w->cat->last_step, e))
            return -1;
    }
    return 0;
}

int world_derive_given(struct world *w, uint32_t coll, bool removed, struct err *e)
{
    int rc = 0;
    if (w->giving)
        return 0;
    w->giving = true;
    for (size_t i = 0; i < w->cat->n_givers && rc == 0; i++)
        if ((w->cat->givers[i].looks_up || removed) && giver_refers(w->cat, &w->cat->givers[i], coll))
            rc = bring_given(w, &w->cat->givers[i], e);
    w->giving = false;
    return rc;
}

int world_settle_past(struct world *w, struct err *e)
{
    for (size_t i = 0; catalog_reads_past(w->cat) && i < w->st.n_items; i++) {
        struct record cur RECORD_CLEANUP = RECORD_INIT;
        if (record_decode(buf_span(&w->st.items[i].body), &cur, e) ||
            (lens_is_due(w->cat, w->st.items[i].coll, &cur, cur.gen) && world_bring(w, i, cur.gen, e)))
            return -1;
    }
    return 0;
}

/* ---- What translation asks ---- */

static int on_key_of(void *arg, const struct version *v, uint32_t shape, uint64_t id,
                     struct buf *out, bool *found, struct err *e)
{
    const struct world *w = arg;
    struct w_item *it = world_by_id(w, id);
    const struct shape *s = version_shape(v, shape);
    if (!it && id == w->pending) { /* a new item refers to itself */
        *found = true;
        return buf_adds(out, w->pending_key) ? 0 : err_nomem(e);
    }
    *found = it && (!s || shape_has_coll(s, it->coll));
    return !*found || world_key(arg, s, it, out) ? 0 : err_nomem(e);
}

/* A reader whose look needs records that are yet to be made comes again when they are. */
static int derive_for_look(struct world *w, const struct shape *s, struct err *e)
{
    bool was = w->reading;
    w->reading = false;
    int rc = derive_shown(w, s, e);
    w->reading = was;
    return rc;
}

static int on_id_of(void *arg, const struct version *v, uint32_t shape, struct span key,
                    uint64_t *ret_id, bool *found, struct err *e)
{
    struct world *w = arg;
    struct shape *s = version_shape(v, shape);
    *found = false;
    if (!s)
        return 0;
    if (w->pending && w->pending_space == shape_space(s) && span_eq(span_of(w->pending_key), key)) {
        *ret_id = w->pending;
        *found = true;
        return 0;
    }
    if (derive_for_look(arg, s, e))
        return -1;
    struct w_item *it = world_by_shown(arg, s, key);
    *found = it != NULL;
    *ret_id = it ? it->id : 0;
    return 0;
}

static int on_record_of(void *arg, uint64_t id, struct buf *hold, bool *found, struct err *e)
{
    struct w_item *it = world_by_id(arg, id);
    *found = it != NULL;
    return !it || buf_addspan(hold, buf_span(&it->body)) ? 0 : err_nomem(e);
}

struct lens_world world_calls(struct world *w)
{
    return (struct lens_world){.arg = w,
                               .key_of = on_key_of,
                               .id_of = on_id_of,
                               .stands_in = world_stands_in,
                               .record_of = on_record_of,
                               .origin_of = on_origin_of,
                               .extract = on_extract,
                               .assign = on_assign,
                               .restore = on_restore,
                               .name_taken = world_name_taken};
}
