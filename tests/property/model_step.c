/* model.h: the steps, as plain functions of values and of lists of fields. */
#include "model.h"

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

/* ---- Functions: of strings in quotes, without escapes; NULL is none ---- */

/* What stands between the quotes; NULL: no string. */
static const char *inside(struct arena *a, const char *json)
{
    return json && json[0] == '"' ? text(a, "%.*s", (int)strlen(json) - 2, json + 1) : NULL;
}

static const char *fn_copy(struct arena *a, const struct m_step *s, const char *const *in,
                           const char *prev)
{
    (void)a, (void)s, (void)prev;
    return in[0] && strcmp(in[0], "null") != 0 ? in[0] : NULL;
}

static const char *fn_upper(struct arena *a, const struct m_step *s, const char *const *in,
                            const char *prev)
{
    char *x = (char *)(uintptr_t)inside(a, in[0]);
    (void)s, (void)prev;
    for (char *p = x; p && *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return x ? text(a, "\"%s\"", x) : NULL;
}

static const char *fn_or_none(struct arena *a, const struct m_step *s, const char *const *in,
                              const char *prev)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return text(a, "\"%s\"", x ? x : "none");
}

static const char *fn_is_done(struct arena *a, const struct m_step *s, const char *const *in,
                              const char *prev)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return text(a, "\"%s\"", x && !strcmp(x, "done") ? "yes" : "no");
}

const char *const m_expr_sql[] = {"%s", "upper(%s)", "coalesce(%s, 'none')",
                                  "CASE WHEN %s = 'done' THEN 'yes' ELSE 'no' END"};
static m_fn *const exprs[] = {fn_copy, fn_upper, fn_or_none, fn_is_done};
const size_t n_m_exprs = sizeof exprs / sizeof exprs[0];

static const char *fn_first(struct arena *a, const struct m_step *s, const char *const *in,
                            const char *prev)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return x ? text(a, "\"%.1s\"", x) : NULL;
}

static const char *fn_rest(struct arena *a, const struct m_step *s, const char *const *in,
                           const char *prev)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return x ? text(a, "\"%s\"", *x ? x + 1 : "") : NULL;
}

static const char *fn_join(struct arena *a, const struct m_step *s, const char *const *in,
                           const char *prev)
{
    const char *x = inside(a, in[0]), *y = inside(a, in[1]);
    (void)s, (void)prev;
    return x && y ? text(a, "\"%s%s\"", x, y) : NULL;
}

static const char *fn_bar(struct arena *a, const struct m_step *s, const char *const *in,
                          const char *prev)
{
    const char *x = inside(a, in[0]), *y = inside(a, in[1]);
    (void)s, (void)prev;
    return text(a, "\"%s|%s\"", x ? x : "", y ? y : "");
}

static const char *fn_before_bar(struct arena *a, const struct m_step *s, const char *const *in,
                                 const char *prev)
{
    const char *x = inside(a, in[0]);
    (void)s, (void)prev;
    return x ? text(a, "\"%.*s\"", (int)strcspn(x, "|"), x) : NULL;
}

static const char *fn_after_bar(struct arena *a, const struct m_step *s, const char *const *in,
                                const char *prev)
{
    const char *x = inside(a, in[0]), *bar = x ? strchr(x, '|') : NULL;
    (void)s, (void)prev;
    return x ? text(a, "\"%s\"", bar ? bar + 1 : "") : NULL;
}

/* "[" and the elements that follow the first one. */
static const char *tail_of(const char *list)
{
    const char *p = list && list[0] == '[' ? strchr(list, ',') : NULL;
    return p ? p : "]";
}

static const char *fn_wrap(struct arena *a, const struct m_step *s, const char *const *in,
                           const char *prev)
{
    (void)s;
    if (!in[0] || !strcmp(in[0], "null"))
        return in[0];
    return text(a, "[%s%s", in[0], tail_of(prev));
}

static const char *fn_head(struct arena *a, const struct m_step *s, const char *const *in,
                           const char *prev)
{
    (void)s, (void)prev;
    if (!in[0] || !strcmp(in[0], "null"))
        return in[0];
    size_t n = strcspn(in[0] + 1, ",]");
    return n ? text(a, "%.*s", (int)n, in[0] + 1) : NULL;
}

static const char *mapped(struct arena *a, const struct m_step *s, const char *json, bool back)
{
    const char *x = inside(a, json);
    for (size_t i = 0; x && i < s->n; i++)
        if (!strcmp(x, back ? s->to[i] : s->from[i]))
            return text(a, "\"%s\"", back ? s->from[i] : s->to[i]);
    return json;
}

static const char *fn_map(struct arena *a, const struct m_step *s, const char *const *in,
                          const char *prev)
{
    (void)prev;
    return mapped(a, s, in[0], false);
}

static const char *fn_map_back(struct arena *a, const struct m_step *s, const char *const *in,
                               const char *prev)
{
    (void)prev;
    return mapped(a, s, in[0], true);
}

/* ---- What a step makes of a version ---- */

int m_field_at(const struct m_node *n, const char *name)
{
    for (size_t i = 0; i < n->n; i++)
        if (!strcmp(n->f[i].name, name))
            return (int)i;
    return -1;
}

static void add_rule(struct m_node *n, bool forward, enum m_mode mode, m_fn *fn, const char *out,
                     const char *in, const char *in2)
{
    n->rules[n->n_rules++] = (struct m_rule){.forward = forward,
                                             .mode = mode,
                                             .out = out,
                                             .in = {in, in2},
                                             .n_in = in2 ? 2 : 1,
                                             .fn = fn};
}

static void link_one(struct m_node *n, m_fn *up, m_fn *down, const char *name)
{
    add_rule(n, true, M_LINKED, up, name, name, NULL);
    add_rule(n, false, M_LINKED, down, name, name, NULL);
}

static void insert(struct m_node *n, size_t at, struct m_field f)
{
    MUST(n->n < MODEL_FIELDS);
    memmove(&n->f[at + 1], &n->f[at], (n->n - at) * sizeof *n->f);
    n->f[at] = f;
    n->n++;
}

static void cut(struct m_node *n, const char *name)
{
    size_t at = (size_t)m_field_at(n, name);
    memmove(&n->f[at], &n->f[at + 1], (n->n - at - 1) * sizeof *n->f);
    n->n--;
}

static void apply(struct m_node *n, const struct m_step *s)
{
    int a = s->a ? m_field_at(n, s->a) : -1;
    int b = s->kind == M_MERGE ? m_field_at(n, s->b) : -1;
    size_t first = b >= 0 && b < a ? (size_t)b : (size_t)a;
    bool seeded = (a >= 0 && n->f[a].seeded) || (b >= 0 && n->f[b].seeded);
    bool old = (a < 0 || n->f[a].old) && (b < 0 || n->f[b].old);

    switch (s->kind) {
    case M_RENAME_TYPE:
        snprintf(n->type, sizeof n->type, "%s", s->b);
        break;
    case M_RENAME_FIELD:
        n->f[a].name = s->b;
        break;
    case M_REORDER: { /* the named field first, the others as they were */
        struct m_field f = n->f[a];
        cut(n, s->a);
        insert(n, 0, f);
        break;
    }
    case M_ADD:
        insert(n, n->n, (struct m_field){.name = s->a, .def = s->def});
        break;
    case M_ADD_UP:
        insert(n, n->n, (struct m_field){.name = s->a, .seeded = true});
        add_rule(n, true, M_SEEDED, exprs[s->expr], s->a, s->b, NULL);
        break;
    case M_COMPUTE:
        insert(n, n->n, (struct m_field){.name = s->a, .read_only = true});
        add_rule(n, true, M_COMPUTED, exprs[s->expr], s->a, s->b, NULL);
        break;
    case M_REMOVE:
        cut(n, s->a);
        break;
    case M_REMOVE_DOWN:
        cut(n, s->a);
        add_rule(n, false, M_SEEDED, exprs[s->expr], s->a, s->b, NULL);
        break;
    case M_DEFAULT:
        n->f[a].def = s->def;
        break;
    case M_WRAP:
        n->f[a].list = true;
        link_one(n, fn_wrap, fn_head, s->a);
        break;
    case M_UNWRAP:
        n->f[a].list = false;
        link_one(n, fn_head, fn_wrap, s->a);
        break;
    case M_MAP:
        link_one(n, fn_map, fn_map_back, s->a);
        break;
    case M_SPLIT: /* a into b and c */
        cut(n, s->a);
        insert(n, first, (struct m_field){.name = s->b, .seeded = seeded, .old = old});
        insert(n, first + 1, (struct m_field){.name = s->c, .seeded = seeded, .old = old});
        add_rule(n, true, M_LINKED, fn_first, s->b, s->a, NULL);
        add_rule(n, true, M_LINKED, fn_rest, s->c, s->a, NULL);
        add_rule(n, false, M_LINKED, fn_join, s->a, s->b, s->c);
        break;
    case M_MERGE: /* a and b into c */
        cut(n, s->a);
        cut(n, s->b);
        insert(n, first, (struct m_field){.name = s->c, .seeded = seeded, .old = old});
        add_rule(n, true, M_LINKED, fn_bar, s->c, s->a, s->b);
        add_rule(n, false, M_LINKED, fn_before_bar, s->a, s->c, NULL);
        add_rule(n, false, M_LINKED, fn_after_bar, s->b, s->c, NULL);
        break;
    case M_KINDS:
        break;
    }
}

static bool is_out(const struct m_node *n, bool forward, const char *name)
{
    for (size_t i = 0; i < n->n_rules; i++)
        if (n->rules[i].forward == forward && !strcmp(n->rules[i].out, name))
            return true;
    return false;
}

/* Fields of both sides that no rule gives, and that are not new. */
static void pair_up(const struct m_node *old, struct m_node *n)
{
    for (size_t i = 0; i < old->n; i++) {
        const char *name = old->f[i].name, *now = name;
        if (n->step.kind == M_RENAME_FIELD && !strcmp(name, n->step.a))
            now = n->step.b;
        if (m_field_at(n, now) < 0 || is_out(n, true, now) || is_out(n, false, name))
            continue;
        n->same[n->n_same][0] = name;
        n->same[n->n_same++][1] = now;
    }
}

void m_node_after(const struct m_node *old, const struct m_step *step, struct m_node *ret)
{
    *ret = *old;
    ret->n_same = ret->n_rules = 0;
    ret->step = *step;
    apply(ret, step);
    pair_up(old, ret);
}
