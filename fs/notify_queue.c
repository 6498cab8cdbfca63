/* Orders to the threads that tell the kernel. */
#include <stdlib.h>

#include "notify_int.h"
#include "../schemas/clock.h"
#include "../store/cond.h"

#define GATHER_NS   INT64_C(5000000) /* the names thread waits so long for more names */
#define LOOKED_BACK 16u             /* jobs among which the same one is looked for */

void queue_init(struct queue *q)
{
    pthread_mutex_init(&q->lock, NULL);
    cond_init(&q->more);
    cond_init(&q->idle);
    cond_init(&q->given);
}

void queue_deinit(struct queue *q)
{
    free(q->jobs);
    free(q->taken);
    pthread_cond_destroy(&q->given);
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
    if (!q->given_ns)
        q->given_ns = clock_steady_ns();
    if (q->unwatched)
        pthread_cond_signal(&q->given);
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
    int64_t until_ns = clock_steady_ns() + GATHER_NS;

    q->gathers = true;
    while (!q->urgent && !q->stop && cond_wait_until(&q->more, &q->lock, until_ns) == 0)
        ;
    q->gathers = false;
}

static void drop_taken_locked(struct queue *q)
{
    free(q->taken);
    q->taken = NULL;
    q->n_taken = 0;
    q->taken_ns = 0;
    q->busy = false;
}

static void take_locked(struct queue *q)
{
    q->taken = q->jobs;
    q->n_taken = q->n;
    q->taken_ns = q->given_ns;
    q->busy = true;
    q->urgent = false;
    q->jobs = NULL;
    q->n = q->cap = 0;
    q->given_ns = 0;
}

struct job *queue_take(struct queue *q, bool gather, size_t *ret_n)
{
    struct job *jobs;

    pthread_mutex_lock(&q->lock);
    drop_taken_locked(q);
    if (q->n == 0)
        pthread_cond_broadcast(&q->idle);
    while (q->n == 0 && !q->stop)
        pthread_cond_wait(&q->more, &q->lock);
    if (gather && q->n)
        gather_locked(q);
    if (q->n)
        take_locked(q);
    jobs = q->taken;
    *ret_n = q->n_taken;
    pthread_mutex_unlock(&q->lock);
    return jobs;
}

/* ---- What is late ---- */

/* Without memory for it a listing waits on. */
static void late_add(struct late *l, const struct job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].kind != JOB_NAME && jobs[i].kind != JOB_LISTING)
            continue;
        l->names |= jobs[i].kind == JOB_NAME;
        if (l->dirs)
            l->dirs[l->n++] = jobs[i].ino;
    }
}

static void late_locked(struct queue *q, struct late *ret)
{
    *ret = (struct late){.dirs = malloc((q->n_taken + q->n) * sizeof(*ret->dirs))};
    late_add(ret, q->taken, q->n_taken);
    late_add(ret, q->jobs, q->n);
    q->taken_ns = q->given_ns = 0;
}

bool queue_wait_late(struct queue *q, int64_t after_ns, struct late *ret)
{
    int64_t oldest_ns;
    bool ok;

    pthread_mutex_lock(&q->lock);
    while (!q->stop) {
        oldest_ns = q->taken_ns ? q->taken_ns : q->given_ns;
        q->unwatched = oldest_ns == 0;
        if (!oldest_ns)
            pthread_cond_wait(&q->given, &q->lock);
        else if (clock_steady_ns() >= oldest_ns + after_ns)
            break;
        else
            cond_wait_until(&q->given, &q->lock, oldest_ns + after_ns);
    }
    q->unwatched = false;
    ok = !q->stop;
    if (ok)
        late_locked(q, ret);
    pthread_mutex_unlock(&q->lock);
    return ok;
}

/* ---- Idle, and the end ---- */

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
    pthread_cond_broadcast(&q->given);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
}
