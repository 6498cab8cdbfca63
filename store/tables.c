#include "tables.h"

/* In order of their creation. */
const struct table store_tables[] = {
    {1, "table", "meta",
     "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID"},
    {1, "table", "version",
     "CREATE TABLE version (number INTEGER PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT "
     "NULL, parent INTEGER NOT NULL, text BLOB NOT NULL, step INTEGER NOT NULL, slot INTEGER NOT "
     "NULL, shape INTEGER NOT NULL, added INTEGER NOT NULL)"},
    {1, "table", "item",
     "CREATE TABLE item (id INTEGER PRIMARY KEY, key TEXT NOT NULL, mtime INTEGER NOT NULL, btime "
     "INTEGER NOT NULL, body BLOB NOT NULL)"},
    {1, "table", "name",
     "CREATE TABLE name (coll INTEGER NOT NULL, key TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY "
     "KEY (coll, key)) WITHOUT ROWID"},
    {1, "table", "ref",
     "CREATE TABLE ref (target INTEGER NOT NULL, holder INTEGER NOT NULL, slot INTEGER NOT NULL, "
     "PRIMARY KEY (target, holder, slot)) WITHOUT ROWID"},
    {1, "table", "uniq",
     "CREATE TABLE uniq (set_id INTEGER NOT NULL, vals BLOB NOT NULL, id INTEGER NOT NULL, "
     "PRIMARY KEY (set_id, vals)) WITHOUT ROWID"},
    {1, "index", "uniq_id", "CREATE INDEX uniq_id ON uniq (id, set_id)"},
    {1, "table", "extracted",
     "CREATE TABLE extracted (step INTEGER NOT NULL, vals BLOB NOT NULL, id INTEGER NOT NULL, "
     "PRIMARY KEY (step, vals, id)) WITHOUT ROWID"},
    {1, "index", "extracted_id", "CREATE INDEX extracted_id ON extracted (id, step)"},
    {1, "table", "origin",
     "CREATE TABLE origin (step INTEGER NOT NULL, vals BLOB NOT NULL, id INTEGER NOT NULL, "
     "holders INTEGER NOT NULL, PRIMARY KEY (step, vals)) WITHOUT ROWID"},
    {1, "index", "origin_id", "CREATE INDEX origin_id ON origin (id)"},
    {1, "table", "made", "CREATE TABLE made (id INTEGER PRIMARY KEY, step INTEGER NOT NULL)"},
    {1, "index", "made_step", "CREATE INDEX made_step ON made (step, id)"},
    {1, "table", "link", "CREATE TABLE link (step INTEGER PRIMARY KEY)"},
    {1, "table", "attr",
     "CREATE TABLE attr (number INTEGER NOT NULL, version INTEGER NOT NULL, shape INTEGER NOT "
     "NULL, mode INTEGER, uid INTEGER, gid INTEGER, PRIMARY KEY (number, version, shape)) WITHOUT "
     "ROWID"},
    {1, "table", "count", "CREATE TABLE count (coll INTEGER PRIMARY KEY, n INTEGER NOT NULL)"},
    {1, "table", "job",
     "CREATE TABLE job (version INTEGER PRIMARY KEY, state INTEGER NOT NULL, step INTEGER NOT "
     "NULL, cursor INTEGER NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, started "
     "INTEGER NOT NULL, ended INTEGER NOT NULL)"},
    {1, "table", "log",
     "CREATE TABLE log (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, uid INTEGER NOT NULL, pid "
     "INTEGER NOT NULL, verb TEXT NOT NULL, argument TEXT NOT NULL, result TEXT NOT NULL)"},
    {1, "table", "staged",
     "CREATE TABLE staged (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID"},
    {2, "table", "history",
     "CREATE TABLE history (rev INTEGER PRIMARY KEY, id INTEGER NOT NULL, at INTEGER NOT NULL, key "
     "TEXT NOT NULL, mtime INTEGER NOT NULL, body BLOB NOT NULL)"},
    {2, "index", "history_item", "CREATE UNIQUE INDEX history_item ON history (id, at)"},
    {2, "table", "gone",
     "CREATE TABLE gone (space INTEGER NOT NULL, key TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY "
     "KEY (space, key, id)) WITHOUT ROWID"},
    {2, "index", "gone_id", "CREATE INDEX gone_id ON gone (id)"},
    {3, "table", "member",
     "CREATE TABLE member (set_id INTEGER NOT NULL, number INTEGER NOT NULL, id INTEGER NOT NULL, "
     "PRIMARY KEY (set_id, number)) WITHOUT ROWID"},
};
const size_t n_store_tables = sizeof store_tables / sizeof store_tables[0];

const char *const stmt_sql[STMT_COUNT] = {
#define STMT_SQL(name, sql) [STMT_##name] = sql,
    STMTS(STMT_SQL)
#undef STMT_SQL
};
