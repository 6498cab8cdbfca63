/* Types that extract_type derives from the values of others.
 *
 * A link's step has two tables, values -> record:
 *   extracted   by the values the records have now: a write of values through the old side finds
 *               its record here, or makes one
 *   origin      by the values that items from before the step hold: their record is the one made
 *               from those values, whatever became of it since. `holders` counts the items that
 *               still refer to it in this way (they are not in table ref)
 * and each record made by extraction only stands in table made, until it is written through the new
 * side. A made record that no holder and no reference points to any more is deleted.
 *
 *   underived --(first listing, lookup or write of the type: one scan)--> derived
 *
 * While a link is underived, nobody has listed its type, so no record has been changed, renamed or
 * deleted: the record of values V is the one whose key is made from V alone, in the tables or not.
 * Readers use that and need no scan. holders are not counted yet: a made record that no reference points to
 * is deleted, and made again for the next who has its values. A `key` expression may give one key to
 * several values, so there the scan comes first.
 *
 * derive_scan.c makes all records and counts all holders in one transaction, which also marks the
 * link. A crash leaves it underived: the scan starts anew, finding what is there. */
#include "internal.h"

#include <assert.h>

#define DERIVE_MAX_DEPTH 64

bool values_encode(const struct span *values, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!buf_addvarint(out, values[i].p ? values[i].n + 1 : 0))
            return false;
        if (values[i].p && !buf_addspan(out, values[i]))
            return false;
    }
    return true;
}

/* ---- What is derived ---- */

static bool listed(const uint32_t *steps, size_t n, uint32_t step)
{
    for (size_t i = 0; i < n; i++)
        if (steps[i] == step)
            return true;
    return false;
}

const struct link *derive_link_of(const struct catalog *c, uint32_t coll)
{
    for (size_t i = 0; i < c->n_links; i++)
        if (c->links[i]->kind == LINK_EXTRACT && c->links[i]->target_coll == coll)
            return c->links[i];
    return NULL;
}

bool coll_is_derived(struct store *s, uint32_t coll)
{
    const struct link *l;
    bool done;

    if (atomic_load(&s->n_underived) == 0)
        return true;
    pthread_mutex_lock(&s->state.lock);
    l = derive_link_of(s->state.cat, coll);
    done = !l || !listed(s->state.underived, s->state.n_underived, l->step);
    pthread_mutex_unlock(&s->state.lock);
    return done;
}

static int link_row(struct conn *c, uint32_t step, bool *ret, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_LINK_FIND, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, step);
    if (conn_step(c, st, ret, e))
        return -1;
    stmt_done(st);
    return 0;
}

bool derive_is_done(struct store *s, const struct store_tx *tx, uint32_t step)
{
    bool done;

    if (tx && listed(tx->derived, tx->n_derived, step))
        return true;
    if (tx && tx->new_cat) { /* memory knows the links of the catalog before */
        struct err why = ERR_INIT;
        if (!link_row(tx->c, step, &done, &why))
            return done;
        if (!tx->c->lost) /* nobody is told here: whatever the transaction does next is refused */
            tx->c->lost = why.code == ERR_NO_MEMORY ? SQLITE_NOMEM : SQLITE_IOERR;
        return false;
    }
    if (atomic_load(&s->n_underived) == 0)
        return true;
    pthread_mutex_lock(&s->state.lock);
    done = !listed(s->state.underived, s->state.n_underived, step);
    pthread_mutex_unlock(&s->state.lock);
    return done;
}

/* The steps with something to derive, one after the other; 0: this one has nothing. */
static uint32_t numbered_step(const struct catalog *cat, size_t i)
{
    const struct giver *g;

    if (i < cat->n_links)
        return cat->links[i]->kind == LINK_INLINE ? 0 : cat->links[i]->step;
    i -= cat->n_links;
    if (i < cat->n_namings)
        return cat->namings[i]->step;
    g = &cat->givers[i - cat->n_namings];
    return g->looks_up ? g->at->f->step : 0;
}

int derive_list(struct conn *c, const struct catalog *cat, uint32_t **ret, size_t *ret_n,
                struct err *e)
{
    size_t n = cat->n_links + cat->n_namings + cat->n_givers;
    uint32_t *steps = malloc((n + 1) * sizeof *steps);

    *ret_n = 0;
    if (!steps)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        uint32_t step = numbered_step(cat, i);
        bool done = false;
        if (!step || listed(steps, *ret_n, step))
            continue;
        if (link_row(c, step, &done, e)) {
            free(steps);
            return -1;
        }
        if (!done)
            steps[(*ret_n)++] = step;
    }
    *ret = steps;
    return 0;
}

/* ---- Tables ---- */

static int find_origin(struct conn *c, uint32_t step, struct span vals, uint64_t *ret_id, bool *ret_found,
                       struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_ORIGIN_FIND, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, step);
    bind_blob(st, 2, vals);
    if (conn_step(c, st, ret_found, e))
        return -1;
    if (*ret_found)
        *ret_id = column_id(st, 0);
    stmt_done(st);
    return 0;
}

int derive_write(struct store_tx *tx, enum stmt stmt, uint32_t step, struct span vals, int64_t id,
                 struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, stmt, e);

    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, step);
    bind_blob(st, 2, vals);
    sqlite3_bind_int64(st, 3, id);
    return conn_run(tx->c, st, e);
}

int derive_origin_holders(struct conn *c, uint64_t id, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row;

    if (c->world.tx && derive_tally_write(c->world.tx, e))
        return -1;
    if (!(st = conn_stmt(c, STMT_ORIGIN_HOLDERS, e)))
        return -1;
    bind_id(st, 1, id);
    if (conn_step(c, st, &row, e))
        return -1;
    *ret = row ? sqlite3_column_int64(st, 0) : 0;
    stmt_done(st);
    return 0;
}

/* ---- Keys of made records ---- */

static struct span value_of_slot(const struct link *l, const struct span *values, slot_no slot)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->here[i] == slot)
            return values[i];
    return (struct span){0};
}

/* The result of the key expression as JSON text; *ret_set = false: it gives none. */
static int key_expression(struct conn *c, const struct link *l, const struct span *values,
                          struct buf *out, bool *ret_set, struct err *e)
{
    struct span *inputs = calloc(l->key->n_inputs + 1, sizeof *inputs);
    int rc;

    if (!inputs)
        return err_nomem(e);
    for (size_t i = 0; i < l->key->n_inputs; i++)
        inputs[i] = value_of_slot(l, values, l->key->inputs[i].slot);
    rc = expr_eval(c->env, l->key, inputs, (struct span){0}, out, ret_set, e);
    free(inputs);
    return rc;
}

static int link_key(struct conn *c, const struct link *l, const struct link_values *values,
                    struct buf *out, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct span given;
    bool set = false;

    if (l->key && key_expression(c, l, values->texts, &text, &set, e))
        return -1;
    given = buf_span(&text);
    if (set ? !key_from_values(&given, &l->key->out_type, 1, out)
            : !key_from_values(values->names, l->types, l->n, out))
        return err_nomem(e);
    return 0;
}

/* The record that has these values now. Which of several must not depend on which was made first, and so on whether
 * there was a backfill: the one that is called by them, or else the first by key. */
static int find_extracted(struct store_tx *tx, const struct link *l, const struct link_values *values, struct span vals,
                          uint64_t *ret_id, bool *ret_found, struct err *e)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    sqlite3_stmt *st;

    if (link_key(tx->c, l, values, &key, e) || !(st = conn_stmt(tx->c, STMT_EXTRACTED_FIND, e)))
        return -1;
    sqlite3_bind_int64(st, 1, l->step);
    bind_blob(st, 2, vals);
    bind_text(st, 3, buf_span(&key));
    if (conn_step(tx->c, st, ret_found, e))
        return -1;
    if (*ret_found)
        *ret_id = column_id(st, 0);
    stmt_done(st);
    return 0;
}

/* The link's key, or with ~2, ~3, ... when another record has it. */
static int free_key(struct store_tx *tx, const struct link *l, const struct link_values *values,
                    struct buf *out, struct err *e)
{
    size_t plain;

    if (link_key(tx->c, l, values, out, e))
        return -1;
    plain = out->n;
    for (unsigned n = 2;; n++) {
        uint64_t id;
        bool taken;
        if (item_find_id(tx->c, l->target_coll, buf_span(out), &id, &taken, e))
            return -1;
        if (!taken)
            return 0;
        out->n = plain;
        if (!buf_printf(out, "~%u", n))
            return err_nomem(e);
    }
}

/* ---- Making a record ---- */

static int insert_made(struct store_tx *tx, const struct link *l, uint64_t id, struct span key,
                       const struct record *rec, struct err *e)
{
    sqlite3_stmt *st;

    if (item_insert(tx, id, key, rec, tx->now_ns, e))
        return -1;
    if (!(st = conn_stmt(tx->c, STMT_MADE_INSERT, e)))
        return -1;
    bind_id(st, 1, id);
    sqlite3_bind_int64(st, 2, l->step);
    return conn_run(tx->c, st, e);
}

/* present: made for values that are written now, not for an item from before the step. */
static int make_record(struct store_tx *tx, const struct link *l, const struct link_values *values,
                       bool present, uint64_t *ret_id, struct err *e)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT;
    struct buf key BUF_CLEANUP = BUF_INIT;
    struct lens lens;
    bool was_fresh = tx->fresh;
    uint64_t id = id_make(l->target_coll, tx_new_number(tx));
    int rc;

    if (tx->depth >= DERIVE_MAX_DEPTH)
        return err_set(e, ERR_INVALID, "extracted types refer to each other without end");
    if (free_key(tx, l, values, &key, e))
        return -1;
    tx_sub_lens(tx, &lens);
    tx->depth++;
    tx->fresh = present;
    rc = lens_link_record(&lens, l, values, buf_span(&key), &rec, e);
    if (rc == 0)
        rc = insert_made(tx, l, id, buf_span(&key), &rec, e);
    tx->fresh = was_fresh;
    tx->depth--;
    lens_deinit(&lens);
    if (rc == 0)
        *ret_id = id;
    return rc;
}

/* ---- Origins that a record's bringing up to date used ---- */

void derive_uses_begin(struct store_tx *tx)
{
    for (size_t i = 0; i < tx->n_uses; i++)
        buf_free(&tx->uses[i].values);
    tx->n_uses = 0;
}

static int note_use(struct store_tx *tx, uint32_t step, struct span vals, uint64_t id,
                    struct err *e)
{
    struct origin_use *grown;

    for (size_t i = 0; i < tx->n_uses; i++) /* an item holds one set of values for a step */
        if (tx->uses[i].step == step)
            return 0;
    grown = reallocarray(tx->uses, tx->n_uses + 1, sizeof *grown);
    if (!grown)
        return err_nomem(e);
    tx->uses = grown;
    grown[tx->n_uses] = (struct origin_use){.step = step, .id = id};
    if (!buf_addspan(&grown[tx->n_uses].values, vals))
        return err_nomem(e);
    tx->n_uses++;
    return 0;
}

void derive_uses_swap(struct store_tx *tx, struct origin_uses *aside)
{
    struct origin_uses now = {tx->uses, tx->n_uses, tx->depth, tx->fresh};

    tx->uses = aside->uses;
    tx->n_uses = aside->n_uses;
    tx->depth = aside->depth;
    tx->fresh = aside->fresh;
    *aside = now;
}

int derive_uses_apply(struct store_tx *tx, struct id_list *ret_lost, struct err *e)
{
    for (size_t i = 0; i < tx->n_uses; i++) {
        const struct origin_use *u = &tx->uses[i];
        bool counted = derive_is_done(tx->store, tx, u->step);
        if ((counted && derive_tally(tx, u->step, buf_span(&u->values), -1, e)) ||
            id_list_add(ret_lost, u->id, e)) /* not counted: who else has the values makes it again */
            return -1;
    }
    derive_uses_begin(tx);
    return 0;
}

/* ---- values -> record ---- */

int derive_origin_of(struct conn *c, const struct link *l, const struct link_values *values,
                     uint64_t *ret_id, struct buf *ret_key, struct err *e)
{
    struct buf vals BUF_CLEANUP = BUF_INIT;
    struct store_tx *tx = c->world.tx;
    bool found, done = derive_is_done(c->store, tx, l->step);

    *ret_id = 0;
    if (!done && l->key && !tx) {
        c->world.needs_derive = l->step;
        return err_set(e, ERR_INTERRUPTED, "a type has to be derived first");
    }
    if (!done && l->key && !tx->deriving && derive_link_tx(tx, l, e))
        return -1;
    if (!values_encode(values->same, l->n, &vals))
        return err_nomem(e);
    if (find_origin(c, l->step, buf_span(&vals), ret_id, &found, e))
        return -1;
    return found ? 0 : link_key(c, l, values, ret_key, e); /* not made: the key says it all */
}

/* An item from before the step: the record made from its values. */
static int extract_origin(struct store_tx *tx, const struct link *l, const struct link_values *values,
                          struct span vals, uint64_t *ret_id, struct err *e)
{
    bool found, known;

    if (find_origin(tx->c, l->step, vals, ret_id, &known, e))
        return -1;
    found = known;
    if (!known && !derive_is_done(tx->store, tx, l->step) &&
        find_extracted(tx, l, values, vals, ret_id, &found, e))
        return -1;
    if (!found && make_record(tx, l, values, false, ret_id, e))
        return -1;
    if (!known && derive_write(tx, STMT_ORIGIN_INSERT, l->step, vals, (int64_t)*ret_id, e))
        return -1;
    return tx->depth == 0 ? note_use(tx, l->step, vals, *ret_id, e) : 0;
}

/* Values that are written now: the record that has them, else a new one. */
static int extract_present(struct store_tx *tx, const struct link *l, const struct link_values *values,
                           struct span vals, uint64_t *ret_id, struct err *e)
{
    bool found;

    if (find_extracted(tx, l, values, vals, ret_id, &found, e))
        return -1;
    if (!found && /* it may be made by what has to be given before a new one is */
        (derive_given_tx(tx, l->target_coll, e) ||
         find_extracted(tx, l, values, vals, ret_id, &found, e)))
        return -1;
    if (found)
        return 0;
    if (make_record(tx, l, values, true, ret_id, e))
        return -1;
    if (derive_is_done(tx->store, tx, l->step))
        return 0;
    /* Not derived: it is also what older items with these values refer to. */
    return derive_write(tx, STMT_ORIGIN_INSERT, l->step, vals, (int64_t)*ret_id, e);
}

int derive_extract(struct store_tx *tx, const struct link *l, const struct link_values *values,
                   bool origin, uint64_t *ret_id, struct err *e)
{
    struct buf vals BUF_CLEANUP = BUF_INIT;

    if (!values_encode(values->same, l->n, &vals))
        return err_nomem(e);
    if (l->key && !tx->deriving && derive_link_tx(tx, l, e))
        return -1;
    return origin && !tx->fresh ? extract_origin(tx, l, values, buf_span(&vals), ret_id, e)
                                : extract_present(tx, l, values, buf_span(&vals), ret_id, e);
}

/* ---- Records change ---- */

static int present_values(struct lens *lens, const struct link *l, const struct record *rec,
                          struct span key, struct buf *out, struct err *e)
{
    struct link_values values;

    if (lens_link_values(lens, l, rec, key, &values, e))
        return -1;
    return values_encode(values.same, l->n, out) ? 0 : err_nomem(e);
}

static int follow_values(struct store_tx *tx, const struct link *l, uint64_t id, struct span vals,
                         struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_EXTRACTED_OF, e);
    struct buf old BUF_CLEANUP = BUF_INIT;
    bool row, ok = true;

    if (!st)
        return -1;
    bind_id(st, 1, id);
    sqlite3_bind_int64(st, 2, l->step);
    if (conn_step(tx->c, st, &row, e))
        return -1;
    if (row)
        ok = buf_addspan(&old, column_span(st, 0));
    stmt_done(st);
    if (!ok)
        return err_nomem(e);
    if (row && span_eq(buf_span(&old), vals))
        return 0;
    if (row && derive_write(tx, STMT_EXTRACTED_DELETE, l->step, buf_span(&old), (int64_t)id, e))
        return -1;
    return derive_write(tx, STMT_EXTRACTED_INSERT, l->step, vals, (int64_t)id, e);
}

int derive_follow(struct store_tx *tx, uint64_t id, struct span key, const struct record *rec,
                  struct err *e)
{
    const struct link *l = derive_link_of(tx->cat, id_coll(id));
    struct buf vals BUF_CLEANUP = BUF_INIT;
    struct lens lens;
    int rc;

    if (!l)
        return 0;
    tx_sub_lens(tx, &lens);
    rc = present_values(&lens, l, rec, key, &vals, e);
    lens_deinit(&lens);
    return rc ? -1 : follow_values(tx, l, id, buf_span(&vals), e);
}

int derive_keep(struct store_tx *tx, uint64_t id, struct err *e)
{
    return derive_link_of(tx->cat, id_coll(id)) ? tx_run_id(tx, STMT_MADE_DELETE, id, e) : 0;
}

int derive_forget(struct store_tx *tx, uint64_t id, struct err *e)
{
    if (!derive_link_of(tx->cat, id_coll(id)))
        return 0;
    if (tx_run_id(tx, STMT_EXTRACTED_FORGET, id, e) || tx_run_id(tx, STMT_ORIGIN_FORGET, id, e) ||
        tx_run_id(tx, STMT_MADE_DELETE, id, e))
        return -1;
    return 0;
}

/* ---- From outside a transaction ---- */

static int derive_coll_op(struct store_tx *tx, void *arg, struct err *e)
{
    return derive_coll_tx(tx, *(uint32_t *)arg, e);
}

int derive_for_coll(struct store *s, uint32_t coll, struct err *e)
{
    if (atomic_load(&s->n_underived) == 0 || coll_is_derived(s, coll))
        return 0;
    return store_write(s, TX_ALONE | TX_READ_ONLY_TOO, derive_coll_op, &coll, e);
}

static int derive_step_op(struct store_tx *tx, void *arg, struct err *e)
{
    uint32_t step = *(uint32_t *)arg;

    for (size_t i = 0; i < tx->cat->n_links; i++)
        if (tx->cat->links[i]->step == step && tx->cat->links[i]->kind == LINK_EXTRACT)
            return derive_link_tx(tx, tx->cat->links[i], e);
    for (size_t i = 0; i < tx->cat->n_namings; i++)
        if (tx->cat->namings[i]->step == step)
            return derive_names_tx(tx, tx->cat->namings[i], e);
    return 0;
}

int derive_for_read(struct store *s, uint32_t step, struct err *e)
{
    return store_write(s, TX_ALONE | TX_READ_ONLY_TOO, derive_step_op, &step, e);
}
