/* Names that are not there, told by a connection that no commit makes cold.
 *
 * A commit makes worthless what the reading connections of the pool have in their caches. Between the making of
 * two items a name is looked up that is not there: that would be read anew each time, for the answer "nothing".
 * So one connection keeps its snapshot while commits go on, and beside it stand the names that they brought:
 *
 *   not in the snapshot, and not among those that came since  ->  not there
 *   anything else, or no snapshot                             ->  the pool is asked, as always
 *
 * A commit's names are noted before it is carried out, and no snapshot is taken while it is, so a name that anybody
 * may have seen is in one or the other. Too many names, or a checkpoint, which a snapshot would keep from
 * its end, and it is given up; the next look-up that follows a commit takes another.
 *
 * Threads: missing_knows any, the others the leader's (queue.c). Lock: missing.lock, held for one look-up, and
 * for a checkpoint; who only asks never waits for it. */
#ifndef STORE_MISSING_H
#define STORE_MISSING_H

#include "internal.h"

struct missing *missing_new(void); /* NULL = no memory: then nothing is known */
void missing_free(struct missing *m); /* no call is under way; NULL is fine, as for all */
/* Surely no item has this name now: in a name space, when its rows are derived. False: perhaps one has. */
bool missing_knows(struct store *s, uint32_t space, struct span key);

/* A transaction gives a name. */
void missing_note(struct store_tx *tx, uint32_t space, struct span key);
/* Around its COMMIT, whatever comes of it. */
void missing_coming(struct missing *m, const struct name_list *names);
void missing_came(struct missing *m);
/* Around a checkpoint. */
void missing_pause(struct missing *m);
void missing_resume(struct missing *m);

#endif
