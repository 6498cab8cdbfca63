/* Transactions over queries and inline items; verify, import and export beside them. */
#include "store_fixture.h"

static const char v1[] = "version: v1\n"
                         "types:\n"
                         "  Dog:\n"
                         "    fields:\n"
                         "      name: {type: string, required: true}\n"
                         "      breed: string\n"
                         "      age: {type: integer, default: 1}\n"
                         "      weight: number\n"
                         "      tags: list<string>\n"
                         "      owner: {type: ref<Person>, on_delete: cascade}\n"
                         "  Person: {open: true, fields: {email: {type: string, unique: true}}}\n";
static const char v2[] =
    "version: v2\n"
    "from: v1\n"
    "migrate:\n"
    "  - add_type: {type: Breed, fields: {name: {type: string, required: true}, note: string}}\n"
    "  - add_field: {type: Dog, field: newBreed, as: ref<Breed>}\n"
    "queries:\n"
    "  breed_of_dog: SELECT DISTINCT breed AS _key, breed AS name FROM Dog WHERE breed IS NOT "
    "NULL\n"
    "  breedid_of_dog: SELECT d._key, b._key AS newBreed FROM Dog d JOIN Breed b ON b.name = "
    "d.breed\n"
    "  beagles: SELECT _key FROM Dog WHERE breed = 'Beagle'\n"
    "  no_breed: SELECT _key, NULL AS breed, NULL AS newBreed FROM Dog\n"
    "  keyless: SELECT name FROM Dog\n"
    "  misspelt: SELECT _key, name AS nmae FROM Dog\n"
    "  bad_age: SELECT _key, name AS age FROM Dog\n"
    "  lists: SELECT _key, json_array(name, coalesce(breed, 'none')) AS tags, age + 0.5 AS weight "
    "FROM Dog\n"
    "  all: SELECT * FROM Dog\n";
static const char v3[] = "version: v3\n"
                         "from: v2\n"
                         "migrate:\n"
                         "  - remove_field: {type: Dog, field: breed}\n"
                         "  - rename_field: {type: Dog, from: newBreed, to: breed}\n";

static void dogs(void)
{
    fixture_setup();
    add(v1);
    put("v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Beagle\", \"weight\": 12.30}");
    put("v1", "Dog", "max", "{\"name\": \"Max\", \"breed\": \"Boxer\", \"age\": 3}");
    put("v1", "Dog", "ida", "{\"name\": \"Ida\"}");
    add(v2);
}

#define ACTIONS(list) "{\"version\": \"v2\", \"actions\": [" list "]}"
#define ACTION(op, source, target)                                                                 \
    "{\"operation\": \"" op "\", \"source\": " source ", \"target\": \"" target "\"}"

START_TEST(three_passes__normalise_a_field)
{
    ck_transact(ACTIONS(ACTION("UPSERT", "\"breed_of_dog\"",
                               "Breed") ", " ACTION("PATCH", "\"breedid_of_dog\"", "Dog")));
    ck_said("2 new, 2 changed, 0 deleted");
    ck_assert_str_eq(lines("v2", "Breed"), "{\"_key\": \"Beagle\", \"name\": \"Beagle\"}\n"
                                           "{\"_key\": \"Boxer\", \"name\": \"Boxer\"}\n");
    add(v3);
    ck_assert_str_eq(
        lines("v3", "Dog"),
        "{\"_key\": \"rex\", \"name\": \"Rex\", \"age\": 1, \"weight\": 12.30, \"breed\": "
        "\"Beagle\"}\n"
        "{\"_key\": \"max\", \"name\": \"Max\", \"age\": 3, \"breed\": \"Boxer\"}\n"
        "{\"_key\": \"ida\", \"name\": \"Ida\", \"age\": 1}\n");
    ck_assert_ptr_nonnull(strstr(lines("v1", "Dog"), "\"breed\": \"Boxer\""));
}
END_TEST

START_TEST(again__changes_nothing)
{
    static const char both[] = ACTIONS(ACTION("UPSERT", "\"breed_of_dog\"", "Breed") ", " ACTION(
        "PATCH", "\"breedid_of_dog\"", "Dog"));
    ck_transact(both);
    ck_transact(both);
    ck_said("0 new, 0 changed, 0 deleted");
    ck_said("2 the same");
}
END_TEST

START_TEST(dry_run__says_what_would_change_and_changes_nothing)
{
    ck_transact("{\"dry_run\": true, \"version\": \"v2\", \"actions\": [" ACTION(
        "UPSERT", "\"breed_of_dog\"", "Breed") ", " ACTION("PATCH", "\"breedid_of_dog\"",
                                                           "Dog") "]}");
    ck_said("dry run, nothing is changed: 2 new, 2 changed");
    ck_said("Breed/Beagle: new {\"_key\": \"Beagle\", \"name\": \"Beagle\"}");
    ck_said("Dog/rex.newBreed: unset -> \"Beagle\"");
    ck_assert_str_eq(lines("v2", "Breed"), "");
    ck_assert_ptr_null(strstr(lines("v2", "Dog"), "newBreed"));
}
END_TEST

START_TEST(null_of_a_query__unsets_in_patch_and_is_left_out_elsewhere)
{
    ck_transact(ACTIONS(ACTION("UPSERT", "\"no_breed\"", "Dog")));
    ck_said("3 the same");
    ck_transact(ACTIONS(ACTION("PATCH", "\"no_breed\"", "Dog")));
    ck_said("2 changed, 1 the same");
    ck_assert_ptr_null(strstr(lines("v1", "Dog"), "breed"));
}
END_TEST

START_TEST(all_columns__written_back_change_nothing)
{
    ck_transact(ACTIONS(ACTION("PATCH", "\"all\"", "Dog")));
    ck_said("0 changed");
    ck_assert_ptr_nonnull(strstr(lines("v1", "Dog"), "12.30"));
}
END_TEST

START_TEST(values__take_the_type_of_their_field)
{
    ck_transact(ACTIONS(ACTION("PATCH", "\"lists\"", "Dog")));
    ck_assert_ptr_nonnull(
        strstr(lines("v2", "Dog"), "\"weight\": 3.5, \"tags\": [\"Max\", \"Boxer\"]"));
}
END_TEST

static const struct {
    const char *json;
    enum err_code code;
    const char *said;
} refused[] = {
    {"", ERR_INVALID, ""},
    {"{\"version\": \"v2\", \"actions\": [", ERR_INVALID, "1:"},
    {"{\"version\": \"v9\", \"actions\": []}", ERR_INVALID, "there is no version \"v9\""},
    {"{\"actions\": []}", ERR_INVALID, "\"version\" is missing"},
    {"{\"version\": \"v2\"}", ERR_INVALID, "\"actions\" is missing"},
    {"{\"version\": \"v2\", \"actoins\": []}", ERR_INVALID, "did you mean \"actions\""},
    {"{\"version\": \"v2\", \"actions\": {}}", ERR_INVALID, "\"actions\" is an object"},
    {"{\"version\": \"v2\", \"actions\": [], \"dry_run\": 1}", ERR_INVALID, "\"dry_run\" is"},
    {ACTIONS(ACTION("UPSRT", "\"all\"", "Dog")), ERR_INVALID, "did you mean \"UPSERT\""},
    {ACTIONS(ACTION("UPSERT", "\"breeds_of_dog\"", "Breed")), ERR_INVALID,
     "did you mean \"breed_of_dog\""},
    {ACTIONS(ACTION("UPSERT", "\"all\"", "Dgo")), ERR_INVALID, "did you mean \"Dog\""},
    {ACTIONS(ACTION("UPSERT", "7", "Dog")), ERR_INVALID, "\"source\" is a number"},
    {ACTIONS(ACTION("UPSERT", "[7]", "Dog")), ERR_INVALID, "an item is a number"},
    {ACTIONS(ACTION("UPSERT", "\"keyless\"", "Dog")), ERR_INVALID, "no column \"_key\""},
    {ACTIONS(ACTION("PATCH", "\"misspelt\"", "Dog")), ERR_INVALID, "did you mean \"name\""},
    {ACTIONS(ACTION("PATCH", "\"bad_age\"", "Dog")), ERR_INVALID,
     "row 1 (\"rex\"), column \"age\": \"Rex\" is not of type integer"},
    {ACTIONS(ACTION("INSERT", "[{\"name\": \"x\"}]", "Breed")), ERR_INVALID, "\"_key\" is missing"},
    {ACTIONS(ACTION("INSERT", "[{\"_key\": \".x\", \"name\": \"x\"}]", "Breed")), ERR_INVALID,
     ".x"},
    {ACTIONS(ACTION("INSERT", "[{\"_key\": \"x\", \"nmae\": \"x\"}]", "Breed")), ERR_INVALID,
     "did you mean \"name\""},
    {ACTIONS(ACTION("INSERT", "[{\"_key\": \"x\"}]", "Breed")), ERR_INVALID, "name is required"},
    {ACTIONS(ACTION("INSERT", "[{\"_key\": \"rex\", \"name\": \"x\"}]", "Dog")), ERR_EXISTS,
     "INSERT Dog \"rex\""},
    {ACTIONS(ACTION("PATCH", "[{\"_key\": \"nix\", \"name\": \"x\"}]", "Dog")), ERR_NOT_FOUND,
     "PATCH Dog \"nix\""},
    {ACTIONS(ACTION("REPLACE", "[{\"_key\": \"nix\", \"name\": \"x\"}]", "Dog")), ERR_NOT_FOUND,
     "REPLACE Dog \"nix\""},
    {ACTIONS(ACTION("DELETE", "[{\"_key\": \"nix\"}]", "Dog")), ERR_NOT_FOUND,
     "DELETE Dog \"nix\""},
    {ACTIONS(ACTION("UPSERT", "\"breed_of_dog\"", "Breed") ", " ACTION(
         "PATCH", "[{\"_key\": \"rex\", \"newBreed\": \"None\"}]", "Dog")),
     ERR_INVALID, "action 2, PATCH Dog \"rex\""},
    {ACTIONS(ACTION("INSERT",
                    "[{\"_key\": \"a\", \"email\": \"e\"}, {\"_key\": \"b\", \"email\": \"e\"}]",
                    "Person")),
     ERR_EXISTS, "INSERT Person \"b\""},
};

START_TEST(refused__says_why_and_changes_nothing)
{
    char before[4096];
    snprintf(before, sizeof before, "%s", lines("v2", "Dog"));
    enum err_code code = transact(refused[_i].json);
    ck_assert_msg(code == refused[_i].code, "%s: %d: %s", refused[_i].json, code, fixture_said);
    ck_said(refused[_i].said);
    ck_assert_str_eq(lines("v2", "Dog"), before);
    ck_assert_str_eq(lines("v2", "Breed"), "");
    ck_assert_str_eq(lines("v2", "Person"), "");
}
END_TEST

START_TEST(each_operation__does_what_its_name_says)
{
    ck_transact(ACTIONS(ACTION(
        "INSERT", "[{\"_key\": \"Pug\", \"name\": \"Pug\", \"note\": \"mine\"}]",
        "Breed") ", " ACTION("PATCH", "[{\"_key\": \"Pug\", \"name\": \"Mops\"}]", "Breed")));
    ck_assert_str_eq(lines("v2", "Breed"),
                     "{\"_key\": \"Pug\", \"name\": \"Mops\", \"note\": \"mine\"}\n");
    ck_transact(ACTIONS(ACTION("REPLACE", "[{\"_key\": \"Pug\", \"name\": \"Pug\"}]", "Breed")));
    ck_assert_str_eq(lines("v2", "Breed"), "{\"_key\": \"Pug\", \"name\": \"Pug\"}\n");
    ck_transact(ACTIONS(ACTION(
        "UPSERT", "[{\"_key\": \"Pug\", \"note\": \"n\"}, {\"_key\": \"New\", \"name\": \"N\"}]",
        "Breed")));
    ck_assert_str_eq(lines("v2", "Breed"),
                     "{\"_key\": \"Pug\", \"name\": \"Pug\", \"note\": \"n\"}\n"
                     "{\"_key\": \"New\", \"name\": \"N\"}\n");
    ck_transact(ACTIONS(ACTION("DELETE", "[{\"_key\": \"Pug\"}]", "Breed")));
    ck_said("1 deleted");
    ck_assert_str_eq(lines("v2", "Breed"), "{\"_key\": \"New\", \"name\": \"N\"}\n");
    ck_transact(ACTIONS(ACTION("DELETE", "\"beagles\"", "Dog")));
    ck_assert_ptr_null(strstr(lines("v1", "Dog"), "Rex"));
}
END_TEST

START_TEST(an_action__sees_what_the_earlier_did_and_nothing_of_its_own)
{
    ck_transact(ACTIONS(
        ACTION("INSERT", "[{\"_key\": \"leo\", \"name\": \"Leo\", \"breed\": \"Pug\"}]",
               "Dog") ", " ACTION("UPSERT", "\"breed_of_dog\"",
                                  "Breed") ", " ACTION("PATCH", "\"breedid_of_dog\"", "Dog")));
    ck_said("4 new, 3 changed");
    ck_assert_ptr_nonnull(strstr(lines("v2", "Breed"), "Pug"));
}
END_TEST

START_TEST(delete__of_items_that_cascade_into_each_other)
{
    put("v2", "Person", "ann", "{\"email\": \"a\", \"more\": [1, 2]}");
    ck_transact(ACTIONS(ACTION("PATCH", "[{\"_key\": \"rex\", \"owner\": \"ann\"}]", "Dog")));
    ck_transact(ACTIONS(ACTION("DELETE", "[{\"_key\": \"ann\"}]", "Person")));
    ck_assert_ptr_null(strstr(lines("v1", "Dog"), "Rex"));
}
END_TEST

START_TEST(open_types__keep_what_is_in_no_field)
{
    put("v2", "Person", "ann", "{\"email\": \"a\", \"more\": [1, 2]}");
    ck_transact(ACTIONS(ACTION("PATCH", "[{\"_key\": \"ann\", \"other\": 1.50}]", "Person")));
    ck_assert_str_eq(lines("v1", "Person"),
                     "{\"_key\": \"ann\", \"email\": \"a\", \"more\": [1, 2], \"other\": 1.50}\n");
}
END_TEST

START_TEST(what_older_versions_know__stays)
{
    add(v3);
    ck_assert(
        transact("{\"version\": \"v3\", \"actions\": [{\"operation\": \"REPLACE\", \"source\": "
                 "[{\"_key\": \"rex\", \"name\": \"R\"}], \"target\": \"Dog\"}]}") == ERR_NONE);
    ck_assert_ptr_nonnull(strstr(lines("v1", "Dog"), "\"name\": \"R\", \"breed\": \"Beagle\""));
}
END_TEST

static bool stop(void *arg)
{
    ++*(int *)arg;
    return true;
}

START_TEST(a_signal__stops_dry_runs_and_verify_only)
{
    int asked = 0;
    struct verb_caller by = {.interrupted = stop, .arg = &asked};
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    add("version: s\nfrom: v2\nqueries:\n  slow: WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT "
        "n "
        "+ 1 FROM c) SELECT n AS _key FROM c WHERE n < 0\n"
        "types:\n  Dog: {fields: {name: {type: string, required: true}, breed: string, age: {type: "
        "integer, default: 1}, weight: number, tags: list<string>, owner: {type: ref<Person>, "
        "on_delete: cascade}, newBreed: ref<Breed>}}\n"
        "  Person: {open: true, fields: {email: {type: string, unique: true}}}\n"
        "  Breed: {fields: {name: {type: string, required: true}, note: string}}\n");
    ck_assert(
        store_transaction(fixture_store,
                          span_of("{\"version\": \"s\", \"dry_run\": true, \"actions\": [" ACTION(
                              "DELETE", "\"slow\"", "Dog") "]}"),
                          &by, &report, &e) != 0);
    ck_assert_msg(e.code == ERR_INTERRUPTED, "%s", e.text);
    err_clear(&e);
    ck_assert(store_verify(fixture_store, span_of("v2"), &by, &report, &e) != 0);
    ck_assert_msg(e.code == ERR_INTERRUPTED, "%s", e.text);
    err_clear(&e);
    asked = 0;
    ck_assert(store_transaction(fixture_store,
                                span_of(ACTIONS(ACTION("DELETE", "\"beagles\"", "Dog"))), &by,
                                &report, &e) == 0);
    ck_assert_int_eq(asked, 0);
}
END_TEST

/* ---- verify ---- */

static enum err_code verify(const char *version)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    if (store_verify(fixture_store, span_of(version), NULL, &report, &e)) {
        err_format(&e, fixture_said, sizeof fixture_said);
        return e.code;
    }
    snprintf(fixture_said, sizeof fixture_said, "%s", buf_str(&report));
    return ERR_NONE;
}

START_TEST(verify__two_versions_and_a_root)
{
    ck_assert_msg(verify("v2") == ERR_NONE, "%s", fixture_said);
    ck_said("v2 and v1 agree: 3 items");
    ck_assert_msg(verify("v1") == ERR_NONE, "%s", fixture_said);
    ck_said("v1: 3 items");
    ck_assert(verify("v7") == ERR_NOT_FOUND);
    ck_assert_str_eq(lines("v2", "Breed"), "");
}
END_TEST

START_TEST(verify__an_extracted_type)
{
    add("version: x2\nfrom: v2\nmigrate:\n  - extract_type: {type: Dog, fields: {breed: title}, "
        "into: Kind, as: kind}\n");
    ck_assert_msg(verify("x2") == ERR_NONE, "%s", fixture_said);
    ck_said("x2 and v2 agree: 5 items");
    ck_assert_ptr_nonnull(strstr(lines("x2", "Dog"), "\"kind\": \"Beagle\""));
}
END_TEST

/* ---- import, export ---- */

struct pieces {
    const char *text;
    size_t size;
};
static int next_piece(void *arg, struct span *ret)
{
    struct pieces *p = arg;
    size_t n = strlen(p->text);
    if (n > p->size)
        n = p->size;
    *ret = (struct span){p->text, n};
    p->text += n;
    return n != 0;
}

static enum err_code import(const char *text, size_t size, size_t *ret_items)
{
    struct place p = place("v2", "Breed");
    struct pieces pieces = {text, size};
    struct err e = ERR_INIT;
    int rc = store_import(fixture_store, p.v, p.s, next_piece, &pieces, ret_items, &e);
    err_format(&e, fixture_said, sizeof fixture_said);
    catalog_unref(p.cat);
    return rc ? e.code : ERR_NONE;
}

static int take_line(void *arg, struct span line)
{
    return !buf_addspan(arg, line);
}

START_TEST(import__pieces_of_any_size)
{
    static const char text[] = "{\"_key\": \"a\", \"name\": \"A\"}\n"
                               "{\"_key\": \"b\", \"name\": \"B\", \"note\": \"\\u00e4\"}\n"
                               "{\"_key\": \"c\", \"name\": \"C\"}";
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct place p = place("v2", "Breed");
    struct err e = ERR_INIT;
    size_t n = 0;
    ck_assert_msg(import(text, (size_t)_i + 1, &n) == ERR_NONE, "%s", fixture_said);
    ck_assert_uint_eq(n, 3);
    ck_assert(store_export(fixture_store, p.v, p.s, take_line, &out, &e) == 0);
    ck_assert_str_eq(buf_str(&out), "{\"_key\": \"a\", \"name\": \"A\"}\n"
                                    "{\"_key\": \"b\", \"name\": \"B\", \"note\": \"ä\"}\n"
                                    "{\"_key\": \"c\", \"name\": \"C\"}\n");
    catalog_unref(p.cat);
}
END_TEST

START_TEST(import__all_or_nothing_with_the_line)
{
    size_t n;
    ck_assert(import("{\"_key\": \"a\", \"name\": \"A\"}\n\n{\"_key\": \"b\"}\n",
                     (size_t)_i * 7 + 1, &n) == ERR_INVALID);
    ck_assert_msg(strncmp(fixture_said, "3:", 2) == 0, "%s", fixture_said);
    ck_assert_str_eq(lines("v2", "Breed"), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transaction");
    TCase *t = tcase_create("transaction");
    tcase_add_checked_fixture(t, dogs, fixture_teardown);
    tcase_add_test(t, three_passes__normalise_a_field);
    tcase_add_test(t, again__changes_nothing);
    tcase_add_test(t, dry_run__says_what_would_change_and_changes_nothing);
    tcase_add_test(t, null_of_a_query__unsets_in_patch_and_is_left_out_elsewhere);
    tcase_add_test(t, all_columns__written_back_change_nothing);
    tcase_add_test(t, values__take_the_type_of_their_field);
    tcase_add_loop_test(t, refused__says_why_and_changes_nothing, 0,
                        sizeof refused / sizeof refused[0]);
    tcase_add_test(t, each_operation__does_what_its_name_says);
    tcase_add_test(t, an_action__sees_what_the_earlier_did_and_nothing_of_its_own);
    tcase_add_test(t, delete__of_items_that_cascade_into_each_other);
    tcase_add_test(t, open_types__keep_what_is_in_no_field);
    tcase_add_test(t, what_older_versions_know__stays);
    tcase_add_test(t, a_signal__stops_dry_runs_and_verify_only);
    tcase_add_test(t, verify__two_versions_and_a_root);
    tcase_add_test(t, verify__an_extracted_type);
    tcase_add_loop_test(t, import__pieces_of_any_size, 0, 40);
    tcase_add_loop_test(t, import__all_or_nothing_with_the_line, 0, 6);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int bad = srunner_ntests_failed(runner);
    srunner_free(runner);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
