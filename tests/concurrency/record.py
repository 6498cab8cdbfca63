#!/usr/bin/env python3
"""record.py MOUNT EPOCH OUT SEED: eight clients of a mount, and what they saw.

Every item has two fields, a and b, and every value that is ever written is another one. A client takes a random
key, a random version and a random way: it reads, replaces, edits one field, renames a scratch file over the item,
appends a line to the stream, removes the item. Every other second all of them only read, for a file that was not
written of late is read from the page cache. And each has an item that it alone writes, seldom, when pages of it are
cached, to look at once whether every version shows what it closed. OUT/N.jsonl gets a line for each field of each operation:

    [key, field, what, value, called_ns, returned_ns]

what: write, read (null: there was no such item), unlink, crossed (a read that took so long that it tells nothing), and with "?" behind it when nobody knows whether it has
happened: the daemon was killed meanwhile. Refusals that the interface does not speak of end the client.

EPOCH is a symbolic link: an even number while the daemon is up, odd from before it is killed until after it is
back, "end" when the clients are to stop. An answer that there is no such file counts only when the daemon was
up from before the question to after the answer.
"""
import errno
import json
import os
import random
import sys
import time
import zlib

CLIENTS = 8
# One field is edited alone in the first (so they are never removed), the others come and go.
EDITED, REMOVED = ["e0", "e1", "e2"], ["r0", "r1"]
# Written by one client, so seldom that its readers are cached (for half a second after a write they are not), and of
# a type of their own: while items of a type change all the time, the kernel is given nothing of it to keep.
RESTED = ["w%d" % i for i in range(CLIENTS)]
REST_S, LOOKS = 0.6, 8
VERSIONS = ["v1", "v2", "v3"]
NAMES = {"v1": ("a", "b"), "v2": ("alpha", "beta"), "v3": ("alpha", "beta")}
DOWN = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO, errno.ENXIO, errno.ENODEV}
# Between opening an item and closing it another may remove it, and a new one may have its name.
OVERTAKEN = {errno.ENOENT, errno.ESTALE, errno.EEXIST}


WAITED_FOR_NS = 20_000_000


class Crossed(Exception):
    pass


def to_text(version, values):
    a, b = values
    if version == "v3":
        b = "<%s>" % b
    return json.dumps(dict(zip(NAMES[version], (a, b)))).encode() + b"\n"


def canonical(version, values):
    return json.dumps(json.loads(to_text(version, values)), indent=2).encode() + b"\n"


def from_object(version, item):
    a, b = (item[name] for name in NAMES[version])
    if version == "v3":
        if b[0] + b[-1] != "<>":
            raise ValueError("not what v3 shows of b: " + b)
        b = b[1:-1]
    for value in (a, b):
        body, crc = value.rsplit(" ", 1)
        if zlib.crc32(body.encode()) != int(crc):
            raise ValueError("torn: " + value)
    return a, b


class Client:
    def __init__(self, mount, epoch, out, seed):
        self.mount, self.epoch_link, self.seed = mount, epoch, seed
        self.out = open(f"{out}/{seed}.jsonl", "w", buffering=1 << 16)
        self.rng = random.Random(seed)
        self.count = 0
        self.rested, self.rested_until = RESTED[seed % CLIENTS], 0.0

    def epoch(self):
        return os.readlink(self.epoch_link)

    def value(self):
        self.count += 1
        body = "%d.%d %s" % (self.seed, self.count, "x" * self.rng.randrange(60))
        return "%s %d" % (body, zlib.crc32(body.encode()))

    def path(self, version, key):
        return f"{self.mount}/{version}/{'R' if key in RESTED else 'T'}/{key}.json"

    def note(self, key, what, values, called, returned):
        for field, value in zip("ab", values):
            if value is not ...:
                self.out.write(json.dumps([key, field, what, value, called, returned]) + "\n")

    # ---- the ways; each gives what it is in the history and the values of a and b

    def read(self, version, key):
        opened = time.monotonic_ns()
        with open(self.path(version, key), "rb") as f:
            text = f.read()
        try:
            return "read", from_object(version, json.loads(text))
        except ValueError:
            # A writer waits so long for the readers of an item; one that takes longer, on a busy machine, may see a
            # part of the new text (docs/concurrency.md).
            took = time.monotonic_ns() - opened
            if took < WAITED_FOR_NS:
                raise ValueError(f"a torn read of {took / 1e6} ms through {version}: {text}") from None
            raise Crossed from None

    def replace(self, version, key, sync=False):
        values = self.value(), self.value()
        fd = os.open(self.path(version, key), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        return self.finish(fd, to_text(version, values), values, sync)

    def replace_durably(self, version, key):
        return self.replace(version, key, sync=True)

    def finish(self, fd, text, values, sync=False):
        """Nobody knows the outcome of what an error interrupts from the write on."""
        self.writing = values
        try:
            os.write(fd, text)
            if sync:
                os.fsync(fd)
        except OSError:
            try:
                os.close(fd)
            except OSError:
                pass
            raise
        os.close(fd)
        return "write", values

    def edit(self, version, key):
        fd = os.open(self.path(version, key), os.O_RDWR)
        try:
            text = os.read(fd, 65536)
            if not text: # somebody is making it just now
                raise OSError(errno.ESTALE, "nothing to edit yet")
            values = list(from_object(version, json.loads(text)))
            which = self.rng.randrange(2)
            values[which] = self.value()
            os.lseek(fd, 0, os.SEEK_SET)
            os.ftruncate(fd, 0)
        except BaseException:
            try:
                os.close(fd)
            except OSError:
                pass
            raise
        text = to_text(version, values)
        values[1 - which] = ...
        return self.finish(fd, text, values)

    def rename(self, version, key):
        values = self.value(), self.value()
        scratch = f"{self.mount}/{version}/T/.{self.seed}"
        with open(scratch, "wb") as f:
            f.write(to_text(version, values))
        self.writing = values
        os.rename(scratch, self.path(version, key))
        return "write", values

    def append(self, version, key):
        values = self.value(), self.value()
        line = b'{"_key": "%s", ' % key.encode() + to_text(version, values)[1:]
        fd = os.open(f"{self.mount}/{version}/T.jsonl", os.O_WRONLY | os.O_APPEND)
        return self.finish(fd, line, values)

    def unlink(self, version, key):
        self.writing = None, None
        os.unlink(self.path(version, key))
        return "unlink", (None, None)

    # ---- one operation

    def stream(self, version):
        called = time.monotonic_ns()
        try:
            with open(f"{self.mount}/{version}/T.jsonl", "rb") as f:
                lines = [json.loads(line) for line in f.read().splitlines()]
        except OSError as e:
            self.survive(e)
            return
        returned = time.monotonic_ns()
        for item in lines:
            self.note(item["_key"], "read", from_object(version, item), called, returned)

    def survive(self, e):
        if e.errno not in DOWN | OVERTAKEN:
            raise e

    def operate(self, way, version, key):
        self.writing = None
        before, called = self.epoch(), time.monotonic_ns()
        try:
            what, values = getattr(self, way)(version, key)
            self.note(key, what, values, called, time.monotonic_ns())
        except Crossed:
            self.note(key, "crossed", (None, ...), called, called)
        except OSError as e:
            self.survive(e)
            up = before == self.epoch() and before != "end" and int(before) % 2 == 0
            if up and e.errno in DOWN:
                raise
            if up and e.errno == errno.ENOENT and way in ("read", "unlink"):
                self.note(key, "read", (None, None), called, time.monotonic_ns())
            elif self.writing and not (up and e.errno in OVERTAKEN):
                self.note(key, "unlink?" if way == "unlink" else "write?", self.writing, called, None)

    def look(self):
        """What close has returned of is in every version, also where the kernel keeps it: its size at once, its text
        when readers are cached again (those just after a write are not, and drop what was)."""
        for _ in range(LOOKS):
            self.look_at_sizes(*self.rng.sample(VERSIONS, len(VERSIONS)))
        self.rested_until = time.monotonic() + REST_S

    def look_at_sizes(self, version, *others):
        for other in others:
            self.operate("read", other, self.rested)
            self.size(other)
        before = self.epoch()
        self.operate("replace", version, self.rested)
        sizes, values = [self.size(other) for other in others], self.writing
        if before != self.epoch() or before == "end" or int(before) % 2:
            return
        for other, size in zip(others, sizes):
            if size != len(canonical(other, values)):
                raise ValueError(f"{size} bytes is the size that {other} shows of {values}, written in {version}")

    def size(self, version):
        try:
            return os.stat(self.path(version, self.rested)).st_size
        except OSError as e:
            self.survive(e)
            return None

    def run(self):
        ways = [("read", 8), ("replace", 3), ("replace_durably", 1), ("rename", 1), ("append", 1), ("stream", 1)]
        edited, removed = ways + [("edit", 4)], ways + [("unlink", 2)]
        while True:
            epoch = self.epoch()
            if epoch == "end":
                break
            if int(epoch) % 2:
                time.sleep(0.01)
                continue
            if time.monotonic() >= self.rested_until:
                self.look()
            calm = int(time.monotonic()) % 2
            key = self.rng.choice(EDITED + REMOVED)
            table = [("read", 1)] if calm else edited if key in EDITED else removed
            way = self.rng.choices([w for w, _ in table], [n for _, n in table])[0]
            version = self.rng.choice(VERSIONS)
            if way == "stream":
                self.stream(version)
            else:
                self.operate(way, version, key)
        self.out.close()


def main():
    mount, epoch, out, seed = sys.argv[1:]
    children = []
    for i in range(CLIENTS):
        pid = os.fork()
        if pid == 0:
            try:
                Client(mount, epoch, out, int(seed) * CLIENTS + i).run()
                os._exit(0)
            except BaseException as e:
                print(f"client {i}: {e!r}", file=sys.stderr, flush=True)
                os._exit(1)
        children.append(pid)
    return max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children)


if __name__ == "__main__":
    sys.exit(main())
