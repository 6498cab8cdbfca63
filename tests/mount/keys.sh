#!/usr/bin/env bash
# change_key: the same items under other names.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"

setup() {
    mount_store
    D1=$M/v1/Dog D2=$M/v2/Dog
}

# dogs: v1 with dogs by number; v2 by their chip.
dogs() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string, chip: string}}
  Walk: {fields: {dog: {type: ref<Dog>, on_delete: restrict}, note: string}}
YAML
    put "$D1/1.json" '{"name": "Rex", "chip": "c-77"}'
    put "$D1/2.json" '{"name": "Max", "chip": "c-78"}'
    put "$M/v1/Walk/w.json" '{"dog": "1", "note": "n"}'
}

by_chip() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_key: {type: Dog, up: "chip", down: "'dog-' || _key"}
YAML
}

change_key__names_in_both_versions() {
    dogs
    by_chip
    assert_eq "$(names "$D2")" $'c-77.json\nc-78.json'
    assert_eq "$(names "$D1")" $'1.json\n2.json'
    assert_json "$D2/c-77.json" .name '"Rex"'
    assert_absent "$D2/1.json"
    assert_eq "$(jq -r ._key "$M/v2/Dog.jsonl")" $'c-77\nc-78'
    assert_eq "$(jq -r ._key "$M/v1/Dog.jsonl")" $'1\n2'
    agree v2
}

change_key__the_same_item_through_both() {
    dogs
    by_chip
    check() {
        put "$D1/1.json" "{\"name\": \"$1\", \"chip\": \"c-77\"}"
        assert_json "$D2/c-77.json" .name "\"$1\""
        put "$D2/c-77.json" "{\"name\": \"$1$1\", \"chip\": \"c-77\"}"
        assert_json "$D1/1.json" .name "\"$1$1\""
        assert_eq "$(names "$D2")" $'c-77.json\nc-78.json'
    }
    before_and_after_backfill v2 check
    agree v2
}

change_key__a_new_item_gets_its_old_name_by_down() {
    dogs
    by_chip
    check() {
        put "$D2/$1.json" '{"name": "New", "chip": "other"}'
        sees "$D1/dog-$1.json"
        assert_json "$D1/dog-$1.json" .chip '"other"'
        put "$D1/$1-old.json" "{\"name\": \"Old\", \"chip\": \"chip-$1\"}"
        sees "$D2/chip-$1.json"
    }
    before_and_after_backfill v2 check
    agree v2
}

change_key__taken_names_get_a_number() {
    dogs
    put "$D1/3.json" '{"name": "Twin", "chip": "c-77"}'
    by_chip
    assert_eq "$(names "$D2")" $'c-77.json\nc-77~2.json\nc-78.json'
    put "$D1/4.json" '{"name": "Third", "chip": "c-77"}'
    sees "$D2/c-77~3.json"
    put "$D1/dog-x.json" '{"name": "In the way", "chip": "c-9"}'
    put "$D2/x.json" '{"name": "X"}'
    sees "$D1/dog-x~2.json"
    backfill v2
    assert_eq "$(names "$D2")" $'c-77.json\nc-77~2.json\nc-77~3.json\nc-78.json\nc-9.json\nx.json'
    agree v2
}

change_key__what_is_no_legal_name_is_made_one() {
    dogs
    put "$D1/3.json" '{"chip": "a/b"}'
    put "$D1/4.json" '{"name": "No chip"}'
    put "$D1/5.json" '{"chip": ""}'
    by_chip
    assert_eq "$(names "$D2")" $'%.json\n4.json\na%2Fb.json\nc-77.json\nc-78.json'
}

change_key__a_write_of_what_up_reads_renames() {
    dogs
    by_chip
    cat "$D2/c-77.json" >/dev/null
    put "$D1/1.json" '{"name": "Rex", "chip": "c-99"}'
    sees "$D2/c-99.json"
    sees_no_more "$D2/c-77.json"
    assert_json "$M/v2/Walk/w.json" .dog '"c-99"'
    put "$D2/c-99.json" '{"name": "Rex", "chip": "other"}'
    assert_json "$D1/1.json" .chip '"other"'
    assert_eq "$(names "$D2")" $'c-78.json\nc-99.json'
}

# A name that the item had before its version's last writes may be another's by now.
change_key__a_name_given_away_between_two_writes_does_not_return() {
    dogs
    by_chip
    put "$D1/1.json" '{"name": "Rex", "chip": "c-1"}'
    put "$D2/c-77.json" '{"name": "New", "chip": "c-77"}'
    put "$D1/1.json" '{"name": "Rex", "chip": "c-77"}'
    assert_json "$D2/c-77.json" .name '"New"'
    assert_json "$D2/c-77~2.json" .name '"Rex"'
    assert_eq "$(names "$D2")" $'c-77.json\nc-77~2.json\nc-78.json'
    agree v2
}

change_key__rename_changes_only_the_name_that_is_renamed() {
    dogs
    by_chip
    mv "$D1/1.json" "$D1/one.json"
    assert_eq "$(names "$D2")" $'c-77.json\nc-78.json'
    mv "$D2/c-78.json" "$D2/seven.json"
    sees "$D1/dog-seven.json"
    sees_no_more "$D1/2.json"
    mv "$D2/seven.json" "$D2/c-78.json"
    sees "$D1/2.json"
    assert_eq "$(names "$D1")" $'2.json\none.json'
    agree v2
}

change_key__down_that_does_not_read_the_name_keeps_the_old_one() {
    dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_key: {type: Dog, up: "lower(name)", down: "chip"}
YAML
    mv "$D2/rex.json" "$D2/king.json"
    assert_eq "$(names "$D1")" $'1.json\n2.json'
    assert_eq "$(names "$D2")" $'king.json\nmax.json'
    put "$D1/1.json" '{"name": "Rex", "chip": "new"}'
    assert_json "$D2/king.json" .chip '"new"'
    put "$D2/king.json" '{"name": "Rex", "chip": "c-1"}'
    sees "$D1/c-1.json"
    sees_no_more "$D1/1.json"
    agree v2
}

change_key__rename_onto_another_replaces_it() {
    dogs
    by_chip
    assert_eq "$(errno_of 'renameat2("v2/Dog/c-78.json", "v2/Dog/c-77.json", 1)')" EEXIST
    mv "$D2/c-78.json" "$D2/c-77.json"
    assert_eq "$(names "$D2")" c-77.json
    sees_no_more "$D1/1.json"
    assert_json "$D2/c-77.json" .name '"Max"'
    assert_json "$M/v2/Walk/w.json" .dog '"c-77"'
    backfill v2
    agree v2
}

change_key__references_are_read_and_written_in_each_versions_keys() {
    dogs
    by_chip
    assert_json "$M/v2/Walk/w.json" .dog '"c-77"'
    put "$M/v2/Walk/w.json" '{"dog": "c-78", "note": "n"}'
    assert_json "$M/v1/Walk/w.json" .dog '"2"'
    put "$M/v1/Walk/w.json" '{"dog": "1", "note": "n"}'
    assert_json "$M/v2/Walk/w.json" .dog '"c-77"'
    refuses EINVAL "$M/v2/Walk/w.json" '{"dog": "1", "note": "n"}'
    assert_errno EBUSY rm "$D2/c-77.json"
    rm "$M/v2/Walk/w.json" "$D2/c-77.json"
    sees_no_more "$D1/1.json"
    assert_eq "$(names "$D2")" c-78.json
    put "$D1/1.json" '{"name": "Again", "chip": "c-77"}'
    sees "$D2/c-77.json"
    agree v2
}

change_key__revert_and_the_same_file_again() {
    dogs
    by_chip
    mv "$D2/c-78.json" "$D2/kept.json"
    put "$D2/made.json" '{"name": "Made"}'
    sees "$D1/dog-made.json"
    cat "$M/schemas/v2.yaml" >"$T/v2.yaml"
    must_verb revert v2
    assert_eq "$(names "$D1")" $'1.json\ndog-kept.json\ndog-made.json'
    put "$D1/9.json" '{"name": "Nine", "chip": "kept"}'
    rm "$D1/dog-made.json"
    add v2 <"$T/v2.yaml"
    assert_eq "$(names "$D2")" $'c-77.json\nkept.json\nkept~2.json'
    agree v2
}

# What the step says goes on naming new items, as long as another type shows them by another name.
change_key__finalized_names_what_a_copy_makes() {
    dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - copy_type: {from: Dog, to: Copy}
  - change_key: {type: Dog, up: "'p-' || _key", down: "substr(_key, 3)"}
YAML
    backfill v2
    must_verb finalize v2
    mv "$D2/p-1.json" "$D2/k.json"
    put "$M/v2/Copy/k.json" '{"name": "K"}'
    put "$M/v2/Copy/p-k.json" '{"name": "PK"}'
    mv "$D2/p-k.json" "$D2/p-x.json"
    put "$M/v2/Copy/x.json" '{"name": "X"}'
    assert_eq "$(names "$D2")" $'k.json\np-2.json\np-p-k.json\np-x.json\np-x~2.json'
    assert_eq "$(names "$M/v2/Copy")" $'1.json\n2.json\nk.json\np-k.json\nx.json'
    assert_json "$D2/p-x.json" .name '"K"'
    assert_json "$D2/k.json" .name '"Rex"'
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

change_key__twice_and_finalized_in_the_middle() {
    dogs
    by_chip
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
  - change_key: {type: Dog, up: "upper(_key) || '-' || call_name", down: "lower(_key)"}
YAML
    assert_eq "$(names "$M/v3/Dog")" $'C-77-Rex.json\nC-78-Max.json'
    put "$M/v3/Dog/NEW.json" '{"call_name": "N"}'
    sees "$D2/new.json"
    sees "$D1/dog-new.json"
    mv "$D2/c-77.json" "$D2/d.json"
    sees "$M/v3/Dog/D-Rex.json"
    sees "$D1/dog-d.json"
    assert_json "$M/v3/Walk/w.json" .dog '"D-Rex"'
    backfill v3
    must_verb finalize v2
    assert_eq "$(names "$D2")" $'c-78.json\nd.json\nnew.json'
    put "$D2/last.json" '{"name": "L"}'
    sees "$M/v3/Dog/LAST-L.json"
    must_verb finalize v3
    put "$M/v3/Dog/x.json" '{"call_name": "X"}'
    mv "$M/v3/Dog/x.json" "$M/v3/Dog/y.json"
    assert_eq "$(names "$M/v3/Dog")" $'C-78-Max.json\nD-Rex.json\nLAST-L.json\nNEW.json\ny.json'
    remount_store
    assert_eq "$(names "$M/v3/Dog")" $'C-78-Max.json\nD-Rex.json\nLAST-L.json\nNEW.json\ny.json'
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

change_key__the_key_in_expressions_is_the_versions_own() {
    dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_key: {type: Dog, up: "chip", down: "_key"}
  - compute_field: {type: Dog, field: label, as: string, value: "name || ' at ' || _key"}
YAML
    assert_json "$D2/c-77.json" .label '"Rex at c-77"'
    mv "$D2/c-77.json" "$D2/here.json"
    assert_json "$D2/here.json" .label '"Rex at here"'
    sees "$D1/here.json"
    put "$D1/5.json" '{"name": "Five", "chip": "55"}'
    assert_json "$D2/55.json" .label '"Five at 55"'
    backfill v2
    assert_json "$D2/55.json" .label '"Five at 55"'
}

change_key__appending_and_importing_by_the_new_key() {
    dogs
    by_chip
    printf '%s\n' '{"_key": "c-77", "name": "Streamed", "chip": "c-77"}' '{"_key": "c-1", "name": "New"}' >>"$M/v2/Dog.jsonl"
    assert_json "$D1/1.json" .name '"Streamed"'
    sees "$D1/dog-c-1.json"
    unmount_store
    echo '{"_key": "c-78", "name": "Imported"}' | "$SCHEMAFS" import "$S" v2 Dog
    assert_eq "$("$SCHEMAFS" export "$S" v2 Dog | jq -r ._key)" $'c-77\nc-78\nc-1'
    mount_store
    assert_json "$D1/2.json" .name '"Imported"'
}

change_key__editors_and_scratch_files() {
    dogs
    by_chip
    sed -i 's/Rex/Rexy/' "$D2/c-77.json"
    assert_json "$D1/1.json" .name '"Rexy"'
    mv "$D2/c-77.json" "$D2/c-77.json~"
    put "$D2/c-77.json" '{"name": "Vim", "chip": "c-77"}'
    rm "$D2/c-77.json~"
    assert_json "$D1/1.json" .name '"Vim"'
    assert_json "$M/v2/Walk/w.json" .dog '"c-77"'
}

change_key__what_is_refused() {
    dogs
    refused_schema v2 'change_key: `down` is missing' <<'YAML'
version: v2
from: v1
migrate:
  - change_key: {type: Dog, up: "chip"}
YAML
    refused_schema v2 'v2.yaml:4:.*up: .*chp' <<'YAML'
version: v2
from: v1
migrate:
  - change_key: {type: Dog, up: "chp", down: "_key"}
YAML
}

change_key__many_items_survive_a_crash_in_the_middle() {
    dogs
    for i in $(seq 3 400); do
        printf '{"_key": "%s", "chip": "x-%s"}\n' "$i" "$((i % 50))"
    done >>"$M/v1/Dog.jsonl"
    by_chip
    echo 500 >"$M/control/backfill_rate"
    must_verb backfill v2
    names "$D2" >"$T/before"
    kill_store
    fusermount3 -u "$M" 2>/dev/null || true
    mount_store
    names "$D2" >"$T/after"
    cmp "$T/before" "$T/after"
    echo 0 >"$M/control/backfill_rate"
    wait_until 30 backfill_is_over v2
    names "$D2" >"$T/after"
    cmp "$T/before" "$T/after"
    assert_eq "$(wc -l <"$T/after")" 400
    agree v2
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

run_tests "$@"
