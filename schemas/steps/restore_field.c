/* restore_field: shows the slot of a field that an older version has. Nothing is computed: the
 * values never left the records. */
#include "steps.h"

#include "../sql_names.h"

static const struct version *find_version(struct model *m, const struct step_args *a,
                                          const struct yaml_node *at, const char *name,
                                          struct err *e)
{
    const char *near = NULL;

    for (const struct version *v = m->parent; v; v = v->base) {
        const char *pair[2] = {near, v->name};

        if (strcmp(v->name, name) == 0)
            return v;
        near = err_nearest(name, strlen(name), pair, 2);
    }
    step_unknown(a, at, near, e, "\"%s\" is not a version that this one comes from", name);
    return NULL;
}

/* The type as that version has it. Its slots are the same numbers. */
static struct shape *shape_then(const struct step_args *a, const struct yaml_node *at,
                                const struct version *v, const struct shape *s, struct err *e)
{
    struct shape *then = version_shape(v, s->id);

    if (!then)
        step_bad(a, at, e, "version %s has no type %s", v->name, s->name);
    return then;
}

static bool formula_gives(const struct version *v, slot_no slot)
{
    for (size_t i = 0; i < v->n_formulas; i++) {
        if (v->formulas[i]->out == slot && v->formulas[i]->dir == FORMULA_BACKWARD)
            return true;
    }
    return false;
}

/* Items made since it was removed lack it, unless something fills it in. */
static bool always_there(const struct model *m, const struct version *from, const struct field *f)
{
    if (!f->required || step_has_default(f) || formula_gives(m->v, f->slot))
        return true;
    for (const struct version *v = m->parent; v && v != from; v = v->base) {
        if (formula_gives(v, f->slot))
            return true;
    }
    return false;
}

static const struct type_ref *innermost(const struct type_ref *t)
{
    while (t->elem)
        t = t->elem;
    return t;
}

/* The enum steps change the fields that are there; one that is brought back shares its slot with
 * the old version, and so its values. */
static bool same_values(const struct shape *now, const struct shape *then)
{
    for (size_t i = 0; i < then->n_values; i++) {
        size_t j = 0;

        while (j < now->n_values && strcmp(now->values[j], then->values[i]) != 0)
            j++;
        if (j == now->n_values)
            return false;
    }
    return now->n_values == then->n_values;
}

static int check_field(struct model *m, const struct step_args *a, const struct yaml_node *at,
                       const struct version *from, const struct shape *s, const struct field *f,
                       struct err *e)
{
    const struct field *shown = shape_field_by_slot(s, f->slot);
    uint32_t of = innermost(f->type)->shape;

    if (shown)
        return step_bad(a, at, e, "%s.%s is still there, as \"%s\"", s->name, f->name, shown->name);
    if (step_one_side(m, a, at, s, f, e))
        return -1;
    if (of && !version_shape(m->v, of))
        return step_bad(a, at, e, "the type of %s.%s in %s, %s, is gone", s->name, f->name,
                        from->name, version_shape(from, of)->name);
    if (of && !same_values(version_shape(m->v, of), version_shape(from, of))) {
        step_bad(a, at, e, "the values of %s have changed since %s, and %s.%s has the old ones",
                 version_shape(m->v, of)->name, from->name, s->name, f->name);
        return err_expected(e, "add_field under a new name");
    }
    if (always_there(m, from, f))
        return 0;
    step_bad(a, at, e, "%s.%s is required in %s, and items made since may lack it", s->name,
             f->name, from->name);
    return err_expected(e, "add_field under a new name");
}

/* Its own check comes along when all that it reads is still there under the same name. */
static bool check_holds_here(const struct shape *then, const struct shape *s, const struct field *f)
{
    for (size_t i = 0; f->check && i < then->n_fields; i++) {
        const struct field *read = &then->fields[i], *now = shape_field_by_slot(s, read->slot);

        if (read != f && sql_reads(f->check, read->name) &&
            (!now || strcmp(now->name, read->name) != 0))
            return false;
    }
    return true;
}

int step_restore_field(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *from_at, *at;
    const struct version *from;
    const char *name, *from_name;
    struct field *f, restored;
    struct shape *s, *then;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) || step_arg_name(a, "field", &name, e) ||
        step_arg_need(a, "field", &at, e) || step_arg_name(a, "from", &from_name, e) ||
        step_arg_need(a, "from", &from_at, e))
        return -1;
    if (!(from = find_version(m, a, from_at, from_name, e)) ||
        !(then = shape_then(a, from_at, from, s, e)) ||
        step_field_at(a, then, name, at->line, at->column, &f, e) ||
        check_field(m, a, at, from, s, f, e))
        return -1;
    restored = *f;
    if (!check_holds_here(then, s, f))
        restored.check = NULL;
    restored.line = 0;
    if (model_insert_field(m, s, s->n_fields, &restored, at, e))
        return -1;
    return step_tell(
        model_note(m, a, s->id, "%s.%s is seen again", s->name, name),
        model_printf(m, "the values it has had since %s", from->name),
        "the same value wherever the field is shown",
        f->check && !restored.check ? "its check reads other fields and is not enforced" : NULL, 0,
        e);
}
