/* What is known of how types' directories are used: whether a listing had better bring attributes and
 * contents along.
 *
 *   credit   files were looked up one by one: the next parts of a large directory's listing bring
 *            attributes
 *   reading  files were read one by one: the contents of what was just listed are put into the
 *            kernel's page cache before the listing goes on
 *
 * Small tables that directories share: a wrong hint costs time, nothing else.
 *
 * Threads: any. */
#ifndef FS_HINTS_H
#define FS_HINTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HINT_SLOTS 256u

struct hints {
    atomic_uint credit[HINT_SLOTS];
    _Atomic int64_t read_ns[HINT_SLOTS];
    pthread_mutex_t lock;
    struct {
        uint64_t dir, from, to; /* the last part that was listed; guard: lock */
    } listed[HINT_SLOTS];
};

void hints_init(struct hints *h);
void hints_looked_up(struct hints *h, uint64_t dir);
bool hints_take_credit(struct hints *h, uint64_t dir);
void hints_read(struct hints *h, uint64_t dir);
bool hints_are_read(struct hints *h, uint64_t dir);
/* A part of a listing from offset `from` to `to` was given out. */
void hints_listed(struct hints *h, uint64_t dir, uint64_t from, uint64_t to);
/* The part that ended at `to`; false = not known any more. */
bool hints_part_before(struct hints *h, uint64_t dir, uint64_t to, uint64_t *ret_from);

#endif
