/* Expressions: what is refused and how, exact values in and out, total evaluation. */
#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schemas/expr.h"
#include "schemas/json.h"

static struct expr_env *env;

static void setup(void)
{
    struct err e = ERR_INIT;
    ck_assert_int_eq(expr_env_new(&env, &e), 0);
}

static void teardown(void)
{
    expr_env_free(env);
}

static const struct type_ref string_type = {.base = T_STRING}, integer_type = {.base = T_INTEGER},
                             number_type = {.base = T_NUMBER}, boolean_type = {.base = T_BOOLEAN},
                             json_type = {.base = T_JSON}, date_type = {.base = T_DATE},
                             timestamp_type = {.base = T_TIMESTAMP},
                             tags_type = {.base = T_LIST, .elem = &string_type},
                             size_type = {.base = T_ENUM, .shape = 7};

static const char *sizes[] = {"small", "large"};
static struct shape size_shape = {
    .kind = SHAPE_ENUM, .id = 7, .name = "Size", .values = sizes, .n_values = 2};
static struct shape *const shapes[] = {&size_shape};

/* ---- Checking ---- */

static const char *const columns[] = {"breed", "age",  "_key",       "order",
                                      "Name",  "name", "say \"hi\"", "now_at"};
#define N_COLUMNS (sizeof columns / sizeof *columns)

static const struct {
    const char *sql, *reads; /* one character a column */
} legal[] = {
    {"1", "--------"},
    {"breed", "x-------"},
    {"BREED || Age", "xx------"},
    {"[breed]", "x-------"},
    {"upper(\"order\") -- a comment", "---x----"},
    {"'breed' /* age */ || _key", "--x-----"},
    {"Name || \"Name\"", "----x---"},
    {"`say \"hi\"`", "------x-"},
    {"\"say \"\"hi\"\"\"", "------x-"},
    {"CASE WHEN breed LIKE '%wire%' THEN 'wire' END", "x-------"},
    {"substr(breed, 1, instr(breed || ' ', ' ') - 1)", "x-------"},
    {"json_extract(breed, '$.a')", "x-------"},
    {"json_object('breed', breed, 'age', age)", "xx------"},
    {"date(breed, '+1 day')", "x-------"},
    {"strftime('%Y', breed)", "x-------"},
    {"max(age, 1)", "-x------"},
    {"age BETWEEN 1 AND 5 AND breed IS NOT NULL", "xx------"},
    {"age IN (1, 2, 3)", "-x------"},
    {"sqrt(age)", "-x------"},
    {"\n  breed\n", "x-------"},
};

START_TEST(expr_check__accepts_and_says_what_is_read)
{
    bool used[N_COLUMNS];
    char reads[N_COLUMNS + 1] = "";
    struct err e = ERR_INIT;
    int r = expr_check(env, legal[_i].sql, columns, N_COLUMNS, used, &e);
    ck_assert_msg(r == 0, "%s: %s", legal[_i].sql, e.text);
    for (size_t i = 0; i < N_COLUMNS; i++)
        reads[i] = used[i] ? 'x' : '-';
    ck_assert_msg(strcmp(reads, legal[_i].reads) == 0, "%s: %s", legal[_i].sql, reads);
}
END_TEST

static const struct {
    const char *sql, *text;
    unsigned column;
} refused[] = {
    {"", "the expression is empty", 0},
    {" -- nothing\n /**/ ", "the expression is empty", 0},
    {"breeed", "no field \"breeed\"; the nearest is \"breed\"", 1},
    {"age + xyzzy", "no field \"xyzzy\"", 7},
    {"'\xc3\xa4' || breedd", "no field \"breedd\"; the nearest is \"breed\"", 8},
    {"\"a text\"", "no field \"a text\"", 1},
    {"(SELECT 1)", "the expression holds a subquery", 0},
    {"EXISTS (SELECT 1 FROM sqlite_schema)", "the expression holds a subquery", 0},
    {"age IN (SELECT 1)", "the expression holds a subquery", 0},
    {"(VALUES (1))", "the expression holds a subquery", 0},
    {"age IN \"~row\"", "the expression holds a subquery", 0},
    {"count(*)", "misuse of aggregate function count()", 0},
    {"max(age)", "misuse of aggregate function max()", 0},
    {"row_number() OVER ()", "misuse of window function row_number()", 0},
    {"sum(age) OVER (ORDER BY age)", "misuse of window function sum()", 0},
    {"random()", "the expression calls a function that may give another result the next time", 0},
    {"age + randomblob(3)",
     "the expression calls a function that may give another result the next time", 0},
    {"changes()", "the expression calls a function that may give another result the next time", 0},
    {"load_extension('x')", "the expression may not call the function load_extension", 0},
    {"sqlite_version()", "the expression may not call the function sqlite_version", 0},
    {"CURRENT_TIMESTAMP", "the expression may not call the function CURRENT_TIMESTAMP", 0},
    {"date('now')", "the time of day and the time zone may not be used by date()", 0},
    {"datetime()", "the time of day and the time zone may not be used by datetime()", 0},
    {"strftime('%s')", "the time of day and the time zone may not be used by strftime()", 0},
    {"datetime('2020-01-01', 'localtime')",
     "the time of day and the time zone may not be used by datetime()", 0},
    {"1; DROP TABLE x", "the expression holds a \";\"", 2},
    {"age) FROM x --", "the expression holds a \")\" without its \"(\"", 4},
    {"age), (breed", "the expression holds a \")\" without its \"(\"", 4},
    {"lower(breed", "the expression holds a \"(\" without its \")\"", 6},
    {"age, breed", "the expression holds a \",\" between two values", 4},
    {"(age, breed)", "the expression is more than one value", 0},
    {"age /* and", "the expression holds a comment without an end", 5},
    {"age + ?1", "the expression holds a parameter, \"?1\"", 7},
    {"age + :age", "the expression holds a parameter, \":age\"", 7},
    {"age age", "near \"age\": syntax error", 5},
    {"age FROM t", "near \"FROM\": syntax error", 5},
    {"age +", "near \")\": syntax error", 0},
    {"'open", "unrecognized token: \"'open", 1},
    {"substrr(breed)", "no such function: substrr", 1},
    {"lower()", "wrong number of arguments to function lower()", 0},
    {"rowid", "no field \"rowid\"", 1},
    {"\"~t\".age", "the \".\" operator prohibited", 0},
    {"\"~key\"", "no field \"~key\"", 0},
    {"nAme", "\"nAme\" may be \"Name\" or \"name\"", 1},
    {"Name || name", "SQL can't tell the fields \"Name\" and \"name\" apart within one expression",
     0},
    {"\"~argument\"(0)", "no such function: ~argument", 0},
    {"breed = 'x' COLLATE klingon", "no such collation sequence: klingon", 0},
    {"RAISE(ABORT, 'x')", "RAISE() may only be used within a trigger-program", 0},
    {"\xff", "the expression is not valid UTF-8", 0},
};

START_TEST(expr_check__refuses_with_a_plain_reason)
{
    bool used[N_COLUMNS];
    struct err e = ERR_INIT;
    memset(used, 2, sizeof used);
    int r = expr_check(env, refused[_i].sql, columns, N_COLUMNS, used, &e);
    ck_assert_msg(r == -1, "%s: accepted", refused[_i].sql);
    ck_assert_int_eq(e.code, ERR_INVALID);
    ck_assert_msg(strncmp(e.text, refused[_i].text, strlen(refused[_i].text)) == 0, "%s: %s",
                  refused[_i].sql, e.text);
    if (refused[_i].column)
        ck_assert_msg(e.column == refused[_i].column, "%s: column %u", refused[_i].sql, e.column);
    /* The next check starts afresh. */
    err_clear(&e);
    ck_assert_msg(expr_check(env, "breed", columns, N_COLUMNS, used, &e) == 0, "%s", e.text);
}
END_TEST

START_TEST(expr_check__bounds_the_text)
{
    struct err e = ERR_INIT;
    bool used[N_COLUMNS];
    char *sql = malloc(EXPR_MAX_BYTES + 2);
    memset(sql, ' ', EXPR_MAX_BYTES + 1);
    sql[0] = '1';
    sql[EXPR_MAX_BYTES + 1] = '\0';
    ck_assert_int_eq(expr_check(env, sql, columns, N_COLUMNS, used, &e), -1);
    ck_assert_int_eq(e.code, ERR_INVALID);
    err_clear(&e);
    sql[EXPR_MAX_BYTES] = '\0';
    ck_assert_int_eq(expr_check(env, sql, columns, N_COLUMNS, used, &e), 0);
    memset(sql, '(', EXPR_MAX_BYTES / 2);
    memset(sql + EXPR_MAX_BYTES / 2, ')', EXPR_MAX_BYTES / 2);
    ck_assert_int_eq(expr_check(env, sql, columns, N_COLUMNS, used, &e), -1);
    free(sql);
}
END_TEST

START_TEST(expr_check__many_columns_cost_nothing_unless_named)
{
    enum { MANY = 2048 };
    static char names[MANY][16];
    const char *list[MANY];
    bool used[MANY];
    struct err e = ERR_INIT;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "field_%d", i);
        list[i] = names[i];
    }
    ck_assert_msg(expr_check(env, "field_2047 || field_5", list, MANY, used, &e) == 0, "%s",
                  e.text);
    ck_assert(used[2047] && used[5] && !used[6]);
}
END_TEST

/* ---- Evaluating ---- */

static char got[256];

/* One input, called v. NULL = unset, both ways. */
static const char *eval(const char *sql, const struct type_ref *in, const char *json,
                        const struct type_ref *out_type, const char *mend)
{
    const struct formula_input input = {.name = "v", .slot = SLOT_FIRST, .type = in};
    const struct formula f = {.uid = expr_new_uid(),
                              .out_type = out_type,
                              .out_name = "out",
                              .mend = span_of(mend),
                              .inputs = &input,
                              .n_inputs = 1,
                              .sql = sql,
                              .shapes = shapes,
                              .n_shapes = 1};
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct span span = span_of(json);
    struct err e = ERR_INIT;
    bool set = false;
    ck_assert_int_eq(expr_eval(env, &f, &span, (struct span){0}, &out, &set, &e), 0);
    snprintf(got, sizeof got, "%.*s", (int)out.n, out.p ? out.p : "");
    ck_assert(set || out.n == 0);
    return set ? got : NULL;
}

static const struct {
    const char *sql;
    const struct type_ref *in;
    const char *json;
    const struct type_ref *out;
    const char *want; /* NULL = does not fit */
} values[] = {
    /* What passes through stays as it is. */
    {"v", &string_type, "\"a\\\"\\n\xc3\xa4\"", &string_type, "\"a\\\"\\n\xc3\xa4\""},
    {"v", &string_type, "\"\"", &string_type, "\"\""},
    {"v", &number_type, "12.30", &number_type, "12.30"},
    {"v", &number_type, "0.1", &number_type, "0.1"},
    {"v", &number_type, "-0", &number_type, "-0"},
    {"v", &number_type, "1e400", &number_type, "1e400"},
    {"v", &number_type, "0.30000000000000004", &number_type, "0.30000000000000004"},
    {"v", &integer_type, "12345678901234567890", &integer_type, "12345678901234567890"},
    {"v", &integer_type, "-9223372036854775808", &integer_type, "-9223372036854775808"},
    {"coalesce(v, 1)", &integer_type, "9223372036854775808", &integer_type, "9223372036854775808"},
    {"v", &boolean_type, "true", &boolean_type, "true"},
    {"v", &tags_type, "[\n    \"a, b\",\n    \"c\"\n  ]", &tags_type,
     "[\n    \"a, b\",\n    \"c\"\n  ]"},
    {"v", &json_type, "\"text\"", &json_type, "\"text\""},
    {"v", &json_type, "1.50", &json_type, "1.50"},
    {"v", &size_type, "\"large\"", &size_type, "\"large\""},
    /* Conversions as people write them. */
    {"CAST(v AS TEXT)", &number_type, "12.30", &string_type, "\"12.30\""},
    {"CAST(v AS TEXT)", &integer_type, "12345678901234567890", &string_type,
     "\"12345678901234567890\""},
    {"CAST(v AS REAL)", &string_type, "\"52.5\"", &number_type, "52.5"},
    {"CAST(v AS REAL)", &string_type, "\"5\"", &number_type, "5.0"},
    {"CAST(v AS INTEGER)", &string_type, "\"12 years\"", &integer_type, "12"},
    {"v", &string_type, "\"007\"", &integer_type, NULL},
    {"v", &string_type, "\"7\"", &integer_type, "7"},
    {"v", &string_type, "\"12.30\"", &number_type, "12.30"},
    {"v", &number_type, "5.0", &integer_type, "5"},
    {"v", &number_type, "5.00", &integer_type, "5"},
    {"v", &number_type, "5.5", &integer_type, NULL},
    {"v * 2", &number_type, "12.30", &number_type, "24.6"},
    {"v * 1e300 * 1e300", &number_type, "1.5", &number_type, NULL},
    {"1.0 / 3", &number_type, "1", &number_type, "0.3333333333333333"},
    {"v", &integer_type, "5", &string_type, "\"5\""},
    {"v = 'a'", &string_type, "\"a\"", &boolean_type, "true"},
    {"v + 1", &boolean_type, "true", &boolean_type, NULL},
    /* Numbers compare as numbers, whatever they were handed over as. */
    {"v > 5", &number_type, "-12.30", &boolean_type, "false"},
    {"v BETWEEN 12 AND 13", &number_type, "12.30", &boolean_type, "true"},
    {"v > 5", &integer_type, "-12345678901234567890", &boolean_type, "false"},
    {"v IN (12.3)", &number_type, "12.30", &boolean_type, "true"},
    {"CASE v WHEN 12.3 THEN 1 ELSE 0 END", &number_type, "12.30", &boolean_type, "true"},
    {"v = 5", &string_type, "\"5\"", &boolean_type, "true"},
    /* null and unset are NULL, which does not fit. */
    {"v", &string_type, NULL, &string_type, NULL},
    {"v", &string_type, "null", &string_type, NULL},
    {"coalesce(v, 'x')", &string_type, "null", &string_type, "\"x\""},
    {"'null'", &string_type, "null", &json_type, "null"},
    {"'null'", &string_type, "null", &tags_type, NULL},
    /* Types are kept. */
    {"'2024-02-30'", &string_type, NULL, &date_type, NULL},
    {"'2024-02-29'", &string_type, NULL, &date_type, "\"2024-02-29\""},
    {"v || 'T00:00:00Z'", &date_type, "\"2024-02-29\"", &timestamp_type,
     "\"2024-02-29T00:00:00Z\""},
    {"'huge'", &string_type, NULL, &size_type, NULL},
    {"x'00ff'", &string_type, NULL, &string_type, NULL},
    {"CAST(x'ff' AS TEXT)", &string_type, NULL, &string_type, NULL},
    {"'a' || char(0) || 'b'", &string_type, NULL, &string_type, NULL},
    {"json_array(v, 'b')", &string_type, "\"a\"", &tags_type, "[\n    \"a\",\n    \"b\"\n  ]"},
    {"json_array(v, 1)", &string_type, "\"a\"", &tags_type, NULL},
    {"json_extract(v, '$[1]')", &tags_type, "[\n    \"a\",\n    \"b\"\n  ]", &string_type, "\"b\""},
    {"'not json'", &string_type, NULL, &json_type, "\"not json\""},
    {"json_object('a', 1)", &string_type, NULL, &json_type, "{\n    \"a\": 1\n  }"},
    {"2.5", &string_type, NULL, &json_type, "2.5"},
    /* Dates, in pure form. */
    {"date(v, '+1 day')", &date_type, "\"2024-02-29\"", &date_type, "\"2024-03-01\""},
    {"strftime('%Y', v)", &date_type, "\"2024-02-29\"", &integer_type, "2024"},
    {"julianday(v)", &date_type, "\"2000-01-01\"", &number_type, "2451544.5"},
    {"unixepoch(v)", &date_type, "\"1970-01-02\"", &integer_type, "86400"},
    {"date(v)", &string_type, "\"now\"", &string_type, NULL},
    {"datetime('2024-01-01', v)", &string_type, "\"localtime\"", &string_type, NULL},
    {"date(v) || date(v, '+1 day')", &date_type, "\"2024-02-28\"", &string_type,
     "\"2024-02-282024-02-29\""},
    /* Errors. */
    {"json_extract(v, '$.a')", &string_type, "\"{\"", &string_type, NULL},
    {"abs(v)", &integer_type, "-9223372036854775808", &integer_type, NULL},
    {"printf('%1000000000d', 1)", &string_type, NULL, &string_type, NULL},
    {"hex(zeroblob(1000000000))", &string_type, NULL, &string_type, NULL},
};

START_TEST(expr_eval__values_are_exact_and_fit)
{
    const char *r = eval(values[_i].sql, values[_i].in, values[_i].json, values[_i].out, NULL);
    if (values[_i].want)
        ck_assert_msg(r && strcmp(r, values[_i].want) == 0, "%s of %s: %s", values[_i].sql,
                      values[_i].json, r ? r : "unset");
    else
        ck_assert_msg(!r, "%s of %s: %s", values[_i].sql, values[_i].json, r);
}
END_TEST

START_TEST(expr_eval__mend_stands_in)
{
    ck_assert_str_eq(eval("v", &string_type, NULL, &integer_type, "0"), "0");
    ck_assert_str_eq(eval("'x'", &string_type, NULL, &integer_type, "0"), "0");
    ck_assert_str_eq(eval("abs(-9223372036854775808)", &string_type, NULL, &integer_type, "7"),
                     "7");
    ck_assert_str_eq(eval("no such thing", &string_type, NULL, &integer_type, "8"), "8");
}
END_TEST

START_TEST(expr_eval__takes_inputs_by_name_in_any_order)
{
    const struct formula_input inputs[] = {
        {.name = "zz", .slot = SLOT_FIRST, .type = &integer_type},
        {.name = "order", .slot = SLOT_FIRST + 1, .type = &string_type},
        {.name = "_key", .slot = SLOT_KEY, .type = &string_type}};
    struct formula f = {.uid = expr_new_uid(),
                        .out_type = &string_type,
                        .inputs = inputs,
                        .n_inputs = 3,
                        .sql = "_key || '/' || \"order\" || zz"};
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    bool set;
    for (int i = 0; i < 3; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        const struct span spans[] = {span_of(number), span_of("\"o\""), span_of("\"rex\"")};
        buf_reset(&out);
        ck_assert_int_eq(expr_eval(env, &f, spans, (struct span){0}, &out, &set, &e), 0);
        char want[32];
        snprintf(want, sizeof want, "\"rex/o%d\"", i);
        ck_assert_str_eq(buf_str(&out), want);
    }
}
END_TEST

static int answer(const struct formula *f, const struct span *inputs, struct span prev,
                  struct buf *out, bool *ret_set, struct err *e)
{
    (void)inputs, (void)e;
    *ret_set = prev.p != NULL;
    return prev.p && !buf_adds(out, f->fn_arg) ? -1 : 0;
}

START_TEST(expr_eval__runs_functions)
{
    const struct formula f = {.uid = expr_new_uid(),
                              .out_type = &string_type,
                              .fn = answer,
                              .fn_arg = "\"x\"",
                              .mend = span_of("\"m\"")};
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    bool set;
    ck_assert_int_eq(expr_eval(env, &f, NULL, span_of("1"), &out, &set, &e), 0);
    ck_assert_str_eq(buf_str(&out), "\"x\"");
    ck_assert_int_eq(expr_eval(env, &f, NULL, (struct span){0}, &out, &set, &e), 0);
    ck_assert_str_eq(buf_str(&out), "\"x\"\"m\"");
}
END_TEST

START_TEST(expr_eval__more_formulas_than_the_cache_holds)
{
    enum { MANY = 3000 };
    uint64_t first = expr_new_uid() + 1;
    static char sql[MANY][32];
    struct formula f = {.out_type = &integer_type};
    struct err e = ERR_INIT;
    bool set;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(sql[i], sizeof sql[i], "%u + 1", i);
        ck_assert(expr_new_uid() == first + i);
    }
    for (unsigned i = 0; i < 2 * MANY; i += i < MANY ? 1 : 7) {
        struct buf out BUF_CLEANUP = BUF_INIT;
        f.uid = first + i % MANY;
        f.sql = sql[i % MANY];
        ck_assert_int_eq(expr_eval(env, &f, NULL, (struct span){0}, &out, &set, &e), 0);
        ck_assert_uint_eq(strtoul(buf_str(&out), NULL, 10), i % MANY + 1);
    }
}
END_TEST

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

START_TEST(expr_eval__large_values_are_bounded_in_size_and_time)
{
    struct buf json BUF_CLEANUP = BUF_INIT;
    bool added = buf_addc(&json, '"');
    for (int i = 0; i < 3 * 1024 * 1024; i++)
        added = buf_addc(&json, 'a') && added;
    ck_assert(buf_addc(&json, '"') && added);
    ck_assert(!eval("v || v", &string_type, buf_str(&json), &string_type, NULL));
    ck_assert_str_eq(eval("length(v)", &string_type, buf_str(&json), &integer_type, NULL),
                     "3145728");
    double start = now();
    struct buf sql BUF_CLEANUP = BUF_INIT;
    ck_assert(buf_adds(&sql, "0"));
    for (int i = 0; i < 250; i++)
        ck_assert(buf_adds(&sql, " + length(replace(v, 'a', 'b'))"));
    eval(buf_str(&sql), &string_type, buf_str(&json), &integer_type, NULL);
    ck_assert_double_lt(now() - start, 2.0);
}
END_TEST

/* What SQLite's own functions say of it, in the same words. */
static void compare_with_sqlite(sqlite3 *plain, const char *call, unsigned *ret_told)
{
    char *ours = sqlite3_mprintf("quote(%s)", call),
         *sql = sqlite3_mprintf("SELECT quote(%s)", call);
    sqlite3_stmt *stmt = NULL;
    struct buf want BUF_CLEANUP = BUF_INIT;
    ck_assert_int_eq(sqlite3_prepare_v2(plain, sql, -1, &stmt, NULL), SQLITE_OK);
    const char *said = eval(ours, &string_type, "\"x\"", &string_type, NULL);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        size_t n = (size_t)sqlite3_column_bytes(stmt, 0);
        if (utf8_valid(text, n)) { /* else our strings can't hold it */
            ck_assert(json_write_string((struct span){text, n}, &want));
            ck_assert_msg(said && strcmp(said, buf_str(&want)) == 0, "%s: %s, not %s", call, said,
                          buf_str(&want));
            ++*ret_told;
        }
    } else {
        ck_assert_msg(!said, "%s: %s, not an error", call, said);
    }
    sqlite3_finalize(stmt);
    sqlite3_free(ours);
    sqlite3_free(sql);
}

static const char *const pair_calls[] = {
    "instr(%s, %s)",   "trim(%s, %s)",
    "ltrim(%s, %s)",   "rtrim(%s, %s)",
    "%s LIKE %s",      "%s GLOB %s",
    "upper(%s) || %s", "lower(%s) || %s",
    "substr(%s, %s)",  "json_array(json_quote(%s), %s)",
};
static const char *const triple_calls[] = {"replace(%s, %s, %s)", "%s LIKE %s ESCAPE %s",
                                           "printf('%%%%s %%%%.1f %%%%q', %s, %s, %s)"};
static const char *const some_values[] = {
    "NULL",
    "''",
    "'a'",
    "'aab'",
    "'%'",
    "'a\\%'",
    "'\xc3\xa4'",
    "x'61'",
    "CAST(x'80' AS TEXT)",
    "12",
    "'%a_'",
    "'AaBaab'",
    "char(228, 97, 228)",
    "x'c3a4'",
    "x'a4'",
    "CAST(x'c3' AS TEXT)",
    "x''",
    "1.5",
    "' a '",
    "'%b'",
    "'_'",
    "'%_b'",
    "'\xc3\xa4%'",
    "'[a-b]*'",
    "'[^a]*'",
    "'*[b]'",
    "'[]a]'",
    "'[a'",
    "'*a?b'",
    "'*'",
    "'[a-]%'",
    "'%a%a%b'",
    "'\\'",
    "'a' || char(0) || 'b'",
};
enum { N_VALUES = sizeof some_values / sizeof *some_values, N_SHORT = 13 };

START_TEST(expr_eval__functions_of_texts_are_those_of_sqlite)
{
    sqlite3 *plain;
    char call[200];
    unsigned told = 0, half = _i % 2;
    ck_assert_int_eq(sqlite3_open(":memory:", &plain), SQLITE_OK);
    for (unsigned i = half; i < N_VALUES; i += 2)
        for (unsigned j = 0; j < N_VALUES; j++)
            for (unsigned k = 0; k < sizeof pair_calls / sizeof *pair_calls; k++) {
                sqlite3_snprintf(sizeof call, call, pair_calls[k], some_values[i], some_values[j]);
                compare_with_sqlite(plain, call, &told);
            }
    for (unsigned i = half; i < N_SHORT; i += 2)
        for (unsigned j = 0; j < N_SHORT * N_SHORT; j++)
            for (unsigned k = 0; k < sizeof triple_calls / sizeof *triple_calls; k++) {
                sqlite3_snprintf(sizeof call, call, triple_calls[k], some_values[i],
                                 some_values[j / N_SHORT], some_values[j % N_SHORT]);
                compare_with_sqlite(plain, call, &told);
            }
    ck_assert_uint_gt(told, 2000);
    sqlite3_close(plain);
}
END_TEST

/* Everything that substr can be asked for, and how a value of JSON is told from a text. */
START_TEST(expr_eval__substr_and_json_are_those_of_sqlite)
{
    static const char *const texts[] = {
        "''",
        "'abcde'",
        "'\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x95x'",
        "x'0102030405'",
        "x''",
        "12345",
        "NULL",
        "CAST(x'61c380808062' AS TEXT)",
        "CAST(x'80618062' AS TEXT)",
        "'a' || char(0) || 'b'",
    };
    static const char *const json[] = {
        "json_array(json_extract('[\"1\", [2], null]', '$[%d]'))",
        "json_array(json_extract('[1, [2]]', '$[%d]', '$[1]'))",
        "json_array('[1, [2], \"x\"]' -> %d, '[1, [2], \"x\"]' ->> %d)",
        "json_object('k', json_remove('[1, 2]', '$[%d]'), 'l', json('[%d]'))",
        "json_array(json_quote(json('[%d]')), json_replace('[3, 4]', '$[%d]', json('{}')))",
        "json_type('[1, \"a\", {}]', '$[%d]')",
        "json_array_length('[1, [2, 3]]', '$[%d]')",
        "hex(printf('%%c', char(%d + 70)))",
        "quote('it''s' || %d)",
        "json_valid('[' || %d)",
    };
    sqlite3 *plain;
    char call[200];
    unsigned told = 0;
    ck_assert_int_eq(sqlite3_open(":memory:", &plain), SQLITE_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int from = -8; from <= 8; from++)
            for (int n = -8; n <= 9; n++) {
                snprintf(call, sizeof call, n == 9 ? "substr(%s, %d)" : "substring(%s, %d, %d)",
                         texts[i], from, n);
                compare_with_sqlite(plain, call, &told);
            }
    for (size_t i = 0; i < sizeof json / sizeof *json; i++)
        for (int n = -1; n <= 3; n++) {
            snprintf(call, sizeof call, json[i], n, n);
            compare_with_sqlite(plain, call, &told);
        }
    ck_assert_uint_gt(told, 2000);
    sqlite3_close(plain);
}
END_TEST

static const struct {
    const char *sql;  /* of v, two million "a" */
    const char *want; /* NULL = nothing, as it would take too long */
} slow_calls[] = {
    {"instr(v, substr(v, 1, 1000000) || 'b')", "0"},
    {"length(replace(v, substr(v, 1, 1000000) || 'b', 'c'))", "2000000"},
    {"length(replace(v, 'a', v))", NULL},
    {"length(replace(v, 'a', 'bc'))", "4000000"},
    {"v LIKE '%' || substr(v, 1, 990) || 'b'", NULL},
    {"v GLOB '*' || substr(v, 1, 990) || 'b'", NULL},
    {"substr(v, 1, 100000) LIKE '%a%a%a%b'", "0"},
    {"length(trim(v, printf('%.*c', 2000, 'b') || 'a'))", NULL},
    {"length(rtrim(v, printf('%.*c', 1000000, 'b') || 'a'))", NULL},
    {"length(trim(substr(v, 1, 100000), 'ba'))", "0"},
    {"length(json_set('[]', '$' || replace(substr(v, 1, 600000), 'a', '[0]'), 1))", NULL},
    {"length(json_patch('{' || replace(substr(v, 1, 100000), 'a', '\"a\":1,') || '\"b\":1}', "
     "'{' || replace(substr(v, 1, 100000), 'a', '\"c\":1,') || '\"b\":1}'))",
     NULL},
    {"length(json_extract('[' || replace(v, 'a', '1,') || '1]', '$', '$', '$', '$', '$'))", NULL},
    {"length(json_remove('[' || replace(v, 'a', '1,') || '1]', '$[1]', '$[2]', '$[3]', '$[4]', "
     "'$[5]'))",
     NULL},
    {"length(json_replace('[' || replace(v, 'a', '1,') || '1]', '$[1]', 1, '$[2]', 2, '$[3]', 3, "
     "'$[4]', 4, '$[5]', 5))",
     NULL},
    {"length(json_array(v, v, v, v, v, v, v, v, v))", NULL},
    {"length(strftime(substr(v, 1, 100000), '2020-01-01'))", NULL},
    {"json_extract('[' || replace(substr(v, 1, 300000), 'a', '1,') || '7]', '$[300000]')", "7"},
    {"json_array(json_patch('{\"a\":1}', '{\"b\":2}'), json_set('{}', '$.a', json('[1]')))",
     "\"[{\\\"a\\\":1,\\\"b\\\":2},{\\\"a\\\":[1]}]\""},
};

START_TEST(expr_eval__no_function_runs_on_for_long)
{
    struct buf json BUF_CLEANUP = BUF_INIT;
    bool added = buf_addc(&json, '"');
    for (int i = 0; i < 2000000; i++)
        added = added && buf_addc(&json, 'a');
    ck_assert(added && buf_addc(&json, '"'));
    const char *want = slow_calls[_i].want;
    const struct type_ref *type = want && *want == '"' ? &string_type : &integer_type;
    const char *said = eval(slow_calls[_i].sql, &string_type, buf_str(&json), type, NULL);
    if (want) {
        ck_assert_msg(said && strcmp(said, want) == 0, "%s: %s", slow_calls[_i].sql, said);
        return;
    }
    ck_assert_msg(!said, "%s: %s", slow_calls[_i].sql, said);
    struct buf check BUF_CLEANUP = BUF_INIT;
    const struct expr_column list[] = {{"v", &string_type, buf_span(&json)}};
    struct err e = ERR_INIT;
    int r = 7;
    ck_assert(buf_printf(&check, "NOT (%s)", slow_calls[_i].sql));
    ck_assert_int_eq(expr_condition(env, expr_new_uid(), buf_str(&check), list, 1, &r, &e), 0);
    ck_assert_int_eq(r, -1);
}
END_TEST

/* Each again and again, as often as an expression's length and depth let it. v is JSON of 3 MiB. */
static const char *const long_calls[] = {
    "length(json_extract(v, '$[9]', '$[9]', '$[9]', '$[9]', '$[9]', '$[9]'))",
    "length(json_extract(v, '$', '$', '$'))",
    "length(json_remove(v, '$[9]', '$[9]', '$[9]'))",
    "length(json_replace(v, '$[9]', 1, '$[8]', 1))",
    "length(json_set(v, '$[9]', 1, '$[8]', 1))",
    "json_type(v, '$[500000]')",
    "json_array_length(v)",
    "json_valid(v)",
    "length(v -> 9)",
    "length(v ->> 9)",
    "length(json(v))",
    "length(json_quote(v))",
    "length(json_array(v))",
    "length(json_object('a', v))",
    "length(json_patch(v, '{}'))",
    "length(upper(lower(v)))",
    "length(hex(hex(substr(v, 1, 900000))))",
    "length(quote(v))",
    "length(v || 'x')",
    "instr(v, 'x')",
    "CAST(v AS INTEGER)",
    "length(printf('%s', v))",
    /* without reading v */
    "length(upper(printf('%.*c', 4000000, 'a')))",
    "length(printf('%4000000d', 1))",
    "length(hex(zeroblob(2000000)))",
    "length(replace(printf('%.*c', 60000, 'a'), 'a', printf('%60d', 1)))",
    "length(json_quote(printf('%.*c', 60000, char(1))))",
    "length(hex(hex(hex(hex(hex(hex(printf('%60000d', 1))))))))",
    "length(strftime(printf('%.*c', 4000000, '%'), '2020-01-01'))",
};

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void evaluate_in_time(const char *sql, const char *json)
{
    double start = cpu_now();
    eval(sql, &json_type, json, &integer_type, NULL);
    double took = cpu_now() - start;
    ck_assert_msg(took < 1.0, "%.80s: %.1f s", sql, took);
}

START_TEST(expr_eval__no_chain_of_calls_runs_on_for_long)
{
    struct buf json BUF_CLEANUP = BUF_INIT, sum BUF_CLEANUP = BUF_INIT, nest BUF_CLEANUP = BUF_INIT;
    const char *call = long_calls[_i];
    bool ok = buf_addc(&json, '[');
    for (int i = 0; i < 1500000; i++)
        ok = ok && buf_adds(&json, "1,");
    ok = ok && buf_adds(&json, "1]") && buf_adds(&sum, "0");
    for (size_t i = 0; i < 250; i++) /* the depth that SQLite is given is 300 */
        ok = ok && sum.n + strlen(call) + 9 < EXPR_MAX_BYTES && buf_printf(&sum, "+(%s)", call);
    /* and as many as an expression's bytes hold, side by side */
    ok = ok && buf_adds(&nest, "max(0");
    for (size_t i = 0, k; ok && i < 98; i++) {
        ok = buf_adds(&nest, ",max(0");
        for (k = 0; ok && k < 98 && nest.n + strlen(call) + 300 < EXPR_MAX_BYTES; k++)
            ok = buf_printf(&nest, ",%s", call);
        ok = ok && buf_addc(&nest, ')');
    }
    ck_assert(ok && buf_addc(&nest, ')'));
    evaluate_in_time(buf_str(&sum), buf_str(&json));
    evaluate_in_time(buf_str(&nest), buf_str(&json));
}
END_TEST

START_TEST(expr_condition__is_true_false_or_unknown)
{
    static const struct {
        const char *sql, *json;
        int want;
    } rows[] = {
        {"age >= 0", "5", 1},
        {"age >= 0", "-5", 0},
        {"age >= 0", NULL, -1},
        {"age >= 0", "-0.10", 0},
        {"0.5", NULL, 1},
        {"'x'", NULL, 0},
        {"'1'", NULL, 1},
        {"age / 0 > 1", "5", -1},
        {"date('now') > age", "5", -1},
        {"abs(-9223372036854775808)", "1", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct expr_column list[] = {{"name", &string_type, span_of("\"x\"")},
                                           {"age", &number_type, span_of(rows[i].json)}};
        struct err e = ERR_INIT;
        int r = 7;
        ck_assert_int_eq(expr_condition(env, expr_new_uid(), rows[i].sql, list, 2, &r, &e), 0);
        ck_assert_msg(r == rows[i].want, "%s of %s: %d", rows[i].sql, rows[i].json, r);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("expr");
    TCase *t = tcase_create("expr");
    SRunner *runner;
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, expr_check__accepts_and_says_what_is_read, 0,
                        sizeof legal / sizeof *legal);
    tcase_add_loop_test(t, expr_check__refuses_with_a_plain_reason, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(t, expr_check__bounds_the_text);
    tcase_add_test(t, expr_check__many_columns_cost_nothing_unless_named);
    tcase_add_loop_test(t, expr_eval__values_are_exact_and_fit, 0, sizeof values / sizeof *values);
    tcase_add_test(t, expr_eval__mend_stands_in);
    tcase_add_test(t, expr_eval__takes_inputs_by_name_in_any_order);
    tcase_add_test(t, expr_eval__runs_functions);
    tcase_add_test(t, expr_eval__more_formulas_than_the_cache_holds);
    tcase_add_test(t, expr_eval__large_values_are_bounded_in_size_and_time);
    tcase_add_loop_test(t, expr_eval__functions_of_texts_are_those_of_sqlite, 0, 2);
    tcase_add_test(t, expr_eval__substr_and_json_are_those_of_sqlite);
    tcase_add_loop_test(t, expr_eval__no_function_runs_on_for_long, 0,
                        sizeof slow_calls / sizeof *slow_calls);
    tcase_add_loop_test(t, expr_eval__no_chain_of_calls_runs_on_for_long, 0,
                        sizeof long_calls / sizeof *long_calls);
    tcase_add_test(t, expr_condition__is_true_false_or_unknown);
    tcase_set_timeout(t, 30);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
