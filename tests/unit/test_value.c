/* Values of types: what is legal, what is said of what is not, keys made from values, numbers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/number.h"
#include "schemas/sha256.h"
#include "schemas/value.h"

static const struct type_ref string_type = {.base = T_STRING}, integer_type = {.base = T_INTEGER},
                             number_type = {.base = T_NUMBER}, boolean_type = {.base = T_BOOLEAN},
                             json_type = {.base = T_JSON}, date_type = {.base = T_DATE},
                             timestamp_type = {.base = T_TIMESTAMP}, uuid_type = {.base = T_UUID},
                             bytes_type = {.base = T_BYTES},
                             list_type = {.base = T_LIST, .elem = &integer_type},
                             map_type = {.base = T_MAP, .elem = &list_type},
                             ref_type = {.base = T_REF, .shape = 5},
                             size_type = {.base = T_ENUM, .shape = 7},
                             home_type = {.base = T_OBJECT, .shape = 8};

static const char *sizes[] = {"small", "medium", "large"};
static struct shape size_shape = {
    .kind = SHAPE_ENUM, .id = 7, .name = "Size", .values = sizes, .n_values = 3};
static struct field home_fields[] = {
    {.name = "street", .type = &string_type, .required = true},
    {.name = "number", .type = &integer_type},
    {.name = "size", .type = &size_type, .required = true, .def = {"\"small\"", 7}},
    {.name = "inner", .type = &home_type},
};
static struct shape home_shape = {
    .kind = SHAPE_OBJECT, .id = 8, .name = "Home", .fields = home_fields, .n_fields = 4};
static struct shape person_shape = {.kind = SHAPE_ITEM, .id = 5, .name = "Person"};
static struct shape *const shapes[] = {&person_shape, &size_shape, &home_shape};

static int check(const struct type_ref *t, const char *json, bool nullable, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct json_node *v;
    ck_assert_msg(json_parse(json, strlen(json), &arena, &v, e) == 0, "%s: %s", json, e->text);
    return value_check(t, v, nullable, shapes, 3, "Dog.f", e);
}

static const struct {
    const struct type_ref *type;
    const char *json;
} legal[] = {
    {&string_type, "\"\""},
    {&integer_type, "-123456789012345678901234567890"},
    {&number_type, "1.50e-7"},
    {&boolean_type, "false"},
    {&json_type, "null"},
    {&json_type, "[{\"a\": null}]"},
    {&date_type, "\"2024-02-29\""},
    {&date_type, "\"2000-02-29\""},
    {&timestamp_type, "\"2024-12-31T23:59:60Z\""},
    {&timestamp_type, "\"2024-02-29t00:00:00.123456789z\""},
    {&timestamp_type, "\"2024-02-29T00:00:00-23:59\""},
    {&uuid_type, "\"123e4567-E89B-12d3-a456-426614174000\""},
    {&bytes_type, "\"\""},
    {&bytes_type, "\"aGk=\""},
    {&bytes_type, "\"+/A=\""},
    {&list_type, "[]"},
    {&list_type, "[1, 2]"},
    {&map_type, "{\"a\": [1], \"\": []}"},
    {&ref_type, "\"rex\""},
    {&size_type, "\"medium\""},
    {&home_type, "{\"street\": \"x\", \"number\": null}"},
    {&home_type, "{\"street\": \"x\", \"inner\": {\"street\": \"y\", \"size\": \"large\"}}"},
};

START_TEST(value_check__accepts)
{
    struct err e = ERR_INIT;
    ck_assert_msg(check(legal[_i].type, legal[_i].json, false, &e) == 0, "%s: %s", legal[_i].json,
                  e.text);
}
END_TEST

static const struct {
    const struct type_ref *type;
    const char *json, *text, *field, *expected;
    unsigned column;
} refused[] = {
    {&string_type, "1", "Dog.f: 1 is not a string", "Dog.f", "string", 1},
    {&string_type, "null", "Dog.f: null is not a string", "Dog.f", "string", 1},
    {&integer_type, "\"old\"", "Dog.f: \"old\" is not an integer", "Dog.f", "integer", 1},
    {&integer_type, "1.0", "Dog.f: 1.0 is not an integer", "Dog.f", "integer", 1},
    {&number_type, "[]", "Dog.f: a list is not a number", "Dog.f", "number", 1},
    {&boolean_type, "0", "Dog.f: 0 is not true or false", "Dog.f", "boolean", 1},
    {&date_type, "\"2023-02-29\"", "Dog.f: \"2023-02-29\" is not a date", "Dog.f", "date", 1},
    {&date_type, "\"1900-02-29\"", "Dog.f: \"1900-02-29\" is not a date", "Dog.f", "date", 1},
    {&date_type, "\"2023-1-1\"", "Dog.f: \"2023-1-1\" is not a date", "Dog.f", "date", 1},
    {&date_type, "\"2023-01-01x\"", "Dog.f: \"2023-01-01x\" is not a date", "Dog.f", "date", 1},
    {&timestamp_type, "\"2024-01-01 00:00:00Z\"", "Dog.f: \"2024-01-01 00:00:00Z\" is not a time",
     "Dog.f", "timestamp", 1},
    {&timestamp_type, "\"2024-01-01T00:00:00\"", "Dog.f: \"2024-01-01T00:00:00\" is not a time",
     "Dog.f", "timestamp", 1},
    {&timestamp_type, "\"2024-01-01T24:00:00Z\"", "Dog.f: \"2024-01-01T24:00:00Z\" is not a time",
     "Dog.f", "timestamp", 1},
    {&timestamp_type, "\"2024-01-01T00:00:00.Z\"", "Dog.f: \"2024-01-01T00:00:00.Z\" is not a",
     "Dog.f", "timestamp", 1},
    {&uuid_type, "\"123e4567\"", "Dog.f: \"123e4567\" is not a UUID", "Dog.f", "uuid", 1},
    {&bytes_type, "\"aGk\"", "Dog.f: \"aGk\" is not base64 text", "Dog.f", "bytes", 1},
    {&bytes_type, "\"====\"", "Dog.f: \"====\" is not base64 text", "Dog.f", "bytes", 1},
    {&list_type, "[1, null]", "Dog.f[1]: null is not an integer", "Dog.f[1]", "integer", 5},
    {&map_type, "{\"a\": [1, \"x\"]}", "Dog.f.a[1]: \"x\" is not an integer", "Dog.f.a[1]",
     "integer", 11},
    {&map_type, "[]", "Dog.f: a list is not a map", "Dog.f", "map<list<integer>>", 1},
    {&ref_type, "\"a/b\"",
     "Dog.f: \"a/b\" is not the key of an item: the key \"a/b\" holds a slash", "Dog.f",
     "ref<Person>", 1},
    {&ref_type, "7", "Dog.f: 7 is not the key of an item", "Dog.f", "ref<Person>", 1},
    {&size_type, "\"smal\"", "Dog.f: \"smal\" is not a value of Size; the nearest is \"small\"",
     "Dog.f", "one of small, medium, large", 1},
    {&size_type, "1", "Dog.f: 1 is not a value of Size", "Dog.f", "one of small, medium, large", 1},
    {&home_type, "{}", "Dog.f: the field \"street\" is required", "Dog.f", "Home", 1},
    {&home_type, "{\"street\": null}", "Dog.f.street: null is not a string", "Dog.f.street",
     "string", 12},
    {&home_type, "{\"strete\": \"x\"}",
     "Dog.f: Home has no field \"strete\"; the nearest is \"street\"", "Dog.f", "Home", 2},
    {&home_type, "{\"street\": \"x\", \"inner\": {\"street\": 5}}",
     "Dog.f.inner.street: 5 is not a string", "Dog.f.inner.street", "string", 37},
};

START_TEST(value_check__refuses_with_place_and_expected_type)
{
    struct err e = ERR_INIT;
    const char *json = refused[_i].json;
    ck_assert_msg(check(refused[_i].type, json, false, &e) == -1, "%s: accepted", json);
    ck_assert_int_eq(e.code, ERR_INVALID);
    ck_assert_msg(strncmp(e.text, refused[_i].text, strlen(refused[_i].text)) == 0, "%s: %s", json,
                  e.text);
    ck_assert_str_eq(e.field, refused[_i].field);
    ck_assert_str_eq(e.expected, refused[_i].expected);
    ck_assert_uint_eq(e.line, 1);
    ck_assert_msg(e.column == refused[_i].column, "%s: column %u", json, e.column);
}
END_TEST

START_TEST(value_check__null_only_where_allowed)
{
    struct err e = ERR_INIT;
    ck_assert_int_eq(check(&integer_type, "null", true, &e), 0);
    ck_assert_int_eq(check(&integer_type, "null", false, &e), -1);
}
END_TEST

START_TEST(key_check__names_of_files)
{
    char name[300];
    struct err e = ERR_INIT;
    ck_assert_int_eq(key_check(span_of("rex"), &e), 0);
    ck_assert_int_eq(key_check(span_of("r\xc3\xa9x %2F .json"), &e), 0);
    memset(name, 'x', sizeof name);
    ck_assert_int_eq(key_check((struct span){name, KEY_MAX}, &e), 0);
    ck_assert_int_eq(key_check((struct span){name, KEY_MAX + 1}, &e), -1);
    ck_assert_int_eq(e.code, ERR_NAME_TOO_LONG);
    static const char *const bad[] = {"", ".rex", "a/b", "a\nb", "a\x7f", "\xff", "\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err_clear(&e);
        ck_assert_msg(key_check(span_of(bad[i]), &e) == -1, "%s", bad[i]);
        ck_assert_int_eq(e.code, ERR_INVALID);
    }
}
END_TEST

static void key_of(const char *a, const char *b, struct buf *out)
{
    const struct span values[] = {span_of(a), span_of(b)};
    const struct type_ref *const types[] = {&string_type, &json_type};
    buf_reset(out);
    ck_assert(key_from_values(values, types, b ? 2 : 1, out));
    struct err e = ERR_INIT;
    ck_assert_msg(key_check(buf_span(out), &e) == 0, "%s", e.text);
}

START_TEST(key_from_values__the_value_where_it_is_legal)
{
    static const struct {
        const char *a, *b, *want;
    } rows[] = {
        {"\"Beagle\"", NULL, "Beagle"},
        {"\"a, b\"", NULL, "a, b"},
        {"\"a/b%\"", NULL, "a%2Fb%25"},
        {"\".x.y\"", NULL, "%2Ex.y"},
        {"\"a\\nb\"", NULL, "a%0Ab"},
        {"\"\"", NULL, "%"},
        {"null", NULL, "%null"},
        {NULL, NULL, "%unset"},
        {"\"null\"", NULL, "null"},
        {"\"%null\"", NULL, "%25null"},
        {"12.30", NULL, "12.30"},
        {"true", NULL, "true"},
        {"\"a,b\"", "\"c\"", "a%2Cb,c"},
        {"\"a\"", "\"b,c\"", "a,b%2Cc"},
        {"\"\"", "null", "%,%null"},
        {"\"\xc3\xa4\"", "{\n    \"x\": 1\n  }", "\xc3\xa4,{\"x\": 1}"},
    };
    struct buf out BUF_CLEANUP = BUF_INIT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        key_of(rows[i].a, rows[i].b, &out);
        ck_assert_str_eq(buf_str(&out), rows[i].want);
    }
}
END_TEST

START_TEST(key_from_values__long_ones_stay_apart)
{
    struct buf a BUF_CLEANUP = BUF_INIT, b BUF_CLEANUP = BUF_INIT, json BUF_CLEANUP = BUF_INIT;
    ck_assert(buf_addc(&json, '"'));
    for (int i = 0; i < 120; i++)
        ck_assert(buf_adds(&json, "\xc3\xa4"));
    ck_assert(buf_adds(&json, "x\""));
    key_of(buf_str(&json), NULL, &a);
    json.p[json.n - 2] = 'y';
    key_of(buf_str(&json), NULL, &b);
    ck_assert_uint_eq(a.n, 160 + 33);
    ck_assert(a.n == b.n && memcmp(a.p, b.p, 161) == 0);
    ck_assert(!span_eq(buf_span(&a), buf_span(&b)));
}
END_TEST

START_TEST(sha256__known_digests)
{
    static const struct {
        const char *text, *hex;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrl"
         "m"
         "nopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char hash[SHA256_SIZE];
        char hex[2 * SHA256_SIZE + 1];
        sha256(span_of(rows[i].text), hash);
        for (size_t j = 0; j < SHA256_SIZE; j++)
            snprintf(hex + 2 * j, 3, "%02x", hash[j]);
        ck_assert_str_eq(hex, rows[i].hex);
    }
}
END_TEST

START_TEST(number_to_integer__is_exact)
{
    static const struct {
        const char *text, *exact, *cut; /* NULL = unfit */
    } rows[] = {
        {"5", "5", "5"},
        {"-0", "-0", "-0"},
        {"-0.0", "0", "0"},
        {"0e999999999999", "0", "0"},
        {"5.0", "5", "5"},
        {"50e-1", "5", "5"},
        {"5.5", NULL, "5"},
        {"-5.9", NULL, "-5"},
        {"-0.9", NULL, "0"},
        {"1e3", "1000", "1000"},
        {"1.25e1", NULL, "12"},
        {"1.25E+2", "125", "125"},
        {"0.001e3", "1", "1"},
        {"0.0005e1", NULL, "0"},
        {"12345678901234567890123.0", "12345678901234567890123", "12345678901234567890123"},
        {"1e-999999999999999999999", NULL, "0"},
        {"1e999999999999999999999", NULL, NULL},
        {"1e4097", NULL, NULL},
        {"1.", NULL, NULL},
        {"01", NULL, NULL},
        {"", NULL, NULL},
        {"1e", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int cut = 0; cut < 2; cut++) {
            struct buf out BUF_CLEANUP = BUF_INIT;
            const char *want = cut ? rows[i].cut : rows[i].exact;
            enum number_fit fit = number_to_integer(span_of(rows[i].text), cut, &out);
            ck_assert_msg(fit == (want ? NUMBER_FITS : NUMBER_UNFIT), "%s", rows[i].text);
            if (want)
                ck_assert_str_eq(buf_str(&out), want);
        }
    struct buf out BUF_CLEANUP = BUF_INIT;
    ck_assert(number_to_integer(span_of("1e4096"), false, &out) == NUMBER_FITS);
    ck_assert_uint_eq(out.n, 4097);
}
END_TEST

START_TEST(number_double__only_what_prints_back)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {
        {"0.1", true},
        {"12.5", true},
        {"-52.1234", true},
        {"5.0", true},
        {"0.0001", true},
        {"0.00012", true},
        {"0.00001", false},
        {"12.30", false},
        {"-0.0", false},
        {"1e5", false},
        {"0.0", true},
        {"123456789012345.5", false},
        {"0.123456789012345", true},
        {"0.1234567890123456", false},
        {"5", false},
        {"0.00000000000000000000000000001", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v = 0;
        bool got = number_double(span_of(rows[i].text), &v);
        ck_assert_msg(got == rows[i].want, "%s", rows[i].text);
        if (got)
            ck_assert_msg(v == strtod(rows[i].text, NULL), "%s", rows[i].text);
    }
}
END_TEST

START_TEST(number_int64__only_what_prints_back)
{
    int64_t v;
    ck_assert(number_int64(span_of("-9223372036854775808"), &v) && v == INT64_MIN);
    ck_assert(number_int64(span_of("9223372036854775807"), &v) && v == INT64_MAX);
    ck_assert(number_int64(span_of("0"), &v) && v == 0);
    ck_assert(!number_int64(span_of("9223372036854775808"), &v));
    ck_assert(!number_int64(span_of("-9223372036854775809"), &v));
    ck_assert(!number_int64(span_of("-0"), &v));
    ck_assert(!number_int64(span_of("1.0"), &v));
    ck_assert(!number_int64(span_of(""), &v));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("value");
    TCase *t = tcase_create("value");
    SRunner *runner;
    tcase_add_loop_test(t, value_check__accepts, 0, sizeof legal / sizeof *legal);
    tcase_add_loop_test(t, value_check__refuses_with_place_and_expected_type, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(t, value_check__null_only_where_allowed);
    tcase_add_test(t, key_check__names_of_files);
    tcase_add_test(t, key_from_values__the_value_where_it_is_legal);
    tcase_add_test(t, key_from_values__long_ones_stay_apart);
    tcase_add_test(t, sha256__known_digests);
    tcase_add_test(t, number_to_integer__is_exact);
    tcase_add_test(t, number_double__only_what_prints_back);
    tcase_add_test(t, number_int64__only_what_prints_back);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
