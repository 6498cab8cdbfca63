/* What translation sees of the store: the lens_world of a connection. */
#include "internal.h"

#include <assert.h>

static int world_key_of(void *arg, const struct version *v, uint32_t shape, uint64_t id,
                        struct buf *out, bool *found, struct err *e)
{
    struct world *w = arg;
    const struct shape *s = version_shape(v, shape);
    sqlite3_stmt *st;
    bool row;

    *found = false;
    if (s && s->coll != id_coll(id))
        return 0;
    if (w->pending_id && w->pending_id == id) {
        *found = true;
        return buf_addspan(out, w->pending_key) ? 0 : err_nomem(e);
    }
    st = conn_stmt(w->c, STMT_ITEM_KEY, e);
    if (!st)
        return -1;
    bind_id(st, 1, id);
    if (conn_step(w->c, st, &row, e))
        return -1;
    *found = row;
    if (row && !buf_addspan(out, column_span(st, 0))) {
        stmt_done(st);
        return err_nomem(e);
    }
    stmt_done(st);
    return 0;
}

/* The type must stand in the tables before a name of it is looked up. */
static int world_derive(struct world *w, uint32_t coll, struct err *e)
{
    if (w->tx)
        return derive_coll_tx(w->tx, coll, e);
    if (coll_is_derived(w->c->store, coll))
        return 0;
    w->needs_derive = derive_link_of(w->c->lens.cat, coll);
    return w->needs_derive ? err_set(e, ERR_INTERRUPTED, "a type has to be derived first") : 0;
}

static int world_id_of(void *arg, const struct version *v, uint32_t shape, struct span key,
                       uint64_t *ret_id, bool *found, struct err *e)
{
    struct world *w = arg;
    const struct shape *s = version_shape(v, shape);

    *found = false;
    if (!s || s->kind != SHAPE_ITEM)
        return 0;
    if (w->pending_id && id_coll(w->pending_id) == s->coll && span_eq(w->pending_key, key)) {
        *ret_id = w->pending_id;
        *found = true;
        return 0;
    }
    if (world_derive(w, s->coll, e))
        return -1;
    return item_find_id(w->c, s->coll, key, ret_id, found, e);
}

static int world_record_of(void *arg, uint64_t id, struct buf *hold, bool *found, struct err *e)
{
    struct world *w = arg;
    sqlite3_stmt *st = conn_stmt(w->c, STMT_ITEM_BODY, e);
    bool row;
    int rc = 0;

    if (!st)
        return -1;
    bind_id(st, 1, id);
    if (conn_step(w->c, st, &row, e))
        return -1;
    *found = row;
    if (row && !buf_addspan(hold, column_span(st, 0)))
        rc = err_nomem(e);
    stmt_done(st);
    return rc;
}

static int world_origin_of(void *arg, const struct link *l, const struct span *values,
                           uint64_t *ret_id, struct buf *ret_key, struct err *e)
{
    struct world *w = arg;
    return derive_origin_of(w->c, l, values, ret_id, ret_key, e);
}

static int world_extract(void *arg, const struct link *l, const struct span *values, bool origin,
                         uint64_t *ret_id, struct err *e)
{
    struct world *w = arg;
    assert(w->tx);
    return derive_extract(w->tx, l, values, origin, ret_id, e);
}

static int world_assign(void *arg, const struct link *l, uint64_t id, struct span holder_key,
                        const struct span *values, bool only_unset, uint64_t *ret_id, struct err *e)
{
    struct world *w = arg;
    assert(w->tx);
    return item_assign(w->tx, l, id, holder_key, values, only_unset, ret_id, e);
}

void world_init(struct conn *c)
{
    struct lens_world w = {
        .arg = &c->world,
        .key_of = world_key_of,
        .id_of = world_id_of,
        .record_of = world_record_of,
        .origin_of = world_origin_of,
        .extract = c->writer ? world_extract : NULL,
        .assign = c->writer ? world_assign : NULL,
    };
    c->world.c = c;
    lens_init(&c->lens, NULL, c->env, &w);
}

void tx_sub_lens(struct store_tx *tx, struct lens *ret)
{
    lens_init(ret, tx->cat, tx->c->env, &tx->c->lens.world);
}
