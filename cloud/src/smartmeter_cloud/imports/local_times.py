"""Times as files have them: in many notations, and often in local time without an offset."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

_DATE = r"(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})|"
_DATE += r"(?P<d2>\d{1,2})[-/.](?P<m2>\d{1,2})[-/.](?P<y2>\d{4}|\d{2}))"
_TIME = r"(?P<H>\d{1,2})[:h](?P<M>\d{2})(?:[:.](?P<S>\d{2})(?:[.,]\d{1,9})?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|[+-]\d{2}(?::?\d{2})?)?"
_FORM = re.compile(rf"{_DATE}(?:[T\s,;]+(?:um\s+)?{_TIME}{_ZONE})?\Z")
_ONLY_TIME = re.compile(rf"{_TIME}\Z")
_DAY = timedelta(days=1)
_YEARS = range(1970, 2200)  # as ingest takes them


class Moment(NamedTuple):
    """A date and a time of day, None where only one of them is there; offset: None if local."""

    date: datetime | None
    time: timedelta | None
    offset: timedelta | None


def parse(text: str) -> Moment | None:
    """None if it is not a time; days go before months, as in Europe."""
    text = text.strip()
    if len(text) > 40:
        return None
    if found := _ONLY_TIME.match(text):
        time = _time_of(found)
        return None if time is None else Moment(None, time, None)
    found = _FORM.match(text)
    if not found:
        return None
    digits = found["y"] or found["y2"]
    year = int(digits) + (2000 if len(digits) == 2 else 0)
    if year not in _YEARS:
        return None
    try:
        date = datetime(
            year,
            int(found["m"] or found["m2"]),
            int(found["d"] or found["d2"]),
        )
    except ValueError:
        return None
    if found["H"] is None:
        return Moment(date, None, None)
    time = _time_of(found)
    return None if time is None else Moment(date, time, _offset_of(found["zone"]))


def _time_of(found: re.Match[str]) -> timedelta | None:
    hours, minutes, seconds = int(found["H"]), int(found["M"]), int(found["S"] or 0)
    time = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return time if time <= _DAY and minutes < 60 and seconds < 60 else None  # 24:00 is an end


def _offset_of(zone: str | None) -> timedelta | None:
    if zone is None:
        return None
    if zone in ("Z", "UTC"):
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


class LocalClock:
    """Local times of a file as ms since 1970 UTC, in the order of its lines.

    In autumn an hour comes twice. Which of the two it is follows from the line before in the
    same series: the times of a series go up, or down if `falling`.
    """

    def __init__(self, zone: tzinfo, falling: bool = False) -> None:
        self._zone = zone
        self._falling = falling
        self._before: dict[str, int] = {}

    def to_ms(self, local: datetime, offset: timedelta | None, series: str = "") -> int:
        """ValueError, with a sentence, of a time that does not exist in spring."""
        if offset is not None:
            return _ms(local.replace(tzinfo=UTC) - offset)
        first, second = (_ms(local.replace(tzinfo=self._zone, fold=fold)) for fold in (0, 1))
        if first > second:  # skipped by the clock change
            raise ValueError(f"{local:%Y-%m-%d %H:%M} does not exist, because of summer time")
        before = self._before.get(series)
        made = second if self._falling else first
        if first != second and before is not None:
            if self._falling and before <= second:
                made = first
            elif not self._falling and before >= first:
                made = second
        self._before[series] = made
        return made


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
