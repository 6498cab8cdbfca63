/* Items that a write in a row takes back (schemas/lens_elsewhere.c): others become what they were before the
 * run, and what its last write made is made anew or goes.
 *
 * Until the write ends, nothing that lost a reference is released: it may get another one. */
#include "internal.h"

struct restored {
    struct id_list spares; /* made by the write before, waiting to be made anew */
    struct id_list lost;   /* what was referred to by what was taken back */
};

static struct restored *begin(struct store_tx *tx, struct err *e)
{
    if (!tx->restored && !(tx->restored = calloc(1, sizeof *tx->restored)))
        err_nomem(e);
    return tx->restored;
}

uint64_t item_spare(struct store_tx *tx, uint32_t coll)
{
    struct id_list *l = tx->restored ? &tx->restored->spares : NULL;

    for (size_t i = l ? l->n : 0; i-- > 0;) {
        uint64_t id = l->ids[i];
        if (id_coll(id) != coll)
            continue;
        memmove(&l->ids[i], &l->ids[i + 1], (--l->n - i) * sizeof *l->ids);
        return id;
    }
    return 0;
}

static void spare_no_more(struct id_list *l, uint64_t id)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++)
        if (l->ids[i] != id)
            l->ids[kept++] = l->ids[i];
    l->n = kept;
}

/* Only the item that it was made for refers to it, or itself. */
static int has_one_holder(struct store_tx *tx, uint64_t id, bool *ret, struct err *e)
{
    struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};
    uint64_t first = 0;

    if (refs_of(tx, id, SLOT_NONE, SIZE_MAX, &holders, &slots, e))
        return -1;
    *ret = true;
    for (size_t i = 0; i < holders.n; i++) {
        if (holders.ids[i] == id)
            continue;
        *ret &= !first || first == holders.ids[i];
        first = holders.ids[i];
    }
    return 0;
}

static int put_by(struct store_tx *tx, struct restored *r, uint64_t id, bool *ret_is, struct err *e)
{
    if (has_one_holder(tx, id, ret_is, e))
        return -1;
    return *ret_is && !id_list_has(&r->spares, id) ? id_list_add(&r->spares, id, e) : 0;
}

static int note(struct store_tx *tx, uint64_t id, const struct record *old, const struct record *now,
                struct err *e)
{
    slot_no *slots = calloc(old->n + now->n + 1, sizeof *slots);
    struct lens_change change = {.slots = slots, .fields = true, .any = true};
    int rc;

    if (!slots)
        return err_nomem(e);
    for (size_t i = 0; i < old->n + now->n; i++) {
        const struct entry *en = i < old->n ? &old->e[i] : &now->e[i - old->n];
        if (en->kind <= ENTRY_DERIVED)
            slots[change.n++] = en->slot;
    }
    rc = item_note(tx, id, &change, e);
    free(slots);
    return rc;
}

int item_restore(struct store_tx *tx, uint64_t id, const struct record *rec, bool *ret_is,
                 struct err *e)
{
    struct restored *r = begin(tx, e);
    struct item_row row ITEM_ROW_CLEANUP = {0};

    if (!r || item_row_get(tx->c, id, &row, ret_is, e))
        return -1;
    if (!*ret_is)
        return 0;
    if (!rec)
        return put_by(tx, r, id, ret_is, e);
    spare_no_more(&r->spares, id);
    if (unique_is_free(tx, id, buf_span(&row.key), rec, ret_is, e))
        return -1;
    if (!*ret_is)
        return 0;
    if (history_keep(tx, &row, e) || item_store(tx, &row, rec, 0, e))
        return -1;
    return note(tx, id, &row.rec, rec, e);
}

/* ---- At the end of the write ---- */

int item_release(struct store_tx *tx, const struct id_list *lost, struct err *e)
{
    if (!tx->restored)
        return refs_release_all(tx, lost, e);
    for (size_t i = 0; i < lost->n; i++)
        if (id_list_add(&tx->restored->lost, lost->ids[i], e))
            return -1;
    return 0;
}

static int remove_spare(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found;

    if (derive_given_tx(tx, id_coll(id), e) || refs_of(tx, id, SLOT_NONE, SIZE_MAX, &holders, &slots, e))
        return -1;
    for (size_t i = 0; i < holders.n; i++)
        if (holders.ids[i] != id)
            return 0;
    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    return found ? item_remove(tx, &row, e) : 0;
}

int item_restored(struct store_tx *tx, int rc, struct err *e)
{
    struct restored *r = tx->restored;

    tx->restored = NULL;
    if (!r)
        return rc;
    for (size_t i = 0; i < r->spares.n && rc == 0; i++)
        rc = remove_spare(tx, r->spares.ids[i], e);
    if (rc == 0)
        rc = refs_release_all(tx, &r->lost, e);
    id_list_free(&r->spares);
    id_list_free(&r->lost);
    free(r);
    return rc;
}
