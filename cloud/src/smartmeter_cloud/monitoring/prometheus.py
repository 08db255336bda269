"""Prometheus metrics of the whole store and of one process."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from prometheus_client import Metric
from smartmeter_service.metrics import Samples, counter, gauge, process

import smartmeter_cloud
from smartmeter_cloud.monitoring.chain import KINDS, STATES, chain, parse_status
from smartmeter_cloud.monitoring.observations import Observations

_PREFIX = "smartmeter_cloud"
_FAULTS = "Unexpected errors of this program, which it survived."


def of_api(
    seen: Observations,
    now: int,
    requests: dict[str, int],
    streams: int,
    wrong_keys: int,
    faults: dict[str, int],
) -> Iterator[Metric]:
    """Metrics of the store, and of this api process.

    requests: how many were answered by class of status, such as "2xx"; streams: open ones;
    wrong_keys: how many were tried since the start; faults: unexpected errors by thread.
    """
    yield from process(_PREFIX, smartmeter_cloud.__version__)
    yield from _store(seen, now)
    yield from _http(requests, streams, wrong_keys)
    by_thread = [({"thread": name}, n) for name, n in sorted(faults.items())]
    yield counter(f"{_PREFIX}_faults_total", _FAULTS, by_thread)


def of_ingest(state: dict[str, Any]) -> Iterator[Metric]:
    """Metrics of one ingest process; state is that of its heartbeat."""
    yield from process(_PREFIX, smartmeter_cloud.__version__)
    yield from _ingest([("", state)])


def _store(seen: Observations, now: int) -> Iterator[Metric]:
    for key, name, text in (
        ("stored", "stored_readings_total", "Readings stored since the store was created."),
        ("repeated", "repeated_readings_total", "Readings that were already stored."),
        ("refused", "refused_messages_total", "Messages that their Concentrator has to keep."),
        ("dead", "dead_letters_total", "Messages in the dead-letter table, forgotten ones too."),
        ("ignored", "ignored_messages_total", "Messages of topics that are not stored."),
    ):
        yield counter(f"{_PREFIX}_{name}", text, [({}, seen.counters.get(key, 0))])
    yield gauge(f"{_PREFIX}_store_bytes", "Size of the store.", [({}, seen.size)])
    boxes = chain(seen, now)
    counted = Counter((box["kind"], box["state"]) for box in boxes)
    yield gauge(
        f"{_PREFIX}_boxes",
        "Meters, adapters, Concentrators, ingests and the store by their state.",
        [({"kind": kind, "state": s}, counted[kind, s]) for kind in KINDS for s in STATES],
    )
    yield gauge(
        f"{_PREFIX}_reading_age_seconds",
        "Since the newest reading of a meter came.",
        [({"meter": m.name}, (now - m.received) / 1000) for m in seen.meters],
    )
    yield gauge(
        f"{_PREFIX}_meter_silent",
        "1 for a meter that has missed three of its usual intervals.",
        [
            ({"meter": box["id"]}, float(box["reason"] == "silent"))
            for box in boxes
            if box["kind"] == "meter"
        ],
    )
    processes = [p for p in seen.processes if p.name.startswith("ingest ")]
    names = [p.name.removeprefix("ingest ") for p in processes]
    yield gauge(
        f"{_PREFIX}_ingest_heartbeat_age_seconds",
        "Since the last heartbeat of an ingest.",
        [({"ingest": n}, (now - p.beat) / 1000) for n, p in zip(names, processes, strict=True)],
    )
    states = [(n, parse_status(p.state) or {}) for n, p in zip(names, processes, strict=True)]
    yield from _ingest(states)


def _http(requests: dict[str, int], streams: int, wrong_keys: int) -> Iterator[Metric]:
    samples: Samples = [({"status": s}, n) for s, n in sorted(requests.items())]
    yield counter(f"{_PREFIX}_http_requests_total", "Requests answered.", samples)
    yield gauge(f"{_PREFIX}_live_streams", "Pages that listen.", [({}, streams)])
    yield counter(f"{_PREFIX}_wrong_keys_total", "Wrong keys.", [({}, wrong_keys)])


def _ingest(states: list[tuple[str, dict[str, Any]]]) -> Iterator[Metric]:
    def each(key: str) -> Samples:
        return [({"ingest": name} if name else {}, _number(s.get(key))) for name, s in states]

    for key, name, text in (
        ("messages", "ingest_messages_total", "Messages received since its start."),
        ("stored", "ingest_stored_readings_total", "Readings it stored."),
        ("repeated", "ingest_repeated_readings_total", "Readings that were already stored."),
        ("dead", "ingest_dead_letters_total", "Messages that could not be stored."),
        ("refused", "ingest_refused_messages_total", "Messages their Concentrator has to keep."),
        ("ignored", "ingest_ignored_messages_total", "Messages of topics that are not stored."),
        ("receiptsRefused", "ingest_refused_receipts_total", "Receipts the broker refused."),
    ):
        yield counter(f"{_PREFIX}_{name}", text, each(key))
    up = [
        ({"ingest": n} if n else {}, float(bool(_object(s.get("broker")).get("connected"))))
        for n, s in states
    ]
    yield gauge(f"{_PREFIX}_ingest_broker_up", "Whether its broker is connected.", up)
    faults = [
        (({"ingest": name} if name else {}) | {"thread": thread}, _number(n))
        for name, state in states
        for thread, n in sorted(_object(state.get("faults")).items())
    ]
    yield counter(f"{_PREFIX}_ingest_faults_total", _FAULTS, faults)


def _number(value: Any) -> float:
    """A count of a heartbeat; 0 if another version or program wrote something else."""
    return float(value) if isinstance(value, int | float) else 0.0


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
