/* The table of verbs, and from argv to one of them. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "human.h"

#ifndef SCHEMAFS_VERSION
#error "SCHEMAFS_VERSION is the version, as a string"
#endif

#define READ_BYTES 65536u

static const struct {
    const char *name, *value; /* value: what it takes, for messages; NULL = nothing */
    char letter;              /* 0 = none */
} options[N_OPTIONS] = {
    [OPTION_HELP] = {"help", NULL, 'h'},          [OPTION_FOREGROUND] = {"foreground", NULL, 'f'},
    [OPTION_MOUNT] = {"options", "OPTIONS", 'o'}, [OPTION_JSON] = {"json", NULL, 0},
    [OPTION_WATCH] = {"watch", NULL, 0},          [OPTION_WAIT] = {"wait", NULL, 0},
    [OPTION_STORE] = {"store", "STORE", 0},       [OPTION_RATE] = {"rate", "N", 0},
    [OPTION_BRIEF] = {"brief", NULL, 0},          [OPTION_DENY] = {"deny", "CLASSES", 0},
};

static const struct cli_verb verbs[] = {
    {"mount", "STORE MOUNTPOINT [-f] [-o OPTION,...]", "mount a store; made when it is missing",
     "Goes to the background once the mount answers.\n\n"
     "  -f, --foreground   stay in the foreground\n"
     "  -o OPTION,...      ro, allow_other, uid=N, gid=N, umask=OCTAL,\n"
     "                     sync         every close is durable against power loss\n"
     "                     strict       a close fails when a field it changes was changed by "
     "another\n"
     "                     max_item=N   bytes of one item, with K, M or G; 16M by default\n"
     "                     history=RULE revisions that an item keeps (100), or their age (30d);\n"
     "                                  0: none\n"
     "                     and libfuse's own\n",
     OPTION_BIT(OPTION_FOREGROUND) | OPTION_BIT(OPTION_MOUNT), 2, 2, cli_mount},
    {"umount", "MOUNTPOINT", "unmount cleanly",
     "Returns when the daemon has ended and the store can be used by another.\n", 0, 1, 1,
     cli_umount},
    {"status", "MOUNTPOINT [--json] [--watch]", "versions, jobs, the last error",
     "  --json    for scripts: control/status.json\n"
     "  --watch   prints it again every second, until it is interrupted\n",
     OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_WATCH), 1, 1, cli_status},
    {"check", "SCHEMA.yaml... [--store STORE] [--brief|--json] [--deny CLASS,...]",
     "check schema files without a mount",
     "The files are compiled in order, each may come from one before it. Says what every step "
     "does,\n"
     "in both directions, what it can lose, and its class:\n\n"
     "  destructive      finalize drops stored values for good\n"
     "  one-way          a direction can't show all; what it hides is kept beside it\n"
     "  needs backfill   older items are computed when read, until a backfill stores them\n"
     "  scans            adding it reads every item once\n"
     "  safe             none of these\n\n"
     "Exits with 0 when all are right, 1 when one is not or has a step that is denied, 2 when the\n"
     "command line is not.\n\n"
     "  --store STORE      over the versions of a store that is not mounted\n"
     "  --brief            a line for each step, FILE:LINE:COLUMN first\n"
     "  --json             one JSON object a file\n"
     "  --deny CLASS,...   refuse steps of these classes\n",
     OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_BRIEF) |
         OPTION_BIT(OPTION_DENY),
     1, 4096, cli_check},
    {"add", "MOUNTPOINT [FILE|NAME] [--wait]", "make a schema file a live version",
     "FILE is staged as MOUNTPOINT/schemas/VERSION.yaml first; NAME is staged already. Without\n"
     "either, the one that is staged. No item is rewritten.\n\n"
     "  --wait   when a backfill runs, wait for its end first\n",
     OPTION_BIT(OPTION_WAIT), 1, 2, cli_verb},
    {"backfill", "MOUNTPOINT [VERSION|FILE.json|pause|resume|cancel] [--wait] [--rate N]",
     "rewrite stored items for a version, in the background",
     "Without a version, the current one. FILE.json is a transaction over named queries.\n\n"
     "  --wait     return at its end; a progress bar on a terminal; Ctrl-C leaves it running\n"
     "  --rate N   at most N items a second, 0 = unlimited\n",
     OPTION_BIT(OPTION_WAIT) | OPTION_BIT(OPTION_RATE), 1, 2, cli_verb},
    {"verify", "MOUNTPOINT [VERSION] [--wait]", "prove that a version and its predecessor agree",
     "Without a version, the current one. Ctrl-C stops it.\n\n"
     "  --wait   when a backfill runs, wait for its end first\n",
     OPTION_BIT(OPTION_WAIT), 1, 2, cli_verb},
    {"finalize", "MOUNTPOINT VERSION [--wait]", "end every version before this one, for good",
     "What only they knew is dropped. Refused while VERSION is not backfilled. Irreversible.\n\n"
     "  --wait   when a backfill runs, wait for its end first\n",
     OPTION_BIT(OPTION_WAIT), 1, 2, cli_verb},
    {"revert", "MOUNTPOINT VERSION [--wait]",
     "take a version and what came after it out of service",
     "Nothing that an older version shows changes; adding the same file again brings it back.\n\n"
     "  --wait   when a backfill runs, wait for its end first\n",
     OPTION_BIT(OPTION_WAIT), 1, 2, cli_verb},
    {"export", "STORE VERSION [TYPE]", "items as JSON Lines to standard output",
     "Of a store that is not mounted; of a mount: cat MOUNTPOINT/VERSION/TYPE.jsonl. Each line has "
     "the\n"
     "item's key under \"_key\"; without TYPE, also its type under \"_type\".\n",
     0, 2, 3, cli_export},
    {"import", "STORE VERSION TYPE < FILE.jsonl", "items as JSON Lines from standard input",
     "Into a store that is not mounted, all or nothing. Each line has the item's key under "
     "\"_key\".\n",
     0, 3, 3, cli_import},
    {"backup", "STORE FILE", "copy a store, mounted or not, to a new file",
     "The copy is of one moment: what was acknowledged before it began is in it, writers go on "
     "meanwhile.\n"
     "FILE appears whole and synced, or not at all, and is never written over. It is a store: it can\n"
     "be mounted and checked.\n",
     0, 2, 2, cli_backup},
    {"fsck", "STORE", "check a store that is not mounted",
     "Reads everything and repairs nothing. Exits with 0 when there is nothing to say.\n", 0, 1, 1,
     cli_fsck},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* ---- Saying ---- */

int cli_fail(const struct err *e)
{
    char line[sizeof(e->source) + sizeof(e->text) + 64];
    struct buf details BUF_CLEANUP = BUF_INIT;

    err_format(e, line, sizeof(line));
    fprintf(stderr, "schemafs: %s\n", line);
    if (human_error_details(e, "  ", &details) && details.n)
        fwrite(details.p, 1, details.n, stderr);
    return CLI_FAILED;
}

int cli_misuse(const struct cli_args *a, const char *fmt, ...)
{
    struct err e = ERR_INIT;
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    err_set(&e, ERR_INVALID, "%s", text);
    cli_fail(&e);
    if (a->verb)
        fprintf(stderr, "usage: schemafs %s %s\n", a->verb->name, a->verb->usage);
    else
        fputs("schemafs --help lists the verbs\n", stderr);
    return CLI_USAGE;
}

int cli_print(struct span text)
{
    struct err e = ERR_INIT;

    if (fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0)
        return CLI_OK;
    err_set(&e, ERR_IO, "standard output: %s", strerror(errno));
    return cli_fail(&e);
}

static int refuse_file(const char *path, struct err *e)
{
    enum err_code code = errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_ACCESS : ERR_IO;

    return err_set(e, code, "\"%s\": %s", path, strerror(errno));
}

int cli_read_file(const char *path, size_t max_bytes, struct buf *ret, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;
    int rc = 0;

    if (fd < 0)
        return refuse_file(path, e);
    while (n > 0 && rc == 0) {
        if (!buf_reserve(ret, READ_BYTES))
            rc = err_nomem(e);
        else if ((n = read(fd, ret->p + ret->n, READ_BYTES)) < 0)
            rc = refuse_file(path, e);
        else if ((ret->n += (size_t)n) > max_bytes)
            rc = err_set(e, ERR_TOO_BIG, "\"%s\" is larger than %zu bytes", path, max_bytes);
    }
    close(fd);
    return rc;
}

/* ---- Help ---- */

static int help_all(FILE *to)
{
    fputs("usage: schemafs VERB ...\n\n"
          "A versioned store of JSON items, mounted with one directory for every live schema "
          "version.\n\n",
          to);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(to, "  schemafs %s %s\n      %s\n", verbs[i].name, verbs[i].usage,
                verbs[i].summary);
    fputs("\n  schemafs help VERB, schemafs VERB --help\n"
          "  schemafs --version\n\n"
          "STORE is one file. README in the mount says how to go on from there.\n",
          to);
    return CLI_OK;
}

static int help_verb(const struct cli_verb *v)
{
    printf("usage: schemafs %s %s\n\n%c%s.\n\n%s", v->name, v->usage, v->summary[0] - 'a' + 'A',
           v->summary + 1, v->help);
    return CLI_OK;
}

static const struct cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int unknown_verb(const char *name)
{
    const struct cli_args none = {0};
    const char *names[N_VERBS], *near;

    for (size_t i = 0; i < N_VERBS; i++)
        names[i] = verbs[i].name;
    near = err_nearest(name, strlen(name), names, N_VERBS);
    return cli_misuse(&none, "unknown verb \"%.100s\"%s%s%s", name, near ? ", did you mean \"" : "",
                      near ? near : "", near ? "\"?" : "");
}

/* ---- Arguments ---- */

static bool takes(const struct cli_verb *v, int option)
{
    return option == OPTION_HELP || (v->options & OPTION_BIT(option));
}

/* Of "--NAME" (n letters), or of "-LETTER" when n is 0; -1 = none that the verb takes. */
static int find_option(const struct cli_verb *v, const char *name, size_t n, char letter)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        bool same = n ? strlen(options[i].name) == n && strncmp(options[i].name, name, n) == 0
                      : options[i].letter && options[i].letter == letter;

        if (same && takes(v, i))
            return i;
    }
    return -1;
}

static int unknown_option(const struct cli_args *a, const char *text)
{
    const char *names[N_OPTIONS], *near;

    for (int i = 0; i < N_OPTIONS; i++)
        names[i] = takes(a->verb, i) ? options[i].name : NULL;
    near = text[1] == '-' ? err_nearest(text + 2, strcspn(text + 2, "="), names, N_OPTIONS) : NULL;
    return cli_misuse(a, "%s: unknown option \"%.100s\"%s%s%s", a->verb->name, text,
                      near ? ", did you mean \"--" : "", near ? near : "", near ? "\"?" : "");
}

static int take_option(struct cli_args *a, int option, const char *value)
{
    struct err e = ERR_INIT;

    a->given[option] = true;
    a->value[option] = value;
    if (option != OPTION_MOUNT)
        return CLI_OK;
    if ((a->mount_words.n == 0 || buf_addc(&a->mount_words, ',')) &&
        buf_adds(&a->mount_words, value) && buf_str(&a->mount_words))
        return CLI_OK;
    err_nomem(&e);
    return cli_fail(&e);
}

/* One argument that begins with '-': --NAME, --NAME=VALUE, --NAME VALUE, -f, -oVALUE, -o VALUE. */
static int parse_option(struct cli_args *a, char **argv, int *at)
{
    const char *text = argv[*at], *value = NULL;
    bool is_long = text[1] == '-';
    size_t n = is_long ? strcspn(text + 2, "=") : 0;
    int option = find_option(a->verb, text + 2, n, text[1]);

    if (option < 0)
        return unknown_option(a, text);
    if (is_long && text[2 + n] == '=')
        value = text + 2 + n + 1;
    else if (!is_long && text[2])
        value = text + 2;
    if (value && !options[option].value)
        return unknown_option(a, text);
    if (!value && options[option].value) {
        value = argv[*at + 1];
        if (!value)
            return cli_misuse(a, "%s: \"%s\" needs %s", a->verb->name, text, options[option].value);
        ++*at;
    }
    return take_option(a, option, value);
}

/* The word of the usage that stands where the n-th word (from 0) is missing: "MOUNTPOINT". */
static int missing_word(const struct cli_args *a)
{
    const char *word = a->verb->usage;

    for (size_t i = 0; i < a->n_words; i++)
        word += strcspn(word, " ") + 1;
    return cli_misuse(a, "%s: %.*s is missing", a->verb->name, (int)strcspn(word, " ."), word);
}

static int parse(struct cli_args *a, char **argv)
{
    bool words_only = false;
    int rc = CLI_OK;

    for (int i = 0; argv[i] && rc == CLI_OK; i++) {
        if (words_only || argv[i][0] != '-' || !argv[i][1])
            a->words[a->n_words++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            words_only = true;
        else
            rc = parse_option(a, argv, &i);
    }
    if (rc != CLI_OK || a->given[OPTION_HELP])
        return rc;
    if (a->n_words < a->verb->min_words)
        return missing_word(a);
    if (a->n_words > a->verb->max_words)
        return cli_misuse(a, "%s: \"%.100s\" is one argument too many", a->verb->name,
                          a->words[a->verb->max_words]);
    return CLI_OK;
}

static int run_verb(const struct cli_verb *v, int argc, char **argv)
{
    struct cli_args a = {.verb = v};
    struct err e = ERR_INIT;
    int rc;

    a.words = calloc((size_t)argc + 1, sizeof(*a.words));
    if (!a.words) {
        err_nomem(&e);
        return cli_fail(&e);
    }
    rc = parse(&a, argv);
    if (rc == CLI_OK)
        rc = a.given[OPTION_HELP] ? help_verb(v) : v->run(&a);
    free(a.words);
    buf_free(&a.mount_words);
    return rc;
}

/* mount(8) calls `schemafs STORE MOUNTPOINT -o ...`. A lone pair of words is taken for that only
 * when the first one looks like a file, so that a misspelt verb makes no store of that name. */
static bool is_mount_call(int argc, char **argv)
{
    struct stat st;

    if (argc < 3 || argv[1][0] == '-' || argv[2][0] == '-')
        return false;
    if (argc > 3)
        return strncmp(argv[3], "-o", 2) == 0;
    return strchr(argv[1], '/') || (stat(argv[1], &st) == 0 && S_ISREG(st.st_mode));
}

static int run_help(int argc, char **argv)
{
    const struct cli_verb *v;

    if (argc < 3)
        return help_all(stdout);
    v = find_verb(argv[2]);
    return v ? help_verb(v) : unknown_verb(argv[2]);
}

int cli_main(int argc, char **argv)
{
    const struct cli_verb *v;

    if (argc < 2) {
        help_all(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("schemafs %s\n", SCHEMAFS_VERSION);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return run_help(argc, argv);
    v = find_verb(argv[1]);
    if (v)
        return run_verb(v, argc - 2, argv + 2);
    if (is_mount_call(argc, argv))
        return run_verb(find_verb("mount"), argc - 1, argv + 1);
    return unknown_verb(argv[1]);
}
