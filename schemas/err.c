/* Errors: fixed buffers that are always one printable line of valid UTF-8, whatever the user's
 * text holds, so that no log, terminal or control file has to clean them again. */
#include "err.h"

#include "utf8.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Room for an excerpt before and after the fault, in bytes. */
#define EXCERPT_BEFORE 90u
#define EXCERPT_AFTER  90u
#define ELLIPSIS       "..."

#define WORD_MAX 64u /* longer words are never misspellings of ours */

/* C0, DEL and C1; and what would turn or hide the rest of a line: byte order marks, line and
 * paragraph separators, marks and overrides of direction. */
static bool is_control(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;

    if (len != 3)
        return utf8_control(text, len) > 0;
    if (p[0] == 0xe2 && p[1] == 0x80)
        return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
    return (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9) ||
           memcmp(p, "\xef\xbb\xbf", 3) == 0;
}

/* Copies whole characters while they fit into size - 1 bytes; what can't be shown becomes '?', a
 * tab a space. Always terminates. Returns the number of characters written. */
static unsigned copy_clean(char *ret, size_t size, const char *text, size_t n)
{
    unsigned chars = 0;
    size_t used = 0;

    while (n > 0) {
        size_t len = utf8_len(text, n), step = len ? len : 1;
        bool bad = len == 0 || is_control(text, len);

        if (used + (bad ? 1 : step) >= size)
            break;
        if (bad)
            ret[used++] = text[0] == '\t' ? ' ' : '?';
        else
            for (size_t i = 0; i < step; i++)
                ret[used++] = text[i];
        text += step;
        n -= step;
        chars++;
    }
    ret[used] = '\0';
    return chars;
}

/* n without a character that was cut in two at the end. */
static size_t without_torn_end(const char *text, size_t n)
{
    size_t start = n;

    while (start > 0 && n - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || utf8_lead((unsigned char)text[start - 1]).need < n - start + 1)
        return n;
    return start - 1;
}

static void vfill(char *ret, size_t size, const char *fmt, va_list ap)
{
    char raw[sizeof(((struct err *)0)->text)];
    int n = vsnprintf(raw, sizeof(raw), fmt, ap);

    if (n < 0)
        n = 0;
    if ((size_t)n < sizeof(raw))
        copy_clean(ret, size, raw, (size_t)n);
    else
        copy_clean(ret, size, raw, without_torn_end(raw, sizeof(raw) - 1));
}

static int vset(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
    assert(code != ERR_NONE);
    if (e->code != ERR_NONE)
        return -1;
    e->code = code;
    vfill(e->text, sizeof(e->text), fmt, ap);
    return -1;
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vset(e, code, fmt, ap);
    va_end(ap);
    return -1;
}

int err_at(struct err *e, enum err_code code, unsigned line, unsigned column, const char *fmt, ...)
{
    va_list ap;

    if (e->code != ERR_NONE)
        return -1;
    va_start(ap, fmt);
    vset(e, code, fmt, ap);
    va_end(ap);
    e->line = line;
    e->column = column;
    return -1;
}

int err_nomem(struct err *e)
{
    return err_set(e, ERR_NO_MEMORY, "out of memory");
}

int err_source(struct err *e, const char *source)
{
    if (!e->source[0])
        copy_clean(e->source, sizeof(e->source), source, strlen(source));
    return -1;
}

int err_field(struct err *e, const char *field)
{
    if (!e->field[0])
        copy_clean(e->field, sizeof(e->field), field, strlen(field));
    return -1;
}

int err_expected(struct err *e, const char *fmt, ...)
{
    va_list ap;

    if (e->expected[0])
        return -1;
    va_start(ap, fmt);
    vfill(e->expected, sizeof(e->expected), fmt, ap);
    va_end(ap);
    return -1;
}

void err_clear(struct err *e)
{
    memset(e, 0, sizeof(*e));
}

/* ---- The excerpt ---- */

/* The bytes of a 1-based line, without its line break; false when the text is shorter. */
static bool find_line(const char *text, size_t len, unsigned line, const char **ret, size_t *ret_n)
{
    const char *p = text, *end = text + len, *eol;

    for (; line > 1; line--) {
        p = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        if (!p)
            return false;
        p++;
    }
    eol = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    if (!eol)
        eol = end;
    if (eol > p && eol[-1] == '\r')
        eol--;
    *ret = p;
    *ret_n = (size_t)(eol - p);
    return true;
}

/* The byte at which the 1-based column starts, at most n. */
static size_t column_offset(const char *line, size_t n, unsigned column)
{
    size_t at = 0;

    for (unsigned i = 1; i < column && at < n; i++) {
        size_t len = utf8_len(line + at, n - at);

        at += len ? len : 1;
    }
    return at;
}

/* Moves at most `back` bytes back from `at`, to the start of a character. */
static size_t window_start(const char *line, size_t at, size_t back)
{
    size_t start = at > back ? at - back : 0;

    while (start > 0 && start < at && ((unsigned char)line[start] & 0xc0) == 0x80)
        start++;
    return start;
}

/* The line to show and the column in it: where a text ends too early, that is often on an empty
 * line, and the end of the one before says more. */
static bool find_fault(const struct err *e, const char *text, size_t len, const char **ret,
                       size_t *ret_n, unsigned *ret_column)
{
    unsigned line = e->line;

    *ret_column = e->column;
    if (!find_line(text, len, line, ret, ret_n))
        return false;
    while (*ret_n == 0 && line > 1) {
        find_line(text, len, --line, ret, ret_n);
        *ret_column = UINT_MAX;
    }
    return *ret_n > 0;
}

void err_excerpt(struct err *e, const char *text, size_t len)
{
    char *out = e->excerpt;
    const char *line;
    size_t n, at, start;
    unsigned before = 0, column;

    if (e->excerpt[0] || e->line == 0 || len == 0 || !find_fault(e, text, len, &line, &n, &column))
        return;
    at = column_offset(line, n, column);
    start = window_start(line, at, EXCERPT_BEFORE);
    if (start > 0) {
        memcpy(out, ELLIPSIS, sizeof(ELLIPSIS));
        before = sizeof(ELLIPSIS) - 1;
    }
    before += copy_clean(out + before, at - start + 1, line + start, at - start);
    e->caret = column ? before + 1 : 0;
    out += strlen(out);
    if (n - at <= EXCERPT_AFTER) {
        copy_clean(out, n - at + 1, line + at, n - at);
        return;
    }
    copy_clean(out, EXCERPT_AFTER + 1, line + at, n - at);
    memcpy(out + strlen(out), ELLIPSIS, sizeof(ELLIPSIS));
}

void err_format(const struct err *e, char *ret, size_t size)
{
    char place[sizeof(e->source) + 32] = "";
    size_t n = 0;

    if (size == 0)
        return;
    if (e->source[0])
        n += (size_t)snprintf(place + n, sizeof(place) - n, "%s:", e->source);
    if (e->line)
        n += (size_t)snprintf(place + n, sizeof(place) - n, "%u:", e->line);
    if (e->line && e->column)
        n += (size_t)snprintf(place + n, sizeof(place) - n, "%u:", e->column);
    snprintf(ret, size, "%s%s%s", place, n ? " " : "", e->text);
}

/* ---- The nearest word ---- */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions, replacements, and swaps of two neighbours; case does not count. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned char d[WORD_MAX + 1][WORD_MAX + 1];

    for (size_t i = 0; i <= na; i++)
        d[i][0] = (unsigned char)i;
    for (size_t j = 0; j <= nb; j++)
        d[0][j] = (unsigned char)j;
    for (size_t i = 1; i <= na; i++) {
        for (size_t j = 1; j <= nb; j++) {
            unsigned swap = WORD_MAX, cost = !same_letter(a[i - 1], b[j - 1]);

            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1]))
                swap = d[i - 2][j - 2] + 1u;
            cost = min3(d[i - 1][j] + 1u, d[i][j - 1] + 1u, d[i - 1][j - 1] + cost);
            d[i][j] = (unsigned char)(swap < cost ? swap : cost);
        }
    }
    return d[na][nb];
}

const char *err_nearest(const char *word, size_t len, const char *const *words, size_t n)
{
    const char *best = NULL;
    unsigned best_distance = WORD_MAX;

    if (len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = words[i] ? strlen(words[i]) : WORD_MAX + 1;
        unsigned limit, d;

        if (other > WORD_MAX)
            continue;
        /* A third of the letters may differ, three at most. */
        limit = (unsigned)(len > other ? len : other) / 3;
        d = distance(word, len, words[i], other);
        if (d <= (limit > 3 ? 3 : limit) && d < best_distance) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
