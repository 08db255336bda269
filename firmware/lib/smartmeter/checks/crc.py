"""The 16-bit CRCs of meters, the first three over reflected bits (least significant first).

    x25     HDLC, SML: poly 0x1021, start FFFF, inverted at the end (ISO/IEC 13239; EN 62056-46)
    kermit  SML of some Holley meters: poly 0x1021, start 0
    arc     DSMR P1: poly 0x8005, start 0 (DSMR 5.0.2 P1, 6.2)
    xmodem  Kamstrup's KMP: poly 0x1021, start 0, most significant bit first

Each takes (data, start, end) and returns the sum of data[start:end] as an int. On the wire, the
first two sums are sent low byte first.

CPython's are in crc_native.py. MicroPython runs half a byte at a time, with tables of 16
entries: 32 bytes each instead of the usual 512.
"""


def _nibble_table(poly: int) -> tuple[int, ...]:
    table = []
    for i in range(16):
        for _ in range(4):
            i = i >> 1 ^ (poly if i & 1 else 0)
        table.append(i)
    return tuple(table)


_1021 = _nibble_table(0x8408)
_8005 = _nibble_table(0xA001)


def _by_nibbles(
    table: tuple[int, ...], crc: int, data: bytes | bytearray, start: int, end: int
) -> int:
    for i in range(start, end):
        crc ^= data[i]
        crc = crc >> 4 ^ table[crc & 15]
        crc = crc >> 4 ^ table[crc & 15]
    return crc


def x25_by_nibbles(data: bytes | bytearray, start: int, end: int) -> int:
    return _by_nibbles(_1021, 0xFFFF, data, start, end) ^ 0xFFFF


def kermit_by_nibbles(data: bytes | bytearray, start: int, end: int) -> int:
    return _by_nibbles(_1021, 0, data, start, end)


def arc_by_nibbles(data: bytes | bytearray, start: int, end: int) -> int:
    return _by_nibbles(_8005, 0, data, start, end)


def xmodem_by_bits(data: bytes | bytearray, start: int, end: int) -> int:
    """A bit at a time: an answer of 100 bytes comes once a minute at most."""
    crc = 0
    for i in range(start, end):
        crc ^= data[i] << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


try:
    from .crc_native import arc as arc
    from .crc_native import kermit as kermit
    from .crc_native import x25 as x25
    from .crc_native import xmodem as xmodem
except ImportError:  # MicroPython
    x25 = x25_by_nibbles
    kermit = kermit_by_nibbles
    arc = arc_by_nibbles
    xmodem = xmodem_by_bits
