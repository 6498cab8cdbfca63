/* Functions that the judge runs for the evaluating connection: there, in a generated column,
 * SQLite's own are found by their names, and say whether they are deterministic with these
 * arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "expr_fn.h"

#define ARGS_MAX      100 /* as SQLITE_LIMIT_FUNCTION_ARG */
#define DATE_ARGS_MAX 8
#define JSON_SUBTYPE                                                                               \
    74 /* 'J': how SQLite marks JSON, so that another JSON function takes it for that */
#define PATCH_PRODUCT                                                                              \
    (1ull << 27)              /* bytes by bytes: each member is looked for among all others        \
                               */
#define JSON_PATH_LENGTH 4096 /* bytes; each part is looked for from the start */

struct fn {
    struct expr_lent *lent;
    const char *name;
    const char *(*refuse)(int argc, sqlite3_value **argv); /* why not, or NULL */
    bool is_json;
    sqlite3_stmt *stmts[ARGS_MAX + 1]; /* by number of arguments */
};

static const char *refuse_dates(int argc, sqlite3_value **argv)
{
    (void)argv;
    return argc > DATE_ARGS_MAX ? "too many arguments to a date and time function" : NULL;
}

static const char *refuse_patch(int argc, sqlite3_value **argv)
{
    unsigned long long product = 1;
    for (int i = 0; i < argc; i++)
        product *= (unsigned long long)sqlite3_value_bytes(argv[i]);
    return product > PATCH_PRODUCT ? "too much JSON to patch" : NULL;
}

/* Every second argument is a path. */
static const char *refuse_paths(int argc, sqlite3_value **argv)
{
    for (int i = 1; i < argc; i += 2)
        if (sqlite3_value_bytes(argv[i]) > JSON_PATH_LENGTH)
            return "a JSON path is too long";
    return NULL;
}

static const struct {
    const char *name;
    const char *(*refuse)(int argc, sqlite3_value **argv);
    bool is_json;
} lent_functions[] = {
    {"date", refuse_dates, false},        {"time", refuse_dates, false},
    {"datetime", refuse_dates, false},    {"julianday", refuse_dates, false},
    {"unixepoch", refuse_dates, false},   {"strftime", refuse_dates, false},
    {"timediff", refuse_dates, false},    {"json_patch", refuse_patch, true},
    {"jsonb_patch", refuse_patch, true},  {"json_set", refuse_paths, true},
    {"jsonb_set", refuse_paths, true},    {"json_insert", refuse_paths, true},
    {"jsonb_insert", refuse_paths, true},
};
#define N_FNS (sizeof lent_functions / sizeof *lent_functions)

struct expr_lent {
    sqlite3 *judge;
    sqlite3_value **args; /* of the call at hand */
    struct fn fns[N_FNS];
};

static void argument(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct expr_lent *lent = sqlite3_user_data(ctx);
    (void)argc;
    sqlite3_result_value(ctx, lent->args[sqlite3_value_int(argv[0])]);
}

static sqlite3_stmt *prepare(sqlite3 *judge, const char *name, int n)
{
    BUF_CLEANUP struct buf sql = BUF_INIT;
    sqlite3_stmt *stmt = NULL;
    bool ok = buf_printf(&sql, "CREATE TABLE \"~%s %d\"(k, v AS (%s(", name, n, name);
    for (int i = 0; ok && i < n; i++)
        ok = buf_printf(&sql, "%s\"~argument\"(%d)", i ? "," : "", i);
    ok = ok && buf_printf(&sql, "))); INSERT INTO \"~%s %d\" DEFAULT VALUES", name, n);
    if (!ok || !buf_str(&sql) || sqlite3_exec(judge, buf_str(&sql), NULL, NULL, NULL))
        return NULL;
    buf_reset(&sql);
    if (!buf_printf(&sql, "SELECT v FROM \"~%s %d\"", name, n) || !buf_str(&sql))
        return NULL;
    sqlite3_prepare_v3(judge, buf_str(&sql), -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    return stmt;
}

static void call(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct fn *fn = sqlite3_user_data(ctx);
    const char *why = fn->refuse(argc, argv);
    if (why) {
        sqlite3_result_error(ctx, why, -1);
        return;
    }
    fn->lent->args = argv;
    if (!fn->stmts[argc])
        fn->stmts[argc] = prepare(fn->lent->judge, fn->name, argc);
    sqlite3_stmt *stmt = fn->stmts[argc];
    if (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
        sqlite3_result_value(ctx, sqlite3_column_value(stmt, 0));
        if (fn->is_json && sqlite3_column_type(stmt, 0) == SQLITE_TEXT)
            sqlite3_result_subtype(ctx, JSON_SUBTYPE);
    } else {
        sqlite3_result_error(ctx, sqlite3_errmsg(fn->lent->judge), -1);
    }
    sqlite3_reset(stmt);
}

/* Whether this SQLite has it. */
static bool is_known(sqlite3 *judge, const char *name)
{
    char sql[64];
    sqlite3_stmt *probe = NULL;
    snprintf(sql, sizeof sql, "SELECT %s(NULL)", name);
    sqlite3_prepare_v2(judge, sql, -1, &probe, NULL);
    sqlite3_finalize(probe);
    return probe || !strstr(sqlite3_errmsg(judge), "no such function");
}

static int lend(sqlite3 *db, struct fn *fn)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
#ifdef SQLITE_RESULT_SUBTYPE
    flags |= fn->is_json ? SQLITE_RESULT_SUBTYPE | SQLITE_SUBTYPE : 0;
#endif
    return sqlite3_create_function_v2(db, fn->name, -1, flags, fn, call, NULL, NULL, NULL);
}

int expr_fn_lend(sqlite3 *db, sqlite3 *judge, struct expr_lent **ret)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    struct expr_lent *lent = calloc(1, sizeof *lent);
    if (!lent)
        return SQLITE_NOMEM;
    *ret = lent;
    lent->judge = judge;
    int rc =
        sqlite3_create_function_v2(judge, "~argument", 1, flags, lent, argument, NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < N_FNS; i++) {
        lent->fns[i] = (struct fn){.lent = lent,
                                   .name = lent_functions[i].name,
                                   .refuse = lent_functions[i].refuse,
                                   .is_json = lent_functions[i].is_json};
        if (is_known(judge, lent->fns[i].name))
            rc = lend(db, &lent->fns[i]);
    }
    return rc;
}

void expr_fn_lent_free(struct expr_lent *lent)
{
    for (size_t i = 0; lent && i < N_FNS; i++)
        for (size_t n = 0; n <= ARGS_MAX; n++)
            sqlite3_finalize(lent->fns[i].stmts[n]);
    free(lent);
}
