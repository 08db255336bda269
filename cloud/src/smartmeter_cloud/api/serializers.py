"""Stored things as the JSON that the API answers."""

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
from starlette.responses import Response

from smartmeter_cloud.monitoring.chain import silent_after
from smartmeter_cloud.store.rows import Newest, Reading

Fields = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Json(Response):
    """An answer; numbers as they are stored."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def now() -> int:
    """ms since 1970."""
    return int(time.time() * 1000)


def moment(ms: int, offset_minutes: int = 0) -> str:
    """RFC 3339 text of a time in ms since 1970, in the given offset."""
    zone = timezone(timedelta(minutes=offset_minutes))
    at = (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)
    return at.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")


def reading(r: Reading) -> Fields:
    return {
        "time": moment(r.time, r.offset),
        "received": moment(r.received),
        "clock": r.clock,
        "clockWrong": r.suspect,
        "seq": r.seq,
        "auth": r.auth,
        "values": r.values,
    }


def meter(n: Newest, label: str) -> Fields:
    return {
        "id": n.reading.meter,
        "label": label,
        "concentrator": n.concentrator,
        "silentAfter": silent_after(n.gap) // 1000,
        "newest": reading(n.reading),
    }
