"""A meter's clock: the right RFC 3339 time, or none."""

from smartmeter.dlms.clock import is_clock, rfc3339
from smartmeter.meters.profiles import UNKNOWN, named

LOCAL = named("landis-gyr")
STANDARD = named("kamstrup")


def clock(text, weekday=0xFF, deviation=0x8000, status=0):
    """The 12 octets of YYYY-MM-DD hh:mm:ss."""
    year = int(text[:4])
    fields = [int(text[i : i + 2]) for i in (5, 8, 11, 14, 17)]
    deviation &= 0xFFFF
    return bytes(
        [year >> 8, year & 255, fields[0], fields[1], weekday]
        + fields[2:]
        + [0, deviation >> 8, deviation & 255, status]
    )


def test_the_deviation_says_the_offset_turned_round():
    for deviation, offset in ((-60, "+01:00"), (-120, "+02:00"), (0, "+00:00"), (210, "-03:30")):
        octets = clock("2026-11-22 21:10:05", 7, deviation)
        assert rfc3339(octets, UNKNOWN) == "2026-11-22T21:10:05" + offset
    assert rfc3339(clock("2026-11-22 21:10:05", 7, 900), UNKNOWN) is None
    assert rfc3339(clock("2026-11-22 21:10:05", 7, -316), UNKNOWN) is None  # of no zone


def test_a_deviation_with_its_sign_turned_is_the_zone_itself():
    # ZPA AM375: +60 in winter, +120 in summer
    for deviation, status, offset in ((60, 0, "+01:00"), (120, 0x80, "+02:00")):
        octets = clock("2026-11-22 21:10:05", 7, deviation, status)
        assert rfc3339(octets, UNKNOWN) == "2026-11-22T21:10:05" + offset


def test_without_deviation_a_profile_has_to_know():
    winter = clock("2026-01-15 12:00:00")
    summer = clock("2026-07-15 12:00:00")
    assert rfc3339(winter, UNKNOWN) is None
    assert rfc3339(winter, STANDARD) == "2026-01-15T12:00:00+01:00"
    assert rfc3339(summer, STANDARD) == "2026-07-15T12:00:00+01:00"
    assert rfc3339(winter, LOCAL) == "2026-01-15T12:00:00+01:00"
    assert rfc3339(summer, LOCAL) == "2026-07-15T12:00:00+02:00"
    assert rfc3339(summer, STANDARD, (120, "EU")) == "2026-07-15T12:00:00+02:00"
    assert rfc3339(summer, LOCAL, (120, "EU")) == "2026-07-15T12:00:00+03:00"
    assert rfc3339(summer, LOCAL, (180, "")) == "2026-07-15T12:00:00+03:00"


def test_the_status_tells_daylight_saving():
    summer = clock("2026-07-15 12:00:00", 3, 0x8000, 0x80)
    assert rfc3339(summer, UNKNOWN) == "2026-07-15T12:00:00+02:00"
    assert rfc3339(summer, LOCAL) == "2026-07-15T12:00:00+02:00"
    # but where the clock has standard time all the year
    assert rfc3339(summer, STANDARD) == "2026-07-15T12:00:00+01:00"
    twice = "2026-10-25 02:30:00"  # comes once in summer time and once in winter time
    assert rfc3339(clock(twice, 7, 0x8000, 0x80), LOCAL) == "2026-10-25T02:30:00+02:00"
    assert rfc3339(clock(twice), LOCAL) is None


def test_the_changes_of_the_clock():
    for text, offset in (
        ("2026-03-29 01:59:59", "+01:00"),
        ("2026-03-29 03:00:00", "+02:00"),
        ("2026-03-28 12:00:00", "+01:00"),
        ("2026-03-30 12:00:00", "+02:00"),
        ("2026-10-25 01:59:59", "+02:00"),
        ("2026-10-25 03:00:00", "+01:00"),
        ("2026-10-24 12:00:00", "+02:00"),
        ("2026-10-31 12:00:00", "+01:00"),
    ):
        assert rfc3339(clock(text), LOCAL) == text.replace(" ", "T") + offset


def test_no_time_is_made_of_none():
    good = clock("2026-11-22 21:10:05", 7, -60)
    assert rfc3339(good, UNKNOWN)
    for i, value in (
        (0, 0xFF),  # year
        (2, 0xFF),  # wildcards
        (3, 0xFF),
        (5, 0xFF),
        (6, 0xFF),
        (7, 0xFF),
        (2, 13),
        (2, 0),
        (3, 31),  # of November
        (3, 0),
        (5, 24),
        (6, 60),
        (7, 60),
        (4, 6),  # not a Saturday
        (11, 0x01),  # invalid, doubtful, invalid clock
        (11, 0x02),
        (11, 0x08),
        (0, 0x06),  # before 2000
    ):
        bad = bytearray(good)
        bad[i] = value
        assert rfc3339(bytes(bad), UNKNOWN) is None, i
    assert rfc3339(b"\xff" * 12, LOCAL) is None


def test_what_is_not_specified_does_no_harm():
    octets = bytearray(clock("2024-02-29 00:00:00", 0xFF, -60, 0xFF))
    octets[8] = 0xFF  # hundredths
    assert rfc3339(bytes(octets), UNKNOWN) == "2024-02-29T00:00:00+01:00"


def test_quirks():
    # Landis+Gyr: "invalid" on right times; Aidon: Sunday is 0, and deviation 0 says nothing
    odd = clock("2026-07-15 12:00:00", 3, 0x8000, 0x81)
    assert rfc3339(odd, LOCAL) == "2026-07-15T12:00:00+02:00"
    assert rfc3339(odd, UNKNOWN) is None
    sunday = clock("2026-11-22 21:10:05", 0, 0)
    assert rfc3339(sunday, named("aidon")) == "2026-11-22T21:10:05+01:00"


def test_a_serial_number_of_twelve_characters_is_no_clock():
    assert is_clock(clock("2026-11-22 21:10:05"))
    assert not is_clock(b"178210128502")
