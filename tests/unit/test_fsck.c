/* fsck: a sound store has no findings; each kind of damage is found, named, and left alone. */
#include <sqlite3.h>

#include "store_fixture.h"

static const char v1[] = "version: v1\n"
                         "types:\n"
                         "  Dog: {fields: {name: {type: string, required: true}, breed: string, "
                         "chip: {type: string, unique: true}, owner: ref<Person>}}\n"
                         "  Person: {fields: {name: string}}\n";
static const char v2[] =
    "version: v2\n"
    "from: v1\n"
    "migrate:\n"
    "  - extract_type: {type: Dog, fields: {breed: title}, into: Breed, as: breed}\n"
    "  - change_type: {type: Person, field: name, to: json, up: name, down: \"''\"}\n"
    "  - change_key: {type: Person, up: \"'p-' || _key\", down: _key}\n";

static void sound_store(void)
{
    fixture_setup();
    add(v1);
    put("v1", "Person", "ann", "{\"name\": \"Ann\"}");
    put("v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Beagle\", \"owner\": \"ann\"}");
    put("v1", "Dog", "max", "{\"name\": \"Max\",  \"breed\": \"Boxer\", \"chip\": \"c1\"}");
    add(v2);
    ck_assert_ptr_nonnull(strstr(lines("v2", "Breed"), "Beagle"));
    put("v2", "Dog", "new", "{\"name\": \"New\", \"breed\": \"Boxer\", \"owner\": \"p-ann\"}");
    put("v1", "Dog", "newer", "{\"name\": \"Newer\", \"breed\": \"Collie\", \"chip\": \"c2\"}");
    put("v2", "Breed", "Pug", "{\"title\": \"Pug\"}");
    put("v2", "Breed", "Pug", "{\"title\": \"Mops\"}");
    put("v1", "Dog", "newer", "{\"name\": \"Newer\", \"breed\": \"Pug\", \"chip\": \"c2\"}");
}

static void damage(const char *sql)
{
    sqlite3 *db;
    char *said = NULL;
    store_close(fixture_store);
    fixture_store = NULL;
    ck_assert(sqlite3_open(fixture_path, &db) == SQLITE_OK);
    int rc = sqlite3_exec(db, sql, NULL, NULL, &said);
    ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, said);
    ck_assert(sqlite3_close(db) == SQLITE_OK);
    fixture_open();
}

static size_t fsck(void)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t n = 0, line_ends = 0;
    ck_assert_msg(store_fsck(fixture_store, &report, &n, &e) == 0, "fsck: %s", e.text);
    snprintf(fixture_said, sizeof fixture_said, "%s", buf_str(&report));
    for (size_t i = 0; i < report.n; i++)
        line_ends += report.p[i] == '\n';
    ck_assert_uint_eq(line_ends, n);
    return n;
}

START_TEST(a_sound_store__has_no_findings)
{
    ck_assert_msg(fsck() == 0, "%s", fixture_said);
    damage("SELECT 1");
    ck_assert_msg(fsck() == 0, "%s", fixture_said);
}
END_TEST

static const struct {
    const char *sql, *said;
} damages[] = {
    {"DELETE FROM name WHERE key = 'rex'", "(Dog \"rex\") has no name; its content is there"},
    {"DELETE FROM name WHERE key = 'p-ann'", "(Person \"ann\") has no name; its content is there"},
    {"UPDATE name SET key = 'q' WHERE key = 'p-ann'", "name \"q\" of step"},
    {"UPDATE name SET id = 7 WHERE key = 'p-ann'", "its name \"p-ann\" stands for item 7"},
    {"DELETE FROM item WHERE key = 'rex'", "name \"rex\" of collection"},
    {"UPDATE item SET key = 'xer' WHERE key = 'rex'", "which is called \"xer\""},
    {"UPDATE item SET key = '.x' WHERE key = 'rex'", ".x"},
    {"UPDATE item SET body = substr(body, 1, length(body) - 3) WHERE key = 'rex'",
     "its content is lost in every version"},
    {"UPDATE item SET body = x'' WHERE key = 'rex'", "its content is lost in every version"},
    {"UPDATE item SET body = 'text' WHERE key = 'rex'", "its content is lost in every version"},
    {"UPDATE item SET body = x'016300' WHERE key = 'rex'", "is from step 99, which was never made"},
    {"UPDATE item SET body = x'0100018063022231' WHERE key = 'rex'",
     "holds a value of unknown slot"},
    {"UPDATE item SET id = (77 << 40) | (id & 1099511627775) WHERE key = 'rex'",
     "is in collection 77, which was never made"},
    {"DELETE FROM ref", "refers to items that don't know it"},
    {"INSERT INTO ref SELECT i.id, d.id, 17 FROM item i, item d WHERE i.key = 'ann' AND d.key = "
     "'max'",
     "which does not; nothing is lost, that item can't be deleted"},
    {"DELETE FROM item WHERE key = 'ann'", "which is missing; the item referred to is lost"},
    {"DELETE FROM uniq", "has unique keys that are not noted as they are"},
    {"UPDATE uniq SET id = id + 100000", "a unique key is taken by item"},
    {"DELETE FROM extracted", "has values that are not noted as they are"},
    {"DELETE FROM item WHERE key = 'Beagle'", "items from before the step would refer to nothing"},
    {"INSERT INTO made VALUES (123456789, 1)", "is noted as made by step 1 and is missing"},
    {"UPDATE origin SET holders = -1", "-1 items from before step"},
    {"UPDATE count SET n = n + 1", "is off by 1; nothing is lost, only the number shown"},
    {"UPDATE meta SET value = 2 WHERE name = 'next_item'", "the next number to be given out"},
    {"UPDATE meta SET value = 1 WHERE name = 'next_slot'", "to be given out next"},
    {"UPDATE meta SET value = 9 WHERE name = 'default'",
     "the default version, number 9, is not live"},
    {"INSERT OR REPLACE INTO job VALUES (9, 1, 0, 0, 0, 0, 0, 0)", "the backfill of version 9"},
    {"INSERT INTO link VALUES (99)", "step 99 is noted as derived"},
    {"INSERT INTO attr VALUES (999999999, 1, 1, 420, NULL, NULL)", "item number 999999999"},
    {"UPDATE history SET body = x'01'", "revision 1 of a Breed through v2"},
    {"UPDATE history SET id = id + 99999", "revision 1 is of item 1000"},
    {"UPDATE history SET at = at - rev * 1000000000000", "revision 2 is from before revision 1"},
    {"DELETE FROM gone", "is missing, has revisions, and is not noted as deleted"},
    {"INSERT INTO gone SELECT id >> 40, key, id FROM item", "is noted as deleted under \"rex\", and is"},
    {"INSERT INTO gone VALUES (1, 'x', 12345)", "is noted as deleted under \"x\", and has no revision"},
};

START_TEST(damage__is_found_and_left_alone)
{
    damage(damages[_i].sql);
    size_t n = fsck();
    ck_assert_msg(n > 0, "%s: no finding", damages[_i].sql);
    ck_assert_msg(strstr(fixture_said, damages[_i].said) != NULL, "%s:\n%s", damages[_i].sql,
                  fixture_said);
    ck_assert_msg(fsck() == n, "%s: it changed something", damages[_i].sql);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fsck");
    TCase *t = tcase_create("fsck");
    tcase_add_checked_fixture(t, sound_store, fixture_teardown);
    tcase_add_test(t, a_sound_store__has_no_findings);
    tcase_add_loop_test(t, damage__is_found_and_left_alone, 0, sizeof damages / sizeof damages[0]);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int bad = srunner_ntests_failed(runner);
    srunner_free(runner);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
