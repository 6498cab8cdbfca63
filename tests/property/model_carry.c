/* model_carry.h: how a write travels, from the fields that it changes to all that follow. */
#include "model_carry.h"
#include "model_inside.h"

#include <string.h>

#include "case.h"

/* ---- Setting a field ---- */

/* What was hidden of a field that another side gives now. */
static void forget(struct carry *c, size_t id, const struct m_rule *but)
{
    for (size_t to = 0; to < c->m->known; to++)
        for (size_t i = 0; i < c->m->nodes[to].n_rules; i++)
            if (c->m->nodes[to].rules[i].out == id && &c->m->nodes[to].rules[i] != but &&
                (!but || !c->m->nodes[to].rules[i].over)) /* an item that it left it may come back to */
                c->it->memory[to][i].is = false;
}

static bool reads(const struct m_rule *r, size_t id)
{
    return r->in[0] == id || (r->n_in > 1 && r->in[1] == id);
}

/* The field is the writer's now, and so is what linked steps show it by. without: the step that
 * this comes from. Ends, because steps that are not asked again form a tree. */
static void decide(struct carry *c, size_t id, size_t without)
{
    c->it->decided[id] = true;
    for (size_t to = 0; to < c->m->known; to++) {
        const struct m_node *n = &c->m->nodes[to];
        for (size_t i = 0; i < n->n_rules && to != without && n->root == c->it->root; i++)
            for (size_t k = 0; n->rules[i].out == id && !n->link.moved && k < n->n_rules; k++)
                if (n->rules[k].mode == M_LINKED && n->rules[k].forward != n->rules[i].forward &&
                    (reads(&n->rules[k], id) || reads(&n->rules[i], n->rules[k].out)))
                    decide(c, n->rules[k].out, to);
    }
}

/* A reference that its writer gives is none that was made for fields that were inlined. */
static void forget_alone(struct carry *c, size_t id)
{
    for (size_t to = 0; to < c->m->known; to++)
        if (c->m->nodes[to].link.inlined && c->m->nodes[to].link.ref == id)
            c->it->alone[to] = (struct m_alone){0};
}

/* by: NULL = the writer gives it. */
void carry_set(struct carry *c, size_t id, const char *value, const struct m_rule *by)
{
    bool is = m_same(c->it->v[id], value) && !(c->create && !by);
    if (!by) { /* also where it comes to the same value */
        decide(c, id, MODEL_NODES);
        forget_alone(c, id);
    }
    if (is)
        return;
    for (size_t to = 0; to < c->m->known; to++) /* another item than the one that was made for it */
        c->it->alone[to].made &= !c->m->nodes[to].link.inlined || c->m->nodes[to].link.ref != id;
    c->it->v[id] = value;
    c->changed[id] = true;
    m_move_forget(c->m, c->it, id, by);
    forget(c, id, by);
}

static bool inputs_changed(const struct carry *c, const struct m_rule *r)
{
    bool any = c->create;
    for (size_t i = 0; i < r->n_in; i++)
        any |= c->changed[r->in[i]];
    return any;
}

static void inputs_of(const struct carry *c, const struct m_rule *r, const char *const *v, const char **ret)
{
    for (size_t i = 0; i < r->n_in; i++)
        ret[i] = r->inside ? m_inside_read(c->m, r, i, v[r->in[i]]) : v[r->in[i]];
}

/* An object of which another version shows more than the step reads. */
static bool reads_same(const struct carry *c, const struct m_rule *r)
{
    const char *now[2] = {0}, *before[2] = {0};
    inputs_of(c, r, c->it->v, now);
    inputs_of(c, r, c->was, before);
    return m_same(now[0], before[0]) && m_same(now[1], before[1]);
}

/* v: all values, of now or of before the write. */
static const char *computed(const struct carry *c, size_t to, const struct m_rule *r,
                            const char *const *v, const char *prev)
{
    const char *in[2] = {0};
    inputs_of(c, r, v, in);
    if (r->over)
        return m_over_value(c->m, to, r, in);
    for (size_t i = 0; i < r->n_in; i++)
        in[i] = in[i] ? in[i] : r->def[i];
    const char *was = r->inside ? m_inside_was(c->m, r, prev) : prev;
    const char *value = r->fn(c->m->a, &c->m->nodes[to].step, in, was);
    if (r->inside)
        return m_inside_given(c->m, r, value, prev);
    return r->key ? m_key_plain(value, v[r->like]) : value;
}

static void give(struct carry *c, const struct m_rule *r, const char *value)
{
    carry_set(c, r->out, r->key ? m_key_free(c->m, c->it, r, value) : value, r);
}

/* A linked field is about to be given a value: what it showed is remembered, or returns. */
static bool returns(struct carry *c, size_t to, size_t i, const char **ret)
{
    const struct m_rule *r = &c->m->nodes[to].rules[i];
    struct m_memory *mem = &c->it->memory[to][i], had = *mem;
    const char *now[2] = {0}, *before[2] = {0}, *was = c->was[r->out];

    inputs_of(c, r, c->it->v, now);
    inputs_of(c, r, c->was, before);
    bool back = had.is && m_same(had.under[0], now[0]) && m_same(had.under[1], now[1]);
    if (back)
        mem->is = false;
    const char *given = computed(c, to, r, c->was, NULL);
    if (!(r->inside ? m_inside_same(c->m, was, given) : m_same(was, given)))
        *mem = (struct m_memory){true, was, {before[0], before[1]}};
    else if (mem->is && m_same(mem->under[0], before[0]) && m_same(mem->under[1], before[1]))
        mem->is = false;
    *ret = had.value;
    return back;
}

/* The same of a reference to the record of some values: what it was is always remembered, since which
 * record of several it was is nothing that the values say. */
static bool refers_again(struct carry *c, size_t to, size_t i, const char **ret)
{
    const struct m_rule *r = &c->m->nodes[to].rules[i];
    struct m_memory *mem = &c->it->memory[to][i], had = *mem;
    const char *now[2] = {0}, *before[2] = {0}, *was = c->was[r->out];

    inputs_of(c, r, c->it->v, now);
    inputs_of(c, r, c->was, before);
    if (was)
        *mem = (struct m_memory){true, was, {before[0], before[1]}};
    else if (mem->is && m_same(mem->under[0], before[0]) && m_same(mem->under[1], before[1]))
        mem->is = false;
    *ret = had.value;
    return had.is && m_same(had.under[0], now[0]) && m_same(had.under[1], now[1]) &&
           m_still_shows(c->m, to, had.value, now);
}

static void run_linked(struct carry *c, size_t to, size_t i)
{
    const struct m_rule *r = &c->m->nodes[to].rules[i];
    const char *value, *part = c->it->v[r->out];

    if (r->over == M_GIVE)
        carry_give(c, to, i);
    else if (r->over == M_PUT)
        carry_put(c, to);
    else if (r->over == M_COME)
        carry_come(c, to, r);
    if (r->over == M_GIVE || r->over >= M_PUT)
        return;
    if (r->inside && !c->create && reads_same(c, r))
        return;
    if (!c->create && r->over != M_READ &&
        (r->over ? refers_again(c, to, i, &value) : returns(c, to, i, &value))) {
        give(c, r, value);
        return;
    }
    /* of a list that shows nothing now, the one it hides */
    if (!part || !strcmp(part, "null"))
        part = c->it->memory[to][i].is ? c->it->memory[to][i].value : NULL;
    give(c, r, computed(c, to, r, c->it->v, part));
}

static void run_derived(struct carry *c, size_t to, size_t i)
{
    const struct m_rule *r = &c->m->nodes[to].rules[i];
    carry_set(c, r->out, computed(c, to, r, c->it->v, NULL), r);
}

/* ---- Back to the root ---- */

/* The writer stands on the new side of the step: of a linked one, what it made; else what `down`
 * reads. Where the new side was removed later, a linked step says nothing, but for items that are
 * made here. */
static bool goes_back(const struct carry *c, size_t to, const struct m_rule *down)
{
    bool back = c->create;
    for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        back |= down->mode == M_LINKED && r->forward && c->reached[r->out];
    }
    for (size_t i = 0; i < down->n_in; i++)
        back |= down->mode != M_LINKED && c->reached[down->in[i]];
    return back;
}

static void carry_back(struct carry *c, size_t to);

/* The same of one field, by the steps from `before` on back to that one; what they read comes first. */
static void bring_back(struct carry *c, size_t before, size_t to, size_t id)
{
    for (int k = c->m->nodes[before].from; k > (int)to; k = c->m->nodes[k].from) {
        const struct m_rule *r = m_rule_giving(&c->m->nodes[k], id);
        for (size_t i = 0; r && r->over && i < r->n_in; i++)
            bring_back(c, before, (size_t)k, r->in[i]);
        if (r)
            carry_back(c, (size_t)k);
    }
}

/* What older steps compute is what it comes to now before a rule on the way back reads it; what steps
 * between bring back to those comes first. */
static void compute_early(struct carry *c, size_t before, size_t id)
{
    for (size_t to = 0; to < before; to++)
        for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
            const struct m_rule *r = &c->m->nodes[to].rules[i];
            bool seed = r->mode == M_SEEDED && (c->reached[id] || c->it->decided[id]);
            if (c->m->nodes[to].root != c->it->root || !r->forward || r->out != id || r->mode == M_LINKED || seed)
                continue;
            bring_back(c, before, to, r->in[0]);
            compute_early(c, to, r->in[0]);
            if (inputs_changed(c, r))
                run_derived(c, to, i);
        }
}

static void carry_back(struct carry *c, size_t to)
{
    for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        if (r->forward || c->reached[r->out] || !goes_back(c, to, r))
            continue;
        for (size_t k = 0; k < r->n_in; k++)
            compute_early(c, to, r->in[k]);
        if (inputs_changed(c, r) && r->mode == M_LINKED)
            run_linked(c, to, i);
        else if (inputs_changed(c, r) && !c->it->decided[r->out])
            run_derived(c, to, i);
        c->reached[r->out] = true;
    }
}

/* ---- Forward, everywhere ---- */

/* The writer stands on the new side of the step, or on one that follows from it. */
static bool is_crossed(const struct carry *c, size_t to)
{
    for (size_t i = 0; i < c->m->nodes[to].n_rules && !c->create; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        if (r->forward && c->reached[r->out])
            return true;
    }
    return c->create;
}

static bool is_told(const struct carry *c, size_t id)
{
    bool is = false;
    for (size_t i = 0; c->told && i < c->told->n; i++)
        is |= c->told->here[i] == id;
    return is;
}

void carry_on(struct carry *c, size_t to)
{
    bool behind = m_descends(c->m, c->at, to); /* the way that the write came */
    for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        bool later = r->over == M_PUT && c->now && c->since <= to;
        if (!r->forward || (!later && !inputs_changed(c, r)) || is_told(c, r->out))
            continue;
        if (r->mode == M_COMPUTED ||
            (r->mode == M_SEEDED && !c->reached[r->out] && !c->it->decided[r->out]))
            run_derived(c, to, i);
        else if (r->mode == M_SEEDED && c->reached[r->out])
            c->it->decided[r->out] = true; /* seen, and left as it was */
        else if (r->mode == M_LINKED && !(behind && is_crossed(c, to)))
            run_linked(c, to, i);
        else if (r->mode == M_LINKED && !c->create && c->seen[r->out])
            decide(c, r->out, MODEL_NODES); /* likewise */
    }
}

/* The writer sees the field, or one that it follows from. without: the step that the question comes
 * from. Ends, because steps that are not asked again form a tree. */
static bool is_theirs(const struct carry *c, size_t id, size_t without)
{
    bool theirs = c->seen[id];
    for (size_t to = 0; to < c->m->known && !theirs; to++)
        for (size_t i = 0; i < c->m->nodes[to].n_rules && to != without; i++) {
            const struct m_rule *r = &c->m->nodes[to].rules[i];
            for (size_t k = 0; c->m->nodes[to].root == c->it->root && r->out == id && r->mode == M_LINKED && r->over < M_PUT && k < r->n_in; k++)
                theirs |= is_theirs(c, r->in[k], to);
        }
    return theirs;
}

/* Removed fields that only other versions show: one that the writer left as it was is decided, the
 * others go on being computed; on the way back to the root only those that it did not come by, after a
 * change of something computed. */
static void settle_removed(struct carry *c, size_t to)
{
    bool behind = m_descends(c->m, c->at, to);
    for (size_t i = 0; i < c->m->nodes[to].n_rules; i++) {
        const struct m_rule *r = &c->m->nodes[to].rules[i];
        if (r->forward || r->mode != M_SEEDED || !inputs_changed(c, r) || is_told(c, r->out))
            continue;
        if (behind ? c->seen[r->out] : is_theirs(c, r->out, to))
            c->it->decided[r->out] = true;
        else if (!(behind && c->reached[r->out]) && !c->it->decided[r->out])
            run_derived(c, to, i);
    }
}

static bool settle_all(struct carry *c)
{
    bool before[MODEL_IDS];
    bool any = false;
    memcpy(before, c->changed, sizeof before);
    for (size_t to = 0; to < c->m->known && !c->create; to++)
        if (c->m->nodes[to].root == c->it->root)
            settle_removed(c, to);
    for (size_t id = 0; id < MODEL_IDS; id++) {
        c->changed[id] &= !before[id];
        any |= c->changed[id];
    }
    return any;
}

/* By a step that finalize took: the maker came by another type of the same items. */
static void name_new(struct carry *c, size_t to)
{
    const struct m_node *n = &c->m->nodes[to];
    for (size_t i = 0; !n->n_rules && i < n->n_namers; i++) {
        struct m_rule r = n->namers[i];
        bool newer = r.key && !c->it->v[r.like]; /* than what there is */
        r.settled = true;
        if (!newer && !c->it->v[r.out])
            give(c, &r, computed(c, to, &r, c->it->v, NULL));
    }
}

static void carry_on_all(struct carry *c)
{
    for (size_t to = 0; to < c->m->known; to++)
        if (c->m->nodes[to].root == c->it->root) {
            carry_on(c, to);
            if (c->create)
                name_new(c, to);
        }
}

/* Nobody writes the item: what newer steps give back from what stands in the other one, which they read beside
 * fields that it has itself, is another, too. */
static void give_back(struct carry *c)
{
    for (size_t to = c->m->known; to-- > 0;)
        for (size_t i = 0; !m_descends(c->m, c->at, to) && i < c->m->nodes[to].n_rules; i++) {
            const struct m_rule *r = &c->m->nodes[to].rules[i];
            bool decided = r->mode == M_SEEDED && c->it->decided[r->out];
            if (r->forward || r->over || decided || is_told(c, r->out) || !inputs_changed(c, r))
                continue;
            r->mode == M_LINKED ? run_linked(c, to, i) : run_derived(c, to, i);
            c->reached[r->out] = true;
        }
}

void carry_spread(struct carry *c)
{
    for (int to = (int)c->at; to >= 0; to = c->m->nodes[to].from)
        carry_back(c, (size_t)to);
    carry_on_all(c);
    if (settle_all(c))
        carry_on_all(c);
    if (!c->told)
        m_move_end(c->m, c->it);
}

/* The writer's side. */
void carry_look(struct carry *c)
{
    const struct m_node *n = &c->m->nodes[c->at];
    if (!c->create)
        m_move_begin(c->m, c->it);
    c->seen[n->key] = c->reached[n->key] = true;
    if (n->part)
        c->seen[n->parts] = c->reached[n->parts] = true;
    for (size_t i = 0; i < n->n; i++)
        c->seen[n->f[i].id] = c->reached[n->f[i].id] = true;
}

/* ---- Items that show fields of this one ---- */

static const char *over_now(struct model *m, const struct m_link *l, size_t i, const struct m_item *holder,
                            const struct m_item *it)
{
    return l->moved ? m_move_value(m, l, holder) : it->v[l->there[i]];
}

/* One that refers to it, as it is or as it was before its writer began. */
static void follow(struct model *m, struct m_item *holder, size_t node, const struct m_item *it)
{
    const struct m_link *l = &m->nodes[node].link;
    size_t at = l->inlined ? (size_t)m->nodes[node].from : node;
    struct carry c = {.m = m, .it = holder, .at = at, .told = l};
    unsigned writer = m->journal.writer;

    memcpy(c.was, holder->v, sizeof c.was);
    c.reached[l->ref] = !l->inlined;
    for (size_t i = 0; i < l->n; i++) {
        const char *now = over_now(m, l, i, holder, it);
        c.changed[l->here[i]] = !m_same(holder->v[l->here[i]], now);
        holder->v[l->here[i]] = now;
        c.reached[l->here[i]] = !l->inlined;
    }
    m->journal.writer = 0; /* nobody writes this one */
    give_back(&c);
    carry_spread(&c);
    m->journal.writer = writer;
}

static bool shows_other(struct model *m, const struct m_link *l, const struct m_item *holder, const struct m_item *it)
{
    bool other = false;
    for (size_t i = 0; i < l->n; i++)
        other |= !m_same(holder->v[l->here[i]], over_now(m, l, i, holder, it));
    return other;
}

/* What others were that the writer left something in. */
static void tell_left(struct model *m, const struct m_before *b, size_t node, const struct m_item *it)
{
    const struct m_link *l = &m->nodes[node].link;
    for (size_t i = 0; b->writer && i < b->n_left; i++) {
        struct m_item *was = b->left[i].was;
        if (was && was->root == m->nodes[node].root && m_referred(m, was->v[l->ref]) == it && shows_other(m, l, was, it))
            follow(m, was, node, it);
    }
}

/* but: it is being written. */
void carry_tell(struct model *m, const struct m_item *it, const struct m_item *but)
{
    const char *ref = m_ref(m->a, it);
    for (size_t node = 0; node < m->known; node++) {
        const struct m_link *l = &m->nodes[node].link;
        for (size_t i = 0; l->is && l->root == it->root && i < m->n_items; i++) {
            struct m_item *holder = &m->items[i], *before = &m->before[i].it;
            bool runs = m->before[i].writer && holder != but && holder->root == m->nodes[node].root &&
                        (!l->moved || node < m->before[i].since); /* else it has the value to itself */
            if (holder != but && holder->root == m->nodes[node].root && m_same(holder->v[l->ref], ref) &&
                shows_other(m, l, holder, it)) {
                follow(m, holder, node, it);
                carry_tell(m, holder, but);
            }
            if (runs && m_same(before->v[l->ref], ref) && shows_other(m, l, before, it))
                follow(m, before, node, it);
            tell_left(m, &m->before[i], node, it);
        }
    }
}
