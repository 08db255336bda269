"""The three 16-bit CRCs of meters, all over reflected bits (least significant first).

    x25     HDLC, SML: poly 0x1021, start FFFF, inverted at the end (ISO/IEC 13239; EN 62056-46)
    kermit  SML of some Holley meters: poly 0x1021, start 0
    arc     DSMR P1: poly 0x8005, start 0 (DSMR 5.0.2 P1, 6.2)

Each takes (data, start, end) and returns the sum of data[start:end] as an int; the first
two sums stand on the wire low byte first.

CPython has x^16+x^12+x^5+1 in C, for unreflected bits: so the bits of every byte are
turned, and those of the sum turned back. MicroPython runs half a byte at a time, with
tables of 16 entries: 32 bytes each instead of the usual 512.
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


try:
    from binascii import crc_hqx  # type: ignore[attr-defined,unused-ignore]
except ImportError:  # MicroPython
    x25 = x25_by_nibbles
    kermit = kermit_by_nibbles
    arc = arc_by_nibbles

    def sum8(data: bytearray, start: int, end: int) -> int:
        """The low 8 bits of the sum of data[start:end], without a copy of it on the heap."""
        return sum(memoryview(data)[start:end]) & 0xFF
else:
    _TURNED = bytes([int("".join(reversed("{:08b}".format(i))), 2) for i in range(256)])

    def x25_native(data: bytes | bytearray, start: int, end: int) -> int:
        crc: int = crc_hqx(data[start:end].translate(_TURNED), 0xFFFF)
        return (_TURNED[crc & 255] << 8 | _TURNED[crc >> 8]) ^ 0xFFFF

    def kermit_native(data: bytes | bytearray, start: int, end: int) -> int:
        crc: int = crc_hqx(data[start:end].translate(_TURNED), 0)
        return _TURNED[crc & 255] << 8 | _TURNED[crc >> 8]

    def arc_native(data: bytes | bytearray, start: int, end: int) -> int:
        """The message as one number over GF(2), folded in halves.

        x^16+x^15+x^2+1 is (x+1)(x^15+x+1). Modulo the second factor x^15 is x+1, hence
        (by squaring) x^(15*2^k) is x^(2^k)+1; modulo the first a number is its parity.
        """
        n = int.from_bytes(data[start:end].translate(_TURNED), "big") << 16
        parity = n.bit_count() & 1
        shift = 1
        while 15 * shift < n.bit_length():
            shift <<= 1
        while shift:
            high = n >> 15 * shift
            if high:
                n = n & (1 << 15 * shift) - 1 ^ high ^ high << shift
            else:
                shift >>= 1
        if n.bit_count() & 1 != parity:
            n ^= 0x8003
        return _TURNED[n & 255] << 8 | _TURNED[n >> 8]

    def sum8(data: bytearray, start: int, end: int) -> int:
        """The low 8 bits of the sum of data[start:end]; a copy is twice as fast as a view."""
        return sum(data[start:end]) & 0xFF

    x25 = x25_native
    kermit = kermit_native
    arc = arc_native
