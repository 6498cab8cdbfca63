#!/usr/bin/env bash
#
# What the daemon has given up once it serves, seen from outside: as root, as an ordinary user, in a
# user namespace; and that what it kept is enough. tests/unit/test_sandbox.c tries it from inside.
. "${0%/*}/lib.sh"

dogs_v1() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}}}
YAML
}

# field FILE NAME: a field of a process's status.
field() { sed -n "s/^$2:[[:space:]]*//p" "$1"; }

# confined PID CAPABILITIES: every thread of it is.
confined() {
    local status threads=0
    for status in /proc/"$1"/task/*/status; do
        threads=$((threads + 1))
        assert_eq "$(field "$status" NoNewPrivs)" 1 "NoNewPrivs of $status"
        assert_eq "$(field "$status" Seccomp)" 2 "Seccomp of $status"
        assert_eq "$(field "$status" CapPrm)" "$2" "CapPrm of $status"
        assert_eq "$(field "$status" CapEff)" "$2" "CapEff of $status"
        assert_eq "$(field "$status" CapInh)" 0000000000000000 "CapInh of $status"
        assert_eq "$(field "$status" CapAmb)" 0000000000000000 "CapAmb of $status"
    done
    [[ $threads -gt 3 ]] || fail "only $threads threads"
    if [[ $(id -u) -eq 0 ]]; then
        assert_eq "$(readlink "/proc/$1/cwd")" / "the working directory"
    elif cat "/proc/$1/environ" >/dev/null 2>&1; then
        fail "its user can look into its memory"
    fi
    assert_match "$(grep 'Max core file size' "/proc/$1/limits")" ' 0 +0 +bytes'
}

# daemon_of STORE: the pid in its lock.
daemon_of() { cat "$1-lock"; }

sandbox__every_thread_has_given_up_its_rights() {
    dogs_v1
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    confined "$DAEMON" 0000000000000000
    assert_eq "$(field "/proc/$DAEMON/status" CapBnd)" 0000000000000000 "the bounding set"
    # What the kernel lacks would have been said.
    assert_eq "$(grep -c 'not confined' "$T/daemon.log" || true)" 0 "$(cat "$T/daemon.log")"
}

# A verb's thread starts later, and backfill's.
sandbox__what_starts_later_is_bound_as_well() {
    dogs_v1
    local i
    for i in {1..50}; do put "$M/v1/Dog/d$i.json" "{\"name\": \"dog $i\"}"; done
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: name, to: json, up: name, down: "''"}
YAML
    must_verb backfill_rate 1
    must_verb backfill v2
    cat "$M/control/wait" &
    local reader=$!
    sleep 0.3
    confined "$DAEMON" 0000000000000000
    must_verb backfill_rate 0
    wait "$reader"
}

sandbox__in_the_background_too() {
    unmount_store
    timeout 20 "$SCHEMAFS" mount "$S" "$M"
    confined "$(daemon_of "$S")" 0000000000000000
    put "$M/schemas/v1.yaml" 'version: v1'
    "$SCHEMAFS" umount "$M"
}

# The helper that unmounts has kept the right to; the daemon has not.
sandbox__kill_9_leaves_no_mount_all_the_same() {
    kill_store
    wait_until 5 not_mounted "$M" || fail "still mounted"
}
not_mounted() { ! is_mounted "$1"; }

sandbox__an_end_by_sigterm_says_nothing() {
    dogs_v1
    exec 5<"$M/README"
    kill -TERM "$DAEMON"
    daemon_status
    exec 5<&-
    assert_eq "$DAEMON_STATUS" 0
    assert_eq "$(cat "$T/daemon.log")" "" "the daemon's log"
    wait_until 5 not_mounted "$M" || fail "still mounted"
}

# What is beside the store at its end is gone: the folder's names may go.
sandbox__the_store_is_closed_as_without_it() {
    dogs_v1
    unmount_store
    assert_eq "$(ls "$T"/store.db*)" "$S"
}

# Each reading connection opens the store anew, so root keeps the one right that this takes.
sandbox__root_over_the_store_of_another_keeps_one_capability() {
    dogs_v1
    unmount_store
    mkdir -m 700 "$T/theirs"
    mv "$S" "$T/theirs/store.db"
    chown -R 65534:65534 "$T/theirs"
    S=$T/theirs/store.db
    mount_store
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    confined "$DAEMON" 0000000000000002
    local i readers=()
    for i in {1..8}; do
        cat "$M/v1/Dog/rex.json" "$M/v1/Dog.jsonl" >/dev/null &
        readers+=($!)
    done
    wait "${readers[@]}"
    assert_eq "$(stat -c %u "$S" "$S-wal" | sort -u)" 65534 "who owns the store's files"
}

# A group's right to write is looked up in /proc, which the daemon may read.
sandbox__the_groups_of_a_caller_still_count() {
    need setpriv
    unmount_store
    mount_store -o allow_other
    dogs_v1
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    chown 0:4242 "$M/v1" "$M/v1/Dog" "$M/v1/Dog/rex.json"
    chmod 770 "$M/v1" "$M/v1/Dog"
    chmod 660 "$M/v1/Dog/rex.json"
    setpriv --reuid 65534 --regid 65534 --groups 4242 \
        bash -c 'echo "{\"name\": \"Max\"}" >"$1"' - "$M/v1/Dog/rex.json"
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Max"}'
    assert_errno EACCES setpriv --reuid 65534 --regid 65534 --clear-groups \
        bash -c 'echo "{\"name\": \"Sue\"}" >"$1"' - "$M/v1/Dog/rex.json"
}

# In a mount namespace of its own, where anybody may use /dev/fuse.
with_fuse_for_all() {
    need unshare setpriv
    [[ $(id -u) -eq 0 ]] || skip "it takes root to lend /dev/fuse"
    mknod "$T/fuse" c 10 229
    chmod 666 "$T/fuse"
    chmod 777 "$T"
    export -f confined field assert_eq assert_match fail where daemon_of
    own_mounts bash -ec 'mount --bind "$T/fuse" /dev/fuse; "$@"' - "$@"
}

# serves_and_ends: what is mounted at $M by somebody else serves, and leaves nothing when it is killed.
serves_and_ends() {
    printf 'version: v1\ntypes:\n  Dog: {fields: {name: string}}\n' >"$M/schemas/v1.yaml"
    echo v1 >"$M/control/add"
    echo '{"name": "Rex"}' >"$M/v1/Dog/rex.json"
    grep -q Rex "$M/v1/Dog/rex.json"
    grep -q '"verb": *"add"' "$M/control/log"
    confined "$(daemon_of "$S")" 0000000000000000
    kill -KILL "$(daemon_of "$S")"
    local i
    for ((i = 0; i < 500; i++)); do
        grep -qF " $M " /proc/self/mountinfo || return 0
        sleep 0.01
    done
    echo "still mounted" >&2
    return 1
}

sandbox__of_an_ordinary_user() {
    unmount_store
    rm "$S"
    export -f serves_and_ends
    with_fuse_for_all setpriv --reuid 65534 --regid 65534 --clear-groups bash -ec '
        mkdir "$T/own"
        M=$T/own
        S=$T/own.db
        export M S
        timeout 20 "$SCHEMAFS" mount "$S" "$M"
        serves_and_ends'
    assert_eq "$(stat -c '%u %a' "$T/own.db")" "65534 600"
}

sandbox__in_a_user_namespace() {
    unmount_store
    rm "$S"
    setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Ur true 2>/dev/null ||
        skip "no user namespaces for ordinary users here"
    export -f serves_and_ends
    with_fuse_for_all setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urm bash -ec '
        mkdir "$T/own"
        M=$T/own
        S=$T/own.db
        export M S
        timeout 20 "$SCHEMAFS" mount "$S" "$M"
        serves_and_ends'
}

run_tests "$@"
