/* require_field: with `up` the new version gets a slot of its own, so that what it fills in stays
 * invisible to older versions; with a default alone nothing but the definition changes. */
#include "steps.h"

static int fill_in(struct model *m, struct shape *s, struct field *f, const char *up,
                   const struct yaml_node *at, struct err *e)
{
    struct field to = *f;
    struct retype_spec spec = {.to = &to, .up_at = at};

    if (model_check_sql(m, s, up, at, "up", NULL, e))
        return -1;
    to.required = true;
    spec.up = model_printf(m, "coalesce(%s, (%s\n))", step_sql_name(m, f->name), up);
    if (!spec.up)
        return err_nomem(e);
    return step_retype(m, s, f, &spec, e);
}

int step_require_field(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *at, *up_at;
    const char *up, *name;
    struct shape *s;
    struct field *f;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_field(m, a, "field", s, &f, e) || step_arg_need(a, "field", &at, e) ||
        step_arg_sql(a, "up", &up, &up_at, e) || step_not_computed(a, at, s, f, e))
        return -1;
    name = f->name;
    if (f->required)
        return step_bad(a, at, e, "%s.%s is required already", s->name, name);
    if (!up && !step_has_default(f)) {
        step_bad(a, at, e, "%s.%s may be unset in items that exist, and has no default", s->name,
                 name);
        return err_expected(e, "`up: \"an expression\"`, or a change_default before this step");
    }
    if (!up)
        f->required = true;
    else if (fill_in(m, s, f, up, up_at, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "%s.%s is required", s->name, name),
                     up ? model_printf(m, "where unset: %s", up) : "where unset: the default",
                     "same value", NULL,
                     (up ? STEP_BACKFILL : 0u) | (up && step_in_unique(s, f) ? STEP_SCANS : 0u), e);
}
