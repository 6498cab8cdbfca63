#!/usr/bin/env bash
# Everything at once: readers, writers, listings and streams in every version while verbs come and go.
# sanitized: yes
# sanitized for races: yes
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2317
. "${0%/*}/lib.sh"

# The thread sanitizer watches for a minute, an hour in the long run.
CASE_LIMIT=240
LOAD_SECONDS=8
if [[ ${BUILD_NAME:-} == races ]]; then LOAD_SECONDS=60; fi
if [[ -n ${SCHEMAFS_LONG:-} ]]; then CASE_LIMIT=8000 LOAD_SECONDS=3600; fi

load() {
    cat >"$T/load.py" <<'PY'
import errno, json, os, random, sys, threading, time
mount, seconds, versions = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
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
    elif kind == "edit":
        fd = os.open(key, os.O_RDWR)
        raw = os.read(fd, 65536)
        try:
            if raw:
                item = json.loads(raw)
                item["age"] = str(rng.randrange(100))
                os.ftruncate(fd, 0)
                os.pwrite(fd, json.dumps(item).encode(), 0)
                os.fsync(fd)
        finally:
            try:
                os.close(fd)
            except OSError as e:
                # Somebody was making it: there was nothing to edit yet.
                if raw or e.errno != errno.EINVAL:
                    raise
    elif kind == "append":
        with open("%s/%s/Dog.jsonl" % (mount, version), "a") as f:
            f.write('{"_key": "k%d", ' % rng.randrange(12) + text(version, rng.randrange(1000))[1:] + "\n")
    elif kind == "attributes":
        os.utime(key)
        os.chmod(key, rng.choice((0o644, 0o600)))
        os.statvfs(key)
    elif kind == "refused":
        try:
            with open(key, "w") as f:
                f.write('{"no": 1}')
        except OSError as e:
            if e.errno != errno.EINVAL:
                raise
    elif kind == "control":
        for name in ("status", "status.json", "errors", "log", "add"):
            with open("%s/control/%s" % (mount, name), "rb") as f:
                f.read()
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
        except OSError as e:
            if e.errno != errno.ESTALE: # removed between its opening and its close
                wrong.append("%s through %s: %r" % (kind, version, e))
        except Exception as e:
            wrong.append("%s through %s: %r" % (kind, version, e))
        counts[kind] = counts.get(kind, 0) + 1

threads = []
for i, version in enumerate(versions):
    for j, kinds in enumerate((["write", "replace", "refused"], ["read", "read", "read", "list"],
                               ["write", "remove", "rename", "attributes"], ["stream", "read", "append", "edit", "control"])):
        threads.append(threading.Thread(target=run, args=(kinds, version, 100 * i + j)))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(counts)
if wrong:
    sys.exit("\n".join(wrong[:5]))
PY
    python3 "$T/load.py" "$M" "$@" >"$T/loaded" 2>&1
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
    load "$LOAD_SECONDS" v1 v2 &
    loader=$!
    while kill -0 "$loader" 2>/dev/null; do
        stage v3 <<'YAML'
version: v3
from: v2
migrate:
  - change_type: {type: Dog, field: age, to: {type: integer, default: 0}, up: "CAST(age AS INTEGER)", down: "CAST(age AS TEXT)"}
  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}
YAML
        must_verb check v3
        must_verb add v3
        ls "$M/v3/Breed" >/dev/null
        must_verb backfill_rate 50
        must_verb backfill v3
        # It may have come to its end.
        if verb backfill pause 2>/dev/null; then verb backfill resume; fi
        must_verb backfill_rate 0
        wait_until 30 backfill_is_over v3 || fail "backfill of v3 did not end"
        must_verb backfill '{"version": "v3", "actions": [{"operation": "UPSERT", "source": [{"_key": "made", "name": "Made"}], "target": "Breed"}]}'
        cat "$M/control/status.json" "$M/v3/Dog.jsonl" >/dev/null
        must_verb revert v3
    done
    wait "$loader" || fail "the load was disturbed" "$(cat "$T/loaded")"
    agree v2
    backfill v2
    load 3 v2 &
    loader=$!
    must_verb finalize v2
    wait "$loader" || fail "the load was disturbed by finalize" "$(cat "$T/loaded")"
    [[ ${BUILD_NAME:-} != races ]] || BUILD_NAME='' figures data_races "$LOAD_SECONDS seconds, 0 reports"
    unmount_store
    "$SCHEMAFS" fsck "$S" >"$T/found" || fail "fsck" "$(head -n 5 "$T/found")"
}

# A write that is refused leaves a name beside the item, which the kernel is told of; a removal holds the directory and
# waits for the write.
races__refused_writes_beside_removals_hang_nobody() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string}}
YAML
    cat >"$T/refused.py" <<'PY'
import errno, os, sys, threading, time
end = time.time() + 3
def run(text):
    while time.time() < end:
        path = f"{sys.argv[1]}/v1/Dog/x.json"
        try:
            if text:
                with open(path, "w") as f:
                    f.write(text)
            else:
                os.unlink(path)
        except OSError as e:
            if e.errno not in (errno.EINVAL, errno.ENOENT, errno.ESTALE):
                raise
threads = [threading.Thread(target=run, args=(text,), daemon=True) for text in ('{"no": 1}', '{"no": 2}', '{"name": "a"}', '', '')]
for t in threads:
    t.start()
for t in threads:
    t.join(end + 20 - time.time())
os._exit(any(t.is_alive() for t in threads))
PY
    timeout -k 1 40 python3 "$T/refused.py" "$M" || fail "a client hangs"
}

run_tests "$@"
