/* status: prints what control/ says. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "cli_control.h"

#define HOME_AND_CLEAR "\033[H\033[J"

static int print_once(const struct cli_args *a, const char *before)
{
    const char *file = a->given[OPTION_JSON] ? "status.json" : "status";
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (!buf_adds(&text, before)) {
        err_nomem(&e);
        return cli_fail(&e);
    }
    return control_get(a->words[0], file, &text, &e) ? cli_fail(&e) : cli_print(buf_span(&text));
}

/* Ctrl-C ends it as it ends any program. */
static int watch(const struct cli_args *a)
{
    const char *before = isatty(STDOUT_FILENO) && !a->given[OPTION_JSON] ? HOME_AND_CLEAR : "";
    int rc;

    while ((rc = print_once(a, before)) == CLI_OK)
        sleep(1);
    return rc;
}

int cli_status(const struct cli_args *a)
{
    return a->given[OPTION_WATCH] ? watch(a) : print_once(a, "");
}
