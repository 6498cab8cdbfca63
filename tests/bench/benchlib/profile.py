"""Where the time goes: perf, system calls and FUSE requests by kind of our daemon, for one more
measurement of each row. Each slows the daemon, so none of these measurements counts."""

import collections
import contextlib
import os
import re
import signal
import subprocess
import time

from . import proc

OPCODES = {
    1: "LOOKUP", 2: "FORGET", 3: "GETATTR", 4: "SETATTR", 10: "UNLINK", 12: "RENAME", 14: "OPEN",
    15: "READ", 16: "WRITE", 17: "STATFS", 18: "RELEASE", 20: "FSYNC", 21: "SETXATTR",
    22: "GETXATTR", 23: "LISTXATTR", 25: "FLUSH", 26: "INIT", 27: "OPENDIR", 28: "READDIR",
    29: "RELEASEDIR", 30: "FSYNCDIR", 34: "ACCESS", 35: "CREATE", 36: "INTERRUPT", 38: "DESTROY",
    39: "IOCTL", 40: "POLL", 42: "BATCH_FORGET", 43: "FALLOCATE", 44: "READDIRPLUS",
    45: "RENAME2", 46: "LSEEK", 52: "STATX",
}

KINDS = ("perf", "syscalls", "requests")


class Profiler:
    """Watches a daemon in one way; what it found goes to <directory>/<row>.<kind>."""

    def __init__(self, directory, row, kind):
        os.makedirs(directory, exist_ok=True)
        self.kind = kind
        self.out = os.path.join(directory, f"{row}.{kind}")
        self.raw = self.out + ".raw"

    def command(self, pid):
        return {
            "perf": ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-g", "-p", pid, "-o",
                     self.raw],
            "syscalls": ["strace", "-q", "-f", "-c", "-o", self.out, "-p", pid],
            "requests": ["strace", "-q", "-f", "-y", "-xx", "-s", "8", "-e", "trace=read", "-e",
                         "signal=none", "-o", self.raw, "-p", pid],
        }[self.kind]

    def finish(self):
        if self.kind == "perf":
            with open(self.out, "w", encoding="utf-8") as out:
                proc.run(["perf", "report", "--stdio", "--no-children", "-g", "none", "-i",
                          self.raw], 120, stdout=out)
        elif self.kind == "requests":
            self._count_requests()
        if os.path.exists(self.raw):
            os.unlink(self.raw)

    def _count_requests(self):
        """The opcode is the second 32-bit word of what was read from /dev/fuse (strace -xx writes the
        path in hexadecimal too)."""
        device = "<" + "".join(f"\\x{b:02x}" for b in b"/dev/fuse") + ">"
        counts = collections.Counter()
        word = r"\\x([0-9a-f]{2})"
        pattern = re.compile(r'"(?:\\x[0-9a-f]{2}){4}' + word * 4)
        with open(self.raw, encoding="utf-8", errors="replace") as f:
            for line in f:
                got = pattern.search(line)
                if got and (device in line or "</dev/fuse>" in line):
                    code = int.from_bytes(bytes.fromhex("".join(got.groups())), "little")
                    counts[OPCODES.get(code, str(code))] += 1
        with open(self.out, "w", encoding="utf-8") as out:
            for name, n in counts.most_common():
                print(f"{n:10} {name}", file=out)


@contextlib.contextmanager
def watching(profiler, pid):
    """Watches process `pid` during the block; does nothing without a profiler."""
    if not profiler:
        yield
        return
    process = subprocess.Popen([str(c) for c in profiler.command(pid)],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        proc.end_process(process)
    profiler.finish()
