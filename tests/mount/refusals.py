#!/usr/bin/env python3
"""Carries out what a file of tests/mount/refusals/ lists and compares what a user is told with it.

    refusals.py MOUNT FILE             every case once: errno and text, and nothing has changed by it
    refusals.py MOUNT FILE --repeat N  every case N times, for the daemon's memory
    refusals.py MOUNT FILE --write     writes what was seen into FILE, to be read before it is kept

A case, and an empty line after it:

    case NAME
    do   a call of a function of Actions below, in Python
    ERRNO
    what control/errors says then, without the time

A folder of schema files for FILE, NAME.yaml with NAME.err (tests/unit/schemas): each is staged and added. In a mount
without a version those are taken that say no `from`, else the others.
"""
import ctypes
import errno
import os
import re
import sys



class Actions:
    """What a case can do, by paths below the mountpoint. Each raises the OSError that a program would see.

    verbs: how often a command about one staged file is written, each time with the same answer."""

    def __init__(self, verbs=1):
        self.wrote = None
        self.verbs = verbs
        self.libc = ctypes.CDLL(None, use_errno=True)

    def _write(self, path, flags, *texts):
        fd = os.open(path, os.O_WRONLY | flags, 0o644)
        try:
            for text in texts:
                text = text.encode() if isinstance(text, str) else text
                while text:
                    text = text[os.write(fd, text):]
        except OSError:
            self._close_fails(fd)
            raise
        os.close(fd)

    @staticmethod
    def _close_fails(fd):
        """After a refusal every flush fails alike; closing is all that is left to do."""
        try:
            os.close(fd)
        except OSError:
            pass

    def write(self, path, *texts):
        """As a shell's >, one write() for each text."""
        self.wrote = path, b"".join(t.encode() if isinstance(t, str) else t for t in texts)
        self._write(path, os.O_CREAT | os.O_TRUNC, *texts)

    def append(self, path, *texts):
        self._write(path, os.O_APPEND, *texts)

    def over(self, path, text):
        """Over what is there, without emptying it first."""
        self._write(path, 0, text)

    def exclusive(self, path, text):
        self._write(path, os.O_CREAT | os.O_EXCL, text)

    def verb(self, name, *texts):
        self._write(f"control/{name}", os.O_TRUNC, *texts)

    def schema(self, name, text, verb="add"):
        self.write(f"schemas/{name}.yaml", text)
        self.wrote = None
        try:
            for _ in range(self.verbs - 1):
                self._refused_verb(verb, name + "\n")
            self.verb(verb, name + "\n")
        finally:
            os.unlink(f"schemas/{name}.yaml")

    def _refused_verb(self, name, text):
        try:
            self.verb(name, text)
        except OSError:
            return
        raise AssertionError(f"{name} was carried out")

    def schema_file(self, path):
        with open(path, "rb") as f:
            text = f.read()
        self.schema(version_of(text), text)

    def publish(self, name, text, to):
        """A scratch file that is renamed to an item's name."""
        self._write(name, os.O_CREAT | os.O_TRUNC, text)
        try:
            os.rename(name, to)
        except OSError:
            os.unlink(name)
            raise

    def fsync(self, path, text):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            os.write(fd, text.encode())
            os.fsync(fd)
        finally:
            self._close_fails(fd)

    def noreplace(self, old, new):
        if self.libc.renameat2(-100, old.encode(), -100, new.encode(), 1) != 0:
            raise OSError(ctypes.get_errno(), "renameat2")

    rename = staticmethod(os.rename)
    unlink = staticmethod(os.unlink)
    mkdir = staticmethod(os.mkdir)
    rmdir = staticmethod(os.rmdir)
    link = staticmethod(os.link)
    symlink = staticmethod(os.symlink)
    truncate = staticmethod(os.truncate)
    chmod = staticmethod(os.chmod)
    mkfifo = staticmethod(os.mkfifo)


def version_of(text):
    """What a schema file is staged as: its version, where it says one."""
    said = re.search(rb"(?m)^version: ([A-Za-z0-9]+)\r?$", text)
    return said[1].decode() if said else "v2"


def read(path):
    with open(path, "rb") as f:
        return f.read()


def everything():
    """What every version shows: no refusal may change it."""
    seen = {name: sorted(os.listdir(name)) for name in (".", "schemas")}
    for version in sorted(set(seen["."]) - {"README", "control", "schemas", "current"}):
        for name in os.listdir(version):
            path = f"{version}/{name}"
            if name.endswith(".jsonl"):
                seen[path] = read(path)
            else:
                seen[path] = sorted(n for n in os.listdir(path) if not n.endswith(".rejected"))
    return seen


def told():
    return re.sub(r"(?m)^\[[^]]*\] ", "", read("control/errors").decode()).rstrip("\n")


def clear():
    with open("control/errors", "w") as f:
        f.write("\n")


def parsed(do):
    """The function's name and its arguments, made once."""
    calls = []
    names = {n: lambda *args, n=n: calls.append((n, args)) for n in dir(Actions) if not n.startswith("_")}
    eval(do, names)  # our own file
    return calls[0]


def carry_out(do, verbs=1):
    name, args = do if isinstance(do, tuple) else parsed(do)
    actions = Actions(verbs)
    try:
        getattr(actions, name)(*args)
        return "none", actions.wrote
    except OSError as e:
        return errno.errorcode[e.errno], actions.wrote


def check_rejected(wrote):
    """What had arrived of a refused item stands beside it."""
    if not wrote or not re.fullmatch(r"v[0-9]/[A-Z][a-z]*/[a-z]{1,9}\.json", wrote[0]) or not wrote[1]:
        return None
    rejected = wrote[0] + ".rejected"
    if not os.path.exists(rejected):
        return f"no {rejected}"
    kept = read(rejected)
    os.unlink(rejected)
    return None if kept and wrote[1].startswith(kept) else f"{rejected} is not what was written: {kept[:80]}"


def schema_cases(folder):
    first = not any(name.startswith("v") for name in os.listdir("."))
    for name in sorted(n.removesuffix(".yaml") for n in os.listdir(folder) if n.endswith(".yaml") and n[0] != "_"):
        path = f"{folder}/{name}.yaml"
        text, said = read(path), read(f"{folder}/{name}.err").decode()
        if first != (b"\nfrom:" not in text):
            continue
        # Candidates stand in the outcome alone.
        said = re.sub(r"(?ms)^(# either\n)?migrate:.*", "", said).rstrip("\n")
        said = re.sub(rf"^{name}(\.yaml:[0-9:]*) ", rf"control/add: {version_of(text)}\1 error: ", said)
        yield name, f"schema_file({path!r})", "EINVAL", said


def cases(path):
    if os.path.isdir(path):
        yield from schema_cases(path)
        return
    with open(path, encoding="utf-8") as f:
        for block in re.split(r"\n\n+", f.read().strip("\n")):
            lines = block.split("\n")
            if not lines[0].startswith("case "):
                yield block, None, None, None
                continue
            yield lines[0][5:], lines[1].removeprefix("do   "), lines[2] if len(lines) > 2 else "", "\n".join(lines[3:])


def compare(name, do, want_errno, want_text):
    clear()
    before = everything()
    got_errno, wrote = carry_out(do)
    wrong = []
    if got_errno != want_errno:
        wrong.append(f"errno {got_errno}, not {want_errno}")
    if told() != want_text:
        wrong.append(f"it says\n{told()}\n  and not\n{want_text}")
    if got_errno != "none" and (why := check_rejected(wrote)):
        wrong.append(why)
    if everything() != before:
        wrong.append("something has changed")
    for line in wrong:
        print(f"{name}: {line}")
    return not wrong


def once(path):
    results = [compare(*case) for case in cases(path) if case[1]]
    print(f"{sum(results)} of {len(results)} refusals as they are written down")
    return all(results) and len(results) > 0


def repeat(path, times):
    for name, do, want, _ in cases(path):
        if not do:
            continue
        call = parsed(do)
        # A schema file is staged once for all of its commands.
        verbs = times if call[0].startswith("schema") else 1
        for n in range(times // verbs):
            got, _ = carry_out(call, verbs)
            if got != want:
                print(f"{name}: errno {got}, not {want}, the time {n + 1}")
                return False
    return True


def write(path):
    blocks = []
    for name, do, _, _ in cases(path):
        if not do:
            blocks.append(name)
            continue
        clear()
        got, wrote = carry_out(do)
        text = told()
        blocks.append(f"case {name}\ndo   {do}\n{got}" + (f"\n{text}" if text else ""))
        check_rejected(wrote)
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n\n".join(blocks) + "\n")
    return True


def main():
    path = os.path.abspath(sys.argv[2])
    os.chdir(sys.argv[1])
    if sys.argv[3:] == ["--write"]:
        ok = write(path)
    elif sys.argv[3:4] == ["--repeat"]:
        ok = repeat(path, int(sys.argv[4]))
    else:
        ok = once(path)
    sys.exit(0 if ok else 1)


main()
