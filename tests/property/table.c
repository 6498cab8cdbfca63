#include "table.h"

static struct span keep(struct arena *a, const struct buf *b)
{
    char *p = arena_strndup(a, b->p ? b->p : "", b->n);
    MUST(p);
    return (struct span){p, b->n};
}

static int by_name(const void *pa, const void *pb)
{
    const struct json_node *a = *(const struct json_node *const *)pa;
    const struct json_node *b = *(const struct json_node *const *)pb;
    int c = memcmp(a->name.p, b->name.p, a->name.n < b->name.n ? a->name.n : b->name.n);
    return c ? c : (a->name.n > b->name.n) - (a->name.n < b->name.n);
}

/* An open type's other keys in the order of their names: theirs says nothing. */
static struct span sorted(struct arena *a, const struct shape *s, struct span line)
{
    struct err e = ERR_INIT;
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct json_node *n, **m;
    size_t fields = 0, all = 0;
    if (json_parse(line.p, line.n, a, &n, &e))
        case_die("an item's text is no JSON", e.text);
    m = arena_alloc(a, (n->n_children + 1) * sizeof(struct json_node *));
    MUST(m);
    for (struct json_node *c = n->child; c; c = c->next) {
        m[all++] = c;
        fields += shape_field(s, c->name) || span_eq(c->name, span_of("_key"));
    }
    qsort(m + fields, all - fields, sizeof *m, by_name);
    for (size_t i = 0; i < all; i++)
        m[i]->next = i + 1 < all ? m[i + 1] : NULL;
    n->child = all ? m[0] : NULL;
    MUST(json_write_line(n, &b) && buf_addc(&b, '\n'));
    return keep(a, &b);
}

/* By value: reading may make records, and the array move. */
static int read_cell(struct world *w, const struct view *vw, struct w_item it, struct table *t,
                     struct err *e)
{
    struct buf line BUF_CLEANUP = BUF_INIT, raw BUF_CLEANUP = BUF_INIT, key BUF_CLEANUP = BUF_INIT;
    if (!world_shows(w, vw, &it, &key))
        return 0;
    struct cell *cells = arena_grow(&t->arena, t->cells, t->n, sizeof *cells);
    MUST(cells);
    t->cells = cells;
    if (world_text(w, vw, &it, true, &line, e) || world_text(w, vw, &it, false, &raw, e)) {
        char was[200];
        snprintf(was, sizeof was, "%.199s", e->text);
        err_clear(e);
        return err_set(e, ERR_IO, "%s/%s/%s: %s", vw->v->name, vw->s->name, it.key, was);
    }
    cells[t->n++] = (struct cell){.id = it.id,
                                  .key = arena_strdup(&t->arena, buf_str(&key)),
                                  .index = vw->index,
                                  .v = vw->v,
                                  .s = vw->s,
                                  .line = vw->s->open
                                              ? sorted(&t->arena, vw->s, buf_span(&line))
                                              : keep(&t->arena, &line),
                                  .raw = keep(&t->arena, &raw)};
    return 0;
}

static bool table_has(const struct table *t, const struct view *vw)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->cells[i].index == vw->index && t->cells[i].s == vw->s)
            return true;
    return false;
}

static int read_views(struct world *w, bool derived, struct table *ret, struct err *e)
{
    for (size_t j = 0; j < w->n_views; j++) {
        if (!derived && world_needs_derive(w, &w->views[j]))
            continue;
        if (derived && table_has(ret, &w->views[j]))
            continue;
        if (derived && world_derive(w, &w->views[j], false, e))
            return -1;
        for (size_t i = 0; i < w->st.n_items; i++)
            if (read_cell(w, &w->views[j], w->st.items[i], ret, e))
                return -1;
    }
    return 0;
}

/* Looking at a type derives it. That happens aside: the world goes on as nobody has looked. */
int table_take(struct world *w, struct table *ret, struct err *e)
{
    bool behind = w->cat && world_names_behind(w), needs = behind; /* no version is added yet: no catalog */
    *ret = (struct table){0};
    for (size_t j = 0; j < w->n_views; j++)
        needs |= world_needs_derive(w, &w->views[j]);
    if (!behind && read_views(w, false, ret, e))
        return -1;
    if (!needs)
        return 0;
    struct w_state now = w->st;
    state_copy(&now, &w->st);
    int rc = read_views(w, true, ret, e);
    state_free(&w->st);
    w->st = now;
    return rc;
}

void table_free(struct table *t)
{
    arena_free(&t->arena);
    *t = (struct table){0};
}

static const struct cell *find(const struct table *t, const struct cell *c, size_t hint,
                               bool by_key)
{
    for (size_t n = 0; n < t->n; n++) {
        const struct cell *o = &t->cells[(hint + n) % t->n];
        if (o->index != c->index || (by_key ? strcmp(o->key, c->key) != 0 : o->id != c->id))
            continue;
        if (by_key ? !strcmp(o->s->name, c->s->name) : o->s == c->s)
            return o;
    }
    return NULL;
}

const struct cell *table_find(const struct table *t, uint64_t id, const struct view *vw)
{
    struct cell c = {.id = id, .index = vw->index, .s = vw->s};
    return find(t, &c, 0, false);
}

bool table_same(const struct table *a, const struct table *b, unsigned what, uint64_t id, char *why,
                size_t size)
{
    for (size_t i = 0; i < a->n; i++) {
        if (id != TABLE_ALL_ITEMS && a->cells[i].id != id)
            continue;
        const struct cell *x = &a->cells[i], *y = find(b, x, i, what & TABLE_BY_KEY);
        bool line = y && what & TABLE_LINE && !span_eq(x->line, y->line);
        bool raw = y && what & TABLE_RAW && !span_eq(x->raw, y->raw);
        if (!line && !raw)
            continue;
        struct span p = line ? x->line : x->raw, q = line ? y->line : y->raw;
        snprintf(why, size, "%s/%s/%s is\n#   %.*s# where it should be, or was,\n#   %.*s",
                 x->v->name, x->s->name, x->key, (int)q.n, q.p, (int)p.n, p.p);
        return false;
    }
    return true;
}

/* ---- Values ---- */

static void put_value(struct shape *const *shapes, size_t n_shapes, const struct type_ref *t,
                      const struct json_node *n, struct buf *out);

static void put_object(struct shape *const *shapes, size_t n_shapes, const struct shape *s,
                       const struct json_node *n, struct buf *out)
{
    MUST(buf_addc(out, '{'));
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        const struct json_node *m = json_member(n, span_of(f->name));
        if (f->read_only || (!m && !f->def.p))
            continue;
        MUST(json_write_string(span_of(f->name), out) && buf_addc(out, ':'));
        if (m)
            put_value(shapes, n_shapes, f->type, m, out);
        else
            MUST(json_to_line(f->def, out));
        MUST(buf_addc(out, ','));
    }
    MUST(buf_addc(out, '}'));
}

static void put_value(struct shape *const *shapes, size_t n_shapes, const struct type_ref *t,
                      const struct json_node *n, struct buf *out)
{
    const struct shape *s = t->base == T_OBJECT ? shapes_find(shapes, n_shapes, t->shape) : NULL;
    bool list = n->kind == JSON_ARRAY && t->elem, map = n->kind == JSON_OBJECT && t->elem;
    if (s && n->kind == JSON_OBJECT) {
        put_object(shapes, n_shapes, s, n, out);
        return;
    }
    if (!list && !map) {
        MUST(json_write_line(n, out));
        return;
    }
    MUST(buf_addc(out, list ? '[' : '{'));
    for (const struct json_node *c = n->child; c; c = c->next) {
        if (map)
            MUST(json_write_string(c->name, out) && buf_adds(out, ": "));
        put_value(shapes, n_shapes, t->elem, c, out);
        if (c->next)
            MUST(buf_adds(out, ", "));
    }
    MUST(buf_addc(out, list ? ']' : '}'));
}

struct span shown_value(struct arena *a, struct shape *const *shapes, size_t n_shapes,
                        const struct type_ref *t, const struct json_node *n)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    put_value(shapes, n_shapes, t, n, &b);
    return keep(a, &b);
}

static struct span extra_of(struct arena *a, const struct shape *s, const struct json_node *object)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct json_node **all = arena_alloc(a, (object->n_children + 1) * sizeof(struct json_node *));
    size_t n = 0;
    MUST(all);
    for (struct json_node *m = object->child; m; m = m->next)
        if (!shape_field(s, m->name) && !span_eq(m->name, span_of("_key")))
            all[n++] = m;
    qsort(all, n, sizeof *all, by_name);
    for (size_t i = 0; i < n; i++) {
        const struct json_node *m = all[i];
        MUST(json_write_string(m->name, &b) && buf_addc(&b, ':') && json_write_line(m, &b) &&
             buf_addc(&b, ','));
    }
    return b.n ? keep(a, &b) : (struct span){0};
}

void shown_read(struct arena *a, const struct version *v, const struct shape *s, struct span text,
                struct shown *ret)
{
    struct err e = ERR_INIT;
    struct buf def BUF_CLEANUP = BUF_INIT;
    ret->fields = arena_alloc(a, (s->n_fields + 1) * sizeof *ret->fields);
    if (!ret->fields || json_parse(text.p, text.n, a, &ret->object, &e))
        case_die("an item's text is no JSON", e.text);
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        const struct json_node *m = json_member(ret->object, span_of(f->name));
        if (f->read_only)
            continue;
        buf_reset(&def);
        if (m)
            ret->fields[i] = shown_value(a, v->shapes, v->n_shapes, f->type, m);
        else if (f->def.p) {
            struct json_node *d;
            MUST(json_parse(f->def.p, f->def.n, a, &d, &e) == 0);
            ret->fields[i] = shown_value(a, v->shapes, v->n_shapes, f->type, d);
        }
    }
    ret->extra = s->open ? extra_of(a, s, ret->object) : (struct span){0};
}

bool type_has_defaults(struct shape *const *shapes, size_t n, const struct type_ref *t,
                       unsigned depth)
{
    while (t->elem)
        t = t->elem;
    const struct shape *s = t->base == T_OBJECT ? shapes_find(shapes, n, t->shape) : NULL;
    for (size_t i = 0; s && i < s->n_fields; i++)
        if (s->fields[i].def.p || depth > 4 ||
            type_has_defaults(shapes, n, s->fields[i].type, depth + 1))
            return true;
    return false;
}
