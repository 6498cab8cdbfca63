/* The sandbox, in a child that enters it and tries what it must not get. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/sandbox.h"

static char dir[64], store[96], beside[96], below[128];

static void make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, "text", 4), 4);
    close(fd);
}

static void setup(void)
{
    strcpy(dir, "/tmp/schemafs-test-XXXXXX");
    ck_assert(mkdtemp(dir) != NULL);
    snprintf(store, sizeof store, "%s/s.db", dir);
    snprintf(beside, sizeof beside, "%s/other", dir);
    snprintf(below, sizeof below, "%s/sub", dir);
    ck_assert_int_eq(mkdir(below, 0700), 0);
    strcat(below, "/file");
    make_file(store);
    make_file(beside);
    make_file(below);
}

static void teardown(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

/* ---- What is tried: 0 or the errno ---- */

static int opened(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int answered(long rc)
{
    return rc < 0 ? errno : 0;
}

static int open_store(void)
{
    return opened(store, O_RDWR);
}

static int truncate_store(void)
{
    return opened(store, O_RDWR | O_TRUNC);
}

static int open_beside(void)
{
    return opened(beside, O_RDONLY);
}

static int open_below(void)
{
    return opened(below, O_RDONLY);
}

static int open_etc(void)
{
    return opened("/etc/passwd", O_RDONLY);
}

static int open_root(void)
{
    return opened("/", O_RDONLY | O_DIRECTORY);
}

static int open_folder(void)
{
    return opened(dir, O_RDONLY | O_DIRECTORY);
}

static int open_status(void)
{
    return opened("/proc/self/status", O_RDONLY);
}

static int open_null(void)
{
    return opened("/dev/null", O_RDWR);
}

static int create_file(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/new", dir);
    return opened(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int remove_beside(void)
{
    return answered(unlink(beside));
}

static int rename_store(void)
{
    return answered(rename(store, beside));
}

static int link_store(void)
{
    return answered(link(store, "/tmp/schemafs-test-link"));
}

static int symlink_store(void)
{
    return answered(symlink("/etc", below));
}

static int make_dir(void)
{
    return answered(mkdir("/tmp/schemafs-test-dir", 0700));
}

static int make_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return answered(pid);
}

static int execute(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return errno;
}

static int speak_tcp(void)
{
    return answered(socket(AF_INET, SOCK_STREAM, 0));
}

static int speak_netlink(void)
{
    return answered(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int speak_unix(void)
{
    return answered(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int signal_parent(void)
{
    return answered(kill(getppid(), 0));
}

static int trace_parent(void)
{
    return answered(ptrace(PTRACE_SEIZE, getppid(), 0, 0));
}

static int become_root(void)
{
    return answered(syscall(SYS_setuid, 0));
}

static int mount_proc(void)
{
    return answered(syscall(SYS_mount, "p", "/proc", "proc", 0, 0));
}

static int unmount_proc(void)
{
    return answered(syscall(SYS_umount2, "/proc", 2));
}

static int new_namespace(void)
{
    return answered(syscall(SYS_unshare, 0x10000000));
}

static int use_ring(void)
{
    return answered(syscall(425, 8, NULL));
}

static int load_bpf(void)
{
    return answered(syscall(321, 0, NULL, 0));
}

static int be_dumpable(void)
{
    return answered(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int future_call(void)
{
    return answered(syscall(4000));
}

static int map_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? errno : 0;
}

static int data_to_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? -1 : answered(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static void *nothing(void *arg)
{
    return arg;
}

static int start_thread(void)
{
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, nothing, NULL);
    return rc ? rc : pthread_join(thread, NULL);
}

static int no_core_limit(void)
{
    struct rlimit limit;
    if (syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &limit) == 0)
        return limit.rlim_max == 0 ? 0 : -1;
    return errno;
}

static const struct attempt {
    const char *name;
    int (*fn)(void);
    int expected;   /* 0 or an errno */
    bool sanitized; /* the same in a build with a sanitizer */
} attempts[] = {
    {"the store is opened", open_store, 0, true},
    {"the store is truncated", truncate_store, 0, true},
    {"its folder is opened, to be synced", open_folder, 0, true},
    {"the groups of a caller are read", open_status, 0, true},
    {"a thread is started", start_thread, 0, true},
    {"a name beside the store goes", remove_beside, 0, true},
    {"syslog is spoken to", speak_unix, 0, true},
    {"a file beside the store", open_beside, EACCES, false},
    {"a file below", open_below, EACCES, false},
    {"a file elsewhere", open_etc, EACCES, false},
    {"the root", open_root, EACCES, false},
    {"a device", open_null, EACCES, false},
    {"a new file", create_file, EACCES, true},
    {"a rename", rename_store, EPERM, true},
    {"a link", link_store, EPERM, true},
    {"a symbolic link", symlink_store, EPERM, true},
    {"a directory", make_dir, EPERM, true},
    {"a process", make_process, EPERM, false},
    {"a program", execute, EPERM, false},
    {"TCP", speak_tcp, EPERM, true},
    {"netlink", speak_netlink, EPERM, true},
    {"a signal to another", signal_parent, EPERM, true},
    {"ptrace", trace_parent, EPERM, true},
    {"another user", become_root, EPERM, true},
    {"mount", mount_proc, EPERM, true},
    {"umount", unmount_proc, EPERM, true},
    {"a namespace", new_namespace, EPERM, true},
    {"io_uring", use_ring, EPERM, true},
    {"bpf", load_bpf, EPERM, true},
    {"dumps again", be_dumpable, EPERM, false},
    {"new code", map_code, EPERM, false},
    {"code that was written", data_to_code, EPERM, false},
    {"a call that is newer than the list", future_call, ENOSYS, true},
    {"the limit of core dumps is asked for", no_core_limit, EPERM, false},
};
#define N_ATTEMPTS (sizeof attempts / sizeof attempts[0])

/* ---- The child ---- */

#define NOT_ENTERED 250

static void enter_or_exit(unsigned expected_parts, const char *expected_missing)
{
    struct buf missing BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    unsigned parts = 0;
    int rc = sandbox_enter(store, &parts, &missing, &e);
    if (rc == 0 && parts == expected_parts && strstr(buf_str(&missing), expected_missing))
        return;
    fprintf(stderr, "rc %d, parts %u, \"%s\", %s\n", rc, parts, buf_str(&missing), e.text);
    _exit(NOT_ENTERED);
}

static int status_of(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static pid_t start_child(void)
{
    pid_t pid;
    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        alarm(20);
    return pid;
}

START_TEST(sandbox__gives_what_serving_needs_and_nothing_else)
{
    const struct attempt *a = &attempts[_i];
    pid_t pid;
    int status;
    if (SANDBOX_SANITIZED && !a->sanitized)
        return;
    pid = start_child();
    if (pid == 0) {
        enter_or_exit(SANDBOX_LANDLOCK | SANDBOX_SECCOMP, "");
        _exit(a->fn());
    }
    status = status_of(pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == a->expected,
                  "%s: expected %s, status %#x (%s)", a->name, strerror(a->expected),
                  (unsigned)status, WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "signal");
}
END_TEST

static void *create_in_thread(void *ret)
{
    *(int *)ret = create_file();
    return NULL;
}

START_TEST(sandbox__binds_threads_that_come_later)
{
    pid_t pid = start_child();
    if (pid == 0) {
        pthread_t thread;
        int got = NOT_ENTERED;
        enter_or_exit(SANDBOX_LANDLOCK | SANDBOX_SECCOMP, "");
        if (pthread_create(&thread, NULL, create_in_thread, &got) == 0)
            pthread_join(thread, NULL);
        _exit(got);
    }
    ck_assert_int_eq(WEXITSTATUS(status_of(pid)), EACCES);
}
END_TEST

#ifdef __x86_64__
START_TEST(sandbox__numbers_of_another_kind_end_the_process)
{
    pid_t pid = start_child();
    int status;
    if (pid == 0) {
        enter_or_exit(SANDBOX_LANDLOCK | SANDBOX_SECCOMP, "");
        syscall(0x40000000 | SYS_getpid);
        _exit(0);
    }
    status = status_of(pid);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %#x",
                  (unsigned)status);
}
END_TEST
#endif

/* ---- Kernels that lack a part ---- */

/* From here on a system call is answered with an error, as a kernel without it does. */
static void take_away(unsigned number, int error)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof f / sizeof f[0], f};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
        _exit(NOT_ENTERED);
}

static const struct {
    const char *name;
    unsigned number;
    int error;
    unsigned parts;
    const char *missing;
    int (*fn)(void);
    int expected;
} lacks[] = {
    {"no Landlock", SYS_landlock_create_ruleset, ENOSYS, SANDBOX_SECCOMP,
     "no Landlock in this kernel: Function not implemented", open_etc, 0},
    {"no Landlock, system calls", SYS_landlock_create_ruleset, ENOSYS, SANDBOX_SECCOMP, "",
     mount_proc, EPERM},
    {"Landlock turned off", SYS_landlock_create_ruleset, EOPNOTSUPP, SANDBOX_SECCOMP,
     "no Landlock in this kernel: Operation not supported", open_etc, 0},
    {"a rule refused", SYS_landlock_add_rule, EINVAL, SANDBOX_SECCOMP, "no Landlock: ", open_etc,
     0},
    {"too many rules in force", SYS_landlock_restrict_self, E2BIG, SANDBOX_SECCOMP,
     "no Landlock: the rules: Argument list too long", open_etc, 0},
    {"no seccomp", SYS_seccomp, EINVAL, SANDBOX_LANDLOCK, "no filter of system calls: ", open_root,
     EACCES},
};

START_TEST(sandbox__says_what_a_kernel_lacks_and_does_the_rest)
{
    pid_t pid = start_child();
    int status;
    if (pid == 0) {
        take_away(lacks[_i].number, lacks[_i].error);
        enter_or_exit(lacks[_i].parts, lacks[_i].missing);
        _exit(SANDBOX_SANITIZED ? lacks[_i].expected : lacks[_i].fn());
    }
    status = status_of(pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == lacks[_i].expected, "%s: status %#x",
                  lacks[_i].name, (unsigned)status);
}
END_TEST

START_TEST(sandbox__that_cannot_drop_capabilities_is_an_error)
{
    pid_t pid = start_child();
    if (pid == 0) {
        struct buf missing BUF_CLEANUP = BUF_INIT;
        struct err e = ERR_INIT;
        unsigned parts = 99;
        take_away(SYS_capset, EPERM);
        int rc = sandbox_enter(store, &parts, &missing, &e);
        _exit(rc == -1 && parts == 99 && e.code == ERR_IO && strstr(e.text, "capabilities") ? 0
                                                                                            : 1);
    }
    ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *t = tcase_create("sandbox");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, sandbox__gives_what_serving_needs_and_nothing_else, 0, N_ATTEMPTS);
    tcase_add_test(t, sandbox__binds_threads_that_come_later);
#ifdef __x86_64__
    tcase_add_test(t, sandbox__numbers_of_another_kind_end_the_process);
#endif
    tcase_add_loop_test(t, sandbox__says_what_a_kernel_lacks_and_does_the_rest, 0,
                        sizeof lacks / sizeof lacks[0]);
    tcase_add_test(t, sandbox__that_cannot_drop_capabilities_is_an_error);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int bad = srunner_ntests_failed(runner);
    srunner_free(runner);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
