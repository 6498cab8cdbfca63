/* What is one value seen in two places. A step that links its sides, or lets a field stand in another
 * item, leaves two slots that say one thing; a chain of such steps connects more. Where all of them are
 * in one item, a writer may be shown two and say two things: both are kept. Over a reference that can't
 * be: the other item has one place for the value, and other items look at it. */
#include "steps.h"

/* A slot that is connected with the first one; over: the first link that lies between, or NULL. via: the
 * step by which it was found. The same step leads on to other fields of the side where one came from:
 * parts of what it splits, say, which are no second place of the value. */
struct side {
    slot_no slot;
    const struct link *over;
    uint32_t via;
};
struct sides {
    struct model *m;
    struct side *at; /* found; those from `done` on have still to be followed */
    size_t n, done;
};

static int add(struct sides *s, slot_no slot, const struct link *over, uint32_t via)
{
    struct side *at;

    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].slot == slot && !s->at[i].over == !over &&
            (!s->at[i].via || s->at[i].via == via))
            return 0;
    if (slot < SLOT_FIRST)
        return 0;
    if (!(at = arena_grow(&s->m->v->arena, s->at, s->n, sizeof *at)))
        return -1;
    s->at = at;
    s->at[s->n++] = (struct side){slot, over, via};
    return 0;
}

static int over_formulas(struct sides *s, const struct version *v, struct side from)
{
    for (size_t i = 0; i < v->n_formulas; i++) {
        const struct formula *f = v->formulas[i];
        for (size_t j = 0; j < f->n_inputs && f->mode == FORMULA_LINKED && f->step != from.via; j++) {
            slot_no in = f->inputs[j].slot;
            slot_no to = f->out == from.slot ? in : in == from.slot ? f->out : SLOT_NONE;
            if (add(s, to, from.over, f->step))
                return -1;
        }
    }
    return 0;
}

static int over_link(struct sides *s, const struct link *l, struct side from)
{
    bool chosen = l->kind != LINK_MOVE; /* by the fields' values */
    const struct link *over = from.over ? from.over : l;
    int rc = 0;

    for (size_t i = 0; i < l->n && rc == 0 && l->step != from.via; i++) {
        if (l->here[i] == from.slot)
            rc = add(s, l->there[i], over, l->step) || (chosen && add(s, l->ref, over, l->step)) ? -1 : 0;
        else if (l->there[i] == from.slot || (chosen && l->ref == from.slot))
            rc = add(s, l->here[i], over, l->step);
    }
    return rc;
}

/* The versions that the model comes from, itself first. */
static const struct version *version_before(const struct model *m, const struct version *v)
{
    return v == m->v ? m->parent : v->base;
}

/* All that is connected with the slot. */
static int find_sides(struct model *m, slot_no slot, struct sides *ret, struct err *e)
{
    *ret = (struct sides){.m = m};
    if (add(ret, slot, NULL, 0))
        return err_nomem(e);
    for (; ret->done < ret->n; ret->done++) {
        struct side from = ret->at[ret->done];
        for (const struct version *v = m->v; v; v = version_before(m, v)) {
            if (over_formulas(ret, v, from))
                return err_nomem(e);
            for (size_t i = 0; i < v->n_links; i++)
                if (over_link(ret, v->links[i], from))
                    return err_nomem(e);
        }
    }
    return 0;
}

static const struct side *side_of(const struct sides *s, slot_no slot, bool over_links)
{
    for (size_t i = 1; i < s->n; i++)
        if (s->at[i].slot == slot && (s->at[i].over || !over_links))
            return &s->at[i];
    return NULL;
}

static const char *const link_steps[] = {
    [LINK_EXTRACT] = "extract_type", [LINK_MOVE] = "move_field", [LINK_INLINE] = "inline_type"};

int step_one_side(struct model *m, const struct step_args *a, const struct yaml_node *at,
                  const struct shape *s, const struct field *f, struct err *e)
{
    struct sides sides;

    if (find_sides(m, f->slot, &sides, e))
        return -1;
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *other = &s->fields[i];
        const struct side *side = side_of(&sides, other->slot, true);
        if (other->slot == f->slot || !side)
            continue;
        step_bad(a, at, e, "%s.%s and \"%s\" are two sides of one %s, one type can't show both",
                 s->name, f->name, other->name, link_steps[side->over->kind]);
        return err_expected(e, "remove_field of %s.%s before this step, or add_field with `up` for a "
                               "value of its own", s->name, other->name);
    }
    return 0;
}

static bool computes(const struct formula *f, slot_no slot)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].slot == slot)
            return true;
    return false;
}

/* The slots that follow from the slot's value; BFS as find_sides. */
static int find_followers(struct model *m, slot_no slot, struct sides *ret, struct err *e)
{
    *ret = (struct sides){.m = m};
    if (add(ret, slot, NULL, 0))
        return err_nomem(e);
    for (; ret->done < ret->n; ret->done++) {
        slot_no from = ret->at[ret->done].slot;
        for (const struct version *v = m->v; v; v = version_before(m, v)) {
            for (size_t i = 0; i < v->n_formulas; i++)
                if (computes(v->formulas[i], from) && add(ret, v->formulas[i]->out, NULL, 0))
                    return err_nomem(e);
            for (size_t i = 0; i < v->n_links; i++)
                for (size_t j = 0; j < v->links[i]->n && v->links[i]->kind != LINK_MOVE; j++)
                    if (v->links[i]->here[j] == from && add(ret, v->links[i]->ref, NULL, 0))
                        return err_nomem(e);
        }
    }
    return 0;
}

int step_not_through(struct model *m, const struct step_args *a, const struct yaml_node *at,
                     const struct shape *s, const struct field *f, const struct field *through,
                     struct err *e)
{
    struct sides followers;

    if (find_followers(m, f->slot, &followers, e))
        return -1;
    if (!side_of(&followers, through->slot, false))
        return 0;
    step_bad(a, at, e, "%s.%s gives \"%s\": where the value stands would depend on the value",
             s->name, f->name, through->name);
    return err_expected(e, "a field with values of its own: add_field with `up`");
}

/* ---- Values that change when another item does ---- */

static bool holds_ref(const struct formula *f, const struct type_ref *t)
{
    return type_refers(t, f->shapes, f->n_shapes, 0);
}

static bool link_shows(const struct version *v, slot_no slot)
{
    for (size_t i = 0; i < v->n_links; i++)
        for (size_t j = 0; j < v->links[i]->n; j++)
            if (v->links[i]->here[j] == slot)
                return true;
    return false;
}

static const struct formula *formula_giving(const struct version *v, slot_no slot)
{
    for (size_t i = 0; i < v->n_formulas; i++)
        if (v->formulas[i]->dir == FORMULA_FORWARD && v->formulas[i]->out == slot)
            return v->formulas[i];
    return NULL;
}

/* The input by which the slot's value follows another item, or NULL: a reference, whose text is that
 * item's key, or a field that stands there. Ends, because a formula reads what is older. */
static const struct formula_input *follows(const struct model *m, slot_no slot)
{
    const struct formula *f = NULL;
    const struct formula_input *in = NULL;

    for (const struct version *v = m->v; v && !f; v = version_before(m, v))
        f = formula_giving(v, slot);
    for (size_t i = 0; f && i < f->n_inputs && !in; i++) {
        bool elsewhere = holds_ref(f, f->inputs[i].type) && !holds_ref(f, f->out_type);
        for (const struct version *v = m->v; v && !elsewhere; v = version_before(m, v))
            elsewhere = link_shows(v, f->inputs[i].slot);
        in = elsewhere ? &f->inputs[i] : follows(m, f->inputs[i].slot);
    }
    return in;
}

int step_not_following(const struct model *m, const struct step_args *a, const struct yaml_node *at,
                       const struct shape *s, const struct field *f, struct err *e)
{
    const struct formula_input *in = follows(m, f->slot);

    if (!in)
        return 0;
    step_bad(a, at, e, "%s.%s is computed from \"%s\", which another item's name or content changes: "
                       "its value can't stand in other items", s->name, f->name, in->name);
    return err_expected(e, "\"%s\" itself here, or a field that nothing computes", in->name);
}
