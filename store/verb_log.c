/* The log of verbs: written after each, read as JSON Lines. */
#include "verb_log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../schemas/json.h"

struct log_row {
    const struct verb_caller *by;
    const char *verb;
    struct span argument, result;
};

static int log_tx(struct store_tx *tx, void *arg, struct err *e)
{
    const struct log_row *row = arg;
    sqlite3_stmt *st;
    if (conn_prepare(tx->c,
                     "INSERT INTO log (at, uid, pid, verb, argument, result) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                     &st, e))
        return -1;
    bind_id(st, 1, (uint64_t)tx->now_ns);
    bind_id(st, 2, row->by ? row->by->uid : getuid());
    bind_id(st, 3, row->by ? row->by->pid : (uint32_t)getpid());
    bind_text(st, 4, span_of(row->verb));
    bind_text(st, 5, row->argument);
    bind_text(st, 6, row->result);
    int rc = conn_run(tx->c, st, e);
    sqlite3_finalize(st);
    return rc;
}

static struct span first_line(struct span s)
{
    const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
    return end ? (struct span){s.p, (size_t)(end - s.p)} : s;
}

#define LOG_ARGUMENT_MAX 256
#define LOG_RESULT_MAX   1000

/* At most size - 1 bytes, cut between characters; what is no UTF-8 shows as '?'. */
static struct span shorten(struct span s, char *ret, size_t size)
{
    size_t n = s.n < size ? s.n : size - 1;
    while (n < s.n && n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    if (n)
        memcpy(ret, s.p, n);
    ret[n] = '\0';
    for (size_t i = 0; !utf8_valid(ret, n) && i < n; i++)
        if ((unsigned char)ret[i] >= 0x80)
            ret[i] = '?';
    return (struct span){ret, n};
}

void verb_log(struct store *s, const struct verb_caller *by, const char *verb, struct span argument,
              int rc, const struct buf *report, const struct err *e)
{
    char given[LOG_ARGUMENT_MAX], text[LOG_RESULT_MAX], said[LOG_RESULT_MAX + 16];
    struct err ignored = ERR_INIT;
    struct span line = {0};
    if (s->read_only)
        return;
    if (rc)
        err_format(e, text, sizeof text);
    else
        line = shorten(first_line(buf_span(report)), text, sizeof text);
    snprintf(said, sizeof said, "%s%s%s", rc ? "error: " : "ok", line.n ? " " : "", text);
    struct log_row row = {by, verb, shorten(argument, given, sizeof given), span_of(said)};
    (void)store_write(s, TX_ALONE | TX_DURABLE, log_tx, &row, &ignored);
}

/* ---- Reading ---- */

static bool log_time(struct buf *out, int64_t ns)
{
    char text[64];
    time_t t = (time_t)(ns / 1000000000);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    return buf_printf(out, "%s.%03dZ", text, (int)(ns / 1000000 % 1000));
}

static bool log_line(sqlite3_stmt *st, struct buf *out)
{
    return buf_adds(out, "{\"time\": \"") && log_time(out, sqlite3_column_int64(st, 0)) &&
           buf_printf(out, "\", \"uid\": %lld, \"pid\": %lld, \"verb\": ",
                      (long long)sqlite3_column_int64(st, 1),
                      (long long)sqlite3_column_int64(st, 2)) &&
           json_write_string(column_span(st, 3), out) && buf_adds(out, ", \"argument\": ") &&
           json_write_string(column_span(st, 4), out) && buf_adds(out, ", \"result\": ") &&
           json_write_string(column_span(st, 5), out) && buf_adds(out, "}\n");
}

int store_log(struct store *s, struct buf *out, struct err *e)
{
    struct catalog *cat = store_catalog(s);
    sqlite3_stmt *st = NULL;
    struct conn *c;
    bool row = true;

    int rc = reader_get(s, cat, &c, e);
    catalog_unref(cat);
    if (rc)
        return -1;
    rc =
        conn_prepare(c, "SELECT at, uid, pid, verb, argument, result FROM log ORDER BY id", &st, e);
    while (!rc && row) {
        rc = conn_step(c, st, &row, e);
        if (!rc && row && !log_line(st, out))
            rc = err_nomem(e);
    }
    sqlite3_finalize(st);
    reader_put(c);
    return rc;
}
