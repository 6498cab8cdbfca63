#include "cond.h"

#include <time.h>

#include "../schemas/clock.h"

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

int cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns)
{
    struct timespec until = {until_ns / SECOND_NS, until_ns % SECOND_NS};

    return pthread_cond_timedwait(cond, lock, &until);
}
