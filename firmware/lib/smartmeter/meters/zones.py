"""A time zone as a setting: "+02:00 EU" is two hours ahead of UTC, and an hour more in summer."""

from ..context import EUROPE, ISRAEL

_RULES = (EUROPE, ISRAEL)
_SAYS = "a zone is an offset such as +02:00 for standard time all year, or +02:00 EU or +02:00 IL"
_MINUTES_MAX = 840  # the zones of the world go from -12:00 to +14:00


def parse(text: str) -> "tuple[int, str]":
    """(minutes ahead of UTC at standard time, rule) of a setting.

    ValueError with one sentence if it is not one.
    """
    offset, _, rule = text.partition(" ")
    hours, colon, minutes = offset[1:].partition(":")
    if (
        len(offset) != 6
        or offset[0] not in "+-"
        or not colon
        or not (hours.isdigit() and minutes.isdigit())
        or (rule and rule not in _RULES)
    ):
        raise ValueError(_SAYS)
    number = 60 * int(hours) + int(minutes)
    if int(minutes) > 59 or number > _MINUTES_MAX:
        raise ValueError(_SAYS)
    return (-number if offset[0] == "-" else number), rule
