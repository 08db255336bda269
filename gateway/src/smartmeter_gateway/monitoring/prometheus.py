"""The status as Prometheus reads it (text exposition format 0.0.4)."""

import resource
import time
from collections.abc import Iterable, Iterator
from typing import Any

_Sample = tuple[dict[str, str], float]
_PREFIX = "smartmeter_gateway_"


def exposition(document: dict[str, Any]) -> str:
    """The /metrics text of a status document."""
    return "".join(_lines(document))


def _lines(d: dict[str, Any]) -> Iterator[str]:
    spool = d["spool"]
    oldest = spool["oldest"]
    usage = resource.getrusage(resource.RUSAGE_SELF)
    plain: dict[str, Any]
    yield from _metric("info", "gauge", "Version.", [({"version": d["version"]}, 1)])
    yield from _metric("uptime_seconds", "gauge", "Since the start.", [({}, d["uptime"])])
    yield from _metric(
        "cpu_seconds_total", "counter", "CPU time used.", [({}, usage.ru_utime + usage.ru_stime)]
    )
    yield from _metric(
        "memory_peak_bytes", "gauge", "Most memory ever resident.", [({}, usage.ru_maxrss * 1024)]
    )
    yield from _metric("spool_rows", "gauge", "Messages not delivered.", [({}, spool["rows"])])
    yield from _metric("spool_bytes", "gauge", "What they take.", [({}, spool["bytes"])])
    age = 0.0 if oldest is None else max(0.0, time.time() - oldest)
    yield from _metric("spool_oldest_seconds", "gauge", "Age of the oldest.", [({}, age)])
    yield from _metric(
        "spool_dropped_total", "counter", "Dropped for want of room.", [({}, spool["dropped"])]
    )
    for name, text in (("refused", "Messages refused."), ("faults", "Faults on serial ports.")):
        plain = d[name]
        samples = [({"kind": kind}, float(n)) for kind, n in plain.items()]
        yield from _metric(f"{name}_total", "counter", text, samples)
    links = [({"link": name}, float(link["up"])) for name, link in d["links"].items()]
    yield from _metric("link_up", "gauge", "Whether a connection stands.", links)
    yield from _metric("alarms", "gauge", "Alarms that stand.", [({}, len(d["alarms"]))])
    yield from _meters(d["meters"])


def _meters(meters: dict[str, Any]) -> Iterator[str]:
    def each(key: str) -> list[_Sample]:
        return [({"meter": name}, float(meter[key])) for name, meter in meters.items()]

    yield from _metric("readings_total", "counter", "Readings taken in.", each("readings"))
    twice = [({"meter": name}, float(meter.get("twice", 0))) for name, meter in meters.items()]
    yield from _metric("twice_total", "counter", "Came again, not kept.", twice)
    yield from _metric("reading_age_seconds", "gauge", "Since the newest.", each("age"))
    values = [
        ({"meter": name, "obis": code}, float(value))
        for name, meter in meters.items()
        for code, value in meter["values"].items()
    ]
    yield from _metric("value", "gauge", "The newest reading: W, Wh, varh, V, A.", values)


def _metric(name: str, kind: str, text: str, samples: Iterable[_Sample]) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{name} {text}\n# TYPE {_PREFIX}{name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"{_PREFIX}{name}{f'{{{inside}}}' if inside else ''} {value:.15g}\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
