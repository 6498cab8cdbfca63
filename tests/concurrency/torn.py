#!/usr/bin/env python3
"""torn.py MOUNT READS SECONDS: readers of items while others replace them with plain `>`, and counters.

An item carries a text, as long as chance wants, and its checksum; writers replace it through any version. A read
must parse and carry its checksum. Beside a writer, and half a second after, readers take the text for themselves: so
some items are written all the time, and some so seldom that a write meets readers of the page cache; and every other
second lines are appended to the stream for one item that has no other writer. One that took longer than a writer waits for (docs/concurrency.md) and is torn
is counted as crossed and made again. A field of each counted item belongs to one version, and is counted up by one
client of it, which reads what it finds, writes one more and notes what was acknowledged: the sum must be there.
Ends after so many reads, and not before so many seconds.
"""
import json
import os
import random
import sys
import time
import zlib

READERS, WRITERS = 3, 2
BUSY, SELDOM, APPENDED = ["k0", "k1"], ["k2", "k3"], "k4"
LINGERING = 0.05 # of the readers
SELDOM_S = 0.3 # between two writes, each of another of SELDOM
VERSIONS = ("v1", "v2")
TEXT = {"v1": "text", "v2": "words"}
WAITED_FOR_NS = 20_000_000


def whole(version, raw):
    item = json.loads(raw)
    return zlib.crc32(item[TEXT[version]].encode()) == int(item["sum"])


def read(mount, rng, counts):
    version = rng.choice(VERSIONS)
    path = f"{mount}/{version}/T/{rng.choice(BUSY + SELDOM * 2 + [APPENDED])}.json"
    opened = time.monotonic_ns()
    with open(path, "rb") as f:
        if rng.random() < LINGERING:
            time.sleep(0.003) # a writer waits that long
        raw = f.read()
    took = time.monotonic_ns() - opened
    try:
        good = whole(version, raw)
    except (ValueError, KeyError):
        good = False
    if not good and took >= WAITED_FOR_NS:
        counts["crossed"] += 1
        return
    counts["reads"] += 1
    if not good:
        counts["torn"] += 1
        print(f"torn after {took / 1e6} ms through {version}: {raw[:200]}", file=sys.stderr)


def seldom(mount, rng, counts):
    time.sleep(SELDOM_S)
    write(mount, rng, counts, SELDOM[int(time.time() / SELDOM_S) % len(SELDOM)])


def write(mount, rng, counts, key=None):
    key = key or rng.choice(BUSY)
    version = rng.choice(VERSIONS)
    text = rng.choice("abcdef") * rng.randrange(1, 9000 if rng.random() < 0.2 else 300)
    with open(f"{mount}/{version}/T/{key}.json", "w") as f:
        json.dump({TEXT[version]: text, "sum": str(zlib.crc32(text.encode()))}, f)
    counts["writes"] += 1


def append(mount, rng, counts):
    if int(time.time()) % 2:
        time.sleep(0.05)
        return
    version = rng.choice(VERSIONS)
    text = rng.choice("abcdef") * rng.randrange(1, 300)
    line = {"_key": APPENDED, TEXT[version]: text, "sum": str(zlib.crc32(text.encode()))}
    with open(f"{mount}/{version}/T.jsonl", "a") as f:
        f.write(json.dumps(line) + "\n")
    counts["writes"] += 1


def count_up(mount, version, counts):
    path, field = f"{mount}/{version}/C/c.json", "n_" + version
    fd = os.open(path, os.O_RDWR)
    item = json.loads(os.read(fd, 65536))
    item[field] = str(int(item[field]) + 1)
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps(item).encode(), 0)
    os.close(fd)
    counts["acknowledged"] += 1


def client(role, seed, mount, share, end, out):
    rng, counts = random.Random(seed), dict.fromkeys(("reads", "torn", "crossed", "writes", "acknowledged"), 0)
    acts = {"read": lambda: read(mount, rng, counts), "write": lambda: write(mount, rng, counts),
            "seldom": lambda: seldom(mount, rng, counts), "append": lambda: append(mount, rng, counts)}
    act = acts.get(role) or (lambda: count_up(mount, role, counts))
    # The others go on as long as there is a reader.
    while time.time() < end or (role == "read" and counts["reads"] < share) or (role != "read" and os.path.exists(out)):
        act()
    return counts


def spawn(role, seed, mount, share, end, out):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        try:
            os.write(w, json.dumps(client(role, seed, mount, share, end, out)).encode())
            os._exit(0)
        except BaseException as e:
            print(f"{role}: {e!r}", file=sys.stderr, flush=True)
            os._exit(1)
    os.close(w)
    return role, pid, r


def main():
    mount, reads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    reading = f"{os.environ.get('TMPDIR', '/tmp')}/torn.{os.getpid()}"
    open(reading, "w").close()
    end = time.time() + seconds
    roles = ["read"] * READERS + ["write"] * WRITERS + ["append", "seldom"] + list(VERSIONS)
    children = [spawn(role, i, mount, reads // READERS + 1, end, reading) for i, role in enumerate(roles)]
    total, failed = {}, 0
    for role, pid, r in children:
        if role != "read" and os.path.exists(reading):
            os.unlink(reading)
        with os.fdopen(r, "rb") as f:
            said = f.read()
        failed |= os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        for name, n in (json.loads(said) if said else {}).items():
            total[name] = total.get(name, 0) + n
    with open(f"{mount}/v1/C/c.json") as f:
        item = json.load(f)
    lost = total["acknowledged"] - sum(int(item["n_" + v]) for v in VERSIONS)
    print(f"{total['reads']} reads, {total['writes']} writes, {total['crossed']} crossed, {total['torn']} torn, "
          f"{total['acknowledged']} acknowledged, {abs(lost)} lost")
    return failed or total["torn"] > 0 or lost != 0


if __name__ == "__main__":
    sys.exit(main())
