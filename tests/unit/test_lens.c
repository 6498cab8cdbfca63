/* Translation: one item through several versions. */
#include "lens_world.h"

#include <check.h>
#include <stdio.h>

static struct lens_test t;

static void setup(void)
{
    lt_init(&t);
}
static void teardown(void)
{
    lt_free(&t);
}

#define ASSERT_LINE(v, type, key, want) ck_assert_str_eq(lt_line(&t, v, type, key), want "\n")
#define ASSERT_PUT(...)                                                                            \
    do {                                                                                           \
        int rc_ = lt_put(&t, __VA_ARGS__);                                                         \
        ck_assert_msg(rc_ == 0, "refused: %s", t.err.text);                                        \
    } while (0)

static const char dogs[] = "version: v1\n"
                           "types:\n"
                           "  Dog:\n"
                           "    fields:\n"
                           "      name: {type: string, required: true}\n"
                           "      breed: string\n"
                           "      age: {type: integer, default: 0, check: \"age >= 0\"}\n"
                           "      status: string\n"
                           "      note: string\n";

START_TEST(text__canonical_in_schema_order)
{
    lt_add(&t, dogs);
    ASSERT_PUT("v1", "Dog", "rex", "{\"breed\":\"Beagle\",\"name\":\"Rex\"}");
    ck_assert_str_eq(lt_get(&t, "v1", "Dog", "rex"), "{\"breed\":\"Beagle\",\"name\":\"Rex\"}");
    ASSERT_LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"name\": \"Rex\", \"breed\": \"Beagle\", \"age\": 0}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - rename_field: {type: Dog, from: name, to: call_name}\n");
    ck_assert_str_eq(lt_get(&t, "v2", "Dog", "rex"),
                     "{\n  \"call_name\": \"Rex\",\n  \"breed\": \"Beagle\",\n  \"age\": 0\n}\n");
    ASSERT_PUT("v2", "Dog", "rex", "{\"call_name\": \"Max\", \"age\": 7}");
    ck_assert_str_eq(lt_get(&t, "v1", "Dog", "rex"), "{\n  \"name\": \"Max\",\n  \"age\": 7\n}\n");
}
END_TEST

START_TEST(put__refusals_name_the_field)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{\"nme\": \"Rex\"}", "nme"},
        {"{\"name\": 1}", "Dog.name"},
        {"{\"breed\": \"x\"}", "Dog.name is required"},
        {"{\"name\": \"x\", \"age\": \"old\"}", "Dog.age"},
        {"{\"name\": \"x\", \"age\": -1}", "check"},
        {"[]", "an object"},
    };
    lt_add(&t, dogs);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(lt_put(&t, "v1", "Dog", "rex", rows[i].text) == -1, "%s", rows[i].text);
        ck_assert_msg(strstr(t.err.text, rows[i].want) != NULL, "%s: %s", rows[i].text, t.err.text);
        ck_assert_str_eq(lt_get(&t, "v1", "Dog", "rex"), "(none)");
    }
}
END_TEST

static const char linked[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - change_type: {type: Dog, field: status, to: string, up: status,\n"
    "      down: \"CASE WHEN status = 'cancelled' THEN 'pending' ELSE status END\"}\n";

START_TEST(linked__edit_of_another_field_keeps_what_is_hidden)
{
    lt_add(&t, dogs);
    lt_add(&t, linked);
    ASSERT_PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"cancelled\"}");
    ASSERT_LINE("v1", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"age\": 0, \"status\": \"pending\"}");
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"pending\", \"note\": \"n\"}");
    ASSERT_LINE("v2", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"age\": 0, \"status\": \"cancelled\", \"note\": \"n\"}");
}
END_TEST

START_TEST(linked__a_b_a_shows_the_hidden_value_again)
{
    lt_add(&t, dogs);
    lt_add(&t, linked);
    ASSERT_PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"cancelled\"}");
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"active\"}");
    ASSERT_LINE("v2", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"age\": 0, \"status\": \"active\"}");
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"pending\"}");
    ASSERT_LINE("v2", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"age\": 0, \"status\": \"cancelled\"}");
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"active\"}");
    ASSERT_PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"other\"}");
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"pending\"}");
    ASSERT_LINE("v2", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"age\": 0, \"status\": \"pending\"}");
}
END_TEST

START_TEST(seeded__explicit_write_wins_for_good)
{
    lt_add(&t, dogs);
    ASSERT_PUT("v1", "Dog", "old", "{\"name\": \"Old\", \"breed\": \"wire fox\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: coat, as: string,\n"
               "      up: \"CASE WHEN breed LIKE '%wire%' THEN 'wire' ELSE 'plain' END\"}\n");
    ASSERT_LINE("v2", "Dog", "old",
                "{\"_key\": \"old\", \"name\": \"Old\", \"breed\": \"wire fox\", \"age\": 0, \"coat\": \"wire\"}");
    ASSERT_PUT("v1", "Dog", "old", "{\"name\": \"Old\", \"breed\": \"pug\"}");
    ASSERT_LINE("v2", "Dog", "old",
                "{\"_key\": \"old\", \"name\": \"Old\", \"breed\": \"pug\", \"age\": 0, \"coat\": \"plain\"}");
    ASSERT_PUT("v2", "Dog", "old", "{\"name\": \"Old\", \"breed\": \"pug\", \"coat\": \"odd\"}");
    ASSERT_PUT("v1", "Dog", "old", "{\"name\": \"Old\", \"breed\": \"wire\"}");
    ASSERT_LINE("v2", "Dog", "old",
                "{\"_key\": \"old\", \"name\": \"Old\", \"breed\": \"wire\", \"age\": 0, \"coat\": \"odd\"}");
}
END_TEST

START_TEST(removed_field__kept_and_seeded_for_new_items)
{
    lt_add(&t, dogs);
    ASSERT_PUT("v1", "Dog", "a", "{\"name\": \"A\", \"note\": \"kept\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Dog, field: note, down: \"'by ' || name\"}\n");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"AA\"}");
    ASSERT_PUT("v2", "Dog", "b", "{\"name\": \"B\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"AA\", \"age\": 0, \"note\": \"kept\"}");
    ASSERT_LINE("v1", "Dog", "b", "{\"_key\": \"b\", \"name\": \"B\", \"age\": 0, \"note\": \"by B\"}");
}
END_TEST

static const char extracted[] = "version: v2\nfrom: v1\nmigrate:\n"
                                "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n";

START_TEST(extract__reads_and_writes_through_the_reference)
{
    lt_add(&t, dogs);
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Beagle\"}");
    ASSERT_PUT("v1", "Dog", "max", "{\"name\": \"Max\", \"breed\": \"Beagle\"}");
    lt_add(&t, extracted);
    ASSERT_LINE("v2", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"breed\": \"Beagle\", \"age\": 0}");
    lt_backfill(&t);
    ASSERT_LINE("v2", "Breed", "Beagle", "{\"_key\": \"Beagle\", \"name\": \"Beagle\"}");
    ASSERT_LINE("v1", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"breed\": \"Beagle\", \"age\": 0}");
    ASSERT_PUT("v2", "Breed", "Beagle", "{\"name\": \"Beagle!\"}");
    ASSERT_LINE("v1", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"breed\": \"Beagle!\", \"age\": 0}");
    ASSERT_PUT("v1", "Dog", "max", "{\"name\": \"Max\", \"breed\": \"Pug\"}");
    ASSERT_LINE("v2", "Dog", "max",
                "{\"_key\": \"max\", \"name\": \"Max\", \"breed\": \"Pug\", \"age\": 0}");
    ASSERT_PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Pug\"}");
    ASSERT_LINE("v1", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"breed\": \"Pug\", \"age\": 0}");
    ck_assert_int_eq(lt_put(&t, "v2", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Nope\"}"), -1);
}
END_TEST

START_TEST(chain__value_steps_over_an_extracted_field)
{
    lt_add(&t, dogs);
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"beagle\"}");
    lt_add(&t, "version: v1b\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Dog, field: breed, to: string, up: \"upper(breed)\", down: \"lower(breed)\"}\n");
    lt_add(&t, "version: v2\nfrom: v1b\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n");
    lt_backfill(&t);
    ASSERT_LINE("v2", "Breed", "BEAGLE", "{\"_key\": \"BEAGLE\", \"name\": \"BEAGLE\"}");
    ASSERT_PUT("v2", "Breed", "BEAGLE", "{\"name\": \"PUG\"}");
    ASSERT_LINE("v1", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"breed\": \"pug\", \"age\": 0}");
    ASSERT_PUT("v2", "Breed", "BEAGLE", "{\"name\": \"BEAGLE\"}");
    ASSERT_LINE("v1", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"breed\": \"beagle\", \"age\": 0}");
}
END_TEST

START_TEST(revert__woken_version_has_its_values)
{
    lt_add(&t, dogs);
    lt_add(&t, linked);
    ASSERT_PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"cancelled\"}");
    lt_state(&t, "v2", VERSION_DORMANT);
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"status\": \"pending\", \"note\": \"x\"}");
    lt_state(&t, "v2", VERSION_LIVE);
    ASSERT_LINE("v2", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"age\": 0, \"status\": \"cancelled\", \"note\": \"x\"}");
}
END_TEST

START_TEST(merge__two_writers_of_different_fields)
{
    struct buf base;
    lt_add(&t, dogs);
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Pug\"}");
    lt_open(&t, "v1", "Dog", "rex", &base);
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Fox\"}");
    ck_assert_int_eq(lt_put_base(&t, "v1", "Dog", "rex", "{\"name\": \"Max\", \"breed\": \"Pug\"}", &base), 0);
    ASSERT_LINE("v1", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Max\", \"breed\": \"Fox\", \"age\": 0}");
    buf_free(&base);
}
END_TEST

START_TEST(copy_type__shared_fields_reach_each_other)
{
    lt_add(&t, "version: v1\ntypes:\n  Users: {fields: {email: string}}\n");
    ASSERT_PUT("v1", "Users", "u", "{\"email\": \"a@b\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - copy_type: {from: Users, to: Users2}\n"
               "  - change_type: {type: Users2, field: email, to: string, up: \"upper(email)\", down: \"lower(email)\"}\n"
               "  - add_field: {type: Users2, field: own, as: string}\n");
    ASSERT_LINE("v2", "Users2", "u", "{\"_key\": \"u\", \"email\": \"A@B\"}");
    ASSERT_PUT("v2", "Users2", "u", "{\"email\": \"X@Y\", \"own\": \"o\"}");
    ASSERT_LINE("v2", "Users", "u", "{\"_key\": \"u\", \"email\": \"x@y\"}");
    ASSERT_LINE("v1", "Users", "u", "{\"_key\": \"u\", \"email\": \"x@y\"}");
    ASSERT_PUT("v2", "Users", "u", "{\"email\": \"q@r\"}");
    ASSERT_LINE("v2", "Users2", "u", "{\"_key\": \"u\", \"email\": \"Q@R\", \"own\": \"o\"}");
    ASSERT_LINE("v1", "Users", "u", "{\"_key\": \"u\", \"email\": \"q@r\"}");
}
END_TEST

START_TEST(objects__unseen_parts_survive_a_write)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: Address, homes: list<Address>}}\n"
               "objects:\n  Address: {fields: {street: string, city: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - rename_field: {type: Address, from: street, to: road}\n"
               "  - add_field: {type: Address, field: zip, as: string}\n");
    ASSERT_PUT("v2", "Dog", "d", "{\"home\": {\"road\": \"r\", \"city\": \"c\", \"zip\": \"1\"},"
               "\"homes\": [{\"road\": \"x\", \"zip\": \"2\"}, {\"road\": \"y\", \"zip\": \"3\"}]}");
    ASSERT_LINE("v1", "Dog", "d", "{\"_key\": \"d\", \"home\": {\"street\": \"r\", \"city\": \"c\"}, "
                "\"homes\": [{\"street\": \"x\"}, {\"street\": \"y\"}]}");
    ASSERT_PUT("v1", "Dog", "d", "{\"home\": {\"street\": \"r2\"}, \"homes\": [{\"street\": \"y\"}]}");
    ASSERT_LINE("v2", "Dog", "d", "{\"_key\": \"d\", \"home\": {\"road\": \"r2\", \"zip\": \"1\"}, "
                "\"homes\": [{\"road\": \"y\", \"zip\": \"3\"}]}");
}
END_TEST

START_TEST(default__shown_and_written_stay_apart)
{
    lt_add(&t, dogs);
    ASSERT_PUT("v1", "Dog", "a", "{\"name\": \"A\"}");
    ASSERT_PUT("v1", "Dog", "b", "{\"name\": \"B\", \"age\": 0}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_default: {type: Dog, field: age, default: 5}\n");
    ASSERT_LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"name\": \"A\", \"age\": 5}");
    ASSERT_LINE("v2", "Dog", "b", "{\"_key\": \"b\", \"name\": \"B\", \"age\": 0}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"AA\", \"age\": 5}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"AA\", \"age\": 0}");
}
END_TEST

START_TEST(extract__an_edit_of_the_record_shows_in_items_from_before)
{
    lt_add(&t, dogs);
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"beagle\"}");
    lt_add(&t, "version: v1b\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Dog, field: breed, to: string, up: \"upper(breed)\", down: "
               "\"lower(breed)\"}\n");
    lt_add(&t, "version: v2\nfrom: v1b\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n");
    ASSERT_PUT("v1", "Dog", "max", "{\"name\": \"Max\", \"breed\": \"beagle\"}");
    ASSERT_PUT("v2", "Breed", "BEAGLE", "{\"name\": \"HOUND\"}");
    ASSERT_LINE("v1b", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"Rex\", \"breed\": \"HOUND\", \"age\": 0}");
    ck_assert_str_eq(lt_get(&t, "v1", "Dog", "rex"),
                     "{\n  \"name\": \"Rex\",\n  \"breed\": \"hound\",\n  \"age\": 0\n}\n");
    ASSERT_PUT("v1", "Dog", "rex", "{\"name\": \"R\", \"breed\": \"hound\"}");
    ASSERT_LINE("v2", "Dog", "rex",
                "{\"_key\": \"rex\", \"name\": \"R\", \"breed\": \"BEAGLE\", \"age\": 0}");
}
END_TEST

START_TEST(finalize__what_only_older_versions_knew_goes)
{
    lt_add(&t, dogs);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Dog, field: note}\n"
               "  - change_type: {type: Dog, field: age, to: string, up: \"age || ' years'\", down: \"CAST(age AS INTEGER)\"}\n");
    ASSERT_PUT("v1", "Dog", "a", "{\"name\": \"A\", \"note\": \"gone\", \"age\": 3}");
    size_t before = t.items[0].body.n;
    lt_state(&t, "v1", VERSION_GONE);
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"B\", \"age\": \"3 years\"}");
    ck_assert_uint_lt(t.items[0].body.n, before);
    ASSERT_LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"name\": \"B\", \"age\": \"3 years\"}");
}
END_TEST

/* What random chains found, by the model in tests/property. */
static const char two_fields[] = "version: v1\ntypes: {Dog: {fields: {name: string, state: string}}}\n";

START_TEST(removed_field__down_also_when_what_it_reads_is_removed_too)
{
    lt_add(&t, two_fields);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Dog, field: state, down: \"coalesce(name, 'none')\"}\n"
               "  - remove_field: {type: Dog, field: name}\n");
    ASSERT_PUT("v2", "Dog", "a", "{}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"state\": \"none\"}");
}
END_TEST

START_TEST(removed_field__seen_over_a_linked_step_it_is_decided)
{
    lt_add(&t, two_fields);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - map_values: {type: Dog, field: state, values: {a: y}}\n"
               "  - remove_field: {type: Dog, field: state, down: name}\n");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"b\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"b\", \"state\": \"b\"}");
    ASSERT_PUT("v1", "Dog", "a", "{\"name\": \"c\", \"state\": \"b\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"d\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"d\", \"state\": \"b\"}");
}
END_TEST

/* What the linked step hides there, when a sibling has changed what `down` reads, is nobody's decision. */
START_TEST(removed_field__what_a_linked_step_hides_of_down_decides_nothing)
{
    lt_add(&t, two_fields);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - map_values: {type: Dog, field: state, values: {a: y}}\n"
               "  - remove_field: {type: Dog, field: state, down: name}\n");
    lt_add(&t, "version: v3\nfrom: v1\nmigrate:\n  - remove_field: {type: Dog, field: state}\n");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"b\"}");
    ASSERT_PUT("v3", "Dog", "a", "{\"name\": \"c\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"d\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"d\", \"state\": \"d\"}");
    ASSERT_PUT("v3", "Dog", "a", "{\"name\": \"e\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"f\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"f\", \"state\": \"f\"}");
    ASSERT_PUT("v1", "Dog", "a", "{\"name\": \"f\", \"state\": \"x\"}"); /* but this does */
    ASSERT_PUT("v3", "Dog", "a", "{\"name\": \"g\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"h\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"h\", \"state\": \"x\"}");
}
END_TEST

static const char copied[] = "version: v2\nfrom: v1\nmigrate:\n  - copy_type: {from: Dog, to: Cat}\n";

START_TEST(copy_type__a_step_of_one_type_is_none_of_the_other_one)
{
    lt_add(&t, two_fields);
    lt_add(&t, copied);
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - add_check: {type: Dog, check: \"length(name) < 9\", up: \"substr(name, 1, 2)\"}\n"
               "  - remove_field: {type: Cat, field: name, down: \"'of ' || state\"}\n");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"Rex\", \"state\": \"s\"}");
    ASSERT_PUT("v3", "Dog", "a", "{\"name\": \"Max\", \"state\": \"s\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Max\", \"state\": \"s\"}");
}
END_TEST

START_TEST(copy_type__made_in_one_type_it_comes_back_by_the_steps_of_that_one)
{
    lt_add(&t, two_fields);
    lt_add(&t, copied);
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - remove_field: {type: Cat, field: state, down: \"'of ' || name\"}\n"
               "  - map_values: {type: Dog, field: state, values: {a: b}}\n"
               "  - copy_type: {from: Cat, to: Cow}\n");
    ASSERT_PUT("v3", "Cat", "a", "{\"name\": \"Rex\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Rex\", \"state\": \"of Rex\"}");
    ASSERT_LINE("v3", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Rex\", \"state\": \"of Rex\"}");
    ASSERT_PUT("v3", "Cow", "b", "{\"name\": \"Max\"}");
    ASSERT_LINE("v1", "Dog", "b", "{\"_key\": \"b\", \"name\": \"Max\", \"state\": \"of Max\"}");
}
END_TEST

/* `down` is for items that are made in the type that took the step. */
START_TEST(copy_type__down_of_one_type_is_for_items_made_in_it)
{
    lt_add(&t, two_fields);
    lt_add(&t, copied);
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - map_values: {type: Dog, field: state, values: {a: b}}\n"
               "  - remove_field: {type: Cat, field: state, down: \"'of ' || name\"}\n"
               "  - remove_field: {type: Dog, field: state}\n");
    ASSERT_PUT("v3", "Dog", "a", "{\"name\": \"Rex\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Rex\"}");
    ASSERT_PUT("v3", "Dog", "a", "{\"name\": \"Max\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Max\"}");
}
END_TEST

static const char reads_computed[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - compute_field: {type: Dog, field: size, as: integer, value: \"length(name)\"}\n"
    "  - compute_field: {type: Dog, field: twice, as: integer, value: \"size * 2\"}\n"
    "  - change_type: {type: Dog, field: state, to: string, up: state,\n"
    "      down: \"state || '-' || coalesce(twice, 'none')\"}\n";

START_TEST(linked__down_reads_a_computed_field_as_it_comes_out)
{
    lt_add(&t, two_fields);
    lt_add(&t, reads_computed);
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"Rex\", \"state\": \"s\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Rex\", \"state\": \"s-6\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"Lassie\", \"state\": \"s\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Lassie\", \"state\": \"s-12\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"state\": \"s\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"state\": \"s-none\"}");
}
END_TEST

START_TEST(linked__down_reads_a_computed_field_behind_a_linked_step)
{
    lt_add(&t, two_fields);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - compute_field: {type: Dog, field: size, as: integer, value: \"length(name)\"}\n"
               "  - map_values: {type: Dog, field: name, values: {a: bb, ccc: d}}\n"
               "  - change_type: {type: Dog, field: state, to: string, up: state, down: \"state || size\"}\n");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"bb\", \"state\": \"s\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"a\", \"state\": \"s1\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"d\", \"state\": \"s\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"ccc\", \"state\": \"s3\"}");
}
END_TEST

START_TEST(linked__written_back_with_a_computed_field_it_shows_the_hidden_value_again)
{
    lt_add(&t, two_fields);
    lt_add(&t, reads_computed);
    ASSERT_PUT("v1", "Dog", "a", "{\"name\": \"Rex\", \"state\": \"s\"}");
    ASSERT_PUT("v2", "Dog", "a", "{}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"Rex\", \"state\": \"s\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Rex\", \"state\": \"s\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"Lassie\", \"state\": \"s\"}");
    ASSERT_PUT("v2", "Dog", "a", "{\"name\": \"Rex\", \"state\": \"s\"}");
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"name\": \"Rex\", \"state\": \"s\"}");
}
END_TEST

START_TEST(removed_field__down_reads_a_seeded_field_that_was_removed_too)
{
    lt_add(&t, two_fields);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: nick, as: string, up: \"upper(name)\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - remove_field: {type: Dog, field: state, down: \"'of ' || nick\"}\n"
               "  - remove_field: {type: Dog, field: nick}\n");
    ASSERT_PUT("v3", "Dog", "a", "{\"name\": \"Rex\"}");
    ASSERT_LINE("v2", "Dog", "a",
                "{\"_key\": \"a\", \"name\": \"Rex\", \"state\": \"of REX\", \"nick\": \"REX\"}");
}
END_TEST

static void finalize_away(const char *const *gone)
{
    lt_backfill(&t);
    for (; *gone; gone++)
        lt_state(&t, *gone, VERSION_GONE);
}

START_TEST(finalize__an_item_from_before_a_removal_keeps_its_value)
{
    static const char *const gone[] = {"v1", NULL};
    lt_add(&t, two_fields);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - map_values: {type: Dog, field: state, values: {a: b}}\n");
    ASSERT_PUT("v1", "Dog", "before", "{\"name\": \"Rex\", \"state\": \"a\"}");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - remove_field: {type: Dog, field: state, down: \"'of ' || name\"}\n");
    ASSERT_PUT("v1", "Dog", "old", "{\"name\": \"Rex\", \"state\": \"a\"}");
    ASSERT_PUT("v3", "Dog", "new", "{\"name\": \"Rex\"}");
    finalize_away(gone);
    ASSERT_PUT("v3", "Dog", "before", "{\"name\": \"Max\"}");
    ASSERT_PUT("v3", "Dog", "old", "{\"name\": \"Max\"}");
    ASSERT_PUT("v3", "Dog", "new", "{\"name\": \"Max\"}");
    ASSERT_LINE("v2", "Dog", "before", "{\"_key\": \"before\", \"name\": \"Max\", \"state\": \"b\"}");
    ASSERT_LINE("v2", "Dog", "old", "{\"_key\": \"old\", \"name\": \"Max\", \"state\": \"b\"}");
    ASSERT_LINE("v2", "Dog", "new", "{\"_key\": \"new\", \"name\": \"Max\", \"state\": \"of Max\"}");
}
END_TEST

START_TEST(finalize__an_object_from_before_a_removal_keeps_its_value)
{
    static const char *const gone[] = {"v1", NULL};
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {toys: list<Toy>}}\n"
               "objects:\n  Toy: {fields: {kind: string, state: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - map_values: {type: Toy, field: state, values: {a: b}}\n");
    ASSERT_PUT("v1", "Dog", "k", "{\"toys\": [{\"kind\": \"rope\", \"state\": \"a\"}]}");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - remove_field: {type: Toy, field: state, down: \"'of ' || kind\"}\n");
    finalize_away(gone);
    ASSERT_PUT("v3", "Dog", "k", "{\"toys\": [{\"kind\": \"bone\"}, {\"kind\": \"ball\"}]}");
    ASSERT_LINE("v2", "Dog", "k",
                "{\"_key\": \"k\", \"toys\": [{\"kind\": \"bone\", \"state\": \"b\"}, "
                "{\"kind\": \"ball\", \"state\": \"of ball\"}]}");
}
END_TEST

START_TEST(finalize__computed_fields_keep_what_they_read)
{
    static const char *const gone[] = {"v1", "v2", NULL};
    lt_add(&t, two_fields);
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - compute_field: {type: Dog, field: size, as: integer, value: \"length(name)\"}\n"
               "  - compute_field: {type: Dog, field: both, as: string,\n"
               "      value: \"coalesce(size, 0) || '-' || coalesce(state, '')\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - remove_field: {type: Dog, field: name}\n"
               "  - remove_field: {type: Dog, field: size}\n");
    ASSERT_PUT("v1", "Dog", "old", "{\"name\": \"Rex\", \"state\": \"a\"}");
    finalize_away(gone);
    ASSERT_PUT("v3", "Dog", "old", "{\"state\": \"b\"}");
    ASSERT_PUT("v3", "Dog", "old", "{\"state\": \"c\"}");
    ASSERT_PUT("v3", "Dog", "new", "{\"state\": \"c\"}");
    ASSERT_LINE("v3", "Dog", "old", "{\"_key\": \"old\", \"state\": \"c\", \"both\": \"3-c\"}");
    ASSERT_LINE("v3", "Dog", "new", "{\"_key\": \"new\", \"state\": \"c\", \"both\": \"0-c\"}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lens");
    TCase *tc = tcase_create("lens");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, text__canonical_in_schema_order);
    tcase_add_test(tc, put__refusals_name_the_field);
    tcase_add_test(tc, linked__edit_of_another_field_keeps_what_is_hidden);
    tcase_add_test(tc, linked__a_b_a_shows_the_hidden_value_again);
    tcase_add_test(tc, linked__down_reads_a_computed_field_as_it_comes_out);
    tcase_add_test(tc, linked__down_reads_a_computed_field_behind_a_linked_step);
    tcase_add_test(tc, linked__written_back_with_a_computed_field_it_shows_the_hidden_value_again);
    tcase_add_test(tc, seeded__explicit_write_wins_for_good);
    tcase_add_test(tc, removed_field__down_reads_a_seeded_field_that_was_removed_too);
    tcase_add_test(tc, finalize__an_item_from_before_a_removal_keeps_its_value);
    tcase_add_test(tc, finalize__an_object_from_before_a_removal_keeps_its_value);
    tcase_add_test(tc, finalize__computed_fields_keep_what_they_read);
    tcase_add_test(tc, removed_field__kept_and_seeded_for_new_items);
    tcase_add_test(tc, removed_field__down_also_when_what_it_reads_is_removed_too);
    tcase_add_test(tc, removed_field__seen_over_a_linked_step_it_is_decided);
    tcase_add_test(tc, extract__reads_and_writes_through_the_reference);
    tcase_add_test(tc, chain__value_steps_over_an_extracted_field);
    tcase_add_test(tc, revert__woken_version_has_its_values);
    tcase_add_test(tc, merge__two_writers_of_different_fields);
    tcase_add_test(tc, copy_type__shared_fields_reach_each_other);
    tcase_add_test(tc, copy_type__a_step_of_one_type_is_none_of_the_other_one);
    tcase_add_test(tc, copy_type__made_in_one_type_it_comes_back_by_the_steps_of_that_one);
    tcase_add_test(tc, copy_type__down_of_one_type_is_for_items_made_in_it);
    tcase_add_test(tc, removed_field__what_a_linked_step_hides_of_down_decides_nothing);
    tcase_add_test(tc, objects__unseen_parts_survive_a_write);
    tcase_add_test(tc, default__shown_and_written_stay_apart);
    tcase_add_test(tc, extract__an_edit_of_the_record_shows_in_items_from_before);
    tcase_add_test(tc, finalize__what_only_older_versions_knew_goes);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
