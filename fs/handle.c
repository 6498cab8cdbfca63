#include "handle.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "reply.h"

static void link_handle(struct handle *h)
{
    pthread_mutex_lock(&h->fs->handles_lock);
    h->next = h->fs->handles;
    if (h->next)
        h->next->prev = h;
    h->fs->handles = h;
    pthread_mutex_unlock(&h->fs->handles_lock);
}

static void unlink_handle(struct handle *h)
{
    pthread_mutex_lock(&h->fs->handles_lock);
    if (h->next)
        h->next->prev = h->prev;
    if (h->prev)
        h->prev->next = h->next;
    else
        h->fs->handles = h->next;
    pthread_mutex_unlock(&h->fs->handles_lock);
}

void *handle_new(struct fs *fs, const struct handle_ops *ops, uint64_t ino, size_t size,
                 struct err *e)
{
    struct handle *h = calloc(1, size);

    if (!h) {
        err_nomem(e);
        return NULL;
    }
    h->ops = ops;
    h->fs = fs;
    h->ino = ino;
    h->refs = 1;
    pthread_mutex_init(&h->lock, NULL);
    link_handle(h);
    return h;
}

static void handle_free(struct handle *h)
{
    unlink_handle(h);
    if (h->ops->free)
        h->ops->free(h);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void handle_unref(struct handle *h)
{
    if (h && atomic_fetch_sub(&h->refs, 1) == 1)
        handle_free(h);
}

void handles_free_all(struct fs *fs)
{
    while (fs->handles)
        handle_free(fs->handles);
}

void handle_release(struct handle *h)
{
    if (h->ops->release)
        h->ops->release(h);
    handle_unref(h);
}

void handle_reply_open(fuse_req_t req, struct handle *h, struct fuse_file_info *fi)
{
    fi->fh = (uintptr_t)h;
    if (fuse_reply_open(req, fi) != 0)
        handle_release(h);
}

void handle_reply_create(fuse_req_t req, struct handle *h, const struct fuse_entry_param *entry,
                         uint64_t node, struct fuse_file_info *fi)
{
    struct fs *fs = h->fs;

    fi->fh = (uintptr_t)h;
    if (fuse_reply_create(req, entry, fi) != 0) {
        handle_release(h);
        if (node)
            scratch_forget(fs->scratch, node, 1);
    }
}

void reply_part(fuse_req_t req, struct span text, size_t size, off_t offset)
{
    size_t left = offset < (off_t)text.n ? text.n - (size_t)offset : 0;

    fuse_reply_buf(req, left ? text.p + offset : NULL, left < size ? left : size);
}

/* ---- Is it the process that opened the file? ---- */

/* The process of a thread, or 0. */
static long process_of(pid_t thread)
{
    char path[48], line[128];
    long process = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "Tgid: %ld", &process) == 1)
            break;
    if (f)
        fclose(f);
    return process;
}

/* FUSE tells threads. Mostly it is the same one; else a write told the process's lock owner; else
 * /proc knows. */
bool opener_is(const struct opener *o, fuse_req_t req, const struct fuse_file_info *fi)
{
    pid_t thread = fuse_req_ctx(req)->pid;
    long process;

    if (thread == o->pid || (o->owner_known && fi->lock_owner == o->owner))
        return true;
    process = process_of(thread);
    return process != 0 && process == process_of(o->pid);
}

void opener_learn(struct opener *o, fuse_req_t req, const struct fuse_file_info *fi)
{
    if (!o->owner_known && fuse_req_ctx(req)->pid == o->pid && fi->lock_owner) {
        o->owner = fi->lock_owner;
        o->owner_known = true;
    }
}

/* ---- A text taken at opening ---- */

struct text_handle {
    struct handle h;
    struct buf text;
};

static void text_read(fuse_req_t req, struct handle *h, size_t size, off_t offset,
                      const struct fuse_file_info *fi)
{
    (void)fi;
    reply_part(req, buf_span(&((struct text_handle *)h)->text), size, offset);
}

static void text_free(struct handle *h)
{
    buf_free(&((struct text_handle *)h)->text);
}

static const struct handle_ops text_ops = {.read = text_read, .free = text_free};

int text_open(fuse_req_t req, const struct at *at, struct buf *text, struct fuse_file_info *fi,
              struct err *e)
{
    struct text_handle *t = handle_new(fs_of(req), &text_ops, at->ino, sizeof(*t), e);

    if (!t)
        return -1;
    t->text = *text;
    *text = (struct buf)BUF_INIT;
    fi->direct_io = 1;
    fi->noflush = 1;
    handle_reply_open(req, &t->h, fi);
    return 0;
}
