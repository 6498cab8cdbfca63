#!/usr/bin/env bash
# Histories of eight clients through every version, with kill -9 in between, judged for linearizability.
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

CASE_LIMIT=120
CONCURRENCY=$ROOT/tests/concurrency
CYCLES=6
SECONDS_EACH=3
if [[ -n ${SCHEMAFS_LONG:-} ]]; then CASE_LIMIT=14400 CYCLES=1000; fi

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  T: {fields: {a: {type: string, required: true}, b: {type: string, required: true}}}
  R: {fields: {a: {type: string, required: true}, b: {type: string, required: true}}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: T, from: a, to: alpha}
  - rename_field: {type: T, from: b, to: beta}
  - rename_field: {type: R, from: a, to: alpha}
  - rename_field: {type: R, from: b, to: beta}
YAML
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - change_type: {type: T, field: beta, to: {type: string, required: true, default: "<>"}, up: "'<' || beta || '>'", down: "substr(beta, 2, length(beta) - 2)"}
  - change_type: {type: R, field: beta, to: {type: string, required: true, default: "<>"}, up: "'<' || beta || '>'", down: "substr(beta, 2, length(beta) - 2)"}
YAML
}

# epoch WORD: see record.py.
epoch() { ln -sfn "$1" "$T/epoch"; }

judge() { python3 "$CONCURRENCY/check.py" "$T/history" "$1"; }

# The verbs come and go meanwhile; v1 to v3 stay.
disturb() {
    stage v4 <<'YAML'
version: v4
from: v3
migrate:
  - extract_type: {type: T, fields: {alpha: name}, into: Alpha, as: alpha}
YAML
    must_verb add v4
    must_verb backfill v4
    wait_until 30 backfill_is_over v4
    must_verb revert v4
}

history__eight_clients_over_all_versions_and_crashes_are_linearizable() {
    epoch 0
    mkdir "$T/history"
    local cycle clients
    python3 "$CONCURRENCY/record.py" "$M" "$T/epoch" "$T/history" "$RANDOM" 2>"$T/clients" &
    clients=$!
    for ((cycle = 1; cycle <= CYCLES; cycle++)); do
        disturb
        sleep "$((SECONDS_EACH - 1)).$((RANDOM % 10))"
        kill -0 "$clients" || fail "a client gave up" "$(cat "$T/clients")"
        epoch $((2 * cycle - 1))
        kill_store
        mount_store
        epoch $((2 * cycle))
    done
    sleep 1
    epoch end
    wait "$clients" || fail "a client gave up" "$(cat "$T/clients")"
    judge "$CYCLES" >"$T/judged" || fail "not linearizable" "$(cat "$T/judged")"
    figures linearizable "$(tail -n 1 "$T/judged")"
}

run_tests "$@"
