"""A-XDR (IEC 61334-6) as DLMS sends data (Green Book 4.1.5): one flat loop, no recursion.

walk() removes the brackets: of a structure or array it only notes where the elements are, because
no list of a customer interface needs more (layouts.py says why). So neither depth nor a false count
can exhaust anything. Every element costs at least one byte, and the rest may not be longer than the
bytes that are left. Values are read in place when needed: on a device a list of all of them would
not fit.
"""

from ..fault import LENGTH, Rejected
from .ber import ber_length

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from array import array

    Value = int | bytes | tuple[int, int] | None

NULL = 0x00
ARRAY = 0x01
STRUCTURE = 0x02
INTEGER = 0x0F  # int8
ENUM = 0x16
OCTETS = 0x09
FLOAT32 = 0x17
FLOAT64 = 0x18

# Tags of whole numbers: size in bytes, negative where signed.
NUMBERS = {
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
WIDE = (0x14, 0x15)  # of 64 bits
STRINGS = (0x09, 0x0A, 0x0C)  # octet-string, visible-string, utf8-string
OTHER_OCTETS = (0x04, 0x13, 0x19, 0x1A, 0x1B)  # bit-string, compact-array, moments
LISTS = (ARRAY, STRUCTURE)
FLOATS = (FLOAT32, FLOAT64)
# Others of a size that the tag says: null, float32, float64, date-time, date, time.
_SIZES = {0x00: 0, 0x17: 4, 0x18: 8, 0x19: 12, 0x1A: 5, 0x1B: 4}
_SCALER_UNIT = 6  # bytes of 02 02 0F scaler 16 unit: what the number before it counts


def walk(data: bytes | bytearray, at: int, end: int, places: "list[int] | array[int]") -> int:
    """Notes where the values of the element at data[at] have their tags; gives where the next
    element is.

    A scaler_unit structure (Blue Book 4.3.2) is one value, whose tag is that of the structure.
    """
    mark = places.append
    numbers = NUMBERS
    left = 1
    while left:
        left -= 1
        if at >= end:
            raise Rejected(LENGTH, "the list of values is cut short")
        tag = data[at]
        size = numbers.get(tag)
        if size:
            mark(at)
            at += 1 + size if size > 0 else 1 - size
        elif tag in STRINGS:
            mark(at)
            at += 1
            n = data[at] if at < end else 0x80
            if n < 0x80:
                at += 1
            else:
                n, at = ber_length(data, at, end)
            if n > end - at:
                raise Rejected(LENGTH, "a string is longer than its telegram")
            at += n
        elif tag in LISTS:
            if is_scaler(data, at, end):
                mark(at)
                at += _SCALER_UNIT
                continue
            at += 1
            n = data[at] if at < end else 0x80
            if n < 0x80:
                at += 1
            else:
                n, at = ber_length(data, at, end)
            left += n
            if left > end - at:
                raise Rejected(LENGTH, "a list is longer than its telegram")
        else:
            mark(at)
            size = _SIZES.get(tag)
            if size is None:
                from .axdr_rare import after

                at = after(data, at, end)
            else:
                at += 1 + size
    if at > end:
        raise Rejected(LENGTH, "the list of values is cut short")
    return at


def is_scaler(data: bytes | bytearray, at: int, end: int) -> bool:
    """Whether a scaler_unit stands at data[at]: a structure of an int8 and an enum."""
    return (
        end - at >= _SCALER_UNIT
        and data[at + 2] == INTEGER
        and data[at + 1] == 2
        and data[at + 4] == ENUM
        and data[at] in LISTS
    )


def value(data: bytes | bytearray, place: int) -> "Value":
    """The value at a place that walk() noted.

    It is a number, the bytes of a string or moment, or the (mantissa, exponent) of a float. It is
    None for null and for a scaler_unit.
    """
    tag = data[place]
    if tag in NUMBERS:
        return number(data, place)
    if tag == NULL or tag in LISTS:
        return None
    if tag in FLOATS:
        return decimal(data, place)
    return octets(data, place)


def number(data: bytes | bytearray, place: int) -> int:
    """The whole number at a place; byte by byte, as a slice would be garbage on a device."""
    size = NUMBERS[data[place]]
    place += 1
    n = data[place]
    if size > 0:
        stop = place + size
    else:
        stop = place - size
        if n & 0x80:
            n -= 256
    while place + 1 < stop:
        place += 1
        n = n << 8 | data[place]
    return n


def decimal(data: bytes | bytearray, place: int) -> tuple[int, int]:
    """The (mantissa, exponent) of the floating-point number at a place."""
    from .float754 import decimal_of  # few meters send any

    if data[place] == FLOAT32:
        return decimal_of(int.from_bytes(data[place + 1 : place + 5], "big"), 8, 23, 9)
    return decimal_of(int.from_bytes(data[place + 1 : place + 9], "big"), 11, 52, 17)


def octets(data: bytes | bytearray, place: int) -> bytes:
    """The content of the string or moment at a place."""
    tag = data[place]
    at = place + 1
    size = _SIZES.get(tag)
    if size is None and tag not in STRINGS:
        from .axdr_rare import content

        return content(data, place)
    if size is None:
        size, at = ber_length(data, at, len(data))
    return bytes(data[at : at + size])
