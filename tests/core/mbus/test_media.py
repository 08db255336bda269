"""M-Bus meters of heat, cooling, water and gas (EN 13757-3)."""

import json

from smartmeter import Reading, Receiver
from smartmeter.fault import LAYOUT, VALUE
from smartmeter.wire.reading_encoder import stamp, to_json

HEAT, WATER, GAS = 0x04, 0x07, 0x03
ENERGY = "040e4b010000"  # 331 MJ
VOLUME = "0414d2040000"  # 12.34 m3
FLOW = "023b5701"
SUPPLY = "0259281e"
RETURN = "025d6012"
ALL = ENERGY + VOLUME + "022d2f00" + FLOW + SUPPLY + RETURN + "0261c80b"


def reply(records, medium=HEAT, maker="KAM", access=9, address=1):
    letters = 0
    for c in maker:
        letters = letters << 5 | ord(c) - 64
    head = bytes.fromhex("78563412") + letters.to_bytes(2, "little")
    head += bytes((1, medium, access, 0, 0, 0))
    data = bytes((0x08, address, 0x72)) + head + bytes.fromhex(records)
    return b"\x68" + bytes((len(data),)) * 2 + b"\x68" + data + bytes((sum(data) & 0xFF, 0x16))


def events(data, receiver=None):
    receiver = receiver or Receiver()
    return receiver.feed(data) + receiver.flush()


def reading(records, medium=HEAT):
    found = events(reply(records, medium))
    assert len(found) == 1, found
    assert isinstance(found[0], Reading), found
    return found[0]


def fault(records, medium=HEAT):
    found = events(reply(records, medium))
    assert len(found) == 1, found
    return found[0].kind


def test_a_heat_meter_is_a_meter_of_its_medium():
    got = reading(ALL)
    assert (got.medium, got.channel, got.meter) == ("heat", 0, "KAM12345678")
    assert got.values == {
        "6-0:1.0.0": (331000000, 0),
        "6-0:2.0.0": (1234, -2),
        "6-0:8.0.0": (4700, 0),
        "6-0:9.0.0": (343, -3),
        "6-0:10.0.0": (7720, -2),
        "6-0:11.0.0": (4704, -2),
        "6-0:12.0.0": (3016, -2),
    }
    assert got.units == {
        "6-0:1.0.0": "J",
        "6-0:2.0.0": "m3",
        "6-0:8.0.0": "W",
        "6-0:9.0.0": "m3/h",
        "6-0:10.0.0": "degC",
        "6-0:11.0.0": "degC",
        "6-0:12.0.0": "K",
    }
    assert got.codes["6-0:1.0.0"] == "6-0:1.0.0"


def test_on_the_wire_it_has_medium_and_units():
    got = reading(ALL)
    stamp(got, "2026-12-01T10:00:00+01:00", 7)
    document = json.loads(to_json(got, ["6-0:1.0.0", "6-0:10.0.0"]))
    assert document["medium"] == "heat"
    assert document["values"] == {"6-0:1.0.0": 331000000, "6-0:10.0.0": 77.2}
    assert document["units"] == {"6-0:1.0.0": "J", "6-0:10.0.0": "degC"}


def test_types_of_meters_and_their_media():
    volume = "0c13" + "78563412"
    for kind, medium, code in (
        (0x03, "gas", "7-0:3.0.0"),
        (0x04, "heat", "6-0:2.0.0"),
        (0x06, "water", "9-0:1.0.0"),
        (0x07, "water", "8-0:1.0.0"),
        (0x0A, "cooling", "5-0:2.0.0"),
        (0x0B, "cooling", "5-0:2.0.0"),
        (0x0C, "heat", "6-0:2.0.0"),
        (0x0D, "heat", "6-0:2.0.0"),
        (0x15, "water", "9-0:1.0.0"),
        (0x16, "water", "8-0:1.0.0"),
        (0x17, "water", "8-0:1.0.0"),
    ):
        got = reading(volume, kind)
        assert (got.medium, got.values) == (medium, {code: (12345678, -3)}), kind
    for kind in (0x00, 0x01, 0x08, 0x1A, 0xFF):  # other, oil, heat cost allocator, smoke detector
        assert fault(volume, kind) == LAYOUT, kind


def test_quantities_and_powers_of_ten():
    for records, code, value, unit in (
        ("0406d2040000", "6-0:1.0.0", (1234000, 0), "Wh"),
        ("04fb01d2040000", "6-0:1.0.0", (1234000000, 0), "Wh"),
        ("0408d2040000", "6-0:1.0.0", (1234, 0), "J"),
        ("04fb09d2040000", "6-0:1.0.0", (1234000000000, 0), "J"),
        ("04fb10d2040000", "6-0:2.0.0", (123400, 0), "m3"),
        ("0430d2040000", "6-0:8.0.0", (1234, 0), "J/h"),
        ("02433900", "6-0:9.0.0", (3420, -4), "m3/h"),  # per minute
        ("024b3900", "6-0:9.0.0", (205200, -6), "m3/h"),  # per second
        ("025a0203", "6-0:10.0.0", (770, -1), "degC"),
        ("025bd8ff", "6-0:10.0.0", (-40, 0), "degC"),
        ("0262f6ff", "6-0:12.0.0", (-10, -1), "K"),
        ("04867de8030000", "6-0:1.0.0", (1000000000, 0), "Wh"),
        ("841006e8030000", "6-0:1.0.1", (1000000, 0), "Wh"),
        ("04863be8030000", "6-0:1.0.0", (1000000, 0), "Wh"),
        ("04863be8030000" + "0406e7030000", "6-0:1.0.0", (999000, 0), "Wh"),
        ("0406e7030000" + "04863be8030000", "6-0:1.0.0", (999000, 0), "Wh"),
        ("0506" + "0000c03f", "6-0:1.0.0", (1500, 0), "Wh"),
    ):
        got = reading(records)
        assert (got.values[code], got.units[code]) == (value, unit), records
    assert reading("0c933e78563412", GAS).values == {"7-0:3.2.0": (12345678, -3)}
    assert reading("0c1378563412" + FLOW, WATER).values["8-0:2.0.0"] == (343, -3)


def test_what_is_not_of_now_or_not_known_is_no_value():
    for records in (
        "440e4b010000",  # stored
        "140e4b010000",  # a maximum
        "84400e4b010000",  # a meter at its inputs
        "048e3c4b010000",  # what flows backward
        "048eff014b010000",  # its maker's
        "840159281e0000",
        "0252d204",  # a mass flow
        "02650203",  # an outside temperature
        "0c78ffffff0a",  # its number, in digits of which some are none
    ):
        assert reading(VOLUME + records).values == {"6-0:2.0.0": (1234, -2)}, records
    assert reading("0c1378563412" + SUPPLY, WATER).values == {"8-0:1.0.0": (12345678, -3)}


def test_values_that_say_they_are_none():
    for records in ("040e00000080", "0c06ffffffff", "000e"):
        assert reading(VOLUME + records).values == {"6-0:2.0.0": (1234, -2)}, records


def test_records_that_no_such_meter_sends():
    for records in ("046f05000000", "04fb3f05000000", "080e", "0c06785634a2"):
        assert fault(VOLUME + records) in (LAYOUT, VALUE), records


def test_a_temperature_that_cannot_be():
    assert fault(VOLUME + "045b10270000") == VALUE  # 10 000 degC
    assert fault(VOLUME + "025bdcfe") == VALUE  # -292
    assert fault(VOLUME + "0463b80b0000") == VALUE  # a difference of 3000 K


def test_the_time_of_a_reply():
    got = reading(ALL + "046d0c88c117")
    assert (got.time, got.clock) == ("2014-07-01T08:12:00+02:00", "meter")


def test_replies_of_a_layout_that_is_known_are_read_the_same():
    receiver = Receiver()
    for access, (records, code) in enumerate(
        (
            (ALL, "6-0:1.0.0"),
            (ALL, "6-0:1.0.0"),
            (ALL.replace(ENERGY, "040e4c010000"), "6-0:1.0.0"),
            (ALL.replace(SUPPLY, "0259ffff"), "6-0:10.0.0"),  # below zero for once
            (ALL.replace(ENERGY, "040e4d010000"), "6-0:1.0.0"),
            (ALL.replace(SUPPLY, "02590080"), "6-0:11.0.0"),  # says that it is none
            (ALL, "6-0:1.0.0"),
        )
    ):
        (got,) = events(reply(records, access=access), receiver)
        (fresh,) = events(reply(records, access=access))
        assert isinstance(got, Reading), got
        assert code in got.values
        assert (got.values, got.units, got.codes) == (fresh.values, fresh.units, fresh.codes)
        assert (got.medium, got.meter, got.time) == (fresh.medium, fresh.meter, fresh.time)
        assert (got.layers, bytes(got.payload)) == (fresh.layers, bytes(fresh.payload))
    (got,) = events(reply(ALL.replace(SUPPLY, "0259ff7f"), access=90), receiver)
    assert got.values["6-0:10.0.0"] == (32767, -2)


def test_an_electricity_meter_s_signs_and_tariffs_are_read_the_same_once_known():
    """What is import and export, and whether there is a total, the next reply may change."""
    receiver = Receiver()
    for access, (power, tariff) in enumerate(
        ((5, 7), (5, 7), (6, 7), (-6, 8), (-7, 8), (0, 0), (3, 0), (3, 9), (4, 9), (4, 10))
    ):
        records = "042b" + (power & 0xFFFFFFFF).to_bytes(4, "little").hex()
        records += "841003" + tariff.to_bytes(4, "little").hex() + "84200300000000"
        data = reply(records, 2, access=access)
        (got,) = events(data, receiver)
        (fresh,) = events(data)
        assert got.values == fresh.values, (power, tariff)
        assert ("1.8.0" in got.values) == bool(tariff)
        assert got.values["2.7.0" if power < 0 else "1.7.0"] == (abs(power), 0)


def test_several_meters_on_a_bus_are_on_channels_in_the_order_of_their_addresses():
    receiver = Receiver()
    receiver.bus = (1, 9, 4)
    wires = (
        reply("040305000000", 2, "EMH", address=1),
        reply(ALL + "046d0c88c117", address=9),
        reply("0c1378563412", WATER, "ELS", address=4),
    )
    for _ in range(3):
        found = receiver.feed(b"".join(wires))
        assert [(r.channel, r.medium, r.meter[:3]) for r in found] == [
            (0, "electricity", "EMH"),
            (1, "heat", "KAM"),
            (2, "water", "ELS"),
        ]
        assert found[1].time == "2014-07-01T08:12:00+02:00"
        assert found[1].seq == 331000000 + 1234 + 4700 + 343 + 7720 + 4704 + 3016
        assert found[2].values == {"8-0:1.0.0": (12345678, -3)}
    (other,) = receiver.feed(reply(ALL, address=5))
    assert other.detail == "an M-Bus reply of address 5, which is not asked"
    heat = json.loads(to_json(found[1], ["6-0:1.0.0"]))
    assert (heat["medium"], heat["values"]) == ("heat", {"6-0:1.0.0": 331000000})
    stamp(found[0], "2026-12-01T10:00:00+01:00", 1)
    assert "medium" not in json.loads(to_json(found[0]))
