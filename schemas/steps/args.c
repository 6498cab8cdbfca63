/* Arguments of steps beyond names of shapes and fields, and the one form of their errors. */
#include "steps.h"

#include <stdio.h>

static int bad_at(const struct step_args *a, unsigned line, unsigned column, struct err *e,
                  const char *fmt, va_list ap)
{
    char text[sizeof(e->text)];

    vsnprintf(text, sizeof(text), fmt, ap);
    err_at(e, ERR_INVALID, line, column, "%s: %s", a->kind, text);
    return err_field(e, a->kind);
}

int step_bad(const struct step_args *a, const struct yaml_node *at, struct err *e, const char *fmt,
             ...)
{
    va_list ap;

    va_start(ap, fmt);
    bad_at(a, at ? at->line : a->line, at ? at->column : a->column, e, fmt, ap);
    va_end(ap);
    return -1;
}

int step_bad_key(const struct step_args *a, const struct yaml_node *at, struct err *e,
                 const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    bad_at(a, at->key_line, at->key_column, e, fmt, ap);
    va_end(ap);
    return -1;
}

int step_unknown(const struct step_args *a, const struct yaml_node *at, const char *near,
                 struct err *e, const char *fmt, ...)
{
    char text[sizeof(e->text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (near)
        return step_bad(a, at, e, "%s; the nearest is \"%s\"", text, near);
    return step_bad(a, at, e, "%s", text);
}

struct yaml_node step_place(unsigned line, unsigned column)
{
    return (struct yaml_node){.line = line, .column = column};
}

const struct yaml_node *step_arg(const struct step_args *a, const char *arg)
{
    return a->map ? yaml_get(a->map, arg) : NULL;
}

int step_arg_need(const struct step_args *a, const char *arg, const struct yaml_node **ret,
                  struct err *e)
{
    const struct yaml_node *at = step_arg(a, arg);

    if (!at)
        return step_bad(a, NULL, e, "`%s` is missing", arg);
    *ret = at;
    return 0;
}

int step_arg_map(const struct step_args *a, const char *arg, const char *what,
                 const struct yaml_node **ret, struct err *e)
{
    const struct yaml_node *at;

    if (step_arg_need(a, arg, &at, e))
        return -1;
    if (at->kind != YAML_MAP)
        return step_bad(a, at, e, "`%s` is %s; %s are expected", arg, yaml_kind_name(at->kind),
                        what);
    if (!at->child)
        return step_bad(a, at, e, "`%s` is empty; %s are expected", arg, what);
    *ret = at;
    return 0;
}

int step_text(const struct step_args *a, const struct yaml_node *at, const char *what,
              const char **ret, struct err *e)
{
    if (at->kind == YAML_SEQ || at->kind == YAML_MAP)
        return step_bad(a, at, e, "%s is expected, not %s", what, yaml_kind_name(at->kind));
    if (at->text_len == 0)
        return step_bad(a, at, e, "%s is empty", what);
    *ret = at->text;
    return 0;
}

int step_arg_sql(const struct step_args *a, const char *arg, const char **ret,
                 const struct yaml_node **ret_at, struct err *e)
{
    const struct yaml_node *at = step_arg(a, arg);
    char what[64];

    *ret = NULL;
    *ret_at = at;
    if (!at)
        return 0;
    snprintf(what, sizeof(what), "the expression `%s`", arg);
    return step_text(a, at, what, ret, e);
}

/* One entry: `a` of a list, or `a: x` of a mapping. */
static int read_pair(const struct step_args *a, const char *arg, const struct yaml_node *entry,
                     bool keyed, struct step_pair *ret, struct err *e)
{
    char what[64];

    snprintf(what, sizeof(what), "a name in `%s`", arg);
    if (step_text(a, entry, what, &ret->to, e))
        return -1;
    ret->from = keyed ? entry->key : ret->to;
    ret->at = entry;
    ret->line = keyed ? entry->key_line : entry->line;
    ret->column = keyed ? entry->key_column : entry->column;
    return 0;
}

static int pair_new(const struct step_args *a, const char *arg, const struct step_pair *pairs,
                    size_t n, struct err *e)
{
    const struct step_pair *last = &pairs[n];

    for (size_t i = 0; i < n; i++) {
        const char *twice = strcmp(pairs[i].from, last->from) == 0 ? last->from
                            : strcmp(pairs[i].to, last->to) == 0   ? last->to
                                                                   : NULL;

        if (twice)
            return step_bad(a, last->at, e, "`%s` names \"%s\" twice", arg, twice);
    }
    return 0;
}

int step_arg_pairs(struct model *m, const struct step_args *a, const char *arg,
                   struct step_pair **ret, size_t *ret_n, struct err *e)
{
    const struct yaml_node *at, *entry;
    struct step_pair *pairs;
    size_t n = 0;

    if (step_arg_need(a, arg, &at, e))
        return -1;
    entry = at->kind == YAML_SEQ || at->kind == YAML_MAP ? at->child : at;
    if (!entry)
        return step_bad(a, at, e, "`%s` is empty; names of fields are expected", arg);
    pairs = arena_alloc(&m->v->arena, (at->n_children + 1) * sizeof(*pairs));
    if (!pairs)
        return err_nomem(e);
    for (; entry; entry = entry == at ? NULL : entry->next, n++) {
        if (read_pair(a, arg, entry, at->kind == YAML_MAP, &pairs[n], e) ||
            pair_new(a, arg, pairs, n, e))
            return -1;
    }
    *ret = pairs;
    *ret_n = n;
    return 0;
}
