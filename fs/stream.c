/* A type as JSON Lines.
 *
 * Reading: an open file is a cursor by item number. It has no snapshot and no transaction: between
 * two reads it is a number and the rest of a line. An offset other than the next one replays from
 * the start.
 *
 * Appending: every write() hands over its complete lines at once, all or nothing; an unfinished
 * line waits for the handle's next write.
 *
 * On a read-only mount nothing changes, so the size is exact: counted once, and with marks on the
 * way from which any offset is found again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "handle.h"
#include "loop.h"
#include "reply.h"

/* ---- A cursor ---- */

struct cursor {
    uint64_t offset; /* of the next byte */
    uint64_t after;  /* the last item that is in `rest` or before it */
    struct buf rest; /* of it, [used, n) is still to be given out */
    size_t used;
    size_t wanted; /* while it is filled */
    bool end;
    bool no_memory;
};

static int take_line(void *arg, struct span key, const struct item_stat *is, struct span text)
{
    struct cursor *c = arg;

    (void)key;
    if (!buf_addspan(&c->rest, text)) {
        c->no_memory = true;
        return 1;
    }
    c->after = is->number;
    return c->rest.n - c->used >= c->wanted;
}

/* What was given out: a line's end is left at most, so the buffer does not grow with the stream. */
static void cursor_forget(struct cursor *c)
{
    if (c->used == 0)
        return;
    c->rest.n -= c->used;
    memmove(c->rest.p, c->rest.p + c->used, c->rest.n);
    c->used = 0;
}

static int cursor_fill(struct fs *fs, const struct at *at, struct cursor *c, size_t wanted,
                       struct err *e)
{
    cursor_forget(c);
    c->wanted = wanted;
    while (!c->end && c->rest.n - c->used < wanted) {
        uint64_t before = c->after;

        if (store_list(fs->store, at->cat, at->v, at->s, c->after, LIST_TEXT | LIST_LINES,
                       take_line, c, e) < 0)
            return -1;
        if (c->no_memory)
            return err_nomem(e);
        c->end = c->after == before || c->rest.n - c->used < wanted;
    }
    return 0;
}

static struct span cursor_take(struct cursor *c, size_t size)
{
    size_t left = c->rest.n - c->used;
    struct span part = {c->rest.p ? c->rest.p + c->used : "", left < size ? left : size};

    c->used += part.n;
    c->offset += part.n;
    return part;
}

/* To `offset`: on from here, or all over again. */
static int cursor_seek(struct fs *fs, const struct at *at, struct cursor *c, uint64_t offset,
                       struct err *e)
{
    if (offset < c->offset) {
        buf_free(&c->rest);
        *c = (struct cursor){.offset = 0};
    }
    loop_will_block();
    while (c->offset < offset) {
        uint64_t gap = offset - c->offset;
        size_t step = gap < 65536 ? (size_t)gap : 65536;

        if (cursor_fill(fs, at, c, step, e) < 0)
            return -1;
        if (cursor_take(c, step).n == 0)
            return 0;
    }
    return 0;
}

/* A cursor that came to the end looks again: items may have come since. */
static int cursor_read(struct fs *fs, const struct at *at, struct cursor *c, uint64_t offset,
                       size_t size, struct span *ret, struct err *e)
{
    c->end = false;
    if (offset != c->offset && cursor_seek(fs, at, c, offset, e) < 0)
        return -1;
    if (offset != c->offset) {
        *ret = (struct span){"", 0};
        return 0;
    }
    if (cursor_fill(fs, at, c, size, e) < 0)
        return -1;
    *ret = cursor_take(c, size);
    return 0;
}

/* ---- The open file ---- */

struct stream {
    struct handle h;
    struct inode in;
    struct opener opener;
    struct cursor cursor; /* guard: h.lock, as all below */
    struct buf unfinished;
    unsigned lines; /* taken so far, for messages */
    bool refused;
    struct err why;
    bool sync;
};

static void stream_read(fuse_req_t req, struct handle *h, size_t size, off_t offset,
                        const struct fuse_file_info *fi)
{
    struct stream *s = (struct stream *)h;
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    struct span part;

    (void)fi;
    pthread_mutex_lock(&h->lock);
    if (at_open_inode(h->fs, h->ino, &s->in, &at, &e) < 0 ||
        cursor_read(h->fs, &at, &s->cursor, (uint64_t)offset, size, &part, &e) < 0)
        reply_error(req, &e);
    else
        fuse_reply_buf(req, part.p, part.n);
    pthread_mutex_unlock(&h->lock);
}

static int refuse(struct stream *s, const struct at *at, struct span lines, struct err *e)
{
    char path[PATH_SIZE];

    if (e->line && !e->excerpt[0])
        err_excerpt(e, lines.p, lines.n);
    if (e->line)
        e->line += s->lines;
    s->refused = true;
    s->why = *e;
    snprintf(path, sizeof(path), "%s/%s.jsonl", at->v->name, at->s->name);
    refusal_note(s->h.fs, path, e);
    return -1;
}

/* Its version is not served any more. */
static int refuse_stale(struct stream *s, struct err *e)
{
    char path[PATH_SIZE];

    if (!s->refused) {
        path_of_stale(s->h.fs, &s->in, path, sizeof(path));
        refusal_note(s->h.fs, path, e);
    }
    s->refused = true;
    s->why = *e;
    return -1;
}

static size_t complete_part(struct span bytes)
{
    const char *end = memrchr(bytes.p, '\n', bytes.n);

    return end ? (size_t)(end - bytes.p) + 1 : 0;
}

static unsigned count_lines(struct span text)
{
    unsigned n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

static int append_lines(struct stream *s, const struct at *at, struct span lines, struct err *e)
{
    struct fs *fs = s->h.fs;
    size_t items;
    int r;

    if (lines.n == 0)
        return 0;
    files_begin_wide(fs->files);
    r = store_append(fs->store, at->v, at->s, lines, &items, e);
    files_end_wide(fs->files);
    if (r < 0)
        return refuse(s, at, lines, e);
    usage_wrote(fs->usage, at->v->number, items);
    s->lines += count_lines(lines);
    return s->sync ? store_sync(fs->store, e) : 0;
}

static int keep_unfinished(struct stream *s, const struct at *at, struct span part, struct err *e)
{
    if (s->unfinished.n + part.n > s->h.fs->max_item_bytes + 4096) {
        err_set(e, ERR_TOO_BIG, "a line has at most %zu bytes", s->h.fs->max_item_bytes);
        return refuse(s, at, part, e);
    }
    return buf_addspan(&s->unfinished, part) ? 0 : err_nomem(e);
}

/* Most writes are whole lines: those are not copied. */
static int append_locked(struct stream *s, const struct at *at, struct span bytes, struct err *e)
{
    size_t n = complete_part(bytes);
    struct span lines = {bytes.p, n};

    if (s->refused) {
        *e = s->why;
        return -1;
    }
    if (n && s->unfinished.n) {
        if (!buf_add(&s->unfinished, bytes.p, n))
            return err_nomem(e);
        lines = buf_span(&s->unfinished);
    }
    if (append_lines(s, at, lines, e) < 0)
        return -1;
    if (n)
        buf_reset(&s->unfinished);
    return keep_unfinished(s, at, (struct span){bytes.p + n, bytes.n - n}, e);
}

static void stream_write(fuse_req_t req, struct handle *h, struct span bytes, off_t offset,
                         const struct fuse_file_info *fi)
{
    struct stream *s = (struct stream *)h;
    struct reply reply = {.kind = REPLY_WRITE, .size_bytes = bytes.n};
    struct at at AT_CLEANUP = AT_INIT;
    struct err e = ERR_INIT;
    int r;

    (void)offset;
    loop_will_block();
    pthread_mutex_lock(&h->lock);
    opener_learn(&s->opener, req, fi);
    r = at_open_inode(h->fs, h->ino, &s->in, &at, &e);
    r = r == 0 ? append_locked(s, &at, bytes, &e) : refuse_stale(s, &e);
    pthread_mutex_unlock(&h->lock);
    if (r < 0)
        reply_error(req, &e);
    else
        notify_reply(h->fs->notify, req, &reply);
}

static int finish_locked(struct stream *s, struct err *e)
{
    struct at at AT_CLEANUP = AT_INIT;

    if (s->refused) {
        *e = s->why;
        return -1;
    }
    if (s->unfinished.n == 0)
        return 0;
    if (at_open_inode(s->h.fs, s->h.ino, &s->in, &at, e) < 0)
        return -1;
    err_at(e, ERR_INVALID, 1, (unsigned)s->unfinished.n + 1, "the last line is not ended");
    return refuse(s, &at, buf_span(&s->unfinished), e);
}

static void stream_flush(fuse_req_t req, struct handle *h, const struct fuse_file_info *fi)
{
    struct stream *s = (struct stream *)h;
    struct err e = ERR_INIT;
    int r = 0;

    pthread_mutex_lock(&h->lock);
    if (opener_is(&s->opener, req, fi))
        r = finish_locked(s, &e);
    pthread_mutex_unlock(&h->lock);
    reply_done(req, r, &e);
}

/* What was appended is committed; an unfinished line waits for its end. */
static void stream_fsync(fuse_req_t req, struct handle *h)
{
    struct stream *s = (struct stream *)h;
    struct err e = ERR_INIT;
    int r = 0;

    pthread_mutex_lock(&h->lock);
    if (s->refused) {
        e = s->why;
        r = -1;
    }
    pthread_mutex_unlock(&h->lock);
    if (r == 0)
        r = store_sync(h->fs->store, &e);
    reply_done(req, r, &e);
}

static void stream_release(struct handle *h)
{
    struct stream *s = (struct stream *)h;
    struct err e = ERR_INIT;

    pthread_mutex_lock(&h->lock);
    if (!s->refused)
        finish_locked(s, &e);
    pthread_mutex_unlock(&h->lock);
}

static void stream_free_handle(struct handle *h)
{
    struct stream *s = (struct stream *)h;

    buf_free(&s->cursor.rest);
    buf_free(&s->unfinished);
}

static const struct handle_ops stream_ops = {
    .read = stream_read,
    .write = stream_write,
    .flush = stream_flush,
    .fsync = stream_fsync,
    .release = stream_release,
    .free = stream_free_handle,
};

int stream_open(fuse_req_t req, const struct at *at, struct fuse_file_info *fi, struct err *e)
{
    struct fs *fs = fs_of(req);
    struct stream *s;

    if (!is_read_open(fi) && !(fi->flags & O_APPEND))
        return err_set(e, ERR_PERM, "lines are appended (>>), not written over");
    if (!is_read_open(fi) && dirs_writable(fs, req, at, e) < 0)
        return -1;
    s = handle_new(fs, &stream_ops, at->ino, sizeof(*s), e);
    if (!s)
        return -1;
    s->in = at->in;
    s->opener.pid = fuse_req_ctx(req)->pid;
    s->sync = fi->flags & (O_SYNC | O_DSYNC);
    fi->direct_io = 1;
    if (is_read_open(fi))
        usage_read(fs->usage, at->v->number);
    fi->noflush = is_read_open(fi);
    handle_reply_open(req, &s->h, fi);
    return 0;
}

/* ---- Where nothing changes: exact sizes ---- */

#define MARK_BYTES (256u * 1024)

struct mark {
    uint64_t offset, after;
};

struct stream_map {
    struct stream_map *next;
    uint32_t version, type;
    uint64_t size;
    struct mark *marks; /* by offset */
    size_t n, cap;
    bool no_memory;
};

static pthread_mutex_t maps_lock = PTHREAD_MUTEX_INITIALIZER; /* guards fs->streams */

static int map_line(void *arg, struct span key, const struct item_stat *is, struct span text)
{
    struct stream_map *m = arg;
    size_t cap = m->cap ? m->cap * 2 : 64;
    struct mark *marks;

    (void)key;
    m->size += text.n;
    if (m->n && m->size - m->marks[m->n - 1].offset < MARK_BYTES)
        return 0;
    if (m->n == m->cap) {
        marks = realloc(m->marks, cap * sizeof(*marks));
        if (!marks) {
            m->no_memory = true;
            return 1;
        }
        m->marks = marks;
        m->cap = cap;
    }
    m->marks[m->n++] = (struct mark){m->size, is->number};
    return 0;
}

static void map_free(struct stream_map *m)
{
    free(m->marks);
    free(m);
}

static const struct stream_map *map_find(struct fs *fs, const struct at *at)
{
    struct stream_map *m;

    pthread_mutex_lock(&maps_lock);
    for (m = fs->streams; m; m = m->next)
        if (m->version == at->in.version && m->type == at->in.type)
            break;
    pthread_mutex_unlock(&maps_lock);
    return m;
}

static const struct stream_map *map_make(struct fs *fs, const struct at *at, struct err *e)
{
    struct stream_map *m = calloc(1, sizeof(*m));
    int r;

    if (!m) {
        err_nomem(e);
        return NULL;
    }
    m->version = at->in.version;
    m->type = at->in.type;
    loop_will_block();
    r = store_list(fs->store, at->cat, at->v, at->s, 0, LIST_TEXT | LIST_LINES, map_line, m, e);
    if (r == 0 && m->no_memory)
        r = err_nomem(e);
    if (r < 0) {
        map_free(m);
        return NULL;
    }
    pthread_mutex_lock(&maps_lock);
    m->next = fs->streams;
    fs->streams = m;
    pthread_mutex_unlock(&maps_lock);
    return m;
}

static const struct stream_map *map_of(struct fs *fs, const struct at *at, struct err *e)
{
    const struct stream_map *m = map_find(fs, at);

    return m ? m : map_make(fs, at, e);
}

int stream_size(struct fs *fs, const struct at *at, uint64_t *ret, struct err *e)
{
    const struct stream_map *m = map_of(fs, at, e);

    if (!m)
        return -1;
    *ret = m->size;
    return 0;
}

int stream_read_at(struct fs *fs, const struct at *at, uint64_t offset, size_t size,
                   struct buf *ret, struct err *e)
{
    const struct stream_map *m = map_of(fs, at, e);
    struct cursor c = {.offset = 0};
    struct span part = {"", 0};
    int r;

    if (!m)
        return -1;
    for (size_t i = 0; i < m->n && m->marks[i].offset <= offset; i++) {
        c.offset = m->marks[i].offset;
        c.after = m->marks[i].after;
    }
    r = cursor_read(fs, at, &c, offset, size, &part, e);
    if (r == 0 && !buf_addspan(ret, part))
        r = err_nomem(e);
    buf_free(&c.rest);
    return r;
}

void stream_free(struct fs *fs)
{
    while (fs->streams) {
        struct stream_map *next = fs->streams->next;

        map_free(fs->streams);
        fs->streams = next;
    }
}
