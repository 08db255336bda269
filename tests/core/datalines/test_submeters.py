"""Sub-meters of P1: each channel is a reading of its own."""

import json

from smartmeter import Receiver
from smartmeter.checks.crc import arc
from smartmeter.submeters import Changes
from smartmeter.wire.reading_encoder import stamp, to_json

HEAD = ("/ISK5\\2M550T-1012", "", "0-0:1.0.0(260703140502S)", "1-0:1.8.1(000001.500*kWh)")
GAS = (
    "0-1:24.1.0(003)",
    "0-1:96.1.0(4730303332353635353033303033)",
    "0-1:24.2.1(260703140000S)(00092.287*m3)",
)
WATER = (
    "0-2:24.1.0(007)",
    "0-2:96.1.1(3853414731323334353637383930)",
    "0-2:24.2.1(260703135502S)(00008.579*m3)",
)
HEAT = ("0-3:24.1.0(004)", "0-3:96.1.0(51303031)", "0-3:24.2.1(260703140000S)(012.345*GJ)")


def telegram(*lines):
    body = "\r\n".join(HEAD + lines + ("!",)).encode()
    return body + b"%04X\r\n" % arc(body, 0, len(body))


def readings(*lines, receiver=None):
    return (receiver or Receiver(submeters=True)).feed(telegram(*lines))


def test_each_channel_is_a_reading_with_its_own_id_time_value_and_unit():
    main, gas, water, heat = readings(*GAS, *WATER, *HEAT)
    assert (main.medium, main.channel, main.time) == ("electricity", 0, "2026-07-03T14:05:02+02:00")
    assert main.values["24.2.1"] == (92287, -3)  # as before; who names it there still gets it
    assert (gas.medium, gas.channel, gas.meter) == ("gas", 1, "G0032565503003")
    assert (gas.time, gas.clock) == ("2026-07-03T14:00:00+02:00", "meter")
    assert (gas.values, gas.units) == ({"24.2.1": (92287, -3)}, {"24.2.1": "m3"})
    assert (water.medium, water.channel, water.meter) == ("water", 2, "8SAG1234567890")
    assert water.time == "2026-07-03T13:55:02+02:00"
    assert water.values == {"24.2.1": (8579, -3)}
    assert water.codes == {"24.2.1": "0-2:24.2.1"}
    assert (heat.medium, heat.channel, heat.units) == ("heat", 3, {"24.2.1": "J"})
    assert heat.values == {"24.2.1": (12345000000, 0)}


def test_the_same_readings_come_once_a_layout_is_kept():
    receiver = Receiver(submeters=True)
    for n in range(5):
        gas = GAS[:2] + ("0-1:24.2.1(260703140000S)(0009%d.287*m3)" % n,)
        found = readings(*gas, *WATER, receiver=receiver)
        assert [r.channel for r in found] == [0, 1, 2]
        assert found[1].values == {"24.2.1": (90287 + 1000 * n, -3)}
        assert (found[1].medium, found[1].meter) == ("gas", "G0032565503003")
        assert (found[1].time, found[1].layers) == ("2026-07-03T14:00:00+02:00", found[0].layers)
        assert found[2].values == {"24.2.1": (8579, -3)}


def test_a_channel_whose_medium_is_unknown_is_no_meter():
    for kind in ("", "000", "001", "999", "0A", "300000"):
        (main,) = readings(f"0-1:24.1.0({kind})", *GAS[1:])
        assert main.values["24.2.1"] == (92287, -3), kind


def test_a_meter_that_was_never_read_has_no_reading():
    (main,) = readings(*GAS[:2], "0-1:24.2.1(632525252525S)(00000.000*m3)")
    assert "24.2.1" not in main.values


def test_a_value_without_a_time_of_its_own_has_none():
    _, gas = readings(*GAS[:2], "0-1:24.2.1(00092.287*m3)")
    assert (gas.time, gas.clock, gas.seq) == (None, None, None)


def test_dsmr_2_and_3_over_two_lines():
    _, gas = readings(
        "0-1:24.1.0(03)",
        "0-1:96.1.0(3238303131303031323332313337343132)",
        "0-1:24.3.0(260103190000)(00)(60)(1)(0-1:24.2.1)(m3)",
        "(00001.001)",
    )
    assert (gas.medium, gas.time) == ("gas", "2026-01-03T19:00:00+01:00")
    assert gas.values == {"24.2.1": (1001, -3)}


def test_dsmr_2_on_one_line():
    main, gas = readings(
        "0-1:24.1.0(3)",
        "0-1:24.3.0(220101190000)(00)(60)(1)(0-1:24.2.1)(m3)(29012.910)",
    )
    assert main.values["24.2.1"] == (29012910, -3)
    assert (gas.medium, gas.time) == ("gas", "2022-01-01T19:00:00+01:00")
    assert gas.values == {"24.2.1": (29012910, -3)}
    (main,) = readings("0-1:24.1.0(3)", "0-1:24.3.0(632525252525)(00)(60)(1)(0-1:24.2.1)(m3)(0.0)")
    assert "24.2.1" not in main.values


def test_a_code_that_names_its_medium_and_channel():
    main, water = readings("8-2:1.0.0(00008.579*m3)", "8-2:96.1.0(3141)", "7-0:3.0.0(00001.000*m3)")
    assert (main.medium, main.values["7-0:3.0.0"]) == ("electricity", (1000, -3))
    assert (water.medium, water.channel, water.meter) == ("water", 2, "3141")
    assert (water.values, water.codes) == ({"1.0.0": (8579, -3)}, {"1.0.0": "8-2:1.0.0"})


def readout(*lines):
    body = "\r\n".join(lines).encode() + b"!\r\n\x03"
    check = 0
    for byte in body:
        check ^= byte
    receiver = Receiver(submeters=True)
    data = b"/KAM MC\r\n\x02" + body + bytes((check,))
    found = receiver.feed(data) + receiver.flush()
    for _ in range(3):  # once its layout is known
        again = receiver.feed(data) + receiver.flush()
        assert [(r.medium, r.values) for r in again] == [(r.medium, r.values) for r in found]
    return found


def test_the_only_meter_is_the_main_meter_whatever_it_measures():
    (heat,) = readout(
        "0.0(00005012345)", "6.8(00433.65*GJ)", "6.26(03052.95*m3)", "6.31(0109868*h)"
    )
    assert (heat.medium, heat.channel, heat.meter) == ("heat", 0, "00005012345")
    assert heat.values["6-0:6.8.0"] == (433650000000, 0)
    assert heat.units["6-0:6.26.0"] == "m3"
    for code, medium in (("5-0:1.0.0", "cooling"), ("6-1:1.0.0", "heat"), ("7-0:3.0.0", "gas")):
        (reading,) = readout("0.0(1)", "%s(00433.65*GJ)" % code)
        assert (reading.medium, reading.channel) == (medium, 0), code
    for code in ("8-0:1.0.0", "9-0:1.0.0"):
        (reading,) = readout("0.0(1)", "%s(00433.65*m3)" % code)
        assert (reading.medium, reading.values) == ("water", {code: (43365, -2)}), code


def test_a_heat_meter_and_the_water_meter_at_its_input():
    heat, water = readout("0.0(1)", "6-0:1.0.0(00433.65*GJ)", "8-1:1.0.0(00012.345*m3)")
    assert (heat.medium, heat.channel) == ("heat", 0)
    assert (water.medium, water.channel, water.values) == ("water", 1, {"1.0.0": (12345, -3)})


def test_what_does_not_tell_a_medium_is_electricity_s():
    for lines in (
        ("1.8.0(00433.65*kWh)", "C.8.0(0109868*h)"),
        ("31.0(0109868*h)",),
        ("6-0:1.0.0(00433.65*GJ)", "8-0:1.0.0(00012.345*m3)"),
    ):
        (reading,) = readout("0.0(1)", *lines)
        assert reading.medium == "electricity", lines


def test_a_port_with_nothing_but_a_heat_meter():
    body = "\r\n".join(
        (
            "/AUR2NWA-MYRSKY",
            "",
            "0-0:1.0.0(220107195809W)",
            "0-0:96.1.1(0)",
            "0-1:24.1.0(004)",
            "0-1:96.1.0(123456789A1B234C)",
            "0-1:24.2.1(220107195809W)(0.477*GJ)",
            "!",
        )
    ).encode()
    (heat,) = Receiver(submeters=True).feed(body + b"%04X\r\n" % arc(body, 0, len(body)))
    assert (heat.medium, heat.channel, heat.meter) == ("heat", 0, "123456789A1B234C")
    assert (heat.values, heat.units) == ({"24.2.1": (477000000, 0)}, {"24.2.1": "J"})


def test_an_electricity_meter_on_a_channel():
    _, other = readings(
        "0-4:24.1.0(002)", "0-4:96.1.0(45303031)", "0-4:24.2.1(260703140000S)(000012.345*kWh)"
    )
    assert (other.medium, other.channel, other.units) == ("electricity", 4, {"24.2.1": "Wh"})


def test_readings_of_sub_meters_are_left_out_where_nobody_wants_them():
    receiver = Receiver()
    (main,) = readings(*GAS, receiver=receiver)
    assert main.values["24.2.1"] == (92287, -3)


def test_changes_are_of_the_own_time_or_the_value():
    changes = Changes()
    news = []
    for lines in (
        GAS + WATER,
        GAS + WATER,
        GAS[:2] + ("0-1:24.2.1(260703150000S)(00092.287*m3)",) + WATER,
        GAS[:2] + ("0-1:24.2.1(260703150000S)(00092.288*m3)",) + WATER,
    ):
        _, gas, water = readings(*lines)
        news.append((changes.is_new(gas), changes.is_new(water)))
    assert news == [(True, True), (False, False), (True, False), (True, False)]


def test_a_value_is_the_same_reading_whoever_sends_it():
    _, one = readings(*GAS)
    _, again = readings(*GAS)
    _, later = readings(*GAS[:2], "0-1:24.2.1(260703140000S)(00092.288*m3)")
    assert (one.time, one.seq) == (again.time, again.seq)
    assert (one.time, one.seq) < (later.time, later.seq)


def test_on_the_wire_it_has_medium_and_units():
    main, gas, water = readings(*GAS, *WATER)
    text = to_json(water, ["1.8.0", "0-2:24.2.1"])
    assert json.loads(text) == {
        "time": "2026-07-03T13:55:02+02:00",
        "clock": "meter",
        "seq": 8579,
        "auth": "none",
        "values": {"24.2.1": 8.579},
        "medium": "water",
        "units": {"24.2.1": "m3"},
    }
    assert json.loads(to_json(gas, ["24.2.1"]))["values"] == {"24.2.1": 92.287}
    stamp(main, "2026-07-03T14:05:03+02:00", 1)
    assert "medium" not in json.loads(to_json(main, ["1.8.1"]))
    assert json.loads(to_json(main, ["1.8.1", "0-2:24.2.1"]))["values"] == {"1.8.1": 1500}
