/* Fields on their way in, out, and from slot to slot. */
#include "steps.h"

#include "../sql_names.h"

int step_field_at(const struct step_args *a, struct shape *s, const char *name, unsigned line,
                  unsigned column, struct field **ret, struct err *e)
{
    struct field *f = shape_field(s, span_of(name));
    const struct yaml_node at = step_place(line, column);
    const char *near = NULL;

    if (f) {
        *ret = f;
        return 0;
    }
    for (size_t i = 0; i < s->n_fields; i++) {
        const char *pair[2] = {near, s->fields[i].name};

        near = err_nearest(name, strlen(name), pair, 2);
    }
    return step_unknown(a, &at, near, e, "%s has no field \"%s\"", s->name, name);
}

size_t step_field_index(const struct shape *s, const struct field *f)
{
    return (size_t)(f - s->fields);
}

struct shape *step_shape_copy(struct model *m, const struct shape *s)
{
    struct shape *copy = arena_alloc(&m->v->arena, sizeof(*copy));

    if (!copy)
        return NULL;
    *copy = *s;
    copy->fields = model_copy_array(m, s->fields, s->n_fields, sizeof(*s->fields));
    return copy->fields ? copy : NULL;
}

bool step_has_default(const struct field *f)
{
    return f->def.p != NULL;
}

int step_need_value(const struct step_args *a, const struct yaml_node *at, const struct shape *s,
                    const struct field *f, bool given, enum formula_dir dir, struct err *e)
{
    if (!f->required || given || step_has_default(f))
        return 0;
    if (dir == FORMULA_FORWARD) {
        step_bad(a, at, e, "%s.%s is required, and items that exist have no value for it", s->name,
                 f->name);
        return err_expected(e, "`up: \"an expression\"`, or a `default` in its definition");
    }
    step_bad(a, at, e, "older versions require %s.%s, which has no default", s->name, f->name);
    return err_expected(e, "`down: \"an expression\"` for items made in the new version");
}

int step_not_computed(const struct step_args *a, const struct yaml_node *at, const struct shape *s,
                      const struct field *f, struct err *e)
{
    if (!f->read_only)
        return 0;
    return step_bad(a, at, e, "%s.%s is computed; remove_field and compute_field change it",
                    s->name, f->name);
}

static const struct link *link_over(const struct version *v, slot_no slot)
{
    for (size_t i = 0; i < v->n_links; i++)
        for (size_t k = 0; k < v->links[i]->n; k++)
            if (v->links[i]->here[k] == slot)
                return v->links[i];
    return NULL;
}

/* Do writes of the items of `from` reach those of `to`? n: links that may still be followed. */
static bool leads_to(const struct model *m, uint32_t from, uint32_t to, unsigned n)
{
    if (from == to)
        return true;
    for (const struct version *v = m->v; v && n; v = v == m->v ? m->parent : v->base)
        for (size_t i = 0; i < v->n_links; i++)
            if (v->links[i]->coll == from && leads_to(m, v->links[i]->target_coll, to, n - 1))
                return true;
    return false;
}

#define CIRCLE_MAX 16

int step_no_circle(const struct model *m, const struct step_args *a, const struct yaml_node *at,
                   const struct shape *s, const struct shape *target, struct err *e)
{
    if (!leads_to(m, target->coll, s->coll, CIRCLE_MAX))
        return 0;
    return step_bad(a, at, e,
                    "fields of %s stand in the items of %s already: a write would go round in a "
                    "circle",
                    target->name, s->name);
}

int step_not_elsewhere(const struct model *m, const struct step_args *a, const struct yaml_node *at,
                       const struct shape *s, const struct field *f, struct err *e)
{
    const struct version *v = m->v;
    const struct link *l = link_over(v, f->slot);

    for (const struct version *p = m->parent; p && !l; p = p->base)
        l = link_over(v = p, f->slot);
    if (!l)
        return 0;
    step_bad(a, at, e, "%s.%s stands in the items of %s since %s, and can't stand in others as well",
             s->name, f->name, shapes_find(l->shapes, l->n_shapes, l->target_shape)->name, v->name);
    return err_expected(e, "a field with values of its own: add_field with `up`");
}

/* ---- In and out ---- */

static bool set_holds(const struct unique_set *u, slot_no slot)
{
    for (size_t i = 0; i < u->n; i++) {
        if (u->slots[i] == slot)
            return true;
    }
    return false;
}

bool step_in_unique(const struct shape *s, const struct field *f)
{
    for (size_t i = 0; i < s->n_uniques; i++) {
        if (set_holds(&s->uniques[i], f->slot))
            return true;
    }
    return f->unique;
}

static int refuse_held(const struct step_args *a, const struct yaml_node *at, const struct shape *s,
                       const struct field *f, struct err *e)
{
    for (size_t i = 0; i < s->n_uniques; i++) {
        if (s->uniques[i].n < 2 || !set_holds(&s->uniques[i], f->slot))
            continue;
        step_bad(a, at, e, "%s.%s is part of a unique key over several fields", s->name, f->name);
        return err_expected(e, "a remove_unique step before this one");
    }
    return 0;
}

int step_take_fields(struct model *m, const struct step_args *a, const struct yaml_node *at,
                     struct shape *s, const struct field *fields, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (refuse_held(a, at, s, &fields[i], e))
            return -1;
        if (model_remove_field(m, s, fields[i].name))
            return step_bad(a, at, e, "%s has no field \"%s\" any more", s->name, fields[i].name);
    }
    return 0;
}

int step_define(struct model *m, const char *name, const struct yaml_node *def, struct field *ret,
                struct err *e)
{
    if (model_parse_field(m, name, def, ret, e))
        return -1;
    ret->slot = model_new_slot(m);
    return 0;
}

/* ---- From slot to slot ---- */

static int follow_key(struct model *m, struct unique_set *u, slot_no from, slot_no to,
                      struct err *e)
{
    slot_no *slots = model_copy_array(m, u->slots, u->n, sizeof(*slots));

    if (!slots)
        return err_nomem(e);
    for (size_t i = 0; i < u->n; i++) {
        if (slots[i] == from)
            slots[i] = to;
    }
    u->id = model_new_slot(m);
    u->slots = slots;
    return 0;
}

/* Keys on one field follow by themselves, from its `unique`. */
static int follow_keys(struct model *m, struct shape *s, slot_no from, slot_no to, struct err *e)
{
    for (size_t i = 0; i < s->n_uniques; i++) {
        struct unique_set *u = &s->uniques[i];

        if (u->n > 1 && set_holds(u, from) && follow_key(m, u, from, to, e))
            return -1;
    }
    return 0;
}

int step_retype(struct model *m, struct shape *s, struct field *f, const struct retype_spec *spec,
                struct err *e)
{
    slot_no from = f->slot;

    return model_retype_field(m, s, f, spec, e) ? -1 : follow_keys(m, s, from, f->slot, e);
}

int step_replace_slot(struct model *m, struct shape *s, struct field *f, slot_no slot,
                      struct err *e)
{
    slot_no from = f->slot;

    f->slot = slot;
    return follow_keys(m, s, from, slot, e);
}

/* ---- Checks and names ---- */

static bool is_carried(const struct step_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(pairs[i].from, name) == 0)
            return true;
    }
    return false;
}

/* Two rounds, so that names may be swapped: first to names that no one has. */
static int rename_all(struct model *m, const struct step_pair *pairs, size_t n, const char **check,
                      struct err *e)
{
    const char *sql = *check;

    for (size_t i = 0; i < 2 * n; i++) {
        const struct step_pair *pair = &pairs[i % n];
        struct buf out BUF_CLEANUP = BUF_INIT;
        const char *between = model_printf(m, "\x01%zu", i % n);

        if (!between ||
            !sql_rename(sql, i < n ? pair->from : between, i < n ? between : pair->to, &out) ||
            !(sql = arena_strndup(&m->v->arena, out.p, out.n)))
            return err_nomem(e);
    }
    *check = sql;
    return 0;
}

int step_carry_check(struct model *m, const struct shape *s, const struct step_pair *pairs,
                     size_t n, const char **check, struct err *e)
{
    bool elsewhere = *check && sql_reads(*check, "_key");

    for (size_t i = 0; *check && i < s->n_fields; i++)
        elsewhere |=
            !is_carried(pairs, n, s->fields[i].name) && sql_reads(*check, s->fields[i].name);
    if (elsewhere)
        *check = NULL;
    return *check ? rename_all(m, pairs, n, check, e) : 0;
}

const char *step_sql_name(struct model *m, const char *name)
{
    struct buf out BUF_CLEANUP = BUF_INIT;
    bool ok = buf_addc(&out, '"');

    for (const char *p = name; ok && *p; p++)
        ok = (*p != '"' || buf_addc(&out, '"')) && buf_addc(&out, *p);
    return ok && buf_addc(&out, '"') ? arena_strndup(&m->v->arena, out.p, out.n) : NULL;
}

const char *step_type_text(struct model *m, const struct type_ref *t)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    const char *text;

    if (!type_print(t, m->v->shapes, m->v->n_shapes, &b))
        return "?";
    text = arena_strndup(&m->v->arena, b.p, b.n);
    return text ? text : "?";
}
