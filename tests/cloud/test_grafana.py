"""Every query of the dashboard, run as Grafana's role in a real PostgreSQL with data."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from smartmeter_cloud.history import energy
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.monitoring.observations import Process
from smartmeter_cloud.store.postgresql import PostgresStore
from smartmeter_cloud.store.slices import DAY

from tests.cloud.harness import encoded
from tests.cloud.store.test_rollups import FAR, NOON, at, roll
from tests.cloud.stores import VIENNA, add
from tools.environment.postgresql import Postgres

GRAFANA = Path(__file__).resolve().parents[2] / "cloud" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboard.json").read_text())
QUERIES = {
    f"{panel['title']} {target['refId']}": (target["format"], target["rawSql"])
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
} | {
    variable["name"]: ("table", variable["query"])
    for variable in DASHBOARD["templating"]["list"]
    if variable["type"] == "query"
}


def asked(sql: str, *meters: str) -> str:
    """The SQL that Grafana sends for three days, these meters and a minute a step."""
    for macro, text in {
        "$__unixEpochFrom()": str(NOON - 2 * 86_400),
        "$__unixEpochTo()": str(NOON + 86_400),
        "$__interval_ms": "60000",
        "${meter:sqlstring}": ",".join("'" + m.replace("'", "''") + "'" for m in meters),
    }.items():
        sql = sql.replace(macro, text)
    assert "$" not in sql, sql
    return sql


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[tuple[PostgresStore, psycopg.Connection[Any]]]:
    """A store with three meters' readings, and Grafana's connection to it."""
    url = postgres.create("grafana")
    store = PostgresStore(url, zone=VIENNA)
    for meter, most in (("m1", 9000), ("m2", 9000), ("m3", 100)):
        rows = [
            at(t, 1000 + t / 10, v1_7_0=500, v2_7_0=0, v2_8_0=7, v32_7_0=229.5, v52_7_0=230)
            for t in (*range(-50_000, -40_000, 60), *range(0, most, 60))
        ]
        add(store, meter, *rows)
    store.name_meter("m1", "Kitchen", None)
    gas = {"medium": "gas", "units": {"24.2.1": "m3"}}
    add(store, "m1-1", *[at(t, v24_2_1=t) | gas for t in range(0, 9000, 900)])
    refused = MessageBatch()
    refused.add("concentrator/c/smartMeterMessage/m1/reading", b"secret payload", NOON * 1000)
    refused.add("concentrator/c/status", encoded({}), NOON * 1000)
    store.write(refused)
    store.beat(Process("ingest a", 1, int(time.time() * 1000), '{"state": "online"}'))
    roll(store)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute((GRAFANA / "role.sql").read_bytes())
    with psycopg.connect(url.replace("test@", "grafana@"), autocommit=True) as db:
        yield store, db
    store.close()


Database = tuple[PostgresStore, psycopg.Connection[Any]]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_answers(database: Database, name: str) -> None:
    form, sql = QUERIES[name]
    cursor = database[1].execute(asked(sql, "m1", "m2").encode())
    rows = cursor.fetchall()
    assert rows, f"{name} shows nothing"
    columns = {c.name: c.type_display for c in cursor.description or ()}
    if form == "time_series":
        assert columns.pop("time") == "timestamptz"
        assert columns.pop("metric", "text") == "text"
        assert set(columns.values()) == {"float8"}
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_days_are_left_out_that_are_not_asked_for(database: Database) -> None:
    _, sql = QUERIES["Power A"]
    plan = database[1].execute(b"EXPLAIN " + asked(sql, "m1").encode()).fetchall()
    scanned = set(re.findall(r"on (reading_\w+)", "\n".join(line for (line,) in plan)))
    assert len(scanned) <= 4, scanned


def test_its_energy_is_that_of_the_api(database: Database) -> None:
    store, db = database
    for letter, direction in (("A", "drawn"), ("B", "fed")):
        _, sql = QUERIES[f"Energy by day {letter}"]
        shown = [row[2] for row in db.execute(asked(sql, "m1").encode())]
        bars, _ = energy.bars(store.slices("m1", DAY, 0, FAR), None, DAY, VIENNA)
        assert shown == pytest.approx([getattr(bar, direction) for bar in bars])


def test_gas_is_not_shown_as_energy(database: Database) -> None:
    for name, (_, sql) in QUERIES.items():
        if name.startswith("Energy"):
            assert database[1].execute(asked(sql, "m1-1").encode()).fetchall() == []


def test_a_hostile_name_is_a_name(database: Database) -> None:
    for form, sql in QUERIES.values():
        if "${meter" in sql and form:
            assert database[1].execute(asked(sql, "x') OR 1=1 --").encode()).fetchall() == []


def test_the_role_reads_the_views(database: Database) -> None:
    for view in ("readings", "energy_15min"):
        assert database[1].execute(f"SELECT * FROM {view} LIMIT 1".encode()).fetchall()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM access_key",
        "SELECT payload FROM dead_letter",
        "SELECT * FROM audit",
        "DELETE FROM reading",
        "CREATE TABLE a (b int)",
    ],
)
def test_the_role_may_do_nothing_else(database: Database, sql: str) -> None:
    with pytest.raises(
        (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)
    ):
        database[1].execute(sql.encode())
