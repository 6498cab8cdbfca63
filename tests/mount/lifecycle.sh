#!/usr/bin/env bash
# Mounting, unmounting, and what the command line says.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"

setup() { mkdir -p "$M"; }

dogs_v1() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}}}
YAML
}

not_mounted() { ! is_mounted "$1"; }

mount__an_empty_store_shows_readme_schemas_and_control() {
    mount_store
    assert_eq "$(ls "$M")" $'README\ncontrol\nschemas'
    [[ -s $M/README ]] || fail "README is empty"
    [[ -f $S ]] || fail "the store was not made"
    assert_eq "$(ls "$M/schemas")" ""
}

mount__control_shows_every_verb_and_report() {
    mount_store
    local name
    for name in check add backfill backfill_rate verify finalize revert status status.json log errors; do
        [[ -f $M/control/$name ]] || fail "control/$name is not there"
    done
}

mount__goes_to_the_background_once_the_mount_answers() {
    # The command substitution ends only if the daemon lets go of the caller's output.
    local said
    said=$(timeout 20 "$SCHEMAFS" mount "$S" "$M" 2>&1 </dev/null) || fail "mount ended with $?" "$said"
    is_mounted "$M" || fail "it returned before the mount was there"
    [[ -s $M/README ]] || fail "it returned before the mount answered"
    "$SCHEMAFS" umount "$M" || fail "umount"
    wait_until 10 not_mounted "$M" || fail "still mounted"
    wait_until 10 no_process_of "$S" || fail "the daemon still runs"
}

mount__in_the_foreground_with_f() {
    mount_store
    kill -0 "$DAEMON" || fail "-f did not stay"
}

mount__is_of_type_fuse_schemafs_and_always_safe() {
    mount_store
    local line
    line=$(awk -v at="$M" '$5 == at' /proc/self/mountinfo)
    assert_contains "$line" ' - fuse.schemafs '
    local option
    for option in nosuid nodev noexec default_permissions; do
        assert_contains "$line" "$option"
    done
}

mount__items_are_there_again_after_a_remount() {
    mount_store
    dogs_v1
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    remount_store
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Rex"}'
}

mount__two_stores_live_side_by_side() {
    mount_store
    dogs_v1
    mkdir "$T/second"
    timeout 20 "$SCHEMAFS" mount "$T/second.db" "$T/second"
    assert_eq "$(ls "$T/second")" $'README\ncontrol\nschemas'
    "$SCHEMAFS" umount "$T/second"
    wait_until 10 no_process_of "$T/second.db" || fail "its daemon still runs"
    assert_exists "$M/v1/Dog"
}

mount__sigterm_exits_0_and_leaves_no_mount() {
    mount_store
    dogs_v1
    kill -TERM "$DAEMON"
    daemon_status
    assert_eq "$DAEMON_STATUS" 0 "exit status after SIGTERM"
    wait_until 5 not_mounted "$M" || fail "still mounted"
}

mount__a_mountpoint_that_a_dead_daemon_left_is_cleaned_up() {
    mount_store
    dogs_v1
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    kill_store
    timeout 20 "$SCHEMAFS" mount "$S" "$M" || fail "no mount over the stale one"
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Rex"}'
    "$SCHEMAFS" umount "$M"
    wait_until 10 not_mounted "$M" || fail "something is mounted still"
}

umount__ends_the_daemon_with_0() {
    mount_store
    "$SCHEMAFS" umount "$M" || fail "umount"
    daemon_status
    assert_eq "$DAEMON_STATUS" 0
    not_mounted "$M" || fail "still mounted"
}

umount__of_what_is_not_mounted_says_so() {
    assert_fails "$SCHEMAFS" umount "$M"
    assert_contains "$ERR" "$M"
}

mount__without_a_mountpoint_directory_names_it() {
    assert_fails timeout 20 "$SCHEMAFS" mount "$S" "$T/nowhere"
    assert_contains "$ERR" "$T/nowhere"
}

mount__the_store_is_private_to_its_owner() {
    umask 022
    mount_store
    assert_eq "$(stat -c %a "$S")" 600
}

mount__control_is_private_to_its_owner() {
    mount_store
    assert_eq "$(stat -c %a "$M/control")" 700
    # Nothing for a group or for others; what only reads may go without its w.
    assert_eq "$(stat -c %a "$M"/control/* | grep -vE '^[46]00$' || true)" ""
}

mount__read_only_refuses_writing_with_erofs() {
    mount_store
    dogs_v1
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    remount_store -o ro
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Rex"}'
    assert_errno EROFS put "$M/v1/Dog/rex.json" '{"name": "Max"}'
    assert_errno EROFS rm "$M/v1/Dog/rex.json"
    assert_errno EROFS put "$M/control/add" v1
}

mount__readme_is_written_for_the_present_state() {
    mount_store
    local empty
    empty=$(cat "$M/README")
    dogs_v1
    wait_until 5 grep -q v1 "$M/README" || fail "README does not know v1" "$(cat "$M/README")"
    assert_ne "$(cat "$M/README")" "$empty"
}

command_line__help_names_every_verb() {
    local said verb
    said=$("$SCHEMAFS" --help)
    for verb in mount umount status check add backfill finalize revert verify; do
        assert_contains "$said" "$verb"
    done
}

command_line__every_verb_has_help() {
    local verb said
    for verb in mount umount status check add backfill finalize revert verify; do
        said=$("$SCHEMAFS" "$verb" --help) || fail "$verb --help ended with $?"
        assert_contains "$said" "schemafs $verb"
    done
}

command_line__version_names_the_program() {
    assert_match "$("$SCHEMAFS" --version)" '^schemafs [0-9]'
}

command_line__an_unknown_verb_is_named() {
    assert_fails "$SCHEMAFS" mont "$S" "$M"
    assert_contains "$ERR" "mont"
}

command_line__an_unknown_option_is_refused() {
    assert_fails timeout 20 "$SCHEMAFS" mount "$S" "$M" --quikc
    assert_contains "$ERR" "quikc"
    not_mounted "$M" || fail "it is mounted"
}

command_line__no_arguments_explain_and_fail() {
    assert_fails "$SCHEMAFS"
    assert_contains "$ERR" "mount"
}

status__prints_what_control_status_holds() {
    mount_store
    dogs_v1
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    local said
    said=$("$SCHEMAFS" status "$M")
    assert_contains "$said" v1
    assert_contains "$(cat "$M/control/status")" v1
    "$SCHEMAFS" status "$M" --json >"$T/status.json"
    assert_json "$T/status.json" '.versions[0] | [.version, .state, .items]' '["v1","live",1]'
    assert_json "$T/status.json" 'has("default") and has("staged") and has("last_error")' true
}

status__of_what_is_not_mounted_fails() {
    assert_fails "$SCHEMAFS" status "$M"
}

check__reads_schema_files_without_a_mount() {
    cat >"$T/v1.yaml" <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, breed: string}}
YAML
    cat >"$T/v2.yaml" <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
YAML
    local said
    said=$("$SCHEMAFS" check "$T/v1.yaml" "$T/v2.yaml") || fail "check ended with $?" "$said"
    assert_contains "$said" rename_field
    assert_eq "$(ls "$T" | grep -vx output)" $'mnt\nv1.yaml\nv2.yaml' "check made files"
}

check__names_file_line_column_and_the_nearest_word() {
    cat >"$T/v1.yaml" <<'YAML'
version: v1
types:
  Dog:
    fields:
      name: strng
YAML
    assert_fails "$SCHEMAFS" check "$T/v1.yaml"
    assert_match "$ERR" 'v1\.yaml:5:13'
    assert_contains "$ERR" strng
    assert_match "$ERR" '[^a-z]string[^a-z]?'
}

check__of_a_missing_file_names_it() {
    assert_fails "$SCHEMAFS" check "$T/none.yaml"
    assert_contains "$ERR" none.yaml
}

check__with_a_store_checks_against_its_versions() {
    mount_store
    dogs_v1
    unmount_store
    cat >"$T/v2.yaml" <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: nmae, to: call_name}
YAML
    assert_fails "$SCHEMAFS" check "$T/v2.yaml" --store "$S"
    assert_contains "$ERR" nmae
    sed -i s/nmae/name/ "$T/v2.yaml"
    "$SCHEMAFS" check "$T/v2.yaml" --store "$S"
}

command_line__the_control_verbs_for_people() {
    mount_store
    cat >"$T/v1.yaml" <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, age: string}}
YAML
    cat >"$T/v2.yaml" <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: age, to: integer, up: "CAST(age AS INTEGER)", down: "CAST(age AS TEXT)"}
YAML
    local said
    said=$("$SCHEMAFS" add "$M" "$T/v1.yaml") || fail "add v1" "$said"
    sees "$M/v1/Dog"
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "age": "3"}'
    "$SCHEMAFS" add "$M" "$T/v2.yaml" >"$T/said" || fail "add v2" "$(cat "$T/said")"
    assert_fails "$SCHEMAFS" finalize "$M" v2
    "$SCHEMAFS" backfill "$M" v2 --wait >"$T/said" || fail "backfill" "$(cat "$T/said")"
    backfill_is_over v2 || fail "--wait did not wait" "$(cat "$M/control/status.json")"
    "$SCHEMAFS" verify "$M" v2 >"$T/said" || fail "verify" "$(cat "$T/said")"
    "$SCHEMAFS" finalize "$M" v2 >"$T/said" || fail "finalize" "$(cat "$T/said")"
    sees_no_more "$M/v1"
    assert_json "$M/v2/Dog/rex.json" .age 3
}

command_line__add_takes_a_file_of_any_name_and_speaks_of_it_by_that() {
    mount_store
    printf 'version: v1\ntypes:\n  Dog: {fields: {name: string}}\n' >"$T/dogs with names.yaml"
    printf 'version: v2\nfrom: v1\nmigrate:\n  - remove_field: {type: Dog, field: nam}\n' >"$T/next.yml"
    "$SCHEMAFS" add "$M" "$T/dogs with names.yaml" >"$T/said" || fail "add" "$(cat "$T/said")"
    assert_eq "$(cat "$T/said")" 'ok v1 is live'
    assert_fails "$SCHEMAFS" add "$M" "$T/next.yml"
    assert_eq "${ERR%%$'\n'*}" "schemafs: $T/next.yml:4:38: remove_field: Dog has no field \"nam\"; the nearest is \"name\""
    assert_eq "$(ls "$M/schemas")" v1.yaml
    printf 'not yaml: [' >"$T/next.yml"
    assert_fails "$SCHEMAFS" add "$M" "$T/next.yml"
    assert_contains "$ERR" "schemafs: $T/next.yml:1:"
    assert_eq "$(ls "$M/schemas")" v1.yaml
}

run_tests "$@"
