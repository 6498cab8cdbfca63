/* One value, between a JSON tree, its stored bytes and canonical text. */
#include "elements.h"
#include "lens_parts.h"

#include <assert.h>

struct span lens_keep(struct lens *l, struct span s)
{
    char *p = arena_strndup(&l->arena, s.p ? s.p : "", s.n);
    return (struct span){p, s.n};
}

int keep_buf(struct lens *l, const struct buf *b, struct span *ret, struct err *e)
{
    struct span s = lens_keep(l, buf_span(b));
    if (!s.p)
        return err_nomem(e);
    *ret = s;
    return 0;
}

uint64_t lens_ref_id(struct span stored)
{
    const char *p = stored.p + 1;
    uint64_t id;
    if (!stored.p || !stored.n || stored.p[0] != 'r' || !varint_read(&p, stored.p + stored.n, &id))
        return 0;
    return id;
}

struct span lens_ref_bytes(struct lens *l, uint64_t id)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (!buf_addc(&b, 'r') || !buf_addvarint(&b, id))
        return (struct span){0};
    return lens_keep(l, buf_span(&b));
}

/* The value under a key of a stored map; p == NULL = none. */
static struct span map_get(struct span stored, struct span key)
{
    struct parts it = parts_of(stored, 'm');
    struct span k = {0}, v;
    while (it.left-- && part_next(&it, &k) && part_next(&it, &v))
        if (span_eq(k, key))
            return v;
    return (struct span){0};
}

/* ---- Encoding ---- */

const struct version *lens_knowing(const struct lens *l, const struct version *v, uint32_t shape)
{
    for (size_t i = l->cat->n_entries; !version_shape(v, shape) && i-- > 0;) {
        const struct catalog_entry *en = &l->cat->entries[i];
        if (en->state != VERSION_GONE && version_shape(en->v, shape))
            return en->v;
    }
    return v;
}

static int no_such_item(const struct shape *s, const struct json_node *n, struct err *e)
{
    return err_at(e, ERR_INVALID, n->line, n->column, "there is no %s \"%.*s\"",
                  s ? s->name : "item", (int)n->text.n, n->text.p);
}

/* A reference to one part stays when its item moves to another; a new one is to an item of the part. */
static int encode_ref(struct lens *l, struct view vw, const struct type_ref *t,
                      const struct json_node *n, struct span base, struct span cur,
                      struct span *ret, struct err *e)
{
    const struct shape *s = shapes_find(vw.shapes, vw.n_shapes, t->shape);
    struct span bytes;
    uint64_t id;
    bool found;

    for (size_t i = 0; l->known && i < l->known->n; i++)
        if (l->known->at[i].shape == t->shape && span_eq(l->known->at[i].key, n->text)) {
            *ret = l->known->at[i].stored;
            return 0;
        }
    if (l->world.id_of(l->world.arg, lens_knowing(l, vw.v, t->shape), t->shape, n->text, &id, &found, e))
        return -1;
    if (!found)
        return no_such_item(s, n, e);
    bytes = lens_ref_bytes(l, id);
    if (!bytes.p)
        return err_nomem(e);
    if (s && s->part && l->world.stands_in && !span_eq(bytes, base) && !span_eq(bytes, cur)) {
        if (l->world.stands_in(l->world.arg, s, id, &found, e))
            return -1;
        if (!found)
            return no_such_item(s, n, e);
    }
    *ret = bytes;
    return 0;
}

int nested_record(struct lens *l, struct view vw, const struct shape *s, struct span stored,
                  struct record *r, bool *ret_is, struct err *e)
{
    struct record raw RECORD_CLEANUP = RECORD_INIT;
    *ret_is = stored.p && stored.n && stored.p[0] == 'o';
    if (!*ret_is)
        return 0;
    if (record_decode((struct span){stored.p + 1, stored.n - 1}, &raw, e))
        return -1;
    return lens_bring(l, vw.v, catalog_group(l->cat, s->id), (struct span){0}, &raw,
                      l->cat->last_step, false, r, e);
}

static int encode_object(struct lens *l, struct view vw, const struct type_ref *t,
                         const struct json_node *n, struct span base, struct span cur,
                         struct span *ret, struct err *e)
{
    const struct shape *s = shapes_find(vw.shapes, vw.n_shapes, t->shape);
    struct record base_rec RECORD_CLEANUP = RECORD_INIT, cur_rec RECORD_CLEANUP = RECORD_INIT;
    struct record out RECORD_CLEANUP = RECORD_INIT;
    struct work w WORK_CLEANUP = {0};
    struct buf bytes BUF_CLEANUP = BUF_INIT;
    bool has_base, has_cur;

    if (!s)
        return err_set(e, ERR_IO, "a value of an unknown object");
    if (nested_record(l, vw, s, base, &base_rec, &has_base, e) ||
        nested_record(l, vw, s, cur, &cur_rec, &has_cur, e) ||
        work_begin(&w, l, vw, s, s->id, (struct span){0}, has_cur ? &cur_rec : NULL, e) ||
        work_lay(&w, n, has_base ? &base_rec : NULL, NULL, e) || work_propagate(&w, e) ||
        work_finish(&w, &out, e))
        return -1;
    if (!buf_addc(&bytes, 'o') || !record_encode(&out, &bytes))
        return err_nomem(e);
    return keep_buf(l, &bytes, ret, e);
}

/* Elements keep what this view does not show of them: both lists as texts, to see which ones go on. */
struct elements {
    struct span *stored, *texts; /* of those that a writer has, the texts alone */
    size_t n;
};

static int elements_new(struct lens *l, size_t n, struct elements *ret, struct err *e)
{
    ret->n = n;
    ret->stored = arena_alloc(&l->arena, (n + 1) * sizeof *ret->stored);
    ret->texts = arena_alloc(&l->arena, (n + 1) * sizeof *ret->texts);
    return ret->stored && ret->texts ? 0 : err_nomem(e);
}

static int add_default(const struct field *f, struct arena *a, struct json_node ***tail, struct err *e)
{
    struct json_node *def;
    if (json_parse(f->def.p, f->def.n, a, &def, e))
        return -1;
    def->name = span_of(f->name);
    **tail = def;
    *tail = &def->next;
    return 0;
}

/* A value as every text of it says it, for comparing: with the defaults that it leaves out, without what is
 * computed. */
static int as_shown(struct view vw, const struct type_ref *t, struct json_node *v, struct arena *a, struct err *e)
{
    const struct shape *s = t->base == T_OBJECT ? shapes_find(vw.shapes, vw.n_shapes, t->shape) : NULL;
    struct json_node **tail = &v->child;
    const struct field *f = NULL;

    if (!type_structured(t) || (v->kind != JSON_OBJECT && v->kind != JSON_ARRAY))
        return 0;
    while (*tail) {
        if (s && (f = shape_field(s, (*tail)->name)) && f->read_only) {
            *tail = (*tail)->next;
            v->n_children--;
            continue;
        }
        if ((f || t->elem) && as_shown(vw, f ? f->type : t->elem, *tail, a, e))
            return -1;
        tail = &(*tail)->next;
    }
    for (size_t i = 0; s && i < s->n_fields && !vw.bare; i++) {
        if (!s->fields[i].def.p || s->fields[i].read_only || json_member(v, span_of(s->fields[i].name)))
            continue;
        if (add_default(&s->fields[i], a, &tail, e))
            return -1;
        v->n_children++;
    }
    return 0;
}

static int element_text(struct lens *l, struct view vw, const struct type_ref *t, struct span json,
                        struct span *ret, struct err *e)
{
    struct arena a ARENA_CLEANUP = {0};
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct json_node *v;
    if (json_parse(json.p, json.n, &a, &v, e) || as_shown(vw, t, v, &a, e))
        return -1;
    if (!elements_text(v, &text))
        return err_nomem(e);
    return keep_buf(l, &text, ret, e);
}

static int elements_stored(struct lens *l, struct view vw, const struct type_ref *elem, struct span list,
                           struct elements *ret, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct parts it = parts_of(list, 'l');
    if (elements_new(l, it.left <= list.n ? (size_t)it.left : 0, ret, e))
        return -1;
    for (size_t i = 0; i < ret->n; i++) {
        buf_reset(&text);
        if (!part_next(&it, &ret->stored[i]))
            return err_set(e, ERR_IO, "damaged record: a list or map is cut short");
        if (lens_render(l, vw, elem, ret->stored[i], 1, &text, e) ||
            element_text(l, vw, elem, buf_span(&text), &ret->texts[i], e))
            return -1;
    }
    return 0;
}

static int elements_written(struct lens *l, struct view vw, const struct type_ref *elem, const struct json_node *list,
                            struct elements *ret, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    size_t i = 0;
    if (elements_new(l, list->n_children, ret, e))
        return -1;
    for (const struct json_node *c = list->child; c; c = c->next) {
        buf_reset(&text);
        if (!json_write_line(c, &text))
            return err_nomem(e);
        if (element_text(l, vw, elem, buf_span(&text), &ret->texts[i++], e))
            return -1;
    }
    return 0;
}

static int encode_list(struct lens *l, struct view vw, const struct type_ref *t,
                       const struct json_node *n, struct span cur, struct span *ret, struct err *e)
{
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct elements old, now;
    size_t *from = arena_alloc(&l->arena, (n->n_children + 1) * sizeof *from);

    if (!from)
        return err_nomem(e);
    if (elements_stored(l, vw, t->elem, cur, &old, e) || elements_written(l, vw, t->elem, n, &now, e))
        return -1;
    if (elements_align(old.texts, old.n, now.texts, now.n, &l->arena, from) ||
        !buf_addc(&out, 'l') || !buf_addvarint(&out, now.n))
        return err_nomem(e);
    for (const struct json_node *c = n->child; c; c = c->next, from++) {
        struct span prev = *from == ELEMENT_NEW ? (struct span){0} : old.stored[*from], one;
        if (lens_encode(l, vw, t->elem, c, prev, prev, &one, e))
            return -1;
        if (!part_add(&out, one))
            return err_nomem(e);
    }
    return keep_buf(l, &out, ret, e);
}

static int encode_map(struct lens *l, struct view vw, const struct type_ref *t,
                      const struct json_node *n, struct span base, struct span cur,
                      struct span *ret, struct err *e)
{
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct span one;
    if (!buf_addc(&out, 'm') || !buf_addvarint(&out, n->n_children))
        return err_nomem(e);
    for (const struct json_node *c = n->child; c; c = c->next) {
        if (lens_encode(l, vw, t->elem, c, map_get(base, c->name), map_get(cur, c->name), &one, e))
            return -1;
        if (!part_add(&out, c->name) || !part_add(&out, one))
            return err_nomem(e);
    }
    return keep_buf(l, &out, ret, e);
}

/* A reference to an item that the type here does not show (of another type that was merged with it) was
 * read as null: coming back, it is still that. */
static int encode_null(struct lens *l, struct view vw, const struct type_ref *t, struct span base,
                       struct span *ret, struct err *e)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    bool found = true;

    if (t->base == T_REF && lens_ref_id(base) &&
        l->world.key_of(l->world.arg, lens_knowing(l, vw.v, t->shape), t->shape,
                        lens_ref_id(base), &key, &found, e))
        return -1;
    *ret = found ? (struct span){"n", 1} : base;
    return 0;
}

int lens_encode(struct lens *l, struct view vw, const struct type_ref *t, const struct json_node *n,
                struct span base, struct span cur, struct span *ret, struct err *e)
{
    struct buf out BUF_CLEANUP = BUF_INIT;
    if (!type_structured(t)) {
        if (!json_write(n, 1, &out))
            return err_nomem(e);
        return keep_buf(l, &out, ret, e);
    }
    if (n->kind == JSON_NULL)
        return encode_null(l, vw, t, base, ret, e);
    switch (t->base) {
    case T_REF:
        return encode_ref(l, vw, t, n, base, cur, ret, e);
    case T_OBJECT:
        return encode_object(l, vw, t, n, base, cur, ret, e);
    case T_LIST:
        return encode_list(l, vw, t, n, cur, ret, e);
    default:
        assert(t->base == T_MAP);
        return encode_map(l, vw, t, n, base, cur, ret, e);
    }
}

/* What a formula gives is the same whichever part an item has moved to by then. */
static int encode_computed(struct lens *l, struct view vw, const struct type_ref *t,
                           struct span json, bool legal, struct span cur, struct span *ret, struct err *e)
{
    int (*stands_in)(void *, const struct shape *, uint64_t, bool *, struct err *) =
        l->world.stands_in;
    struct json_node *n;
    int rc;

    if (json_parse(json.p, json.n, &l->arena, &n, e) ||
        (!legal && value_check_computed(t, n, vw.shapes, vw.n_shapes, e)))
        return -1;
    l->world.stands_in = NULL;
    rc = lens_encode(l, vw, t, n, cur, cur, ret, e);
    l->world.stands_in = stands_in;
    return rc;
}

static int encode_text(struct lens *l, struct view vw, const struct type_ref *t, struct span json, bool legal,
                       struct span cur, struct span *ret, bool *ret_set, struct err *e)
{
    struct err why = ERR_INIT;
    *ret_set = true;
    if (!type_structured(t)) {
        *ret = lens_keep(l, json);
        return ret->p ? 0 : err_nomem(e);
    }
    if (!encode_computed(l, vw, t, json, legal, cur, ret, &why))
        return 0;
    *ret_set = false;
    if (why.code == ERR_INVALID || why.code == ERR_NOT_FOUND)
        return 0;
    *e = why;
    return -1;
}

int lens_encode_text(struct lens *l, struct view vw, const struct type_ref *t, struct span json,
                     struct span cur, struct span *ret, bool *ret_set, struct err *e)
{
    return encode_text(l, vw, t, json, false, cur, ret, ret_set, e);
}

int lens_encode_shown(struct lens *l, struct view vw, const struct type_ref *t, struct span json, struct span cur,
                      struct span *ret, bool *ret_set, struct err *e)
{
    return encode_text(l, vw, t, json, true, cur, ret, ret_set, e);
}

/* ---- Rendering ---- */

static bool indent(struct buf *out, unsigned depth)
{
    if (!buf_addc(out, '\n') || !buf_reserve(out, 2 * depth))
        return false;
    memset(out->p + out->n, ' ', 2 * depth);
    out->n += 2 * depth;
    return true;
}

static int render_flat(struct span stored, unsigned depth, struct buf *out, struct err *e)
{
    bool ok = depth == 1 || !memchr(stored.p, '\n', stored.n)
                  ? buf_addspan(out, stored)
                  : json_reindent(stored, 1, depth, out);
    return ok ? 0 : err_nomem(e);
}

/* 'k' stands for a reference whose record is not made yet: only in memory, never stored. */
static int render_ref(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                      struct buf *out, struct err *e)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    bool found = true;
    if (stored.p[0] == 'k') {
        if (!buf_add(&key, stored.p + 1, stored.n - 1))
            return err_nomem(e);
    } else if (l->world.key_of(l->world.arg, lens_knowing(l, vw.v, t->shape), t->shape,
                               lens_ref_id(stored), &key, &found, e)) {
        return -1;
    }
    /* I11: a reference to nothing reads as null rather than not at all */
    bool ok = found ? json_write_string(buf_span(&key), out) : buf_adds(out, "null");
    return ok ? 0 : err_nomem(e);
}

static int render_object(struct lens *l, struct view vw, const struct type_ref *t,
                         struct span stored, unsigned depth, struct buf *out, struct err *e)
{
    const struct shape *s = shapes_find(vw.shapes, vw.n_shapes, t->shape);
    struct record r RECORD_CLEANUP = RECORD_INIT;
    bool is;
    if (!s)
        return err_set(e, ERR_IO, "damaged record: a value of an unknown object");
    if (nested_record(l, vw, s, stored, &r, &is, e))
        return -1;
    struct sight at = {.l = l, .v = vw.v, .g = catalog_group(l->cat, s->id), .rec = &r};
    return lens_object_text(l, vw, s, &at, depth, out, e);
}

static int render_parts(struct lens *l, struct view vw, const struct type_ref *t,
                        struct span stored, unsigned depth, struct buf *out, struct err *e)
{
    bool map = t->base == T_MAP;
    struct parts it = parts_of(stored, map ? 'm' : 'l');
    struct span k = {0}, v;
    bool first = true;

    if (!buf_addc(out, map ? '{' : '['))
        return err_nomem(e);
    for (; it.left; it.left--, first = false) {
        if ((map && !part_next(&it, &k)) || !part_next(&it, &v))
            return err_set(e, ERR_IO, "damaged record: a list or map is cut short");
        if ((!first && !buf_addc(out, ',')) || !indent(out, depth + 1) ||
            (map && (!json_write_string(k, out) || !buf_adds(out, ": "))))
            return err_nomem(e);
        if (lens_render(l, vw, t->elem, v, depth + 1, out, e))
            return -1;
    }
    if ((!first && !indent(out, depth)) || !buf_addc(out, map ? '}' : ']'))
        return err_nomem(e);
    return 0;
}

int lens_render(struct lens *l, struct view vw, const struct type_ref *t, struct span stored,
                unsigned depth, struct buf *out, struct err *e)
{
    if (!type_structured(t))
        return render_flat(stored, depth, out, e);
    switch (stored.n ? stored.p[0] : 0) {
    case 'n':
        return buf_adds(out, "null") ? 0 : err_nomem(e);
    case 'k':
    case 'r':
        return render_ref(l, vw, t, stored, out, e);
    case 'o':
        return render_object(l, vw, t, stored, depth, out, e);
    case 'l':
    case 'm':
        return render_parts(l, vw, t, stored, depth, out, e);
    default:
        return err_set(e, ERR_IO, "damaged record: a value of an unknown kind");
    }
}
