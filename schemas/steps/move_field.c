/* move_field: a field goes over a reference, to the item type it points to. The old slot stays with
 * the holders, the target gets one of its own; the link (lens_link.c) keeps them together. */
#include "steps.h"

struct move {
    struct shape *s, *target;
    const struct shape *before;
    struct field old, now, ref;
    const struct yaml_node *field_at, *as_at, *through_at;
    struct step_pair pair; /* the field's names, before and after */
    bool dropped_check;
};

static int read_ref(struct model *m, const struct step_args *a, struct move *mv, struct err *e)
{
    struct field *ref;

    if (step_arg_need(a, "through", &mv->through_at, e) ||
        step_arg_field(m, a, "through", mv->s, &ref, e))
        return -1;
    if (ref->type->base != T_REF)
        return step_bad(a, mv->through_at, e, "%s.%s is %s, not a reference to one item",
                        mv->s->name, ref->name, step_type_text(m, ref->type));
    if (ref->read_only)
        return step_bad(a, mv->through_at, e,
                        "%s.%s is computed; a field moves over a reference "
                        "that is written",
                        mv->s->name, ref->name);
    mv->ref = *ref;
    return step_not_elsewhere(m, a, mv->through_at, mv->s, ref, e);
}

static int read_target(struct model *m, const struct step_args *a, struct move *mv, struct err *e)
{
    const struct yaml_node *at;

    if (step_arg_shape(m, a, "to", STEP_ITEMS, &mv->target, e) || step_arg_need(a, "to", &at, e))
        return -1;
    if (mv->target->id != mv->ref.type->shape) {
        step_bad(a, at, e, "%s.%s is %s, it does not lead to %s", mv->s->name, mv->ref.name,
                 step_type_text(m, mv->ref.type), mv->target->name);
        return err_expected(e, "`to` is the type that `through` refers to");
    }
    if (step_no_part(a, step_arg(a, "type"), mv->s, e) || step_no_part(a, at, mv->target, e))
        return -1;
    if (mv->target->coll == mv->s->coll)
        return step_bad(a, at, e, "%s.%s refers to %s, the same items", mv->s->name, mv->ref.name,
                        mv->target->name);
    return step_no_circle(m, a, at, mv->s, mv->target, e);
}

/* What one value in the target could not keep for every holder. */
static int check_field(struct model *m, const struct step_args *a, const struct move *mv,
                       struct err *e)
{
    const struct field *f = &mv->old;
    const struct yaml_node *at = mv->field_at;

    if (step_not_computed(a, at, mv->s, f, e) || step_not_elsewhere(m, a, at, mv->s, f, e) ||
        step_not_following(m, a, at, mv->s, f, e))
        return -1;
    if (f->slot == mv->ref.slot)
        return step_bad(a, at, e, "%s.%s can't move over itself", mv->s->name, f->name);
    if (step_not_through(m, a, at, mv->s, f, &mv->ref, e))
        return -1;
    if (f->required && !step_has_default(f)) {
        step_bad(a, at, e, "%s.%s is required, and items of %s may have no value for it",
                 mv->s->name, f->name, mv->target->name);
        return err_expected(e,
                            "a `default` for %s.%s (change_default), or relax_field, before this "
                            "step",
                            mv->s->name, f->name);
    }
    if (f->unique) {
        step_bad(a, at, e, "%s.%s is unique; a value in %s shows in every %s that refers to it",
                 mv->s->name, f->name, mv->target->name, mv->s->name);
        return err_expected(e, "a remove_unique step before this one");
    }
    return 0;
}

static int read_move(struct model *m, const struct step_args *a, struct move *mv, struct err *e)
{
    struct field *f;

    if (step_arg_shape(m, a, "type", STEP_ITEMS, &mv->s, e) ||
        step_arg_need(a, "field", &mv->field_at, e) || step_arg_field(m, a, "field", mv->s, &f, e))
        return -1;
    mv->old = *f;
    mv->pair = (struct step_pair){.from = f->name, .to = f->name, .at = mv->field_at};
    mv->as_at = step_arg(a, "as");
    if (mv->as_at && step_arg_name(a, "as", &mv->pair.to, e))
        return -1;
    mv->before = step_shape_copy(m, mv->s);
    if (!mv->before)
        return err_nomem(e);
    return read_ref(m, a, mv, e) || read_target(m, a, mv, e) ? -1 : check_field(m, a, mv, e);
}

static int add_link(struct model *m, const struct move *mv, struct err *e)
{
    struct link l = {.kind = LINK_MOVE,
                     .shape = mv->s->id,
                     .coll = mv->s->coll,
                     .ref = mv->ref.slot,
                     .mark = model_new_slot(m),
                     .target_shape = mv->target->id,
                     .target_coll = mv->target->coll,
                     .n = 1,
                     .here = &mv->old.slot,
                     .there = &mv->now.slot,
                     .types = &mv->old.type};

    return model_add_link(m, &l, e);
}

static int apply_move(struct model *m, const struct step_args *a, struct move *mv, struct err *e)
{
    mv->now = mv->old;
    mv->now.name = mv->pair.to;
    mv->now.slot = model_new_slot(m);
    if (step_carry_check(m, mv->before, &mv->pair, 1, &mv->now.check, e))
        return -1;
    mv->dropped_check = mv->old.check && !mv->now.check;
    return step_take_fields(m, a, mv->field_at, mv->s, &mv->old, 1, e) ||
                   model_insert_field(m, mv->target, mv->target->n_fields, &mv->now,
                                      mv->as_at ? mv->as_at : mv->field_at, e) ||
                   add_link(m, mv, e)
               ? -1
               : 0;
}

int step_move_field(struct model *m, const struct step_args *a, struct err *e)
{
    struct move mv = {0};
    struct step_note *note;

    if (read_move(m, a, &mv, e) || apply_move(m, a, &mv, e))
        return -1;
    note = model_note(m, a, mv.s->id, "%s.%s moves over %s to %s.%s", mv.s->name, mv.old.name,
                      mv.ref.name, mv.target->name, mv.now.name);
    return step_tell(
        note,
        model_printf(m, "of the items of %s that refer to one %s, the value of the first by key",
                     mv.s->name, mv.target->name),
        model_printf(m,
                     "the value of the %s referred to, or the item's own where it has none; a "
                     "write changes both",
                     mv.target->name),
        mv.dropped_check
            ? "values in which items that refer to one differ; its check, which reads other fields"
            : "values in which items that refer to one differ, and of items that refer to none",
        STEP_BACKFILL | STEP_DROPS, e);
}
