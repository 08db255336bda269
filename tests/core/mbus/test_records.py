"""M-Bus data records (EN 13757-3): polled meters, and AMIS with its own key."""

from smartmeter import Reading, Receiver
from smartmeter.crypto.aes import ecb
from smartmeter.fault import CIPHER, KEY, LAYOUT, LENGTH, VALUE

KEY_16 = bytes(range(16))
AMIS_RECORDS = (
    "066d5f0c48c1171b"
    "040300720a00"
    "04833c84f90100"
    "8410fb82731e760500"
    "8410fb82f33c263e0100"
    "042b01000000"
    "04ab3c75000000"
    "04fb1402000000"
    "04fb943c03000000"
    "0483ff04ecffffff"
)


# Its place of a value: any may be true.
AMIS_VALUES = (
    (4, 10),
    (12, 16),
    (19, 23),
    (28, 32),
    (38, 42),
    (44, 48),
    (51, 55),
    (58, 62),
    (66, 70),
    (74, 78),
)


def frame(data):
    return b"\x68" + bytes((len(data),)) * 2 + b"\x68" + data + bytes((sum(data) & 0xFF, 0x16))


def reply(records, maker="TST", medium=2, ci=0x72, configuration=b"\x00\x00"):
    letters = 0
    for c in maker:
        letters = letters << 5 | ord(c) - 64
    head = bytes.fromhex("78563412") + letters.to_bytes(2, "little") + bytes((1, medium, 9, 0))
    return frame(bytes((0x08, 1, ci)) + head + configuration + bytes.fromhex(records))


def amis(plain, key=KEY_16, access=13):
    head = bytes.fromhex("000000002d4c010e")
    encipher = ecb(key)
    last = head[4:6] + head[:4] + head[6:8] + bytes((access,)) * 8
    text = b""
    for i in range(0, len(plain), 16):
        block = bytearray(a ^ b for a, b in zip(plain[i : i + 16], last))
        encipher(block)
        last = bytes(block)
        text += last
    blocks = bytes((len(plain) // 16 << 4, 5))
    return frame(b"\x53\xf0\x5b" + head + bytes((access, 0)) + blocks + text)


def amis_plain(records=AMIS_RECORDS):
    return b"\x2f\x2f" + bytes.fromhex(records) + b"\x2f\x2f"


def events(data, **settings):
    receiver = Receiver(**settings)
    return receiver.feed(data) + receiver.flush()


def reading(data, **settings):
    found = events(data, **settings)
    assert len(found) == 1, found
    assert isinstance(found[0], Reading), found
    return found[0]


def fault(data, **settings):
    found = events(data, **settings)
    assert len(found) == 1, found
    return found[0].kind


def values(records, maker="TST"):
    return reading(reply(records, maker)).values


def test_amis():
    plain = amis_plain()
    assert len(plain) == 80
    got = reading(amis(plain), key=KEY_16)
    assert got.values == {
        "1.8.0": (684544, 0),
        "2.8.0": (129412, 0),
        "3.8.1": (357918, 0),
        "3.8.0": (357918, 0),
        "4.8.1": (81446, 0),
        "4.8.0": (81446, 0),
        "1.7.0": (1, 0),
        "2.7.0": (117, 0),
        "16.7.0": (-116, 0),
        "3.7.0": (2, 0),
        "4.7.0": (3, 0),
        "1.128.0": (-20, 0),
    }
    assert got.units["4.8.1"] == "varh"
    assert got.units["1.128.0"] == "Wh"
    assert (got.time, got.clock) == ("2014-07-01T08:12:31+02:00", "meter")
    assert (got.meter, got.auth, got.counter) == ("", "none", None)


def test_amis_without_its_key():
    assert fault(amis(amis_plain())) == KEY
    assert fault(amis(amis_plain()), key=bytes(16)) == KEY
    assert fault(amis(b"\x04" * 80), key=KEY_16) == KEY


def test_amis_records_that_are_not_all_in_their_places():
    plain = amis_plain()
    for i in range(80):
        bad = bytearray(plain)
        bad[i] ^= 0x20
        (event,) = events(amis(bytes(bad)), key=KEY_16)
        value = [i in range(*span) for span in AMIS_VALUES]
        assert isinstance(event, Reading) if any(value) else event.kind == LAYOUT, i
    # a byte of the wire damaged: one block is noise, and the next has the damage
    whole = amis(plain)
    for i in range(19, 99):
        bad = bytearray(whole)
        bad[i] ^= 1
        bad[99] = sum(bad[4:99]) & 0xFF
        assert fault(bytes(bad), key=KEY_16) in (LAYOUT, KEY), i
    assert fault(amis(plain + b"\x2f" * 16), key=KEY_16) == LENGTH


def test_ciphers_that_are_not_known():
    assert fault(reply("0403" + "00000000", configuration=b"\x10\x07"), key=KEY_16) == CIPHER


def test_codings_of_data():
    for records, expected in (
        ("010305", 5),
        ("0203feff", -2),
        ("0303ffff7f", 0x7FFFFF),
        ("0403ffffffff", -1),
        ("0603010000000000", 1),
        ("070300c06e31d9100100", 300000000000000),
        ("0903" + "42", 42),
        ("0c03" + "78563412", 12345678),
        ("0e03" + "907856341200", 1234567890),
        ("0b03" + "5634f2", -23456),
    ):
        assert values(records + "02fd48e803")["1.8.0"] == (expected, 0), records
    got = values("0503" + "0000c03f")["1.8.0"]  # 1.5 as a floating-point number
    assert got == (15, -1)


def test_values_that_say_they_are_none():
    for records in ("02030080", "0c03aaaaaaaa", "0003", "0d0303414243"):
        assert "1.8.0" not in values(records + "02fd48e803"), records


def test_quantities_and_powers_of_ten():
    for records, key, expected in (
        ("0c0412520000", "1.8.0", (52120, 0)),
        ("040012000000", "1.8.0", (18, -3)),
        ("04fb0012000000", "1.8.0", (1800000, 0)),
        ("04fb0112000000", "1.8.0", (18000000, 0)),
        ("04fb0212000000", "3.8.0", (18000, 0)),
        ("022c4f00", "1.7.0", (790, 0)),
        ("04833b12000000", "1.8.0", (18, 0)),
        ("04833c12000000", "2.8.0", (18, 0)),
        ("02fb140300", "3.7.0", (3, 0)),
        ("02fd48e803", "12.7.0", (1000, -1)),
        ("02fdc8fc01e803", "32.7.0", (1000, -1)),
        ("02fdd9fc03e803", "71.7.0", (1000, -3)),
        ("02fb2f3200", "14.7.0", (50, 0)),
        ("02fb2ef401", "14.7.0", (500, -1)),
        ("042b05000000", "1.7.0", (5, 0)),
        ("042bfbffffff", "2.7.0", (5, 0)),
        ("042bfbffffff", "16.7.0", (-5, 0)),
        ("04833b05000000" + "0483f33b07000000", "1.8.0", (5, 0)),
        ("8410030500000084200307000000", "1.8.0", (12, 0)),
    ):
        got = values(records)
        assert got[key] == expected, (records, got)


def test_what_is_not_of_now_or_not_known():
    for records in (
        "440305000000",  # stored
        "140305000000",  # a maximum
        "84400305000000",  # a subunit, of a maker unknown
        "0483ff0105000000",  # a maker's own
        "04830105000000",  # in error
        "0374050000",
    ):
        assert values(records + "02fd48e803") == {"12.7.0": (1000, -1)}, records


def test_makers_whose_subunits_are_known():
    assert values("0e8400100000000000" + "8e408400200000000000", "ABB") == {
        "1.8.0": (100, 0),
        "2.8.0": (200, 0),
    }
    for maker in ("SBC", "FIN", "ELT"):
        got = values("02fdc9ff01ed00" + "02acff014f00" + "8240acff01eeff", maker)
        assert got == {
            "32.7.0": (237, 0),
            "21.7.0": (790, 0),
            "36.7.0": (790, 0),
            "24.7.0": (180, 0),
        }
    got = values("02fdc8ff01fc08" + "22fdc8ff015207" + "03fdd9ff02be0000", "EMU")
    assert got == {"32.7.0": (2300, -1), "51.7.0": (190, -3)}
    got = values("84402aa0090000" + "848040fb9772fbfeffff" + "84c0402a00000000", "GAV")
    assert got == {
        "21.7.0": (2464, -1),
        "36.7.0": (2464, -1),
        "44.7.0": (261, -1),
        "61.7.0": (0, -1),
        "76.7.0": (0, -1),
    }


def test_schneider():
    got = values(
        "05fddcff0100002041" + "05fddcff0000000041" + "05fdc9ff0200006643" + "05fdc9ff0500004843"
        "05aeff030000003f" + "052e00004040" + "07034fade80400000000" + "0783ff098d83090000000000"
        "0783ff0d0100000000000000" + "0783ff017262ac0100000000" + "87400305000000000000 00",
        "SEC",
    )  # fmt: skip
    assert got == {
        "31.7.0": (10, 0),
        "52.7.0": (230, 0),
        "61.7.0": (500, 0),
        "76.7.0": (500, 0),
        "1.7.0": (3000, 0),
        "16.7.0": (3000, 0),
        "1.8.0": (82357583, 0),
        "2.8.0": (623501, 0),
        "21.8.0": (28074610, 0),
        "3.8.0": (5, 0),
    }
    # its energies in floating point are kWh, but say Wh
    assert fault(reply("0503cfdaa047", "SEC")) == LAYOUT


def test_no_total_of_tariffs_that_are_not_in_use():
    unused = "841003000000008420030000000084300300000000"
    assert sorted(values(unused)) == ["1.8.1", "1.8.2", "1.8.3"]
    assert values("8410030500000084200300000000")["1.8.0"] == (5, 0)


def test_a_signed_power_beside_energies_told_apart():
    got = values("04a900ccf8ffff" + "8ec04084005508000000" + "00", "ABB")
    assert got["16.7.0"] == (-1844, -2)
    assert got["2.7.0"] == (1844, -2)
    assert got["4.8.0"] == (8550, 0)


def test_fillers_makers_data_and_more_to_come():
    for tail in ("", "2f2f", "0f010203", "1f010203"):
        assert values("2f040305000000" + tail) == {"1.8.0": (5, 0)}


def test_the_time_of_a_reply():
    def time(records):
        return reading(reply("040305000000" + records)).time

    assert time("046d0c88c117") == "2014-07-01T08:12:00+02:00"
    assert time("046d0c08c117") is None  # summer, but not marked
    assert time("046d0c08c11c") == "2014-12-01T08:12:00+01:00"
    assert time("046d8c88c117") is None  # it says that it is invalid
    assert time("046d0c88c01f") is None  # month 15, day 0


def test_identity():
    assert reading(reply("040305000000")).meter == "TST12345678"
    assert reading(reply("040305000000", "@@@")).meter == "12345678"  # a maker of 0
    assert fault(reply("040305000000", "T@T")) == LAYOUT


def test_records_that_no_electricity_meter_sends():
    for records in (
        "041305000000",  # volume
        "045905000000",  # a temperature
        "046f05000000",  # reserved
        "04fb2005000000",
        "04832005000000",  # an energy per second
        "0803",  # what a request asks for
        "3f05",
        "0c0378563a12",  # a digit that is none
    ):
        assert fault(reply("040305000000" + records)) in (LAYOUT, VALUE), records


def test_numbers_that_contradict_each_other():
    phases = "02fdc8fc01fc08" + "02fdc8fc02f208" + "02fdc8fc030609"
    currents = "04fdd9fc01d0070000" + "04fdd9fc02e8030000" + "04fdd9fc0300000000"
    powers = "04abfc01c2010000" + "04abfc02dc000000" + "04abfc0300000000"
    good = phases + currents + powers + "042b9e020000"
    got = values(good)
    assert (got["32.7.0"], got["31.7.0"], got["21.7.0"]) == ((2300, -1), (2000, -3), (450, 0))
    assert got["1.7.0"] == (670, 0)
    for old, new in (
        ("042b9e020000", "042b9e0e0000"),  # a power that is not its phases'
        ("04abfc01c2010000", "04abfc01c2910000"),  # more than U times I
        ("04fdd9fc02e8030000", "04fdd9fc02e8030001"),  # an ampere for each watt
        ("02fdc8fc01fc08", "02fdc8fc01fc80"),  # no voltage
        ("02fdc8fc01fc08", "02fdc8fc01fc02"),  # not with the others
        ("02fdc8fc01fc08", "02fdc8fc03fc08"),  # a phase twice, another never
    ):
        assert old in good
        assert fault(reply(good.replace(old, new))) == VALUE, new
    told_apart = good + "04ab3c00000000"
    assert values(told_apart)["41.7.0"] == (220, 0)
    for gone in (
        "04abfc02dc000000",
        "04fdd9fc02e8030000",
        "04abfc01c2010000",
        "04fdd9fc0300000000",
        "02fdc8fc02f208",
    ):
        assert gone in told_apart
        assert fault(reply(told_apart.replace(gone, ""))) == VALUE, gone
    for below_zero in ("04833cffffffff", "042bffffffff04ab3c00000000"):
        assert fault(reply("04030a000000" + below_zero)) == VALUE, below_zero
    assert values("04030a000000" + "841003060000008420030400000002fd48e803")["1.8.0"] == (10, 0)
    assert fault(reply("04030a000000" + "8410036000000084200304000000")) == VALUE


def test_primary_values_of_a_voltage_transformer():
    assert values("02fdcafc01" + "7f04" + "040305000000")["32.7.0"] == (11510, 0)


def test_two_current_transformers_measure_the_first_and_third_phase():
    voltages = "02fdc8fc01fc08" + "02fdc8fc02f208" + "02fdc8fc030609"
    elements = "04fdd9fc01d0070000" + "04fdd9fc03e8030000" + "04abfc01c2010000" + "04abfc03dc000000"
    got = values(voltages + elements)
    assert (got["31.7.0"], got["76.7.0"]) == ((2000, -3), (220, 0))
    assert "51.7.0" not in got


def test_headers_of_no_reply():
    good = reply("040305000000")
    for i, new in ((4, 0x53), (12, 0x80), (16, 0x02), (17, 0x40)):
        bad = bytearray(good)
        bad[i] = new
        bad[-2] = sum(bad[4:-2]) & 0xFF
        assert fault(bytes(bad)) == LAYOUT, i


def test_a_reply_behind_what_looks_like_a_readout():
    """Binary may hold STX and a bracket; one of these sums is that of a readout's message."""
    good = reply("0403d2040000042b7b000000")
    for fill in range(128):
        found = events(good + b"\x02(\x13" + bytes((fill,)) + good)
        assert len([e for e in found if isinstance(e, Reading)]) == 2, fill


def test_replies_that_are_none():
    assert fault(reply("040305000000", medium=8)) == LAYOUT
    assert fault(reply("0405")) == LENGTH
    assert fault(reply("84" + "80" * 20 + "0305000000")) == LAYOUT
    assert fault(reply("04" + "83" * 20 + "0305000000")) == LAYOUT
    assert fault(reply("0d03ff0000")) == LAYOUT
    assert fault(reply("0f0102")) == LAYOUT
    assert fault(frame(b"\x08\x01\x72\x01\x02")) == LENGTH
