/*
 * Session loops, to compare what waking up costs.
 *
 * A lone client and the thread that answers it hand the processor to each other twice a request.
 * A thread that polls for a moment before it sleeps saves one of those wake-ups. With several
 * threads the sleepers must not be woken for requests that the polling one takes: NULL_LOOP_LEAD
 * parks them on a condition variable instead of on the device.
 */
#include "nullfs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

enum { THREADS_MAX = 64 };

struct loop {
    struct fuse_session *session;
    int fd;
    long poll_ns;
    int kind;             /* enum null_loop */
    pthread_mutex_t lock; /* guards led */
    pthread_cond_t free;  /* nobody leads */
    bool led;
};

static long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static bool pending(const struct loop *loop)
{
    struct pollfd p = {.fd = loop->fd, .events = POLLIN};

    return poll(&p, 1, 0) != 0;
}

/* Polls until a request waits or the time is over. */
static void spin(const struct loop *loop)
{
    long end;

    if (loop->poll_ns == 0)
        return;
    end = now_ns() + loop->poll_ns;
    while (!pending(loop) && now_ns() < end)
        ;
}

/* One request into *buf. Positive, or 0 and negative as fuse_session_receive_buf. */
static int receive_nonblock(const struct loop *loop, struct fuse_buf *buf)
{
    struct pollfd p = {.fd = loop->fd, .events = POLLIN};
    long end = now_ns() + loop->poll_ns;
    int size;

    for (;;) {
        size = fuse_session_receive_buf(loop->session, buf);
        if (size != -EAGAIN)
            return size;
        if (now_ns() >= end)
            poll(&p, 1, -1);
    }
}

static int receive(const struct loop *loop, struct fuse_buf *buf)
{
    if (loop->kind == NULL_LOOP_NONBLOCK)
        return receive_nonblock(loop, buf);
    spin(loop);
    return fuse_session_receive_buf(loop->session, buf);
}

static void lead_take(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    while (loop->led)
        pthread_cond_wait(&loop->free, &loop->lock);
    loop->led = true;
    pthread_mutex_unlock(&loop->lock);
}

static void lead_leave(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->led = false;
    pthread_cond_signal(&loop->free);
    pthread_mutex_unlock(&loop->lock);
}

/* The leader hands over before it answers when more requests are waiting. */
static void *worker_lead(void *arg)
{
    struct loop *loop = arg;
    struct fuse_buf buf = {0};
    bool leading = false;
    int size = 1;

    while (size > 0 || size == -EINTR) {
        if (!leading)
            lead_take(loop);
        leading = true;
        size = receive(loop, &buf);
        if (size > 0 && pending(loop)) {
            lead_leave(loop);
            leading = false;
        }
        if (size > 0)
            fuse_session_process_buf(loop->session, &buf);
    }
    if (leading)
        lead_leave(loop);
    free(buf.mem);
    return NULL;
}

static void *worker(void *arg)
{
    struct loop *loop = arg;
    struct fuse_buf buf = {0};
    int size;

    do {
        size = receive(loop, &buf);
        if (size > 0)
            fuse_session_process_buf(loop->session, &buf);
    } while (size > 0 || size == -EINTR);
    free(buf.mem);
    return NULL;
}

static int run_threads(struct loop *loop, unsigned threads)
{
    void *(*run)(void *) = loop->kind == NULL_LOOP_LEAD ? worker_lead : worker;
    pthread_t thread[THREADS_MAX];
    unsigned n = 0;
    int err = 0;

    if (loop->kind == NULL_LOOP_NONBLOCK &&
        fcntl(loop->fd, F_SETFL, fcntl(loop->fd, F_GETFL) | O_NONBLOCK) != 0)
        return errno;
    while (n < threads && n < THREADS_MAX && err == 0) {
        err = pthread_create(&thread[n], NULL, run, loop);
        n += err == 0;
    }
    while (n > 0)
        pthread_join(thread[--n], NULL);
    return err;
}

static int run_libfuse(struct fuse_session *session, const struct null_loop_options *options)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    int err;

    if (!config)
        return ENOMEM;
    fuse_loop_cfg_set_clone_fd(config, options->clone_fd);
    err = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return err < 0 ? -err : err;
}

int null_loop_run(struct fuse_session *session, const struct null_loop_options *options)
{
    struct loop loop = {
        .session = session,
        .fd = fuse_session_fd(session),
        .poll_ns = options->poll_us * 1000L,
        .kind = options->kind,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .free = PTHREAD_COND_INITIALIZER,
    };

    if (options->kind == NULL_LOOP_LIBFUSE)
        return run_libfuse(session, options);
    if (options->kind == NULL_LOOP_SINGLE)
        return fuse_session_loop(session) < 0 ? EIO : 0;
    return run_threads(&loop, options->threads);
}
