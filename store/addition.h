/* A schema file that is to become a version: what it stands on, compiled. Private to store/.
 *
 * Threads: any. */
#ifndef STORE_ADDITION_H
#define STORE_ADDITION_H

#include "internal.h"

struct addition {
    char name[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE];
    struct version *v;       /* compiled, or the dormant one; a reference */
    bool wakes, is_live;     /* is_live: the same text is live already */
    struct schema_counters counters;
    struct buf *report;      /* for what a refusal can suggest */
};

/* file: for messages. Set a->report before; all else is filled in, also of a text that is refused
 * with candidates. addition_free in either case. */
int addition_prepare(struct store *s, const struct catalog *cat, const char *file, struct span text,
                     struct addition *a, struct err *e);
void addition_free(struct addition *a);

#endif
