/* Fields that stand in another item (move_field, inline_type): a write of the holder writes them
 * there, in the same transaction. */
#include "internal.h"

#define ASSIGN_MAX_DEPTH 64

/* The holder's key, or with ~2, ~3, ... when another item has it. */
static int key_like(struct store_tx *tx, uint32_t space, struct span like, struct buf *out,
                    struct err *e)
{
    for (unsigned n = 1;; n++) {
        uint64_t id;
        bool taken;
        buf_reset(out);
        if (!buf_addspan(out, like) || (n > 1 && !buf_printf(out, "~%u", n)))
            return err_nomem(e);
        if (item_find_id(tx->c, space, buf_span(out), &id, &taken, e))
            return -1;
        if (!taken)
            return key_check(buf_span(out), e);
    }
}

static int insert_new(struct store_tx *tx, struct lens *lens, const struct link *l,
                      struct span holder_key, const struct span *values, uint64_t *ret_id,
                      struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct buf key BUF_CLEANUP = BUF_INIT;
    struct lens_change change;
    const struct shape *target;

    target = shapes_find(l->shapes, l->n_shapes, l->target_shape);
    if (key_like(tx, target ? shape_space(target) : l->target_coll, holder_key, &key, e) ||
        lens_assign(lens, l, buf_span(&key), values, false, NULL, &now, &change, e))
        return -1;
    *ret_id = id_make(l->target_coll, tx_new_number(tx));
    return item_insert(tx, *ret_id, buf_span(&key), &now, tx->now_ns, e);
}

/* In place of the one that the write before made. */
static int make_anew(struct store_tx *tx, struct lens *lens, const struct link *l, uint64_t id,
                     const struct span *values, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;
    bool found;

    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    if (!found)
        return err_set(e, ERR_IO, "an item that was made by a write is gone in the next one");
    if (lens_assign(lens, l, buf_span(&row.key), values, false, NULL, &now, &change, e) ||
        history_keep(tx, &row, e) || item_store(tx, &row, &now, tx->now_ns, e))
        return -1;
    return item_note(tx, id, &change, e);
}

static int assign_new(struct store_tx *tx, struct lens *lens, const struct link *l,
                      struct span holder_key, const struct span *values, uint64_t *ret_id,
                      struct err *e)
{
    if (derive_coll_tx(tx, l->target_coll, e) || /* or it would be taken for a record made of values */
        derive_given_tx(tx, l->target_coll, e))
        return -1;
    *ret_id = item_spare(tx, l->target_coll);
    return *ret_id ? make_anew(tx, lens, l, *ret_id, values, e)
                   : insert_new(tx, lens, l, holder_key, values, ret_id, e);
}

static int assign_to(struct store_tx *tx, struct lens *lens, const struct link *l, uint64_t id,
                     const struct span *values, bool only_unset, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;
    bool found;

    /* or an item from before would find the record by the value that it is given now */
    if (l->kind == LINK_INLINE && derive_coll_tx(tx, l->target_coll, e))
        return -1;
    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    if (!found) /* a reference to nothing shows nothing, and takes nothing */
        return 0;
    if (lens_assign(lens, l, buf_span(&row.key), values, only_unset, &row.rec, &now, &change, e))
        return -1;
    if (!change.any)
        return 0;
    if (change.fields && history_keep(tx, &row, e))
        return -1;
    if (item_store(tx, &row, &now, change.fields ? tx->now_ns : 0, e))
        return -1;
    return item_note(tx, id, &change, e);
}

int item_assign(struct store_tx *tx, const struct link *l, uint64_t id, struct span holder_key,
                const struct span *values, bool only_unset, uint64_t *ret_id, struct err *e)
{
    struct origin_uses aside = {0};
    struct lens lens;
    int rc;

    if (tx->assigning >= ASSIGN_MAX_DEPTH)
        return err_set(e, ERR_INVALID, "items written through each other without end");
    *ret_id = id;
    tx_sub_lens(tx, &lens);
    derive_uses_swap(tx, &aside);
    tx->assigning++;
    rc = id ? assign_to(tx, &lens, l, id, values, only_unset, e)
            : assign_new(tx, &lens, l, holder_key, values, ret_id, e);
    tx->assigning--;
    derive_uses_begin(tx);
    free(tx->uses);
    derive_uses_swap(tx, &aside);
    lens_deinit(&lens);
    return rc;
}
