/* Functions that expressions and named queries get in the place of SQLite's own, which no time
 * limit interrupts within a call, or which are only to be run by the judge (expr.c). For the files
 * of expr that know SQLite, and store/query.c. */
#ifndef SCHEMAS_EXPR_FN_H
#define SCHEMAS_EXPR_FN_H

#include <sqlite3.h>

/* A text of so many bytes, or as many in all, is reason for a look at the clock. */
#define EXPR_LARGE_VALUE (64u * 1024u)

/* Nonzero: the evaluation is over its time. */
struct expr_clock {
    int (*is_overdue)(void *arg);
    void *arg;
};

/* upper, lower, substr, instr, replace, trim, ltrim, rtrim, like and glob, the same as SQLite's but
 * looking at the clock, instr and replace in time that grows with their texts. Over time is an
 * error of the evaluation. The clock, borrowed, outlives the connection. An SQLite code. */
int expr_fn_add_text(sqlite3 *db, struct expr_clock *clock);

/* The other deterministic functions that can take long or make long texts: SQLite's own, as the
 * judge runs them for the evaluating connection, each call within bounds (expr_lent.c has the
 * table) and none when the clock says so. The clock as above. Owned by the caller, who frees them
 * after the evaluating connection and before the judge. */
struct expr_lent;
int expr_fn_lend(sqlite3 *db, sqlite3 *judge, struct expr_clock *clock,
                 struct expr_lent **ret);       /* an SQLite code */
void expr_fn_lent_free(struct expr_lent *lent); /* may be NULL */

#endif
