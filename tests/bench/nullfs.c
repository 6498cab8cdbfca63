/*
 * nullfs: one directory `Dog` of items that all hold the text of body.h, answered from memory.
 *
 * It keeps one bit for each item (there or not) and nothing else, so what a request costs here is
 * what the kernel, libfuse and the session loop cost. Items can be created, written, truncated and
 * unlinked; what is written is dropped. Inode numbers carry the item's number.
 *
 * With --push each READDIRPLUS is answered by a thread of its own, after it stored the contents of
 * the entries of the one before into the page cache (storing from a thread that answers READs
 * deadlocks). It remembers one listing at a time.
 */
#include "nullfs.h"
#include "body.h"

#include <errno.h>
#include <stdint.h>

enum { INO_DOG = 2, INO_ITEM = 16, LISTING_MAX = 1 << 20 };

const char *const null_count_names[NULL_COUNT_KINDS] = {
    "lookup", "getattr", "setattr", "open",    "read",        "write", "flush", "release",
    "create", "unlink",  "opendir", "readdir", "readdirplus", "xattr", "store",
};

static struct null *null_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static double timeout_s(const struct null *null)
{
    return null->timeouts == NULL_TIMEOUTS_INF ? 1e9 : 0;
}

static void count(fuse_req_t req, enum null_count kind)
{
    atomic_fetch_add_explicit(&null_of(req)->counts[kind], 1, memory_order_relaxed);
}

static bool item_there(struct null *null, unsigned number)
{
    return number < NULL_ITEMS_MAX && (null->there[number / 8] >> number % 8 & 1);
}

void null_item_set(struct null *null, unsigned number, bool there)
{
    unsigned end = null->end;

    if (!there) {
        null->there[number / 8] &= (unsigned char)~(1u << number % 8);
        return;
    }
    null->there[number / 8] |= (unsigned char)(1u << number % 8);
    while (end <= number && !atomic_compare_exchange_weak(&null->end, &end, number + 1))
        ;
}

/* The item of an inode number, or -1 for directories and what is not there. */
static long ino_item(struct null *null, fuse_ino_t ino)
{
    unsigned number = (unsigned)(ino - INO_ITEM);

    return ino >= INO_ITEM && item_there(null, number) ? (long)number : -1;
}

static struct stat ino_stat(fuse_ino_t ino)
{
    bool dir = ino < INO_ITEM;

    return (struct stat){
        .st_ino = ino,
        .st_mode = dir ? S_IFDIR | 0755 : S_IFREG | 0644,
        .st_nlink = dir ? 2 : 1,
        .st_size = dir ? 0 : BODY_SIZE,
        .st_blocks = dir ? 0 : 1,
        .st_mtim.tv_sec = 1700000000,
        .st_ctim.tv_sec = 1700000000,
        .st_atim.tv_sec = 1700000000,
    };
}

static struct fuse_entry_param entry_of(const struct null *null, fuse_ino_t ino)
{
    return (struct fuse_entry_param){
        .ino = ino,
        .attr = ino_stat(ino),
        .attr_timeout = timeout_s(null),
        .entry_timeout = timeout_s(null),
    };
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    const struct null *null = userdata;
    unsigned plus = FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO;

    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                              FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA);
    if (null->plus == NULL_PLUS_ALWAYS)
        conn->want = (conn->want | FUSE_CAP_READDIRPLUS) & ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
    if (null->plus == NULL_PLUS_NEVER)
        conn->want &= ~plus;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct null *null = null_of(req);
    long number = parent == INO_DOG ? body_number(name) : -1;
    struct fuse_entry_param entry = {.entry_timeout = timeout_s(null)};

    count(req, NULL_COUNT_LOOKUP);
    if (parent == FUSE_ROOT_ID && strcmp(name, "Dog") == 0)
        entry = entry_of(null, INO_DOG);
    else if (number >= 0 && item_there(null, (unsigned)number))
        entry = entry_of(null, (fuse_ino_t)number + INO_ITEM);
    fuse_reply_entry(req, &entry); /* inode 0 is a negative entry */
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
    (void)ino;
    (void)lookups;
    fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
    (void)n;
    (void)forgets;
    fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct stat st = ino_stat(ino);

    (void)fi;
    count(req, NULL_COUNT_GETATTR);
    fuse_reply_attr(req, &st, timeout_s(null_of(req)));
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
    struct stat st = ino_stat(ino);

    (void)fi;
    (void)attr;
    (void)to_set;
    count(req, NULL_COUNT_SETATTR);
    fuse_reply_attr(req, &st, timeout_s(null_of(req)));
}

/* Readers share the page cache; a writer's text passes it by. */
static void set_open_flags(const struct null *null, struct fuse_file_info *fi)
{
    bool reads = (fi->flags & O_ACCMODE) == O_RDONLY;

    fi->keep_cache = reads && null->timeouts == NULL_TIMEOUTS_INF;
    fi->noflush = reads && !null->read_flush;
    fi->direct_io = !reads;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct null *null = null_of(req);

    count(req, NULL_COUNT_OPEN);
    set_open_flags(null, fi);
    if (null->noopen)
        fuse_reply_err(req, ENOSYS);
    else if (ino_item(null, ino) < 0)
        fuse_reply_err(req, ENOENT);
    else
        fuse_reply_open(req, fi);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
    struct null *null = null_of(req);
    long number = parent == INO_DOG ? body_number(name) : -1;
    struct fuse_entry_param entry;

    (void)mode;
    count(req, NULL_COUNT_CREATE);
    if (number < 0 || number >= NULL_ITEMS_MAX) {
        fuse_reply_err(req, EPERM);
        return;
    }
    null_item_set(null, (unsigned)number, true);
    set_open_flags(null, fi);
    entry = entry_of(null, (fuse_ino_t)number + INO_ITEM);
    fuse_reply_create(req, &entry, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                    struct fuse_file_info *fi)
{
    char text[BODY_SIZE];
    size_t left = off < BODY_SIZE ? (size_t)(BODY_SIZE - off) : 0;

    (void)fi;
    count(req, NULL_COUNT_READ);
    body_write(text, (unsigned)(ino - INO_ITEM));
    fuse_reply_buf(req, text + BODY_SIZE - left, left < size ? left : size);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *text, size_t size, off_t off,
                     struct fuse_file_info *fi)
{
    (void)ino;
    (void)text;
    (void)off;
    (void)fi;
    count(req, NULL_COUNT_WRITE);
    fuse_reply_write(req, size);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    count(req, NULL_COUNT_FLUSH);
    fuse_reply_err(req, null_of(req)->noopen ? ENOSYS : 0);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    count(req, NULL_COUNT_RELEASE);
    fuse_reply_err(req, 0);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct null *null = null_of(req);
    long number = parent == INO_DOG ? body_number(name) : -1;

    count(req, NULL_COUNT_UNLINK);
    if (number >= 0 && item_there(null, (unsigned)number)) {
        null_item_set(null, (unsigned)number, false);
        fuse_reply_err(req, 0);
    } else {
        fuse_reply_err(req, ENOENT);
    }
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct null *null = null_of(req);

    (void)ino;
    count(req, NULL_COUNT_OPENDIR);
    fi->cache_readdir = null->timeouts == NULL_TIMEOUTS_INF;
    fi->keep_cache = null->timeouts == NULL_TIMEOUTS_INF;
    if (null->noopen)
        fuse_reply_err(req, ENOSYS);
    else
        fuse_reply_open(req, fi);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    fuse_reply_err(req, 0);
}

/* Adds one entry; 0 when it no longer fits. */
static size_t add_entry(fuse_req_t req, char *out, size_t room, const char *name, fuse_ino_t ino,
                        off_t next, bool plus)
{
    struct fuse_entry_param entry = entry_of(null_of(req), ino);
    size_t size = plus ? fuse_add_direntry_plus(req, out, room, name, &entry, next)
                       : fuse_add_direntry(req, out, room, name, &entry.attr, next);

    return size <= room ? size : 0;
}

/* Fills out[size] with the items from number *from on; leaves in it the number to go on with. */
static size_t list_items(fuse_req_t req, char *out, size_t size, unsigned *from, bool plus)
{
    struct null *null = null_of(req);
    size_t used = 0, added;
    char name[NAME_SIZE];
    unsigned i;

    for (i = *from; i < null->end; i++) {
        if (!item_there(null, i))
            continue;
        body_name(name, i);
        added = add_entry(req, out + used, size - used, name, i + INO_ITEM, (off_t)i + 1, plus);
        if (added == 0)
            break;
        used += added;
    }
    *from = i;
    return used;
}

/* Answers a listing; returns the number that the next one starts with. */
static unsigned reply_listing(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
    unsigned next = (unsigned)off;
    size_t used = 0;
    char *out;

    if (size > LISTING_MAX)
        size = LISTING_MAX;
    out = malloc(size);
    if (!out) {
        fuse_reply_err(req, ENOMEM);
        return next;
    }
    if (ino == INO_DOG)
        used = list_items(req, out, size, &next, plus);
    else if (off == 0)
        used = add_entry(req, out, size, "Dog", INO_DOG, 1, plus);
    fuse_reply_buf(req, out, used);
    free(out);
    return next;
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                       struct fuse_file_info *fi)
{
    (void)fi;
    count(req, NULL_COUNT_READDIR);
    reply_listing(req, ino, size, off, false);
}

static bool push_enqueue(struct null *null, struct null_job job)
{
    bool room;

    pthread_mutex_lock(&null->lock);
    room = null->count < NULL_JOBS_MAX;
    if (room)
        null->jobs[(null->first + null->count++) % NULL_JOBS_MAX] = job;
    pthread_cond_signal(&null->some);
    pthread_mutex_unlock(&null->lock);
    return room;
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                           struct fuse_file_info *fi)
{
    struct null *null = null_of(req);

    (void)fi;
    count(req, NULL_COUNT_READDIRPLUS);
    if (!null->push || ino != INO_DOG || !push_enqueue(null, (struct null_job){req, size, off}))
        reply_listing(req, ino, size, off, true);
}

/* Stores the text of one item in the page cache. */
static void push_item(struct null *null, unsigned number)
{
    char text[BODY_SIZE];
    struct fuse_bufvec buf = FUSE_BUFVEC_INIT(BODY_SIZE);

    body_write(text, number);
    buf.buf[0].mem = text;
    fuse_lowlevel_notify_store(null->session, number + INO_ITEM, 0, &buf, 0);
    atomic_fetch_add_explicit(&null->counts[NULL_COUNT_STORE], 1, memory_order_relaxed);
}

static struct null_job push_dequeue(struct null *null)
{
    struct null_job job;

    pthread_mutex_lock(&null->lock);
    while (null->count == 0)
        pthread_cond_wait(&null->some, &null->lock);
    job = null->jobs[null->first++ % NULL_JOBS_MAX];
    null->count--;
    pthread_mutex_unlock(&null->lock);
    return job;
}

void *null_push_thread(void *arg)
{
    struct null *null = arg;
    struct null_job job;

    for (;;) {
        job = push_dequeue(null);
        if (job.off != 0 && job.off == (off_t)null->listed_to)
            for (unsigned i = null->listed_from; i < null->listed_to; i++)
                if (item_there(null, i))
                    push_item(null, i);
        null->listed_from = (unsigned)job.off;
        null->listed_to = reply_listing(job.req, INO_DOG, job.size, job.off, true);
    }
    return NULL;
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    (void)ino;
    (void)name;
    (void)size;
    count(req, NULL_COUNT_XATTR);
    fuse_reply_err(req, null_of(req)->xattr == NULL_XATTR_ENODATA ? ENODATA : ENOSYS);
}

const struct fuse_lowlevel_ops null_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .open = op_open,
    .create = op_create,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .release = op_release,
    .unlink = op_unlink,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .releasedir = op_releasedir,
    .getxattr = op_getxattr,
};
