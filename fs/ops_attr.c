/* setattr: truncation, modes, owners, times.
 *
 * An open(O_TRUNC) arrives as a truncation to 0 without a handle, after the open and from the same
 * thread (FUSE_CAP_ATOMIC_O_TRUNC is off: with it the kernel would empty the inode that cached
 * readers share). It empties the draft that this thread opened last, and the answer gives the size
 * that everybody sees. A truncation of an item by its path, with no draft, is refused: no item is
 * empty. */
#include "handle.h"
#include "ops.h"
#include "reply.h"

struct asked {
    const struct stat *attr;
    int to_set;
    struct fuse_file_info *fi;
};

static int reply_attr(fuse_req_t req, const struct at *at, int64_t mtime_ns, struct err *e)
{
    struct reply reply = {.kind = REPLY_ATTR};

    if (at_stat(fs_of(req), at, &reply.stat, e) < 0)
        return -1;
    if (mtime_ns)
        reply.stat.st_mtim = (struct timespec){mtime_ns / 1000000000, mtime_ns % 1000000000};
    notify_reply(fs_of(req)->notify, req, &reply);
    return 0;
}

/* chown of one of the two leaves the other. */
static int complete_owner(struct fs *fs, const struct at *at, int to_set, struct item_stat *is,
                          struct err *e)
{
    struct stat now;

    if (at_stat(fs, at, &now, e) < 0)
        return -1;
    if (!(to_set & FUSE_SET_ATTR_UID))
        is->uid = now.st_uid;
    if (!(to_set & FUSE_SET_ATTR_GID))
        is->gid = now.st_gid;
    return 0;
}

static int set_kept(struct fs *fs, const struct at *at, unsigned mask, int to_set,
                    struct item_stat *is, struct err *e)
{
    if (mask == 0)
        return 0;
    if (mask & ATTR_OWNER && complete_owner(fs, at, to_set, is, e) < 0)
        return -1;
    is->has_mode = mask & ATTR_MODE;
    is->has_owner = mask & ATTR_OWNER;
    return store_set_attr(fs->store, at->v, at->s,
                          at->in.kind == INODE_STREAM ? STORE_STREAM : at->in.number, mask, is, e);
}

/* The draft a truncation is for: a reference, or NULL. */
static struct writer *draft_of(fuse_req_t req, const struct at *at, const struct asked *a)
{
    struct handle *h = handle_of(a->fi);

    if (!h)
        return writer_of_caller(req, at->ino);
    if (!is_writer(h))
        return NULL;
    atomic_fetch_add(&h->refs, 1);
    return (struct writer *)h;
}

static int truncate_item(fuse_req_t req, const struct at *at, const struct asked *a, struct err *e)
{
    struct writer *w = draft_of(req, at, a);
    struct stat now;
    int r;

    if (w) {
        r = writer_truncate(req, w, (uint64_t)a->attr->st_size, e);
        handle_unref(&w->h);
        return r;
    }
    if (at_stat(fs_of(req), at, &now, e) < 0)
        return -1;
    if (now.st_size == a->attr->st_size)
        return 0;
    return err_set(e, ERR_INVALID, "an item is not cut or filled up by its name");
}

/* The times of an open file come without its handle, too (futimens). A draft that is still to be
 * published takes them on, or its publication would set the present time. */
static bool draft_takes_mtime(fuse_req_t req, const struct at *at, const struct asked *a,
                              int64_t mtime_ns)
{
    struct writer *w = draft_of(req, at, a);
    bool takes = w && writer_takes_mtime(w, mtime_ns);

    if (w)
        handle_unref(&w->h);
    return takes;
}

static int setattr_item(fuse_req_t req, const struct at *at, const struct asked *a, struct err *e)
{
    struct item_stat is;
    unsigned mask = attr_wanted(a->attr, a->to_set, &is);
    int64_t mtime_ns = 0;

    if (a->to_set & FUSE_SET_ATTR_SIZE && truncate_item(req, at, a, e) < 0)
        return -1;
    if (mask & ATTR_MTIME && draft_takes_mtime(req, at, a, is.mtime_ns)) {
        mtime_ns = is.mtime_ns;
        mask &= ~(unsigned)ATTR_MTIME;
    }
    if (set_kept(fs_of(req), at, mask, a->to_set, &is, e) < 0)
        return -1;
    return reply_attr(req, at, mtime_ns, e);
}

static int setattr_dir(fuse_req_t req, const struct at *at, const struct asked *a, struct err *e)
{
    struct item_stat is;
    unsigned mask = attr_wanted(a->attr, a->to_set, &is);

    if (set_kept(fs_of(req), at, mask, a->to_set, &is, e) < 0)
        return -1;
    return reply_attr(req, at, 0, e);
}

/* chmod -R reaches the streams too. They have no time of their own, and are not truncated. */
static int setattr_stream(fuse_req_t req, const struct at *at, const struct asked *a,
                          struct err *e)
{
    struct item_stat is;
    unsigned mask = attr_wanted(a->attr, a->to_set, &is) & ~(unsigned)ATTR_MTIME;

    if (a->to_set & FUSE_SET_ATTR_SIZE)
        return err_set(e, ERR_PERM, "lines are appended (>>), nothing is cut off");
    if (set_kept(fs_of(req), at, mask, a->to_set, &is, e) < 0)
        return -1;
    return reply_attr(req, at, 0, e);
}

static unsigned scratch_mask(unsigned mask, int to_set)
{
    return (mask & ATTR_MODE ? SCRATCH_MODE : 0u) | (mask & ATTR_MTIME ? SCRATCH_MTIME : 0u) |
           (to_set & FUSE_SET_ATTR_UID ? SCRATCH_UID : 0u) |
           (to_set & FUSE_SET_ATTR_GID ? SCRATCH_GID : 0u);
}

static int truncate_scratch(fuse_req_t req, const struct at *at, const struct asked *a,
                            struct err *e)
{
    struct fs *fs = fs_of(req);
    struct scratch_info info;

    if (!scratch_get(fs->scratch, at->in.number, &info))
        return err_set(e, ERR_NOT_FOUND, "it is gone");
    if (info.kind == SCRATCH_PENDING)
        return truncate_item(req, at, a, e);
    if (scratch_truncate(fs->scratch, at->in.number, (uint64_t)a->attr->st_size, e) < 0)
        return -1;
    return special_stage(fs, at->in.number, e);
}

static int setattr_scratch(fuse_req_t req, const struct at *at, const struct asked *a,
                           struct err *e)
{
    struct item_stat is;
    unsigned mask = attr_wanted(a->attr, a->to_set, &is);
    struct scratch_info to = {
        .mode = is.mode, .uid = is.uid, .gid = is.gid, .mtime_ns = is.mtime_ns};

    if (a->to_set & FUSE_SET_ATTR_SIZE && truncate_scratch(req, at, a, e) < 0)
        return -1;
    scratch_set_attr(fs_of(req)->scratch, at->in.number, scratch_mask(mask, a->to_set), &to);
    return reply_attr(req, at, 0, e);
}

static int setattr_control(fuse_req_t req, const struct at *at, const struct asked *a,
                           struct err *e)
{
    if (a->to_set & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
        return err_set(e, ERR_PERM, "its mode and owner are fixed");
    if (a->to_set & FUSE_SET_ATTR_SIZE)
        control_truncate(fs_of(req)->control, &control_files[at->in.number]);
    return reply_attr(req, at, 0, e);
}

typedef int (*setattr_fn)(fuse_req_t req, const struct at *at, const struct asked *a,
                          struct err *e);

static const setattr_fn setattrs[INODE_KINDS] = {
    [INODE_VERSION] = setattr_dir,
    [INODE_TYPE] = setattr_dir,
    [INODE_STREAM] = setattr_stream,
    [INODE_CONTROL_FILE] = setattr_control,
    [INODE_SCRATCH] = setattr_scratch,
    [INODE_ITEM] = setattr_item,
};

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi)
{
    struct asked asked = {attr, to_set, fi};
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    int r = at_open(fs_of(req), ino, &at, &e);

    if (r == 0 && !setattrs[at.in.kind])
        r = err_set(&e, ERR_PERM, "it does not change");
    if (r == 0)
        r = setattrs[at.in.kind](req, &at, &asked, &e);
    if (r < 0) {
        inode_gone(&e);
        refuse_at(req, &at, &e);
    }
}
