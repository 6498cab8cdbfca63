/* add, backfill, verify, finalize, revert: stages, writes the verb, prints its outcome. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cli_control.h"
#include "control.h"
#include "human.h"
#include "progress.h"

#define FILE_BYTES_MAX (64u * 1024 * 1024)
#define POLL_NS        100000000L

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- Outcomes ---- */

/* A file that a verb was given: outcomes speak of it by the name it was staged under, or by line and column alone. */
struct given {
    const char *file;   /* as the user named it; NULL = none was given */
    const char *staged; /* NAME.EXT, "" = not staged */
};

/* How many bytes of `said` stand for the file's name; -1 = it does not begin with the file. */
static int leading_name(const struct given *g, const char *said)
{
    size_t n = strlen(g->staged);

    if (n == 0)
        return *said >= '1' && *said <= '9' ? 0 : -1;
    return strncmp(said, g->staged, n) == 0 && said[n] == ':' ? (int)n + 1 : -1;
}

/* "ok ..." to standard output, "error: ..." to standard error, with the file as the user named it. */
static int print_outcome(int rc, const struct given *g, struct buf *outcome, const struct err *e)
{
    const char *said = buf_str(outcome);
    int name;

    if (rc == 0)
        return cli_print(buf_span(outcome));
    if (!said || !outcome->n)
        return cli_fail(e);
    said += sizeof(CONTROL_ERROR) - 1;
    name = g->file ? leading_name(g, said) : -1;
    if (name >= 0)
        fprintf(stderr, "schemafs: %s:%s", g->file, said + name);
    else
        fprintf(stderr, "schemafs: %s", said);
    return CLI_FAILED;
}

static int put_given(const char *mountpoint, const char *verb, const struct given *g,
                     struct span command)
{
    struct buf outcome BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    int rc = control_put(mountpoint, verb, command, &outcome, &e);

    return print_outcome(rc, g, &outcome, &e);
}

static int put_and_print(const char *mountpoint, const char *verb, struct span command)
{
    return put_given(mountpoint, verb, &(struct given){0}, command);
}

/* Stages a file and tells the verb its name. Away again: always, or when the verb refused it (else the version's
 * own file stands there). */
static int put_staged(const char *mountpoint, const char *verb, const char *file, const char *ext,
                      struct span text, bool keep)
{
    struct err e = ERR_INIT;
    struct staging s;
    char name[256 + 8];
    int rc;

    if (staging_put(mountpoint, file, ext, text, &s, &e))
        return cli_fail(&e);
    snprintf(name, sizeof(name), "%s%s", s.name, ext);
    rc = put_given(mountpoint, verb, &(struct given){file, name}, span_of(s.name));
    if (rc != CLI_OK || !keep)
        staging_undo(&s);
    return rc;
}

/* ---- Waiting ---- */

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int leave_running(const char *mountpoint, const char *version)
{
    fprintf(stderr,
            "the backfill of %s goes on; schemafs status %s shows how far it is, "
            "schemafs backfill %s pause holds it\n",
            version, mountpoint, mountpoint);
    return CLI_INTERRUPTED;
}

static int not_finished(const char *version, const struct backfill_seen *b)
{
    struct err e = ERR_INIT;

    if (!b->found)
        err_set(&e, ERR_STALE, "%s is not served any more", version);
    else if (strcmp(b->state, "paused") == 0)
        err_set(&e, ERR_BUSY, "the backfill of %s is paused at %u %%", version,
                human_percent(b->done, b->total));
    else
        err_set(&e, ERR_BUSY, "the backfill of %s was ended before it was done", version);
    return cli_fail(&e);
}

/* Until the backfill of `version` does not run any more. *ret: as it was seen last. */
static int wait_for(const char *mountpoint, const char *version, struct progress *p,
                    struct backfill_seen *ret)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    char label[VERSION_NAME_SIZE];
    struct err e = ERR_INIT;

    catch_signals();
    while (!interrupted) {
        if (status_backfill(mountpoint, version, ret, label, &e)) {
            progress_end(p);
            return cli_fail(&e);
        }
        if (!ret->found || strcmp(ret->state, "running") != 0)
            break;
        progress_bar(p, version, ret->done, ret->total, ret->rate, ret->eta_s);
        nanosleep(&pause, NULL);
    }
    progress_end(p);
    return interrupted ? leave_running(mountpoint, version) : CLI_OK;
}

static int wait_for_end(const char *mountpoint, const char *version)
{
    char count[HUMAN_SIZE], time[HUMAN_SIZE];
    struct backfill_seen b;
    struct progress p;
    int rc;

    progress_init(&p);
    rc = wait_for(mountpoint, version, &p, &b);
    if (rc != CLI_OK)
        return rc;
    if (!b.found || (strcmp(b.state, "done") != 0 && strcmp(b.state, "not_needed") != 0))
        return not_finished(version, &b);
    if (strcmp(b.state, "done") == 0)
        printf("ok %s is backfilled: %s items, waited %s\n", version, human_count(b.done, count),
               human_duration(progress_seconds(&p), time));
    return CLI_OK;
}

/* --wait of the other verbs: whatever runs comes to its end first. */
static int wait_for_running(const char *mountpoint)
{
    char version[VERSION_NAME_SIZE];
    struct err e = ERR_INIT;
    struct backfill_seen b;
    struct progress p;

    if (status_backfill(mountpoint, "", &b, version, &e))
        return cli_fail(&e);
    progress_init(&p);
    return b.found ? wait_for(mountpoint, version, &p, &b) : CLI_OK;
}

/* ---- What the verb is about ---- */

static bool has_ext(const char *word, const char *ext)
{
    size_t n = strlen(word), m = strlen(ext);

    return n > m && strcmp(word + n - m, ext) == 0;
}

/* A path, or a name with an extension that stands for a file here. */
static bool is_file(const char *word, const char *ext)
{
    struct stat st;

    if (strchr(word, '/'))
        return true;
    return (has_ext(word, ext) || has_ext(word, ".yml")) && stat(word, &st) == 0;
}

static int add_file(const char *mountpoint, const char *file)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (cli_read_file(file, FILE_BYTES_MAX, &text, &e))
        return cli_fail(&e);
    return put_staged(mountpoint, "add", file, ".yaml", buf_span(&text), true);
}

/* Small ones are written as they are, others staged and named. */
static int transaction_file(const char *mountpoint, const char *file)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (cli_read_file(file, FILE_BYTES_MAX, &text, &e))
        return cli_fail(&e);
    if (text.n && text.n <= CONTROL_MAX_COMMAND)
        return put_given(mountpoint, "backfill", &(struct given){file, ""}, buf_span(&text));
    return put_staged(mountpoint, "backfill", file, ".json", buf_span(&text), false);
}

/* Without a word: the one schema that is staged. */
static int add_staged(const struct cli_args *a)
{
    struct buf names BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t first;

    if (status_staged_names(a->words[0], &names, &e))
        return cli_fail(&e);
    if (names.n == 0)
        return cli_misuse(a, "add: nothing is staged in \"%s\": name a schema file", a->words[0]);
    first = strlen(names.p) + 1;
    if (first < names.n)
        return cli_misuse(a, "add: %s, %s, ... are staged: name one", names.p, names.p + first);
    return put_and_print(a->words[0], "add", span_of(names.p));
}

static int run_add(const struct cli_args *a, const char *word)
{
    if (!word)
        return add_staged(a);
    return is_file(word, ".yaml") ? add_file(a->words[0], word)
                                  : put_and_print(a->words[0], "add", span_of(word));
}

static int set_rate(const char *mountpoint, const char *rate)
{
    struct buf outcome BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (control_put(mountpoint, "backfill_rate", span_of(rate), &outcome, &e))
        return print_outcome(-1, &(struct given){0}, &outcome, &e);
    return CLI_OK;
}

static bool is_order(const char *word)
{
    return strcmp(word, "pause") == 0 || strcmp(word, "cancel") == 0;
}

static int run_backfill(const struct cli_args *a, const char *word)
{
    const char *mountpoint = a->words[0];
    int rc = CLI_OK;

    if (a->given[OPTION_RATE])
        rc = set_rate(mountpoint, a->value[OPTION_RATE]);
    if (rc != CLI_OK)
        return rc;
    if (is_file(word, ".json"))
        return transaction_file(mountpoint, word);
    rc = put_and_print(mountpoint, "backfill", span_of(word));
    if (rc != CLI_OK || !a->given[OPTION_WAIT] || is_order(word))
        return rc;
    if (strcmp(word, "resume") == 0)
        return wait_for_running(mountpoint);
    return wait_for_end(mountpoint, word);
}

static int run_version(const struct cli_args *a, const char *word)
{
    return put_and_print(a->words[0], a->verb->name, span_of(word));
}

enum without_word { TAKES_NONE, TAKES_DEFAULT, MUST_NAME };
static const struct {
    const char *name;
    int (*run)(const struct cli_args *a, const char *word);
    enum without_word without;
    bool waits_before;
} rows[] = {
    {"add", run_add, TAKES_NONE, true},
    {"backfill", run_backfill, TAKES_DEFAULT, false},
    {"verify", run_version, TAKES_DEFAULT, true},
    {"finalize", run_version, MUST_NAME, true},
    {"revert", run_version, MUST_NAME, true},
};

int cli_verb(const struct cli_args *a)
{
    const char *word = a->n_words > 1 ? a->words[1] : NULL;
    char version[VERSION_NAME_SIZE];
    struct err e = ERR_INIT;
    size_t i = 0;
    int rc = CLI_OK;

    while (strcmp(rows[i].name, a->verb->name) != 0)
        i++;
    if (!word && rows[i].without == MUST_NAME)
        return cli_misuse(a, "%s: name the version", a->verb->name);
    if (!word && rows[i].without == TAKES_DEFAULT) {
        if (status_default(a->words[0], version, &e))
            return cli_fail(&e);
        if (!version[0])
            return cli_misuse(a, "%s: \"%s\" has no version yet", a->verb->name, a->words[0]);
        word = version;
    }
    if (a->given[OPTION_WAIT] && rows[i].waits_before)
        rc = wait_for_running(a->words[0]);
    return rc == CLI_OK ? rows[i].run(a, word) : rc;
}
