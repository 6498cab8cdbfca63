/* Orders to the threads that tell the kernel. */
#include <stdlib.h>
#include <time.h>

#include "notify_int.h"

#define GATHER_NS  INT64_C(5000000) /* the names thread waits so long for more names */
#define LOOKED_BACK 16u             /* jobs among which the same one is looked for */

void queue_init(struct queue *q)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->more, &attr);
    pthread_cond_init(&q->idle, &attr);
    pthread_condattr_destroy(&attr);
}

void queue_deinit(struct queue *q)
{
    free(q->jobs);
    pthread_cond_destroy(&q->more);
    pthread_cond_destroy(&q->idle);
    pthread_mutex_destroy(&q->lock);
}

static bool queue_grow_locked(struct queue *q)
{
    size_t cap = q->cap ? q->cap * 2 : 64;
    struct job *jobs = realloc(q->jobs, cap * sizeof(*jobs));

    if (!jobs)
        return false;
    q->jobs = jobs;
    q->cap = cap;
    return true;
}

static bool is_same(const struct job *a, const struct job *b)
{
    if (a->kind != b->kind || a->ino != b->ino)
        return false;
    switch (a->kind) {
    case JOB_INODE:
    case JOB_LISTING:
        return true;
    case JOB_NAME:
        return strcmp(a->name, b->name) == 0;
    case JOB_RECHECK:
        return a->dir == b->dir;
    default:
        return false;
    }
}

/* What is still to be told says what is so then: once is enough. */
static bool is_ordered_locked(const struct queue *q, const struct job *job)
{
    for (size_t i = q->n; i > 0 && i + LOOKED_BACK > q->n; i--)
        if (is_same(&q->jobs[i - 1], job))
            return true;
    return false;
}

static void add_locked(struct queue *q, const struct job *job)
{
    q->jobs[q->n++] = *job;
    q->urgent |= job->kind == JOB_REPLY;
    /* Who gathers wakes by itself. */
    if (!q->gathers || q->urgent)
        pthread_cond_signal(&q->more);
}

bool queue_add(struct queue *q, const struct job *job)
{
    bool ok = true;

    pthread_mutex_lock(&q->lock);
    if (is_ordered_locked(q, job))
        free(job->name);
    else if (q->n < q->cap || queue_grow_locked(q))
        add_locked(q, job);
    else
        ok = false;
    pthread_mutex_unlock(&q->lock);
    return ok;
}

static void gather_locked(struct queue *q)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GATHER_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    q->gathers = true;
    while (!q->urgent && !q->stop)
        if (pthread_cond_timedwait(&q->more, &q->lock, &until) != 0)
            break;
    q->gathers = false;
}

struct job *queue_take(struct queue *q, bool gather, size_t *ret_n)
{
    struct job *jobs;

    pthread_mutex_lock(&q->lock);
    q->busy = false;
    if (q->n == 0)
        pthread_cond_broadcast(&q->idle);
    while (q->n == 0 && !q->stop)
        pthread_cond_wait(&q->more, &q->lock);
    if (gather && q->n)
        gather_locked(q);
    jobs = q->n ? q->jobs : NULL;
    *ret_n = q->n;
    q->busy = jobs != NULL;
    q->urgent = false;
    if (jobs) {
        q->jobs = NULL;
        q->n = q->cap = 0;
    }
    pthread_mutex_unlock(&q->lock);
    return jobs;
}

bool queue_is_idle(struct queue *q)
{
    bool idle;

    pthread_mutex_lock(&q->lock);
    idle = q->n == 0 && !q->busy;
    pthread_mutex_unlock(&q->lock);
    return idle;
}

void queue_wait_idle(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->n || q->busy)
        pthread_cond_wait(&q->idle, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void queue_stop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stop = true;
    pthread_cond_broadcast(&q->more);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
}
