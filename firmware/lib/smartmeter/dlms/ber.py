"""Lengths in BER form, as DLMS writes those of APDUs, strings and lists."""

from ..fault import LENGTH, Rejected


def ber_length(data: bytes | bytearray, at: int, end: int) -> tuple[int, int]:
    """(length, position after it) of the BER length at data[at] (X.690 8.1.3)."""
    if at < end:
        n = data[at]
        if n < 0x80:
            return n, at + 1
        n &= 0x7F
        if 1 <= n <= 4 and at + 1 + n <= end:
            return int.from_bytes(data[at + 1 : at + 1 + n], "big"), at + 1 + n
    raise Rejected(LENGTH, "the telegram ends within a length, or a length has more than 4 bytes")
