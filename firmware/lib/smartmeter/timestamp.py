"""The parts of an RFC 3339 time: a day and time that exist, and the offset from UTC."""

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_moment(year: int, month: int, day: int, hour: int, minute: int, second: int) -> bool:
    """Whether a calendar has this day and a clock this time; leap seconds are not told."""
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]):
        return False
    if month == 2 and day == 29 and (year % 4 or (year % 100 == 0 and year % 400)):
        return False
    return hour < 24 and minute < 60 and second < 60


def offset(minutes: int) -> str:
    """The end of an RFC 3339 time that is so many minutes ahead of UTC."""
    return "%s%02d:%02d" % ("-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60)
