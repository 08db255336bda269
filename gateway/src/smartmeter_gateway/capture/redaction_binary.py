"""Blanks identifying values in binary telegrams: A-XDR, SML, records of EN 13757-3."""

from collections.abc import Collection

from smartmeter.checks.crc import kermit, x25
from smartmeter.dlms import axdr
from smartmeter.dlms.ber import ber_length
from smartmeter.dlms.clock import is_clock
from smartmeter.kmp.decode import SERIAL_NUMBER

from .redaction_text import blank_string, names_meter

_SIZES_OF_NUMBERS = {0x05: 4, 0x06: 4, 0x10: 2, 0x12: 2, 0x14: 8, 0x15: 8}
_KAMSTRUP = b"Kamstrup_"
_TYPE = b"\x01\x01\x60\x01\x01\xff"  # 1-1:96.1.1: the type of a Kamstrup meter, not its number


def apdu(payload: bytes, numbers: Collection[int]) -> bytes:
    """A data-notification or a list with every string blanked except codes and times.

    numbers: values that are a meter's number, sent as such (Kamstrup); those after a code for
    such numbers are known. Rejected if it cannot be read to its end.
    """
    out = bytearray(payload)
    end = len(payload)
    at = _body(payload)
    places: list[int] = []
    if payload[at : at + 3] == b"\x02\x02\x16" and payload[at + 4 : at + 5] == b"\x01":
        _, at = ber_length(payload, at + 5, end)
        while at < end:  # 02 02, then class, code and attribute as they are (EG.D)
            at = axdr.walk(payload, at + 11, end, places)
    else:
        axdr.walk(payload, at, end, places)
    items = [axdr.value(payload, place) for place in places]
    before: axdr.Value = None
    for n, (value, place) in enumerate(zip(items, places, strict=True)):
        if isinstance(value, bytes):
            around = items[max(0, n - 1) : n + 2]
            if not (_is_code(value) or is_clock(value) or _is_half_clock(value, around)):
                kept = _KAMSTRUP in payload and before == _TYPE
                stop = ber_length(payload, place + 1, end)[1]
                out[stop : stop + len(value)] = value if kept else blank_string(value)
        elif isinstance(value, int) and (value in numbers or _names_meter(before)):
            size = _SIZES_OF_NUMBERS.get(payload[place], 0)
            out[place + 1 : place + 1 + size] = bytes(size)
        before = value
    return bytes(out)


def _body(payload: bytes) -> int:
    """The start of the list in a data-notification, 0 for a list alone."""
    if payload[0] != 0x0F:
        return 0
    kind = payload[5]
    return 6 + (0 if kind == 0 else 13 if kind == 0x09 else 12)


def _names_meter(code: "axdr.Value") -> bool:
    return (
        isinstance(code, bytes) and _is_code(code) and names_meter("{}-{}:{}.{}.{}".format(*code))
    )


def _is_code(value: bytes) -> bool:
    return len(value) == 6 and value[0] <= 1 and value[5] == 0xFF


def _is_half_clock(value: bytes, around: "list[axdr.Value]") -> bool:
    """A date (5 bytes) or a time (4), which stand beside each other (KELAG's list)."""
    sizes = {len(other) for other in around if isinstance(other, bytes)}
    if not {4, 5} <= sizes:
        return False
    if len(value) == 5:
        return value[0] == 7 and 1 <= value[2] <= 12
    return len(value) == 4 and value[0] < 24 and value[1] < 60 and value[2] < 60


# SML ----------------------------------------------------------------------------------------

_DZG = b"\x0a\x01DZG"


def sml(payload: bytes) -> bytes:
    """SML messages with servers, keys and numbers blanked, and their CRCs corrected."""
    out = bytearray(payload)
    at = 0
    while at < len(out) and out[at] == 0x76:
        start = at
        at = _sml_element(out, at + 1)
        for _ in range(3):  # group, what to do on an error, body
            at = _sml_element(out, at)
        size = (out[at] & 0x0F) - 1
        if size == 2:
            _sum_again(payload, out, start, at)
        at += size + 2
    return bytes(out)


def _sum_again(payload: bytes, out: bytearray, start: int, at: int) -> None:
    """Corrects a message's CRC if it was right before, by the same kind of sum."""
    for crc in (x25, kermit):
        for order in ("little", "big"):
            before = crc(payload, start, at).to_bytes(2, order)
            if payload[at + 1 : at + 3] == before:
                out[at + 1 : at + 3] = crc(out, start, at).to_bytes(2, order)
                return


def _sml_element(out: bytearray, at: int) -> int:
    """Blanks the octet strings of an element; returns the place of the next one."""
    left = 1
    while left:
        left -= 1
        head = at
        kind = out[at] & 0x70
        size = out[at] & 0x0F
        while out[at] & 0x80:
            at += 1
            size = size << 4 | out[at] & 0x0F
        at += 1
        if kind == 0x70:
            left += size
            continue
        size -= at - head
        if not kind and size > 0:
            value = bytes(out[at : at + size])
            if not _is_name(value):
                out[at : at + size] = _blank_octets(value)
        at += max(size, 0)
    return at


def _is_name(value: bytes) -> bool:
    """A value's OBIS code, or a maker's three letters."""
    return (len(value) == 6 and value[5] == 0xFF) or (len(value) == 3 and value.isalpha())


def _blank_octets(value: bytes) -> bytes:
    """A server's id with its medium and maker only; anything else as zeros of its length."""
    if len(value) == 10 and value[0] in (9, 10) and value[2:5].isalpha():
        serial = bytes(4)
        if value[:5] == _DZG:  # whose numbers tell how its signs are to be read: to the million
            serial = (int.from_bytes(value[6:], "big") // 10**6 * 10**6).to_bytes(4, "big")
        return value[:5] + b"\x00" + serial
    return bytes(len(value))


# EN 13757-3 ---------------------------------------------------------------------------------

_SIZES = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, -1, 6, 0)  # by DIF; -1: the data gives it
_NUMBERS = (0x78, 0x79)  # VIF of the fabrication number and of the identification
_PLAIN_TEXT = 0x7C
_IDENTIFICATION = range(0x08, 0x20)  # VIF FD: access number to error flags, customer among them
_VIF_FD = 0xFD


def records(payload: bytes) -> bytes:
    """Records with numbers, texts and manufacturer-specific data blanked."""
    out = bytearray(payload)
    at = 0
    while at < len(payload):
        dif = payload[at]
        if dif == 0x2F:
            at += 1
            continue
        if dif & 0x0F == 0x0F:  # manufacturer-specific data to the end
            out[at + 1 :] = bytes(len(out) - at - 1)
            break
        at = _behind(payload, at)
        vif = payload[at]
        second = payload[at + 1] & 0x7F if vif == _VIF_FD else -1
        at = _behind(payload, at)
        if vif & 0x7F == _PLAIN_TEXT:
            at += 1 + payload[at]
        size = _SIZES[dif & 0x0F]
        if size < 0:
            size = 1 + payload[at]
            out[at + 1 : at + size] = blank_string(payload[at + 1 : at + size])
        elif vif & 0x7F in _NUMBERS or second in _IDENTIFICATION:
            out[at : at + size] = bytes(size)
        at += size
    return bytes(out)


def _behind(payload: bytes, at: int) -> int:
    """The end of an information block; bit 7 of each byte says that one more follows."""
    while payload[at] & 0x80:
        at += 1
    return at + 1


# KMP ----------------------------------------------------------------------------------------


def registers(payload: bytes) -> bytes:
    """The registers of a heat meter with its serial number 0 (smartmeter/kmp/decode.py)."""
    out = bytearray(payload)
    at = 0
    while at < len(payload):
        size = payload[at + 3]
        start, stop = at + 5, at + 5 + size
        if stop > len(payload):
            raise ValueError("a register is cut off")
        if int.from_bytes(payload[at : at + 2], "big") == SERIAL_NUMBER:
            out[start:stop] = bytes(size)
        at = stop
    return bytes(out)
