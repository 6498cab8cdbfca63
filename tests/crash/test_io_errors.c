/* The Nth I/O of every operation fails, for every kind of I/O, in every way that kind fails, once
 * and from then on; then pairs of I/Os, drawn from a seed: the program lives, a refusal says why, and the content is that of before or
 * after. A sync that failed makes the store read-only until it is opened again. */
#include <stdio.h>
#include <stdlib.h>

#include "crash_vfs.h"
#include "scene.h"

struct figures {
    unsigned points, refused, lost;
};

struct way {
    const char *name;
    unsigned kinds;
    enum io_fault fault;
    bool for_ever;
};
static const struct way ways[] = {
    {"EIO once", IO_ALL, FAULT_ERROR, false},
    {"EIO from then on", IO_ALL, FAULT_ERROR, true},
    {"ENOSPC once", IO_WRITE, FAULT_OTHER, false},
    {"ENOSPC from then on", IO_WRITE, FAULT_OTHER, true},
    {"short read", IO_READ, FAULT_OTHER, false},
    {"short reads from then on", IO_READ, FAULT_OTHER, true},
    {"locked once", IO_LOCK, FAULT_OTHER, false},
};

static const char *complaint(int rc, const struct err *e)
{
    if (rc && (e->code == ERR_NONE || !e->text[0]))
        return "refused without a reason";
    if (rc && e->code != ERR_IO && e->code != ERR_NO_SPACE && e->code != ERR_BUSY &&
        e->code != ERR_READ_ONLY)
        return "refused with another reason";
    return "";
}

static int put_again(struct store *s, struct err *e)
{
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v1"));
    struct store_put p = {.key = span_of("ada"), .text = span_of("{\"name\": \"Ada\"}")};
    if (!v)
        v = catalog_version(c, span_of("v2"));
    int rc = store_put(s, v, version_shape_named(v, span_of("Dog")), &p, NULL, e);
    catalog_unref(c);
    return rc;
}

/* After a sync that failed: no write, and no sync, is said to have succeeded. */
static const char *stays_read_only(struct store *s)
{
    struct err e = ERR_INIT, e2 = ERR_INIT;
    if (put_again(s, &e) == 0 || e.code != ERR_READ_ONLY)
        return "a write after a sync that failed is not refused as read-only";
    if (store_sync(s, &e2) == 0 || e2.code != ERR_READ_ONLY)
        return "a sync after one that failed is not refused as read-only";
    return "";
}

/* In the same process, with the disk well again: it is shown, and what is shown is whole. */
static const char *still_serves(struct stage *t, struct store *s, int rc)
{
    static char said[400];
    struct buf now BUF_CLEANUP = BUF_INIT;
    const struct buf *want = rc ? &t->before : &t->after;
    struct err e = ERR_INIT;
    if (dump(s, &now, &e)) {
        snprintf(said, sizeof said, "reading is refused after the fault is over: %.300s", e.text);
        return said;
    }
    if (t->scene->steps || span_eq(buf_span(&now), buf_span(want)))
        return "";
    return rc ? "refused, and seen until the store is closed" : "not what was acknowledged";
}

/* One attempt; false = the fault was not reached. `name` is what the plan does. */
static bool point(struct stage *t, const struct io_plan *plan, const char *name, bool sync,
                  struct figures *f)
{
    struct err e = ERR_INIT;
    enum whole is, want;
    struct store *s;

    stage_restore(t);
    if (stage_open(t, t->scene->jobs, sync, &s, &e))
        die("%s: %s", t->scene->name, e.text);
    crash_vfs_arm(plan);
    int rc = t->scene->run(s, &e);
    enum io_kind fired = crash_vfs_fired();
    crash_vfs_disarm();
    bool failed = atomic_load(&s->failed);
    const char *wrong = complaint(rc, &e);
    if (!*wrong && failed)
        wrong = stays_read_only(s);
    if (!*wrong && fired == IO_SYNC && !rc && !t->scene->steps && !failed)
        wrong = "a sync that failed is passed over";
    if (!*wrong)
        wrong = still_serves(t, s, rc);
    store_close(s);
    /* After a sync that failed nobody knows what the disk holds: either is right. */
    want = rc == 0 ? WHOLE_AFTER : failed ? WHOLE_EITHER : WHOLE_BEFORE;
    if (!*wrong)
        wrong = stage_check(t, want, &is);
    f->points++;
    f->refused += rc != 0;
    if (*wrong) {
        printf("%s, %s at I/O %llu and %llu (kind %d)%s: %s [%s]\n", t->scene->name, name,
               (unsigned long long)plan->at, (unsigned long long)plan->then_at, fired,
               sync ? ", sync" : "", wrong, e.text);
        f->lost++;
    }
    return fired;
}

static bool may_sync(const struct scene *scene)
{
    return !scene->reads && !scene->verb;
}

static void every_point(struct stage *t, struct figures *f)
{
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++)
        for (unsigned k = 0; k <= may_sync(t->scene); k++) {
            struct io_plan plan = {.kinds = ways[w].kinds,
                                   .at = 1,
                                   .fault = ways[w].fault,
                                   .for_ever = ways[w].for_ever};
            while (point(t, &plan, ways[w].name, k, f))
                plan.at++;
        }
}

/* ---- Pairs ---- */

static uint64_t count_io(struct stage *t, bool sync)
{
    const struct io_plan none = {.kinds = IO_ALL};
    struct err e = ERR_INIT;
    struct store *s;

    stage_restore(t);
    if (stage_open(t, t->scene->jobs, sync, &s, &e))
        die("%s: %s", t->scene->name, e.text);
    crash_vfs_arm(&none);
    if (t->scene->run(s, &e))
        die("%s: %s", t->scene->name, e.text);
    uint64_t n = crash_vfs_count();
    crash_vfs_disarm();
    store_close(s);
    return n;
}

static uint64_t below(uint64_t *state, uint64_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % n;
}

/* The second is near the first, where it is put right again, as often as it is anywhere after it. */
static void pairs(struct stage *t, unsigned n, uint64_t seed, struct figures *f)
{
    static const enum io_fault faults[] = {FAULT_ERROR, FAULT_OTHER};
    uint64_t all[2] = {count_io(t, false), may_sync(t->scene) ? count_io(t, true) : 0};

    for (unsigned i = 0; i < n; i++) {
        bool sync = may_sync(t->scene) && below(&seed, 2);
        struct io_plan plan = {.kinds = IO_ALL,
                               .at = 1 + below(&seed, all[sync]),
                               .fault = faults[below(&seed, 2)],
                               .then_fault = faults[below(&seed, 2)]};
        plan.then_at = plan.at + 1 + below(&seed, below(&seed, 2) ? 8 : all[sync]);
        point(t, &plan, "a pair", sync, f);
    }
}

static unsigned env_number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* An argument: the one scene. IO_PAIRS and IO_SEED in the environment: other pairs. */
int main(int argc, char **argv)
{
    unsigned n_pairs = env_number("IO_PAIRS", getenv("SCHEMAFS_LONG") ? 1000 : 100);
    uint64_t seed = env_number("IO_SEED", 1);
    struct figures f = {0}, p = {0};

    for (size_t i = 0; i < n_scenes; i++) {
        struct stage t;
        if (argc > 1 && strcmp(argv[1], scenes[i].name) != 0)
            continue;
        stage_init(&t, &scenes[i], CRASH_VFS);
        every_point(&t, &f);
        pairs(&t, (n_pairs + (unsigned)(n_scenes - 1 - i)) / (unsigned)n_scenes, seed * 1000 + i, &p);
        stage_free(&t);
    }
    printf("figures: io_errors: %u points, %u refused, %u lost or torn\n", f.points, f.refused, f.lost);
    printf("figures: io_error_pairs: %u pairs, %u refused, %u lost or torn\n", p.points, p.refused,
           p.lost);
    return f.lost || p.lost;
}
