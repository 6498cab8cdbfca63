/* What may follow from a change: slots, over the formulas and links of all versions. Computed from
 * the schemas alone, as an upper bound. */
#ifndef PROPERTY_REACH_H
#define PROPERTY_REACH_H

#include "world.h"

struct reach {
    const struct catalog *c;
    bool *has; /* by slot, [0, c->n_slots) */
};
void reach_init(struct reach *r, const struct catalog *c);
void reach_deinit(struct reach *r);
#define REACH_CLEANUP __attribute__((cleanup(reach_deinit)))
void reach_add(struct reach *r, slot_no slot);
static inline bool reach_has(const struct reach *r, slot_no slot)
{
    return slot < r->c->n_slots && r->has[slot];
}
/* To the fixed point, in the item that was written. */
void reach_close(struct reach *r);
/* The item gets another key: it is called otherwise in all that refer to it, maybe in itself. */
bool reach_renames(const struct reach *r);
/* All that may refer to it, and what follows. */
void reach_references(struct reach *r);
/* Items gave their names in merged types to others: they are called otherwise, as above. */
void reach_yields(struct reach *own, struct reach *others);
/* In other items: from the fields of a record to those of the items that refer to it, or that it
 * refers to where writes go over the reference. */
void reach_others(struct reach *own, struct reach *ret);

/* There are links that writes go over. */
bool reach_writes_others(const struct catalog *c);

#endif
