/* One operation of a case, in a world that nobody looks at. */
#ifndef PROPERTY_QUIET_H
#define PROPERTY_QUIET_H

#include "world.h"

/* lazy: no backfill, no revert. What makes no sense in this world is skipped. */
void quiet_op(struct world *w, const struct op *op, bool lazy);
/* A backfill that is interrupted: which items, and how far, is the operation's to say. i: counts the items; last: the
 * last step that there is. */
bool quiet_brings(const struct op *op, size_t i, uint32_t last, uint32_t *ret_upto);
void quiet_bring(struct world *w, const struct op *op, struct err *e);
/* Reading may make records: the item is found anew. */
bool quiet_shows(struct world *w, const struct view *vw, uint64_t id);

#endif
