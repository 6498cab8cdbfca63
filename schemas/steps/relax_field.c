/* relax_field: the mirror image of require_field. With `down` the new version gets a slot of its
 * own, and older ones see what `down` gives where it is unset. */
#include "steps.h"

static int fill_in(struct model *m, struct shape *s, struct field *f, const char *down,
                   const struct yaml_node *at, struct err *e)
{
    struct field to = *f;
    struct retype_spec spec = {.to = &to, .down_at = at};

    if (model_check_sql(m, s, down, at, "down", NULL, e))
        return -1;
    to.required = false;
    spec.down = model_printf(m, "coalesce(%s, (%s\n))", step_sql_name(m, f->name), down);
    if (!spec.down)
        return err_nomem(e);
    return step_retype(m, s, f, &spec, e);
}

int step_relax_field(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *at, *down_at;
    const char *down, *name;
    struct shape *s;
    struct field *f;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_field(m, a, "field", s, &f, e) || step_arg_need(a, "field", &at, e) ||
        step_arg_sql(a, "down", &down, &down_at, e))
        return -1;
    name = f->name;
    if (!f->required)
        return step_bad(a, at, e, "%s.%s is not required", s->name, name);
    if (!down && !step_has_default(f)) {
        step_bad(a, at, e, "older versions require %s.%s, which has no default", s->name, name);
        return err_expected(e, "`down: \"an expression\"` for items in which it is unset");
    }
    if (!down)
        f->required = false;
    else if (fill_in(m, s, f, down, down_at, e))
        return -1;
    return step_tell(
        model_note(m, a, s->id, "%s.%s may be unset", s->name, name), "same value",
        down ? model_printf(m, "where unset: %s", down) : "where unset: the default", NULL,
        (down ? STEP_BACKFILL : 0u) | (down && step_in_unique(s, f) ? STEP_SCANS : 0u), e);
}
