#!/usr/bin/env bash
# Ordinary tools on items: exit status, content in every version, the item's identity, nothing left behind.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2012
. "$(dirname "$0")/lib.sh"

# Every dog has a chip that only v2 knows: who still has it afterwards is still the same dog.
setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, age: integer}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: chip, as: string}
YAML
    D1=$M/v1/Dog D2=$M/v2/Dog
    put "$D2/rex.json" '{"name": "Rex", "age": 3, "chip": "c-1"}'
    sees "$D1/rex.json"
    mkdir "$T/from"
    printf '{\n\t"name": "Max",\n\t"age": 4\n}\n' >"$T/from/rex.json"
}

# same_dog NAME AGE: the item is named so in both versions, still has its chip, and is alone.
same_dog() {
    assert_json "$D1/rex.json" '[.name, .age]' "[\"$1\",$2]"
    assert_json "$D2/rex.json" '[.name, .age, .chip]' "[\"$1\",$2,\"c-1\"]"
    assert_eq "$(names "$D1")" rex.json "what is in v1/Dog"
    assert_eq "$(names "$D2")" rex.json "what is in v2/Dog"
}

bash__redirection() {
    bash -c 'echo "{\"name\": \"Max\", \"age\": 4}" > "$1"' sh "$D1/rex.json"
    same_dog Max 4
}

dash__redirection_and_here_document() {
    need dash
    dash -c 'echo "{\"name\": \"Max\", \"age\": 4}" > "$1"' sh "$D1/rex.json"
    same_dog Max 4
    dash -c 'cat > "$1" <<END
{"name": "Moritz",
 "age": 5}
END' sh "$D1/rex.json"
    same_dog Moritz 5
}

tee__writes_an_item() {
    tee "$D1/rex.json" <"$T/from/rex.json" >/dev/null
    same_dog Max 4
}

dd__in_small_blocks_and_in_place() {
    dd if="$T/from/rex.json" of="$D1/rex.json" bs=7 status=none
    same_dog Max 4
    cmp "$T/from/rex.json" "$D1/rex.json"
    dd if="$T/from/rex.json" of="$D1/rex.json" conv=notrunc,fsync status=none
    same_dog Max 4
}

cp__plain_and_with_p_and_a() {
    cp "$T/from/rex.json" "$D1/"
    cmp "$T/from/rex.json" "$D1/rex.json"
    same_dog Max 4
    touch -d '2005-05-05 05:05:05 UTC' "$T/from/rex.json"
    cp -p "$T/from/rex.json" "$D1/rex.json"
    assert_eq "$(stat -c %Y "$D1/rex.json")" "$(stat -c %Y "$T/from/rex.json")"
    same_dog Max 4
    touch -d '2006-06-06 06:06:06 UTC' "$T/from/rex.json"
    cp -a "$T/from/rex.json" "$D1/"
    assert_eq "$(stat -c %Y "$D1/rex.json")" "$(stat -c %Y "$T/from/rex.json")"
    same_dog Max 4
}

cp__within_the_type_makes_another_item() {
    cp "$D1/rex.json" "$D1/max.json"
    sees "$D2/max.json"
    assert_json "$D2/max.json" 'has("chip")' false
    assert_json "$D1/max.json" .name '"Rex"'
}

install__makes_and_replaces() {
    install -m 644 "$T/from/rex.json" "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Max"'
    install "$T/from/rex.json" "$D1/new.json"
    sees "$D2/new.json"
}

mv__from_another_file_system() {
    mv "$T/from/rex.json" "$D1/new.json"
    assert_absent "$T/from/rex.json"
    sees "$D2/new.json"
    assert_json "$D2/new.json" .name '"Max"'
}

jq__with_a_temporary_and_mv() {
    jq '.age = 4 | .name = "Max"' "$D1/rex.json" >"$D1/t"
    mv "$D1/t" "$D1/rex.json"
    same_dog Max 4
    (cd "$D1" && jq '.age = 5' rex.json >rex.json.tmp && mv rex.json.tmp rex.json)
    same_dog Max 5
}

jq__that_fails_leaves_the_item() {
    # The temporary is empty then, and mv must not put it in the item's place.
    assert_fails bash -c 'jq ".age = " "$1" > "$2" 2>/dev/null; mv "$2" "$1"' sh "$D1/rex.json" "$D1/t"
    rm -f "$D1/t"
    same_dog Rex 3
}

sponge_like__read_all_then_write() {
    local text
    text=$(jq '.age = 4 | .name = "Max"' "$D1/rex.json")
    printf '%s\n' "$text" >"$D1/rex.json"
    same_dog Max 4
}

python__json_dump() {
    python3 - "$D1/rex.json" <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    item = json.load(f)
item.update(name="Max", age=4)
with open(sys.argv[1], "w") as f:
    json.dump(item, f, indent=4)
PY
    same_dog Max 4
}

python__os_replace() {
    python3 - "$D1" <<'PY'
import json, os, sys, tempfile
path = sys.argv[1] + "/rex.json"
with open(path) as f:
    item = json.load(f)
item.update(name="Max", age=4)
with tempfile.NamedTemporaryFile("w", dir=sys.argv[1], delete=False) as f:
    json.dump(item, f)
    f.flush()
    os.fsync(f.fileno())
os.replace(f.name, path)
PY
    same_dog Max 4
}

sed__in_place() {
    sed -i 's/Rex/Max/; s/3/4/' "$D1/rex.json"
    same_dog Max 4
    sed -i.bak 's/Max/Moritz/' "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Moritz"'
    assert_json "$D1/rex.json.bak" .name '"Max"'
    rm "$D1/rex.json.bak"
    same_dog Moritz 4
}

sed__that_breaks_the_text_is_refused() {
    assert_fails sed -i 's/}//' "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_json "$D2/rex.json" .chip '"c-1"'
}

perl__in_place() {
    need perl
    perl -i -pe 's/Rex/Max/; s/3/4/' "$D1/rex.json"
    same_dog Max 4
}

vi__with_its_default_settings() {
    need vi
    vi -e -s -u NONE -c '%s/Rex/Max/' -c '%s/3/4/' -c wq "$D1/rex.json" </dev/null
    same_dog Max 4
}

vi__with_each_way_of_making_a_backup() {
    need vi
    local way name=Rex
    for way in yes no auto; do
        vi -e -s -u NONE -c "set writebackup backupcopy=$way" -c "%s/$name/Dog-$way/" -c wq "$D1/rex.json" </dev/null
        name=Dog-$way
        same_dog "$name" 3
    done
    vi -e -s -u NONE -c 'set backup backupcopy=no backupdir=.' -c "%s/$name/Max/" -c wq "$D1/rex.json" </dev/null
    assert_json "$D1/rex.json~" .name "\"$name\""
    rm "$D1/rex.json~"
    same_dog Max 3
}

vi__makes_a_new_item() {
    need vi
    printf 'a\n{"name": "New"}\n.\nwq\n' | vi -e -s -u NONE "$D1/new.json"
    sees "$D2/new.json"
    assert_eq "$(names "$D1")" $'new.json\nrex.json'
}

vi__of_a_text_that_is_refused_keeps_the_item() {
    need vi
    vi -e -s -u NONE -c '%s/name/nme/' -c wq "$D1/rex.json" </dev/null || true
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_json "$D2/rex.json" .chip '"c-1"'
}

ex__edits_in_place() {
    need ex
    printf '%%s/Rex/Max/\n%%s/3/4/\nwq\n' | ex -s "$D1/rex.json"
    same_dog Max 4
}

rsync__the_second_time_finds_nothing_to_do() {
    need rsync
    local n
    for n in {1..20}; do
        printf '{"age": %d,\n"name": "Dog %d"}' "$n" "$n" >"$T/from/d$n.json"
        touch -d "2010-01-01 00:00:$n UTC" "$T/from/d$n.json"
    done
    rsync -a "$T/from/" "$D1/"
    assert_eq "$(rsync -ai "$T/from/" "$D1/")" ""
    assert_eq "$(rsync -aic "$T/from/" "$D1/")" "" "by checksum"
    diff -r "$T/from" "$D1" || fail "not the same files"
    assert_json "$D2/rex.json" '[.name, .chip]' '["Max","c-1"]'
    assert_eq "$(names "$D2" | wc -l)" 21
    remount_store
    assert_eq "$(rsync -ai "$T/from/" "$D1/")" "" "after a remount"
}

rsync__in_place_and_deleting() {
    need rsync
    rsync -a --inplace "$T/from/rex.json" "$D1/rex.json"
    same_dog Max 4
    put "$T/from/new.json" '{"name": "New"}'
    rm "$T/from/rex.json"
    rsync -a --delete "$T/from/" "$D1/"
    sees_no_more "$D2/rex.json"
    assert_eq "$(names "$D1")" new.json
}

rsync__out_of_the_mount() {
    need rsync
    rsync -a "$M/v2/Dog/" "$T/out/"
    assert_json "$T/out/rex.json" .chip '"c-1"'
    assert_eq "$(rsync -ai "$M/v2/Dog/" "$T/out/")" ""
}

tar__out_and_in() {
    local n
    for n in {1..10}; do put "$D1/d$n.json" "{\"name\": \"Dog $n\"}"; done
    tar -C "$M/v1" -cf "$T/dogs.tar" Dog
    assert_eq "$(tar -tf "$T/dogs.tar" | grep -c '\.json$')" 11
    rm "$D1"/d*.json
    tar -C "$M/v1" --overwrite -xf "$T/dogs.tar"
    assert_eq "$(names "$D2" | wc -l)" 11
    assert_json "$D1/d7.json" .name '"Dog 7"'
    assert_json "$D2/rex.json" '[.name, .chip]' '["Rex","c-1"]'
    # Without --overwrite it removes what stands there and makes another item of the same text.
    tar -C "$M/v1" -xf "$T/dogs.tar"
    assert_eq "$(names "$D2" | wc -l)" 11
    assert_json "$D1/rex.json" .name '"Rex"'
}

git__with_its_work_tree_in_a_version() {
    need git
    local git=(git -c user.name=t -c user.email=t@t -c core.fileMode=false --git-dir="$T/git" --work-tree="$D1")
    "${git[@]}" init -q
    (cd "$D1" && "${git[@]}" add rex.json && "${git[@]}" commit -qm one)
    put "$D1/rex.json" '{"name": "Max", "age": 4}'
    assert_contains "$(cd "$D1" && "${git[@]}" diff)" '+{"name": "Max", "age": 4}'
    (cd "$D1" && "${git[@]}" checkout -q -- rex.json)
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_eq "$(cd "$D1" && "${git[@]}" status --porcelain --untracked-files=no)" ""
}

git__diff_of_two_versions() {
    need git
    local said
    said=$(git diff --no-index "$D1/rex.json" "$D2/rex.json" || true)
    assert_contains "$said" '"chip": "c-1"'
}

readers__find_grep_du_wc_tail_and_checksums() {
    local n
    for n in {1..30}; do put "$D1/d$n.json" "{\"name\": \"Dog $n\", \"age\": $n}"; done
    assert_eq "$(find "$M/v1" -name 'd*.json' -type f -size +0 | wc -l)" 30
    assert_eq "$(grep -rl --include='*.json' '"Dog 7"' "$M/v1")" "$D1/d7.json"
    assert_eq "$(grep -rc --include='d*.json' name "$D2" | grep -c ':1$')" 30
    assert_eq "$(wc -c <"$D2/d7.json")" "$(read_size "$D2/d7.json")"
    assert_eq "$(tail -c 3 "$D1/d7.json")" '7}'
    assert_eq "$(sha256sum <"$D1/d7.json")" "$(printf '{"name": "Dog 7", "age": 7}\n' | sha256sum)"
    ls -l "$D1" >"$T/listing"
    assert_eq "$(grep -c ' d[0-9]*\.json$' "$T/listing")" 30
    du -s "$M/v1" >/dev/null
    df "$M" >/dev/null
    stat -f "$M" >/dev/null
    cmp "$D1/d7.json" <(printf '{"name": "Dog 7", "age": 7}\n')
}

mmap__reads_an_item() {
    assert_eq "$(python3 - "$D1/rex.json" <<'PY'
import json, mmap, sys
with open(sys.argv[1], "rb") as f:
    print(json.loads(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:])["name"])
PY
    )" Rex
}

readers__many_at_once() {
    local n
    for n in {1..100}; do put "$D1/d$n.json" "{\"name\": \"Dog $n\"}"; done
    printf '%s\n' "$D1"/d*.json "$D2"/d*.json | xargs -P 8 -n 5 jq -e .name >"$T/read" 2>&1 || fail "a reader failed" "$(tail "$T/read")"
    assert_eq "$(wc -l <"$T/read")" 200
}

truncate__to_nothing_is_no_save_and_to_half_is_refused() {
    truncate -s 0 "$D1/rex.json" || true
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_errno EINVAL truncate -s 5 "$D1/rex.json"
    rm -f "$D1/rex.json.rejected"
    same_dog Rex 3
}

run_tests "$@"
