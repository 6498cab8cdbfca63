/* Between world.c and world_links.c. */
#ifndef PROPERTY_WORLD_INT_H
#define PROPERTY_WORLD_INT_H

#include "world.h"

#define WORLD_MAX_DEPTH 64

/* ---- world.c ---- */
struct w_item *world_add_item(struct world *w, uint32_t coll, struct span key);
struct w_item *world_by_key(const struct world *w, uint32_t coll, struct span key);
void world_drop(struct world *w, uint64_t id); /* whatever refers to it */
void world_store(struct w_item *it, const struct record *r);
struct buf world_bytes(struct span s); /* a copy */
bool world_refers(struct world *w, const struct w_item *holder, uint64_t id);

/* ---- world_names.c ---- */
/* The key that stands in its record for the type; else its own. */
bool world_key(const struct world *w, const struct shape *s, const struct w_item *it,
               struct buf *out);
struct w_item *world_by_shown(const struct world *w, const struct shape *s, struct span key);
/* Its name in that name space; false: it has none there. */
bool world_name_in(const struct world *w, uint32_t space, const struct w_item *it, struct buf *out);
/* The item of that name, or another one than `but`; NULL: none. */
const struct w_item *world_named(const struct world *w, uint32_t space, struct span key,
                                 uint64_t but);
/* For translation: the item is in that part of a split type. */
int world_stands_in(void *arg, const struct shape *part, uint64_t id, bool *ret, struct err *e);
int world_derive_names(struct world *w, struct err *e);
void world_take_key(struct w_item *it, const struct record *r);

/* ---- world_merged.c ---- */
/* The collection that the text is to go into. it: NULL = a new item. -1: it can't. */
int world_place(const struct view *vw, const struct w_item *it, struct span text, uint32_t *ret,
                struct err *e);
/* The item's new record; who has one of its names now gives way. */
int world_keep(struct world *w, uint64_t id, const struct record *r, struct err *e);
int world_name_taken(void *arg, const struct key_rule *rule, struct span key, enum name_state *ret,
                     struct err *e);

/* ---- world_links.c ---- */
/* What translation asks. */
struct lens_world world_calls(struct world *w);

#endif
