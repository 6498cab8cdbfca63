/* What finalize took, and items are still read by.
 *
 * A formula of a version that is gone computed a field from another item's key, or from what stands there. Its
 * values are stored with what they were computed from (ENTRY_BASIS), and finalize itself writes no item: an item
 * that nobody wrote since may have been stored long before the other one changed for the last time, so it is still
 * read by the formula (group.past, group.retired). But the step is gone: what the other one is from
 * finalize on must not show. So before it changes, its holders store what they show, which ends it for them.
 *
 * An item from before an extract_type has nothing to be read by afterwards: it refers to its record by the values
 * that it holds. Where somebody wrote such a record, and the step goes with its version (reverted, or another
 * branch), finalize brings the items up to the step first. */
#include "internal.h"

#define PAST_MAX_DEPTH 8

static int settle_holder(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found, changed;

    if (!group_reads_past(catalog_group(tx->cat, id_coll(id))))
        return 0;
    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    return found ? item_materialize(tx, &row, row.rec.gen, &changed, e) : 0;
}

/* What stands in items of this collection shows in others, too. */
static bool shows_further(const struct catalog *c, uint32_t coll)
{
    for (size_t i = 0; i < c->n_links; i++)
        if (c->links[i]->target_coll == coll)
            return true;
    for (size_t i = 0; i < c->n_retired; i++)
        if (c->retired[i]->target_coll == coll)
            return true;
    return false;
}

static int settle_holders(struct store_tx *tx, uint64_t target, unsigned depth, struct err *e)
{
    struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};

    if (refs_of(tx, target, SLOT_NONE, SIZE_MAX, &holders, &slots, e))
        return -1;
    for (size_t i = 0; i < holders.n; i++) {
        if (i > 0 && holders.ids[i] == holders.ids[i - 1])
            continue;
        if (holders.ids[i] != target && settle_holder(tx, holders.ids[i], e))
            return -1;
        if (depth < PAST_MAX_DEPTH && shows_further(tx->cat, id_coll(holders.ids[i])) &&
            settle_holders(tx, holders.ids[i], depth + 1, e))
            return -1;
    }
    return 0;
}

int derive_past_to(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct derive_aside aside;
    int rc;

    if (!catalog_reads_past(tx->cat))
        return 0;
    aside = derive_put_aside(tx);
    rc = settle_holders(tx, id, 0, e);
    derive_take_up(tx, &aside);
    return rc;
}

static bool stands_there(const struct link *l, uint64_t id, const struct record *old, const struct record *now)
{
    for (size_t i = 0; l->target_coll == id_coll(id) && i < l->n; i++) {
        const struct entry *was = record_get(old, l->there[i]), *is = record_get(now, l->there[i]);
        if (!entries_same(was, was != NULL, is, is != NULL))
            return true;
    }
    return false;
}

bool derive_past_sees(const struct catalog *c, uint64_t id, const struct record *old, const struct record *now)
{
    bool seen = false;

    if (!catalog_reads_past(c))
        return false;
    for (size_t i = 0; i < c->n_links && !seen; i++)
        seen = stands_there(c->links[i], id, old, now);
    for (size_t i = 0; i < c->n_retired && !seen; i++)
        seen = stands_there(c->retired[i], id, old, now);
    return seen;
}

/* ---- Before finalize ---- */

static bool stays(const struct catalog_entry *en, const struct version *oldest)
{
    return en->state == VERSION_LIVE && version_descends(en->v, oldest);
}

/* The link goes, and a version that stays shows its fields. */
static bool is_seen_further(const struct catalog *c, const struct link *l, const struct version *oldest)
{
    const struct version *own = link_version(c, l);
    bool seen = false;

    if (l->kind != LINK_EXTRACT || !own || stays(catalog_entry(c, own->number), oldest))
        return false;
    for (size_t i = 0; i < c->n_entries && !seen; i++)
        for (size_t k = 0; k < c->entries[i].v->n_shapes && stays(&c->entries[i], oldest); k++)
            for (size_t j = 0; j < l->n; j++)
                seen |= shape_field_by_slot(c->entries[i].v->shapes[k], l->here[j]) != NULL;
    return seen;
}

/* Somebody wrote a record to which items from before the step refer by the values that they hold. */
static int is_edited(struct store_tx *tx, const struct link *l, bool *ret, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_ORIGIN_EDITED, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, l->step);
    if (conn_step(tx->c, st, ret, e))
        return -1;
    stmt_done(st);
    return 0;
}

static int bring_behind(struct store_tx *tx, uint64_t id, const void *arg, struct err *e)
{
    const struct link *l = arg;
    return derive_bring(tx, l->step, tx->cat->last_step, id, e);
}

int derive_past_finalize(struct store_tx *tx, const struct version *oldest, struct err *e)
{
    struct derive_aside aside = derive_put_aside(tx);
    int rc = 0;

    for (size_t i = 0; i < tx->cat->n_links && rc == 0; i++) {
        const struct link *l = tx->cat->links[i];
        bool edited = false;
        if (!is_seen_further(tx->cat, l, oldest))
            continue;
        rc = derive_tally_write(tx, e) || is_edited(tx, l, &edited, e);
        if (rc == 0 && edited)
            rc = derive_each(tx, l->coll, bring_behind, l, e);
    }
    derive_take_up(tx, &aside);
    return rc ? -1 : 0;
}
