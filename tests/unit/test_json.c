/* JSON trees, canonical text and its rewritings. */
#include "json_texts.h"

/* ---- The tree ---- */

static struct json_node *parse(const char *text, struct arena *a)
{
    struct json_node *v = NULL;
    struct err e = ERR_INIT;

    ck_assert_msg(json_parse(text, strlen(text), a, &v, &e) == 0, "%s: %s", text, e.text);
    return v;
}

START_TEST(json_parse__verdict_and_words)
{
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v = NULL;
    struct err e = ERR_INIT;
    char *copy = malloc(json_texts[_i].n ? json_texts[_i].n : 1);
    int r;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, json_texts[_i].text, json_texts[_i].n);
    r = json_parse_object(copy, json_texts[_i].n, &a, &v, &e);
    check_error(&json_texts[_i], r, &e);
    ck_assert_msg((v != NULL) == (r == 0), "%s", json_texts[_i].name);
    free(copy);
}
END_TEST

START_TEST(json_depth__100000_brackets_are_refused_at_once)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct err e = ERR_INIT;
    struct json_node *v;

    nest(&b, "[", "", "", 100000);
    ck_assert_int_eq(json_parse(b.p, b.n, &a, &v, &e), -1);
    ck_assert_uint_eq(e.column, 65);
    ck_assert_uint_lt(a.used, 65536);
}
END_TEST

static const struct {
    const char *name, *text, *error;
} value_rows[] = {
    {"number", " 12 ", NULL},
    {"string", "\"a\"", NULL},
    {"null", "null", NULL},
    {"list", "[ ]", NULL},
    {"nothing", "", "1:1: the text is empty"},
    {"two values", "1 2", "1:3: unexpected \"2\" after the end of the value"},
    {"cut list", "[1", "1:3: the text ends where \",\" or \"]\" should stand"},
    {"half a number", "1.", "1:3: the text ends inside a number"},
};

START_TEST(json_parse__any_value)
{
    const char *text = value_rows[_i].text, *want = value_rows[_i].error;
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v = NULL;
    struct err e = ERR_INIT;
    char line[600] = "";
    int r = json_parse(text, strlen(text), &a, &v, &e);

    err_format(&e, line, sizeof(line));
    ck_assert_msg((r == 0) == (want == NULL), "%s: %s", value_rows[_i].name, line);
    if (want)
        ck_assert_str_eq(line, want);
}
END_TEST

START_TEST(json_parse__places_names_and_source_spans)
{
    static const char text[] = "{\n  \"\303\251\": [1,\n   {\"b\": 2}],\n  \"c\" : \"x\\ty\"\n}";
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v = parse(text, &a), *list, *c;

    ck_assert_int_eq(v->kind, JSON_OBJECT);
    ck_assert_ptr_null(v->name.p);
    ck_assert_uint_eq(v->n_children, 2);
    list = json_member(v, span_of("\303\251"));
    ck_assert_ptr_nonnull(list);
    ck_assert_uint_eq(list->line, 2);
    ck_assert_uint_eq(list->column, 8);
    ck_assert_uint_eq(list->name_column, 3);
    ck_assert(span_eq(list->text, span_of("[1,\n   {\"b\": 2}]")));
    ck_assert_uint_eq(list->child->next->line, 3);
    ck_assert_uint_eq(list->child->next->column, 4);
    ck_assert_ptr_null(list->child->name.p);
    c = json_member(v, span_of("c"));
    ck_assert(span_eq(c->text, span_of("x\ty")));
    ck_assert_uint_eq(c->line, 4);
    ck_assert_uint_eq(c->column, 9);
    ck_assert_ptr_null(c->next);
    ck_assert_ptr_null(json_member(v, span_of("d")));
}
END_TEST

static const struct {
    const char *name, *text, *error;
} duplicate_rows[] = {
    {"outermost", "{\"a\":1,\"b\":2,\"a\":3}",
     "1:14: duplicate name \"a\", first at line 1, column 2"},
    {"nested", "[{\"x\":[{\"b\":1,\n\"b\":2}]}]",
     "2:1: duplicate name \"b\", first at line 1, column 9"},
    {"by another spelling", "{\"a\":1,\"\\u0061\":2}",
     "1:8: duplicate name \"a\", first at line 1, column 2"},
    {"empty", "{\"\":1,\"\":2}", "1:7: duplicate name \"\", first at line 1, column 2"},
    {"same name at two levels", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}", NULL},
    {"prefix and case", "{\"a\":1,\"ab\":2,\"A\":3,\"\":4}", NULL},
};

START_TEST(json_parse__duplicate_names_refused)
{
    const char *text = duplicate_rows[_i].text, *want = duplicate_rows[_i].error;
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v;
    struct err e = ERR_INIT;
    char line[600] = "";
    int r = json_parse(text, strlen(text), &a, &v, &e);

    err_format(&e, line, sizeof(line));
    ck_assert_msg((r == 0) == (want == NULL), "%s: %s", duplicate_rows[_i].name, line);
    if (want) {
        ck_assert_str_eq(line, want);
        ck_assert_uint_gt(e.caret, 0);
    }
}
END_TEST

/* n names of which number `again` repeats number `first`. */
static void many_names(struct buf *b, unsigned n, unsigned first, unsigned again)
{
    bool ok = true;

    buf_reset(b);
    for (unsigned i = 0; i < n; i++)
        ok = ok &&
             buf_printf(b, "%s\"common-prefix-%u\":%u", i ? ",\n" : "{", i == again ? first : i, i);
    ck_assert(ok && buf_addc(b, '}'));
}

START_TEST(json_parse__duplicate_names_found_at_every_size)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    for (unsigned n = 2; n < 80; n++) {
        for (unsigned again = 1; again < n; again += 3) {
            struct arena a ARENA_CLEANUP = {0};
            struct err e = ERR_INIT;
            struct json_node *v;

            many_names(&b, n, again / 2, again);
            ck_assert_int_eq(json_parse(b.p, b.n, &a, &v, &e), -1);
            ck_assert_uint_eq(e.line, again + 1);
        }
    }
}
END_TEST

START_TEST(json_parse__100000_names)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct err e = ERR_INIT;
    struct json_node *v;

    many_names(&b, 100000, 0, 100000);
    ck_assert_int_eq(json_parse(b.p, b.n, &a, &v, &e), 0);
    ck_assert_uint_eq(v->n_children, 100000);
    many_names(&b, 100000, 77, 99999);
    ck_assert_int_eq(json_parse(b.p, b.n, &a, &v, &e), -1);
    ck_assert_str_eq(e.text, "duplicate name \"common-prefix-77\", first at line 78, column 1");
}
END_TEST

START_TEST(json_parse__excerpt_and_caret)
{
    static const char text[] = "{\n\t\"a\": [1, 2,, 3]\n}";
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v;
    struct err e = ERR_INIT;

    ck_assert_int_eq(json_parse(TEXT(text), &a, &v, &e), -1);
    ck_assert_str_eq(e.excerpt, " \"a\": [1, 2,, 3]");
    ck_assert_uint_eq(e.caret, 13);
    ck_assert_str_eq(e.expected, "a value");
}
END_TEST

/* ---- Writing ---- */

static const struct {
    const char *name, *text, *canonical, *line;
} write_rows[] = {
    {"empty", "{}", "{}", "{}"},
    {"empty inside", "{\"a\":[ ],\"b\":{ }}", "{\n  \"a\": [],\n  \"b\": {}\n}",
     "{\"a\": [], \"b\": {}}"},
    {"nested", "{\"a\":[1,[true]],\"b\":{\"c\":null,\"d\":false}}",
     "{\n  \"a\": [\n    1,\n    [\n      true\n    ]\n  ],\n  \"b\": {\n    \"c\": null,\n    "
     "\"d\": "
     "false\n  }\n}",
     "{\"a\": [1, [true]], \"b\": {\"c\": null, \"d\": false}}"},
    {"number text kept", "[12.30,1E5,-0,123456789012345678901234567890]",
     "[\n  12.30,\n  1E5,\n  -0,\n  123456789012345678901234567890\n]",
     "[12.30, 1E5, -0, 123456789012345678901234567890]"},
    {"shortest escapes",
     "[\"\\u0041\\/\\u000a\\u001F\\u0008\\u000c\\u000d\\u0009\\u0022\\u005c\\u00e9\\u007f\"]",
     "[\n  \"A/\\n\\u001f\\b\\f\\r\\t\\\"\\\\\303\251\177\"\n]",
     "[\"A/\\n\\u001f\\b\\f\\r\\t\\\"\\\\\303\251\177\"]"},
    {"structure inside strings", "{\"a,\\n  b\":\"[ ,\\n {\"}",
     "{\n  \"a,\\n  b\": \"[ ,\\n {\"\n}", "{\"a,\\n  b\": \"[ ,\\n {\"}"},
    {"scalar", "\"x\"", "\"x\"", "\"x\""},
};

START_TEST(json_write__canonical_and_line)
{
    struct buf canonical BUF_CLEANUP = BUF_INIT, line BUF_CLEANUP = BUF_INIT;
    struct buf again BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v = parse(write_rows[_i].text, &a);

    ck_assert(json_write(v, 0, &canonical) && json_write_line(v, &line));
    ck_assert_msg(span_eq(buf_span(&canonical), span_of(write_rows[_i].canonical)), "%s: got %s",
                  write_rows[_i].name, buf_str(&canonical));
    ck_assert_msg(span_eq(buf_span(&line), span_of(write_rows[_i].line)), "%s: got %s",
                  write_rows[_i].name, buf_str(&line));

    ck_assert(json_to_line(buf_span(&canonical), &again));
    ck_assert_msg(span_eq(buf_span(&line), buf_span(&again)), "%s: to_line gave %s",
                  write_rows[_i].name, buf_str(&again));
    buf_reset(&again);
    v = parse(buf_str(&canonical), &a);
    ck_assert(json_write(v, 0, &again));
    ck_assert_msg(span_eq(buf_span(&canonical), buf_span(&again)), "%s", write_rows[_i].name);
}
END_TEST

START_TEST(json_reindent__equals_writing_at_that_depth)
{
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v = parse(write_rows[_i].text, &a);

    for (unsigned from = 0; from < 4; from++) {
        for (unsigned to = 0; to < 4; to++) {
            struct buf is BUF_CLEANUP = BUF_INIT, want BUF_CLEANUP = BUF_INIT;
            struct buf got BUF_CLEANUP = BUF_INIT;

            ck_assert(json_write(v, from, &is) && json_write(v, to, &want));
            ck_assert(json_reindent(buf_span(&is), from, to, &got));
            ck_assert_msg(span_eq(buf_span(&want), buf_span(&got)), "%s: %u to %u: %s",
                          write_rows[_i].name, from, to, buf_str(&got));
        }
    }
}
END_TEST

START_TEST(json_write__appends)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *v = parse("[1]", &a);

    ck_assert(buf_adds(&b, "x") && json_write_line(v, &b) && json_write(v, 0, &b) &&
              json_to_line(span_of("{\n  \"a\": 1,\n  \"b\": 2\n}"), &b) &&
              json_write_string(span_of(""), &b) && json_decode_string(span_of("\"y\""), &b) &&
              json_to_line(span_of(""), &b) && json_reindent(span_of(""), 0, 1, &b));
    ck_assert_str_eq(buf_str(&b), "x[1][\n  1\n]{\"a\": 1, \"b\": 2}\"\"y");
}
END_TEST

static const struct {
    const char *quoted, *decoded;
} decode_rows[] = {
    {"\"\"", ""},
    {"\"a\"", "a"},
    {"\"\\u00e9\\ud83d\\ude00\"", "\303\251\360\237\230\200"},
    {"\"\\n\\/\"", "\n/"},
    {"\"", NULL},
    {"", NULL},
    {"a", NULL},
    {"\"a", NULL},
    {"\"\\\"", NULL},
    {"\"a\"b\"", NULL},
    {"\"\\u0000\"", NULL},
    {"\"\\ud83d\"", NULL},
    {"\"\\ude00\"", NULL},
    {"\"\\u12\"", NULL},
    {"\"\\x\"", NULL},
    {"\"\377\"", NULL},
    {"\"a\nb\"", NULL},
    {"\"\\ud83d\\u0041\"", NULL},
};

START_TEST(json_decode_string__takes_json_strings_only)
{
    const char *quoted = decode_rows[_i].quoted, *want = decode_rows[_i].decoded;
    struct buf b BUF_CLEANUP = BUF_INIT;
    bool ok = json_decode_string(span_of(quoted), &b);

    ck_assert_msg(ok == (want != NULL), "%s", quoted);
    ck_assert_msg(span_eq(buf_span(&b), span_of(want ? want : "")), "%s: %s", quoted, buf_str(&b));
}
END_TEST

/* ---- Facts ---- */

START_TEST(json_number__integers_by_their_text)
{
    static const char *const yes[] = {"0", "-0", "12", "-123456789012345678901234567890"};
    static const char *const no[] = {"", "-", "1.0", "1e2", "+1", "1 ", "a"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        ck_assert_msg(json_number_is_integer(span_of(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        ck_assert_msg(!json_number_is_integer(span_of(no[i])), "%s", no[i]);
}
END_TEST

START_TEST(utf8_valid__knows_every_boundary)
{
    static const char *const yes[] = {"",
                                      "a",
                                      "\302\200",
                                      "\337\277",
                                      "\340\240\200",
                                      "\355\237\277",
                                      "\356\200\200",
                                      "\360\220\200\200",
                                      "\364\217\277\277"};
    static const char *const no[] = {"\200",
                                     "\301\277",
                                     "\302",
                                     "\340\237\277",
                                     "\355\240\200",
                                     "\360\217\277\277",
                                     "\364\220\200\200",
                                     "\365\200\200\200",
                                     "\342\202",
                                     "\360\237\230"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        ck_assert_msg(utf8_valid(yes[i], strlen(yes[i])), "yes %zu", i);
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        ck_assert_msg(!utf8_valid(no[i], strlen(no[i])), "no %zu", i);
}
END_TEST

START_TEST(json_kind_name__names_every_kind)
{
    ck_assert_str_eq(json_kind_name(JSON_OBJECT), "an object");
    ck_assert_str_eq(json_kind_name(JSON_STRING), "a string");
    ck_assert_str_eq(json_kind_name(JSON_NULL), "null");
}
END_TEST

static TCase *parse_case(void)
{
    TCase *tc = tcase_create("parse");

    tcase_add_loop_test(tc, json_parse__verdict_and_words, 0, ROWS(json_texts));
    tcase_add_loop_test(tc, json_parse__any_value, 0, ROWS(value_rows));
    tcase_add_test(tc, json_parse__places_names_and_source_spans);
    tcase_add_loop_test(tc, json_parse__duplicate_names_refused, 0, ROWS(duplicate_rows));
    tcase_add_test(tc, json_parse__duplicate_names_found_at_every_size);
    tcase_add_test(tc, json_parse__100000_names);
    tcase_add_test(tc, json_parse__excerpt_and_caret);
    tcase_add_test(tc, json_depth__100000_brackets_are_refused_at_once);
    return tc;
}

static TCase *write_case(void)
{
    TCase *tc = tcase_create("write");

    tcase_add_loop_test(tc, json_write__canonical_and_line, 0, ROWS(write_rows));
    tcase_add_loop_test(tc, json_reindent__equals_writing_at_that_depth, 0, ROWS(write_rows));
    tcase_add_test(tc, json_write__appends);
    tcase_add_loop_test(tc, json_decode_string__takes_json_strings_only, 0, ROWS(decode_rows));
    tcase_add_test(tc, json_number__integers_by_their_text);
    tcase_add_test(tc, utf8_valid__knows_every_boundary);
    tcase_add_test(tc, json_kind_name__names_every_kind);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("json");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, parse_case());
    suite_add_tcase(suite, write_case());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
