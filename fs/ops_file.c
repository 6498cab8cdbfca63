/* open, create and what goes to the open file: handle.h has the kinds. */
#include <errno.h>
#include <fcntl.h>

#include "handle.h"
#include "ops.h"
#include "reply.h"

/* ---- Cached readers of items ---- */

struct reader {
    struct handle h;
    struct opening opening;
};

/* As LOOKUP made it, or from the store. */
static int item_text(struct fs *fs, const struct at *at, off_t offset, struct buf *ret,
                     struct err *e)
{
    if (offset == 0)
        usage_read(fs->usage, at->in.version);
    if (offset == 0 &&
        recent_take(fs->recent, at->ino, notify_mark(fs->notify, at->s), ret))
        return 0;
    hints_read(fs, inode_type(at->in.version, at->in.type), at->in.number);
    return at_text(fs, at, ret, e);
}

static void reply_text(fuse_req_t req, uint64_t ino, size_t size, off_t offset)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct at at AT_CLEANUP = AT_INIT;
    struct fs *fs = fs_of(req);
    struct err e = ERR_INIT;
    int r = at_open(fs, ino, &at, &e);

    if (r == 0 && at.in.kind == INODE_STREAM) {
        r = stream_read_at(fs, &at, (uint64_t)offset, size, &text, &e);
        offset = 0;
    } else if (r == 0 && at.in.kind == INODE_ITEM) {
        r = item_text(fs, &at, offset, &text, &e);
    } else if (r == 0) {
        r = at_text(fs, &at, &text, &e);
    }
    if (r < 0)
        reply_error(req, &e);
    else
        reply_part(req, buf_span(&text), size, offset);
}

static void reader_read(fuse_req_t req, struct handle *h, size_t size, off_t offset,
                        const struct fuse_file_info *fi)
{
    (void)fi;
    reply_text(req, h->ino, size, offset);
}

static void reader_release(struct handle *h)
{
    files_close(h->fs->files, &((struct reader *)h)->opening);
}

static const struct handle_ops reader_ops = {.read = reader_read, .release = reader_release};

static int open_snapshot(fuse_req_t req, const struct at *at, struct fuse_file_info *fi,
                         struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;

    if (at_text(fs_of(req), at, &text, e) < 0)
        return -1;
    if (at->in.kind == INODE_ITEM)
        usage_read(fs_of(req)->usage, at->in.version);
    return text_open(req, at, &text, fi, e);
}

static int open_reader(fuse_req_t req, const struct at *at, struct fuse_file_info *fi,
                       struct err *e)
{
    struct fs *fs = fs_of(req);
    struct reader *r;

    /* The inode of a name that was just published: the item's own comes with the next lookup. */
    if (at->ino != inode_encode(&at->in))
        return open_snapshot(req, at, fi, e);
    r = handle_new(fs, &reader_ops, at->ino, sizeof(*r), e);
    if (!r)
        return -1;
    r->opening = (struct opening){.ino = at->ino, .pid = fuse_req_ctx(req)->pid};
    if (!files_open_reader(fs->files, &r->opening)) {
        handle_unref(&r->h);
        return open_snapshot(req, at, fi, e);
    }
    hints_opened(fs, inode_type(at->in.version, at->in.type), at->in.number);
    fi->keep_cache = notify_keep_pages(fs->notify, at->ino);
    fi->noflush = 1;
    handle_reply_open(req, &r->h, fi);
    return 0;
}

/* ---- open, by kind ---- */

static int open_item(fuse_req_t req, const struct at *at, struct fuse_file_info *fi, struct err *e)
{
    int r = is_read_open(fi) ? open_reader(req, at, fi, e) : writer_open(req, at, fi, e);

    return r < 0 ? inode_gone(e) : r;
}

static int open_text(fuse_req_t req, const struct at *at, struct fuse_file_info *fi, struct err *e)
{
    if (!is_read_open(fi))
        return err_set(e, ERR_PERM, "%s",
                       at->in.kind == INODE_SCHEMA
                           ? "a live schema does not change: stage the next version's"
                           : "it is only read");
    return open_snapshot(req, at, fi, e);
}

static int open_scratch(fuse_req_t req, const struct at *at, struct fuse_file_info *fi,
                        struct err *e)
{
    struct scratch_info info;

    if (!scratch_get(fs_of(req)->scratch, at->in.number, &info))
        return err_set(e, ERR_STALE, "it is gone");
    if (info.kind != SCRATCH_PENDING)
        return scratch_handle_open(req, at, fi, e);
    if (is_read_open(fi))
        return err_set(e, ERR_NOT_FOUND, "it is not written yet");
    return writer_open_pending(req, at, &info, fi, e);
}

typedef int (*open_fn)(fuse_req_t req, const struct at *at, struct fuse_file_info *fi,
                       struct err *e);

static const open_fn opens[INODE_KINDS] = {
    [INODE_README] = open_text,     [INODE_SCHEMA] = open_text,
    [INODE_STREAM] = stream_open,   [INODE_CONTROL_FILE] = control_open,
    [INODE_SCRATCH] = open_scratch, [INODE_ITEM] = open_item,
    [INODE_REVISION] = open_text,
};

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct fs *fs = fs_of(req);
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    int r = 0;

    /* Answered so once, the kernel opens files by itself: nothing changes under such a mount. */
    if (fs->read_only) {
        fuse_reply_err(req, ENOSYS);
        return;
    }
    if (at_open(fs, ino, &at, &e) < 0)
        r = inode_gone(&e);
    else if (opens[at.in.kind])
        r = opens[at.in.kind](req, &at, fi, &e);
    else
        fuse_reply_err(req, EISDIR);
    if (r < 0)
        refuse_at(req, &at, &e);
}

/* ---- create ---- */

/* The kernel did not know the name, so it has come up since: it looks again when told ESTALE. */
static int came_up(const struct fuse_file_info *fi, const char *name, struct err *e)
{
    if (fi->flags & O_EXCL)
        return err_set(e, ERR_EXISTS, "\"%s\" exists", name);
    return err_set(e, ERR_STALE, "\"%s\" exists", name);
}

/* The number of an item in limbo that has this key, or 0. The kernel has just looked the name up,
 * so the store is asked only when there is anything in limbo, or another part may have the key. */
static int find_hidden(struct fs *fs, const struct at *dir, const char *name, uint64_t *ret,
                       struct err *e)
{
    struct found_name f;

    *ret = 0;
    if (!scratch_has_limbo(fs->scratch) && !dir->s->part)
        return 0;
    if (name_find(fs, dir, name, &f, NULL, e) < 0)
        return -1;
    if (f.elsewhere)
        return err_set(e, ERR_EXISTS, "another part has the key of \"%s\"", name);
    *ret = f.hidden;
    return 0;
}

static int create_in_type(fuse_req_t req, const struct at *dir, const char *name, mode_t mode,
                          struct fuse_file_info *fi, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct scratch_info info;
    struct span key;
    uint64_t hidden;

    if (name_check(name, e) < 0 || dirs_writable(fs, req, dir, e) < 0)
        return -1;
    notify_seen(fs->notify, dir->in.version, dir->in.type);
    if (scratch_find(fs->scratch, dir->ino, name, &info))
        return came_up(fi, name, e);
    if (name_classify(name, &key) == NAME_SCRATCH)
        return scratch_handle_create(req, dir, name, mode, fi, e);
    if (find_hidden(fs, dir, name, &hidden, e) < 0)
        return -1;
    return writer_create(req, dir, name, hidden, mode, fi, e);
}

static int create_in_schemas(fuse_req_t req, const struct at *dir, const char *name, mode_t mode,
                             struct fuse_file_info *fi, struct err *e)
{
    struct scratch_info info;

    if (strlen(name) > NAME_BYTES_MAX)
        return err_set(e, ERR_NAME_TOO_LONG, "a name has at most %d bytes", NAME_BYTES_MAX);
    if (schema_of_name(dir->cat, name))
        return err_set(e, ERR_PERM, "\"%s\" is live and does not change", name);
    if (scratch_find(fs_of(req)->scratch, dir->ino, name, &info))
        return came_up(fi, name, e);
    return scratch_handle_create(req, dir, name, mode, fi, e);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi)
{
    struct at dir AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    int r = at_open(fs_of(req), parent, &dir, &e);

    if (r == 0 && dir.in.kind == INODE_TYPE)
        r = create_in_type(req, &dir, name, mode, fi, &e);
    else if (r == 0 && dir.in.kind == INODE_SCHEMAS)
        r = create_in_schemas(req, &dir, name, mode, fi, &e);
    else if (r == 0)
        r = err_set(&e, ERR_PERM, "no file can be made here");
    if (r == 0)
        return;
    /* That the name came up meanwhile is the kernel's business. */
    if (e.code == ERR_EXISTS)
        reply_error(req, &e);
    else
        refuse_name(req, &dir, name, &e);
}

/* ---- To the open file ----
 *
 * As soon as a request is answered, its file may be released on another thread: each of these holds
 * a reference of its own until it is done. */

static struct handle *hold(struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);

    if (h)
        atomic_fetch_add(&h->refs, 1);
    return h;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct handle *h = hold(fi);

    if (!h)
        reply_text(req, ino, size, offset);
    else if (h->ops->read)
        h->ops->read(req, h, size, offset, fi);
    else
        fuse_reply_err(req, EBADF);
    handle_unref(h);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
              struct fuse_file_info *fi)
{
    struct handle *h = hold(fi);

    (void)ino;
    if (h && h->ops->write)
        h->ops->write(req, h, (struct span){bytes, size}, offset, fi);
    else
        fuse_reply_err(req, EBADF);
    handle_unref(h);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct handle *h = hold(fi);

    (void)ino;
    /* Answered so once, the kernel asks no more: nobody writes here. */
    if (fs_of(req)->read_only)
        fuse_reply_err(req, ENOSYS);
    else if (h && h->ops->flush)
        h->ops->flush(req, h, fi);
    else
        fuse_reply_err(req, 0);
    handle_unref(h);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    struct handle *h = hold(fi);
    struct err e = ERR_INIT;

    (void)ino;
    (void)datasync;
    if (h && h->ops->fsync)
        h->ops->fsync(req, h);
    else
        reply_done(req, store_sync(fs_of(req)->store, &e), &e);
    handle_unref(h);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);

    (void)ino;
    if (h)
        handle_release(h);
    fuse_reply_err(req, 0);
}
