"""The status document as Prometheus metrics."""

import datetime
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import Metric
from smartmeter_service.metrics import Samples, counter, gauge, process

from . import meter_metrics
from .states import Newest

_PREFIX = "smartmeter_gateway"


def families(document: dict[str, Any], newest: Mapping[str, Newest]) -> Iterator[Metric]:
    """The metrics of the status document that the household sees, and of each meter's state."""
    d = document
    spool = d["spool"]
    yield from process(_PREFIX, d["version"])
    yield _one(gauge, "spool_messages", "Messages not delivered.", spool["rows"])
    yield _one(gauge, "spool_bytes", "Size of the spool.", spool["bytes"])
    yield _one(gauge, "spool_refused_messages", "Of them, refused by the Cloud.", spool["refused"])
    oldest = spool["oldest"]
    age = 0.0 if oldest is None else max(0.0, time.time() - oldest)
    yield _one(gauge, "spool_oldest_message_age_seconds", "Age of the oldest message.", age)
    yield _one(
        counter, "spool_dropped_messages_total", "Dropped because it was full.", spool["dropped"]
    )
    yield counter(f"{_PREFIX}_refused_messages_total", "Messages refused.", _kinds(d["refused"]))
    yield counter(
        f"{_PREFIX}_telegram_faults_total", "Faults on serial ports.", _kinds(d["faults"])
    )
    refusals = [
        (
            {name: r.get(name, "") for name in ("meter", "kind", "field")},
            datetime.datetime.fromisoformat(r["time"]).timestamp(),
        )
        for r in d["refusals"]
    ]
    yield gauge(
        f"{_PREFIX}_newest_refusal_timestamp_seconds",
        "When the newest message of a meter was refused; field: of a reading.",
        refusals,
    )
    links = [({"link": name}, float(link["up"])) for name, link in d["links"].items()]
    yield gauge(f"{_PREFIX}_link_up", "Whether a connection is up.", links)
    asked = [
        ({"emulation": label, "outcome": outcome}, float(n))
        for label, counts in d["emulations"].items()
        for outcome, n in counts.items()
    ]
    yield counter(f"{_PREFIX}_emulation_requests_total", "Requests to emulated devices.", asked)
    yield _one(gauge, "alarms", "Alarms now.", len(d["alarms"]))
    yield from _meters(d["meters"], d["silent"], newest)


def _meters(
    meters: dict[str, Any], silent: dict[str, str], newest: Mapping[str, Newest]
) -> Iterator[Metric]:
    def each(key: str) -> Samples:
        return [({"meter": name}, float(meter.get(key, 0))) for name, meter in meters.items()]

    yield counter(f"{_PREFIX}_readings_total", "Readings taken in.", each("readings"))
    yield counter(
        f"{_PREFIX}_duplicate_readings_total", "Duplicates that were discarded.", each("duplicates")
    )
    now = time.time()
    yield gauge(
        f"{_PREFIX}_reading_age_seconds",
        "Since the newest reading.",
        [({"meter": name}, max(0.0, now - found.at)) for name, found in newest.items()],
    )
    yield gauge(
        f"{_PREFIX}_meter_silent",
        "1 for a meter that is silent; then it has no values here.",
        [({"meter": name}, float(name in silent)) for name in sorted({*silent, *newest})],
    )
    yield from meter_metrics.families(
        _PREFIX, {name: found for name, found in newest.items() if found.reason is None}
    )


def _kinds(counts: dict[str, int]) -> Samples:
    return [({"kind": kind}, float(n)) for kind, n in counts.items()]


def _one(kind: Callable[..., Metric], name: str, text: str, value: float) -> Metric:
    return kind(f"{_PREFIX}_{name}", text, [({}, value)])
