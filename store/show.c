/* Where an item shows besides its own files: items that refer to it show its key, and through a
 * link its fields; what shows their fields shows them too. */
#include "internal.h"

#define SHOW_MAX_DEPTH 8

static bool changed_there(const struct link *l, const struct lens_change *change)
{
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < change->n; k++)
            if (l->there[i] == change->slots[k])
                return true;
    return false;
}

/* Some of the link's fields themselves stand in further items. */
static bool shows_further(const struct catalog *c, const struct link *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->there[i] < c->n_slots && c->slots[l->there[i]].is_volatile)
            return true;
    return false;
}

/* ---- Items from before extract_type ----
 *
 * Such an item refers to its record by the values it holds (table origin). Translation reads it
 * that way; it cannot be listed without a scan, so when its record changes, anything may differ.
 * When its record goes, it has to refer to another one really: that takes the scan. */

static int note_by_values(struct store_tx *tx, const struct link *l, uint64_t id, struct err *e)
{
    int64_t holders = 0;

    if (l->kind != LINK_EXTRACT)
        return 0;
    if (derive_origin_holders(tx->c, id, &holders, e))
        return -1;
    if (holders > 0)
        tx_note_many(tx);
    return 0;
}

static int settle_link(struct store_tx *tx, const struct link *l, uint64_t id, struct err *e)
{
    int64_t holders = 0;

    if (l->kind != LINK_EXTRACT)
        return 0;
    if (derive_origin_holders(tx->c, id, &holders, e))
        return -1;
    return holders > 0 ? derive_settle(tx, l, id, false, e) : 0;
}

int show_settle(struct store_tx *tx, uint64_t id, struct err *e)
{
    const struct link *l = derive_link_of(tx->cat, id_coll(id));
    return l ? settle_link(tx, l, id, e) : 0;
}

/* ---- Holders ---- */

static int note_holders(struct store_tx *tx, uint64_t target, slot_no slot, unsigned depth,
                        struct err *e);

/* Links whose fields stand in `id`, and are themselves seen through it. */
static int note_further(struct store_tx *tx, uint64_t id, unsigned depth, struct err *e)
{
    for (size_t i = 0; i < tx->cat->n_links; i++) {
        const struct link *l = tx->cat->links[i];
        if (l->target_coll != id_coll(id) || !shows_further(tx->cat, l))
            continue;
        if (note_by_values(tx, l, id, e) || note_holders(tx, id, l->ref, depth, e))
            return -1;
    }
    return 0;
}

/* coll 0 = any. */
static bool any_further(const struct catalog *c, uint32_t coll)
{
    for (size_t i = 0; i < c->n_links; i++)
        if ((!coll || c->links[i]->target_coll == coll) && shows_further(c, c->links[i]))
            return true;
    return false;
}

/* Every holder that something further is seen through must be visited, to note what shows it;
 * the others are only listed, as far as a list makes sense. */
static int note_holders(struct store_tx *tx, uint64_t target, slot_no slot, unsigned depth,
                        struct err *e)
{
    struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};
    bool all = any_further(tx->cat, 0);

    if (refs_of(tx, target, slot, all ? SIZE_MAX : HOLDERS_MAX + 1, &holders, &slots, e))
        return -1;
    if (holders.n > HOLDERS_MAX || depth > SHOW_MAX_DEPTH)
        tx_note_many(tx);
    for (size_t i = 0; i < holders.n && depth <= SHOW_MAX_DEPTH; i++) {
        tx_note(tx, STORE_CHANGE_ITEM, holders.ids[i], (struct span){0});
        if (any_further(tx->cat, id_coll(holders.ids[i])) &&
            note_further(tx, holders.ids[i], depth + 1, e))
            return -1;
    }
    return 0;
}

int item_note(struct store_tx *tx, uint64_t id, const struct lens_change *change, struct err *e)
{
    tx_note(tx, STORE_CHANGE_ITEM, id, (struct span){0});
    for (size_t i = 0; i < tx->cat->n_links; i++) {
        const struct link *l = tx->cat->links[i];
        if (l->target_coll != id_coll(id) || !changed_there(l, change))
            continue;
        if (note_by_values(tx, l, id, e) || note_holders(tx, id, l->ref, 0, e))
            return -1;
    }
    return 0;
}

int show_note_referrers(struct store_tx *tx, uint64_t id, struct err *e)
{
    const struct link *l = derive_link_of(tx->cat, id_coll(id));

    if (l && note_by_values(tx, l, id, e))
        return -1;
    return note_holders(tx, id, SLOT_NONE, 0, e);
}
