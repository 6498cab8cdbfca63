#!/usr/bin/env bash
#
# schemafs backup: a whole copy of a store, while it is mounted and written to.
. "${0%/*}/lib.sh"

dogs() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, a: integer, b: integer}}
YAML
}

# mounts_as_it_was FILE: the copy is a store without a finding and is mounted at $T/other until the case ends.
mount_copy() {
    "$SCHEMAFS" fsck "$1" >/dev/null || fail "the copy has findings" "$("$SCHEMAFS" fsck "$1" 2>&1)"
    mkdir -p "$T/other"
    timeout 30 "$SCHEMAFS" mount "$1" "$T/other" || fail "the copy can't be mounted"
}

backup__of_a_mounted_store_holds_what_was_acknowledged() {
    dogs
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    assert_eq "$("$SCHEMAFS" backup "$S" "$T/copy.db")" "ok $T/copy.db, $(stat -c %s "$T/copy.db") bytes"
    put "$M/v1/Dog/max.json" '{"name": "Max"}'
    assert_eq "$(stat -c '%a %h' "$T/copy.db")" "600 1"
    assert_absent "$T/copy.db-new"
    mount_copy "$T/copy.db"
    assert_file "$T/other/v1/Dog/rex.json" <<<'{"name": "Rex"}'
    assert_absent "$T/other/v1/Dog/max.json"
    # The two go their own ways.
    put "$T/other/v1/Dog/rex.json" '{"name": "Other"}'
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Rex"}'
    "$SCHEMAFS" umount "$T/other"
}

backup__of_a_store_that_is_not_mounted() {
    dogs
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    unmount_store
    sha256sum "$S" >"$T/before"
    "$SCHEMAFS" backup "$S" "$T/copy.db"
    sha256sum -c --quiet "$T/before" || fail "the store was changed"
    assert_eq "$(ls "$T"/store.db*)" "$S"
    mount_copy "$T/copy.db"
    assert_file "$T/other/v1/Dog/rex.json" <<<'{"name": "Rex"}'
    "$SCHEMAFS" umount "$T/other"
}

# Each write sets two fields of all items to one number: a copy that is not of one moment would mix two of
# them. What was acknowledged before the copy began is in it.
backup__under_load_is_of_one_moment() {
    dogs
    local n=0 i writer copies=0
    for i in {1..60}; do printf '{"_key": "d%d", "name": "Dog", "a": 0, "b": 0}\n' "$i"; done >>"$M/v1/Dog.jsonl"
    while [[ ! -e $T/stop ]]; do
        n=$((n + 1))
        for i in {1..60}; do printf '{"_key": "d%d", "name": "Dog", "a": %d, "b": %d}\n' "$i" "$n" "$n"; done >"$T/batch"
        cat "$T/batch" >>"$M/v1/Dog.jsonl"
        echo "$n" >"$T/acknowledged.new"
        mv "$T/acknowledged.new" "$T/acknowledged"
    done &
    writer=$!
    wait_until 10 test -s "$T/acknowledged" || fail "nothing is written"
    for i in 1 2 3 4 5; do
        local before
        before=$(cat "$T/acknowledged")
        "$SCHEMAFS" backup "$S" "$T/copy$i.db" >/dev/null || fail "backup $i"
        "$SCHEMAFS" export "$T/copy$i.db" v1 Dog >"$T/lines"
        # One write sets all 60 to one number.
        assert_eq "$(jq -c '[.a, .b]' "$T/lines" | sort -u | wc -l)" 1 "different moments in copy $i"
        assert_eq "$(jq -r 'select(.a != .b)' "$T/lines")" ""
        [[ $(jq -s '.[0].a' "$T/lines") -ge $before ]] || fail "copy $i is from before $before"
        copies=$((copies + 1))
    done
    touch "$T/stop"
    wait "$writer"
    assert_eq "$copies" 5
    mount_copy "$T/copy5.db"
    assert_eq "$(wc -l <"$T/other/v1/Dog.jsonl")" 60
    "$SCHEMAFS" umount "$T/other"
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

backup__never_writes_over_a_file() {
    dogs
    echo precious >"$T/there"
    assert_fails "$SCHEMAFS" backup "$S" "$T/there"
    assert_contains "$ERR" 'is there already'
    assert_file "$T/there" <<<precious
    assert_fails "$SCHEMAFS" backup "$S" "$S"
    assert_contains "$ERR" 'is there already'
    ln -s "$T/elsewhere" "$T/link"
    assert_fails "$SCHEMAFS" backup "$S" "$T/link"
    assert_absent "$T/elsewhere"
}

backup__bad_arguments_are_named() {
    dogs
    assert_fails "$SCHEMAFS" backup "$T/none.db" "$T/copy.db"
    assert_contains "$ERR" 'there is no'
    assert_fails "$SCHEMAFS" backup "$S" "$T/none/copy.db"
    assert_contains "$ERR" 'No such file or directory'
    assert_fails "$SCHEMAFS" backup "$S"
    assert_contains "$ERR" 'FILE is missing'
    echo text >"$T/foreign"
    assert_fails "$SCHEMAFS" backup "$T/foreign" "$T/copy.db"
    assert_contains "$ERR" 'is not a schemafs store'
    assert_absent "$T/copy.db"
    assert_absent "$T/copy.db-new"
}

backup__to_a_full_disk_leaves_nothing() {
    [[ $(id -u) -eq 0 ]] || skip "it takes root to mount a small disk"
    dogs
    for i in {1..2000}; do printf '{"_key": "d%d", "name": "%0400d"}\n' "$i" "$i"; done >>"$M/v1/Dog.jsonl"
    mkdir "$T/small"
    mount -t tmpfs -o size=128k tmpfs "$T/small"
    assert_fails "$SCHEMAFS" backup "$S" "$T/small/copy.db"
    assert_contains "$ERR" 'no space is left'
    assert_eq "$(ls -A "$T/small")" ""
    umount "$T/small"
}

# Killed at any moment: nothing under the name, and the next one takes over what was left.
backup__that_is_killed_leaves_no_file_of_that_name() {
    dogs
    for i in {1..6000}; do printf '{"_key": "d%d", "name": "%0400d"}\n' "$i" "$i"; done >>"$M/v1/Dog.jsonl"
    local i pid killed=0
    for i in {1..12}; do
        "$SCHEMAFS" backup "$S" "$T/copy.db" >/dev/null &
        pid=$!
        sleep "0.00$((i * 7 % 10))"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" && { rm "$T/copy.db"; continue; }
        killed=$((killed + 1))
        assert_absent "$T/copy.db"
    done
    [[ $killed -gt 0 ]] || fail "none was killed"
    "$SCHEMAFS" backup "$S" "$T/copy.db" >/dev/null
    assert_absent "$T/copy.db-new"
    mount_copy "$T/copy.db"
    assert_eq "$(wc -l <"$T/other/v1/Dog.jsonl")" 6000
    "$SCHEMAFS" umount "$T/other"
}

backup__that_is_interrupted_cleans_up() {
    dogs
    for i in {1..6000}; do printf '{"_key": "d%d", "name": "%0400d"}\n' "$i" "$i"; done >>"$M/v1/Dog.jsonl"
    local status=0
    timeout -s INT --preserve-status 0.005 "$SCHEMAFS" backup "$S" "$T/copy.db" || status=$?
    [[ $status -eq 0 || $status -eq 130 ]] || fail "status $status"
    [[ $status -eq 0 ]] || assert_absent "$T/copy.db"
    assert_absent "$T/copy.db-new"
}

run_tests "$@"
