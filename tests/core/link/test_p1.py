"""P1 telegrams, plain and encrypted, through the link, the decoder and the Receiver."""

from smartmeter import Fault, Reading, Receiver
from smartmeter.checks.crc import arc, x25
from smartmeter.fault import CHECKSUM, KEY, LAYOUT, LENGTH, TAG
from smartmeter.link.p1 import P1
from smartmeter.wire.reading_encoder import to_json
from telegrams import AUTH_KEY, ciphered
from telegrams import KEY as KEY_16

HEAD = "/TST5\\253710000_A\r\n\r\n"
LINES = (
    "1-3:0.2.8(50)",
    "0-0:1.0.0(260703140005S)",
    "0-0:96.1.1(5453543030303030303031)",
    "1-0:1.8.1(000301.548*kWh)",
    "1-0:1.8.2(000270.014*kWh)",
    "1-0:2.8.1(000000.005*kWh)",
    "1-0:2.8.2(000000.000*kWh)",
    "0-0:96.14.0(0001)",
    "1-0:1.7.0(00.338*kW)",
    "1-0:2.7.0(00.000*kW)",
    "1-0:32.7.0(232.9*V)",
    "1-0:31.7.0(000.27*A)",
    "0-0:96.13.0()",
    "0-1:24.1.0(003)",
    "0-1:96.1.1(37464C4F32313233303838303237)",
    "0-1:24.2.3(260703140002S)(00092.287*m3)",
    "0-2:24.2.1(260703140002S)(00008.579*m3)",
    "0-3:24.2.1(632525252525S)(00000.000)",
)
VALUES = {
    "1.8.0": (571562, 0),
    "1.8.1": (301548, 0),
    "1.8.2": (270014, 0),
    "2.8.0": (5, 0),
    "2.8.1": (5, 0),
    "2.8.2": (0, 0),
    "1.7.0": (338, 0),
    "2.7.0": (0, 0),
    "16.7.0": (338, 0),
    "32.7.0": (2329, -1),
    "31.7.0": (27, -2),
    "24.2.3": (92287, -3),
    "0-2:24.2.1": (8579, -3),
    "96.14.0": (1, 0),
}


def telegram(lines=LINES, form="!%04X\r\n", head=HEAD):
    text = (head + "".join([line + "\r\n" for line in lines]) + "!").encode("latin-1")
    return text + (form % arc(text, 0, len(text)) if "%" in form else form).encode()[1:]


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


def fault(data, **settings):
    found = events(data, **settings)
    assert len(found) == 1, found
    assert not isinstance(found[0], Reading), found
    return found[0].kind


def one(line, **settings):
    """The value and unit of a single data line; None if it gives none."""
    got = reading(telegram([line, "1-0:82.8.0(1*Wh)"]), **settings)
    del got.values["82.8.0"]
    assert len(got.values) < 2, got.values
    for key in got.values:
        return key, got.values[key], got.units[key]


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


def test_forms_of_the_check_sum():
    for form in ("!%04X\r\n", "!%04x\r\n", "!%X\r\n", "!%04X", "!\r\n", "!"):
        assert reading(telegram(LINES[1:], form)).values == VALUES, form
    for n in range(1000):
        data = telegram(["1-0:1.7.0(%d*W)" % n], "!%X\r\n")
        if data[-5:-4] == b"!":  # two digits
            break
    assert reading(data).values == {"1.7.0": (n, 0)}


def test_the_sum_of_hdlc():
    text = telegram(form="!")
    data = text + b"%04X\r\n" % x25(text, 0, len(text))
    assert reading(data).values == VALUES
    assert reading(data.replace(b"\r", b"")).values == VALUES
    assert fault(data.replace(b"00.338", b"00.339")) == CHECKSUM


def test_line_ends_that_a_reader_has_changed():
    assert reading(telegram().replace(b"\r", b"")).values == VALUES
    assert reading(telegram(LINES[1:], "!\r\n").replace(b"\r", b"")).values == VALUES


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


def test_any_pieces_give_the_same():
    data = telegram(LINES[1:], "!\r\n") + telegram() + telegram()
    whole = [to_json(e) for e in events(data)]
    assert len(whole) == 3
    for pieces in (1, 2, 7, 100):
        assert [to_json(e) for e in events(data, pieces)] == whole


def test_noise_before_and_between():
    data = b"\x00\x7f//?!" + telegram() + b"5*kWh)\r\n!AB\r\n" + telegram()
    found = [e for e in events(data) if isinstance(e, Reading)]
    assert [e.values for e in found] == [VALUES, VALUES]


def test_every_flipped_bit_is_noticed():
    data = telegram()
    for i in range(len(data) - 2):
        for bit in (0, 3, 5, 7):
            bad = bytearray(data)
            bad[i] ^= 1 << bit
            for event in events(bytes(bad)):
                if isinstance(event, Reading):
                    assert event.values == VALUES, (i, bit)  # the case of a digit of the CRC
                    assert i >= len(data) - 6, (i, bit)


def test_a_wrong_or_cut_sum():
    assert fault(telegram()[:-6] + b"0000\r\n") == CHECKSUM
    assert fault(telegram()[:-6] + b"12G4\r\n") == CHECKSUM
    assert fault(telegram()[:200]) == LENGTH


def test_a_telegram_cut_short_does_not_spoil_the_next():
    for form in ("!%04X\r\n", "!\r\n"):
        data = telegram(LINES[1:], form)
        for cut in (30, 120, 200):
            found = events(data[:cut] + data)
            assert [e.values for e in found if isinstance(e, Reading)] == [VALUES], (form, cut)
            assert len(found) == 2, found


def test_without_a_sum_every_line_must_be_in_form():
    for line in ("nonsense", "1-0:1.8.0(00x1*kWh)", "(1*kWh)", "1-0:1.8.0(1*kWh"):
        assert fault(telegram([line, "1-0:1.7.0(1*W)"], "!\r\n")) == LAYOUT, line
    assert fault(telegram(["0-0:96.1.0(5)"])) == LAYOUT


def test_a_sum_that_was_lost():
    bare = telegram(LINES[1:], "!\r\n")
    assert reading(bare).values == VALUES
    assert fault(telegram(LINES, "!\r\n")) == CHECKSUM  # DSMR 5.0 has one
    found = events(telegram() + bare)
    assert [e.values for e in found if isinstance(e, Reading)] == [VALUES]
    assert found[1].kind == CHECKSUM
    # another meter, then, on the same line
    found = events(telegram() + 10 * bare)
    assert [type(e) is Reading for e in found] == [True] + 8 * [False] + 2 * [True]
    assert fault(bare[:-2] + b"\n") == CHECKSUM  # CR was hit, not the end of the text


def test_the_next_telegram_right_behind_the_end():
    for form in ("!", "!%X"):
        found = events(telegram(LINES[2:], form) + telegram(LINES[2:], form))
        assert [type(event) for event in found] == [Reading, Reading], form


def test_a_text_in_brackets_may_hold_anything():
    lines = ["0-0:96.13.0(a/b ! (/T5 !12 *)", "1-0:1.7.0(1*W)"]
    for form in ("!%04X\r\n", "!\r\n"):
        assert reading(telegram(lines, form)).values == {"1.7.0": (1, 0)}


def test_endless_text_is_held_up_to_a_bound():
    receiver = Receiver()
    kinds = set()
    for _ in range(100):
        for event in receiver.feed(HEAD.encode() + b"1-0:1.8.1(000301.548*kWh)\r\n" * 40):
            kinds.add(event.kind)
        assert len(receiver._buf) <= P1.MAX
    assert kinds == {LENGTH} or kinds == {LENGTH, "noise"}


def test_the_whole_text_ciphered():
    for title in (b"SAGgp\x00\x00\x01", b"SAG5\x00\x00\x00\x01"):
        data = ciphered(telegram(), 7, 0x30, title=title)
        got = reading(data, key=KEY_16, auth_key=AUTH_KEY)
        assert (got.values, got.auth, got.counter, got.seq) == (VALUES, "verified", 7, 7)
        for link in ("p1", "apdu"):
            assert reading(data, key=KEY_16, link=link).values == VALUES
        assert got.time == "2026-07-03T14:00:05+02:00"
        assert reading(data, key=KEY_16).auth == "unverified"
        assert fault(data) == KEY
        assert fault(data, key=bytes(16)) == KEY
        assert fault(data, key=KEY_16, auth_key=bytes(16)) == TAG


def test_ciphered_telegrams_one_after_the_other_in_any_pieces():
    data = b"".join([ciphered(telegram(), n, 0x30) for n in (1, 2, 3)])
    for pieces in (0, 1, 50):
        found = events(data, pieces, key=KEY_16, auth_key=AUTH_KEY)
        assert [e.counter for e in found] == [1, 2, 3], pieces


def test_the_sum_inside_is_checked_where_no_tag_is():
    text = telegram()[:-6] + b"0000\r\n"
    assert fault(ciphered(text, 1, 0x20), key=KEY_16) == CHECKSUM


def test_lines_ciphered_behind_a_plain_identification():
    plain = telegram()[len(HEAD) :]
    block = b"\x00" + ciphered(plain, 0, 0x30, title=bytes(8), ber=_long)[10:]
    for head in (HEAD, "/KFM5KAIFA-METER\r\n\r\n"):
        for body in (plain, telegram()):
            block = b"\x00" + ciphered(body, 0, 0x30, title=bytes(8), ber=_long)[10:]
            for tail in (b"", b"!9A0C\r\n", b"\r\n"):
                data = head.encode() + block + tail
                for pieces in (0, 1):
                    found = events(data, pieces, key=KEY_16, auth_key=AUTH_KEY)
                    assert len(found) == 1, found
                    assert (found[0].values, found[0].auth) == (VALUES, "verified")
                    assert found[0].counter is None
    assert fault(HEAD.encode() + block) == KEY
    assert fault(HEAD.encode() + block, key=bytes(16)) == KEY


def test_a_ciphered_telegram_cut_short_behind_a_damaged_identification():
    block = b"\x00" + ciphered(telegram(), 0, 0x30, title=bytes(8), ber=_long)[10:]
    good = HEAD.encode() + block
    line_end = len(HEAD) - 4  # where a length that is too long by so much still seems right
    for at in range(1, 5):
        bad = bytearray(good[:-line_end])
        bad[at] ^= 2
        for pieces in (0, 1, 64):
            found = events(good + bytes(bad) + good, pieces, key=KEY_16, auth_key=AUTH_KEY)
            assert [type(e) for e in found] == [Reading, Fault, Reading], (at, found)
            assert found[1].kind == LENGTH


def _long(n):
    return b"\x82" + n.to_bytes(2, "big")


def extra(lines, **settings):
    """The fourth reading of a Receiver that makes texts; from the third on a layout is kept."""
    receiver = Receiver(**settings)
    receiver.extras = True
    for _ in range(4):
        got = receiver.feed(telegram(lines))[0]
    assert isinstance(got, Reading), got
    return got


def test_tariff_failures_sags_and_swells_are_values():
    got = extra(
        [
            "0-0:96.14.0(0002)",
            "0-0:96.14.1(03)",
            "0-0:96.7.21(00013)",
            "0-0:96.7.9(00003)",
            "1-0:32.32.0(00007)",
            "1-0:52.36.0(00001)",
            "1-0:1.7.0(1*W)",
        ]
    )
    assert got.values == {
        "96.14.0": (2, 0),
        "96.14.1": (3, 0),
        "96.7.21": (13, 0),
        "96.7.9": (3, 0),
        "32.32.0": (7, 0),
        "52.36.0": (1, 0),
        "1.7.0": (1, 0),
    }
    assert set(got.units[key] for key in got.values if key != "1.7.0") == {""}
    named = extra(["0-0:96.14.0(RATE2)", "1-0:1.7.0(1*W)"])
    assert named.texts == {"0-0:96.14.0": "RATE2"}


def test_messages_peaks_months_and_failures_are_texts():
    lines = [
        "0-0:96.13.0(4F6E646572686F756421)",
        "0-0:96.13.1()",
        "1-0:1.6.0(261103113000W)(04.318*kW)",
        "0-0:98.1.0(3)(1-0:1.6.0)(1-0:1.6.0)(261001000000S)(260910183000S)(04.229*kW)"
        "(261101000000W)(632525252525W)(00.000*kW)(261201000000W)(261130080000W)(1.5*kW)",
        "1-0:99.97.0(2)(0-0:96.7.19)(101208152415W)(0000000240*s)(101208151004W)(0000000301*s)",
        "1-0:1.7.0(1*W)",
    ]
    got = extra(lines)
    assert got.values == {"1.6.0": (4318, 0), "1.7.0": (1, 0)}
    assert got.texts == {
        "0-0:96.13.0": "Onderhoud!",
        "1-0:1.6.0": "2026-11-03T11:30:00+01:00",
        "0-0:98.1.0": "2026-10-01T00:00:00+02:00,2026-09-10T18:30:00+02:00,4229;"
        "2026-11-01T00:00:00+01:00,,;2026-12-01T00:00:00+01:00,2026-11-30T08:00:00+01:00,1500",
        "1-0:99.97.0": "2010-12-08T15:24:15+01:00,240;2010-12-08T15:10:04+01:00,301",
    }
    assert to_json(got, ["1.7.0", "1.6.0", "96.13.0"]).endswith(
        '"values":{"1.7.0":1,"1.6.0":4318},'
        '"texts":{"1.6.0": "2026-11-03T11:30:00+01:00", "96.13.0": "Onderhoud!"}}'
    )
    assert "texts" not in to_json(got)
    # value before time, as in 2026
    later = extra(["1-0:1.6.0(04.318*kW)(261103113000W)", "1-0:1.7.0(1*W)"], zone="+02:00 EU")
    assert later.texts == {"1-0:1.6.0": "2026-11-03T11:30:00+02:00"}


def test_extras_in_disorder_harm_no_reading():
    for line in (
        "0-0:98.1.0(2)(1-0:1.6.0)",
        "0-0:98.1.0()",
        "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(x)(y)(z)(261001000000S)(260910183000S)(kW)",
        "1-0:99.97.0(1)(0-0:96.7.19)(101208152415W)",
        "1-0:99.97.0()",
        "0-0:96.13.0(4F6)",
        "0-0:96.14.0()",
        "0-0:96.7.21(x)",
        "1-0:32.32.0(*)",
        "1-0:1.6.0(632525252525W)(00.000*kW)",
    ):
        assert extra([line, "1-0:1.7.0(1*W)"]).values["1.7.0"] == (1, 0), line


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
