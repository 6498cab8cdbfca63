/* Readers and writers of one version while others come: what v1 shows is whole at any moment. */
#include "store_rig.h"

#include <check.h>
#include <stdio.h>

enum { ITEMS = 20, WRITERS = 2, READERS = 2, ROUNDS = 3000 };

static struct rig r;
static atomic_bool stop;

static void setup(void)
{
    rig_init(&r);
    atomic_store(&stop, false);
}
static void teardown(void)
{
    rig_free(&r);
}

static struct span key_of(char buf[32], unsigned i)
{
    return (struct span){buf, (size_t)snprintf(buf, 32, "k%u", i % ITEMS)};
}

static void put(const struct version *v, unsigned item, unsigned n)
{
    char key[32], text[128];
    struct err e = ERR_INIT;
    struct store_put p = {.key = key_of(key, item), .text = {text, 0}};

    p.text.n = (size_t)snprintf(text, sizeof text, "{\"a\": \"%u\", \"b\": \"%u\"}", n, n);
    ck_assert_msg(store_put(r.s, v, rig_type(v, "Dog"), &p, NULL, &e) == 0, "%s", e.text);
}

struct worker {
    pthread_t thread;
    unsigned n;
};

static void *writes(void *arg)
{
    const struct worker *w = arg;
    const struct version *v = rig_version(&r, "v1");

    for (unsigned i = 0; i < ROUNDS; i++)
        put(v, i * 7 + w->n, i % 13);
    return NULL;
}

static void assert_whole(const char *text)
{
    unsigned a, b;

    ck_assert_msg(sscanf(text, " { \"a\": \"%u\", \"b\": \"%u\" }", &a, &b) == 2, "%s", text);
    ck_assert_msg(a == b, "%s", text);
}

/* Keeps its catalog for a while, as a request does. */
static void *reads(void *arg)
{
    const struct worker *w = arg;
    struct buf text BUF_CLEANUP = BUF_INIT;

    for (unsigned i = 0; !atomic_load(&stop); i++) {
        struct catalog *c = store_catalog(r.s);
        const struct version *v = catalog_version(c, span_of("v1"));
        for (unsigned k = 0; k < 40; k++) {
            char key[32];
            struct item_stat stat;
            struct err e = ERR_INIT;
            ck_assert_msg(store_lookup(r.s, c, v, rig_type(v, "Dog"), key_of(key, i + k * w->n),
                                       &stat, NULL, &e) == 0,
                          "%s", e.text);
            buf_reset(&text);
            ck_assert_msg(store_read(r.s, c, v, rig_type(v, "Dog"), stat.number, NULL, &text, &e) ==
                              0,
                          "%s", e.text);
            assert_whole(buf_str(&text));
        }
        catalog_unref(c);
    }
    return NULL;
}

static const char *const versions[] = {
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - extract_type: {type: Dog, fields: {a: name}, into: A, as: a}\n",
    "version: v3\nfrom: v2\nmigrate:\n"
    "  - rename_field: {type: Dog, from: b, to: c}\n"
    "  - change_type: {type: Dog, field: c, to: integer, up: \"CAST(c AS INTEGER)\", "
    "down: \"CAST(c AS TEXT)\"}\n",
    "version: v4\nfrom: v3\nmigrate:\n"
    "  - extract_type: {type: A, fields: {name: n}, into: B, as: b}\n",
};

START_TEST(versions__come_while_one_is_read_and_written)
{
    struct worker w[WRITERS + READERS] = {0};

    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {a: string, b: string}}\n");
    for (unsigned i = 0; i < ITEMS; i++)
        put(rig_version(&r, "v1"), i, 0);
    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        w[i].n = i;
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, i < WRITERS ? writes : reads, &w[i]),
                         0);
    }
    for (unsigned i = 0; i < 3; i++) {
        rig_add(&r, versions[i]);
        if (i == 1)
            rig_keys(&r, "v2", "A");
        rig_backfill(&r);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(w[i].thread, NULL);
    atomic_store(&stop, true);
    for (unsigned i = WRITERS; i < WRITERS + READERS; i++)
        pthread_join(w[i].thread, NULL);
    rig_keys(&r, "v4", "B");
    ck_assert_int_eq(rig_count(&r, "v4", "B"),
                     rig_sql(&r, "SELECT count(DISTINCT target) FROM ref r JOIN made m ON m.id = "
                                 "r.target WHERE m.step = (SELECT max(step) FROM made)"));
}
END_TEST

/* Every other append has a second line that is refused: its first one is undone, though it shares a
 * transaction with what others append. */
static void *appends(void *arg)
{
    const struct worker *w = arg;
    const struct version *v = rig_version(&r, "v1");

    for (unsigned i = 0; i < ROUNDS / 6; i++) {
        bool good = i % 2;
        char lines[128];
        struct err e = ERR_INIT;
        struct span text = {lines, 0};
        size_t n;
        text.n = (size_t)snprintf(lines, sizeof lines, "{\"_key\": \"%s%u-%u\", \"a\": \"1\"}\n%s",
                                  good ? "good" : "bad", w->n, i, good ? "" : "{\"no\": 1}\n");
        int rc = store_append(r.s, v, rig_type(v, "Dog"), text, &n, &e);
        ck_assert_int_eq(rc, good ? 0 : -1);
    }
    return NULL;
}

START_TEST(appends__what_is_refused_leaves_nothing_in_a_shared_commit)
{
    struct worker w[4] = {0};

    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {a: string, b: string}}\n");
    for (unsigned i = 0; i < 4; i++) {
        w[i].n = i;
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, appends, &w[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(w[i].thread, NULL);
    ck_assert_int_eq(rig_sql(&r, "SELECT count(*) FROM item WHERE key LIKE 'bad%'"), 0);
    ck_assert_int_eq(rig_sql(&r, "SELECT count(*) FROM item WHERE key LIKE 'good%'"),
                     4 * (ROUNDS / 12));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_threads");
    TCase *t = tcase_create("store_threads");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, versions__come_while_one_is_read_and_written);
    tcase_add_test(t, appends__what_is_refused_leaves_nothing_in_a_shared_commit);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
