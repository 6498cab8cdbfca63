#include "fuzz_store_rig.h"

#include <string.h>
#include <unistd.h>

#include "fuzz.h"

static const char v1[] = "version: v1\n"
                         "types:\n"
                         "  Dog:\n"
                         "    fields:\n"
                         "      name: {type: string, required: true}\n"
                         "      age: string\n"
                         "      breed: string\n"
                         "      chip: {type: string, unique: true}\n"
                         "      friend: {type: ref<Dog>, on_delete: unset}\n";
static const char v2[] =
    "version: v2\n"
    "from: v1\n"
    "migrate:\n"
    "  - change_type: {type: Dog, field: age, to: integer, up: \"CAST(age AS INTEGER)\", down: "
    "\"CAST(age AS TEXT)\"}\n"
    "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n"
    "queries:\n"
    "  named: SELECT _key, name || '!' AS name FROM Dog\n";
static const char dogs[] =
    "{\"_key\": \"ada\", \"name\": \"Ada\", \"age\": \"3\", \"breed\": \"Boxer\", \"chip\": "
    "\"1\"}\n"
    "{\"_key\": \"bob\", \"name\": \"Bob\", \"breed\": \"Beagle\", \"friend\": \"ada\"}\n"
    "{\"_key\": \"cat\", \"name\": \"Cat\", \"age\": \"x\", \"breed\": \"Boxer\"}\n";

static char dir[64], path[96];
static struct buf file;

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal", "-new", "-lock"};
    char name[128];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void remove_all(void)
{
    remove_files();
    rmdir(dir);
}

/* Revisions of one that is replaced, and of one that is deleted. */
static void make_history(struct store *s)
{
    struct store_put p = {.key = span_of("bob"), .text = span_of("{\"name\": \"Bobby\", \"age\": \"4\"}")};
    struct item_stat stat;
    struct err e = ERR_INIT;
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v1"));
    const struct shape *dog = version_shape_named(v, span_of("Dog"));

    CHECK(store_put(s, v, dog, &p, NULL, &e) == 0);
    CHECK(store_lookup(s, c, v, dog, span_of("cat"), &stat, NULL, &e) == 0);
    CHECK(store_delete(s, v, dog, stat.number, &e) == 0);
    catalog_unref(c);
}

static void make(struct store *s)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t n;

    CHECK(store_add(s, "v1.yaml", span_of(v1), NULL, &report, &e) == 0);
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v1"));
    CHECK(store_append(s, v, version_shape_named(v, span_of("Dog")), span_of(dogs), &n, &e) == 0);
    catalog_unref(c);
    CHECK(store_add(s, "v2.yaml", span_of(v2), NULL, &report, &e) == 0);
    make_history(s);
}

static void load(void)
{
    char chunk[65536];
    size_t n;
    FILE *f = fopen(path, "rb");

    CHECK(f);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        CHECK(buf_add(&file, chunk, n));
    fclose(f);
}

struct span rig_file(void)
{
    const struct store_options o = {.create = true, .no_jobs = true};
    struct err e = ERR_INIT;
    struct store *s;

    if (file.n)
        return buf_span(&file);
    snprintf(dir, sizeof dir, "%s/schemafs-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(dir));
    atexit(remove_all);
    snprintf(path, sizeof path, "%s/store", dir);
    CHECK(store_open(path, &o, &s, &e) == 0);
    make(s);
    store_close(s);
    load();
    return buf_span(&file);
}

const char *rig_place(struct span bytes)
{
    rig_file();
    remove_files();
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes.p, 1, bytes.n, f) == bytes.n && fclose(f) == 0);
    return path;
}
