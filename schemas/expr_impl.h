/* Shared by the files of expr: what of an expression's life needs no SQLite. Not for others. */
#ifndef SCHEMAS_EXPR_IMPL_H
#define SCHEMAS_EXPR_IMPL_H

#include "expr.h"

#define EXPR_COLUMNS_MAX 256 /* fields that one expression reads */

/* ---- SQLite (expr.c) ---- */

enum expr_side {
    EXPR_EVALUATES, /* over "~row", read-only */
    EXPR_JUDGES     /* our own statements, and generated columns */
};
/* Which columns a statement reads from the judge's table "~t". */
struct expr_reads {
    const char *const *columns;
    const uint16_t *at; /* n of them */
    size_t n;
    bool *used; /* by column; set where read */
};
void expr_reads_note(struct expr_reads *reads, const char *column); /* expr_check.c */
struct expr_trouble {
    char message[400]; /* SQLite's */
    long offset;       /* in bytes from the start of the statement, -1 = not known */
};
/* Prepares one statement, and on the judge takes one step of it. reads may be NULL.
 * 0; 1: refused, *ret says why; -1: no memory. */
int expr_try(struct expr_env *env, enum expr_side side, struct buf *text, struct expr_reads *reads,
             struct expr_trouble *ret, struct err *e);

/* ---- The text of an expression (expr_scan.c) ---- */

/* Refuses what would not stay within the parentheses it is put into, or is more than one
 * expression: an unbalanced ")", ";", a comment without an end, a parameter, nothing at all. */
int expr_scan_check(const char *sql, struct err *e);
/* The columns whose names stand in the text, as indexes in ascending order; may name too many (a
 * function of the same name), never too few. Names of SQL don't tell cases apart: one that does
 * not say which of two it means is an error, and so are more than `max`. */
int expr_scan_columns(const char *sql, const char *const *columns, size_t n, uint16_t *ret,
                      size_t max, size_t *ret_n, struct err *e);
/* 1-based, in characters. */
unsigned expr_scan_column(const char *sql, size_t offset);

/* ---- SQL around an expression, and what SQLite says of it (expr_text.c) ---- */

/* False for the few functions that SQLite would let pass but that may answer otherwise tomorrow. */
bool expr_text_may_call(const char *function);
/* SELECT (sql) over the row: column i is shown under names[at[i]]; types may be NULL (no affinity).
 * *ret_start: where sql begins. False = no memory. */
bool expr_text_select(const char *sql, const char *const *names,
                      const struct type_ref *const *types, const uint16_t *at, size_t n,
                      struct buf *out, size_t *ret_start);
/* A table "~t" of these columns, with the expression as its generated column "~result". */
bool expr_text_table(const char *sql, const char *const *names, const uint16_t *at, size_t n,
                     struct buf *out, size_t *ret_start);
/* SQLite's message as an error at byte `offset` of sql (out of its range: no place known), without
 * what only our ways of asking put into it; an unknown name with the nearest of `names`. -1. */
int expr_text_error(const char *sql, const char *message, long offset, const char *const *names,
                    size_t n, struct err *e);

/* ---- Values on their way in and out (expr_value.c) ---- */

enum sql_kind { SQL_NULL, SQL_INTEGER, SQL_REAL, SQL_TEXT, SQL_BLOB };
struct sql_value {
    enum sql_kind kind;
    int64_t integer;
    double real;
    struct span text; /* borrowed */
};

/* The affinity that a column of such a type has in comparisons. */
enum sql_affinity { SQL_AFFINITY_TEXT, SQL_AFFINITY_NUMERIC, SQL_AFFINITY_NONE };
enum sql_affinity expr_value_affinity(const struct type_ref *t);

/* JSON text (p == NULL: unset) as the expression sees it. text points into json or scratch.
 * False = no memory. */
bool expr_value_in(const struct type_ref *t, struct span json, struct buf *scratch,
                   struct sql_value *ret);
/* A result as canonical JSON text of f->out_type. *ret_fits = false, and nothing appended, when it
 * is none. -1: no memory. */
int expr_value_out(const struct formula *f, const struct sql_value *v, struct buf *out,
                   bool *ret_fits, struct err *e);

#endif
