"""Profiles as settings, codes and units, and what follows from values."""

from smartmeter import Reading, Receiver
from smartmeter.meters import zone_names, zones
from smartmeter.meters.positions import POSITIONS
from smartmeter.meters.profile_settings import parse
from smartmeter.meters.profiles import UNKNOWN, by_name, by_type, named, names
from smartmeter.obis import combine, complete, put, unit_of
from smartmeter.tariffs import withheld
from smartmeter.texts import is_code
from smartmeter.wire.values import unit_of_key


def test_a_setting_names_a_profile_and_may_change_it():
    assert parse("kaifa").current == (-3,)
    changed = parse("landis-gyr voltage=-1 current=0 energy=1 clock=standard")
    assert (changed.voltage, changed.current, changed.energy) == ((-1,), (0,), 1)
    assert changed.clock == "standard"
    assert changed.trust_invalid
    assert named("landis-gyr").voltage == (0, -1, -2)  # as it was


def test_a_setting_that_means_nothing_is_refused():
    for bad in ("", "siemans", "kaifa volts=1", "kaifa voltage", "kaifa voltage=x", "kaifa clock=x",
                "kaifa energy=10", "kaifa minutes=60", "kaifa power=1.5"):  # fmt: skip
        try:
            parse(bad)
        except ValueError as e:
            assert len(str(e)) > 20
        else:
            raise AssertionError(bad)


def test_who_a_name_belongs_to():
    for name, profile in (
        (b"Kamstrup_V0001", "kamstrup"),
        (b"AIDON_V0001", "aidon"),
        (b"KFM_001", "kaifa"),
        (b"LGZ1030655933512", "landis-gyr"),
        (b"ISK1030775213859", "iskraemeco"),
        (b"SAGY\x05\xe6\xd9\xfd", "sagemcom"),
    ):
        assert by_name(name) is named(profile)
    assert by_name(b"XYZ") is UNKNOWN
    assert by_name(b"") is UNKNOWN
    kamstrup = named("kamstrup")
    assert by_type(kamstrup, b"6841131BN243101040").energy == 1
    assert by_type(kamstrup, b"6841131BN245101090") is kamstrup
    assert by_type(UNKNOWN, b"6841131BN243101040") is UNKNOWN


def test_each_list_by_position_names_codes_that_exist():
    for kinds, (family, places) in POSITIONS.items():
        assert family in names()
        assert len(kinds) == len(places), kinds
        for place in places:
            name = place if isinstance(place, str) else place[0]
            assert name in ("", "id", "clock", "list") or is_code(name), name


def test_units_of_codes():
    for c, d, unit in (
        (1, 7, "W"),
        (16, 7, "W"),
        (3, 7, "var"),
        (9, 7, "VA"),
        (2, 8, "Wh"),
        (8, 8, "varh"),
        (21, 7, "W"),
        (42, 8, "Wh"),
        (31, 7, "A"),
        (72, 7, "V"),
        (91, 7, "A"),
        (14, 7, "Hz"),
        (13, 7, ""),
        (1, 6, "W"),
        (96, 1, ""),
        (0, 2, ""),
    ):
        assert unit_of(c, d) == unit, (c, d)
    assert unit_of_key("1.8.0") == "Wh"
    assert unit_of_key("1-1:1.8.0") == "Wh"
    assert unit_of_key("7-1:1.8.0") == ""


def filled(values, ctx=None, meter=""):
    reading = Reading(meter)
    for code, value in values.items():
        c, d, _ = code.split(".")
        put(reading, "1-0:" + code, value, unit_of(int(c), int(d)))
    ctx = ctx or Receiver()
    complete(reading, ctx.rows, ctx.plans)
    return reading


def test_totals_of_parts():
    got = filled({"1.8.1": (1000, -3), "1.8.2": (5, 0), "5.8.0": (18, 0), "6.8.0": (1, 0)})
    assert got.values["1.8.0"] == (6000, -3)
    assert got.values["3.8.0"] == (19, 0)
    assert got.codes["3.8.0"] == "1-0:3.8.0"
    assert got.units["1.8.0"] == "Wh"
    sent = filled({"1.8.0": (9, 0), "1.8.1": (1, 0), "1.8.2": (2, 0)})
    assert sent.values["1.8.0"] == (9, 0)
    assert "1.8.0" not in filled({"1.8.1": (1, 0)}).values


def tariffs(energy, *numbers):
    """One Wh in tariff 1, two in tariff 2, and so on."""
    return {"%d.8.%d" % (energy, n): (n, 0) for n in numbers}


def test_a_total_is_the_sum_of_all_tariffs():
    for energy in (1, 2, 3, 4):
        total = "%d.8.0" % energy
        assert filled(tariffs(energy, 1, 2, 3)).values[total] == (6, 0)
        assert filled(tariffs(energy, 1, 2, 3, 4, 5)).values[total] == (15, 0)
        assert filled(tariffs(energy, 11, 12, 13)).values[total] == (36, 0)
        for row in ((1, 2, 5), (2, 3), (1, 2, 6), (12, 13), (1, 2, 11, 12)):
            assert total not in filled(tariffs(energy, *row)).values, row
    fractions = {"1.8.1": (15, -1), "1.8.2": (2, 0), "1.8.3": (125, -2)}
    assert filled(fractions).values["1.8.0"] == (475, -2)


def test_a_row_that_lacks_a_tariff_makes_no_total_and_says_so():
    receiver = Receiver()
    for _ in range(2):
        assert filled(tariffs(1, 1, 2, 3, 4), receiver).values["1.8.0"] == (10, 0)
    assert withheld(receiver.rows) == ""
    for row in ((1, 2), (1, 2, 3), (1, 2, 4), (1,)):
        assert "1.8.0" not in filled(tariffs(1, *row), receiver).values
        said = withheld(receiver.rows)
        assert said == "1.8.0 is left out: the meter does not send all tariffs from 1.8.1 to 1.8.4"
    assert "2.8.0" in filled(tariffs(2, 1, 2), receiver).values
    assert "1.8.0" not in filled({"1.7.0": (5, 0)}, receiver).values
    assert withheld(receiver.rows) != ""
    assert filled(tariffs(1, 1, 2, 3, 4), receiver).values["1.8.0"] == (10, 0)
    assert withheld(receiver.rows) == ""
    assert filled(tariffs(1, 1, 2, 3, 4, 5), receiver).values["1.8.0"] == (15, 0)


def test_a_gap_from_the_start_is_told():
    receiver = Receiver()
    filled(tariffs(2, 1, 2, 5), receiver)
    said = withheld(receiver.rows)
    assert said == "2.8.0 is left out: the meter does not send all tariffs from 2.8.1 to 2.8.5"


def test_another_meter_has_a_row_of_its_own():
    receiver = Receiver()
    for _ in range(2):
        filled(tariffs(1, 1, 2, 3), receiver, "A")
    assert "1.8.0" not in filled(tariffs(1, 1, 2), receiver, "A").values
    assert filled(tariffs(1, 1, 2), receiver, "B").values["1.8.0"] == (3, 0)
    assert withheld(receiver.rows) == ""


def test_the_signed_power():
    assert filled({"1.7.0": (5, 0), "2.7.0": (133, 0)}).values["16.7.0"] == (-128, 0)
    assert filled({"1.7.0": (5, 0)}).values == {"1.7.0": (5, 0)}
    sent = filled({"1.7.0": (5, 0), "2.7.0": (0, 0), "16.7.0": (6, 0)})
    assert sent.values["16.7.0"] == (6, 0)


def test_sums_are_exact_over_scales():
    values = {"a": (15, -1), "b": (2, 1)}
    combine(values, "c", "a", "b", 1)
    combine(values, "d", "a", "b", -1)
    assert values["c"] == (215, -1)
    assert values["d"] == (-185, -1)


def test_powers_of_ten_are_multiplied_out():
    reading = Reading()
    put(reading, "1-0:1.8.0", (123, 1), "Wh")
    assert reading.values == {"1.8.0": (1230, 0)}


def test_a_zone_as_a_setting():
    assert zones.parse("+02:00 EU") == (120, "EU")
    assert zones.parse("+05:45") == (345, "")
    assert zones.parse("-01:00 EU") == (-60, "EU")
    assert zone_names.setting("Europe/Vilnius") == "+02:00 EU"
    assert zone_names.setting("Asia/Jerusalem") == "+02:00 IL"
    assert zone_names.setting("+02:00 IL") == "+02:00 IL"
    for bad in ("", "2", "+2:00", "+02:60", "+15:00", "02:00 EU", "+02:00 US", "+02:00 EU ", "x"):
        for read in (zones.parse, zone_names.setting):
            try:
                read(bad)
            except ValueError as e:
                assert len(str(e)) > 20
            else:
                raise AssertionError(bad)
