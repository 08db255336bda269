"""A-XDR: the encoding of COSEM data in an APDU (IEC 62056-5-3, annex A; tags of clause 9.5)."""

from __future__ import annotations

from collections.abc import Iterable

NULL = b"\x00"

# integers: name -> (tag, bytes, signed)
INTEGERS = {
    "i8": (0x0F, 1, True),
    "i16": (0x10, 2, True),
    "i32": (0x05, 4, True),
    "i64": (0x14, 8, True),
    "u8": (0x11, 1, False),
    "u16": (0x12, 2, False),
    "u32": (0x06, 4, False),
    "u64": (0x15, 8, False),
}


def length(n: int, form: str = "short") -> bytes:
    """A length or count. form: "short" as few bytes as needed, else "81", "82" or "84"."""
    if form == "short":
        form = "" if n < 0x80 else "81" if n < 0x100 else "82"
    if not form:
        return bytes((n,))
    size = {"81": 1, "82": 2, "84": 4}[form]
    return bytes((0x80 | size,)) + n.to_bytes(size, "big")


def integer(kind: str, value: int) -> bytes:
    """An integer of a kind of INTEGERS; OverflowError if it does not fit."""
    tag, size, signed = INTEGERS[kind]
    return bytes((tag,)) + value.to_bytes(size, "big", signed=signed)


def octets(data: bytes) -> bytes:
    return b"\x09" + length(len(data)) + data


def visible(text: str) -> bytes:
    return b"\x0a" + length(len(text)) + text.encode("ascii")


def boolean(value: bool) -> bytes:
    return bytes((0x03, value))


def enum(value: int) -> bytes:
    return bytes((0x16, value))


def structure(items: Iterable[bytes]) -> bytes:
    parts = list(items)
    return b"\x02" + length(len(parts)) + b"".join(parts)


def array(items: Iterable[bytes]) -> bytes:
    parts = list(items)
    return b"\x01" + length(len(parts)) + b"".join(parts)


def scaler_unit(exponent: int, unit: int) -> bytes:
    return structure((integer("i8", exponent), enum(unit)))


def obis_bytes(code: str) -> bytes:
    """Six bytes of "A-B:C.D.E" or "A-B:C.D.E.F"; F is 255 if not given."""
    media, rest = code.split("-")
    channel, rest = rest.split(":")
    parts = [int(part) for part in rest.split(".")]
    if len(parts) == 3:
        parts.append(255)
    return bytes((int(media), int(channel), *parts))
