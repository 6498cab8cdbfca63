/* Texts that were made a moment ago.
 *
 * A LOOKUP makes an item's text, to tell its size; the READ that mostly follows takes it from here,
 * without asking the store. A text is given once: the kernel keeps the page. It is given only while
 * nothing has changed since the mark (notify.h) that was taken before the store was read, so a READ
 * gets nothing older than it would from the store at the time of that check.
 *
 * A small table with room for texts of up to a page; what is not there is read as always.
 *
 * Threads: any. */
#ifndef FS_RECENT_H
#define FS_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "../schemas/buf.h"

#define RECENT_BYTES 4096 /* the largest text that is kept */

struct recent;

struct recent *recent_new(void); /* NULL = no memory */
void recent_free(struct recent *r);
/* Takes the text over when it keeps it: *text is then another buffer, which is the caller's. */
void recent_keep(struct recent *r, uint64_t ino, uint64_t mark, struct buf *text);
/* Gives a text away into *ret, which must be empty; false when there is none of this mark. */
bool recent_take(struct recent *r, uint64_t ino, uint64_t mark, struct buf *ret);

#endif
