/* Inside queries: shared by the query*.c files.
 *
 *   query.c        a query's life: prepared, judged, run; what SQLite says put into our words
 *   query_vtab.c   the tables: a type's items as rows
 *   query_index.c  equality over any column of a type, by one scan
 */
#ifndef STORE_QUERY_INT_H
#define STORE_QUERY_INT_H

#include "../schemas/expr_fn.h"
#include "../schemas/expr_impl.h" /* values on their way into SQL and back */
#include "query.h"

/* Items by the hash of one column's value, ordered by (hash, id). */
struct index_entry {
    uint64_t hash, id;
};
struct query_index {
    struct index_entry *e;
    size_t n, cap;
    bool ready;
};

/* One item type. */
struct query_table {
    struct query_db *q;
    const struct shape *s;
    bool used;                   /* by the statement prepared last */
    bool twin;                   /* another type's name differs from its name only in case */
    bool *twins;                 /* by field: likewise */
    struct query_index *indexes; /* by column; of the run in progress */
};

struct query_db {
    sqlite3 *db, *judge; /* judge: runs functions for db (schemas/expr_fn.h) */
    struct expr_clock clock;
    struct expr_lent *lent;
    const struct version *v;
    struct store_tx *tx; /* NULL: the tables are empty (checks) */
    const struct verb_caller *by;
    struct query_table *tables;
    size_t n_tables;
    char **functions; /* names that may be called, sorted */
    size_t n_functions;
    int64_t deadline_ms;
    sqlite3_int64 memory_base; /* SQLite's, when the run began */
    size_t unlooked_bytes;     /* given to SQLite since the last look at the clock for that */
    bool judging;              /* the authorizer refuses what no query may do */
    bool running;
    struct err why; /* the first reason of ours to stop */
};

/* True = the run has to end, q->why says why. Looked at by SQLite and by scans of ours. */
bool query_is_over(struct query_db *q);
/* To be told of each value: false = as above, looked at every EXPR_LARGE_VALUE bytes. */
bool query_has_read(struct query_db *q, size_t bytes);

/* ---- query_vtab.c ---- */
/* Makes the tables of q->v known to q->db. 0, or an SQLite error. */
int query_tables_make(struct query_db *q);
/* A column as SQL sees it. column 0 is _key. text is borrowed from the lens, scratch, rec or key.
 */
/* All rows (id, key, body) of the table's type; the caller finalizes. */
int query_scan(const struct query_table *t, sqlite3_stmt **ret, struct err *e);
int query_value(struct lens *l, const struct query_table *t, uint64_t id, const struct record *rec,
                struct span key, int column, struct buf *scratch, struct sql_value *ret,
                struct err *e);

/* ---- query_index.c ---- */
uint64_t query_hash(const struct sql_value *v);
/* Fills the index of a column, unless it is there. */
int query_index_build(struct query_table *t, int column, struct err *e);
/* The entries with that hash. */
size_t query_index_find(const struct query_index *ix, uint64_t hash,
                        const struct index_entry **ret);
void query_indexes_drop(struct query_table *t);

#endif
