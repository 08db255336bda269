"""Everything is killed, cut, delayed and swallowed under traffic; the store has it all, once.

FAULT_SECONDS (default: a short run; `make faults` takes 600) is how long, FAULT_SEED the seed of
a run to be repeated. What is killed: the Concentrator, both brokers, the Cloud's ingest; what
is disturbed: the Concentrator's connections to both brokers, and ingest's. An adapter here does
what the real one does: it remembers its last readings, and where its broker lost its sessions it
tells them again, at once and when the Concentrator has had the time to connect, too. Among the
traffic are messages that no store can take: the Concentrator refuses some, the Cloud the others.
A Concentrator of another household squats a meter, and an administrator misplaces it again and
again. PostgreSQL loses its primary, and the synchronous standby takes over.
"""

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from smartmeter.wire import topics

from tests.faults.proxy import DELAY, PASS, SWALLOW, Proxy
from tests.gateway.harness import Adapter, Process, eventually, reading
from tools.environment.debian import Unavailable
from tools.environment.mosquitto import Mosquitto
from tools.environment.postgresql_pair import PostgresPair

SQUATTED = "meter-0"
SQUATTER_SEQ = 10**6  # of the squatter's reading
LATE = 10_413_792_000  # the year 2300: the Concentrator takes it, and no store can

SECONDS = float(os.environ.get("FAULT_SECONDS", "8"))
SEED = int(os.environ.get("FAULT_SEED", str(random.randrange(10**6))))
METERS = 3
RATE = 40.0  # readings a second of each meter
REMEMBERED_S = 80.0  # as the adapter's outbox (_SENT_MS there),
LISTENS_S = 15.0  # and as its publisher
PAUSE_S = min(2.5, SECONDS / 10)  # at most so long between two faults, and so long each lasts
POISON = (b"", b"{", b"[" * 9999, b"\xff", reading(1).replace(b"133", b"NaN"), b"1" * 70_000)


class Traffic(Adapter):
    """One adapter: publishes reading after reading, keeps what was acknowledged."""

    def __init__(self, port: int, meter: str, chance: random.Random) -> None:
        super().__init__(port, client_id=f"adapter-{meter}", clean_session=False)
        self.meter = meter
        self.acknowledged: set[int] = set()
        self.published = 0
        self.poisoned = 0
        self.late: set[int] = set()
        self._first_late = SQUATTER_SEQ * (1 + int(meter[-1]))
        self._chance = chance
        # What is in flight, by packet id (None: a poison), and ids whose PUBACK came in paho's
        # thread before publish() returned them.
        self._mids: dict[int, int | None] = {}
        self._early: set[int] = set()
        self._noting = threading.Lock()
        self._remembered: deque[tuple[float, str, bytes, int | None]] = deque()
        self._again_at: list[float] = []  # when everything remembered must be sent again
        self._ending = threading.Event()
        self.client.on_connect = self._up
        self.client.on_publish = self._acknowledged
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _up(self, client: object, _: object, flags: Any, code: object, properties: object) -> None:
        if self.connected.is_set() and not flags.session_present:
            # The broker was killed: what it had of us may be gone.
            now = time.monotonic()
            self._again_at = [now, now + LISTENS_S]
        self.connected.set()

    def _acknowledged(self, client: object, _: object, mid: int, *more: object) -> None:
        with self._noting:
            if mid in self._mids:
                self._done(self._mids.pop(mid))
            else:
                self._early.add(mid)

    def _done(self, seq: int | None) -> None:
        if seq is not None:
            self.acknowledged.add(seq)

    def _tell(self, meter: str, payload: bytes, seq: int | None = None) -> None:
        mid = self.publish(meter, payload).mid
        with self._noting:
            if mid in self._early:
                self._early.remove(mid)
                self._done(seq)
            else:
                self._mids[mid] = seq

    def _run(self) -> None:
        while not self._ending.wait(1 / RATE):
            now = time.monotonic()
            if len(self._mids) < 2000:
                seq = self.published
                self._remembered.append((now, self.meter, reading(seq), seq))
                self._tell(*self._remembered[-1][1:])
                self.published += 1
            while self._remembered and self._remembered[0][0] < now - REMEMBERED_S:
                self._remembered.popleft()
            self._tell_again()
            if self._chance.random() < 0.03:
                seq = self._first_late + len(self.late)
                self._remembered.append((now, "late", reading(seq, at=LATE + seq), None))
                self._tell(*self._remembered[-1][1:])
                self.late.add(seq)
            if self._chance.random() < 0.05:
                self._tell("poisoner", self._chance.choice(POISON))
                self.poisoned += 1

    def _tell_again(self) -> None:
        due = self._again_at  # which paho's thread may put another in the place of
        if due and time.monotonic() >= due[0]:
            del due[0]
            for _, *message in list(self._remembered):
                self._tell(*message)

    def begin(self) -> None:
        self.start()
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()
        # The broker may have been killed last of all: while something is in flight it is unknown
        # whether its sessions are gone.
        eventually(lambda: not self._mids, 60)
        while self._again_at:
            self._tell_again()
            time.sleep(0.1)
        eventually(lambda: not self._mids, 60)
        self.stop()


class Ingest:
    """smartmeter-cloud ingest over one store: url, or an SQLite file."""

    def __init__(self, folder: Path, port: int, url: str | None) -> None:
        self._file = folder / "store.sqlite"
        self._url = url
        self._config = folder / "cloud.toml"
        self._log = folder / "ingest.log"
        store = f'url = "{url}"' if url else f'path = "{self._file}"'
        self._config.write_text(
            f'[broker]\nhost = "127.0.0.1"\nport = {port}\ntls = false\n[store]\n{store}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "smartmeter_cloud", "ingest", "--config", self._config],
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def supervise(self) -> None:
        """Starts it where it has ended by itself, as systemd does: the store was away."""
        if self._process and self._process.poll() is not None:
            self.start()

    def say(self, *arguments: str) -> bool:
        """Whether a command of an administrator was carried out."""
        command = [sys.executable, "-m", "smartmeter_cloud", *arguments]
        done = subprocess.run([*command, "--config", self._config], capture_output=True)
        return done.returncode == 0

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What the store holds; ? stands for a value."""
        if self._url:
            with psycopg.connect(self._url) as db:
                return db.execute(sql.replace("?", "%s").encode(), values).fetchall()
        with contextlib.closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as c:
            return c.execute(sql, values).fetchall()

    def stored(self, meter: str) -> list[int]:
        """The seqs of a meter, each as often as it is there."""
        sql = "SELECT r.seq FROM reading r JOIN meter m ON m.id = r.meter WHERE m.name = ?"
        return [seq for (seq,) in self.rows(sql, meter)]


class Chain:
    """All boxes, and what can be done to them."""

    def __init__(
        self, folder: Path, mosquitto: Callable[..., Mosquitto], pair: PostgresPair | None
    ) -> None:
        self.lan = mosquitto()
        self.cloud = mosquitto()
        self.to_lan = Proxy(self.lan.port).start()
        self.to_cloud = Proxy(self.cloud.port).start()
        self.from_cloud = Proxy(self.cloud.port).start()  # what ingest connects to
        self.concentrator = Process(folder / "gateway.toml")
        self.concentrator.config.write_text(
            f'concentrator = "home"\n[http]\nenabled = false\n'
            f'[lan]\nhost = "127.0.0.1"\nport = {self.to_lan.port}\n'
            f'[cloud]\nhost = "127.0.0.1"\nport = {self.to_cloud.port}\n'
            "resend_after = 1\n"
        )
        self.ingest = Ingest(folder, self.from_cloud.port, pair.url if pair else None)
        self._misplaced = False
        self.actions: dict[str, Callable[[float], None]] = {
            "kill the Concentrator": lambda s: self._restart(self.concentrator, s),
            "kill the LAN broker": lambda s: self._restart(self.lan, s),
            "kill the cloud broker": lambda s: self._restart(self.cloud, s),
            "kill ingest": lambda s: self._restart(self.ingest, s),
            "cut the LAN": lambda s: self.to_lan.cut(),
            "cut the way to the Cloud": lambda s: self.to_cloud.cut(),
            "delay the way to the Cloud": lambda s: self._disturb(self.to_cloud, DELAY, s),
            "swallow the way to the Cloud": lambda s: self._disturb(self.to_cloud, SWALLOW, s),
            "cut ingest off": lambda s: self.from_cloud.cut(),
            "delay ingest": lambda s: self._disturb(self.from_cloud, DELAY, s),
            "swallow ingest's": lambda s: self._disturb(self.from_cloud, SWALLOW, s),
            "delay the LAN": lambda s: self._disturb(self.to_lan, DELAY, s),
            "swallow the LAN": lambda s: self._disturb(self.to_lan, SWALLOW, s),
            "misplace a meter": lambda s: self._misplace(),
        }
        if pair:
            self.actions["lose the primary"] = lambda s: pair.fail_over()

    def begin(self) -> None:
        self.concentrator.start()
        self.ingest.start()
        self.concentrator.says("LAN broker: connected")
        self._squat()

    def _squat(self) -> None:
        """A Concentrator of another household sends first for a meter that is not planned."""
        eventually(lambda: self.ingest.say("place", "squatter", "--household", "away"))
        topic = topics.uplink("squatter", SQUATTED, topics.READING)
        with Adapter(self.cloud.port) as squatter:
            squatter.client.publish(topic, reading(SQUATTER_SEQ), qos=1).wait_for_publish(60)
            eventually(lambda: self.ingest.stored(SQUATTED) == [SQUATTER_SEQ])
        self._misplaced = True

    def _misplace(self) -> None:
        """A mistake, and the next time its correction. Meanwhile readings are refused."""
        household = "home" if self._misplaced else "away"
        if self.ingest.say("move", SQUATTED, "--household", household):
            self._misplaced = not self._misplaced

    def put_right(self) -> None:
        """All meters are the home's."""
        eventually(lambda: self.ingest.say("move", SQUATTED, "--household", "home"), 120)

    def _restart(self, box: Any, seconds: float) -> None:
        box.kill()
        time.sleep(seconds)
        box.start()

    def _disturb(self, proxy: Proxy, mode: str, seconds: float) -> None:
        proxy.delay = seconds / 4
        proxy.mode = mode
        time.sleep(seconds)
        proxy.mode = PASS

    def spooled(self) -> list[bytes]:
        """The late readings that the Concentrator still keeps."""
        path = self.concentrator.config.with_name("spool.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as c:
            return [row[0] for row in c.execute("SELECT payload FROM message WHERE meter = 'late'")]

    def close(self) -> None:
        self.concentrator.kill()
        self.ingest.kill()
        self.to_lan.stop()
        self.to_cloud.stop()
        self.from_cloud.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def chain(
    request: pytest.FixtureRequest, tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> Iterator[Chain]:
    pair = None
    if request.param == "postgresql":
        try:
            pair = PostgresPair("chaos")
        except Unavailable as why:
            pytest.skip(str(why))
    made = Chain(tmp_path, mosquitto, pair)
    try:
        made.begin()
        yield made
    finally:
        made.close()
        if pair:
            pair.remove()
    for log in sorted(tmp_path.glob("*.log")):  # shown where the test fails
        print(f"--- the end of {log.name}", log.read_text(errors="replace")[-6000:], sep="\n")


@pytest.mark.timeout(SECONDS + 300)
def test_nothing_is_lost_and_nothing_is_double(chain: Chain) -> None:
    print(f"FAULT_SEED={SEED} FAULT_SECONDS={SECONDS:g}")
    chance = random.Random(SEED)
    adapters = [
        Traffic(chain.lan.port, f"meter-{i}", random.Random(chance.random())) for i in range(METERS)
    ]
    for adapter in adapters:
        adapter.begin()
    until = time.monotonic() + SECONDS
    done: dict[str, int] = {}
    while time.monotonic() < until:
        what = chance.choice(list(chain.actions))
        chain.actions[what](chance.uniform(0.0, PAUSE_S))
        done[what] = done.get(what, 0) + 1
        chain.ingest.supervise()
        time.sleep(chance.uniform(0.2, PAUSE_S))
    for adapter in adapters:
        adapter.end()
    (refused,) = chain.ingest.rows("SELECT coalesce(sum(n), 0) FROM counter WHERE name = 'refused'")
    chain.put_right()
    print(f"{sum(a.published for a in adapters)} readings, {sum(a.poisoned for a in adapters)} "
          f"poisoned messages; {done}")  # fmt: skip
    for adapter in adapters:
        assert len(adapter.acknowledged) == adapter.published

        def missing(adapter: Traffic = adapter) -> set[int]:
            chain.ingest.supervise()
            return adapter.acknowledged - set(chain.ingest.stored(adapter.meter))

        try:
            eventually(lambda missing=missing: not missing(), 120)
        except AssertionError:
            print(f"{adapter.meter} misses {sorted(missing())}")
            raise
        stored = [seq for seq in chain.ingest.stored(adapter.meter) if seq != SQUATTER_SEQ]
        assert len(stored) == len(set(stored)) == adapter.published
    assert chain.ingest.stored("poisoner") == []
    # What only the Cloud cannot store is a dead letter there, each once, or still in the spool.
    late = {seq for adapter in adapters for seq in adapter.late}

    def kept() -> set[int]:
        chain.ingest.supervise()
        dead = [payload for (payload,) in chain.ingest.rows("SELECT payload FROM dead_letter")]
        return {json.loads(payload)["seq"] for payload in [*dead, *chain.spooled()]}

    eventually(lambda: kept() == late, 120)
    print(f"{len(late)} messages that only the Cloud refuses; {refused[0]} refusals")
    assert refused[0] > 0
    assert "Traceback" not in chain.concentrator.said
