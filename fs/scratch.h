/* Scratch files: names in a directory that are no items.
 *
 * Four kinds of nodes stand in one table, by directory and name and by number:
 *
 *   SCRATCH_FILE     an ordinary file of bytes: editors' swap and backup files, rsync's temporaries,
 *                    x.json.rejected, and in schemas/ the staged files
 *   SCRATCH_PENDING  x.json between its creation and the first close that publishes it: no bytes here
 *                    (they are in its writers' drafts), seen in its own directory only and not listed
 *   SCRATCH_LIMBO    a scratch name for an item: x.json was renamed to it, and until x.json is made
 *                    again, or the scratch name is deleted or renamed, the item is hidden in this
 *                    version only. Its file is the item's own inode
 *
 * A FILE that is renamed to x.json, and a PENDING that is published, become an item: the node keeps its
 * number as an alias of the item until the kernel has forgotten it.
 *
 *   FILE, PENDING --publish--> (alias)      LIMBO --settle--> FILE (the item's text from before)
 *
 * Nothing here is in the store; bytes and nodes are bounded (ERR_NO_SPACE).
 *
 * Threads: any; one lock, held for the copying of bytes at most. */
#ifndef FS_SCRATCH_H
#define FS_SCRATCH_H

#include <sys/types.h>

#include "../schemas/buf.h"
#include "../schemas/err.h"
#include "inode.h"

#define SCRATCH_NODES_MAX 4096u
#define SCRATCH_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct scratch;

enum scratch_kind {
    SCRATCH_FILE,
    SCRATCH_PENDING,
    SCRATCH_LIMBO
};

/* A node as it is at one moment. */
struct scratch_info {
    uint64_t node;
    enum scratch_kind kind;
    uint64_t dir;         /* inode number of its directory */
    bool linked;          /* it has its name still */
    bool published;       /* it is an alias: alias */
    struct inode alias;
    uint64_t item;        /* LIMBO: the item's number; PENDING: of the item it will update, or 0 */
    uint64_t size_bytes;
    mode_t mode;          /* permission bits */
    uid_t uid;
    gid_t gid;
    int64_t mtime_ns;
    bool has_mtime;       /* somebody set it */
};

struct scratch *scratch_new(void); /* NULL = no memory */
void scratch_free(struct scratch *s);

bool scratch_find(struct scratch *s, uint64_t dir, const char *name, struct scratch_info *ret);
bool scratch_get(struct scratch *s, uint64_t node, struct scratch_info *ret);
bool scratch_has_limbo(struct scratch *s);
/* The node of a LIMBO name for this item in this directory; 0 = it is not hidden. */
uint64_t scratch_hides(struct scratch *s, uint64_t dir, uint64_t item);

struct scratch_make {
    uint64_t dir;
    const char *name;
    enum scratch_kind kind;
    uint64_t item;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    int64_t mtime_ns;
    struct span text; /* FILE: first content */
    bool hold;        /* the kernel is told its number: counts as one lookup and one open */
};
/* ERR_EXISTS, ERR_NO_SPACE, ERR_NO_MEMORY. */
int scratch_make(struct scratch *s, const struct scratch_make *m, struct scratch_info *ret,
                 struct err *e);
/* The name is gone; a node that is open or known to the kernel lives on without one. */
void scratch_unlink(struct scratch *s, uint64_t node);
/* Another name in the same directory; whoever had it loses it (*ret_replaced: its number, or 0). */
int scratch_rename(struct scratch *s, uint64_t node, const char *name, uint64_t *ret_replaced,
                   struct err *e);
/* The node's name, copied. False: it has none. */
bool scratch_name(struct scratch *s, uint64_t node, struct buf *ret);

/* FILE, PENDING: it is this item from now on; its bytes and its name go. */
void scratch_publish(struct scratch *s, uint64_t node, const struct inode *item);
/* LIMBO: an ordinary file with this text from now on. Without memory or room: it goes. */
void scratch_settle(struct scratch *s, uint64_t node, struct span text);

/* Lookups the kernel counts, and open handles. */
void scratch_known(struct scratch *s, uint64_t node);
void scratch_forget(struct scratch *s, uint64_t node, uint64_t lookups);
bool scratch_open(struct scratch *s, uint64_t node);
/* True: nobody has it open any more. */
bool scratch_close(struct scratch *s, uint64_t node);

int scratch_read(struct scratch *s, uint64_t node, uint64_t offset, size_t size, struct buf *ret,
                 struct err *e);
/* append: at its end, whatever offset says. */
int scratch_write(struct scratch *s, uint64_t node, uint64_t offset, bool append, struct span text,
                  struct err *e);
int scratch_truncate(struct scratch *s, uint64_t node, uint64_t size, struct err *e);

enum { SCRATCH_MODE = 1, SCRATCH_UID = 2, SCRATCH_GID = 4, SCRATCH_MTIME = 8 };
void scratch_set_attr(struct scratch *s, uint64_t node, unsigned mask,
                      const struct scratch_info *attr);

/* Nodes of a directory with a number above `after`, in order, PENDING ones not; fn returns false to
 * stop, and must not call back. */
void scratch_list(struct scratch *s, uint64_t dir, uint64_t after,
                  bool (*fn)(void *arg, const char *name, const struct scratch_info *info),
                  void *arg);

#endif
