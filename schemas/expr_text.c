/* SQL around an expression, and SQLite's messages put into ours. */
#include "expr_impl.h"

#include <stdio.h>
#include <strings.h>

/* Functions that SQLite takes for deterministic, which they are within one statement. */
static const char *const refused_functions[] = {
    "current_date",   "current_time",     "current_timestamp",         "load_extension",
    "sqlite_version", "sqlite_source_id", "sqlite_compileoption_used", "sqlite_compileoption_get",
};

bool expr_text_may_call(const char *function)
{
    for (size_t i = 0; i < sizeof refused_functions / sizeof *refused_functions; i++)
        if (strcasecmp(function, refused_functions[i]) == 0)
            return false;
    return true;
}

static bool add_name(struct buf *out, const char *name)
{
    bool ok = buf_addc(out, '"');
    for (; ok && *name; name++)
        ok = (*name != '"' || buf_addc(out, '"')) && buf_addc(out, *name);
    return ok && buf_addc(out, '"');
}

/* A line break after the text ends a comment that it may end with. */
static bool add_expression(struct buf *out, const char *sql, size_t *ret_start)
{
    *ret_start = out->n;
    return buf_adds(out, sql) && buf_adds(out, "\n)");
}

static char affinity_letter(const struct type_ref *t)
{
    static const char letters[] = {
        [SQL_AFFINITY_TEXT] = 't', [SQL_AFFINITY_NUMERIC] = 'n', [SQL_AFFINITY_NONE] = 'b'};
    return letters[expr_value_affinity(t)];
}

bool expr_text_select(const char *sql, const char *const *names,
                      const struct type_ref *const *types, const uint16_t *at, size_t n,
                      struct buf *out, size_t *ret_start)
{
    bool ok = buf_adds(out, "SELECT (") && add_expression(out, sql, ret_start);
    for (size_t i = 0; ok && i < n; i++) {
        char letter = types ? affinity_letter(types[at[i]]) : 'b';
        ok = buf_printf(out, "%s%c%zu AS ", i ? ", " : " FROM (SELECT ", letter, i) &&
             add_name(out, names[at[i]]);
    }
    return ok && (n == 0 || buf_adds(out, " FROM \"~row\")"));
}

bool expr_text_table(const char *sql, const char *const *names, const uint16_t *at, size_t n,
                     struct buf *out, size_t *ret_start)
{
    bool ok = buf_adds(out, "CREATE TABLE \"~t\"(\"~key\"");
    for (size_t i = 0; ok && i < n; i++)
        ok = buf_adds(out, ", ") && add_name(out, names[at[i]]);
    return ok && buf_adds(out, ", \"~result\" AS (") && add_expression(out, sql, ret_start) &&
           buf_addc(out, ')');
}

/* What SQLite's message starts with, and how ours does; the rest follows. */
static const struct {
    const char *theirs, *ours;
    bool drop_rest;
} phrases[] = {
    {"subqueries prohibited", "the expression holds a subquery", true},
    {"non-deterministic functions prohibited",
     "the expression calls a function that may give another result the next time", true},
    {"non-deterministic use of ", "the time of day and the time zone may not be used by ", false},
    {"not authorized to use function: ", "the expression may not call the function ", false},
    {"not authorized", "the expression reads more than the item's fields", true},
    {"incomplete input", "the expression ends too early", true},
    {"row value misused", "the expression is more than one value", true},
};

static void rephrase(const char *message, char *ret, size_t size)
{
    static const char noise[] = " in a generated column";
    const char *start = "";
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        size_t n = strlen(phrases[i].theirs);
        if (strncmp(message, phrases[i].theirs, n) != 0)
            continue;
        start = phrases[i].ours;
        message = phrases[i].drop_rest ? "" : message + n;
        break;
    }
    const char *end = strstr(message, noise);
    int n = end ? (int)(end - message) : (int)strlen(message);
    snprintf(ret, size, "%s%.*s", start, n, message);
}

int expr_text_error(const char *sql, const char *message, long offset, const char *const *names,
                    size_t n, struct err *e)
{
    static const char unknown[] = "no such column: ";
    char text[400];
    unsigned column =
        offset >= 0 && offset < (long)strlen(sql) ? expr_scan_column(sql, (size_t)offset) : 0;
    if (strncmp(message, unknown, sizeof unknown - 1) == 0) {
        const char *name = message + sizeof unknown - 1;
        const char *near = err_nearest(name, strlen(name), names, n);
        if (near)
            return err_at(e, ERR_INVALID, 0, column, "no field \"%s\"; the nearest is \"%s\"", name,
                          near);
        return err_at(e, ERR_INVALID, 0, column, "no field \"%s\"", name);
    }
    rephrase(message, text, sizeof text);
    return err_at(e, ERR_INVALID, 0, column, "%s", text);
}
