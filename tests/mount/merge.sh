#!/usr/bin/env bash
# merge_types: the items of several types in one.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"

setup() {
    mount_store
    C1=$M/v1/Cat D1=$M/v1/Dog P=$M/v2/Pet
}

pets() {
    add v1 <<'YAML'
version: v1
types:
  Cat: {fields: {name: {type: string, required: true}, indoor: {type: boolean, required: true}, friend: {type: ref<Dog>, on_delete: unset}}}
  Dog: {fields: {name: {type: string, required: true}, size: Size, tags: list<string>}}
  Visit: {fields: {cat: {type: ref<Cat>, on_delete: restrict}, dogs: list<ref<Dog>>, note: string}}
enums:
  Size: [small, large]
YAML
    put "$D1/rex.json" '{"name": "Rex", "size": "large", "tags": ["a"]}'
    put "$C1/tom.json" '{"name": "Tom", "indoor": true, "friend": "rex"}'
    put "$C1/max.json" '{"name": "Cat Max", "indoor": false}'
    put "$D1/max.json" '{"name": "Dog Max"}'
    put "$M/v1/Visit/v.json" '{"cat": "max", "dogs": ["max", "rex"], "note": "n"}'
}

merge() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - merge_types: {types: [Cat, Dog], into: Pet, tag: kind}
YAML
}

merge_types__all_items_in_one() {
    pets
    merge
    assert_absent "$M/v2/Cat"
    assert_absent "$M/v2/Dog"
    assert_eq "$(names "$P")" $'max.json\nmax~Dog.json\nrex.json\ntom.json'
    assert_file "$P/rex.json" <<'JSON'
{
  "kind": "Dog",
  "name": "Rex",
  "size": "large",
  "tags": [
    "a"
  ]
}
JSON
    assert_json "$P/tom.json" '[.kind, .name, .indoor, .friend]' '["Cat","Tom",true,"rex"]'
    assert_json "$P/max.json" .name '"Cat Max"'
    assert_json "$P/max~Dog.json" .name '"Dog Max"'
    assert_eq "$(jq -r ._key "$M/v2/Pet.jsonl" | sort | tr '\n' ' ')" 'max max~Dog rex tom '
    agree v2
    backfill v2
    assert_eq "$(names "$P")" $'max.json\nmax~Dog.json\nrex.json\ntom.json'
    agree v2
    assert_eq "$(names "$C1")$(names "$D1")" $'max.json\ntom.jsonmax.json\nrex.json'
}

merge_types__the_same_item_through_both() {
    pets
    merge
    check() {
        put "$P/rex.json" "{\"kind\": \"Dog\", \"name\": \"Rex $1\", \"size\": \"small\"}"
        assert_json "$D1/rex.json" '[.name, .size, .tags]' "[\"Rex $1\",\"small\",null]"
        put "$D1/rex.json" "{\"name\": \"King $1\", \"tags\": [\"$1\"]}"
        assert_json "$P/rex.json" '[.kind, .name, .size, .tags]' "[\"Dog\",\"King $1\",null,[\"$1\"]]"
        put "$C1/tom.json" "{\"name\": \"Tom $1\", \"indoor\": false}"
        assert_json "$P/tom.json" '[.kind, .name, .indoor]' "[\"Cat\",\"Tom $1\",false]"
        put "$P/tom.json" "{\"kind\": \"Cat\", \"name\": \"T $1\", \"indoor\": true, \"size\": \"small\"}"
        assert_json "$C1/tom.json" . "{\"name\":\"T $1\",\"indoor\":true}"
        assert_json "$P/tom.json" .size '"small"'
    }
    before_and_after_backfill v2 check
    agree v2
}

# A look leaves a text behind for the read that follows (fs/recent.h): not past a change, of an item of
# any of the types. Readers near a writer read for themselves (WRITER_NEAR_NS in fs/files.c): so it
# waits until none is near.
merge_types__a_read_after_a_look_shows_what_changed_between() {
    pets
    merge
    check() {
        local dog=$D1/rex.json pet=$P/rex.json

        sleep 0.7
        stat "$pet" >/dev/null
        put "$dog" "{\"name\": \"Rex $1\"}"
        sleep 0.7
        assert_json "$pet" .name "\"Rex $1\""
    }
    before_and_after_backfill v2 check
}

merge_types__the_directory_changes_with_each_of_its_types() {
    pets
    merge
    changed() {
        local before=$1 now

        now=$(stat -c %y "$P")
        [[ $now > $before ]] || fail "$2: the directory has its old time" "$before"
    }
    check() {
        local type before
        local -A texts=(["$D1"]='{"name": "A"}' ["$C1"]='{"name": "A", "indoor": true}')

        for type in "$D1" "$C1"; do
            before=$(names "$P" >/dev/null; stat -c %y "$P")
            put "$type/$1-a.json" "${texts[$type]}"
            changed "$before" "$type: a new item"
            assert_contains "$(names "$P")" "$1-a.json"
            before=$(stat -c %y "$P")
            mv "$type/$1-a.json" "$type/$1-b.json"
            changed "$before" "$type: a rename"
            assert_eq "$(names "$P" | grep -c "$1-[ab]")" 1
            before=$(stat -c %y "$P")
            rm "$type/$1-b.json"
            changed "$before" "$type: a removal"
            assert_eq "$(names "$P" | grep -c "$1-[ab]")" 0
        done
    }
    before_and_after_backfill v2 check
}

# Modes belong to a version's path, given in whichever type.
merge_types__modes_and_times() {
    pets
    merge
    chmod 600 "$P/rex.json"
    touch -d '2001-02-03 04:05:06' "$P/rex.json" "$C1/tom.json"
    assert_eq "$(stat -c %a "$P/rex.json")" 600
    assert_eq "$(stat -c %Y "$D1/rex.json" "$P/rex.json" | sort -u | wc -l)" 1
    assert_eq "$(stat -c %Y "$C1/tom.json" "$P/tom.json" | sort -u | wc -l)" 1
    (umask 077 && put "$P/own.json" '{"kind": "Dog", "name": "Own"}')
    assert_eq "$(stat -c %a "$P/own.json")" 600
    assert_eq "$(stat -c %a "$D1/own.json")" 600
    assert_eq "$(<"$M/control/errors")" ''
}

merge_types__a_new_item_goes_where_its_tag_says() {
    pets
    merge
    check() {
        put "$P/$1-c.json" '{"kind": "Cat", "name": "C", "indoor": true}'
        sees "$C1/$1-c.json"
        assert_absent "$D1/$1-c.json"
        put "$P/$1-d.json" '{"kind": "Dog", "name": "D"}'
        sees "$D1/$1-d.json"
        put "$D1/$1-old.json" '{"name": "Old"}'
        sees "$P/$1-old.json"
        assert_json "$P/$1-old.json" .kind '"Dog"'
        rm "$P/$1-d.json" "$C1/$1-c.json"
        sees_no_more "$D1/$1-d.json"
        sees_no_more "$P/$1-c.json"
    }
    before_and_after_backfill v2 check
    refuses EINVAL "$P/x.json" '{"kind": "Bird", "name": "B"}'
    refuses EINVAL "$P/x.json" '{"name": "B"}'
    refuses EINVAL "$P/x.json" '{"kind": "Cat", "name": "B"}'
    agree v2
}

merge_types__a_tag_does_not_change() {
    pets
    merge
    refuses EINVAL "$P/rex.json" '{"kind": "Cat", "name": "Rex", "indoor": true}'
    assert_contains "$(cat "$M/control/errors")" 'Pet.kind does not change'
    assert_fails sh -c "echo '{\"_key\": \"rex\", \"kind\": \"Cat\", \"name\": \"X\", \"indoor\": true}' >>'$M/v2/Pet.jsonl'"
    assert_json "$D1/rex.json" .name '"Rex"'
}

merge_types__a_key_that_both_hold() {
    pets
    merge
    put "$D1/leo.json" '{"name": "Dog Leo"}'
    sees "$P/leo.json"
    put "$C1/leo.json" '{"name": "Cat Leo", "indoor": true}'
    sees "$P/leo~Dog.json"
    assert_json "$P/leo.json" .name '"Cat Leo"'
    assert_json "$P/leo~Dog.json" .name '"Dog Leo"'
    assert_eq "$(names "$D1")" $'leo.json\nmax.json\nrex.json'
    put "$P/leo~Dog.json" '{"kind": "Dog", "name": "Leo D"}'
    assert_json "$D1/leo.json" .name '"Leo D"'
    mv "$D1/leo.json" "$D1/lion.json"
    sees "$P/lion.json"
    sees_no_more "$P/leo~Dog.json"
    mv "$P/tom.json" "$P/lion.json"
    assert_eq "$(names "$D1")" $'max.json\nrex.json'
    sees "$C1/lion.json"
    backfill v2
    agree v2
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

merge_types__renames() {
    pets
    merge
    mv "$P/max~Dog.json" "$P/maxi.json"
    sees "$D1/maxi.json"
    assert_json "$M/v1/Visit/v.json" .dogs '["maxi","rex"]'
    mv "$D1/maxi.json" "$D1/max.json"
    sees "$P/max~Dog.json"
    mv "$C1/max.json" "$C1/min.json"
    sees "$P/min.json"
    assert_json "$M/v2/Visit/v.json" '[.cat, .dogs]' '["min",["max~Dog","rex"]]'
    agree v2
}

merge_types__references() {
    pets
    merge
    assert_json "$M/v2/Visit/v.json" '[.cat, .dogs]' '["max",["max~Dog","rex"]]'
    put "$M/v2/Visit/v.json" '{"cat": "tom", "dogs": ["rex"], "note": "m"}'
    assert_json "$M/v1/Visit/v.json" '[.cat, .dogs]' '["tom",["rex"]]'
    refuses EINVAL "$M/v2/Visit/v.json" '{"cat": "nobody"}'
    assert_errno EBUSY rm "$P/tom.json"
    put "$M/v2/Visit/v.json" '{"cat": "tom"}'
    rm "$P/rex.json"
    sees_no_more "$D1/rex.json"
    assert_json "$P/tom.json" 'has("friend")' false
    assert_json "$C1/tom.json" 'has("friend")' false
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - add_field: {type: Visit, field: main, as: ref<Pet>}
  - rename_field: {type: Pet, from: name, to: called}
  - add_field: {type: Pet, field: loud, as: string, up: "kind || '!'"}
  - change_type: {type: Pet, field: size, to: string, up: "upper(size)", down: "lower(size)"}
YAML
    assert_json "$M/v3/Pet/max~Dog.json" '[.called, .loud]' '["Dog Max","Dog!"]'
    put "$D1/big.json" '{"name": "Big", "size": "large"}'
    assert_json "$M/v3/Pet/big.json" .size '"LARGE"'
    put "$M/v3/Visit/v.json" '{"cat": "tom", "main": "max~Dog"}'
    put "$D1/max.json" '{"name": "New"}'
    assert_json "$M/v3/Pet/max~Dog.json" .called '"New"'
    put "$M/v3/Pet/max~Dog.json" '{"kind": "Dog", "called": "Newer", "loud": "no"}'
    assert_json "$D1/max.json" .name '"Newer"'
    assert_json "$M/v3/Pet/max.json" .loud '"Cat!"'
    agree v3
}

merge_types__revert_and_the_same_file_again() {
    pets
    merge
    put "$P/new.json" '{"kind": "Dog", "name": "New", "indoor": true}'
    mv "$P/max~Dog.json" "$P/other.json"
    cat "$M/schemas/v2.yaml" >"$T/v2.yaml"
    must_verb revert v2
    assert_eq "$(names "$D1")" $'new.json\nother.json\nrex.json'
    put "$C1/new.json" '{"name": "Cat New", "indoor": true}'
    put "$D1/rex.json" '{"name": "Rex R"}'
    rm "$C1/tom.json"
    add v2 <"$T/v2.yaml"
    assert_eq "$(names "$P")" $'max.json\nnew.json\nnew~Dog.json\nother.json\nrex.json'
    assert_json "$P/new~Dog.json" .indoor true
    assert_json "$P/rex.json" .name '"Rex R"'
    agree v2
}

merge_types__finalize() {
    pets
    merge
    backfill v2
    must_verb finalize v2
    assert_eq "$(names "$P")" $'max.json\nmax~Dog.json\nrex.json\ntom.json'
    put "$P/new.json" '{"kind": "Dog", "name": "New"}'
    mv "$P/new.json" "$P/newer.json"
    put "$P/rex.json" '{"kind": "Dog", "name": "Rexy"}'
    rm "$M/v2/Visit/v.json" "$P/max~Dog.json"
    refuses EINVAL "$P/rex.json" '{"kind": "Cat", "name": "Rexy", "indoor": true}'
    remount_store
    assert_eq "$(names "$P")" $'max.json\nnewer.json\nrex.json\ntom.json'
    assert_eq "$(status '.versions[0].items')" 4
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

merge_types__streams_and_counts() {
    pets
    merge
    printf '%s\n' '{"_key": "s1", "kind": "Cat", "name": "S1", "indoor": true}' \
        '{"_key": "max~Dog", "kind": "Dog", "name": "Streamed"}' >>"$M/v2/Pet.jsonl"
    assert_json "$C1/s1.json" .name '"S1"'
    assert_json "$D1/max.json" .name '"Streamed"'
    assert_eq "$(status '.versions[] | select(.version == "v2") | .items')" 6
    sed -i 's/Streamed/Edited/' "$P/max~Dog.json"
    assert_json "$D1/max.json" .name '"Edited"'
    for i in $(seq 300); do
        printf '{"_key": "m%s", "kind": "%s", "name": "N", "indoor": true}\n' "$i" "$([[ $((i % 2)) == 0 ]] && echo Cat || echo Dog)"
    done >>"$M/v2/Pet.jsonl"
    assert_eq "$(names "$P" | wc -l)" 305
    assert_eq "$(names "$C1" | wc -l)" 153
}

merge_types__three_types() {
    add v1 <<'YAML'
version: v1
types:
  Cat: {fields: {name: string, indoor: boolean}}
  Dog: {fields: {name: string, size: integer, mate: ref<Dog>}}
  Fish: {fields: {size: integer, water: {type: string, required: true}, eater: ref<Cat>}}
YAML
    for type in Cat Dog; do put "$M/v1/$type/a.json" "{\"name\": \"$type\"}"; done
    put "$M/v1/Fish/a.json" '{"size": 3, "water": "salt", "eater": "a"}'
    put "$D1/b.json" '{"size": 5, "mate": "a"}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - merge_types: {types: [Cat, Dog, Fish], into: Pet, tag: kind}
YAML
    assert_eq "$(names "$P")" $'a.json\na~Dog.json\na~Fish.json\nb.json'
    assert_json "$P/a~Fish.json" . '{"kind":"Fish","size":3,"water":"salt","eater":"a"}'
    assert_json "$P/b.json" . '{"kind":"Dog","size":5,"mate":"a~Dog"}'
    check() {
        put "$P/a~Fish.json" '{"kind": "Fish", "size": 4, "water": "sweet", "eater": "a"}'
        assert_json "$M/v1/Fish/a.json" . '{"size":4,"water":"sweet","eater":"a"}'
        put "$M/v1/Fish/a.json" '{"size": 3, "water": "salt"}'
        assert_json "$P/a~Fish.json" . '{"kind":"Fish","size":3,"water":"salt"}'
        put "$P/$1.json" '{"kind": "Fish", "water": "salt"}'
        put "$D1/$1.json" '{"name": "D"}'
        sees "$P/$1.json"
        becomes_json "$P/$1.json" .kind '"Dog"'
        becomes_json "$P/$1~Fish.json" .kind '"Fish"'
        put "$C1/$1.json" '{"name": "C"}'
        becomes_json "$P/$1.json" .kind '"Cat"'
        becomes_json "$P/$1~Dog.json" .kind '"Dog"'
        assert_json "$P/$1~Fish.json" .kind '"Fish"'
    }
    before_and_after_backfill v2 check
    assert_eq "$(status '.versions[] | select(.version == "v2") | .items')" 10
    agree v2
    must_verb finalize v2
    assert_eq "$(names "$P" | wc -l)" 10
    refuses EINVAL "$P/x.json" '{"kind": "Fish", "size": 1}'
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

merge_types__a_field_of_the_later_types_only_must_be_alike() {
    add v1 <<'YAML'
version: v1
types:
  Cat: {fields: {name: string}}
  Dog: {fields: {age: integer}}
  Fish: {fields: {age: string}}
YAML
    refused_schema v2 'Dog.age is integer and Fish.age is string' <<'YAML'
version: v2
from: v1
migrate:
  - merge_types: {types: [Cat, Dog, Fish], into: Pet, tag: kind}
YAML
}

merge_types__open_types() {
    add v1 <<'YAML'
version: v1
types:
  Cat: {open: true, fields: {name: string}}
  Dog: {open: true, fields: {name: string, size: integer}}
  Fish: {fields: {name: string}}
YAML
    put "$D1/rex.json" '{"name": "Rex", "toy": "ball"}'
    put "$C1/tom.json" '{"name": "Tom", "toy": ["mouse"]}'
    refused_schema v2 'Dog is open and Fish is not' <<'YAML'
version: v2
from: v1
migrate:
  - merge_types: {types: [Dog, Fish], into: Pet, tag: kind}
YAML
    merge
    check() {
        assert_json "$P/rex.json" . '{"kind":"Dog","name":"Rex","toy":"ball"}'
        assert_json "$P/tom.json" .toy '["mouse"]'
        put "$P/rex.json" '{"kind": "Dog", "name": "R", "toy": 1, "bed": "big"}'
        assert_json "$D1/rex.json" . '{"name":"R","toy":1,"bed":"big"}'
        put "$D1/rex.json" '{"name": "Rex", "toy": "ball"}'
    }
    before_and_after_backfill v2 check
    agree v2
}

# The other type goes on, and shows the items of the one that was merged.
merge_types__a_copy() {
    pets
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - copy_type: {from: Dog, to: Hound}
  - merge_types: {types: [Cat, Hound], into: Pet, tag: kind}
YAML
    refused_schema v3 'show the same items' <<'YAML'
version: v3
from: v1
migrate:
  - copy_type: {from: Dog, to: Hound}
  - merge_types: {types: [Dog, Hound], into: Pet, tag: kind}
YAML
    assert_eq "$(names "$P")" $'max.json\nmax~Hound.json\nrex.json\ntom.json'
    assert_eq "$(names "$M/v2/Dog")" $'max.json\nrex.json'
    check() {
        put "$P/max~Hound.json" "{\"kind\": \"Hound\", \"name\": \"H $1\"}"
        assert_json "$M/v2/Dog/max.json" .name "\"H $1\""
        assert_json "$D1/max.json" .name "\"H $1\""
        put "$M/v2/Dog/rex.json" "{\"name\": \"D $1\"}"
        assert_json "$P/rex.json" '[.kind, .name]' "[\"Hound\",\"D $1\"]"
        put "$P/$1.json" '{"kind": "Hound", "name": "New"}'
        sees "$M/v2/Dog/$1.json"
        sees "$D1/$1.json"
        rm "$M/v2/Dog/$1.json"
        sees_no_more "$P/$1.json"
        put "$M/v2/Dog/$1-d.json" '{"name": "D"}'
        sees "$P/$1-d.json"
        assert_json "$P/$1-d.json" .kind '"Hound"'
    }
    before_and_after_backfill v2 check
    agree v2
}

merge_types__what_is_refused() {
    add v1 <<'YAML'
version: v1
types:
  Cat: {fields: {name: string, age: integer}}
  Dog: {fields: {name: string, age: string}}
YAML
    refused_schema v2 'Cat.age is integer and Dog.age is string' <<'YAML'
version: v2
from: v1
migrate:
  - merge_types: {types: [Cat, Dog], into: Pet, tag: kind}
YAML
    refused_schema v2 'there is no type "Bird"' <<'YAML'
version: v2
from: v1
migrate:
  - merge_types: {types: [Cat, Bird], into: Pet, tag: kind}
YAML
    refused_schema v2 'at least two types' <<'YAML'
version: v2
from: v1
migrate:
  - merge_types: {types: [Cat], into: Pet, tag: kind}
YAML
    refused_schema v2 'has a field "name"' <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Cat, field: age}
  - merge_types: {types: [Cat, Dog], into: Pet, tag: name}
YAML
}

run_tests "$@"
