/* split_field and its mirror image merge_fields: linked both ways, so a side is computed only when
 * the other side changed. */
#include "steps.h"

/* ---- split_field ---- */

struct part {
    struct field f;
    const struct yaml_node *at, *up_at;
    const char *up;
};

static int read_part(struct model *m, const struct step_args *a, const struct yaml_node *entry,
                     struct part *ret, struct err *e)
{
    static const char *const words[] = {"as", "up"};
    const struct yaml_node *as;

    if (entry->kind != YAML_MAP)
        return step_bad(a, entry, e,
                        "\"%s\" is %s; {as: a definition, up: an expression} is "
                        "expected",
                        entry->key, yaml_kind_name(entry->kind));
    if (yaml_only_keys(entry, "a part of split_field", words, 2, e))
        return -1;
    as = yaml_get(entry, "as");
    ret->at = entry;
    ret->up_at = yaml_get(entry, "up");
    if (!as || !ret->up_at)
        return step_bad(a, entry, e, "\"%s\": `%s` is missing", entry->key, as ? "up" : "as");
    return step_text(a, ret->up_at, "an expression", &ret->up, e) ||
                   step_define(m, entry->key, as, &ret->f, e)
               ? -1
               : 0;
}

/* The parts, at the place of the field that they come from. */
static int put_parts(struct model *m, const struct step_args *a, struct shape *s,
                     const struct field *old, const struct yaml_node *into, struct err *e)
{
    const struct shape *before = step_shape_copy(m, s);
    size_t at = step_field_index(s, shape_field(s, span_of(old->name)));
    struct part part;

    if (!before)
        return err_nomem(e);
    if (step_take_fields(m, a, step_arg(a, "field"), s, old, 1, e))
        return -1;
    for (const struct yaml_node *entry = into->child; entry; entry = entry->next) {
        if (read_part(m, a, entry, &part, e) ||
            step_formula(m, FORMULA_FORWARD, FORMULA_LINKED, before, &part.f, part.up, part.up_at,
                         e) ||
            model_insert_field(m, s, at++, &part.f, entry, e))
            return -1;
    }
    return 0;
}

int step_split_field(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *into, *down_at;
    struct field *f, old;
    const char *down;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_field(m, a, "field", s, &f, e) ||
        step_arg_map(a, "into", "{as: a definition, up: an expression} by field name", &into, e) ||
        step_arg_sql(a, "down", &down, &down_at, e))
        return -1;
    old = *f;
    if (!down) {
        step_bad(a, NULL, e, "`down` is missing: how the parts become \"%s\" again", old.name);
        return err_expected(e, "`down: \"an expression over the parts\"`");
    }
    if (put_parts(m, a, s, &old, into, e) ||
        step_formula(m, FORMULA_BACKWARD, FORMULA_LINKED, s, &old, down, down_at, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "%s.%s becomes %zu fields", s->name,
                                old.name, into->n_children),
                     "each part's `up`", down,
                     model_printf(m, "finalize drops %s.%s as it was written", s->name, old.name),
                     STEP_BACKFILL | STEP_DROPS, e);
}

/* ---- merge_fields ---- */

struct merge {
    struct shape *s;
    const struct shape *before;
    const struct yaml_node *map, *into_at, *up_at;
    const char *up;
    struct field *old, into;
    size_t n, place; /* where the first of them stood */
};

static int read_old(struct model *m, const struct step_args *a, struct merge *g, struct err *e)
{
    struct field *f;

    g->old = arena_alloc(&m->v->arena, g->map->n_children * sizeof(*g->old));
    if (!g->old)
        return err_nomem(e);
    g->place = g->s->n_fields;
    for (const struct yaml_node *x = g->map->child; x; x = x->next) {
        if (step_field_at(a, g->s, x->key, x->key_line, x->key_column, &f, e))
            return -1;
        if (step_field_index(g->s, f) < g->place)
            g->place = step_field_index(g->s, f);
        g->old[g->n++] = *f;
    }
    return 0;
}

static int apply_merge(struct model *m, const struct step_args *a, struct merge *g, struct err *e)
{
    const struct yaml_node *x = g->map->child;
    const char *sql;

    if (step_take_fields(m, a, g->map, g->s, g->old, g->n, e) ||
        step_formula(m, FORMULA_FORWARD, FORMULA_LINKED, g->before, &g->into, g->up, g->up_at, e) ||
        model_insert_field(m, g->s, g->place, &g->into, g->into_at, e))
        return -1;
    for (size_t i = 0; i < g->n; i++, x = x->next) {
        if (step_text(a, x, "an expression", &sql, e) ||
            step_formula(m, FORMULA_BACKWARD, FORMULA_LINKED, g->s, &g->old[i], sql, x, e))
            return -1;
    }
    return 0;
}

int step_merge_fields(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *as;
    struct merge g = {0};
    const char *name;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &g.s, e) ||
        step_arg_map(a, "fields", "expressions by field name, each the way back", &g.map, e) ||
        step_arg_name(a, "into", &name, e) || step_arg_need(a, "into", &g.into_at, e) ||
        step_arg_need(a, "as", &as, e) || step_arg_need(a, "up", &g.up_at, e) ||
        step_arg_sql(a, "up", &g.up, &g.up_at, e) || read_old(m, a, &g, e) ||
        step_define(m, name, as, &g.into, e))
        return -1;
    if (!(g.before = step_shape_copy(m, g.s)))
        return err_nomem(e);
    if (apply_merge(m, a, &g, e))
        return -1;
    return step_tell(
        model_note(m, a, g.s->id, "%zu fields of %s become %s", g.n, g.s->name, name),
        g.up, "each field's expression", "finalize drops the old fields as they were written",
        STEP_BACKFILL | STEP_DROPS, e);
}
