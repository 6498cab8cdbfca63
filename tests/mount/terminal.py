#!/usr/bin/env python3
"""Runs a program on a terminal of its own and types at it, as a person would.

    terminal.py SECONDS STEP... -- PROGRAM ARGUMENT...

A step is ?TEXT, which waits until the program has printed TEXT, or keys to type (\\r, \\x18, \\e: as in
printf). Escape sequences that move the cursor are taken out of what was printed before it is compared.
Ends with the program's status; with 1, and what stood on the terminal, when SECONDS are over.
"""
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


def keys_of(step):
    return step.replace("\\e", "\\x1b").encode().decode("unicode_escape").encode("latin-1")


class Terminal:
    def __init__(self, command, seconds):
        self.until = time.monotonic() + seconds
        self.said = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp(command[0], command)
        size = struct.pack("HHHH", 24, 80, 0, 0)
        import fcntl
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size)

    def give_up(self, why):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        sys.exit(f"terminal: {why}; it showed:\n{self.text()}")

    def text(self):
        return ESCAPES.sub(b"", self.said).decode("utf-8", "replace")

    def read(self, at_most_s):
        """Reads what the program prints; False: it has closed the terminal."""
        if not select.select([self.fd], [], [], at_most_s)[0]:
            return True
        try:
            part = os.read(self.fd, 65536)
        except OSError:
            part = b""
        self.said += part
        return bool(part)

    def wait_for(self, text):
        while text not in self.text():
            if time.monotonic() > self.until:
                self.give_up(f"{text!r} was not printed")
            if not self.read(0.1) and text not in self.text():
                self.give_up(f"it ended without {text!r}")
        self.said = b""

    def type(self, keys):
        # Editors throw away what was typed before they had set the terminal up.
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 0.15 and time.monotonic() < self.until:
            before = len(self.said)
            self.read(0.05)
            if len(self.said) != before:
                quiet_since = time.monotonic()
        os.write(self.fd, keys)

    def end(self):
        while self.read(0.1):
            if time.monotonic() > self.until:
                self.give_up("it did not end")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def main():
    at = sys.argv.index("--")
    terminal = Terminal(sys.argv[at + 1:], float(sys.argv[1]))
    for step in sys.argv[2:at]:
        if step.startswith("?"):
            terminal.wait_for(step[1:])
        else:
            terminal.type(keys_of(step))
    status = terminal.end()
    sys.exit(status if status >= 0 else 128 - status)


main()
