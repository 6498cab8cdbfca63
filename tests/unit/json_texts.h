/* Texts that are objects or are not, for all tests of the JSON module: the scanner and the parser
 * must give one verdict in one wording. */
#ifndef TESTS_UNIT_JSON_TEXTS_H
#define TESTS_UNIT_JSON_TEXTS_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/json.h"

#define ROWS(t) (int)(sizeof(t) / sizeof((t)[0]))

/* A literal with its length, so that texts may hold NULs. */
#define TEXT(s) s, sizeof(s) - 1

struct text_row {
    const char *name, *text;
    size_t n;
    const char *error; /* "line:column: text", NULL = a valid object */
};

static const struct text_row json_texts[] = {
    {"empty object", TEXT("{}"), NULL},
    {"white space around", TEXT(" \t\r\n{ } \n"), NULL},
    {"every kind",
     TEXT("{\"a\":[1,-0,0.5,1e9,1E-9,2.5e+3],\"b\":{\"c\":[]},\"d\":true,\"e\":false,"
          "\"f\":null,\"g\":\"\"}"),
     NULL},
    {"every escape", TEXT("{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\":1}"), NULL},
    {"UTF-8", TEXT("{\"\303\251\346\227\245\360\237\230\200\177\": \"\357\277\277\"}"), NULL},
    {"huge number", TEXT("{\"a\":123456789012345678901234567890e123456789}"), NULL},

    {"empty", TEXT(""), "1:1: the text is empty"},
    {"white space only", TEXT(" \n "), "2:2: the text is empty"},
    {"open object", TEXT("{"),
     "1:2: the text ends where a name in double quotes or \"}\" should stand"},
    {"no value", TEXT("{\"a\":"), "1:6: the text ends where a value should stand"},
    {"truncated number", TEXT("{\"a\":1"), "1:7: the text ends where \",\" or \"}\" should stand"},
    {"number cut short", TEXT("{\"a\":-"), "1:7: the text ends inside a number"},
    {"truncated string", TEXT("{\"a\":\"b"), "1:8: the text ends inside a string"},
    {"truncated escape", TEXT("{\"a\":\"b\\u12"), "1:12: the text ends inside a string"},
    {"truncated character", TEXT("{\"a\":\"\303"), "1:7: the text ends inside a string"},
    {"truncated word", TEXT("{\"a\":tru"), "1:9: the text ends inside a word"},
    {"trailing garbage", TEXT("{} x"), "1:4: unexpected \"x\" after the end of the object"},
    {"second object", TEXT("{}\n{}"), "2:1: unexpected \"{\" after the end of the object"},
    {"trailing NUL", TEXT("{}\0"), "1:3: unexpected NUL byte 0x00 after the end of the object"},
    {"leading NUL", TEXT("\0{}"), "1:1: unexpected NUL byte 0x00 where an object should stand"},
    {"byte order mark", TEXT("\357\273\277{}"),
     "1:1: unexpected byte order mark where an object should stand"},
    {"line comment", TEXT("{} // c"), "1:4: unexpected comment after the end of the object"},
    {"block comment", TEXT("{/* c */}"),
     "1:2: unexpected comment where a name in double quotes or \"}\" should stand"},
    {"NaN", TEXT("{\"a\":NaN}"), "1:6: unexpected \"NaN\" where a value should stand"},
    {"True", TEXT("{\"a\":True}"), "1:6: unexpected \"True\" where a value should stand"},
    {"trailing comma in an object", TEXT("{\"a\":1,}"),
     "1:8: unexpected \"}\" where a name in double quotes should stand"},
    {"trailing comma in a list", TEXT("{\"a\":[1,]}"),
     "1:9: unexpected \"]\" where a value should stand"},
    {"missing value", TEXT("{\"a\":}"), "1:6: unexpected \"}\" where a value should stand"},
    {"missing comma", TEXT("{\"a\":1\n \"b\":2}"),
     "2:2: unexpected string where \",\" or \"}\" should stand"},
    {"missing colon", TEXT("{\"a\" 1}"), "1:6: unexpected \"1\" where \":\" should stand"},
    {"wrong bracket", TEXT("{\"a\":[1}"),
     "1:8: unexpected \"}\" where \",\" or \"]\" should stand"},
    {"single quotes", TEXT("{'a':1}"),
     "1:2: unexpected \"'\" where a name in double quotes or \"}\" should stand"},
    {"bare name", TEXT("{nme: 1}"),
     "1:2: unexpected \"nme\" where a name in double quotes or \"}\" should stand"},
    {"a list", TEXT("[1]"), "1:1: unexpected \"[\" where an object should stand"},
    {"a string", TEXT("\"a\""), "1:1: unexpected string where an object should stand"},
    {"a number", TEXT("12"), "1:1: unexpected \"12\" where an object should stand"},
    {"leading zero", TEXT("{\"a\":012}"), "1:7: unexpected \"1\" after the leading 0 of a number"},
    {"leading plus", TEXT("{\"a\":+1}"), "1:6: unexpected \"+\" where a value should stand"},
    {"point without digits", TEXT("{\"a\":1.}"),
     "1:8: unexpected \"}\" where a digit should stand"},
    {"point first", TEXT("{\"a\":.5}"), "1:6: unexpected \".\" where a value should stand"},
    {"minus alone", TEXT("{\"a\":-}"), "1:7: unexpected \"}\" where a digit should stand"},
    {"exponent alone", TEXT("{\"a\":1e}"), "1:8: unexpected \"}\" where a digit should stand"},
    {"hexadecimal", TEXT("{\"a\":0x1}"),
     "1:7: unexpected \"x1\" where \",\" or \"}\" should stand"},
    {"misspelt word", TEXT("{\"a\":nul}"), "1:9: unexpected \"}\" inside the word \"null\""},
    {"longer word", TEXT("{\"a\":nulls}"),
     "1:10: unexpected \"s\" where \",\" or \"}\" should stand"},
    {"line break in a string", TEXT("{\"a\":\"x\ny\"}"),
     "1:8: a line break inside a string, where \\n should stand"},
    {"tab in a string", TEXT("{\"a\":\"x\ty\"}"),
     "1:8: a control character (0x09) inside a string, where \\u0009 should stand"},
    {"NUL in a string", TEXT("{\"a\":\"\0\"}"),
     "1:7: a control character (0x00) inside a string, where \\u0000 should stand"},
    {"unknown escape", TEXT("{\"a\":\"x\\q\"}"), "1:8: unexpected \"q\" after a backslash"},
    {"bad hex digit", TEXT("{\"a\":\"\\u00g0\"}"),
     "1:11: unexpected \"g0\" where a hex digit should stand"},
    {"escaped NUL", TEXT("{\"a\":\"x\\u0000\"}"), "1:8: \\u0000 inside a string"},
    {"high surrogate alone", TEXT("{\"a\":\"\\ud800\"}"),
     "1:7: a high surrogate without its low one after it"},
    {"high surrogate before a letter", TEXT("{\"a\":\"\\ud800x\"}"),
     "1:7: a high surrogate without its low one after it"},
    {"high surrogate before an escape", TEXT("{\"a\":\"\\ud800\\n\"}"),
     "1:7: a high surrogate without its low one after it"},
    {"two high surrogates", TEXT("{\"a\":\"\\ud800\\ud800\"}"),
     "1:7: a high surrogate without its low one after it"},
    {"low surrogate alone", TEXT("{\"a\":\"\\udc00\"}"),
     "1:7: a low surrogate without its high one before it"},
    {"invalid byte", TEXT("{\"a\":\"\377\"}"), "1:7: invalid UTF-8 (byte 0xff)"},
    {"continuation alone", TEXT("{\"a\":\"\200\"}"), "1:7: invalid UTF-8 (byte 0x80)"},
    {"overlong", TEXT("{\"a\":\"\300\200\"}"), "1:7: invalid UTF-8 (byte 0xc0)"},
    {"overlong of three", TEXT("{\"a\":\"\340\200\200\"}"), "1:7: invalid UTF-8 (byte 0x80)"},
    {"surrogate in UTF-8", TEXT("{\"a\":\"\355\240\200\"}"), "1:7: invalid UTF-8 (byte 0xa0)"},
    {"above U+10FFFF", TEXT("{\"a\":\"\364\220\200\200\"}"), "1:7: invalid UTF-8 (byte 0x90)"},
    {"cut character", TEXT("{\"a\":\"\303x\"}"), "1:7: invalid UTF-8 (byte 0x78)"},
    {"bad byte outside strings", TEXT("{\377}"),
     "1:2: unexpected byte 0xff where a name in double quotes or \"}\" should stand"},
    {"column in characters", TEXT("{\"\303\251\": \"\303\251\", \"\346\227\245\": x}"),
     "1:17: unexpected \"x\" where a value should stand"},
    {"line and column", TEXT("{\n  \"a\": 1,\r\n  \"b\": ?\n}"),
     "3:8: unexpected \"?\" where a value should stand"},
};

static inline void check_error(const struct text_row *row, int r, const struct err *e)
{
    char line[600] = "";

    err_format(e, line, sizeof(line));
    ck_assert_msg((r == 0) == (row->error == NULL), "%s: %s", row->name, r ? line : "accepted");
    if (row->error) {
        ck_assert_int_eq(e->code, ERR_INVALID);
        ck_assert_msg(strcmp(line, row->error) == 0, "%s: got \"%s\"", row->name, line);
        ck_assert_msg(e->expected[0], "%s: nothing expected", row->name);
    }
}

/* `inner` inside n times `open` and `close`. */
static inline void nest(struct buf *b, const char *open, const char *inner, const char *close,
                        int n)
{
    bool ok = true;

    buf_reset(b);
    for (int i = 0; i < n; i++)
        ok = ok && buf_adds(b, open);
    ok = ok && buf_adds(b, inner);
    for (int i = 0; i < n; i++)
        ok = ok && buf_adds(b, close);
    ck_assert(ok);
}

#endif
