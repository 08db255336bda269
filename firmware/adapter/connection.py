"""The connection to the broker: TCP, and TLS with a verified peer, under one deadline.

While it waits, it lets the meter's bytes in, so that a broker that hangs costs no telegram.
"""

import asyncio
import errno
import io
import select
import socket
import time

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import tls

    Address = tuple[str, int] | tuple[str, int, int, int]

_SLICE_MS = 20
_CONNECT_MS = 10_000
_READ_MAX = 8192  # the longest message that anybody may send us: a piece of an update
_PASSED_BY = 256  # of a longer one, at a time


class Wire(io.IOBase):
    """A stream over a non-blocking socket that waits, but not beyond `deadline` (ticks_ms).

    meanwhile is called every 20 ms of waiting. With blocking = False a read gives None if
    nothing has come.
    """

    def __init__(self, sock: socket.socket, meanwhile: "Callable[[], None]") -> None:
        self._sock = sock
        self._meanwhile = meanwhile
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.deadline = time.ticks_ms()
        self.late = False
        self.blocking = True
        self._closed = False

    def _wait(self, event: int) -> bool:
        self._poll.modify(self._sock, event)
        while not self._poll.poll(_SLICE_MS):
            try:
                self.pass_time()
            except OSError:
                return False
        return True

    def pass_time(self) -> None:
        """OSError after the deadline."""
        self._meanwhile()
        if time.ticks_diff(self.deadline, time.ticks_ms()) <= 0:
            self.late = True
            raise OSError(errno.ETIMEDOUT)

    def readinto(self, buf: bytearray | memoryview) -> int | None:
        while True:
            n = self._sock.readinto(buf)
            if n is not None or not self.blocking:
                return n
            if not self._wait(select.POLLIN):
                return -errno.ECONNRESET

    def write(self, buf: bytes | memoryview) -> int:
        while True:
            n = self._sock.write(buf)
            if n is not None:
                return n
            if not self._wait(select.POLLOUT):
                return -errno.ECONNRESET

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._poll.unregister(self._sock)
            self._sock.close()

    def ioctl(self, request: int, argument: int) -> int:
        if request == 4:  # close, asked for by the TLS above
            self.close()
            return 0
        return -errno.EINVAL


async def connect(host: str, port: int) -> socket.socket:
    """A non-blocking socket connected to host; OSError otherwise."""
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    sock = socket.socket(*address[:3])
    try:
        sock.setblocking(False)
        await _connected(sock, address[-1])
    except BaseException:
        sock.close()
        raise
    return sock


async def _connected(sock: socket.socket, address: "Address") -> None:
    try:
        sock.connect(address)
    except OSError as why:
        if why.errno != errno.EINPROGRESS:
            raise
    poll = select.poll()
    # The port reports an error only if POLLHUP was asked for (modsocket.c).
    poll.register(sock, select.POLLOUT | select.POLLHUP)
    started = time.ticks_ms()
    while True:
        events = poll.poll(0)
        if events:
            if events[0][1] & (select.POLLERR | select.POLLHUP):
                raise OSError(errno.ECONNREFUSED)
            return
        if time.ticks_diff(time.ticks_ms(), started) > _CONNECT_MS:
            raise OSError(errno.ETIMEDOUT)
        await asyncio.sleep_ms(_SLICE_MS)


class Connection:
    """What umqtt takes for its socket: already open, and encrypted where the settings say so.

    umqtt writes a packet in up to five pieces and then reads; here the pieces go out together,
    as one TLS record, when it reads or flush() is called. umqtt's own time limits are set aside
    (wait_msg() would clear them): allow() sets one for all later calls.
    """

    def __init__(self, sock: socket.socket, meanwhile: "Callable[[], None]") -> None:
        self._wire = Wire(sock, meanwhile)
        self._stream: "Any" = None
        self._out = b""
        self.leaving = False  # close() then sends what is left, the goodbye
        self._looked = time.ticks_ms()
        self.passed_over = 0  # bytes of the last message that was too long to be taken

    def allow(self, ms: int) -> None:
        """From now on, ms for all operations together."""
        self._wire.deadline = time.ticks_add(time.ticks_ms(), ms)

    @property
    def late(self) -> bool:
        """Whether the allowed time was used up."""
        return self._wire.late

    def begin(self, context: "tls.SSLContext | None", host: str) -> None:
        """Shakes hands if the settings ask for TLS: then context is not None."""
        if context:
            self._stream = context.wrap_socket(self._wire, server_hostname=host)
        else:
            from .plain import Plain

            self._stream = Plain(self._wire)

    def write(self, data: bytes, n: int | None = None) -> None:
        self._out += data if n is None else data[:n]

    def flush(self) -> None:
        out, self._out = self._out, b""
        if out:
            self._stream.write(out)

    def read(self, n: int) -> bytes | None:
        """n bytes; b"" instead of a message that is too long, which is read and discarded."""
        if n < 0:  # a stream would read on forever
            raise IndexError("contradictory lengths")
        self.flush()
        if n > _READ_MAX:
            self.passed_over = n
            while n:
                n -= len(self._read(min(n, _PASSED_BY)) or b"")
            return b""
        return self._read(n)

    def _read(self, n: int) -> bytes | None:
        self._look()
        data: bytes | None = self._stream.read(n)
        if data is None:
            return None
        if len(data) < n:
            raise OSError(errno.ECONNRESET)
        return data

    def _look(self) -> None:
        """Checks the time limit and reads the meter, even if more data is always there."""
        now = time.ticks_ms()
        if time.ticks_diff(now, self._looked) > _SLICE_MS:
            self._looked = now
            self._wire.pass_time()

    def setblocking(self, flag: bool) -> None:
        self._wire.blocking = flag

    def settimeout(self, seconds: object) -> None:
        pass

    def connect(self, address: object) -> None:
        pass

    def close(self) -> None:
        try:
            if self.leaving:
                self.leaving = False
                self.flush()
            self._out = b""
            if self._stream:
                self._stream.close()
        except OSError:
            pass
        self._wire.close()
