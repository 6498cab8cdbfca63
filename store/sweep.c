/* What finalize leaves behind: collections that no version shows any more.
 *
 * finalize itself touches no item. A thread then removes the items and revisions of such collections in small
 * transactions, and ends; opening a store starts it where it was interrupted. A collection's items
 * are invisible from the finalize on, so nothing of this can be seen. Values of fields that only
 * finalized versions knew leave a record when it is next written (work_finish).
 *
 * sweep.lock guards struct sweep; it is never held across store_write. */
#include "internal.h"

#define SWEEP_BATCH 128

struct sweep {
    pthread_mutex_t lock;
    pthread_t thread;
    bool has_thread;   /* to be joined */
    bool stop, again;  /* again: something was finalized while it ran */
    bool alive;
};

static bool is_shown(const struct catalog *cat, uint32_t coll)
{
    for (size_t i = 0; i < cat->n_entries; i++) {
        const struct version *v = cat->entries[i].v;
        if (cat->entries[i].state == VERSION_GONE)
            continue;
        for (size_t j = 0; j < v->n_shapes; j++)
            if (v->shapes[j]->kind == SHAPE_ITEM && shape_has_coll(v->shapes[j], coll))
                return true;
    }
    return false;
}

/* Items of another collection show what stands in these (inline_type, a link that outlives its
 * version). */
static bool is_needed(const struct catalog *cat, uint32_t coll)
{
    for (size_t i = 0; i < cat->n_links; i++)
        if (cat->links[i]->target_coll == coll)
            return true;
    for (size_t i = 0; i < cat->n_retired; i++)
        if (cat->retired[i]->target_coll == coll)
            return true;
    return false;
}

/* The number of a part's items, not of a collection's. */
static bool is_set(const struct catalog *cat, uint32_t number)
{
    for (size_t i = 0; i < cat->n_entries; i++) {
        const struct version *v = cat->entries[i].v;
        for (size_t k = 0; k < v->n_namings; k++) {
            if (v->namings[k].misfits == number)
                return true;
            for (size_t j = 0; j < v->namings[k].n; j++)
                if (v->namings[k].sets[j] == number)
                    return true;
        }
    }
    return false;
}

/* A collection with items that no version shows; 0 = none. */
static int dead_collection(struct store_tx *tx, uint32_t *ret, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_COUNT_ALL, e);
    bool row = true;

    *ret = 0;
    if (!st)
        return -1;
    while (row && !*ret) {
        if (conn_step(tx->c, st, &row, e))
            return -1;
        uint32_t coll = row ? (uint32_t)column_id(st, 0) : 0;
        if (row && sqlite3_column_int64(st, 1) > 0 && !is_shown(tx->cat, coll) &&
            !is_set(tx->cat, coll) && !is_needed(tx->cat, coll))
            *ret = coll;
    }
    stmt_done(st);
    return 0;
}

static int first_ids(struct store_tx *tx, uint32_t coll, uint64_t *ids, size_t *ret_n,
                     struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_ITEM_LIST_KEYS, e);
    bool row = true;

    if (!st)
        return -1;
    bind_id(st, 1, id_make(coll, 0));
    bind_id(st, 2, id_make(coll, ITEM_NUMBER_MASK));
    for (*ret_n = 0; *ret_n < SWEEP_BATCH; ++*ret_n) {
        if (conn_step(tx->c, st, &row, e))
            return -1;
        if (!row)
            break;
        ids[*ret_n] = column_id(st, 0);
    }
    stmt_done(st);
    return 0;
}

static bool is_used(const struct catalog *cat, const struct naming *n)
{
    for (size_t i = 0; i < cat->n_namings; i++)
        if (cat->namings[i]->step == n->step)
            return true;
    return false;
}

/* Up to a batch of the rows of a name space or set. */
static int drop_rows(struct store_tx *tx, enum stmt stmt, uint32_t number, bool *ret_any,
                     struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, stmt, e);
    int before = sqlite3_total_changes(tx->c->db), n;

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, number);
    sqlite3_bind_int64(st, 2, SWEEP_BATCH);
    if (conn_run(tx->c, st, e))
        return -1;
    n = sqlite3_total_changes(tx->c->db) - before;
    *ret_any |= n != 0;
    return n && stmt == STMT_MEMBER_DROP ? tx_count(tx, number, -n, e) : 0;
}

static int drop_naming(struct store_tx *tx, const struct naming *n, bool *ret_any, struct err *e)
{
    if (n->space)
        return drop_rows(tx, STMT_NAME_DROP, n->space, ret_any, e);
    for (size_t i = 0; i < n->n; i++)
        if (drop_rows(tx, STMT_MEMBER_DROP, n->sets[i], ret_any, e))
            return -1;
    return drop_rows(tx, STMT_MEMBER_DROP, n->misfits, ret_any, e);
}

/* Names and parts that only finalized versions used: a batch of each. */
static int dead_names(struct store_tx *tx, bool *ret_any, struct err *e)
{
    *ret_any = false;
    for (size_t i = 0; i < tx->cat->n_entries; i++) {
        const struct version *v = tx->cat->entries[i].v;
        for (size_t k = 0; k < v->n_namings; k++)
            if (!is_used(tx->cat, &v->namings[k]) && drop_naming(tx, &v->namings[k], ret_any, e))
                return -1;
    }
    return 0;
}

static int first_revisions(struct store_tx *tx, uint32_t coll, uint64_t *revisions, uint64_t *ids,
                           size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_HISTORY_OF_COLL, e);
    bool row = true;

    if (!st)
        return -1;
    bind_id(st, 1, id_make(coll, 0));
    bind_id(st, 2, id_make(coll, ITEM_NUMBER_MASK));
    sqlite3_bind_int(st, 3, SWEEP_BATCH);
    for (*ret_n = 0; *ret_n < SWEEP_BATCH; ++*ret_n) {
        if (conn_step(tx->c, st, &row, e))
            return -1;
        if (!row)
            break;
        revisions[*ret_n] = column_id(st, 0);
        ids[*ret_n] = column_id(st, 1);
    }
    stmt_done(st);
    return 0;
}

/* The first revisions of a collection that is gone; none are left when *ret_n is 0. */
static int dead_revisions(struct store_tx *tx, uint64_t *revisions, uint64_t *ids, size_t *ret_n,
                          struct err *e)
{
    uint64_t id = 0;
    uint32_t coll = 0;
    bool found;

    *ret_n = 0;
    do { /* collection by collection: there are few */
        if (history_next_id(tx->c, id_make(coll, ITEM_NUMBER_MASK), INT64_MAX, &id, &found, e))
            return -1;
        coll = id_coll(id);
    } while (found && (is_shown(tx->cat, coll) || is_needed(tx->cat, coll)));
    return found ? first_revisions(tx, coll, revisions, ids, ret_n, e) : 0;
}

static int sweep_revisions(struct store_tx *tx, size_t *ret_n, struct err *e)
{
    uint64_t revisions[SWEEP_BATCH], ids[SWEEP_BATCH];

    if (dead_revisions(tx, revisions, ids, ret_n, e))
        return -1;
    for (size_t i = 0; i < *ret_n; i++)
        if (history_forget(tx, revisions[i], ids[i], e))
            return -1;
    return 0;
}

/* Sets *arg when there was nothing left to do. Items first: their going marks their revisions. */
static int sweep_tx(struct store_tx *tx, void *arg, struct err *e)
{
    uint64_t ids[SWEEP_BATCH];
    size_t n = 0;
    uint32_t coll;
    bool any;

    if (dead_names(tx, &any, e))
        return -1;
    if (any) {
        *(bool *)arg = false;
        return 0;
    }

    tx->sweeping = true;
    if (dead_collection(tx, &coll, e) || (coll && first_ids(tx, coll, ids, &n, e)))
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct item_row row ITEM_ROW_CLEANUP = {0};
        bool found;
        if (item_row_get(tx->c, ids[i], &row, &found, e) || (found && item_remove(tx, &row, e)))
            return -1;
    }
    if (n == 0 && sweep_revisions(tx, &n, e))
        return -1;
    *(bool *)arg = n == 0;
    return 0;
}

static bool goes_on(struct sweep *w, bool end)
{
    pthread_mutex_lock(&w->lock);
    bool on = !w->stop && (!end || w->again);
    if (end)
        w->again = false;
    w->alive = on;
    pthread_mutex_unlock(&w->lock);
    return on;
}

static void *sweep_main(void *arg)
{
    struct store *s = arg;
    struct err e = ERR_INIT;
    bool end = false;
    while (goes_on(s->sweep, end))
        if (store_write(s, TX_ALONE, sweep_tx, &end, &e))
            end = true; /* left for the next opening */
    return NULL;
}

int sweep_start(struct store *s, struct err *e)
{
    struct sweep *w = s->sweep;
    int rc = 0;

    if (!w) {
        w = s->sweep = calloc(1, sizeof *w);
        if (!w)
            return err_nomem(e);
        pthread_mutex_init(&w->lock, NULL);
    }
    pthread_mutex_lock(&w->lock);
    w->again = true;
    if (!w->alive) {
        if (w->has_thread)
            pthread_join(w->thread, NULL);
        rc = pthread_create(&w->thread, NULL, sweep_main, s);
        w->has_thread = w->alive = rc == 0;
    }
    pthread_mutex_unlock(&w->lock);
    return rc ? err_set(e, ERR_NO_MEMORY, "no thread to clear up after finalize") : 0;
}

void sweep_stop(struct store *s)
{
    struct sweep *w = s->sweep;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    bool has = w->has_thread;
    pthread_mutex_unlock(&w->lock);
    if (has)
        pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    free(w);
    s->sweep = NULL;
}
