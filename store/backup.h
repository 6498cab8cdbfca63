/* A copy of a store, whether it is mounted or not.
 *
 * The copy is what one reading transaction sees: everything that was committed before it began and
 * nothing of what came later. Writers go on meanwhile, and nothing of the store is written: the copy
 * is made by a reading connection in a process of its own, which never checkpoints [I9] and never
 * opens the file other than through SQLite, so that no lock of the daemon is lost. Until it ends the
 * log can't start anew, so it grows by what is written meanwhile.
 *
 * Threads: none of its own. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include <stdint.h>

#include "../schemas/err.h"

/* Called now and then with the pages that are copied; true = stop. */
typedef bool (*backup_progress_fn)(void *arg, uint64_t done, uint64_t total);

/* `to` appears whole, synced, mode 0600, or not at all: until then the copy stands beside it under
 * TO-new, which a backup that was killed leaves and the next one to the same name takes. Errors:
 * ERR_EXISTS: there is a `to`, which is never written over; ERR_BUSY: another backup to it is under
 * way; ERR_INTERRUPTED; what store_open says of the store; ERR_NO_SPACE, ERR_IO, ERR_ACCESS. */
int store_backup(const char *store, const char *to, backup_progress_fn progress, void *arg,
                 struct err *e);

#endif
