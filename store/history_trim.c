/* What the rule does not keep is removed here, in the background.
 *
 * One pass removes revisions that are too old from the beginning (their numbers grow with their time),
 * then looks through the index of the rest, by item, for those of which there are too many: read in
 * pieces, removed in small transactions of their own. A writer waits for one such transaction at most.
 *
 * A pass costs as much as there is history, so it comes after a rest of REST_FACTOR times what the last
 * one took, and only when something has been kept since. What becomes too old is known beforehand.
 *
 * trim.lock guards struct trim; it is never held across a call into the rest of the store. */
#include "internal.h"

#include <errno.h>
#include <sys/resource.h>

#include "../schemas/clock.h"
#include "cond.h"

#define PIECE       4096            /* rows read at a time */
#define BATCH       128             /* and removed */
#define REST_FACTOR 50
#define REST_MIN_NS INT64_C(1000000000)
#define NICE        5

struct trim {
    struct store *s;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stop;      /* guard: lock */
    int64_t due_ns; /* when the oldest revision becomes too old; the thread's own */
};

static bool stopped(struct trim *t)
{
    pthread_mutex_lock(&t->lock);
    bool stop = t->stop;
    pthread_mutex_unlock(&t->lock);
    return stop;
}

/* ---- Removing ---- */

struct doomed {
    uint64_t revision, id;
};
struct cut {
    int64_t before_ns; /* what was replaced earlier is too old */
    int64_t oldest_ns; /* the oldest that is not; INT64_MAX = none */
    struct doomed list[BATCH];
    size_t n;
};

static int remove_listed(struct store_tx *tx, void *arg, struct err *e)
{
    const struct cut *c = arg;

    for (size_t i = 0; i < c->n; i++)
        if (history_forget(tx, c->list[i].revision, c->list[i].id, e))
            return -1;
    return 0;
}

static int list_old(struct store_tx *tx, struct cut *c, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_HISTORY_OLDEST, e);
    bool row = true;

    c->n = 0;
    c->oldest_ns = INT64_MAX;
    if (!st)
        return -1;
    sqlite3_bind_int(st, 1, BATCH);
    while (c->n < BATCH) {
        if (conn_step(tx->c, st, &row, e))
            return -1;
        if (!row)
            break;
        c->oldest_ns = sqlite3_column_int64(st, 2);
        if (c->oldest_ns >= c->before_ns)
            break;
        c->list[c->n++] = (struct doomed){column_id(st, 0), column_id(st, 1)};
    }
    stmt_done(st);
    return 0;
}

static int remove_old(struct store_tx *tx, void *arg, struct err *e)
{
    return list_old(tx, arg, e) ? -1 : remove_listed(tx, arg, e);
}

static int trim_old(struct trim *t, struct err *e)
{
    struct cut c = {.before_ns = clock_wall_ns() - t->s->history.age_ns, .n = BATCH};

    while (c.n == BATCH && !stopped(t))
        if (store_write(t->s, TX_ALONE, remove_old, &c, e))
            return -1;
    t->due_ns = c.oldest_ns < INT64_MAX - t->s->history.age_ns
                    ? c.oldest_ns + t->s->history.age_ns
                    : INT64_MAX;
    return 0;
}

/* ---- Looking for items that have too many ---- */

struct walk {
    uint64_t id;   /* of the last row, and its time: where to go on, downwards */
    int64_t at_ns;
    unsigned n;    /* newer ones of that item, this one included */
    bool end;
};

static int walk_piece(struct conn *c, struct walk *w, unsigned keep, struct cut *cut,
                      struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_HISTORY_SCAN, e);
    size_t seen = 0;
    bool row = true;

    cut->n = 0;
    if (!st)
        return -1;
    bind_id(st, 1, w->id);
    sqlite3_bind_int64(st, 2, w->at_ns);
    sqlite3_bind_int(st, 3, PIECE);
    while (cut->n < BATCH) {
        if (conn_step(c, st, &row, e))
            return -1;
        if (!row)
            break;
        uint64_t id = column_id(st, 0);
        w->n = id == w->id ? w->n + 1 : 1;
        w->id = id;
        w->at_ns = sqlite3_column_int64(st, 1);
        seen++;
        if (w->n > keep)
            cut->list[cut->n++] = (struct doomed){column_id(st, 2), id};
    }
    w->end = !row && seen < PIECE;
    stmt_done(st);
    return 0;
}

static int trim_many(struct trim *t, struct err *e)
{
    struct walk w = {.id = INT64_MAX, .at_ns = INT64_MAX};
    struct cut cut;

    while (!w.end && !stopped(t)) {
        struct conn *c;
        if (reader_get(t->s, NULL, &c, e))
            return -1;
        int rc = walk_piece(c, &w, t->s->history.count, &cut, e);
        reader_put(c);
        if (rc || (cut.n && store_write(t->s, TX_ALONE, remove_listed, &cut, e)))
            return -1;
    }
    return 0;
}

/* ---- The thread ---- */

/* False: the store closes. */
static bool rest(struct trim *t, int64_t ns)
{
    int64_t until_ns = clock_steady_ns() + ns;
    int rc = 0;

    pthread_mutex_lock(&t->lock);
    while (!t->stop && rc != ETIMEDOUT)
        rc = cond_wait_until(&t->wake, &t->lock, until_ns);
    bool goes_on = !t->stop;
    pthread_mutex_unlock(&t->lock);
    return goes_on;
}

static void *trim_main(void *arg)
{
    struct trim *t = arg;
    atomic_size_t *fresh = &t->s->history.fresh;
    int64_t took_ns = 0;

    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread; lower is refused, which does not matter */
    do {
        struct err e = ERR_INIT; /* tried again later */
        int64_t began = clock_steady_ns();
        bool many = atomic_exchange(fresh, 0) != 0;
        if (!many && clock_wall_ns() < t->due_ns)
            continue;
        if (trim_old(t, &e) || (many && trim_many(t, &e)))
            atomic_store(fresh, 1);
        took_ns = clock_steady_ns() - began;
    } while (rest(t, took_ns * REST_FACTOR + REST_MIN_NS));
    return NULL;
}

int trim_start(struct store *s, struct err *e)
{
    struct trim *t;

    if (!s->history.count)
        return 0;
    t = calloc(1, sizeof *t);
    if (!t)
        return err_nomem(e);
    t->s = s;
    atomic_store(&s->history.fresh, 1); /* the rule may be another one */
    pthread_mutex_init(&t->lock, NULL);
    cond_init(&t->wake);
    if (pthread_create(&t->thread, NULL, trim_main, t)) {
        pthread_cond_destroy(&t->wake);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return err_set(e, ERR_NO_MEMORY, "no thread to trim the history");
    }
    s->history.trim = t;
    return 0;
}

void trim_stop(struct store *s)
{
    struct trim *t = s->history.trim;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t);
    s->history.trim = NULL;
}
