/* Keeping revisions: called by what replaces and removes records, in their transaction.
 *
 * All rows that one operation on one item makes have one time, its stamp: what the operation changed in
 * other items is then found by "as of that time", whichever was written first. Stamps only grow,
 * whatever the clock does, and so do the numbers of revisions with them. */
#include "internal.h"

#include "history.h"
#include "../schemas/clock.h"

void history_begin(struct store_tx *tx)
{
    tx->stamp = 0;
}

int64_t history_stamp(struct store_tx *tx)
{
    struct store *s = tx->store;

    if (!tx->stamp)
        tx->stamp = tx->now_ns > s->history.last_ns ? tx->now_ns : s->history.last_ns + 1;
    s->history.last_ns = tx->stamp;
    return tx->stamp;
}

/* What only moves values to where a newer step has them changes no text. */
static bool keeps(const struct store_tx *tx)
{
    return !tx->rewriting && !tx->deriving && !tx->quiet;
}

static int keep(struct store_tx *tx, const struct item_row *row, struct err *e)
{
    struct store *s = tx->store;
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_HISTORY_KEEP, e);
    int rc;

    if (!st)
        return -1;
    if (s->history.next_revision >> REVISION_NUMBER_BITS)
        return err_set(e, ERR_NO_SPACE, "no numbers are left for revisions: open the store anew");
    bind_id(st, 1, s->history.next_revision++);
    bind_id(st, 2, row->id);
    sqlite3_bind_int64(st, 3, history_stamp(tx));
    bind_text(st, 4, buf_span(&row->key));
    sqlite3_bind_int64(st, 5, row->mtime_ns);
    bind_blob(st, 6, buf_span(&row->body));
    rc = conn_run(tx->c, st, e);
    sqlite3_clear_bindings(st);
    atomic_fetch_add_explicit(&s->history.fresh, 1, memory_order_relaxed);
    return rc;
}

int history_keep(struct store_tx *tx, const struct item_row *row, struct err *e)
{
    return tx->store->history.count && keeps(tx) ? keep(tx, row, e) : 0;
}

/* ---- Deleted items ---- */

static int name_gone(struct store_tx *tx, uint32_t space, struct span key, uint64_t id,
                     struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_GONE_INSERT, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, space);
    bind_text(st, 2, key);
    bind_id(st, 3, id);
    return conn_run(tx->c, st, e);
}

/* Under every key that it had: as table name had them. */
static int names_gone(struct store_tx *tx, const struct item_row *row, struct err *e)
{
    if (name_gone(tx, id_coll(row->id), buf_span(&row->key), row->id, e))
        return -1;
    for (size_t i = 0; i < tx->cat->n_namings; i++) {
        const struct naming *n = tx->cat->namings[i];
        struct buf hold BUF_CLEANUP = BUF_INIT;
        struct span key;
        if (n->coll != id_coll(row->id) || !n->space)
            continue;
        if (names_key(&row->rec, n->slot, &hold, &key, e) ||
            (key.p && name_gone(tx, n->space, key, row->id, e)))
            return -1;
    }
    return 0;
}

/* Without a revision of its end, what there is of the item is found by its keys nevertheless. */
int history_keep_gone(struct store_tx *tx, const struct item_row *row, struct err *e)
{
    bool has = tx->store->history.count && !tx->sweeping;
    uint64_t id;

    if (has ? keep(tx, row, e) : history_next_id(tx->c, row->id - 1, row->id, &id, &has, e))
        return -1;
    return has ? names_gone(tx, row, e) : 0;
}

int history_last_key(struct conn *c, const struct shape *s, uint64_t id, struct buf *ret,
                     bool *ret_found, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_GONE_KEY, e);
    int rc = 0;

    if (!st)
        return -1;
    bind_id(st, 1, id);
    sqlite3_bind_int64(st, 2, shape_space(s));
    sqlite3_bind_int64(st, 3, id_coll(id));
    if (conn_step(c, st, ret_found, e))
        return -1;
    if (*ret_found && !buf_addspan(ret, column_span(st, 0)))
        rc = err_nomem(e);
    stmt_done(st);
    return rc;
}

/* ---- Trimming ---- */

int history_forget(struct store_tx *tx, uint64_t revision, uint64_t id, struct err *e)
{
    uint64_t next;
    bool has, there;

    if (tx_run_id(tx, STMT_HISTORY_DELETE, revision, e) ||
        history_next_id(tx->c, id - 1, id, &next, &has, e))
        return -1;
    if (has)
        return 0;
    if (item_exists(tx->c, id, &there, e))
        return -1;
    if (there)
        return 0;
    if (tx_run_id(tx, STMT_GONE_DELETE, id, e))
        return -1;
    return atomic_load(&tx->store->has_attrs) ? item_forget_attr(tx, id, e) : 0;
}

/* ---- Versions and items ---- */

int history_note_finalized(struct store_tx *tx, uint32_t version, struct err *e)
{
    char name[META_NUMBERED_SIZE];

    return meta_set(tx, meta_numbered(META_GONE, version, name), history_stamp(tx), e);
}

int history_next_id(struct conn *c, uint64_t after, uint64_t upto, uint64_t *ret, bool *ret_found,
                    struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_HISTORY_NEXT_ID, e);

    if (!st)
        return -1;
    bind_id(st, 1, after);
    bind_id(st, 2, upto);
    if (conn_step(c, st, ret_found, e))
        return -1;
    if (*ret_found)
        *ret = column_id(st, 0);
    stmt_done(st);
    return 0;
}

/* ---- With the store ---- */

int history_load(struct store *s, struct conn *c, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_HISTORY_LAST, e);
    bool row;

    if (!st || conn_step(c, st, &row, e))
        return -1;
    s->history.next_revision = row ? column_id(st, 0) + 1 : 1;
    s->history.last_ns = row ? sqlite3_column_int64(st, 1) : 0;
    stmt_done(st);
    if (s->history.next_revision >> REVISION_NUMBER_BITS || s->history.last_ns < 0 ||
        s->history.last_ns > HISTORY_TIME_MAX)
        return err_set(e, ERR_INVALID, "\"%s\" is damaged: its last revision has an impossible number "
                       "or time", s->path);
    atomic_store(&s->history.changed_ns, clock_wall_ns());
    return 0;
}

void history_committed(struct store *s)
{
    int64_t now = clock_wall_ns(), was = atomic_load(&s->history.changed_ns);

    atomic_store(&s->history.changed_ns, now > was ? now : was + 1);
}

int64_t store_history_changed_ns(const struct store *st)
{
    return atomic_load(&st->history.changed_ns);
}
