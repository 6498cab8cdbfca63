/* One batch of a backfill: the rows after the cursor, read first, then brought up to date. */
#include "backfill.h"

#include <sched.h>

/* So many rows take a tenth of a millisecond: no longer does a reader wait for the processor. Shorter
 * batches or a lower priority would not do: it is the running slice that a reader waits for. */
#define YIELD_ROWS 16

/* A row that was read: where it stands in the batch's bytes. */
struct place {
    uint64_t id;
    int64_t mtime_ns, btime_ns;
    size_t key, body, end;
};

void batch_deinit(struct batch *b)
{
    buf_free(&b->bytes);
    free(b->places);
    record_free(&b->rec);
}

static bool place_row(struct batch *b, sqlite3_stmt *st)
{
    struct place *at = &b->places[b->read];

    at->id = column_id(st, 0);
    at->mtime_ns = (int64_t)column_id(st, 2);
    at->btime_ns = (int64_t)column_id(st, 3);
    at->key = b->bytes.n;
    if (!buf_addspan(&b->bytes, column_span(st, 1)))
        return false;
    at->body = b->bytes.n;
    if (!buf_addspan(&b->bytes, column_span(st, 4)))
        return false;
    at->end = b->bytes.n;
    b->read++;
    return true;
}

/* Rows are collected first: the table is not written while it is read. */
static int batch_rows(struct conn *c, struct batch *b, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_ITEM_LIST, e);
    bool row = true;

    if (!st)
        return -1;
    bind_id(st, 1, b->row.cursor);
    bind_id(st, 2, INT64_MAX);
    buf_reset(&b->bytes);
    for (b->read = 0; b->read < b->n;) {
        if (conn_step(c, st, &row, e))
            return -1;
        if (!row)
            break;
        if (!place_row(b, st)) {
            stmt_done(st);
            return err_nomem(e);
        }
    }
    stmt_done(st);
    return 0;
}

/* Lent bytes, not to be grown or freed. */
static struct buf lend(const struct buf *bytes, size_t from, size_t end)
{
    return (struct buf){bytes->p + from, end - from, end - from};
}

static int batch_bring(struct store_tx *tx, struct batch *b, struct err *e)
{
    bool changed;

    for (size_t i = 0; i < b->read; i++) {
        const struct place *at = &b->places[i];
        struct item_row row = {.id = at->id, .mtime_ns = at->mtime_ns, .btime_ns = at->btime_ns,
                               .key = lend(&b->bytes, at->key, at->body),
                               .body = lend(&b->bytes, at->body, at->end)};

        if (item_decode(tx->c, row.id, buf_span(&row.body), &b->rec, e))
            return -1;
        row.rec = b->rec;
        if (item_materialize(tx, &row, b->row.step, &changed, e))
            return -1;
        b->row.cursor = row.id;
        b->row.done++;
        if (b->row.done % YIELD_ROWS == 0)
            sched_yield();
    }
    return 0;
}

int batch_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct batch *b = arg;
    bool found;

    if (job_read(tx->c, b->version, &b->row, &found, e))
        return -1;
    if (!found || b->row.state != BACKFILL_RUNNING) {
        b->end = true;
        return 0;
    }
    if (!b->places && !(b->places = calloc(BATCH_MAX, sizeof *b->places)))
        return err_nomem(e);
    if (batch_rows(tx->c, b, e) || batch_bring(tx, b, e))
        return -1;
    b->end = b->read < b->n;
    if (b->end) {
        b->row.state = BACKFILL_DONE;
        b->row.total = b->row.done;
        b->row.ended_ns = tx->now_ns;
    }
    return job_write(tx, &b->row, e);
}
