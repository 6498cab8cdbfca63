/* Cases in which a law did not hold, as the random chains of tests/property found them, cut down. */
#include "lens_cases.h"

/* A sibling changes what it alone shows inside of the object: for the step, which shows it too, nothing
 * has changed. */
START_TEST(linked__an_object_that_reads_the_same_is_no_change)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {kind: Box}}\n"
               "objects:\n  Box: {fields: {mark: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - unnest_fields: {type: Dog, into: kind, fields: {mark: mark}}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - restore_field: {type: Dog, field: kind, from: v1}\n");
    lt_add(&t, "version: v4\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Box, field: mark, to: number, up: \"1\", down: \"'big'\"}\n");
    PUT("v3", "Dog", "a", "{\"kind\": {\"mark\": \"big\"}}");
    LINE("v2", "Dog", "a", "{\"_key\": \"a\"}");
    PUT("v4", "Dog", "a", "{\"kind\": {\"mark\": 5}}");
    LINE("v2", "Dog", "a", "{\"_key\": \"a\"}");
    LINE("v3", "Dog", "a", "{\"_key\": \"a\", \"kind\": {\"mark\": \"big\"}}");
    LINE("v4", "Dog", "a", "{\"_key\": \"a\", \"kind\": {\"mark\": 5}}");
}
END_TEST

/* What stood in for a list is no list of which a tail is kept, also when a step below has since taken it
 * for decided. */
START_TEST(unwrap__a_default_that_stood_in_gives_no_tail)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {rank: string}}\n");
    PUT("v1", "Dog", "a", "{\"rank\": \"x\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - wrap_list: {type: Dog, field: rank}\n"
               "  - change_default: {type: Dog, field: rank, default: [a, b, c]}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - unwrap_list: {type: Dog, field: rank}\n");
    PUT("v3", "Dog", "a", "{}");
    LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"rank\": [\"a\", \"b\", \"c\"]}");
    PUT("v3", "Dog", "a", "{\"rank\": \"x\"}");
    LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"rank\": [\"x\"]}");
    PUT("v2", "Dog", "a", "{\"rank\": [\"a\", \"b\", \"c\"]}");
    PUT("v3", "Dog", "a", "{\"rank\": \"y\"}");
    LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"rank\": [\"y\", \"b\", \"c\"]}");
}
END_TEST

/* Between two steps of a version an object has a member that no version shows. */
START_TEST(objects__a_member_that_the_same_version_removes_is_kept)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {born: string, zone: string}}\n");
    PUT("v1", "Dog", "a", "{\"born\": \"b\", \"zone\": \"z\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - nest_fields: {type: Dog, fields: [zone, born], into: kind}\n"
               "  - remove_field: {type: Dog_kind, field: zone}\n");
    PUT("v2", "Dog", "a", "{\"kind\": {\"born\": \"c\"}}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"born\": \"c\", \"zone\": \"z\"}");
}
END_TEST

/* Two steps remove what is one field, over a linked step: that the second is there (_i == 1) changes nothing of
 * what a write through the first one's version leaves. */
START_TEST(removed_twice__the_second_changes_nothing_below)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {age: {type: boolean, default: false}, lang: string}}\n");
    PUT("v1", "Dog", "a", "{\"age\": false}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Dog, field: age, to: {type: boolean, required: true}, up: \"age = 'a'\","
               " down: \"age = 'a'\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - remove_field: {type: Dog, field: age, down: lang}\n"
               "  - restore_field: {type: Dog, field: age, from: v1}\n");
    if (_i)
        lt_add(&t, "version: v4\nfrom: v3\nmigrate:\n"
                   "  - remove_field: {type: Dog, field: age, down: \"lang = 'a'\"}\n");
    PUT("v3", "Dog", "a", "{}");
    LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"age\": false}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"age\": false}");
}
END_TEST

/* The sibling shows what a step made of the field, and leaves it as it is while it changes what `down`
 * reads. */
START_TEST(removed_field__seen_by_a_sibling_over_a_linked_step_it_is_decided)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {note: string, kind: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Dog, field: note, down: \"upper(kind)\"}\n");
    lt_add(&t, "version: v3\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Dog, field: note, to: integer,\n"
               "      up: \"CAST(note AS INTEGER)\", down: \"CAST(note AS TEXT)\"}\n");
    PUT("v2", "Dog", "a", "{\"kind\": \"12\"}");
    LINE("v3", "Dog", "a", "{\"_key\": \"a\", \"note\": 12, \"kind\": \"12\"}");
    PUT("v3", "Dog", "a", "{\"note\": 12, \"kind\": \"b\"}");
    PUT("v2", "Dog", "a", "{\"kind\": \"c\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"note\": \"12\", \"kind\": \"c\"}");
}
END_TEST

/* It came back, a step has made another one of it, and that was removed. A new item has neither, and
 * nobody has said so. */
START_TEST(removed_field__a_side_that_its_maker_did_not_see_is_not_decided)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {state: string, note: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Dog, field: state, down: \"upper(note)\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - restore_field: {type: Dog, field: state, from: v1}\n"
               "  - map_values: {type: Dog, field: state, values: {a: b}}\n"
               "  - remove_field: {type: Dog, field: state}\n");
    PUT("v3", "Dog", "a", "{\"note\": \"x\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"note\": \"x\"}");
    PUT("v2", "Dog", "a", "{\"note\": \"y\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"state\": \"Y\", \"note\": \"y\"}");
}
END_TEST

/* What it was seeded from is not asked then, and waits until the removed field is there. */
START_TEST(removed_field__down_reads_a_seeded_field_that_the_maker_wrote)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {state: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: note, as: string, up: state}\n"
               "  - split_field: {type: Dog, field: state, down: \"one || two\", into: {\n"
               "      one: {as: string, up: \"substr(state, 1, 1)\"},\n"
               "      two: {as: string, up: \"substr(state, 2)\"}}}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - remove_field: {type: Dog, field: one, down: \"upper(note)\"}\n");
    PUT("v3", "Dog", "a", "{\"two\": \"b\", \"note\": \"n\"}");
    LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"one\": \"N\", \"two\": \"b\", \"note\": \"n\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"state\": \"Nb\"}");
    PUT("v3", "Dog", "a", "{\"two\": \"c\", \"note\": \"m\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"state\": \"Mc\"}");
}
END_TEST

/* i == 0: v4, which seeds a field that note is made of too, is there; v10 does what it does without it. */
START_TEST(removed_field__what_a_sibling_seeds_changes_nothing)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: string, lang: string}}\n");
    PUT("v1", "Dog", "a", "{\"home\": \"h\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n  - nest_fields: {type: Dog, fields: [home, lang], into: note}\n");
    if (_i == 0)
        lt_add(&t, "version: v4\nfrom: v1\nmigrate:\n  - remove_field: {type: Dog, field: lang, down: \"home || 1\"}\n");
    lt_add(&t, "version: v8\nfrom: v2\nmigrate:\n  - restore_field: {type: Dog, field: home, from: v1}\n");
    lt_add(&t, "version: v10\nfrom: v8\nmigrate:\n  - remove_field: {type: Dog, field: note, down: \"home\"}\n");
    PUT("v10", "Dog", "a", "{}");
    LINE("v2", "Dog", "a", "{\"_key\": \"a\", \"note\": {\"home\": \"h\"}}");
}
END_TEST

/* word is what v2's step made of nothing: v6's would give its default, but nobody wrote there. */
START_TEST(renamed__a_field_that_an_older_step_gave_stays)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {word: string}}\n");
    PUT("v1", "Dog", "a", "{}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n  - require_field: {type: Dog, field: word, up: \"word\"}\n"
               "  - add_field: {type: Dog, field: mate, as: ref<Dog>}\n");
    PUT("v2", "Dog", "a", "{\"mate\": \"a\"}");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n  - change_default: {type: Dog, field: word, default: none}\n");
    lt_add(&t, "version: v4\nfrom: v3\nmigrate:\n  - nest_fields: {type: Dog, fields: [word, mate], into: box}\n");
    lt_backfill(&t);
    lt_rename(&t, "v1", "Dog", "a", "b");
    LINE("v1", "Dog", "b", "{\"_key\": \"b\"}");
    LINE("v2", "Dog", "b", "{\"_key\": \"b\", \"mate\": \"b\"}");
}
END_TEST

/* i == 0: a sibling removes the same field, which its maker saw no more than the writer does. */
START_TEST(removed_field__what_a_sibling_removes_too_is_nobodys)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: string, note: string}}\n");
    if (_i == 0)
        lt_add(&t, "version: v3\nfrom: v1\nmigrate:\n  - remove_field: {type: Dog, field: note, down: \"home || 1\"}\n");
    lt_add(&t, "version: v4\nfrom: v1\nmigrate:\n  - remove_field: {type: Dog, field: note, down: \"home\"}\n");
    PUT("v4", "Dog", "a", "{\"home\": \"h\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"home\": \"h\", \"note\": \"h\"}");
    PUT("v4", "Dog", "a", "{\"home\": \"g\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"home\": \"g\", \"note\": \"g\"}");
}
END_TEST

/* What a step puts into an object is what it computed: a text that comes back and holds shown defaults is another
 * matter. */
START_TEST(objects__a_written_default_is_written_there_too)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog:\n    fields:\n      size: string\n"
               "      kind: {type: string, default: large}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n  - nest_fields: {type: Dog, fields: [size, kind], into: box}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - change_type: {type: Dog_box, field: size, to: string, up: \"size || '-' || coalesce(kind, '')\", "
               "down: \"size\"}\n");
    PUT("v1", "Dog", "a", "{\"size\": \"s\"}");
    LINE("v3", "Dog", "a", "{\"_key\": \"a\", \"box\": {\"size\": \"s-\", \"kind\": \"large\"}}");
    PUT("v1", "Dog", "a", "{\"size\": \"m\", \"kind\": \"large\"}");
    LINE("v3", "Dog", "a", "{\"_key\": \"a\", \"box\": {\"size\": \"m-large\", \"kind\": \"large\"}}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lens_laws");
    TCase *tc = tcase_create("lens_laws");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, removed_twice__the_second_changes_nothing_below, 0, 2);
    tcase_add_test(tc, linked__an_object_that_reads_the_same_is_no_change);
    tcase_add_test(tc, unwrap__a_default_that_stood_in_gives_no_tail);
    tcase_add_loop_test(tc, removed_field__what_a_sibling_seeds_changes_nothing, 0, 2);
    tcase_add_test(tc, renamed__a_field_that_an_older_step_gave_stays);
    tcase_add_loop_test(tc, removed_field__what_a_sibling_removes_too_is_nobodys, 0, 2);
    tcase_add_test(tc, objects__a_written_default_is_written_there_too);
    tcase_add_test(tc, objects__a_member_that_the_same_version_removes_is_kept);
    tcase_add_test(tc, removed_field__seen_by_a_sibling_over_a_linked_step_it_is_decided);
    tcase_add_test(tc, removed_field__a_side_that_its_maker_did_not_see_is_not_decided);
    tcase_add_test(tc, removed_field__down_reads_a_seeded_field_that_the_maker_wrote);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
