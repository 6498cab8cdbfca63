#!/bin/sh
# docs/tools.md and the tests with real tools say the same: every prefix in the table has cases, and every case of
# tools.sh and editors.sh has its row.
cd "$(dirname "$0")/.." || exit 1
mount=tests/mount
work=$(mktemp -d) || exit 1
trap 'rm -r "$work"' EXIT

prefixes() { grep -ohE '^[a-z]+__' "$@" | sort -u; }

# shellcheck disable=SC2016
# Of the table's rows alone: what stands in backquotes and ends with two underscores.
grep '^|' docs/tools.md | grep -oE '`[a-z]+__`' | tr -d '`' | sort -u >"$work/rows"
prefixes $mount/tools.sh $mount/editors.sh >"$work/must"
prefixes $mount/tools.sh $mount/editors.sh $mount/scratch.sh >"$work/may"
{
    comm -23 "$work/rows" "$work/may" | sed 's/^/docs\/tools.md has a row for cases that are not there: /'
    comm -13 "$work/rows" "$work/must" | sed 's/^/docs\/tools.md has no row for /'
} >"$work/wrong"
cat "$work/wrong"
[ -s "$work/rows" ] && [ ! -s "$work/wrong" ]
