/* Under which names items are found: their own key in their collection's name space, and for each
 * change_key step that is served or dormant the key that its slot holds, in a name space of the
 * step's.
 *
 * The rows of table name follow the records: what item_store and item_insert write says all keys of
 * an item. Records from before a step have no key of it yet and no row:
 *
 *   underived --(first use of the type through a version with the step)--> derived
 *
 * That is one transaction, which brings all items of the collection up to date (derive_move.c). */
#include "internal.h"

/* ---- Rows ---- */

static int run_name(struct store_tx *tx, enum stmt stmt, uint32_t space, struct span key,
                    uint64_t id, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, stmt, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, space);
    bind_text(st, 2, key);
    if (stmt == STMT_NAME_INSERT)
        bind_id(st, 3, id);
    return conn_run(tx->c, st, e);
}

/* From one key to another; p == NULL: none. */
static int move_name(struct store_tx *tx, uint32_t space, uint64_t id, struct span old,
                     struct span now, struct err *e)
{
    if (old.p && now.p && span_eq(old, now))
        return 0;
    if (old.p && run_name(tx, STMT_NAME_DELETE, space, old, id, e))
        return -1;
    if (now.p && run_name(tx, STMT_NAME_INSERT, space, now, id, e))
        return -1;
    if (old.p)
        tx_note(tx, STORE_CHANGE_REMOVED, id, old);
    if (now.p)
        tx_note(tx, STORE_CHANGE_ADDED, id, now);
    return old.p && now.p ? tx_count(tx, id_coll(id), 0, e) : 0;
}

/* ---- The keys of a record ---- */

int names_key(const struct record *rec, slot_no slot, struct buf *out, struct span *ret,
              struct err *e)
{
    const struct entry *en = rec ? record_get(rec, slot) : NULL;
    size_t start = out->n;

    *ret = (struct span){0};
    if (!en || !en->bytes.n)
        return 0;
    if (!json_decode_string(en->bytes, out))
        return err_set(e, ERR_IO, "damaged record: a key is no text");
    *ret = (struct span){out->p + start, out->n - start};
    return 0;
}

static int follow_naming(struct store_tx *tx, uint64_t id, const struct naming *n,
                         const struct record *old, const struct record *now, struct err *e)
{
    struct buf was BUF_CLEANUP = BUF_INIT, is BUF_CLEANUP = BUF_INIT;
    struct span old_key, new_key;

    if (names_key(old, n->slot, &was, &old_key, e) || names_key(now, n->slot, &is, &new_key, e))
        return -1;
    return move_name(tx, n->space, id, old_key, new_key, e);
}

int names_follow(struct store_tx *tx, uint64_t id, struct named old, struct named now,
                 struct err *e)
{
    if (move_name(tx, id_coll(id), id, old.key, now.key, e))
        return -1;
    for (size_t i = 0; i < tx->cat->n_namings; i++) {
        const struct naming *n = tx->cat->namings[i];
        if (n->coll == id_coll(id) && follow_naming(tx, id, n, old.rec, now.rec, e))
            return -1;
    }
    return 0;
}

bool names_came(const struct store_tx *tx, uint64_t id, const struct record *rec)
{
    for (size_t i = 0; i < tx->cat->n_namings; i++) {
        const struct naming *n = tx->cat->namings[i];
        if (n->coll == id_coll(id) && rec->gen < n->step &&
            derive_is_done(tx->store, tx, n->step))
            return true;
    }
    return false;
}

/* ---- Which are derived ---- */

/* v shows these items under the naming's keys. */
static bool uses(const struct version *v, const struct naming *n)
{
    for (size_t i = 0; i < v->n_shapes; i++)
        if (v->shapes[i]->kind == SHAPE_ITEM && shape_space(v->shapes[i]) == n->space)
            return true;
    return false;
}

const struct naming *names_underived(struct store *s, const struct store_tx *tx,
                                     const struct catalog *c, const struct version *v,
                                     uint32_t coll)
{
    for (size_t i = 0; i < c->n_namings; i++) {
        const struct naming *n = c->namings[i];
        if (n->coll == coll && uses(v, n) && !derive_is_done(s, tx, n->step))
            return n;
    }
    return NULL;
}

const struct naming *names_of_shape(const struct catalog *c, const struct shape *s)
{
    for (size_t i = 0; s->space && i < c->n_namings; i++)
        if (c->namings[i]->space == s->space)
            return c->namings[i];
    return NULL;
}
