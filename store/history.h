/* History: what items were before they were replaced, and the last of those that were deleted.
 *
 * A revision is the record that a write replaced, as it was: a record can be read through every version
 * that comes later by the same translation as an item, so a revision has a text in each version, also in
 * those that were added after it. What it shows of other items (values over a reference) is what those
 * held then, as far as their history reaches; a reference shows the key that its target has now, or
 * had last. Reading one never fails for what it holds [I11].
 *
 * A revision's time is when it was replaced or deleted; no two of a directory have the same.
 *
 * Threads: as store.h. */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store.h"

#define REVISION_NUMBER_BITS 38
#define HISTORY_TIME_MAX     (INT64_MAX - (INT64_C(1) << 53)) /* of the last revision at opening */

/* Directories of revisions, one for each key that has some. number: of an item that has or had the key;
 * it stands for the directory as long as that item has revisions. fn returns 0 to go on. */
typedef int (*history_name_fn)(void *arg, struct span key, uint64_t number);
int store_history_names(struct store *st, const struct catalog *c, const struct version *v,
                        const struct shape *s, uint64_t after, history_name_fn fn, void *arg,
                        struct err *e);
/* ERR_NOT_FOUND: no revisions stand under that key. */
int store_history_find(struct store *st, const struct catalog *c, const struct version *v,
                       const struct shape *s, struct span key, uint64_t *ret_number,
                       struct err *e);

/* The revisions of a directory, oldest first, those after `after_ns`. */
typedef int (*history_revision_fn)(void *arg, int64_t at_ns, uint64_t revision);
int store_history_list(struct store *st, const struct catalog *c, const struct version *v,
                       const struct shape *s, uint64_t number, int64_t after_ns,
                       history_revision_fn fn, void *arg, struct err *e);
/* The one of that time. ERR_NOT_FOUND. */
int store_history_at(struct store *st, const struct catalog *c, const struct version *v,
                     const struct shape *s, uint64_t number, int64_t at_ns, uint64_t *ret_revision,
                     struct err *e);
/* stat: number is the item's, mtime the item's at that time, mode and owner what the version keeps for
 * the item. Text is appended; either output may be NULL. ERR_NOT_FOUND: it was trimmed. */
int store_history_read(struct store *st, const struct catalog *c, const struct version *v,
                       const struct shape *s, uint64_t revision, struct item_stat *ret_stat,
                       struct buf *ret_text, struct err *e);
/* Another time after every change that a listing here could show (nanoseconds; it only grows). */
int64_t store_history_changed_ns(const struct store *st);

#endif
