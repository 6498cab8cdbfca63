/* Between world.c and world_links.c. */
#ifndef PROPERTY_WORLD_INT_H
#define PROPERTY_WORLD_INT_H

#include "world.h"

#define WORLD_MAX_DEPTH 64

/* ---- world.c ---- */
struct w_item *world_add_item(struct world *w, uint32_t coll, struct span key);
struct w_item *world_by_key(const struct world *w, uint32_t coll, struct span key);
void world_store(struct w_item *it, const struct record *r);
struct buf world_bytes(struct span s); /* a copy */

/* ---- world_links.c ---- */
/* What translation asks. */
struct lens_world world_calls(struct world *w);

#endif
