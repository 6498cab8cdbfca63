#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "handle.h"
#include "loop.h"
#include "mountpoint.h"
#include "ops.h"
#include "reply.h"
#include "sandbox.h"
#include "../schemas/clock.h"

#define DRAIN_MS 2000 /* for what is under way when a signal ends the daemon */

struct mount {
    const struct mount_options *o;
    struct buf store, at; /* absolute paths */
    struct fs fs;
    struct guardian guardian;
    struct loop *loop;
    int signals; /* signalfd, -1 = none */
    bool mounted;
    int ready; /* where the caller waits; -1 = foreground */
    int null;  /* /dev/null, opened while it can be */
};

/* ---- The session ---- */

static int add_option(struct fuse_args *args, char *options, struct err *e)
{
    int failed = fuse_opt_add_arg(args, "schemafs") || fuse_opt_add_arg(args, "-o") ||
                 fuse_opt_add_arg(args, options);

    free(options);
    return failed ? err_nomem(e) : 0;
}

/* Ours last: they win. */
static int session_args(const struct mount *m, struct fuse_args *args, struct err *e)
{
    struct buf passed BUF_CLEANUP = BUF_INIT, name BUF_CLEANUP = BUF_INIT;
    char *options = NULL;

    if (m->o->passed.n && (!buf_addspan(&passed, buf_span(&m->o->passed)) || !buf_str(&passed)))
        return err_nomem(e);
    if (!buf_printf(&name, "fsname=%s", m->store.p))
        return err_nomem(e);
    if ((passed.n && fuse_opt_add_opt(&options, passed.p)) ||
        fuse_opt_add_opt_escaped(&options, name.p) ||
        fuse_opt_add_opt(&options, "subtype=schemafs,default_permissions,nosuid,nodev,noexec") ||
        (m->o->allow_other && fuse_opt_add_opt(&options, "allow_other")) ||
        (m->o->read_only && fuse_opt_add_opt(&options, "ro"))) {
        free(options);
        return err_nomem(e);
    }
    return add_option(args, options, e);
}

static int session_mount(struct mount *m, struct err *e)
{
    int lock = mountpoint_lock(m->at.p);
    int r = mountpoint_clean(m->at.p, e);

    if (r == 0 && fuse_session_mount(m->fs.session, m->at.p) != 0)
        r = err_set(e, ERR_IO, "\"%s\" can't be mounted on", m->at.p);
    m->mounted = r == 0;
    mountpoint_unlock(lock);
    return r;
}

static int session_open(struct mount *m, struct err *e)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    int r = session_args(m, &args, e);

    if (r == 0)
        m->fs.session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), &m->fs);
    fuse_opt_free_args(&args);
    if (r == 0 && !m->fs.session)
        r = err_set(e, ERR_INVALID, "libfuse does not take these options");
    return r == 0 ? session_mount(m, e) : -1;
}

/* ---- The parts ---- */

static int store_dir_open(const char *store)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof(copy), "%s", store);
    return open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void fs_defaults(struct mount *m)
{
    const struct mount_options *o = m->o;
    mode_t mask = o->umask == NOT_GIVEN ? 022 : o->umask;

    m->fs.read_only = o->read_only;
    m->fs.strict = o->strict;
    m->fs.owner = getuid();
    m->fs.uid = o->uid == NOT_GIVEN ? getuid() : o->uid;
    m->fs.gid = o->gid == NOT_GIVEN ? getgid() : o->gid;
    m->fs.maker_owns = o->uid == NOT_GIVEN;
    m->fs.makers_group = o->gid == NOT_GIVEN;
    m->fs.made_mask = o->umask == NOT_GIVEN ? 0 : o->umask;
    m->fs.file_mode = 0666 & ~mask;
    m->fs.dir_mode = 0777 & ~mask;
    m->fs.max_item_bytes = o->max_item_bytes ? o->max_item_bytes : ITEM_MAX_BYTES_DEFAULT;
    m->fs.mounted_ns = clock_wall_ns();
}

static int open_store(struct mount *m, struct err *e)
{
    struct store_options options = {.read_only = m->o->read_only,
                                    .create = !m->o->read_only,
                                    .sync = m->o->sync,
                                    .no_jobs = true, /* they begin in the sandbox */
                                    .max_item_bytes = m->o->max_item_bytes,
                                    .no_history = m->o->no_history,
                                    .history_count = m->o->history_count,
                                    .history_age_s = m->o->history_age_s};

    return store_open(m->store.p, &options, &m->fs.store, e);
}

static int open_tables(struct fs *fs, struct err *e)
{
    fs->scratch = scratch_new();
    fs->files = files_new();
    fs->calls = calls_new();
    fs->usage = usage_new();
    fs->recent = recent_new();
    pthread_mutex_init(&fs->handles_lock, NULL);
    hints_init(&fs->hints);
    return fs->scratch && fs->files && fs->calls && fs->usage && fs->recent ? 0 : err_nomem(e);
}

static int open_control(struct mount *m, struct err *e)
{
    struct control_env env = {
        .store = m->fs.store,
        .staged = special_staged,
        .staged_names = special_staged_names,
        .versions_changed = special_versions_changed,
        .drafts = special_drafts,
        .arg = &m->fs,
        .mountpoint = m->at.p,
        .read_only = m->fs.read_only,
        .usage = m->fs.read_only ? NULL : m->fs.usage,
        .mounted_ns = m->fs.mounted_ns,
    };

    return control_new(&env, &m->fs.control, e);
}

static int open_parts(struct mount *m, struct err *e)
{
    fs_defaults(m);
    m->fs.store_dir = store_dir_open(m->store.p);
    if (open_store(m, e) < 0 || open_tables(&m->fs, e) < 0 || open_control(m, e) < 0 ||
        special_load_staged(&m->fs, e) < 0 || (m->o->read_only && special_fix(&m->fs, e) < 0))
        return -1;
    return session_open(m, e);
}

/* Nothing has been read from the kernel yet, and there is one thread. */
static int give_up_rights(struct mount *m, struct err *e)
{
    struct buf missing BUF_CLEANUP = BUF_INIT;
    char *save, *line;

    if (sandbox_enter(m->store.p, &m->fs.sandbox, &missing, e) < 0)
        return -1;
    for (line = missing.n ? strtok_r((char *)buf_str(&missing), "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save))
        log_line("%s; the daemon is not confined by it", line);
    return 0;
}

/* Found when the store was opened. */
static int log_trouble(struct mount *m, struct err *e)
{
    struct buf why BUF_CLEANUP = BUF_INIT;

    if (store_trouble(m->fs.store, &why, e) < 0 || !buf_str(&why))
        return -1;
    if (why.n)
        log_line("the store is read-only: %s", why.p);
    return 0;
}

static void backfill_given_up(void *arg, const struct err *why)
{
    refusal_note_verb(arg, "backfill", why);
}

static int start_parts(struct mount *m, struct err *e)
{
    if (log_trouble(m, e) < 0)
        return -1;
    if (notify_start(&m->fs, &m->fs.notify, e) < 0)
        return -1;
    store_on_change(m->fs.store, notify_changes, m->fs.notify);
    store_on_given_up(m->fs.store, backfill_given_up, &m->fs);
    store_on_wait(m->fs.store, loop_will_block);
    if (!m->o->read_only && store_start_jobs(m->fs.store, e) < 0)
        return -1;
    return loop_start(m->fs.session, &m->loop, e);
}

/* Ends the connection. Unmounting is the guardian's: the daemon has no right to it any more, and
 * libfuse, which would try, leaves what is broken alone. */
static void session_close(struct fuse_session *session)
{
    int broken[2];

    if (pipe2(broken, O_CLOEXEC) == 0) {
        close(broken[0]);
        dup2(broken[1], fuse_session_fd(session));
        close(broken[1]);
    }
    fuse_session_unmount(session);
}

/* Whoever still has files open finds them gone; drafts that no close published are no saves. */
static void close_parts(struct mount *m)
{
    struct fs *fs = &m->fs;

    if (fs->notify)
        notify_only_replies(fs->notify);
    if (m->mounted)
        session_close(fs->session);
    if (fs->session)
        fuse_session_destroy(fs->session);
    handles_free_all(fs);
    store_close(fs->store); /* may still say what its jobs changed */
    notify_stop(fs->notify);
    control_free(fs->control);
    special_free(fs);
    stream_free(fs);
    scratch_free(fs->scratch);
    files_free(fs->files);
    usage_free(fs->usage);
    calls_free(fs->calls);
    recent_free(fs->recent);
    loop_free(m->loop);
    if (fs->store_dir >= 0)
        close(fs->store_dir);
}

/* ---- Running ---- */

static int catch_signals(struct mount *m, struct err *e)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    m->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return m->signals < 0 ? err_set(e, ERR_IO, "signalfd: %s", strerror(errno)) : 0;
}

/* Until somebody unmounts (false) or a signal arrives (true). */
static bool wait_for_end(struct mount *m)
{
    struct pollfd p[2] = {{.fd = loop_end_fd(m->loop), .events = POLLIN},
                          {.fd = m->signals, .events = POLLIN}};

    while (poll(p, 2, -1) < 0 && errno == EINTR)
        ;
    return !(p[0].revents & POLLIN);
}

/* The order matters: while anything waits for the kernel (notify_drain), the loop has to answer it.
 * A verb that does not hear that it should stop is left behind: the store is as after a crash,
 * which it survives. */
static void drain(struct mount *m, bool by_signal)
{
    struct fs *fs = &m->fs;

    atomic_store(&fs->stopping, true);
    if (by_signal)
        guardian_detach(&m->guardian);
    if (!calls_drain(fs->calls, DRAIN_MS)) {
        log_line("a command is still under way at the end");
        _exit(0);
    }
    notify_only_replies(fs->notify);
    notify_drain(fs->notify);
    loop_stop(m->loop);
    loop_join(m->loop);
}

/* From here on the standard streams belong to nobody. */
static void let_go_of_streams(const struct mount *m)
{
    for (int i = 0; i < 3; i++)
        dup2(m->null, i);
}

static void tell_caller(struct mount *m, const struct err *e)
{
    ssize_t n;

    if (m->ready < 0)
        return;
    if (e->code == ERR_NONE)
        let_go_of_streams(m);
    do
        n = write(m->ready, e, sizeof(*e));
    while (n < 0 && errno == EINTR);
    close(m->ready);
    m->ready = -1;
}

static int serve(struct mount *m, struct err *e)
{
    int r;

    log_open(m->ready < 0);
    umask(077);
    m->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (sandbox_no_core_dumps(e) < 0 || guardian_start(m->at.p, &m->guardian, e) < 0)
        return -1;
    if (chdir("/") != 0)
        return err_set(e, ERR_IO, "chdir: %s", strerror(errno));
    r = catch_signals(m, e) < 0 || open_parts(m, e) < 0 ? -1 : 0;
    if (r == 0) {
        guardian_tell(&m->guardian, mountpoint_id(m->at.p));
        r = give_up_rights(m, e) < 0 || start_parts(m, e) < 0 ? -1 : 0;
    }
    if (r == 0) {
        tell_caller(m, e);
        drain(m, wait_for_end(m));
    }
    close_parts(m);
    guardian_end(&m->guardian);
    if (m->signals >= 0)
        close(m->signals);
    if (m->null >= 0)
        close(m->null);
    return r;
}

static void mount_deinit(struct mount *m)
{
    buf_free(&m->store);
    buf_free(&m->at);
}

/* ---- The background ---- */

static void be_daemon(struct mount *m, int ready)
{
    struct err e = ERR_INIT;
    int r;

    setsid();
    m->ready = ready;
    r = serve(m, &e);
    if (r < 0)
        tell_caller(m, &e);
    mount_deinit(m);
    exit(r < 0);
}

/* The daemon's error, or none: it serves. */
static int hear_daemon(int fd, pid_t pid, struct err *e)
{
    struct err said;
    ssize_t n;

    do
        n = read(fd, &said, sizeof(said));
    while (n < 0 && errno == EINTR);
    close(fd);
    if (n == (ssize_t)sizeof(said) && said.code == ERR_NONE)
        return 0;
    waitpid(pid, NULL, 0);
    if (n != (ssize_t)sizeof(said))
        return err_set(e, ERR_IO, "the daemon ended before the mount was there");
    *e = said;
    return -1;
}

static int go_to_background(struct mount *m, struct err *e)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_set(e, ERR_IO, "pipe: %s", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        return err_set(e, ERR_IO, "fork: %s", strerror(errno));
    if (pid == 0) {
        close(fds[0]);
        be_daemon(m, fds[1]);
    }
    close(fds[1]);
    return hear_daemon(fds[0], pid, e);
}

int mount_run(const struct mount_options *o, struct err *e)
{
    struct mount m = {.o = o, .signals = -1, .ready = -1, .null = -1, .guardian.pipe = -1, .fs.store_dir = -1};
    int r = mountpoint_resolve(o->mountpoint, &m.at, e);

    if (r == 0)
        r = store_path_resolve(o->store, &m.store, e);
    if (r == 0 && path_is_under(m.store.p, m.at.p))
        r = err_set(e, ERR_INVALID, "the store \"%s\" is inside its own mountpoint", o->store);
    if (r == 0)
        r = o->foreground ? serve(&m, e) : go_to_background(&m, e);
    mount_deinit(&m);
    return r;
}
