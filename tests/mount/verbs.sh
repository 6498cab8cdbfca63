#!/usr/bin/env bash
# The control files: each verb, what it refuses, and that it is durable when it returns.
# sanitized: yes
# takes long: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"
. "${0%/*}/verbs.bash"

# ---------------------------------------------------------------- schemas and add

schemas__are_staged_in_any_number_of_writes() {
    while IFS= read -r line; do printf '%s\n' "$line"; done <"$T/v2.yaml" >"$M/schemas/v2.yaml"
    cmp "$T/v2.yaml" "$M/schemas/v2.yaml" || fail "the staged text is another"
    assert_eq "$(status '.staged | join(" ")')" v2
    must_verb add v2
    assert_match "$(outcome add)" '^ok'
    assert_eq "$(status '.staged | length')" 0
}

schemas__a_staged_file_can_be_changed_and_removed() {
    stage v2 <<<'version: v2'
    stage v2 <"$T/v2.yaml"
    cp "$T/v2.yaml" "$M/schemas/other.yaml"
    rm "$M/schemas/other.yaml"
    assert_absent "$M/schemas/other.yaml"
    sed -i 's/call_name/nick/' "$M/schemas/v2.yaml"
    must_verb add v2
    sees "$D2/rex.json"
    assert_json "$D2/rex.json" .nick '"Rex"'
}

schemas__a_live_one_cannot_be_changed_or_removed() {
    assert_errno EPERM put "$M/schemas/v1.yaml" 'version: v1'
    assert_errno EPERM rm "$M/schemas/v1.yaml"
    assert_errno EPERM truncate -s 0 "$M/schemas/v1.yaml"
    assert_contains "$(cat "$M/schemas/v1.yaml")" 'version: v1'
}

schemas__the_live_text_is_the_one_that_was_staged() {
    add_v2
    cmp "$T/v2.yaml" "$M/schemas/v2.yaml" || fail "another text"
    remount_store
    cmp "$T/v2.yaml" "$M/schemas/v2.yaml" || fail "another text after a remount"
}

add__of_the_same_file_again_is_harmless() {
    add_v2
    put "$D2/rex.json" '{"call_name": "Max"}'
    # Saying the same twice is either nothing new or told to be there: never a second version.
    verb add v2 2>/dev/null || assert_match "$(outcome add)" '^error: '
    assert_eq "$(status '[.versions[].version] | join(" ")')" 'v1 v2'
    assert_json "$D1/rex.json" .name '"Max"'
}

add__of_another_text_under_a_live_name_is_eexist_with_the_difference() {
    add_v2
    sed 's/call_name/nick/' "$T/v2.yaml" >"$T/other.yaml"
    assert_fails "$SCHEMAFS" add "$M" "$T/other.yaml"
    assert_match "$ERR" 'nick|call_name|5:'
    stage again <"$T/other.yaml"
    assert_errno EEXIST verb add again
    assert_match "$(outcome add)" 'nick|call_name|:5:'
    assert_json "$D2/rex.json" .call_name '"Rex"'
}

add__of_what_is_not_staged_names_it() {
    assert_fails verb add v9
    assert_match "$(outcome add)" '^error: .*v9'
}

add__touches_no_item() {
    many 300
    add_v2
    assert_eq "$(backfill_state v2)" needed
    assert_json "$D2/d7.json" . '{"call_name":"dog 7","breed":"breed 7","age":7}'
    assert_eq "$(names "$D2" | wc -l)" 301
}

add__survives_kill_9_once_it_returned() {
    add_v2
    kill_store
    mount_store
    assert_json "$D2/rex.json" .age 3
}

add__a_version_from_one_that_is_not_the_newest_is_decided_clearly() {
    add_v2
    # The chain is one line: a second successor of v1 is refused, or it becomes one and all is served.
    stage v3 <<'YAML'
version: v3
from: v1
migrate:
  - remove_field: {type: Dog, field: breed}
YAML
    if verb add v3 2>/dev/null; then
        sees "$M/v3/Dog"
        assert_json "$M/v3/Dog/rex.json" .name '"Rex"'
    else
        assert_match "$(outcome add)" '^error: .*v[123]'
    fi
    assert_json "$D2/rex.json" .call_name '"Rex"'
}

# ---------------------------------------------------------------- check

check__says_what_every_step_does_and_changes_nothing() {
    many 20
    stage v2 <"$T/v2.yaml"
    must_verb check v2
    local said
    said=$(outcome check)
    assert_match "$said" '^ok'
    assert_contains "$said" change_type
    assert_contains "$said" rename_field
    assert_match "$said" '(^|[^0-9])21([^0-9]|$)'
    assert_absent "$M/v2"
    assert_eq "$(status '.versions | length')" 1
}

check__says_what_a_step_can_lose() {
    stage v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Dog, field: breed}
YAML
    must_verb check v2
    assert_contains "$(outcome check)" breed
    assert_match "$(outcome check)" 'los[et]|finalize|kept'
}

check__refuses_what_add_refuses() {
    sed 's/rename_field/renam_field/' "$T/v2.yaml" | stage v2
    assert_errno EINVAL verb check v2
    assert_match "$(outcome check)" '^error: .*v2\.yaml:5:5'
}

# ---------------------------------------------------------------- backfill

backfill__leaves_every_text_as_it_was() {
    many 500
    add_v2
    put "$D2/d3.json" '{"call_name": "three", "age": 33}'
    local before
    before=$(cat "$D1"/*.json "$D2"/*.json | sha256sum)
    backfill v2
    assert_eq "$(status '.versions[1].backfill.state')" "done"
    assert_eq "$(cat "$D1"/*.json "$D2"/*.json | sha256sum)" "$before"
    remount_store
    assert_eq "$(cat "$D1"/*.json "$D2"/*.json | sha256sum)" "$before"
    agree v2
}

backfill__of_steps_without_values_is_not_needed() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
YAML
    assert_match "$(backfill_state v2)" '^(not_needed|done)$'
    must_verb finalize v2
    sees_no_more "$M/v1"
    assert_json "$D2/rex.json" .call_name '"Rex"'
}

is_running_or_paused() { [[ $(backfill_state v2) =~ ^(running|paused)$ ]]; }

backfill__pause_holds_and_resume_goes_on() {
    many 1000
    add_v2
    must_verb backfill_rate 200
    must_verb backfill v2
    wait_until 5 is_running_or_paused || fail "it does not run" "$(cat "$M/control/status.json")"
    must_verb backfill pause
    assert_eq "$(backfill_state v2)" paused
    local done_at_pause
    sleep 0.3
    done_at_pause=$(status '.versions[1].backfill.done')
    sleep 0.7
    assert_eq "$(status '.versions[1].backfill.done')" "$done_at_pause" "it went on while paused"
    [[ $done_at_pause -lt 1001 ]] || fail "it was done before it was paused"
    # In the middle of it both versions read and write.
    put "$D1/d1.json" '{"name": "one", "age": "11"}'
    assert_json "$D2/d1.json" '[.call_name, .age]' '["one",11]'
    put "$D2/d999.json" '{"call_name": "last", "age": 99}'
    assert_json "$D1/d999.json" '[.name, .age]' '["last","99"]'
    must_verb backfill_rate 0
    must_verb backfill resume
    wait_until 20 backfill_is_over v2 || fail "it does not end" "$(cat "$M/control/status.json")"
    assert_json "$D2/d1.json" .age 11
    agree v2
}

backfill__a_pause_outlasts_a_remount() {
    many 1000
    add_v2
    must_verb backfill_rate 100
    must_verb backfill v2
    must_verb backfill pause
    remount_store
    assert_eq "$(backfill_state v2)" paused
    must_verb backfill_rate 0
    must_verb backfill resume
    wait_until 20 backfill_is_over v2 || fail "it does not end" "$(cat "$M/control/status.json")"
}

backfill__cancel_ends_it_and_it_can_start_again() {
    many 1000
    add_v2
    must_verb backfill_rate 100
    must_verb backfill v2
    must_verb backfill cancel
    assert_eq "$(backfill_state v2)" needed
    assert_json "$D2/d7.json" .age 7
    must_verb backfill_rate 0
    backfill v2
    assert_json "$D2/d7.json" .age 7
}

backfill__the_rate_is_kept() {
    many 600
    add_v2
    must_verb backfill_rate 300
    assert_match "$(cat "$M/control/backfill_rate")" '300'
    local start
    start=$(now_ms)
    backfill v2
    # Two seconds' worth; a first batch may be out at once.
    [[ $(($(now_ms) - start)) -ge 900 ]] || fail "600 items at 300 a second took $(($(now_ms) - start)) ms"
}

backfill__resumes_by_itself_after_kill_9() {
    many 1000
    add_v2
    must_verb backfill_rate 250
    must_verb backfill v2
    sleep 0.5
    kill_store
    mount_store
    wait_until 5 is_running_or_paused || backfill_is_over v2 || fail "it did not resume" "$(cat "$M/control/status.json")"
    must_verb backfill_rate 0
    wait_until 20 backfill_is_over v2 || fail "it does not end" "$(cat "$M/control/status.json")"
    assert_eq "$(names "$D2" | wc -l)" 1001
    assert_json "$D2/d19.json" .age 19
    agree v2
}

backfill__of_an_unknown_version_names_it() {
    assert_fails verb backfill v9
    assert_contains "$(outcome backfill)" v9
}

backfill__pause_of_nothing_is_an_error() {
    assert_fails verb backfill pause
    assert_match "$(outcome backfill)" '^error: '
}

# ---------------------------------------------------------------- verify

verify__proves_that_two_versions_agree() {
    many 200
    add_v2
    agree v2
    backfill v2
    agree v2
    assert_match "$(outcome verify)" '201'
}

verify__names_the_item_that_does_not_translate() {
    # No number: what v2 shows of it can't be turned back.
    put "$D1/odd.json" '{"name": "Odd", "age": "about three"}'
    add_v2
    # It reads, whatever verify thinks of it.
    cat "$D2/odd.json" >"$T/text"
    assert_json "$T/text" .call_name '"Odd"'
    if ! verb verify v2 2>/dev/null; then
        assert_match "$(outcome verify)" '^error: .*odd'
    fi
    assert_json "$D1/odd.json" .age '"about three"'
}

# ---------------------------------------------------------------- finalize

finalize__before_backfill_is_ebusy() {
    add_v2
    assert_errno EBUSY verb finalize v2
    assert_match "$(outcome finalize)" '^error: .*v2'
    assert_json "$D1/rex.json" .name '"Rex"'
}

finalize__ends_the_older_versions() {
    add_v2
    backfill v2
    must_verb finalize v2
    assert_match "$(outcome finalize)" '^ok'
    sees_no_more "$M/v1"
    assert_eq "$(ls "$M")" $'README\ncontrol\ncurrent\nschemas\nv2'
    assert_eq "$(readlink "$M/current")" v2
    assert_json "$D2/rex.json" . '{"call_name":"Rex","breed":"Beagle","age":3}'
    put "$D2/rex.json" '{"call_name": "Rexi"}'
    remount_store
    assert_absent "$M/v1"
    assert_json "$D2/rex.json" . '{"call_name":"Rexi"}'
    assert_errno ENOENT cat "$D1/rex.json"
}

finalize__what_only_older_versions_knew_stands_in_nobodys_way() {
    add t1 <<'YAML'
version: t1
from: v1
migrate:
  - add_type: {type: Cat, fields: {name: string}}
  - add_type: {type: Toy, fields: {cat: ref<Cat>}}
YAML
    put "$M/t1/Cat/tom.json" '{"name": "Tom"}'
    local n
    for n in {1..300}; do
        put "$M/t1/Toy/$n.json" '{"cat": "tom"}'
    done
    add t2 <<'YAML'
version: t2
from: t1
migrate:
  - remove_type: {type: Toy}
YAML
    assert_errno EBUSY rm "$M/t2/Cat/tom.json"
    backfill t2
    must_verb finalize t2
    toys_are_gone() { rm "$M/t2/Cat/tom.json" 2>/dev/null; }
    wait_until 10 toys_are_gone || fail "Tom is still held by toys that no version shows"
    unmount_store
    "$SCHEMAFS" fsck "$S" >/dev/null || fail "fsck found something"
}

finalize__is_durable_when_it_returns() {
    add_v2
    backfill v2
    must_verb finalize v2
    kill_store
    mount_store
    assert_absent "$M/v1"
    assert_json "$D2/rex.json" .call_name '"Rex"'
}

finalize__in_the_middle_of_a_chain_keeps_the_newer() {
    add_v2
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - rename_field: {type: Dog, from: breed, to: race}
YAML
    backfill v2
    must_verb finalize v2
    sees_no_more "$M/v1"
    put "$M/v3/Dog/rex.json" '{"call_name": "R", "race": "Pug", "age": 4}'
    assert_json "$D2/rex.json" . '{"call_name":"R","breed":"Pug","age":4}'
}

finalize__drops_what_only_the_old_version_knew() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Dog, field: breed}
YAML
    if ! backfill_is_over v2; then backfill v2; fi
    must_verb finalize v2
    sees_no_more "$M/v1"
    unmount_store
    if strings -n 4 "$S" 2>/dev/null | grep -q Beagle; then
        # Deleted pages of the file may keep it for a while; no version may.
        echo "the bytes are still in the file"
    fi
    mount_store
    assert_json "$D2/rex.json" 'has("breed")' false
}

finalize__the_name_of_an_ended_version_is_no_verbs_object() {
    add_v2
    backfill v2
    must_verb finalize v2
    assert_fails verb revert v1
    assert_fails verb backfill v1
}

# ---------------------------------------------------------------- revert

revert__changes_nothing_that_the_old_version_sees() {
    add_v2
    put "$D1/old.json" '{"name": "Old", "age": "5"}'
    sees "$D2/old.json"
    local before
    before=$(cat "$D1"/*.json | sha256sum)
    must_verb revert v2
    sees_no_more "$M/v2"
    assert_eq "$(cat "$D1"/*.json | sha256sum)" "$before"
    assert_eq "$(status '[.versions[].version] | join(" ")')" v1
}

revert__and_the_same_file_again_brings_the_data_back() {
    sed -i '/rename_field/a\  - add_field: {type: Dog, field: chip, as: string}' "$T/v2.yaml"
    add_v2
    put "$D2/rex.json" '{"call_name": "Rex", "breed": "Beagle", "age": 3, "chip": "c-1"}'
    put "$D2/new.json" '{"call_name": "New", "chip": "c-2"}'
    must_verb revert v2
    sees_no_more "$M/v2"
    assert_json "$D1/new.json" .name '"New"'
    put "$D1/rex.json" '{"name": "Rexi", "breed": "Beagle", "age": "3"}'
    remount_store
    add_v2
    assert_json "$D2/rex.json" '[.call_name, .chip]' '["Rexi","c-1"]'
    assert_json "$D2/new.json" .chip '"c-2"'
}

revert__its_name_alone_brings_it_back() {
    add_v2
    put "$D2/rex.json" '{"call_name": "Rex", "breed": "Boxer", "age": 3}'
    must_verb revert v2
    sees_no_more "$M/v2"
    must_verb check v2
    must_verb add v2
    assert_match "$(outcome add)" '^ok v2 is live again'
    assert_json "$D2/rex.json" .breed '"Boxer"'
    must_verb revert v2
    remount_store
    must_verb add v2
    assert_json "$D2/rex.json" .breed '"Boxer"'
    # Another text under the name is another version, and finalize forgets those that sleep.
    must_verb revert v2
    sed 's/rename_field.*/add_field: {type: Dog, field: other, as: string}/;/change_type/d' "$T/v2.yaml" >"$M/schemas/v2.yaml"
    must_verb add v2
    assert_match "$(outcome add)" '^ok v2 is live$'
    must_verb revert v2
    must_verb finalize v1
    assert_fails verb add v2
    assert_match "$(outcome add)" 'there is no schemas/v2.yaml'
}

revert__takes_what_came_after_with_it() {
    add_v2
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - rename_field: {type: Dog, from: breed, to: race}
YAML
    must_verb revert v2
    sees_no_more "$M/v3"
    sees_no_more "$M/v2"
    assert_json "$D1/rex.json" .breed '"Beagle"'
}

revert__of_the_only_version_is_refused() {
    assert_fails verb revert v1
    assert_match "$(outcome revert)" '^error: '
    assert_json "$D1/rex.json" .name '"Rex"'
}

revert__in_the_middle_of_a_backfill() {
    many 1000
    add_v2
    must_verb backfill_rate 100
    must_verb backfill v2
    must_verb revert v2
    sees_no_more "$M/v2"
    assert_json "$D1/d19.json" .age '"19"'
    add_v2
    must_verb backfill_rate 0
    backfill v2
    assert_json "$D2/d19.json" .age 19
}

# ---------------------------------------------------------------- log and bad commands

log__keeps_every_verb() {
    add_v2
    backfill v2
    verb finalize v9 2>/dev/null && fail "finalize of v9 succeeded"
    must_verb finalize v2
    local last
    jq -e . <"$M/control/log" >/dev/null || fail "no JSON Lines" "$(cat "$M/control/log")"
    assert_eq "$(jq -r .verb <"$M/control/log" | uniq | tr '\n' ' ')" 'add backfill finalize '
    last=$(tail -n 1 "$M/control/log")
    assert_eq "$(jq -r .uid <<<"$last")" "$(id -u)"
    [[ $(jq -r .pid <<<"$last") -gt 0 ]] || fail "no pid" "$last"
    assert_match "$(jq -r '.result' <<<"$last")" '^ok'
    assert_match "$(jq -r 'select(.verb == "finalize") | .result' <"$M/control/log" | head -n 1)" '^error'
    remount_store
    assert_eq "$(jq -r .verb <"$M/control/log" | uniq | tr '\n' ' ')" 'add backfill finalize '
}

command__bad_ones_are_refused_and_the_mount_lives() {
    add_v2
    assert_fails verb finalize ''
    assert_fails verb finalize 'v2 v1'
    assert_fails verb finalize $'v2\nv2'
    assert_fails verb finalize '../v2'
    assert_fails verb backfill_rate -5
    assert_fails verb backfill_rate fast
    head -c 70000 /dev/zero | tr '\0' 'v' >"$T/large"
    assert_fails dd if="$T/large" of="$M/control/finalize" bs=70000 status=none
    printf 'v2\0' >"$T/nul"
    assert_fails cp "$T/nul" "$M/control/finalize"
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_exists "$M/v2"
}

command__with_and_without_a_newline() {
    stage v2 <"$T/v2.yaml"
    printf v2 >"$M/control/check"
    assert_match "$(outcome check)" '^ok'
    printf 'v2\n' >"$M/control/check"
    printf 'v2\r\n' >"$M/control/check" || assert_match "$(outcome check)" '^error: '
}

command__a_failing_verb_fails_the_write_in_dash_too() {
    need dash
    add_v2
    assert_fails dash -c 'echo v2 > "$1/control/finalize"' sh "$M"
}

status__table_is_for_people() {
    add_v2
    local table
    table=$(cat "$M/control/status")
    assert_contains "$table" v1
    assert_contains "$table" v2
    backfill v2
    assert_match "$(cat "$M/control/status")" 'backfilled|done'
}

run_tests "$@"
