"""The benchmarks: a row for each line of the table of bars.

A row has measures (a name and what gives one number in the row's unit) and bars. What a row compares
is mounted at once, and small batches of each run in turn, A B A B, the order reversed every other
turn, so that what drifts on the machine meets all of them alike. A bar is judged by the median of
its value in each turn; the spread is that of the middle half of the turns.
"""

import contextlib
import os
import statistics
import time

from . import proc, schema
from .fixtures import Background, add, backfill, write_verb


NEW = 12000000    # items from here on are made by benchmarks; nullfs has room for 16,777,216
TREE = 1000000    # items on the file system below at the most
BATCH = 1000      # items of a cold batch


class Bar:
    """text: the bar in words; of(m): the value, from measures by name; limit: at most this."""

    def __init__(self, text, of, limit, unit="x"):
        self.text, self.of, self.limit, self.unit = text, of, limit, unit


class Row:
    """open(stack): the measures, name -> function of the turn; what they mount ends with the stack."""

    def __init__(self, name, what, unit, open_, bars, turns, needs=""):
        self.name, self.what, self.unit = name, what, unit
        self.open, self.bars, self.turns = open_, bars, turns
        self.in_order = False  # every turn: what comes later needs what came before
        self.shown = None      # measures that the table tells beside `ours`; None = all
        self.whole = None      # so many items one value is for, where it is not one
        self.needs = needs  # why it isn't run, when that is known beforehand


class Held:
    """A system that is mounted when it is first needed, and stays."""

    def __init__(self, stack, mount):
        self.stack, self.mount, self.m = stack, mount, None

    def __call__(self):
        if not self.m:
            self.m = self.stack.enter_context(self.mount())
        return self.m

    @property
    def dir(self):
        return self().dir

    @property
    def root(self):
        return self().root


def over(a, b):
    return lambda m: m[a] / m[b]


class Rows:
    def __init__(self, fixtures, systems, ours_only):
        self.f, self.s = fixtures, systems
        # That every system has.
        self.items = fixtures.items if ours_only else min(fixtures.items, TREE)
        self.busy_s = 1.0                       # how long the last backfill beside readers took

    # What the driver does with a mounted system.

    def _each(self, stack, mounts, measure):
        """The same measure of several systems: name -> function of the turn."""
        held = {name: Held(stack, mount) for name, mount in mounts.items()}
        return {name: (lambda turn, h=h: measure(h.dir, turn)) for name, h in held.items()}

    def _warm(self, op, rounds, count=500):
        """One untimed pass, then the timed ones; the same items in every turn."""
        return lambda where, turn: self.f.drive(
            op, "--warm", f"--items={self.items}", f"--count={min(count, self.items)}",
            f"--rounds={rounds}", where)["us"]["mean"]

    def _cold_batch(self, where, part, parts=1):
        """Random items that this mount was not asked for before."""
        size = min(BATCH, max(self.items // (20 * parts), 1))
        return self.f.drive("open", f"--items={self.items}", f"--skip={part * size}",
                            f"--count={size}", where)["us"]["mean"]

    def _cold(self):
        return lambda where, turn: self._cold_batch(where, turn)

    def _list(self):
        """Microseconds for each entry of a repeated listing."""
        def measure(where, turn):
            report = self.f.drive("list", "--warm", "--items=1", "--rounds=3", where, seconds=900)
            return report["seconds"] * 1e6 / report["result"]
        return measure

    def _point(self, turn):
        sql, size = self.f.sql, min(BATCH, self.items // 20)
        return proc.run_json([self.f.tool("sqlfloor"), "point", f"--items={self.f.items}",
                              f"--count={size}", f"--lead={2 * size}", f"--seed={turn + 1}",
                              f"--coll={sql.coll}", sql.path, sql.FIND, sql.READ])["us"]["mean"]

    def _insert(self, path, first, count, batch):
        """Microseconds for each item inserted into this copy of the store."""
        sql = self.f.sql
        return proc.run_json([self.f.tool("sqlfloor"), "insert", f"--first={first}",
                              f"--items={count}", f"--batch={batch}", f"--coll={sql.coll}",
                              f"--base={sql.base}", path, *sql.INSERTS], 900)["us"]["mean"]

    def _copy(self, store, name="work.db"):
        return self.f.copy_store(store, name)

    def _simple(self, name, what, unit, measures, bars, turns, needs="", whole=None):
        """A row whose measures mount by themselves."""
        row = Row(name, what, unit, lambda stack: {n: lambda turn, fn=fn: fn()
                                                   for n, fn in measures.items()},
                  bars, turns, needs)
        row.whole = whole
        return row

    # The rows.

    def warm_open_ro(self):
        return Row("warm_open_ro", "warm open+read+close, -o ro", "us", lambda stack: self._each(
            stack, {"ours": lambda: self.s.ours(options="ro"),
                    "floor": lambda: self.s.floor("--noopen"),
                    "ext4": self.s.ext4}, self._warm("open", 20)),
            [Bar("1.3 x ext4", over("ours", "ext4"), 1.3)], 21)

    def warm_open(self):
        return Row("warm_open", "warm open+read+close", "us", lambda stack: self._each(
            stack, {"ours": self.s.ours, "floor": self.s.floor, "bindfs": self.s.bindfs,
                    "ext4": self.s.ext4}, self._warm("open", 4)),
            [Bar("0.6 x bindfs", over("ours", "bindfs"), 0.6)], 21)

    def warm_stat(self):
        return Row("warm_stat", "warm stat", "us", lambda stack: self._each(
            stack, {"ours": self.s.ours, "floor": self.s.floor, "ext4": self.s.ext4},
            self._warm("stat", 100)), [Bar("1.3 x ext4", over("ours", "ext4"), 1.3)], 21)

    def warm_list(self):
        return Row("warm_list", "warm listing, an entry", "us", lambda stack: self._each(
            stack, {"ours": self.s.ours, "floor": self.s.floor, "ext4": self.s.ext4},
            self._list()), [Bar("1.3 x ext4", over("ours", "ext4"), 1.3)],
            11 if self.f.items <= 200000 else 3)

    def _cold_row(self, name, what, mounts):
        """The bar is the smaller of two; each is shown."""
        def open_(stack):
            measures = self._each(stack, mounts, self._cold())
            measures["sql"] = self._point
            return measures

        return Row(name, what, "us", open_, [
            Bar("1.2 x floor_mt", over("ours", "floor_mt"), 1.2),
            Bar("1 x (floor + 2 x sql)", lambda m: m["ours"] / (m["floor"] + 2 * m["sql"]), 1)], 17)

    def cold_open(self):
        return self._cold_row("cold_open", "cold random open+read+close", {
            "ours": self.s.ours, "floor": self.s.floor, "floor_mt": self.s.null,
            "bindfs": self.s.bindfs})

    def cold_open_ro(self):
        return self._cold_row("cold_open_ro", "cold random open+read+close, -o ro", {
            "ours": lambda: self.s.ours(options="ro"),
            "floor": lambda: self.s.floor("--noopen"),
            "floor_mt": lambda: self.s.null("--noopen")})

    def _grep(self, system, warm=False):
        with system as m:
            for _ in range(1 + warm):
                with open(os.devnull, "w", encoding="utf-8") as null:
                    seconds = proc.timed(["grep", "-rc", "zzz", m.dir], 180, ok=(0, 1), stdout=null)
        return seconds

    def _grep_row(self, name, what, systems, bar, turns):
        measures = {n: lambda fn=fn: self._grep(fn()) for n, fn in systems.items()}
        measures["ext4"] = lambda: self._grep(self.s.ext4(), warm=True)
        return self._simple(name, what, "s", measures, [bar], turns,
                            "" if self.f.items <= 200000 else "for up to 200,000 items")

    def grep_ro(self):
        return self._grep_row("grep_ro", "cold grep -r, -o ro", {
            "ours": lambda: self.s.ours(options="ro"),
            "floor": lambda: self.s.floor("--noopen", "--readdirplus=always", "--push"),
        }, Bar("2.5 x warm ext4", over("ours", "ext4"), 2.5), 7)

    def grep(self):
        return self._grep_row("grep", "cold grep -r", {
            "ours": self.s.ours,
            "floor": lambda: self.s.floor("--readdirplus=always", "--push"),
            "bindfs": self.s.bindfs,
        }, Bar("0.5 x bindfs", over("ours", "bindfs"), 0.5), 3)

    def create(self):
        count = min(self.f.items, 500)

        def create(where, turn):
            return self.f.drive("create", f"--first={NEW + turn * count}", f"--items={count}",
                                where)["us"]["mean"]

        def create_and_remove(where, turn):
            us = create(where, turn)
            self.f.drive("unlink", f"--first={NEW + turn * count}", f"--items={count}", where)
            return us

        def open_(stack):
            ours = {"ours": lambda: self.s.ours(self._copy(self.f.store)),
                    "floor": self.s.floor, "floor_mt": self.s.null}
            below = {"bindfs": self.s.bindfs, "ext4": self.s.ext4}
            copy = Held(stack, lambda: contextlib.nullcontext(
                self.f.copy_store(self.f.sql.path, "insert.db")))
            return {**self._each(stack, ours, create),
                    **self._each(stack, below, create_and_remove),
                    "sql": lambda turn: self._insert(copy(), NEW + turn * count, count, 1)}

        return Row("create", "create+write+close of new items", "us", open_, [
            Bar("1.5 x floor_mt", over("ours", "floor_mt"), 1.5),
            Bar("1 x (floor + 2 x sql)", lambda m: m["ours"] / (m["floor"] + 2 * m["sql"]), 1),
            Bar("0.8 x bindfs", over("ours", "bindfs"), 0.8)], 15)

    def _distance_row(self, name, what, store, limit):
        """Version 100 steps from v1, which is the one that the items were written in: two
        directories of one mount."""
        def open_(stack):
            m = Held(stack, lambda: self.s.ours(store(), "v1"))
            far = lambda: m.root + "/v101/Dog"
            warm = self._warm("open", 4)
            return {
                "ours": lambda turn: self._cold_batch(far(), 2 * turn, 2),
                "near": lambda turn: self._cold_batch(m.dir, 2 * turn + 1, 2),
                "ours_warm": lambda turn: warm(far(), turn),
                "near_warm": lambda turn: warm(m.dir, turn),
            }

        return Row(name, what, "us", open_, [
            Bar(f"cold: {limit} x near", over("ours", "near"), limit),
            Bar(f"warm: {limit} x near", over("ours_warm", "near_warm"), limit)], 19)

    def far_filled(self):
        return self._distance_row("far_filled", "a version 100 steps away, backfilled",
                                  lambda: self.f.filled_store, 1.1)

    def far(self):
        return self._distance_row("far", "a version 100 steps away, not backfilled",
                                  lambda: self.f.chain_store, 2)

    def versions(self):
        """The cost of a cold read through versions at several distances, for the plot."""
        at = (171, 1, 2, 11, 51, 101)

        def open_(stack):
            m = Held(stack, lambda: self.s.ours(self.f.filled_store, "v1"))
            return {("ours" if n == 171 else f"v{n}"): lambda turn, i=i, n=n: self._cold_batch(
                f"{m.root}/v{n}/Dog", len(at) * turn + i, len(at)) for i, n in enumerate(at)}

        return Row("versions", "cold read through v171 of 171, backfilled", "us", open_,
                   [Bar("1.1 x v1", over("ours", "v1"), 1.1)], 19)

    # Verbs: two stores are mounted, of all items and of 1,000, and take turns.

    def _verb_row(self, name, what, prepare, verb, bars, turns):
        """verb(mount, turn): seconds; prepare(mount, turn) is not timed, nor is writing to the disk
        what it or the copying of the store left behind: a verb syncs, and would wait for all that."""
        def timed(m, turn):
            prepare(m(), turn)
            os.sync()
            return verb(m(), turn) * 1e3

        def open_(stack):
            stores = {"ours": lambda: self.s.ours(self._copy(self.f.store, "verb.db"), ""),
                      "at_1000": lambda: self.s.ours(self._copy(self.f.small_store, "verb-small.db"),
                                                     "")}
            held = {n: Held(stack, mount) for n, mount in stores.items()}
            return {n: (lambda turn, h=h: timed(h, turn)) for n, h in held.items()}

        return Row(name, what, "ms", open_, bars, turns)

    def add(self):
        return self._verb_row(
            "add", f"add at {self.f.items:,} items", lambda m, turn: None,
            lambda m, turn: add(m.root, schema.add_optional(turn + 2)),
            [Bar("1.5 x at 1,000", over("ours", "at_1000"), 1.5),
             Bar("20 ms", lambda m: m["ours"], 20, "ms")], 25)

    def revert(self):
        return self._verb_row(
            "revert", f"revert at {self.f.items:,} items",
            lambda m, turn: add(m.root, schema.add_optional(2, name=f"r{turn}")),
            lambda m, turn: write_verb(m.root, "revert", f"r{turn}"),
            [Bar("same cost (1.5 x at 1,000)", over("ours", "at_1000"), 1.5)], 21)

    def finalize(self):
        def prepare(m, turn):
            add(m.root, schema.convert_age(turn + 2, turn % 2))
            backfill(m.root, f"v{turn + 2}", 900)

        return self._verb_row(
            "finalize", f"finalize at {self.f.items:,} items", prepare,
            lambda m, turn: write_verb(m.root, "finalize", f"v{turn + 2}"),
            [Bar("same cost (1.5 x at 1,000)", over("ours", "at_1000"), 1.5)],
            9 if self.f.items <= 200000 else 1 + (self.f.items <= TREE))

    def _backfill(self):
        with self.s.ours(self._copy(self.f.store), "") as m:
            add(m.root, schema.convert_age(2))
            return backfill(m.root, "v2", 900)

    def _update(self, statement):
        copy = self._copy(self.f.sql.path, "update.db")
        return proc.timed(["sqlite3", copy, statement], 900)

    def backfill(self):
        """SQLite compares before it overwrites: SET body = body writes no page. A backfill can't but
        write, so the same UPDATE with one more byte stands beside it."""
        return self._simple("backfill", f"backfill of {self.f.items:,} items", "s", {
            "ours": self._backfill,
            "same": lambda: self._update(self.f.sql.UPDATE),
            "longer": lambda: self._update(self.f.sql.UPDATE_LONGER),
        }, [Bar("4 x UPDATE SET body = body", over("ours", "same"), 4),
            Bar("4 x the same, a byte longer", over("ours", "longer"), 4)],
            5 if self.f.items <= 200000 else 1, whole=self.f.items)

    # Beside a backfill.

    def _beside(self, busy, readers, writers):
        """Reports of readers and writers of random items through v1 to v4, while v5 is backfilled,
        or as long without."""
        store = self.f.with_versions(self.f.store, "load.db",
                                     [schema.add_optional(n) for n in range(2, 5)])
        with self.s.ours(store) as m:
            add(m.root, schema.convert_age(5))
            dirs = [f"{m.root}/v{n}/Dog" for n in range(1, 5)]
            with Background(self.f, "open", readers, self.items, dirs) as reading, \
                 (Background(self.f, "overwrite", writers, self.items, dirs) if writers
                  else contextlib.nullcontext()) as writing:
                if busy:
                    self.busy_s = max(backfill(m.root, "v5", 900), 0.3)
                else:
                    time.sleep(self.busy_s)
            return reading.report, writing and writing.report

    def _lone_reader(self, busy):
        return self._beside(busy, 1, 0)[0]["us"]["p99"]

    def backfill_reader(self):
        return self._simple("backfill_reader", "a reader's p99 during a backfill", "us", {
            "ours": lambda: self._lone_reader(True),
            "idle": lambda: self._lone_reader(False),
        }, [Bar("2 x idle", over("ours", "idle"), 2)], 5)

    def load(self):
        """16 readers and 4 writers over four versions: one run gives all of its numbers."""
        def open_(stack):
            got = {}

            def run(name, busy):
                reading, writing = self._beside(busy, 16, 4)
                got[name] = {"p99": reading["us"]["p99"], "p50": reading["us"]["p50"],
                             "max": reading["us"]["max"], "an_op": 1e6 / reading["rate"],
                             "a_write": 1e6 / writing["rate"]}
                return got[name]["p99"]

            return {"ours": lambda turn: run("ours", True), "idle": lambda turn: run("idle", False),
                    **{f"{what}_{name}": lambda turn, what=what, name=name: got[name][what]
                       for name in ("ours", "idle") for what in ("p50", "max", "an_op", "a_write")}}

        row = Row("load", "p99 of 16 readers beside 4 writers, during a backfill", "us", open_, [
            Bar("2 x idle", over("ours", "idle"), 2),
            Bar("p50: 2 x idle", over("p50_ours", "p50_idle"), 2),
            Bar("time for a read: 2 x idle", over("an_op_ours", "an_op_idle"), 2),
            Bar("time for a write: 4 x idle", over("a_write_ours", "a_write_idle"), 4)], 5)
        row.in_order = True  # the last measures tell what the first two found
        row.shown = ("idle",)
        return row

    # Streams.

    def _cat(self):
        with self.s.ours(version="v1") as m:
            with open(os.devnull, "w", encoding="utf-8") as null:
                return proc.timed(["cat", m.root + "/v1/Dog.jsonl"], 300, stdout=null)

    def _select(self):
        sql = self.f.sql
        with open(os.devnull, "w", encoding="utf-8") as null:
            return proc.timed(["sqlite3", sql.path, sql.SCAN], 300, stdout=null)

    def stream_read(self):
        return self._simple("stream_read", f"reading Dog.jsonl, {self.f.items:,} items", "s", {
            "ours": self._cat,
            "sqlite3": self._select,
        }, [Bar("3 x sqlite3 SELECT", over("ours", "sqlite3"), 3)],
            11 if self.f.items <= 200000 else 3, whole=self.f.items)

    def _append(self):
        lines = self.f.lines(2 * NEW, min(self.items, TREE))
        with self.s.ours(self._copy(self.f.store)) as m:
            return proc.timed(["dd", f"if={lines}", f"of={m.root}/v1/Dog.jsonl", "bs=128k",
                               "oflag=append", "conv=notrunc", "status=none"], 900)

    def stream_append(self):
        def sql():
            copy = self.f.copy_store(self.f.sql.path, "insert.db")
            return self._insert(copy, 2 * NEW, count, 0) * count / 1e6

        count = min(self.items, TREE)
        return self._simple("stream_append", f"appending {count:,} lines to Dog.jsonl", "s", {
            "ours": self._append, "sql": sql,
        }, [Bar("4 x one transaction of INSERTs", over("ours", "sql"), 4)],
            5 if self.f.items <= 200000 else 1, whole=count)

    # The daemon.

    def _memory(self):
        reads = min(self.f.items, 1000000)
        with self.s.ours() as m:
            self.f.drive("list", "--items=1", m.dir, seconds=600)
            self.f.drive("open", f"--items={self.f.items}", f"--count={reads}", m.dir, seconds=900)
            return peak_mib(m.pid)

    def memory(self):
        return self._simple("memory", f"peak memory, a listing and reads of {self.f.items:,} items",
                            "MiB", {"ours": self._memory},
                            [Bar("64 MiB", lambda m: m["ours"], 64, "MiB")], 1)

    def _mount(self, store):
        with self.s.ours(store, "") as m:
            return m.seconds * 1e3

    def mount(self):
        return self._simple("mount", "mounting a store with 171 versions", "ms", {
            "ours": lambda: self._mount(self.f.chain_store),
            "one": lambda: self._mount(self.f.store),
        }, [Bar("100 ms more than with one", lambda m: m["ours"] - m["one"], 100, "ms")], 11)

    def _idle(self):
        with self.s.ours() as m:
            self.f.drive("open", "--items=1000", "--count=1000", m.dir)
            before = cpu_seconds(m.pid)
            time.sleep(10)
            return (cpu_seconds(m.pid) - before) * 10

    def idle(self):
        return self._simple("idle", "processor on an idle mount, over 10 s", "%",
                            {"ours": self._idle},
                            [Bar("0.1 %", lambda m: m["ours"], 0.1, "%")], 1)

    def _overwrite(self, where, turn):
        return self.f.drive("overwrite", f"--items={self.f.items}", f"--seed={turn + 1}",
                            f"--count={min(self.f.items, 300)}", where)["us"]["mean"]

    def history(self):
        """What keeping revisions costs a writer: the same store mounted with and without."""
        return Row("history", "overwriting an item, what it was kept", "us",
                   lambda stack: self._each(stack, {
                       "ours": lambda: self.s.ours(self._copy(self.f.store, "kept.db")),
                       "without": lambda: self.s.ours(self._copy(self.f.store, "off.db"),
                                                      options="history=0"),
                   }, self._overwrite), [Bar("1.25 x history=0", over("ours", "without"), 1.25)], 31)

    def write_many(self):
        """Writing while 2, 10 and 50 versions compute a value from what is written."""
        def store(n):
            return self.f.with_versions(self.f.store, f"computing{n}.db", schema.computing(n + 1))

        return Row("write_many", "overwriting an item, 50 computing versions live", "us",
                   lambda stack: self._each(stack, {
                       "ours": lambda: self.s.ours(store(50)),
                       **{f"with_{n}": lambda n=n: self.s.ours(store(n)) for n in (1, 2, 10)},
                   }, self._overwrite), [
                       Bar("2: 1.3 x with one", over("with_2", "with_1"), 1.3),
                       Bar("10: 2 x with one", over("with_10", "with_1"), 2),
                       Bar("50: 5 x with one", over("ours", "with_1"), 5)], 15)

    def all(self):
        """In the order of the table; what takes long to prepare comes last."""
        return [row() for row in (
            self.warm_open_ro, self.warm_open, self.warm_stat, self.warm_list, self.cold_open,
            self.cold_open_ro, self.grep_ro, self.grep, self.create, self.stream_read,
            self.stream_append, self.add, self.revert, self.backfill, self.backfill_reader,
            self.load, self.finalize, self.memory, self.idle, self.far, self.far_filled,
            self.versions, self.mount, self.history, self.write_many)]


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["VmHWM"].split()[0]) / 1024


def cpu_seconds(pid):
    """Of all its threads, exactly (utime of /proc/PID/stat counts in hundredths)."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="utf-8") as f:
                total += int(f.read().split()[0])
    return total / 1e9
