"""A-XDR: every type, every bound, and nothing but Rejected."""

from smartmeter.dlms import axdr
from smartmeter.fault import Rejected


def values(data):
    places = []
    assert axdr.walk(data, 0, len(data), places) == len(data)
    return [axdr.value(data, place) for place in places]


def refused(data):
    try:
        places = []
        if axdr.walk(data, 0, len(data), places) != len(data):
            return True
        for place in places:
            axdr.value(data, place)
    except Rejected:
        return True
    return False


def test_numbers():
    for data, number in (
        (b"\x03\x01", 1),
        (b"\x05\xff\xff\xff\xfe", -2),
        (b"\x05\x7f\xff\xff\xff", 2147483647),
        (b"\x06\xff\xff\xff\xff", 4294967295),
        (b"\x0d\x42", 0x42),
        (b"\x0f\xfe", -2),
        (b"\x10\x80\x00", -32768),
        (b"\x11\xff", 255),
        (b"\x12\x56\xb7", 22199),
        (b"\x14\x80\x00\x00\x00\x00\x00\x00\x00", -(1 << 63)),
        (b"\x15\xff\xff\xff\xff\xff\xff\xff\xff", (1 << 64) - 1),
        (b"\x16\x1e", 30),
    ):
        assert values(data) == [number]


def test_floats_are_decimal_numbers():
    assert values(b"\x17\x43\x66\x80\x00") == [(2305, -1)]  # 230.5
    assert values(b"\x17\xbf\x80\x00\x00") == [(-1, 0)]
    assert values(b"\x17\x3d\xcc\xcc\xcd") == [(100000001, -9)]  # 0.1, as near as it gets
    assert values(b"\x17\x00\x00\x00\x00") == [(0, 0)]
    assert values(b"\x18\x40\x6c\xd0\x00\x00\x00\x00\x00") == [(2305, -1)]
    for huge in (b"\x17\x7f\x80\x00\x00", b"\x17\x7f\xc0\x00\x00", b"\x17\x00\x00\x00\x01"):
        assert refused(huge)  # infinity, no number, next to nothing


def test_strings_and_moments():
    for data, content in (
        (b"\x09\x03abc", b"abc"),
        (b"\x0a\x81\x03abc", b"abc"),
        (b"\x0c\x82\x00\x03abc", b"abc"),
        (b"\x09\x00", b""),
        (b"\x04\x09\xff\x80", b"\xff\x80"),
        (b"\x19" + bytes(12), bytes(12)),
        (b"\x1a" + bytes(5), bytes(5)),
        (b"\x1b" + bytes(4), bytes(4)),
        (b"\x13\x12\x04\x00\x01\x00\x02", b"\x00\x01\x00\x02"),  # compact-array of u16
        (b"\x13\x02\x02\x11\x12\x03\x01\x00\x02", b"\x01\x00\x02"),  # of structures
        (b"\x13\x01\x00\x02\x11\x02\x01\x02", b"\x01\x02"),  # of arrays
    ):
        assert values(data) == [content]
    assert values(b"\x00") == [None]


def test_lists_fall_apart():
    assert values(b"\x02\x02\x11\x01\x01\x02\x11\x02\x11\x03") == [1, 2, 3]
    assert values(b"\x02\x00") == []
    places = []
    data = b"\x02\x02\x11\x01\x02\x02\x0f\xfe\x16\x23"
    assert axdr.walk(data, 0, len(data), places) == len(data)
    assert places == [2, 4]
    assert [axdr.is_scaler(data, place, len(data)) for place in places] == [False, True]


def test_what_is_cut_short_or_too_long_is_refused():
    whole = b"\x02\x03\x09\x03abc\x12\x01\x02\x02\x02\x0f\xff\x16\x23"
    assert len(values(whole)) == 3
    for n in range(len(whole)):
        assert refused(whole[:n]), n
    assert refused(whole + b"\x00")


def test_false_counts_cost_nothing():
    for data in (
        b"",
        b"\x02\x84\xff\xff\xff\xff",
        b"\x01\x7f\x00",
        b"\x09\x84\xff\xff\xff\xff",
        b"\x09\x85\x00\x00\x00\x00\x01x",
        b"\x09\x80",
        b"\x04\x84\xff\xff\xff\xff\x00",
        b"\x13\x02\x84\xff\xff\xff\xff",
        b"\x13",
        b"\x02\x01" * 1000,
        b"\x07",
        b"\x99\x00",
    ):
        assert refused(data), data


def test_deep_nesting_is_walked_without_recursion():
    assert values(b"\x02\x01" * 1000 + b"\x11\x05") == [5]


def test_random_bytes_give_values_or_a_rejection():
    state = 1
    for _ in range(2000):
        data = bytearray()
        for _ in range(40):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            data.append(state >> 16 & 0x1F if state & 0x8000 else state >> 16 & 0xFF)
        refused(bytes(data))
