/* Conversions without loss: forward and back gives the same; backward is total. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/convert.h"
#include "schemas/model.h"

static const struct type_ref string_type = {.base = T_STRING}, integer_type = {.base = T_INTEGER},
                             number_type = {.base = T_NUMBER}, boolean_type = {.base = T_BOOLEAN},
                             json_type = {.base = T_JSON}, date_type = {.base = T_DATE},
                             timestamp_type = {.base = T_TIMESTAMP}, uuid_type = {.base = T_UUID},
                             bytes_type = {.base = T_BYTES},
                             integers_type = {.base = T_LIST, .elem = &integer_type},
                             numbers_type = {.base = T_LIST, .elem = &number_type},
                             strings_type = {.base = T_LIST, .elem = &string_type},
                             dates_type = {.base = T_MAP, .elem = &date_type},
                             timestamps_type = {.base = T_MAP, .elem = &timestamp_type},
                             deep_type = {.base = T_LIST, .elem = &integers_type},
                             deeper_type = {.base = T_LIST, .elem = &strings_type},
                             ref_type = {.base = T_REF, .shape = 5},
                             refs_type = {.base = T_LIST, .elem = &ref_type},
                             size_type = {.base = T_ENUM, .shape = 7},
                             wide_type = {.base = T_ENUM, .shape = 9},
                             home_type = {.base = T_OBJECT, .shape = 8},
                             owned_type = {.base = T_OBJECT, .shape = 10};

static const char *sizes[] = {"small", "large"}, *wide[] = {"large", "huge", "small"};
static struct shape size_shape = {
    .kind = SHAPE_ENUM, .id = 7, .name = "Size", .values = sizes, .n_values = 2};
static struct shape wide_shape = {
    .kind = SHAPE_ENUM, .id = 9, .name = "Wide", .values = wide, .n_values = 3};
static struct field home_fields[] = {{.name = "n", .type = &integer_type, .required = true},
                                     {.name = "in", .type = &home_type}};
static struct shape home_shape = {
    .kind = SHAPE_OBJECT, .id = 8, .name = "Home", .fields = home_fields, .n_fields = 2};
static struct field owned_fields[] = {{.name = "by", .type = &refs_type}};
static struct shape owned_shape = {
    .kind = SHAPE_OBJECT, .id = 10, .name = "Owned", .fields = owned_fields, .n_fields = 1};
static struct shape *const shapes[] = {&size_shape, &wide_shape, &home_shape, &owned_shape};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

static char got[512];

static const char *run(formula_fn fn, const struct type_ref *from, const struct type_ref *to,
                       const char *json)
{
    const struct formula_input input = {.name = "v", .slot = SLOT_FIRST, .type = from};
    const struct formula f = {.uid = 1,
                              .out_type = to,
                              .inputs = &input,
                              .n_inputs = 1,
                              .fn = fn,
                              .shapes = shapes,
                              .n_shapes = N_SHAPES};
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct span span = span_of(json);
    struct err e = ERR_INIT;
    bool set = true;
    ck_assert_int_eq(fn(&f, &span, (struct span){0}, &out, &set, &e), 0);
    snprintf(got, sizeof got, "%.*s", (int)out.n, out.p ? out.p : "");
    ck_assert(set || out.n == 0);
    return set ? got : NULL;
}

static const struct {
    const struct type_ref *from, *to;
    const char *json, *want;
} lossless[] = {
    {&integer_type, &number_type, "12345678901234567890", "12345678901234567890"},
    {&integer_type, &number_type, "-0", "-0"},
    {&integer_type, &string_type, "-12", "\"-12\""},
    {&number_type, &string_type, "12.30", "\"12.30\""},
    {&number_type, &string_type, "1E+5", "\"1E+5\""},
    {&boolean_type, &string_type, "true", "\"true\""},
    {&boolean_type, &string_type, "false", "\"false\""},
    {&timestamp_type, &string_type, "\"2024-01-01T00:00:00Z\"", "\"2024-01-01T00:00:00Z\""},
    {&date_type, &string_type, "\"2024-01-01\"", "\"2024-01-01\""},
    {&uuid_type, &string_type, "\"123e4567-e89b-12d3-a456-426614174000\"",
     "\"123e4567-e89b-12d3-a456-426614174000\""},
    {&bytes_type, &string_type, "\"aGk=\"", "\"aGk=\""},
    {&size_type, &string_type, "\"large\"", "\"large\""},
    {&date_type, &timestamp_type, "\"2024-02-29\"", "\"2024-02-29T00:00:00Z\""},
    {&size_type, &wide_type, "\"large\"", "\"large\""},
    {&string_type, &json_type, "\"a\\n\"", "\"a\\n\""},
    {&number_type, &json_type, "1.50", "1.50"},
    {&home_type, &json_type, "{\n    \"n\": 1\n  }", "{\n    \"n\": 1\n  }"},
    {&integers_type, &json_type, "[\n    1\n  ]", "[\n    1\n  ]"},
    {&integers_type, &numbers_type, "[]", "[]"},
    {&integers_type, &strings_type, "[\n    1,\n    20\n  ]", "[\n    \"1\",\n    \"20\"\n  ]"},
    {&dates_type, &timestamps_type, "{\n    \"a\": \"2024-02-29\"\n  }",
     "{\n    \"a\": \"2024-02-29T00:00:00Z\"\n  }"},
    {&deep_type, &deeper_type, "[\n    [\n      1\n    ]\n  ]",
     "[\n    [\n      \"1\"\n    ]\n  ]"},
    {&string_type, &string_type, "\"same\"", "\"same\""},
    {&integer_type, &string_type, "null", "null"},
    {&integer_type, &json_type, "null", "null"},
};

START_TEST(convert__there_and_back_is_the_same)
{
    bool same = true;
    const struct type_ref *from = lossless[_i].from, *to = lossless[_i].to;
    formula_fn up = convert_forward(from, to, shapes, N_SHAPES, &same);
    formula_fn down = convert_backward(from, to, shapes, N_SHAPES);
    ck_assert(up && down);
    ck_assert_int_eq(same, from == to);
    const char *r = run(up, from, to, lossless[_i].json);
    ck_assert_msg(r && strcmp(r, lossless[_i].want) == 0, "%s: %s", lossless[_i].json, r);
    char picture[512];
    snprintf(picture, sizeof picture, "%s", r);
    ck_assert_str_eq(run(down, to, from, picture), lossless[_i].json);
    ck_assert_ptr_null(run(up, from, to, NULL));
    ck_assert_ptr_null(run(down, to, from, NULL));
}
END_TEST

static const struct {
    const struct type_ref *from, *to;
    const char *json, *want; /* a value of `to`, and what it is as one of `from`; NULL = unset */
} backward[] = {
    {&integer_type, &number_type, "5.0", "5"},
    {&integer_type, &number_type, "5e0", "5"},
    {&integer_type, &number_type, "-5.7", "-5"},
    {&integer_type, &number_type, "-0.7", "0"},
    {&integer_type, &number_type, "1e20", "100000000000000000000"},
    {&integer_type, &number_type, "1e1000000000", NULL},
    {&integer_type, &string_type, "\"12 years\"", NULL},
    {&integer_type, &string_type, "\"5.0\"", NULL},
    {&integer_type, &string_type, "\"007\"", NULL},
    {&integer_type, &string_type, "\"\"", NULL},
    {&number_type, &string_type, "\"5.10\"", "5.10"},
    {&number_type, &string_type, "\" 5\"", NULL},
    {&number_type, &string_type, "\"NaN\"", NULL},
    {&boolean_type, &string_type, "\"True\"", NULL},
    {&date_type, &string_type, "\"2023-02-29\"", NULL},
    {&size_type, &string_type, "\"huge\"", NULL},
    {&size_type, &wide_type, "\"huge\"", NULL},
    {&date_type, &timestamp_type, "\"2024-02-29T23:00:00+05:00\"", "\"2024-02-29\""},
    {&integer_type, &json_type, "\"5\"", NULL},
    {&integer_type, &json_type, "5.0", NULL},
    {&string_type, &json_type, "{}", NULL},
    {&home_type, &json_type, "{\n    \"n\": \"x\"\n  }", NULL},
    {&home_type, &json_type, "{\n    \"n\": 1,\n    \"in\": {\n      \"n\": 2\n    }\n  }",
     "{\n    \"n\": 1,\n    \"in\": {\n      \"n\": 2\n    }\n  }"},
    {&integers_type, &numbers_type, "[\n    1.5,\n    2.0\n  ]", "[\n    1,\n    2\n  ]"},
    {&integers_type, &strings_type, "[\n    \"1\",\n    \"x\"\n  ]", NULL},
    {&integer_type, &string_type, "null", "null"},
};

START_TEST(convert_backward__is_total)
{
    const struct type_ref *from = backward[_i].from, *to = backward[_i].to;
    formula_fn fn = convert_backward(from, to, shapes, N_SHAPES);
    ck_assert(fn);
    const char *r = run(fn, to, from, backward[_i].json);
    if (backward[_i].want)
        ck_assert_msg(r && strcmp(r, backward[_i].want) == 0, "%s: %s", backward[_i].json,
                      r ? r : "unset");
    else
        ck_assert_msg(!r, "%s: %s", backward[_i].json, r);
}
END_TEST

START_TEST(convert_forward__refuses_what_loses)
{
    static const struct {
        const struct type_ref *from, *to;
    } rows[] = {
        {&number_type, &integer_type}, {&string_type, &integer_type},
        {&string_type, &json_type},    {&wide_type, &size_type},
        {&json_type, &string_type},    {&timestamp_type, &date_type},
        {&ref_type, &string_type},     {&ref_type, &json_type},
        {&refs_type, &json_type},      {&owned_type, &json_type},
        {&string_type, &strings_type}, {&numbers_type, &integers_type},
        {&integers_type, &dates_type}, {&boolean_type, &integer_type},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool same;
        bool legal = rows[i].from == &string_type && rows[i].to == &json_type;
        formula_fn fn = convert_forward(rows[i].from, rows[i].to, shapes, N_SHAPES, &same);
        ck_assert_msg(legal == (fn != NULL), "row %zu", i);
    }
}
END_TEST

START_TEST(model_conversion__knows_no_shapes)
{
    bool same;
    ck_assert(model_conversion(&integer_type, &number_type, &same) && !same);
    ck_assert(model_conversion(&size_type, &size_type, &same) && same);
    ck_assert(model_conversion(&size_type, &string_type, &same) && !same);
    ck_assert(!model_conversion(&size_type, &wide_type, &same));
    ck_assert(!model_conversion(&home_type, &json_type, &same));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("convert");
    TCase *t = tcase_create("convert");
    SRunner *runner;
    tcase_add_loop_test(t, convert__there_and_back_is_the_same, 0,
                        sizeof lossless / sizeof *lossless);
    tcase_add_loop_test(t, convert_backward__is_total, 0, sizeof backward / sizeof *backward);
    tcase_add_test(t, convert_forward__refuses_what_loses);
    tcase_add_test(t, model_conversion__knows_no_shapes);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
