"""Stored objects as the JSON of the API."""

import time
from typing import Any

import msgspec
from starlette.responses import Response

from smartmeter_cloud.history.freshness import heard
from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.monitoring.chain import silent_after
from smartmeter_cloud.store.rows import Newest, Reading

Fields = dict[str, Any]


class Json(Response):
    """An answer; numbers as they are stored."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def now() -> int:
    """ms since 1970."""
    return int(time.time() * 1000)


def reading(r: Reading) -> Fields:
    return {
        "time": rfc3339(r.time, r.offset),
        "received": rfc3339(r.received),
        "clock": r.clock,
        "clockWrong": r.suspect,
        "seq": r.seq,
        "auth": r.auth,
        "values": r.values,
        "texts": r.texts,
        "ratio": r.ratio,
    }


def meter(n: Newest, label: str) -> Fields:
    return {
        "id": n.reading.meter,
        "label": label,
        "class": n.medium.meter_class,
        "medium": n.medium.name or "electricity",
        "units": n.medium.units,
        "concentrator": n.concentrator,
        "silentAfter": silent_after(n.gap, bool(n.medium.name)) // 1000,
        "heard": rfc3339(heard(n)),
        "newest": reading(n.reading),
    }
