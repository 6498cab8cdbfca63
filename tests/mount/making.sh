#!/usr/bin/env bash
# Errors of the lock file and of the folder while a store is made: what does not pass through SQLite. strace fails the
# Nth call of a kind on those paths.
# shellcheck source-path=SCRIPTDIR disable=SC2119
CASE_LIMIT=120
. "${0%/*}/lib.sh"

setup() {
    need strace
    strace -qq -o "$T/trace" -e inject=sync:error=EIO true 2>/dev/null || skip 'strace cannot trace here'
}

# hurt CALL ERRNO NTH PATH: mounts with that call on that path failing, which must be said, and end.
hurt() {
    assert_fails timeout $((20 * SLOWNESS)) strace -qq -o "$T/trace" -P "$4" -e "trace=$1" \
        -e "inject=$1:error=$2:when=$3" "$SCHEMAFS" mount "$S" "$M" -f
    grep -q INJECTED "$T/trace" || fail "$1 number $3 of ${4##*/} was never called"
    assert_eq "$(wc -l <<<"$ERR")" 1 "$1 $2: $ERR"
    assert_match "$ERR" '^schemafs: .*store'
    ! is_mounted "$M" || fail "mounted in spite of $1"
}

# What is left is nothing, or what can be mounted.
goes_on() {
    mount_store
    stage v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string}}
YAML
    must_verb add v1
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    remount_store
    assert_json "$M/v1/Dog/rex.json" .name '"Rex"'
    unmount_store
}

lock__errors_are_told_and_no_store_is_made() {
    mkdir -p "$M"
    local fault call errno text
    for fault in openat:EIO openat:EACCES flock:ENOLCK ftruncate:EIO pwrite64:ENOSPC; do
        call=${fault%:*} errno=${fault#*:}
        hurt "$call" "$errno" 1 "$S-lock"
        case $errno in
            EIO) text='Input/output error' ;;
            ENOSPC) text='No space left on device' ;;
            EACCES) text='Permission denied' ;;
            ENOLCK) text='No locks available' ;;
        esac
        assert_contains "$ERR" "-lock\": $text"
        assert_absent "$S"
    done
    goes_on
}

folder__errors_while_a_store_is_made_leave_none_or_a_whole_one() {
    mkdir -p "$M"
    local fault call errno nth
    for fault in openat:EIO:1 pwrite64:ENOSPC:1 pwrite64:EIO:7 fdatasync:EIO:1 rename:EIO:1; do
        IFS=: read -r call errno nth <<<"$fault"
        hurt "$call" "$errno" "$nth" "$S-new"
        assert_absent "$S"
    done
    # The new name may be on the disk then, and may not.
    hurt fsync EIO 1 "${S%/*}"
    goes_on
}

folder__of_a_read_only_disk_is_refused() {
    small_disk 8m
    mount -o remount,ro "$T/disk" || skip 'no read-only disk here'
    mkdir -p "$M"
    assert_fails timeout $((20 * SLOWNESS)) "$SCHEMAFS" mount "$S" "$M" -f
    assert_contains "$ERR" 'Read-only file system'
    mount -o remount,rw "$T/disk"
    assert_eq "$(ls "$T/disk")" ''
    goes_on
}

run_tests "$@"
