"""Stores, trees and tools, made when a benchmark first asks for them, below one work directory."""

import functools
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time

from . import proc, schema

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = {"nullfs": (["nullfs.c", "nullfs_loop.c", "nullfs_main.c"], "fuse3"), "driver": (["driver.c"], None),
           "sqlfloor": (["sqlfloor.c"], "sqlite3")}


def write_verb(root, verb, text, seconds=120):
    """Carries out a control verb by one write; the seconds until it returned."""
    path = f"{root}/control/{verb}"
    with proc.bounded(f"{verb} {text}", seconds):
        fd = os.open(path, os.O_WRONLY)
        try:
            start = time.monotonic()
            os.write(fd, text.encode())
            return time.monotonic() - start
        except OSError as e:
            with open(path, encoding="utf-8") as f:
                raise proc.Failed(f"{verb} {text}: {e.strerror}: {f.read().strip()}") from None
        finally:
            os.close(fd)


def stage(root, text):
    name = re.match(r"version: (\S+)", text).group(1)
    path = f"{root}/schemas/{name}.yaml"
    with proc.bounded(f"staging {name}"), open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return name


def add(root, text):
    """Stages a version and adds it; the seconds that the verb took."""
    return write_verb(root, "add", stage(root, text))


def backfill_state(root, version):
    with proc.bounded("status.json"), open(f"{root}/control/status.json", encoding="utf-8") as f:
        versions = json.load(f)["versions"]
    for v in versions:
        if v["version"] == version:
            return v.get("backfill", {}).get("state")
    raise proc.Failed(f"status.json has no version {version}")


def backfill(root, version, seconds=600):
    """Backfills and waits; the seconds it took."""
    start = time.monotonic()
    write_verb(root, "backfill", version)
    proc.wait_until(f"backfill of {version}",
                    lambda: backfill_state(root, version) in ("done", "not_needed"), seconds, 0.01)
    return time.monotonic() - start


class Background:
    """Does one kind of operation on random items, by so many threads, from the start of a `with` to
    its end; then `report` is the driver's."""

    def __init__(self, fixtures, op, threads, items, dirs):
        self.report = None
        self.process = subprocess.Popen(
            [fixtures.tool("driver"), op, f"--items={items}", f"--threads={threads}", "--until-eof",
             "--seconds=900", *dirs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        time.sleep(0.05)
        return self

    def __exit__(self, *error):
        try:
            out, _ = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            proc.end_process(self.process)
            raise proc.Failed("the load didn't end") from None
        if self.process.returncode == 0:
            self.report = json.loads(out)
        elif not error[0]:
            raise proc.Failed(f"the load ended with {self.process.returncode}")


class Fixtures:
    def __init__(self, work, build, program, items):
        self.work, self.build, self.items = work, build, items
        self.program = program if program and os.access(program, os.X_OK) else None

    def path(self, name):
        return os.path.join(self.work, name)

    @functools.cache
    def tool(self, name):
        """A tool of this directory: the build's, or compiled now."""
        built = os.path.join(self.build, "tests", "bench", name)
        if os.access(built, os.X_OK):
            return built
        sources, package = SOURCES[name]
        flags = proc.run(["pkg-config", "--cflags", "--libs", package]).split() if package else []
        target = self.path(name)
        proc.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", target,
                  *[os.path.join(HERE, s) for s in sources], *flags, "-lpthread"])
        return target

    def drive(self, op, *args, seconds=120):
        """Runs the driver; its report."""
        return proc.run_json([self.tool("driver"), op, *args], seconds)

    @functools.cached_property
    def tree(self):
        """A directory on the file system below with Dog/ of the same items (at most 1,000,000)."""
        root = self.path("tree")
        os.makedirs(os.path.join(root, "Dog"))
        self.drive("create", "--linear", f"--items={min(self.items, 1000000)}",
                   os.path.join(root, "Dog"), seconds=300)
        return root

    def lines(self, first, count):
        """A file of JSON Lines for items [first, first + count)."""
        path = self.path(f"lines-{first}-{count}.jsonl")
        if not os.path.exists(path):
            with open(os.path.join(HERE, "body.h"), encoding="utf-8") as f:
                text = f.read()
            breed = re.search(r'BODY_BREED "(.*)"', text).group(1)
            note = "".join(re.findall(r'^    "((?:A dog|and that)[^\\"]*)', text, re.M))
            with open(path, "w", encoding="utf-8") as f:
                for n in range(first, first + count):
                    f.write(f'{{"_key":"dog-{n:08d}","name":"Dog {n:08d}","breed":"{breed}",'
                            f'"age":7,"note":"{note}"}}\n')
        return path

    def make_store(self, name, items):
        """A new store with v1 and this many items."""
        if not self.program:
            raise proc.Failed("no schemafs to run")
        store, root = self.path(name), self.path("mnt-make")
        from .mounts import mounted
        with mounted([self.program, "mount", store, root, "-f"], root, root + "/schemas") as m:
            add(m.root, schema.FIRST)
        with open(self.lines(0, items), encoding="utf-8") as lines:
            proc.run([self.program, "import", store, "v1", "Dog"], 1800, stdin=lines)
        return store

    def copy_store(self, store, name):
        """A copy of an unmounted store; one of the same name is replaced."""
        target = self.path(name)
        for end in ("", "-wal", "-shm", "-lock"):
            if os.path.exists(target + end):
                os.unlink(target + end)
        for end in ("", "-wal"):
            if os.path.exists(store + end):
                shutil.copyfile(store + end, target + end)
        return target

    @functools.cached_property
    def store(self):
        return self.make_store("main.db", self.items)

    @functools.cached_property
    def small_store(self):
        return self.make_store("small.db", 1000)

    def with_versions(self, store, name, texts):
        """A copy of `store` to which these versions were added."""
        from .mounts import mounted
        store, root = self.copy_store(store, name), self.path("mnt-make")
        with mounted([self.program, "mount", store, root, "-f"], root, root + "/schemas") as m:
            for text in texts:
                add(m.root, text)
        return store

    @functools.cached_property
    def chain_store(self):
        """171 versions, nothing backfilled."""
        return self.with_versions(self.store, "chain.db", schema.chain(171))

    @functools.cached_property
    def filled_store(self):
        """171 versions, all backfilled."""
        from .mounts import mounted
        store, root = self.copy_store(self.chain_store, "filled.db"), self.path("mnt-make")
        with mounted([self.program, "mount", store, root, "-f"], root, root + "/schemas") as m:
            backfill(m.root, "v171")
        return store

    @functools.cached_property
    def sql(self):
        """The statements of the store's own layout, and the store file to run them on."""
        if self.program:
            return Sql(self.store)
        bare = self.path("bare.db")
        proc.run([self.tool("sqlfloor"), "make", f"--items={self.items}", bare], 600)
        return Sql(bare)


class Sql:
    """The store's own statements (store/tables.h) for a point read, an insert and a rewrite, to be
    run on a store file that is not mounted."""

    NEEDED = {"item": {"id", "key", "mtime", "btime", "body"}, "name": {"coll", "key", "id"},
              "count": {"coll", "n"}}
    FIND = "SELECT id FROM name WHERE coll = :coll AND key = :key"
    READ = "SELECT mtime, btime, body FROM item WHERE id = :id"
    INSERTS = (
        "INSERT INTO item (id, key, mtime, btime, body) VALUES (:id, :key, :mtime, :mtime, :body)",
        "INSERT INTO name (coll, key, id) VALUES (:coll, :key, :id)",
        "INSERT INTO count (coll, n) VALUES (:coll, 1) ON CONFLICT DO UPDATE SET n = n + 1",
    )
    SCAN = "SELECT body FROM item"
    UPDATE = "UPDATE item SET body = body"
    UPDATE_LONGER = "UPDATE item SET body = body || x'20'"

    def __init__(self, path):
        self.path = path
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            for table, columns in self.NEEDED.items():
                there = {c[1] for c in db.execute(f"PRAGMA table_info({table})")}
                if not columns <= there:
                    raise proc.Failed(f"{path}: table {table} has no {sorted(columns - there)}: "
                                      "Sql in benchlib/fixtures.py is for another layout")
            self.coll = db.execute("SELECT coll FROM name WHERE key LIKE 'dog-%' LIMIT 1").fetchone()[0]
            self.base = db.execute("SELECT max(id) FROM item").fetchone()[0]
        finally:
            db.close()
