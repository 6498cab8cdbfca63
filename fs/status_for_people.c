/* control/status: a table for people, and below it what else there is to know. */
#include "control_int.h"

#include <stdio.h>

#include "human.h"

enum column { COLUMN_VERSION, COLUMN_STATE, COLUMN_ITEMS, COLUMN_RATE, COLUMN_LEFT, N_COLUMNS };
#define CELL_SIZE 96
struct row {
    char cells[N_COLUMNS][CELL_SIZE];
};

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

static bool print_row(const struct row *row, const int width[N_COLUMNS],
                      const bool right[N_COLUMNS], struct buf *out)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        int w = right[i] ? width[i] : -width[i];

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

static void print_ago(const struct status *st, int64_t ns, char ret[CELL_SIZE])
{
    char time[HUMAN_SIZE];

    snprintf(ret, CELL_SIZE, "never");
    if (ns)
        snprintf(ret, CELL_SIZE, "%s ago", human_duration((double)(st->now_ns - ns) / 1e9, time));
}

static void fill_usage(const struct status *st, const struct version_status *v, struct row *ret)
{
    struct version_usage u = usage_of(st->usage, v->number);
    char figure[HUMAN_SIZE];

    *ret = (struct row){0};
    snprintf(ret->cells[0], CELL_SIZE, "%s", v->name);
    snprintf(ret->cells[1], CELL_SIZE, "%s", human_count(u.writes, figure));
    print_ago(st, u.last_write_ns, ret->cells[2]);
    snprintf(ret->cells[3], CELL_SIZE, "%s", human_count(u.first_reads, figure));
    print_ago(st, u.last_read_ns, ret->cells[4]);
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

static bool print_rows(const struct row *rows, size_t n, const bool right[N_COLUMNS],
                       struct buf *out)
{
    int width[N_COLUMNS] = {0};
    bool ok = true;

    for (size_t i = 0; i < n; i++)
        measure(&rows[i], width);
    for (size_t i = 0; ok && i < n; i++)
        ok = print_row(&rows[i], width, right, out);
    return ok;
}

static bool print_table(const struct status *st, struct buf *out)
{
    static const bool right[N_COLUMNS] = {
        [COLUMN_ITEMS] = true, [COLUMN_RATE] = true, [COLUMN_LEFT] = true};
    size_t n;
    struct row *rows = make_rows(st, &n);
    bool ok = rows && print_rows(rows, n, right, out);

    free(rows);
    return ok;
}

/* What says whether a version can be given up. */
static bool print_usage(const struct status *st, struct buf *out)
{
    static const struct row head = {{"USED", "WRITES", "LAST WRITE", "FIRST READS", "LAST READ"}};
    static const bool right[N_COLUMNS] = {[1] = true, [3] = true};
    char time[HUMAN_SIZE];
    struct row *rows;
    bool ok;

    if (!st->usage || !st->store.n)
        return true;
    rows = calloc(1 + st->store.n, sizeof(*rows));
    if (!rows)
        return false;
    rows[0] = head;
    for (size_t i = 0; i < st->store.n; i++)
        fill_usage(st, &st->store.versions[i], &rows[1 + i]);
    ok = buf_printf(out, "\nsince mounting, %s ago:\n",
                    human_duration((double)(st->now_ns - st->mounted_ns) / 1e9, time)) &&
         print_rows(rows, 1 + st->store.n, right, out);
    free(rows);
    return ok;
}

/* Verbs take turns: the first one is at work, unless it has just ended. */
static bool print_under_way(const struct status *st, struct buf *out)
{
    char time[HUMAN_SIZE];
    bool ok = true;

    for (unsigned i = 0; ok && i < st->n_under_way; i++) {
        const struct under_way *u = &st->under_way[i];

        ok = buf_printf(out, "under way: %s %s for %s%s\n", control_files[u->command].name, u->word,
                        human_duration((double)(st->now_ns - u->began_ns) / 1e9, time),
                        i ? ", in turn after the one above" : "");
    }
    return ok;
}

static bool print_misfits(const struct status *st, struct buf *out)
{
    char figure[HUMAN_SIZE];

    for (size_t i = 0; i < st->store.n; i++) {
        const struct version_status *v = &st->store.versions[i];

        if (v->misfits > 0 && !buf_printf(out, "%s: %s items no longer fit their part\n", v->name,
                                          human_count((uint64_t)v->misfits, figure)))
            return false;
    }
    return true;
}

static bool print_foot(const struct status *st, struct buf *out)
{
    char text[HUMAN_SIZE];

    if (!buf_printf(out, "\ndrafts: %u\n", st->drafts) || !print_misfits(st, out) ||
        !print_under_way(st, out))
        return false;
    if (st->rate_limit && !buf_printf(out, "backfill rate: at most %s items a second\n",
                                      human_count(st->rate_limit, text)))
        return false;
    if (!st->last_error.n)
        return buf_adds(out, "last error: none\n");
    return buf_printf(out, "last error: %s ", human_time(st->last_error_ns, text)) &&
           buf_addspan(out, buf_span(&st->last_error)) && buf_addc(out, '\n');
}

static bool print_trouble(const struct status *st, struct buf *out)
{
    return !st->trouble.n || (buf_adds(out, "read-only: ") &&
                              buf_addspan(out, buf_span(&st->trouble)) && buf_adds(out, "\n\n"));
}

int control_read_status(struct control *c, const struct control_file *f, struct buf *ret,
                        struct err *e)
{
    struct status st;
    bool ok;

    (void)f;
    if (status_get(c, &st, e))
        return -1;
    ok = print_trouble(&st, ret) && (!(st.store.n || st.staged.n) || print_table(&st, ret)) &&
         print_usage(&st, ret) && print_foot(&st, ret) && buf_adds(ret, "\nnext:\n") &&
         status_hints(&st, "  ", ret);
    status_free(&st);
    return ok ? 0 : err_nomem(e);
}
