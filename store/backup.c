#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define PAGES_A_STEP 512

struct backup {
    struct store *from;
    const char *to;
    struct buf tmp; /* TO-new */
    int fd;         /* of it: its lock */
    bool made;      /* it is ours to remove */
    sqlite3 *copy;
    backup_progress_fn progress;
    void *arg;
};

static int refuse(const char *path, struct err *e)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return err_set(e, ERR_NOT_FOUND, "\"%s\": %s", path, strerror(errno));
    case EEXIST:
        return err_set(e, ERR_EXISTS, "\"%s\" is there already", path);
    case EACCES:
    case EPERM:
        return err_set(e, ERR_ACCESS, "\"%s\": %s", path, strerror(errno));
    case ENOSPC:
    case EDQUOT:
        return err_set(e, ERR_NO_SPACE, "\"%s\": %s", path, strerror(errno));
    case EROFS:
        return err_set(e, ERR_READ_ONLY, "\"%s\": %s", path, strerror(errno));
    default:
        return err_set(e, ERR_IO, "\"%s\": %s", path, strerror(errno));
    }
}

/* ---- The place ---- */

/* The lock ends with the descriptor, so one that a killed backup left is free to be taken. */
static int take_place(struct backup *b, struct err *e)
{
    struct stat st;

    if (lstat(b->to, &st) == 0) {
        errno = EEXIST;
        return refuse(b->to, e);
    }
    if (!buf_printf(&b->tmp, "%s-new", b->to) || !buf_str(&b->tmp))
        return err_nomem(e);
    b->fd = open(b->tmp.p, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (b->fd < 0)
        return refuse(b->tmp.p, e);
    if (fstat(b->fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1)
        return err_set(e, ERR_INVALID, "\"%s\" is no ordinary file", b->tmp.p);
    if (flock(b->fd, LOCK_EX | LOCK_NB))
        return err_set(e, ERR_BUSY, "another backup to \"%s\" is under way", b->to);
    b->made = true;
    return ftruncate(b->fd, 0) ? refuse(b->tmp.p, e) : 0;
}

static int open_copy(struct backup *b, struct err *e)
{
    int rc = sqlite3_open_v2(b->tmp.p, &b->copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
                             b->from->vfs);

    /* It is synced as a whole, and thrown away when it did not get that far. */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL,
                          NULL, NULL);
    return rc == SQLITE_OK ? 0 : err_set(e, ERR_IO, "\"%s\": %s", b->tmp.p, sqlite3_errstr(rc));
}

/* ---- The copy ---- */

static int refuse_step(struct backup *b, int rc, struct err *e)
{
    struct conn *c = b->from->writer;

    switch (rc & 0xff) {
    case SQLITE_FULL:
        return err_set(e, ERR_NO_SPACE, "no space is left for \"%s\"", b->tmp.p);
    case SQLITE_NOMEM:
        return err_nomem(e);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return conn_error(c, rc, e);
    default:
        return err_set(e, ERR_IO, "\"%s\": %s (SQLite %d)", b->tmp.p, sqlite3_errstr(rc), rc);
    }
}

static int copy_pages(struct backup *b, sqlite3_backup *pages, struct err *e)
{
    int rc;

    do {
        rc = sqlite3_backup_step(pages, PAGES_A_STEP);
        uint64_t total = (uint64_t)sqlite3_backup_pagecount(pages);
        uint64_t left = (uint64_t)sqlite3_backup_remaining(pages);
        if (rc == SQLITE_OK && b->progress && b->progress(b->arg, total - left, total))
            return err_set(e, ERR_INTERRUPTED, "interrupted");
    } while (rc == SQLITE_OK);
    return rc == SQLITE_DONE ? 0 : refuse_step(b, rc, e);
}

/* What is begun before the first page stays begun: all pages are of one moment. */
static int copy(struct backup *b, struct err *e)
{
    struct conn *c = b->from->writer;
    sqlite3_backup *pages;
    int rc;

    if (conn_exec(c, "BEGIN; SELECT 1 FROM meta LIMIT 1", e))
        return -1;
    pages = sqlite3_backup_init(b->copy, "main", c->db, "main");
    if (!pages)
        return err_set(e, ERR_IO, "\"%s\": %s", b->tmp.p, sqlite3_errmsg(b->copy));
    rc = copy_pages(b, pages, e);
    if (sqlite3_backup_finish(pages) != SQLITE_OK && rc == 0)
        rc = err_set(e, ERR_IO, "\"%s\": %s", b->tmp.p, sqlite3_errmsg(b->copy));
    return rc || conn_exec(c, "COMMIT", e) ? -1 : 0;
}

/* Never over something that has come up meanwhile. */
static int give_name(const struct backup *b)
{
    if (renameat2(AT_FDCWD, b->tmp.p, AT_FDCWD, b->to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL) /* a file system that can't promise that for a rename can for a link */
        return -1;
    return link(b->tmp.p, b->to) || unlink(b->tmp.p) ? -1 : 0;
}

/* Closing the copy drops SQLite's locks, which nobody needs; ours is of another kind. */
static int publish(struct backup *b, struct err *e)
{
    int rc = sqlite3_close(b->copy);

    b->copy = NULL;
    if (rc != SQLITE_OK)
        return err_set(e, ERR_IO, "\"%s\": %s", b->tmp.p, sqlite3_errstr(rc));
    if (fsync(b->fd))
        return refuse(b->tmp.p, e);
    if (give_name(b))
        return refuse(b->to, e);
    b->made = false;
    return file_sync_dir(b->to, e);
}

int store_backup(const char *store, const char *to, backup_progress_fn progress, void *arg,
                 struct err *e)
{
    struct backup b = {.to = to, .fd = -1, .progress = progress, .arg = arg};
    int rc = store_open_source(store, &b.from, e);

    if (rc == 0)
        rc = take_place(&b, e);
    if (rc == 0)
        rc = open_copy(&b, e);
    if (rc == 0)
        rc = copy(&b, e);
    if (rc == 0)
        rc = publish(&b, e);
    sqlite3_close(b.copy);
    if (b.made)
        unlink(b.tmp.p);
    if (b.fd >= 0)
        close(b.fd);
    store_close_source(b.from);
    buf_free(&b.tmp);
    return rc;
}
