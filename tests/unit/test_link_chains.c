/* Steps that let fields stand in another item, one after the other: fields over two references. */
#include "lens_cases.h"

#include <stdio.h>

/* An item is written back as it reads; its text, bytes and all, must stay. */
static void write_back(const char *v, const char *type, const char *key)
{
    char text[1024];

    snprintf(text, sizeof text, "%s", lt_get(&t, v, type, key));
    PUT(v, type, key, text);
    ck_assert_str_eq(lt_get(&t, v, type, key), text);
}

START_TEST(extract__of_what_was_extracted_keeps_own_bytes)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {rank: string}}\n");
    PUT("v1", "Dog", "k1", "{\"rank\":  \"true\"}");
    lt_add(&t, "version: v3\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [rank], into: Made2, as: zone}\n");
    lt_add(&t, "version: v4\nfrom: v3\nmigrate:\n"
               "  - extract_type: {type: Made2, fields: [rank], into: Made6, as: zone}\n");
    lt_add(&t, "version: v5\nfrom: v4\nmigrate:\n"
               "  - require_field: {type: Made2, field: zone, up: \"NULL\"}\n");
    ck_assert_str_eq(lt_get(&t, "v1", "Dog", "k1"), "{\"rank\":  \"true\"}");
    write_back("v3", "Dog", "k1");
    ck_assert_str_eq(lt_get(&t, "v1", "Dog", "k1"), "{\"rank\":  \"true\"}");
}
END_TEST

START_TEST(extract__of_an_extracted_reference)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {email: integer}}\n");
    PUT("v1", "Dog", "k2", "{\"email\": 2}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [email], into: Made3, as: email}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [email], into: Made2, as: tags}\n"
               "  - extract_type: {type: Made3, fields: [email], into: Made7, as: email}\n");
    lt_add(&t, "version: v4\nfrom: v3\nmigrate:\n"
               "  - require_field: {type: Dog, field: tags, up: \"NULL\"}\n");
    lt_add(&t, "version: v5\nfrom: v4\nmigrate:\n"
               "  - wrap_list: {type: Made3, field: email}\n");
    LINE("v5", "Dog", "k2", "{\"_key\": \"k2\", \"tags\": \"2\"}");
    write_back("v5", "Dog", "k2");
    lt_backfill(&t);
    LINE("v5", "Dog", "k2", "{\"_key\": \"k2\", \"tags\": \"2\"}");
}
END_TEST

/* The reference that the third step extracts is foreseen itself, and so is the one in its record. */
START_TEST(extract__of_an_extracted_reference_after_an_inline)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {unit: string}}\n");
    PUT("v1", "Dog", "k3", "{\"unit\": \"12\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [unit], into: Made5, as: unit}\n"
               "  - extract_type: {type: Dog, fields: [unit], into: Made6, as: unit}\n"
               "  - inline_type: {type: Made6, ref: unit, fields: {unit: owner}}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [unit], into: Made7, as: state}\n"
               "  - add_field: {type: Made6, field: home, as: string, up: \"upper(owner)\"}\n");
    LINE("v1", "Dog", "k3", "{\"_key\": \"k3\", \"unit\": \"12\"}");
    LINE("v3", "Dog", "k3", "{\"_key\": \"k3\", \"state\": \"12\"}");
    lt_backfill(&t);
    LINE("v1", "Dog", "k3", "{\"_key\": \"k3\", \"unit\": \"12\"}");
    LINE("v3", "Dog", "k3", "{\"_key\": \"k3\", \"state\": \"12\"}");
}
END_TEST

START_TEST(extract__of_a_field_that_moved_there)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {word: string, born: string}}\n");
    PUT("v1", "Dog", "k3", "{\"born\": null, \"word\": \"k3\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [born], into: Made6, as: born}\n"
               "  - move_field: {type: Dog, field: word, to: Made6, through: born}\n"
               "  - extract_type: {type: Made6, fields: {born: one, word: two}, into: Made2, as: born}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - require_field: {type: Made6, field: born, up: \"born\"}\n");
    lt_backfill(&t);
    LINE("v2", "Made6", "%null", "{\"_key\": \"%null\", \"born\": \"%null,k3\"}");
    write_back("v1", "Dog", "k3");
    LINE("v2", "Made6", "%null", "{\"_key\": \"%null\", \"born\": \"%null,k3\"}");
}
END_TEST

START_TEST(inline__after_a_step_on_the_reference)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {state: string, mark: string}}\n");
    PUT("v1", "Dog", "u", "{\"mark\": \"a\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: {state: one, mark: two}, into: Made2, as: state}\n"
               "  - require_field: {type: Dog, field: state, up: \"state\"}\n"
               "  - inline_type: {type: Dog, ref: state, fields: {two: two}}\n");
    LINE("v2", "Dog", "u", "{\"_key\": \"u\", \"two\": \"a\"}");
    PUT("v2", "Dog", "u", "{\"two\": \"b\"}");
    LINE("v1", "Dog", "u", "{\"_key\": \"u\", \"mark\": \"b\"}");
    PUT("v2", "Dog", "u", "{\"two\": \"a\"}");
    LINE("v1", "Dog", "u", "{\"_key\": \"u\", \"mark\": \"a\"}");
}
END_TEST

/* ---- One value, one record ---- */

START_TEST(extract__a_reference_is_the_same_under_another_name)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {owner: ref<Person>}}\n"
               "  Person: {fields: {name: string}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Dog", "rex", "{\"owner\": \"ann\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [owner], into: Home, as: home}\n");
    lt_backfill(&t);
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"home\": \"ann\"}");
    lt_rename(&t, "v1", "Person", "ann", "eve");
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"home\": \"ann\"}");
    PUT("v1", "Dog", "zoe", "{\"owner\": \"eve\"}");
    LINE("v2", "Dog", "zoe", "{\"_key\": \"zoe\", \"home\": \"ann\"}");
    LINE("v2", "Home", "ann", "{\"_key\": \"ann\", \"owner\": \"eve\"}");
}
END_TEST

/* v1 shows size, later versions what it was split into: an older version's value goes with the object. */
START_TEST(extract__an_object_keeps_what_older_versions_show)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: Box}}\n"
               "objects:\n  Box: {fields: {lang: string}}\n");
    PUT("v1", "Dog", "rex", "{\"home\": {\"lang\": \"a/b\"}}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Box, field: lang, to: string, up: \"upper(lang)\", "
               "down: \"lang\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [home], into: Home, as: home}\n");
    PUT("v1", "Dog", "zoe", "{\"home\": {\"lang\": \"A/b\"}}");
    lt_backfill(&t);
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"home\": {\"lang\": \"a/b\"}}");
    LINE("v1", "Dog", "zoe", "{\"_key\": \"zoe\", \"home\": {\"lang\": \"A/b\"}}");
    LINE("v2", "Dog", "zoe", "{\"_key\": \"zoe\", \"home\": {\"lang\": \"A/B\"}}");
}
END_TEST

/* v1 shows a field that nothing computes and that is not seen any more when the object is extracted. */
START_TEST(extract__an_object_keeps_what_was_removed_before)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: Box}}\n"
               "objects:\n  Box: {fields: {lang: string, size: string}}\n");
    PUT("v1", "Dog", "rex", "{\"home\": {\"lang\": \"a\", \"size\": \"s\"}}");
    PUT("v1", "Dog", "zoe", "{\"home\": {\"lang\": \"a\", \"size\": \"t\"}}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Box, field: size}\n"
               "  - extract_type: {type: Dog, fields: [home], into: Home, as: home}\n");
    lt_backfill(&t);
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"home\": {\"lang\": \"a\", \"size\": \"s\"}}");
    LINE("v1", "Dog", "zoe", "{\"_key\": \"zoe\", \"home\": {\"lang\": \"a\", \"size\": \"t\"}}");
}
END_TEST

START_TEST(extract__a_default_inside_stays_unwritten)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: Box}}\n"
               "objects:\n  Box: {fields: {lang: string, size: {type: integer, default: 7}}}\n");
    PUT("v1", "Dog", "rex", "{\"home\":  {\"lang\": \"a\"}}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [home], into: Home, as: home}\n"
               "  - change_default: {type: Box, field: size, default: 9}\n");
    write_back("v2", "Dog", "rex");
    ck_assert_str_eq(lt_get(&t, "v1", "Dog", "rex"), "{\"home\":  {\"lang\": \"a\"}}");
    LINE("v2", "Home", "{\"lang\": \"a\"}",
         "{\"_key\": \"{\\\"lang\\\": \\\"a\\\"}\", "
         "\"home\": {\"lang\": \"a\", \"size\": 9}}");
}
END_TEST

/* ---- Over two references ---- */

START_TEST(inline__of_a_reference_that_was_inlined)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {owner: ref<Person>}}\n"
               "  Person: {fields: {word: string}}\n");
    PUT("v1", "Person", "ann", "{\"word\": \"hi\"}");
    PUT("v1", "Dog", "rex", "{\"owner\": \"ann\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Person, fields: [word], into: Word, as: word}\n"
               "  - inline_type: {type: Dog, ref: owner, fields: {word: word}}\n"
               "  - inline_type: {type: Dog, ref: word, fields: {word: kind}}\n");
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"kind\": \"hi\"}");
    write_back("v1", "Person", "ann");
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"kind\": \"hi\"}");
}
END_TEST

/* v3 writes the word into the record, over the same reference over which v1 reads it. */
START_TEST(inline__what_it_writes_is_seen_over_an_older_link)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {word: string, born: string}}\n");
    PUT("v1", "Dog", "rex", "{}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [born], into: Birth, as: born}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - move_field: {type: Dog, field: word, to: Birth, through: born}\n"
               "  - inline_type: {type: Dog, ref: born, fields: {born: age, word: word}}\n");
    PUT("v1", "Dog", "rex", "{\"word\": \"\"}");
    PUT("v1", "Dog", "rex", "{\"word\": \"\", \"born\": \"b\"}");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"age\": \"b\", \"word\": \"\"}");
    PUT("v3", "Dog", "rex", "{\"age\": \"b\", \"word\": \"new\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"word\": \"new\", \"born\": \"b\"}");
    PUT("v3", "Dog", "rex", "{\"age\": \"b\", \"word\": \"\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"word\": \"\", \"born\": \"b\"}");
}
END_TEST

/* The writer sees that the item which it makes has no weight. */
START_TEST(inline__a_new_target_has_what_the_writer_says)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {mark: string}}\n"
               "  Person: {fields: {born: ref<Dog>, weight: string}}\n");
    PUT("v1", "Person", "ann", "{\"weight\": \"w\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - move_field: {type: Person, field: weight, to: Dog, through: born}\n"
               "  - inline_type: {type: Person, ref: born, fields: {mark: mark, weight: weight}}\n");
    PUT("v2", "Person", "ann", "{\"mark\": \"m\"}");
    LINE("v2", "Person", "ann", "{\"_key\": \"ann\", \"mark\": \"m\"}");
    PUT("v2", "Person", "ann", "{}");
    LINE("v1", "Person", "ann", "{\"_key\": \"ann\", \"weight\": \"w\"}");
}
END_TEST

START_TEST(inline__unset_again_refers_to_what_it_did_without_them)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {note: string}}\n"
               "  Person: {fields: {age: ref<Dog>}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - require_field: {type: Person, field: age, up: \"NULL\"}\n"
               "  - inline_type: {type: Person, ref: age, fields: {note: note}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v2", "Person", "ann", "{\"note\": \"n\"}");
    LINE("v1", "Person", "ann", "{\"_key\": \"ann\", \"age\": \"ann\"}");
    PUT("v2", "Person", "ann", "{}");
    LINE("v1", "Person", "ann", "{\"_key\": \"ann\"}");
    /* a reference to an item that has none of the fields is kept, too */
    PUT("v1", "Dog", "rex", "{}");
    PUT("v1", "Person", "ann", "{\"age\": \"rex\"}");
    PUT("v2", "Person", "ann", "{\"note\": \"n\"}");
    PUT("v2", "Person", "ann", "{}");
    LINE("v1", "Person", "ann", "{\"_key\": \"ann\", \"age\": \"rex\"}");
}
END_TEST

/* Seeded, and nobody has written it: also after it was over there. */
START_TEST(move__a_seeded_field_stays_seeded)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {rank: string, home: number}}\n");
    PUT("v1", "Dog", "rex", "{\"home\": 1}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - copy_type: {from: Dog, to: Copy, fields: {state: home}}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Copy, fields: [rank], into: Rank, as: rank}\n"
               "  - move_field: {type: Copy, field: state, to: Rank, through: rank}\n");
    LINE("v2", "Copy", "rex", "{\"_key\": \"rex\", \"home\": 1, \"state\": 1}");
    PUT("v1", "Dog", "rex", "{\"rank\": \"a\"}");
    LINE("v2", "Copy", "rex", "{\"_key\": \"rex\", \"rank\": \"a\"}");
    PUT("v1", "Dog", "rex", "{\"home\": 1}");
    LINE("v2", "Copy", "rex", "{\"_key\": \"rex\", \"home\": 1, \"state\": 1}");
}
END_TEST

/* The writer sees the label that was seeded, and takes away what it was seeded from. */
START_TEST(extract__twice_with_a_seeded_field_beside)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {word: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - copy_type: {from: Dog, to: Copy, fields: {email: word}}\n"
               "  - extract_type: {type: Copy, fields: [word], into: Word, as: tags}\n");
    PUT("v1", "Dog", "rex", "{\"word\": \"12\"}");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Copy, fields: [tags], into: Tags, as: tags}\n");
    PUT("v2", "Copy", "rex", "{\"email\": \"12\"}");
    LINE("v2", "Copy", "rex", "{\"_key\": \"rex\", \"email\": \"12\"}");
}
END_TEST

/* What the record made from the values refers to has been written since. */
START_TEST(extract__foreseen_over_a_record_that_was_written)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {color: string}}\n");
    PUT("v1", "Dog", "rex", "{\"color\": \"red\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [color], into: Coat, as: coat}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Coat, fields: [color], into: Color, as: name}\n"
               "  - inline_type: {type: Coat, ref: name, fields: {color: color}}\n");
    PUT("v2", "Coat", "x", "{\"color\": \"red\"}");
    PUT("v3", "Coat", "x", "{\"color\": \"blue\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"color\": \"blue\"}");
    lt_backfill(&t);
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"color\": \"blue\"}");
}
END_TEST

/* The target was written after the holder was: what is computed from it is not in the holder's record. */
START_TEST(inline__what_is_computed_from_it_stays_when_the_old_side_is_finalized)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {vet: ref<Vet>, name: string}}\n"
               "  Vet: {fields: {name: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - inline_type: {type: Dog, ref: vet, fields: {name: vet}}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - change_type: {type: Dog, field: vet, to: integer, up: \"length(vet)\", down: \"'x'\"}\n"
               "  - change_type: {type: Dog, field: vet, to: string, up: \"'=' || vet\", down: \"substr(vet, 2)\"}\n");
    PUT("v1", "Vet", "jo", "{}");
    PUT("v1", "Dog", "rex", "{\"vet\": \"jo\"}");
    PUT("v1", "Dog", "tim", "{\"vet\": \"jo\"}");
    lt_backfill(&t);
    PUT("v1", "Vet", "jo", "{\"name\": \"Jo\"}");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"=2\"}");
    lt_state(&t, "v1", VERSION_GONE);
    lt_state(&t, "v2", VERSION_GONE);
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"=2\"}");
    lt_add(&t, "version: v4\nfrom: v3\nmigrate:\n"
               "  - rename_field: {type: Dog, from: name, to: call}\n");
    LINE("v4", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"=2\"}");
    PUT("v4", "Dog", "rex", "{\"vet\": \"=2\", \"call\": \"Rex\"}");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"=2\", \"name\": \"Rex\"}");
    PUT("v3", "Dog", "rex", "{\"vet\": \"=7\"}");
    LINE("v4", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"=7\"}");
    lt_backfill(&t);
    lt_state(&t, "v3", VERSION_GONE);
    LINE("v4", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"=7\"}");
    LINE("v4", "Dog", "tim", "{\"_key\": \"tim\", \"vet\": \"=2\"}");
}
END_TEST

/* The key of an item that is referred to is read by the formula, and was changed after it was computed. */
START_TEST(reference__what_is_computed_from_its_key_stays_when_the_old_side_is_finalized)
{
    lt_add(&t, "version: v1\ntypes:\n"
               "  Dog: {fields: {vet: ref<Vet>}}\n"
               "  Vet: {fields: {name: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - change_type: {type: Dog, field: vet, to: string, up: \"'Dr ' || vet\", down: \"substr(vet, 4)\"}\n");
    PUT("v1", "Vet", "jo", "{}");
    PUT("v1", "Dog", "rex", "{\"vet\": \"jo\"}");
    lt_backfill(&t);
    lt_rename(&t, "v1", "Vet", "jo", "al");
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"Dr al\"}");
    lt_state(&t, "v1", VERSION_GONE);
    LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"vet\": \"Dr al\"}");
}
END_TEST

/* The record in the middle is from before the steps that put its field elsewhere. */
START_TEST(extract__seen_over_a_record_that_is_not_up_to_date)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {score: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [score], into: Made2, as: word}\n");
    PUT("v1", "Dog", "rex", "{\"score\": \"a\"}");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Made2, fields: [score], into: Made7, as: breed}\n");
    PUT("v2", "Made2", "new", "{\"score\": \"a\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"score\": \"a\"}");
    PUT("v3", "Made7", "a", "{\"score\": \"c\"}");
    LINE("v2", "Made2", "a", "{\"_key\": \"a\", \"score\": \"c\"}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"score\": \"c\"}");
    lt_backfill(&t);
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"score\": \"c\"}");
}
END_TEST

/* finalize of v2 stores what v2's steps give, and nothing of v3's. */
START_TEST(inline__of_an_item_that_is_up_to_an_older_step)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {vet: ref<Vet>}}\n  Vet: {fields: {name: string}}\n");
    PUT("v1", "Vet", "jo", "{\"name\": \"a\"}");
    PUT("v1", "Dog", "rex", "{\"vet\": \"jo\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - add_field: {type: Dog, field: size, as: string, up: \"'s'\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - inline_type: {type: Dog, ref: vet, fields: {name: vet_name}}\n");
    lt_backfill_to(&t, "v2");
    PUT("v1", "Vet", "jo", "{\"name\": \"b\"}");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"vet_name\": \"b\", \"size\": \"s\"}");
}
END_TEST

/* The record of the last reference is foreseen in one that is itself, and three of them have one name. */
START_TEST(inline__foreseen_over_what_led_there)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {score: integer}}\n");
    PUT("v1", "Dog", "rex", "{\"score\": 2}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: {score: age}, into: Made3, as: age}\n"
               "  - extract_type: {type: Made3, fields: [age], into: Made2, as: age}\n"
               "  - extract_type: {type: Made3, fields: [age], into: Made7, as: age}\n"
               "  - inline_type: {type: Dog, ref: age, fields: {age: color}}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - inline_type: {type: Made7, ref: age, fields: {age: years}}\n"
               "  - inline_type: {type: Dog, ref: color, fields: {years: years}}\n");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"years\": 2}");
    lt_backfill(&t);
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"years\": 2}");
}
END_TEST

/* ---- What finalize takes while it is still looked over ---- */

START_TEST(extract__twice_in_a_branch_that_is_finalized_away)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {rank: string}}\n");
    PUT("v1", "Dog", "rex", "{\"rank\": \"a\"}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [rank], into: Made3, as: age}\n"
               "  - extract_type: {type: Made3, fields: [rank], into: Made5, as: score}\n");
    lt_add(&t, "version: v3\nfrom: v1\nmigrate: []\n");
    lt_backfill(&t);
    lt_state(&t, "v1", VERSION_GONE);
    lt_state(&t, "v2", VERSION_GONE);
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"rank\": \"a\"}");
    PUT("v3", "Dog", "rex", "{}");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\"}");
}
END_TEST

/* The reference of the link that goes is in another item, by one that stays. */
START_TEST(extract__of_the_reference_stays_when_the_first_is_finalized_away)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {breed: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - copy_type: {from: Dog, to: Copy}\n"
               "  - extract_type: {type: Copy, fields: [breed], into: Made7, as: note}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Copy, fields: [note], into: Made5, as: note}\n");
    PUT("v1", "Dog", "rex", "{\"breed\": null}");
    PUT("v1", "Dog", "tim", "{\"breed\": \"a\"}");
    lt_backfill(&t);
    lt_state(&t, "v1", VERSION_GONE);
    lt_state(&t, "v2", VERSION_GONE);
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"breed\": null}");
    LINE("v3", "Dog", "tim", "{\"_key\": \"tim\", \"breed\": \"a\"}");
    PUT("v3", "Dog", "tim", "{}");
    LINE("v3", "Dog", "tim", "{\"_key\": \"tim\"}");
    LINE("v3", "Copy", "tim", "{\"_key\": \"tim\", \"note\": \"a\"}");
    PUT("v3", "Copy", "rex", "{}");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"breed\": null}");
    LINE("v3", "Copy", "rex", "{\"_key\": \"rex\"}");
}
END_TEST

/* A step on an enum changes the fields of both types of the item; the writer stands on the new side of its own
 * type's alone. */
START_TEST(enum__a_write_through_a_copy_reaches_the_type_that_was_extracted)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {word: State}}\n"
               "enums:\n  State: [pending, done, other]\n");
    PUT("v1", "Dog", "a", "{}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - copy_type: {from: Dog, to: Copy}\n"
               "  - extract_type: {type: Dog, fields: [word], into: Made, as: word}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - inline_type: {type: Dog, ref: word, fields: {word: lang}}\n");
    lt_add(&t, "version: v4\nfrom: v3\nmigrate:\n"
               "  - add_value: {enum: State, value: new, as: pending}\n");
    PUT("v4", "Copy", "a", "{\"word\": \"other\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"word\": \"other\"}");
    LINE("v4", "Dog", "a", "{\"_key\": \"a\", \"lang\": \"other\"}");
    PUT("v4", "Copy", "a", "{\"word\": \"new\"}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"word\": \"pending\"}");
    LINE("v4", "Dog", "a", "{\"_key\": \"a\", \"lang\": \"pending\"}");
}
END_TEST

/* What `down` gives objects that are made after the removal, others may lack: they are not the same. */
START_TEST(extract__an_object_without_a_removed_field_is_another)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: Box}}\n"
               "objects:\n  Box: {fields: {lang: string, email: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Box, field: lang, down: \"email\"}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [home], into: Home, as: home}\n");
    PUT("v2", "Dog", "b", "{\"home\": {\"email\": \"x\"}}");
    LINE("v1", "Dog", "b", "{\"_key\": \"b\", \"home\": {\"lang\": \"x\", \"email\": \"x\"}}");
    PUT("v1", "Dog", "a", "{\"home\": {\"email\": \"x\"}}");
    LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"home\": {\"email\": \"x\"}}");
    LINE("v1", "Dog", "b", "{\"_key\": \"b\", \"home\": {\"lang\": \"x\", \"email\": \"x\"}}");
}
END_TEST

/* The value that a holder has to itself comes along to a new target, unless the writer says what that holds; it
 * sees it there as another step has made it. */
START_TEST(move__a_new_target_has_what_the_writer_says_over_an_inline)
{
    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {owner: string, age: string}}\n");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - extract_type: {type: Dog, fields: [owner], into: Owner, as: by}\n"
               "  - move_field: {type: Dog, field: age, to: Owner, through: by}\n");
    lt_add(&t, "version: v3\nfrom: v2\nmigrate:\n"
               "  - change_type: {type: Owner, field: age, to: integer, up: \"CAST(age AS INTEGER)\",\n"
               "      down: \"CAST(age AS TEXT)\"}\n"
               "  - inline_type: {type: Dog, ref: by, fields: {owner: owner, age: years}}\n");
    PUT("v1", "Dog", "rex", "{\"age\": \"7\"}");
    PUT("v3", "Dog", "rex", "{\"owner\": \"ann\"}");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\"}");
    PUT("v3", "Dog", "rex", "{\"owner\": \"ann\", \"years\": 8}");
    LINE("v3", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\", \"years\": 8}");
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"owner\": \"ann\", \"age\": \"8\"}");
}
END_TEST

/* The part of a name that stands for what is hidden. */
static void checksum_of(const char *key, char ret[17])
{
    const char *line = lt_line(&t, "v2", "Dog", key), *end = strstr(line, "\"}\n");

    ck_assert_msg(end && end - line > 17 && end[-17] == ' ', "no checksum: %s", line);
    memcpy(ret, end - 16, 16);
    ret[16] = '\0';
}

/* It must be the same whatever number an item has: that depends on what was made before it. */
START_TEST(extract__the_name_of_an_object_does_not_tell_an_items_number)
{
    char ann[17], eve[17];

    lt_add(&t, "version: v1\ntypes:\n  Dog: {fields: {home: Box}}\n  Person: {fields: {}}\n"
               "objects:\n  Box: {fields: {who: ref<Person>, size: string}}\n");
    PUT("v1", "Person", "ann", "{}");
    PUT("v1", "Person", "eve", "{}");
    PUT("v1", "Dog", "rex", "{\"home\": {\"who\": \"ann\", \"size\": \"s\"}}");
    PUT("v1", "Dog", "zoe", "{\"home\": {\"who\": \"eve\", \"size\": \"s\"}}");
    lt_add(&t, "version: v2\nfrom: v1\nmigrate:\n"
               "  - remove_field: {type: Box, field: size}\n"
               "  - extract_type: {type: Dog, fields: [home], into: Home, as: home}\n");
    checksum_of("rex", ann);
    checksum_of("zoe", eve);
    ck_assert_str_eq(ann, eve);
    lt_backfill(&t);
    LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"home\": {\"who\": \"ann\", \"size\": \"s\"}}");
    LINE("v1", "Dog", "zoe", "{\"_key\": \"zoe\", \"home\": {\"who\": \"eve\", \"size\": \"s\"}}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("link_chains");
    TCase *tc = tcase_create("link_chains");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, extract__of_what_was_extracted_keeps_own_bytes);
    tcase_add_test(tc, extract__of_an_extracted_reference);
    tcase_add_test(tc, extract__of_an_extracted_reference_after_an_inline);
    tcase_add_test(tc, extract__of_a_field_that_moved_there);
    tcase_add_test(tc, inline__after_a_step_on_the_reference);
    tcase_add_test(tc, extract__a_reference_is_the_same_under_another_name);
    tcase_add_test(tc, extract__an_object_keeps_what_older_versions_show);
    tcase_add_test(tc, extract__an_object_keeps_what_was_removed_before);
    tcase_add_test(tc, extract__a_default_inside_stays_unwritten);
    tcase_add_test(tc, inline__of_a_reference_that_was_inlined);
    tcase_add_test(tc, inline__what_it_writes_is_seen_over_an_older_link);
    tcase_add_test(tc, inline__a_new_target_has_what_the_writer_says);
    tcase_add_test(tc, inline__unset_again_refers_to_what_it_did_without_them);
    tcase_add_test(tc, move__a_seeded_field_stays_seeded);
    tcase_add_test(tc, extract__twice_with_a_seeded_field_beside);
    tcase_add_test(tc, extract__foreseen_over_a_record_that_was_written);
    tcase_add_test(tc, inline__what_is_computed_from_it_stays_when_the_old_side_is_finalized);
    tcase_add_test(tc, reference__what_is_computed_from_its_key_stays_when_the_old_side_is_finalized);
    tcase_add_test(tc, extract__twice_in_a_branch_that_is_finalized_away);
    tcase_add_test(tc, extract__of_the_reference_stays_when_the_first_is_finalized_away);
    tcase_add_test(tc, enum__a_write_through_a_copy_reaches_the_type_that_was_extracted);
    tcase_add_test(tc, extract__an_object_without_a_removed_field_is_another);
    tcase_add_test(tc, move__a_new_target_has_what_the_writer_says_over_an_inline);
    tcase_add_test(tc, extract__the_name_of_an_object_does_not_tell_an_items_number);
    tcase_add_test(tc, extract__seen_over_a_record_that_is_not_up_to_date);
    tcase_add_test(tc, inline__of_an_item_that_is_up_to_an_older_step);
    tcase_add_test(tc, inline__foreseen_over_what_led_there);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
