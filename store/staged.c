#include "staged.h"

#include "internal.h"

struct staged {
    struct span name, text;
};

static int run(struct store_tx *tx, const char *sql, const struct staged *s, struct err *e)
{
    sqlite3_stmt *st;
    int r;

    if (conn_prepare(tx->c, sql, &st, e) < 0)
        return -1;
    bind_text(st, 1, s->name);
    if (s->text.p)
        bind_blob(st, 2, s->text);
    r = conn_run(tx->c, st, e);
    sqlite3_finalize(st);
    return r;
}

static int put(struct store_tx *tx, void *arg, struct err *e)
{
    return run(tx, "INSERT OR REPLACE INTO staged (name, body) VALUES (?1, ?2)", arg, e);
}

static int delete (struct store_tx *tx, void *arg, struct err *e)
{
    return run(tx, "DELETE FROM staged WHERE name = ?1", arg, e);
}

int store_staged_put(struct store *s, struct span name, struct span text, struct err *e)
{
    struct staged staged = {name, {text.p ? text.p : "", text.n}};

    if (text.n > STAGED_MAX_BYTES)
        return err_set(e, ERR_TOO_BIG, "a staged file has at most %u bytes", STAGED_MAX_BYTES);
    return store_write(s, 0, put, &staged, e);
}

int store_staged_delete(struct store *s, struct span name, struct err *e)
{
    struct staged staged = {name, {NULL, 0}};

    return store_write(s, 0, delete, &staged, e);
}

static int list(struct conn *c, sqlite3_stmt *st,
                int (*fn)(void *arg, struct span name, struct span text, struct err *e), void *arg,
                struct err *e)
{
    bool row;
    int r;

    while ((r = conn_step(c, st, &row, e)) == 0 && row) {
        r = fn(arg, column_span(st, 0), column_span(st, 1), e);
        if (r < 0)
            break;
    }
    return r;
}

int store_staged_list(struct store *s,
                      int (*fn)(void *arg, struct span name, struct span text, struct err *e),
                      void *arg, struct err *e)
{
    struct catalog *cat = store_catalog(s);
    struct conn *c = NULL;
    sqlite3_stmt *st = NULL;
    int r = reader_get(s, cat, &c, e);

    if (r == 0)
        r = conn_prepare(c, "SELECT name, body FROM staged ORDER BY name", &st, e);
    if (r == 0)
        r = list(c, st, fn, arg, e);
    sqlite3_finalize(st);
    reader_put(c);
    catalog_unref(cat);
    return r;
}
