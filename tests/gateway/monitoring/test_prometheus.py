"""Meters' values as Prometheus metrics: one unit each, and none of a meter that is silent."""

import datetime
import json
import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from smartmeter_gateway.monitoring import document
from smartmeter_gateway.monitoring.meter_metrics import METRICS, source
from smartmeter_gateway.monitoring.prometheus import families
from smartmeter_gateway.monitoring.registry import Registry
from smartmeter_gateway.monitoring.states import States
from smartmeter_gateway.spool.batch import NewRow
from smartmeter_service.metrics import exposition

VALUES = {
    "1.7.0": 421.0, "2.7.0": 0.0, "16.7.0": 421.0, "1.8.0": 1136784.0, "1.8.1": 1000000.0,
    "1.8.2": 136784.0, "2.8.0": 12.0, "3.8.0": 3837.0, "4.8.0": 717736.0, "31.7.0": 0.99,
    "32.7.0": 229.4, "52.7.0": 228.8, "72.7.0": 230.2, "21.7.0": 133.0, "42.7.0": 7.0,
    "36.7.0": 133.0, "13.7.0": 0.97, "14.7.0": 50.02, "1.4.0": 300.0, "1.6.0": 4318.0,
    "9.7.0": 430.0, "91.7.0": 0.03, "33.7.0": 0.9, "3.7.0": 12.0, "3.8.1": 37.0,
    "0-2:24.2.1": 8.5, "96.13.0": 1.0, "9.9.9": 1.0,
}  # fmt: skip


class Meters:
    """What the Concentrator knows of its meters, as the spool commits their readings."""

    def __init__(self) -> None:
        self.registry = Registry("home")
        self.states = States(self.registry, {})

    def heard(self, meter: str, values: dict[str, float], ago: float = 0.0, **more: Any) -> None:
        """A reading came, seconds ago."""
        now = time.time() - ago
        moment = datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat()
        reading = {"time": moment, "clock": "meter", "seq": 1, "auth": "none", "values": values}
        row = NewRow(meter, "reading", json.dumps(reading | more).encode())
        self.states.take([row], {}, (), now)
        self.states.committed()

    def samples(self) -> dict[str, float]:
        """Series as Prometheus names them, labels in the order of their names."""
        newest = self.states.newest_of_all(time.time())
        reasons = {meter: found.reason for meter, found in newest.items()}
        shown = document.shown(self.registry, reasons)
        text = exposition(families(shown, newest))[0].decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()))
                series = sample.name.removeprefix("smartmeter_gateway_") + (f"{{{labels}}}")
                assert series not in found, "Prometheus refuses a page that has a series twice"
                found[series] = sample.value
        return found


def test_each_metric_has_one_unit() -> None:
    meters = Meters()
    meters.heard("m1", VALUES)
    found = meters.samples()
    for series, value in {
        'power_watts{direction="import",meter="m1"}': 421,
        'power_watts{direction="export",meter="m1"}': 0,
        'net_power_watts{meter="m1"}': 421,
        'phase_power_watts{direction="import",meter="m1",phase="1"}': 133,
        'phase_power_watts{direction="export",meter="m1",phase="2"}': 7,
        'phase_net_power_watts{meter="m1",phase="1"}': 133,
        'energy_watthours_total{direction="import",meter="m1"}': 1136784,
        'energy_watthours_total{direction="export",meter="m1"}': 12,
        'energy_tariff_watthours_total{direction="import",meter="m1",tariff="2"}': 136784,
        'reactive_energy_varhours_total{direction="export",meter="m1"}': 717736,
        'voltage_volts{meter="m1",phase="3"}': 230.2,
        'current_amperes{meter="m1",phase="1"}': 0.99,
        'current_amperes{meter="m1",phase="N"}': 0.03,
        'frequency_hertz{meter="m1"}': 50.02,
        'average_demand_watts{direction="import",meter="m1"}': 300,
        'peak_demand_watts{direction="import",meter="m1"}': 4318,
    }.items():
        assert found[series] == value
    assert not any("9.9.9" in s or "96.13.0" in s or "24.2.1" in s for s in found)


def test_every_metric_can_come_and_has_a_text() -> None:
    meters = Meters()
    meters.heard("m1", VALUES)
    for unit in ("Wh", "J", "m3"):
        meters.heard(unit, {"24.2.1": 8.5}, medium="heat", units={"24.2.1": unit})
    names = {series.partition("{")[0] for series in meters.samples()}
    assert METRICS.keys() <= names


def test_a_sub_meter_s_unit_is_in_the_name() -> None:
    meters = Meters()
    meters.heard("m1-1", {"24.2.1": 92.287}, medium="gas", units={"24.2.1": "m3"})
    found = meters.samples()
    name = 'submeter_volume_cubic_meters_total{medium="gas",meter="m1-1",obis="24.2.1"}'
    assert found[name] == 92.287


def test_a_silent_meter_has_no_values_but_an_age() -> None:
    meters = Meters()
    for ago in (1030, 1020, 1010):
        meters.heard("m1", VALUES, ago)
    meters.heard("m2", VALUES)
    meters.registry.adapter_status("m3", {"state": "offline"})
    found = meters.samples()
    assert found['meter_silent{meter="m1"}'] == found['meter_silent{meter="m3"}'] == 1
    assert found['meter_silent{meter="m2"}'] == 0
    assert found['reading_age_seconds{meter="m1"}'] >= 1000
    with_values = {s for s in found if s.partition("{")[0] in METRICS}
    assert with_values
    assert all('meter="m2"' in series for series in with_values)


def test_a_total_that_comes_each_hour_stays_between() -> None:
    meters = Meters()
    meters.heard("m1", {"1.7.0": 5, "1.8.0": 1000}, 3600)
    for ago in range(3590, 0, -10):
        meters.heard("m1", {"1.7.0": 7}, ago)
    found = meters.samples()
    assert found['energy_watthours_total{direction="import",meter="m1"}'] == 1000
    assert found['power_watts{direction="import",meter="m1"}'] == 7


@pytest.mark.parametrize("code", ["", "1", "1.8", "1.8.0.0", "x.y.z", "1.8.²", "-1.8.0", "81.7.0"])
def test_a_code_without_a_metric(code: str) -> None:
    assert source(code) is None
