/* model.h: the parts that a type is split into. */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "case.h"

typedef bool condition(const char *x, size_t n);

static bool is_done(const char *x, size_t n)
{
    return x && n == 4 && !memcmp(x, "done", 4);
}

static bool is_long(const char *x, size_t n)
{
    return x && n > 1;
}

static bool is_unset(const char *x, size_t n)
{
    (void)n;
    return !x;
}

static bool is_late(const char *x, size_t n)
{
    return x && n && x[0] >= 'b';
}

const char *const m_condition_sql[] = {"%s = 'done'", "length(%s) > 1", "%s IS NULL", "%s >= 'b'"};
static condition *const conditions[] = {is_done, is_long, is_unset, is_late};
const size_t n_m_conditions = sizeof conditions / sizeof conditions[0];

static bool holds(unsigned expr, const char *json)
{
    bool is = json && json[0] == '"';
    return conditions[expr](is ? json + 1 : NULL, is ? strlen(json) - 2 : 0);
}

const char *m_part_text(struct arena *a, const char *name)
{
    char quoted[32];
    MUST((size_t)snprintf(quoted, sizeof quoted, "\"%s\"", name) < sizeof quoted);
    const char *p = arena_strdup(a, quoted);
    MUST(p);
    return p;
}

const char *m_fn_part(struct arena *a, const struct m_step *s, const char *const *in, const char *prev)
{
    size_t i = 0;
    (void)prev;
    while (i + 1 < s->n && !holds(i ? s->expr2 : s->expr, in[i]))
        i++;
    return m_part_text(a, s->from[i]);
}
