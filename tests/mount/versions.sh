#!/usr/bin/env bash
# Two versions of one store side by side, from the first item to the end of the old version.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
description: dogs with a breed name
types:
  Dog:
    fields:
      name:  {type: string, required: true}
      breed: string
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "breed": "Beagle"}'
}

add_v2() {
    add v2 <<'YAML'
version: v2
from: v1
description: every breed gets a record of its own
migrate:
  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}
YAML
}

session__a_whole_migration() {
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Rex", "breed": "Beagle"}'
    assert_eq "$(names "$M/v1")" Dog
    assert_eq "$(readlink "$M/current")" v1
    add_v2
    assert_eq "$(names "$M/v2")" $'Breed\nDog'
    assert_json "$M/v2/Dog/rex.json" . '{"name":"Rex","breed":"Beagle"}'
    assert_file "$M/v2/Breed/Beagle.json" <<'JSON'
{
  "name": "Beagle"
}
JSON
    assert_eq "$(ls "$M/v2/Breed")" Beagle.json
    # Through the new version, seen in the old one.
    put "$M/v2/Breed/Poodle.json" '{"name": "Poodle"}'
    put "$M/v2/Dog/fifi.json" '{"name": "Fifi", "breed": "Poodle"}'
    sees "$M/v1/Dog/fifi.json"
    assert_json "$M/v1/Dog/fifi.json" . '{"name":"Fifi","breed":"Poodle"}'
    # Through the old version, seen in the new one.
    put "$M/v1/Dog/max.json" '{"name": "Max", "breed": "Boxer"}'
    sees "$M/v2/Dog/max.json"
    sees "$M/v2/Breed/Boxer.json"
    assert_json "$M/v2/Breed/Boxer.json" .name '"Boxer"'
    # A breed is mended once, for every dog that has it.
    put "$M/v2/Breed/Beagle.json" '{"name": "English Beagle"}'
    assert_json "$M/v1/Dog/rex.json" .breed '"English Beagle"'
    backfill v2
    assert_json "$M/v2/Dog/rex.json" . '{"name":"Rex","breed":"Beagle"}'
    assert_json "$M/v1/Dog/rex.json" .breed '"English Beagle"'
    agree v2
    must_verb finalize v2
    sees_no_more "$M/v1"
    assert_eq "$(readlink "$M/current")" v2
    assert_json "$M/current/Dog/rex.json" . '{"name":"Rex","breed":"Beagle"}'
    assert_eq "$(status '[.versions[].version] | join(" ")')" v2
    assert_eq "$(status .default)" v2
}

versions__status_json_tells_versions_items_and_backfill() {
    assert_eq "$(status '.versions[] | "\(.version) \(.state) \(.items)"')" 'v1 live 1'
    add_v2
    assert_eq "$(status '[.versions[] | "\(.version) \(.state)"] | join(", ")')" 'v1 live, v2 live'
    assert_match "$(backfill_state v2)" '^(needed|running|done)$'
    backfill v2
    assert_eq "$(backfill_state v2)" "done"
    assert_eq "$(status '.versions[1].items')" 2 "a dog and a breed"
    assert_eq "$(status '.versions[0].items')" 1
}

versions__status_json_lists_what_is_staged() {
    assert_eq "$(status '.staged | length')" 0
    stage v2 <<<'version: v2'
    assert_eq "$(status '.staged | join(" ")')" v2
}

versions__status_json_keeps_the_last_error() {
    assert_eq "$(status .last_error)" null
    verb add nothing 2>/dev/null && fail "add of nothing succeeded"
    assert_contains "$(status '.last_error | tostring')" nothing
}

versions__current_names_the_default_version() {
    add_v2
    assert_eq "$(readlink "$M/current")" "$(status .default)"
    [[ -d $M/current/Dog ]] || fail "current does not lead to a version"
}

versions__an_item_made_in_one_is_in_all() {
    add_v2
    put "$M/v2/Dog/a.json" '{"name": "A"}'
    put "$M/v1/Dog/b.json" '{"name": "B"}'
    sees "$M/v1/Dog/a.json"
    sees "$M/v2/Dog/b.json"
    assert_eq "$(ls "$M/v1/Dog")" $'a.json\nb.json\nrex.json'
    assert_eq "$(ls "$M/v2/Dog")" $'a.json\nb.json\nrex.json'
}

versions__names_show_in_the_others_within_50_ms() {
    add_v2
    local n start times=() sorted
    for n in {1..21}; do
        # A look beforehand, so that the kernel may have kept that the name is not there.
        assert_absent "$M/v2/Dog/n$n.json"
        ls "$M/v2/Dog" >/dev/null
        put "$M/v1/Dog/n$n.json" '{"name": "N"}'
        start=$(now_ms)
        sees "$M/v2/Dog/n$n.json"
        times+=("$(($(now_ms) - start))")
    done
    sorted=$(printf '%s\n' "${times[@]}" | sort -n)
    # The median, since this machine may be busy with other tests.
    [[ $(sed -n 11p <<<"$sorted") -le $((50 * SLOWNESS)) ]] || fail "milliseconds:" "$sorted"
}

versions__a_removed_item_is_gone_from_all() {
    add_v2
    cat "$M/v1/Dog/rex.json" "$M/v2/Dog/rex.json" >/dev/null
    rm "$M/v2/Dog/rex.json"
    assert_absent "$M/v2/Dog/rex.json"
    sees_no_more "$M/v1/Dog/rex.json"
    assert_eq "$(ls "$M/v1/Dog")" ""
}

versions__new_content_is_what_every_version_reads_at_once() {
    add_v2
    local n
    for n in {1..50}; do
        put "$M/v1/Dog/rex.json" "{\"name\": \"Rex $n\", \"breed\": \"Beagle\"}"
        assert_json "$M/v2/Dog/rex.json" .name "\"Rex $n\""
        put "$M/v2/Dog/rex.json" "{\"name\": \"Max $n of many\", \"breed\": \"Beagle\"}"
        assert_json "$M/v1/Dog/rex.json" .name "\"Max $n of many\""
    done
}

versions__three_in_a_row_read_and_write() {
    add_v2
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
  - add_field: {type: Dog, field: age, as: integer}
YAML
    assert_json "$M/v3/Dog/rex.json" . '{"call_name":"Rex","breed":"Beagle"}'
    put "$M/v3/Dog/rex.json" '{"call_name": "Rexi", "breed": "Beagle", "age": 3}'
    assert_json "$M/v1/Dog/rex.json" . '{"name":"Rexi","breed":"Beagle"}'
    put "$M/v1/Dog/rex.json" '{"name": "Rexo", "breed": "Boxer"}'
    assert_json "$M/v3/Dog/rex.json" . '{"call_name":"Rexo","breed":"Boxer","age":3}'
    assert_json "$M/v2/Dog/rex.json" . '{"name":"Rexo","breed":"Boxer"}'
}

versions__listings_hold_every_item_once() {
    python3 - "$M/v1/Dog" <<'PY'
import sys
for n in range(2500):
    with open(f"{sys.argv[1]}/dog-{n:04}.json", "w") as f:
        f.write('{"name": "dog %d", "breed": "breed %d"}' % (n, n % 7))
PY
    add_v2
    assert_eq "$(names "$M/v1/Dog" | wc -l)" 2501
    assert_eq "$(names "$M/v2/Dog" | sort -u | wc -l)" 2501
    assert_eq "$(names "$M/v2/Breed" | wc -l)" 8
    assert_eq "$(status '.versions[0].items')" 2501
}

versions__all_items_survive_a_remount() {
    add_v2
    put "$M/v2/Dog/fido.json" '{"name": "Fido"}'
    remount_store
    assert_json "$M/v1/Dog/fido.json" . '{"name":"Fido"}'
    assert_json "$M/v2/Dog/rex.json" .breed '"Beagle"'
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Rex", "breed": "Beagle"}'
}

versions__a_file_open_while_its_version_is_finalized_is_stale() {
    add_v2
    backfill v2
    exec {held}<"$M/v1/Dog/rex.json"
    must_verb finalize v2
    sees_no_more "$M/v1"
    # Read what it was, or be told: never wrong text.
    local text status=0
    text=$(cat <&"$held" 2>"$T/said") || status=$?
    exec {held}<&-
    if [[ $status -ne 0 ]]; then
        assert_contains "$(cat "$T/said")" 'Stale file handle'
    else
        assert_eq "$text" '{"name": "Rex", "breed": "Beagle"}'
    fi
}

versions__a_draft_of_a_version_that_is_finalized_away_is_told_so() {
    add_v2
    backfill v2
    exec {held}>"$M/v1/Dog/rex.json"
    must_verb finalize v2
    assert_fails bash -c 'echo "{\"name\": \"Max\"}" >&"$1"' sh "$held"
    exec {held}>&-
    assert_contains "$ERR" 'Stale file handle'
    assert_match "$(cat "$M/control/errors")" 'v1/Dog/rex.json: error: v1 is no longer served'
}

run_tests "$@"
