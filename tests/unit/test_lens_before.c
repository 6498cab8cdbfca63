/* Writes by one version in a row: the second of two leaves what it alone would have left. */
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

#define ASSERT_LINE(v, type, want) ck_assert_str_eq(lt_line(&t, v, type, "k"), want "\n")

static void put(const char *version, const char *type, const char *text)
{
    ck_assert_msg(lt_put(&t, version, type, "k", text) == 0, "refused: %s", t.err.text);
}

/* Elements whose other version shows less of them: in v2 both are "no". */
static void add_parcels(void)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {name: string, toys: list<Toy>}}\n"
               "objects:\n  Toy: {fields: {kind: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Toy, field: kind, to: string,\n"
               "      up: \"CASE WHEN kind = 'ball' THEN 'yes' ELSE 'no' END\", down: kind}\n");
}
#define BOTH  "{\"toys\": [{\"kind\": \"rope\"}, {\"kind\": \"bone\"}]}"
#define FIRST "{\"toys\": [{\"kind\": \"no\"}]}"
#define OTHER "{\"toys\": [{\"kind\": \"yes\"}, {\"kind\": \"no\"}]}"
#define ROPE  "{\"_key\": \"k\", \"toys\": [{\"kind\": \"rope\"}]}"

START_TEST(list__which_element_stays_does_not_depend_on_a_text_between)
{
    add_parcels();
    put("v1", "Dog", BOTH);
    put("v2", "Dog", FIRST);
    ASSERT_LINE("v1", "Dog", ROPE);
    put("v1", "Dog", BOTH);
    put("v2", "Dog", OTHER);
    put("v2", "Dog", FIRST);
    ASSERT_LINE("v1", "Dog", ROPE);
}
END_TEST

START_TEST(list__written_back_as_it_was_it_is_as_it_was)
{
    add_parcels();
    put("v1", "Dog", BOTH);
    put("v2", "Dog", "{\"toys\": []}");
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"toys\": []}");
    put("v2", "Dog", "{\"toys\": [{\"kind\": \"no\"}, {\"kind\": \"no\"}]}");
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"toys\": [{\"kind\": \"rope\"}, {\"kind\": \"bone\"}]}");
}
END_TEST

/* Also where the elements lack what the version requires. */
START_TEST(list__elements_without_what_is_required_go_on)
{
    add_parcels();
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n  - add_field: {type: Toy, field: size, as: string}\n"
               "  - require_field: {type: Toy, field: size, up: \"CASE WHEN kind = 'x' THEN kind END\"}\n");
    put("v1", "Dog", BOTH);
    put("v3", "Dog", OTHER);
    put("v3", "Dog", FIRST);
    ASSERT_LINE("v1", "Dog", ROPE);
}
END_TEST

START_TEST(run__a_backfill_between_does_not_end_it)
{
    add_parcels();
    put("v1", "Dog", BOTH);
    put("v2", "Dog", OTHER);
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - compute_field: {type: Dog, field: loud, as: string, value: \"upper(name)\"}\n");
    lt_backfill(&t);
    put("v2", "Dog", "{\"name\": \"rex\", \"toys\": [{\"kind\": \"no\"}]}");
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"name\": \"rex\", \"toys\": [{\"kind\": \"rope\"}]}");
    ASSERT_LINE("v3", "Dog",
                "{\"_key\": \"k\", \"name\": \"rex\", \"toys\": [{\"kind\": \"no\"}], \"loud\": \"REX\"}");
}
END_TEST

START_TEST(run__a_write_by_another_version_ends_it)
{
    add_parcels();
    put("v1", "Dog", BOTH);
    put("v2", "Dog", OTHER);
    put("v1", "Dog", "{\"toys\": [{\"kind\": \"ball\"}, {\"kind\": \"stick\"}]}");
    put("v2", "Dog", FIRST);
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"toys\": [{\"kind\": \"stick\"}]}");
}
END_TEST

START_TEST(run__a_rename_ends_it)
{
    add_parcels();
    put("v1", "Dog", BOTH);
    put("v2", "Dog", OTHER);
    lt_rename(&t, "v1", "Dog", "k", "l");
    lt_rename(&t, "v1", "Dog", "l", "k");
    put("v2", "Dog", FIRST);
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"toys\": [{\"kind\": \"bone\"}]}");
}
END_TEST

/* Beside a writer who had it open before, the text says no more than what it changes. */
START_TEST(run__a_merged_write_ends_it)
{
    struct buf base BUF_CLEANUP;
    add_parcels();
    put("v1", "Dog", BOTH);
    lt_open(&t, "v2", "Dog", "k", &base);
    put("v2", "Dog", OTHER);
    ck_assert_int_eq(lt_put_base(&t, "v2", "Dog", "k",
                                 "{\"name\": \"rex\", \"toys\": [{\"kind\": \"no\"}, {\"kind\": \"no\"}]}",
                                 &base),
                     0);
    ASSERT_LINE("v2", "Dog",
                "{\"_key\": \"k\", \"name\": \"rex\", \"toys\": [{\"kind\": \"yes\"}, {\"kind\": \"no\"}]}");
    put("v2", "Dog", FIRST);
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"toys\": [{\"kind\": \"bone\"}]}");
}
END_TEST

/* Two types of the same items, one with another type of the field: after finalize neither follows from
 * the other. */
START_TEST(run__finalize_ends_it)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {name: string, note: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n  - copy_type: {from: Dog, to: Pet}\n"
               "  - change_type: {type: Dog, field: note, to: integer, up: \"CAST(note AS INTEGER)\",\n"
               "      down: \"CAST(note AS TEXT)\"}\n");
    put("v2", "Dog", "{\"note\": -3}");
    put("v2", "Pet", "{\"note\": \"b\"}");
    ASSERT_LINE("v2", "Dog", "{\"_key\": \"k\", \"note\": 0}");
    lt_backfill(&t);
    lt_state(&t, "v1", VERSION_GONE);
    put("v2", "Pet", "{\"name\": \"rex\"}");
    ASSERT_LINE("v2", "Dog", "{\"_key\": \"k\", \"name\": \"rex\", \"note\": 0}");
}
END_TEST

/* Of two records with the same values it goes on referring to its own. */
START_TEST(run__an_extracted_record_stays_the_same_one)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {name: string, toys: list<Toy>, breed: string}}\n"
               "objects:\n  Toy: {fields: {kind: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [breed], into: Breed, as: breed}\n");
    put("v1", "Dog", "{}");
    put("v1", "Dog", "{\"breed\": \"pug\"}");
    ck_assert_int_eq(lt_put(&t, "v2", "Breed", "pug", "{\"breed\": \"mops\"}"), 0);
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"breed\": \"mops\"}");
    put("v1", "Dog", "{\"name\": \"rex\", \"breed\": \"mops\"}");
    ASSERT_LINE("v2", "Dog", "{\"_key\": \"k\", \"name\": \"rex\", \"breed\": \"pug\"}");
    put("v1", "Dog", "{\"name\": \"rex\"}");
    ASSERT_LINE("v2", "Dog", "{\"_key\": \"k\", \"name\": \"rex\"}");
    put("v1", "Dog", "{\"name\": \"rex\", \"breed\": \"mops\"}");
    ASSERT_LINE("v2", "Dog", "{\"_key\": \"k\", \"name\": \"rex\", \"breed\": \"pug\"}");
}
END_TEST

/* An object's member is looked up as well: what it finds by now is no change of this text. */
START_TEST(run__what_an_object_refers_to_stays)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {note: string, box: Box}}\nobjects:\n"
               "  Box: {fields: {mate: ref<Dog>}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Box, field: mate, to: string, up: \"mate || '!'\", down: \"mate\"}\n");
    ck_assert_int_eq(lt_put(&t, "v1", "Dog", "b", "{}"), 0);
    put("v1", "Dog", "{}");
    put("v2", "Dog", "{\"box\": {\"mate\": \"c\"}}");
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"box\": {}}");
    lt_rename(&t, "v1", "Dog", "b", "c");
    put("v2", "Dog", "{\"note\": \"n\", \"box\": {\"mate\": \"c\"}}");
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"note\": \"n\", \"box\": {}}");
}
END_TEST

/* The item's part follows from what it writes. */
START_TEST(run__into_another_part_and_back)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {size: integer, home: Box}}\n"
               "objects:\n  Box: {fields: {city: string, age: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Box, field: age, down: \"'new'\"}\n"
               "  - split_type: {type: Dog, into: {Small: \"size < 10\", Large: else}}\n");
    put("v1", "Dog", "{\"size\": 1, \"home\": {\"city\": \"x\", \"age\": \"y\"}}");
    put("v2", "Small", "{\"size\": 20}");
    put("v2", "Small", "{\"size\": 2, \"home\": {\"city\": \"x\"}}");
    ASSERT_LINE("v1", "Dog", "{\"_key\": \"k\", \"size\": 2, \"home\": {\"city\": \"x\", \"age\": \"y\"}}");
}
END_TEST

/* What only a finalized version knew of an object: the object that comes back as it was shown is none that
 * was written, and another type's own bytes stand. */
START_TEST(object__with_what_nobody_shows_any_more_comes_back_as_it_was)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {toy: Toy}}\n"
               "objects:\n  Toy: {fields: {kind: string, age: integer}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n  - remove_field: {type: Toy, field: age}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate: []\n");
    put("v1", "Dog", "{\"toy\": {\"kind\": \"rope\", \"age\": 3}}");
    put("v3", "Dog", "{ \"toy\" : {\"kind\":\"rope\"} }");
    lt_backfill(&t);
    lt_state(&t, "v1", VERSION_GONE);
    put("v2", "Dog", "{\n  \"toy\": {\n    \"kind\": \"rope\"\n  }\n}\n");
    ck_assert_str_eq(lt_get(&t, "v3", "Dog", "k"), "{ \"toy\" : {\"kind\":\"rope\"} }");
}
END_TEST

/* Nobody shows what the only version's field is computed from: an element that comes back has it still. */
START_TEST(object__the_only_version_computes_from_what_nobody_shows)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {toys: list<Toy>}}\n"
               "objects:\n  Toy: {fields: {kind: string, age: integer}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - compute_field: {type: Toy, field: old, as: integer, value: \"age > 2\"}\n"
               "  - remove_field: {type: Toy, field: age}\n");
    put("v1", "Dog", "{\"toys\": [{\"kind\": \"rope\", \"age\": 3}, {\"kind\": \"bone\", \"age\": 5}]}");
    lt_backfill(&t);
    lt_state(&t, "v1", VERSION_GONE);
    put("v2", "Dog", "{\"toys\": [{\"kind\": \"bone\"}]}");
    put("v2", "Dog", "{\"toys\": [{\"kind\": \"rope\"}, {\"kind\": \"bone\"}]}");
    ASSERT_LINE("v2", "Dog",
                "{\"_key\": \"k\", \"toys\": [{\"kind\": \"rope\", \"old\": 1}, {\"kind\": \"bone\", \"old\": 1}]}");
}
END_TEST

START_TEST(object__the_only_version_reads_in_it_what_nobody_shows)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {toys: list<Toy>}}\n"
               "objects:\n  Toy: {fields: {kind: string, age: integer}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - compute_field: {type: Dog, field: old, as: integer, value: \"json_extract(toys, '$[0].age')\"}\n"
               "  - remove_field: {type: Toy, field: age}\n");
    put("v1", "Dog", "{\"toys\": [{\"kind\": \"rope\", \"age\": 3}]}");
    lt_backfill(&t);
    lt_state(&t, "v1", VERSION_GONE);
    put("v2", "Dog", "{\"toys\": []}");
    put("v2", "Dog", "{\"toys\": [{\"kind\": \"rope\"}]}");
    ASSERT_LINE("v2", "Dog", "{\"_key\": \"k\", \"toys\": [{\"kind\": \"rope\"}], \"old\": 3}");
}
END_TEST

START_TEST(run__a_dormant_version_goes_on_with_its_own)
{
    add_parcels();
    put("v1", "Dog", BOTH);
    put("v2", "Dog", OTHER);
    lt_state(&t, "v2", VERSION_DORMANT);
    lt_state(&t, "v2", VERSION_LIVE);
    put("v2", "Dog", FIRST);
    ASSERT_LINE("v1", "Dog", ROPE);
}
END_TEST

/* Writes over a record that has these bytes as what it was before. */
static int put_over(const char *bytes, size_t n, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    const struct version *v = t.entries[1].v;
    struct lens_change change;

    ck_assert_int_eq(record_decode(buf_span(&t.items[0].body), &cur, e), 0);
    ck_assert(record_set(&cur, v->number << RAW_SHAPE_BITS | v->shapes[0]->id, ENTRY_BEFORE,
                         (struct span){bytes, n}));
    int rc = lens_put(&t.lens, v, v->shapes[0], span_of("k"), span_of(FIRST), false, NULL, &cur, &ret,
                      &change, e);
    lens_reset(&t.lens);
    return rc;
}

START_TEST(damaged__is_an_error_and_no_more)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {{"", 0},
                {"\1", 1},
                {"\1\1\20", 3},
                {"\1\1\20\1", 4},
                {"\1\1\20\1\7", 5},
                {"\1\1\20\1\0", 5},
                {"\1\1\20\1\0\5a", 7},
                {"\1\1\20\x7f\0\1a", 7}};
    struct err e = ERR_INIT;
    add_parcels();
    put("v1", "Dog", BOTH);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++, e = (struct err)ERR_INIT) {
        ck_assert_int_eq(put_over(rows[i].bytes, rows[i].n, &e), -1);
        ck_assert_int_eq(e.code, ERR_IO);
        ck_assert_ptr_nonnull(strstr(e.text, "damaged record"));
    }
    ck_assert_int_eq(put_over("\7\1\20", 3, &e), 0); /* of another oldest version: it has ended */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lens_before");
    TCase *tc = tcase_create("translation");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, list__which_element_stays_does_not_depend_on_a_text_between);
    tcase_add_test(tc, list__written_back_as_it_was_it_is_as_it_was);
    tcase_add_test(tc, list__elements_without_what_is_required_go_on);
    tcase_add_test(tc, run__a_backfill_between_does_not_end_it);
    tcase_add_test(tc, run__a_write_by_another_version_ends_it);
    tcase_add_test(tc, run__a_rename_ends_it);
    tcase_add_test(tc, run__a_merged_write_ends_it);
    tcase_add_test(tc, run__finalize_ends_it);
    tcase_add_test(tc, run__an_extracted_record_stays_the_same_one);
    tcase_add_test(tc, run__what_an_object_refers_to_stays);
    tcase_add_test(tc, run__into_another_part_and_back);
    tcase_add_test(tc, object__with_what_nobody_shows_any_more_comes_back_as_it_was);
    tcase_add_test(tc, object__the_only_version_computes_from_what_nobody_shows);
    tcase_add_test(tc, object__the_only_version_reads_in_it_what_nobody_shows);
    tcase_add_test(tc, run__a_dormant_version_goes_on_with_its_own);
    tcase_add_test(tc, damaged__is_an_error_and_no_more);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
