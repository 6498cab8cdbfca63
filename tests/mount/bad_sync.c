/* To be preloaded: the first byte of the file BAD_SYNC says what becomes of every fsync and fdatasync:
 *
 *   '0'  it is as always                   's'  it waits until the byte is another (20 s at the most)
 *   '1'  it fails with EIO                 'o'  as 's', but one comes through, which makes it an 's'
 *
 * The second byte is 'w' as soon as one has waited. (strace can't do it: what it puts in place of the
 * call is no call that the sandbox allows.) */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NAP_NS = 2000000, NAPS = 10000 };

static _Atomic char *bytes;

__attribute__((constructor)) static void find_bytes(void)
{
    const char *path = getenv("BAD_SYNC");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *page = mmap(NULL, 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        bytes = page;
    close(fd);
}

static void wait_for_turn(void)
{
    for (int i = 0; i < NAPS; i++) {
        char one = 'o';

        if (atomic_compare_exchange_strong(&bytes[0], &one, 's') || one != 's')
            return;
        bytes[1] = 'w';
        nanosleep(&(struct timespec){0, NAP_NS}, NULL);
    }
}

static int sync_badly(long call, int fd)
{
    if (bytes)
        wait_for_turn();
    if (bytes && bytes[0] == '1') {
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
