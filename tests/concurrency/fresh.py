#!/usr/bin/env python3
"""fresh.py MOUNT SECONDS: after a write() to a stream has returned, no reader sees the text from before, in any version.

tests/mount/streams.sh has the versions: v2 renames v1's field, v3 makes records of the chips that v2 knows. One client replaces items by lines
appended to Dog.jsonl: one, some, or all of them in one write(), through any version. Each line carries the number of its
write, always as wide, so that texts keep their size. Meanwhile readers open items anew and may find none older than the
last write that had returned before. Then, where readers of the page cache are met (half a second after any writer), a
descriptor and a mapping that are held open see the new text after each such write(), also when it came over a
reference.
"""
import json
import mmap
import os
import random
import struct
import sys
import time

ITEMS, SOME, READERS = 2000, 40, 3
FIELD = {"v1": "name", "v2": "called", "v3": "called"}
QUIET_S = 0.7


class Noted:
    """For each item the number of the last write that has returned, in shared memory."""

    def __init__(self):
        self.memory = mmap.mmap(-1, 8 * ITEMS)

    def get(self, i):
        return struct.unpack_from("q", self.memory, 8 * i)[0]

    def put(self, i, n):
        struct.pack_into("q", self.memory, 8 * i, n)


def append(path, lines):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    if os.write(fd, lines.encode()) != len(lines):
        raise OSError("a write that was cut short")
    return fd


def replace(mount, version, first, count, n):
    rest = "" if version == "v1" else ', "chip": "c-1"'
    lines = "".join(f'{{"_key": "d{i}", "{FIELD[version]}": "{n:09}"{rest}}}\n' for i in range(first, first + count))
    return append(f"{mount}/{version}/Dog.jsonl", lines)


def write(mount, rng, noted, n):
    count = rng.choice((1, 1, 1, SOME, ITEMS))
    first = rng.randrange(ITEMS - count + 1)
    fd = replace(mount, rng.choice(list(FIELD)), first, count, n)
    for i in range(first, first + count):
        noted.put(i, n)
    os.close(fd)
    time.sleep(rng.choice((0, 0, 0.01, QUIET_S)))


def read(mount, rng, noted):
    """1 when it is too old."""
    i, version = rng.randrange(rng.choice((5, ITEMS))), rng.choice(list(FIELD))
    least = noted.get(i)
    with open(f"{mount}/{version}/Dog/d{i}.json", "rb") as f:
        got = int(json.load(f)[FIELD[version]])
    if got < least:
        print(f"d{i} through {version}: {got} after {least}", file=sys.stderr)
    return got < least


def reader(seed, mount, noted, end):
    rng, reads, stale = random.Random(seed), 0, 0
    while time.time() < end:
        stale += read(mount, rng, noted)
        reads += 1
    return reads, stale


def spawn(seed, mount, noted, end):
    r, w = os.pipe()
    if os.fork() == 0:
        try:
            os.write(w, json.dumps(reader(seed, mount, noted, end)).encode())
            os._exit(0)
        except BaseException as e:
            print(f"a reader: {e!r}", file=sys.stderr, flush=True)
            os._exit(1)
    os.close(w)
    return os.fdopen(r, "rb")


def held(path, sees, change):
    """The bytes that it has to see after change(). How many of three ways saw something else."""
    time.sleep(QUIET_S)
    fd = os.open(path, os.O_RDONLY)
    mapped = mmap.mmap(fd, os.fstat(fd).st_size, prot=mmap.PROT_READ)
    before = os.pread(fd, 4096, 0), mapped[:]
    os.close(change())
    with open(path, "rb") as f:
        ways = {"held": os.pread(fd, 4096, 0), "mapped": mapped[:], "anew": f.read()}
    mapped.close()
    os.close(fd)
    stale = [way for way, text in ways.items() if sees not in text]
    if stale or any(sees in text for text in before):
        print(f"{path}: {stale} see {ways}", file=sys.stderr)
    return len(stale)


def all_held(mount):
    n, trials, stale = 10**8, 0, 0
    for through, by in (("v1", "v1"), ("v2", "v3")):
        for first, count, i in ((0, 1, 0), (10, SOME, 30), (0, ITEMS, 7), (0, ITEMS, ITEMS - 7)):
            n, trials = n + 1, trials + 1
            stale += held(f"{mount}/{through}/Dog/d{i}.json", b"%09d" % n, lambda: replace(mount, by, first, count, n))
    line = '{"_key": "c-1", "name": "c-2"}\n'
    stale += held(f"{mount}/v2/Dog/d7.json", b"c-2", lambda: append(f"{mount}/v3/Chip.jsonl", line))
    return trials + 1, stale


def main():
    mount, end, noted = sys.argv[1], time.time() + float(sys.argv[2]), Noted()
    with open(f"{mount}/v2/Dog.jsonl", "a") as f:
        f.writelines(f'{{"_key": "d{i}", "called": "{0:09}", "chip": "c-1"}}\n' for i in range(ITEMS))
    pipes = [spawn(seed, mount, noted, end) for seed in range(READERS)]
    rng, writes = random.Random(0), 0
    while time.time() < end:
        writes += 1
        write(mount, rng, noted, writes)
    counts = [json.loads(pipe.read() or b"[0, 1]") for pipe in pipes]
    reads, stale = (sum(column) for column in zip(*counts))
    trials, stale_held = all_held(mount)
    print(f"{reads} reads, {writes} writes, {trials} held open, {stale + stale_held} stale")
    return stale + stale_held > 0 or reads == 0


sys.exit(main())
