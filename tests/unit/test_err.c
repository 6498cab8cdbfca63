/* Errors: first one wins, texts are one printable line, excerpts point at the fault. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/err.h"

START_TEST(err_set__first_error_wins)
{
    struct err e = ERR_INIT;

    ck_assert_int_eq(err_set(&e, ERR_BUSY, "first %d", 1), -1);
    ck_assert_int_eq(err_at(&e, ERR_IO, 3, 4, "second"), -1);
    ck_assert_int_eq(err_nomem(&e), -1);
    ck_assert_int_eq(e.code, ERR_BUSY);
    ck_assert_str_eq(e.text, "first 1");
    ck_assert_uint_eq(e.line, 0);
}
END_TEST

START_TEST(err_set__may_be_used_again_after_clear)
{
    struct err e = ERR_INIT;

    err_at(&e, ERR_INVALID, 1, 2, "one");
    err_source(&e, "a");
    err_clear(&e);
    ck_assert_int_eq(e.code, ERR_NONE);
    err_set(&e, ERR_IO, "two");
    ck_assert_str_eq(e.text, "two");
    ck_assert_str_eq(e.source, "");
}
END_TEST

START_TEST(err_context__filled_only_where_empty)
{
    struct err e = ERR_INIT;

    err_set(&e, ERR_INVALID, "x");
    err_source(&e, "inner");
    err_source(&e, "outer");
    err_field(&e, "name");
    err_field(&e, "other");
    err_expected(&e, "a %s", "string");
    err_expected(&e, "a number");
    ck_assert_str_eq(e.source, "inner");
    ck_assert_str_eq(e.field, "name");
    ck_assert_str_eq(e.expected, "a string");
}
END_TEST

static const struct {
    const char *name, *in, *out;
} clean_rows[] = {
    {"plain", "abc", "abc"},
    {"line breaks", "a\nb\r\nc", "a?b??c"},
    {"tab", "a\tb", "a b"},
    {"escape sequence", "\033[31mred", "?[31mred"},
    {"DEL and C1", "a\177b\302\205c", "a?b?c"},
    {"valid UTF-8", "h\303\251 \346\227\245 \360\237\230\200",
     "h\303\251 \346\227\245 \360\237\230\200"},
    {"invalid UTF-8", "a\377b\303", "a?b?"},
    {"overlong and surrogate", "\300\200 \355\240\200", "?? ???"},
    {"override of direction", "a\342\200\256b", "a?b"},
    {"byte order mark", "\357\273\277a", "?a"},
};

START_TEST(err_set__texts_are_one_printable_line)
{
    struct err e = ERR_INIT;

    err_set(&e, ERR_INVALID, "%s", clean_rows[_i].in);
    ck_assert_msg(strcmp(e.text, clean_rows[_i].out) == 0, "%s: got \"%s\"", clean_rows[_i].name,
                  e.text);
}
END_TEST

START_TEST(err_set__long_text_is_cut_between_characters)
{
    char text[2048];

    for (size_t lead = 0; lead < 4; lead++) {
        struct err e = ERR_INIT;
        size_t n = 0;

        while (n < lead)
            text[n++] = 'x';
        while (n + 5 < sizeof(text)) {
            memcpy(text + n, "\360\237\230\200", 4);
            n += 4;
        }
        text[n] = '\0';
        err_set(&e, ERR_INVALID, "%s", text);
        ck_assert_ptr_null(strchr(e.text, '?'));
        ck_assert_uint_gt(strlen(e.text), sizeof(e.text) - 5);
        ck_assert_uint_eq((strlen(e.text) - lead) % 4, 0);
        err_expected(&e, "%s", text);
        ck_assert_ptr_null(strchr(e.expected, '?'));
    }
}
END_TEST

static const struct {
    const char *name, *source;
    unsigned line, column;
    const char *out;
} format_rows[] = {
    {"all", "schemas/v2.yaml", 3, 7, "schemas/v2.yaml:3:7: wrong"},
    {"no column", "v2.yaml", 3, 0, "v2.yaml:3: wrong"},
    {"no line", "v2.yaml", 0, 0, "v2.yaml: wrong"},
    {"no source", NULL, 3, 7, "3:7: wrong"},
    {"text only", NULL, 0, 0, "wrong"},
};

START_TEST(err_format__shows_the_parts_that_are_known)
{
    struct err e = ERR_INIT;
    char line[64];

    err_at(&e, ERR_INVALID, format_rows[_i].line, format_rows[_i].column, "wrong");
    if (format_rows[_i].source)
        err_source(&e, format_rows[_i].source);
    err_format(&e, line, sizeof(line));
    ck_assert_msg(strcmp(line, format_rows[_i].out) == 0, "%s: got \"%s\"", format_rows[_i].name,
                  line);
    err_format(&e, line, 4);
    ck_assert_uint_eq(strlen(line), 3);
}
END_TEST

static const struct {
    const char *name, *text;
    unsigned line, column;
    const char *excerpt;
    unsigned caret;
} excerpt_rows[] = {
    {"first line", "abc\ndef\n", 1, 2, "abc", 2},
    {"last line without a break", "abc\ndef", 2, 3, "def", 3},
    {"past the end of the line", "abc\n", 1, 4, "abc", 4},
    {"CRLF", "abc\r\ndef\r\n", 1, 4, "abc", 4},
    {"line past the text", "abc", 2, 1, "", 0},
    {"an empty line: the end of the one before", "a\n\nb", 2, 1, "a", 2},
    {"empty lines only", "\n\nb", 2, 1, "", 0},
    {"no line", "abc", 0, 0, "", 0},
    {"no column", "abc", 1, 0, "abc", 0},
    {"characters, not bytes", "\303\251\303\251x", 1, 3, "\303\251\303\251x", 3},
    {"controls", "a\tb\001c", 1, 4, "a b?c", 4},
    {"invalid UTF-8", "\377\377x", 1, 3, "??x", 3},
};

START_TEST(err_excerpt__shows_the_line_and_a_caret)
{
    struct err e = ERR_INIT;

    err_at(&e, ERR_INVALID, excerpt_rows[_i].line, excerpt_rows[_i].column, "wrong");
    err_excerpt(&e, excerpt_rows[_i].text, strlen(excerpt_rows[_i].text));
    ck_assert_msg(strcmp(e.excerpt, excerpt_rows[_i].excerpt) == 0 &&
                      e.caret == excerpt_rows[_i].caret,
                  "%s: got \"%s\", caret %u", excerpt_rows[_i].name, e.excerpt, e.caret);
}
END_TEST

START_TEST(err_excerpt__long_lines_are_shortened_around_the_fault)
{
    static const char *const units[] = {"x", "\303\251", "\346\227\245", "\360\237\230\200",
                                        "\001"};

    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        size_t len = strlen(units[u]), n = 1000;
        char *text = malloc(n * len + 1);

        ck_assert_ptr_nonnull(text);
        for (size_t i = 0; i < n; i++)
            memcpy(text + i * len, units[u], len);
        for (unsigned column = 1; column <= n; column += 37) {
            struct err e = ERR_INIT;
            unsigned chars = 0;

            text[(column - 1) * len] = '!';
            err_at(&e, ERR_INVALID, 1, column, "wrong");
            err_excerpt(&e, text, n * len);
            for (const char *p = e.excerpt; *p && *p != '!'; p++)
                chars += ((unsigned char)*p & 0xc0) != 0x80;
            ck_assert_msg(chars + 1 == e.caret, "unit %zu, column %u: \"%s\", caret %u", u, column,
                          e.excerpt, e.caret);
            memcpy(text + (column - 1) * len, units[u], len);
        }
        free(text);
    }
}
END_TEST

static const struct {
    const char *word, *nearest;
} nearest_rows[] = {
    {"nme", "name"},       {"stirng", "string"}, {"String", "string"}, {"requried", "required"},
    {"zebra", NULL},       {"x", NULL},          {"", NULL},           {"name", "name"},
    {"defalt", "default"},
};

START_TEST(err_nearest__finds_likely_misspellings)
{
    static const char *const words[] = {"string", NULL, "name", "required", "default", "up"};
    const char *word = nearest_rows[_i].word, *want = nearest_rows[_i].nearest;
    const char *got = err_nearest(word, strlen(word), words, 6);

    ck_assert_msg((!got && !want) || (got && want && strcmp(got, want) == 0), "%s: got %s", word,
                  got ? got : "nothing");
}
END_TEST

START_TEST(err_nearest__long_words_match_nothing)
{
    static const char *const words[] = {"string"};
    char word[5000];

    memset(word, 's', sizeof(word));
    ck_assert_ptr_null(err_nearest(word, sizeof(word), words, 1));
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

int main(void)
{
    Suite *suite = suite_create("err");
    TCase *tc = tcase_create("err");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, err_set__first_error_wins);
    tcase_add_test(tc, err_set__may_be_used_again_after_clear);
    tcase_add_test(tc, err_context__filled_only_where_empty);
    tcase_add_loop_test(tc, err_set__texts_are_one_printable_line, 0, ROWS(clean_rows));
    tcase_add_test(tc, err_set__long_text_is_cut_between_characters);
    tcase_add_loop_test(tc, err_format__shows_the_parts_that_are_known, 0, ROWS(format_rows));
    tcase_add_loop_test(tc, err_excerpt__shows_the_line_and_a_caret, 0, ROWS(excerpt_rows));
    tcase_add_test(tc, err_excerpt__long_lines_are_shortened_around_the_fault);
    tcase_add_loop_test(tc, err_nearest__finds_likely_misspellings, 0, ROWS(nearest_rows));
    tcase_add_test(tc, err_nearest__long_words_match_nothing);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
