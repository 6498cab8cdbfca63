#include "human.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "../schemas/json.h"
#include "../schemas/utf8.h"

const char *human_count(uint64_t n, char ret[HUMAN_SIZE])
{
    char digits[HUMAN_SIZE];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    char *to = ret;

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return ret;
}

static const struct unit {
    uint64_t seconds;
    const char *name;
    uint64_t small_seconds;
    const char *small;
} units[] = {
    {86400, "d", 3600, "h"},
    {3600, "h", 60, "min"},
    {60, "min", 1, "s"},
};

const char *human_duration(double seconds, char ret[HUMAN_SIZE])
{
    uint64_t s = seconds < 1e15 ? (uint64_t)(seconds + 0.5) : (uint64_t)1e15;

    if (seconds < 9.95) {
        snprintf(ret, HUMAN_SIZE, "%.1f s", seconds < 0 ? 0 : seconds);
        return ret;
    }
    snprintf(ret, HUMAN_SIZE, "%" PRIu64 " s", s);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const struct unit *u = &units[i];

        if (s < u->seconds)
            continue;
        snprintf(ret, HUMAN_SIZE, "%" PRIu64 " %s %" PRIu64 " %s", s / u->seconds, u->name,
                 s % u->seconds / u->small_seconds, u->small);
        break;
    }
    return ret;
}

const char *human_time(int64_t ns, char ret[HUMAN_SIZE])
{
    time_t t = (time_t)(ns / 1000000000);
    struct tm tm;
    size_t n;

    gmtime_r(&t, &tm);
    n = strftime(ret, HUMAN_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret + n, HUMAN_SIZE - n, ".%03uZ", (unsigned)(ns / 1000000 % 1000));
    return ret;
}

unsigned human_percent(uint64_t done, uint64_t total)
{
    if (total == 0)
        return 0;
    if (done >= total)
        return 100;
    return (unsigned)((double)done * 100.0 / (double)total);
}

bool human_name(struct span name, struct buf *out)
{
    bool text = utf8_valid(name.p, name.n);

    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool c1 = text && utf8_control(name.p + i, name.n - i) == 2;
        bool odd = c < 0x20 || c == 0x7f || (c >= 0x80 && !text) || c1;

        if (odd && !buf_printf(out, "\\x%02x", c))
            return false;
        if (c1 && !buf_printf(out, "\\x%02x", (unsigned char)name.p[++i]))
            return false;
        if (!odd && !buf_addc(out, (char)c))
            return false;
    }
    return true;
}

bool human_error_details(const struct err *e, const char *indent, struct buf *out)
{
    if (e->field[0] && !buf_printf(out, "%sat: %s\n", indent, e->field))
        return false;
    if (e->expected[0] && !buf_printf(out, "%sexpected: %s\n", indent, e->expected))
        return false;
    if (!e->excerpt[0])
        return true;
    if (!buf_printf(out, "%s%s\n", indent, e->excerpt))
        return false;
    return !e->caret || buf_printf(out, "%s%*s^\n", indent, (int)e->caret - 1, "");
}
