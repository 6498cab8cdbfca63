/* A mount from its beginning to its end.
 *
 * Opens the store, mounts, answers requests until somebody unmounts or SIGTERM or SIGINT arrives, lets
 * what is under way come to its end, unmounts, closes the store.
 *
 * Without o->foreground the daemon is a child: the call returns 0 in the caller's process once the
 * mount answers, or -1 with the daemon's error. The standard streams of the daemon are /dev/null then
 * and what it has to say goes to syslog. With o->foreground the call returns when the mount has ended.
 *
 * A second, small process is started before: whenever the daemon ends, by whatever cause, it unmounts
 * what is left. A mountpoint that a dead daemon left all the same (ENOTCONN) is cleaned up first.
 *
 * Call it while the process has one thread. */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "options.h"

/* Errors: what store_open says; ERR_NOT_FOUND, ERR_INVALID for the mountpoint; ERR_IO. */
int mount_run(const struct mount_options *o, struct err *e);
/* Unmounts what is at `mountpoint`: ERR_NOT_FOUND when nothing of ours is mounted there, ERR_BUSY
 * when it is in use. Returns when the mount is gone; its daemon may still be closing the store. */
int mount_end(const char *mountpoint, struct err *e);

#endif
