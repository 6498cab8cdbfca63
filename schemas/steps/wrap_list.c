/* wrap_list and unwrap_list: one value as a list of one, and back. The tail of a list that is shown
 * as its head is kept, and stands behind whatever becomes the head. */
#include "steps.h"

/* null and unset have no list around them: both stay what they are. */
static bool is_null(struct span text)
{
    return span_eq(text, span_of("null"));
}

static int parse(struct span text, struct arena *a, struct json_node **ret, struct err *e)
{
    struct err why = ERR_INIT;

    *ret = NULL;
    if (!text.p || json_parse(text.p, text.n, a, ret, &why) == 0)
        return 0;
    return why.code == ERR_NO_MEMORY ? err_nomem(e) : 0;
}

/* [head, the elements of old after its first]; unset when that is nested too deep. */
static int make_list(struct span head, struct span old, struct buf *out, bool *ret_set,
                     struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct json_node *list;
    bool ok;

    if (parse(old, &arena, &list, e))
        return -1;
    if (list && (list->kind != JSON_ARRAY || !list->child))
        list = NULL;
    ok = buf_addc(&text, '[') && buf_addspan(&text, head);
    for (struct json_node *v = list ? list->child->next : NULL; v && ok; v = v->next)
        ok = buf_adds(&text, ", ") && json_write(v, 1, &text);
    if (!ok || !buf_addc(&text, ']'))
        return err_nomem(e);
    return step_canonical(buf_span(&text), out, ret_set, e);
}

static int give(struct span text, struct buf *out, bool *ret_set, struct err *e)
{
    *ret_set = text.p != NULL;
    return *ret_set && !buf_addspan(out, text) ? err_nomem(e) : 0;
}

static int fn_wrap(const struct formula *f, const struct span *inputs, struct span prev,
                   struct buf *out, bool *ret_set, struct err *e)
{
    (void)f;
    if (!inputs[0].p || is_null(inputs[0]))
        return give(inputs[0], out, ret_set, e);
    return make_list(inputs[0], prev, out, ret_set, e);
}

static int fn_head(const struct formula *f, const struct span *inputs, struct span prev,
                   struct buf *out, bool *ret_set, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct json_node *list;

    (void)f;
    (void)prev;
    if (!inputs[0].p || is_null(inputs[0]))
        return give(inputs[0], out, ret_set, e);
    *ret_set = false;
    if (parse(inputs[0], &arena, &list, e))
        return -1;
    if (!list || list->kind != JSON_ARRAY || !list->child)
        return 0;
    *ret_set = true;
    return json_write(list->child, 1, out) ? 0 : err_nomem(e);
}

/* The default goes the way of any value. */
static int convert_default(struct model *m, formula_fn fn, struct span *def, struct err *e)
{
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct span none = {0};
    bool set = false;

    if (fn(NULL, def, none, &out, &set, e))
        return -1;
    *def = none;
    if (!set)
        return 0;
    def->p = arena_strndup(&m->v->arena, out.p, out.n);
    def->n = out.n;
    return def->p ? 0 : err_nomem(e);
}

static int retype(struct model *m, struct shape *s, struct field *f, const struct type_ref *type,
                  formula_fn up, formula_fn down, struct err *e)
{
    struct field to = *f;
    struct retype_spec spec = {.to = &to, .up_fn = up, .down_fn = down};

    to.type = type;
    to.unique = false;
    to.check = NULL;
    return convert_default(m, up, &to.def, e) || step_retype(m, s, f, &spec, e) ? -1 : 0;
}

/* Beside the tail. */
static const char *lost(const struct field *f)
{
    if (f->unique)
        return f->check
                   ? "older versions can't show a tail; the check and the unique key are not enforced here"
                   : "older versions can't show a tail; the unique key is not enforced here";
    return f->check ? "older versions can't show a tail; the check is not enforced here"
                    : "older versions can't show a tail";
}

/* The list may be empty, and then there is no head to show. */
static int need_default(const struct step_args *a, const struct yaml_node *at,
                        const struct shape *s, const struct field *f, struct err *e)
{
    if (!f->required || step_has_default(f))
        return 0;
    step_bad(a, at, e, "%s.%s is required, has no default, and an empty list has no head", s->name,
             f->name);
    return err_expected(e, "a relax_field or change_default before this step");
}

static int take_field(struct model *m, const struct step_args *a, struct shape **s,
                      struct field **f, const struct yaml_node **at, struct err *e)
{
    return step_arg_shape(m, a, "type", STEP_FIELDED, s, e) ||
                   step_arg_field(m, a, "field", *s, f, e) || step_arg_need(a, "field", at, e) ||
                   step_not_computed(a, *at, *s, *f, e) || need_default(a, *at, *s, *f, e)
               ? -1
               : 0;
}

int step_wrap_list(struct model *m, const struct step_args *a, struct err *e)
{
    struct type_ref *type = arena_alloc(&m->v->arena, sizeof(*type));
    const struct yaml_node *at;
    const char *loses;
    struct shape *s;
    struct field *f;

    if (!type)
        return err_nomem(e);
    if (take_field(m, a, &s, &f, &at, e))
        return -1;
    *type = (struct type_ref){.base = T_LIST, .elem = f->type};
    loses = lost(f);
    if (retype(m, s, f, type, fn_wrap, fn_head, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "%s.%s becomes %s", s->name, f->name,
                                step_type_text(m, type)),
                     "a list of one", "its head, the tail kept", loses, STEP_BACKFILL, e);
}

int step_unwrap_list(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *at;
    const struct type_ref *type;
    struct shape *s;
    struct field *f;

    if (take_field(m, a, &s, &f, &at, e))
        return -1;
    type = f->type;
    if (type->base != T_LIST)
        return step_bad(a, at, e, "%s.%s is no list but %s", s->name, f->name,
                        step_type_text(m, type));
    if (retype(m, s, f, type->elem, fn_head, fn_wrap, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "%s.%s becomes %s", s->name, f->name,
                                step_type_text(m, type->elem)),
                     "its head, the tail kept", "a list of one, with the tail that was kept",
                     model_printf(m, "finalize drops all but the heads of %s.%s", s->name, f->name),
                     STEP_BACKFILL | STEP_DROPS, e);
}
