/*
 * sqlfloor: what the store's SQL statements cost by themselves, in a loop with nothing around it.
 *
 * Statements come from the command line and are bound by name: :coll, :key (without `.json`), :id,
 * :mtime, :body. In `point` each operation runs all statements in turn, and what the first one
 * finds in its first column is :id for the next. In `insert` each item runs all of them with
 * :id = --base + its number; --batch of them share a transaction. `make` fills a bare store of the
 * same tables, for when there is no real one.
 */
#include "body.h"

#include <getopt.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { STATEMENTS_MAX = 8 };

struct options {
    uint64_t first, items, count, seed, batch, coll, base, lead;
};

struct floor {
    struct options o;
    sqlite3 *db;
    sqlite3_stmt *stmts[STATEMENTS_MAX];
    int n_stmts;
    uint64_t rows;
};

/* As store/tables.c has them. */
static const char make_sql[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE item (id INTEGER PRIMARY KEY, key TEXT NOT NULL, mtime INTEGER NOT NULL, btime "
    "INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE name (coll INTEGER NOT NULL, key TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY "
    "KEY (coll, key)) WITHOUT ROWID;"
    "CREATE TABLE count (coll INTEGER PRIMARY KEY, n INTEGER NOT NULL);";

static const char *const make_inserts[] = {
    "INSERT INTO item (id, key, mtime, btime, body) VALUES (:id, :key, :mtime, :mtime, :body)",
    "INSERT INTO name (coll, key, id) VALUES (:coll, :key, :id)",
    "INSERT INTO count (coll, n) VALUES (:coll, 1) ON CONFLICT DO UPDATE SET n = n + 1",
};

static void fail(struct floor *f, const char *sql)
{
    fprintf(stderr, "sqlfloor: %s: \"%s\"\n", sqlite3_errmsg(f->db), sql);
    exit(1);
}

static void exec(struct floor *f, const char *sql)
{
    if (sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(f, sql);
}

static void prepare(struct floor *f, const char *sql)
{
    if (f->n_stmts == STATEMENTS_MAX ||
        sqlite3_prepare_v3(f->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &f->stmts[f->n_stmts++],
                           NULL) != SQLITE_OK)
        fail(f, sql);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Binds what the statement names of item `number`; name and text live until the next step. */
static void bind(const struct floor *f, sqlite3_stmt *s, uint64_t number, sqlite3_int64 id,
                 const char *name, const char *text)
{
    int coll = sqlite3_bind_parameter_index(s, ":coll");
    int key = sqlite3_bind_parameter_index(s, ":key");
    int row = sqlite3_bind_parameter_index(s, ":id");
    int mtime = sqlite3_bind_parameter_index(s, ":mtime");
    int body = sqlite3_bind_parameter_index(s, ":body");

    if (coll)
        sqlite3_bind_int64(s, coll, (sqlite3_int64)f->o.coll);
    if (key)
        sqlite3_bind_text(s, key, name, NAME_SIZE - 1 - (int)strlen(".json"), SQLITE_STATIC);
    if (row)
        sqlite3_bind_int64(s, row, id);
    if (mtime)
        sqlite3_bind_int64(s, mtime, 1700000000000000000 + (sqlite3_int64)number);
    if (body)
        sqlite3_bind_blob(s, body, text, BODY_SIZE, SQLITE_STATIC);
}

/* Copies every column out, as a reader must. */
static void take_row(struct floor *f, sqlite3_stmt *s)
{
    char copy[4096];

    f->rows++;
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        const void *p = sqlite3_column_blob(s, i);
        size_t n = (size_t)sqlite3_column_bytes(s, i);

        if (p && n <= sizeof copy)
            memcpy(copy, p, n);
    }
}

static void run_item(struct floor *f, uint64_t number, sqlite3_int64 id, bool finds)
{
    char name[NAME_SIZE], text[BODY_SIZE];

    body_name(name, (unsigned)number);
    body_write(text, (unsigned)number);
    for (int i = 0; i < f->n_stmts; i++) {
        sqlite3_stmt *s = f->stmts[i];
        int rc;

        bind(f, s, number, id, name, text);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
            if (finds && i == 0)
                id = sqlite3_column_int64(s, 0);
            take_row(f, s);
        }
        if (rc != SQLITE_DONE)
            fail(f, sqlite3_sql(s));
        sqlite3_reset(s);
    }
}

static void run_points(struct floor *f, uint64_t *random, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        run_item(f, f->o.first + random_next(random) % f->o.items, 0, true);
}

/* Nanoseconds of the timed ones: those before them fill SQLite's cache. */
static uint64_t run_point(struct floor *f)
{
    uint64_t random = f->o.seed, t;

    run_points(f, &random, f->o.lead);
    f->rows = 0;
    t = now_ns();
    run_points(f, &random, f->o.count);
    t = now_ns() - t;
    if (f->rows < f->o.count * (unsigned)f->n_stmts) {
        fprintf(stderr, "sqlfloor: %lu rows found by %lu operations\n", (unsigned long)f->rows,
                (unsigned long)f->o.count);
        exit(1);
    }
    return t;
}

static uint64_t run_insert(struct floor *f)
{
    uint64_t batch = f->o.batch ? f->o.batch : f->o.count, t = now_ns();

    for (uint64_t i = 0; i < f->o.count; i++) {
        if (i % batch == 0)
            exec(f, "BEGIN IMMEDIATE");
        run_item(f, f->o.first + i, (sqlite3_int64)(f->o.base + f->o.first + i), false);
        if (i % batch == batch - 1 || i == f->o.count - 1)
            exec(f, "COMMIT");
    }
    return now_ns() - t;
}

static const char usage[] =
    "sqlfloor make|point|insert [option...] STORE [STATEMENT...]\n"
    "  --first=N --items=N --count=N --seed=N   as driver's (0, 100000, all, 1)\n"
    "  --coll=N --base=N   for :coll, and what :id adds to the number (1, 0)\n"
    "  --batch=N           inserts a transaction, 0 = all (1)\n"
    "  --lead=N            points before the timed ones (0)\n";

static void bad_usage(void)
{
    fputs(usage, stderr);
    exit(2);
}

enum { N_NUMBERS = 8 };

/* Values are places in numbers[] below. */
static const struct option long_options[] = {
    {"first", 1, NULL, 0}, {"items", 1, NULL, 1}, {"count", 1, NULL, 2}, {"seed", 1, NULL, 3},
    {"batch", 1, NULL, 4}, {"coll", 1, NULL, 5},  {"base", 1, NULL, 6},  {"lead", 1, NULL, 7},
    {0},
};

static void parse(struct options *o, int argc, char **argv)
{
    uint64_t *const numbers[N_NUMBERS] = {&o->first, &o->items, &o->count, &o->seed,
                                          &o->batch, &o->coll,  &o->base,  &o->lead};
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == '?')
            bad_usage();
        *numbers[option] = strtoull(optarg, NULL, 10);
    }
    if (o->count == 0)
        o->count = o->items;
    if (argc - optind < 2 || o->items == 0)
        bad_usage();
}

int main(int argc, char **argv)
{
    struct floor f = {.o = {.items = 100000, .seed = 1, .coll = 1, .batch = 1}};
    const char *what;
    uint64_t t;
    bool make;

    parse(&f.o, argc, argv);
    what = argv[optind++];
    make = strcmp(what, "make") == 0;
    if (!make && strcmp(what, "point") != 0 && strcmp(what, "insert") != 0)
        bad_usage();
    if (sqlite3_open(argv[optind], &f.db) != SQLITE_OK)
        fail(&f, argv[optind]);
    exec(&f, "PRAGMA synchronous=NORMAL");
    if (make)
        exec(&f, make_sql);
    for (int i = optind + 1; !make && i < argc; i++)
        prepare(&f, argv[i]);
    for (size_t i = 0; make && i < sizeof make_inserts / sizeof *make_inserts; i++)
        prepare(&f, make_inserts[i]);
    f.o.batch = make ? 0 : f.o.batch;
    t = strcmp(what, "point") == 0 ? run_point(&f) : run_insert(&f);
    printf("{\"op\": \"%s\", \"ops\": %lu, \"rows\": %lu, \"seconds\": %.6f, "
           "\"us\": {\"mean\": %.3f}}\n",
           what, (unsigned long)f.o.count, (unsigned long)f.rows, (double)t / 1e9,
           (double)t / 1e3 / (double)f.o.count);
    for (int i = 0; i < f.n_stmts; i++)
        sqlite3_finalize(f.stmts[i]);
    sqlite3_close(f.db);
    return 0;
}
