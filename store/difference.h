/* Where two texts of one item part. Private to store/. */
#ifndef STORE_DIFFERENCE_H
#define STORE_DIFFERENCE_H

#include "../schemas/json.h"

/* A member that differs; its values as one line of JSON, p == NULL = not there. Borrowed for the
 * call. Returns non-zero to stop. */
typedef int (*difference_fn)(void *arg, struct span field, struct span before, struct span after);
/* Calls fn for each member of two objects that differs ("_key" left out), in their order. -1 with
 * *e: no memory, or a text that is no object. */
int differences(struct span before, struct span after, difference_fn fn, void *arg, struct err *e);

#endif
