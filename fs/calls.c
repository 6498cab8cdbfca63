#include "calls.h"

#include <pthread.h>
#include <stdlib.h>

#include "../schemas/clock.h"
#include "../store/cond.h"

struct calls {
    pthread_mutex_t lock;
    pthread_cond_t idle;
    unsigned n; /* guard: lock */
};

struct call {
    struct calls *calls;
    void (*fn)(void *arg);
    void *arg;
};

struct calls *calls_new(void)
{
    struct calls *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->idle);
    return c;
}

void calls_free(struct calls *c)
{
    if (!c)
        return;
    pthread_cond_destroy(&c->idle);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static bool begin(struct calls *c)
{
    bool ok;

    pthread_mutex_lock(&c->lock);
    ok = c->n < CALLS_MAX;
    c->n += ok;
    pthread_mutex_unlock(&c->lock);
    return ok;
}

static void end(struct calls *c)
{
    pthread_mutex_lock(&c->lock);
    if (--c->n == 0)
        pthread_cond_broadcast(&c->idle);
    pthread_mutex_unlock(&c->lock);
}

static void *run(void *arg)
{
    struct call call = *(struct call *)arg;

    free(arg);
    call.fn(call.arg);
    end(call.calls);
    return NULL;
}

int calls_run(struct calls *c, void (*fn)(void *arg), void *arg, struct err *e)
{
    struct call *call;
    pthread_attr_t attr;
    pthread_t thread;
    int failed;

    if (!begin(c))
        return err_set(e, ERR_BUSY, "%d commands are under way already", CALLS_MAX);
    call = malloc(sizeof(*call));
    if (!call) {
        end(c);
        return err_nomem(e);
    }
    *call = (struct call){c, fn, arg};
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    failed = pthread_create(&thread, &attr, run, call);
    pthread_attr_destroy(&attr);
    if (!failed)
        return 0;
    free(call);
    end(c);
    return err_nomem(e);
}

bool calls_drain(struct calls *c, int timeout_ms)
{
    int64_t until_ns = clock_steady_ns() + timeout_ms * INT64_C(1000000);
    int timed_out = 0;
    bool idle;

    pthread_mutex_lock(&c->lock);
    while (c->n && !timed_out)
        timed_out = cond_wait_until(&c->idle, &c->lock, until_ns);
    idle = c->n == 0;
    pthread_mutex_unlock(&c->lock);
    return idle;
}
