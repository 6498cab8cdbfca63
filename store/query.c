/* Queries: a private in-memory connection whose tables are a version's types (query_vtab.c), an
 * authorizer that lets a statement read them and nothing else, and limits of time and memory.
 *
 * Determinism is SQLite's word: functions may be called when SQLite marks them as deterministic, or
 * when they are aggregates or window functions; those of date and time are judged call by call.
 * Functions that take long are bounded as in expressions (schemas/expr_fn.h). */
#include "query_int.h"

#include <stdio.h>
#include <strings.h>

#include "../schemas/clock.h"

#define CHECK_TIME_MS  200
#define PROGRESS_STEPS 200                /* instructions between two looks at the clock */
#define LENGTH_MAX     (16 * 1024 * 1024) /* of any text, bytes */
#define WORK_MAX       (1ull << 34)       /* that by the query's length, as in schemas/expr.c */

/* ---- Limits ---- */

static int why_over(struct query_db *q)
{
    if (clock_steady_ns() / 1000000 > q->deadline_ms)
        return err_set(&q->why, ERR_TOO_BIG, "it takes more than %d s", QUERY_TIME_LIMIT_MS / 1000);
    if (sqlite3_memory_used() - q->memory_base > QUERY_MEMORY_LIMIT)
        return err_set(&q->why, ERR_TOO_BIG, "it needs more than %d MiB", QUERY_MEMORY_LIMIT >> 20);
    if (q->by && q->by->interrupted && q->by->interrupted(q->by->arg))
        return err_set(&q->why, ERR_INTERRUPTED, "interrupted");
    return 0;
}

bool query_is_over(struct query_db *q)
{
    return q->running && why_over(q) != 0;
}

static int is_overdue(void *arg)
{
    return query_is_over(arg);
}

bool query_has_read(struct query_db *q, size_t bytes)
{
    q->unlooked_bytes += bytes;
    if (q->unlooked_bytes <= EXPR_LARGE_VALUE)
        return true;
    q->unlooked_bytes = 0;
    return !query_is_over(q);
}

static void limit_length(struct query_db *q, const char *sql)
{
    unsigned long long length = WORK_MAX / (strlen(sql) + 1);
    int max = length > LENGTH_MAX ? LENGTH_MAX : (int)length;
    sqlite3_limit(q->db, SQLITE_LIMIT_LENGTH, max);
    sqlite3_limit(q->judge, SQLITE_LIMIT_LENGTH, max);
}

/* ---- What a statement may do ---- */

static bool may_call(const struct query_db *q, const char *function)
{
    for (size_t i = 0; i < q->n_functions; i++)
        if (strcasecmp(q->functions[i], function) == 0)
            return true;
    return false;
}

static struct query_table *table_named(const struct query_db *q, const char *name)
{
    for (size_t i = 0; i < q->n_tables; i++)
        if (strcasecmp(q->tables[i].s->name, name) == 0)
            return &q->tables[i];
    return NULL;
}

static int refuse_twin(struct query_db *q, const struct query_table *t, const char *column)
{
    if (t->twin) {
        err_set(&q->why, ERR_INVALID,
                "SQL can't tell \"%s\" from a type whose name differs only "
                "in case",
                t->s->name);
        return SQLITE_DENY;
    }
    for (size_t i = 0; i < t->s->n_fields; i++)
        if (t->twins[i] && (column[0] == '~' || strcasecmp(column, t->s->fields[i].name) == 0)) {
            err_set(&q->why, ERR_INVALID,
                    "SQL can't tell %s.%s from a field whose name differs "
                    "only in case",
                    t->s->name, t->s->fields[i].name);
            return SQLITE_DENY;
        }
    return SQLITE_OK;
}

static int may_read(struct query_db *q, const char *table, const char *column)
{
    struct query_table *t = table_named(q, table);
    if (t) {
        t->used = true;
        return refuse_twin(q, t, column);
    }
    if (strcasecmp(table, "json_each") == 0 || strcasecmp(table, "json_tree") == 0)
        return SQLITE_OK;
    /* A table of which no column is read may be the query's own (WITH). */
    if (!column[0] && strncasecmp(table, "sqlite_", 7) != 0 &&
        strncasecmp(table, "pragma_", 7) != 0)
        return SQLITE_OK;
    err_set(&q->why, ERR_INVALID, "\"%s\" can't be read: only the types of %s can", table,
            q->v->name);
    return SQLITE_DENY;
}

static int authorize(void *arg, int action, const char *a, const char *b, const char *db,
                     const char *trigger)
{
    struct query_db *q = arg;
    (void)db, (void)trigger;
    if (!q->judging || action == SQLITE_SELECT || action == SQLITE_RECURSIVE)
        return SQLITE_OK;
    if (action == SQLITE_READ)
        return may_read(q, a, b);
    if (action == SQLITE_FUNCTION && may_call(q, b))
        return SQLITE_OK;
    if (action == SQLITE_FUNCTION)
        err_set(&q->why, ERR_INVALID,
                "%s() may not be called: it can give another result the "
                "next time",
                b);
    else
        err_set(&q->why, ERR_INVALID, "it is not one SELECT");
    return SQLITE_DENY;
}

/* ---- Opening ---- */

static const struct {
    int id, value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, LENGTH_MAX}, {SQLITE_LIMIT_SQL_LENGTH, 1024 * 1024},
    {SQLITE_LIMIT_EXPR_DEPTH, 300},    {SQLITE_LIMIT_COMPOUND_SELECT, 50},
    {SQLITE_LIMIT_VDBE_OP, 250000},    {SQLITE_LIMIT_FUNCTION_ARG, 100},
    {SQLITE_LIMIT_ATTACHED, 0},        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 0}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};
static const struct {
    int option, value;
} settings[] = {
    {SQLITE_DBCONFIG_DQS_DDL, 0},     {SQLITE_DBCONFIG_DQS_DML, 0},
    {SQLITE_DBCONFIG_DEFENSIVE, 1},   {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
    {SQLITE_DBCONFIG_ENABLE_VIEW, 0}, {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
};

static int open_memory(struct query_db *q, sqlite3 **ret)
{
    int rc = sqlite3_open_v2(
        ":memory:", ret, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(*ret, 1);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        sqlite3_limit(*ret, limits[i].id, limits[i].value);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        sqlite3_db_config(*ret, settings[i].option, settings[i].value, (int *)NULL);
    sqlite3_progress_handler(*ret, PROGRESS_STEPS, is_overdue, q);
    return sqlite3_exec(*ret, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
}

/* The functions that are tables become known at their first use, which the authorizer would take
 * for the making of a table. */
static int know_table_functions(struct query_db *q)
{
    return sqlite3_exec(q->db, "SELECT 1 FROM json_each('[]'), json_tree('[]')", NULL, NULL, NULL);
}

/* In the place of SQLite's own, of which the list is made before. */
static int replace_functions(struct query_db *q)
{
    int rc = expr_fn_add_text(q->db, &q->clock);
    return rc == SQLITE_OK ? expr_fn_lend(q->db, q->judge, &q->clock, &q->lent) : rc;
}

static int function_add(struct query_db *q, const char *name)
{
    char **grown = reallocarray(q->functions, q->n_functions + 1, sizeof *grown);
    char *copy = name ? strdup(name) : NULL;
    if (grown)
        q->functions = grown;
    if (!grown || !copy) {
        free(copy);
        return SQLITE_NOMEM;
    }
    q->functions[q->n_functions++] = copy;
    return SQLITE_OK;
}

/* SQLITE_DETERMINISTIC is 0x800. */
static int list_functions(struct query_db *q)
{
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(q->db,
                                "SELECT DISTINCT name FROM pragma_function_list WHERE builtin AND "
                                "(flags & 2048 OR type <> 's') AND name <> 'sqlite_log'",
                                -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW &&
           (rc = function_add(q, (const char *)sqlite3_column_text(st, 0))) == SQLITE_OK)
        ;
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool same_but_case(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

static int table_init(struct query_db *q, struct query_table *t, const struct shape *s)
{
    *t = (struct query_table){.q = q, .s = s};
    t->twins = calloc(s->n_fields + 1, sizeof *t->twins);
    t->indexes = calloc(s->n_fields + 1, sizeof *t->indexes);
    if (!t->twins || !t->indexes)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < q->v->n_shapes; i++)
        t->twin |= q->v->shapes[i] != s && q->v->shapes[i]->kind == SHAPE_ITEM &&
                   same_but_case(q->v->shapes[i]->name, s->name);
    for (size_t i = 0; i < s->n_fields; i++)
        for (size_t k = 0; k < s->n_fields; k++)
            t->twins[i] |= i != k && same_but_case(s->fields[i].name, s->fields[k].name);
    return SQLITE_OK;
}

static int tables_init(struct query_db *q)
{
    q->tables = calloc(q->v->n_shapes + 1, sizeof *q->tables);
    if (!q->tables)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < q->v->n_shapes; i++)
        if (q->v->shapes[i]->kind == SHAPE_ITEM &&
            table_init(q, &q->tables[q->n_tables++], q->v->shapes[i]))
            return SQLITE_NOMEM;
    return SQLITE_OK;
}

static int open_all(struct query_db *q)
{
    int rc = open_memory(q, &q->db);
    if (rc == SQLITE_OK)
        rc = open_memory(q, &q->judge);
    if (rc == SQLITE_OK)
        rc = know_table_functions(q);
    if (rc == SQLITE_OK)
        rc = list_functions(q);
    if (rc == SQLITE_OK)
        rc = replace_functions(q);
    if (rc == SQLITE_OK)
        rc = tables_init(q);
    if (rc == SQLITE_OK)
        rc = query_tables_make(q);
    if (rc == SQLITE_OK)
        rc = sqlite3_set_authorizer(q->db, authorize, q);
    return rc;
}

int query_db_new(struct store_tx *tx, const struct version *v, const struct verb_caller *by,
                 struct query_db **ret, struct err *e)
{
    struct query_db *q = calloc(1, sizeof *q);
    if (!q)
        return err_nomem(e);
    q->tx = tx;
    q->v = v;
    q->by = by;
    q->clock = (struct expr_clock){is_overdue, q};
    int rc = open_all(q);
    if (rc == SQLITE_OK) {
        *ret = q;
        return 0;
    }
    query_db_free(q);
    if ((rc & 0xff) == SQLITE_NOMEM)
        return err_nomem(e);
    return err_set(e, ERR_IO, "SQLite in memory: %s", sqlite3_errstr(rc));
}

void query_db_free(struct query_db *q)
{
    if (!q)
        return;
    sqlite3_close(q->db);
    expr_fn_lent_free(q->lent);
    sqlite3_close(q->judge);
    for (size_t i = 0; i < q->n_tables; i++) {
        if (q->tables[i].indexes)
            query_indexes_drop(&q->tables[i]);
        free(q->tables[i].indexes);
        free(q->tables[i].twins);
    }
    free(q->tables);
    for (size_t i = 0; i < q->n_functions; i++)
        free(q->functions[i]);
    free(q->functions);
    free(q);
}

/* ---- What SQLite says ---- */

static const char *after(const char *message, const char *start)
{
    size_t n = strlen(start);
    return strncmp(message, start, n) == 0 ? message + n : NULL;
}

static int unknown(const struct query_db *q, const char *kind, const char *name,
                   const char *const *words, size_t n, struct err *e)
{
    const char *near = err_nearest(name, strlen(name), words, n);
    return err_set(e, ERR_INVALID, "%s has no %s \"%.100s\"%s%s%s", q->v->name, kind, name,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int unknown_table(const struct query_db *q, const char *name, struct err *e)
{
    const char **words = calloc(q->n_tables + 1, sizeof *words);
    if (!words)
        return err_nomem(e);
    for (size_t i = 0; i < q->n_tables; i++)
        words[i] = q->tables[i].s->name;
    unknown(q, "type", name, words, q->n_tables, e);
    free(words);
    return -1;
}

static int unknown_column(const struct query_db *q, const char *name, struct err *e)
{
    const char *dot = strrchr(name, '.');
    const char **words;
    size_t n = 1, k = 1;
    for (size_t i = 0; i < q->n_tables; i++)
        n += q->tables[i].s->n_fields;
    words = calloc(n, sizeof *words);
    if (!words)
        return err_nomem(e);
    words[0] = "_key";
    for (size_t i = 0; i < q->n_tables; i++)
        for (size_t f = 0; f < q->tables[i].s->n_fields; f++)
            words[k++] = q->tables[i].s->fields[f].name;
    bool elsewhere = false;
    for (size_t i = 0; i < n; i++)
        elsewhere |= strcmp(words[i], dot ? dot + 1 : name) == 0;
    if (elsewhere)
        err_set(e, ERR_INVALID, "no field \"%.100s\" in the types that it stands beside", name);
    else
        unknown(q, "field", dot ? dot + 1 : name, words, n, e);
    free(words);
    return -1;
}

/* Our own reason when there is one, else SQLite's message. */
static int said(struct query_db *q, int rc, struct err *e)
{
    const char *message = sqlite3_errmsg(q->db), *rest;
    if (q->why.code != ERR_NONE) {
        *e = q->why;
        return -1;
    }
    if ((rc & 0xff) == SQLITE_NOMEM)
        return err_nomem(e);
    if ((rest = after(message, "no such table: ")))
        return unknown_table(q, rest, e);
    if ((rest = after(message, "no such column: ")))
        return unknown_column(q, rest, e);
    if (strstr(message, " may not be modified"))
        return err_set(e, ERR_INVALID, "it is not one SELECT");
    if ((rest = after(message, "non-deterministic use of ")))
        return err_set(e, ERR_INVALID, "the time of day and the time zone may not be used by %.*s",
                       (int)strcspn(rest, " "), rest);
    return err_set(e, ERR_INVALID, "%s", message);
}

/* in_file: the error is about the query as its schema file has it. */
static int about(const struct query *query, bool in_file, const struct err *why, struct err *e)
{
    if (why->code == ERR_NO_MEMORY)
        return err_nomem(e);
    err_at(e, why->code, in_file ? query->line : 0, in_file ? query->column : 0, "query \"%s\": %s",
           query->name, why->text);
    if (why->expected[0])
        err_expected(e, "%s", why->expected);
    return err_field(e, why->field[0] ? why->field : query->name);
}

/* ---- Preparing ---- */

static int not_one_select(struct query_db *q, sqlite3_stmt *st, const char *tail, struct err *e)
{
    sqlite3_stmt *more = NULL;
    if (!st || !sqlite3_stmt_readonly(st) || sqlite3_column_count(st) == 0 ||
        sqlite3_stmt_isexplain(st))
        return err_set(e, ERR_INVALID, "it is not one SELECT");
    if (sqlite3_bind_parameter_count(st))
        return err_set(e, ERR_INVALID, "it holds a parameter");
    int rc = sqlite3_prepare_v2(q->db, tail, -1, &more, NULL);
    sqlite3_finalize(more);
    if ((rc & 0xff) == SQLITE_NOMEM)
        return err_nomem(e);
    if (rc != SQLITE_OK || more)
        return err_set(e, ERR_INVALID, "it is more than one statement");
    return 0;
}

static int prepare(struct query_db *q, const char *sql, sqlite3_stmt **ret, struct err *e)
{
    sqlite3_stmt *st = NULL;
    const char *tail = "";
    err_clear(&q->why);
    q->judging = true;
    int rc = sqlite3_prepare_v2(q->db, sql, -1, &st, &tail);
    rc = rc == SQLITE_OK ? not_one_select(q, st, tail, e) : said(q, rc, e);
    q->judging = false;
    if (rc) {
        sqlite3_finalize(st);
        return -1;
    }
    *ret = st;
    return 0;
}

static void begin(struct query_db *q, const char *sql, int64_t limit_ms)
{
    limit_length(q, sql);
    err_clear(&q->why);
    q->memory_base = sqlite3_memory_used();
    q->deadline_ms = clock_steady_ns() / 1000000 + limit_ms;
    q->running = true;
}

/* Over empty tables, so that what does not depend on items is evaluated: a 'now' is found. Other
 * errors may come from there being no items, and are none yet. */
static int try_empty(struct query_db *q, sqlite3_stmt *st, struct err *e)
{
    int rc;
    begin(q, sqlite3_sql(st), CHECK_TIME_MS);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        ;
    q->running = false;
    if ((rc & 0xff) == SQLITE_NOMEM)
        return err_nomem(e);
    if (rc != SQLITE_DONE && after(sqlite3_errmsg(q->db), "non-deterministic use of "))
        return said(q, rc, e);
    return 0;
}

static int check_one(struct query_db *q, const struct query *query, struct err *e)
{
    struct err why = ERR_INIT;
    sqlite3_stmt *st;
    if (prepare(q, query->sql, &st, &why))
        return about(query, true, &why, e);
    int rc = try_empty(q, st, &why);
    sqlite3_finalize(st);
    return rc ? about(query, true, &why, e) : 0;
}

int query_check_all(const struct version *v, struct err *e)
{
    struct query_db *q;
    int rc = 0;
    if (v->n_queries == 0)
        return 0;
    if (query_db_new(NULL, v, NULL, &q, e))
        return -1;
    for (size_t i = 0; i < v->n_queries && !rc; i++)
        rc = check_one(q, &v->queries[i], e);
    query_db_free(q);
    return rc;
}

/* ---- Running ---- */

/* Types that are derived from others have to be there before they are listed. */
static int derive_tables(struct query_db *q, struct err *e)
{
    for (size_t i = 0; i < q->n_tables; i++)
        if (q->tables[i].used && derive_view_tx(q->tx, q->v, q->tables[i].s->coll, e))
            return -1;
    return 0;
}

static int run_rows(struct query_db *q, sqlite3_stmt *st, query_row_fn fn, void *arg,
                    struct err *why)
{
    int rc;
    if (fn(arg, st, false, why))
        return -1;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        if (fn(arg, st, true, why))
            return -1;
    return rc == SQLITE_DONE ? 0 : said(q, rc, why);
}

int query_run(struct query_db *q, const struct query *query, query_row_fn fn, void *arg,
              struct err *e)
{
    struct err why = ERR_INIT;
    sqlite3_stmt *st = NULL;
    for (size_t i = 0; i < q->n_tables; i++)
        q->tables[i].used = false;
    if (prepare(q, query->sql, &st, &why))
        return about(query, false, &why, e);
    begin(q, query->sql, QUERY_TIME_LIMIT_MS);
    int rc = derive_tables(q, &why);
    if (!rc)
        rc = run_rows(q, st, fn, arg, &why);
    sqlite3_finalize(st);
    q->running = false;
    for (size_t i = 0; i < q->n_tables; i++)
        query_indexes_drop(&q->tables[i]);
    return rc ? about(query, false, &why, e) : 0;
}
