"""The list layouts a to f, each detected; names; and data that is not a list."""

from smartmeter import Receiver
from telegrams import (
    CLOCK,
    TIME,
    array,
    be,
    descriptors,
    hdlc,
    kamstrup,
    obis,
    octets,
    only,
    reading,
    scaler_unit,
    structure,
    u16,
    u32,
    visible,
)


def test_a_structures_of_code_value_and_scaler():
    got = reading(
        array(
            structure(obis("1-1:0.2.129"), visible(b"AIDON_V0001")),
            structure(obis("0-0:96.1.0"), visible(b"7359990000000001")),
            structure(obis("1-0:1.7.0"), u32(280), scaler_unit(0, 27)),
            structure(obis("1-0:31.7.0"), b"\x10\xff\xf3", scaler_unit(-1, 33)),
            structure(obis("1-0:32.7.0"), u16(2274), scaler_unit(-1, 35)),
            structure(obis("1-0:1.8.0"), u32(10955225), scaler_unit(1, 30)),
        )
    )
    assert got.values["1.7.0"] == (280, 0)
    assert got.values["31.7.0"] == (-13, -1)
    assert got.values["32.7.0"] == (2274, -1)
    assert got.values["1.8.0"] == (109552250, 0)
    assert (got.meter, got.time) == ("7359990000000001", TIME)


def test_b_one_row_with_the_clock_first_and_a_serial_number_last():
    got = reading(
        structure(
            octets(CLOCK),
            obis("1-0:1.8.0"),
            u32(4752026),
            scaler_unit(0, 30),
            obis("1-0:2.7.0"),
            u32(9),
            scaler_unit(0, 27),
            obis("1-0:13.7.0"),
            u16(94),
            scaler_unit(-3, 255),
            octets(b"178210128502"),
        ),
        None,
    )
    assert got.values == {"1.8.0": (4752026, 0), "2.7.0": (9, 0), "13.7.0": (94, -3)}
    assert (got.meter, got.time) == ("178210128502", TIME)


def test_c_one_row_without_scalers():
    clock = CLOCK[:9] + b"\x80\x00\x00"  # deviation not specified
    got = reading(kamstrup(), clock)
    assert got.values["31.7.0"] == (237, -2)
    assert got.values["32.7.0"] == (232, 0)
    assert got.values["1.8.0"] == (8582092, 0)
    assert got.values["16.7.0"] == (826, 0)
    assert got.codes["16.7.0"] == "1-1:16.7.0"
    assert (got.meter, got.time) == ("5706567000000001", TIME)
    assert "51.7.0" not in got.values


def test_d_descriptors_then_values():
    got = reading(
        structure(
            array(*descriptors("0-0:42.0.0", "1-0:1.7.0", "1-1:5.8.0", "1-1:6.8.0", "1-0:32.7.0")),
            octets(b"LGZ1030655933512"),
            u32(28),
            u32(18),
            u32(1),
            u16(236),
        )
    )
    assert got.values["1.7.0"] == (28, 0)
    assert got.values["3.8.0"] == (19, 0)  # quadrants I and II
    assert got.values["32.7.0"] == (236, 0)
    assert got.codes["3.8.0"] == "1-1:3.8.0"
    assert got.meter == "LGZ1030655933512"


def test_d_descriptors_with_restriction_and_columns():
    for more in ((structure(b"\x16\x00", b"\x00"),), (structure(b"\x16\x00", b"\x00"), array())):
        codes = ((40, "0-8:25.9.0"), (1, "0-0:42.0.0"), (3, "1-0:1.7.0"), (3, "1-0:2.8.0"))
        head = [structure(u16(c), obis(code), b"\x0f\x02", u16(0), *more) for c, code in codes]
        got = reading(structure(array(*head), octets(b"LGZ1030655933512"), u32(28), u32(5)))
        assert got.meter == "LGZ1030655933512"
        assert got.values == {"1.7.0": (28, 0), "2.8.0": (5, 0)}


def test_d_a_value_that_is_a_list_moves_no_other():
    profile = structure(obis("0-0:99.98.4"), u16(3))
    codes = descriptors("0-0:96.5.135", "1-0:1.7.0", "1-0:2.7.0")
    for values in ((profile, u32(28), u32(1)), (structure(), u32(28), u32(1))):
        got = reading(structure(array(*codes), *values))
        assert got.values["1.7.0"] == (28, 0)
        assert got.values["2.7.0"] == (1, 0)


def test_d_counts_that_do_not_agree_are_refused():
    list_of_two = array(*descriptors("1-0:1.7.0", "1-0:2.7.0"))
    assert only(structure(list_of_two, u32(28))).kind == "layout"
    assert only(structure(list_of_two, u32(28), u32(1), u32(2), u32(3))).kind == "layout"


def test_e_kaifa_of_norway():
    items = [octets(b"KFM_001"), octets(b"6970631400000001"), octets(b"MA304H4")]
    items += [u32(n) for n in (5056, 0, 0, 469, 19679, 1292, 923, 2356, 2409, 2393)]
    got = reading(structure(*items))
    assert got.values["1.7.0"] == (5056, 0)
    assert got.values["4.7.0"] == (469, 0)
    assert got.values["31.7.0"] == (19679, -3)
    assert got.values["72.7.0"] == (2393, -1)
    assert got.meter == "6970631400000001"
    longer = items + [octets(CLOCK)] + [u32(n) for n in (79591144, 0, 889389, 3210932)]
    got = reading(structure(*longer), None)
    assert got.values["4.8.0"] == (3210932, 0)
    assert got.time == TIME
    assert reading(structure(u32(5852))).values == {"1.7.0": (5852, 0)}
    one = items[:7] + [u32(19679), u32(2356)]
    assert reading(structure(*one)).values["32.7.0"] == (2356, -1)


def test_e_wiener_netze_even_without_a_header():
    items = [octets(CLOCK)] + [u32(n) for n in (222813, 13818, 10442, 116328, 2765, 0, 0, 428)]
    got = reading(structure(*items), None)
    assert got.values["4.8.0"] == (116328, 0)
    assert got.values["16.7.0"] == (2765, 0)
    receiver = Receiver()
    assert (receiver.feed(structure(*items)) + receiver.flush())[0].values == got.values


def test_lists_that_a_reader_gives_without_their_header():
    ie5 = [octets(b"90000001"), octets(b"\x0f\x0a\x14\x00"), octets(b"\x07\xe9\x0c\x03\x03")]
    ie5 += [u32(n) for n in (3, 1, 2, 0, 0, 0, 9, 0, 4, 3, 2, 0, 0, 0)]
    ie5 += [u16(n) for n in (2410, 2423, 2383, 1, 1, 1)] + [u32(99999)]
    ie5 += [array(u16(9400))] * 3 + [b"\x03\x01"]
    burgenland = [u16(n) for n in (228, 226, 230, 781, 1482, 643)]
    burgenland += [u32(n) for n in (5432, 0, 40091000, 0)] + [octets(b"30000002")]
    named = [array(*descriptors("1-0:1.7.0", "1-0:2.7.0", "1-0:1.8.0"))]
    named += [u32(n) for n in (28, 0, 5)]
    rows = [structure(obis("1-0:%d.7.0" % c), u32(c), scaler_unit(0, 27)) for c in (1, 2, 21, 41)]
    for items in (ie5, burgenland, named, rows):
        bare = structure(*items)
        receiver = Receiver()
        found = receiver.feed(bare) + receiver.flush()
        assert found[0].values == reading(bare).values
        receiver = Receiver()
        found = [e for b in bare for e in receiver.feed(bytes((b,)))] + receiver.flush()
        assert found[0].values == reading(bare).values


def test_e_burgenland():
    items = [u16(n) for n in (236, 237, 236, 0, 4, 26)]
    items += [u32(n) for n in (29, 0, 31358606, 7619)]
    items += [u16(n) for n in (400, 53, 295)] + [octets(b"30137181")]
    got = reading(structure(*items))
    assert got.values["52.7.0"] == (237, 0)
    assert got.values["71.7.0"] == (26, -2)
    assert got.values["2.8.0"] == (7619, 0)
    assert got.meter == "30137181"
    shorter = reading(structure(*items[:10], items[-1]))
    assert (shorter.meter, shorter.values) == (got.meter, got.values)


def nine(name, *numbers):
    return structure(octets(name), *[u32(n) for n in numbers])


def test_e_nine_items_of_two_makers():
    powers = (400, 0, 60, 30, 7000123, 1234, 800456, 90789)  # both kinds of var, by phase
    tariffs = (400, 0, 7000123, 4000100, 3000023, 1234, 1200, 34)
    landis = {"1.7.0": (400, 0), "4.7.0": (30, 0), "1.8.0": (7000123, 0), "4.8.0": (90789, 0)}
    iskra = {"1.7.0": (400, 0), "1.8.0": (7000123, 0), "1.8.2": (3000023, 0), "2.8.1": (1200, 0)}
    for name, numbers, values in (
        (b"LGZ1030600000001", powers, landis),
        (b"0000000001", powers, landis),
        (b"ISK1030700000001", tariffs, iskra),
        (b"0000000001", tariffs, iskra),
    ):
        got = reading(nine(name, *numbers))
        assert got.meter == name.decode()
        for code in values:
            assert got.values[code] == values[code], (name, code)


def test_e_nine_items_that_are_neither_are_refused():
    fault = only(nine(b"0000000001", 400, 0, 7000123, 4000100, 1, 1234, 1200, 34))
    assert (fault.kind, "9 items" in fault.detail) == ("layout", True)


def test_e_im350():
    items = [obis("0-6:25.9.0"), octets(b"18037098"), octets(b"\x0a\x08\x17\x00")]
    items += [octets(b"\x07\xe5\x05\x13\x03")]
    items += [u32(n) for n in (3531997, 0, 392120, 282666, 146, 0)]
    got = reading(structure(*items))
    assert got.values["1.8.0"] == (3531997, 0)
    assert got.values["1.7.0"] == (146, 0)
    assert got.meter == "18037098"


def test_e_ie5_of_two_lists():
    ids = [octets(b"90000001"), octets(b"\x0f\x0a\x14\x00"), octets(b"\x07\xe9\x0c\x03\x03")]
    tariffs = [u32(n) for n in (4052883, 2527544, 1525339, 50, 40, 10)]
    powers = [u32(576), u32(0)]
    phases = [u32(n) for n in (229, 194, 153, 0, 0, 0)]
    end = [u16(n) for n in (2410, 2423, 2383, 107, 102, 91)] + [u32(99999)]
    end += [array(u16(9400))] * 3 + [b"\x03\x01"]
    quadrants = [u32(n) for n in (1, 2, 3, 4)]
    for items in (
        ids + tariffs + powers + phases + end,
        ids + tariffs + quadrants + powers + [u16(950)] + phases + end,
    ):
        got = reading(structure(*items))
        assert got.meter == "90000001"
        assert (got.values["1.8.2"], got.values["1.7.0"]) == ((1525339, 0), (576, 0))
        assert (got.values["41.7.0"], got.values["71.7.0"]) == ((194, 0), (91, -2))


def untagged(*entries):
    out = b"\x02\x02\x16\x01\x01" + bytes((len(entries),))
    for kind, code, value in entries:
        out += b"\x02\x02" + be(kind, 2) + obis(code)[2:] + b"\x02" + value
    return out


def test_f_descriptors_without_tags():
    body = untagged(
        (1, "0-0:42.0.0", octets(b"EGD012345")),
        (70, "0-0:96.3.10", b"\x16\x01"),
        (3, "1-0:1.7.0", u32(1956)),
        (3, "1-0:1.8.0", u32(4913794)),
    )
    got = reading(body, None)
    assert got.values["1.7.0"] == (1956, 0)
    assert got.values["96.3.10"] == (1, 0)
    assert got.meter == "EGD012345"
    assert only(body[:-1] + b"", None).kind == "length"
    assert only(body + b"\x00", None).kind == "layout"


def test_the_three_forms_of_the_time_in_the_header():
    body = structure(obis("1-0:1.7.0"), u32(5))
    for sent, time in (
        (b"\x00", None),
        (b"\x0c" + CLOCK, TIME),
        (b"\x09\x0c" + CLOCK, TIME),
        (b"\x19" + CLOCK, TIME),
    ):
        found = Receiver().feed(hdlc(b"\x0f\x00\x00\x00\x01" + sent + body))
        assert found[0].time == time
        assert found[0].clock == ("meter" if time else None)
    for bad in (b"", b"\x09\x0b" + CLOCK, b"\x0c" + CLOCK[:5], b"\x33"):
        found = Receiver().feed(hdlc(b"\x0f\x00\x00\x00\x01" + bad))
        assert found[0].kind in ("layout", "length")


def test_the_clock_in_the_list_comes_first():
    later = CLOCK[:7] + b"\x07" + CLOCK[8:]
    body = structure(obis("0-0:1.0.0"), octets(later), obis("1-0:1.7.0"), u32(5))
    assert reading(body).time == "2026-11-22T21:10:07+01:00"
    broken = b"\xff" * 12
    body = structure(obis("0-0:1.0.0"), octets(broken), obis("1-0:1.7.0"), u32(5))
    assert reading(body).time == TIME


def test_group_b_and_codes_in_full():
    got = reading(
        structure(
            obis("1-1:1.8.0"),
            u32(7),
            obis("1-0:1.8.0"),
            u32(8),
            obis("0-2:24.2.1"),
            u32(9),
        )
    )
    assert got.values == {"1.8.0": (7, 0), "1-0:1.8.0": (8, 0), "0-2:24.2.1": (9, 0)}
    assert got.codes["1.8.0"] == "1-1:1.8.0"


def test_a_value_of_a_past_period_is_not_that_of_now():
    past = b"\x09\x06\x01\x00\x01\x08\x00\x01"
    got = reading(structure(past, u32(1), obis("1-0:2.8.0"), u32(2)))
    assert got.values == {"2.8.0": (2, 0)}


def test_a_unit_that_is_not_the_quantity_s_is_refused():
    assert only(structure(obis("1-0:1.8.0"), u32(7), scaler_unit(0, 35))).kind == "value"
    assert only(structure(obis("1-0:1.8.0"), u32(7), scaler_unit(100, 30))).kind == "value"
    assert only(structure(obis("1-0:1.8.0"), u32(7), scaler_unit(-100, 30))).kind == "value"
    assert only(structure(obis("1-0:32.7.0"), u32(1 << 31), scaler_unit(0, 35))).kind == "value"


def test_what_is_no_list_is_refused():
    for body in (
        octets(b"abc"),
        structure(),
        structure(octets(b"abc")),
        structure(u32(1), u32(2)),
        structure(obis("1-0:1.8.0")),
        structure(obis("1-0:1.8.0"), octets(b"text")),
        structure(obis("1-0:1.8.0"), u32(1), u32(2)),
        b"\x00",
    ):
        assert only(body).kind in ("layout", "length"), body
    assert Receiver().feed(hdlc(b"\xc4\x01\xc1\x00\x00"))[0].kind == "layout"


def test_long64_and_floating_point_values():
    got = reading(
        structure(
            obis("1-0:1.8.0"),
            b"\x15" + be(1 << 40, 8),
            obis("1-0:2.8.0"),
            b"\x14" + be(123, 8),
            obis("1-0:32.7.0"),
            b"\x17\x43\x66\x80\x00",
            scaler_unit(0, 35),
        )
    )
    assert got.values["1.8.0"] == (1 << 40, 0)
    assert got.values["32.7.0"] == (2305, -1)
