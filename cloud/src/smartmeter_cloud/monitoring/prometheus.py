"""What Prometheus reads (text exposition format 0.0.4), of the whole store and of one ingest."""

import json
import resource
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import smartmeter_cloud
from smartmeter_cloud.monitoring.chain import chain
from smartmeter_cloud.monitoring.observations import Observations

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PREFIX = "smartmeter_cloud_"
_Sample = tuple[dict[str, str], float]


def of_api(
    seen: Observations, now: int, requests: dict[str, int], streams: int, wrong_keys: int
) -> str:
    """Of what is stored, and of this api process.

    requests: how many were answered by class of status, such as "2xx"; streams: open ones;
    wrong_keys: how many were tried since the start.
    """
    return "".join((*_process(), *_store(seen, now), *_http(requests, streams, wrong_keys)))


def of_ingest(state: dict[str, Any]) -> str:
    """Of one ingest process; state is what its heartbeat tells."""
    return "".join((*_process(), *_ingest([("", state)])))


def _process() -> Iterator[str]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    version = {"version": smartmeter_cloud.__version__}
    yield from _metric("info", "gauge", "Version.", [(version, 1)])
    yield from _metric(
        "cpu_seconds_total", "counter", "CPU time used.", [({}, usage.ru_utime + usage.ru_stime)]
    )
    yield from _metric(
        "memory_peak_bytes", "gauge", "Most memory ever resident.", [({}, usage.ru_maxrss * 1024)]
    )


def _store(seen: Observations, now: int) -> Iterator[str]:
    for name, text in (
        ("stored", "Readings stored since the store was made."),
        ("repeated", "Readings that were there already."),
        ("dead", "Messages in the dead-letter table, forgotten ones too."),
        ("ignored", "Messages of topics that are not stored."),
    ):
        yield from _metric(f"{name}_total", "counter", text, [({}, seen.counters.get(name, 0))])
    yield from _metric("store_bytes", "gauge", "Size of the store.", [({}, seen.size)])
    states = Counter((box["kind"], box["state"]) for box in chain(seen, now))
    yield from _metric(
        "boxes",
        "gauge",
        "Meters, adapters, Concentrators and ingests by their state.",
        [({"kind": kind, "state": state}, n) for (kind, state), n in sorted(states.items())],
    )
    processes = [p for p in seen.processes if p.name.startswith("ingest ")]
    names = [p.name.removeprefix("ingest ") for p in processes]
    yield from _metric(
        "ingest_heartbeat_age_seconds",
        "gauge",
        "Since an ingest last told its state.",
        [({"ingest": n}, (now - p.beat) / 1000) for n, p in zip(names, processes, strict=True)],
    )
    yield from _ingest([(n, json.loads(p.state)) for n, p in zip(names, processes, strict=True)])


def _http(requests: dict[str, int], streams: int, wrong_keys: int) -> Iterator[str]:
    samples: list[_Sample] = [({"status": s}, n) for s, n in sorted(requests.items())]
    yield from _metric("http_requests_total", "counter", "Requests answered.", samples)
    yield from _metric("live_streams", "gauge", "Pages that listen.", [({}, streams)])
    yield from _metric("wrong_keys_total", "counter", "Keys that were none.", [({}, wrong_keys)])


def _ingest(states: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    def each(key: str) -> list[_Sample]:
        return [({"ingest": name} if name else {}, float(s.get(key, 0))) for name, s in states]

    for key, name, text in (
        ("messages", "ingest_messages_total", "Messages taken in since its start."),
        ("stored", "ingest_stored_total", "Readings it stored."),
        ("repeated", "ingest_repeated_total", "Readings that were there already."),
        ("dead", "ingest_dead_total", "Messages that could not be stored."),
        ("ignored", "ingest_ignored_total", "Messages of topics that are not stored."),
        ("receiptsRefused", "ingest_receipts_refused_total", "Receipts the broker refused."),
    ):
        yield from _metric(name, "counter", text, each(key))
    up = [
        ({"ingest": n} if n else {}, float(bool(s.get("broker", {}).get("connected"))))
        for n, s in states
    ]
    yield from _metric("ingest_broker_up", "gauge", "Whether its broker is connected.", up)


def _metric(name: str, kind: str, text: str, samples: Iterable[_Sample]) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{name} {text}\n# TYPE {_PREFIX}{name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"{_PREFIX}{name}{f'{{{inside}}}' if inside else ''} {value:.15g}\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
