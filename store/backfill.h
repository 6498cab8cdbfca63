/* The backfill job: one at a time, on a thread of its own, in small transactions that let others
 * in between. Private to store/. */
#ifndef STORE_BACKFILL_H
#define STORE_BACKFILL_H

#include "internal.h"
#include "verbs.h"

/* Rows of table job: what is known of one version's backfill. */
struct job_row {
    uint32_t version;
    enum backfill_state state;
    uint32_t step;          /* the step it brings items up to */
    uint64_t cursor;        /* items up to this id are done */
    uint64_t done, total;
    int64_t started_ns, ended_ns;
};
/* *ret_found = false: none. */
int job_read(struct conn *c, uint32_t version, struct job_row *ret, bool *ret_found, struct err *e);
int job_write(struct store_tx *tx, const struct job_row *row, struct err *e);
int job_delete(struct store_tx *tx, uint32_t version, struct err *e);
/* The highest step up to which all items have been brought, by jobs that are done. */
int job_covered(struct conn *c, uint32_t *ret, struct err *e);
/* The job that runs or is paused, if any. */
int job_active(struct conn *c, struct job_row *ret, bool *ret_found, struct err *e);

/* Those of the latest versions, at most max. */
int job_list(struct conn *c, struct job_row *ret, size_t max, size_t *ret_n, struct err *e);

/* True when some item may still lack a slot that v shows: v or a version on its way to the root
 * leaves forward formulas or links, and no finished job covers them. */
bool backfill_needs(const struct catalog *cat, const struct version *v, uint32_t covered_step);
/* True when v's path has anything to compute at all. */
bool backfill_applies(const struct catalog *cat, const struct version *v);

/* What store_backfill and store_backfill_rate do, without the log (verbs.c). */
int backfill_command(struct store *s, struct span command, struct buf *report, struct err *e);
int backfill_set_rate(struct store *s, uint64_t items_per_s, struct err *e);

/* ---- A batch (backfill_batch.c) ---- */

#define BATCH_MAX 4096
struct place;
/* Of one thread; begins with version and n. */
struct batch {
    uint32_t version;
    size_t n;               /* items at the most */
    size_t read;            /* that many were looked at */
    struct job_row row;     /* as it is after the batch */
    bool end;               /* nothing is left, or the job is not running any more */
    /* Kept from one batch to the next: memory that comes and goes costs more than the copies. */
    struct buf bytes;       /* key, body, key, body, ... of the rows that were read */
    struct place *places;   /* BATCH_MAX of them */
    struct record rec;      /* scratch of one row */
};

void batch_deinit(struct batch *b);
/* A tx_fn. arg: the batch, which tells afterwards how far it came. */
int batch_tx(struct store_tx *tx, void *arg, struct err *e);

/* The thread's present figures for status. */
struct job_figures {
    bool running;
    bool given_up;          /* an error ended it, and there was no writing that it is paused */
    uint32_t version;
    uint64_t done, total;
    double rate;            /* items a second */
};
void jobs_figures(struct store *s, struct job_figures *ret);
/* What became of the job whose row this is: of one that nothing will go on with, a row may say that it
 * runs. */
enum backfill_state job_state(struct store *s, const struct job_row *row,
                              const struct job_figures *now);
/* A version is about to go (revert, finalize): its job is stopped; returns when it is. */
void jobs_stop_version(struct store *s, uint32_t version);

#endif
