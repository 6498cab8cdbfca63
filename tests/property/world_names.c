/* Under which keys items are shown, and in which parts: as store/names.c, by looking at every record. */
#include "world_int.h"

#include "schemas/json.h"

static struct span value_of(const struct record *r, slot_no slot)
{
    const struct entry *en = record_get(r, slot);
    return en && en->bytes.n ? en->bytes : (struct span){0};
}

/* ---- One item ---- */

/* As the type shows it; false: it does not. */
static bool shown(struct world *w, const struct version *v, const struct shape *s,
                  const struct w_item *it, struct buf *ret_key)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    struct lens lens; /* it may be asked for in the middle of another item's work */
    struct shape hold;
    struct span key;
    bool is;

    s = shape_of_coll(s, it->coll, &hold);

    MUST(record_decode(buf_span(&it->body), &rec, &e) == 0);
    lens_init(&lens, w->cat, w->env, &w->lens.world);
    if (lens_shows(&lens, v, s, &rec, span_of(it->key), &is, &e) ||
        lens_key(&lens, v, s, &rec, span_of(it->key), &key, &e))
        case_die("an item's key can't be read", e.text);
    MUST(buf_addspan(ret_key, key));
    lens_deinit(&lens);
    return is;
}

bool world_shows(struct world *w, const struct view *vw, const struct w_item *it,
                 struct buf *ret_key)
{
    return shape_has_coll(vw->s, it->coll) && shown(w, vw->v, vw->s, it, ret_key);
}

bool world_key(const struct world *w, const struct shape *s, const struct w_item *it,
               struct buf *out)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    if (w->pending && it->id == w->pending && s && shape_space(s) == w->pending_space)
        return buf_adds(out, w->pending_key);
    MUST(record_decode(buf_span(&it->body), &rec, &e) == 0);
    struct span key = s && s->key ? value_of(&rec, s->key) : (struct span){0};
    return key.p ? json_decode_string(key, out) : buf_adds(out, it->key);
}

struct w_item *world_by_shown(const struct world *w, const struct shape *s, struct span key)
{
    for (size_t i = 0; i < w->st.n_items; i++) {
        struct buf own BUF_CLEANUP = BUF_INIT;
        struct w_item *it = &w->st.items[i];
        if (shape_has_coll(s, it->coll) && world_key(w, s, it, &own) && span_eq(buf_span(&own), key))
            return it;
    }
    return NULL;
}

/* A merge_types step gives them: of two own keys that are the same, one is shown under another. */
static bool has_merged_keys(const struct world *w, const struct shape *s)
{
    for (size_t i = 0; i < w->cat->n_namings; i++)
        if (w->cat->namings[i]->shared && w->cat->namings[i]->space == s->space)
            return true;
    return false;
}

static struct w_item *by_own_key(const struct world *w, const struct shape *s, const char *key)
{
    struct w_item *it = world_item(w, s->coll, key);
    for (size_t i = 1; i < s->n_colls && !it; i++)
        it = world_item(w, s->colls[i], key);
    return it;
}

struct w_item *world_target(struct world *w, const struct view *vw, const char *key)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct w_item *it = has_merged_keys(w, vw->s) ? NULL : by_own_key(w, vw->s, key);

    if (!it || !world_shows(w, vw, it, &b)) /* the key may be another one's own, which is in another part */
        it = world_by_shown(w, vw->s, span_of(key));
    buf_reset(&b);
    return it && world_shows(w, vw, it, &b) ? it : NULL;
}

bool world_has_key(struct world *w, const struct view *vw, const char *key)
{
    return world_by_shown(w, vw->s, span_of(key)) != NULL;
}

int world_stands_in(void *arg, const struct shape *part, uint64_t id, bool *ret, struct err *e)
{
    struct world *w = arg;
    const struct w_item *it = world_by_id(w, id);
    struct buf key BUF_CLEANUP = BUF_INIT;

    (void)e;
    *ret = id == w->pending || (it && !part->set); /* all of its parts are one */
    for (size_t i = 0; i < w->n_entries && it && !*ret; i++) /* whatever their states */
        for (size_t k = 0; k < w->entries[i].v->n_shapes && !*ret; k++)
            *ret = w->entries[i].v->shapes[k] == part && shown(w, w->entries[i].v, part, it, &key);
    return 0;
}

/* ---- Names ---- */

bool world_name_in(const struct world *w, uint32_t space, const struct w_item *it, struct buf *out)
{
    for (size_t i = 0; i < w->cat->n_namings; i++) {
        const struct naming *n = w->cat->namings[i];
        struct record rec RECORD_CLEANUP = RECORD_INIT;
        struct err e = ERR_INIT;
        if (n->space != space || n->coll != it->coll)
            continue;
        MUST(record_decode(buf_span(&it->body), &rec, &e) == 0);
        struct span key = value_of(&rec, n->slot);
        return key.p && json_decode_string(key, out);
    }
    return space == it->coll && buf_adds(out, it->key);
}

const struct w_item *world_named(const struct world *w, uint32_t space, struct span key,
                                 uint64_t but)
{
    for (size_t i = 0; i < w->st.n_items; i++) {
        struct buf name BUF_CLEANUP = BUF_INIT;
        if (w->st.items[i].id != but && world_name_in(w, space, &w->st.items[i], &name) &&
            span_eq(buf_span(&name), key))
            return &w->st.items[i];
    }
    return NULL;
}

static bool is_behind(const struct w_item *it, const struct naming *n)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    return it->coll == n->coll && record_decode(buf_span(&it->body), &rec, &e) == 0 &&
           rec.gen < n->step;
}

bool world_names_behind(const struct world *w)
{
    for (size_t i = 0; i < w->cat->n_namings; i++)
        for (size_t k = 0; k < w->st.n_items; k++)
            if (is_behind(&w->st.items[k], w->cat->namings[i]))
                return true;
    return false;
}

int world_derive_names(struct world *w, struct err *e)
{
    for (size_t i = 0; i < w->cat->n_namings; i++)
        for (size_t k = 0; k < w->st.n_items; k++)
            if (is_behind(&w->st.items[k], w->cat->namings[i]) &&
                world_bring(w, k, w->cat->last_step, e))
                return -1;
    return 0;
}

/* A write may have given the item another own key. */
void world_take_key(struct w_item *it, const struct record *r)
{
    struct span json = value_of(r, SLOT_KEY);
    struct buf key BUF_CLEANUP = BUF_INIT;
    if (!json.p)
        return;
    MUST(json_decode_string(json, &key));
    free(it->key);
    it->key = strdup(buf_str(&key));
}
