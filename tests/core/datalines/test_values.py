"""Data lines of P1: values, units, times and the meter's id."""

from p1_texts import LINES, VALUES, extra, one, reading, telegram
from smartmeter import Receiver
from smartmeter.wire.reading_encoder import to_json


def test_values_units_time_and_meter():
    got = reading(telegram())
    assert got.values == VALUES
    assert got.units["1.8.0"] == "Wh"
    assert got.units["24.2.3"] == "m3"
    assert got.codes["24.2.3"] == "0-1:24.2.3"
    assert (got.time, got.clock) == ("2026-07-03T14:00:05+02:00", "meter")
    assert got.meter == "TST00000001"
    assert (got.auth, got.counter) == ("none", None)


def test_normal_time():
    lines = ["0-0:1.0.0(261122211005W)", "1-0:1.7.0(1*W)"]
    assert reading(telegram(lines)).time == "2026-11-22T21:10:05+01:00"


def test_times_that_are_none():
    for text in (
        "261322211005W",
        "260229211005W",
        "261122251005W",
        "632525252525S",
        "000101010000W",
        "250000000000W",
        "2611222110",
        "",
        "x",
    ):
        got = reading(telegram(["0-0:1.0.0(%s)" % text, "1-0:1.7.0(1*W)"]))
        assert got.time is None, text
        assert got.clock is None


def test_time_without_a_mark_of_summer():
    def time(text, profile=None):
        lines = ["0-0:1.0.0(%s)" % text, "1-0:1.7.0(1*W)"]
        return reading(telegram(lines), profile=profile).time

    assert time("20240111 09:35:00") == "2024-01-11T09:35:00+01:00"
    assert time("20240711 09:35:00") is None  # nobody knows which
    assert time("20240711 09:35:00", "kamstrup clock=standard") == "2024-07-11T09:35:00+01:00"
    assert time("20240711 09:35:00", "kamstrup clock=local") == "2024-07-11T09:35:00+02:00"


def test_times_in_hexadecimal():
    lines = ["0-0:1.0.0(07EA0B16FF150A0500FFC400)", "1-0:1.7.0(1*W)"]
    for _ in range(4):  # kept as a layout from the third on
        assert reading(telegram(lines)).time == "2026-11-22T21:10:05+01:00"
    lines[0] = "0-0:1.0.0(07EA0B16FF150A0500FFC40X)"
    assert reading(telegram(lines)).time is None
    lines[0] = "0-0:1.0.0(07EA0D16FF150A0500FFC400)"
    assert reading(telegram(lines)).time is None


def test_another_time_zone():
    for zone in ("+02:00 EU", "+02:00 IL", "+02:00"):  # the letter says that it is summer time
        assert reading(telegram(), zone=zone).time == "2026-07-03T14:00:05+03:00"
    receiver = Receiver(zone="+02:00 EU")
    for _ in range(4):  # kept as a layout from the third on
        assert receiver.feed(telegram())[0].time == "2026-07-03T14:00:05+03:00"
    lines = ["0-0:1.0.0(20260703140005)", "1-0:1.7.0(1*W)"]
    assert reading(telegram(lines), zone="+03:00").time == "2026-07-03T14:00:05+03:00"
    assert reading(telegram(lines), zone="+02:00 EU").time is None


def test_units_and_numbers_as_meters_write_them():
    for line, expected in (
        ("1-0:1.8.0(006545766*Wh)", ("1.8.0", (6545766, 0), "Wh")),
        ("1-0:3.8.0(00001724.067*kVArh)", ("3.8.0", (1724067, 0), "varh")),
        ("1-0:3.7.0(0000.119*kVAr)", ("3.7.0", (119, 0), "var")),
        ("1-0:1.8.0(123456.789*kwh)", ("1.8.0", (123456789, 0), "Wh")),
        ("1-0:1.7.0(00.5*MW)", ("1.7.0", (500000, 0), "W")),
        ("0-1:24.2.1(240.860*GJ)", ("24.2.1", (240860000000, 0), "J")),
        ("1-0:1.8.0*255(00032549.5061662*kWh)", ("1.8.0", (325495061662, -4), "Wh")),
        ("1-0:14.7.0(0000.049*kHz)", ("14.7.0", (49, 0), "Hz")),
        ("1-0:31.7.0(0000.005*kA)", ("31.7.0", (5, 0), "A")),
        ("1-0:32.7.0(0000.242*kV)", ("32.7.0", (242, 0), "V")),
        ("1-0:31.7.0.255(001*A)", ("31.7.0", (1, 0), "A")),
        ("1-0:4:24.7.0(1*A)", None),
        ("1-1:31.4.0(100*A)(-063*A)", ("31.4.0", (100, 0), "A")),
        ("1-0:1.7.0(-00.250*kW)", ("1.7.0", (-250, 0), "W")),
        ("1-0:1.8.0(1,5*kWh)", ("1.8.0", (1500, 0), "Wh")),
        ("1-0:13.7.0(0.869)", ("13.7.0", (869, -3), "")),
        ("1-0:32.7.0(229.4)", ("32.7.0", (2294, -1), "V")),
        ("1-0:1.8.0(1234.5)", ("1.8.0", (1234500, 0), "Wh")),
        ("1-0:1.8.0(1234)", None),
        ("1-0:1.8.0*01(1234.5*kWh)", None),
        ("1-0:1.6.0(231102114500W)(03.064*kW)", ("1.6.0", (3064, 0), "W")),
        ("1-0:1.6.0(231102114500W)(03.064kW)", ("1.6.0", (3064, 0), "W")),
        ("1-0:1.6.0(231102114500W)", None),
        ("1-0:1.8.1(001247.747kWh)", ("1.8.1", (1247747, 0), "Wh")),
        ("1-0:31.7.0(000.19A)", ("31.7.0", (19, -2), "A")),
        ("1-0:31.7.0(000.19V)", None),
        ("0-0:96.13.0(3030A)", None),
        ("0-0:98.1.0(1)(1-0:1.6.0)(1-0:1.6.0)(230801000000S)(632525W)(00.1*kW)", None),
        ("1-0:99.97.0(1)(0-0:96.7.19)(000101000024W)(2147483647*s)", None),
        ("1-0:1.8.0()", None),
        ("1-0:1.8.0(00x1*kWh)", None),
        ("1-0:300.8.0(1*kWh)", None),
        ("nonsense", None),
        ("(1*kWh)", None),
    ):
        assert one(line) == expected, line


def test_power_with_a_sign_of_easymeter():
    lines = ["0-0:96.1.255*255(1ESY1160000001)", "1-0:1.7.0*255(-000997.90*W)"]
    for _ in range(4):
        got = reading(telegram(lines, "!\r\n", "/ESY5Q3DA1024 V3.04\r\n\r\n"))
        assert got.values == {"1.7.0": (-99790, -2), "16.7.0": (-99790, -2)}
        assert got.units["16.7.0"] == "W"
    lines[0] = "0-0:96.1.255*255(1TST1160000001)"
    assert "16.7.0" not in reading(telegram(lines)).values


def test_gas_on_two_lines():
    lines = [
        "1-0:1.7.0(1*W)",
        "0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)",
        "(00001.001)",
        "0-1:24.4.0(1)",
    ]
    got = reading(telegram(lines, "!\r\n"))
    assert got.values["24.2.1"] == (1001, -3)
    lines[1] = "0-1:24.3.0(632525252525)(00)(60)(1)(0-1:24.2.1)(m3)"
    assert "24.2.1" not in reading(telegram(lines, "!\r\n")).values


def test_values_of_the_last_month_between_brackets_of_their_own():
    block = ["0-0:98.1.0", "(", "0-0:1.0.0(260601000000T)", "1-0:1.8.0(0000001.000*kWh)", ")"]
    lines = list(LINES)
    message = "0-0:96.13.0(%s)" % ("\xff" * 1024)
    for at in (1, len(LINES)):
        for _ in range(4):
            got = reading(telegram(lines[:at] + block + lines[at:] + [message]))
            assert (got.values, got.time) == (VALUES, "2026-07-03T14:00:05+02:00")
    got = reading(telegram(lines + block[:-1]))  # whose end is missing
    assert (got.values, got.time) == (VALUES, "2026-07-03T14:00:05+02:00")


def test_the_identification_alone_is_the_meter_where_no_line_tells_it():
    for line in ("0-0:96.1.1()", "0-0:96.1.1(00000000)", "0-0:17.0.0(999*A)"):
        got = reading(telegram([line, "1-0:1.7.0(1*W)"]))
        assert got.meter == "TST5\\253710000_A"
    got = reading(telegram(["0-0:42.0.0(53414731303330373030303032353734)", "1-0:1.7.0(1*W)"]))
    assert got.meter == "SAG1030700002574"
    for told, meter in (
        ("20545354313200000000", "TST12"),
        ("20202020", "20202020"),
        ("63355730", "63355730"),
        ("633557303132", "633557303132"),
    ):
        assert reading(telegram(["0-0:96.1.1(%s)" % told, "1-0:1.7.0(1*W)"])).meter == meter
    assert reading(telegram(["0-0:96.1.1(ADC3100000158491)", "1-0:1.7.0(1*W)"])).meter == (
        "ADC3100000158491"
    )


def test_power_from_the_phases_where_no_sum_is_sent():
    def power(*numbers):
        codes = ("21", "41", "61", "22", "42", "62")
        lines = ["1-0:%s.7.0(%s*kW)" % pair for pair in zip(codes, numbers)]
        values = extra(lines).values
        return [values[c][0] if c in values else None for c in ("1.7.0", "2.7.0", "16.7.0")]

    assert power("0.000", "0.000", "0.000", "1.186", "1.061", "1.014") == [0, 3261, -3261]
    assert power("1.186", "1.061", "1.014", "0.000", "0.000", "0.000") == [3261, 0, 3261]
    assert power("0.000", "0.000", "0.000", "0.000", "0.000", "0.000") == [0, 0, 0]
    # meters differ in what 1.7.0 is then
    assert power("0.500", "0.000", "0.000", "0.000", "0.200", "0.000") == [None, None, 300]
    assert power("0.500", "0.400", "0.300") == [None, None, None]  # their export is not known
    receiver = Receiver()
    found = []
    for number in ("0.000", "0.100", "0.000", "0.100"):
        lines = ["1-0:21.7.0(%s*kW)" % number] + ["1-0:%s.7.0(0.000*kW)" % c for c in (41, 61)]
        lines += ["1-0:%s.7.0(0.200*kW)" % c for c in (22, 42, 62)]
        found.append(receiver.feed(telegram(lines))[0].values.get("2.7.0"))
    assert found == [(600, 0), None, (600, 0), None]


def test_whose_id_it_is():
    power = "1-0:1.7.0(1*W)"
    gas = "0-1:96.1.1(37464C4F32313233303838303237)"
    heat = "0-1:24.2.1(260703140002S)(477.000*GJ)"
    for lines, meter in (
        (["0-0:96.1.1(5453543030303030303031)", gas, power], "TST00000001"),
        ([gas, "0-0:96.1.1(5453543030303030303031)", power], "TST00000001"),
        (["0-0:96.1.1()", gas, power], "TST5\\253710000_A"),
        (["0-0:96.1.1(0)", gas, power], "TST5\\253710000_A"),
        ([gas, heat], "7FLO2123088027"),
        (["0-0:96.1.1(0)", gas, heat], "7FLO2123088027"),
    ):
        assert reading(telegram(lines)).meter == meter, lines


def test_temperatures():
    got = reading(telegram(["1-0:1.7.0(1*W)", "0-1:24.2.6(260703140002S)(65.4*degC)"]))
    assert got.values["0-1:24.2.6" if "0-1:24.2.6" in got.values else "24.2.6"] == (654, -1)


def test_a_reading_without_any_of_the_values_is_no_message():
    got = reading(telegram(["0-1:24.2.1(260703140002S)(477.000*GJ)"]))
    assert to_json(got) == ""
    assert to_json(got, ["24.2.1"]).endswith('"values":{"24.2.1":477000000000}}')
