/* Records that extraction made, and that nothing refers to any more. */
#include "world_int.h"

static int note_ref(void *arg, slot_no slot, uint64_t target)
{
    struct buf *ids = arg;
    (void)slot;
    MUST(buf_addspan(ids, (struct span){(const char *)&target, sizeof target}));
    return 0;
}

static int stored_refs(struct world *w, struct buf *ids, struct err *e)
{
    for (size_t i = 0; i < w->st.n_items; i++) {
        struct record rec RECORD_CLEANUP = RECORD_INIT;
        if (record_decode(buf_span(&w->st.items[i].body), &rec, e) || lens_refs(&w->lens, &rec, note_ref, ids, e))
            return -1;
        lens_reset(&w->lens);
    }
    return 0;
}

/* All that items refer to as they are, and once they are up to date: those from before a step refer to the
 * records of their values. */
static int all_refs(struct world *w, struct buf *ids, struct err *e)
{
    if (stored_refs(w, ids, e))
        return -1;
    for (size_t i = 0; i < w->st.n_items; i++)
        if (world_bring(w, i, w->cat->last_step, e))
            return -1;
    return stored_refs(w, ids, e);
}

/* Where finalize took the step, and no version lists them, items may still read their values from them. */
static bool is_purged_type(const struct world *w, uint32_t coll)
{
    for (size_t i = 0; i < w->cat->n_links; i++)
        if (w->cat->links[i]->kind == LINK_EXTRACT && w->cat->links[i]->target_coll == coll)
            return true;
    for (size_t i = 0; i < w->n_views; i++)
        if (shape_has_coll(w->views[i].s, coll))
            return true;
    return false;
}

static bool is_among(const struct buf *ids, uint64_t id)
{
    for (size_t at = 0; at < ids->n; at += sizeof id)
        if (!memcmp(ids->p + at, &id, sizeof id))
            return true;
    return false;
}

static void drop(struct world *w, size_t at)
{
    struct w_item *it = &w->st.items[at];
    size_t kept = 0;
    for (size_t i = 0; i < w->st.n_origins; i++) {
        if (w->st.origins[i].id == it->id)
            buf_free(&w->st.origins[i].values);
        else
            w->st.origins[kept++] = w->st.origins[i];
    }
    w->st.n_origins = kept;
    free(it->key);
    buf_free(&it->body);
    memmove(it, it + 1, (--w->st.n_items - at) * sizeof *it);
}

int world_purge(struct world *w, struct err *e)
{
    for (bool more = true; more;) {
        struct buf ids BUF_CLEANUP = BUF_INIT;
        struct w_state as_is;
        state_copy(&w->st, &as_is);
        int rc = all_refs(w, &ids, e);
        state_free(&w->st);
        w->st = as_is;
        if (rc)
            return -1;
        more = false;
        for (size_t i = w->st.n_items; i-- > 0;)
            if (w->st.items[i].made && is_purged_type(w, w->st.items[i].coll) &&
                !is_among(&ids, w->st.items[i].id)) {
                drop(w, i);
                w->purged++;
                more = true;
            }
    }
    return 0;
}
