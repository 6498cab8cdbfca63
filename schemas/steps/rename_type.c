/* rename_type: fields refer to types by number, so nothing but the name changes. */
#include "steps.h"

int step_rename_type(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *to_at;
    const char *to, *from;
    struct shape *s;

    if (step_arg_shape(m, a, "from", STEP_SHAPES, &s, e) || step_arg_name(a, "to", &to, e) ||
        step_arg_need(a, "to", &to_at, e))
        return -1;
    from = s->name;
    if (strcmp(from, to) == 0)
        return step_bad(a, to_at, e, "%s has that name already", from);
    if (model_check_type_name(m, to, to_at, e))
        return -1;
    s->name = to;
    if (step_name_parts(m))
        return err_nomem(e);
    return step_tell(model_note(m, a, s->id, "%s becomes %s", from, to), "same items",
                     "same items", NULL, 0, e);
}
