/* Opening and closing a store: the file is checked before SQLite touches it, so that a foreign,
 * newer or damaged file is left as it is. */
#include "internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lockfile.h"
#include "log_writes.h"
#include "missing.h"

/* ---- The file ---- */

static int refuse_path(const char *path, struct err *e)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return err_set(e, ERR_NOT_FOUND, "there is no \"%s\"", path);
    case EACCES:
    case EPERM:
        return err_set(e, ERR_ACCESS, "\"%s\": %s", path, strerror(errno));
    case ELOOP:
        return err_set(e, ERR_INVALID, "\"%s\" is a symbolic link", path);
    case ENOMEM:
        return err_nomem(e);
    case ENOSPC:
        return err_set(e, ERR_NO_SPACE, "\"%s\": %s", path, strerror(errno));
    case EROFS:
        return err_set(e, ERR_READ_ONLY, "\"%s\": %s", path, strerror(errno));
    default:
        return err_set(e, ERR_IO, "\"%s\": %s", path, strerror(errno));
    }
}

/* The folder's true path and the file's own name: only the last part may not be a link. */
static int resolve(const char *path, char **ret, struct err *e)
{
    char dir_copy[PATH_MAX], base_copy[PATH_MAX], dir[PATH_MAX];
    struct buf out BUF_CLEANUP = BUF_INIT;

    if (strlen(path) >= PATH_MAX - 16)
        return err_set(e, ERR_NAME_TOO_LONG, "\"%.100s...\" is too long a path", path);
    strcpy(dir_copy, path);
    strcpy(base_copy, path);
    if (!realpath(dirname(dir_copy), dir))
        return refuse_path(path, e);
    if (!buf_printf(&out, "%s/%s", strcmp(dir, "/") ? dir : "", basename(base_copy)) ||
        !buf_str(&out))
        return err_nomem(e);
    *ret = out.p;
    out = (struct buf)BUF_INIT;
    return 0;
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Offsets: "The Database Header", sqlite.org/fileformat2.html. */
static int check_header(const char *path, const unsigned char *h, size_t n, struct err *e)
{
    if (n < 100 || memcmp(h, "SQLite format 3", 16) != 0)
        return err_set(e, ERR_INVALID, "\"%s\" is not a schemafs store", path);
    if (big_endian(h + 68) != STORE_APPLICATION_ID)
        return err_set(e, ERR_INVALID, "\"%s\" is a database of another program", path);
    if (big_endian(h + 60) > STORE_FORMAT)
        return err_set(e, ERR_INVALID, "\"%s\" has format %u: a newer schemafs wrote it", path,
                       (unsigned)big_endian(h + 60));
    if (big_endian(h + 60) < STORE_FORMAT_FIRST)
        return err_set(e, ERR_INVALID, "\"%s\" has format %u, which is not known", path,
                       (unsigned)big_endian(h + 60));
    return 0;
}

static int check_file(int fd, const char *path, bool *ret_empty, struct err *e)
{
    unsigned char header[100];
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st))
        return refuse_path(path, e);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "\"%s\" is no ordinary file", path);
    if (st.st_nlink != 1)
        return err_set(e, ERR_INVALID, "\"%s\" has more than one name (hard links)", path);
    *ret_empty = st.st_size == 0;
    if (*ret_empty)
        return 0;
    n = pread(fd, header, sizeof header, 0);
    if (n < 0)
        return refuse_path(path, e);
    return check_header(path, header, (size_t)n, e);
}

/* *ret_empty: an empty file, which becomes a store as a missing one does. */
static int inspect(const char *path, bool *ret_missing, bool *ret_empty, struct err *e)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int rc;

    *ret_empty = *ret_missing = false;
    if (fd < 0 && errno == ENOENT) {
        *ret_missing = true;
        return 0;
    }
    if (fd < 0)
        return refuse_path(path, e);
    rc = check_file(fd, path, ret_empty, e);
    close(fd);
    return rc;
}

/* ---- Creating ---- */

int file_sync_dir(const char *path, struct err *e)
{
    char copy[PATH_MAX];
    int fd, rc = 0;

    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        rc = refuse_path(path, e);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int make_tables(struct conn *c, struct err *e)
{
    char sql[160];

    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             STORE_APPLICATION_ID, STORE_FORMAT);
    if (conn_exec(c, "PRAGMA synchronous = FULL; BEGIN", e) || conn_exec(c, sql, e))
        return -1;
    for (size_t i = 0; i < n_store_tables; i++)
        if (conn_exec(c, store_tables[i].sql, e))
            return -1;
    /* In write-ahead mode from the start; the last close copies everything into the file. */
    return conn_exec(c, "COMMIT; PRAGMA journal_mode = WAL;", e);
}

static int make_file(const char *path, const char *vfs, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct conn c = {.writer = true};
    int rc;

    if (fd < 0)
        return refuse_path(path, e);
    close(fd);
    rc = sqlite3_open_v2(path, &c.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, vfs);
    rc = rc == SQLITE_OK ? make_tables(&c, e) : conn_error(&c, rc, e);
    sqlite3_close_v2(c.db);
    return rc;
}

/* Made whole under another name, then renamed: a crash leaves no half store. */
static int create(const struct store *s, struct err *e)
{
    struct buf tmp BUF_CLEANUP = BUF_INIT;

    if (!buf_printf(&tmp, "%s-new", s->path) || !buf_str(&tmp))
        return err_nomem(e);
    unlink(tmp.p);
    if (make_file(tmp.p, s->vfs, e)) {
        unlink(tmp.p);
        return -1;
    }
    if (rename(tmp.p, s->path))
        return refuse_path(s->path, e);
    return file_sync_dir(s->path, e);
}

/* ---- Write-ahead logging ---- */

static int set_wal(struct store *s, struct conn *c, struct err *e)
{
    sqlite3_stmt *st;
    const char *mode;
    bool row = false;
    int rc;

    if (conn_prepare(c, "PRAGMA journal_mode = WAL", &st, e))
        return -1;
    rc = conn_step(c, st, &row, e);
    mode = rc == 0 && row ? (const char *)sqlite3_column_text(st, 0) : NULL;
    if (rc == 0 && (!mode || strcmp(mode, "wal") != 0))
        rc = err_set(e, ERR_IO, "\"%s\": write-ahead logging can't be used there", s->path);
    sqlite3_finalize(st);
    return rc;
}

/* ---- State that is kept in memory ---- */

static int load_counts(struct store *s, struct conn *c, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_COUNT_ALL, e);
    bool row;
    int rc;

    if (!st)
        return -1;
    while (!(rc = conn_step(c, st, &row, e)) && row) {
        struct count *counts = reallocarray(s->state.counts, s->state.n_counts + 1, sizeof *counts);
        if (!counts) {
            rc = err_nomem(e);
            break;
        }
        s->state.counts = counts;
        counts[s->state.n_counts++] =
            (struct count){.coll = (uint32_t)sqlite3_column_int64(st, 0),
                           .n = sqlite3_column_int64(st, 1)};
    }
    stmt_done(st);
    return rc;
}

/* The times that users gave to directories. */
static int load_mtimes(struct store *s, struct conn *c, struct err *e)
{
    char name[META_NUMBERED_SIZE];

    for (size_t i = 0; i < s->state.n_counts; i++) {
        struct count *n = &s->state.counts[i];
        if (meta_get(c, meta_numbered(META_MTIME, n->coll, name), &n->mtime_ns, e))
            return -1;
        n->given = n->mtime_ns != 0;
    }
    return 0;
}

static int has_rows(struct conn *c, enum stmt id, atomic_bool *ret, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, id, e);
    bool row;

    if (!st || conn_step(c, st, &row, e))
        return -1;
    stmt_done(st);
    atomic_store(ret, row);
    return 0;
}

static int load(struct store *s, struct err *e)
{
    struct conn *c = s->writer;
    int64_t next = 1;

    if (load_counts(s, c, e) || load_mtimes(s, c, e) || meta_get(c, META_NEXT_ITEM, &next, e) ||
        catalog_load(s, c, &s->state.cat, e) ||
        derive_list(c, s->state.cat, &s->state.underived, &s->state.n_underived, e) ||
        has_rows(c, STMT_ATTR_ANY, &s->has_attrs, e) ||
        has_rows(c, STMT_ATTR_ANY_DIR, &s->has_dir_attrs, e) || history_load(s, c, e))
        return -1;
    atomic_store(&s->n_underived, s->state.n_underived);
    atomic_store(&s->epoch, s->state.cat->epoch);
    if (next < 1 || (uint64_t)next > ITEM_NUMBERS_END + 1024)
        return err_set(e, ERR_INVALID, "\"%s\" is damaged: its next item has an impossible number",
                       s->path);
    s->next_item = s->reserved_items = (uint64_t)next;
    return 0;
}

/* ---- Opening ---- */

static void store_free(struct store *s)
{
    missing_free(s->missing);
    conn_close(s->writer);
    log_writes_free(s->log_writes);
    lockfile_release(s->lock_path, s->lock_fd);
    catalog_unref(s->state.cat);
    catalog_unref(s->state.past);
    unique_plan_free(s->uniques);
    free(s->state.counts);
    free(s->state.underived);
    pthread_mutex_destroy(&s->queue.lock);
    pthread_mutex_destroy(&s->pool.lock);
    pthread_mutex_destroy(&s->state.lock);
    pthread_cond_destroy(&s->pool.idle);
    free(s->path);
    free(s->lock_path);
    free(s->vfs);
    free(s);
}

static int store_alloc(const char *path, const struct store_options *o, struct store **ret,
                       struct err *e)
{
    struct store *s = calloc(1, sizeof *s);
    struct buf lock BUF_CLEANUP = BUF_INIT;

    if (!s)
        return err_nomem(e);
    sqlite3_hard_heap_limit64(SQLITE_HEAP_LIMIT);
    s->lock_fd = -1;
    s->read_only = o->read_only;
    s->sync = o->sync;
    s->wal_checkpoint = o->wal_frames ? (int)o->wal_frames : WAL_CHECKPOINT;
    s->max_item_bytes = o->max_item_bytes ? o->max_item_bytes : ITEM_MAX_BYTES_DEFAULT;
    s->history.count = o->no_history ? 0
                       : o->history_count ? o->history_count : HISTORY_COUNT_DEFAULT;
    s->history.age_ns = 1000000000 * (o->history_age_s ? o->history_age_s : HISTORY_AGE_DEFAULT_S);
    pthread_mutex_init(&s->queue.lock, NULL);
    pthread_mutex_init(&s->pool.lock, NULL);
    pthread_mutex_init(&s->state.lock, NULL);
    pthread_cond_init(&s->pool.idle, NULL);
    *ret = s;
    if (o->vfs && !(s->vfs = strdup(o->vfs)))
        return err_nomem(e);
    if (resolve(path, &s->path, e))
        return -1;
    if (!buf_printf(&lock, "%s-lock", s->path) || !buf_str(&lock))
        return err_nomem(e);
    s->lock_path = lock.p;
    lock = (struct buf)BUF_INIT;
    return 0;
}

static int log_has_frames(const struct store *s, bool *ret, struct err *e)
{
    struct buf wal BUF_CLEANUP = BUF_INIT;
    struct stat st;

    if (!buf_printf(&wal, "%s-wal", s->path) || !buf_str(&wal))
        return err_nomem(e);
    *ret = stat(wal.p, &st) == 0 && st.st_size > 0;
    return 0;
}

/* In a folder that can't be written, a store can still be read, if nothing waits in its log. */
static int go_immutable(struct store *s, const struct err *why, struct err *e)
{
    bool has_log = false;

    if (!s->read_only || (why->code != ERR_READ_ONLY && why->code != ERR_ACCESS)) {
        *e = *why;
        return -1;
    }
    if (log_has_frames(s, &has_log, e))
        return -1;
    if (has_log)
        return err_set(e, ERR_READ_ONLY,
                       "\"%s\" was not closed, and its folder can't be written to finish that",
                       s->path);
    s->immutable = true;
    return 0;
}

static int take_lock(struct store *s, struct err *e)
{
    struct err why = ERR_INIT;

    if (lockfile_take(s->lock_path, s->path, &s->lock_fd, &why))
        return go_immutable(s, &why, e);
    return 0;
}

/* What its log holds must not be written into a file that is refused. */
static void leave_log(struct store *s)
{
    if (s->writer)
        sqlite3_db_config(s->writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
}

/* For fsck: whatever can be had of it. */
static int open_bare(struct store *s, struct err *e)
{
    damage_set(s, e->text);
    err_clear(e);
    s->bare = true;
    return s->state.cat ? 0 : catalog_bare(s->writer, &s->state.cat, e);
}

/* A damaged page does not keep the rest from being read. */
static int glance(struct store *s, struct err *e)
{
    if (fsck_glance(s, s->writer, e) == 0)
        return 0;
    if (!s->writer->doubtful)
        return -1;
    damage_set(s, "a page of the file is damaged");
    err_clear(e);
    return 0;
}

static int open_content(struct store *s, const struct store_options *o, struct err *e)
{
    bool has_log = false;
    int rc;

    if (log_has_frames(s, &has_log, e) || conn_open(s, true, &s->writer, e))
        return -1;
    rc = format_check(s, s->writer, e);
    if (rc == 0 && !s->immutable)
        rc = set_wal(s, s->writer, e);
    if (rc == 0)
        rc = load(s, e);
    if (rc == 0)
        rc = glance(s, e);
    if (rc == 0 && !s->immutable)
        s->log_writes = log_writes_new(s->writer->db);
    if (rc == 0 && !s->immutable)
        s->missing = missing_new();
    if (rc && o->damaged_too && (e->code == ERR_INVALID || e->code == ERR_IO))
        rc = open_bare(s, e);
    if (rc && has_log)
        leave_log(s);
    return rc;
}

static int open_file(struct store *s, const struct store_options *o, struct err *e)
{
    bool missing, empty;

    if (inspect(s->path, &missing, &empty, e))
        return -1;
    if (missing && (!o->create || o->read_only))
        return err_set(e, ERR_NOT_FOUND, "there is no \"%s\"", s->path);
    if (take_lock(s, e) || inspect(s->path, &missing, &empty, e)) /* now that nobody changes it */
        return -1;
    if (empty && (!o->create || o->read_only))
        return err_set(e, ERR_INVALID, "\"%s\" is empty, not a schemafs store", s->path);
    if ((missing || empty) && create(s, e))
        return -1;
    if (open_content(s, o, e))
        return e->code == ERR_IO ? err_source(e, s->path) : -1;
    return 0;
}

int store_start_jobs(struct store *s, struct err *e)
{
    if (damage_is_known(s))
        return 0;
    return store_jobs_start(s, e) || sweep_start(s, e) || trim_start(s, e) ? -1 : 0;
}

int store_open(const char *path, const struct store_options *o, struct store **ret, struct err *e)
{
    struct store *s = NULL;

    if (store_alloc(path, o, &s, e) || open_file(s, o, e)) {
        if (s)
            store_free(s);
        return -1;
    }
    if (!o->no_jobs && !o->read_only && store_start_jobs(s, e)) {
        store_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

/* Beside its daemon: one reading connection, in the writer's place. */
static int open_beside(struct store *s, struct err *e)
{
    bool missing, empty;

    if (inspect(s->path, &missing, &empty, e))
        return -1;
    if (missing || empty)
        return err_set(e, ERR_BUSY, "\"%s\" is being made by another process", s->path);
    return conn_open(s, false, &s->writer, e) || format_check(s, s->writer, e) ? -1 : 0;
}

int store_open_source(const char *path, struct store **ret, struct err *e)
{
    struct store_options o = {.read_only = true, .no_jobs = true};
    struct err why = ERR_INIT;
    struct store *s = NULL;

    if (store_open(path, &o, ret, &why) == 0)
        return 0;
    if (why.code != ERR_BUSY) {
        *e = why;
        return -1;
    }
    if (store_alloc(path, &o, &s, e) || open_beside(s, e)) {
        if (s)
            store_free(s);
        return -1;
    }
    *ret = s;
    return 0;
}

void store_close_source(struct store *s)
{
    if (s && s->lock_fd < 0 && !s->immutable)
        store_free(s);
    else
        store_close(s);
}

static int mtimes_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct store *s = tx->store;
    int rc = 0;

    (void)arg;
    pthread_mutex_lock(&s->state.lock);
    for (size_t i = 0; i < s->state.n_counts && rc == 0; i++)
        if (s->state.counts[i].mtime_ns && !s->state.counts[i].given)
            rc = tx_names_mtime(tx, s->state.counts[i].coll, s->state.counts[i].mtime_ns, e);
    pthread_mutex_unlock(&s->state.lock);
    return rc;
}

/* When the names of each directory changed last; after a crash they are as old as the mount. */
static void keep_mtimes(struct store *s)
{
    struct err ignored = ERR_INIT;
    bool changed = false;

    for (size_t i = 0; i < s->state.n_counts; i++)
        changed |= s->state.counts[i].mtime_ns && !s->state.counts[i].given;
    if (changed && s->writer && !s->read_only && !atomic_load(&s->failed))
        store_write(s, 0, mtimes_op, NULL, &ignored);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    trim_stop(s);
    sweep_stop(s);
    store_jobs_stop(s);
    keep_mtimes(s);
    pool_close(s);
    missing_free(s->missing);
    s->missing = NULL;
    /* Nothing is lost when this can't be done: the log is read at the next opening. */
    if (s->writer && atomic_load(&s->failed))
        sqlite3_db_config(s->writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    else if (s->writer && !s->immutable)
        sqlite3_wal_checkpoint_v2(s->writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    store_free(s);
}

struct catalog *store_catalog(struct store *s)
{
    struct catalog *c;

    pthread_mutex_lock(&s->state.lock);
    c = catalog_ref(s->state.cat);
    pthread_mutex_unlock(&s->state.lock);
    return c;
}

void store_on_change(struct store *s, store_change_fn fn, void *arg)
{
    pthread_mutex_lock(&s->state.lock); /* jobs may be at work since store_open */
    s->on_change = fn;
    s->on_change_arg = arg;
    pthread_mutex_unlock(&s->state.lock);
}

void store_on_wait(struct store *s, void (*fn)(void))
{
    s->on_wait = fn;
}

bool store_derives_first(struct store *s, const struct version *v, const struct shape *shape)
{
    return derive_waits(s, v, shape->coll);
}

int64_t store_count(struct store *s, const struct version *v, const struct shape *shape)
{
    int64_t n = 0;

    (void)v;
    if (!coll_is_derived(s, shape->coll) || !names_are_derived(s, shape))
        return -1;
    pthread_mutex_lock(&s->state.lock);
    for (size_t i = 0; i < s->state.n_counts; i++)
        if (s->state.counts[i].coll == shape_set(shape))
            n = s->state.counts[i].n;
    pthread_mutex_unlock(&s->state.lock);
    return n;
}
