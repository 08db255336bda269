"""Times that a person types."""

from datetime import datetime, tzinfo

from smartmeter_service.toml_file import SettingsError


def to_ms(name: str, text: str | None, zone: tzinfo, default: int) -> int:
    """RFC 3339 text as ms since 1970 UTC, in zone where it names none; SettingsError."""
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise SettingsError(
            f"{name}: {text!r} is not a time such as 2026-11-01T00:00:00Z"
        ) from None
