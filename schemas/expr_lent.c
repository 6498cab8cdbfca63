/* SQLite's own functions, run by the judge for the evaluating connection, in whose place there are
 * others of the same names: these look at the clock and at the sizes of the arguments first, as
 * nothing interrupts a call, nor one call after another within an expression. Those of date and
 * time are run in a generated column, where alone SQLite says whether they are deterministic with
 * these arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "expr_fn.h"

#define ARGS_MAX      100 /* as SQLITE_LIMIT_FUNCTION_ARG */
#define DATE_ARGS_MAX 8
#define DATE_LENGTH   (64u * 1024u) /* bytes, of all arguments */
#define JSON_WORK     (16ull << 20) /* bytes, times the paths that are looked for in them */
#define PATCH_PRODUCT (1ull << 27)  /* bytes by bytes: each member is looked for among all others  \
                                     */
#define JSON_PATH_LENGTH 4096       /* bytes; each part is looked for from the start */

/* What is known of a function. */
struct lent_function {
    const char *name;
    const char *(*refuse)(const struct lent_function *f, int argc, sqlite3_value **argv);
    bool is_judged; /* in a generated column */
    bool is_json;   /* what it gives may be marked as JSON */
    bool is_maker;  /* makes long texts of short ones: always looks at the clock */
    int per_path;   /* arguments for each path, the first of which is one; 0 = has none to count */
};

struct fn {
    struct expr_lent *lent;
    const struct lent_function *known;
    sqlite3_stmt *stmts[ARGS_MAX + 1]; /* by number of arguments */
};

/* Without making text of a number. */
static unsigned long long bytes_of(sqlite3_value *v)
{
    int type = sqlite3_value_type(v);
    return type == SQLITE_TEXT || type == SQLITE_BLOB ? (unsigned)sqlite3_value_bytes(v) : 0;
}

static unsigned long long bytes_of_all(int argc, sqlite3_value **argv)
{
    unsigned long long n = 0;
    for (int i = 0; i < argc; i++)
        n += bytes_of(argv[i]);
    return n;
}

static const char *refuse_nothing(const struct lent_function *f, int argc, sqlite3_value **argv)
{
    (void)f, (void)argc, (void)argv;
    return NULL;
}

static const char *refuse_dates(const struct lent_function *f, int argc, sqlite3_value **argv)
{
    (void)f;
    if (argc > DATE_ARGS_MAX)
        return "too many arguments to a date and time function";
    return bytes_of_all(argc, argv) > DATE_LENGTH ? "too long a date and time" : NULL;
}

/* The first argument is gone through once for each path. */
static const char *refuse_work(const struct lent_function *f, int argc, sqlite3_value **argv)
{
    unsigned long long paths = 1, work = bytes_of_all(argc, argv);
    if (f->per_path && argc > 1 + f->per_path)
        paths = (unsigned)((argc - 1) / f->per_path);
    work += argc ? bytes_of(argv[0]) * (paths - 1) : 0;
    return work > JSON_WORK ? "too much JSON" : NULL;
}

static const char *refuse_patch(const struct lent_function *f, int argc, sqlite3_value **argv)
{
    unsigned long long product = 1;
    for (int i = 0; i < argc; i++)
        product *= bytes_of(argv[i]);
    return product > PATCH_PRODUCT ? "too much JSON to patch" : refuse_work(f, argc, argv);
}

static const char *refuse_paths(const struct lent_function *f, int argc, sqlite3_value **argv)
{
    for (int i = 1; i < argc; i += f->per_path)
        if (bytes_of(argv[i]) > JSON_PATH_LENGTH)
            return "a JSON path is too long";
    return refuse_work(f, argc, argv);
}

/* All that can take longer than a millisecond for a text of LENGTH_MAX and give a long text, which
 * the next could take; what takes long and gives a short one is bounded by what made its
 * arguments. Not every SQLite has all of them. */
#define DATE(n)                                                                                    \
    {                                                                                              \
        .name = n, .refuse = refuse_dates, .is_judged = true                                       \
    }
#define TEXT(n)                                                                                    \
    {                                                                                              \
        .name = n, .refuse = refuse_nothing                                                        \
    }
#define MAKER(n)                                                                                   \
    {                                                                                              \
        .name = n, .refuse = refuse_nothing, .is_maker = true                                      \
    }
#define JSON(n, why, per)                                                                          \
    {                                                                                              \
        .name = n, .refuse = why, .is_json = true, .per_path = per                                 \
    }
#define PLAIN(n, per)                                                                              \
    {                                                                                              \
        .name = n, .refuse = refuse_work, .per_path = per                                          \
    }
static const struct lent_function lent_functions[] = {
    DATE("date"),
    DATE("time"),
    DATE("datetime"),
    DATE("julianday"),
    DATE("unixepoch"),
    DATE("strftime"),
    DATE("timediff"),
    TEXT("hex"),
    TEXT("unhex"),
    TEXT("quote"),
    TEXT("unistr"),
    TEXT("unistr_quote"),
    MAKER("printf"),
    MAKER("format"),
    MAKER("concat"),
    MAKER("concat_ws"),
    JSON("json", refuse_work, 0),
    JSON("json_array", refuse_work, 0),
    JSON("json_object", refuse_work, 0),
    JSON("json_quote", refuse_work, 0),
    JSON("->", refuse_work, 1),
    JSON("json_extract", refuse_work, 1),
    JSON("json_remove", refuse_work, 1),
    JSON("json_replace", refuse_paths, 2),
    JSON("json_set", refuse_paths, 2),
    JSON("json_insert", refuse_paths, 2),
    JSON("json_array_insert", refuse_paths, 2),
    JSON("json_patch", refuse_patch, 0),
    JSON("json_pretty", refuse_work, 0),
    JSON("jsonb", refuse_work, 0),
    JSON("jsonb_array", refuse_work, 0),
    JSON("jsonb_object", refuse_work, 0),
    JSON("jsonb_extract", refuse_work, 1),
    JSON("jsonb_remove", refuse_work, 1),
    JSON("jsonb_replace", refuse_paths, 2),
    JSON("jsonb_set", refuse_paths, 2),
    JSON("jsonb_insert", refuse_paths, 2),
    JSON("jsonb_array_insert", refuse_paths, 2),
    JSON("jsonb_patch", refuse_patch, 0),
    PLAIN("->>", 1),
    PLAIN("json_type", 1),
    PLAIN("json_array_length", 1),
    PLAIN("json_valid", 0),
    PLAIN("json_error_position", 0),
};
#define N_FNS (sizeof lent_functions / sizeof *lent_functions)

struct expr_lent {
    sqlite3 *judge;
    struct expr_clock *clock;
    sqlite3_value **args; /* of the call at hand */
    struct fn fns[N_FNS];
};

static void argument(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct expr_lent *lent = sqlite3_user_data(ctx);
    (void)argc;
    sqlite3_result_value(ctx, lent->args[sqlite3_value_int(argv[0])]);
}

/* name("~argument"(0), ...) */
static bool add_call(struct buf *sql, const char *name, int n)
{
    bool ok = buf_printf(sql, "\"%s\"(", name);
    for (int i = 0; ok && i < n; i++)
        ok = buf_printf(sql, "%s\"~argument\"(%d)", i ? "," : "", i);
    return ok && buf_addc(sql, ')');
}

/* False: no memory, or SQLite refuses it. */
static bool make_column(const struct fn *fn, int n)
{
    BUF_CLEANUP struct buf sql = BUF_INIT;
    const char *name = fn->known->name;
    return buf_printf(&sql, "CREATE TABLE \"~%s %d\"(k, v AS (", name, n) &&
           add_call(&sql, name, n) &&
           buf_printf(&sql, ")); INSERT INTO \"~%s %d\" DEFAULT VALUES", name, n) &&
           buf_str(&sql) &&
           sqlite3_exec(fn->lent->judge, buf_str(&sql), NULL, NULL, NULL) == SQLITE_OK;
}

/* NULL as above. */
static sqlite3_stmt *prepare(const struct fn *fn, int n)
{
    BUF_CLEANUP struct buf sql = BUF_INIT;
    const char *name = fn->known->name;
    sqlite3_stmt *stmt = NULL;
    bool ok = fn->known->is_judged
                  ? make_column(fn, n) && buf_printf(&sql, "SELECT v FROM \"~%s %d\"", name, n)
                  : buf_adds(&sql, "SELECT ") && add_call(&sql, name, n);
    if (ok && buf_str(&sql))
        sqlite3_prepare_v3(fn->lent->judge, buf_str(&sql), -1, SQLITE_PREPARE_PERSISTENT, &stmt,
                           NULL);
    return stmt;
}

static const char *why_not(const struct fn *fn, int argc, sqlite3_value **argv)
{
    struct expr_clock *clock = fn->lent->clock;
    if ((fn->known->is_maker || bytes_of_all(argc, argv) > EXPR_LARGE_VALUE) &&
        clock->is_overdue(clock->arg))
        return "out of time";
    return fn->known->refuse(fn->known, argc, argv);
}

static void call(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct fn *fn = sqlite3_user_data(ctx);
    const char *why = why_not(fn, argc, argv);
    if (why) {
        sqlite3_result_error(ctx, why, -1);
        return;
    }
    fn->lent->args = argv;
    if (!fn->stmts[argc])
        fn->stmts[argc] = prepare(fn, argc);
    sqlite3_stmt *stmt = fn->stmts[argc];
    if (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
        sqlite3_value *value = sqlite3_column_value(stmt, 0);
        sqlite3_result_value(ctx, value);
        if (fn->known->is_json) /* so that another JSON function takes it for that */
            sqlite3_result_subtype(ctx, sqlite3_value_subtype(value));
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
    snprintf(sql, sizeof sql, "SELECT \"%s\"(NULL)", name);
    sqlite3_prepare_v2(judge, sql, -1, &probe, NULL);
    sqlite3_finalize(probe);
    return probe || !strstr(sqlite3_errmsg(judge), "no such function");
}

static int lend(sqlite3 *db, struct fn *fn)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
#ifdef SQLITE_RESULT_SUBTYPE
    flags |= fn->known->is_json ? SQLITE_RESULT_SUBTYPE | SQLITE_SUBTYPE : 0;
#endif
    return sqlite3_create_function_v2(db, fn->known->name, -1, flags, fn, call, NULL, NULL, NULL);
}

int expr_fn_lend(sqlite3 *db, sqlite3 *judge, struct expr_clock *clock, struct expr_lent **ret)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    struct expr_lent *lent = calloc(1, sizeof *lent);
    if (!lent)
        return SQLITE_NOMEM;
    *ret = lent;
    lent->judge = judge;
    lent->clock = clock;
    int rc =
        sqlite3_create_function_v2(judge, "~argument", 1, flags, lent, argument, NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < N_FNS; i++) {
        lent->fns[i] = (struct fn){.lent = lent, .known = &lent_functions[i]};
        if (is_known(judge, lent_functions[i].name))
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
