"""An MQTT 3.1.1 client in bulk: what loads a chain must cost less than the chain.

paho handles one packet at a time, which costs ten times as much. For the benches alone: it trusts
its broker, and has no reconnect, no TLS and no other thread. Sections are of MQTT 3.1.1.
"""

import socket
from collections.abc import Iterator
from typing import NamedTuple

_CONNACK, _PUBLISH, _PUBACK = 2, 3, 4


class Publish(NamedTuple):
    topic: str
    payload: bytes
    packet_id: bytes  # two bytes as in the packet, b"" at QoS 0


class Control(NamedTuple):
    """Any other packet: its type (2.2.1) and what is behind the fixed header."""

    kind: int
    body: bytes


def publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """A PUBLISH packet of QoS 1."""
    return _packet(0x32, _text(topic) + packet_id.to_bytes(2, "big") + payload)


def puback(packet_id: bytes) -> bytes:
    return b"\x40\x02" + packet_id


def _packet(first: int, body: bytes) -> bytes:
    """The fixed header with the remaining length (2.2.3), and the body."""
    head = bytearray([first])
    size = len(body)
    while size > 127:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


class Connection:
    """A connected client. clean: whether the broker forgets it when it is gone."""

    def __init__(self, port: int, client_id: str, clean: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        flags = b"\x02" if clean else b"\x00"
        self.socket.sendall(
            _packet(0x10, _text("MQTT") + b"\x04" + flags + b"\x00\x00" + _text(client_id))
        )
        first = self.arrived()[0]
        assert isinstance(first, Control)
        assert first.kind == _CONNACK
        self.socket.settimeout(None)

    def subscribe(self, topic: str) -> None:
        self.socket.sendall(_packet(0x82, b"\x00\x01" + _text(topic) + b"\x01"))

    def arrived(self) -> list[Publish | Control]:
        """The packets of one read; EOFError if the connection ended."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError
        return list(self._packets(data))

    def acknowledged(self) -> int:
        """How many PUBACKs came in one read."""
        return sum(
            isinstance(packet, Control) and packet.kind == _PUBACK for packet in self.arrived()
        )

    def _packets(self, data: bytes) -> Iterator[Publish | Control]:
        buffer = self._buffer + data
        at, end = 0, len(buffer)
        while end - at >= 2:
            body, size, shift = at + 1, 0, 0
            while body < end and buffer[body] > 127:
                size |= (buffer[body] & 0x7F) << shift
                body, shift = body + 1, shift + 7
            if body == end:
                break
            size |= buffer[body] << shift
            body += 1
            stop = body + size
            if stop > end:
                break
            first = buffer[at]
            if first >> 4 == _PUBLISH:
                topic = body + 2
                rest = topic + (buffer[body] << 8 | buffer[body + 1])
                payload = rest + 2 if first & 0x06 else rest
                yield Publish(
                    buffer[topic:rest].decode(), buffer[payload:stop], buffer[rest:payload]
                )
            else:
                yield Control(first >> 4, buffer[body:stop])
            at = stop
        self._buffer = buffer[at:]
