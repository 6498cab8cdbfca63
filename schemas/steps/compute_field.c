/* compute_field: always what its expression gives; nobody can write it, older versions do not know
 * it. */
#include "steps.h"

static int check_definition(const struct step_args *a, const struct yaml_node *def,
                            const struct field *f, struct err *e)
{
    const char *word = f->required ? "required" : f->unique ? "unique" : NULL;

    if (!word)
        return 0;
    step_bad(a, def, e, "a computed field can't be %s: no writer could mend it", word);
    return err_expected(e, "a definition without `%s`", word);
}

int step_compute_field(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *def, *name_at, *value_at;
    const char *name, *value;
    struct field f;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) || step_arg_name(a, "field", &name, e) ||
        step_arg_need(a, "field", &name_at, e) || step_arg_need(a, "as", &def, e) ||
        step_arg_need(a, "value", &value_at, e) || step_arg_sql(a, "value", &value, &value_at, e) ||
        step_define(m, name, def, &f, e) || check_definition(a, def, &f, e))
        return -1;
    f.read_only = true;
    if (step_formula(m, FORMULA_FORWARD, FORMULA_COMPUTED, s, &f, value, value_at, e) ||
        model_insert_field(m, s, s->n_fields, &f, name_at, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "%s.%s is computed", s->name, name),
                     model_printf(m, "always %s; read-only", value), "not seen", NULL,
                     STEP_BACKFILL, e);
}
