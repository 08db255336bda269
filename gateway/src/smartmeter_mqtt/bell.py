"""Wakes a thread that waits in poll()."""

import contextlib
import socket


class Bell:
    """Any thread rings it; the thread that waits polls fileno() and then calls silence()."""

    def __init__(self) -> None:
        self._ear, self._button = socket.socketpair()
        self._ear.setblocking(False)
        self._button.setblocking(False)

    def fileno(self) -> int:
        return self._ear.fileno()

    def ring(self) -> None:
        with contextlib.suppress(OSError):  # full, so it rings already; or closed
            self._button.send(b"!")

    def silence(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._ear.recv(4096)

    def close(self) -> None:
        self._ear.close()
        self._button.close()
