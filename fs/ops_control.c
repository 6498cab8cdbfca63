/* Open control files. A write is a command and is answered when the verb has ended; what a read
 * gives is taken at offset 0. Both happen off the request threads: a verb may take long, and so may
 * control/wait. */
#include <errno.h>
#include <fcntl.h>

#include "calls.h"
#include "handle.h"
#include "reply.h"

struct control_handle {
    struct handle h;
    size_t index;
    struct buf text; /* guard: h.lock */
};

struct command {
    fuse_req_t req;
    struct control_handle *ch; /* a reference */
    struct buf text;           /* of a write */
    size_t size;               /* of a read */
    struct verb_caller by;
};

static const struct control_file *file_of(const struct control_handle *ch)
{
    return &control_files[ch->index];
}

static bool is_interrupted(void *arg)
{
    const struct command *c = arg;

    return fuse_req_interrupted(c->req) || atomic_load(&c->ch->h.fs->stopping);
}

static void command_free(struct command *c)
{
    handle_unref(&c->ch->h);
    buf_free(&c->text);
    free(c);
}

/* Starts fn on a thread of its own, which answers and frees. */
static void start(fuse_req_t req, struct control_handle *ch, struct span text, size_t size,
                  void (*fn)(void *arg))
{
    struct command *c = calloc(1, sizeof(*c));
    struct err e = ERR_INIT;

    if (!c) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    *c = (struct command){.req = req, .ch = ch, .size = size};
    c->by = (struct verb_caller){.uid = fuse_req_ctx(req)->uid,
                                 .pid = (uint32_t)fuse_req_ctx(req)->pid,
                                 .interrupted = is_interrupted,
                                 .arg = c};
    atomic_fetch_add(&ch->h.refs, 1);
    if (!buf_addspan(&c->text, text))
        err_nomem(&e);
    else if (calls_run(ch->h.fs->calls, fn, c, &e) == 0)
        return;
    reply_error(req, &e);
    command_free(c);
}

static void run_write(void *arg)
{
    struct command *c = arg;
    struct fs *fs = c->ch->h.fs;
    const struct control_file *f = file_of(c->ch);
    struct reply reply = {.kind = REPLY_WRITE, .size_bytes = c->text.n};
    struct err e = ERR_INIT;

    if (f->write(fs->control, f, buf_span(&c->text), &c->by, &e) == 0) {
        notify_reply_late(fs->notify, c->req, &reply);
    } else {
        refusal_note_verb(fs, f->name, &e);
        reply_error(c->req, &e);
    }
    command_free(c);
}

static void run_read(void *arg)
{
    struct command *c = arg;
    struct control_handle *ch = c->ch;
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    struct buf old;

    const struct control_file *f = file_of(ch);

    if ((f->wait && f->wait(ch->h.fs->control, &c->by, &e) < 0) ||
        f->read(ch->h.fs->control, f, &text, &e) < 0) {
        reply_error(c->req, &e);
    } else {
        pthread_mutex_lock(&ch->h.lock);
        old = ch->text;
        ch->text = text;
        text = old;
        reply_part(c->req, buf_span(&ch->text), c->size, 0);
        pthread_mutex_unlock(&ch->h.lock);
    }
    command_free(c);
}

static void control_read(fuse_req_t req, struct handle *h, size_t size, off_t offset,
                         const struct fuse_file_info *fi)
{
    struct control_handle *ch = (struct control_handle *)h;

    (void)fi;
    if (offset == 0) {
        start(req, ch, (struct span){"", 0}, size, run_read);
        return;
    }
    pthread_mutex_lock(&h->lock);
    reply_part(req, buf_span(&ch->text), size, offset);
    pthread_mutex_unlock(&h->lock);
}

static void control_write(fuse_req_t req, struct handle *h, struct span bytes, off_t offset,
                          const struct fuse_file_info *fi)
{
    (void)offset;
    (void)fi;
    start(req, (struct control_handle *)h, bytes, 0, run_write);
}

static void control_free_handle(struct handle *h)
{
    buf_free(&((struct control_handle *)h)->text);
}

static void control_flush(fuse_req_t req, struct handle *h, const struct fuse_file_info *fi)
{
    (void)h;
    (void)fi;
    fuse_reply_err(req, 0);
}

static const struct handle_ops control_ops = {
    .read = control_read,
    .write = control_write,
    .flush = control_flush,
    .free = control_free_handle,
};

int control_open(fuse_req_t req, const struct at *at, struct fuse_file_info *fi, struct err *e)
{
    struct fs *fs = fs_of(req);
    uid_t caller = fuse_req_ctx(req)->uid;
    struct control_handle *ch;

    if (caller != 0 && caller != fs->owner)
        return err_set(e, ERR_ACCESS, "control/ is for who mounted");
    if (!is_read_open(fi) && !control_files[at->in.number].write)
        return err_set(e, ERR_PERM, "it is only read");
    ch = handle_new(fs, &control_ops, at->ino, sizeof(*ch), e);
    if (!ch)
        return -1;
    ch->index = at->in.number;
    fi->direct_io = 1;
    handle_reply_open(req, &ch->h, fi);
    return 0;
}
