/* References: table ref says who holds a reference to an item, and in which slot. */
#include "internal.h"

/* ---- Lists of ids ---- */

void id_list_free(struct id_list *l)
{
    free(l->ids);
    *l = (struct id_list){0};
}

int id_list_add(struct id_list *l, uint64_t id, struct err *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        uint64_t *grown = reallocarray(l->ids, cap, sizeof *grown);
        if (!grown)
            return err_nomem(e);
        l->ids = grown;
        l->cap = cap;
    }
    l->ids[l->n++] = id;
    return 0;
}

bool id_list_has(const struct id_list *l, uint64_t id)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->ids[i] == id)
            return true;
    return false;
}

/* ---- What a record refers to ---- */

struct pointer {
    uint64_t target;
    slot_no slot;
};
struct pointers {
    struct pointer *p;
    size_t n, cap;
};

static int add_pointer(void *arg, slot_no slot, uint64_t target)
{
    struct pointers *l = arg;

    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        struct pointer *grown = reallocarray(l->p, cap, sizeof *grown);
        if (!grown)
            return -1;
        l->p = grown;
        l->cap = cap;
    }
    l->p[l->n++] = (struct pointer){target, slot};
    return 0;
}

static int compare(const void *va, const void *vb)
{
    const struct pointer *a = va, *b = vb;

    if (a->target != b->target)
        return a->target < b->target ? -1 : 1;
    return a->slot < b->slot ? -1 : a->slot > b->slot;
}

/* Sorted, each once. */
static int pointers_of(struct store_tx *tx, const struct record *rec, struct pointers *ret,
                       struct err *e)
{
    struct lens lens;
    size_t kept = 0;
    int rc;

    if (!rec)
        return 0;
    tx_sub_lens(tx, &lens);
    rc = lens_refs(&lens, rec, add_pointer, ret, e);
    lens_deinit(&lens);
    if (rc)
        return e->code == ERR_NONE ? err_nomem(e) : -1;
    if (ret->n > 1)
        qsort(ret->p, ret->n, sizeof *ret->p, compare);
    for (size_t i = 0; i < ret->n; i++)
        if (kept == 0 || compare(&ret->p[kept - 1], &ret->p[i]) != 0)
            ret->p[kept++] = ret->p[i];
    ret->n = kept;
    return 0;
}

static int write_pointer(struct store_tx *tx, enum stmt stmt, uint64_t holder,
                         const struct pointer *p, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, stmt, e);

    if (!st)
        return -1;
    bind_id(st, 1, p->target);
    bind_id(st, 2, holder);
    sqlite3_bind_int64(st, 3, p->slot);
    return conn_run(tx->c, st, e);
}

/* Two sorted lists: what only the old one has goes, what only the new one has comes. */
static int merge(struct store_tx *tx, uint64_t holder, const struct pointers *old,
                 const struct pointers *now, struct id_list *ret_lost, struct err *e)
{
    size_t i = 0, k = 0;

    while (i < old->n || k < now->n) {
        int order = i == old->n ? 1 : k == now->n ? -1 : compare(&old->p[i], &now->p[k]);
        if (order < 0 && (write_pointer(tx, STMT_REF_DELETE, holder, &old->p[i], e) ||
                          id_list_add(ret_lost, old->p[i].target, e)))
            return -1;
        if (order > 0 && write_pointer(tx, STMT_REF_INSERT, holder, &now->p[k], e))
            return -1;
        i += order <= 0;
        k += order >= 0;
    }
    return 0;
}

int refs_follow(struct store_tx *tx, uint64_t holder, const struct record *old,
                const struct record *now, struct id_list *ret_lost, struct err *e)
{
    struct pointers was = {0}, is = {0};
    int rc = pointers_of(tx, old, &was, e);

    if (rc == 0)
        rc = pointers_of(tx, now, &is, e);
    if (rc == 0)
        rc = merge(tx, holder, &was, &is, ret_lost, e);
    free(was.p);
    free(is.p);
    return rc;
}

/* ---- Records that nobody needs any more ---- */

static int ask(struct conn *c, enum stmt stmt, uint64_t id, bool *ret_row, int64_t *ret_value,
               struct err *e)
{
    sqlite3_stmt *st = conn_stmt(c, stmt, e);

    if (!st)
        return -1;
    bind_id(st, 1, id);
    if (conn_step(c, st, ret_row, e))
        return -1;
    if (*ret_row)
        *ret_value = sqlite3_column_int64(st, 0);
    stmt_done(st);
    return 0;
}

int refs_release(struct store_tx *tx, uint64_t id, struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    int64_t step = 0, holders = 0, one;
    bool made, referred, found;

    if (!derive_link_of(tx->cat, id_coll(id)))
        return 0;
    if (derive_given_tx(tx, id_coll(id), e))
        return -1;
    if (ask(tx->c, STMT_REF_ANY, id, &referred, &one, e)) /* the usual answer first */
        return -1;
    if (referred)
        return 0;
    if (ask(tx->c, STMT_MADE_FIND, id, &made, &step, e))
        return -1;
    if (!made || derive_in_progress(tx, (uint32_t)step)) /* its holders are being counted */
        return 0;
    if (derive_origin_holders(tx->c, id, &holders, e))
        return -1;
    if (holders > 0)
        return 0;
    if (item_row_get(tx->c, id, &row, &found, e))
        return -1;
    return found ? item_remove(tx, &row, e) : 0;
}

int refs_release_all(struct store_tx *tx, const struct id_list *l, struct err *e)
{
    for (size_t i = 0; i < l->n; i++)
        if (refs_release(tx, l->ids[i], e))
            return -1;
    return 0;
}

/* ---- Who refers to an item ---- */

static int collect(struct store_tx *tx, sqlite3_stmt *st, size_t max, struct id_list *ret_holders,
                   struct id_list *ret_slots, struct err *e)
{
    bool row;
    int rc = 0;

    while (rc == 0 && ret_holders->n < max && !(rc = conn_step(tx->c, st, &row, e)) && row) {
        rc = id_list_add(ret_holders, column_id(st, 0), e);
        if (rc == 0)
            rc = id_list_add(ret_slots, column_id(st, 1), e);
    }
    stmt_done(st);
    return rc;
}

int refs_of(struct store_tx *tx, uint64_t target, slot_no slot, size_t max,
            struct id_list *ret_holders, struct id_list *ret_slots, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, slot ? STMT_REF_OF_SLOT : STMT_REF_OF, e);

    if (!st)
        return -1;
    bind_id(st, 1, target);
    if (slot)
        sqlite3_bind_int64(st, 2, slot);
    return collect(tx, st, max, ret_holders, ret_slots, e);
}

int refs_count(struct conn *c, uint64_t target, uint64_t *ret, struct err *e)
{
    int64_t n = 0;
    bool row;

    if (ask(c, STMT_REF_COUNT, target, &row, &n, e))
        return -1;
    *ret = (uint64_t)n;
    return 0;
}

/* ---- Redirecting ---- */

struct redirect {
    const struct catalog *cat;
    uint64_t from, to;
};

static bool redirect_value(const struct redirect *d, struct span in, struct buf *out,
                           unsigned depth);

static bool redirect_ref(const struct redirect *d, struct span in, struct buf *out)
{
    const char *p = in.p + 1;
    uint64_t id;

    if (!varint_read(&p, in.p + in.n, &id) || id != d->from)
        return buf_addspan(out, in);
    return buf_addc(out, 'r') && buf_addvarint(out, d->to);
}

/* The entries of a record whose types can hold references. bytes: where the new ones are kept. */
static bool redirect_record(const struct redirect *d, const struct record *rec, struct record *now,
                            struct arena *a, unsigned depth)
{
    if (!record_copy(rec, now))
        return false;
    for (size_t i = 0; i < now->n; i++) {
        struct entry *en = &now->e[i];
        struct buf out BUF_CLEANUP = BUF_INIT;
        const struct type_ref *t = en->slot < d->cat->n_slots ? d->cat->slots[en->slot].type : NULL;
        char *kept;
        if (en->kind > ENTRY_DERIVED || !en->bytes.n || !t || !type_structured(t))
            continue;
        if (!redirect_value(d, en->bytes, &out, depth) || !(kept = arena_strndup(a, out.p, out.n)))
            return false;
        en->bytes = (struct span){kept, out.n};
    }
    return true;
}

static bool redirect_object(const struct redirect *d, struct span in, struct buf *out,
                            unsigned depth)
{
    struct record rec RECORD_CLEANUP = RECORD_INIT, now RECORD_CLEANUP = RECORD_INIT;
    struct arena a ARENA_CLEANUP = {0};
    struct err ignored = ERR_INIT;

    if (record_decode((struct span){in.p + 1, in.n - 1}, &rec, &ignored))
        return ignored.code != ERR_NO_MEMORY && buf_addspan(out, in);
    return redirect_record(d, &rec, &now, &a, depth + 1) && buf_addc(out, 'o') &&
           record_encode(&now, out);
}

/* Lists and maps: counted parts; a map's keys hold nothing that looks like a reference's tag by
 * their place, so every second part is copied. */
static bool redirect_parts(const struct redirect *d, struct span in, struct buf *out,
                           unsigned depth)
{
    const char *p = in.p + 1, *end = in.p + in.n;
    bool map = in.p[0] == 'm';
    uint64_t count, n;

    if (!varint_read(&p, end, &count))
        return buf_addspan(out, in);
    if (!buf_addc(out, in.p[0]) || !buf_addvarint(out, count))
        return false;
    for (uint64_t i = 0; varint_read(&p, end, &n) && n <= (uint64_t)(end - p); i++, p += n) {
        struct buf part BUF_CLEANUP = BUF_INIT;
        struct span is = {p, (size_t)n};
        if (map && i % 2 == 0) {
            if (!buf_addvarint(out, n) || !buf_addspan(out, is))
                return false;
        } else if (!redirect_value(d, is, &part, depth + 1) || !buf_addvarint(out, part.n) ||
                   !buf_addspan(out, buf_span(&part))) {
            return false;
        }
    }
    return true;
}

static bool redirect_value(const struct redirect *d, struct span in, struct buf *out,
                           unsigned depth)
{
    if (!in.n || depth > JSON_MAX_DEPTH)
        return buf_addspan(out, in);
    switch (in.p[0]) {
    case 'r':
        return redirect_ref(d, in, out);
    case 'o':
        return redirect_object(d, in, out, depth);
    case 'l':
    case 'm':
        return redirect_parts(d, in, out, depth);
    default:
        return buf_addspan(out, in);
    }
}

static int redirect_holder(struct store_tx *tx, const struct redirect *d, uint64_t holder,
                           struct err *e)
{
    struct item_row row ITEM_ROW_CLEANUP = {0};
    struct record now RECORD_CLEANUP = RECORD_INIT;
    struct arena a ARENA_CLEANUP = {0};
    bool found;

    if (item_row_get(tx->c, holder, &row, &found, e))
        return -1;
    if (!found)
        return 0;
    if (!redirect_record(d, &row.rec, &now, &a, 0))
        return err_nomem(e);
    tx_note(tx, STORE_CHANGE_ITEM, holder, (struct span){0});
    return item_store(tx, &row, &now, 0, e);
}

int refs_redirect(struct store_tx *tx, uint64_t from, uint64_t to, struct err *e)
{
    struct id_list holders ID_LIST_CLEANUP = {0}, slots ID_LIST_CLEANUP = {0};
    struct redirect d = {tx->cat, from, to};

    if (refs_of(tx, from, SLOT_NONE, SIZE_MAX, &holders, &slots, e))
        return -1;
    for (size_t i = 0; i < holders.n; i++)
        if (redirect_holder(tx, &d, holders.ids[i], e))
            return -1;
    return 0;
}
