#!/usr/bin/env bash
# The schema language: what a version can say, what is inferred, and what an error says.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"
. "${0%/*}/dog.bash"

setup() { mount_store; }

# ---------------------------------------------------------------- types and attributes

accepts() { put "$M/v1/All/x.json" "{\"id\": 1, \"$1\": $2}"; }
rejects() { refuses EINVAL "$M/v1/All/x.json" "{\"id\": 1, \"$1\": $2}"; }

types__accept_what_they_say_and_nothing_else() {
    add v1 <<'YAML'
version: v1
types:
  All:
    fields:
      id: {type: integer, required: true}
      s: string
      i: integer
      n: number
      b: boolean
      t: timestamp
      d: date
      u: uuid
      y: bytes
      j: json
      ls: list<string>
      li: list<integer>
      mn: map<number>
      lo: list<Point>
      o: Point
      e: Size
      r: ref<All>
objects:
  Point: {fields: {x: {type: number, required: true}, y: number}}
enums:
  Size: [small, large]
YAML
    accepts s '"x"'; accepts s '""'
    rejects s 1; rejects s true; rejects s '["x"]'; rejects s '{}'
    accepts i 1; accepts i -5; accepts i 123456789012345678901234567890
    rejects i 1.5; rejects i '"1"'
    accepts n 1; accepts n -1.5e3
    rejects n '"1"'; rejects n true
    accepts b true; accepts b false
    rejects b 1; rejects b '"true"'
    accepts t '"2024-02-29T12:34:56Z"'; accepts t '"2024-02-29T12:34:56.789+02:00"'
    rejects t '"2023-02-29T12:34:56Z"'; rejects t '"yesterday"'; rejects t '"2024-02-29"'; rejects t 0
    accepts d '"2024-02-29"'
    rejects d '"2023-02-29"'; rejects d '"2024-13-01"'; rejects d '"24-1-1"'
    accepts u '"123e4567-e89b-12d3-a456-426614174000"'
    rejects u '"123e4567"'
    accepts y '"AAECAw=="'
    rejects y '"???"'
    accepts j null; accepts j '[1, {"a": null}]'; accepts j '"x"'
    accepts ls '[]'; accepts ls '["a", "b"]'
    rejects ls '[1]'; rejects ls '"a"'; rejects ls '["a", null, 2]'
    accepts li '[1, 2]'
    rejects li '[1.5]'
    accepts mn '{}'; accepts mn '{"a": 1, "b": 2.5}'
    rejects mn '{"a": "1"}'; rejects mn '[1]'
    accepts o '{"x": 1}'; accepts o '{"x": 1, "y": 2}'
    rejects o '{"y": 2}'; rejects o '{"x": 1, "z": 2}'; rejects o 1
    accepts lo '[{"x": 1}, {"x": 2, "y": 3}]'
    rejects lo '[{"x": 1}, {"y": 3}]'
    accepts e '"small"'
    rejects e '"medium"'; rejects e 1
    accepts r '"x"'
    rejects r '"nobody"'; rejects r 1
}

types__an_error_inside_names_its_place() {
    add v1 <<'YAML'
version: v1
types:
  T: {fields: {at: list<Point>}}
objects:
  Point: {fields: {x: number}}
YAML
    printf '{\n  "at": [\n    {"x": 1},\n    {"x": "two"}\n  ]\n}\n' >"$T/text"
    assert_errno EINVAL cp "$T/text" "$M/v1/T/a.json"
    assert_match "$(cat "$M/control/errors")" '4:(6|11)'
}

types__check_is_a_condition_on_the_item() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string, age: {type: integer, check: "age >= 0"}}}
YAML
    put "$M/v1/Dog/a.json" '{"name": "A", "age": 0}'
    refuses EINVAL "$M/v1/Dog/a.json" '{"name": "A", "age": -1}'
    assert_contains "$(cat "$M/control/errors")" 'age >= 0'
    put "$M/v1/Dog/a.json" '{"name": "A"}'
}

types__unique_values_are_enforced() {
    add v1 <<'YAML'
version: v1
types:
  Person: {fields: {email: {type: string, unique: true}}}
YAML
    put "$M/v1/Person/a.json" '{"email": "a@x"}'
    put "$M/v1/Person/b.json" '{"email": "b@x"}'
    put "$M/v1/Person/none.json" '{}'
    put "$M/v1/Person/nothing.json" '{}'
    assert_fails put "$M/v1/Person/b.json" '{"email": "a@x"}'
    assert_json "$M/v1/Person/b.json" .email '"b@x"'
    put "$M/v1/Person/a.json" '{"email": "c@x"}'
    put "$M/v1/Person/b.json" '{"email": "a@x"}'
}

types__plain_words_are_strings() {
    add v1 <<'YAML'
version: v1
description: no
types:
  T: {fields: {a: {type: string, default: no}, b: {type: string, default: 012}, c: {type: string, default: 1:30}, n: integer}}
YAML
    put "$M/v1/T/x.json" '{"n": 1}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: T, from: n, to: m}
YAML
    assert_json "$M/v2/T/x.json" '[.a, .b, .c]' '["no","012","1:30"]'
}

# ---------------------------------------------------------------- errors: file, line, column, nearest word

error__a_misspelt_type() {
    refused_schema v1 'v1\.yaml:5:13' <<'YAML'
version: v1
types:
  Dog:
    fields:
      name: strng
YAML
    assert_contains "$(outcome add)" strng
    assert_match "$(outcome add)" '[^a-z]string'
}

error__a_misspelt_attribute() {
    refused_schema v1 'v1\.yaml:5:28' <<'YAML'
version: v1
types:
  Dog:
    fields:
      name: {type: string, requird: true}
YAML
    assert_contains "$(outcome add)" requird
    assert_match "$(outcome add)" '[^a-z]required'
}

error__a_misspelt_key_of_the_file() {
    refused_schema v1 'v1\.yaml:2:1' <<'YAML'
version: v1
tpyes:
  Dog: {fields: {name: string}}
YAML
    assert_contains "$(outcome add)" tpyes
    assert_match "$(outcome add)" '[^a-z]types'
}

error__a_misspelt_step() {
    beagle
    refused_schema v2 'v2\.yaml:4:5' <<'YAML'
version: v2
from: v1
migrate:
  - renam_field: {type: Dog, from: name, to: call_name}
YAML
    assert_contains "$(outcome add)" renam_field
    assert_match "$(outcome add)" '[^a-z_]rename_field'
}

error__a_misspelt_argument_of_a_step() {
    beagle
    refused_schema v2 'v2\.yaml:4:31' <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, form: name, to: call_name}
YAML
    assert_contains "$(outcome add)" form
    assert_match "$(outcome add)" '[^a-z]from'
}

error__a_step_on_a_field_that_is_not_there() {
    beagle
    refused_schema v2 'v2\.yaml:4:37' <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: nmae, to: call_name}
YAML
    assert_contains "$(outcome add)" nmae
    assert_match "$(outcome add)" '[^a-z]name'
}

error__a_step_on_a_type_that_is_not_there() {
    beagle
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - remove_type: {type: Dgo}
YAML
    assert_contains "$(outcome add)" Dgo
    assert_contains "$(outcome add)" Dog
}

error__a_rename_onto_a_name_that_stands() {
    beagle
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: breed}
YAML
    assert_contains "$(outcome add)" breed
}

error__a_name_after_the_steps_before_it() {
    beagle
    refused_schema v2 'v2\.yaml:5:' <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
  - remove_field: {type: Dog, field: name}
YAML
}

error__a_default_of_the_wrong_type() {
    refused_schema v1 'v1\.yaml:3:' <<'YAML'
version: v1
types:
  Dog: {fields: {age: {type: integer, default: old}}}
YAML
    assert_contains "$(outcome add)" old
}

error__an_expression_that_is_no_sql() {
    beagle
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: x, as: string, up: "upper(nmae"}
YAML
}

error__an_expression_over_an_unknown_field() {
    beagle
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: x, as: string, up: "upper(nmae)"}
YAML
    assert_contains "$(outcome add)" nmae
}

error__an_expression_that_escapes_or_is_not_deterministic() {
    beagle
    local expression
    for expression in 'random()' 'datetime('\''now'\'')' '(SELECT 1)' 'load_extension('\''x'\'')' '(SELECT name FROM sqlite_master)' \
        'readfile('\''/etc/passwd'\'')' 'last_insert_rowid()' 'changes()' 'CURRENT_TIMESTAMP'; do
        refused_schema v2 'v2\.yaml:4:' <<YAML
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: x, as: string, up: "$expression"}
YAML
        echo "refused: $expression: $(outcome add)"
    done
    assert_json "$M/v1/Dog/rex.json" .name '"Rex"'
}

error__yaml_beyond_the_language() {
    beagle
    refused_schema v2 'v2\.yaml:4:' <<<$'version: v2\nfrom: v1\nmigrate:\n  - &a rename_field: {type: Dog, from: name, to: n}'
    refused_schema v2 'v2\.yaml:2:' <<<$'version: v2\nfrom: *a'
    refused_schema v2 'v2\.yaml:2:' <<<$'version: v2\ndescription: !!str x'
    refused_schema v2 'v2\.yaml:3:' <<<$'version: v2\nfrom: v1\nversion: v2'
    refused_schema v2 'v2\.yaml:[34]:' <<<$'version: v2\nfrom: v1\n---\nversion: v3'
    refused_schema v2 'v2\.yaml:3:' <<<$'version: v2\ntypes:\n\tDog: {}'
    refused_schema v2 'v2\.yaml:3:' <<<$'version: v2\ntypes:\n  <<: {a: b}'
    refused_schema v2 'v2\.yaml:2:' <<<$'version: v2\n'"types: $(printf '[%.0s' {1..200})"
    refused_schema v2 'v2\.yaml:1:' <<<'[1, 2]'
    refused_schema v2 'v2\.yaml' <<<''
}

error__a_from_that_is_not_live() {
    beagle
    refused_schema v2 'v2\.yaml:2:7' <<'YAML'
version: v2
from: v7
migrate:
  - remove_type: {type: Dog}
YAML
    assert_contains "$(outcome add)" v7
}

error__a_version_name_that_is_none() {
    refused_schema v1 'v1\.yaml:1:10' <<'YAML'
version: "../etc"
types:
  Dog: {fields: {name: string}}
YAML
}

error__enum_and_object_names_nobody_knows() {
    refused_schema v1 'v1\.yaml:3:' <<'YAML'
version: v1
types:
  Dog: {fields: {size: Sise}}
enums:
  Size: [small, large]
YAML
    assert_contains "$(outcome add)" Sise
    assert_match "$(outcome add)" '[^A-Za-z]Size'
}

error__a_reference_to_a_type_nobody_knows() {
    refused_schema v1 'v1\.yaml:3:' <<'YAML'
version: v1
types:
  Dog: {fields: {owner: ref<Persn>}}
  Person: {fields: {name: string}}
YAML
    assert_contains "$(outcome add)" Person
}

# ---------------------------------------------------------------- inference

infer__what_has_one_reading() {
    beagle
    add v2 <<'YAML'
version: v2
from: v1
types:
  Dog:
    fields:
      name:  {type: string, required: true}
      breed: string
      age:   integer
      chip:  string
      legs:  {type: integer, default: 4}
  Vet:
    fields: {name: string}
YAML
    assert_json "$M/v2/Dog/rex.json" '[.name, .breed, .age, .legs]' '["Rex","Beagle",3,4]'
    put "$M/v2/Vet/a.json" '{"name": "A"}'
    put "$M/v2/Dog/rex.json" '{"name": "Rex", "breed": "Beagle", "age": 3, "chip": "c", "legs": 4}'
    assert_json "$M/v1/Dog/rex.json" . '{"name":"Rex","breed":"Beagle","age":3}'
}

infer__a_removal_where_nothing_of_its_type_was_added() {
    beagle
    add v2 <<'YAML'
version: v2
from: v1
types:
  Dog: {fields: {name: {type: string, required: true}, breed: string}}
YAML
    put "$M/v2/Dog/rex.json" '{"name": "Rexi", "breed": "Beagle"}'
    assert_json "$M/v1/Dog/rex.json" . '{"name":"Rexi","breed":"Beagle","age":3}'
}

infer__what_could_be_a_rename_is_refused_with_the_steps_spelled_out() {
    beagle
    refused_schema v2 'v2\.yaml:[0-9]+' <<'YAML'
version: v2
from: v1
types:
  Dog: {fields: {name: {type: string, required: true}, race: string, age: integer}}
YAML
    assert_contains "$(outcome add)" rename_field
    assert_contains "$(outcome add)" breed
    assert_contains "$(outcome add)" race
}

infer__the_whole_schema_and_the_steps_may_both_stand() {
    beagle
    add v2 <<'YAML'
version: v2
from: v1
types:
  Dog: {fields: {name: {type: string, required: true}, race: string, age: integer}}
migrate:
  - rename_field: {type: Dog, from: breed, to: race}
YAML
    assert_json "$M/v2/Dog/rex.json" .race '"Beagle"'
}

infer__where_both_stand_they_must_agree() {
    beagle
    refused_schema v2 'v2\.yaml:[0-9]+:[0-9]+' <<'YAML'
version: v2
from: v1
types:
  Dog: {fields: {name: {type: string, required: true}, rasse: string, age: integer}}
migrate:
  - rename_field: {type: Dog, from: breed, to: race}
YAML
    assert_match "$(outcome add)" 'rasse|race'
}

migrate__steps_may_stand_in_named_groups() {
    beagle
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - description: names
    steps:
      - rename_field: {type: Dog, from: name, to: call_name}
      - rename_field: {type: Dog, from: breed, to: race}
  - description: numbers
    steps:
      - remove_field: {type: Dog, field: age}
YAML
    assert_json "$M/v2/Dog/rex.json" . '{"call_name":"Rex","race":"Beagle"}'
}

run_tests "$@"
