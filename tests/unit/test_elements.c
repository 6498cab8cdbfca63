/* Elements of lists and maps: which of them goes on in another text, with what is hidden of it. */
#include "lens_world.h"

#include <check.h>
#include <stdio.h>

#include "schemas/elements.h"

/* ---- Which goes on as which ---- */

/* One letter or JSON text an element, apart by blanks; want: places, - for a new one. */
static const struct alignment_case {
    const char *old, *now, *want;
} alignments[] = {
    {"1 2 3", "1 2 3", "0 1 2"},
    {"", "1", "-"},
    {"1", "", ""},
    {"1 2 3", "9 1 2 3", "- 0 1 2"},
    {"1 2 3", "1 3", "0 2"},
    {"1 2 3", "3 2 1", "2 1 0"},
    {"1 2 3 4 5", "1 4 2 5 3", "0 3 1 4 2"},
    /* equal ones: where they stood, then the first is the first */
    {"1 1 2 2", "2 1 2 1", "3 1 2 0"},
    {"9 1 1", "1 1 9", "2 1 0"},
    {"1 2 1 2", "2 1 2 1", "1 0 3 2"},
    {"1 1", "1 1 1", "0 1 -"},
    {"1 1 1", "1", "0"},
    /* edited ones: in order between those that stayed, or behind one, or before one */
    {"1 2 3", "1 9 3", "0 1 2"},
    {"1 2 3", "9 8 7", "0 1 2"},
    {"1 2 3 4", "1 9 8 4", "0 1 2 3"},
    {"1 2", "7 8 9", "0 1 -"},
    {"1 2 3", "3 9", "2 -"},
    {"1 2 3", "9 1", "- 0"},
    {"1 2 3", "2 9 1", "1 2 0"},
    /* what has more members left of itself */
    {"{\"a\":1,\"b\":1} {\"a\":2,\"b\":2}", "{\"a\":9,\"b\":2}", "1"},
    {"{\"a\":1,\"b\":1} {\"a\":2,\"b\":2}", "{\"a\":9,\"b\":2} {\"a\":3}", "1 -"},
    {"{\"a\":1,\"b\":1}", "{\"a\":5,\"b\":5} {\"a\":1,\"b\":7}", "- 0"},
    {"{\"a\":[1,{\"x\":2}],\"b\":1} {\"a\":3}", "{\"a\":[1,{\"x\":2}]}", "0"},
    /* edited and moved at once: half of the members are enough */
    {"{\"a\":1,\"b\":1} 2 3", "3 {\"a\":1,\"b\":9} 2", "2 0 1"},
    {"{\"a\":1,\"b\":1,\"c\":1} 2 3", "3 2 {\"a\":1}", "2 1 -"},
};

static size_t split(const char *text, struct arena *a, struct span **ret)
{
    size_t n = 0;
    *ret = arena_alloc(a, (strlen(text) + 1) * sizeof **ret);
    ck_assert_ptr_nonnull(*ret);
    while (*text) {
        size_t len = strcspn(text, " ");
        (*ret)[n++] = (struct span){text, len};
        text += len + (text[len] == ' ');
    }
    return n;
}

static void check_alignment(const struct alignment_case *c)
{
    struct arena a ARENA_CLEANUP = {0};
    struct buf got BUF_CLEANUP = BUF_INIT;
    struct span *old, *now;
    size_t n_old = split(c->old, &a, &old), n_now = split(c->now, &a, &now), from[16];
    bool ok = true;
    ck_assert_int_eq(elements_align(old, n_old, now, n_now, &a, from), 0);
    for (size_t i = 0; i < n_now; i++) {
        ok = ok && (!i || buf_addc(&got, ' '));
        ok = ok && (from[i] == ELEMENT_NEW ? buf_addc(&got, '-') : buf_printf(&got, "%zu", from[i]));
    }
    ck_assert(ok);
    ck_assert_msg(!strcmp(buf_str(&got), c->want), "%s to %s: %s, not %s", c->old, c->now, buf_str(&got),
                  c->want);
}

START_TEST(align__what_goes_on_as_what)
{
    check_alignment(&alignments[_i]);
}
END_TEST

/* Over as many pairs as are compared member by member, edited elements go by their place; none goes on twice. */
START_TEST(align__long_lists)
{
    enum { N = 30000 };
    struct arena a ARENA_CLEANUP = {0};
    struct span *old = arena_alloc(&a, N * sizeof *old), *now = arena_alloc(&a, N * sizeof *now);
    size_t *from = arena_alloc(&a, N * sizeof *from);
    ck_assert(old && now && from);
    for (size_t i = 0; i < N; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "{\"a\":%zu}", i);
        old[i] = (struct span){arena_strndup(&a, text, (size_t)len), (size_t)len};
        ck_assert_ptr_nonnull(old[i].p);
    }
    for (size_t i = 0; i < N; i++)
        now[i] = i < N / 2 ? span_of("{\"b\":1}") : old[N - 1 - (i - N / 2)];
    ck_assert_int_eq(elements_align(old, N, now, N, &a, from), 0);
    for (size_t i = 0; i < N / 2; i++)
        ck_assert_uint_eq(from[i], i);
    for (size_t i = N / 2; i < N; i++)
        ck_assert_uint_eq(from[i], N - 1 - (i - N / 2));
}
END_TEST

/* ---- Through a version ---- */

static struct lens_test t;

static void setup(void)
{
    lt_init(&t);
    lt_add(&t, "version: v1\n"
               "types:\n"
               "  Dog: {fields: {kinds: list<Kind>, by_day: map<Kind>, rows: list<list<Kind>>, ages: list<integer>,\n"
               "                 days: list<date>, colours: list<string>, homes: list<Home>, at: Home}}\n"
               "  Shelf: {fields: {boxes: list<Box>}}\n"
               "objects:\n"
               "  Box: {fields: {name: string, rows: {type: integer, default: 1}, note: string}}\n"
               "  Home: {fields: {street: string, code: string, kinds: list<Kind>}}\n"
               "enums:\n"
               "  Kind: [flat, house, barn]\n");
    lt_add(&t, "version: v2\n"
               "from: v1\n"
               "migrate:\n"
               "  - remove_value: {enum: Kind, value: barn, as: house}\n"
               "  - remove_field: {type: Home, field: code}\n"
               "  - remove_field: {type: Box, field: note}\n"
               "  - compute_field: {type: Box, field: loud, as: string, value: \"upper(name)\"}\n"
               "  - change_type: {type: Dog, field: ages, to: list<number>}\n"
               "  - change_type: {type: Dog, field: days, to: list<timestamp>}\n"
               "  - map_values: {type: Dog, field: colours, values: {tan: brown, sand: brown}}\n");
}

static void teardown(void)
{
    lt_free(&t);
}

/* Written through `from`, then edited through `through`: what `from` shows. */
static const struct edit_case {
    const char *from, *text, *through, *shown, *edit, *want;
} edits[] = {
    {"v1", "{\"kinds\": [\"barn\", \"flat\", \"house\", \"barn\"]}", "v2",
     "{\"kinds\": [\"house\", \"flat\", \"house\", \"house\"]}",
     "{\"kinds\": [\"house\", \"house\", \"house\", \"house\"]}",
     "{\"kinds\": [\"barn\", \"house\", \"house\", \"barn\"]}"},
    {"v1", "{\"kinds\": [\"barn\", \"flat\", \"house\"]}", "v2", "{\"kinds\": [\"house\", \"flat\", \"house\"]}",
     "{\"kinds\": [\"flat\", \"house\", \"flat\", \"house\"]}",
     "{\"kinds\": [\"flat\", \"barn\", \"flat\", \"house\"]}"},
    {"v1", "{\"by_day\": {\"mon\": \"barn\", \"tue\": \"barn\"}}", "v2",
     "{\"by_day\": {\"mon\": \"house\", \"tue\": \"house\"}}",
     "{\"by_day\": {\"wed\": \"house\", \"tue\": \"house\", \"mon\": \"flat\"}}",
     "{\"by_day\": {\"wed\": \"house\", \"tue\": \"barn\", \"mon\": \"flat\"}}"},
    {"v1", "{\"rows\": [[\"barn\", \"flat\"], [\"barn\"]]}", "v2", "{\"rows\": [[\"house\", \"flat\"], [\"house\"]]}",
     "{\"rows\": [[\"house\", \"house\"], [], [\"house\"]]}",
     "{\"rows\": [[\"barn\", \"house\"], [], [\"barn\"]]}"},
    {"v1", "{\"colours\": [\"sand\", \"black\", \"tan\"]}", "v2", "{\"colours\": [\"brown\", \"black\", \"brown\"]}",
     "{\"colours\": [\"brown\", \"red\", \"brown\", \"brown\"]}",
     "{\"colours\": [\"sand\", \"red\", \"tan\", \"tan\"]}"},
    {"v2", "{\"ages\": [1.5, 2, 3.0]}", "v1", "{\"ages\": [1, 2, 3]}", "{\"ages\": [3, 1, 7]}",
     "{\"ages\": [3.0, 1.5, 7]}"},
    {"v2", "{\"days\": [\"2024-05-01T10:00:00Z\", \"2024-05-02T11:00:00Z\"]}", "v1",
     "{\"days\": [\"2024-05-01\", \"2024-05-02\"]}", "{\"days\": [\"2024-05-03\", \"2024-05-02\"]}",
     "{\"days\": [\"2024-05-03T00:00:00Z\", \"2024-05-02T11:00:00Z\"]}"},
    /* inside objects, which are elements themselves */
    {"v1", "{\"at\": {\"code\": \"x\", \"kinds\": [\"barn\", \"flat\"]}}", "v2",
     "{\"at\": {\"kinds\": [\"house\", \"flat\"]}}", "{\"at\": {\"kinds\": [\"flat\", \"house\"]}}",
     "{\"at\": {\"code\": \"x\", \"kinds\": [\"flat\", \"barn\"]}}"},
    {"v1",
     "{\"homes\": [{\"street\": \"a\", \"code\": \"1\", \"kinds\": [\"barn\"]}, {\"street\": \"b\", \"code\": \"2\"}]}",
     "v2", "{\"homes\": [{\"street\": \"a\", \"kinds\": [\"house\"]}, {\"street\": \"b\"}]}",
     "{\"homes\": [{\"street\": \"b\"}, {\"street\": \"c\"}, {\"street\": \"a\", \"kinds\": [\"flat\", \"house\"]}]}",
     "{\"homes\": [{\"street\": \"b\", \"code\": \"2\"}, {\"street\": \"c\"}, {\"street\": \"a\", \"code\": \"1\", "
     "\"kinds\": [\"flat\", \"barn\"]}]}"},
    /* nothing, and null */
    {"v1", "{\"kinds\": [\"barn\"]}", "v2", "{\"kinds\": [\"house\"]}", "{\"kinds\": []}", "{\"kinds\": []}"},
    {"v1", "{\"kinds\": [\"barn\"]}", "v2", "{\"kinds\": [\"house\"]}", "{\"kinds\": null}", "{\"kinds\": null}"},
};

static void assert_shown(const char *version, const char *want)
{
    char line[512];
    snprintf(line, sizeof line, "{\"_key\": \"k\", %s\n", want + 1);
    ck_assert_str_eq(lt_line(&t, version, "Dog", "k"), line);
}

static void put(const char *version, const char *text)
{
    ck_assert_msg(lt_put(&t, version, "Dog", "k", text) == 0, "refused: %s", t.err.text);
}

static void check_edit(const struct edit_case *c)
{
    put(c->from, c->text);
    assert_shown(c->through, c->shown);
    put(c->through, c->edit);
    assert_shown(c->through, c->edit);
    assert_shown(c->from, c->want);
    put(c->through, c->shown); /* and back */
    assert_shown(c->from, c->text);
}

START_TEST(edit__what_a_version_does_not_show_stays_with_its_element)
{
    check_edit(&edits[_i]);
}
END_TEST

/* jq -S and others write members in an order of their own. */
START_TEST(edit__members_in_another_order)
{
    put("v1", "{\"homes\": [{\"street\": \"a\", \"code\": \"1\", \"kinds\": [\"flat\"]}, {\"street\": \"b\", \"code\": "
              "\"2\", \"kinds\": []}]}");
    put("v2", "{\"homes\": [{\"kinds\": [], \"street\": \"b\"}, {\"kinds\": [\"flat\"], \"street\": \"a\"}]}");
    assert_shown("v1", "{\"homes\": [{\"street\": \"b\", \"code\": \"2\", \"kinds\": []}, {\"street\": \"a\", \"code\": "
                       "\"1\", \"kinds\": [\"flat\"]}]}");
}
END_TEST

/* A default that is shown may be written back or left out, and what is computed too: the elements are the same. */
START_TEST(edit__defaults_and_computed_members)
{
    ck_assert_int_eq(lt_put(&t, "v1", "Shelf", "k",
                            "{\"boxes\": [{\"name\": \"a\", \"note\": \"x\"}, {\"name\": \"b\", \"rows\": 1, \"note\": \"y\"}, "
                            "{\"name\": \"c\", \"note\": \"z\"}]}"), 0);
    ck_assert_int_eq(lt_put(&t, "v2", "Shelf", "k",
                            "{\"boxes\": [{\"name\": \"c\", \"loud\": \"C\"}, {\"name\": \"b\"}, {\"rows\": 1, \"name\": \"a\"}]}"), 0);
    ck_assert_str_eq(lt_line(&t, "v1", "Shelf", "k"),
                     "{\"_key\": \"k\", \"boxes\": [{\"name\": \"c\", \"rows\": 1, \"note\": \"z\"}, {\"name\": \"b\", \"rows\": 1, "
                     "\"note\": \"y\"}, {\"name\": \"a\", \"rows\": 1, \"note\": \"x\"}]}\n");
}
END_TEST

/* Writers in turn: the one text starts from the other's, not from where its version began. */
START_TEST(edit__by_two_versions_in_turn)
{
    put("v1", "{\"kinds\": [\"barn\", \"flat\"], \"ages\": [1]}");
    put("v2", "{\"kinds\": [\"house\", \"flat\", \"house\"], \"ages\": [1, 2.5]}");
    assert_shown("v1", "{\"kinds\": [\"barn\", \"flat\", \"house\"], \"ages\": [1, 2]}");
    put("v1", "{\"kinds\": [\"flat\", \"barn\", \"barn\"], \"ages\": [2, 1, 3]}");
    assert_shown("v2", "{\"kinds\": [\"flat\", \"house\", \"house\"], \"ages\": [2.5, 1, 3]}");
    put("v2", "{\"kinds\": [\"house\", \"flat\"], \"ages\": [3, 2.5]}");
    assert_shown("v1", "{\"kinds\": [\"barn\", \"flat\"], \"ages\": [3, 2]}");
}
END_TEST

/* What stands in for a list that can't be shown is nobody's elements. */
START_TEST(edit__a_default_that_stood_in_hides_nothing)
{
    lt_add(&t, "version: v3\n"
               "from: v2\n"
               "migrate:\n"
               "  - add_type: {type: Cat, fields: {born: {type: list<date>, default: [\"2000-01-01\", \"2000-01-02\"]}}}\n");
    lt_add(&t, "version: v4\n"
               "from: v3\n"
               "migrate:\n"
               "  - change_type: {type: Cat, field: born, to: list<string>}\n");
    ck_assert_int_eq(lt_put(&t, "v4", "Cat", "k", "{\"born\": [\"1999-09-09\", \"unknown\"]}"), 0);
    ck_assert_str_eq(lt_line(&t, "v3", "Cat", "k"), "{\"_key\": \"k\", \"born\": [\"2000-01-01\", \"2000-01-02\"]}\n");
    ck_assert_int_eq(lt_put(&t, "v3", "Cat", "other", "{}"), 0);
    ck_assert_int_eq(lt_put(&t, "v4", "Cat", "k", "{\"born\": [\"1999-09-09\", \"1998-08-08\"]}"), 0);
    ck_assert_str_eq(lt_line(&t, "v3", "Cat", "k"), "{\"_key\": \"k\", \"born\": [\"1999-09-09\", \"1998-08-08\"]}\n");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("elements");
    TCase *pure = tcase_create("align"), *seen = tcase_create("edit");
    SRunner *runner;
    tcase_add_loop_test(pure, align__what_goes_on_as_what, 0, sizeof alignments / sizeof *alignments);
    tcase_add_test(pure, align__long_lists);
    suite_add_tcase(s, pure);
    tcase_add_checked_fixture(seen, setup, teardown);
    tcase_add_loop_test(seen, edit__what_a_version_does_not_show_stays_with_its_element, 0,
                        sizeof edits / sizeof *edits);
    tcase_add_test(seen, edit__members_in_another_order);
    tcase_add_test(seen, edit__defaults_and_computed_members);
    tcase_add_test(seen, edit__by_two_versions_in_turn);
    tcase_add_test(seen, edit__a_default_that_stood_in_hides_nothing);
    suite_add_tcase(s, seen);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
