/* A world for each case of a file, and what most of its lines say. Included once, by the file of the cases. */
#ifndef TESTS_LENS_CASES_H
#define TESTS_LENS_CASES_H

#include "lens_world.h"

#include <check.h>

static struct lens_test t;

static void setup(void)
{
    lt_init(&t);
}
static void teardown(void)
{
    lt_free(&t);
}

#define PUT(...)                                                                                   \
    do {                                                                                           \
        int rc_ = lt_put(&t, __VA_ARGS__);                                                         \
        ck_assert_msg(rc_ == 0, "refused: %s", t.err.text);                                        \
    } while (0)
#define LINE(v, type, key, want) ck_assert_str_eq(lt_line(&t, v, type, key), want "\n")

#endif
