/* Date and time functions for queries. SQLite takes them for deterministic as long as they don't
 * use the clock or the time zone, and checks that where it runs them in a generated column, only
 * there. So those of the queries' connection hand their arguments to a second one, which runs the
 * real ones in a generated column. */
#include "query_int.h"

#include <stdio.h>

static const char *const date_names[N_DATE_FNS] = {
    "date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff",
};

static void argument(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct query_dates *d = sqlite3_user_data(ctx);
    (void)argc;
    sqlite3_result_value(ctx, d->args[sqlite3_value_int(argv[0])]);
}

static sqlite3_stmt *prepare(sqlite3 *judge, const char *name, int n)
{
    struct buf sql BUF_CLEANUP = BUF_INIT;
    sqlite3_stmt *st = NULL;
    bool ok = buf_printf(&sql, "CREATE TABLE \"%s %d\" (k, v AS (%s(", name, n, name);
    for (int i = 0; ok && i < n; i++)
        ok = buf_printf(&sql, "%s\"~argument\"(%d)", i ? ", " : "", i);
    ok = ok && buf_printf(&sql, "))); INSERT INTO \"%s %d\" DEFAULT VALUES", name, n);
    if (!ok || !buf_str(&sql) || sqlite3_exec(judge, sql.p, NULL, NULL, NULL))
        return NULL;
    buf_reset(&sql);
    if (buf_printf(&sql, "SELECT v FROM \"%s %d\"", name, n) && buf_str(&sql))
        sqlite3_prepare_v3(judge, sql.p, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    return st;
}

static void call(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct date_fn *fn = sqlite3_user_data(ctx);
    struct query_dates *d = fn->dates;
    if (argc > DATE_ARGS_MAX) {
        sqlite3_result_error(ctx, "too many arguments to a date and time function", -1);
        return;
    }
    d->args = argv;
    if (!fn->stmts[argc])
        fn->stmts[argc] = prepare(d->judge, fn->name, argc);
    sqlite3_stmt *st = fn->stmts[argc];
    if (st && sqlite3_step(st) == SQLITE_ROW)
        sqlite3_result_value(ctx, sqlite3_column_value(st, 0));
    else
        sqlite3_result_error(ctx, sqlite3_errmsg(d->judge), -1);
    sqlite3_reset(st);
}

/* Not every SQLite has all of them. */
static bool has_function(sqlite3 *db, const char *name)
{
    char sql[64];
    sqlite3_stmt *st = NULL;
    snprintf(sql, sizeof sql, "SELECT %s(NULL)", name);
    sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    bool has = st || !strstr(sqlite3_errmsg(db), "no such function");
    sqlite3_finalize(st);
    return has;
}

int query_dates_init(struct query_dates *d, sqlite3 *db)
{
    static const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int rc =
        sqlite3_open_v2(":memory:", &d->judge,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function_v2(d->judge, "~argument", 1, flags, d, argument, NULL, NULL,
                                        NULL);
    for (size_t i = 0; i < N_DATE_FNS && rc == SQLITE_OK; i++) {
        d->fns[i] = (struct date_fn){.dates = d, .name = date_names[i]};
        if (has_function(d->judge, date_names[i]))
            rc = sqlite3_create_function_v2(db, date_names[i], -1, flags, &d->fns[i], call, NULL,
                                            NULL, NULL);
    }
    return rc;
}

void query_dates_deinit(struct query_dates *d)
{
    for (size_t i = 0; i < N_DATE_FNS; i++)
        for (size_t k = 0; k <= DATE_ARGS_MAX; k++)
            sqlite3_finalize(d->fns[i].stmts[k]);
    sqlite3_close(d->judge);
}
