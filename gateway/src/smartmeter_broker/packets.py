"""Between a connection and amqtt: whole packets of bounded size and rate."""

import asyncio
import ssl

from amqtt.adapters import ReaderAdapter, WriterAdapter  # type: ignore[import-untyped]

from .budget import Budget
from .connect_packet import CONNECT_TYPE, Malformed
from .retained import RetainedBound
from .rights import METER, PROCESS, Login
from .throttled_log import ThrottledLog

CONNECT_BYTES = 70_000  # a last will may have 65 535
_OTHER_BYTES = 8_000  # of packets that carry no message; a SUBSCRIBE is the longest
_PUBLISH_BYTES = 2_000_000  # the longest that the chain sends has half of that
_METER_BYTES = 65_536  # what the Concentrator takes from an adapter is shorter still
_QOS_2_OPEN = 100  # messages at QoS 2 without their PUBREL
_UNREAD_S = 20.0  # that a client may leave data unread, once the buffers are full

_PUBLISH, _PUBREL = 0x30, 0x60
# PUBLISH, PUBACK to PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT
_FROM_CLIENTS = {0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0xA0, 0xC0, 0xE0}


class PacketReader(ReaderAdapter):  # type: ignore[misc]
    """Call connect_packet() first, then begin(); from then on amqtt reads.

    A packet beyond a bound ends the connection: amqtt then sees the end of the stream.
    amqtt may cancel a read at any time, so a packet is removed as a whole or not at all.
    """

    def __init__(self, stream: asyncio.StreamReader, log: ThrottledLog) -> None:
        self._stream = stream
        self._log = log
        self._received = bytearray()
        self._packet = memoryview(b"")  # the part of the current one that amqtt has not read
        self._login: Login | None = None
        self._budget = Budget()
        self._retained = RetainedBound()
        self._qos_2: set[bytes] = set()
        self._idle_s: float | None = None
        self._heard = 0.0
        self.ended = asyncio.Event()

    async def connect_packet(self) -> bytes:
        """The first packet without its fixed header. Raises Malformed, EOFError, OSError."""
        while not self._received:
            await self._fill()
        if self._received[0] != CONNECT_TYPE:
            raise Malformed("its first packet is not CONNECT")
        packet = await self._whole(CONNECT_BYTES)
        self._drop(len(packet))
        return bytes(packet[_head_bytes(packet) :])

    def begin(
        self,
        first: bytes,
        login: Login,
        keep_alive: int,
        budget: Budget,
        retained: RetainedBound,
    ) -> None:
        """Let amqtt read; it gets the packet `first` before everything else."""
        self._packet = memoryview(first)
        self._login = login
        self._budget = budget
        self._retained = retained
        self._idle_s = 1.5 * keep_alive if keep_alive else None  # 3.1.2-24
        self._heard = asyncio.get_running_loop().time()

    async def read(self, n: int = -1) -> bytes:
        if n > len(self._packet):
            if len(self._packet):
                self._end("malformed", "sent a packet shorter than its fields")
            elif not self.ended.is_set():
                await self._next()
        if self.ended.is_set():
            return b""
        taken, self._packet = self._packet[:n], self._packet[n:]
        return bytes(taken)

    def feed_eof(self) -> None:
        self._stream.feed_eof()

    async def _next(self) -> None:
        assert self._login is not None
        try:
            while not self._received:
                await self._fill()
            kind = self._received[0] & 0xF0
            limit = _OTHER_BYTES
            if kind == _PUBLISH:
                limit = _METER_BYTES if self._login.role == METER else _PUBLISH_BYTES
            packet = await self._whole(limit)
            self._look_at(kind, packet)
            if self._login.role != PROCESS:
                await self._budget.spend(len(packet))
                self._heard = asyncio.get_running_loop().time()
        except Malformed as why:
            self._end("malformed", str(why))
        except TimeoutError:
            self._end("idle", "was silent for longer than its keep-alive time")
        except (EOFError, OSError):
            self.ended.set()
        else:
            self._drop(len(packet))
            self._packet = memoryview(packet)

    def _end(self, kind: str, why: str) -> None:
        name = self._login.name if self._login else "a client"
        self._log.warning(kind, f"{name} {why}; its connection ends")
        self.ended.set()

    async def _fill(self) -> None:
        """Wait for more bytes. Raises EOFError, TimeoutError, OSError."""
        until = self._heard + self._idle_s if self._idle_s else None
        async with asyncio.timeout_at(until):
            data = await self._stream.read(65_536)
        if not data:
            raise EOFError
        self._heard = asyncio.get_running_loop().time()
        self._received += data

    async def _whole(self, limit: int) -> bytearray:
        """A copy of the first packet in the buffer, once it is complete."""
        while (size := _size(self._received)) is None:
            await self._fill()
        if size > limit:
            raise Malformed(f"sent a packet of {size} bytes, the limit is {limit}")
        while len(self._received) < size:
            await self._fill()
        return self._received[:size]

    def _drop(self, size: int) -> None:
        del self._received[:size]

    def _look_at(self, kind: int, packet: bytearray) -> None:
        """Raises Malformed for a packet that amqtt does not handle well."""
        assert self._login is not None
        if kind not in _FROM_CLIENTS:
            raise Malformed("sent a packet of a type that is not for clients")
        body = memoryview(packet)[_head_bytes(packet) :]
        if kind == _PUBREL:
            self._qos_2.discard(bytes(body))
        if kind != _PUBLISH:
            return
        end = 2 + int.from_bytes(body[:2], "big")
        topic, qos = bytes(body[2:end]), packet[0] >> 1 & 3
        if end > len(body) or not topic or topic[:1] == b"$" or set(topic) & set(b"#+\0"):
            raise Malformed("published on a topic that clients may not use")
        if qos == 3:
            raise Malformed("published at QoS 3, which does not exist")
        if qos == 2:
            self._qos_2.add(bytes(body[end : end + 2]))
            if len(self._qos_2) > _QOS_2_OPEN:
                raise Malformed("left too many messages at QoS 2 unfinished")
        if packet[0] & 1 and self._login.role != PROCESS:
            payload = len(body) - end - (2 if qos else 0)
            if not self._retained.takes(self._login.name, topic, payload):
                self._log.warning(
                    "retained",
                    f"{self._login.name} retains too much; the rest is only delivered",
                )
                packet[0] &= 0xFE


class PacketWriter(WriterAdapter):  # type: ignore[misc]
    """Sends to a client, and disconnects one that does not read."""

    def __init__(self, stream: asyncio.StreamWriter, log: ThrottledLog) -> None:
        self._stream = stream
        self._log = log

    def write(self, data: bytes) -> None:
        if not self._stream.transport.is_closing():
            self._stream.write(data)

    async def drain(self) -> None:
        try:
            async with asyncio.timeout(_UNREAD_S):
                await self._stream.drain()
        except TimeoutError:
            self._log.warning("unread", "a client does not read; its connection ends")
            self._stream.transport.abort()

    def get_peer_info(self) -> tuple[str, int] | None:
        peer = self._stream.get_extra_info("peername")
        return (peer[0], peer[1]) if peer else ("unknown", 0)

    def get_ssl_info(self) -> ssl.SSLObject | None:
        found: ssl.SSLObject | None = self._stream.get_extra_info("ssl_object")
        return found

    async def close(self) -> None:
        self._stream.close()


def _size(received: bytearray) -> int | None:
    """Bytes of the first packet with its fixed header (2.2.3); None while that is incomplete."""
    size = 0
    for i, byte in enumerate(received[1:5]):
        size |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return size + 2 + i
    if len(received) >= 5:
        raise Malformed("sent a length that does not end")
    return None


def _head_bytes(packet: bytearray) -> int:
    """Bytes of the fixed header of a whole packet."""
    return next(i for i in range(2, 6) if packet[i - 1] < 0x80)
