/* Random chains of the steps that the model knows. */
#include <string.h>

#include "model_inside.h"

/* ---- Fields that suit a step ---- */

typedef bool field_test(const struct m_field *f);
static bool is_free(const struct m_field *f) /* nothing stands in the way of taking it */
{
    return !f->read_only && !f->def && !f->required && !f->checked && !f->unique;
}
static bool is_plain(const struct m_field *f)
{
    return f->type == M_TEXT && is_free(f);
}
static bool is_one(const struct m_field *f)
{
    return is_plain(f) || (f->type == M_INSIDE && !f->many && is_free(f));
}
static bool is_list(const struct m_field *f)
{
    return (f->type == M_LIST || (f->type == M_INSIDE && f->many == M_LIST_OF)) && is_free(f);
}
static bool is_object(const struct m_field *f)
{
    return (f->type == M_OBJECT || (f->type == M_INSIDE && !f->many)) && is_free(f);
}
static bool is_enum(const struct m_field *f)
{
    return f->type == M_ENUM;
}
static bool is_narrow(const struct m_field *f)
{
    return (f->type == M_INT || f->type == M_ENUM) && is_free(f);
}
static bool is_text(const struct m_field *f) /* to SQL */
{
    return f->type == M_TEXT || f->type == M_ENUM;
}
static bool is_read(const struct m_field *f) /* as a text, or as a member of an object */
{
    return is_text(f) || (f->type == M_INSIDE && !f->many);
}
static bool is_written_text(const struct m_field *f) /* and computed from no other field */
{
    return is_text(f) && !f->read_only;
}
static bool is_own(const struct m_field *f)
{
    return is_plain(f) && !f->seeded && f->old;
}
static bool has_default(const struct m_field *f)
{
    return f->def && !f->read_only;
}
static bool is_required(const struct m_field *f)
{
    return f->required && !f->tag;
}
static bool is_checked(const struct m_field *f)
{
    return f->checked;
}
static bool is_unique(const struct m_field *f)
{
    return f->unique;
}
static bool is_removable(const struct m_field *f)
{
    return !f->required && !f->checked;
}
static bool is_ref(const struct m_field *f)
{
    return f->type == M_REF && is_free(f);
}
static bool is_any(const struct m_field *f)
{
    return f != NULL;
}

static const char *some_field(struct m_case *c, const struct m_node *n, field_test *test,
                              const char *but)
{
    size_t at = rnd_below(&c->r, n->n);
    for (size_t i = 0; i < n->n; i++) {
        const struct m_field *f = &n->f[(at + i) % n->n];
        if (test(f) && (!but || strcmp(f->name, but) != 0))
            return f->name;
    }
    return NULL;
}

static const char *new_name(struct m_case *c)
{
    return m_format(c, "f%zu", ++c->n_names);
}

/* ---- The kinds ---- */

/* What each kind wants: a from `of`, b from `with`, new names for the rest. */
static const struct {
    const char *name;
    field_test *of, *with;
    bool new_a, new_b, new_c;
    unsigned weight;
} wants[M_KINDS] = {
    [M_RENAME_TYPE] = {"rename_type", .weight = 1},
    [M_ADD_TYPE] = {"add_type", .weight = 3},
    [M_REMOVE_TYPE] = {"remove_type", .weight = 1},
    [M_COPY_TYPE] = {"copy_type", .weight = 2},
    [M_COPY_TYPE_OWN] = {"copy_type", .of = is_text, .new_c = true, .weight = 1},
    [M_RENAME_FIELD] = {"rename_field", .of = is_any, .new_b = true, .weight = 3},
    [M_REORDER] = {"reorder_fields", .of = is_any, .weight = 1},
    [M_ADD] = {"add_field", .new_a = true, .weight = 4},
    [M_ADD_UP] = {"add_field", .with = is_read, .new_a = true, .weight = 5},
    [M_REMOVE] = {"remove_field", .of = is_removable, .weight = 4},
    [M_REMOVE_DOWN] = {"remove_field", .of = is_own, .with = is_text, .weight = 4},
    [M_RESTORE] = {"restore_field", .weight = 5},
    [M_DEFAULT] = {"change_default", .of = has_default, .weight = 1},
    [M_COMPUTE] = {"compute_field", .with = is_read, .new_a = true, .weight = 3},
    [M_REQUIRE] = {"require_field", .of = is_plain, .with = is_text, .weight = 3},
    [M_RELAX] = {"relax_field", .of = is_required, .with = is_written_text, .weight = 5},
    [M_RETYPE] = {"change_type", .of = is_plain, .weight = 3},
    [M_TO_INT] = {"change_type", .of = is_plain, .weight = 3},
    [M_WIDEN] = {"change_type", .of = is_narrow, .weight = 3},
    [M_WRAP] = {"wrap_list", .of = is_one, .weight = 3},
    [M_UNWRAP] = {"unwrap_list", .of = is_list, .weight = 4},
    [M_MAP] = {"map_values", .of = is_plain, .weight = 4},
    [M_SPLIT] = {"split_field", .of = is_plain, .new_b = true, .new_c = true, .weight = 3},
    [M_MERGE] = {"merge_fields", .of = is_plain, .with = is_plain, .new_c = true, .weight = 3},
    [M_NEST] = {"nest_fields", .of = is_plain, .with = is_plain, .new_c = true, .weight = 3},
    [M_UNNEST] = {"unnest_fields", .of = is_object, .new_b = true, .new_c = true, .weight = 5},
    [M_TRANSFORM] = {"transform", .of = is_plain, .new_b = true, .weight = 2},
    [M_TRANSFORM_UP] = {"transform", .of = is_plain, .new_b = true, .weight = 2},
    [M_ADD_VALUE] = {"add_value", .of = is_enum, .weight = 3},
    [M_REMOVE_VALUE] = {"remove_value", .of = is_enum, .weight = 3},
    [M_RENAME_VALUE] = {"rename_value", .of = is_enum, .weight = 2},
    [M_ADD_UNIQUE] = {"add_unique", .of = is_plain, .weight = 1},
    [M_REMOVE_UNIQUE] = {"remove_unique", .of = is_unique, .weight = 3},
    [M_ADD_CHECK] = {"add_check", .of = is_plain, .weight = 3},
    [M_REMOVE_CHECK] = {"remove_check", .of = is_checked, .weight = 3},
    [M_CHANGE_KEY] = {"change_key", .of = is_text, .with = is_text, .weight = 4},
    [M_SPLIT_TYPE] = {"split_type", .of = is_text, .with = is_text, .weight = 5},
    [M_MERGE_TYPES] = {"merge_types", .new_c = true, .weight = 6},
    [M_ADD_REF] = {"add_field", .new_a = true, .weight = 7},
    [M_EXTRACT] = {"extract_type", .of = is_any, .new_c = true, .weight = 6},
    [M_INLINE] = {"inline_type", .of = is_ref, .weight = 25},
    [M_MOVE] = {"move_field", .of = is_ref, .with = is_any, .weight = 50},
    [M_ADD_OBJECT] = {"add_type", .weight = 2},
    [M_ADD_INSIDE] = {"add_field", .new_a = true, .weight = 6},
};

const char *m_kind_name(enum m_kind kind)
{
    return wants[kind].name;
}

static const char *const defaults[] = {NULL, "\"none\"", "\"pending\""};

/* An older version, in which the type is this one and has a field that was removed since. */
static bool choose_restored(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct model *m = &c->shape;
    for (int v = c->k.v[version].from; v >= 0; v = c->k.v[v].from)
        for (size_t i = 0; i < c->shows[v].n; i++) {
            size_t then = c->shows[v].node[i], at = node;
            const struct m_node *o = &m->nodes[then];
            const struct m_field *f = &o->f[rnd_below(&c->r, o->n)];
            bool taken =
                m_field_at(&m->nodes[node], f->name) >= 0 || m_has_id(&m->nodes[node], f->id);
            if (!m_descends(m, node, then) || taken || f->type == M_ENUM || f->read_only ||
                f->required || f->checked || (f->type == M_REF && !m_shows_line(c, version, f->refers)))
                continue;
            /* the step that took it away only hid it, and none made a copy of the type since */
            bool hidden = true;
            for (; at != then; at = (size_t)m->nodes[at].from) {
                const struct m_node *n = &m->nodes[at];
                hidden &= n->step.kind != M_COPY_TYPE && n->step.kind != M_COPY_TYPE_OWN && n->step.kind != M_PART;
                if (m_has_id(&m->nodes[n->from], f->id) && !m_has_id(n, f->id))
                    hidden &= n->step.kind == M_REMOVE || n->step.kind == M_REMOVE_DOWN;
            }
            s->a = f->name;
            s->then = then;
            s->c = c->k.v[v].name;
            if (hidden)
                return true;
        }
    return false;
}

/* Two branches of a type that both remove fields with a `down` are not modelled: whose it is then.
 */
static bool removed_elsewhere(const struct m_case *c, size_t node)
{
    const struct model *m = &c->shape;
    for (size_t i = 0; i < m->n; i++)
        if (m->nodes[i].root == m->nodes[node].root && m->nodes[i].step.kind == M_REMOVE_DOWN &&
            !m_descends(m, node, i))
            return true;
    return false;
}

/* A step whose `down` reads what follows from the field that it gives is refused: over computed fields, or
 * what other steps give on the way back. */
static bool goes_round(const struct m_case *c, const struct m_node *n, const struct m_step *s)
{
    const struct model *m = &c->shape;
    bool given[MODEL_IDS] = {0}, more = true;

    given[n->f[m_field_at(n, s->a)].id] = true;
    while (more) {
        more = false;
        for (size_t to = 0; to < m->n; to++)
            for (size_t i = 0; m->nodes[to].root == n->root && i < m->nodes[to].n_rules; i++) {
                const struct m_rule *r = &m->nodes[to].rules[i];
                bool follows = (r->mode == M_COMPUTED || !r->forward) && !given[r->out];
                for (size_t k = 0; follows && k < r->n_in; k++)
                    more |= given[r->out] |= given[r->in[k]];
            }
    }
    return given[n->f[m_field_at(n, s->b)].id];
}

static void choose_map(struct m_case *c, struct m_step *s)
{
    static const char *const froms[] = {"a", "pending", "done"}, *const tos[] = {"x", "y", "done"};
    for (s->n = 0; s->n < 3; s->n++) {
        s->from[s->n] = froms[s->n];
        s->to[s->n] = tos[(s->n + (rnd_below(&c->r, 2) ? 1 : 0)) % 3];
    }
}

/* from: the value that comes or goes, to: what stands for it. */
static bool choose_values(struct m_case *c, const struct m_node *n, struct m_step *s)
{
    size_t at = rnd_below(&c->r, n->n_values);
    const char *fresh = m_format(c, "e%zu", c->shape.n);
    bool add = s->kind == M_ADD_VALUE;
    s->n = 1;
    s->from[0] = add ? fresh : n->values[at];
    s->to[0] = s->kind == M_RENAME_VALUE ? fresh : n->values[(at + 1) % n->n_values];
    return add ? n->n_values < MODEL_VALUES : s->kind == M_RENAME_VALUE || n->n_values > 2;
}

static bool enum_is_shared(const struct m_case *c, size_t version)
{
    const struct m_shows *sh = &c->shows[version];
    size_t n = 0;
    for (size_t i = 0; i < sh->n; i++)
        for (size_t k = 0; k < c->shape.nodes[sh->node[i]].n; k++)
            n += c->shape.nodes[sh->node[i]].f[k].type == M_ENUM;
    return n != 1;
}

/* A key that no version shows is nobody's name (docs/decisions/07-open-laws.md). */
static bool is_new_key(const struct m_case *c, size_t version, size_t key)
{
    bool is = false;
    for (size_t i = c->shows[version].first; i < c->shows[version].end; i++)
        is |= c->shape.nodes[i].key == key && c->shape.nodes[i].step.kind == M_CHANGE_KEY;
    return is;
}

/* then: where `else` stands. */
static bool choose_parts(struct m_case *c, const struct m_shows *sh, struct m_step *s)
{
    s->expr = rnd_below(&c->r, n_m_conditions);
    s->expr2 = rnd_below(&c->r, n_m_conditions);
    s->n = 2 + rnd_below(&c->r, 2);
    s->then = rnd_below(&c->r, s->n);
    for (size_t i = 0; i < s->n; i++)
        s->from[i] = m_format(c, "P%zu%c", c->shape.n, "abc"[i]);
    return sh->n + s->n - 1 <= MODEL_SHOWN;
}

static bool has_other_types(const struct m_case *c, const struct m_shows *sh, size_t node)
{
    bool has = false;
    for (size_t i = 0; i < sh->n; i++)
        has |= sh->node[i] != node && !c->shape.nodes[sh->node[i]].object;
    return has;
}

static bool choose_rest(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct m_node *n = &c->shape.nodes[node];
    const struct m_shows *sh = &c->shows[version];

    switch (s->kind) {
    case M_RENAME_TYPE:
    case M_ADD_TYPE:
    case M_ADD_OBJECT:
        s->b = m_format(c, "T%zu", c->shape.n);
        return sh->n < MODEL_SHOWN;
    case M_COPY_TYPE:
    case M_COPY_TYPE_OWN:
        s->b = m_format(c, "C%zu", c->shape.n);
        return sh->n < MODEL_SHOWN;
    case M_ADD_INSIDE:
        return m_choose_inside(c, version, node, s);
    case M_REMOVE_TYPE:
        return has_other_types(c, sh, node) && !m_type_is_used(c, version, node);
    case M_RESTORE:
        return !n->also && choose_restored(c, version, node, s) && m_choose_link(c, version, node, s);
    case M_REMOVE_DOWN:
        return !removed_elsewhere(c, node) && !m_is_moved_field(c, n->f[m_field_at(n, s->a)].id);
    case M_RELAX:
        return !goes_round(c, n, s) && (!n->also || !goes_round(c, &c->shape.nodes[n->also], s));
    case M_SPLIT_TYPE:
        return !n->part && !n->also && m_choose_link(c, version, node, s) && choose_parts(c, sh, s);
    case M_MERGE_TYPES:
        return m_choose_merged(c, version, node, s);
    case M_ADD_UNIQUE:
        return !n->also;
    case M_MAP:
        choose_map(c, s);
        return true;
    case M_CHANGE_KEY:
        if (n->part || n->also || is_new_key(c, version, n->key))
            return false;
        s->expr = rnd_below(&c->r, n_m_key_exprs);
        s->expr2 = rnd_below(&c->r, n_m_key_exprs);
        return m_choose_link(c, version, node, s);
    case M_NEST:
        s->from[0] = s->a;
        s->from[1] = s->b;
        return true;
    case M_COMPUTE:
    case M_ADD_UP:
    case M_UNNEST:
        return m_choose_members(c, version, node, s);
    case M_WIDEN:
        memcpy(s->from, n->values, sizeof s->from);
        s->n = n->n_values;
        return !m_is_inlined_field(c, n->f[m_field_at(n, s->a)].id); /* docs/decisions/07-open-laws.md */
    case M_ADD_VALUE:
    case M_REMOVE_VALUE:
    case M_RENAME_VALUE:
        return !enum_is_shared(c, version) && choose_values(c, n, s);
    default:
        return m_choose_link(c, version, node, s);
    }
}

/* Types are split or merged in some cases, and their fields stand in other items in the others. */
static unsigned weight_of(const struct m_case *c, const struct m_node *n, size_t kind)
{
    bool whole = kind == M_SPLIT_TYPE || kind == M_MERGE_TYPES, over = kind == M_EXTRACT || kind == M_INLINE, move = kind == M_MOVE;
    bool inside = kind == M_ADD_OBJECT || kind == M_ADD_INSIDE;
    bool not = (c->whole ? over : whole) || (move ? !c->moves : over && c->moves) || (inside && !c->inside) || (n->object && !m_fits_objects((enum m_kind)kind));
    return not ? 0 : wants[kind].weight;
}

static bool make_step(struct m_case *c, size_t version, size_t node, struct m_step *s)
{
    const struct m_node *n = &c->shape.nodes[node];
    unsigned total = 0, at, kind = 0;
    for (size_t i = 0; i < M_KINDS; i++)
        total += weight_of(c, n, i);
    for (at = rnd_below(&c->r, total); at >= weight_of(c, n, kind); kind++)
        at -= weight_of(c, n, kind);
    if (c->merges && !n->object && rnd_chance(&c->r, 35))
        kind = c->shows[version].n > 1 ? M_MERGE_TYPES : M_ADD_TYPE;
    *s = (struct m_step){.kind = (enum m_kind)kind,
                         .expr = rnd_below(&c->r, n_m_exprs),
                         .expr2 = rnd_below(&c->r, n_m_exprs)};
    s->def = defaults[(s->kind == M_DEFAULT) + rnd_below(&c->r, s->kind == M_DEFAULT ? 2 : 3)];
    s->a = wants[kind].new_a ? new_name(c)
           : wants[kind].of  ? some_field(c, n, wants[kind].of, NULL)
                             : "";
    s->b = wants[kind].new_b  ? new_name(c)
           : wants[kind].with ? some_field(c, n, wants[kind].with, s->a)
                              : "";
    s->c = wants[kind].new_c ? new_name(c) : "";
    return s->a && s->b && n->n + 2 < MODEL_FIELDS && (n->n > 1 || s->kind == M_ADD) &&
           choose_rest(c, version, node, s);
}

/* ---- Versions ---- */

static void make_root(struct m_case *c)
{
    static const char *const names[] = {"name", "state", "note", "kind"};
    static const char *const values[] = {"small", "medium", "large"};
    static const char *const types[] = {
        [M_TEXT] = "string", [M_INT] = "integer", [M_ENUM] = "E", [M_LIST] = "list<string>"};
    struct case_version *v = &c->k.v[0];
    struct m_node *n = &c->shape.nodes[0];

    c->shape.a = &c->a;
    n->key = c->shape.n_ids++;
    snprintf(n->type, sizeof n->type, "Dog");
    n->from = -1;
    memcpy(n->values, values, sizeof values);
    n->n_values = 3;
    v->blocks = arena_alloc(&c->a, 3 * sizeof *v->blocks);
    v->blocks[0] = (struct block){.kind = SHAPE_ITEM, .name = "Dog"};
    v->blocks[0].fields.m = arena_alloc(&c->a, 8 * sizeof(struct member));
    v->blocks[1] = (struct block){.kind = SHAPE_ENUM, .name = "E"};
    v->blocks[1].fields.m = arena_alloc(&c->a, sizeof(struct member));
    v->blocks[1].fields.m[0] = (struct member){.name = "", .json = "[small, medium, large]"};
    for (size_t i = 0, fields = 2 + rnd_below(&c->r, 3); i < fields; i++) {
        enum m_type type = rnd_chance(&c->r, 60) ? M_TEXT : rnd_chance(&c->r, 50) ? M_LIST : M_INT;
        if (i == fields - 1 && rnd_chance(&c->r, 40))
            type = M_ENUM;
        n->f[n->n++] =
            (struct m_field){.name = names[i], .type = type, .id = c->shape.n_ids++, .old = true};
        v->blocks[0].fields.m[v->blocks[0].fields.n++] = (struct member){.name = names[i], .json = types[type]};
    }
    v->n_blocks = 2;
    c->k.n_v = c->shape.n = 1;
    c->shows[0] = (struct m_shows){{0}, 1, 0, 1};
    v->from = -1;
    snprintf(v->name, sizeof v->name, "v1");
}

static void split_shown(struct m_case *c, struct m_shows *sh, size_t at, const struct m_step *s)
{
    size_t whole = c->shape.n - 1;
    for (size_t i = 0; i < s->n; i++) {
        const struct m_step part = {.kind = M_PART, .a = "", .b = s->from[i]};
        sh->node[i ? sh->n++ : at] = c->shape.n;
        model_step(&c->shape, whole, &part);
    }
}

static void drop_shown(struct m_shows *sh, size_t at)
{
    memmove(&sh->node[at], &sh->node[at + 1], (--sh->n - at) * sizeof sh->node[0]);
}

/* The second node of a type that was merged: the step takes its items too. */
static void take_also(struct m_case *c, size_t from, size_t now, const struct m_step *s)
{
    size_t also = c->shape.n;
    struct m_step second = *s;
    if (s->kind == M_MERGE_TYPES) {
        second.kind = M_MERGED;
        second.def = m_part_text(&c->a, s->from[1]);
        second.then = now;
        from = s->then;
    } else if (s->kind == M_ADD_TYPE || s->kind == M_ADD_OBJECT || !c->shape.nodes[from].also) {
        return;
    } else {
        from = c->shape.nodes[from].also;
    }
    model_step(&c->shape, from, &second);
    c->shape.nodes[now].also = also;
    c->shape.nodes[also].line = c->shape.nodes[now].line;
}

/* The type that gets the field. */
static void move_there(struct m_case *c, struct m_shows *sh, size_t now, const struct m_step *s)
{
    const struct m_step moved = {.kind = M_MOVED, .a = "", .b = "", .then = now};
    for (size_t i = 0; i < sh->n; i++)
        if (sh->node[i] == s->then)
            sh->node[i] = c->shape.n;
    model_step(&c->shape, s->then, &moved);
}

static void take_step(struct m_case *c, size_t version, size_t at, const struct m_step *s)
{
    struct m_shows *sh = &c->shows[version];
    size_t now = c->shape.n, from = sh->node[at];
    bool more = s->kind == M_ADD_TYPE || s->kind == M_ADD_OBJECT || s->kind == M_COPY_TYPE || s->kind == M_COPY_TYPE_OWN;

    if (s->kind == M_REMOVE_TYPE) {
        drop_shown(sh, at);
        return;
    }
    model_step(&c->shape, from, s);
    take_also(c, from, now, s);
    for (size_t i = now; i < c->shape.n; i++)
        m_inside_rules(&c->shape, i, sh);
    if (s->kind == M_EXTRACT)
        sh->node[sh->n++] = now + 1;
    if (s->kind == M_MOVE)
        move_there(c, sh, now, s);
    if (s->kind == M_SPLIT_TYPE)
        split_shown(c, sh, at, s);
    else
        sh->node[more ? sh->n++ : at] = now;
    for (size_t i = 0; i < sh->n && (s->kind == M_MERGE_TYPES || s->kind == M_INLINE); i++)
        if (sh->node[i] == s->then) {
            drop_shown(sh, i);
            break;
        }
    sh->end = c->shape.n;
}

static void try_step(struct m_case *c, size_t version, struct case_version *v)
{
    const struct m_shows before = c->shows[version];
    size_t at = rnd_below(&c->r, before.n), node = before.node[at], n = c->shape.n, n_ids = c->shape.n_ids;
    struct m_step s;

    if (!make_step(c, version, node, &s))
        return;
    v->steps[v->n_steps++] = m_step_yaml(c, &s, c->shape.nodes[node].type);
    take_step(c, version, at, &s);
    c->kinds[c->shape.nodes[node].object][s.kind]++;
    if (m_stand_apart(&c->shape))
        return;
    v->n_steps--;
    c->kinds[c->shape.nodes[node].object][s.kind]--;
    c->shows[version] = before;
    c->shape.n = n;
    c->shape.n_ids = n_ids;
}

static void make_version(struct m_case *c)
{
    size_t i = c->k.n_v++, n = 1 + rnd_below(&c->r, 2);
    size_t from = rnd_chance(&c->r, 85) ? i - 1 : rnd_below(&c->r, i);
    struct case_version *v = &c->k.v[i];
    snprintf(v->name, sizeof v->name, "v%zu", i + 1);
    v->from = (int)from;
    v->steps = arena_alloc(&c->a, n * sizeof *v->steps);
    c->shows[i] = c->shows[from];
    c->shows[i].first = c->shows[i].end = c->shape.n;
    for (int tries = 0; v->n_steps < n && tries < 20 && c->shape.n + 4 < MODEL_NODES; tries++)
        try_step(c, i, v);
}

void m_gen_chain(struct m_case *c)
{
    make_root(c);
    if (c->inside)
        m_gen_root_object(c);
    if (c->moves)
        m_gen_root_owner(c);
    for (size_t i = 0, n = 1 + rnd_below(&c->r, 8); i < n; i++)
        make_version(c);
}
