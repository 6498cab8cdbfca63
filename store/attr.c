/* Mode and owner, kept for each version in which they were changed: of items, of a type's directory (item
 * number 0) and of its stream. */
#include "internal.h"

static void attr_columns(sqlite3_stmt *st, struct item_stat *ret)
{
    ret->has_mode = sqlite3_column_type(st, 0) != SQLITE_NULL;
    ret->has_owner = sqlite3_column_type(st, 1) != SQLITE_NULL;
    ret->mode = (uint32_t)sqlite3_column_int64(st, 0);
    ret->uid = (uint32_t)sqlite3_column_int64(st, 1);
    ret->gid = (uint32_t)sqlite3_column_int64(st, 2);
}

/* Whether any of this kind has one: mostly none has. */
static const atomic_bool *has_kept(const struct store *s, uint64_t number)
{
    return number && number != STORE_STREAM ? &s->has_attrs : &s->has_dir_attrs;
}

int item_attr(struct conn *c, const struct version *v, const struct shape *s, uint64_t number,
              struct item_stat *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row;

    if (!atomic_load_explicit(has_kept(c->store, number), memory_order_relaxed))
        return 0;
    st = conn_stmt(c, STMT_ATTR_GET, e);
    if (!st)
        return -1;
    bind_id(st, 1, number);
    sqlite3_bind_int64(st, 2, v->number);
    sqlite3_bind_int64(st, 3, s ? s->id : 0);
    if (conn_step(c, st, &row, e))
        return -1;
    if (row)
        attr_columns(st, ret);
    stmt_done(st);
    return 0;
}

static int kept_attr(struct store *st, const struct version *v, const struct shape *s,
                     uint64_t number, struct item_stat *ret, struct err *e)
{
    struct item_stat stat = {0};
    struct conn *c;
    int rc;

    if (!atomic_load(has_kept(st, number))) {
        *ret = stat;
        return 0;
    }
    if (reader_get(st, NULL, &c, e))
        return -1;
    rc = item_attr(c, v, s, number, &stat, e);
    reader_put(c);
    if (rc == 0)
        *ret = stat;
    return rc;
}

static int64_t names_mtime(struct store *st, uint32_t coll)
{
    int64_t mtime_ns = 0;

    pthread_mutex_lock(&st->state.lock);
    for (size_t i = 0; i < st->state.n_counts; i++)
        if (st->state.counts[i].coll == coll)
            mtime_ns = st->state.counts[i].mtime_ns;
    pthread_mutex_unlock(&st->state.lock);
    return mtime_ns;
}

int store_dir_attr(struct store *st, const struct version *v, const struct shape *s,
                   struct item_stat *ret, struct err *e)
{
    if (kept_attr(st, v, s, 0, ret, e))
        return -1;
    ret->mtime_ns = s ? names_mtime(st, shape_set(s)) : 0;
    return 0;
}

int store_stream_attr(struct store *st, const struct version *v, const struct shape *s,
                      struct item_stat *ret, struct err *e)
{
    return kept_attr(st, v, s, STORE_STREAM, ret, e);
}
