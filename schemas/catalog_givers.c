/* Formulas that give references: what they refer to, and where they work. */
#include "catalog.h"

#define OBJECTS_MAX_DEPTH 8

/* As the step has its types, or as the later ones of its version have made them (merge_types). */
static bool may_refer(const struct catalog *c, const struct giver *g, const struct type_ref *t, uint32_t coll)
{
    const struct formula *f = g->at->f;
    const struct version *v = catalog_entry(c, g->at->version)->v;

    return type_refers(t, f->shapes, f->n_shapes, coll) || type_refers(t, v->shapes, v->n_shapes, coll);
}

bool giver_refers(const struct catalog *c, const struct giver *g, uint32_t coll)
{
    const struct formula *f = g->at->f;

    if (g->follows || may_refer(c, g, f->out_type, coll))
        return true;
    for (size_t i = 0; i < f->n_inputs; i++) /* it reads their keys */
        if (may_refer(c, g, f->inputs[i].type, coll))
            return true;
    return false;
}

static bool holds_object(const struct version *v, const struct shape *s, uint32_t object, unsigned depth)
{
    for (size_t i = 0; depth <= OBJECTS_MAX_DEPTH && i < s->n_fields; i++) {
        const struct type_ref *t = s->fields[i].type;
        const struct shape *inside;
        while (t->elem)
            t = t->elem;
        inside = t->base == T_OBJECT ? version_shape(v, t->shape) : NULL;
        if (inside && (inside->id == object || holds_object(v, inside, object, depth + 1)))
            return true;
    }
    return false;
}

bool giver_works_in(const struct catalog *c, const struct giver *g, uint32_t coll)
{
    if (g->at->f->coll)
        return g->at->group == coll;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t k = 0; c->entries[i].state != VERSION_GONE && k < v->n_shapes; k++)
            if (v->shapes[k]->kind == SHAPE_ITEM && shape_has_coll(v->shapes[k], coll) &&
                holds_object(v, v->shapes[k], g->at->group, 0))
                return true;
    }
    return false;
}
