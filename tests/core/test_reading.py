"""A reading's JSON form: exact decimals out, exact decimals in, nothing else accepted."""

from smartmeter import ALLOWED, FAULTS, Reading
from smartmeter.reading import decimal
from smartmeter.texts import is_code, is_time, parse_decimal
from smartmeter.wire.reading_encoder import stamp, to_json

WIRE = (
    '{"time":"2026-11-22T21:10:05+01:00","clock":"meter","seq":40217,"auth":"verified",'
    '"values":{"1.7.0":133,"2.7.0":0,"16.7.0":-133,"1.8.0":12345678.9,"32.7.0":229.40}}'
)


def test_the_wire_form_is_exact_to_the_digit():
    reading = Reading("", "2026-11-22T21:10:05+01:00", 40217, "verified")
    reading.values = {
        "32.7.0": (22940, -2),
        "1.8.0": (123456789, -1),
        "16.7.0": (-133, 0),
        "1.7.0": (133, 0),
        "2.7.0": (0, 0),
    }
    assert to_json(reading) == WIRE


def test_only_the_allowed_leave():
    reading = Reading(time="2026-11-22T21:10:05+01:00", counter=1)
    reading.values = {"1.7.0": (1, 0), "13.7.0": (999, -3), "0.2.0": (7, 0)}
    assert "13.7.0" not in to_json(reading)
    assert to_json(reading, ["13.7.0"]).endswith('"values":{"13.7.0":0.999}}')
    assert len(ALLOWED) == 13


def test_a_stamp_fills_only_what_is_missing():
    reading = Reading()
    assert reading.clock is None
    stamp(reading, "2026-11-22T21:10:05Z", 7)
    assert (reading.time, reading.clock, reading.seq) == ("2026-11-22T21:10:05Z", "adapter", 7)
    reading = Reading(time="2026-11-22T21:10:05+01:00", counter=5)
    stamp(reading, "2030-01-01T00:00:00Z", 7)
    assert (reading.time, reading.clock, reading.seq) == ("2026-11-22T21:10:05+01:00", "meter", 5)


def test_decimals():
    for value, text in (
        ((0, 0), "0"),
        ((5, -3), "0.005"),
        ((-5, -1), "-0.5"),
        ((2300, -1), "230.0"),
        ((12, 3), "12000"),
        ((18446744073709551615, -2), "184467440737095516.15"),
    ):
        assert decimal(value) == text
    assert parse_decimal("-0.17") == (-17, -2)
    for bad in ("", "-", ".5", "1.", "1.2.3", "1e5", " 1", "1_0", "0x1", "9" * 41):
        try:
            parse_decimal(bad)
        except ValueError:
            continue
        raise AssertionError(bad)


def test_times():
    for good in (
        "2026-11-22T21:10:05+01:00",
        "2024-02-29T00:00:00Z",
        "2026-11-22T21:10:05.250-11:30",
    ):
        assert is_time(good)
    for bad in (
        "2026-11-22 21:10:05Z",
        "2026-11-22T21:10:05",
        "2025-02-29T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T21:10:60Z",
        "2026-11-22T21:10:05.Z",
        "2026-11-22T21:10:05+1:00",
        "2026-11-22T21:10:05+24:00",
        "2026-13-22T21:10:05Z",
        "0000-01-01T00:00:00Z",
        "2026-11-22T21:10:05Z\n",
        None,
        "",
    ):
        assert not is_time(bad), bad


def test_codes():
    for good in ("1.8.0", "1-0:1.8.0", "0-1:24.2.1", "255-255:255.255.255"):
        assert is_code(good)
    for bad in ("", "1.8", "1.8.0.1", "1.8.x", "-1.8.0", "1:1.8.0", "1-0:1.8.256", "1.8.0 ", 180):
        assert not is_code(bad), bad


def test_fault_kinds_are_names():
    assert len(FAULTS) == len(set(FAULTS))
    assert "tag" in FAULTS
