"""The CRCs of crc.py with CPython's C functions; CPython only.

binascii has x^16+x^12+x^5+1 for unreflected bits. So the bits of every byte are reversed, and those
of the sum reversed back.
"""

from binascii import crc_hqx  # type: ignore[attr-defined,unused-ignore]

_TURNED = bytes([int("".join(reversed("{:08b}".format(i))), 2) for i in range(256)])


def x25(data: bytes | bytearray, start: int, end: int) -> int:
    crc: int = crc_hqx(data[start:end].translate(_TURNED), 0xFFFF)
    return (_TURNED[crc & 255] << 8 | _TURNED[crc >> 8]) ^ 0xFFFF


def kermit(data: bytes | bytearray, start: int, end: int) -> int:
    crc: int = crc_hqx(data[start:end].translate(_TURNED), 0)
    return _TURNED[crc & 255] << 8 | _TURNED[crc >> 8]


def xmodem(data: bytes | bytearray, start: int, end: int) -> int:
    crc: int = crc_hqx(data[start:end], 0)
    return crc


# (15*2^k, 2^k, 15*2^k ones): what arc folds a number of up to twice as many bits by
_folds: "list[tuple[int, int, int]]" = []


def arc(data: bytes | bytearray, start: int, end: int) -> int:
    """The message as one number over GF(2), folded in halves.

    x^16+x^15+x^2+1 is (x+1)(x^15+x+1). Modulo the second factor x^15 is x+1, hence
    (by squaring) x^(15*2^k) is x^(2^k)+1; modulo the first a number is its parity.
    """
    n = int.from_bytes(data[start:end].translate(_TURNED), "big") << 16
    parity = n.bit_count() & 1
    halves = (n.bit_length() // 15).bit_length()
    while len(_folds) < halves:
        shift = 1 << len(_folds)
        _folds.append((15 * shift, shift, (1 << 15 * shift) - 1))
    for bits, shift, ones in reversed(_folds[:halves]):
        high = n >> bits
        n = n & ones ^ high ^ high << shift  # up to 16 * shift bits, and then 15
        high = n >> bits
        n = n & ones ^ high ^ high << shift
    if n.bit_count() & 1 != parity:
        n ^= 0x8003
    return _TURNED[n & 255] << 8 | _TURNED[n >> 8]
