/* The command line: a row for each verb in cli.c, its run function in one of cli_*.c.
 *
 * A run function prints what it has to say and returns the exit status: CLI_OK, CLI_FAILED (what
 * was asked for was refused), CLI_USAGE (it was not understood).
 *
 * Threads: the program has one, until mount_run. */
#ifndef FS_CLI_H
#define FS_CLI_H

#include "../schemas/buf.h"
#include "../schemas/err.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_INTERRUPTED = 130 };

enum cli_option {
    OPTION_HELP,
    OPTION_FOREGROUND,
    OPTION_MOUNT, /* -o; may be given several times */
    OPTION_JSON,
    OPTION_WATCH,
    OPTION_WAIT,
    OPTION_STORE,
    OPTION_RATE,
    OPTION_BRIEF,
    OPTION_DENY,
    N_OPTIONS
};
#define OPTION_BIT(o) (1u << (o))

struct cli_args {
    const struct cli_verb *verb;
    const char **words; /* what is no option, in order */
    size_t n_words;
    bool given[N_OPTIONS];
    const char *value[N_OPTIONS]; /* the last one; NULL = takes none or not given */
    struct buf mount_words;       /* all of -o, separated by commas; ends with a NUL */
};

struct cli_verb {
    const char *name;
    const char *usage;   /* after the name */
    const char *summary; /* one line */
    const char *help;    /* the rest of `schemafs help NAME` */
    unsigned options;    /* OPTION_BITs it takes, OPTION_HELP beside */
    unsigned min_words, max_words;
    int (*run)(const struct cli_args *a);
};

/* The whole program. */
int cli_main(int argc, char **argv);

int cli_mount(const struct cli_args *a);
int cli_umount(const struct cli_args *a);
int cli_status(const struct cli_args *a);
int cli_check(const struct cli_args *a);
int cli_verb(const struct cli_args *a); /* add, backfill, finalize, revert, verify */
int cli_export(const struct cli_args *a);
int cli_import(const struct cli_args *a);
int cli_fsck(const struct cli_args *a);
int cli_backup(const struct cli_args *a);

/* ---- For the verbs ---- */

/* "schemafs: text" and its details to standard error. Returns CLI_FAILED. */
int cli_fail(const struct err *e);
/* The same with a text of its own, for wrong usage; says where help is. Returns CLI_USAGE. */
int cli_misuse(const struct cli_args *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes all of it to standard output: CLI_OK, or CLI_FAILED and says why. */
int cli_print(struct span text);
/* All of a file; ERR_NOT_FOUND, ERR_ACCESS, ERR_IO, ERR_TOO_BIG name it. */
int cli_read_file(const char *path, size_t max_bytes, struct buf *ret, struct err *e);

#endif
