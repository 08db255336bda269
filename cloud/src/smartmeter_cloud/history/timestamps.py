"""Times as text."""

from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(ms: int, offset_minutes: int = 0) -> str:
    """RFC 3339 text of a time in ms since 1970 UTC, in the given UTC offset."""
    zone = timezone(timedelta(minutes=offset_minutes))
    at = (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)
    return at.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")


def rfc3339_utc(ms: int) -> str:
    """RFC 3339 text of a time in ms since 1970 UTC, in UTC: it ends in Z."""
    return rfc3339(ms).replace("+00:00", "Z")
