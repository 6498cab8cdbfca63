/* control/status for people, control/status.json for scripts. */
#include "control_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "../schemas/json.h"
#include "human.h"

/* ---- What is known at one moment ---- */

int control_staged_schemas(struct control *c, struct buf *ret, struct err *e)
{
    struct buf names BUF_CLEANUP = BUF_INIT;
    bool ok = true;

    if (c->env.staged_names(c->env.arg, &names, e))
        return -1;
    for (size_t at = 0, n; ok && at < names.n; at += n + 1) {
        const char *name = names.p + at, *dot;

        n = strlen(name);
        dot = strrchr(name, '.');
        if (dot && strcmp(dot, ".json") == 0)
            continue;
        ok = buf_add(ret, name, dot && strcmp(dot, ".yaml") == 0 ? (size_t)(dot - name) : n) &&
             buf_addc(ret, 0);
    }
    return ok ? 0 : err_nomem(e);
}

int status_get(struct control *c, struct status *ret, struct err *e)
{
    *ret = (struct status)STATUS_INIT;
    ret->drafts = c->env.drafts(c->env.arg);
    ret->rate_limit = store_backfill_rate_get(c->env.store);
    if (store_status(c->env.store, &ret->store, e) || control_staged_schemas(c, &ret->staged, e)) {
        status_free(ret);
        return -1;
    }
    if (!control_last_error(c, &ret->last_error, &ret->last_error_ns)) {
        status_free(ret);
        return err_nomem(e);
    }
    return 0;
}

void status_free(struct status *st)
{
    store_status_free(&st->store);
    buf_free(&st->staged);
    buf_free(&st->last_error);
}

const char *status_staged(const struct status *st, size_t *at)
{
    const char *name = st->staged.p + *at;

    if (*at >= st->staged.n)
        return NULL;
    *at += strlen(name) + 1;
    return name;
}

/* ---- For scripts ---- */

static bool json_string(const char *text, struct buf *out)
{
    return json_write_string(span_of(text), out);
}

static bool json_count(int64_t n, struct buf *out)
{
    return n < 0 ? buf_adds(out, "null") : buf_printf(out, "%" PRId64, n);
}

static bool json_backfill(const struct version_status *v, struct buf *out)
{
    uint64_t total = v->total;

    if (v->backfill == BACKFILL_NEEDED && !total && v->items > 0)
        total = (uint64_t)v->items;
    if (!buf_printf(out, "\"backfill\": {\"state\": \"%s\"", backfill_state_names[v->backfill]))
        return false;
    if (v->backfill != BACKFILL_NOT_NEEDED) {
        if (!buf_printf(out, ", \"done\": %" PRIu64 ", \"total\": %" PRIu64 ", \"rate\": %.0f",
                        v->done, total, v->rate))
            return false;
        if (!(v->eta_s < 0 ? buf_adds(out, ", \"eta_s\": null")
                           : buf_printf(out, ", \"eta_s\": %.1f", v->eta_s)))
            return false;
    }
    return buf_addc(out, '}');
}

static bool json_version(const struct version_status *v, struct buf *out)
{
    char time[HUMAN_SIZE];

    return buf_adds(out, "{\"version\": ") && json_string(v->name, out) &&
           buf_adds(out, ", \"state\": \"live\", \"items\": ") && json_count(v->items, out) &&
           buf_printf(out, ", \"added\": \"%s\", ", human_time(v->added_ns, time)) &&
           json_backfill(v, out) && buf_addc(out, '}');
}

static bool json_head(const struct status *st, struct buf *out)
{
    const char *before = "", *name;
    bool ok = buf_adds(out, "{\"default\": ");

    ok = ok && (st->store.default_name[0] ? json_string(st->store.default_name, out)
                                          : buf_adds(out, "null"));
    ok = ok && buf_adds(out, ", \"staged\": [");
    for (size_t at = 0; ok && (name = status_staged(st, &at)); before = ", ")
        ok = buf_adds(out, before) && json_string(name, out);
    ok = ok && buf_adds(out, "], \"last_error\": ");
    ok = ok && (st->last_error.n ? json_write_string(buf_span(&st->last_error), out)
                                 : buf_adds(out, "null"));
    return ok && buf_printf(out, ", \"drafts\": %u, \"backfill_rate\": %" PRIu64 ",\n", st->drafts,
                            st->rate_limit);
}

static bool json_all(const struct status *st, struct buf *out)
{
    bool ok = json_head(st, out) && buf_adds(out, " \"versions\": [");

    for (size_t i = 0; ok && i < st->store.n; i++)
        ok = (i == 0 || buf_adds(out, ",\n              ")) &&
             json_version(&st->store.versions[i], out);
    return ok && buf_adds(out, "]}\n");
}

int control_read_status_json(struct control *c, const struct control_file *f, struct buf *ret,
                             struct err *e)
{
    struct status st;
    bool ok;

    (void)f;
    if (status_get(c, &st, e))
        return -1;
    ok = json_all(&st, ret);
    status_free(&st);
    return ok ? 0 : err_nomem(e);
}

/* ---- For people ---- */

enum column { COLUMN_VERSION, COLUMN_STATE, COLUMN_ITEMS, COLUMN_RATE, COLUMN_LEFT, N_COLUMNS };
#define CELL_SIZE 96
struct row {
    char cells[N_COLUMNS][CELL_SIZE];
};
static const bool right_aligned[N_COLUMNS] = {
    [COLUMN_ITEMS] = true, [COLUMN_RATE] = true, [COLUMN_LEFT] = true};

static void print_state(const struct version_status *v, char ret[CELL_SIZE])
{
    unsigned percent = human_percent(v->done, v->total);
    const char *last = v->is_default ? ", default" : "";

    switch (v->backfill) {
    case BACKFILL_NOT_NEEDED:
        snprintf(ret, CELL_SIZE, "live%s", last);
        break;
    case BACKFILL_NEEDED:
        snprintf(ret, CELL_SIZE, "live, to be backfilled%s", last);
        break;
    case BACKFILL_RUNNING:
        snprintf(ret, CELL_SIZE, "backfilling %u %%%s", percent, last);
        break;
    case BACKFILL_PAUSED:
        snprintf(ret, CELL_SIZE, "backfill paused at %u %%%s", percent, last);
        break;
    case BACKFILL_DONE:
        snprintf(ret, CELL_SIZE, "backfilled%s", last);
        break;
    }
}

static void fill_row(const struct version_status *v, struct row *ret)
{
    char figure[HUMAN_SIZE];

    *ret = (struct row){0};
    snprintf(ret->cells[COLUMN_VERSION], CELL_SIZE, "%s", v->name);
    print_state(v, ret->cells[COLUMN_STATE]);
    snprintf(ret->cells[COLUMN_ITEMS], CELL_SIZE, "%s",
             v->items < 0 ? "not derived" : human_count((uint64_t)v->items, figure));
    if (v->backfill != BACKFILL_RUNNING)
        return;
    if (v->rate > 0)
        snprintf(ret->cells[COLUMN_RATE], CELL_SIZE, "%s/s",
                 human_count((uint64_t)(v->rate + 0.5), figure));
    if (v->eta_s >= 0)
        snprintf(ret->cells[COLUMN_LEFT], CELL_SIZE, "%s", human_duration(v->eta_s, figure));
}

static bool print_row(const struct row *row, const int width[N_COLUMNS], struct buf *out)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        int w = right_aligned[i] ? width[i] : -width[i];

        if (!buf_printf(out, i ? "  %*s" : "%*s", w, row->cells[i]))
            return false;
    }
    while (out->n && out->p[out->n - 1] == ' ')
        out->n--;
    return buf_addc(out, '\n');
}

static void measure(const struct row *row, int width[N_COLUMNS])
{
    for (int i = 0; i < N_COLUMNS; i++) {
        int n = (int)strlen(row->cells[i]);

        if (n > width[i])
            width[i] = n;
    }
}

/* The head, every live version, every staged schema. *ret_n rows, to be freed; NULL = no memory. */
static struct row *make_rows(const struct status *st, size_t *ret_n)
{
    static const struct row head = {{"VERSION", "STATE", "ITEMS", "RATE", "TIME LEFT"}};
    size_t n = 0, n_staged = 0;
    struct row *rows;
    const char *name;

    for (size_t at = 0; status_staged(st, &at);)
        n_staged++;
    rows = calloc(1 + st->store.n + n_staged, sizeof(*rows));
    if (!rows)
        return NULL;
    rows[n++] = head;
    for (size_t i = 0; i < st->store.n; i++)
        fill_row(&st->store.versions[i], &rows[n++]);
    for (size_t at = 0; (name = status_staged(st, &at)); n++) {
        snprintf(rows[n].cells[COLUMN_VERSION], CELL_SIZE, "%s", name);
        snprintf(rows[n].cells[COLUMN_STATE], CELL_SIZE, "staged");
    }
    *ret_n = n;
    return rows;
}

static bool print_table(const struct status *st, struct buf *out)
{
    int width[N_COLUMNS] = {0};
    bool ok = true;
    size_t n;
    struct row *rows = make_rows(st, &n);

    if (!rows)
        return false;
    for (size_t i = 0; i < n; i++)
        measure(&rows[i], width);
    for (size_t i = 0; ok && i < n; i++)
        ok = print_row(&rows[i], width, out);
    free(rows);
    return ok;
}

static bool print_foot(const struct status *st, struct buf *out)
{
    char text[HUMAN_SIZE];

    if (!buf_printf(out, "\ndrafts: %u\n", st->drafts))
        return false;
    if (st->rate_limit && !buf_printf(out, "backfill rate: at most %s items a second\n",
                                      human_count(st->rate_limit, text)))
        return false;
    if (!st->last_error.n)
        return buf_adds(out, "last error: none\n");
    return buf_printf(out, "last error: %s ", human_time(st->last_error_ns, text)) &&
           buf_addspan(out, buf_span(&st->last_error)) && buf_addc(out, '\n');
}

int control_read_status(struct control *c, const struct control_file *f, struct buf *ret,
                        struct err *e)
{
    struct status st;
    bool ok;

    (void)f;
    if (status_get(c, &st, e))
        return -1;
    ok = (!(st.store.n || st.staged.n) || print_table(&st, ret)) && print_foot(&st, ret) &&
         buf_adds(ret, "\nnext:\n") && status_hints(&st, "  ", ret);
    status_free(&st);
    return ok ? 0 : err_nomem(e);
}
