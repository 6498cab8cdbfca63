/* One random step, drawn by weight. */
#include "gen_step_int.h"

/* ---- Values ---- */

static const char *add_value(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ENUM);
    return s ? gen_text(m->g, "add_value: {enum: %s, value: new%u, as: %s}", s->name,
                        rnd_below(&m->g->r, 90), s->values[rnd_below(&m->g->r, s->n_values)])
             : NULL;
}

static const char *remove_value(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ENUM);
    unsigned i = s ? rnd_below(&m->g->r, s->n_values) : 0;
    return s && s->n_values > 1 ? gen_text(m->g, "remove_value: {enum: %s, value: %s, as: %s}",
                                           s->name, s->values[i], s->values[(i + 1) % s->n_values])
                                : NULL;
}

static const char *rename_value(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ENUM);
    return s ? gen_text(m->g, "rename_value: {enum: %s, from: %s, to: other%u}", s->name,
                        s->values[rnd_below(&m->g->r, s->n_values)], rnd_below(&m->g->r, 90))
             : NULL;
}

static const char *map_values(struct maker *m)
{
    const struct shape *s = pick_fielded(m), *en;
    const struct field *f = pick_field(m, s, is_mapped);
    if (!f)
        return NULL;
    if (f->type->base == T_STRING)
        return gen_text(m->g,
                        "map_values: {type: %s, field: %s, values: {a: x, b: %s, pending: done}}",
                        s->name, f->name, rnd_chance(&m->g->r, 50) ? "x" : "a");
    if (f->type->base == T_INTEGER)
        return gen_text(m->g, "map_values: {type: %s, field: %s, values: {1: 2, 2: 1, 3: 5}}",
                        s->name, f->name);
    en = version_shape(m->v, f->type->shape);
    return gen_text(m->g, "map_values: {type: %s, field: %s, values: {%s: %s}}", s->name, f->name,
                    en->values[0], en->values[en->n_values - 1]);
}

/* ---- Constraints ---- */

static const char *add_unique(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    const struct field *f = pick_field(m, s, is_keyable), *h = pick_field(m, s, is_keyable);
    if (!f || f->unique)
        return NULL;
    if (f != h)
        return gen_text(m->g, "add_unique: {type: %s, fields: [%s, %s]}", s->name, f->name,
                        h->name);
    return gen_text(m->g, "add_unique: {type: %s, fields: [%s]}", s->name, f->name);
}

static const char *remove_unique(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    for (size_t i = 0; s && i < s->n_fields; i++)
        if (s->fields[i].unique)
            return gen_text(m->g, "remove_unique: {type: %s, fields: [%s]}", s->name,
                            s->fields[i].name);
    return NULL;
}

static const char *add_check(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    const struct field *f = pick_field(m, s, is_number), *h = pick_field(m, s, is_string);
    if (f && (!h || rnd_chance(&m->g->r, 50)))
        return gen_text(m->g, "add_check: {type: %s, check: \"%s < %u\", up: \"%s\"}", s->name,
                        f->name, 8 + rnd_below(&m->g->r, 9),
                        rnd_chance(&m->g->r, 70) ? "0" : "NULL");
    return h ? gen_text(
                   m->g,
                   "add_check: {type: %s, check: \"length(%s) < %u\", up: \"substr(%s, 1, 2)\"}",
                   s->name, h->name, 5 + rnd_below(&m->g->r, 9), h->name)
             : NULL;
}

static const char *remove_check(struct maker *m)
{
    const struct shape *s = pick_fielded(m);
    for (size_t i = 0; s && i < s->n_fields; i++)
        if (s->fields[i].check)
            return gen_text(m->g, "remove_check: {type: %s, check: \"%s\"}", s->name,
                            s->fields[i].check);
    if (!s || !s->n_checks)
        return NULL;
    return gen_text(m->g, "remove_check: {type: %s, check: \"%s\"}", s->name, s->checks[0]);
}

/* ---- Names and parts ---- */

/* In any version so far. */
static bool is_referred_to(const struct maker *m, const struct shape *s)
{
    for (const struct version *v = m->v; v; v = v->base)
        for (size_t i = 0; i < v->n_shapes; i++)
            for (size_t k = 0; k < v->shapes[i]->n_fields; k++) {
                const struct type_ref *t = v->shapes[i]->fields[k].type;
                while (t->elem)
                    t = t->elem;
                if (t->base == T_REF && t->shape == s->id)
                    return true;
            }
    return false;
}

/* Keys that are the items' only ones, mostly: which of two gets a ~2 depends on who comes first. Not of
 * types that are referred to (docs/decisions/07). */
static const char *change_key(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    const struct field *f = pick_field(m, s, is_string);
    if (is_referred_to(m, s))
        return NULL;
    if (!f || rnd_chance(&m->g->r, 40))
        return gen_text(m->g, "change_key: {type: %s, up: \"'p-' || _key\", down: \"substr(_key, 3)\"}",
                        s->name);
    return gen_text(m->g,
                    "change_key: {type: %s, up: \"_key || '-' || coalesce(%s, 'x')\", down: \"CASE WHEN "
                    "instr(_key, '-') > 1 THEN substr(_key, 1, instr(_key, '-') - 1) ELSE _key END\"}",
                    s->name, f->name);
}

static const char *split_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    const struct field *f = pick_field(m, s, NULL);
    const char *a = new_shape(m, "Part"), *b = new_shape(m, "Rest");
    if (!f || !a || !b)
        return NULL;
    return gen_text(m->g, "split_type: {type: %s, into: {%s: \"%s %s\", %s: else}}", s->name, a,
                    f->name, is_number(f) ? "> 2" : is_string(f) ? "> 'b'" : "IS NULL", b);
}

/* ---- All of them ---- */

/* linked: in the cases about items that show what stands in others. merged: more of it in those about types
 * that are merged. */
static const struct {
    const char *kind;
    step_maker *make;
    unsigned weight, linked, merged;
} makers[] = {
    {"add_type", make_add_type, 3, 2, 4},
    {"remove_type", make_remove_type, 2, 1, 0},
    {"rename_type", make_rename_type, 3, 2, 0},
    {"copy_type", make_copy_type, 3, 3, 0},
    {"extract_type", make_extract_type, 0, 25, 0},
    {"move_field", make_move_field, 0, 25, 0},
    {"inline_type", make_inline_type, 0, 12, 0},
    {"merge_types", make_merge_types, 0, 0, 20},
    {"add_field", make_add_field, 12, 8, 0},
    {"remove_field", make_remove_field, 8, 6, 0},
    {"restore_field", make_restore_field, 5, 4, 0},
    {"compute_field", make_compute_field, 3, 2, 0},
    {"rename_field", make_rename_field, 6, 4, 0},
    {"reorder_fields", make_reorder_fields, 2, 1, 0},
    {"require_field", make_require_field, 6, 4, 0},
    {"relax_field", make_relax_field, 5, 3, 0},
    {"change_default", make_change_default, 4, 2, 0},
    {"change_type", make_change_type, 12, 8, 0},
    {"split_field", make_split_field, 5, 4, 0},
    {"merge_fields", make_merge_fields, 4, 3, 0},
    {"wrap_list", make_wrap_list, 4, 3, 0},
    {"unwrap_list", make_unwrap_list, 4, 3, 0},
    {"nest_fields", make_nest_fields, 4, 3, 0},
    {"unnest_fields", make_unnest_fields, 4, 2, 0},
    {"transform", make_transform, 4, 3, 0},
    {"add_value", add_value, 4, 2, 0},
    {"remove_value", remove_value, 4, 2, 0},
    {"rename_value", rename_value, 3, 1, 0},
    {"map_values", map_values, 5, 4, 0},
    {"add_unique", add_unique, 1, 1, 0},
    {"remove_unique", remove_unique, 1, 1, 0},
    {"change_key", change_key, 4, 0, 0},
    {"split_type", split_type, 2, 0, 0},
    {"add_check", add_check, 4, 2, 0},
    {"remove_check", remove_check, 2, 1, 0},
};
#define N_MAKERS (sizeof makers / sizeof makers[0])

static unsigned weight_of(const struct gen *g, size_t i)
{
    return g->linked ? makers[i].linked : makers[i].weight + (g->merged ? makers[i].merged : 0);
}

static void read_names(struct maker *m)
{
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *s = m->v->shapes[i];
        if (s->kind == SHAPE_ITEM && m->names.n_items < 8)
            m->names.items[m->names.n_items++] = s->name;
        if (s->kind == SHAPE_ENUM && m->names.n_enums < 8)
            m->names.enums[m->names.n_enums++] = s->name;
    }
}

const char *gen_step(struct gen *g, const struct version *v)
{
    struct maker m = {.g = g, .v = v};
    unsigned total = 0, at;
    read_names(&m);
    for (size_t i = 0; i < N_MAKERS; i++)
        total += weight_of(g, i);
    at = rnd_below(&g->r, total);
    for (size_t i = 0; i < N_MAKERS; i++) {
        if (at < weight_of(g, i))
            return makers[i].make(&m);
        at -= weight_of(g, i);
    }
    return NULL;
}
