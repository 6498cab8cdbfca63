/* What the files behind the mount share: the mount itself, and how a request finds what it is about.
 *
 * Names are resolved in lookup alone; everything else starts from an inode number: at_open() turns it
 * into version, shape and item of the present catalog.
 *
 * Locks of fs/, in the order in which they may be taken; none is held across a reply, an invalidation
 * or a call into store/, but a handle's own, which serialises the requests of one open file:
 *   handle.lock    one open file's draft, cursor or text
 *   scratch.lock   nodes of scratch.h
 *   handles_lock   which files are open at all
 *   files.lock     who has which inode open
 *   recent.lock    texts that were made a moment ago
 *   notify's queue locks
 *
 * Threads: everything here may be used from any thread. */
#ifndef FS_FS_H
#define FS_FS_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <pthread.h>

#include "../store/store.h"
#include "control.h"
#include "files.h"
#include "hints.h"
#include "inode.h"
#include "notify.h"
#include "options.h"
#include "recent.h"
#include "scratch.h"
#include "usage.h"

#define NAME_BYTES_MAX 255
#define HISTORY_NAME   ".history" /* in each type's directory, and in no listing */
#define DRAFTS_MAX     4096u               /* open for writing at a time */
#define DRAFT_BYTES    (512u * 1024 * 1024) /* and what they may hold together */
#define FOREVER_S      1e9                 /* the kernel is told of every change */

struct handle;
struct special_text;
struct stream_map;

struct fs {
    struct store *store;
    struct control *control;
    struct fuse_session *session;
    struct notify *notify;
    struct scratch *scratch;
    struct files *files;
    struct hints hints;
    struct recent *recent;
    struct calls *calls;        /* control verbs under way */
    struct usage *usage;
    bool read_only, strict;
    unsigned sandbox;           /* SANDBOX_ bits: what of it this kernel has */
    uid_t owner;                /* who mounted: control/ is his */
    uid_t uid;                  /* defaults for what has no mode or owner of its own */
    gid_t gid;
    mode_t file_mode, dir_mode; /* permission bits */
    bool maker_owns;            /* what is made belongs to who makes it, not to uid */
    bool makers_group;          /* likewise, gid */
    mode_t made_mask;           /* permission bits that nothing is made with */
    size_t max_item_bytes;
    int64_t mounted_ns;
    int store_dir;              /* descriptor, for statfs */
    pthread_mutex_t handles_lock;
    struct handle *handles;     /* all that are open; guard: handles_lock */
    atomic_uint n_drafts;
    atomic_size_t draft_bytes;
    atomic_bool stopping;
    struct stream_map *streams; /* read-only mounts: where the items of a .jsonl stand, stream.c */
    struct special_text *fixed; /* read-only mounts: texts as they were at mounting, special.c */
};

/* ---- What an inode number stands for now ---- */

struct at {
    uint64_t ino;             /* as the kernel knows it */
    struct inode in;          /* what it is; of a published node, the item */
    struct catalog *cat;      /* a reference */
    const struct version *v;  /* VERSION, TYPE, STREAM, SCHEMA, ITEM; else NULL */
    const struct shape *s;    /* TYPE, STREAM, ITEM; else NULL */
};
#define AT_INIT {0}

/* ERR_STALE: its version is not live any more. ERR_NOT_FOUND: the number means nothing. */
int at_open(struct fs *fs, uint64_t ino, struct at *ret, struct err *e);
/* The same for an inode that was decoded before (handles). */
int at_open_inode(struct fs *fs, uint64_t ino, const struct inode *in, struct at *ret,
                  struct err *e);
void at_close(struct at *at);
/* ERR_NOT_FOUND of a call by number becomes ERR_STALE: the kernel knew the inode by a name that is
 * gone, or is another item's by now, and looks it up again when told so. -1. */
int inode_gone(struct err *e);
#define AT_CLEANUP __attribute__((cleanup(at_close)))

/* ---- Attributes (attr.c) ---- */

/* stat of anything; scratch nodes too. */
int at_stat(struct fs *fs, const struct at *at, struct stat *ret, struct err *e);
void item_stat_fill(const struct fs *fs, uint64_t ino, const struct item_stat *is,
                    struct stat *ret);
void scratch_stat_fill(const struct fs *fs, const struct scratch_info *info, struct stat *ret);
/* What the caller makes: whose it is, with which mode, when, and that the kernel is told of it. */
struct scratch_make scratch_made_by(fuse_req_t req, mode_t mode);
/* How long the kernel may keep them. */
double attr_timeout(const struct fs *fs, const struct at *at);
/* ERR_READ_ONLY when the store can't be written; ERR_ACCESS unless the caller has the w bit of the version's and the type's directory (root has). */
int dirs_writable(struct fs *fs, fuse_req_t req, const struct at *at, struct err *e);
/* What SETATTR and creation ask for, in the terms of store_set_attr. */
unsigned attr_wanted(const struct stat *attr, int to_set, struct item_stat *ret);

/* ---- Names (at.c) ---- */

enum name_class {
    NAME_ITEM,    /* KEY.json */
    NAME_SCRATCH, /* a dot file or without .json */
    NAME_BAD      /* KEY.json with a KEY that can't be one */
};
/* ret_key: without .json (ITEM and BAD). */
enum name_class name_classify(const char *name, struct span *ret_key);
/* -1 with the reason (ERR_INVALID, ERR_NAME_TOO_LONG) when it is no name for a new file. */
int name_check(const char *name, struct err *e);
#define PATH_SIZE 640
/* The path from the mountpoint, "v1/Dog/rex.json", for messages: what is known of it. */
void path_of(const struct at *dir, const char *name, char *ret, size_t size);
void path_of_at(struct fs *fs, const struct at *at, char *ret, size_t size);
/* Of an ITEM or a STREAM whose version is not served any more. */
void path_of_stale(struct fs *fs, const struct inode *in, char *ret, size_t size);

/* What a name in a type's directory stands for now. */
enum found {
    FOUND_NONE,
    FOUND_NODE, /* a scratch file, an item that is being made: node */
    FOUND_LIMBO,/* a scratch name for an item: node and number */
    FOUND_ITEM  /* number, stat */
};
struct found_name {
    enum found what;
    enum name_class class;
    struct span key;
    struct scratch_info node;
    uint64_t number;
    struct item_stat stat;   /* ITEM and LIMBO */
    uint64_t pending;        /* ITEM, made elsewhere since somebody began to make it here: that node */
    bool elsewhere;          /* NONE, but another part of the split type has the key */
    uint64_t hidden;         /* an item has this key, and is gone in this version only: its number */
};
/* ret_text: of an item; appended. May be NULL. */
int name_find(struct fs *fs, const struct at *dir, const char *name, struct found_name *ret,
              struct buf *ret_text, struct err *e);

/* ---- Texts (special.c) ---- */

/* The whole text of a file that is read without a handle of its own. */
int at_text(struct fs *fs, const struct at *at, struct buf *ret, struct err *e);
/* The exact size of a type's .jsonl, where nothing changes (read-only mounts), and a part of it
 * (stream.c). */
int stream_size(struct fs *fs, const struct at *at, uint64_t *ret, struct err *e);
int stream_read_at(struct fs *fs, const struct at *at, uint64_t offset, size_t size,
                   struct buf *ret, struct err *e);
void stream_free(struct fs *fs);
/* The live version whose file schemas/NAME is, or NULL. */
const struct version *schema_of_name(const struct catalog *cat, const char *name);
/* Texts of a read-only mount, fixed at mounting. */
int special_fix(struct fs *fs, struct err *e);
void special_free(struct fs *fs);
/* Keeps what a node in schemas/ holds, under its name, when that is a staged file's; and no more. */
int special_stage(struct fs *fs, uint64_t node, struct err *e);
int special_unstage(struct fs *fs, const char *name, struct err *e);
int special_load_staged(struct fs *fs, struct err *e);
/* schemas/NAME.EXT as staged, for struct control_env. */
int special_staged(void *arg, struct span name, const char *ext, struct buf *ret, struct err *e);
int special_staged_names(void *arg, struct buf *ret, struct err *e);
void special_versions_changed(void *arg);
unsigned special_drafts(void *arg);

/* The operations (ops.c). */
extern const struct fuse_lowlevel_ops fs_ops;

#endif
