/* Reading revisions.
 *
 * A revision is translated as its item was at that time: what it refers to is looked for in the history
 * from then on (world.c), and versions that were finalized since take part once more, so that what they
 * alone knew can give the values of those that are left. None of them is shown by that. */
#include "internal.h"

#include <stdio.h>

#include "history.h"

/* ---- Versions as they were ---- */

/* The entries of c, of which those that were finalized at or after at_ns still work. */
static int revive(struct conn *conn, const struct catalog *c, int64_t at_ns,
                  struct catalog_entry *entries, size_t *ret_revived, struct err *e)
{
    *ret_revived = 0;
    for (size_t i = 0; i < c->n_entries; i++) {
        char name[META_NUMBERED_SIZE];
        int64_t gone_ns = 0;
        entries[i] = c->entries[i];
        if (entries[i].state != VERSION_GONE)
            continue;
        if (meta_get(conn, meta_numbered(META_GONE, entries[i].v->number, name), &gone_ns, e))
            return -1;
        if (gone_ns < at_ns)
            continue;
        entries[i].state = VERSION_DORMANT;
        ++*ret_revived;
    }
    return 0;
}

/* Versions go in one order: how many came back says which. */
static struct catalog *cached(struct store *s, const struct catalog *c, size_t revived)
{
    struct catalog *found = NULL;

    pthread_mutex_lock(&s->state.lock);
    if (s->state.past && s->state.past->epoch == c->epoch && s->state.past_revived == revived)
        found = catalog_ref(s->state.past);
    pthread_mutex_unlock(&s->state.lock);
    return found;
}

static void cache(struct store *s, struct catalog *past, size_t revived)
{
    struct catalog *old;

    pthread_mutex_lock(&s->state.lock);
    old = s->state.past;
    s->state.past = catalog_ref(past);
    s->state.past_revived = revived;
    pthread_mutex_unlock(&s->state.lock);
    catalog_unref(old);
}

/* *ret: a reference, or NULL when c itself does. */
static int past_catalog(struct conn *conn, const struct catalog *c, int64_t at_ns,
                        struct catalog **ret, struct err *e)
{
    struct catalog_entry *entries = calloc(c->n_entries + 1, sizeof *entries);
    size_t revived = 0;
    int rc;

    *ret = NULL;
    if (!entries)
        return err_nomem(e);
    rc = revive(conn, c, at_ns, entries, &revived, e);
    if (rc == 0 && revived && !(*ret = cached(conn->store, c, revived))) {
        rc = catalog_new(entries, c->n_entries, c->default_number, c->epoch, &c->next, ret, e);
        if (rc == 0)
            cache(conn->store, *ret, revived);
    }
    free(entries);
    return rc;
}

/* ---- One revision ---- */

struct looking {
    const struct version *v;
    const struct shape *s;
    uint64_t number; /* directories: of their item; names: after this one; reading: the revision */
    int64_t at_ns;
    struct span key;
    history_name_fn name_fn;
    history_revision_fn revision_fn;
    void *arg;
    bool exact;
    uint64_t found;
    struct item_stat *stat;
    struct buf *text;
};

static int gone(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "there is no such revision");
}

static int damaged(uint64_t revision, struct err *e)
{
    return err_set(e, ERR_IO, "the store is damaged: revision %llu", (unsigned long long)revision);
}

/* Columns id, key, mtime, at, body. */
static int render(struct conn *c, sqlite3_stmt *st, const struct looking *l, struct err *e)
{
    struct buf *text = l->text ? l->text : &c->text;
    struct item_stat stat = {.number = id_number(column_id(st, 0)),
                             .mtime_ns = sqlite3_column_int64(st, 2)};
    size_t start = text->n;
    struct shape hold;

    if (sqlite3_column_type(st, 1) != SQLITE_TEXT || sqlite3_column_type(st, 4) != SQLITE_BLOB)
        return damaged(l->number, e);
    if (record_decode(column_span(st, 4), &c->rec, e) ||
        lens_text(&c->lens, l->v, shape_of_coll(l->s, id_coll(column_id(st, 0)), &hold), &c->rec,
                  column_span(st, 1), false, text, e)) {
        text->n = start;
        return -1;
    }
    stat.btime_ns = stat.mtime_ns;
    stat.size_bytes = text->n - start;
    if (item_attr(c, l->v, l->s, stat.number, &stat, e))
        return -1;
    if (l->stat)
        *l->stat = stat;
    return 0;
}

static int render_as_of(struct conn *c, sqlite3_stmt *st, const struct looking *l, struct err *e)
{
    const struct catalog *now = c->lens.cat;
    int64_t at_ns = sqlite3_column_int64(st, 3);
    struct catalog *past;
    int rc;

    if (past_catalog(c, now, at_ns, &past, e))
        return -1;
    c->lens.cat = past ? past : now;
    c->world.as_of = true;
    c->world.as_of_ns = at_ns;
    rc = render(c, st, l, e);
    c->world.as_of = false;
    c->lens.cat = now;
    catalog_unref(past);
    return rc;
}

static int read_revision(struct conn *c, void *arg, struct err *e)
{
    const struct looking *l = arg;
    sqlite3_stmt *st = conn_stmt(c, STMT_HISTORY_ROW, e);
    bool row;
    int rc;

    if (!st)
        return -1;
    bind_id(st, 1, l->number);
    if (conn_step(c, st, &row, e))
        return -1;
    reader_refresh(c, l->v);
    rc = row && shape_has_coll(l->s, id_coll(column_id(st, 0))) ? render_as_of(c, st, l, e) : gone(e);
    stmt_done(st);
    return rc;
}

int history_text(struct conn *c, const struct version *v, const struct shape *s, uint64_t revision,
                 struct buf *text, struct err *e)
{
    struct looking l = {.v = v, .s = s, .number = revision, .text = text};
    return read_revision(c, &l, e);
}

int store_history_read(struct store *st, const struct catalog *c, const struct version *v,
                       const struct shape *s, uint64_t revision, struct item_stat *ret_stat,
                       struct buf *ret_text, struct err *e)
{
    struct looking l = {
        .v = v, .s = s, .number = revision, .stat = ret_stat, .text = ret_text};
    return with_reader(st, c, v, s, read_revision, &l, e);
}

/* ---- Directories: one for each key ---- */

/* Of a type that is not merged its own. */
static size_t n_colls(const struct shape *s) { return s->n_colls ? s->n_colls : 1; }
static uint32_t coll_at(const struct shape *s, size_t i) { return s->n_colls ? s->colls[i] : s->coll; }

/* A statement over HISTORY_IDS, with its first three parameters. */
static sqlite3_stmt *of_key(struct conn *c, enum stmt stmt, const struct shape *s, struct span key,
                            struct err *e)
{
    struct buf colls BUF_CLEANUP = BUF_INIT;
    sqlite3_stmt *st = conn_stmt(c, stmt, e);
    bool ok = true;

    if (!st)
        return NULL;
    for (size_t i = 0; ok && i < n_colls(s); i++)
        ok = buf_printf(&colls, "%c%u", i ? ',' : '[', (unsigned)coll_at(s, i));
    if (!ok || !buf_addc(&colls, ']')) {
        err_nomem(e);
        return NULL;
    }
    sqlite3_bind_int64(st, 1, shape_space(s));
    bind_text(st, 2, key);
    if (sqlite3_bind_text(st, 3, colls.p, (int)colls.n, SQLITE_TRANSIENT) != SQLITE_OK) {
        err_nomem(e);
        return NULL;
    }
    return st;
}

/* The part in which a deleted item stood: what its last revision says. */
static int stood_in_part(struct conn *c, const struct shape *s, uint64_t id, bool *ret,
                         struct err *e)
{
    struct record now RECORD_CLEANUP = RECORD_INIT;
    sqlite3_stmt *st = conn_stmt(c, STMT_HISTORY_NEWEST, e);
    const struct entry *part;
    bool row, changed;
    int rc;

    if (!st)
        return -1;
    *ret = false;
    bind_id(st, 1, id);
    rc = conn_step(c, st, &row, e);
    if (rc == 0 && row)
        rc = record_decode(column_span(st, 0), &c->rec, e) ||
                     lens_materialize(&c->lens, id_coll(id), column_span(st, 1), &c->rec,
                                      c->lens.cat->last_step, &now, &changed, e)
                 ? -1
                 : 0;
    if (rc == 0 && row) { /* the record lies in the row */
        part = record_get(changed ? &now : &c->rec, s->part);
        *ret = part && span_eq(part->bytes, s->part_name);
    }
    stmt_done(st);
    return rc;
}

/* A part of a split type has the history of the items that stand in it, or stood there last; what such an
 * item was in another part comes along. */
static int is_shown(struct conn *c, const struct shape *s, uint64_t id, bool *ret, struct err *e)
{
    uint64_t member;
    bool there;

    *ret = true;
    if (!s->part)
        return 0;
    if (item_shown_id(c, s, id_number(id), &member, ret, e) || *ret || item_exists(c, id, &there, e))
        return *ret ? 0 : -1;
    return there ? 0 : stood_in_part(c, s, id, ret, e);
}

/* The item that stands for a key's directory; 0 = none has revisions. */
static int owner_of(struct conn *c, const struct shape *s, struct span key, uint64_t *ret_id,
                    struct err *e)
{
    sqlite3_stmt *st = of_key(c, STMT_HISTORY_OWNER, s, key, e);
    bool row, shown = false;
    int rc = 0;

    if (!st)
        return -1;
    *ret_id = 0;
    while (!shown && !(rc = conn_step(c, st, &row, e)) && row) {
        *ret_id = column_id(st, 0);
        if ((rc = is_shown(c, s, *ret_id, &shown, e)))
            break;
    }
    stmt_done(st);
    if (!shown)
        *ret_id = 0;
    return rc;
}

/* The key that an item has or had last; empty when there is neither. */
static int key_of(struct conn *c, const struct looking *l, uint64_t id, struct buf *ret,
                  struct err *e)
{
    bool found;
    int rc;

    c->world.as_of = true;
    rc = c->lens.world.key_of(c->lens.world.arg, l->v, l->s->id, id, ret, &found, e);
    c->world.as_of = false;
    return rc;
}

static int find_name(struct conn *c, void *arg, struct err *e)
{
    struct looking *l = arg;
    uint64_t id;

    if (owner_of(c, l->s, l->key, &id, e))
        return -1;
    l->found = id_number(id);
    return id ? 0 : gone(e);
}

int store_history_find(struct store *st, const struct catalog *c, const struct version *v,
                       const struct shape *s, struct span key, uint64_t *ret_number,
                       struct err *e)
{
    struct looking l = {.v = v, .s = s, .key = key};

    if (with_reader(st, c, v, s, find_name, &l, e))
        return -1;
    *ret_number = l.found;
    return 0;
}

/* Of several items with one key the one that stands for its directory is listed. */
static int list_name(struct conn *c, struct looking *l, uint64_t id, struct err *e)
{
    struct buf key BUF_CLEANUP = BUF_INIT;
    uint64_t owner;

    l->number = id_number(id);
    if (key_of(c, l, id, &key, e) || owner_of(c, l->s, buf_span(&key), &owner, e))
        return -1;
    return key.n && owner == id ? l->name_fn(l->arg, buf_span(&key), l->number) : 0;
}

/* The next item with revisions by number, of all collections; 0 = none. */
static int next_item(struct conn *c, const struct shape *s, uint64_t after, uint64_t *ret_id,
                     struct err *e)
{
    uint64_t id;
    bool found;

    *ret_id = 0;
    for (size_t i = 0; i < n_colls(s); i++) {
        uint32_t coll = coll_at(s, i);

        if (history_next_id(c, id_make(coll, after), id_make(coll, ITEM_NUMBER_MASK), &id, &found, e))
            return -1;
        if (found && (!*ret_id || id_number(id) < id_number(*ret_id)))
            *ret_id = id;
    }
    return 0;
}

static int list_names(struct conn *c, void *arg, struct err *e)
{
    struct looking *l = arg;
    uint64_t id = 0;
    int rc;

    while (!(rc = next_item(c, l->s, l->number, &id, e)) && id && !(rc = list_name(c, l, id, e)))
        ;
    return rc < 0 ? -1 : 0;
}

int store_history_names(struct store *st, const struct catalog *c, const struct version *v,
                        const struct shape *s, uint64_t after, history_name_fn fn, void *arg,
                        struct err *e)
{
    struct looking l = {.v = v, .s = s, .number = after, .name_fn = fn, .arg = arg};

    if (after >= ITEM_NUMBER_MASK)
        return 0;
    return with_reader(st, c, v, s, list_names, &l, e);
}

/* ---- What stands in one ---- */

static int each_revision(struct conn *c, sqlite3_stmt *st, struct looking *l, struct err *e)
{
    bool row;
    int rc;

    while (!(rc = conn_step(c, st, &row, e)) && row) {
        uint64_t revision = column_id(st, 1);
        bool shown;
        if ((rc = is_shown(c, l->s, column_id(st, 2), &shown, e)))
            break;
        if (!shown)
            continue;
        l->at_ns = sqlite3_column_int64(st, 0);
        l->found = revision;
        if (!revision || revision >> REVISION_NUMBER_BITS)
            rc = damaged(revision, e);
        else if (l->revision_fn)
            rc = l->revision_fn(l->arg, l->at_ns, revision);
        if (rc || l->exact)
            break;
    }
    stmt_done(st);
    return rc < 0 ? -1 : 0;
}

static int list_revisions(struct conn *c, void *arg, struct err *e)
{
    struct looking *l = arg;
    struct buf key BUF_CLEANUP = BUF_INIT;
    sqlite3_stmt *st;
    uint64_t id;

    l->found = 0;
    if (next_item(c, l->s, l->number - 1, &id, e) ||
        (id_number(id) == l->number && key_of(c, l, id, &key, e)))
        return -1;
    st = of_key(c, l->exact ? STMT_HISTORY_AT : STMT_HISTORY_OF_KEY, l->s, buf_span(&key), e);
    if (!st)
        return -1;
    sqlite3_bind_int64(st, 4, l->at_ns);
    if (each_revision(c, st, l, e))
        return -1;
    return l->exact && !l->found ? gone(e) : 0;
}

int store_history_list(struct store *st, const struct catalog *c, const struct version *v,
                       const struct shape *s, uint64_t number, int64_t after_ns,
                       history_revision_fn fn, void *arg, struct err *e)
{
    struct looking l = {
        .v = v, .s = s, .number = number, .at_ns = after_ns, .revision_fn = fn, .arg = arg};
    return with_reader(st, c, v, s, list_revisions, &l, e);
}

int store_history_at(struct store *st, const struct catalog *c, const struct version *v,
                     const struct shape *s, uint64_t number, int64_t at_ns, uint64_t *ret_revision,
                     struct err *e)
{
    struct looking l = {.v = v, .s = s, .number = number, .at_ns = at_ns, .exact = true};

    if (with_reader(st, c, v, s, list_revisions, &l, e))
        return -1;
    *ret_revision = l.found;
    return 0;
}
