#!/usr/bin/env bash
# Lists and maps: what a version does not show of an element stays with it.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"

setup() {
    mount_store
    D1=$M/v1/Dog D2=$M/v2/Dog
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, coats: list<Coat>, by_year: map<Coat>, homes: list<Home>}}
objects:
  Home: {fields: {street: string, zip: string, coats: list<Coat>, note: string}}
enums:
  Coat: [short, long, wire]
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_value: {enum: Coat, value: wire, as: long}
  - remove_field: {type: Home, field: note}
  - change_type: {type: Home, field: zip, to: integer, up: "CAST(zip AS INTEGER)", down: "CAST(zip AS TEXT)"}
YAML
}

homes() {
    put "$D1/$1.json" '{"name": "Rex", "homes": [{"street": "A", "zip": "007", "note": "first"},
        {"street": "B", "zip": "12-b", "coats": ["wire", "short"]}, {"street": "C", "zip": "3", "note": "third"}]}'
}

# edit FILE FILTER: as a script does it.
edit() {
    jq "$2" "$1" >"$T/edited" || fail "no JSON in $1"
    cat "$T/edited" >"$1"
}

elements__sorted_by_a_version_that_shows_half_of_them() {
    check() {
        homes "rex$1"
        edit "$D2/rex$1.json" '.homes |= (sort_by(.street) | reverse)'
        assert_json "$D1/rex$1.json" '[.homes[] | [.street, .zip, .note]]' \
            '[["C","3","third"],["B","12-b",null],["A","007","first"]]'
        edit "$D2/rex$1.json" '.homes |= [{street: "new"}] + .'
        assert_json "$D1/rex$1.json" '[.homes[] | [.street, .zip, .note]]' \
            '[["new",null,null],["C","3","third"],["B","12-b",null],["A","007","first"]]'
    }
    before_and_after_backfill v2 check
    agree v2
}

elements__edited_beside_others_that_come_and_go() {
    homes rex
    edit "$D2/rex.json" '.homes |= [{street: "new"}, .[0], (.[1] | .street = "b"), {street: "other"}]'
    assert_json "$D1/rex.json" '[.homes[] | [.street, .zip, .coats]]' \
        '[["new",null,null],["A","007",null],["b","12-b",["wire","short"]],["other",null,null]]'
}

elements__of_an_enum_that_lost_a_value() {
    put "$D1/rex.json" '{"name": "Rex", "coats": ["wire", "short", "long", "wire"], "by_year": {"2020": "wire", "2021": "wire"}}'
    edit "$D2/rex.json" '.coats[1] = "long" | .by_year["2021"] = "short" | .by_year["2022"] = "long"'
    assert_json "$D1/rex.json" '[.coats, .by_year]' '[["wire","long","long","wire"],{"2020":"wire","2021":"short","2022":"long"}]'
    backfill v2
    edit "$D2/rex.json" '.coats |= ["short"] + .'
    assert_json "$D1/rex.json" .coats '["short","wire","long","long","wire"]'
    edit "$D1/rex.json" '.coats |= reverse'
    assert_json "$D2/rex.json" .coats '["long","long","long","long","short"]'
    assert_json "$D1/rex.json" .coats '["wire","long","long","wire","short"]'
}

# sed -i and an editor's save write the whole text again.
elements__under_a_tool_that_writes_a_new_file() {
    homes rex
    sed -i 's/"B"/"Bee"/' "$D2/rex.json"
    assert_json "$D1/rex.json" '[.homes[] | [.street, .zip, .note]]' '[["A","007","first"],["Bee","12-b",null],["C","3","third"]]'
}

elements__a_refused_text_changes_none() {
    homes rex
    cp "$D1/rex.json" "$T/was"
    refuses EINVAL "$D2/rex.json" '{"name": "Rex", "homes": [{"street": "C", "zip": 3}, {"street": "B", "coats": ["wire"]}]}'
    refuses EINVAL "$D2/rex.json" '{"name": "Rex", "homes": {"street": "C"}}'
    cmp "$T/was" "$D1/rex.json" || fail 'a refused text changed the item'
}

# Another version left it out: that is no reason to refuse the others.
elements__that_lack_what_a_version_requires() {
    local D3=$M/v3/Dog
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - require_field: {type: Home, field: zip, up: "CASE WHEN street = 'Z' THEN 0 END"}
YAML
    put "$D1/rex.json" '{"name": "Rex", "homes": [{"street": "A", "note": "first"}, {"street": "B", "zip": "3"}]}'
    edit "$D3/rex.json" '.homes += [{street: "C", zip: 4}] | .homes[0].street = "a"'
    assert_json "$D1/rex.json" '[.homes[] | [.street, .zip, .note]]' '[["a",null,"first"],["B","3",null],["C","4",null]]'
    edit "$D3/rex.json" '.homes[0].zip = 1'
    refuses EINVAL "$D3/rex.json" '{"name": "Rex", "homes": [{"street": "a"}]}'
}

elements__an_expression_reads_what_they_show() {
    local D3=$M/v3/Dog
    put "$D1/rex.json" '{"name": "Rex", "homes": [{"street": "A"}]}'
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - add_field: {type: Home, field: kind, as: {type: string, default: house}}
  - compute_field: {type: Dog, field: first, as: string, value: "json_extract(homes, '$[0].kind')"}
YAML
    assert_json "$D3/rex.json" .first '"house"'
    edit "$D3/rex.json" '.homes[0].kind = "hut"'
    assert_json "$D3/rex.json" .first '"hut"'
}

# What was hidden is gone with the versions that showed it.
elements__after_finalize() {
    homes rex
    backfill v2
    must_verb finalize v2
    edit "$D2/rex.json" '.homes |= reverse'
    assert_json "$D2/rex.json" '[.homes[] | [.street, .zip, .coats]]' '[["C",3,null],["B",12,["long","short"]],["A",7,null]]'
}

run_tests "$@"
