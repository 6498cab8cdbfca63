#include "world.h"

#include <stdio.h>

#include "schemas/value.h"

#define MAX_DEPTH 64

/* ---- State ---- */

static struct buf buf_of(struct span s)
{
    struct buf b = BUF_INIT;
    MUST(buf_addspan(&b, s));
    return b;
}

void state_copy(const struct w_state *from, struct w_state *to)
{
    *to = *from;
    to->items = calloc(from->n_items + 1, sizeof *to->items);
    to->origins = calloc(from->n_origins + 1, sizeof *to->origins);
    MUST(to->items && to->origins);
    for (size_t i = 0; i < from->n_items; i++) {
        to->items[i] = from->items[i];
        to->items[i].key = strdup(from->items[i].key);
        to->items[i].body = buf_of(buf_span(&from->items[i].body));
    }
    for (size_t i = 0; i < from->n_origins; i++) {
        to->origins[i] = from->origins[i];
        to->origins[i].values = buf_of(buf_span(&from->origins[i].values));
    }
}

void state_free(struct w_state *st)
{
    for (size_t i = 0; i < st->n_items; i++) {
        free(st->items[i].key);
        buf_free(&st->items[i].body);
    }
    for (size_t i = 0; i < st->n_origins; i++)
        buf_free(&st->origins[i].values);
    free(st->items);
    free(st->origins);
    *st = (struct w_state){0};
}

struct w_item *world_by_id(const struct world *w, uint64_t id)
{
    for (size_t i = 0; i < w->st.n_items; i++)
        if (w->st.items[i].id == id)
            return &w->st.items[i];
    return NULL;
}

static struct w_item *item_by_key(const struct world *w, uint32_t coll, struct span key)
{
    for (size_t i = 0; i < w->st.n_items; i++)
        if (w->st.items[i].coll == coll && span_eq(span_of(w->st.items[i].key), key))
            return &w->st.items[i];
    return NULL;
}

struct w_item *world_item(const struct world *w, uint32_t coll, const char *key)
{
    return item_by_key(w, coll, span_of(key));
}

static struct w_item *add_item(struct world *w, uint32_t coll, struct span key)
{
    struct w_item *items = reallocarray(w->st.items, w->st.n_items + 1, sizeof *items);
    MUST(items);
    w->st.items = items;
    items[w->st.n_items] = (struct w_item){.id = ((uint64_t)coll << 40) + w->st.next_id++,
                                           .coll = coll,
                                           .key = strndup(key.p, key.n)};
    return &items[w->st.n_items++];
}

static void add_origin(struct world *w, uint32_t step, struct span values, uint64_t id)
{
    struct w_origin *o = reallocarray(w->st.origins, w->st.n_origins + 1, sizeof *o);
    MUST(o);
    w->st.origins = o;
    o[w->st.n_origins++] = (struct w_origin){step, id, buf_of(values)};
}

static void store(struct w_item *it, const struct record *r)
{
    struct buf b = BUF_INIT;
    MUST(record_encode(r, &b));
    buf_free(&it->body);
    it->body = b;
}

/* ---- Extracted records ---- */

static void values_encode(const struct span *values, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        MUST(buf_addvarint(out, values[i].p ? values[i].n + 1 : 0));
        if (values[i].p)
            MUST(buf_addspan(out, values[i]));
    }
}

static const struct w_origin *find_origin(const struct world *w, uint32_t step, struct span vals)
{
    for (size_t i = 0; i < w->st.n_origins; i++)
        if (w->st.origins[i].step == step && span_eq(buf_span(&w->st.origins[i].values), vals))
            return &w->st.origins[i];
    return NULL;
}

static const struct version *link_version(const struct world *w, const struct link *l)
{
    for (size_t i = 0; i < w->n_entries; i++)
        if (l->step >= w->entries[i].v->step_first && l->step < w->entries[i].v->step_end)
            return w->entries[i].v;
    return NULL;
}

/* What the record holds now in the fields that it was made from. */
static int present_values(struct world *w, const struct link *l, const struct w_item *it,
                          struct buf *out, struct err *e)
{
    const struct version *v = link_version(w, l);
    const struct shape *s = shapes_find(l->shapes, l->n_shapes, l->target_shape);
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct lens lens;
    int rc = 0;

    lens_init(&lens, w->cat, w->env, &w->lens.world);
    if (record_decode(buf_span(&it->body), &rec, e))
        return -1;
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        struct field f = {.name = "", .type = l->types[i], .slot = l->there[i]};
        struct span value;
        bool set;
        rc = lens_field(&lens, v, s, &f, &rec, span_of(it->key), false, &value, &set, e);
        if (rc == 0)
            values_encode(&(struct span){set ? value.p : NULL, set ? value.n : 0}, 1, out);
    }
    lens_deinit(&lens);
    return rc;
}

static int find_present(struct world *w, const struct link *l, struct span vals, uint64_t *ret_id,
                        struct err *e)
{
    *ret_id = 0;
    for (size_t i = 0; i < w->st.n_items && !*ret_id; i++) {
        struct buf now BUF_CLEANUP = BUF_INIT;
        if (w->st.items[i].coll != l->target_coll)
            continue;
        if (present_values(w, l, &w->st.items[i], &now, e))
            return -1;
        if (span_eq(buf_span(&now), vals))
            *ret_id = w->st.items[i].id;
    }
    return 0;
}

static int record_from_text(struct world *w, struct lens *lens, const struct link *l,
                            const struct span *values, struct span key, struct record *ret,
                            struct err *e)
{
    const struct version *v = link_version(w, l);
    const struct shape *s = shapes_find(l->shapes, l->n_shapes, l->target_shape);
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct lens_change change;
    bool first = true;

    MUST(buf_addc(&text, '{'));
    for (size_t i = 0; i < l->n; i++) {
        const struct field *f = shape_field_by_slot(s, l->there[i]);
        if (!values[i].p)
            continue;
        MUST(buf_adds(&text, first ? "" : ", ") && json_write_string(span_of(f->name), &text) &&
             buf_adds(&text, ": ") && buf_addspan(&text, values[i]));
        first = false;
    }
    MUST(buf_addc(&text, '}'));
    struct span kept = {arena_strndup(&lens->arena, text.p, text.n), text.n};
    return lens_put(lens, v, s, key, kept, true, NULL, NULL, ret, &change, e);
}

static int record_from_values(struct world *w, struct lens *lens, const struct link *l,
                              const struct span *values, struct span key, struct record *ret,
                              struct err *e)
{
    struct record first RECORD_CLEANUP = RECORD_INIT;
    bool changed;

    for (size_t i = 0; i < l->n; i++)
        if (type_structured(l->types[i]))
            return record_from_text(w, lens, l, values, key, ret, e);
    first.gen = l->step;
    for (size_t i = 0; i < l->n; i++)
        if (values[i].p)
            MUST(record_set(&first, l->there[i], ENTRY_VALUE, values[i]));
    return lens_materialize(lens, l->target_coll, key, &first, w->cat->last_step, ret, &changed, e);
}

static int free_key(struct world *w, const struct link *l, const struct span *values,
                    struct buf *out)
{
    MUST(key_from_values(values, l->types, l->n, out));
    size_t plain = out->n;
    for (unsigned n = 2; item_by_key(w, l->target_coll, buf_span(out)); n++) {
        out->n = plain;
        MUST(buf_printf(out, "~%u", n));
    }
    return 0;
}

static int make_record(struct world *w, const struct link *l, const struct span *values,
                       bool present, uint64_t *ret_id, struct err *e)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct buf key BUF_CLEANUP = BUF_INIT;
    struct lens lens;
    bool was_fresh = w->fresh;

    if (w->depth >= MAX_DEPTH)
        return err_set(e, ERR_INVALID, "extracted types refer to each other without end");
    free_key(w, l, values, &key);
    lens_init(&lens, w->cat, w->env, &w->lens.world);
    w->depth++;
    w->fresh = present;
    int rc = record_from_values(w, &lens, l, values, buf_span(&key), &rec, e);
    w->fresh = was_fresh;
    w->depth--;
    if (rc == 0) {
        struct w_item *it = add_item(w, l->target_coll, buf_span(&key));
        it->made = true;
        store(it, &rec);
        *ret_id = it->id;
    }
    lens_deinit(&lens);
    return rc;
}

static int on_extract(void *arg, const struct link *l, const struct span *values, bool origin,
                      uint64_t *ret_id, struct err *e)
{
    struct world *w = arg;
    struct buf vals BUF_CLEANUP = BUF_INIT;
    bool present = !origin || w->fresh;

    values_encode(values, l->n, &vals);
    const struct w_origin *o = find_origin(w, l->step, buf_span(&vals));
    if (o && !present) {
        *ret_id = o->id;
        return 0;
    }
    if (find_present(w, l, buf_span(&vals), ret_id, e))
        return -1;
    if (!*ret_id && make_record(w, l, values, present, ret_id, e))
        return -1;
    if (!o)
        add_origin(w, l->step, buf_span(&vals), *ret_id);
    return 0;
}

static int on_origin_of(void *arg, const struct link *l, const struct span *values,
                        uint64_t *ret_id, struct buf *ret_key, struct err *e)
{
    struct buf vals BUF_CLEANUP = BUF_INIT;
    (void)e;
    values_encode(values, l->n, &vals);
    const struct w_origin *o = find_origin(arg, l->step, buf_span(&vals));
    *ret_id = o ? o->id : 0;
    if (!o)
        MUST(key_from_values(values, l->types, l->n, ret_key));
    return 0;
}

/* Makes all records of an extracted type, as its first listing does. */
static int derive(struct world *w, uint32_t coll, struct err *e)
{
    for (size_t k = 0; k < w->cat->n_links; k++) {
        const struct link *l = w->cat->links[k];
        if (l->target_coll != coll || w->depth >= MAX_DEPTH)
            continue;
        w->depth++;
        int rc = derive(w, l->coll, e);
        for (size_t i = 0; i < w->st.n_items && rc == 0; i++) {
            struct record cur RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
            struct buf body BUF_CLEANUP = buf_of(buf_span(&w->st.items[i].body));
            struct lens lens;
            bool changed;
            if (w->st.items[i].coll != l->coll || record_decode(buf_span(&body), &cur, e) ||
                cur.gen >= l->step)
                continue;
            lens_init(&lens, w->cat, w->env, &w->lens.world);
            char *key = strdup(w->st.items[i].key); /* the array may move */
            rc = lens_materialize(&lens, l->coll, span_of(key), &cur, l->step, &now, &changed, e);
            free(key);
            lens_deinit(&lens);
        }
        w->depth--;
        if (rc)
            return -1;
    }
    return 0;
}

/* ---- What translation asks ---- */

static int on_key_of(void *arg, const struct version *v, uint32_t shape, uint64_t id,
                     struct buf *out, bool *found, struct err *e)
{
    struct w_item *it = world_by_id(arg, id);
    const struct shape *s = version_shape(v, shape);
    *found = it && (!s || s->coll == it->coll);
    return !*found || buf_adds(out, it->key) ? 0 : err_nomem(e);
}

static int on_id_of(void *arg, const struct version *v, uint32_t shape, struct span key,
                    uint64_t *ret_id, bool *found, struct err *e)
{
    struct shape *s = version_shape(v, shape);
    *found = false;
    if (!s)
        return 0;
    if (derive(arg, s->coll, e))
        return -1;
    struct w_item *it = item_by_key(arg, s->coll, key);
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

/* ---- Versions ---- */

void world_init(struct world *w, struct expr_env *env, const struct compiled *c)
{
    *w = (struct world){.env = env, .c = c, .st = {.next_id = 1}, .next = c->next[0]};
}

static void drop_catalog(struct world *w)
{
    if (!w->cat)
        return;
    lens_deinit(&w->lens);
    catalog_unref(w->cat);
    free(w->views);
    w->cat = NULL;
    w->views = NULL;
    w->n_views = 0;
}

void world_deinit(struct world *w)
{
    drop_catalog(w);
    state_free(&w->st);
}

static void add_views(struct world *w, size_t entry)
{
    const struct version *v = w->entries[entry].v;
    for (size_t i = 0; i < v->n_shapes; i++)
        if (v->shapes[i]->kind == SHAPE_ITEM)
            w->views[w->n_views++] = (struct view){w->index[entry], v, v->shapes[i]};
}

static void renew(struct world *w)
{
    struct lens_world lw = {.arg = w,
                            .key_of = on_key_of,
                            .id_of = on_id_of,
                            .record_of = on_record_of,
                            .origin_of = on_origin_of,
                            .extract = on_extract};
    struct err e = ERR_INIT;
    size_t n = 0;

    drop_catalog(w);
    MUST(catalog_new(w->entries, w->n_entries, 0, 1, &w->next, &w->cat, &e) == 0);
    lens_init(&w->lens, w->cat, w->env, &lw);
    for (size_t i = 0; i < w->n_entries; i++)
        n += w->entries[i].v->n_shapes;
    w->views = calloc(n + 1, sizeof *w->views);
    MUST(w->views);
    for (size_t i = 0; i < w->n_entries; i++)
        if (w->entries[i].state == VERSION_LIVE)
            add_views(w, i);
}

static bool has_version(const struct world *w, const struct version *v)
{
    for (size_t i = 0; i < w->n_entries; i++)
        if (w->entries[i].v == v)
            return true;
    return false;
}

void world_add(struct world *w, unsigned version)
{
    const struct version *v = w->c->v[version];
    if (has_version(w, v) || (v->base ? !has_version(w, v->base) : w->n_entries != 0))
        return;
    w->index[w->n_entries] = version;
    w->entries[w->n_entries++] = (struct catalog_entry){w->c->v[version], VERSION_LIVE};
    w->next = w->c->next[version + 1];
    renew(w);
}

void world_state(struct world *w, unsigned version, enum version_state state)
{
    for (size_t i = 0; i < w->n_entries; i++)
        if (version_descends(w->entries[i].v, w->c->v[version]))
            w->entries[i].state = state;
    renew(w);
}

const struct view *world_view(const struct world *w, unsigned version, const char *type)
{
    for (size_t i = 0; i < w->n_views; i++)
        if (w->views[i].index == version && !strcmp(w->views[i].s->name, type))
            return &w->views[i];
    return NULL;
}

/* ---- Items ---- */

int world_text(struct world *w, const struct view *vw, const struct w_item *it, bool line,
               struct buf *out, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT;
    if (record_decode(buf_span(&it->body), &cur, e))
        return -1;
    int rc = lens_text(&w->lens, vw->v, vw->s, &cur, span_of(it->key), line, out, e);
    lens_reset(&w->lens);
    return rc;
}

int world_open(struct world *w, const struct view *vw, const struct w_item *it, struct buf *ret,
               struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, snap RECORD_CLEANUP = RECORD_INIT;
    if (record_decode(buf_span(&it->body), &cur, e))
        return -1;
    int rc = lens_snapshot(&w->lens, vw->v, vw->s, &cur, span_of(it->key), &snap, e);
    if (rc == 0)
        MUST(record_encode(&snap, ret));
    lens_reset(&w->lens);
    return rc;
}

/* What a refused write had made is taken back, as its transaction would be. */
static void truncate_to(struct world *w, size_t n_items, size_t n_origins)
{
    while (w->st.n_items > n_items) {
        free(w->st.items[--w->st.n_items].key);
        buf_free(&w->st.items[w->st.n_items].body);
    }
    while (w->st.n_origins > n_origins)
        buf_free(&w->st.origins[--w->st.n_origins].values);
}

static int put(struct world *w, const struct view *vw, const char *key, struct span text,
               const struct record *base, const struct record *cur, struct err *e)
{
    struct record ret RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;
    int rc = lens_put(&w->lens, vw->v, vw->s, span_of(key), text, false, base, cur, &ret, &change,
                      e);
    if (rc == 0) {
        struct w_item *it = world_item(w, vw->s->coll, key);
        if (!it)
            it = add_item(w, vw->s->coll, span_of(key));
        it->made = false;
        store(it, &ret);
    }
    lens_reset(&w->lens);
    return rc;
}

int world_put(struct world *w, const struct view *vw, const char *key, struct span text,
              const struct buf *base, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, was RECORD_CLEANUP = RECORD_INIT;
    struct buf body BUF_CLEANUP = BUF_INIT;
    size_t n_items = w->st.n_items, n_origins = w->st.n_origins;
    struct w_item *it;

    if (derive(w, vw->s->coll, e))
        return -1;
    it = world_item(w, vw->s->coll, key);
    if (it) {
        body = buf_of(buf_span(&it->body));
        if (record_decode(buf_span(&body), &cur, e))
            return -1;
    }
    if (base && record_decode(buf_span(base), &was, e))
        return -1;
    int rc = put(w, vw, key, text, base ? &was : NULL, it ? &cur : NULL, e);
    if (rc)
        truncate_to(w, n_items, n_origins);
    return rc;
}

int world_rekey(struct world *w, const struct view *vw, struct w_item *it, const char *key,
                struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    struct buf body BUF_CLEANUP = BUF_INIT;
    struct lens_change change;
    uint64_t id = it->id;

    if (derive(w, it->coll, e))
        return -1;
    it = world_by_id(w, id);
    if (world_bring(w, (size_t)(it - w->st.items), w->cat->last_step, e))
        return -1;
    it = world_by_id(w, id);
    buf_free(&body);
    body = buf_of(buf_span(&it->body));
    if (record_decode(buf_span(&body), &cur, e))
        return -1;
    char *old = it->key;
    it->key = strdup(key);
    int rc = lens_rekey(&w->lens, vw->v, vw->s, span_of(old), span_of(key), &cur, &ret, &change, e);
    free(old);
    if (rc == 0) {
        it = world_by_id(w, id);
        it->made = false;
        store(it, &ret);
    }
    lens_reset(&w->lens);
    return rc;
}

int world_bring(struct world *w, size_t item, uint32_t upto, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    struct buf body BUF_CLEANUP = buf_of(buf_span(&w->st.items[item].body));
    char *key = strdup(w->st.items[item].key);
    bool changed;

    if (record_decode(buf_span(&body), &cur, e)) {
        free(key);
        return -1;
    }
    int rc = lens_materialize(&w->lens, w->st.items[item].coll, span_of(key), &cur, upto, &ret,
                              &changed, e);
    if (rc == 0)
        store(&w->st.items[item], &ret);
    lens_reset(&w->lens);
    free(key);
    return rc;
}
