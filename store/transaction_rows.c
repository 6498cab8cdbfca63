/* The rows of a query as items of a target type. */
#include "transaction_int.h"

#include <stdio.h>

#include "../schemas/expr_impl.h" /* values on their way out of SQL */

static const struct type_ref key_type = {.base = T_STRING};

struct column {
    const char *name;
    const struct type_ref *type; /* NULL: does not count */
};

struct collecting {
    const struct version *v;
    const struct shape *target;
    enum row_use use;
    struct column *columns;
    int n_columns, key; /* key: its column */
    struct row_set *ret;
    struct buf row, unset;
};

/* ---- Columns ---- */

static int unknown_column(const struct shape *s, const char *name, struct err *e)
{
    const char **words = calloc(s->n_fields + 2, sizeof *words);
    if (!words)
        return err_nomem(e);
    for (size_t i = 0; i < s->n_fields; i++)
        words[i] = s->fields[i].name;
    words[s->n_fields] = "_key";
    const char *near = err_nearest(name, strlen(name), words, s->n_fields + 1);
    err_set(e, ERR_INVALID, "column \"%.100s\" is no field of %s%s%s%s", name, s->name,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    free(words);
    return -1;
}

static int column_set(struct collecting *c, int i, struct err *e)
{
    struct column *col = &c->columns[i];
    const struct field *f = shape_field(c->target, span_of(col->name));
    for (int k = 0; k < i; k++)
        if (strcmp(c->columns[k].name, col->name) == 0)
            return err_set(e, ERR_INVALID, "two columns are called \"%.100s\"", col->name);
    if (strcmp(col->name, "_key") == 0) {
        col->type = &key_type;
        c->key = i;
        return 0;
    }
    if (c->use == ROWS_KEYS)
        return 0;
    if (!f)
        return unknown_column(c->target, col->name, e);
    col->type = f->type;
    return 0;
}

static int columns_set(struct collecting *c, sqlite3_stmt *st, struct err *e)
{
    c->n_columns = sqlite3_column_count(st);
    c->columns = calloc((size_t)c->n_columns + 1, sizeof *c->columns);
    c->key = -1;
    if (!c->columns)
        return err_nomem(e);
    for (int i = 0; i < c->n_columns; i++) {
        c->columns[i].name = sqlite3_column_name(st, i);
        if (!c->columns[i].name)
            return err_nomem(e);
        if (column_set(c, i, e))
            return -1;
    }
    if (c->key >= 0)
        return 0;
    err_set(e, ERR_INVALID, "no column \"_key\" says which %s each row is", c->target->name);
    return err_expected(e, "SELECT ... AS _key, ...");
}

/* ---- Values ---- */

static int take(sqlite3_stmt *st, int i, struct sql_value *ret, struct err *e)
{
    *ret = (struct sql_value){.kind = SQL_NULL};
    switch (sqlite3_column_type(st, i)) {
    case SQLITE_INTEGER:
        *ret = (struct sql_value){.kind = SQL_INTEGER, .integer = sqlite3_column_int64(st, i)};
        return 0;
    case SQLITE_FLOAT:
        *ret = (struct sql_value){.kind = SQL_REAL, .real = sqlite3_column_double(st, i)};
        return 0;
    case SQLITE_TEXT:
        *ret = (struct sql_value){.kind = SQL_TEXT,
                                  .text = {(const char *)sqlite3_column_text(st, i),
                                           (size_t)sqlite3_column_bytes(st, i)}};
        return ret->text.p ? 0 : err_nomem(e);
    case SQLITE_BLOB:
        ret->kind = SQL_BLOB;
        return 0;
    default:
        return 0;
    }
}

static int unfit(struct collecting *c, sqlite3_stmt *st, int i, struct err *e)
{
    struct buf type BUF_CLEANUP = BUF_INIT;
    const char *value = (const char *)sqlite3_column_text(st, i);
    const char *key = (const char *)sqlite3_column_text(st, c->key);
    if (!type_print(c->columns[i].type, c->v->shapes, c->v->n_shapes, &type) || !buf_str(&type))
        return err_nomem(e);
    if (sqlite3_column_type(st, i) == SQLITE_BLOB)
        value = "a blob";
    err_set(e, ERR_INVALID, "row %zu (\"%.100s\"), column \"%.60s\": \"%.100s\" is not of type %s",
            c->ret->n + 1, key ? key : "", c->columns[i].name, value ? value : "", type.p);
    err_field(e, c->columns[i].name);
    return err_expected(e, "%s", type.p);
}

/* Appends `"name": value`. */
static int add_cell(struct collecting *c, sqlite3_stmt *st, int i, const struct sql_value *v,
                    struct err *e)
{
    struct formula into = {
        .out_type = c->columns[i].type, .shapes = c->v->shapes, .n_shapes = c->v->n_shapes};
    bool fits;
    if ((c->row.n > 2 && !buf_adds(&c->row, ", ")) ||
        !json_write_string(span_of(c->columns[i].name), &c->row) || !buf_adds(&c->row, ": "))
        return err_nomem(e);
    if (expr_value_out(&into, v, &c->row, &fits, e))
        return -1;
    return fits ? 0 : unfit(c, st, i, e);
}

static int add_null(struct collecting *c, int i, struct err *e)
{
    if (i == c->key)
        return err_set(e, ERR_INVALID, "row %zu has no _key: it is NULL", c->ret->n + 1);
    if (c->use != ROWS_PATCH)
        return 0;
    bool ok = (c->unset.n == 0 || buf_adds(&c->unset, ", ")) &&
              json_write_string(span_of(c->columns[i].name), &c->unset);
    return ok ? 0 : err_nomem(e);
}

static int keep(struct collecting *c, struct err *e)
{
    struct row_set *r = c->ret;
    if (!buf_adds(&c->row, "}, [") || !buf_addspan(&c->row, buf_span(&c->unset)) ||
        !buf_adds(&c->row, "]]") || !buf_addvarint(&r->bytes, c->row.n) ||
        !buf_addspan(&r->bytes, buf_span(&c->row)))
        return err_nomem(e);
    if (r->bytes.n > QUERY_MEMORY_LIMIT)
        return err_set(e, ERR_TOO_BIG, "its rows need more than %d MiB: take a part at a time",
                       QUERY_MEMORY_LIMIT >> 20);
    r->n++;
    return 0;
}

static int take_row(void *arg, sqlite3_stmt *st, bool row, struct err *e)
{
    struct collecting *c = arg;
    if (!row)
        return columns_set(c, st, e);
    buf_reset(&c->row);
    buf_reset(&c->unset);
    if (!buf_adds(&c->row, "[{"))
        return err_nomem(e);
    for (int i = 0; i < c->n_columns; i++) {
        struct sql_value v;
        if (!c->columns[i].type)
            continue;
        if (take(st, i, &v, e) ||
            (v.kind == SQL_NULL ? add_null(c, i, e) : add_cell(c, st, i, &v, e)))
            return -1;
    }
    return keep(c, e);
}

int rows_collect(struct query_db *q, const struct query *query, const struct version *v,
                 const struct shape *target, enum row_use use, struct row_set *ret, struct err *e)
{
    struct collecting c = {.v = v, .target = target, .use = use, .ret = ret};
    int rc = query_run(q, query, take_row, &c, e);
    free(c.columns);
    buf_free(&c.row);
    buf_free(&c.unset);
    return rc;
}

bool rows_next(const struct row_set *rows, size_t *pos, struct span *ret)
{
    const char *p = rows->bytes.p + *pos, *end = rows->bytes.p + rows->bytes.n;
    uint64_t n;
    if (*pos >= rows->bytes.n || !varint_read(&p, end, &n) || n > (uint64_t)(end - p))
        return false;
    *ret = (struct span){p, (size_t)n};
    *pos = (size_t)(p - rows->bytes.p) + (size_t)n;
    return true;
}

void rows_free(struct row_set *rows)
{
    buf_free(&rows->bytes);
    rows->n = 0;
}
