/* Deleting an item, and what refers to it: as store/delete.c does. */
#include "world_int.h"

#define MAX_GOING 100

/* The items that go together, and the references to one of them in an item that is looked at. */
struct going {
    struct world *w;
    uint64_t ids[MAX_GOING];
    size_t n;
    uint64_t to;
    slot_no slots[64];
    size_t n_slots;
};

static bool goes(const struct going *g, uint64_t id)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->ids[i] == id)
            return true;
    return false;
}

static enum on_delete policy_of(const struct world *w, slot_no slot)
{
    for (size_t i = w->n_entries; i-- > 0;)
        for (size_t k = 0; w->entries[i].state == VERSION_LIVE && k < w->entries[i].v->n_shapes; k++) {
            const struct field *f = shape_field_by_slot(w->entries[i].v->shapes[k], slot);
            if (f)
                return f->on_delete;
        }
    return ON_DELETE_RESTRICT; /* store/ unsets it */
}

static int note_slot(void *arg, slot_no slot, uint64_t target)
{
    struct going *g = arg;
    if (target != g->to)
        return 0;
    MUST(g->n_slots < sizeof g->slots / sizeof g->slots[0]);
    g->slots[g->n_slots++] = slot;
    return 0;
}

static void refs_of(struct going *g, const struct w_item *holder, uint64_t to)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct err e = ERR_INIT;
    g->to = to;
    g->n_slots = 0;
    MUST(record_decode(buf_span(&holder->body), &rec, &e) == 0 &&
         lens_refs(&g->w->lens, &rec, note_slot, g, &e) == 0);
    lens_reset(&g->w->lens);
}

/* What goes with an item that goes, the references being there by now. */
static void take_along(struct going *g, uint64_t id)
{
    struct w_state *st = &g->w->st;
    struct err e = ERR_INIT;
    MUST(world_derive_given(g->w, world_by_id(g->w, id)->coll, true, &e) == 0);
    for (size_t i = 0; i < st->n_items; i++) {
        bool cascades = false;
        refs_of(g, &st->items[i], id);
        for (size_t k = 0; k < g->n_slots; k++)
            cascades |= policy_of(g->w, g->slots[k]) == ON_DELETE_CASCADE;
        if (!cascades || goes(g, st->items[i].id))
            continue;
        MUST(g->n < MAX_GOING);
        g->ids[g->n++] = st->items[i].id;
    }
}

static bool is_held(struct going *g, uint64_t id)
{
    bool held = false;
    for (size_t i = 0; i < g->w->st.n_items; i++) {
        refs_of(g, &g->w->st.items[i], id);
        for (size_t k = 0; k < g->n_slots && !goes(g, g->w->st.items[i].id); k++)
            held |= policy_of(g->w, g->slots[k]) == ON_DELETE_RESTRICT;
    }
    return held;
}

static void unset_ref(struct world *w, uint64_t holder, slot_no slot, uint64_t target)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    struct w_item *it = world_by_id(w, holder);
    struct buf body BUF_CLEANUP = world_bytes(buf_span(&it->body)), key BUF_CLEANUP = world_bytes(span_of(it->key));
    struct lens_change change;
    struct err e = ERR_INIT;

    MUST(record_decode(buf_span(&body), &cur, &e) == 0);
    if (lens_drop_ref(&w->lens, it->coll, buf_span(&key), slot, target, &cur, &now, &change, &e) ||
        world_keep(w, holder, &now, &e))
        case_die("a reference can't be unset", e.text);
    lens_reset(&w->lens);
}

static void unset_refs(struct going *g, uint64_t id)
{
    for (size_t i = 0; i < g->w->st.n_items; i++) {
        uint64_t holder = g->w->st.items[i].id;
        if (goes(g, holder))
            continue;
        refs_of(g, &g->w->st.items[i], id);
        for (size_t k = 0; k < g->n_slots; k++)
            unset_ref(g->w, holder, g->slots[k], id);
    }
}

bool world_delete(struct world *w, uint64_t id)
{
    struct going g = {.w = w, .ids = {id}, .n = 1};
    struct err e = ERR_INIT;
    bool held = false;

    MUST(world_settle_past(w, &e) == 0);
    for (size_t i = 0; i < g.n; i++)
        take_along(&g, g.ids[i]);
    for (size_t i = 0; i < g.n; i++)
        held |= is_held(&g, g.ids[i]);
    for (size_t i = 0; i < g.n && !held; i++)
        unset_refs(&g, g.ids[i]);
    for (size_t i = 0; i < g.n && !held; i++)
        world_drop(w, g.ids[i]);
    return !held;
}
