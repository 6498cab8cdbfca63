/* Counts what passes between a daemon and the kernel's FUSE, from inside the daemon (LD_PRELOAD):
 * each request by its opcode, each notification by its code; and what the store does for a close:
 * commits and syncs.
 *
 * COUNTS names a file of 64-bit numbers that are raised as it goes, so that a test may look at any
 * moment:  [0..63] requests by opcode  [64..79] notifications by code  [80] commits  [81] syncs
 * SLOW_MS makes each commit and each sync take so much longer: what comes meanwhile has to wait. */
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPCODES = 64, NOTICES = 16, COMMITS = OPCODES + NOTICES, SYNCS, COUNTS };
enum { WAL_FRAME_HEADER = 24, WAL_FRAME = WAL_FRAME_HEADER + 4096 };

static _Atomic uint64_t nowhere[COUNTS], *counts = nowhere;
static long slow_ns;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("COUNTS"), *slow_ms = getenv("SLOW_MS");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    void *at;

    slow_ns = slow_ms ? atol(slow_ms) * 1000000 : 0;
    if (fd < 0)
        return;
    if (ftruncate(fd, sizeof(nowhere)) != 0)
        abort();
    at = mmap(NULL, sizeof(nowhere), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        abort();
    counts = at;
    close(fd);
}

static void count(unsigned i)
{
    atomic_fetch_add_explicit(&counts[i], 1, memory_order_relaxed);
}

static int is_fuse(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(10, 229);
}

static void count_slowly(unsigned i)
{
    struct timespec t = {slow_ns / 1000000000, slow_ns % 1000000000};

    count(i);
    if (slow_ns)
        nanosleep(&t, NULL);
}

/* The first bytes of what the daemon says: a notification has no request. */
static void count_said(const void *bytes, size_t size)
{
    const struct fuse_out_header *out = bytes;

    if (size >= sizeof(*out) && out->unique == 0 && out->error > 0 &&
        out->error < NOTICES)
        count(OPCODES + (unsigned)out->error);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    ssize_t n = syscall(SYS_read, fd, bytes, size);
    const struct fuse_in_header *in = bytes;

    if (n >= (ssize_t)sizeof(*in) && is_fuse(fd) && in->opcode < OPCODES)
        count(in->opcode);
    return n;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    if (is_fuse(fd))
        count_said(bytes, size);
    return syscall(SYS_write, fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    if (n > 0 && is_fuse(fd))
        count_said(parts[0].iov_base, parts[0].iov_len);
    return syscall(SYS_writev, fd, parts, n);
}

/* The header of a frame of SQLite's WAL: the last one of a commit says how many pages there are. */
static int ends_commit(const unsigned char *header)
{
    return (header[4] | header[5] | header[6] | header[7]) != 0;
}

/* A header alone, or whole frames, of which the last may be a commit's. */
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    const unsigned char *b = bytes;

    if ((size == WAL_FRAME_HEADER && ends_commit(b)) ||
        (size && size % WAL_FRAME == 0 && ends_commit(b + size - WAL_FRAME)))
        count_slowly(COMMITS);
    return syscall(SYS_pwrite64, fd, bytes, size, at);
}

int fsync(int fd)
{
    count_slowly(SYNCS);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    count_slowly(SYNCS);
    return (int)syscall(SYS_fdatasync, fd);
}
