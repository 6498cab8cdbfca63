/* Steps of whole types. */
#include "gen_step_int.h"

/* The fields of another type, or some of them: to be merged with it. */
static const char *add_twin(struct maker *m, const char *name)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    struct buf b BUF_CLEANUP = BUF_INIT;
    size_t n = 0;

    MUST(buf_printf(&b, "add_type: {type: %s, kind: item, fields: {", name));
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        if (f->read_only || rnd_chance(&m->g->r, 40))
            continue;
        MUST(buf_printf(&b, "%s%s: {type: '%s'", n++ ? ", " : "", f->name, type_text_of(m, f->type)));
        if (f->def.p)
            MUST(buf_printf(&b, ", default: %.*s", (int)f->def.n, f->def.p));
        MUST(buf_addc(&b, '}'));
    }
    MUST(buf_printf(&b, "}%s}", s->open ? ", open: true" : ""));
    return gen_kept(m->g, &b);
}

const char *make_add_type(struct maker *m)
{
    static const char *const kinds[] = {"item", "item", "object", "enum"};
    unsigned k = rnd_below(&m->g->r, 4);
    const char *name = new_shape(m, k == 3 ? "Enum" : k == 2 ? "Part" : "Thing");
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (!name)
        return NULL;
    if (m->g->merged && k < 2 && rnd_chance(&m->g->r, 70))
        return add_twin(m, name);
    if (k == 3)
        return gen_text(m->g, "add_type: {type: %s, kind: enum, values: [a, b, small, done]}",
                        name);
    MUST(buf_printf(&b, "add_type: {type: %s, kind: %s, fields: {", name, kinds[k]));
    for (size_t i = 0, n = 1 + rnd_below(&m->g->r, 3); i < n; i++) {
        const char *f = gen_fields[(i * 7 + k * 3) % n_gen_fields];
        MUST(buf_printf(
            &b, "%s%s: %s", i ? ", " : "", f,
            gen_definition(m->g, &m->names, k < 2 ? SHAPE_ITEM : SHAPE_OBJECT, f, false)));
    }
    MUST(buf_printf(&b, "}%s}", k < 2 && rnd_chance(&m->g->r, 20) ? ", open: true" : ""));
    return gen_kept(m->g, &b);
}

const char *make_remove_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 7);
    size_t items = 0;
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *o = m->v->shapes[i];
        items += o->kind == SHAPE_ITEM;
        for (size_t j = 0; s && j < o->n_fields && o != s; j++)
            for (const struct type_ref *t = o->fields[j].type; t; t = t->elem)
                if (t->shape == s->id)
                    return NULL;
    }
    if (!s || (s->kind == SHAPE_ITEM && items < 2))
        return NULL;
    return gen_text(m->g, "remove_type: {type: %s}", s->name);
}

const char *make_rename_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 7);
    const char *name = new_shape(m, "Renamed");
    return s && name ? gen_text(m->g, "rename_type: {from: %s, to: %s}", s->name, name) : NULL;
}

const char *make_copy_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    const char *name = new_shape(m, "Copy"), *own = s ? new_field(m, s) : NULL;
    const struct field *f = pick_field(m, s, is_written);
    if (!s || !name || m->v->n_shapes > 7)
        return NULL;
    if (own && f && rnd_chance(&m->g->r, 50))
        return gen_text(m->g, "copy_type: {from: %s, to: %s, fields: {%s: %s}}", s->name, name, own,
                        f->name);
    return gen_text(m->g, "copy_type: {from: %s, to: %s}", s->name, name);
}

const char *make_extract_type(struct maker *m)
{
    const struct shape *s = pick_shape(m, 1u << SHAPE_ITEM);
    const struct field *f = pick_field(m, s, is_written), *h = pick_field(m, s, is_written);
    const char *name = new_shape(m, "Made"), *as = s ? new_field(m, s) : NULL;
    if (!f || !name || !as || f->unique || h->unique)
        return NULL;
    if (rnd_chance(&m->g->r, 50))
        as = f->name;
    if (f != h && rnd_chance(&m->g->r, 40))
        return gen_text(m->g,
                        "extract_type: {type: %s, fields: {%s: one, %s: two}, into: %s, as: %s}",
                        s->name, f->name, h->name, name, as);
    return gen_text(m->g, "extract_type: {type: %s, fields: [%s], into: %s, as: %s}", s->name,
                    f->name, name, as);
}

/* An item type that nothing has happened to after which it can't be merged. */
static const struct shape *pick_mergeable(struct maker *m, const struct shape *but)
{
    size_t at = rnd_below(&m->g->r, m->v->n_shapes);
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *s = m->v->shapes[(at + i) % m->v->n_shapes];
        if (s != but && s->kind == SHAPE_ITEM && !s->key && !s->part && !s->n_colls)
            return s;
    }
    return NULL;
}

const char *make_merge_types(struct maker *m)
{
    const struct shape *s = pick_mergeable(m, NULL), *o = s ? pick_mergeable(m, s) : NULL;
    const struct shape *third = o && rnd_chance(&m->g->r, 25) ? pick_mergeable(m, s) : o;
    const char *into = s && rnd_chance(&m->g->r, 30) ? s->name : new_shape(m, "Both");
    const char *tag = s ? new_field(m, s) : NULL;
    if (!o || !third || !into || !tag)
        return NULL;
    return gen_text(m->g, "merge_types: {types: [%s, %s%s%s], into: %s, tag: %s}", s->name, o->name,
                    third == o ? "" : ", ", third == o ? "" : third->name, into, tag);
}

/* ---- Over references ---- */

static bool is_link(const struct field *f)
{
    return f->type->base == T_REF && !f->read_only;
}

/* An item type with a reference to items of another, and that field. */
static const struct shape *pick_holder(struct maker *m, const struct field **ret_ref)
{
    size_t at = rnd_below(&m->g->r, m->v->n_shapes);
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        const struct shape *s = m->v->shapes[(at + i) % m->v->n_shapes];
        const struct field *f = s->kind == SHAPE_ITEM ? pick_field(m, s, is_link) : NULL;
        const struct shape *t = f ? version_shape(m->v, f->type->shape) : NULL;
        *ret_ref = f;
        if (t && t->coll != s->coll)
            return s;
    }
    return NULL;
}

const char *make_move_field(struct maker *m)
{
    const struct field *ref, *f;
    const struct shape *s = pick_holder(m, &ref), *t;
    const char *as;

    if (!s || !(f = pick_field(m, s, is_written)) || f == ref || is_needed(f) || f->unique)
        return NULL;
    t = version_shape(m->v, ref->type->shape);
    if (!shape_field(t, span_of(f->name)))
        return gen_text(m->g, "move_field: {type: %s, field: %s, to: %s, through: %s}", s->name,
                        f->name, t->name, ref->name);
    as = new_field(m, t);
    return as ? gen_text(m->g, "move_field: {type: %s, field: %s, to: %s, through: %s, as: %s}",
                         s->name, f->name, t->name, ref->name, as)
              : NULL;
}

const char *make_inline_type(struct maker *m)
{
    const struct field *ref;
    const struct shape *s = pick_holder(m, &ref),
                       *t = s ? version_shape(m->v, ref->type->shape) : NULL;
    struct buf b BUF_CLEANUP = BUF_INIT;
    const char *as = NULL;
    size_t n = 0;

    if (!s)
        return NULL;
    MUST(buf_printf(&b, "inline_type: {type: %s, ref: %s, fields: {", s->name, ref->name));
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        const char *free_name = shape_field(s, span_of(f->name)) ? new_field(m, s) : f->name;
        if (f->read_only || !free_name || (as && !strcmp(as, free_name)) ||
            (!is_needed(f) && rnd_chance(&m->g->r, 30)))
            continue;
        as = free_name;
        MUST(buf_printf(&b, "%s%s: %s", n++ ? ", " : "", f->name, as));
    }
    MUST(buf_adds(&b, "}}"));
    return n ? gen_kept(m->g, &b) : NULL;
}
