#include "recent.h"

#include <pthread.h>

#define SLOTS 64u

struct slot {
    uint64_t ino; /* 0 = empty */
    uint64_t mark;
    struct buf text;
};

struct recent {
    pthread_mutex_t lock;
    struct slot slots[SLOTS]; /* guard: lock */
};

static struct slot *slot_of(struct recent *r, uint64_t ino)
{
    return &r->slots[(ino * UINT64_C(0x9E3779B97F4A7C15) >> 58) % SLOTS];
}

struct recent *recent_new(void)
{
    struct recent *r = calloc(1, sizeof(*r));

    if (r)
        pthread_mutex_init(&r->lock, NULL);
    return r;
}

void recent_free(struct recent *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        buf_free(&r->slots[i].text);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void swap(struct buf *a, struct buf *b)
{
    struct buf c = *a;

    *a = *b;
    *b = c;
}

void recent_keep(struct recent *r, uint64_t ino, uint64_t mark, struct buf *text)
{
    struct slot *s = slot_of(r, ino);

    if (text->n == 0 || text->n > RECENT_BYTES)
        return;
    pthread_mutex_lock(&r->lock);
    s->ino = ino;
    s->mark = mark;
    swap(&s->text, text);
    pthread_mutex_unlock(&r->lock);
}

bool recent_take(struct recent *r, uint64_t ino, uint64_t mark, struct buf *ret)
{
    struct slot *s = slot_of(r, ino);
    bool is;

    pthread_mutex_lock(&r->lock);
    is = s->ino == ino && s->mark == mark;
    if (is) {
        s->ino = 0;
        swap(&s->text, ret);
    }
    pthread_mutex_unlock(&r->lock);
    return is;
}
