/* remove_type: the type leaves the model; its items stay, and older versions go on serving them. */
#include "steps.h"

static const struct field *user_of(const struct shape *s, uint32_t id)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        for (const struct type_ref *t = s->fields[i].type; t; t = t->elem) {
            if (t->shape == id)
                return &s->fields[i];
        }
    }
    return NULL;
}

/* What stands for all parts of a split type of which s is one: the number of its shape, or 0. */
static uint32_t parts_with(const struct model *m, const struct shape *s)
{
    for (size_t i = 0; s->part && i < m->v->n_shapes; i++)
        if (m->v->shapes[i]->kind == SHAPE_PARTS && m->v->shapes[i]->part == s->part)
            return m->v->shapes[i]->id;
    return 0;
}

/* A type may refer to itself. */
static int check_unused(struct model *m, const struct step_args *a, const struct yaml_node *at,
                        const struct shape *s, struct err *e)
{
    uint32_t parts = parts_with(m, s);

    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *other = m->v->shapes[i];
        const struct field *f = other->id == s->id ? NULL : user_of(other, s->id);

        if (!f && parts && other->id != s->id)
            f = user_of(other, parts);

        if (!f)
            continue;
        step_bad(a, at, e, "%s is used by %s.%s, which is %s", s->name, other->name, f->name,
                 step_type_text(m, f->type));
        return err_expected(e, "a remove_field or change_type of %s.%s before this step",
                            other->name, f->name);
    }
    return 0;
}

/* The other type that copy_type made of the same items, or NULL. */
static const struct shape *twin_of(const struct model *m, const struct shape *s)
{
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *other = m->v->shapes[i];

        if (other->kind == SHAPE_ITEM && other->coll == s->coll)
            return other;
    }
    return NULL;
}

static int tell(struct model *m, const struct step_args *a, const struct shape *s, struct err *e)
{
    struct step_note *note = model_note(m, a, s->id, "%s is gone", s->name);
    const struct shape *twin = twin_of(m, s);

    if (s->kind != SHAPE_ITEM)
        return step_tell(note, "not seen", "still known", NULL, 0, e);
    return step_tell(note, "not seen, kept", "still served, all items",
                     twin ? model_printf(m, "finalize drops the fields that %s has and %s has not",
                                         s->name, twin->name)
                          : model_printf(m, "finalize drops all items of %s", s->name),
                     STEP_DROPS, e);
}

int step_remove_type(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *at;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_SHAPES, &s, e) || step_arg_need(a, "type", &at, e) ||
        check_unused(m, a, at, s, e))
        return -1;
    if (model_remove_shape(m, s->id) || step_name_parts(m))
        return err_nomem(e);
    return tell(m, a, s, e);
}
