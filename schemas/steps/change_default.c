/* change_default: what a reader sees while the field is unset. Each version keeps its own default,
 * so older versions go on showing theirs. Without `default` there is none any more. */
#include "steps.h"

#include "../schema_parse.h"

int step_change_default(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *at, *value = step_arg(a, "default");
    struct shape *s;
    struct field *f, now;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_field(m, a, "field", s, &f, e) || step_arg_need(a, "field", &at, e) ||
        step_not_computed(a, at, s, f, e))
        return -1;
    now = *f;
    now.def = (struct span){0};
    if (field_parse_default(m, a->map, &now, e))
        return -1;
    if (!value && !step_has_default(f))
        return step_bad(a, at, e, "%s.%s has no default to take away; `default` is missing",
                        s->name, f->name);
    if (!value && f->required) {
        step_bad(a, at, e, "%s.%s is required and may be unset in items that exist", s->name,
                 f->name);
        return err_expected(e, "`default: VALUE`");
    }
    f->def = now.def;
    return step_tell(model_note(m, a, s->id, "%s.%s has %s", s->name, f->name,
                                value ? "another default" : "no default"),
                     value ? "the new default where unset" : "unset where unset",
                     "the old default where unset", NULL, 0, e);
}
