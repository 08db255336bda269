"""A-XDR (IEC 61334-6) as DLMS sends data (Green Book 4.1.5): one flat loop, no recursion.

values() takes the brackets away: a structure or array leaves nothing but its elements, for
no list of a customer interface needs them to be understood (layouts.py says why). So
neither depth nor a false count can exhaust anything: every element costs at least one
byte, and what is still to come may not be more than the bytes that are left.
"""

from ..fault import LAYOUT, LENGTH, Rejected
from .ciphering import ber_length
from .float754 import decimal_of

NULL = 0x00
ARRAY = 0x01
STRUCTURE = 0x02
BIT_STRING = 0x04
INTEGER = 0x0F  # int8
ENUM = 0x16
OCTETS = 0x09
COMPACT_ARRAY = 0x13
FLOAT32 = 0x17
FLOAT64 = 0x18

# Tags of whole numbers: size in bytes, negative where signed.
_NUMBERS = {
    0x03: 1,  # boolean
    0x05: -4,
    0x06: 4,
    0x0D: 1,  # bcd
    0x0F: -1,
    0x10: -2,
    0x11: 1,
    0x12: 2,
    0x14: -8,
    0x15: 8,
    0x16: 1,  # enum
}
_STRINGS = (0x09, 0x0A, 0x0C)  # octet-string, visible-string, utf8-string
_MOMENTS = {0x19: 12, 0x1A: 5, 0x1B: 4}  # date-time, date, time: the octets without a length


class Scaler:
    """A scaler_unit structure: the value before it counts 10^scaler of unit (Blue Book 4.3.2)."""

    __slots__ = ("scaler", "unit")

    def __init__(self, scaler: int, unit: int | None) -> None:
        self.scaler = scaler
        self.unit = unit


TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Value = int | bytes | tuple[int, int] | Scaler | None


def element(
    data: bytes | bytearray, at: int, end: int, out: "list[Value]", places: list[int]
) -> int:
    """Appends the values of the element at data[at] to out; gives where the next one is."""
    add = out.append
    mark = places.append
    numbers = _NUMBERS
    left = 1
    while left:
        left -= 1
        if at >= end:
            raise Rejected(LENGTH, "the list of values is cut short")
        tag = data[at]
        mark(at)
        at += 1
        size = numbers.get(tag)
        if size:
            if size > 0:
                stop = at + size
                number = data[at] if size == 1 and stop <= end else _whole(data, at, stop, end)
            else:
                stop = at - size
                number = _whole(data, at, stop, end)
                if data[at] & 0x80:
                    number -= 1 << -8 * size
            add(number)
            at = stop
        elif tag in _STRINGS:
            n = data[at] if at < end else 0x80
            if n < 0x80:
                at += 1
            else:
                n, at = ber_length(data, at, end)
            if n > end - at:
                raise Rejected(LENGTH, "a string is longer than its telegram")
            add(bytes(data[at : at + n]))
            at += n
        elif tag == STRUCTURE or tag == ARRAY:
            # scaler_unit is a structure of an int8 and an enum
            if data[at : at + 2] == b"\x02\x0f" and data[at + 3 : at + 4] == b"\x16":
                if at + 5 > end:
                    raise Rejected(LENGTH, "the list of values is cut short")
                scaler = data[at + 2]
                add(Scaler(scaler - 256 if scaler & 0x80 else scaler, data[at + 4]))
                at += 5
                continue
            places.pop()
            n, at = ber_length(data, at, end)
            left += n
            if left > end - at:
                raise Rejected(LENGTH, "a list is longer than its telegram")
        elif tag == NULL:
            add(None)
        else:
            value, at = _rare(data, at, end, tag)
            add(value)
    return at


def _whole(data: bytes | bytearray, at: int, stop: int, end: int) -> int:
    if stop > end:
        raise Rejected(LENGTH, "the list of values is cut short")
    return int.from_bytes(data[at:stop], "big")


def _rare(data: bytes | bytearray, at: int, end: int, tag: int) -> "tuple[Value, int]":
    if tag in _MOMENTS:
        stop = at + _MOMENTS[tag]
    elif tag == BIT_STRING:
        n, at = ber_length(data, at, end)
        stop = at + (n + 7 >> 3)
    elif tag == FLOAT32 or tag == FLOAT64:
        stop = at + (4 if tag == FLOAT32 else 8)
    elif tag == COMPACT_ARRAY:
        at = _after_type(data, at, end)
        n, at = ber_length(data, at, end)
        stop = at + n
    else:
        raise Rejected(LAYOUT, "%02X is no data type of A-XDR" % tag)
    if stop > end:
        raise Rejected(LENGTH, "the list of values is cut short")
    if tag == FLOAT32:
        return decimal_of(int.from_bytes(data[at:stop], "big"), 8, 23, 9), stop
    if tag == FLOAT64:
        return decimal_of(int.from_bytes(data[at:stop], "big"), 11, 52, 17), stop
    return bytes(data[at:stop]), stop


def _after_type(data: bytes | bytearray, at: int, end: int) -> int:
    """Behind the description of a compact-array's elements (Green Book 9.5, TypeDescription)."""
    left = 1
    while left:
        left -= 1
        if at >= end:
            raise Rejected(LENGTH, "the list of values is cut short")
        tag = data[at]
        at += 1
        if tag == ARRAY:  # two bytes of count, then the type of all elements
            at += 2
            left += 1
        elif tag == STRUCTURE:  # a count, then a type each
            n, at = ber_length(data, at, end)
            left += n
        if left > end - at:
            raise Rejected(LENGTH, "a list is longer than its telegram")
    return at
