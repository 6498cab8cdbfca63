#!/usr/bin/env bash
# References that a formula gives items from before its step: rm, mv and new items do the same to them before,
# during and after a backfill.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119,SC2317
. "${0%/*}/lib.sh"

# people ON_DELETE [N]: persons from before v2, in which each refers to the dog that its note names; and N more, of tim.
people() {
    mount_store
    D1=$M/v1/Dog P1=$M/v1/Person D2=$M/v2/Dog P2=$M/v2/Person
    add v1 <<YAML
version: v1
types:
  Dog: {fields: {name: string}}
  Person: {fields: {note: string, dog: {type: ref<Dog>, on_delete: $1}}}
YAML
    local dog
    for dog in rex tim zoe; do
        put "$D1/$dog.json" "{\"name\": \"$dog\"}"
        put "$P1/of-$dog.json" "{\"note\": \"$dog\"}"
    done
    put "$P1/of-none.json" '{"note": "max"}'
    for ((dog = 0; dog < ${2:-0}; dog++)); do printf '{"_key": "p%s", "note": "tim"}\n' "$dog"; done >"$T/more"
    cat "$T/more" >>"$P1.jsonl" || fail 'lines are refused'
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - require_field: {type: Person, field: dog, up: note}
YAML
    assert_eq "$(dogs)" '[null,"rex","tim","zoe"]'
}

setup() { :; }

# of-none, of-rex, of-tim, of-zoe: the dog that each refers to in v2.
dogs() { jq -c -s 'map(.dog)' "$P2"/of-*.json; }

on_delete_restrict__the_dog_stays() {
    people restrict
    check() {
        assert_eq "$(errno_of 'os.unlink("v1/Dog/rex.json")')" EBUSY
        assert_eq "$(errno_of 'os.unlink("v2/Dog/tim.json")')" EBUSY
        assert_contains "$(cat "$M/control/errors")" 'is referred to by Person.dog of "of-tim"'
        assert_eq "$(dogs)" '[null,"rex","tim","zoe"]'
    }
    before_and_after_backfill v2 check
    agree v2
}

half_done() { [[ $(status '.versions[] | select(.version == "v2") | .backfill.done') -gt 0 ]]; }

on_delete_restrict__half_way_through_a_backfill() {
    people restrict 300
    must_verb backfill_rate 40
    must_verb backfill v2
    wait_until 10 half_done || fail 'the backfill does not begin' "$(cat "$M/control/status.json")"
    must_verb backfill pause
    assert_eq "$(backfill_state v2)" paused
    rm "$P1"/p{0..298}.json "$P2/of-tim.json" || fail 'persons stay'
    assert_eq "$(errno_of 'os.unlink("v1/Dog/tim.json")')" EBUSY # of p299, which it has not come to
    rm "$P1"/of-zoe.json "$D1/zoe.json" || fail 'a dog that nobody refers to any more stays'
    must_verb backfill_rate 0
    must_verb backfill resume
    wait_until 30 backfill_is_over v2 || fail 'it does not end' "$(cat "$M/control/status.json")"
    assert_eq "$(errno_of 'os.unlink("v2/Dog/tim.json")')" EBUSY
    assert_eq "$(dogs)" '[null,"rex"]'
    agree v2
}

on_delete_unset__the_field_reads_as_unset_and_stays_so() {
    people unset
    rm "$D1/rex.json"
    assert_eq "$(dogs)" '[null,null,"tim","zoe"]'
    put "$D1/rex.json" '{"name": "another"}'
    assert_eq "$(dogs)" '[null,null,"tim","zoe"]'
    backfill v2
    rm "$D2/tim.json"
    assert_eq "$(dogs)" '[null,null,null,"zoe"]'
    agree v2
}

on_delete_cascade__the_items_go_along() {
    people cascade
    rm "$D1/rex.json"
    assert_absent "$P1/of-rex.json"
    assert_absent "$P2/of-rex.json"
    backfill v2
    rm "$D1/tim.json"
    assert_absent "$P1/of-tim.json"
    assert_eq "$(dogs)" '[null,"zoe"]'
    agree v2
}

mv__references_that_a_formula_gave_follow() {
    people restrict
    mv "$D1/rex.json" "$D1/moritz.json"
    assert_eq "$(dogs)" '[null,"moritz","tim","zoe"]'
    mv -f "$D1/tim.json" "$D1/zoe.json" # onto another
    assert_eq "$(dogs)" '[null,"moritz","zoe","zoe"]'
    mv "$D2/moritz.json" "$D2/max.json" # a name that was looked up in vain
    assert_eq "$(dogs)" '[null,"max","zoe","zoe"]'
    backfill v2
    assert_eq "$(dogs)" '[null,"max","zoe","zoe"]'
    agree v2
}

new_items__change_no_text_of_others() {
    people restrict
    put "$D1/max.json" '{"name": "Max"}'
    assert_eq "$(dogs)" '[null,"rex","tim","zoe"]'
    remount_store
    assert_eq "$(dogs)" '[null,"rex","tim","zoe"]'
    backfill v2
    assert_eq "$(dogs)" '[null,"rex","tim","zoe"]'
    put "$P1/of-none.json" '{"note": "max", "dog": null}' # one that is written looks again
    put "$P1/of-none.json" '{"note": "max"}'
    agree v2
}

finalize__what_was_computed_from_a_name_stays() {
    people restrict
    add v3 <<'YAML'
version: v3
from: v2
migrate:
  - change_type: {type: Person, field: note, to: string, up: "note || ' has ' || dog", down: "substr(note, 1, 3)"}
YAML
    notes() { jq -c -s 'map(.note)' "$M/v3/Person"/of-{rex,tim}.json; }
    backfill v3
    mv "$D1/rex.json" "$D1/max.json"
    assert_eq "$(notes)" '["rex has max","tim has tim"]'
    must_verb finalize v3
    assert_eq "$(notes)" '["rex has max","tim has tim"]'
    mv "$M/v3/Dog/max.json" "$M/v3/Dog/leo.json"
    mv "$M/v3/Dog/tim.json" "$M/v3/Dog/zoe.json" # onto another
    assert_eq "$(notes)" '["rex has max","tim has tim"]'
    assert_eq "$(jq -c -s 'map(.dog)' "$M/v3/Person"/of-{rex,tim}.json)" '["leo","zoe"]'
    remount_store
    assert_eq "$(notes)" '["rex has max","tim has tim"]'
    unmount_store
    "$SCHEMAFS" fsck "$S"
}

run_tests "$@"
