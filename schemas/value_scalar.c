/* The rules of the scalar types, on decoded text. */
#include "utf8.h"
#include "value.h"

/* What is left of a text that is read from the left. */
struct cursor {
    const char *p, *end;
};

static bool take_char(struct cursor *c, char one, char other)
{
    if (c->p == c->end || (*c->p != one && *c->p != other))
        return false;
    c->p++;
    return true;
}

/* Exactly `digits` of them, with a value within [low, high]. */
static bool take_number(struct cursor *c, int digits, int low, int high, int *ret)
{
    int v = 0;
    for (int i = 0; i < digits; i++, c->p++) {
        if (c->p == c->end || *c->p < '0' || *c->p > '9')
            return false;
        v = v * 10 + (*c->p - '0');
    }
    *ret = v;
    return v >= low && v <= high;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool take_date(struct cursor *c)
{
    int year, month, day;
    return take_number(c, 4, 0, 9999, &year) && take_char(c, '-', '-') &&
           take_number(c, 2, 1, 12, &month) && take_char(c, '-', '-') &&
           take_number(c, 2, 1, days_in_month(year, month), &day);
}

static bool take_time(struct cursor *c)
{
    int hour, minute, second;
    if (!take_number(c, 2, 0, 23, &hour) || !take_char(c, ':', ':') ||
        !take_number(c, 2, 0, 59, &minute) || !take_char(c, ':', ':') ||
        !take_number(c, 2, 0, 60, &second))
        return false;
    if (!take_char(c, '.', '.'))
        return true;
    const char *start = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    return c->p > start;
}

static bool take_offset(struct cursor *c)
{
    int hour, minute;
    if (take_char(c, 'Z', 'z'))
        return true;
    return take_char(c, '+', '-') && take_number(c, 2, 0, 23, &hour) && take_char(c, ':', ':') &&
           take_number(c, 2, 0, 59, &minute);
}

bool value_is_timestamp(struct span s)
{
    struct cursor c = {s.p, s.p + s.n};
    return take_date(&c) && take_char(&c, 'T', 't') && take_time(&c) && take_offset(&c) &&
           c.p == c.end;
}

bool value_is_date(struct span s)
{
    struct cursor c = {s.p, s.p + s.n};
    return take_date(&c) && c.p == c.end;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool value_is_uuid(struct span s)
{
    static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (s.n != sizeof pattern - 1)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (pattern[i] == '-' ? s.p[i] != '-' : !is_hex(s.p[i]))
            return false;
    return true;
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

bool value_is_base64(struct span s)
{
    if (s.n % 4 != 0)
        return false;
    size_t n = s.n;
    for (int padding = 0; padding < 2 && n > 0 && s.p[n - 1] == '='; padding++)
        n--;
    for (size_t i = 0; i < n; i++)
        if (!is_base64(s.p[i]))
            return false;
    return true;
}

int key_check(struct span key, struct err *e)
{
    size_t control;

    if (!key.p || key.n == 0)
        return err_set(e, ERR_INVALID, "a key is empty");
    if (!utf8_valid(key.p, key.n))
        return err_set(e, ERR_INVALID, "a key is not valid UTF-8");
    if (key.n > KEY_MAX)
        return err_set(e, ERR_NAME_TOO_LONG, "the key \"%.40s...\" is longer than %d bytes", key.p,
                       KEY_MAX);
    int shown = (int)key.n;
    if (key.p[0] == '.')
        return err_set(e, ERR_INVALID, "the key \"%.*s\" starts with a dot", shown, key.p);
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] == '/')
            return err_set(e, ERR_INVALID, "the key \"%.*s\" holds a slash", shown, key.p);
        control = utf8_control(key.p + i, key.n - i);
        if (control)
            return err_set(e, ERR_INVALID, "a key holds the control character \\x%02x",
                           (unsigned)(unsigned char)key.p[i + control - 1]);
    }
    return 0;
}
