"""How fast a backlog in a real broker is stored: by us, and by the plain recipe."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psycopg
from smartmeter_cloud.store.postgresql import PostgresStore
from smartmeter_cloud.store.sqlite import SqliteStore

from tools.bench.gateway import Process, cpu, peak_megabytes
from tools.environment.mosquitto import Mosquitto
from tools.environment.postgresql import Postgres

METERS = 200
ARRAY = 100  # readings of a message
# More in flight than mosquitto's 20: both store many at once. Both get the same.
BROKER = ["max_inflight_messages 2000"]
WAIT_S = 300
# Counting must not take the core that the measured process works on.
_COUNT_ALONE = "SET max_parallel_workers_per_gather = 0"


class Measured(NamedTuple):
    rate: float  # readings a second
    wrong: int  # lost or doubled
    used: float  # CPU of the process, us a reading
    megabytes: float


def stored(
    start: Callable[[], Process],
    prepare: Callable[[], None],
    count: Callable[[], int],
    broker: Mosquitto,
    readings: int,
    size: int,
) -> Measured:
    """The broker is filled while nobody reads. Measured is from the first stored to the last."""
    prepare()
    Process("tools.bench.cloud_load", broker.port, METERS, readings, size).result(WAIT_S)
    process = start()
    try:
        until = time.monotonic() + WAIT_S
        while not (first := count()) and time.monotonic() < until:
            process.check()
            time.sleep(0.02)
        begin, before = time.monotonic(), cpu(process.pid)
        asked, last = begin, first
        while (last := count()) < readings and time.monotonic() < until:
            # Counting loads the machine, too: a twentieth at most.
            process.check()
            now = time.monotonic()
            time.sleep(max(0.05, 20 * (now - asked)))
            asked = time.monotonic()
        seconds = time.monotonic() - begin
        done = max(1, last - first)
        used = (cpu(process.pid) - before) / done * 1e6
        time.sleep(0.5)  # duplicates arrive now
        wrong = abs(count() - readings)
        return Measured(done / max(seconds, 1e-3), wrong, used, peak_megabytes(process.pid))
    finally:
        process.stop()


def ours(store_lines: str, broker: Mosquitto, folder: Path) -> Callable[[], Process]:
    config = folder / "cloud.toml"
    config.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\ntls = false\n[store]\n{store_lines}\n'
    )
    return lambda: Process("smartmeter_cloud", "ingest", "--config", config)


def _subscribed(start: Callable[[], Process], store: PostgresStore | SqliteStore) -> None:
    """Connects once, so that the broker keeps what comes from now on."""
    process = start()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        process.check()
        if any(json.loads(p.state)["broker"]["connected"] for p in store.processes()):
            break
        time.sleep(0.05)
    process.stop()


def in_postgresql(server: Postgres, readings: int, size: int) -> Measured:
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name), settings=BROKER) as broker:
        url = server.create("ours")
        store = PostgresStore(url)
        start = ours(f'url = "{url}"', broker, Path(name))
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(_COUNT_ALONE)

            def count() -> int:
                found = db.execute("SELECT count(*) FROM reading").fetchone()
                return int(found[0]) if found else 0

            measured = stored(
                start, lambda: _subscribed(start, store), count, broker, readings, size
            )
        store.close()
        return measured


def in_sqlite(readings: int, size: int) -> Measured:
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name), settings=BROKER) as broker:
        store = SqliteStore(Path(name) / "smartmeter.sqlite")
        start = ours('path = "smartmeter.sqlite"', broker, Path(name))
        measured = stored(
            start,
            lambda: _subscribed(start, store),
            lambda: store.counters().get("stored", 0),
            broker,
            readings,
            size,
        )
        store.close()
        return measured


def by_recipe(server: Postgres, readings: int, size: int) -> Measured:
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name), settings=BROKER) as broker:
        url = server.create("recipe")
        module = "tools.bench.cloud_recipe"

        def prepare() -> None:
            Process(module, broker.port, url, "--only-subscribe").result(30)

        def count() -> int:
            found = db.execute("SELECT count(*) FROM reading").fetchone()
            return int(found[0]) if found else 0

        with psycopg.connect(url, autocommit=True) as db:
            db.execute(_COUNT_ALONE)
            return stored(
                lambda: Process(module, broker.port, url), prepare, count, broker, readings, size
            )
