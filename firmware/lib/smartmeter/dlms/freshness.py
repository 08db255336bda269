"""Whether a telegram is newer than another by the meter's clock; loaded if a counter fails."""

_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)  # a month, in the year


def is_later(time: "str | None", last: "str | None") -> bool:
    """Whether one RFC 3339 time of ours is later than another; False if either is unknown."""
    return bool(time and last) and _seconds(time) > _seconds(last)  # type: ignore[arg-type]


def _seconds(text: str) -> int:
    """Seconds from the beginning of 2000, UTC."""
    year, month, day = int(text[:4]) - 2000, int(text[5:7]), int(text[8:10])
    days = 365 * year + (year + 3) // 4 + _DAYS_BEFORE[month - 1] + day
    if month > 2 and not year % 4:  # until 2099
        days += 1
    minutes = 60 * int(text[11:13]) + int(text[14:16])
    zone = text[19:]
    if zone != "Z":
        offset = 60 * int(zone[1:3]) + int(zone[4:6])
        minutes += offset if zone[0] == "-" else -offset
    return (1440 * days + minutes) * 60 + int(text[17:19])
