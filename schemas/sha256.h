/* SHA-256 (FIPS 180-4) of bytes in memory. Threads: none of its own. */
#ifndef SCHEMAS_SHA256_H
#define SCHEMAS_SHA256_H

#include "buf.h"

#define SHA256_SIZE 32
void sha256(struct span bytes, unsigned char ret[SHA256_SIZE]);

#endif
