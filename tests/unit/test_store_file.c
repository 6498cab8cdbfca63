/* The store's files while it is open: one that is away, and what is written into the log. */
#include "store_rig.h"
#include "sync_vfs.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct rig r;
static const struct store_options counted = {.no_jobs = true, .vfs = SYNC_VFS};
static const struct store_options durable = {.no_jobs = true, .vfs = SYNC_VFS, .sync = true};
static const struct store_options short_log = {.no_jobs = true, .wal_frames = 500};

static void setup(void)
{
    sync_vfs_register();
    rig_init(&r);
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
}
static void teardown(void)
{
    rig_free(&r);
}

static int put(const char *key)
{
    return rig_put(&r, "v1", "Dog", key, "{\"name\": \"Rex\"}");
}

static int may_write(void)
{
    err_clear(&r.err);
    return store_may_write(r.s, &r.err);
}

START_TEST(file__that_is_away_takes_no_write_whatever_was_known_before)
{
    char away[128];

    snprintf(away, sizeof away, "%s/away", r.dir);
    for (int i = 0; i < 3; i++) {
        ASSERT_OK(put("rex"));
        ASSERT_OK(may_write());
        ck_assert_int_eq(rename(r.path, away), 0);
        ASSERT_REFUSED(put("max"), ERR_READ_ONLY, "was moved, replaced or deleted");
        ASSERT_REFUSED(may_write(), ERR_READ_ONLY, "was moved, replaced or deleted");
        ck_assert_int_eq(rename(away, r.path), 0);
        ASSERT_OK(may_write());
    }
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "rex");
}
END_TEST

/* ---- The log ---- */

static unsigned log_writes_of(const char *key)
{
    unsigned before = atomic_load(&sync_vfs_log_writes);

    ck_assert_msg(put(key) == 0, "%s", r.err.text);
    return atomic_load(&sync_vfs_log_writes) - before;
}

START_TEST(log__takes_a_commit_in_one_write)
{
    static const struct store_options *const options[] = {&counted, &durable};

    for (int i = 0; i < 2; i++) {
        rig_reopen(&r, options[i]);
        ASSERT_OK(put("first")); /* starts the log */
        ck_assert_uint_eq(log_writes_of(i ? "ann" : "eve"), 1);
        ck_assert_uint_eq(log_writes_of(i ? "bob" : "rex"), 1);
        ck_assert_int_eq(sqlite3_wal_checkpoint_v2(r.s->writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                                   NULL), SQLITE_OK);
        ASSERT_OK(put("again")); /* likewise */
        ck_assert_uint_eq(log_writes_of(i ? "kim" : "max"), 1);
    }
}
END_TEST

enum { KEYS = 40, ROUNDS = 120, PUTS_MAX = 150, NOTE_MAX = 9000 };

struct round {
    unsigned seed;
    int puts;
    bool is_undone;
    size_t sizes[KEYS]; /* of the notes, as the round leaves them; 0 = no item */
};

static void key_of(unsigned k, char ret[16])
{
    snprintf(ret, 16, "d%u", k);
}

static void text_of(size_t size, char ret[NOTE_MAX + 32])
{
    size_t n = (size_t)snprintf(ret, 16, "{\"name\": \"");

    memset(ret + n, 'a' + (int)(size % 26), size);
    strcpy(ret + n + size, "\"}");
}

static int puts_op(struct store_tx *tx, void *arg, struct err *e)
{
    struct round *round = arg;
    const struct version *v = catalog_version(tx->cat, span_of("v1"));
    char key[16], text[NOTE_MAX + 32];

    for (int i = 0; i < round->puts; i++) {
        unsigned k = (unsigned)rand_r(&round->seed) % KEYS;
        size_t size = 1 + (size_t)rand_r(&round->seed) % NOTE_MAX;
        key_of(k, key);
        text_of(size, text);
        if (item_put(tx, v, v->shapes[0],
                     &(struct store_put){.key = span_of(key), .text = span_of(text)}, false, NULL, e))
            return -1;
        round->sizes[k] = size;
    }
    return round->is_undone ? TX_ROLLBACK : 0;
}

static void copy_file(const char *suffix)
{
    char from[128], to[128], bytes[65536];
    FILE *in, *out;
    size_t n;

    snprintf(from, sizeof from, "%s%s", r.path, suffix);
    snprintf(to, sizeof to, "%s/copy%s", r.dir, suffix);
    ck_assert_ptr_nonnull(in = fopen(from, "rb"));
    ck_assert_ptr_nonnull(out = fopen(to, "wb"));
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
        ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
}

/* What is there after the daemon's death at this moment, by the log's checksums. */
static void assert_recovered(const struct round *want)
{
    struct rig copy = {.s = NULL};
    char key[16], text[NOTE_MAX + 32];

    copy_file("");
    copy_file("-wal");
    pthread_mutex_init(&copy.changes_lock, NULL);
    snprintf(copy.path, sizeof copy.path, "%s/copy", r.dir);
    rig_reopen(&copy, &short_log);
    for (unsigned k = 0; k < KEYS; k++) {
        key_of(k, key);
        text_of(want->sizes[k], text);
        ck_assert_str_eq(rig_get(&copy, "v1", "Dog", key), want->sizes[k] ? text : "(none)");
    }
    ck_assert_int_eq(rig_sql(&copy, "SELECT count(*) = 1 FROM pragma_integrity_check"), 1);
    ck_assert_int_eq(rig_sql(&copy, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    store_close(copy.s);
    buf_free(&copy.text);
    buf_free(&copy.changes);
    pthread_mutex_destroy(&copy.changes_lock);
}

/* Transactions that outgrow the cache write frames before they end, write some of them anew, put checksums
 * right, and some are undone; the log starts anew meanwhile. */
START_TEST(log__is_whole_whatever_transactions_do_to_it)
{
    struct round now = {.puts = 0};
    int spilled, high;

    rig_reopen(&r, &short_log);
    ASSERT_OK(conn_exec(r.s->writer, "PRAGMA cache_size = 16", &r.err));
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct round next = now;
        next.seed = i + 1;
        next.puts = 1 + rand_r(&next.seed) % (i % 3 ? 4 : PUTS_MAX);
        next.is_undone = i % 4 == 3;
        ck_assert_int_eq(store_write(r.s, i % 5 ? 0 : TX_DURABLE, puts_op, &next, &r.err),
                         next.is_undone ? TX_ROLLBACK : 0);
        if (!next.is_undone)
            now = next;
        if (i % 6 == 5)
            assert_recovered(&now);
    }
    sqlite3_db_status(r.s->writer->db, SQLITE_DBSTATUS_CACHE_SPILL, &spilled, &high, 0);
    ck_assert_int_gt(spilled, ROUNDS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_file");
    TCase *t = tcase_create("store_file");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, file__that_is_away_takes_no_write_whatever_was_known_before);
    tcase_add_test(t, log__takes_a_commit_in_one_write);
    tcase_add_test(t, log__is_whole_whatever_transactions_do_to_it);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
