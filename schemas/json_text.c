/* Strings, numbers and names: the parts of JSON that need no tree. */
#include "json_impl.h"

#include "utf8.h"

bool utf8_valid(const char *p, size_t n)
{
    while (n > 0) {
        size_t len = utf8_len(p, n);

        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

/* ---- Numbers ---- */

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

bool json_number_is_integer(struct span text)
{
    const char *p = text.p, *end = text.p + text.n;

    if (p < end && *p == '-')
        p++;
    return p < end && skip_digits(p, end) == end;
}

size_t json_number_len(const char *p, const char *end)
{
    const char *start = p, *digits;

    if (p < end && *p == '-')
        p++;
    digits = p;
    p = skip_digits(p, end);
    if (p == digits || (*digits == '0' && p - digits > 1))
        return 0;
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return 0;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return 0;
    }
    return (size_t)(p - start);
}

/* ---- Strings ---- */

/* What stands for a byte after a backslash, in both directions. */
static const struct {
    char letter, byte;
} escapes[] = {
    {'"', '"'},  {'\\', '\\'}, {'/', '/'},  {'b', '\b'},
    {'f', '\f'}, {'n', '\n'},  {'r', '\r'}, {'t', '\t'},
};
#define N_ESCAPES (sizeof(escapes) / sizeof(escapes[0]))

static bool hex4(const char *p, const char *end, unsigned *ret)
{
    unsigned v = 0;

    if (end - p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i], letter = (c | 0x20) - 'a';

        if (c - '0' > 9 && letter > 5)
            return false;
        v = v << 4 | (c - '0' <= 9 ? c - '0' : letter + 10);
    }
    *ret = v;
    return true;
}

/* One \u escape (or a surrogate pair of them); *p stands after its "\u". */
static size_t unescape_u(const char **p, const char *end, char *out)
{
    unsigned c, low;

    if (!hex4(*p, end, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
        return 0;
    *p += 4;
    if (c < 0xd800 || c > 0xdbff)
        return utf8_put(out, c);
    if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' || !hex4(*p + 2, end, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return 0;
    *p += 6;
    return utf8_put(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
}

/* One escape; *p stands after its backslash. Returns the bytes written, 0 = it is none. */
static size_t unescape_one(const char **p, const char *end, char *out)
{
    char letter;

    if (*p == end)
        return 0;
    letter = *(*p)++;
    if (letter == 'u')
        return unescape_u(p, end, out);
    for (size_t i = 0; i < N_ESCAPES; i++) {
        if (escapes[i].letter == letter) {
            *out = escapes[i].byte;
            return 1;
        }
    }
    return 0;
}

bool json_unescape(struct span raw, char *out, size_t *ret_n)
{
    const char *p = raw.p, *end = raw.p + raw.n;
    char *o = out;

    while (p < end) {
        const char *q = json_skip_plain(p, end);
        size_t len;

        memcpy(o, p, (size_t)(q - p));
        o += q - p;
        p = q;
        if (p == end)
            break;
        if (*p == '\\') {
            p++;
            len = unescape_one(&p, end, o);
        } else {
            len = (unsigned char)*p < 0x80 ? 0 : utf8_len(p, (size_t)(end - p));
            memcpy(o, p, len);
            p += len;
        }
        if (len == 0)
            return false;
        o += len;
    }
    *ret_n = (size_t)(o - out);
    return true;
}

bool json_decode_string(struct span quoted, struct buf *out)
{
    size_t n;

    if (quoted.n < 2 || quoted.p[0] != '"' || quoted.p[quoted.n - 1] != '"' ||
        !buf_reserve(out, quoted.n) ||
        !json_unescape((struct span){quoted.p + 1, quoted.n - 2}, out->p + out->n, &n))
        return false;
    out->n += n;
    return true;
}

static bool write_escape(char c, struct buf *out)
{
    for (size_t i = 0; i < N_ESCAPES; i++) {
        if (escapes[i].byte == c) {
            char pair[2] = {'\\', escapes[i].letter};

            return buf_add(out, pair, 2);
        }
    }
    return buf_printf(out, "\\u%04x", (unsigned char)c);
}

/* Over what canonical text holds as it is: everything but `"`, `\` and U+0000..U+001F. */
static const char *skip_unescaped(const char *p, const char *end)
{
    for (;;) {
        p = json_skip_plain(p, end);
        while (p < end && (unsigned char)*p >= 0x80)
            p++;
        if (p == end || (unsigned char)*p < 0x20 || *p == '"' || *p == '\\')
            return p;
    }
}

bool json_write_string(struct span decoded, struct buf *out)
{
    const char *p = decoded.p ? decoded.p : "", *end = p + decoded.n;
    size_t n = out->n;

    if (!buf_reserve(out, decoded.n + 2) || !buf_addc(out, '"'))
        return false;
    while (p < end) {
        const char *q = skip_unescaped(p, end);

        if (!buf_add(out, p, (size_t)(q - p)) || (q < end && !write_escape(*q, out)))
            goto no_memory;
        p = q < end ? q + 1 : q;
    }
    if (buf_addc(out, '"'))
        return true;
no_memory:
    out->n = n;
    return false;
}

/* ---- Names ---- */

static int compare_names(const void *va, const void *vb)
{
    const struct json_name *a = va, *b = vb;
    int diff;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    if (a->name.n != b->name.n)
        return a->name.n < b->name.n ? -1 : 1;
    diff = a->name.n ? memcmp(a->name.p, b->name.p, a->name.n) : 0;
    if (diff)
        return diff;
    return a->index < b->index ? -1 : a->index > b->index;
}

bool json_names_repeat(struct json_name *v, size_t n, size_t *ret_first, size_t *ret_again)
{
    bool found = false;
    size_t first = 0;

    for (size_t i = 0; i < n; i++) {
        v[i].prefix = 0;
        if (v[i].name.n)
            memcpy(&v[i].prefix, v[i].name.p, v[i].name.n < 8 ? v[i].name.n : 8);
    }
    qsort(v, n, sizeof(*v), compare_names);
    for (size_t i = 1; i < n; i++) {
        if (!span_eq(v[i].name, v[i - 1].name)) {
            first = i;
        } else if (!found || v[i].index < *ret_again) {
            *ret_first = v[first].index;
            *ret_again = v[i].index;
            found = true;
        }
    }
    return found;
}
