/* The last refusals, in the manner of tracefs's error_log. */
#include "control_int.h"

#include <stdio.h>

#include "human.h"
#include "../schemas/clock.h"

/* Memory that runs out here loses the path, not the refusal. */
static void print_path(char ret[REFUSAL_PATH_SIZE], const char *path)
{
    struct buf clean BUF_CLEANUP = BUF_INIT;
    const char *text = human_name(span_of(path), &clean) ? buf_str(&clean) : NULL;

    snprintf(ret, REFUSAL_PATH_SIZE, "%s", text ? text : "?");
}

void control_error_add(struct control *c, const char *path, const struct err *e)
{
    struct refusal *r;
    char shown[REFUSAL_PATH_SIZE];

    print_path(shown, path);
    pthread_mutex_lock(&c->lock);
    r = &c->refusals[c->refusal_next];
    c->refusal_next = (c->refusal_next + 1) % REFUSALS_MAX;
    if (c->n_refusals < REFUSALS_MAX)
        c->n_refusals++;
    r->at_ns = clock_wall_ns();
    memcpy(r->path, shown, sizeof(shown));
    r->e = *e;
    pthread_mutex_unlock(&c->lock);
}

/* path:1:2 of an item; a verb's error names the file it read. */
static bool print_place(const struct refusal *r, struct buf *out)
{
    if (!buf_adds(out, r->path) || !buf_addc(out, ':'))
        return false;
    if (r->e.source[0] && strcmp(r->e.source, r->path) != 0 &&
        !buf_printf(out, " %s:", r->e.source))
        return false;
    if (r->e.line && !buf_printf(out, "%u:", r->e.line))
        return false;
    return !(r->e.line && r->e.column) || buf_printf(out, "%u:", r->e.column);
}

/* [2025-01-31T12:00:00.123Z] v1/Dog/rex.json:1:2: error: unknown field "nme"
 *   at: nme
 *   expected: ...
 *   {"nme": 1}
 *    ^              */
static bool print_refusal(const struct refusal *r, struct buf *out)
{
    char time[HUMAN_SIZE];

    return buf_printf(out, "[%s] ", human_time(r->at_ns, time)) && print_place(r, out) &&
           buf_printf(out, " error: %s\n", r->e.text) && human_error_details(&r->e, "  ", out);
}

int control_read_errors(struct control *c, const struct control_file *f, struct buf *ret,
                        struct err *e)
{
    bool ok = true;

    (void)f;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = c->n_refusals; ok && i > 0; i--)
        ok = print_refusal(&c->refusals[(c->refusal_next + REFUSALS_MAX - i) % REFUSALS_MAX], ret);
    pthread_mutex_unlock(&c->lock);
    return ok ? 0 : err_nomem(e);
}

static void clear(struct control *c)
{
    pthread_mutex_lock(&c->lock);
    c->n_refusals = 0;
    pthread_mutex_unlock(&c->lock);
}

void control_truncate(struct control *c, const struct control_file *f)
{
    if (f->write == control_write_errors)
        clear(c);
}

int control_write_errors(struct control *c, const struct control_file *f, struct span command,
                         const struct verb_caller *by, struct err *e)
{
    (void)f;
    (void)command;
    (void)by;
    (void)e;
    clear(c);
    return 0;
}

bool control_last_error(struct control *c, struct buf *ret, int64_t *ret_at_ns)
{
    const struct refusal *r;
    bool ok = true;

    *ret_at_ns = 0;
    pthread_mutex_lock(&c->lock);
    if (c->n_refusals) {
        r = &c->refusals[(c->refusal_next + REFUSALS_MAX - 1) % REFUSALS_MAX];
        *ret_at_ns = r->at_ns;
        ok = print_place(r, ret) && buf_printf(ret, " %s", r->e.text);
    }
    pthread_mutex_unlock(&c->lock);
    return ok;
}
