/*
 * The empty file system that every bar takes as its floor: what the kernel and libfuse cost by
 * themselves, under the settings that schemafs uses.
 *
 * nullfs.c answers the requests, nullfs_loop.c runs them, nullfs_main.c is the program.
 */
#ifndef BENCH_NULLFS_H
#define BENCH_NULLFS_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif

#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* How the threads that read /dev/fuse share the work. */
enum null_loop {
    NULL_LOOP_LIBFUSE,  /* fuse_session_loop_mt: a spare thread is woken for every request */
    NULL_LOOP_SINGLE,   /* fuse_session_loop */
    NULL_LOOP_OWN,      /* each thread polls, then sleeps in read */
    NULL_LOOP_NONBLOCK, /* each thread tries read without blocking, then sleeps in poll */
    NULL_LOOP_LEAD,     /* one thread polls; it wakes another only when more requests are waiting */
};

struct null_loop_options {
    int kind; /* enum null_loop */
    unsigned threads;
    unsigned poll_us; /* how long to poll after a request before sleeping; 0 = sleep at once */
    bool clone_fd;    /* NULL_LOOP_LIBFUSE only */
};

enum { NULL_ITEMS_MAX = 1 << 24, NULL_JOBS_MAX = 64 };

/* Kinds of requests that --counts tells; their names are null_count_names. */
enum null_count {
    NULL_COUNT_LOOKUP,
    NULL_COUNT_GETATTR,
    NULL_COUNT_SETATTR,
    NULL_COUNT_OPEN,
    NULL_COUNT_READ,
    NULL_COUNT_WRITE,
    NULL_COUNT_FLUSH,
    NULL_COUNT_RELEASE,
    NULL_COUNT_CREATE,
    NULL_COUNT_UNLINK,
    NULL_COUNT_OPENDIR,
    NULL_COUNT_READDIR,
    NULL_COUNT_READDIRPLUS,
    NULL_COUNT_XATTR,
    NULL_COUNT_STORE,
    NULL_COUNT_KINDS,
};

extern const char *const null_count_names[NULL_COUNT_KINDS];

enum null_plus { NULL_PLUS_AUTO, NULL_PLUS_ALWAYS, NULL_PLUS_NEVER };
enum null_timeouts { NULL_TIMEOUTS_0, NULL_TIMEOUTS_INF };
enum null_xattr { NULL_XATTR_ENOSYS, NULL_XATTR_ENODATA };

/* A READDIRPLUS on its way to the pushing thread. */
struct null_job {
    fuse_req_t req;
    size_t size;
    off_t off;
};

struct null {
    struct fuse_session *session;
    struct null_loop_options loop;
    unsigned items;
    int timeouts, plus, xattr; /* enums above */
    bool noopen;     /* open, opendir and flush are answered with ENOSYS; mounted read-only */
    bool read_flush; /* readers' closes send FLUSH */
    bool push;
    const char *counts_path;
    const char *mountpoint;
    atomic_uchar there[NULL_ITEMS_MAX / 8];
    atomic_uint end; /* no item has this number or a higher one */
    atomic_ulong counts[NULL_COUNT_KINDS];
    pthread_mutex_t lock; /* guards jobs, first, count */
    pthread_cond_t some;
    struct null_job jobs[NULL_JOBS_MAX];
    unsigned first, count;
    unsigned listed_from, listed_to; /* the pushing thread's: what its last answer listed */
};

extern const struct fuse_lowlevel_ops null_ops; /* userdata: struct null */

/* Makes item `number` be there, or not. Any thread. */
void null_item_set(struct null *null, unsigned number, bool there);

/* The thread that pushes; never returns. */
void *null_push_thread(void *null);

/* Answers requests until the file system is unmounted. Returns 0 or an errno. */
int null_loop_run(struct fuse_session *session, const struct null_loop_options *options);

#endif
