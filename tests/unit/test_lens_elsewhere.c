/* Writes by one version in a row: what each left in other items is taken back before the next. */
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

#define LINE(version, type, key, want) ck_assert_str_eq(lt_line(&t, version, type, key), want "\n")
#define NONE(version, type, key)       ck_assert_str_eq(lt_line(&t, version, type, key), "(none)")
#define PUT(...)                                                                                   \
    ck_assert_msg(lt_put(&t, __VA_ARGS__) == 0, "refused: %s", t.err.text)

static void add_moved(void)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {city: string, owner: ref<Person>}}\n"
               "  Person: {fields: {name: string}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Person", "bob", "{}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n");
    PUT("v1", "Dog", "rex", "{}");
}

START_TEST(move__what_the_first_text_gave_another_item_goes_with_it)
{
    add_moved();
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Rome\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Oslo\", \"owner\": \"bob\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\"}");
    LINE("v2", "Person", "bob", "{\"_key\": \"bob\", \"city\": \"Oslo\"}");
}
END_TEST

START_TEST(move__a_value_that_was_there_comes_back)
{
    add_moved();
    PUT("v2", "Person", "ann", "{\"city\": \"Bonn\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "rex", "{}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Bonn\"}");
}
END_TEST

START_TEST(move__what_another_version_wrote_there_since_stays)
{
    add_moved();
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Rome\"}");
    PUT("v1", "Dog", "rex", "{}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"name\": \"Ann\", \"city\": \"Rome\"}");
}
END_TEST

/* zoe finds there what it would have written, and keeps a value of its own in that era. */
START_TEST(move__what_another_holder_counts_on_stays)
{
    add_moved();
    PUT("v1", "Dog", "zoe", "{\"city\": \"Rome\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "zoe", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "rex", "{}");
    LINE("v1", "Dog", "zoe", "{\"_key\": \"zoe\", \"city\": \"Rome\", \"owner\": \"ann\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Rome\"}");
}
END_TEST

/* Not of what it brought up to date on its way, which stays. */
START_TEST(move__a_first_write_over_the_step_is_taken_back_as_well)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {city: string, owner: ref<Person>}}\n"
               "  Person: {fields: {name: string}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n");
    PUT("v1", "Dog", "rex", "{\"city\": \"Oslo\", \"owner\": \"ann\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Oslo\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Rome\"}");
    PUT("v1", "Dog", "rex", "{}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Rome\"}");
}
END_TEST

static void add_inlined(void)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {name: string, vet: ref<Vet>}}\n"
               "  Vet: {fields: {name: {type: string, required: true}, city: string}}\n");
    PUT("v1", "Vet", "jo", "{\"name\": \"Jo\", \"city\": \"Bonn\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - inline_type: {type: Dog, ref: vet, fields: {name: vet_name, city: vet_city}}\n");
}

/* The first lets go of an item that can't be without a name; the second names it. */
START_TEST(inline__the_second_text_writes_what_it_alone_would_have_written)
{
    add_inlined();
    PUT("v1", "Dog", "rex", "{\"vet\": \"jo\"}");
    PUT("v2", "Dog", "rex", "{}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\"}");
    LINE("v1", "Vet", "jo", "{\"_key\": \"jo\", \"name\": \"Jo\", \"city\": \"Bonn\"}");
    PUT("v2", "Dog", "rex", "{\"vet_name\": \"Al\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"jo\"}");
    LINE("v1", "Vet", "jo", "{\"_key\": \"jo\", \"name\": \"Al\"}");
}
END_TEST

START_TEST(inline__what_the_first_text_made_is_made_anew_or_goes)
{
    add_inlined();
    PUT("v2", "Dog", "rex", "{}");
    PUT("v2", "Dog", "rex", "{\"vet_name\": \"Al\", \"vet_city\": \"Ulm\"}");
    LINE("v1", "Vet", "rex", "{\"_key\": \"rex\", \"name\": \"Al\", \"city\": \"Ulm\"}");
    PUT("v2", "Dog", "rex", "{\"vet_name\": \"Bo\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"rex\"}");
    LINE("v1", "Vet", "rex", "{\"_key\": \"rex\", \"name\": \"Bo\"}");
    NONE("v1", "Vet", "rex~2");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    NONE("v1", "Vet", "rex");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"name\": \"Rex\"}");
}
END_TEST

START_TEST(inline__what_somebody_wrote_since_is_not_made_anew)
{
    add_inlined();
    PUT("v2", "Dog", "rex", "{}");
    PUT("v2", "Dog", "rex", "{\"vet_name\": \"Al\"}");
    PUT("v1", "Vet", "rex", "{\"name\": \"Al\", \"city\": \"Ulm\"}");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    LINE("v1", "Vet", "rex", "{\"_key\": \"rex\", \"name\": \"Al\", \"city\": \"Ulm\"}");
}
END_TEST

/* What rex shows is not what its writer left: somebody else wrote it, in an item that rex had not written. */
START_TEST(run__another_value_seen_over_the_link_ends_it)
{
    add_moved();
    PUT("v1", "Dog", "rex", "{\"owner\": \"ann\"}");
    PUT("v2", "Person", "ann", "{\"city\": \"Rome\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"city\": \"Rome\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Oslo\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\", \"owner\": \"ann\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Rome\"}");
}
END_TEST

/* As little as where the step is extract_type: the text that gives nothing is what rex shows, and writes nothing. */
START_TEST(run__another_value_of_a_record_ends_it)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {city: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [city], into: City, as: city}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Rome\"}");
    PUT("v2", "City", "Rome", "{}");
    PUT("v1", "Dog", "rex", "{\"city\": \"Oslo\"}");
    PUT("v1", "Dog", "rex", "{}");
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"city\": \"Rome\"}");
}
END_TEST

/* Before the run it referred to a record that another version has given the same value since. */
START_TEST(run__another_value_of_the_record_before_it_ends_it)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {breed: string}}\n");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Pug\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [breed], into: Breed, as: breed}\n");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Lab\"}");
    PUT("v2", "Breed", "Pug", "{\"breed\": \"Lab\"}");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Lab\"}");
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"breed\": \"Lab\"}");
}
END_TEST

/* A field that the writer does not see has moved to another item since the run began, and been written there. */
START_TEST(run__what_moved_since_it_began_stays_where_it_is)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {name: string, owner: ref<Person>}}\n"
               "  Person: {fields: {}}\n");
    PUT("v1", "Person", "ann", "{}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: city, as: string}\n"
               "  - split_field: {type: Dog, field: name, into: {call: {as: string, up: name}}, down: call}\n");
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Dog", "rex", "{\"owner\": \"ann\"}");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n");
    lt_backfill(&t);
    PUT("v3", "Person", "ann", "{\"city\": \"Rome\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"owner\": \"ann\"}");
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"call\": \"Rex\", \"owner\": \"ann\", \"city\": \"Rome\"}");
    LINE("v3", "Person", "ann", "{\"_key\": \"ann\", \"city\": \"Rome\"}");
}
END_TEST

/* Writes over rex with these bytes as what its last write left elsewhere. */
static int put_over(struct span bytes, struct err *e)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT, ret RECORD_CLEANUP = RECORD_INIT;
    const struct version *v = t.entries[1].v;
    const struct shape *s = version_shape_named(v, span_of("Dog"));
    struct lens_change change;
    size_t at = 0;

    while (strcmp(t.items[at].key, "rex") != 0)
        at++;
    ck_assert_int_eq(record_decode(buf_span(&t.items[at].body), &cur, e), 0);
    ck_assert_ptr_nonnull(record_find(&cur, v->number << RAW_SHAPE_BITS | s->id, ENTRY_ELSEWHERE));
    ck_assert(record_set(&cur, v->number << RAW_SHAPE_BITS | s->id, ENTRY_ELSEWHERE, bytes));
    int rc = lens_put(&t.lens, v, s, span_of("rex"), span_of("{}"), false, NULL, &cur, &ret, &change, e);
    lens_reset(&t.lens);
    return rc;
}

/* Cut off anywhere but between two items, it is damaged. */
START_TEST(damaged__is_an_error_and_no_more)
{
    struct record cur RECORD_CLEANUP = RECORD_INIT;
    struct buf whole BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t at = 0, head = 10; /* the byte 1, a step, a hash */

    add_inlined();
    PUT("v1", "Dog", "rex", "{\"vet\": \"jo\"}");
    PUT("v2", "Dog", "rex", "{\"vet_name\": \"Al\"}");
    while (strcmp(t.items[at].key, "rex") != 0)
        at++;
    ck_assert_int_eq(record_decode(buf_span(&t.items[at].body), &cur, &e), 0);
    for (size_t i = 0; i < cur.n; i++)
        if (cur.e[i].kind == ENTRY_ELSEWHERE)
            ck_assert(buf_addspan(&whole, cur.e[i].bytes));
    ck_assert_uint_gt(whole.n, head);
    for (size_t n = 1; n < whole.n; n++, e = (struct err)ERR_INIT) {
        int rc = put_over((struct span){whole.p, n}, &e);
        ck_assert_int_eq(rc, n == head ? 0 : -1);
        ck_assert(n == head || (e.code == ERR_IO && strstr(e.text, "damaged record")));
    }
    ck_assert_int_eq(put_over(buf_span(&whole), &e), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lens_elsewhere");
    TCase *tc = tcase_create("translation");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, move__what_the_first_text_gave_another_item_goes_with_it);
    tcase_add_test(tc, move__a_value_that_was_there_comes_back);
    tcase_add_test(tc, move__what_another_version_wrote_there_since_stays);
    tcase_add_test(tc, move__what_another_holder_counts_on_stays);
    tcase_add_test(tc, move__a_first_write_over_the_step_is_taken_back_as_well);
    tcase_add_test(tc, inline__the_second_text_writes_what_it_alone_would_have_written);
    tcase_add_test(tc, inline__what_the_first_text_made_is_made_anew_or_goes);
    tcase_add_test(tc, inline__what_somebody_wrote_since_is_not_made_anew);
    tcase_add_test(tc, run__another_value_seen_over_the_link_ends_it);
    tcase_add_test(tc, run__another_value_of_a_record_ends_it);
    tcase_add_test(tc, run__another_value_of_the_record_before_it_ends_it);
    tcase_add_test(tc, run__what_moved_since_it_began_stays_where_it_is);
    tcase_add_test(tc, damaged__is_an_error_and_no_more);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
