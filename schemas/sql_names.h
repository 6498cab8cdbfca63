/* The names in an SQL expression, found without parsing it: what a check reads, and the same check
 * after one of its fields was renamed. SQLite has the last word: a rewritten expression goes
 * through expr_check again.
 *
 * Threads: none of its own. */
#ifndef SCHEMAS_SQL_NAMES_H
#define SCHEMAS_SQL_NAMES_H

#include "buf.h"

/* True when `name` stands in the expression as a column: bare or quoted, not as a function, a
 * keyword, or inside a string or a comment. ASCII case does not count. */
bool sql_reads(const char *sql, const char *name);
/* Appends the expression with column `from` called `to`: bare where it was bare and may be, else
 * in double quotes. False = no memory. */
bool sql_rename(const char *sql, const char *from, const char *to, struct buf *out);

#endif
