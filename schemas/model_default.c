/* A default that a check of its own field refuses would be shown where nobody may write it. */
#include <stdio.h>

#include "checks.h"
#include "model.h"

#define CHECK_SHOWN_MAX 200

static int refuse_default(struct model *m, const struct field *f, const char *why, struct err *e)
{
    model_refuse(m, model_place_of(m, f->def.p), e, "default of %s", why);
    return err_field(e, f->name);
}

/* The field's check, when it reads nothing else: what others hold, no default can know. */
static int check_own(struct model *m, const struct shape *s, const struct field *f, struct err *e)
{
    char why[2 * CHECK_SHOWN_MAX + 64];
    bool own, holds = true;

    if (check_is_own(m->env, f, &own, e) ||
        (own && check_own_holds(m->env, check_own_uid(f), f->check, f->name, f->type, f->def, &holds,
                                e)))
        return -1;
    if (holds)
        return 0;
    snprintf(why, sizeof why, "%s.%s: check \"%.*s\" does not hold", s->name, f->name,
             CHECK_SHOWN_MAX, f->check);
    return refuse_default(m, f, why, e);
}

static int check_inside(struct model *m, const struct shape *s, const struct field *f,
                        struct err *e)
{
    const struct checking c = {m->env, m->v->shapes, m->v->n_shapes};
    const struct place type = {.path = s->name}, at = {.up = &type, .name = span_of(f->name)};
    ARENA_CLEANUP struct arena arena = {0};
    struct err why = ERR_INIT;
    struct json_node *v;

    if (!checks_inside(&c, f->type))
        return 0;
    if (json_parse(f->def.p, f->def.n, &arena, &v, &why) == 0 &&
        checks_inside_hold(&c, f->type, v, NULL, &at, &why) == 0)
        return 0;
    return why.code == ERR_NO_MEMORY ? err_nomem(e) : refuse_default(m, f, why.text, e);
}

static bool is_as_before(const struct shape *old, const struct field *f)
{
    const struct field *was = old ? shape_field(old, span_of(f->name)) : NULL;

    return was && was->def.p == f->def.p && was->check == f->check;
}

int model_check_defaults(struct model *m, const struct shape *s, const struct shape *old,
                         struct err *e)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];

        if (!f->def.p)
            continue;
        if ((f->check && !is_as_before(old, f) && check_own(m, s, f, e)) ||
            check_inside(m, s, f, e))
            return -1;
    }
    return 0;
}
