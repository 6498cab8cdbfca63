#include "tables.h"

/* In order of their creation. */
const struct table store_tables[] = {
    {"table", "meta",
     "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID"},
    {"table", "version",
     "CREATE TABLE version (number INTEGER PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT "
     "NULL, parent INTEGER NOT NULL, text BLOB NOT NULL, step INTEGER NOT NULL, slot INTEGER NOT "
     "NULL, shape INTEGER NOT NULL, added INTEGER NOT NULL)"},
    {"table", "item",
     "CREATE TABLE item (id INTEGER PRIMARY KEY, key TEXT NOT NULL, mtime INTEGER NOT NULL, btime "
     "INTEGER NOT NULL, body BLOB NOT NULL)"},
    {"table", "name",
     "CREATE TABLE name (coll INTEGER NOT NULL, key TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY "
     "KEY (coll, key)) WITHOUT ROWID"},
    {"table", "ref",
     "CREATE TABLE ref (target INTEGER NOT NULL, holder INTEGER NOT NULL, slot INTEGER NOT NULL, "
     "PRIMARY KEY (target, holder, slot)) WITHOUT ROWID"},
    {"table", "uniq",
     "CREATE TABLE uniq (set_id INTEGER NOT NULL, vals BLOB NOT NULL, id INTEGER NOT NULL, "
     "PRIMARY KEY (set_id, vals)) WITHOUT ROWID"},
    {"index", "uniq_id", "CREATE INDEX uniq_id ON uniq (id, set_id)"},
    {"table", "extracted",
     "CREATE TABLE extracted (step INTEGER NOT NULL, vals BLOB NOT NULL, id INTEGER NOT NULL, "
     "PRIMARY KEY (step, vals, id)) WITHOUT ROWID"},
    {"index", "extracted_id", "CREATE INDEX extracted_id ON extracted (id, step)"},
    {"table", "origin",
     "CREATE TABLE origin (step INTEGER NOT NULL, vals BLOB NOT NULL, id INTEGER NOT NULL, "
     "holders INTEGER NOT NULL, PRIMARY KEY (step, vals)) WITHOUT ROWID"},
    {"index", "origin_id", "CREATE INDEX origin_id ON origin (id)"},
    {"table", "made", "CREATE TABLE made (id INTEGER PRIMARY KEY, step INTEGER NOT NULL)"},
    {"index", "made_step", "CREATE INDEX made_step ON made (step, id)"},
    {"table", "link", "CREATE TABLE link (step INTEGER PRIMARY KEY)"},
    {"table", "attr",
     "CREATE TABLE attr (number INTEGER NOT NULL, version INTEGER NOT NULL, shape INTEGER NOT "
     "NULL, mode INTEGER, uid INTEGER, gid INTEGER, PRIMARY KEY (number, version, shape)) WITHOUT "
     "ROWID"},
    {"table", "count", "CREATE TABLE count (coll INTEGER PRIMARY KEY, n INTEGER NOT NULL)"},
    {"table", "job",
     "CREATE TABLE job (version INTEGER PRIMARY KEY, state INTEGER NOT NULL, step INTEGER NOT "
     "NULL, cursor INTEGER NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, started "
     "INTEGER NOT NULL, ended INTEGER NOT NULL)"},
    {"table", "log",
     "CREATE TABLE log (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, uid INTEGER NOT NULL, pid "
     "INTEGER NOT NULL, verb TEXT NOT NULL, argument TEXT NOT NULL, result TEXT NOT NULL)"},
    {"table", "staged",
     "CREATE TABLE staged (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID"},
};
const size_t n_store_tables = sizeof store_tables / sizeof store_tables[0];

const char *const stmt_sql[STMT_COUNT] = {
#define STMT_SQL(name, sql) [STMT_##name] = sql,
    STMTS(STMT_SQL)
#undef STMT_SQL
};
