#!/usr/bin/env bash
# Who may do what: modes and owners of items, types and versions, the mount's options for them, mount(8) and fstab.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"

NOBODY=65534

setup() {
    [[ $(id -u) -eq 0 ]] || skip 'only root can be another user'
    need setpriv
}

# Mounted so that everybody may write everything but control/.
open_to_all() {
    umask 0
    mount_store -o allow_other,umask=0
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: chip, as: string}
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    sees "$M/v2/Dog/rex.json"
}

as_nobody() { setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups "$@"; }

# nobody_writes FILE TEXT, and what says that he may not.
nobody_writes() { as_nobody sh -c 'printf "%s\n" "$2" >"$1"' sh "$1" "$2"; }
nobody_may_not() { assert_fails as_nobody "$@"; [[ $ERR == *'Permission denied'* ]] || fail "it said: $ERR"; }
nobody_may_not_write() { nobody_may_not sh -c 'printf "%s\n" "$2" >"$1"' sh "$1" "$2"; }

# Every way into v1 is closed for all but root; v2 is as open as before.
v1_is_frozen() {
    nobody_may_not_write "$M/v1/Dog/rex.json" '{"name": "Max"}'
    nobody_may_not_write "$M/v1/Dog/new.json" '{"name": "New"}'
    nobody_may_not_write "$M/v1/Dog/.swp" 'scratch'
    nobody_may_not sh -c 'echo "{\"_key\": \"rex\", \"name\": \"Max\"}" >>"$1"' sh "$M/v1/Dog.jsonl"
    nobody_may_not mv "$M/v1/Dog/rex.json" "$M/v1/Dog/max.json"
    nobody_may_not rm -f "$M/v1/Dog/rex.json"
    assert_eq "$(as_nobody jq -r .name "$M/v1/Dog/rex.json")" Rex
    nobody_writes "$M/v2/Dog/rex.json" '{"name": "Max", "chip": "c-1"}'
    assert_json "$M/v1/Dog/rex.json" . '{"name":"Max"}'
    put "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    assert_json "$M/v2/Dog/rex.json" . '{"name":"Rex","chip":"c-1"}'
}

freeze__chmod_r_a_version_closes_it_for_all_but_root() {
    open_to_all
    nobody_writes "$M/v1/Dog/rex.json" '{"name": "Rex"}'
    chmod -R a-w "$M/v1"
    v1_is_frozen
    remount_store -o allow_other,umask=0
    v1_is_frozen
    chmod -R a+w "$M/v1"
    nobody_writes "$M/v1/Dog/rex.json" '{"name": "Bea"}'
}

freeze__chmod_of_the_version_alone_does_it_too() {
    open_to_all
    chmod a-w "$M/v1"
    v1_is_frozen
}

freeze__chmod_of_a_type_closes_the_type() {
    open_to_all
    chmod a-w "$M/v1/Dog"
    v1_is_frozen
}

owners__an_item_is_its_makers_and_its_mode_is_enforced() {
    open_to_all
    as_nobody sh -c 'umask 077; printf "%s\n" "{\"name\": \"Own\"}" >"$1"' sh "$M/v1/Dog/own.json"
    sees "$M/v2/Dog/own.json"
    assert_eq "$(stat -c '%u:%g %a' "$M/v1/Dog/own.json")" "$NOBODY:$NOBODY 600"
    assert_eq "$(stat -c '%u:%g %a' "$M/v2/Dog/own.json")" "$NOBODY:$NOBODY 600" "as created, in the other version"
    assert_fails setpriv --reuid 12345 --regid 12345 --clear-groups cat "$M/v2/Dog/own.json"
    assert_contains "$ERR" 'Permission denied'
    nobody_writes "$M/v2/Dog/own.json" '{"name": "Mine"}'
    assert_errno EPERM as_nobody chown 0 "$M/v1/Dog/own.json"
    chown 12345:12346 "$M/v1/Dog/own.json"
    chmod 640 "$M/v1/Dog/own.json"
    remount_store -o allow_other,umask=0
    assert_eq "$(stat -c '%u:%g %a' "$M/v1/Dog/own.json")" '12345:12346 640'
    assert_eq "$(stat -c '%u:%g %a' "$M/v2/Dog/own.json")" "$NOBODY:$NOBODY 600" "what was changed in v1 only"
    # The group may read, nobody else, and only what it may.
    assert_eq "$(setpriv --reuid 1 --regid 1 --groups 12346 jq -r .name "$M/v1/Dog/own.json")" Mine
    assert_fails setpriv --reuid 1 --regid 1 --groups 12346 sh -c ': >>"$1"' sh "$M/v1/Dog/own.json"
    nobody_may_not cat "$M/v1/Dog/own.json"
}

owners__only_the_owner_changes_mode_and_time() {
    open_to_all
    assert_errno EPERM as_nobody chmod 600 "$M/v1/Dog/rex.json"
    assert_errno EPERM as_nobody touch -d 2001-01-01 "$M/v1/Dog/rex.json"
    as_nobody touch "$M/v1/Dog/rex.json"
    assert_errno EPERM as_nobody chmod 777 "$M/v1"
}

options__uid_gid_and_umask_are_for_what_has_no_owner_and_what_is_made() {
    mount_store -o allow_other,uid=1234,gid=2345,umask=027
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string}}
YAML
    assert_eq "$(stat -c '%u:%g %a' "$M" "$M/v1" "$M/v1/Dog" "$M/schemas" | sort -u)" '1234:2345 750'
    assert_eq "$(stat -c '%u:%g %a' "$M/v1/Dog.jsonl")" '1234:2345 640'
    printf '%s\n' '{"_key": "rex", "name": "Rex"}' >>"$M/v1/Dog.jsonl"
    assert_eq "$(stat -c '%u:%g %a' "$M/v1/Dog/rex.json")" '1234:2345 640'
    assert_eq "$(setpriv --reuid 1234 --regid 2345 --clear-groups jq -r .name "$M/v1/Dog/rex.json")" Rex
    setpriv --reuid 1234 --regid 2345 --clear-groups sh -c 'echo "{\"name\": \"Max\"}" >"$1"' sh "$M/v1/Dog/rex.json"
    assert_eq "$(setpriv --reuid 1 --regid 2345 --clear-groups jq -r .name "$M/v1/Dog/rex.json")" Max
    nobody_may_not cat "$M/v1/Dog/rex.json"
    # What is made is the option's too, whoever makes it: an item, a scratch file, one renamed to an item.
    put "$M/v1/Dog/new.json" '{"name": "New"}'
    put "$M/v1/Dog/work" '{"name": "Work"}'
    install -m 666 "$M/v1/Dog/work" "$M/v1/Dog/inst.json"
    assert_eq "$(stat -c '%u:%g %a' "$M/v1/Dog/new.json" "$M/v1/Dog/work" | sort -u)" '1234:2345 640'
    mv "$M/v1/Dog/work" "$M/v1/Dog/work.json"
    assert_eq "$(stat -c '%u:%g %a' "$M/v1/Dog/work.json")" '1234:2345 640'
    # chmod and chown are the user's word, and stay.
    assert_eq "$(stat -c '%u:%g %a' "$M/v1/Dog/inst.json")" '1234:2345 666'
    chown 7:8 "$M/v1/Dog/inst.json"
    # control/ is who mounted's, whatever uid= says.
    assert_eq "$(stat -c '%u %a' "$M/control")" '0 700'
    assert_eq "$(stat -c '%u %a' "$M/control/add")" '0 600'
    assert_fails setpriv --reuid 1234 --regid 2345 --clear-groups sh -c 'echo v1 >"$1"' sh "$M/control/verify"
    remount_store
    assert_eq "$(stat -c '%u:%g %a' "$M/v1/Dog/inst.json" "$M/v1/Dog/new.json")" $'7:8 666\n0:0 644'
}

options__without_allow_other_nobody_else_comes_in() {
    mount_store -o umask=0
    nobody_may_not ls "$M"
    nobody_may_not cat "$M/README"
}

control__stays_its_owners_whatever_others_may() {
    open_to_all
    local file
    nobody_may_not ls "$M/control"
    for file in add check verify errors status; do nobody_may_not cat "$M/control/$file"; done
    nobody_may_not_write "$M/control/revert" v2
    assert_fails chmod -R a+rwx "$M/control"
    nobody_may_not_write "$M/control/revert" v2
    assert_eq "$(status '.versions | length')" 2
    # Staging is open to who may write in schemas/; adding is not.
    as_nobody sh -c 'echo "version: v3" >"$1"' sh "$M/schemas/v3.yaml"
    nobody_may_not_write "$M/control/add" v3
    assert_eq "$(status '.versions | length')" 2
}

# ---------------------------------------------------------------- mount(8)

# in_a_namespace SCRIPT: mount(8) looks for the program where the system's are; here, in a mount namespace of our own.
in_a_namespace() {
    need unshare mount
    unshare -m true 2>/dev/null || skip 'no mount namespace of our own'
    mkdir -p "$T/bin" "$M"
    cp "$SCHEMAFS" "$T/bin/schemafs"
    own_mounts timeout 40 bash -ec 'mount --bind "$T/bin" /usr/local/bin
'"$1"
}

mount8__fuse_schemafs_mounts_and_umount_ends_it() {
    in_a_namespace '
        mount -t fuse.schemafs "$S" "$M" -o umask=027,allow_other,nofail
        grep -q " $M .* fuse.schemafs " /proc/self/mountinfo
        [[ $(stat -c %a "$M/schemas") == 750 ]]
        mount | grep -q "on $M type fuse.schemafs (rw,nosuid,nodev,noexec"
        umount "$M"
        for n in {1..100}; do flock -n "$S-lock" true && exit 0; sleep 0.05; done
        echo "the daemon has not ended"; exit 1' || fail 'mount -t fuse.schemafs'
}

mount8__an_fstab_line_works() {
    printf '%s %s fuse.schemafs ro,noauto,uid=1234,x-systemd.automount,_netdev 0 0\n' "$S" "$M" >"$T/fstab"
    mount_store && unmount_store
    in_a_namespace '
        mount -T "$T/fstab" "$M"
        [[ $(stat -c %u "$M/README") == 1234 ]]
        ! touch "$M/x" 2>/dev/null
        umount "$M"' || fail 'mount -T fstab'
}

mount8__says_why_it_does_not_mount() {
    echo 'no store' >"$T/foreign"
    in_a_namespace '
        ! mount -t fuse.schemafs "$T/foreign" "$M" 2>"$T/said"
        ! mount -t fuse.schemafs "$S" "$M" -o umsk=022 2>>"$T/said"
        ! mountpoint -q "$M"' || fail 'it mounts'
    assert_contains "$(cat "$T/said")" foreign
    assert_contains "$(cat "$T/said")" 'umask'
}

run_tests "$@"
