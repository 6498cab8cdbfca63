/* Another key for an item, which keeps its identity: references to it follow; whoever has the key gives
 * way, or is replaced. */
#include "internal.h"

/* The other key, and what follows from it. */
static int rekey(struct store_tx *tx, const struct version *v, const struct shape *s,
                 const struct item_row *row, struct span new_key, struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;
    struct lens lens;
    int rc;

    tx_sub_lens(tx, &lens);
    derive_uses_begin(tx);
    rc = lens_rekey(&lens, v, s, buf_span(&row->key), new_key, &row->rec, &now, &change, e);
    if (rc == 0 && change.fields)
        rc = history_keep(tx, row, e);
    if (rc == 0)
        rc = item_store(tx, row, &now, 0, e);
    if (rc == 0)
        rc = item_note(tx, row->id, &change, e);
    lens_deinit(&lens);
    return rc;
}

static int yield_row(struct store_tx *tx, const struct version *v, const struct shape *s,
                     const struct item_row *row, struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct lens_change change;
    struct lens lens;
    int rc;

    tx_sub_lens(tx, &lens);
    rc = lens_yield(&lens, v, s, buf_span(&row->key), &row->rec, &now, &change, e);
    if (rc == 0)
        rc = item_store(tx, row, &now, 0, e);
    if (rc == 0)
        rc = item_note(tx, row->id, &change, e);
    lens_deinit(&lens);
    return rc;
}

int item_yield(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct origin_uses aside = {0};
    const struct version *v = NULL;
    const struct shape *s = catalog_shape(tx->cat, (struct shape_wanted){.coll = id_coll(id), .own_keys = true}, &v);
    bool found;
    int rc;

    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    if (!found || !s)
        return 0;
    derive_uses_swap(tx, &aside);
    rc = yield_row(tx, v, s, &row, e) || show_note_referrers(tx, id, e) ? -1 : 0;
    derive_uses_begin(tx);
    free(tx->uses);
    derive_uses_swap(tx, &aside);
    return rc;
}

/* The item that has the name now gives way; what referred to it refers to the new one. */
static int give_way(struct store_tx *tx, uint64_t other, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found;

    history_begin(tx);
    if (derive_past_to(tx, other, e) || show_settle(tx, other, e) || refs_redirect(tx, other, id, e) ||
        item_row_get(tx->c, other, &row, &found, e))
        return -1;
    return found ? item_remove(tx, &row, e) : 0;
}

/* Who has the new key: nobody (0), an item that gives way, or the item itself. */
static int find_rival(struct store_tx *tx, const struct shape *to, struct span key, bool noreplace,
                      uint64_t id, uint64_t *ret, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct err why = ERR_INIT;
    bool taken;

    *ret = 0;
    if (item_shown_find(tx->c, to, key, &row, &taken, &why) && row.id != id) {
        *e = why;
        return -1;
    }
    if (taken && noreplace && row.id != id)
        return err_set(e, ERR_EXISTS, "there is a %s \"%.*s\" already", to->name, (int)key.n, key.p);
    if (taken)
        *ret = row.id;
    return 0;
}

int item_rename(struct store_tx *tx, const struct version *v, const struct shape *s,
                const struct shape *to, uint64_t number, struct span new_key, bool noreplace,
                struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct shape hold;
    uint64_t other;
    bool found;

    if (key_check(new_key, e) || derive_view_tx(tx, v, s->coll, e) ||
        derive_quoting_tx(tx, s->coll, e) || derive_given_of_shape(tx, s, e) ||
        item_shown_row(tx->c, s, number, &row, &found, e))
        return -1;
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "the %s is gone", s->name);
    if (find_rival(tx, to, new_key, noreplace, row.id, &other, e))
        return -1;
    if (other == row.id && s == to && noreplace)
        return err_set(e, ERR_EXISTS, "there is a %s \"%.*s\" already", s->name, (int)new_key.n,
                       new_key.p);
    if (other == row.id && s == to)
        return 0;
    if (other && other != row.id && give_way(tx, other, row.id, e))
        return -1;
    history_begin(tx); /* both may have a revision under the new key */
    if (rekey(tx, v, shape_of_coll(to, id_coll(row.id), &hold), &row, new_key, e) || show_note_referrers(tx, row.id, e))
        return -1;
    return derive_keep(tx, row.id, e);
}
