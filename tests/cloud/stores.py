"""The stores that the shared suite runs over."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.sql import SqlStore
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.harness import encoded

VIENNA = ZoneInfo("Europe/Vienna")

# Opens the same store, again at each call.
Opens = Callable[..., SqlStore]


@pytest.fixture(params=["sqlite", "postgresql"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opens]:
    """Over SQLite, and over a real PostgreSQL."""
    opened: list[SqlStore] = []
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").create("shared")

    def open_it(zone: ZoneInfo = VIENNA, keep: bool = False) -> SqlStore:
        if url:
            from smartmeter_cloud.store.postgresql import PostgresStore

            opened.append(PostgresStore(url, zone=zone, keep=keep))
        else:
            opened.append(SqliteStore(tmp_path / "smartmeter.sqlite", zone, keep))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(opens: Opens) -> SqlStore:
    return opens()


def add(store: SqlStore, meter: str, *readings: dict[str, Any], received: int | None = None) -> Any:
    """Stores readings in one transaction; received is in ms, by default on 2026-09-22."""
    batch = MessageBatch()
    topic = f"concentrator/house-1/smartMeterMessage/{meter}/readings"
    for i in range(0, len(readings), 5000):
        batch.add(topic, encoded(readings[i : i + 5000]), received or 1790071200_000)
    assert not batch.dead, batch.dead
    return store.write(batch)
