#include "checksum.h"

#include <endian.h>
#include <string.h>

#define FACTOR UINT64_C(0x9e3779b97f4a7c15) /* odd: multiplying by it loses nothing */

/* Each step can be undone, so two runs that differ in one word only never meet again. */
static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * FACTOR;
    return h ^ h >> 32;
}

uint32_t checksum(struct span bytes)
{
    uint64_t h = bytes.n, word;
    const char *p = bytes.p;
    size_t n = bytes.n;

    for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        h = mix(h, le64toh(word));
    }
    word = 0;
    if (n)
        memcpy(&word, p, n);
    h = mix(mix(h, le64toh(word)), 0);
    return (uint32_t)(h ^ h >> 29);
}

bool checksum_add(struct buf *b, size_t start)
{
    uint32_t sum = htole32(checksum((struct span){b->p + start, b->n - start}));

    return buf_add(b, (const char *)&sum, sizeof(sum));
}

bool checksum_take(struct span sealed, struct span *ret)
{
    uint32_t sum;

    if (sealed.n < sizeof(sum))
        return false;
    *ret = (struct span){sealed.p, sealed.n - sizeof(sum)};
    memcpy(&sum, sealed.p + ret->n, sizeof(sum));
    return le32toh(sum) == checksum(*ret);
}
