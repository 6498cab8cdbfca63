#!/usr/bin/env bash
# What the documentation shows can be pasted: README.md's session and docs/quickstart.
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

CASE_LIMIT=180

setup() { :; }

PATH=$(cd "$(dirname "$SCHEMAFS")" && pwd):$PATH

quickstart__takes_a_store_through_a_whole_migration() {
    "$ROOT/docs/quickstart" "$M" >"$T/said" 2>&1 </dev/null || fail "quickstart ended with $?" "$(tail -n 20 "$T/said")"
    local command
    for command in 'schemas/v1.yaml' 'control/add' 'backfill' 'control/verify' 'control/finalize' status; do
        grep -qE "^[$] .*$command" "$T/said" || fail "no command with $command" "$(cat "$T/said")"
    done
    assert_contains "$(cat "$T/said")" "umount $M"
    # It leaves the mount to explore.
    assert_json "$M/v2/Dog/rex.json" .breed '"Beagle"'
    assert_eq "$(readlink "$M/current")" v2
    "$SCHEMAFS" umount "$M"
    wait_until 10 no_process_of "$M.quickstart.db" || fail "the daemon still runs"
    [[ -z $(mounts_under "$T") ]] || fail "still mounted"
}

quickstart__makes_a_directory_of_its_own() {
    TMPDIR=$T "$ROOT/docs/quickstart" >"$T/said" 2>&1 </dev/null || fail "quickstart ended with $?" "$(tail -n 20 "$T/said")"
    local mounted
    mounted=$(mounts_under "$T" | cut -d' ' -f1)
    [[ -n $mounted ]] || fail "nothing is mounted"
    assert_contains "$(cat "$T/said")" "umount $mounted"
    "$SCHEMAFS" umount "$mounted"
}

readme__the_session_prints_what_it_says() {
    python3 "$ROOT/tests/pages.py" "$ROOT/README.md" "$T"
}

session__prints_what_it_says() {
    need jq
    python3 "$ROOT/tests/session.py" check "$ROOT/docs/session.txt" "$T" >"$T/said" 2>&1 ||
        fail "docs/session.txt is not what happens" "$(cat "$T/said")"
}

run_tests "$@"
