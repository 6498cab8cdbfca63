/* inline_type: what an item refers to is shown in the item itself, and its type is gone. The values
 * stay where they are; the link says which slot of the target a field shows. */
#include "steps.h"

struct inlining {
    struct shape *s, *target;
    const struct shape *theirs; /* the target as it was */
    struct field ref;
    size_t place; /* where the reference stood */
    struct step_pair *pairs;
    struct field *old, *now; /* of the target; of the holder: one a pair */
    size_t n;
    const struct yaml_node *ref_at, *fields_at;
    size_t dropped_checks;
};

/* ---- The reference and its type ---- */

static int read_ref(struct model *m, const struct step_args *a, struct inlining *in, struct err *e)
{
    struct field *ref;

    if (step_arg_need(a, "ref", &in->ref_at, e) || step_arg_field(m, a, "ref", in->s, &ref, e))
        return -1;
    if (ref->type->base != T_REF)
        return step_bad(a, in->ref_at, e, "%s.%s is %s, not a reference to one item", in->s->name,
                        ref->name, step_type_text(m, ref->type));
    if (step_not_computed(a, in->ref_at, in->s, ref, e))
        return -1;
    in->ref = *ref;
    in->place = step_field_index(in->s, ref);
    in->target = model_shape_writable(m, ref->type->shape);
    if (!in->target || !(in->theirs = step_shape_copy(m, in->target)))
        return err_nomem(e);
    if (step_no_part(a, step_arg(a, "type"), in->s, e) ||
        step_no_part(a, in->ref_at, in->target, e))
        return -1;
    if (in->target->coll == in->s->coll)
        return step_bad(a, in->ref_at, e, "%s.%s refers to %s, the same items", in->s->name,
                        ref->name, in->target->name);
    return step_no_circle(m, a, in->ref_at, in->s, in->target, e);
}

static const struct field *user_of(const struct shape *s, uint32_t id, const char *but)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        for (const struct type_ref *t = s->fields[i].type; t; t = t->elem) {
            if (t->shape == id && (!but || strcmp(s->fields[i].name, but) != 0))
                return &s->fields[i];
        }
    }
    return NULL;
}

/* Fields of the target itself go with it. */
static int check_unused(struct model *m, const struct step_args *a, const struct inlining *in,
                        struct err *e)
{
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *other = m->v->shapes[i];
        const struct field *f =
            other->id == in->target->id
                ? NULL
                : user_of(other, in->target->id, other->id == in->s->id ? in->ref.name : NULL);

        if (!f)
            continue;
        step_bad(a, in->ref_at, e, "%s is also used by %s.%s, which is %s", in->target->name,
                 other->name, f->name, step_type_text(m, f->type));
        return err_expected(e, "a remove_field or change_type of %s.%s before this step",
                            other->name, f->name);
    }
    return 0;
}

/* ---- Its fields ---- */

static int read_theirs(struct model *m, const struct step_args *a, struct inlining *in,
                       struct err *e)
{
    if (step_arg_need(a, "fields", &in->fields_at, e) ||
        step_arg_pairs(m, a, "fields", &in->pairs, &in->n, e))
        return -1;
    in->old = arena_alloc(&m->v->arena, in->n * sizeof(*in->old));
    in->now = arena_alloc(&m->v->arena, in->n * sizeof(*in->now));
    if (!in->old || !in->now)
        return err_nomem(e);
    for (size_t i = 0; i < in->n; i++) {
        const struct step_pair *pair = &in->pairs[i];
        const struct yaml_node at = step_place(pair->line, pair->column);
        struct field *f;

        if (step_field_at(a, in->target, pair->from, pair->line, pair->column, &f, e) ||
            step_not_computed(a, &at, in->target, f, e))
            return -1;
        for (const struct type_ref *t = f->type; t; t = t->elem) {
            if (t->shape == in->target->id)
                return step_bad(a, &at, e,
                                "%s.%s refers to %s itself, which is gone after this step",
                                in->target->name, f->name, in->target->name);
        }
        in->old[i] = *f;
    }
    return 0;
}

static bool is_listed(const struct inlining *in, const struct field *f)
{
    for (size_t i = 0; i < in->n; i++) {
        if (in->old[i].slot == f->slot)
            return true;
    }
    return false;
}

/* An item made in the new version makes an item of the target, which older versions must be able to
 * show. */
static int check_left_out(const struct step_args *a, const struct inlining *in, struct err *e)
{
    for (size_t i = 0; i < in->target->n_fields; i++) {
        const struct field *f = &in->target->fields[i];

        if (!f->required || f->read_only || step_has_default(f) || is_listed(in, f))
            continue;
        step_bad(a, in->fields_at, e,
                 "older versions require %s.%s, which has no default and is not among `fields`",
                 in->target->name, f->name);
        return err_expected(e, "`%s` among `fields`, or a change_default before this step",
                            f->name);
    }
    return 0;
}

/* Where items may refer to nothing, a field that the target requires is required as soon as one of
 * the others is there: a check. */
static const char *needs_check(struct model *m, const struct inlining *in, size_t i)
{
    const char *name = step_sql_name(m, in->pairs[i].to), *sql = NULL;

    for (size_t k = 0; name && k < in->n; k++) {
        const char *other = k == i ? NULL : step_sql_name(m, in->pairs[k].to);

        if (k == i || step_has_default(&in->old[k]))
            continue;
        sql = sql ? model_printf(m, "%s AND %s IS NULL", sql, other)
                  : model_printf(m, "%s IS NOT NULL OR %s IS NULL", name, other);
    }
    return sql;
}

static int make_field(struct model *m, struct inlining *in, size_t i, struct err *e)
{
    struct field f = in->old[i];
    bool needed = f.required && !step_has_default(&f);

    f.name = in->pairs[i].to;
    f.slot = model_new_slot(m);
    f.required = f.required && in->ref.required;
    f.unique = false; /* several items may refer to one */
    f.line = 0;
    if (step_carry_check(m, in->theirs, in->pairs, in->n, &f.check, e))
        return -1;
    in->dropped_checks += in->old[i].check && !f.check;
    if (needed && !f.required) {
        const char *check = needs_check(m, in, i);

        f.check = check && f.check ? model_printf(m, "(%s) AND (%s)", f.check, check)
                  : check          ? check
                                   : f.check;
    }
    in->now[i] = f;
    return model_insert_field(m, in->s, in->place + i, &f, in->pairs[i].at, e);
}

static int add_link(struct model *m, const struct inlining *in, struct err *e)
{
    slot_no *here = arena_alloc(&m->v->arena, in->n * sizeof(*here));
    slot_no *there = arena_alloc(&m->v->arena, in->n * sizeof(*there));
    const struct type_ref **types =
        arena_alloc(&m->v->arena, in->n * sizeof(const struct type_ref *));
    struct link l = {.kind = LINK_INLINE,
                     .shape = in->s->id,
                     .coll = in->s->coll,
                     .ref = in->ref.slot,
                     .required = in->ref.required,
                     .target_shape = in->target->id,
                     .target_coll = in->target->coll,
                     .n = in->n};

    if (!here || !there || !types)
        return err_nomem(e);
    for (size_t i = 0; i < in->n; i++) {
        here[i] = in->now[i].slot;
        there[i] = in->old[i].slot;
        types[i] = in->old[i].type;
    }
    l.here = here;
    l.there = there;
    l.types = types;
    return model_add_link(m, &l, e);
}

static int apply_inline(struct model *m, const struct step_args *a, struct inlining *in,
                        struct err *e)
{
    if (step_take_fields(m, a, in->ref_at, in->s, &in->ref, 1, e))
        return -1;
    for (size_t i = 0; i < in->n; i++) {
        if (make_field(m, in, i, e))
            return -1;
    }
    if (add_link(m, in, e))
        return -1;
    for (size_t i = 0; i < in->n; i++) {
        if (step_one_side(m, a, in->pairs[i].at, in->s, &in->now[i], e))
            return -1;
    }
    return model_remove_shape(m, in->target->id) ? err_nomem(e) : 0;
}

int step_inline_type(struct model *m, const struct step_args *a, struct err *e)
{
    struct inlining in = {0};
    struct step_note *note;
    const char *loses;

    if (step_arg_shape(m, a, "type", STEP_ITEMS, &in.s, e) || read_ref(m, a, &in, e) ||
        check_unused(m, a, &in, e) || read_theirs(m, a, &in, e) || check_left_out(a, &in, e) ||
        apply_inline(m, a, &in, e))
        return -1;
    note = model_note(m, a, in.s->id, "%s shows what %s refers to in %s%s, %s is gone", in.s->name,
                      in.ref.name, in.now[0].name, in.n > 1 ? ", ..." : "", in.target->name);
    loses = model_printf(
        m, "finalize drops %s items that nothing refers to, and their other fields%s",
        in.target->name, in.dropped_checks ? "; checks that read these are not enforced here" : "");
    return step_tell(note, "the fields of the item that the reference points to",
                     "written back to that item, for every item that refers to it; created where "
                     "there was none",
                     loses, STEP_BACKFILL | STEP_DROPS, e);
}
