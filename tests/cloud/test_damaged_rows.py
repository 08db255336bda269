"""Damaged rows of the store are left out; every page, stream and metric shows the others."""

import contextlib
import json
import urllib.request
from typing import Any

import pytest

from tests.cloud.api_process import Site, call
from tests.cloud.harness import reading

DEEP = '{"a":' + "[" * 987 + "]" * 987 + "}"
LONG = '{"state": {"a": 1}, "stored": ' + "9" * 40 + "}"
# Some parsers take these and others do not, or they are not what they should be.
STATUSES = (
    *(DEEP, LONG, "", "{", "[]", "null", '{"a": "\\ud800"}', '{"a": 1e999}', '{"a":{' * 40),
    *('{"broker": [], "faults": 5, "stored": "many"}', b"\xff\xfe"),
)
BOX = "INSERT INTO box VALUES (?, ?, 'house-1', ?, ?)"
PROCESS = "INSERT INTO process VALUES (?, 0, ?, ?)"
RECEIVED = 1790000000000

DAMAGES: dict[str, list[tuple[str, tuple[Any, ...]]]] = {
    "statuses": [
        (BOX, (kind, f"{kind}-{i}", status, RECEIVED))
        for kind in ("adapter", "concentrator")
        for i, status in enumerate(STATUSES)
    ]
    + [(BOX, ("adapter", "a", "{}", "yesterday"))],
    "heartbeats": [(PROCESS, (f"ingest {i}", RECEIVED, state)) for i, state in enumerate(STATUSES)]
    + [(PROCESS, ("ingest n", "now", "{}"))],
    "readings": [
        (f"UPDATE reading SET {column} = ? WHERE meter = (SELECT id FROM meter WHERE name = ?)", x)
        for column, *some in (
            ("extra", "{", '{"9.9.9": [1]}', b"\xff"),
            ('"offset"', 5000, "east"),
            ("received", 9 * 10**18, "x"),
            ("obis_1_7_0", "much", b"\xff"),
            ("time", 9 * 10**18),
        )
        for x in [(value,) for value in some]
    ],
    "meters": [
        (f"UPDATE meter SET {column} = ? WHERE name = ?", (value,))
        for column, value in (("time", -(10**18)), ("gap", 10**18), ("gap", "wide"))
    ],
}


def insert(site: Site, what: str) -> None:
    for i, (sql, values) in enumerate(DAMAGES[what]):
        if sql.startswith("UPDATE"):
            site.add(f"bad-{i}", reading(1, v1_7_0=1, v9_9_9=2))
            values = (*values, f"bad-{i}")
        with site.store._writing() as db:
            db.run(sql, values)


@pytest.mark.parametrize("what", DAMAGES)
def test_the_others_are_shown(site: Site, what: str) -> None:
    stream = urllib.request.urlopen(site.api.address + "v1/live", timeout=60)
    with contextlib.closing(stream):
        insert(site, what)
        site.add("m1", reading(2, v1_7_0=2))
        assert "m1" in [m["id"] for m in site.api.get("v1/meters")]
        chain = site.api.get("v1/chain")["boxes"]
        assert ("meter", "m1") in [(box["kind"], box["id"]) for box in chain]
        assert "smartmeter_cloud_stored_readings_total" in site.metrics()
        found = call(site, "POST", "v1/meterReadings", {"pageSize": 1000})[1]["content"]
        assert "m1" in [one["meterId"] for one in found]
        told: dict[str, set[str]] = {"meters": set(), "chain": set()}
        name = ""
        while "m1" not in told["meters"] or "m1" not in told["chain"]:
            line = stream.readline()
            if line.startswith(b"event: "):
                name = line[7:].strip().decode()
            elif line.startswith(b"data: "):
                data = json.loads(line[6:])
                told[name] |= {one["id"] for one in (data if name == "meters" else data["boxes"])}
    assert "Traceback" not in site.api.said
