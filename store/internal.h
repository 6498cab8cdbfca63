/* What the files of store/ share: connections, the write queue, transactions, items in them.
 *
 * One connection writes (and checkpoints); it belongs to whoever leads the write queue. Reading
 * connections come from a pool and belong to one call at a time. Both are a struct conn: the
 * database, its prepared statements, and what translation needs (environment, lens, world).
 *
 * Locks, none of them held while another is taken, and none while a listener is called [I10]:
 *   queue.lock   the queue of waiting writes and who leads it
 *   pool.lock    free reading connections, calls in progress
 *   state.lock   the present catalog, counts, which links are derived
 *   missing.lock the names that are known to be missing (missing.c)
 * What the leader of the queue alone touches needs no lock: leadership passes under queue.lock. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>

#include "../schemas/value.h"
#include "conn.h"

#define READERS_KEPT   8     /* idle reading connections that stay open */
#define WAL_CHECKPOINT 4000  /* frames after which the writer checkpoints; */
#define WAL_SHORT      1000  /* where the disk has less room than */
#define ROOM_SHORT     (UINT64_C(64) << 20) /* bytes */
#define WAL_RESTART    16384 /* frames after which it also waits for readers to start anew */
#define CHANGES_MAX    1024  /* of one call; more become STORE_CHANGE_MANY */
/* All of SQLite's memory in this process, caches included: more is ERR_NO_MEMORY for who asks. A
 * query that one instruction takes past its own limit (query.h) ends here. */
#define SQLITE_HEAP_LIMIT (1024 * 1024 * 1024)
#define HOLDERS_MAX    64    /* items listed in a notice because they show the changed one */

static inline uint32_t id_coll(uint64_t id)
{
    return (uint32_t)(id >> ITEM_NUMBER_BITS);
}
static inline uint64_t id_number(uint64_t id)
{
    return id & ITEM_NUMBER_MASK;
}
static inline uint64_t id_make(uint32_t coll, uint64_t number)
{
    return ((uint64_t)coll << ITEM_NUMBER_BITS) | number;
}

/* ---- Damage (damage.c) ---- */

/* Decodes a stored record: damage is an error that names the item, and is looked into when the call
 * ends (damage_met). */
int item_decode(struct conn *c, uint64_t id, struct span body, struct record *rec, struct err *e);
int item_damaged(struct conn *c, uint64_t id, const char *how, struct err *e); /* -1 */
/* At the end of a call, outside of any transaction: if the connection has met damage that is there,
 * the store is read-only from then on. */
void damage_met(struct store *s, struct conn *c);
void damage_set(struct store *s, const char *why); /* one line; the first one stays */
bool damage_is_known(const struct store *s);
void damage_know_file(struct store *s); /* once, when the writer has opened it */
/* Its path does not lead to the file that was opened: moved, replaced, deleted. */
bool damage_file_is_away(struct store *s);
/* store_may_write, with a look at the file in any case: -1 with *e. */
int damage_keeps_from_writing(struct store *s, struct err *e);
/* fsck.c: what can be told at opening within a few reads; sets damage when it finds something. */
int fsck_glance(struct store *s, struct conn *c, struct err *e);

/* ---- The store ---- */

struct count {
    uint32_t coll;
    int64_t n;
    int64_t mtime_ns; /* of its directory; 0 = as old as the mount */
    bool given;       /* mtime_ns stands in meta: a user's, or that of the last closing */
};

struct write_op;
struct missing;

struct store {
    char *path, *lock_path;
    char *vfs;      /* NULL = default */
    int lock_fd;    /* -1 = none (read-only directory) */
    bool immutable; /* opened in a directory that can't be written */
    bool read_only; /* asked for */
    bool sync;      /* every commit is durable */
    size_t max_item_bytes;
    atomic_bool failed;        /* a sync failed: nothing is written until the next open */
    atomic_bool damaged;       /* likewise; damage says why */
    char damage[400];          /* guard: state.lock; stays once set */
    dev_t file_device;         /* the file that path named when the writer opened it */
    ino_t file_number;         /* 0 = not known (another VFS's) */
    _Atomic int64_t file_seen_ns; /* steady; when it was last found in its place, 0 = it was not */
    bool bare;                 /* opened damaged_too: without its versions, or tables */
    atomic_bool has_attrs;     /* some item has a mode or owner of its own */
    atomic_bool has_dir_attrs; /* some directory or stream has */
    store_change_fn on_change; /* guard: state.lock */
    void *on_change_arg;
    store_given_up_fn on_given_up; /* set before there are jobs */
    void *on_given_up_arg;
    void (*_Atomic on_wait)(void); /* jobs may wait since store_open */

    struct {
        pthread_mutex_t lock;
        struct write_op *head, *tail; /* waiting; guard: lock */
        bool busy;                    /* somebody leads; guard: lock */
    } queue;

    /* The leader's own. */
    struct conn *writer;
    struct log_writes *log_writes;      /* between it and the log; may be NULL */
    bool full_now;                      /* synchronous=FULL is set */
    bool unsynced;                      /* something was committed that no sync followed */
    int wal_frames;                     /* after the last commit */
    int wal_checkpointed;               /* frames at the last checkpoint */
    int wal_checkpoint;                 /* frames between two */
    int wal_looked;                     /* frames when the disk's room was last looked at */
    uint64_t next_item, reserved_items; /* numbers below reserved_items need no write */
    struct unique_plan *uniques;        /* unique.c; of catalog epoch uniques_epoch */
    uint64_t uniques_epoch;

    struct {
        pthread_mutex_t lock;
        pthread_cond_t idle; /* calls == 0 */
        struct conn *free;   /* guard: lock, as all here */
        size_t n_free, calls;
    } pool;

    struct {
        pthread_mutex_t lock;
        struct catalog *cat;  /* guard: lock; a reference */
        struct count *counts; /* by collection; guard: lock */
        size_t n_counts;
        uint32_t *underived; /* step ids of extract links not derived yet; guard: lock */
        size_t n_underived;
        struct catalog *past; /* of the last revision that needed one: history_read.c */
        size_t past_revived;  /* versions in it that are gone now */
    } state;
    struct missing *missing;   /* missing.c's; may be NULL */
    atomic_size_t n_underived; /* the same number, to be asked without the lock */
    _Atomic uint64_t epoch;    /* state.cat's, likewise */

    struct {
        unsigned count;              /* revisions that an item keeps; 0 = none are made */
        int64_t age_ns;              /* and for how long */
        uint64_t next_revision;      /* the leader's */
        int64_t last_ns;             /* the leader's: the last stamp */
        _Atomic int64_t changed_ns;  /* store_history_changed_ns */
        atomic_size_t fresh;         /* made since they were trimmed */
        struct trim *trim;           /* history_trim.c's */
    } history;

    struct jobs *jobs; /* backfill.c's */
    struct sweep *sweep; /* sweep.c's; verbs take turns in starting it */
};

/* backfill.c: called at the end of store_open (not when read_only or no_jobs) and at the start of
 * store_close; `stop` waits for the job's thread. s->jobs may be NULL in stop. */
int store_jobs_start(struct store *s, struct err *e);
void store_jobs_stop(struct store *s);

/* sweep.c: removes the items that no version shows any more, on a thread of its own; called at the
 * end of store_open and after a finalize. */
int sweep_start(struct store *s, struct err *e);
void sweep_stop(struct store *s);

/* ---- Writing: the queue (queue.c, tx.c) ---- */

enum {
    TX_DURABLE = 1,      /* synchronous=FULL */
    TX_ALONE = 2,        /* a transaction of its own: verbs, jobs, what takes long */
    TX_READ_ONLY_TOO = 4, /* allowed on a store opened read_only: deriving changes no text */
    TX_DAMAGED_TOO = 8    /* allowed on a damaged store */
};
#define TX_ROLLBACK 1 /* a tx_fn returns this: undo everything, but it is no error (dry runs) */

/* Work inside the one write transaction: 0, TX_ROLLBACK, or -1 with *e. Runs on the caller's
 * thread or another writer's; must not call store_write or anything that does (all of store.h's
 * writing functions). Its effects are all undone unless it returns 0. */
typedef int (*tx_fn)(struct store_tx *tx, void *arg, struct err *e);
/* Carries fn out, in a commit with others that wait (each in a savepoint). When it returns 0 the
 * work is committed and the listener has been told. Returns 0, TX_ROLLBACK, or -1. */
int store_write(struct store *s, unsigned flags, tx_fn fn, void *arg, struct err *e);

/* What else goes on on the caller's thread can't wait for what follows (store_on_wait). */
void store_will_wait(struct store *s);
/* checkpoint.c: by the leader, after the callers of a commit were answered. */
void checkpoint_if_due(struct store *s);

struct change_list {
    struct store_change *list; /* keys owned */
    size_t n, cap;
    bool many; /* STORE_CHANGE_MANY after the list */
};

/* Names that were given, for missing.c: their hashes. */
struct name_list {
    uint64_t *hashes;
    size_t n, cap;
    bool many; /* and others that are not in it */
};

struct origin_use {
    uint32_t step;
    uint64_t id; /* the record of these values */
    struct buf values;
};

/* A link whose records are being made: an item on the way may ask for one of them, and finds what is
 * there by then. */
struct derive_scan {
    uint32_t step;
    const struct derive_scan *outer;
};

struct store_tx {
    struct store *store;
    struct conn *c;          /* the writer; c->world.tx == this */
    struct catalog *cat;     /* as it is within this transaction (borrowed or new_cat) */
    struct catalog *new_cat; /* set by tx_set_catalog: owned */
    int64_t now_ns;
    struct change_list changes; /* of the present operation */
    struct name_list names;     /* given by all operations, also by one that was undone */
    struct count *counts;       /* what collections gained or lost, by the present operation */
    size_t n_counts;
    uint32_t *derived; /* links that it derived */
    size_t n_derived;
    /* derive.c: the origins asked for while the present item was brought up to date */
    struct tally *tally; /* derive_scan.c: holders of origins not written yet */
    struct origin_use *uses;
    size_t n_uses;
    unsigned depth;     /* > 0: making a record for another item */
    bool fresh;         /* the record being made is new: its values are present ones */
    unsigned assigning; /* items written through others, nested */
    bool deriving;      /* inside the scan of derive_link_tx: nothing is noted */
    const struct derive_scan *scans; /* in progress, the innermost first */
    bool quiet;         /* inside derive_moves_tx: likewise */
    unsigned rewriting; /* > 0: records are brought up to date, no text changes */
    struct restored *restored; /* restore.c's; NULL: the present write has taken nothing back */
    bool sweeping;      /* sweep.c: what goes is no deletion that anybody asked for */
    int64_t stamp;      /* of the present operation in history; 0 = none yet */
    int changes_before; /* sqlite3_total_changes at the start */
};

/* The catalog from here on in this transaction; becomes the store's when it commits. The reference
 * passes to the transaction. Only with TX_ALONE. */
int tx_set_catalog(struct store_tx *tx, struct catalog *cat, struct err *e);
uint64_t tx_new_number(struct store_tx *tx);
/* Adds to a list of sums. mtime_ns: 0 = the names change now. */
int tx_counts_add(struct count **counts, size_t *n, uint32_t coll, int64_t delta, int64_t mtime_ns,
                  struct err *e);
/* delta is 0 for a rename: the directory's time is that of the last change of its names. */
int tx_count(struct store_tx *tx, uint32_t coll, int64_t delta, struct err *e);
/* Gives the directory a time, which stands until its names change. */
int tx_names_mtime(struct store_tx *tx, uint32_t coll, int64_t mtime_ns, struct err *e);
void tx_note(struct store_tx *tx, enum store_change_kind kind, uint64_t id, struct span key);
void tx_note_many(struct store_tx *tx); /* verbs: everything may differ */
void change_list_reset(struct change_list *l);

/* ---- Items (item.c, attr.c, commit.c, rename.c, delete.c) ---- */

struct item_row {
    uint64_t id;
    int64_t mtime_ns, btime_ns;
    struct buf key, body; /* owned copies */
    struct record rec;    /* decoded, borrows body */
};
void item_row_free(struct item_row *row);
/* An item as it was when it was opened. */
struct store_base {
    struct item_row row; /* as stored */
    struct buf bytes;
    struct record seen; /* lens_snapshot, over bytes */
};
#define ITEM_ROW_CLEANUP __attribute__((cleanup(item_row_free)))
/* A walk by number goes on from *after to `id`. ERR_IO where that is no step forward: a damaged tree can lead
 * in a circle. */
int item_follows(uint64_t id, uint64_t *after, struct err *e);
/* *ret_found = false: no such item. row's buffers are reused. */
int item_row_get(struct conn *c, uint64_t id, struct item_row *row, bool *ret_found, struct err *e);
/* space: a name space (shape_space). */
int item_row_find(struct conn *c, uint32_t space, struct span key, struct item_row *row,
                  bool *ret_found, struct err *e);
int item_find_id(struct conn *c, uint32_t space, struct span key, uint64_t *ret_id, bool *ret_found,
                 struct err *e);
/* By number, by the key that the type shows: only items that the type shows. ERR_EXISTS: another part
 * of the same type has the key. */
int item_shown_id(struct conn *c, const struct shape *s, uint64_t number, uint64_t *ret_id,
                  bool *ret_found, struct err *e);
int item_shown_row(struct conn *c, const struct shape *s, uint64_t number, struct item_row *row,
                   bool *ret_found, struct err *e);
int item_shown_find(struct conn *c, const struct shape *s, struct span key, struct item_row *row,
                    bool *ret_found, struct err *e);
int item_too_big(const struct store *s, struct err *e);
int item_exists(struct conn *c, uint64_t id, bool *ret, struct err *e);
/* Runs a statement whose one parameter is an item's id. */
int tx_run_id(struct store_tx *tx, enum stmt stmt, uint64_t id, struct err *e);
/* Forgets the modes and owners of an item. */
int item_forget_attr(struct store_tx *tx, uint64_t id, struct err *e);
/* Runs fn on a reader, for what v shows of s; when it finds that a type has to be derived first,
 * derives and repeats. */
typedef int (*reading_fn)(struct conn *c, void *arg, struct err *e);
int with_reader(struct store *st, const struct catalog *c, const struct version *v,
                const struct shape *s, reading_fn fn, void *arg, struct err *e);
/* Mode and owner (kept for version v; number 0: of directories) into *ret; untouched when none. */
int item_attr(struct conn *c, const struct version *v, const struct shape *s, uint64_t number,
              struct item_stat *ret, struct err *e);

/* Each is one whole operation within a transaction: what hangs on it (names, references, unique
 * keys, counts, made records, notices) follows. They use tx->c->lens and reset it. */
int item_put(struct store_tx *tx, const struct version *v, const struct shape *s,
             const struct store_put *put, bool line, struct item_stat *ret_stat, struct err *e);
int item_delete(struct store_tx *tx, uint64_t id, struct err *e);
int item_rename(struct store_tx *tx, const struct version *v, const struct shape *s,
                const struct shape *to, uint64_t number, struct span new_key, bool noreplace,
                struct err *e);
/* Another item takes its key in a merged type: its keys are computed anew. */
int item_yield(struct store_tx *tx, uint64_t id, struct err *e);
/* Stores the record brought up to step `upto` (backfill); no notice: no text changes. row: as it
 * is now in this transaction. */
int item_materialize(struct store_tx *tx, const struct item_row *row, uint32_t upto,
                     bool *ret_changed, struct err *e);
/* move_field, inline_type: world.assign of lens.h (assign.c). */
int item_assign(struct store_tx *tx, const struct link *l, uint64_t id, struct span holder_key,
                const struct span *values, bool only_unset, uint64_t *ret_id, struct err *e);

/* ---- What a write in a row takes back (restore.c) ---- */

struct id_list;
/* world.restore of lens.h. */
int item_restore(struct store_tx *tx, uint64_t id, const struct record *rec, bool *ret_is,
                 struct err *e);
/* An item of the collection that was taken back and is to be made anew, the last one; *ret_id = 0: none. */
uint64_t item_spare(struct store_tx *tx, uint32_t coll);
/* What lost a reference: released now, or at the end of a write that takes something back. */
int item_release(struct store_tx *tx, const struct id_list *lost, struct err *e);
/* A write of an item ends with rc, which is returned: what it took back and did not make anew goes, and what
 * nothing refers to any more. */
int item_restored(struct store_tx *tx, int rc, struct err *e);

/* JSON Lines, complete lines; as store_append. first_line: the number of the first one, for
 * messages. */
int item_append(struct store_tx *tx, const struct version *v, const struct shape *s,
                struct span lines, unsigned first_line, size_t *ret_items, struct err *e);

/* Below item_put & co.: replaces the stored record of an existing item (old: as it is; its times
 * stay, but for mtime_ns when > 0; its own key, unless rec holds another one in SLOT_KEY) and lets
 * names, references, unique keys, extracted values and
 * counts of origins follow. No notice. */
int item_store(struct store_tx *tx, const struct item_row *old, const struct record *rec,
               int64_t mtime_ns, struct err *e);
/* A new item; its number comes from tx_new_number. btime = mtime. key: its own, unless rec holds
 * another one in SLOT_KEY. */
int item_insert(struct store_tx *tx, uint64_t id, struct span key, const struct record *rec,
                int64_t mtime_ns, struct err *e);
/* Removes the rows of an item that nothing refers to any more. Notes REMOVED. */
int item_remove(struct store_tx *tx, const struct item_row *row, struct err *e);
/* A lens of one's own over the same world, for use while another call of a lens is in progress. */
void tx_sub_lens(struct store_tx *tx, struct lens *ret);

/* ---- Names (names.c) ---- */

/* An item's own key and its record, which holds the keys that steps gave it; key.p == NULL: there is
 * no item (any more). */
struct named {
    struct span key;
    const struct record *rec;
};
/* Brings table name in line with the item's keys. Notes ADDED and REMOVED. */
int names_follow(struct store_tx *tx, uint64_t id, struct named old, struct named now,
                 struct err *e);
/* The item as it stands in the tables, about to become `now`; old: as the caller read it. Its names may have been
 * derived since. When it gets another key, what refers to it by this one is stored first, and that may have
 * brought the item itself up to date. hold: the caller's room. */
int names_before(struct store_tx *tx, const struct item_row *old, struct named now,
                 struct item_row *hold, struct named *ret, struct err *e);
/* The key that stands in a slot (SLOT_KEY: the own key that translation gave the item), appended to
 * out; p == NULL: none. */
int names_key(const struct record *rec, slot_no slot, struct buf *out, struct span *ret,
              struct err *e);
/* The set of the part in which the record is, or 0; that of items that don't fit their part, or 0. */
uint32_t names_set(const struct naming *n, const struct record *rec);
uint32_t names_misfit(const struct naming *n, const struct record *rec);
/* Is the number of a part's items known? Any thread. */
bool names_are_derived(struct store *s, const struct shape *shape);
/* The next naming by which v finds items of coll and whose rows are not all there, or NULL. */
const struct naming *names_underived(struct store *s, const struct store_tx *tx,
                                     const struct catalog *c, const struct version *v,
                                     uint32_t coll);
/* The naming whose keys a type shows; NULL: their own. */
const struct naming *names_of_shape(const struct catalog *c, const struct shape *s);
/* ---- History (history.c, history_read.c, history_trim.c) ---- */

int history_load(struct store *s, struct conn *c, struct err *e); /* at opening */
void history_committed(struct store *s); /* something was written */
/* An operation on one item begins: what is kept until the next one has one time. */
void history_begin(struct store_tx *tx);
int64_t history_stamp(struct store_tx *tx); /* that time, nanoseconds; larger than any before */
/* The item as it is in the tables is about to be replaced by other content / to be removed. */
int history_keep(struct store_tx *tx, const struct item_row *row, struct err *e);
int history_keep_gone(struct store_tx *tx, const struct item_row *row, struct err *e);
/* A version goes: revisions from before are read as if it were still there. */
int history_note_finalized(struct store_tx *tx, uint32_t version, struct err *e);
/* What a revision says through v, appended. On a connection that is at work already. */
int history_text(struct conn *c, const struct version *v, const struct shape *s, uint64_t revision,
                 struct buf *text, struct err *e);
/* The key under which a deleted item was last found in s; appended. */
int history_last_key(struct conn *c, const struct shape *s, uint64_t id, struct buf *ret,
                     bool *ret_found, struct err *e);
/* Removes one revision of an item, and what hangs on the last one of a deleted item. */
int history_forget(struct store_tx *tx, uint64_t revision, uint64_t id, struct err *e);
/* The next item that has revisions, its id over `after` and up to `upto`. */
int history_next_id(struct conn *c, uint64_t after, uint64_t upto, uint64_t *ret, bool *ret_found,
                    struct err *e);
/* The thread that removes what the rule does not keep; called at the end of store_open and at the
 * start of store_close. */
int trim_start(struct store *s, struct err *e);
void trim_stop(struct store *s);

/* ---- References (refs.c) ---- */

/* Brings ref in line with what the records hold; either may be NULL. What is not referred to any
 * more goes to ret_lost, for refs_release once the record itself is stored. */
struct id_list {
    uint64_t *ids;
    size_t n, cap;
};
#define ID_LIST_CLEANUP __attribute__((cleanup(id_list_free)))
void id_list_free(struct id_list *l);
int id_list_add(struct id_list *l, uint64_t id, struct err *e);
bool id_list_has(const struct id_list *l, uint64_t id);
int refs_follow(struct store_tx *tx, uint64_t holder, const struct record *old,
                const struct record *now, struct id_list *ret_lost, struct err *e);
int refs_release_all(struct store_tx *tx, const struct id_list *l, struct err *e);
/* All that referred to `from` refers to `to`. */
int refs_redirect(struct store_tx *tx, uint64_t from, uint64_t to, struct err *e);
/* What refers to an item: holders and slots, in step; at most max. slot == SLOT_NONE: all. */
int refs_of(struct store_tx *tx, uint64_t target, slot_no slot, size_t max,
            struct id_list *ret_holders, struct id_list *ret_slots, struct err *e);
/* Deletes the item if it was made by extraction alone and nothing refers to it any more. */
int refs_release(struct store_tx *tx, uint64_t id, struct err *e);
int refs_count(struct conn *c, uint64_t target, uint64_t *ret, struct err *e);

/* ---- Where else an item shows (show.c) ---- */

/* After an item's change was stored: items from before an extract_type that show its fields by the
 * values they hold get real references; it and the items that show it are noted. */
int item_note(struct store_tx *tx, uint64_t id, const struct lens_change *change, struct err *e);
/* Its key changed: all that refer to it are noted. */
int show_note_referrers(struct store_tx *tx, uint64_t id, struct err *e);
/* Gives items that refer to it by the values they hold real references. */
int show_settle(struct store_tx *tx, uint64_t id, struct err *e);

/* ---- Unique sets (unique.c) ---- */

/* Enforces every unique set of live versions over this item. ERR_EXISTS. */
int unique_follow(struct store_tx *tx, uint64_t id, struct span key, const struct record *rec,
                  struct err *e);
int unique_forget(struct store_tx *tx, uint64_t id, struct err *e);
/* Fills the index of a set that is new on existing data, by one scan: ERR_EXISTS names the
 * duplicates. v: a version of tx->cat that has the set. interrupted: as in verbs.h, may be NULL. */
int unique_build(struct store_tx *tx, const struct version *v, const struct shape *s,
                 const struct unique_set *set, bool (*interrupted)(void *arg), void *arg,
                 struct err *e);
/* Would the item have, as rec says, what no other has? */
int unique_is_free(struct store_tx *tx, uint64_t id, struct span key, const struct record *rec,
                   bool *ret, struct err *e);
/* Removes a set's index. */
int unique_drop(struct store_tx *tx, const struct unique_set *set, struct err *e);
/* The number a set has in table uniq. */
uint64_t unique_key(const struct unique_set *set);
void unique_plan_free(struct unique_plan *p);

/* ---- Derived types (derive.c) ---- */

/* Derives what a call on collection `coll` needs (from a thread that is not writing): the first
 * listing or lookup of a type that extract_type makes. Costs one atomic load when all is derived.
 */
int derive_for_coll(struct store *s, uint32_t coll, struct err *e);
/* Likewise for what v shows of the collection: also fields that move_field put into it. */
int derive_for_view(struct store *s, const struct version *v, uint32_t coll, struct err *e);
/* In a transaction, also for what v writes into it. */
int derive_view_tx(struct store_tx *tx, const struct version *v, uint32_t coll, struct err *e);
/* Does a call on the collection through v derive something first? Any thread. */
bool derive_waits(struct store *s, const struct version *v, uint32_t coll);
/* After a read was given up with world.needs_derive. */
int derive_for_read(struct store *s, uint32_t step, struct err *e);
/* Within a transaction. */
int derive_coll_tx(struct store_tx *tx, uint32_t coll, struct err *e);
int derive_link_tx(struct store_tx *tx, const struct link *l, struct err *e);
/* Before a key of the collection's items changes: records are called by the keys in their values. */
int derive_quoting_tx(struct store_tx *tx, uint32_t coll, struct err *e);
int derive_names_tx(struct store_tx *tx, const struct naming *n, struct err *e);
int derive_mark(struct store_tx *tx, uint32_t step, struct err *e); /* a step is derived */
/* Is every record of the collection in the tables? Against the present catalog; any thread. */
bool coll_is_derived(struct store *s, uint32_t coll);
/* The extract link that makes a collection's records, or NULL. */
const struct link *derive_link_of(const struct catalog *c, uint32_t coll);
bool derive_is_done(struct store *s, const struct store_tx *tx, uint32_t step); /* tx may be NULL */
/* values -> record, for lens_world (see lens.h). */
int derive_origin_of(struct conn *c, const struct link *l, const struct link_values *values,
                     uint64_t *ret_id, struct buf *ret_key, struct err *e);
int derive_extract(struct store_tx *tx, const struct link *l, const struct link_values *values,
                   bool origin, uint64_t *ret_id, struct err *e);
/* A record of some extracted type was written: extracted follows. */
int derive_follow(struct store_tx *tx, uint64_t id, struct span key, const struct record *rec,
                  struct err *e);
/* A record was written: so does extracted for the records that show it (derive_chain.c). */
int derive_follow_chains(struct store_tx *tx, uint64_t id, struct err *e);
/* It was written through the new side by a user, so it stays even when nothing refers to it. */
int derive_keep(struct store_tx *tx, uint64_t id, struct err *e);
int derive_forget(struct store_tx *tx, uint64_t id, struct err *e); /* the item is removed */
/* Begin / end of bringing one item up to date: origins that were used count one holder less. */
void derive_uses_begin(struct store_tx *tx);
/* Puts the present item's state aside, to work on another item meanwhile ({0} begins anew), and
 * back. Before swapping back, what was begun in between is freed (derive_uses_begin, tx->uses). */
struct origin_uses {
    struct origin_use *uses;
    size_t n_uses;
    unsigned depth;
    bool fresh;
};
void derive_uses_swap(struct store_tx *tx, struct origin_uses *aside);
int derive_uses_apply(struct store_tx *tx, struct id_list *ret_lost, struct err *e);
/* For work in the middle of that on another item, of which nobody is told, as no text that anybody has
 * read changes by it. */
struct derive_aside {
    struct origin_uses uses;
    bool was_quiet;
};
struct derive_aside derive_put_aside(struct store_tx *tx);
void derive_take_up(struct store_tx *tx, struct derive_aside *a);
/* Calls fn for each item of the collection, which it may write. */
typedef int (*derive_item_fn)(struct store_tx *tx, uint64_t id, const void *arg, struct err *e);
int derive_each(struct store_tx *tx, uint32_t coll, derive_item_fn fn, const void *arg,
                struct err *e);
/* Stores the item brought up to step `upto` if it is from before `step`. */
int derive_bring(struct store_tx *tx, uint32_t step, uint32_t upto, uint64_t id, struct err *e);
bool derive_in_progress(const struct store_tx *tx, uint32_t step);
/* derive_given.c: before an item of the collection is made, gets another key or is removed: references
 * that formulas give by keys are stored. Costs nothing where there is no such formula, or it was done. */
int derive_given_tx(struct store_tx *tx, uint32_t coll, struct err *e);
/* The same for all collections whose items the type shows. */
int derive_given_of_shape(struct store_tx *tx, const struct shape *s, struct err *e);
/* Before an item is removed: formulas of what refers to it may give further references to it. */
int derive_given_to(struct store_tx *tx, uint64_t id, struct err *e);
/* derive_past.c: before an item gets another key, goes, or changes what shows in others (derive_past_sees):
 * what is read over it only because of a step that finalize took is stored as it is. */
int derive_past_to(struct store_tx *tx, uint64_t id, struct err *e);
bool derive_past_sees(const struct catalog *c, uint64_t id, const struct record *old,
                      const struct record *now);
/* Before all but `oldest` and what descends from it goes: what records that were edited give items which hold other
 * values is stored in them. Costs a scan only then. */
int derive_past_finalize(struct store_tx *tx, const struct version *oldest, struct err *e);
/* Brings items from before the step that refer to `target` up to date, so that table ref has them;
 * all of them, or the first one found. */
int derive_settle(struct store_tx *tx, const struct link *l, uint64_t target, bool first_only,
                  struct err *e);
/* STMT_EXTRACTED_INSERT, _DELETE, STMT_ORIGIN_INSERT, STMT_ORIGIN_ADD (id: how many). */
int derive_write(struct store_tx *tx, enum stmt stmt, uint32_t step, struct span vals, int64_t id,
                 struct err *e);
/* n more (fewer) items hold these values from before the step: written at the operation's end. */
int derive_tally(struct store_tx *tx, uint32_t step, struct span vals, int64_t n, struct err *e);
int derive_tally_write(struct store_tx *tx, struct err *e);
void derive_tally_free(struct store_tx *tx);
/* How many items from before a step refer to the record by the values they hold. */
int derive_origin_holders(struct conn *c, uint64_t id, int64_t *ret, struct err *e);
/* Which links of a catalog are not derived: step ids, malloc'ed. */
int derive_list(struct conn *c, const struct catalog *cat, uint32_t **ret, size_t *ret_n,
                struct err *e);
/* The values as the tables extracted and origin hold them. */
bool values_encode(const struct span *values, size_t n, struct buf *out);

/* ---- The persisted catalog (catalog_db.c) ---- */

/* Compiles every version of the store in order. */
int catalog_load(struct store *s, struct conn *c, struct catalog **ret, struct err *e);
/* One without versions, of the numbers that meta has, in place of one that can't be loaded. */
int catalog_bare(struct conn *c, struct catalog **ret, struct err *e);
/* Rows of table version. counters: at its adding. Number and state as in the catalog. */
int version_row_insert(struct store_tx *tx, const struct version *v,
                       const struct schema_counters *counters, struct err *e);
int version_row_state(struct store_tx *tx, uint32_t number, enum version_state state,
                      struct err *e);
int version_row_added(struct conn *c, uint32_t number, int64_t *ret_ns, struct err *e);
/* Numbers and one-line texts by name. *ret untouched when there is none. Names: tables.h. */
int meta_get(struct conn *c, const char *name, int64_t *ret, struct err *e);
int meta_set(struct store_tx *tx, const char *name, int64_t value, struct err *e);
/* One of META_MTIME, META_GONE, META_TEXT, META_NUMBERS with its number, in ret. */
#define META_NUMBERED_SIZE 32
const char *meta_numbered(const char *prefix, uint32_t number, char ret[META_NUMBERED_SIZE]);
/* meta_set for default and the counters of tx->cat. */
int catalog_save(struct store_tx *tx, struct err *e);


#endif
