#include "lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_open(const char *path, struct err *e)
{
    switch (errno) {
    case EROFS:
        return err_set(e, ERR_READ_ONLY, "\"%s\": %s", path, strerror(errno));
    case EACCES:
        return err_set(e, ERR_ACCESS, "\"%s\": %s", path, strerror(errno));
    case ENOSPC:
        return err_set(e, ERR_NO_SPACE, "\"%s\": %s", path, strerror(errno));
    case ELOOP:
        return err_set(e, ERR_INVALID, "\"%s\" is a symbolic link", path);
    default:
        return err_set(e, ERR_IO, "\"%s\": %s", path, strerror(errno));
    }
}

static int refuse_busy(int fd, const char *store, struct err *e)
{
    char text[32] = "";
    long pid = 0;

    if (pread(fd, text, sizeof text - 1, 0) > 0)
        pid = strtol(text, NULL, 10);
    if (pid > 0)
        return err_set(e, ERR_BUSY, "\"%s\" is in use by process %ld", store, pid);
    return err_set(e, ERR_BUSY, "\"%s\" is in use by another process", store);
}

/* True when the file that is locked still is the one under that name. */
static bool is_current(int fd, const char *path)
{
    struct stat have, there;
    return fstat(fd, &have) == 0 && stat(path, &there) == 0 && have.st_ino == there.st_ino &&
           have.st_dev == there.st_dev;
}

static int write_pid(int fd, const char *path, struct err *e)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
        return refuse_open(path, e);
    return 0;
}

/* 1: taken, 0: the file was removed meanwhile, -1: refused. */
static int try_take(const char *path, const char *store, int *ret_fd, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    struct stat st;
    int rc = -1;

    if (fd < 0)
        return refuse_open(path, e);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        err_set(e, ERR_INVALID, "\"%s\" is no ordinary file", path);
    else if (flock(fd, LOCK_EX | LOCK_NB))
        errno == EWOULDBLOCK ? refuse_busy(fd, store, e) : refuse_open(path, e);
    else if (!is_current(fd, path))
        rc = 0;
    else if (write_pid(fd, path, e) == 0)
        rc = 1;
    if (rc == 1)
        *ret_fd = fd;
    else
        close(fd);
    return rc;
}

int lockfile_take(const char *path, const char *store, int *ret_fd, struct err *e)
{
    for (int tries = 0; tries < 100; tries++) {
        int rc = try_take(path, store, ret_fd, e);
        if (rc)
            return rc < 0 ? -1 : 0;
    }
    return err_set(e, ERR_BUSY, "\"%s\" is in use by another process", store);
}

void lockfile_release(const char *path, int fd)
{
    if (fd < 0)
        return;
    unlink(path);
    close(fd);
}
