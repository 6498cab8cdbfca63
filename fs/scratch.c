#include "scratch.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "../schemas/hash.h"

#define BUCKETS 4096u

struct node {
    struct scratch_info info; /* size_bytes is filled in when it is asked for */
    char *name;               /* NULL = it has none any more */
    struct buf text;
    uint64_t lookups;
    unsigned opens;
    struct node *next_number, *next_name; /* in the buckets */
    struct node *next, *prev;             /* named nodes, by number */
};

struct scratch {
    pthread_mutex_t lock; /* guards everything here but the atomics */
    struct node *by_number[BUCKETS];
    struct node *by_name[BUCKETS];
    struct node *first, *last;
    uint64_t next_number;
    size_t bytes;                 /* of all texts */
    unsigned limited;             /* named nodes that count against the limit */
    atomic_uint n_named, n_limbo; /* to be asked without the lock */
};

struct scratch *scratch_new(void)
{
    struct scratch *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->next_number = 1;
    return s;
}

static void node_free(struct node *n)
{
    buf_free(&n->text);
    free(n->name);
    free(n);
}

void scratch_free(struct scratch *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < BUCKETS; i++)
        while (s->by_number[i]) {
            struct node *next = s->by_number[i]->next_number;

            node_free(s->by_number[i]);
            s->by_number[i] = next;
        }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- The two tables ---- */

static unsigned name_bucket(uint64_t dir, const char *name)
{
    return (unsigned)(hash_add_span(dir ^ HASH_START, span_of(name)) >> 20) % BUCKETS;
}

static struct node *get_locked(struct scratch *s, uint64_t number)
{
    struct node *n = s->by_number[number % BUCKETS];

    while (n && n->info.node != number)
        n = n->next_number;
    return n;
}

static struct node *find_locked(struct scratch *s, uint64_t dir, const char *name)
{
    struct node *n = s->by_name[name_bucket(dir, name)];

    while (n && (n->info.dir != dir || strcmp(n->name, name) != 0))
        n = n->next_name;
    return n;
}

static bool is_limited(const struct node *n)
{
    return n->info.kind != SCRATCH_PENDING;
}

/* n->name is set; the list stays in order of numbers. */
static void name_link_locked(struct scratch *s, struct node *n)
{
    struct node **bucket = &s->by_name[name_bucket(n->info.dir, n->name)];
    struct node *before = s->last;

    n->next_name = *bucket;
    *bucket = n;
    while (before && before->info.node > n->info.node)
        before = before->prev;
    n->prev = before;
    n->next = before ? before->next : s->first;
    *(before ? &before->next : &s->first) = n;
    *(n->next ? &n->next->prev : &s->last) = n;
    n->info.linked = true;
    s->limited += is_limited(n);
    s->n_named++;
    s->n_limbo += n->info.kind == SCRATCH_LIMBO;
}

static void name_unlink_locked(struct scratch *s, struct node *n)
{
    struct node **at;

    if (!n->info.linked)
        return;
    at = &s->by_name[name_bucket(n->info.dir, n->name)];
    while (*at != n)
        at = &(*at)->next_name;
    *at = n->next_name;
    *(n->prev ? &n->prev->next : &s->first) = n->next;
    *(n->next ? &n->next->prev : &s->last) = n->prev;
    n->info.linked = false;
    s->limited -= is_limited(n);
    s->n_named--;
    s->n_limbo -= n->info.kind == SCRATCH_LIMBO;
    free(n->name);
    n->name = NULL;
}

static void text_drop_locked(struct scratch *s, struct node *n)
{
    s->bytes -= n->text.n;
    buf_free(&n->text);
}

/* Frees a node that nobody can reach any more. */
static void collect_locked(struct scratch *s, struct node *n)
{
    struct node **at = &s->by_number[n->info.node % BUCKETS];

    if (n->info.linked || n->lookups || n->opens)
        return;
    while (*at != n)
        at = &(*at)->next_number;
    *at = n->next_number;
    text_drop_locked(s, n);
    node_free(n);
}

static void tell(const struct node *n, struct scratch_info *ret)
{
    *ret = n->info;
    ret->size_bytes = n->text.n;
}

bool scratch_find(struct scratch *s, uint64_t dir, const char *name, struct scratch_info *ret)
{
    struct node *n;

    if (atomic_load_explicit(&s->n_named, memory_order_acquire) == 0)
        return false;
    pthread_mutex_lock(&s->lock);
    n = find_locked(s, dir, name);
    if (n)
        tell(n, ret);
    pthread_mutex_unlock(&s->lock);
    return n != NULL;
}

bool scratch_get(struct scratch *s, uint64_t number, struct scratch_info *ret)
{
    struct node *n;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n)
        tell(n, ret);
    pthread_mutex_unlock(&s->lock);
    return n != NULL;
}

bool scratch_has_limbo(struct scratch *s)
{
    return atomic_load_explicit(&s->n_limbo, memory_order_acquire) != 0;
}

uint64_t scratch_hides(struct scratch *s, uint64_t dir, uint64_t item)
{
    uint64_t number = 0;

    if (!scratch_has_limbo(s))
        return 0;
    pthread_mutex_lock(&s->lock);
    for (const struct node *n = s->first; n && !number; n = n->next)
        if (n->info.kind == SCRATCH_LIMBO && n->info.dir == dir && n->info.item == item)
            number = n->info.node;
    pthread_mutex_unlock(&s->lock);
    return number;
}

/* ---- Names ---- */

static int room_locked(const struct scratch *s, size_t more, struct err *e)
{
    if (more > SCRATCH_BYTES_MAX - s->bytes)
        return err_set(e, ERR_NO_SPACE, "scratch files hold at most %zu bytes together",
                       SCRATCH_BYTES_MAX);
    return 0;
}

static int make_allowed_locked(struct scratch *s, const struct scratch_make *m, struct err *e)
{
    if (find_locked(s, m->dir, m->name))
        return err_set(e, ERR_EXISTS, "\"%s\" exists", m->name);
    if (m->kind != SCRATCH_PENDING && s->limited >= SCRATCH_NODES_MAX)
        return err_set(e, ERR_NO_SPACE, "there are at most %u scratch files", SCRATCH_NODES_MAX);
    return room_locked(s, m->text.n, e);
}

static struct node *node_new(const struct scratch_make *m)
{
    struct node *n = calloc(1, sizeof(*n));

    if (!n)
        return NULL;
    n->name = strdup(m->name);
    if (!n->name || !buf_add(&n->text, m->text.p, m->text.n)) {
        node_free(n);
        return NULL;
    }
    n->info = (struct scratch_info){.kind = m->kind,
                                    .dir = m->dir,
                                    .item = m->item,
                                    .mode = m->mode,
                                    .uid = m->uid,
                                    .gid = m->gid,
                                    .mtime_ns = m->mtime_ns};
    n->lookups = n->opens = m->hold;
    return n;
}

static void insert_locked(struct scratch *s, struct node *n)
{
    struct node **bucket;

    n->info.node = s->next_number++;
    bucket = &s->by_number[n->info.node % BUCKETS];
    n->next_number = *bucket;
    *bucket = n;
    s->bytes += n->text.n;
    name_link_locked(s, n);
}

int scratch_make(struct scratch *s, const struct scratch_make *m, struct scratch_info *ret,
                 struct err *e)
{
    struct node *n;
    int r;

    pthread_mutex_lock(&s->lock);
    r = make_allowed_locked(s, m, e);
    if (r == 0 && !(n = node_new(m)))
        r = err_nomem(e);
    if (r == 0) {
        insert_locked(s, n);
        tell(n, ret);
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

void scratch_unlink(struct scratch *s, uint64_t number)
{
    struct node *n;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n) {
        name_unlink_locked(s, n);
        collect_locked(s, n);
    }
    pthread_mutex_unlock(&s->lock);
}

static uint64_t replace_locked(struct scratch *s, struct node *n, char *name)
{
    struct node *old = find_locked(s, n->info.dir, name);
    uint64_t replaced = old && old != n ? old->info.node : 0;

    if (replaced) {
        name_unlink_locked(s, old);
        collect_locked(s, old);
    }
    name_unlink_locked(s, n);
    n->name = name;
    name_link_locked(s, n);
    return replaced;
}

int scratch_rename(struct scratch *s, uint64_t number, const char *name, uint64_t *ret_replaced,
                   struct err *e)
{
    char *copy = strdup(name);
    struct node *n;

    if (!copy)
        return err_nomem(e);
    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n && n->info.linked) {
        *ret_replaced = replace_locked(s, n, copy);
        copy = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    if (!copy)
        return 0;
    free(copy);
    return err_set(e, ERR_NOT_FOUND, "it is gone");
}

bool scratch_name(struct scratch *s, uint64_t number, struct buf *ret)
{
    struct node *n;
    bool ok;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    ok = n && n->info.linked && buf_adds(ret, n->name);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* ---- Becoming something else ---- */

void scratch_publish(struct scratch *s, uint64_t number, const struct inode *item)
{
    struct node *n;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n) {
        assert(n->info.kind == SCRATCH_FILE || n->info.kind == SCRATCH_PENDING);
        name_unlink_locked(s, n);
        text_drop_locked(s, n);
        n->info.published = true;
        n->info.alias = *item;
        collect_locked(s, n);
    }
    pthread_mutex_unlock(&s->lock);
}

void scratch_settle(struct scratch *s, uint64_t number, struct span text)
{
    struct err ignored = ERR_INIT;
    struct node *n;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n && n->info.kind == SCRATCH_LIMBO && n->info.linked) {
        s->n_limbo--;
        n->info.kind = SCRATCH_FILE;
        if (room_locked(s, text.n, &ignored) == 0 && buf_add(&n->text, text.p, text.n))
            s->bytes += text.n;
        else
            name_unlink_locked(s, n);
        collect_locked(s, n);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- Who knows it ---- */

void scratch_known(struct scratch *s, uint64_t number)
{
    struct node *n;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n)
        n->lookups++;
    pthread_mutex_unlock(&s->lock);
}

void scratch_forget(struct scratch *s, uint64_t number, uint64_t lookups)
{
    struct node *n;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n) {
        n->lookups -= lookups < n->lookups ? lookups : n->lookups;
        collect_locked(s, n);
    }
    pthread_mutex_unlock(&s->lock);
}

bool scratch_open(struct scratch *s, uint64_t number)
{
    struct node *n;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n)
        n->opens++;
    pthread_mutex_unlock(&s->lock);
    return n != NULL;
}

bool scratch_close(struct scratch *s, uint64_t number)
{
    struct node *n;
    bool last = true;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n) {
        assert(n->opens > 0);
        last = --n->opens == 0;
        collect_locked(s, n);
    }
    pthread_mutex_unlock(&s->lock);
    return last;
}

/* ---- Bytes ---- */

static int gone(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "it is gone");
}

int scratch_read(struct scratch *s, uint64_t number, uint64_t offset, size_t size, struct buf *ret,
                 struct err *e)
{
    struct node *n;
    size_t left;
    int r = 0;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    left = n && offset < n->text.n ? n->text.n - (size_t)offset : 0;
    if (!n)
        r = gone(e);
    else if (left && !buf_add(ret, n->text.p + offset, left < size ? left : size))
        r = err_nomem(e);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static void touch_locked(struct node *n)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    n->info.mtime_ns = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    n->info.has_mtime = false;
}

static int resize_locked(struct scratch *s, struct node *n, uint64_t size, struct err *e)
{
    size_t old = n->text.n;

    if (size > old) {
        if (size > SCRATCH_BYTES_MAX)
            return err_set(e, ERR_TOO_BIG, "over %zu bytes", SCRATCH_BYTES_MAX);
        if (room_locked(s, (size_t)size - old, e) < 0)
            return -1;
        if (!buf_reserve(&n->text, (size_t)size - old))
            return err_nomem(e);
        memset(n->text.p + old, 0, (size_t)size - old);
    }
    n->text.n = (size_t)size;
    s->bytes += n->text.n - old;
    return 0;
}

static int write_locked(struct scratch *s, struct node *n, uint64_t offset, struct span text,
                        struct err *e)
{
    uint64_t end = offset + text.n;

    if (offset > SCRATCH_BYTES_MAX)
        return err_set(e, ERR_TOO_BIG, "over %zu bytes", SCRATCH_BYTES_MAX);
    if (end > n->text.n && resize_locked(s, n, end, e) < 0)
        return -1;
    if (text.n)
        memcpy(n->text.p + offset, text.p, text.n);
    touch_locked(n);
    return 0;
}

int scratch_write(struct scratch *s, uint64_t number, uint64_t offset, bool append,
                  struct span text, struct err *e)
{
    struct node *n;
    int r;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    r = n ? write_locked(s, n, append ? n->text.n : offset, text, e) : gone(e);
    pthread_mutex_unlock(&s->lock);
    return r;
}

int scratch_truncate(struct scratch *s, uint64_t number, uint64_t size, struct err *e)
{
    struct node *n;
    int r;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    r = n ? resize_locked(s, n, size, e) : gone(e);
    if (r == 0)
        touch_locked(n);
    pthread_mutex_unlock(&s->lock);
    return r;
}

void scratch_set_attr(struct scratch *s, uint64_t number, unsigned mask,
                      const struct scratch_info *attr)
{
    struct node *n;

    pthread_mutex_lock(&s->lock);
    n = get_locked(s, number);
    if (n && mask & SCRATCH_MODE)
        n->info.mode = attr->mode;
    if (n && mask & SCRATCH_UID)
        n->info.uid = attr->uid;
    if (n && mask & SCRATCH_GID)
        n->info.gid = attr->gid;
    if (n && mask & SCRATCH_MTIME) {
        n->info.mtime_ns = attr->mtime_ns;
        n->info.has_mtime = true;
    }
    pthread_mutex_unlock(&s->lock);
}

void scratch_list(struct scratch *s, uint64_t dir, uint64_t after,
                  bool (*fn)(void *arg, const char *name, const struct scratch_info *info),
                  void *arg)
{
    struct scratch_info info;
    bool more = true;

    if (atomic_load_explicit(&s->n_named, memory_order_acquire) == 0)
        return;
    pthread_mutex_lock(&s->lock);
    for (const struct node *n = s->first; n && more; n = n->next) {
        if (n->info.dir != dir || n->info.node <= after || n->info.kind == SCRATCH_PENDING)
            continue;
        tell(n, &info);
        more = fn(arg, n->name, &info);
    }
    pthread_mutex_unlock(&s->lock);
}
