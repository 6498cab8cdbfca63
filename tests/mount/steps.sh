#!/usr/bin/env bash
# Every kind of step: forward and backward, reading and writing, before and after backfill.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"
. "${0%/*}/steps.bash"

# ---------------------------------------------------------------- types

add_type__item() {
    dogs
    migrate '  - add_type: {type: Vet, fields: {name: {type: string, required: true}, phone: string}}'
    assert_absent "$M/v1/Vet"
    check() {
        put "$M/v2/Vet/$1.json" '{"name": "Dr Doe", "phone": "12"}'
        assert_json "$M/v2/Vet/$1.json" .phone '"12"'
        refuses EINVAL "$M/v2/Vet/$1.json" '{"phone": "12"}'
        assert_json "$D2/rex.json" .name '"Rex"'
        assert_absent "$M/v1/Vet"
    }
    before_and_after_backfill v2 check
    agree v2
}

add_type__enum_and_object_that_a_field_uses() {
    dogs
    migrate '  - add_type: {type: Coat, kind: enum, values: [short, long, wire]}
  - add_type: {type: Chip, kind: object, fields: {number: {type: integer, required: true}}}
  - add_field: {type: Dog, field: coat, as: Coat}
  - add_field: {type: Dog, field: chip, as: Chip}'
    write "$D2/max.json" '{"name": "Max", "coat": "wire", "chip": {"number": 7}}' "$D1/max.json"
    assert_json "$D2/max.json" '[.coat, .chip.number]' '["wire",7]'
    refuses EINVAL "$D2/max.json" '{"name": "Max", "coat": "wiry"}'
    refuses EINVAL "$D2/max.json" '{"name": "Max", "chip": {"numbr": 7}}'
    assert_json "$D1/max.json" 'has("coat") or has("chip")' false
}

remove_type__the_old_version_still_serves_all_items() {
    dogs
    migrate '  - remove_type: {type: Walk}'
    assert_absent "$M/v2/Walk"
    check() {
        assert_json "$M/v1/Walk/w.json" . '{"dog":"rex","note":"n"}'
        put "$M/v1/Walk/$1.json" '{"dog": "rex"}'
        assert_json "$M/v1/Walk/$1.json" .dog '"rex"'
        assert_absent "$M/v2/Walk"
    }
    before_and_after_backfill v2 check
    assert_eq "$(names "$M/v1/Walk")" $'late.json\nnew.json\nw.json'
}

rename_type__same_items_under_two_names() {
    dogs
    migrate '  - rename_type: {from: Dog, to: Hound}'
    assert_absent "$M/v2/Dog"
    check() {
        assert_json "$M/v2/Hound/rex.json" .name '"Rex"'
        write "$M/v2/Hound/$1.json" '{"name": "H"}' "$D1/$1.json"
        write "$D1/$1-old.json" '{"name": "O"}' "$M/v2/Hound/$1-old.json"
        put "$D1/$1.json" '{"name": "HH"}'
        assert_json "$M/v2/Hound/$1.json" .name '"HH"'
        put "$M/v2/Walk/$1.json" "{\"dog\": \"$1\"}"
        sees "$M/v1/Walk/$1.json"
        assert_json "$M/v1/Walk/$1.json" .dog "\"$1\""
        rm "$M/v2/Hound/$1-old.json"
        sees_no_more "$D1/$1-old.json"
    }
    before_and_after_backfill v2 check
    agree v2
}

rename_type__enum_and_object() {
    dogs
    migrate '  - rename_type: {from: Size, to: Height}
  - rename_type: {from: Home, to: Address}
  - add_field: {type: Dog, field: second_home, as: Address}'
    assert_json "$D2/rex.json" '[.size, .home.city]' '["small","B"]'
    write "$D2/max.json" '{"name": "Max", "size": "large", "second_home": {"city": "C"}}' "$D1/max.json"
    assert_json "$D1/max.json" . '{"name":"Max","size":"large"}'
}

copy_type__a_write_to_either_reaches_the_other() {
    dogs
    migrate '  - copy_type: {from: Walk, to: Stroll}'
    assert_json "$M/v2/Stroll/w.json" . '{"dog":"rex","note":"n"}'
    check() {
        write "$M/v2/Walk/$1.json" '{"note": "a"}' "$M/v2/Stroll/$1.json"
        assert_json "$M/v2/Stroll/$1.json" .note '"a"'
        put "$M/v2/Stroll/$1.json" '{"note": "b"}'
        assert_json "$M/v2/Walk/$1.json" .note '"b"'
        sees "$M/v1/Walk/$1.json"
        assert_json "$M/v1/Walk/$1.json" .note '"b"'
        put "$M/v1/Walk/$1.json" '{"note": "c"}'
        assert_json "$M/v2/Stroll/$1.json" .note '"c"'
        assert_absent "$M/v1/Stroll"
    }
    before_and_after_backfill v2 check
    agree v2
}

# ---------------------------------------------------------------- fields

add_field__with_up_seeds_what_is_there() {
    dogs
    migrate '  - add_field: {type: Dog, field: initial, as: string, up: "substr(name, 1, 1)"}'
    assert_json "$D2/rex.json" .initial '"R"'
    check() {
        write "$D1/$1.json" '{"name": "Max"}' "$D2/$1.json"
        assert_json "$D2/$1.json" .initial '"M"'
        # An explicit write wins for good.
        put "$D2/$1.json" '{"name": "Max", "initial": "X"}'
        put "$D1/$1.json" '{"name": "Nox", "breed": "Pug"}'
        assert_json "$D2/$1.json" '[.name, .initial]' '["Nox","X"]'
        assert_json "$D1/$1.json" 'has("initial")' false
    }
    before_and_after_backfill v2 check
    assert_json "$D2/rex.json" .initial '"R"'
}

add_field__with_a_default() {
    dogs
    migrate '  - add_field: {type: Dog, field: legs, as: {type: integer, default: 4}}'
    check() {
        assert_json "$D2/rex.json" .legs 4
        write "$D2/$1.json" '{"name": "Tripod", "legs": 3}' "$D1/$1.json"
        put "$D1/$1.json" '{"name": "Tri"}'
        assert_json "$D2/$1.json" . '{"name":"Tri","legs":3}'
    }
    before_and_after_backfill v2 check
}

add_field__without_both_is_unset() {
    dogs
    migrate '  - add_field: {type: Dog, field: chip, as: string}'
    assert_json "$D2/rex.json" 'has("chip")' false
    put "$D2/rex.json" '{"name": "Rex", "chip": "c"}'
    assert_json "$D1/rex.json" .name '"Rex"'
    backfill v2
    assert_json "$D2/rex.json" .chip '"c"'
}

add_field__required_without_a_value_is_refused() {
    dogs
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: chip, as: {type: string, required: true}}
YAML
}

add_field__inside_an_object() {
    dogs
    migrate '  - add_field: {type: Home, field: zip, as: string}'
    check() {
        put "$D2/rex.json" '{"name": "Rex", "home": {"street": "A", "city": "B", "zip": "77"}}'
        assert_json "$D1/rex.json" .home '{"street":"A","city":"B"}'
        put "$D1/rex.json" '{"name": "Rex", "home": {"street": "AA", "city": "B"}}'
        assert_json "$D2/rex.json" .home '{"street":"AA","city":"B","zip":"77"}'
    }
    before_and_after_backfill v2 check
}

rename_field__inside_an_object() {
    dogs
    migrate '  - rename_field: {type: Home, from: city, to: town}'
    check() {
        put "$D2/rex.json" '{"name": "Rex", "home": {"street": "A", "town": "X"}}'
        assert_json "$D1/rex.json" .home '{"street":"A","city":"X"}'
        put "$D1/rex.json" '{"name": "Rex", "home": {"street": "A", "city": "Y"}}'
        assert_json "$D2/rex.json" .home '{"street":"A","town":"Y"}'
    }
    before_and_after_backfill v2 check
}

remove_field__the_old_value_is_kept() {
    dogs
    migrate '  - remove_field: {type: Dog, field: breed}'
    check() {
        assert_json "$D2/rex.json" 'has("breed")' false
        put "$D2/rex.json" "{\"name\": \"Rex $1\"}"
        assert_json "$D1/rex.json" '[.name, .breed]' "[\"Rex $1\",\"Beagle\"]"
        write "$D2/$1.json" '{"name": "New"}' "$D1/$1.json"
        assert_json "$D1/$1.json" 'has("breed")' false
        refuses EINVAL "$D2/$1.json" '{"name": "New", "breed": "Pug"}'
    }
    before_and_after_backfill v2 check
}

remove_field__down_gives_items_of_the_new_version_a_value() {
    dogs
    migrate '  - remove_field: {type: Dog, field: breed, down: "'\''was '\'' || name"}'
    check() {
        assert_json "$D1/rex.json" .breed '"Beagle"'
        write "$D2/$1.json" '{"name": "New"}' "$D1/$1.json"
        assert_json "$D1/$1.json" .breed '"was New"'
    }
    before_and_after_backfill v2 check
}

remove_field__down_stands_in_until_somebody_writes_the_field() {
    dogs
    migrate '  - map_values: {type: Dog, field: breed, values: {pug: mops}}
  - remove_field: {type: Dog, field: breed, down: name}'
    add v3 <<'YAML'
version: v3
from: v1
migrate:
  - remove_field: {type: Dog, field: breed}
YAML
    check() {
        local name
        write "$D2/$1.json" '{"name": "b"}' "$M/v3/Dog/$1.json"
        for name in c e g; do # through a version that knows nothing of `down`, and back
            put "$M/v3/Dog/$1.json" "{\"name\": \"$name\"}"
            put "$D2/$1.json" "{\"name\": \"$name$name\"}"
            assert_json "$D1/$1.json" .breed "\"$name$name\""
        done
        put "$D1/$1.json" '{"name": "gg", "breed": "x"}'
        put "$M/v3/Dog/$1.json" '{"name": "h"}'
        put "$D2/$1.json" '{"name": "i"}'
        assert_json "$D1/$1.json" .breed '"x"'
    }
    before_and_after_backfill v2 check
}

remove_field__required_without_down_or_default_is_refused() {
    dogs
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Dog, field: name}
YAML
    assert_contains "$(outcome add)" name
}

rename_field__one_value_under_two_names() {
    dogs
    migrate '  - rename_field: {type: Dog, from: name, to: call_name}'
    check() {
        put "$D2/rex.json" "{\"call_name\": \"R $1\", \"breed\": \"Beagle\"}"
        assert_json "$D1/rex.json" '[.name, .breed]' "[\"R $1\",\"Beagle\"]"
        write "$D1/$1.json" '{"name": "Max"}' "$D2/$1.json"
        assert_json "$D2/$1.json" . '{"call_name":"Max"}'
        refuses EINVAL "$D2/$1.json" '{"name": "Max"}'
        refuses EINVAL "$D1/$1.json" '{"call_name": "Max"}'
    }
    before_and_after_backfill v2 check
    agree v2
}

rename_field__two_names_swap() {
    dogs
    migrate '  - rename_field: {type: Dog, from: breed, to: tmp}
  - rename_field: {type: Dog, from: age, to: breed}
  - rename_field: {type: Dog, from: tmp, to: age}'
    assert_json "$D2/rex.json" '[.breed, .age]' '["3","Beagle"]'
    put "$D2/rex.json" '{"name": "Rex", "breed": "4", "age": "Boxer"}'
    assert_json "$D1/rex.json" '[.breed, .age]' '["Boxer","4"]'
}

remove_and_add_field__under_one_name_are_two_fields() {
    dogs
    migrate '  - remove_field: {type: Dog, field: breed}
  - add_field: {type: Dog, field: breed, as: string}'
    assert_json "$D2/rex.json" 'has("breed")' false
    put "$D2/rex.json" '{"name": "Rex", "breed": "other"}'
    assert_json "$D1/rex.json" .breed '"Beagle"'
    backfill v2
    assert_json "$D2/rex.json" .breed '"other"'
}

require_field__up_where_it_is_unset() {
    dogs
    put "$D1/max.json" '{"name": "Max"}'
    migrate '  - require_field: {type: Dog, field: breed, up: "'\''unknown'\''"}'
    check() {
        assert_json "$D2/max.json" .breed '"unknown"'
        assert_json "$D2/rex.json" .breed '"Beagle"'
        assert_json "$D1/max.json" 'has("breed")' false
        write "$D1/$1.json" '{"name": "New"}' "$D2/$1.json"
        assert_json "$D2/$1.json" .breed '"unknown"'
        refuses EINVAL "$D2/$1.json" '{"name": "New"}'
        # The old version's freedom stays.
        put "$D1/$1.json" '{"name": "Newer"}'
        assert_json "$D1/$1.json" . '{"name":"Newer"}'
        put "$D2/$1.json" '{"name": "Newer", "breed": "Pug"}'
        assert_json "$D1/$1.json" .breed '"Pug"'
    }
    before_and_after_backfill v2 check
}

require_field__without_up_or_default_is_refused() {
    dogs
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - require_field: {type: Dog, field: breed}
YAML
    assert_contains "$(outcome add)" breed
}

relax_field__down_where_it_is_unset() {
    dogs
    migrate '  - relax_field: {type: Dog, field: name, down: "'\''nameless'\''"}'
    check() {
        write "$D2/$1.json" '{"breed": "Pug"}' "$D1/$1.json"
        assert_json "$D2/$1.json" 'has("name")' false
        assert_json "$D1/$1.json" .name '"nameless"'
        assert_json "$D2/rex.json" .name '"Rex"'
        # Editing something else through v1 does not write the name that v1 only shows.
        put "$D1/$1.json" '{"name": "nameless", "breed": "Boxer"}'
        assert_json "$D2/$1.json" . '{"breed":"Boxer"}'
        put "$D1/$1.json" '{"name": "Named", "breed": "Boxer"}'
        assert_json "$D2/$1.json" .name '"Named"'
    }
    before_and_after_backfill v2 check
}

relax_field__without_down_or_default_is_refused() {
    dogs
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - relax_field: {type: Dog, field: name}
YAML
}

change_default__shows_in_its_own_version() {
    add v1 <<'YAML'
version: v1
types:
  Bed: {fields: {size: integer, colour: {type: string, default: grey}}}
YAML
    put "$M/v1/Bed/a.json" '{"size": 1}'
    put "$M/v1/Bed/b.json" '{"size": 1, "colour": "grey"}'
    migrate '  - change_default: {type: Bed, field: colour, default: blue}'
    check() {
        # A default shown and the same value written are different things.
        assert_json "$M/v2/Bed/a.json" .colour '"blue"'
        assert_json "$M/v2/Bed/b.json" .colour '"grey"'
        write "$M/v2/Bed/$1.json" '{"size": 2}' "$M/v1/Bed/$1.json"
        assert_json "$M/v1/Bed/$1.json" .colour '"grey"'
    }
    before_and_after_backfill v2 check
}

# ---------------------------------------------------------------- values

change_type__with_up_and_down() {
    dogs
    migrate '  - change_type: {type: Dog, field: age, to: {type: integer, default: 0}, up: "CAST(age AS INTEGER)", down: "CAST(age AS TEXT)"}'
    assert_json "$D2/rex.json" .age 3
    check() {
        write "$D1/$1.json" '{"name": "Max", "age": "7"}' "$D2/$1.json"
        assert_json "$D2/$1.json" .age 7
        put "$D2/$1.json" '{"name": "Max", "age": 8}'
        assert_json "$D1/$1.json" .age '"8"'
        # An edit elsewhere runs neither direction again: 07 stays 07.
        put "$D1/$1.json" '{"name": "Max", "age": "07"}'
        put "$D2/$1.json" '{"name": "Moritz", "age": 7}'
        assert_json "$D1/$1.json" '[.name, .age]' '["Moritz","07"]'
    }
    before_and_after_backfill v2 check
    assert_json "$D2/rex.json" .age 3
    assert_json "$D1/rex.json" .age '"3"'
    agree v2
}

change_type__without_loss_needs_no_expressions() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: string, age: integer}}
YAML
    put "$D1/rex.json" '{"name": "Rex", "age": 12345678901234567890}'
    migrate '  - change_type: {type: Dog, field: age, to: number, down: "CAST(age AS INTEGER)"}'
    assert_contains "$(cat "$D2/rex.json")" 12345678901234567890
    write "$D2/max.json" '{"name": "Max", "age": 2.5}' "$D1/max.json"
    assert_json "$D1/max.json" .age 2
    assert_json "$D2/max.json" .age 2.5
}

change_type__that_narrows_without_expressions_is_refused() {
    dogs
    refused_schema v2 'v2\.yaml:4:' <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: age, to: integer}
YAML
    assert_contains "$(outcome add)" age
}

transform__several_fields_at_once() {
    dogs
    migrate '  - transform:
      type: Dog
      add: {given: string, family: string}
      remove: [name]
      up: {given: "substr(name, 1, instr(name || '\'' '\'', '\'' '\'') - 1)", family: "substr(name, instr(name || '\'' '\'', '\'' '\'') + 1)"}
      down: {name: "trim(given || '\'' '\'' || coalesce(family, '\'''\''))"}'
    check() {
        write "$D1/$1.json" '{"name": "Rex Regis", "breed": "Pug"}' "$D2/$1.json"
        assert_json "$D2/$1.json" '[.given, .family, .breed, has("name")]' '["Rex","Regis","Pug",false]'
        put "$D2/$1.json" '{"given": "Max", "family": "Maris", "breed": "Pug"}'
        assert_json "$D1/$1.json" '[.name, .breed]' '["Max Maris","Pug"]'
    }
    before_and_after_backfill v2 check
    assert_json "$D2/rex.json" .given '"Rex"'
}

# ---------------------------------------------------------------- linked sides

orders() {
    add v1 <<'YAML'
version: v1
types:
  Order: {fields: {status: {type: State, required: true}, note: string}}
enums:
  State: [pending, done]
YAML
    migrate '  - add_type: {type: State2, kind: enum, values: [pending, done, cancelled]}
  - change_type:
      type: Order
      field: status
      to: {type: State2, required: true}
      up: "status"
      down: "CASE status WHEN '\''cancelled'\'' THEN '\''pending'\'' ELSE status END"'
    O1=$M/v1/Order O2=$M/v2/Order
}

linked__cancelled_shown_as_pending_is_still_cancelled_after_an_edit_of_a_note() {
    orders
    check() {
        write "$O2/$1.json" '{"status": "cancelled", "note": "a"}' "$O1/$1.json"
        assert_json "$O1/$1.json" .status '"pending"'
        put "$O1/$1.json" '{"status": "pending", "note": "b"}'
        assert_json "$O2/$1.json" . '{"status":"cancelled","note":"b"}'
    }
    before_and_after_backfill v2 check
    assert_json "$O2/new.json" .status '"cancelled"'
}

linked__the_hidden_value_comes_back_with_the_value_it_was_shown_as() {
    orders
    check() {
        write "$O2/$1.json" '{"status": "cancelled"}' "$O1/$1.json"
        put "$O1/$1.json" '{"status": "done"}'
        assert_json "$O2/$1.json" .status '"done"'
        put "$O1/$1.json" '{"status": "pending"}'
        assert_json "$O2/$1.json" .status '"cancelled"'
    }
    before_and_after_backfill v2 check
}

linked__a_version_between_does_not_lose_it() {
    orders
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - rename_field: {type: Order, from: note, to: remark}
YAML
    write "$M/v3/Order/o.json" '{"status": "cancelled", "remark": "a"}' "$O1/o.json"
    put "$O1/o.json" '{"status": "pending", "note": "b"}'
    assert_json "$M/v3/Order/o.json" . '{"status":"cancelled","remark":"b"}'
}

run_tests "$@"
