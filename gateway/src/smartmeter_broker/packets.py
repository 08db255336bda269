"""Between a connection and amqtt: whole packets of bounded size and rate.

amqtt's own classes read and write every packet here, too.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterator
from typing import Any

from amqtt.adapters import (  # type: ignore[import-untyped]
    BufferReader,
    ReaderAdapter,
    WriterAdapter,
)
from amqtt.mqtt import packet as types  # type: ignore[import-untyped]
from amqtt.mqtt import packet_class
from amqtt.mqtt.connack import UNACCEPTABLE_PROTOCOL_VERSION  # type: ignore[import-untyped]
from amqtt.mqtt.connect import (  # type: ignore[import-untyped]
    ConnectPacket,
    ConnectVariableHeader,
)
from amqtt.mqtt.puback import PubackPacket  # type: ignore[import-untyped]
from amqtt.mqtt.publish import PublishPacket  # type: ignore[import-untyped]
from amqtt.mqtt.pubrel import PubrelPacket  # type: ignore[import-untyped]

from .admission import Refused
from .budget import Budget
from .held_acknowledgements import Publisher
from .retained_limit import RetainedLimit
from .rights import METER, PROCESS, Login
from .throttled_log import ThrottledLog

_CONNECT_BYTES = 70_000  # a last will may have 65 535
_OTHER_BYTES = 8_000  # of packets that carry no message; a SUBSCRIBE is the longest
_PUBLISH_BYTES = 2_000_000  # the longest that the chain sends has half of that
_METER_BYTES = 65_536  # what the Concentrator takes from an adapter is shorter still
_HEADER_BYTES = 5  # the longest fixed header
_QOS_2_OPEN = 100  # messages at QoS 2 without their PUBREL

_SPOKEN = ConnectVariableHeader()  # its defaults: MQTT 3.1.1
_FROM_CLIENTS = {
    types.PUBLISH,
    types.PUBACK,
    types.PUBREC,
    types.PUBREL,
    types.PUBCOMP,
    types.SUBSCRIBE,
    types.UNSUBSCRIBE,
    types.PINGREQ,
    types.DISCONNECT,
}


class Malformed(ValueError):
    """A packet that MQTT or a bound forbids; the connection ends without an answer (4.8.0-1)."""


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
        self._retained = RetainedLimit()
        self._publisher: Publisher | None = None
        self._on_acknowledged: Callable[[int], None] = lambda _: None
        self._qos_2: set[int] = set()
        self._idle_s: float | None = None
        self._heard = 0.0
        self.ended = asyncio.Event()

    async def connect_packet(self) -> ConnectPacket:
        """The first packet. Raises Malformed, EOFError, OSError; Refused for another version."""
        header, body, size = await self._whole(_most_of_first)
        self._drop(size)
        connect = await _parsed(header, body)
        if connect.proto_level != _SPOKEN.proto_level:
            raise Refused(
                UNACCEPTABLE_PROTOCOL_VERSION,
                "a client speaks another version of MQTT than 3.1.1",
            )
        if connect.client_id_is_random:
            connect.client_id = ""
        _written(connect, body)
        texts = (connect.client_id, connect.username or "", connect.will_topic or "")
        bad_will = connect.will_qos == 3 or (
            not connect.will_flag and (connect.will_qos or connect.will_retain_flag)
        )
        if (
            connect.proto_name != _SPOKEN.proto_name
            or connect.reserved_flag
            or bad_will
            or (connect.password_flag and not connect.username_flag)
            or any("\0" in text for text in texts)
        ):
            raise Malformed("sent a CONNECT that contradicts itself")
        return connect

    def begin(
        self,
        connect: ConnectPacket,
        login: Login,
        budget: Budget,
        retained: RetainedLimit,
        publisher: Publisher,
        on_acknowledged: Callable[[int], None],
    ) -> None:
        """Let amqtt read; it gets `connect` before everything else.

        on_acknowledged: gets the packet id of each message that this process acknowledges.
        """
        self._packet = memoryview(connect.to_bytes())
        self._login = login
        self._budget = budget
        self._retained = retained
        self._publisher = publisher
        self._on_acknowledged = on_acknowledged
        self._idle_s = 1.5 * connect.keep_alive if connect.keep_alive else None  # 3.1.2-24
        self._heard = asyncio.get_running_loop().time()

    async def read(self, n: int = -1) -> bytes:
        if n > len(self._packet) and not self.ended.is_set():
            await self._next()
        if self.ended.is_set():
            return b""
        taken, self._packet = self._packet[:n], self._packet[n:]
        return bytes(taken)

    def feed_eof(self) -> None:
        self._stream.feed_eof()

    async def _next(self) -> None:
        assert self._login is not None
        assert self._publisher is not None
        try:
            header, body, size = await self._whole(self._most)
            packet = await _parsed(header, body)
            written = _written(packet, body)
            self._check(packet)
            if not self._may_retain(packet):
                packet.retain_flag = False
                written = packet.to_bytes()
            if self._login.role != PROCESS:
                await self._budget.spend(size)
                await self._publisher.room()
                self._heard = asyncio.get_running_loop().time()
        except Malformed as why:
            self._end("malformed", str(why))
        except TimeoutError:
            self._end("idle", "was silent for longer than its keep-alive time")
        except (EOFError, OSError):
            self.ended.set()
        else:
            self._drop(size)
            self._packet = memoryview(written)
            if self._login.role != PROCESS:
                if isinstance(packet, PublishPacket):
                    self._publisher.published(packet)
            elif isinstance(packet, PubackPacket):
                self._on_acknowledged(packet.packet_id)

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

    async def _whole(self, most: Callable[[Any], int]) -> tuple[Any, bytes, int]:
        """The first packet in the buffer, once it is complete: its header, the rest, its size.

        most(header): the bytes that such a packet may have. It stays in the buffer.
        """
        while True:
            start = bytes(self._received[:_HEADER_BYTES])
            reader = BufferReader(start)
            with _amqtt_s_errors():
                header = await types.MQTTFixedHeader.from_stream(reader)
            if header:
                break
            await self._fill()
        at = len(start) - len(await reader.read())
        size = at + header.remaining_length
        if size > (limit := most(header)):
            raise Malformed(f"sent a packet of {size} bytes, the limit is {limit}")
        while len(self._received) < size:
            await self._fill()
        return header, bytes(self._received[at:size]), size

    def _drop(self, size: int) -> None:
        del self._received[:size]

    def _most(self, header: Any) -> int:
        assert self._login is not None
        if header.packet_type not in _FROM_CLIENTS:
            raise Malformed("sent a packet of a type that is not for clients")
        if header.packet_type != types.PUBLISH:
            return _OTHER_BYTES
        return _METER_BYTES if self._login.role == METER else _PUBLISH_BYTES

    def _check(self, packet: Any) -> None:
        """Raises Malformed for a packet that amqtt does not handle well."""
        if isinstance(packet, PubrelPacket):
            self._qos_2.discard(packet.packet_id)
        if not isinstance(packet, PublishPacket):
            return
        topic = packet.topic_name
        if not topic or topic.startswith("$") or "\0" in topic:
            raise Malformed("published on a topic that clients may not use")
        if packet.qos == 3:
            raise Malformed("published at QoS 3, which does not exist")
        if packet.qos == 2:
            self._qos_2.add(packet.packet_id)
            if len(self._qos_2) > _QOS_2_OPEN:
                raise Malformed("left too many messages at QoS 2 unfinished")

    def _may_retain(self, packet: Any) -> bool:
        assert self._login is not None
        if not isinstance(packet, PublishPacket) or not packet.retain_flag:
            return True
        name, role = self._login.name, self._login.role
        if role == PROCESS or self._retained.takes(name, packet.topic_name, len(packet.data)):
            return True
        self._log.warning("retained", f"{name} retains too much; the rest is only delivered")
        return False


def _most_of_first(header: Any) -> int:
    if header.packet_type != types.CONNECT or header.flags:
        raise Malformed("its first packet is not CONNECT")
    return _CONNECT_BYTES


async def _parsed(header: Any, body: bytes) -> Any:
    """A packet as an object of amqtt's. Raises Malformed."""
    with _amqtt_s_errors():
        return await packet_class(header).from_stream(BufferReader(body), header)


def _written(packet: Any, body: bytes) -> bytes:
    """The packet's bytes as amqtt writes them, which must be what the client sent.

    Otherwise amqtt has read past a field that is cut off, a text that is not UTF-8, or bytes
    after the last field. It would take these for a packet that nobody has checked.
    """
    with _amqtt_s_errors():
        written: bytes = packet.to_bytes()
    if packet.fixed_header.remaining_length != len(body) or not written.endswith(body):
        raise Malformed("sent a packet whose fields do not fill it, or a text that is not UTF-8")
    return written


@contextlib.contextmanager
def _amqtt_s_errors() -> Iterator[None]:
    """amqtt lets many exceptions out for a malformed packet, struct.error for one."""
    try:
        yield
    except Exception as why:
        raise Malformed("sent a malformed packet") from why


class PacketWriter(WriterAdapter):  # type: ignore[misc]
    """Sends to a client, and disconnects one that does not read."""

    def __init__(
        self,
        stream: asyncio.StreamWriter,
        publisher: Publisher,
        unread_s: float,
        log: ThrottledLog,
    ) -> None:
        self._stream = stream
        self._publisher = publisher
        self._unread_s = unread_s
        self._log = log

    def write(self, data: bytes) -> None:
        if self._publisher.passes(data) and not self._stream.transport.is_closing():
            self._stream.write(data)

    async def drain(self) -> None:
        try:
            async with asyncio.timeout(self._unread_s):
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
