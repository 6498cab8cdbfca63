/* The fields of a type that stays: which steps make the declared ones of the old ones. `old` is the
 * model's shape, in which what is renamed has its new name. */
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

/* change_type's `to`: the declared type and what no other step changes. A check that is new has a
 * step of its own. */
static struct yaml_node *retype_step(struct infer *x, const struct pair *p, const char *type)
{
    bool checked = p->is->check && text_same(p->was->check, p->is->check);
    static const char *const on_delete[] = {NULL, "unset", "cascade"};
    const struct yaml_node *def = p->def->kind == YAML_MAP ? yaml_get(p->def, "default") : NULL;
    struct yaml_node *step = infer_step(x, "change_type", p->shape, p->is->name, p->def), *to;

    if (!p->was->required && !def && !p->was->unique && !checked && !p->is->on_delete) {
        plan_text(&x->p, step, "to", type);
        return step;
    }
    to = plan_map(&x->p, step, "to");
    plan_entry(&x->p, to, "type", YAML_STRING, type);
    put_flag(x, to, "required", p->was->required);
    put_flag(x, to, "unique", p->was->unique);
    if (def)
        plan_copy(&x->p, to, "default", def);
    if (checked)
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

/* A value and a list of such values: the step's kind, NULL = it is something else, or the step would be
 * refused. */
static const char *list_step(const struct pair *p, const struct type_ref *type)
{
    const struct type_ref *was = p->was->type;

    if (p->was->required && !p->was->def.p)
        return NULL;
    if (type->base == T_LIST && type_equal(was, type->elem))
        return "wrap_list";
    return was->base == T_LIST && type_equal(was->elem, type) ? "unwrap_list" : NULL;
}

/* Plans change_type, or one of the list steps, where the type or what has no step of its own is another.
 * *ret: it did; a default is said by it then. */
static int diff_type(struct infer *x, struct pair *p, bool *ret)
{
    struct version *now = x->m->v;
    const char *text = type_text(x->m, x->want, p->is->type), *list;
    const struct type_ref *type;
    struct yaml_node *step;
    bool same;

    if (!text)
        return err_nomem(x->e);
    if (type_parse(x->m, p->def, text, p->is->name, &type, x->e))
        return -1;
    same = type_equal(p->was->type, type);
    *ret = !same || p->was->on_delete != p->is->on_delete || (!p->is->check && p->was->check);
    if (!*ret)
        return 0;
    if ((list = list_step(p, type))) {
        plan_ask(&x->p, p->def, list, NULL,
                 *list == 'w'
                     ? "%s.%s is a list now, and may begin with the value there was"
                     : "%s.%s is no list any more, and may be its head",
                 p->shape->name, p->is->name);
        if (plan_apply(&x->p, infer_step(x, list, p->shape, p->is->name, p->def), true, x->e))
            return -1;
        p->shape = infer_same_name(x->m->v, p->shape);
        p->was = infer_field_of_name(p->shape, p->is);
        *ret = false;
        return 0;
    }
    step = retype_step(x, p, text);
    if (same || convert_forward(p->was->type, type, now->shapes, now->n_shapes, &same)) {
        plan_add(&x->p, step, false);
        return 0;
    }
    plan_text(&x->p, step, "up", guess_cast(x, p->is->name, p->was->type, type));
    plan_text(&x->p, step, "down", guess_cast(x, p->is->name, type, p->was->type));
    plan_ask(&x->p, step, "change_type", NULL, "%s", say_types(x, p, text));
    plan_add(&x->p, step, true);
    return 0;
}

static void diff_default(struct infer *x, const struct pair *p)
{
    struct yaml_node *step = infer_step(x, "change_default", p->shape, p->is->name, p->def);

    if (p->is->def.p)
        plan_node(&x->p, step, "default", yaml_get(p->def, "default"));
    plan_add(&x->p, step, false);
}

/* A question with one answer, whose step has to be looked at. */
static void ask(struct infer *x, struct yaml_node *step, const char *question)
{
    plan_ask(&x->p, step, step ? step->child->key : NULL, NULL, "%s", question);
    plan_add(&x->p, step, true);
}

static void diff_required(struct infer *x, const struct pair *p)
{
    const char *kind = p->is->required ? "require_field" : "relax_field";
    struct yaml_node *step = infer_step(x, kind, p->shape, p->is->name, p->def);

    if (p->is->required && !p->is->def.p) {
        plan_text(&x->p, step, "up", guess_value(x, x->want, p->is));
        ask(x, step, say(x, p->shape, p->is, "is now required, and unset in some items"));
    } else if (!p->is->required && !p->was->def.p && p->is->def.p) {
        plan_text(&x->p, step, "down", guess_value(x, x->want, p->is));
        plan_add(&x->p, step, false);
    } else if (!p->is->required && !p->was->def.p) {
        plan_text(&x->p, step, "down", guess_value(x, x->want, p->is));
        ask(x, step,
            say(x, p->shape, p->is, "need not be set any more, but older versions require it"));
    } else {
        plan_add(&x->p, step, false);
    }
}

static void diff_unique(struct infer *x, const struct pair *p)
{
    const char *kind = p->is->unique ? "add_unique" : "remove_unique";
    struct yaml_node *step = infer_step(x, kind, p->shape, NULL, p->def);
    struct yaml_node *list = plan_list(&x->p, step, "fields");

    plan_entry(&x->p, list, NULL, YAML_STRING, p->is->name);
    if (p->is->unique)
        plan_ask(&x->p, step, kind, NULL, "%s.%s is now unique, which items that exist may contradict",
                 p->shape->name, p->is->name);
    plan_add(&x->p, step, false);
}

static struct yaml_node *check_step(struct infer *x, const char *kind, const struct pair *p,
                                    const char *check)
{
    struct yaml_node *step = infer_step(x, kind, p->shape, NULL, p->def);

    plan_text(&x->p, step, "check", check);
    return step;
}

/* dropped: the check before is gone with the field's type. */
static void diff_check(struct infer *x, const struct pair *p, bool dropped)
{
    bool replaced = p->was->check && !dropped;
    struct yaml_node *step = check_step(x, "add_check", p, p->is->check);
    struct yaml_node *up = plan_map(&x->p, step, "up");

    plan_ask(&x->p, p->def, replaced ? "remove_check and add_check" : "add_check", NULL,
             "%s.%s has a new check, which items that exist may fail", p->shape->name, p->is->name);
    plan_entry(&x->p, up, p->is->name, YAML_STRING, "NULL");
    if (replaced)
        plan_add(&x->p, check_step(x, "remove_check", p, p->was->check), false);
    plan_add(&x->p, step, true);
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

static int diff_field(struct infer *x, struct pair *p)
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
        diff_check(x, p, retyped);
    return 0;
}

/* ---- Fields that come and go ---- */

/* A new field of the same type as one that is gone, and that none is renamed to yet; NULL = none. */
static const struct field *new_of_type(const struct infer *x, const struct shape *old,
                                       const struct shape *want, const bool *paired,
                                       const struct field *gone)
{
    for (size_t i = 0; i < want->n_fields; i++) {
        const struct field *f = &want->fields[i];

        if (!paired[i] && !infer_field_of_name(old, f) &&
            type_same_named(gone->type, x->m->v, f->type, x->want))
            return f;
    }
    return NULL;
}

static int ask_renamed_field(struct infer *x, const struct shape *old, const struct field *gone,
                             const struct shape *want, const struct field *f)
{
    const struct yaml_node *at = field_node(x->root, want, f);
    struct yaml_node *rename = infer_step(x, "rename_field", old, NULL, at);
    struct plan_answer answer =
        plan_ask(&x->p, at, "rename_field", "remove_field and add_field",
                 "%s.%s may be \"%s\" renamed, or a new field beside one that is gone", old->name,
                 f->name, gone->name);

    plan_text(&x->p, rename, "from", gone->name);
    plan_text(&x->p, rename, "to", f->name);
    return answer.no == 0 ? plan_apply(&x->p, rename, answer.guess, x->e) : 0;
}

static int rename_fields(struct infer *x, const struct shape *want)
{
    const struct shape *old = infer_same_name(x->m->v, want);
    bool *paired = arena_alloc(&x->m->v->arena, want->n_fields + 1);

    if (!paired)
        return err_nomem(x->e);
    for (size_t i = 0; i < old->n_fields; i++) {
        const struct field *gone = &old->fields[i], *f;

        if (infer_field_of_name(want, gone) || !(f = new_of_type(x, old, want, paired, gone)))
            continue;
        paired[f - want->fields] = true;
        if (ask_renamed_field(x, old, gone, want, f))
            return -1;
    }
    return 0;
}

static void field_gone(struct infer *x, const struct shape *s, const struct field *gone,
                       const struct yaml_node *at)
{
    struct yaml_node *step = infer_step(x, "remove_field", s, gone->name, at);

    if (!gone->required || gone->def.p) {
        plan_add(&x->p, step, false);
        return;
    }
    plan_text(&x->p, step, "down", guess_value(x, x->m->v, gone));
    ask(x, step, say(x, s, gone, "is gone, but older versions require it"));
}

static void field_new(struct infer *x, const struct shape *want, const struct field *f)
{
    const struct yaml_node *def = field_node(x->root, want, f);
    struct yaml_node *step = infer_step(x, "add_field", want, f->name, def);

    plan_node(&x->p, step, "as", def);
    if (!f->required || f->def.p) {
        plan_add(&x->p, step, false);
        return;
    }
    plan_text(&x->p, step, "up", guess_value(x, x->want, f));
    ask(x, step, say(x, want, f, "is new and required, and items that exist have no value for it"));
}

/* What stays keeps its order, what is new goes to the end: is that the declared order? */
static bool order_holds(const struct shape *old, const struct shape *want)
{
    size_t at = 0;

    for (size_t i = 0; i < old->n_fields; i++) {
        const struct field *f = infer_field_of_name(want, &old->fields[i]);

        if (f && f != &want->fields[at++])
            return false;
    }
    while (at < want->n_fields && !infer_field_of_name(old, &want->fields[at]))
        at++;
    return at == want->n_fields;
}

static void reorder(struct infer *x, const struct shape *old, const struct shape *want)
{
    struct yaml_node *step = infer_step(x, "reorder_fields", old, NULL, infer_place(x, want));
    struct yaml_node *list = plan_list(&x->p, step, "fields");

    for (size_t i = 0; i < want->n_fields; i++)
        plan_entry(&x->p, list, NULL, YAML_STRING, want->fields[i].name);
    plan_add(&x->p, step, false);
}

int infer_fields(struct infer *x, const struct shape *want)
{
    const struct shape *old;

    if (rename_fields(x, want))
        return -1;
    old = infer_same_name(x->m->v, want);
    for (size_t i = 0; i < old->n_fields; i++) {
        const struct field *is = infer_field_of_name(want, &old->fields[i]);
        struct pair p = {old, &old->fields[i], is, is ? field_node(x->root, want, is) : NULL};

        if (!is)
            field_gone(x, old, &old->fields[i], infer_place(x, want));
        else if (diff_field(x, &p))
            return -1;
    }
    for (size_t i = 0; i < want->n_fields; i++) {
        if (!infer_field_of_name(old, &want->fields[i]))
            field_new(x, want, &want->fields[i]);
    }
    if (!order_holds(old, want))
        reorder(x, old, want);
    return 0;
}
