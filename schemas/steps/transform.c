/* transform: any fields into any others. With both directions the sides are linked; with one,
 * what it computes is seeded. */
#include "steps.h"

struct transform {
    struct shape *s;
    const struct shape *before;
    const struct yaml_node *add, *remove, *up, *down;
    struct field *added, *removed;
    size_t n_added, n_removed;
};

static int optional_map(const struct step_args *a, const char *arg, const char *what,
                        const struct yaml_node **ret, struct err *e)
{
    *ret = NULL;
    return step_arg(a, arg) ? step_arg_map(a, arg, what, ret, e) : 0;
}

static int read_added(struct model *m, struct transform *t, struct err *e)
{
    size_t n = t->add ? t->add->n_children : 0;

    t->added = arena_alloc(&m->v->arena, (n + 1) * sizeof(*t->added));
    if (!t->added)
        return err_nomem(e);
    for (const struct yaml_node *def = n ? t->add->child : NULL; def; def = def->next) {
        if (step_define(m, def->key, def, &t->added[t->n_added++], e))
            return -1;
    }
    return 0;
}

static int read_removed(struct model *m, const struct step_args *a, struct transform *t,
                        struct err *e)
{
    struct step_pair *pairs;
    struct field *f;
    size_t n = 0;

    if (t->remove && step_arg_pairs(m, a, "remove", &pairs, &n, e))
        return -1;
    t->removed = arena_alloc(&m->v->arena, (n + 1) * sizeof(*t->removed));
    if (!t->removed)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].from != pairs[i].to)
            return step_bad(a, pairs[i].at, e, "`remove` is a list of names");
        if (step_field_at(a, t->s, pairs[i].from, pairs[i].line, pairs[i].column, &f, e))
            return -1;
        t->removed[t->n_removed++] = *f;
    }
    return 0;
}

/* Each expression is for a field that its side has: up for the added, down for the removed. */
static int check_names(const struct step_args *a, const struct yaml_node *map, const char *arg,
                       const char *list, const struct field *fields, size_t n, struct err *e)
{
    for (const struct yaml_node *x = map ? map->child : NULL; x; x = x->next) {
        const char *near = NULL;
        struct yaml_node at;
        bool known = false;

        for (size_t i = 0; i < n; i++) {
            const char *pair[2] = {near, fields[i].name};

            known |= strcmp(fields[i].name, x->key) == 0;
            near = err_nearest(x->key, strlen(x->key), pair, 2);
        }
        if (known)
            continue;
        at = step_place(x->key_line, x->key_column);
        step_unknown(a, &at, near, e, "`%s` has an expression for \"%s\", which is not in `%s`",
                     arg, x->key, list);
        return err_expected(e, "a field of `%s`; change_type gives a field other values", list);
    }
    return 0;
}

static int add_side(struct model *m, const struct step_args *a, const struct transform *t,
                    enum formula_dir dir, const struct field *f, struct err *e)
{
    bool up = dir == FORMULA_FORWARD;
    const struct yaml_node *map = up ? t->up : t->down, *list = up ? t->add : t->remove;
    const struct yaml_node *at = map ? yaml_get(map, f->name) : NULL;
    const char *sql;

    if (step_need_value(a, list, t->s, f, at != NULL, dir, e))
        return -1;
    if (!at)
        return 0;
    if (step_text(a, at, "an expression", &sql, e))
        return -1;
    return step_formula(m, dir, t->up && t->down ? FORMULA_LINKED : FORMULA_SEEDED,
                        up ? t->before : t->s, f, sql, at, e);
}

static int apply_transform(struct model *m, const struct step_args *a, const struct transform *t,
                           struct err *e)
{
    if (step_take_fields(m, a, t->remove, t->s, t->removed, t->n_removed, e))
        return -1;
    for (size_t i = 0; i < t->n_added; i++) {
        const struct yaml_node *at = yaml_get(t->add, t->added[i].name);

        if (model_insert_field(m, t->s, t->s->n_fields, &t->added[i], at, e))
            return -1;
    }
    for (size_t i = 0; i < t->n_added; i++) {
        if (add_side(m, a, t, FORMULA_FORWARD, &t->added[i], e))
            return -1;
    }
    for (size_t i = 0; i < t->n_removed; i++) {
        if (add_side(m, a, t, FORMULA_BACKWARD, &t->removed[i], e))
            return -1;
    }
    return 0;
}

static int tell(struct model *m, const struct step_args *a, const struct transform *t,
                struct err *e)
{
    struct step_note *note =
        model_note(m, a, t->s->id, "%s: fields added: %zu, removed: %zu", t->s->name,
                   t->n_added, t->n_removed);

    return step_tell(note, t->up ? "the new fields from `up`" : "the new fields are unset",
                     t->down ? "the old fields from `down`" : "the old fields are kept",
                     t->n_removed ? "finalize drops the values of the fields that are gone" : NULL,
                     (t->up ? STEP_BACKFILL : 0u) | (t->n_removed ? STEP_DROPS : 0u), e);
}

int step_transform(struct model *m, const struct step_args *a, struct err *e)
{
    struct transform t = {.remove = step_arg(a, "remove")};

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &t.s, e) ||
        optional_map(a, "add", "definitions by field name", &t.add, e) ||
        optional_map(a, "up", "expressions by field name", &t.up, e) ||
        optional_map(a, "down", "expressions by field name", &t.down, e))
        return -1;
    if (!t.add && !t.remove)
        return step_bad(a, NULL, e, "nothing to do: `add` and `remove` are missing");
    if (!(t.before = step_shape_copy(m, t.s)))
        return err_nomem(e);
    if (read_added(m, &t, e) || read_removed(m, a, &t, e) ||
        check_names(a, t.up, "up", "add", t.added, t.n_added, e) ||
        check_names(a, t.down, "down", "remove", t.removed, t.n_removed, e) ||
        apply_transform(m, a, &t, e))
        return -1;
    return tell(m, a, &t, e);
}
