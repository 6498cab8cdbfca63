/* model.h: the steps' functions, of JSON texts. Strings have no escapes, and no byte over 127. */
#include "model_inside.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

static const char *text(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static const char *text(struct arena *a, const char *fmt, ...)
{
    char out[2000];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out, sizeof out, fmt, ap);
    va_end(ap);
    MUST(n >= 0 && (size_t)n < sizeof out);
    const char *p = arena_strdup(a, out);
    MUST(p);
    return p;
}

/* What stands between the quotes; NULL: no string. */
static const char *inside(struct arena *a, const char *json)
{
    return json && json[0] == '"' ? text(a, "%.*s", (int)strlen(json) - 2, json + 1) : NULL;
}

static bool is_none(const char *json)
{
    return !json || !strcmp(json, "null");
}

#define FN(name)                                                                                   \
    const char *name(struct arena *a, const struct m_step *s, const char *const *in,               \
                     const char *prev)

/* ---- Of one text: what SQL does ---- */

static FN(fn_copy)
{
    (void)a, (void)s, (void)prev;
    return is_none(in[0]) ? NULL : in[0];
}

static FN(fn_upper)
{
    char *x = (char *)(uintptr_t)inside(a, in[0]);
    (void)s, (void)prev;
    for (char *p = x; p && *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return x ? text(a, "\"%s\"", x) : NULL;
}

static FN(fn_or_none)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return text(a, "\"%s\"", x ? x : "none");
}

static FN(fn_is_done)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return text(a, "\"%s\"", x && !strcmp(x, "done") ? "yes" : "no");
}

const char *const m_expr_sql[] = {"%s", "upper(%s)", "coalesce(%s, 'none')",
                                  "CASE WHEN %s = 'done' THEN 'yes' ELSE 'no' END"};
m_fn *const m_exprs[] = {fn_copy, fn_upper, fn_or_none, fn_is_done};
const size_t n_m_exprs = sizeof m_exprs / sizeof m_exprs[0];

FN(m_fn_down)
{
    return m_exprs[s->expr2](a, s, in, prev);
}

/* coalesce(in[0], an expression over in[1]) */
FN(m_fn_else)
{
    return is_none(in[0]) ? m_exprs[s->expr](a, s, in + 1, prev) : in[0];
}

/* ---- Texts and parts of texts ---- */

FN(m_fn_same)
{
    (void)a, (void)s, (void)prev;
    return in[0];
}

FN(m_fn_first)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return x ? text(a, "\"%.1s\"", x) : NULL;
}

FN(m_fn_rest)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return x ? text(a, "\"%s\"", *x ? x + 1 : "") : NULL;
}

FN(m_fn_join)
{
    const char *x = inside(a, in[0]), *y = inside(a, in[1]);
    (void)s, (void)prev;
    return x && y ? text(a, "\"%s%s\"", x, y) : NULL;
}

FN(m_fn_bar)
{
    const char *x = inside(a, in[0]), *y = inside(a, in[1]);
    (void)s, (void)prev;
    return text(a, "\"%s|%s\"", x ? x : "", y ? y : "");
}

FN(m_fn_before_bar)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return x ? text(a, "\"%.*s\"", (int)strcspn(x, "|"), x) : NULL;
}

FN(m_fn_after_bar)
{
    const char *x = inside(a, in[0]), *bar = x ? strchr(x, '|') : NULL;
    (void)s, (void)prev;
    return x ? text(a, "\"%s\"", bar ? bar + 1 : "") : NULL;
}

bool m_fails_check(const char *value)
{
    return value && value[0] == '"' && strlen(value) - 2 >= M_CHECK_MAX;
}

FN(m_fn_mend)
{
    (void)s, (void)prev;
    return m_fails_check(in[0]) ? text(a, "\"%.2s\"", in[0] + 1) : in[0];
}

/* ---- Lists ---- */

FN(m_fn_wrap)
{
    struct m_parts p = {.list = true};
    (void)s;
    if (is_none(in[0]))
        return in[0];
    if (prev && prev[0] == '[')
        p = m_parts_of(a, prev);
    p.value[0] = in[0];
    p.n += !p.n;
    return m_parts_text(a, &p);
}

FN(m_fn_head)
{
    (void)s, (void)prev;
    if (is_none(in[0]))
        return in[0];
    struct m_parts p = m_parts_of(a, in[0]);
    return p.n ? p.value[0] : NULL;
}

/* ---- Values that stand for others ---- */

static const char *mapped(struct arena *a, const struct m_step *s, const char *json, bool back)
{
    const char *x = inside(a, json);
    for (size_t i = 0; x && i < s->n; i++)
        if (!strcmp(x, back ? s->to[i] : s->from[i]))
            return text(a, "\"%s\"", back ? s->from[i] : s->to[i]);
    return json;
}

FN(m_fn_map)
{
    (void)prev;
    return mapped(a, s, in[0], false);
}

FN(m_fn_map_back)
{
    (void)prev;
    return mapped(a, s, in[0], true);
}

/* ---- Other types ---- */

/* CAST(x AS INTEGER) */
FN(m_fn_to_int)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return x ? text(a, "%lld", strtoll(x, NULL, 10)) : NULL;
}

/* A number as a string; a string is itself. */
FN(m_fn_to_text)
{
    (void)s, (void)prev;
    return is_none(in[0]) || in[0][0] == '"' ? in[0] : text(a, "\"%s\"", in[0]);
}

/* CAST(x AS TEXT) */
FN(m_fn_cast_text)
{
    return is_none(in[0]) ? NULL : m_fn_to_text(a, s, in, prev);
}

FN(m_fn_fits_int)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    size_t sign = x && *x == '-', digits = x ? strspn(x + sign, "0123456789") : 0;
    if (!x)
        return in[0];
    return digits && !x[sign + digits] && (x[sign] != '0' || digits == 1) ? x : NULL;
}

/* s->from: the values that there were */
FN(m_fn_fits_enum)
{
    const char *x = inside(a, in[0]);
    (void)prev;
    for (size_t i = 0; x && i < s->n; i++)
        if (!strcmp(x, s->from[i]))
            return in[0];
    return x ? NULL : in[0];
}

/* ---- Objects, of which two members are fields: s->from ---- */

/* Others stay in it. */
FN(m_fn_nest)
{
    struct m_parts p = {.list = false}, was = {.list = false};
    if (prev && prev[0] == '{')
        was = m_parts_of(a, prev);
    for (size_t i = 0; i < 2; i++)
        if (in[i])
            m_part_add(&p, s->from[i], in[i]);
    for (size_t i = 0; i < was.n; i++)
        if (strcmp(was.name[i], s->from[0]) != 0 && strcmp(was.name[i], s->from[1]) != 0)
            m_part_add(&p, was.name[i], was.value[i]);
    return p.n ? m_parts_text(a, &p) : NULL;
}

static const char *member(struct arena *a, const char *json, const char *name)
{
    if (is_none(json))
        return NULL;
    const struct m_parts p = m_parts_of(a, json);
    return m_part(&p, name);
}

FN(m_fn_member_a)
{
    (void)prev;
    return member(a, in[0], s->from[0]);
}

FN(m_fn_member_b)
{
    (void)prev;
    return member(a, in[0], s->from[1]);
}
