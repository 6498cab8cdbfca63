/* model.h: how a write travels. */
#include "model.h"

#include <string.h>

#include "case.h"

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* ---- Carrying ---- */

enum m_change { M_KEPT, M_DERIVED, M_USER };
struct carry {
    struct model *m;
    struct m_item *it;
    bool create;
    size_t at; /* the version that is written */
    const char *was[MODEL_NODES][MODEL_FIELDS];
    enum m_change changed[MODEL_NODES][MODEL_FIELDS];
    bool reached[MODEL_NODES]
                [MODEL_FIELDS]; /* the writer's, or what follows from it on the way back */
};

static const char **value_of(struct carry *c, size_t node, const char *name)
{
    return &c->it->v[node][m_field_at(&c->m->nodes[node], name)];
}

/* The i-th rule of the steps before and after a node that gives this field of it; NULL = no more.
 */
static const struct m_rule *rule_of(const struct carry *c, size_t node, const char *name, size_t i,
                                    size_t *ret_to, size_t *ret_rule)
{
    for (size_t to = node; to <= node + 1 && to < c->m->n; to++)
        for (size_t k = 0; to && k < c->m->nodes[to].n_rules; k++) {
            const struct m_rule *r = &c->m->nodes[to].rules[k];
            if (r->forward != (to == node) || strcmp(r->out, name) != 0 || i-- > 0)
                continue;
            *ret_to = to;
            *ret_rule = k;
            return r;
        }
    return NULL;
}

static void decide_at(struct carry *c, size_t node, const char *name, const struct m_rule *but)
{
    const struct m_rule *r;
    size_t to, k;
    for (size_t i = 0; (r = rule_of(c, node, name, i, &to, &k)); i++)
        if (r != but && r->mode == M_SEEDED)
            c->it->decided[to][k] = true;
}

/* Its name on the other side of the step that leads to node `to`, NULL = it ends there. */
static const char *name_over(const struct carry *c, size_t to, const char *name, bool forward)
{
    const struct m_node *n = &c->m->nodes[to];
    for (size_t i = 0; i < n->n_same; i++)
        if (!strcmp(n->same[i][forward ? 0 : 1], name))
            return n->same[i][forward ? 1 : 0];
    return NULL;
}

/* A user has given the field a value, in all versions that show it. */
static void decide(struct carry *c, size_t node, const char *name, const struct m_rule *but)
{
    const char *x = name;
    decide_at(c, node, name, but);
    for (size_t to = node; to > 0 && (x = name_over(c, to, x, false)); to--)
        decide_at(c, to - 1, x, but);
    x = name;
    for (size_t to = node + 1; to < c->m->n && (x = name_over(c, to, x, true)); to++)
        decide_at(c, to, x, but);
}

/* What was hidden of a field that another side gives now. */
static void forget(struct carry *c, size_t node, const char *name, const struct m_rule *but)
{
    const struct m_rule *r;
    size_t to, k;
    for (size_t i = 0; (r = rule_of(c, node, name, i, &to, &k)); i++)
        if (r != but)
            c->it->memory[to][k].is = false;
}

static void set(struct carry *c, size_t node, const char *name, const char *value,
                enum m_change how, const struct m_rule *by)
{
    int i = m_field_at(&c->m->nodes[node], name);
    bool is = same(c->it->v[node][i], value) && !(c->create && !by);
    if (how == M_USER) /* also where it comes to the same value */
        decide(c, node, name, by);
    if (is)
        return;
    c->it->v[node][i] = value;
    if (c->changed[node][i] < how)
        c->changed[node][i] = how;
    forget(c, node, name, by);
}

static enum m_change inputs_changed(struct carry *c, const struct m_rule *r, size_t src)
{
    enum m_change most = c->create ? M_USER : M_KEPT;
    for (size_t i = 0; i < r->n_in; i++) {
        enum m_change how = c->changed[src][m_field_at(&c->m->nodes[src], r->in[i])];
        if (how > most)
            most = how;
    }
    return most;
}

static void inputs_of(const struct model *m, const struct m_rule *r, size_t src,
                      const char *const v[MODEL_FIELDS], const char **ret)
{
    for (size_t i = 0; i < r->n_in; i++)
        ret[i] = v[m_field_at(&m->nodes[src], r->in[i])];
}

/* A linked field is about to be given a value: what it showed is remembered, or returns. */
static bool returns(struct carry *c, size_t to, size_t i, size_t src, size_t dst, const char **ret)
{
    const struct m_rule *r = &c->m->nodes[to].rules[i];
    struct m_memory *mem = &c->it->memory[to][i], had = *mem;
    const char *now[2] = {0}, *before[2] = {0}, *was;

    inputs_of(c->m, r, src, c->it->v[src], now);
    inputs_of(c->m, r, src, c->was[src], before);
    was = c->was[dst][m_field_at(&c->m->nodes[dst], r->out)];
    bool back = had.is && same(had.under[0], now[0]) && same(had.under[1], now[1]);
    if (back)
        mem->is = false;
    if (!same(was, r->fn(c->m->a, &c->m->nodes[to].step, before, NULL)))
        *mem = (struct m_memory){true, was, {before[0], before[1]}};
    else if (mem->is && same(mem->under[0], before[0]) && same(mem->under[1], before[1]))
        mem->is = false;
    *ret = had.value;
    return back;
}

static void run_linked(struct carry *c, size_t to, size_t i, size_t src, size_t dst,
                       enum m_change how)
{
    const struct m_rule *r = &c->m->nodes[to].rules[i];
    const char *in[2] = {0}, *value, *part = *value_of(c, dst, r->out);

    if (!c->create && returns(c, to, i, src, dst, &value)) {
        set(c, dst, r->out, value, how, r);
        return;
    }
    /* of a list that shows nothing now, the one it hides */
    if (!part || !strcmp(part, "null"))
        part = c->it->memory[to][i].is ? c->it->memory[to][i].value : NULL;
    inputs_of(c->m, r, src, c->it->v[src], in);
    set(c, dst, r->out, r->fn(c->m->a, &c->m->nodes[to].step, in, part), how, r);
}

static void run_derived(struct carry *c, size_t to, size_t i, size_t src, size_t dst)
{
    const struct m_rule *r = &c->m->nodes[to].rules[i];
    const char *in[2] = {0};
    inputs_of(c->m, r, src, c->it->v[src], in);
    set(c, dst, r->out, r->fn(c->m->a, &c->m->nodes[to].step, in, NULL), M_DERIVED, r);
}

/* Over the step that leads to node `to`, from src to dst (its two sides). */
static void carry_same(struct carry *c, size_t to, size_t src, size_t dst)
{
    bool forward = dst == to;
    for (size_t i = 0; i < c->m->nodes[to].n_same; i++) {
        const char *a = c->m->nodes[to].same[i][forward ? 0 : 1];
        const char *b = c->m->nodes[to].same[i][forward ? 1 : 0];
        enum m_change how = c->changed[src][m_field_at(&c->m->nodes[src], a)];
        if (how)
            set(c, dst, b, *value_of(c, src, a), how, NULL);
        if (!forward && c->reached[src][m_field_at(&c->m->nodes[src], a)])
            c->reached[dst][m_field_at(&c->m->nodes[dst], b)] = true;
    }
}

static bool any_reached(const struct carry *c, const struct m_rule *r, size_t src)
{
    for (size_t i = 0; i < r->n_in; i++)
        if (c->reached[src][m_field_at(&c->m->nodes[src], r->in[i])])
            return true;
    return false;
}

/* A field of node `to` that others compute is what it comes to now. The way back has come to `to`:
 * fields that go on to there have the value that they have there, others still the one before. */
static void compute_early(struct carry *c, size_t to, const char *name)
{
    const char *x = name, *y, *in;
    size_t at = to, of, k;
    const struct m_rule *r;
    for (; at > 0 && (y = name_over(c, at, x, false)); at--)
        x = y;
    r = rule_of(c, at, x, 0, &of, &k);
    if (!r || r->mode != M_COMPUTED)
        return;
    in = r->in[0];
    for (at--; at < to && (y = name_over(c, at + 1, in, true)); at++)
        in = y;
    compute_early(c, at, in);
    in = *value_of(c, at, in);
    set(c, to, name, r->fn(c->m->a, &c->m->nodes[of].step, &in, NULL), M_DERIVED, r);
}

static void carry_back(struct carry *c, size_t to)
{
    for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        for (size_t k = 0; !r->forward && k < r->n_in; k++)
            compute_early(c, to, r->in[k]);
    }
    carry_same(c, to, to, to - 1);
    for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        if (r->forward || (!c->create && !any_reached(c, r, to)))
            continue;
        enum m_change how = inputs_changed(c, r, to);
        if (how && r->mode == M_LINKED)
            run_linked(c, to, i, to, to - 1, how);
        else if (how && !c->it->decided[to][i])
            run_derived(c, to, i, to, to - 1);
        c->reached[to - 1][m_field_at(&c->m->nodes[to - 1], r->out)] = true;
    }
}

/* The writer stands on the new side of the step, or on one that follows from it. */
static bool is_crossed(const struct carry *c, size_t to)
{
    for (size_t i = 0; i < c->m->nodes[to].n_rules && !c->create; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        if (r->forward && c->reached[to][m_field_at(&c->m->nodes[to], r->out)])
            return true;
    }
    return c->create;
}

static void carry_on(struct carry *c, size_t to)
{
    bool behind = to <= c->at; /* the way that the write came */
    carry_same(c, to, to - 1, to);
    for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        if (!r->forward || !inputs_changed(c, r, to - 1))
            continue;
        bool theirs = behind && c->reached[to][m_field_at(&c->m->nodes[to], r->out)];
        if (r->mode == M_COMPUTED || (r->mode == M_SEEDED && !theirs && !c->it->decided[to][i]))
            run_derived(c, to, i, to - 1, to);
        else if (r->mode == M_SEEDED && theirs)
            c->it->decided[to][i] = true; /* seen, and left as it was */
        else if (r->mode == M_LINKED && !(behind && is_crossed(c, to)))
            run_linked(c, to, i, to - 1, to, inputs_changed(c, r, to - 1));
    }
}

/* A removed field that newer versions still seed: seen by the writer and left as it was, it is
 * decided; else it goes on being computed. */
static void settle_removed(struct carry *c, size_t to)
{
    for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        if (r->forward || r->mode != M_SEEDED || c->create || !inputs_changed(c, r, to))
            continue;
        c->it->decided[to][i] = true;
    }
}

static void spread(struct carry *c)
{
    for (size_t i = 0; i < c->m->nodes[c->at].n; i++)
        c->reached[c->at][i] = true;
    for (size_t to = c->at; to > 0; to--)
        carry_back(c, to);
    for (size_t to = 1; to < c->m->n; to++)
        carry_on(c, to);
    for (size_t to = c->at + 1; to < c->m->n; to++)
        settle_removed(c, to);
}

/* `down` is for the items that are made after the field was removed. */
static void decide_removed(const struct model *m, struct m_item *it, size_t from)
{
    for (size_t to = from; to < m->n; to++)
        for (size_t i = 0; i < m->nodes[to].n_rules; i++)
            it->decided[to][i] |=
                m->nodes[to].rules[i].mode == M_SEEDED && !m->nodes[to].rules[i].forward;
}

void model_write(struct model *m, size_t node, const char *key, const char *const *values)
{
    struct carry c = {.m = m, .it = model_item(m, key), .at = node};
    const struct m_node *n = &m->nodes[node];

    if (!c.it) {
        MUST(m->n_items < sizeof m->items / sizeof m->items[0]);
        c.it = &m->items[m->n_items++];
        *c.it = (struct m_item){.key = arena_strdup(m->a, key)};
        c.create = true;
        decide_removed(m, c.it, node + 1);
    }
    memcpy(c.was, c.it->v, sizeof c.was);
    for (size_t i = 0; i < n->n; i++) {
        const char *shown = c.it->v[node][i] ? c.it->v[node][i] : n->f[i].def;
        bool as_shown = !c.create && same(values[i], shown);
        if (!n->f[i].read_only && !as_shown)
            set(&c, node, n->f[i].name, values[i], M_USER, NULL);
    }
    spread(&c);
}

/* ---- The rest ---- */

struct m_item *model_item(struct model *m, const char *key)
{
    for (size_t i = 0; i < m->n_items; i++)
        if (!strcmp(m->items[i].key, key))
            return &m->items[i];
    return NULL;
}

/* An item that is there when a version comes: its fields follow from those before. */
static void carry_over(struct model *m, struct m_item *it)
{
    size_t to = m->n - 1;
    struct carry c = {.m = m, .it = it, .create = true, .at = to - 1};
    for (size_t i = 0; i < m->nodes[to - 1].n; i++)
        c.changed[to - 1][i] = M_DERIVED;
    carry_on(&c, to);
    decide_removed(m, it, to);
}

bool model_add(struct model *m, const struct m_step *step)
{
    if (m->n >= MODEL_NODES)
        return false;
    const struct m_node *old = &m->nodes[m->n - 1];
    struct m_node *n = &m->nodes[m->n];
    m_node_after(old, step, n);
    m->n++;
    for (size_t i = 0; i < m->n_items; i++)
        carry_over(m, &m->items[i]);
    return true;
}

void model_line(const struct model *m, size_t node, const struct m_item *it, struct buf *out)
{
    const struct m_node *n = &m->nodes[node];
    MUST(buf_printf(out, "{\"_key\": \"%s\"", it->key));
    for (size_t i = 0; i < n->n; i++) {
        const char *v = it->v[node][i] ? it->v[node][i] : n->f[i].def;
        if (v)
            MUST(buf_printf(out, ", \"%s\": %s", n->f[i].name, v));
    }
    MUST(buf_adds(out, "}\n"));
}
