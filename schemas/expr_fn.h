/* Functions that expressions get in the place of SQLite's own, which no time limit interrupts
 * within a call, or which are only to be run by the judge (expr.c). For the files of expr that know
 * SQLite. */
#ifndef SCHEMAS_EXPR_FN_H
#define SCHEMAS_EXPR_FN_H

#include <sqlite3.h>

/* Nonzero: the evaluation is over its time. */
struct expr_clock {
    int (*is_overdue)(void *arg);
    void *arg;
};

/* instr, replace, trim, ltrim, rtrim, like and glob, the same as SQLite's: instr and replace in
 * time that grows with their texts, the others looking at the clock. Over time is an error of the
 * evaluation. The clock, borrowed, outlives the connection. An SQLite code. */
int expr_fn_add_text(sqlite3 *db, struct expr_clock *clock);

/* Functions of the judge, lent to the evaluating connection: date and time, and those of JSON whose
 * arguments are looked at before. Owned by the caller, who frees them after the evaluating
 * connection and before the judge. */
struct expr_lent;
int expr_fn_lend(sqlite3 *db, sqlite3 *judge, struct expr_lent **ret); /* an SQLite code */
void expr_fn_lent_free(struct expr_lent *lent);                        /* may be NULL */

#endif
