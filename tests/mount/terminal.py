#!/usr/bin/env python3
"""terminal.py [--limit SECONDS] [--when REGEX | --send KEYS]... -- COMMAND...

Runs a command on a terminal of its own (80 x 24) and prints what it writes there, as it came. The steps
are taken in their order: --when waits until what was printed since the step before matches, without the
sequences that move the cursor; --send types KEYS (\\x03 is Ctrl-C) once the command has nothing more to
print. Ends as the command does; 125 when that came before the last step, 124 when the limit is over, and
the command is killed.
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

ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?>=!]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cM])")
QUIET_S = 0.15  # editors throw away what was typed before they had set the terminal up
NOISE_S = 1.0   # and some commands are never quiet


def parse(words):
    limit, steps = 30.0, []
    while words and words[0] != "--":
        option, value = words.pop(0), words.pop(0)
        if option == "--limit":
            limit = float(value)
        elif option == "--when":
            steps.append(("when", re.compile(value.encode(), re.S)))
        elif option == "--send":
            steps.append(("send", codecs.decode(value, "unicode_escape").encode("latin-1")))
        else:
            sys.exit(f"terminal.py: unknown option {option}")
    return limit, steps, words[1:]


class Terminal:
    def __init__(self, command, limit):
        self.end = time.monotonic() + limit
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def read(self, until):
        """Prints what comes; False: nobody has the terminal open any more. None: nothing came in time."""
        if not select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]:
            return None
        try:
            part = os.read(self.fd, 65536)
        except OSError:  # EIO
            part = b""
        self.seen += part
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return bool(part)

    def read_or_die(self):
        more = self.read(self.end)
        if more is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            sys.exit(124)
        return more

    def when(self, regex):
        while not regex.search(ESCAPES.sub(b"", self.seen)):
            if not self.read_or_die():
                os.waitpid(self.pid, 0)
                print(f"\nterminal.py: it ended before {regex.pattern.decode()!r}")
                sys.exit(125)
        self.seen = b""

    def send(self, keys):
        until = time.monotonic() + NOISE_S
        while time.monotonic() < until and self.read(time.monotonic() + QUIET_S):
            pass
        os.write(self.fd, keys)

    def status(self):
        while self.read_or_die():
            pass
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return status if status >= 0 else 128 - status


def main():
    limit, steps, command = parse(sys.argv[1:])
    terminal = Terminal(command, limit)
    for step, what in steps:
        getattr(terminal, step)(what)
    sys.exit(terminal.status())


main()
