"""A connection without TLS, where the settings switch it off."""

import errno

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any


class Plain:
    """The interface of a TLS socket, over a Wire of connection.py: whole reads and writes."""

    def __init__(self, wire: "Any") -> None:
        self._wire = wire

    def read(self, n: int) -> bytes | None:
        data = bytearray(n)
        view = memoryview(data)
        at = 0
        while at < n:
            got: "int | None" = self._wire.readinto(view[at:])
            if got is None:
                return None
            if got <= 0:
                break
            at += got
            self._wire.blocking = True  # the rest belongs to what has begun
        return bytes(view[:at])

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            n = self._wire.write(view)
            if n <= 0:
                raise OSError(errno.ECONNRESET)
            view = view[n:]

    def close(self) -> None:
        self._wire.close()
