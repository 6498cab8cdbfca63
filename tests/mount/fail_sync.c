/* To be preloaded: while the first byte of the file FAIL_SYNC is '1', every fsync and fdatasync
 * fails with EIO. (strace can't do it: what it puts in place of the call is no call that the
 * sandbox allows.) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile const char *switch_byte;

__attribute__((constructor)) static void find_switch(void)
{
    const char *path = getenv("FAIL_SYNC");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        switch_byte = page;
    close(fd);
}

static int sync_or_fail(long call, int fd)
{
    if (switch_byte && *switch_byte == '1') {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fsync(int fd)
{
    return sync_or_fail(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_or_fail(SYS_fdatasync, fd);
}
