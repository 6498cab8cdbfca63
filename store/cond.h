/* Waits for a condition that have an end, by clock_steady_ns (schemas/clock.h).
 *
 * Threads: any. */
#ifndef STORE_COND_H
#define STORE_COND_H

#include <pthread.h>
#include <stdint.h>

/* A condition for cond_wait_until; pthread_cond_destroy ends it. */
void cond_init(pthread_cond_t *cond);
/* Until a signal (0), or until clock_steady_ns() is `until_ns` (ETIMEDOUT). The lock is held before
 * and after, as with pthread_cond_timedwait. */
int cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns);

#endif
