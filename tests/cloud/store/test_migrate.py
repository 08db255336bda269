"""A store of every earlier version is updated without loss."""

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from smartmeter_cloud.store import schema, sqlite
from smartmeter_cloud.store.interface import StoreUnavailable
from smartmeter_cloud.store.slices import DAY
from smartmeter_cloud.store.sql import SqlStore
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.store.test_rollups import NOON, at, roll, slices
from tests.cloud.stores import VIENNA, add
from tools.environment.postgresql import Postgres

# What has been given out is not changed any more: a further change is a further step.
STEPS = [
    "d7aac2da07b48f46",
    "674e11baf14ad1bf",
    "59d470f9d9f093f8",
    "e03acf86a01d2371",
    "46d3bb7c9e6395db",
    "73188af5e1674e31",
    "b794e52108172cc0",
    "7b1f54ef61c9147a",
    "d6e92cfca4e8afff",
    "b6c1f07bcc65963d",
    "f47d257005fff694",
    "40c8ec730e3292f9",
    "a33d1f1d8e19ba8d",
    "516423dca5a8c7b4",
    "0f05dfef813a1ea7",
]

EARLIER = range(1, schema.VERSION)

Old = Callable[[int], Callable[[], SqlStore]]


def statements(version: int, words: dict[str, str]) -> list[str]:
    """The SQL that a program of this version made its tables with, and a meter with a reading."""
    made = [s for step in range(version) for s in schema.statements(step, words)]
    made += [
        "CREATE TABLE schema_version (version INTEGER NOT NULL)",
        f"INSERT INTO schema_version VALUES ({version})",
        "INSERT INTO meter (id, name, concentrator, time, seq, suspect, change) "
        f"VALUES (1, 'm1', 'c', {NOON}000, 1, 0, 1)",
        'INSERT INTO reading (meter, time, seq, received, "offset", clock, auth, suspect, '
        f"obis_1_8_0) VALUES (1, {NOON}000, 1, 0, 0, 'meter', 'none', 0, 1000)",
    ]
    if version >= 2:
        made.append(f"INSERT INTO dirty VALUES (1, {NOON}000)")
    if version >= 3:
        made.append("UPDATE meter SET label = 'Kitchen', household = 'h7'")
        made.append("INSERT INTO concentrator VALUES ('house-1', 'h7')")
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    """Makes a store of a version; what it gives opens that store."""

    def in_sqlite(version: int) -> Callable[[], SqlStore]:
        path = tmp_path / f"{version}.sqlite"
        with sqlite3.connect(path) as db:
            for statement in statements(version, sqlite._WORDS):
                db.execute(statement)
        db.close()
        return lambda: SqliteStore(path, VIENNA)

    def in_postgresql(version: int) -> Callable[[], SqlStore]:
        from smartmeter_cloud.store import postgresql

        server: Postgres = request.getfixturevalue("postgres")
        url = server.create("earlier")
        with psycopg.connect(url) as db:
            for statement in statements(version, postgresql._WORDS):
                if statement.startswith("INSERT INTO meter"):
                    db.execute("CREATE TABLE reading_elsewhen PARTITION OF reading DEFAULT")
                db.execute(statement.encode())
        return lambda: postgresql.PostgresStore(url, zone=VIENNA)

    return in_sqlite if request.param == "sqlite" else in_postgresql


@pytest.mark.parametrize("version", EARLIER)
def test_from_every_earlier_version(old: Old, version: int) -> None:
    opened = old(version)
    store = opened()
    roll(store)
    assert [s.drawn.first for s in slices(store, DAY)] == [1000]
    (meter,) = store.meters()
    assert meter.label == ("Kitchen" if version >= 3 else "")
    assert add(store, "m1", at(60, 1010), at(120, 1020)) == (2, 0)
    roll(store)
    assert [s.drawn.used for s in slices(store, DAY)] == [20]
    assert [n.reading.values["1.8.0"] for n in store.newest()] == [1020]
    store.close()
    again = opened()  # with nothing left to do
    assert len(again.newest()) == 1
    assert tables(again) == tables_of_a_new_one(old, again)
    again.close()


def test_a_store_of_a_later_version_is_left_alone(old: Old) -> None:
    opened = old(schema.VERSION)
    store = opened()
    with store._writing() as db:
        db.run("UPDATE schema_version SET version = version + 1")
    store.close()
    with pytest.raises(StoreUnavailable, match="install a newer smartmeter-cloud"):
        opened()


def test_a_step_that_fails_changes_nothing(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = old(2)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE a (b TEXT);\nnonsense"))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(StoreUnavailable):
        opened()
    monkeypatch.undo()
    store = opened()
    assert "a" not in tables(store)
    assert len(store.meters()) == 1
    store.close()


def test_no_step_that_was_given_out_has_changed() -> None:
    digests = [hashlib.sha256(step.encode()).hexdigest()[:16] for step in schema.STEPS]
    assert digests[: len(STEPS)] == STEPS
    assert len(digests) == len(STEPS), "a new step: note its digest here"


def tables(store: SqlStore) -> dict[str, Any]:
    """Each table's columns."""
    with store._reading() as db:
        if isinstance(store, SqliteStore):
            names = [n for (n,) in db.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {
                n: sorted(row[1:3] for row in db.all(f"PRAGMA table_info({n})"))
                for n in names
                if not n.startswith("sqlite_")
            }
        found: dict[str, Any] = {}
        for table, column, kind in db.all(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name !~ '^reading_' ORDER BY 1, 2"
        ):
            found.setdefault(table, []).append((column, kind))
        return found


def tables_of_a_new_one(old: Old, like: SqlStore) -> dict[str, Any]:
    if isinstance(like, SqliteStore):
        new: SqlStore = SqliteStore(like.path.with_name("new.sqlite"))
    else:
        from smartmeter_cloud.store.postgresql import PostgresStore

        with psycopg.connect(like._url, autocommit=True) as db:  # type: ignore[attr-defined]
            db.execute("DROP DATABASE IF EXISTS brand_new WITH (FORCE)")
            db.execute("CREATE DATABASE brand_new")
        new = PostgresStore(like._url.rpartition("/")[0] + "/brand_new")  # type: ignore[attr-defined]
    try:
        return tables(new)
    finally:
        new.close()
