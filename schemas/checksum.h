/* A sum over bytes that a flipped bit, a run of other bytes or a missing end changes: what is kept for
 * long carries one. No secret: it tells damage, not forgery.
 *
 * Threads: any. */
#ifndef SCHEMAS_CHECKSUM_H
#define SCHEMAS_CHECKSUM_H

#include <stdint.h>

#include "buf.h"

#define CHECKSUM_BYTES 4

uint32_t checksum(struct span bytes);
/* The sum at the end of what was added from `start` on, low byte first. False = no memory. */
bool checksum_add(struct buf *b, size_t start);
/* True when `sealed` ends with the sum of what stands before it; *ret is that. */
bool checksum_take(struct span sealed, struct span *ret);

#endif
