"""The Concentrator's status as a document for JSON."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import smartmeter

from .diagnosis import silence_reason
from .registry import LAN, LinkState, Meter, Registry, now_text


def published(registry: Registry) -> dict[str, Any]:
    """What is published for the Cloud: no values, since those go as readings."""
    with registry.lock:
        return _common(registry) | {
            "meters": {id: _meter(registry, id, meter) for id, meter in registry.meters.items()}
        }


def shown(registry: Registry, reasons: Mapping[str, str | None]) -> dict[str, Any]:
    """What the household sees: also the values, today's energy, and how each adapter is.

    reasons: of each meter, why it is silent, or None, as the state topic has it.
    """
    now = time.monotonic()
    with registry.lock:
        return {
            "concentrator": registry.id,
            "silent": _silent(registry, reasons),
            "emulations": {label: dict(counts) for label, counts in registry.emulations.items()},
            "adapters": {id: adapter.facts for id, adapter in sorted(registry.adapters.items())},
            **_common(registry),
            "meters": {
                id: _meter(registry, id, meter)
                | {
                    "age": round(now - meter.arrived, 1),
                    "values": meter.values,
                    "today": _today(registry, id),
                }
                | ({"medium": meter.medium, "units": meter.units} if meter.medium else {})
                | ({"texts": meter.texts} if meter.texts else {})
                | ({"ratio": meter.ratio} if meter.ratio != 1 else {})
                for id, meter in registry.meters.items()
            },
        }


def for_consumers(registry: Registry) -> dict[str, Any]:
    """What consumers on the LAN know of the Concentrator itself."""
    with registry.lock:
        return _common(registry)


def _common(registry: Registry) -> dict[str, Any]:
    return {
        "state": "online",
        "time": now_text(),
        "version": smartmeter.__version__,
        "uptime": int(time.monotonic() - registry.started),
        "spool": asdict(registry.spool),
        "refused": dict(registry.refused),
        "refusals": [refusal.document() for refusal in registry.refusals.newest()],
        "faults": dict(registry.faults),
        "links": {name: _link(link) for name, link in registry.links.items()},
        "alarms": list(registry.alarms.values()),
    }


def _link(link: LinkState) -> dict[str, Any]:
    reason = {} if link.up else {"reason": link.reason}
    return {"up": link.up, "since": int(link.since)} | reason


def _meter(registry: Registry, id: str, meter: Meter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "last": meter.time.isoformat(),
        "path": meter.source,
        "readings": meter.count,
    }
    if len(meter.sources) > 1:
        found["paths"] = list(meter.sources)
    if id in registry.duplicates:
        found["duplicates"] = registry.duplicates[id]
    return found


def _today(registry: Registry, id: str) -> dict[str, dict[str, float]]:
    today = registry.daily_energy.get(id)
    return today.grown(time.time()) if today else {}


def _silent(registry: Registry, reasons: Mapping[str, str | None]) -> dict[str, str]:
    """meter -> why nothing is heard of it, for those that are silent."""
    silent = {id: reason for id, reason in reasons.items() if reason}
    for id in registry.adapters.keys() - registry.meters.keys() - reasons.keys():
        silent[id] = silence_reason(registry.adapters[id], registry.links, LAN)
    return dict(sorted(silent.items()))
