/* The texts that LOOKUP leaves for READ: each is given once, and only of the same mark. */
#include <check.h>
#include <stdlib.h>

#include "fs/recent.h"

#define INO 77u

static struct recent *r;

static void setup(void)
{
    r = recent_new();
    ck_assert_ptr_nonnull(r);
}

static void teardown(void)
{
    recent_free(r);
}

static void keep(uint64_t ino, uint64_t mark, const char *text)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    ck_assert(buf_adds(&b, text));
    recent_keep(r, ino, mark, &b);
}

static bool takes(uint64_t ino, uint64_t mark, const char *text)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    bool is = recent_take(r, ino, mark, &b);

    if (is)
        ck_assert_str_eq(buf_str(&b), text);
    return is;
}

START_TEST(recent__a_text_is_given_once)
{
    ck_assert(!takes(INO, 1, ""));
    keep(INO, 1, "one");
    ck_assert(takes(INO, 1, "one"));
    ck_assert(!takes(INO, 1, "one"));
    keep(INO, 1, "two");
    ck_assert(takes(INO, 1, "two"));
}
END_TEST

START_TEST(recent__a_change_since_ends_it)
{
    keep(INO, 1, "old");
    ck_assert(!takes(INO, 2, "old"));
    keep(INO, 2, "new");
    ck_assert(takes(INO, 2, "new"));
}
END_TEST

START_TEST(recent__the_last_text_of_an_item_counts)
{
    keep(INO, 1, "old");
    keep(INO, 1, "new");
    ck_assert(takes(INO, 1, "new"));
    ck_assert(!takes(INO, 1, "new"));
}
END_TEST

START_TEST(recent__another_item_takes_nothing)
{
    for (uint64_t ino = 1; ino <= 5000; ino++) {
        keep(ino, 1, "its own");
        ck_assert(!takes(ino + 1, 1, ""));
        ck_assert(takes(ino, 1, "its own"));
    }
}
END_TEST

START_TEST(recent__large_texts_are_left_to_the_caller)
{
    struct buf large BUF_CLEANUP = BUF_INIT;

    while (large.n <= RECENT_BYTES)
        ck_assert(buf_addc(&large, 'x'));
    recent_keep(r, INO, 1, &large);
    ck_assert_uint_eq(large.n, RECENT_BYTES + 1);
    ck_assert(!takes(INO, 1, ""));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("recent");
    TCase *c = tcase_create("recent");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, recent__a_text_is_given_once);
    tcase_add_test(c, recent__a_change_since_ends_it);
    tcase_add_test(c, recent__the_last_text_of_an_item_counts);
    tcase_add_test(c, recent__another_item_takes_nothing);
    tcase_add_test(c, recent__large_texts_are_left_to_the_caller);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
