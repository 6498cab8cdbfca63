/* To be preloaded: the wall clock is as many seconds away from the true one as the file SHIFT_CLOCK says. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES 20

static const char *seconds;

__attribute__((constructor)) static void find_file(void)
{
    const char *path = getenv("SHIFT_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *page = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        seconds = page;
    close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret);

    if (rc == 0 && seconds && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret->tv_sec += atol(seconds);
    return rc;
}
