/* The arguments of a step, found by name and looked up in the model. */
#include "model.h"

#include <stdio.h>

int step_arg_name(const struct step_args *a, const char *arg, const char **ret, struct err *e)
{
    const struct yaml_node *node = yaml_get(a->map, arg);

    if (!node)
        return err_at(e, ERR_INVALID, a->line, a->column, "%s: `%s` is missing", a->kind, arg);
    if (!node->text)
        return err_at(e, ERR_INVALID, node->line, node->column, "%s: `%s` is %s, not a name",
                      a->kind, arg, yaml_kind_name(node->kind));
    *ret = node->text;
    return 0;
}

const char *step_arg_text(const struct step_args *a, const char *arg)
{
    const struct yaml_node *node = yaml_get(a->map, arg);

    if (!node)
        return NULL;
    if (!node->text && a->not_text && !*a->not_text)
        *a->not_text = node;
    return node->text;
}

/* ---- Look-ups, with the nearest known name ---- */

static const char *nearest_shape(const struct model *m, const char *name, unsigned kinds)
{
    const char *best = NULL;

    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *s = m->v->shapes[i];
        const char *pair[2] = {best, s->name};

        if (kinds & (1u << s->kind))
            best = err_nearest(name, strlen(name), pair, 2);
    }
    return best;
}

static const char *const kind_nouns[] = {
    [SHAPE_ITEM] = "an item type", [SHAPE_OBJECT] = "an object", [SHAPE_ENUM] = "an enum",
    [SHAPE_PARTS] = "the parts of a type that was split"};

/* "an item type or an object" */
static const char *kinds_print(unsigned kinds, char *ret, size_t size)
{
    size_t n = 0;

    ret[0] = '\0';
    for (unsigned k = 0; k < 3; k++) {
        if (kinds & (1u << k))
            n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? " or " : "", kind_nouns[k]);
    }
    return ret;
}

static int refuse_shape(const struct model *m, const char *kind, const struct yaml_node *at,
                        unsigned kinds, struct err *e)
{
    const struct shape *s = version_shape_named(m->v, span_of(at->text));
    const char *near = nearest_shape(m, at->text, kinds);
    char wanted[64];

    kinds_print(kinds, wanted, sizeof(wanted));
    if (s)
        return model_refuse(m, at, e, "%s: \"%s\" is %s, not %s", kind, at->text,
                            kind_nouns[s->kind], wanted);
    if (near)
        return model_refuse(m, at, e, "%s: there is no type \"%s\"; the nearest is \"%s\"", kind,
                            at->text, near);
    return model_refuse(m, at, e, "%s: there is no type \"%s\"", kind, at->text);
}

int step_arg_shape(struct model *m, const struct step_args *a, const char *arg, unsigned kinds,
                   struct shape **ret, struct err *e)
{
    const char *name;

    return step_arg_name(a, arg, &name, e)
               ? -1
               : step_shape_at(m, a, yaml_get(a->map, arg), kinds, ret, e);
}

int step_shape_at(struct model *m, const struct step_args *a, const struct yaml_node *at,
                  unsigned kinds, struct shape **ret, struct err *e)
{
    const struct shape *s = version_shape_named(m->v, span_of(at->text));
    struct shape *own;

    if (!s || !(kinds & (1u << s->kind)))
        return refuse_shape(m, a->kind, at, kinds, e);
    own = model_shape_writable(m, s->id);
    if (!own)
        return err_nomem(e);
    *ret = own;
    return 0;
}

int step_arg_field(struct model *m, const struct step_args *a, const char *arg, struct shape *s,
                   struct field **ret, struct err *e)
{
    const char *name, *near = NULL;
    struct field *f;

    if (step_arg_name(a, arg, &name, e))
        return -1;
    f = shape_field(s, span_of(name));
    if (f) {
        *ret = f;
        return 0;
    }
    for (size_t i = 0; i < s->n_fields; i++) {
        const char *pair[2] = {near, s->fields[i].name};

        near = err_nearest(name, strlen(name), pair, 2);
    }
    if (near)
        return model_refuse(m, yaml_get(a->map, arg), e,
                            "%s: %s has no field \"%s\"; the nearest is \"%s\"", a->kind, s->name,
                            name, near);
    return model_refuse(m, yaml_get(a->map, arg), e, "%s: %s has no field \"%s\"", a->kind, s->name,
                        name);
}
