#!/usr/bin/env bash
# kill -9 of the daemon: what was acknowledged is there, and a verb has happened or has not.
# takes long: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"

CASE_LIMIT=240
CYCLES=100
VERB_CYCLES=8
NAME_CYCLES=10
if [[ -n ${SCHEMAFS_LONG:-} ]]; then
    CASE_LIMIT=28800 CYCLES=10000 VERB_CYCLES=300 NAME_CYCLES=1000
fi
# A sanitizer's daemon is slow to start.
if [[ $SLOWNESS -gt 1 ]]; then CYCLES=10 VERB_CYCLES=3 NAME_CYCLES=5; fi

dogs_v1() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, age: string, breed: string}}
YAML
}

dogs_v2='version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: age, to: integer, up: "CAST(age AS INTEGER)", down: "CAST(age AS TEXT)"}
  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}'

# A writer that notes what was acknowledged, after its close: "made KEY NUMBER" or "gone KEY".
write_writer() {
    cat >"$T/writer.py" <<'PY'
import os, random, sys
mount, log, cycle = sys.argv[1:]
rng = random.Random(int(cycle))
log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
n = int(cycle) * 1000000
try:
    while True:
        n += 1
        key = "k%d" % rng.randrange(300)
        path = f"{mount}/v1/Dog/{key}.json"
        if rng.random() < 0.1 and os.path.exists(path):
            os.write(log, b"leaving %s %d\n" % (key.encode(), n))
            os.unlink(path)
            os.write(log, b"gone %s %d\n" % (key.encode(), n))
            continue
        os.write(log, b"trying %s %d\n" % (key.encode(), n))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(fd, b'{"name": "n%d", "age": "%d", "breed": "b%d"}\n' % (n, n, n % 5))
        os.close(fd)
        os.write(log, b"made %s %d\n" % (key.encode(), n))
except OSError:
    pass
PY
    # What has to be there by such a log. The one that was under way may have happened or not.
    cat >"$T/checker.py" <<'PY'
import json, os, sys
mount, log = sys.argv[1:]
state, open_try, acknowledged = {}, {}, 0
for line in open(log):
    word, key, n = line.split()
    if word in ("trying", "leaving"):
        open_try[key] = int(n) if word == "trying" else None
        continue
    acknowledged += 1
    open_try.pop(key, None)
    state[key] = int(n) if word == "made" else None
lost = []
def shown(key):
    try:
        with open(f"{mount}/v1/Dog/{key}.json") as f:
            item = json.load(f)
    except FileNotFoundError:
        return None
    n = int(item["name"][1:])
    if item != {"name": f"n{n}", "age": str(n), "breed": f"b{n % 5}"}:
        lost.append(f"{key} is torn: {item}")
    return n
for key in sorted(set(state) | set(open_try)):
    got, want = shown(key), state.get(key)
    if got != want and not (key in open_try and got == open_try[key]):
        lost.append(f"{key}: acknowledged {want}, found {got}")
    # What was under way is known now.
    with open(log, "a") as f:
        f.write(f"made {key} {got}\n" if got is not None else f"gone {key} 0\n")
print(f"{acknowledged} acknowledged, {len(lost)} lost")
if lost:
    sys.exit("\n".join(lost[:10]))
PY
}

kill_9__loses_no_acknowledged_write() {
    write_writer
    mount_store
    dogs_v1
    local cycle writer
    for ((cycle = 1; cycle <= CYCLES; cycle++)); do
        python3 "$T/writer.py" "$M" "$T/log" "$cycle" &
        writer=$!
        sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
        kill_store
        wait "$writer" || true
        mount_store
        python3 "$T/checker.py" "$M" "$T/log" >"$T/said" || fail "cycle $cycle" "$(cat "$T/said")"
    done
    figures kill_9 "$CYCLES cycles, $(cat "$T/said")"
    [[ $(wc -l <"$T/log") -gt $CYCLES ]] || fail "the writer wrote nothing"
}

setup() { :; }

# same_dogs VERB: after the crash both versions, if there are two, show the same dogs.
same_dogs() {
    mount_store
    assert_eq "$(cat "$M"/v1/Dog/*.json | sha256sum)" "$DOGS" "v1 after a crash in $1"
    if [[ -e $M/v2 ]]; then
        assert_eq "$(jq -r .age "$M"/v2/Dog/*.json | paste -sd' ')" "$AGES" "v2 after a crash in $1"
        must_verb verify v2
    fi
}

two_hundred_dogs() {
    mount_store
    dogs_v1
    python3 - "$M/v1/Dog" <<'PY'
import sys
for n in range(200):
    with open(f"{sys.argv[1]}/d{n:03}.json", "w") as f:
        f.write('{"name": "dog %d", "age": "%d", "breed": "b%d"}' % (n, n, n % 7))
PY
    DOGS=$(cat "$M"/v1/Dog/*.json | sha256sum)
    AGES=$(seq -s' ' 0 199)
}

# crash_in VERB COMMAND: kill -9 a random moment after the verb was given.
crash_in() {
    (trap - ERR; verb "$1" "$2" 2>/dev/null || true) &
    local asked=$!
    sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
    kill_store
    wait "$asked" || true
}

kill_9__in_add_leaves_it_added_or_not() {
    two_hundred_dogs
    local cycle added=0
    for ((cycle = 1; cycle <= VERB_CYCLES; cycle++)); do
        [[ -e $M/v2 ]] || stage v2 <<<"$dogs_v2"
        crash_in add v2
        same_dogs add
        if [[ -e $M/v2 ]]; then
            added=$((added + 1))
            must_verb revert v2
            sees_no_more "$M/v2"
        fi
    done
    echo "$VERB_CYCLES crashes, $added times it had been added"
}

kill_9__in_backfill_resumes_where_it_was() {
    two_hundred_dogs
    add v2 <<<"$dogs_v2"
    must_verb backfill_rate 100
    must_verb backfill v2
    local crashes=0
    while ! backfill_is_over v2 && [[ $crashes -lt $VERB_CYCLES ]]; do
        sleep "0.$((RANDOM % 5))"
        kill_store
        crashes=$((crashes + 1))
        same_dogs backfill
    done
    must_verb backfill_rate 0
    wait_until 20 backfill_is_over v2 || fail "it does not end" "$(cat "$M/control/status.json")"
    remount_after_checks backfill
    assert_eq "$(names "$M/v2/Breed" | wc -l)" 7
    echo "$crashes crashes"
}

remount_after_checks() {
    unmount_store
    same_dogs "$1"
}

kill_9__in_finalize_leaves_it_done_or_not() {
    two_hundred_dogs
    add v2 <<<"$dogs_v2"
    backfill v2
    crash_in finalize v2
    mount_store
    assert_eq "$(jq -r .age "$M"/v2/Dog/*.json | paste -sd' ')" "$AGES"
    if [[ -e $M/v1 ]]; then
        assert_eq "$(cat "$M"/v1/Dog/*.json | sha256sum)" "$DOGS"
        must_verb finalize v2
    fi
    sees_no_more "$M/v1"
    assert_eq "$(status .default)" v2
}

kill_9__in_revert_leaves_it_done_or_not() {
    two_hundred_dogs
    local cycle
    for ((cycle = 1; cycle <= VERB_CYCLES; cycle++)); do
        [[ -e $M/v2 ]] || add v2 <<<"$dogs_v2"
        crash_in revert v2
        same_dogs revert
    done
}

kill_9__in_a_transaction_leaves_all_of_it_or_nothing() {
    two_hundred_dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_type: {type: Breed, fields: {name: string}}
  - add_field: {type: Dog, field: mark, as: string}
queries:
  breeds: SELECT DISTINCT breed AS _key, breed AS name FROM Dog
  marks: SELECT _key, 'marked' AS mark FROM Dog
YAML
    local cycle marked
    for ((cycle = 1; cycle <= VERB_CYCLES; cycle++)); do
        crash_in backfill '{"version": "v2", "actions": [{"operation": "UPSERT", "source": "breeds", "target": "Breed"}, {"operation": "PATCH", "source": "marks", "target": "Dog"}]}'
        mount_store
        marked=$(cat "$M"/v2/Dog/*.json | grep -c '"mark"' || true)
        case $marked,$(names "$M/v2/Breed" | wc -l) in
            0,0) ;;
            200,7) return ;;
            *) fail "$marked dogs are marked, $(names "$M/v2/Breed" | wc -l) breeds made" ;;
        esac
    done
}

# A thread of the daemon that tells the kernel of a name waits for the directory, which a client's create or
# unlink holds until the daemon answers: killed in that moment, neither would ever end by itself.
kill_9__while_names_come_and_go_leaves_nothing_hanging() {
    mount_store
    dogs_v1
    add v2 <<<"$dogs_v2"
    cat >"$T/names.py" <<'PY'
import os, sys, threading
def run(n):
    version = ("v1", "v2")[n % 2]
    age = (b'"1"', b"1")[n % 2]
    try:
        while True:
            path = f"{sys.argv[1]}/{version}/Dog/n{n}.json"
            with open(path, "wb") as f:
                f.write(b'{"name": "x", "age": ' + age + b"}")
            os.unlink(path)
    except OSError:
        pass
threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
for t in threads:
    t.start()
PY
    local cycle names
    for ((cycle = 1; cycle <= NAME_CYCLES; cycle++)); do
        python3 "$T/names.py" "$M" &
        names=$!
        sleep "0.$((3 + RANDOM % 5))"
        kill_store
        wait_until 10 ended "$names" || fail "a client hangs after the daemon's death" "$(threads_of "$names")"
        wait "$names" || true
        mount_store
    done
}

# The same moment, held.
kill_9__while_a_name_waits_for_a_directory_leaves_nothing_hanging() {
    mount_store_with_bad_syncs -o sync
    dogs_v1
    add v2 <<<"$dogs_v2"
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    put "$M/v1/Dog/other.json" '{"name": "Other"}'
    ls -l "$M/v1/Dog" "$M/v2/Dog" >/dev/null
    beside_a_held_removal "$M/v1/Dog/other.json" mv "$M/v2/Dog/rex.json" "$M/v2/Dog/max.json"
    sleep 0.05 # the names are told
    kill_store
    wait_until 10 ended "$REMOVAL" || fail "a client hangs after the daemon's death" "$(threads_of "$REMOVAL")"
    wait "$REMOVAL" || true
    mount_store
    assert_eq "$(names "$M/v1/Dog" | grep max)" max.json
}

kill_9__fsynced_drafts_and_renames_are_there() {
    mount_store
    dogs_v1
    python3 - "$M/v1/Dog" <<'PY'
import os, sys
os.chdir(sys.argv[1])
fd = os.open("a.json", os.O_WRONLY | os.O_CREAT)
os.write(fd, b'{"name": "A"}')
os.fsync(fd)
with open("t", "w") as f:
    f.write('{"name": "B"}')
    f.flush()
    os.fsync(f.fileno())
os.rename("t", "b.json")
os.rename("b.json", "c.json")
open("d.json", "w").write('{"name": "D"}')
os.unlink("d.json")
PY
    kill_store
    mount_store
    assert_eq "$(names "$M/v1/Dog" | grep json)" $'a.json\nc.json'
    assert_json "$M/v1/Dog/a.json" .name '"A"'
    assert_json "$M/v1/Dog/c.json" .name '"B"'
}

run_tests "$@"
