/* Named queries of a schema version, over virtual tables that show its types. Private to store/.
 *
 * A query is one SELECT over tables named like the version's item types, with the columns `_key`
 * and the fields, as a reader of the version sees them (defaults included; null and unset are
 * NULL). What else it may use: common table expressions, json_each and json_tree, SQLite's
 * deterministic functions, aggregates, window functions. */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include "internal.h"
#include "verbs.h"

#define QUERY_TIME_LIMIT_MS 60000
#define QUERY_MEMORY_LIMIT  (512 * 1024 * 1024) /* of SQLite, of an index, of rows kept: each */

/* Checks every query of a version that is about to be added: one SELECT, only this version's types
 * as tables, fields and _key as columns, deterministic functions, read-only. Nothing is read from
 * the store. Errors carry the query's name and line. Any thread. */
int query_check_all(const struct version *v, struct err *e);

/* The queries of one version, prepared to run within a transaction; they see what it has changed
 * so far. Used by one thread, freed before the transaction ends. interrupted: by may be NULL. */
struct query_db;
int query_db_new(struct store_tx *tx, const struct version *v, const struct verb_caller *by,
                 struct query_db **ret, struct err *e);
void query_db_free(struct query_db *q); /* NULL is fine */

/* Called once with row == false, when the columns are known, then for each row. The statement gives
 * names and values (sqlite3_column_*); borrowed for the call. Must not write. 0, or -1 with *e. */
typedef int (*query_row_fn)(void *arg, sqlite3_stmt *st, bool row, struct err *e);
int query_run(struct query_db *q, const struct query *query, query_row_fn fn, void *arg,
              struct err *e);

/* What store_transaction does, without the log (verbs.c). */
int transaction_run(struct store *s, struct span json, const struct verb_caller *by,
                    struct buf *report, struct err *e);
/* What store_verify does, without the log. */
int verify_run(struct store *s, struct span version, const struct verb_caller *by,
               struct buf *report, struct err *e);

#endif
