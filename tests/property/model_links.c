/* model.h: references between items. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "model.h"

static const char *text(struct arena *a, const char *s)
{
    const char *p = arena_strdup(a, s);
    MUST(p);
    return p;
}

const char *m_ref(struct arena *a, const struct m_item *it)
{
    char value[24];
    snprintf(value, sizeof value, "@%u", it->number);
    return text(a, value);
}

struct m_item *m_numbered(struct model *m, unsigned long number)
{
    for (size_t i = 0; i < m->n_items; i++)
        if (m->items[i].number == number)
            return &m->items[i];
    return NULL;
}

struct m_item *m_referred(struct model *m, const char *value)
{
    return m_numbered(m, value && value[0] == '@' ? strtoul(value + 1, NULL, 10) : 0);
}

size_t m_node_of_line(const struct model *m, const struct m_shows *beside, size_t line)
{
    size_t i = 0;
    while (i < beside->n && m->nodes[beside->node[i]].line != line &&
           (!m->nodes[beside->node[i]].part || m->nodes[beside->node[i]].whole != line))
        i++;
    MUST(i < beside->n);
    return beside->node[i];
}

const char *m_ref_text(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *value)
{
    const struct m_item *it = m_referred(m, value);
    return it ? it->v[m->nodes[m_node_of_line(m, beside, f->refers)].key] : value;
}

const char *m_ref_taken(struct model *m, const struct m_shows *beside, const struct m_field *f, const char *json,
                        const char *had)
{
    size_t node = m_node_of_line(m, beside, f->refers);
    const struct m_node *n = &m->nodes[node];
    if (json[0] != '"')
        return json;
    for (size_t i = 0; i < m->n_items; i++) {
        const struct m_item *it = &m->items[i];
        if (m_node_for(m, node, it) == MODEL_NODES || strcmp(it->v[n->key], json) != 0)
            continue;
        const char *ref = m_ref(m->a, it);
        bool any_part = n->line != f->refers;
        return any_part || model_shows(m, node, it) || (had && !strcmp(had, ref)) ? ref : NULL;
    }
    return NULL;
}

bool m_is_referred_to(const struct model *m, const struct m_item *it, const bool by[MODEL_IDS])
{
    for (size_t i = 0; i < m->n_items; i++)
        for (size_t id = 0; id < m->n_ids && &m->items[i] != it; id++) {
            const char *v = m->items[i].v[id];
            if (v && v[0] == '@' && strtoul(v + 1, NULL, 10) == it->number && (!by || by[id]))
                return true;
        }
    return false;
}

static bool refers_to_going(struct model *m, const struct m_going *g, const char *value)
{
    const struct m_item *to = m_referred(m, value);
    return to && g->is[to - m->items];
}

void m_find_going(struct model *m, const struct m_item *it, const int by[MODEL_IDS], struct m_going *ret)
{
    *ret = (struct m_going){0};
    ret->is[it - m->items] = true;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < m->n_items; i++)
            for (size_t id = 0; id < m->n_ids && !ret->is[i]; id++)
                if (by[id] == M_CASCADES && refers_to_going(m, ret, m->items[i].v[id]))
                    more = ret->is[i] = true;
    }
}

bool m_is_held(struct model *m, const struct m_going *g, const int by[MODEL_IDS], int says)
{
    bool held = false;
    for (size_t i = 0; i < m->n_items; i++)
        for (size_t id = 0; id < m->n_ids && !g->is[i]; id++)
            held |= by[id] == says && refers_to_going(m, g, m->items[i].v[id]);
    return held;
}

void m_purge(struct model *m)
{
    for (size_t i = m->n_items; i-- > 0;)
        if (m->items[i].made && !m_is_referred_to(m, &m->items[i], NULL)) {
            model_remove(m, &m->items[i]);
            i = m->n_items; /* others may have been referred to by it */
        }
}

bool m_refs_stand(struct model *m, const struct m_item *it)
{
    for (size_t id = 0; id < m->n_ids; id++)
        if (!m->dead[id] && it->v[id] && it->v[id][0] == '@' && !m_referred(m, it->v[id]))
            return false;
    return true;
}

/* ---- Records of values ---- */

static void add_escaped(struct buf *out, const char *p, size_t n, bool several)
{
    for (size_t i = 0; i < n; i++) {
        bool plain = p[i] != '%' && p[i] != '/' && !(i == 0 && p[i] == '.') && !(several && p[i] == ',');
        MUST(plain ? buf_addc(out, p[i]) : buf_printf(out, "%%%02X", (unsigned)p[i]));
    }
}

/* The value as a file's name: another one for each. */
static void add_value(struct buf *out, const char *json, bool several)
{
    if (!json)
        MUST(buf_adds(out, "%unset"));
    else if (!strcmp(json, "null"))
        MUST(buf_adds(out, "%null"));
    else if (!strcmp(json, "\"\""))
        MUST(buf_addc(out, '%'));
    else if (json[0] == '"')
        add_escaped(out, json + 1, strlen(json) - 2, several);
    else
        add_escaped(out, json, strlen(json), several);
}

static void key_of_values(const char *const *values, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            MUST(buf_addc(out, ','));
        add_value(out, values[i], n > 1);
    }
}

static void free_key(struct model *m, size_t root, const char *const *values, size_t n, struct buf *out)
{
    key_of_values(values, n, out);
    size_t plain = out->n;
    for (unsigned k = 2; model_item(m, root, buf_str(out)); k++) {
        out->n = plain;
        MUST(buf_printf(out, "~%u", k));
    }
}

static bool has_values(const struct m_link *l, const struct m_item *it, const char *const *values)
{
    bool all = it->root == l->root;
    for (size_t i = 0; i < l->n; i++) {
        const char *is = it->v[l->there[i]];
        all &= is && values[i] ? !strcmp(is, values[i]) : is == values[i];
    }
    return all;
}

static struct m_item *make_record(struct model *m, const struct m_link *l, const char *const *values)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    free_key(m, l->root, values, l->n, &key);
    struct m_item *it = m_make(m, l->root, buf_str(&key), values);
    it->made = true;
    return it;
}

/* Without the quotes around them. */
int m_compare_keys(const char *a, const char *b)
{
    size_t n = strlen(a), k = strlen(b);
    int c = memcmp(a, b, (n < k ? n : k) - 1);
    return c ? c : (n > k) - (n < k);
}

/* Of several the one that is called by the values, else the first by name. */
static const char *find_record(struct model *m, const struct m_link *l, const char *const *values)
{
    struct buf called BUF_CLEANUP = BUF_INIT;
    const struct m_item *it = NULL;
    size_t key = m->nodes[l->root].key;
    if (!values[0] && (l->n < 2 || !values[1]))
        return NULL;
    key_of_values(values, l->n, &called);
    for (size_t i = 0; i < m->n_items; i++)
        if (has_values(l, &m->items[i], values) && (!it || m_compare_keys(m->items[i].v[key], it->v[key]) < 0))
            it = &m->items[i];
    struct m_item *so = model_item(m, l->root, buf_str(&called));
    if (so && has_values(l, so, values))
        it = so;
    return m_ref(m->a, it ? it : make_record(m, l, values));
}

const char *m_over_value(struct model *m, size_t node, const struct m_rule *r, const char *const *in)
{
    if (r->over == M_FIND) /* else M_READ */
        return find_record(m, &m->nodes[node].link, in);
    const struct m_item *it = m_referred(m, in[0]);
    return it ? it->v[r->there] : NULL;
}

bool m_still_shows(struct model *m, size_t node, const char *ref, const char *const *values)
{
    const struct m_item *it = m_referred(m, ref);
    return it ? has_values(&m->nodes[node].link, it, values) : !strcmp(ref, "null");
}

const char *m_free_key_like(struct model *m, size_t node, const char *own)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    for (unsigned n = 1; !key.n || model_item(m, node, buf_str(&key)); n++) {
        buf_reset(&key);
        MUST(buf_printf(&key, "%.*s", (int)strlen(own) - 2, own + 1));
        if (n > 1)
            MUST(buf_printf(&key, "~%u", n));
    }
    return text(m->a, buf_str(&key));
}
