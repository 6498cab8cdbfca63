/* reorder_fields: the order of keys in the text. Fields that are not listed keep their order after
 * those that are. */
#include "steps.h"

static bool listed(const struct step_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(pairs[i].from, name) == 0)
            return true;
    }
    return false;
}

int step_reorder_fields(struct model *m, const struct step_args *a, struct err *e)
{
    struct step_pair *pairs;
    struct field *order, *f;
    size_t n, put = 0;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_pairs(m, a, "fields", &pairs, &n, e))
        return -1;
    order = arena_alloc(&m->v->arena, (s->n_fields + 1) * sizeof(*order));
    if (!order)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].from != pairs[i].to)
            return step_bad(a, pairs[i].at, e, "`fields` is a list of names");
        if (step_field_at(a, s, pairs[i].from, pairs[i].line, pairs[i].column, &f, e))
            return -1;
        order[put++] = *f;
    }
    for (size_t i = 0; i < s->n_fields; i++) {
        if (!listed(pairs, n, s->fields[i].name))
            order[put++] = s->fields[i];
    }
    memcpy(s->fields, order, s->n_fields * sizeof(*order));
    return step_tell(
        model_note(m, a, s->id, "%s shows its fields in another order", s->name),
        "order of keys", "order of keys", NULL, 0, e);
}
