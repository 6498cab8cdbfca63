"""The benchmarks: a row for each line of the table of bars.

A row has measures (a name and a function that gives one number in the row's unit) and bars. All
measures of a row run in turn, `repeat` times over; a bar is judged by the median of each measure,
and its spread is that of the same ratio within each turn.
"""

import os
import statistics
import time

from . import proc, schema
from .fixtures import Reader, add, backfill, write_verb


NEW = 12000000  # items from here on are made by benchmarks; nullfs has room for 16,777,216


class Bar:
    """text: the bar in words; of(m): the value, from measures by name; limit: at most this."""

    def __init__(self, text, of, limit, unit="x"):
        self.text, self.of, self.limit, self.unit = text, of, limit, unit


class Row:
    def __init__(self, name, what, unit, measures, bars, repeat=None, needs=""):
        self.name, self.what, self.unit = name, what, unit
        self.measures, self.bars, self.repeat = measures, bars, repeat
        self.needs = needs  # why it isn't run, when that is known beforehand


def over(a, b):
    return lambda m: m[a] / m[b]


class Rows:
    def __init__(self, fixtures, systems):
        self.f, self.s = fixtures, systems
        self.turn = 0  # seeds differ by it, the same for all measures of one turn
        self.count = min(self.f.items, 20000)
        self.busy_s = 1.0  # how long the last backfill beside a reader took

    # What the driver does with a mounted system.

    def _warm(self, op, system, count=1000, rounds=20):
        with system as m:
            return self.f.drive(op, "--warm", f"--items={min(self.f.items, 1000000)}",
                                f"--count={min(count, self.f.items)}", f"--rounds={rounds}",
                                m.dir)["us"]["mean"]

    def _cold(self, system, count=None, **more):
        with system as m:
            return self.f.drive("open", f"--items={min(self.f.items, 1000000)}",
                                f"--count={count or self.count}", f"--seed={self.turn + 1}",
                                m.dir, **more)["us"]["mean"]

    def _list(self, system):
        """Microseconds for each entry of a repeated listing."""
        with system as m:
            report = self.f.drive("list", "--warm", "--items=1", "--rounds=5", m.dir)
            return report["seconds"] * 1e6 / report["result"]

    def _create(self, system, after=None):
        first = NEW + self.turn * 100000
        count = min(self.f.items, 5000)
        with system as m:
            report = self.f.drive("create", f"--first={first}", f"--items={count}", m.dir)
            if after:
                self.f.drive(after, f"--first={first}", f"--items={count}", m.dir)
        return report["us"]["mean"]

    def _grep(self, system, warm=False):
        with system as m:
            for _ in range(1 + warm):
                seconds = proc.timed(["grep", "-rc", "zzz", m.dir], 180, ok=(0, 1),
                                     stdout=open(os.devnull, "w", encoding="utf-8"))
        return seconds

    def _point(self):
        sql = self.f.sql
        return proc.run_json([self.f.tool("sqlfloor"), "point", f"--items={self.f.items}",
                              f"--count={self.count}", f"--seed={self.turn + 1}",
                              f"--coll={sql.coll}", sql.path, sql.FIND, sql.READ])["us"]["mean"]

    def _insert(self, count, batch):
        """Microseconds for each item inserted into a copy of the store."""
        sql = self.f.sql
        copy = self.f.copy_store(sql.path, "insert.db")
        return proc.run_json([self.f.tool("sqlfloor"), "insert", f"--first={2 * NEW}",
                              f"--items={count}", f"--batch={batch}", f"--coll={sql.coll}",
                              f"--base={sql.base}", copy, *sql.INSERTS], 300)["us"]["mean"]

    def _copy(self, store, name="work.db"):
        return self.f.copy_store(store, name)

    # The rows.

    def warm_open_ro(self):
        return Row("warm_open_ro", "warm open+read+close, -o ro", "us", {
            "ours": lambda: self._warm("open", self.s.ours(options="ro")),
            "floor": lambda: self._warm("open", self.s.floor("--noopen")),
            "ext4": lambda: self._warm("open", self.s.ext4()),
        }, [Bar("1.3 x ext4", over("ours", "ext4"), 1.3)])

    def warm_open(self):
        return Row("warm_open", "warm open+read+close", "us", {
            "ours": lambda: self._warm("open", self.s.ours()),
            "floor": lambda: self._warm("open", self.s.floor()),
            "bindfs": lambda: self._warm("open", self.s.bindfs()),
            "ext4": lambda: self._warm("open", self.s.ext4()),
        }, [Bar("0.6 x bindfs", over("ours", "bindfs"), 0.6)])

    def warm_stat(self):
        return Row("warm_stat", "warm stat", "us", {
            "ours": lambda: self._warm("stat", self.s.ours(), rounds=200),
            "floor": lambda: self._warm("stat", self.s.floor(), rounds=200),
            "ext4": lambda: self._warm("stat", self.s.ext4(), rounds=200),
        }, [Bar("1.3 x ext4", over("ours", "ext4"), 1.3)])

    def warm_list(self):
        return Row("warm_list", "warm listing, an entry", "us", {
            "ours": lambda: self._list(self.s.ours()),
            "floor": lambda: self._list(self.s.floor()),
            "ext4": lambda: self._list(self.s.ext4()),
        }, [Bar("1.3 x ext4", over("ours", "ext4"), 1.3)])

    def cold_open(self):
        return Row("cold_open", "cold random open+read+close", "us", {
            "ours": lambda: self._cold(self.s.ours()),
            "floor": lambda: self._cold(self.s.floor()),
            "floor_mt": lambda: self._cold(self.s.null()),
            "sql": self._point,
            "bindfs": lambda: self._cold(self.s.bindfs()),
        }, [Bar("min(1.2 x floor_mt, floor + 2 x sql)", lambda m: m["ours"] / min(
            1.2 * m["floor_mt"], m["floor"] + 2 * m["sql"]), 1.0)])

    def cold_open_ro(self):
        return Row("cold_open_ro", "cold random open+read+close, -o ro", "us", {
            "ours": lambda: self._cold(self.s.ours(options="ro")),
            "floor": lambda: self._cold(self.s.floor("--noopen")),
            "floor_mt": lambda: self._cold(self.s.null("--noopen")),
            "sql": self._point,
        }, [Bar("min(1.2 x floor_mt, floor + 2 x sql)", lambda m: m["ours"] / min(
            1.2 * m["floor_mt"], m["floor"] + 2 * m["sql"]), 1.0)])

    def _grep_row(self, name, what, ours, floor, bar):
        return Row(name, what, "s", {
            "ours": lambda: self._grep(ours()),
            "floor": lambda: self._grep(floor()),
            "bindfs": lambda: self._grep(self.s.bindfs()),
            "ext4": lambda: self._grep(self.s.ext4(), warm=True),
        }, [bar], repeat=2, needs="" if self.f.items <= 200000 else "for up to 200,000 items")

    def grep_ro(self):
        row = self._grep_row(
            "grep_ro", "cold grep -r, -o ro", lambda: self.s.ours(options="ro"),
            lambda: self.s.floor("--noopen", "--readdirplus=always", "--push"),
            Bar("2.5 x warm ext4", over("ours", "ext4"), 2.5))
        del row.measures["bindfs"]
        return row

    def grep(self):
        return self._grep_row(
            "grep", "cold grep -r", self.s.ours,
            lambda: self.s.floor("--readdirplus=always", "--push"),
            Bar("0.5 x bindfs", over("ours", "bindfs"), 0.5))

    def create(self):
        return Row("create", "create+write+close of new items", "us", {
            "ours": lambda: self._create(self.s.ours(self._copy(self.f.store))),
            "floor": lambda: self._create(self.s.floor()),
            "floor_mt": lambda: self._create(self.s.null()),
            "sql": lambda: self._insert(min(self.f.items, 5000), 1),
            "bindfs": lambda: self._create(self.s.bindfs(), after="unlink"),
            "ext4": lambda: self._create(self.s.ext4(), after="unlink"),
        }, [Bar("min(1.5 x floor_mt, floor + 2 x sql)", lambda m: m["ours"] / min(
                1.5 * m["floor_mt"], m["floor"] + 2 * m["sql"]), 1.0),
            Bar("0.8 x bindfs", over("ours", "bindfs"), 0.8)])

    def _distance_row(self, name, what, store, limit):
        """Version 100 steps from v1; v1 is the one that the items were written in."""
        return Row(name, what, "us", {
            "ours": lambda: self._cold(self.s.ours(store(), "v101")),
            "near": lambda: self._cold(self.s.ours(store(), "v1")),
            "ours_warm": lambda: self._warm("open", self.s.ours(store(), "v101")),
            "near_warm": lambda: self._warm("open", self.s.ours(store(), "v1")),
        }, [Bar(f"cold: {limit} x near", over("ours", "near"), limit),
            Bar(f"warm: {limit} x near", over("ours_warm", "near_warm"), limit)])

    def far_filled(self):
        return self._distance_row("far_filled", "a version 100 steps away, backfilled",
                                  lambda: self.f.filled_store, 1.1)

    def far(self):
        return self._distance_row("far", "a version 100 steps away, not backfilled",
                                  lambda: self.f.chain_store, 2)

    def _add(self, store):
        """Milliseconds for one add, the median of nine."""
        with self.s.ours(self._copy(store), "") as m:
            times = [add(m.root, schema.add_optional(n)) for n in range(2, 11)]
        return statistics.median(times) * 1e3

    def add(self):
        return Row("add", f"add at {self.f.items:,} items", "ms", {
            "ours": lambda: self._add(self.f.store),
            "at_1000": lambda: self._add(self.f.small_store),
        }, [Bar("1.5 x at 1,000", over("ours", "at_1000"), 1.5),
            Bar("20 ms", lambda m: m["ours"], 20, "ms")])

    def _backfill(self):
        with self.s.ours(self._copy(self.f.store), "") as m:
            add(m.root, schema.convert_age(2))
            return backfill(m.root, "v2")

    def _update(self, statement):
        copy = self._copy(self.f.sql.path, "update.db")
        return proc.timed(["sqlite3", copy, statement], 300)

    def backfill(self):
        """SQLite compares before it overwrites: SET body = body writes no page. A backfill can't but
        write, so the same UPDATE with one more byte stands beside it."""
        return Row("backfill", f"backfill of {self.f.items:,} items", "s", {
            "ours": self._backfill,
            "same": lambda: self._update(self.f.sql.UPDATE),
            "longer": lambda: self._update(self.f.sql.UPDATE_LONGER),
        }, [Bar("4 x UPDATE SET body = body", over("ours", "same"), 4),
            Bar("4 x the same, a byte longer", over("ours", "longer"), 4)])

    def _reader(self, busy):
        """p99 of a reader of random items of a fresh mount, during a backfill or as long without."""
        with self.s.ours(self._copy(self.f.store)) as m:
            add(m.root, schema.convert_age(2))
            with Reader(self.f, m.dir) as reader:
                if busy:
                    self.busy_s = backfill(m.root, "v2")
                else:
                    time.sleep(self.busy_s)
            return reader.report["us"]["p99"]

    def backfill_reader(self):
        return Row("backfill_reader", "a reader's p99 during a backfill", "us", {
            "ours": lambda: self._reader(True),
            "idle": lambda: self._reader(False),
        }, [Bar("2 x idle", over("ours", "idle"), 2)])

    def _revert(self, store):
        with self.s.ours(self._copy(store), "") as m:
            add(m.root, schema.add_optional(2))
            return write_verb(m.root, "revert", "v2") * 1e3

    def revert(self):
        return Row("revert", f"revert at {self.f.items:,} items", "ms", {
            "ours": lambda: self._revert(self.f.store),
            "at_1000": lambda: self._revert(self.f.small_store),
        }, [Bar("same cost (1.5 x at 1,000)", over("ours", "at_1000"), 1.5)], repeat=5)

    def _finalize(self, store):
        with self.s.ours(self._copy(store), "") as m:
            add(m.root, schema.convert_age(2))
            backfill(m.root, "v2")
            return write_verb(m.root, "finalize", "v2") * 1e3

    def finalize(self):
        return Row("finalize", f"finalize at {self.f.items:,} items", "ms", {
            "ours": lambda: self._finalize(self.f.store),
            "at_1000": lambda: self._finalize(self.f.small_store),
        }, [Bar("same cost (1.5 x at 1,000)", over("ours", "at_1000"), 1.5)], repeat=5)

    def _cat(self):
        with self.s.ours(version="v1") as m:
            with open(os.devnull, "w", encoding="utf-8") as null:
                return proc.timed(["cat", m.root + "/v1/Dog.jsonl"], 300, stdout=null)

    def _select(self):
        sql = self.f.sql
        with open(os.devnull, "w", encoding="utf-8") as null:
            return proc.timed(["sqlite3", sql.path, sql.SCAN], 300, stdout=null)

    def stream_read(self):
        return Row("stream_read", f"reading Dog.jsonl, {self.f.items:,} items", "s", {
            "ours": self._cat,
            "sqlite3": self._select,
        }, [Bar("3 x sqlite3 SELECT", over("ours", "sqlite3"), 3)])

    def _append(self):
        lines = self.f.lines(2 * NEW, self.f.items)
        with self.s.ours(self._copy(self.f.store)) as m:
            return proc.timed(["dd", f"if={lines}", f"of={m.root}/v1/Dog.jsonl", "bs=128k",
                               "oflag=append", "conv=notrunc", "status=none"], 600)

    def stream_append(self):
        return Row("stream_append", f"appending {self.f.items:,} lines to Dog.jsonl", "s", {
            "ours": self._append,
            "sql": lambda: self._insert(self.f.items, 0) * self.f.items / 1e6,
        }, [Bar("4 x one transaction of INSERTs", over("ours", "sql"), 4)], repeat=2)

    def _memory(self):
        reads = min(self.f.items, 1000000)
        with self.s.ours() as m:
            self.f.drive("list", "--items=1", m.dir, seconds=300)
            self.f.drive("open", f"--items={self.f.items}", f"--count={reads}", m.dir, seconds=600)
            return peak_mib(m.pid)

    def memory(self):
        return Row("memory", f"peak memory, a listing and reads of {self.f.items:,} items", "MiB",
                   {"ours": self._memory},
                   [Bar("64 MiB", lambda m: m["ours"], 64, "MiB")], repeat=1)

    def _mount(self, store):
        with self.s.ours(store, "") as m:
            return m.seconds * 1e3

    def mount(self):
        return Row("mount", "mounting a store with 171 versions", "ms", {
            "ours": lambda: self._mount(self.f.chain_store),
            "one": lambda: self._mount(self.f.store),
        }, [Bar("100 ms more than with one", lambda m: m["ours"] - m["one"], 100, "ms")], repeat=5)

    def _idle(self):
        with self.s.ours() as m:
            self.f.drive("open", "--items=1000", "--count=1000", m.dir)
            before = cpu_seconds(m.pid)
            time.sleep(10)
            return (cpu_seconds(m.pid) - before) * 10

    def idle(self):
        return Row("idle", "processor on an idle mount, over 10 s", "%", {"ours": self._idle},
                   [Bar("0.1 %", lambda m: m["ours"], 0.1, "%")], repeat=1)

    def _overwrite(self, store):
        with self.s.ours(self._copy(store)) as m:
            return self.f.drive("overwrite", f"--items={self.f.items}",
                                f"--count={min(self.f.items, 3000)}", m.dir)["us"]["mean"]

    def write_many(self):
        """Writing while 2, 10 and 50 versions compute a value from what is written."""
        def store(n):
            name = f"computing{n}.db"
            return self.f.path(name) if os.path.exists(self.f.path(name)) else \
                self.f.with_versions(self.f.store, name, schema.computing(n + 1))

        row = Row("write_many", "overwriting an item, 50 computing versions live", "us", {
            "ours": lambda: self._overwrite(store(50)),
            **{f"with_{n}": lambda n=n: self._overwrite(store(n)) for n in (1, 2, 10)},
        }, [Bar("2: 1.3 x with one", over("with_2", "with_1"), 1.3),
            Bar("10: 2 x with one", over("with_10", "with_1"), 2),
            Bar("50: 5 x with one", over("ours", "with_1"), 5)])
        return row

    def versions(self):
        """Not a bar: the cost of a cold read through versions at several distances, for the plot."""
        at = (1, 2, 11, 51, 101, 171)
        return Row("versions", "cold read through v171 of 171, backfilled", "us", {
            "ours" if n == 171 else f"v{n}":
                lambda n=n: self._cold(self.s.ours(self.f.filled_store, f"v{n}")) for n in at
        }, [Bar("1.1 x v1", over("ours", "v1"), 1.1)])

    def all(self):
        """In the order of the table; what takes long to prepare comes last."""
        return [row() for row in (
            self.warm_open_ro, self.warm_open, self.warm_stat, self.warm_list, self.cold_open,
            self.cold_open_ro, self.grep_ro, self.grep, self.create, self.stream_read,
            self.stream_append, self.add, self.revert, self.backfill, self.backfill_reader,
            self.finalize, self.memory, self.idle, self.far, self.far_filled, self.versions,
            self.mount, self.write_many)]


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["VmHWM"].split()[0]) / 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
