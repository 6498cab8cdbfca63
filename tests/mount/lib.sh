# shellcheck shell=bash
#
# The library of the tests that go through a real mount.
#
# A test file sources this, defines its cases as functions whose names say what they show
# (subject__what_it_shows: two underscores make a function a case) and ends with
#
#     run_tests "$@"
#
# Every case is a process of its own with a time limit and a temporary directory of its own:
#
#     $T   the directory, also the working directory      $M   the mountpoint, $T/mnt
#     $S   the store, $T/store.db                         $T/daemon.log  what the daemon printed
#
# Before a case `setup` runs (default: mount an empty store), after it the store is unmounted and the
# daemon's exit status must be 0: a sanitizer's report, which exits with 99, fails the case.
# Whatever happens, the parent unmounts what is left, aborts a connection that does not let go, and ends
# the processes that belong to the directory. No wait is without a limit.
#
#     FILE.sh              run all cases          FILE.sh PATTERN   those whose name matches
#     FILE.sh --list       print their names      KEEP=1            keep the directories of failed cases
#
# SCHEMAFS names the program under test.

set -u
export LC_ALL=C.UTF-8

# A run starts hundreds of cases, so what a case can do without starting a process it does without.
if [[ -z ${SCHEMAFS_CASE_DIR:-} ]]; then # else the parent said where
    TESTS_MOUNT=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
    ROOT=$(cd "$TESTS_MOUNT/../.." && pwd)
    export TESTS_MOUNT ROOT
fi
SCHEMAFS=${SCHEMAFS:-$ROOT/build/fs/schemafs}
case $SCHEMAFS in
    /*) ;;
    */*) SCHEMAFS=$PWD/$SCHEMAFS ;;
    *) SCHEMAFS=$(command -v "$SCHEMAFS") ;;
esac
export SCHEMAFS
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99:detect_stack_use_after_return=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1:exitcode=99}
export LSAN_OPTIONS=${LSAN_OPTIONS:-exitcode=99}

# A version manager's wrapper around python3 costs half a second at every start: go past it, once.
if [[ -z ${PYTHON_DIR:-} ]] && command -v python3 >/dev/null; then
    PYTHON_DIR=$(dirname "$(python3 -c 'import sys; print(sys.executable)')")
    export PYTHON_DIR PATH=$PYTHON_DIR:$PATH
fi

# Seconds that one case may take; a file that needs more sets its own after sourcing this.
CASE_LIMIT=${CASE_LIMIT:-60}
# How many times slower the program under test may be than a plain build (a sanitizer's is).
SLOWNESS=${SLOWNESS:-1}
SKIPPED=77

# ---------------------------------------------------------------- saying what went wrong

# The line of the test file that led here, as file:line.
where() {
    local i
    for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
        if [[ ${BASH_SOURCE[i]} == "${BASH_SOURCE[-1]}" ]]; then
            printf '%s:%s' "$(basename "${BASH_SOURCE[i]}")" "${BASH_LINENO[i - 1]}"
            return
        fi
    done
    printf 'lib.sh:%s' "${BASH_LINENO[0]}"
}

fail() {
    printf '%s: %s\n' "$(where)" "$1" >&2
    shift
    [[ $# -eq 0 ]] || printf '    %s\n' "$@" >&2
    FAILED=1
    exit 1
}

skip() {
    printf '%s\n' "$1"
    exit "$SKIPPED"
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}

on_error() {
    [[ -n ${FAILED:-} ]] || printf '%s: status %s from: %s\n' "$(where)" "$1" "$2" >&2
}

# figures NAME TEXT: what a harness counted, for the table of promises (tests/promises). Against another build
# than the plain one the name says which.
figures() { printf 'figures: %s%s: %s\n' "$1" "${BUILD_NAME:+ ($BUILD_NAME)}" "$2"; }

# ---------------------------------------------------------------- waiting

# nap: a hundredth of a second, without a process for it.
exec {NEVER_READY}<> <(:)
nap() { read -r -t 0.01 -u "$NEVER_READY" || true; }

# wait_until SECONDS COMMAND...: tries until it succeeds; status 1 when the time is over.
wait_until() {
    local limit_us=$(($1 * 1000000 * SLOWNESS)) start=${EPOCHREALTIME/[.,]/}
    shift
    until "$@" >/dev/null 2>&1; do
        [[ $((${EPOCHREALTIME/[.,]/} - start)) -lt $limit_us ]] || return 1
        nap
    done
}

now_ms() {
    local us=${EPOCHREALTIME/[.,]/}
    printf '%s' "${us%???}"
}

# sees PATH: a name made, removed or renamed through one version shows in the others a moment later.
sees() {
    wait_until 5 test -e "$1" || fail "not there: $1"
}

sees_no_more() {
    wait_until 5 test ! -e "$1" || fail "still there: $1"
}

# ---------------------------------------------------------------- asserting

# assert_eq ACTUAL EXPECTED [WHAT]
assert_eq() {
    [[ $1 == "$2" ]] || fail "${3:-not equal}" "expected: $(printf '%q' "$2")" "got:      $(printf '%q' "$1")"
}

assert_ne() {
    [[ $1 != "$2" ]] || fail "${3:-equal, and should not be}" "both: $(printf '%q' "$1")"
}

# assert_contains TEXT PART
assert_contains() {
    [[ $1 == *"$2"* ]] || fail "does not contain $(printf '%q' "$2")" "text: $1"
}

# assert_match TEXT REGEX
assert_match() {
    [[ $1 =~ $2 ]] || fail "does not match $2" "text: $1"
}

# assert_file PATH < EXPECTED: the same bytes, and the size that stat tells is their number.
assert_file() {
    cat >"$T/expected"
    cat "$1" >"$T/actual" || fail "cannot read $1"
    cmp -s "$T/actual" "$T/expected" ||
        fail "$1 is not the expected text" "$(diff "$T/expected" "$T/actual" | sed 's/^</expected:/; s/^>/got:     /')"
    assert_eq "$(stat -c %s "$1")" "$(stat -c %s "$T/expected")" "stat's size of $1"
}

# assert_json FILE JQ-FILTER EXPECTED: compared as compact JSON, a string with its quotes.
assert_json() {
    local got
    got=$(jq -c "$2" <"$1" 2>&1) || fail "$1: jq $2" "$got" "$(cat "$1" 2>&1)"
    [[ $got == "$3" ]] || fail "$1: $2" "expected: $3" "got:      $got" "text:     $(tr '\n' ' ' <"$1")"
}

json_is() { [[ $(jq -c "$2" <"$1") == "$3" ]]; }

# The same, of a name that goes to another item by a write elsewhere: names are told of after the reply.
becomes_json() {
    wait_until 5 json_is "$@" || true
    assert_json "$@"
}

assert_exists() { [[ -e $1 ]] || fail "not there: $1"; }

assert_absent() { [[ ! -e $1 ]] || fail "there, and should not be: $1"; }

# assert_fails COMMAND...: it ends with a status that is not 0 and no sanitizer's; ERR is what it printed.
assert_fails() {
    local status=0
    ERR=$("$@" 2>&1 </dev/null) || status=$?
    [[ $status -ne 0 ]] || fail "succeeded, and should not have: $*" "$ERR"
    [[ $status -ne 99 && $status -lt 124 ]] || fail "ended with status $status: $*" "$ERR"
}

# assert_errno NAME COMMAND...: it fails with that errno's text.
assert_errno() {
    local name=$1 text
    shift
    case $name in
        EPERM) text='Operation not permitted' ;;
        EINVAL) text='Invalid argument' ;;
        EEXIST) text='File exists' ;;
        EBUSY) text='Device or resource busy' ;;
        ENOENT) text='No such file or directory' ;;
        EFBIG) text='File too large' ;;
        ENAMETOOLONG) text='File name too long' ;;
        ESTALE) text='Stale file handle' ;;
        EROFS) text='Read-only file system' ;;
        EACCES) text='Permission denied' ;;
        ENOSPC) text='No space left on device' ;;
        *) fail "assert_errno does not know $name" ;;
    esac
    assert_fails "$@"
    [[ $ERR == *"$text"* ]] || fail "$* did not fail with $name" "it said: $ERR"
}

# at_terminal STEP... -- PROGRAM ARGUMENT...: the program on a terminal of its own. ?TEXT waits until it has printed
# TEXT, all else is typed (\\r, \\x18, as in Python).
at_terminal() {
    local steps=() status=0
    while [[ $1 != -- ]]; do
        if [[ $1 == '?'* ]]; then
            steps+=(--when "$(sed 's/[][\\.*^$+?(){}|]/\\&/g' <<<"${1#?}")")
        else
            steps+=(--send "$1")
        fi
        shift
    done
    python3 "$TESTS_MOUNT/terminal.py" --limit $((20 * SLOWNESS)) "${steps[@]}" "$@" </dev/null >"$T/screen" || status=$?
    [[ $status -eq 0 ]] || fail "status $status at the terminal of ${*:2}" "$(cat -v "$T/screen")"
}

# ---------------------------------------------------------------- items and schemas

# put FILE TEXT: as `echo TEXT > FILE` does it.
put() { printf '%s\n' "$2" >"$1"; }

# refuses ERRNO FILE TEXT: the write fails, and FILE reads as before (or is as absent as before).
refuses() {
    local before after
    before=$(cat "$2" 2>/dev/null; echo "status $?")
    printf '%s\n' "$3" >"$T/refused-text"
    assert_errno "$1" cp --no-preserve=all "$T/refused-text" "$2"
    after=$(cat "$2" 2>/dev/null; echo "status $?")
    assert_eq "$after" "$before" "a refused write changed $2"
}

# stage NAME < YAML: writes schemas/NAME.yaml.
stage() { cat >"$M/schemas/$1.yaml"; }

# verb NAME [COMMAND]: writes COMMAND to control/NAME; when that fails, OUTCOME says why.
verb() { printf '%s\n' "${2:-}" >"$M/control/$1"; }

# must_verb NAME COMMAND: the same, and a refusal fails the case with the outcome.
must_verb() { verb "$1" "$2" 2>/dev/null || fail "control/$1 refused '$2'" "$(outcome "$1")"; }

outcome() { cat "$M/control/$1"; }

# add NAME < YAML: stages a schema and makes it live.
add() {
    stage "$1"
    must_verb add "$1"
    sees "$M/$1"
}

# refused_schema NAME REGEX < YAML: add refuses it with EINVAL, and the outcome matches.
refused_schema() {
    stage "$1"
    assert_errno EINVAL verb add "$1"
    assert_match "$(outcome add)" '^error: '
    assert_match "$(outcome add)" "$2"
    assert_absent "$M/$1"
}

# read_size FILE: how many bytes reading gives (wc -c FILE alone would ask stat).
# shellcheck disable=SC2002
read_size() { cat "$1" | wc -c; }

# names DIR: what is in a directory, without the streams (Dog.jsonl), a name a line.
names() { find "$1" -mindepth 1 -maxdepth 1 ! -name '*.jsonl' -printf '%f\n' | sort; }

# status FILTER: a value of control/status.json.
status() { jq -r "$1" <"$M/control/status.json"; }

backfill_state() { status ".versions[] | select(.version == \"$1\") | .backfill.state // \"not_needed\""; }

backfill_is_over() { [[ $(backfill_state "$1") =~ ^(done|not_needed)$ ]]; }

# backfill VERSION [SECONDS]: starts it and waits for its end.
backfill() {
    must_verb backfill "$1"
    wait_until "${2:-30}" backfill_is_over "$1" || fail "backfill of $1 did not end" "$(cat "$M/control/status.json")"
}

# before_and_after_backfill VERSION CASE: runs CASE with "new" before and "late" after the backfill, for names.
before_and_after_backfill() {
    "$2" new
    backfill "$1"
    "$2" late
}

# agree VERSION: verify finds nothing to say.
agree() {
    must_verb verify "$1"
    assert_match "$(outcome verify)" '^ok'
}

# errno_of PYTHON: the name of the errno that a statement raises, or "none". Paths are relative to $M.
errno_of() {
    (cd "$M" && exec python3 -S - "$1") <<'PY'
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def renameat2(old, new, flags):
    if libc.renameat2(-100, old.encode(), -100, new.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")
try:
    exec(sys.argv[1])
    print("none")
except OSError as e:
    print(errno.errorcode[e.errno])
PY
}

# ---------------------------------------------------------------- the daemon

is_mounted() {
    local at
    while read -r _ _ _ _ at _; do
        [[ $at != "$1" ]] || return 0
    done </proc/self/mountinfo
    return 1
}

answers() { is_mounted "$1" && [[ -e $1/README ]]; }

# mount_store [OPTION...]: mounts $S at $M in the foreground, as a child; DAEMON is its pid.
mount_store() {
    is_mounted "$M" || mkdir -p "$M"
    "$SCHEMAFS" mount "$S" "$M" -f "$@" >>"$T/daemon.log" 2>&1 &
    DAEMON=$!
    up_or_ended() { answers "$M" || ! kill -0 "$DAEMON" 2>/dev/null; }
    wait_until 30 up_or_ended || true
    answers "$M" || fail "the mount did not come up" "$(tail -n 20 "$T/daemon.log")" "$(threads_of "$DAEMON")"
}

# mount_store_with_bad_syncs [OPTION...]: the same, and syncs_are (tests/mount/bad_sync.c) says what becomes of its syncs.
mount_store_with_bad_syncs() {
    [[ $SLOWNESS -eq 1 ]] || skip 'a sanitizer wants to be loaded first'
    need cc
    cc -shared -fPIC -o "$T/bad_sync.so" "$ROOT/tests/mount/bad_sync.c"
    printf 00 >"$T/syncs"
    BAD_SYNC=$T/syncs LD_PRELOAD=$T/bad_sync.so mount_store "$@"
}
syncs_are() { printf %s "$1" | dd of="$T/syncs" conv=notrunc status=none; }
a_sync_waits() { [[ $(<"$T/syncs") == ?w ]]; }

# waits_in PID PROGRAM: the process is that program by now, and sleeps.
waits_in() {
    local stat
    read -r stat <"/proc/$1/stat" && [[ $stat == *"($2) S "* ]]
}

# beside_a_held_removal FILE COMMAND...: runs COMMAND; from the moment on at which it returns, FILE's directory is held
# by its removal, whose commit does not come to its end before end_removal. Wants a mount with bad syncs and -o sync.
beside_a_held_removal() {
    local file=$1 change
    shift
    syncs_are s0
    "$@" &
    change=$!
    wait_until 10 a_sync_waits || fail "no commit of: $*"
    rm "$file" &
    REMOVAL=$!
    wait_until 10 waits_in "$REMOVAL" rm || fail "rm $file does not wait"
    syncs_are o
    wait "$change"
}

end_removal() {
    kill -0 "$REMOVAL" || fail 'the removal was over before: nothing is shown'
    syncs_are 0
    wait "$REMOVAL"
}

ended() { ! kill -0 "$1" 2>/dev/null; }

# threads_of PID: what its threads wait for.
threads_of() {
    local task
    for task in /proc/"$1"/task/*; do
        printf '%s %s %s: %s\n' "${task##*/}" "$(cat "$task/comm")" "$(sed 's/.*) \(.\).*/\1/' "$task/stat")" \
            "$(cat "$task/stack" 2>/dev/null | tr '\n' ' ')"
    done 2>/dev/null
}

# daemon_status: waits for the daemon's end and prints its exit status.
daemon_status() {
    local status=0
    wait_until 20 ended "$DAEMON" || fail "the daemon did not end" "$(tail -n 20 "$T/daemon.log")" "$(threads_of "$DAEMON")"
    wait "$DAEMON" || status=$?
    DAEMON_STATUS=$status
    DAEMON=
}

# unmount_store: unmounts, and the daemon must end with 0.
unmount_store() {
    wait_until 5 fusermount3 -u "$M" || fail "fusermount3 -u $M" "$(fusermount3 -u "$M" 2>&1)"
    daemon_status
    [[ $DAEMON_STATUS -eq 0 ]] || fail "the daemon ended with $DAEMON_STATUS" "$(tail -n 40 "$T/daemon.log")"
}

remount_store() {
    unmount_store
    mount_store "$@"
}

# kill_store: kill -9, as a crash; the mountpoint is left as it is then.
kill_store() {
    kill -KILL "$DAEMON"
    daemon_status
}

# small_disk SIZE: $S is on a disk of the case's own, $T/disk, which goes with the case's directory.
small_disk() {
    [[ $(id -u) -eq 0 ]] || skip 'only root mounts a disk'
    mkdir "$T/disk"
    mount -t tmpfs -o "size=$1" tmpfs "$T/disk" || skip 'no tmpfs here'
    DISK=$T/disk S=$T/disk/store.db
}

# processes_of PREFIX: pids whose command line has an argument that begins with PREFIX. A case's directory
# has a name that nobody else has, so these are the case's own processes.
processes_of() {
    local file argument
    for file in $(grep -lsF -- "$1" /proc/[0-9]*/cmdline); do
        while IFS= read -r -d '' argument; do
            if [[ $argument == "$1"* ]]; then
                file=${file#/proc/}
                printf '%s\n' "${file%/cmdline}"
                break
            fi
        done 2>/dev/null <"$file"
    done 2>/dev/null
}

no_process_of() { [[ -z $(processes_of "$1") ]]; }

# own_mounts COMMAND...: in a mount namespace of its own. That begins with copies of all mounts, so those of other
# cases are let go first: their daemons would not end before the command does.
own_mounts() {
    unshare -m --propagation private bash -c '
        awk "/ - fuse.schemafs / {print \$5}" /proc/self/mountinfo | grep -vF "$T/" | xargs -r umount -l 2>/dev/null
        exec "$@"' - "$@"
}

# ---------------------------------------------------------------- cleaning up

mounts_under() {
    local device at
    while read -r _ _ device _ at _; do
        [[ $at/ != "$1"/* ]] || printf '%s %s\n' "$at" "$device"
    done </proc/self/mountinfo
}

# let_go DIR: nothing stays mounted under DIR and no daemon of it runs. Never waits for long.
let_go() {
    local at device pid
    while read -r at device; do
        timeout -k 1 5 fusermount3 -u "$at" 2>/dev/null && continue
        timeout -k 1 5 fusermount3 -uz "$at" 2>/dev/null
        umount -l "$at" 2>/dev/null # a case's disk
        abort_connection "${device#*:}"
    done < <(mounts_under "$1")
    for pid in $(processes_of "$1/"); do
        kill -KILL "$pid" 2>/dev/null
    done
}

# The last step: a connection that is aborted answers every request with an error, so nobody hangs in it.
abort_connection() {
    local connection=/sys/fs/fuse/connections/$1
    if [[ ! -d $connection && $(id -u) -eq 0 ]]; then
        mount -t fusectl fusectl /sys/fs/fuse/connections 2>/dev/null
    fi
    [[ ! -e $connection/abort ]] || echo 1 >"$connection/abort"
}

at_exit() {
    local status=$?
    trap - EXIT ERR
    cd /
    if [[ $status -eq 0 && -n ${DAEMON:-} ]] && is_mounted "$M"; then
        trap '[[ -z ${DISK:-} ]] || umount -l "$DISK"' EXIT # also when that fails
        unmount_store
        trap - EXIT
    fi
    [[ -z ${DISK:-} ]] || umount -l "$DISK"
    if [[ $status -ne 0 && $status -ne $SKIPPED && -s $T/daemon.log ]]; then
        printf -- '--- the end of the daemon'\''s log\n'
        tail -n 15 "$T/daemon.log"
    fi
    exit "$status"
}

# standalone: for a program that is no test file: a temporary directory and the same way out of it.
standalone() {
    T=$(mktemp -d "${TEST_DIR:-/var/tmp}/schemafs-test.XXXXXX") M=$T/mnt S=$T/store.db DAEMON=
    export T M S
    set -Eeuo pipefail
    # shellcheck disable=SC2154
    trap 'status=$?; let_go "$T"; rm -rf --one-file-system "$T"; exit "$status"' EXIT
    trap 'exit 130' INT TERM
    trap 'on_error "$?" "$BASH_COMMAND"' ERR
}

# ---------------------------------------------------------------- running cases

setup() { mount_store; }

list_cases() {
    local file=${BASH_SOURCE[-1]}
    grep -oE '^[a-z0-9_]+__[a-z0-9_]+\(\)' "$file" | tr -d '()'
}

# In the case's own process.
case_main() {
    T=$SCHEMAFS_CASE_DIR M=$T/mnt S=$T/store.db DAEMON=
    export T M S
    cd "$T" || exit 1
    set -Eeuo pipefail
    trap at_exit EXIT
    trap 'exit 143' TERM
    trap 'on_error "$?" "$BASH_COMMAND"' ERR
    setup
    "$1"
}

# run_case NAME DIR: prints its outcome; status 0, 1 or $SKIPPED.
#
# The limit is kept twice: `timeout` ends the process group, and a read that is not answered in time (a
# process in an uninterruptible wait outlives SIGKILL) lets go of the mount, which frees it. What a failed
# case left running in the background belongs to the same group and ends with it.
run_case() {
    local limit=$((CASE_LIMIT * SLOWNESS)) status='' group fd
    exec {fd}< <(
        SCHEMAFS_CASE_DIR=$2 timeout -k 5 "$limit" bash "${BASH_SOURCE[-1]}" --case "$1" >"$2/output" 2>&1 </dev/null &
        echo $!
        wait $!
        echo $?
    )
    read -r -u "$fd" group
    if ! read -r -t $((limit + 10)) -u "$fd" status; then
        let_go "$2"
        read -r -t 10 -u "$fd" status || status=124
    fi
    exec {fd}<&-
    kill -KILL -- "-$group" 2>/dev/null
    let_go "$2"
    case $status in
        0 | "$SKIPPED") return "$status" ;;
        124 | 137) printf 'ended after its limit of %s s\n' "$limit" >>"$2/output" ;;
    esac
    return 1
}

run_tests() {
    if [[ ${1:-} == --case ]]; then
        case_main "$2"
        exit
    fi
    if [[ ${1:-} == --list ]]; then
        list_cases
        exit
    fi
    [[ -x $SCHEMAFS ]] || { echo "no program at $SCHEMAFS: build it, or set SCHEMAFS" >&2; exit 1; }
    BASE=$(mktemp -d "${TEST_DIR:-/var/tmp}/schemafs-test.XXXXXX") || exit 1
    chmod 755 "$BASE"
    trap 'let_go "$BASE"; [[ -n ${KEEP:-} ]] || rm -rf --one-file-system "$BASE"' EXIT
    trap 'exit 130' INT TERM
    run_all "${1:-}"
}

run_all() {
    local name status number=0 passed=0 failed=0 skipped=0
    while read -r name; do
        [[ -z $1 || $name =~ $1 ]] || continue
        number=$((number + 1))
        mkdir -m 755 "$BASE/$number"
        status=0
        run_case "$name" "$BASE/$number" || status=$?
        case $status in
            0)
                passed=$((passed + 1))
                echo "ok   $name"
                [[ ! -s $BASE/$number/output ]] || grep '^figures: ' "$BASE/$number/output" | sed 's/^/     /'
                ;;
            "$SKIPPED")
                skipped=$((skipped + 1))
                echo "skip $name: $(tail -n 1 "$BASE/$number/output")"
                ;;
            *)
                failed=$((failed + 1))
                echo "FAIL $name"
                sed 's/^/     /' "$BASE/$number/output"
                ;;
        esac
        [[ $status -ne 0 && $status -ne $SKIPPED && -n ${KEEP:-} ]] || rm -rf --one-file-system "${BASE:?}/$number"
    done < <(list_cases)
    echo "$passed passed, $failed failed, $skipped skipped"
    [[ $failed -eq 0 ]]
}
