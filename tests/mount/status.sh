#!/usr/bin/env bash
# Seeing what happens: status, its use counts and --watch, the progress bar, control/wait, the README as it
# is now.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string, age: integer}}
YAML
    D1=$M/v1/Dog
}

# items N: so many dogs.
items() {
    awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) printf "{\"_key\": \"d%d\", \"name\": \"Dog\", \"age\": 1}\n", i }' \
        >"$T/lines"
    cat "$T/lines" >>"$M/v1/Dog.jsonl"
}

add_v2() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: age, to: string}
YAML
}

# slow_backfill: one of v2 under way that takes long.
slow_backfill() {
    items 2000
    add_v2
    must_verb backfill_rate 50
    must_verb backfill v2
}

terminal() { python3 "$TESTS_MOUNT/terminal.py" "$@"; }

usage() { status ".versions[] | select(.version == \"$1\") | .usage.$2"; }

# ---------------------------------------------------------------- what is told

use__is_counted_for_each_version() {
    add_v2
    assert_eq "$(usage v1 writes) $(usage v1 last_write) $(usage v1 first_reads) $(usage v1 last_first_read)" '0 null 0 null'
    put "$D1/rex.json" '{"name": "Rex"}'
    put "$D1/rex.json" '{"name": "Rexi"}'
    mv "$D1/rex.json" "$D1/max.json"
    rm "$D1/max.json"
    assert_eq "$(usage v1 writes) $(usage v2 writes)" '4 0'
    items 3
    assert_eq "$(usage v1 writes)" 7
    printf '{"name": "T"}' >"$D1/x.tmp"
    mv "$D1/x.tmp" "$D1/x.json"
    assert_eq "$(usage v1 writes)" 8
    refuses EINVAL "$D1/d1.json" '{"nme": 1}'
    rm -f "$D1"/*.rejected
    assert_eq "$(usage v1 writes)" 8
    local before
    before=$(usage v1 first_reads)
    sees "$M/v2/Dog/d1.json"
    cat "$M/v2/Dog/d1.json" >"$T/text"
    assert_eq "$(usage v2 first_reads) $(usage v2 writes) $(usage v2 last_write)" '1 0 null'
    assert_eq "$(usage v1 first_reads)" "$before" 'a read through v2 is none of v1'
    assert_match "$(usage v2 last_first_read)" '^20[0-9-]+T[0-9:.]+Z$'
    assert_match "$(usage v1 last_write)" '^20[0-9-]+T[0-9:.]+Z$'
    assert_match "$(cat "$M/control/status")" 'v1 +8 +[0-9.]+ s ago +[0-9]+ '
    assert_match "$(cat "$M/control/status")" 'v2 +0 +never +1 +[0-9.]+ s ago'
    remount_store
    assert_eq "$(usage v1 writes) $(usage v2 first_reads)" '0 0'
}

status__tells_a_backfill_under_way() {
    slow_backfill
    assert_match "$(cat "$M/control/status")" 'v2 +backfilling [0-9]+ %, default +2,000'
    assert_match "$(cat "$M/control/status")" 'backfill rate: at most 50 items a second'
    assert_match "$(cat "$M/control/status")" 'cat control/wait'
    timed() { [[ $(cat "$M/control/status") =~ [0-9]+/s\ +[0-9.]+\ (s|min) ]]; }
    wait_until 10 timed || fail "no rate and no time left" "$(cat "$M/control/status")"
    must_verb backfill pause
    assert_match "$(cat "$M/control/status")" 'v2 +backfill paused at [0-9]+ %'
    assert_eq "$(status '.under_way | length')" 0
}

status__names_the_verbs_under_way() {
    items 20000
    add_v2
    verb verify v2 2>/dev/null &
    local verifier=$!
    under_way() { [[ $(status '.under_way[].verb') == verify ]]; }
    wait_until 20 under_way || fail "verify was never under way" "$(cat "$M/control/status.json")"
    wait "$verifier"
    assert_match "$(outcome verify)" '^ok'
    assert_eq "$(status '.under_way | length')" 0
}

# ---------------------------------------------------------------- on a terminal

watch__redraws_it_every_second_until_ctrl_c() {
    local code=0
    terminal --limit 20 --when 'VERSION.*VERSION.*VERSION' --send '\x03' -- \
        "$SCHEMAFS" status "$M" --watch >"$T/seen" || code=$?
    assert_eq "$code" 130
    [[ $(grep -ac $'\e\\[H' "$T/seen") -ge 3 ]] || fail "not redrawn in place" "$(cat -v "$T/seen")"
}

watch__ends_with_the_mount() {
    terminal --limit 30 -- "$SCHEMAFS" status "$M" --watch >"$T/seen" &
    local code=0 watcher=$!
    seen() { grep -aq VERSION "$T/seen"; }
    wait_until 10 seen
    unmount_store
    wait "$watcher" || code=$?
    assert_eq "$code" 1
    assert_contains "$(cat "$T/seen")" 'no schemafs is mounted at'
}

bar__moves_to_the_end() {
    items 3000
    add_v2
    must_verb backfill_rate 2000
    terminal --limit 60 -- "$SCHEMAFS" backfill "$M" v2 --wait >"$T/seen" || fail "ended with $?" "$(cat -v "$T/seen")"
    assert_match "$(cat "$T/seen")" 'v2 \[#*-+\] [0-9]+ %  [0-9,]+ of 3,000'
    assert_match "$(cat "$T/seen")" '/s  [0-9.]+ s left'
    assert_match "$(tail -n 1 "$T/seen")" 'ok v2 is backfilled: 3,000 items, waited'
    # As wide as the terminal at most: it would scroll.
    [[ $(tr '\r' '\n' <"$T/seen" | sed $'s/\e\\[K//' | wc -L) -lt 80 ]] || fail 'wider than the terminal'
}

bar__ctrl_c_leaves_the_backfill_running_and_says_so() {
    items 2000
    add_v2
    must_verb backfill_rate 50
    local code=0
    terminal --limit 30 --when '#* *[1-9] %' --send '\x03' -- \
        "$SCHEMAFS" backfill "$M" v2 --wait >"$T/seen" || code=$?
    assert_eq "$code" 130
    assert_contains "$(cat "$T/seen")" 'the backfill of v2 goes on'
    assert_contains "$(cat "$T/seen")" "schemafs status $M"
    assert_eq "$(backfill_state v2)" running
}

bar__is_not_drawn_into_a_file() {
    items 200
    add_v2
    "$SCHEMAFS" backfill "$M" v2 --wait >"$T/out" 2>"$T/err"
    assert_eq "$(cat "$T/err")" ''
    assert_match "$(tail -n 1 "$T/out")" '^ok v2 is backfilled: 200 items'
}

# ---------------------------------------------------------------- waiting

wait__returns_when_the_job_ends() {
    items 2000
    add_v2
    must_verb backfill_rate 1000
    must_verb backfill v2
    timeout 30 cat "$M/control/wait" >"$T/waited"
    assert_eq "$(cat "$T/waited")" 'ok no backfill is running'
    assert_eq "$(backfill_state v2)" done
}

wait__returns_at_once_when_nothing_runs_and_ends_by_a_signal() {
    assert_eq "$(timeout 5 cat "$M/control/wait")" 'ok no backfill is running'
    slow_backfill
    local code=0
    timeout -s INT 1 cat "$M/control/wait" >/dev/null 2>&1 || code=$?
    assert_eq "$code" 124
    assert_eq "$(backfill_state v2)" running
}

# ---------------------------------------------------------------- README

# The commands that README names for the present state: lines of two spaces, here-documents with them.
readme_commands() { sed -n 's/^  //p' "$M/README" | grep -vE '^(v[0-9]+|check|add|backfill|verify|finalize|revert) '; }

readme__of_a_read_only_mount_names_nothing_that_writes() {
    put "$D1/rex.json" '{"name": "Rex"}'
    add_v2
    remount_store -o ro
    local commands line
    commands=$(readme_commands)
    assert_contains "$commands" 'cat control/status'
    assert_contains "$commands" '.history'
    while read -r line; do
        [[ $line != *'>'* && $line != rm* ]] || fail "it writes: $line"
        (cd "$M" && bash -c "$line") >"$T/said" 2>&1 || fail "$line" "$(cat "$T/said")"
    done <<<"$commands"
    assert_contains "$(cat "$M/README")" 'mounted read-only'
    [[ $(cat "$M/control/status") != *'echo '* ]] || fail 'status names a command that writes'
    assert_contains "$(cat "$M/control/status")" 'the mount is read-only'
}

readme__of_an_empty_store_read_only() {
    unmount_store
    rm "$S"
    mount_store
    remount_store -o ro
    assert_contains "$(cat "$M/README")" 'It has no version yet'
    [[ $(cat "$M/README") != *'cat >'* ]] || fail 'it names a command that writes'
}

readme__names_history_and_what_can_be_done_now() {
    assert_contains "$(cat "$M/README")" "ls v1/Dog/.history"
    slow_backfill
    assert_contains "$(cat "$M/README")" 'cat control/wait'
    must_verb backfill pause
    assert_contains "$(cat "$M/README")" 'echo resume > control/backfill'
}

run_tests "$@"
