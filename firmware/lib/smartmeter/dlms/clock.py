"""COSEM date-time (Blue Book 4.1.6.1) as RFC 3339 text: the right time or none.

    year(2) month day weekday hour minute second hundredths deviation(2) status

FF (FFFF for the year, 8000 for the deviation) is "not specified". deviation is what is to
be added to this time to get UTC, in minutes: -60 where RFC 3339 writes +01:00. If the offset of
the meter's zone is sent, its sign is turned: no meter with such a port stands west of Greenwich by
as much.
"""

from sys import implementation

from ..context import CENTRAL, ISRAEL, LOCAL, STANDARD
from ..reading import is_moment

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..profile import Profile

SIZE = 12

_NOT_SPECIFIED = 0x8000
_INVALID = 0x01
_DOUBTFUL = 0x02
_INVALID_CLOCK = 0x08
_DST = 0x80
# The texts of known hours, by date and hour, deviation and status, profile and zone.
_hours: "dict[tuple[bytes, bytes, Profile, tuple[int, str]], tuple[str, str]]" = {}
_HOURS_MAX = 1 if implementation.name == "micropython" else 4  # a device has one meter

_ZONES = 15  # minutes that the offsets of all zones are a multiple of


def is_clock(octets: bytes | bytearray) -> bool:
    """Whether 12 octets are a date-time rather than, say, a serial number in ASCII."""
    return len(octets) == SIZE and (octets[0] in (7, 8) or octets[:2] == b"\xff\xff")


def rfc3339(
    octets: bytes | bytearray, profile: "Profile", zone: "tuple[int, str]" = CENTRAL
) -> str | None:
    """RFC 3339 text of a date-time's 12 octets, or None if it does not tell a time.

    profile and zone say what the meter means by what it does not specify. A time
    that the meter itself calls doubtful is none: better no time than a wrong one.
    """
    minute, second = octets[6], octets[7]
    if minute > 59 or second > 59:
        return None
    name = (bytes(octets[:6]), bytes(octets[9:]), profile, zone)
    hour = _hours.get(name)
    if hour is None:
        hour = _hour(octets, profile, zone)
        if hour is None:
            return None
        if len(_hours) >= _HOURS_MAX:
            _hours.clear()
        _hours[name] = hour
    return "%s%02d:%02d%s" % (hour[0], minute, second, hour[1])


def _hour(
    octets: bytes | bytearray, profile: "Profile", zone: "tuple[int, str]"
) -> "tuple[str, str] | None":
    """The time's text before the minute and behind the second."""
    year = octets[0] << 8 | octets[1]
    month, day, weekday, hour = octets[2:6]
    deviation = octets[9] << 8 | octets[10]
    status = octets[11]
    if not is_moment(year, month, day, hour, 0, 0) or not 2000 <= year < 2100:
        return None
    # Sunday is 7; Aidon's 0
    if weekday != 0xFF and (weekday or 7) != _weekday(year, month, day):
        return None
    if status == 0xFF:
        status = 0
    if status & (_DOUBTFUL | _INVALID_CLOCK) or (status & _INVALID and not profile.trust_invalid):
        return None
    shows = profile.clock
    minutes = zone[0]
    if not deviation and profile.zero_deviation:
        deviation = _NOT_SPECIFIED
    if deviation in (minutes, minutes + 60):  # some, as ZPA's, turn its sign
        offset = deviation
    elif deviation != _NOT_SPECIFIED:
        offset = (0x10000 if deviation & 0x8000 else 0) - deviation
        if not -840 <= offset <= 840 or offset % _ZONES:
            return None
    elif shows == STANDARD:  # Kamstrup's tells daylight saving, and does not keep it
        offset = minutes
    elif status & _DST:
        offset = minutes + 60
    elif shows == LOCAL:
        summer = is_summer(year, month, day, hour, zone)
        if summer is None:
            return None
        offset = minutes + 60 if summer else minutes
    else:
        return None
    sign = "+"
    if offset < 0:
        sign = "-"
        offset = -offset
    before = "%04d-%02d-%02dT%02d:" % (year, month, day, hour)
    return before, "%s%02d:%02d" % (sign, offset // 60, offset % 60)


def _weekday(year: int, month: int, day: int) -> int:
    """1 for Monday to 7 for Sunday (Sakamoto's method)."""
    if month < 3:
        year -= 1
    n = year + year // 4 - year // 100 + year // 400
    return (n + (0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4)[month - 1] + day + 6) % 7 + 1


def is_summer(
    year: int, month: int, day: int, hour: int, zone: "tuple[int, str]" = CENTRAL
) -> bool | None:
    """Whether a zone has daylight saving at a local hour; None in an ambiguous hour.

    In the EU it is from 01:00 UTC of the last Sunday of March to that of October (2000/84/EC).
    In Israel it is from 02:00 of the Friday before, to the hour before 02:00 of that Sunday
    (Time Determination Law, 5773-2013).
    """
    minutes, rule = zone
    if not rule:
        return False
    begins = twice = 1 + minutes // 60
    early = 0
    if rule == ISRAEL:
        begins, twice, early = 2, 1, 2
    if month in (3, 10):
        sunday = 31 - _weekday(year, month, 31) % 7
        if month == 3:
            sunday -= early
            return hour >= begins if day == sunday else day > sunday
        if day == sunday:
            return hour < twice if hour != twice else None
        return day < sunday
    return 3 < month < 10
