#!/usr/bin/env bash
# Items as files: what reading, writing, renaming and deleting them does in every version.
# sanitized: yes
# takes long: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"

# v1 and v2 each know a field of Dog that the other does not.
setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog:
    fields:
      name:   {type: string, required: true}
      breed:  string
      age:    integer
      weight: number
      tags:   list<string>
      extra:  json
  Person:
    open: true
    fields: {email: string}
  Walk:
    fields:
      dog:  {type: ref<Dog>, on_delete: restrict}
      with: {type: ref<Person>, on_delete: unset}
  Bed:
    fields: {dog: {type: ref<Dog>, on_delete: cascade}, colour: {type: string, default: grey}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Dog, field: breed}
  - add_field: {type: Dog, field: chip, as: string}
YAML
    D1=$M/v1/Dog D2=$M/v2/Dog
    put "$D1/rex.json" '{"name": "Rex", "breed": "Beagle", "age": 3}'
}

# ---------------------------------------------------------------- what a write changes

merge__fields_that_a_version_cannot_see_are_kept() {
    put "$D2/rex.json" '{"name": "Rexi", "chip": "c1", "age": 4}'
    assert_json "$D1/rex.json" . '{"name":"Rexi","breed":"Beagle","age":4}'
    put "$D1/rex.json" '{"name": "Rexo", "breed": "Boxer"}'
    assert_json "$D2/rex.json" . '{"name":"Rexo","chip":"c1"}'
}

merge__a_known_field_that_is_left_out_becomes_unset() {
    put "$D2/rex.json" '{"name": "Rex"}'
    assert_json "$D1/rex.json" . '{"name":"Rex","breed":"Beagle"}'
    put "$D1/rex.json" '{"name": "Rex"}'
    assert_json "$D1/rex.json" 'has("breed")' false
    put "$D2/rex.json" '{"name": "Rex", "chip": "c"}'
    assert_json "$D1/rex.json" . '{"name":"Rex"}'
}

merge__writing_back_what_is_read_changes_no_version() {
    put "$D2/rex.json" '{"name": "Rex", "age": 3, "chip": "c"}'
    local before after
    before=$(cat "$D1/rex.json" "$D2/rex.json")
    cat "$D1/rex.json" >"$T/text"
    cat "$T/text" >"$D1/rex.json"
    after=$(cat "$D1/rex.json" "$D2/rex.json" | jq -cS .)
    assert_eq "$after" "$(jq -cS . <<<"$before")"
}

merge__two_writers_of_different_fields_both_keep_their_change() {
    python3 - "$D1/rex.json" "$D2/rex.json" <<'PY'
import sys
one, two = open(sys.argv[1], "w"), open(sys.argv[2], "w")
one.write('{"name": "Rex", "breed": "Boxer", "age": 3}')
two.write('{"name": "Rex", "age": 5}')
one.close()
two.close()
PY
    assert_json "$D1/rex.json" . '{"name":"Rex","breed":"Boxer","age":5}'
}

merge__two_writers_in_one_version_too() {
    python3 - "$D1/rex.json" <<'PY'
import sys
one, two = open(sys.argv[1], "r+"), open(sys.argv[1], "r+")
for f, text in ((one, '{"name": "Rexi", "breed": "Beagle", "age": 3}'), (two, '{"name": "Rex", "breed": "Beagle", "age": 9}')):
    f.truncate(0)
    f.write(text)
two.close()
one.close()
PY
    assert_json "$D1/rex.json" . '{"name":"Rexi","breed":"Beagle","age":9}'
}

merge__of_the_same_field_the_last_close_wins() {
    python3 - "$D1/rex.json" "$D2/rex.json" <<'PY'
import sys
one, two = open(sys.argv[1], "w"), open(sys.argv[2], "w")
one.write('{"name": "Rex", "breed": "Beagle", "age": 10}')
two.write('{"name": "Rex", "age": 20}')
two.close()
one.close()
PY
    assert_json "$D2/rex.json" .age 10
}

# What is edited is the item as it was at open: a text that came later, against what it was then, would put back
# what another has changed since.
merge__what_is_read_for_editing_is_what_changes_are_told_by() {
    python3 - "$D1/rex.json" "$D2/rex.json" <<'PY'
import json, os, sys
def write(text):
    with open(sys.argv[2], "w") as f:
        f.write(text)
fd = os.open(sys.argv[1], os.O_RDWR)
write('{"name": "Rex", "age": 20}')
item = json.loads(os.read(fd, 4096))
assert item["age"] == 3, item
write('{"name": "Rex", "age": 30}')
item["breed"] = "Boxer"
os.ftruncate(fd, 0)
os.pwrite(fd, json.dumps(item).encode(), 0)
os.close(fd)
PY
    assert_json "$D1/rex.json" . '{"name":"Rex","breed":"Boxer","age":30}'
}

# Just after a write readers take the text for themselves: what the kernel keeps shows only later.
seen__pages_that_every_version_kept_are_dropped_by_a_write() {
    local round
    for round in 1 2 3; do
        sleep 0.6
        cat "$D1/rex.json" "$D2/rex.json" >/dev/null
        put "$D1/rex.json" "{\"name\": \"Rex $round\", \"age\": $round}"
        sleep 0.6
        assert_json "$D2/rex.json" .name "\"Rex $round\""
        cat "$D1/rex.json" >/dev/null
        put "$D2/rex.json" "{\"name\": \"Max $round\", \"age\": $round}"
        sleep 0.6
        assert_json "$D1/rex.json" .name "\"Max $round\""
    done
}

merge__strict_keeps_changes_of_different_fields() {
    remount_store -o strict
    python3 - "$D1/rex.json" "$D2/rex.json" <<'PY'
import sys
one, two = open(sys.argv[1], "w"), open(sys.argv[2], "w")
one.write('{"name": "Rex", "breed": "Boxer", "age": 3}')
two.write('{"name": "Rex", "age": 20}')
two.close()
one.close()
PY
    assert_json "$D1/rex.json" . '{"name":"Rex","breed":"Boxer","age":20}'
}

merge__strict_refuses_a_field_that_another_changed_meanwhile() {
    remount_store -o strict
    cat >"$T/race.py" <<'PY'
import sys
one, two = open(sys.argv[1], "w"), open(sys.argv[2], "w")
one.write('{"name": "Rex", "breed": "Beagle", "age": 10}')
two.write('{"name": "Rex", "age": 20}')
two.close()
one.close()
PY
    assert_errno ESTALE python3 "$T/race.py" "$D1/rex.json" "$D2/rex.json"
    assert_json "$D1/rex.json" .age 20
}

merge__counters_that_two_versions_own_lose_no_update() {
    local rounds=60
    count_up() {
        python3 - "$1" "$2" "$rounds" <<'PY'
import json, os, sys
path, field, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
for n in range(rounds):
    with open(path) as f:
        item = json.load(f)
    item[field] = str(int(item.get(field, "0")) + 1)
    with open(path, "w") as f:
        json.dump(item, f)
PY
    }
    put "$D1/rex.json" '{"name": "Rex", "breed": "0"}'
    count_up "$D1/rex.json" breed &
    local one=$!
    count_up "$D2/rex.json" chip
    wait "$one"
    assert_json "$D1/rex.json" .breed "\"$rounds\""
    assert_json "$D2/rex.json" .chip "\"$rounds\""
}

# ---------------------------------------------------------------- what a reader sees

text__is_canonical_in_the_other_version() {
    put "$D1/ann.json" '{"age":3,"weight":4.5,"breed":"Pug","name":"Änn \"A\""}'
    sees "$D2/ann.json"
    assert_file "$D2/ann.json" <<'JSON'
{
  "name": "Änn \"A\"",
  "age": 3,
  "weight": 4.5
}
JSON
}

text__is_the_writers_own_bytes_in_the_version_written() {
    printf '  {"age" : 3,\n\t"name":\t"Ann"   }   ' >"$T/ann.json"
    cp "$T/ann.json" "$D1/"
    cmp "$T/ann.json" "$D1/ann.json" || fail "not the same bytes"
    assert_eq "$(stat -c %s "$D1/ann.json")" "$(stat -c %s "$T/ann.json")"
    remount_store
    cmp "$T/ann.json" "$D1/ann.json" || fail "not the same bytes after a remount"
}

text__own_bytes_end_with_a_change_through_another_version() {
    put "$D1/ann.json" '{"age":3,"name":"Ann"}'
    sees "$D2/ann.json"
    put "$D2/ann.json" '{"name":"Ann","age":4}'
    assert_file "$D1/ann.json" <<'JSON'
{
  "name": "Ann",
  "age": 4
}
JSON
}

text__size_is_exact_in_every_version() {
    put "$D1/ann.json" '{"age":3,"name":"Ännchen","tags":["a","b"],"extra":{"x":[1,2,{"y":null}]}}'
    sees "$D2/ann.json"
    local file
    for file in "$D1/ann.json" "$D2/ann.json" "$D1/rex.json" "$D2/rex.json"; do
        assert_eq "$(stat -c %s "$file")" "$(read_size "$file")" "size of $file"
        assert_eq "$(tail -c 1 "$file" | od -An -tx1 | tr -d ' ')" 0a "the last byte of $file"
    done
    put "$D1/ann.json" '{"name":"A"}'
    assert_eq "$(stat -c %s "$D2/ann.json")" "$(read_size "$D2/ann.json")"
}

text__lists_and_objects_read_as_they_were_written() {
    put "$D1/ann.json" '{"name":"Ann","tags":["a","b"],"extra":{"x":[1,2,{"y":null}],"":true}}'
    sees "$D2/ann.json"
    assert_json "$D2/ann.json" . '{"name":"Ann","tags":["a","b"],"extra":{"x":[1,2,{"y":null}],"":true}}'
}

text__every_escape_and_character_survives() {
    printf '%s\n' '{"name": "\u00e9\ud83d\udc36\n\t\\\/\"\u0001 é🐶"}' >"$D1/ann.json"
    sees "$D2/ann.json"
    assert_eq "$(jq -c .name "$D2/ann.json")" "$(jq -c .name "$D1/ann.json")"
    assert_eq "$(jq -r '.name | length' "$D2/ann.json")" 11
}

numbers__keep_their_text() {
    put "$D1/n.json" '{"name": "N", "age": 12345678901234567890, "weight": 12.30, "extra": [0.1, 1e3, -0, 123456789012345678901234567890.5]}'
    sees "$D2/n.json"
    local text
    text=$(tr -d ' \n' <"$D2/n.json")
    assert_contains "$text" '"age":12345678901234567890,'
    assert_contains "$text" '"weight":12.30,'
    assert_contains "$text" '[0.1,1e3,-0,123456789012345678901234567890.5]'
    put "$D2/n.json" '{"name": "M", "age": 12345678901234567891, "weight": 0.1}'
    text=$(tr -d ' \n' <"$D1/n.json")
    assert_contains "$text" '"age":12345678901234567891,"weight":0.1'
}

default__shows_where_the_field_is_unset() {
    put "$M/v1/Bed/soft.json" '{}'
    sees "$M/v2/Bed/soft.json"
    assert_json "$M/v2/Bed/soft.json" .colour '"grey"'
    put "$M/v2/Bed/soft.json" '{"colour": "red"}'
    assert_json "$M/v1/Bed/soft.json" .colour '"red"'
}

open_type__keeps_unknown_keys_and_shows_them_everywhere() {
    put "$M/v1/Person/ann.json" '{"email": "a@b", "shoe": 42, "likes": ["tea"]}'
    sees "$M/v2/Person/ann.json"
    assert_json "$M/v2/Person/ann.json" '[.shoe, .likes]' '[42,["tea"]]'
}

# ---------------------------------------------------------------- refusals

# The one line of the issue, in each of the two shells whose close() nobody looks at.
# dash calls every failed write of its echo an I/O error.
misspelt_in() {
    assert_fails "$1" -c 'echo '\''{"nme":1}'\'' > "$1"' sh "$D1/rex.json"
    assert_file "$D1/rex.json" <<<'{"name": "Rex", "breed": "Beagle", "age": 3}'
    assert_file "$D1/rex.json.rejected" <<<'{"nme":1}'
    local errors
    errors=$(cat "$M/control/errors")
    assert_contains "$errors" rex.json
    assert_contains "$errors" nme
    assert_match "$errors" '1:[0-9]+'
    # The line itself, and under it a caret that stands below the word.
    awk '
        { at = index($0, "^") }
        at && column && at >= column && at < column + 5 { found = 1 }
        { column = index($0, "{\"nme\":1}") ? index($0, "\"nme\"") : 0 }
        END { exit !found }' <<<"$errors" || fail "no caret under the word" "$errors"
}

refusal__reaches_bash() { misspelt_in bash; }

refusal__reaches_dash() {
    need dash
    misspelt_in dash
}

refusal__of_a_new_item_leaves_no_item() {
    assert_errno EINVAL bash -c 'echo '\''{"nme":1}'\'' > "$1"' sh "$D1/new.json"
    assert_absent "$D1/new.json"
    assert_absent "$D2/new.json"
    assert_file "$D1/new.json.rejected" <<<'{"nme":1}'
}

refusal__what_was_refused_can_be_mended_and_moved_back() {
    assert_errno EINVAL put "$D1/rex.json" '{"nme": "Rexi"}'
    sed -i 's/nme/name/' "$D1/rex.json.rejected"
    mv "$D1/rex.json.rejected" "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Rexi"'
    assert_absent "$D1/rex.json.rejected"
}

refusal__what_was_refused_goes_with_the_next_accepted_save() {
    assert_errno EINVAL put "$D1/rex.json" '{"nme": 1}'
    assert_exists "$D1/rex.json.rejected"
    put "$D1/rex.json" '{"name": "Rex"}'
    sees_no_more "$D1/rex.json.rejected"
}

refusal__errors_are_cleared_by_writing() {
    assert_errno EINVAL put "$D1/rex.json" '{"nme": 1}'
    [[ -s $M/control/errors ]] || fail "no errors"
    echo >"$M/control/errors"
    assert_eq "$(cat "$M/control/errors")" ""
}

refusal__a_misspelt_field_is_told_the_nearest() {
    assert_errno EINVAL put "$D1/rex.json" '{"name": "Rex", "bread": "Beagle"}'
    assert_contains "$(cat "$M/control/errors")" bread
    assert_contains "$(cat "$M/control/errors")" breed
}

refusal__a_wrong_type_says_what_was_expected() {
    assert_errno EINVAL put "$D1/rex.json" '{"name": "Rex", "age": "three"}'
    local errors
    errors=$(cat "$M/control/errors")
    assert_contains "$errors" age
    assert_contains "$errors" integer
    assert_match "$errors" '1:(17|24)'
}

refusal__line_and_column_are_those_of_the_text() {
    printf '{\n  "name": "Rex",\n  "age": true\n}\n' >"$T/text"
    assert_errno EINVAL cp "$T/text" "$D1/rex.json"
    assert_match "$(cat "$M/control/errors")" '3:(3|10)'
}

# Every refusal of a text shows its place, the line and a caret.
refusal__each_shows_a_place_a_line_and_a_caret() {
    local text
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - add_unique: {type: Dog, fields: [age]}
YAML
    put "$D1/max.json" '{"name": "Max", "age": 7}'
    while read -r text; do
        echo >"$M/control/errors"
        printf '%b' "$text" >"$T/text"
        assert_fails cp --no-preserve=all "$T/text" "$D1/new.json"
        assert_match "$(cat "$M/control/errors")" 'v1/Dog/new\.json:[0-9]+:[0-9]+: error: .*
  [^ ].*
 +\^'
    done <<'TABLE'
{"nme": 1}
{"name": "Rex", "age": 7}
{"name": "Rex",\n
{"name": "Rex"\n\n
{"breed": "Pug"}
TABLE
    for text in '{"name": "Rex"}' '{"_key": "a/b", "name": "Rex"}' '{"_key": "a", "name": "Rex", "age": 7}'; do
        echo >"$M/control/errors"
        (printf '%s\n' "$text" >>"$M/v1/Dog.jsonl") 2>/dev/null && fail "accepted: $text"
        assert_match "$(cat "$M/control/errors")" 'v1/Dog\.jsonl:1:[0-9]+: error: .*
 +\^'
    done
}

# The kernel knows the name from before, as there or not there.
refusal__what_was_refused_is_there_at_once() {
    for _ in {1..20}; do
        assert_errno EINVAL put "$D1/rex.json" '{"nme": 1}'
        put "$D1/rex.json.rejected" '{"name": "Mended"}'
        mv "$D1/rex.json.rejected" "$D1/rex.json"
        assert_json "$D1/rex.json" .name '"Mended"'
        assert_errno EINVAL put "$D1/rex.json" '{"nme": 1}'
        put "$D1/rex.json" '{"name": "Rex"}'
        assert_absent "$D1/rex.json.rejected"
    done
}

refusal__a_required_field_that_is_missing_is_named() {
    assert_errno EINVAL put "$D1/new.json" '{"breed": "Pug"}'
    assert_contains "$(cat "$M/control/errors")" name
    assert_absent "$D1/new.json"
}

refusal__a_truncated_text_is_no_item() {
    printf '{"name": "Re' >"$T/half"
    assert_errno EINVAL cp "$T/half" "$D1/rex.json"
    assert_file "$D1/rex.json" <<<'{"name": "Rex", "breed": "Beagle", "age": 3}'
    cmp "$T/half" "$D1/rex.json.rejected" || fail "the rejected text is another"
}

refusal__a_truncated_text_at_release_is_one_too() {
    # Nobody hears the status of this close, so the evidence has to stay.
    bash -c 'printf "{\"name\": \"Re" > "$1"; true' sh "$D1/rex.json" 2>/dev/null
    wait_until 5 test -s "$D1/rex.json.rejected" || fail "nothing was kept"
    assert_file "$D1/rex.json" <<<'{"name": "Rex", "breed": "Beagle", "age": 3}'
    assert_contains "$(cat "$M/control/errors")" rex.json
}

refusal__after_it_every_write_of_the_handle_fails() {
    cat >"$T/handle.py" <<'PY'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
codes = []
for act in (lambda: os.write(fd, b'{"nme":'), lambda: os.write(fd, b' 1}'), lambda: os.fsync(fd), lambda: os.close(fd)):
    try:
        act()
        codes.append("ok")
    except OSError as e:
        codes.append(errno.errorcode[e.errno])
print(" ".join(codes))
PY
    assert_eq "$(python3 "$T/handle.py" "$D1/rex.json")" 'EINVAL EINVAL EINVAL EINVAL'
    assert_json "$D1/rex.json" .name '"Rex"'
}

bad_json_is_refused() {
    local what
    while IFS=$'\t' read -r what text; do
        printf '%b' "$text" >"$T/bad"
        assert_errno EINVAL cp "$T/bad" "$D1/rex.json"
        assert_file "$D1/rex.json" <<<'{"name": "Rex", "breed": "Beagle", "age": 3}'
        echo "refused: $what"
    done
}

refusal__bad_json_of_every_kind() {
    bad_json_is_refused <<'TABLE'
an array	[1, 2]
a string	"name"
a number	42
null	null
only blanks	   \n
trailing text	{"name": "Rex"} x
two objects	{"name": "Rex"}{"name": "Rex"}
trailing NUL	{"name": "Rex"}\0000
a BOM	\0357\0273\0277{"name": "Rex"}
a comment	{"name": "Rex" /* good dog */}
a trailing comma	{"name": "Rex",}
single quotes	{'name': 'Rex'}
NaN	{"name": "Rex", "weight": NaN}
a plus sign	{"name": "Rex", "weight": +1}
a leading zero	{"name": "Rex", "age": 03}
a bare point	{"name": "Rex", "weight": 1.}
a duplicate name	{"name": "Rex", "name": "Max"}
a duplicate name, escaped	{"name": "Rex", "n\\u0061me": "Max"}
a duplicate name further in	{"name": "Rex", "extra": {"a": 1, "a": 2}}
bad UTF-8	{"name": "R\0377x"}
overlong UTF-8	{"name": "R\0300\0257x"}
a UTF-8 surrogate	{"name": "R\0355\0240\0200x"}
a lone surrogate	{"name": "\\ud83d"}
a tab in a string	{"name": "R\tx"}
a line break in a string	{"name": "R\nx"}
an unknown escape	{"name": "R\\x"}
TABLE
}

refusal__nesting_over_64() {
    local deep
    deep=$(printf '[%.0s' {1..70})$(printf ']%.0s' {1..70})
    refuses EINVAL "$D1/rex.json" "{\"name\": \"Rex\", \"extra\": $deep}"
    deep=$(printf '[%.0s' {1..60})$(printf ']%.0s' {1..60})
    put "$D1/rex.json" "{\"name\": \"Rex\", \"extra\": $deep}"
}

refusal__a_hundred_thousand_brackets() {
    head -c 100000 /dev/zero | tr '\0' '[' >"$T/bad"
    assert_errno EINVAL cp "$T/bad" "$D1/rex.json"
    { printf '{"name": "Rex", "extra": '; cat "$T/bad"; } >"$T/worse"
    assert_errno EINVAL cp "$T/worse" "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Rex"'
}

refusal__over_max_item_is_efbig() {
    remount_store -o max_item=1000
    refuses EFBIG "$D1/rex.json" "{\"name\": \"$(printf 'x%.0s' {1..1200})\"}"
    put "$D1/rex.json" "{\"name\": \"$(printf 'x%.0s' {1..800})\"}"
}

refusal__a_dangling_reference() {
    assert_errno EINVAL put "$M/v1/Walk/w.json" '{"dog": "nobody"}'
    assert_contains "$(cat "$M/control/errors")" nobody
    assert_absent "$M/v1/Walk/w.json"
}

refusal__a_text_of_the_right_size_later_is_accepted() {
    for _ in {1..50}; do
        assert_errno EINVAL put "$D1/rex.json" '{"nme": 1}'
    done
    put "$D1/rex.json" '{"name": "Still here"}'
    assert_json "$D2/rex.json" .name '"Still here"'
}

# ---------------------------------------------------------------- ways of writing

write__in_pieces_by_one_shell() {
    { echo '{"name":'; echo '"Ann"}'; } >"$D1/ann.json"
    sees "$D2/ann.json"
    assert_json "$D2/ann.json" .name '"Ann"'
    assert_file "$D1/ann.json" <<<$'{"name":\n"Ann"}'
}

write__in_pieces_by_several_programs() {
    echo '"Ann",' >"$T/part"
    { echo '{"name":'; cat "$T/part"; /bin/echo '"age": 4'; echo '}'; } >"$D1/ann.json"
    assert_json "$D1/ann.json" . '{"name":"Ann","age":4}'
}

write__by_bytes() {
    printf '{"name": "A", "weight": 1.5e3}' | dd of="$D1/ann.json" bs=1 status=none
    assert_json "$D1/ann.json" . '{"name":"A","weight":1500}'
}

write__appending_to_a_new_item() {
    { echo '{"name":'; echo '"Ann"}'; } >>"$D1/ann.json"
    assert_json "$D1/ann.json" .name '"Ann"'
}

write__appending_a_second_object_is_refused() {
    assert_errno EINVAL bash -c 'echo '\''{"name": "Max"}'\'' >> "$1"' sh "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Rex"'
}

write__append_uses_the_drafts_own_end() {
    cat >"$T/append.py" <<'PY'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
other = open(sys.argv[1], "w")
os.write(fd, b'{"name": ')
other.write('{"name": "something much longer than the first", "breed": "Beagle", "age": 3}')
other.close()
os.write(fd, b'"Max"}')
os.close(fd)
PY
    python3 "$T/append.py" "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Max"'
}

write__truncating_and_nothing_more_is_no_save() {
    : >"$D1/rex.json"
    assert_file "$D1/rex.json" <<<'{"name": "Rex", "breed": "Beagle", "age": 3}'
    python3 -c 'import sys; open(sys.argv[1], "w").close()' "$D2/rex.json"
    assert_file "$D1/rex.json" <<<'{"name": "Rex", "breed": "Beagle", "age": 3}'
    assert_json "$D2/rex.json" .name '"Rex"'
}

write__in_place() {
    python3 - "$D1/rex.json" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    at = f.read().index(b"Rex")
    f.seek(at)
    f.write(b"Max")
PY
    assert_file "$D1/rex.json" <<<'{"name": "Max", "breed": "Beagle", "age": 3}'
    assert_json "$D2/rex.json" .name '"Max"'
}

write__a_draft_is_private_until_its_close() {
    cat >"$T/draft.py" <<'PY'
import json, os, sys
one, two = sys.argv[1:]
def name(path):
    return json.load(open(path))["name"]
fd = os.open(one, os.O_WRONLY | os.O_TRUNC)
os.write(fd, b'{"name": "Max", ')
assert (name(one), name(two)) == ("Rex", "Rex")
os.write(fd, b'"breed": "Boxer"}')
assert (name(one), name(two)) == ("Rex", "Rex")
os.close(fd)
assert (name(one), name(two)) == ("Max", "Max")
PY
    python3 "$T/draft.py" "$D1/rex.json" "$D2/rex.json"
    assert_json "$D1/rex.json" .breed '"Boxer"'
}

write__fsync_publishes_a_complete_draft_and_refuses_half_of_one() {
    cat >"$T/fsync.py" <<'PY'
import errno, json, os, sys
one, two = sys.argv[1:]
fd = os.open(one, os.O_WRONLY | os.O_TRUNC)
os.write(fd, b'{"name": "Max"}')
os.fsync(fd)
assert json.load(open(two))["name"] == "Max", open(two).read()
os.close(fd)
fd = os.open(one, os.O_WRONLY | os.O_TRUNC)
os.write(fd, b'{"name": "Hal')
try:
    os.fsync(fd)
    sys.exit("fsync of half a text answered 0")
except OSError as e:
    assert e.errno == errno.EINVAL, e
PY
    python3 "$T/fsync.py" "$D1/rex.json" "$D2/rex.json"
    assert_json "$D1/rex.json" .name '"Max"'
}

write__fsync_of_a_directory_is_answered() {
    assert_eq "$(errno_of 'os.fsync(os.open("v1/Dog", os.O_RDONLY))')" none
    sync "$D1/rex.json"
}

write__a_new_file_closed_empty_is_refused() {
    assert_errno EINVAL touch "$D1/new.json"
    sees_no_more "$D1/new.json"
    assert_eq "$(names "$D2")" rex.json
}

write__exclusive_creation_of_what_is_there_is_eexist() {
    assert_eq "$(errno_of 'os.open("v1/Dog/rex.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY)')" EEXIST
    assert_eq "$(errno_of 'os.open("v2/Dog/rex.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY)')" EEXIST
}

write__readers_never_see_half_an_item() {
    cat >"$T/race.py" <<'PY'
import hashlib, json, os, sys, threading, time
one, two = sys.argv[1:]
def text(n):
    name = "x" * (n * 37 % 3000) + str(n)
    return json.dumps({"name": name, "tags": [hashlib.sha256(name.encode()).hexdigest()]})
with open(one, "w") as f:
    f.write(text(0))
done, torn, reads = threading.Event(), [], [0]
def read(path):
    while not done.is_set():
        raw = open(path, "rb").read()
        try:
            item = json.loads(raw)
            if item["tags"][0] != hashlib.sha256(item["name"].encode()).hexdigest():
                torn.append(raw)
        except ValueError:
            torn.append(raw)
        reads[0] += 1
readers = [threading.Thread(target=read, args=(path,)) for path in (one, two)]
for reader in readers:
    reader.start()
end = time.time() + 3
n = 0
while time.time() < end:
    n += 1
    with open((one, two)[n % 2], "w") as f:
        f.write(text(n))
done.set()
for reader in readers:
    reader.join()
print(f"{n} writes, {reads[0]} reads, {len(torn)} torn")
if torn:
    sys.exit(f"torn: {torn[0][:200]!r}")
PY
    python3 "$T/race.py" "$D1/ann.json" "$D2/ann.json"
}

# ---------------------------------------------------------------- names

rename__keeps_the_item_and_references_follow() {
    put "$M/v1/Walk/w.json" '{"dog": "rex"}'
    put "$D2/rex.json" '{"name": "Rex", "age": 3, "chip": "c1"}'
    mv "$D1/rex.json" "$D1/max.json"
    assert_absent "$D1/rex.json"
    sees "$D2/max.json"
    sees_no_more "$D2/rex.json"
    assert_json "$D2/max.json" .chip '"c1"'
    assert_json "$D1/max.json" .breed '"Beagle"'
    assert_json "$M/v1/Walk/w.json" .dog '"max"'
    assert_json "$M/v2/Walk/w.json" .dog '"max"'
    assert_eq "$(stat -c %s "$M/v1/Walk/w.json")" "$(read_size "$M/v1/Walk/w.json")"
}

rename__onto_an_item_replaces_it() {
    put "$D1/max.json" '{"name": "Max", "breed": "Boxer"}'
    mv "$D1/max.json" "$D1/rex.json"
    assert_json "$D1/rex.json" . '{"name":"Max","breed":"Boxer"}'
    assert_eq "$(names "$D1")" rex.json
    sees_no_more "$D2/max.json"
    assert_json "$D2/rex.json" . '{"name":"Max"}'
}

rename__noreplace_leaves_both() {
    put "$D1/max.json" '{"name": "Max"}'
    assert_eq "$(errno_of 'renameat2("v1/Dog/max.json", "v1/Dog/rex.json", 1)')" EEXIST
    mv -n "$D1/max.json" "$D1/rex.json" || true
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_json "$D1/max.json" .name '"Max"'
    assert_eq "$(errno_of 'renameat2("v1/Dog/max.json", "v1/Dog/moritz.json", 1)')" none
    assert_json "$D1/moritz.json" .name '"Max"'
}

rename__between_versions_or_types_is_eperm() {
    # EXDEV would let mv copy the item and then delete the same item.
    assert_eq "$(errno_of 'os.rename("v1/Dog/rex.json", "v2/Dog/rex.json")')" EPERM
    assert_eq "$(errno_of 'os.rename("v1/Dog/rex.json", "v2/Dog/max.json")')" EPERM
    assert_eq "$(errno_of 'os.rename("v1/Dog/rex.json", "v1/Person/rex.json")')" EPERM
    assert_errno EPERM mv "$D1/rex.json" "$D2/max.json"
    assert_json "$D2/rex.json" .name '"Rex"'
    assert_absent "$D2/max.json"
}

rename__of_an_item_that_is_not_there_is_enoent() {
    assert_eq "$(errno_of 'os.rename("v1/Dog/nobody.json", "v1/Dog/max.json")')" ENOENT
}

rename__of_a_type_or_version_directory_is_eperm() {
    assert_match "$(errno_of 'os.rename("v1/Dog", "v1/Hound")')" '^(EPERM|EACCES)$'
    assert_match "$(errno_of 'os.rename("v1", "v9")')" '^(EPERM|EACCES)$'
    assert_exists "$D1/rex.json"
}

unlink__deletes_the_item_in_every_version() {
    put "$D2/rex.json" '{"name": "Rex", "chip": "c1"}'
    rm "$D1/rex.json"
    sees_no_more "$D2/rex.json"
    # One made later under its name is another item: nothing hidden comes back.
    put "$D1/rex.json" '{"name": "New"}'
    sees "$D2/rex.json"
    assert_json "$D2/rex.json" . '{"name":"New"}'
}

unlink__of_an_item_that_is_referred_to_obeys_on_delete() {
    put "$M/v1/Person/ann.json" '{"email": "a@b"}'
    put "$M/v1/Walk/w.json" '{"dog": "rex", "with": "ann"}'
    put "$M/v1/Bed/b.json" '{"dog": "rex"}'
    assert_errno EBUSY rm "$D1/rex.json"
    assert_errno EBUSY rm "$D2/rex.json"
    assert_exists "$D1/rex.json"
    rm "$M/v2/Person/ann.json"
    assert_json "$M/v1/Walk/w.json" . '{"dog":"rex"}'
    rm "$M/v1/Walk/w.json"
    rm "$D1/rex.json"
    sees_no_more "$M/v1/Bed/b.json"
    sees_no_more "$M/v2/Bed/b.json"
}

names__that_are_legal() {
    local name
    for name in "-rf" "a b" "it's" 'q"q' 'semi;colon' 'Ünï' '日本' 'a.b.c' '$HOME' '*' 'UPPER' 'upper' "$(printf 'x%.0s' {1..250})"; do
        printf '{"name": "A"}\n' >"$D1/$name.json" || fail "refused: $name"
        sees "$D2/$name.json"
        assert_file "$D1/$name.json" <<<'{"name": "A"}'
    done
    assert_eq "$(names "$D2" | wc -l)" 14
    rm -- "$D2"/[!r]*.json
    assert_eq "$(names "$D1")" rex.json
}

names__that_are_not() {
    assert_errno ENAMETOOLONG put "$D1/$(printf 'x%.0s' {1..251}).json" '{"name": "A"}'
    assert_errno EINVAL put "$D1/"$'a\nb.json' '{"name": "A"}'
    assert_errno EINVAL put "$D1/"$'a\eb.json' '{"name": "A"}'
    assert_errno EINVAL put "$D1/"$'a\xffb.json' '{"name": "A"}'
    assert_errno EINVAL put "$D1/"$'a\u0085b.json' '{"name": "A"}'
    # mv has a text of its own for EINVAL.
    assert_fails mv "$D1/rex.json" "$D1/"$'a\nb.json'
    assert_eq "$(names "$D1")" rex.json
}

names__a_name_that_is_not_there_is_enoent() {
    assert_errno ENOENT cat "$D1/nobody.json"
    assert_errno ENOENT rm "$D1/nobody.json"
    assert_errno ENOENT ls "$M/v9"
    assert_errno ENOENT ls "$M/v1/Cat"
}

directories__links_and_nodes_in_a_version_are_eperm() {
    assert_eq "$(errno_of 'os.mkdir("v1/Dog/d")')" EPERM
    assert_eq "$(errno_of 'os.mkdir("v1/Cat")')" EPERM
    assert_eq "$(errno_of 'os.rmdir("v1/Dog")')" EPERM
    assert_eq "$(errno_of 'os.symlink("rex.json", "v1/Dog/s.json")')" EPERM
    assert_eq "$(errno_of 'os.symlink("rex.json", "v1/Dog/.#rex.json")')" EPERM
    assert_eq "$(errno_of 'os.link("v1/Dog/rex.json", "v1/Dog/l.json")')" EPERM
    assert_eq "$(errno_of 'os.mkfifo("v1/Dog/p.json")')" EPERM
    assert_eq "$(names "$D1")" rex.json
}

# ---------------------------------------------------------------- times and modes

times__touch_of_an_item_sets_its_time() {
    touch -d '2001-02-03 04:05:06 UTC' "$D1/rex.json"
    assert_eq "$(stat -c %Y "$D1/rex.json")" 981173106
    assert_eq "$(stat -c %Y "$D2/rex.json")" 981173106
    assert_file "$D1/rex.json" <<<'{"name": "Rex", "breed": "Beagle", "age": 3}'
    remount_store
    assert_eq "$(stat -c %Y "$D2/rex.json")" 981173106
}

times__touch_without_a_time_sets_now() {
    touch -d '2001-02-03 04:05:06 UTC' "$D1/rex.json"
    touch "$D1/rex.json"
    [[ $(stat -c %Y "$D1/rex.json") -gt $(($(date +%s) - 60)) ]] || fail "not now"
}

times__a_write_sets_the_time_in_every_version() {
    touch -d '2001-02-03 04:05:06 UTC' "$D1/rex.json"
    put "$D2/rex.json" '{"name": "Max"}'
    [[ $(stat -c %Y "$D1/rex.json") -gt $(($(date +%s) - 60)) ]] || fail "the old time stands"
    assert_eq "$(stat -c %Y "$D1/rex.json")" "$(stat -c %Y "$D2/rex.json")"
}

times__of_a_directory_follow_its_names_and_touch() {
    touch -d '2001-02-03 04:05:06 UTC' "$D1"
    assert_eq "$(stat -c %Y "$D1")" 981173106
    put "$D1/rex.json" '{"name": "Rexi"}'
    assert_eq "$(stat -c %Y "$D1")" 981173106 "a change of content"
    remount_store
    assert_eq "$(stat -c %Y "$D1")" 981173106 "after a remount"
    mv "$D1/rex.json" "$D1/max.json"
    [[ $(stat -c %Y "$D1") -gt $(($(date +%s) - 60)) ]] || fail "a rename leaves the old time"
    touch -d '2001-02-03 04:05:06 UTC' "$D1"
    put "$D1/new.json" '{"name": "New"}'
    local changed
    changed=$(stat -c %.9Y "$D1")
    [[ ${changed%.*} -gt $(($(date +%s) - 60)) ]] || fail "a new name leaves the old time"
    remount_store
    assert_eq "$(stat -c %.9Y "$D1")" "$changed" "after a remount"
}

modes__chmod_minus_r_freezes_one_version_and_its_streams() {
    chmod -R a-w "$M/v1" || fail "chmod -R fails"
    assert_eq "$(stat -c '%a' "$M/v1" "$D1" "$M/v1/Dog.jsonl" "$D1/rex.json" | sort -u | tr '\n' ' ')" "444 555 "
    assert_eq "$(stat -c '%a' "$M/v2/Dog.jsonl" "$D2/rex.json" | sort -u)" 644
    remount_store
    assert_eq "$(stat -c '%a' "$M/v1/Dog.jsonl")" 444
    assert_eq "$(errno_of 'os.truncate("v1/Dog.jsonl", 0)')" EPERM
}

modes__are_kept_for_the_version_in_which_they_were_changed() {
    local before
    before=$(stat -c %a "$D2/rex.json")
    chmod 600 "$D1/rex.json"
    assert_eq "$(stat -c %a "$D1/rex.json")" 600
    assert_eq "$(stat -c %a "$D2/rex.json")" "$before"
    remount_store
    assert_eq "$(stat -c %a "$D1/rex.json")" 600
}

run_tests "$@"
