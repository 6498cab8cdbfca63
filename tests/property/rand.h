/* A small seeded generator: the same seed gives the same case on every machine. */
#ifndef PROPERTY_RAND_H
#define PROPERTY_RAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rnd {
    uint64_t state;
};

/* splitmix64 (Vigna, public domain) */
static inline uint64_t rnd_next(struct rnd *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline unsigned rnd_below(struct rnd *r, size_t n)
{
    return n ? (unsigned)(rnd_next(r) % n) : 0;
}

static inline bool rnd_chance(struct rnd *r, unsigned percent)
{
    return rnd_below(r, 100) < percent;
}

#endif
