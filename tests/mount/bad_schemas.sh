#!/usr/bin/env bash
#
# Bad schema files and bad commands: each is refused with its errno and a line that says what and where, what
# stood before stands, the mount lives, and a thousand of them leave no memory behind.
. "${0%/*}/lib.sh"

CASE_LIMIT=120

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, note: string, age: integer}}
enums:
  Size: [small, large]
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "note": "n", "age": 3}'
}

# What a refusal must not touch.
nothing_changed() {
    assert_file "$M/v1/Dog/rex.json" <<<'{"name": "Rex", "note": "n", "age": 3}'
    assert_eq "$(ls "$M" | tr '\n' ' ')" "README control current schemas v1 "
    assert_eq "$(jq -c '[.versions[].version]' "$M/control/status.json")" '["v1"]'
}

STEP='version: v2\nfrom: v1\nmigrate:\n  - '

# name | errno | what the outcome matches | the file, with the escapes of printf %b
SCHEMAS=$(cat <<'ROWS'
alias|EINVAL|v2.yaml:3:4: .*alias|version: v2\nfrom: v1\nb: *x\n
anchor|EINVAL|v2.yaml:[0-9]+:[0-9]+: .*anchor|version: &v v2\nfrom: v1\n
tag|EINVAL|v2.yaml:1:[0-9]+: .*tag|version: !!str v2\nfrom: v1\n
cycle|EINVAL|v2.yaml:[0-9]+:[0-9]+: .*anchor|&a [*a]\n
merge key|EINVAL|v2.yaml:[0-9]+:[0-9]+: |version: v2\nfrom: v1\n<<: {migrate: []}\n
duplicate key|EINVAL|v2.yaml:2:[0-9]+: .*version|version: v2\nversion: v3\nfrom: v1\n
several documents|EINVAL|v2.yaml:[0-9]+:[0-9]+: .*document|version: v2\nfrom: v1\n---\nversion: v3\n
tab|EINVAL|v2.yaml:[0-9]+:[0-9]+: |version: v2\nfrom: v1\nmigrate:\n\t- remove_type: {type: Dog}\n
empty|EINVAL|v2.yaml|
only a comment|EINVAL|v2.yaml|# nothing\n
a list|EINVAL|v2.yaml:1:1: |- 1\n- 2\n
not UTF-8|EINVAL|v2.yaml|version: v2\nfrom: v1\ndescription: \xff\n
NUL|EINVAL|v2.yaml|version: v2\x00\nfrom: v1\n
unclosed|EINVAL|v2.yaml:[0-9]+:[0-9]+: |version: v2\nfrom: {\n
unknown word|EINVAL|unknown key "migrat".*did you mean "migrate"|version: v2\nfrom: v1\nmigrat: []\n
unknown step|EINVAL|"ad_field".*add_field|STEPad_field: {type: Dog, field: x, as: string}\n
unknown argument|EINVAL|"feild".*field|STEPadd_field: {type: Dog, feild: x, as: string}\n
unknown type of a field|EINVAL|"strin".*string|STEPadd_field: {type: Dog, field: x, as: strin}\n
type that is not there|EINVAL|"Dgo".*Dog|STEPadd_field: {type: Dgo, field: x, as: string}\n
field that is not there|EINVAL|"nme"|STEPrename_field: {type: Dog, from: nme, to: x}\n
rename onto one that exists|EINVAL|note|STEPrename_field: {type: Dog, from: name, to: note}\n
swap in one step each|EINVAL|note|STEPrename_field: {type: Dog, from: name, to: note}\n  - rename_field: {type: Dog, from: note, to: name}\n
add of one that exists|EINVAL|note|STEPadd_field: {type: Dog, field: note, as: string}\n
default of the wrong type|EINVAL|default|STEPadd_field: {type: Dog, field: x, as: {type: integer, default: many}}\n
default that is no value of the enum|EINVAL|huge|STEPadd_field: {type: Dog, field: x, as: {type: Size, default: huge}}\n
no as a boolean's default|EINVAL|default|STEPadd_field: {type: Dog, field: x, as: {type: boolean, default: no}}\n
012 as an integer's default|EINVAL|default|STEPadd_field: {type: Dog, field: x, as: {type: integer, default: 012}}\n
1:30 as an integer's default|EINVAL|default|STEPadd_field: {type: Dog, field: x, as: {type: integer, default: 1:30}}\n
narrowing without a mend|EINVAL|note|STEPrequire_field: {type: Dog, field: note}\n
narrowing of the type|EINVAL|up|STEPchange_type: {type: Dog, field: note, to: integer}\n
from that is not live|EINVAL|v9|version: v2\nfrom: v9\nmigrate: []\n
from itself|EINVAL|v2|version: v2\nfrom: v2\nmigrate: []\n
expression: attach|EINVAL|v2.yaml:[0-9]+|STEPadd_field: {type: Dog, field: x, as: string, up: "ATTACH 'x' AS y"}\n
expression: pragma|EINVAL|v2.yaml:[0-9]+|STEPadd_field: {type: Dog, field: x, as: string, up: "pragma user_version"}\n
expression: load_extension|EINVAL|load_extension|STEPadd_field: {type: Dog, field: x, as: string, up: "load_extension('x')"}\n
expression: subquery|EINVAL|v2.yaml:[0-9]+.*subquer|STEPadd_field: {type: Dog, field: x, as: string, up: "(SELECT 1)"}\n
expression: recursive|EINVAL|v2.yaml:[0-9]+|STEPadd_field: {type: Dog, field: x, as: string, up: "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n FROM c) SELECT n FROM c)"}\n
expression: random|EINVAL|another result|STEPadd_field: {type: Dog, field: x, as: string, up: "randomblob(9)"}\n
expression: time|EINVAL|time of day|STEPadd_field: {type: Dog, field: x, as: string, up: "datetime('now')"}\n
expression: a second statement|EINVAL|";"|STEPadd_field: {type: Dog, field: x, as: string, up: "1; DROP TABLE item"}\n
ROWS
)

# each FUNCTION: calls it with every row's name, errno, pattern, and the staged file's path.
each() {
    local name errno pattern text
    while IFS='|' read -r name errno pattern text; do
        text=${text/#STEP/$STEP}
        printf %b "$text" >"$M/schemas/v2.yaml"
        "$1" "$name" "$errno" "$pattern"
    done <<<"$SCHEMAS"
}

refused_by_add() {
    assert_errno "$2" verb add v2
    local said
    said=$(outcome add)
    assert_match "$(head -n 1 <<<"$said")" '^error: '
    assert_match "$said" "$3"
}

schema__each_bad_one_is_refused_with_its_place() {
    each refused_by_add
    assert_eq "$(jq -s length "$M/control/log")" "$(($(grep -c . <<<"$SCHEMAS") + 1))" "verbs in the log"
    nothing_changed
}

schema__deep_nesting_and_size_are_bounded() {
    local start
    start=$(now_ms)
    python3 -c 'print("version: v2\nfrom: v1\ntypes: " + "[" * 100000)' >"$M/schemas/v2.yaml"
    assert_errno EINVAL verb add v2
    assert_match "$(outcome add)" 'v2.yaml:3:[0-9]+: .*64'
    [[ $(($(now_ms) - start)) -lt $((3000 * SLOWNESS)) ]] || fail "it took $(($(now_ms) - start)) ms"
    python3 -c 'print("version: v2\nfrom: v1\ndescription: " + "x" * (1 << 20))' >"$T/large.yaml"
    assert_fails sh -c 'cp "$1" "$2/schemas/v2.yaml" && echo v2 >"$2/control/add"' - "$T/large.yaml" "$M"
    nothing_changed
}

rss_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$DAEMON/status"; }

# no_growth COMMAND...: 1,000 times, after 200 that warm it up.
no_growth() {
    local i before after
    for ((i = 0; i < 200; i++)); do "$@"; done
    before=$(rss_kb)
    for ((i = 0; i < 1000; i++)); do "$@"; done
    after=$(rss_kb)
    [[ $((after - before)) -lt 2048 ]] || fail "$((after - before)) KiB more after 1,000 of: $*"
}

one_refused_add() { ! echo v2 2>/dev/null >"$M/control/add"; }
one_refused_command() { ! echo 'v2 v1' 2>/dev/null >"$M/control/finalize"; }

schema__a_thousand_bad_ones_leave_no_memory_behind() {
    printf %b "${STEP}add_field: {type: Dog, field: x, as: {type: integer, default: many}}\n" >"$M/schemas/v2.yaml"
    no_growth one_refused_add
    no_growth one_refused_command
    nothing_changed
}

# errno | what the outcome matches | file | the command, with the escapes of printf %b
COMMANDS=$(cat <<'ROWS'
EINVAL|empty|add|\n
EINVAL|more than one line|check|v1\nv1\n
EINVAL|more than one word|finalize|v1 v2\n
EINVAL|NUL|add|v1\x00\n
EINVAL|CR LF|verify|v1\r\n
ENOENT|there is no.*v9|backfill|v9\n
ENOENT|there is no.*v9|verify|v9\n
ENOENT|there is no.*v9|finalize|v9\n
ENOENT|there is no.*v9|revert|v9\n
ENOENT|there is no.*v9|add|v9\n
EINVAL|path|add|../v1\n
EINVAL|number|backfill_rate|fast\n
EINVAL|number|backfill_rate|-1\n
EINVAL|JSON|backfill|{"version"\n
ROWS
)

command__each_bad_one_is_refused_with_a_line() {
    local errno pattern file text
    while IFS='|' read -r errno pattern file text; do
        printf %b "$text" >"$T/command"
        assert_errno "$errno" dd if="$T/command" of="$M/control/$file" bs=65536 conv=notrunc status=none
        assert_match "$(head -n 1 "$M/control/$file")" '^error: '
    done <<<"$COMMANDS"
    nothing_changed
}

command__over_64_kib_is_efbig() {
    head -c 70000 /dev/zero | tr '\0' 'v' >"$T/large"
    assert_errno EFBIG dd if="$T/large" of="$M/control/add" bs=70000 status=none
    nothing_changed
}

command__twice_is_harmless_and_two_at_once_take_turns() {
    printf %b "${STEP}change_type: {type: Dog, field: note, to: json, up: note, down: \"''\"}\n" >"$M/schemas/v2.yaml"
    echo v2 >"$M/control/add" &
    local first=$!
    echo v2 >"$M/control/add" &
    wait "$first" && wait $! || fail "two adds of one file" "$(outcome add)"
    must_verb add v2
    assert_errno EBUSY verb finalize v2
    must_verb backfill v2
    must_verb backfill v2
    cat "$M/control/wait" >/dev/null
    must_verb finalize v2
    assert_fails verb finalize v1
    assert_fails verb revert v2
    assert_json "$M/v2/Dog/rex.json" .name '"Rex"'
}

run_tests "$@"
