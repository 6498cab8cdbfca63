/* A type's items as the rows of a virtual table: column 0 is `_key`, then the fields in schema
 * order; the rowid is the item's number.
 *
 * Three ways through it (xBestIndex): by key, by a hash index over a column that a join compares
 * (query_index.c), or all items in order of their number. Every way may show too many rows; SQLite
 * compares again. A row's bytes are copied: what a read brings up to date may write (derive.c). */
#include "query_int.h"

#include <stdio.h>
#include <strings.h>

enum plan { PLAN_SCAN, PLAN_KEY, PLAN_INDEX /* + column */ };

struct cursor {
    sqlite3_vtab_cursor base;
    struct query_table *t;
    sqlite3_stmt *scan, *get;       /* prepared at first use */
    const struct index_entry *hits; /* not NULL: these instead of a scan */
    struct index_entry hit;
    size_t n_hits, at;
    uint64_t id; /* of the present row */
    bool end, decoded;
    struct lens lens; /* scratch of this row */
    struct record rec, seen;
    const struct record *shown; /* rec, or seen when rec is from before the version */
    struct buf key, body, scratch;
    size_t steps;
};

struct vtab {
    sqlite3_vtab base;
    struct query_table *t;
};

static struct cursor *cursor_of(sqlite3_vtab_cursor *c)
{
    return (struct cursor *)(void *)c;
}

/* Keeps the first reason; SQLite only learns that there is one. */
static int stopped(struct query_db *q, const struct err *e)
{
    if (q->why.code == ERR_NONE)
        q->why = *e;
    return e->code == ERR_NO_MEMORY ? SQLITE_NOMEM : SQLITE_ERROR;
}

/* ---- Values ---- */

int query_value(struct lens *l, const struct query_table *t, uint64_t id, const struct record *rec,
                struct span key, int column, struct buf *scratch, struct sql_value *ret,
                struct err *e)
{
    struct span json = {0};
    struct shape hold;
    const struct shape *s = shape_of_coll(t->s, id_coll(id), &hold);
    bool set;

    *ret = (struct sql_value){.kind = SQL_TEXT};
    if (column == 0)
        return lens_key(l, t->q->v, s, rec, key, &ret->text, e);
    const struct field *f = &t->s->fields[column - 1];
    if (lens_field(l, t->q->v, s, f, rec, key, true, &json, &set, e))
        return -1;
    if (!set)
        json = (struct span){0};
    return expr_value_in(f->type, json, scratch, ret) ? 0 : err_nomem(e);
}

/* A record from before the version is brought up to date once, not once for each column. */
static int decode(struct cursor *c, struct err *e)
{
    struct query_db *q = c->t->q;
    struct shape hold;
    if (item_decode(q->tx->c, c->id, buf_span(&c->body), &c->rec, e))
        return -1;
    c->shown = &c->rec;
    c->decoded = true;
    if (q->v->step_end == 0 || c->rec.gen + 1 >= q->v->step_end)
        return 0;
    c->shown = &c->seen;
    return lens_snapshot(&c->lens, q->v, shape_of_coll(c->t->s, id_coll(c->id), &hold), &c->rec,
                         buf_span(&c->key), &c->seen, e);
}

static int column_value(struct cursor *c, int column, struct sql_value *ret, struct err *e)
{
    if ((column > 0 || c->t->s->key) && !c->decoded && decode(c, e))
        return -1;
    return query_value(&c->lens, c->t, c->id, c->shown, buf_span(&c->key), column, &c->scratch, ret,
                       e);
}

static void give(sqlite3_context *ctx, const struct sql_value *v)
{
    if (v->kind == SQL_INTEGER)
        sqlite3_result_int64(ctx, v->integer);
    else if (v->kind == SQL_REAL)
        sqlite3_result_double(ctx, v->real);
    else if (v->kind == SQL_TEXT)
        sqlite3_result_text64(ctx, v->text.p, v->text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int vtab_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    struct cursor *c = cursor_of(base);
    struct sql_value v;
    struct err e = ERR_INIT;
    if (column_value(c, column, &v, &e))
        return stopped(c->t->q, &e);
    if (v.kind == SQL_TEXT && !query_has_read(c->t->q, v.text.n))
        return SQLITE_INTERRUPT;
    give(ctx, &v);
    /* What seen holds lives in the lens until the next row. */
    if (c->shown != &c->seen)
        lens_reset(&c->lens);
    return SQLITE_OK;
}

static int vtab_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)id_number(cursor_of(base)->id);
    return SQLITE_OK;
}

/* ---- Rows ---- */

/* Columns id, key, body. */
static int row_take(struct cursor *c, sqlite3_stmt *st, struct err *e)
{
    c->id = column_id(st, 0);
    c->decoded = false;
    c->shown = NULL;
    buf_reset(&c->key);
    buf_reset(&c->body);
    if (!buf_addspan(&c->key, column_span(st, 1)) || !buf_addspan(&c->body, column_span(st, 2)))
        return err_nomem(e);
    return 0;
}

static int next_scan(struct cursor *c, struct err *e)
{
    bool row;
    if (conn_step(c->t->q->tx->c, c->scan, &row, e))
        return -1;
    c->end = !row;
    return row ? row_take(c, c->scan, e) : 0;
}

static int next_hit(struct cursor *c, struct err *e)
{
    bool row = false;
    while (!row && c->at < c->n_hits) {
        bind_id(c->get, 1, c->hits[c->at++].id);
        if (conn_step(c->t->q->tx->c, c->get, &row, e))
            return -1;
        int rc = row ? row_take(c, c->get, e) : 0;
        sqlite3_reset(c->get);
        if (rc)
            return -1;
    }
    c->end = !row;
    return 0;
}

static int advance(struct cursor *c, struct err *e)
{
    struct query_db *q = c->t->q;
    lens_reset(&c->lens);
    if (++c->steps % 1024 == 0 && query_is_over(q)) {
        *e = q->why;
        return -1;
    }
    return c->hits ? next_hit(c, e) : next_scan(c, e);
}

static int vtab_next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = cursor_of(base);
    struct err e = ERR_INIT;
    return advance(c, &e) ? stopped(c->t->q, &e) : SQLITE_OK;
}

static int vtab_eof(sqlite3_vtab_cursor *base)
{
    return cursor_of(base)->end;
}

/* ---- Where to begin ---- */

int query_scan(const struct query_table *t, sqlite3_stmt **ret, struct err *e)
{
    struct conn *c = t->q->tx->c;
    const struct shape *s = t->s;

    if (conn_prepare(c,
                     s->set
                         ? "SELECT i.id, key, body FROM member AS m CROSS JOIN item AS i ON i.id = "
                           "m.id WHERE set_id = ?1 ORDER BY number"
                         : "SELECT id, key, body FROM item WHERE id > ?1 AND id <= ?2 ORDER BY id",
                     ret, e))
        return -1;
    bind_id(*ret, 1, s->set ? s->set : id_make(s->coll, 0));
    if (!s->set)
        bind_id(*ret, 2, id_make(s->coll, ITEM_NUMBER_MASK));
    return 0;
}

static int begin_scan(struct cursor *c, struct err *e)
{
    if (c->scan)
        sqlite3_reset(c->scan);
    else if (query_scan(c->t, &c->scan, e))
        return -1;
    return 0;
}

static int begin_hits(struct cursor *c, const struct index_entry *hits, size_t n, struct err *e)
{
    c->hits = hits ? hits : &c->hit;
    c->n_hits = n;
    c->at = 0;
    if (c->get)
        return 0;
    return conn_prepare(c->t->q->tx->c, "SELECT id, key, body FROM item WHERE id = ?1", &c->get, e);
}

static int begin_key(struct cursor *c, sqlite3_value *value, struct err *e)
{
    struct span key = {(const char *)sqlite3_value_text(value), (size_t)sqlite3_value_bytes(value)};
    bool found = false;
    if (!key.p)
        return err_nomem(e);
    if (item_find_id(c->t->q->tx->c, shape_space(c->t->s), key, &c->hit.id, &found, e))
        return -1;
    if (found &&
        item_shown_id(c->t->q->tx->c, c->t->s, id_number(c->hit.id), &c->hit.id, &found, e))
        return -1;
    return begin_hits(c, NULL, found ? 1 : 0, e);
}

static int begin_index(struct cursor *c, int column, sqlite3_value *value, struct err *e)
{
    struct query_index *ix = &c->t->indexes[column];
    const struct index_entry *hits;
    struct sql_value v = {.kind = SQL_REAL};
    if (sqlite3_value_type(value) == SQLITE_TEXT) {
        v = (struct sql_value){
            .kind = SQL_TEXT,
            .text = {(const char *)sqlite3_value_text(value), (size_t)sqlite3_value_bytes(value)}};
        if (!v.text.p)
            return err_nomem(e);
    } else {
        v.real = sqlite3_value_double(value);
    }
    if (query_index_build(c->t, column, e))
        return -1;
    size_t n = query_index_find(ix, query_hash(&v), &hits);
    return begin_hits(c, hits, n, e);
}

/* A key that is compared with a number is compared as a number: '07' is 7. */
static int begin(struct cursor *c, int plan, sqlite3_value *value, struct err *e)
{
    int type = value ? sqlite3_value_type(value) : SQLITE_NULL;
    c->hits = NULL;
    if (plan == PLAN_SCAN)
        return begin_scan(c, e);
    if (type == SQLITE_NULL || type == SQLITE_BLOB)
        return begin_hits(c, NULL, 0, e);
    if (plan == PLAN_KEY && type == SQLITE_TEXT)
        return begin_key(c, value, e);
    return begin_index(c, plan == PLAN_KEY ? 0 : plan - PLAN_INDEX, value, e);
}

static int vtab_filter(sqlite3_vtab_cursor *base, int plan, const char *name, int argc,
                       sqlite3_value **argv)
{
    struct cursor *c = cursor_of(base);
    struct err e = ERR_INIT;
    (void)name;
    c->end = !c->t->q->tx;
    if (c->end)
        return SQLITE_OK;
    if (begin(c, plan, argc ? argv[0] : NULL, &e) || advance(c, &e))
        return stopped(c->t->q, &e);
    return SQLITE_OK;
}

/* ---- Which way ---- */

static double rows_of(const struct query_table *t)
{
    int64_t n = t->q->tx ? store_count(t->q->tx->store, t->q->v, t->s) : -1;
    return n < 0 ? 1000000 : (double)n + 1;
}

static bool compares(sqlite3_index_info *info, int i)
{
    return info->aConstraint[i].usable && info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
           info->aConstraint[i].iColumn >= 0 &&
           strcmp(sqlite3_vtab_collation(info, i), "BINARY") == 0;
}

static void choose(sqlite3_index_info *info, int i, int plan, double rows, double cost)
{
    for (int k = 0; k < info->nConstraint; k++)
        info->aConstraintUsage[k].argvIndex = 0;
    info->aConstraintUsage[i].argvIndex = 1;
    info->idxNum = plan;
    info->estimatedRows = (sqlite3_int64)rows;
    info->estimatedCost = cost;
}

/* A field compared with a constant is found in the one scan that an index would need as well. */
static int vtab_best(sqlite3_vtab *base, sqlite3_index_info *info)
{
    struct query_table *t = ((struct vtab *)(void *)base)->t;
    double n = rows_of(t);
    info->idxNum = PLAN_SCAN;
    info->estimatedRows = (sqlite3_int64)n;
    info->estimatedCost = n * 4 + 10;
    for (int i = 0; i < info->nConstraint; i++) {
        sqlite3_value *constant = NULL;
        int column = info->aConstraint[i].iColumn;
        if (!compares(info, i))
            continue;
        if (column == 0) {
            choose(info, i, PLAN_KEY, 1, 5);
            info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
            break;
        }
        if (info->idxNum == PLAN_SCAN && sqlite3_vtab_rhs_value(info, i, &constant) != SQLITE_OK)
            choose(info, i, PLAN_INDEX + column, n < 100 ? 2 : n / 50, 10 + n / 50 * 5);
    }
    return SQLITE_OK;
}

/* ---- Tables ---- */

static bool add_name(struct buf *b, const char *name)
{
    bool ok = buf_addc(b, '"');
    for (; ok && *name; name++)
        ok = (*name != '"' || buf_addc(b, '"')) && buf_addc(b, *name);
    return ok && buf_addc(b, '"');
}

/* Of two fields whose names differ only in case, SQL would always take the first: the second gets
 * a name that nobody writes, and the authorizer refuses either. */
static bool column_sql(const struct query_table *t, size_t i, struct buf *b)
{
    static const char *const types[] = {[SQL_AFFINITY_TEXT] = " TEXT",
                                        [SQL_AFFINITY_NUMERIC] = " NUMERIC",
                                        [SQL_AFFINITY_NONE] = ""};
    const struct field *f = &t->s->fields[i];
    char other[32];
    snprintf(other, sizeof other, "~%zu", i);
    bool later = false;
    for (size_t k = 0; k < i && t->twins[i]; k++)
        later |= strcasecmp(t->s->fields[k].name, f->name) == 0;
    return buf_adds(b, ", ") && add_name(b, later ? other : f->name) &&
           buf_adds(b, types[expr_value_affinity(f->type)]);
}

static int vtab_connect(sqlite3 *db, void *arg, int argc, const char *const *argv,
                        sqlite3_vtab **ret, char **ret_error)
{
    struct query_db *q = arg;
    struct query_table *t = &q->tables[argc > 3 ? strtoul(argv[3], NULL, 10) : 0];
    struct buf sql BUF_CLEANUP = BUF_INIT;
    (void)ret_error;
    bool ok = buf_adds(&sql, "CREATE TABLE x(\"_key\" TEXT");
    for (size_t i = 0; ok && i < t->s->n_fields; i++)
        ok = column_sql(t, i, &sql);
    struct vtab *v = ok && buf_addc(&sql, ')') && buf_str(&sql) ? sqlite3_malloc(sizeof *v) : NULL;
    if (!v)
        return SQLITE_NOMEM;
    *v = (struct vtab){.t = t};
    *ret = &v->base;
    int rc = sqlite3_declare_vtab(db, sql.p);
    if (rc != SQLITE_OK)
        sqlite3_free(v);
    return rc;
}

/* A function of its own: with one for both, the module's own name would be a table. */
static int vtab_create(sqlite3 *db, void *arg, int argc, const char *const *argv,
                       sqlite3_vtab **ret, char **ret_error)
{
    return vtab_connect(db, arg, argc, argv, ret, ret_error);
}

static int vtab_disconnect(sqlite3_vtab *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static int vtab_open(sqlite3_vtab *base, sqlite3_vtab_cursor **ret)
{
    struct cursor *c = calloc(1, sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    c->t = ((struct vtab *)(void *)base)->t;
    if (c->t->q->tx)
        tx_sub_lens(c->t->q->tx, &c->lens);
    *ret = &c->base;
    return SQLITE_OK;
}

static int vtab_close(sqlite3_vtab_cursor *base)
{
    struct cursor *c = cursor_of(base);
    sqlite3_finalize(c->scan);
    sqlite3_finalize(c->get);
    lens_deinit(&c->lens);
    record_free(&c->rec);
    record_free(&c->seen);
    buf_free(&c->key);
    buf_free(&c->body);
    buf_free(&c->scratch);
    free(c);
    return SQLITE_OK;
}

static const sqlite3_module items_module = {
    .xCreate = vtab_create,
    .xConnect = vtab_connect,
    .xBestIndex = vtab_best,
    .xDisconnect = vtab_disconnect,
    .xDestroy = vtab_disconnect,
    .xOpen = vtab_open,
    .xClose = vtab_close,
    .xFilter = vtab_filter,
    .xNext = vtab_next,
    .xEof = vtab_eof,
    .xColumn = vtab_column,
    .xRowid = vtab_rowid,
};

/* A type that SQLite can't have as a table ("sqlite_x", a twin, too many fields) is left out: a
 * query that names it is refused. */
static int table_make(struct query_db *q, size_t i)
{
    struct buf sql BUF_CLEANUP = BUF_INIT;
    if (!buf_adds(&sql, "CREATE VIRTUAL TABLE ") || !add_name(&sql, q->tables[i].s->name) ||
        !buf_printf(&sql, " USING \"~items\"(%zu)", i) || !buf_str(&sql))
        return SQLITE_NOMEM;
    int rc = sqlite3_exec(q->db, sql.p, NULL, NULL, NULL);
    return rc == SQLITE_ERROR ? SQLITE_OK : rc;
}

int query_tables_make(struct query_db *q)
{
    int rc = sqlite3_create_module_v2(q->db, "~items", &items_module, q, NULL);
    for (size_t i = 0; i < q->n_tables && rc == SQLITE_OK; i++)
        rc = table_make(q, i);
    return rc;
}
