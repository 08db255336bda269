"""The CRCs against their published check values, and the fast branch against the plain one."""

from smartmeter import crc

CHECK = b"123456789"  # the message of the catalogue of CRC algorithms; its sums are public


def test_check_values():
    assert crc.x25(CHECK) == 0x906E
    assert crc.kermit(CHECK) == 0x2189
    assert crc.arc(CHECK) == 0xBB3D
    assert crc.x25_by_table(CHECK) == 0x906E
    assert crc.kermit_by_table(CHECK) == 0x2189
    assert crc.arc_by_table(CHECK) == 0xBB3D


def test_both_branches_agree_on_every_length():
    data = bytearray((i * 167 + 13) & 0xFF for i in range(600))
    lengths = set(range(70))
    lengths.update((127, 128, 255, 256, 511, 512, 600))
    for n in lengths:
        for at in (0, 1):
            assert crc.x25(data, at, n + at) == crc.x25_by_table(data, at, min(n + at, 600))
            assert crc.kermit(data, at, n + at) == crc.kermit_by_table(data, at, min(n + at, 600))
            assert crc.arc(data, at, n + at) == crc.arc_by_table(data, at, min(n + at, 600))


def test_of_nothing():
    assert crc.x25(b"") == 0
    assert crc.kermit(b"") == 0
    assert crc.arc(b"") == 0
