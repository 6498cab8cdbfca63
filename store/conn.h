/* Connections: the database, its prepared statements, and what translation needs. Private to store/;
 * internal.h has who may use which.
 *
 * Threads: a connection belongs to one at a time. */
#ifndef STORE_CONN_H
#define STORE_CONN_H

#include <sqlite3.h>

#include "../schemas/lens.h"
#include "store.h"
#include "tables.h"

struct store_tx;

/* The arg of a connection's lens_world (world.c). */
struct conn_world {
    struct conn *c;
    struct store_tx *tx;             /* inside a write transaction, else NULL */
    uint32_t needs_derive; /* why a read was given up: the step to be derived, then read again; 0 = none */
    uint64_t looked_up;    /* how many keys so far */
    /* The item that is being created: references to itself resolve. */
    uint64_t pending_id;
    struct span pending_key;
    uint32_t pending_space;
    /* A revision is read: other items are as they were then (history_read.c). */
    bool as_of;
    int64_t as_of_ns;
};

struct conn {
    struct store *store;
    sqlite3 *db;
    sqlite3_stmt *stmts[STMT_COUNT]; /* prepared at first use; see tables.h */
    struct expr_env *env;
    struct conn_world world;
    struct lens lens;      /* reset by whoever used it */
    struct catalog *newer; /* what reader_refresh took: a reference */
    struct record rec;     /* scratch of one call */
    struct buf text, scratch;
    struct conn *next; /* in the pool */
    bool writer;
    bool begun;    /* the writer: inside BEGIN and COMMIT */
    int lost;      /* what was begun must not go on, for this error; 0 = none */
    bool doubtful; /* a page was damaged: what the cache holds of it is not used again */
    uint64_t suspect; /* an item was damaged: its id, 0 = none */
};

/* A prepared statement, reset and unbound. It must be reset after use (stmt_done or conn_run). */
sqlite3_stmt *conn_stmt(struct conn *c, enum stmt id, struct err *e);
/* For statements of other kinds: owned by the caller (sqlite3_finalize). */
int conn_prepare(struct conn *c, const char *sql, sqlite3_stmt **ret, struct err *e);
/* One step: *ret_row tells whether there is a row. An error resets the statement. */
int conn_step(struct conn *c, sqlite3_stmt *st, bool *ret_row, struct err *e);
/* Steps a statement that gives no rows, and resets it. */
int conn_run(struct conn *c, sqlite3_stmt *st, struct err *e);
int conn_exec(struct conn *c, const char *sql, struct err *e);
/* Turns the connection's last SQLite error (rc) into *e; -1. */
int conn_error(struct conn *c, int rc, struct err *e);
static inline void stmt_done(sqlite3_stmt *st)
{
    sqlite3_reset(st);
}
/* Binds; out-of-memory shows when the statement is stepped (it is refused then). NULL-able span:
 * p == NULL binds NULL. Blobs and texts are borrowed until the statement is reset. */
static inline void bind_id(sqlite3_stmt *st, int i, uint64_t v)
{
    sqlite3_bind_int64(st, i, (sqlite3_int64)v);
}
void bind_text(sqlite3_stmt *st, int i, struct span s);
void bind_blob(sqlite3_stmt *st, int i, struct span s);
static inline uint64_t column_id(sqlite3_stmt *st, int i)
{
    return (uint64_t)sqlite3_column_int64(st, i);
}
/* Borrowed until the statement is stepped or reset. */
struct span column_span(sqlite3_stmt *st, int i);

/* A reading connection for catalog c, for one call. Never waits. Give it back with reader_put. */
int reader_get(struct store *s, const struct catalog *c, struct conn **ret, struct err *e);
void reader_put(struct conn *c); /* NULL is fine; resets its lens */
/* To be called after the first step of a read: its snapshot may hold records that were written
 * under a newer catalog than the caller's, which alone knows where their values stand. v stays the
 * caller's. */
void reader_refresh(struct conn *c, const struct version *v);
/* Calls that use no reader are counted too, so that store_close can wait for them. */
void calls_begin(struct store *s);
void calls_end(struct store *s);
void pool_close(struct store *s); /* waits for all calls */
/* Opens / closes a connection (for jobs: use reader_get). */
int conn_open(struct store *s, bool writer, struct conn **ret, struct err *e);
void conn_close(struct conn *c);
void conn_world_init(struct conn *c); /* world.c: the connection's lens and its world */

/* For backup.c: a store to be copied through its writer connection, which reads only; with the lock,
 * or without it beside the daemon that has it. NULL is fine to close. */
int store_open_source(const char *path, struct store **ret, struct err *e);
void store_close_source(struct store *s);
/* Makes names in the folder that `path` is in survive power loss. */
int file_sync_dir(const char *path, struct err *e);
/* format.c: refuses tables that are not exactly those of the file's format, and brings an older format
 * up to the present one. */
int format_check(struct store *s, struct conn *c, struct err *e);

#endif
