/* remove_field: the slot stays in every record, older versions go on showing it. `down` stands in
 * for items made in the new version, until somebody writes the field in an older one. */
#include "steps.h"

static const char *backward_text(struct model *m, const struct field *f, const char *down)
{
    if (down)
        return model_printf(m, "the kept value; for items made here %s", down);
    return step_has_default(f) ? "the kept value; for items made here the default"
                               : "the kept value; unset for items made here";
}

int step_remove_field(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *at, *down_at;
    const char *down;
    struct field *f, old;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_field(m, a, "field", s, &f, e) || step_arg_need(a, "field", &at, e) ||
        step_arg_sql(a, "down", &down, &down_at, e))
        return -1;
    old = *f;
    if (step_need_value(a, at, s, &old, down != NULL, FORMULA_BACKWARD, e) ||
        step_take_fields(m, a, at, s, &old, 1, e))
        return -1;
    if (down && step_formula(m, FORMULA_BACKWARD, FORMULA_SEEDED, s, &old, down, down_at, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "%s.%s is gone", s->name, old.name),
                     "not seen, kept", backward_text(m, &old, down),
                     model_printf(m, "finalize drops the values of %s.%s", s->name, old.name),
                     STEP_DROPS, e);
}
