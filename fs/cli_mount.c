/* mount and umount. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "cli.h"
#include "mount.h"
#include "mountpoint.h"

#define RELEASE_TRIES 6000 /* of 10 ms: a large log may have to be written back */

int cli_mount(const struct cli_args *a)
{
    struct mount_options o;
    struct err e = ERR_INIT;
    int rc = 0;

    mount_options_init(&o);
    o.store = a->words[0];
    o.mountpoint = a->words[1];
    o.foreground = a->given[OPTION_FOREGROUND];
    if (a->given[OPTION_MOUNT])
        rc = mount_options_parse(&o, a->mount_words.p, &e);
    if (rc == 0)
        rc = mount_run(&o, &e);
    mount_options_deinit(&o);
    return rc ? cli_fail(&e) : CLI_OK;
}

/* ---- umount ---- */

/* The pid in the file beside a store; 0 = nobody has it open. */
static pid_t owner_of(const char *lock)
{
    FILE *f = fopen(lock, "re");
    long pid = 0;

    if (f && fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return (pid_t)pid;
}

/* The daemon closes the store when the mount is gone already. Its lock is only looked at: to try it
 * could keep the next daemon out. */
static int wait_released(const char *store, const char *lock, pid_t daemon, struct err *e)
{
    const struct timespec pause = {.tv_nsec = 10000000};

    for (int i = 0; i < RELEASE_TRIES; i++) {
        if (owner_of(lock) != daemon || (kill(daemon, 0) != 0 && errno == ESRCH))
            return 0;
        nanosleep(&pause, NULL);
    }
    return err_set(e, ERR_BUSY, "it is unmounted, but process %ld still has \"%s\" open",
                   (long)daemon, store);
}

static int unmount(const char *mountpoint, struct err *e)
{
    struct buf at BUF_CLEANUP = BUF_INIT, store BUF_CLEANUP = BUF_INIT, lock BUF_CLEANUP = BUF_INIT;
    pid_t daemon = 0;

    if (mountpoint_resolve(mountpoint, &at, e))
        return -1;
    if (mountpoint_store(at.p, &store)) {
        if (!buf_printf(&lock, "%s-lock", store.p) || !buf_str(&lock))
            return err_nomem(e);
        daemon = owner_of(lock.p);
    }
    if (mount_end(mountpoint, e))
        return -1;
    return daemon > 0 ? wait_released(store.p, lock.p, daemon, e) : 0;
}

int cli_umount(const struct cli_args *a)
{
    struct err e = ERR_INIT;

    return unmount(a->words[0], &e) ? cli_fail(&e) : CLI_OK;
}
