#!/usr/bin/env bash
# Steps that put a field of one item into another: move_field and inline_type, through every version.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"

setup() {
    mount_store
    D1=$M/v1/Dog D2=$M/v2/Dog P1=$M/v1/Person P2=$M/v2/Person
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string, city: string, owner: {type: ref<Person>, on_delete: unset}}}
  Person: {fields: {name: {type: string, required: true}, phone: string}}
YAML
    put "$P1/ann.json" '{"name": "Ann", "phone": "1"}'
    put "$P1/bob.json" '{"name": "Bob"}'
    put "$D1/rex.json" '{"name": "Rex", "city": "Berlin", "owner": "ann"}'
    put "$D1/zoe.json" '{"name": "Zoe", "city": "Rome", "owner": "ann"}'
    put "$D1/tim.json" '{"name": "Tim", "city": "Oslo"}'
}

moved() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - move_field: {type: Dog, field: city, to: Person, through: owner}
YAML
}

inlined() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - inline_type: {type: Dog, ref: owner, fields: {name: owner, phone: phone}}
YAML
}

cities() { jq -c -s 'map(.city)' "$D1/rex.json" "$D1/zoe.json" "$D1/tim.json"; }

move_field__old_texts_stay_and_the_new_type_has_the_field() {
    moved
    assert_eq "$(cities)" '["Berlin","Rome","Oslo"]'
    assert_json "$P2/ann.json" . '{"name":"Ann","phone":"1","city":"Berlin"}'
    assert_json "$D2/rex.json" . '{"name":"Rex","owner":"ann"}'
    assert_json "$P1/ann.json" . '{"name":"Ann","phone":"1"}'
    agree v2
    backfill v2
    assert_eq "$(cities)" '["Berlin","Rome","Oslo"]'
    assert_json "$P2/ann.json" .city '"Berlin"'
    agree v2
}

move_field__a_listing_shows_it_too() {
    moved
    assert_eq "$(jq -c .city <"$P2.jsonl")" '"Berlin"
null'
}

move_field__the_new_side_shows_in_every_holder() {
    moved
    check() {
        assert_eq "$(jq -r .owner <"$D1/rex.json")" ann
        put "$P2/ann.json" "{\"name\": \"Ann\", \"city\": \"$1\"}"
        assert_eq "$(cities)" "[\"$1\",\"$1\",\"Oslo\"]"
    }
    before_and_after_backfill v2 check
    agree v2
}

move_field__the_old_side_changes_its_own_item_and_the_target() {
    moved
    check() {
        put "$D1/rex.json" "{\"name\": \"Rex\", \"city\": \"$1\", \"owner\": \"ann\"}"
        assert_eq "$(cities)" "[\"$1\",\"Rome\",\"Oslo\"]"
        assert_json "$P2/ann.json" .city "\"$1\""
        put "$D1/$1.json" '{"name": "New", "owner": "ann"}'
        assert_json "$D1/$1.json" . '{"name":"New","owner":"ann"}'
        assert_json "$P2/ann.json" .city "\"$1\""
    }
    before_and_after_backfill v2 check
    agree v2
}

move_field__refused_where_it_would_be_a_guess() {
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - move_field: {type: Dog, field: city, to: Dog, through: owner}
YAML
    assert_contains "$(outcome add)" 'Dog.owner is ref<Person>, it does not lead to Dog'
}

move_field__revert_and_finalize() {
    moved
    put "$D1/rex.json" '{"name": "Rex", "city": "Kiel", "owner": "ann"}'
    must_verb revert v2
    assert_eq "$(cities)" '["Kiel","Rome","Oslo"]'
    moved
    assert_json "$P2/ann.json" .city '"Kiel"'
    backfill v2
    must_verb finalize v2
    assert_json "$P2/ann.json" .city '"Kiel"'
    put "$P2/bob.json" '{"name": "Bob", "city": "Bonn"}'
    remount_store
    assert_json "$P2/bob.json" .city '"Bonn"'
    assert_json "$D2/tim.json" . '{"name":"Tim"}'
}

inline_type__the_item_shows_what_it_refers_to() {
    inlined
    assert_absent "$P2"
    check() {
        assert_json "$D2/rex.json" '[.owner, .phone]' '["Ann","1"]'
        assert_json "$D2/tim.json" 'has("owner")' false
        put "$P1/ann.json" '{"name": "Anne", "phone": "1"}'
        assert_json "$D2/rex.json" .owner '"Anne"'
        put "$D2/zoe.json" '{"name": "Zoe", "city": "Rome", "owner": "Ann", "phone": "1"}'
        assert_json "$P1/ann.json" . '{"name":"Ann","phone":"1"}'
        assert_json "$D2/rex.json" .owner '"Ann"'
    }
    before_and_after_backfill v2 check
    agree v2
}

inline_type__makes_what_is_not_there() {
    inlined
    check() {
        put "$D2/$1.json" "{\"name\": \"New\", \"owner\": \"Kim $1\"}"
        sees "$D1/$1.json"
        assert_json "$D1/$1.json" .owner "\"$1\""
        sees "$P1/$1.json"
        assert_json "$P1/$1.json" . "{\"name\":\"Kim $1\"}"
        refuses EINVAL "$D2/x.json" '{"phone": "5"}'
        assert_absent "$P1/x.json"
    }
    before_and_after_backfill v2 check
    put "$D2/rex.json" '{"name": "Rex"}'
    assert_json "$D1/rex.json" . '{"name":"Rex"}'
    assert_json "$P1/ann.json" .name '"Ann"'
    put "$D2/rex.json" '{"name": "Rex", "owner": "Ann", "phone": "1"}'
    assert_json "$D1/rex.json" .owner '"ann"'
    agree v2
}

inline_type__values_stay_after_finalize() {
    inlined
    backfill v2
    must_verb finalize v2
    put "$D2/rex.json" '{"name": "R", "owner": "Ann", "phone": "2"}'
    remount_store
    assert_json "$D2/rex.json" '[.owner, .phone]' '["Ann","2"]'
    assert_json "$D2/zoe.json" '[.owner, .phone]' '["Ann","2"]'
}

# What a later step computes from the other item's field, written after the holder was.
inline_type__what_is_computed_from_it_stays_after_finalize() {
    local shown='{"name":"Rex","city":"Berlin","first":"anna","letters":4}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - inline_type: {type: Dog, ref: owner, fields: {name: owner}}
  - split_field:
      type: Dog
      field: owner
      into: {first: {as: string, up: "lower(owner)"}, letters: {as: integer, up: "length(owner)"}}
      down: "upper(first)"
YAML
    backfill v2
    put "$P1/ann.json" '{"name": "Anna"}'
    assert_json "$D2/rex.json" . "$shown"
    must_verb finalize v2
    assert_json "$D2/rex.json" . "$shown"
    remount_store
    assert_json "$D2/rex.json" . "$shown"
    put "$D2/rex.json" '{"name": "R", "first": "anna", "letters": 5}'
    assert_json "$D2/rex.json" . '{"name":"R","first":"anna","letters":5}'
}

# ---------------------------------------------------------------- extract_type and on_delete

extracted() {
    add v2 <<YAML
version: v2
from: v1
migrate:
  - extract_type: {type: Dog, fields: {city: name}, into: City, as: city}
  - change_type:  {type: Dog, field: city, to: {type: ref<City>, on_delete: $1}}
YAML
    put "$D1/bo.json" '{"name": "Bo", "city": "Rome"}'
}

extracted__a_deleted_record_unsets_its_references() {
    extracted unset
    rm "$M/v2/City/Rome.json"
    assert_json "$D1/zoe.json" . '{"name":"Zoe","owner":"ann"}'
    assert_json "$D2/bo.json" . '{"name":"Bo"}'
    backfill v2
    rm "$M/v2/City/Berlin.json"
    assert_eq "$(cities)" '[null,null,"Oslo"]'
    put "$D1/rex.json" '{"name": "Rex", "city": "Rome"}'
    assert_eq "$(ls "$M/v2/City")" $'Oslo.json\nRome.json'
    agree v2
}

extracted__a_deleted_record_takes_its_items_along() {
    extracted cascade
    rm "$M/v2/City/Rome.json"
    assert_absent "$D1/zoe.json"
    assert_absent "$D2/bo.json"
    backfill v2
    rm "$M/v2/City/Berlin.json"
    assert_absent "$D2/rex.json"
    assert_eq "$(ls "$D1")" tim.json
    agree v2
}

run_tests "$@"
