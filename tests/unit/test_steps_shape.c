/* Steps that make fields of fields, and those on values: what each kind makes of a small schema, and
 * what its formulas give. */
#include <check.h>
#include <string.h>

#include "steps_base.h"

/* ---- Several fields ---- */

START_TEST(transform__both_directions_are_linked)
{
    struct version *v =
        migrate("- transform: {type: Person, add: {place: {type: string, required: true}},"
                " remove: [city, street], up: {place: \"coalesce(street || ', ', '') || city\"},"
                " down: {city: \"place\"}}\n");

    ck_assert(!has_field(v, "Person", "city") && !has_field(v, "Person", "street"));
    ck_assert_int_eq(up(v, "Person", "place")->mode, FORMULA_LINKED);
    ck_assert_str_eq(EVAL(up(v, "Person", "place"), "city", "\"Rome\"", "street", "\"Via\""),
                     "\"Via, Rome\"");
    ck_assert_str_eq(EVAL(down(v, "Person", "city"), "place", "\"Bonn\""), "\"Bonn\"");
    version_unref(v);
}
END_TEST

START_TEST(transform__a_field_takes_the_place_of_its_namesake)
{
    struct version *v = migrate("- transform: {type: Dog, add: {age: integer}, remove: [age],"
                                " up: {age: \"CAST(age AS INTEGER)\"}}\n");

    ck_assert_uint_ne(slot(v, "Dog", "age"), slot(v->base, "Dog", "age"));
    ck_assert_int_eq(up(v, "Dog", "age")->mode, FORMULA_SEEDED);
    ck_assert_uint_eq(up(v, "Dog", "age")->inputs[0].slot, slot(v->base, "Dog", "age"));
    version_unref(v);
}
END_TEST

START_TEST(split_field__parts_stand_in_its_place)
{
    struct version *v = migrate(
        "- split_field: {type: Person, field: city, into: {town: {as: string, up: \"substr(city, 1,"
        " instr(city || ' ', ' ') - 1)\"}, land: {as: string, up: \"substr(city, instr(city || ' ',"
        " ' ') + 1)\"}}, down: \"trim(town || ' ' || coalesce(land, ''))\"}\n");

    ck_assert_str_eq(shape(v, "Person")->fields[1].name, "town");
    ck_assert_str_eq(shape(v, "Person")->fields[2].name, "land");
    ck_assert_str_eq(EVAL(up(v, "Person", "town"), "city", "\"Rome Italy\""), "\"Rome\"");
    ck_assert_str_eq(EVAL(down(v, "Person", "city"), "town", "\"Rome\"", "land", "\"Italy\""),
                     "\"Rome Italy\"");
    version_unref(v);
}
END_TEST

START_TEST(merge_fields__mirror_image)
{
    struct version *v =
        migrate("- merge_fields: {type: Person, fields: {street: \"substr(place, 1,"
                " instr(place, ',') - 1)\", city: \"substr(place, instr(place, ',')"
                " + 1)\"}, into: place, as: string, up: \"street || ',' || city\"}\n");

    ck_assert_str_eq(shape(v, "Person")->fields[1].name, "place");
    ck_assert_uint_eq(shape(v, "Person")->n_fields, 2);
    ck_assert_str_eq(EVAL(up(v, "Person", "place"), "street", "\"a\"", "city", "\"b\""), "\"a,b\"");
    ck_assert_str_eq(EVAL(down(v, "Person", "city"), "place", "\"x,y\""), "\"y\"");
    version_unref(v);
}
END_TEST

START_TEST(extract_type__leaves_a_link)
{
    struct version *v = migrate("- extract_type: {type: Dog, fields: {breed: name, age: years},"
                                " into: Breed, as: breed, key: \"breed || age\"}\n");
    const struct link *l;

    ck_assert_uint_eq(v->n_links, 1);
    l = v->links[0];
    ck_assert_uint_eq(l->n, 2);
    ck_assert_uint_eq(l->ref, slot(v, "Dog", "breed"));
    ck_assert_uint_eq(l->here[0], slot(v->base, "Dog", "breed"));
    ck_assert_uint_eq(l->there[0], slot(v, "Breed", "name"));
    ck_assert_uint_eq(l->target_coll, shape(v, "Breed")->coll);
    ck_assert_ptr_nonnull(l->key);
    ck_assert_str_eq(EVAL(l->key, "breed", "\"pug\"", "age", "\"3\""), "\"pug3\"");
    ck_assert_uint_eq(v->n_formulas, 0);
    ck_assert_uint_eq(slot(v, "Dog", "breed"), shape(v, "Dog")->fields[1].slot);
    ck_assert(!field(v, "Dog", "breed")->required);
    ck_assert_str_eq(field(v, "Breed", "years")->check, "length(\"years\") < 9");
    ck_assert(!has_field(v, "Dog", "age"));
    version_unref(v);
}
END_TEST

START_TEST(extract_type__reference_is_required_with_its_value)
{
    struct version *v = migrate("- extract_type: {type: Dog, fields: [name, breed], into: Kind,"
                                " as: kind}\n");

    ck_assert(field(v, "Dog", "kind")->required);
    ck_assert(field(v, "Kind", "name")->required && !field(v, "Kind", "breed")->required);
    version_unref(v);
}
END_TEST

/* ---- Lists and objects ---- */

START_TEST(wrap_list__head_and_tail)
{
    struct version *v = migrate("- wrap_list: {type: Dog, field: age}\n");
    const struct formula *f = up(v, "Dog", "age"), *b = down(v, "Dog", "age");

    ck_assert_str_eq(EVAL(f, "age", "\"a\""), "[\"a\"]");
    ck_assert_str_eq(EVAL_PREV(f, "[\"x\", \"y\"]", "age", "\"a\""), "[\"a\", \"y\"]");
    ck_assert_str_eq(EVAL(f, "age", "null"), "null");
    ck_assert_str_eq(EVAL(b, "age", "[\"a\", \"b\"]"), "\"a\"");
    ck_assert_str_eq(EVAL(b, "age", "[]"), "\"0\"");
    ck_assert_str_eq(field(v, "Dog", "age")->def.p, "[\n    \"0\"\n  ]");
    version_unref(v);
}
END_TEST

START_TEST(unwrap_list__keeps_the_tail)
{
    struct version *v = migrate("- unwrap_list: {type: Dog, field: tags}\n");
    const struct formula *f = up(v, "Dog", "tags"), *b = down(v, "Dog", "tags");

    ck_assert_int_eq(field(v, "Dog", "tags")->type->base, T_STRING);
    ck_assert_str_eq(EVAL(f, "tags", "[\"a\", \"b\"]"), "\"a\"");
    ck_assert_str_eq(EVAL(f, "tags", "[]"), "unset");
    ck_assert_str_eq(EVAL(f, "tags", NULL), "unset");
    ck_assert_str_eq(EVAL_PREV(b, "[\"a\", \"b\"]", "tags", "\"c\""), "[\"c\", \"b\"]");
    version_unref(v);
}
END_TEST

START_TEST(nest_fields__into_an_object)
{
    struct version *v =
        migrate("- nest_fields: {type: Person, fields: {city: town, street: street},"
                " into: home, object: Home}\n");
    const struct formula *f = up(v, "Person", "home");

    ck_assert_str_eq(shape(v, "Home")->fields[0].name, "town");
    ck_assert_str_eq(EVAL(f, "city", "\"Rome\""), "{\"town\": \"Rome\"}");
    ck_assert_str_eq(EVAL(f, "city", NULL), "unset");
    ck_assert_str_eq(EVAL(f, "city", "null", "street", "\"x\""),
                     "{\"town\": null, \"street\": \"x\"}");
    ck_assert_str_eq(EVAL(down(v, "Person", "city"), "home", "{\"town\": \"Bonn\"}"), "\"Bonn\"");
    ck_assert_str_eq(EVAL(down(v, "Person", "street"), "home", "{\"town\": \"Bonn\"}"), "unset");
    version_unref(v);
}
END_TEST

START_TEST(nest_fields__too_deep_for_an_item_is_unset)
{
    struct version *v = migrate("- nest_fields: {type: Any, fields: [j], into: o}\n");
    char deep[2 * 63 + 1];

    for (size_t n = 62; n <= 63; n++) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        deep[2 * n] = '\0';
        ck_assert_int_eq(strcmp(EVAL(up(v, "Any", "o"), "j", deep), "unset") == 0, n == 63);
    }
    version_unref(v);
}
END_TEST

START_TEST(nest_fields__names_the_object_itself)
{
    struct version *v = migrate("- nest_fields: {type: Dog, fields: [name, legs], into: who}\n");

    ck_assert_int_eq(shape(v, "Dog_who")->kind, SHAPE_OBJECT);
    ck_assert(field(v, "Dog", "who")->required);
    ck_assert_str_eq(EVAL(up(v, "Dog", "who"), "name", "\"Rex\"", "legs", "4"),
                     "{\"name\": \"Rex\", \"legs\": 4}");
    version_unref(v);
}
END_TEST

START_TEST(unnest_fields__keeps_members_that_stay)
{
    struct version *v =
        migrate("- unnest_fields: {type: Dog, fields: {street: road}, into: home}\n");
    const struct formula *b = down(v, "Dog", "home");

    ck_assert(!has_field(v, "Dog", "home"));
    ck_assert_str_eq(EVAL(up(v, "Dog", "road"), "home", "{\"street\": \"a\", \"zip\": \"1\"}"),
                     "\"a\"");
    ck_assert_str_eq(EVAL_PREV(b, "{\"street\": \"a\", \"zip\": \"1\"}", "road", "\"b\""),
                     "{\"street\": \"b\", \"zip\": \"1\"}");
    ck_assert_str_eq(EVAL(b, "road", NULL), "unset");
    ck_assert_str_eq(EVAL_PREV(b, "{}", "road", NULL), "unset");
    version_unref(v);
}
END_TEST

START_TEST(unnest_fields__all_of_them)
{
    struct version *v = migrate("- rename_field: {type: Address, from: size, to: extent}\n"
                                "- unnest_fields: {type: Dog, into: home}\n");

    ck_assert_str_eq(shape(v, "Dog")->fields[7].name, "street");
    ck_assert_str_eq(shape(v, "Dog")->fields[9].name, "zip");
    ck_assert_str_eq(EVAL(down(v, "Dog", "home"), "street", "\"a\"", "zip", "\"1\""),
                     "{\"street\": \"a\", \"zip\": \"1\"}");
    version_unref(v);
}
END_TEST

/* ---- Values ---- */

START_TEST(add_value__older_versions_see_its_stand_in)
{
    struct version *v = migrate("- add_value: {enum: Size, value: huge, as: large}\n");

    ck_assert_uint_eq(shape(v, "Size")->n_values, 4);
    ck_assert_str_eq(EVAL(up(v, "Dog", "size"), "size", "\"small\""), "\"small\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "size"), "size", "\"huge\""), "\"large\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "sizes"), "sizes", "[\"huge\", \"small\"]"),
                     "[\"large\", \"small\"]");
    ck_assert_str_eq(EVAL(down(v, "Address", "size"), "size", "\"huge\""), "\"large\"");
    ck_assert_uint_eq(down(v, "Address", "size")->shape, shape(v, "Address")->id);
    version_unref(v);
}
END_TEST

START_TEST(remove_value__defaults_follow)
{
    struct version *v = migrate("- change_default: {type: Dog, field: size, default: medium}\n"
                                "- change_default: {type: Dog, field: home,"
                                " default: {size: medium}}\n"
                                "- remove_value: {enum: Size, value: medium, as: small}\n");

    ck_assert_uint_eq(shape(v, "Size")->n_values, 2);
    ck_assert_str_eq(field(v, "Dog", "size")->def.p, "\"small\"");
    ck_assert_str_eq(field(v, "Dog", "home")->def.p, "{\n    \"size\": \"small\"\n  }");
    ck_assert_str_eq(EVAL(up(v, "Dog", "size"), "size", "\"medium\""), "\"small\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "size"), "size", "\"small\""), "\"small\"");
    version_unref(v);
}
END_TEST

START_TEST(rename_value__both_ways_and_shared_slots)
{
    struct version *v = migrate("- copy_type: {from: Dog, to: Cat}\n"
                                "- rename_value: {enum: Size, from: small, to: tiny}\n");

    ck_assert_str_eq(EVAL(up(v, "Dog", "size"), "size", "\"small\""), "\"tiny\"");
    ck_assert_str_eq(EVAL(down(v, "Dog", "size"), "size", "\"tiny\""), "\"small\"");
    ck_assert_uint_eq(slot(v, "Dog", "size"), slot(v, "Cat", "size"));
    version_unref(v);
}
END_TEST

START_TEST(map_values__unknown_ones_pass)
{
    struct version *v = migrate("- map_values: {type: Dog, field: tags, values: {a: x, b: x,"
                                " c: \"\"}}\n"
                                "- map_values: {type: Dog, field: legs, values: {\"4\": 5}}\n");

    ck_assert_str_eq(EVAL(up(v, "Dog", "tags"), "tags", "[\"a\", \"b\", \"q\"]"),
                     "[\"x\", \"x\", \"q\"]");
    ck_assert_str_eq(EVAL(down(v, "Dog", "tags"), "tags", "[\"x\", \"\"]"), "[\"a\", \"c\"]");
    ck_assert_str_eq(EVAL(up(v, "Dog", "legs"), "legs", "4"), "5");
    ck_assert_str_eq(field(v, "Dog", "legs")->def.p, "5");
    version_unref(v);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, transform__both_directions_are_linked);
    tcase_add_test(tc, transform__a_field_takes_the_place_of_its_namesake);
    tcase_add_test(tc, split_field__parts_stand_in_its_place);
    tcase_add_test(tc, merge_fields__mirror_image);
    tcase_add_test(tc, extract_type__leaves_a_link);
    tcase_add_test(tc, extract_type__reference_is_required_with_its_value);
    tcase_add_test(tc, wrap_list__head_and_tail);
    tcase_add_test(tc, unwrap_list__keeps_the_tail);
    tcase_add_test(tc, nest_fields__into_an_object);
    tcase_add_test(tc, nest_fields__too_deep_for_an_item_is_unset);
    tcase_add_test(tc, nest_fields__names_the_object_itself);
    tcase_add_test(tc, unnest_fields__keeps_members_that_stay);
    tcase_add_test(tc, unnest_fields__all_of_them);
    tcase_add_test(tc, add_value__older_versions_see_its_stand_in);
    tcase_add_test(tc, remove_value__defaults_follow);
    tcase_add_test(tc, rename_value__both_ways_and_shared_slots);
    tcase_add_test(tc, map_values__unknown_ones_pass);
}

int main(void)
{
    return steps_run("steps_shape", add_tests);
}
