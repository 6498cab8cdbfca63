#!/usr/bin/env bash
# What the expressions of a schema read: the item's key, and fields that are unset.
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

expressions__see_the_key_as_key() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string}}
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: slug, as: string, up: "_key || '!'"}
YAML
    assert_json "$M/v2/Dog/rex.json" .slug '"rex!"'
}

expressions__see_what_a_reader_sees() {
    add v1 <<'YAML'
version: v1
types:
  Line:
    fields:
      item:  {type: string, required: true}
      price: {type: integer, default: 3}
      count: {type: integer, default: 2}
      unit:  {type: string, default: box}
      old:   string
YAML
    put "$M/v1/Line/unset.json" '{"item": "a"}'
    put "$M/v1/Line/null.json" '{"item": "b", "price": null}'
    put "$M/v1/Line/set.json" '{"item": "c", "price": 5, "count": 1, "unit": "bag", "old": "o"}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Line, field: seeded, as: integer, up: "price * count"}
  - compute_field: {type: Line, field: total, as: integer, value: "price * count"}
  - remove_field: {type: Line, field: old, down: "unit || count"}
  - add_check: {type: Line, check: "count <> 2", up: "count + 1"}
  - change_default: {type: Line, field: price, default: 10}
  - compute_field: {type: Line, field: later, as: integer, value: "price"}
  - change_key: {type: Line, up: "item || '-' || unit", down: "lower(unit)"}
  - extract_type: {type: Line, fields: {unit: name}, into: Unit, as: unit, key: "'u-' || name"}
  - split_type: {type: Line, into: {Cheap: "price < 11", Dear: else}}
YAML
    local shown='[.price,.count,.seeded,.total,.later,.unit]'
    must_verb verify v2
    assert_json "$M/v2/Cheap/a-box.json" "$shown" '[10,3,6,6,10,null]'
    assert_json "$M/v2/Dear/b-box.json" "$shown" '[null,3,null,null,null,null]'
    assert_json "$M/v2/Cheap/c-bag.json" "$shown" '[5,1,5,5,5,"u-bag"]'
    # An item made here: older versions see what these expressions give of what it shows.
    put "$M/v2/Cheap/new.json" '{"item": "d", "count": 4}'
    assert_json "$M/v1/Line/box.json" '[.price,.count,.unit,.old]' '[3,4,"box","box4"]'
    # A default that is written is as good as one that is shown.
    put "$M/v1/Line/unset.json" '{"item": "a", "price": 3, "old": "x"}'
    assert_json "$M/v2/Cheap/a-box.json" "$shown" '[3,3,6,6,3,null]'
    must_verb verify v2
    backfill v2
    assert_json "$M/v2/Dear/b-box.json" "$shown" '[null,3,null,null,null,null]'
    assert_json "$M/v2/Cheap/a-box.json" "$shown" '[3,3,6,6,3,null]'
}

conversions__leave_an_unset_field_unset() {
    add v1 <<'YAML'
version: v1
types:
  Line: {fields: {count: {type: integer, default: 2}, unit: {type: string, default: a b}}}
YAML
    put "$M/v1/Line/unset.json" '{}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Line, field: count, to: {type: string, default: none}, up: "count || 'x'", down: "CAST(count AS INTEGER)"}
  - split_field: {type: Line, field: unit, into: {x: {as: string, up: "substr(unit, 1, 1)"}}, down: "x"}
YAML
    assert_json "$M/v2/Line/unset.json" . '{"count":"none"}'
    put "$M/v1/Line/other.json" '{"count": 2, "unit": "a b"}'
    assert_json "$M/v2/Line/other.json" . '{"count":"2x","x":"a"}'
    put "$M/v2/Line/new.json" '{}'
    assert_json "$M/v1/Line/new.json" . '{"count":2,"unit":"a b"}'
}

run_tests "$@"
