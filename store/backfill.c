/* Backfill.
 *
 *   needed --backfill--> running --end--> done
 *                        running <--pause / resume--> paused
 *                        running, paused --cancel--> needed
 *
 * A job's row is written in the same transaction as the items of its batch, so a crash at any
 * point finds the cursor where the items are: before a batch or after it, never between [I2]. A
 * row that says running is resumed when the store is opened. Items made or written while it runs
 * are up to date already; the cursor passes them without a write. An item's text is the same
 * before and after in every version, so nobody has to be told.
 *
 * jobs.lock guards struct jobs; it is never held across store_write. */
#include "backfill.h"
#include "verb_log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "../schemas/clock.h"
#include "cond.h"

#define BATCH_MIN      32
#define BATCH_TIME_NS  8000000 /* a batch keeps writers waiting: about this long at the most */
#define RATE_WINDOW_NS 500000000
#define NICE           5 /* of its thread: readers come first when the processors are all busy */

const char *const backfill_state_names[] = {"not_needed", "needed", "running", "paused", "done"};

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread;        /* to be joined */
    bool alive;             /* the thread has not ended */
    bool stop;              /* asked to end at the next batch's end */
    uint64_t rate_limit;    /* items a second, 0 = none */
    struct job_figures now;
};

/* ---- What needs one ---- */

static bool computes(const struct catalog *cat, const struct version *v)
{
    const struct catalog_entry *p = v->parent ? catalog_entry(cat, v->parent) : NULL;
    if (!p || p->state == VERSION_GONE)
        return false;
    for (size_t i = 0; i < v->n_formulas; i++)
        if (v->formulas[i]->dir == FORMULA_FORWARD)
            return true;
    return v->n_links != 0;
}

bool backfill_needs(const struct catalog *cat, const struct version *v, uint32_t covered_step)
{
    for (; v; v = v->base)
        if (computes(cat, v) && v->step_end > covered_step + 1)
            return true;
    return false;
}

bool backfill_applies(const struct catalog *cat, const struct version *v)
{
    return backfill_needs(cat, v, 0);
}

/* ---- The thread ---- */

/* Waits until `until_ns` (monotonic), or for a request to stop. True = stop. */
static bool rest_until(struct jobs *j, int64_t until_ns)
{
    pthread_mutex_lock(&j->lock);
    uint64_t limit = j->rate_limit;
    while (!j->stop && j->rate_limit == limit && clock_steady_ns() < until_ns)
        if (cond_wait_until(&j->changed, &j->lock, until_ns) == ETIMEDOUT)
            break;
    bool stop = j->stop;
    pthread_mutex_unlock(&j->lock);
    return stop;
}

static void adapt(struct batch *b, int64_t took_ns)
{
    if (took_ns < BATCH_TIME_NS / 2 && b->n < BATCH_MAX)
        b->n *= 2;
    else if (took_ns > BATCH_TIME_NS && b->n > BATCH_MIN)
        b->n /= 2;
}

static uint64_t rate_limit(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    uint64_t r = j->rate_limit;
    pthread_mutex_unlock(&j->lock);
    return r;
}

struct pace {
    int64_t window_ns;      /* start of the window that the rate is taken over */
    uint64_t window_items;
};

static void tell_figures(struct jobs *j, struct pace *p, const struct batch *b, int64_t now)
{
    p->window_items += b->read;
    pthread_mutex_lock(&j->lock);
    j->now.done = b->row.done;
    j->now.total = b->row.total;
    if (now - p->window_ns >= RATE_WINDOW_NS || b->end) {
        j->now.rate = (double)p->window_items * 1e9 / (double)(now - p->window_ns + 1);
        *p = (struct pace){now, 0};
    }
    pthread_mutex_unlock(&j->lock);
}

/* Types that are derived from others come first: their records are then there to be referred to. */
static int derive_all(struct store *s, uint32_t version, struct err *e)
{
    struct catalog *cat = store_catalog(s);
    struct version *v = cat ? catalog_live(cat, version) : NULL;
    int rc = 0;
    for (const struct version *u = v; u && !rc; u = u->base)
        for (size_t i = 0; i < u->n_links && !rc; i++)
            if (computes(cat, u))
                rc = derive_for_coll(s, u->links[i]->target_coll, e);
    catalog_unref(cat);
    return rc;
}

/* All holders are up to date now: that needs to be noted only. */
static int derive_moves(struct store *s, uint32_t version, struct err *e)
{
    struct catalog *cat = store_catalog(s);
    struct version *v = cat ? catalog_live(cat, version) : NULL;
    int rc = 0;
    for (size_t i = 0; v && i < cat->n_links && !rc; i++)
        if (cat->links[i]->kind == LINK_MOVE)
            rc = derive_for_view(s, v, cat->links[i]->target_coll, e);
    catalog_unref(cat);
    return rc;
}

static int mark(struct store_tx *tx, uint32_t step, uint32_t upto, struct err *e)
{
    return step <= upto && !derive_is_done(tx->store, tx, step) ? derive_mark(tx, step, e) : 0;
}

/* The names of all items were given with them, and what formulas refer to. */
static int mark_names(struct store_tx *tx, void *arg, struct err *e)
{
    uint32_t upto = *(uint32_t *)arg;
    for (size_t i = 0; i < tx->cat->n_givers; i++)
        if (tx->cat->givers[i].looks_up && mark(tx, tx->cat->givers[i].at->f->step, upto, e))
            return -1;
    for (size_t i = 0; i < tx->cat->n_namings; i++)
        if (mark(tx, tx->cat->namings[i]->step, upto, e))
            return -1;
    return 0;
}

/* Not much lower: a writer waits for the batch under way, whatever its priority. */
static void be_nice(void)
{
    int now = getpriority(PRIO_PROCESS, 0);

    setpriority(PRIO_PROCESS, 0, now + NICE < 19 ? now + NICE : 19); /* of this thread */
}

static int pause_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct job_row row;
    bool found;
    if (job_read(tx->c, *(uint32_t *)arg, &row, &found, e))
        return -1;
    if (!found || row.state != BACKFILL_RUNNING)
        return 0;
    row.state = BACKFILL_PAUSED;
    return job_write(tx, &row, e);
}

/* An error ends the job: it is paused where it is, and the log and whoever listens are told why. Where
 * even that can't be written, the row goes on saying that it runs, and the next opening, or the verb
 * given again, resumes it; until then this process knows better. */
static void give_up(struct store *s, uint32_t version, const struct err *why)
{
    struct catalog *cat = store_catalog(s);
    const struct catalog_entry *en = catalog_entry(cat, version);
    struct buf nothing BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (store_write(s, TX_ALONE, pause_tx, &version, &e)) {
        pthread_mutex_lock(&s->jobs->lock);
        s->jobs->now.given_up = true;
        pthread_mutex_unlock(&s->jobs->lock);
    }
    verb_log(s, NULL, "backfill", span_of(en ? en->v->name : ""), -1, &nothing, why);
    if (s->on_given_up)
        s->on_given_up(s->on_given_up_arg, why);
    catalog_unref(cat);
}

static void *job_main(void *arg)
{
    struct store *s = arg;
    struct jobs *j = s->jobs;
    struct batch b = {.version = j->now.version, .n = BATCH_MIN};
    struct pace pace = {.window_ns = clock_steady_ns()};
    struct err e = ERR_INIT;
    bool stop = false;
    int rc;

    be_nice();
    rc = derive_all(s, b.version, &e);
    while (!rc && !b.end && !stop) {
        int64_t began = clock_steady_ns();
        uint64_t limit = rate_limit(j);
        if (limit && b.n > limit / 4 + 1)
            b.n = limit / 4 + 1;
        rc = store_write(s, TX_ALONE, batch_tx, &b, &e);
        int64_t now = clock_steady_ns();
        if (rc)
            break;
        tell_figures(j, &pace, &b, now);
        int64_t until = limit ? began + (int64_t)((double)b.read * 1e9 / (double)limit) : now;
        adapt(&b, now - began);
        stop = rest_until(j, until);
    }
    if (!rc && b.end)
        rc = store_write(s, TX_ALONE, mark_names, &b.row.step, &e) ||
                     derive_moves(s, b.version, &e) || store_sync(s, &e) ? -1 : 0;
    batch_deinit(&b);
    if (rc)
        give_up(s, b.version, &e);
    pthread_mutex_lock(&j->lock);
    j->alive = false;
    j->now.running = false;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

/* Ends the thread at its batch's end and joins it. */
static void halt(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    bool has = j->has_thread;
    j->stop = true;
    j->has_thread = false;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    if (has)
        pthread_join(j->thread, NULL);
}

static int launch(struct store *s, const struct job_row *row, struct err *e)
{
    struct jobs *j = s->jobs;
    halt(j); /* one that has ended by itself is joined here */
    pthread_mutex_lock(&j->lock);
    j->stop = false;
    j->alive = true;
    j->now = (struct job_figures){
        .running = true, .version = row->version, .done = row->done, .total = row->total};
    int rc = pthread_create(&j->thread, NULL, job_main, s);
    j->has_thread = rc == 0;
    j->alive = rc == 0;
    j->now.running = rc == 0;
    pthread_mutex_unlock(&j->lock);
    return rc ? err_set(e, ERR_NO_MEMORY, "no thread for the backfill") : 0;
}

static struct jobs *jobs_new(void)
{
    struct jobs *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    pthread_mutex_init(&j->lock, NULL);
    cond_init(&j->changed);
    return j;
}

void store_on_given_up(struct store *s, store_given_up_fn fn, void *arg)
{
    s->on_given_up = fn;
    s->on_given_up_arg = arg;
}

int store_jobs_start(struct store *s, struct err *e)
{
    struct job_row row = {0};
    struct conn *c;
    struct catalog *cat = store_catalog(s);
    int64_t limit = 0;
    bool found = false;

    s->jobs = jobs_new();
    if (!s->jobs) {
        catalog_unref(cat);
        return err_nomem(e);
    }
    int rc = reader_get(s, cat, &c, e);
    if (!rc) {
        rc = job_active(c, &row, &found, e) || meta_get(c, META_BACKFILL_RATE, &limit, e) ? -1 : 0;
        reader_put(c);
    }
    catalog_unref(cat);
    s->jobs->rate_limit = limit > 0 ? (uint64_t)limit : 0;
    if (!rc && found && row.state == BACKFILL_RUNNING)
        rc = launch(s, &row, e);
    return rc;
}

void store_jobs_stop(struct store *s)
{
    if (!s->jobs)
        return;
    halt(s->jobs);
    pthread_cond_destroy(&s->jobs->changed);
    pthread_mutex_destroy(&s->jobs->lock);
    free(s->jobs);
    s->jobs = NULL;
}

void jobs_figures(struct store *s, struct job_figures *ret)
{
    *ret = (struct job_figures){0};
    if (!s->jobs)
        return;
    pthread_mutex_lock(&s->jobs->lock);
    *ret = s->jobs->now;
    pthread_mutex_unlock(&s->jobs->lock);
}

enum backfill_state job_state(struct store *s, const struct job_row *row,
                              const struct job_figures *now)
{
    bool ended = !s->jobs || (now->given_up && now->version == row->version);

    return row->state == BACKFILL_RUNNING && ended ? BACKFILL_PAUSED : row->state;
}

void jobs_stop_version(struct store *s, uint32_t version)
{
    struct job_figures now;
    jobs_figures(s, &now);
    if (now.running && now.version == version)
        halt(s->jobs);
}

int store_wait_jobs(struct store *s, int timeout_ms, const struct verb_caller *by)
{
    struct jobs *j = s->jobs;
    int64_t end = timeout_ms < 0 ? INT64_MAX : clock_steady_ns() + (int64_t)timeout_ms * 1000000;
    if (!j)
        return 0;
    pthread_mutex_lock(&j->lock);
    while (j->alive && clock_steady_ns() < end) {
        int64_t slice = clock_steady_ns() + 50000000;
        if (slice > end)
            slice = end;
        cond_wait_until(&j->changed, &j->lock, slice);
        if (by && by->interrupted && by->interrupted(by->arg))
            break;
    }
    int running = j->alive;
    pthread_mutex_unlock(&j->lock);
    return running;
}

/* ---- The verb ---- */

struct start_args {
    const struct version *v;
    struct job_row row;
    bool nothing;           /* there is nothing to do */
};

static int count_items(struct conn *c, uint64_t *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    if (conn_prepare(c, "SELECT total(n) FROM count", &st, e))
        return -1;
    int rc = conn_step(c, st, &row, e);
    if (!rc)
        *ret = row ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    sqlite3_finalize(st);
    return rc;
}

static int start_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct start_args *a = arg;
    struct job_row active;
    uint32_t covered;
    bool found;

    if (catalog_live(tx->cat, a->v->number) != a->v)
        return err_set(e, ERR_STALE, "%s is not live any more", a->v->name);
    if (job_active(tx->c, &active, &found, e) || job_covered(tx->c, &covered, e))
        return -1;
    if (found && active.version != a->v->number) {
        const struct catalog_entry *other = catalog_entry(tx->cat, active.version);
        return err_set(e, ERR_BUSY, "the backfill of %s is not finished",
                       other ? other->v->name : "another version");
    }
    a->nothing = !backfill_needs(tx->cat, a->v, covered);
    if (a->nothing || (found && active.state == BACKFILL_RUNNING)) {
        a->row = found ? active : (struct job_row){0};
        return 0;
    }
    if (found) {
        a->row = active;
    } else {
        a->row = (struct job_row){.version = a->v->number, .step = a->v->step_end - 1,
                                  .started_ns = tx->now_ns};
        if (count_items(tx->c, &a->row.total, e))
            return -1;
    }
    a->row.state = BACKFILL_RUNNING;
    return job_write(tx, &a->row, e);
}

static int start(struct store *s, const struct version *v, struct buf *report, struct err *e)
{
    struct start_args a = {.v = v};
    struct job_figures now;

    jobs_figures(s, &now);
    if (now.running && now.version == v->number)
        return buf_printf(report, "backfill of %s is running\n", v->name) ? 0 : err_nomem(e);
    if (store_write(s, TX_ALONE | TX_DURABLE, start_tx, &a, e))
        return -1;
    if (a.nothing)
        return buf_printf(report, "backfill of %s: nothing to do\n", v->name) ? 0 : err_nomem(e);
    if (launch(s, &a.row, e))
        return -1;
    bool ok = buf_printf(report, "backfill of %s started, %llu items\n", v->name,
                         (unsigned long long)a.row.total);
    return ok ? 0 : err_nomem(e);
}

struct switch_args {
    enum backfill_state from, to;
    bool cancel;
    struct job_row row;
};

static int switch_tx(struct store_tx *tx, void *arg, struct err *e)
{
    struct switch_args *a = arg;
    bool found;
    if (job_active(tx->c, &a->row, &found, e))
        return -1;
    if (!found)
        return err_set(e, ERR_INVALID, "no backfill is running");
    if (a->cancel)
        return job_delete(tx, a->row.version, e);
    if (a->row.state == a->to)
        return 0;
    a->row.state = a->to;
    return job_write(tx, &a->row, e);
}

static int switch_state(struct store *s, struct switch_args *a, const char *done,
                        struct buf *report, struct err *e)
{
    if (store_write(s, TX_ALONE | TX_DURABLE, switch_tx, a, e))
        return -1;
    if (a->to == BACKFILL_RUNNING && !a->cancel) {
        struct job_figures now;
        jobs_figures(s, &now);
        if (!now.running && launch(s, &a->row, e))
            return -1;
    } else {
        halt(s->jobs);
    }
    return buf_printf(report, "backfill %s at %llu of %llu items\n", done,
                      (unsigned long long)a->row.done, (unsigned long long)a->row.total)
               ? 0
               : err_nomem(e);
}

int backfill_command(struct store *s, struct span command, struct buf *report, struct err *e)
{
    static const struct {
        const char *word, *done;
        struct switch_args args;
    } words[] = {
        {"pause", "paused", {BACKFILL_RUNNING, BACKFILL_PAUSED, false, {0}}},
        {"resume", "resumed", {BACKFILL_PAUSED, BACKFILL_RUNNING, false, {0}}},
        {"cancel", "cancelled", {BACKFILL_RUNNING, BACKFILL_NEEDED, true, {0}}},
    };
    struct catalog *cat;
    struct version *v;

    if (!s->jobs)
        return err_set(e, ERR_READ_ONLY, "the store is read-only");
    cat = store_catalog(s);
    v = catalog_version(cat, command); /* a version may be called "pause" */
    int rc = 1;
    if (v)
        rc = start(s, v, report, e);
    for (size_t i = 0; rc == 1 && i < sizeof words / sizeof words[0]; i++) {
        struct switch_args a = words[i].args;
        if (span_eq(command, span_of(words[i].word)))
            rc = switch_state(s, &a, words[i].done, report, e);
    }
    if (rc == 1)
        rc = catalog_no_version(cat, command, e);
    catalog_unref(cat);
    return rc;
}

struct rate_args {
    uint64_t rate;
};

static int rate_tx(struct store_tx *tx, void *arg, struct err *e)
{
    return meta_set(tx, META_BACKFILL_RATE, (int64_t)((struct rate_args *)arg)->rate, e);
}

int backfill_set_rate(struct store *s, uint64_t items_per_s, struct err *e)
{
    struct rate_args a = {items_per_s};
    if (!s->jobs)
        return err_set(e, ERR_READ_ONLY, "the store is read-only");
    if (store_write(s, TX_DURABLE, rate_tx, &a, e))
        return -1;
    pthread_mutex_lock(&s->jobs->lock);
    s->jobs->rate_limit = items_per_s;
    pthread_cond_broadcast(&s->jobs->changed);
    pthread_mutex_unlock(&s->jobs->lock);
    return 0;
}

uint64_t store_backfill_rate_get(struct store *s)
{
    return s->jobs ? rate_limit(s->jobs) : 0;
}
