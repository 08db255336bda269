"""The meters' clocks: central European time, and the forms in which telegrams write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

STANDARD = timezone(timedelta(hours=1))
SUMMER = timezone(timedelta(hours=2))

DEVIATION_UNSPECIFIED = 0x8000  # IEC 62056-6-2, 4.1.6.1
STATUS_SUMMER = 0x80


def _last_sunday(year: int, month: int) -> datetime:
    """01:00 UTC of the month's last Sunday, when summer time begins and ends (2000/84/EC)."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=last.isoweekday() % 7)


def local(now: datetime, summer_time: bool = True) -> datetime:
    """The moment in the meter's local time, to the second.

    summer_time False: a clock that keeps standard time all year.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    if summer_time and _last_sunday(now.year, 3) <= now < _last_sunday(now.year, 10):
        return now.astimezone(SUMMER)
    return now.astimezone(STANDARD)


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
    summer = clock.utcoffset() == timedelta(hours=2)
    if status is None:
        status = STATUS_SUMMER if summer else 0
    minutes = -120 if summer else -60  # UTC = local + deviation
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
    letter = "S" if clock.utcoffset() == timedelta(hours=2) else "W"
    return clock.strftime("%y%m%d%H%M%S") + letter
