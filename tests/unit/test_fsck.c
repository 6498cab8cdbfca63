/* fsck: a sound store has no findings; each kind of damage is found, named, and left alone. */
#include <sqlite3.h>

#include "schemas/checksum.h"
#include "store_fixture.h"

static const char v1[] = "version: v1\n"
                         "description: some call it a dog\n"
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
    "  - change_key: {type: Person, up: \"'p-' || _key\", down: _key}\n"
    "  - split_type: {type: Person, into: {Stranger: \"name = 'x'\", Friend: else}}\n";

static const char v3[] = "version: v3\n"
                         "from: v2\n"
                         "migrate:\n"
                         "  - add_field: {type: Friend, field: age, as: integer, up: 7}\n";
static const char odd[] = "Beagle-with-a-name-of-its-own"; /* to be found in the file */

static void backfill(const char *version)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    ck_assert_msg(store_backfill(fixture_store, span_of(version), NULL, &report, &e) == 0, "%s",
                  e.text);
    ck_assert_int_eq(store_wait_jobs(fixture_store, 60000, NULL), 0);
}

static void own_mode(void)
{
    struct place p = place("v1", "Dog");
    struct item_stat attr = {.mode = 0400};
    struct err e = ERR_INIT;
    ck_assert_int_eq(store_set_attr(fixture_store, p.v, p.s, 0, ATTR_MODE, &attr, &e), 0);
    catalog_unref(p.cat);
}

/* Every table has rows. */
static void sound_store(void)
{
    char text[160];
    fixture_setup();
    add(v1);
    put("v1", "Person", "ann", "{\"name\": \"Ann\"}");
    snprintf(text, sizeof text, "{\"name\": \"Rex\", \"breed\": \"%s\", \"owner\": \"ann\"}", odd);
    put("v1", "Dog", "rex", text);
    put("v1", "Dog", "max", "{\"name\": \"Max\",  \"breed\": \"Boxer\", \"chip\": \"c1\"}");
    add(v2);
    ck_assert_ptr_nonnull(strstr(lines("v2", "Breed"), odd));
    put("v2", "Dog", "new", "{\"name\": \"New\", \"breed\": \"Boxer\", \"owner\": \"p-ann\"}");
    put("v1", "Dog", "newer", "{\"name\": \"Newer\", \"breed\": \"Collie\", \"chip\": \"c2\"}");
    put("v2", "Breed", "Pug", "{\"title\": \"Pug\"}");
    put("v2", "Breed", "Pug", "{\"title\": \"Mops\"}");
    put("v1", "Dog", "newer", "{\"name\": \"Newer\", \"breed\": \"Pug\", \"chip\": \"c2\"}");
    put("v1", "Dog", "maxi", "{\"name\": \"Maxi\"}");
    backfill("v2");
    add(v3);
    own_mode();
}

static void reopen(void)
{
    struct store_options o = {.damaged_too = true, .no_jobs = true};
    struct err e = ERR_INIT;
    ck_assert_msg(store_open(fixture_path, &o, &fixture_store, &e) == 0, "open: %s", e.text);
}

/* sealed(x): a record's bytes with the checksum that belongs to them. */
static void sealed(sqlite3_context *ctx, int n, sqlite3_value **args)
{
    struct buf out BUF_CLEANUP = BUF_INIT;
    (void)n;
    ck_assert(buf_add(&out, sqlite3_value_blob(args[0]), (size_t)sqlite3_value_bytes(args[0])));
    ck_assert(checksum_add(&out, 0));
    sqlite3_result_blob(ctx, out.p, (int)out.n, SQLITE_TRANSIENT);
}

static void damage_by_sql(const char *sql)
{
    sqlite3 *db;
    char *said = NULL;
    ck_assert(sqlite3_open(fixture_path, &db) == SQLITE_OK);
    sqlite3_create_function(db, "sealed", 1, SQLITE_UTF8, NULL, sealed, NULL, NULL);
    int rc = sqlite3_exec(db, sql, NULL, NULL, &said);
    ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, said);
    ck_assert(sqlite3_close(db) == SQLITE_OK);
}

/* The last place of `text` in the file; one bit of its byte `at` is flipped. */
static void flip(const char *text, size_t at)
{
    static char file[1 << 20];
    FILE *f = fopen(fixture_path, "r+b");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(file, 1, sizeof file, f), found = n;
    for (size_t i = 0; i + strlen(text) <= n; i++)
        if (memcmp(file + i, text, strlen(text)) == 0)
            found = i;
    ck_assert_msg(found < n, "\"%s\" is not in the file", text);
    ck_assert_int_eq(fseek(f, (long)(found + at), SEEK_SET), 0);
    ck_assert_int_ne(fputc(file[found + at] ^ 1, f), EOF);
    fclose(f);
}

/* Page n of the file, from 1, is overwritten; the root of a table or index. */
static unsigned root_of(const char *name)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    ck_assert(sqlite3_open(fixture_path, &db) == SQLITE_OK);
    ck_assert(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = ?1", -1, &st,
                                 NULL) == SQLITE_OK);
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    ck_assert(sqlite3_step(st) == SQLITE_ROW);
    unsigned page = (unsigned)sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return page;
}

static void overwrite(const char *name)
{
    long at = (long)(root_of(name) - 1) * 4096;
    FILE *f = fopen(fixture_path, "r+b");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, at, SEEK_SET), 0);
    for (int i = 0; i < 64; i++)
        ck_assert_int_ne(fputc(0x5a, f), EOF);
    fclose(f);
}

/* What is done: SQL; or "flip TEXT": a bit of the text's fourth byte; or "page TABLE". */
static void damage(const char *how)
{
    store_close(fixture_store);
    fixture_store = NULL;
    if (strncmp(how, "flip ", 5) == 0) {
        damage_by_sql("VACUUM"); /* what was overwritten is nowhere in the file any more */
        flip(how + 5, 3);
    } else if (strncmp(how, "page ", 5) == 0)
        overwrite(how + 5);
    else
        damage_by_sql(how);
    reopen();
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
    const char *how, *said;
} damages[] = {
    /* records */
    {"flip \"Rex\"", "its checksum is another; its content is lost in every version"},
    {"UPDATE item SET body = substr(body, 1, length(body) - 3) WHERE key = 'rex'",
     "its checksum is another; its content is lost in every version"},
    {"UPDATE item SET body = x'' WHERE key = 'rex'", "its content is lost in every version"},
    {"UPDATE item SET body = 'text' WHERE key = 'rex'", "its content is lost in every version"},
    {"UPDATE item SET body = sealed(x'036300') WHERE key = 'rex'", "damaged record"},
    {"UPDATE item SET body = sealed(x'026300') WHERE key = 'rex'",
     "is from step 99, which was never made"},
    {"UPDATE item SET body = sealed(x'0200018063022231') WHERE key = 'rex'",
     "holds a value of unknown slot"},
    {"UPDATE item SET body = sealed(x'02000288010131800101' || x'32') WHERE key = 'rex'",
     "entries out of order"},
    {"UPDATE item SET body = sealed(x'020000') WHERE key = 'rex'",
     "is past item 2 (Dog \"rex\") and has not rewritten it"},
    {"UPDATE item SET body = (SELECT body FROM item WHERE key = 'max') WHERE key = 'rex'",
     "is noted to be referred to by item 2, which does not"},
    /* names and numbers */
    {"DELETE FROM name WHERE key = 'rex'", "(Dog \"rex\") has no name; its content is there"},
    {"DELETE FROM name WHERE key = 'p-ann'", "\"ann\") has no name; its content is there"},
    {"UPDATE name SET key = 'q' WHERE key = 'p-ann'", "name \"q\" of step"},
    {"UPDATE name SET id = 7 WHERE key = 'p-ann'", "its name \"p-ann\" stands for item 7"},
    {"DELETE FROM member", "\"ann\") is not noted in its part"},
    {"INSERT INTO member SELECT set_id - 2, number, id FROM member", "is noted in a part of step"},
    {"UPDATE count SET n = 5 WHERE coll = (SELECT set_id FROM member)", "is off by 4"},
    {"DELETE FROM item WHERE key = 'rex'", "name \"rex\" of collection"},
    {"UPDATE item SET key = 'xer' WHERE key = 'rex'", "which is called \"xer\""},
    {"flip maxi", "(Dog \"maxi\") has no name"},
    {"UPDATE item SET key = '.x' WHERE key = 'rex'", ".x"},
    {"UPDATE name SET id = id + 1 WHERE key = 'rex'", "which is called \"max\""},
    {"UPDATE item SET id = (77 << 40) | (id & 1099511627775) WHERE key = 'rex'",
     "is in collection 77, which was never made"},
    {"UPDATE meta SET value = 2 WHERE name = 'next_item'", "the next number to be given out"},
    {"UPDATE count SET n = n + 1", "is off by 1; nothing is lost, only the number shown"},
    {"DELETE FROM count", "is off by"},
    {"UPDATE count SET n = -3", "is said to have -3 items"},
    /* references and what is kept about values */
    {"DELETE FROM ref", "refers to items that don't know it"},
    {"INSERT INTO ref SELECT i.id, d.id, 17 FROM item i, item d WHERE i.key = 'ann' AND d.key = "
     "'max'",
     "which does not; nothing is lost, that item can't be deleted"},
    {"INSERT INTO ref SELECT id, id + 900, 17 FROM item WHERE key = 'ann'",
     "is counted for item 901, which is missing"},
    {"DELETE FROM item WHERE key = 'ann'", "which is missing; the item referred to is lost"},
    {"DELETE FROM uniq", "has unique keys that are not noted as they are"},
    {"UPDATE uniq SET vals = vals || x'00' WHERE id & 1099511627775 = 3",
     "has unique keys that are not noted as they are"},
    {"UPDATE uniq SET id = id + 100000", "a unique key is taken by item"},
    {"INSERT INTO uniq SELECT set_id, x'01' || x'99', id FROM uniq LIMIT 1",
     "a duplicate could be accepted"},
    {"DELETE FROM extracted", "has values that are not noted as they are"},
    {"UPDATE extracted SET id = id + 100000", "values extracted by step"},
    {"DELETE FROM item WHERE key LIKE 'Beagle%'",
     "items from before the step would refer to nothing"},
    {"UPDATE origin SET holders = -1", "-1 items from before step"},
    {"INSERT INTO made VALUES (123456789, 1)", "is noted as made by step 1 and is missing"},
    {"INSERT INTO link VALUES (99)", "step 99 is noted as derived"},
    {"INSERT INTO attr VALUES (999999999, 1, 1, 420, NULL, NULL)", "item number 999999999"},
    {"INSERT INTO attr VALUES (1, 77, 1, 420, NULL, NULL)", "for version 77, which was never made"},
    /* jobs and staged files */
    {"INSERT OR REPLACE INTO job VALUES (9, 1, 0, 0, 0, 0, 0, 0)", "the backfill of version 9"},
    {"UPDATE job SET cursor = (90 << 40)", "is at an impossible place"},
    {"INSERT INTO job VALUES (3, 3, 5, (3 << 40), 0, 9, 1, 0)", "is past item 2"},
    /* revisions */
    {"UPDATE history SET body = x'01'", "revision 1 of a"},
    {"UPDATE history SET body = zeroblob(length(body))", "its checksum is another"},
    {"UPDATE history SET id = id + 99999", "revision 1 is of item 1000"},
    {"UPDATE history SET at = at - rev * 1000000000000", "revision 2 is from before revision 1"},
    {"DELETE FROM gone", "is missing, has revisions, and is not noted as deleted"},
    {"INSERT INTO gone SELECT id >> 40, key, id FROM item",
     "is noted as deleted under \"rex\", and is"},
    {"INSERT INTO gone VALUES (1, 'x', 12345)",
     "is noted as deleted under \"x\", and has no revision"},
    /* the catalog */
    {"UPDATE meta SET value = 1 WHERE name = 'next_slot'", "to be given out next"},
    {"UPDATE meta SET value = 'x' WHERE name = 'next_item'", "stands where a number should"},
    {"UPDATE meta SET value = 9 WHERE name = 'default'",
     "the default version, number 9, is not live"},
    {"DELETE FROM version WHERE number = 2",
     "version 3 has no parent; no version can be shown, the items themselves may be there"},
    {"DELETE FROM version WHERE number = 3", "the default version, number 3, is not live"},
    {"UPDATE version SET text = replace(text, 'breed', 'bread') WHERE number = 1",
     "version 1 has another text than the one that was added; no version can be shown"},
    {"flip call it a dog", "version 1 has another text than the one that was added"},
    {"UPDATE version SET step = -1 WHERE number = 2", "version 2 has impossible numbers"},
    {"UPDATE version SET slot = slot + 1 WHERE number = 3", "to be given out next"},
    {"UPDATE meta SET value = value + (1 << 20) WHERE name = 'numbers.2'",
     "version 2 is read otherwise than when it was added"},
    /* the file */
    {"page name", "what that page held may be lost"},
    {"page uniq_id", "what that page held may be lost"},
    {"page item", "what that page held may be lost"},
    {"DROP TABLE staged", "is damaged: tables are missing; no version can be shown"},
    {"PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'made_step'",
     "is damaged: tables are missing"},
    {"CREATE TRIGGER t AFTER INSERT ON item BEGIN DELETE FROM item; END", "is not a store's"},
};

START_TEST(damage__is_found_and_left_alone)
{
    damage(damages[_i].how);
    size_t n = fsck();
    ck_assert_msg(n > 0, "%s: no finding", damages[_i].how);
    ck_assert_msg(strstr(fixture_said, damages[_i].said) != NULL, "%s:\n%s", damages[_i].how,
                  fixture_said);
    ck_assert_msg(fsck() == n, "%s: it changed something", damages[_i].how);
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
