#!/usr/bin/env bash
# Transactions and named queries: hybrid versions, filled by control/backfill.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"
. "${0%/*}/verbs.bash"

# ---------------------------------------------------------------- transactions

with_queries() {
    put "$D1/max.json" '{"name": "Max", "breed": "Boxer"}'
    put "$D1/ida.json" '{"name": "Ida", "breed": "Beagle"}'
    put "$D1/none.json" '{"name": "None"}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_type: {type: Breed, fields: {name: {type: string, required: true}, note: string}}
  - add_field: {type: Dog, field: new_breed, as: ref<Breed>}
queries:
  breed_of_dog: SELECT DISTINCT breed AS _key, breed AS name FROM Dog WHERE breed IS NOT NULL
  breedid_of_dog: SELECT d._key, b._key AS new_breed FROM Dog d JOIN Breed b ON b.name = d.breed
  beagles: SELECT _key FROM Dog WHERE breed = 'Beagle'
YAML
    B2=$M/v2/Breed
}

# transact JSON: one write of a whole transaction.
transact() { printf '%s' "$1" | cat >"$M/control/backfill"; }

transaction__upsert_then_patch_over_named_queries() {
    with_queries
    cat >"$M/control/backfill" <<'JSON'
{"version": "v2",
 "actions": [{"operation": "UPSERT", "source": "breed_of_dog",  "target": "Breed"},
             {"operation": "PATCH",  "source": "breedid_of_dog", "target": "Dog"}]}
JSON
    assert_match "$(outcome backfill)" '^ok'
    sees "$B2/Boxer.json"
    assert_eq "$(names "$B2")" $'Beagle.json\nBoxer.json'
    assert_json "$D2/rex.json" . '{"name":"Rex","breed":"Beagle","age":"3","new_breed":"Beagle"}'
    assert_json "$D2/max.json" .new_breed '"Boxer"'
    assert_json "$D2/none.json" 'has("new_breed")' false
    assert_json "$D1/max.json" . '{"name":"Max","breed":"Boxer"}'
}

transaction__dry_run_reports_and_changes_nothing() {
    with_queries
    transact '{"version": "v2", "dry_run": true, "actions": [{"operation": "UPSERT", "source": "breed_of_dog", "target": "Breed"}]}'
    assert_match "$(outcome backfill)" '^ok'
    assert_match "$(outcome backfill)" '(^|[^0-9])2([^0-9]|$)'
    assert_contains "$(outcome backfill)" Be
    assert_eq "$(names "$B2")" ""
}

transaction__inline_items_as_a_source() {
    with_queries
    transact '{"version": "v2", "actions": [{"operation": "INSERT", "target": "Breed", "source": [{"_key": "Pug", "name": "Pug", "note": "small"}, {"_key": "Collie", "name": "Collie"}]}]}'
    sees "$B2/Pug.json"
    assert_json "$B2/Pug.json" . '{"name":"Pug","note":"small"}'
    assert_json "$B2/Collie.json" .name '"Collie"'
}

transaction__insert_refuses_what_is_there_and_keeps_nothing() {
    with_queries
    put "$B2/Pug.json" '{"name": "Pug", "note": "mine"}'
    assert_fails transact '{"version": "v2", "actions": [{"operation": "INSERT", "target": "Breed", "source": [{"_key": "Collie", "name": "Collie"}, {"_key": "Pug", "name": "Other"}]}]}'
    assert_match "$(outcome backfill)" '^error: .*Pug'
    assert_json "$B2/Pug.json" . '{"name":"Pug","note":"mine"}'
    assert_eq "$(names "$B2")" Pug.json
}

transaction__each_operation_does_what_its_name_says() {
    with_queries
    put "$B2/Pug.json" '{"name": "Pug", "note": "mine"}'
    # PATCH changes the fields that are given, REPLACE the whole item, UPSERT makes what is missing.
    transact '{"version": "v2", "actions": [{"operation": "PATCH", "target": "Breed", "source": [{"_key": "Pug", "name": "Mops"}]}]}'
    assert_json "$B2/Pug.json" . '{"name":"Mops","note":"mine"}'
    transact '{"version": "v2", "actions": [{"operation": "REPLACE", "target": "Breed", "source": [{"_key": "Pug", "name": "Pug"}]}]}'
    assert_json "$B2/Pug.json" . '{"name":"Pug"}'
    transact '{"version": "v2", "actions": [{"operation": "UPSERT", "target": "Breed", "source": [{"_key": "Pug", "name": "P"}, {"_key": "New", "name": "N"}]}]}'
    assert_json "$B2/Pug.json" .name '"P"'
    sees "$B2/New.json"
    transact '{"version": "v2", "actions": [{"operation": "DELETE", "target": "Breed", "source": [{"_key": "Pug"}]}]}'
    sees_no_more "$B2/Pug.json"
    assert_exists "$B2/New.json"
}

transaction__patch_and_replace_of_what_is_not_there_are_refused() {
    with_queries
    assert_fails transact '{"version": "v2", "actions": [{"operation": "PATCH", "target": "Breed", "source": [{"_key": "Nix", "name": "N"}]}]}'
    assert_fails transact '{"version": "v2", "actions": [{"operation": "REPLACE", "target": "Breed", "source": [{"_key": "Nix", "name": "N"}]}]}'
    assert_eq "$(names "$B2")" ""
}

transaction__delete_by_a_query_reaches_the_old_version() {
    with_queries
    transact '{"version": "v2", "actions": [{"operation": "DELETE", "target": "Dog", "source": "beagles"}]}'
    sees_no_more "$D1/rex.json"
    sees_no_more "$D1/ida.json"
    assert_eq "$(names "$D1")" $'max.json\nnone.json'
}

transaction__all_of_it_or_nothing() {
    with_queries
    assert_fails transact '{"version": "v2", "actions": [
        {"operation": "UPSERT", "source": "breed_of_dog", "target": "Breed"},
        {"operation": "PATCH", "target": "Dog", "source": [{"_key": "rex", "new_breed": "Nonesuch"}]}]}'
    assert_match "$(outcome backfill)" '^error: '
    assert_eq "$(names "$B2")" ""
    assert_json "$D2/rex.json" 'has("new_breed")' false
}

transaction__errors_name_what_is_wrong() {
    with_queries
    assert_fails transact '{"version": "v2", "actions": [{"operation": "UPSERT", "source": "breeds_of_dog", "target": "Breed"}]}'
    assert_contains "$(outcome backfill)" breeds_of_dog
    assert_fails transact '{"version": "v2", "actions": [{"operation": "UPSRT", "source": "breed_of_dog", "target": "Breed"}]}'
    assert_contains "$(outcome backfill)" UPSRT
    assert_fails transact '{"version": "v2", "actions": [{"operation": "UPSERT", "source": "breed_of_dog", "target": "Bred"}]}'
    assert_contains "$(outcome backfill)" Bred
    assert_fails transact '{"version": "v2", "actions": ['
    assert_match "$(outcome backfill)" '^error: '
    assert_eq "$(names "$B2")" ""
}

transaction__a_large_one_is_staged_and_named() {
    with_queries
    python3 - "$M/schemas/load.json" <<'PY'
import json, sys
items = [{"_key": f"b{n}", "name": "breed %d %s" % (n, "x" * 40)} for n in range(2000)]
with open(sys.argv[1], "w") as f:
    json.dump({"version": "v2", "actions": [{"operation": "INSERT", "source": items, "target": "Breed"}]}, f)
PY
    [[ $(stat -c %s "$M/schemas/load.json") -gt 65536 ]] || fail "not large"
    must_verb backfill load
    assert_match "$(outcome backfill)" '^ok'
    assert_eq "$(names "$B2" | wc -l)" 2000
}

queries__are_checked_when_their_version_is_added() {
    refused_schema v2 'v2\.yaml:6:' <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
queries:
  bad: SELECT name FROM Dog
YAML
    assert_contains "$(outcome add)" name
    refused_schema v2 'v2\.yaml:6:' <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
queries:
  bad: DELETE FROM Dog
YAML
}

run_tests "$@"
