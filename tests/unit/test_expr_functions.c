/* Functions in expressions: they are SQLite's, and none of them takes longer or more than it may. */
#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "expr_rig.h"
#include "schemas/json.h"

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

int main(void)
{
    Suite *s = suite_create("expr_functions");
    TCase *t = tcase_create("expr_functions");
    SRunner *runner;
    tcase_add_checked_fixture(t, expr_setup, expr_teardown);
    tcase_add_test(t, expr_eval__large_values_are_bounded_in_size_and_time);
    tcase_add_loop_test(t, expr_eval__functions_of_texts_are_those_of_sqlite, 0, 2);
    tcase_add_test(t, expr_eval__substr_and_json_are_those_of_sqlite);
    tcase_add_loop_test(t, expr_eval__no_function_runs_on_for_long, 0,
                        sizeof slow_calls / sizeof *slow_calls);
    tcase_add_loop_test(t, expr_eval__no_chain_of_calls_runs_on_for_long, 0,
                        sizeof long_calls / sizeof *long_calls);
    tcase_set_timeout(t, 30);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
