/* Which elements of a list go on in another text of it. An element has no name: what a version does not show of
 * it, and what a conversion hid of it, goes where its text went (docs/decisions/14).
 *
 * Equal texts are one element: what both lists begin and end with, what stands where it stood, then in order,
 * wherever it stands now. What is
 * left between two of these is paired in order, so that as many members as possible stay as they were: elements
 * that were edited beside others that came or went. What was edited and moved at once is paired where at least
 * half of its members stayed. These are the alignments of matching lenses (Barbosa, Cretin, Foster, Greenberg,
 * Pierce, "Matching lenses: alignment and view update", 2010), equality first, then the cheapest edit in order.
 *
 * Threads: none of its own. */
#ifndef SCHEMAS_ELEMENTS_H
#define SCHEMAS_ELEMENTS_H

#include "json.h"

#define ELEMENT_NEW SIZE_MAX

/* An element as elements_align wants it: JSON on one line, the members of objects by name, so that it is the same
 * element in whatever order a tool writes them. Appends; false = no memory. */
bool elements_text(const struct json_node *v, struct buf *out);

/* old, now: such a text for each element. ret[i], of n_now: the place in old of the one that goes
 * on as now[i], each at most once, or ELEMENT_NEW. Scratch memory comes from the arena. -1: no memory. */
int elements_align(const struct span *old, size_t n_old, const struct span *now, size_t n_now,
                   struct arena *a, size_t *ret);

#endif
