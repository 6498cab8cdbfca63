#!/usr/bin/env bash
# Limits of docs/operations.md that refusals.sh and scratch.sh do not reach: each refused with one line that says
# which, or kept within bounds, while the mount serves everybody else.
# shellcheck source-path=SCRIPTDIR disable=SC2119
CASE_LIMIT=180
. "${0%/*}/lib.sh"

setup() { mount_store; }

a_dog() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, text: string}}
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
}

# fields N: a schema of one type with as many.
fields() {
    printf 'version: v1\ntypes:\n  Dog:\n    fields:\n'
    seq -f '      f%.0f: integer' "$1"
}

fields__of_a_type_are_bounded() {
    fields 2049 | refused_schema v1 'v1\.yaml:[0-9]+:[0-9]+: Dog has more than 2048 fields'
    fields 2048 | add v1
    { echo '{'; seq -f '"f%.0f": 1,' 2047; echo '"f2048": 0}'; } >"$T/all"
    cp "$T/all" "$M/v1/Dog/rex.json"
    cmp "$T/all" "$M/v1/Dog/rex.json"
}

# Also by the steps of a later version.
fields__are_not_added_beyond_the_bound() {
    fields 2048 | add v1
    refused_schema v2 'Dog has more than 2048 fields' <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: more, as: string}
YAML
    put "$M/v1/Dog/rex.json" '{"f1": 1}'
    assert_json "$M/v1/Dog/rex.json" .f1 1
}

drafts__are_bounded_by_number() {
    a_dog
    ulimit -n 8192 2>/dev/null || skip 'no limit of open files that is high enough'
    python3 - "$M/v1/Dog" <<'PY'
import errno, os, sys, time
held = []
try:
    for n in range(5000):
        held.append(os.open(f"{sys.argv[1]}/d{n}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    sys.exit("no end")
except OSError as e:
    assert e.errno == errno.ENOSPC and len(held) == 4096, (e, len(held))
said = open(f"{sys.argv[1]}/../../control/errors").read().splitlines()
assert said[-1].endswith("error: at most 4096 items may be open for writing"), said[-3:]
# Readers are none of it, and one that is given up makes room.
assert "Rex" in open(f"{sys.argv[1]}/rex.json").read()
os.write(held[0], b'{"name": "First"}')
os.close(held.pop(0))
for _ in range(1000):  # the kernel tells of its end a moment later
    try:
        with open(f"{sys.argv[1]}/rex.json", "w") as f:
            f.write('{"name": "Max"}')
        break
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
        time.sleep(0.01)
for fd in held:
    try:
        os.close(fd)  # empty: no item
    except OSError:
        pass
PY
    assert_json "$M/v1/Dog/rex.json" .name '"Max"'
    assert_json "$M/v1/Dog/d0.json" .name '"First"'
    assert_eq "$(names "$M/v1/Dog" | grep -c '\.json$')" 2
}

drafts__are_bounded_by_bytes() {
    a_dog
    python3 - "$M/v1/Dog" <<'PY'
import errno, os, sys, time
held, piece = [], b"x" * (1 << 20)
try:
    for n in range(100):
        held.append(os.open(f"{sys.argv[1]}/d{n}.json", os.O_WRONLY | os.O_CREAT))
        os.write(held[-1], b'{"name": "D", "text": "')
        for _ in range(15):
            os.write(held[-1], piece)
    sys.exit("no end")
except OSError as e:
    assert e.errno == errno.ENOSPC and 16 <= len(held) < 40, (e, len(held))
said = open(f"{sys.argv[1]}/../../control/errors").read()
assert "error: open drafts hold at most 536870912 bytes together" in said, said[-300:]
# The others are what they were: the first is still published, which makes room.
os.write(held[0], b'"}')
os.close(held.pop(0))
# The kernel tells of the end of an open file a moment after close has returned.
for _ in range(1000):
    try:
        with open(f"{sys.argv[1]}/rex.json", "w") as f:
            f.write('{"name": "Max"}')
        break
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
        time.sleep(0.01)
PY
    assert_json "$M/v1/Dog/rex.json" .name '"Max"'
    assert_json "$M/v1/Dog/d0.json" '.text | length' $((15 << 20))
}

expressions__end_in_time_and_readers_are_answered() {
    a_dog
    python3 -c 'import json; print(json.dumps({"name": "Long", "text": "a" * 2000000}))' >"$M/v1/Dog/long.json"
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: slow, as: boolean, up: "text LIKE '%' || substr(text, 1, 990) || 'b'"}
  - add_field: {type: Dog, field: much, as: integer, up: "length(json_array(text, text, text, text, text, text, text, text, text))"}
  - add_field: {type: Dog, field: size, as: integer, up: "length(text)"}
YAML
    local start took
    start=$(now_ms)
    assert_json "$M/v2/Dog/long.json" '[.slow, .much, .size]' '[null,null,2000000]'
    took=$(($(now_ms) - start))
    [[ $took -lt $((20000 * SLOWNESS)) ]] || fail "a read took $took ms"
    put "$M/v2/Dog/rex.json" '{"name": "Rex", "text": "ab", "slow": true}'
    assert_json "$M/v1/Dog/rex.json" .text '"ab"'
}

queries__end_within_their_bounds() {
    a_dog
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: chip, as: string}
queries:
  large: "SELECT 'a' AS _key, replace(printf('%.*c', 2000000, 'a'), 'a', 'nine char') AS name"
  much: "SELECT 'a' AS _key, json_array(x, x) AS name FROM (SELECT printf('%.*c', 9000000, 'a') AS x)"
  rows: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100) SELECT group_concat(x || n) AS name, 'a' AS _key FROM c, (SELECT printf('%.*c', 1000000, 'a') AS x)"
YAML
    local name
    for name in large much rows; do
        assert_fails verb backfill "{\"version\": \"v2\", \"actions\": [{\"operation\": \"UPSERT\", \"source\": \"$name\", \"target\": \"Dog\"}]}"
        assert_match "$(outcome backfill)" "^error: .*\"?$name.*(too big|too much JSON|more than)"
    done
    assert_eq "$(names "$M/v2/Dog")" rex.json
    put "$M/v2/Dog/rex.json" '{"name": "Max"}'
    assert_json "$M/v1/Dog/rex.json" .name '"Max"'
}

# chain N: v1.yaml to vN.yaml in $T, each renames the field.
chain() {
    python3 - "$T" "$1" <<'PY'
import sys
def put(n, text):
    with open(f"{sys.argv[1]}/v{n}.yaml", "w") as f:
        f.write(f"version: v{n}\n{text}\n")
put(1, "types:\n  Dog: {fields: {n1: string}}")
for n in range(2, int(sys.argv[2]) + 1):
    put(n, f"from: v{n - 1}\nmigrate:\n  - rename_field: {{type: Dog, from: n{n - 1}, to: n{n}}}")
PY
}

versions__a_thousand_in_a_chain_are_checked() {
    chain 1000
    (cd "$T" && seq -f 'v%.0f.yaml' 1000 | xargs -n 2000 timeout $((20 * SLOWNESS)) "$SCHEMAFS" check) >"$T/said"
    assert_contains "$(tail -n 4 "$T/said")" 'n1000'
}

versions__are_bounded_over_a_stores_life() {
    chain 4096
    seq -f 'v%.0f.yaml' 4096 >"$T/files"
    cd "$T"
    assert_fails xargs -a files -n 5000 timeout $((60 * SLOWNESS)) "$SCHEMAFS" check
    assert_match "$(grep '^schemafs: ' <<<"$ERR")" 'v4096\.yaml: a store holds at most 4095 versions in its life$'
}

# All of them live. Each add is durable: here on a disk that syncs at once.
versions__a_long_chain_is_served() {
    local n count=${SCHEMAFS_LONG:+1000} start took
    count=${count:-150}
    unmount_store
    small_disk 200m
    mount_store
    chain "$count"
    start=$(now_ms)
    for ((n = 1; n <= count; n++)); do
        cat "$T/v$n.yaml" >"$M/schemas/v$n.yaml"
        must_verb add "v$n"
    done
    took=$(($(now_ms) - start))
    [[ $took -lt $((200 * count * SLOWNESS)) ]] || fail "$count versions took $took ms"
    put "$M/v1/Dog/rex.json" '{"n1": "Rex"}'
    assert_json "$M/v$count/Dog/rex.json" . "{\"n$count\":\"Rex\"}"
    put "$M/v$count/Dog/rex.json" "{\"n$count\": \"Max\"}"
    assert_json "$M/v1/Dog/rex.json" . '{"n1":"Max"}'
    remount_store
    assert_json "$M/v$((count / 2))/Dog/rex.json" . "{\"n$((count / 2))\":\"Max\"}"
    must_verb finalize "v$count"
    assert_eq "$(find "$M" -maxdepth 1 -name 'v*' -type d)" "$M/v$count"
    assert_json "$M/v$count/Dog/rex.json" . "{\"n$count\":\"Max\"}"
}

run_tests "$@"
