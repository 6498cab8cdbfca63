/* unlink, rename, and the ones that are never allowed.
 *
 * What a rename does depends on what the source is and what the new name is for:
 *
 *   source            to KEY.json                     to a scratch name
 *   item              renamed (store_rename)          limbo: hidden here until made again
 *   scratch file      published                       renamed
 *   limbo             back, or the item is renamed    renamed
 *   pending           will be made under that name    EBUSY
 */
#include <errno.h>
#include <stdio.h>

#include "handle.h"
#include "ops.h"
#include "reply.h"

static void reply_name(fuse_req_t req, const struct at *dir, const char *name, int r,
                       const struct err *e)
{
    if (r < 0)
        refuse_name(req, dir, name, e);
    else
        reply_done(req, 0, e);
}

/* ---- unlink ---- */

/* What refers to an item shows its key; what referred to a deleted one may change or go with it. */
static int delete_item(struct fs *fs, const struct at *dir, uint64_t number, struct err *e)
{
    int r;

    files_begin_wide(fs->files);
    r = store_delete(fs->store, dir->v, dir->s, number, e);
    files_end_wide(fs->files);
    return r;
}

/* One that is being made may have become an item since its name was looked up: its writer has
 * published it, and is about to say so here. */
static int unlink_node(struct fs *fs, const struct at *dir, const struct found_name *f,
                       struct err *e)
{
    struct err gone = ERR_INIT;
    struct item_stat st;

    scratch_unlink(fs->scratch, f->node.node);
    if (f->node.kind != SCRATCH_PENDING ||
        store_lookup(fs->store, dir->cat, dir->v, dir->s, f->key, &st, NULL, &gone) < 0 ||
        scratch_hides(fs->scratch, dir->ino, st.number))
        return 0;
    return delete_item(fs, dir, st.number, e) < 0 && e->code != ERR_NOT_FOUND ? -1 : 0;
}

static int unlink_found(struct fs *fs, const struct at *dir, const struct found_name *f,
                        struct err *e)
{
    switch (f->what) {
    case FOUND_NODE:
        return unlink_node(fs, dir, f, e);
    case FOUND_LIMBO:
        if (delete_item(fs, dir, f->number, e) < 0)
            return -1;
        scratch_unlink(fs->scratch, f->node.node);
        return 0;
    case FOUND_ITEM:
        if (delete_item(fs, dir, f->number, e) < 0)
            return -1;
        if (f->pending)
            scratch_unlink(fs->scratch, f->pending);
        return 0;
    case FOUND_NONE:
        break;
    }
    return err_set(e, ERR_NOT_FOUND, "no such file");
}

static int unlink_in_type(fuse_req_t req, const struct at *dir, const char *name, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct found_name f;

    if (dirs_writable(fs, req, dir, e) < 0 || name_find(fs, dir, name, &f, NULL, e) < 0)
        return -1;
    if (unlink_found(fs, dir, &f, e) < 0)
        return -1;
    if (f.what != FOUND_NODE)
        usage_wrote(fs->usage, dir->v->number, 1);
    return 0;
}

static int unlink_in_schemas(fuse_req_t req, const struct at *dir, const char *name, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct scratch_info info;

    if (schema_of_name(dir->cat, name))
        return err_set(e, ERR_PERM, "\"%s\" is live", name);
    if (!scratch_find(fs->scratch, dir->ino, name, &info))
        return err_set(e, ERR_NOT_FOUND, "no such file");
    if (special_unstage(fs, name, e) < 0)
        return -1;
    scratch_unlink(fs->scratch, info.node);
    return 0;
}

static int never(struct err *e)
{
    return err_set(e, ERR_PERM, "it can't be removed or renamed");
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct at dir AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    int r = at_open(fs_of(req), parent, &dir, &e);

    if (r == 0 && dir.in.kind == INODE_TYPE)
        r = unlink_in_type(req, &dir, name, &e);
    else if (r == 0 && dir.in.kind == INODE_SCHEMAS)
        r = unlink_in_schemas(req, &dir, name, &e);
    else if (r == 0)
        r = never(&e);
    reply_name(req, &dir, name, r, &e);
}

/* ---- rename ---- */

struct move {
    struct fs *fs;
    const struct at *dir;          /* of the new name */
    const struct shape *from_type; /* dir's, or another part of the type that both are parts of */
    const char *name, *new_name;
    struct found_name from, to;
    bool noreplace;
};

/* The scratch name of an item goes with what it stood for. */
static int drop_limbo(struct move *m, const struct found_name *f, struct err *e)
{
    if (f->what != FOUND_LIMBO)
        return 0;
    return delete_item(m->fs, m->dir, f->number, e);
}

static int move_node(struct move *m, struct err *e)
{
    uint64_t replaced;

    if (drop_limbo(m, &m->to, e) < 0)
        return -1;
    return scratch_rename(m->fs->scratch, m->from.node.node, m->new_name, &replaced, e);
}

/* An item that is hidden here had this key: its scratch name keeps its text as an ordinary file. */
static int with_hidden_settled(struct move *m, int (*fn)(struct move *m, struct err *e),
                               struct err *e)
{
    struct buf old BUF_CLEANUP = BUF_INIT;

    if (m->to.hidden && limbo_text(m->fs, m->dir, m->to.hidden, &old, e) < 0)
        return -1;
    if (fn(m, e) < 0)
        return -1;
    if (m->to.hidden)
        limbo_settle(m->fs, m->dir, m->to.hidden, buf_span(&old));
    return 0;
}

static void drop_pending_target(struct move *m)
{
    if (m->to.what == FOUND_NODE)
        scratch_unlink(m->fs->scratch, m->to.node.node);
    else if (m->to.pending)
        scratch_unlink(m->fs->scratch, m->to.pending);
}

static int rename_in_store(struct move *m, struct err *e)
{
    int r;

    files_begin_wide(m->fs->files);
    r = store_rename(m->fs->store, m->dir->v, m->from_type, m->dir->s, m->from.number,
                     m->to.key, m->noreplace, e);
    files_end_wide(m->fs->files);
    if (r < 0)
        return -1;
    usage_wrote(m->fs->usage, m->dir->v->number, 1);
    drop_pending_target(m);
    return 0;
}

/* Who is making a file of the old name makes one of the new name. */
static int item_to_item(struct move *m, struct err *e)
{
    uint64_t replaced;

    if (with_hidden_settled(m, rename_in_store, e) < 0)
        return -1;
    return m->from.pending
               ? scratch_rename(m->fs->scratch, m->from.pending, m->new_name, &replaced, e)
               : 0;
}

/* Mode and owner are for the backup that the name may become. */
static int item_to_scratch(struct move *m, struct err *e)
{
    struct scratch_make make = {.dir = m->dir->ino,
                                .name = m->new_name,
                                .kind = SCRATCH_LIMBO,
                                .item = m->from.number,
                                .mtime_ns = m->from.stat.mtime_ns};
    struct scratch_info info;
    struct stat st;

    item_stat_fill(m->fs, m->dir->ino, &m->from.stat, &st);
    make.mode = st.st_mode & 07777;
    make.uid = st.st_uid;
    make.gid = st.st_gid;
    if (drop_limbo(m, &m->to, e) < 0)
        return -1;
    drop_pending_target(m);
    if (m->to.what == FOUND_LIMBO)
        scratch_unlink(m->fs->scratch, m->to.node.node);
    return scratch_make(m->fs->scratch, &make, &info, e);
}

static int publish_node(struct move *m, struct err *e)
{
    const struct scratch_info *node = &m->from.node;
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct item_stat is;
    struct publication p = {
        .key = m->to.key,
        .number = m->to.what == FOUND_ITEM ? m->to.number : m->to.hidden,
        .exclusive = m->noreplace,
        .mtime_ns = node->mtime_ns,
        .node = node,
    };

    if (scratch_read(m->fs->scratch, node->node, 0, SIZE_MAX, &text, e) < 0)
        return -1;
    if (text.n == 0)
        return err_set(e, ERR_INVALID, "an empty file does not become an item");
    if (text.n > m->fs->max_item_bytes)
        return err_set(e, ERR_TOO_BIG, "an item has at most %zu bytes", m->fs->max_item_bytes);
    p.text = buf_span(&text);
    if (publish_text(m->fs, m->dir, &p, &is, e) < 0) {
        if (e->line && !e->excerpt[0])
            err_excerpt(e, text.p, text.n);
        return -1;
    }
    drop_pending_target(m);
    scratch_publish(m->fs->scratch, node->node,
                    &(struct inode){INODE_ITEM, m->dir->in.version, m->dir->in.type, is.number});
    notify_inode(m->fs->notify, inode_scratch(node->node));
    notify_name(m->fs->notify, m->dir->ino, m->new_name);
    rejected_drop(m->fs, m->dir, m->new_name);
    return 0;
}

static int file_to_item(struct move *m, struct err *e)
{
    return with_hidden_settled(m, publish_node, e);
}

static int limbo_to_item(struct move *m, struct err *e)
{
    /* Back under its own name: nothing has happened. */
    if (m->to.hidden != m->from.number && with_hidden_settled(m, rename_in_store, e) < 0)
        return -1;
    drop_pending_target(m);
    scratch_unlink(m->fs->scratch, m->from.node.node);
    notify_name(m->fs->notify, m->dir->ino, m->new_name);
    return 0;
}

static int pending_to_scratch(struct move *m, struct err *e)
{
    return err_set(e, ERR_BUSY, "\"%s\" is not written yet", m->name);
}

/* By what the source is; [0] to KEY.json, [1] to a scratch name. */
static int (*const node_moves[][2])(struct move *m, struct err *e) = {
    [SCRATCH_FILE] = {file_to_item, move_node},
    [SCRATCH_PENDING] = {move_node, pending_to_scratch},
    [SCRATCH_LIMBO] = {limbo_to_item, move_node},
};

static int move(struct move *m, struct err *e)
{
    bool scratch = m->to.class == NAME_SCRATCH;

    if (m->from.what == FOUND_NONE)
        return err_set(e, ERR_NOT_FOUND, "no such file");
    if (m->noreplace && m->to.what != FOUND_NONE)
        return err_set(e, ERR_EXISTS, "\"%s\" exists", m->new_name);
    if (m->from.pending && scratch)
        return pending_to_scratch(m, e);
    if (m->from.what == FOUND_ITEM)
        return scratch ? item_to_scratch(m, e) : item_to_item(m, e);
    return node_moves[m->from.node.kind][scratch](m, e);
}

static int rename_in_type(fuse_req_t req, const struct at *dir, const char *name,
                          const char *new_name, bool noreplace, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct move m = {
        .fs = fs, .dir = dir, .from_type = dir->s, .name = name, .new_name = new_name,
        .noreplace = noreplace};

    if (strcmp(name, HISTORY_NAME) == 0 || strcmp(new_name, HISTORY_NAME) == 0)
        return never(e);
    if (dirs_writable(fs, req, dir, e) < 0 || name_check(new_name, e) < 0 ||
        name_find(fs, dir, name, &m.from, NULL, e) < 0 ||
        name_find(fs, dir, new_name, &m.to, NULL, e) < 0)
        return -1;
    if (strcmp(name, new_name) == 0)
        return m.from.what == FOUND_NONE ? err_set(e, ERR_NOT_FOUND, "no such file") : 0;
    return move(&m, e);
}

/* Two parts of one type, in one version: items go from one to the other by a rename. */
static bool are_parts(const struct at *a, const struct at *b)
{
    return a->in.kind == INODE_TYPE && b->in.kind == INODE_TYPE && a->v == b->v && a->s->part &&
           a->s->part == b->s->part;
}

static int rename_across(fuse_req_t req, const struct at *dir, const char *name,
                         const struct at *new_dir, const char *new_name, bool noreplace,
                         struct err *e)
{
    struct fs *fs = fs_of(req);
    struct move m = {.fs = fs, .dir = new_dir, .from_type = dir->s, .name = name,
                     .new_name = new_name, .noreplace = noreplace};

    if (dirs_writable(fs, req, dir, e) < 0 || dirs_writable(fs, req, new_dir, e) < 0 ||
        name_check(new_name, e) < 0 || name_find(fs, dir, name, &m.from, NULL, e) < 0 ||
        name_find(fs, new_dir, new_name, &m.to, NULL, e) < 0)
        return -1;
    if (m.from.what == FOUND_NONE)
        return err_set(e, ERR_NOT_FOUND, "no such file");
    if (m.from.what != FOUND_ITEM || m.to.class == NAME_SCRATCH)
        return err_set(e, ERR_PERM, "only items go from one part to another");
    if (m.from.pending)
        return err_set(e, ERR_BUSY, "\"%s\" is being written", name);
    if (noreplace && m.to.what != FOUND_NONE)
        return err_set(e, ERR_EXISTS, "\"%s\" exists", new_name);
    return item_to_item(&m, e);
}

static int rename_in_schemas(fuse_req_t req, const struct at *dir, const char *name,
                             const char *new_name, bool noreplace, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct scratch_info from, to;
    uint64_t replaced;

    if (schema_of_name(dir->cat, name) || schema_of_name(dir->cat, new_name))
        return err_set(e, ERR_PERM, "a live schema does not change");
    if (!scratch_find(fs->scratch, dir->ino, name, &from))
        return err_set(e, ERR_NOT_FOUND, "no such file");
    if (noreplace && scratch_find(fs->scratch, dir->ino, new_name, &to))
        return err_set(e, ERR_EXISTS, "\"%s\" exists", new_name);
    if (strlen(new_name) > NAME_BYTES_MAX)
        return err_set(e, ERR_NAME_TOO_LONG, "a name has at most %d bytes", NAME_BYTES_MAX);
    if (special_unstage(fs, name, e) < 0 ||
        scratch_rename(fs->scratch, from.node, new_name, &replaced, e) < 0)
        return -1;
    return special_stage(fs, from.node, e);
}

static int rename_here(fuse_req_t req, const struct at *dir, const char *name, const char *new_name,
                       bool noreplace, struct err *e)
{
    return dir->in.kind == INODE_TYPE ? rename_in_type(req, dir, name, new_name, noreplace, e)
                                      : rename_in_schemas(req, dir, name, new_name, noreplace, e);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags)
{
    struct at dir AT_CLEANUP = AT_INIT, new_dir AT_CLEANUP = AT_INIT;
    const char *refused = name;
    struct err e = ERR_INIT;
    int r = at_open(fs_of(req), parent, &dir, &e);

    if (r == 0 && parent != new_parent)
        r = at_open(fs_of(req), new_parent, &new_dir, &e);
    if (r == 0 && flags & ~(unsigned)RENAME_NOREPLACE)
        r = err_set(&e, ERR_INVALID, "only a plain rename, and one that replaces nothing");
    else if (r == 0 && parent != new_parent && are_parts(&dir, &new_dir))
        r = rename_across(req, &dir, name, &new_dir, new_name, flags & RENAME_NOREPLACE, &e);
    else if (r == 0 && parent != new_parent)
        r = err_set(&e, ERR_PERM, "nothing moves to another type or version: copy it");
    else if (r == 0 && dir.in.kind != INODE_TYPE && dir.in.kind != INODE_SCHEMAS)
        r = never(&e);
    else if (r == 0) {
        refused = new_name;
        r = rename_here(req, &dir, name, new_name, flags & RENAME_NOREPLACE, &e);
    }
    reply_name(req, &dir, refused, r, &e);
}

/* ---- Never ---- */

/* Names with a dot are tried by editors, which know what else to do (emacs then makes its locks as
 * plain files): nothing to tell a person. */
static void refuse_new(fuse_req_t req, fuse_ino_t parent, const char *name, const char *why)
{
    struct at dir AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;

    if (at_open(fs_of(req), parent, &dir, &e) == 0)
        err_set(&e, ERR_PERM, "%s", why);
    if (name[0] == '.')
        reply_error(req, &e);
    else
        refuse_name(req, &dir, name, &e);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target;
    refuse_new(req, parent, name, "no links are made here");
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
    (void)mode;
    (void)dev;
    refuse_new(req, parent, name, "no pipes, sockets and devices are made here");
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)mode;
    refuse_new(req, parent, name, "a directory is a version or a type, which a schema makes");
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    refuse_new(req, parent, name, "a version ends by revert or finalize, a type by remove_type");
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
    (void)ino;
    refuse_new(req, new_parent, new_name, "no links are made here");
}
