#!/usr/bin/env bash
# Every refusal of the contract, by errno and text: tests/mount/refusals/*.txt says what is done and what a user is
# told, refusals.py carries it out. REFUSALS_WRITE=1 writes down what is told now: read the difference.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2119
CASE_LIMIT=$([[ -n ${SCHEMAFS_LONG:-} ]] && echo 1500 || echo 180)
. "${0%/*}/lib.sh"

setup() {
    mount_store -o max_item=100000
    add v1 <<'YAML'
version: v1
types:
  Dog:
    fields:
      name: {type: string, required: true}
      age: {type: integer, check: "age >= 0"}
      weight: number
      good: boolean
      size: Size
      born: date
      tags: list<string>
      home: Address
      owner: {type: ref<Person>, on_delete: restrict}
  Person:
    fields: {email: {type: string, unique: true}}
  Box:
    open: true
    fields: {label: string}
objects:
  Address:
    fields: {street: string, city: string}
enums:
  Size: [small, large]
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: chip, as: string}
YAML
    put "$M/v1/Person/ann.json" '{"email": "ann@example.org"}'
    put "$M/v1/Person/bob.json" '{"email": "bob@example.org"}'
    put "$M/v1/Box/b.json" '{"label": "a box", "more": [1, 2]}'
    put "$M/v2/Dog/rex.json" '{"name": "Rex", "age": 3, "owner": "ann", "chip": "c-1"}'
    sees "$M/v1/Dog/rex.json"
    # Not backfilled: a version that finalize has to refuse.
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - change_type: {type: Dog, field: age, to: string, up: "age || ' years'", down: "CAST(age AS INTEGER)"}
YAML
}

as_written_down() {
    if [[ -n ${REFUSALS_WRITE:-} ]]; then
        python3 "$TESTS_MOUNT/refusals.py" "$M" "$TESTS_MOUNT/refusals/$1.txt" --write
        return
    fi
    python3 "$TESTS_MOUNT/refusals.py" "$M" "$TESTS_MOUNT/refusals/$1.txt" || fail 'another refusal than written down'
}

items__are_refused_as_written_down() { as_written_down items; }
names__are_refused_as_written_down() { as_written_down names; }
streams__are_refused_as_written_down() { as_written_down streams; }
control__is_refused_as_written_down() { as_written_down control; }

resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON/status"; }

# keeps_no_memory FILE TIMES: and a thousand times in the long version. What an allocator keeps comes and goes by some
# MiB; that nothing at all is lost is the sanitizer's to see, which runs every case once.
keeps_no_memory() {
    local before after times=$2
    [[ $SLOWNESS -eq 1 ]] || skip 'a sanitizer keeps what was freed'
    [[ -z ${SCHEMAFS_LONG:-} ]] || times=1000
    python3 "$TESTS_MOUNT/refusals.py" "$M" "$TESTS_MOUNT/refusals/$1.txt" --repeat 20
    before=$(resident_kib)
    python3 "$TESTS_MOUNT/refusals.py" "$M" "$TESTS_MOUNT/refusals/$1.txt" --repeat "$times"
    after=$(resident_kib)
    [[ $((after - before)) -lt 12288 ]] || fail "resident memory grew from $before to $after KiB"
}

items__again_and_again_keep_no_memory() { keeps_no_memory items 200; }
names__again_and_again_keep_no_memory() { keeps_no_memory names 1000; }
streams__again_and_again_keep_no_memory() { keeps_no_memory streams 1000; }
control__again_and_again_keeps_no_memory() { keeps_no_memory control 60; }

run_tests "$@"
