/* A draft: the text that one open file holds until its close publishes it.
 *
 * What a write may say at once depends on how the text came to be:
 *
 *            truncated to 0, new, or opened to append
 *   +------+ ---------------------> +-------------+ write at the end -> (each byte is judged)
 *   | any  |                        | in sequence |
 *   +------+ <--------------------- +-------------+
 *            a write elsewhere, a truncation to more than 0
 *
 * In sequence every byte goes through json_scan, and the text is due for a check against the schema
 * as soon as its object is closed. Any other draft is judged when it is published.
 *
 * A refusal is for good: every later write, truncation and publication gives the same error. The
 * bytes that were refused stay in the text, to be shown and kept.
 *
 * Threads: none of its own; the open file's lock guards it. */
#ifndef FS_DRAFT_H
#define FS_DRAFT_H

#include "../schemas/json.h"

struct draft {
    struct buf text;
    size_t max_bytes;
    struct json_scan scan; /* over the whole text, when in_sequence */
    bool loaded;      /* text is the draft's; false: the item's text has to be put in first */
    bool in_sequence;
    bool checked;     /* the complete text passed the check */
    bool dirty;       /* something was written since the last publication */
    bool refused;
    struct err why;   /* of the refusal */
};

/* empty: a new file; else the item's text is loaded when it is needed. on_name as in json.h. */
void draft_init(struct draft *d, size_t max_bytes, bool empty,
                int (*on_name)(void *arg, struct span name, struct err *e), void *arg);
void draft_deinit(struct draft *d);
/* The item's text, into a draft that is not loaded. append: everything that follows is written at its
 * end, so the draft is in sequence. */
int draft_load(struct draft *d, struct span text, bool append, struct err *e);

/* Loaded only, unless offset is 0 and the draft was just emptied. append: at the draft's own end.
 * *ret_check = true: the text is a complete object now, and the caller checks it against the schema
 * and calls draft_checked or draft_refuse. -1: refused (ERR_INVALID, ERR_TOO_BIG, ERR_NO_MEMORY). */
int draft_write(struct draft *d, uint64_t offset, bool append, struct span bytes, bool *ret_check,
                struct err *e);
int draft_truncate(struct draft *d, uint64_t size, struct err *e);
void draft_checked(struct draft *d);
/* Copies *e (its excerpt is filled in from the text); returns -1. */
int draft_refuse(struct draft *d, struct err *e);
/* 0: whole, as far as the draft can tell. -1: refused before, or cut short (not yet a refusal). */
int draft_complete(const struct draft *d, struct err *e);
void draft_published(struct draft *d);

#endif
