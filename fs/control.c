/* Commands come in here, and their outcomes are kept. */
#include "control_int.h"

#include <stdio.h>

#include "human.h"
#include "../schemas/clock.h"

static int wait_jobs(struct control *c, const struct verb_caller *by, struct err *e)
{
    if (store_wait_jobs(c->env.store, -1, by))
        return err_set(e, ERR_INTERRUPTED, "a backfill is still running");
    return 0;
}

const struct control_file control_files[] = {
    [COMMAND_CHECK] = {"check", 0600, control_read_outcome, control_write_command, NULL},
    [COMMAND_ADD] = {"add", 0600, control_read_outcome, control_write_command, NULL},
    [COMMAND_BACKFILL] = {"backfill", 0600, control_read_outcome, control_write_command, NULL},
    [COMMAND_BACKFILL_RATE] = {"backfill_rate", 0600, control_read_rate, control_write_command, NULL},
    [COMMAND_VERIFY] = {"verify", 0600, control_read_outcome, control_write_command, NULL},
    [COMMAND_FINALIZE] = {"finalize", 0600, control_read_outcome, control_write_command, NULL},
    [COMMAND_REVERT] = {"revert", 0600, control_read_outcome, control_write_command, NULL},
    {"status", 0400, control_read_status, NULL, NULL},
    {"status.json", 0400, control_read_status_json, NULL, NULL},
    {"log", 0400, control_read_log, NULL, NULL},
    {"errors", 0600, control_read_errors, control_write_errors, NULL},
    {"wait", 0400, control_read_wait, NULL, wait_jobs},
};
const size_t n_control_files = sizeof(control_files) / sizeof(control_files[0]);

int control_new(const struct control_env *env, struct control **ret, struct err *e)
{
    struct control *c = calloc(1, sizeof(*c));

    if (!c)
        return err_nomem(e);
    c->refusals = calloc(REFUSALS_MAX, sizeof(*c->refusals));
    if (!c->refusals) {
        free(c);
        return err_nomem(e);
    }
    c->env = *env;
    pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return 0;
}

void control_free(struct control *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < N_COMMANDS; i++)
        buf_free(&c->outcomes[i]);
    free(c->refusals);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- One write() to one command ---- */

bool control_is_json(struct span raw)
{
    size_t i = 0;

    while (i < raw.n && raw.p[i] && strchr(" \t\r\n", raw.p[i]))
        i++;
    return i < raw.n && raw.p[i] == '{';
}

static int check_word(struct span word, const char *usage, struct err *e)
{
    if (word.n == 0)
        return err_set(e, ERR_INVALID, "an empty command: %s", usage);
    if (word.p[word.n - 1] == '\r')
        return err_set(e, ERR_INVALID, "the line ends with CR LF: end it with LF alone");
    if (memchr(word.p, '\n', word.n))
        return err_set(e, ERR_INVALID, "more than one line: a write holds one command");
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == ' ' || word.p[i] == '\t')
            return err_at(e, ERR_INVALID, 1, (unsigned)i + 1, "\"%.*s\" is more than one word: %s",
                          (int)(word.n < 100 ? word.n : 100), word.p, usage);
    }
    return 0;
}

int control_parse(const struct control_verb *verb, struct span raw, struct span *ret, struct err *e)
{
    struct span word = raw;

    if (raw.n > CONTROL_MAX_COMMAND)
        return err_set(e, ERR_TOO_BIG, "a command of %zu bytes, at most %u%s", raw.n,
                       CONTROL_MAX_COMMAND,
                       verb->json ? ": stage it as schemas/NAME.json and write NAME" : "");
    if (raw.n && memchr(raw.p, 0, raw.n))
        return err_set(e, ERR_INVALID, "the command holds a NUL byte");
    if (!(verb->json && control_is_json(raw))) {
        if (word.n && word.p[word.n - 1] == '\n')
            word.n--;
        if (check_word(word, verb->usage, e))
            return -1;
    }
    *ret = word;
    return 0;
}

/* ---- Outcomes ---- */

/* "ok", what the verb reported; or "error: ", the error, its details, and what was reported before
 * it. */
static bool print_outcome(int rc, const struct buf *report, const struct err *e, struct buf *out)
{
    char line[sizeof(e->source) + sizeof(e->text) + 64];
    bool ok;

    if (rc == 0) {
        ok = buf_adds(out, report->n ? "ok " : "ok") && buf_addspan(out, buf_span(report));
    } else {
        err_format(e, line, sizeof(line));
        ok = buf_printf(out, "error: %s\n", line) && human_error_details(e, "  ", out) &&
             buf_addspan(out, buf_span(report));
    }
    return ok && (out->p[out->n - 1] == '\n' || buf_addc(out, '\n'));
}

static void keep_outcome(struct control *c, size_t command, struct buf *outcome)
{
    struct buf old;

    pthread_mutex_lock(&c->lock);
    old = c->outcomes[command];
    c->outcomes[command] = *outcome;
    *outcome = old;
    pthread_mutex_unlock(&c->lock);
}

/* ---- What is being carried out ---- */

static void begin_under_way(struct control *c, size_t command, struct span word, int64_t now_ns)
{
    struct under_way *u;
    size_t n = word.n < sizeof(u->word) - 1 ? word.n : sizeof(u->word) - 1;

    pthread_mutex_lock(&c->lock);
    if (c->n_under_way < UNDER_WAY_MAX) {
        u = &c->under_way[c->n_under_way++];
        *u = (struct under_way){.command = (enum control_command)command, .began_ns = now_ns};
        for (size_t i = 0; i < n; i++)
            u->word[i] = word.p[i] >= ' ' && word.p[i] < 0x7f ? word.p[i] : ' ';
    }
    pthread_mutex_unlock(&c->lock);
}

static void end_under_way(struct control *c, size_t command, int64_t began_ns)
{
    unsigned i = 0;

    pthread_mutex_lock(&c->lock);
    while (i < c->n_under_way &&
           (c->under_way[i].began_ns != began_ns || c->under_way[i].command != command))
        i++;
    if (i < c->n_under_way) {
        c->n_under_way--;
        memmove(&c->under_way[i], &c->under_way[i + 1],
                (c->n_under_way - i) * sizeof(c->under_way[0]));
    }
    pthread_mutex_unlock(&c->lock);
}

static int run_command(struct control *c, size_t i, struct span word, const struct verb_caller *by,
                       struct buf *report, struct err *e)
{
    int64_t began_ns = clock_wall_ns();
    int rc;

    begin_under_way(c, i, word, began_ns);
    rc = control_verbs[i].run(c, word, by, report, e);
    end_under_way(c, i, began_ns);
    return rc;
}

int control_write_command(struct control *c, const struct control_file *f, struct span command,
                          const struct verb_caller *by, struct err *e)
{
    size_t i = (size_t)(f - control_files);
    const struct control_verb *verb = &control_verbs[i];
    struct buf report BUF_CLEANUP = BUF_INIT, outcome BUF_CLEANUP = BUF_INIT;
    struct span word;
    int rc = control_parse(verb, command, &word, e);

    if (!rc)
        rc = run_command(c, i, word, by, &report, e);
    if (!rc && verb->versions)
        c->env.versions_changed(c->env.arg);
    /* A verb that was carried out is no error because its outcome can't be kept. */
    if (!print_outcome(rc, &report, e, &outcome))
        buf_reset(&outcome);
    keep_outcome(c, i, &outcome);
    return rc;
}

static int copy_outcome(struct control *c, size_t i, struct buf *ret, struct err *e)
{
    bool ok;

    pthread_mutex_lock(&c->lock);
    ok = buf_addspan(ret, buf_span(&c->outcomes[i]));
    pthread_mutex_unlock(&c->lock);
    return ok ? 0 : err_nomem(e);
}

int control_read_outcome(struct control *c, const struct control_file *f, struct buf *ret,
                         struct err *e)
{
    size_t i = (size_t)(f - control_files), before = ret->n;

    if (copy_outcome(c, i, ret, e))
        return -1;
    if (ret->n == before && !buf_printf(ret, "# no command yet: %s\n", control_verbs[i].usage))
        return err_nomem(e);
    return 0;
}

/* The limit may have been set before this mount. */
int control_read_rate(struct control *c, const struct control_file *f, struct buf *ret,
                      struct err *e)
{
    size_t before = ret->n;
    uint64_t rate;

    if (copy_outcome(c, (size_t)(f - control_files), ret, e))
        return -1;
    if (ret->n > before)
        return 0;
    rate = store_backfill_rate_get(c->env.store);
    if (!buf_printf(ret, rate ? "ok %llu items a second\n" : "ok %llu: unlimited\n",
                    (unsigned long long)rate))
        return err_nomem(e);
    return 0;
}

int control_read_log(struct control *c, const struct control_file *f, struct buf *ret,
                     struct err *e)
{
    (void)f;
    return store_log(c->env.store, ret, e);
}

int control_read_wait(struct control *c, const struct control_file *f, struct buf *ret,
                      struct err *e)
{
    (void)f;
    (void)c;
    return buf_adds(ret, "ok no backfill is running\n") ? 0 : err_nomem(e);
}
