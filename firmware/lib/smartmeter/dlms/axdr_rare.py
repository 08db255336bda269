"""The A-XDR types that few meters send: bit-string and compact-array (Green Book 4.1.5)."""

from ..fault import LAYOUT, LENGTH, Rejected
from .ber import ber_length

_ARRAY = 0x01
_STRUCTURE = 0x02
_BIT_STRING = 0x04
_COMPACT_ARRAY = 0x13


def after(data: bytes | bytearray, at: int, end: int) -> int:
    """The position after the element at data[at]."""
    tag = data[at]
    at += 1
    if tag == _BIT_STRING:
        n, at = ber_length(data, at, end)
        n = n + 7 >> 3
    elif tag == _COMPACT_ARRAY:
        at = _after_type(data, at, end)
        n, at = ber_length(data, at, end)
    else:
        raise Rejected(LAYOUT, "%02X is not an A-XDR data type" % tag)
    if n > end - at:
        raise Rejected(LENGTH, "a string is longer than its telegram")
    return at + n


def content(data: bytes | bytearray, place: int) -> bytes:
    """The octets of the element at a place."""
    at = place + 1
    if data[place] == _COMPACT_ARRAY:
        at = _after_type(data, at, len(data))
    size, at = ber_length(data, at, len(data))
    if data[place] == _BIT_STRING:
        size = size + 7 >> 3
    return bytes(data[at : at + size])


def _after_type(data: bytes | bytearray, at: int, end: int) -> int:
    """The position after the type description of a compact-array (Green Book 9.5)."""
    left = 1
    while left:
        left -= 1
        if at >= end:
            raise Rejected(LENGTH, "the list of values is cut short")
        tag = data[at]
        at += 1
        if tag == _ARRAY:  # two bytes of count, then the type of all elements
            at += 2
            left += 1
        elif tag == _STRUCTURE:  # a count, then a type each
            n, at = ber_length(data, at, end)
            left += n
        if left > end - at:
            raise Rejected(LENGTH, "a list is longer than its telegram")
    return at
