"""What unscaled numbers count: found in the telegram, by the profile, or by a setting."""

from smartmeter import Receiver
from telegrams import (
    array,
    be,
    descriptors,
    kamstrup,
    obis,
    octets,
    reading,
    structure,
    u16,
    u32,
    visible,
)


def test_the_resolution_of_new_firmware_and_of_norway():
    assert reading(kamstrup(volts=22199)).values["32.7.0"] == (22199, -2)
    norway = reading(kamstrup(kind=b"6841131BN243101040"))
    assert norway.values["1.8.0"] == (85820920, 0)


def transformers(power, reactive, amperes):
    """The current that a Kamstrup list with three phases of 233 V is read to have."""
    items = [visible(b"Kamstrup_V0001"), obis("1-1:2.7.0"), u32(power)]
    items += [obis("1-1:3.7.0"), u32(reactive)]
    for c in (31, 51, 71):
        items += [obis("1-1:%d.7.0" % c), u32(amperes), obis("1-1:%d.7.0" % (c + 1)), u16(233)]
    return reading(structure(*items)).values["31.7.0"]


def test_currents_of_transformers_go_with_the_power():
    assert transformers(3000, 64000, 92000) == (92000, -3)
    assert transformers(30000, 640000, 92000) == (92000, -2)
    assert transformers(600000, 60000, 92000) == (92000, -2)
    assert transformers(1500, 200, 1000) == (1000, -2)  # in opposite directions, by phase
    assert transformers(0, 0, 92000) == (92000, -2)


def i64(n):
    return b"\x14" + be(n, 8)


def currents(power, volts, amperes, number=u16, receiver=None):
    """A Landis+Gyr push list with three voltages and currents, as unscaled numbers."""
    codes = ["1-0:1.7.0"]
    numbers = [u32(power)]
    for phase in (20, 40, 60):
        codes += ["1-0:%d.7.0" % (phase + 12), "1-0:%d.7.0" % (phase + 11)]
        numbers += [number(volts), number(amperes)]
    return reading(structure(array(*descriptors(*codes)), *numbers), receiver=receiver).values


def test_physics_finds_the_scale_of_voltage_and_current():
    assert currents(331, 234, 49)["31.7.0"] == (49, -2)  # E450: 0.01 A, 1 V
    assert currents(331, 2340, 49)["32.7.0"] == (2340, -1)  # E360: 0.1 V
    assert currents(258874, 229, 400)["31.7.0"] == (400, 0)  # E570 on transformers: 1 A
    assert currents(0, 0, 0)["32.7.0"] == (0, 0)
    receiver = Receiver()
    for power in (258874, 150, 0, 150):  # an idle E570: 64 bits tell its kind where no load does
        assert currents(power, 229, 1, i64)["31.7.0"] == (1, 0)
        assert currents(power, 229, 1, i64, receiver)["31.7.0"] == (1, 0)
    assert currents(500, 170, 300)["32.7.0"] == (170, 0)  # a mains that sags is one still


def test_a_voltage_of_no_scale_is_left_out():
    got = currents(331, 9, 49)
    assert "32.7.0" not in got
    assert got["1.7.0"] == (331, 0)


def test_a_setting_overrides():
    receiver = Receiver(profile="landis-gyr voltage=-1 energy=1")
    got = reading(
        structure(obis("1-0:32.7.0"), u16(24), obis("1-0:1.8.0"), u32(5)), receiver=receiver
    )
    assert got.values == {"32.7.0": (24, -1), "1.8.0": (50, 0)}


def test_voltages_and_currents_of_slovenia_in_the_scale_that_can_be():
    phases = [u32(n) for n in (250, 100, 0, 0, 0, 40)]
    for volts, voltage in ((2301, -1), (230, 0)):
        got = reading(
            structure(
                octets(b"LGZ1030600000001"),
                u16(4998),
                *[u16(n) for n in (112, 47, 21)],
                *[u16(volts)] * 3,
                *phases,
            )
        )
        assert got.values["14.7.0"] == (4998, -2)
        assert got.values["31.7.0"] == (112, -2)
        assert got.values["32.7.0"] == (volts, voltage)
        assert (got.values["21.7.0"], got.values["62.7.0"]) == ((250, 0), (40, 0))
