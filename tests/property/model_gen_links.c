/* What model_gen.c draws of references between items. */
#include <stdlib.h>
#include <string.h>

#include "model_case.h"

const char *m_gen_key(struct m_case *c)
{
    return m_format(c, "?%u", rnd_below(&c->r, 1000));
}

const char *m_key_now(struct m_case *c, struct model *m, size_t node, const char *key, const char *else_key)
{
    size_t n = 0, at;
    if (key[0] != '?')
        return key;
    for (size_t i = 0; i < m->n_items; i++)
        n += model_shows(m, node, &m->items[i]);
    at = n ? strtoul(key + 1, NULL, 10) % n : 0;
    for (size_t i = 0; i < m->n_items; i++)
        if (model_shows(m, node, &m->items[i]) && at-- == 0) {
            const char *is = m->items[i].v[m->nodes[node].key];
            return m_format(c, "%.*s", (int)strlen(is) - 2, is + 1);
        }
    return else_key;
}

const char *m_gen_ref(struct m_case *c)
{
    unsigned n = rnd_below(&c->r, 100);
    return n < 6 ? "null" : n < 9 ? "\"k9\"" : m_gen_key(c);
}

bool m_shows_line(const struct m_case *c, size_t version, size_t line)
{
    const struct m_shows *sh = &c->shows[version];
    for (size_t i = 0; i < sh->n; i++)
        if (c->shape.nodes[sh->node[i]].line == line ||
            (c->shape.nodes[sh->node[i]].part && c->shape.nodes[sh->node[i]].whole == line))
            return true;
    return false;
}

bool m_type_is_used(const struct m_case *c, size_t version, size_t node)
{
    const struct m_shows *sh = &c->shows[version];
    const struct m_node *t = &c->shape.nodes[node];
    for (size_t i = 0; i < sh->n; i++) {
        const struct m_node *n = &c->shape.nodes[sh->node[i]];
        for (size_t k = 0; k < n->n; k++)
            if (n->f[k].type == M_REF && (n->f[k].refers == t->line || (t->part && n->f[k].refers == t->whole)))
                return true;
    }
    return false;
}

/* ---- Fields that may stand in another item ---- */

/* It does already, or is computed from one that does. */
static bool is_elsewhere(const struct model *m, size_t root, size_t id)
{
    bool is = false;
    for (size_t to = 0; to < m->n && !is; to++) {
        const struct m_node *n = &m->nodes[to];
        for (size_t i = 0; n->root == root && i < n->link.n; i++)
            is |= n->link.here[i] == id;
        for (size_t i = 0; n->root == root && !n->link.moved && i < n->n_rules; i++)
            for (size_t k = 0; n->rules[i].forward && n->rules[i].out == id && k < n->rules[i].n_in; k++)
                is |= is_elsewhere(m, root, n->rules[i].in[k]);
    }
    return is;
}

/* Another type of the version shows it, too. */
static bool is_shared(const struct m_case *c, size_t version, size_t node, size_t id)
{
    const struct m_shows *sh = &c->shows[version];
    bool is = false;
    for (size_t i = 0; i < sh->n; i++)
        is |= sh->node[i] != node && m_has_id(&c->shape.nodes[sh->node[i]], id);
    return is;
}

/* What says one thing with a field: by steps that link their sides, and over references. */
struct side {
    size_t id, via; /* the step's node: it does not lead on to other fields of the side that it was come from */
    bool over;
};
struct sides {
    struct side at[4 * MODEL_IDS];
    size_t n;
};

static void add_side(struct sides *s, struct side new)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].id == new.id && s->at[i].over == new.over &&
            (s->at[i].via == MODEL_NODES || s->at[i].via == new.via))
            return;
    MUST(s->n < 4 * MODEL_IDS);
    s->at[s->n++] = new;
}

static void find_sides(const struct model *m, size_t root, size_t id, struct sides *s)
{
    s->n = 0;
    add_side(s, (struct side){id, MODEL_NODES, false});
    for (size_t done = 0; done < s->n; done++)
        for (size_t to = 0; to < m->n; to++) {
            const struct m_node *n = &m->nodes[to];
            struct side from = s->at[done];
            for (size_t i = 0; n->root == root && to != from.via && !n->link.moved && i < n->n_rules; i++) {
                const struct m_rule *r = &n->rules[i];
                for (size_t k = 0; r->mode == M_LINKED && k < r->n_in; k++)
                    if (r->in[k] == from.id || r->out == from.id)
                        add_side(s, (struct side){r->in[k] == from.id ? r->out : r->in[k], to, from.over || r->over});
            }
        }
}

/* What follows from a field in the same item, by steps of any kind. */
static void find_followers(const struct model *m, size_t root, size_t id, struct sides *s)
{
    s->n = 0;
    add_side(s, (struct side){id, MODEL_NODES, false});
    for (size_t done = 0; done < s->n; done++)
        for (size_t to = 0; to < m->n; to++) {
            const struct m_node *n = &m->nodes[to];
            for (size_t i = 0; n->root == root && to != s->at[done].via && i < n->n_rules; i++)
                for (size_t k = 0; !n->rules[i].over && k < n->rules[i].n_in; k++)
                    if (n->rules[i].in[k] == s->at[done].id)
                        add_side(s, (struct side){n->rules[i].out, to, false});
        }
}

static bool is_here(const struct m_link *l, size_t id)
{
    bool is = false;
    for (size_t i = 0; i < l->n; i++)
        is |= l->here[i] == id;
    return is;
}

bool m_stand_apart(const struct model *m)
{
    struct sides s;
    bool apart = true;
    for (size_t to = 0; to < m->n; to++)
        for (size_t i = 0; i < m->nodes[to].link.n && apart; i++) {
            find_followers(m, m->nodes[to].root, m->nodes[to].link.here[i], &s);
            for (size_t o = 0; o < m->n; o++)
                for (size_t k = 0; o != to && m->nodes[o].root == m->nodes[to].root && k < s.n; k++)
                    apart &= !is_here(&m->nodes[o].link, s.at[k].id);
        }
    return apart;
}

/* A type can't show both sides of a field that stands in another item: over, of one that is about to. */
static bool shows_other_side(const struct model *m, const struct m_node *n, const struct m_field *f, bool over)
{
    struct sides s;
    bool shows = false;
    find_sides(m, n->root, f->id, &s);
    for (size_t i = 0; i < s.n; i++)
        shows |= s.at[i].id != f->id && (over || s.at[i].over) && m_has_id(n, s.at[i].id);
    return shows;
}

/* In another branch, too, it stands in other items: the two branches do not see what the other writes there. */
static bool is_linked_elsewhere(const struct model *m, const struct m_node *n, const struct m_field *f)
{
    struct sides s;
    bool is = false;
    find_sides(m, n->root, f->id, &s);
    for (size_t i = 0; i < s.n; i++)
        is |= is_elsewhere(m, n->root, s.at[i].id);
    return is;
}

/* Keys that are computed from what stands in other items are not modelled. */
static bool has_step(const struct m_case *c, size_t node, enum m_kind kind)
{
    bool has = false;
    for (size_t i = 0; i < c->shape.n; i++)
        has |= c->shape.nodes[i].root == c->shape.nodes[node].root && c->shape.nodes[i].from >= 0 &&
               c->shape.nodes[i].step.kind == kind;
    return has;
}

/* Other items show fields of its items. */
static bool is_inlined(const struct model *m, size_t node)
{
    bool is = false;
    for (size_t i = 0; i < m->n; i++)
        is |= m->nodes[i].link.inlined && m->nodes[i].link.root == m->nodes[node].root;
    return is;
}

static bool moves_whole(const struct m_case *c, size_t node)
{
    return has_step(c, node, M_CHANGE_KEY) || has_step(c, node, M_SPLIT_TYPE) || has_step(c, node, M_MERGE_TYPES) ||
           has_step(c, node, M_MERGED);
}

/* Its items, or some of what they show, stand in other items. */
static bool stands_elsewhere(const struct m_case *c, size_t node)
{
    return has_step(c, node, M_EXTRACT) || has_step(c, node, M_INLINE) || has_step(c, node, M_MOVE) ||
           has_step(c, node, M_MOVED) || is_inlined(&c->shape, node) ||
           c->shape.nodes[c->shape.nodes[node].root].step.kind == M_EXTRACT;
}

static bool may_be_extracted(const struct m_case *c, size_t version, size_t node, const struct m_field *f)
{
    bool free = !f->read_only && !f->def && !f->required && !f->checked && !f->unique;
    return free && f->type != M_LIST && f->type != M_OBJECT && f->type != M_REF && f->type != M_INSIDE &&
           !is_shared(c, version, node, f->id) &&
           !shows_other_side(&c->shape, &c->shape.nodes[node], f, true) &&
           !is_linked_elsewhere(&c->shape, &c->shape.nodes[node], f);
}

static bool choose_extracted(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct m_node *n = &c->shape.nodes[node];
    const struct m_field *b = &n->f[rnd_below(&c->r, n->n)];
    bool both = rnd_chance(&c->r, 35) && strcmp(b->name, s->a) != 0 && !b->seeded &&
                !n->f[m_field_at(n, s->a)].seeded && may_be_extracted(c, version, node, b);

    s->n = both ? 2 : 1;
    s->b = both ? b->name : "";
    s->into = m_format(c, "X%zu", c->shape.n);
    for (size_t i = 0; i < s->n; i++)
        s->to[i] = m_format(c, "x%zu_%zu", c->shape.n, i);
    return c->shows[version].n < MODEL_SHOWN && !moves_whole(c, node) &&
           may_be_extracted(c, version, node, &n->f[m_field_at(n, s->a)]);
}

/* ---- Types that are inlined ---- */

bool m_is_inlined_field(const struct m_case *c, size_t id)
{
    bool is = false;
    for (size_t i = 0; i < c->shape.n; i++)
        for (size_t k = 0; c->shape.nodes[i].link.inlined && k < c->shape.nodes[i].link.n; k++)
            is |= c->shape.nodes[i].link.here[k] == id;
    return is;
}

static size_t uses_of(const struct m_case *c, size_t version, size_t line)
{
    const struct m_shows *sh = &c->shows[version];
    size_t uses = 0;
    for (size_t i = 0; i < sh->n; i++)
        for (size_t k = 0; k < c->shape.nodes[sh->node[i]].n; k++) {
            const struct m_field *f = &c->shape.nodes[sh->node[i]].f[k];
            uses += f->type == M_REF && f->refers == line;
        }
    return uses;
}

/* Items of the one have fields that stand in items of the other, perhaps over third ones. */
static bool leads_to(const struct model *m, size_t from, size_t to, unsigned depth)
{
    bool leads = from == to || depth > 8;
    for (size_t i = 0; i < m->n && !leads; i++)
        leads = m->nodes[i].link.is && m->nodes[i].root == from && leads_to(m, m->nodes[i].link.root, to, depth + 1);
    return leads;
}

static bool has_required(const struct m_node *n)
{
    bool has = false;
    for (size_t i = 0; i < n->n; i++)
        has |= n->f[i].required;
    return has;
}

static bool may_be_inlined(const struct m_field *f)
{
    return (f->type == M_TEXT || f->type == M_INT || f->type == M_ENUM) && !f->read_only && !f->def && !f->required &&
           !f->checked && !f->unique && !f->seeded;
}

/* A writer of fields that are sides of each other there would say two things of one value. */
static bool says_twice(const struct model *m, const struct m_node *there, const struct m_step *s)
{
    struct sides sides;
    bool twice = false;
    for (size_t i = 0; i < s->n; i++) {
        find_sides(m, there->root, there->f[m_field_at(there, s->from[i])].id, &sides);
        for (size_t k = 0; k < s->n * sides.n; k++)
            twice |= k / sides.n != i && sides.at[k % sides.n].id == there->f[m_field_at(there, s->from[k / sides.n])].id;
    }
    return twice;
}

static bool choose_inlined(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct model *m = &c->shape;
    const struct m_node *n = &m->nodes[node];
    const struct m_field *ref = &n->f[m_field_at(n, s->a)];
    s->then = m_node_of_line(m, &c->shows[version], ref->refers);
    const struct m_node *there = &m->nodes[s->then];
    size_t at = rnd_below(&c->r, there->n), wanted = 1 + rnd_below(&c->r, 2);

    s->n = 0;
    for (size_t i = 0; i < there->n && s->n < wanted; i++) {
        const struct m_field *f = &there->f[(at + i) % there->n];
        if (!may_be_inlined(f))
            continue;
        s->from[s->n] = f->name;
        s->to[s->n] = m_format(c, "i%zu_%zu", m->n, s->n);
        s->n++;
    }
    return s->n && !says_twice(m, there, s) && !is_inlined(m, s->then) && uses_of(c, version, ref->refers) == 1 &&
           !leads_to(m, there->root, n->root, 0) &&
           !has_required(there) && !shows_other_side(m, n, ref, true) && !moves_whole(c, node) &&
           !moves_whole(c, s->then);
}

/* ---- Fields that move ---- */

static size_t moves(const struct model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->nodes[i].link.moved != 0;
    return n;
}

bool m_is_moved_field(const struct m_case *c, size_t id)
{
    bool is = false;
    for (size_t i = 0; i < c->shape.n; i++)
        is |= c->shape.nodes[i].link.moved && c->shape.nodes[i].link.here[0] == id;
    return is;
}

/* With a `down`, in another branch: that goes on giving it to items which stand alone. */
static bool is_removed_elsewhere(const struct model *m, size_t id)
{
    bool is = false;
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k < m->nodes[i].n_rules; k++)
            is |= m->nodes[i].rules[k].mode == M_SEEDED && !m->nodes[i].rules[k].forward && m->nodes[i].rules[k].out == id;
    return is;
}

static bool may_be_moved(const struct m_case *c, size_t version, size_t node, const struct m_field *f)
{
    return may_be_inlined(f) && !is_shared(c, version, node, f->id) && !is_removed_elsewhere(&c->shape, f->id) &&
           !shows_other_side(&c->shape, &c->shape.nodes[node], f, true) &&
           !is_linked_elsewhere(&c->shape, &c->shape.nodes[node], f);
}

static bool choose_moved(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct model *m = &c->shape;
    const struct m_node *n = &m->nodes[node];
    const struct m_field *ref = &n->f[m_field_at(n, s->a)];
    size_t at = rnd_below(&c->r, n->n);
    s->then = m_node_of_line(m, &c->shows[version], ref->refers);
    const struct m_node *there = &m->nodes[s->then];

    s->to[0] = m_format(c, "v%zu", m->n);
    s->b = NULL;
    for (size_t i = 0; i < n->n && !s->b; i++)
        if (may_be_moved(c, version, node, &n->f[(at + i) % n->n]))
            s->b = n->f[(at + i) % n->n].name;
    return s->b && there->n + 2 < MODEL_FIELDS && moves(m) < MODEL_MOVES && !leads_to(m, there->root, n->root, 0) &&
           !moves_whole(c, node) && !moves_whole(c, s->then);
}

void m_gen_root_owner(struct m_case *c)
{
    static const char *const refs[] = {[M_RESTRICTS] = "ref<Own>",
                                       [M_UNSETS] = "{type: ref<Own>, on_delete: unset}",
                                       [M_CASCADES] = "{type: ref<Own>, on_delete: cascade}"};
    struct case_version *v = &c->k.v[0];
    struct block *own = &v->blocks[v->n_blocks++], *dog = &v->blocks[0];
    struct m_node *n = &c->shape.nodes[c->shape.n], *holder = &c->shape.nodes[0];
    struct m_field f = {.name = "owner", .type = M_REF, .id = c->shape.n_ids++, .refers = c->shape.n, .old = true,
                        .on_delete = rnd_below(&c->r, 3)};

    *n = (struct m_node){.from = -1, .root = c->shape.n, .line = c->shape.n, .key = c->shape.n_ids++, .n = 1};
    snprintf(n->type, sizeof n->type, "Own");
    n->f[0] = (struct m_field){.name = "email", .id = c->shape.n_ids++, .old = true};
    *own = (struct block){.kind = SHAPE_ITEM, .name = "Own"};
    own->fields.m = arena_alloc(&c->a, sizeof(struct member));
    own->fields.m[own->fields.n++] = (struct member){.name = "email", .json = "string"};
    holder->f[holder->n++] = f;
    dog->fields.m[dog->fields.n++] = (struct member){.name = f.name, .json = refs[f.on_delete]};
    c->shows[0] = (struct m_shows){{0, c->shape.n}, 2, 0, 2};
    c->shape.n++;
}

bool m_choose_link(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct m_shows *sh = &c->shows[version];
    if (s->kind == M_ADD_REF) {
        s->then = sh->node[rnd_below(&c->r, sh->n)];
        s->on_delete = c->shape.n_ids % 2 ? M_UNSETS : c->shape.n_ids % 4 ? M_CASCADES : M_RESTRICTS;
        return !c->shape.nodes[s->then].object && (c->shape.nodes[s->then].root != c->shape.nodes[node].root || rnd_chance(&c->r, 25));
    }
    if (s->kind == M_CHANGE_KEY || s->kind == M_SPLIT_TYPE)
        return !stands_elsewhere(c, node);
    if (s->kind == M_RESTORE) {
        const struct m_node *then = &c->shape.nodes[s->then];
        return !shows_other_side(&c->shape, &c->shape.nodes[node], &then->f[m_field_at(then, s->a)], false);
    }
    if (s->kind == M_MOVE)
        return choose_moved(c, version, node, s);
    if (s->kind == M_INLINE)
        return choose_inlined(c, version, node, s);
    return s->kind != M_EXTRACT || choose_extracted(c, version, node, s);
}

/* Branches that merge the same types: docs/decisions/07-open-laws.md. */
static bool is_merged_elsewhere(const struct model *m, size_t root)
{
    bool is = false;
    for (size_t i = 0; i < m->n; i++)
        is |= m->nodes[i].root == root && m->nodes[i].tag;
    return is;
}

/* Nothing stands in the way of its items standing beside another type's. */
static bool can_be_merged(const struct m_case *c, size_t version, size_t node)
{
    const struct m_node *n = &c->shape.nodes[node];
    bool can = !n->part && !n->also && n->key == c->shape.nodes[n->root].key && !m_type_is_used(c, version, node) &&
               !is_merged_elsewhere(&c->shape, n->root);
    can &= !stands_elsewhere(c, node);
    for (size_t i = 0; i < n->n; i++)
        can &= !n->f[i].required && !n->f[i].checked && !n->f[i].read_only;
    return can && !n->object;
}

static bool are_alike(const struct m_node *a, const struct m_node *b)
{
    size_t n = a->n;
    for (size_t i = 0; i < b->n; i++) {
        int at = m_field_at(a, b->f[i].name);
        const struct m_field *f = at >= 0 ? &a->f[at] : NULL, *g = &b->f[i];
        n += !f;
        if (f && (f->type != g->type || f->type == M_OBJECT || f->type == M_INSIDE || (f->type == M_REF && f->refers != g->refers)))
            return false;
        if (f && (f->def ? !g->def || strcmp(f->def, g->def) != 0 : g->def != NULL))
            return false;
    }
    return n + 4 < MODEL_FIELDS;
}

bool m_choose_merged(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct m_shows *sh = &c->shows[version];
    const struct m_node *n = &c->shape.nodes[node];
    size_t at = rnd_below(&c->r, sh->n);
    s->b = m_format(c, "M%zu", c->shape.n);
    s->from[0] = m_format(c, "%s", n->type);
    s->def = m_part_text(&c->a, s->from[0]);
    for (size_t i = 0; i < sh->n && can_be_merged(c, version, node); i++) {
        const struct m_node *o = &c->shape.nodes[s->then = sh->node[(at + i) % sh->n]];
        s->from[1] = m_format(c, "%s", o->type);
        if (o->root != n->root && can_be_merged(c, version, s->then) && are_alike(n, o))
            return true;
    }
    return false;
}
