/* What value steps leave behind: formulas, retyped fields, links. */
#include "model.h"

#include "checks.h"

static int copy_fn(const struct formula *f, const struct span *inputs, struct span prev,
                   struct buf *out, bool *ret_set, struct err *e)
{
    (void)f;
    (void)prev;
    *ret_set = inputs[0].p != NULL;
    return inputs[0].p && !buf_addspan(out, inputs[0]) ? err_nomem(e) : 0;
}

/* ---- Inputs ---- */

static const struct type_ref key_type = {T_STRING, NULL, 0};

static struct formula_input input_of(const struct field *f)
{
    return (struct formula_input){.name = f->name, .slot = f->slot, .type = f->type};
}

static int inputs_of_sql(struct model *m, const struct formula_spec *spec, struct formula *f,
                         struct err *e)
{
    const struct shape *over = spec->over;
    struct formula_input *inputs;
    const char *key = spec->where ? spec->where->key : NULL;
    const char *what = key ? key : spec->dir == FORMULA_FORWARD ? "up" : "down";
    bool *used = arena_alloc(&m->v->arena, over->n_fields + 1);
    bool shown = spec->as_shown || spec->mode != FORMULA_LINKED;
    size_t n = 0;

    if (!used)
        return err_nomem(e);
    if (model_check_sql(m, over, spec->sql, spec->where, what, used, e))
        return -1;
    for (size_t i = 0; i <= over->n_fields; i++)
        n += used[i];
    inputs = arena_alloc(&m->v->arena, (n + 1) * sizeof(*inputs));
    if (!inputs)
        return err_nomem(e);
    f->inputs = inputs;
    for (size_t i = 0; i < over->n_fields; i++) {
        if (!used[i])
            continue;
        inputs[f->n_inputs] = input_of(&over->fields[i]);
        if (shown)
            inputs[f->n_inputs].def = over->fields[i].def;
        f->n_inputs++;
    }
    f->fails = spec->fails;
    f->fails_uid = spec->fails ? expr_new_uid() : 0;
    while (spec->fails && strcmp(inputs[f->kept].name, spec->kept) != 0)
        f->kept++;
    for (size_t i = 0; i < f->n_inputs; i++) /* what stays as it is gets no default */
        inputs[i].shown = shown && !(spec->fails && i == f->kept);
    if (used[over->n_fields])
        inputs[f->n_inputs++] = (struct formula_input){
            .name = "_key", .slot = shape_key(over), .type = &key_type};
    return 0;
}

static int inputs_of_fn(struct model *m, const struct formula_spec *spec, struct formula *f,
                        struct err *e)
{
    struct formula_input *inputs;
    size_t n = 0;

    while (spec->fn_inputs[n])
        n++;
    inputs = arena_alloc(&m->v->arena, (n + 1) * sizeof(*inputs));
    if (!inputs)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        const struct field *in = shape_field(spec->over, span_of(spec->fn_inputs[i]));

        if (!in)
            return model_refuse(m, spec->where, e, "%s has no field \"%s\"", spec->over->name,
                                spec->fn_inputs[i]);
        inputs[i] = input_of(in);
    }
    f->inputs = inputs;
    f->n_inputs = n;
    return 0;
}

/* ---- Backward in a circle ---- */

struct slots {
    slot_no *at;
    size_t n;
};

static int add_slot(struct model *m, struct slots *to, slot_no slot, struct err *e)
{
    for (size_t i = 0; i < to->n; i++)
        if (to->at[i] == slot)
            return 0;
    slot_no *at = arena_grow(&m->v->arena, to->at, to->n, sizeof(*at));
    if (!at)
        return err_nomem(e);
    to->at = at;
    to->at[to->n++] = slot;
    return 0;
}

static bool reads(const struct formula *f, slot_no slot)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].slot == slot)
            return true;
    return false;
}

/* What follows from the slot for a writer on the new side: over computed fields, which are nobody's, and
 * over what the steps give that were crossed later. */
static int find_given(struct model *m, slot_no slot, struct slots *ret, struct err *e)
{
    if (add_slot(m, ret, slot, e))
        return -1;
    for (size_t done = 0; done < ret->n; done++)
        for (const struct version *v = m->v; v; v = v == m->v ? m->parent : v->base)
            for (size_t i = 0; i < v->n_formulas; i++) {
                const struct formula *f = v->formulas[i];
                if ((f->mode == FORMULA_COMPUTED || f->dir == FORMULA_BACKWARD) &&
                    reads(f, ret->at[done]) && add_slot(m, ret, f->out, e))
                    return -1;
            }
    return 0;
}

/* An expression for the way back can't read what is computed from what it gives: the field would have
 * another value each time that it is asked. What is only seeded is asked once, for a new item. */
static int check_circle(struct model *m, const struct formula_spec *spec, const struct formula *f,
                        struct err *e)
{
    struct slots given = {0};

    if (!f->sql || f->dir != FORMULA_BACKWARD || f->mode != FORMULA_LINKED)
        return 0;
    if (find_given(m, f->out, &given, e))
        return -1;
    for (size_t i = 0; i < f->n_inputs; i++)
        for (size_t j = 1; j < given.n; j++)
            if (f->inputs[i].slot == given.at[j]) {
                model_refuse(m, spec->where, e, "\"%s\" is computed from %s.%s, which this gives",
                             f->inputs[i].name, spec->over->name, f->out_name);
                return err_expected(e, "an expression over other fields");
            }
    return 0;
}

/* ---- Formulas ---- */

static int keep_formula(struct model *m, struct formula *f)
{
    struct version *v = m->v;
    struct formula **list =
        arena_grow(&v->arena, v->formulas, v->n_formulas, sizeof(struct formula *));

    if (!list)
        return -1;
    v->formulas = list;
    v->formulas[v->n_formulas++] = f;
    return 0;
}

/* What else than its type a result has to fit. */
static int add_checks(struct model *m, const struct field *out, struct formula *f, struct err *e)
{
    const struct checking c = {m->env, f->shapes, f->n_shapes};
    bool own;

    f->checked_inside = checks_inside(&c, out->type);
    if (check_is_own(m->env, out, &own, e))
        return -1;
    if (own) {
        f->check = out->check;
        f->check_uid = check_own_uid(out);
    }
    return 0;
}

int model_add_formula(struct model *m, const struct formula_spec *spec, struct formula **ret,
                      struct err *e)
{
    struct formula *f = arena_alloc(&m->v->arena, sizeof(*f));

    if (!f || model_shapes(m, &f->shapes, &f->n_shapes))
        return err_nomem(e);
    f->uid = expr_new_uid();
    f->step = m->step;
    f->dir = spec->dir;
    f->mode = spec->mode;
    f->shape = spec->over->id;
    f->coll = spec->over->coll;
    f->colls = spec->over->colls;
    f->n_colls = spec->over->n_colls;
    f->out = spec->out->slot;
    f->out_type = spec->out->type;
    f->out_name = spec->out->name;
    f->mend = spec->out->def;
    f->sql = spec->sql;
    f->fn = spec->fn;
    f->fn_arg = spec->fn_arg;
    if (spec->key && !(f->key = model_copy_array(m, spec->key, 1, sizeof(*spec->key))))
        return err_nomem(e);
    if (add_checks(m, spec->out, f, e) ||
        (spec->sql ? inputs_of_sql(m, spec, f, e) : inputs_of_fn(m, spec, f, e)))
        return -1;
    if (check_circle(m, spec, f, e))
        return -1;
    if (keep_formula(m, f))
        return err_nomem(e);
    *ret = f;
    return 0;
}

static bool is_container(const struct type_ref *t)
{
    return t->base == T_LIST || t->base == T_MAP;
}

/* One direction of a retyped field: SQL over every field, or a function of the other side. */
static int add_side(struct model *m, enum formula_dir dir, const struct shape *over,
                    const struct field *out, const char *input, const struct retype_spec *spec,
                    struct err *e)
{
    bool forward = dir == FORMULA_FORWARD;
    const char *inputs[] = {input, NULL};
    struct formula_spec f = {.dir = dir, .mode = FORMULA_LINKED, .over = over, .out = out};
    struct formula *made;

    f.sql = forward ? spec->up : spec->down;
    f.where = forward ? spec->up_at : spec->down_at;
    if (!f.sql) {
        f.fn = forward ? spec->up_fn : spec->down_fn;
        f.fn_arg = spec->fn_arg;
        f.fn_inputs = inputs;
        if (!f.fn)
            f.fn = copy_fn;
    }
    if (model_add_formula(m, &f, &made, e))
        return -1;
    made->each = spec->each && is_container(out->type);
    return 0;
}

int model_retype_field(struct model *m, struct shape *s, struct field *f,
                       const struct retype_spec *spec, struct err *e)
{
    struct field old = *f, now = *spec->to;

    now.slot = model_new_slot(m);
    if (add_side(m, FORMULA_FORWARD, s, &now, old.name, spec, e))
        return -1;
    *f = now;
    return add_side(m, FORMULA_BACKWARD, s, &old, now.name, spec, e);
}

/* ---- Links ---- */

int model_add_link(struct model *m, const struct link *l, struct err *e)
{
    struct version *v = m->v;
    struct link **list = arena_grow(&v->arena, v->links, v->n_links, sizeof(struct link *));
    struct link *own = arena_alloc(&v->arena, sizeof(*own));
    struct type_ref *type = arena_alloc(&v->arena, sizeof(*type));

    if (!list || !own || !type)
        return err_nomem(e);
    *own = *l;
    *type = (struct type_ref){.base = T_REF, .shape = l->target_shape};
    own->ref_type = type;
    own->uid = expr_new_uid();
    own->step = m->step;
    own->here = model_copy_array(m, l->here, l->n, sizeof(*l->here));
    own->there = model_copy_array(m, l->there, l->n, sizeof(*l->there));
    own->types = model_copy_array(m, l->types, l->n, sizeof(*l->types));
    if (!own->here || !own->there || !own->types || model_shapes(m, &own->shapes, &own->n_shapes))
        return err_nomem(e);
    v->links = list;
    v->links[v->n_links++] = own;
    return 0;
}

/* ---- Names ---- */

int model_add_naming(struct model *m, const struct naming *n, struct err *e)
{
    struct version *v = m->v;
    struct naming *list = arena_grow(&v->arena, v->namings, v->n_namings, sizeof(*list));

    if (!list)
        return err_nomem(e);
    v->namings = list;
    v->namings[v->n_namings] = *n;
    v->namings[v->n_namings++].step = m->step;
    return 0;
}
