#!/usr/bin/env bash
# Ordinary tools on items: exit status, content in every version, the item's identity, nothing left behind.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2012
. "${0%/*}/lib.sh"
. "${0%/*}/dog.bash"

bash__redirection() {
    bash -c 'echo "{\"name\": \"Max\", \"age\": 4}" > "$1"' sh "$D1/rex.json"
    same_dog Max 4
}

bash__of_a_text_that_is_refused_fails() {
    assert_fails bash -c 'set -e; echo "{\"nme\": \"Max\"}" > "$1"; echo went on' sh "$D1/rex.json"
    assert_contains "$ERR" 'Invalid argument'
    [[ $ERR != *'went on'* ]] || fail 'the script went on'
    still_the_dog Rex 3
    assert_eq "$(cat "$D1/rex.json.rejected")" '{"nme": "Max"}'
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

cp__a_whole_type() {
    local n
    for n in {1..9}; do put "$T/from/d$n.json" "{\"name\": \"Dog $n\"}"; done
    cp -a "$T/from/." "$D1/"
    still_the_dog Max 4
    assert_eq "$(names "$D2" | wc -l)" 10
    cp -a "$M/v1/Dog" "$T/out"
    diff -r "$T/from" "$T/out" || fail 'not the same files'
    assert_fails cp -r "$T/out" "$M/v1/Cat"
    cp -r "$T/out/." "$M/v1/Dog/"
    assert_eq "$(names "$D1" | wc -l)" 10
    still_the_dog Max 4
}

# install removes what stands there first: over an item it makes another one.
install__makes_and_replaces() {
    install -m 600 "$T/from/rex.json" "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Max"'
    assert_eq "$(stat -c %a "$D1/rex.json")" 600
    install "$T/from/rex.json" "$D1/new.json"
    sees "$D2/new.json"
    assert_eq "$(stat -c %a "$D1/new.json")" 755
    assert_eq "$(names "$D1")" $'new.json\nrex.json'
}

mv__from_another_file_system_makes_an_item() {
    mv "$T/from/rex.json" "$D1/new.json"
    assert_absent "$T/from/rex.json"
    sees "$D2/new.json"
    assert_json "$D2/new.json" .name '"Max"'
}

# From another file system mv removes what is there, then copies: another item takes the name.
mv__from_another_file_system_onto_an_item() {
    mv "$T/from/rex.json" "$D1/rex.json"
    assert_absent "$T/from/rex.json"
    assert_json "$D1/rex.json" '[.name, .age]' '["Max",4]'
    wait_until 5 is_named "$D2/rex.json" Max || fail "another name in v2" "$(cat "$D2/rex.json")"
    assert_eq "$(names "$D1")" rex.json
}

is_named() { [[ $(jq -r .name <"$1") == "$2" ]]; }

mv__to_another_name_and_back() {
    mv "$D1/rex.json" "$D1/max.json"
    sees "$D2/max.json"
    sees_no_more "$D2/rex.json"
    assert_json "$D2/max.json" .chip '"c-1"'
    assert_json "$M/v1/Walk/morning.json" .dog '"max"'
    mv "$D2/max.json" "$D2/rex.json"
    sees "$D1/rex.json"
    sees_no_more "$D1/max.json"
    same_dog Rex 3
}

mv__replacing_an_item() {
    put "$D2/old.json" '{"name": "Old", "chip": "c-2"}'
    sees "$D1/old.json"
    mv -f "$D1/rex.json" "$D1/old.json"
    sees_no_more "$D2/rex.json"
    assert_json "$D2/old.json" '[.name, .chip]' '["Rex","c-1"]'
    assert_json "$M/v1/Walk/morning.json" .dog '"old"'
    assert_eq "$(names "$D1")" old.json
}

mv__n_replaces_nothing() {
    put "$D1/old.json" '{"name": "Old"}'
    mv -n "$D1/rex.json" "$D1/old.json" || true
    assert_json "$D1/old.json" .name '"Old"'
    echo '{"name": "Max"}' >"$D1/t"
    mv -n "$D1/t" "$D1/rex.json" || true
    assert_json "$D1/rex.json" .name '"Rex"'
    rm "$D1/t" "$D1/old.json"
    sees_no_more "$D2/old.json"
    same_dog Rex 3
}

mv__out_of_the_mount_and_in_again_is_another_item() {
    mv "$D1/rex.json" "$T/out.json"
    sees_no_more "$D2/rex.json"
    assert_json "$T/out.json" .name '"Rex"'
    mv "$T/out.json" "$D1/rex.json"
    sees "$D2/rex.json"
    assert_json "$D2/rex.json" 'has("chip")' false
}

ln__is_refused() {
    assert_errno EPERM ln "$D1/rex.json" "$D1/hard.json"
    assert_errno EPERM ln -s rex.json "$D1/soft.json"
    assert_errno EPERM ln -s rex.json "$D1/.soft"
    assert_errno EPERM cp -l "$D1/rex.json" "$D1/hard.json"
    assert_fails ln "$T/from/rex.json" "$D1/hard.json"
    same_dog Rex 3
}

touch__sets_the_time_and_makes_nothing() {
    touch -d '2005-05-05 05:05:05 UTC' "$D1/rex.json"
    assert_eq "$(stat -c %Y "$D1/rex.json" "$D2/rex.json" | sort -u)" 1115269505
    touch -r "$T/from/rex.json" "$D2/rex.json"
    assert_eq "$(stat -c %y "$D1/rex.json")" "$(stat -c %y "$T/from/rex.json")"
    assert_errno EINVAL touch "$D1/new.json"
    touch -c "$D1/new.json"
    same_dog Rex 3
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

sponge__soaks_up_and_writes() {
    need sponge
    jq '.age = 4 | .name = "Max"' "$D1/rex.json" | sponge "$D1/rex.json"
    same_dog Max 4
    # One that puts its text in place by a rename: TMPDIR is beside the item.
    sed 's/Max/Moritz/' "$D1/rex.json" | TMPDIR=$D1 sponge "$D1/rex.json"
    same_dog Moritz 4
}

sponge__of_a_text_that_is_refused_fails() {
    need sponge
    sed 's/name/nme/' "$D1/rex.json" | assert_sponge_fails
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_json "$D2/rex.json" .chip '"c-1"'
}

# Whatever sponge's exit status is worth: the refusal is known.
assert_sponge_fails() {
    sponge "$D1/rex.json" || true
    assert_contains "$(cat "$M/control/errors")" 'no field "nme"'
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

rsync__in_place_twice_and_deleting() {
    need rsync
    rsync -a --inplace "$T/from/" "$D1/" # the directory's time too
    same_dog Max 4
    assert_eq "$(rsync -ai --inplace "$T/from/" "$D1/")" "" "the second time"
    put "$T/from/rex.json" '{"name": "Moritz", "age": 5}'
    rsync -a --inplace --no-whole-file --ignore-times "$T/from/rex.json" "$D1/rex.json"
    same_dog Moritz 5
    put "$T/from/new.json" '{"name": "New"}'
    rm "$T/from/rex.json"
    rsync -a --delete "$T/from/" "$D1/"
    sees_no_more "$D2/rex.json"
    assert_eq "$(names "$D1")" new.json
}

rsync__of_a_text_that_is_refused_fails_and_leaves_nothing() {
    need rsync
    put "$T/from/rex.json" '{"nme": "Max"}'
    assert_fails rsync -a "$T/from/" "$D1/"
    assert_contains "$ERR" 'Invalid argument'
    same_dog Rex 3
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

git__with_a_repository_beside_and_a_copy() {
    need git
    local git=(git -C "$T/repo" -c user.name=t -c user.email=t@t)
    git init -q "$T/repo"
    cp -a "$D1/." "$T/repo/"
    "${git[@]}" add . && "${git[@]}" commit -qm one
    put "$D1/rex.json" '{"name": "Max", "age": 4}'
    cp -a "$D1/." "$T/repo/"
    assert_contains "$("${git[@]}" diff)" '+{"name": "Max", "age": 4}'
    "${git[@]}" checkout -q -- rex.json
    cp "$T/repo/rex.json" "$D1/rex.json"
    same_dog Rex 3
}

git__diff_of_two_versions() {
    need git
    local said
    said=$(git diff --no-index "$D1/rex.json" "$D2/rex.json" || true)
    assert_contains "$said" '"chip": "c-1"'
    said=$(git diff --no-index --stat "$D1" "$D2" || true)
    assert_contains "$said" '1 file changed'
    said=$(git diff --no-index "$M/v1" "$M/v2" || true)
    assert_contains "$said" '+{"name": "Rex", "age": 3, "chip": "c-1"}'
    assert_contains "$said" Walk/morning.json
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
    # Each file counts as what it holds, rounded up to blocks.
    [[ $(du -s --apparent-size --block-size=1 "$D1" | cut -f1) -ge $((30 * 27)) ]] || fail 'du' "$(du -s "$D1")"
    assert_eq "$(df --output=fstype "$M" | tail -n 1)" fuse.schemafs
    assert_eq "$(df --output=size "$M" | tail -n 1 | tr -d ' ')" "$(df --output=size "$T" | tail -n 1 | tr -d ' ')"
    assert_eq "$(stat -f -c %l "$M")" 255
    cmp "$D1/d7.json" <(printf '{"name": "Dog 7", "age": 7}\n')
    assert_fails cmp "$D1/d7.json" "$D2/d8.json"
    assert_eq "$(find "$D1" -newer "$D1/d7.json" -name 'd*.json' | wc -l)" 23
    assert_eq "$(cat "$D1"/d?.json | jq -s length)" 9
    assert_eq "$(sort -u "$D1"/d*.json | wc -l)" 30
    assert_eq "$(diff -rq "$M/v1" "$M/v2" | grep -c ' differ$')" 33 "the items that were written through one of them, and a stream"
    head -c 10 "$D1/d7.json" >/dev/null
    file_is_text "$D1/d7.json"
}

# What xargs, awk and shells do with file names.
file_is_text() { awk 'END { exit NR != 1 }' "$1"; }

readers__of_a_stream() {
    local n
    for n in {1..30}; do put "$D1/d$n.json" "{\"name\": \"Dog $n\", \"age\": $n}"; done
    assert_eq "$(tail -n 2 "$D1.jsonl" | jq -r ._key | tr '\n' ' ')" 'd29 d30 '
    assert_eq "$(head -n 1 "$D2.jsonl" | jq -r .chip)" c-1
    assert_eq "$(wc -l <"$D1.jsonl")" 31
    assert_eq "$(grep -c '"age": 7}' "$D1.jsonl")" 1
    assert_eq "$(sha256sum <"$D1.jsonl")" "$(dd if="$D1.jsonl" bs=1000 status=none | sha256sum)"
    cp "$D1.jsonl" "$T/copy"
    assert_eq "$(wc -l <"$T/copy")" 31 "lines of a copy"
    assert_eq "$(awk '/Dog 1/ { n++ } END { print n }' "$D1.jsonl")" 11
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
