/* The migration verbs, and what is known of versions and jobs.
 *
 * Each verb is one transaction with synchronous=FULL: durable when it returns, before or after,
 * never between. `report`: text for people, one or more lines, appended. Every verb carried out is
 * written to the log with who said it.
 *
 * Threads: any; verbs take turns. */
#ifndef STORE_VERBS_H
#define STORE_VERBS_H

#include "store.h"

struct verb_caller {
    uint32_t uid, pid;
    /* Asked now and then by check, verify, add and dry runs; true = stop (ERR_INTERRUPTED). May be
     * NULL. */
    bool (*interrupted)(void *arg);
    void *arg;
};

/* file: "v2.yaml", for messages, and the version in it has to be v2 (ERR_INVALID); text: the staged file. */
int store_check(struct store *s, const char *file, struct span text, const struct verb_caller *by,
                struct buf *report, struct err *e);
/* Adding the text of a dormant version under its name wakes it. ERR_EXISTS with the first
 * difference when the name is live with another text; the same text again answers ok. */
int store_add(struct store *s, const char *file, struct span text, const struct verb_caller *by,
              struct buf *report, struct err *e);
/* The named queries of a version compiled without a store (`schemafs check`). */
int store_check_queries(const struct version *v, struct err *e);
/* command: "v2", "pause", "resume", "cancel". Returns once the job is recorded and started. */
int store_backfill(struct store *s, struct span command, const struct verb_caller *by,
                   struct buf *report, struct err *e);
int store_backfill_rate(struct store *s, uint64_t items_per_s, const struct verb_caller *by,
                        struct err *e);
uint64_t store_backfill_rate_get(struct store *s);
int store_verify(struct store *s, struct span version, const struct verb_caller *by,
                 struct buf *report, struct err *e);
int store_finalize(struct store *s, struct span version, const struct verb_caller *by,
                   struct buf *report, struct err *e);
int store_revert(struct store *s, struct span version, const struct verb_caller *by,
                 struct buf *report, struct err *e);
/* A transaction over named queries, as JSON (interface.md). */
int store_transaction(struct store *s, struct span json, const struct verb_caller *by,
                      struct buf *report, struct err *e);

enum backfill_state {
    BACKFILL_NOT_NEEDED, BACKFILL_NEEDED, BACKFILL_RUNNING, BACKFILL_PAUSED, BACKFILL_DONE
};
extern const char *const backfill_state_names[]; /* "not_needed", ... */

struct version_status {
    char name[VERSION_NAME_SIZE];
    uint32_t number;
    bool is_default;
    int64_t items;             /* -1 = a type of it is not derived yet */
    bool has_parts;            /* it has parts of a type that was split */
    int64_t misfits;           /* items that no longer fit their part; -1 = not derived yet */
    enum backfill_state backfill;
    uint64_t done, total;      /* items, of a job that runs, is paused or done */
    double rate;               /* items a second, 0 = not known */
    double eta_s;              /* < 0 = not known */
    int64_t added_ns;
};
struct store_status {
    struct version_status *versions; /* live ones, oldest first; owned */
    size_t n;
    char default_name[VERSION_NAME_SIZE]; /* "" = none */
};
/* Items that no longer fit the part of a split type in which they are; -1 = not derived yet. */
int64_t store_misfits(struct store *s, const struct version *v, bool *ret_has_parts);
int store_status(struct store *s, struct store_status *ret, struct err *e);
void store_status_free(struct store_status *st);

/* Waits until no backfill runs, or timeout_ms passed (< 0 = no limit) or `by` was interrupted.
 * Returns 0 = none runs, 1 = still running. */
int store_wait_jobs(struct store *s, int timeout_ms, const struct verb_caller *by);

/* Every verb ever carried out, as JSON Lines, oldest first; appended. */
int store_log(struct store *s, struct buf *out, struct err *e);
/* The YAML text of a live version. Borrowed from the version. */
struct span store_schema_text(const struct version *v);

/* ---- Without a mount ---- */

/* JSON Lines of one type (s) to a stream-like sink; fn returns non-zero to stop. */
int store_export(struct store *s, const struct version *v, const struct shape *shape,
                 int (*fn)(void *arg, struct span line), void *arg, struct err *e);
/* All or nothing, in one transaction; next() gives the next piece of text (any size), 0 = end,
 * -1 = error. */
int store_import(struct store *s, const struct version *v, const struct shape *shape,
                 int (*next)(void *arg, struct span *ret), void *arg, size_t *ret_items,
                 struct err *e);
/* Checks everything: SQLite's own integrity, every record, key, reference, count, catalog. Findings,
 * one a line, go to report; *ret_findings counts them. Never repairs. */
int store_fsck(struct store *s, struct buf *report, size_t *ret_findings, struct err *e);

#endif
