/* nest_fields and unnest_fields: fields into an object, members out of one. Each function is total:
 * an object whose required members are not all there is shown as unset, its other members stay in
 * the fields that hold them. */
#include "steps.h"

struct member {
    const char *name;  /* in the object */
    const char *field; /* outside of it; NULL = it stays inside */
    bool needed;       /* required, without a default */
    bool computed;     /* no value of the object's own */
};

/* fn_arg of both directions. Inputs of an object's formula: the members with a field, in order. */
struct members {
    const struct member *m;
    size_t n;
    bool required; /* the object */
};

/* ---- The functions ---- */

static int parse(struct span text, struct arena *a, struct json_node **ret, struct err *e)
{
    struct err why = ERR_INIT;

    *ret = NULL;
    if (text.p && json_parse(text.p, text.n, a, ret, &why) && why.code == ERR_NO_MEMORY)
        return err_nomem(e);
    if (*ret && (*ret)->kind != JSON_OBJECT)
        *ret = NULL;
    return 0;
}

static bool add_member(struct buf *text, struct span name, const struct json_node *v,
                       struct span value)
{
    return (text->n == 1 || buf_adds(text, ", ")) && json_write_string(name, text) &&
           buf_adds(text, ": ") && (v ? json_write(v, 1, text) : buf_addspan(text, value));
}

static bool is_known(const struct members *list, struct span name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (span_eq(span_of(list->m[i].name), name))
            return true;
    }
    return false;
}

/* Members in the object's order, then those of prev that it does not know. *ret_whole: nothing
 * that it needs is missing. */
static bool build(const struct members *list, const struct span *inputs,
                  const struct json_node *prev, struct buf *text, bool *ret_whole)
{
    bool ok = buf_addc(text, '{');

    *ret_whole = true;
    for (size_t i = 0; i < list->n && ok; i++) {
        const struct member *m = &list->m[i];
        struct span value = m->field ? *inputs++ : (struct span){0};
        const struct json_node *kept =
            m->field || m->computed || !prev ? NULL : json_member(prev, span_of(m->name));

        if (value.p || kept)
            ok = add_member(text, span_of(m->name), kept, value);
        else if (m->needed)
            *ret_whole = false;
    }
    for (const struct json_node *v = prev ? prev->child : NULL; v && ok; v = v->next) {
        if (!is_known(list, v->name))
            ok = add_member(text, v->name, v, v->text);
    }
    return ok && buf_addc(text, '}');
}

/* An object of the inputs. It is there when it must be, and when a member is. */
static int fn_object(const struct formula *f, const struct span *inputs, struct span prev,
                     struct buf *out, bool *ret_set, struct err *e)
{
    const struct members *list = f->fn_arg;
    struct arena arena ARENA_CLEANUP = {0};
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct json_node *was;
    bool whole;

    *ret_set = false;
    if (parse(prev, &arena, &was, e))
        return -1;
    if (!build(list, inputs, was, &text, &whole))
        return err_nomem(e);
    if (!whole || (text.n == 2 && !list->required))
        return 0;
    return step_canonical(buf_span(&text), out, ret_set, e);
}

/* One member of the object that is the input. fn_arg: its name. */
static int fn_member(const struct formula *f, const struct span *inputs, struct span prev,
                     struct buf *out, bool *ret_set, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct json_node *object, *v;

    (void)prev;
    *ret_set = false;
    if (parse(inputs[0], &arena, &object, e))
        return -1;
    v = object ? json_member(object, span_of(f->fn_arg)) : NULL;
    if (!v)
        return 0;
    *ret_set = true;
    return json_write(v, 1, out) ? 0 : err_nomem(e);
}

/* ---- What both steps do ---- */

/* The formula of an object out of fields of `over`. */
static int object_formula(struct model *m, enum formula_dir dir, const struct shape *over,
                          const struct field *object, const struct members *list, struct err *e)
{
    const char **names = arena_alloc(&m->v->arena, (list->n + 1) * sizeof(*names));
    struct members *kept = arena_alloc(&m->v->arena, sizeof(*kept));
    size_t n = 0;

    if (!names || !kept)
        return err_nomem(e);
    *kept = *list;
    for (size_t i = 0; i < list->n; i++) {
        if (list->m[i].field)
            names[n++] = list->m[i].field;
    }
    return step_formula_fn(m, dir, over, object, fn_object, kept, names, e);
}

static int member_formula(struct model *m, enum formula_dir dir, const struct shape *over,
                          const struct field *out, const char *object, const char *member,
                          struct err *e)
{
    const char *inputs[] = {object, NULL};

    return step_formula_fn(m, dir, over, out, fn_member, member, inputs, e);
}

static bool is_needed(const struct field *f)
{
    return f->required && !step_has_default(f);
}

/* ---- nest_fields ---- */

struct nest {
    struct shape *s, *object;
    const struct shape *before;
    struct step_pair *pairs;
    struct field *old;
    struct member *members;
    size_t n, place;
    struct field into;
    bool lost_checks;
};

static int read_old(struct model *m, const struct step_args *a, struct nest *x, struct err *e)
{
    struct field *f;

    x->old = arena_alloc(&m->v->arena, x->n * sizeof(*x->old));
    x->members = arena_alloc(&m->v->arena, x->n * sizeof(*x->members));
    if (!x->old || !x->members)
        return err_nomem(e);
    x->place = x->s->n_fields;
    for (size_t i = 0; i < x->n; i++) {
        const struct step_pair *pair = &x->pairs[i];
        const struct yaml_node at = step_place(pair->line, pair->column);

        if (step_field_at(a, x->s, pair->from, pair->line, pair->column, &f, e) ||
            step_not_computed(a, &at, x->s, f, e))
            return -1;
        if (step_field_index(x->s, f) < x->place)
            x->place = step_field_index(x->s, f);
        x->old[i] = *f;
        x->members[i] = (struct member){pair->to, pair->from, is_needed(f), false};
        x->into.required |= is_needed(f);
    }
    return 0;
}

/* The object's name: as given, or Dog_home, Dog_home2, ... */
static int add_object(struct model *m, const struct step_args *a, struct nest *x, struct err *e)
{
    const struct yaml_node *at = step_arg(a, "object");
    const char *name = NULL;

    if (at && step_arg_name(a, "object", &name, e))
        return -1;
    for (unsigned i = 1; !name; i++) {
        const char *guess = i == 1 ? model_printf(m, "%s_%s", x->s->name, x->into.name)
                                   : model_printf(m, "%s_%s%u", x->s->name, x->into.name, i);

        if (!guess)
            return err_nomem(e);
        if (!version_shape_named(m->v, span_of(guess)))
            name = guess;
    }
    return model_add_shape(m, SHAPE_OBJECT, name, at ? at : step_arg(a, "into"), &x->object, e);
}

static int add_members(struct model *m, struct nest *x, struct err *e)
{
    for (size_t i = 0; i < x->n; i++) {
        struct field f = x->old[i];

        f.name = x->pairs[i].to;
        f.slot = model_new_slot(m);
        f.unique = false;
        if (step_carry_check(m, x->before, x->pairs, x->n, &f.check, e) ||
            model_insert_field(m, x->object, x->object->n_fields, &f, x->pairs[i].at, e))
            return -1;
        x->lost_checks |= (x->old[i].check && !f.check) || x->old[i].unique;
    }
    return 0;
}

static int apply_nest(struct model *m, const struct step_args *a, struct nest *x, struct err *e)
{
    struct members list = {x->members, x->n, x->into.required};
    struct type_ref *type = arena_alloc(&m->v->arena, sizeof(*type));

    if (!type)
        return err_nomem(e);
    *type = (struct type_ref){.base = T_OBJECT, .shape = x->object->id};
    x->into.type = type;
    x->into.slot = model_new_slot(m);
    if (step_take_fields(m, a, step_arg(a, "fields"), x->s, x->old, x->n, e) ||
        model_insert_field(m, x->s, x->place, &x->into, step_arg(a, "into"), e) ||
        object_formula(m, FORMULA_FORWARD, x->before, &x->into, &list, e))
        return -1;
    for (size_t i = 0; i < x->n; i++) {
        if (member_formula(m, FORMULA_BACKWARD, x->s, &x->old[i], x->into.name, x->pairs[i].to, e))
            return -1;
    }
    return 0;
}

int step_nest_fields(struct model *m, const struct step_args *a, struct err *e)
{
    struct nest x = {0};

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &x.s, e) ||
        step_arg_pairs(m, a, "fields", &x.pairs, &x.n, e) ||
        step_arg_name(a, "into", &x.into.name, e) || read_old(m, a, &x, e))
        return -1;
    if (!(x.before = step_shape_copy(m, x.s)))
        return err_nomem(e);
    if (add_object(m, a, &x, e) || add_members(m, &x, e) || apply_nest(m, a, &x, e))
        return -1;
    return step_tell(model_note(m, a, x.s->id, "%zu fields of %s become the object %s.%s",
                                x.n, x.s->name, x.s->name, x.into.name),
                     "an object of these fields", "its members",
                     x.lost_checks ? "unique keys on these fields, and checks of them that read "
                                     "others, are not enforced here"
                                   : NULL,
                     STEP_BACKFILL, e);
}

/* ---- unnest_fields ---- */

struct unnest {
    struct shape *s;
    const struct shape *object, *before;
    struct step_pair *pairs;
    size_t n, place;
    struct field old;       /* the object */
    struct member *members; /* all of the object's */
};

static int all_members(struct model *m, const struct step_args *a, struct unnest *x, struct err *e)
{
    x->n = x->object->n_fields;
    x->pairs = arena_alloc(&m->v->arena, (x->n + 1) * sizeof(*x->pairs));
    if (!x->pairs)
        return err_nomem(e);
    for (size_t i = 0; i < x->n; i++)
        x->pairs[i] = (struct step_pair){x->object->fields[i].name, x->object->fields[i].name,
                                         step_arg(a, "into"), a->line, a->column};
    return 0;
}

static int read_members(struct model *m, const struct step_args *a, struct unnest *x, struct err *e)
{
    struct shape *object = version_shape(m->v, x->object->id);

    x->members = arena_alloc(&m->v->arena, (object->n_fields + 1) * sizeof(*x->members));
    if (!x->members)
        return err_nomem(e);
    for (size_t i = 0; i < object->n_fields; i++)
        x->members[i] =
            (struct member){object->fields[i].name, NULL, is_needed(&object->fields[i]),
                            object->fields[i].read_only};
    for (size_t i = 0; i < x->n; i++) {
        struct field *f;

        if (step_field_at(a, object, x->pairs[i].from, x->pairs[i].line, x->pairs[i].column, &f, e))
            return -1;
        x->members[step_field_index(object, f)].field = x->pairs[i].to;
    }
    return 0;
}

/* A member that stays inside would be missing in every object made here. */
static int check_left(const struct step_args *a, const struct unnest *x, struct err *e)
{
    for (size_t i = 0; i < x->object->n_fields; i++) {
        if (x->members[i].field || !x->members[i].needed)
            continue;
        step_bad(a, step_arg(a, "fields"), e,
                 "older versions require \"%s\" in %s, and `fields` does not take it out",
                 x->members[i].name, x->object->name);
        return err_expected(e, "\"%s\" among `fields`", x->members[i].name);
    }
    return 0;
}

static int put_member(struct model *m, struct unnest *x, const struct step_pair *pair,
                      struct err *e)
{
    struct field f = *shape_field(x->object, span_of(pair->from));

    f.name = pair->to;
    f.slot = model_new_slot(m);
    f.required = f.required && (x->old.required || step_has_default(&f));
    f.line = 0;
    if (step_carry_check(m, x->object, x->pairs, x->n, &f.check, e) ||
        member_formula(m, FORMULA_FORWARD, x->before, &f, x->old.name, pair->from, e))
        return -1;
    return model_insert_field(m, x->s, x->place++, &f, pair->at, e);
}

static int apply_unnest(struct model *m, const struct step_args *a, struct unnest *x, struct err *e)
{
    struct members list = {x->members, x->object->n_fields, x->old.required};

    if (step_take_fields(m, a, step_arg(a, "into"), x->s, &x->old, 1, e))
        return -1;
    for (size_t i = 0; i < x->n; i++) {
        if (put_member(m, x, &x->pairs[i], e))
            return -1;
    }
    return object_formula(m, FORMULA_BACKWARD, x->s, &x->old, &list, e);
}

static int read_object(struct model *m, const struct step_args *a, struct unnest *x, struct err *e)
{
    struct field *f;

    if (step_arg_shape(m, a, "type", STEP_FIELDED, &x->s, e) ||
        step_arg_field(m, a, "into", x->s, &f, e))
        return -1;
    x->old = *f;
    x->place = step_field_index(x->s, f);
    if (f->type->base != T_OBJECT)
        return step_bad(a, step_arg(a, "into"), e, "%s.%s is no object but %s", x->s->name, f->name,
                        step_type_text(m, f->type));
    x->object = version_shape(m->v, f->type->shape);
    return step_not_computed(a, step_arg(a, "into"), x->s, f, e);
}

int step_unnest_fields(struct model *m, const struct step_args *a, struct err *e)
{
    struct unnest x = {0};

    if (read_object(m, a, &x, e))
        return -1;
    if (step_arg(a, "fields") ? step_arg_pairs(m, a, "fields", &x.pairs, &x.n, e)
                              : all_members(m, a, &x, e))
        return -1;
    if (!(x.before = step_shape_copy(m, x.s)))
        return err_nomem(e);
    if (read_members(m, a, &x, e) || check_left(a, &x, e) || apply_unnest(m, a, &x, e))
        return -1;
    return step_tell(model_note(m, a, x.s->id, "%zu members of %s.%s become fields", x.n,
                                x.s->name, x.old.name),
                     "the members, one field each",
                     "an object of these fields and of the members "
                     "that stayed in it",
                     x.n < x.object->n_fields ? model_printf(m,
                                                             "finalize drops the members of "
                                                             "%s.%s that are not taken out",
                                                             x.s->name, x.old.name)
                                              : NULL,
                     STEP_BACKFILL | (x.n < x.object->n_fields ? STEP_DROPS : 0u), e);
}
