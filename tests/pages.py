#!/usr/bin/env python3
"""Runs the session that a page of the documentation shows, and compares what it prints.

    pages.py PAGE.md DIRECTORY            what the page says has to be what happens
    pages.py --write PAGE.md DIRECTORY    writes what happens into the page: read the diff

The session is every fenced block of the page that holds a line beginning with "$ ": the commands of all
of them run in one shell in DIRECTORY, lines beginning with "> " continue a command, the others are what it
prints. A line of "..." stands for any lines. Times in brackets are those of the page, whatever the
clock says; the shell's own complaints are shown as an interactive shell's, without a line number.
"""
import re
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from session import shown, steps_of

BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```\n", re.M | re.S)
LIMIT_S = 120
SETTLE_S = 0.06  # names made through one version show in the others within 50 ms


def sessions(text):
    return [m for m in BLOCK.finditer(text) if re.search(r"^\$ ", m[1], re.M)]


def normal(text):
    text = re.sub(r"^bash: line \d+: ", "bash: ", text, flags=re.M)
    text = re.sub(r"\[\d{4}-\d\d-\d\dT[\d:.]+Z\]", "[2026-01-01T00:00:00.000Z]", text)
    return [line.rstrip() for line in text.splitlines()]


def run(commands, place):
    script = f"cd '{place}'\n"
    for n, command in enumerate(commands):
        script += f"sleep {SETTLE_S}\necho '@@ {n}'\n{command}\n"
    done = subprocess.run(["bash"], input=script + "echo '@@ end'\n", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S)
    return [normal(part) for part in re.split(r"^@@ \w+\n", done.stdout, flags=re.M)[1:]]


def agrees(expected, got):
    pattern = "\n".join(".*" if e.strip() == "..." else re.escape(e) for e in expected)
    return re.fullmatch(pattern, "\n".join(got), re.S) is not None


def printed(steps, said):
    lines = []
    for (command, expected), got in zip(steps, said):
        lines += shown(command).split("\n") + (expected if agrees(expected, got) else got)
    return "\n".join(lines) + "\n"


def main(argv):
    write = argv[1] == "--write"
    page, place = argv[1 + write:]
    with open(page, encoding="utf-8") as file:
        text = file.read()
    blocks = sessions(text)
    if not blocks:
        sys.exit(f"{page} shows no session")
    steps = [steps_of(block[1].splitlines())[1] for block in blocks]
    said = run([command for block in steps for command, _ in block], place)
    if write:
        for match, block in reversed(list(zip(blocks, steps))):
            session = printed(block, said[-1 - len(block):-1])
            text = text[:match.start(1)] + session + text[match.end(1):]
            del said[-1 - len(block):-1]
        with open(page, "w", encoding="utf-8") as file:
            file.write(text)
        return
    wrong = False
    flat = [step for block in steps for step in block]
    for (command, expected), got in zip(flat, said):
        if not agrees(expected, got):
            wrong = True
            print(f"$ {command}\nexpected:\n" + "\n".join(expected) + "\ngot:\n" + "\n".join(got))
    if wrong or len(said) <= len(flat) - 1:
        sys.exit(f"the session of {page} is not what happens")


main(sys.argv)
