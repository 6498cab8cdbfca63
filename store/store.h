/* The store: items, keys, references and versions, and every change of them as one transaction.
 *
 * The seam to fs/: nothing here knows of FUSE, and nothing in fs/ of SQL. A second engine has to
 * offer these functions.
 *
 * Threads: every function may be called from any thread, unless it says otherwise. Writes are put
 * into one queue and carried out on one writer connection; whoever finds the queue idle carries out
 * what waits, several in one commit, each inside a savepoint of its own. Reads use a pool of read
 * connections and never wait for a writer.
 *
 * Ids: an item id is (collection << 40) | number; numbers count over the whole store and are never
 * reused; they end at 38 bits. Only the number travels in inode numbers, together with version and shape index.
 *
 * Errors: err.h. ERR_IO and ERR_NO_SPACE leave the content as it was; after a sync that failed the
 * store is read-only (ERR_READ_ONLY) until it is opened again. So it is once damage was found or met: an
 * item that is damaged answers ERR_IO, the rest can be read. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "../schemas/catalog.h"
#include "../schemas/buf.h"
#include "../schemas/err.h"

#define ITEM_NUMBER_BITS 40
#define ITEM_NUMBER_MASK ((UINT64_C(1) << ITEM_NUMBER_BITS) - 1)
#define ITEM_NUMBERS_END (UINT64_C(1) << 38) /* no item has this number or a higher one */
#define ITEM_MAX_BYTES_DEFAULT (16u * 1024u * 1024u)

#define HISTORY_COUNT_DEFAULT 100u
#define HISTORY_AGE_DEFAULT_S (30 * 24 * 3600)
#define HISTORY_AGE_MAX_S     (INT64_C(200) * 366 * 24 * 3600)

struct store;

struct store_options {
    bool read_only;     /* nothing is written, not even by jobs */
    bool create;        /* make it when it is missing */
    bool sync;          /* every commit is durable against power loss */
    bool no_jobs;       /* an interrupted backfill is not resumed (fsck, export, check), or only
                         * by store_start_jobs */
    bool damaged_too;   /* for store_fsck alone: also one whose versions can't be compiled */
    size_t max_item_bytes; /* 0 = default */
    bool no_history;       /* no revisions are made, and none are removed (history.h) */
    unsigned history_count; /* what an item keeps of them; 0 = default */
    int64_t history_age_s;  /* and for how long; 0 = default; at most HISTORY_AGE_MAX_S */
    const char *vfs;    /* SQLite VFS for tests, NULL = default */
    unsigned wal_frames; /* for tests: after so many the log is copied into the file; 0 = default */
};

/* Opens STORE: a regular file with one link, opened NOFOLLOW, umask 077; the lock file beside it
 * (PATH-lock) is taken. Errors: ERR_BUSY naming the other process's pid; ERR_INVALID: a foreign, newer or
 * damaged file, which is left as it is; ERR_NOT_FOUND. */
int store_open(const char *path, const struct store_options *o, struct store **ret,
               struct err *e);
/* Resumes what was under way, on threads of its own. Once, on a store opened with no_jobs that is not
 * read-only; of a damaged one nothing is resumed. */
int store_start_jobs(struct store *s, struct err *e);
/* Why nothing can be written any more: one line, appended; nothing when it can. */
int store_trouble(struct store *s, struct buf *ret, struct err *e);
/* -1 with ERR_READ_ONLY and the reason. A store that was opened read_only is well. To refuse early what is
 * only begun: that the file is away may be known here 10 ms late, each write looks for itself. */
int store_may_write(struct store *s, struct err *e);
/* Waits for running calls, stops jobs at a batch's end, checkpoints, closes. NULL is fine. */
void store_close(struct store *s);

/* The present catalog, as a new reference (catalog_unref). */
struct catalog *store_catalog(struct store *s);

/* ---- Change notices ---- */

enum store_change_kind {
    STORE_CHANGE_ITEM,    /* content, time or mode of one item; in any version */
    STORE_CHANGE_ADDED,   /* an item has a new name: created, renamed to, or come into sight */
    STORE_CHANGE_REMOVED, /* a name is gone: removed, renamed from */
    STORE_CHANGE_MANY     /* more than can be listed: anything of any version may differ */
};
struct store_change {
    enum store_change_kind kind;
    uint64_t id;          /* item id with its collection; 0 for MANY */
    const char *key;      /* ADDED, REMOVED: NUL-terminated; borrowed for the call */
};
/* Called on the writing thread after the commit and before the writing call returns, no lock held.
 * One listener; set before the first write. */
typedef void (*store_change_fn)(void *arg, const struct store_change *changes, size_t n);
void store_on_change(struct store *s, store_change_fn fn, void *arg);
/* A backfill was given up: it is paused where it is, and says why. Called on its thread. Set before the jobs start. */
typedef void (*store_given_up_fn)(void *arg, const struct err *why);
void store_on_given_up(struct store *s, store_given_up_fn fn, void *arg);
/* Called on the thread of a call that is about to take long, no lock held: it waits for another write,
 * for the disk, or works through many items. Set before the first call. */
void store_on_wait(struct store *s, void (*fn)(void));

/* ---- Reading ----
 *
 * (v, s): a version and one of its item shapes, from the catalog `c` that the caller holds. number:
 * item number without its collection. */

struct item_stat {
    uint64_t number;
    uint64_t size_bytes;  /* of its text through v */
    int64_t mtime_ns;     /* since 1970 */
    int64_t btime_ns;     /* creation */
    bool has_mode, has_owner; /* kept for this version; else the mount's defaults */
    uint32_t mode, uid, gid;
};

/* The text is appended; either output may be NULL. ERR_NOT_FOUND when the item is gone or is not
 * of this shape. */
int store_read(struct store *st, const struct catalog *c, const struct version *v,
               const struct shape *s, uint64_t number, struct item_stat *ret_stat,
               struct buf *ret_text, struct err *e);
/* Likewise by key; ret_text may be NULL. ERR_EXISTS: another part of the same type has the key. */
int store_lookup(struct store *st, const struct catalog *c, const struct version *v,
                 const struct shape *s, struct span key, struct item_stat *ret,
                 struct buf *ret_text, struct err *e);
int store_key(struct store *st, const struct catalog *c, const struct version *v,
              const struct shape *s, uint64_t number, struct buf *ret_key, struct err *e);

/* An item as it is now, to be the base of a later store_put. Owned by the caller. ret_text: its text at the
 * same moment, appended; may be NULL. Who edits a text and puts it back needs both of one moment: a text
 * that is newer than the base puts back what another writer has changed since. */
struct store_base;
int store_base_get(struct store *st, const struct catalog *c, const struct version *v,
                   const struct shape *s, uint64_t number, struct store_base **ret,
                   struct buf *ret_text, struct err *e);
void store_base_free(struct store_base *b); /* NULL is fine */

/* Items of one shape in order of their number, after `after` (0 = from the start). For each:
 * fn(arg, key, stat, text); returns 0 to go on, 1 to stop. What is not asked for is empty:
 * without LIST_STAT only stat->number is set. No transaction stays open between two calls. */
enum { LIST_STAT = 1, LIST_TEXT = 2, LIST_LINES = 4 /* text is a line of JSON Lines */ };
typedef int (*store_list_fn)(void *arg, struct span key, const struct item_stat *stat,
                             struct span text);
int store_list(struct store *st, const struct catalog *c, const struct version *v,
               const struct shape *s, uint64_t after, unsigned flags, store_list_fn fn, void *arg,
               struct err *e);
/* Does the next call on this type derive it first, by a scan? */
bool store_derives_first(struct store *st, const struct version *v, const struct shape *s);
/* The kept number of items; -1 = not derived yet. */
int64_t store_count(struct store *st, const struct version *v, const struct shape *s);

/* ---- Writing: durable against a crash of the process when it returns ---- */

/* Checks a complete text without writing, as store_put would. base NULL: of a new item, which is to
 * be called `key`. */
int store_check_text(struct store *st, const struct catalog *c, const struct version *v,
                     const struct shape *s, const struct store_base *base, struct span key,
                     struct span text, struct err *e);

struct store_put {
    struct span key;               /* names the item when number == 0, or a new item */
    uint64_t number;               /* 0 = by key: created when missing */
    const struct store_base *base; /* as it was at open; NULL = nothing: all fields count */
    struct span text;
    bool exclusive;                /* ERR_EXISTS when the key is taken */
    bool strict;                   /* ERR_STALE when a field it changes was changed since base */
    bool replace;                  /* the item `number` may be missing: then it is made anew */
    int64_t mtime_ns;              /* 0 = now */
};
/* ret_stat may be NULL. ERR_STALE: v is not live any more. ERR_NOT_FOUND: number is gone.
 * ERR_EXISTS: a unique key. ERR_INVALID: what the text holds, a dangling reference included. */
int store_put(struct store *st, const struct version *v, const struct shape *s,
              const struct store_put *put, struct item_stat *ret_stat, struct err *e);
/* ERR_BUSY: a reference (on_delete: restrict) stands in the way, named. */
int store_delete(struct store *st, const struct version *v, const struct shape *s,
                 uint64_t number, struct err *e);
/* onto an existing item: that one is replaced (deleted) by this one, its referrers follow: they
 * refer to the item under that name afterwards. noreplace: ERR_EXISTS, which it is too when another
 * part has the key. to: s, or another part of the type that was split into both. */
int store_rename(struct store *st, const struct version *v, const struct shape *s,
                 const struct shape *to, uint64_t number, struct span new_key, bool noreplace,
                 struct err *e);
enum { ATTR_MODE = 1, ATTR_OWNER = 2, ATTR_MTIME = 4 };
#define STORE_STREAM UINT64_MAX /* in place of an item's number: the type's stream */
/* number 0: the type's directory; s NULL as well: the version's directory. A type's directory has
 * one time in all versions, until its names change. */
int store_set_attr(struct store *st, const struct version *v, const struct shape *s,
                   uint64_t number, unsigned mask, const struct item_stat *attr, struct err *e);
/* Mode, owner and time of a type's (s) or version's (s NULL) directory; has_* tell what is kept, a
 * time of 0 stands for that of the mount. */
int store_dir_attr(struct store *st, const struct version *v, const struct shape *s,
                   struct item_stat *ret, struct err *e);
/* Mode and owner of a type's stream. */
int store_stream_attr(struct store *st, const struct version *v, const struct shape *s,
                      struct item_stat *ret, struct err *e);
/* JSON Lines, complete lines only: creates or replaces items (all of a line's fields count, what
 * the version cannot see is kept), all or nothing. The error's line counts from 1 in `lines`. */
int store_append(struct store *st, const struct version *v, const struct shape *s,
                 struct span lines, size_t *ret_items, struct err *e);
/* Everything acknowledged so far survives power loss when it returns. */
int store_sync(struct store *st, struct err *e);

/* ---- Versions and jobs: store/verbs.h ---- */

#endif
