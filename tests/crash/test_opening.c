/* A crash at every numbered I/O of making a store, of bringing one of an older format up to date, and
 * of the recovery from an earlier crash: the next opening finds an empty store, what the older one
 * held, or what was acknowledged before the first crash. */
#include <stdio.h>
#include <unistd.h>

#include "crash_vfs.h"
#include "scene.h"
#include "store/tables.h"

struct figures {
    unsigned cycles, lost;
};

enum way { KILLED, KILLED_HALF_WAY, POWER_LOSS, WAYS };
static const char *const way_names[] = {"killed", "killed half way", "power loss"};

/* Opens, and closes if it got so far, with a crash at an I/O; false: it came to its end before. */
static bool open_and_die(struct stage *t, uint64_t at, enum way way)
{
    struct io_plan plan = {.kinds = IO_CHANGES,
                           .at = at,
                           .fault = way == KILLED_HALF_WAY ? FAULT_DIE_HALF : FAULT_DIE};
    struct store *s = NULL;
    struct err e = ERR_INIT;

    crash_vfs_arm(&plan);
    if (stage_open(t, false, false, &s, &e) == 0)
        store_close(s);
    bool reached = crash_vfs_fired();
    crash_vfs_disarm();
    if (way == POWER_LOSS)
        crash_vfs_power_loss(at);
    crash_vfs_forget();
    return reached;
}

static void complain(struct figures *f, const char *what, enum way way, uint64_t at,
                     const char *wrong)
{
    f->cycles++;
    if (!*wrong)
        return;
    printf("%s, %s at I/O %llu: %s\n", what, way_names[way], (unsigned long long)at, wrong);
    f->lost++;
}

/* ---- Making a store ---- */

static void remove_all(const struct stage *t)
{
    static const char *const ends[] = {"",     "-wal",         "-shm",     "-journal",
                                       "-new", "-new-journal", "-new-wal", "-lock"};
    char path[128];

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(path, sizeof path, "%s%s", t->path, ends[i]);
        unlink(path);
    }
}

static const char *is_empty_store(struct stage *t)
{
    static char said[512];
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    struct store *s;
    size_t findings = 0, versions;

    if (stage_open(t, false, false, &s, &e)) {
        snprintf(said, sizeof said, "opening: %.400s", e.text);
        return said;
    }
    struct catalog *c = store_catalog(s);
    versions = c->n_entries;
    catalog_unref(c);
    if (store_fsck(s, &report, &findings, &e) || findings)
        snprintf(said, sizeof said, "fsck: %.200s%.200s", e.text, findings ? buf_str(&report) : "");
    store_close(s);
    return e.code || findings ? said : versions ? "it holds versions" : "";
}

static void making(struct figures *f)
{
    struct stage t;

    stage_init(&t, NULL, CRASH_VFS);
    for (enum way way = 0; way < POWER_LOSS; way++)
        for (uint64_t at = 1, reached = true; reached; at++) {
            remove_all(&t);
            reached = open_and_die(&t, at, way);
            complain(f, "making a store", way, at, is_empty_store(&t));
        }
    remove_all(&t);
    stage_free(&t);
}

/* ---- Older formats ---- */

/* Without the tables that came later. */
static void downgrade(const struct stage *t, unsigned format)
{
    char sql[128];
    sqlite3 *db;
    int rc = sqlite3_open(t->path, &db);

    for (size_t i = 0; i < n_store_tables && !rc; i++) {
        snprintf(sql, sizeof sql, "DROP %s %s", store_tables[i].type, store_tables[i].name);
        if (store_tables[i].since > format && strcmp(store_tables[i].type, "table") == 0)
            rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    }
    snprintf(sql, sizeof sql, "PRAGMA user_version = %u", format);
    if (rc || sqlite3_exec(db, sql, NULL, NULL, NULL))
        die("format %u: %s", format, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void upgrading(const struct scene *scene, unsigned format, struct figures *f)
{
    char what[32];
    struct stage t;
    enum whole is;

    snprintf(what, sizeof what, "from format %u", format);
    stage_init(&t, scene, CRASH_VFS);
    for (enum way way = 0; way < WAYS; way++)
        for (uint64_t at = 1, reached = true; reached; at++) {
            stage_restore(&t);
            downgrade(&t, format);
            reached = open_and_die(&t, at, way);
            complain(f, what, way, at, stage_check(&t, WHOLE_BEFORE, &is));
        }
    stage_free(&t);
}

/* ---- Recovering ---- */

/* The operation, acknowledged as durable, and death before anything is tidied up. */
static void die_after(struct stage *t)
{
    struct io_plan now = {.kinds = IO_CHANGES, .at = 1, .fault = FAULT_DIE};
    struct store *s;
    struct err e = ERR_INIT;

    stage_restore(t);
    if (stage_open(t, t->scene->jobs, true, &s, &e) || t->scene->run(s, &e))
        die("%s: %s", t->scene->name, e.text);
    crash_vfs_arm(&now);
    store_close(s);
    crash_vfs_disarm();
}

static void recovering(const struct scene *scene, struct figures *f)
{
    struct stage t;
    enum whole is;

    stage_init(&t, scene, CRASH_VFS);
    for (enum way way = 0; way < WAYS; way++)
        for (uint64_t at = 1, reached = true; reached; at++) {
            die_after(&t);
            reached = open_and_die(&t, at, way);
            complain(f, scene->name, way, at, stage_check(&t, WHOLE_AFTER, &is));
        }
    stage_free(&t);
}

int main(void)
{
    struct figures f = {0};

    making(&f);
    for (size_t i = 0; i < n_scenes; i++)
        if (strcmp(scenes[i].name, "put") == 0)
            for (unsigned format = STORE_FORMAT_FIRST; format < STORE_FORMAT; format++)
                upgrading(&scenes[i], format, &f);
    for (size_t i = 0; i < n_scenes; i++)
        if (!scenes[i].reads)
            recovering(&scenes[i], &f);
    printf("figures: crash_opening: %u cycles, %u lost or torn\n", f.cycles, f.lost);
    return f.lost != 0;
}
