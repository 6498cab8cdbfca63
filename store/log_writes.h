/* Fewer writes into the log: SQLite writes each frame of a commit by two calls, its header and its page. Here
 * they are held back, and written by one call with the frame that ends the commit.
 *
 *   header, page, header, page, ... header of the last, page  ->  one write
 *
 * Held back is only what surely is followed by another call on the same file before anybody else may read
 * it: frames that are appended, up to the one that ends a commit. All else (a frame that a transaction writes
 * anew, a checksum put right, what follows a rollback, a header of the whole log) is written at once, what
 * was held first; so is, before any other call on the file is carried out, what is held. An error is that of the
 * call that wrote. Nothing is held between two transactions that went well.
 *
 * For the writer's connection alone. Threads: that of the writer. */
#ifndef STORE_LOG_WRITES_H
#define STORE_LOG_WRITES_H

#include <sqlite3.h>

struct log_writes;

/* Stands between db, which has read in write-ahead mode already, and its log, until db is closed. NULL when
 * there is no memory for it, or no log: then all is as before. */
struct log_writes *log_writes_new(sqlite3 *db);
void log_writes_free(struct log_writes *w); /* after db is closed; NULL is fine */

#endif
