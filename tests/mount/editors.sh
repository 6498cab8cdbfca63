#!/usr/bin/env bash
# Editors on items, with their default settings, typed at on a terminal where they want one: exit status, content in
# every version, the item's identity, nothing left behind but the backups that an editor keeps.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
. "${0%/*}/lib.sh"
. "${0%/*}/dog.bash"

# alone: no scratch file of any name, hidden ones too.
alone() { assert_eq "$(ls -A "$D1")" rex.json "what is in v1/Dog"; }

# What an editor only tries (4913, locks by symbolic links) is no refusal that a person would have to look at.
untroubled() { assert_eq "$(cat "$M/control/errors")" "" control/errors; }

# ---------------------------------------------------------------- vim

need_vim() { [[ $(vim --version 2>/dev/null) == *'+eval'* ]] || skip 'vim is not installed, or a tiny one'; }

vim__on_a_terminal_with_its_default_settings() {
    need_vim
    at_terminal '?Rex' ':%s/Rex/Max/\r' ':%s/3/4/\r' ':wq\r' -- vim "$D1/rex.json"
    same_dog Max 4
    alone
}

vim__saving_many_times_in_one_session() {
    need_vim
    at_terminal '?Rex' ':%s/Rex/Max/\r' ':w\r' '?written' ':%s/3/4/\r' ':w\r' '?written' ':%s/4/5/\r' ':w\r' '?written' \
        ':q\r' -- vim "$D1/rex.json"
    same_dog Max 5
    alone
    untroubled
}

vim__makes_a_new_item_on_a_terminal() {
    need_vim
    at_terminal '?new.json' 'i{"name": "New"}\x1b' ':wq\r' -- vim "$D1/new.json"
    sees "$D2/new.json"
    assert_json "$D2/new.json" .name '"New"'
    assert_eq "$(ls -A "$D1")" $'new.json\nrex.json'
}

vim__with_each_way_of_making_a_backup() {
    need_vim
    local way name=Rex
    for way in yes no auto auto,breaksymlink; do
        vim -e -s -u NONE -c "set writebackup backupcopy=$way" -c "%s/$name/Dog-${way/,/-}/" -c wq "$D1/rex.json" </dev/null
        name=Dog-${way/,/-}
        same_dog "$name" 3
        alone
    done
}

vim__keeps_the_backup_that_was_asked_for() {
    need_vim
    local way name=Rex
    for way in yes no; do
        vim -e -s -u NONE -c "set backup backupcopy=$way backupdir=." -c "%s/$name/Dog-$way/" -c wq "$D1/rex.json" </dev/null
        assert_json "$D1/rex.json~" .name "\"$name\""
        assert_eq "$(stat -c %a "$D1/rex.json~")" 644 "the backup's mode"
        name=Dog-$way
        still_the_dog "$name" 3
        rm "$D1/rex.json~"
    done
}

vim__of_a_text_that_is_refused_says_so_and_keeps_the_item() {
    need_vim
    at_terminal '?Rex' ':%s/name/nme/\r' ':w\r' '?E5' ':q!\r' -- vim "$D1/rex.json"
    same_dog_beside_rejected
    assert_contains "$(cat "$D1/rex.json.rejected")" '"nme": "Rex"'
}

same_dog_beside_rejected() {
    still_the_dog Rex 3
    assert_eq "$(ls -A "$D1")" $'rex.json\nrex.json.rejected'
}

vim__mended_after_a_refusal_saves() {
    need_vim
    at_terminal '?Rex' ':%s/name/nme/\r' ':w\r' '?E5' ':%s/nme/name/\r' ':%s/Rex/Max/\r' ':wq!\r' -- vim "$D1/rex.json"
    same_dog Max 3
    alone
}

vim__of_a_live_schema_refuses() {
    need_vim
    vim -e -s -u NONE -c '%s/integer/string/' -c 'wq!' "$M/schemas/v1.yaml" </dev/null || true
    assert_contains "$(cat "$M/schemas/v1.yaml")" 'age: integer'
}

vi__with_its_default_settings() {
    need vi
    vi -e -s -u NONE -c '%s/Rex/Max/' -c '%s/3/4/' -c wq "$D1/rex.json" </dev/null
    same_dog Max 4
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

# ---------------------------------------------------------------- nano

# Search and replace, write out, exit.
nano_edits() {
    at_terminal "?$1" '\x1c' "$1\r" '?eplace with' "$2\r" '?nstance' 'y' '\x0f' '?ile Name' '\r' '?Wrote' '\x18' \
        -- nano "${@:3}" "$D1/rex.json"
}

nano__edits_an_item() {
    need nano
    nano_edits Rex Max
    same_dog Max 3
    alone
}

nano__with_a_lock_and_a_backup() {
    need nano
    nano_edits Rex Max --locking --backup
    still_the_dog Max 3
    assert_json "$D1/rex.json~" .name '"Rex"'
    assert_eq "$(ls -A "$D1")" $'rex.json\nrex.json~'
    untroubled
}

nano__of_a_text_that_is_refused_says_so() {
    need nano
    at_terminal '?Rex' '\x1c' 'name\r' '?eplace with' 'nme\r' '?nstance' 'y' '\x0f' '?ile Name' '\r' '?rror writing' '\x18' 'n' \
        -- nano "$D1/rex.json"
    same_dog_beside_rejected
}

# ---------------------------------------------------------------- emacs

emacs_replaces() {
    printf '(progn (goto-char (point-min)) (while (search-forward "%s" nil t) (replace-match "%s")) (save-buffer))' "$1" "$2"
}

emacs__in_batch_keeps_its_backup_beside_the_item() {
    need emacs
    emacs -Q --batch "$D1/rex.json" --eval "$(emacs_replaces Rex Max)" 2>"$T/said"
    still_the_dog Max 3
    # Its default, on every file system.
    assert_eq "$(ls -A "$D1")" $'rex.json\nrex.json~'
    assert_json "$D1/rex.json~" .name '"Rex"'
    assert_eq "$(stat -c %a "$D1/rex.json~")" 644 "the backup's mode"
    emacs -Q --batch "$D1/rex.json" --eval "$(emacs_replaces Max Bea)" 2>"$T/said"
    still_the_dog Bea 3
}

emacs__in_batch_with_backups_by_copying_and_without() {
    need emacs
    emacs -Q --batch "$D1/rex.json" --eval '(setq backup-by-copying t)' --eval "$(emacs_replaces Rex Max)" 2>"$T/said"
    still_the_dog Max 3
    assert_json "$D1/rex.json~" .name '"Rex"'
    rm "$D1/rex.json~"
    emacs -Q --batch "$D1/rex.json" --eval '(setq make-backup-files nil)' --eval "$(emacs_replaces Max Bea)" 2>"$T/said"
    same_dog Bea 3
    alone
}

# Symbolic links are EPERM in a version: emacs then locks with a plain file, and a second emacs sees it.
emacs__locks_the_item_that_it_changes() {
    need emacs
    emacs -Q --batch "$D1/rex.json" --eval '(insert " ")' \
        --eval '(write-region (format "%S" (file-locked-p buffer-file-name)) nil "'"$T"'/held")' \
        --eval '(call-process "ls" nil (list :file "'"$T"'/listed") nil "-A" "'"$D1"'")' \
        --eval '(set-buffer-modified-p nil)' 2>"$T/said"
    assert_eq "$(cat "$T/held")" t
    assert_eq "$(cat "$T/listed")" $'.#rex.json\nrex.json'
    alone
    same_dog Rex 3
}

emacs__on_a_terminal() {
    need emacs
    at_terminal '?name' '\x1b%' 'Rex\r' 'Max\r' '!' '\x18\x13' '?Wrote' '\x18\x03' -- emacs -nw -Q "$D1/rex.json"
    still_the_dog Max 3
    assert_eq "$(ls -A "$D1")" $'rex.json\nrex.json~'
    untroubled
}

emacs__of_a_text_that_is_refused_puts_the_item_back() {
    need emacs
    at_terminal '?name' '\x1b%' 'name\r' 'nme\r' '!' '\x18\x13' '?Invalid argument' '\x18\x03' '?Save file' 'n' '?odified buffer' 'yes\r' \
        -- emacs -nw -Q "$D1/rex.json"
    # What was not saved it keeps in a file of its own.
    assert_contains "$(cat "$D1/#rex.json#")" '"nme": "Rex"'
    rm "$D1/#rex.json#"
    same_dog_beside_rejected
}

# In batch it ends at the error, with the item still out of the way: mv brings it back.
emacs__in_batch_of_a_text_that_is_refused_loses_nothing() {
    need emacs
    ! emacs -Q --batch "$D1/rex.json" --eval "$(emacs_replaces name nme)" >"$T/said" 2>&1 || fail 'emacs says nothing'
    assert_contains "$(cat "$T/said")" 'Invalid argument'
    assert_json "$D2/rex.json" '[.name, .chip]' '["Rex","c-1"]'
    assert_contains "$(cat "$D1/rex.json.rejected")" '"nme": "Rex"'
    mv "$D1/rex.json~" "$D1/rex.json"
    still_the_dog Rex 3
}

# ---------------------------------------------------------------- readers on a terminal

less__shows_an_item_and_its_next_text() {
    need less
    at_terminal '?Rex' 'q' -- less "$D1/rex.json"
    put "$D1/rex.json" '{"name": "Max", "age": 4}'
    at_terminal '?Max' 'q' -- less "$D1/rex.json"
    same_dog Max 4
}

less__that_stays_open_holds_up_no_writer() {
    need less
    at_terminal '?Rex' '?written' 'q' -- \
        sh -c '(sleep 1; cp "$1" "$2/rex.json" && echo "written" >/dev/tty) & exec less "$2/rex.json"' sh "$T/from/rex.json" "$D1"
    same_dog Max 4
}

run_tests "$@"
