#!/usr/bin/env bash
# What the documentation shows can be pasted: README.md's session and docs/quickstart.
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "$(dirname "$0")/lib.sh"

CASE_LIMIT=180

setup() { :; }

PATH=$(cd "$(dirname "$SCHEMAFS")" && pwd):$PATH

quickstart__takes_a_store_through_a_whole_migration() {
    "$ROOT/docs/quickstart" "$M" >"$T/said" 2>&1 </dev/null || fail "quickstart ended with $?" "$(tail -n 20 "$T/said")"
    local command
    for command in 'schemas/v1.yaml' 'control/add' 'backfill' 'control/verify' 'control/finalize' status; do
        grep -qE "^[$] .*$command" "$T/said" || fail "no command with $command" "$(cat "$T/said")"
    done
    assert_contains "$(cat "$T/said")" "umount $M"
    # It leaves the mount to explore.
    assert_json "$M/v2/Dog/rex.json" .breed '"Beagle"'
    assert_eq "$(readlink "$M/current")" v2
    "$SCHEMAFS" umount "$M"
    wait_until 10 no_process_of "$M.quickstart.db" || fail "the daemon still runs"
    [[ -z $(mounts_under "$T") ]] || fail "still mounted"
}

quickstart__makes_a_directory_of_its_own() {
    TMPDIR=$T "$ROOT/docs/quickstart" >"$T/said" 2>&1 </dev/null || fail "quickstart ended with $?" "$(tail -n 20 "$T/said")"
    local mounted
    mounted=$(mounts_under "$T" | cut -d' ' -f1)
    [[ -n $mounted ]] || fail "nothing is mounted"
    assert_contains "$(cat "$T/said")" "umount $mounted"
    "$SCHEMAFS" umount "$mounted"
}

# The first block of README.md in which lines begin with "$ ": each is run, and what it prints has to be
# what stands under it. A line of "..." stands for any lines.
readme__the_session_prints_what_it_says() {
    [[ -r $ROOT/README.md ]] || skip "there is no README.md"
    grep -q '^\$ ' "$ROOT/README.md" || skip "README.md shows no session"
    python3 - "$ROOT/README.md" "$T" <<'PY'
import re, subprocess, sys
text, place = open(sys.argv[1], encoding="utf-8").read(), sys.argv[2]
block = next(b for b in re.findall(r"^```[a-z]*\n(.*?)^```", text, re.M | re.S) if re.search(r"^\$ ", b, re.M))
steps = []
for line in block.splitlines():
    if line.startswith("$ "):
        steps.append([line[2:], []])
    elif line.startswith("> ") and steps and not steps[-1][1]:
        steps[-1][0] += "\n" + line[2:]
    elif steps:
        steps[-1][1].append(line)
script = "cd '%s'\n" % place
for n, (command, _) in enumerate(steps):
    script += f"echo '@@ {n}'\n{command}\n"
done = subprocess.run(["bash"], input=script + "echo '@@ end'\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
said = re.split(r"^@@ \w+\n", done.stdout, flags=re.M)[1:]
wrong = False
for (command, expected), got in zip(steps, said):
    pattern = "\n".join(".*" if e.strip() == "..." else re.escape(e.rstrip()) for e in expected)
    if not re.fullmatch(pattern, "\n".join(l.rstrip() for l in got.splitlines()), re.S):
        wrong = True
        print(f"$ {command}\nexpected:\n" + "\n".join(expected) + f"\ngot:\n{got}")
if wrong or len(said) < len(steps):
    sys.exit("the session of README.md is not what happens")
PY
}

session__prints_what_it_says() {
    need jq
    python3 "$ROOT/tests/session.py" check "$ROOT/docs/session.txt" "$T" >"$T/said" 2>&1 ||
        fail "docs/session.txt is not what happens" "$(cat "$T/said")"
}

run_tests "$@"
