"""Streams that are not telegrams, and how much of them a receiver keeps."""

from collections.abc import Callable
from random import Random

from smartmeter import Receiver

_SIZES = (300, 2500, 5000, 9000, 20000)
_STARTS = bytes.fromhex("68 10 e5 7e 1b 2f 02 0f db df e6 a0 a7 16 01 00 ff 21 0d 0a 03")


def make(rng: Random, wires: list[bytes]) -> bytes:
    size = rng.choice(_SIZES)
    return rng.choice(_KINDS)(rng, size, wires)[:size]


def _random(rng: Random, size: int, wires: list[bytes]) -> bytes:
    return rng.randbytes(size)


def _starts(rng: Random, size: int, wires: list[bytes]) -> bytes:
    """Only bytes that a telegram may begin with."""
    return bytes(rng.choices(_STARTS, k=size))


def _one_byte(rng: Random, size: int, wires: list[bytes]) -> bytes:
    return bytes((rng.choice(_STARTS),)) * size


def _broken_off(rng: Random, size: int, wires: list[bytes]) -> bytes:
    """Telegrams that all stop at the same place."""
    wire = rng.choice(wires)
    part = wire[: rng.randrange(1, max(2, len(wire) // 2))]
    return part * (size // len(part) + 1)


def _endless(rng: Random, size: int, wires: list[bytes]) -> bytes:
    """A beginning that promises much, and text or zeros that never end it."""
    head = rng.choice(_HEADS)
    fill = rng.choice((b"0", b"\x00", b"1-0:1.8.0(000123.456*kWh)\r\n", b"\x1b", b"\xff"))
    return head + fill * (size // len(fill) + 1)


def _heads(rng: Random, size: int, wires: list[bytes]) -> bytes:
    """Beginning after beginning."""
    made = b""
    while len(made) < size:
        made += rng.choice(_HEADS) + rng.randbytes(rng.randrange(0, 40))
    return made


_HEADS = tuple(
    bytes.fromhex(text)
    for text in (
        "68fafa68",  # M-Bus, the longest L
        "68010168",  # an L that may have overflowed
        "10",
        "7ea7ff",  # HDLC, the longest length
        "7eafffcf0223",
        "1b1b1b1b01010101",
        "1b1b1b1b1b1b1b1b",
        "2f495348355c32",  # "/ISH5\2": an identification
        "2f4c475a350d0a0d0a",
        "2f4c475a350d0a02",  # a readout of IEC 62056-21
        "2f504c4e350d0a0d0a008208ff30",  # the Polish encrypted block
        "02302e302e3028",
        "0f000000010c",
        "0f00000001000282ffff",  # a list of 65 535 elements
        "db084b464d1020000007827fff21",
        "e6e7000f0000000100",
        "0204090c",
    )
)

_KINDS: tuple[Callable[[Random, int, list[bytes]], bytes], ...] = (
    _random,
    _starts,
    _one_byte,
    _broken_off,
    _endless,
    _heads,
)

# What a receiver keeps about a meter, as opposed to the stream.
_LEARNED = {
    "key",
    "auth_key",
    "_ciphering",
    "counters",
    "plans",
    "profile",
    "rows",
    "times",
    "zone",
    "extras",
}


def held(receiver: Receiver) -> int:
    """Bytes of the stream that a receiver keeps, in any of its parts."""
    return _held(receiver, 0)


def _held(node: object, depth: int) -> int:
    if isinstance(node, (bytes, bytearray)):
        return len(node)
    if isinstance(node, dict):
        return sum(_held(child, depth) for child in node.values())
    if isinstance(node, (list, tuple)):
        return sum(_held(child, depth) for child in node)
    if type(node).__module__.split(".")[0] != "smartmeter" or depth > 4:
        return 0
    return sum(_held(v, depth + 1) for k, v in vars(node).items() if k not in _LEARNED)
