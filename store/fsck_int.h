/* What the files of fsck share. Private to store/fsck*.c. */
#ifndef STORE_FSCK_INT_H
#define STORE_FSCK_INT_H

#include "internal.h"

struct fsck {
    struct store_tx *tx; /* NULL in fsck_glance */
    struct conn *c;
    const struct catalog *cat;
    struct buf *report;
    size_t findings;
    bool no_memory;
};

/* One line of the report; lost: what is lost by it, or NULL. */
void fsck_finding(struct fsck *f, const char *lost, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A check that could not be carried out is a finding, too; only memory ends the whole: -1. */
int fsck_troubled(struct fsck *f, const char *what, const struct err *why, struct err *e);

/* fsck_items.c: every record. */
int fsck_items(struct fsck *f, struct err *e);
/* fsck_refs.c: references and names that no record holds, old revisions. */
int fsck_refs(struct fsck *f, struct err *e);
int fsck_namings(struct fsck *f, struct err *e);
int fsck_history(struct fsck *f, struct err *e);

#endif
