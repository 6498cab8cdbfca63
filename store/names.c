/* Under which names items are found, and in which parts: their own key in their collection's name
 * space, for each change_key step that is served or dormant the key that its slot holds, in a name
 * space of the step's, and for each split_type step the part that its slot holds.
 *
 * The rows of the tables name and member follow the records: what item_store and item_insert write
 * says all keys and parts of an item. Records from before a step have none of it yet and no row:
 *
 *   underived --(first use of the type through a version with the step)--> derived
 *
 * That is one transaction, which brings all items of the collection up to date (derive_move.c). In a merged type a name
 * also depends on what items of earlier types are called: those that one of them outlives get theirs before it goes. */
#include "missing.h"

/* ---- Rows ---- */

static int run_name(struct store_tx *tx, enum stmt stmt, uint32_t space, struct span key,
                    uint64_t id, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, stmt, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, space);
    bind_text(st, 2, key);
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
    if (now.p)
        missing_note(tx, space, now);
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
    if (!buf_reserve(out, en->bytes.n))
        return err_nomem(e);
    if (!json_decode_string(en->bytes, out))
        return err_set(e, ERR_IO, "damaged record: a key is no text");
    *ret = (struct span){out->p + start, out->n - start};
    return 0;
}

static struct span value_of(const struct record *rec, slot_no slot)
{
    const struct entry *en = rec ? record_get(rec, slot) : NULL;
    return en && en->bytes.n ? en->bytes : (struct span){0};
}

uint32_t names_set(const struct naming *n, const struct record *rec)
{
    struct span part = value_of(rec, n->slot);

    for (size_t i = 0; i < n->n; i++)
        if (span_eq(n->parts[i], part))
            return n->sets[i];
    return 0;
}

uint32_t names_misfit(const struct naming *n, const struct record *rec)
{
    struct span part = value_of(rec, n->slot), fit = value_of(rec, n->fit);

    return n->n && part.p && fit.p && !span_eq(part, fit) ? n->misfits : 0;
}

static int run_member(struct store_tx *tx, enum stmt stmt, uint32_t set, uint64_t id, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, stmt, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, set);
    bind_id(st, 2, id_number(id));
    if (stmt == STMT_MEMBER_INSERT)
        bind_id(st, 3, id);
    return conn_run(tx->c, st, e) || tx_count(tx, set, stmt == STMT_MEMBER_INSERT ? 1 : -1, e) ? -1
                                                                                              : 0;
}

/* From one set to another; 0: none. */
static int move_member(struct store_tx *tx, uint64_t id, uint32_t old, uint32_t now, struct err *e)
{
    if (old == now)
        return 0;
    if (old && run_member(tx, STMT_MEMBER_DELETE, old, id, e))
        return -1;
    return now ? run_member(tx, STMT_MEMBER_INSERT, now, id, e) : 0;
}

/* An item that goes from part to part has another path, under each of its keys. */
static int note_moved(struct store_tx *tx, uint64_t id, struct named now, struct err *e)
{
    tx_note(tx, STORE_CHANGE_REMOVED, id, now.key);
    tx_note(tx, STORE_CHANGE_ADDED, id, now.key);
    for (size_t i = 0; i < tx->cat->n_namings; i++) {
        struct buf hold BUF_CLEANUP = BUF_INIT;
        struct span key = {0};
        if (tx->cat->namings[i]->coll == id_coll(id) && tx->cat->namings[i]->space &&
            names_key(now.rec, tx->cat->namings[i]->slot, &hold, &key, e))
            return -1;
        if (key.p)
            tx_note(tx, STORE_CHANGE_REMOVED, id, key);
    }
    return 0;
}

static int follow_part(struct store_tx *tx, uint64_t id, const struct naming *n, struct named old,
                       struct named now, struct err *e)
{
    uint32_t was = names_set(n, old.rec), is = names_set(n, now.rec);

    if (move_member(tx, id, was, is, e) ||
        move_member(tx, id, names_misfit(n, old.rec), names_misfit(n, now.rec), e))
        return -1;
    if (was == is && is && !span_eq(old.key, now.key)) /* its directory's time */
        return tx_count(tx, is, 0, e);
    return was && is && was != is ? note_moved(tx, id, now, e) : 0;
}

/* In a merged type: an item of a later type that was called so while no other was. */
static int make_way(struct store_tx *tx, uint32_t space, uint64_t id, struct span key,
                    struct err *e)
{
    uint64_t other = 0;
    bool taken;

    if (item_find_id(tx->c, space, key, &other, &taken, e))
        return -1;
    return taken && other != id ? item_yield(tx, other, e) : 0;
}

static int follow_naming(struct store_tx *tx, uint64_t id, const struct naming *n,
                         const struct record *old, const struct record *now, struct err *e)
{
    struct buf was BUF_CLEANUP = BUF_INIT, is BUF_CLEANUP = BUF_INIT;
    struct span old_key, new_key;

    if (names_key(old, n->slot, &was, &old_key, e) || names_key(now, n->slot, &is, &new_key, e) ||
        (n->shared && new_key.p && make_way(tx, n->space, id, new_key, e)))
        return -1;
    return move_name(tx, n->space, id, old_key, new_key, e);
}

static bool in_one_space(const struct catalog *c, uint32_t space, uint32_t coll)
{
    for (size_t i = 0; i < c->n_namings; i++)
        if (c->namings[i]->space == space && c->namings[i]->coll == coll)
            return true;
    return false;
}

/* merge_types: an item of another type has the same key as this one, so one of the two gave way, when the step came or
 * since. This one is about to lose its key: the other gets its name now, which it would have if anybody had looked. */
static int name_rivals(struct store_tx *tx, uint64_t id, struct span key, struct err *e)
{
    for (size_t i = 0; i < tx->cat->n_namings; i++) {
        const struct naming *n = tx->cat->namings[i];
        struct derive_aside aside;
        uint64_t other;
        bool found;
        if (!n->shared || n->coll == id_coll(id) || derive_is_done(tx->store, tx, n->step) ||
            !in_one_space(tx->cat, n->space, id_coll(id)))
            continue;
        if (item_find_id(tx->c, n->coll, key, &other, &found, e))
            return -1;
        if (!found)
            continue;
        aside = derive_put_aside(tx);
        int rc = derive_bring(tx, n->step, n->step, other, e);
        derive_take_up(tx, &aside);
        if (rc)
            return -1;
    }
    return 0;
}

int names_follow(struct store_tx *tx, uint64_t id, struct named old, struct named now,
                 struct err *e)
{
    bool loses = old.key.p && !(now.key.p && span_eq(old.key, now.key));

    if ((loses && name_rivals(tx, id, old.key, e)) || move_name(tx, id_coll(id), id, old.key, now.key, e))
        return -1;
    for (size_t i = 0; i < tx->cat->n_namings; i++) {
        const struct naming *n = tx->cat->namings[i];
        if (n->coll != id_coll(id))
            continue;
        if (n->space ? follow_naming(tx, id, n, old.rec, now.rec, e)
                     : follow_part(tx, id, n, old, now, e))
            return -1;
    }
    return 0;
}

/* The record is from before names that were derived since it was read. */
static bool names_came(const struct store_tx *tx, uint64_t id, const struct record *rec)
{
    for (size_t i = 0; i < tx->cat->n_namings; i++) {
        const struct naming *n = tx->cat->namings[i];
        if (n->coll == id_coll(id) && rec->gen < n->step &&
            derive_is_done(tx->store, tx, n->step))
            return true;
    }
    return false;
}

/* It gets another key in some version, or a first one, which without the write might have been another. */
static bool is_renamed(const struct store_tx *tx, uint64_t id, struct named old, struct named now)
{
    bool renamed = !span_eq(old.key, now.key);

    for (size_t i = 0; i < tx->cat->n_namings && !renamed; i++) {
        const struct naming *n = tx->cat->namings[i];
        renamed = n->space && n->coll == id_coll(id) &&
                  !span_eq(value_of(old.rec, n->slot), value_of(now.rec, n->slot));
    }
    return renamed;
}

static int read_again(struct store_tx *tx, uint64_t id, struct item_row *hold, struct named *ret,
                      struct err *e)
{
    bool found;

    if (item_row_get(tx->c, id, hold, &found, e))
        return -1;
    if (found)
        ret->rec = &hold->rec;
    return 0;
}

int names_before(struct store_tx *tx, const struct item_row *old, struct named now,
                 struct item_row *hold, struct named *ret, struct err *e)
{
    size_t derived = tx->n_derived;

    *ret = (struct named){buf_span(&old->key), &old->rec};
    if (names_came(tx, old->id, &old->rec) && read_again(tx, old->id, hold, ret, e))
        return -1;
    if (tx->rewriting)
        return 0;
    bool renamed = is_renamed(tx, old->id, *ret, now);
    if ((renamed || derive_past_sees(tx->cat, old->id, ret->rec, now.rec)) && derive_past_to(tx, old->id, e))
        return -1;
    if (!tx->cat->n_givers || !renamed)
        return 0;
    if (derive_given_tx(tx, id_coll(old->id), e))
        return -1;
    if (tx->n_derived == derived)
        return 0;
    if (read_again(tx, old->id, hold, ret, e))
        return -1;
    if (ret->rec->gen > old->rec.gen) /* its origins were given up with that */
        derive_uses_begin(tx);
    return 0;
}

/* ---- Which are derived ---- */

/* v shows these items under the naming's keys. */
static bool uses(const struct version *v, const struct naming *n)
{
    for (size_t i = 0; i < v->n_shapes; i++)
        if (shape_uses(v->shapes[i], n))
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

bool names_are_derived(struct store *s, const struct shape *shape)
{
    bool derived = true;

    if (atomic_load(&s->n_underived) == 0 || !shape->set)
        return true;
    pthread_mutex_lock(&s->state.lock);
    for (size_t i = 0; i < s->state.cat->n_namings; i++)
        for (size_t k = 0; k < s->state.n_underived && shape_uses(shape, s->state.cat->namings[i]);
             k++)
            derived &= s->state.underived[k] != s->state.cat->namings[i]->step ||
                       s->state.cat->namings[i]->space != 0;
    pthread_mutex_unlock(&s->state.lock);
    return derived;
}
