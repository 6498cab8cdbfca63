/* The rows of a query as items of a target type, kept until they are written: an action must not
 * read what it writes itself. Private to transaction.c. */
#ifndef STORE_TRANSACTION_ROWS_H
#define STORE_TRANSACTION_ROWS_H

#include "query.h"

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

#endif
