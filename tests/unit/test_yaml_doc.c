/* Schema files as trees: what is typed, what is refused, and with which words. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/yaml_doc.h"

#define TEXT(s) s, sizeof(s) - 1

/* ---- What is accepted ---- */

static const struct {
    const char *name, *text, *json;
} good_rows[] = {
    {"strings that YAML 1.1 would type",
     "a: no\nb: 012\nc: 1:30\nd: ~\ne: null\nf: Yes\ng: True\n"
     "h: 0x10\ni: 1_000\nj: 2024-01-01\nk: .5\nl: +1\nm: 1.",
     "{\"a\": \"no\", \"b\": \"012\", \"c\": \"1:30\", \"d\": \"~\", \"e\": \"null\", \"f\": "
     "\"Yes\", \"g\": \"True\", \"h\": \"0x10\", \"i\": \"1_000\", \"j\": \"2024-01-01\", \"k\": "
     "\".5\", \"l\": \"+1\", \"m\": \"1.\"}"},
    {"numbers keep their text", "a: 0\nb: -12.30\nc: 1e5\nd: 12345678901234567890123",
     "{\"a\": 0, \"b\": -12.30, \"c\": 1e5, \"d\": 12345678901234567890123}"},
    {"booleans", "a: true\nb: false", "{\"a\": true, \"b\": false}"},
    {"quoted scalars are strings", "a: \"1\"\nb: 'true'\nc: |\n  2\nd: >-\n  3\ne: \"\"",
     "{\"a\": \"1\", \"b\": \"true\", \"c\": \"2\\n\", \"d\": \"3\", \"e\": \"\"}"},
    {"flow and block", "a: {b: [1, x], c: {}}\nd:\n  - e\n  - f: g\n    h: []",
     "{\"a\": {\"b\": [1, \"x\"], \"c\": {}}, \"d\": [\"e\", {\"f\": \"g\", \"h\": []}]}"},
    {"order of keys", "z: 1\na: 2\nm: 3", "{\"z\": 1, \"a\": 2, \"m\": 3}"},
    {"keys are text", "1: a\ntrue: b\n\"\": c", "{\"1\": \"a\", \"true\": \"b\", \"\": \"c\"}"},
    {"no value", "a:\nb: 1", "{\"a\": \"\", \"b\": 1}"},
    {"comments and markers", "# c\n--- # d\na: 1 # e\n...\n", "{\"a\": 1}"},
    {"version directive", "%YAML 1.1\n---\na: 1", "{\"a\": 1}"},
    {"byte order mark", "\357\273\277a: 1", "{\"a\": 1}"},
    {"CRLF", "a: 1\r\nb:\r\n  c: 2\r\n", "{\"a\": 1, \"b\": {\"c\": 2}}"},
    {"UTF-8", "\303\251: \346\227\245", "{\"\303\251\": \"\346\227\245\"}"},
    {"quoted merge key", "\"<<\": 1", "{\"<<\": 1}"},
    {"tab between tokens", "a:\t1", "{\"a\": 1}"},
    {"expression with a marker inside", "a: \"x & y * !z\"\nb: age >= 0",
     "{\"a\": \"x & y * !z\", \"b\": \"age >= 0\"}"},
    {"generic type", "a: ref<Person>\nb: list<string>",
     "{\"a\": \"ref<Person>\", \"b\": \"list<string>\"}"},
};

START_TEST(yaml_parse__typed_by_its_text)
{
    struct buf json BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct yaml_node *v = NULL;
    struct err e = ERR_INIT;
    int r = yaml_parse(good_rows[_i].text, strlen(good_rows[_i].text), &a, &v, &e);

    ck_assert_msg(r == 0, "%s: %u:%u: %s", good_rows[_i].name, e.line, e.column, e.text);
    ck_assert(yaml_to_json(v, &json));
    ck_assert_msg(strcmp(buf_str(&json), good_rows[_i].json) == 0, "%s: got %s", good_rows[_i].name,
                  buf_str(&json));
}
END_TEST

/* ---- What is refused ---- */

static const struct {
    const char *name, *text;
    size_t n;
    const char *error, *expected;
} bad_rows[] = {
    {"alias", TEXT("a: *x"), "1:4: alias \"*x\" is not allowed", "the value written out"},
    {"alias as a key", TEXT("*x : a"), "1:1: alias \"*x\" is not allowed", "the value written out"},
    {"anchor", TEXT("a: 1\nb: &x y"), "2:4: anchor \"&x\" is not allowed",
     "the value written out wherever it is meant"},
    {"anchor of a key", TEXT("&x b: c"), "1:1: anchor \"&x\" is not allowed",
     "the value written out wherever it is meant"},
    {"anchor of a mapping", TEXT("a: &x {}"), "1:4: anchor \"&x\" is not allowed",
     "the value written out wherever it is meant"},
    {"cycle", TEXT("a: &x [*x]"), "1:4: anchor \"&x\" is not allowed",
     "the value written out wherever it is meant"},
    {"tag of the core", TEXT("a: !!str x"), "1:4: tag \"!!str\" is not allowed",
     "the value without a tag"},
    {"local tag of a list", TEXT("a: !x [b]"), "1:4: tag \"!x\" is not allowed",
     "the value without a tag"},
    {"bare tag", TEXT("a: ! x"), "1:4: tag \"!\" is not allowed", "the value without a tag"},
    {"verbatim tag", TEXT("a: !<tag:x> 1"), "1:4: tag \"!<tag:x>\" is not allowed",
     "the value without a tag"},
    {"tag of an unknown handle", TEXT("a: !e!x 1"), "1:4: tag \"!e!x\" is not allowed",
     "the value without a tag"},
    {"tag directive", TEXT("%TAG ! tag:x,2000:\n---\na: 1"),
     "1:1: directive \"%TAG !\" is not allowed", "no tags"},
    {"merge key", TEXT("<<: {a: 1}"), "1:1: merge key \"<<\" is not allowed",
     "the keys written out"},
    {"duplicate key", TEXT("a: 1\nb: 2\n\"a\": 3"),
     "3:1: duplicate key \"a\", first at line 1, column 1", "each key once"},
    {"duplicate key inside", TEXT("x: {b: 1, b: 2}"),
     "1:11: duplicate key \"b\", first at line 1, column 5", "each key once"},
    {"several documents", TEXT("a: 1\n---\nb: 2"), "2:1: a second document starts",
     "one document a file"},
    {"tab as indentation", TEXT("a:\n\tb: 1"), "2:1: a tab used as indentation", "spaces"},
    {"tab in a folded scalar", TEXT("a: b\n\tc"), "2:1: a tab used as indentation", "spaces"},
    {"empty", TEXT(""), "1:1: the file is empty", "a mapping"},
    {"comments only", TEXT("# a\n# b\n"), "1:1: the file is empty", "a mapping"},
    {"a list", TEXT("- a"), "1:1: a list stands where a mapping should stand", "a mapping"},
    {"a word", TEXT("\n hello"), "2:2: a string stands where a mapping should stand", "a mapping"},
    {"a list as a key", TEXT("? [a]\n: b"), "1:3: a list stands where a key should stand",
     "a plain word"},
    {"no key", TEXT("?\n: b"), "1:2: nothing stands where a key should stand", "a plain word"},
    {"NUL", TEXT("a: \0"), "1:4: control characters are not allowed (0x00)", "printable text"},
    {"escaped NUL", TEXT("a: \"x\\0\""), "1:4: U+0000 inside a string", "text without it"},
    {"escaped NUL in a key", TEXT("\"x\\0\": 1"), "1:1: U+0000 inside a string", "text without it"},
    {"control character", TEXT("\303\251: \001"), "1:4: control characters are not allowed (0x01)",
     "printable text"},
    {"invalid UTF-8", TEXT("a: 1\nb: \377"), "2:4: invalid UTF-8 (byte 0xff)", "UTF-8 text"},
    {"UTF-16", TEXT("\377\376a\0:\0"), "1:1: invalid UTF-8 (byte 0xff)", "UTF-8 text"},
    {"two values in a line", TEXT("a: b: c"),
     "1:5: unexpected \":\": mapping values are not allowed in this context",
     "one \"key: value\" a line, or quotes around a text that holds \": \""},
    {"open list", TEXT("a: [1, 2"),
     "1:9: unexpected end of the file: did not find expected ',' or ']' while parsing a flow "
     "sequence",
     "\",\" or \"]\""},
    {"open quote", TEXT("a: \"x"),
     "1:6: unexpected end of the file: found unexpected end of stream while scanning a quoted "
     "scalar",
     "the closing quote"},
    {"reserved character", TEXT("a: @x"),
     "1:4: unexpected \"@\": found character that cannot start any token while scanning for the "
     "next token",
     "quotes around a text that starts with this character"},
    {"bad indentation", TEXT("a:\n  - b\n - c"),
     "3:2: unexpected \"-\": did not find expected key while parsing a block mapping",
     "a key, indented like those before it"},
    {"CRLF counts as one line break", TEXT("a: 1\r\nb: 2\r\nc: *d\r\n"),
     "3:4: alias \"*d\" is not allowed", "the value written out"},
    {"NEL counts as none", TEXT("a: \"x\302\205y\"\nb: *d"), "2:4: alias \"*d\" is not allowed",
     "the value written out"},
    {"column in characters", TEXT("\303\251\346\227\245: *d"), "1:5: alias \"*d\" is not allowed",
     "the value written out"},
};

START_TEST(yaml_parse__refused_with_place_and_words)
{
    struct arena a ARENA_CLEANUP = {0};
    struct yaml_node *v = NULL;
    struct err e = ERR_INIT;
    char line[600] = "", *copy = malloc(bad_rows[_i].n + 1);
    int r;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bad_rows[_i].text, bad_rows[_i].n);
    r = yaml_parse(copy, bad_rows[_i].n, &a, &v, &e);
    free(copy);
    err_format(&e, line, sizeof(line));
    ck_assert_msg(r == -1 && !v && e.code == ERR_INVALID, "%s: accepted", bad_rows[_i].name);
    ck_assert_msg(strcmp(line, bad_rows[_i].error) == 0, "%s: got \"%s\"", bad_rows[_i].name, line);
    ck_assert_msg(strcmp(e.expected, bad_rows[_i].expected) == 0, "%s: expected \"%s\"",
                  bad_rows[_i].name, e.expected);
}
END_TEST

START_TEST(yaml_parse__excerpt_and_caret)
{
    static const char text[] = "types:\n  Dog: *cat\n";
    struct arena a ARENA_CLEANUP = {0};
    struct yaml_node *v;
    struct err e = ERR_INIT;

    ck_assert_int_eq(yaml_parse(TEXT(text), &a, &v, &e), -1);
    ck_assert_str_eq(e.excerpt, "  Dog: *cat");
    ck_assert_uint_eq(e.caret, 8);
}
END_TEST

/* ---- Limits ---- */

static void repeat(struct buf *b, const char *unit, size_t n)
{
    bool ok = true;

    while (n-- > 0)
        ok = ok && buf_adds(b, unit);
    ck_assert(ok);
}

static const struct {
    const char *name, *unit;
} nestings[] = {
    {"lists", "["}, {"mappings", "{a: "}, {"block lists", "- "}, {"keys", "? "}, {"both", "[{a: "},
};

START_TEST(yaml_parse__deep_nesting_is_refused_at_once)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct err e = ERR_INIT;
    struct yaml_node *v;

    ck_assert(buf_adds(&b, "a:\n  "));
    repeat(&b, nestings[_i].unit, 100000);
    ck_assert_msg(yaml_parse(b.p, b.n, &a, &v, &e) == -1, "%s", nestings[_i].name);
    ck_assert_int_eq(e.code, ERR_INVALID);
    ck_assert_uint_lt(a.used, 65536);
}
END_TEST

START_TEST(yaml_parse__64_levels_are_the_limit)
{
    for (unsigned n = 62; n <= 65; n++) {
        struct buf b BUF_CLEANUP = BUF_INIT;
        struct arena a ARENA_CLEANUP = {0};
        struct err e = ERR_INIT;
        struct yaml_node *v;

        ck_assert(buf_adds(&b, "a: "));
        repeat(&b, "[", n);
        repeat(&b, "]", n);
        ck_assert_int_eq(yaml_parse(b.p, b.n, &a, &v, &e), n < 64 ? 0 : -1);
        ck_assert_str_eq(e.text, n < 64 ? "" : "nesting deeper than 64 levels");
    }
}
END_TEST

START_TEST(yaml_parse__over_1_mib_is_too_big)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct err e = ERR_INIT;
    struct yaml_node *v = NULL;

    ck_assert(buf_adds(&b, "a: 1 #"));
    repeat(&b, "x", YAML_MAX_BYTES - b.n);
    ck_assert_int_eq(yaml_parse(b.p, b.n, &a, &v, &e), 0);
    repeat(&b, "x", 1);
    ck_assert_int_eq(yaml_parse(b.p, b.n, &a, &v, &e), -1);
    ck_assert_int_eq(e.code, ERR_TOO_BIG);
    ck_assert_str_eq(e.text, "1048577 bytes, where at most 1048576 are allowed");
}
END_TEST

START_TEST(yaml_parse__60000_keys)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct err e = ERR_INIT;
    struct yaml_node *v;

    bool ok = true;

    for (unsigned i = 0; i < 60000; i++)
        ok = ok && buf_printf(&b, "key%u: %u\n", i, i);
    ck_assert(ok);
    ck_assert_int_eq(yaml_parse(b.p, b.n, &a, &v, &e), 0);
    ck_assert_uint_eq(v->n_children, 60000);
    ck_assert(buf_adds(&b, "key77: 1\n"));
    ck_assert_int_eq(yaml_parse(b.p, b.n, &a, &v, &e), -1);
    ck_assert_str_eq(e.text, "duplicate key \"key77\", first at line 78, column 1");
    ck_assert_uint_eq(e.line, 60001);
}
END_TEST

/* ---- The tree ---- */

static struct yaml_node *parse(const char *text, struct arena *a)
{
    struct yaml_node *v = NULL;
    struct err e = ERR_INIT;

    ck_assert_msg(yaml_parse(text, strlen(text), a, &v, &e) == 0, "%s", e.text);
    return v;
}

START_TEST(yaml_get__finds_entries_and_places)
{
    struct arena a ARENA_CLEANUP = {0};
    struct yaml_node *v = parse("version: v1\ntypes:\n  Dog: {name: string}\n", &a);
    struct yaml_node *types = yaml_get(v, "types"), *dog = yaml_get(types, "Dog");

    ck_assert_str_eq(yaml_get(v, "version")->text, "v1");
    ck_assert_ptr_null(yaml_get(v, "Dog"));
    ck_assert_ptr_null(yaml_get(yaml_get(v, "version"), "x"));
    ck_assert_int_eq(dog->kind, YAML_MAP);
    ck_assert_uint_eq(dog->key_line, 3);
    ck_assert_uint_eq(dog->key_column, 3);
    ck_assert_uint_eq(dog->column, 8);
    ck_assert_ptr_null(dog->text);
    ck_assert_uint_eq(dog->child->key_column, 9);
    ck_assert_uint_eq(dog->child->column, 15);
    ck_assert_str_eq(yaml_kind_name(dog->kind), "a mapping");
}
END_TEST

static const struct {
    const char *name, *text, *error, *expected;
} key_rows[] = {
    {"all known", "type: a\nfrom: b", NULL, ""},
    {"none", "{}", NULL, ""},
    {"misspelt", "type: a\nform: b",
     "2:1: unknown key \"form\" in step rename_field; did you mean \"from\"?", "from"},
    {"far from all", "zebra: 1", "1:1: unknown key \"zebra\" in step rename_field",
     "one of type, from, to"},
    {"escape sequence", "\"\\e[31m\": 1", "1:1: unknown key \"?[31m\" in step rename_field",
     "one of type, from, to"},
};

START_TEST(yaml_only_keys__names_the_nearest)
{
    static const char *const words[] = {"type", "from", NULL, "to"};
    struct arena a ARENA_CLEANUP = {0};
    struct yaml_node *v = parse(key_rows[_i].text, &a);
    struct err e = ERR_INIT;
    char line[600] = "";
    int r = yaml_only_keys(v, "step rename_field", words, 4, &e);

    err_format(&e, line, sizeof(line));
    ck_assert_msg((r == 0) == (key_rows[_i].error == NULL), "%s", key_rows[_i].name);
    if (r < 0)
        ck_assert_msg(strcmp(line, key_rows[_i].error) == 0, "%s: %s", key_rows[_i].name, line);
    ck_assert_str_eq(e.expected, key_rows[_i].expected);
}
END_TEST

START_TEST(yaml_only_keys__refuses_what_is_no_mapping)
{
    static const char *const words[] = {"type"};
    struct arena a ARENA_CLEANUP = {0};
    struct yaml_node *v = parse("a: [x]", &a);
    struct err e = ERR_INIT;

    ck_assert_int_eq(yaml_only_keys(yaml_get(v, "a"), "type Dog", words, 1, &e), -1);
    ck_assert_str_eq(e.text, "type Dog is a list");
    ck_assert_str_eq(e.expected, "a mapping");
    ck_assert_uint_eq(e.column, 4);
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

int main(void)
{
    Suite *suite = suite_create("yaml_doc");
    TCase *tc = tcase_create("yaml_doc");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, yaml_parse__typed_by_its_text, 0, ROWS(good_rows));
    tcase_add_loop_test(tc, yaml_parse__refused_with_place_and_words, 0, ROWS(bad_rows));
    tcase_add_test(tc, yaml_parse__excerpt_and_caret);
    tcase_add_loop_test(tc, yaml_parse__deep_nesting_is_refused_at_once, 0, ROWS(nestings));
    tcase_add_test(tc, yaml_parse__64_levels_are_the_limit);
    tcase_add_test(tc, yaml_parse__over_1_mib_is_too_big);
    tcase_add_test(tc, yaml_parse__60000_keys);
    tcase_add_test(tc, yaml_get__finds_entries_and_places);
    tcase_add_loop_test(tc, yaml_only_keys__names_the_nearest, 0, ROWS(key_rows));
    tcase_add_test(tc, yaml_only_keys__refuses_what_is_no_mapping);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
