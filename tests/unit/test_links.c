/* Fields that stand in another item: move_field and inline_type, through all versions. */
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

/* Lines are compared without the key, which the test names. */
static void check_line(const char *v, const char *type, const char *key, const char *want)
{
    char line[1024];
    if (!strcmp(want, "(none)"))
        snprintf(line, sizeof line, "(none)");
    else
        snprintf(line, sizeof line, "{\"_key\": \"%s\"%s%s}\n", key, *want ? ", " : "", want);
    ck_assert_str_eq(lt_line(&t, v, type, key), line);
}
#define PUT(...)                                                                                   \
    do {                                                                                           \
        int rc_ = lt_put(&t, __VA_ARGS__);                                                         \
        ck_assert_msg(rc_ == 0, "refused: %s", t.err.text);                                        \
    } while (0)
#define REFUSED(want, ...)                                                                         \
    do {                                                                                           \
        ck_assert_int_eq(lt_put(&t, __VA_ARGS__), -1);                                             \
        ck_assert_msg(strstr(t.err.text, want) != NULL, "%s", t.err.text);                         \
    } while (0)

static const char dogs[] = "version: v1\n"
                           "types:\n"
                           "  Dog:\n"
                           "    fields:\n"
                           "      name: string\n"
                           "      city: string\n"
                           "      owner: {type: ref<Person>, on_delete: unset}\n"
                           "  Person: {fields: {name: string}}\n";
static const char moved[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n";

/* ann and bob; rex and zoe are ann's, and may differ. */
static void two_dogs(void)
{
    lt_add(&t, dogs);
    PUT("v1", "Person", "ann", "{\"name\": \"Ann\"}");
    PUT("v1", "Person", "bob", "{\"name\": \"Bob\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"ann\"}");
    PUT("v1", "Dog", "tim", "{\"name\": \"Tim\", \"city\": \"Oslo\"}");
}

static void moved_dogs(void)
{
    two_dogs();
    lt_add(&t, moved);
    lt_backfill(&t);
}

static void v1_as_it_was(void)
{
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "tim", "\"name\": \"Tim\", \"city\": \"Oslo\"");
}

/* ---- move_field ---- */

START_TEST(move__backfill_changes_no_old_text)
{
    two_dogs();
    lt_add(&t, moved);
    v1_as_it_was();
    check_line("v2", "Dog", "rex", "\"name\": \"Rex\", \"owner\": \"ann\"");
    lt_backfill(&t);
    v1_as_it_was();
    check_line("v2", "Dog", "rex", "\"name\": \"Rex\", \"owner\": \"ann\"");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Berlin\"");
    check_line("v2", "Person", "bob", "\"name\": \"Bob\"");
    check_line("v1", "Person", "ann", "\"name\": \"Ann\"");
}
END_TEST

START_TEST(move__new_side_shows_in_every_holder)
{
    moved_dogs();
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Paris\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Paris\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Paris\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "tim", "\"name\": \"Tim\", \"city\": \"Oslo\"");
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"owner\": \"ann\"");
    PUT("v2", "Person", "bob", "{\"name\": \"Bob\", \"city\": \"Bonn\"}");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"owner\": \"bob\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Bonn\", \"owner\": \"bob\"");
}
END_TEST

START_TEST(move__a_b_a_shows_what_holders_had)
{
    moved_dogs();
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Paris\"}");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Paris\", \"owner\": \"ann\"");
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Berlin\"}");
    v1_as_it_was();
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"}");
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Paris\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Paris\", \"owner\": \"ann\"");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"}");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Paris\", \"owner\": \"ann\"");
}
END_TEST

START_TEST(move__old_side_leaves_other_holders_alone)
{
    moved_dogs();
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"ann\"");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Kiel\"");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"owner\": \"ann\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\"");
    /* an edit of another field says nothing about the city */
    PUT("v2", "Person", "ann", "{\"name\": \"Anne\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"");
    PUT("v2", "Person", "ann", "{\"name\": \"Anne\", \"city\": \"Ulm\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Ulm\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Ulm\", \"owner\": \"ann\"");
}
END_TEST

START_TEST(move__a_new_holder_takes_nothing_from_the_target)
{
    moved_dogs();
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Paris\"}");
    PUT("v1", "Dog", "new", "{\"name\": \"New\", \"owner\": \"ann\"}");
    ck_assert_str_eq(lt_get(&t, "v1", "Dog", "new"), "{\"name\": \"New\", \"owner\": \"ann\"}");
    check_line("v1", "Dog", "new", "\"name\": \"New\", \"owner\": \"ann\"");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Paris\"");
    /* made through the new side it shows what the new side says */
    PUT("v2", "Dog", "two", "{\"name\": \"Two\", \"owner\": \"ann\"}");
    check_line("v1", "Dog", "two", "\"name\": \"Two\", \"city\": \"Paris\", \"owner\": \"ann\"");
    /* and with a city it says one */
    PUT("v1", "Dog", "three", "{\"name\": \"Three\", \"city\": \"Linz\", \"owner\": \"ann\"}");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Linz\"");
    check_line("v1", "Dog", "two", "\"name\": \"Two\", \"city\": \"Paris\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "three", "\"name\": \"Three\", \"city\": \"Linz\", \"owner\": \"ann\"");
}
END_TEST

START_TEST(move__old_side_changes_the_reference)
{
    moved_dogs();
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"bob\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"bob\"");
    check_line("v2", "Person", "bob", "\"name\": \"Bob\", \"city\": \"Berlin\"");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Berlin\"");
    PUT("v2", "Person", "bob", "{\"name\": \"Bob\", \"city\": \"Bonn\"}");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"bob\"}");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"bob\"");
    check_line("v2", "Person", "bob", "\"name\": \"Bob\", \"city\": \"Bonn\"");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"city\": \"Rome\"}");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Rome\"");
}
END_TEST

START_TEST(move__without_a_reference_the_holder_keeps_it)
{
    moved_dogs();
    PUT("v1", "Dog", "tim", "{\"name\": \"Tim\", \"city\": \"Turin\"}");
    check_line("v1", "Dog", "tim", "\"name\": \"Tim\", \"city\": \"Turin\"");
    check_line("v2", "Dog", "tim", "\"name\": \"Tim\"");
    /* bob has none: he gets it. Without him tim has what he had before. */
    PUT("v2", "Dog", "tim", "{\"name\": \"Tim\", \"owner\": \"bob\"}");
    check_line("v1", "Dog", "tim", "\"name\": \"Tim\", \"city\": \"Turin\", \"owner\": \"bob\"");
    check_line("v2", "Person", "bob", "\"name\": \"Bob\", \"city\": \"Turin\"");
    PUT("v2", "Person", "bob", "{\"name\": \"Bob\", \"city\": \"Bonn\"}");
    check_line("v1", "Dog", "tim", "\"name\": \"Tim\", \"city\": \"Bonn\", \"owner\": \"bob\"");
    PUT("v2", "Dog", "tim", "{\"name\": \"Timmy\"}");
    check_line("v1", "Dog", "tim", "\"name\": \"Timmy\", \"city\": \"Turin\"");
    /* what it has beside a target's value is its own, too */
    PUT("v1", "Dog", "tim", "{\"name\": \"Tim\", \"city\": \"Turin\", \"owner\": \"bob\"}");
    check_line("v2", "Person", "bob", "\"name\": \"Bob\", \"city\": \"Bonn\"");
    PUT("v2", "Dog", "tim", "{\"name\": \"Tim\", \"owner\": \"ann\"}");
    check_line("v1", "Dog", "tim", "\"name\": \"Tim\", \"city\": \"Berlin\", \"owner\": \"ann\"");
    PUT("v2", "Dog", "tim", "{\"name\": \"Tim\"}");
    check_line("v1", "Dog", "tim", "\"name\": \"Tim\", \"city\": \"Turin\"");
}
END_TEST

START_TEST(move__writes_before_the_backfill)
{
    two_dogs();
    lt_add(&t, moved);
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"city\": \"Kiel\", \"owner\": \"ann\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"ann\"");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Kiel\"");
    lt_backfill(&t);
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Berlin\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Kiel\", \"owner\": \"ann\"");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Kiel\"");
}
END_TEST

START_TEST(move__revert_equals_never_added)
{
    moved_dogs();
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"}");
    lt_state(&t, "v2", VERSION_DORMANT);
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"bob\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"city\": \"Kiel\", \"owner\": \"ann\"");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zoe\", \"city\": \"Rome\", \"owner\": \"bob\"");
    lt_state(&t, "v2", VERSION_LIVE);
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Kiel\"");
    check_line("v2", "Person", "bob", "\"name\": \"Bob\", \"city\": \"Rome\"");
}
END_TEST

START_TEST(move__finalize_either_side)
{
    moved_dogs();
    lt_state(&t, "v1", VERSION_GONE);
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"Berlin\"");
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Paris\"}");
    PUT("v2", "Dog", "rex", "{\"name\": \"R\", \"owner\": \"ann\"}");
    check_line("v2", "Dog", "rex", "\"name\": \"R\", \"owner\": \"ann\"");
}
END_TEST

START_TEST(move__finalize_of_a_sibling_keeps_the_values)
{
    moved_dogs();
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"Paris\"}");
    lt_add(&t, "version: w2\nfrom: v1\nmigrate:\n"
               "  - rename_field: {type: Dog, from: city, to: town}\n");
    lt_state(&t, "v1", VERSION_GONE);
    lt_state(&t, "v2", VERSION_GONE);
    check_line("w2", "Dog", "rex", "\"name\": \"Rex\", \"town\": \"Paris\", \"owner\": \"ann\"");
    PUT("w2", "Dog", "rex", "{\"name\": \"R\", \"town\": \"Paris\", \"owner\": \"ann\"}");
    check_line("w2", "Dog", "rex", "\"name\": \"R\", \"town\": \"Paris\", \"owner\": \"ann\"");
    PUT("w2", "Dog", "rex", "{\"name\": \"R\", \"owner\": \"ann\"}");
    check_line("w2", "Dog", "rex", "\"name\": \"R\", \"owner\": \"ann\"");
    check_line("w2", "Dog", "zoe", "\"name\": \"Zoe\", \"town\": \"Paris\", \"owner\": \"ann\"");
}
END_TEST

START_TEST(move__over_two_references)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {zone: string, owner: ref<Person>}}\n"
               "  Person: {fields: {land: ref<Land>}}\n"
               "  Land: {fields: {name: string}}\n");
    PUT("v1", "Land", "de", "{\"name\": \"De\"}");
    PUT("v1", "Person", "ann", "{\"land\": \"de\"}");
    PUT("v1", "Dog", "rex", "{\"zone\": \"CET\", \"owner\": \"ann\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - move_field: {type: Dog, field: zone, to: Person, through: owner}\n"
               "  - move_field: {type: Person, field: zone, to: Land, through: land, as: time}\n");
    lt_backfill(&t);
    check_line("v2", "Land", "de", "\"name\": \"De\", \"time\": \"CET\"");
    PUT("v2", "Land", "de", "{\"name\": \"De\", \"time\": \"UTC\"}");
    check_line("v1", "Dog", "rex", "\"zone\": \"UTC\", \"owner\": \"ann\"");
    PUT("v1", "Dog", "rex", "{\"zone\": \"PST\", \"owner\": \"ann\"}");
    check_line("v2", "Land", "de", "\"name\": \"De\", \"time\": \"PST\"");
    check_line("v1", "Dog", "rex", "\"zone\": \"PST\", \"owner\": \"ann\"");
}
END_TEST

START_TEST(move__value_steps_on_both_sides)
{
    lt_add(&t, dogs);
    PUT("v1", "Person", "ann", "{\"name\": \"Ann\"}");
    PUT("v1", "Dog", "rex", "{\"city\": \"berlin\", \"owner\": \"ann\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Dog, field: city, to: string, up: \"upper(city)\", down: "
               "\"lower(city)\"}\n"
               "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n"
               "  - change_type: {type: Person, field: city, to: string, up: \"city || '!'\", "
               "down: \"replace(city, '!', '')\"}\n");
    lt_backfill(&t);
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"BERLIN!\"");
    PUT("v2", "Person", "ann", "{\"name\": \"Ann\", \"city\": \"ULM!\"}");
    check_line("v1", "Dog", "rex", "\"city\": \"ulm\", \"owner\": \"ann\"");
    PUT("v1", "Dog", "rex", "{\"city\": \"kiel\", \"owner\": \"ann\"}");
    check_line("v2", "Person", "ann", "\"name\": \"Ann\", \"city\": \"KIEL!\"");
    check_line("v1", "Dog", "rex", "\"city\": \"kiel\", \"owner\": \"ann\"");
}
END_TEST

START_TEST(move__of_objects_and_defaults)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {home: Home, n: {type: integer, required: true, default: 1}, "
               "owner: ref<Person>}}\n"
               "  Person: {fields: {name: string}}\n"
               "objects:\n  Home: {fields: {city: string, zip: string}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Dog", "rex",
        "{\"home\": {\"city\": \"A\", \"zip\": \"1\"}, \"owner\": \"ann\", \"n\": 5}");
    PUT("v1", "Dog", "zoe", "{\"home\": {\"city\": \"B\"}, \"owner\": \"ann\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Home, field: zip}\n"
               "  - move_field: {type: Dog, field: home, to: Person, through: owner}\n"
               "  - move_field: {type: Dog, field: n, to: Person, through: owner}\n");
    lt_backfill(&t);
    check_line("v2", "Person", "ann", "\"home\": {\"city\": \"A\"}, \"n\": 5");
    PUT("v2", "Person", "ann", "{\"home\": {\"city\": \"C\"}, \"n\": 6}");
    check_line("v1", "Dog", "rex",
               "\"home\": {\"city\": \"C\", \"zip\": \"1\"}, \"n\": 6, \"owner\": \"ann\"");
    check_line("v1", "Dog", "zoe",
               "\"home\": {\"city\": \"C\", \"zip\": \"1\"}, \"n\": 6, \"owner\": \"ann\"");
}
END_TEST

/* ---- inline_type ---- */

static const char vets[] = "version: v1\n"
                           "types:\n"
                           "  Dog:\n"
                           "    fields:\n"
                           "      name: string\n"
                           "      vet: ref<Vet>\n"
                           "      age: integer\n"
                           "  Vet:\n"
                           "    fields:\n"
                           "      name: {type: string, required: true}\n"
                           "      city: {type: string, check: \"city <> ''\"}\n"
                           "      phone: string\n";
static const char inlined[] =
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - inline_type: {type: Dog, ref: vet, fields: {name: vet_name, city: vet_city}}\n";

static void with_vets(void)
{
    lt_add(&t, vets);
    PUT("v1", "Vet", "jo", "{\"name\": \"Jo\", \"city\": \"Bonn\", \"phone\": \"1\"}");
    PUT("v1", "Vet", "al", "{\"name\": \"Al\"}");
    PUT("v1", "Dog", "rex", "{\"name\": \"Rex\", \"vet\": \"jo\", \"age\": 1}");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"vet\": \"jo\", \"age\": 2}");
    PUT("v1", "Dog", "tim", "{\"name\": \"Tim\"}");
    lt_add(&t, inlined);
}

START_TEST(inline__reads_over_the_reference)
{
    with_vets();
    for (int i = 0; i < 2; i++) {
        check_line("v2", "Dog", "rex",
                   "\"name\": \"Rex\", \"vet_name\": \"Jo\", \"vet_city\": \"Bonn\", \"age\": 1");
        check_line("v2", "Dog", "tim", "\"name\": \"Tim\"");
        lt_backfill(&t);
    }
    PUT("v1", "Vet", "jo", "{\"name\": \"Joe\", \"phone\": \"1\"}");
    check_line("v2", "Dog", "zoe", "\"name\": \"Zoe\", \"vet_name\": \"Joe\", \"age\": 2");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\", \"vet\": \"al\"}");
    check_line("v2", "Dog", "zoe", "\"name\": \"Zoe\", \"vet_name\": \"Al\"");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zoe\"}");
    check_line("v2", "Dog", "zoe", "\"name\": \"Zoe\"");
}
END_TEST

START_TEST(inline__writes_go_back_to_that_item)
{
    with_vets();
    PUT("v2", "Dog", "rex",
        "{\"name\": \"Rex\", \"vet_name\": \"Jo\", \"vet_city\": \"Ulm\", \"age\": 1}");
    check_line("v1", "Vet", "jo", "\"name\": \"Jo\", \"city\": \"Ulm\", \"phone\": \"1\"");
    check_line("v2", "Dog", "zoe",
               "\"name\": \"Zoe\", \"vet_name\": \"Jo\", \"vet_city\": \"Ulm\", \"age\": 2");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"vet\": \"jo\", \"age\": 1");
}
END_TEST

START_TEST(inline__creates_where_there_was_none)
{
    with_vets();
    PUT("v2", "Dog", "tim", "{\"name\": \"Tim\", \"vet_name\": \"Kim\"}");
    check_line("v1", "Dog", "tim", "\"name\": \"Tim\", \"vet\": \"tim\"");
    check_line("v1", "Vet", "tim", "\"name\": \"Kim\"");
    PUT("v2", "Dog", "al", "{\"vet_name\": \"Lu\"}");
    check_line("v1", "Dog", "al", "\"vet\": \"al~2\"");
    check_line("v1", "Vet", "al~2", "\"name\": \"Lu\"");
    check_line("v1", "Vet", "al", "\"name\": \"Al\"");
    PUT("v2", "Dog", "new", "{\"name\": \"New\"}");
    check_line("v1", "Dog", "new", "\"name\": \"New\"");
    check_line("v1", "Vet", "new", "(none)");
    REFUSED("check", "v2", "Dog", "x", "{\"vet_city\": \"Bonn\"}");
    REFUSED("check", "v2", "Dog", "x", "{\"vet_name\": \"N\", \"vet_city\": \"\"}");
}
END_TEST

START_TEST(inline__all_unset_lets_go_and_finds_back)
{
    with_vets();
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\"}");
    check_line("v2", "Dog", "rex", "\"name\": \"Rex\"");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\"");
    check_line("v1", "Vet", "jo", "\"name\": \"Jo\", \"city\": \"Bonn\", \"phone\": \"1\"");
    PUT("v2", "Dog", "rex", "{\"name\": \"Rex\", \"vet_name\": \"Jo\", \"vet_city\": \"Bonn\"}");
    check_line("v1", "Dog", "rex", "\"name\": \"Rex\", \"vet\": \"jo\"");
    PUT("v2", "Dog", "zoe", "{\"name\": \"Zoe\"}");
    PUT("v1", "Dog", "zoe", "{\"name\": \"Zo\"}"); /* what v2 writes next is no more in a row with that */
    PUT("v2", "Dog", "zoe", "{\"name\": \"Zo\", \"vet_name\": \"Jo\"}");
    check_line("v1", "Dog", "zoe", "\"name\": \"Zo\", \"vet\": \"zoe\"");
}
END_TEST

START_TEST(inline__a_required_reference_always_gets_its_item)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {vet: {type: ref<Vet>, required: true}}}\n"
               "  Vet: {fields: {name: string, n: {type: integer, required: true}}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - inline_type: {type: Dog, ref: vet, fields: [name, n]}\n");
    REFUSED("required", "v2", "Dog", "rex", "{\"name\": \"Jo\"}");
    PUT("v2", "Dog", "rex", "{\"n\": 1}");
    check_line("v1", "Dog", "rex", "\"vet\": \"rex\"");
    check_line("v1", "Vet", "rex", "\"n\": 1");
    lt_add(&t, "version: w1\ntypes:\n  Dog: {fields: {vet: {type: ref<Vet>, required: true}}}\n"
               "  Vet: {fields: {name: string}}\n");
    lt_add(&t, "version: w2\nfrom: w1\nmigrate:\n"
               "  - inline_type: {type: Dog, ref: vet, fields: {name: vet}}\n");
    PUT("w2", "Dog", "rex", "{}");
    check_line("w1", "Dog", "rex", "\"vet\": \"rex\"");
    check_line("w1", "Vet", "rex", "");
    PUT("w2", "Dog", "rex", "{\"vet\": \"Jo\"}");
    check_line("w1", "Vet", "rex", "\"name\": \"Jo\"");
    PUT("w2", "Dog", "rex", "{}");
    check_line("w1", "Vet", "rex", "");
    check_line("w1", "Dog", "rex", "\"vet\": \"rex\"");
}
END_TEST

START_TEST(inline__stays_when_the_old_side_is_finalized)
{
    with_vets();
    lt_backfill(&t);
    lt_state(&t, "v1", VERSION_GONE);
    check_line("v2", "Dog", "rex",
               "\"name\": \"Rex\", \"vet_name\": \"Jo\", \"vet_city\": \"Bonn\", \"age\": 1");
    PUT("v2", "Dog", "rex",
        "{\"name\": \"R\", \"vet_name\": \"Jo\", \"vet_city\": \"Bonn\", \"age\": 1}");
    check_line("v2", "Dog", "rex",
               "\"name\": \"R\", \"vet_name\": \"Jo\", \"vet_city\": \"Bonn\", \"age\": 1");
    PUT("v2", "Dog", "rex", "{\"name\": \"R\", \"vet_name\": \"Jo\", \"vet_city\": \"Kiel\"}");
    check_line("v2", "Dog", "rex", "\"name\": \"R\", \"vet_name\": \"Jo\", \"vet_city\": \"Kiel\"");
    PUT("v2", "Dog", "tim", "{\"name\": \"Tim\", \"vet_name\": \"Kim\"}");
    check_line("v2", "Dog", "tim", "\"name\": \"Tim\", \"vet_name\": \"Kim\"");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - rename_field: {type: Dog, from: vet_name, to: doc}\n");
    lt_state(&t, "v2", VERSION_GONE);
    PUT("v3", "Dog", "tim", "{\"name\": \"Tim\", \"doc\": \"Kim!\"}");
    check_line("v3", "Dog", "tim", "\"name\": \"Tim\", \"doc\": \"Kim!\"");
    check_line("v3", "Dog", "zoe",
               "\"name\": \"Zoe\", \"doc\": \"Jo\", \"vet_city\": \"Kiel\", \"age\": 2");
}
END_TEST

START_TEST(inline__of_an_older_target)
{
    lt_add(
        &t,
        "version: v0\ntypes:\n  Dog: {fields: {vet: ref<Vet>}}\n  Vet: {fields: {n: integer}}\n");
    PUT("v0", "Vet", "jo", "{\"n\": 1}");
    PUT("v0", "Dog", "rex", "{\"vet\": \"jo\"}");
    lt_add(&t, "version: v1\nfrom: v0\nmigrate:\n"
               "  - change_type: {type: Vet, field: n, to: string, up: \"_key || n\", down: "
               "\"substr(n, 3)\"}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - inline_type: {type: Dog, ref: vet, fields: [n]}\n"
               "  - change_type: {type: Dog, field: n, to: string, up: \"n || '!'\", down: "
               "\"replace(n, '!', '')\"}\n");
    check_line("v2", "Dog", "rex", "\"n\": \"jo1!\"");
    lt_backfill(&t);
    check_line("v2", "Dog", "rex", "\"n\": \"jo1!\"");
    PUT("v0", "Vet", "jo", "{\"n\": 2}");
    check_line("v2", "Dog", "rex", "\"n\": \"jo2!\"");
    PUT("v2", "Dog", "rex", "{\"n\": \"jo3!\"}");
    check_line("v0", "Vet", "jo", "\"n\": 3");
    check_line("v2", "Dog", "rex", "\"n\": \"jo3!\"");
}
END_TEST

START_TEST(inline__undoes_extract)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {breed: string, age: integer}}\n");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Pug\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - inline_type: {type: Dog, ref: breed, fields: {name: breed}}\n");
    check_line("v3", "Dog", "rex", "\"breed\": \"Pug\"");
    PUT("v1", "Dog", "zoe", "{\"breed\": \"Lab\", \"age\": 1}");
    check_line("v3", "Dog", "zoe", "\"breed\": \"Lab\", \"age\": 1");
    lt_backfill(&t);
    check_line("v3", "Dog", "rex", "\"breed\": \"Pug\"");
    PUT("v3", "Dog", "new", "{\"breed\": \"Collie\"}");
    check_line("v1", "Dog", "new", "\"breed\": \"Collie\"");
    check_line("v2", "Dog", "new", "\"breed\": \"new\"");
    PUT("v2", "Breed", "Pug", "{\"name\": \"Mops\"}");
    check_line("v3", "Dog", "rex", "\"breed\": \"Mops\"");
    check_line("v1", "Dog", "rex", "\"breed\": \"Mops\"");
}
END_TEST

START_TEST(extract__finalize_of_a_sibling_keeps_the_values)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {breed: string, age: integer}}\n");
    PUT("v1", "Dog", "rex", "{\"breed\": \"Pug\"}");
    PUT("v1", "Dog", "zoe", "{\"breed\": \"Pug\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}\n");
    lt_backfill(&t);
    lt_add(
        &t,
        "version: w2\nfrom: v1\nmigrate:\n  - rename_field: {type: Dog, from: age, to: years}\n");
    lt_state(&t, "v1", VERSION_GONE);
    lt_state(&t, "v2", VERSION_GONE);
    check_line("w2", "Dog", "rex", "\"breed\": \"Pug\"");
    PUT("w2", "Dog", "rex", "{\"breed\": \"Pug\", \"years\": 2}");
    check_line("w2", "Dog", "rex", "\"breed\": \"Pug\", \"years\": 2");
    PUT("w2", "Dog", "zoe", "{\"years\": 2}");
    check_line("w2", "Dog", "zoe", "\"years\": 2");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("links");
    TCase *tc = tcase_create("links");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, move__backfill_changes_no_old_text);
    tcase_add_test(tc, move__new_side_shows_in_every_holder);
    tcase_add_test(tc, move__a_b_a_shows_what_holders_had);
    tcase_add_test(tc, move__old_side_leaves_other_holders_alone);
    tcase_add_test(tc, move__a_new_holder_takes_nothing_from_the_target);
    tcase_add_test(tc, move__old_side_changes_the_reference);
    tcase_add_test(tc, move__without_a_reference_the_holder_keeps_it);
    tcase_add_test(tc, move__writes_before_the_backfill);
    tcase_add_test(tc, move__revert_equals_never_added);
    tcase_add_test(tc, move__finalize_either_side);
    tcase_add_test(tc, move__finalize_of_a_sibling_keeps_the_values);
    tcase_add_test(tc, move__over_two_references);
    tcase_add_test(tc, move__value_steps_on_both_sides);
    tcase_add_test(tc, move__of_objects_and_defaults);
    tcase_add_test(tc, inline__reads_over_the_reference);
    tcase_add_test(tc, inline__writes_go_back_to_that_item);
    tcase_add_test(tc, inline__creates_where_there_was_none);
    tcase_add_test(tc, inline__all_unset_lets_go_and_finds_back);
    tcase_add_test(tc, inline__a_required_reference_always_gets_its_item);
    tcase_add_test(tc, inline__stays_when_the_old_side_is_finalized);
    tcase_add_test(tc, inline__of_an_older_target);
    tcase_add_test(tc, inline__undoes_extract);
    tcase_add_test(tc, extract__finalize_of_a_sibling_keeps_the_values);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
