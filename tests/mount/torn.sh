#!/usr/bin/env bash
# No torn read and no lost update, also while every verb comes and goes; and a version's text is the same before,
# during and after each of them.
# takes long: yes
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

CASE_LIMIT=300
READS=100000
VERB_SECONDS=15
if [[ -n ${SCHEMAFS_LONG:-} ]]; then CASE_LIMIT=14400 READS=10000000 VERB_SECONDS=600; fi
if [[ $SLOWNESS -gt 1 ]]; then READS=5000; fi

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  T: {fields: {text: string, sum: string}}
  C: {fields: {n_v1: string, n_v2: string, note: string}}
  Still: {fields: {name: {type: string, required: true}, age: string, breed: string}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: T, from: text, to: words}
  - rename_field: {type: Still, from: name, to: call_name}
YAML
    python3 - "$M/v1" <<'PY'
import sys, zlib
for n in range(5):
    open(f"{sys.argv[1]}/T/k{n}.json", "w").write('{"text": "a", "sum": "%d"}' % zlib.crc32(b"a"))
open(f"{sys.argv[1]}/C/c.json", "w").write('{"n_v1": "0", "n_v2": "0"}')
for n in range(500):
    open(f"{sys.argv[1]}/Still/s{n}.json", "w").write('{"name":  "s%d", "age": "%d", "breed": "b%d"}' % (n, n, n % 9))
PY
}

torn__readers_beside_writers_see_whole_texts_and_counters_lose_nothing() {
    python3 "$ROOT/tests/concurrency/torn.py" "$M" "$READS" 1 >"$T/said" 2>&1 || fail "torn or lost" "$(tail -n 20 "$T/said")"
    figures torn_reads "$(tail -n 1 "$T/said")"
}

# Every item, as a stream and one by one.
hash_of() { (cat "$M/$1/Still.jsonl"; cat "$M/$1"/Still/*.json) | sha256sum; }

# undisturbed WHAT COMMAND...: while COMMAND runs, and after it, v1 and v2 show what they showed.
undisturbed() {
    local what=$1 verb
    shift
    "$@" &
    verb=$!
    while kill -0 "$verb" 2>/dev/null; do
        assert_eq "$(hash_of v1)" "$V1" "v1 during $what"
        HASHES=$((HASHES + 1))
    done
    wait "$verb" || fail "$what" "$(outcome "${1/must_/}")"
    assert_eq "$(hash_of v1)" "$V1" "v1 after $what"
    assert_eq "$(hash_of v2)" "$V2" "v2 after $what"
    HASHES=$((HASHES + 2))
}

stage_v3() {
    stage v3 <<'YAML'
version: v3
from: v2
migrate:
  - change_type: {type: Still, field: age, to: {type: integer, default: 0}, up: "CAST(age AS INTEGER)", down: "CAST(age AS TEXT)"}
  - extract_type: {type: Still, fields: {breed: name}, into: Breed, as: breed}
  - split_field: {type: T, field: words, into: {head: {as: string, up: "substr(words, 1, 1)"}, tail: {as: string, up: "substr(words, 2)"}}, down: "head || tail"}
YAML
}

slow_backfill() {
    must_verb backfill_rate 400
    must_verb backfill v3
    wait_until 10 backfill_is_over v3 || true
    must_verb backfill_rate 0
    wait_until 30 backfill_is_over v3
}

derive() { find "$M/v3/Breed" -name '*.json' | wc -l >/dev/null; }

torn__migrations_disturb_nobody() {
    HASHES=0
    V1=$(hash_of v1) V2=$(hash_of v2)
    local load round=0 end=$((SECONDS + VERB_SECONDS))
    python3 "$ROOT/tests/concurrency/torn.py" "$M" 100 "$((VERB_SECONDS + 10))" >"$T/said" 2>&1 &
    load=$!
    while [[ $round -lt 1 || $SECONDS -lt $end ]]; do
        round=$((round + 1))
        stage_v3
        undisturbed check must_verb check v3
        undisturbed add must_verb add v3
        sees "$M/v3"
        undisturbed 'the first listing' derive
        undisturbed backfill slow_backfill
        undisturbed verify must_verb verify v3
        undisturbed revert must_verb revert v3
        sees_no_more "$M/v3"
    done
    wait "$load" || fail "the load was disturbed" "$(tail -n 20 "$T/said")"
    stage_v3
    must_verb add v3
    backfill v3
    local v3
    v3=$(hash_of v3)
    must_verb finalize v3
    sees_no_more "$M/v1"
    assert_eq "$(hash_of v3)" "$v3" "v3 after finalize"
    figures undisturbed "$round rounds, $HASHES hashes, $(tail -n 1 "$T/said")"
}

run_tests "$@"
