#!/usr/bin/env bash
# Scratch files: names that are no items' names, and the dances that editors do with them.
# sanitized: yes
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
CASE_LIMIT=180
. "${0%/*}/lib.sh"
. "${0%/*}/dog.bash"

scratch__is_an_ordinary_byte_file() {
    head -c 300000 /dev/urandom >"$T/bytes"
    cp "$T/bytes" "$D1/blob"
    cmp "$T/bytes" "$D1/blob"
    assert_eq "$(stat -c %s "$D1/blob")" 300000
    python3 - "$D1/blob" "$T/bytes" <<'PY'
import random, sys
rng = random.Random(7)
one, two = open(sys.argv[1], "r+b"), open(sys.argv[2], "r+b")
for n in range(300):
    at, data = rng.randrange(320000), rng.randbytes(rng.randrange(5000))
    for f in (one, two):
        f.seek(at)
        if n % 3:
            f.write(data)
        elif n % 50 == 0:
            f.truncate(at)
    if n % 3 == 0:
        assert one.read(4096) == two.read(4096), n
one.close(); two.close()
PY
    cmp "$T/bytes" "$D1/blob"
    printf tail >>"$D1/blob"
    printf tail >>"$T/bytes"
    cmp "$T/bytes" "$D1/blob"
    rm "$D1/blob"
    assert_absent "$D1/blob"
}

scratch__is_never_an_item() {
    local name
    for name in t .rex.json.swp 4913 sedXaBcD1 rex.json~ .new.json.Ab12cD rex.json.orig '#rex.json#'; do
        echo "not JSON at all" >"$D1/$name" || fail "refused: $name"
        assert_file "$D1/$name" <<<"not JSON at all"
    done
    assert_eq "$(names "$D2" | grep -c '\.json$')" 1
    assert_eq "$(status '.versions[0].items')" 2
    rm "$D1"/t "$D1"/.rex.json.swp "$D1"/.new.json.Ab12cD "$D1"/4913
    assert_eq "$(names "$D1" | tr '\n' ' ')" '#rex.json# rex.json rex.json.orig rex.json~ sedXaBcD1 '
}

scratch__can_be_mapped() {
    python3 - "$D1/mapped" <<'PY'
import mmap, sys
with open(sys.argv[1], "w+b") as f:
    f.truncate(8192)
    with mmap.mmap(f.fileno(), 8192) as m:
        m[100:105] = b"hello"
        m.flush()
    f.seek(100)
    assert f.read(5) == b"hello"
PY
    assert_eq "$(tail -c +101 "$D1/mapped" | head -c 5)" hello
}

scratch__renamed_to_an_items_name_is_published() {
    echo '{"name": "Max", "age": 4}' >"$D1/t"
    mv "$D1/t" "$D1/rex.json"
    assert_absent "$D1/t"
    assert_file "$D1/rex.json" <<<'{"name": "Max", "age": 4}'
    assert_json "$D2/rex.json" . '{"name":"Max","age":4,"chip":"c-1"}'
    assert_json "$M/v1/Walk/morning.json" .dog '"rex"'
    echo '{"name": "New"}' >"$D1/.hidden"
    mv "$D1/.hidden" "$D1/new.json"
    sees "$D2/new.json"
}

scratch__that_is_no_item_is_refused_at_the_rename() {
    echo '{"nme": "Max"}' >"$D1/t"
    assert_fails mv "$D1/t" "$D1/rex.json"
    assert_file "$D1/t" <<<'{"nme": "Max"}'
    assert_json "$D2/rex.json" '[.name, .chip]' '["Rex","c-1"]'
    assert_contains "$(cat "$M/control/errors")" nme
}

scratch__an_empty_one_is_never_renamed_over_an_item() {
    : >"$D1/t"
    assert_fails mv "$D1/t" "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_fails mv "$D1/t" "$D1/new.json"
    assert_absent "$D1/new.json"
}

scratch__between_scratch_names() {
    echo x >"$D1/a"
    mv "$D1/a" "$D1/b"
    assert_file "$D1/b" <<<x
    echo y >"$D1/c"
    mv "$D1/b" "$D1/c"
    assert_file "$D1/c" <<<x
    assert_absent "$D1/b"
}

# vim's default save: the item to a backup name, a new file under the item's name, the backup removed.
aside() { mv "$D1/rex.json" "$D1/rex.json~"; }

aside__and_made_again_is_one_update_of_the_same_item() {
    aside
    assert_absent "$D1/rex.json"
    assert_file "$D1/rex.json~" <<'JSON'
{
  "name": "Rex",
  "age": 3
}
JSON
    # Gone only in this version.
    assert_json "$D2/rex.json" .name '"Rex"'
    assert_json "$M/v1/Walk/morning.json" .dog '"rex"'
    put "$D1/rex.json" '{"name": "Max", "age": 4}'
    rm "$D1/rex.json~"
    assert_json "$D2/rex.json" . '{"name":"Max","age":4,"chip":"c-1"}'
    assert_json "$M/v1/Walk/morning.json" .dog '"rex"'
    assert_eq "$(names "$D1")" rex.json
}

aside__and_removed_deletes_the_item() {
    aside
    rm "$D1/rex.json~"
    sees_no_more "$D2/rex.json"
    assert_json "$M/v1/Walk/morning.json" . '{}'
}

aside__and_back_is_nothing() {
    aside
    mv "$D1/rex.json~" "$D1/rex.json"
    assert_json "$D2/rex.json" . '{"name":"Rex","age":3,"chip":"c-1"}'
    assert_json "$M/v1/Walk/morning.json" .dog '"rex"'
}

aside__and_to_another_items_name_renames_it() {
    aside
    mv "$D1/rex.json~" "$D1/max.json"
    sees "$D2/max.json"
    sees_no_more "$D2/rex.json"
    assert_json "$D2/max.json" . '{"name":"Rex","age":3,"chip":"c-1"}'
    assert_json "$M/v1/Walk/morning.json" .dog '"max"'
}

aside__an_unmount_brings_it_back() {
    aside
    remount_store
    sees "$D1/rex.json"
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_json "$D2/rex.json" .chip '"c-1"'
}

aside__a_crash_brings_it_back() {
    aside
    kill_store
    mount_store
    assert_json "$D1/rex.json" .name '"Rex"'
    assert_json "$D2/rex.json" .chip '"c-1"'
}

aside__and_a_refused_text_loses_nothing() {
    aside
    assert_errno EINVAL put "$D1/rex.json" '{"nme": 1}'
    mv "$D1/rex.json~" "$D1/rex.json"
    assert_json "$D2/rex.json" . '{"name":"Rex","age":3,"chip":"c-1"}'
}

# full COMMAND...: it fails for want of room, and control/errors says of what.
full() {
    assert_fails "${@:2}"
    assert_match "$ERR" 'No space left on device|File too large'
    assert_match "$(tail -n 1 "$M/control/errors")" "$1"
    echo >"$M/control/errors"
}

scratch__is_bounded_by_bytes() {
    local limit='scratch files hold at most [0-9]+ bytes together$'
    # One file alone, by its size, and by writing far out.
    full '^\[.*\] v1/Dog/huge: error: over [0-9]+ bytes$' truncate -s 100G "$D1/huge"
    full '^\[.*\] v1/Dog/huge: error: over [0-9]+ bytes$' dd if=/dev/zero of="$D1/huge" bs=1M count=1 seek=100000 status=none
    # Two together.
    dd if=/dev/zero of="$D1/huge" bs=1M count=200 status=none
    full "$limit" dd if=/dev/zero of="$D2/huge" bs=1M count=100 status=none
    full "$limit" truncate -s 200M "$D2/other"
    assert_eq "$(stat -c %s "$D1/huge")" $((200 << 20))
    # What is removed makes room, and items are none of it.
    put "$D1/rex.json" '{"name": "Max", "age": 4}'
    rm "$D1/huge" "$D2/huge" "$D2/other"
    dd if=/dev/zero of="$D2/huge" bs=1M count=200 status=none
    assert_json "$D2/rex.json" '[.name, .chip]' '["Max","c-1"]'
}

scratch__is_bounded_by_number() {
    python3 - "$D1" <<'PY'
import errno, sys
try:
    for n in range(1, 100000):
        open(f"{sys.argv[1]}/.scratch{n}", "w").close()
    sys.exit("no end")
except OSError as e:
    assert e.errno == errno.ENOSPC and n > 4000, (e, n)
PY
    full '^\[.*\] v1/Dog/one-more: error: there are at most [0-9]+ scratch files$' sh -c ': > "$1"' sh "$D1/one-more"
    # An item is none, and an editor that needs a scratch file is told.
    put "$D1/new.json" '{"name": "New"}'
    full 'at most [0-9]+ scratch files$' sed -i 's/New/Old/' "$D1/new.json"
    rm "$D1/.scratch1" "$D1/.scratch2"
    sed -i 's/New/Old/' "$D1/new.json"
    assert_json "$D1/new.json" .name '"Old"'
    find "$D1" -name '.scratch*' -delete
    assert_eq "$(find "$D1" -name '.*' -type f | wc -l)" 0
}

scratch__random_operations_agree_with_a_model() {
    local program
    program=$(dirname "$SCHEMAFS")/../tests/scratch_ops
    [[ -x $program ]] || skip "no program at $program"
    "$program" "$D1" $((20000 / SLOWNESS)) || fail 'it does not agree'
    assert_eq "$(names "$D1")" rex.json
}

run_tests "$@"
