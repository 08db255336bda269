"""A meter's port as a pseudo-terminal: a symlink to open, and bytes at the meter's pace."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path

PIECE_S = 0.02  # bytes leave in pieces of this much time
STUCK_S = 2.0  # how long the present telegram waits for a reader that reads nothing, at the end

SPEEDS = {
    300: termios.B300,
    600: termios.B600,
    1200: termios.B1200,
    2400: termios.B2400,
    4800: termios.B4800,
    9600: termios.B9600,
    19200: termios.B19200,
    115200: termios.B115200,
}


class Line:
    """The meter's end of a serial line. Use it as a context manager: the link goes at the end."""

    def __init__(self, link: Path, stopping: Callable[[], bool]) -> None:
        """link: the symlink to make; stopping: asked often; True lets every wait end.

        OSError, FileExistsError if there is a file at the path that is not a symlink.
        """
        self._link = link
        self._stopping = stopping
        if link.exists() and not link.is_symlink():
            raise FileExistsError(f"{link} is there already and is no link to a port")
        self._master, slave = os.openpty()
        try:
            tty.setraw(slave)
            self.port = os.ttyname(slave)
            fresh = link.with_name(f".{link.name}.{os.getpid()}")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self.port)
            fresh.replace(link)
        except OSError:
            os.close(self._master)
            raise
        finally:
            os.close(slave)  # from now on a hang-up says that nobody has the port open
        os.set_blocking(self._master, False)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.drain()
        with contextlib.suppress(OSError):
            if self._link.is_symlink() and os.readlink(self._link) == self.port:
                self._link.unlink()
        os.close(self._master)

    def open(self) -> bool:
        """Whether a reader has opened the port."""
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    def speed(self) -> int | None:
        """The bit rate that the reader has set, None if unknown."""
        set_to = termios.tcgetattr(self._master)[5]
        return next((baud for baud, flag in SPEEDS.items() if flag == set_to), None)

    def wait_open(self) -> bool:
        """Wait for a reader. False: the meter is to stop."""
        while not self._stopping():
            if self.open():
                return True
            time.sleep(0.05)
        return False

    def sleep_until(self, moment: float) -> bool:
        """Wait for a moment of time.monotonic(). False: the meter is to stop."""
        while not self._stopping():
            left = moment - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, 0.1))
        return False

    def send(self, data: bytes, bytes_per_s: float) -> bool:
        """Send at a pace. False: the reader went away, so the telegram was not sent whole.

        A stop does not end it, unless the reader has read nothing for STUCK_S.
        """
        piece = max(1, int(bytes_per_s * PIECE_S))
        began, sent, last = time.monotonic(), 0, time.monotonic()
        while sent < len(data):
            due = began + sent / bytes_per_s
            now = time.monotonic()
            if due > now:
                time.sleep(due - now)
            if not self.open():
                return False
            try:
                sent += os.write(self._master, data[sent : sent + piece])
                last = time.monotonic()
            except BlockingIOError:
                if self._stopping() and time.monotonic() - last > STUCK_S:
                    return False
                time.sleep(0.01)
            except OSError:  # the reader closed between the question and the write
                return False
        return True

    def receive(self, seconds: float) -> bytes:
        """The reader's bytes, b"" after so many seconds without, or without a reader."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return b""
        try:
            return os.read(self._master, 4096)
        except OSError:  # EIO: nobody has the port open
            time.sleep(min(seconds, 0.05))
            return b""

    def drain(self) -> None:
        """Wait until the reader has read everything, because closing this end discards the rest."""
        end = time.monotonic() + STUCK_S
        empty = 0
        while self.open() and time.monotonic() < end:
            try:
                port = os.open(self.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            except OSError:
                return
            try:
                left = struct.unpack("i", fcntl.ioctl(port, termios.FIONREAD, bytes(4)))[0]
            finally:
                os.close(port)
            # The kernel hands bytes on a moment after they were written: empty once is not read.
            empty = empty + 1 if left == 0 else 0
            if empty == 5:
                return
            time.sleep(0.02)
