/* Byte buffers, LEB128 integers, the arena. */
#include <check.h>
#include <stdlib.h>

#include "schemas/buf.h"

START_TEST(buf_add__keeps_every_byte_across_growth)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    bool added = true, kept = true;
    for (int i = 0; i < 10000; i++)
        added = buf_addc(&b, (char)i) && added;
    ck_assert(added);
    ck_assert_uint_eq(b.n, 10000);
    for (int i = 0; i < 10000; i++)
        kept = kept && b.p[i] == (char)i;
    ck_assert(kept);
}
END_TEST

START_TEST(buf_add__refuses_what_no_memory_holds_and_stays)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    ck_assert(buf_adds(&b, "abc"));
    ck_assert(!buf_reserve(&b, SIZE_MAX));
    ck_assert(span_eq(buf_span(&b), span_of("abc")));
}
END_TEST

START_TEST(buf_str__terminates_without_counting)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    ck_assert_str_eq(buf_str(&b), "");
    ck_assert_uint_eq(b.n, 0);
    ck_assert(buf_addspan(&b, span_of("ab")));
    ck_assert_str_eq(buf_str(&b), "ab");
    ck_assert_uint_eq(b.n, 2);
    buf_reset(&b);
    ck_assert_str_eq(buf_str(&b), "");
}
END_TEST

START_TEST(buf_printf__appends_texts_of_any_length)
{
    struct buf b BUF_CLEANUP = BUF_INIT;

    ck_assert(buf_printf(&b, "%d-%s", 7, "x"));
    ck_assert_str_eq(buf_str(&b), "7-x");
    ck_assert(buf_printf(&b, "%0500d", 1));
    ck_assert_uint_eq(b.n, 503);
    ck_assert(buf_printf(&b, "%s", ""));
    ck_assert_uint_eq(b.n, 503);
}
END_TEST

START_TEST(span_eq__tells_no_value_from_an_empty_one)
{
    struct span none = {0};

    ck_assert(span_eq(none, none));
    ck_assert(!span_eq(none, span_of("")));
    ck_assert(span_eq(span_of(""), span_of("")));
    ck_assert(!span_eq(span_of("a"), span_of("b")));
    ck_assert(!span_eq(span_of("a"), span_of("ab")));
}
END_TEST

static const struct {
    uint64_t v;
    size_t len;
} varints[] = {
    {0, 1},          {1, 1},           {127, 1},
    {128, 2},        {16383, 2},       {16384, 3},
    {UINT32_MAX, 5}, {UINT64_MAX, 10}, {(uint64_t)1 << 63, 10},
};

START_TEST(varint__reads_back_and_refuses_every_cut)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    const char *p;
    uint64_t v = 99;

    ck_assert(buf_addvarint(&b, varints[_i].v));
    ck_assert_uint_eq(b.n, varints[_i].len);
    for (size_t cut = 0; cut < b.n; cut++) {
        p = b.p;
        ck_assert(!varint_read(&p, b.p + cut, &v));
        ck_assert_ptr_eq(p, b.p);
        ck_assert_uint_eq(v, 99);
    }
    p = b.p;
    ck_assert(varint_read(&p, b.p + b.n, &v));
    ck_assert_ptr_eq(p, b.p + b.n);
    ck_assert_uint_eq(v, varints[_i].v);
}
END_TEST

START_TEST(varint__refuses_more_than_64_bits)
{
    static const char big[] = "\377\377\377\377\377\377\377\377\377\002";
    static const char longer[] = "\200\200\200\200\200\200\200\200\200\200\001";
    const char *p = big;
    uint64_t v;

    ck_assert(!varint_read(&p, big + 10, &v));
    p = longer;
    ck_assert(!varint_read(&p, longer + 11, &v));
}
END_TEST

START_TEST(arena_alloc__is_zeroed_and_aligned)
{
    struct arena a ARENA_CLEANUP = {0};

    for (size_t n = 0; n < 3000; n += 7) {
        unsigned char *p = arena_alloc(&a, n);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(p[i], 0);
        memset(p, 0xff, n);
    }
    ck_assert_ptr_nonnull(arena_alloc(&a, 1 << 20));
    ck_assert_uint_ge(a.used, 1 << 20);
    ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
    ck_assert_ptr_null(arena_strndup(&a, "", SIZE_MAX));
}
END_TEST

START_TEST(arena_strdup__terminates)
{
    struct arena a ARENA_CLEANUP = {0};

    ck_assert_str_eq(arena_strdup(&a, "hello"), "hello");
    ck_assert_str_eq(arena_strndup(&a, "hello", 2), "he");
    ck_assert_str_eq(arena_strndup(&a, NULL, 0), "");
}
END_TEST

START_TEST(arena_grow__keeps_the_elements)
{
    struct arena a ARENA_CLEANUP = {0};
    int *v = NULL;

    for (int n = 0; n < 1000; n++) {
        v = arena_grow(&a, v, (size_t)n, sizeof(*v));
        ck_assert_ptr_nonnull(v);
        v[n] = n;
        bool kept = true;
        for (int i = 0; i <= n; i++)
            kept = kept && v[i] == i;
        ck_assert(kept);
    }
    ck_assert_ptr_null(arena_grow(&a, v, (size_t)1 << 62, sizeof(*v)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("buf");
    TCase *tc = tcase_create("buf");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, buf_add__keeps_every_byte_across_growth);
    tcase_add_test(tc, buf_add__refuses_what_no_memory_holds_and_stays);
    tcase_add_test(tc, buf_str__terminates_without_counting);
    tcase_add_test(tc, buf_printf__appends_texts_of_any_length);
    tcase_add_test(tc, span_eq__tells_no_value_from_an_empty_one);
    tcase_add_loop_test(tc, varint__reads_back_and_refuses_every_cut, 0,
                        (int)(sizeof(varints) / sizeof(varints[0])));
    tcase_add_test(tc, varint__refuses_more_than_64_bits);
    tcase_add_test(tc, arena_alloc__is_zeroed_and_aligned);
    tcase_add_test(tc, arena_strdup__terminates);
    tcase_add_test(tc, arena_grow__keeps_the_elements);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
