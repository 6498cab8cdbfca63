#!/usr/bin/env bash
#
# Damage of the store, met through the mount: nothing wrong is served, nothing more is written, the reason
# is told, and what is sound can be read. tests/unit/test_fsck.c seeds each kind of it.
. "${0%/*}/lib.sh"

dogs() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, note: string}}
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "note": "a-note-of-its-own"}'
    put "$M/v1/Dog/max.json" '{"name": "Max"}'
}

# damage PYTHON: `db` is the store's connection, `data` the file's bytes, changed in place.
damage() {
    unmount_store
    python3 - "$S" "$1" <<'PY'
import sqlite3, sys
path, code = sys.argv[1:]
db = sqlite3.connect(path)
db.execute("VACUUM")
page = {name: root for name, root in db.execute("SELECT name, rootpage FROM sqlite_schema")}
db.close()
if "db." in code:
    db = sqlite3.connect(path)
    exec(code)
    db.commit()
    db.close()
else:
    data = bytearray(open(path, "rb").read())
    exec(code)
    open(path, "r+b").write(data)
PY
}

flip_a_bit_of_rex='at = data.rindex(b"a-note-of-its-own") + 5; data[at] ^= 1'

damage__of_a_record_is_eio_for_it_and_read_only_for_all() {
    dogs
    damage "$flip_a_bit_of_rex"
    mount_store
    assert_file "$M/v1/Dog/max.json" <<<'{"name": "Max"}'
    assert_fails cat "$M/v1/Dog/rex.json"
    assert_contains "$ERR" 'Input/output error'
    assert_errno EROFS put "$M/v1/Dog/max.json" '{"name": "Sue"}'
    assert_errno EROFS put "$M/v1/Dog/new.json" '{"name": "New"}'
    assert_errno EROFS rm "$M/v1/Dog/max.json"
    assert_errno EROFS mv "$M/v1/Dog/max.json" "$M/v1/Dog/sue.json"
    assert_file "$M/v1/Dog/max.json" <<<'{"name": "Max"}'
    assert_match "$(cat "$M/control/status")" '^read-only: the store is damaged: item [0-9]+: .*schemafs fsck'
    assert_match "$(jq -r .trouble "$M/control/status.json")" 'item [0-9]+: .*its checksum is another'
    assert_errno EROFS verb backfill v1
    assert_match "$(outcome backfill)" 'error: .*the store is read-only: the store is damaged: item'
    assert_contains "$(cat "$T/daemon.log")" 'its checksum is another'
    unmount_store
    assert_fails "$SCHEMAFS" fsck "$S"
    assert_match "$ERR" 'its checksum is another; its content is lost in every version'
}

damage__of_a_record_stops_a_backfill_and_says_why() {
    dogs
    stage v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: note, to: json, up: note, down: "''"}
YAML
    must_verb add v2
    damage "$flip_a_bit_of_rex"
    mount_store
    must_verb backfill v2
    cat "$M/control/wait" >/dev/null
    assert_match "$(jq -r .trouble "$M/control/status.json")" 'item [0-9]+'
    assert_ne "$(jq -r '.versions[1].backfill.state' "$M/control/status.json")" done
    assert_errno EROFS verb finalize v2
}

damage__of_a_page_is_never_served() {
    dogs
    local i
    for i in {1..400}; do printf '{"_key": "d%d", "name": "Dog %d"}\n' "$i" "$i"; done >>"$M/v1/Dog.jsonl"
    damage 'n = 4096 * (page["item"] - 1); data[n:n + 64] = b"Z" * 64'
    mount_store
    assert_fails cat "$M/v1/Dog/d7.json"
    assert_fails cat "$M/v1/Dog/d8.json"
    assert_errno EROFS put "$M/v1/Dog/new.json" '{"name": "New"}'
    assert_match "$(jq -r .trouble "$M/control/status.json")" 'a page of the file is damaged'
}

damage__that_opening_sees_makes_the_mount_read_only_from_the_start() {
    dogs
    damage 'db.execute("UPDATE meta SET value = 1 WHERE name = '"'next_item'"'")'
    mount_store
    assert_file "$M/v1/Dog/max.json" <<<'{"name": "Max"}'
    assert_errno EROFS put "$M/v1/Dog/new.json" '{"name": "New"}'
    assert_match "$(cat "$M/control/status")" '^read-only: item [0-9]+ has a number that would be given out again'
    assert_contains "$(cat "$T/daemon.log")" 'the store is read-only: item'
}

# What can't be shown right is not shown at all.
damage__of_a_schema_text_is_refused_and_left_as_it_is() {
    dogs
    damage 'db.execute("UPDATE version SET text = replace(text, '"'note'"', '"'nose'"')")'
    sha256sum "$S" >"$T/before"
    assert_fails "$SCHEMAFS" mount "$S" "$M"
    assert_contains "$ERR" 'version 1 has another text than the one that was added'
    sha256sum -c --quiet "$T/before" || fail "the store was changed"
    assert_fails "$SCHEMAFS" fsck "$S"
    assert_contains "$ERR" 'no version can be shown, the items themselves may be there'
    sha256sum -c --quiet "$T/before" || fail "fsck changed the store"
}

# What its log holds is not written into a file that is refused.
damage__a_refused_store_keeps_its_log() {
    dogs
    unmount_store
    python3 - "$S" <<'PY'
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TRIGGER t AFTER INSERT ON item BEGIN DELETE FROM item; END")
db.commit()
os._exit(0)
PY
    [[ -s $S-wal ]] || fail "there is no log"
    sha256sum "$S" "$S-wal" >"$T/before"
    assert_fails "$SCHEMAFS" mount "$S" "$M"
    assert_contains "$ERR" "its trigger \"t\" is not a store's"
    sha256sum -c --quiet "$T/before" || fail "the store or its log was changed"
}

damage__status_of_a_sound_store_says_nothing() {
    dogs
    assert_eq "$(jq -c .trouble "$M/control/status.json")" null
    assert_eq "$(grep -c read-only "$M/control/status" || true)" 0
}

run_tests "$@"
