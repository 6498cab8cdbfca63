/* Values that stand for others: the enum steps and map_values.
 *
 * A map is applied wherever a value of its leaf type stands, inside lists and maps too. What it
 * does not know passes unchanged, so both directions are total. */
#include "steps.h"

bool step_type_holds(const struct type_ref *type, const struct type_ref *leaf)
{
    for (; type; type = type->elem) {
        if (type_equal(type, leaf))
            return true;
    }
    return false;
}

static bool same_value(const struct json_node *a, const struct json_node *b)
{
    if (a->kind != b->kind)
        return false;
    return (a->kind != JSON_STRING && a->kind != JSON_NUMBER) || span_eq(a->text, b->text);
}

static void map_leaf(const struct json_node *from, const struct json_node *to, size_t n,
                     struct json_node *v)
{
    for (size_t i = 0; i < n; i++) {
        if (same_value(v, &from[i])) {
            v->kind = to[i].kind;
            v->text = to[i].text;
            return;
        }
    }
}

struct walk {
    const struct type_ref *leaf;
    const struct json_node *from, *to;
    size_t n;
    struct shape *const *shapes; /* to go into objects; NULL = objects are left alone */
    size_t n_shapes;
};

static void walk_value(const struct walk *w, const struct type_ref *type, struct json_node *v);

static void walk_object(const struct walk *w, const struct type_ref *type, struct json_node *v)
{
    const struct shape *s = w->shapes ? shapes_find(w->shapes, w->n_shapes, type->shape) : NULL;

    for (struct json_node *c = s ? v->child : NULL; c; c = c->next) {
        const struct field *f = shape_field(s, c->name);

        if (f)
            walk_value(w, f->type, c);
    }
}

/* Depth is bounded by the value's own (json.h). */
static void walk_value(const struct walk *w, const struct type_ref *type, struct json_node *v)
{
    if (type_equal(type, w->leaf)) {
        map_leaf(w->from, w->to, w->n, v);
    } else if (type->base == T_OBJECT && v->kind == JSON_OBJECT) {
        walk_object(w, type, v);
    } else if (type->elem && (v->kind == JSON_ARRAY || v->kind == JSON_OBJECT)) {
        for (struct json_node *c = v->child; c; c = c->next)
            walk_value(w, type->elem, c);
    }
}

static int map_text(const struct walk *w, const struct type_ref *type, struct span text,
                    struct buf *out, bool *ret_set, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct json_node *v;
    struct err why = ERR_INIT;

    *ret_set = false;
    if (!text.p)
        return 0;
    if (json_parse(text.p, text.n, &arena, &v, &why))
        return why.code == ERR_NO_MEMORY ? err_nomem(e) : 0;
    walk_value(w, type, v);
    if (!json_write(v, 1, out))
        return err_nomem(e);
    *ret_set = true;
    return 0;
}

int step_fn_map(const struct formula *f, const struct span *inputs, struct span prev,
                struct buf *out, bool *ret_set, struct err *e)
{
    const struct value_map *map = f->fn_arg;
    struct walk w = {.leaf = map->leaf, .from = map->from, .to = map->to, .n = map->n};

    (void)prev;
    return map_text(&w, f->inputs[0].type, inputs[0], out, ret_set, e);
}

int step_fn_map_back(const struct formula *f, const struct span *inputs, struct span prev,
                     struct buf *out, bool *ret_set, struct err *e)
{
    const struct value_map *map = f->fn_arg;
    struct walk w = {.leaf = map->leaf, .from = map->to, .to = map->from, .n = map->n};

    (void)prev;
    return map_text(&w, f->inputs[0].type, inputs[0], out, ret_set, e);
}

int step_map_default(struct model *m, const struct type_ref *type, const struct value_map *map,
                     struct span *value, struct err *e)
{
    struct walk w = {.leaf = map->leaf, .from = map->from, .to = map->to, .n = map->n};
    struct buf out BUF_CLEANUP = BUF_INIT;
    bool set;
    char *kept;

    w.shapes = m->v->shapes;
    w.n_shapes = m->v->n_shapes;
    if (!value->p)
        return 0;
    if (map_text(&w, type, *value, &out, &set, e))
        return -1;
    kept = arena_strndup(&m->v->arena, out.p ? out.p : "", out.n);
    if (!kept)
        return err_nomem(e);
    *value = (struct span){kept, out.n};
    return 0;
}
