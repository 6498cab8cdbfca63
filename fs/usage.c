#include "usage.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "../schemas/schema.h"

struct counter {
    _Atomic uint64_t writes, reads;
    _Atomic int64_t last_write_ns, last_read_ns;
};
struct usage {
    struct counter of[VERSION_MAX_NUMBER + 1]; /* by version number */
};

/* Exact to a tick of the kernel, and cheaper than the time to the nanosecond. */
static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

struct usage *usage_new(void)
{
    return calloc(1, sizeof(struct usage));
}

void usage_free(struct usage *u)
{
    free(u);
}

void usage_wrote(struct usage *u, uint32_t version, uint64_t items)
{
    atomic_fetch_add_explicit(&u->of[version].writes, items, memory_order_relaxed);
    atomic_store_explicit(&u->of[version].last_write_ns, now_ns(), memory_order_relaxed);
}

void usage_read(struct usage *u, uint32_t version)
{
    atomic_fetch_add_explicit(&u->of[version].reads, 1, memory_order_relaxed);
    atomic_store_explicit(&u->of[version].last_read_ns, now_ns(), memory_order_relaxed);
}

struct version_usage usage_of(const struct usage *u, uint32_t version)
{
    const struct counter *c = &u->of[version];

    return (struct version_usage){
        .writes = atomic_load_explicit(&c->writes, memory_order_relaxed),
        .first_reads = atomic_load_explicit(&c->reads, memory_order_relaxed),
        .last_write_ns = atomic_load_explicit(&c->last_write_ns, memory_order_relaxed),
        .last_read_ns = atomic_load_explicit(&c->last_read_ns, memory_order_relaxed),
    };
}
