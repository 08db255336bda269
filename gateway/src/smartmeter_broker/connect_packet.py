"""The CONNECT packet of MQTT 3.1.1 (OASIS, section 3.1) as values, and back as bytes."""

from typing import NamedTuple

CONNECT_TYPE = 0x10
_LEVEL = 4

# Return codes of CONNACK, table 3.1.
ACCEPTED, WRONG_LEVEL, WRONG_CLIENT_ID, UNAVAILABLE, WRONG_PASSWORD, NOT_AUTHORIZED = range(6)


class Malformed(ValueError):
    """The bytes violate MQTT; the connection ends without an answer (3.1.4-1)."""


class Refused(Exception):
    """The broker answers with this return code and ends the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Will(NamedTuple):
    topic: str
    message: bytes
    qos: int
    retain: bool


class Connect(NamedTuple):
    client_id: str
    clean: bool
    keep_alive: int  # seconds, 0 for none
    user: str | None
    password: bytes | None
    will: Will | None


def connack(code: int) -> bytes:
    return bytes([0x20, 2, 0, code])


def parse(body: bytes) -> Connect:
    """Parse what follows the fixed header. Raises Malformed; Refused for other MQTT versions."""
    fields = _Fields(body)
    if fields.data() not in (b"MQTT", b"MQIsdp"):
        raise Malformed("the protocol's name is wrong")
    if fields.number(1) != _LEVEL:
        raise Refused(WRONG_LEVEL, "a client speaks another version of MQTT than 3.1.1")
    flags = fields.number(1)
    keep_alive = fields.number(2)
    client_id = fields.text()
    will = None
    if flags & 0x04:
        will = Will(fields.text(), fields.data(), flags >> 3 & 3, bool(flags & 0x20))
    user = fields.text() if flags & 0x80 else None
    password = fields.data() if flags & 0x40 else None
    bad_will = will.qos == 3 if will else flags & 0x38
    if flags & 0x01 or bad_will or not fields.at_end or (password is not None and user is None):
        raise Malformed("the flags contradict the packet")
    return Connect(client_id, bool(flags & 0x02), keep_alive, user, password, will)


def encode(connect: Connect) -> bytes:
    """The whole packet."""
    flags = 0x02 if connect.clean else 0
    payload = _field(connect.client_id.encode())
    if connect.will:
        flags |= 0x04 | connect.will.qos << 3 | (0x20 if connect.will.retain else 0)
        payload += _field(connect.will.topic.encode()) + _field(connect.will.message)
    if connect.user is not None:
        flags |= 0x80
        payload += _field(connect.user.encode())
    if connect.password is not None:
        flags |= 0x40
        payload += _field(connect.password)
    body = _field(b"MQTT") + bytes([_LEVEL, flags]) + connect.keep_alive.to_bytes(2, "big")
    body += payload
    return bytes([CONNECT_TYPE]) + _length(len(body)) + body


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _length(n: int) -> bytes:
    out = bytearray()
    while True:
        n, low = divmod(n, 128)
        out.append(low | 0x80 if n else low)
        if not n:
            return bytes(out)


class _Fields:
    """Takes one field after the other from the front of a packet."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def _take(self, size: int) -> bytes:
        if self._at + size > len(self._body):
            raise Malformed("the packet is shorter than its fields")
        self._at += size
        return self._body[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def data(self) -> bytes:
        return self._take(self.number(2))

    def text(self) -> str:
        try:
            text = self.data().decode()
        except UnicodeDecodeError:
            raise Malformed("a text is not UTF-8") from None
        if "\0" in text:
            raise Malformed("a text holds the character NUL")
        return text

    @property
    def at_end(self) -> bool:
        return self._at == len(self._body)
