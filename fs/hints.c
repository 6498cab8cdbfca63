#include "hints.h"

#include <time.h>

#define CREDIT  64u                      /* parts of a listing for one lookup */
#define READ_NS INT64_C(60000000000)     /* how long reading is remembered */

static unsigned slot_of(uint64_t dir)
{
    return (unsigned)(dir * UINT64_C(0x9E3779B97F4A7C15) >> 56) % HINT_SLOTS;
}

static int64_t coarse_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
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

void hints_read(struct hints *h, uint64_t dir)
{
    atomic_store_explicit(&h->read_ns[slot_of(dir)], coarse_ns(), memory_order_relaxed);
}

bool hints_are_read(struct hints *h, uint64_t dir)
{
    int64_t last = atomic_load_explicit(&h->read_ns[slot_of(dir)], memory_order_relaxed);

    return last && coarse_ns() - last < READ_NS;
}

void hints_listed(struct hints *h, uint64_t dir, uint64_t from, uint64_t to)
{
    unsigned slot = slot_of(dir);

    pthread_mutex_lock(&h->lock);
    h->listed[slot].dir = dir;
    h->listed[slot].from = from;
    h->listed[slot].to = to;
    pthread_mutex_unlock(&h->lock);
}

bool hints_part_before(struct hints *h, uint64_t dir, uint64_t to, uint64_t *ret_from)
{
    unsigned slot = slot_of(dir);
    bool known;

    pthread_mutex_lock(&h->lock);
    known = h->listed[slot].dir == dir && h->listed[slot].to == to && to != 0;
    *ret_from = h->listed[slot].from;
    pthread_mutex_unlock(&h->lock);
    return known;
}
