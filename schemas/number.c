#include "number.h"

#include <stdio.h>

#include "json.h"

/* A number's text taken apart: sign, digits before and after the point, exponent. */
struct decimal {
    bool negative;
    struct span whole, fraction;
    long exponent; /* within +-EXPONENT_CAP */
    bool has_exponent;
};

#define EXPONENT_CAP 100000000L

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct span take_digits(const char **p, const char *end)
{
    struct span digits = {*p, 0};
    while (*p < end && is_digit(**p))
        ++*p;
    digits.n = (size_t)(*p - digits.p);
    return digits;
}

static bool take_exponent(const char **p, const char *end, long *ret)
{
    bool negative = *p < end && **p == '-';
    if (*p < end && (**p == '-' || **p == '+'))
        ++*p;
    struct span digits = take_digits(p, end);
    long v = 0;
    for (size_t i = 0; i < digits.n && v < EXPONENT_CAP; i++)
        v = v * 10 + (digits.p[i] - '0');
    if (v > EXPONENT_CAP)
        v = EXPONENT_CAP;
    *ret = negative ? -v : v;
    return digits.n > 0;
}

static bool decimal_parse(struct span text, struct decimal *ret)
{
    if (!text.p)
        return false;
    const char *p = text.p, *end = text.p + text.n;
    struct decimal d = {0};
    d.negative = p < end && *p == '-';
    p += d.negative;
    d.whole = take_digits(&p, end);
    if (d.whole.n == 0 || (d.whole.n > 1 && d.whole.p[0] == '0'))
        return false;
    d.fraction = (struct span){p, 0};
    if (p < end && *p == '.') {
        p++;
        d.fraction = take_digits(&p, end);
        if (d.fraction.n == 0)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        d.has_exponent = true;
        if (!take_exponent(&p, end, &d.exponent))
            return false;
    }
    *ret = d;
    return p == end;
}

bool number_valid(struct span text)
{
    struct decimal d;
    return decimal_parse(text, &d);
}

/* Digits as JSON writes them: no zero in front. */
static bool is_integer(struct span text)
{
    size_t first = text.n > 0 && text.p[0] == '-';
    return json_number_is_integer(text) && (text.n == first + 1 || text.p[first] != '0');
}

bool number_int64(struct span text, int64_t *ret)
{
    if (!is_integer(text) || text.n > 20)
        return false;
    bool negative = text.p[0] == '-';
    if (negative && text.p[1] == '0')
        return false;
    int64_t v = 0; /* counts downwards: the negative range is the larger one */
    for (size_t i = negative; i < text.n; i++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, text.p[i] - '0', &v))
            return false;
    if (!negative && v == INT64_MIN)
        return false;
    *ret = negative ? v : -v;
    return true;
}

/* Whether SQLite's "%!.15g" prints this decimal the way it is written. */
static bool prints_back(const struct decimal *d, int64_t digits)
{
    if (d->has_exponent || d->fraction.n == 0 || (d->negative && digits == 0))
        return false;
    if (d->fraction.n > 1 && d->fraction.p[d->fraction.n - 1] == '0')
        return false;
    bool plain = d->whole.p[0] != '0' || d->fraction.n <= 4;
    for (size_t i = 0; !plain && i < 4 && i < d->fraction.n; i++)
        plain = d->fraction.p[i] != '0'; /* 0.0001 is plain, 0.00001 is 1.0e-05 */
    return plain;
}

bool number_double(struct span text, double *ret)
{
    struct decimal d;
    if (!decimal_parse(text, &d) || d.whole.n + d.fraction.n > 20)
        return false;
    int64_t digits = 0, power = 1;
    for (size_t i = 0; i < d.whole.n && digits < INT64_C(1000000000000000); i++)
        digits = digits * 10 + (d.whole.p[i] - '0');
    for (size_t i = 0; i < d.fraction.n && digits < INT64_C(1000000000000000); i++) {
        digits = digits * 10 + (d.fraction.p[i] - '0');
        if (__builtin_mul_overflow(power, 10, &power))
            return false;
    }
    if (digits >= INT64_C(1000000000000000) || !prints_back(&d, digits))
        return false;
    /* Both are exact doubles (below 2^53; a power of ten up to 10^22), so that the quotient is the
     * correctly rounded one. */
    double v = (double)digits / (double)power;
    *ret = d.negative ? -v : v;
    return true;
}

static bool digits_zero(const struct decimal *d, size_t from)
{
    size_t n = d->whole.n + d->fraction.n;
    for (size_t i = from; i < n; i++) {
        char c = i < d->whole.n ? d->whole.p[i] : d->fraction.p[i - d->whole.n];
        if (c != '0')
            return false;
    }
    return true;
}

/* The first `count` digits, leading zeros dropped, and `zeros` zeros after them. */
static bool add_digits(const struct decimal *d, size_t count, size_t zeros, struct buf *out)
{
    bool ok = buf_reserve(out, count + zeros + 2);
    bool any = false;
    for (size_t i = 0; ok && i < count; i++) {
        char c = i < d->whole.n ? d->whole.p[i] : d->fraction.p[i - d->whole.n];
        if (!any && c == '0')
            continue;
        ok = (any || !d->negative || buf_addc(out, '-')) && buf_addc(out, c);
        any = true;
    }
    for (size_t i = 0; ok && any && i < zeros; i++)
        ok = buf_addc(out, '0');
    return ok && (any || buf_addc(out, '0'));
}

enum number_fit number_to_integer(struct span text, bool truncate, struct buf *out)
{
    struct decimal d;
    if (is_integer(text))
        return buf_addspan(out, text) ? NUMBER_FITS : NUMBER_NO_MEMORY;
    if (!decimal_parse(text, &d))
        return NUMBER_UNFIT;
    long total = (long)(d.whole.n + d.fraction.n);
    long point = (long)d.whole.n + d.exponent; /* so many digits stand before the point */
    bool zero = digits_zero(&d, 0);
    if (!zero && point > total + NUMBER_MAX_ZEROS)
        return NUMBER_UNFIT;
    long count = point < 0 || zero ? 0 : point < total ? point : total;
    if (!truncate && !digits_zero(&d, (size_t)count))
        return NUMBER_UNFIT;
    long zeros = !zero && point > total ? point - total : 0;
    return add_digits(&d, (size_t)count, (size_t)zeros, out) ? NUMBER_FITS : NUMBER_NO_MEMORY;
}

bool number_print(double v, struct buf *out)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    if (!strpbrk(text, ".e"))
        strcat(text, ".0");
    return buf_adds(out, text);
}
