/* Checks: on what steps compute, inside objects, and those that an undamaged item may fail. */
#include "lens_world.h"

#include <check.h>
#include <stdio.h>

#include "store/verify_except.h"

static struct lens_test t;

static void setup(void)
{
    lt_init(&t);
}
static void teardown(void)
{
    lt_free(&t);
}

#define ASSERT_LINE(v, key, want) ck_assert_str_eq(lt_line(&t, v, "Dog", key), want "\n")
#define ASSERT_PUT(v, key, json)                                                                   \
    ck_assert_msg(lt_put(&t, v, "Dog", key, json) == 0, "refused: %s", t.err.text)

static void assert_refused(const char *version, const char *key, const char *text, const char *want)
{
    ck_assert_msg(lt_put(&t, version, "Dog", key, text) == -1, "accepted: %s", text);
    ck_assert_int_eq(t.err.code, ERR_INVALID);
    ck_assert_str_eq(t.err.text, want);
}

/* ---- What steps compute ---- */

static const char weights[] = "version: v1\ntypes:\n  Dog: {fields: {w: string, note: string}}\n";

/* v1's text of a weight, and v2's where it has to be between 1 and 99. */
static void write_weights(void)
{
    static const struct {
        const char *text, *v2;
    } rows[] = {
        {"{\"w\": \"7\"}", "{\"_key\": \"rex\", \"w\": 7}\n"},
        {"{\"w\": \"-4\"}", "{\"_key\": \"rex\", \"w\": 5}\n"},
        {"{\"w\": \"99\"}", "{\"_key\": \"rex\", \"w\": 99}\n"},
        {"{\"w\": \"100\"}", "{\"_key\": \"rex\", \"w\": 5}\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ASSERT_PUT("v1", "rex", rows[i].text);
        ck_assert_str_eq(lt_line(&t, "v2", "Dog", "rex"), rows[i].v2);
        lt_backfill(&t);
        ck_assert_str_eq(lt_line(&t, "v2", "Dog", "rex"), rows[i].v2);
        ck_assert_str_eq(lt_get(&t, "v1", "Dog", "rex"), rows[i].text);
    }
}

static const char checked[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - change_type: {type: Dog, field: w, to: {type: integer, default: 5, check: \"w > 0 AND w < "
    "100\"}, up: \"CAST(w AS INTEGER)\", down: \"CAST(w AS TEXT)\"}\n";

START_TEST(up__a_result_that_fails_its_check_becomes_the_default)
{
    lt_add(&t, weights);
    ASSERT_PUT("v1", "old", "{\"w\": \"-1\"}");
    lt_add(&t, checked);
    ASSERT_LINE("v2", "old", "{\"_key\": \"old\", \"w\": 5}");
    write_weights();
}
END_TEST

/* The older side keeps what the newer one can't show, also when that is written. */
START_TEST(up__what_the_check_hides_is_kept)
{
    lt_add(&t, weights);
    lt_add(&t, checked);
    ASSERT_PUT("v1", "rex", "{\"w\": \"-4\", \"note\": \"a\"}");
    ASSERT_PUT("v2", "rex", "{\"w\": 5, \"note\": \"b\"}");
    ASSERT_LINE("v1", "rex", "{\"_key\": \"rex\", \"w\": \"-4\", \"note\": \"b\"}");
    ASSERT_PUT("v2", "rex", "{\"w\": 6, \"note\": \"b\"}");
    ASSERT_LINE("v1", "rex", "{\"_key\": \"rex\", \"w\": \"6\", \"note\": \"b\"}");
}
END_TEST

START_TEST(up__of_a_new_field_and_without_a_default)
{
    lt_add(&t, weights);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: n, as: {type: integer, check: \"n > 0\"}, up: "
               "\"CAST(w AS INTEGER)\"}\n");
    ASSERT_PUT("v1", "rex", "{\"w\": \"-4\"}");
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"w\": \"-4\"}");
    ASSERT_PUT("v1", "rex", "{\"w\": \"4\"}");
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"w\": \"4\", \"n\": 4}");
}
END_TEST

START_TEST(down__a_result_that_fails_the_older_check_becomes_the_older_default)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {w: {type: string, default: \"1\", check: "
               "\"length(w) < 3\"}}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Dog, field: w, to: integer, up: \"CAST(w AS INTEGER)\", "
               "down: \"CAST(w AS TEXT)\"}\n");
    ASSERT_PUT("v2", "rex", "{\"w\": 1234}");
    ASSERT_LINE("v1", "rex", "{\"_key\": \"rex\", \"w\": \"1\"}");
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"w\": 1234}");
    ASSERT_PUT("v2", "rex", "{\"w\": 12}");
    ASSERT_LINE("v1", "rex", "{\"_key\": \"rex\", \"w\": \"12\"}");
}
END_TEST

START_TEST(up__an_object_that_fails_a_check_inside_does_not_fit)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {zip: string}}\nobjects:\n"
               "  Address: {fields: {zip: {type: string, check: \"length(zip) = 5\"}}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: home, as: Address, up: \"json_object('zip', "
               "zip)\"}\n");
    ASSERT_PUT("v1", "rex", "{\"zip\": \"12345\"}");
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"zip\": \"12345\", \"home\": {\"zip\": \"12345\"}}");
    ASSERT_PUT("v1", "max", "{\"zip\": \"1\"}");
    ASSERT_LINE("v2", "max", "{\"_key\": \"max\", \"zip\": \"1\"}");
}
END_TEST

/* A check that reads other fields stands as an add_check of its own behind the step. */
START_TEST(up__a_check_over_several_fields_follows_all_of_them)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {a: integer, b: integer}}\n");
    ASSERT_PUT("v1", "old", "{\"a\": 5, \"b\": 1}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: n, as: {type: integer, default: 99, check: \"n > "
               "a\"}, up: b}\n");
    ASSERT_LINE("v2", "old", "{\"_key\": \"old\", \"a\": 5, \"b\": 1, \"n\": 99}");
    ASSERT_PUT("v2", "rex", "{\"a\": 1, \"n\": 2}");
    ASSERT_PUT("v1", "rex", "{\"a\": 3}");
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"a\": 3, \"n\": 99}");
    ASSERT_PUT("v1", "rex", "{\"a\": 1}"); /* what was hidden comes back */
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"a\": 1, \"n\": 2}");
    assert_refused("v2", "rex", "{\"a\": 1, \"n\": 0}", "Dog.n: check \"n > a\" does not hold");
    lt_backfill(&t);
    ASSERT_LINE("v2", "old", "{\"_key\": \"old\", \"a\": 5, \"b\": 1, \"n\": 99}");
}
END_TEST

/* ---- Inside objects ---- */

static const char houses[] =
    "version: v1\ntypes:\n"
    "  Dog: {fields: {name: string, home: House, all: list<House>, by: map<House>}}\nobjects:\n"
    "  House: {fields: {zip: string, door: Door}}\n"
    "  Door: {fields: {n: {type: integer, default: 1, check: \"n > 0\"}}}\n";

START_TEST(inside__every_object_keeps_its_checks)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{\"home\": {\"door\": {\"n\": 0}}}", "Dog.home.door.n: check \"n > 0\" does not hold"},
        {"{\"all\": [{}, {\"door\": {\"n\": -1}}]}",
         "Dog.all[1].door.n: check \"n > 0\" does not hold"},
        {"{\"by\": {\"a\": {\"door\": {\"n\": -1}}}}",
         "Dog.by.a.door.n: check \"n > 0\" does not hold"},
    };
    lt_add(&t, houses);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused("v1", "rex", rows[i].text, rows[i].want);
    ASSERT_PUT("v1", "rex", "{\"home\": {\"door\": {}}, \"all\": [{\"door\": {\"n\": 2}}], "
                            "\"by\": {\"a\": {\"door\": {\"n\": null}}}}");
}
END_TEST

/* A value that fails already (an older version wrote it, and the mend does not mend it) may stay, and
 * may be somewhere else in its list. */
START_TEST(inside__what_failed_before_may_stay)
{
    lt_add(&t, houses);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_check: {type: House, check: \"zip <> '2'\", up: zip}\n");
    ASSERT_PUT("v1", "rex", "{\"all\": [{\"zip\": \"1\"}, {\"zip\": \"2\"}]}");
    ASSERT_PUT("v2", "rex", "{\"name\": \"Rex\", \"all\": [{\"zip\": \"1\"}, {\"zip\": \"2\"}]}");
    ASSERT_PUT("v2", "rex", "{\"all\": [{\"zip\": \"2\", \"door\": {\"n\": 3}}]}");
    ASSERT_PUT("v2", "rex", "{\"all\": [{\"zip\": \"3\"}]}");
    assert_refused("v2", "rex", "{\"all\": [{\"zip\": \"2\"}]}",
                   "Dog.all[0]: check \"zip <> '2'\" does not hold");
}
END_TEST

/* Likewise what it lacks: other elements can be written, and more of this one. */
START_TEST(inside__what_lacked_a_member_may_go_on_lacking_it)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {all: list<House>}}\n"
               "objects:\n  House: {fields: {zip: string, n: integer}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - require_field: {type: House, field: zip, up: \"CASE WHEN n > 9 THEN 'x' END\"}\n");
    ASSERT_PUT("v1", "rex", "{\"all\": [{\"n\": 0}]}");
    ASSERT_PUT("v2", "rex", "{\"all\": [{\"zip\": \"3\"}, {\"n\": 1}]}");
    ASSERT_LINE("v1", "rex", "{\"_key\": \"rex\", \"all\": [{\"zip\": \"3\"}, {\"n\": 1}]}");
    assert_refused("v2", "rex", "{\"all\": [{\"zip\": null}]}", "Dog.all[0].zip: null is not a string");
    ASSERT_PUT("v2", "rex", "{\"all\": [{\"zip\": \"3\"}]}");
    assert_refused("v2", "rex", "{\"all\": [{\"n\": 1}]}", "Dog.all[0]: the field \"zip\" is required");
}
END_TEST

/* A step that only moves the object does not hide it for that. */
START_TEST(inside__what_lacks_a_member_moves_with_its_object)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: House}}\n"
               "objects:\n  House: {fields: {zip: string, n: integer}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - require_field: {type: House, field: zip, up: \"CASE WHEN n > 9 THEN 'x' END\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n  - wrap_list: {type: Dog, field: home}\n");
    ASSERT_PUT("v1", "rex", "{\"home\": {\"n\": 1}}");
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"home\": {\"n\": 1}}");
    ASSERT_LINE("v3", "rex", "{\"_key\": \"rex\", \"home\": [{\"n\": 1}]}");
    ASSERT_PUT("v3", "rex", "{\"home\": [{\"n\": 2}, {\"zip\": \"3\"}]}");
    ASSERT_LINE("v1", "rex", "{\"_key\": \"rex\", \"home\": {\"n\": 2}}");
}
END_TEST

START_TEST(inside__what_was_null_may_go_on_being_that)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {all: map<House>}}\n"
               "objects:\n  House: {fields: {zip: string, n: integer}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: House, field: zip, to: {type: string, required: true, default: d}}\n");
    ASSERT_PUT("v1", "rex", "{\"all\": {\"a\": {\"zip\": null}}}");
    ASSERT_PUT("v2", "rex", "{\"all\": {\"a\": {\"zip\": \"1\"}, \"b\": {\"zip\": null, \"n\": 1}}}");
    ASSERT_LINE("v1", "rex",
                "{\"_key\": \"rex\", \"all\": {\"a\": {\"zip\": \"1\"}, \"b\": {\"zip\": null, \"n\": 1}}}");
    ASSERT_PUT("v2", "rex", "{\"all\": {\"a\": {}}}");
    assert_refused("v2", "rex", "{\"all\": {\"a\": {\"zip\": null}}}", "Dog.all.a.zip: null is not a string");
}
END_TEST

START_TEST(inside__the_mend_of_an_object_is_shown)
{
    lt_add(&t, houses);
    ASSERT_PUT("v1", "rex", "{\"home\": {\"zip\": \"2\"}}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_check: {type: House, check: \"zip <> '2'\", up: \"'3'\"}\n");
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"home\": {\"zip\": \"3\"}}");
    assert_refused("v2", "rex", "{\"home\": {\"zip\": \"2\"}}",
                   "Dog.home: check \"zip <> '2'\" does not hold");
}
END_TEST

/* ---- What a mend is not for ---- */

/* Unset, null and a number's text stay what they are where the check holds or is unknown: v2's text, and
 * v3's, which has another default. */
START_TEST(mend__what_passes_is_as_it_was)
{
    static const struct {
        const char *text, *v2, *v3;
    } rows[] = {
        {"{}", "{\"_key\": \"rex\", \"n\": 3}\n", "{\"_key\": \"rex\", \"n\": 4}\n"},
        {"{\"n\": null}", "{\"_key\": \"rex\", \"n\": null}\n", "{\"_key\": \"rex\", \"n\": null}\n"},
        {"{\"n\": 3}", "{\"_key\": \"rex\", \"n\": 3}\n", "{\"_key\": \"rex\", \"n\": 3}\n"},
        {"{\"n\": 1.50}", "{\"_key\": \"rex\", \"n\": 1.50}\n", "{\"_key\": \"rex\", \"n\": 1.50}\n"},
        {"{\"n\": -7}", "{\"_key\": \"rex\", \"n\": 7}\n", "{\"_key\": \"rex\", \"n\": 7}\n"},
    };

    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {n: {type: number, default: 3}}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_check: {type: Dog, check: \"n > 0\", up: \"abs(n)\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - change_default: {type: Dog, field: n, default: 4}\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ASSERT_PUT("v1", "rex", rows[i].text);
        ck_assert_str_eq(lt_line(&t, "v2", "Dog", "rex"), rows[i].v2);
        ck_assert_str_eq(lt_line(&t, "v3", "Dog", "rex"), rows[i].v3);
        lt_backfill(&t);
        ck_assert_str_eq(lt_line(&t, "v3", "Dog", "rex"), rows[i].v3);
        ck_assert_str_eq(lt_get(&t, "v1", "Dog", "rex"), rows[i].text);
    }
}
END_TEST

/* A step that converts makes unset of unset, so a later version's default is the one that it shows. */
START_TEST(unset__is_converted_to_unset)
{
    static const char v2[] = "{\"_key\": \"rex\", \"s\": \"ex\", \"n\": \"1\", \"w\": [\"k\"], \"q\": \"K\"}\n";
    static const char v3[] = "{\"_key\": \"rex\", \"s\": \"y\", \"n\": \"2\", \"w\": [\"ww\"], \"q\": \"QQ\"}\n";

    lt_add(&t, "version: v1\ntypes:\n  Dog:\n    fields:\n"
               "      s: {type: S, default: x}\n"
               "      n: {type: integer, default: 1}\n"
               "      w: {type: string, default: k}\n"
               "      q: {type: string, default: k}\n"
               "enums: {S: [x, y]}\n");
    ASSERT_PUT("v1", "rex", "{}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - rename_value: {enum: S, from: x, to: ex}\n"
               "  - change_type: {type: Dog, field: n, to: {type: string, default: \"1\"}}\n"
               "  - wrap_list: {type: Dog, field: w}\n"
               "  - change_type: {type: Dog, field: q, to: {type: string, default: K}, up: \"upper(q)\", "
               "down: \"lower(q)\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - change_default: {type: Dog, field: s, default: y}\n"
               "  - change_default: {type: Dog, field: n, default: \"2\"}\n"
               "  - change_default: {type: Dog, field: w, default: [ww]}\n"
               "  - change_default: {type: Dog, field: q, default: QQ}\n");
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(lt_line(&t, "v2", "Dog", "rex"), v2);
        ck_assert_str_eq(lt_line(&t, "v3", "Dog", "rex"), v3);
        lt_backfill(&t);
    }
    ASSERT_PUT("v1", "rex", "{ }");
    ck_assert_str_eq(lt_line(&t, "v3", "Dog", "rex"), v3);
}
END_TEST

/* Inside an object, too, an expression reads what is shown, and a conversion what is there. */
START_TEST(unset__in_an_object_its_default_is_read)
{
    static const char v2[] = "{\"_key\": \"rex\", \"home\": {\"zip\": \"0\"}, \"last\": \"0\", \"seed\": \"0\"}\n";

    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: Home}}\n"
               "objects:\n  Home: {fields: {zip: {type: string, default: \"0\"}}}\n");
    ASSERT_PUT("v1", "rex", "{\"home\": {}}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - compute_field: {type: Dog, field: last, as: string, value: \"json_extract(home, '$.zip')\"}\n"
               "  - add_field: {type: Dog, field: seed, as: string, up: \"json_extract(home, '$.zip')\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - change_type: {type: Dog, field: home, to: string, up: \"json_extract(home, '$.zip')\", "
               "down: \"json_object('zip', home)\"}\n");
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(lt_line(&t, "v2", "Dog", "rex"), v2);
        ck_assert_str_eq(lt_line(&t, "v3", "Dog", "rex"), "{\"_key\": \"rex\", \"last\": \"0\", \"seed\": \"0\"}\n");
        lt_backfill(&t);
    }
}
END_TEST

START_TEST(mend__null_in_an_object_is_as_it_was)
{
    lt_add(&t, houses);
    ASSERT_PUT("v1", "rex", "{\"home\": {\"zip\": null}}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_check: {type: House, check: \"zip <> '2'\", up: \"'3'\"}\n");
    ASSERT_LINE("v2", "rex", "{\"_key\": \"rex\", \"home\": {\"zip\": null}}");
}
END_TEST

/* ---- Checks that an undamaged item may fail ---- */

#define OF_A     0 /* numbers of checks: a, b, c are the fields of Dog */
#define OF_B     1
#define OF_TYPE  3

static bool excepts(const char *version, size_t check)
{
    const struct version *v = catalog_version(t.cat, span_of(version));

    ck_assert_ptr_nonnull(v);
    return verify_excepts(t.cat, version_shape_named(v, span_of("Dog")), check);
}

static const char abc[] =
    "version: v1\ntypes:\n  Dog: {fields: {a: {type: integer, check: \"a > 0\"}, "
    "b: {type: integer, check: \"b > a\"}, c: {type: integer, default: 1}}}\n";

START_TEST(except__none_where_every_version_has_the_check)
{
    lt_add(&t, abc);
    ck_assert(!excepts("v1", OF_A) && !excepts("v1", OF_B));
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - rename_field: {type: Dog, from: a, to: x}\n"
               "  - rename_field: {type: Dog, from: b, to: a}\n"
               "  - rename_field: {type: Dog, from: x, to: b}\n"
               "  - rename_type: {from: Dog, to: Hound}\n"
               "  - add_type: {type: Dog, fields: {a: {type: integer, check: \"a > 7\"}}}\n");
    ck_assert(!excepts("v1", OF_A) && !excepts("v1", OF_B));
}
END_TEST

START_TEST(except__what_another_version_writes_without_it)
{
    lt_add(&t, abc);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_check: {type: Dog, check: \"a > 0\"}\n"
               "  - add_check: {type: Dog, check: \"c > a\", up: {c: \"a + 1\"}}\n");
    ck_assert(excepts("v1", OF_A));
    ck_assert(!excepts("v1", OF_B));
    ck_assert(excepts("v2", OF_TYPE));
    lt_state(&t, "v1", VERSION_GONE);
    ck_assert(excepts("v2", OF_TYPE));
}
END_TEST

START_TEST(except__another_default_a_reference_a_key)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {a: {type: integer, default: 3, check: \"a < "
               "9\"}, b: {type: ref<Dog>, on_delete: unset, check: \"b IS NOT NULL\"}, c: {type: "
               "string, check: \"c <> _key\"}}}\n");
    ck_assert(!excepts("v1", OF_A));
    ck_assert(excepts("v1", OF_B));
    ck_assert(excepts("v1", OF_B + 1));
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_default: {type: Dog, field: a, default: 4}\n");
    ck_assert(excepts("v1", OF_A));
}
END_TEST

START_TEST(except__formulas_look_at_a_fields_own_check)
{
    lt_add(&t, weights);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: n, as: {type: integer, check: \"n > 0\"}, up: "
               "\"length(w)\"}\n");
    ck_assert(!excepts("v2", 2));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("checks");
    TCase *tc = tcase_create("checks");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, up__a_result_that_fails_its_check_becomes_the_default);
    tcase_add_test(tc, up__what_the_check_hides_is_kept);
    tcase_add_test(tc, up__of_a_new_field_and_without_a_default);
    tcase_add_test(tc, down__a_result_that_fails_the_older_check_becomes_the_older_default);
    tcase_add_test(tc, up__an_object_that_fails_a_check_inside_does_not_fit);
    tcase_add_test(tc, up__a_check_over_several_fields_follows_all_of_them);
    tcase_add_test(tc, inside__every_object_keeps_its_checks);
    tcase_add_test(tc, inside__what_failed_before_may_stay);
    tcase_add_test(tc, inside__what_lacked_a_member_may_go_on_lacking_it);
    tcase_add_test(tc, inside__what_lacks_a_member_moves_with_its_object);
    tcase_add_test(tc, inside__what_was_null_may_go_on_being_that);
    tcase_add_test(tc, inside__the_mend_of_an_object_is_shown);
    tcase_add_test(tc, mend__what_passes_is_as_it_was);
    tcase_add_test(tc, unset__is_converted_to_unset);
    tcase_add_test(tc, unset__in_an_object_its_default_is_read);
    tcase_add_test(tc, mend__null_in_an_object_is_as_it_was);
    tcase_add_test(tc, except__none_where_every_version_has_the_check);
    tcase_add_test(tc, except__what_another_version_writes_without_it);
    tcase_add_test(tc, except__another_default_a_reference_a_key);
    tcase_add_test(tc, except__formulas_look_at_a_fields_own_check);
    suite_add_tcase(s, tc);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
