#include "scene.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crash_vfs.h"

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

/* ---- What a scene's store holds ---- */

#define V1                                                                                         \
    "version: v1\n"                                                                                \
    "types:\n"                                                                                     \
    "  Dog:\n"                                                                                     \
    "    fields:\n"                                                                                \
    "      name: {type: string, required: true}\n"                                                 \
    "      age: string\n"                                                                          \
    "      breed: string\n"                                                                        \
    "      chip: string\n"                                                                         \
    "      friend: ref<Dog>\n"
#define V2                                                                                         \
    "version: v2\n"                                                                                \
    "from: v1\n"                                                                                   \
    "migrate:\n"                                                                                   \
    "  - change_type: {type: Dog, field: age, to: integer, up: \"CAST(age AS INTEGER)\", down: "   \
    "\"CAST(age AS TEXT)\"}\n"                                                                     \
    "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n"               \
    "  - add_unique: {type: Dog, fields: [chip]}\n"                                                \
    "queries:\n"                                                                                   \
    "  named: SELECT _key, name || '!' AS name FROM Dog\n"

/* Writes through it leave something in a Breed. */
#define V3                                                                                         \
    "version: v3\n"                                                                                \
    "from: v2\n"                                                                                   \
    "migrate:\n"                                                                                   \
    "  - inline_type: {type: Dog, ref: breed, fields: {name: kind}}\n"

static const char dogs[] =
    "{\"_key\": \"ada\", \"name\": \"Ada\", \"age\": \"3\", \"breed\": \"Boxer\", \"chip\": "
    "\"c1\"}\n"
    "{\"_key\": \"bob\", \"name\": \"Bob\", \"age\": \"4\", \"breed\": \"Beagle\", \"friend\": "
    "\"ada\"}\n"
    "{\"_key\": \"cat\", \"name\": \"Cat\", \"breed\": \"Boxer\", \"friend\": \"ada\"}\n"
    "{\"_key\": \"dan\", \"name\": \"Dan\", \"age\": \"12\", \"chip\": \"c4\"}\n"
    "{\"_key\": \"eve\", \"name\": \"Eve\", \"age\": \"7\", \"breed\": \"Poodle\"}\n";

/* "+TEXT" adds a version, "dogs" appends items (and 60 more), "=VERSION" backfills it, "!TEXT" writes dan through v3. */
static const char *const with_v1[] = {"+" V1, "dogs", NULL};
static const char *const with_v2[] = {"+" V1, "dogs", "+" V2, NULL};
static const char *const filled[] = {"+" V1, "dogs", "+" V2, "=v2", NULL};
static const char *const in_a_run[] = {"+" V1, "dogs", "+" V2, "+" V3,
                                       "!{\"name\": \"Dan\", \"kind\": \"Pug\"}", NULL};

static int append(struct store *s, const char *version, struct span lines, struct err *e)
{
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of(version));
    size_t n;
    int rc = store_append(s, v, version_shape_named(v, span_of("Dog")), lines, &n, e);
    catalog_unref(c);
    return rc;
}

static int add(struct store *s, const char *yaml, struct err *e)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    char name[VERSION_NAME_SIZE], from[VERSION_NAME_SIZE], file[VERSION_NAME_SIZE + 8];
    if (schema_peek("", span_of(yaml), name, from, e))
        return -1;
    snprintf(file, sizeof file, "%s.yaml", name);
    return store_add(s, file, span_of(yaml), NULL, &report, e);
}

static int backfill(struct store *s, struct err *e)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    int rc = store_backfill(s, span_of("v2"), NULL, &report, e);
    store_wait_jobs(s, -1, NULL);
    return rc;
}

static int add_dogs(struct store *s, struct err *e)
{
    struct buf lines BUF_CLEANUP = BUF_INIT;
    buf_adds(&lines, dogs);
    for (int i = 0; i < 60; i++)
        buf_printf(
            &lines,
            "{\"_key\": \"d%d\", \"name\": \"dog %d\", \"age\": \"%d\", \"breed\": \"b%d\"}\n", i,
            i, i, i % 3);
    return append(s, "v1", buf_span(&lines), e);
}

static int put(struct store *s, const char *version, const char *key, const char *text,
               struct err *e)
{
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of(version));
    struct store_put p = {.key = span_of(key), .text = span_of(text), .mtime_ns = 1};
    int rc = store_put(s, v, version_shape_named(v, span_of("Dog")), &p, NULL, e);
    catalog_unref(c);
    return rc;
}

static int prepare(struct store *s, const char *word, struct err *e)
{
    switch (*word) {
    case '+':
        return add(s, word + 1, e);
    case '=':
        return backfill(s, e);
    case '!':
        return put(s, "v3", "dan", word + 1, e);
    default:
        return add_dogs(s, e);
    }
}

static void set_up(struct stage *t)
{
    struct store *s;
    struct err e = ERR_INIT;
    int rc = stage_open(t, true, false, &s, &e);
    for (const char *const *w = t->scene->setup; !rc && *w; w++)
        rc = prepare(s, *w, &e);
    if (rc)
        die("%s: setup: %s", t->scene->name, e.text);
    store_close(s);
}

/* ---- The operations ---- */

static int run_put(struct store *s, struct err *e)
{
    return put(s, "v1", "ada", "{\"name\": \"Ada\", \"age\": \"5\", \"breed\": \"Mix\"}", e);
}
static int run_put_new(struct store *s, struct err *e)
{
    return put(s, "v2", "zoe",
               "{\"name\": \"Zoe\", \"age\": 2, \"chip\": \"c9\", \"friend\": \"bob\"}", e);
}
/* The breed that the write before made goes. */
static int run_put_in_a_run(struct store *s, struct err *e)
{
    return put(s, "v3", "dan", "{\"name\": \"Dan\", \"age\": 13}", e);
}

/* More than is held back of the log's writes at a time (store/log_writes.c). */
static int run_put_large(struct store *s, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    bool ok = buf_adds(&text, "{\"name\": \"");
    for (size_t i = 0; i < 20000 && ok; i++)
        ok = buf_adds(&text, "large ");
    return ok && buf_adds(&text, "\"}") ? put(s, "v1", "ada", buf_str(&text), e) : err_nomem(e);
}

static int lookup(struct store *s, struct catalog *c, const struct version *v, const char *key,
                  uint64_t *ret, struct err *e)
{
    struct item_stat st;
    int rc = store_lookup(s, c, v, version_shape_named(v, span_of("Dog")), span_of(key), &st, NULL, e);
    *ret = st.number;
    return rc;
}
static int run_delete(struct store *s, struct err *e)
{
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v1"));
    uint64_t n;
    int rc = lookup(s, c, v, "eve", &n, e) ||
             store_delete(s, v, version_shape_named(v, span_of("Dog")), n, e);
    catalog_unref(c);
    return rc ? -1 : 0;
}
static int run_rename(struct store *s, struct err *e)
{
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v1"));
    uint64_t n;
    int rc =
        lookup(s, c, v, "ada", &n, e) ||
        store_rename(s, v, version_shape_named(v, span_of("Dog")),
                     version_shape_named(v, span_of("Dog")), n, span_of("amy"), false, e);
    catalog_unref(c);
    return rc ? -1 : 0;
}
static int run_append(struct store *s, struct err *e)
{
    return append(s, "v2",
                  span_of("{\"_key\": \"ada\", \"name\": \"A\", \"age\": 1}\n"
                          "{\"_key\": \"y\", \"name\": \"Y\"}\n"),
                  e);
}
static int run_read(struct store *s, struct err *e)
{
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v2"));
    struct buf text BUF_CLEANUP = BUF_INIT;
    uint64_t n;
    int rc = lookup(s, c, v, "ada", &n, e) ||
             store_read(s, c, v, version_shape_named(v, span_of("Dog")), n, NULL, &text, e);
    catalog_unref(c);
    return rc ? -1 : 0;
}
static int run_list(struct store *s, struct err *e)
{
    struct buf out BUF_CLEANUP = BUF_INIT;
    return dump_texts(s, &out, e);
}
static int run_add(struct store *s, struct err *e)
{
    return add(s, V2, e);
}
static int run_finalize(struct store *s, struct err *e)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    return store_finalize(s, span_of("v2"), NULL, &report, e);
}
static int run_revert(struct store *s, struct err *e)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    return store_revert(s, span_of("v2"), NULL, &report, e);
}
static int run_transaction(struct store *s, struct err *e)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    return store_transaction(
        s,
        span_of(
            "{\"version\": \"v2\", \"actions\": [{\"operation\": \"PATCH\", \"source\": "
            "\"named\", \"target\": \"Dog\"}, {\"operation\": \"UPSERT\", \"source\": [{\"_key\": "
            "\"Pug\", \"name\": \"Pug\"}], \"target\": \"Breed\"}]}"),
        NULL, &report, e);
}

const struct scene scenes[] = {
    {"read", filled, run_read, .reads = true},
    {"list", filled, run_list, .reads = true},
    {"put", with_v2, run_put, .reads = false},
    {"put-new", filled, run_put_new, .reads = false},
    {"put-in-a-run", in_a_run, run_put_in_a_run, .reads = false},
    {"put-large", with_v2, run_put_large, .reads = false},
    {"delete", with_v2, run_delete, .reads = false},
    {"rename", with_v2, run_rename, .reads = false},
    {"append", filled, run_append, .reads = false},
    {"add", with_v1, run_add, .verb = true},
    {"backfill", with_v2, backfill, .steps = true, .jobs = true, .verb = true},
    {"finalize", filled, run_finalize, .verb = true},
    {"revert", with_v2, run_revert, .verb = true},
    {"transaction", filled, run_transaction, .verb = true},
};
const size_t n_scenes = sizeof scenes / sizeof scenes[0];

/* ---- What a store holds ---- */

/* One row of text for each of a table's, in a fixed order, without times. */
static const char *const dumps[] = {
    "SELECT 'item', id, key, hex(body) FROM item ORDER BY id",
    "SELECT 'name', coll, key, id FROM name ORDER BY coll, key",
    "SELECT 'ref', target, holder, slot FROM ref ORDER BY 2, 3, 4",
    "SELECT 'uniq', set_id, hex(vals), id FROM uniq ORDER BY 2, 3",
    "SELECT 'extracted', step, hex(vals), id FROM extracted ORDER BY 2, 3, 4",
    "SELECT 'origin', step, hex(vals), id, holders FROM origin ORDER BY 2, 3",
    "SELECT 'made', id, step FROM made ORDER BY 2",
    "SELECT 'link', step FROM link ORDER BY 2",
    "SELECT 'count', coll, n FROM count WHERE n ORDER BY 2",
    "SELECT 'version', number, name, state, parent, step, slot, shape FROM version ORDER BY 2",
    "SELECT 'job', version, state, step, cursor, done, total FROM job ORDER BY 2",
    /* numbers that were given out to what was refused are skipped */
    ("SELECT 'meta', name, value FROM meta WHERE name <> 'next_item' AND name NOT LIKE '%mtime%' "
     "AND name NOT LIKE 'gone.%' ORDER BY 2"),
    "SELECT 'history', id, key, hex(body) FROM history ORDER BY rev",
    "SELECT 'gone', space, key, id FROM gone ORDER BY 2, 3, 4",
};

static int dump_query(struct conn *c, const char *sql, struct buf *out, struct err *e)
{
    sqlite3_stmt *st;
    bool row;
    int rc;

    if (conn_prepare(c, sql, &st, e))
        return -1;
    while (!(rc = conn_step(c, st, &row, e)) && row)
        for (int i = 0, n = sqlite3_column_count(st); i < n; i++)
            if (!buf_addspan(out, column_span(st, i)) || !buf_addc(out, i + 1 < n ? ' ' : '\n'))
                rc = err_nomem(e);
    sqlite3_finalize(st);
    return rc;
}

int dump(struct store *s, struct buf *out, struct err *e)
{
    struct catalog *cat = store_catalog(s);
    struct conn *c;
    int rc = reader_get(s, cat, &c, e);
    if (!rc) {
        for (size_t i = 0; i < sizeof dumps / sizeof dumps[0] && !rc; i++)
            rc = dump_query(c, dumps[i], out, e);
        reader_put(c);
    }
    catalog_unref(cat);
    return rc;
}

static int add_text(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    struct buf *out = arg;
    (void)stat;
    /* Out of memory shows as texts that differ. */
    (void)(buf_addspan(out, key) && buf_addc(out, ' ') && buf_addspan(out, text) &&
           buf_addc(out, '\n'));
    return 0;
}

int dump_texts(struct store *s, struct buf *out, struct err *e)
{
    struct catalog *c = store_catalog(s);
    int rc = 0;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t j = 0; c->entries[i].state == VERSION_LIVE && j < v->n_shapes && !rc; j++)
            if (v->shapes[j]->kind == SHAPE_ITEM) {
                if (!buf_printf(out, "-- %s %s\n", v->name, v->shapes[j]->name))
                    rc = err_nomem(e);
                else
                    rc = store_list(s, c, v, v->shapes[j], 0, LIST_TEXT | LIST_LINES, add_text, out,
                                    e);
            }
    }
    catalog_unref(c);
    return rc;
}

/* ---- Stages ---- */

static void load(const char *path, struct buf *out)
{
    char chunk[65536];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f)
        die("%s can't be read", path);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(out, chunk, n);
    fclose(f);
}

static void remove_files(const struct stage *t, bool store_too)
{
    static const char *const ends[] = {"-lock", "-wal", "-shm", "-new", "-journal", ""};
    char path[128];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0] - !store_too; i++) {
        snprintf(path, sizeof path, "%s%s", t->path, ends[i]);
        unlink(path);
    }
}

void stage_restore(struct stage *t)
{
    FILE *f;
    crash_vfs_disarm();
    crash_vfs_forget();
    remove_files(t, false);
    f = fopen(t->path, "wb");
    if (!f || fwrite(t->file.p, 1, t->file.n, f) != t->file.n || fclose(f))
        die("%s can't be written", t->path);
}

int stage_open(struct stage *t, bool jobs, bool sync, struct store **ret, struct err *e)
{
    struct store_options o = {.create = true, .no_jobs = !jobs, .sync = sync, .vfs = t->vfs,
                              .wal_frames = t->wal_frames};
    return store_open(t->path, &o, ret, e);
}

static void must_dump(struct stage *t, struct buf *out, struct buf *texts)
{
    struct store *s;
    struct err e = ERR_INIT;
    if (stage_open(t, false, false, &s, &e) || dump(s, out, &e) ||
        (texts && dump_texts(s, texts, &e)))
        die("%s: %s", t->scene->name, e.text);
    store_close(s);
}

/* The operation as it should go. */
static void rehearse(struct stage *t)
{
    struct store *s;
    struct err e = ERR_INIT;
    must_dump(t, &t->before, NULL);
    stage_restore(t);
    if (stage_open(t, t->scene->jobs, false, &s, &e) || t->scene->run(s, &e))
        die("%s: %s", t->scene->name, e.text);
    store_close(s);
    must_dump(t, &t->after, &t->texts);
}

void stage_init(struct stage *t, const struct scene *scene, const char *vfs)
{
    /* In memory where there is such a place: what a disk does is not asked here. */
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    memset(t, 0, sizeof *t);
    t->scene = scene;
    t->vfs = vfs;
    crash_vfs_register();
    snprintf(t->dir, sizeof t->dir, "%s/schemafs-crash-XXXXXX", tmp);
    if (!mkdtemp(t->dir))
        die("no folder in %s", tmp);
    snprintf(t->path, sizeof t->path, "%s/store", t->dir);
    if (!scene)
        return;
    set_up(t);
    load(t->path, &t->file);
    rehearse(t);
}

void stage_free(struct stage *t)
{
    crash_vfs_forget();
    remove_files(t, true);
    rmdir(t->dir);
    buf_free(&t->file);
    buf_free(&t->before);
    buf_free(&t->after);
    buf_free(&t->texts);
}

/* ---- Is it whole? ---- */

static char said[4096];

static const char *complain(const char *what, struct span more)
{
    snprintf(said, sizeof said, "%s%s%.*s", what, more.n ? ": " : "",
             (int)(more.n < 3000 ? more.n : 3000), more.p);
    return said;
}

/* The first line of `now` that is not in `then`. */
static struct span first_new(const struct buf *now, const struct buf *then)
{
    struct span line;
    for (size_t at = 0; at < now->n; at += line.n) {
        const char *end = memchr(now->p + at, '\n', now->n - at);
        line = (struct span){now->p + at, end ? (size_t)(end - now->p) - at + 1 : now->n - at};
        if (!memmem(then->p, then->n, line.p, line.n))
            return line;
    }
    return span_of("lines are missing");
}

static const char *check_fsck(struct store *s)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t findings = 0;
    if (store_fsck(s, &report, &findings, &e))
        return complain("fsck", span_of(e.text));
    return findings ? complain("fsck finds", buf_span(&report)) : "";
}

/* The cursor is where the items are: those up to it hold the job's step, those after it don't. */
static const char *check_cursor(struct store *s)
{
    static const char sql[] =
        "SELECT i.id, i.body, j.cursor, j.step, j.state FROM item i, job j WHERE "
        "i.id >> 40 = 1 ORDER BY 1";
    struct catalog *cat = store_catalog(s);
    struct err e = ERR_INIT;
    const char *wrong = "";
    sqlite3_stmt *st;
    struct conn *c;
    bool row;

    if (reader_get(s, cat, &c, &e) || conn_prepare(c, sql, &st, &e))
        die("%s", e.text);
    while (!*wrong && !conn_step(c, st, &row, &e) && row) {
        bool passed = column_id(st, 4) == BACKFILL_DONE || column_id(st, 0) <= column_id(st, 2);
        if (record_decode(column_span(st, 1), &c->rec, &e))
            wrong = complain("a record", span_of(e.text));
        else if ((c->rec.gen >= column_id(st, 3)) != passed)
            wrong = complain("the cursor is not where the items are", span_of(""));
    }
    sqlite3_finalize(st);
    reader_put(c);
    catalog_unref(cat);
    return wrong;
}

static const char *check_texts(struct stage *t, struct store *s)
{
    struct buf texts BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    if (dump_texts(s, &texts, &e))
        return complain("reading", span_of(e.text));
    return span_eq(buf_span(&texts), buf_span(&t->texts))
               ? ""
               : complain("texts differ", first_new(&texts, &t->texts));
}

/* A job that was interrupted goes on at the next opening, or can be begun again. */
static const char *check_goes_on(struct stage *t)
{
    struct store *s;
    struct err e = ERR_INIT;
    const char *wrong = "";
    if (stage_open(t, true, false, &s, &e))
        return complain("opening again", span_of(e.text));
    store_wait_jobs(s, -1, NULL);
    if (t->scene->run(s, &e))
        wrong = complain("going on", span_of(e.text));
    if (!*wrong)
        wrong = check_fsck(s);
    if (!*wrong)
        wrong = check_cursor(s);
    if (!*wrong)
        wrong = check_texts(t, s);
    store_close(s);
    return wrong;
}

static const char *check_tables_are(struct stage *t, struct store *s, enum whole want,
                                    enum whole *ret_is)
{
    struct buf now BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    if (dump(s, &now, &e))
        return complain("reading", span_of(e.text));
    *ret_is = span_eq(buf_span(&now), buf_span(&t->before))  ? WHOLE_BEFORE
              : span_eq(buf_span(&now), buf_span(&t->after)) ? WHOLE_AFTER
                                                             : 0;
    if (t->scene->reads && *ret_is)
        *ret_is = WHOLE_EITHER;
    if (!*ret_is)
        return complain("neither before nor after", first_new(&now, &t->before));
    return *ret_is & want        ? ""
           : want == WHOLE_AFTER ? "it was acknowledged, and is lost"
                                 : "it was refused, and is there";
}

const char *stage_check(struct stage *t, enum whole want, enum whole *ret_is)
{
    struct store *s;
    struct err e = ERR_INIT;
    const char *wrong;

    *ret_is = WHOLE_EITHER;
    if (stage_open(t, false, false, &s, &e))
        return complain("opening", span_of(e.text));
    wrong = check_fsck(s);
    if (!*wrong && t->scene->steps)
        wrong = check_cursor(s);
    else if (!*wrong)
        wrong = check_tables_are(t, s, want, ret_is);
    store_close(s);
    return *wrong || !t->scene->steps ? wrong : check_goes_on(t);
}
