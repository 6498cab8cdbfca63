#include "world_int.h"

/* ---- State ---- */

struct buf world_bytes(struct span s)
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
        to->items[i].body = world_bytes(buf_span(&from->items[i].body));
    }
    for (size_t i = 0; i < from->n_origins; i++) {
        to->origins[i] = from->origins[i];
        to->origins[i].values = world_bytes(buf_span(&from->origins[i].values));
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

struct w_item *world_by_key(const struct world *w, uint32_t coll, struct span key)
{
    for (size_t i = 0; i < w->st.n_items; i++)
        if (w->st.items[i].coll == coll && span_eq(span_of(w->st.items[i].key), key))
            return &w->st.items[i];
    return NULL;
}

struct w_item *world_item(const struct world *w, uint32_t coll, const char *key)
{
    return world_by_key(w, coll, span_of(key));
}

struct w_item *world_add_item(struct world *w, uint32_t coll, struct span key)
{
    struct w_item *items = reallocarray(w->st.items, w->st.n_items + 1, sizeof *items);
    MUST(items);
    w->st.items = items;
    items[w->st.n_items] = (struct w_item){.id = ((uint64_t)coll << 40) + w->st.next_id++,
                                           .coll = coll,
                                           .key = strndup(key.p, key.n)};
    return &items[w->st.n_items++];
}

void world_store(struct w_item *it, const struct record *r)
{
    struct buf b = BUF_INIT;
    MUST(record_encode(r, &b));
    buf_free(&it->body);
    it->body = b;
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
    struct lens_world lw = world_calls(w);
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

bool world_has(const struct world *w, unsigned version)
{
    return w->c->v[version] && has_version(w, w->c->v[version]);
}

/* A field is brought back whose values finalize has dropped: refused, as by store/addition.c. */
static bool shows_gone(const struct world *w, const struct version *v)
{
    for (size_t i = 0; i < v->n_shapes && w->cat; i++)
        for (size_t k = 0; k < v->shapes[i]->n_fields; k++) {
            slot_no slot = v->shapes[i]->fields[k].slot;
            if (slot < w->cat->n_slots && w->cat->slots[slot].is_gone)
                return true;
        }
    return false;
}

void world_add(struct world *w, unsigned version)
{
    const struct version *v = w->c->v[version];
    if (has_version(w, v) || (v->base ? !has_version(w, v->base) : w->n_entries != 0) || shows_gone(w, v))
        return;
    w->index[w->n_entries] = version;
    w->entries[w->n_entries++] = (struct catalog_entry){w->c->v[version], VERSION_LIVE};
    w->next = w->c->next[version + 1];
    renew(w);
}

void world_state(struct world *w, unsigned version, enum version_state state)
{
    for (size_t i = 0; i < w->n_entries; i++)
        if (version_descends(w->entries[i].v, w->c->v[version]) &&
            w->entries[i].state != VERSION_GONE)
            w->entries[i].state = state;
    renew(w);
}

void world_like(struct world *w, const struct world *other)
{
    for (size_t i = 0; i < w->n_entries; i++)
        for (size_t k = 0; k < other->n_entries; k++)
            if (w->entries[i].v == other->entries[k].v)
                w->entries[i].state = other->entries[k].state;
    if (w->n_entries)
        renew(w);
}

static bool is_live(const struct world *w, unsigned version)
{
    for (size_t i = 0; i < w->n_entries; i++)
        if (w->index[i] == version)
            return w->entries[i].state == VERSION_LIVE;
    return false;
}

int world_finalize(struct world *w, unsigned version, struct err *e)
{
    uint32_t end = w->c->v[version]->step_end;
    if (!is_live(w, version))
        return 0;
    for (size_t i = 0; i < w->st.n_items; i++)
        if (world_bring(w, i, end ? end - 1 : 0, e))
            return -1;
    for (size_t i = 0; i < w->n_entries; i++)
        if (!version_descends(w->entries[i].v, w->c->v[version]) ||
            w->entries[i].state != VERSION_LIVE)
            w->entries[i].state = VERSION_GONE;
    renew(w);
    return 0;
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
    struct shape hold;
    if (record_decode(buf_span(&it->body), &cur, e))
        return -1;
    w->reading = true;
    int rc = lens_text(&w->lens, vw->v, shape_of_coll(vw->s, it->coll, &hold), &cur,
                       span_of(it->key), line, out, e);
    w->reading = false;
    lens_reset(&w->lens);
    return rc;
}

int world_open(struct world *w, const struct view *vw, const struct w_item *it, struct buf *ret,
               struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, snap RECORD_CLEANUP = RECORD_INIT;
    struct shape hold;
    if (record_decode(buf_span(&it->body), &cur, e))
        return -1;
    w->reading = true;
    int rc = lens_snapshot(&w->lens, vw->v, shape_of_coll(vw->s, it->coll, &hold), &cur,
                           span_of(it->key), &snap, e);
    w->reading = false;
    if (rc == 0)
        MUST(record_encode(&snap, ret));
    lens_reset(&w->lens);
    return rc;
}

/* References to it resolve, under the key that it is about to have. */
static void be_pending(struct world *w, const struct view *vw, uint64_t id, const char *key)
{
    w->pending = id;
    w->pending_space = shape_space(vw->s);
    w->pending_key = key;
}

struct putting {
    const struct shape *s; /* for the item's collection */
    const char *key;
    struct span text;
    const struct record *base;
};

/* cur: spans in the lens's arena. */
static int put_once(struct world *w, const struct view *vw, uint64_t id, const struct putting *p, struct record *cur,
                    struct record *ret, struct err *e)
{
    const struct w_item *it = id ? world_by_id(w, id) : NULL;
    struct lens_change change;

    if (it) {
        struct span body = {arena_strndup(&w->lens.arena, it->body.p, it->body.n), it->body.n};
        MUST(body.p);
        if (record_decode(body, cur, e))
            return -1;
    }
    return lens_put(&w->lens, vw->v, p->s, span_of(p->key), p->text, false, p->base, it ? cur : NULL, ret, &change, e);
}

/* Again when it had others brought up to date: that may have written this item, or taken its names. As in
 * store/commit.c. */
static int translate(struct world *w, const struct view *vw, uint64_t id, const struct putting *p, struct record *cur,
                     struct record *ret, struct err *e)
{
    size_t given;
    int rc;

    do {
        given = w->given;
        rc = lens_undo(&w->lens, e) || put_once(w, vw, id, p, cur, ret, e) ? -1 : 0;
    } while (rc == 0 && w->given != given);
    return rc;
}

static int put(struct world *w, const struct view *vw, uint64_t id, const char *key,
               struct span text, const struct record *base, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    struct putting p = {.key = key, .text = text, .base = base};
    struct shape hold;
    uint32_t coll;

    if (world_place(vw, id ? world_by_id(w, id) : NULL, text, &coll, e))
        return -1;
    uint64_t number = id ? id : ((uint64_t)coll << 40) + w->st.next_id++;
    if (!id)
        be_pending(w, vw, number, key);
    p.s = shape_of_coll(vw->s, coll, &hold);
    int rc = translate(w, vw, id, &p, &cur, &ret, e);
    w->pending = 0;
    if (rc == 0) {
        struct w_item *it = id ? world_by_id(w, id) : world_add_item(w, coll, span_of(key));
        it->id = number;
        it->made = false;
        world_take_key(it, &ret);
        w->last = it->id;
        rc = world_keep(w, it->id, &ret, e);
    }
    lens_reset(&w->lens);
    while (w->n_spares > 0) /* what the write before made goes, if this one did not make it anew */
        if (world_remove(w, w->spares[--w->n_spares]))
            w->removed--;
    return rc;
}

/* Like a transaction: what a refused write had made or changed is as before. */
static void world_undo(struct world *w, struct w_state *before, int rc)
{
    struct w_state now = w->st;
    if (rc)
        w->st = *before;
    else
        now = *before;
    state_free(&now);
}

static int put_over(struct world *w, const struct view *vw, uint64_t id, const char *key,
                    struct span text, const struct buf *base, struct err *e)
{
    struct record was RECORD_CLEANUP = RECORD_INIT;
    const struct w_item *it = id ? world_by_id(w, id) : NULL;
    struct buf name BUF_CLEANUP = world_bytes(span_of(it ? it->key : key));

    if (!it && world_by_shown(w, vw->s, span_of(key)))
        return err_set(e, ERR_EXISTS, "the key is taken in another part");
    if (base && record_decode(buf_span(base), &was, e))
        return -1;
    return put(w, vw, id, buf_str(&name), text, base ? &was : NULL, e);
}

/* Whichever of a merged type's collections the item goes to. */
static int derive_given(struct world *w, const struct shape *s, struct err *e)
{
    int rc = world_derive_given(w, s->coll, false, e);
    for (size_t i = 0; i < s->n_colls && rc == 0; i++)
        rc = world_derive_given(w, s->colls[i], false, e);
    return rc;
}

int world_put(struct world *w, const struct view *vw, uint64_t id, const char *key,
              struct span text, const struct buf *base, struct err *e)
{
    struct w_state before;
    if (world_derive(w, vw, true, e) || world_settle_past(w, e) || (!id && derive_given(w, vw->s, e)))
        return -1;
    state_copy(&w->st, &before);
    int rc = put_over(w, vw, id, key, text, base, e);
    world_undo(w, &before, rc);
    return rc;
}

static int is_it(void *arg, slot_no slot, uint64_t target)
{
    (void)slot;
    return target == *(const uint64_t *)arg;
}

bool world_refers(struct world *w, const struct w_item *holder, uint64_t id)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    struct lens lens;

    MUST(record_decode(buf_span(&holder->body), &rec, &e) == 0);
    lens_init(&lens, w->cat, w->env, &w->lens.world);
    bool is = lens_refs(&lens, &rec, is_it, &id, &e) == 1;
    lens_deinit(&lens);
    return is;
}

bool world_is_referred_to(struct world *w, uint64_t id)
{
    bool is = false;
    struct err e = ERR_INIT;
    MUST(world_settle_past(w, &e) == 0 && world_derive_given(w, world_by_id(w, id)->coll, true, &e) == 0);
    for (size_t i = 0; i < w->st.n_items && !is; i++)
        is = w->st.items[i].id != id && world_refers(w, &w->st.items[i], id);
    return is;
}

void world_drop(struct world *w, uint64_t id)
{
    struct w_item *it = world_by_id(w, id);
    size_t at = (size_t)(it - w->st.items);
    w->removed++;
    free(it->key);
    buf_free(&it->body);
    memmove(it, it + 1, (--w->st.n_items - at) * sizeof *it);
}

bool world_remove(struct world *w, uint64_t id)
{
    bool is = !world_is_referred_to(w, id);
    if (is)
        world_drop(w, id);
    return is;
}

static int rekey(struct world *w, const struct view *vw, uint64_t id, const char *key,
                 struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    struct w_item *it = world_by_id(w, id);
    struct lens_change change;
    struct shape hold;

    if (world_bring(w, (size_t)(it - w->st.items), w->cat->last_step, e))
        return -1;
    it = world_by_id(w, id);
    struct buf body BUF_CLEANUP = world_bytes(buf_span(&it->body)), own BUF_CLEANUP = BUF_INIT;
    MUST(buf_adds(&own, it->key));
    if (record_decode(buf_span(&body), &cur, e))
        return -1;
    be_pending(w, vw, id, key);
    int rc = lens_rekey(&w->lens, vw->v, shape_of_coll(vw->s, it->coll, &hold), buf_span(&own),
                        span_of(key), &cur, &ret, &change, e);
    w->pending = 0;
    if (rc == 0) {
        it = world_by_id(w, id);
        it->made = false;
        world_take_key(it, &ret);
        rc = world_keep(w, id, &ret, e);
    }
    lens_reset(&w->lens);
    return rc;
}

int world_rekey(struct world *w, const struct view *vw, uint64_t id, const char *to, struct err *e)
{
    struct w_state before;
    if (world_derive(w, vw, true, e) || world_settle_past(w, e) || world_derive_quoting(w, world_by_id(w, id)->coll, e) ||
        world_derive_given(w, world_by_id(w, id)->coll, false, e))
        return -1;
    state_copy(&w->st, &before);
    int rc = rekey(w, vw, id, to, e);
    world_undo(w, &before, rc);
    return rc;
}

int world_bring(struct world *w, size_t item, uint32_t upto, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    struct buf body BUF_CLEANUP = world_bytes(buf_span(&w->st.items[item].body));
    struct buf key BUF_CLEANUP = world_bytes(span_of(w->st.items[item].key));
    struct lens lens; /* it may be brought in the middle of another item's work */
    bool changed;

    if (record_decode(buf_span(&body), &cur, e))
        return -1;
    lens_init(&lens, w->cat, w->env, &w->lens.world);
    int rc = lens_materialize(&lens, w->st.items[item].coll, buf_span(&key), &cur, upto, &ret,
                              &changed, e);
    if (rc == 0)
        rc = world_keep(w, w->st.items[item].id, &ret, e);
    lens_deinit(&lens);
    return rc;
}
