"""/metrics of the api and of an ingest process, as Prometheus reads them."""

import re
import socket
import time
import urllib.error
import urllib.request

import pytest

from tests.cloud.api_process import Site, call
from tests.cloud.conftest import Cloud
from tests.cloud.harness import eventually, reading

SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-+.e0-9]+')


def samples(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("# ")]
    assert all(SAMPLE.fullmatch(line) for line in lines), lines
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {re.split(r"[{ ]", line)[0] for line in lines} <= names
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_of_the_store(site: Site) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    site.add("m1", reading(1, now), reading(2, now))
    site.add("m1", reading(2, now))
    found = samples(site.metrics())
    assert found["smartmeter_cloud_stored_readings_total"] == 2
    assert found["smartmeter_cloud_repeated_readings_total"] == 1
    assert found['smartmeter_cloud_boxes{kind="meter",state="ok"}'] == 1
    assert found['smartmeter_cloud_boxes{kind="ingest",state="down"}'] == 1
    before = found['smartmeter_cloud_http_requests_total{status="2xx"}']
    assert samples(site.metrics())['smartmeter_cloud_http_requests_total{status="2xx"}'] > before
    assert found['smartmeter_cloud_boxes{kind="adapter",state="down"}'] == 0  # always there
    assert "smith" not in site.metrics()  # no household


def test_a_meter_that_is_silent_is_named(site: Site) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    site.add("m1", reading(1, now))
    site.add("m2", reading(1, now), received=int(time.time() * 1000) - 300_000)
    site.add("m3", reading(1))  # months old: out of a backlog
    found = samples(site.metrics())
    assert found['smartmeter_cloud_meter_silent{meter="m1"}'] == 0
    assert found['smartmeter_cloud_meter_silent{meter="m2"}'] == 1
    assert found['smartmeter_cloud_meter_silent{meter="m3"}'] == 1
    assert found['smartmeter_cloud_reading_age_seconds{meter="m1"}'] < 100
    assert found['smartmeter_cloud_reading_age_seconds{meter="m2"}'] >= 300


def test_head_is_answered_like_get(site: Site) -> None:
    for path in ("", "healthz", "metrics"):
        request = urllib.request.Request(site.api.address + path, method="HEAD")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert (answer.status, answer.read()) == (200, b"")


def test_they_take_a_scope(guarded: Site) -> None:
    assert call(guarded, "GET", "metrics")[0] == 401
    assert call(guarded, "GET", "metrics", key=guarded.key("read", "smith"))[0] == 403
    assert "smartmeter_cloud_stored_readings_total 2.0\n" in guarded.metrics()


def test_of_an_ingest_process(cloud: Cloud) -> None:
    cloud.config.write_text(cloud.config.read_text() + "[metrics]\nport = 0\n")
    ingest = cloud.start("ingest")
    ingest.says("connected to the broker")
    url = next(line for line in ingest.said.splitlines() if "metrics are at" in line).split()[-1]
    house = cloud.concentrator()
    house.send("m1", reading(1))
    house.all_receipted()
    house.send("m1", b"no reading")

    def found() -> dict[str, float]:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return samples(answer.read().decode())

    eventually(lambda: found()["smartmeter_cloud_ingest_dead_letters_total"] == 1)
    assert found()["smartmeter_cloud_ingest_stored_readings_total"] == 1
    assert found()["smartmeter_cloud_ingest_broker_up"] == 1
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=60) as answer:
        assert (answer.status, answer.read()) == (200, b"")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url.replace("/metrics", "/"), timeout=60)
    port = int(url.split(":")[-1].split("/")[0])
    with socket.socket() as outside:
        outside.bind(("127.0.0.2", port))  # it listens on 127.0.0.1 alone
