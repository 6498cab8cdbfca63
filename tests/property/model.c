/* model.h: items, and what a write, a rename and a look do to them. */
#include "model_carry.h"
#include "model_inside.h"

#include <string.h>

#include "case.h"

/* ---- A write ---- */

/* `down` is for the items that are made after the field was removed. */
static void decide_removed(const struct model *m, struct m_item *it, size_t to)
{
    for (size_t i = 0; i < m->nodes[to].n_rules; i++)
        if (m->nodes[to].rules[i].mode == M_SEEDED && !m->nodes[to].rules[i].forward)
            it->decided[m->nodes[to].rules[i].out] = true;
}

void carry_begin(const struct model *m, size_t node, struct m_item *it)
{
    for (size_t to = 0; to < m->known; to++)
        if (m->nodes[to].root == it->root && !m_descends(m, node, to))
            decide_removed(m, it, to);
}

static const char *key_text(struct model *m, const char *key)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    MUST(buf_printf(&b, "\"%s\"", key));
    const char *text = arena_strdup(m->a, buf_str(&b));
    MUST(text);
    return text;
}

/* Its own key, where that is another than its maker sees, is like that one until older versions say theirs. */
static void begin_item(struct model *m, size_t node, struct m_item *it, unsigned number, const char *key)
{
    size_t root = m->nodes[node].root;
    const struct m_rule own = {.out = m->nodes[root].key};
    m->before[it - m->items].writer = 0;
    *it = (struct m_item){.root = root, .number = number};
    it->v[m->nodes[node].key] = key;
    if (m->nodes[node].part)
        it->v[m->nodes[node].parts] = m->nodes[node].part;
    it->v[own.out] = m_key_free(m, it, &own, it->v[m->nodes[node].key]);
    carry_begin(m, node, it);
}

static bool is_as_shown(const struct m_field *f, const struct m_item *it, const char *value, bool plain)
{
    return it && m_same(value, it->v[f->id] || plain ? it->v[f->id] : f->def);
}

bool carry_lay(const struct m_node *n, const struct m_item *it, const char *const *values, bool plain,
               const char **ret)
{
    bool changes = false;
    for (size_t i = 0; i < n->n; i++) {
        bool keeps = n->f[i].read_only || is_as_shown(&n->f[i], it, values[i], plain);
        ret[i] = keeps ? it->v[n->f[i].id] : values[i];
        changes |= !keeps;
    }
    return changes;
}

/* What it refers to now it refers to with these values, also when it goes back. */
static void leave(const struct model *m, const struct m_item *now, struct m_item *it)
{
    for (size_t to = 0; to < m->known; to++) {
        const struct m_link *l = &m->nodes[to].link;
        if (!l->is || l->inlined || l->moved || m->nodes[to].root != it->root)
            continue;
        it->memory[to][0] = now->memory[to][0];
        if (now->v[l->ref])
            it->memory[to][0] = (struct m_memory){
                true, now->v[l->ref], {now->v[l->here[0]], l->n > 1 ? now->v[l->here[1]] : NULL}};
    }
}

/* The item goes back to what it was before its writer began, or its writer begins now: also where that
 * referred to something that is gone, or was called as another one is now. */
static bool begin_again(struct model *m, struct m_item *it, struct m_before *b, size_t writer)
{
    struct m_item now = *it;
    bool again = b->writer == writer && m_refs_stand(m, &b->it) && m_keys_stand(m, &b->it, it) &&
                 m_elsewhere_stands(m, it, b);
    if (again) {
        *it = b->it;
        m_elsewhere_take_back(m, it, b);
        leave(m, &now, it);
    } else {
        b->writer = writer;
        b->since = m->known;
        b->it = *it;
    }
    return again;
}

/* A side follows from another one, or objects may have one: without any there is nothing to start again from. */
static bool is_followed(const struct model *m, const struct m_node *n)
{
    bool is = false;
    for (size_t to = 0; to < m->known; to++)
        is |= m->nodes[to].root == n->root && m->nodes[to].n_rules;
    for (size_t i = 0; i < n->n; i++)
        is |= n->f[i].type == M_INSIDE;
    return is;
}

/* Objects go on from what stood there before. */
static void lay_again(struct model *m, const struct m_shows *beside, const struct m_node *n, const struct m_item *it,
                      const char *const *now, const char **ret)
{
    for (size_t i = 0; i < n->n; i++) {
        const struct m_field *f = &n->f[i];
        ret[i] = now[i];
        if (f->type == M_INSIDE && now[i])
            ret[i] = m_inside_taken(m, beside, f, m_inside_text(m, beside, f, now[i], M_STORED), it->v[f->id], M_STORED);
    }
}

/* True: it begins again with what the item was before its writer began. */
static bool write_over(struct model *m, struct m_item *it, size_t writer, const struct m_shows *beside, size_t node,
                       const char *const *laid)
{
    const struct m_node *n = &m->nodes[node];
    struct carry c = {.m = m, .it = it, .at = node};
    struct m_before *b = &m->before[it - m->items];
    const char *over[MODEL_FIELDS], *const *now = laid;
    const struct m_item had = *it;
    bool again = begin_again(m, it, b, writer);

    if (again) {
        c.now = &had;
        c.since = b->since;
        lay_again(m, beside, n, it, laid, over);
        now = over;
    }
    memcpy(c.was, it->v, sizeof c.was);
    carry_look(&c);
    for (size_t i = 0; i < n->n; i++)
        if (!n->f[i].read_only && !m_same(it->v[n->f[i].id], now[i]))
            carry_set(&c, n->f[i].id, now[i], NULL);
    m_elsewhere_begin(m, it->number);
    carry_spread(&c);
    m_elsewhere_end(m, it, b);
    return again;
}

/* An item that gets another key of its own by a write is one that was renamed: a run ends. So it does where the text
 * that is laid over what the item was finds another record for values that it leaves alone. */
static void rewrite(struct model *m, struct m_item *it, size_t writer, const struct m_shows *beside, size_t node,
                    const char *const *values)
{
    struct m_before *b = &m->before[it - m->items];
    struct m_item had = *it;
    size_t own = m->nodes[it->root].key;
    const char *now[MODEL_FIELDS];

    it->made = false;
    it->signer = 0; /* also by a text that changes nothing */
    if (!carry_lay(&m->nodes[node], it, values, false, now))
        return;
    struct m_state *before = b->writer == writer ? m_state_keep(m) : NULL;
    if (write_over(m, it, writer, beside, node, now) && m_finds_another(m, &had, it)) {
        m_state_return(m, before);
        b->writer = 0;
        write_over(m, it, writer, beside, node, now);
    }
    m_state_drop(before);
    if (!m_same(it->v[own], had.v[own]) || !is_followed(m, &m->nodes[node]))
        b->writer = 0;
    carry_tell(m, it, NULL);
}

/* Who is called as the item is now gets another name. */
static void make_way(struct model *m, const struct m_item *it)
{
    struct m_item *o = m_rival(m, it);
    if (!o)
        return;
    struct carry c = {.m = m, .it = o, .at = o->root};
    memcpy(c.was, o->v, sizeof c.was);
    m->before[o - m->items].writer = o->signer = 0;
    carry_look(&c);
    c.changed[m->nodes[o->root].key] = true;
    carry_spread(&c);
    make_way(m, o);
}

void model_rename(struct model *m, size_t node, struct m_item *it, const char *key)
{
    node = m_node_for(m, node, it);
    struct carry c = {.m = m, .it = it, .at = node};
    const struct m_node *n = &m->nodes[node];
    const char *now = key_text(m, key);

    it->made = false;
    m->before[it - m->items].writer = it->signer = 0;
    memcpy(c.was, it->v, sizeof c.was);
    carry_look(&c);
    if (!m_same(now, it->v[n->key]))
        carry_set(&c, n->key, now, NULL);
    if (n->part && !m_same(n->part, it->v[n->parts]))
        carry_set(&c, n->parts, n->part, NULL);
    carry_spread(&c);
    make_way(m, it);
    carry_tell(m, it, NULL);
}

static void fill(struct model *m, size_t node, struct m_item *it, const char *const *values)
{
    const struct m_node *n = &m->nodes[node];
    struct carry c = {.m = m, .it = it, .create = true, .at = node};

    carry_look(&c);
    for (size_t i = 0; i < n->n; i++)
        if (!n->f[i].read_only)
            carry_set(&c, n->f[i].id, values[i], NULL);
    carry_spread(&c);
}

struct m_item *m_make(struct model *m, size_t node, const char *key, const char *const *values)
{
    MUST(m->n_items < MODEL_ITEMS);
    struct m_item *it = &m->items[m->n_items++];
    begin_item(m, node, it, ++m->n_numbers, key_text(m, key));
    fill(m, node, it, values);
    return it;
}

void m_make_anew(struct model *m, size_t node, struct m_item *it, const char *const *values)
{
    begin_item(m, node, it, it->number, it->v[m->nodes[it->root].key]);
    fill(m, node, it, values);
}

bool model_write(struct model *m, size_t writer, const struct m_shows *beside, size_t node,
                 const char *key, const char *const *texts)
{
    struct m_item *it = model_item(m, node, key);
    size_t at = it ? m_node_for(m, node, it) : m_node_tagged(m, node, texts);
    const struct m_node *n = &m->nodes[at];
    const char *values[MODEL_FIELDS];

    if (at == MODEL_NODES || !m_tag_stays(n, texts))
        return false;
    for (size_t i = 0; i < n->n; i++) {
        const char *had = it ? it->v[n->f[i].id] : NULL;
        bool ref = n->f[i].type == M_REF && texts[i], inside = n->f[i].type == M_INSIDE && texts[i];
        values[i] = ref ? m_ref_taken(m, beside, &n->f[i], texts[i], had) : texts[i];
        if ((ref && !values[i]) || (inside && m_inside_refused(m, beside, &n->f[i], texts[i], had)) ||
            (n->f[i].checked && !is_as_shown(&n->f[i], it, values[i], false) && m_fails_check(values[i])))
            return false;
        if (inside)
            values[i] = m_inside_taken(m, beside, &n->f[i], texts[i], had, M_SHOWN);
    }
    if (!it && m_key_is_taken(m, node, key)) /* in another part */
        return false;
    if (it) {
        rewrite(m, it, writer, beside, at, values);
    } else {
        m_elsewhere_begin(m, m->n_numbers + 1);
        it = m_make(m, at, key, values);
        m_elsewhere_end(m, it, NULL);
    }
    make_way(m, it);
    m_elsewhere_drop_spares(m);
    return true;
}

/* ---- The rest ---- */

/* An item that is there when a step comes: its new fields follow from those before. */
static void carry_over(struct model *m, struct m_item *it, size_t to)
{
    struct carry c = {.m = m, .it = it, .create = true, .bring = true, .at = (size_t)m->nodes[to].from};
    carry_on(&c, to);
    decide_removed(m, it, to);
}

/* What other items were, before a writer left something there. */
static void carry_left_over(struct model *m, struct m_before *b, size_t to)
{
    for (size_t i = 0; b->writer && i < b->n_left; i++) {
        const struct m_item *it = m_numbered(m, b->left[i].number);
        if (!it || it->root != m->nodes[to].root)
            continue;
        if (m->nodes[to].link.is) /* another reference of its own */
            b->writer = 0;
        else if (b->left[i].was)
            carry_over(m, b->left[i].was, to);
    }
}

void model_next(struct model *m)
{
    size_t to = m->known++;
    for (size_t i = 0; i < m->n_objects; i++)
        if (m->objects[i]->root == m->nodes[to].root)
            carry_over(m, m->objects[i], to);
    for (size_t i = 0; i < m->n_items; i++) {
        if (m->items[i].root != m->nodes[to].root)
            continue;
        carry_over(m, &m->items[i], to);
        if (m->nodes[to].link.is && !m->nodes[to].link.inlined && !m->nodes[to].link.moved) /* no records are made of what nobody sees any more */
            m->before[i].writer = 0;
        if (m->before[i].writer)
            carry_over(m, &m->before[i].it, to);
    }
    for (size_t i = 0; i < m->n_items; i++)
        carry_left_over(m, &m->before[i], to);
    m_move_step(m, to);
}

void model_skip(struct model *m)
{
    m->nodes[m->known].n_namers = 0;
    m->nodes[m->known].link.is = false;
    m->nodes[m->known].link.moved = 0;
    m->nodes[m->known++].n_rules = 0;
}

void model_remove(struct model *m, struct m_item *it)
{
    size_t i = (size_t)(it - m->items), after = --m->n_items - i;
    memmove(it, it + 1, after * sizeof *it);
    memmove(&m->before[i], &m->before[i + 1], after * sizeof m->before[i]);
}

/* The oldest node that shows the field of the item; MODEL_NODES = none. */
static size_t node_showing(const struct model *m, const struct m_item *it, size_t id, const size_t *shown, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t node = m_node_for(m, shown[i], it);
        if (node != MODEL_NODES && m_has_id(&m->nodes[node], id))
            return node;
    }
    return MODEL_NODES;
}

static void unset_ref(struct model *m, struct m_item *it, size_t node, size_t id)
{
    struct carry c = {.m = m, .it = it, .at = node};
    m->before[it - m->items].writer = 0;
    memcpy(c.was, it->v, sizeof c.was);
    carry_look(&c);
    carry_set(&c, id, NULL, NULL);
    carry_spread(&c);
    carry_tell(m, it, NULL);
}

static void unset_refs(struct model *m, const struct m_going *g, const struct m_item *to, const size_t *shown, size_t n)
{
    const char *ref = m_ref(m->a, to);
    for (size_t i = 0; i < m->n_items; i++)
        for (size_t id = 0; id < m->n_ids && !g->is[i]; id++) {
            size_t node = node_showing(m, &m->items[i], id, shown, n);
            if (node != MODEL_NODES && m_same(m->items[i].v[id], ref))
                unset_ref(m, &m->items[i], node, id);
        }
}

void model_delete(struct model *m, const struct m_going *g, const size_t *shown, size_t n)
{
    for (size_t i = 0; i < m->n_items; i++)
        if (g->is[i])
            unset_refs(m, g, &m->items[i], shown, n);
    for (size_t i = m->n_items; i-- > 0;)
        if (g->is[i])
            model_remove(m, &m->items[i]);
}

void model_line(struct model *m, const struct m_shows *beside, size_t node, const struct m_item *it,
                struct buf *out)
{
    const struct m_node *n = &m->nodes[m_node_for(m, node, it)];
    MUST(buf_printf(out, "{\"_key\": %s", it->v[n->key]));
    for (size_t i = 0; i < n->n; i++) {
        const char *v = it->v[n->f[i].id] ? it->v[n->f[i].id] : n->f[i].def;
        if (v)
            MUST(buf_printf(out, ", \"%s\": %s", n->f[i].name,
                            n->f[i].type == M_REF      ? m_ref_text(m, beside, &n->f[i], v)
                            : n->f[i].type == M_INSIDE ? m_inside_text(m, beside, &n->f[i], v, M_SHOWN)
                                                       : v));
    }
    MUST(buf_adds(out, "}\n"));
}
