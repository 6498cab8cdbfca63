/* merge_types at the store: one type's items of several collections, whose keys, tags and checks go both ways. */
#include "store_rig.h"

#include <check.h>
#include <stdio.h>

#include "../../store/verbs.h"

static struct rig r;

static void setup(void)
{
    rig_init(&r);
}
static void teardown(void)
{
    rig_free(&r);
}

static const char animals[] =
    "version: v1\n"
    "types:\n"
    "  Dog: {fields: {name: {type: string, required: true}, size: {type: string, required: true}, "
    "age: {type: integer, check: \"age >= 0\"}}}\n"
    "  Cat: {fields: {name: {type: string, required: true, check: \"name <> 'x'\"}, "
    "indoor: {type: boolean, default: true}}}\n"
    "  Owner: {fields: {dog: {type: ref<Dog>, on_delete: restrict}, cats: list<ref<Cat>>}}\n";
static const char merged[] = "version: v2\nfrom: v1\nmigrate:\n"
                             "  - merge_types: {types: [Dog, Cat], into: Pet, tag: kind}\n";

static void merge(void)
{
    rig_add(&r, animals);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\", \"size\": \"big\", \"age\": 3}"));
    ASSERT_OK(rig_put(&r, "v1", "Cat", "rex", "{\"name\": \"King\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Cat", "tom", "{\"name\": \"Tom\", \"indoor\": false}"));
    ASSERT_OK(rig_put(&r, "v1", "Owner", "ann", "{\"dog\": \"rex\", \"cats\": [\"rex\", \"tom\"]}"));
    rig_add(&r, merged);
}

static size_t findings(void)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    size_t n;

    ck_assert_int_eq(store_fsck(r.s, &report, &n, &r.err), 0);
    if (n)
        fprintf(stderr, "%s", buf_str(&report));
    return n;
}

/* A field that one type has with a default is a field of the merged type with that default. */
static void shows_all(void)
{
    ASSERT_LINE("v2", "Pet", "rex",
                "{\"_key\": \"rex\", \"kind\": \"Dog\", \"name\": \"Rex\", \"size\": \"big\", "
                "\"age\": 3, \"indoor\": true}");
    ASSERT_LINE("v2", "Pet", "rex~Cat",
                "{\"_key\": \"rex~Cat\", \"kind\": \"Cat\", \"name\": \"King\", \"indoor\": true}");
    ASSERT_LINE("v2", "Pet", "tom",
                "{\"_key\": \"tom\", \"kind\": \"Cat\", \"name\": \"Tom\", \"indoor\": false}");
    ASSERT_LINE("v2", "Owner", "ann",
                "{\"_key\": \"ann\", \"dog\": \"rex\", \"cats\": [\"rex~Cat\", \"tom\"]}");
    ck_assert_int_eq(rig_count(&r, "v2", "Pet"), 3);
    ck_assert_uint_eq(findings(), 0);
}

/* Nobody has seen the second type by itself: its items give way all the same. */
START_TEST(merged__a_type_that_its_version_adds_gives_way)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - add_type: {type: Cat, fields: {name: string}}\n"
                "  - merge_types: {types: [Dog, Cat], into: Pet, tag: kind}\n");
    ASSERT_OK(rig_put(&r, "v2", "Pet", "rex", "{\"kind\": \"Cat\", \"name\": \"King\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\"}"));
    ASSERT_LINE("v2", "Pet", "rex", "{\"_key\": \"rex\", \"kind\": \"Dog\", \"name\": \"Rex\"}");
    ASSERT_LINE("v2", "Pet", "rex~Cat", "{\"_key\": \"rex~Cat\", \"kind\": \"Cat\", \"name\": \"King\"}");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

/* What is made through a copy of the second type is of that, and called as its items are, also after finalize. */
START_TEST(merged__a_copy_of_the_second_type_makes_items_of_it_after_finalize)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n  Cat: {fields: {indoor: boolean}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - copy_type: {from: Dog, to: Hound}\n"
                "  - copy_type: {from: Cat, to: Puss}\n"
                "  - merge_types: {types: [Dog, Cat], into: Pet, tag: kind}\n");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    ASSERT_OK(rig_put(&r, "v2", "Hound", "rex", "{\"name\": \"Rex\"}"));
    ASSERT_OK(rig_put(&r, "v2", "Puss", "rex", "{\"indoor\": true}"));
    ASSERT_LINE("v2", "Pet", "rex", "{\"_key\": \"rex\", \"kind\": \"Dog\", \"name\": \"Rex\"}");
    ASSERT_LINE("v2", "Pet", "rex~Cat", "{\"_key\": \"rex~Cat\", \"kind\": \"Cat\", \"indoor\": true}");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

/* Steps over the merged type are not the copy's own, though both show the same items. */
START_TEST(merged__a_copy_is_another_type)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string, state: string}}\n  Cat: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - merge_types: {types: [Dog, Cat], into: Pet, tag: kind}\n"
                "  - copy_type: {from: Pet, to: Copy}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - change_type: {type: Pet, field: state, to: string, up: \"'s-' || state\", down: \"substr(state, 3)\"}\n"
                "  - require_field: {type: Pet, field: state, up: \"'none'\"}\n");
    ASSERT_OK(rig_put(&r, "v3", "Copy", "a", "{\"kind\": \"Dog\", \"state\": \"x\"}"));
    ASSERT_OK(rig_put(&r, "v3", "Copy", "b", "{\"kind\": \"Cat\", \"state\": \"y\"}"));
    ASSERT_LINE("v3", "Pet", "a", "{\"_key\": \"a\", \"kind\": \"Dog\", \"state\": \"s-x\"}");
    ASSERT_LINE("v3", "Pet", "b", "{\"_key\": \"b\", \"kind\": \"Cat\", \"state\": \"s-y\"}");
}
END_TEST

START_TEST(merged__is_the_same_before_and_after_a_backfill)
{
    merge();
    shows_all();
    rig_backfill(&r);
    shows_all();
    rig_reopen(&r, NULL);
    shows_all();
}
END_TEST

START_TEST(merged__a_new_item_goes_where_its_tag_says)
{
    merge();
    ASSERT_OK(rig_put(&r, "v2", "Pet", "kit", "{\"kind\": \"Cat\", \"name\": \"Kit\"}"));
    ASSERT_LINE("v1", "Cat", "kit", "{\"_key\": \"kit\", \"name\": \"Kit\", \"indoor\": true}");
    ASSERT_OK(rig_put(&r, "v2", "Pet", "bo", "{\"kind\": \"Dog\", \"name\": \"Bo\", \"size\": \"s\"}"));
    ASSERT_LINE("v1", "Dog", "bo", "{\"_key\": \"bo\", \"name\": \"Bo\", \"size\": \"s\"}");
    ASSERT_REFUSED(rig_put(&r, "v2", "Pet", "no", "{\"name\": \"No\"}"), ERR_INVALID, "kind");
    ASSERT_REFUSED(rig_put(&r, "v2", "Pet", "no", "{\"kind\": \"Cow\", \"name\": \"No\"}"), ERR_INVALID,
                   "\"Cow\" is no type that was merged");
    ASSERT_REFUSED(rig_put(&r, "v2", "Pet", "no", "{\"kind\": 5, \"name\": \"No\"}"), ERR_INVALID,
                   "5 is no type that was merged");
    ASSERT_REFUSED(rig_put(&r, "v2", "Pet", "no", "{\"kind\": \"Cat\""), ERR_INVALID, "");
    ck_assert_str_eq(rig_get(&r, "v2", "Pet", "no"), "(none)");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

START_TEST(merged__a_tag_does_not_change)
{
    merge();
    ASSERT_REFUSED(rig_put(&r, "v2", "Pet", "tom", "{\"kind\": \"Dog\", \"name\": \"T\", \"size\": \"s\"}"),
                   ERR_INVALID, "an item stays of the type that it was made as");
    ASSERT_OK(rig_put(&r, "v2", "Pet", "tom", "{\"kind\": \"Cat\", \"name\": \"Tim\"}"));
    ASSERT_LINE("v1", "Cat", "tom", "{\"_key\": \"tom\", \"name\": \"Tim\", \"indoor\": true}");
}
END_TEST

/* What one of the types requires, or checks, holds for its own items. */
START_TEST(merged__each_kind_keeps_its_rules)
{
    merge();
    ASSERT_REFUSED(rig_put(&r, "v2", "Pet", "d", "{\"kind\": \"Dog\", \"name\": \"D\"}"), ERR_INVALID,
                   "size");
    ASSERT_REFUSED(rig_put(&r, "v2", "Pet", "d", "{\"kind\": \"Dog\", \"name\": \"D\", \"size\": \"s\", "
                                                 "\"age\": -1}"),
                   ERR_INVALID, "age >= 0");
    ASSERT_REFUSED(rig_put(&r, "v2", "Pet", "c", "{\"kind\": \"Cat\", \"name\": \"x\"}"), ERR_INVALID,
                   "name <> 'x'");
    ASSERT_OK(rig_put(&r, "v2", "Pet", "d", "{\"kind\": \"Dog\", \"name\": \"x\", \"size\": \"s\"}"));
}
END_TEST

START_TEST(merged__keys_give_way_and_come_back)
{
    merge();
    ASSERT_OK(rig_put(&r, "v1", "Dog", "tom", "{\"name\": \"Tim\", \"size\": \"s\"}"));
    ck_assert_str_eq(rig_get(&r, "v2", "Pet", "tom~Cat"),
                     "{\n  \"kind\": \"Cat\",\n  \"name\": \"Tom\",\n  \"indoor\": false\n}\n");
    ASSERT_LINE("v2", "Owner", "ann",
                "{\"_key\": \"ann\", \"dog\": \"rex\", \"cats\": [\"rex~Cat\", \"tom~Cat\"]}");
    ASSERT_OK(rig_delete(&r, "v2", "Pet", "tom"));
    ck_assert_str_eq(rig_get(&r, "v1", "Dog", "tom"), "(none)");
    ASSERT_REFUSED(rig_delete(&r, "v2", "Pet", "rex"), ERR_BUSY, "Owner");
    ASSERT_OK(rig_rename(&r, "v2", "Pet", "rex~Cat", "king"));
    ASSERT_LINE("v1", "Cat", "king", "{\"_key\": \"king\", \"name\": \"King\", \"indoor\": true}");
    ASSERT_REFUSED(rig_rename(&r, "v2", "Pet", "king", "a/b"), ERR_INVALID, "");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

static void refuses(const char *types, const char *step, const char *want)
{
    struct buf v1 BUF_CLEANUP = BUF_INIT, v2 BUF_CLEANUP = BUF_INIT, report BUF_CLEANUP = BUF_INIT;

    buf_printf(&v1, "version: v1\ntypes:\n%s", types);
    buf_printf(&v2, "version: v2\nfrom: v1\nmigrate:\n%s", step);
    teardown();
    setup();
    rig_add(&r, buf_str(&v1));
    err_clear(&r.err);
    ck_assert_msg(store_add(r.s, "v2.yaml", span_of(buf_str(&v2)), NULL, &report, &r.err) == -1,
                  "added: %s", step);
    ck_assert_msg(r.err.code == ERR_INVALID && strstr(r.err.text, want), "%s: %s", step, r.err.text);
}

#define MERGE "  - merge_types: {types: [A, B], into: C, tag: kind}\n"
#define TWO(a, b) "  A: {fields: {" a "}}\n  B: {fields: {" b "}}\n"

START_TEST(refused__types_that_do_not_go_together)
{
    refuses(TWO("f: string", "f: integer"), MERGE, "A.f is string and B.f is integer");
    refuses(TWO("f: {type: string, default: a}", "f: {type: string, default: b}"), MERGE,
            "A.f and B.f have different defaults");
    refuses(TWO("f: string", "f: {type: string, default: b}"), MERGE,
            "A.f and B.f have different defaults");
    refuses(TWO("f: {type: ref<A>, on_delete: unset}", "f: {type: ref<A>, on_delete: cascade}"), MERGE,
            "A.f and B.f have different `on_delete`");
    refuses("  A: {open: true, fields: {f: string}}\n  B: {fields: {f: string}}\n", MERGE,
            "A is open and B is not");
    refuses(TWO("f: string", "g: string"),
            "  - compute_field: {type: A, field: h, as: string, value: \"'a'\"}\n" MERGE, "A.h is computed");
    refuses(TWO("f: string", "g: string"),
            "  - change_key: {type: B, up: \"'b' || _key\", down: \"substr(_key, 2)\"}\n" MERGE,
            "the keys of B were changed: a merged type names its items by the keys that they have had all along");
    refuses(TWO("f: string", "g: string"), MERGE "  - change_key: {type: C, up: f, down: f}\n",
            "C was merged from several types, and stays so as a whole: its keys and its tag say which item is of which");
    refuses("  Dog: {fields: {f: string}}\n  Cat: {fields: {g: string}}\n",
            "  - merge_types: {types: [Dog, Kat], into: C, tag: kind}\n",
            "there is no type \"Kat\"; the nearest is \"Cat\"");
}
END_TEST

START_TEST(refused__arguments)
{
#define STEP(text, want)                                                                           \
    refuses(TWO("f: string", "kind: string"), "  - merge_types: {" text "}\n", want)
    STEP("types: [A], into: C, tag: k", "`types` is no list of at least two types");
    STEP("types: A, into: C, tag: k", "`types` is no list of at least two types");
    STEP("types: [A, X], into: C, tag: k", "there is no type \"X\"");
    STEP("types: [A, [B]], into: C, tag: k", "");
    STEP("types: [A, A], into: C, tag: k", "A and A show the same items");
    STEP("types: [A, B], into: C, tag: kind", "kind");
    STEP("types: [A, B], tag: k", "`into` is missing");
    STEP("types: [A, B], into: C", "`tag` is missing");
    STEP("into: C, tag: k", "`types` is missing");
}
END_TEST

/* New items go where the tag says: it must say so in every version, in the older types' names. */
START_TEST(refused__a_tag_that_says_something_else)
{
    static const char want[] = "C.kind says of which type an item is: it can be renamed, but not changed or removed";
    static const char *const steps[] = {
        "change_type: {type: C, field: kind, to: integer, up: \"1\", down: \"'B'\"}",
        "remove_field: {type: C, field: kind, down: \"'B'\"}",
        "relax_field: {type: C, field: kind, down: \"'B'\"}",
        "change_default: {type: C, field: kind, default: B}",
        "map_values: {type: C, field: kind, values: {A: one, B: two}}",
        "nest_fields: {type: C, fields: [kind], into: box}",
    };

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char text[300];
        snprintf(text, sizeof text, MERGE "  - %s\n", steps[i]);
        refuses(TWO("f: string", "g: string"), text, want);
    }
}
END_TEST

START_TEST(merged__a_tag_is_renamed)
{
    merge();
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - rename_field: {type: Pet, from: kind, to: species}\n");
    ASSERT_OK(rig_put(&r, "v3", "Pet", "kit", "{\"species\": \"Cat\", \"name\": \"Kit\"}"));
    ASSERT_LINE("v1", "Cat", "kit", "{\"_key\": \"kit\", \"name\": \"Kit\", \"indoor\": true}");
    ASSERT_LINE("v2", "Pet", "kit",
                "{\"_key\": \"kit\", \"kind\": \"Cat\", \"name\": \"Kit\", \"indoor\": true}");
}
END_TEST

static const char both_refer[] = "version: v1\ntypes:\n"
                                 "  Dog: {fields: {mate: ref<Dog>}}\n"
                                 "  Cat: {fields: {mate: ref<Dog>}}\n"
                                 "  Visit: {fields: {first: ref<Dog>, all: list<ref<Dog>>, note: string}}\n";

static void merge_both(void)
{
    rig_add(&r, both_refer);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Cat", "rex", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "max", "{\"mate\": \"rex\"}"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - merge_types: {types: [Cat, Dog], into: Pet, tag: kind}\n");
}

/* The dog's mate is the cat of the same key: none, to an older version. */
START_TEST(merged__a_reference_to_another_types_item_is_no_other_item)
{
    merge_both();
    ASSERT_LINE("v2", "Pet", "max", "{\"_key\": \"max\", \"kind\": \"Dog\", \"mate\": \"rex~Dog\"}");
    ASSERT_OK(rig_put(&r, "v2", "Pet", "max", "{\"kind\": \"Dog\", \"mate\": \"rex\"}"));
    ASSERT_LINE("v1", "Dog", "max", "{\"_key\": \"max\", \"mate\": null}");
    ASSERT_LINE("v2", "Pet", "max", "{\"_key\": \"max\", \"kind\": \"Dog\", \"mate\": \"rex\"}");
    ASSERT_OK(rig_put(&r, "v2", "Pet", "max", "{\"kind\": \"Dog\", \"mate\": \"rex~Dog\"}"));
    ASSERT_LINE("v1", "Dog", "max", "{\"_key\": \"max\", \"mate\": \"rex\"}");
    ck_assert_int_eq(findings(), 0);
}
END_TEST

START_TEST(merged__a_reference_that_an_older_version_reads_as_null_stays)
{
    merge_both();
    ASSERT_OK(rig_put(&r, "v2", "Visit", "v", "{\"first\": \"rex\", \"all\": [\"rex\", \"max\"]}"));
    ASSERT_LINE("v1", "Visit", "v", "{\"_key\": \"v\", \"first\": null, \"all\": [null, \"max\"]}");
    ASSERT_OK(rig_put(&r, "v1", "Visit", "v", "{\"first\": null, \"all\": [null, \"max\"], \"note\": \"n\"}"));
    ASSERT_LINE("v2", "Visit", "v",
                "{\"_key\": \"v\", \"first\": \"rex\", \"all\": [\"rex\", \"max\"], \"note\": \"n\"}");
    ASSERT_OK(rig_put(&r, "v1", "Visit", "v", "{\"first\": \"max\"}"));
    ASSERT_LINE("v2", "Visit", "v", "{\"_key\": \"v\", \"first\": \"max\"}");
}
END_TEST

/* rex the cat gives its name to rex the dog when the types are merged, whether anybody looks (i == 1), a backfill
 * comes by (2), or nobody notices until the dog is called something else or gone. */
START_TEST(merged__a_name_that_was_given_away_does_not_depend_on_who_looked)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {n: string}}\n  Cat: {fields: {n: string}}\n");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "tom", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Cat", "rex", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Cat", "tom", "{}"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - merge_types: {types: [Dog, Cat], into: Pet, tag: kind}\n");
    if (_i == 1)
        ck_assert_str_ne(rig_get(&r, "v2", "Pet", "rex~Cat"), "(none)");
    if (_i == 2)
        rig_backfill(&r);
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "rex", "max"));
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "tom"));
    ASSERT_LINE("v2", "Pet", "rex~Cat", "{\"_key\": \"rex~Cat\", \"kind\": \"Cat\"}");
    ASSERT_LINE("v2", "Pet", "tom~Cat", "{\"_key\": \"tom~Cat\", \"kind\": \"Cat\"}");
    ASSERT_LINE("v2", "Pet", "max", "{\"_key\": \"max\", \"kind\": \"Dog\"}");
    ck_assert_int_eq(rig_count(&r, "v2", "Pet"), 3);
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

/* Also after another text of that version, though no step computes anything in a Visit. */
START_TEST(merged__a_reference_that_an_older_version_reads_as_null_comes_back)
{
    merge_both();
    ASSERT_OK(rig_put(&r, "v2", "Visit", "v", "{\"first\": \"rex\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Visit", "v", "{\"first\": \"max\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Visit", "v", "{\"first\": null}"));
    ASSERT_LINE("v2", "Visit", "v", "{\"_key\": \"v\", \"first\": \"rex\"}");
    ASSERT_OK(rig_put(&r, "v2", "Visit", "v", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Visit", "v", "{\"first\": null}"));
    ASSERT_LINE("v2", "Visit", "v", "{\"_key\": \"v\", \"first\": null}");
}
END_TEST

/* The step before the merge moves a list of which it can't show all. */
START_TEST(merged__a_list_that_an_older_step_moves_keeps_what_it_does_not_show)
{
    rig_add(&r, "version: v1\ntypes:\n  Cat: {fields: {}}\n  Dog: {fields: {}}\n"
                "  Visit: {fields: {note: string, all: list<ref<Dog>>}}\n");
    ASSERT_OK(rig_put(&r, "v1", "Cat", "kit", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "max", "{}"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - nest_fields: {type: Visit, fields: [note, all], into: box}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n  - merge_types: {types: [Cat, Dog], into: Pet, tag: kind}\n");
    ASSERT_OK(rig_put(&r, "v3", "Visit", "v", "{\"box\": {\"note\": \"n\", \"all\": [\"kit\", \"max\"]}}"));
    ASSERT_LINE("v1", "Visit", "v", "{\"_key\": \"v\", \"note\": \"n\", \"all\": [null, \"max\"]}");
    ASSERT_OK(rig_put(&r, "v1", "Visit", "v", "{\"note\": \"m\", \"all\": [null, \"max\"]}"));
    ASSERT_LINE("v3", "Visit", "v",
                "{\"_key\": \"v\", \"box\": {\"note\": \"m\", \"all\": [\"kit\", \"max\"]}}");
    ck_assert_uint_eq(findings(), 0);
}
END_TEST

/* A cat that gives way to a dog keeps the bytes it was written with in v1, though v3 shows its key. */
START_TEST(merged__own_bytes_outlast_giving_way)
{
    static const char text[] = "{\"name\":   \"Kit\"}\n";

    merge();
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - add_field: {type: Pet, field: label, as: string, up: \"_key || '!'\"}\n");
    ASSERT_OK(rig_put(&r, "v1", "Cat", "kit", text));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "kit", "{\"name\": \"Dog\", \"size\": \"small\"}"));
    ASSERT_LINE("v3", "Pet", "kit~Cat",
                "{\"_key\": \"kit~Cat\", \"kind\": \"Cat\", \"name\": \"Kit\", \"indoor\": true, "
                "\"label\": \"kit~Cat!\"}");
    ck_assert_str_eq(rig_get(&r, "v1", "Cat", "kit"), text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_merge");
    TCase *t = tcase_create("merge");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, merged__is_the_same_before_and_after_a_backfill);
    tcase_add_test(t, merged__a_new_item_goes_where_its_tag_says);
    tcase_add_test(t, merged__a_tag_does_not_change);
    tcase_add_test(t, merged__each_kind_keeps_its_rules);
    tcase_add_test(t, merged__keys_give_way_and_come_back);
    tcase_add_test(t, refused__types_that_do_not_go_together);
    tcase_add_test(t, refused__arguments);
    tcase_add_test(t, merged__a_tag_is_renamed);
    tcase_add_test(t, merged__a_reference_to_another_types_item_is_no_other_item);
    tcase_add_test(t, merged__a_reference_that_an_older_version_reads_as_null_stays);
    tcase_add_loop_test(t, merged__a_name_that_was_given_away_does_not_depend_on_who_looked, 0, 3);
    tcase_add_test(t, merged__a_reference_that_an_older_version_reads_as_null_comes_back);
    tcase_add_test(t, merged__a_list_that_an_older_step_moves_keeps_what_it_does_not_show);
    tcase_add_test(t, merged__own_bytes_outlast_giving_way);
    tcase_add_test(t, merged__a_type_that_its_version_adds_gives_way);
    tcase_add_test(t, merged__a_copy_of_the_second_type_makes_items_of_it_after_finalize);
    tcase_add_test(t, merged__a_copy_is_another_type);
    tcase_add_test(t, refused__a_tag_that_says_something_else);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int bad = srunner_ntests_failed(runner);
    srunner_free(runner);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
