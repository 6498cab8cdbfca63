#!/usr/bin/env bash
# What the world does to a mount: its store is locked, full, moved, deleted or no store; its clock goes back; a version
# ends under open files. What a program gets, by errno and exact text, and what is there afterwards. Damage is in
# damage.sh, a full disk and one whose sync fails in disk.sh, kill -9 in crash.sh.
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

setup() { :; }

dogs() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, note: string}}
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
}

rex_is_there() { assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Rex"}'; }

# ---------------------------------------------------------------- no store, or somebody else's

# what is done to a sound store => what schemafs mount says; STORE and FIRST stand for its path and the first daemon's pid
REFUSED=$(cat <<'ROWS'
printf 'this is no store\n%01000d\n' 7 >"$S" => "STORE" is not a schemafs store
rm "$S"; sqlite "CREATE TABLE item(x)" => "STORE" is a database of another program
sqlite "PRAGMA user_version = 99" => "STORE" has format 99: a newer schemafs wrote it
sqlite "CREATE TABLE mine(x)" => "STORE" is damaged: its table "mine" is not a store's
sqlite "DROP TABLE history" => "STORE" is damaged: tables are missing
truncate -s 50 "$S" => "STORE" is not a schemafs store
truncate -s 5000 "$S" => STORE: the store is damaged (SQLite 11)
head -c 4096 /dev/zero | dd of="$S" conv=notrunc status=none => "STORE" is not a schemafs store
ln "$S" "$T/another" => "STORE" has more than one name (hard links)
mv "$S" "$T/real.db"; ln -s "$T/real.db" "$S" => "STORE" is a symbolic link
rm "$S"; mkdir "$S" => "STORE" is no ordinary file
rm "$S"; mkfifo "$S" => "STORE" is no ordinary file
ROWS
)

sqlite() { python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()' "$S" "$1"; }

# mount_says TEXT: a mount fails with this one line.
mount_says() {
    assert_fails timeout 20 "$SCHEMAFS" mount "$S" "$M"
    assert_eq "$ERR" "schemafs: $1"
    is_mounted "$M" && fail 'it is mounted'
    return 0
}

restore() {
    rm -rf "$S" "$S"-* "$T/another" "$T/real.db"
    cp "$T/sound.db" "$S"
}

store__that_is_none_is_refused_and_left_as_it_is() {
    dogs
    unmount_store
    cp "$S" "$T/sound.db"
    local row said
    while IFS= read -r row; do
        restore
        eval "${row% => *}"
        said=${row#* => }
        [[ ! -f $S ]] || sha256sum "$S" >"$T/before"
        mount_says "${said//STORE/$S}"
        [[ ! -f $S ]] || sha256sum -c --quiet "$T/before" || fail "changed: $row"
    done <<<"$REFUSED"
    restore
    mount_store
    rex_is_there
}

store__in_use_names_the_process() {
    dogs
    local first=$M
    M=$T/second
    mkdir "$M"
    mount_says "\"$S\" is in use by process $DAEMON"
    assert_fails "$SCHEMAFS" fsck "$S"
    assert_contains "$ERR" "schemafs: \"$S\" is in use by process $DAEMON"
    M=$first
    rex_is_there
}

store__inside_its_own_mountpoint_is_refused() {
    mkdir -p "$M"
    S=$M/store.db
    mount_says "the store \"$S\" is inside its own mountpoint"
}

# ---------------------------------------------------------------- while it is mounted

# refuses_all ERRNO TEXT: a save, a new item, a line, a removal, and a verb get this, and nothing has changed.
refuses_all() {
    python3 - "$M" "$1" <<'PY' || fail 'another errno'
import errno, os, sys
os.chdir(sys.argv[1])
def write(path, flags, text):
    fd = os.open(path, os.O_WRONLY | flags, 0o644)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)
for what in ('write("v1/Dog/rex.json", os.O_TRUNC, b\'{"name": "Max"}\')',
             'write("v1/Dog/new.json", os.O_CREAT, b\'{"name": "New"}\')',
             'write("v1/Dog.jsonl", os.O_APPEND, b\'{"_key": "new", "name": "New"}\\n\')',
             'os.unlink("v1/Dog/rex.json")', 'write("control/verify", os.O_TRUNC, b"v1\\n")'):
    try:
        eval(what)
        sys.exit(f"{what} was carried out")
    except OSError as e:
        if errno.errorcode[e.errno] != sys.argv[2]:
            sys.exit(f"{what}: {errno.errorcode[e.errno]}")
PY
    assert_eq "$(sed 's/^\[[^]]*\] //; s/: error:.*//' "$M/control/errors" | sort -u)" \
        $'control/verify\nv1/Dog.jsonl\nv1/Dog/new.json\nv1/Dog/rex.json' 'the paths'
    assert_eq "$(sed 's/^.*: error: //' "$M/control/errors" | sort -u)" "$2" 'what control/errors says'
    : >"$M/control/errors"
    assert_eq "$(names "$M/v1/Dog" | grep -v 'rejected$')" rex.json
    rex_is_there
}

store__locked_by_another_program_is_ebusy_until_it_lets_go() {
    dogs
    mkfifo "$T/go"
    python3 - "$S" "$T/go" <<'PY' &
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
open(sys.argv[2], "w").close() # it is locked
open(sys.argv[2]).close()      # until told
PY
    cat "$T/go"
    refuses_all EBUSY 'the store is locked by another program (SQLite 5)'
    : >"$T/go"
    wait $!
    put "$M/v1/Dog/new.json" '{"name": "New"}'
    remount_store
    assert_json "$M/v1/Dog/new.json" .name '"New"'
}

away="the store is read-only: \"STORE\" was moved, replaced or deleted; put it back, or copy what you need out of the mount"

# What would be written would be lost with the file; and another's is never served.
store__moved_away_is_erofs_until_it_is_back() {
    dogs
    mv "$S" "$T/away.db"
    refuses_all EROFS "${away//STORE/$S}"
    assert_match "$(head -n 1 "$M/control/status")" "^read-only: \"$S\" was moved"
    mv "$T/away.db" "$S"
    put "$M/v1/Dog/new.json" '{"name": "New"}'
    assert_eq "$(status .trouble)" null
    remount_store
    assert_json "$M/v1/Dog/new.json" .name '"New"'
}

store__deleted_is_erofs_and_its_items_can_be_copied_away() {
    dogs
    rm "$S"
    refuses_all EROFS "${away//STORE/$S}"
    cp -r "$M/v1/Dog" "$T/saved"
    assert_eq "$(cat "$T/saved/rex.json")" '{"name": "Rex"}'
    unmount_store
    assert_absent "$S"
}

store__replaced_is_erofs_and_the_other_one_is_left_as_it_is() {
    dogs
    unmount_store
    cp "$S" "$T/other.db"
    mount_store
    put "$M/v1/Dog/new.json" '{"name": "New"}'
    rm "$M/v1/Dog/new.json"
    sha256sum <"$T/other.db" >"$T/before"
    mv "$T/other.db" "$S"
    refuses_all EROFS "${away//STORE/$S}"
    unmount_store
    sha256sum <"$S" | cmp - "$T/before" || fail 'the other store was written to'
    mount_store
    rex_is_there
}

# ---------------------------------------------------------------- a version that ends

files__open_while_their_version_is_finalized_are_estale() {
    dogs
    put "$M/v1/Dog/max.json" '{"name": "Max"}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
YAML
    python3 - "$M" <<'PY' >"$T/said" || fail 'the client' "$(cat "$T/said")"
import errno, os, sys
os.chdir(sys.argv[1])
files = {"read": os.open("v1/Dog/rex.json", os.O_RDONLY), "write": os.open("v1/Dog/rex.json", os.O_WRONLY),
         "begun": os.open("v1/Dog/max.json", os.O_WRONLY), "stream": os.open("v1/Dog.jsonl", os.O_RDONLY),
         "append": os.open("v1/Dog.jsonl", os.O_WRONLY | os.O_APPEND), "list": os.open("v1/Dog", os.O_RDONLY)}
os.write(files["begun"], b'{"name":')
with open("control/finalize", "w") as f:
    f.write("v2\n")
for name, do in (("read", lambda f: os.read(f, 100)), ("write", lambda f: os.write(f, b'{"name": "Sue"}\n')),
                 ("begun", lambda f: os.write(f, b' "Sue"}\n')), ("begun", os.fsync), ("begun", os.close),
                 ("write", os.fsync), ("write", os.close), # as after any refusal, though nothing was written
                 ("stream", lambda f: os.read(f, 100)), ("append", lambda f: os.write(f, b'{"_key": "a", "name": "A"}\n')),
                 ("append", os.fsync), ("append", os.close), ("list", os.listdir), ("read", os.fstat)):
    try:
        print(name, do(files[name]))
    except OSError as e:
        print(name, errno.errorcode[e.errno])
PY
    assert_eq "$(cat "$T/said")" $'read ESTALE\nwrite ESTALE\nbegun ESTALE\nbegun ESTALE\nbegun ESTALE\nwrite ESTALE\nwrite ESTALE\nstream ESTALE\nappend ESTALE\nappend ESTALE\nappend ESTALE\nlist ESTALE\nread ESTALE'
    assert_eq "$(sed 's/^\[[^]]*\] //' "$M/control/errors")" "v1/Dog/rex.json: error: v1 is no longer served
v1/Dog/max.json: error: v1 is no longer served
v1/Dog.jsonl: error: v1 is no longer served"
    assert_json "$M/v2/Dog/rex.json" .call_name '"Rex"'
    assert_json "$M/v2/Dog/max.json" .call_name '"Max"'
}

# ---------------------------------------------------------------- the clock

# set_clock SECONDS: how far the daemon's clock is from the true one.
set_clock() { printf '%-20s' "$1" | dd of="$T/clock" conv=notrunc status=none; }

clock__that_goes_back_loses_and_confuses_nothing() {
    [[ $SLOWNESS -eq 1 ]] || skip 'a sanitizer wants to be loaded first'
    need cc
    cc -shared -fPIC -o "$T/shift_clock.so" "$ROOT/tests/mount/shift_clock.c"
    set_clock 0
    export SHIFT_CLOCK=$T/clock
    LD_PRELOAD=$T/shift_clock.so dogs
    local day now
    now=$(date +%s)
    for day in 0 -1 -2 -3; do
        set_clock $((day * 86400))
        put "$M/v1/Dog/rex.json" "{\"name\": \"Rex\", \"note\": \"day $day\"}"
        [[ $(($(stat -c %Y "$M/v1/Dog/rex.json") - now - day * 86400)) -lt 60 ]] || fail "the time of day $day" "$(stat "$M/v1/Dog/rex.json")"
        put "$M/v1/Dog/d$day.json" '{"name": "A dog"}'
    done
    # Revisions in the order in which they were replaced, each under a name of its own.
    assert_eq "$(cd "$M/v1/Dog/.history/rex.json" && jq -r '.note // "none"' ./*.json | tr '\n' ' ')" 'none day 0 day -1 day -2 '
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: note, to: json, up: note, down: "'x'"}
YAML
    must_verb backfill v2
    timeout 20 cat "$M/control/wait" >/dev/null
    backfill_is_over v2 || fail 'no backfill' "$(cat "$M/control/status")"
    agree v2
    assert_eq "$(jq -r .verb "$M/control/log" | tr '\n' ' ')" 'add add backfill verify '
    rm "$M/v1/Dog/d-1.json"
    LD_PRELOAD=$T/shift_clock.so remount_store
    put "$M/v2/Dog/rex.json" '{"name": "Rex", "note": "later"}'
    assert_json "$M/v1/Dog/.history/d-1.json/"*.json .name '"A dog"'
    assert_eq "$(cd "$M/v1/Dog/.history/rex.json" && jq -r '.note // "none"' ./*.json | tail -n 1)" 'day -3'
    unmount_store
    "$SCHEMAFS" fsck "$S" >"$T/found" || fail fsck "$(head -n 5 "$T/found")"
}

# ---------------------------------------------------------------- the end

# In Python: a shell does not look at what close() answers, and so acknowledges what was refused.
writes_until_it_ends() {
    python3 - "$M/v1/Dog" "$1" "$T/acknowledged.$1" <<'PY'
import sys
n = int(sys.argv[2])
with open(sys.argv[3], "w", buffering=1) as acknowledged:
    while True:
        try:
            with open(f"{sys.argv[1]}/d{n}.json", "w") as f:
                f.write('{"name": "dog %d"}' % n)
        except OSError:
            break
        print(n, file=acknowledged)
        n += 4
PY
}

sigterm__under_load_drains_commits_and_exits_0() {
    dogs
    local worker workers=()
    for worker in 0 1 2 3; do
        (cd / && writes_until_it_ends "$worker") &
        workers+=($!)
    done
    for worker in 0 1 2 3; do wait_until 10 test -s "$T/acknowledged.$worker"; done
    sleep 0.3
    kill -TERM "$DAEMON"
    daemon_status
    assert_eq "$DAEMON_STATUS" 0 "the daemon's exit status"
    kill "${workers[@]}" 2>/dev/null || true
    wait "${workers[@]}" || true
    assert_absent "$S-wal"
    rm -rf --one-file-system "${M:?}"
    mount_store
    ls "$M/v1/Dog" | sed -n 's/^d\(.*\)\.json$/\1/p' | sort >"$T/there"
    sort "$T"/acknowledged.* | comm -23 - "$T/there" >"$T/lost"
    assert_eq "$(wc -l <"$T/lost")" 0 "lost of $(cat "$T"/acknowledged.* | wc -l) acknowledged"
}

run_tests "$@"
