#!/usr/bin/env bash
# The migration of 171,075 real cities; see tests/cities.
# takes long: yes
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"

CASE_LIMIT=480

setup() { :; }

cities__171075_items_before_during_and_after_their_backfill() {
    [[ -r $ROOT/../shared/data/cities.jsonl.gz ]] || skip "../shared/data/cities.jsonl.gz is not there"
    TEST_DIR=$T "$ROOT/tests/cities"
}

run_tests "$@"
