"""MQTT control packets as bytes. Section numbers are of OASIS MQTT 5.0."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

V311 = 4  # protocol level, 3.1.2.2
V5 = 5

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14

PINGREQ_PACKET = b"\xc0\x00"
DISCONNECT_PACKET = b"\xe0\x00"  # reason 0 may be left out in both versions, 3.14.2.1

# Properties of 2.2.2.2 that a broker may send us: identifier -> bytes of its value; 0 a
# variable-length integer, -1 a length-prefixed string or bytes, -2 a pair of strings.
_PROPERTY_SIZES = {
    0x01: 1, 0x02: 4, 0x03: -1, 0x08: -1, 0x09: -1, 0x0B: 0, 0x11: 4, 0x12: -1, 0x13: 2,
    0x15: -1, 0x16: -1, 0x1A: -1, 0x1C: -1, 0x1F: -1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1,
    0x25: 1, 0x26: -2, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1,
}  # fmt: skip
SERVER_KEEP_ALIVE = 0x13
RECEIVE_MAXIMUM = 0x21
PACKET_MAXIMUM = 0x27
_SESSION_EXPIRY = 0x11


class ProtocolError(ValueError):
    """The peer does not speak MQTT as it should; the connection is of no more use."""


class Publish(NamedTuple):
    topic: bytes
    payload: bytes
    packet_id: bytes  # two bytes as they stand in the packet, b"" at QoS 0
    retained: bool


class Oversize(NamedTuple):
    """A PUBLISH longer than the parser keeps; its bytes are skipped as they come."""

    packet_id: bytes
    topic: bytes
    size: int  # bytes of the packet behind its fixed header


class Control(NamedTuple):
    """Any other packet: its type (2.1.2) and what is behind the fixed header."""

    kind: int
    body: bytes


Packet = Publish | Oversize | Control


def _length(n: int) -> bytes:
    out = bytearray()
    while True:
        n, low = divmod(n, 128)
        out.append(low | 0x80 if n else low)
        if not n:
            return bytes(out)


def _text(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return len(raw).to_bytes(2, "big") + raw


def connect(
    client_id: str,
    version: int,
    user: str | None,
    password: str | bytes | None,
    keep_alive: int,
    session_seconds: int,
    receive_maximum: int,
    will: tuple[str, bytes] | None = None,
) -> bytes:
    """CONNECT; session_seconds 0 asks for a session that ends with the connection.

    will: (topic, payload), retained and at QoS 1.
    """
    flags = 0 if session_seconds else 0x02
    if will is not None:
        flags |= 0x04 | 0x08 | 0x20
    if user is not None:
        flags |= 0x80
    if password is not None:
        flags |= 0x40
    body = _text("MQTT") + bytes([version, flags]) + keep_alive.to_bytes(2, "big")
    if version == V5:
        properties = struct.pack(">BI", _SESSION_EXPIRY, session_seconds)
        properties += struct.pack(">BH", RECEIVE_MAXIMUM, receive_maximum)
        body += _length(len(properties)) + properties
    body += _text(client_id)
    if will is not None:
        body += (b"\x00" if version == V5 else b"") + _text(will[0]) + _text(will[1])
    if user is not None:
        body += _text(user)
    if password is not None:
        body += _text(password)
    return b"\x10" + _length(len(body)) + body


def subscribe(packet_id: int, topic: str, version: int) -> bytes:
    body = packet_id.to_bytes(2, "big") + (b"\x00" if version == V5 else b"")
    body += _text(topic) + b"\x01"
    return b"\x82" + _length(len(body)) + body


def publish(
    packet_id: int, topic: str, payload: bytes, version: int, retain: bool = False
) -> bytes:
    """A PUBLISH at QoS 1."""
    name = topic.encode()
    head = b"%c%b%c%c%b%c%c" % (
        0x33 if retain else 0x32,
        _length(4 + (version == V5) + len(name) + len(payload)),
        len(name) >> 8,
        len(name) & 0xFF,
        name,
        packet_id >> 8,
        packet_id & 0xFF,
    )
    return head + b"\x00" + payload if version == V5 else head + payload


def puback(packet_ids: list[bytes]) -> bytes:
    """One PUBACK per id, success, as one piece."""
    return b"".join([b"\x40\x02" + packet_id for packet_id in packet_ids])


def properties(body: bytes, at: int) -> dict[int, int | bytes]:
    """The properties that begin at body[at]; of those that repeat, the last."""
    size, at = _variable(body, at)
    end = at + size
    if end > len(body):
        raise ProtocolError("properties are longer than their packet")
    found: dict[int, int | bytes] = {}
    while at < end:
        identifier = body[at]
        form = _PROPERTY_SIZES.get(identifier)
        at += 1
        if form is None:
            raise ProtocolError(f"unknown property {identifier}")
        if form > 0:
            found[identifier] = int.from_bytes(body[at : at + form], "big")
            at += form
        elif form == 0:
            found[identifier], at = _variable(body, at)
        else:
            for _ in range(-form):
                n = int.from_bytes(body[at : at + 2], "big")
                found[identifier] = body[at + 2 : at + 2 + n]
                at += 2 + n
    if at != end:
        raise ProtocolError("a property is longer than the properties")
    return found


def _variable(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for i in range(at, min(at + 4, len(body))):
        value |= (body[i] & 0x7F) << shift
        if body[i] < 0x80:
            return value, i + 1
        shift += 7
    raise ProtocolError("a variable-length integer that does not end")


class Parser:
    """Bytes in any pieces -> packets.

    A packet of more than `limit` bytes is not kept: of a PUBLISH an Oversize tells the topic,
    anything else is a ProtocolError, for the broker has no reason to send it.
    """

    def __init__(self, version: int, limit: int) -> None:
        self.version = version
        self.limit = limit
        self._buffer = b""
        self._skip = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        buffer = self._buffer + data if self._buffer else data
        at = 0
        end = len(buffer)
        five = self.version == V5
        while end - at >= 2:
            first = buffer[at]
            size, body = buffer[at + 1], at + 2
            if size >= 0x80:
                try:
                    size, body = _variable(buffer, at + 1)
                except ProtocolError:
                    if end - at > 4:
                        raise
                    break
            stop = body + size
            if size > self.limit:
                head = self._oversize(buffer, body, first, size)
                if head is None:
                    break
                yield head
                self._skip = max(0, stop - end)
                at = min(stop, end)
                continue
            if stop > end:
                break
            if first & 0xF0 == 0x30:
                if size < 2:
                    raise ProtocolError("a PUBLISH without a topic")
                at = topic_end = body + 2 + (buffer[body] << 8 | buffer[body + 1])
                if first & 0x06:
                    at += 2
                packet_id = buffer[topic_end:at]
                if five and at < stop:
                    skip = buffer[at]
                    if skip < 0x80:
                        at += 1 + skip
                    else:
                        skip, after = _variable(buffer[at:stop], 0)
                        at += after + skip
                if at > stop:
                    raise ProtocolError("a PUBLISH shorter than its topic")
                yield Publish(
                    buffer[body + 2 : topic_end], buffer[at:stop], packet_id, bool(first & 1)
                )
            else:
                yield Control(first >> 4, buffer[body:stop])
            at = stop
        self._buffer = buffer[at:]

    def _oversize(self, buffer: bytes, body: int, first: int, size: int) -> Oversize | None:
        """What is told of a PUBLISH too long to keep, or None while its topic is still coming."""
        if first & 0xF0 != 0x30:
            raise ProtocolError(f"a packet of type {first >> 4} with {size} bytes")
        if len(buffer) < body + 2:
            return None
        topic_end = body + 2 + int.from_bytes(buffer[body : body + 2], "big")
        stop = topic_end + (2 if first & 0x06 else 0)
        if len(buffer) < stop:
            return None
        return Oversize(buffer[topic_end:stop], buffer[body + 2 : topic_end], size)
