/* Open files. fi->fh is a struct handle; each kind of it embeds one and brings a row of operations.
 *
 * Every operation answers its request. One that is missing: read and write EBADF, flush 0, fsync syncs
 * the store.
 *
 * Threads: handle.lock guards what a kind adds. refs: the kernel holds one until RELEASE. */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include <pthread.h>

#include "draft.h"
#include "fs.h"

struct handle;

struct handle_ops {
    void (*read)(fuse_req_t req, struct handle *h, size_t size, off_t offset,
                 const struct fuse_file_info *fi);
    void (*write)(fuse_req_t req, struct handle *h, struct span bytes, off_t offset,
                  const struct fuse_file_info *fi);
    void (*flush)(fuse_req_t req, struct handle *h, const struct fuse_file_info *fi);
    void (*fsync)(fuse_req_t req, struct handle *h);
    /* The last of it: what is still to do, without an answer. */
    void (*release)(struct handle *h);
    /* Frees what the kind added. */
    void (*free)(struct handle *h);
};

struct handle {
    const struct handle_ops *ops;
    struct fs *fs;
    uint64_t ino;         /* under which the kernel opened it */
    atomic_uint refs;
    pthread_mutex_t lock;
    struct handle *next, *prev; /* of all; guard: fs->handles_lock */
};

/* size: of the whole struct, of which a struct handle is the first member; zeroed. */
void *handle_new(struct fs *fs, const struct handle_ops *ops, uint64_t ino, size_t size,
                 struct err *e);
void handle_unref(struct handle *h); /* NULL is fine */
void handle_release(struct handle *h);
/* At the very end: what the kernel will not release any more. */
void handles_free_all(struct fs *fs);

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
    return fi ? (struct handle *)(uintptr_t)fi->fh : NULL;
}
/* Answers an open; the handle is released when the answer is not wanted any more. */
void handle_reply_open(fuse_req_t req, struct handle *h, struct fuse_file_info *fi);
/* Likewise a create. node: a scratch node whose number the entry carries, or 0. */
void handle_reply_create(fuse_req_t req, struct handle *h, const struct fuse_entry_param *entry,
                         uint64_t node, struct fuse_file_info *fi);
static inline bool is_read_open(const struct fuse_file_info *fi)
{
    return (fi->flags & O_ACCMODE) == O_RDONLY;
}

/* Answers a read from a whole text. */
void reply_part(fuse_req_t req, struct span text, size_t size, off_t offset);

/* ---- The kinds ---- */

/* A text taken at opening (snapshots, README, control files, schemas); owns the text's bytes. */
int text_open(fuse_req_t req, const struct at *at, struct buf *text, struct fuse_file_info *fi,
              struct err *e);
/* Control files: write is a verb. */
int control_open(fuse_req_t req, const struct at *at, struct fuse_file_info *fi, struct err *e);
/* Scratch files and staged ones. */
int scratch_handle_open(fuse_req_t req, const struct at *at, struct fuse_file_info *fi,
                        struct err *e);
int scratch_handle_create(fuse_req_t req, const struct at *dir, const char *name, mode_t mode,
                          struct fuse_file_info *fi, struct err *e);
/* Streams (.jsonl): cursors and appenders. */
int stream_open(fuse_req_t req, const struct at *at, struct fuse_file_info *fi, struct err *e);

/* ---- Who opened a file ---- */

struct opener {
    pid_t pid;            /* the thread that opened it */
    uint64_t owner;       /* the process's lock owner, once a write told it */
    bool owner_known;
};
/* True when a flush comes from the process that opened the file. */
bool opener_is(const struct opener *o, fuse_req_t req, const struct fuse_file_info *fi);
/* Called at every write. */
void opener_learn(struct opener *o, fuse_req_t req, const struct fuse_file_info *fi);

/* ---- Writers: drafts of items (writer.c, publish.c) ---- */

struct writer {
    struct handle h;
    struct opening opening;
    struct opener opener;
    struct draft draft;
    struct inode item;    /* its number is 0 until the item exists */
    uint64_t node;        /* the PENDING node it was created as, or 0 */
    uint64_t updates;     /* the item in limbo that the new text will update, or 0 */
    struct store_base *base;
    struct buf before;    /* the item's text in base, until the draft has taken it over */
    const struct shape *shape; /* during a write */
    bool rebase;          /* published: the next write starts from the item as it is then */
    bool exclusive, append, sync;
    bool settled;         /* names changed here, too: the answer waits for them */
    bool kept;            /* what was refused stands beside the item */
    int64_t mtime_ns;     /* asked for before the text is published; 0 = not */
    size_t counted_bytes; /* of fs->draft_bytes */
};

/* Of an existing item; at: ITEM. */
int writer_open(fuse_req_t req, const struct at *at, struct fuse_file_info *fi, struct err *e);
/* Of an item that is being made by somebody: at: SCRATCH, info: PENDING. */
int writer_open_pending(fuse_req_t req, const struct at *at, const struct scratch_info *info,
                        struct fuse_file_info *fi, struct err *e);
/* A new item; hidden: the number of the item in limbo that has this key, or 0. */
int writer_create(fuse_req_t req, const struct at *dir, const char *name, uint64_t hidden,
                  mode_t mode, struct fuse_file_info *fi, struct err *e);
/* The draft that this request's thread opened last on the inode, or NULL; a reference. */
struct writer *writer_of_caller(fuse_req_t req, uint64_t ino);
bool is_writer(const struct handle *h);
size_t writer_size(struct writer *w);
int writer_truncate(fuse_req_t req, struct writer *w, uint64_t size, struct err *e);
/* True: the time is taken on by the next publication. */
bool writer_takes_mtime(struct writer *w, int64_t mtime_ns);

/* publish.c. The writer's lock is held; at: of w->item. */
int writer_publish(struct writer *w, const struct at *at, struct err *e);
/* True: the name it was made for was deleted meanwhile, nobody waits for the text. Learns the item's
 * number when another writer of the same new name came first. */
bool writer_forgot(struct writer *w);
/* A refusal: into control/errors, and what had arrived beside the item. Once. */
void writer_note_refusal(struct writer *w, const struct at *at, const struct err *e);
/* The name it has, "rex.json". */
bool writer_name(struct writer *w, const struct at *at, struct buf *ret);

/* A scratch file becomes an item: publishes `text` under `key` (number: of the item it replaces, or
 * 0). Says what the store answers in ret. Used by rename. */
struct publication {
    struct span key, text;
    uint64_t number;
    bool exclusive;
    int64_t mtime_ns;
    const struct scratch_info *node; /* mode and owner */
};
int publish_text(struct fs *fs, const struct at *dir, const struct publication *p,
                 struct item_stat *ret, struct err *e);
/* The item in limbo in this directory has been made again: its scratch name keeps the old text. */
int limbo_text(struct fs *fs, const struct at *dir, uint64_t number, struct buf *ret,
               struct err *e);
void limbo_settle(struct fs *fs, const struct at *dir, uint64_t number, struct span old_text);
/* Mode and owner as created, where they are not the mount's defaults. */
void keep_created_attr(struct fs *fs, const struct at *at, uint64_t number,
                       const struct scratch_info *node, bool everywhere);
/* Kept beside an item: NAME.rejected. */
void rejected_keep(struct fs *fs, const struct at *dir, const char *name, struct span text,
                   const struct stat *like);
/* True: it was there, and its name is gone. */
bool rejected_drop(struct fs *fs, const struct at *dir, const char *name);

#endif
