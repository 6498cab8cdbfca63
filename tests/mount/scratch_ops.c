/* Random operations on a scratch file, compared with a model in memory.
 *
 *     scratch_ops DIRECTORY [OPERATIONS [SEED]]
 *
 * Writes, appends, truncates, maps, renames, syncs, reopens and unlinks one file through two
 * descriptors, and after each operation compares what it touched; every hundredth time the whole
 * file, through a descriptor of its own. Prints its seed; at the first difference also the last
 * operations, and ends with 1. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX  (300u * 1024)
#define PART_MAX  (40u * 1024)
#define N_NAMES   5u
#define LOG_LINES 24u

static const char *const names[N_NAMES] = {"swp", ".rex.json.swp", "4913", "rex.json~",
                                           "rex.json.tmp.1234"};

static struct {
    uint64_t state;
    uint8_t model[FILE_MAX], part[FILE_MAX];
    size_t size;
    unsigned name; /* which one the file has */
    int fds[2];    /* the second one appends */
    unsigned number;
    char log[LOG_LINES][100];
} t;

/* ---- Chance ---- */

static uint32_t chance(uint32_t below)
{
    t.state = t.state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((t.state >> 33) % below);
}

static void random_part(size_t n)
{
    for (size_t i = 0; i < n; i++)
        t.part[i] = (uint8_t)chance(256);
}

/* ---- Saying what went wrong ---- */

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(t.log[t.number % LOG_LINES], sizeof(t.log[0]), fmt, ap);
    va_end(ap);
}

__attribute__((format(printf, 1, 2), noreturn)) static void wrong(const char *fmt, ...)
{
    va_list ap;

    for (unsigned i = t.number < LOG_LINES ? 0 : t.number - LOG_LINES + 1; i <= t.number; i++)
        printf("%6u %s\n", i, t.log[i % LOG_LINES]);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    exit(1);
}

static void must(bool ok, const char *what)
{
    if (!ok)
        wrong("%s: %s", what, strerror(errno));
}

static void compare(const uint8_t *got, size_t at, size_t n, const char *by)
{
    for (size_t i = 0; i < n; i++)
        if (got[i] != t.model[at + i])
            wrong("%s: byte %zu is %02x, not %02x (size %zu)", by, at + i, got[i], t.model[at + i],
                  t.size);
}

/* ---- The file ---- */

static void open_both(int flags)
{
    t.fds[0] = open(names[t.name], O_RDWR | flags, 0644);
    must(t.fds[0] >= 0, "open");
    t.fds[1] = open(names[t.name], O_RDWR | O_APPEND);
    must(t.fds[1] >= 0, "open to append");
}

static void close_both(void)
{
    must(close(t.fds[0]) == 0 && close(t.fds[1]) == 0, "close");
}

static void check_size(void)
{
    struct stat by_name, by_fd;

    must(stat(names[t.name], &by_name) == 0 && fstat(t.fds[0], &by_fd) == 0, "stat");
    if ((size_t)by_name.st_size != t.size || (size_t)by_fd.st_size != t.size)
        wrong("size is %lld by name, %lld by descriptor, not %zu", (long long)by_name.st_size,
              (long long)by_fd.st_size, t.size);
}

static void check_all(void)
{
    int fd = open(names[t.name], O_RDONLY);
    ssize_t n, at = 0;

    must(fd >= 0, "open to compare");
    while ((n = read(fd, t.part + at, sizeof(t.part) - (size_t)at)) > 0)
        at += n;
    must(n == 0 && close(fd) == 0, "read to compare");
    if ((size_t)at != t.size)
        wrong("%zd bytes are read, not %zu", at, t.size);
    compare(t.part, 0, t.size, "the whole file");
}

static void grow(size_t end)
{
    if (end <= t.size)
        return;
    memset(t.model + t.size, 0, end - t.size);
    t.size = end;
}

/* ---- Operations ---- */

static void do_write(void)
{
    size_t at = chance(FILE_MAX - PART_MAX), n = 1 + chance(PART_MAX);

    note("write %zu at %zu of %zu", n, at, t.size);
    random_part(n);
    grow(at + n);
    memcpy(t.model + at, t.part, n);
    must(pwrite(t.fds[0], t.part, n, (off_t)at) == (ssize_t)n, "write");
}

static void do_append(void)
{
    size_t n = 1 + chance(5000), at = t.size;

    if (at + n > FILE_MAX) {
        note("no room to append");
        return;
    }
    note("append %zu to %zu", n, at);
    random_part(n);
    grow(at + n);
    memcpy(t.model + at, t.part, n);
    must(write(t.fds[1], t.part, n) == (ssize_t)n, "append");
}

static void do_read(void)
{
    size_t at = chance(FILE_MAX), n = 1 + chance(PART_MAX);
    size_t left = at < t.size ? t.size - at : 0;
    ssize_t got;

    note("read %zu at %zu of %zu", n, at, t.size);
    got = pread(t.fds[chance(2)], t.part, n, (off_t)at);
    if (got != (ssize_t)(left < n ? left : n))
        wrong("read %zd bytes", got);
    compare(t.part, at, (size_t)got, "read");
}

static void do_truncate(void)
{
    size_t to = chance(8) == 0 ? 0 : chance(FILE_MAX);

    note("truncate %zu to %zu", t.size, to);
    if (chance(2))
        must(ftruncate(t.fds[0], (off_t)to) == 0, "ftruncate");
    else
        must(truncate(names[t.name], (off_t)to) == 0, "truncate");
    grow(to);
    t.size = to;
}

static uint8_t *map_part(int prot, size_t *ret_at, size_t *ret_n, size_t *ret_skip)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), at = chance((uint32_t)t.size);
    size_t n = 1 + chance((uint32_t)(t.size - at < PART_MAX ? t.size - at : PART_MAX));
    uint8_t *p;

    *ret_skip = at % page;
    *ret_at = at;
    *ret_n = n;
    p = mmap(NULL, n + *ret_skip, prot, MAP_SHARED, t.fds[0], (off_t)(at - *ret_skip));
    must(p != MAP_FAILED, "mmap");
    return p;
}

static void do_map_read(void)
{
    size_t at, n, skip;
    uint8_t *p;

    if (t.size == 0) {
        note("nothing to map");
        return;
    }
    p = map_part(PROT_READ, &at, &n, &skip);
    note("map and read %zu at %zu of %zu", n, at, t.size);
    compare(p + skip, at, n, "mmap");
    must(munmap(p, n + skip) == 0, "munmap");
}

static void do_map_write(void)
{
    size_t at, n, skip;
    uint8_t *p;

    if (t.size == 0) {
        note("nothing to map");
        return;
    }
    p = map_part(PROT_READ | PROT_WRITE, &at, &n, &skip);
    note("map and write %zu at %zu of %zu", n, at, t.size);
    random_part(n);
    memcpy(p + skip, t.part, n);
    memcpy(t.model + at, t.part, n);
    if (chance(2))
        must(msync(p, n + skip, MS_SYNC) == 0, "msync");
    must(munmap(p, n + skip) == 0, "munmap");
}

static void do_fsync(void)
{
    note("fsync");
    must((chance(2) ? fsync : fdatasync)(t.fds[chance(2)]) == 0, "fsync");
}

/* Every second time onto a file that is there. */
static void do_rename(void)
{
    unsigned to = (t.name + 1 + chance(N_NAMES - 1)) % N_NAMES;
    int fd;

    note("rename %s to %s", names[t.name], names[to]);
    if (chance(2)) {
        fd = open(names[to], O_WRONLY | O_CREAT | O_EXCL, 0600);
        must(fd >= 0 && write(fd, "in the way", 10) == 10 && close(fd) == 0, "a file in the way");
    }
    must(rename(names[t.name], names[to]) == 0, "rename");
    must(access(names[t.name], F_OK) < 0 && errno == ENOENT, "the old name");
    t.name = to;
}

static void do_reopen(void)
{
    bool empty = chance(6) == 0;

    note(empty ? "reopen, emptied" : "reopen");
    close_both();
    open_both(empty ? O_TRUNC : 0);
    if (empty)
        t.size = 0;
}

/* A file without a name keeps its bytes while it is open; another one of the same bytes takes its
 * place. */
static void do_unlink(void)
{
    note("unlink and make again, %zu bytes", t.size);
    must(unlink(names[t.name]) == 0, "unlink");
    must(pread(t.fds[0], t.part, t.size, 0) == (ssize_t)t.size, "read without a name");
    compare(t.part, 0, t.size, "without a name");
    close_both();
    open_both(O_CREAT | O_EXCL);
    must(pwrite(t.fds[0], t.part, t.size, 0) == (ssize_t)t.size, "write again");
}

static const struct {
    unsigned weight;
    void (*fn)(void);
} operations[] = {
    {25, do_write},    {10, do_append}, {25, do_read},  {12, do_truncate}, {8, do_map_read},
    {8, do_map_write}, {2, do_fsync},   {5, do_rename}, {4, do_reopen},    {1, do_unlink},
};

static void step(void)
{
    unsigned at = chance(100), i = 0;

    while (at >= operations[i].weight)
        at -= operations[i++].weight;
    operations[i].fn();
    check_size();
    if (t.number % 100 == 99)
        check_all();
}

int main(int argc, char **argv)
{
    unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20000;

    t.state = argc > 3 ? strtoull(argv[3], NULL, 10)
                       : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    if (argc < 2 || chdir(argv[1]) < 0) {
        fprintf(stderr, "usage: scratch_ops DIRECTORY [OPERATIONS [SEED]]\n");
        return 2;
    }
    printf("%u operations, seed %llu\n", n, (unsigned long long)t.state);
    open_both(O_CREAT | O_EXCL);
    for (; t.number < n; t.number++)
        step();
    check_all();
    close_both();
    must(unlink(names[t.name]) == 0, "unlink");
    return 0;
}
