#!/usr/bin/env bash
# Writes by one version in a row: the second of two leaves what it alone would have left.
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

EMPTY='{"toys": []}' BOTH='{"toys": [{"kind": "ball"}, {"kind": "rope"}]}'

# Toys in a list; v2 does not show who owns them.
setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Kennel: {fields: {toys: list<Toy>}}
  Person: {fields: {}}
objects:
  Toy: {fields: {kind: string, owner: {type: ref<Person>, on_delete: unset}}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Toy, field: owner}
YAML
    OLD=$M/v1/Kennel/a.json NEW=$M/v2/Kennel/a.json
    put "$M/v1/Person/ann.json" '{}'
    put "$M/v1/Person/bob.json" '{}'
    put "$OLD" '{"toys": [{"kind": "ball", "owner": "ann"}, {"kind": "rope", "owner": "bob"}]}'
}

owners() {
    assert_json "$OLD" '[.toys[].owner]' "$1"
}

in_a_row__what_is_written_back_is_as_it_was() {
    put "$NEW" "$EMPTY"
    owners '[]'
    put "$NEW" "$BOTH"
    owners '["ann","bob"]'
    agree v2
}

in_a_row__a_backfill_and_a_crash_between_change_nothing() {
    put "$NEW" "$EMPTY"
    must_verb backfill v2
    kill_store
    mount_store
    put "$NEW" "$BOTH"
    owners '["ann","bob"]'
}

in_a_row__another_versions_write_ends_it() {
    put "$NEW" "$EMPTY"
    put "$OLD" '{"toys": [{"kind": "bone", "owner": "ann"}]}'
    put "$NEW" "$BOTH"
    owners '["ann",null]'
}

in_a_row__finalize_ends_it() {
    put "$NEW" "$EMPTY"
    must_verb backfill v2
    must_verb finalize v2
    put "$NEW" "$BOTH"
    assert_json "$NEW" . "$(jq -c . <<<"$BOTH")"
    assert_absent "$OLD"
}

in_a_row__what_was_deleted_meanwhile_stays_deleted() {
    put "$NEW" "$EMPTY"
    rm "$M/v1/Person/ann.json"
    put "$NEW" "$BOTH"
    owners '[null,null]'
    agree v2
}

in_a_row__in_a_store_from_before_there_were_runs() {
    local format
    need sqlite3
    for format in 3 4; do
        unmount_store
        sqlite3 "$S" "PRAGMA user_version = $format"
        assert_fails "$SCHEMAFS" mount "$S" "$M" -f -o ro
        assert_contains "$ERR" "has format $format: mount it once without \"ro\""
        mount_store
        assert_eq "$(sqlite3 "$S" 'PRAGMA user_version')" 5
        put "$NEW" "$EMPTY"
        put "$NEW" "$BOTH"
        owners '["ann","bob"]'
    done
}

# What a save left in another file goes with it.
in_a_row__what_stood_in_another_file_is_as_it_was() {
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - add_field: {type: Person, field: city, as: string}
  - add_field: {type: Kennel, field: owner, as: ref<Person>}
YAML
    add v4 <<'YAML'
version: v4
from: v3
migrate:
  - inline_type: {type: Kennel, ref: owner, fields: {city: owner_city}}
YAML
    local kennel=$M/v4/Kennel/a.json made=$M/v3/Person/a.json inode
    put "$kennel" '{"toys": [], "owner_city": "Ulm"}'
    assert_json "$made" .city '"Ulm"'
    inode=$(stat -c %i "$made")
    kill_store
    mount_store
    put "$kennel" '{"toys": [], "owner_city": "Kiel"}'
    assert_json "$made" .city '"Kiel"'
    assert_eq "$(stat -c %i "$made")" "$inode"
    put "$kennel" '{"toys": []}'
    assert_absent "$made"
    agree v4
}

run_tests "$@"
