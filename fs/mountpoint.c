#include "mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount.h"

#define MNT_ID_UNIQUE 0x4000u /* STATX_MNT_ID_UNIQUE of Linux 6.8 */
#define LOCK_TRIES    500     /* of 10 ms */

/* ---- Paths ---- */

/* The directory's real path and the last name as it stands. */
static int resolve_in_parent(const char *path, struct buf *ret)
{
    char dir[PATH_MAX], last[PATH_MAX], real[PATH_MAX];
    const char *name;

    if (snprintf(dir, sizeof(dir), "%s", path) >= PATH_MAX ||
        snprintf(last, sizeof(last), "%s", path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (!realpath(dirname(dir), real))
        return -1;
    name = basename(last);
    return buf_printf(ret, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) && buf_str(ret) ? 0
                                                                                              : -1;
}

static int refuse_path(const char *path, struct err *e)
{
    return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID, "\"%s\": %s", path,
                   strerror(errno));
}

int mountpoint_resolve(const char *path, struct buf *ret, struct err *e)
{
    char real[PATH_MAX];
    struct stat st;

    if (!realpath(path, real)) {
        if (errno != ENOTCONN || resolve_in_parent(path, ret) < 0)
            return refuse_path(path, e);
        return 0;
    }
    if (stat(real, &st) != 0 && errno != ENOTCONN)
        return refuse_path(path, e);
    else if (errno != ENOTCONN && !S_ISDIR(st.st_mode))
        return err_set(e, ERR_INVALID, "\"%s\" is not a directory", path);
    return buf_adds(ret, real) && buf_str(ret) ? 0 : err_nomem(e);
}

int store_path_resolve(const char *path, struct buf *ret, struct err *e)
{
    return resolve_in_parent(path, ret) < 0 ? refuse_path(path, e) : 0;
}

bool path_is_under(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == 0 || dir[n - 1] == '/');
}

/* ---- Mounts ---- */

int mountpoint_lock(const char *mountpoint)
{
    char copy[PATH_MAX];
    int fd;

    snprintf(copy, sizeof(copy), "%s", mountpoint);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
        usleep(10000);
    return fd;
}

void mountpoint_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

uint64_t mountpoint_id(const char *mountpoint)
{
    struct statx st;

    if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, MNT_ID_UNIQUE, &st) != 0)
        return 0;
    if (!(st.stx_mask & MNT_ID_UNIQUE) &&
        statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) != 0)
        return 0;
    return st.stx_mnt_id;
}

/* fusermount3 has the right that an ordinary user lacks. */
static int run_fusermount(const char *mountpoint, bool lazy)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(null, 1);
        dup2(null, 2);
        execlp("fusermount3", "fusermount3", "-u", lazy ? "-z" : "-q", "--", mountpoint, NULL);
        _exit(127);
    }
    if (pid > 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    return status;
}

void mountpoint_detach(const char *mountpoint)
{
    if (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno == EPERM)
        run_fusermount(mountpoint, true);
}

static bool is_stale(const char *mountpoint)
{
    struct stat st;

    return stat(mountpoint, &st) != 0 && errno == ENOTCONN;
}

int mountpoint_clean(const char *mountpoint, struct err *e)
{
    for (int i = 0; i < 8 && is_stale(mountpoint); i++)
        mountpoint_detach(mountpoint);
    if (is_stale(mountpoint))
        return err_set(e, ERR_BUSY, "\"%s\": what an ended daemon left is still mounted",
                       mountpoint);
    return 0;
}

/* mountinfo writes some characters as \ooo. */
static void unescape(char *p)
{
    char *out = p;

    for (; *p; out++) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] && p[3]) {
            *out = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
            p += 4;
        } else {
            *out = *p++;
        }
    }
    *out = 0;
}

/* The type and source of a line of mountinfo whose mountpoint is this one. */
static bool parse_mount(char *line, const char *mountpoint, char **ret_type, char **ret_source)
{
    char *rest = strstr(line, " - "), *save, *at = NULL;

    if (!rest)
        return false;
    *rest = 0;
    at = strtok_r(line, " ", &save);
    for (int i = 0; i < 4 && at; i++)
        at = strtok_r(NULL, " ", &save);
    if (!at)
        return false;
    unescape(at);
    *ret_type = strtok_r(rest + 3, " ", &save);
    *ret_source = strtok_r(NULL, " ", &save);
    return *ret_source && strcmp(at, mountpoint) == 0;
}

bool mountpoint_store(const char *mountpoint, struct buf *ret)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, *type, *source;
    size_t cap = 0;
    bool ours = false;

    /* The last one is on top. */
    while (f && getline(&line, &cap, f) > 0) {
        if (!parse_mount(line, mountpoint, &type, &source))
            continue;
        ours = strcmp(type, "fuse.schemafs") == 0;
        unescape(source);
        buf_reset(ret);
        ours = ours && buf_adds(ret, source) && buf_str(ret);
    }
    free(line);
    if (f)
        fclose(f);
    return ours;
}

/* ---- umount ---- */

int mount_end(const char *path, struct err *e)
{
    struct buf at BUF_CLEANUP = BUF_INIT, store BUF_CLEANUP = BUF_INIT, now BUF_CLEANUP = BUF_INIT;

    if (mountpoint_resolve(path, &at, e) < 0)
        return -1;
    if (!mountpoint_store(at.p, &store))
        return err_set(e, ERR_NOT_FOUND, "nothing of schemafs is mounted at \"%s\"", path);
    if (is_stale(at.p))
        return mountpoint_clean(at.p, e);
    if (umount2(at.p, UMOUNT_NOFOLLOW) != 0 && errno == EPERM && run_fusermount(at.p, false) != 0)
        errno = EBUSY;
    if (mountpoint_store(at.p, &now))
        return err_set(e, ERR_BUSY, "\"%s\" is in use", path);
    return 0;
}

/* ---- The guardian ---- */

/* Answers every request that waits with an error. Root asks the mount; others ask fusectl, where
 * the mounting user owns the file, if it is mounted. */
static void abort_connection(const char *mountpoint)
{
    char path[64];
    struct statx st;
    ssize_t n;
    int fd;

    if (umount2(mountpoint, MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
        return;
    if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &st) != 0)
        return;
    snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", st.stx_dev_minor);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    n = write(fd, "1", 1);
    (void)n; /* nothing else is left to try */
    close(fd);
}

static void unmount_ours(const char *mountpoint, uint64_t mount_id, bool dead)
{
    int lock = mountpoint_lock(mountpoint);

    if (dead && mount_id && mountpoint_id(mountpoint) == mount_id)
        abort_connection(mountpoint);
    if (mount_id && mountpoint_id(mountpoint) == mount_id)
        mountpoint_detach(mountpoint);
    mountpoint_unlock(lock);
}

static void close_all_but(int fd)
{
    int null = open("/dev/null", O_RDWR);

    for (int i = 0; i < 3; i++)
        if (i != fd)
            dup2(null, i);
    if (fd > 3)
        close_range(3, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0u, 0);
}

#define DETACH_NOW UINT64_MAX /* instead of a mount's number */

/* The daemon's main thread holds `life` as long as it lives. The end of the pipe does not tell of
 * its death: a thread that is in the kernel, telling of a name in a directory which a request of
 * somebody's holds, keeps the pipe open, and would for ever, since nobody answers that request any
 * more. (No signal either: the sandbox forbids signals to others, and so to children at a death.)
 */
static int life_begin(struct guardian *g, struct err *e)
{
    pthread_mutexattr_t attr;
    void *page =
        mmap(NULL, sizeof(*g->life), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return err_nomem(e);
    g->life = page;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(g->life, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_mutex_lock(g->life);
    return 0;
}

static void life_end(struct guardian *g)
{
    if (!g->life)
        return;
    pthread_mutex_unlock(g->life);
    munmap(g->life, sizeof(*g->life));
    g->life = NULL;
}

struct watch {
    pthread_mutex_t *life;
    int death; /* an eventfd */
};

static void *wait_for_death(void *arg)
{
    const struct watch *w = arg;

    if (pthread_mutex_lock(w->life) == EOWNERDEAD)
        eventfd_write(w->death, 1);
    return NULL;
}

/* A descriptor that is readable once the daemon's main thread has died; -1 = it can't be had. */
static int watch_daemon(pthread_mutex_t *life)
{
    static struct watch w;
    pthread_t thread;

    w = (struct watch){life, eventfd(0, EFD_CLOEXEC)};
    if (w.death >= 0 && pthread_create(&thread, NULL, wait_for_death, &w) == 0)
        pthread_detach(thread);
    return w.death;
}

/* What the daemon says next; false: it has ended. */
static bool hear(int fd, int death, uint64_t *ret_told)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = death, .events = POLLIN}};
    ssize_t n;

    do {
        n = poll(p, 2, -1);
        if (n > 0 && !(p[0].revents & POLLIN))
            return false;
        if (n > 0)
            n = read(fd, ret_told, sizeof(*ret_told));
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*ret_told);
}

static void guard(const char *mountpoint, int fd, pthread_mutex_t *life)
{
    uint64_t mount_id = 0, told;
    int death;

    setsid();
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    close_all_but(fd);
    death = watch_daemon(life);
    if (chdir("/") != 0)
        _exit(1);
    while (hear(fd, death, &told)) {
        if (told == DETACH_NOW)
            unmount_ours(mountpoint, mount_id, false);
        else
            mount_id = told;
    }
    unmount_ours(mountpoint, mount_id, true);
    _exit(0);
}

int guardian_start(const char *mountpoint, struct guardian *ret, struct err *e)
{
    int fds[2];

    *ret = (struct guardian){.pipe = -1};
    if (life_begin(ret, e) < 0)
        return -1;
    if (pipe2(fds, O_CLOEXEC) != 0) {
        life_end(ret);
        return err_set(e, ERR_IO, "pipe: %s", strerror(errno));
    }
    ret->pid = fork();
    if (ret->pid == 0) {
        close(fds[1]);
        guard(mountpoint, fds[0], ret->life);
    }
    close(fds[0]);
    if (ret->pid < 0) {
        close(fds[1]);
        life_end(ret);
        return err_set(e, ERR_IO, "fork: %s", strerror(errno));
    }
    ret->pipe = fds[1];
    return 0;
}

void guardian_tell(struct guardian *g, uint64_t mount_id)
{
    ssize_t n;

    do
        n = write(g->pipe, &mount_id, sizeof(mount_id));
    while (n < 0 && errno == EINTR);
}

void guardian_detach(struct guardian *g)
{
    guardian_tell(g, DETACH_NOW);
}

void guardian_end(struct guardian *g)
{
    if (g->pipe < 0)
        return;
    close(g->pipe);
    while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    g->pipe = -1;
    life_end(g);
}
