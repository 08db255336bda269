"""The console: boot.py and main.py, and the raw REPL, which mpremote speaks."""

import struct
import sys

from chip import EXIT_SOFT_RAW, EXIT_SOFT_RUN, MODE, c_exit, read_file


def execute(source, name, env):
    """Runs source; returns True for a soft reset, else its exception or None."""
    try:
        exec(compile(bytes(source), name, "exec"), env)
    except SystemExit:
        return True
    except BaseException as e:
        return e


def run_file(name):
    source = read_file(name)
    if source is None:
        return
    e = execute(source, name, {"__name__": "__main__"})
    if isinstance(e, BaseException):
        sys.print_exception(e, sys.stdout)


class Console:
    """The raw REPL of MicroPython (docs: reference/repl.html)."""

    BANNER = b"raw REPL; CTRL-B to exit\r\n>"

    def __init__(self):
        self._read, self._write = sys.stdin.buffer.read, sys.stdout.buffer.write
        self._raw, self._line = MODE == "raw", bytearray()
        self._env = {"__name__": "__main__"}

    def run(self):
        greeted = False
        while True:
            try:
                if not greeted:
                    self._write(self.BANNER if self._raw else b"\r\n>>> ")
                    greeted = True
                c = self._read(1)
                if not c:
                    return
                self._take(c)
            except KeyboardInterrupt:
                self._line = bytearray()

    def _take(self, c):
        if c == b"\x01":  # ^A
            self._raw, self._line = True, bytearray()
            self._write(self.BANNER)
        elif c == b"\x02":  # ^B
            self._raw, self._line = False, bytearray()
            self._write(b"\r\n>>> ")
        elif c == b"\x03":  # ^C
            self._line = bytearray()
        elif c == b"\x05" and self._raw and not self._line:  # ^E, then "A" and ^A: raw paste
            self._read(2)
            self._paste()
        elif c == b"\x04":  # ^D
            self._end_of_input()
        else:
            self._line.extend(c)

    WINDOW = 1024  # bytes the host may send ahead

    def _paste(self):
        """Raw paste mode: the raw REPL, with flow control instead of pauses."""
        self._write(b"R\x01" + struct.pack("<H", self.WINDOW) + b"\x01")
        left = self.WINDOW
        while True:
            c = self._read(1)
            if c == b"\x04":
                break
            self._line.extend(c)
            left -= 1
            if not left:
                left = self.WINDOW
                self._write(b"\x01")
        self._write(b"\x04")
        source, self._line = self._line, bytearray()
        self._execute(source)

    def _execute(self, source):
        done = execute(source, "<stdin>", self._env)
        self._write(b"\x04")
        if isinstance(done, BaseException):
            sys.print_exception(done, sys.stdout)
        self._write(b"\x04>")
        if done is True:
            self._raw = False
            self._soft_reset()

    def _end_of_input(self):
        if self._raw:
            self._write(b"OK")
            if self._line:
                source, self._line = self._line, bytearray()
                self._execute(source)
                return
        self._soft_reset()

    def _soft_reset(self):
        self._write(b"\r\nMPY: soft reboot\r\n")
        c_exit(EXIT_SOFT_RAW if self._raw else EXIT_SOFT_RUN)
