/* model.h: what a step makes of a type. */
#include "model_step_int.h"

#include <stdio.h>
#include <string.h>

#include "case.h"

/* Of a or b; the rules that read defaults read no other. */
static const char *default_of(const struct change *c, size_t id)
{
    const struct m_field *f = c->a.name && c->a.id == id ? &c->a : &c->b;
    return f->name && f->id == id ? f->def : NULL;
}

void step_rule(struct change *c, bool forward, enum m_mode mode, m_fn *fn, size_t out, size_t in, size_t in2,
               size_t n_in)
{
    struct m_node *n = c->n;
    MUST(n->n_rules < MODEL_RULES);
    n->rules[n->n_rules] = (struct m_rule){
        .forward = forward, .mode = mode, .out = out, .in = {in, in2}, .n_in = n_in, .fn = fn};
    if (mode != M_LINKED)
        n->rules[n->n_rules].def[0] = default_of(c, in);
    n->n_rules++;
}

void step_insert(struct change *c, size_t at, struct m_field f)
{
    struct m_node *n = c->n;
    MUST(n->n < MODEL_FIELDS);
    memmove(&n->f[at + 1], &n->f[at], (n->n - at) * sizeof *n->f);
    n->f[at] = f;
    n->n++;
}

void step_cut(struct change *c, const char *name)
{
    struct m_node *n = c->n;
    size_t at = (size_t)m_field_at(n, name);
    memmove(&n->f[at], &n->f[at + 1], (n->n - at - 1) * sizeof *n->f);
    n->n--;
}

size_t step_new_id(struct change *c)
{
    MUST(c->m->n_ids < MODEL_IDS);
    return c->m->n_ids++;
}

static struct m_field new_field(struct change *c, const char *name)
{
    return (struct m_field){.name = name, .id = step_new_id(c)};
}

/* One that follows from a. */
struct m_field step_follower(struct change *c, const char *name)
{
    struct m_field f = new_field(c, name);
    f.seeded = c->a.seeded;
    f.old = c->a.old;
    return f;
}

/* The field a becomes another field in its place, and back. */
static struct m_field *link_one(struct change *c, m_fn *up, m_fn *down)
{
    struct m_field *f = &c->n->f[c->at];
    f->id = step_new_id(c);
    step_rule(c, true, M_LINKED, up, f->id, c->a.id, 0, 1);
    step_rule(c, false, M_LINKED, down, c->a.id, f->id, 0, 1);
    return f;
}

/* ---- One function for each kind (M_REMOVE_TYPE makes no node) ---- */

static void add_type(struct change *c)
{
    c->n->n = 0;
    c->n->key = step_new_id(c);
    step_insert(c, 0, (struct m_field){.name = "name", .id = step_new_id(c), .old = true});
    step_insert(c, 1, (struct m_field){.name = "size", .type = M_INT, .id = step_new_id(c), .old = true});
}

static void copy_type(struct change *c)
{
    snprintf(c->n->type, sizeof c->n->type, "%s", c->s->b);
    c->n->line = c->m->n;
    if (c->s->kind == M_COPY_TYPE)
        return;
    struct m_field f = new_field(c, c->s->c);
    f.seeded = true;
    step_insert(c, c->n->n, f);
    step_rule(c, true, M_SEEDED, m_exprs[c->s->expr], f.id, c->a.id, 0, 1);
}

static void add(struct change *c)
{
    struct m_field f = new_field(c, c->s->a);
    f.def = c->s->kind == M_ADD ? c->s->def : NULL;
    f.seeded = c->s->kind == M_ADD_UP;
    f.read_only = c->s->kind == M_COMPUTE;
    step_insert(c, c->n->n, f);
    if (c->s->kind != M_ADD)
        step_rule(c, true, f.seeded ? M_SEEDED : M_COMPUTED, m_exprs[c->s->expr], f.id, c->b.id, 0,
                 1);
}

static void add_ref(struct change *c)
{
    struct m_field f = new_field(c, c->s->a);
    f.type = c->s->kind == M_ADD_REF ? M_REF : M_INSIDE;
    f.refers = c->m->nodes[c->s->then].line;
    f.on_delete = c->s->on_delete;
    f.many = c->s->many;
    step_insert(c, c->n->n, f);
}

static void remove_down(struct change *c)
{
    step_cut(c, c->s->a);
    step_rule(c, false, M_SEEDED, m_exprs[c->s->expr], c->a.id, c->b.id, 0, 1);
}

static void restore(struct change *c)
{
    const struct m_node *then = &c->m->nodes[c->s->then];
    struct m_field f = then->f[m_field_at(then, c->s->a)];
    f.old = false;
    step_insert(c, c->n->n, f);
}

/* Where the field is unset, an expression over b: in the new version, or in the old ones. */
static void require(struct change *c)
{
    bool up = c->s->kind == M_REQUIRE;
    struct m_field *f = &c->n->f[c->at];
    f->required = up;
    f->id = step_new_id(c);
    if (up) {
        step_rule(c, true, M_LINKED, m_fn_else, f->id, c->a.id, c->b.id, 2);
        step_rule(c, false, M_LINKED, m_fn_same, c->a.id, f->id, 0, 1);
    } else {
        step_rule(c, true, M_LINKED, m_fn_same, f->id, c->a.id, 0, 1);
        step_rule(c, false, M_LINKED, m_fn_else, c->a.id, f->id, c->b.id, 2);
    }
}

static void split(struct change *c)
{
    struct m_field x = step_follower(c, c->s->b), y = step_follower(c, c->s->c);
    step_cut(c, c->s->a);
    step_insert(c, c->at, x);
    step_insert(c, c->at + 1, y);
    step_rule(c, true, M_LINKED, m_fn_first, x.id, c->a.id, 0, 1);
    step_rule(c, true, M_LINKED, m_fn_rest, y.id, c->a.id, 0, 1);
    step_rule(c, false, M_LINKED, m_fn_join, c->a.id, x.id, y.id, 2);
}

/* Two fields into one: a text, or an object. */
static void merge(struct change *c)
{
    bool object = c->s->kind == M_NEST;
    struct m_field f = step_follower(c, c->s->c);
    f.seeded |= c->b.seeded;
    f.old &= c->b.old;
    if (object) {
        f.type = M_OBJECT;
        f.members[0] = c->s->from[0];
        f.members[1] = c->s->from[1];
    }
    size_t at = (size_t)m_field_at(c->n, c->s->b);
    step_cut(c, c->s->a);
    step_cut(c, c->s->b);
    step_insert(c, at < c->at ? at : c->at, f);
    step_rule(c, true, M_LINKED, object ? m_fn_nest : m_fn_bar, f.id, c->a.id, c->b.id, 2);
    step_rule(c, false, M_LINKED, object ? m_fn_member_a : m_fn_before_bar, c->a.id, f.id, 0, 1);
    step_rule(c, false, M_LINKED, object ? m_fn_member_b : m_fn_after_bar, c->b.id, f.id, 0, 1);
}

static void unnest(struct change *c)
{
    struct m_field x = step_follower(c, c->s->b), y = step_follower(c, c->s->c);
    step_cut(c, c->s->a);
    step_insert(c, c->at, x);
    step_insert(c, c->at + 1, y);
    step_rule(c, true, M_LINKED, m_fn_member_a, x.id, c->a.id, 0, 1);
    step_rule(c, true, M_LINKED, m_fn_member_b, y.id, c->a.id, 0, 1);
    step_rule(c, false, M_LINKED, m_fn_nest, c->a.id, x.id, y.id, 2);
}

static void transform(struct change *c)
{
    bool both = c->s->kind == M_TRANSFORM;
    struct m_field f = step_follower(c, c->s->b);
    f.seeded |= !both;
    f.old &= both;
    step_cut(c, c->s->a);
    step_insert(c, c->n->n, f);
    step_rule(c, true, both ? M_LINKED : M_SEEDED, m_exprs[c->s->expr], f.id, c->a.id, 0, 1);
    if (both)
        step_rule(c, false, M_LINKED, m_fn_down, c->a.id, f.id, 0, 1);
}

static size_t value_at(const struct m_node *n, const char *value)
{
    size_t i = 0;
    while (strcmp(n->values[i], value) != 0)
        i++;
    return i;
}

static void add_value(struct change *c)
{
    c->n->values[c->n->n_values++] = c->s->from[0];
    link_one(c, m_fn_same, m_fn_map);
}

static void remove_value(struct change *c)
{
    struct m_node *n = c->n;
    size_t at = value_at(n, c->s->from[0]);
    memmove(&n->values[at], &n->values[at + 1], (--n->n_values - at) * sizeof n->values[0]);
    link_one(c, m_fn_map, m_fn_same);
}

static void rename_value(struct change *c)
{
    c->n->values[value_at(c->n, c->s->from[0])] = c->s->to[0];
    link_one(c, m_fn_map, m_fn_map_back);
}

static void rename_type(struct change *c)
{
    snprintf(c->n->type, sizeof c->n->type, "%s", c->s->b);
}

static void rename_field(struct change *c)
{
    c->n->f[c->at].name = c->s->b;
}

/* The named field first, the others as they were. */
static void reorder(struct change *c)
{
    step_cut(c, c->s->a);
    step_insert(c, 0, c->a);
}

static void remove_field(struct change *c)
{
    step_cut(c, c->s->a);
}

static void change_default(struct change *c)
{
    c->n->f[c->at].def = c->s->def;
}

static void retype(struct change *c)
{
    link_one(c, m_exprs[c->s->expr], m_fn_down);
}

static void to_int(struct change *c)
{
    link_one(c, m_fn_to_int, m_fn_cast_text)->type = M_INT;
}

static void widen(struct change *c)
{
    link_one(c, m_fn_to_text, c->a.type == M_INT ? m_fn_fits_int : m_fn_fits_enum)->type = M_TEXT;
}

static void wrap(struct change *c)
{
    bool up = c->s->kind == M_WRAP;
    struct m_field *f = link_one(c, up ? m_fn_wrap : m_fn_head, up ? m_fn_head : m_fn_wrap);
    f->many = up ? M_LIST_OF : M_ONE;
    if (f->type != M_INSIDE)
        f->type = up ? M_LIST : M_TEXT;
}

static void map(struct change *c)
{
    link_one(c, m_fn_map, m_fn_map_back);
}

static void change_unique(struct change *c)
{
    c->n->f[c->at].unique = c->s->kind == M_ADD_UNIQUE;
}

static void add_check(struct change *c)
{
    link_one(c, m_fn_mend, m_fn_same)->checked = true;
}

static void remove_check(struct change *c)
{
    c->n->f[c->at].checked = false;
}

/* What the last rule gives, every item has. */
static void names_on(struct change *c)
{
    struct m_node *n = c->n;
    n->namers[n->n_namers++] = n->rules[n->n_rules - 1];
}

static void key_rule(struct change *c, bool forward, const struct m_key_expr *x, const struct m_field *f,
                     size_t out, size_t like)
{
    const size_t in[] = {x->field ? f->id : like, like};
    step_rule(c, forward, M_LINKED, forward ? m_fn_key_up : m_fn_key_down, out, in[0], in[1],
             (size_t)x->field + x->key);
    struct m_rule *r = &c->n->rules[c->n->n_rules - 1];
    r->def[0] = x->field ? f->def : NULL;
    r->key = true;
    r->like = like;
}

static void change_key(struct change *c)
{
    size_t before = c->n->key;
    c->n->key = step_new_id(c);
    key_rule(c, true, &m_key_exprs[c->s->expr], &c->a, c->n->key, before);
    names_on(c);
    key_rule(c, false, &m_key_exprs[c->s->expr2], &c->b, before, c->n->key);
}

/* The whole type, as nobody shows it any more: the rule for where an item is. */
static void split_type(struct change *c)
{
    struct m_node *n = c->n;
    n->parts = step_new_id(c);
    step_rule(c, true, M_LINKED, m_fn_part, n->parts, c->a.id, c->b.id, c->s->n - 1);
    n->rules[0].def[0] = c->a.def;
    n->rules[0].def[1] = c->s->n > 2 ? c->b.def : NULL;
    names_on(c);
}

static void part(struct change *c)
{
    struct m_node *n = c->n;
    snprintf(n->type, sizeof n->type, "%s", c->s->b);
    n->part = m_part_text(c->m->a, c->s->b);
    n->whole = n->line;
    n->line = c->m->n;
}

static void tag_rule(struct change *c, struct m_field *tag)
{
    tag->id = step_new_id(c);
    step_rule(c, true, M_LINKED, m_fn_tag, tag->id, MODEL_IDS, MODEL_IDS, 0);
    names_on(c);
}

/* A field of the first type that the second one has too: its items have the value in a place of their own, which
 * follows from the first one's and it from that. */
static void link_field(struct change *c, struct m_field *f, const struct m_field *own)
{
    f->id = step_new_id(c);
    f->seeded |= own->seeded;
    step_rule(c, true, M_LINKED, m_fn_same, f->id, own->id, MODEL_IDS, 1);
    step_rule(c, false, M_LINKED, m_fn_same, own->id, f->id, MODEL_IDS, 1);
}

static void merged_keys(struct change *c, size_t key, size_t rank, const struct m_merged *merged)
{
    size_t own = c->n->key;
    c->n->key = key;
    step_rule(c, true, M_LINKED, m_fn_same, key, own, MODEL_IDS, 1);
    step_rule(c, false, M_LINKED, m_fn_same, own, key, MODEL_IDS, 1);
    struct m_rule *r = &c->n->rules[c->n->n_rules - 2];
    r[0].key = r[1].key = true;
    r[0].like = own;
    r[1].like = key;
    r[0].merged = merged;
    r[0].rank = rank;
    c->n->namers[c->n->n_namers++] = r[0];
    c->n->merged = merged;
}

/* The fields of both, for the items of the first type. */
static void merge_types(struct change *c)
{
    struct m_node *n = c->n;
    const struct m_node *o = &c->m->nodes[c->s->then];
    struct m_merged *merged = arena_alloc(c->m->a, sizeof *merged);
    struct m_field tag = {.name = c->s->c, .required = true, .tag = true};

    MUST(merged);
    *merged = (struct m_merged){{n->root, o->root}, {c->s->from[0], c->s->from[1]}};
    snprintf(n->type, sizeof n->type, "%s", c->s->b);
    n->line = c->m->n;
    n->tag = c->s->def;
    tag_rule(c, &tag);
    step_insert(c, 0, tag);
    for (size_t i = 0; i < o->n; i++)
        if (m_field_at(n, o->f[i].name) < 0)
            step_insert(c, n->n, o->f[i]); /* its place is the same in all items: each has its own value there */
    for (size_t i = 0; i < n->n; i++)
        n->f[i].old = n->f[i].unique = false;
    if (!n->n_values) {
        memcpy(n->values, o->values, sizeof n->values);
        n->n_values = o->n_values;
    }
    merged_keys(c, step_new_id(c), 0, merged);
}

/* The same for the items of the second type. */
static void merge_second(struct change *c)
{
    const struct m_node *first = &c->m->nodes[c->s->then], was = *c->n;
    struct m_node *n = c->n;

    memcpy(n->type, first->type, sizeof n->type);
    memcpy(n->f, first->f, sizeof n->f);
    memcpy(n->values, first->values, sizeof n->values);
    n->n = first->n;
    n->n_values = first->n_values;
    n->line = first->line;
    n->tag = c->s->def;
    for (size_t i = 0; i < n->n; i++) {
        int own = m_field_at(&was, n->f[i].name);
        bool both = own >= 0 && m_field_at(&c->m->nodes[first->from], n->f[i].name) >= 0;
        if (n->f[i].tag)
            tag_rule(c, &n->f[i]);
        else if (both)
            link_field(c, &n->f[i], &was.f[own]);
        else
            n->f[i].id = own >= 0 ? was.f[own].id : n->f[i].id;
    }
    merged_keys(c, first->key, 1, first->merged);
}

static void (*const appliers[M_ALL_KINDS])(struct change *c) = {
    [M_RENAME_TYPE] = rename_type,
    [M_ADD_TYPE] = add_type,
    [M_COPY_TYPE] = copy_type,
    [M_COPY_TYPE_OWN] = copy_type,
    [M_RENAME_FIELD] = rename_field,
    [M_REORDER] = reorder,
    [M_ADD] = add,
    [M_ADD_UP] = add,
    [M_REMOVE] = remove_field,
    [M_REMOVE_DOWN] = remove_down,
    [M_RESTORE] = restore,
    [M_DEFAULT] = change_default,
    [M_COMPUTE] = add,
    [M_REQUIRE] = require,
    [M_RELAX] = require,
    [M_RETYPE] = retype,
    [M_TO_INT] = to_int,
    [M_WIDEN] = widen,
    [M_WRAP] = wrap,
    [M_UNWRAP] = wrap,
    [M_MAP] = map,
    [M_SPLIT] = split,
    [M_MERGE] = merge,
    [M_NEST] = merge,
    [M_UNNEST] = unnest,
    [M_TRANSFORM] = transform,
    [M_TRANSFORM_UP] = transform,
    [M_ADD_VALUE] = add_value,
    [M_REMOVE_VALUE] = remove_value,
    [M_RENAME_VALUE] = rename_value,
    [M_ADD_UNIQUE] = change_unique,
    [M_REMOVE_UNIQUE] = change_unique,
    [M_ADD_CHECK] = add_check,
    [M_REMOVE_CHECK] = remove_check,
    [M_CHANGE_KEY] = change_key,
    [M_SPLIT_TYPE] = split_type,
    [M_PART] = part,
    [M_MERGE_TYPES] = merge_types,
    [M_MERGED] = merge_second,
    [M_ADD_REF] = add_ref,
    [M_EXTRACT] = step_extract,
    [M_INLINE] = step_inline,
    [M_MOVE] = step_move,
    [M_MOVED] = step_moved,
    [M_ADD_OBJECT] = add_type,
    [M_ADD_INSIDE] = add_ref,
};

void model_step(struct model *m, size_t from, const struct m_step *step)
{
    MUST(m->n + 1 < MODEL_NODES);
    struct m_node *n = &m->nodes[m->n];
    struct change c = {.m = m, .n = n, .s = step};

    *n = (struct m_node){.from = -1, .root = m->n, .line = m->n};
    if (step->kind == M_ADD_TYPE || step->kind == M_ADD_OBJECT) {
        n->object = step->kind == M_ADD_OBJECT;
        snprintf(n->type, sizeof n->type, "%s", step->b);
    } else {
        *n = m->nodes[from];
        n->from = (int)from;
        n->n_rules = 0;
        n->n_namers = 0;
        n->also = 0;
        n->link = (struct m_link){0};
    }
    n->step = *step;
    int a = m_field_at(n, step->a), b = m_field_at(n, step->b);
    if (a >= 0)
        c.a = n->f[c.at = (size_t)a];
    if (b >= 0)
        c.b = n->f[b];
    appliers[step->kind](&c);
    m->n++;
    if (step->kind == M_EXTRACT)
        step_add_record_type(m, n);
}
