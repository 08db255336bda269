"""A meter's values as Prometheus metrics: each metric has one unit, which is in its name.

The name says what is measured, the labels say of what. So sum() or avg() over a metric's labels
means something: totals and their tariffs, or signed power and its two directions, are different
metrics (https://prometheus.io/docs/practices/naming/).
"""

import functools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client import Metric
from smartmeter_service.metrics import counter, gauge

from .states import Newest


class Source(NamedTuple):
    """What a metric takes from a meter: the metric's name and the labels beside `meter`."""

    metric: str
    labels: Mapping[str, str]


METRICS = {
    "energy_watthours_total": "Active energy, all tariffs.",
    "energy_tariff_watthours_total": "Active energy of each tariff; the total is another metric.",
    "reactive_energy_varhours_total": "Reactive energy, all tariffs.",
    "reactive_energy_tariff_varhours_total": "Reactive energy of each tariff.",
    "net_power_watts": "Active power, import minus export.",
    "power_watts": "Active power of each direction.",
    "phase_power_watts": "Active power of each phase and direction.",
    "phase_net_power_watts": "Active power of each phase, import minus export.",
    "reactive_power_vars": "Reactive power of each direction.",
    "apparent_power_voltamperes": "Apparent power of each direction.",
    "voltage_volts": "Voltage of each phase.",
    "current_amperes": "Current of each phase; N is the neutral conductor.",
    "power_factor_ratio": "Power factor of all phases.",
    "phase_power_factor_ratio": "Power factor of each phase.",
    "frequency_hertz": "Frequency of the grid.",
    "average_demand_watts": "Mean power of the running measuring period.",
    "peak_demand_watts": "Highest mean power of the month.",
    "submeter_energy_watthours_total": "Energy of a sub-meter.",
    "submeter_energy_joules_total": "Energy of a sub-meter that counts joules.",
    "submeter_volume_cubic_meters_total": "Volume of a sub-meter.",
}

_DIRECTION: tuple[Mapping[str, str], ...] = ({"direction": "import"}, {"direction": "export"})
# By group C of an OBIS code (IEC 62056-61): for group D 7 (a value at this moment), and E 0.
_NOW = {
    1: Source("power_watts", _DIRECTION[0]),
    2: Source("power_watts", _DIRECTION[1]),
    16: Source("net_power_watts", {}),
    3: Source("reactive_power_vars", _DIRECTION[0]),
    4: Source("reactive_power_vars", _DIRECTION[1]),
    9: Source("apparent_power_voltamperes", _DIRECTION[0]),
    10: Source("apparent_power_voltamperes", _DIRECTION[1]),
    13: Source("power_factor_ratio", {}),
    14: Source("frequency_hertz", {}),
    91: Source("current_amperes", {"phase": "N"}),
}
# The same of one phase; group C is 20, 40 or 60 higher for L1, L2 or L3.
_PHASE_NOW = {
    1: Source("phase_power_watts", _DIRECTION[0]),
    2: Source("phase_power_watts", _DIRECTION[1]),
    11: Source("current_amperes", {}),
    12: Source("voltage_volts", {}),
    13: Source("phase_power_factor_ratio", {}),
    16: Source("phase_net_power_watts", {}),
}
_ENERGY = {
    1: ("energy", "watthours", _DIRECTION[0]),
    2: ("energy", "watthours", _DIRECTION[1]),
    3: ("reactive_energy", "varhours", _DIRECTION[0]),
    4: ("reactive_energy", "varhours", _DIRECTION[1]),
}
_DEMAND = {4: "average_demand_watts", 6: "peak_demand_watts"}  # by group D
_SUBMETERS = {
    "Wh": "submeter_energy_watthours_total",
    "J": "submeter_energy_joules_total",
    "m3": "submeter_volume_cubic_meters_total",
}


@functools.lru_cache(maxsize=1000)  # strangers choose codes
def source(code: str) -> Source | None:
    """What becomes of a main meter's value; None for a code that has no metric."""
    groups = code.split(".")
    if len(groups) != 3 or not all(g.isascii() and g.isdigit() for g in groups):
        return None  # in full, such as 0-2:24.2.1: not of electricity, or a second value
    c, d, e = map(int, groups)
    if d == 8 and c in _ENERGY:
        quantity, unit, direction = _ENERGY[c]
        if e == 0:
            return Source(f"{quantity}_{unit}_total", direction)
        return Source(f"{quantity}_tariff_{unit}_total", {**direction, "tariff": str(e)})
    if e != 0:
        return None
    if d in _DEMAND and c in (1, 2):
        return Source(_DEMAND[d], _DIRECTION[c - 1])
    if d != 7:
        return None
    if c in _NOW:
        return _NOW[c]
    phase, of_phase = divmod(c, 20)
    if 1 <= phase <= 3 and of_phase in _PHASE_NOW:
        metric, direction = _PHASE_NOW[of_phase]
        return Source(metric, {**direction, "phase": str(phase)})
    return None


def families(prefix: str, meters: Mapping[str, Newest]) -> Iterator[Metric]:
    """The metrics of all meters; one that no meter sends is left out."""
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    for name, meter in meters.items():
        for code, value in meter.values.items():
            found = _of_submeter(meter, code) if meter.medium else source(code)
            if found:
                labels = {"meter": name, **found.labels}
                samples.setdefault(found.metric, []).append((labels, float(value)))
    for metric, text in METRICS.items():
        if metric in samples:
            kind = counter if metric.endswith("_total") else gauge
            yield kind(f"{prefix}_{metric}", text, samples[metric])


def _of_submeter(meter: Newest, code: str) -> Source | None:
    metric = _SUBMETERS.get(meter.units[code])
    return Source(metric, {"medium": meter.medium or "", "obis": code}) if metric else None
