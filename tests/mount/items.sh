#!/usr/bin/env bash
# Items as files: what reading, renaming and deleting them does in every version, and what a write changes.
# sanitized: yes
# takes long: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"
. "${0%/*}/items.bash"

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
