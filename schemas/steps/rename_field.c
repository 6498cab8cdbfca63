/* rename_field: the same slot under another name; no record knows of it. The model itself
 * takes checks along. */
#include "steps.h"

int step_rename_field(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *to_at;
    const struct field *taken;
    struct field *f;
    const char *to, *from;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_field(m, a, "from", s, &f, e) || step_arg_name(a, "to", &to, e) ||
        step_arg_need(a, "to", &to_at, e))
        return -1;
    from = f->name;
    taken = shape_field(s, span_of(to));
    if (taken == f)
        return step_bad(a, to_at, e, "%s.%s has that name already", s->name, from);
    if (taken) {
        step_bad(a, to_at, e, "%s has a field \"%s\" already", s->name, to);
        return err_expected(e, "another name; to swap two fields, rename over a third name");
    }
    if (model_check_field_name(m, s, to, to_at, e))
        return -1;
    f->name = to;
    return step_tell(
        model_note(m, a, s->id, "%s.%s becomes %s.%s", s->name, from, s->name, to),
        "same value", "same value", NULL, 0, e);
}
