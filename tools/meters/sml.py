"""SML over the optical port of German meters (BSI TR-03109-1, annex IV; FNN basic meters)."""

from __future__ import annotations

from dataclasses import dataclass

from . import axdr, crc, quantities
from .form import Form, Moment, Values

ESCAPE = b"\x1b" * 4
BEGIN = b"\x01" * 4
OPEN_RESPONSE, GET_LIST_RESPONSE, CLOSE_RESPONSE = 0x0101, 0x0701, 0x0201

ABSENT = b"\x01"
OCTETS, INTEGER, UNSIGNED, LIST = 0x00, 0x50, 0x60, 0x70


@dataclass(frozen=True)
class Entry:
    """One entry of the list: a quantity at a resolution.

    bytes: the integer's width, 0: as few as needed; signed: its type.
    """

    code: str
    exponent: int
    bytes: int = 0
    signed: bool = True
    status: bool = False


def _head(kind: int, size: int) -> bytes:
    """A type-length field. size: bytes of the value, or elements of a list."""
    total = size if kind == LIST else size + 1
    if total < 16:
        return bytes((kind | total,))
    if kind != LIST:
        total = size + 2  # the length counts the type-length bytes, too
    return bytes((0x80 | kind | total >> 4, total & 0x0F))


def octets(data: bytes) -> bytes:
    return _head(OCTETS, len(data)) + data


def unsigned(value: int, width: int = 0) -> bytes:
    width = width or max(1, (value.bit_length() + 7) // 8)
    return _head(UNSIGNED, width) + value.to_bytes(width, "big")


def integer(value: int, width: int = 0) -> bytes:
    """A signed integer in width bytes, 0: as few as needed, three and five included."""
    spare = value if value >= 0 else ~value
    width = width or spare.bit_length() // 8 + 1
    return _head(INTEGER, width) + value.to_bytes(width, "big", signed=True)


def sequence(*parts: bytes) -> bytes:
    return _head(LIST, len(parts)) + b"".join(parts)


def checksum_of(data: bytes, kind: str) -> bytes:
    """The CRC as it stands on the wire.

    kind: "x25", least significant byte first; "kermit", most significant first, as the Holley
    DTZ541 has it for messages and transport alike.
    """
    if kind == "x25":
        return crc.x25(data).to_bytes(2, "little")
    if kind == "kermit":
        return crc.kermit(data).to_bytes(2, "big")
    raise ValueError(f"there is no SML checksum {kind!r}: it is x25 or kermit")


def message(transaction: bytes, tag: int, content: bytes, checksum: str = "x25") -> bytes:
    """One SML message with its own CRC and its end."""
    body = (
        _head(LIST, 6)
        + octets(transaction)
        + unsigned(0)
        + unsigned(0)
        + sequence(unsigned(tag, 2), content)
    )
    return body + _head(UNSIGNED, 2) + checksum_of(body, checksum) + b"\x00"


def transport(messages: bytes, checksum: str = "x25") -> bytes:
    """Transport version 1: escapes, fill bytes to a multiple of four, and the file's CRC."""
    fill = -len(messages) % 4
    padded = messages + bytes(fill)
    escaped, at = bytearray(), 0
    while at < len(padded):
        if padded[at : at + 4] == ESCAPE:
            escaped += ESCAPE + ESCAPE
            at += 4
        else:
            escaped.append(padded[at])
            at += 1
    wire = ESCAPE + BEGIN + bytes(escaped) + ESCAPE + bytes((0x1A, fill))
    return wire + checksum_of(wire, checksum)


@dataclass(frozen=True, kw_only=True)
class SmlForm(Form):
    """A GetListResponse between an OpenResponse and a CloseResponse.

    integers: "entry" (each entry's own width), "short" (fewest bytes, so odd widths occur), or
    "wide" (eight bytes); checksum: see checksum_of; unsigned_quirk: positive values written into a
    signed type without their sign bit, as DZG's DVS74 does; escapes: the list name holds the
    escape sequence, so that it is doubled on the wire; value_time: each entry says its second.
    """

    entries: tuple[Entry, ...] = ()
    manufacturer: str = "EMH"
    serial: int = 12_345_678
    integers: str = "entry"
    checksum: str = "x25"
    unsigned_quirk: bool = False
    escapes: bool = False
    value_time: bool = False
    public_key: bool = False

    def server_id(self, seed: int) -> bytes:
        """The device identification of DIN 43863-5: 0A 01, the maker, block 00, the number."""
        number = (self.serial + seed) & 0xFFFFFFFF
        return b"\x0a\x01" + self.manufacturer.encode() + b"\x00" + number.to_bytes(4, "big")

    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        values: Values = {}
        server = self.server_id(moment.seed)
        second = int(moment.now.timestamp()) - 1_577_836_800 & 0xFFFFFFFF
        time = sequence(unsigned(1), unsigned(second, 4))
        rows = [
            self._text_row("1-0:96.50.1.1", self.manufacturer.encode()),
            self._text_row("1-0:96.1.0", server),
        ]
        rows += [self._row(entry, moment, time, values) for entry in self.entries]
        if self.public_key:
            rows.append(self._text_row("129-129:199.130.5", bytes(range(0x30, 0x60))))
        name = bytes.fromhex("0100620affff") + (ESCAPE if self.escapes else b"")
        number = moment.counter & 0xFFFF
        transaction = number.to_bytes(2, "big")
        opened = sequence(ABSENT, ABSENT, octets(transaction), octets(server), time, unsigned(1))
        listed = sequence(
            ABSENT, octets(server), octets(name), time, sequence(*rows), ABSENT, ABSENT
        )
        messages = (
            message(transaction + b"\x01", OPEN_RESPONSE, opened, self.checksum)
            + message(transaction + b"\x02", GET_LIST_RESPONSE, listed, self.checksum)
            + message(transaction + b"\x03", CLOSE_RESPONSE, sequence(ABSENT), self.checksum)
        )
        return transport(messages, self.checksum), values, False

    def _text_row(self, code: str, text: bytes) -> bytes:
        return sequence(
            octets(axdr.obis_bytes(code)), ABSENT, ABSENT, ABSENT, ABSENT, octets(text), ABSENT
        )

    def _row(self, entry: Entry, moment: Moment, time: bytes, values: Values) -> bytes:
        code = entry.code.split(":")[1]
        count = quantities.mantissa(moment.house, code, entry.exponent)
        values[code] = quantities.number(count, entry.exponent)
        return sequence(
            octets(axdr.obis_bytes(entry.code)),
            unsigned(0x1C0104, 4) if entry.status else ABSENT,
            time if self.value_time else ABSENT,
            unsigned(quantities.unit(code)),
            integer(entry.exponent, 1),
            self._number(entry, count),
            ABSENT,
        )

    def _number(self, entry: Entry, count: int) -> bytes:
        width = {"entry": entry.bytes, "short": 0, "wide": 8}[self.integers]
        if self.unsigned_quirk and entry.signed:
            if count < 0:
                return integer(count, 4)
            raw = count.to_bytes(max(1, (count.bit_length() + 7) // 8), "big")
            return _head(INTEGER, len(raw)) + raw
        if entry.signed or count < 0:
            return integer(count, width)
        return unsigned(count, width)
