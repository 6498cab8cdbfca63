#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "../schemas/clock.h"

#define POLL_NS_MIN 10000              /* a shorter look is no look */
#define TAKEN_NS    INT64_C(200000)    /* between two looks: another took the processor away */
#define CROWDED_NS_MIN INT64_C(10000000)   /* how long nobody looks after that; doubled when it */
#define CROWDED_NS_MAX INT64_C(1000000000) /* happens again soon */
#define SLOW_NS     INT64_C(2000000)   /* a commit that took longer was slow, */
#define SLOW_FOR_NS INT64_C(100000000) /* and so the next ones may be */

struct loop {
    struct fuse_session *session;
    int fd;          /* of the session; does not block */
    int wake, ended; /* eventfds: stop; the last thread is done */
    pthread_mutex_t lock;
    pthread_cond_t free; /* nobody leads */
    bool led, stop;      /* guard: lock */
    unsigned running;    /* guard: lock */
    int64_t poll_ns;     /* the leader's, as the next two */
    int64_t crowded_ns, crowded_until_ns;
    _Atomic int64_t slow_until_ns;
    pthread_t threads[LOOP_THREADS];
    unsigned n_threads;
};

/* What a thread of the loop is at. */
struct worker {
    struct loop *loop;
    bool leads;
};
static _Thread_local struct worker *self;

/* ---- The lead ---- */

static bool lead_take(struct worker *w)
{
    struct loop *l = w->loop;

    pthread_mutex_lock(&l->lock);
    while (l->led && !l->stop)
        pthread_cond_wait(&l->free, &l->lock);
    w->leads = !l->stop;
    l->led |= w->leads;
    pthread_mutex_unlock(&l->lock);
    return w->leads;
}

static void lead_leave(struct worker *w)
{
    struct loop *l = w->loop;

    pthread_mutex_lock(&l->lock);
    l->led = w->leads = false;
    pthread_mutex_unlock(&l->lock);
    pthread_cond_signal(&l->free); /* under the lock, who wakes would sleep again at once */
}

void loop_will_block(void)
{
    if (self && self->leads)
        lead_leave(self);
}

/* ---- Receiving ---- */

static bool has_more(const struct loop *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

/* A sleep that was short would have been spared by looking longer; after a long one, looking was in
 * vain. */
static void learn(struct loop *l, int64_t slept_ns)
{
    if (slept_ns > LOOP_POLL_NS_MAX)
        l->poll_ns /= 2;
    else if (l->poll_ns < LOOP_POLL_NS_MAX)
        l->poll_ns = l->poll_ns < POLL_NS_MIN ? POLL_NS_MIN : l->poll_ns * 2;
    if (l->poll_ns > LOOP_POLL_NS_MAX)
        l->poll_ns = LOOP_POLL_NS_MAX;
    if (l->poll_ns < POLL_NS_MIN)
        l->poll_ns = 0;
}

/* A look takes a microsecond. When much more has gone by since the last one, others want the
 * processor, the client perhaps among them: looking takes it from them, and sleeping is answered
 * sooner. */
static void learn_crowd(struct loop *l, int64_t looked_ns, int64_t now)
{
    if (now - looked_ns < TAKEN_NS)
        return;
    if (now - l->crowded_until_ns > l->crowded_ns)
        l->crowded_ns = CROWDED_NS_MIN;
    else if (l->crowded_ns < CROWDED_NS_MAX)
        l->crowded_ns *= 2;
    l->crowded_until_ns = now + l->crowded_ns;
}

static int64_t look_until(const struct loop *l, int64_t now)
{
    return now < l->crowded_until_ns ? now : now + l->poll_ns;
}

/* False: stopped. */
static bool sleep_until_request(struct loop *l)
{
    struct pollfd p[2] = {{.fd = l->fd, .events = POLLIN}, {.fd = l->wake, .events = POLLIN}};
    int64_t since = clock_steady_ns();

    while (poll(p, 2, -1) < 0 && errno == EINTR)
        ;
    learn(l, clock_steady_ns() - since);
    return !(p[1].revents & POLLIN);
}

/* One request. 0: the session has ended, or the loop is stopped. */
static int receive(struct loop *l, struct fuse_buf *buf)
{
    int64_t end = 0, looked = 0, now;
    int n;

    for (;;) {
        n = fuse_session_receive_buf(l->session, buf);
        if (n != -EAGAIN && n != -EINTR && end == 0)
            return n > 0 ? n : 0;
        now = clock_steady_ns();
        if (end != 0)
            learn_crowd(l, looked, now);
        if (n != -EAGAIN && n != -EINTR)
            return n > 0 ? n : 0;
        if (end == 0)
            end = look_until(l, now);
        looked = now;
        if (now < end)
            continue;
        if (!sleep_until_request(l))
            return 0;
        end = 0;
    }
}

/* What a kind of request may cost. */
enum cost {
    COST_SHORT,  /* microseconds; its handler says so when it is more */
    COST_COMMIT, /* a commit: short, unless the disk or another writer is slow at the moment */
    COST_LONG
};

static enum cost cost_of(const struct fuse_buf *buf)
{
    const struct fuse_in_header *in = buf->mem;

    switch (in->opcode) {
    case FUSE_SETATTR:
    case FUSE_UNLINK:
    case FUSE_RENAME:
    case FUSE_RENAME2:
    case FUSE_FLUSH:
        return COST_COMMIT;
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
        return COST_LONG;
    default:
        return COST_SHORT;
    }
}

static bool hands_over(const struct loop *l, enum cost cost)
{
    if (cost == COST_LONG || (cost == COST_COMMIT && clock_steady_ns() < atomic_load(&l->slow_until_ns)))
        return true;
    return cost == COST_COMMIT && has_more(l);
}

/* A wait that was announced (loop_will_block) held nobody up, and says nothing about the next commit. */
static void process(struct worker *w, const struct fuse_buf *buf, enum cost cost)
{
    struct loop *l = w->loop;
    bool led = w->leads;
    int64_t since = cost == COST_COMMIT ? clock_steady_ns() : 0, now;

    fuse_session_process_buf(l->session, buf);
    if (cost != COST_COMMIT || w->leads != led)
        return;
    now = clock_steady_ns();
    if (now - since > SLOW_NS)
        atomic_store(&l->slow_until_ns, now + SLOW_FOR_NS);
}

static void end_worker(struct loop *l)
{
    uint64_t one = 1;
    bool last;

    pthread_mutex_lock(&l->lock);
    l->stop = true;
    l->led = false;
    pthread_cond_broadcast(&l->free);
    last = --l->running == 0;
    pthread_mutex_unlock(&l->lock);
    if (last && write(l->ended, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes one */
}

static void *work(void *arg)
{
    struct worker w = {.loop = arg};
    struct fuse_buf buf = {0};
    enum cost cost;

    self = &w;
    while (w.leads || lead_take(&w)) {
        if (receive(w.loop, &buf) == 0)
            break;
        cost = cost_of(&buf);
        if (hands_over(w.loop, cost))
            lead_leave(&w);
        process(&w, &buf, cost);
    }
    free(buf.mem);
    end_worker(w.loop);
    return NULL;
}

/* ---- Beginning and end ---- */

static int start_threads(struct loop *l, struct err *e)
{
    int failed = 0;

    while (l->n_threads < LOOP_THREADS && !failed) {
        pthread_mutex_lock(&l->lock);
        l->running++;
        pthread_mutex_unlock(&l->lock);
        failed = pthread_create(&l->threads[l->n_threads], NULL, work, l);
        l->n_threads += !failed;
    }
    if (!failed)
        return 0;
    pthread_mutex_lock(&l->lock);
    l->running--;
    pthread_mutex_unlock(&l->lock);
    loop_stop(l);
    loop_join(l);
    return err_set(e, ERR_NO_MEMORY, "no thread: %s", strerror(failed));
}

int loop_start(struct fuse_session *session, struct loop **ret, struct err *e)
{
    struct loop *l = calloc(1, sizeof(*l));

    if (!l)
        return err_nomem(e);
    l->session = session;
    l->fd = fuse_session_fd(session);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->free, NULL);
    if (l->wake < 0 || l->ended < 0 ||
        fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK) != 0)
        err_set(e, ERR_IO, "session: %s", strerror(errno));
    else if (start_threads(l, e) == 0) {
        *ret = l;
        return 0;
    }
    loop_free(l);
    return -1;
}

void loop_stop(struct loop *l)
{
    uint64_t one = 1;

    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->free);
    pthread_mutex_unlock(&l->lock);
    if (write(l->wake, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes one */
}

int loop_end_fd(const struct loop *l)
{
    return l->ended;
}

void loop_join(struct loop *l)
{
    while (l->n_threads)
        pthread_join(l->threads[--l->n_threads], NULL);
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->wake >= 0)
        close(l->wake);
    if (l->ended >= 0)
        close(l->ended);
    pthread_cond_destroy(&l->free);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
