/* Table job: what is known of the backfill of each version. */
#include "backfill.h"

#include <stdio.h>

static const char select_job[] =
    "SELECT version, state, step, cursor, done, total, started, ended FROM job WHERE ";

static void row_from(sqlite3_stmt *st, struct job_row *ret)
{
    *ret = (struct job_row){
        .version = (uint32_t)column_id(st, 0),
        .state = (enum backfill_state)column_id(st, 1),
        .step = (uint32_t)column_id(st, 2),
        .cursor = column_id(st, 3),
        .done = column_id(st, 4),
        .total = column_id(st, 5),
        .started_ns = (int64_t)column_id(st, 6),
        .ended_ns = (int64_t)column_id(st, 7),
    };
}

static int job_select(struct conn *c, const char *where, uint64_t arg, struct job_row *ret,
                      bool *ret_found, struct err *e)
{
    char sql[256];
    sqlite3_stmt *st;
    snprintf(sql, sizeof sql, "%s%s", select_job, where);
    if (conn_prepare(c, sql, &st, e))
        return -1;
    if (sqlite3_bind_parameter_count(st))
        bind_id(st, 1, arg);
    int rc = conn_step(c, st, ret_found, e);
    if (!rc && *ret_found)
        row_from(st, ret);
    sqlite3_finalize(st);
    return rc;
}

int job_read(struct conn *c, uint32_t version, struct job_row *ret, bool *ret_found, struct err *e)
{
    return job_select(c, "version = ?1", version, ret, ret_found, e);
}

int job_list(struct conn *c, struct job_row *ret, size_t max, size_t *ret_n, struct err *e)
{
    char sql[256];
    sqlite3_stmt *st;
    bool row = true;
    int rc = 0;

    snprintf(sql, sizeof sql, "%s1 ORDER BY version DESC", select_job);
    if (conn_prepare(c, sql, &st, e))
        return -1;
    for (*ret_n = 0; *ret_n < max && !(rc = conn_step(c, st, &row, e)) && row; ++*ret_n)
        row_from(st, &ret[*ret_n]);
    sqlite3_finalize(st);
    return rc;
}

int job_active(struct conn *c, struct job_row *ret, bool *ret_found, struct err *e)
{
    return job_select(c, "state IN (2, 3) LIMIT 1", 0, ret, ret_found, e);
}

int job_covered(struct conn *c, uint32_t *ret, struct err *e)
{
    struct job_row row = {0};
    bool found;
    if (job_select(c, "state IN (0, 4) ORDER BY step DESC LIMIT 1", 0, &row, &found, e))
        return -1;
    *ret = found ? row.step : 0;
    return 0;
}

int job_write(struct store_tx *tx, const struct job_row *row, struct err *e)
{
    sqlite3_stmt *st;
    if (conn_prepare(tx->c,
                     "INSERT OR REPLACE INTO job (version, state, step, cursor, done, total, "
                     "started, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     &st, e))
        return -1;
    bind_id(st, 1, row->version);
    bind_id(st, 2, row->state);
    bind_id(st, 3, row->step);
    bind_id(st, 4, row->cursor);
    bind_id(st, 5, row->done);
    bind_id(st, 6, row->total);
    bind_id(st, 7, (uint64_t)row->started_ns);
    bind_id(st, 8, (uint64_t)row->ended_ns);
    int rc = conn_run(tx->c, st, e);
    sqlite3_finalize(st);
    return rc;
}

int job_delete(struct store_tx *tx, uint32_t version, struct err *e)
{
    sqlite3_stmt *st;
    if (conn_prepare(tx->c, "DELETE FROM job WHERE version = ?1", &st, e))
        return -1;
    bind_id(st, 1, version);
    int rc = conn_run(tx->c, st, e);
    sqlite3_finalize(st);
    return rc;
}
