#include "files.h"

#include <pthread.h>
#include <stdlib.h>

#include "inode.h"
#include "loop.h"
#include "../schemas/clock.h"
#include "../store/cond.h"

#define BUCKETS        4096u
#define WRITER_NEAR_NS INT64_C(500000000) /* how long after a writer readers go their own way */
#define WAIT_NS        INT64_C(20000000)  /* a writer's wait for cached readers */

/* One item: what is written through one version changes the text, and the size, in all of them. */
struct entry {
    uint64_t number;
    struct opening *list;   /* newest first */
    int64_t last_writer_ns; /* when the last writer closed; 0 = never */
    struct entry *next;
};

struct files {
    pthread_mutex_t lock;  /* guards all below */
    pthread_cond_t closed; /* some cached reader closed */
    unsigned n_waited_for; /* cached readers that have not outlasted a wait */
    unsigned n_wide;       /* wide writes under way */
    int64_t last_wide_ns;  /* when the last one ended; 0 = never */
    struct entry *buckets[BUCKETS];
};

static uint64_t number_of(uint64_t ino)
{
    return ino & ((UINT64_C(1) << INODE_NUMBER_BITS) - 1);
}

static unsigned bucket_of(uint64_t number)
{
    return (unsigned)(number * UINT64_C(0x9E3779B97F4A7C15) >> 52) % BUCKETS;
}

struct files *files_new(void)
{
    struct files *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->closed);
    return f;
}

void files_free(struct files *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < BUCKETS; i++)
        while (f->buckets[i]) {
            struct entry *next = f->buckets[i]->next;

            free(f->buckets[i]);
            f->buckets[i] = next;
        }
    pthread_cond_destroy(&f->closed);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static bool expired(const struct entry *en, int64_t now)
{
    return !en->list && (!en->last_writer_ns || now - en->last_writer_ns > WRITER_NEAR_NS);
}

/* The item's entry, or NULL; drops what has expired on the way. */
static struct entry *find_locked(struct files *f, uint64_t ino)
{
    struct entry **at = &f->buckets[bucket_of(number_of(ino))];
    int64_t now = *at ? clock_steady_ns() : 0;

    while (*at) {
        struct entry *en = *at;

        if (en->number == number_of(ino) && !expired(en, now))
            return en;
        if (expired(en, now)) {
            *at = en->next;
            free(en);
        } else {
            at = &en->next;
        }
    }
    return NULL;
}

static struct entry *make_locked(struct files *f, uint64_t ino)
{
    struct entry *en = find_locked(f, ino);
    struct entry **bucket = &f->buckets[bucket_of(number_of(ino))];

    if (en || !(en = calloc(1, sizeof(*en))))
        return en;
    en->number = number_of(ino);
    en->next = *bucket;
    *bucket = en;
    return en;
}

static void link_locked(struct entry *en, struct opening *o)
{
    o->prev = NULL;
    o->next = en->list;
    if (en->list)
        en->list->prev = o;
    en->list = o;
}

static void unlink_locked(struct entry *en, struct opening *o)
{
    if (o->next)
        o->next->prev = o->prev;
    if (o->prev)
        o->prev->next = o->next;
    else
        en->list = o->next;
}

static bool has_writer(const struct entry *en)
{
    for (const struct opening *o = en->list; o; o = o->next)
        if (o->writer)
            return true;
    return false;
}

static bool has_wide_locked(struct files *f)
{
    if (f->last_wide_ns && clock_steady_ns() - f->last_wide_ns > WRITER_NEAR_NS)
        f->last_wide_ns = 0;
    return f->n_wide || f->last_wide_ns;
}

bool files_open_reader(struct files *f, struct opening *o)
{
    struct entry *en;
    bool cached;

    o->writer = o->outlasted = false;
    pthread_mutex_lock(&f->lock);
    en = make_locked(f, o->ino);
    cached = en && !en->last_writer_ns && !has_writer(en) && !has_wide_locked(f);
    if (cached) {
        link_locked(en, o);
        f->n_waited_for++;
    }
    pthread_mutex_unlock(&f->lock);
    return cached;
}

static bool waits_for_reader(const struct entry *en)
{
    for (const struct opening *o = en->list; o; o = o->next)
        if (!o->writer && !o->outlasted)
            return true;
    return false;
}

static void outlast_locked(struct files *f, struct entry *en)
{
    for (struct opening *o = en->list; o; o = o->next) {
        if (!o->writer && !o->outlasted)
            f->n_waited_for--;
        o->outlasted = true;
    }
}

static void wait_for_readers_locked(struct files *f, struct entry *en)
{
    int64_t until_ns = clock_steady_ns() + WAIT_NS;
    int timed_out = 0;

    if (waits_for_reader(en))
        loop_will_block();
    while (waits_for_reader(en) && !timed_out)
        timed_out = cond_wait_until(&f->closed, &f->lock, until_ns);
    outlast_locked(f, en);
}

bool files_open_writer(struct files *f, struct opening *o)
{
    struct entry *en;

    o->writer = true;
    o->outlasted = false;
    pthread_mutex_lock(&f->lock);
    en = make_locked(f, o->ino);
    if (en) {
        /* Counted first: a reader that comes while we wait goes its own way. */
        link_locked(en, o);
        wait_for_readers_locked(f, en);
    }
    pthread_mutex_unlock(&f->lock);
    return en != NULL;
}

void files_begin_wide(struct files *f)
{
    int64_t until_ns = clock_steady_ns() + WAIT_NS;
    int timed_out = 0;

    pthread_mutex_lock(&f->lock);
    f->n_wide++;
    if (f->n_waited_for)
        loop_will_block();
    while (f->n_waited_for && !timed_out)
        timed_out = cond_wait_until(&f->closed, &f->lock, until_ns);
    for (unsigned i = 0; f->n_waited_for && i < BUCKETS; i++)
        for (struct entry *en = f->buckets[i]; en; en = en->next)
            outlast_locked(f, en);
    pthread_mutex_unlock(&f->lock);
}

void files_end_wide(struct files *f)
{
    pthread_mutex_lock(&f->lock);
    f->n_wide--;
    f->last_wide_ns = clock_steady_ns();
    pthread_mutex_unlock(&f->lock);
}

bool files_has_writer(struct files *f, uint64_t ino)
{
    const struct entry *en;
    bool has;

    pthread_mutex_lock(&f->lock);
    en = find_locked(f, ino);
    has = has_wide_locked(f) || (en && (en->last_writer_ns || has_writer(en)));
    pthread_mutex_unlock(&f->lock);
    return has;
}

void files_close(struct files *f, struct opening *o)
{
    struct entry *en;

    pthread_mutex_lock(&f->lock);
    en = find_locked(f, o->ino);
    if (en) {
        unlink_locked(en, o);
        if (o->writer) {
            en->last_writer_ns = clock_steady_ns();
        } else {
            f->n_waited_for -= !o->outlasted;
            pthread_cond_broadcast(&f->closed);
        }
    }
    pthread_mutex_unlock(&f->lock);
}

struct opening *files_find_writer(struct files *f, uint64_t ino, pid_t pid,
                                  void (*fn)(struct opening *o))
{
    struct entry *en;
    struct opening *o = NULL;

    pthread_mutex_lock(&f->lock);
    en = find_locked(f, ino);
    for (o = en ? en->list : NULL; o; o = o->next)
        if (o->writer && o->ino == ino && o->pid == pid)
            break;
    if (o)
        fn(o);
    pthread_mutex_unlock(&f->lock);
    return o;
}

void files_each_reader(struct files *f, void (*fn)(void *arg, uint64_t ino), void *arg)
{
    pthread_mutex_lock(&f->lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct entry *en = f->buckets[i]; en; en = en->next)
            for (const struct opening *o = en->list; o; o = o->next)
                fn(arg, o->ino);
    pthread_mutex_unlock(&f->lock);
}
