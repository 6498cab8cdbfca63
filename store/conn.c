/* Connections: settings, prepared statements, errors, and the pool of readers. */
#include "internal.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

/* ---- Errors ---- */

struct code_text {
    int rc; /* primary result code */
    enum err_code code;
    const char *text;
};
static const struct code_text code_texts[] = {
    {SQLITE_FULL, ERR_NO_SPACE, "no space is left for the store"},
    {SQLITE_NOMEM, ERR_NO_MEMORY, "out of memory"},
    {SQLITE_BUSY, ERR_BUSY, "the store is locked by another program"},
    {SQLITE_LOCKED, ERR_BUSY, "the store is locked by another program"},
    {SQLITE_READONLY, ERR_READ_ONLY, "the store can't be written"},
    {SQLITE_PERM, ERR_ACCESS, "the store can't be opened"},
    {SQLITE_CANTOPEN, ERR_IO, "the store can't be opened"},
    {SQLITE_CORRUPT, ERR_IO, "the store is damaged"},
    {SQLITE_NOTADB, ERR_IO, "the store is damaged"},
    {SQLITE_INTERRUPT, ERR_INTERRUPTED, "interrupted"},
    {SQLITE_TOOBIG, ERR_TOO_BIG, "too big for the store"},
    {SQLITE_IOERR, ERR_IO, "input/output error on the store"},
};

static bool is_sync_failure(int rc)
{
    return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
}

int conn_error(struct conn *c, int rc, struct err *e)
{
    int extended = c->db ? sqlite3_extended_errcode(c->db) : rc;
    const struct code_text *t = NULL;

    if (c->writer && c->store && (is_sync_failure(rc) || is_sync_failure(extended)))
        atomic_store(&c->store->failed, true);
    if (c->begun && !c->lost && sqlite3_get_autocommit(c->db))
        c->lost = rc;
    if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        c->doubtful = true;
    if (rc == SQLITE_IOERR_NOMEM)
        return err_nomem(e);
    for (size_t i = 0; i < sizeof code_texts / sizeof code_texts[0]; i++)
        if (code_texts[i].rc == (rc & 0xff))
            t = &code_texts[i];
    if (!t)
        return err_set(e, ERR_IO, "the store: %s", c->db ? sqlite3_errmsg(c->db) : "not open");
    if (t->code == ERR_NO_MEMORY)
        return err_nomem(e);
    return err_set(e, t->code, "%s (SQLite %d)", t->text, extended);
}

/* ---- Statements ---- */

int conn_prepare(struct conn *c, const char *sql, sqlite3_stmt **ret, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return conn_error(c, rc, e);
    *ret = st;
    return 0;
}

sqlite3_stmt *conn_stmt(struct conn *c, enum stmt id, struct err *e)
{
    sqlite3_stmt *st = c->stmts[id];
    int rc;

    if (st) {
        assert(!sqlite3_stmt_busy(st));
        return st;
    }
    rc =
        sqlite3_prepare_v3(c->db, stmt_sql[id], -1, SQLITE_PREPARE_PERSISTENT, &c->stmts[id], NULL);
    if (rc != SQLITE_OK) {
        conn_error(c, rc, e);
        return NULL;
    }
    return c->stmts[id];
}

/* SQLite undoes the whole transaction on some errors. Whoever passed such an error over must not go
 * on: every statement would be a transaction of its own. */
static bool is_lost(const struct conn *c)
{
    return c->begun && c->lost;
}

int conn_step(struct conn *c, sqlite3_stmt *st, bool *ret_row, struct err *e)
{
    int rc;
    if (is_lost(c)) {
        sqlite3_reset(st);
        return conn_error(c, c->lost, e);
    }
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        *ret_row = rc == SQLITE_ROW;
        return 0;
    }
    conn_error(c, rc, e);
    sqlite3_reset(st);
    return -1;
}

int conn_run(struct conn *c, sqlite3_stmt *st, struct err *e)
{
    bool row = true;
    int rc = 0;
    while (row && !rc)
        rc = conn_step(c, st, &row, e);
    sqlite3_reset(st);
    return rc;
}

int conn_exec(struct conn *c, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : conn_error(c, rc, e);
}

void bind_text(sqlite3_stmt *st, int i, struct span s)
{
    if (s.p)
        sqlite3_bind_text64(st, i, s.p, s.n, SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_bind_null(st, i);
}

void bind_blob(sqlite3_stmt *st, int i, struct span s)
{
    if (s.p)
        sqlite3_bind_blob64(st, i, s.p, s.n, SQLITE_STATIC);
    else
        sqlite3_bind_null(st, i);
}

struct span column_span(sqlite3_stmt *st, int i)
{
    const char *p = sqlite3_column_type(st, i) == SQLITE_TEXT
                        ? (const char *)sqlite3_column_text(st, i)
                        : sqlite3_column_blob(st, i);
    return (struct span){p ? p : "", (size_t)sqlite3_column_bytes(st, i)};
}

/* ---- Opening ---- */

/* SQLITE_DBCONFIG_...: what a crafted file could otherwise use. */
struct db_switch {
    int op, on;
};
static const struct db_switch db_switches[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    {SQLITE_DBCONFIG_DQS_DDL, 0},        {SQLITE_DBCONFIG_DQS_DML, 0},
};

static const char pragmas_all[] = "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; "
                                  "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;";
static const char pragmas_writer[] = "PRAGMA cache_size = -8192; PRAGMA synchronous = NORMAL; "
                                     "PRAGMA journal_size_limit = 67108864;";
static const char pragmas_reader[] = "PRAGMA cache_size = -2048; PRAGMA query_only = ON;";

/* "file:PATH?immutable=1" with what a URI gives a meaning escaped. */
static bool immutable_uri(const char *path, struct buf *out)
{
    if (!buf_adds(out, "file:"))
        return false;
    for (const char *p = path; *p; p++)
        if (strchr("?#%", *p) ? !buf_printf(out, "%%%02X", (unsigned char)*p) : !buf_addc(out, *p))
            return false;
    return buf_adds(out, "?immutable=1") && buf_str(out);
}

static int open_db(struct store *s, struct conn *c, struct err *e)
{
    struct buf uri BUF_CLEANUP = BUF_INIT;
    bool writes = c->writer && !s->immutable;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_URI;
    int rc;

    if (s->immutable && !immutable_uri(s->path, &uri))
        return err_nomem(e);
    flags |= writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    rc = sqlite3_open_v2(s->immutable ? uri.p : s->path, &c->db, flags, s->vfs);
    if (rc != SQLITE_OK)
        return conn_error(c, rc, e);
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, 2000);
    for (size_t i = 0; i < sizeof db_switches / sizeof db_switches[0]; i++)
        sqlite3_db_config(c->db, db_switches[i].op, db_switches[i].on, (int *)NULL);
    if (!c->writer)
        sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    if (conn_exec(c, pragmas_all, e) ||
        conn_exec(c, c->writer ? pragmas_writer : pragmas_reader, e))
        return -1;
    return 0;
}

static int on_commit(void *arg, sqlite3 *db, const char *name, int frames)
{
    struct store *s = arg;
    (void)db;
    (void)name;
    s->wal_frames = frames;
    return SQLITE_OK;
}

/* What ends a transaction must not need memory when there is none. */
static int ready_writer(struct store *s, struct conn *c, struct err *e)
{
    for (int id = STMT_BEGIN_WRITE; id <= STMT_SAVEPOINT_END; id++)
        if (!conn_stmt(c, (enum stmt)id, e))
            return -1;
    sqlite3_wal_hook(c->db, on_commit, s);
    return 0;
}

/* What another file holds is never served. */
static int same_file(struct store *s, bool writer, struct err *e)
{
    if (writer)
        damage_know_file(s);
    else if (damage_file_is_away(s))
        return err_set(e, ERR_IO, "\"%s\" was moved, replaced or deleted", s->path);
    return 0;
}

int conn_open(struct store *s, bool writer, struct conn **ret, struct err *e)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e);
    c->store = s;
    c->writer = writer;
    c->world.c = c;
    if (open_db(s, c, e) || same_file(s, writer, e) || expr_env_new(&c->env, e)) {
        conn_close(c);
        return -1;
    }
    conn_world_init(c);
    if (writer && ready_writer(s, c, e)) {
        conn_close(c);
        return -1;
    }
    *ret = c;
    return 0;
}

void conn_close(struct conn *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(c->stmts[i]);
    lens_deinit(&c->lens);
    record_free(&c->rec);
    buf_free(&c->text);
    buf_free(&c->scratch);
    if (c->env)
        expr_env_free(c->env);
    sqlite3_close_v2(c->db);
    free(c);
}

/* ---- The pool ---- */

void calls_begin(struct store *s)
{
    pthread_mutex_lock(&s->pool.lock);
    s->pool.calls++;
    pthread_mutex_unlock(&s->pool.lock);
}

void calls_end(struct store *s)
{
    pthread_mutex_lock(&s->pool.lock);
    if (--s->pool.calls == 0)
        pthread_cond_broadcast(&s->pool.idle);
    pthread_mutex_unlock(&s->pool.lock);
}

static struct conn *pool_take(struct store *s)
{
    struct conn *c;
    pthread_mutex_lock(&s->pool.lock);
    s->pool.calls++;
    c = s->pool.free;
    if (c) {
        s->pool.free = c->next;
        s->pool.n_free--;
    }
    pthread_mutex_unlock(&s->pool.lock);
    return c;
}

int reader_get(struct store *s, const struct catalog *cat, struct conn **ret, struct err *e)
{
    struct conn *c = pool_take(s);
    if (!c && conn_open(s, false, &c, e)) {
        calls_end(s);
        return -1;
    }
    c->next = NULL;
    c->lens.cat = cat;
    c->world.needs_derive = 0;
    c->world.as_of = false;
    *ret = c;
    return 0;
}

void reader_refresh(struct conn *c, const struct version *v)
{
    const struct catalog *had = c->lens.cat;
    const struct catalog_entry *entry;
    struct catalog *now;

    if (!had || c->newer || atomic_load(&c->store->epoch) == had->epoch)
        return;
    now = store_catalog(c->store);
    entry = catalog_entry(now, v->number);
    if (!entry || entry->state == VERSION_GONE || now->epoch < had->epoch) {
        catalog_unref(now);
        return;
    }
    c->newer = now;
    c->lens.cat = now;
}

/* Memory that one big item needed is not kept for the small ones that follow. */
static void shrink(struct buf *b)
{
    if (b->cap > 256u * 1024u)
        buf_free(b);
    else
        buf_reset(b);
}

void reader_put(struct conn *c)
{
    struct store *s = c ? c->store : NULL;
    if (!c)
        return;
    lens_reset(&c->lens);
    c->lens.cat = NULL;
    catalog_unref(c->newer);
    c->newer = NULL;
    shrink(&c->text);
    shrink(&c->scratch);
    damage_met(s, c);
    if (c->rec.cap > 4096)
        record_free(&c->rec);
    pthread_mutex_lock(&s->pool.lock);
    if (s->pool.n_free < READERS_KEPT && !c->doubtful) {
        c->next = s->pool.free;
        s->pool.free = c;
        s->pool.n_free++;
        c = NULL;
    }
    if (--s->pool.calls == 0)
        pthread_cond_broadcast(&s->pool.idle);
    pthread_mutex_unlock(&s->pool.lock);
    if (c)
        conn_close(c);
}

void pool_close(struct store *s)
{
    pthread_mutex_lock(&s->pool.lock);
    while (s->pool.calls)
        pthread_cond_wait(&s->pool.idle, &s->pool.lock);
    while (s->pool.free) {
        struct conn *c = s->pool.free;
        s->pool.free = c->next;
        conn_close(c);
    }
    s->pool.n_free = 0;
    pthread_mutex_unlock(&s->pool.lock);
}
