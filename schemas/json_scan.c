/* The incremental check: a pushdown automaton whose whole state stands in struct json_scan, so
 * that a text may arrive in fragments of any size.
 *
 * A byte is refused at the first moment at which no continuation could make the text valid: that
 * is what lets write() itself fail. Each state has one row in `states` below: the function that
 * takes bytes in it, and the words for an error there. */
#include "json_impl.h"

#include <stdio.h>

#include "utf8.h"

enum {
    START,       /* before the outermost object */
    VALUE,       /* after ':' or a ',' in an array */
    FIRST_VALUE, /* after '[' */
    NAME,        /* after a ',' in an object */
    FIRST_NAME,  /* after '{' */
    COLON,
    NEXT, /* after a value inside something */
    END,  /* after the outermost value */
    N_STRUCTURE,
    STRING = N_STRUCTURE,
    CHARACTER, /* inside a UTF-8 character */
    ESCAPE,    /* after a backslash */
    HEX,       /* after \u */
    PAIR,      /* after a high surrogate: the backslash of its low one must follow */
    WORD,      /* true, false, null */
    NUMBER,
};

/* ---- Classes of bytes, and what each does in each structural state ---- */

enum byte_class { OTHER, BRACE, UNBRACE, BRACKET, UNBRACKET, COLONS, COMMA, QUOTE, LETTER, DIGIT };

static const unsigned char classes[256] = {
    ['{'] = BRACE, ['}'] = UNBRACE, ['['] = BRACKET, [']'] = UNBRACKET, [':'] = COLONS,
    [','] = COMMA, ['"'] = QUOTE,   ['t'] = LETTER,  ['f'] = LETTER,    ['n'] = LETTER,
    ['-'] = DIGIT, ['0'] = DIGIT,   ['1'] = DIGIT,   ['2'] = DIGIT,     ['3'] = DIGIT,
    ['4'] = DIGIT, ['5'] = DIGIT,   ['6'] = DIGIT,   ['7'] = DIGIT,     ['8'] = DIGIT,
    ['9'] = DIGIT,
};

enum action {
    REFUSE,
    OPEN,
    CLOSE,
    TAKE_COLON,
    TAKE_COMMA,
    BEGIN_NAME,
    BEGIN_STRING,
    BEGIN_WORD,
    BEGIN_NUMBER
};

#define ANY_VALUE                                                                                  \
    [BRACE] = OPEN, [BRACKET] = OPEN, [QUOTE] = BEGIN_STRING, [LETTER] = BEGIN_WORD,               \
    [DIGIT] = BEGIN_NUMBER

static const unsigned char actions[N_STRUCTURE][DIGIT + 1] = {
    [START] = {[BRACE] = OPEN},
    [VALUE] = {ANY_VALUE},
    [FIRST_VALUE] = {ANY_VALUE, [UNBRACKET] = CLOSE},
    [NAME] = {[QUOTE] = BEGIN_NAME},
    [FIRST_NAME] = {[QUOTE] = BEGIN_NAME, [UNBRACE] = CLOSE},
    [COLON] = {[COLONS] = TAKE_COLON},
    [NEXT] = {[COMMA] = TAKE_COMMA, [UNBRACE] = CLOSE, [UNBRACKET] = CLOSE},
};

/* ---- Numbers ---- */

enum { MINUS = 1, ZERO, INTEGER, POINT, FRACTION, EXPONENT, SIGN, POWER, N_NUMBER };

static const struct {
    unsigned char zero, digit, point, exponent, plus, minus, complete;
} numbers[N_NUMBER] = {
    [0] = {ZERO, INTEGER, 0, 0, 0, MINUS, 0},
    [MINUS] = {ZERO, INTEGER, 0, 0, 0, 0, 0},
    [ZERO] = {0, 0, POINT, EXPONENT, 0, 0, 1},
    [INTEGER] = {INTEGER, INTEGER, POINT, EXPONENT, 0, 0, 1},
    [POINT] = {FRACTION, FRACTION, 0, 0, 0, 0, 0},
    [FRACTION] = {FRACTION, FRACTION, 0, EXPONENT, 0, 0, 1},
    [EXPONENT] = {POWER, POWER, 0, 0, SIGN, SIGN, 0},
    [SIGN] = {POWER, POWER, 0, 0, 0, 0, 0},
    [POWER] = {POWER, POWER, 0, 0, 0, 0, 1},
};

static unsigned char number_next(unsigned char state, char c)
{
    if (c >= '0' && c <= '9')
        return c == '0' ? numbers[state].zero : numbers[state].digit;
    if (c == '.')
        return numbers[state].point;
    if (c == 'e' || c == 'E')
        return numbers[state].exponent;
    return c == '+' ? numbers[state].plus : c == '-' ? numbers[state].minus : 0;
}

/* ---- Words for errors ---- */

static const char *wanted_after_value(const struct json_scan *s)
{
    return s->stack[s->depth - 1] == '{' ? "\",\" or \"}\"" : "\",\" or \"]\"";
}

/* NULL inside a scalar. */
static const char *wanted_here(const struct json_scan *s)
{
    static const char *const wanted[] = {
        [START] = "an object",
        [VALUE] = "a value",
        [FIRST_VALUE] = "a value or \"]\"",
        [NAME] = "a name in double quotes",
        [FIRST_NAME] = "a name in double quotes or \"}\"",
        [COLON] = "\":\"",
        [NUMBER] = NULL,
    };

    return s->state == NEXT ? wanted_after_value(s) : wanted[s->state];
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Names what stands at p, as far as this fragment shows it. */
static void describe(const char *p, const char *end, char *ret, size_t size)
{
    size_t n = (size_t)(end - p), len = utf8_len(p, n), word = 0;

    while (word < n && word < 24 && is_word_byte(p[word]))
        word++;
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        snprintf(ret, size, "byte order mark");
    else if (n >= 2 && p[0] == '/' && (p[1] == '/' || p[1] == '*'))
        snprintf(ret, size, "comment");
    else if (*p == '"')
        snprintf(ret, size, "string");
    else if (len == 0 || (unsigned char)*p < 0x20 || *p == 0x7f)
        snprintf(ret, size, "%s 0x%02x", *p == 0 ? "NUL byte" : "byte", (unsigned char)*p);
    else
        snprintf(ret, size, "\"%.*s\"", (int)(word > len ? word : len), p);
}

static const char *unexpected(const struct json_scan *s, const char *p, const char *end,
                              struct err *e)
{
    char what[64];

    describe(p, end, what, sizeof(what));
    if (s->state == END) {
        err_at(e, ERR_INVALID, s->line, s->column, "unexpected %s after the end of the %s", what,
               s->any ? "value" : "object");
        err_expected(e, "nothing more");
        return NULL;
    }
    err_at(e, ERR_INVALID, s->line, s->column, "unexpected %s where %s should stand", what,
           wanted_here(s));
    err_expected(e, "%s", wanted_here(s));
    return NULL;
}

__attribute__((format(printf, 5, 6))) static const char *refuse(const struct json_scan *s,
                                                                unsigned column,
                                                                const char *expected, struct err *e,
                                                                const char *fmt, ...)
{
    struct err own = ERR_INIT;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(own.text, sizeof(own.text), fmt, ap);
    va_end(ap);
    err_at(e, ERR_INVALID, s->line, column, "%s", own.text);
    err_expected(e, "%s", expected);
    return NULL;
}

/* ---- Structure ---- */

static void value_done(struct json_scan *s)
{
    s->state = s->depth ? NEXT : END;
}

static const char *open_level(struct json_scan *s, const char *p, struct err *e)
{
    if (s->depth == JSON_MAX_DEPTH)
        return refuse(s, s->column, "less nesting", e, "nesting deeper than %d levels",
                      JSON_MAX_DEPTH);
    s->stack[s->depth++] = (unsigned char)*p;
    s->state = *p == '{' ? FIRST_NAME : FIRST_VALUE;
    s->column++;
    return p + 1;
}

static const char *begin_string(struct json_scan *s, const char *p, bool name)
{
    s->is_name = name;
    s->keep_name = name && s->depth == 1 && s->on_name;
    s->name_n = 0;
    s->name_column = s->column++;
    s->state = STRING;
    return p + 1;
}

static const char *begin_word(struct json_scan *s, const char *p)
{
    s->literal = *p == 't' ? "true" : *p == 'f' ? "false" : "null";
    s->sub = 1;
    s->state = WORD;
    s->column++;
    return p + 1;
}

static const char *skip_space(struct json_scan *s, const char *p, const char *end)
{
    for (; p < end; p++) {
        if (*p == '\n') {
            s->line++;
            s->column = 1;
        } else if (*p == ' ' || *p == '\t' || *p == '\r') {
            s->column++;
        } else {
            break;
        }
    }
    return p;
}

static const char *step_structure(struct json_scan *s, const char *p, const char *end,
                                  struct err *e)
{
    p = skip_space(s, p, end);
    if (p == end)
        return p;
    switch ((enum action)actions[s->state][classes[(unsigned char)*p]]) {
    case OPEN:
        return open_level(s, p, e);
    case CLOSE:
        if (*p != s->stack[s->depth - 1] + 2) /* in ASCII, ']' is '[' + 2 and '}' is '{' + 2 */
            break;
        s->depth--;
        s->column++;
        value_done(s);
        return p + 1;
    case TAKE_COLON:
        s->state = VALUE;
        s->column++;
        return p + 1;
    case TAKE_COMMA:
        s->state = s->stack[s->depth - 1] == '{' ? NAME : VALUE;
        s->column++;
        return p + 1;
    case BEGIN_NAME:
        return begin_string(s, p, true);
    case BEGIN_STRING:
        return begin_string(s, p, false);
    case BEGIN_WORD:
        return begin_word(s, p);
    case BEGIN_NUMBER:
        s->sub = 0;
        s->state = NUMBER;
        return p;
    case REFUSE:
        break;
    }
    return unexpected(s, p, end, e);
}

/* ---- Scalars ---- */

static const char *step_word(struct json_scan *s, const char *p, const char *end, struct err *e)
{
    while (p < end && s->literal[s->sub]) {
        if (*p != s->literal[s->sub]) {
            char what[64];

            describe(p, end, what, sizeof(what));
            return refuse(s, s->column, s->literal, e, "unexpected %s inside the word \"%s\"", what,
                          s->literal);
        }
        p++;
        s->sub++;
        s->column++;
    }
    if (!s->literal[s->sub])
        value_done(s);
    return p;
}

static const char *step_number(struct json_scan *s, const char *p, const char *end, struct err *e)
{
    for (; p < end; p++) {
        unsigned char next = number_next(s->sub, *p);

        if (!next)
            break;
        s->sub = next;
        s->column++;
    }
    if (p == end)
        return p;
    if (s->sub == ZERO && *p >= '0' && *p <= '9')
        return refuse(s, s->column, "a number without it", e,
                      "unexpected \"%c\" after the leading 0 of a number", *p);
    if (!numbers[s->sub].complete) {
        char what[64];

        describe(p, end, what, sizeof(what));
        return refuse(s, s->column, "a digit", e, "unexpected %s where a digit should stand", what);
    }
    value_done(s);
    return p;
}

/* ---- Strings ---- */

/* Names too long for the buffer are not reported: no schema has a field of that name, and the
 * check of the whole object says so. */
static void keep(struct json_scan *s, const char *p, size_t n)
{
    if (!s->keep_name)
        return;
    if (n > sizeof(s->name) - s->name_n) {
        s->keep_name = 0;
        return;
    }
    memcpy(s->name + s->name_n, p, n);
    s->name_n += (unsigned)n;
}

static const char *end_string(struct json_scan *s, const char *p, struct err *e)
{
    s->column++;
    if (!s->is_name) {
        value_done(s);
        return p + 1;
    }
    s->state = COLON;
    if (s->keep_name && s->on_name(s->arg, (struct span){s->name, s->name_n}, e) < 0) {
        if (e->line == 0) {
            e->line = s->line;
            e->column = s->name_column;
        }
        return NULL;
    }
    return p + 1;
}

static const char *begin_character(struct json_scan *s, const char *p, struct err *e)
{
    struct utf8_lead lead = utf8_lead((unsigned char)*p);

    if (*p == '\n')
        return refuse(s, s->column, "\\n, or a closing quote", e,
                      "a line break inside a string, where \\n should stand");
    if ((unsigned char)*p < 0x20)
        return refuse(s, s->column, "its escape", e,
                      "a control character (0x%02x) inside a string, where \\u%04x should stand",
                      (unsigned char)*p, (unsigned char)*p);
    if (lead.need == 0)
        return refuse(s, s->column, "UTF-8 text", e, "invalid UTF-8 (byte 0x%02x)",
                      (unsigned char)*p);
    s->utf8_need = lead.need;
    s->utf8_min = lead.min;
    s->utf8_max = lead.max;
    keep(s, p, 1);
    s->state = CHARACTER;
    return p + 1;
}

/* Whole characters here; one that the fragment cuts in two goes through step_character. */
static const char *step_string(struct json_scan *s, const char *p, const char *end, struct err *e)
{
    for (;;) {
        const char *q = json_skip_plain(p, end);
        size_t len;

        s->column += (unsigned)(q - p);
        keep(s, p, (size_t)(q - p));
        p = q;
        if (p == end)
            return p;
        if (*p == '"')
            return end_string(s, p, e);
        if (*p == '\\') {
            s->escape_column = s->column++;
            s->state = ESCAPE;
            return p + 1;
        }
        len = (unsigned char)*p < 0x80 ? 0 : utf8_len(p, (size_t)(end - p));
        if (len == 0)
            return begin_character(s, p, e);
        keep(s, p, len);
        s->column++;
        p += len;
    }
}

static const char *step_character(struct json_scan *s, const char *p, const char *end,
                                  struct err *e)
{
    unsigned char c = (unsigned char)*p;

    (void)end;
    if (c < s->utf8_min || c > s->utf8_max)
        return refuse(s, s->column, "UTF-8 text", e, "invalid UTF-8 (byte 0x%02x)", c);
    keep(s, p, 1);
    s->utf8_min = 0x80;
    s->utf8_max = 0xbf;
    if (--s->utf8_need == 0) {
        s->column++;
        s->state = STRING;
    }
    return p + 1;
}

static const char *lone_surrogate(const struct json_scan *s, struct err *e)
{
    return refuse(s, s->escape_column, "both halves of a pair, or the character itself", e,
                  s->surrogate ? "a high surrogate without its low one after it"
                               : "a low surrogate without its high one before it");
}

static const char *step_escape(struct json_scan *s, const char *p, const char *end, struct err *e)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char *at = *p ? strchr(letters, *p) : NULL;
    char what[64];

    if (*p == 'u') {
        s->hex = s->hex_n = 0;
        s->column++;
        s->state = HEX;
        return p + 1;
    }
    if (s->surrogate)
        return lone_surrogate(s, e);
    if (!at) {
        describe(p, end, what, sizeof(what));
        return refuse(s, s->escape_column, "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX", e,
                      "unexpected %s after a backslash", what);
    }
    keep(s, &bytes[at - letters], 1);
    s->column++;
    s->state = STRING;
    return p + 1;
}

/* All four digits are there. */
static const char *end_hex(struct json_scan *s, const char *p, struct err *e)
{
    unsigned c = s->hex;
    char utf8[4];

    if (c == 0)
        return refuse(s, s->escape_column, "text without it", e, "\\u0000 inside a string");
    if (c >= 0xd800 && c <= 0xdbff) {
        s->surrogate = c;
        s->state = PAIR;
        return p + 1;
    }
    if (s->surrogate)
        c = 0x10000 + ((s->surrogate - 0xd800) << 10) + (c - 0xdc00);
    s->surrogate = 0;
    keep(s, utf8, utf8_put(utf8, c));
    s->state = STRING;
    return p + 1;
}

static const char *step_hex(struct json_scan *s, const char *p, const char *end, struct err *e)
{
    unsigned c = (unsigned char)*p, letter = (c | 0x20) - 'a';
    char what[64];

    if (c - '0' > 9 && letter > 5) {
        describe(p, end, what, sizeof(what));
        return refuse(s, s->column, "a hex digit", e,
                      "unexpected %s where a hex digit should stand", what);
    }
    s->hex = s->hex << 4 | (c - '0' <= 9 ? c - '0' : letter + 10);
    s->hex_n++;
    /* The first two digits tell a low surrogate (dc to df), which stands after a high one only. */
    if (s->hex_n == 2 && (s->hex >= 0xdc && s->hex <= 0xdf) != (s->surrogate != 0))
        return lone_surrogate(s, e);
    s->column++;
    return s->hex_n == 4 ? end_hex(s, p, e) : p + 1;
}

static const char *step_pair(struct json_scan *s, const char *p, const char *end, struct err *e)
{
    (void)end;
    if (*p != '\\')
        return lone_surrogate(s, e);
    s->column++;
    s->state = ESCAPE;
    return p + 1;
}

/* ---- The automaton ---- */

static const struct {
    const char *(*step)(struct json_scan *s, const char *p, const char *end, struct err *e);
    const char *inside; /* where the text may not end; NULL = wanted_here() says it */
} states[] = {
    [START] = {step_structure, NULL},       [VALUE] = {step_structure, NULL},
    [FIRST_VALUE] = {step_structure, NULL}, [NAME] = {step_structure, NULL},
    [FIRST_NAME] = {step_structure, NULL},  [COLON] = {step_structure, NULL},
    [NEXT] = {step_structure, NULL},        [END] = {step_structure, NULL},
    [STRING] = {step_string, "a string"},   [CHARACTER] = {step_character, "a string"},
    [ESCAPE] = {step_escape, "a string"},   [HEX] = {step_hex, "a string"},
    [PAIR] = {step_pair, "a string"},       [WORD] = {step_word, "a word"},
    [NUMBER] = {step_number, "a number"},
};

void json_scan_init(struct json_scan *s)
{
    memset(s, 0, sizeof(*s));
    s->line = s->column = 1;
}

static int refused_before(const struct json_scan *s, struct err *e)
{
    return err_at(e, ERR_INVALID, s->line, s->column, "the text was refused before");
}

int json_scan_feed(struct json_scan *s, const char *p, size_t n, struct err *e)
{
    const char *end;

    if (s->failed)
        return refused_before(s, e);
    if (n == 0)
        return 0;
    end = p + n;
    while (p < end) {
        const char *next = states[s->state].step(s, p, end, e);

        if (!next) {
            s->failed = 1;
            return -1;
        }
        p = next;
    }
    s->offset += n;
    return 0;
}

bool json_scan_complete(const struct json_scan *s)
{
    return s->state == END && !s->failed;
}

int json_scan_finish(const struct json_scan *s, struct err *e)
{
    bool number = s->state == NUMBER && numbers[s->sub].complete;
    const char *wanted = number && s->depth ? wanted_after_value(s) : wanted_here(s);

    if (s->failed)
        return refused_before(s, e);
    if (s->state == END || (number && s->depth == 0))
        return 0;
    if (states[s->state].inside && !number) {
        err_at(e, ERR_INVALID, s->line, s->column, "the text ends inside %s",
               states[s->state].inside);
        return err_expected(e, "the rest of it");
    }
    if (s->depth == 0)
        err_at(e, ERR_INVALID, s->line, s->column, "the text is empty");
    else
        err_at(e, ERR_INVALID, s->line, s->column, "the text ends where %s should stand", wanted);
    return err_expected(e, "%s", wanted);
}

int json_scan_explain(const char *text, size_t n, bool any, struct err *e)
{
    struct json_scan s;

    json_scan_init(&s);
    s.any = any;
    s.state = any ? VALUE : START;
    if (json_scan_feed(&s, text, n, e) == 0 && json_scan_finish(&s, e) == 0)
        err_set(e, ERR_INVALID, "not a JSON %s", any ? "value" : "object");
    err_excerpt(e, text, n);
    return -1;
}
