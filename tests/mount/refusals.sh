#!/usr/bin/env bash
# Every refusal of the contract, by errno and text: tests/mount/refusals/*.txt says what is done and what a user is
# told, refusals.py carries it out. REFUSALS_WRITE=1 writes down what is told now: read the difference.
# sanitized: yes
# takes long: yes
# shellcheck source-path=SCRIPTDIR disable=SC2119
CASE_LIMIT=400
. "${0%/*}/lib.sh"

SCHEMA_FILES=$ROOT/tests/unit/schemas

setup() { :; }

a_world() {
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

# as_written_down TABLE
as_written_down() { python3 "$TESTS_MOUNT/refusals.py" "$M" "$@" || fail 'another refusal than written down'; }

table() {
    a_world
    if [[ -n ${REFUSALS_WRITE:-} ]]; then
        python3 "$TESTS_MOUNT/refusals.py" "$M" "$TESTS_MOUNT/refusals/$1.txt" --write
        return
    fi
    as_written_down "$TESTS_MOUNT/refusals/$1.txt"
}

items__are_refused_as_written_down() { table items; }
names__are_refused_as_written_down() { table names; }
streams__are_refused_as_written_down() { table streams; }
control__is_refused_as_written_down() { table control; }

# each_half COMMAND...: of the schema files, those of a first version, then those that come from _v1.yaml.
each_half() {
    mount_store
    "$@" "$SCHEMA_FILES"
    add v1 <"$SCHEMA_FILES/_v1.yaml"
    "$@" "$SCHEMA_FILES"
}

schemas__are_refused_as_written_down() { each_half as_written_down; }

resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON/status"; }

# keeps_no_memory TABLE [TIMES]: each row a thousand times. What the threads' request buffers and an allocator keep is some
# MiB; that nothing at all is lost is the sanitizer's to see, which runs every row once.
keeps_no_memory() {
    local before after
    python3 "$TESTS_MOUNT/refusals.py" "$M" "$1" --repeat 20
    before=$(resident_kib)
    python3 "$TESTS_MOUNT/refusals.py" "$M" "$1" --repeat "${2:-1000}"
    after=$(resident_kib)
    [[ $((after - before)) -lt 12288 ]] || fail "resident memory grew from $before to $after KiB"
}

# Where the store is in memory, no verb waits for a disk to have its row of the log. An allocator of its own for each
# thread keeps up to 2 MiB of what large items took in each: how much depends on how many threads happened to be busy.
a_thousand_times() {
    [[ $SLOWNESS -eq 1 ]] || skip 'a sanitizer keeps what was freed'
    export MALLOC_ARENA_MAX=1
    [[ $(id -u) -ne 0 ]] || small_disk 256m
    "$@"
}

table_a_thousand_times() {
    a_thousand_times a_world
    keeps_no_memory "$TESTS_MOUNT/refusals/$1.txt"
}

items__a_thousand_times_keep_no_memory() { table_a_thousand_times items; }
names__a_thousand_times_keep_no_memory() { table_a_thousand_times names; }
streams__a_thousand_times_keep_no_memory() { table_a_thousand_times streams; }
control__a_thousand_times_keeps_no_memory() { table_a_thousand_times control; }

# What a schema file can leave behind, tests/unit/test_schema_errors.c counts to the byte, a thousand times each; what
# the verb can, the rows of control.txt show. Here all files take turns, a thousand commands and more.
no_memory_in_turns() { keeps_no_memory "$1" 20; }
schemas__again_and_again_keep_no_memory() { a_thousand_times each_half no_memory_in_turns; }

run_tests "$@"
