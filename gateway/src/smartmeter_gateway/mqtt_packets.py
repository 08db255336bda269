"""The MQTT packets that a Concentrator needs, of MQTT 5 and 3.1.1, in bulk. No I/O.

Why not a library's: paho needs 150 us and more to take one message in and hand it on, which is
five times all else that is done to a reading here (tools/bench has the figures). What is here is
the client's half with QoS 1 alone: the clauses are of MQTT 5 (mqtt-v5.0-os).
"""

import struct
from typing import NamedTuple

V5 = 5
V311 = 4

CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
SUBACK = 0x90
PINGRESP = 0xD0
DISCONNECT = 0xE0

PINGREQ_PACKET = b"\xc0\x00"
DISCONNECT_PACKET = b"\xe0\x00"

# Bytes of a packet that are kept; of a longer one its head alone, to refuse it by name.
KEPT_MAX = 1 << 20
_HEAD = 600  # topic (at most 3 levels of 64), packet id and some properties

# 2.2.2.2: how long a property's value is; None: a length of two bytes comes first.
_PROPERTY_SIZES: dict[int, int | None] = {
    0x01: 1, 0x02: 4, 0x03: None, 0x08: None, 0x09: None, 0x11: 4, 0x12: None, 0x13: 2,
    0x15: None, 0x16: None, 0x17: 1, 0x18: 4, 0x19: 1, 0x1A: None, 0x1C: None, 0x1F: None,
    0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x26: None, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1,
}  # fmt: skip
RECEIVE_MAXIMUM = 0x21
PACKET_MAXIMUM = 0x27
SERVER_KEEP_ALIVE = 0x13
_SESSION_EXPIRY = 0x11

# 2.4, and 3.2.2.3 of MQTT 3.1.1: what a refusal means.
REASONS = {
    1: "it does not speak this version of MQTT",
    2: "it does not take our client id",
    3: "it is not available",
    4: "user or password is wrong",
    5: "not authorized",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "it does not speak this version of MQTT",
    0x85: "it does not take our client id",
    0x86: "user or password is wrong",
    0x87: "not authorized",
    0x88: "it is not available",
    0x89: "it is busy",
    0x8A: "we are banned",
    0x8B: "it is shutting down",
    0x8D: "keep alive timeout",
    0x8E: "another client with our id has connected",
    0x90: "it does not take our topic",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x97: "quota exceeded",
    0x99: "payload format invalid",
    0x9C: "use another server",
    0x9F: "connection rate exceeded",
}
UNSUPPORTED_VERSION = (1, 0x84)


class ProtocolError(ValueError):
    """What came is no MQTT, or not for a client."""


class Message(NamedTuple):
    """A PUBLISH that came. mid: packet id, 0 at QoS 0. size: of the payload as sent, which is left
    out where it is too long."""

    topic: bytes
    payload: bytes
    mid: int
    retain: bool
    size: int


def reason(code: int) -> str:
    """A refusal in words."""
    return REASONS.get(code, f"code {code}")


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(data)) + data


def connect(
    version: int,
    client_id: str,
    keep_alive: int,
    clean: bool,
    session_expiry: int,
    receive_maximum: int,
    user: str | None,
    password: str | None,
    will: tuple[str, bytes] | None,
) -> bytes:
    """A CONNECT (3.1); the will is retained and of QoS 1."""
    flags = (
        (0x02 if clean else 0)
        | (0x04 | 0x08 | 0x20 if will else 0)
        | (0x40 if password is not None else 0)
        | (0x80 if user is not None else 0)
    )
    body = _text("MQTT") + struct.pack(">BBH", version, flags, keep_alive)
    if version == V5:
        properties = struct.pack(">BI", _SESSION_EXPIRY, session_expiry)
        properties += struct.pack(">BH", RECEIVE_MAXIMUM, receive_maximum)
        body += _varint(len(properties)) + properties
    body += _text(client_id)
    if will:
        body += (b"\x00" if version == V5 else b"") + _text(will[0]) + _text(will[1])
    if user is not None:
        body += _text(user)
    if password is not None:
        body += _text(password)
    return b"\x10" + _varint(len(body)) + body


def subscribe(version: int, mid: int, topic: str) -> bytes:
    """A SUBSCRIBE (3.8) to one filter at QoS 1."""
    body = struct.pack(">H", mid) + (b"\x00" if version == V5 else b"") + _text(topic) + b"\x01"
    return b"\x82" + _varint(len(body)) + body


def publish(version: int, mid: int, topic: str, payload: bytes, retain: bool = False) -> bytes:
    """A PUBLISH (3.3) of QoS 1."""
    name = topic.encode()
    five = version == V5
    head = b"%c%b%c%c%b%c%c" % (
        0x33 if retain else 0x32,
        _varint(4 + five + len(name) + len(payload)),
        len(name) >> 8,
        len(name) & 0xFF,
        name,
        mid >> 8,
        mid & 0xFF,
    )
    return head + b"\x00" + payload if five else head + payload


def pubacks(mids: list[int]) -> bytes:
    """As many PUBACKs (3.4)."""
    return b"".join([b"\x40\x02%c%c" % (mid >> 8, mid & 0xFF) for mid in mids])


def properties_of(body: bytes, at: int) -> tuple[dict[int, int], int]:
    """(the numeric properties at body[at:], where they end)."""
    size, at = _read_varint(body, at)
    end = at + size
    if end > len(body):
        raise ProtocolError("properties longer than their packet")
    found: dict[int, int] = {}
    while at < end:
        identifier = body[at]
        if identifier == 0x0B:  # subscription identifier, a varint
            _, at = _read_varint(body, at + 1)
            continue
        if identifier not in _PROPERTY_SIZES:
            raise ProtocolError(f"unknown property {identifier}")
        length = _PROPERTY_SIZES[identifier]
        at += 1
        if length is None:
            pairs = 2 if identifier == 0x26 else 1
            for _ in range(pairs):
                at += 2 + int.from_bytes(body[at : at + 2], "big")
            continue
        found[identifier] = int.from_bytes(body[at : at + length], "big")
        at += length
    return found, end


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(body) or shift > 21:
            raise ProtocolError("a length that does not end")
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def message(version: int, first: int, body: bytes, size: int) -> Message:
    """The Message in a PUBLISH; size: of the whole body, of which only a head may be there."""
    if len(body) < 2:
        raise ProtocolError("a PUBLISH without topic")
    end = 2 + ((body[0] << 8) | body[1])
    topic = body[2:end]
    mid = 0
    if first & 0x06:
        mid = int.from_bytes(body[end : end + 2], "big")
        end += 2
    if end > len(body):
        raise ProtocolError("a PUBLISH shorter than its topic")
    if version == V5:
        if end < len(body) and not body[end]:
            end += 1
        elif size == len(body):
            _, end = properties_of(body, end)
    kept = size == len(body)
    return Message(topic, body[end:] if kept else b"", mid, bool(first & 1), size - end)


class Splitter:
    """Cuts what a socket gives into packets: (first byte, body, size of the whole body)."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skip = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes, int]]:
        """The packets that are whole by now. Of one longer than KEPT_MAX the body is its head."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        buffer = self._buffer + data if self._buffer else data
        packets = []
        at, end = 0, len(buffer)
        while at + 2 <= end:
            size = buffer[at + 1]
            begin = at + 2
            if size > 0x7F:
                size &= 0x7F
                shift = 7
                while True:
                    if begin >= end or shift > 21:
                        break
                    byte = buffer[begin]
                    begin += 1
                    size |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        shift = 0
                        break
                if shift > 21:
                    raise ProtocolError("a packet's length that does not end")
                if shift:
                    break
            stop = begin + size
            if size > KEPT_MAX:
                if end - begin < min(size, _HEAD):
                    break
                packets.append((buffer[at], buffer[begin : begin + _HEAD], size))
                self._skip = max(0, stop - end)
                at = min(stop, end)
                continue
            if stop > end:
                break
            packets.append((buffer[at], buffer[begin:stop], size))
            at = stop
        self._buffer = buffer[at:]
        return packets
