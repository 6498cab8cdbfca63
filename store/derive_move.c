/* Fields that move_field puts into the items of another type, and names that a step gives items.
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

/* A step, the collection whose items have to be up to date for it, and the step that they are brought up to:
 * a name must be there before what a later step looks up by it. */
struct due {
    uint32_t step, coll, upto;
};

/* What has to be derived next before v shows items of coll: their names; moved fields in them, or in
 * items whose fields they show; and before it writes them, as they are shown what the target holds. */
static bool next_due(struct store *s, const struct store_tx *tx, const struct catalog *c,
                     const struct version *v, uint32_t coll, bool writes, unsigned depth,
                     struct due *ret)
{
    const struct naming *n = names_underived(s, tx, c, v, coll);

    if (n)
        *ret = (struct due){n->step, n->coll, n->step};
    if (n)
        return true;
    for (size_t i = 0; i < c->n_links && depth < MOVE_MAX_DEPTH; i++) {
        const struct link *l = c->links[i];
        if (l->kind == LINK_MOVE && (l->target_coll == coll || (writes && l->coll == coll)) &&
            knows(v, l->step) && !derive_is_done(s, tx, l->step)) {
            *ret = (struct due){l->step, l->coll, c->last_step};
            return true;
        }
        if (l->kind == LINK_INLINE && l->coll == coll && knows(v, l->step) &&
            next_due(s, tx, c, v, l->target_coll, writes, depth + 1, ret))
            return true;
    }
    return false;
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
        if (item_follows(column_id(st, 0), &after, e)) {
            stmt_done(st);
            return -1;
        }
        ids[*ret_n] = after;
    }
    stmt_done(st);
    return 0;
}

int derive_each(struct store_tx *tx, uint32_t coll, derive_item_fn fn, const void *arg,
                struct err *e)
{
    uint64_t ids[BATCH], after = id_make(coll, 0);
    size_t n;

    do {
        if (ids_after(tx, coll, after, ids, &n, e))
            return -1;
        for (size_t i = 0; i < n; i++)
            if (fn(tx, ids[i], arg, e))
                return -1;
        after = n ? ids[n - 1] : after;
    } while (n == BATCH);
    return 0;
}

int derive_bring(struct store_tx *tx, uint32_t step, uint32_t upto, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found, changed;

    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    return found && row.rec.gen < step ? item_materialize(tx, &row, upto, &changed, e) : 0;
}

static int bring_due(struct store_tx *tx, uint64_t id, const void *arg, struct err *e)
{
    const struct due *due = arg;
    return derive_bring(tx, due->step, due->upto, id, e);
}

static int bring_items(struct store_tx *tx, struct due due, struct err *e)
{
    return derive_each(tx, due.coll, bring_due, &due, e);
}

static int bring_all(struct store_tx *tx, struct due due, struct err *e)
{
    if (derive_coll_tx(tx, due.coll, e) || bring_items(tx, due, e))
        return -1;
    for (size_t i = 0; i < tx->cat->n_namings; i++) { /* a merged type's other collections */
        struct due other = {due.step, tx->cat->namings[i]->coll, due.upto};
        if (tx->cat->namings[i]->step == due.step && tx->cat->namings[i]->space &&
            other.coll != due.coll &&
            (derive_coll_tx(tx, other.coll, e) || bring_items(tx, other, e)))
            return -1;
    }
    return 0;
}

/* What moved into the items before comes first: it may move on. */
static int derive_due(struct store_tx *tx, struct due due, unsigned depth, struct err *e)
{
    struct derive_scan scan = {due.step, tx->scans};
    int rc;

    if (depth >= MOVE_MAX_DEPTH)
        return err_set(e, ERR_INVALID, "fields move over too many references");
    for (size_t i = 0; i < tx->cat->n_links; i++) {
        const struct link *l = tx->cat->links[i];
        struct due first = {l->step, l->coll, tx->cat->last_step};
        if (l->kind == LINK_MOVE && l->target_coll == due.coll && l->step < due.step &&
            !derive_is_done(tx->store, tx, l->step) && derive_due(tx, first, depth + 1, e))
            return -1;
    }
    tx->scans = &scan;
    rc = bring_all(tx, due, e);
    tx->scans = scan.outer;
    return rc ? -1 : derive_mark(tx, due.step, e);
}

struct derive_aside derive_put_aside(struct store_tx *tx)
{
    struct derive_aside a = {.was_quiet = tx->quiet};

    derive_uses_swap(tx, &a.uses);
    tx->quiet = true;
    return a;
}

void derive_take_up(struct store_tx *tx, struct derive_aside *a)
{
    tx->quiet = a->was_quiet;
    derive_uses_begin(tx);
    free(tx->uses);
    derive_uses_swap(tx, &a->uses);
}

static int derive_moves_tx(struct store_tx *tx, const struct version *v, uint32_t coll, bool writes,
                           struct err *e)
{
    struct derive_aside aside;
    struct due due;
    int rc = 0;

    if (!next_due(tx->store, tx, tx->cat, v, coll, writes, 0, &due))
        return 0;
    aside = derive_put_aside(tx);
    while (rc == 0 && next_due(tx->store, tx, tx->cat, v, coll, writes, 0, &due))
        rc = derive_due(tx, due, 0, e);
    derive_take_up(tx, &aside);
    return rc;
}

int derive_names_tx(struct store_tx *tx, const struct naming *n, struct err *e)
{
    struct due due = {n->step, n->coll, n->step};
    struct derive_aside aside;
    int rc;

    if (derive_is_done(tx->store, tx, n->step) || derive_in_progress(tx, n->step))
        return 0;
    aside = derive_put_aside(tx);
    rc = derive_due(tx, due, 0, e);
    derive_take_up(tx, &aside);
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

bool derive_waits(struct store *s, const struct version *v, uint32_t coll)
{
    struct catalog *cat;
    struct due due;
    bool waits;

    if (atomic_load(&s->n_underived) == 0)
        return false;
    cat = store_catalog(s);
    waits = !coll_is_derived(s, coll) || next_due(s, NULL, cat, v, coll, false, 0, &due);
    catalog_unref(cat);
    return waits;
}

int derive_for_view(struct store *s, const struct version *v, uint32_t coll, struct err *e)
{
    struct view_arg a = {v, coll};

    if (!derive_waits(s, v, coll))
        return 0;
    return store_write(s, TX_ALONE | TX_READ_ONLY_TOO, derive_view_op, &a, e);
}
