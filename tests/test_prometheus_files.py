"""docs/prometheus speaks of what the servers have. `make clients` runs the files in Prometheus."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from smartmeter_cloud.monitoring import prometheus as of_cloud
from smartmeter_cloud.monitoring.observations import Observations
from smartmeter_gateway.monitoring import document, meter_metrics
from smartmeter_gateway.monitoring.prometheus import families as of_gateway
from smartmeter_gateway.monitoring.registry import Registry
from smartmeter_gateway.uplink import forwarder

ROWS = re.compile(r"^\| (`[^|]*`) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(repository: Path) -> Path:
    return repository / "docs" / "prometheus"


@pytest.fixture(scope="module")
def rules(folder: Path) -> list[Any]:
    groups = yaml.safe_load((folder / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """The names of all samples that both servers can have."""
    registry = Registry("home")
    nothing = Observations([], [], [], {}, 0)
    families = [
        *of_gateway(document.shown(registry, {}), {}),
        *of_cloud.of_api(nothing, 0, {}, 0, 0, {}),
    ]
    found = {f.name + ("_total" if f.type == "counter" else "") for f in families}
    return found | {f"smartmeter_gateway_{name}" for name in meter_metrics.METRICS}


def test_rules_ask_for_metrics_that_there_are(rules: list[Any], metrics: set[str]) -> None:
    asked = {name for rule in rules for name in re.findall(r"smartmeter_\w+", rule["expr"])}
    assert asked
    assert asked <= metrics
    links = {link for rule in rules for link in re.findall(r'link="([^"]*)"', rule["expr"])}
    assert links == {forwarder.NAME}


def test_every_rule_is_tested(folder: Path, rules: list[Any]) -> None:
    tests = yaml.safe_load((folder / "alerts.test.yml").read_text())["tests"]
    fired = {t["alertname"] for one in tests for t in one["alert_rule_test"] if t.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in rules}


def test_the_page_names_metrics_that_there_are(folder: Path, metrics: set[str]) -> None:
    text = (folder / "README.md").read_text()
    of_meters, of_chain = text.split("## The state of the chain")
    listed = {n for row in ROWS.findall(of_meters) for n in re.findall(r"`(\w+)`", row)}
    assert listed - {"prometheus"} == meter_metrics.METRICS.keys()
    for row in ROWS.findall(of_chain):
        first, *more = re.findall(r"`(\w+)`", row)
        side = "_".join(first.split("_")[:2])
        for name in (first, *more):
            assert (side + name if name.startswith("_") else name) in metrics
