/* Writers: open files that hold a draft of an item. publish.c has what becomes of the text. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#include "handle.h"
#include "reply.h"

/* ---- While the draft grows ---- */

/* The first names of a text, as they arrive. */
static int check_name(void *arg, struct span name, struct err *e)
{
    const struct writer *w = arg;

    if (w->shape->open || shape_field(w->shape, name))
        return 0;
    return shape_no_field(w->shape, name, 0, 0, e);
}

static int load_text(struct writer *w, const struct at *at, struct err *e)
{
    int r;

    if (w->draft.loaded)
        return 0;
    w->shape = at->s;
    r = draft_load(&w->draft, buf_span(&w->before), w->append, e);
    buf_free(&w->before);
    return r;
}

static int base_get(struct writer *w, const struct at *at, uint64_t number, struct err *e)
{
    buf_reset(&w->before);
    return store_base_get(w->h.fs->store, at->cat, at->v, at->s, number, &w->base, &w->before, e);
}

/* Published before: what is written now is compared with what the item is now. */
static int take_base(struct writer *w, const struct at *at, struct err *e)
{
    if (!w->rebase)
        return 0;
    store_base_free(w->base);
    w->base = NULL;
    w->rebase = false;
    return base_get(w, at, w->item.number, e);
}

/* All drafts together are bounded; one that did not grow is not refused for the others. */
static int count_bytes(struct writer *w, struct err *e)
{
    struct fs *fs = w->h.fs;
    size_t now = w->draft.text.cap + w->before.cap, counted = w->counted_bytes;

    atomic_fetch_add(&fs->draft_bytes, now - counted);
    w->counted_bytes = now;
    if (now <= counted || atomic_load(&fs->draft_bytes) <= DRAFT_BYTES)
        return 0;
    return err_set(e, ERR_NO_SPACE, "open drafts hold at most %u bytes together", DRAFT_BYTES);
}

static int check_text(struct writer *w, const struct at *at, struct err *e)
{
    struct buf name BUF_CLEANUP = BUF_INIT;
    struct span key = {0};

    if (!w->base && writer_name(w, at, &name) && buf_str(&name))
        name_classify(name.p, &key);
    if (!w->base && !key.p)
        return 0; /* deleted meanwhile: for close to say */
    if (store_check_text(w->h.fs->store, at->cat, at->v, at->s, w->base, key,
                         buf_span(&w->draft.text), e) < 0)
        return -1;
    draft_checked(&w->draft);
    return 0;
}

static int write_locked(struct writer *w, const struct at *at, struct span bytes, uint64_t offset,
                        struct err *e)
{
    bool check = false;

    if (w->draft.refused)
        return draft_complete(&w->draft, e);
    if (take_base(w, at, e) < 0 || load_text(w, at, e) < 0)
        return -1;
    w->shape = at->s;
    if (draft_write(&w->draft, offset, w->append, bytes, &check, e) == 0 &&
        count_bytes(w, e) == 0 && (!check || check_text(w, at, e) == 0))
        return 0;
    if (!w->draft.refused)
        draft_refuse(&w->draft, e);
    writer_note_refusal(w, at, &w->draft.why);
    return -1;
}

/* A flush holds neither a directory nor the inode: it may wait until the names are told. So what was
 * refused is found beside the item once it is closed, and no longer there after a save. A write and an
 * fsync hold the inode: an unlink of it waits for them with its directory in hand, and the names thread
 * for that directory, so these are answered before. */
static void reply_late(fuse_req_t req, struct writer *w, int r, const struct err *e)
{
    struct reply reply = {.kind = REPLY_ERR, .error = r < 0 ? errno_of(e) : 0};

    if (w->settled)
        notify_reply_late(w->h.fs->notify, req, &reply);
    else
        reply_done(req, r, e);
}

/* at_open_inode for an open file. That its version is gone is told once, if there is a text to lose. */
static int writer_at(struct writer *w, bool has_text, struct at *ret, struct err *e)
{
    char path[PATH_SIZE];

    if (at_open_inode(w->h.fs, w->h.ino, &w->item, ret, e) == 0)
        return 0;
    if (!w->kept && has_text) {
        path_of_stale(w->h.fs, &w->item, path, sizeof(path));
        refusal_note(w->h.fs, path, e);
        w->kept = true;
    }
    return -1;
}

static void writer_write(fuse_req_t req, struct handle *h, struct span bytes, off_t offset,
                         const struct fuse_file_info *fi)
{
    struct writer *w = (struct writer *)h;
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    int r;

    pthread_mutex_lock(&h->lock);
    opener_learn(&w->opener, req, fi);
    r = writer_at(w, true, &at, &e);
    if (r == 0)
        r = write_locked(w, &at, bytes, (uint64_t)offset, &e);
    else if (!w->draft.refused)
        draft_refuse(&w->draft, &e);
    pthread_mutex_unlock(&h->lock);
    if (r < 0)
        reply_done(req, r, &e);
    else
        fuse_reply_write(req, bytes.n);
}

/* What everybody sees: for the page cache (mmap), which all readers share. */
static int read_committed(struct writer *w, const struct at *at, struct buf *ret, struct err *e)
{
    if (w->item.number == 0)
        return 0;
    return store_read(w->h.fs->store, at->cat, at->v, at->s, w->item.number, NULL, ret, e);
}

static void writer_read(fuse_req_t req, struct handle *h, size_t size, off_t offset,
                        const struct fuse_file_info *fi)
{
    struct writer *w = (struct writer *)h;
    struct buf committed BUF_CLEANUP = BUF_INIT;
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    bool cache = fi->lock_owner == 0;
    int r;

    pthread_mutex_lock(&h->lock);
    r = writer_at(w, w->draft.dirty, &at, &e);
    if (r == 0)
        r = cache ? read_committed(w, &at, &committed, &e) : load_text(w, &at, &e);
    if (r < 0)
        reply_error(req, &e);
    else
        reply_part(req, buf_span(cache ? &committed : &w->draft.text), size, offset);
    pthread_mutex_unlock(&h->lock);
}

int writer_truncate(fuse_req_t req, struct writer *w, uint64_t size, struct err *e)
{
    struct at at AT_CLEANUP = AT_INIT;
    int r;

    (void)req;
    pthread_mutex_lock(&w->h.lock);
    r = at_open_inode(w->h.fs, w->h.ino, &w->item, &at, e);
    if (r == 0 && size)
        r = take_base(w, &at, e) < 0 ? -1 : load_text(w, &at, e);
    if (r == 0)
        r = draft_truncate(&w->draft, size, e);
    pthread_mutex_unlock(&w->h.lock);
    return r;
}

bool writer_takes_mtime(struct writer *w, int64_t mtime_ns)
{
    bool takes;

    pthread_mutex_lock(&w->h.lock);
    takes = w->draft.dirty || w->item.number == 0;
    if (takes)
        w->mtime_ns = mtime_ns;
    pthread_mutex_unlock(&w->h.lock);
    return takes;
}

/* ---- The end of a draft ---- */

/* Nothing to save, and no item yet: `touch new.json`. */
static bool is_new(struct writer *w)
{
    return !writer_forgot(w) && w->item.number == 0;
}

static int publish_or_note(struct writer *w, const struct at *at, struct err *e)
{
    if (writer_publish(w, at, e) == 0)
        return 0;
    if (!w->draft.refused)
        draft_refuse(&w->draft, e);
    writer_note_refusal(w, at, e);
    return -1;
}

static int flush_locked(struct writer *w, const struct at *at, bool opener, struct err *e)
{
    if (w->draft.refused)
        return draft_complete(&w->draft, e);
    if (!w->draft.dirty && opener && is_new(w))
        return err_set(e, ERR_INVALID, "a new item needs a text");
    if (!w->draft.dirty || !opener)
        return 0;
    return publish_or_note(w, at, e);
}

static void writer_flush(fuse_req_t req, struct handle *h, const struct fuse_file_info *fi)
{
    struct writer *w = (struct writer *)h;
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    bool opener;
    int r;

    pthread_mutex_lock(&h->lock);
    opener = opener_is(&w->opener, req, fi);
    r = writer_at(w, w->draft.dirty, &at, &e);
    if (r == 0)
        r = flush_locked(w, &at, opener, &e);
    else if (!w->draft.dirty && !w->draft.refused)
        r = 0;
    pthread_mutex_unlock(&h->lock);
    reply_late(req, w, r, &e);
}

static int fsync_locked(struct writer *w, const struct at *at, struct err *e)
{
    if (w->draft.refused)
        return draft_complete(&w->draft, e);
    if (!w->draft.dirty && is_new(w))
        return err_set(e, ERR_INVALID, "a new item needs a text");
    if (w->draft.dirty && publish_or_note(w, at, e) < 0)
        return -1;
    return store_sync(w->h.fs->store, e);
}

static void writer_fsync(fuse_req_t req, struct handle *h)
{
    struct writer *w = (struct writer *)h;
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    int r;

    pthread_mutex_lock(&h->lock);
    r = writer_at(w, w->draft.dirty, &at, &e);
    if (r == 0)
        r = fsync_locked(w, &at, &e);
    pthread_mutex_unlock(&h->lock);
    reply_done(req, r, &e);
}

/* A name that was made for an item that never came. */
static void drop_pending(struct writer *w)
{
    struct fs *fs = w->h.fs;
    struct buf name BUF_CLEANUP = BUF_INIT;
    uint64_t dir = inode_type(w->item.version, w->item.type);

    if (!scratch_close(fs->scratch, w->node) || !is_new(w))
        return;
    if (scratch_name(fs->scratch, w->node, &name) && buf_str(&name))
        notify_name(fs->notify, dir, name.p);
    scratch_unlink(fs->scratch, w->node);
}

static void release_locked(struct writer *w, const struct at *at)
{
    struct err e = ERR_INIT;

    if (w->draft.dirty && !w->draft.refused)
        publish_or_note(w, at, &e);
    else if (!w->draft.refused && is_new(w)) {
        err_set(&e, ERR_INVALID, "a new item needs a text");
        draft_refuse(&w->draft, &e);
        writer_note_refusal(w, at, &e);
    }
}

static void writer_release(struct handle *h)
{
    struct writer *w = (struct writer *)h;
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;

    pthread_mutex_lock(&h->lock);
    if (writer_at(w, w->draft.dirty, &at, &e) == 0)
        release_locked(w, &at);
    pthread_mutex_unlock(&h->lock);
    files_close(h->fs->files, &w->opening);
    if (w->node)
        drop_pending(w);
}

static void writer_free(struct handle *h)
{
    struct writer *w = (struct writer *)h;

    draft_deinit(&w->draft);
    store_base_free(w->base);
    buf_free(&w->before);
    atomic_fetch_sub(&h->fs->draft_bytes, w->counted_bytes);
    atomic_fetch_sub(&h->fs->n_drafts, 1);
}

static const struct handle_ops writer_ops = {
    .read = writer_read,
    .write = writer_write,
    .flush = writer_flush,
    .fsync = writer_fsync,
    .release = writer_release,
    .free = writer_free,
};

bool is_writer(const struct handle *h)
{
    return h && h->ops == &writer_ops;
}

size_t writer_size(struct writer *w)
{
    size_t n;

    pthread_mutex_lock(&w->h.lock);
    n = w->draft.text.n;
    pthread_mutex_unlock(&w->h.lock);
    return n;
}

/* ---- Opening ---- */

static struct writer *writer_new(fuse_req_t req, const struct inode *item, uint64_t ino, bool empty,
                                 const struct fuse_file_info *fi, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct writer *w;

    if (atomic_fetch_add(&fs->n_drafts, 1) >= DRAFTS_MAX) {
        atomic_fetch_sub(&fs->n_drafts, 1);
        err_set(e, ERR_NO_SPACE, "at most %u items may be open for writing", DRAFTS_MAX);
        return NULL;
    }
    w = handle_new(fs, &writer_ops, ino, sizeof(*w), e);
    if (!w) {
        atomic_fetch_sub(&fs->n_drafts, 1);
        return NULL;
    }
    w->item = *item;
    w->opener.pid = fuse_req_ctx(req)->pid;
    w->opening = (struct opening){.ino = ino, .pid = w->opener.pid};
    w->append = fi->flags & O_APPEND;
    w->sync = fi->flags & (O_SYNC | O_DSYNC);
    w->exclusive = fi->flags & O_EXCL;
    draft_init(&w->draft, fs->max_item_bytes, empty, check_name, w);
    return w;
}

/* Joins the others who have the inode open. The handle is freed when that can't be. */
static int writer_join(struct writer *w, struct fuse_file_info *fi, struct err *e)
{
    fi->direct_io = 1;
    if (files_open_writer(w->h.fs->files, &w->opening))
        return 0;
    if (w->node)
        scratch_close(w->h.fs->scratch, w->node);
    handle_unref(&w->h);
    return err_nomem(e);
}

int writer_open(fuse_req_t req, const struct at *at, struct fuse_file_info *fi, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct writer *w;

    if (dirs_writable(fs, req, at, e) < 0)
        return -1;
    w = writer_new(req, &at->in, at->ino, false, fi, e);
    if (!w)
        return -1;
    if (base_get(w, at, at->in.number, e) < 0) {
        handle_unref(&w->h);
        return -1;
    }
    if (writer_join(w, fi, e) < 0)
        return -1;
    handle_reply_open(req, &w->h, fi);
    return 0;
}

static int dir_of_node(struct fs *fs, const struct scratch_info *info, struct at *ret,
                       struct err *e)
{
    return at_open(fs, info->dir, ret, e);
}

static struct writer *pending_new(fuse_req_t req, const struct at *dir,
                                  const struct scratch_info *info, const struct fuse_file_info *fi,
                                  struct err *e)
{
    struct inode item = {INODE_ITEM, dir->in.version, dir->in.type, 0};
    struct writer *w = writer_new(req, &item, inode_scratch(info->node), true, fi, e);

    if (!w)
        return NULL;
    w->node = info->node;
    w->updates = info->item;
    return w;
}

int writer_open_pending(fuse_req_t req, const struct at *at, const struct scratch_info *info,
                        struct fuse_file_info *fi, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct at dir AT_CLEANUP = AT_INIT;
    struct writer *w;

    (void)at;
    if (dir_of_node(fs, info, &dir, e) < 0 || dirs_writable(fs, req, &dir, e) < 0)
        return -1;
    if (!scratch_open(fs->scratch, info->node))
        return err_set(e, ERR_NOT_FOUND, "it is gone");
    w = pending_new(req, &dir, info, fi, e);
    if (!w) {
        scratch_close(fs->scratch, info->node);
        return -1;
    }
    if (writer_join(w, fi, e) < 0)
        return -1;
    handle_reply_open(req, &w->h, fi);
    return 0;
}

/* The item that vim took out of the way is what the new text is compared with. */
static int base_of_hidden(struct writer *w, const struct at *dir, struct err *e)
{
    if (!w->updates)
        return 0;
    return store_base_get(w->h.fs->store, dir->cat, dir->v, dir->s, w->updates, &w->base, NULL, e);
}

int writer_create(fuse_req_t req, const struct at *dir, const char *name, uint64_t hidden,
                  mode_t mode, struct fuse_file_info *fi, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct scratch_make make = scratch_made_by(req, mode);
    struct fuse_entry_param entry = {0};
    struct scratch_info info;
    struct writer *w;

    make.dir = dir->ino;
    make.name = name;
    make.kind = SCRATCH_PENDING;
    make.item = hidden;
    if (scratch_make(fs->scratch, &make, &info, e) < 0)
        return -1;
    w = pending_new(req, dir, &info, fi, e);
    if (!w || base_of_hidden(w, dir, e) < 0) {
        if (w)
            handle_unref(&w->h);
        scratch_close(fs->scratch, info.node);
        scratch_forget(fs->scratch, info.node, 1);
        scratch_unlink(fs->scratch, info.node);
        return -1;
    }
    if (writer_join(w, fi, e) < 0) {
        scratch_forget(fs->scratch, info.node, 1);
        scratch_unlink(fs->scratch, info.node);
        return -1;
    }
    /* Asked again each time: the name is the item's own as soon as it is published. The attributes
     * change by what is done through this kernel's handles alone until then. */
    entry.ino = inode_scratch(info.node);
    entry.attr_timeout = FOREVER_S;
    scratch_stat_fill(fs, &info, &entry.attr);
    handle_reply_create(req, &w->h, &entry, info.node, fi);
    return 0;
}

static void take_reference(struct opening *o)
{
    struct writer *w = (struct writer *)((char *)o - offsetof(struct writer, opening));

    atomic_fetch_add(&w->h.refs, 1);
}

struct writer *writer_of_caller(fuse_req_t req, uint64_t ino)
{
    struct opening *o =
        files_find_writer(fs_of(req)->files, ino, fuse_req_ctx(req)->pid, take_reference);

    return o ? (struct writer *)((char *)o - offsetof(struct writer, opening)) : NULL;
}
