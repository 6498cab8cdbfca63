"""Processes, each with a bound on its time, and a guard that unmounts whatever happens."""

import contextlib
import json
import os
import subprocess
import threading
import time


class Failed(Exception):
    """A measurement that could not be made; the text says why."""


class OutOfTime(Failed):
    """The whole run's time is over."""


class Clock:
    """How long a wait may be: its own bound, and what the run has left."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()

    def bound(self, seconds):
        left = self.left()
        if left <= 0:
            raise OutOfTime("the run's time is over")
        return min(seconds, left)


clock = Clock(float("inf"))


def end_process(process):
    """Ends a process that the run started; gives up on one that the kernel holds."""
    for stop in (process.terminate, process.kill):
        if process.poll() is not None:
            return
        stop()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue


daemons = {}  # those of mounted file systems that the run started: mount point -> process


def kill_daemons():
    """What waits for them gets an error at once."""
    for process in list(daemons.values()):
        with contextlib.suppress(OSError):
            process.kill()


@contextlib.contextmanager
def bounded(what, seconds=120):
    """Bounds this process's own calls into a mount: a daemon that doesn't answer is killed."""
    over = []

    def stop():
        over.append(True)
        kill_daemons()

    timer = threading.Timer(clock.bound(seconds), stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except OSError as e:
        if over:
            raise Failed(f"{what}: over {seconds} s") from e
        raise
    finally:
        timer.cancel()


def start_watchdog(seconds):
    """Ends the run when it is stuck in spite of all bounds; the guard then unmounts."""

    def stop():
        print("bench: stuck; ended", flush=True)
        kill_daemons()
        os._exit(3)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()


def run(args, seconds=120, ok=(0,), stdin=None, stdout=subprocess.PIPE, text=None):
    """Runs a command and returns its standard output."""
    bound = clock.bound(seconds)
    process = subprocess.Popen(
        [str(a) for a in args],
        stdin=subprocess.PIPE if text is not None else stdin or subprocess.DEVNULL,
        stdout=stdout, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(text, timeout=bound)
    except subprocess.TimeoutExpired:
        end_process(process)
        raise Failed(f"{os.path.basename(str(args[0]))}: over {bound:.0f} s") from None
    except BaseException:
        end_process(process)
        raise
    if process.returncode not in ok:
        line = (err.strip().splitlines() or ["no message"])[-1]
        raise Failed(f"{os.path.basename(str(args[0]))}: exit {process.returncode}: {line}")
    return out or ""


def run_json(args, seconds=120):
    return json.loads(run(args, seconds))


def timed(args, seconds=120, **more):
    """Seconds that a command takes."""
    start = time.monotonic()
    run(args, seconds, **more)
    return time.monotonic() - start


def wait_until(what, true, seconds=20, every=0.002):
    """Waits until true() is; returns what it gave."""
    end = time.monotonic() + clock.bound(seconds)
    while True:
        got = true()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(every)


GUARD = r"""
cat >/dev/null
unmount() {
    awk '{print $2}' /proc/self/mounts | grep -F "$1/" | sort -r | while read -r m; do
        timeout 10 umount "$m" 2>/dev/null || fusermount3 -uz "$m" 2>/dev/null ||
            timeout 10 umount -f -l "$m"
    done
}
unmount "$1"
sleep 0.2
unmount "$1"
[ "$2" = keep ] || rm -rf --one-file-system -- "$1"
"""


def start_guard(work, keep):
    """When this process ends, however it ends, the guard's input does too: then it unmounts all
    below `work` and removes it."""
    return subprocess.Popen(
        ["bash", "-c", GUARD, "guard", str(work), "keep" if keep else "remove"],
        stdin=subprocess.PIPE, start_new_session=True)
