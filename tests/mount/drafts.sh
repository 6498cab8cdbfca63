#!/usr/bin/env bash
# Drafts: every way of writing an item, and what is refused of what is written.
# sanitized: yes
# takes long: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"
. "${0%/*}/items.bash"

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

run_tests "$@"
