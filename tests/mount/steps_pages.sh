#!/usr/bin/env bash
# The pages of docs/steps/ show what happens: the session of each is run in a new mount and compared.
# PAGES_WRITE=1 writes what happens into the pages instead: read the diff.
# takes long: yes
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "${0%/*}/lib.sh"

CASE_LIMIT=180

setup() { :; }

STEPS=$ROOT/docs/steps

step_names() { grep -oE '^    \{"[a-z_]+", ARGS' "$ROOT/schemas/steps/table.c" | cut -d'"' -f2; }

# pages NAME...: their sessions, each in a store of its own; all are run, whatever one of them shows.
pages() {
    local name wrong=''
    for name; do
        S=$T/$name.db
        mount_store
        python3 "$ROOT/tests/pages.py" ${PAGES_WRITE:+--write} "$STEPS/$name.md" "$M" || wrong+=" $name"
        unmount_store
    done
    [[ -z $wrong ]] || fail "not as the page says:$wrong"
}

pages__of_steps_on_types() {
    pages add_type remove_type rename_type copy_type extract_type inline_type change_key split_type merge_types
}

pages__of_steps_on_a_field() {
    pages add_field remove_field restore_field compute_field rename_field reorder_fields require_field relax_field \
        change_default change_type move_field
}

pages__of_steps_on_several_fields() { pages split_field merge_fields nest_fields unnest_fields transform; }

pages__of_steps_on_values() { pages wrap_list unwrap_list add_value remove_value rename_value map_values; }

pages__of_steps_on_constraints() { pages add_unique remove_unique add_check remove_check; }

pages__of_several_versions() { pages versions; }


# A page has one table, of one row: forward, backward, kept.
row_of() { sed -n '/^|---|---|---|$/{n;p;}' "$STEPS/$1.md"; }

pages__every_step_has_one_and_a_row_that_says_the_same() {
    local name number=0
    for name in $(step_names); do
        number=$((number + 1))
        assert_exists "$STEPS/$name.md"
        assert_match "$(row_of "$name")" '^\| .+ \| .+ \| .+ \|$'
        grep -qF "| [$name]($name.md) $(row_of "$name")" "$STEPS/README.md" ||
            fail "docs/steps/README.md has no row of $name that says what its page says"
        grep -qE "^( |pages__).*[ (]pages .*\b$name\b|^ {8}.*\b$name\b" "$TESTS_MOUNT/steps_pages.sh" ||
            fail "no case runs the page of $name"
    done
    [[ $number -gt 30 ]] || fail "only $number steps found in schemas/steps/table.c"
}

# law_tests_of STEP: the last cell of its row.
law_tests_of() { grep -F "| [$1]($1.md) |" "$STEPS/README.md" | awk -F'|' '{ print $(NF - 1) }'; }

pages__the_law_tests_of_each_row_exist() {
    local name test number=0
    for name in $(step_names); do
        if [[ $(law_tests_of "$name") == *chains* ]]; then
            grep -qE "\b$name\b" "$ROOT"/tests/property/*.c || fail "tests/property draws no $name"
        fi
        for test in $(law_tests_of "$name" | grep -oE '[a-z_0-9]+__[a-z_0-9]+'); do
            number=$((number + 1))
            grep -qE "^(START_TEST\($test\)|$test\(\))" "$ROOT"/tests/mount/*.sh "$ROOT"/tests/unit/*.c ||
                fail "there is no test $test, which the row of $name names"
        done
    done
    [[ $number -gt 30 ]] || fail "only $number tests are named"
}

pages__the_hard_cases_have_their_headings() {
    local link page number=0
    for link in $(sed -n '/^## Hard cases/,$p' "$STEPS/README.md" | grep -oE '\([a-z_]+\.md#[^)]+' | tr -d '('); do
        number=$((number + 1))
        page=$STEPS/${link%%#*}
        grep '^## ' "$page" | sed 's/^## //' | tr '[:upper:] ' '[:lower:]-' | tr -d "'," | grep -qx -- "${link#*#}" ||
            fail "no heading for $link"
    done
    [[ $number -gt 10 ]] || fail "only $number hard cases"
}

run_tests "$@"
