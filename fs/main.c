#include <fcntl.h>
#include <unistd.h>

#include "cli.h"

/* A standard stream that the caller has closed must not become the store's descriptor. */
static void open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    open_standard_streams();
    return cli_main(argc, argv);
}
