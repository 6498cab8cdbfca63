/* The engine and the model are compared. */
#include "model_run.h"

#include <string.h>

static size_t node_of(const struct m_run *r, const struct view *vw)
{
    const struct m_shows *sh = &r->c->shows[vw->index];
    for (size_t i = 0; i < sh->n; i++)
        if (!strcmp(r->model.nodes[sh->node[i]].type, vw->s->name))
            return sh->node[i];
    case_die("a type that the model does not know", vw->s->name);
}

/* A record of values has its own key in both; which number it has depends on who looked first. */
const struct w_item *m_same_item(const struct m_run *r, const struct m_item *it)
{
    if (!it || r->ids[it->number])
        return it ? world_by_id(&r->w, r->ids[it->number]) : NULL;
    for (size_t i = 0; i < r->w.n_views; i++) {
        const struct m_node *n = &r->model.nodes[node_of(r, &r->w.views[i])];
        const char *own = it->v[r->model.nodes[it->root].key];
        if (n->root == it->root)
            return world_item(&r->w, r->w.views[i].s->coll, m_format(r->c, "%.*s", (int)strlen(own) - 2, own + 1));
    }
    return NULL;
}

static bool item_differs(struct m_run *r, const struct view *vw, const struct m_item *it)
{
    struct buf is BUF_CLEANUP = BUF_INIT, should BUF_CLEANUP = BUF_INIT, key BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t node = node_of(r, vw);
    const struct w_item *w = m_same_item(r, it);
    if (w && world_shows(&r->w, vw, w, &key) && world_text(&r->w, vw, w, true, &is, &e))
        case_die("an item can't be read", e.text);
    if (model_shows(&r->model, node, it))
        model_line(&r->model, &r->c->shows[vw->index], node, it, &should);
    r->compared++;
    if (span_eq(buf_span(&is), buf_span(&should)))
        return false;
    snprintf(r->why, sizeof r->why, "%s/%s/%s reads\n#   %s\n# and the model says\n#   %s\n",
             vw->v->name, vw->s->name, buf_str(&key), buf_str(&is), buf_str(&should));
    return true;
}

void m_look(struct m_run *r, const struct view *vw)
{
    struct err e = ERR_INIT;
    if (world_settle_past(&r->w, &e) || world_derive(&r->w, vw, false, &e))
        case_die("items can't be given their keys, or records be made", e.text);
}

void m_shown_fields(struct m_run *r, int ret[MODEL_IDS])
{
    for (size_t id = 0; id < MODEL_IDS; id++)
        ret[id] = -1;
    for (size_t i = 0; i < r->w.n_views; i++) {
        size_t node = node_of(r, &r->w.views[i]);
        const struct m_node *n = &r->model.nodes[node], *o = &r->model.nodes[m_also(&r->model, node)];
        for (size_t k = 0; k < n->n; k++)
            ret[n->f[k].id] = ret[o->f[k].id] = (int)n->f[k].on_delete;
    }
}

static bool lists_differ(struct m_run *r, const struct view *vw, const char *what, const char *key)
{
    snprintf(r->why, sizeof r->why, "%s/%s: %s %s\n", vw->v->name, vw->s->name, key, what);
    return true;
}

/* A record that nothing refers to in a version that is shown, but perhaps elsewhere, may be gone: the model
 * follows. */
static bool lists_less(struct m_run *r, const struct view *vw, const bool shown[MODEL_IDS])
{
    size_t root = r->model.nodes[node_of(r, vw)].root;
    for (size_t i = r->model.n_items; i-- > 0;) {
        struct m_item *it = &r->model.items[i];
        const char *key = it->v[r->model.nodes[root].key];
        bool is = it->root == root && m_same_item(r, it);
        if (is && it->made && !m_is_referred_to(&r->model, it, NULL))
            return lists_differ(r, vw, "is listed, and nothing refers to it", key);
        if (it->root == root && !is && (!it->made || m_is_referred_to(&r->model, it, shown)))
            return lists_differ(r, vw, "is not listed", key);
        if (it->root == root && !is)
            model_remove(&r->model, it);
    }
    return false;
}

static bool lists_more(struct m_run *r, const struct view *vw)
{
    for (size_t i = 0; i < r->w.st.n_items; i++) {
        const struct w_item *w = &r->w.st.items[i];
        bool known = w->coll != vw->s->coll;
        for (size_t k = 0; k < r->model.n_items && !known; k++)
            known = m_same_item(r, &r->model.items[k]) == w;
        if (!known)
            return lists_differ(r, vw, "is listed, and the model has none", w->key);
    }
    return false;
}

static bool any_differs(struct m_run *r)
{
    bool shown[MODEL_IDS];
    int says[MODEL_IDS];
    m_shown_fields(r, says);
    for (size_t id = 0; id < MODEL_IDS; id++)
        shown[id] = says[id] >= 0;
    for (size_t i = 0; i < r->w.n_views; i++)
        m_look(r, &r->w.views[i]);
    for (size_t i = 0; i < r->w.n_views; i++) {
        const struct view *vw = &r->w.views[i];
        if (r->linked && (lists_less(r, vw, shown) || lists_more(r, vw)))
            return true;
        for (size_t k = 0; k < r->model.n_items; k++)
            if (item_differs(r, vw, &r->model.items[k]))
                return true;
    }
    return false;
}

bool m_differs(struct m_run *r, bool aside)
{
    struct w_state before;
    struct err e = ERR_INIT;

    if (!r->linked)
        return any_differs(r);
    if (world_purge(&r->w, &e))
        case_die("an item can't be brought up to date", e.text);
    state_copy(&r->w.st, &before);
    bool is = any_differs(r);
    if (aside) {
        state_free(&r->w.st);
        r->w.st = before;
    } else {
        state_free(&before);
    }
    return is;
}
