/* The log of verbs. Private to store/; verbs.h's store_log reads it. */
#ifndef STORE_VERB_LOG_H
#define STORE_VERB_LOG_H

#include "internal.h"
#include "verbs.h"

/* Adds what a verb came to: rc and *e, or the first line of its report. What can't be written is
 * left out: the verb itself is done. by may be NULL: this process. */
void verb_log(struct store *s, const struct verb_caller *by, const char *verb, struct span argument,
              int rc, const struct buf *report, const struct err *e);

#endif
