/* A mount from outside: its control files, its status. Threads: one. */
#ifndef FS_CLI_CONTROL_H
#define FS_CLI_CONTROL_H

#include "../schemas/buf.h"
#include "../schemas/err.h"
#include "../schemas/schema.h"

#define CONTROL_ERROR "error: " /* what an outcome of a refused command begins with */

/* What control/NAME holds, appended. ERR_NOT_FOUND: no schemafs is mounted there; ERR_STALE: its
 * daemon is dead; ERR_ACCESS. */
int control_get(const char *mountpoint, const char *name, struct buf *ret, struct err *e);
/* Writes one command in one write(). Refused: -1 with e->text the errno's, and the outcome, "error:
 * ...", in ret; ret is empty when the command did not reach the mount. */
int control_put(const char *mountpoint, const char *name, struct span command, struct buf *ret,
                struct err *e);

/* One version's backfill, from control/status.json. */
struct backfill_seen {
    bool found; /* the version is live */
    char state[16];
    uint64_t done, total;
    double rate, eta_s; /* eta_s < 0: not known */
};
/* version "": the one whose backfill runs, or else none (found = false). */
int status_backfill(const char *mountpoint, const char *version, struct backfill_seen *ret,
                    char ret_version[VERSION_NAME_SIZE], struct err *e);
/* The default version's name, "" = there is none. */
int status_default(const char *mountpoint, char ret[VERSION_NAME_SIZE], struct err *e);
/* The names of what is staged, each with a NUL. */
int status_staged_names(const char *mountpoint, struct buf *ret, struct err *e);

/* A file put into schemas/ for a verb. */
struct staging {
    char path[4096]; /* MOUNTPOINT/schemas/NAME.EXT */
    char name[256];  /* NAME: what the verb is told */
    bool made;       /* it was not there before */
};
/* file: a schema is staged under its version's name, all else as the file is named. ext: ".yaml", ".json".
 * A live version's file can't be written: the same text is left as it is, another is staged under a name of
 * its own, so that the verb says where they differ. */
int staging_put(const char *mountpoint, const char *file, const char *ext, struct span text,
                struct staging *ret, struct err *e);
/* Takes away what staging_put made, unless it became live. */
void staging_undo(const struct staging *s);

#endif
