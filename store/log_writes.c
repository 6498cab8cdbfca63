#include "log_writes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define HELD_BYTES   (64 * 1024)
#define HEADER_BYTES 24 /* of a frame: "The WAL File Format", sqlite.org/fileformat2.html */

/* The file keeps its object, and has this table of methods in place of its own. */
struct log_writes {
    sqlite3_io_methods methods;
    const sqlite3_io_methods *base;
    char *held;
    int n;
    sqlite3_int64 at;  /* where the held bytes belong */
    sqlite3_int64 end; /* of all that was written since the log began anew; what is held counts */
    bool page_comes;   /* the last bytes held are a frame's header */
    bool is_last;      /* and the frame ends a commit */
};

static struct log_writes *of(sqlite3_file *f)
{
    return (struct log_writes *)((char *)f->pMethods - offsetof(struct log_writes, methods));
}

/* What can't be written is forgotten: SQLite gives the transaction up. */
static int write_held(sqlite3_file *f)
{
    struct log_writes *w = of(f);
    int n = w->n;

    w->n = 0;
    w->page_comes = false;
    return n ? w->base->xWrite(f, w->held, n, w->at) : SQLITE_OK;
}

static int write_at_once(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    struct log_writes *w = of(f);
    int rc = write_held(f);

    if (at == 0)
        w->end = n;
    else if (at + n > w->end)
        w->end = at + n;
    return rc == SQLITE_OK ? w->base->xWrite(f, from, n, at) : rc;
}

static void hold(struct log_writes *w, const void *from, int n, sqlite3_int64 at)
{
    if (w->n == 0)
        w->at = at;
    memcpy(w->held + w->n, from, (size_t)n);
    w->n += n;
    w->end = at + n;
}

/* How many pages the database has after the commit stands in its last frame alone. */
static bool ends_commit(const unsigned char *header)
{
    return header[4] || header[5] || header[6] || header[7];
}

static int log_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    struct log_writes *w = of(f);
    bool is_header = !w->page_comes && n == HEADER_BYTES;
    bool is_page = w->page_comes && n > HEADER_BYTES;

    if (at != w->end || !(is_header || is_page) || n > HELD_BYTES - w->n)
        return write_at_once(f, from, n, at);
    hold(w, from, n, at);
    w->page_comes = is_header;
    if (is_header)
        w->is_last = ends_commit(from);
    return is_page && w->is_last ? write_held(f) : SQLITE_OK;
}

/* ---- The other methods ---- */

static int log_close(sqlite3_file *f)
{
    struct log_writes *w = of(f);
    int rc = write_held(f), closed;

    f->pMethods = w->base;
    closed = w->base->xClose(f);
    return rc == SQLITE_OK ? closed : rc;
}

static int log_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    int rc = write_held(f);
    return rc == SQLITE_OK ? of(f)->base->xRead(f, to, n, at) : rc;
}

static int log_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = write_held(f);
    return rc == SQLITE_OK ? of(f)->base->xTruncate(f, size) : rc;
}

static int log_sync(sqlite3_file *f, int flags)
{
    int rc = write_held(f);
    return rc == SQLITE_OK ? of(f)->base->xSync(f, flags) : rc;
}

static int log_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    int rc = write_held(f);
    return rc == SQLITE_OK ? of(f)->base->xFileSize(f, ret) : rc;
}

/* ---- Its life ---- */

struct log_writes *log_writes_new(sqlite3 *db)
{
    struct log_writes *w = malloc(sizeof *w);
    char *held = malloc(HELD_BYTES);
    sqlite3_file *log = NULL;

    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (!w || !held || !log || !log->pMethods) {
        free(w);
        free(held);
        return NULL;
    }
    *w = (struct log_writes){.methods = *log->pMethods, .base = log->pMethods, .held = held};
    w->methods.xClose = log_close;
    w->methods.xRead = log_read;
    w->methods.xWrite = log_write;
    w->methods.xTruncate = log_truncate;
    w->methods.xSync = log_sync;
    w->methods.xFileSize = log_size;
    log->pMethods = &w->methods;
    return w;
}

void log_writes_free(struct log_writes *w)
{
    if (!w)
        return;
    free(w->held);
    free(w);
}
