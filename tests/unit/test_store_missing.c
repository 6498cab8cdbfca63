/* Names that are not there: told without the pool where that is known, and never of one that is there. */
#include "store_rig.h"
#include "sync_vfs.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct rig r;
static const struct store_options short_log = {.no_jobs = true, .wal_frames = 200};
static const struct store_options watched = {.no_jobs = true, .vfs = SYNC_VFS};

static const char dogs[] = "version: v1\ntypes:\n  Dog: {fields: {name: string, chip: string}}\n";
static const char by_chip[] = "version: v2\nfrom: v1\nmigrate:\n"
                              "  - change_key: {type: Dog, up: chip, down: \"'dog-' || _key\"}\n";

static void setup(void)
{
    sync_vfs_register();
    rig_init(&r);
    rig_add(&r, dogs);
    rig_reopen(&r, &short_log);
}
static void teardown(void)
{
    sync_vfs_before_log_write = NULL;
    rig_free(&r);
}

static bool is_there(const char *version, const char *key)
{
    struct catalog *c = store_catalog(r.s);
    const struct version *v = catalog_version(c, span_of(version));
    struct item_stat stat;
    struct err e = ERR_INIT;
    int rc = store_lookup(r.s, c, v, rig_type(v, "Dog"), span_of(key), &stat, NULL, &e);

    ck_assert_msg(rc == 0 || e.code == ERR_NOT_FOUND, "%s", e.text);
    if (rc)
        ck_assert_ptr_nonnull(strstr(e.text, "there is no Dog \""));
    catalog_unref(c);
    return rc == 0;
}

static void put(const char *key)
{
    ASSERT_OK(rig_put(&r, "v1", "Dog", key, "{\"name\": \"Rex\"}"));
}

/* What the pool's connections were asked for, in pages. */
static int pool_reads(void)
{
    static const int kinds[] = {SQLITE_DBSTATUS_CACHE_HIT, SQLITE_DBSTATUS_CACHE_MISS};
    int sum = 0, n, high;

    for (const struct conn *c = r.s->pool.free; c; c = c->next)
        for (int i = 0; i < 2; i++) {
            sqlite3_db_status(c->db, kinds[i], &n, &high, 0);
            sum += n;
        }
    return sum;
}

START_TEST(missing__names_are_told_without_the_pool_after_a_commit)
{
    char key[16];
    int before;

    put("first");
    before = pool_reads();
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "d%d", i);
        ck_assert(!is_there("v1", key));
        ck_assert_msg(pool_reads() == before, "%s", key);
        put(key);
    }
    ck_assert_int_eq(pool_reads(), before);
    ck_assert(is_there("v1", key));
    ck_assert_int_gt(pool_reads(), before);
}
END_TEST

/* A snapshot that stayed would keep the log from starting anew. */
START_TEST(missing__names_do_not_keep_the_log_growing)
{
    char key[16], log[128];
    struct stat st;

    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "d%d", i);
        ck_assert(!is_there("v1", key));
        put(key);
    }
    snprintf(log, sizeof log, "%s-wal", r.path);
    ck_assert_int_eq(stat(log, &st), 0);
    ck_assert_int_lt(st.st_size, 400 * 4120);
}
END_TEST

/* ---- Within a commit ---- */

static const char *in_commit; /* the name that it brings */

static void look_before(void)
{
    ck_assert(!is_there("v1", "none"));
}

/* A snapshot that is taken now would be without the name, and the names since then too. */
START_TEST(missing__snapshot_is_not_taken_within_a_commit)
{
    rig_reopen(&r, &watched);
    put("first");
    sync_vfs_before_log_write = look_before;
    put("second");
    sync_vfs_before_log_write = NULL;
    ck_assert(is_there("v1", "second"));
}
END_TEST

static int look_after(void *arg, sqlite3 *db, const char *name, int frames)
{
    (void)arg;
    (void)db;
    (void)name;
    r.s->wal_frames = frames;
    ck_assert(is_there("v1", in_commit));
    return SQLITE_OK;
}

/* The pool sees it from now on, so nobody may say that it is not there. */
START_TEST(missing__names_are_known_to_come_before_the_commit_is_seen)
{
    put("first");
    ck_assert(!is_there("v1", "none")); /* takes a snapshot */
    put("second");
    sqlite3_wal_hook(r.s->writer->db, look_after, NULL);
    in_commit = "third";
    put("third");
}
END_TEST

/* ---- Whatever comes ---- */

enum { KEYS = 60, ROUNDS = 6000, MANY = 1500 };

/* What there is: own keys d0.., and the chip that each item has. */
static int chip_of[KEYS]; /* -1 = no item */
static int owner_of[ROUNDS];

static void key_of(int k, char ret[24])
{
    snprintf(ret, 24, "d%d", k);
}

struct put {
    const char *key, *chip;
    bool is_undone;
};

static int put_op(struct store_tx *tx, void *arg, struct err *e)
{
    const struct put *p = arg;
    const struct version *v = catalog_version(tx->cat, span_of("v1"));
    char text[64];

    snprintf(text, sizeof text, "{\"chip\": \"%s\"}", p->chip);
    if (item_put(tx, v, v->shapes[0], &(struct store_put){.key = span_of(p->key), .text = span_of(text)},
                 false, NULL, e))
        return -1;
    return p->is_undone ? TX_ROLLBACK : 0;
}

static void put_chip(int k, int serial, bool is_undone)
{
    char key[24], chip[24];
    struct put p = {key, chip, is_undone};

    key_of(k, key);
    snprintf(chip, sizeof chip, "c%d", serial);
    ck_assert_int_eq(store_write(r.s, 0, put_op, &p, &r.err), is_undone ? TX_ROLLBACK : 0);
    if (is_undone)
        return;
    if (chip_of[k] >= 0)
        owner_of[chip_of[k]] = -1;
    chip_of[k] = serial;
    owner_of[serial] = k;
}

static void remove_dog(int k)
{
    char key[24];

    key_of(k, key);
    if (chip_of[k] < 0)
        return;
    ASSERT_OK(rig_delete(&r, "v1", "Dog", key));
    owner_of[chip_of[k]] = -1;
    chip_of[k] = -1;
}

static void rename_dog(int k, int to)
{
    char key[24], new_key[24];

    key_of(k, key);
    key_of(to, new_key);
    if (chip_of[k] < 0 || chip_of[to] >= 0)
        return;
    ASSERT_OK(rig_rename(&r, "v1", "Dog", key, new_key));
    owner_of[chip_of[k]] = to;
    chip_of[to] = chip_of[k];
    chip_of[k] = -1;
}

static void do_something(int round, unsigned *seed)
{
    int k = rand_r(seed) % KEYS, to = rand_r(seed) % KEYS;

    switch (rand_r(seed) % 5) {
    case 0:
        remove_dog(k);
        break;
    case 1:
        rename_dog(k, to);
        break;
    default:
        put_chip(k, round, rand_r(seed) % 4 == 0);
    }
}

static void assert_seen(int round, unsigned *seed, bool by_chips)
{
    int k = rand_r(seed) % KEYS, serial = round - rand_r(seed) % (round < 40 ? round + 1 : 40);
    char key[24];

    if (by_chips && rand_r(seed) % 2) {
        snprintf(key, sizeof key, "c%d", serial);
        ck_assert_msg(is_there("v2", key) == (owner_of[serial] >= 0), "%s in round %d", key, round);
    } else {
        key_of(k, key);
        ck_assert_msg(is_there("v1", key) == (chip_of[k] >= 0), "%s in round %d", key, round);
    }
}

START_TEST(missing__names_are_never_those_that_are_there)
{
    unsigned seed = 1;

    for (int i = 0; i < KEYS; i++)
        chip_of[i] = -1;
    for (int i = 0; i < ROUNDS; i++)
        owner_of[i] = -1;
    for (int i = 0; i < ROUNDS; i++) {
        if (i == ROUNDS / 4)
            rig_add(&r, by_chip);
        do_something(i, &seed);
        assert_seen(i, &seed, i > ROUNDS / 4);
        if (i % 7 == 0)
            assert_seen(i, &seed, i > ROUNDS / 4);
    }
}
END_TEST

static int many_op(struct store_tx *tx, void *arg, struct err *e)
{
    const int *round = arg;
    char key[24];
    struct put p = {key, key, false};

    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "m%d-%d", *round, i);
        if (put_op(tx, &p, e))
            return -1;
    }
    return 0;
}

START_TEST(missing__names_of_a_large_transaction_are_all_there)
{
    char key[24];

    for (int i = 0; i < MANY; i += MANY / 4 - 1) {
        rig_reopen(&r, NULL);
        put("first");
        ck_assert(!is_there("v1", "none")); /* takes a snapshot, which no checkpoint ends */
        ck_assert_int_eq(store_write(r.s, 0, many_op, &i, &r.err), 0);
        snprintf(key, sizeof key, "m%d-%d", i, i);
        ck_assert(is_there("v1", key));
    }
}
END_TEST

/* ---- At once ---- */

enum { WRITERS = 3, READERS = 3, MADE = 1500 };

static atomic_int made[WRITERS]; /* so many puts of this one have returned */
static atomic_bool stop;

static void *writes(void *arg)
{
    int n = (int)(intptr_t)arg;
    struct err e = ERR_INIT;

    for (int i = 0; i < MADE; i++) {
        char key[24];
        struct put p = {key, "", false};
        snprintf(key, sizeof key, "w%d-%d", n, i);
        ck_assert_msg(store_write(r.s, 0, put_op, &p, &e) == 0, "%s", e.text);
        atomic_store(&made[n], i + 1);
    }
    return NULL;
}

static void *reads(void *arg)
{
    unsigned seed = (unsigned)(intptr_t)arg + 1;

    while (!atomic_load(&stop)) {
        int n = rand_r(&seed) % WRITERS, have = atomic_load(&made[n]);
        char key[24];
        snprintf(key, sizeof key, "none%d", rand_r(&seed));
        ck_assert(!is_there("v1", key));
        if (have == 0)
            continue;
        snprintf(key, sizeof key, "w%d-%d", n, have - 1 - rand_r(&seed) % (have < 3 ? have : 3));
        ck_assert_msg(is_there("v1", key), "%s is there", key);
    }
    return NULL;
}

START_TEST(missing__names_are_never_those_that_a_write_has_returned_for)
{
    pthread_t t[WRITERS + READERS];

    atomic_store(&stop, false);
    for (int i = 0; i < WRITERS + READERS; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, i < WRITERS ? writes : reads, (void *)(intptr_t)i), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(t[i], NULL);
    atomic_store(&stop, true);
    for (int i = WRITERS; i < WRITERS + READERS; i++)
        pthread_join(t[i], NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_missing");
    TCase *t = tcase_create("store_missing");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, missing__names_are_told_without_the_pool_after_a_commit);
    tcase_add_test(t, missing__names_do_not_keep_the_log_growing);
    tcase_add_test(t, missing__snapshot_is_not_taken_within_a_commit);
    tcase_add_test(t, missing__names_are_known_to_come_before_the_commit_is_seen);
    tcase_add_test(t, missing__names_are_never_those_that_are_there);
    tcase_add_test(t, missing__names_of_a_large_transaction_are_all_there);
    tcase_add_test(t, missing__names_are_never_those_that_a_write_has_returned_for);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
