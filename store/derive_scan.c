/* Deriving a type at once: one scan over the holders, in the transaction that marks the link. */
#include "internal.h"

#include "../schemas/hash.h"

#define TALLY_SLOTS 512 /* distinct values whose holders are counted in memory */

/* ---- Holders counted in memory ---- */

/* By step and values; a place that others need is written out first. */
struct tally {
    size_t used;
    struct {
        uint32_t step;
        struct buf vals;
        int64_t n;
    } at[TALLY_SLOTS];
};

static size_t tally_hash(uint32_t step, struct span s)
{
    uint64_t h = hash_add_span(HASH_START + step, s);
    return (size_t)(h ^ h >> 32) % TALLY_SLOTS;
}

static int tally_write(struct store_tx *tx, size_t i, struct err *e)
{
    struct tally *t = tx->tally;
    int64_t n = t->at[i].n;

    if (n == 0)
        return 0;
    t->at[i].n = 0;
    t->used--;
    return derive_write(tx, STMT_ORIGIN_ADD, t->at[i].step, buf_span(&t->at[i].vals), n, e);
}

int derive_tally(struct store_tx *tx, uint32_t step, struct span vals, int64_t n, struct err *e)
{
    struct tally *t = tx->tally;
    size_t i = tally_hash(step, vals);
    int64_t before;

    if (!t && !(t = tx->tally = calloc(1, sizeof *t)))
        return err_nomem(e);
    if (t->at[i].step != step || !span_eq(buf_span(&t->at[i].vals), vals)) {
        if (tally_write(tx, i, e))
            return -1;
        buf_reset(&t->at[i].vals);
        if (!buf_addspan(&t->at[i].vals, vals))
            return err_nomem(e);
        t->at[i].step = step;
    }
    before = t->at[i].n;
    t->at[i].n += n;
    t->used += before == 0 && t->at[i].n != 0;
    t->used -= before != 0 && t->at[i].n == 0;
    return 0;
}

int derive_tally_write(struct store_tx *tx, struct err *e)
{
    for (size_t i = 0; tx->tally && tx->tally->used && i < TALLY_SLOTS; i++)
        if (tally_write(tx, i, e))
            return -1;
    return 0;
}

void derive_tally_free(struct store_tx *tx)
{
    for (size_t i = 0; tx->tally && i < TALLY_SLOTS; i++)
        buf_free(&tx->tally->at[i].vals);
    free(tx->tally);
    tx->tally = NULL;
}

/* ---- The scan ---- */

/* Brings the record of one row up to the link's step, for the sake of what that makes. */
static int scan_row(struct store_tx *tx, const struct link *l, sqlite3_stmt *st, struct lens *lens,
                    struct record *rec, struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    bool changed;

    if (item_decode(tx->c, column_id(st, 0), column_span(st, 2), rec, e))
        return -1;
    if (rec->gen >= l->step)
        return 0;
    derive_uses_begin(tx);
    if (lens_materialize(lens, l->coll, column_span(st, 1), rec, l->step, &now, &changed, e))
        return -1;
    for (size_t i = 0; i < tx->n_uses; i++)
        if (tx->uses[i].step == l->step &&
            derive_tally(tx, l->step, buf_span(&tx->uses[i].values), 1, e))
            return -1;
    return 0;
}

static int scan_rows(struct store_tx *tx, const struct link *l, sqlite3_stmt *st, struct err *e)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct lens lens;
    bool row;
    int rc;

    tx_sub_lens(tx, &lens);
    while (!(rc = conn_step(tx->c, st, &row, e)) && row &&
           !(rc = scan_row(tx, l, st, &lens, &rec, e)))
        lens_reset(&lens);
    lens_deinit(&lens);
    return rc;
}

static int scan(struct store_tx *tx, const struct link *l, struct err *e)
{
    sqlite3_stmt *st;
    int rc;

    if (conn_prepare(tx->c, "SELECT id, key, body FROM item WHERE id > ?1 AND id <= ?2", &st, e))
        return -1;
    bind_id(st, 1, id_make(l->coll, 0));
    bind_id(st, 2, id_make(l->coll, ITEM_NUMBER_MASK));
    rc = scan_rows(tx, l, st, e);
    sqlite3_finalize(st);
    return rc;
}

/* Made records that nothing refers to, now that it is known. */
static int sweep(struct store_tx *tx, uint32_t step, struct err *e)
{
    uint64_t ids[256], after = 0;
    size_t n;

    do {
        sqlite3_stmt *st = conn_stmt(tx->c, STMT_MADE_OF_STEP, e);
        bool row;
        if (!st)
            return -1;
        sqlite3_bind_int64(st, 1, step);
        bind_id(st, 2, after);
        for (n = 0; n < 256; n++) {
            if (conn_step(tx->c, st, &row, e))
                return -1;
            if (!row)
                break;
            ids[n] = column_id(st, 0);
        }
        stmt_done(st);
        for (size_t i = 0; i < n; i++)
            if (refs_release(tx, ids[i], e))
                return -1;
        after = n ? ids[n - 1] : 0;
    } while (n);
    return 0;
}

int derive_mark(struct store_tx *tx, uint32_t step, struct err *e)
{
    uint32_t *grown = reallocarray(tx->derived, tx->n_derived + 1, sizeof *grown);
    sqlite3_stmt *st;

    if (!grown)
        return err_nomem(e);
    tx->derived = grown;
    if (!(st = conn_stmt(tx->c, STMT_LINK_INSERT, e)))
        return -1;
    sqlite3_bind_int64(st, 1, step);
    if (conn_run(tx->c, st, e))
        return -1;
    tx->derived[tx->n_derived++] = step;
    return 0;
}

static int derive_now(struct store_tx *tx, const struct link *l, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_ORIGIN_CLEAR, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, l->step);
    if (conn_run(tx->c, st, e) || scan(tx, l, e) || derive_mark(tx, l->step, e))
        return -1;
    return sweep(tx, l->step, e);
}

bool derive_in_progress(const struct store_tx *tx, uint32_t step)
{
    for (const struct derive_scan *s = tx->scans; s; s = s->outer)
        if (s->step == step)
            return true;
    return false;
}

/* May be called in the middle of the work on another item, whose state is put aside. */
int derive_link_tx(struct store_tx *tx, const struct link *l, struct err *e)
{
    struct origin_uses aside = {0};
    bool was_deriving = tx->deriving;
    struct derive_scan scan = {l->step, tx->scans};
    int rc;

    if (derive_is_done(tx->store, tx, l->step) || derive_in_progress(tx, l->step))
        return 0;
    tx->scans = &scan;
    rc = derive_coll_tx(tx, l->coll, e); /* the holders may be derived themselves */
    derive_uses_swap(tx, &aside);
    tx->deriving = true;
    if (rc == 0)
        rc = derive_now(tx, l, e);
    tx->deriving = was_deriving;
    derive_uses_begin(tx);
    free(tx->uses);
    derive_uses_swap(tx, &aside);
    tx->scans = scan.outer;
    return rc;
}

int derive_coll_tx(struct store_tx *tx, uint32_t coll, struct err *e)
{
    const struct link *l = derive_link_of(tx->cat, coll);
    return l ? derive_link_tx(tx, l, e) : 0;
}

int derive_quoting_tx(struct store_tx *tx, uint32_t coll, struct err *e)
{
    for (size_t i = 0; i < tx->cat->n_links; i++) {
        const struct link *l = tx->cat->links[i];
        if (l->kind == LINK_EXTRACT && link_quotes(l, coll) && derive_link_tx(tx, l, e))
            return -1;
    }
    return 0;
}

/* ---- Items from before the step that refer to one record ---- */

/* Stores the row brought up to the step, if it then refers to `target`. */
static int settle_row(struct store_tx *tx, const struct link *l, struct item_row *row,
                      uint64_t target, bool *ret_match, struct err *e)
{
    struct lens lens;
    struct record now RECORD_CLEANUP = RECORD_INIT;
    bool changed;
    int rc;

    tx_sub_lens(tx, &lens);
    derive_uses_begin(tx);
    rc = lens_materialize(&lens, l->coll, buf_span(&row->key), &row->rec, l->step, &now, &changed,
                          e);
    lens_deinit(&lens);
    *ret_match = false;
    for (size_t i = 0; i < tx->n_uses; i++)
        *ret_match |= tx->uses[i].step == l->step && tx->uses[i].id == target;
    derive_uses_begin(tx);
    if (rc == 0 && *ret_match)
        rc = item_materialize(tx, row, tx->cat->last_step, &changed, e);
    return rc;
}

static int settle_step(struct store_tx *tx, const struct link *l, uint64_t id, uint64_t target,
                       bool *ret_match, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found;

    *ret_match = false;
    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    return found && row.rec.gen < l->step ? settle_row(tx, l, &row, target, ret_match, e) : 0;
}

int derive_settle(struct store_tx *tx, const struct link *l, uint64_t target, bool first_only,
                  struct err *e)
{
    struct origin_uses aside = {0};
    sqlite3_stmt *st;
    bool row, match = false;
    int rc;

    if (conn_prepare(tx->c, "SELECT id FROM item WHERE id > ?1 AND id <= ?2", &st, e))
        return -1;
    bind_id(st, 1, id_make(l->coll, 0));
    bind_id(st, 2, id_make(l->coll, ITEM_NUMBER_MASK));
    derive_uses_swap(tx, &aside);
    while (!(rc = conn_step(tx->c, st, &row, e)) && row &&
           !(rc = settle_step(tx, l, column_id(st, 0), target, &match, e)) &&
           !(match && first_only))
        ;
    sqlite3_finalize(st);
    derive_uses_begin(tx);
    free(tx->uses);
    derive_uses_swap(tx, &aside);
    return rc;
}
