#!/usr/bin/env python3
"""terminal.py [--limit SECONDS] [--when REGEX --send TEXT]... -- COMMAND...

Runs a command on a terminal of its own (80 x 24) and prints what it writes there, as it came. Each TEXT
(\\x03 is Ctrl-C) is typed once, when what was printed since the one before matches its REGEX. Ends as
the command does; 124 when the limit is over, and the command is killed.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time


def parse(words):
    limit, steps = 30.0, []
    while words and words[0] != "--":
        option, value = words.pop(0), words.pop(0)
        if option == "--limit":
            limit = float(value)
        elif option == "--when":
            steps.append([re.compile(value.encode(), re.S), b""])
        elif option == "--send":
            steps[-1][1] = codecs.decode(value, "unicode_escape").encode("latin-1")
        else:
            sys.exit(f"terminal.py: unknown option {option}")
    return limit, steps, words[1:]


def run(command):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    return pid, fd


def read(fd, end):
    """What came; empty at its end, None when the time is over."""
    ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
    if not ready:
        return None
    try:
        return os.read(fd, 65536)
    except OSError:  # EIO: nobody has the terminal open any more
        return b""


def main():
    limit, steps, command = parse(sys.argv[1:])
    pid, fd = run(command)
    end = time.monotonic() + limit
    seen = b""
    while part := read(fd, end):
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        seen += part
        if steps and steps[0][0].search(seen):
            os.write(fd, steps.pop(0)[1])
            seen = b""
    if part is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        sys.exit(124)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)


main()
