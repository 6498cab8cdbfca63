#!/usr/bin/env bash
# Everything at once: readers, writers, listings and streams in every version while verbs come and go.
# sanitized: yes
# sanitized for races: yes
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2317
. "$(dirname "$0")/lib.sh"

CASE_LIMIT=240

load() {
    cat >"$T/load.py" <<'PY'
import json, os, random, sys, threading, time
mount, seconds = sys.argv[1], float(sys.argv[2])
end, wrong, counts = time.time() + seconds, [], {}
FIELD = {"v1": "name", "v2": "call_name"}
GONE = (FileNotFoundError,)

def text(version, n):
    word = "w%d" % n
    return json.dumps({FIELD[version]: word * 20, "breed": "Breed %d" % (n % 7), "age": str(n)})

def check(version, raw):
    item = json.loads(raw)
    name = item[FIELD[version]]
    if name != name[: len(name) // 20] * 20:
        raise ValueError("torn name")

def state(key):
    s = os.stat(key)
    return s.st_ino, s.st_mtime_ns

def act(kind, version, rng):
    key = "%s/%s/Dog/k%d.json" % (mount, version, rng.randrange(12))
    if kind == "write":
        with open(key, "w") as f:
            f.write(text(version, rng.randrange(1000)))
    elif kind == "replace":
        t = "%s/%s/Dog/t%d" % (mount, version, threading.get_ident())
        with open(t, "w") as f:
            f.write(text(version, rng.randrange(1000)))
        os.rename(t, key)
    elif kind == "read":
        before = state(key)
        with open(key, "rb") as f:
            raw = f.read()
        try:
            check(version, raw)
        except ValueError:
            # One that held the file open across another's write, for longer than a writer waits
            # (a busy machine), may see a part: never one that was alone. The write may still be on
            # its way to the caches.
            time.sleep(0.3)
            if state(key) == before:
                raise
            counts["crossed"] = counts.get("crossed", 0) + 1
    elif kind == "remove":
        os.unlink(key)
    elif kind == "rename":
        os.rename(key, "%s/%s/Dog/k%d.json" % (mount, version, rng.randrange(12)))
    elif kind == "list":
        for name in os.listdir("%s/%s/Dog" % (mount, version)):
            if name.endswith(".json"):
                os.stat("%s/%s/Dog/%s" % (mount, version, name))
    elif kind == "stream":
        with open("%s/%s/Dog.jsonl" % (mount, version), "rb") as f:
            for line in f:
                check(version, line)

def run(kinds, version, seed):
    rng = random.Random(seed)
    while time.time() < end and not wrong:
        kind = rng.choice(kinds)
        try:
            act(kind, version, rng)
        except GONE:
            continue
        except Exception as e:
            wrong.append("%s through %s: %r" % (kind, version, e))
        counts[kind] = counts.get(kind, 0) + 1

threads = []
for i, version in enumerate(("v1", "v2")):
    for j, kinds in enumerate((["write", "replace"], ["read", "read", "read", "list"], ["write", "remove", "rename"], ["stream", "read"])):
        threads.append(threading.Thread(target=run, args=(kinds, version, 100 * i + j)))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(counts)
if wrong:
    sys.exit("\n".join(wrong[:5]))
PY
    python3 "$T/load.py" "$M" "$1" >"$T/loaded" 2>&1
}

races__readers_writers_and_verbs_at_once() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, breed: string, age: string}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
YAML
    local n loader
    for n in {0..11}; do
        put "$M/v1/Dog/k$n.json" "{\"name\": \"$(printf 'a%.0s' {1..20})\", \"age\": \"$n\"}"
    done
    load 8 &
    loader=$!
    while kill -0 "$loader" 2>/dev/null; do
        stage v3 <<'YAML'
version: v3
from: v2
migrate:
  - change_type: {type: Dog, field: age, to: {type: integer, default: 0}, up: "CAST(age AS INTEGER)", down: "CAST(age AS TEXT)"}
  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}
YAML
        must_verb add v3
        ls "$M/v3/Breed" >/dev/null
        backfill v3
        cat "$M/control/status.json" "$M/v3/Dog.jsonl" >/dev/null
        must_verb revert v3
    done
    wait "$loader" || fail "the load was disturbed" "$(cat "$T/loaded")"
    agree v2
    unmount_store
    "$SCHEMAFS" fsck "$S" >"$T/found" || fail "fsck" "$(head -n 5 "$T/found")"
}

run_tests "$@"
