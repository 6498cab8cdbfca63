#!/usr/bin/env bash
# Names that are made, removed or renamed through one version show in the others within 50 ms, whatever else is under way.
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

SHOWN_S=0.05

three_versions() {
    add v1 <<'YAML'
version: v1
types:
  T: {fields: {a: string, b: string}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: T, from: a, to: alpha}
YAML
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - rename_field: {type: T, from: b, to: beta}
YAML
}

setup() { :; }

# ---------------------------------------------------------------- beside somebody who makes a file of the same name

made_elsewhere__shows_though_the_same_name_is_being_made_here() {
    mount_store
    three_versions
    exec 3>"$M/v1/T/x.json"
    assert_fails cat "$M/v1/T/x.json"
    put "$M/v2/T/x.json" '{"alpha": "made in v2"}'
    sleep "$SHOWN_S"
    assert_json "$M/v1/T/x.json" .a '"made in v2"'
    assert_eq "$(names "$M/v1/T")" x.json
    printf '{"b": "made in v1"}\n' >&3
    exec 3>&-
    assert_json "$M/v1/T/x.json" . '{"b":"made in v1"}'
    assert_json "$M/v2/T/x.json" . '{"b":"made in v1"}'
}

# In Python: bash says nothing of what close() returns.
made_elsewhere__refuses_who_makes_it_here_exclusively() {
    mount_store
    three_versions
    cat >"$T/make.py" <<'PY'
import errno, os, sys
mount = sys.argv[1]
fd = os.open(f"{mount}/v1/T/x.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
with open(f"{mount}/v2/T/x.json", "w") as f:
    f.write('{"alpha": "first"}')
os.stat(f"{mount}/v1/T/x.json")
try:
    os.write(fd, b'{"a": "second"}')
    os.close(fd)
except OSError as e:
    print(errno.errorcode[e.errno])
PY
    assert_eq "$(python3 "$T/make.py" "$M")" EEXIST
    assert_json "$M/v1/T/x.json" .a '"first"'
}

# While somebody makes x.json in v1, and v2 has made it: what is done to the name in v1 is done to both.
both() {
    mount_store
    three_versions
    exec 3>"$M/v1/T/x.json"
    put "$M/v2/T/x.json" '{"alpha": "made in v2"}'
    assert_exists "$M/v1/T/x.json"
}

made_elsewhere__goes_with_the_name_that_is_being_made() {
    both
    rm "$M/v1/T/x.json"
    assert_absent "$M/v1/T/x.json"
    sees_no_more "$M/v2/T/x.json"
    printf '{"b": "nobody reads it"}\n' >&3
    exec 3>&-
    assert_absent "$M/v1/T/x.json"
    assert_absent "$M/v2/T/x.json"
}

made_elsewhere__is_renamed_with_the_name_that_is_being_made() {
    both
    mv "$M/v1/T/x.json" "$M/v1/T/y.json"
    sleep "$SHOWN_S"
    assert_absent "$M/v1/T/x.json"
    assert_json "$M/v1/T/y.json" .a '"made in v2"'
    printf '{"b": "made in v1"}\n' >&3
    exec 3>&-
    assert_json "$M/v1/T/y.json" . '{"b":"made in v1"}'
    sees "$M/v2/T/y.json"
    assert_eq "$(names "$M/v1/T")" y.json
}

made_elsewhere__is_not_taken_out_of_the_way_while_it_is_being_made() {
    both
    assert_errno EBUSY mv "$M/v1/T/x.json" "$M/v1/T/x.json~"
    exec 3>&-
    assert_json "$M/v1/T/x.json" .a '"made in v2"'
}

made_elsewhere__is_replaced_with_the_name_that_is_being_made() {
    both
    echo '{"a": "moved here"}' >"$M/v1/T/t"
    mv "$M/v1/T/t" "$M/v1/T/x.json"
    printf '{"b": "nobody reads it"}\n' >&3
    exec 3>&-
    assert_json "$M/v1/T/x.json" . '{"a":"moved here"}'
    assert_eq "$(names "$M/v1/T")" x.json
}

# ---------------------------------------------------------------- beside a request that holds the directory

slow_mount() {
    mount_store_with_bad_syncs -o sync
    three_versions
    local version name
    for name in x other; do put "$M/v1/T/$name.json" '{"a": "1"}'; done
    # Twice: having listed a directory, the kernel asks for its times, and so finds a change by itself.
    for version in v1 v2 v3; do ls -l "$M/$version/T" && ls -l "$M/$version/T"; done >/dev/null
}

held_directory__hides_no_rename_in_another_version() {
    slow_mount
    beside_a_held_removal "$M/v1/T/other.json" mv "$M/v2/T/x.json" "$M/v2/T/y.json"
    sleep "$SHOWN_S"
    assert_absent "$M/v3/T/x.json"
    assert_eq "$(names "$M/v3/T")" $'other.json\ny.json'
    end_removal
    assert_absent "$M/v1/T/x.json"
}

held_directory__keeps_no_new_name_from_a_listing_elsewhere() {
    slow_mount
    beside_a_held_removal "$M/v1/T/other.json" put "$M/v2/T/new.json" '{"alpha": "2"}'
    sleep "$SHOWN_S"
    assert_eq "$(names "$M/v3/T" | head -n 1)" new.json
    end_removal
}

run_tests "$@"
