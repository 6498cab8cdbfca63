/* Changing the shapes of a schema in the making.
 *
 * A model starts with the parent's own shapes, by pointer. A shape is copied when a step first
 * changes it, and changed in place for the rest of that step; stamps[] says which ones those are.
 * So the shapes that a formula kept stay as they were when its step was done. */
#include "model.h"

#include <stdio.h>

#include "utf8.h"

#define NAME_MAX_BYTES 128u

void *model_copy_array(struct model *m, const void *p, size_t n, size_t elem)
{
    size_t cap = 1;
    void *ret;

    if (n == 0)
        return arena_alloc(&m->v->arena, elem);
    while (cap < n)
        cap *= 2;
    ret = arena_alloc(&m->v->arena, cap * elem);
    return ret ? memcpy(ret, p, n * elem) : NULL;
}

int model_init(struct model *m, struct err *e)
{
    const struct version *p = m->parent;

    m->v->n_shapes = p ? p->n_shapes : 0;
    m->v->shapes = model_copy_array(m, p ? p->shapes : NULL, m->v->n_shapes, sizeof(*m->v->shapes));
    /* Zeroed: none of them is ours. */
    m->stamps = arena_alloc(&m->v->arena, (2 * m->v->n_shapes + 1) * sizeof(*m->stamps));
    return m->v->shapes && m->stamps ? 0 : err_nomem(e);
}

int model_shapes(struct model *m, struct shape *const **ret, size_t *ret_n)
{
    if (!m->snapshot) {
        m->snapshot = model_copy_array(m, m->v->shapes, m->v->n_shapes, sizeof(*m->v->shapes));
        m->n_snapshot = m->v->n_shapes;
    }
    if (!m->snapshot)
        return -1;
    *ret = m->snapshot;
    *ret_n = m->n_snapshot;
    return 0;
}

/* ---- Names ---- */

static const char *const type_words[] = {"string",    "integer", "number", "boolean",
                                         "timestamp", "date",    "uuid",   "bytes",
                                         "json",      "list",    "map",    "ref"};

static bool printable(const char *name)
{
    for (const char *p = name; *p;) {
        size_t n = utf8_len(p, strlen(p));

        if (n == 0 || utf8_control(p, strlen(p)))
            return false;
        p += n;
    }
    return true;
}

static int legal_name(const struct model *m, const char *what, const char *name,
                      const struct yaml_node *where, struct err *e)
{
    if (!*name)
        return model_refuse(m, where, e, "the name of a %s is empty", what);
    if (strlen(name) > NAME_MAX_BYTES)
        return model_refuse(m, where, e, "the %s name \"%.40s...\" is longer than %u bytes", what,
                            name, NAME_MAX_BYTES);
    if (!printable(name))
        return model_refuse(m, where, e, "the %s name \"%s\" holds a control character", what,
                            name);
    return 0;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);

    return n >= k && strcmp(name + n - k, suffix) == 0;
}

static int legal_type_name(const struct model *m, const char *name, const struct yaml_node *where,
                           struct err *e)
{
    if (legal_name(m, "type", name, where, e))
        return -1;
    for (size_t i = 0; i < sizeof(type_words) / sizeof(type_words[0]); i++) {
        if (strcmp(name, type_words[i]) == 0)
            return model_refuse(m, where, e, "\"%s\" can't be a type's name: it is a built-in type",
                                name);
    }
    if (strpbrk(name, "/<>"))
        return model_refuse(m, where, e, "the type name \"%s\" holds '%c'", name,
                            *strpbrk(name, "/<>"));
    if (name[0] == ' ' || ends_in(name, " "))
        return model_refuse(m, where, e, "the type name \"%s\" has a space around it", name);
    if (name[0] == '.')
        return model_refuse(
            m, where, e,
            "the type name \"%s\" starts with '.': its items live in a directory of that name",
            name);
    if (ends_in(name, ".json") || ends_in(name, ".jsonl"))
        return model_refuse(m, where, e,
                            "the type name \"%s\" ends like a file's: its items live "
                            "in a directory of that name",
                            name);
    return 0;
}

static const char *const kind_nouns[] = {
    [SHAPE_ITEM] = "an item type", [SHAPE_OBJECT] = "an object", [SHAPE_ENUM] = "an enum",
    [SHAPE_PARTS] = "the parts of a type that was split"};

int model_check_type_name(struct model *m, const char *name, const struct yaml_node *where,
                          struct err *e)
{
    const struct shape *s = version_shape_named(m->v, span_of(name));

    if (s)
        return model_refuse(m, where, e, "\"%s\" is already the name of %s", name,
                            kind_nouns[s->kind]);
    return legal_type_name(m, name, where, e);
}

static int legal_field_name(const struct model *m, const char *name, const struct yaml_node *where,
                            struct err *e)
{
    if (legal_name(m, "field", name, where, e))
        return -1;
    if (strcmp(name, "_key") == 0)
        return model_refuse(m, where, e, "\"_key\" can't be a field's name: it is the item's key");
    return 0;
}

int model_check_field_name(struct model *m, const struct shape *s, const char *name,
                           const struct yaml_node *where, struct err *e)
{
    if (shape_field(s, span_of(name)))
        return model_refuse(m, where, e, "%s already has a field \"%s\"", s->name, name);
    return legal_field_name(m, name, where, e);
}

/* ---- Shapes ---- */

static struct shape *copy_shape(struct model *m, const struct shape *s)
{
    struct shape *ret = arena_alloc(&m->v->arena, sizeof(*ret));

    if (!ret)
        return NULL;
    *ret = *s;
    ret->fields = model_copy_array(m, s->fields, s->n_fields, sizeof(*s->fields));
    ret->checks = model_copy_array(m, s->checks, s->n_checks, sizeof(*s->checks));
    ret->uniques = model_copy_array(m, s->uniques, s->n_uniques, sizeof(*s->uniques));
    ret->values = model_copy_array(m, s->values, s->n_values, sizeof(*s->values));
    return ret->fields && ret->checks && ret->uniques && ret->values ? ret : NULL;
}

struct shape *model_shape_writable(struct model *m, uint32_t id)
{
    int i = version_shape_index(m->v, id);
    struct shape *copy;

    if (i < 0)
        return NULL;
    if (m->stamps[i] == m->step + 1)
        return m->v->shapes[i];
    copy = copy_shape(m, m->v->shapes[i]);
    if (!copy)
        return NULL;
    m->v->shapes[i] = copy;
    m->stamps[i] = m->step + 1;
    m->snapshot = NULL;
    return copy;
}

/* The numbers of a new shape: those it was promised, or the next ones. */
static void number_shape(struct model *m, struct shape *s)
{
    for (size_t i = 0; i < m->n_pending; i++) {
        if (strcmp(m->pending[i].name, s->name) == 0) {
            s->id = m->pending[i].id;
            s->coll = m->pending[i].coll;
            return;
        }
    }
    s->id = m->next_shape++;
    s->coll = s->kind == SHAPE_ITEM ? m->next_shape++ : 0;
}

int model_add_shape(struct model *m, enum shape_kind kind, const char *name,
                    const struct yaml_node *at, struct shape **ret, struct err *e)
{
    struct version *v = m->v;
    struct shape **shapes, *s;
    uint32_t *stamps;

    if (model_check_type_name(m, name, at, e))
        return -1;
    if (v->n_shapes >= SHAPES_MAX)
        return model_refuse(m, at, e, "more than %u types", SHAPES_MAX);
    shapes = arena_grow(&v->arena, v->shapes, v->n_shapes, sizeof(struct shape *));
    stamps = arena_grow(&v->arena, m->stamps, v->n_shapes, sizeof(*stamps));
    s = arena_alloc(&v->arena, sizeof(*s));
    if (!shapes || !stamps || !s)
        return err_nomem(e);
    s->name = arena_strdup(&v->arena, name);
    if (!s->name)
        return err_nomem(e);
    s->kind = kind;
    number_shape(m, s);
    v->shapes = shapes;
    m->stamps = stamps;
    m->stamps[v->n_shapes] = m->step + 1;
    v->shapes[v->n_shapes++] = s;
    m->snapshot = NULL;
    *ret = s;
    return 0;
}

int model_remove_shape(struct model *m, uint32_t id)
{
    int i = version_shape_index(m->v, id);
    size_t after;

    if (i < 0)
        return -1;
    after = m->v->n_shapes - (size_t)i - 1;
    memmove(m->v->shapes + i, m->v->shapes + i + 1, after * sizeof(*m->v->shapes));
    memmove(m->stamps + i, m->stamps + i + 1, after * sizeof(*m->stamps));
    m->v->n_shapes--;
    m->snapshot = NULL;
    return 0;
}

/* ---- Fields ---- */

slot_no model_new_slot(struct model *m)
{
    return m->next_slot++;
}

int model_insert_field(struct model *m, struct shape *s, size_t at, const struct field *f,
                       const struct yaml_node *where, struct err *e)
{
    struct field copy = *f, *fields;

    if (model_check_field_name(m, s, f->name, where, e))
        return -1;
    if (s->n_fields >= FIELDS_MAX)
        return model_refuse(m, where, e, "%s has more than %u fields", s->name, FIELDS_MAX);
    fields = arena_grow(&m->v->arena, s->fields, s->n_fields, sizeof(*fields));
    if (!fields)
        return err_nomem(e);
    if (at > s->n_fields)
        at = s->n_fields;
    if (copy.slot == SLOT_NONE)
        copy.slot = model_new_slot(m);
    memmove(fields + at + 1, fields + at, (s->n_fields - at) * sizeof(*fields));
    fields[at] = copy;
    s->fields = fields;
    s->n_fields++;
    return 0;
}

int model_remove_field(struct model *m, struct shape *s, const char *name)
{
    struct field *f = shape_field(s, span_of(name));

    (void)m;
    if (!f)
        return -1;
    s->n_fields--;
    memmove(f, f + 1, (size_t)(s->fields + s->n_fields - f) * sizeof(*f));
    return 0;
}

/* ---- Notes ---- */

static const char *vprint(struct model *m, const char *fmt, va_list ap)
{
    BUF_CLEANUP struct buf out = BUF_INIT;

    if (!buf_vprintf(&out, fmt, ap))
        return NULL;
    return arena_strndup(&m->v->arena, out.p, out.n);
}

const char *model_printf(struct model *m, const char *fmt, ...)
{
    const char *ret;
    va_list ap;

    va_start(ap, fmt);
    ret = vprint(m, fmt, ap);
    va_end(ap);
    return ret;
}

struct step_note *model_note(struct model *m, const struct step_args *a, uint32_t shape,
                             const char *what, ...)
{
    struct version *v = m->v;
    struct step_note *notes = arena_grow(&v->arena, v->notes, v->n_notes, sizeof(*notes)), *note;
    const char *text;
    va_list ap;

    va_start(ap, what);
    text = vprint(m, what, ap);
    va_end(ap);
    if (!notes || !text)
        return NULL;
    v->notes = notes;
    note = &v->notes[v->n_notes++];
    *note = (struct step_note){.step = a->kind,
                               .group = m->group,
                               .line = a->line,
                               .column = a->column,
                               .what = text,
                               .shape = shape,
                               .inferred = m->inferred};
    return note;
}
