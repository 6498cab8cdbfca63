/* The write queue: group commit on the one writer connection.
 *
 * A call puts its operation at the end of the queue. Whoever finds nobody leading leads: takes what
 * waits from the front, carries it out in one transaction, and hands the lead to the next one in
 * the queue. So a lone writer waits for nobody, and writers that come while a commit is under way
 * share the next one.
 *
 *   push -> (busy) wait -> done        another call's leader carried it out
 *        \             \-> lead -> run -> done
 *         \-> lead -> run -> done
 *
 * With several operations each has a savepoint: a refused one leaves the others alone. A commit
 * that fails fails all of them. Nothing in memory (counts, catalog, derived links) changes before
 * the commit has succeeded.
 *
 * Durability [I12]: an operation that asks for it commits with synchronous=FULL; when nothing was
 * changed in that transaction, the log of what was committed before is synced instead. After a sync
 * that failed nothing is written until the store is opened again: the system may have dropped what
 * it could not write, and a second sync would answer success. */
#include "internal.h"

#include <assert.h>

#include "../schemas/clock.h"
#include "missing.h"

#define BATCH_MAX 256

struct write_op {
    tx_fn fn;
    void *arg;
    unsigned flags;
    struct err *e;
    int rc;
    struct change_list changes;
    pthread_cond_t wake;    /* initialised when waits */
    bool waits, lead, done; /* guard: queue.lock */
    struct write_op *next;
};

/* What a transaction changes in memory once it is committed. */
struct batch {
    struct store_tx tx;
    struct write_op *ops[BATCH_MAX];
    size_t n;
    bool durable;
    struct count *counts; /* sums of the operations that went well */
    size_t n_counts;
    uint32_t *underived; /* with a new catalog */
    size_t n_underived;
};

/* ---- Who is told ---- */

static void deliver(struct store *s, struct write_op *op)
{
    static const struct store_change many = {.kind = STORE_CHANGE_MANY};
    store_change_fn fn;
    void *arg;

    pthread_mutex_lock(&s->state.lock);
    fn = s->on_change;
    arg = s->on_change_arg;
    pthread_mutex_unlock(&s->state.lock);
    if (op->rc == 0 && fn) {
        if (op->changes.n)
            fn(arg, op->changes.list, op->changes.n);
        if (op->changes.many)
            fn(arg, &many, 1);
    }
    change_list_reset(&op->changes);
}

/* ---- What a transaction takes ---- */

uint64_t tx_new_number(struct store_tx *tx)
{
    return tx->store->next_item++;
}

int tx_set_catalog(struct store_tx *tx, struct catalog *cat, struct err *e)
{
    if (tx->new_cat)
        catalog_unref(tx->new_cat);
    tx->new_cat = tx->cat = cat;
    tx->c->lens.cat = cat;
    return catalog_save(tx, e);
}

/* ---- One operation ---- */

static void op_begin(struct store_tx *tx)
{
    change_list_reset(&tx->changes);
    tx->n_counts = 0;
    derive_uses_begin(tx);
    tx->depth = 0;
    tx->fresh = tx->deriving = tx->quiet = tx->sweeping = false;
    tx->rewriting = 0;
    history_begin(tx);
    tx->assigning = 0;
    tx->c->world.pending_id = 0;
}

/* A refused operation may have left statements in the middle of their rows. */
static void statements_reset(struct conn *c)
{
    for (size_t i = 0; i < STMT_COUNT; i++)
        if (c->stmts[i] && sqlite3_stmt_busy(c->stmts[i]))
            sqlite3_reset(c->stmts[i]);
}

static int run_stmt(struct conn *c, enum stmt id, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, id, e);
    return st ? conn_run(c, st, e) : -1;
}

static void catalog_back(struct store_tx *tx)
{
    struct store *s = tx->store;

    if (!tx->new_cat)
        return;
    catalog_unref(tx->new_cat);
    tx->new_cat = NULL;
    tx->cat = s->state.cat; /* the leader alone changes it */
    tx->c->lens.cat = tx->cat;
    unique_plan_free(s->uniques); /* it may have been made for the other one */
    s->uniques = NULL;
}

static int keep_counts(struct batch *b, struct err *e)
{
    for (size_t i = 0; i < b->tx.n_counts; i++) {
        const struct count *c = &b->tx.counts[i];
        if (tx_counts_add(&b->counts, &b->n_counts, c->coll, c->n, c->mtime_ns, e))
            return -1;
    }
    return 0;
}

/* Carries out one operation; false = the whole transaction is lost or was given up. */
static bool run_op(struct batch *b, struct write_op *op)
{
    struct store_tx *tx = &b->tx;
    struct conn *c = tx->c;
    bool alone = b->n == 1;
    size_t derived = tx->n_derived;
    struct err ignored = ERR_INIT;

    op_begin(tx);
    if (!alone && run_stmt(c, STMT_SAVEPOINT, op->e)) {
        op->rc = -1;
        return false;
    }
    op->rc = op->fn(tx, op->arg, op->e);
    if (op->rc == 0)
        op->rc = derive_tally_write(tx, op->e);
    if (op->rc == 0)
        op->rc = keep_counts(b, op->e);
    lens_reset(&c->lens);
    if (op->rc) {
        derive_tally_free(tx);
        statements_reset(c);
        tx->n_derived = derived;
        catalog_back(tx);
        if (alone || sqlite3_get_autocommit(c->db))
            return false;
        return !run_stmt(c, STMT_SAVEPOINT_BACK, &ignored) &&
               !run_stmt(c, STMT_SAVEPOINT_END, &ignored);
    }
    op->changes = tx->changes;
    tx->changes = (struct change_list){0};
    return alone || !run_stmt(c, STMT_SAVEPOINT_END, op->e);
}

/* ---- The commit ---- */

static int set_full(struct store *s, bool full, struct err *e)
{
    if (s->full_now == full)
        return 0;
    if (conn_exec(s->writer, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", e))
        return -1;
    s->full_now = full;
    return 0;
}

static int sync_log(struct store *s, struct err *e)
{
    sqlite3_file *log = NULL;
    int rc;

    if (!s->unsynced)
        return 0;
    rc = sqlite3_file_control(s->writer->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (rc == SQLITE_OK && log && log->pMethods)
        rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    if (rc != SQLITE_OK) {
        atomic_store(&s->failed, true);
        return err_set(e, ERR_IO, "the store can't be made durable (SQLite %d)", rc);
    }
    s->unsynced = false;
    return 0;
}

/* Item numbers are reserved in blocks, within the transaction that uses the first of a block: a
 * number that was ever committed lies below the reserved end. */
static int save_numbers(struct batch *b, uint64_t *ret_reserved, struct err *e)
{
    struct store *s = b->tx.store;

    *ret_reserved = s->reserved_items;
    if (s->next_item <= s->reserved_items)
        return 0;
    if (s->next_item >= ITEM_NUMBERS_END)
        return err_set(e, ERR_NO_SPACE, "no numbers are left for new items");
    *ret_reserved = s->next_item + 1024;
    return meta_set(&b->tx, META_NEXT_ITEM, (int64_t)*ret_reserved, e);
}

static bool mtime_is_given(struct store *s, uint32_t coll)
{
    bool given = false;

    pthread_mutex_lock(&s->state.lock);
    for (size_t i = 0; i < s->state.n_counts; i++)
        given |= s->state.counts[i].coll == coll && s->state.counts[i].given;
    pthread_mutex_unlock(&s->state.lock);
    return given;
}

/* Only a time that a user gave is kept at once, until the names change: no other write costs more. */
static int save_mtime(struct batch *b, const struct count *c, struct err *e)
{
    char name[META_NUMBERED_SIZE];

    if (!c->mtime_ns && !mtime_is_given(b->tx.store, c->coll))
        return 0;
    return meta_set(&b->tx, meta_numbered(META_MTIME, c->coll, name), c->mtime_ns, e);
}

static int save_counts(struct batch *b, struct err *e)
{
    for (size_t i = 0; i < b->n_counts; i++) {
        sqlite3_stmt *st;
        if (save_mtime(b, &b->counts[i], e))
            return -1;
        if (b->counts[i].n == 0 && !b->counts[i].mtime_ns)
            continue;
        if (!(st = conn_stmt(b->tx.c, STMT_COUNT_ADD, e)))
            return -1;
        sqlite3_bind_int64(st, 1, b->counts[i].coll);
        sqlite3_bind_int64(st, 2, b->counts[i].n);
        if (conn_run(b->tx.c, st, e))
            return -1;
    }
    return 0;
}

/* What memory will need, made before the commit so that nothing can fail after it. */
static int prepare(struct batch *b, struct err *e)
{
    struct store *s = b->tx.store;
    struct count *grown;

    if (b->tx.new_cat && derive_list(b->tx.c, b->tx.new_cat, &b->underived, &b->n_underived, e))
        return -1;
    pthread_mutex_lock(&s->state.lock);
    grown = reallocarray(s->state.counts, s->state.n_counts + b->n_counts + 1, sizeof *grown);
    if (grown)
        s->state.counts = grown;
    pthread_mutex_unlock(&s->state.lock);
    return grown ? 0 : err_nomem(e);
}

static void install_counts(struct store *s, const struct batch *b)
{
    for (size_t i = 0; i < b->n_counts; i++) {
        size_t k = 0;
        while (k < s->state.n_counts && s->state.counts[k].coll != b->counts[i].coll)
            k++;
        if (k == s->state.n_counts) /* prepare made room */
            s->state.counts[s->state.n_counts++] = (struct count){.coll = b->counts[i].coll};
        s->state.counts[k].n += b->counts[i].n;
        s->state.counts[k].given = b->counts[i].mtime_ns != 0;
        s->state.counts[k].mtime_ns = b->counts[i].mtime_ns ? b->counts[i].mtime_ns : clock_wall_ns();
    }
}

static void install_derived(struct store *s, const struct batch *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->state.n_underived; i++) {
        bool done = false;
        for (size_t k = 0; k < b->tx.n_derived; k++)
            done |= s->state.underived[i] == b->tx.derived[k];
        if (!done)
            s->state.underived[kept++] = s->state.underived[i];
    }
    s->state.n_underived = kept;
}

static void install(struct store *s, struct batch *b)
{
    struct catalog *old = NULL;

    pthread_mutex_lock(&s->state.lock);
    install_counts(s, b);
    if (b->tx.new_cat) {
        old = s->state.cat;
        s->state.cat = b->tx.new_cat;
        b->tx.new_cat = NULL;
        free(s->state.underived);
        s->state.underived = b->underived;
        s->state.n_underived = b->n_underived;
        b->underived = NULL;
    }
    install_derived(s, b);
    atomic_store(&s->n_underived, s->state.n_underived);
    atomic_store(&s->epoch, s->state.cat->epoch);
    pthread_mutex_unlock(&s->state.lock);
    catalog_unref(old);
}

static int commit(struct batch *b, struct err *e)
{
    struct store *s = b->tx.store;
    uint64_t reserved;
    bool wrote;
    int rc;

    if (save_numbers(b, &reserved, e) || save_counts(b, e) || prepare(b, e))
        return -1;
    missing_coming(s->missing, &b->tx.names);
    rc = run_stmt(s->writer, STMT_COMMIT, e);
    missing_came(s->missing);
    if (rc)
        return -1;
    wrote = b->tx.changes_before != sqlite3_total_changes(s->writer->db);
    s->reserved_items = reserved;
    install(s, b);
    if (wrote)
        history_committed(s);
    if (b->durable && wrote)
        s->unsynced = false;
    else if (wrote)
        s->unsynced = true;
    else if (b->durable)
        return sync_log(s, e);
    return 0;
}

static void rollback(struct batch *b)
{
    struct conn *c = b->tx.c;
    struct err ignored = ERR_INIT;

    statements_reset(c);
    c->begun = false;
    if (!sqlite3_get_autocommit(c->db))
        run_stmt(c, STMT_ROLLBACK, &ignored);
    catalog_back(&b->tx);
    b->tx.n_derived = 0;
}

/* Everything in the batch that went well so far shares the fate of the transaction. */
static void fail_all(struct batch *b, const struct err *why)
{
    for (size_t i = 0; i < b->n; i++) {
        struct write_op *op = b->ops[i];
        if (op->rc < 0 || op->rc == TX_ROLLBACK)
            continue;
        op->rc = -1;
        if (op->e->code == ERR_NONE)
            *op->e = *why;
        change_list_reset(&op->changes);
    }
}

static int refuse_write(struct store *s, unsigned flags, struct err *e)
{
    if ((!(flags & TX_DAMAGED_TOO) || atomic_load(&s->failed)) && damage_keeps_from_writing(s, e))
        return -1;
    if (s->immutable || (s->read_only && !(flags & TX_READ_ONLY_TOO)))
        return err_set(e, ERR_READ_ONLY, "the store is read-only");
    return 0;
}

static void tx_init(struct batch *b, struct store *s)
{
    b->tx.store = s;
    b->tx.c = s->writer;
    b->tx.cat = s->state.cat; /* the leader alone changes it */
    s->writer->lens.cat = b->tx.cat;
    b->tx.now_ns = clock_wall_ns();
    b->tx.changes_before = sqlite3_total_changes(s->writer->db);
    s->writer->world.tx = &b->tx;
    s->writer->world.needs_derive = 0;
}

/* A page that was damaged when it was read may be read well the next time. */
static void forget_pages(struct conn *c)
{
    if (c->doubtful)
        sqlite3_db_release_memory(c->db);
    c->doubtful = false;
}

static void tx_deinit(struct batch *b)
{
    b->tx.c->world.tx = NULL;
    b->tx.c->begun = false;
    b->tx.c->lost = 0;
    damage_met(b->tx.store, b->tx.c);
    forget_pages(b->tx.c);
    change_list_reset(&b->tx.changes);
    derive_uses_begin(&b->tx);
    derive_tally_free(&b->tx);
    free(b->tx.uses);
    free(b->tx.counts);
    free(b->tx.names.hashes);
    free(b->tx.derived);
    free(b->counts);
    free(b->underived);
}

/* The rest of what goes on on this thread can't wait for this call. */
void store_will_wait(struct store *s)
{
    void (*on_wait)(void) = s->on_wait;
    if (on_wait)
        on_wait();
}

static void run_batch(struct store *s, struct batch *b)
{
    struct err why = ERR_INIT;
    bool good = false;

    if (b->durable || b->ops[0]->flags & (TX_ALONE | TX_READ_ONLY_TOO))
        store_will_wait(s);
    tx_init(b, s);
    if (!sqlite3_get_autocommit(s->writer->db)) /* the last rollback was given up */
        rollback(b);
    if (refuse_write(s, b->ops[0]->flags, &why) || set_full(s, b->durable, &why) ||
        run_stmt(s->writer, STMT_BEGIN_WRITE, &why)) {
        fail_all(b, &why);
        tx_deinit(b);
        return;
    }
    s->writer->begun = true;
    good = true;
    for (size_t i = 0; i < b->n && good; i++) {
        good = run_op(b, b->ops[i]);
        if (!good && b->ops[i]->rc < 0)
            why = *b->ops[i]->e;
    }
    if (!good || commit(b, &why)) {
        rollback(b);
        if (why.code == ERR_NONE && b->n > 1)
            err_set(&why, ERR_IO, "the commit that this was part of was given up");
        fail_all(b, &why);
    }
    tx_deinit(b);
}

/* ---- The queue ---- */

/* Takes what goes into one transaction from the front. */
static void take_locked(struct store *s, struct batch *b)
{
    while (s->queue.head && b->n < BATCH_MAX) {
        struct write_op *op = s->queue.head;
        bool alone = op->flags & (TX_ALONE | TX_READ_ONLY_TOO);
        if (alone && b->n)
            break;
        s->queue.head = op->next;
        if (!s->queue.head)
            s->queue.tail = NULL;
        b->ops[b->n++] = op;
        b->durable |= s->sync || (op->flags & TX_DURABLE);
        if (alone)
            break;
    }
}

static void finish_locked(struct batch *b, const struct write_op *self)
{
    for (size_t i = 0; i < b->n; i++) {
        b->ops[i]->done = true;
        if (b->ops[i] != self && b->ops[i]->waits)
            pthread_cond_signal(&b->ops[i]->wake);
    }
}

/* Holds queue.lock at the start and at the end. */
static void lead_locked(struct store *s, const struct write_op *self)
{
    struct batch b = {0};

    take_locked(s, &b);
    pthread_mutex_unlock(&s->queue.lock);
    run_batch(s, &b);
    pthread_mutex_lock(&s->queue.lock);
    finish_locked(&b, self);
    pthread_mutex_unlock(&s->queue.lock);
    checkpoint_if_due(s);
    pthread_mutex_lock(&s->queue.lock);
    if (s->queue.head) {
        s->queue.head->lead = true;
        pthread_cond_signal(&s->queue.head->wake);
    } else {
        s->queue.busy = false;
    }
}

static void push_locked(struct store *s, struct write_op *op)
{
    if (s->queue.tail)
        s->queue.tail->next = op;
    else
        s->queue.head = op;
    s->queue.tail = op;
}

int store_write(struct store *s, unsigned flags, tx_fn fn, void *arg, struct err *e)
{
    struct err own = ERR_INIT;
    struct write_op op = {.fn = fn, .arg = arg, .flags = flags, .e = &own};

    calls_begin(s);
    pthread_mutex_lock(&s->queue.lock);
    push_locked(s, &op);
    if (s->queue.busy) {
        op.waits = true;
        pthread_cond_init(&op.wake, NULL);
        pthread_mutex_unlock(&s->queue.lock);
        store_will_wait(s);
        pthread_mutex_lock(&s->queue.lock);
        while (!op.done && !op.lead)
            pthread_cond_wait(&op.wake, &s->queue.lock);
    }
    if (!op.done) {
        s->queue.busy = true;
        lead_locked(s, &op);
    }
    pthread_mutex_unlock(&s->queue.lock);
    if (op.waits)
        pthread_cond_destroy(&op.wake);
    deliver(s, &op);
    calls_end(s);
    if (op.rc < 0 && e->code == ERR_NONE)
        *e = own;
    return op.rc;
}
