"""Lists with a code and its value in every row, among other things: layout g of layouts.py.

    class, code, attribute, value               the number behind the code is 2 in all rows
    class, code, scaler, value                  else it is the power of ten
    code, value, scaler, unit                   in one row, not in a structure of their own
    code, scaler, unit, value
    value, class, scaler_unit, code             the code stands last

with or without class and scaler_unit. Some meters of Landis+Gyr (ZMF100) write the tag and the
length of a code in each other's place: 06 09 for 09 06.
"""

from array import array

from .. import axdr
from .value_list import ValueList, describe, is_code, note

_CLASS = 0x12  # a long-unsigned
_VALUE_ATTRIBUTE = 2
_SCALER = 3  # bytes between a scaler_unit's tag and its scaler
_SWAPPED = b"\x06\x09"


def rows(data: bytes | bytearray, places: "array[int]") -> ValueList | None:
    """Layout g, or None."""
    codes = [i for i in range(len(places)) if is_code(data, places[i])]
    if len(codes) < 2:
        return None
    listed = ValueList("g")
    end = len(places)
    last = codes[-1] == end - 1
    begins = [0] + [i + 1 for i in codes] if last else [i + 1 for i in codes]
    classes = 0
    if not last and all([i and data[places[i - 1]] == _CLASS for i in codes]):
        classes = 1
    if not last:
        for i in range(codes[0] - classes):  # the clock, the list's name
            if data[places[i]] not in axdr.STRINGS:
                return None
            note(data, listed, places[i])
        codes.append(end + classes)
    told: "list[tuple[int, int, int]]" = []  # code, place of the number behind it, value
    for begin, stop in zip(begins, codes if last else codes[1:]):
        code = places[stop if last else begin - 1] + 2
        row = places[begin : stop if last else stop - classes]
        found = _parts("".join([_kind(data, place) for place in row]))
        if found is None:
            return None
        value, scaler, behind = found
        if behind:
            told.append((code, row[0], row[value]))
        elif scaler < 0:
            listed.pair(code, row[value], 0)
        else:
            # where a scaler_unit of the two would have its tag
            flat = 0 if data[row[scaler]] in axdr.LISTS else _SCALER - 1
            listed.pair(code, row[value], row[scaler] - flat)
    return _take(data, listed, told)


def _take(
    data: bytes | bytearray, listed: ValueList, told: "list[tuple[int, int, int]]"
) -> ValueList | None:
    """Takes the values with a number before them: an attribute, or a power of ten."""
    numbers = {axdr.number(data, place) for _, place, _ in told}
    if numbers <= {_VALUE_ATTRIBUTE}:
        for code, _, value in told:
            listed.pair(code, value, 0)
        return listed
    for code, place, value in told:
        if data[place] != axdr.INTEGER:
            return None
        described = describe(data, code)
        if data[value] not in axdr.NUMBERS:
            listed.pair(code, value, 0)
        elif described:
            listed.named.append((described[0], axdr.number(data, place), value, 0))
        else:
            listed.free.append(value)
    return listed


def _kind(data: bytes | bytearray, place: int) -> str:
    """S scaler_unit, I int8 or uint8, E enum, C what may be a class, V anything else."""
    tag = data[place]
    if tag in axdr.LISTS:
        return "S"
    return {axdr.INTEGER: "I", 0x11: "I", axdr.ENUM: "E", _CLASS: "C"}.get(tag, "V")


def _parts(kinds: str) -> "tuple[int, int, bool] | None":
    """The meaning of a row without its code; None for others.

    (which item is the value; which the scaler or the first of scaler and unit, -1 for none; whether
    the first is an attribute or a scaler)
    """
    n = len(kinds)
    if not n:
        return None
    if n == 1:
        return (0, -1, False) if kinds != "S" else None
    if kinds[-1] == "S" and "S" not in kinds[:-1]:
        if n == 2 or (n == 3 and kinds[1] == "C"):  # value, class
            return 0, n - 1, False
        return (1, 2, False) if n == 3 and kinds[0] == "I" else None
    if n == 2:
        if kinds[0] == "S":
            return 1, 0, False
        return (1, -1, True) if kinds[0] == "I" else (0, -1, False) if kinds[1] == "C" else None
    if n == 3 and kinds[1:] == "IE":
        return 0, 1, False
    return (2, 0, False) if n == 3 and kinds[:2] == "IE" else None


def swapped(data: bytes | bytearray) -> bytearray:
    """data with the tag and length of each code in their right order."""
    whole = bytearray(data)
    at = whole.find(_SWAPPED)
    while at >= 0:
        if whole[at + 2 : at + 3] < b"\x10" and whole[at + 7 : at + 8] == b"\xff":
            whole[at : at + 2] = b"\x09\x06"
        at = whole.find(_SWAPPED, at + 2)
    return whole
