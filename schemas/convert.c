#include "convert.h"

#include "model.h"
#include "number.h"
#include "value.h"

/* One evaluation. A value is converted in place: its node gets another kind and text. */
struct conversion {
    struct shape *const *shapes;
    size_t n_shapes;
    struct arena *arena;
    bool no_memory;
};

/* False: there is no such value, or no memory (c->no_memory). */
typedef bool (*convert_fn)(struct conversion *c, const struct type_ref *from,
                           const struct type_ref *to, struct json_node *v);

static bool convert_node(struct conversion *c, const struct type_ref *from,
                         const struct type_ref *to, struct json_node *v);

static bool keep_bytes(struct conversion *c, const struct buf *text, struct json_node *v)
{
    char *p = arena_strndup(c->arena, text->p, text->n);
    c->no_memory |= !p;
    v->text = (struct span){p, text->n};
    return p != NULL;
}

static bool fits(struct conversion *c, const struct type_ref *t, const struct json_node *v)
{
    struct err e = ERR_INIT;
    if (value_check(t, v, false, c->shapes, c->n_shapes, "", &e) == 0)
        return true;
    c->no_memory |= e.code == ERR_NO_MEMORY;
    return false;
}

/* ---- One function for each kind of conversion ---- */

static bool as_it_stands(struct conversion *c, const struct type_ref *from,
                         const struct type_ref *to, struct json_node *v)
{
    (void)c, (void)from, (void)to, (void)v;
    return true;
}

static bool where_it_fits(struct conversion *c, const struct type_ref *from,
                          const struct type_ref *to, struct json_node *v)
{
    (void)from;
    return fits(c, to, v);
}

static bool integer_of_number(struct conversion *c, const struct type_ref *from,
                              const struct type_ref *to, struct json_node *v)
{
    BUF_CLEANUP struct buf digits = BUF_INIT;
    (void)from, (void)to;
    if (json_number_is_integer(v->text))
        return true;
    enum number_fit fit = number_to_integer(v->text, true, &digits);
    c->no_memory |= fit == NUMBER_NO_MEMORY;
    return fit == NUMBER_FITS && keep_bytes(c, &digits, v);
}

static bool string_of_number(struct conversion *c, const struct type_ref *from,
                             const struct type_ref *to, struct json_node *v)
{
    (void)c, (void)from, (void)to;
    v->kind = JSON_STRING; /* the text is the number's own */
    return true;
}

static bool string_of_boolean(struct conversion *c, const struct type_ref *from,
                              const struct type_ref *to, struct json_node *v)
{
    (void)c, (void)from, (void)to;
    v->text = span_of(v->kind == JSON_TRUE ? "true" : "false");
    v->kind = JSON_STRING;
    return true;
}

static bool number_of_string(struct conversion *c, const struct type_ref *from,
                             const struct type_ref *to, struct json_node *v)
{
    (void)from;
    v->kind = JSON_NUMBER;
    return number_valid(v->text) && fits(c, to, v);
}

static bool boolean_of_string(struct conversion *c, const struct type_ref *from,
                              const struct type_ref *to, struct json_node *v)
{
    (void)c, (void)from, (void)to;
    bool is_true = span_eq(v->text, span_of("true"));
    v->kind = is_true ? JSON_TRUE : JSON_FALSE;
    return is_true || span_eq(v->text, span_of("false"));
}

static bool timestamp_of_date(struct conversion *c, const struct type_ref *from,
                              const struct type_ref *to, struct json_node *v)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    (void)from, (void)to;
    bool ok = buf_addspan(&text, v->text) && buf_adds(&text, "T00:00:00Z");
    c->no_memory |= !ok;
    return ok && keep_bytes(c, &text, v);
}

static bool date_of_timestamp(struct conversion *c, const struct type_ref *from,
                              const struct type_ref *to, struct json_node *v)
{
    (void)c, (void)from, (void)to;
    v->text.n = strlen("2024-05-01");
    return true;
}

static bool each_element(struct conversion *c, const struct type_ref *from,
                         const struct type_ref *to, struct json_node *v)
{
    for (struct json_node *i = v->child; i; i = i->next)
        if (!convert_node(c, from->elem, to->elem, i))
            return false;
    return true;
}

/* ---- Which one ---- */

static const struct conversion_row {
    enum base_type from, to;
    convert_fn forward, backward;
} conversions[] = {
    {T_INTEGER, T_NUMBER, as_it_stands, integer_of_number},
    {T_INTEGER, T_STRING, string_of_number, number_of_string},
    {T_NUMBER, T_STRING, string_of_number, number_of_string},
    {T_BOOLEAN, T_STRING, string_of_boolean, boolean_of_string},
    {T_TIMESTAMP, T_STRING, as_it_stands, where_it_fits},
    {T_DATE, T_STRING, as_it_stands, where_it_fits},
    {T_UUID, T_STRING, as_it_stands, where_it_fits},
    {T_BYTES, T_STRING, as_it_stands, where_it_fits},
    {T_ENUM, T_STRING, as_it_stands, where_it_fits},
    {T_DATE, T_TIMESTAMP, timestamp_of_date, date_of_timestamp},
    {T_LIST, T_LIST, each_element, each_element},
    {T_MAP, T_MAP, each_element, each_element},
    {T_ENUM, T_ENUM, where_it_fits, where_it_fits},
};

#define N_CONVERSIONS (sizeof conversions / sizeof conversions[0])

static const struct conversion_row *find_row(enum base_type from, enum base_type to)
{
    for (size_t i = 0; i < N_CONVERSIONS; i++)
        if (conversions[i].from == from && conversions[i].to == to)
            return &conversions[i];
    return NULL;
}

/* Of two types between which values go, one way or the other: the types alone say which way. */
static convert_fn find_function(const struct type_ref *from, const struct type_ref *to)
{
    const struct conversion_row *row;
    if (type_equal(from, to) || to->base == T_JSON)
        return as_it_stands;
    if (from->base == T_JSON)
        return where_it_fits;
    if ((row = find_row(from->base, to->base)))
        return row->forward;
    row = find_row(to->base, from->base);
    return row ? row->backward : NULL;
}

static bool convert_node(struct conversion *c, const struct type_ref *from,
                         const struct type_ref *to, struct json_node *v)
{
    if (v->kind == JSON_NULL)
        return true;
    convert_fn fn = find_function(from, to);
    return fn && fn(c, from, to, v);
}

static int convert_value(const struct formula *f, const struct span *inputs, struct span prev,
                         struct buf *out, bool *ret_set, struct err *e)
{
    ARENA_CLEANUP struct arena arena = {0};
    struct conversion c = {f->shapes, f->n_shapes, &arena, false};
    struct json_node *v;
    struct err why = ERR_INIT;
    size_t start = out->n;
    (void)prev;
    *ret_set = false;
    if (!inputs[0].p)
        return 0;
    if (json_parse(inputs[0].p, inputs[0].n, &arena, &v, &why))
        return why.code == ERR_NO_MEMORY ? err_nomem(e) : 0;
    if (!convert_node(&c, f->inputs[0].type, f->out_type, v))
        return c.no_memory ? err_nomem(e) : 0;
    if (!json_write(v, 1, out)) {
        out->n = start;
        return err_nomem(e);
    }
    *ret_set = true;
    return 0;
}

static int copy_value(const struct formula *f, const struct span *inputs, struct span prev,
                      struct buf *out, bool *ret_set, struct err *e)
{
    (void)f, (void)prev;
    if (inputs[0].p && !buf_addspan(out, inputs[0]))
        return err_nomem(e);
    *ret_set = inputs[0].p != NULL;
    return 0;
}

/* ---- Is it without loss? ---- */

static bool enum_includes(const struct type_ref *from, const struct type_ref *to,
                          struct shape *const *shapes, size_t n)
{
    const struct shape *a = shapes_find(shapes, n, from->shape);
    const struct shape *b = shapes_find(shapes, n, to->shape);
    if (!a || !b)
        return false;
    for (size_t i = 0; i < a->n_values; i++) {
        bool found = false;
        for (size_t j = 0; j < b->n_values && !found; j++)
            found = strcmp(a->values[i], b->values[j]) == 0;
        if (!found)
            return false;
    }
    return true;
}

#define OBJECTS_MAX 256

struct seen {
    uint32_t ids[OBJECTS_MAX];
    size_t n;
};

static bool was_seen(const struct seen *seen, uint32_t id)
{
    for (size_t i = 0; i < seen->n; i++)
        if (seen->ids[i] == id)
            return true;
    return false;
}

/* A reference follows its item when that is renamed; a key copied elsewhere would not. Objects may
 * hold themselves: each is looked at once. */
static bool free_of_refs(const struct type_ref *t, struct shape *const *shapes, size_t n,
                         struct seen *seen)
{
    if (t->base == T_LIST || t->base == T_MAP)
        return free_of_refs(t->elem, shapes, n, seen);
    if (t->base != T_OBJECT)
        return t->base != T_REF;
    if (was_seen(seen, t->shape))
        return true;
    const struct shape *s = shapes_find(shapes, n, t->shape);
    if (!s || seen->n == OBJECTS_MAX)
        return false;
    seen->ids[seen->n++] = t->shape;
    for (size_t i = 0; i < s->n_fields; i++)
        if (!free_of_refs(s->fields[i].type, shapes, n, seen))
            return false;
    return true;
}

static bool is_lossless(const struct type_ref *from, const struct type_ref *to,
                        struct shape *const *shapes, size_t n)
{
    struct seen seen = {.n = 0};
    if (type_equal(from, to))
        return true;
    if (to->base == T_JSON)
        return free_of_refs(from, shapes, n, &seen);
    if (!find_row(from->base, to->base))
        return false;
    if (from->base == T_LIST || from->base == T_MAP)
        return is_lossless(from->elem, to->elem, shapes, n);
    return from->base != T_ENUM || to->base != T_ENUM || enum_includes(from, to, shapes, n);
}

formula_fn convert_forward(const struct type_ref *from, const struct type_ref *to,
                           struct shape *const *shapes, size_t n_shapes, bool *ret_same)
{
    bool same = type_equal(from, to);
    if (!is_lossless(from, to, shapes, n_shapes))
        return NULL;
    *ret_same = same;
    return same ? copy_value : convert_value;
}

formula_fn convert_backward(const struct type_ref *from, const struct type_ref *to,
                            struct shape *const *shapes, size_t n_shapes)
{
    bool same;
    return convert_forward(from, to, shapes, n_shapes, &same);
}

formula_fn model_conversion(const struct type_ref *from, const struct type_ref *to, bool *ret_same)
{
    return convert_forward(from, to, NULL, 0, ret_same);
}
