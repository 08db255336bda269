"""The meters' clocks: local time, and the forms in which telegrams write it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

DEVIATION_UNSPECIFIED = 0x8000  # IEC 62056-6-2, 4.1.6.1
STATUS_SUMMER = 0x80


def local(now: datetime, zone: str, summer_time: bool = True) -> datetime:
    """The moment in the local time of a zone of the IANA database, to the second.

    summer_time False: a clock that keeps standard time all year.
    """
    there = now.replace(microsecond=0).astimezone(ZoneInfo(zone))
    offset, saving = there.utcoffset(), there.dst()
    assert offset is not None
    assert saving is not None
    if not summer_time:
        offset, saving = offset - saving, timedelta()
    return now.replace(microsecond=0).astimezone(timezone(offset, "S" if saving else "W"))


def date_time(
    clock: datetime,
    deviation: bool = True,
    hundredths: int = 0xFF,
    status: int | None = None,
    weekday: bool = True,
    turned: bool = False,
) -> bytes:
    """A COSEM date-time of 12 bytes (IEC 62056-6-2, 4.1.6.1).

    deviation False: "not specified"; status None: 0x80 in summer time, else 0; turned: the
    deviation has the sign that it should not have (ZPA AM375).
    """
    if status is None:
        status = STATUS_SUMMER if clock.tzname() == "S" else 0
    offset = clock.utcoffset()
    assert offset is not None
    minutes = -offset // timedelta(minutes=1)  # UTC = local + deviation
    if turned:
        minutes = -minutes
    day = clock.isoweekday() if weekday else 0xFF
    return (
        clock.year.to_bytes(2, "big")
        + bytes((clock.month, clock.day, day, clock.hour, clock.minute, clock.second, hundredths))
        + (minutes & 0xFFFF if deviation else DEVIATION_UNSPECIFIED).to_bytes(2, "big")
        + bytes((status,))
    )


def p1(clock: datetime) -> str:
    """A P1 timestamp YYMMDDhhmmssX, X = S in summer, W in winter (DSMR 5.0.2, 6.4)."""
    return clock.strftime("%y%m%d%H%M%S") + str(clock.tzname())
