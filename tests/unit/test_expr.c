/* Expressions: what is refused and how, exact values in and out, total evaluation. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr_rig.h"
#include "schemas/json.h"

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
    ck_assert_str_eq(eval("v", &string_type, "null", &integer_type, "0"), "0");
    ck_assert_ptr_null(eval("v", &string_type, NULL, &integer_type, "0")); /* unset stays unset */
    ck_assert_str_eq(eval("'x'", &string_type, "\"q\"", &integer_type, "0"), "0");
    ck_assert_str_eq(eval("abs(-9223372036854775808)", &string_type, "\"q\"", &integer_type, "7"),
                     "7");
    ck_assert_str_eq(eval("no such thing", &string_type, "\"q\"", &integer_type, "8"), "8");
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
    tcase_add_checked_fixture(t, expr_setup, expr_teardown);
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
    tcase_add_test(t, expr_condition__is_true_false_or_unknown);
    tcase_set_timeout(t, 30);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
