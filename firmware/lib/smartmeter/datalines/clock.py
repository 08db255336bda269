"""The time of data lines as RFC 3339 text: the right one or none.

P1 has 0-0:1.0.0(YYMMDDhhmmssX), X = S in summer and W at normal time; NES meters write
20240111 09:35:00, ESR's the date-time of COSEM in hexadecimal. IEC 62056-21 has
0.9.1(hh:mm:ss) and 0.9.2(yy-mm-dd), also yyyy, with or without the marks between; German load
profile meters put the season before both (VDEW-Lastenheft, ZSTs). If summer time is not given, a
profile's clock decides; without one, a time counts when both would be the same, which
is in winter.
"""

from binascii import unhexlify

from ..context import CENTRAL, LOCAL, STANDARD
from ..reading import is_moment, offset

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..profile import Profile

# The texts of known hours, by date, hour, letter, profile and zone; see dlms/clock.py.
_hours: "dict[tuple[str, str, str, Profile | None, tuple[int, str]], tuple[str, str]]" = {}
_HOURS_MAX = 4

_OCTETS = 12  # of a COSEM date-time
_FIRST = "10"  # the year of the first such meters; before it, a clock was never set


class Clock:
    """Collects the time from the lines of one text."""

    CODES = ("1.0.0", "0.9.1", "0.9.2")

    def __init__(self) -> None:
        self._date = ""
        self._time = ""
        self._letter = ""
        self._octets = b""  # of a date-time of COSEM

    def tell(self, code: str, text: str) -> None:
        """Takes the value of one of CODES."""
        if code == "1.0.0":
            self._stamp(text)
        elif code == "0.9.1":
            self._time = _digits(text)
        elif text[2:3] != ".":  # 22.11.26 may be a day of 2022 or of 2026
            date = _digits(text)
            self._date = date[2:] if len(date) == 8 and date[:2] == "20" else date

    def _stamp(self, text: str) -> None:
        if len(text) == 2 * _OCTETS:
            try:
                self._octets = unhexlify(text)
            except ValueError:
                pass
        if text[-1:] in ("S", "W"):
            self._letter = text[-1]
            text = text[:-1]
        digits = text if text.isdigit() else _digits(text)
        if len(digits) == 14 and digits[:2] == "20":
            digits = digits[2:]
        if len(digits) == 12:
            self._date = digits[:6]
            self._time = digits[6:]

    def rfc3339(self, profile: "Profile | None", zone: "tuple[int, str]" = CENTRAL) -> "str | None":
        """The time, or None if there is none or it is ambiguous."""
        if self._octets:
            from ..dlms.clock import rfc3339
            from ..meters.profiles import UNKNOWN

            return rfc3339(self._octets, profile or UNKNOWN, zone)
        self._take_season()
        date, time = self._date, self._time
        if len(date) != 6 or len(time) != 6 or date < _FIRST or time[2] > "5" or time[4] > "5":
            return None
        name = (date, time[:2], self._letter, profile, zone)
        hour = _hours.get(name)
        if hour is None:
            hour = self._hour(profile, zone)
            if hour is None:
                return None
            if len(_hours) >= _HOURS_MAX:
                _hours.clear()
            _hours[name] = hour
        return "%s%s:%s%s" % (hour[0], time[2:4], time[4:], hour[1])

    def _take_season(self) -> None:
        """Takes the digit before six: 0 in winter, 1 in summer where both have it. Before the
        date alone it says nothing (Iskraemeco MT174: 0 all the year)."""
        date, time = self._date, self._time
        if len(date) == 7 and date[0] in "01":
            self._date = date[1:]
            if len(time) == 7 and time[0] == date[0]:
                self._time = time[1:]
                self._letter = "S" if date[0] == "1" else "W"

    def _hour(self, profile: "Profile | None", zone: "tuple[int, str]") -> "tuple[str, str] | None":
        """The time's text before the minute and after the second."""
        date, time = self._date, self._time
        text = "20%s-%s-%sT%s:" % (date[:2], date[2:4], date[4:], time[:2])
        if not is_moment(2000 + int(date[:2]), int(date[2:4]), int(date[4:]), int(time[:2]), 0, 0):
            return None
        minutes = zone[0]
        summer: bool | None = self._letter == "S"
        if not self._letter:
            summer = self._is_summer(profile.clock if profile else None, zone)
            if summer is None:
                return None
        if summer:
            minutes += 60
        return text, offset(minutes)

    def _is_summer(self, shows: "str | None", zone: "tuple[int, str]") -> "bool | None":
        """Whether the time is summer time, None if unknown."""
        year, month, day = [int(self._date[i : i + 2]) for i in (0, 2, 4)]
        if shows == STANDARD:
            return False
        from ..dlms.clock import is_summer  # most meters say which it is

        summer = is_summer(2000 + year, month, day, int(self._time[:2]), zone)
        return summer if shows == LOCAL or summer is False else None


def _digits(text: str) -> str:
    """The digits of a date or time, "" if there is anything except separators between them."""
    for mark in "-: .":
        text = text.replace(mark, "")
    return text if text.isdigit() else ""
