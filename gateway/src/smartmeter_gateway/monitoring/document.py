"""The Concentrator's status as a document for JSON."""

import time
from dataclasses import asdict
from typing import Any

import smartmeter

from .diagnosis import OLD_S, why
from .registry import LAN, LinkState, Meter, Status, now_text


def published(status: Status) -> dict[str, Any]:
    """What is published for the Cloud: no values, since those go as readings."""
    with status.lock:
        return _common(status) | {
            "meters": {id: _meter(status, id, meter) for id, meter in status.meters.items()}
        }


def shown(status: Status) -> dict[str, Any]:
    """What the household sees: also the values, today's energy, and how each adapter is."""
    now = time.monotonic()
    with status.lock:
        return {
            "concentrator": status.id,
            "silent": _silent(status, now),
            "adapters": {id: told.facts for id, told in sorted(status.adapters.items())},
            **_common(status),
            "meters": {
                id: _meter(status, id, meter)
                | {
                    "age": round(now - meter.arrived, 1),
                    "values": meter.values,
                    "today": _today(status, id),
                }
                for id, meter in status.meters.items()
            },
        }


def _common(status: Status) -> dict[str, Any]:
    return {
        "state": "online",
        "time": now_text(),
        "version": smartmeter.__version__,
        "uptime": int(time.monotonic() - status.started),
        "spool": asdict(status.spool),
        "refused": dict(status.refused),
        "faults": dict(status.faults),
        "links": {name: _link(link) for name, link in status.links.items()},
        "alarms": list(status.alarms.values()),
    }


def _link(link: LinkState) -> dict[str, Any]:
    reason = {} if link.up else {"reason": link.reason}
    return {"up": link.up, "since": int(link.since)} | reason


def _meter(status: Status, id: str, meter: Meter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "last": meter.time.isoformat(),
        "way": meter.source,
        "readings": meter.count,
    }
    if len(meter.sources) > 1:
        found["ways"] = list(meter.sources)
    if id in status.duplicates:
        found["twice"] = status.duplicates[id]
    return found


def _today(status: Status, id: str) -> dict[str, dict[str, float]]:
    today = status.todays.get(id)
    return today.grown(time.time()) if today else {}


def _silent(status: Status, now: float) -> dict[str, str]:
    """meter -> why nothing is heard of it, for those that are silent."""
    heard = {id for id, meter in status.meters.items() if now - meter.arrived < OLD_S}
    silent = {*status.meters, *status.adapters} - heard
    return {id: why(status.adapters.get(id), status.links, LAN) for id in sorted(silent)}
