/* What the kernel is told.
 *
 * The kernel keeps entries, attributes and pages for ever, so every change has to reach it before
 * the close that made the change returns [I6]. Telling it waits for pages that a queued READ holds, and
 * for directory locks that a request under way holds; a thread that answers requests must never wait
 * for either. So threads of their own do it, the first two in order:
 *
 *   contents  inode by inode, then the answers that wait for them (flush, fsync, unlink, ...). Waits
 *             for pages only, and those are answered by the request threads.
 *   names     entries and listings, and after them the answers of control verbs. Waits for directory
 *             locks: so nothing that is answered by the contents thread holds up a name, and no
 *             request that holds a directory ever waits for this thread.
 *   late      what the names thread has not come to in time, in a way that waits for nobody
 *             (notify_late.c).
 *
 * A reply that carries attributes to be kept may have read the store before a change and arrive after
 * its invalidation. So such a reply is sent between notify_enter() and notify_leave(): enter says
 * whether anything has changed since the mark taken before reading (then the reply must not be kept),
 * and the contents thread waits until every window that was open at the change is closed.
 *
 * What stays open: a LOOKUP's answer that the kernel has received, but not yet made an inode of, when
 * the invalidation finds no inode. For directories with a lookup in the last moments the names thread
 * takes the directory's lock afterwards, which such a LOOKUP holds, and invalidates once more.
 *
 * Threads: any, unless it says otherwise. */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "../schemas/err.h"

struct fs;
struct fuse_req;
struct notify;
struct shape;
struct store_change;

int notify_start(struct fs *fs, struct notify **ret, struct err *e);
/* From here on nothing is told to the kernel, only requests are answered: the mount is at its end. */
void notify_only_replies(struct notify *n);
/* Waits until everything is said. The request threads must still run. */
void notify_drain(struct notify *n);
void notify_stop(struct notify *n); /* NULL is fine */

/* The store's listener (store_change_fn). */
void notify_changes(void *arg, const struct store_change *changes, size_t n);
/* Versions came or went: `gone`, when a version is served no more. */
void notify_versions(struct notify *n, bool gone);

/* ---- Around replies that the kernel keeps ---- */

/* A count of what has changed of all items that the type may show; NULL: of what depends on the
 * catalog alone. */
uint64_t notify_mark(struct notify *n, const struct shape *type);
struct window {
    unsigned slot;
    bool fresh; /* nothing has changed since the mark: the reply may be kept */
};
struct window notify_enter(struct notify *n, const struct shape *type, uint64_t mark);
void notify_leave(struct notify *n, struct window w);

/* The kernel gets to know something of this type's directory. Before the store is read. */
void notify_seen(struct notify *n, uint32_t version, uint32_t type);
/* False: the kernel may hold pages of this item from before a change too wide to be listed. */
bool notify_keep_pages(struct notify *n, uint64_t ino);

/* ---- Orders ---- */

void notify_inode(struct notify *n, uint64_t ino);
/* Afterwards the kernel asks for this name again, and lists the directory anew. */
void notify_name(struct notify *n, uint64_t dir, const char *name);
void notify_listing(struct notify *n, uint64_t dir);

/* Runs fn on the contents thread, in order with the rest: what stores pages. silent: the mount is at
 * its end, nothing is told to the kernel but answers. False: no memory. */
bool notify_run(struct notify *n, void (*fn)(void *arg, bool silent), void *arg);

/* ---- Answers after everything said so far ---- */

enum reply_kind {
    REPLY_ERR,   /* error: 0 or an errno */
    REPLY_WRITE, /* size_bytes */
    REPLY_ATTR   /* stat, timeout_s */
};
struct reply {
    enum reply_kind kind;
    int error;
    size_t size_bytes;
    struct stat stat;
    double timeout_s;
};
void notify_reply(struct notify *n, struct fuse_req *req, const struct reply *r);
/* After the names too: only for requests that hold no directory. */
void notify_reply_late(struct notify *n, struct fuse_req *req, const struct reply *r);

#endif
