"""The API as a process, over a store that the test fills."""

import json
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.api_process import Site
from tests.cloud.harness import Process, eventually, reading

MIDNIGHT = 1790035200  # 2026-09-22T00:00:00Z


def at(seconds: int, **values: float) -> dict[str, Any]:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(MIDNIGHT + seconds))
    return reading(abs(seconds), moment, **values)


def test_the_newest_reading_of_each_meter(site: Site) -> None:
    site.add("m2", reading(5, "2026-09-22T02:00:00+02:00", v1_7_0=133, v32_7_0=230.0, v9_9_9=1.5))
    site.add("m1", at(10, v1_7_0=1), at(30, v1_7_0=3), at(20, v1_7_0=2))
    site.add("m1", at(5, v1_7_0=9))  # late data does not become the newest
    first, second = site.api.get("v1/meters")
    assert (first["id"], first["newest"]["values"]) == ("m1", {"1.7.0": 3})
    assert second["newest"]["time"] == "2026-09-22T02:00:00+02:00"
    assert second["concentrator"] == "house-1"
    body = urllib.request.urlopen(site.api.address + "v1/meters").read()
    assert b'"values":{"1.7.0":133,"32.7.0":230.0,"9.9.9":1.5}' in body


def test_a_wrong_clock_gives_way_to_a_right_one(site: Site) -> None:
    now = MIDNIGHT * 1000
    site.add("m1", reading(1, "2055-01-01T00:00:00Z"), received=now)
    assert site.api.get("v1/meters")[0]["newest"]["clockWrong"] is True
    site.add("m1", reading(2, "2026-09-22T00:00:00Z"), received=now)
    newest = site.api.get("v1/meters")[0]["newest"]
    assert (newest["clockWrong"], newest["seq"]) == (False, 2)
    site.add("m1", reading(3, "2055-01-01T00:00:10Z"), received=now)
    assert site.api.get("v1/meters")[0]["newest"]["seq"] == 2


def test_the_curve_is_made_of_slices_and_a_gap_is_a_gap(site: Site) -> None:
    site.add(
        "m1",
        at(0, v1_7_0=100, v2_7_0=0, v1_8_0=1000),
        at(299, v1_7_0=300, v2_7_0=0, v1_8_0=1010),
        at(900, v1_7_0=0, v2_7_0=500, v1_8_0=1010, v2_8_0=7),
        at(950, v16_7_0=-700),
        at(1200, v1_8_0=1020),  # no power: no slice
        at(86400, v1_7_0=1),  # tomorrow
    )
    path = "v1/meters/m1/power?from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z&width=300"
    day = site.api.get(path)
    start = MIDNIGHT * 1000
    assert day["slices"] == [
        {"start": start, "mean": 200, "low": 100, "high": 300},
        {"start": start + 900_000, "mean": -600, "low": -700, "high": -500},
    ]
    assert day["first"]["1.8.0"] == {"time": "2026-09-22T00:00:00+00:00", "value": 1000}
    assert day["first"]["2.8.0"]["value"] == 7


def test_voltage_is_made_of_slices_of_each_phase(site: Site) -> None:
    site.add(
        "m1",
        at(0, v32_7_0=230, v52_7_0=229.4),
        at(5, v32_7_0=231, v52_7_0=229.4),
        at(10, v32_7_0=233.001),
        at(1200, v1_7_0=1),
    )
    path = "v1/meters/m1/voltage?from=2026-09-22T00:00:00Z&to=2026-09-29T00:00:00Z"
    told = site.api.get(path)
    assert told["width"] == 600
    assert told["slices"] == [
        {
            "start": MIDNIGHT * 1000,
            "l1": {"mean": 231.33, "low": 230, "high": 233.001},
            "l2": {"mean": 229.4, "low": 229.4, "high": 229.4},
            "l3": None,
        }
    ]


def test_a_day_of_another_time_zone(site: Site) -> None:
    site.add("m1", at(-7200, v1_7_0=5))
    day = site.api.get(
        "v1/meters/m1/power?from=2026-09-22T00:00:00%2B02:00&to=2026-09-23T00:00:00%2B02:00"
    )
    assert day["slices"] == [{"start": (MIDNIGHT - 7200) * 1000, "mean": 5, "low": 5, "high": 5}]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("v1/nothing", 404, "nothing at this address"),
        ("v1/meters/m1/power", 422, "from"),
        ("v1/meters/m1/power?from=x&to=y", 422, "from"),
        ("v1/meters/m1/power?from=2026-09-22T00:00:00&to=2026-09-23T00:00:00", 422, "from"),
        ("v1/meters/m1/power?from=2026-09-23T00:00:00Z&to=2026-09-22T00:00:00Z", 422, "after"),
        ("v1/meters/m1/power?from=0001-01-01T00:00:00Z&to=9999-01-01T00:00:00Z", 422, "slices"),
        (
            "v1/meters/m1/power?from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z&width=0",
            422,
            "width",
        ),
        ("v1/meters/m1/voltage?from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z", 422, "slices"),
        ("v1/meters/a%20b/power?from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z", 404, "no such"),
        ("v1/meters/" + "m" * 65 + "/power", 422, "meter"),
    ],
)
def test_a_refusal_is_a_problem_document(site: Site, path: str, status: int, words: str) -> None:
    code, kind, document = site.api.refusal(path)
    assert (code, kind) == (status, "application/problem+json")
    assert document["status"] == status
    assert words in document["detail"]


def test_injection_finds_no_meter_and_harms_nothing(site: Site) -> None:
    site.add("m1", at(0, v1_7_0=1))
    for name in ("m1'--", "m1';DROP TABLE reading;--", "..%2f..%2fetc%2fpasswd", "%00", "<script>"):
        span = "from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z"
        path = f"v1/meters/{urllib.parse.quote(name)}/power?{span}"
        assert site.api.refusal(path)[0] in (404, 422)
    assert len(site.api.get("v1/meters")) == 1


def test_only_its_own_names_are_answered(site: Site) -> None:
    code, _, _ = site.api.refusal("v1/meters", Host="evil.example")
    assert code == 400


def test_every_answer_forbids_foreign_scripts(site: Site) -> None:
    for path in ("", "v1/meters", "app.js"):
        headers = urllib.request.urlopen(site.api.address + path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "server" not in headers


def test_the_chain_says_which_box_is_how(site: Site) -> None:
    now = int(time.time() * 1000)
    at_now = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    site.add("fresh", reading(1) | at_now)
    site.add("silent", reading(1) | at_now, received=now - 120_000)
    site.status("concentrator/house-1/status", {"state": "online", "spool": {"rows": 3}})
    site.status("concentrator/house-2/status", {"state": "offline"})
    site.status("concentrator/house-1/smartMeterMessage/fresh/status", {"state": "online"})
    site.status(
        "concentrator/house-1/smartMeterMessage/silent/status", {"state": "online"}, now - 300_000
    )
    boxes = {
        (b["kind"], b["id"]): (b["state"], b["reason"]) for b in site.api.get("v1/chain")["boxes"]
    }
    assert boxes == {
        ("meter", "fresh"): ("ok", "reads"),
        ("meter", "silent"): ("down", "silent"),
        ("adapter", "fresh"): ("ok", "online"),
        ("adapter", "silent"): ("warn", "status is old"),
        ("concentrator", "house-1"): ("ok", "online"),
        ("concentrator", "house-2"): ("down", "offline"),
        ("ingest", ""): ("down", "never"),
        ("store", ""): ("ok", "keeps"),
    }


def events(site: Site) -> Iterator[tuple[str, Any]]:
    stream = urllib.request.urlopen(site.api.address + "v1/live", timeout=60)
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    name = ""
    for line in stream:
        if line.startswith(b"event: "):
            name = line[7:].strip().decode()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:])


def test_the_live_stream_tells_all_and_then_what_is_new(site: Site) -> None:
    site.add("m1", at(0, v1_7_0=1))
    site.add("m2", at(0, v1_7_0=2))
    stream = events(site)
    told = {}
    while "meters" not in told or "chain" not in told:
        name, data = next(stream)
        told[name] = data
    assert [m["id"] for m in told["meters"]] == ["m1", "m2"]
    site.add("m2", at(5, v1_7_0=7))
    new = next(data for name, data in stream if name == "meters")
    assert [(m["id"], m["newest"]["values"]) for m in new] == [("m2", {"1.7.0": 7})]
    assert "beat" in (name for name, _ in stream)  # when there is nothing new


def test_it_may_be_first_and_ends_with_streams_open(own_site: Site) -> None:
    site = own_site
    stream = events(site)
    assert next(stream)[0] == "chain"
    began = time.monotonic()
    assert site.api.stop() == 0
    assert time.monotonic() - began < 4
    site.api.log.unlink()
    site.api.start()
    assert site.api.get("healthz") == {"status": "ok"}


def test_requests_cut_short_or_too_long_harm_nobody(site: Site) -> None:
    host, port = site.api.address.removeprefix("http://").rstrip("/").split(":")
    for data in (b"", b"GET", b"\x16\x03\x01" * 100, b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000):
        with socket.create_connection((host, int(port)), timeout=60) as s:
            s.sendall(data)
    eventually(lambda: site.api.get("healthz") == {"status": "ok"})


def test_a_store_of_another_schema_is_left_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "smartmeter.sqlite")
    with store._writing() as db:
        db.run("UPDATE schema_version SET version = 99")
    store.close()
    (tmp_path / "cloud.toml").write_text("[http]\nport = 0\n")
    api = Process("api", tmp_path / "cloud.toml")
    assert api.process is not None
    assert api.process.wait(60) == 1
    assert "has schema 99" in api.said
