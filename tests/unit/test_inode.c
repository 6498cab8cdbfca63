/* Inode numbers: every kind there and back, nothing for what means nothing. */
#include <check.h>
#include <stdlib.h>

#include "fs/inode.h"
#include "fs/revision_name.h"

static const struct {
    const char *name;
    struct inode in;
    uint64_t ino;
} rows[] = {
    {"root", {INODE_ROOT, 0, 0, 0}, 1},
    {"README", {INODE_README, 0, 0, 0}, (UINT64_C(1) << 40) | 1},
    {"control", {INODE_CONTROL, 0, 0, 0}, (UINT64_C(4) << 40) | 1},
    {"v1", {INODE_VERSION, 1, 0, 0}, (UINT64_C(5) << 40) | 1},
    {"the last version", {INODE_VERSION, 4095, 0, 0}, (UINT64_C(5) << 40) | 4095},
    {"v1/Dog", {INODE_TYPE, 1, 0, 0}, (UINT64_C(6) << 40) | 4096},
    {"the last type", {INODE_TYPE, 4095, 4095, 0}, (UINT64_C(6) << 40) | 0xffffff},
    {"v2/Cat.jsonl", {INODE_STREAM, 2, 1, 0}, (UINT64_C(7) << 40) | 8193},
    {"schemas/v3.yaml", {INODE_SCHEMA, 3, 0, 0}, (UINT64_C(8) << 40) | 3},
    {"the first control file", {INODE_CONTROL_FILE, 0, 0, 0}, UINT64_C(9) << 40},
    {"a scratch file", {INODE_SCRATCH, 0, 0, 77}, (UINT64_C(10) << 40) | 77},
    {"an item", {INODE_ITEM, 1, 0, 1}, (UINT64_C(1) << 52) | 1},
    {"the last item", {INODE_ITEM, 4095, 4095, (UINT64_C(1) << 38) - 1}, UINT64_MAX >> 40 << 40 | UINT64_MAX >> 26},
    {"v1/Dog/.history", {INODE_HISTORY, 1, 0, 0}, (UINT64_C(11) << 40) | 4096},
    {"an item's revisions", {INODE_REVISIONS, 1, 2, 3}, (UINT64_C(1) << 52) | (UINT64_C(2) << 40) | (UINT64_C(1) << 38) | 3},
    {"a revision", {INODE_REVISION, 1, 2, 3}, (UINT64_C(1) << 52) | (UINT64_C(2) << 40) | (UINT64_C(2) << 38) | 3},
};
#define N_ROWS (int)(sizeof(rows) / sizeof(rows[0]))

START_TEST(inode__goes_there_and_back)
{
    struct inode got;

    ck_assert_msg(inode_encode(&rows[_i].in) == rows[_i].ino, "%s: %#llx", rows[_i].name,
                  (unsigned long long)inode_encode(&rows[_i].in));
    ck_assert_msg(inode_decode(rows[_i].ino, &got), "%s", rows[_i].name);
    ck_assert_msg(got.kind == rows[_i].in.kind && got.version == rows[_i].in.version &&
                      got.type == rows[_i].in.type && got.number == rows[_i].in.number,
                  "%s", rows[_i].name);
}
END_TEST

START_TEST(inode__no_two_files_share_a_number)
{
    for (int i = 0; i < N_ROWS; i++)
        for (int k = 0; k < i; k++)
            ck_assert_msg(rows[i].ino != rows[k].ino, "%s, %s", rows[i].name, rows[k].name);
}
END_TEST

static const struct {
    const char *name;
    uint64_t ino;
} meaningless[] = {
    {"0", 0},
    {"the root's kind with another payload", 2},
    {"README with a payload", (UINT64_C(1) << 40) | 2},
    {"version 0", UINT64_C(5) << 40},
    {"a version of 13 bits", (UINT64_C(5) << 40) | 4096},
    {"a type of version 0", (UINT64_C(6) << 40) | 1},
    {"a type of 25 bits", (UINT64_C(6) << 40) | (1 << 24) | 4096},
    {"an unknown kind", (UINT64_C(12) << 40) | 1},
    {"an unknown kind of a version", (UINT64_C(1) << 52) | (UINT64_C(3) << 38) | 1},
    {"a scratch node of 39 bits", (UINT64_C(10) << 40) | (UINT64_C(1) << 38)},
    {"the last unknown kind", (UINT64_C(4095) << 40) | 1},
};

START_TEST(inode__what_means_nothing_is_refused)
{
    struct inode got;

    ck_assert_msg(!inode_decode(meaningless[_i].ino, &got), "%s", meaningless[_i].name);
}
END_TEST

START_TEST(inode__makers_agree_with_the_encoding)
{
    ck_assert_uint_eq(inode_fixed(INODE_ROOT), 1);
    ck_assert_uint_eq(inode_version(4095), (UINT64_C(5) << 40) | 4095);
    ck_assert_uint_eq(inode_type(1, 0), (UINT64_C(6) << 40) | 4096);
    ck_assert_uint_eq(inode_stream(2, 1), (UINT64_C(7) << 40) | 8193);
    ck_assert_uint_eq(inode_schema(3), (UINT64_C(8) << 40) | 3);
    ck_assert_uint_eq(inode_scratch(77), (UINT64_C(10) << 40) | 77);
    ck_assert_uint_eq(inode_item(1, 0, 1), (UINT64_C(1) << 52) | 1);
}
END_TEST

static const struct {
    int64_t ns;
    const char *name;
} revisions[] = {
    {0, "1970-01-01T00-00-00.000000000Z.json"},
    {INT64_C(1795803664123456789), "2026-11-27T18-21-04.123456789Z.json"},
    {INT64_C(1709164800000000001), "2024-02-29T00-00-00.000000001Z.json"},
};

START_TEST(revision_name__goes_there_and_back)
{
    char name[REVISION_NAME_SIZE];
    int64_t ns;

    ck_assert_str_eq(revision_name(revisions[_i].ns, name), revisions[_i].name);
    ck_assert(revision_name_read(name, &ns));
    ck_assert_int_eq(ns, revisions[_i].ns);
}
END_TEST

static const char *const no_revisions[] = {
    "",
    "rex.json",
    "2026-11-27T18-21-04.123456789Z",
    "2026-11-27T18-21-04.12345678Z.json",
    "2026-11-27T18-21-04.1234567890Z.json",
    "2026-11-27T18:21:04.123456789Z.json",
    "2026-11-27T18-21-04.123456789Z.json ",
    "2026-13-27T18-21-04.123456789Z.json",
    "2025-02-29T18-21-04.123456789Z.json",
    "2026-11-27T24-21-04.123456789Z.json",
    "1969-12-31T23-59-59.999999999Z.json",
    "9999-12-31T23-59-59.999999999Z.json",
    "+026-11-27T18-21-04.123456789Z.json",
    "2026-11-27T18-21- 4.123456789Z.json",
};

START_TEST(revision_name__anything_else_is_none)
{
    int64_t ns = 7;

    ck_assert_msg(!revision_name_read(no_revisions[_i], &ns), "%s", no_revisions[_i]);
    ck_assert_int_eq(ns, 7);
}
END_TEST
static Suite *inode_suite(void)
{
    Suite *s = suite_create("inode");
    TCase *t = tcase_create("numbers");

    tcase_add_loop_test(t, inode__goes_there_and_back, 0, N_ROWS);
    tcase_add_test(t, inode__no_two_files_share_a_number);
    tcase_add_loop_test(t, inode__what_means_nothing_is_refused, 0,
                        (int)(sizeof(meaningless) / sizeof(meaningless[0])));
    tcase_add_test(t, inode__makers_agree_with_the_encoding);
    tcase_add_loop_test(t, revision_name__goes_there_and_back, 0,
                        sizeof(revisions) / sizeof(revisions[0]));
    tcase_add_loop_test(t, revision_name__anything_else_is_none, 0,
                        sizeof(no_revisions) / sizeof(no_revisions[0]));
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(inode_suite());
    int failed;

    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
