"""Lists that name their values by attribute descriptors: layouts d and f of layouts.py."""

from array import array

from ...fault import LAYOUT, Rejected
from .. import axdr
from ..ber import ber_length
from .value_list import CODE_SIZE, ValueList, is_code

_DESCRIPTOR = 4  # values: class, code, attribute, index
# since version 1 of the class also a restriction, none of which is 0 and null-data, and since
# version 2 columns, all of which are an empty array (Blue Book 4.4.8)
_RESTRICTED = 6
_RESTRICTIONS = (5, 6)  # elements
_ENUM = 0x16
_PUSH_SETUP = 40  # class
_COUNTED = (0x01, 0x02, 0x81)  # before a count of one byte
_STRUCTURE = 0x02


def descriptors(data: bytes | bytearray, places: "array[int]") -> ValueList | None:
    """Layout d, or None: class, code, attribute, index for each value, and then the values.

    The first descriptor is mostly that of the push list, whose value is the descriptors.
    """
    numbers = axdr.NUMBERS
    n = 0
    size = len(places)
    width = _DESCRIPTOR
    if size and data[places[0] - 1] in _RESTRICTIONS:
        width = _RESTRICTED
    while n + width <= size and (
        data[places[n]] in numbers
        and is_code(data, places[n + 1])
        and data[places[n + 2]] in numbers
        and data[places[n + 3]] in numbers
        and (width == _DESCRIPTOR or _unrestricted(data, places[n + 4], places[n + 5]))
    ):
        n += width
    if not n:
        return None
    # values, too, may look like descriptors: the brackets say how many there are
    before = places[0] - 4  # 01 count 02 04
    count = n // width
    if before < 0 or data[before] not in _COUNTED or not 0 < data[before + 1] <= count:
        return None
    count = data[before + 1]
    values = places[width * count :]
    if before > 1 and data[before - 2] == _STRUCTURE and data[before - 1] != len(values) + 1:
        values = _whole(data, before)
    skipped = count - len(values)
    if skipped not in (0, 1) or not values:
        return None
    listed = ValueList("d")
    for i, place in enumerate(values):
        if not place:
            continue
        descriptor = width * (i + skipped)
        code = places[descriptor + 1] + 2
        attribute = axdr.number(data, places[descriptor + 2])
        if attribute == 3 and axdr.is_scaler(data, place, len(data)):
            _scale(data, listed, code, place)
        elif attribute == 2 or axdr.number(data, places[descriptor]) == _PUSH_SETUP:
            listed.pair(code, place, 0)
    return listed


def _unrestricted(data: bytes | bytearray, kind: int, restriction: int) -> bool:
    return data[kind] == _ENUM and not data[kind + 1] and data[restriction] == axdr.NULL


def _whole(data: bytes | bytearray, at: int) -> "array[int]":
    """The places of the values after the array at data[at], 0 for one that is a list itself."""
    values = array("H")
    at = axdr.walk(data, at, len(data), array("H"))
    while at < len(data):
        places = array("H")
        at = axdr.walk(data, at, len(data), places)
        values.append(places[0] if len(places) == 1 else 0)
    return values


def _scale(data: bytes | bytearray, listed: ValueList, code: int, scaler: int) -> None:
    """Gives its scaler_unit to the value of the same code, which came before."""
    pairs = listed.pairs
    wanted = data[code : code + CODE_SIZE]
    for i in range(0, len(pairs), 3):
        if not pairs[i + 2] and data[pairs[i] : pairs[i] + CODE_SIZE] == wanted:
            pairs[i + 2] = scaler


def untagged(data: bytes | bytearray, at: int, end: int) -> ValueList:
    """Layout f: a reason and an array of {class(2) code(6) attribute(1) as they are, value}."""
    listed = ValueList("f")
    count, at = ber_length(data, at + 5, end)
    while count:
        count -= 1
        if end - at < 12 or data[at] != 2 or data[at + 1] != 2:
            raise Rejected(LAYOUT, "a list of plain attribute descriptors breaks off")
        code = at + 4
        places: "array[int]" = array("H")
        at = axdr.walk(data, at + 11, end, places)
        if len(places) == 1:
            listed.pair(code, places[0], 0)
    if at != end:
        raise Rejected(LAYOUT, "%d bytes follow the list of values" % (end - at))
    return listed
