/* Unique sets: every set of a live version is enforced, whichever version a write comes through.
 * Table uniq holds for each set the values and their item; unset and null never collide. */
#include "internal.h"

#include <stdio.h>

struct unique_entry {
    uint32_t coll;
    uint64_t key;
    const struct version *v;
    const struct shape *s;
    const struct unique_set *set;
    bool everyone; /* some type that is no part has the set */
};

/* The sets of one catalog's live versions, each once. */
struct unique_plan {
    struct unique_entry *e;
    size_t n;
};

/* A field's own set and one made by a step may have the same id. */
uint64_t unique_key(const struct unique_set *set)
{
    return (uint64_t)set->id << 32 | (set->n ? set->slots[0] : 0);
}

void unique_plan_free(struct unique_plan *p)
{
    if (p)
        free(p->e);
    free(p);
}

static bool same_slots(const struct unique_set *a, const struct unique_set *b)
{
    return a->n == b->n && memcmp(a->slots, b->slots, a->n * sizeof *a->slots) == 0;
}

static struct unique_entry *plan_find(const struct unique_plan *p, const struct shape *s,
                                      const struct unique_set *set)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->e[i].coll == s->coll && p->e[i].set->id == set->id && same_slots(p->e[i].set, set))
            return &p->e[i];
    return NULL;
}

static int plan_shape(struct unique_plan *p, const struct version *v, const struct shape *s,
                      struct err *e)
{
    for (size_t i = 0; i < s->n_uniques; i++) {
        struct unique_entry *grown, *had = plan_find(p, s, &s->uniques[i]);
        if (had)
            had->everyone |= !s->part;
        if (had)
            continue;
        grown = reallocarray(p->e, p->n + 1, sizeof *grown);
        if (!grown)
            return err_nomem(e);
        p->e = grown;
        grown[p->n++] =
            (struct unique_entry){s->coll, unique_key(&s->uniques[i]), v, s, &s->uniques[i], !s->part};
    }
    return 0;
}

/* The newest version that has a set stands for it. */
static int plan_make(const struct catalog *c, struct unique_plan *p, struct err *e)
{
    for (size_t i = c->n_entries; i-- > 0;) {
        const struct version *v = c->entries[i].v;
        if (c->entries[i].state != VERSION_LIVE)
            continue;
        for (size_t k = 0; k < v->n_shapes; k++)
            if (v->shapes[k]->kind == SHAPE_ITEM && plan_shape(p, v, v->shapes[k], e))
                return -1;
    }
    return 0;
}

static const struct unique_plan *plan_of(struct store_tx *tx, struct err *e)
{
    struct store *s = tx->store;
    struct unique_plan *p;

    if (s->uniques && s->uniques_epoch == tx->cat->epoch)
        return s->uniques;
    p = calloc(1, sizeof *p);
    if (!p) {
        err_nomem(e);
        return NULL;
    }
    if (plan_make(tx->cat, p, e)) {
        unique_plan_free(p);
        return NULL;
    }
    unique_plan_free(s->uniques);
    s->uniques = p;
    s->uniques_epoch = tx->cat->epoch;
    return p;
}

/* ---- Values ---- */

static bool is_null(struct span s)
{
    return span_eq(s, span_of("null")) || span_eq(s, span_of("n"));
}

/* Values with references are compared as stored (by id), so that renames change nothing. */
static int one_value(struct lens *lens, const struct unique_entry *u, const struct field *f,
                     const struct record *rec, struct span key, struct span *ret, struct err *e)
{
    const struct entry *en;
    bool set;

    *ret = (struct span){0};
    if (type_structured(f->type)) {
        en = record_get(rec, f->slot);
        if (en && en->bytes.n)
            *ret = en->bytes;
        return 0;
    }
    if (lens_field(lens, u->v, u->s, f, rec, key, false, ret, &set, e))
        return -1;
    if (!set)
        *ret = (struct span){0};
    return 0;
}

static bool has_set(const struct shape *s, const struct unique_set *set)
{
    for (size_t i = 0; i < s->n_uniques; i++)
        if (s->uniques[i].id == set->id && same_slots(&s->uniques[i], set))
            return true;
    return false;
}

/* Does the set hold for the item? That of a part only for the items in a part that has it. */
static int holds_for(struct lens *lens, const struct unique_entry *u, const struct record *rec,
                     struct span key, bool *ret, struct err *e)
{
    *ret = u->everyone;
    for (size_t i = 0; i < u->v->n_shapes && !*ret; i++) {
        const struct shape *s = u->v->shapes[i];
        if (s->coll == u->coll && has_set(s, u->set) &&
            lens_shows(lens, u->v, s, rec, key, ret, e))
            return -1;
    }
    return 0;
}

/* *ret_set = false: something is unset or null. */
static int set_values(struct lens *lens, const struct unique_entry *u, const struct record *rec,
                      struct span key, struct buf *out, bool *ret_set, struct err *e)
{
    bool holds;

    *ret_set = false;
    if (holds_for(lens, u, rec, key, &holds, e))
        return -1;
    if (!holds)
        return 0;
    if (!buf_addvarint(out, u->set->n))
        return err_nomem(e);
    for (size_t i = 0; i < u->set->n; i++) {
        const struct field *f = shape_field_by_slot(u->s, u->set->slots[i]);
        struct span value;
        if (!f)
            return 0;
        if (one_value(lens, u, f, rec, key, &value, e))
            return -1;
        if (!value.p || is_null(value))
            return 0;
        if (!values_encode(&value, 1, out))
            return err_nomem(e);
    }
    *ret_set = true;
    return 0;
}

/* ---- Refusing ---- */

/* "Dog.name, Dog.owner" */
static bool add_fields(const struct unique_entry *u, struct buf *out)
{
    for (size_t i = 0; i < u->set->n; i++) {
        const struct field *f = shape_field_by_slot(u->s, u->set->slots[i]);
        if (!buf_printf(out, "%s%s.%s", i ? ", " : "", u->s->name, f ? f->name : "?"))
            return false;
    }
    return buf_str(out) != NULL;
}

/* The values as text, those with references left out. */
static bool add_values(const struct unique_entry *u, struct span vals, struct buf *out)
{
    const char *p = vals.p, *end = vals.p + vals.n;
    bool first = true;
    uint64_t n;

    if (!varint_read(&p, end, &n))
        return true;
    for (size_t i = 0; i < u->set->n && varint_read(&p, end, &n) && n; i++) {
        const struct field *f = shape_field_by_slot(u->s, u->set->slots[i]);
        size_t len = (size_t)n - 1;
        if (f && !type_structured(f->type)) {
            if ((!first && !buf_adds(out, ", ")) || !buf_add(out, p, len > 100 ? 100 : len))
                return false;
            first = false;
        }
        p += len;
    }
    return buf_str(out) != NULL;
}

static int refuse(struct store_tx *tx, const struct unique_entry *u, struct span vals,
                  uint64_t other, struct err *e)
{
    struct buf fields BUF_CLEANUP = BUF_INIT, text BUF_CLEANUP = BUF_INIT;
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found;

    if (!add_fields(u, &fields) || !add_values(u, vals, &text) || !buf_str(&text))
        return err_nomem(e);
    if (item_row_get(tx->c, other, &row, &found, e))
        return -1;
    err_set(e, ERR_EXISTS, "%s: %s%sis taken by \"%.*s\"", fields.p, text.p, text.n ? " " : "",
            (int)row.key.n, row.key.p ? row.key.p : "");
    err_field(e, fields.p);
    return err_expected(e, "a value that no other %s has", u->s->name);
}

/* ---- Following ---- */

static int run_set(struct store_tx *tx, enum stmt stmt, const struct unique_entry *u,
                   struct span vals, uint64_t id, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, stmt, e);

    if (!st)
        return -1;
    bind_id(st, 1, u->key);
    bind_blob(st, 2, vals);
    if (id)
        bind_id(st, 3, id);
    return conn_run(tx->c, st, e);
}

/* Who has the values: *ret_id = 0: nobody. */
static int owner_of(struct store_tx *tx, const struct unique_entry *u, struct span vals,
                    uint64_t *ret_id, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_UNIQ_FIND, e);
    bool row;

    if (!st)
        return -1;
    bind_id(st, 1, u->key);
    bind_blob(st, 2, vals);
    if (conn_step(tx->c, st, &row, e))
        return -1;
    *ret_id = row ? column_id(st, 0) : 0;
    stmt_done(st);
    return 0;
}

static int present_of(struct store_tx *tx, const struct unique_entry *u, uint64_t id,
                      struct buf *out, bool *ret_has, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_UNIQ_OF, e);
    bool ok = true;

    if (!st)
        return -1;
    bind_id(st, 1, id);
    bind_id(st, 2, u->key);
    if (conn_step(tx->c, st, ret_has, e))
        return -1;
    if (*ret_has)
        ok = buf_addspan(out, column_span(st, 0));
    stmt_done(st);
    return ok ? 0 : err_nomem(e);
}

static int claim(struct store_tx *tx, const struct unique_entry *u, struct span vals, uint64_t id,
                 struct err *e)
{
    uint64_t other;

    if (owner_of(tx, u, vals, &other, e))
        return -1;
    if (other && other != id)
        return refuse(tx, u, vals, other, e);
    return run_set(tx, STMT_UNIQ_INSERT, u, vals, id, e);
}

static int follow(struct store_tx *tx, const struct unique_entry *u, struct lens *lens, uint64_t id,
                  struct span key, const struct record *rec, struct err *e)
{
    struct buf vals BUF_CLEANUP = BUF_INIT, old BUF_CLEANUP = BUF_INIT;
    bool set, had;

    if (set_values(lens, u, rec, key, &vals, &set, e) || present_of(tx, u, id, &old, &had, e))
        return -1;
    if (had && set && span_eq(buf_span(&old), buf_span(&vals)))
        return 0;
    if (had && run_set(tx, STMT_UNIQ_DELETE, u, buf_span(&old), 0, e))
        return -1;
    return set ? claim(tx, u, buf_span(&vals), id, e) : 0;
}

static int is_free(struct store_tx *tx, const struct unique_entry *u, struct lens *lens, uint64_t id,
                   struct span key, const struct record *rec, bool *ret, struct err *e)
{
    struct buf vals BUF_CLEANUP = BUF_INIT;
    uint64_t other = 0;
    bool set;

    if (set_values(lens, u, rec, key, &vals, &set, e) ||
        (set && owner_of(tx, u, buf_span(&vals), &other, e)))
        return -1;
    *ret = !other || other == id;
    return 0;
}

int unique_is_free(struct store_tx *tx, uint64_t id, struct span key, const struct record *rec,
                   bool *ret, struct err *e)
{
    const struct unique_plan *p = plan_of(tx, e);
    struct lens lens;
    int rc = 0;

    *ret = true;
    if (!p)
        return -1;
    tx_sub_lens(tx, &lens);
    for (size_t i = 0; i < p->n && rc == 0 && *ret; i++)
        if (p->e[i].coll == id_coll(id))
            rc = is_free(tx, &p->e[i], &lens, id, key, rec, ret, e);
    lens_deinit(&lens);
    return rc;
}

int unique_follow(struct store_tx *tx, uint64_t id, struct span key, const struct record *rec,
                  struct err *e)
{
    const struct unique_plan *p = plan_of(tx, e);
    struct lens lens;
    int rc = 0;

    if (!p)
        return -1;
    tx_sub_lens(tx, &lens);
    for (size_t i = 0; i < p->n && rc == 0; i++)
        if (p->e[i].coll == id_coll(id))
            rc = follow(tx, &p->e[i], &lens, id, key, rec, e);
    lens_deinit(&lens);
    return rc;
}

int unique_forget(struct store_tx *tx, uint64_t id, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_UNIQ_FORGET, e);

    if (!st)
        return -1;
    bind_id(st, 1, id);
    return conn_run(tx->c, st, e);
}

/* ---- Building an index over existing items ---- */

/* Duplicates found so far, for one message. */
struct duplicates {
    struct buf text;
    size_t n;
};

static int note_duplicate(struct store_tx *tx, const struct unique_entry *u, struct span vals,
                          uint64_t other, struct span key, struct duplicates *d, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    bool found;

    if (d->n++ >= 3)
        return 0;
    if (item_row_get(tx->c, other, &row, &found, e))
        return -1;
    if ((d->n > 1 && !buf_adds(&d->text, "; ")) ||
        !buf_printf(&d->text, "\"%.*s\" and \"%.*s\" both have ", (int)row.key.n,
                    row.key.p ? row.key.p : "", (int)key.n, key.p) ||
        !add_values(u, vals, &d->text))
        return err_nomem(e);
    return 0;
}

static int build_row(struct store_tx *tx, const struct unique_entry *u, sqlite3_stmt *st,
                     struct lens *lens, struct duplicates *d, struct err *e)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    struct buf vals BUF_CLEANUP = BUF_INIT;
    struct span key = column_span(st, 1);
    bool set, changed;
    uint64_t other;

    if (item_decode(tx->c, column_id(st, 0), column_span(st, 2), &rec, e))
        return -1;
    if (lens_materialize(lens, u->coll, key, &rec, lens->cat->last_step, &now, &changed, e) ||
        set_values(lens, u, &now, key, &vals, &set, e))
        return -1;
    if (!set)
        return 0;
    if (owner_of(tx, u, buf_span(&vals), &other, e))
        return -1;
    if (other)
        return note_duplicate(tx, u, buf_span(&vals), other, key, d, e);
    return run_set(tx, STMT_UNIQ_INSERT, u, buf_span(&vals), column_id(st, 0), e);
}

static int build_rows(struct store_tx *tx, const struct unique_entry *u, sqlite3_stmt *st,
                      bool (*interrupted)(void *arg), void *arg, struct duplicates *d,
                      struct err *e)
{
    struct lens lens;
    size_t n = 0;
    bool row;
    int rc;

    tx_sub_lens(tx, &lens);
    while (!(rc = conn_step(tx->c, st, &row, e)) && row) {
        if (++n % 256 == 0 && interrupted && interrupted(arg))
            rc = err_set(e, ERR_INTERRUPTED, "interrupted");
        else
            rc = build_row(tx, u, st, &lens, d, e);
        lens_reset(&lens);
        if (rc)
            break;
    }
    lens_deinit(&lens);
    derive_uses_begin(tx); /* nothing was stored */
    return rc;
}

static int refuse_duplicates(const struct unique_entry *u, const struct duplicates *d,
                             struct err *e)
{
    struct buf fields BUF_CLEANUP = BUF_INIT;

    if (!add_fields(u, &fields))
        return err_nomem(e);
    err_at(e, ERR_EXISTS, u->set->line, u->set->column, "%s is not unique: %.*s%s", fields.p,
           (int)d->text.n, d->text.p, d->n > 3 ? "; and more" : "");
    return err_field(e, fields.p);
}

int unique_build(struct store_tx *tx, const struct version *v, const struct shape *s,
                 const struct unique_set *set, bool (*interrupted)(void *arg), void *arg,
                 struct err *e)
{
    struct unique_entry u = {s->coll, unique_key(set), v, s, set, !s->part};
    struct duplicates d = {0};
    sqlite3_stmt *st;
    int rc;

    if (derive_view_tx(tx, v, s->coll, e) || unique_drop(tx, set, e) ||
        conn_prepare(tx->c, "SELECT id, key, body FROM item WHERE id > ?1 AND id <= ?2", &st, e))
        return -1;
    bind_id(st, 1, id_make(s->coll, 0));
    bind_id(st, 2, id_make(s->coll, ITEM_NUMBER_MASK));
    rc = build_rows(tx, &u, st, interrupted, arg, &d, e);
    sqlite3_finalize(st);
    if (rc == 0 && d.n)
        rc = refuse_duplicates(&u, &d, e);
    buf_free(&d.text);
    return rc;
}

int unique_drop(struct store_tx *tx, const struct unique_set *set, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_UNIQ_DROP, e);

    if (!st)
        return -1;
    bind_id(st, 1, unique_key(set));
    return conn_run(tx->c, st, e);
}
