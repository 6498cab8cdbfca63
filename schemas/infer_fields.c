/* The fields of a type that stays: which steps make the declared ones of the old ones. */
#include "convert.h"
#include "infer_impl.h"

/* ---- Shared by infer.c ---- */

struct shape *infer_same_name(const struct version *v, const struct shape *s)
{
    return version_shape_named(v, span_of(s->name));
}

struct field *infer_field_of_name(const struct shape *s, const struct field *f)
{
    return shape_field(s, span_of(f->name));
}

/* {kind: {type: Dog}}, with a field's name when there is one. */
struct yaml_node *infer_step(struct infer *x, const char *kind, const struct shape *s,
                             const char *field, const struct yaml_node *at)
{
    struct yaml_node *step = plan_step(&x->p, kind, at);

    plan_text(&x->p, step, "type", s->name);
    if (field)
        plan_text(&x->p, step, "field", field);
    return step;
}

const struct yaml_node *infer_place(const struct infer *x, const struct shape *s)
{
    const struct yaml_node *def = shape_node(x->root, s);

    return def ? def : yaml_get(x->root, "types");
}

/* ---- Fields that stay ---- */

struct pair {
    const struct shape *shape; /* the old one */
    const struct field *was, *is;
    const struct yaml_node *def; /* of `is`, in the file */
};

static const char *say(struct infer *x, const struct shape *s, const struct field *f,
                       const char *what)
{
    const char *text = model_printf(x->m, "%s.%s %s", s->name, f->name, what);

    x->p.nomem |= !text;
    return text ? text : what;
}

static void put_flag(struct infer *x, struct yaml_node *map, const char *word, bool set)
{
    if (set)
        plan_entry(&x->p, map, word, YAML_BOOL, "true");
}

/* change_type's `to`: the declared type and what no other step changes. */
static struct yaml_node *retype_step(struct infer *x, const struct pair *p, const char *type)
{
    static const char *const on_delete[] = {NULL, "unset", "cascade"};
    const struct yaml_node *def = p->def->kind == YAML_MAP ? yaml_get(p->def, "default") : NULL;
    struct yaml_node *step = infer_step(x, "change_type", p->shape, p->is->name, p->def), *to;

    if (!p->was->required && !def && !p->was->unique && !p->is->check && !p->is->on_delete) {
        plan_text(&x->p, step, "to", type);
        return step;
    }
    to = plan_map(&x->p, step, "to");
    plan_entry(&x->p, to, "type", YAML_STRING, type);
    put_flag(x, to, "required", p->was->required);
    put_flag(x, to, "unique", p->was->unique);
    if (def)
        plan_copy(&x->p, to, "default", def);
    if (p->is->check)
        plan_entry(&x->p, to, "check", YAML_STRING, p->is->check);
    if (p->is->on_delete)
        plan_entry(&x->p, to, "on_delete", YAML_STRING, on_delete[p->is->on_delete]);
    return step;
}

static const char *say_types(struct infer *x, const struct pair *p, const char *type)
{
    const char *was = type_text(x->m, x->old, p->was->type);
    const char *text = was ? model_printf(x->m, "%s.%s: %s does not convert to %s without loss",
                                          p->shape->name, p->is->name, was, type)
                           : NULL;

    x->p.nomem |= !text;
    return text ? text : type;
}

static int diff_type(struct infer *x, const struct pair *p, bool *retyped)
{
    struct version *now = x->m->v;
    const char *text = type_text(x->m, x->want, p->is->type);
    const struct type_ref *type;
    struct yaml_node *step;
    bool same;

    if (!text)
        return err_nomem(x->e);
    if (type_parse(x->m, p->def, text, p->is->name, &type, x->e))
        return -1;
    *retyped = !type_equal(p->was->type, type);
    if (!*retyped && p->was->on_delete == p->is->on_delete && (p->is->check || !p->was->check))
        return 0;
    step = retype_step(x, p, text);
    if (convert_forward(p->was->type, type, now->shapes, now->n_shapes, &same)) {
        plan_add(&x->p, step);
        return 0;
    }
    if (type_equal(p->was->type, type)) {
        plan_add(&x->p, step);
        return 0;
    }
    plan_guess(&x->p, step, "up", guess_cast(x, p->is->name, type));
    plan_text(&x->p, step, "down", guess_cast(x, p->is->name, p->was->type));
    plan_ask_one(&x->p, step, say_types(x, p, text));
    return 0;
}

static void diff_default(struct infer *x, const struct pair *p)
{
    struct yaml_node *step = infer_step(x, "change_default", p->shape, p->is->name, p->def);

    if (p->is->def.p)
        plan_node(&x->p, step, "default", yaml_get(p->def, "default"));
    plan_add(&x->p, step);
}

static void diff_required(struct infer *x, const struct pair *p)
{
    const char *kind = p->is->required ? "require_field" : "relax_field";
    struct yaml_node *step = infer_step(x, kind, p->shape, p->is->name, p->def);

    if (p->is->required && !p->is->def.p) {
        plan_guess(&x->p, step, "up", guess_value(x, x->want, p->is));
        plan_ask_one(&x->p, step,
                     say(x, p->shape, p->is, "is now required, and unset in some items"));
    } else if (!p->is->required && !p->was->def.p && p->is->def.p) {
        plan_text(&x->p, step, "down", guess_value(x, x->want, p->is));
        plan_add(&x->p, step);
    } else if (!p->is->required && !p->was->def.p) {
        plan_guess(&x->p, step, "down", guess_value(x, x->want, p->is));
        plan_ask_one(&x->p, step,
                     say(x, p->shape, p->is,
                         "need not be set any more, but older versions require it"));
    } else {
        plan_add(&x->p, step);
    }
}

static void diff_unique(struct infer *x, const struct pair *p)
{
    const char *kind = p->is->unique ? "add_unique" : "remove_unique";
    struct yaml_node *step = infer_step(x, kind, p->shape, NULL, p->def);
    struct yaml_node *list = plan_list(&x->p, step, "fields");

    plan_entry(&x->p, list, NULL, YAML_STRING, p->is->name);
    if (p->is->unique)
        plan_ask_one(&x->p, step,
                     say(x, p->shape, p->is,
                         "is now unique, which items that exist "
                         "may contradict"));
    else
        plan_add(&x->p, step);
}

static struct yaml_node *check_step(struct infer *x, const char *kind, const struct pair *p,
                                    const char *check)
{
    struct yaml_node *step = infer_step(x, kind, p->shape, NULL, p->def);

    plan_text(&x->p, step, "check", check);
    return step;
}

static void diff_check(struct infer *x, const struct pair *p)
{
    struct plan_item *item =
        plan_ask(&x->p, p->def, "%s.%s has a new check, which items that exist may fail",
                 p->shape->name, p->is->name);
    struct yaml_node *step = check_step(x, "add_check", p, p->is->check);
    struct yaml_node *up = plan_map(&x->p, step, "up");

    plan_entry(&x->p, up, p->is->name, YAML_STRING, "NULL");
    plan_is_guess(&x->p, step);
    item->choice[0][p->was->check ? 1 : 0] = step;
    if (p->was->check)
        item->choice[0][0] = check_step(x, "remove_check", p, p->was->check);
}

/* The shape has the check, be it of one field or of several. */
static bool has_check(const struct shape *s, const char *check)
{
    for (size_t i = 0; i < s->n_checks; i++) {
        if (strcmp(s->checks[i], check) == 0)
            return true;
    }
    return false;
}

static int diff_field(struct infer *x, const struct pair *p)
{
    bool relaxed = p->was->required && !p->is->required, retyped = false;

    if (diff_type(x, p, &retyped))
        return -1;
    if (relaxed)
        diff_required(x, p);
    if (!retyped && !span_eq(p->was->def, p->is->def))
        diff_default(x, p);
    if (!relaxed && p->was->required != p->is->required)
        diff_required(x, p);
    if (p->was->unique != p->is->unique)
        diff_unique(x, p);
    if (p->is->check && !text_same(p->was->check, p->is->check) &&
        !has_check(p->shape, p->is->check))
        diff_check(x, p);
    return 0;
}

/* ---- Fields that come and go ---- */

static struct yaml_node *add_field_step(struct infer *x, const struct shape *s,
                                        const struct field *f)
{
    const struct yaml_node *def = field_node(x->root, s, f);
    struct yaml_node *step = infer_step(x, "add_field", s, f->name, def);

    plan_node(&x->p, step, "as", def);
    if (f->required && !f->def.p)
        plan_guess(&x->p, step, "up", guess_value(x, x->want, f));
    return step;
}

static struct yaml_node *remove_field_step(struct infer *x, const struct shape *s,
                                           const struct field *f, const struct yaml_node *at)
{
    struct yaml_node *step = infer_step(x, "remove_field", s, f->name, at);

    if (f->required && !f->def.p)
        plan_guess(&x->p, step, "down", guess_value(x, x->old, f));
    return step;
}

struct field_diff {
    const struct shape *old, *want;
    /* Of want->fields: the one that is gone and may be this one renamed, and the question about it;
     * NULL = none. */
    const struct field **was;
    struct plan_item **asked;
};

/* A new field of the same type as one that is gone; n_fields = there is none. */
static size_t new_of_type(const struct infer *x, const struct field_diff *d,
                          const struct field *gone)
{
    for (size_t i = 0; i < d->want->n_fields; i++) {
        const struct field *f = &d->want->fields[i];

        if (!d->was[i] && !infer_field_of_name(d->old, f) &&
            type_same_named(gone->type, x->old, f->type, x->want))
            return i;
    }
    return d->want->n_fields;
}

static void field_gone(struct infer *x, const struct field_diff *d, const struct field *gone)
{
    const struct yaml_node *at = infer_place(x, d->want);
    size_t pair = new_of_type(x, d, gone);
    const struct field *f;
    struct plan_item *item;
    struct yaml_node *rename;

    if (pair == d->want->n_fields) {
        struct yaml_node *step = remove_field_step(x, d->old, gone, at);

        if (gone->required && !gone->def.p)
            plan_ask_one(&x->p, step,
                         say(x, d->old, gone,
                             "is gone, but older versions require "
                             "it"));
        else
            plan_add(&x->p, step);
        return;
    }
    f = &d->want->fields[pair];
    d->was[pair] = gone;
    d->asked[pair] = item = plan_ask(&x->p, field_node(x->root, d->want, f),
                    "%s.%s may be \"%s\" renamed, or a new field beside one that is gone",
                    d->old->name, f->name, gone->name);
    rename = infer_step(x, "rename_field", d->old, NULL, item->at ? item->at : at);
    plan_text(&x->p, rename, "from", gone->name);
    plan_text(&x->p, rename, "to", f->name);
    item->choice[0][0] = rename;
    item->choice[1][0] = remove_field_step(x, d->old, gone, at);
    item->choice[1][1] = add_field_step(x, d->want, f);
}

static void field_new(struct infer *x, const struct shape *want, const struct field *f)
{
    struct yaml_node *step = add_field_step(x, want, f);

    if (f->required && !f->def.p)
        plan_ask_one(&x->p, step,
                     say(x, want, f,
                         "is new and required, and items that exist have "
                         "no value for it"));
    else
        plan_add(&x->p, step);
}

/* The place in want->fields of what old->fields[i] becomes when the question about want->fields[added]
 * is answered with a new field, and every other with a rename; n_fields = none. */
static size_t place_of(const struct field_diff *d, size_t i, size_t added)
{
    const struct field *same = infer_field_of_name(d->want, &d->old->fields[i]);

    if (same)
        return (size_t)(same - d->want->fields);
    for (size_t k = 0; k < d->want->n_fields; k++) {
        if (d->was[k] == &d->old->fields[i] && k != added)
            return k;
    }
    return d->want->n_fields;
}

/* What stays keeps its order, what is new goes to the end: is that the declared order? added: as
 * above, n_fields = every question is answered with a rename. */
static bool order_holds(const struct field_diff *d, size_t added)
{
    size_t at = 0, n = d->want->n_fields;

    for (size_t i = 0; i < d->old->n_fields; i++) {
        size_t place = place_of(d, i, added);

        if (place < n && place != at++)
            return false;
    }
    if (added < n && added != at++)
        return false;
    for (; at < n && !d->was[at] && !infer_field_of_name(d->old, &d->want->fields[at]); at++)
        ;
    return at == n;
}

static struct yaml_node *reorder_step(struct infer *x, const struct field_diff *d)
{
    struct yaml_node *step = infer_step(x, "reorder_fields", d->old, NULL, infer_place(x, d->want));
    struct yaml_node *list = plan_list(&x->p, step, "fields");

    for (size_t i = 0; i < d->want->n_fields; i++)
        plan_entry(&x->p, list, NULL, YAML_STRING, d->want->fields[i].name);
    return step;
}

static void reorder(struct infer *x, const struct field_diff *d)
{
    if (!order_holds(d, d->want->n_fields)) {
        plan_add(&x->p, reorder_step(x, d));
        return;
    }
    for (size_t i = 0; i < d->want->n_fields; i++) {
        if (d->asked[i] && !order_holds(d, i))
            d->asked[i]->after = reorder_step(x, d);
    }
}

int infer_fields(struct infer *x, const struct shape *old, const struct shape *want)
{
    struct arena *arena = &x->m->v->arena;
    struct field_diff d = {.old = old, .want = want};

    d.was = arena_alloc(arena, (want->n_fields + 1) * sizeof(*d.was));
    d.asked = arena_alloc(arena, (want->n_fields + 1) * sizeof(*d.asked));
    if (!d.was || !d.asked)
        return err_nomem(x->e);
    for (size_t i = 0; i < old->n_fields; i++) {
        const struct field *is = infer_field_of_name(want, &old->fields[i]);
        struct pair p = {old, &old->fields[i], is, is ? field_node(x->root, want, is) : NULL};

        if (!is)
            field_gone(x, &d, &old->fields[i]);
        else if (diff_field(x, &p))
            return -1;
    }
    for (size_t i = 0; i < want->n_fields; i++) {
        if (!d.was[i] && !infer_field_of_name(old, &want->fields[i]))
            field_new(x, want, &want->fields[i]);
    }
    reorder(x, &d);
    return 0;
}
