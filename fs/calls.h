/* Control verbs under way: each on a thread of its own, so that a long one keeps no request thread
 * from its work, and the signal to its writer is heard.
 *
 * Threads: any. */
#ifndef FS_CALLS_H
#define FS_CALLS_H

#include "../schemas/err.h"

struct calls;

#define CALLS_MAX 64

struct calls *calls_new(void); /* NULL = no memory */
/* Runs fn(arg) on a thread of its own. ERR_BUSY: CALLS_MAX are under way. */
int calls_run(struct calls *c, void (*fn)(void *arg), void *arg, struct err *e);
/* Waits until none is under way, or timeout_ms passed: false. */
bool calls_drain(struct calls *c, int timeout_ms);
void calls_free(struct calls *c); /* NULL is fine */

#endif
