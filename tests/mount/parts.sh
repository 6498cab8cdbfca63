#!/usr/bin/env bash
# split_type: the items of one type in several.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"

setup() {
    mount_store
    D1=$M/v1/Dog P=$M/v2/Puppy A=$M/v2/Adult
}

dogs() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string, age: integer, mother: {type: ref<Dog>, on_delete: unset}}}
  Walk: {fields: {dog: {type: ref<Dog>, on_delete: restrict}, note: string}}
YAML
    put "$D1/rex.json" '{"name": "Rex", "age": 1}'
    put "$D1/max.json" '{"name": "Max", "age": 7}'
    put "$D1/old.json" '{"name": "Old"}'
    put "$M/v1/Walk/w.json" '{"dog": "rex", "note": "n"}'
}

split() {
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - split_type: {type: Dog, into: {Puppy: "age < 2", Adult: else}}
YAML
}

split_type__items_stand_in_the_first_part_whose_condition_holds() {
    dogs
    split
    assert_absent "$M/v2/Dog"
    assert_eq "$(names "$P")" rex.json
    assert_eq "$(names "$A")" $'max.json\nold.json'
    assert_eq "$(names "$D1")" $'max.json\nold.json\nrex.json'
    assert_absent "$A/rex.json"
    assert_json "$P/rex.json" .name '"Rex"'
    assert_eq "$(jq -r ._key "$M/v2/Adult.jsonl")" $'max\nold'
    agree v2
    backfill v2
    assert_eq "$(names "$A")" $'max.json\nold.json'
    agree v2
}

split_type__first_of_three() {
    dogs
    put "$D1/zero.json" '{"name": "Zero", "age": 0}'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - split_type: {type: Dog, into: {Rest: else, Puppy: "age < 2", Young: "age < 8 -- or so"}}
YAML
    assert_eq "$(names "$P")" $'rex.json\nzero.json'
    assert_eq "$(names "$M/v2/Young")" max.json
    assert_eq "$(names "$M/v2/Rest")" old.json
}

split_type__new_items_through_either_side() {
    dogs
    split
    check() {
        put "$D1/$1-a.json" '{"name": "A", "age": 9}'
        sees "$A/$1-a.json"
        put "$P/$1-p.json" '{"name": "P", "age": 9}'
        sees "$D1/$1-p.json"
        assert_absent "$A/$1-p.json"
        assert_exists "$P/$1-p.json"
        rm "$D1/$1-a.json" "$P/$1-p.json"
        sees_no_more "$A/$1-a.json"
        sees_no_more "$D1/$1-p.json"
    }
    before_and_after_backfill v2 check
    agree v2
}

split_type__a_write_through_the_whole_moves_it() {
    dogs
    split
    assert_json "$P/rex.json" .age 1
    exec 3<"$P/rex.json"
    put "$D1/rex.json" '{"name": "Rex", "age": 3}'
    sees "$A/rex.json"
    sees_no_more "$P/rex.json"
    assert_json "$A/rex.json" .age 3
    assert_eq "$(names "$P")" ''
    ! cat <&3 >"$T/late" 2>/dev/null || [[ ! -s $T/late ]] || assert_contains "$(cat "$T/late")" Rex
    exec 3<&-
    assert_json "$M/v2/Walk/w.json" .dog '"rex"'
    put "$D1/rex.json" '{"name": "Rexy", "age": 3}'
    assert_json "$A/rex.json" .name '"Rexy"'
    agree v2
}

split_type__a_write_through_a_part_leaves_it_there() {
    dogs
    split
    put "$P/rex.json" '{"name": "Rex", "age": 30}'
    assert_eq "$(names "$P")" rex.json
    assert_json "$D1/rex.json" .age 30
    put "$D1/rex.json" '{"name": "Rexy", "age": 30}'
    assert_eq "$(names "$P")" rex.json
    put "$D1/rex.json" '{"name": "Rexy", "age": 31}'
    sees "$A/rex.json"
    put "$D1/rex.json" '{"name": "Rexy", "age": 30}'
    sees "$P/rex.json"
    agree v2
}

split_type__mv_from_part_to_part() {
    dogs
    split
    mv "$P/rex.json" "$A/rex.json"
    assert_eq "$(names "$P")" ''
    assert_eq "$(names "$A")" $'max.json\nold.json\nrex.json'
    assert_json "$D1/rex.json" . '{"name":"Rex","age":1}'
    assert_json "$M/v2/Walk/w.json" .dog '"rex"'
    mv "$A/old.json" "$P/renamed.json"
    sees "$D1/renamed.json"
    sees_no_more "$D1/old.json"
    assert_eq "$(names "$P")" renamed.json
    assert_eq "$(errno_of 'os.rename("v2/Puppy/renamed.json", "v2/Walk/renamed.json")')" EPERM
    assert_eq "$(errno_of 'os.rename("v2/Puppy/renamed.json", "v1/Dog/x.json")')" EPERM
    assert_eq "$(errno_of 'os.rename("v2/Puppy/renamed.json", "v2/Adult/scratch")')" EPERM
    mv "$P/renamed.json" "$A/max.json"
    assert_eq "$(names "$A")" $'max.json\nrex.json'
    assert_json "$A/max.json" .name '"Old"'
    backfill v2
    agree v2
}

split_type__a_key_stands_once_over_all_parts() {
    dogs
    split
    assert_eq "$(errno_of 'open("v2/Adult/rex.json", "w")')" EEXIST
    assert_eq "$(errno_of 'os.rename("v2/Adult/max.json", "v2/Adult/rex.json")')" EEXIST
    assert_fails sh -c "echo '{\"_key\": \"rex\", \"name\": \"X\"}' >>'$M/v2/Adult.jsonl'"
    assert_json "$P/rex.json" .name '"Rex"'
    assert_eq "$(names "$A")" $'max.json\nold.json'
}

split_type__references_go_on_to_all_parts() {
    dogs
    put "$D1/max.json" '{"name": "Max", "age": 7, "mother": "rex"}'
    split
    assert_json "$A/max.json" .mother '"rex"'
    put "$M/v2/Walk/w.json" '{"dog": "max"}'
    assert_json "$M/v1/Walk/w.json" .dog '"max"'
    refuses EINVAL "$M/v2/Walk/w.json" '{"dog": "nobody"}'
    assert_errno EBUSY rm "$A/max.json"
    rm "$P/rex.json"
    assert_json "$A/max.json" .mother null
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - rename_type: {from: Adult, to: Grown}
  - add_field: {type: Walk, field: second, as: ref<Puppy|Grown>}
  - add_field: {type: Grown, field: job, as: {type: string, default: none}}
YAML
    put "$M/v3/Walk/w.json" '{"dog": "max", "second": "old"}'
    assert_json "$M/v3/Walk/w.json" .second '"old"'
    put "$M/v3/Grown/old.json" '{"name": "Old", "job": "guard"}'
    mv "$M/v3/Grown/old.json" "$M/v3/Puppy/old.json"
    assert_json "$M/v3/Puppy/old.json" 'has("job")' false
    assert_json "$M/v3/Walk/w.json" .second '"old"'
    mv "$M/v3/Puppy/old.json" "$M/v3/Grown/old.json"
    assert_json "$M/v3/Grown/old.json" .job '"guard"'
    agree v3
}

split_type__a_reference_to_one_part_is_made_to_items_of_it() {
    dogs
    split
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - add_field: {type: Walk, field: puppy, as: ref<Puppy>}
  - add_field: {type: Walk, field: more, as: list<ref<Puppy>>}
YAML
    refuses EINVAL "$M/v3/Walk/w.json" '{"dog": "rex", "puppy": "max"}'
    assert_contains "$(tail -n 5 "$M/control/errors")" 'v3/Walk/w.json:1:25: error: there is no Puppy "max"'
    refuses EINVAL "$M/v3/Walk/w.json" '{"dog": "rex", "more": ["rex", "max"]}'
    assert_fails bash -c "echo '{\"_key\": \"w\", \"dog\": \"rex\", \"puppy\": \"max\"}' >>'$M/v3/Walk.jsonl'"
    put "$M/v3/Walk/w.json" '{"dog": "rex", "puppy": "rex", "more": ["rex"]}'
    mv "$M/v3/Puppy/rex.json" "$M/v3/Adult/rex.json"
    assert_json "$M/v3/Walk/w.json" '[.puppy, .more]' '["rex",["rex"]]'
    put "$M/v3/Walk/w.json" '{"dog": "max", "puppy": "rex", "more": ["rex"]}'
    assert_json "$M/v3/Walk/w.json" '[.dog, .puppy, .more]' '["max","rex",["rex"]]'
    agree v3
    put "$M/v3/Walk/w.json" '{"dog": "max"}'
    refuses EINVAL "$M/v3/Walk/w.json" '{"dog": "max", "puppy": "rex"}'
}

split_type__mv_into_a_part_with_checks_and_unique_keys_of_its_own() {
    dogs
    split
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - add_check:  {type: Adult, check: "age >= 2", up: {age: "max(age, 2)"}}
  - add_unique: {type: Adult, fields: [name]}
YAML
    mv "$M/v3/Puppy/rex.json" "$M/v3/Adult/rex.json"
    assert_json "$M/v3/Adult/rex.json" .age 2
    assert_json "$D1/rex.json" .age 1
    agree v3
    mv "$M/v3/Adult/rex.json" "$M/v3/Puppy/rex.json"
    assert_json "$M/v3/Puppy/rex.json" .age 1
    put "$M/v3/Puppy/rex.json" '{"name": "Max", "age": 1}'
    assert_errno EEXIST mv "$M/v3/Puppy/rex.json" "$M/v3/Adult/rex.json"
    assert_contains "$(tail -n 5 "$M/control/errors")" 'Adult.name: "Max" is taken by "max"'
    assert_json "$M/v3/Puppy/rex.json" . '{"name":"Max","age":1}'
    assert_absent "$M/v3/Adult/rex.json"
    agree v3
}

split_type__declared_types_may_refer_to_all_parts() {
    dogs
    split
    add v3 <<'YAML'
version: v3
from: v2
types:
  Walk: {fields: {dog: {type: ref<Puppy|Adult>, on_delete: restrict}, note: string, long: boolean}}
  Puppy: {fields: {name: string, age: integer, mother: {type: ref<Puppy|Adult>, on_delete: unset}}}
  Adult: {fields: {name: string, age: integer, mother: {type: ref<Puppy|Adult>, on_delete: unset}}}
YAML
    assert_json "$M/v3/Walk/w.json" .dog '"rex"'
    assert_eq "$(names "$M/v3/Puppy")" rex.json
}

split_type__unique_fields() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string, age: integer, chip: {type: string, unique: true}}}
YAML
    put "$D1/rex.json" '{"name": "Rex", "age": 1, "chip": "c"}'
    put "$D1/max.json" '{"name": "Same", "age": 7}'
    put "$D1/old.json" '{"name": "Same"}'
    split
    refuses EEXIST "$A/max.json" '{"name": "Same", "age": 7, "chip": "c"}'
    stage v3 <<'YAML'
version: v3
from: v2
migrate:
  - add_unique: {type: Adult, fields: [name]}
YAML
    assert_errno EEXIST verb add v3
    assert_contains "$(outcome add)" 'Adult.name is not unique'
    put "$A/old.json" '{"name": "Other"}'
    put "$P/same.json" '{"name": "Same"}'
    must_verb add v3
    sees "$M/v3"
    assert_eq "$(errno_of 'os.rename("v3/Puppy/same.json", "v3/Adult/same.json")')" EEXIST
    assert_exists "$P/same.json"
    put "$P/more.json" '{"name": "Other"}'
    agree v3
}

split_type__revert_and_the_same_file_again() {
    dogs
    split
    mv "$A/max.json" "$P/max.json"
    put "$A/made.json" '{"name": "Made", "age": 0}'
    sees "$D1/made.json"
    cat "$M/schemas/v2.yaml" >"$T/v2.yaml"
    must_verb revert v2
    put "$D1/rex.json" '{"name": "Rex", "age": 10}'
    put "$D1/late.json" '{"name": "Late", "age": 0}'
    rm "$D1/old.json"
    add v2 <"$T/v2.yaml"
    assert_eq "$(names "$P")" $'late.json\nmax.json'
    assert_eq "$(names "$A")" $'made.json\nrex.json'
    agree v2
}

split_type__finalize_keeps_the_parts() {
    dogs
    split
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - add_field: {type: Adult, field: job, as: string}
YAML
    mv "$P/rex.json" "$A/rex.json"
    backfill v3
    must_verb finalize v2
    put "$P/new.json" '{"name": "New", "age": 50}'
    must_verb finalize v3
    put "$M/v3/Adult/last.json" '{"name": "Last", "job": "j"}'
    mv "$M/v3/Puppy/new.json" "$M/v3/Adult/new.json"
    assert_eq "$(status '.versions[0].misfits')" 1
    put "$M/v3/Adult/rex.json" '{"name": "Rex", "age": 9}'
    assert_eq "$(status '.versions[0].misfits')" 0
    assert_eq "$(names "$M/v3/Adult")" $'last.json\nmax.json\nnew.json\nold.json\nrex.json'
    assert_eq "$(names "$M/v3/Puppy")" ''
    remount_store
    assert_eq "$(names "$M/v3/Adult")" $'last.json\nmax.json\nnew.json\nold.json\nrex.json'
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

split_type__with_other_keys() {
    dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - change_key: {type: Dog, up: "name", down: "lower(_key)"}
  - split_type: {type: Dog, into: {Puppy: "age < 2", Adult: else}}
YAML
    assert_eq "$(names "$P")" Rex.json
    assert_eq "$(names "$A")" $'Max.json\nOld.json'
    assert_json "$M/v2/Walk/w.json" .dog '"Rex"'
    put "$D1/rex.json" '{"name": "Rexy", "age": 5}'
    sees "$A/Rexy.json"
    sees_no_more "$P/Rex.json"
    mv "$A/Max.json" "$P/Mini.json"
    sees "$D1/mini.json"
    agree v2
}

split_type__counts_and_misfits() {
    dogs
    split
    assert_eq "$(status '.versions[] | select(.version == "v2") | .items')" null
    names "$P" >/dev/null
    assert_eq "$(status '.versions[] | select(.version == "v2") | .items')" 4
    assert_eq "$(status '.versions[] | select(.version == "v2") | .misfits')" 0
    put "$P/rex.json" '{"name": "Rex", "age": 30}'
    mv "$A/max.json" "$P/max.json"
    assert_eq "$(status '.versions[] | select(.version == "v2") | .misfits')" 2
    assert_contains "$(cat "$M/control/status")" '2 items no longer fit their part'
    must_verb check v2
    assert_contains "$(outcome check)" '2 items no longer fit their part'
    put "$P/rex.json" '{"name": "Rex", "age": 0}'
    mv "$P/max.json" "$A/max.json"
    assert_eq "$(status '.versions[] | select(.version == "v2") | .misfits')" 0
}

split_type__dry_run() {
    dogs
    stage v2 <<'YAML'
version: v2
from: v1
migrate:
  - split_type: {type: Dog, into: {Puppy: "age < 2", Adult: else}}
YAML
    must_verb check v2
    assert_contains "$(outcome check)" 'items of Dog stand in Puppy|Adult'
    assert_contains "$(outcome check)" '3 items'
}

split_type__open_types() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {open: true, fields: {name: string, age: integer}}
YAML
    put "$D1/rex.json" '{"name": "Rex", "age": 1, "toy": ["ball"]}'
    split
    check() {
        assert_json "$P/rex.json" . '{"name":"Rex","age":1,"toy":["ball"]}'
        put "$P/rex.json" '{"name": "R", "age": 1, "bed": "big"}'
        assert_json "$D1/rex.json" . '{"name":"R","age":1,"bed":"big"}'
        put "$D1/rex.json" '{"name": "Rex", "age": 7, "toy": 1}'
        sees "$A/rex.json"
        assert_json "$A/rex.json" .toy 1
        put "$D1/rex.json" '{"name": "Rex", "age": 1, "toy": ["ball"]}'
        sees_no_more "$A/rex.json"
    }
    before_and_after_backfill v2 check
    agree v2
}

# The other type stays whole.
split_type__a_copy() {
    dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - copy_type: {from: Dog, to: Hound}
  - split_type: {type: Hound, into: {Puppy: "age < 2", Adult: else}}
YAML
    assert_eq "$(names "$P")" rex.json
    assert_eq "$(names "$A")" $'max.json\nold.json'
    assert_eq "$(names "$M/v2/Dog")" $'max.json\nold.json\nrex.json'
    check() {
        put "$M/v2/Dog/$1.json" '{"name": "N", "age": 1}'
        sees "$P/$1.json"
        put "$M/v2/Dog/$1.json" '{"name": "N", "age": 3}'
        sees "$A/$1.json"
        sees_no_more "$P/$1.json"
        put "$A/$1.json" '{"name": "A", "age": 4}'
        assert_json "$M/v2/Dog/$1.json" . '{"name":"A","age":4}'
        assert_json "$D1/$1.json" .name '"A"'
        put "$P/$1-p.json" '{"name": "P", "age": 1}'
        sees "$M/v2/Dog/$1-p.json"
        rm "$M/v2/Dog/$1-p.json" "$A/$1.json"
        sees_no_more "$P/$1-p.json"
        sees_no_more "$M/v2/Dog/$1.json"
    }
    before_and_after_backfill v2 check
    agree v2
}

split_type__what_is_refused() {
    dogs
    refused_schema v2 'no part of Dog is `else`' <<'YAML'
version: v2
from: v1
migrate:
  - split_type: {type: Dog, into: {Puppy: "age < 2", Adult: "age >= 2"}}
YAML
    refused_schema v2 'v2.yaml:4:.*no field "aeg"' <<'YAML'
version: v2
from: v1
migrate:
  - split_type: {type: Dog, into: {Puppy: "aeg < 2", Adult: else}}
YAML
    refused_schema v2 '"Walk" is already the name' <<'YAML'
version: v2
from: v1
migrate:
  - split_type: {type: Dog, into: {Walk: "age < 2", Adult: else}}
YAML
    split
    refused_schema v3 'Puppy is a part of a type that was split' <<'YAML'
version: v3
from: v2
migrate:
  - extract_type: {type: Puppy, fields: [name], into: Name, as: called}
YAML
    refused_schema v3 'is used by Walk.dog' <<'YAML'
version: v3
from: v2
migrate:
  - remove_type: {type: Puppy}
YAML
}

split_type__a_part_may_have_the_name_of_the_whole() {
    dogs
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - split_type: {type: Dog, into: {Puppy: "age < 2", Dog: else}}
YAML
    assert_eq "$(names "$M/v2/Dog")" $'max.json\nold.json'
    assert_eq "$(names "$P")" rex.json
    put "$M/v2/Dog/new.json" '{"name": "N"}'
    sees "$D1/new.json"
}

split_type__a_store_of_the_format_before_is_brought_up_to_date() {
    need sqlite3
    dogs
    unmount_store
    sqlite3 "$S" 'DROP TABLE member; PRAGMA user_version = 2'
    mount_store
    split
    assert_eq "$(names "$P")" rex.json
    unmount_store
    assert_eq "$(sqlite3 "$S" 'PRAGMA user_version')" 5
    "$SCHEMAFS" fsck "$S"
}

run_tests "$@"
