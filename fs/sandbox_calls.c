/* The system calls of a daemon that serves: a table, and the filter made from it.
 *
 * The kernel keeps a bitmap of the numbers that a filter allows whatever their arguments are, so
 * the table's length costs nothing at run time; rows that look at an argument are run through each
 * time. */
#include "sandbox.h"

#include <stddef.h>

#ifdef __x86_64__

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define NEWEST_CALL 462u        /* mseal, of Linux 6.10: what is newer, a libc can do without */
#define X32_BIT     0x40000000u /* the numbers of another kind of program */
#define RULES_MAX   200u        /* rows, all together */
#define PER_RULE    5u          /* instructions */

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

struct rule {
    unsigned number;
    bool looks; /* allowed only when argument & mask == value (its low 32 bits) */
    unsigned argument;
    unsigned mask, value;
};

static const struct rule serving[] = {
    /* requests and replies */
    {.number = SYS_read},
    {.number = SYS_readv},
    {.number = SYS_write},
    {.number = SYS_writev},
    {.number = SYS_splice},
    {.number = SYS_vmsplice},
    {.number = SYS_tee},
    {.number = SYS_poll},
    {.number = SYS_ppoll},
    {.number = SYS_pipe2},
    {.number = SYS_eventfd2},
    /* the store's files */
    {.number = SYS_open},
    {.number = SYS_openat},
    {.number = SYS_close},
    {.number = SYS_pread64},
    {.number = SYS_pwrite64},
    {.number = SYS_lseek},
    {.number = SYS_stat},
    {.number = SYS_lstat},
    {.number = SYS_fstat},
    {.number = SYS_newfstatat},
    {.number = SYS_statx},
    {.number = SYS_statfs},
    {.number = SYS_fstatfs},
    {.number = SYS_access},
    {.number = SYS_faccessat},
    {.number = 439 /* faccessat2 */},
    {.number = SYS_readlink},
    {.number = SYS_readlinkat},
    {.number = SYS_getcwd},
    {.number = SYS_fcntl},
    {.number = SYS_flock},
    {.number = SYS_fsync},
    {.number = SYS_fdatasync},
    {.number = SYS_ftruncate},
    {.number = SYS_fallocate},
    {.number = SYS_fchmod},
    {.number = SYS_fchown},
    {.number = SYS_unlink},
    {.number = SYS_unlinkat},
    /* memory: none that is written becomes code */
    {.number = SYS_brk},
    {SYS_mmap, true, 2, PROT_EXEC, 0},
    {SYS_mprotect, true, 2, PROT_EXEC, 0},
    {.number = SYS_munmap},
    {.number = SYS_mremap},
    {.number = SYS_madvise},
    /* threads: no processes */
    {SYS_clone, true, 0, CLONE_THREAD, CLONE_THREAD},
    {.number = SYS_futex},
    {.number = SYS_set_robust_list},
    {.number = 334 /* rseq */},
    {.number = SYS_sched_yield},
    {.number = SYS_sched_getaffinity},
    {.number = SYS_getpriority},
    {.number = SYS_setpriority},
    {SYS_prctl, true, 0, ~0u, PR_SET_NAME},
    {.number = SYS_membarrier},
    {.number = SYS_exit},
    {.number = SYS_exit_group},
    {.number = SYS_wait4}, /* the guardian's end */
    /* signals to itself */
    {.number = SYS_rt_sigaction},
    {.number = SYS_rt_sigprocmask},
    {.number = SYS_rt_sigreturn},
    {.number = SYS_rt_sigtimedwait},
    {.number = SYS_sigaltstack},
    {.number = SYS_restart_syscall},
    {.number = SYS_tgkill},
    /* time */
    {.number = SYS_nanosleep},
    {.number = SYS_clock_nanosleep},
    {.number = SYS_clock_gettime},
    {.number = SYS_clock_getres},
    {.number = SYS_gettimeofday},
    {.number = SYS_time},
    /* who and where one is */
    {.number = SYS_getpid},
    {.number = SYS_gettid},
    {.number = SYS_getppid},
    {.number = SYS_getuid},
    {.number = SYS_geteuid},
    {.number = SYS_getgid},
    {.number = SYS_getegid},
    {.number = SYS_getrusage},
    {.number = SYS_getrandom},
    {.number = SYS_uname},
    {.number = SYS_sysinfo},
    /* the standard streams go to /dev/null */
    {.number = SYS_dup2},
    {.number = SYS_dup3},
    /* syslog */
    {SYS_socket, true, 0, ~0u, AF_UNIX},
    {.number = SYS_connect},
    {.number = SYS_sendto},
    {.number = SYS_sendmsg},
};
#define N_SERVING (sizeof serving / sizeof serving[0])

/* A sanitizer looks for leaks from a process of its own that stops the threads, and has a program
 * find the names of functions for its reports. */
static const struct rule sanitizing[] = {
    {.number = SYS_mmap},
    {.number = SYS_mprotect},
    {.number = SYS_clone},
    {.number = SYS_fork},
    {.number = SYS_vfork},
    {.number = SYS_execve},
    {.number = SYS_ptrace},
    {.number = SYS_prctl},
    {.number = SYS_arch_prctl},
    {.number = SYS_kill},
    {.number = SYS_tkill},
    {.number = SYS_waitid},
    {.number = SYS_getdents},
    {.number = SYS_getdents64},
    {.number = SYS_prlimit64},
    {.number = SYS_getrlimit},
    {.number = SYS_setrlimit},
    {.number = SYS_personality},
    {.number = SYS_process_vm_readv},
    {.number = SYS_mincore},
    {.number = SYS_msync},
    {.number = SYS_dup},
    {.number = SYS_pipe},
    {.number = SYS_select},
    {.number = SYS_ioctl},
    {.number = SYS_set_tid_address},
    {.number = SYS_setpgid},
    {.number = SYS_getpgrp},
    {.number = SYS_socketpair},
};
#define N_SANITIZING (sizeof sanitizing / sizeof sanitizing[0])

static struct sock_filter program[RULES_MAX * PER_RULE];
static struct sock_fprog filter = {.filter = program};

static void add(struct sock_filter instruction)
{
    assert(filter.len < sizeof program / sizeof program[0]);
    program[filter.len++] = instruction;
}

static void load(size_t offset)
{
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

/* Goes past the next n instructions unless a comparison with k holds. */
static void unless(unsigned comparison, unsigned k, unsigned char n)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | comparison, k, 0, n));
}

static void answer(unsigned k)
{
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, k));
}

/* The number is in the accumulator before and after. */
static void add_rule(const struct rule *r)
{
    if (!r->looks) {
        unless(BPF_JEQ, r->number, 1);
        answer(SECCOMP_RET_ALLOW);
        return;
    }
    unless(BPF_JEQ, r->number, 5);
    load(offsetof(struct seccomp_data, args) + 8 * r->argument);
    add((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, r->mask));
    unless(BPF_JEQ, r->value, 1);
    answer(SECCOMP_RET_ALLOW);
    answer(SECCOMP_RET_ERRNO | EPERM);
}

static void add_rules(const struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_rule(&rules[i]);
}

const struct sock_fprog *sandbox_calls(void)
{
    filter.len = 0;
    load(offsetof(struct seccomp_data, arch));
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    answer(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(struct seccomp_data, nr));
    unless(BPF_JGE, X32_BIT, 1);
    answer(SECCOMP_RET_KILL_PROCESS);
    if (SANDBOX_SANITIZED)
        add_rules(sanitizing, N_SANITIZING);
    add_rules(serving, N_SERVING);
    /* What it does stands in memory, where a filter can't look: a libc has clone for it. */
    unless(BPF_JEQ, 435 /* clone3 */, 1);
    answer(SECCOMP_RET_ERRNO | ENOSYS);
    unless(BPF_JGT, NEWEST_CALL, 1);
    answer(SECCOMP_RET_ERRNO | ENOSYS);
    answer(SECCOMP_RET_ERRNO | EPERM);
    return &filter;
}

#else

const struct sock_fprog *sandbox_calls(void)
{
    return NULL;
}

#endif
