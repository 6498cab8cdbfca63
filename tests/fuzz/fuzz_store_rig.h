/* A small store for the fuzz targets that need one: made once, its file kept, put back in a moment.
 */
#ifndef TESTS_FUZZ_STORE_RIG_H
#define TESTS_FUZZ_STORE_RIG_H

#include "schemas/buf.h"
#include "store/verbs.h"

/* The file's bytes: versions v1 and v2, some items of each. Made at the first call; borrowed. */
struct span rig_file(void);
/* Writes these bytes as the store's file, nothing else beside it, and returns its path. */
const char *rig_place(struct span bytes);

#endif
