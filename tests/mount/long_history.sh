#!/usr/bin/env bash
# A chain of 171 versions (tests/property/gen_history.c), all of them live, through a mount: written and read at
# random versions, before and after a backfill and a remount.
# shellcheck source-path=SCRIPTDIR disable=SC2012,SC2119
. "${0%/*}/lib.sh"
CASE_LIMIT=300

VERSIONS=171
ITEMS=5
LAWS=$(dirname "$SCHEMAFS")/../tests/property/laws
RANDOM=171

setup() {
    [[ -x $LAWS ]] || skip "$LAWS is not built"
    need jq
    mkdir "$T/schemas"
    "$LAWS" --schemas "$T/schemas" --seed 1 || fail "no schemas"
    mount_store
    local v start
    start=$(now_ms)
    for ((v = 1; v <= VERSIONS; v++)); do
        add "v$v" <"$T/schemas/v$v.yaml"
    done
    ADD_MS=$((($(now_ms) - start) / VERSIONS))
}

# Items of types that some version adds: item-N was made in version FROM[N], as a TYPE[N].
make_items() {
    local line n=0
    declare -ga FROM=() TYPE=() SHOULD=()
    while read -r line; do
        FROM[n]=${line%% *} TYPE[n]=${line##* } SHOULD[n]="made $n"
        put "$M/${FROM[n]}/${TYPE[n]}/item-$n.json" "{\"name\": \"made $n\"}"
        n=$((n + 1))
    done < <(sed -nE 's/.*add_type: \{type: (Type[0-9]+),.*/\1/p; s/^version: (.*)/= \1/p' "$T"/schemas/v?.yaml "$T"/schemas/v??.yaml |
        awk '$1 == "=" {v = $2; next} {print v, $1}' | head -n "$ITEMS")
    [[ $n -eq $ITEMS ]] || fail "only $n items"
}

# The texts of every tenth version of one item.
texts() {
    local v file
    for ((v = 1; v <= VERSIONS; v += 10)); do
        for file in "$M/v$v"/*/"item-$1.json"; do
            [[ ! -e $file ]] || sha256sum "$file"
        done
    done
    return 0
}

# one_version N: a version in which the item still stands under its first type's name, and the field too.
one_version() {
    local tries v file
    for ((tries = 0; tries < 40; tries++)); do
        v=$((${FROM[$1]#v} + RANDOM % (VERSIONS - ${FROM[$1]#v} + 1)))
        file=$M/v$v/${TYPE[$1]}/item-$1.json
        grep -qs '^  "name": "' "$file" || continue
        printf '%s' "$file"
        return
    done
    printf '%s' "$M/${FROM[$1]}/${TYPE[$1]}/item-$1.json"
}

write_and_read() {
    local round n file text
    for ((round = 0; round < 2; round++)); do
        for ((n = 0; n < ITEMS; n++)); do
            file=$(one_version "$n")
            assert_eq "$(jq -r .name "$file")" "${SHOULD[n]}" "$file"
            SHOULD[n]="round $round of $n, $1"
            text=$(jq --arg name "${SHOULD[n]}" '.name = $name' "$file")
            put "$file" "$text"
            assert_eq "$(cat "$file")" "$text" "what was written is what $file reads"
            assert_eq "$(jq -r .name "$M/${FROM[n]}/${TYPE[n]}/item-$n.json")" "${SHOULD[n]}" "${FROM[n]}"
        done
    done
}

# Writing back what any version reads changes no version's text.
write_back() {
    local n before file
    for ((n = 0; n < ITEMS; n++)); do
        before=$(texts "$n")
        file=$(one_version "$n")
        cp "$file" "$T/copy" && cp --no-preserve=all "$T/copy" "$file" || fail "can't be written back: $file"
        assert_eq "$(texts "$n")" "$before" "$file was written back as it reads"
    done
}

all_texts() {
    local n
    for ((n = 0; n < ITEMS; n++)); do texts "$n"; done
}

versions_171__no_write_is_lost_and_nothing_changes_by_itself() {
    local before start mount_ms
    assert_eq "$(find "$M" -mindepth 1 -maxdepth 1 -name 'v*' -type d | wc -l)" "$VERSIONS"
    make_items
    write_and_read "before the backfill"
    write_back
    before=$(all_texts)
    must_verb backfill "v$VERSIONS"
    wait_until 60 backfilled || fail "the backfill does not end"
    assert_eq "$(all_texts)" "$before" "the backfill changed a text"
    write_and_read "after it"
    before=$(all_texts)
    unmount_store
    start=$(now_ms)
    mount_store
    mount_ms=$(($(now_ms) - start))
    assert_eq "$(all_texts)" "$before" "a remount changed a text"
    write_and_read "after a remount"
    figures versions_171 "$VERSIONS versions, $ADD_MS ms an add, $mount_ms ms to mount"
}

backfilled() {
    jq -e --arg v "v$VERSIONS" '.versions[] | select(.version == $v) | .backfill.state | . == "done" or . == "not_needed"' \
        "$M/control/status.json"
}

run_tests "$@"
