#!/usr/bin/env bash
# The contract seen from outside, sentence by sentence, where no other file shows it yet.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "$(dirname "$0")/lib.sh"

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog:
    fields:
      name:  {type: string, required: true}
      breed: string
      age:   integer
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "breed": "Beagle", "age": 3}'
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

run_tests "$@"
