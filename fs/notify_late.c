/* Names that wait for a directory.
 *
 * The kernel holds a directory while a request in it is under way: an unlink that waits for its commit, a
 * lookup that derives a type first. inval_entry waits for that, and all names behind it, of whatever
 * directory, with it. Names are promised within 50 ms, so when one has waited for LATE_NS, everything that
 * waits is told in another way, which takes no directory's lock: a new epoch, by which the kernel asks
 * for every name again, and the pages of the listings. That costs every version its cached names; so new
 * items, of which only listings have to know, cost none.
 *
 * The names thread says it all again when it comes to it: a listing that was on its way to the kernel, its
 * directory held, may have been kept meanwhile. Kernels before 6.16 have no epochs: there a renamed item
 * shows under its old name too for as long as a directory is held. */
#include <stdlib.h>

#include "notify_int.h"

#define LATE_NS INT64_C(20000000)

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void tell_late(struct notify *n, struct late *late)
{
    if (late->names)
        notify_tell_epoch(n);
    if (late->dirs)
        qsort(late->dirs, late->n, sizeof(*late->dirs), compare);
    for (size_t i = 0; i < late->n; i++)
        if (i == 0 || late->dirs[i] != late->dirs[i - 1])
            notify_tell_inode(n, late->dirs[i]);
    free(late->dirs);
}

static void *late_run(void *arg)
{
    struct notify *n = arg;
    struct late late;

    while (queue_wait_late(&n->names, LATE_NS, &late))
        tell_late(n, &late);
    return NULL;
}

bool notify_late_start(struct notify *n)
{
    return pthread_create(&n->late, NULL, late_run, n) == 0;
}
