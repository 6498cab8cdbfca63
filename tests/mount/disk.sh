#!/usr/bin/env bash
# A disk that is full, and one whose sync fails, under a mount: what a program gets, and what is there afterwards.
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

CASE_LIMIT=90

dogs() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, text: string}}
YAML
}

setup() { :; }

# Writes items until one is refused; prints how many were acknowledged.
fill() {
    cat >"$T/fill.py" <<'PY'
import errno, sys
n = 0
try:
    while n < 2000:
        with open(f"{sys.argv[1]}/v1/Dog/d{n}.json", "w") as f:
            f.write('{"name": "dog %d", "text": "%s"}' % (n, "x" * 8000))
        n += 1
except OSError as e:
    print(n, errno.errorcode[e.errno])
PY
    python3 "$T/fill.py" "$M"
}

full__a_write_gets_enospc_and_what_was_acknowledged_stays() {
    small_disk 3m
    mount_store
    dogs
    local said n
    said=$(fill)
    n=${said% *}
    assert_eq "${said#* }" ENOSPC
    assert_eq "$(sed 's/^\[[^]]*\] //' "$M/control/errors")" "v1/Dog/d$n.json: error: no space is left for the store (SQLite 13)"
    [[ $n -gt 50 ]] || fail "only $n items fit"
    assert_eq "$(jq -r .name "$M"/v1/Dog/d*.json | sort -V)" "$(for ((i = 0; i < n; i++)); do echo "dog $i"; done)"
    rm "$M/v1/Dog/d0.json" 2>/dev/null || true
    unmount_store
    mount -o remount,size=16m "$T/disk"
    mount_store
    put "$M/v1/Dog/late.json" '{"name": "Late"}'
    assert_json "$M/v1/Dog/late.json" .name '"Late"'
    unmount_store
    "$SCHEMAFS" fsck "$S" >"$T/found" || fail fsck "$(head -n 5 "$T/found")"
    figures full_disk "1 cycles, $n acknowledged, 0 lost"
}

full__the_same_daemon_goes_on_when_there_is_room_again() {
    small_disk 3m
    mount_store
    dogs
    fill >/dev/null
    mount -o remount,size=16m "$T/disk"
    put "$M/v1/Dog/late.json" '{"name": "Late"}'
    assert_json "$M/v1/Dog/late.json" .name '"Late"'
}

# The log is full of what the file has no room for: its checkpoint fails, and nothing is lost by that.
full__in_a_checkpoint_loses_nothing() {
    small_disk 6m
    mount_store
    dogs
    local said n
    said=$(fill)
    n=${said% *}
    assert_eq "${said#* }" ENOSPC
    [[ $(stat -c %s "$S") -gt 1000000 && $(stat -c %s "$S-wal") -gt 4000000 ]] || fail 'no checkpoint was tried' "$(ls -l "$T/disk")"
    assert_errno ENOSPC rm "$M/v1/Dog/d1.json"
    unmount_store
    mount -o remount,size=16m "$T/disk"
    mount_store
    assert_eq "$(jq -r .name "$M"/v1/Dog/d*.json | sort -V)" "$(for ((i = 0; i < n; i++)); do echo "dog $i"; done)"
    put "$M/v1/Dog/late.json" '{"name": "Late"}'
    unmount_store
    assert_absent "$S-wal"
    "$SCHEMAFS" fsck "$S" >"$T/found" || fail fsck "$(head -n 5 "$T/found")"
}

full__in_a_backfill_ends_it_and_says_why() {
    small_disk 60m
    mount_store
    dogs
    python3 -c 'for n in range(400): print("{\"_key\": \"d%d\", \"name\": \"dog %d\", \"text\": \"%s\"}" % (n, n, "x" * 8000))' >>"$M/v1/Dog.jsonl"
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: text, to: json, up: "text || 'new'", down: "'x'"}
YAML
    sha256sum "$M"/v2/Dog/*.json >"$T/before"
    mount -o "remount,size=$(($(du -sk "$T/disk" | cut -f1) + 400))k" "$T/disk"
    must_verb backfill v2
    timeout 30 cat "$M/control/wait" >/dev/null
    assert_eq "$(backfill_state v2)" paused
    assert_eq "$(status .last_error)" 'control/backfill: no space is left for the store (SQLite 13)'
    sha256sum -c --quiet "$T/before" || fail 'another text'
    mount -o remount,size=60m "$T/disk"
    must_verb backfill v2
    timeout 30 cat "$M/control/wait" >/dev/null
    assert_eq "$(backfill_state v2)" done
    sha256sum -c --quiet "$T/before" || fail 'another text'
}

cat_fsync() {
    python3 - "$M/v1/Dog/$1.json" <<'PY'
import errno, os, sys
try:
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
    os.write(fd, b'{"name": "Synced"}')
    os.fsync(fd)
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])
PY
}

sync_failed__is_eio_then_erofs_until_the_next_mount() {
    mount_store_with_bad_syncs
    dogs
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    syncs_are 1
    assert_eq "$(cat_fsync doubt)" EIO 'the fsync whose sync failed'
    syncs_are 0
    assert_eq "$(cat_fsync again)" EROFS 'the next one, though the disk is well again'
    assert_errno EROFS cp "$M/v1/Dog/rex.json" "$M/v1/Dog/new.json"
    assert_json "$M/v1/Dog/rex.json" .name '"Rex"'
    unmount_store
    mount_store
    assert_eq "$(cat_fsync again)" ok 'an fsync through the next mount'
    assert_json "$M/v1/Dog/rex.json" .name '"Rex"'
    figures failed_sync '1 cycles, 1 refused, 0 lost'
}

run_tests "$@"
