/* Functions of texts, the same as SQLite's but within the time limit. */
#include "expr_fn.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_LOOK 65536 /* between two looks at the clock */

typedef unsigned char byte;

struct pace {
    struct expr_clock *clock;
    size_t steps;
};

static bool is_late(struct pace *p, size_t steps)
{
    p->steps += steps;
    if (p->steps < STEPS_PER_LOOK)
        return false;
    p->steps = 0;
    return p->clock->is_overdue(p->clock->arg);
}

static void result_late(sqlite3_context *ctx)
{
    sqlite3_result_error(ctx, "out of time", -1);
}

static bool is_inner(byte c)
{
    return (c & 0xc0) == 0x80;
}

struct bytes {
    const byte *p; /* NULL: the value is NULL, or memory ran out */
    size_t n;
};

static struct bytes text_of(sqlite3_value *v)
{
    const byte *p = sqlite3_value_text(v);
    return (struct bytes){p, p ? (size_t)sqlite3_value_bytes(v) : 0};
}

/* ---- upper, lower, substr ---- */

/* True = the call is over: a text that long is not to be copied any more. */
static bool is_too_late(sqlite3_context *ctx, size_t n)
{
    struct expr_clock *clock = sqlite3_user_data(ctx);
    if (n <= EXPR_LARGE_VALUE || !clock->is_overdue(clock->arg))
        return false;
    result_late(ctx);
    return true;
}

/* ASCII letters alone: those from `first` on become those from `to` on. */
static void change_case(sqlite3_context *ctx, struct bytes text, byte first, byte to)
{
    if (!text.p || is_too_late(ctx, text.n))
        return;
    byte *out = sqlite3_malloc64(text.n + 1);
    if (!out) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    for (size_t i = 0; i < text.n; i++)
        out[i] = (byte)(text.p[i] - first) < 26 ? (byte)(text.p[i] - first + to) : text.p[i];
    sqlite3_result_text64(ctx, (char *)out, text.n, sqlite3_free, SQLITE_UTF8);
}

static void upper(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    change_case(ctx, text_of(argv[0]), 'a', 'A');
}

static void lower(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    change_case(ctx, text_of(argv[0]), 'A', 'a');
}

/* Behind n characters, or at the NUL at the text's end. */
static const byte *skip_chars(const byte *p, sqlite3_int64 n)
{
    for (; n > 0 && *p; n--)
        if (*p++ >= 0xc0)
            while (is_inner(*p))
                p++;
    return p;
}

static sqlite3_int64 count_chars(const byte *p)
{
    sqlite3_int64 n = 0;
    for (; *p; n++)
        p = skip_chars(p, 1);
    return n;
}

static sqlite3_int64 clamp(sqlite3_int64 n)
{
    return n > INT32_MAX ? INT32_MAX : n < -INT32_MAX ? -INT32_MAX : n;
}

/* What is asked for, as places [from, to) counted from 0; n: the length, looked at when it is
 * counted from the end. The place before the first is one, too, so that substr(x, 0, 2) has one. */
static void substr_range(int argc, sqlite3_value **argv, sqlite3_int64 n, sqlite3_int64 *ret_from,
                         sqlite3_int64 *ret_to)
{
    sqlite3_int64 start = clamp(sqlite3_value_int64(argv[1])),
                  size = argc == 3 ? clamp(sqlite3_value_int64(argv[2])) : INT32_MAX;
    start = start < 0 ? n + start : start - 1;
    sqlite3_int64 end = start + size;
    *ret_from = size < 0 ? end : start;
    *ret_to = size < 0 ? start : end;
    if (*ret_from < 0)
        *ret_from = 0;
    if (*ret_to < *ret_from)
        *ret_to = *ret_from;
}

static void substr_blob(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const byte *p = sqlite3_value_blob(argv[0]);
    sqlite3_int64 n = sqlite3_value_bytes(argv[0]), from, to;
    if (!p || is_too_late(ctx, (size_t)n))
        return;
    substr_range(argc, argv, n, &from, &to);
    from = from < n ? from : n;
    to = to < n ? to : n;
    sqlite3_result_blob64(ctx, p + from, (sqlite3_uint64)(to - from), SQLITE_TRANSIENT);
}

static void substr(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    sqlite3_int64 from, to;
    if (sqlite3_value_type(argv[1]) == SQLITE_NULL ||
        (argc == 3 && sqlite3_value_type(argv[2]) == SQLITE_NULL))
        return;
    if (sqlite3_value_type(argv[0]) == SQLITE_BLOB) {
        substr_blob(ctx, argc, argv);
        return;
    }
    struct bytes text = text_of(argv[0]);
    if (!text.p || is_too_late(ctx, text.n))
        return;
    bool from_end = sqlite3_value_int64(argv[1]) < 0;
    substr_range(argc, argv, from_end ? count_chars(text.p) : 0, &from, &to);
    const byte *p = skip_chars(text.p, from), *end = skip_chars(p, to - from);
    sqlite3_result_text64(ctx, (const char *)p, (sqlite3_uint64)(end - p), SQLITE_TRANSIENT,
                          SQLITE_UTF8);
}

/* ---- instr, replace ---- */

/* In characters. One that starts within a character is found at the very start only, as SQLite
 * does. */
static sqlite3_int64 find_text(struct bytes hay, struct bytes needle)
{
    if (is_inner(needle.p[0]))
        return needle.n <= hay.n && memcmp(hay.p, needle.p, needle.n) == 0;
    const byte *at = memmem(hay.p, hay.n, needle.p, needle.n);
    if (!at)
        return 0;
    sqlite3_int64 n = 1;
    for (const byte *p = hay.p + 1; p <= at; p++)
        n += !is_inner(*p);
    return n;
}

static void instr(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    int types[] = {sqlite3_value_type(argv[0]), sqlite3_value_type(argv[1])};
    (void)argc;
    if (types[0] == SQLITE_NULL || types[1] == SQLITE_NULL)
        return;
    if (sqlite3_value_bytes(argv[1]) == 0) {
        sqlite3_result_int(ctx, 1);
        return;
    }
    if (types[0] == SQLITE_BLOB && types[1] == SQLITE_BLOB) {
        size_t n = (size_t)sqlite3_value_bytes(argv[0]);
        const byte *hay = sqlite3_value_blob(argv[0]);
        const byte *at =
            n ? memmem(hay, n, sqlite3_value_blob(argv[1]), (size_t)sqlite3_value_bytes(argv[1]))
              : NULL;
        sqlite3_result_int64(ctx, at ? at - hay + 1 : 0);
        return;
    }
    struct bytes hay = text_of(argv[0]), needle = text_of(argv[1]);
    if (hay.p && needle.p)
        sqlite3_result_int64(ctx, find_text(hay, needle));
    else
        sqlite3_result_error_nomem(ctx);
}

/* False: out of time. One search is linear in what it passes, however many there are; but memmem is not
 * everywhere as quick to start. */
static bool count(struct bytes text, struct bytes pattern, struct pace *pace, size_t *ret)
{
    const byte *p = text.p, *at, *end = text.p + text.n;
    *ret = 0;
    while ((at = memmem(p, (size_t)(end - p), pattern.p, pattern.n))) {
        if (is_late(pace, (size_t)(at - p) + pattern.n))
            return false;
        p = at + pattern.n;
        ++*ret;
    }
    return true;
}

static byte *append(byte *out, const byte *p, size_t n)
{
    memcpy(out, p, n);
    return out + n;
}

static bool replace_all(struct bytes text, struct bytes pattern, struct bytes by,
                        struct pace *pace, byte *out)
{
    const byte *p = text.p, *at, *end = text.p + text.n;
    while ((at = memmem(p, (size_t)(end - p), pattern.p, pattern.n))) {
        if (is_late(pace, (size_t)(at - p) + pattern.n))
            return false;
        out = append(out, p, (size_t)(at - p));
        out = append(out, by.p, by.n);
        p = at + pattern.n;
    }
    append(out, p, (size_t)(end - p));
    return true;
}

static void replace(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct bytes text = text_of(argv[0]), pattern = text_of(argv[1]);
    (void)argc;
    if (!text.p || !pattern.p)
        return;
    if (pattern.p[0] == '\0') {
        sqlite3_result_value(ctx, argv[0]);
        return;
    }
    struct bytes by = text_of(argv[2]);
    if (!by.p)
        return;
    struct pace pace = {sqlite3_user_data(ctx), 0};
    size_t times;
    if (!count(text, pattern, &pace, &times)) {
        result_late(ctx);
        return;
    }
    size_t n = text.n - times * pattern.n + times * by.n;
    int max = sqlite3_limit(sqlite3_context_db_handle(ctx), SQLITE_LIMIT_LENGTH, -1);
    if (n > (size_t)max) {
        sqlite3_result_error_toobig(ctx);
        return;
    }
    if (is_too_late(ctx, n))
        return;
    byte *out = sqlite3_malloc64(n + 1);
    if (!out) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    if (replace_all(text, pattern, by, &pace, out)) {
        sqlite3_result_text64(ctx, (char *)out, n, sqlite3_free, SQLITE_UTF8);
        return;
    }
    sqlite3_free(out);
    result_late(ctx);
}

/* ---- trim, ltrim, rtrim ---- */

struct trimming {
    const char *name;
    bool left, right;
};
static const struct trimming trimmings[] = {
    {"trim", true, true}, {"ltrim", true, false}, {"rtrim", false, true}};
#define N_TRIMMINGS (sizeof trimmings / sizeof *trimmings)

struct trim_fn {
    const struct trimming *how;
    struct expr_clock *clock;
};

/* The length of the first character of the set that the text starts (ends) with; 0 = none. */
static size_t trimmed(struct bytes text, const byte *set, bool at_end, struct pace *pace,
                      bool *ret_late)
{
    while (*set) {
        size_t n = 1;
        while (*set >= 0xc0 && is_inner(set[n]))
            n++;
        if (n <= text.n && memcmp(at_end ? text.p + text.n - n : text.p, set, n) == 0)
            return n;
        set += n;
        if ((*ret_late = is_late(pace, n)))
            return 0;
    }
    return 0;
}

static void trim(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const struct trim_fn *fn = sqlite3_user_data(ctx);
    struct pace pace = {.clock = fn->clock};
    struct bytes text = text_of(argv[0]);
    const byte *set = argc == 1 ? (const byte *)" " : text_of(argv[1]).p;
    bool late = false;
    size_t n;
    if (!text.p || !set)
        return;
    while (fn->how->left && (n = trimmed(text, set, false, &pace, &late)))
        text = (struct bytes){text.p + n, text.n - n};
    while (!late && fn->how->right && (n = trimmed(text, set, true, &pace, &late)))
        text.n -= n;
    if (late)
        result_late(ctx);
    else
        sqlite3_result_text64(ctx, (const char *)text.p, text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* ---- LIKE, GLOB ---- */

struct wild {
    uint32_t any, one; /* % and _, * and ?; 0 = there is none */
    uint32_t special;  /* before a literal character; or [ */
    bool has_sets;     /* special is [ */
};

/* One character of text that ends in NUL, as SQLite reads it, also where it is not valid. */
static uint32_t read_char(const byte **p)
{
    uint32_t c = *(*p)++;
    if (c < 0xc0)
        return c;
    c &= c < 0xe0 ? 0x1f : c < 0xf0 ? 0x0f : c < 0xf8 ? 0x07 : c < 0xfc ? 0x03 : c < 0xfe ? 1 : 0;
    while (is_inner(**p))
        c = (c << 6) + (*(*p)++ & 0x3f);
    return c < 0x80 || (c & 0xfffff800) == 0xd800 || (c & 0xfffffffe) == 0xfffe ? 0xfffd : c;
}

static uint32_t fold(uint32_t c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* The pattern stands behind the [. */
static bool set_matches(const byte **pattern, uint32_t c)
{
    bool seen = false, invert = false;
    uint32_t prior = 0, p = read_char(pattern);
    if ((invert = p == '^'))
        p = read_char(pattern);
    if (p == ']') {
        seen = c == ']';
        p = read_char(pattern);
    }
    for (; p && p != ']'; p = read_char(pattern)) {
        if (p == '-' && **pattern != ']' && **pattern && prior > 0) {
            p = read_char(pattern);
            seen = seen || (c >= prior && c <= p);
            prior = 0;
        } else {
            seen = seen || c == p;
            prior = p;
        }
        if (p == 0)
            break;
    }
    if (p == 0)
        --*pattern; /* stay at the NUL */
    return p != 0 && seen != invert;
}

/* Takes one element, not `any`, off the pattern, which is not at its end. */
static bool element_matches(const struct wild *w, const byte **pattern, uint32_t c)
{
    uint32_t p = read_char(pattern);
    if (p == w->special && w->has_sets)
        return set_matches(pattern, c);
    if (p == w->special) {
        if (**pattern == '\0')
            return false;
        p = read_char(pattern);
    } else if (p == w->one) {
        return true;
    }
    return p == c || (!w->has_sets && fold(p) == fold(c));
}

/* To where the pattern can begin, when it begins with a letter or the like. */
static const byte *skip_to(const struct wild *w, const byte *pattern, const byte *text)
{
    uint32_t c = *pattern;
    char stops[] = {(char)c, '\0', '\0'};
    if (c == 0 || c >= 0x80 || c == w->any || c == w->one || c == w->special)
        return text;
    if (!w->has_sets && fold(c) >= 'a' && fold(c) <= 'z')
        stops[1] = (char)(c ^ ('a' - 'A'));
    return text + strcspn((const char *)text, stops);
}

/* 1, 0; -1: out of time. After an `any`, only the last one needs to be tried again further on. */
static int matches(const struct wild *w, const byte *pattern, const byte *text, struct pace *pace)
{
    const byte *after_any = NULL, *retry = NULL;
    while (*text) {
        const byte *p = pattern, *t = text;
        if (*p && *p == w->any) {
            after_any = ++pattern;
            retry = text = skip_to(w, pattern, text);
            continue;
        }
        bool ok = *p && element_matches(w, &p, read_char(&t));
        if (is_late(pace, (size_t)(p - pattern) + 1))
            return -1;
        if (ok) {
            pattern = p;
            text = t;
            continue;
        }
        if (!after_any)
            return 0;
        read_char(&retry);
        pattern = after_any;
        retry = text = skip_to(w, pattern, retry);
    }
    while (*pattern && *pattern == w->any)
        pattern++;
    return *pattern == '\0';
}

static bool set_escape(struct wild *w, sqlite3_context *ctx, sqlite3_value *v)
{
    const byte *escape = sqlite3_value_text(v);
    if (!escape)
        return false;
    if (*escape)
        w->special = read_char(&escape);
    if (w->special == 0 || *escape) {
        sqlite3_result_error(ctx, "ESCAPE expression must be a single character", -1);
        return false;
    }
    w->any = w->any == w->special ? 0 : w->any;
    w->one = w->one == w->special ? 0 : w->one;
    return true;
}

/* A choice of whoever built SQLite, which expressions have always followed. */
static bool is_unmatchable(sqlite3_value **argv)
{
    return (sqlite3_value_type(argv[0]) == SQLITE_BLOB ||
            sqlite3_value_type(argv[1]) == SQLITE_BLOB) &&
           sqlite3_compileoption_used("LIKE_DOESNT_MATCH_BLOBS");
}

/* Of like(pattern, text [, escape]) and glob(pattern, text). */
static void match(sqlite3_context *ctx, struct wild w, int argc, sqlite3_value **argv)
{
    struct pace pace = {.clock = sqlite3_user_data(ctx)};
    if (is_unmatchable(argv)) {
        sqlite3_result_int(ctx, 0);
        return;
    }
    int max = sqlite3_limit(sqlite3_context_db_handle(ctx), SQLITE_LIMIT_LIKE_PATTERN_LENGTH, -1);
    if (sqlite3_value_bytes(argv[0]) > max) {
        sqlite3_result_error(ctx, "LIKE or GLOB pattern too complex", -1);
        return;
    }
    if (argc == 3 && !set_escape(&w, ctx, argv[2]))
        return;
    struct bytes pattern = text_of(argv[0]), text = text_of(argv[1]);
    if (!pattern.p || !text.p)
        return;
    int r = matches(&w, pattern.p, text.p, &pace);
    if (r < 0)
        result_late(ctx);
    else
        sqlite3_result_int(ctx, r);
}

static void like(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    match(ctx, (struct wild){.any = '%', .one = '_'}, argc, argv);
}

static void glob(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    match(ctx, (struct wild){.any = '*', .one = '?', .special = '[', .has_sets = true}, argc, argv);
}

/* ---- All of them ---- */

#define FLAGS (SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS)

static const struct {
    const char *name;
    int argc;
    void (*call)(sqlite3_context *ctx, int argc, sqlite3_value **argv);
} functions[] = {
    {"upper", 1, upper},      {"lower", 1, lower},      {"substr", 2, substr},
    {"substr", 3, substr},    {"instr", 2, instr},      {"replace", 3, replace},
    {"substring", 2, substr}, {"substring", 3, substr}, {"like", 2, like},
    {"like", 3, like},        {"glob", 2, glob},
};

static int add_trimming(sqlite3 *db, const struct trimming *how, int argc, struct expr_clock *clock)
{
    struct trim_fn *fn = malloc(sizeof *fn);
    if (!fn)
        return SQLITE_NOMEM;
    *fn = (struct trim_fn){how, clock};
    return sqlite3_create_function_v2(db, how->name, argc, FLAGS, fn, trim, NULL, NULL, free);
}

int expr_fn_add_text(sqlite3 *db, struct expr_clock *clock)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof functions / sizeof *functions; i++)
        rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].argc, FLAGS, clock,
                                        functions[i].call, NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < 2 * N_TRIMMINGS; i++)
        rc = add_trimming(db, &trimmings[i / 2], 1 + (int)(i % 2), clock);
    return rc;
}
