/* One process a store: a lock on a file beside it, never on the database file itself (opening and
 * closing that would drop SQLite's own locks). The file holds the pid of its owner. */
#ifndef STORE_LOCKFILE_H
#define STORE_LOCKFILE_H

#include "../schemas/err.h"

/* Makes and locks the file. Errors: ERR_BUSY naming the other process's pid and `store`;
 * ERR_READ_ONLY / ERR_ACCESS: it can't be made there; ERR_INVALID: it is no ordinary file. */
int lockfile_take(const char *path, const char *store, int *ret_fd, struct err *e);
/* Removes and unlocks it. fd -1 is fine. */
void lockfile_release(const char *path, int fd);

#endif
