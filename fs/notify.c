#include "notify.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "notify_int.h"

#define RECHECK_NS    INT64_C(100000000) /* a lookup this young may still become an inode */
#define DIRS_GATHERED 32u
#define INC_EPOCH     8      /* FUSE_NOTIFY_INC_EPOCH of Linux 6.16, unknown to libfuse 3.14 */
#define NO_NAME       "\001" /* no file has this name: to wait for a directory's lock */

static int64_t coarse_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- Windows ---- */

/* Marks only grow: no two sums are equal that a change lies between. */
uint64_t notify_mark(struct notify *n, const struct shape *type)
{
    uint64_t sum;

    if (!type)
        return atomic_load(&n->marks[MARK_VERSIONS]);
    if (!type->n_colls)
        return atomic_load(&n->marks[mark_index(type->coll)]);
    sum = 0;
    for (size_t i = 0; i < type->n_colls; i++)
        sum += atomic_load(&n->marks[mark_index(type->colls[i])]);
    return sum;
}

struct window notify_enter(struct notify *n, const struct shape *type, uint64_t mark)
{
    unsigned epoch;

    for (;;) {
        epoch = atomic_load(&n->epoch);
        atomic_fetch_add(&n->open[epoch & 1], 1);
        if (atomic_load(&n->epoch) == epoch)
            break;
        atomic_fetch_sub(&n->open[epoch & 1], 1);
    }
    return (struct window){epoch & 1, notify_mark(n, type) == mark};
}

void notify_leave(struct notify *n, struct window w)
{
    atomic_fetch_sub(&n->open[w.slot], 1);
}

/* Until every window is closed that was open when this was called. */
static void wait_for_windows(struct notify *n)
{
    unsigned epoch = atomic_fetch_add(&n->epoch, 1);

    for (unsigned tries = 0; atomic_load(&n->open[epoch & 1]) != 0; tries++) {
        if (tries < 200)
            sched_yield();
        else
            nanosleep(&(struct timespec){0, 20000}, NULL);
    }
}

/* ---- What the kernel knows ---- */

static size_t type_index(uint32_t version, uint32_t type)
{
    return (size_t)version << 12 | type;
}

static unsigned lookup_slot(uint32_t version, uint32_t type)
{
    return (version * 31 + type) % LOOKUP_SLOTS;
}

void notify_seen(struct notify *n, uint32_t version, uint32_t type)
{
    size_t i = type_index(version, type);
    unsigned char bit = (unsigned char)(1u << i % 8);

    if (!(atomic_load(&n->seen[i / 8]) & bit))
        atomic_fetch_or(&n->seen[i / 8], bit);
    atomic_store(&n->looked_up[lookup_slot(version, type)], coarse_ns());
}

bool notify_is_seen(struct notify *n, uint32_t version, uint32_t type)
{
    size_t i = type_index(version, type);

    return atomic_load(&n->seen[i / 8]) >> i % 8 & 1;
}

bool notify_keep_pages(struct notify *n, uint64_t ino)
{
    size_t slot;

    if (!atomic_load(&n->wide))
        return true;
    slot = (size_t)(ino * UINT64_C(0x9E3779B97F4A7C15) >> 48) % OPENED_SLOTS;
    return atomic_exchange(&n->opened[slot], ino) == ino;
}

/* ---- Telling the kernel ---- */

void notify_tell_inode(struct notify *n, uint64_t ino)
{
    if (!atomic_load(&n->silent))
        fuse_lowlevel_notify_inval_inode(n->fs->session, ino, 0, 0);
}

static void tell_name(struct notify *n, uint64_t dir, const char *name)
{
    if (!atomic_load(&n->silent))
        fuse_lowlevel_notify_inval_entry(n->fs->session, dir, name, strlen(name));
}

bool notify_tell_epoch(struct notify *n)
{
    struct {
        uint32_t len;
        int32_t code;
        uint64_t unique;
    } message = {sizeof(message), INC_EPOCH, 0};

    return atomic_load(&n->silent) || write(fuse_session_fd(n->fs->session), &message,
                                            sizeof(message)) == (ssize_t)sizeof(message);
}

/* Kernels before 6.16: every version's directory with all that is under it. */
static void tell_every_version(struct notify *n)
{
    struct catalog *cat = store_catalog(n->fs->store);

    for (size_t i = 0; cat && i < cat->n_entries; i++)
        if (cat->entries[i].v)
            notify_name(n, FUSE_ROOT_ID, cat->entries[i].v->name);
    catalog_unref(cat);
}

struct inos {
    uint64_t *list;
    size_t n, cap;
};

static void inos_add(void *arg, uint64_t ino)
{
    struct inos *inos = arg;
    size_t cap = inos->cap ? inos->cap * 2 : 64;
    uint64_t *list;

    if (inos->n == inos->cap) {
        list = realloc(inos->list, cap * sizeof(*list));
        if (!list)
            return;
        inos->list = list;
        inos->cap = cap;
    }
    inos->list[inos->n++] = ino;
}

static void tell_wide(struct notify *n)
{
    struct inos inos = {0};

    if (!notify_tell_epoch(n))
        tell_every_version(n);
    files_each_reader(n->fs->files, inos_add, &inos);
    for (size_t i = 0; i < inos.n; i++)
        notify_tell_inode(n, inos.list[i]);
    free(inos.list);
}

static void job_done(struct job *job)
{
    free(job->name);
    free(job->reply);
}

static void contents_job(struct notify *n, struct job *job)
{
    switch (job->kind) {
    case JOB_INODE:
        notify_tell_inode(n, job->ino);
        break;
    case JOB_WIDE:
        tell_wide(n);
        break;
    case JOB_RUN:
        job->fn(job->arg, atomic_load(&n->silent));
        break;
    default:
        reply_send(job->req, job->reply);
    }
}

static void *contents_run(void *arg)
{
    struct notify *n = arg;
    struct job *jobs;
    size_t count;

    while ((jobs = queue_take(&n->contents, false, &count))) {
        wait_for_windows(n);
        for (size_t i = 0; i < count; i++) {
            contents_job(n, &jobs[i]);
            job_done(&jobs[i]);
        }
    }
    return NULL;
}

/* Directories whose listing is to be forgotten: each once for many names. */
struct dirs {
    uint64_t list[DIRS_GATHERED];
    size_t n;
};

static void dirs_flush(struct notify *n, struct dirs *d)
{
    for (size_t i = 0; i < d->n; i++)
        notify_tell_inode(n, d->list[i]);
    d->n = 0;
}

static void dirs_add(struct notify *n, struct dirs *d, uint64_t dir)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->list[i] == dir)
            return;
    if (d->n == DIRS_GATHERED)
        dirs_flush(n, d);
    d->list[d->n++] = dir;
}

/* A listing under way holds the directory's lock while it fills the kernel's copy: tell_name waits
 * for that, and only then the copy goes. */
static void names_job(struct notify *n, struct job *job, struct dirs *d)
{
    switch (job->kind) {
    case JOB_NAME:
        tell_name(n, job->ino, job->name);
        dirs_add(n, d, job->ino);
        break;
    case JOB_LISTING:
        tell_name(n, job->ino, NO_NAME);
        dirs_add(n, d, job->ino);
        break;
    case JOB_RECHECK:
        tell_name(n, job->dir, NO_NAME);
        notify_tell_inode(n, job->ino);
        break;
    default:
        dirs_flush(n, d);
        notify_reply(n, job->req, job->reply);
    }
}

static void *names_run(void *arg)
{
    struct notify *n = arg;
    struct dirs dirs = {.n = 0};
    struct job *jobs;
    size_t count;

    while ((jobs = queue_take(&n->names, true, &count))) {
        for (size_t i = 0; i < count; i++) {
            names_job(n, &jobs[i], &dirs);
            job_done(&jobs[i]);
        }
        dirs_flush(n, &dirs);
    }
    return NULL;
}

/* ---- Orders ---- */

void notify_wide(struct notify *n)
{
    struct job job = {.kind = JOB_WIDE};

    if (n->opened) {
        for (size_t i = 0; i < OPENED_SLOTS; i++)
            atomic_store_explicit(&n->opened[i], 0, memory_order_relaxed);
        atomic_store(&n->wide, true);
    }
    queue_add(&n->contents, &job);
}

/* Without memory for an order, one that needs none says more than was meant. */
static void order(struct notify *n, struct queue *q, const struct job *job)
{
    if (!queue_add(q, job)) {
        free(job->name);
        notify_tell_epoch(n);
    }
}

void notify_inode(struct notify *n, uint64_t ino)
{
    order(n, &n->contents, &(struct job){.kind = JOB_INODE, .ino = ino});
}

void notify_name(struct notify *n, uint64_t dir, const char *name)
{
    struct job job = {.kind = JOB_NAME, .ino = dir, .name = strdup(name)};

    if (job.name)
        order(n, &n->names, &job);
    else
        notify_tell_epoch(n);
}

void notify_listing(struct notify *n, uint64_t dir)
{
    order(n, &n->names, &(struct job){.kind = JOB_LISTING, .ino = dir});
}

bool notify_run(struct notify *n, void (*fn)(void *arg, bool silent), void *arg)
{
    struct job job = {.kind = JOB_RUN, .fn = fn, .arg = arg};

    return queue_add(&n->contents, &job);
}

void notify_item(struct notify *n, uint32_t version, uint32_t type, uint64_t number)
{
    uint64_t ino = inode_item(version, type, number);

    notify_inode(n, ino);
    if (coarse_ns() - atomic_load(&n->looked_up[lookup_slot(version, type)]) < RECHECK_NS)
        order(n, &n->names,
              &(struct job){.kind = JOB_RECHECK, .ino = ino, .dir = inode_type(version, type)});
}

/* ---- Answers ---- */

static bool reply_queue(struct queue *q, fuse_req_t req, const struct reply *r)
{
    struct job job = {.kind = JOB_REPLY, .req = req, .reply = malloc(sizeof(*r))};

    if (!job.reply)
        return false;
    *job.reply = *r;
    if (queue_add(q, &job))
        return true;
    free(job.reply);
    return false;
}

void notify_reply(struct notify *n, fuse_req_t req, const struct reply *r)
{
    if (queue_is_idle(&n->contents) || !reply_queue(&n->contents, req, r))
        reply_send(req, r);
}

void notify_reply_late(struct notify *n, fuse_req_t req, const struct reply *r)
{
    if (queue_is_idle(&n->names) || !reply_queue(&n->names, req, r))
        notify_reply(n, req, r);
}

/* ---- Beginning and end ---- */

static bool start_threads(struct notify *n)
{
    n->contents_run = pthread_create(&n->contents.thread, NULL, contents_run, n) == 0;
    n->names_run = n->contents_run && pthread_create(&n->names.thread, NULL, names_run, n) == 0;
    n->late_run = n->names_run && notify_late_start(n);
    return n->late_run;
}

int notify_start(struct fs *fs, struct notify **ret, struct err *e)
{
    struct notify *n = calloc(1, sizeof(*n));

    if (!n)
        return err_nomem(e);
    n->fs = fs;
    queue_init(&n->contents);
    queue_init(&n->names);
    pthread_mutex_init(&n->versions_lock, NULL);
    n->seen = calloc(type_index(VERSION_MAX_NUMBER + 1, 0) / 8, 1);
    n->opened = calloc(OPENED_SLOTS, sizeof(*n->opened));
    if (!n->seen || !n->opened || !start_threads(n)) {
        notify_stop(n);
        return err_nomem(e);
    }
    notify_learn_versions(n);
    *ret = n;
    return 0;
}

void notify_only_replies(struct notify *n)
{
    atomic_store(&n->silent, true);
}

void notify_drain(struct notify *n)
{
    queue_wait_idle(&n->names);
    queue_wait_idle(&n->contents);
}

void notify_stop(struct notify *n)
{
    if (!n)
        return;
    if (n->names_run)
        queue_stop(&n->names);
    if (n->late_run)
        pthread_join(n->late, NULL);
    if (n->contents_run)
        queue_stop(&n->contents);
    queue_deinit(&n->contents);
    queue_deinit(&n->names);
    pthread_mutex_destroy(&n->versions_lock);
    free(n->seen);
    free(n->opened);
    free(n);
}
