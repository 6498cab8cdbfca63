/* Reading items. The row's statement stays open while the item is rendered: it holds one snapshot
 * for everything that is looked up on the way, and lends the record's bytes without a copy. */
#include "missing.h"

#include <assert.h>

/* ---- Rows ---- */

void item_row_free(struct item_row *row)
{
    buf_free(&row->key);
    buf_free(&row->body);
    record_free(&row->rec);
}

int item_exists(struct conn *c, uint64_t id, bool *ret, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_ITEM_KEY, e);

    if (!st)
        return -1;
    bind_id(st, 1, id);
    if (conn_step(c, st, ret, e))
        return -1;
    stmt_done(st);
    return 0;
}

int tx_run_id(struct store_tx *tx, enum stmt stmt, uint64_t id, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, stmt, e);

    if (!st)
        return -1;
    bind_id(st, 1, id);
    return conn_run(tx->c, st, e);
}

/* Columns id, key, mtime, btime, body. */
static int row_copy(struct conn *c, sqlite3_stmt *st, struct item_row *row, struct err *e)
{
    uint64_t id = column_id(st, 0);

    if (sqlite3_column_type(st, 1) != SQLITE_TEXT || sqlite3_column_type(st, 4) != SQLITE_BLOB)
        return item_damaged(c, id, "no record", e);
    row->id = id;
    row->mtime_ns = sqlite3_column_int64(st, 2);
    row->btime_ns = sqlite3_column_int64(st, 3);
    buf_reset(&row->key);
    buf_reset(&row->body);
    if (!buf_addspan(&row->key, column_span(st, 1)) || !buf_addspan(&row->body, column_span(st, 4)))
        return err_nomem(e);
    return item_decode(c, id, buf_span(&row->body), &row->rec, e);
}

static int row_step(struct conn *c, sqlite3_stmt *st, struct item_row *row, bool *ret_found,
                    struct err *e)
{
    int rc = conn_step(c, st, ret_found, e);
    if (rc == 0 && *ret_found)
        rc = row_copy(c, st, row, e);
    stmt_done(st);
    return rc;
}

int item_follows(uint64_t id, uint64_t *after, struct err *e)
{
    if (id <= *after)
        return err_set(e, ERR_IO, "the items are not in the order of their numbers");
    *after = id;
    return 0;
}

int item_row_get(struct conn *c, uint64_t id, struct item_row *row, bool *ret_found, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_ITEM_ROW, e);
    if (!st)
        return -1;
    bind_id(st, 1, id);
    return row_step(c, st, row, ret_found, e);
}

int item_row_find(struct conn *c, uint32_t space, struct span key, struct item_row *row,
                  bool *ret_found, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_ITEM_LOOKUP, e);
    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, space);
    bind_text(st, 2, key);
    return row_step(c, st, row, ret_found, e);
}

int item_find_id(struct conn *c, uint32_t space, struct span key, uint64_t *ret_id, bool *ret_found,
                 struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, STMT_NAME_FIND, e);
    if (!st)
        return -1;
    sqlite3_bind_int64(st, 1, space);
    bind_text(st, 2, key);
    if (conn_step(c, st, ret_found, e))
        return -1;
    if (*ret_found)
        *ret_id = column_id(st, 0);
    stmt_done(st);
    return 0;
}

/* ---- What a type shows ---- */

int item_shown_id(struct conn *c, const struct shape *s, uint64_t number, uint64_t *ret_id,
                  bool *ret_found, struct err *e)
{
    sqlite3_stmt *st;

    *ret_id = id_make(s->coll, number);
    *ret_found = true;
    if (!s->set)
        return 0;
    if (!(st = conn_stmt(c, STMT_ITEM_PART, e)))
        return -1;
    sqlite3_bind_int64(st, 1, s->set);
    bind_id(st, 2, number);
    if (conn_step(c, st, ret_found, e))
        return -1;
    if (*ret_found)
        *ret_id = column_id(st, 0);
    stmt_done(st);
    return 0;
}

int item_shown_row(struct conn *c, const struct shape *s, uint64_t number, struct item_row *row,
                   bool *ret_found, struct err *e)
{
    uint64_t id;

    if (item_shown_id(c, s, number, &id, ret_found, e))
        return -1;
    return *ret_found ? item_row_get(c, id, row, ret_found, e) : 0;
}

/* The key is free in this part and taken in another. */
static int elsewhere(const struct shape *s, struct span key, struct err *e)
{
    return err_set(e, ERR_EXISTS, "\"%.*s\" is the key of an item in another part than %s",
                   (int)(key.n > 250 ? 250 : key.n), key.p, s->name);
}

int item_shown_find(struct conn *c, const struct shape *s, struct span key, struct item_row *row,
                    bool *ret_found, struct err *e)
{
    uint64_t id;
    bool shown;

    if (item_row_find(c, shape_space(s), key, row, ret_found, e))
        return -1;
    if (!*ret_found)
        return 0;
    if (item_shown_id(c, s, id_number(row->id), &id, &shown, e))
        return -1;
    return shown ? 0 : elsewhere(s, key, e);
}

/* ---- A call that reads ---- */

/* What the present version of the item is read through, and what is wanted of it. */
struct reading {
    const struct version *v;
    const struct shape *s;
    uint64_t number;
    struct span key;        /* lookup: instead of the number */
    struct item_stat *stat; /* each may be NULL */
    struct buf *text;
    /* lists */
    unsigned flags;
    store_list_fn fn;
    void *arg;
    /* base */
    struct store_base *base;
};

int with_reader(struct store *st, const struct catalog *cat, const struct version *v,
                const struct shape *s, reading_fn fn, void *arg, struct err *e)
{
    if (derive_for_view(st, v, s->coll, e))
        return -1;
    for (int tries = 0;; tries++) {
        struct err why = ERR_INIT;
        uint32_t needs;
        struct conn *c;
        int rc;

        if (reader_get(st, cat, &c, e))
            return -1;
        rc = fn(c, arg, &why);
        needs = c->world.needs_derive;
        reader_put(c);
        if (rc == 0)
            return 0;
        if (!needs || tries >= 64) {
            *e = why;
            return -1;
        }
        if (derive_for_read(st, needs, e))
            return -1;
    }
}

static int no_such_key(const struct shape *s, struct span key, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "there is no %s \"%.*s\"", s->name,
                   (int)(key.n > 250 ? 250 : key.n), key.p);
}

static int gone(struct conn *c, const struct reading *r, struct err *e)
{
    uint64_t id;
    bool taken = false;

    if (r->key.p && r->s->set && item_find_id(c, shape_space(r->s), r->key, &id, &taken, e))
        return -1;
    if (taken)
        return elsewhere(r->s, r->key, e);
    if (r->key.p)
        return no_such_key(r->s, r->key, e);
    return err_set(e, ERR_NOT_FOUND, "the %s is gone", r->s->name);
}

/* The open row of st (id, key, mtime, btime, body) rendered into text (appended) and stat. */
static int render_row(struct conn *c, sqlite3_stmt *st, const struct reading *r, bool line,
                      struct buf *text, struct item_stat *stat, struct err *e)
{
    uint64_t id = column_id(st, 0);
    size_t start = text->n;
    struct shape hold;

    if (sqlite3_column_type(st, 1) != SQLITE_TEXT || sqlite3_column_type(st, 4) != SQLITE_BLOB ||
        id_number(id) >= ITEM_NUMBERS_END)
        return item_damaged(c, id, "no record", e);
    if (item_decode(c, id, column_span(st, 4), &c->rec, e) ||
        lens_text(&c->lens, r->v, shape_of_coll(r->s, id_coll(id), &hold), &c->rec,
                  column_span(st, 1), line, text, e)) {
        text->n = start;
        return -1;
    }
    if (!stat)
        return 0;
    *stat = (struct item_stat){.number = id_number(id),
                               .size_bytes = text->n - start,
                               .mtime_ns = sqlite3_column_int64(st, 2),
                               .btime_ns = sqlite3_column_int64(st, 3)};
    return item_attr(c, r->v, r->s, stat->number, stat, e);
}

/* The statement that gives the row of r: by key or by number, of all items or of a part's. */
static sqlite3_stmt *row_stmt(struct conn *c, const struct reading *r, struct err *e)
{
    static const enum stmt stmts[2][2] = {{STMT_ITEM_ROW, STMT_ITEM_PART_ROW},
                                          {STMT_ITEM_LOOKUP, STMT_ITEM_PART_LOOKUP}};
    sqlite3_stmt *st = conn_stmt(c, stmts[r->key.p != NULL][r->s->set != 0], e);
    if (!st)
        return NULL;
    if (r->key.p) {
        sqlite3_bind_int64(st, 1, shape_space(r->s));
        bind_text(st, 2, r->key);
        if (r->s->set)
            sqlite3_bind_int64(st, 3, r->s->set);
    } else if (r->s->set) {
        sqlite3_bind_int64(st, 1, r->s->set);
        bind_id(st, 2, r->number);
    } else {
        bind_id(st, 1, id_make(r->s->coll, r->number));
    }
    return st;
}

static int read_one(struct conn *c, void *arg, struct err *e)
{
    struct reading *r = arg;
    sqlite3_stmt *st = row_stmt(c, r, e);
    struct item_stat stat;
    bool row;
    int rc;

    if (!st || conn_step(c, st, &row, e))
        return -1;
    reader_refresh(c, r->v);
    rc = row ? render_row(c, st, r, false, r->text ? r->text : &c->text, &stat, e) : gone(c, r, e);
    stmt_done(st);
    if (rc == 0 && r->stat)
        *r->stat = stat;
    return rc;
}

int store_lookup(struct store *st, const struct catalog *c, const struct version *v,
                 const struct shape *s, struct span key, struct item_stat *ret,
                 struct buf *ret_text, struct err *e)
{
    struct reading r = {.v = v, .s = s, .key = key, .stat = ret, .text = ret_text};

    if (derive_for_view(st, v, s->coll, e))
        return -1;
    if (missing_knows(st, shape_space(s), key))
        return no_such_key(s, key, e);
    return with_reader(st, c, v, s, read_one, &r, e);
}

int store_read(struct store *st, const struct catalog *c, const struct version *v,
               const struct shape *s, uint64_t number, struct item_stat *ret_stat,
               struct buf *ret_text, struct err *e)
{
    struct reading r = {.v = v, .s = s, .number = number, .stat = ret_stat, .text = ret_text};
    return with_reader(st, c, v, s, read_one, &r, e);
}

static int read_key(struct conn *c, void *arg, struct err *e)
{
    struct reading *r = arg;
    uint64_t id;
    bool found;

    if (item_shown_id(c, r->s, r->number, &id, &found, e))
        return -1;
    if (found &&
        c->lens.world.key_of(c->lens.world.arg, r->v, r->s->id, id, r->text, &found, e))
        return -1;
    return found ? 0 : gone(c, r, e);
}

int store_key(struct store *st, const struct catalog *c, const struct version *v,
              const struct shape *s, uint64_t number, struct buf *ret_key, struct err *e)
{
    struct reading r = {.v = v, .s = s, .number = number, .text = ret_key};
    return with_reader(st, c, v, s, read_key, &r, e);
}

/* ---- Lists ---- */

/* The key that the type shows of the open row (id, key, ..., body). */
static int row_key(struct conn *c, sqlite3_stmt *st, const struct reading *r, struct span *ret,
                   struct err *e)
{
    struct shape hold;
    const struct shape *s = shape_of_coll(r->s, id_coll(column_id(st, 0)), &hold);

    *ret = column_span(st, 1);
    if (!s->key)
        return 0;
    return item_decode(c, column_id(st, 0), column_span(st, 4), &c->rec, e) ||
                   lens_key(&c->lens, r->v, s, &c->rec, *ret, ret, e)
               ? -1
               : 0;
}

static int list_row(struct conn *c, sqlite3_stmt *st, struct reading *r, struct err *e)
{
    struct item_stat stat = {.number = id_number(column_id(st, 0))};
    struct span text = {"", 0}, key;
    int rc = 0;

    if (stat.number >= ITEM_NUMBERS_END)
        return item_damaged(c, column_id(st, 0), "no record", e);
    reader_refresh(c, r->v);
    buf_reset(&c->text);
    if (r->flags)
        rc = render_row(c, st, r, r->flags & LIST_LINES, &c->text, &stat, e);
    if (rc == 0)
        rc = row_key(c, st, r, &key, e);
    if (rc == 0) {
        text = r->flags ? buf_span(&c->text) : text;
        r->number = stat.number; /* where to go on */
        rc = r->fn(r->arg, key, &stat, text);
    }
    lens_reset(&c->lens);
    return rc;
}

static sqlite3_stmt *list_stmt(struct conn *c, const struct reading *r, struct err *e)
{
    bool whole = r->flags || r->s->key;
    sqlite3_stmt *st = conn_stmt(c,
                                 r->s->set ? STMT_ITEM_PART_LIST
                                 : whole   ? STMT_ITEM_LIST
                                           : STMT_ITEM_LIST_KEYS,
                                 e);
    if (!st)
        return NULL;
    if (r->s->set) {
        sqlite3_bind_int64(st, 1, r->s->set);
        bind_id(st, 2, r->number);
        return st;
    }
    bind_id(st, 1, id_make(r->s->coll, r->number));
    bind_id(st, 2, id_make(r->s->coll, ITEM_NUMBER_MASK));
    return st;
}

static int read_list(struct conn *c, void *arg, struct err *e)
{
    struct reading *r = arg;
    sqlite3_stmt *st = list_stmt(c, r, e);
    bool row;
    int rc;

    if (!st)
        return -1;
    while (!(rc = conn_step(c, st, &row, e)) && row && !(rc = list_row(c, st, r, e)))
        ;
    stmt_done(st);
    return rc < 0 ? -1 : 0;
}

int store_list(struct store *st, const struct catalog *c, const struct version *v,
               const struct shape *s, uint64_t after, unsigned flags, store_list_fn fn, void *arg,
               struct err *e)
{
    struct reading r = {.v = v, .s = s, .number = after, .flags = flags, .fn = fn, .arg = arg};
    if (after >= ITEM_NUMBER_MASK)
        return 0;
    return with_reader(st, c, v, s, read_list, &r, e);
}

/* ---- Bases ---- */

void store_base_free(struct store_base *b)
{
    if (!b)
        return;
    item_row_free(&b->row);
    buf_free(&b->bytes);
    record_free(&b->seen);
    free(b);
}

/* The snapshot in bytes of its own. */
static int base_snapshot(struct conn *c, struct reading *r, struct err *e)
{
    struct store_base *b = r->base;
    struct record seen RECORD_CLEANUP = RECORD_INIT;
    struct shape hold;
    const struct shape *s = shape_of_coll(r->s, id_coll(b->row.id), &hold);

    if (lens_snapshot(&c->lens, r->v, s, &b->row.rec, buf_span(&b->row.key), &seen, e))
        return -1;
    buf_reset(&b->bytes);
    if (!record_encode(&seen, &b->bytes))
        return err_nomem(e);
    return record_decode(buf_span(&b->bytes), &b->seen, e);
}

static int read_base(struct conn *c, void *arg, struct err *e)
{
    struct reading *r = arg;
    sqlite3_stmt *st = row_stmt(c, r, e);
    struct shape hold;
    bool row;
    int rc;

    if (!st || conn_step(c, st, &row, e))
        return -1;
    reader_refresh(c, r->v);
    if (r->text)
        buf_reset(r->text);
    rc = row ? row_copy(c, st, &r->base->row, e) : gone(c, r, e);
    if (rc == 0)
        rc = base_snapshot(c, r, e);
    if (rc == 0 && r->text)
        rc = lens_text(&c->lens, r->v, shape_of_coll(r->s, id_coll(r->base->row.id), &hold),
                       &r->base->row.rec, buf_span(&r->base->row.key), false, r->text, e);
    stmt_done(st);
    return rc;
}

int store_base_get(struct store *st, const struct catalog *c, const struct version *v,
                   const struct shape *s, uint64_t number, struct store_base **ret,
                   struct buf *ret_text, struct err *e)
{
    struct store_base *b = calloc(1, sizeof *b);
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct reading r = {
        .v = v, .s = s, .number = number, .base = b, .text = ret_text ? &text : NULL};

    if (!b)
        return err_nomem(e);
    if (with_reader(st, c, v, s, read_base, &r, e)) {
        store_base_free(b);
        return -1;
    }
    if (ret_text && !buf_addspan(ret_text, buf_span(&text))) {
        store_base_free(b);
        return err_nomem(e);
    }
    *ret = b;
    return 0;
}

/* ---- The rest ---- */

struct check_arg {
    struct reading r;
    struct span text;
    const struct store_base *base;
};

static int read_check(struct conn *c, void *arg, struct err *e)
{
    const struct check_arg *a = arg;
    return lens_check(&c->lens, a->r.v, a->r.s, a->text, a->base ? &a->base->seen : NULL, e);
}

/* References, unique keys and checks are judged against the store. */
static bool judged_by_store(const struct shape *s)
{
    if (s->n_uniques || s->n_checks || s->n_colls)
        return true;
    for (size_t i = 0; i < s->n_fields; i++)
        if (s->fields[i].check || type_structured(s->fields[i].type))
            return true;
    return false;
}

static bool has_computed(const struct shape *s)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (s->fields[i].read_only)
            return true;
    return false;
}

/* In any live version that shows these items: a unique key may be a newer one's. What a computed
 * field has to be is known when the item is laid out. */
static bool needs_trial(const struct catalog *c, const struct shape *s)
{
    if (has_computed(s))
        return true;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        if (c->entries[i].state != VERSION_LIVE)
            continue;
        for (size_t j = 0; j < v->n_shapes; j++)
            if (shape_has_coll(s, v->shapes[j]->coll) && judged_by_store(v->shapes[j]))
                return true;
    }
    return false;
}

struct trial {
    const struct version *v;
    const struct shape *s;
    struct store_put put;
};

static int trial_tx(struct store_tx *tx, void *arg, struct err *e)
{
    const struct trial *t = arg;
    return item_put(tx, t->v, t->s, &t->put, false, NULL, e) ? -1 : TX_ROLLBACK;
}

/* The put itself, undone: what only the store knows is said before close. */
static int try_text(struct store *st, const struct version *v, const struct shape *s,
                    const struct store_base *base, struct span key, struct span text, struct err *e)
{
    struct trial t = {v, s, {.text = text, .base = base, .key = key, .exclusive = !base}};
    struct err why = ERR_INIT;

    if (base)
        t.put.number = id_number(base->row.id);
    if (store_write(st, 0, trial_tx, &t, &why) >= 0)
        return 0;
    if (why.code == ERR_NOT_FOUND || (why.code == ERR_EXISTS && !base && !why.field[0]))
        return 0; /* the item came or went: for close to say */
    *e = why;
    return -1;
}

int store_check_text(struct store *st, const struct catalog *c, const struct version *v,
                     const struct shape *s, const struct store_base *base, struct span key,
                     struct span text, struct err *e)
{
    struct check_arg a = {.r = {.v = v, .s = s}, .text = text, .base = base};

    if (text.n > st->max_item_bytes)
        return item_too_big(st, e);
    if (with_reader(st, c, v, s, read_check, &a.r, e))
        return -1;
    return needs_trial(c, s) && !st->read_only ? try_text(st, v, s, base, key, text, e) : 0;
}

int item_too_big(const struct store *s, struct err *e)
{
    return err_set(e, ERR_TOO_BIG, "an item may have at most %zu bytes", s->max_item_bytes);
}
