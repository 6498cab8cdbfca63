/* To be preloaded: what the first byte of the file BAD_SYNC says becomes of every fsync and fdatasync
 * meanwhile: '1', it fails with EIO; 's', it takes half a second. (strace can't do it: what it puts in
 * place of the call is no call that the sandbox allows.) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const char *switch_byte;

__attribute__((constructor)) static void find_switch(void)
{
    const char *path = getenv("BAD_SYNC");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        switch_byte = page;
    close(fd);
}

static int sync_badly(long call, int fd)
{
    if (switch_byte && *switch_byte == 's')
        nanosleep(&(struct timespec){0, 500000000}, NULL);
    if (switch_byte && *switch_byte == '1') {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fsync(int fd)
{
    return sync_badly(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_badly(SYS_fdatasync, fd);
}
