/* nullfs: options, mounting, the end. */
#include "nullfs.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

enum option_kind { OPTION_FLAG, OPTION_NUMBER, OPTION_WORD, OPTION_TEXT };

static const char *const loop_words[] = {"libfuse", "single", "own", "nonblock", "lead", NULL};
static const char *const plus_words[] = {"auto", "always", "never", NULL};
static const char *const timeouts_words[] = {"0", "inf", NULL};
static const char *const xattr_words[] = {"enosys", "enodata", NULL};

/* A word's value is its place in `words`. */
static const struct null_option {
    const char *name;
    enum option_kind kind;
    size_t offset; /* in struct null */
    const char *const *words;
    const char *help;
} null_options[] = {
    {"items", OPTION_NUMBER, offsetof(struct null, items), NULL, "there from the start (100000)"},
    {"loop", OPTION_WORD, offsetof(struct null, loop.kind), loop_words, "the session loop"},
    {"threads", OPTION_NUMBER, offsetof(struct null, loop.threads), NULL, "of own, lead (1)"},
    {"poll-us", OPTION_NUMBER, offsetof(struct null, loop.poll_us), NULL,
     "how long own, nonblock and lead poll before they sleep (0)"},
    {"clone-fd", OPTION_FLAG, offsetof(struct null, loop.clone_fd), NULL, "for libfuse's loop"},
    {"timeouts", OPTION_WORD, offsetof(struct null, timeouts), timeouts_words,
     "how long the kernel may cache (inf)"},
    {"noopen", OPTION_FLAG, offsetof(struct null, noopen), NULL,
     "answer open, opendir, flush with ENOSYS; read-only"},
    {"read-flush", OPTION_FLAG, offsetof(struct null, read_flush), NULL,
     "closes of readers send FLUSH"},
    {"readdirplus", OPTION_WORD, offsetof(struct null, plus), plus_words, "when"},
    {"push", OPTION_FLAG, offsetof(struct null, push), NULL,
     "store contents while listing by READDIRPLUS"},
    {"xattr", OPTION_WORD, offsetof(struct null, xattr), xattr_words, "answer to getxattr"},
    {"counts", OPTION_TEXT, offsetof(struct null, counts_path), NULL,
     "file for the requests by kind, as JSON"},
};

enum { N_OPTIONS = sizeof null_options / sizeof *null_options };

static void usage(void)
{
    fputs("nullfs [option...] MOUNTPOINT: an empty file system, in the foreground\n", stderr);
    for (int i = 0; i < N_OPTIONS; i++) {
        const struct null_option *o = &null_options[i];

        fprintf(stderr, "  --%s%s  ", o->name, o->kind == OPTION_FLAG ? "" : "=");
        for (int w = 0; o->words && o->words[w]; w++)
            fprintf(stderr, "%s%s", w ? "|" : "", o->words[w]);
        fprintf(stderr, "%s%s\n", o->words ? ": " : "", o->help);
    }
    exit(2);
}

static int word_index(const char *word, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    fprintf(stderr, "nullfs: unknown value \"%s\"\n", word);
    exit(2);
}

static void set_option(struct null *null, const struct null_option *option, const char *text)
{
    void *field = (char *)null + option->offset;

    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        break;
    case OPTION_NUMBER:
        *(unsigned *)field = (unsigned)strtoul(text, NULL, 10);
        break;
    case OPTION_WORD:
        *(int *)field = word_index(text, option->words);
        break;
    case OPTION_TEXT:
        *(const char **)field = text;
        break;
    }
}

static void parse(struct null *null, int argc, char **argv)
{
    struct option options[N_OPTIONS + 1] = {0};
    int i;

    for (i = 0; i < N_OPTIONS; i++)
        options[i] = (struct option){
            .name = null_options[i].name,
            .has_arg = null_options[i].kind == OPTION_FLAG ? no_argument : required_argument,
            .val = i,
        };
    while ((i = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (i == '?')
            usage();
        set_option(null, &null_options[i], optarg);
    }
    if (optind + 1 != argc || null->items > NULL_ITEMS_MAX)
        usage();
    null->mountpoint = argv[optind];
}

static sigset_t ending_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

/* An ending signal unmounts; the loop then ends by itself. */
static void *signal_thread(void *arg)
{
    struct null *null = arg;
    sigset_t set = ending_signals();
    int sig;

    sigwait(&set, &sig);
    umount2(null->mountpoint, MNT_DETACH);
    return NULL;
}

static int start_threads(struct null *null)
{
    sigset_t set = ending_signals();
    pthread_t thread;
    int err;

    pthread_sigmask(SIG_BLOCK, &set, NULL);
    err = pthread_create(&thread, NULL, signal_thread, null);
    if (err == 0 && null->push)
        err = pthread_create(&thread, NULL, null_push_thread, null);
    return err;
}

static void write_counts(struct null *null)
{
    FILE *f = null->counts_path ? fopen(null->counts_path, "w") : NULL;

    if (!f)
        return;
    for (int i = 0; i < NULL_COUNT_KINDS; i++)
        fprintf(f, "%s\"%s\": %lu", i ? ", " : "{", null_count_names[i], null->counts[i]);
    fputs("}\n", f);
    fclose(f);
}

/* Returns an exit status. */
static int serve(struct null *null)
{
    char name[] = "nullfs", flag[] = "-o", rw[] = "default_permissions,fsname=nullfs",
         ro[] = "default_permissions,fsname=nullfs,ro";
    char *argv[] = {name, flag, null->noopen ? ro : rw, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);
    int err;

    null->session = fuse_session_new(&args, &null_ops, sizeof null_ops, null);
    if (!null->session || fuse_session_mount(null->session, null->mountpoint) != 0)
        return 1;
    err = start_threads(null);
    if (err == 0)
        err = null_loop_run(null->session, &null->loop);
    fuse_session_unmount(null->session);
    write_counts(null);
    return err != 0;
}

int main(int argc, char **argv)
{
    static struct null null = {
        .items = 100000,
        .timeouts = NULL_TIMEOUTS_INF,
        .loop.threads = 1,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .some = PTHREAD_COND_INITIALIZER,
    };

    parse(&null, argc, argv);
    for (unsigned i = 0; i < null.items; i++)
        null_item_set(&null, i, true);
    return serve(&null);
}
