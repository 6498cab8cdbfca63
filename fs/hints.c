#include "hints.h"

#include "fs.h"

#define CREDIT     64u /* parts of a listing for one lookup */
#define RUN_MIN    8u  /* so many in order, and it is no accident */
#define NEAR       64u /* and none of them further from the one before */
#define WINDOW_MIN 128u
#define WINDOW_MAX 16384u
#define BATCH      256u   /* stored before other orders get their turn */
#define MISSES_MAX 64u    /* that the kernel does not know, one after another */
#define ITEM_BYTES 16384u /* larger ones are read when they are read */

static unsigned slot_of(uint64_t dir)
{
    return (unsigned)(dir * UINT64_C(0x9E3779B97F4A7C15) >> 56) % HINT_SLOTS;
}

void hints_init(struct hints *h)
{
    pthread_mutex_init(&h->lock, NULL);
}

void hints_looked_up(struct hints *h, uint64_t dir)
{
    atomic_uint *credit = &h->credit[slot_of(dir)];

    if (atomic_load_explicit(credit, memory_order_relaxed) != CREDIT)
        atomic_store_explicit(credit, CREDIT, memory_order_relaxed);
}

bool hints_take_credit(struct hints *h, uint64_t dir)
{
    atomic_uint *credit = &h->credit[slot_of(dir)];
    unsigned left = atomic_load(credit);

    while (left && !atomic_compare_exchange_weak(credit, &left, left - 1))
        ;
    return left != 0;
}

/* ---- Storing ---- */

struct batch {
    struct fs *fs;
    struct at dir;
    uint64_t dir_ino;
    uint64_t last; /* the last item that was looked at */
    unsigned n, misses;
};

static int store_item(void *arg, struct span key, const struct item_stat *is, struct span text)
{
    struct batch *b = arg;
    uint64_t ino = inode_item(b->dir.in.version, b->dir.in.type, is->number);
    struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(text.n);

    (void)key;
    b->last = is->number;
    b->n++;
    if (text.n && text.n <= ITEM_BYTES && !files_has_writer(b->fs->files, ino)) {
        bytes.buf[0].mem = (void *)(uintptr_t)text.p;
        if (fuse_lowlevel_notify_store(b->fs->session, ino, 0, &bytes, 0) == 0)
            b->misses = 0;
        else
            b->misses++;
    }
    return b->n >= BATCH || b->misses >= MISSES_MAX;
}

/* What is left to do after a batch; 0 = no more. */
static unsigned batch_done(struct hints *h, const struct batch *b)
{
    struct reading *r = &h->readings[slot_of(b->dir_ino)];
    unsigned left = 0;

    pthread_mutex_lock(&h->lock);
    if (r->dir == b->dir_ino) {
        r->ahead = b->last > r->ahead ? b->last : r->ahead;
        r->todo = b->n < BATCH || b->n > r->todo ? 0 : r->todo - b->n;
        left = r->todo;
        if (b->misses >= MISSES_MAX)
            r->run = r->window = 0;
    }
    pthread_mutex_unlock(&h->lock);
    return left;
}

static uint64_t begin_after(struct hints *h, uint64_t dir)
{
    struct reading *r = &h->readings[slot_of(dir)];
    uint64_t after = 0;

    pthread_mutex_lock(&h->lock);
    if (r->dir == dir)
        after = r->ahead > r->last ? r->ahead : r->last;
    pthread_mutex_unlock(&h->lock);
    return after;
}

static void read_ahead(void *arg, bool silent)
{
    struct batch *b = arg;
    struct err ignored = ERR_INIT;
    uint64_t after = begin_after(&b->fs->hints, b->dir_ino);

    b->n = b->misses = 0;
    b->last = after;
    if (!silent && after && at_open(b->fs, b->dir_ino, &b->dir, &ignored) == 0) {
        store_list(b->fs->store, b->dir.cat, b->dir.v, b->dir.s, after, LIST_TEXT, store_item, b,
                   &ignored);
        at_close(&b->dir);
    }
    if (batch_done(&b->fs->hints, b) == 0 || !notify_run(b->fs->notify, read_ahead, b))
        free(b);
}

/* ---- Noticing ---- */

static bool is_in_order(const struct reading *r, uint64_t number)
{
    uint64_t end = r->ahead > r->last ? r->ahead : r->last;

    return number > r->last && number <= end + NEAR;
}

static void move_on_locked(struct reading *r, uint64_t dir, uint64_t number)
{
    if (r->dir == dir && (number == r->last || is_in_order(r, number)))
        r->last = number;
    else
        *r = (struct reading){.dir = dir, .last = number};
}

/* How many items to store from now on; 0 = none, or somebody is at it. */
static unsigned notice_locked(struct reading *r, uint64_t dir, uint64_t number, bool missed)
{
    bool next = r->dir != dir || r->last != number;

    move_on_locked(r, dir, number);
    if (next && !missed && !r->window && r->run) /* a few that are missing among many that are there are no run */
        r->run--;
    if (missed && r->missed != number) {
        r->missed = number;
        r->run += 2;
    }
    if (r->run < RUN_MIN || r->todo || number + r->window / 2 < r->ahead)
        return 0;
    r->window = r->window ? r->window * 2 : WINDOW_MIN;
    if (r->window > WINDOW_MAX)
        r->window = WINDOW_MAX;
    return r->todo = r->window;
}

static void notice(struct fs *fs, uint64_t dir, uint64_t number, bool missed)
{
    struct hints *h = &fs->hints;
    struct batch *b;
    unsigned todo;

    pthread_mutex_lock(&h->lock);
    todo = notice_locked(&h->readings[slot_of(dir)], dir, number, missed);
    pthread_mutex_unlock(&h->lock);
    if (!todo)
        return;
    b = calloc(1, sizeof(*b));
    if (b) {
        b->fs = fs;
        b->dir_ino = dir;
        if (notify_run(fs->notify, read_ahead, b))
            return;
    }
    free(b);
}

void hints_opened(struct fs *fs, uint64_t dir, uint64_t number)
{
    notice(fs, dir, number, false);
}

void hints_read(struct fs *fs, uint64_t dir, uint64_t number)
{
    notice(fs, dir, number, true);
}
