/* The compiled schema: life, look-ups and types. */
#include "schema.h"

#include <stdio.h>

/* A loop, not a recursion: a chain of versions may be thousands long. */
void version_unref(struct version *v)
{
    while (v && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1) {
        struct version *base = v->base;

        arena_free(&v->arena);
        free(v);
        v = base;
    }
}

struct version *version_ref(struct version *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

/* ---- Look-ups ---- */

static bool named(const char *name, struct span other)
{
    return strncmp(name, other.p, other.n) == 0 && name[other.n] == '\0';
}

struct shape *shapes_find(struct shape *const *shapes, size_t n, uint32_t id)
{
    for (size_t i = 0; i < n; i++) {
        if (shapes[i]->id == id)
            return shapes[i];
    }
    return NULL;
}

struct shape *version_shape(const struct version *v, uint32_t id)
{
    return shapes_find(v->shapes, v->n_shapes, id);
}

struct shape *version_shape_named(const struct version *v, struct span name)
{
    for (size_t i = 0; i < v->n_shapes; i++) {
        if (named(v->shapes[i]->name, name))
            return v->shapes[i];
    }
    return NULL;
}

int version_shape_index(const struct version *v, uint32_t id)
{
    for (size_t i = 0; i < v->n_shapes; i++) {
        if (v->shapes[i]->id == id)
            return (int)i;
    }
    return -1;
}

struct field *shape_field(const struct shape *s, struct span name)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        if (named(s->fields[i].name, name))
            return &s->fields[i];
    }
    return NULL;
}

/* "one of name, age", as many as there is room for. */
static int expect_fields(const struct shape *s, struct err *e)
{
    struct buf list BUF_CLEANUP = BUF_INIT;
    bool ok = true;

    for (size_t i = 0; ok && i < s->n_fields; i++) {
        bool full =
            list.n + strlen(s->fields[i].name) + sizeof("one of , ...") > sizeof(e->expected);

        ok = buf_printf(&list, "%s%s", i ? ", " : "", full ? "..." : s->fields[i].name);
        if (full)
            break;
    }
    return ok && list.n ? err_expected(e, "one of %s", buf_str(&list)) : -1;
}

int shape_no_field(const struct shape *s, struct span name, unsigned line, unsigned column,
                   struct err *e)
{
    int shown = (int)(name.n < 100 ? name.n : 100);
    const char **words = calloc(s->n_fields + 1, sizeof(*words));
    const char *near;
    char path[256];

    if (!words)
        return err_nomem(e);
    for (size_t i = 0; i < s->n_fields; i++)
        words[i] = s->fields[i].name;
    near = err_nearest(name.p, name.n, words, s->n_fields);
    err_at(e, ERR_INVALID, line, column, "%s has no field \"%.*s\"%s%s%s", s->name, shown, name.p,
           near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    free(words);
    snprintf(path, sizeof(path), "%s.%.*s", s->name, shown, name.p);
    err_field(e, path);
    return expect_fields(s, e);
}

struct field *shape_field_by_slot(const struct shape *s, slot_no slot)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        if (s->fields[i].slot == slot)
            return &s->fields[i];
    }
    return NULL;
}

bool shape_shows(const struct shape *s, slot_no slot)
{
    return shape_field_by_slot(s, slot) || (s->kind == SHAPE_ITEM && slot == shape_key(s)) ||
           (s->part && slot == s->part);
}

bool shape_has_coll(const struct shape *s, uint32_t coll)
{
    for (size_t i = 0; i < s->n_colls; i++)
        if (s->colls[i] == coll)
            return true;
    return s->coll == coll;
}

/* Objects may hold others, and themselves in lists. */
#define OBJECTS_MAX_DEPTH 8

static bool refers(const struct type_ref *t, struct shape *const *shapes, size_t n, uint32_t coll,
                   unsigned depth)
{
    const struct shape *s;

    while (t->elem)
        t = t->elem;
    if (t->base == T_REF && !coll)
        return true;
    s = t->base == T_REF || t->base == T_OBJECT ? shapes_find(shapes, n, t->shape) : NULL;
    if (t->base == T_REF)
        return s && shape_has_coll(s, coll);
    if (!s || depth > OBJECTS_MAX_DEPTH)
        return false;
    for (size_t i = 0; i < s->n_fields; i++)
        if (refers(s->fields[i].type, shapes, n, coll, depth + 1))
            return true;
    return false;
}

bool type_refers(const struct type_ref *t, struct shape *const *shapes, size_t n, uint32_t coll)
{
    return refers(t, shapes, n, coll, 0);
}

bool link_quotes(const struct link *l, uint32_t coll)
{
    for (size_t i = 0; i < l->n; i++)
        if (type_refers(l->types[i], l->shapes, l->n_shapes, coll))
            return true;
    return false;
}

const struct shape *shape_of_coll(const struct shape *s, uint32_t coll, struct shape *hold)
{
    if (s->coll == coll)
        return s;
    *hold = *s;
    hold->coll = coll;
    return hold;
}

bool shape_uses(const struct shape *s, const struct naming *n)
{
    if (n->space)
        return s->space == n->space;
    for (size_t i = 0; i < n->n; i++)
        if (s->set == n->sets[i])
            return true;
    return false;
}

/* ---- Types ---- */

static const char *const type_words[] = {
    [T_STRING] = "string",
    [T_INTEGER] = "integer",
    [T_NUMBER] = "number",
    [T_BOOLEAN] = "boolean",
    [T_TIMESTAMP] = "timestamp",
    [T_DATE] = "date",
    [T_UUID] = "uuid",
    [T_BYTES] = "bytes",
    [T_JSON] = "json",
    [T_LIST] = "list",
    [T_MAP] = "map",
    [T_REF] = "ref",
};

bool type_equal(const struct type_ref *a, const struct type_ref *b)
{
    while (a != b) {
        if (a->base != b->base || a->shape != b->shape || !a->elem != !b->elem)
            return false;
        if (!a->elem)
            return true;
        a = a->elem;
        b = b->elem;
    }
    return true;
}

bool type_structured(const struct type_ref *t)
{
    while (t->elem)
        t = t->elem;
    return t->base == T_REF || t->base == T_OBJECT;
}

bool type_print(const struct type_ref *t, struct shape *const *shapes, size_t n, struct buf *out)
{
    const struct shape *s = t->shape ? shapes_find(shapes, n, t->shape) : NULL;
    const char *name = s ? s->name : "?";

    if (t->base == T_OBJECT || t->base == T_ENUM)
        return buf_adds(out, name);
    if (!buf_adds(out, type_words[t->base]))
        return false;
    if (t->base == T_REF)
        return buf_printf(out, "<%s>", name);
    if (!t->elem)
        return true;
    return buf_addc(out, '<') && type_print(t->elem, shapes, n, out) && buf_addc(out, '>');
}
