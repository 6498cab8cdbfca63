/* Records of extract_type that show what stands in another one.
 *
 * A field of a record may itself have been extracted or moved since: the record's own bytes do not change when
 * somebody writes the other one, and yet the values that it is found by (table extracted) do. */
#include "internal.h"

#define CHAIN_MAX_DEPTH 64

/* A field that l's records are found by stands where `on` puts it. */
static bool goes_on(const struct link *l, const struct link *on)
{
    if (l->kind != LINK_EXTRACT || on->kind == LINK_INLINE || l->target_coll != on->coll)
        return false;
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < on->n; k++)
            if (l->there[i] == on->here[k])
                return true;
    return false;
}

static bool is_shown_by_records(const struct catalog *c, const struct link *on)
{
    for (size_t i = 0; i < c->n_links; i++)
        if (goes_on(c->links[i], on))
            return true;
    return false;
}

static int follow_record(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found;

    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    return found ? derive_follow(tx, id, buf_span(&row.key), &row.rec, e) : 0;
}

static int follow_holders(struct store_tx *tx, const struct link *on, uint64_t id, unsigned depth, struct err *e);

static int follow_chains(struct store_tx *tx, uint64_t id, unsigned depth, struct err *e)
{
    for (size_t i = 0; i < tx->cat->n_links; i++) {
        const struct link *on = tx->cat->links[i];
        if (on->target_coll == id_coll(id) && is_shown_by_records(tx->cat, on) &&
            follow_holders(tx, on, id, depth, e))
            return -1;
    }
    return 0;
}

static int follow_holders(struct store_tx *tx, const struct link *on, uint64_t id, unsigned depth, struct err *e)
{
    struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};
    int64_t origins = 0;

    if (on->kind == LINK_EXTRACT && derive_origin_holders(tx->c, id, &origins, e))
        return -1;
    if (origins > 0 && derive_settle(tx, on, id, false, e)) /* then table ref has them */
        return -1;
    if (refs_of(tx, id, on->ref, SIZE_MAX, &holders, &slots, e))
        return -1;
    for (size_t i = 0; i < holders.n; i++)
        if (follow_record(tx, holders.ids[i], e) ||
            (depth < CHAIN_MAX_DEPTH && follow_chains(tx, holders.ids[i], depth + 1, e)))
            return -1;
    return 0;
}

int derive_follow_chains(struct store_tx *tx, uint64_t id, struct err *e)
{
    return follow_chains(tx, id, 0, e);
}
