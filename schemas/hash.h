/* FNV-1a, 64 bits, for tables in memory and names of what a schema says: from HASH_START, one
 * addition after the other. It is stored in places (records, slots): never another one here. */
#ifndef SCHEMAS_HASH_H
#define SCHEMAS_HASH_H

#include <stdint.h>

#include "buf.h"

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* One value more; up to 255 it is what a byte would be. */
static inline uint64_t hash_add(uint64_t h, uint64_t value)
{
    return (h ^ value) * UINT64_C(0x100000001b3);
}

static inline uint64_t hash_add_span(uint64_t h, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        h = hash_add(h, (unsigned char)s.p[i]);
    return h;
}

#endif
