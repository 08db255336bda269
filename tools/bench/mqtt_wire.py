"""An MQTT 3.1.1 client for mass traffic: a load generator must cost less than the chain.

For the benches only: no reconnect, no TLS, one thread.
"""

import socket

from smartmeter_mqtt import codec

_PACKET_MAX = 1 << 24


def publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """A PUBLISH packet of QoS 1."""
    return codec.publish(packet_id, topic, payload, codec.V311)


class Connection:
    """A connected client."""

    def __init__(self, port: int, client_id: str, clean: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = codec.Parser(codec.V311, _PACKET_MAX)
        self.socket.sendall(
            codec.connect(client_id, codec.V311, None, None, 0, 0 if clean else 1, 0)
        )
        first = self.arrived()[0]
        assert isinstance(first, codec.Control)
        assert first.kind == codec.CONNACK
        self.socket.settimeout(None)

    def subscribe(self, topic: str) -> None:
        self.socket.sendall(codec.subscribe(1, topic, codec.V311))

    def arrived(self) -> list[codec.Packet]:
        """The packets of one read; EOFError if the connection ended."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError
        return list(self._parser.feed(data))

    def acknowledged(self) -> int:
        """How many PUBACKs came in one read."""
        return sum(
            isinstance(packet, codec.Control) and packet.kind == codec.PUBACK
            for packet in self.arrived()
        )
