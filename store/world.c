/* What translation sees of the store: the lens_world of a connection. */
#include "internal.h"

#include <assert.h>

/* The naming's rows must all be there before a name of it is looked up or shown. */
static int derive_naming(struct conn_world *w, const struct naming *n, struct err *e)
{
    if (!n || derive_is_done(w->c->store, w->tx, n->step))
        return 0;
    if (w->tx)
        return derive_names_tx(w->tx, n, e);
    w->needs_derive = n->step;
    return err_set(e, ERR_INTERRUPTED, "a type's keys have to be derived first");
}

static int derive_names(struct conn_world *w, const struct shape *s, struct err *e)
{
    return derive_naming(w, s ? names_of_shape(w->c->lens.cat, s) : NULL, e);
}

/* Own keys need no record. */
static int item_key(const struct shape *s, sqlite3_stmt *st, struct buf *out, struct err *e)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct span key;

    if (!s || !s->key)
        return buf_addspan(out, column_span(st, 0)) ? 0 : err_nomem(e);
    if (record_decode(column_span(st, 1), &rec, e) || names_key(&rec, s->key, out, &key, e))
        return -1;
    return key.p || buf_addspan(out, column_span(st, 0)) ? 0 : err_nomem(e);
}

static int world_key_of(void *arg, const struct version *v, uint32_t shape, uint64_t id,
                        struct buf *out, bool *found, struct err *e)
{
    struct conn_world *w = arg;
    const struct shape *s = version_shape(v, shape);
    sqlite3_stmt *st;
    int rc = 0;

    *found = false;
    if (s && !shape_has_coll(s, id_coll(id)))
        return 0;
    if (w->pending_id && w->pending_id == id) {
        *found = true;
        return buf_addspan(out, w->pending_key) ? 0 : err_nomem(e);
    }
    if (derive_names(w, s, e))
        return -1;
    st = conn_stmt(w->c, s && s->key ? STMT_ITEM_KEY_BODY : STMT_ITEM_KEY, e);
    if (!st)
        return -1;
    bind_id(st, 1, id);
    if (conn_step(w->c, st, found, e))
        return -1;
    if (*found)
        rc = item_key(s, st, out, e);
    stmt_done(st);
    if (rc || *found || !w->as_of || !s)
        return rc;
    return history_last_key(w->c, s, id, out, found, e);
}

/* The type must stand in the tables before a name of it is looked up. */
static int world_derive(struct conn_world *w, uint32_t coll, struct err *e)
{
    const struct link *l;

    if (w->tx)
        return derive_coll_tx(w->tx, coll, e);
    if (coll_is_derived(w->c->store, coll))
        return 0;
    l = derive_link_of(w->c->lens.cat, coll);
    w->needs_derive = l ? l->step : 0;
    return l ? err_set(e, ERR_INTERRUPTED, "a type has to be derived first") : 0;
}

static int world_id_of(void *arg, const struct version *v, uint32_t shape, struct span key,
                       uint64_t *ret_id, bool *found, struct err *e)
{
    struct conn_world *w = arg;
    const struct shape *s = version_shape(v, shape);

    *found = false;
    w->looked_up++;
    if (!s || !s->coll)
        return 0;
    if (w->pending_id && w->pending_space == shape_space(s) && span_eq(w->pending_key, key)) {
        *ret_id = w->pending_id;
        *found = true;
        return 0;
    }
    if (world_derive(w, s->coll, e) || derive_names(w, s, e))
        return -1;
    return item_find_id(w->c, shape_space(s), key, ret_id, found, e);
}

static int world_stands_in(void *arg, const struct shape *part, uint64_t id, bool *ret,
                           struct err *e)
{
    struct conn_world *w = arg;
    const struct catalog *cat = w->c->lens.cat;
    uint64_t member;

    *ret = true;
    if (w->pending_id == id)
        return 0;
    for (size_t i = 0; i < cat->n_namings; i++)
        if (shape_uses(part, cat->namings[i]) && derive_naming(w, cat->namings[i], e))
            return -1;
    return item_shown_id(w->c, part, id_number(id), &member, ret, e);
}

/* The item that has the key in a merged type is of a later collection, and shown under its own key
 * only while nobody before it is called so. */
static int gives_way(struct conn_world *w, const struct key_rule *rule, struct span key, uint64_t owner,
                     bool *ret, struct err *e)
{
    uint64_t id = 0;
    bool found = false;

    *ret = false;
    for (size_t i = rule->rank + 1; i < rule->n_colls; i++)
        if (rule->colls[i] == id_coll(owner) &&
            item_find_id(w->c, id_coll(owner), key, &id, &found, e))
            return -1;
    *ret = found && id == owner;
    return 0;
}

static int world_name_taken(void *arg, const struct key_rule *rule, struct span key,
                            enum name_state *ret, struct err *e)
{
    struct conn_world *w = arg;
    uint64_t id = 0;
    bool found = false, way = false;

    for (size_t i = 0; i < rule->rank && !found; i++)
        if (item_find_id(w->c, rule->colls[i], key, &id, &found, e))
            return -1;
    *ret = NAME_YIELDED;
    if (found)
        return 0;
    if (item_find_id(w->c, rule->space, key, &id, &found, e) ||
        (found && gives_way(w, rule, key, id, &way, e)))
        return -1;
    *ret = found && !way ? NAME_TAKEN : NAME_FREE;
    return 0;
}

/* A record of item id by a statement that wants the id, and the time when it asks for one. */
static int world_record_by(struct conn_world *w, enum stmt stmt, uint64_t id, struct buf *hold,
                           bool *found, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(w->c, stmt, e);
    int rc = 0;

    if (!st)
        return -1;
    bind_id(st, 1, id);
    if (stmt == STMT_HISTORY_AS_OF)
        sqlite3_bind_int64(st, 2, w->as_of_ns);
    if (conn_step(w->c, st, found, e))
        return -1;
    if (*found && !record_is_whole(column_span(st, 0)))
        rc = item_damaged(w->c, id, "its checksum is another", e);
    else if (*found && !buf_addspan(hold, column_span(st, 0)))
        rc = err_nomem(e);
    stmt_done(st);
    return rc;
}

/* As of a time: what was replaced first from then on, or what is there still, or the last there was
 * (it went in the same operation, of which only the last is kept). */
static int world_record_of(void *arg, uint64_t id, struct buf *hold, bool *found, struct err *e)
{
    static const enum stmt as_of[] = {STMT_HISTORY_AS_OF, STMT_ITEM_BODY, STMT_HISTORY_NEWEST};
    struct conn_world *w = arg;

    if (!w->as_of)
        return world_record_by(w, STMT_ITEM_BODY, id, hold, found, e);
    *found = false;
    for (size_t i = 0; i < sizeof as_of / sizeof as_of[0] && !*found; i++)
        if (world_record_by(w, as_of[i], id, hold, found, e))
            return -1;
    return 0;
}

static int world_origin_of(void *arg, const struct link *l, const struct link_values *values,
                           uint64_t *ret_id, struct buf *ret_key, struct err *e)
{
    struct conn_world *w = arg;
    return derive_origin_of(w->c, l, values, ret_id, ret_key, e);
}

static int world_extract(void *arg, const struct link *l, const struct link_values *values,
                         bool origin, uint64_t *ret_id, struct err *e)
{
    struct conn_world *w = arg;
    assert(w->tx);
    return derive_extract(w->tx, l, values, origin, ret_id, e);
}

static int world_assign(void *arg, const struct link *l, uint64_t id, struct span holder_key,
                        const struct span *values, bool only_unset, uint64_t *ret_id, struct err *e)
{
    struct conn_world *w = arg;
    assert(w->tx);
    return item_assign(w->tx, l, id, holder_key, values, only_unset, ret_id, e);
}

static int world_restore(void *arg, uint64_t id, const struct record *rec, bool *ret_is, struct err *e)
{
    struct conn_world *w = arg;
    assert(w->tx);
    return item_restore(w->tx, id, rec, ret_is, e);
}

void conn_world_init(struct conn *c)
{
    struct lens_world w = {
        .arg = &c->world,
        .key_of = world_key_of,
        .id_of = world_id_of,
        .stands_in = world_stands_in,
        .record_of = world_record_of,
        .origin_of = world_origin_of,
        .extract = c->writer ? world_extract : NULL,
        .assign = c->writer ? world_assign : NULL,
        .restore = c->writer ? world_restore : NULL,
        .name_taken = c->writer ? world_name_taken : NULL,
    };
    c->world.c = c;
    lens_init(&c->lens, NULL, c->env, &w);
}

void tx_sub_lens(struct store_tx *tx, struct lens *ret)
{
    lens_init(ret, tx->cat, tx->c->env, &tx->c->lens.world);
}
