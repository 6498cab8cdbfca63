/* map_values: a table from old values to new ones, in a field's own slot. Back, a value becomes the
 * first that maps to it; where several do, what was there before is remembered. */
#include "steps.h"

#include "../value.h"

static const struct type_ref *innermost(const struct type_ref *t)
{
    while (t->elem)
        t = t->elem;
    return t;
}

/* The text of a key or a value of the table as a value of the field's type. */
static int read_value(struct model *m, const struct step_args *a, const struct yaml_node *at,
                      const char *text, const struct type_ref *type, const char *name,
                      struct json_node *ret, struct err *e)
{
    bool bare = type->base == T_INTEGER || type->base == T_NUMBER || type->base == T_BOOLEAN;
    struct json_node string = {.kind = JSON_STRING, .text = span_of(text)}, *v = &string;
    struct err why = ERR_INIT;

    if ((bare && json_parse(text, strlen(text), &m->v->arena, &v, &why)) ||
        value_check(type, v, false, m->v->shapes, m->v->n_shapes, name, &why)) {
        if (why.code == ERR_NO_MEMORY)
            return err_nomem(e);
        step_bad(a, at, e, "\"%s\" is no %s", text, step_type_text(m, type));
        return err_expected(e, "%s", bare ? step_type_text(m, type) : why.expected);
    }
    *ret = *v;
    ret->next = NULL;
    ret->name = (struct span){0};
    return 0;
}

static int read_table(struct model *m, const struct step_args *a, const struct field *f,
                      struct value_map *ret, struct err *e)
{
    const struct yaml_node *table;
    struct json_node *from, *to;
    size_t n = 0;

    if (step_arg_map(a, "values", "old values and their new ones", &table, e))
        return -1;
    from = arena_alloc(&m->v->arena, table->n_children * sizeof(*from));
    to = arena_alloc(&m->v->arena, table->n_children * sizeof(*to));
    if (!from || !to)
        return err_nomem(e);
    for (const struct yaml_node *x = table->child; x; x = x->next, n++) {
        const struct yaml_node key = step_place(x->key_line, x->key_column);

        if (!x->text)
            return step_bad(a, x, e, "\"%s\" becomes %s; a value is expected", x->key,
                            yaml_kind_name(x->kind));
        if (read_value(m, a, &key, x->key, ret->leaf, f->name, &from[n], e) ||
            read_value(m, a, x, x->text, ret->leaf, f->name, &to[n], e))
            return -1;
    }
    ret->from = from;
    ret->to = to;
    ret->n = n;
    return 0;
}

static bool is_same(const struct json_node *a, const struct json_node *b)
{
    return a->kind == b->kind && span_eq(a->text, b->text);
}

/* Two values become one, or one becomes another that is in no row, and so passes as it is. */
static bool many_to_one(const struct value_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        bool passes = true;

        for (size_t j = 0; j < map->n; j++) {
            if (j < i && is_same(&map->to[i], &map->to[j]))
                return true;
            passes &= !is_same(&map->to[i], &map->from[j]);
        }
        if (passes)
            return true;
    }
    return false;
}

static int check_type(struct model *m, const struct step_args *a, const struct yaml_node *at,
                      const struct shape *s, const struct field *f, const struct type_ref *leaf,
                      struct err *e)
{
    if (leaf->base != T_JSON && leaf->base != T_OBJECT && leaf->base != T_REF)
        return 0;
    step_bad(a, at, e, "%s.%s is %s, whose values can't be listed", s->name, f->name,
             step_type_text(m, f->type));
    return err_expected(e, "change_type with expressions");
}

int step_map_values(struct model *m, const struct step_args *a, struct err *e)
{
    struct value_map *map = arena_alloc(&m->v->arena, sizeof(*map));
    struct retype_spec spec = {
        .up_fn = step_fn_map, .down_fn = step_fn_map_back, .fn_arg = map, .each = true};
    const struct yaml_node *at;
    struct field *f, to;
    struct shape *s;

    if (!map)
        return err_nomem(e);
    if (step_arg_shape(m, a, "type", STEP_FIELDED, &s, e) ||
        step_arg_field(m, a, "field", s, &f, e) || step_arg_need(a, "field", &at, e) ||
        step_not_computed(a, at, s, f, e))
        return -1;
    map->leaf = innermost(f->type);
    if (check_type(m, a, at, s, f, map->leaf, e) || read_table(m, a, f, map, e))
        return -1;
    to = *f;
    spec.to = &to;
    if (step_map_default(m, f->type, map, &to.def, e) || step_retype(m, s, f, &spec, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "values of %s.%s change", s->name, f->name),
                     "mapped", "mapped back",
                     many_to_one(map) ? "finalize drops which of several values it was" : NULL,
                     STEP_BACKFILL | (many_to_one(map) ? STEP_DROPS : 0u) |
                         (step_in_unique(s, f) ? STEP_SCANS : 0u),
                     e);
}
