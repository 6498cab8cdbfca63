/* Inside transactions: shared by the transaction_*.c files.
 *
 *   transaction.c       what the operations do, the order of things, the report
 *   transaction_read.c  the JSON, names resolved
 *   transaction_rows.c  a query's rows as items
 *   transaction_show.c  an item's text, the first differences of a dry run
 */
#ifndef STORE_TRANSACTION_INT_H
#define STORE_TRANSACTION_INT_H

#include "query.h"

/* ---- Rows (transaction_rows.c) ---- */

/* The rows of a query, kept until they are written: an action must not read what it writes. */
struct row_set {
    struct buf bytes; /* of each row: its length and the JSON text [{item}, ["unset", ...]] */
    size_t n;
};

enum row_use {
    ROWS_WHOLE, /* NULL: the field is left out */
    ROWS_PATCH, /* NULL: the field becomes unset */
    ROWS_KEYS   /* only _key counts */
};

/* Columns become fields of their name, with the field's type. Errors name query, row and column. */
int rows_collect(struct query_db *q, const struct query *query, const struct version *v,
                 const struct shape *target, enum row_use use, struct row_set *ret, struct err *e);
/* The row at *pos, which moves on; false at the end. */
bool rows_next(const struct row_set *rows, size_t *pos, struct span *ret);
void rows_free(struct row_set *rows);

/* ---- Actions ---- */

struct run;
struct action;

/* One item of a source. */
struct row {
    struct span key;
    const struct json_node *item, *unset; /* unset: an array of names, or NULL */
    struct item_row now;
    bool found;
};

struct operation {
    const char *word;
    enum row_use use;
    bool must_exist, must_be_new;
    int (*apply)(struct run *r, struct action *a, struct row *row, struct err *e);
};

struct action {
    unsigned number; /* from 1 */
    const struct json_node *node;
    const struct operation *op;
    const struct shape *target;
    const struct query *query;     /* or */
    const struct json_node *items; /* an array */
    size_t rows, made, changed, same, deleted;
};

struct run {
    struct span json;
    const struct json_node *root;
    const struct verb_caller *by;
    bool dry;
    struct store_tx *tx;
    const struct version *v;
    struct query_db *queries; /* made for the first query */
    struct lens lens;
    struct arena arena; /* of one row */
    struct action *actions;
    size_t n_actions, seen;
    struct buf differences;
    size_t n_differences, n_more;
};

/* ---- transaction_read.c ---- */
extern const struct operation transaction_operations[]; /* in transaction.c */
extern const size_t n_transaction_operations;

/* Adds the place of a node to an error. -1. */
int transaction_wrong(const struct run *r, const struct json_node *at, struct err *e);
/* The outermost object, before the transaction: r->root, r->dry. The tree lives in arena. */
int transaction_read_root(struct run *r, struct arena *arena, struct err *e);
/* Within it: the version and the actions, all names resolved in r->tx->cat. */
int transaction_read_actions(struct run *r, struct err *e);

/* ---- transaction_show.c ---- */
/* The item's line of JSON through the version; appended. */
int transaction_text(struct run *r, const struct action *a, const struct item_row *row,
                     struct buf *out, struct err *e);
/* "Dog/rex: new {...}"; only in a dry run, and while there is room. */
int transaction_show_whole(struct run *r, const struct action *a, const struct row *row,
                           const char *what, struct span text, struct err *e);
/* What a write changed: before, and the item as it is now, read again. Only in a dry run. */
int transaction_show_changes(struct run *r, const struct action *a, const struct row *row,
                             struct span before, struct err *e);

#endif
