/* Open scratch files: the kernel caches them like any file, so mmap works. Staged ones are put into
 * the store when they are closed. */
#include "handle.h"
#include "reply.h"

struct scratch_handle {
    struct handle h;
    uint64_t node;
    atomic_bool dirty;
};

static void scratch_do_read(fuse_req_t req, struct handle *h, size_t size, off_t offset,
                            const struct fuse_file_info *fi)
{
    struct buf part BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    (void)fi;
    if (scratch_read(h->fs->scratch, ((struct scratch_handle *)h)->node, (uint64_t)offset, size,
                     &part, &e) < 0)
        reply_error(req, &e);
    else
        fuse_reply_buf(req, part.p, part.n);
}

static void refuse_node(fuse_req_t req, const struct scratch_handle *sh, const struct err *e)
{
    struct at at = {.in = {.kind = INODE_SCRATCH, .number = sh->node}};

    refuse_at(req, &at, e);
}

/* The kernel knows the size, and says where an append goes. */
static void scratch_do_write(fuse_req_t req, struct handle *h, struct span bytes, off_t offset,
                             const struct fuse_file_info *fi)
{
    struct scratch_handle *sh = (struct scratch_handle *)h;
    struct err e = ERR_INIT;

    (void)fi;
    atomic_store(&sh->dirty, true);
    if (scratch_write(h->fs->scratch, sh->node, (uint64_t)offset, false, bytes, &e) < 0)
        refuse_node(req, sh, &e);
    else
        fuse_reply_write(req, bytes.n);
}

static int save(struct handle *h, struct err *e)
{
    struct scratch_handle *sh = (struct scratch_handle *)h;

    if (!atomic_exchange(&sh->dirty, false))
        return 0;
    return special_stage(h->fs, sh->node, e);
}

static void scratch_flush(fuse_req_t req, struct handle *h, const struct fuse_file_info *fi)
{
    struct err e = ERR_INIT;

    (void)fi;
    if (save(h, &e) < 0)
        refuse_node(req, (struct scratch_handle *)h, &e);
    else
        reply_done(req, 0, &e);
}

static void scratch_fsync(fuse_req_t req, struct handle *h)
{
    struct err e = ERR_INIT;

    if (save(h, &e) < 0 || store_sync(h->fs->store, &e) < 0)
        refuse_node(req, (struct scratch_handle *)h, &e);
    else
        reply_done(req, 0, &e);
}

static void scratch_release(struct handle *h)
{
    struct err e = ERR_INIT;

    if (save(h, &e) < 0)
        log_line("a staged file is not kept: %s", e.text);
    scratch_close(h->fs->scratch, ((struct scratch_handle *)h)->node);
}

static const struct handle_ops scratch_ops = {
    .read = scratch_do_read,
    .write = scratch_do_write,
    .flush = scratch_flush,
    .fsync = scratch_fsync,
    .release = scratch_release,
};

static struct scratch_handle *open_node(struct fs *fs, uint64_t node, struct fuse_file_info *fi,
                                        struct err *e)
{
    struct scratch_handle *sh = handle_new(fs, &scratch_ops, inode_scratch(node), sizeof(*sh), e);

    if (!sh)
        return NULL;
    sh->node = node;
    fi->keep_cache = 1;
    fi->noflush = is_read_open(fi);
    return sh;
}

int scratch_handle_open(fuse_req_t req, const struct at *at, struct fuse_file_info *fi,
                        struct err *e)
{
    struct fs *fs = fs_of(req);
    struct scratch_handle *sh;

    if (!scratch_open(fs->scratch, at->in.number))
        return err_set(e, ERR_NOT_FOUND, "it is gone");
    sh = open_node(fs, at->in.number, fi, e);
    if (!sh) {
        scratch_close(fs->scratch, at->in.number);
        return -1;
    }
    handle_reply_open(req, &sh->h, fi);
    return 0;
}

int scratch_handle_create(fuse_req_t req, const struct at *dir, const char *name, mode_t mode,
                          struct fuse_file_info *fi, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct scratch_make make = scratch_made_by(req, mode);
    struct fuse_entry_param entry = {.entry_timeout = FOREVER_S};
    struct scratch_handle *sh;
    struct scratch_info info;

    make.dir = dir->ino;
    make.name = name;
    make.kind = SCRATCH_FILE;
    if (scratch_make(fs->scratch, &make, &info, e) < 0)
        return -1;
    sh = open_node(fs, info.node, fi, e);
    if (!sh) {
        scratch_close(fs->scratch, info.node);
        scratch_forget(fs->scratch, info.node, 1);
        scratch_unlink(fs->scratch, info.node);
        return -1;
    }
    /* An empty staged file is one too. */
    atomic_store(&sh->dirty, dir->in.kind == INODE_SCHEMAS);
    entry.ino = inode_scratch(info.node);
    scratch_stat_fill(fs, &info, &entry.attr);
    handle_reply_create(req, &sh->h, &entry, info.node, fi);
    return 0;
}
