/* model_inside.h: what values that hold objects show, and what a write makes of them. */
#include "model_inside.h"

#include <stdlib.h>
#include <string.h>

#include "model_carry.h"

static const char *text(struct arena *a, const struct buf *b)
{
    const char *p = arena_strndup(a, b->p, b->n);
    MUST(p);
    return p;
}

/* ---- Texts ---- */

/* Where the value that begins at p ends. */
static const char *end_of(const char *p)
{
    size_t depth = 0;
    do {
        if (*p == '"')
            p = strchr(p + 1, '"');
        MUST(p && *p);
        depth += *p == '{' || *p == '[';
        depth -= *p == '}' || *p == ']';
        p++;
    } while (depth || (*p && !strchr(",]}", *p)));
    return p;
}

static const char *piece(struct arena *a, const char *from, const char *end)
{
    const char *p = arena_strndup(a, from, (size_t)(end - from));
    MUST(p);
    return p;
}

struct m_parts m_parts_of(struct arena *a, const char *json)
{
    struct m_parts r = {.list = json[0] == '['};
    for (const char *p = json + 1, *end; *p && *p != ']' && *p != '}'; p = end + strspn(end, ", ")) {
        MUST(r.n < M_PARTS);
        r.name[r.n] = NULL;
        if (!r.list) {
            end = strchr(p + 1, '"');
            MUST(end);
            r.name[r.n] = piece(a, p + 1, end);
            p = end + strlen("\": ");
        }
        end = end_of(p);
        r.value[r.n++] = piece(a, p, end);
    }
    return r;
}

const char *m_parts_text(struct arena *a, const struct m_parts *p)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    MUST(buf_addc(&b, p->list ? '[' : '{'));
    for (size_t i = 0; i < p->n; i++) {
        MUST(!i || buf_adds(&b, ", "));
        MUST(p->list || buf_printf(&b, "\"%s\": ", p->name[i]));
        MUST(buf_adds(&b, p->value[i]));
    }
    MUST(buf_addc(&b, p->list ? ']' : '}'));
    return text(a, &b);
}

const char *m_part(const struct m_parts *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->name[i], name))
            return p->value[i];
    return NULL;
}

void m_part_add(struct m_parts *p, const char *name, const char *value)
{
    MUST(p->n < M_PARTS);
    p->name[p->n] = name;
    p->value[p->n++] = value;
}

/* A value on its way: the field's, or one of its elements'. */
struct inside {
    struct model *m;
    const struct m_shows *beside;
    const struct m_field *f;
    enum m_says how;
};

static struct inside inside_of(const struct inside *in, const struct m_field *f)
{
    return (struct inside){in->m, in->beside, f, in->how};
}

static bool is_one(const char *value)
{
    return value && value[0] == '#';
}

static const struct m_item *object_of(const struct inside *in, const char *value)
{
    return is_one(value) ? in->m->objects[strtoul(value + 1, NULL, 10)] : NULL;
}

static const struct m_node *node_of(const struct inside *in)
{
    return &in->m->nodes[m_node_of_line(in->m, in->beside, in->f->refers)];
}

static bool says_defaults(const struct inside *in)
{
    return in->how == M_SHOWN || in->how == M_COMPARED;
}

static const char *say(const struct inside *in, const char *value);

static const char *say_object(const struct inside *in, const struct m_item *o)
{
    const struct m_node *n = node_of(in);
    struct m_parts p = {.list = false};
    for (size_t i = 0; i < n->n; i++) {
        struct inside part = inside_of(in, &n->f[i]);
        const char *v = o->v[n->f[i].id];
        if (!v && says_defaults(in))
            v = n->f[i].def;
        if (v && (in->how == M_SHOWN || in->how == M_PLAIN || !n->f[i].read_only))
            m_part_add(&p, n->f[i].name, say(&part, v));
    }
    return m_parts_text(in->m->a, &p);
}

static const char *say(const struct inside *in, const char *value)
{
    if (in->f->type != M_INSIDE || !strchr("#[{", value[0]))
        return value;
    if (is_one(value))
        return say_object(in, object_of(in, value));
    struct m_parts p = m_parts_of(in->m->a, value);
    for (size_t i = 0; i < p.n; i++)
        p.value[i] = say(in, p.value[i]);
    return m_parts_text(in->m->a, &p);
}

const char *m_inside_text(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *value,
                          enum m_says how)
{
    const struct inside in = {m, beside, f, how};
    return say(&in, value);
}

/* ---- A write ---- */

static const char *made(struct model *m, const struct m_item *it)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    MUST(buf_printf(&b, "#%zu", m->n_objects));
    m->objects = arena_grow(m->a, m->objects, m->n_objects, sizeof *m->objects);
    struct m_item *p = arena_alloc(m->a, sizeof *p);
    MUST(m->objects && p);
    *p = *it;
    m->objects[m->n_objects++] = p;
    return text(m->a, &b);
}

/* was: NULL = it is new. As a text, had it been the item's. */
static const char *written(const struct inside *in, const char *had, const char *const *values)
{
    const struct m_node *n = node_of(in);
    const struct m_item *was = object_of(in, had);
    struct m_item it = {.root = n->root};
    struct carry c = {.m = in->m, .it = &it, .at = (size_t)(n - in->m->nodes), .create = !was};
    const char *now[MODEL_FIELDS];

    if (was && !carry_lay(n, was, values, !says_defaults(in), now))
        return had;
    if (was)
        it = *was;
    else
        carry_begin(in->m, c.at, &it);
    memcpy(c.was, it.v, sizeof c.was);
    carry_look(&c);
    for (size_t i = 0; i < n->n; i++)
        if (!n->f[i].read_only && (!was || !m_same(it.v[n->f[i].id], now[i])))
            carry_set(&c, n->f[i].id, was ? now[i] : values[i], NULL);
    carry_spread(&c);
    return made(in->m, &it);
}

static const char *take(const struct inside *in, const char *json, const char *had);

static const char *take_object(const struct inside *in, const char *json, const char *had)
{
    const struct m_node *n = node_of(in);
    const struct m_item *was = object_of(in, had);
    const struct m_parts p = m_parts_of(in->m->a, json);
    const char *values[MODEL_FIELDS];
    for (size_t i = 0; i < n->n; i++) {
        struct inside part = inside_of(in, &n->f[i]);
        const char *v = m_part(&p, n->f[i].name);
        values[i] = v ? take(&part, v, was ? was->v[n->f[i].id] : NULL) : NULL;
    }
    return written(in, was ? had : NULL, values);
}

/* A text as m_inside_text would give it of what it comes to. */
static const char *compared(const struct inside *in, const char *json)
{
    const struct m_node *n = node_of(in);
    struct m_parts r = {.list = false};
    if (in->f->type != M_INSIDE || json[0] != '{' || in->f->many)
        return json;
    const struct m_parts p = m_parts_of(in->m->a, json);
    for (size_t i = 0; i < n->n; i++) {
        struct inside part = inside_of(in, &n->f[i]);
        const char *v = m_part(&p, n->f[i].name);
        if (!v && says_defaults(in))
            v = n->f[i].def;
        if (v && !n->f[i].read_only)
            m_part_add(&r, n->f[i].name, part.f->type == M_INSIDE ? compared(&part, v) : v);
    }
    return m_parts_text(in->m->a, &r);
}

static const char *take_list(const struct inside *in, const char *json, const char *had)
{
    struct m_parts now = m_parts_of(in->m->a, json), texts = now, old = {.list = true}, old_texts;
    struct m_field one = *in->f;
    one.many = M_ONE;
    const struct inside elem = inside_of(in, &one);
    struct inside compares = elem;
    size_t from[M_PARTS];

    compares.how = says_defaults(in) ? M_COMPARED : M_STORED;
    if (had && had[0] == '[')
        old = m_parts_of(in->m->a, had);
    old_texts = old;
    for (size_t i = 0; i < old.n; i++)
        old_texts.value[i] = say(&compares, old.value[i]);
    for (size_t i = 0; i < now.n; i++)
        texts.value[i] = compared(&compares, now.value[i]);
    m_align(in->m->a, &old_texts, &texts, from);
    for (size_t i = 0; i < now.n; i++)
        now.value[i] = take(&elem, now.value[i], from[i] == M_NEW ? NULL : old.value[from[i]]);
    return m_parts_text(in->m->a, &now);
}

static const char *take_map(const struct inside *in, const char *json, const char *had)
{
    struct m_parts now = m_parts_of(in->m->a, json), old = {.list = false};
    struct m_field one = *in->f;
    one.many = M_ONE;
    const struct inside elem = inside_of(in, &one);
    if (had && had[0] == '{')
        old = m_parts_of(in->m->a, had);
    for (size_t i = 0; i < now.n; i++)
        now.value[i] = take(&elem, now.value[i], m_part(&old, now.name[i]));
    return m_parts_text(in->m->a, &now);
}

static const char *take(const struct inside *in, const char *json, const char *had)
{
    if (in->f->type != M_INSIDE || !strchr("[{", json[0]))
        return json;
    return in->f->many == M_LIST_OF  ? take_list(in, json, had)
           : in->f->many == M_MAP_OF ? take_map(in, json, had)
                                     : take_object(in, json, had);
}

const char *m_inside_taken(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *json,
                           const char *had, enum m_says how)
{
    const struct inside in = {m, beside, f, how};
    return take(&in, json, had);
}

/* ---- Rules over fields that hold objects ---- */

static struct m_field field_with(const struct model *m, size_t node, size_t id)
{
    for (int at = (int)node; at >= (int)m->nodes[node].from && at >= 0; at = m->nodes[at].from)
        for (size_t i = 0; i < m->nodes[at].n; i++)
            if (m->nodes[at].f[i].id == id)
                return m->nodes[at].f[i];
    return (struct m_field){.id = id};
}

void m_inside_rules(struct model *m, size_t node, const struct m_shows *beside)
{
    struct m_node *n = &m->nodes[node];
    for (size_t i = 0; i < n->n_rules; i++) {
        struct m_rule *r = &n->rules[i];
        struct m_sides s = {.beside = *beside, .out = field_with(m, node, r->out)};
        bool any = s.out.type == M_INSIDE;
        for (size_t k = 0; k < r->n_in; k++) {
            s.in[k] = field_with(m, node, r->in[k]);
            any |= s.in[k].type == M_INSIDE;
        }
        if ((n->step.kind == M_COMPUTE || n->step.kind == M_ADD_UP) && n->step.c[0])
            s.member = n->step.c;
        struct m_sides *kept = any ? arena_alloc(m->a, sizeof *kept) : NULL;
        MUST(kept || !any);
        if (any)
            *kept = s;
        r->inside = kept;
    }
}

/* A conversion reads what is unset as that, any other expression reads what is shown. */
const char *m_inside_read(struct model *m, const struct m_rule *r, size_t i, const char *value)
{
    const struct m_sides *s = r->inside;
    if (!value || s->in[i].type != M_INSIDE)
        return value;
    const char *json = m_inside_text(m, &s->beside, &s->in[i], value, r->mode == M_LINKED ? M_PLAIN : M_SHOWN);
    if (!s->member || json[0] != '{')
        return json;
    const struct m_parts p = m_parts_of(m->a, json);
    return m_part(&p, s->member);
}

const char *m_inside_was(struct model *m, const struct m_rule *r, const char *value)
{
    const struct m_sides *s = r->inside;
    return value && s->out.type == M_INSIDE ? m_inside_text(m, &s->beside, &s->out, value, M_STORED) : value;
}

/* Nothing, where an object in it fails its check. */
const char *m_inside_given(struct model *m, const struct m_rule *r, const char *json, const char *had)
{
    const struct m_sides *s = r->inside;
    if (!json || s->out.type != M_INSIDE)
        return json;
    bool fits = !m_inside_refused(m, &s->beside, &s->out, json, NULL);
    return fits ? m_inside_taken(m, &s->beside, &s->out, json, had, M_PLAIN) : NULL;
}

static bool same_objects(const struct model *m, const struct m_item *a, const struct m_item *b)
{
    bool same = !memcmp(a->decided, b->decided, sizeof a->decided);
    for (size_t id = 0; id < m->n_ids; id++)
        same &= m_inside_same(m, a->v[id], b->v[id]);
    for (size_t to = 0; to < m->known; to++)
        for (size_t i = 0; i < m->nodes[to].n_rules; i++)
            same &= a->memory[to][i].is == b->memory[to][i].is;
    return same;
}

bool m_inside_same(const struct model *m, const char *a, const char *b)
{
    struct arena own ARENA_CLEANUP = {0};
    if (!a || !b || !strcmp(a, b))
        return a && b ? true : a == b;
    if (is_one(a) && is_one(b))
        return same_objects(m, m->objects[strtoul(a + 1, NULL, 10)], m->objects[strtoul(b + 1, NULL, 10)]);
    if (a[0] != b[0] || !strchr("[{", a[0]))
        return false;
    const struct m_parts p = m_parts_of(&own, a), q = m_parts_of(&own, b);
    bool same = p.n == q.n;
    for (size_t i = 0; i < p.n && same; i++)
        same = m_inside_same(m, p.value[i], p.list ? q.value[i] : m_part(&q, p.name[i]));
    return same;
}

/* ---- Checks ---- */

/* All objects of a text. */
struct found {
    const struct m_node *of[4 * M_PARTS];
    struct m_parts at[4 * M_PARTS];
    size_t n;
};

static void find(const struct inside *in, const char *json, struct found *ret)
{
    if (in->f->type != M_INSIDE || !json || !strchr("[{", json[0]))
        return;
    const struct m_parts p = m_parts_of(in->m->a, json);
    struct m_field one = *in->f;
    one.many = M_ONE;
    const struct inside elem = inside_of(in, &one);
    for (size_t i = 0; i < p.n && in->f->many; i++)
        find(&elem, p.value[i], ret);
    if (in->f->many)
        return;
    const struct m_node *n = node_of(in);
    MUST(ret->n < 4 * M_PARTS);
    ret->of[ret->n] = n;
    ret->at[ret->n++] = p;
    for (size_t i = 0; i < n->n; i++) {
        const struct inside part = inside_of(in, &n->f[i]);
        find(&part, m_part(&p, n->f[i].name), ret);
    }
}

static bool stood(const struct found *was, const struct m_node *n, const char *name, const char *value)
{
    bool is = false;
    for (size_t i = 0; i < was->n; i++) {
        const char *v = was->of[i] == n ? m_part(&was->at[i], name) : NULL;
        is |= v && !strcmp(v, value);
    }
    return is;
}

bool m_inside_refused(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *json,
                      const char *had)
{
    const struct inside in = {m, beside, f, M_SHOWN};
    struct found was = {.n = 0}, now = {.n = 0};
    bool refused = false;
    find(&in, had ? say(&in, had) : NULL, &was);
    find(&in, json, &now);
    for (size_t i = 0; i < now.n; i++)
        for (size_t k = 0; k < now.of[i]->n; k++) {
            const struct m_field *g = &now.of[i]->f[k];
            const char *v = g->checked ? m_part(&now.at[i], g->name) : NULL;
            refused |= m_fails_check(v) && !stood(&was, now.of[i], g->name, v);
        }
    return refused;
}
