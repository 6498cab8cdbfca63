#include "revision_name.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PER_S INT64_C(1000000000)

const char *revision_name(int64_t ns, char ret[REVISION_NAME_SIZE])
{
    time_t t = (time_t)(ns / PER_S);
    struct tm tm;
    size_t n;

    gmtime_r(&t, &tm);
    n = strftime(ret, REVISION_NAME_SIZE, "%Y-%m-%dT%H-%M-%S", &tm);
    snprintf(ret + n, REVISION_NAME_SIZE - n, ".%09uZ.json", (unsigned)(ns % PER_S));
    return ret;
}

/* Whatever else it could be read as: only the name that is printed for the time counts. */
bool revision_name_read(const char *name, int64_t *ret_ns)
{
    struct tm tm = {0};
    char again[REVISION_NAME_SIZE];
    unsigned ns;
    int64_t at;

    if (sscanf(name, "%4d-%2d-%2dT%2d-%2d-%2d.%9uZ.json", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ns) != 7 ||
        tm.tm_year < 1970 || tm.tm_year > 2200)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    at = (int64_t)timegm(&tm) * PER_S + ns;
    if (at < 0 || strcmp(name, revision_name(at, again)) != 0)
        return false;
    *ret_ns = at;
    return true;
}
