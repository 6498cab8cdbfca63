/* References that formulas give.
 *
 * Once an item is written or backfilled, a reference that a formula gave it stands in the record, and in table
 * ref: it follows its target, whatever that is called later, and what is to happen when that is deleted is
 * known. An item from before the step has no such reference yet. Where the formula computes the
 * key of what it refers to, each reading looks it up, so its answer must not change:
 *
 *   unsettled --(first item of the type referred to that is made, gets another key or is removed;
 *                the end of a backfill)--> settled
 *
 * That is one transaction, which looks at every item from before the step, one after the other, stores those
 * whose formulas look anything up, and marks the step in table link. From then on no look-up is left, and such an
 * operation costs what it does without the formula. Texts are the same before and after.
 *
 * A formula that moves a reference which the item has (nest_fields) needs no look-up: the old side's reference
 * stands in table ref, so these items are found when their target is removed (derive_given_to). */
#include "internal.h"

/* ---- Items from before the step ---- */

/* Does bringing the item up to date look up a key? */
static int looks_up(struct store_tx *tx, const struct item_row *row, bool *ret, struct err *e)
{
    struct record seen RECORD_CLEANUP = RECORD_INIT;
    const struct version *v = NULL;
    const struct shape *s = catalog_shape(tx->cat, (struct shape_wanted){.coll = id_coll(row->id)}, &v);
    uint64_t before = tx->c->world.looked_up;
    struct shape hold;
    struct lens lens;
    int rc;

    *ret = false;
    if (!s) /* no version shows it */
        return 0;
    tx_sub_lens(tx, &lens);
    rc = lens_snapshot(&lens, v, shape_of_coll(s, id_coll(row->id), &hold), &row->rec, buf_span(&row->key),
                       &seen, e);
    lens_deinit(&lens);
    *ret = tx->c->world.looked_up != before;
    return rc;
}

static int settle_item(struct store_tx *tx, uint64_t id, const void *arg, struct err *e)
{
    const struct giver *g = arg;
    struct item_row row ITEM_ROW_CLEANUP = {0};
    uint32_t step = g->at->f->step;
    bool found, due = g->follows;

    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    if (!found || row.rec.gen >= step)
        return 0;
    if (!due && looks_up(tx, &row, &due, e))
        return -1;
    return due ? derive_bring(tx, step, tx->cat->last_step, id, e) : 0;
}

static int settle_items(struct store_tx *tx, const struct giver *g, struct err *e)
{
    for (uint32_t coll = 1; coll < tx->cat->next.shape; coll++)
        if (giver_works_in(tx->cat, g, coll) &&
            (derive_coll_tx(tx, coll, e) || derive_each(tx, coll, settle_item, g, e)))
            return -1;
    return 0;
}

/* ---- Steps ---- */

/* May be called in the middle of the work on another item. */
static int settle_step(struct store_tx *tx, uint32_t step, struct err *e)
{
    struct derive_scan scan = {step, tx->scans};
    struct derive_aside aside = derive_put_aside(tx);
    int rc = 0;

    tx->scans = &scan;
    for (size_t i = 0; rc == 0 && i < tx->cat->n_givers; i++)
        if (tx->cat->givers[i].at->f->step == step)
            rc = settle_items(tx, &tx->cat->givers[i], e);
    tx->scans = scan.outer;
    derive_take_up(tx, &aside);
    return rc ? -1 : derive_mark(tx, step, e);
}

int derive_given_tx(struct store_tx *tx, uint32_t coll, struct err *e)
{
    for (size_t i = 0; i < tx->cat->n_givers; i++) {
        const struct giver *g = &tx->cat->givers[i];
        uint32_t step = g->at->f->step;
        if (g->looks_up && !derive_is_done(tx->store, tx, step) && !derive_in_progress(tx, step) &&
            giver_refers(tx->cat, g, coll) && settle_step(tx, step, e))
            return -1;
    }
    return 0;
}

int derive_given_of_shape(struct store_tx *tx, const struct shape *s, struct err *e)
{
    for (size_t i = 0; i < s->n_colls; i++)
        if (derive_given_tx(tx, s->colls[i], e))
            return -1;
    return derive_given_tx(tx, s->coll, e);
}

/* ---- What refers to an item that goes ---- */

/* The last step that gives such an item references; 0 = none. */
static uint32_t last_giver(const struct catalog *c, uint32_t coll)
{
    uint32_t last = 0;

    for (size_t i = 0; i < c->n_givers; i++)
        if (c->givers[i].at->f->step > last && giver_works_in(c, &c->givers[i], coll))
            last = c->givers[i].at->f->step;
    return last;
}

int derive_given_to(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};
    uint32_t coll = 0, last = 0;

    if (derive_past_to(tx, id, e))
        return -1;
    if (!tx->cat->n_givers)
        return 0;
    if (derive_given_tx(tx, id_coll(id), e) || refs_of(tx, id, SLOT_NONE, SIZE_MAX, &holders, &slots, e))
        return -1;
    for (size_t i = 0; i < holders.n; i++) {
        if (id_coll(holders.ids[i]) != coll)
            last = last_giver(tx->cat, coll = id_coll(holders.ids[i]));
        if (last && derive_bring(tx, last, tx->cat->last_step, holders.ids[i], e))
            return -1;
    }
    return 0;
}
