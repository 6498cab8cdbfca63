/* add_value, remove_value, rename_value: one value of an enum comes, goes, or gets another name.
 *
 * Every field that holds the enum, of any type or object, gets a slot of its own, linked to the
 * old one by a map of values; what the map hides is remembered. Types that show one collection
 * (copy_type) go on sharing their slots. */
#include "steps.h"

struct moved {
    slot_no from, to;
};

struct enum_change {
    struct shape *s; /* the enum */
    const struct type_ref *leaf;
    const struct value_map *up, *down; /* NULL = a copy */
    const struct value_map *defaults;  /* how defaults change; NULL = not at all */
    struct moved *moved;
    size_t n_moved;
    bool scans;
};

int step_value_name(const struct step_args *a, const struct yaml_node *at, const char **ret,
                    struct err *e)
{
    if (step_text(a, at, "a value of an enum", ret, e))
        return -1;
    if (at->kind != YAML_STRING)
        return step_bad(a, at, e, "%s is %s; values are texts, put it in quotes", at->text,
                        yaml_kind_name(at->kind));
    return 0;
}

/* ---- Arguments ---- */

static int arg_value(const struct step_args *a, const char *arg, const char **ret,
                     const struct yaml_node **ret_at, struct err *e)
{
    return step_arg_need(a, arg, ret_at, e) || step_value_name(a, *ret_at, ret, e) ? -1 : 0;
}

static size_t find_value(const struct shape *s, const char *value)
{
    size_t i = 0;

    while (i < s->n_values && strcmp(s->values[i], value) != 0)
        i++;
    return i;
}

static int known_value(const struct step_args *a, const char *arg, const struct shape *s,
                       size_t *ret, struct err *e)
{
    const struct yaml_node *at;
    const char *value, *near;

    if (arg_value(a, arg, &value, &at, e))
        return -1;
    *ret = find_value(s, value);
    if (*ret < s->n_values)
        return 0;
    near = err_nearest(value, strlen(value), s->values, s->n_values);
    return step_unknown(a, at, near, e, "%s has no value \"%s\"", s->name, value);
}

static int new_value(const struct step_args *a, const char *arg, const struct shape *s,
                     const char **ret, struct err *e)
{
    const struct yaml_node *at;

    if (arg_value(a, arg, ret, &at, e))
        return -1;
    if (find_value(s, *ret) < s->n_values)
        return step_bad(a, at, e, "%s has a value \"%s\" already", s->name, *ret);
    return 0;
}

/* ---- Maps ---- */

static const struct value_map *map_one(struct model *m, const struct type_ref *leaf,
                                       const char *from, const char *to)
{
    struct value_map *map = arena_alloc(&m->v->arena, sizeof(*map));
    struct json_node *nodes = arena_alloc(&m->v->arena, 2 * sizeof(*nodes));

    if (!map || !nodes)
        return NULL;
    nodes[0].kind = nodes[1].kind = JSON_STRING;
    nodes[0].text = span_of(from);
    nodes[1].text = span_of(to);
    *map = (struct value_map){leaf, &nodes[0], &nodes[1], 1};
    return map;
}

/* ---- Fields ---- */

static const struct moved *moved_before(const struct enum_change *c, slot_no slot)
{
    for (size_t i = 0; i < c->n_moved; i++) {
        if (c->moved[i].from == slot)
            return &c->moved[i];
    }
    return NULL;
}

static int remember(struct model *m, struct enum_change *c, slot_no from, slot_no to, struct err *e)
{
    struct moved *grown = arena_grow(&m->v->arena, c->moved, c->n_moved, sizeof(*grown));

    if (!grown)
        return err_nomem(e);
    c->moved = grown;
    c->moved[c->n_moved++] = (struct moved){from, to};
    return 0;
}

/* Two maps, one for each direction: a side without one is a copy. */
static int retype(struct model *m, struct enum_change *c, struct shape *s, struct field *f,
                  struct err *e)
{
    const struct moved *shared = moved_before(c, f->slot);
    const struct value_map *map = c->up ? c->up : c->down;
    struct field to = *f;
    struct retype_spec spec = {.to = &to, .fn_arg = map, .each = true};
    slot_no from = f->slot;

    c->scans |= step_in_unique(s, f);
    if (shared)
        return step_replace_slot(m, s, f, shared->to, e);
    if (c->defaults && step_map_default(m, to.type, c->defaults, &to.def, e))
        return -1;
    spec.up_fn = c->up ? step_fn_map : NULL;
    spec.down_fn = !c->down ? NULL : c->up ? step_fn_map_back : step_fn_map;
    if (step_retype(m, s, f, &spec, e))
        return -1;
    return remember(m, c, from, f->slot, e);
}

static bool concerns(const struct enum_change *c, const struct shape *s)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        if (step_type_holds(s->fields[i].type, c->leaf) || (c->defaults && s->fields[i].def.p))
            return true;
    }
    return false;
}

static int change_shape(struct model *m, struct enum_change *c, struct shape *s, struct err *e)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        struct field *f = &s->fields[i];

        if (step_type_holds(f->type, c->leaf) && retype(m, c, s, f, e))
            return -1;
        if (c->defaults && step_map_default(m, f->type, c->defaults, &f->def, e))
            return -1;
    }
    return 0;
}

static int change_fields(struct model *m, struct enum_change *c, struct err *e)
{
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        struct shape *s;

        if (!concerns(c, m->v->shapes[i]))
            continue;
        s = model_shape_writable(m, m->v->shapes[i]->id);
        if (!s)
            return err_nomem(e);
        if (change_shape(m, c, s, e))
            return -1;
    }
    return 0;
}

static int begin(struct model *m, const struct step_args *a, struct enum_change *c, struct err *e)
{
    struct type_ref *leaf = arena_alloc(&m->v->arena, sizeof(*leaf));

    if (!leaf)
        return err_nomem(e);
    if (step_arg_shape(m, a, "enum", STEP_ENUMS, &c->s, e))
        return -1;
    *leaf = (struct type_ref){.base = T_ENUM, .shape = c->s->id};
    c->leaf = leaf;
    return 0;
}

static unsigned flags(const struct enum_change *c, unsigned more)
{
    return (c->n_moved ? STEP_BACKFILL : 0u) | (c->scans ? STEP_SCANS : 0u) | more;
}

/* ---- The steps ---- */

int step_add_value(struct model *m, const struct step_args *a, struct err *e)
{
    struct enum_change c = {0};
    const char *value, **values;
    size_t as;

    if (begin(m, a, &c, e) || new_value(a, "value", c.s, &value, e))
        return -1;
    if (!step_arg(a, "as")) {
        step_bad(a, NULL, e, "`as` is missing: which value older versions show for \"%s\"", value);
        return err_expected(e, "`as: \"one of the values of %s\"`", c.s->name);
    }
    if (known_value(a, "as", c.s, &as, e))
        return -1;
    c.down = map_one(m, c.leaf, value, c.s->values[as]);
    values = arena_grow(&m->v->arena, c.s->values, c.s->n_values, sizeof(*values));
    if (!c.down || !values)
        return err_nomem(e);
    c.s->values = values;
    c.s->values[c.s->n_values++] = value;
    if (change_fields(m, &c, e))
        return -1;
    return step_tell(
        model_note(m, a, c.s->id, "%s has a new value \"%s\"", c.s->name, value), "same value",
        model_printf(m, "\"%s\" is shown as \"%s\", the original kept", value, c.s->values[as]),
        model_printf(m, "older versions can't show \"%s\"", value), flags(&c, 0), e);
}

int step_remove_value(struct model *m, const struct step_args *a, struct err *e)
{
    struct enum_change c = {0};
    const char *value, *as;
    size_t i, j;

    if (begin(m, a, &c, e) || known_value(a, "value", c.s, &i, e))
        return -1;
    value = c.s->values[i];
    if (!step_arg(a, "as")) {
        step_bad(a, NULL, e, "`as` is missing: what \"%s\" becomes", value);
        return err_expected(e, "`as: \"another value of %s\"`", c.s->name);
    }
    if (known_value(a, "as", c.s, &j, e))
        return -1;
    if (i == j)
        return step_bad(a, step_arg(a, "as"), e, "\"%s\" can't become itself", value);
    as = c.s->values[j];
    c.up = c.defaults = map_one(m, c.leaf, value, as);
    if (!c.up)
        return err_nomem(e);
    c.s->n_values--;
    memmove(c.s->values + i, c.s->values + i + 1, (c.s->n_values - i) * sizeof(*c.s->values));
    if (change_fields(m, &c, e))
        return -1;
    return step_tell(model_note(m, a, c.s->id, "%s has no value \"%s\" any more", c.s->name, value),
                     model_printf(m, "\"%s\" is shown as \"%s\", the original kept", value, as),
                     "the original",
                     model_printf(m, "finalize makes every \"%s\" a \"%s\"", value, as),
                     flags(&c, STEP_DROPS), e);
}

int step_rename_value(struct model *m, const struct step_args *a, struct err *e)
{
    struct enum_change c = {0};
    const char *from, *to;
    size_t i;

    if (begin(m, a, &c, e) || known_value(a, "from", c.s, &i, e) || new_value(a, "to", c.s, &to, e))
        return -1;
    from = c.s->values[i];
    c.up = c.down = c.defaults = map_one(m, c.leaf, from, to);
    if (!c.up)
        return err_nomem(e);
    c.s->values[i] = to;
    if (change_fields(m, &c, e))
        return -1;
    return step_tell(model_note(m, a, c.s->id, "\"%s\" of %s becomes \"%s\"", from, c.s->name, to),
                     "renamed", "renamed", NULL, flags(&c, 0), e);
}
