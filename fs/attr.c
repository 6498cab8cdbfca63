#include "../store/history.h"
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reply.h"
#include "../schemas/clock.h"

static void set_times(struct stat *st, int64_t ns)
{
    int64_t s = ns / 1000000000, rest = ns % 1000000000;

    if (rest < 0) {
        rest += 1000000000;
        s--;
    }
    st->st_mtim = (struct timespec){s, rest};
    st->st_atim = st->st_ctim = st->st_mtim;
}

static void set_size(struct stat *st, uint64_t size_bytes)
{
    st->st_size = (off_t)size_bytes;
    st->st_blocks = (blkcnt_t)((size_bytes + 511) / 512);
    st->st_blksize = 4096;
}

static struct stat file_stat(const struct fs *fs, uint64_t ino, mode_t mode, uint64_t size_bytes)
{
    struct stat st = {.st_ino = ino, .st_mode = S_IFREG | mode, .st_nlink = 1};

    st.st_uid = fs->uid;
    st.st_gid = fs->gid;
    set_size(&st, size_bytes);
    set_times(&st, fs->mounted_ns);
    return st;
}

static struct stat dir_stat(const struct fs *fs, uint64_t ino, mode_t mode)
{
    struct stat st = file_stat(fs, ino, 0, 0);

    st.st_mode = S_IFDIR | mode;
    st.st_nlink = 2;
    return st;
}

/* What the store keeps for a version, over the mount's defaults. */
static void apply_kept(struct stat *st, const struct item_stat *is)
{
    if (is->has_mode)
        st->st_mode = (st->st_mode & S_IFMT) | (is->mode & 07777);
    if (is->has_owner) {
        st->st_uid = is->uid;
        st->st_gid = is->gid;
    }
}

void item_stat_fill(const struct fs *fs, uint64_t ino, const struct item_stat *is, struct stat *ret)
{
    *ret = file_stat(fs, ino, fs->file_mode, is->size_bytes);
    set_times(ret, is->mtime_ns);
    apply_kept(ret, is);
}

static int stat_dir(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    (void)e;
    *ret = dir_stat(fs, at->ino, fs->dir_mode);
    return 0;
}

/* Verbs are for who mounted. */
static int stat_control(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    (void)e;
    *ret = dir_stat(fs, at->ino, 0700);
    ret->st_uid = fs->owner;
    return 0;
}

static int stat_version(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    struct item_stat is = {0};

    if (store_dir_attr(fs->store, at->v, at->s, &is, e) < 0)
        return -1;
    *ret = dir_stat(fs, at->ino, fs->dir_mode);
    if (is.mtime_ns)
        set_times(ret, is.mtime_ns);
    apply_kept(ret, &is);
    return 0;
}

static int stat_item(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    struct item_stat is;

    if (store_read(fs->store, at->cat, at->v, at->s, at->in.number, &is, NULL, e) < 0)
        return -1;
    item_stat_fill(fs, inode_encode(&at->in), &is, ret);
    return 0;
}

/* Nobody writes in it. Its time is another after each change, so that the kernel lists it anew. */
static int stat_history(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    if (stat_version(fs, at, ret, e) < 0)
        return -1;
    set_times(ret, store_history_changed_ns(fs->store));
    ret->st_mode &= ~(mode_t)0222;
    return 0;
}

static int stat_revision(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    struct item_stat is;

    if (store_history_read(fs->store, at->cat, at->v, at->s, at->in.number, &is, NULL, e) < 0)
        return -1;
    item_stat_fill(fs, at->ino, &is, ret);
    ret->st_mode &= ~(mode_t)0333;
    return 0;
}

static int stat_text(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;

    if (at_text(fs, at, &text, e) < 0)
        return -1;
    *ret = file_stat(fs, at->ino, 0444, text.n);
    return 0;
}

/* What a command left has its size; a report, which may be long in coming (control/wait), has none
 * before it is read, like files in /proc. */
static int stat_control_file(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;

    if ((fs->read_only || control_files[at->in.number].write) && at_text(fs, at, &text, e) < 0)
        return -1;
    *ret = file_stat(fs, at->ino, 0600, text.n);
    ret->st_uid = fs->owner;
    return 0;
}

/* Size 0, like files in /proc; where nothing changes, the true one. */
static int stat_stream(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    struct item_stat is = {0};
    uint64_t size = 0;

    if ((fs->read_only && stream_size(fs, at, &size, e) < 0) ||
        store_stream_attr(fs->store, at->v, at->s, &is, e) < 0)
        return -1;
    *ret = file_stat(fs, at->ino, fs->file_mode, size);
    apply_kept(ret, &is);
    return 0;
}

static int stat_current(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    const struct version *v = catalog_live(at->cat, at->cat->default_number);

    if (!v)
        return err_set(e, ERR_NOT_FOUND, "there is no version yet");
    *ret = file_stat(fs, at->ino, 0777, strlen(v->name));
    ret->st_mode = S_IFLNK | 0777;
    return 0;
}

static int stat_scratch(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    struct scratch_info info;

    if (!scratch_get(fs->scratch, at->in.number, &info))
        return err_set(e, ERR_NOT_FOUND, "it is gone");
    scratch_stat_fill(fs, &info, ret);
    return 0;
}

void scratch_stat_fill(const struct fs *fs, const struct scratch_info *info, struct stat *ret)
{
    *ret = file_stat(fs, inode_scratch(info->node), info->mode, info->size_bytes);
    ret->st_uid = info->uid;
    ret->st_gid = info->gid;
    set_times(ret, info->mtime_ns);
}

struct scratch_make scratch_made_by(fuse_req_t req, mode_t mode)
{
    const struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);

    return (struct scratch_make){.mode = mode & 07777 & ~fs->made_mask,
                                 .uid = fs->maker_owns ? caller->uid : fs->uid,
                                 .gid = fs->makers_group ? caller->gid : fs->gid,
                                 .mtime_ns = clock_wall_ns(),
                                 .hold = true};
}

static int (*const stat_of[INODE_KINDS])(struct fs *fs, const struct at *at, struct stat *ret,
                                         struct err *e) = {
    [INODE_ROOT] = stat_dir,        [INODE_README] = stat_text,
    [INODE_CURRENT] = stat_current, [INODE_SCHEMAS] = stat_dir,
    [INODE_CONTROL] = stat_control, [INODE_VERSION] = stat_version,
    [INODE_TYPE] = stat_version,    [INODE_STREAM] = stat_stream,
    [INODE_SCHEMA] = stat_text,     [INODE_CONTROL_FILE] = stat_control_file,
    [INODE_SCRATCH] = stat_scratch, [INODE_ITEM] = stat_item,
    [INODE_HISTORY] = stat_history, [INODE_REVISIONS] = stat_history,
    [INODE_REVISION] = stat_revision,
};

int at_stat(struct fs *fs, const struct at *at, struct stat *ret, struct err *e)
{
    return stat_of[at->in.kind](fs, at, ret, e);
}

/* ---- Who may write ---- */

static bool in_group(fuse_req_t req, gid_t gid)
{
    gid_t groups[256];
    int n = fuse_req_getgroups(req, 256, groups);

    if (fuse_req_ctx(req)->gid == gid)
        return true;
    for (int i = 0; i < n && i < 256; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

static bool may_write(fuse_req_t req, const struct stat *st)
{
    if (fuse_req_ctx(req)->uid == st->st_uid)
        return st->st_mode & S_IWUSR;
    if ((st->st_mode & S_IWGRP) == 0 && (st->st_mode & S_IWOTH) == 0)
        return false;
    return in_group(req, st->st_gid) ? st->st_mode & S_IWGRP : st->st_mode & S_IWOTH;
}

int dirs_writable(struct fs *fs, fuse_req_t req, const struct at *at, struct err *e)
{
    struct at dir = *at;
    struct stat st;

    if (store_may_write(fs->store, e) < 0)
        return -1;
    if (fuse_req_ctx(req)->uid == 0)
        return 0;
    for (const struct shape *s = at->s;; s = NULL) {
        dir.s = s;
        if (stat_version(fs, &dir, &st, e) < 0)
            return -1;
        if (!may_write(req, &st))
            return err_set(e, ERR_ACCESS, "\"%s\" is not writable", s ? s->name : at->v->name);
        if (!s)
            return 0;
    }
}

unsigned attr_wanted(const struct stat *attr, int to_set, struct item_stat *ret)
{
    unsigned mask = 0;

    *ret = (struct item_stat){0};
    if (to_set & FUSE_SET_ATTR_MODE) {
        ret->mode = attr->st_mode & 07777;
        mask |= ATTR_MODE;
    }
    if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) {
        ret->uid = attr->st_uid;
        ret->gid = attr->st_gid;
        mask |= ATTR_OWNER;
    }
    if (to_set & FUSE_SET_ATTR_MTIME_NOW) {
        ret->mtime_ns = clock_wall_ns();
        mask |= ATTR_MTIME;
    } else if (to_set & FUSE_SET_ATTR_MTIME) {
        ret->mtime_ns = attr->st_mtim.tv_sec * INT64_C(1000000000) + attr->st_mtim.tv_nsec;
        mask |= ATTR_MTIME;
    }
    return mask;
}
