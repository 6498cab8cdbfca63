/* Schema files and transactions that wait in schemas/ to be named to a verb: bytes by file name. They
 * mean nothing to the store; it keeps them so that they are there after a remount.
 *
 * Threads: any. */
#ifndef STORE_STAGED_H
#define STORE_STAGED_H

#include "store.h"

#define STAGED_MAX_BYTES (16u * 1024u * 1024u)

/* Replaces what was there. ERR_TOO_BIG; what every write can give. */
int store_staged_put(struct store *s, struct span name, struct span text, struct err *e);
/* One that is not there is fine. */
int store_staged_delete(struct store *s, struct span name, struct err *e);
/* In order of names; fn returns -1 to stop with its error. */
int store_staged_list(struct store *s,
                      int (*fn)(void *arg, struct span name, struct span text, struct err *e),
                      void *arg, struct err *e);

#endif
