"""Readouts of IEC 62056-21: data lines in STX and ETX, pushed, or alone."""

from smartmeter import Reading, Receiver
from smartmeter.fault import CHECKSUM, LAYOUT, NOISE, VALUE
from smartmeter.wire.reading_encoder import to_json

IDENT = b"/LGZ52ZMD120APt.G03\r\n"
LINES = (
    b"F.F(00000000)\r\n0.0.0( 20000)\r\n1.8.1(001846.0*kWh)\r\n1.8.2(000001.5*kWh)\r\n"
    b"1.8.1*01(000846.0*kWh)\r\n2.8.0(4329.6*kWh)\r\n32.7(238,3*V)52.7(240.2*V)\r\n"
    b"14.7(49.96*Hz)\r\n1.7.0(0.386*kW)\r\n9.4(088*C&082*C)\r\n0.9.1(21:10:29)\r\n"
    b"0.9.2(24-03-21)\r\n!\r\n"
)
VALUES = {
    "1.8.0": (1847500, 0),
    "1.8.1": (1846000, 0),
    "1.8.2": (1500, 0),
    "2.8.0": (4329600, 0),
    "32.7.0": (2383, -1),
    "52.7.0": (2402, -1),
    "14.7.0": (4996, -2),
    "1.7.0": (386, 0),
}


def block(lines=LINES):
    bcc = 0
    for b in lines + b"\x03":
        bcc ^= b
    return b"\x02" + lines + b"\x03" + bytes((bcc,))


def events(data, pieces=0, **settings):
    receiver = Receiver(**settings)
    out = []
    step = pieces or len(data)
    for i in range(0, len(data), step):
        out.extend(receiver.feed(data[i : i + step]))
    out.extend(receiver.flush())
    return out


def reading(data, **settings):
    found = events(data, **settings)
    assert len(found) == 1, found
    assert isinstance(found[0], Reading), found
    return found[0]


def test_values_in_every_framing():
    for data in (IDENT + block(), IDENT + b"\r\n" + block(), block(), IDENT + LINES, LINES):
        got = reading(data)
        assert got.values == VALUES, data
        assert got.time == "2024-03-21T21:10:29+01:00"
        assert got.meter == "20000"
        assert got.codes["1.8.1"] == "1-0:1.8.1"


def test_any_pieces_give_the_same():
    data = IDENT + block() + IDENT + block()
    whole = [to_json(e) for e in events(data)]
    assert len(whole) == 2
    for pieces in (1, 3, 50):
        assert [to_json(e) for e in events(data, pieces)] == whole


def test_what_an_optical_head_hears_of_ourselves():
    data = b"/?!\r\n" + IDENT + b"\x06050\r\n" + block()
    for pieces in (0, 1):
        found = events(data, pieces)
        assert [e.values for e in found if isinstance(e, Reading)] == [VALUES]
        assert len(found) == 1, found


def test_a_pause_between_identification_and_readout():
    receiver = Receiver()
    found = receiver.feed(b"/?!\r\n" + IDENT) + receiver.flush()
    found += receiver.feed(b"\x06050\r\n") + receiver.flush()
    found += receiver.feed(block())
    assert [e.values for e in found if isinstance(e, Reading)] == [VALUES]
    assert [e.kind for e in found if not isinstance(e, Reading)] in ([], [NOISE])


def test_noise_in_front():
    assert reading(b"\x7f\x7f" + IDENT + block()).values == VALUES


def test_the_end_on_the_last_data_line():
    assert reading(IDENT + block(LINES.replace(b"\r\n!", b"!"))).values == VALUES
    assert reading(IDENT + LINES.replace(b"\r\n!", b"!")).values == VALUES


def test_a_wrong_bcc():
    data = bytearray(IDENT + block())
    for i in range(len(IDENT) + 1, len(data) - 2):
        data[i] ^= 1
        found = events(bytes(data))
        assert not [e for e in found if isinstance(e, Reading)], i
        data[i] ^= 1
    data[-1] ^= 1
    assert events(bytes(data))[0].kind == CHECKSUM


def test_data_lines_alone_only_where_a_stream_begins():
    found = events(b"3*kWh)\r\n" + LINES)
    assert [e.kind for e in found] == [NOISE]
    cut = LINES[len(LINES) // 2 :]
    assert not [e for e in events(cut) if isinstance(e, Reading)]


def test_data_lines_alone_must_all_be_in_form():
    assert events(IDENT + LINES.replace(b"14.7(", b"14.7"))[0].kind == LAYOUT


def test_a_heat_meters_energy_is_no_electricity():
    got = reading(
        b"/SIEC2WR5\r\n" + block(b"6.8(0029.055*MWh)6.26(01589.28*m3)9.21(00010213)!\r\n")
    )
    assert got.values == {"6-0:6.8.0": (29055000, 0), "6-0:6.26.0": (158928, -2)}


def test_summer_time_that_is_not_told():
    lines = LINES.replace(b"24-03-21", b"24-07-21")
    assert reading(IDENT + block(lines)).time is None
    got = reading(IDENT + block(lines), profile="landis-gyr clock=local")
    assert got.time == "2024-07-21T21:10:29+02:00"


def test_a_readout_whose_bcc_agrees_by_chance():
    good = b"0.0.0(12345)\r\n1.8.0(000123.4*kWh)\r\n1.8.1(000023.4*kWh)\r\n"
    good += b"32.7(230.1*V)52.7(230.2*V)72.7(230.3*V)\r\nF.F(00)\r\n!\r\n"
    assert reading(block(good)).values["1.8.0"] == (123400, 0)
    for old, new in (
        (b"000123.4", b"00012.34"),  # another place for the point than in the other total
        (b"*kWh", b"*khW"),
        (b"*kWh", b"k*Wh"),
        (b"1.8.0(", b"18..0("),
        (b"1.8.0(", b"1.8(0."),
        (b"32.7(230.1*V)", b"32.7(23)0.1*V("),
        (b"000023.4", b"200023.4"),  # more than the total
        (b"230.2", b"020.2"),
        (b"230.2", b"930.2"),
        (b"F.F(00)", b"F.F(0\x00"),
        (b"F.F(00)", b"F.G(00)"),
        (b"F.F(00)", b"F.F 00)"),
    ):
        assert old in good
        found = events(IDENT + block(good.replace(old, new, 1)))
        assert [e.kind for e in found] in ([LAYOUT], [VALUE]), (new, found)


def test_sets_that_meters_write_otherwise():
    odd = b"F(0)6.8(0029.055*MWh)6.26(01589.28*m3)6.8*01(0028.086*MWh)9.4(088*C&082*C)9.22(R)\r\n"
    odd += b"6.8.1()0.3.0(1000*Imp/kWh)13.7(0.98)1.7.0(0.386*kW)21.7(0.38*kW)\r\n"
    odd += b"9.36(2017-01-18&01:36:47)9.2(&&)0.0(00010213)\r\n\x01C.1.0(5)\r\n!\r\n"
    assert reading(block(odd)).values["6-0:6.8.0"] == (29055000, 0)
    lines = (
        b"1-0:1.8.0*255(000846.0*kWh)\r\n1.8.0*01(00084.60*MWh)\r\n\x7f1-0:32.7.0(238,3*V)\r\n!\r\n"
    )
    assert reading(block(lines)).values["32.7.0"] == (2383, -1)


def test_values_of_meters_that_were_never_reset():
    lines = b"0.0.0(71000001)\r\nF.F(00)\r\n1.8.0*00(000123.45)\r\n2.8.0*00(000006.70)\r\n"
    lines += b"C.2.1(000000000000)(      )\r\n0.2.2(:::::G11)!\r\n"
    for data in (block(lines), IDENT + block(lines), lines):
        assert reading(data).values == {"1.8.0": (123450, 0), "2.8.0": (6700, 0)}


def test_values_of_billing_period_0_are_none_of_now_where_others_are():
    lines = b"0.0.0(71000001)\r\n1.8.0(000123.4*kWh)\r\n1.8.0*00(000023.4)\r\n"
    lines += b"2.8.0*00(000006.7*kWh)\r\n2.8.0*01(000005.7*kWh)\r\n!\r\n"
    assert reading(block(lines)).values == {"1.8.0": (123400, 0)}


def test_a_unit_behind_a_space():
    lines = b"C.1.0*255(40000001)\r\n1-0:1.8.0*255(024680 kWh)\r\n1-0:36.7.0*255( 001.25*kW)\r\n"
    got = reading(b"/ISk5MT171-0000\r\n" + block(lines + b"FF(00000000)\r\n!\r\n"))
    assert got.values == {"1.8.0": (24680000, 0), "36.7.0": (1250, 0)}
    assert got.meter == "40000001"


def test_values_of_past_periods_with_other_decimals():
    lines = b"1-0:96.1.0*255(001LOG0060000001)\r\n1-0:1.8.0*255(000846.1234*kWh)\r\n"
    lines += b"1-0:1.8.0*96(00019.3*kWh)\r\n1-0:1.8.0*100(00846.1*kWh)\r\n!\r\n"
    for data in (b"/LOG5LK13BE800000\r\n" + block(lines), lines):
        assert reading(data).values == {"1.8.0": (8461234, -1)}


def test_codes_whose_last_group_says_that_there_is_no_tariff():
    lines = b"\r\n1-0:1.8.0*255(00000846.1234567*kWh)\r\n1-0:21.7.255*255(000071.96*W)\r\n"
    lines += b"1-0:1.7.255*255(000071.96*W)\r\n0-0:96.1.255*255(1ESY1000000001)\r\n!\r\n"
    got = reading(b"/ESY5Q3DA1004 V3.02\r\n" + lines)
    assert got.meter == "1ESY1000000001"
    assert got.values["1.7.0"] == got.values["21.7.0"] == (7196, -2)


def test_times_that_tell_the_season():
    lines = LINES.replace(b"(21:10:29)", b"(%d211029)").replace(b"(24-03-21)", b"(%d240721)")
    assert reading(IDENT + block(lines % (1, 1))).time == "2024-07-21T21:10:29+02:00"
    assert reading(IDENT + block(lines % (0, 0))).time == "2024-07-21T21:10:29+01:00"
    assert reading(IDENT + block(lines % (2, 2))).time is None
    assert reading(IDENT + block(lines % (1, 0))).time is None
    date_alone = LINES.replace(b"(21:10:29)", b"(211029)").replace(b"(24-03-21)", b"(0240%d21)")
    assert reading(IDENT + block(date_alone % 7)).time is None
    assert reading(IDENT + block(date_alone % 2)).time == "2024-02-21T21:10:29+01:00"


def test_dates_with_the_year_in_full_and_ones_that_two_countries_read_otherwise():
    for date, time in (("2024-03-21", "2024-03-21T21:10:29+01:00"), ("21.03.24", None)):
        lines = LINES.replace(b"24-03-21", date.encode())
        assert reading(block(lines)).time == time


def test_power_factors_and_ids_as_displays_write_them():
    sets = b"C.1(1234567890)\r\n1.8.0(1*kWh)\r\n13.7(0.98)\r\n33.7(0.99)\r\n!\r\n"
    got = reading(IDENT + block(sets))
    assert (got.values["13.7.0"], got.codes["33.7.0"]) == ((98, -2), "1-0:33.7.0")
    assert got.meter == "1234567890"


def test_phases_that_tell_no_export_may_sum_up_to_more_than_the_total():
    def lines(total, *phases):
        sets = [b"1.7.0(%s*W)\r\n2.7.0(0*W)\r\n" % total]
        sets += [b"%d1.7.0(%s*W)\r\n" % (2 * n + 2, power) for n, power in enumerate(phases)]
        return IDENT + block(b"".join(sets) + b"!\r\n")

    assert reading(lines(b"500", b"900", b"300", b"0")).values["1.7.0"] == (500, 0)
    for wrong in (lines(b"5000", b"900", b"300", b"0"), lines(b"500", b"900", b"300", b"90")):
        [fault] = events(wrong)
        assert fault.kind == VALUE


def test_codes_of_the_last_days():
    lines = b"1-1:30D(000123.4*kWh)\r\n1-1:1D(000003.4*kWh)\r\n!\r\n"
    assert reading(IDENT + block(LINES.replace(b"!\r\n", lines))).values == VALUES
    assert events(IDENT + block(LINES.replace(b"14.7(", b"14D7(")))[0].kind == LAYOUT


def test_a_readout_cut_short_by_the_next_whatever_its_bcc():
    good = b"0.0.0(12345)\r\n1.8.0(000123.4*kWh)\r\n!\r\n"
    cut = b"\x020.0.0(12345)\r\n1.8.0(0001"
    for fill in range(128):  # one of which makes the BCC of both together agree
        for pieces in (0, 1):
            found = events(cut + bytes((fill,)) + block(good), pieces)
            assert [e.values for e in found if isinstance(e, Reading)] == [{"1.8.0": (123400, 0)}]


def test_binary_is_no_readout_whatever_its_bcc():
    """The rest of a damaged telegram may hold STX, a bracket and ETX; what follows is read."""
    for damage in (b"\x12\x06(\x0f\x16", b"\x06\x02 (\x12"):
        binary = block(damage + b"\x1d" + block()[:-2])
        found = events(binary + IDENT + block(), link="iec62056")
        assert [e.values for e in found if isinstance(e, Reading)] == [VALUES]
        assert "layout" not in [e.kind for e in found if not isinstance(e, Reading)]


def test_a_damaged_begin_is_no_readout_before_and_after_a_good_one():
    good = b"\x02" + b"0.0(00000011)1.8.1(029272,38*kWh)32.7(228,6*V)!\r\n\x03"
    bad = b"\x02\x00\x00\x00" + good[4:]
    wires = []
    for wire in (good, bad):
        check = 0
        for byte in wire[1:]:
            check ^= byte
        wires.append(wire + bytes((check,)))
    assert not [e for e in Receiver().feed(wires[1]) if isinstance(e, Reading)]
    receiver = Receiver()
    receiver.feed(wires[0])
    found = receiver.feed(wires[1]) + receiver.flush()
    assert not [e for e in found if isinstance(e, Reading)], found
    assert isinstance(receiver.feed(wires[0])[0], Reading)
