/* The mountpoint as the rest of the system sees it: is it ours, is it stale, off with it.
 *
 * Threads: none of its own. */
#ifndef FS_MOUNTPOINT_H
#define FS_MOUNTPOINT_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "../schemas/buf.h"
#include "../schemas/err.h"

/* The absolute path, also of a stale one. ERR_NOT_FOUND, ERR_INVALID (not a directory). */
int mountpoint_resolve(const char *path, struct buf *ret, struct err *e);
/* The store's absolute path; the file itself need not exist. ERR_NOT_FOUND: its directory. */
int store_path_resolve(const char *path, struct buf *ret, struct err *e);
bool path_is_under(const char *path, const char *dir);

/* Mounts and unmounts of the same mountpoint by schemafs take turns: a lock on the directory it is
 * in. -1 = it can't be had, and one goes on without. */
int mountpoint_lock(const char *mountpoint);
void mountpoint_unlock(int fd);

/* Unmounts what a dead daemon left there. */
int mountpoint_clean(const char *mountpoint, struct err *e);
/* The kernel's number of the mount there, never used twice; 0 = not known. */
uint64_t mountpoint_id(const char *mountpoint);
/* Lazily, without waiting for who uses it. */
void mountpoint_detach(const char *mountpoint);
/* A schemafs there: its store (appended). */
bool mountpoint_store(const char *mountpoint, struct buf *ret);

/* ---- The guardian ---- */

/* A process that detaches the mountpoint when the daemon ends by whatever cause, and ends the requests
 * that wait for it then. It is started while the daemon has one thread and all its rights, by the thread
 * that lives longest. */
struct guardian {
    int pipe; /* its other end is the guardian's; -1 = none */
    pid_t pid;
    pthread_mutex_t *life; /* shared with it; locked by the main thread while it lives */
};
int guardian_start(const char *mountpoint, struct guardian *ret, struct err *e);
void guardian_tell(struct guardian *g, uint64_t mount_id);
/* Detaches at once; the daemon itself has no right to it any more. Does not wait. */
void guardian_detach(struct guardian *g);
/* Lets it go, and waits for its end. */
void guardian_end(struct guardian *g);

#endif
