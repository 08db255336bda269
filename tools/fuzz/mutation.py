"""Damage that a bad line, a broken meter or an attacker may do to bytes."""

from collections.abc import Callable
from random import Random

# Bytes that mean something to a link or a list: starts, ends, lengths, tags, digits, brackets.
_TELLING = bytes.fromhex(
    "00 01 02 03 04 05 06 09 0a 0c 0d 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 20 21 28 29 2a 2e 2f"
    "30 39 50 52 53 5b 62 65 68 70 71 72 76 77 7e 7f 80 81 82 83 84 a0 a7 a8 db df e0 e5 e6 f0 ff"
)
_LONGEST = 64  # bytes of a piece that is removed, doubled or invented


def mutate(rng: Random, data: bytes, donor: bytes) -> bytes:
    """data with one to four damages; donor: another telegram of the same meter."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        rng.choice(_DAMAGES)(rng, damaged, donor)
    return bytes(damaged)


def _flip_bit(rng: Random, data: bytearray, donor: bytes) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set_byte(rng: Random, data: bytearray, donor: bytes) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _set_telling(rng: Random, data: bytearray, donor: bytes) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice(_TELLING)


def _step_byte(rng: Random, data: bytearray, donor: bytes) -> None:
    """One more or less: the most likely error of a count or a length."""
    if data:
        at = rng.randrange(len(data))
        data[at] = (data[at] + rng.choice((-2, -1, 1, 2))) & 0xFF


def _swap(rng: Random, data: bytearray, donor: bytes) -> None:
    if data:
        a, b = rng.randrange(len(data)), rng.randrange(len(data))
        data[a], data[b] = data[b], data[a]


def _piece(rng: Random, data: bytearray) -> tuple[int, int]:
    at = rng.randrange(len(data) + 1)
    return at, min(len(data), at + rng.choice((1, 1, 2, 3, 4, 8, rng.randrange(1, _LONGEST))))


def _take_out(rng: Random, data: bytearray, donor: bytes) -> None:
    at, stop = _piece(rng, data)
    del data[at:stop]


def _double(rng: Random, data: bytearray, donor: bytes) -> None:
    at, stop = _piece(rng, data)
    data[stop:stop] = data[at:stop]


def _put_in(rng: Random, data: bytearray, donor: bytes) -> None:
    at, stop = _piece(rng, data)
    data[at:at] = rng.randbytes(stop - at or 1)


def _burst(rng: Random, data: bytearray, donor: bytes) -> None:
    at, stop = _piece(rng, data)
    data[at:stop] = rng.randbytes(stop - at)


def _blank(rng: Random, data: bytearray, donor: bytes) -> None:
    at, stop = _piece(rng, data)
    data[at:stop] = bytes((rng.choice((0x00, 0xFF, 0x7E, 0x20)),)) * (stop - at)


def _cut(rng: Random, data: bytearray, donor: bytes) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _behead(rng: Random, data: bytearray, donor: bytes) -> None:
    del data[: rng.randrange(len(data) + 1)]


def _splice(rng: Random, data: bytearray, donor: bytes) -> None:
    """The meter's next telegram continues where this one stopped, mostly at the same place."""
    at = rng.randrange(len(data) + 1)
    data[at:] = donor[at if rng.random() < 0.7 else rng.randrange(len(donor) + 1) :]


_DAMAGES: tuple[Callable[[Random, bytearray, bytes], None], ...] = (
    _flip_bit,
    _flip_bit,
    _set_byte,
    _set_byte,
    _set_telling,
    _set_telling,
    _step_byte,
    _step_byte,
    _swap,
    _take_out,
    _double,
    _put_in,
    _burst,
    _blank,
    _cut,
    _behead,
    _splice,
)


def pieces(rng: Random, data: bytes) -> list[bytes]:
    """data as it may arrive: at once, byte by byte, or cut anywhere."""
    way = rng.randrange(32)
    if way < 16:
        return [data]
    if way == 16:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 8)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
