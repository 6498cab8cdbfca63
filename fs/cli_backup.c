/* backup: of a store that is mounted or not, in a process of its own. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../store/backup.h"
#include "cli.h"
#include "progress.h"

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

/* What is half done is removed before the end. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static bool show(void *arg, uint64_t done, uint64_t total)
{
    struct progress *p = arg;
    double seconds = progress_seconds(p), rate = seconds > 0 ? (double)done / seconds : 0;

    progress_bar(p, "backup (pages)", done, total, rate,
                 rate > 0 ? (double)(total - done) / rate : -1);
    return stopped;
}

int cli_backup(const struct cli_args *a)
{
    struct progress progress;
    struct err e = ERR_INIT;
    struct stat st;
    int rc;

    umask(077);
    catch_signals();
    progress_init(&progress);
    rc = store_backup(a->words[0], a->words[1], show, &progress, &e);
    progress_end(&progress);
    if (rc && e.code == ERR_INTERRUPTED) {
        cli_fail(&e);
        return CLI_INTERRUPTED;
    }
    if (rc)
        return cli_fail(&e);
    if (stat(a->words[1], &st) != 0)
        st.st_size = 0;
    printf("ok %s, %lld bytes\n", a->words[1], (long long)st.st_size);
    return CLI_OK;
}
