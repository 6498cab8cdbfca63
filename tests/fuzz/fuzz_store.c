/* Fuzz target: a store's file, damaged. The input is a list of edits of a sound one, 5 bytes and
 * more each: offset (4, big-endian, modulo the file's size), n (1), n bytes to put there; n == 0
 * cuts the file off there.
 *
 * Invariants: whatever the file holds, opening, checking, listing, writing and closing end, and a
 * refusal says why. */
#include <string.h>

#include "fuzz.h"
#include "fuzz_store_rig.h"
#include "store/history.h"

static void damage(struct buf *file, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 5 <= size;) {
        size_t n = data[at + 4];
        size_t offset = ((uint32_t)data[at] << 24 | (uint32_t)data[at + 1] << 16 |
                         (uint32_t)data[at + 2] << 8 | data[at + 3]) %
                        (file->n + 1);
        at += 5;
        if (n == 0)
            file->n = offset;
        for (size_t i = 0; i < n && at < size && offset + i < file->n; i++)
            file->p[offset + i] = (char)data[at++];
    }
}

static int add_up(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    (void)stat;
    *(size_t *)arg += key.n + text.n;
    return 0;
}

struct revisions {
    struct store *s;
    struct catalog *c;
    const struct version *v;
    const struct shape *shape;
};

static int read_revision(void *arg, int64_t at_ns, uint64_t revision)
{
    const struct revisions *r = arg;
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct item_stat stat;
    struct err e = ERR_INIT;

    (void)at_ns;
    if (store_history_read(r->s, r->c, r->v, r->shape, revision, &stat, &text, &e))
        CHECK_REFUSAL(&e);
    return 0;
}

static int list_revisions(void *arg, struct span key, uint64_t number)
{
    struct revisions *r = arg;
    struct err e = ERR_INIT;

    (void)key;
    if (store_history_list(r->s, r->c, r->v, r->shape, number, 0, read_revision, r, &e))
        CHECK_REFUSAL(&e);
    return 0;
}

static void use_type(struct store *s, struct catalog *c, const struct version *v,
                     const struct shape *shape)
{
    struct revisions revisions = {s, c, v, shape};
    struct err history_e = ERR_INIT;

    struct store_put p = {.key = span_of("bob"), .text = span_of("{\"name\": \"B\"}")};
    struct err list_e = ERR_INIT, put_e = ERR_INIT;
    size_t sum = 0;

    if (store_list(s, c, v, shape, 0, LIST_TEXT | LIST_STAT, add_up, &sum, &list_e))
        CHECK_REFUSAL(&list_e);
    if (store_history_names(s, c, v, shape, 0, list_revisions, &revisions, &history_e))
        CHECK_REFUSAL(&history_e);
    if (store_put(s, v, shape, &p, NULL, &put_e))
        CHECK_REFUSAL(&put_e);
}

static void write_bob(struct store *s, const char *text)
{
    struct store_put p = {.key = span_of("bob"), .text = span_of(text)};
    struct catalog *c = store_catalog(s);
    const struct version *v = catalog_version(c, span_of("v3"));
    struct err e = ERR_INIT;

    if (v && store_put(s, v, version_shape_named(v, span_of("Dog")), &p, NULL, &e))
        CHECK_REFUSAL(&e);
    catalog_unref(c);
}

/* By a version whose writes leave something in other items, and take it back. */
static void write_in_a_row(struct store *s)
{
    static const char v3[] = "version: v3\nfrom: v2\nmigrate:\n"
                             "  - inline_type: {type: Dog, ref: breed, fields: {name: kind}}\n";
    static const char *const texts[] = {"{\"name\": \"Bob\", \"kind\": \"Pug\"}", "{\"name\": \"Bob\"}",
                                        "{\"name\": \"Bob\", \"kind\": \"Poodle\"}"};
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (store_add(s, "v3.yaml", span_of(v3), NULL, &report, &e))
        CHECK_REFUSAL(&e);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        write_bob(s, texts[i]);
}

static void use(struct store *s)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT, verify_e = ERR_INIT;
    size_t findings = 0;
    struct catalog *c = store_catalog(s);

    if (store_fsck(s, &report, &findings, &e))
        CHECK_REFUSAL(&e);
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct version *v = c->entries[i].v;
        for (size_t j = 0; c->entries[i].state == VERSION_LIVE && j < v->n_shapes; j++)
            if (v->shapes[j]->kind == SHAPE_ITEM)
                use_type(s, c, v, v->shapes[j]);
    }
    catalog_unref(c);
    write_in_a_row(s);
    if (store_verify(s, span_of("v2"), NULL, &report, &verify_e))
        CHECK_REFUSAL(&verify_e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct store_options o = {.no_jobs = true};
    struct buf file BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    struct store *s = NULL;

    CHECK(buf_addspan(&file, rig_file()));
    damage(&file, data, size);
    if (store_open(rig_place(buf_span(&file)), &o, &s, &e)) {
        CHECK_REFUSAL(&e);
        return 0;
    }
    use(s);
    store_close(s);
    return 0;
}
