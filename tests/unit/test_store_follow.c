/* What items show when the record that they refer to (extract_type) is written: the same whether they were
 * brought up to date before it or not, and what they hide comes back. */
#include "store_rig.h"

#include <check.h>

static struct rig r;

static void setup(void)
{
    rig_init(&r);
}
static void teardown(void)
{
    rig_free(&r);
}

#define PUT(...)                ASSERT_OK(rig_put(&r, __VA_ARGS__))
#define LINE(want, v, type, key) ASSERT_LINE(v, type, key, want)

/* The items are up to date in every other round (_i). */
static void backfill_or_not(int round)
{
    if (round)
        rig_backfill(&r);
}

START_TEST(record__what_an_older_side_hides_returns_with_it)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string, note: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - map_values: {type: Dog, field: name, values: {a: y, b: y}}\n");
    PUT("v1", "Dog", "k", "{\"name\": \"b\"}");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n");
    backfill_or_not(_i);
    PUT("v3", "X", "y", "{\"x\": \"z\"}");
    LINE("{\"_key\": \"k\", \"name\": \"z\"}", "v1", "Dog", "k");
    PUT("v2", "Dog", "k", "{\"name\": \"z\", \"note\": \"an edit of another field\"}");
    PUT("v3", "X", "y", "{\"x\": \"y\"}");
    LINE("{\"_key\": \"k\", \"name\": \"b\", \"note\": \"an edit of another field\"}", "v1", "Dog", "k");
}
END_TEST

START_TEST(record__decides_nothing_in_the_items)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: loud, as: string, up: upper(name)}\n");
    PUT("v1", "Dog", "k", "{\"name\": \"a\"}");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n");
    backfill_or_not(_i);
    PUT("v3", "X", "a", "{\"x\": \"b\"}");
    LINE("{\"_key\": \"k\", \"name\": \"b\", \"loud\": \"B\"}", "v2", "Dog", "k");
    LINE("{\"_key\": \"k\", \"r\": \"a\", \"loud\": \"B\"}", "v3", "Dog", "k");
}
END_TEST

START_TEST(record__of_a_seeded_field_decides_it_for_nobody)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: loud, as: string, up: upper(name)}\n");
    PUT("v1", "Dog", "k", "{\"name\": \"a\"}");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {loud: x}, into: X, as: r}\n");
    backfill_or_not(_i);
    PUT("v3", "X", "A", "{\"x\": \"B\"}");
    LINE("{\"_key\": \"k\", \"name\": \"a\", \"loud\": \"B\"}", "v2", "Dog", "k");
    PUT("v1", "Dog", "k", "{\"name\": \"c\"}");
    LINE("{\"_key\": \"k\", \"name\": \"c\", \"loud\": \"C\"}", "v2", "Dog", "k");
    LINE("{\"_key\": \"k\", \"name\": \"c\", \"r\": \"C\"}", "v3", "Dog", "k");
}
END_TEST

/* A field stands in a record, and what seeds it stands in another one since a later step: it goes on following its
 * own, and the other one moves it to no record. */
START_TEST(record__of_what_another_field_was_seeded_from)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {state: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: loud, as: string, up: upper(state)}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - change_type: {type: Dog, field: loud, to: string, up: \"loud || '!'\", down: \"rtrim(loud, '!')\"}\n"
                "  - extract_type: {type: Dog, fields: {loud: x}, into: X, as: r}\n");
    PUT("v1", "Dog", "k1", "{\"state\": \"a\"}");
    PUT("v2", "Dog", "k2", "{\"loud\": \"B\"}");
    rig_add(&r, "version: v4\nfrom: v3\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {state: y}, into: Y, as: q}\n");
    backfill_or_not(_i);
    PUT("v3", "X", "A!", "{\"x\": \"C!\"}");
    PUT("v3", "X", "B!", "{\"x\": \"D!\"}");
    LINE("{\"_key\": \"k1\", \"state\": \"a\", \"loud\": \"C\"}", "v2", "Dog", "k1");
    LINE("{\"_key\": \"k2\", \"loud\": \"D\"}", "v2", "Dog", "k2");
    PUT("v4", "Y", "a", "{\"y\": \"e\"}");
    LINE("{\"_key\": \"k1\", \"state\": \"e\", \"loud\": \"C\"}", "v2", "Dog", "k1");
    LINE("{\"_key\": \"k1\", \"q\": \"a\", \"r\": \"A!\"}", "v4", "Dog", "k1");
    backfill_or_not(!_i);
    LINE("{\"_key\": \"k1\", \"state\": \"e\", \"loud\": \"C\"}", "v2", "Dog", "k1");
}
END_TEST

/* A later step of the same version removed the items' type. */
START_TEST(record__of_items_that_its_version_does_not_show)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: loud, as: string, up: upper(name)}\n");
    PUT("v1", "Dog", "k", "{\"name\": \"a\"}");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n"
                "  - remove_type: {type: Dog}\n");
    backfill_or_not(_i);
    PUT("v3", "X", "a", "{\"x\": \"b\"}");
    LINE("{\"_key\": \"k\", \"name\": \"b\", \"loud\": \"B\"}", "v2", "Dog", "k");
}
END_TEST

/* What later steps give is not there yet when the record's value comes. */
START_TEST(record__before_later_steps)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    PUT("v1", "Dog", "k", "{\"name\": \"ab\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: loud, as: string, up: upper(name)}\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - split_field: {type: Dog, field: loud, into: {l: {as: string, up: \"substr(loud, 1, 1)\"},"
                " m: {as: string, up: \"substr(loud, 2)\"}}, down: \"l || m\"}\n");
    backfill_or_not(_i);
    PUT("v2", "X", "ab", "{\"x\": \"cd\"}");
    LINE("{\"_key\": \"k\", \"r\": \"ab\", \"loud\": \"CD\"}", "v2", "Dog", "k");
    LINE("{\"_key\": \"k\", \"r\": \"ab\", \"l\": \"C\", \"m\": \"D\"}", "v3", "Dog", "k");
}
END_TEST

/* A field over two references, one of them a step further away. */
START_TEST(record__of_a_part_of_a_part)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    PUT("v1", "Dog", "k", "{\"name\": \"abcd\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - split_field: {type: Dog, field: name, into: {a: {as: string, up: \"substr(name, 1, 2)\"},"
                " b: {as: string, up: \"substr(name, 3)\"}}, down: \"a || b\"}\n"
                "  - extract_type: {type: Dog, fields: {b: x}, into: X, as: r}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - split_field: {type: Dog, field: a, into: {c: {as: string, up: \"substr(a, 1, 1)\"},"
                " d: {as: string, up: \"substr(a, 2)\"}}, down: \"c || d\"}\n"
                "  - extract_type: {type: Dog, fields: {c: y}, into: Y, as: s}\n");
    backfill_or_not(_i);
    PUT("v3", "Y", "a", "{\"y\": \"z\"}");
    LINE("{\"_key\": \"k\", \"name\": \"zbcd\"}", "v1", "Dog", "k");
}
END_TEST

START_TEST(record__gives_a_list_its_head)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {names: list<string>}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - unwrap_list: {type: Dog, field: names}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {names: x}, into: X, as: r}\n");
    PUT("v1", "Dog", "k", "{\"names\": [\"a\", \"b\"]}");
    PUT("v2", "Dog", "k", "{\"names\": null}");
    LINE("{\"_key\": \"k\", \"names\": null}", "v1", "Dog", "k");
    PUT("v3", "X", "%null", "{\"x\": \"c\"}");
    LINE("{\"_key\": \"k\", \"names\": [\"c\", \"b\"]}", "v1", "Dog", "k");
}
END_TEST

/* Another record is another value: what an older one hid of it is overwritten. */
START_TEST(reference__overwrites_what_was_hidden)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {size: Size}}\nenums: {Size: [small, large]}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - change_type: {type: Dog, field: size, to: string}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {size: x}, into: X, as: r}\n");
    PUT("v1", "Dog", "other", "{\"size\": \"small\"}");
    PUT("v2", "Dog", "k", "{\"size\": \"12\"}");
    PUT("v1", "Dog", "k", "{\"size\": \"large\"}");
    PUT("v3", "Dog", "k", "{\"r\": \"small\"}");
    PUT("v1", "Dog", "k", "{}");
    LINE("{\"_key\": \"k\"}", "v2", "Dog", "k");
}
END_TEST

/* The second of two writes leaves what it alone would have left; where another version has written the record between
 * them, that is what this one left. */
START_TEST(written__twice_from_before_the_step)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {size: string, note: string}}\n");
    PUT("v1", "Dog", "k", "{}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {size: x}, into: X, as: r}\n");
    backfill_or_not(_i);
    PUT("v1", "Dog", "k", "{\"size\": \"large\"}");
    PUT("v1", "Dog", "k", "{\"note\": \"a\"}");
    LINE("{\"_key\": \"k\", \"note\": \"a\"}", "v2", "Dog", "k");
    PUT("v1", "Dog", "k", "{\"size\": \"large\"}");
    PUT("v2", "X", "large", "{}");
    PUT("v1", "Dog", "k", "{\"note\": \"a\"}");
    LINE("{\"_key\": \"k\", \"r\": \"large\", \"note\": \"a\"}", "v2", "Dog", "k");
}
END_TEST

/* Of items that are made where the reference is gone already, older versions show none. */
START_TEST(made__without_the_reference)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: loud, as: string, up: upper(name)}\n"
                "  - extract_type: {type: Dog, fields: {loud: x}, into: X, as: r}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n  - remove_field: {type: Dog, field: r}\n");
    PUT("v3", "Dog", "k", "{\"name\": \"a\"}");
    LINE("{\"_key\": \"k\", \"name\": \"a\"}", "v2", "Dog", "k");
    ck_assert_str_eq(rig_keys(&r, "v2", "X"), "");
}
END_TEST

/* What is computed for good goes on when its version is gone, over a reference and by its name. */
START_TEST(computed__goes_on_when_its_version_is_gone)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string, boss: ref<Dog>}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - compute_field: {type: Dog, field: loud, as: string, value: upper(name)}\n"
                "  - compute_field: {type: Dog, field: under, as: string, value: boss}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n");
    PUT("v1", "Dog", "b", "{}");
    PUT("v1", "Dog", "k", "{\"name\": \"a\", \"boss\": \"b\"}");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    PUT("v3", "X", "a", "{\"x\": \"c\"}");
    ASSERT_OK(rig_rename(&r, "v3", "Dog", "b", "zoe"));
    LINE("{\"_key\": \"k\", \"r\": \"a\", \"boss\": \"zoe\", \"loud\": \"C\", \"under\": \"zoe\"}", "v3", "Dog", "k");
}
END_TEST

/* v2 puts names into records, v3 shows them in the item again. */
static void inline_names(void)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - inline_type: {type: Dog, ref: r, fields: {x: i}}\n");
}

/* What it referred to while it had no value has one now. */
START_TEST(inlined__unset_does_not_go_back_to_a_value)
{
    inline_names();
    PUT("v1", "Dog", "k", "{\"name\": \"y\"}");
    PUT("v3", "Dog", "k", "{}");
    PUT("v3", "Dog", "k", "{\"i\": \"done\"}");
    PUT("v1", "Dog", "other", "{\"name\": \"done\"}");
    PUT("v1", "Dog", "k", "{\"name\": \"pending\"}");
    PUT("v3", "Dog", "k", "{}");
    LINE("{\"_key\": \"k\"}", "v3", "Dog", "k");
    LINE("{\"_key\": \"k\"}", "v1", "Dog", "k");
}
END_TEST

START_TEST(inlined__unset_does_not_go_back_to_what_is_gone)
{
    inline_names();
    PUT("v2", "X", "none", "{}");
    PUT("v2", "Dog", "k", "{\"r\": \"none\"}");
    PUT("v3", "Dog", "k", "{\"i\": \"a\"}");
    PUT("v1", "Dog", "k", "{\"name\": \"pending\"}");
    ASSERT_OK(rig_delete(&r, "v2", "X", "none"));
    PUT("v3", "Dog", "k", "{}");
    LINE("{\"_key\": \"k\"}", "v2", "Dog", "k");
}
END_TEST

/* Of two writes by one version only the second counts: it has a value of what the item referred to before them. */
START_TEST(inlined__unset_between_two_values_lets_nothing_go)
{
    inline_names();
    PUT("v1", "Dog", "k", "{\"name\": null}");
    PUT("v3", "Dog", "k", "{}");
    PUT("v3", "Dog", "k", "{\"i\": \"a\"}");
    LINE("{\"_key\": \"k\", \"r\": \"%null\"}", "v2", "Dog", "k");
    PUT("v1", "Dog", "k", "{\"name\": \"pending\"}");
    PUT("v3", "Dog", "k", "{}");
    LINE("{\"_key\": \"k\", \"r\": \"pending\"}", "v2", "Dog", "k");
}
END_TEST

/* Both steps go over one reference, and only the newer one still shows it. */
START_TEST(inlined__stays_beside_what_is_computed_from_it)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - compute_field: {type: Dog, field: loud, as: string, value: upper(name)}\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - inline_type: {type: Dog, ref: r, fields: {x: i}}\n");
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    PUT("v3", "Dog", "k", "{\"i\": \"a\"}");
    LINE("{\"_key\": \"k\", \"i\": \"a\", \"loud\": \"A\"}", "v3", "Dog", "k");
    PUT("v3", "Dog", "k", "{\"i\": \"b\"}");
    LINE("{\"_key\": \"k\", \"i\": \"b\", \"loud\": \"B\"}", "v3", "Dog", "k");
}
END_TEST

/* Under "unset" it was hidden; since then no value was that the step would not give. */
START_TEST(record__hides_nothing_that_a_step_gives)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {size: E}}\nenums: {E: [small, medium]}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {size: x}, into: X, as: r}\n");
    rig_add(&r, "version: v3\nfrom: v1\nmigrate:\n  - add_value: {enum: E, value: large, as: medium}\n");
    rig_add(&r, "version: v4\nfrom: v3\nmigrate:\n"
                "  - change_type: {type: Dog, field: size, to: string}\n"
                "  - transform: {type: Dog, add: {a: string}, remove: [size], up: {a: size}, down: {size: a}}\n");
    rig_add(&r, "version: v5\nfrom: v4\nmigrate:\n"
                "  - split_field: {type: Dog, field: a, into: {b: {as: string, up: a}}, down: b}\n");
    PUT("v5", "Dog", "k", "{\"b\": \"own\"}");
    PUT("v1", "Dog", "k", "{\"size\": \"small\"}");
    PUT("v3", "Dog", "k", "{\"size\": \"medium\"}");
    PUT("v2", "X", "medium", "{\"x\": \"small\"}");
    PUT("v1", "Dog", "k", "{}");
    LINE("{\"_key\": \"k\", \"b\": \"own\"}", "v5", "Dog", "k");
}
END_TEST

/* Who wrote a seeded field decided it for good, whatever shows there by a record since. */
START_TEST(record__leaves_a_seeded_field_to_who_decided_it)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Dog, field: size, as: string, up: name}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - change_type: {type: Dog, field: size, to: integer, up: \"CAST(size AS INTEGER)\","
                " down: \"CAST(size AS TEXT)\"}\n"
                "  - extract_type: {type: Dog, fields: {size: x}, into: X, as: r}\n");
    PUT("v2", "Dog", "k", "{\"name\": \"a\", \"size\": \"12\"}");
    PUT("v3", "X", "12", "{}");
    PUT("v1", "Dog", "k", "{\"name\": \"b\"}");
    LINE("{\"_key\": \"k\", \"name\": \"b\"}", "v2", "Dog", "k");
}
END_TEST

/* What `down` reads is computed from a field that stands in a record, which the same write finds. */
START_TEST(made__behind_what_is_computed_from_its_record)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string, kind: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - compute_field: {type: Dog, field: loud, as: string, value: upper(name)}\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n"
                "  - remove_field: {type: Dog, field: kind, down: loud}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - inline_type: {type: Dog, ref: r, fields: {x: i}}\n");
    PUT("v3", "Dog", "k", "{\"i\": \"a\"}");
    LINE("{\"_key\": \"k\", \"name\": \"a\", \"kind\": \"A\"}", "v1", "Dog", "k");
}
END_TEST

/* Two records have the values by now: the one that is called by them counts, whichever was made first. */
START_TEST(values__of_several_records_go_to_the_one_of_that_name)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {size: string}}\n");
    PUT("v1", "Dog", "k1", "{\"size\": \"small\"}");
    PUT("v1", "Dog", "k2", "{\"size\": \"large\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - extract_type: {type: Dog, fields: {size: x}, into: X, as: r}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - inline_type: {type: Dog, ref: r, fields: {x: i}}\n");
    backfill_or_not(_i);
    PUT("v3", "Dog", "k2", "{\"i\": \"small\"}");
    PUT("v1", "Dog", "k3", "{\"size\": \"small\"}");
    LINE("{\"_key\": \"k3\", \"r\": \"small\"}", "v2", "Dog", "k3");
    PUT("v3", "Dog", "k2", "{\"i\": \"medium\"}");
    LINE("{\"_key\": \"k3\", \"size\": \"small\"}", "v1", "Dog", "k3");
    PUT("v2", "X", "small", "{\"x\": \"huge\"}");
    PUT("v2", "X", "large", "{\"x\": \"huge\"}");
    PUT("v1", "Dog", "k4", "{\"size\": \"huge\"}");
    LINE("{\"_key\": \"k4\", \"r\": \"large\"}", "v2", "Dog", "k4");
}
END_TEST

/* No version shows the reference any more either: what is computed over it goes on. */
START_TEST(computed__goes_on_over_a_reference_that_nobody_shows)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {name: string}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - compute_field: {type: Dog, field: loud, as: string, value: upper(name)}\n"
                "  - extract_type: {type: Dog, fields: {name: x}, into: X, as: r}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n  - remove_field: {type: Dog, field: r}\n");
    PUT("v1", "Dog", "k", "{\"name\": \"a\"}");
    PUT("v3", "X", "a", "{\"x\": \"b\"}");
    LINE("{\"_key\": \"k\", \"loud\": \"B\"}", "v3", "Dog", "k");
    rig_backfill(&r);
    rig_state(&r, "v1", VERSION_GONE);
    rig_state(&r, "v2", VERSION_GONE);
    PUT("v3", "X", "a", "{\"x\": \"c\"}");
    LINE("{\"_key\": \"k\", \"loud\": \"C\"}", "v3", "Dog", "k");
    PUT("v3", "X", "a", "{}");
    LINE("{\"_key\": \"k\"}", "v3", "Dog", "k");
    ASSERT_OK(rig_delete(&r, "v3", "X", "a"));
    LINE("{\"_key\": \"k\"}", "v3", "Dog", "k");
}
END_TEST

/* Of a writer who left the field unset, where the step would give something. */
START_TEST(record__hides_that_there_was_no_value)
{
    inline_names();
    rig_add(&r, "version: v4\nfrom: v3\nmigrate:\n"
                "  - change_type: {type: Dog, field: i, to: string, up: \"coalesce(i, 'none')\", down: i}\n");
    PUT("v2", "X", "x", "{}");
    PUT("v2", "Dog", "k", "{\"r\": \"x\"}");
    PUT("v4", "Dog", "k", "{}");
    PUT("v2", "X", "x", "{\"x\": \"a\"}");
    LINE("{\"_key\": \"k\", \"i\": \"a\"}", "v4", "Dog", "k");
    PUT("v1", "Dog", "k", "{}");
    LINE("{\"_key\": \"k\"}", "v4", "Dog", "k");
}
END_TEST

/* What the newer side shows was computed from the oldest one, and is what a step between would not give. */
START_TEST(record__hides_what_an_older_step_gave)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {size: E}}\nenums: {E: [small, large]}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n  - add_value: {enum: E, value: huge, as: large}\n");
    rig_add(&r, "version: v3\nfrom: v2\nmigrate:\n"
                "  - remove_value: {enum: E, value: large, as: huge}\n"
                "  - extract_type: {type: Dog, fields: {size: x}, into: X, as: r}\n");
    PUT("v1", "Dog", "k", "{\"size\": \"large\"}");
    PUT("v3", "X", "huge", "{\"x\": \"small\"}");
    LINE("{\"_key\": \"k\", \"size\": \"small\"}", "v2", "Dog", "k");
    backfill_or_not(_i);
    PUT("v3", "X", "o", "{\"x\": \"huge\"}");
    PUT("v3", "Dog", "k", "{\"r\": \"o\"}");
    LINE("{\"_key\": \"k\", \"size\": \"large\"}", "v2", "Dog", "k");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_follow");
    TCase *t = tcase_create("store_follow");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, record__what_an_older_side_hides_returns_with_it, 0, 2);
    tcase_add_loop_test(t, record__decides_nothing_in_the_items, 0, 2);
    tcase_add_loop_test(t, record__of_a_seeded_field_decides_it_for_nobody, 0, 2);
    tcase_add_loop_test(t, record__of_what_another_field_was_seeded_from, 0, 2);
    tcase_add_loop_test(t, record__of_items_that_its_version_does_not_show, 0, 2);
    tcase_add_loop_test(t, record__before_later_steps, 0, 2);
    tcase_add_loop_test(t, record__of_a_part_of_a_part, 0, 2);
    tcase_add_test(t, record__gives_a_list_its_head);
    tcase_add_loop_test(t, values__of_several_records_go_to_the_one_of_that_name, 0, 2);
    tcase_add_test(t, record__leaves_a_seeded_field_to_who_decided_it);
    tcase_add_test(t, made__behind_what_is_computed_from_its_record);
    tcase_add_test(t, record__hides_nothing_that_a_step_gives);
    tcase_add_test(t, reference__overwrites_what_was_hidden);
    tcase_add_loop_test(t, written__twice_from_before_the_step, 0, 2);
    tcase_add_test(t, made__without_the_reference);
    tcase_add_test(t, inlined__unset_does_not_go_back_to_a_value);
    tcase_add_test(t, inlined__unset_does_not_go_back_to_what_is_gone);
    tcase_add_test(t, inlined__unset_between_two_values_lets_nothing_go);
    tcase_add_test(t, inlined__stays_beside_what_is_computed_from_it);
    tcase_add_test(t, computed__goes_on_when_its_version_is_gone);
    tcase_add_test(t, computed__goes_on_over_a_reference_that_nobody_shows);
    tcase_add_test(t, record__hides_that_there_was_no_value);
    tcase_add_loop_test(t, record__hides_what_an_older_step_gave, 0, 2);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
