/* Power losses at any I/O while items are written: what was acknowledged as durable is there.
 *
 * One cycle: a store, writes one after the other, each of item n % ITEMS with its number n, with an
 * opening anew in between; the power goes at some I/O. Afterwards there is a number p >= the last
 * one acknowledged as durable, such that the items hold what the writes up to p left. Three ways to
 * ask for durability, and a control that doesn't: it must lose, or this program could not tell. */
#include <stdio.h>
#include <stdlib.h>

#include "crash_vfs.h"
#include "scene.h"

enum { ITEMS = 7, WRITES = 40, COUNTED = 10, WAL_FRAMES = 64 };

enum asks { SYNC_STORE, SYNC_CALL, CONTROL, ASKS };
static const char *const ask_names[] = {"sync", "fsync", "control"};

struct figures {
    unsigned cycles, acknowledged, lost, torn;
};

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static int put(struct store *s, unsigned n, uint64_t *seed, struct err *e)
{
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v1"));
    struct buf text BUF_CLEANUP = BUF_INIT;
    char key[16];
    /* Some fill many pages; every WAL_FRAMES pages the log is copied into the file. */
    unsigned fill = next(seed) % 4 == 0 ? (unsigned)(next(seed) % 70000) : 10;

    snprintf(key, sizeof key, "k%u", n % ITEMS);
    buf_printf(&text, "{\"n\": %u, \"fill\": \"%*u\"}", n, (int)fill, n);
    struct store_put p = {.key = span_of(key), .text = buf_span(&text)};
    int rc = store_put(s, v, version_shape_named(v, span_of("T")), &p, NULL, e);
    catalog_unref(c);
    return rc;
}

/* Writes until it ends or dies. *ret_durable: the last write that was acknowledged as durable. */
static void write_all(struct stage *t, enum asks asks, uint64_t *seed, unsigned *ret_durable)
{
    struct store *s = NULL;
    struct err e = ERR_INIT;
    unsigned reopen_at = 1 + (unsigned)(next(seed) % WRITES);

    *ret_durable = 0;
    if (stage_open(t, false, asks == SYNC_STORE, &s, &e))
        return;
    for (unsigned n = 1; n <= WRITES; n++) {
        if (put(s, n, seed, &e) || (asks == SYNC_CALL && n % 3 == 0 && store_sync(s, &e)))
            break;
        if (asks != SYNC_CALL || n % 3 == 0)
            *ret_durable = n;
        if (n != reopen_at)
            continue;
        store_close(s);
        s = NULL;
        if (stage_open(t, false, asks == SYNC_STORE, &s, &e))
            return;
    }
    store_close(s);
}

struct found {
    unsigned newest, n[ITEMS];
    bool torn;
};

static int look(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    struct found *f = arg;
    unsigned n = 0, fill = 0;
    (void)stat;
    /* LIST_LINES: {"_key": "k3", "n": 17, "fill": "   17"} */
    const char *fill_at = memmem(text.p, text.n, "\"fill\": \"", 9);
    const char *n_at = memmem(text.p, text.n, "\"n\": ", 5);
    if (!fill_at || !n_at || sscanf(n_at + 5, "%u", &n) != 1 ||
        sscanf(fill_at + 9, "%u", &fill) != 1)
        f->torn = true;
    unsigned k = key.n > 1 ? (unsigned)(key.p[1] - '0') : ITEMS;
    f->torn |= n != fill || k >= ITEMS || n % ITEMS != k;
    if (k < ITEMS)
        f->n[k] = n;
    if (n > f->newest)
        f->newest = n;
    return 0;
}

/* As the writes up to the newest one left it. */
static bool is_prefix(const struct found *f)
{
    for (unsigned k = 0; k < ITEMS; k++) {
        unsigned last = 0;
        for (unsigned n = 1; n <= f->newest; n++)
            if (n % ITEMS == k)
                last = n;
        if (f->n[k] != last)
            return false;
    }
    return true;
}

static void check(struct stage *t, unsigned durable, struct figures *f)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct found found = {0};
    struct err e = ERR_INIT;
    size_t findings = 0;
    struct store *s;

    if (stage_open(t, false, false, &s, &e)) {
        printf("opening: %s\n", e.text);
        f->torn++;
        return;
    }
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v1"));
    if (store_fsck(s, &report, &findings, &e) || findings ||
        store_list(s, c, v, version_shape_named(v, span_of("T")), 0, LIST_TEXT | LIST_LINES, look,
                   &found, &e) ||
        found.torn || !is_prefix(&found)) {
        printf("cycle %u: %s%.*s\n", f->cycles, e.text, (int)report.n, report.p ? report.p : "");
        f->torn++;
    }
    if (found.newest < durable)
        f->lost += durable - found.newest;
    catalog_unref(c);
    store_close(s);
}

static uint64_t cycle(struct stage *t, enum asks asks, uint64_t seed, uint64_t of,
                      struct figures *f)
{
    uint64_t random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    struct io_plan plan = {.kinds = IO_CHANGES};
    unsigned durable;

    next(&random);
    plan.at = of ? 1 + next(&random) % of : 0;
    plan.fault = next(&random) % 2 ? FAULT_DIE : FAULT_DIE_HALF;
    stage_restore(t);
    crash_vfs_arm(&plan);
    write_all(t, asks, &random, &durable);
    uint64_t count = crash_vfs_count();
    crash_vfs_disarm();
    if (!of)
        return count;
    crash_vfs_power_loss(seed);
    f->cycles++;
    f->acknowledged += durable;
    check(t, durable, f);
    return count;
}

static void prepare(struct stage *t)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    struct store *s;
    static char copy[1 << 20];
    FILE *file;

    stage_init(t, NULL, CRASH_VFS);
    t->wal_frames = WAL_FRAMES;
    if (stage_open(t, false, false, &s, &e) ||
        store_add(s, "v1.yaml",
                  span_of("version: v1\ntypes:\n  T: {fields: {n: integer, fill: string}}\n"), NULL,
                  &report, &e))
        die("%s", e.text);
    store_close(s);
    file = fopen(t->path, "rb");
    buf_add(&t->file, copy, file ? fread(copy, 1, sizeof copy, file) : 0);
    if (file)
        fclose(file);
}

int main(void)
{
    unsigned cycles = getenv("SCHEMAFS_LONG") ? 10000 : 100;
    struct stage t;
    bool bad = false;

    prepare(&t);
    for (enum asks asks = 0; asks < ASKS; asks++) {
        struct figures f = {0};
        uint64_t of = 0; /* about as many I/Os as a cycle has: counting them for each took half of the time */
        for (unsigned i = 0; i < cycles; i++) {
            if (i % COUNTED == 0)
                of = cycle(&t, asks, i, 0, &f);
            cycle(&t, asks, i, of, &f);
        }
        printf("figures: power_loss_%s: %u cycles, %u acknowledged, %u lost, %u torn\n", ask_names[asks],
               f.cycles, f.acknowledged, f.lost, f.torn);
        bad |= f.torn || (asks == CONTROL) != (f.lost > 0);
    }
    stage_free(&t);
    return bad;
}
