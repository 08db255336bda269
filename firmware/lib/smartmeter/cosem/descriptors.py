"""Lists that name their values by attribute descriptors: layouts d and f of layouts.py."""

from array import array

from ..fault import LAYOUT, Rejected
from . import axdr
from .ber import ber_length
from .layouts import Listed, is_code

_CODE = 6  # octets of an OBIS code
_DESCRIPTOR = 4  # values: class, code, attribute, index
_PUSH_SETUP = 40  # class
_COUNTED = (0x01, 0x02, 0x81)  # before a count of one byte


def descriptors(data: bytes | bytearray, places: "array[int]") -> Listed | None:
    """Layout d, or None: class, code, attribute, index for each value, and then the values.

    The first descriptor is mostly that of the push list, whose value is the descriptors.
    """
    numbers = axdr.NUMBERS
    n = 0
    size = len(places)
    while n + _DESCRIPTOR <= size and (
        data[places[n]] in numbers
        and is_code(data, places[n + 1])
        and data[places[n + 2]] in numbers
        and data[places[n + 3]] in numbers
    ):
        n += _DESCRIPTOR
    if not n:
        return None
    # values, too, may look like descriptors: the brackets say how many there are
    before = places[0] - 4  # 01 count 02 04
    count = n // _DESCRIPTOR
    if before < 0 or data[before] not in _COUNTED or not 0 < data[before + 1] <= count:
        return None
    count = data[before + 1]
    first = _DESCRIPTOR * count
    skipped = count - (size - first)
    if skipped not in (0, 1) or first == size:
        return None
    listed = Listed("d")
    for i in range(first, size):
        descriptor = _DESCRIPTOR * (i - first + skipped)
        code = places[descriptor + 1] + 2
        attribute = axdr.number(data, places[descriptor + 2])
        if attribute == 3 and axdr.is_scaler(data, places[i], len(data)):
            _scale(data, listed, code, places[i])
        elif attribute == 2 or axdr.number(data, places[descriptor]) == _PUSH_SETUP:
            listed.pair(code, places[i], 0)
    return listed


def _scale(data: bytes | bytearray, listed: Listed, code: int, scaler: int) -> None:
    """Gives the value of the same code, which came before, its scaler_unit."""
    pairs = listed.pairs
    wanted = data[code : code + _CODE]
    for i in range(0, len(pairs), 3):
        if not pairs[i + 2] and data[pairs[i] : pairs[i] + _CODE] == wanted:
            pairs[i + 2] = scaler


def untagged(data: bytes | bytearray, at: int, end: int) -> Listed:
    """Layout f: a reason and an array of {class(2) code(6) attribute(1) as they are, value}."""
    listed = Listed("f")
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
