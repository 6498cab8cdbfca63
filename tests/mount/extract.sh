#!/usr/bin/env bash
# extract_type: records, the items that refer to them, and the fields that they were.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"
. "${0%/*}/steps.bash"

# ---------------------------------------------------------------- extract_type

breeds() {
    dogs
    put "$D1/max.json" '{"name": "Max", "breed": "Beagle"}'
    put "$D1/ida.json" '{"name": "Ida"}'
    migrate '  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}'
    B2=$M/v2/Breed
}

extract_type__distinct_values_become_items() {
    breeds
    check() {
        sees "$B2/Beagle.json"
        assert_json "$D2/rex.json" .breed '"Beagle"'
        assert_json "$D2/max.json" .breed '"Beagle"'
        assert_json "$D2/ida.json" 'has("breed")' false
        write "$D1/$1.json" "{\"name\": \"N\", \"breed\": \"Breed $1\"}" "$D2/$1.json"
        sees "$B2/$(jq -r .breed "$D2/$1.json").json"
        assert_json "$B2/$(jq -r .breed "$D2/$1.json").json" .name "\"Breed $1\""
    }
    assert_eq "$(names "$B2")" Beagle.json
    before_and_after_backfill v2 check
    agree v2
}

extract_type__a_write_through_the_old_side_refers_to_another_record() {
    breeds
    check() {
        put "$D1/rex.json" '{"name": "Rex", "breed": "Boxer"}'
        sees "$B2/Boxer.json"
        assert_json "$D2/rex.json" .breed '"Boxer"'
        assert_json "$B2/Beagle.json" .name '"Beagle"'
        assert_json "$D1/max.json" .breed '"Beagle"'
        # Nobody refers to it any more, and nobody wrote it.
        put "$D1/rex.json" '{"name": "Rex", "breed": "Beagle"}'
        sees_no_more "$B2/Boxer.json"
    }
    before_and_after_backfill v2 check
}

extract_type__a_write_to_the_record_shows_in_every_item() {
    breeds
    check() {
        put "$B2/Beagle.json" "{\"name\": \"Beagle $1\"}"
        assert_json "$D1/rex.json" .breed "\"Beagle $1\""
        assert_json "$D1/max.json" .breed "\"Beagle $1\""
        assert_json "$D2/rex.json" .breed '"Beagle"'
    }
    before_and_after_backfill v2 check
}

extract_type__a_record_written_through_the_new_side_stays() {
    breeds
    put "$B2/Pug.json" '{"name": "Pug"}'
    put "$D1/max.json" '{"name": "Max", "breed": "Pug"}'
    assert_json "$D2/max.json" .breed '"Pug"'
    put "$D1/max.json" '{"name": "Max"}'
    backfill v2
    assert_exists "$B2/Pug.json"
}

extract_type__a_renamed_record_keeps_its_dogs() {
    breeds
    mv "$B2/Beagle.json" "$B2/bgl.json"
    assert_json "$D2/rex.json" .breed '"bgl"'
    assert_json "$D1/rex.json" .breed '"Beagle"'
    backfill v2
    assert_json "$D2/max.json" .breed '"bgl"'
}

extract_type__values_that_are_no_legal_names_get_keys_of_their_own() {
    dogs
    local value n=0
    for value in 'a/b' 'a_b' '.hidden' '' 'a%2Fb' 'A b'; do
        n=$((n + 1))
        put "$D1/d$n.json" "{\"name\": \"D$n\", \"breed\": \"$value\"}"
    done
    migrate '  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}'
    # Six values and Beagle: seven records, each read back as it was.
    assert_eq "$(names "$M/v2/Breed" | wc -l)" 7
    n=0
    for value in 'a/b' 'a_b' '.hidden' '' 'a%2Fb' 'A b'; do
        n=$((n + 1))
        assert_eq "$(jq -r .name "$M/v2/Breed/$(jq -r .breed "$D2/d$n.json").json")" "$value"
    done
    backfill v2
    assert_eq "$(names "$M/v2/Breed" | wc -l)" 7
}

extract_type__with_a_key_expression() {
    dogs
    migrate '  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed, key: "lower(name)"}'
    assert_json "$D2/rex.json" .breed '"beagle"'
    assert_json "$M/v2/Breed/beagle.json" .name '"Beagle"'
}

extract_type__two_fields_into_one_record() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string, vet_name: string, vet_phone: string}}
YAML
    put "$D1/a.json" '{"name": "A", "vet_name": "Doe", "vet_phone": "1"}'
    put "$D1/b.json" '{"name": "B", "vet_name": "Doe", "vet_phone": "2"}'
    put "$D1/c.json" '{"name": "C", "vet_name": "Doe", "vet_phone": "1"}'
    migrate '  - extract_type: {type: Dog, fields: {vet_name: name, vet_phone: phone}, into: Vet, as: vet}'
    assert_eq "$(names "$M/v2/Vet" | wc -l)" 2
    assert_eq "$(jq -r .vet "$D2/a.json")" "$(jq -r .vet "$D2/c.json")"
    assert_ne "$(jq -r .vet "$D2/a.json")" "$(jq -r .vet "$D2/b.json")"
    put "$M/v2/Vet/$(jq -r .vet "$D2/a.json").json" '{"name": "Doe", "phone": "3"}'
    assert_json "$D1/c.json" '[.vet_name, .vet_phone]' '["Doe","3"]'
    assert_json "$D1/b.json" .vet_phone '"2"'
}

extract_type__dogs_breeds_from_real_input() {
    local data=$ROOT/../shared/data/dog-breeds.json
    [[ -r $data ]] || skip "../shared/data/dog-breeds.json is not there"
    add v1 <<'YAML'
version: v1
types:
  Breed: {fields: {name: string, origin: string, imageURL: string}}
YAML
    python3 - "$data" "$M/v1/Breed" <<'PY'
import json, sys
for n, breed in enumerate(json.load(open(sys.argv[1]))):
    with open(f"{sys.argv[2]}/{n}.json", "w") as f:
        json.dump(breed, f)
PY
    migrate '  - extract_type: {type: Breed, fields: {origin: name}, into: Country, as: origin}'
    local countries
    countries=$(jq -r '.[].origin | select(. != null)' "$data" | sort -u | wc -l)
    assert_eq "$(names "$M/v2/Country" | wc -l)" "$countries"
    backfill v2
    assert_eq "$(names "$M/v2/Country" | wc -l)" "$countries"
    agree v2
}

run_tests "$@"
