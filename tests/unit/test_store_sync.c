/* What is durable when, and what a sync that fails does. */
#include "store_rig.h"
#include "sync_vfs.h"

#include <check.h>

static struct rig r;
static const struct store_options plain = {.create = true, .no_jobs = true, .vfs = SYNC_VFS};
static const struct store_options durable = {
    .create = true, .no_jobs = true, .vfs = SYNC_VFS, .sync = true};

static void setup(void)
{
    sync_vfs_register();
    rig_init(&r);
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_reopen(&r, &plain);
}
static void teardown(void)
{
    atomic_store(&sync_vfs_fail, false);
    rig_free(&r);
}

static unsigned syncs_of(int (*fn)(void))
{
    unsigned before = atomic_load(&sync_vfs_log_syncs);

    ck_assert_msg(fn() == 0, "%s", r.err.text);
    return atomic_load(&sync_vfs_log_syncs) - before;
}
static int put(void)
{
    return rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\"}");
}
static int sync_all(void)
{
    err_clear(&r.err);
    return store_sync(r.s, &r.err);
}

START_TEST(sync__a_commit_without_changes_syncs_the_log)
{
    ck_assert_int_eq(put(), 0); /* the first one after opening starts the log */
    ck_assert_uint_eq(syncs_of(put), 0);
    ck_assert_uint_eq(syncs_of(sync_all), 1);
    ck_assert_uint_eq(syncs_of(sync_all), 0); /* nothing was written since */
    ck_assert_uint_eq(syncs_of(put), 0);
    ck_assert_uint_eq(syncs_of(sync_all), 1);
}
END_TEST

START_TEST(sync__every_commit_when_mounted_so)
{
    rig_reopen(&r, &durable);
    ck_assert_int_eq(put(), 0);
    ck_assert_uint_eq(syncs_of(put), 1);
    ck_assert_uint_eq(syncs_of(put), 1);
    ck_assert_uint_eq(syncs_of(sync_all), 0);
}
END_TEST

static void assert_read_only(void)
{
    ck_assert_int_eq(put(), -1);
    ck_assert_int_eq(r.err.code, ERR_READ_ONLY);
    ck_assert_int_eq(sync_all(), -1);
    ck_assert_int_eq(r.err.code, ERR_READ_ONLY);
    ck_assert_str_eq(rig_get(&r, "v1", "Dog", "rex"), "{\"name\": \"Rex\"}");
}

START_TEST(sync__failed_is_never_retried_into_success)
{
    ck_assert_int_eq(put(), 0);
    atomic_store(&sync_vfs_fail, true);
    ck_assert_int_eq(put(), 0); /* promises nothing against power loss */
    ck_assert_int_eq(sync_all(), -1);
    ck_assert_int_eq(r.err.code, ERR_IO);
    assert_read_only();
    atomic_store(&sync_vfs_fail, false);
    assert_read_only();
    rig_reopen(&r, &plain);
    ck_assert_int_eq(put(), 0);
    ck_assert_int_eq(sync_all(), 0);
}
END_TEST

START_TEST(sync__failed_in_a_durable_commit_changes_nothing)
{
    rig_reopen(&r, &durable);
    ck_assert_int_eq(put(), 0);
    atomic_store(&sync_vfs_fail, true);
    ck_assert_int_eq(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Max\"}"), -1);
    ck_assert_int_eq(r.err.code, ERR_IO);
    assert_read_only();
    ck_assert_int_eq(rig_count(&r, "v1", "Dog"), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_sync");
    TCase *t = tcase_create("store_sync");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, sync__a_commit_without_changes_syncs_the_log);
    tcase_add_test(t, sync__every_commit_when_mounted_so);
    tcase_add_test(t, sync__failed_is_never_retried_into_success);
    tcase_add_test(t, sync__failed_in_a_durable_commit_changes_nothing);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
