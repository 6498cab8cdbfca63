/* The store's files while it is open: one that is away. */
#include "store_rig.h"

#include <check.h>
#include <stdio.h>

static struct rig r;

static void setup(void)
{
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

int main(void)
{
    Suite *s = suite_create("store_file");
    TCase *t = tcase_create("store_file");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, file__that_is_away_takes_no_write_whatever_was_known_before);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
