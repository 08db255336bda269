"""TIC frames of France's meters through the link, the decoder and the Receiver."""

from smartmeter import Fault, Reading, Receiver
from smartmeter.fault import CHECKSUM, LAYOUT, LENGTH, NOISE, VALUE

HISTORICAL = (
    "ADCO 041860000001",
    "OPTARIF HC..",
    "ISOUSC 45",
    "HCHC 014460852",
    "HCHP 012506372",
    "PTEC HP..",
    "IINST 002",
    "IMAX 090",
    "PAPP 00390",
    "HHPHC A",
    "MOTDETAT 000000",
)
STANDARD = (
    "ADSC\t042170000001",
    "VTIC\t02",
    "DATE\tE210718111041\t",
    "NGTF\t      BASE      ",
    "LTARF\t      BASE      ",
    "EAST\t028138222",
    "EASF01\t028138222",
    "EASD01\t028138222",
    "EAIT\t000000123",
    "ERQ1\t000000010",
    "ERQ2\t000000020",
    "IRMS1\t002",
    "URMS1\t231",
    "SINSTS\t01407",
    "SINSTI\t00000",
    "SMAXSN\tE210718001319\t03680",
    "CCASN\tE210718110000\t01290",
    "MSG1\tPAS DE          MESSAGE         ",
)


def group(text, counted=None):
    """A group with its check; counted: whether that counts the last separator."""
    separator = "\t" if "\t" in text else " "
    if counted is None:
        counted = separator == "\t"
    total = sum(text.encode()) + (ord(separator) if counted else 0)
    return b"\n" + text.encode() + separator.encode() + bytes((32 + (total & 63),)) + b"\r"


def frame(texts):
    return b"\x02" + b"".join([group(text) for text in texts]) + b"\x03"


def events(data, **settings):
    receiver = Receiver(**settings)
    return receiver.feed(data) + receiver.flush()


def reading(data, **settings):
    (found,) = events(data, **settings)
    assert isinstance(found, Reading), found
    return found


def fault(data):
    found = [event for event in events(data) if isinstance(event, Fault)]
    assert len(found) == 1, found
    return found[0]


def changed(texts, before, after):
    """The texts with one of them replaced, or left out where after is ""."""
    out = [after if text == before else text for text in texts]
    assert before not in out
    return [text for text in out if text]


def test_the_check_is_that_of_a_meter_s_own_group():
    assert group("PAPP 00390")[-2:] == b"-\r"
    assert group("HHPHC A")[-2:] == b",\r"
    assert group("EAIT\t000000123")[-2:] == b"K\r"
    assert group("DATE\tE210718111041\t")[-2:] == b"9\r"


def test_historical_mode():
    found = reading(frame(HISTORICAL))
    assert found.meter == "041860000001"
    assert found.values == {
        "1.8.0": (26967224, 0),
        "1.8.1": (14460852, 0),
        "1.8.2": (12506372, 0),
        "9.7.0": (390, 0),
        "31.7.0": (2, 0),
    }
    assert found.units["9.7.0"] == "VA"
    assert found.units["1.8.0"] == "Wh"
    assert found.codes["1.8.0"] == "1-0:1.8.0"
    assert found.texts["0-0:96.14.0"] == "HP.."
    assert found.time is None
    assert found.layers == ("tic", "labels")


def test_standard_mode():
    found = reading(frame(STANDARD))
    assert found.meter == "042170000001"
    assert found.time == "2021-07-18T11:10:41+02:00"
    assert found.clock == "meter"
    assert found.values == {
        "1.8.0": (28138222, 0),
        "1.8.1": (28138222, 0),
        "2.8.0": (123, 0),
        "5.8.0": (10, 0),
        "6.8.0": (20, 0),
        "3.8.0": (30, 0),
        "31.7.0": (2, 0),
        "32.7.0": (231, 0),
        "9.7.0": (1407, 0),
        "10.7.0": (0, 0),
        "1.5.0": (1290, 0),
    }
    assert {found.units[code] for code in ("9.7.0", "10.7.0")} == {"VA"}
    assert found.texts["0-0:96.13.0"] == "PAS DE          MESSAGE"


def test_apparent_power_is_no_active_power():
    for texts in (HISTORICAL, STANDARD):
        values = reading(frame(texts)).values
        assert not [code for code in ("1.7.0", "2.7.0", "16.7.0") if code in values]


def test_old_meters_that_separate_by_tabs():
    texts = [text.replace(" ", "\t") for text in HISTORICAL]
    data = b"\x02" + b"".join([group(text, False) for text in texts]) + b"\x03"
    assert reading(data).values == reading(frame(HISTORICAL)).values


def test_groups_of_two_modes_are_no_frame():
    data = frame(STANDARD[:-1])[:-1] + group("PAPP 00390") + b"\x03"
    assert fault(data).kind == CHECKSUM


def test_every_tariff_option_has_its_total():
    head, tail = list(HISTORICAL[:3]), list(HISTORICAL[5:])
    for registers, values in (
        (("BASE 000000007",), {"1.8.0": (7, 0)}),
        (("EJPHN 000000007", "EJPHPM 000000002"), {"1.8.0": (9, 0), "1.8.2": (2, 0)}),
        (
            (
                "BBRHCJB 000000001",
                "BBRHPJB 000000020",
                "BBRHCJW 000000300",
                "BBRHPJW 000004000",
                "BBRHCJR 000050000",
                "BBRHPJR 000600000",
            ),
            {"1.8.0": (654321, 0), "1.8.1": (1, 0), "1.8.6": (600000, 0)},
        ),
    ):
        found = reading(frame(head + list(registers) + tail)).values
        for code in values:
            assert found[code] == values[code]
        assert ("1.8.1" in found) == (len(registers) > 1)
        if len(registers) > 1:  # a register is missing: no total without it
            told = fault(frame(head + list(registers[1:]) + tail))
            assert (told.kind, "registers of one tariff option" in told.detail) == (LAYOUT, True)
    mixed = fault(frame(list(HISTORICAL) + ["BASE 000000007"]))
    assert mixed.kind == LAYOUT


def test_three_phases():
    texts = [f"IINST{n} 00{n}" for n in (1, 2, 3)]
    found = reading(frame(changed(HISTORICAL, "IINST 002", "") + texts)).values
    assert [found[code] for code in ("31.7.0", "51.7.0", "71.7.0")] == [(1, 0), (2, 0), (3, 0)]
    texts = ["IRMS2\t003", "IRMS3\t004", "URMS2\t230", "URMS3\t229", "SINSTS3\t00460"]
    found = reading(frame(list(STANDARD) + texts)).values
    assert found["51.7.0"] == (3, 0)
    assert found["72.7.0"] == (229, 0)
    assert found["69.7.0"] == (460, 0)


def test_the_short_frame_of_an_overload():
    texts = ["ADIR1 032", "ADCO 041860000001", "IINST1 032", "IINST2 002", "IINST3 003"]
    assert reading(frame(texts)).values["31.7.0"] == (32, 0)


def test_dates():
    for date, time in (
        ("H261122211005", "2026-11-22T21:10:05+01:00"),
        ("E260622211005", "2026-06-22T21:10:05+02:00"),
        ("e260622211005", None),  # the meter's clock is not sure
        ("h261122211005", None),
        (" 261122211005", None),
        ("H261322211005", None),
        ("H2611222110", None),
    ):
        texts = changed(STANDARD, "DATE\tE210718111041\t", "DATE\t" + date + "\t")
        assert reading(frame(texts)).time == time


def test_any_chunks():
    data = frame(HISTORICAL) + frame(STANDARD)
    whole = [repr(event.values) for event in events(data)]
    assert len(whole) == 2
    for size in (1, 7, 100):
        receiver = Receiver()
        found = []
        for at in range(0, len(data), size):
            found += receiver.feed(data[at : at + size])
        assert [repr(event.values) for event in found] == whole


def test_the_next_frames_of_a_meter():
    """A Receiver that has seen the meter gives what a new one would."""
    after = (
        ("EAST\t028138222", "EAST\t028138229"),
        ("DATE\tE210718111041\t", "DATE\tE210718111943\t"),
        ("DATE\tE210718111041\t", "DATE\tE210718121041\t"),
        ("DATE\tE210718111041\t", "DATE\tE210718117041\t"),
        ("DATE\tE210718111041\t", "DATE\te210718111041\t"),
        ("SMAXSN\tE210718001319\t03680", "SMAXSN\tE210719001319\t04680"),
        ("CCASN\tE210718110000\t01290", "CCASN\tE210718113000\t01300"),
        ("MSG1\tPAS DE          MESSAGE         ", "MSG1\tUN              MESSAGE         "),
        ("EAIT\t000000123", "EAIT\t00000p123"),
        ("EASF01\t028138222", "EASF01\t928138222"),
        ("EASF01\t028138222", "EASF02\t028138222"),
        ("URMS1\t231", "URMS1\t001"),
        ("VTIC\t02", "VTIC\t03"),
        ("ADSC\t042170000001", "ADSC\t042170000002"),
    )
    for before, text in after:
        data = frame(changed(STANDARD, before, text))
        knowing = Receiver()
        knowing.feed(frame(STANDARD) * 3)
        for _ in range(2):
            (found,) = knowing.feed(data)
            (expected,) = events(data)
            assert repr(found) == repr(expected)
            if isinstance(expected, Reading):
                for name in ("meter", "time", "clock", "values", "codes", "units", "texts"):
                    assert getattr(found, name) == getattr(expected, name), name
    knowing = Receiver()
    for texts in (HISTORICAL, STANDARD, HISTORICAL, changed(HISTORICAL, "HCHC 014460852", "")):
        for event in knowing.feed(frame(texts)):
            assert [repr(event)] == [repr(expected) for expected in events(frame(texts))]


def test_a_stream_that_is_met_in_the_middle():
    first, second = events(frame(HISTORICAL)[50:] + frame(HISTORICAL))
    assert first.kind == NOISE
    assert isinstance(second, Reading)


def test_damage():
    data = frame(STANDARD)
    flipped = data.replace(b"028138222", b"028138223", 1)
    assert fault(flipped).kind == CHECKSUM
    assert fault(data.replace(b"\nEAIT", b"\x0bEAIT")).kind == CHECKSUM
    assert fault(data.replace(b"EAIT\t", b"EAIT ")).kind == CHECKSUM
    cut = events(data[:200] + data)
    assert cut[0].kind == LENGTH
    assert isinstance(cut[1], Reading)
    assert fault(data[:200]).kind == LENGTH
    given_up = events(data[:200] + b"\x04" + data)
    assert (given_up[0].kind, "interrupted" in given_up[0].detail) == (LENGTH, True)
    assert isinstance(given_up[1], Reading)
    assert events(b"\x02\nAD" + b"B" * 5000)[0].kind == LENGTH


def test_what_the_check_does_not_see():
    """It has six bits: bit 6 of a character, and four digits 0 lost at once."""
    for text in ("EAIT\t0000\x70\x300123", "EAIT\t00123", "EAIT\t", "EAIT\t-00000123"):
        told = fault(frame(changed(STANDARD, "EAIT\t000000123", text)))
        assert (told.kind, "EAIT" in told.detail) == (LAYOUT, True)
    for number in ("04217000000q", "0421700000011", ""):
        told = fault(frame(changed(STANDARD, "ADSC\t042170000001", "ADSC\t" + number)))
        assert told.kind == LAYOUT
    data = frame(changed(STANDARD, "EAIT\t000000123", "EAIT\t00000\x80123"))
    assert fault(data).kind == LAYOUT
    assert fault(frame(list(STANDARD) + ["EAIT\t000000124"])).kind == LAYOUT
    assert fault(frame(changed(STANDARD, "EAST\t028138222", ""))).kind == LAYOUT
    for text in ("IINST\t002", "PAPP\t00002", "EASF1\t028138222"):
        assert "two values" in fault(frame(list(STANDARD) + [text])).detail
    assert fault(frame(list(STANDARD) + ["EASF11\t000000000"])).kind == LAYOUT
    assert fault(frame(changed(STANDARD, "EASF01\t028138222", "EASF01\t928138222"))).kind == VALUE
    assert fault(frame(changed(STANDARD, "URMS1\t231", "URMS1\t001"))).kind == VALUE
    assert fault(frame(["ADCO 041860000001"])).kind == LAYOUT
    assert fault(frame(["ADIR1 032", "IINST1 032"])).kind == LAYOUT


def test_a_readout_of_iec_62056_21_is_not_taken_for_a_frame():
    block = b"1.8.0(000123.456*kWh)\r\n!\r\n\x03"
    bcc = 0
    for byte in block:
        bcc ^= byte
    assert reading(b"\x02" + block + bytes((bcc,))).layers[0] == "iec62056"
