/* Writing items: one transaction reads the item as it is now, lays the difference over it, and lets
 * everything that hangs on it follow (architecture.md, "Where a write travels", step 3 and 4). */
#include "internal.h"

#include <assert.h>

/* ---- Stored rows ---- */

/* References, unique keys, extracted values and counted origins of a stored record. */
static int follow(struct store_tx *tx, uint64_t id, struct span key, const struct record *old,
                  const struct record *now, struct err *e)
{
    struct id_list lost ID_LIST_CLEANUP = {0};

    if (refs_follow(tx, id, old, now, &lost, e) || unique_follow(tx, id, key, now, e) ||
        derive_follow(tx, id, key, now, e))
        return -1;
    if (tx->depth == 0 && derive_uses_apply(tx, &lost, e))
        return -1;
    return item_release(tx, &lost, e);
}

static int encode(struct store_tx *tx, const struct record *rec, struct span *ret, struct err *e)
{
    buf_reset(&tx->c->scratch);
    if (!record_encode(rec, &tx->c->scratch))
        return err_nomem(e);
    *ret = buf_span(&tx->c->scratch);
    return 0;
}

static int update_mtime(struct store_tx *tx, uint64_t id, int64_t mtime_ns, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_ITEM_UPDATE_MTIME, e);

    if (!st)
        return -1;
    bind_id(st, 1, id);
    sqlite3_bind_int64(st, 2, mtime_ns);
    return conn_run(tx->c, st, e);
}

/* The own key after a write: another one than before stands in the record. */
static int own_key(const struct record *rec, struct span before, struct buf *hold, struct span *ret,
                   struct err *e)
{
    if (names_key(rec, SLOT_KEY, hold, ret, e))
        return -1;
    if (!ret->p)
        *ret = before;
    return 0;
}

static int update_key(struct store_tx *tx, uint64_t id, struct span key, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_ITEM_UPDATE_KEY, e);

    if (!st)
        return -1;
    bind_id(st, 1, id);
    bind_text(st, 2, key);
    return conn_run(tx->c, st, e);
}

static int update_row(struct store_tx *tx, const struct item_row *old, const struct record *rec,
                      int64_t mtime_ns, struct err *e)
{
    struct span body;
    sqlite3_stmt *st;
    int rc;

    if (encode(tx, rec, &body, e) || !(st = conn_stmt(tx->c, STMT_ITEM_UPDATE, e)))
        return -1;
    bind_id(st, 1, old->id);
    sqlite3_bind_int64(st, 2, mtime_ns > 0 ? mtime_ns : old->mtime_ns);
    bind_blob(st, 3, body);
    rc = conn_run(tx->c, st, e);
    sqlite3_clear_bindings(st);
    return rc;
}

int item_store(struct store_tx *tx, const struct item_row *old, const struct record *rec,
               int64_t mtime_ns, struct err *e)
{
    struct buf hold BUF_CLEANUP = BUF_INIT;
    struct item_row fresh ITEM_ROW_CLEANUP = {0};
    struct named before, now = {.rec = rec};

    if (own_key(rec, buf_span(&old->key), &hold, &now.key, e) ||
        names_before(tx, old, now, &fresh, &before, e) || update_row(tx, old, rec, mtime_ns, e))
        return -1;
    if (!span_eq(before.key, now.key) && update_key(tx, old->id, now.key, e))
        return -1;
    if (names_follow(tx, old->id, before, now, e))
        return -1;
    return follow(tx, old->id, now.key, before.rec, rec, e) || derive_follow_chains(tx, old->id, e) ? -1 : 0;
}

int item_insert(struct store_tx *tx, uint64_t id, struct span key, const struct record *rec,
                int64_t mtime_ns, struct err *e)
{
    struct buf hold BUF_CLEANUP = BUF_INIT;
    struct named nothing = {.rec = NULL}, now = {.rec = rec};
    struct span body;
    sqlite3_stmt *st;

    if (own_key(rec, key, &hold, &now.key, e) || encode(tx, rec, &body, e) ||
        !(st = conn_stmt(tx->c, STMT_ITEM_INSERT, e)))
        return -1;
    bind_id(st, 1, id);
    bind_text(st, 2, now.key);
    sqlite3_bind_int64(st, 3, mtime_ns);
    bind_blob(st, 4, body);
    if (conn_run(tx->c, st, e) || names_follow(tx, id, nothing, now, e) ||
        tx_count(tx, id_coll(id), 1, e))
        return -1;
    return follow(tx, id, now.key, NULL, rec, e);
}

/* Bringing an item up to date may write others (move_field): what the caller read of this one
 * before may be old. */
static bool writes_others(const struct catalog *c)
{
    for (size_t i = 0; i < c->n_links; i++)
        if (c->links[i]->kind != LINK_EXTRACT)
            return true;
    return false;
}

static int materialize(struct store_tx *tx, const struct item_row *row, uint32_t upto, bool *ret_again,
                       bool *ret_changed, struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    size_t derived = tx->n_derived;
    struct lens lens;
    int rc;

    tx_sub_lens(tx, &lens);
    derive_uses_begin(tx);
    tx->rewriting++;
    rc = lens_materialize(&lens, id_coll(row->id), buf_span(&row->key), &row->rec, upto, &now,
                          ret_changed, e);
    *ret_again = tx->n_derived != derived;
    if (rc == 0 && *ret_changed && !*ret_again)
        rc = item_store(tx, row, &now, 0, e);
    tx->rewriting--;
    lens_deinit(&lens);
    return rc;
}

/* What is derived on the way may bring this item up to date, and give it its names: then again, and from what it
 * is now, as for an item that was read before something was derived. */
int item_materialize(struct store_tx *tx, const struct item_row *row, uint32_t upto,
                     bool *ret_changed, struct err *e)
{
    struct item_row fresh ITEM_ROW_CLEANUP = {0};
    bool reread = tx->n_derived || writes_others(tx->cat), again = true, found;

    *ret_changed = false;
    if (!lens_is_due(tx->cat, id_coll(row->id), &row->rec, upto))
        return 0;
    while (again) {
        if (reread && item_row_get(tx->c, row->id, &fresh, &found, e))
            return -1;
        if (reread && !found)
            return 0;
        if (materialize(tx, reread ? &fresh : row, upto, &again, ret_changed, e))
            return -1;
        reread = true;
    }
    return 0;
}

/* ---- Putting ---- */

/* The caller's version and type as the present catalog has them. */
static int present_shape(struct store_tx *tx, const struct version **v, const struct shape **s,
                         struct err *e)
{
    const struct version *live = catalog_live(tx->cat, (*v)->number);
    const struct shape *shape = live ? version_shape(live, (*s)->id) : NULL;

    if (!shape)
        return err_set(e, ERR_STALE, "version %s is not served any more", (*v)->name);
    *v = live;
    *s = shape;
    return 0;
}

struct putting {
    struct store_tx *tx;
    const struct version *v;
    const struct shape *s;
    struct shape hold;   /* of a merged type: s for the item's collection */
    const struct store_put *put;
    bool line;
    struct item_row row; /* as it is now, when found */
    bool found;
    uint64_t id;
    struct record now;
    struct lens_change change;
};

static int find_by_key(struct putting *p, struct err *e)
{
    struct span key = p->put->key;

    if (!key.p)
        return err_set(e, ERR_NOT_FOUND, "the %s is gone", p->s->name);
    if (key_check(key, e))
        return -1;
    return item_shown_find(p->tx->c, p->s, key, &p->row, &p->found, e);
}

/* A merged type's tag in the text; *ret = n_colls: there is none, which translation refuses. */
static int find_tag(struct putting *p, size_t *ret, struct err *e)
{
    const struct field *f = shape_field_by_slot(p->s, p->s->tag);
    struct arena a ARENA_CLEANUP = {0};
    struct json_node *object, *tag;
    struct buf b BUF_CLEANUP = BUF_INIT;

    *ret = p->s->n_colls;
    if (!f || json_parse_object(p->put->text.p, p->put->text.n, &a, &object, e))
        return f ? -1 : 0;
    if (!(tag = json_member(object, span_of(f->name))))
        return 0;
    if (!json_write_line(tag, &b))
        return err_nomem(e);
    for (size_t i = 0; i < p->s->n_colls; i++)
        if (span_eq(buf_span(&b), p->s->tags[i]))
            *ret = i;
    if (*ret < p->s->n_colls)
        return 0;
    err_at(e, ERR_INVALID, tag->line, tag->column, "%s.%s: %.*s is no type that was merged",
           p->s->name, f->name, (int)(b.n < 100 ? b.n : 100), b.p);
    err_field(e, f->name);
    return err_expected(e, "%.*s, %.*s%s", (int)p->s->tags[0].n, p->s->tags[0].p,
                        (int)p->s->tags[1].n, p->s->tags[1].p, p->s->n_colls > 2 ? ", ..." : "");
}

/* A new item of a merged type goes where its tag says, and stays there. */
static int find_coll(struct putting *p, uint32_t *ret, struct err *e)
{
    size_t tag;

    *ret = p->found ? id_coll(p->row.id) : p->s->coll;
    if (!p->s->n_colls)
        return 0;
    if (find_tag(p, &tag, e))
        return -1;
    if (tag == p->s->n_colls)
        return 0;
    if (p->found && p->s->colls[tag] != *ret) {
        err_set(e, ERR_INVALID, "%s.%s does not change: an item stays of the type that it was made as",
                p->s->name, shape_field_by_slot(p->s, p->s->tag)->name);
        return err_field(e, shape_field_by_slot(p->s, p->s->tag)->name);
    }
    *ret = p->s->colls[tag];
    return 0;
}

static int find_place(struct putting *p, struct err *e)
{
    uint32_t coll;

    if (find_coll(p, &coll, e))
        return -1;
    if (!p->found && derive_given_tx(p->tx, coll, e))
        return -1;
    p->s = shape_of_coll(p->s, coll, &p->hold);
    p->id = p->found ? p->row.id : id_make(coll, tx_new_number(p->tx));
    return 0;
}

static int find(struct putting *p, struct err *e)
{
    const struct store_put *put = p->put;

    if (put->number) {
        if (item_shown_row(p->tx->c, p->s, put->number, &p->row, &p->found, e))
            return -1;
        if (!p->found && !put->replace)
            return err_set(e, ERR_NOT_FOUND, "the %s is gone", p->s->name);
    }
    if (!p->found && find_by_key(p, e))
        return -1;
    if (p->found && put->exclusive && !put->number)
        return err_set(e, ERR_EXISTS, "there is a %s \"%.*s\" already", p->s->name, (int)put->key.n,
                       put->key.p);
    return find_place(p, e);
}

static int same_field(struct putting *p, const struct field *f, bool *ret, struct err *e)
{
    struct lens *lens = &p->tx->c->lens;
    const struct store_base *b = p->put->base;
    struct span was, is;
    bool was_set, is_set;

    if (lens_field(lens, p->v, p->s, f, &b->seen, buf_span(&b->row.key), false, &was, &was_set,
                   e) ||
        lens_field(lens, p->v, p->s, f, &p->row.rec, buf_span(&p->row.key), false, &is, &is_set, e))
        return -1;
    *ret = was_set == is_set && (!was_set || span_eq(was, is));
    return 0;
}

/* strict: what the text changes against base must still be as it was in base. */
static int check_strict(struct putting *p, struct err *e)
{
    struct record trial RECORD_CLEANUP = RECORD_INIT;
    const struct store_base *b = p->put->base;
    struct lens_change change;

    if (lens_put(&p->tx->c->lens, p->v, p->s, buf_span(&b->row.key), p->put->text, p->line,
                 &b->seen, &b->row.rec, &trial, &change, e))
        return -1;
    for (size_t i = 0; i < change.n; i++) {
        const struct field *f = shape_field_by_slot(p->s, change.slots[i]);
        bool same = true;
        if (f && same_field(p, f, &same, e))
            return -1;
        if (same)
            continue;
        err_set(e, ERR_STALE, "%s.%s was changed since the file was opened", p->s->name, f->name);
        return err_field(e, f->name);
    }
    return 0;
}

static int translate_once(struct putting *p, struct err *e)
{
    struct conn_world *w = &p->tx->c->world;
    struct span key = p->found ? buf_span(&p->row.key) : p->put->key;
    int rc;

    derive_uses_begin(p->tx);
    if (!p->found) { /* references to itself resolve */
        w->pending_id = p->id;
        w->pending_key = key;
        w->pending_space = shape_space(p->s);
    }
    rc = lens_put(&p->tx->c->lens, p->v, p->s, key, p->put->text, p->line,
                  p->put->base ? &p->put->base->seen : NULL, p->found ? &p->row.rec : NULL, &p->now,
                  &p->change, e);
    w->pending_id = 0;
    return rc;
}

/* Again when it had something derived: that may have written this item, or taken its names. */
static int translate(struct putting *p, struct err *e)
{
    size_t derived;

    if (p->found && p->put->strict && p->put->base && check_strict(p, e))
        return -1;
    do {
        derived = p->tx->n_derived;
        if (lens_undo(&p->tx->c->lens, e) || translate_once(p, e))
            return -1;
        if (p->tx->n_derived != derived && p->found &&
            item_row_get(p->tx->c, p->id, &p->row, &p->found, e))
            return -1;
    } while (p->tx->n_derived != derived);
    return 0;
}

static int save(struct putting *p, int64_t mtime_ns, struct err *e)
{
    struct store_tx *tx = p->tx;

    if (!p->found)
        return item_insert(tx, p->id, p->put->key, &p->now, mtime_ns, e);
    if (p->change.fields && history_keep(tx, &p->row, e))
        return -1;
    if (p->change.any ? item_store(tx, &p->row, &p->now, mtime_ns, e)
                      : update_mtime(tx, p->id, mtime_ns, e))
        return -1;
    return item_note(tx, p->id, &p->change, e);
}

static int put_stat(struct putting *p, int64_t mtime_ns, struct item_stat *ret, struct err *e)
{
    struct conn *c = p->tx->c;
    struct buf hold BUF_CLEANUP = BUF_INIT;
    struct span key;
    struct item_stat stat = {.number = id_number(p->id),
                             .mtime_ns = mtime_ns,
                             .btime_ns = p->found ? p->row.btime_ns : mtime_ns};

    buf_reset(&c->text);
    if (own_key(&p->now, p->found ? buf_span(&p->row.key) : p->put->key, &hold, &key, e) ||
        lens_text(&c->lens, p->v, p->s, &p->now, key, false, &c->text, e))
        return -1;
    stat.size_bytes = c->text.n;
    if (c->text.cap > 256u * 1024u)
        buf_free(&c->text);
    if (item_attr(c, p->v, p->s, stat.number, &stat, e))
        return -1;
    *ret = stat;
    return 0;
}

static int put_found(struct putting *p, struct item_stat *ret_stat, struct err *e)
{
    int64_t mtime = p->put->mtime_ns ? p->put->mtime_ns : p->tx->now_ns;

    if (translate(p, e) || save(p, mtime, e) || derive_keep(p->tx, p->id, e))
        return -1;
    return ret_stat ? put_stat(p, mtime, ret_stat, e) : 0;
}

int item_put(struct store_tx *tx, const struct version *v, const struct shape *s,
             const struct store_put *put, bool line, struct item_stat *ret_stat, struct err *e)
{
    struct putting p = {.tx = tx, .v = v, .s = s, .put = put, .line = line};
    int rc;

    history_begin(tx);
    if (put->text.n > tx->store->max_item_bytes)
        return item_too_big(tx->store, e);
    if (present_shape(tx, &p.v, &p.s, e) || derive_view_tx(tx, p.v, p.s->coll, e))
        return -1;
    rc = find(&p, e);
    if (rc == 0)
        rc = item_restored(tx, put_found(&p, ret_stat, e), e);
    if (rc < 0)
        lens_place(put->text, e);
    item_row_free(&p.row);
    record_free(&p.now);
    lens_reset(&tx->c->lens);
    if (tx->c->scratch.cap > 256u * 1024u)
        buf_free(&tx->c->scratch);
    return rc;
}

/* ---- The calls of store.h ---- */

struct call {
    const struct version *v;
    const struct shape *s, *to;
    const struct store_put *put;
    struct item_stat *ret_stat;
    uint64_t number;
    struct span key;
    bool noreplace;
    unsigned mask;
    const struct item_stat *attr;
};

static int put_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct call *a = arg;
    return item_put(tx, a->v, a->s, a->put, false, a->ret_stat, e);
}

int store_put(struct store *st, const struct version *v, const struct shape *s,
              const struct store_put *put, struct item_stat *ret_stat, struct err *e)
{
    struct item_stat stat = {0};
    struct call a = {.v = v, .s = s, .put = put, .ret_stat = ret_stat ? &stat : NULL};

    if (store_write(st, 0, put_op, &a, e))
        return -1;
    if (ret_stat)
        *ret_stat = stat;
    return 0;
}

static int delete_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct call *a = arg;
    uint64_t id;
    bool found;

    if (present_shape(tx, &a->v, &a->s, e) || item_shown_id(tx->c, a->s, a->number, &id, &found, e))
        return -1;
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "the %s is gone", a->s->name);
    return item_delete(tx, id, e);
}

int store_delete(struct store *st, const struct version *v, const struct shape *s, uint64_t number,
                 struct err *e)
{
    struct call a = {.v = v, .s = s, .number = number};
    return store_write(st, 0, delete_op, &a, e);
}

static int rename_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct call *a = arg;

    if (present_shape(tx, &a->v, &a->s, e) || present_shape(tx, &a->v, &a->to, e))
        return -1;
    return item_rename(tx, a->v, a->s, a->to, a->number, a->key, a->noreplace, e);
}

int store_rename(struct store *st, const struct version *v, const struct shape *s,
                 const struct shape *to, uint64_t number, struct span new_key, bool noreplace,
                 struct err *e)
{
    struct call a = {.v = v, .s = s, .to = to, .number = number, .key = new_key, .noreplace = noreplace};
    return store_write(st, 0, rename_op, &a, e);
}

static void bind_if(sqlite3_stmt *st, int i, bool has, uint32_t value)
{
    if (has)
        sqlite3_bind_int64(st, i, value);
    else
        sqlite3_bind_null(st, i);
}

static bool is_item(uint64_t number)
{
    return number != 0 && number != STORE_STREAM;
}

static int set_attr(struct store_tx *tx, const struct call *a, struct err *e)
{
    sqlite3_stmt *st = conn_stmt(tx->c, STMT_ATTR_SET, e);

    if (!st)
        return -1;
    atomic_store(is_item(a->number) ? &tx->store->has_attrs : &tx->store->has_dir_attrs, true);
    bind_id(st, 1, a->number);
    sqlite3_bind_int64(st, 2, a->v->number);
    sqlite3_bind_int64(st, 3, a->s ? a->s->id : 0);
    bind_if(st, 4, a->mask & ATTR_MODE, a->attr->mode);
    bind_if(st, 5, a->mask & ATTR_OWNER, a->attr->uid);
    bind_if(st, 6, a->mask & ATTR_OWNER, a->attr->gid);
    return conn_run(tx->c, st, e);
}

static int attr_item(struct store_tx *tx, const struct call *a, struct err *e)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    uint64_t id;
    bool found;

    if (item_shown_id(tx->c, a->s, a->number, &id, &found, e))
        return -1;
    if (found && tx->c->lens.world.key_of(tx->c->lens.world.arg, a->v, a->s->id, id, &key, &found, e))
        return -1;
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "the %s is gone", a->s->name);
    if ((a->mask & ATTR_MTIME) && update_mtime(tx, id, a->attr->mtime_ns, e))
        return -1;
    tx_note(tx, STORE_CHANGE_ITEM, id, (struct span){0});
    return 0;
}

static int attr_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct call *a = arg;

    if (a->s ? present_shape(tx, &a->v, &a->s, e) : !catalog_live(tx->cat, a->v->number))
        return err_set(e, ERR_STALE, "version %s is not served any more", a->v->name);
    if (is_item(a->number) && attr_item(tx, a, e))
        return -1;
    if (a->s && a->number == 0 && a->mask & ATTR_MTIME &&
        tx_names_mtime(tx, shape_set(a->s), a->attr->mtime_ns ? a->attr->mtime_ns : 1, e))
        return -1;
    return a->mask & (ATTR_MODE | ATTR_OWNER) ? set_attr(tx, a, e) : 0;
}

int store_set_attr(struct store *st, const struct version *v, const struct shape *s,
                   uint64_t number, unsigned mask, const struct item_stat *attr, struct err *e)
{
    struct call a = {.v = v, .s = s, .number = number, .mask = mask, .attr = attr};
    return store_write(st, 0, attr_op, &a, e);
}

static int nothing_op(struct store_tx *tx, void *arg, struct err *e)
{
    (void)tx;
    (void)arg;
    (void)e;
    return 0;
}

int store_sync(struct store *st, struct err *e)
{
    if (st->read_only)
        return 0;
    return store_write(st, TX_DURABLE, nothing_op, NULL, e);
}
