/* Looking for a version in a catalog. */
#include "catalog.h"

const struct catalog_entry *catalog_entry(const struct catalog *c, uint32_t number)
{
    size_t lo = 0, hi = c->n_entries;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->entries[mid].v->number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < c->n_entries && c->entries[lo].v->number == number ? &c->entries[lo] : NULL;
}

static bool is_wanted(const struct shape *s, struct shape_wanted w)
{
    if (s->kind != SHAPE_ITEM || !shape_has_coll(s, w.coll))
        return false;
    if (w.own_keys && (s->key || s->coll != w.coll))
        return false;
    return w.field == SLOT_NONE || shape_field_by_slot(s, w.field);
}

/* As it is where it is merged: it may have been added by the same version, and nobody ever saw it. */
static const struct shape *merged_shape(const struct catalog *c, uint32_t coll, const struct version **ret_v)
{
    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t k = 0; c->entries[i].state != VERSION_GONE && k < c->entries[i].v->n_formulas; k++) {
            const struct formula *f = c->entries[i].v->formulas[k];
            if (!f->key || !f->key->n_colls || f->coll != coll)
                continue;
            *ret_v = c->entries[i].v;
            return shapes_find(f->shapes, f->n_shapes, f->shape);
        }
    return NULL;
}

const struct shape *catalog_shape(const struct catalog *c, struct shape_wanted w, const struct version **ret_v)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t k = 0; c->entries[i].state != VERSION_GONE && k < v->n_shapes; k++)
            if (is_wanted(v->shapes[k], w)) {
                *ret_v = v;
                return v->shapes[k];
            }
    }
    return w.own_keys ? merged_shape(c, w.coll, ret_v) : NULL;
}

const struct formula *catalog_names_by(const struct catalog *c, uint32_t coll, slot_no slot)
{
    for (size_t i = c->n_entries; i-- > 0;)
        for (size_t j = 0; j < c->entries[i].v->n_formulas; j++) {
            const struct formula *f = c->entries[i].v->formulas[j];
            if (f->dir == FORMULA_FORWARD && f->out == slot && f->coll == coll)
                return f;
        }
    return NULL;
}

const struct version *link_version(const struct catalog *c, const struct link *lk)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        if (v->step_first <= lk->step && lk->step < v->step_end)
            return v;
    }
    return NULL;
}

bool group_reads_past(const struct group *g)
{
    return g->n_past || g->n_retired;
}

bool catalog_reads_past(const struct catalog *c)
{
    return c->n_past || c->n_retired;
}

struct version *catalog_version(const struct catalog *c, struct span name)
{
    for (size_t i = 0; i < c->n_entries; i++)
        if (c->entries[i].state == VERSION_LIVE && span_eq(span_of(c->entries[i].v->name), name))
            return c->entries[i].v;
    return NULL;
}

struct version *catalog_reverted(const struct catalog *c, struct span name)
{
    for (size_t i = c->n_entries; i-- > 0;) {
        struct version *v = c->entries[i].v;
        const struct catalog_entry *parent = catalog_entry(c, v->parent);
        if (c->entries[i].state == VERSION_DORMANT && span_eq(span_of(v->name), name) && parent &&
            parent->state == VERSION_LIVE)
            return v;
    }
    return NULL;
}

int catalog_no_version(const struct catalog *c, struct span name, struct err *e)
{
    const char **words = calloc(c->n_entries + 1, sizeof *words);
    const char *near;

    if (!words)
        return err_nomem(e);
    for (size_t i = 0; i < c->n_entries; i++)
        words[i] = c->entries[i].state == VERSION_LIVE ? c->entries[i].v->name : NULL;
    near = err_nearest(name.p, name.n, words, c->n_entries);
    err_set(e, ERR_NOT_FOUND, "there is no version \"%.*s\"%s%s%s",
            (int)(name.n < 100 ? name.n : 100), name.p, near ? "; did you mean \"" : "",
            near ? near : "", near ? "\"?" : "");
    free(words);
    return -1;
}

struct version *catalog_live(const struct catalog *c, uint32_t number)
{
    const struct catalog_entry *en = catalog_entry(c, number);
    return en && en->state == VERSION_LIVE ? en->v : NULL;
}

bool version_descends(const struct version *v, const struct version *ancestor)
{
    while (v && v != ancestor)
        v = v->base;
    return v != NULL;
}
