/* Are the tables exactly a store's? And what an older format lacks is made. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* ---- Checks of what is in it ---- */

static const struct table *table_named(const char *name)
{
    for (size_t i = 0; i < n_store_tables; i++)
        if (name && strcmp(store_tables[i].name, name) == 0)
            return &store_tables[i];
    return NULL;
}

static int check_table(struct store *s, sqlite3_stmt *st, unsigned format, struct err *e)
{
    const char *type = (const char *)sqlite3_column_text(st, 0);
    const char *name = (const char *)sqlite3_column_text(st, 1);
    const char *sql = (const char *)sqlite3_column_text(st, 2);
    const struct table *t = table_named(name);

    if (!t || t->since > format || !type || !sql || strcmp(t->type, type) != 0 || strcmp(t->sql, sql) != 0)
        return err_set(e, ERR_INVALID, "\"%s\" is damaged: its %s \"%s\" is not a store's", s->path,
                       type ? type : "table", name ? name : "");
    return 0;
}

static size_t tables_of(unsigned format)
{
    size_t n = 0;

    for (size_t i = 0; i < n_store_tables; i++)
        n += store_tables[i].since <= format;
    return n;
}

static int check_tables(struct store *s, struct conn *c, unsigned format, struct err *e)
{
    sqlite3_stmt *st;
    size_t n = 0;
    bool row;
    int rc;

    if (conn_prepare(c, "SELECT type, name, sql FROM sqlite_schema", &st, e))
        return -1;
    while (!(rc = conn_step(c, st, &row, e)) && row && !(rc = check_table(s, st, format, e)))
        n++;
    sqlite3_finalize(st);
    if (rc == 0 && n != tables_of(format))
        rc = err_set(e, ERR_INVALID, "\"%s\" is damaged: tables are missing", s->path);
    return rc;
}

/* ---- Older formats ---- */

/* What the log holds counts: the file's header may be older. */
static int format_of(struct conn *c, unsigned *ret, struct err *e)
{
    sqlite3_stmt *st;
    bool row = false;
    int rc;

    if (conn_prepare(c, "PRAGMA user_version", &st, e))
        return -1;
    rc = conn_step(c, st, &row, e);
    *ret = rc == 0 && row ? (unsigned)sqlite3_column_int(st, 0) : 0;
    sqlite3_finalize(st);
    return rc;
}

static int make_since(struct conn *c, unsigned format, struct err *e)
{
    for (size_t i = 0; i < n_store_tables; i++)
        if (store_tables[i].since > format && conn_exec(c, store_tables[i].sql, e))
            return -1;
    return 0;
}

/* Each format so far only added tables. One transaction, durable: before or after, never between. */
static int upgrade(struct store *s, struct conn *c, unsigned format, struct err *e)
{
    struct err ignored = ERR_INIT;
    char sql[64];

    if (s->read_only || s->immutable)
        return err_set(e, ERR_INVALID,
                       "\"%s\" has format %u: mount it once without \"ro\", which makes it %u", s->path,
                       format, (unsigned)STORE_FORMAT);
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d; COMMIT", STORE_FORMAT);
    if (conn_exec(c, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE", e))
        return -1;
    if (make_since(c, format, e) || conn_exec(c, sql, e)) {
        if (!sqlite3_get_autocommit(c->db))
            conn_exec(c, "ROLLBACK", &ignored);
        return -1;
    }
    return conn_exec(c, "PRAGMA synchronous = NORMAL", e);
}

int format_check(struct store *s, struct conn *c, struct err *e)
{
    unsigned format;

    if (format_of(c, &format, e))
        return -1;
    if (format < STORE_FORMAT_FIRST || format > STORE_FORMAT)
        return err_set(e, ERR_INVALID, "\"%s\" has format %u, which is not known", s->path, format);
    if (check_tables(s, c, format, e))
        return -1;
    return format < STORE_FORMAT ? upgrade(s, c, format, e) : 0;
}
