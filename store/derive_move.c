/* Fields that move_field puts into the items of another type.
 *
 * Holders from before the step still hold their values themselves, and show them. The target's
 * field is complete only when all of them have given theirs:
 *
 *   underived --(first use of the target's type, or write of a holder, through a version that has
 *                the step)--> derived
 *
 * That is one transaction, which brings every holder up to date and marks the link. Old versions
 * read the same before and after, and never wait for it. A crash leaves it underived; holders that
 * are up to date are passed over the next time. Holders written later are up to date by themselves,
 * so derived is for good. */
#include "internal.h"

#define BATCH          256
#define MOVE_MAX_DEPTH 8

/* The version, or one that it comes from, has the step. */
static bool knows(const struct version *v, uint32_t step)
{
    for (; v; v = v->base)
        if (v->step_first <= step && step < v->step_end)
            return true;
    return false;
}

/* The next link that has to be derived before v shows items of coll: moved fields in them, or in
 * items whose fields they show; and before it writes them, as they are shown what the target holds.
 * NULL = none. */
static const struct link *next_underived(struct store *s, const struct store_tx *tx,
                                         const struct catalog *c, const struct version *v,
                                         uint32_t coll, bool writes, unsigned depth)
{
    for (size_t i = 0; i < c->n_links && depth < MOVE_MAX_DEPTH; i++) {
        const struct link *l = c->links[i], *deeper = NULL;
        if (l->kind == LINK_MOVE && (l->target_coll == coll || (writes && l->coll == coll)) &&
            knows(v, l->step) && !derive_is_done(s, tx, l->step))
            return l;
        if (l->kind == LINK_INLINE && l->coll == coll && knows(v, l->step))
            deeper = next_underived(s, tx, c, v, l->target_coll, writes, depth + 1);
        if (deeper)
            return deeper;
    }
    return NULL;
}

/* ---- The scan ---- */

static int ids_after(struct store_tx *tx, uint32_t coll, uint64_t after, uint64_t *ids,
                     size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_ITEM_LIST_KEYS, e);
    bool row = true;

    if (!st)
        return -1;
    bind_id(st, 1, after);
    bind_id(st, 2, id_make(coll, ITEM_NUMBER_MASK));
    for (*ret_n = 0; *ret_n < BATCH; ++*ret_n) {
        if (conn_step(tx->c, st, &row, e))
            return -1;
        if (!row)
            break;
        ids[*ret_n] = column_id(st, 0);
    }
    stmt_done(st);
    return 0;
}

static int bring_holder(struct store_tx *tx, const struct link *l, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found, changed;

    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    return found && row.rec.gen < l->step
               ? item_materialize(tx, &row, tx->cat->last_step, &changed, e)
               : 0;
}

static int bring_holders(struct store_tx *tx, const struct link *l, struct err *e)
{
    uint64_t ids[BATCH], after = id_make(l->coll, 0);
    size_t n;

    do {
        if (ids_after(tx, l->coll, after, ids, &n, e))
            return -1;
        for (size_t i = 0; i < n; i++)
            if (bring_holder(tx, l, ids[i], e))
                return -1;
        after = n ? ids[n - 1] : after;
    } while (n == BATCH);
    return 0;
}

/* What moved into the holders before comes first: it may move on. */
static int derive_move(struct store_tx *tx, const struct link *l, unsigned depth, struct err *e)
{
    if (depth >= MOVE_MAX_DEPTH)
        return err_set(e, ERR_INVALID, "fields move over too many references");
    for (size_t i = 0; i < tx->cat->n_links; i++) {
        const struct link *first = tx->cat->links[i];
        if (first->kind == LINK_MOVE && first->target_coll == l->coll && first->step < l->step &&
            !derive_is_done(tx->store, tx, first->step) && derive_move(tx, first, depth + 1, e))
            return -1;
    }
    if (derive_coll_tx(tx, l->coll, e) || bring_holders(tx, l, e))
        return -1;
    return derive_mark(tx, l->step, e);
}

/* May be called in the middle of the work on another item, whose state is put aside. No text that
 * anybody has read changes by it, so nobody is told. */
static int derive_moves_tx(struct store_tx *tx, const struct version *v, uint32_t coll, bool writes,
                           struct err *e)
{
    const struct link *l;
    struct origin_uses aside = {0};
    bool was_quiet = tx->quiet;
    int rc = 0;

    if (!next_underived(tx->store, tx, tx->cat, v, coll, writes, 0))
        return 0;
    derive_uses_swap(tx, &aside);
    tx->quiet = true;
    while (rc == 0 && (l = next_underived(tx->store, tx, tx->cat, v, coll, writes, 0)))
        rc = derive_move(tx, l, 0, e);
    tx->quiet = was_quiet;
    derive_uses_begin(tx);
    free(tx->uses);
    derive_uses_swap(tx, &aside);
    return rc;
}

/* ---- For a version's view of a type ---- */

int derive_view_tx(struct store_tx *tx, const struct version *v, uint32_t coll, struct err *e)
{
    return derive_coll_tx(tx, coll, e) || derive_moves_tx(tx, v, coll, true, e) ? -1 : 0;
}

struct view_arg {
    const struct version *v;
    uint32_t coll;
};

static int derive_view_op(struct store_tx *tx, void *arg, struct err *e)
{
    const struct view_arg *a = arg;
    return derive_coll_tx(tx, a->coll, e) || derive_moves_tx(tx, a->v, a->coll, false, e) ? -1 : 0;
}

int derive_for_view(struct store *s, const struct version *v, uint32_t coll, struct err *e)
{
    struct view_arg a = {v, coll};
    struct catalog *cat;
    bool needed;

    if (atomic_load(&s->n_underived) == 0)
        return 0;
    cat = store_catalog(s);
    needed = !coll_is_derived(s, coll) || next_underived(s, NULL, cat, v, coll, false, 0);
    catalog_unref(cat);
    return needed ? store_write(s, TX_ALONE | TX_READ_ONLY_TOO, derive_view_op, &a, e) : 0;
}
