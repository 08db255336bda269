"""The status document as Prometheus metrics."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import Metric
from smartmeter_service.metrics import counter, gauge, process

_PREFIX = "smartmeter_gateway"


def families(document: dict[str, Any]) -> Iterator[Metric]:
    """The metrics of a status document that has the values of the meters."""
    d = document
    spool = d["spool"]
    yield from process(_PREFIX, d["version"])
    yield _one(gauge, "uptime_seconds", "Since the start.", d["uptime"])
    yield _one(gauge, "spool_rows", "Messages not delivered.", spool["rows"])
    yield _one(gauge, "spool_bytes", "Size of the spool.", spool["bytes"])
    yield _one(gauge, "spool_refused_rows", "Of them, refused by the Cloud.", spool["refused"])
    oldest = spool["oldest"]
    age = 0.0 if oldest is None else max(0.0, time.time() - oldest)
    yield _one(gauge, "spool_oldest_seconds", "Age of the oldest message.", age)
    yield _one(counter, "spool_dropped_total", "Dropped because it was full.", spool["dropped"])
    for name, text in (("refused", "Messages refused."), ("faults", "Faults on serial ports.")):
        kinds = [({"kind": kind}, float(n)) for kind, n in d[name].items()]
        yield counter(f"{_PREFIX}_{name}_total", text, kinds)
    links = [({"link": name}, float(link["up"])) for name, link in d["links"].items()]
    yield gauge(f"{_PREFIX}_link_up", "Whether a connection is up.", links)
    yield _one(gauge, "alarms", "Alarms now.", len(d["alarms"]))
    yield from _meters(d["meters"])


def _meters(meters: dict[str, Any]) -> Iterator[Metric]:
    def each(key: str) -> list[tuple[dict[str, str], float]]:
        return [({"meter": name}, float(meter.get(key, 0))) for name, meter in meters.items()]

    yield counter(f"{_PREFIX}_readings_total", "Readings taken in.", each("readings"))
    yield counter(
        f"{_PREFIX}_duplicates_total", "Duplicates that were discarded.", each("duplicates")
    )
    yield gauge(f"{_PREFIX}_reading_age_seconds", "Since the newest reading.", each("age"))
    values = [
        ({"meter": name, "obis": code}, float(value))
        for name, meter in meters.items()
        for code, value in meter["values"].items()
    ]
    yield gauge(f"{_PREFIX}_value", "The newest reading: W, Wh, varh, V, A.", values)


def _one(kind: Callable[..., Metric], name: str, text: str, value: float) -> Metric:
    return kind(f"{_PREFIX}_{name}", text, [({}, value)])
