/* extract_type: the distinct values of some fields become items of a type of their own, the fields
 * one reference. What finds and makes those items is the link; this file only says which slot here
 * is which slot there. */
#include "steps.h"

struct extract {
    struct shape *s, *target;
    const struct shape *before;
    struct step_pair *pairs;
    struct field *old; /* as they were, one a pair */
    size_t n, place;   /* where the first of them stood */
    struct field ref;
    const struct yaml_node *fields_at, *as_at;
    size_t dropped_checks;
};

static int read_old(struct model *m, const struct step_args *a, struct extract *x, struct err *e)
{
    struct field *f;

    x->old = arena_alloc(&m->v->arena, x->n * sizeof(*x->old));
    if (!x->old)
        return err_nomem(e);
    x->place = x->s->n_fields;
    for (size_t i = 0; i < x->n; i++) {
        const struct step_pair *pair = &x->pairs[i];
        const struct yaml_node at = step_place(pair->line, pair->column);

        if (step_field_at(a, x->s, pair->from, pair->line, pair->column, &f, e))
            return -1;
        if (f->read_only)
            return step_bad(a, &at, e, "%s.%s is computed and can't be extracted", x->s->name,
                            f->name);
        if (step_not_elsewhere(m, a, &at, x->s, f, e) || step_not_following(m, a, &at, x->s, f, e))
            return -1;
        if (step_field_index(x->s, f) < x->place)
            x->place = step_field_index(x->s, f);
        x->old[i] = *f;
    }
    return 0;
}

/* A field of the target is the old one under its new name. It is not unique: records that nobody
 * refers to any more, and that are not listed, would stand in the way of others. */
static int add_target_field(struct model *m, struct extract *x, size_t i, struct err *e)
{
    struct field f = x->old[i];

    f.name = x->pairs[i].to;
    f.slot = model_new_slot(m);
    f.unique = false;
    if (step_carry_check(m, x->before, x->pairs, x->n, &f.check, e))
        return -1;
    x->dropped_checks += x->old[i].check && !f.check;
    return model_insert_field(m, x->target, x->target->n_fields, &f, x->pairs[i].at, e);
}

/* Required where every item has a record: where one of the values is always there. */
static void make_ref(struct model *m, const struct extract *x, struct type_ref *type,
                     struct field *ref)
{
    *type = (struct type_ref){.base = T_REF, .shape = x->target->id};
    ref->type = type;
    ref->slot = model_new_slot(m);
    ref->on_delete = ON_DELETE_RESTRICT;
    for (size_t i = 0; i < x->n; i++)
        ref->required |= x->old[i].required && !step_has_default(&x->old[i]);
}

/* What the expression `key` may name: the values of the record by the names they have there, and,
 * where that is unambiguous, by the names they had before. Nothing else of the item: two items with
 * the same values have one record. */
static int record_names(struct model *m, const struct extract *x, struct shape *ret, struct err *e)
{
    *ret = *x->before;
    ret->fields = arena_alloc(&m->v->arena, 2 * x->n * sizeof(*ret->fields));
    ret->n_fields = 0;
    if (!ret->fields)
        return err_nomem(e);
    for (size_t i = 0; i < x->n; i++) {
        ret->fields[ret->n_fields] = x->old[i];
        ret->fields[ret->n_fields++].name = x->pairs[i].to;
    }
    for (size_t i = 0; i < x->n; i++)
        if (!shape_field(ret, span_of(x->old[i].name)))
            ret->fields[ret->n_fields++] = x->old[i];
    return 0;
}

/* The expression `key` as a formula that stands in no version's list: only the link calls it. */
static int key_formula(struct model *m, const struct step_args *a, const struct extract *x,
                       const struct formula **ret, struct err *e)
{
    static const struct type_ref text = {T_STRING, NULL, 0};
    const struct yaml_node *at;
    struct formula_input *inputs;
    struct shape names;
    const struct shape *over = &names;
    struct formula *f;
    const char *sql;
    bool *used;

    *ret = NULL;
    if (step_arg_sql(a, "key", &sql, &at, e))
        return -1;
    if (!sql)
        return 0;
    if (record_names(m, x, &names, e))
        return -1;
    f = arena_alloc(&m->v->arena, sizeof(*f));
    used = arena_alloc(&m->v->arena, over->n_fields + 1);
    inputs = arena_alloc(&m->v->arena, (over->n_fields + 1) * sizeof(*inputs));
    if (!f || !used || !inputs || model_shapes(m, &f->shapes, &f->n_shapes))
        return err_nomem(e);
    if (model_check_sql(m, over, sql, at, "key", used, e))
        return -1;
    *f = (struct formula){.uid = expr_new_uid(),
                          .step = m->step,
                          .shape = over->id,
                          .out = SLOT_KEY,
                          .out_type = &text,
                          .out_name = "_key",
                          .inputs = inputs,
                          .sql = sql,
                          .shapes = f->shapes,
                          .n_shapes = f->n_shapes};
    for (size_t i = 0; i < over->n_fields; i++) {
        const struct field *in = &over->fields[i];

        if (used[i])
            inputs[f->n_inputs++] = (struct formula_input){
                .name = in->name, .slot = in->slot, .type = in->type, .def = in->def};
    }
    if (used[over->n_fields])
        return step_bad(a, at, e, "key: a record is made from its values alone, so its key can't "
                                  "depend on _key");
    *ret = f;
    return 0;
}

static int add_link(struct model *m, const struct step_args *a, const struct extract *x,
                    struct err *e)
{
    slot_no *here = arena_alloc(&m->v->arena, x->n * sizeof(*here));
    slot_no *there = arena_alloc(&m->v->arena, x->n * sizeof(*there));
    const struct type_ref **types =
        arena_alloc(&m->v->arena, x->n * sizeof(const struct type_ref *));
    struct link l = {.kind = LINK_EXTRACT,
                     .shape = x->s->id,
                     .coll = x->s->coll,
                     .ref = x->ref.slot,
                     .target_shape = x->target->id,
                     .target_coll = x->target->coll,
                     .n = x->n};

    if (!here || !there || !types)
        return err_nomem(e);
    for (size_t i = 0; i < x->n; i++) {
        here[i] = x->old[i].slot;
        there[i] = x->target->fields[i].slot;
        types[i] = x->old[i].type;
    }
    l.here = here;
    l.there = there;
    l.types = types;
    return key_formula(m, a, x, &l.key, e) || model_add_link(m, &l, e) ? -1 : 0;
}

static int tell(struct model *m, const struct step_args *a, const struct extract *x, struct err *e)
{
    struct step_note *note = model_note(m, a, x->s->id,
                                        "the distinct values of %s.%s%s become items of %s, %s.%s "
                                        "refers to them",
                                        x->s->name, x->old[0].name, x->n > 1 ? ", ..." : "",
                                        x->target->name, x->s->name, x->ref.name);

    return step_tell(
        note, "a reference to the record of these values", "the fields, read through the reference",
        x->dropped_checks ? "checks of these fields that read others are not enforced here" : NULL,
        STEP_BACKFILL, e);
}

static int apply_extract(struct model *m, const struct step_args *a, struct extract *x,
                         struct err *e)
{
    struct type_ref *type = arena_alloc(&m->v->arena, sizeof(*type));

    if (!type)
        return err_nomem(e);
    for (size_t i = 0; i < x->n; i++) {
        if (add_target_field(m, x, i, e))
            return -1;
    }
    make_ref(m, x, type, &x->ref);
    return step_take_fields(m, a, x->fields_at, x->s, x->old, x->n, e) ||
                   model_insert_field(m, x->s, x->place, &x->ref, x->as_at, e) ||
                   add_link(m, a, x, e) || step_one_side(m, a, x->as_at, x->s, &x->ref, e)
               ? -1
               : 0;
}

int step_extract_type(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *into_at;
    struct extract x = {0};
    const char *into;

    if (step_arg_shape(m, a, "type", STEP_ITEMS, &x.s, e) ||
        step_arg_need(a, "fields", &x.fields_at, e) ||
        step_arg_pairs(m, a, "fields", &x.pairs, &x.n, e) || step_arg_name(a, "into", &into, e) ||
        step_arg_need(a, "into", &into_at, e) || step_arg_name(a, "as", &x.ref.name, e) ||
        step_arg_need(a, "as", &x.as_at, e) ||
        step_no_part(a, step_arg(a, "type"), x.s, e) || read_old(m, a, &x, e))
        return -1;
    if (!(x.before = step_shape_copy(m, x.s)))
        return err_nomem(e);
    if (model_add_shape(m, SHAPE_ITEM, into, into_at, &x.target, e) || apply_extract(m, a, &x, e))
        return -1;
    return tell(m, a, &x, e);
}
