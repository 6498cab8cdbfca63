#!/usr/bin/env bash
#
# Who may do what on a mount that others may use: control/ tried as another user, by every way to it.
. "${0%/*}/lib.sh"

setup() {
    [[ $(id -u) -eq 0 ]] || skip "it takes root to be others"
    need setpriv
    mount_store -o allow_other
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}}}
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
}

# other COMMAND...: as a user that has no rights of its own.
other() { setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps -all "$@"; }

# capable COMMAND...: as that user, past the kernel's look at modes: only the daemon's own is left.
capable() {
    setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +dac_override --ambient-caps +dac_override "$@"
}

access__items_are_for_all_within_their_modes() {
    assert_eq "$(other cat "$M/v1/Dog/rex.json")" '{"name": "Rex"}'
    assert_errno EACCES other bash -c 'echo "{}" >"$1"' - "$M/v1/Dog/rex.json"
    assert_errno EACCES other rm "$M/v1/Dog/rex.json"
    chmod 666 "$M/v1/Dog/rex.json"
    chmod 777 "$M/v1/Dog" "$M/v1"
    other bash -c 'echo "{\"name\": \"Max\"}" >"$1"' - "$M/v1/Dog/rex.json"
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Max"}'
}

access__control_is_closed_to_another_user() {
    assert_errno EACCES other ls "$M/control"
    local file
    for file in check add backfill backfill_rate verify finalize revert errors; do
        assert_errno EACCES other bash -c 'echo v1 >"$1"' - "$M/control/$file"
        assert_errno EACCES other cat "$M/control/$file"
    done
    for file in status status.json log wait; do
        assert_errno EACCES other cat "$M/control/$file"
    done
    assert_errno EACCES other bash -c 'echo "version: v9" >"$1"' - "$M/schemas/v9.yaml"
    assert_eq "$(jq -r .verb "$M/control/log" | sort -u)" add
}

access__the_daemon_looks_at_the_caller_again() {
    capable ls "$M/control" >/dev/null || fail "the kernel's look is not passed: nothing is shown here"
    local file
    for file in check add backfill finalize revert errors; do
        assert_errno EACCES capable bash -c 'echo v1 >"$1"' - "$M/control/$file"
    done
    for file in status status.json log errors; do
        assert_errno EACCES capable cat "$M/control/$file"
    done
    assert_eq "$(jq -r .verb "$M/control/log" | sort -u)" add
}

# A handle that root opened can be lent; what is done with it is noted under who does it.
access__the_log_names_the_caller() {
    assert_eq "$(jq -c '[.verb, .uid]' "$M/control/log")" '["add",0]'
    assert_match "$(jq -r .pid "$M/control/log")" '^[1-9][0-9]*$'
    exec 5>"$M/control/verify"
    other bash -c 'echo v1 >&5'
    exec 5>&-
    assert_eq "$(tail -n 1 "$M/control/log" | jq -c '[.verb, .uid]')" '["verify",65534]'
}

access__who_has_no_right_to_the_store_has_none_by_backup() {
    assert_errno EACCES other "$SCHEMAFS" backup "$S" /tmp/schemafs-test-copy.db
    assert_absent /tmp/schemafs-test-copy.db
    assert_fails other "$SCHEMAFS" fsck "$S"
    assert_fails other "$SCHEMAFS" umount "$M"
    assert_exists "$M/README"
}

access__without_allow_other_nobody_else_sees_anything() {
    remount_store
    assert_errno EACCES other ls "$M"
    assert_errno EACCES other cat "$M/v1/Dog/rex.json"
}

run_tests "$@"
