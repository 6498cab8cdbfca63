/* change_type: a slot of its own for the new type, linked both ways. A direction that is left out
 * is a built-in conversion without loss; where that leads to a wider type, the way back takes what
 * still fits and shows the old default, or nothing, for the rest. */
#include "steps.h"

#include "../convert.h"

struct change {
    const struct yaml_node *at, *up_at, *down_at;
    const char *up, *down;
    struct field to;
    formula_fn up_fn, down_fn;
    bool same, partial; /* partial: the way back takes what fits */
};

static bool narrows(const struct field *to, const struct field *from)
{
    return to->check && (!from->check || strcmp(from->check, to->check) != 0);
}

static int no_way(struct model *m, const struct step_args *a, const struct change *c,
                  const struct field *f, bool forward, struct err *e)
{
    const char *from = step_type_text(m, forward ? f->type : c->to.type);
    const char *to = step_type_text(m, forward ? c->to.type : f->type);

    step_bad(a, c->at, e, "%s does not convert to %s without loss; `%s` is missing", from, to,
             forward ? "up" : "down");
    return err_expected(e, "`%s: \"an expression over the %s version's fields\"`",
                        forward ? "up" : "down", forward ? "older" : "newer");
}

/* Finds what stands in for a direction that is not given. */
static int find_conversions(struct model *m, const struct step_args *a, struct change *c,
                            const struct field *f, struct err *e)
{
    struct shape *const *shapes = m->v->shapes;
    size_t n = m->v->n_shapes;
    bool unused = false;
    formula_fn forward = convert_forward(f->type, c->to.type, shapes, n, &c->same);

    c->same = c->same && !c->up && !c->down && !narrows(&c->to, f);
    if (c->same)
        return 0;
    if (!c->up && !(c->up_fn = forward))
        return no_way(m, a, c, f, true, e);
    if (c->down)
        return 0;
    c->down_fn = convert_forward(c->to.type, f->type, shapes, n, &unused);
    if (c->down_fn)
        return 0;
    if (c->up || !forward)
        return no_way(m, a, c, f, false, e);
    c->partial = true;
    c->down_fn = convert_backward(f->type, c->to.type, shapes, n);
    return 0;
}

/* Items that exist, and those that older versions go on writing, may fail a check that is new here. */
static int check_narrows(const struct step_args *a, const struct change *c, const struct shape *s,
                         const struct field *f, struct err *e)
{
    if (!narrows(&c->to, f) || c->up || step_has_default(&c->to))
        return 0;
    step_bad(a, c->at, e, "values of %s.%s may fail the check \"%s\"; `up` is missing", s->name,
             f->name, c->to.check);
    return err_expected(e, "`up`, `default` in `to`, or an add_check step");
}

/* Neither side may demand what the other need not have. */
static int check_required(const struct step_args *a, const struct change *c, const struct shape *s,
                          const struct field *f, struct err *e)
{
    bool old_demands = f->required && !step_has_default(f);

    if (c->to.required && !f->required && !c->up && !step_has_default(&c->to)) {
        step_bad(a, c->at, e, "%s.%s may be unset in items that exist, and has no default", s->name,
                 f->name);
        return err_expected(e, "`default` in `to`, or `up`");
    }
    if (old_demands && !c->down && (c->partial || !c->to.required)) {
        step_bad(a, c->at, e, "older versions require %s.%s, and %s", s->name, f->name,
                 c->partial ? "not every value converts back" : "items made here may not have it");
        return err_expected(e, "`down: \"an expression\"` that always gives a value");
    }
    return 0;
}

static void drop_key(struct shape *s, slot_no slot)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n_uniques; i++) {
        if (s->uniques[i].n > 1 || s->uniques[i].slots[0] != slot)
            s->uniques[kept++] = s->uniques[i];
    }
    s->n_uniques = kept;
}

static int apply_change(struct model *m, struct shape *s, struct field *f, const struct change *c,
                        struct err *e)
{
    struct retype_spec spec = {.to = &c->to,
                               .up = c->up,
                               .down = c->down,
                               .up_at = c->up_at,
                               .down_at = c->down_at,
                               .up_fn = c->up_fn,
                               .down_fn = c->down_fn,
                               .each = !c->up && !c->down};

    if (!c->to.unique)
        drop_key(s, f->slot);
    if (c->same) {
        slot_no slot = f->slot;

        *f = c->to;
        f->slot = slot;
        return 0;
    }
    return step_retype(m, s, f, &spec, e);
}

static int tell(struct model *m, const struct step_args *a, const struct shape *s,
                const struct change *c, const struct field *was, struct err *e)
{
    const struct field *now = shape_field(s, span_of(c->to.name));
    struct step_note *note =
        type_equal(was->type, c->to.type)
            ? model_note(m, a, s->id, "%s.%s has another definition", s->name, c->to.name)
            : model_note(m, a, s->id, "%s.%s: %s becomes %s", s->name, c->to.name,
                         step_type_text(m, was->type), step_type_text(m, c->to.type));

    if (c->same)
        return step_tell(note, "same value", "same value", NULL,
                         c->to.unique && !was->unique ? STEP_SCANS : 0u, e);
    return step_tell(
        note, c->up ? c->up : "converted without loss",
        c->down      ? c->down
        : c->partial ? "converted where it fits, else the old default or unset"
                     : "converted without loss",
        c->up        ? model_printf(m, "finalize drops the old values of %s.%s", s->name, c->to.name)
        : c->partial ? "older versions can't show values that don't fit there"
                     : NULL,
        STEP_BACKFILL | (c->up ? STEP_DROPS : 0u) | (step_in_unique(s, now) ? STEP_SCANS : 0u), e);
}

int step_change_type(struct model *m, const struct step_args *a, struct err *e)
{
    struct change c = {0};
    struct field *f, was;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_field(m, a, "field", s, &f, e) || step_arg_need(a, "to", &c.at, e) ||
        step_arg_sql(a, "up", &c.up, &c.up_at, e) ||
        step_arg_sql(a, "down", &c.down, &c.down_at, e) ||
        step_not_computed(a, step_arg(a, "field"), s, f, e) ||
        model_parse_field(m, f->name, c.at, &c.to, e))
        return -1;
    if (!c.to.description)
        c.to.description = f->description;
    was = *f;
    if (find_conversions(m, a, &c, f, e) || check_narrows(a, &c, s, f, e) ||
        check_required(a, &c, s, f, e) || apply_change(m, s, f, &c, e))
        return -1;
    return tell(m, a, s, &c, &was, e);
}
