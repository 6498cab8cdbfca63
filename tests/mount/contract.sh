#!/usr/bin/env bash
# The contract seen from outside, sentence by sentence, where no other file shows it yet.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"
. "${0%/*}/dog.bash"

setup() {
    mount_store
    beagle
}

add_v2() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
YAML
}

# ---------------------------------------------------------------- names in several versions

# The kernel still knows the name there: it has to ask again, not to be told that nothing is there.
names__deleted_in_one_version_can_be_made_again_in_another_at_once() {
    add_v2
    local round
    for round in 1 2 3 4 5; do
        cat "$M/v2/Dog/rex.json" >"$T/known"
        rm "$M/v1/Dog/rex.json"
        put "$M/v2/Dog/rex.json" "{\"call_name\": \"Rex $round\"}"
        assert_json "$M/v2/Dog/rex.json" .call_name "\"Rex $round\""
        sees "$M/v1/Dog/rex.json"
    done
}

names__deleted_through_an_aside_name_can_be_made_again_at_once() {
    add_v2
    cat "$M/v2/Dog/rex.json" >"$T/known"
    mv "$M/v1/Dog/rex.json" "$M/v1/Dog/rex.json~"
    rm "$M/v1/Dog/rex.json~"
    put "$M/v2/Dog/rex.json" '{"call_name": "Another"}'
    assert_json "$M/v2/Dog/rex.json" . '{"call_name":"Another"}'
}

# ---------------------------------------------------------------- what write() itself refuses

# shells_refuse FILE TEXT ERROR: bash and dash ignore what close() returns, and dash has a text of its own.
shells_refuse() {
    local shell
    for shell in bash dash; do
        : >"$M/control/errors"
        assert_fails "$shell" -c "echo '$2' > '$1'"
        assert_contains "$(cat "$M/control/errors")" "$3"
    done
}

write__refuses_another_value_for_a_computed_field() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - compute_field: {type: Dog, field: label, as: string, value: "_key || ': ' || name"}
YAML
    shells_refuse "$M/v2/Dog/rex.json" '{"name": "Rex", "label": "mine"}' 'Dog.label is computed'
    shells_refuse "$M/v2/Dog/new.json" '{"name": "New", "label": "mine"}' 'Dog.label is computed'
    put "$M/v2/Dog/new.json" '{"name": "New", "label": "new: New"}'
    put "$M/v2/Dog/rex.json" '{"name": "Rexi", "label": "rex: Rex"}'
    assert_json "$M/v2/Dog/rex.json" .label '"rex: Rexi"'
}

write__judges_a_new_item_under_its_own_name() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_check: {type: Dog, check: "length(_key) < 6 OR age > 9", up: {age: "10"}}
YAML
    put "$M/v2/Dog/short.json" '{"name": "A"}'
    shells_refuse "$M/v2/Dog/longer.json" '{"name": "A", "age": 1}' 'check "length(_key) < 6'
    put "$M/v2/Dog/longer.json" '{"name": "A", "age": 12}'
}

# What an older item lacks stays as it is until somebody writes what the check reads.
check__a_value_that_fails_already_is_no_licence_for_another() {
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
  - remove_check: {type: Dog, check: "age >= 0"}
YAML
    put "$M/v3/Dog/rex.json" '{"name": "Rex", "age": -3}'
    assert_json "$M/v2/Dog/rex.json" .age -3
    put "$M/v2/Dog/rex.json" '{"name": "Rexi", "age": -3}'
    assert_json "$M/v3/Dog/rex.json" . '{"name":"Rexi","age":-3}'
    refuses EINVAL "$M/v2/Dog/rex.json" '{"name": "Rexi", "age": -4}'
    put "$M/v2/Dog/rex.json" '{"name": "Rexi", "age": 4}'
}

# ---------------------------------------------------------------- control/

errors__are_cleared_by_truncating_too() {
    local shell
    for shell in bash dash; do
        assert_fails "$shell" -c "echo '{}' > '$M/v1/Dog/none.json'"
        assert_contains "$(cat "$M/control/errors")" none.json
        "$shell" -c ": > '$M/control/errors'"
        assert_eq "$(cat "$M/control/errors")" ''
    done
    assert_eq "$(status .last_error)" null
}

errors__truncating_a_verb_does_nothing() {
    must_verb verify v1
    : >"$M/control/verify"
    assert_match "$(outcome verify)" '^ok v1'
}

finalize__a_field_that_it_dropped_is_not_restored() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Dog, field: breed}
YAML
    must_verb finalize v2
    cat >"$M/schemas/v3.yaml" <<'YAML'
version: v3
from: v2
migrate:
  - restore_field: {type: Dog, field: breed, from: v1}
YAML
    assert_errno EINVAL verb add v3
    assert_contains "$(outcome add)" 'v3.yaml:4:5: the values of Dog.breed were dropped by finalize'
    assert_absent "$M/v3"
}

finalize__says_that_it_is_irreversible() {
    add_v2
    must_verb finalize v2
    assert_contains "$(outcome finalize)" irreversible
}

add__of_a_unique_key_names_the_duplicates_and_the_step() {
    put "$M/v1/Dog/max.json" '{"name": "Rex"}'
    put "$M/v1/Dog/bo.json" '{"name": "Bo"}'
    stage v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_unique: {type: Dog, fields: [name]}
YAML
    local verb
    for verb in check add; do
        assert_errno EEXIST verb "$verb" v2
        assert_contains "$(outcome "$verb")" 'error: v2.yaml:4:5: Dog.name is not unique: "rex" and "max" both have "Rex"'
        assert_contains "$(outcome "$verb")" '  - add_unique: {type: Dog, fields: [name]}'
    done
    assert_absent "$M/v2"
    rm "$M/v1/Dog/max.json"
    must_verb add v2
    refuses EEXIST "$M/v1/Dog/bo.json" '{"name": "Rex"}'
}

verb__twice_is_harmless_and_two_at_once_take_turns() {
    stage v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: breed, to: json, up: breed, down: "''"}
YAML
    echo v2 >"$M/control/add" &
    local first=$!
    echo v2 >"$M/control/add" &
    wait "$first" && wait $! || fail "two adds of one file" "$(outcome add)"
    must_verb add v2
    assert_errno EBUSY verb finalize v2
    must_verb backfill v2
    must_verb backfill v2
    cat "$M/control/wait" >/dev/null
    must_verb finalize v2
    assert_fails verb finalize v1
    assert_fails verb revert v2
    assert_json "$M/v2/Dog/rex.json" .name '"Rex"'
}

queries__an_error_has_line_and_column() {
    refused_schema v2 'v2\.yaml:5:8: query "bad": v2 has no field "nam"; did you mean "name"\?' <<'YAML'
version: v2
from: v1
migrate: []
queries:
  bad: SELECT _key, nam FROM Dog
YAML
}

check__each_step_has_file_line_and_column() {
    stage v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
  - description: second
    steps:
      - remove_field: {type: Dog, field: age}
YAML
    must_verb check v2
    assert_contains "$(outcome check)" 'v2.yaml:4:5: rename_field: '
    assert_contains "$(outcome check)" 'v2.yaml:7:9: remove_field: '
}

# Found in the middle of the text, or in all of it at once.
errors__an_unknown_field_reads_the_same_however_it_arrives() {
    local whole
    assert_fails bash -c "echo '{\"nmae\": 1}' > '$M/v1/Dog/a.json'"
    whole=$(tail -n 5 "$M/control/errors")
    assert_match "$whole" 'a\.json:1:2: error: Dog has no field "nmae"; did you mean "name"\?'
    : >"$M/control/errors"
    assert_fails bash -c "printf '{\"nmae\"' > '$M/v1/Dog/a.json'"
    assert_match "$(cat "$M/control/errors")" 'a\.json:1:2: error: Dog has no field "nmae"; did you mean "name"\?'
    assert_fails bash -c "echo '{\"_key\": \"a\", \"nmae\": 1}' >> '$M/v1/Dog.jsonl'"
    assert_match "$(tail -n 5 "$M/control/errors")" 'Dog\.jsonl:1:15: error: Dog has no field "nmae"; did you mean "name"\?'
}

schemas__a_file_may_begin_with_a_byte_order_mark() {
    printf '\xef\xbb\xbfversion: v2\nfrom: v1\nmigrate:\n  - rename_field: {type: Dog, from: name, to: n}\n' >"$M/schemas/v2.yaml"
    must_verb add v2
    assert_json "$M/v2/Dog/rex.json" .n '"Rex"'
}

# ---------------------------------------------------------------- the dry run

# What a step touches and loses, also where it is about an object, an enum, or several types.
check__says_of_every_kind_what_it_touches_and_loses() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_type:  {type: Size, kind: enum, values: [small, large]}
  - add_type:  {type: Place, kind: object, fields: {city: string, size: Size}}
  - add_type:  {type: Cat, fields: {name: {type: string, required: true}, places: map<Place>}}
  - add_field: {type: Dog, field: homes, as: list<Place>}
YAML
    put "$M/v2/Cat/tom.json" '{"name": "Tom"}'
    put "$M/v2/Cat/kit.json" '{"name": "Kit"}'
    stage v3 <<'YAML'
version: v3
from: v2
migrate:
  - rename_field: {type: Place, from: city, to: town}
  - add_value:    {enum: Size, value: huge, as: large}
  - add_check:    {type: Cat, check: "length(name) < 5", up: "substr(name, 1, 4)"}
  - map_values:   {type: Dog, field: breed, values: {Beagle: Hound}}
  - merge_types:  {types: [Dog, Cat], into: Pet, tag: kind}
YAML
    must_verb check v3
    local dogs
    dogs=$(find "$M/v2/Dog" -name '*.json' | wc -l)
    assert_eq "$(outcome check | sed -n 's/^v3[^ ]* \([a-z_]*\): .*\[\(.*\)\] (\([0-9]*\) items*)$/\1: \2: \3/p')" "\
rename_field: safe: $((dogs + 2))
add_value: one-way, needs backfill: $((dogs + 2))
add_check: destructive, needs backfill: 2
map_values: destructive, needs backfill: $dogs
merge_types: one-way, needs backfill: $((dogs + 2))"
    assert_contains "$(outcome check)" 'loses: finalize drops the values that fail it'
}

# ---------------------------------------------------------------- inference

# candidates: the blocks of steps in control/add's outcome, each in a file of its own; prints their number.
candidates() {
    rm -f "$T"/candidate.*
    outcome add | awk -v to="$T/candidate." '/^migrate:/ { n++; on = 1 } /^[^ m]/ { on = 0 } on { print > (to n) } END { print n + 0 }'
}

# Each answer to an ambiguous declaration works as it is printed, beside the declaration.
infer__every_candidate_can_be_pasted() {
    local declared number n
    declared=$(cat <<'YAML'
version: v2
from: v1
types:
  Dog:
    fields:
      call_name: {type: string, required: true}
      breed:     integer
      chip:      {type: uuid, required: true}
YAML
)
    refused_schema v2 'v2\.yaml:6:7: Dog\.call_name may be "name" renamed' <<<"$declared"
    number=$(candidates)
    assert_eq "$number" 2
    for n in 1 2; do
        cp "$T/candidate.$n" "$T/steps"
        add v2 <<<"$declared"$'\n'"$(cat "$T/steps")"
        assert_json "$M/v2/Dog/rex.json" '[.breed, .chip]' '[0,"00000000-0000-0000-0000-000000000000"]'
        put "$M/v2/Dog/new.json" '{"call_name": "New", "breed": 7, "chip": "123e4567-e89b-12d3-a456-426614174000"}'
        sees "$M/v1/Dog/new.json"
        assert_json "$M/v1/Dog/new.json" .breed '"7"'
        [[ $n == 1 ]] && assert_json "$M/v1/Dog/new.json" .name '"New"'
        [[ $n == 2 ]] && assert_json "$M/v1/Dog/new.json" .name '""'
        agree v2
        must_verb revert v2
        rm "$M/v1/Dog/new.json"
    done
}

# What follows from an answer stands among its steps: the members of a renamed object, or change_type of the fields that
# hold one before it goes.
infer__a_candidate_holds_what_follows_from_its_answer() {
    local declared n
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_type:  {type: Place, kind: object, fields: {street: string, city: string}}
  - add_type:  {type: Person, fields: {email: string, home: Place}}
  - add_field: {type: Dog, field: owner, as: ref<Person>}
YAML
    put "$M/v2/Person/ann.json" '{"email": "a@b", "home": {"city": "Rome"}}'
    put "$M/v2/Dog/bo.json" '{"name": "Bo", "owner": "ann"}'
    declared=$(cat <<'YAML'
version: v3
from: v2
types:
  Dog: {fields: {name: {type: string, required: true}, breed: string, age: integer, owner: ref<Human>}}
  Human: {fields: {mail: string, home: Spot}}
objects:
  Spot: {fields: {street: string, town: string}}
YAML
)
    refused_schema v3 'v3\.yaml:7:3: "Spot" may be "Place" renamed' <<<"$declared"
    assert_eq "$(candidates)" 2
    for n in 1 2; do cp "$T/candidate.$n" "$T/steps.$n"; done
    add v3 <<<"$declared"$'\n'"$(cat "$T/steps.1")"
    assert_json "$M/v3/Human/ann.json" . '{"mail":"a@b","home":{"town":"Rome"}}'
    assert_json "$M/v3/Dog/bo.json" .owner '"ann"'
    mv "$M/v3/Human/ann.json" "$M/v3/Human/eve.json"
    sees "$M/v2/Person/eve.json"
    assert_json "$M/v2/Dog/bo.json" .owner '"eve"'
    agree v3
    must_verb revert v3
    add v3 <<<"$declared"$'\n'"$(cat "$T/steps.2")"
    assert_json "$M/v3/Human/eve.json" . '{"mail":"a@b"}'
    assert_json "$M/v3/Dog/bo.json" .owner '"eve"'
    assert_json "$M/v2/Person/eve.json" .home '{"city":"Rome"}'
    agree v3
}

# Older versions show the default too, where the field is unset: there is no other reading.
infer__a_field_relaxed_to_a_default() {
    add v2 <<'YAML'
version: v2
from: v1
types:
  Dog: {fields: {name: {type: string, default: nameless}, breed: string, age: integer}}
YAML
    put "$M/v2/Dog/stray.json" '{"age": 1}'
    sees "$M/v1/Dog/stray.json"
    assert_json "$M/v1/Dog/stray.json" . '{"name":"nameless","age":1}'
    assert_json "$M/v1/Dog/rex.json" .name '"Rex"'
    put "$M/v1/Dog/stray.json" '{"name": "nameless", "age": 2}'
    assert_json "$M/v2/Dog/stray.json" . '{"name":"nameless","age":2}'
    agree v2
}

infer__check_prints_the_candidates_too() {
    printf 'version: v1\ntypes:\n  Dog: {fields: {name: string}}\n' >"$T/v1.yaml"
    printf 'version: v2\nfrom: v1\ntypes:\n  Dog: {fields: {call_name: string}}\n' >"$T/v2.yaml"
    assert_fails "$SCHEMAFS" check "$T/v1.yaml" "$T/v2.yaml"
    assert_contains "$ERR" $'# either\nmigrate:\n  - rename_field: {type: Dog, from: name, to: call_name}\n# or\nmigrate:\n  - remove_field: {type: Dog, field: name}\n  - add_field: {type: Dog, field: call_name, as: string}'
    "$SCHEMAFS" check "$T/v1.yaml" "$T/v2.yaml" --json >"$T/said" 2>/dev/null && fail 'check --json did not fail'
    assert_eq "$(tail -n 1 "$T/said" | jq -r .candidates | sed -n 3p)" '  - rename_field: {type: Dog, from: name, to: call_name}'
}

# ---------------------------------------------------------------- check, in CI

two_files() {
    printf 'version: v1\ntypes:\n  Dog: {fields: {name: string, age: integer}}\n' >"$T/v1.yaml"
    cat >"$T/v2.yaml" <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
  - remove_field: {type: Dog, field: age}
YAML
}

check__brief_is_a_line_for_each_step() {
    two_files
    assert_eq "$("$SCHEMAFS" check --brief "$T/v1.yaml" "$T/v2.yaml")" \
        "$T/v2.yaml:4:5: rename_field: Dog.name becomes Dog.call_name [safe]
$T/v2.yaml:5:5: remove_field: Dog.age is gone [destructive]"
}

check__a_denied_class_fails_and_names_the_step() {
    two_files
    local status=0
    "$SCHEMAFS" check "$T/v1.yaml" "$T/v2.yaml" --deny scans,one-way >"$T/said"
    "$SCHEMAFS" check "$T/v1.yaml" "$T/v2.yaml" --deny scans,destructive >"$T/said" 2>"$T/why" || status=$?
    assert_eq "$status" 1
    assert_eq "$(cat "$T/why")" "schemafs: $T/v2.yaml:5:5: remove_field: Dog.age is gone: destructive is denied"
    assert_contains "$(cat "$T/said")" 'loses: finalize drops the values of Dog.age'
    status=0
    "$SCHEMAFS" check "$T/v1.yaml" --deny destrutive >"$T/said" 2>"$T/why" || status=$?
    assert_eq "$status" 2
    assert_contains "$(cat "$T/why")" 'did you mean "destructive"?'
}

run_tests "$@"
