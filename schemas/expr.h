/* SQL scalar expressions, evaluated by SQLite on one item's values. Only expr.c and its
 * functions (expr_fn.c, expr_lent.c) know SQLite.
 *
 * An environment owns two in-memory connections. One evaluates: an authorizer that allows SELECT,
 * the columns of the expression and deterministic built-in functions, a time limit, and
 * sqlite3_limit()s (4 MiB for any text within, 2^31 / n bytes for an expression of n > 512 bytes);
 * functions that could run on past the time limit are our own, or SQLite's within bounds (expr_fn.h). The other judges: expr_check puts the expression
 * into a generated column there, which accepts nothing that is not deterministic.
 *
 * Columns compare by their type: string, timestamp, date, uuid, bytes, enum, ref as TEXT; integer,
 * number, boolean as NUMERIC, also where a number is handed over as text to stay exact (12.30, 20
 * digits). Functions don't see that: typeof() of such a number is text, and max(a, b), min(a, b),
 * nullif(a, b) compare it as text; a + 0 makes it a number. At most 256 columns in one expression.
 *
 * Threads: an environment belongs to one thread at a time; evaluation keeps prepared statements
 * in it, by formula uid. */
#ifndef SCHEMAS_EXPR_H
#define SCHEMAS_EXPR_H

#include "buf.h"
#include "err.h"
#include "schema.h"

#define EXPR_TIME_LIMIT_MS 200
#define EXPR_MAX_BYTES     (64u * 1024u)

struct expr_env;
int expr_env_new(struct expr_env **ret, struct err *e);
void expr_env_free(struct expr_env *env);

/* Checks an expression over columns (NULL entries not allowed): syntax, names (an unknown one is
 * answered with the nearest known), no subquery, no table, no aggregate or window function,
 * deterministic. ret_used[i] tells which columns it reads. Errors: ERR_INVALID with column = the
 * character of `sql` where it is known. */
int expr_check(struct expr_env *env, const char *sql, const char *const *columns, size_t n,
               bool *ret_used, struct err *e);

/* Evaluates f->sql or f->fn. inputs[i]: JSON text of f->inputs[i] or p == NULL when unset.
 * Values go in as: string, timestamp, date, uuid, bytes, enum, ref: text (decoded); integer:
 * 64-bit integer, or its text when it does not fit; number: integer when its text is one that
 * fits, else double (its text, when a double would not print back to the same text: arithmetic
 * still works, and a passed-through value stays exact); boolean: 0 / 1; list, map, object, json:
 * JSON text on one line (a json string, number, boolean likewise as JSON text); null, and unset without a
 * default (formula_input.def): NULL. The result is made to fit f->out_type the same way round; text that is a JSON number is
 * taken as it stands for integer and number; a list, map, object or json result is parsed as
 * JSON (json: SQL text that is no JSON becomes a JSON string). NULL, an error of evaluation, or
 * what does not fit f->out_type (value.h) or makes a check of it false (checks.h) is replaced by
 * f->mend: evaluation is total. Of a linked formula all of whose inputs are unset (and have no default to
 * read) that is no result: it is unset.
 * *ret_set = false means unset. Appends canonical JSON text (depth 1) to out.
 * -1: ERR_NO_MEMORY only. */
int expr_eval(struct expr_env *env, const struct formula *f, const struct span *inputs,
              struct span prev, struct buf *out, bool *ret_set, struct err *e);

/* Evaluates a condition (check, split_type) over values as above: 1 true, 0 false, -1 NULL
 * (unknown). sql must have passed expr_check with the same columns; cached by `uid`. */
struct expr_column {
    const char *name;
    const struct type_ref *type;
    struct span json;            /* p == NULL = unset */
};
int expr_condition(struct expr_env *env, uint64_t uid, const char *sql,
                   const struct expr_column *columns, size_t n, int *ret, struct err *e);
uint64_t expr_new_uid(void);     /* never the same twice in a process; any thread */

#endif
