#!/usr/bin/env python3
"""session.py check|record FILE [DIRECTORY]

A recorded terminal session: lines that begin with "$ " are commands ("> " goes on with one), what follows is
what they print. Both forms run the commands in an empty directory, in one shell on a terminal of 80 columns;
`check` compares what they print with what stands there, `record` writes it there.

A line that is drawn over itself (a progress bar) stands as it was seen first, in the middle and last. "^C" in a
command's output: Ctrl-C was pressed there, at the first progress bar. Times, durations, rates and percentages
are another's the next time: they are compared by their form alone.
"""
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
import fcntl

LIMIT_S = 120
MARK = b"\x1e@@"
BAR = re.compile(r"\[[#-]+\] ")
FORMS = [
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:-]+\.\d+Z"), "TIME"),
    (re.compile(r"\d[\d.]* (ms|s|min|h|d)\b( \d+ (s|min|h)\b)?"), "DURATION"),
    (re.compile(r"[\d,]+/s"), "RATE"),
    (re.compile(r"\d+ %"), "N %"),
    (re.compile(r"\[[#-]+\] N %  [\d,]+ of"), "[BAR] N %  N of"),
    (re.compile(r"(\[BAR\].* of [\d,]+).*"), r"\1"),
    (re.compile(r" +"), " "),
    (re.compile(r"(backfilling N %.*? [\d,]+)( RATE)?( DURATION)?$"), r"\1"),
]
SHELL = re.compile(r"^\S+\.sh: line \d+: ")


def steps_of(lines):
    """What stands before the first command, and [command, lines it prints] of each; also for pages.py."""
    head, steps = [], []
    for line in lines:
        if line.startswith("$ "):
            steps.append([line[2:], []])
        elif line.startswith("> ") and steps and not steps[-1][1]:
            steps[-1][0] += "\n" + line[2:]
        elif steps:
            steps[-1][1].append(line.rstrip())
        else:
            head.append(line)
    return head, steps


def shown(command):
    """As it was typed: the lines that go on with it after "> "."""
    return "$ " + command.replace("\n", "\n> ")


def read_file(path):
    with open(path, encoding="utf-8") as f:
        return steps_of(f.read().splitlines())


def script_of(steps):
    """Each command after a mark; the first mark after the shell has begun."""
    lines = []
    for n, (command, _) in enumerate(steps):
        lines.append(f"printf '\\x1e@@{n}\\n'")
        lines.append(command)
    return "\n".join(lines) + "\nprintf '\\x1e@@end\\n'\n"


def run(script, place, breaks):
    """What came on the terminal. breaks: the numbers of the commands to interrupt at their bar."""
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as f:
        f.write(script)
        f.flush()
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(place)
            os.execvp("bash", ["bash", f.name])
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        seen, end = b"", time.monotonic() + LIMIT_S
        while select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            try:
                part = os.read(fd, 65536)
            except OSError:
                part = b""
            if not part:
                os.waitpid(pid, 0)
                return seen
            seen += part
            now = seen[seen.rfind(MARK) + len(MARK):]
            number = now.split(b"\r", 1)[0].strip()
            if number in breaks and BAR.search(now.decode(errors="replace")) and now.count(b"[#") > 1:
                breaks.discard(number)
                os.write(fd, b"\x03")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        sys.exit(f"not at its end after {LIMIT_S} s:\n{seen.decode(errors='replace')}")


def clean(text):
    """The lines as they were seen; of those drawn over themselves three."""
    lines = []
    for line in text.replace("\x1b[K", "").split("\n"):
        states = [s.rstrip() for s in line.rstrip("\r").split("\r")]
        states = [s for n, s in enumerate(states) if s and (n == 0 or s != states[n - 1])] or [""]
        bars = [s for s in states if BAR.search(s)]
        rest = [s for s in states if not BAR.search(s)]
        if len(bars) > 3:
            bars = [bars[0], bars[len(bars) // 2], bars[-1]]
        lines += bars + [SHELL.sub("bash: ", s) for s in rest or ([] if bars else [""])]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def form(lines):
    out = []
    for line in lines:
        for pattern, word in FORMS:
            line = pattern.sub(word, line)
        if not (out and "[BAR]" in line and "[BAR]" in out[-1]):
            out.append(line.strip())
    return out


def play(steps, place):
    breaks = {str(n).encode() for n, (_, said) in enumerate(steps) if any("^C" in l for l in said)}
    seen = run(script_of(steps), place, breaks).decode()
    parts = re.split("\x1e@@(?:\\d+|end)\r?\n", seen)[1:]
    return [clean(p) for p in parts[:len(steps)]]


def check(steps, said):
    wrong = 0
    for (command, expected), got in zip(steps, said):
        if form(expected) != form(got):
            wrong += 1
            print(shown(command), "expected:", *expected, "got:", *got, sep="\n")
    if wrong or len(said) < len(steps):
        sys.exit(f"{wrong} of {len(steps)} commands print something else")


def record(path, head, steps, said):
    with open(path, "w", encoding="utf-8") as f:
        print(*head, sep="\n", file=f)
        for (command, _), got in zip(steps, said):
            print(shown(command), *got, sep="\n", file=f)


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("check", "record"):
        sys.exit(__doc__)
    head, steps = read_file(sys.argv[2])
    place = sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp(prefix="schemafs-session.")
    said = play(steps, place)
    if sys.argv[1] == "record":
        record(sys.argv[2], head, steps, said)
    else:
        check(steps, said)


if __name__ == "__main__":
    main()
