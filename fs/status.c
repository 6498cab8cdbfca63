/* What control/status and control/status.json tell, and the latter (status_for_people.c is the former). */
#include "control_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "../schemas/json.h"
#include "human.h"
#include "../schemas/clock.h"

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

static void take_under_way(struct control *c, struct status *ret)
{
    ret->now_ns = clock_wall_ns();
    pthread_mutex_lock(&c->lock);
    ret->n_under_way = c->n_under_way;
    memcpy(ret->under_way, c->under_way, c->n_under_way * sizeof(c->under_way[0]));
    pthread_mutex_unlock(&c->lock);
}

int status_get(struct control *c, struct status *ret, struct err *e)
{
    *ret = (struct status)STATUS_INIT;
    ret->drafts = c->env.drafts(c->env.arg);
    ret->rate_limit = store_backfill_rate_get(c->env.store);
    ret->read_only = c->env.read_only;
    ret->usage = c->env.usage;
    ret->mounted_ns = c->env.mounted_ns;
    take_under_way(c, ret);
    if (store_trouble(c->env.store, &ret->trouble, e) ||
        store_status(c->env.store, &ret->store, e) || control_staged_schemas(c, &ret->staged, e)) {
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
    buf_free(&st->trouble);
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

static bool json_time(const char *name, int64_t ns, struct buf *out)
{
    char time[HUMAN_SIZE];

    return ns ? buf_printf(out, "\"%s\": \"%s\"", name, human_time(ns, time))
              : buf_printf(out, "\"%s\": null", name);
}

/* ", "usage": {...}", or nothing where nothing changes. */
static bool json_usage(const struct status *st, uint32_t version, struct buf *out)
{
    struct version_usage u;

    if (!st->usage)
        return true;
    u = usage_of(st->usage, version);
    return buf_printf(out, ",\n               \"usage\": {\"writes\": %" PRIu64 ", ", u.writes) &&
           json_time("last_write", u.last_write_ns, out) &&
           buf_printf(out, ", \"first_reads\": %" PRIu64 ", ", u.first_reads) &&
           json_time("last_first_read", u.last_read_ns, out) && buf_addc(out, '}');
}

static bool json_version(const struct status *st, const struct version_status *v, struct buf *out)
{
    char time[HUMAN_SIZE];

    return buf_adds(out, "{\"version\": ") && json_string(v->name, out) &&
           buf_adds(out, ", \"state\": \"live\", \"items\": ") && json_count(v->items, out) &&
           (!v->has_parts ||
            (buf_adds(out, ", \"misfits\": ") && json_count(v->misfits, out))) &&
           buf_printf(out, ", \"added\": \"%s\", ", human_time(v->added_ns, time)) &&
           json_backfill(v, out) && json_usage(st, v->number, out) && buf_addc(out, '}');
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
    ok = ok && buf_adds(out, ", \"trouble\": ");
    ok = ok && (st->trouble.n ? json_write_string(buf_span(&st->trouble), out)
                              : buf_adds(out, "null"));
    ok = ok && buf_adds(out, ", ") && json_time("mounted", st->mounted_ns, out);
    return ok && buf_printf(out, ", \"drafts\": %u, \"backfill_rate\": %" PRIu64 ",\n", st->drafts,
                            st->rate_limit);
}

static bool json_under_way(const struct status *st, struct buf *out)
{
    bool ok = buf_adds(out, " \"under_way\": [");

    for (unsigned i = 0; ok && i < st->n_under_way; i++) {
        const struct under_way *u = &st->under_way[i];

        ok = buf_printf(out, "%s{\"verb\": \"%s\", \"argument\": ", i ? ", " : "",
                        control_files[u->command].name) &&
             json_string(u->word, out) &&
             buf_printf(out, ", \"seconds\": %.1f}", (double)(st->now_ns - u->began_ns) / 1e9);
    }
    return ok && buf_adds(out, "],\n");
}

static bool json_all(const struct status *st, struct buf *out)
{
    bool ok = json_head(st, out) && json_under_way(st, out) && buf_adds(out, " \"versions\": [");

    for (size_t i = 0; ok && i < st->store.n; i++)
        ok = (i == 0 || buf_adds(out, ",\n              ")) &&
             json_version(st, &st->store.versions[i], out);
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
