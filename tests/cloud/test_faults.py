"""Faults while readings arrive: nothing with a receipt is lost, and nothing is duplicated.

FAULT_SECONDS (default: a short run; `make faults` takes 600) is how long everything is killed at
random, FAULT_SEED the seed of a run to be repeated.
"""

import os
import random
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from smartmeter_cloud.store.slices import DAY, QUARTER
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.conftest import Cloud
from tests.cloud.harness import Concentrator, Process, eventually, reading
from tests.cloud.store.test_rollups import at, roll, slices
from tests.cloud.stores import Opens, add, opens, store
from tools.environment.debian import Unavailable
from tools.environment.mosquitto import Mosquitto
from tools.environment.postgresql import Postgres

__all__ = ["opens", "store"]

SECONDS = float(os.environ.get("FAULT_SECONDS", "4"))
SEED = int(os.environ.get("FAULT_SEED", str(random.randrange(10**6))))
PATIENCE = 60.0  # s until everything sent must have its receipt


class Fleet:
    """Three ingestors of one group over one PostgreSQL, and a Concentrator that sends."""

    def __init__(self, folder: Path, broker: Mosquitto, postgres: Postgres) -> None:
        self.broker, self.postgres = broker, postgres
        self.url = postgres.create("fleet")
        self.ingestors = []
        for name in ("a", "b", "c"):
            config = folder / name / "cloud.toml"
            config.parent.mkdir()
            config.write_text(
                f'[broker]\nhost = "localhost"\nport = {broker.port}\ntls = false\n'
                f'group = "ingest"\nclient_id = "{name}"\n[store]\nurl = "{self.url}"\n'
            )
            self.ingestors.append(Process("ingest", config))
        self._tests = 0

    def anew(self) -> None:
        """All is up, and a Concentrator with a meter that nobody has sent for."""
        for ingest in self.ingestors:
            assert ingest.process is not None
            if ingest.process.poll() is not None:
                ingest.log.unlink()
                ingest.start()
        for ingest in self.ingestors:
            ingest.says("connected", 60)
        self._tests += 1
        self.meter = f"meter-{self._tests}"
        self.house = Concentrator(f"house-{self._tests}", self.broker.port)
        self.sent = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def _send(self) -> None:
        """Fifty readings a second, and every second again what has no receipt."""
        while not self._ending.wait(0.02):
            self.house.send(self.meter, reading(self.sent))
            self.sent += 1
            if self.sent % 50 == 0:
                self.house.send_again()

    def begin(self) -> None:
        self._thread.start()

    def settled(self) -> None:
        """Stops sending; waits until everything has its receipt, and counts."""
        self._ending.set()
        self._thread.join()
        until = time.monotonic() + PATIENCE
        while self.house.waiting:
            assert time.monotonic() < until, f"{len(self.house.waiting)} have no receipt"
            self.supervise()
            self.house.send_again()
            time.sleep(1)
        assert self.stored(self.meter) == (self.sent, self.sent)

    def supervise(self) -> None:
        """Starts what has ended by itself, as systemd does: ingest ends where it begins while the
        database is away. All three did in the end, and nobody was there to give receipts."""
        for ingest in self.ingestors:
            assert ingest.process is not None
            if (ingest.process.poll() or 0) > 0:
                ingest.start()

    def stored(self, meters: str) -> tuple[int, int]:
        """(readings, different ones) of the meters of such names."""
        with psycopg.connect(self.url) as db:
            found = db.execute(
                "SELECT count(*), count(DISTINCT (meter, seq)) FROM reading "
                "JOIN (SELECT id, name FROM meter) AS m ON m.id = meter WHERE name LIKE %s",
                (meters,),
            ).fetchone()
        assert found is not None
        return found[0], found[1]

    def rest(self) -> None:
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.house.stop()

    def end(self) -> None:
        for ingest in self.ingestors:
            ingest.kill()


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    try:
        broker = Mosquitto(folder / "broker").start()
    except Unavailable as why:
        pytest.skip(str(why))
    made = Fleet(folder, broker, postgres)
    yield made
    made.end()
    broker.stop()


@pytest.fixture
def fleet(boxes: Fleet) -> Iterator[Fleet]:
    boxes.anew()
    yield boxes
    boxes.rest()


def test_one_of_three_ingestors_dies_and_its_share_is_sent_again(fleet: Fleet) -> None:
    fleet.begin()
    eventually(lambda: fleet.sent > 50, 60)
    fleet.ingestors[0].kill()  # and never comes back
    before = fleet.sent
    eventually(lambda: fleet.sent > before + 50, 60)
    fleet.settled()


def test_the_database_dies_and_comes_back(fleet: Fleet) -> None:
    fleet.begin()
    eventually(lambda: len(fleet.house.receipts) > 30, 60)

    def said(text: str) -> int:
        return sum(i.said.count(text) for i in fleet.ingestors)

    down, back = said("nothing can be stored"), said("the store is back")
    fleet.postgres.kill()
    eventually(lambda: said("nothing can be stored") > down, 60)
    fleet.postgres.start()
    fleet.settled()
    assert said("the store is back") > back
    assert all(i.process is not None and i.process.poll() is None for i in fleet.ingestors)


@pytest.mark.timeout(SECONDS + 400)
def test_everything_is_killed_again_and_again(fleet: Fleet) -> None:
    print(f"FAULT_SEED={SEED} FAULT_SECONDS={SECONDS:g}")
    chance = random.Random(SEED)
    fleet.begin()
    until = time.monotonic() + SECONDS
    done: dict[str, int] = {}
    while time.monotonic() < until:
        kind = chance.choice(["database", "broker", "ingest", "ingest"])
        box = {"database": fleet.postgres, "broker": fleet.broker}.get(kind)
        victim = box or chance.choice(fleet.ingestors)
        victim.kill()
        time.sleep(chance.uniform(0, 1))
        victim.start()
        done[kind] = done.get(kind, 0) + 1
        time.sleep(chance.uniform(0.2, 2))
        fleet.supervise()
    fleet.settled()
    print(f"{fleet.sent} readings, {done}")


def resident(process: Process) -> int:
    """Bytes of memory."""
    assert process.process is not None
    text = Path(f"/proc/{process.process.pid}/statm").read_text()
    return int(text.split()[1]) * resource.getpagesize()


def test_a_database_that_hangs_stops_the_reading_and_fills_no_memory(fleet: Fleet) -> None:
    fleet.house.send("first", reading(0))
    fleet.house.all_receipted()
    before = sum(map(resident, fleet.ingestors))
    with psycopg.connect(fleet.url) as lock:
        lock.execute("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE")
        # 24 MB: much more than is gathered while one batch is written
        for part in range(160):
            rows = [reading(1 + part * 500 + i) for i in range(500)]
            fleet.house.send(f"hung-{part % 8}", rows, "readings")
        eventually(lambda: not fleet.house.client.want_write())
        last = 0
        until = time.monotonic() + 60
        while (now := sum(map(resident, fleet.ingestors))) != last:  # until it stands still
            assert time.monotonic() < until
            last = now
            time.sleep(0.3)
        grown = last - before
    fleet.house.all_receipted(60)
    # Decoded, all of it would be some 120 MB.
    assert grown < 60_000_000, f"{grown / 1e6:.0f} MB more"
    assert fleet.stored("hung-%") == (80_000, 80_000)


def test_a_disk_that_is_full_holds_everything_up_and_loses_nothing(cloud: Cloud) -> None:
    ingest = cloud.start("ingest")
    ingest.says("connected")
    house = cloud.concentrator()
    house.send("m1", reading(0))
    house.all_receipted()
    assert ingest.process is not None
    # The kernel refuses each write behind the present end of a file, as a full disk does.
    full = max(p.stat().st_size for p in cloud.folder.glob("smartmeter.sqlite*"))
    free = resource.prlimit(ingest.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(ingest.process.pid, resource.RLIMIT_FSIZE, (full, free[1]))
    for seq in range(1, 400):
        house.send("m1", [reading(seq * 10 + i) for i in range(10)], "readings")
    ingest.says("nothing can be stored")
    assert house.waiting
    assert ingest.process.poll() is None
    resource.prlimit(ingest.process.pid, resource.RLIMIT_FSIZE, free)
    ingest.says("the store is back", 60)
    house.all_receipted(60)
    assert cloud.rows("SELECT count(*), count(DISTINCT seq) FROM reading") == [(3991, 3991)]
    assert cloud.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_week_that_is_replayed_changes_nothing(store: SqlStore) -> None:
    week = [at(600 * i, 1000 + i, v1_7_0=i % 900) for i in range(-1008, 0)]
    assert add(store, "m1", *week) == (1008, 0)
    roll(store)
    before = [slices(store, tier) for tier in (QUARTER, DAY)]
    for part in range(0, 1008, 100):
        some = week[part : part + 100]
        assert add(store, "m1", *some) == (0, len(some))
    roll(store)
    assert [slices(store, tier) for tier in (QUARTER, DAY)] == before
    assert store.counters() == {"stored": 1008, "repeated": 1008}


@pytest.mark.parametrize("year", [1971, 2019, 2031, 2150])
def test_a_clock_wrong_by_years_is_kept_and_flagged_and_left_out(opens: Opens, year: int) -> None:
    store = opens()
    add(store, "m1", at(0, 1000), at(60, 1010))
    wrong = reading(7, f"{year}-05-05T00:00:00Z", v1_8_0=5, v1_7_0=9)
    assert add(store, "m1", wrong) == (1, 0)
    assert add(store, "m1", wrong) == (0, 1)
    roll(store)
    assert [s.drawn.used for s in slices(store, DAY)] == [10]
    kept = store.readings("m1", (0, -1), 2**60, (), (), 10)
    assert sorted(r.suspect for r in kept) == [False, False, True]
    assert [n.reading.values["1.8.0"] for n in store.newest()] == [1010]
