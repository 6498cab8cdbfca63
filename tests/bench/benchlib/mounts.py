"""The systems that are compared, each mounted for the turns of one row and unmounted after them.

A fresh mount is what "cold" means here: the kernel's caches of that file system are empty, the
daemon's too; the files below (ext4's, the store's) stay in the page cache, for ours and for peers
alike. "Warm" is one untimed pass before the timed ones.
"""

import contextlib
import os
import subprocess
import time

from . import profile, proc

# The loop that ours is measured against besides libfuse's: one thread that polls for 50 us.
OWN_LOOP = ["--loop=nonblock", "--poll-us=50"]


class Mounted:
    """A mounted system: dir (its Dog), root (its mount point), pid (its daemon's), seconds (how
    long mounting took)."""

    def __init__(self, root, directory, pid, seconds=0.0):
        self.root, self.dir, self.pid, self.seconds = root, directory, pid, seconds


def unmount(mountpoint):
    for command in (["umount", mountpoint], ["fusermount3", "-u", mountpoint],
                    ["umount", "-f", "-l", mountpoint]):
        if not os.path.ismount(mountpoint):
            return
        with contextlib.suppress(subprocess.TimeoutExpired, OSError):
            subprocess.run(command, timeout=20, stderr=subprocess.DEVNULL, check=False)


@contextlib.contextmanager
def mounted(command, mountpoint, directory):
    """Mounts in the foreground, waits until `directory` answers, unmounts at the end."""
    os.makedirs(mountpoint, exist_ok=True)
    log = open(mountpoint + ".log", "w+b")
    start = time.monotonic()
    process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log,
                               stderr=log)
    proc.daemons[mountpoint] = process

    def ready():
        if process.poll() is not None:
            log.seek(0)
            text = log.read().decode(errors="replace").strip() or "no message"
            raise proc.Failed(f"{command[0]}: ended at mounting: {text.splitlines()[-1]}")
        return os.path.ismount(mountpoint) and os.path.isdir(directory)

    try:
        with proc.bounded("mounting", 30):
            proc.wait_until(f"mounting by {os.path.basename(str(command[0]))}", ready,
                            every=0.0005)
        yield Mounted(mountpoint, directory, process.pid, time.monotonic() - start)
    finally:
        unmount(mountpoint)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        proc.end_process(process)
        del proc.daemons[mountpoint]
        log.close()


class Systems:
    """How to mount each system; `f` are the fixtures."""

    def __init__(self, f):
        self.f, self.n = f, 0
        self.profiler = None  # a profile.Profiler to watch our daemon with, for --profile

    def _root(self, name):
        """A mount point of its own: all systems of a row are mounted at once."""
        self.n += 1
        return self.f.path(f"mnt-{name}-{self.n}")

    @contextlib.contextmanager
    def ours(self, store=None, version="v1", options=None):
        """The daemon on `store` (the main one when None), at one version's Dog."""
        if not self.f.program:
            raise proc.Failed("no schemafs to run")
        store = store or self.f.store
        root = self._root("ours")
        command = [self.f.program, "mount", store, root, "-f"]
        command += ["-o", options] if options else []
        directory = os.path.join(root, version, "Dog") if version else root
        with mounted(command, root, directory) as m, profile.watching(self.profiler, m.pid):
            yield m

    def null(self, *options):
        """The empty file system; without a --loop, with libfuse's."""
        root = self._root("null")
        command = [self.f.tool("nullfs"), f"--items={self.f.items}", *options, root]
        return mounted(command, root, os.path.join(root, "Dog"))

    def floor(self, *options):
        return self.null(*OWN_LOOP, *options)

    def bindfs(self):
        root = self._root("bind")
        command = ["bindfs", "-f", self.f.tree, root]
        return mounted(command, root, os.path.join(root, "Dog"))

    @contextlib.contextmanager
    def ext4(self):
        yield Mounted(self.f.tree, os.path.join(self.f.tree, "Dog"), None)
