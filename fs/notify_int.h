/* What the files of notify share: its queues and its state. Private to fs/notify*.c. */
#ifndef FS_NOTIFY_INT_H
#define FS_NOTIFY_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs.h"
#include "reply.h"

#define MARKS          257u  /* collections share them; */
#define MARK_VERSIONS  0u    /* the versions have their own */
#define LOOKUP_SLOTS   4096u /* types' directories share them */
#define OPENED_SLOTS   65536u

enum job_kind {
    JOB_INODE,   /* ino: attributes and pages */
    JOB_NAME,    /* ino: directory, name */
    JOB_LISTING, /* ino: directory */
    JOB_RECHECK, /* ino, once more, after lookups in `dir` */
    JOB_WIDE,    /* everything may differ */
    JOB_RUN,     /* fn(arg) */
    JOB_REPLY
};

struct job {
    enum job_kind kind;
    uint64_t ino, dir;
    char *name;          /* owned */
    fuse_req_t req;
    struct reply *reply; /* owned */
    void (*fn)(void *arg, bool silent);
    void *arg;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t more, idle, given;
    struct job *jobs;    /* guard: lock, as all here */
    size_t n, cap;
    struct job *taken;   /* what the thread is about; what the jobs own is its own */
    size_t n_taken;
    /* When the oldest of jobs, of taken, was ordered; 0 = there is none, or queue_wait_late gave it. */
    int64_t given_ns, taken_ns;
    bool busy, gathers, urgent, stop;
    bool unwatched;      /* queue_wait_late waits for a first job */
    pthread_t thread;
};

struct notify {
    struct fs *fs;
    struct queue contents, names;
    pthread_t late;
    bool contents_run, names_run, late_run;
    _Atomic uint64_t marks[MARKS];
    atomic_bool silent; /* only answers any more */
    /* Windows, as in RCU: those of the epoch before are waited for. */
    atomic_uint epoch;
    atomic_uint open[2];
    /* A bit for each type's directory the kernel was told anything of. */
    atomic_uchar *seen;
    _Atomic int64_t looked_up[LOOKUP_SLOTS];
    /* After a wide change: items that were opened since. A lossy table. */
    atomic_bool wide;
    _Atomic uint64_t *opened;
    unsigned char live[VERSION_MAX_NUMBER + 1];   /* served when last told; guard: versions_lock */
    pthread_mutex_t versions_lock;
};

/* ---- Queues (notify_queue.c) ---- */

void queue_init(struct queue *q);
void queue_deinit(struct queue *q);
/* Takes over job->name, unless there is no memory (false). */
bool queue_add(struct queue *q, const struct job *job);
/* Done with those taken before; waits for jobs and takes them all; NULL = stop. gather: waits a moment
 * longer for more of them, unless an answer is among them. */
struct job *queue_take(struct queue *q, bool gather, size_t *ret_n);
/* The directories that names and listings wait for; the caller frees. Some may be there twice. */
struct late {
    uint64_t *dirs;
    size_t n;
    bool names; /* not listings alone */
};
/* Waits until a job is `after_ns` old and not done, and gives all that are waiting; each once. false =
 * stop. */
bool queue_wait_late(struct queue *q, int64_t after_ns, struct late *ret);
bool queue_is_idle(struct queue *q);
void queue_wait_idle(struct queue *q);
/* Lets the thread do what is left, and waits for its end. */
void queue_stop(struct queue *q);

/* ---- What the kernel knows (notify.c) ---- */

static inline unsigned mark_index(uint32_t coll)
{
    return 1 + coll % (MARKS - 1);
}
bool notify_is_seen(struct notify *n, uint32_t version, uint32_t type);
/* An item changed: its inode, and once more when lookups may be on their way. */
void notify_item(struct notify *n, uint32_t version, uint32_t type, uint64_t number);
/* Anything may have changed. */
void notify_wide(struct notify *n);
/* Attributes and pages. Takes no directory's lock. */
void notify_tell_inode(struct notify *n, uint64_t ino);
/* All names at once, without any lock: the kernel asks for each again. False: it knows no such thing. */
bool notify_tell_epoch(struct notify *n);

/* ---- What waits for directories (notify_late.c) ---- */

bool notify_late_start(struct notify *n);

/* ---- Versions (notify_changes.c) ---- */

/* Those that are served at the beginning. */
void notify_learn_versions(struct notify *n);

#endif
