#include "reach.h"

void reach_init(struct reach *r, const struct catalog *c)
{
    *r = (struct reach){c, calloc(c->n_slots + 1, sizeof *r->has)};
    MUST(r->has);
}

void reach_deinit(struct reach *r)
{
    free(r->has);
}

void reach_add(struct reach *r, slot_no slot)
{
    if (slot < r->c->n_slots)
        r->has[slot] = true;
}

static bool grow(struct reach *r, slot_no slot)
{
    if (slot >= r->c->n_slots || r->has[slot])
        return false;
    return r->has[slot] = true;
}

static bool by_formulas(struct reach *r)
{
    bool grown = false;
    for (size_t i = 0; i < r->c->n_applied; i++) {
        const struct formula *f = r->c->applied[i].f;
        for (size_t j = 0; j < f->n_inputs; j++)
            if (reach_has(r, f->inputs[j].slot))
                grown |= grow(r, f->out);
    }
    return grown;
}

/* chosen: a field also changes which item is referred to. */
static bool by_links(struct reach *r, bool chosen)
{
    bool grown = false;
    for (size_t i = 0; i < r->c->n_links; i++) {
        const struct link *l = r->c->links[i];
        for (size_t j = 0; j < l->n; j++) {
            if (chosen && reach_has(r, l->here[j]))
                grown |= grow(r, l->ref);
            if (reach_has(r, l->ref))
                grown |= grow(r, l->here[j]);
        }
    }
    return grown;
}

void reach_close(struct reach *r)
{
    bool again = true;
    while (again) {
        again = by_formulas(r);
        again |= by_links(r, true);
    }
}

bool reach_writes_others(const struct catalog *c)
{
    for (size_t i = 0; i < c->n_links; i++)
        if (c->links[i]->kind != LINK_EXTRACT)
            return true;
    return false;
}

bool reach_renames(const struct reach *r)
{
    bool any = reach_has(r, SLOT_KEY);
    for (slot_no i = 0; i < r->c->n_slots; i++)
        any |= r->has[i] && r->c->slots[i].is_key;
    return any;
}

void reach_references(struct reach *r)
{
    const struct catalog *c = r->c;
    for (slot_no i = 0; i < c->n_slots; i++)
        if (c->slots[i].type && type_structured(c->slots[i].type))
            reach_add(r, i);
    reach_close(r);
}

void reach_yields(struct reach *own, struct reach *others)
{
    for (size_t i = 0; i < own->c->n_namings; i++)
        if (own->c->namings[i]->shared)
            reach_add(others, own->c->namings[i]->slot);
    reach_references(own);
    reach_references(others);
}

/* Of a link that writes go over, both ways; then a record that is made gives its values on, too. */
static bool over_references(const struct reach *from, struct reach *to)
{
    bool grown = false, both = reach_writes_others(from->c);
    for (size_t i = 0; i < from->c->n_links; i++) {
        const struct link *l = from->c->links[i];
        for (size_t j = 0; j < l->n; j++) {
            if (reach_has(from, l->there[j]))
                grown |= grow(to, l->here[j]);
            if (both && (reach_has(from, l->here[j]) || reach_has(from, l->ref)))
                grown |= grow(to, l->there[j]);
        }
    }
    return grown;
}

void reach_others(struct reach *own, struct reach *ret)
{
    bool again = true;
    over_references(own, ret);
    while (again) {
        again = by_formulas(ret);
        again |= over_references(ret, ret);
        again |= by_links(ret, reach_writes_others(own->c));
    }
    for (slot_no i = 0; reach_writes_others(own->c) && i < own->c->n_slots; i++)
        own->has[i] |= ret->has[i]; /* it may come back by another reference */
}
