"""The CRCs against their published check values, and the fast branch against the plain one."""

from smartmeter.checks import crc

CHECK = b"123456789"  # the message of the catalogue of CRC algorithms; its sums are public


def test_check_values():
    for sum_of, published in (
        (crc.x25, 0x906E),
        (crc.x25_by_nibbles, 0x906E),
        (crc.kermit, 0x2189),
        (crc.kermit_by_nibbles, 0x2189),
        (crc.arc, 0xBB3D),
        (crc.arc_by_nibbles, 0xBB3D),
    ):
        assert sum_of(CHECK, 0, 9) == published
        assert sum_of(b"x" + CHECK + b"y", 1, 10) == published
        assert sum_of(bytearray(CHECK), 0, 9) == published


def test_both_branches_agree_on_every_length():
    data = bytearray([(i * 167 + 13) & 0xFF for i in range(600)])
    for n in list(range(70)) + [127, 128, 255, 256, 511, 512, 599]:
        for at in (0, 1):
            assert crc.x25(data, at, n + at) == crc.x25_by_nibbles(data, at, n + at)
            assert crc.kermit(data, at, n + at) == crc.kermit_by_nibbles(data, at, n + at)
            assert crc.arc(data, at, n + at) == crc.arc_by_nibbles(data, at, n + at)
