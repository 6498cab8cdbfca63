/* add_field: a new slot at the end. `up` seeds it: it is computed until somebody writes the
 * field, and from then on it is the writer's. */
#include "steps.h"

static const char *forward_text(struct model *m, const struct field *f, const char *up)
{
    if (up)
        return model_printf(m, "%s is %s until it is written", f->name, up);
    return step_has_default(f) ? model_printf(m, "%s is its default until it is written", f->name)
                               : model_printf(m, "%s is unset", f->name);
}

int step_add_field(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *def, *name_at, *up_at;
    const char *name, *up;
    struct field f;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) || step_arg_name(a, "field", &name, e) ||
        step_arg_need(a, "field", &name_at, e) || step_arg_need(a, "as", &def, e) ||
        step_arg_sql(a, "up", &up, &up_at, e) || step_define(m, name, def, &f, e) ||
        step_need_value(a, name_at, s, &f, up != NULL, FORMULA_FORWARD, e))
        return -1;
    if (up && step_formula(m, FORMULA_FORWARD, FORMULA_SEEDED, s, &f, up, up_at, e))
        return -1;
    if (model_insert_field(m, s, s->n_fields, &f, name_at, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "%s.%s is new", s->name, name),
                     forward_text(m, &f, up), "not seen, kept", NULL, up ? STEP_BACKFILL : 0, e);
}
