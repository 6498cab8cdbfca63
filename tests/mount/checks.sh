#!/usr/bin/env bash
# Checks through a mount: on what steps compute, inside objects, and what verify says of them.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

dogs() {
    add v1 <<'YAML'
version: v1
types:
  Dog:
    fields:
      name: string
      weight: string
      age: {type: integer, check: "age >= 0"}
      homes: list<Address>
objects:
  Address: {fields: {zip: {type: string, check: "length(zip) = 5"}}}
YAML
}

weigh() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: weight, to: {type: integer, default: 9, check: "weight > 0"}, up: "CAST(weight AS INTEGER)", down: "CAST(weight AS TEXT)"}
YAML
}

# An item that is legal in its version can be written there whatever comes later: the newer one shows its default.
computed__an_older_write_is_never_refused_for_a_newer_check() {
    dogs
    put "$M/v1/Dog/old.json" '{"weight": "-3"}'
    weigh
    weight_is() {
        put "$M/v1/Dog/$1.json" '{"weight": "-4"}'
        assert_json "$M/v2/Dog/$1.json" .weight 9
        assert_json "$M/v2/Dog/old.json" .weight 9
        put "$M/v1/Dog/$1.json" '{"weight": "4"}'
        assert_json "$M/v2/Dog/$1.json" .weight 4
        refuses EINVAL "$M/v2/Dog/$1.json" '{"weight": -4}'
        assert_json "$M/v1/Dog/old.json" .weight '"-3"'
    }
    before_and_after_backfill v2 weight_is
    agree v2
}

computed__an_edit_of_another_field_keeps_what_the_check_hides() {
    dogs
    weigh
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "weight": "-4"}'
    sed -i 's/Rex/Rexi/' "$M/v2/Dog/rex.json"
    assert_json "$M/v1/Dog/rex.json" '[.name, .weight]' '["Rexi","-4"]'
}

# A check over several fields is an add_check behind the step: it follows what either version writes.
computed__a_check_over_several_fields_follows_all_of_them() {
    dogs
    stage v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: limit, as: {type: integer, default: 99, check: "\"limit\" > age"}, up: "length(name)"}
YAML
    must_verb check v2
    assert_match "$(outcome check)" 'add_check: Dog.limit has a check: "limit" > age'
    must_verb add v2
    sees "$M/v2"
    limit_is() {
        put "$M/v1/Dog/$1.json" '{"name": "Rex", "age": 7}'
        assert_json "$M/v2/Dog/$1.json" .limit 99
        put "$M/v2/Dog/$1.json" '{"name": "Rex", "age": 7, "limit": 8}'
        put "$M/v1/Dog/$1.json" '{"name": "Rex", "age": 9}'
        assert_json "$M/v2/Dog/$1.json" .limit 99
        put "$M/v1/Dog/$1.json" '{"name": "Rex", "age": 7}'
        assert_json "$M/v2/Dog/$1.json" .limit 8
        refuses EINVAL "$M/v2/Dog/$1.json" '{"name": "Rex", "age": 7, "limit": 6}'
    }
    before_and_after_backfill v2 limit_is
    agree v2
}

inside__an_object_in_a_list_is_checked() {
    local shell
    dogs
    put "$M/v1/Dog/rex.json" '{"homes": [{"zip": "12345"}]}'
    for shell in bash dash; do
        assert_fails "$shell" -c "echo '{\"homes\": [{\"zip\": \"12345\"}, {\"zip\": \"1\"}]}' > '$M/v1/Dog/rex.json'"
        assert_contains "$(cat "$M/control/errors")" 'Dog.homes[1].zip: check "length(zip) = 5" does not hold'
        : >"$M/control/errors"
    done
    refuses EINVAL "$M/v1/Dog/new.json" '{"homes": [{"zip": "1"}]}'
    assert_fails bash -c "echo '{\"_key\": \"new\", \"homes\": [{\"zip\": \"1\"}]}' >>'$M/v1/Dog.jsonl'"
    assert_absent "$M/v1/Dog/new.json"
    assert_json "$M/v1/Dog/rex.json" . '{"homes":[{"zip":"12345"}]}'
}

# What a newer version may write is no damage in the older one that still has the check.
verify__counts_apart_what_is_written_without_the_check() {
    dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_check: {type: Dog, check: "age >= 0"}
YAML
    put "$M/v2/Dog/max.json" '{"age": 3}'
    agree v1
    assert_fails grep -q '^except' "$M/control/verify"
    put "$M/v2/Dog/rex.json" '{"age": -3}'
    assert_json "$M/v1/Dog/rex.json" .age -3
    for version in v1 v2; do
        agree "$version"
        assert_match "$(outcome verify)" 'except: 1 items .*Dog "rex" through v1: Dog.age: check "age >= 0" does not hold'
    done
    refuses EINVAL "$M/v1/Dog/rex.json" '{"age": -4}'
}

verify__a_mend_that_does_not_mend_is_no_damage() {
    dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_check: {type: Dog, check: "age < 20", up: "age - 5"}
YAML
    put "$M/v1/Dog/rex.json" '{"age": 40}'
    assert_json "$M/v2/Dog/rex.json" .age 35
    agree v2
    assert_match "$(outcome verify)" 'except: 1 items'
}

# Null passes a check, and unset is judged by its default: neither is anything that a mend is for.
mend__null_and_a_default_that_is_shown_stay_so() {
    add v1 <<'YAML'
version: v1
types: {Dog: {fields: {name: string, age: {type: integer, default: 3}}}}
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "age": null}'
    put "$M/v1/Dog/bo.json" '{"name": "Bo"}'
    put "$M/v1/Dog/tom.json" '{"name": "Tom", "age": -5}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_check: {type: Dog, check: "age >= 0", up: "abs(age)"}
YAML
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - change_default: {type: Dog, field: age, default: 4}
YAML
    ages() {
        assert_eq "$(jq -s -c 'map(.age)' "$M/v2/Dog/rex.json" "$M/v2/Dog/bo.json" "$M/v2/Dog/tom.json")" '[null,3,5]'
        assert_eq "$(jq -s -c 'map(.age)' "$M/v3/Dog/rex.json" "$M/v3/Dog/bo.json" "$M/v3/Dog/tom.json")" '[null,4,5]'
        sed -i 's/Rex/Rexi/' "$M/v3/Dog/rex.json"
        assert_json "$M/v1/Dog/rex.json" .age null
    }
    before_and_after_backfill v2 ages
    agree v3
}

# What is unset on one side of a step that converts is unset on the other: a later default shows there.
unset__is_converted_to_unset() {
    add v1 <<'YAML'
version: v1
types: {Dog: {fields: {size: {type: Size, default: small}, age: {type: integer, default: 1}}}}
enums: {Size: [small, large]}
YAML
    put "$M/v1/Dog/rex.json" '{}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_value: {enum: Size, from: small, to: little}
  - wrap_list:    {type: Dog, field: age}
YAML
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - change_default: {type: Dog, field: size, default: large}
  - change_default: {type: Dog, field: age, default: [2]}
YAML
    shown() {
        assert_json "$M/v2/Dog/rex.json" . '{"size":"little","age":[1]}'
        assert_json "$M/v3/Dog/rex.json" . '{"size":"large","age":[2]}'
    }
    before_and_after_backfill v2 shown
    agree v3
}

default__that_fails_a_check_is_refused() {
    dogs
    refused_schema v2 'v2.yaml:4:70: default of Dog.legs: check "legs < 5" does not hold' <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: legs, as: {type: integer, default: 5, check: "legs < 5"}}
YAML
    refused_schema v3 'v3.yaml:4:54: default of Dog.age: check "age >= 0" does not hold' <<'YAML'
version: v3
from: v1
migrate:
  - change_default: {type: Dog, field: age, default: -1}
YAML
    assert_fails "$SCHEMAFS" check "$M/schemas/v1.yaml" "$M/schemas/v2.yaml"
}

change_type__a_new_check_needs_a_mend() {
    dogs
    refused_schema v2 'v2.yaml:4:46: change_type: values of Dog.age may fail the check "age > 9"; `up` is missing' <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: age, to: {type: integer, check: "age > 9"}}
YAML
    put "$M/v1/Dog/rex.json" '{"age": 3}'
    add v3 <<'YAML'
version: v3
from: v1
migrate:
  - change_type: {type: Dog, field: age, to: {type: integer, default: 10, check: "age > 9"}}
YAML
    assert_json "$M/v3/Dog/rex.json" .age 10
    put "$M/v3/Dog/rex.json" '{"age": 12}'
    assert_json "$M/v1/Dog/rex.json" .age 12
}

run_tests "$@"
