"""The time zone of this machine."""

import os
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def own_zone() -> tzinfo:
    """The machine's time zone; UTC if it has none."""
    name = os.environ.get("TZ", "").lstrip(":")
    try:
        if name:
            return ZoneInfo(name)
        target = Path("/etc/localtime").resolve()
        return ZoneInfo(str(target).partition("zoneinfo/")[2])
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return ZoneInfo("UTC")
