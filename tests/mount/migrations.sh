#!/usr/bin/env bash
# Three real migrations with shell tools, each with an old and a new program at work all the way through.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"

CASE_LIMIT=240

# A reader that is held up for longer than a writer waits for it (docs/concurrency.md) may see a part of the new
# text until it opens the file again: what is no text is read once more.
read_back() { jq -r "$1" <"$2" 2>/dev/null || jq -r "$1" <"$2" 2>&1; }

# program NAME TYPE-DIRECTORY ITEM SEEN: writes items NAME-1, NAME-2, ... and reads each back, until it is
# told to stop. ITEM is its text with N for the number, SEEN a jq filter and what it has to give, with N.
# Whatever goes wrong is a line in $T/wrong.
program() {
    local name=$1 dir=$2 item=$3 filter=$4 expected=$5 n=0 got
    trap - ERR
    set +e
    until [[ -e $T/stop-$name || $n -ge 2000 ]]; do
        n=$((n + 1))
        put "$dir/$name-$n.json" "${item//N/$n}" 2>>"$T/wrong" || echo "$name could not write $n" >>"$T/wrong"
        got=$(read_back "$filter" "$dir/$name-$n.json")
        [[ $got == "${expected//N/$n}" ]] || echo "$name wrote $n and read: $got" >>"$T/wrong"
        # An earlier one as well: nobody but this program writes it.
        got=$(read_back "$filter" "$dir/$name-$((n / 2 + 1)).json")
        [[ $got == "${expected//N/$((n / 2 + 1))}" ]] || echo "$name read $((n / 2 + 1)) again: $got" >>"$T/wrong"
        echo "$n" >"$T/count-$name.new"
        mv "$T/count-$name.new" "$T/count-$name"
        sleep 0.1 # there is no more to see in more items
    done
}

start() {
    program "$@" &
    printf -v "PID_$1" %s "$!"
    wait_until 10 test -s "$T/count-$1" || fail "$1 does not get going" "$(cat "$T/wrong" 2>/dev/null)"
}

stop() {
    local pid=PID_$1
    touch "$T/stop-$1"
    wait "${!pid}" || true
    nothing_wrong
}

count() { cat "$T/count-$1"; }

# a_while: lets the programs write five items more.
a_while() {
    local name=$1 until=$(($(count "$1") + 5))
    more() { [[ $(count "$name") -ge $until ]]; }
    wait_until 30 more || fail "$name stands still" "$(tail -n 3 "$T/wrong" 2>/dev/null)"
}

nothing_wrong() { [[ ! -s $T/wrong ]] || fail "programs were disturbed:" "$(head -n 5 "$T/wrong")"; }

# all_there NAME DIRECTORY FILTER EXPECTED: every item of a program, as one version shows it.
all_there() {
    local n last
    last=$(count "$1")
    seq -f "$2/$1-%.0f.json" "$last" | xargs jq -r "$3" >"$T/got" || fail "not all of $1 in $2 can be read"
    for ((n = 1; n <= last; n++)); do
        echo "${4//N/$n}"
    done >"$T/expected"
    diff "$T/expected" "$T/got" >"$T/diff" || fail "$1 in $2, expected and got:" "$(head -n 10 "$T/diff")"
}

migration__rename_without_downtime() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, age: integer}}
YAML
    start old "$M/v1/Dog" '{"name": "old dog N", "age": N}' '"\(.name) \(.age)"' 'old dog N N'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - rename_field: {type: Dog, from: name, to: call_name}
YAML
    a_while old
    start new "$M/v2/Dog" '{"call_name": "new dog N", "age": N}' '"\(.call_name) \(.age)"' 'new dog N N'
    a_while new
    backfill v2
    agree v2
    a_while old
    a_while new
    all_there old "$M/v2/Dog" .call_name 'old dog N'
    all_there new "$M/v1/Dog" .name 'new dog N'
    stop old
    must_verb finalize v2
    a_while new
    stop new
    all_there old "$M/v2/Dog" .call_name 'old dog N'
    all_there new "$M/v2/Dog" .call_name 'new dog N'
    assert_eq "$(names "$M/v2/Dog" | wc -l)" "$(($(count old) + $(count new)))"
    assert_absent "$M/v1"
}

dogs_with_breeds() {
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, breed: string}}
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "breed": "Beagle"}'
    put "$M/v1/Dog/max.json" '{"name": "Max", "breed": "Beagle"}'
    put "$M/v1/Dog/ida.json" '{"name": "Ida"}'
}

migration__normalise_in_one_step() {
    dogs_with_breeds
    start old "$M/v1/Dog" '{"name": "old dog N", "breed": "Breed N"}' '"\(.name) \(.breed)"' 'old dog N Breed N'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, as: breed}
YAML
    sees "$M/v2/Breed/Beagle.json"
    put "$M/v2/Breed/Pug.json" '{"name": "Pug"}'
    start new "$M/v2/Dog" '{"name": "new dog N", "breed": "Pug"}' '"\(.name) \(.breed)"' 'new dog N Pug'
    a_while old
    a_while new
    backfill v2
    agree v2
    a_while old
    a_while new
    stop old
    all_there new "$M/v1/Dog" '"\(.name) \(.breed)"' 'new dog N Pug'
    assert_json "$M/v2/Dog/rex.json" .breed '"Beagle"'
    assert_json "$M/v2/Dog/ida.json" 'has("breed")' false
    # Distinct values: one record for each of the old program's breeds, Beagle and Pug.
    assert_eq "$(names "$M/v2/Breed" | wc -l)" "$(($(count old) + 2))"
    must_verb finalize v2
    a_while new
    stop new
    all_there old "$M/v2/Dog" .name 'old dog N'
    assert_eq "$(jq -r .name "$M/v2/Breed/$(jq -r .breed "$M/v2/Dog/old-1.json").json")" 'Breed 1'
    all_there new "$M/v2/Dog" .breed Pug
}

migration__normalise_in_three_passes() {
    dogs_with_breeds
    start old "$M/v1/Dog" '{"name": "old dog N", "breed": "Breed N"}' '"\(.name) \(.breed)"' 'old dog N Breed N'
    # First pass: a hybrid of both shapes.
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_type: {type: Breed, fields: {name: {type: string, required: true}}}
  - add_field: {type: Dog, field: newBreed, as: ref<Breed>}
queries:
  breed_of_dog:   SELECT DISTINCT breed AS _key, breed AS name FROM Dog WHERE breed IS NOT NULL
  breedid_of_dog: SELECT d._key, b._key AS newBreed FROM Dog d JOIN Breed b ON b.name = d.breed
YAML
    assert_json "$M/v2/Dog/rex.json" . '{"name":"Rex","breed":"Beagle"}'
    a_while old
    # Second pass: one transaction, at first only tried.
    cat >"$T/transaction.json" <<'JSON'
{"version": "v2",
 "actions": [{"operation": "UPSERT", "source": "breed_of_dog",  "target": "Breed"},
             {"operation": "PATCH",  "source": "breedid_of_dog", "target": "Dog"}]}
JSON
    jq '.dry_run = true' "$T/transaction.json" >"$M/control/backfill"
    assert_eq "$(names "$M/v2/Breed")" ""
    cat "$T/transaction.json" >"$M/control/backfill"
    sees "$M/v2/Breed/Beagle.json"
    assert_json "$M/v2/Dog/rex.json" .newBreed '"Beagle"'
    a_while old
    # What the old program wrote since then is in the next run of the same transaction.
    stop old
    cat "$T/transaction.json" >"$M/control/backfill"
    # Third pass: the target.
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - remove_field: {type: Dog, field: breed}
  - rename_field: {type: Dog, from: newBreed, to: breed}
YAML
    start new "$M/v3/Dog" '{"name": "new dog N", "breed": "Beagle"}' '"\(.name) \(.breed)"' 'new dog N Beagle'
    a_while new
    assert_json "$M/v3/Dog/rex.json" . '{"name":"Rex","breed":"Beagle"}'
    assert_json "$M/v3/Dog/ida.json" . '{"name":"Ida"}'
    assert_json "$M/v1/Dog/rex.json" .breed '"Beagle"'
    backfill v2
    backfill v3
    agree v3
    must_verb finalize v3
    sees_no_more "$M/v2"
    a_while new
    stop new
    all_there old "$M/v3/Dog" '"\(.name) \(.breed)"' 'old dog N Breed N'
    all_there new "$M/v3/Dog" .breed Beagle
    assert_eq "$(names "$M/v3/Breed" | wc -l)" "$(($(count old) + 1))"
}

migration__datastore_a_to_b() {
    add v1 <<'YAML'
version: v1
types:
  Users: {fields: {name: string, email: string}}
YAML
    put "$M/v1/Users/ann.json" '{"name": "Ann", "email": "ann@a"}'
    start old "$M/v1/Users" '{"name": "old N", "email": "N@old"}' '"\(.name) \(.email)"' 'old N N@old'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - copy_type: {from: Users, to: Users2}
YAML
    assert_json "$M/v2/Users2/ann.json" . '{"name":"Ann","email":"ann@a"}'
    start new "$M/v2/Users2" '{"name": "new N", "email": "N@new"}' '"\(.name) \(.email)"' 'new N N@new'
    a_while old
    a_while new
    # Writes to either reach the other.
    put "$M/v2/Users2/ann.json" '{"name": "Ann", "email": "ann@b"}'
    assert_json "$M/v2/Users/ann.json" .email '"ann@b"'
    assert_json "$M/v1/Users/ann.json" .email '"ann@b"'
    put "$M/v1/Users/ann.json" '{"name": "Ann", "email": "ann@c"}'
    assert_json "$M/v2/Users2/ann.json" .email '"ann@c"'
    backfill v2
    agree v2
    a_while old
    a_while new
    all_there new "$M/v2/Users" .email N@new
    all_there new "$M/v1/Users" .email N@new
    all_there old "$M/v2/Users2" .email N@old
    # Readers have moved: the old one goes.
    stop old
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - remove_type: {type: Users}
YAML
    backfill v3
    agree v3
    assert_absent "$M/v3/Users"
    a_while new
    stop new
    start newer "$M/v3/Users2" '{"name": "newer N", "email": "N@newer"}' .email N@newer
    must_verb finalize v3
    sees_no_more "$M/v2"
    a_while newer
    stop newer
    all_there old "$M/v3/Users2" .email N@old
    all_there new "$M/v3/Users2" .email N@new
    all_there newer "$M/v3/Users2" .email N@newer
    assert_json "$M/v3/Users2/ann.json" .email '"ann@c"'
    assert_eq "$(names "$M/v3/Users2" | wc -l)" "$(($(count old) + $(count new) + $(count newer) + 1))"
}

run_tests "$@"
