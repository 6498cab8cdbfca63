/* Expressions, by SQLite.
 *
 * Two in-memory connections. One *evaluates*: its only table is "~row", a virtual table of one row
 * whose columns are the values of the item at hand. A formula is prepared once as
 *
 *     SELECT (expr) FROM (SELECT t0 AS "breed", n1 AS "age" FROM "~row")
 *
 * where t, n and b stand for a column of affinity TEXT, NUMERIC and none. A virtual table, since it
 * alone can give a column NUMERIC affinity (so that 12.30 > 5 compares numbers) and yet hand out
 * text that arithmetic or a copy of the value find unrounded.
 *
 * The other *judges*: with SQLite's own date and JSON functions, it says whether an expression is
 * legal and deterministic, by taking it as a generated column. Date and time functions are
 * deterministic or not depending on their arguments ('now', 'localtime'), which SQLite checks when
 * it runs them in a generated column, and only there. So on the evaluating connection they are
 * replaced by functions that let the judge run the real ones in a generated column, and so are
 * functions that make or go through long texts, within bounds (expr_lent.c). Those that can't be
 * bounded by their arguments are our own, within the time limit (expr_fn.c).
 *
 * Nothing that an expression can do fails an evaluation: errors give the formula's mend. */
#include "expr.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "checks.h"
#include "expr_fn.h"
#include "expr_impl.h"
#include "clock.h"

#define CACHE_SETS     256
#define CACHE_WAYS     4
#define PROGRESS_STEPS 200               /* instructions between two looks at the clock */
#define LENGTH_MAX     (4 * 1024 * 1024) /* of any text within an evaluation, bytes */
#define WORK_MAX                                                                                   \
    (1u << 31) /* that length by the expression's: no clock is looked at between operators */
#define SQL_LENGTH_MAX (1024 * 1024)

/* A prepared expression. */
struct plan {
    uint64_t uid; /* 0 = a free place */
    uint64_t last_use;
    sqlite3_stmt *stmt; /* NULL: SQLite refuses it; evaluates to an error */
    uint16_t *at;       /* which input each of its columns is */
    size_t n;
    int length_max; /* of any text, bytes */
};

struct cell {
    const struct type_ref *type;
    struct span json;
};

struct expr_env {
    sqlite3 *db, *judge;
    struct expr_reads *reads;            /* NULL unless a check wants to know */
    struct cell cells[EXPR_COLUMNS_MAX]; /* the row of "~row" */
    struct sqlite3_vtab_cursor cursor;
    bool at_end;
    struct buf scratch;
    int64_t deadline_ms;   /* 0 = not set yet in this evaluation */
    size_t unlooked_bytes; /* read since the last look at the clock for that */
    struct expr_clock clock;
    struct expr_lent *lent;
    uint64_t uses;
    struct plan plans[CACHE_SETS][CACHE_WAYS];
};

uint64_t expr_new_uid(void)
{
    static atomic_uint_fast64_t last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

/* ---- Time ---- */

/* Most evaluations never look at the clock: time counts from the first look. */
static int is_overdue(void *arg)
{
    struct expr_env *env = arg;
    int64_t now_ms = clock_steady_ns() / 1000000;
    if (env->deadline_ms == 0)
        env->deadline_ms = now_ms + EXPR_TIME_LIMIT_MS;
    return now_ms > env->deadline_ms;
}

/* ---- Sizes ---- */

static int length_for(const char *sql)
{
    size_t length = WORK_MAX / (strlen(sql) + 1);
    return length > LENGTH_MAX ? LENGTH_MAX : (int)length;
}

static void limit_length(struct expr_env *env, int length_max)
{
    sqlite3_limit(env->db, SQLITE_LIMIT_LENGTH, length_max);
    sqlite3_limit(env->judge, SQLITE_LIMIT_LENGTH, length_max);
}

/* ---- "~row", the values of the item at hand ---- */

static struct expr_env *env_of_cursor(sqlite3_vtab_cursor *cursor)
{
    return (struct expr_env *)(void *)((char *)cursor - offsetof(struct expr_env, cursor));
}

struct row_table {
    sqlite3_vtab base;
    struct expr_env *env;
};

static const char affinity_letters[] = {
    [SQL_AFFINITY_TEXT] = 't', [SQL_AFFINITY_NUMERIC] = 'n', [SQL_AFFINITY_NONE] = 'b'};
static const char *const affinity_types[] = {
    [SQL_AFFINITY_TEXT] = " TEXT", [SQL_AFFINITY_NUMERIC] = " NUMERIC", [SQL_AFFINITY_NONE] = ""};

static int row_connect(sqlite3 *db, void *arg, int argc, const char *const *argv,
                       sqlite3_vtab **ret, char **ret_error)
{
    BUF_CLEANUP struct buf sql = BUF_INIT;
    (void)argc, (void)argv, (void)ret_error;
    bool ok = buf_adds(&sql, "CREATE TABLE x(");
    for (unsigned i = 0; ok && i < 3 * EXPR_COLUMNS_MAX; i++)
        ok = buf_printf(&sql, "%s%c%u%s", i ? "," : "", affinity_letters[i / EXPR_COLUMNS_MAX],
                        i % EXPR_COLUMNS_MAX, affinity_types[i / EXPR_COLUMNS_MAX]);
    struct row_table *table = sqlite3_malloc(sizeof *table);
    if (!ok || !table || !buf_addc(&sql, ')') || !buf_str(&sql)) {
        sqlite3_free(table);
        return SQLITE_NOMEM;
    }
    *table = (struct row_table){.env = arg};
    *ret = &table->base;
    int rc = sqlite3_declare_vtab(db, buf_str(&sql));
    if (rc != SQLITE_OK)
        sqlite3_free(table);
    return rc;
}

static int row_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int row_plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = 1;
    return SQLITE_OK;
}

/* One evaluation at a time and one scan in it, so that one cursor is enough. */
static int row_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret)
{
    *ret = &((struct row_table *)(void *)table)->env->cursor;
    return SQLITE_OK;
}

static int row_close(sqlite3_vtab_cursor *cursor)
{
    (void)cursor;
    return SQLITE_OK;
}

static int row_filter(sqlite3_vtab_cursor *cursor, int number, const char *name, int argc,
                      sqlite3_value **argv)
{
    (void)number, (void)name, (void)argc, (void)argv;
    env_of_cursor(cursor)->at_end = false;
    return SQLITE_OK;
}

static int row_next(sqlite3_vtab_cursor *cursor)
{
    env_of_cursor(cursor)->at_end = true;
    return SQLITE_OK;
}

static int row_eof(sqlite3_vtab_cursor *cursor)
{
    return env_of_cursor(cursor)->at_end;
}

static int row_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret)
{
    (void)cursor;
    *ret = 1;
    return SQLITE_OK;
}

/* Text points into the input, which outlives the step, or is copied from the scratch buffer, which
 * the next column reuses. */
static void result_text(sqlite3_context *ctx, const struct expr_env *env, struct span text)
{
    bool scratch = env->scratch.p && text.p == env->scratch.p;
    sqlite3_result_text64(ctx, text.p, text.n, scratch ? SQLITE_TRANSIENT : SQLITE_STATIC,
                          SQLITE_UTF8);
}

static int row_column(sqlite3_vtab_cursor *cursor, sqlite3_context *ctx, int column)
{
    struct expr_env *env = env_of_cursor(cursor);
    const struct cell *cell = &env->cells[column % EXPR_COLUMNS_MAX];
    struct sql_value v;
    env->unlooked_bytes += cell->json.n;
    if (env->unlooked_bytes > EXPR_LARGE_VALUE) {
        env->unlooked_bytes = 0;
        if (is_overdue(env))
            return SQLITE_INTERRUPT;
    }
    if (!expr_value_in(cell->type, cell->json, &env->scratch, &v))
        return SQLITE_NOMEM;
    if (v.kind == SQL_INTEGER)
        sqlite3_result_int64(ctx, v.integer);
    else if (v.kind == SQL_REAL)
        sqlite3_result_double(ctx, v.real);
    else if (v.kind == SQL_TEXT)
        result_text(ctx, env, v.text);
    return SQLITE_OK;
}

static const sqlite3_module row_module = {
    .xConnect = row_connect,
    .xDisconnect = row_disconnect,
    .xBestIndex = row_plan,
    .xOpen = row_open,
    .xClose = row_close,
    .xFilter = row_filter,
    .xNext = row_next,
    .xEof = row_eof,
    .xColumn = row_column,
    .xRowid = row_rowid,
};

/* ---- The authorizer ---- */

/* The judge runs our own statements, too: what an expression may be is what a generated column may
 * be, less some functions. */
static int authorize_judge(void *arg, int action, const char *a, const char *b, const char *db,
                           const char *trigger)
{
    struct expr_env *env = arg;
    (void)db, (void)trigger;
    if (action == SQLITE_FUNCTION && !expr_text_may_call(b))
        return SQLITE_DENY;
    if (action == SQLITE_READ && env->reads && strcmp(a, "~t") == 0)
        expr_reads_note(env->reads, b);
    return SQLITE_OK;
}

static int authorize(void *arg, int action, const char *a, const char *b, const char *db,
                     const char *trigger)
{
    (void)arg, (void)db, (void)trigger;
    bool ok = action == SQLITE_SELECT || (action == SQLITE_FUNCTION && expr_text_may_call(b)) ||
              (action == SQLITE_READ && strcmp(a, "~row") == 0);
    return ok ? SQLITE_OK : SQLITE_DENY;
}

/* ---- Opening ---- */

static const struct {
    int id, value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, LENGTH_MAX}, {SQLITE_LIMIT_SQL_LENGTH, SQL_LENGTH_MAX},
    {SQLITE_LIMIT_EXPR_DEPTH, 300},    {SQLITE_LIMIT_COMPOUND_SELECT, 2},
    {SQLITE_LIMIT_VDBE_OP, 250000},    {SQLITE_LIMIT_FUNCTION_ARG, 100},
    {SQLITE_LIMIT_ATTACHED, 0},        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 0}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static const struct {
    int option, value;
} settings[] = {
    {SQLITE_DBCONFIG_DQS_DDL, 0},        {SQLITE_DBCONFIG_DQS_DML, 0},
    {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
};

static int open_memory(struct expr_env *env, sqlite3 **ret)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(":memory:", ret, flags, NULL);
    if (rc != SQLITE_OK)
        return rc;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        sqlite3_limit(*ret, limits[i].id, limits[i].value);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        sqlite3_db_config(*ret, settings[i].option, settings[i].value, NULL);
    sqlite3_progress_handler(*ret, PROGRESS_STEPS, is_overdue, env);
    env->clock = (struct expr_clock){is_overdue, env};
    return expr_fn_add_text(*ret, &env->clock);
}

static int env_open(struct expr_env *env)
{
    int rc = open_memory(env, &env->db);
    if (rc == SQLITE_OK)
        rc = open_memory(env, &env->judge);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_module_v2(env->db, "~row", &row_module, env, NULL);
    if (rc == SQLITE_OK) /* makes "~row" known, which the authorizer would refuse */
        rc = sqlite3_exec(env->db, "SELECT 1 FROM \"~row\"", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = expr_fn_lend(env->db, env->judge, &env->clock, &env->lent);
    if (rc == SQLITE_OK)
        rc = sqlite3_set_authorizer(env->db, authorize, env);
    if (rc == SQLITE_OK)
        rc = sqlite3_set_authorizer(env->judge, authorize_judge, env);
    return rc;
}

int expr_env_new(struct expr_env **ret, struct err *e)
{
    struct expr_env *env = calloc(1, sizeof *env);
    int rc = env ? env_open(env) : SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        *ret = env;
        return 0;
    }
    expr_env_free(env);
    if (rc == SQLITE_NOMEM)
        return err_nomem(e);
    return err_set(e, ERR_IO, "SQLite in memory: %s", sqlite3_errstr(rc));
}

static void plan_clear(struct plan *p)
{
    sqlite3_finalize(p->stmt);
    free(p->at);
    *p = (struct plan){0};
}

void expr_env_free(struct expr_env *env)
{
    if (!env)
        return;
    for (size_t i = 0; i < CACHE_SETS * CACHE_WAYS; i++)
        plan_clear(&env->plans[i / CACHE_WAYS][i % CACHE_WAYS]);
    sqlite3_close(env->db);
    expr_fn_lent_free(env->lent);
    sqlite3_close(env->judge);
    buf_free(&env->scratch);
    free(env);
}

/* ---- Prepared expressions ---- */

/* The uid's plan, or NULL and in *ret_place the one to give up for it. */
static struct plan *plan_find(struct expr_env *env, uint64_t uid, struct plan **ret_place)
{
    struct plan *set = env->plans[uid % CACHE_SETS], *oldest = set;
    assert(uid != 0);
    for (size_t i = 0; i < CACHE_WAYS; i++) {
        if (set[i].uid == uid) {
            set[i].last_use = ++env->uses;
            return &set[i];
        }
        if (set[i].last_use < oldest->last_use)
            oldest = &set[i];
    }
    *ret_place = oldest;
    return NULL;
}

/* What SQLite refuses, or names fields that SQL can't tell apart, becomes a plan without a
 * statement. */
static int plan_prepare(struct expr_env *env, struct plan *place, uint64_t uid, const char *sql,
                        const char *const *names, const struct type_ref *const *types, size_t n,
                        struct err *e)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    uint16_t at[EXPR_COLUMNS_MAX];
    size_t start;
    struct err why = ERR_INIT;
    struct plan p = {.uid = uid, .last_use = ++env->uses, .length_max = length_for(sql)};
    if (expr_scan_columns(sql, names, n, at, EXPR_COLUMNS_MAX, &p.n, &why) == 0) {
        if (!expr_text_select(sql, names, types, at, p.n, &text, &start) || !buf_str(&text))
            return err_nomem(e);
        int rc = sqlite3_prepare_v3(env->db, buf_str(&text), -1, SQLITE_PREPARE_PERSISTENT, &p.stmt,
                                    NULL);
        if (rc == SQLITE_NOMEM)
            return err_nomem(e);
    } else if (why.code == ERR_NO_MEMORY) {
        return err_nomem(e);
    }
    p.at = malloc((p.n + 1) * sizeof *p.at);
    if (!p.at) {
        plan_clear(&p);
        return err_nomem(e);
    }
    memcpy(p.at, at, p.n * sizeof *p.at);
    plan_clear(place);
    *place = p;
    return 0;
}

/* Columns are either inputs of a formula or those of a condition; only a new plan looks at them. */
static int plan_get(struct expr_env *env, uint64_t uid, const char *sql,
                    const struct formula_input *inputs, const struct expr_column *columns, size_t n,
                    struct plan **ret, struct err *e)
{
    ARENA_CLEANUP struct arena arena = {0};
    struct plan *place = NULL;
    if ((*ret = plan_find(env, uid, &place)))
        return 0;
    const char **names = arena_alloc(&arena, (n + 1) * sizeof *names);
    const struct type_ref **types = arena_alloc(&arena, (n + 1) * sizeof *types);
    if (!names || !types)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        names[i] = inputs ? inputs[i].name : columns[i].name;
        types[i] = inputs ? inputs[i].type : columns[i].type;
    }
    *ret = place;
    return plan_prepare(env, place, uid, sql, names, types, n, e);
}

/* ---- Evaluating ---- */

static int read_result(sqlite3_stmt *stmt, struct sql_value *ret, struct err *e)
{
    switch (sqlite3_column_type(stmt, 0)) {
    case SQLITE_INTEGER:
        *ret = (struct sql_value){.kind = SQL_INTEGER, .integer = sqlite3_column_int64(stmt, 0)};
        return 0;
    case SQLITE_FLOAT:
        *ret = (struct sql_value){.kind = SQL_REAL, .real = sqlite3_column_double(stmt, 0)};
        return 0;
    case SQLITE_TEXT:
        ret->text.p = (const char *)sqlite3_column_text(stmt, 0);
        ret->text.n = (size_t)sqlite3_column_bytes(stmt, 0);
        ret->kind = SQL_TEXT;
        return ret->text.p ? 0 : err_nomem(e);
    case SQLITE_BLOB:
        ret->kind = SQL_BLOB;
        return 0;
    default:
        return 0;
    }
}

/* Runs the plan on env->cells. The value is borrowed until the statement is reset. */
static int plan_run(struct expr_env *env, struct plan *p, struct sql_value *ret, struct err *e)
{
    *ret = (struct sql_value){.kind = SQL_NULL};
    if (!p->stmt)
        return 0;
    env->deadline_ms = 0;
    limit_length(env, p->length_max);
    int rc = sqlite3_step(p->stmt);
    if (rc == SQLITE_NOMEM)
        return err_nomem(e);
    return rc == SQLITE_ROW ? read_result(p->stmt, ret, e) : 0;
}

static int truth(sqlite3_stmt *stmt, const struct sql_value *v)
{
    if (v->kind == SQL_NULL)
        return -1;
    return v->kind == SQL_INTEGER ? v->integer != 0 : sqlite3_column_double(stmt, 0) != 0;
}

static struct cell cell_of(const struct formula_input *in, struct span json)
{
    return (struct cell){in->type, json.p ? json : in->def};
}

static int eval_sql(struct expr_env *env, const struct formula *f, const struct span *inputs,
                    struct buf *out, bool *ret_set, struct err *e)
{
    struct plan *p;
    struct sql_value v;
    if (plan_get(env, f->uid, f->sql, f->inputs, NULL, f->n_inputs, &p, e))
        return -1;
    for (size_t i = 0; i < p->n; i++)
        env->cells[i] = cell_of(&f->inputs[p->at[i]], inputs[p->at[i]]);
    int r = plan_run(env, p, &v, e);
    if (r == 0)
        r = expr_value_out(f, &v, out, ret_set, e);
    sqlite3_reset(p->stmt);
    return r;
}

/* What a mend is not for: the value as it stands. */
static int eval_kept(struct expr_env *env, const struct formula *f, const struct span *inputs,
                     struct buf *out, bool *ret_kept, bool *ret_set, struct err *e)
{
    struct plan *p;
    struct sql_value v;

    *ret_kept = false;
    if (!f->fails)
        return 0;
    if (plan_get(env, f->fails_uid, f->fails, f->inputs, NULL, f->n_inputs, &p, e))
        return -1;
    for (size_t i = 0; i < p->n; i++)
        env->cells[i] = cell_of(&f->inputs[p->at[i]], inputs[p->at[i]]);
    int r = plan_run(env, p, &v, e);
    if (r == 0)
        *ret_kept = truth(p->stmt, &v) != 0;
    sqlite3_reset(p->stmt);
    if (r)
        return r;
    *ret_set = *ret_kept && inputs[f->kept].p;
    return *ret_set && !buf_addspan(out, inputs[f->kept]) ? err_nomem(e) : 0;
}

/* A result that makes a check of its own field false is none. */
static int keep_if_fits(struct expr_env *env, const struct formula *f, size_t start,
                        struct buf *out, bool *ret_set, struct err *e)
{
    if (!f->check && !f->checked_inside)
        return 0;
    if (checks_fit(env, f, (struct span){out->p + start, out->n - start}, ret_set, e))
        return -1;
    if (!*ret_set)
        out->n = start;
    return 0;
}

/* What a conversion makes of unset is unset: each version shows its own default then. */
static bool is_given_nothing(const struct formula *f, const struct span *inputs)
{
    size_t i = 0;

    while (i < f->n_inputs && !inputs[i].p && !f->inputs[i].def.p)
        i++;
    return f->mode == FORMULA_LINKED && f->n_inputs && i == f->n_inputs && !f->is_part;
}

int expr_eval(struct expr_env *env, const struct formula *f, const struct span *inputs,
              struct span prev, struct buf *out, bool *ret_set, struct err *e)
{
    bool set = false, kept;
    size_t start = out->n;
    int r = eval_kept(env, f, inputs, out, &kept, &set, e);
    if (r == 0 && !kept)
        r = f->fn ? f->fn(f, inputs, prev, out, &set, e) : eval_sql(env, f, inputs, out, &set, e);
    if (r || (set && keep_if_fits(env, f, start, out, &set, e)))
        return -1;
    if (!set && f->mend.p && !kept && !is_given_nothing(f, inputs)) {
        set = true;
        if (!buf_addspan(out, f->mend))
            return err_nomem(e);
    }
    *ret_set = set;
    return 0;
}

int expr_condition(struct expr_env *env, uint64_t uid, const char *sql,
                   const struct expr_column *columns, size_t n, int *ret, struct err *e)
{
    struct plan *p;
    struct sql_value v;
    if (plan_get(env, uid, sql, NULL, columns, n, &p, e))
        return -1;
    for (size_t i = 0; i < p->n; i++)
        env->cells[i] = (struct cell){columns[p->at[i]].type, columns[p->at[i]].json};
    int r = plan_run(env, p, &v, e);
    if (r == 0)
        *ret = truth(p->stmt, &v);
    sqlite3_reset(p->stmt);
    return r;
}

/* ---- For expr_check.c ---- */

static void note_trouble(sqlite3 *db, struct expr_trouble *ret)
{
    snprintf(ret->message, sizeof ret->message, "%s", sqlite3_errmsg(db));
    ret->offset = sqlite3_error_offset(db);
}

int expr_try(struct expr_env *env, enum expr_side side, struct buf *text, struct expr_reads *reads,
             struct expr_trouble *ret, struct err *e)
{
    sqlite3 *db = side == EXPR_JUDGES ? env->judge : env->db;
    sqlite3_stmt *stmt = NULL;
    if (!buf_str(text))
        return err_nomem(e);
    env->deadline_ms = 0;
    limit_length(env, LENGTH_MAX);
    env->reads = reads;
    int rc = sqlite3_prepare_v2(db, buf_str(text), -1, &stmt, NULL);
    env->reads = NULL;
    if (rc == SQLITE_OK && side == EXPR_JUDGES)
        rc = sqlite3_step(stmt);
    bool ok = rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE;
    if (!ok)
        note_trouble(db, ret);
    sqlite3_finalize(stmt);
    return rc == SQLITE_NOMEM ? err_nomem(e) : ok ? 0 : 1;
}
