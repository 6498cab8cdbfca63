#!/usr/bin/env bash
# What an operation costs: FUSE requests and notifications by kind, commits and syncs. Counts, not times:
# a request is two wake-ups, which is most of what anything costs here, so one more of them is a
# regression.
#
# Left out of all counts: FORGET and BATCH_FORGET, which the kernel sends when it likes, and INTERRUPT, for a
# signal to the client.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2034,SC2153,SC2119,SC2120,SC2317
. "${0%/*}/lib.sh"

ITEMS=3000
[[ -z ${SCHEMAFS_LONG:-} ]] || ITEMS=100000

# Places in the file of count_requests.c.
declare -A PLACE=(
    [LOOKUP]=1 [GETATTR]=3 [SETATTR]=4 [READLINK]=5 [UNLINK]=10 [RENAME]=12 [OPEN]=14 [READ]=15 [WRITE]=16
    [STATFS]=17 [RELEASE]=18 [FSYNC]=20 [GETXATTR]=22 [LISTXATTR]=23 [FLUSH]=25 [OPENDIR]=27 [READDIR]=28
    [RELEASEDIR]=29 [FSYNCDIR]=30 [ACCESS]=34 [CREATE]=35 [READDIRPLUS]=44 [RENAME2]=45
    [LSEEK]=46 [COPY_FILE_RANGE]=47 [STATX]=52
    [tell_inode]=66 [tell_entry]=67 [store_pages]=68 [tell_epoch]=72 [commit]=80 [sync]=81)

setup() {
    need cc od
    # The counter and a sanitizer's runtime both want to be loaded first.
    if ldd "$SCHEMAFS" | grep -qE 'lib[atu]b?san'; then skip 'a program with a sanitizer is not counted'; fi
    cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC "$ROOT/tests/mount/count_requests.c" -o "$T/count.so"
    counted_mount
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, age: integer}}
YAML
}

# counted_mount [OPTION...]: COUNTS and LD_PRELOAD go to the daemon alone.
counted_mount() {
    local program=$SCHEMAFS
    printf '#!/bin/sh\nCOUNTS=%q LD_PRELOAD=%q exec %q "$@"\n' "$T/counts" "$T/count.so" "$program" >"$T/counted"
    chmod +x "$T/counted"
    SCHEMAFS=$T/counted mount_store "$@"
}

# fill N: items d00000.json and on, through the stream.
fill() {
    seq -f '%05g' 0 $(($1 - 1)) | sed 's/.*/{"_key":"d&","name":"Dog &","age":7}/' >>"$M/v1/Dog.jsonl"
}

# afresh [OPTION...]: a new mount, of which the kernel knows the type's directory and nothing in it.
afresh() {
    unmount_store
    counted_mount "$@"
    stat "$M/v1/Dog" >"$T/stat"
}

read_counts() { mapfile -t "$1" < <(od -An -v -w8 -t u8 "$T/counts" | tr -d ' '); }

count_of() {
    local now at=${PLACE[$1]}
    read_counts now
    echo $((now[at] - BEFORE[at]))
}

# What has come since the last `begin`, as "KIND n KIND n ", in alphabetical order.
since() {
    local kind now at
    read_counts now
    for kind in $(printf '%s\n' "${!PLACE[@]}" | sort); do
        at=${PLACE[$kind]}
        [[ ${now[at]} -eq ${BEFORE[at]} ]] || printf '%s %s ' "$kind" $((now[at] - BEFORE[at]))
    done
}

# Until nothing comes any more: files are released, and names told, after the answer; and for 0.1 s after
# a lookup notices are repeated.
settle() {
    local a b
    for _ in {1..100}; do
        read_counts a
        sleep 0.15
        read_counts b
        if [[ ${a[*]} == "${b[*]}" ]]; then return; fi
    done
    fail 'requests do not end' "$(since)"
}

begin() { settle; read_counts BEFORE; }

has_come() { [[ $(since) == "$1" ]]; }

# costs COMMAND "KIND n KIND n": COMMAND makes these requests and no others.
costs() {
    local expected
    # shellcheck disable=SC2086
    expected=$([[ -z $2 ]] || printf '%s %s\n' $2 | sort | tr '\n' ' ')
    begin
    eval "$1" || fail "$1"
    wait_until 10 has_come "$expected" || fail "$1" "expected: $expected" "came:     $(since)"
    sleep 0.1
    has_come "$expected" || fail "$1: more came later" "expected: $expected" "came:     $(since)"
}

# ---------------------------------------------------------------- reading

# The floor: the name, the file, its text, its end. fstat takes what LOOKUP brought.
read__cold_is_four_requests() {
    fill 10
    afresh
    costs 'cat "$M/v1/Dog/d00001.json" >out' 'LOOKUP 1 OPEN 1 READ 1 RELEASE 1'
    costs 'cat "$M/v1/Dog/d00002.json" >out' 'LOOKUP 1 OPEN 1 READ 1 RELEASE 1'
}

# Reading made the time of access stale, so that cat's first fstat afterwards asks again; no later one.
# No FLUSH (FOPEN_NOFLUSH), no READ (FOPEN_KEEP_CACHE).
read__warm_is_two_requests() {
    fill 10
    afresh # beside what has just been written readers go their own way
    cat "$M/v1/Dog/d00001.json" >out
    costs 'cat "$M/v1/Dog/d00001.json" >out' 'OPEN 1 RELEASE 1 GETATTR 1'
    costs 'cat "$M/v1/Dog/d00001.json" >out' 'OPEN 1 RELEASE 1'
}

# LOOKUP leaves the text it made for READ, which must not outlive a change through another version: by a
# stream, which leaves no writer of the item behind that readers would go out of the way of.
read__after_a_lookup_and_a_change_is_the_new_text() {
    local n
    fill 10
    add_versions 2
    afresh
    for n in {1..9}; do
        stat "$M/v2/Dog/d0000$n.json" >out
        echo "{\"_key\": \"d0000$n\", \"name\": \"change $n\"}" >>"$M/v1/Dog.jsonl"
        assert_json "$M/v2/Dog/d0000$n.json" .name "\"change $n\""
    done
}

# OPEN and FLUSH are answered ENOSYS once, and never asked again.
read__of_a_read_only_mount_needs_no_open() {
    fill 10
    afresh -o ro
    costs 'cat "$M/v1/Dog/d00001.json" >out' 'LOOKUP 1 OPEN 1 READ 1 FLUSH 1'
    costs 'cat "$M/v1/Dog/d00002.json" >out' 'LOOKUP 1 READ 1'
    costs 'cat "$M/v1/Dog/d00002.json" >out' ''
    costs 'stat "$M/v1/Dog/d00002.json" >out' ''
}

# With STATX answered ENOSYS once (stat of `afresh`).
stat__warm_is_none() {
    fill 10
    afresh
    costs 'stat "$M/v1/Dog/d00001.json" >out' 'LOOKUP 1'
    costs 'stat "$M/v1/Dog/d00001.json" >out' ''
    costs 'test -e "$M/v1/Dog/.d00001.json.swp" || true' 'LOOKUP 1'
    costs 'test -e "$M/v1/Dog/.d00001.json.swp" || true' ''
}

# ---------------------------------------------------------------- writing

# write_once O_EXCL|O_TRUNC FILE TEXT: one open, one write, one close.
write_once() {
    python3 -c 'import os, sys
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | getattr(os, sys.argv[1]), 0o644)
os.write(fd, sys.argv[3].encode())
os.close(fd)' "$@"
}

# The kernel looks a name up before it creates it. The listing and the directory's attributes are told
# once; the item's inode is nobody's yet.
create__is_five_requests_and_one_commit() {
    stat "$M/v1/Dog" >out
    write_once O_EXCL "$M/v1/Dog/first.json" '{"name": "first"}'
    costs 'write_once O_EXCL "$M/v1/Dog/new.json" "{\"name\": \"new\"}"' \
        'LOOKUP 1 GETATTR 1 CREATE 1 WRITE 1 FLUSH 1 RELEASE 1 commit 1 tell_inode 1 tell_entry 1'
}

# The write before it changed size and time: GETATTR. O_TRUNC comes as a SETATTR (without
# FUSE_CAP_ATOMIC_O_TRUNC, so that cached readers keep the size). The item's inode is told once.
overwrite__is_six_requests_and_one_commit() {
    fill 10
    write_once O_TRUNC "$M/v1/Dog/d00001.json" '{"name": "one"}'
    costs 'write_once O_TRUNC "$M/v1/Dog/d00001.json" "{\"name\": \"two\"}"' \
        'GETATTR 1 OPEN 1 SETATTR 1 WRITE 1 FLUSH 1 RELEASE 1 commit 1 tell_inode 1'
    # A shell's redirection closes a second descriptor: one more FLUSH.
    costs 'echo "{\"name\": \"three\"}" >"$M/v1/Dog/d00001.json"' \
        'GETATTR 1 OPEN 1 SETATTR 1 WRITE 1 FLUSH 2 RELEASE 1 commit 1 tell_inode 1'
}

# Nobody has looked into the directory, so nobody is told. dd closes a second descriptor, as a shell does.
append__of_many_lines_is_one_commit_a_write() {
    fill 10
    seq -f '{"_key":"n%05g","name":"n"}' 1000 >lines
    [[ $(stat -c %s lines) -lt 131072 ]] || fail 'more than one write'
    costs 'dd if=lines of="$M/v1/Dog.jsonl" bs=128k oflag=append conv=notrunc status=none' \
        'OPEN 1 WRITE 1 FLUSH 2 RELEASE 1 commit 1'
}

# ---------------------------------------------------------------- directories

# An answer has room for as much as readdir's buffer (glibc: 32 KiB; before Linux 6.16 a page); one more
# says that there is no more.
listing_requests() {
    local entry=$((152 + 16)) part=32768 # of struct fuse_direntplus with a name of up to 16 bytes
    [[ $(printf '6.16\n%s\n' "$(uname -r)" | sort -V | head -n 1) == 6.16 ]] || part=4096
    echo $((($1 + part / entry - 1) / (part / entry) + 1))
}

listing__is_kept_by_the_kernel() {
    fill "$ITEMS"
    afresh
    costs 'ls -f "$M/v1/Dog" >out' "OPENDIR 1 READDIRPLUS $(listing_requests "$ITEMS")"
    # Its time of access.
    costs 'ls -f "$M/v1/Dog" >out' 'GETATTR 1'
    costs 'ls -f "$M/v1/Dog" >out' ''
    assert_eq "$(grep -c json out)" "$ITEMS"
}

# READDIRPLUS brings the attributes along, and getxattr is answered ENOSYS once: nothing for each file.
ls_l__asks_nothing_for_each_file() {
    fill "$ITEMS"
    afresh
    costs 'ls -l "$M/v1/Dog" >out' "GETXATTR 1 OPENDIR 1 READDIRPLUS $(listing_requests "$ITEMS")"
    assert_eq "$(grep -c json out)" "$ITEMS"
    costs 'ls -l "$M/v1/Dog" >out' 'GETATTR 1'
    costs 'ls -l "$M/v1/Dog" >out' ''
}

# at_most KIND N
at_most() {
    local n
    n=$(count_of "$1")
    [[ $n -le $2 ]] || fail "$n $1, at most $2 expected" "all: $(since)"
}

# Contents are stored before they are asked for: how many READs come in spite of that is a matter of who
# is faster (a few of a hundred on an idle machine); a second pass has none, nor is anything stored again.
grep__reads_from_pages_stored_ahead() {
    fill "$ITEMS"
    afresh
    begin
    grep -r zzz "$M/v1/Dog" >out || true
    settle
    at_most READ $((ITEMS - 1))
    [[ $(count_of store_pages) -ge $((ITEMS / 10)) ]] || fail 'nothing is stored ahead' "$(since)"
    at_most store_pages "$ITEMS"
    at_most OPEN "$ITEMS"
    at_most LOOKUP 0
    at_most GETATTR 1
    at_most READDIRPLUS "$(listing_requests "$ITEMS")"
    begin
    grep -r zzz "$M/v1/Dog" >out || true
    settle
    at_most OPEN "$ITEMS"
    at_most READ $((ITEMS / 50))
    at_most store_pages $((ITEMS / 50))
    at_most LOOKUP 0
    at_most READDIRPLUS 0
    at_most GETATTR "$ITEMS" # of what was asked for by READ
}

grep__of_a_read_only_mount_asks_nothing_for_most_files() {
    fill "$ITEMS"
    afresh -o ro
    begin
    grep -r zzz "$M/v1/Dog" >out || true
    settle
    at_most READ $((ITEMS - 1))
    [[ $(count_of store_pages) -ge $((ITEMS / 10)) ]] || fail 'nothing is stored ahead' "$(since)"
    at_most OPEN 1
    at_most FLUSH 1
    at_most LOOKUP 0
    at_most READDIRPLUS "$(listing_requests "$ITEMS")"
    begin
    grep -r zzz "$M/v1/Dog" >out || true
    settle
    at_most READ $((ITEMS / 50))
    at_most OPENDIR 0
    at_most READDIRPLUS 0
}

# ---------------------------------------------------------------- many versions

add_versions() {
    local n
    for ((n = 2; n <= $1; n++)); do
        printf 'version: v%d\nfrom: v%d\nmigrate:\n  - add_field: {type: Dog, field: f%d, as: string}\n' "$n" $((n - 1)) "$n" | add "v$n"
    done
}

# A change is told to each version that the kernel has seen anything of, and to no other.
change__is_told_once_to_each_version_that_was_looked_at() {
    fill 10
    add_versions 100
    afresh
    cat "$M/v1/Dog/d00001.json" >out
    write_once O_TRUNC "$M/v1/Dog/d00001.json" '{"name": "one"}'
    costs 'write_once O_TRUNC "$M/v1/Dog/d00001.json" "{\"name\": \"two\"}"' \
        'GETATTR 1 OPEN 1 SETATTR 1 WRITE 1 FLUSH 1 RELEASE 1 commit 1 tell_inode 1'
    cat "$M"/v*/Dog/d00001.json >out
    assert_eq "$(grep -c two out)" 100
    costs 'write_once O_TRUNC "$M/v1/Dog/d00001.json" "{\"name\": \"three\"}"' \
        'OPEN 1 SETATTR 1 WRITE 1 FLUSH 1 RELEASE 1 commit 1 tell_inode 100'
    cat "$M"/v*/Dog/d00001.json >out
    assert_eq "$(grep -c three out)" 100
}

# ---------------------------------------------------------------- commits

# write_many THREADS N [sync]: each thread makes N items, one after another, all threads at once.
write_many() {
    python3 - "$M/v1/Dog" "$1" "$2" "${3:-}" <<'PY'
import os, sys, threading
where, threads, n, sync = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
begin, wrong = threading.Barrier(threads), []

def write(thread):
    begin.wait()
    for i in range(n):
        fd = os.open(f"{where}/{sync}{threads}-{thread}-{i}.json", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, b'{"name": "x"}')
        if sync:
            os.fsync(fd)
        os.close(fd)

def run(thread):
    try:
        write(thread)
    except OSError as e:
        wrong.append(e)

all_threads = [threading.Thread(target=run, args=(t,)) for t in range(threads)]
for t in all_threads:
    t.start()
for t in all_threads:
    t.join()
sys.exit(str(wrong) if wrong else 0)
PY
}

commit__of_a_lone_writer_is_its_own() {
    begin
    write_many 1 20
    settle
    assert_eq "$(count_of commit)" 20
    begin
    write_many 1 20 sync
    settle
    assert_eq "$(count_of commit)" 20 # published by fsync, the close finds nothing to do
    assert_eq "$(count_of sync)" 20
}

# A commit, and a sync, takes 30 ms here: what comes meanwhile rides in the next one.
commit__is_shared_by_writers_at_once() {
    unmount_store
    export SLOW_MS=30
    counted_mount
    begin
    write_many 8 10
    settle
    at_most commit 40 # of 80 closes
    begin
    write_many 8 10 sync
    settle
    at_most commit 40
    at_most sync 40
    assert_eq "$(find "$M/v1/Dog" -name '*8-*.json' | wc -l)" 160
}

run_tests "$@"
