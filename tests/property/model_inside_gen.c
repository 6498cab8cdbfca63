/* model_inside.h: what is drawn of objects inside items. */
#include "model_inside.h"

#include <string.h>

/* ---- Types and fields ---- */

bool m_fits_objects(enum m_kind kind)
{
    static const bool not[M_KINDS] = {
        [M_ADD_TYPE] = true, [M_REMOVE_TYPE] = true, [M_COPY_TYPE] = true, [M_COPY_TYPE_OWN] = true,
        [M_ADD_UNIQUE] = true, [M_REMOVE_UNIQUE] = true, [M_CHANGE_KEY] = true, [M_SPLIT_TYPE] = true,
        [M_MERGE_TYPES] = true, [M_ADD_REF] = true, [M_EXTRACT] = true, [M_INLINE] = true, [M_MOVE] = true, [M_ADD_OBJECT] = true,
    };
    return !not[kind];
}

/* An object holds none that is older: none holds itself. */
bool m_choose_inside(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct m_shows *sh = &c->shows[version];
    const struct m_node *n = &c->shape.nodes[node];
    size_t at = rnd_below(&c->r, sh->n);
    s->many = rnd_below(&c->r, 3);
    for (size_t i = 0; i < sh->n; i++) {
        const struct m_node *o = &c->shape.nodes[s->then = sh->node[(at + i) % sh->n]];
        if (o->object && (!n->object || o->line > n->line))
            return true;
    }
    return false;
}

/* Two members are taken out, or one is read. */
bool m_choose_members(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct m_node *n = &c->shape.nodes[node];
    const struct m_field *f = &n->f[m_field_at(n, s->kind == M_UNNEST ? s->a : s->b)];
    const char *names[MODEL_FIELDS];
    size_t found = 0, wanted = s->kind == M_UNNEST ? 2 : 1;

    for (size_t i = 0; i < 2 && s->kind == M_UNNEST; i++)
        s->from[i] = f->members[i];
    if (f->type != M_INSIDE)
        return true;
    n = &c->shape.nodes[m_node_of_line(&c->shape, &c->shows[version], f->refers)];
    for (size_t i = 0, at = rnd_below(&c->r, n->n); i < n->n; i++) {
        const struct m_field *m = &n->f[(at + i) % n->n];
        bool free = !m->read_only && !m->def && !m->required && !m->checked;
        if (m->type == M_TEXT && (wanted == 1 || free))
            names[found++] = m->name;
    }
    for (size_t i = 0; i < n->n; i++) /* what stays may be missing in what is made */
        found = n->f[i].required && wanted == 2 ? 0 : found;
    if (found < wanted)
        return false;
    for (size_t i = 0; i < 2 && wanted == 2; i++)
        s->from[i] = names[i];
    if (wanted == 1)
        s->c = names[0];
    return true;
}

const char *m_inside_type(struct m_case *c, enum m_many many, const char *object)
{
    static const char *const forms[] = {[M_ONE] = "%s", [M_LIST_OF] = "list<%s>", [M_MAP_OF] = "map<%s>"};
    const char *form = forms[many];
    size_t n = (size_t)(strchr(form, '%') - form);
    return m_format(c, "%.*s%s%s", (int)n, form, object, form + n + 2);
}

/* A type of objects, and a field of them in the first type. */
void m_gen_root_object(struct m_case *c)
{
    static const char *const names[] = {"street", "city", "zone"};
    static const char *const types[] = {
        [M_TEXT] = "string", [M_INT] = "integer", [M_ENUM] = "E", [M_LIST] = "list<string>"};
    struct case_version *v = &c->k.v[0];
    struct block *b = &v->blocks[v->n_blocks++], *dog = &v->blocks[0];
    struct m_node *n = &c->shape.nodes[c->shape.n], *holder = &c->shape.nodes[0];
    struct m_field f = {.name = "home", .type = M_INSIDE, .id = c->shape.n_ids++, .refers = c->shape.n, .old = true,
                        .many = rnd_below(&c->r, 3)};

    *n = (struct m_node){.object = true, .from = -1, .root = c->shape.n, .line = c->shape.n, .key = c->shape.n_ids++};
    snprintf(n->type, sizeof n->type, "Home");
    *b = (struct block){.kind = SHAPE_OBJECT, .name = "Home"};
    b->fields.m = arena_alloc(&c->a, 3 * sizeof(struct member));
    memcpy(n->values, holder->values, sizeof n->values);
    n->n_values = holder->n_values;
    for (size_t i = 0, fields = 2 + rnd_below(&c->r, 2); i < fields; i++) {
        enum m_type type = rnd_chance(&c->r, 70) ? M_TEXT : rnd_chance(&c->r, 50) ? M_LIST : M_INT;
        if (i == fields - 1 && rnd_chance(&c->r, 40))
            type = M_ENUM;
        n->f[n->n++] = (struct m_field){.name = names[i], .type = type, .id = c->shape.n_ids++, .old = true};
        b->fields.m[b->fields.n++] = (struct member){.name = names[i], .json = types[type]};
    }
    holder->f[holder->n++] = f;
    dog->fields.m[dog->fields.n++] = (struct member){.name = f.name, .json = m_inside_type(c, f.many, "Home")};
    c->shows[0] = (struct m_shows){{0, c->shape.n}, 2, 0, 2};
    c->shape.n++;
}

/* ---- Values ---- */

/* A value on its way; r: what it is drawn with. */
struct drawing {
    struct m_case *c;
    struct model *m;
    const struct m_shows *beside;
};

static const char *draw(const struct drawing *d, const struct m_field *f, const char *shown);

static const struct m_node *node_of(const struct drawing *d, const struct m_field *f)
{
    return &d->m->nodes[m_node_of_line(d->m, d->beside, f->refers)];
}

static const char *draw_member(const struct drawing *d, const struct m_node *n, const struct m_field *f,
                               const char *shown)
{
    return f->type == M_INSIDE ? draw(d, f, shown) : m_gen_value(d->c, n, f);
}

static void add_member(struct m_parts *p, const char *name, const char *value)
{
    if (!value)
        return;
    p->name[p->n] = name;
    p->value[p->n++] = value;
}

/* As it is shown, but for one member; without any, all anew. */
static const char *draw_object(const struct drawing *d, const struct m_field *f, const char *shown)
{
    const struct m_node *n = node_of(d, f);
    struct m_parts p = {.list = false}, was = {.list = false};
    bool edit = shown && shown[0] == '{';
    size_t at = rnd_below(&d->c->r, n->n);
    if (edit)
        was = m_parts_of(&d->c->a, shown);
    for (size_t i = 0; i < n->n; i++) {
        const char *is = edit ? m_part(&was, n->f[i].name) : NULL;
        bool keep = edit && i != at && (is || !n->f[i].required);
        if (!n->f[i].read_only)
            add_member(&p, n->f[i].name, keep ? is : draw_member(d, n, &n->f[i], is));
    }
    return m_parts_text(&d->c->a, &p);
}

/* Without what is computed. */
static const char *as_it_is(const struct drawing *d, const struct m_field *f, const char *shown)
{
    const struct m_node *n = node_of(d, f);
    struct m_parts p = m_parts_of(&d->c->a, shown), r = {.list = p.list};
    struct m_field one = *f;
    one.many = M_ONE;
    for (size_t i = 0; i < p.n; i++) {
        int at = f->many ? -1 : m_field_at(n, p.name[i]);
        const struct m_field *in = f->many ? &one : &n->f[at];
        bool parts = in->type == M_INSIDE && strchr("[{", p.value[i][0]);
        if (!in->read_only)
            add_member(&r, p.name[i], parts ? as_it_is(d, in, p.value[i]) : p.value[i]);
    }
    return m_parts_text(&d->c->a, &r);
}

static void cut_part(struct m_parts *p, size_t at)
{
    p->n--;
    for (size_t i = at; i < p->n; i++) {
        p->name[i] = p->name[i + 1];
        p->value[i] = p->value[i + 1];
    }
}

static void put_part(struct m_parts *p, size_t at, const char *value)
{
    for (size_t i = p->n++; i > at; i--)
        p->value[i] = p->value[i - 1];
    p->value[at] = value;
}

#define FEW 4 /* elements */
static void edit_list(const struct drawing *d, const struct m_field *one, struct m_parts *p)
{
    size_t at = rnd_below(&d->c->r, p->n), what = rnd_below(&d->c->r, 6);
    const char *moved = p->n ? p->value[at] : NULL;
    if (!moved || (what < 2 && p->n < FEW)) {
        put_part(p, what ? p->n : 0, draw_object(d, one, NULL));
    } else if (what < 4) {
        p->value[at] = draw_object(d, one, moved);
    } else {
        cut_part(p, at);
        if (what == 5)
            put_part(p, rnd_below(&d->c->r, p->n + 1), moved);
    }
}

static void edit_map(const struct drawing *d, const struct m_field *one, struct m_parts *p)
{
    static const char *const keys[] = {"p", "q", "r"};
    const char *key = keys[rnd_below(&d->c->r, 3)];
    size_t at = 0;
    while (at < p->n && strcmp(p->name[at], key) != 0)
        at++;
    if (at == p->n)
        add_member(p, key, draw_object(d, one, NULL));
    else if (rnd_chance(&d->c->r, 60))
        p->value[at] = draw_object(d, one, p->value[at]);
    else
        cut_part(p, at);
}

static const char *draw(const struct drawing *d, const struct m_field *f, const char *shown)
{
    struct m_field one = *f;
    struct rnd *r = &d->c->r;
    bool is = shown && strchr("[{", shown[0]) && !rnd_chance(r, 15);
    one.many = M_ONE;
    if (rnd_chance(r, 10))
        return rnd_chance(r, 70) ? NULL : "null";
    if (is)
        shown = as_it_is(d, f, shown);
    if (is && rnd_chance(r, 35))
        return shown;
    if (!f->many)
        return draw_object(d, &one, is ? shown : NULL);
    struct m_parts p = {.list = f->many == M_LIST_OF};
    if (is)
        p = m_parts_of(&d->c->a, shown);
    for (size_t n = is ? 1 : rnd_below(r, 4); n > 0; n--)
        f->many == M_LIST_OF ? edit_list(d, &one, &p) : edit_map(d, &one, &p);
    return m_parts_text(&d->c->a, &p);
}

const char *m_inside_drawn(struct m_case *c, struct model *m, const struct m_shows *beside, const struct m_field *f,
                           const char *had, uint64_t salt)
{
    const struct drawing d = {c, m, beside};
    struct rnd before = c->r;
    c->r.state = salt;
    const char *value = draw(&d, f, had ? m_inside_text(m, beside, f, had, M_SHOWN) : NULL);
    c->r = before;
    return value;
}
