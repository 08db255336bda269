"""The state of every part of the chain, derived from observations.

A box is {"kind", "id", "state", "since", ...}. `reason` is a word of a closed list, which the page
translates. Times are ms.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from smartmeter_service.json_depth import is_too_deep

from smartmeter_cloud.monitoring.observations import Box, MeterActivity, Observations, Process

SILENT_MS = 60_000  # a meter is silent after a minute, or after three of its own intervals
SILENT_MAX_MS = 3_600_000  # or after an hour, because its last interval may have been an outage
SUBMETER_SILENT_MS = 86_400_000  # it sends when its value changes: water may stand still
STATUS_SILENT_MS = 180_000  # adapters and Concentrators send their status at least once a minute
BEAT_SILENT_MS = 20_000  # four heartbeats

Json = dict[str, Any]

KINDS = ("meter", "adapter", "concentrator", "ingest", "store")
STATES = ("ok", "warn", "down", "unknown")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def parse_status(text: str) -> Json | None:
    """The document of a stored status; None if it cannot be shown."""
    try:
        payload = text.encode()
        status = None if is_too_deep(payload) else _decode(payload)
        msgspec.json.encode(status)  # some things can be read but not sent
    except (msgspec.MsgspecError, AttributeError, ValueError, OverflowError, RecursionError):
        return None
    return status


def chain(seen: Observations, now: int) -> list[Json]:
    """The boxes in the order of the chain: meters, adapters, Concentrators, ingest, store."""
    adapters = {b.name: b for b in seen.boxes if b.kind == "adapter"}
    concentrators: dict[str, Box | None] = {m.concentrator: None for m in seen.meters}
    concentrators |= {b.name: b for b in seen.boxes if b.kind == "concentrator"}
    out = [_meter(m, now) for m in sorted(seen.meters)]
    out += [_status("adapter", adapters[name], name, now) for name in sorted(adapters)]
    out += [
        _status("concentrator", concentrators[name], name, now) for name in sorted(concentrators)
    ]
    out += [_ingest(p, now) for p in seen.processes]
    if not seen.processes:
        out.append(_box("ingest", "", "down", "never", None))
    store = {"counters": dict(seen.counters), "bytes": seen.size}
    out.append(_box("store", "", "ok", "keeps", None) | store)
    return out


def own_boxes(boxes: list[Json], visible: Callable[[str], bool]) -> list[Json]:
    """The boxes of visible meters; shared parts are shown without their status."""
    out = []
    concentrators = {b["concentrator"] for b in boxes if b["kind"] == "meter" and visible(b["id"])}
    for box in boxes:
        kind = box["kind"]
        if kind in ("meter", "adapter"):
            if visible(box["id"]):
                out.append(box)
        elif kind == "concentrator":
            if box["id"] in concentrators:
                out.append(box)
        else:
            out.append({k: box[k] for k in ("kind", "id", "state", "reason", "since")})
    return out


def silent_after(gap: int | None, is_submeter: bool) -> int:
    """After how many ms without a reading a meter is silent; gap: ms between its last two."""
    if is_submeter:
        return SUBMETER_SILENT_MS
    return max(SILENT_MS, min(SILENT_MAX_MS, 3 * (gap or 0)))


def _box(kind: str, name: str, state: str, reason: str, since: int | None) -> Json:
    return {"kind": kind, "id": name, "state": state, "reason": reason, "since": since}


def _meter(meter: MeterActivity, now: int) -> Json:
    if now - meter.heard > silent_after(meter.gap, meter.is_submeter):
        box = _box("meter", meter.name, "down", "silent", meter.heard)
    elif meter.suspect:
        box = _box("meter", meter.name, "warn", "clock", meter.heard)
    elif meter.hours:
        box = _box("meter", meter.name, "warn", "zone", meter.heard)
    else:
        box = _box("meter", meter.name, "ok", "reads", meter.heard)
    return box | {"concentrator": meter.concentrator, "hours": meter.hours}


def _status(kind: str, status: Box | None, name: str, now: int) -> Json:
    """The last status of an adapter or Concentrator; None if there was none."""
    if status is None or status.status is None:
        return _box(kind, name, "unknown", "no status", None)
    content = parse_status(status.status)
    state = content and content.get("state")
    if content is None:
        box = _box(kind, name, "unknown", "unreadable", status.received)
    elif state == "offline":
        box = _box(kind, name, "down", "offline", status.received)
    elif now - status.received > STATUS_SILENT_MS:
        box = _box(kind, name, "warn", "status is old", status.received)
    else:
        box = _box(kind, name, "ok", "online", status.received)
    return box | {"concentrator": status.concentrator, "status": content or {}}


def _ingest(process: Process, now: int) -> Json:
    content = parse_status(process.state)
    if content is None:
        return _box("ingest", process.name, "unknown", "unreadable", process.beat)
    broker = content.get("broker")
    if not isinstance(broker, dict):
        broker = {}
    if content.get("state") == "ended":
        box = _box("ingest", process.name, "down", "ended", process.beat)
    elif now - process.beat > BEAT_SILENT_MS:
        box = _box("ingest", process.name, "down", "silent", process.beat)
    elif not broker.get("connected"):
        box = _box("ingest", process.name, "down", "no broker", broker.get("since"))
    elif content.get("receiptsRefused"):
        box = _box("ingest", process.name, "warn", "receipts refused", None)
    else:
        box = _box("ingest", process.name, "ok", "stores", broker.get("since"))
    return box | {"status": content}
