#!/usr/bin/env bash
# .history: earlier revisions of items and deleted ones, through every version, and back by cp.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2012,SC2016,SC2119
. "${0%/*}/lib.sh"

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, age: integer, breed: string}}
YAML
    D1=$M/v1/Dog H1=$M/v1/Dog/.history
}

add_v2() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: title}
  - change_type: {type: Dog, field: age, to: string}
  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}
YAML
    D2=$M/v2/Dog H2=$M/v2/Dog/.history
}

# oldest DIR, newest DIR: the path of that revision.
oldest() { find "$1" -type f | sort | head -n 1; }
newest() { find "$1" -type f | sort | tail -n 1; }
count() { find "$1" -type f | wc -l; }

# ---------------------------------------------------------------- what is there

revisions__are_listed_by_time_and_hold_what_was_replaced() {
    put "$D1/rex.json" '{"name":  "Rex"}'
    assert_absent "$H1/rex.json"
    local before after i
    before=$(date -u +%Y-%m-%dT%H-%M-%S)
    for i in 1 2 3; do put "$D1/rex.json" "{\"name\": \"Rex\", \"age\": $i}"; done
    after=$(date -u +%Y-%m-%dT%H-%M-%S)
    assert_eq "$(ls "$H1")" rex.json
    assert_eq "$(count "$H1/rex.json")" 3
    assert_eq "$(cat "$(oldest "$H1/rex.json")")" '{"name":  "Rex"}' "the writer's own bytes"
    assert_json "$(newest "$H1/rex.json")" .age 2
    local file
    for file in "$H1"/rex.json/*; do
        assert_match "$(basename "$file")" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}\.[0-9]{9}Z\.json$'
        [[ ! $(basename "$file") < $before && ! $(basename "$file") > $after.~ ]] || fail "$file is not of $before to $after"
        assert_eq "$(stat -c %s "$file")" "$(read_size "$file")"
        assert_eq "$(stat -c '%A' "$file")" -r--r--r--
    done
}

revisions__a_save_of_the_same_content_makes_none() {
    put "$D1/rex.json" '{"name": "Rex", "age": 1}'
    put "$D1/rex.json" '{"name": "Rex", "age": 1}'
    put "$D1/rex.json" '{ "age": 1, "name": "Rex" }'
    touch "$D1/rex.json"
    chmod 600 "$D1/rex.json"
    assert_absent "$H1/rex.json"
    assert_eq "$(ls -A "$H1")" ''
}

revisions__a_listing_follows_what_happens() {
    put "$D1/rex.json" '{"name": "Rex"}'
    assert_eq "$(ls "$H1")" ''
    put "$D1/rex.json" '{"name": "Rexi"}'
    assert_eq "$(ls "$H1")" rex.json
    local i
    for i in 1 2 3 4 5; do
        assert_eq "$(find "$H1/rex.json" -type f | wc -l)" "$i"
        put "$D1/rex.json" "{\"name\": \"Rex\", \"age\": $i}"
    done
    cd "$H1/rex.json"
    put "$D1/rex.json" '{"name": "Rex"}'
    assert_eq "$(ls | wc -l)" 7
    mv "$D1/rex.json" "$D1/max.json"
    assert_eq "$(ls "$H1")" max.json
    assert_eq "$(count "$H1/max.json")" 7
    assert_absent "$H1/rex.json"
}

revisions__keep_the_time_the_item_had() {
    put "$D1/rex.json" '{"name": "Rex"}'
    touch -d '2001-02-03 04:05:06 UTC' "$D1/rex.json"
    put "$D1/rex.json" '{"name": "Rexi"}'
    assert_eq "$(stat -c %Y "$(oldest "$H1/rex.json")")" "$(date -d '2001-02-03 04:05:06 UTC' +%s)"
}

directory__is_hidden_and_no_tool_falls_into_it() {
    put "$D1/rex.json" '{"name": "Rex"}'
    put "$D1/rex.json" '{"name": "Rexi"}'
    assert_eq "$(ls -A "$D1")" rex.json
    assert_eq "$(find "$D1" | sort | tr '\n' ' ')" "$D1 $D1/rex.json "
    assert_eq "$(grep -rl Rex "$D1")" "$D1/rex.json"
    cp -r "$D1" "$T/copy"
    assert_eq "$(ls -A "$T/copy")" rex.json
    tar -C "$M/v1" -cf "$T/all.tar" Dog
    assert_eq "$(tar -tf "$T/all.tar" | sort | tr '\n' ' ')" 'Dog/ Dog/rex.json '
    assert_exists "$H1/rex.json"
    assert_eq "$(stat -c %F "$H1")" directory
    [[ $(stat -c %i "$H1") != $(stat -c %i "$H1/rex.json") ]] || fail 'two directories with one inode number'
}

directory__many_revisions_and_many_names_are_listed_whole() {
    local i
    for i in $(seq 500); do printf '{"_key": "d%s", "name": "D"}\n' "$i"; done >"$T/lines"
    cat "$T/lines" >>"$M/v1/Dog.jsonl"
    sed 's/"D"/"E"/' "$T/lines" >>"$M/v1/Dog.jsonl"
    assert_eq "$(ls "$H1" | wc -l)" 500
    assert_eq "$(ls "$H1" | sort -u | wc -l)" 500
    for i in $(seq 90); do printf '{"_key": "d7", "name": "%s"}\n' "$i"; done >>"$M/v1/Dog.jsonl"
    assert_eq "$(ls "$H1/d7.json" | wc -l)" 91
    assert_eq "$(cat "$H1"/d7.json/* | jq -r .name | tr '\n' ' ')" "D E $(seq 89 | tr '\n' ' ')"
}

# ---------------------------------------------------------------- deleted items

deleted__stay_under_their_last_name() {
    put "$D1/rex.json" '{"name": "Rex"}'
    put "$D1/max.json" '{"name": "Max"}'
    rm "$D1/rex.json"
    assert_eq "$(ls "$H1")" rex.json
    assert_json "$(newest "$H1/rex.json")" . '{"name":"Rex"}'
    put "$D1/rex.json" '{"name": "Rex II"}'
    rm "$D1/rex.json"
    assert_eq "$(cat "$H1"/rex.json/*)" $'{"name": "Rex"}\n{"name": "Rex II"}'
    put "$D1/rex.json" '{"name": "Rex III"}'
    put "$D1/rex.json" '{"name": "Rex IV"}'
    assert_eq "$(cat "$H1"/rex.json/*)" $'{"name": "Rex"}\n{"name": "Rex II"}\n{"name": "Rex III"}'
    mv "$D1/max.json" "$D1/rex.json"
    assert_eq "$(count "$H1/rex.json")" 4
    assert_json "$(newest "$H1/rex.json")" .name '"Rex IV"'
    rm -rf "$D1"/*
    assert_eq "$(count "$H1/rex.json")" 5
}

deleted__come_back_by_cp() {
    put "$D1/rex.json" '{"name":  "Rex",  "age": 3}'
    rm "$D1/rex.json"
    cp "$(newest "$H1/rex.json")" "$D1/rex.json"
    assert_eq "$(cat "$D1/rex.json")" '{"name":  "Rex",  "age": 3}'
    cmp "$D1/rex.json" "$H1"/rex.json/*
}

deleted__are_as_private_as_they_were() {
    [[ $(id -u) -eq 0 ]] || skip 'needs root'
    put "$D1/rex.json" '{"name": "Rex"}'
    chmod 640 "$D1/rex.json"
    chown 1234:5678 "$D1/rex.json"
    put "$D1/rex.json" '{"name": "Rexi"}'
    assert_eq "$(stat -c '%a %u %g' "$(newest "$H1/rex.json")")" '440 1234 5678'
    rm "$D1/rex.json"
    assert_eq "$(stat -c '%a %u %g' "$(newest "$H1/rex.json")")" '440 1234 5678'
    remount_store
    assert_eq "$(stat -c '%a %u %g' "$(newest "$H1/rex.json")")" '440 1234 5678'
}

# ---------------------------------------------------------------- versions

versions__each_revision_reads_in_every_version() {
    put "$D1/rex.json" '{"name": "Rex", "age": 3, "breed": "Pug"}'
    put "$D1/rex.json" '{"name": "Rex", "age": 4, "breed": "Lab"}'
    add_v2
    assert_json "$(oldest "$H2/rex.json")" . '{"title":"Rex","age":"3","breed":"Pug"}'
    put "$D2/rex.json" '{"title": "Rex", "age": "old", "breed": "Lab"}'
    local new
    assert_eq "$(cd "$H1/rex.json" && ls)" "$(cd "$H2/rex.json" && ls)"
    put "$D1/rex.json" '{"name": "Rexi"}'
    new=$(basename "$(newest "$H2/rex.json")")
    assert_json "$H2/rex.json/$new" . '{"title":"Rex","age":"old","breed":"Lab"}'
    assert_json "$H1/rex.json/$new" 'del(.age)' '{"name":"Rex","breed":"Lab"}'
    backfill v2
    assert_eq "$(count "$H2/rex.json")" 3 'backfill makes none'
    must_verb finalize v2
    sees_no_more "$M/v1"
    assert_json "$(oldest "$H2/rex.json")" . '{"title":"Rex","age":"3","breed":"Pug"}'
    assert_json "$H2/rex.json/$new" . '{"title":"Rex","age":"old","breed":"Lab"}'
    remount_store
    assert_json "$(oldest "$H2/rex.json")" . '{"title":"Rex","age":"3","breed":"Pug"}'
}

versions__restoring_through_one_keeps_what_only_another_shows() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Dog, field: breed}
  - add_field: {type: Dog, field: chip, as: string}
YAML
    D2=$M/v2/Dog H2=$M/v2/Dog/.history
    put "$D1/rex.json" '{"name": "Rex", "breed": "Pug"}'
    put "$D2/rex.json" '{"name": "Rexi", "chip": "c1"}'
    put "$D2/rex.json" '{"name": "Rexo", "chip": "c2"}'
    cp "$(oldest "$H1/rex.json")" "$D1/rex.json"
    assert_json "$D1/rex.json" . '{"name":"Rex","breed":"Pug"}'
    assert_json "$D2/rex.json" . '{"name":"Rex","chip":"c2"}'
    cp "$(oldest "$H2/rex.json")" "$D2/rex.json"
    assert_json "$D2/rex.json" . '{"name":"Rex"}'
    rm "$D1/rex.json"
    local last
    last=$(basename "$(newest "$H1/rex.json")")
    cp "$H1/rex.json/$last" "$D1/rex.json"
    cp "$H2/rex.json/$last" "$D2/rex.json"
    assert_json "$D1/rex.json" . '{"name":"Rex","breed":"Pug"}'
}

versions__a_record_that_extraction_made_comes_back() {
    add_v2
    put "$D1/rex.json" '{"name": "Rex", "breed": "Pug"}'
    assert_eq "$(ls "$M/v2/Breed")" Pug.json
    put "$D1/rex.json" '{"name": "Rex", "breed": "Lab"}'
    sees_no_more "$M/v2/Breed/Pug.json"
    assert_json "$(newest "$H1/rex.json")" .breed '"Pug"'
    assert_json "$(newest "$H2/rex.json")" .breed '"Pug"'
    assert_errno EINVAL cp "$(newest "$H2/rex.json")" "$D2/rex.json"
    assert_contains "$(cat "$M/control/errors")" 'Pug'
    cp "$(newest "$M/v2/Breed/.history/Pug.json")" "$M/v2/Breed/Pug.json"
    cp "$(newest "$H2/rex.json")" "$D2/rex.json"
    assert_json "$D1/rex.json" .breed '"Pug"'
}

# ---------------------------------------------------------------- what is refused

writing__is_refused_and_changes_nothing() {
    put "$D1/rex.json" '{"name": "Rex"}'
    put "$D1/rex.json" '{"name": "Rexi"}'
    local file
    file=$(newest "$H1/rex.json")
    assert_errno EPERM rm -f "$file"
    assert_errno EPERM rm -rf "$H1/rex.json"
    assert_errno EPERM rmdir "$H1"
    assert_errno EPERM mv "$file" "$D1/rex.json"
    assert_errno EPERM mv "$file" "$H1/rex.json/other.json"
    assert_errno EPERM cp --no-preserve=all "$D1/rex.json" "$file"
    assert_errno EPERM touch "$H1/new.json"
    assert_errno EPERM touch "$H1/rex.json/new.json"
    assert_errno EPERM mkdir "$H1/new.json"
    assert_errno EPERM chmod 600 "$file"
    assert_errno EPERM ln "$file" "$D1/link.json"
    assert_errno EPERM mv "$H1" "$D1/past"
    assert_eq "$(errno_of 'os.rename("v1/Dog/.history", "v1/Dog/past.json")')" EPERM
    assert_eq "$(errno_of 'os.unlink("v1/Dog/.history")')" EISDIR
    assert_errno EEXIST mkdir "$H1"
    assert_fails cp --no-preserve=all "$D1/rex.json" "$H1"
    assert_json "$file" . '{"name":"Rex"}'
    assert_eq "$(count "$H1/rex.json")" 1
    assert_errno ENOENT cat "$H1/max.json/x" 
    assert_errno ENOENT ls "$H1/max.json"
    assert_errno ENOENT cat "$H1/rex.json/2020-01-01T00-00-00.000000000Z.json"
    assert_errno ENOENT cat "$H1/rex.json/x.json"
    assert_errno ENOENT ls "$H1/rex"
}

# ---------------------------------------------------------------- the rule

rule__the_newest_are_kept() {
    remount_store -o history=3
    local i
    for i in $(seq 20); do put "$D1/rex.json" "{\"name\": \"Rex\", \"age\": $i}"; done
    put "$D1/max.json" '{"name": "Max"}'
    rm "$D1/max.json"
    three() { [[ $(count "$H1/rex.json") -eq 3 ]]; }
    wait_until 10 three || fail "not trimmed" "$(ls "$H1/rex.json")"
    assert_eq "$(cat "$H1"/rex.json/* | jq -c .age | tr '\n' ' ')" '17 18 19 '
    assert_eq "$(count "$H1/max.json")" 1
}

rule__what_is_old_goes() {
    put "$D1/rex.json" '{"name": "Rex"}'
    rm "$D1/rex.json"
    assert_exists "$H1/rex.json"
    remount_store -o history=1s
    sees_no_more "$H1/rex.json"
    assert_eq "$(ls "$H1")" ''
}

rule__0_keeps_none_and_removes_none() {
    put "$D1/rex.json" '{"name": "Rex"}'
    put "$D1/rex.json" '{"name": "Rexi"}'
    remount_store -o history=0
    put "$D1/rex.json" '{"name": "Rexo"}'
    put "$D1/max.json" '{"name": "Max"}'
    rm "$D1/max.json"
    assert_eq "$(count "$H1/rex.json")" 1
    assert_eq "$(ls "$H1")" rex.json
}

rule__bad_ones_are_refused() {
    unmount_store
    local bad
    for bad in history=-1 history=x history=5x history=0d history=300y history= history=1dd; do
        assert_fails "$SCHEMAFS" mount "$S" "$M" -f -o "$bad"
        assert_contains "$ERR" 'option "history='
    done
    mount_store -o history=50,history=2w
}

read_only__history_is_there() {
    put "$D1/rex.json" '{"name": "Rex"}'
    put "$D1/rex.json" '{"name": "Rexi"}'
    put "$D1/max.json" '{"name": "Max"}'
    rm "$D1/max.json"
    remount_store -o ro
    assert_eq "$(ls "$H1" | tr '\n' ' ')" 'max.json rex.json '
    assert_json "$(newest "$H1/rex.json")" . '{"name":"Rex"}'
    assert_json "$(newest "$H1/max.json")" . '{"name":"Max"}'
    assert_errno EROFS rm "$(newest "$H1/max.json")"
}

format__a_store_from_before_history_is_brought_up() {
    need sqlite3
    put "$D1/rex.json" '{"name": "Rex"}'
    unmount_store
    sqlite3 "$S" 'DROP TABLE history; DROP TABLE gone; DROP TABLE member; PRAGMA user_version = 1'
    assert_fails "$SCHEMAFS" fsck "$S"
    assert_contains "$ERR" 'has format 1: mount it once'
    assert_fails "$SCHEMAFS" mount "$S" "$M" -f -o ro
    assert_contains "$ERR" 'has format 1: mount it once'
    mount_store
    put "$D1/rex.json" '{"name": "Rexi"}'
    assert_json "$(newest "$H1/rex.json")" . '{"name":"Rex"}'
    unmount_store
    "$SCHEMAFS" fsck "$S"
    mount_store -o ro
}

crash__what_is_kept_survives_with_what_replaced_it() {
    put "$D1/rex.json" '{"name": "Rex"}'
    put "$D1/rex.json" '{"name": "Rexi"}'
    rm "$D1/rex.json"
    kill_store
    mount_store
    assert_eq "$(cat "$H1"/rex.json/*)" $'{"name": "Rex"}\n{"name": "Rexi"}'
}

editors__a_save_is_one_revision() {
    need vim
    put "$D1/rex.json" '{"name": "Rex"}'
    vim -u DEFAULTS -es -c '%s/Rex/Rexi/' -c wq "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Rexi"'
    assert_eq "$(count "$H1/rex.json")" 1
    sed -i 's/Rexi/Rexo/' "$D1/rex.json"
    assert_eq "$(count "$H1/rex.json")" 2
    jq '.age = 1' "$D1/rex.json" >"$D1/rex.tmp" && mv "$D1/rex.tmp" "$D1/rex.json"
    assert_eq "$(cat "$H1"/rex.json/* | jq -r .name | tr '\n' ' ')" 'Rex Rexi Rexo '
}

# ---------------------------------------------------------------- merged and split types

merged__types_show_the_items_of_each_also_deleted_ones() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_type: {type: Cat, fields: {name: {type: string, required: true}}}
YAML
    put "$D1/rex.json" '{"name": "Rex"}'
    put "$D1/old.json" '{"name": "Old"}'
    put "$M/v2/Cat/tom.json" '{"name": "Tom"}'
    put "$M/v2/Cat/mia.json" '{"name": "Mia"}'
    put "$M/v2/Cat/tom.json" '{"name": "Tommy"}'
    rm "$M/v2/Cat/mia.json" "$D1/old.json"
    put "$D1/rex.json" '{"name": "Rexi"}'
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - merge_types: {types: [Dog, Cat], into: Pet, tag: kind}
YAML
    local pets=$M/v3/Pet when
    for when in new late; do
        assert_eq "$(ls "$pets/.history" | tr '\n' ' ')" 'mia.json old.json rex.json tom.json ' "$when"
        assert_json "$(oldest "$pets/.history/tom.json")" . '{"kind":"Cat","name":"Tom"}'
        assert_json "$(newest "$pets/.history/mia.json")" '[.kind, .name]' '["Cat","Mia"]'
        assert_json "$(newest "$pets/.history/old.json")" '[.kind, .name]' '["Dog","Old"]'
        assert_json "$(oldest "$pets/.history/rex.json")" '[.kind, .name]' '["Dog","Rex"]'
        [[ $when == late ]] || backfill v3
    done
    put "$pets/tom.json" '{"kind": "Cat", "name": "Thomas"}'
    assert_eq "$(count "$pets/.history/tom.json")" 2
    assert_json "$(newest "$M/v2/Cat/.history/tom.json")" .name '"Tommy"'
    rm "$pets/rex.json"
    assert_eq "$(count "$pets/.history/rex.json")" 2
    cp "$(newest "$pets/.history/mia.json")" "$pets/mia.json"
    sees "$M/v2/Cat/mia.json"
    assert_json "$M/v2/Cat/mia.json" .name '"Mia"'
    assert_eq "$(ls "$M/v2/Cat/.history" | tr '\n' ' ')" 'mia.json tom.json '
    assert_eq "$(ls "$M/v2/Dog/.history" | tr '\n' ' ')" 'old.json rex.json '
}

split__parts_show_the_items_that_stand_in_them_or_stood_there_last() {
    put "$D1/pup.json" '{"name": "Pup", "age": 0}'
    put "$D1/rex.json" '{"name": "Rex", "age": 5}'
    put "$D1/oldpup.json" '{"name": "Old pup", "age": 1}'
    put "$D1/olddog.json" '{"name": "Old dog", "age": 9}'
    put "$D1/pup.json" '{"name": "Pup", "age": 1}'
    put "$D1/rex.json" '{"name": "Rex", "age": 6}'
    rm "$D1/oldpup.json" "$D1/olddog.json"
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - split_type: {type: Dog, into: {Puppy: "age < 2", Grown: else}}
YAML
    local puppies=$M/v2/Puppy grown=$M/v2/Grown when
    for when in new late; do
        assert_eq "$(ls "$puppies/.history" | tr '\n' ' ')" 'oldpup.json pup.json ' "$when"
        assert_eq "$(ls "$grown/.history" | tr '\n' ' ')" 'olddog.json rex.json ' "$when"
        assert_json "$(oldest "$puppies/.history/pup.json")" .age 0
        assert_absent "$puppies/.history/rex.json"
        assert_absent "$grown/.history/oldpup.json"
        [[ $when == late ]] || backfill v2
    done
    # Its history goes along with it.
    mv "$puppies/pup.json" "$grown/pup.json"
    sees_no_more "$puppies/.history/pup.json"
    assert_json "$(oldest "$grown/.history/pup.json")" .age 0
    # What had the name in another part is not what has it here.
    rm "$grown/pup.json"
    put "$puppies/pup.json" '{"name": "Another", "age": 0}'
    put "$puppies/pup.json" '{"name": "Another", "age": 1}'
    assert_eq "$(count "$puppies/.history/pup.json")" 1
    assert_json "$(newest "$puppies/.history/pup.json")" .name '"Another"'
    assert_json "$(newest "$grown/.history/pup.json")" .name '"Pup"'
    assert_eq "$(ls "$D1/.history/pup.json" | wc -l)" "$(($(count "$grown/.history/pup.json") + 1))"
}

run_tests "$@"
