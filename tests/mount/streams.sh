#!/usr/bin/env bash
# A type as JSON Lines: reading while others write, appending, import and export.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
CASE_LIMIT=120
. "${0%/*}/lib.sh"

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, age: integer}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: called}
  - add_field: {type: Dog, field: chip, as: string}
YAML
    D1=$M/v1/Dog.jsonl D2=$M/v2/Dog.jsonl
}

# dogs FIRST LAST: lines for v1.
dogs() { seq "$1" "$2" | sed 's/.*/{"_key": "d&", "name": "Dog &", "age": &}/'; }

# ---------------------------------------------------------------- reading

# Items 1 to 2000 stay, in whatever text; others come and go. Readers in both versions, with small and large reads.
reading__gives_each_item_once_and_whole_while_others_write() {
    dogs 1 2000 >>"$D1"
    cat >"$T/writers.py" <<'PY'
import os, random, sys
mount, until = sys.argv[1], float(sys.argv[2])
import time
rng = random.Random(int(sys.argv[3]))
while time.time() < until:
    n = rng.randrange(1, 2001)
    what = rng.randrange(4)
    if what == 0:
        with open(f"{mount}/v1/Dog/d{n}.json", "w") as f:
            f.write('{"name": "Dog %d", "age": %d}' % (n, rng.randrange(10**rng.randrange(1, 9))))
    elif what == 1:
        with open(f"{mount}/v2/Dog.jsonl", "a") as f:
            f.write('{"_key": "d%d", "called": "Dog %d", "chip": "%s"}\n' % (n, n, "c" * rng.randrange(300)))
    elif what == 2:
        with open(f"{mount}/v1/Dog.jsonl", "a") as f:
            f.write('{"_key": "x%d", "name": "X %d"}\n' % (n, n))
    else:
        try:
            os.unlink(f"{mount}/v1/Dog/x{n}.json")
        except FileNotFoundError:
            pass
PY
    cat >"$T/readers.py" <<'PY'
import json, os, random, sys, time
mount, until, rng, rounds = sys.argv[1], float(sys.argv[2]), random.Random(5), 0
while time.time() < until or rounds < 4:
    version, name = ("v1", "name") if rounds % 2 else ("v2", "called")
    fd = os.open(f"{mount}/{version}/Dog.jsonl", os.O_RDONLY)
    parts = []
    while part := os.read(fd, rng.choice([100, 4096, 131072])):
        parts.append(part)
    os.close(fd)
    text = b"".join(parts)
    assert text.endswith(b"\n")
    items = [json.loads(line) for line in text.splitlines()]
    keys = [item["_key"] for item in items]
    assert len(keys) == len(set(keys)), "an item twice"
    missing = {f"d{n}" for n in range(1, 2001)} - set(keys)
    assert not missing, missing
    for item in items:
        assert item[name] == ("Dog " if item["_key"][0] == "d" else "X ") + item["_key"][1:], item
    rounds += 1
print(rounds)
PY
    local until writer writers=()
    until=$(($(date +%s) + 6 * SLOWNESS))
    for writer in 1 2; do
        python3 "$T/writers.py" "$M" "$until" "$writer" &
        writers+=($!)
    done
    python3 "$T/readers.py" "$M" "$until" || fail 'a reader saw what it should not'
    for writer in "${writers[@]}"; do wait "$writer" || fail 'a writer failed'; done
}

reading__from_another_place_replays() {
    dogs 1 500 >>"$D1"
    cat "$D1" >"$T/all"
    assert_eq "$(tail -c +1001 "$D1" | sha256sum)" "$(tail -c +1001 "$T/all" | sha256sum)"
    python3 - "$D1" "$T/all" <<'PY'
import os, random, sys
fd, text, rng = os.open(sys.argv[1], os.O_RDONLY), open(sys.argv[2], "rb").read(), random.Random(3)
for _ in range(60):
    at, n = rng.randrange(len(text) + 100), rng.randrange(1, 9000)
    assert os.pread(fd, n, at) == text[at:at + n], (at, n)
PY
    assert_eq "$(stat -c %s "$D1" "$D2" | sort -u)" 0
}

reading__of_a_read_only_mount_tells_the_exact_size() {
    dogs 1 3000 >>"$D1"
    cat "$D2" >"$T/all"
    remount_store -o ro
    assert_eq "$(stat -c %s "$D2")" "$(stat -c %s "$T/all")"
    cmp "$D2" "$T/all"
    assert_eq "$(stat -c %s "$D1")" "$(read_size "$D1")"
    cp "$D2" "$T/copy" && tar -C "$M/v2" -cf "$T/all.tar" Dog.jsonl
    cmp "$T/copy" "$T/all"
    assert_eq "$(tar -xOf "$T/all.tar" | sha256sum)" "$(sha256sum <"$T/all")"
    assert_errno EROFS sh -c 'echo "{}" >>"$1"' sh "$D1"
}

# A stream of 36 MB passes through a buffer of what is asked for.
reading__keeps_nothing_of_what_was_read() {
    local before peak name
    name=$(head -c 30000 /dev/zero | tr '\0' n)
    seq 1200 | sed "s/.*/{\"_key\": \"d&\", \"name\": \"$name\"}/" >>"$D1"
    head -c 1000000 "$D1" >"$T/warm"
    before=$(awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON/status")
    echo 5 >"/proc/$DAEMON/clear_refs" # the peak begins anew
    assert_eq "$(read_size "$D1")" "$(seq 1200 | awk '{ n += 30026 + length($1) } END { print n }')"
    peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$DAEMON/status")
    [[ $((peak - before)) -lt 12288 ]] || fail "resident memory went from $before to $peak KiB"
}

# ---------------------------------------------------------------- appending

appending__makes_and_replaces_and_keeps_what_it_cannot_see() {
    printf '%s\n' '{"_key": "rex", "called": "Rex", "age": 3, "chip": "c-1"}' >>"$D2"
    sees "$M/v1/Dog/rex.json"
    printf '%s\n' '{"_key": "rex", "name": "Max"}' '{"_key": "new", "name": "New", "age": 1}' >>"$D1"
    assert_json "$M/v2/Dog/rex.json" . '{"called":"Max","chip":"c-1"}'
    sees "$M/v2/Dog/new.json"
    assert_eq "$(jq -r ._key <"$D2" | tr '\n' ' ')" 'rex new '
    # Each line is the item's file, with its key.
    assert_eq "$(jq -c 'del(._key)' <"$D1")" "$(jq -c . "$M/v1/Dog/rex.json" "$M/v1/Dog/new.json")"
}

# Two writes by one handle: the first stays, of the second nothing, and the line is counted over both.
appending__a_bad_line_keeps_nothing_of_its_write() {
    local said
    said=$(python3 - "$D1" <<'PY'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
line = '{"_key": "d%d", "name": "Dog %d"}\n'
os.write(fd, "".join(line % (n, n) for n in range(10)).encode())
try:
    os.write(fd, ("".join(line % (n, n) for n in range(10, 15)) + '{"_key": "d15", "nme": "x"}\n' + line % (16, 16)).encode())
except OSError as e:
    print(errno.errorcode[e.errno])
try:
    os.write(fd, (line % (17, 17)).encode())
except OSError as e:
    print(errno.errorcode[e.errno])
try:
    os.close(fd)
except OSError as e:
    print("close", errno.errorcode[e.errno])
PY
    )
    assert_eq "$said" $'EINVAL\nEINVAL\nclose EINVAL'
    assert_match "$(cat "$M/control/errors")" 'v1/Dog.jsonl:16:17: error: Dog has no field "nme"; did you mean "name"'
    assert_eq "$(wc -l <"$D1")" 10
    assert_eq "$(names "$M/v1/Dog" | wc -l)" 10
}

appending__a_bad_line_makes_cat_fail() {
    { dogs 1 20000; echo '{"_key": "bad"}'; dogs 20001 40000; } >"$T/lines"
    assert_fails sh -c 'cat "$1" >>"$2"' sh "$T/lines" "$D1"
    assert_contains "$ERR" 'Invalid argument'
    assert_match "$(cat "$M/control/errors")" 'v1/Dog.jsonl:20001:1: error: Dog.name is required'
    # What earlier writes brought is there, and nothing that came later.
    local n
    n=$(wc -l <"$D1")
    [[ $n -gt 10000 && $n -le 20000 ]] || fail "$n items are there"
    assert_eq "$(tail -n 1 "$D1" | jq -r ._key)" "d$n"
}

appending__lines_may_come_in_pieces() {
    dogs 1 300 >"$T/lines"
    dd if="$T/lines" of="$D1" bs=7 oflag=append conv=notrunc status=none
    assert_eq "$(wc -l <"$D2")" 300
    assert_eq "$(status '.versions[1].items')" 300
    # One that is not ended by the close is refused, and the others stay.
    assert_eq "$(errno_of 'f = os.open("v1/Dog.jsonl", os.O_WRONLY | os.O_APPEND); os.write(f, b"{\"_key\": \"a\", \"name\": \"A\"}\n{\"_key\""); os.close(f)')" EINVAL
    assert_eq "$(tail -n 1 "$D1" | jq -r ._key)" a
}

appending__by_two_at_once_loses_no_line() {
    dogs 1 3000 >"$T/one"
    dogs 3001 6000 >"$T/two"
    cat "$T/one" >>"$D1" &
    local other=$!
    cat "$T/two" >>"$D1"
    wait "$other"
    assert_eq "$(jq -r ._key <"$D2" | sort | sha256sum)" "$(cat "$T/one" "$T/two" | jq -r ._key | sort | sha256sum)"
}

# As many as there are cities: in by cat, out by jq, in seconds.
appending__171075_lines_in_and_out_in_seconds() {
    local start
    dogs 1 171075 >"$T/lines"
    start=$(now_ms)
    cat "$T/lines" >>"$D1"
    jq -c . <"$D2" >"$T/out"
    [[ $(($(now_ms) - start)) -lt $((60000 * SLOWNESS)) ]] || fail "it took $(($(now_ms) - start)) ms"
    assert_eq "$(jq -c '{_key, name: .called, age}' <"$T/out" | sha256sum)" "$(jq -c . <"$T/lines" | sha256sum)"
    assert_eq "$(status '.versions[0].items')" 171075
}

# ---------------------------------------------------------------- export and import

another_store() {
    rm -f "$T/other.db"
    "$SCHEMAFS" mount "$T/other.db" "$M"
    cp "$T/schemas/"*.yaml "$M/schemas/"
    must_verb add v1
    must_verb add v2
    "$SCHEMAFS" umount "$M"
}

export_what_is_there() {
    dogs 1 2000 >>"$D1"
    mkdir "$T/schemas"
    cp "$M"/schemas/*.yaml "$T/schemas/"
    cat "$D2" >"$T/seen"
    unmount_store
    "$SCHEMAFS" export "$S" v2 Dog >"$T/exported"
}

export__is_what_the_stream_shows_and_import_takes_it() {
    export_what_is_there
    cmp "$T/exported" "$T/seen"
    assert_eq "$("$SCHEMAFS" export "$S" v1 | head -n 1)" '{"_type": "Dog", "_key": "d1", "name": "Dog 1", "age": 1}'
    another_store
    assert_eq "$("$SCHEMAFS" import "$T/other.db" v2 Dog <"$T/exported")" 'ok 2,000 items imported'
    "$SCHEMAFS" export "$T/other.db" v2 Dog | cmp - "$T/exported"
    # From a pipe, and once more: the same items.
    "$SCHEMAFS" export "$S" v1 Dog | "$SCHEMAFS" import "$T/other.db" v1 Dog >/dev/null
    "$SCHEMAFS" export "$T/other.db" v2 Dog | cmp - "$T/exported"
}

import__is_all_or_nothing() {
    export_what_is_there
    another_store
    { head -n 1500 "$T/exported"; echo '{"_key": "bad", "caled": "x"}'; tail -n 500 "$T/exported"; } >"$T/bad"
    ! "$SCHEMAFS" import "$T/other.db" v2 Dog <"$T/bad" 2>"$T/said" || fail 'a bad line is taken'
    assert_contains "$(cat "$T/said")" 'standard input:1501:17: Dog has no field "caled"; did you mean "called"?'
    assert_eq "$("$SCHEMAFS" export "$T/other.db" v2 Dog | wc -l)" 0
    "$SCHEMAFS" fsck "$T/other.db" >/dev/null
    # Names that are not there, and a store that is mounted.
    ! "$SCHEMAFS" import "$T/other.db" v9 Dog <"$T/exported" 2>"$T/said" || fail 'there is no v9'
    assert_contains "$(cat "$T/said")" 'there is no version "v9"'
    ! "$SCHEMAFS" export "$T/other.db" v1 Dgo 2>"$T/said" || fail 'there is no Dgo'
    assert_contains "$(cat "$T/said")" 'there is no type "Dgo"; did you mean "Dog"?'
    mount_store
    ! "$SCHEMAFS" import "$S" v1 Dog <"$T/exported" 2>"$T/said" || fail 'it is mounted'
    assert_contains "$(cat "$T/said")" TYPE.jsonl
}

import__and_export_show_a_bar_on_a_terminal_only() {
    dogs 1 60000 >>"$D1"
    mkdir "$T/schemas"
    cp "$M"/schemas/*.yaml "$T/schemas/"
    unmount_store
    "$SCHEMAFS" export "$S" v1 Dog >"$T/lines" 2>"$T/said"
    assert_eq "$(cat "$T/said")" "" "not on a terminal"
    another_store
    at_terminal '? left' '?imported' -- \
        sh -c '"$1" import "$2" v1 Dog <"$3"' sh "$SCHEMAFS" "$T/other.db" "$T/lines"
    assert_contains "$(cat "$T/screen")" 'import ['
    at_terminal '? of 60,000' -- \
        sh -c '"$1" export "$2" v1 Dog >"$3"' sh "$SCHEMAFS" "$S" "$T/lines2"
    assert_contains "$(cat "$T/screen")" 'export ['
    cmp "$T/lines" "$T/lines2"
    # A pipe has no end that is known: what has come is counted.
    at_terminal '?import' '? bytes' '?imported' -- \
        sh -c 'cat "$3" | "$1" import "$2" v1 Dog' sh "$SCHEMAFS" "$T/other.db" "$T/lines"
}

appending__no_reader_sees_what_was_replaced() {
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - extract_type: {type: Dog, fields: {chip: name}, into: Chip, as: chip}
YAML
    python3 "$ROOT/tests/concurrency/fresh.py" "$M" 4 >"$T/said" 2>&1 || fail 'an old text' "$(tail -n 20 "$T/said")"
    figures fresh "$(tail -n 1 "$T/said")"
}

run_tests "$@"
