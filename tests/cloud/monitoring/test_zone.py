"""Times of a meter that are whole hours off."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from smartmeter_cloud.history.zone_check import ASKED_MAX, ZoneChecks
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.api_process import Site
from tests.cloud.harness import command, encoded, reading

HOUR_MS = 3_600_000


def test_times_that_are_whole_hours_off_are_said(site: Site) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def take(meter: str, count: int, hours: float, clock: str = "meter") -> None:
        for n in range(count):
            arrived = now - timedelta(seconds=10 * (count - n))
            stamp = (arrived + timedelta(hours=hours)).isoformat()
            topic = f"concentrator/house/smartMeterMessage/{meter}/reading"
            document = reading(n + 1, stamp) | {"clock": clock}
            site.take(topic, document, int(arrived.timestamp() * 1000))

    take("vilnius", 6, 1)
    take("lisbon", 6, -2)
    take("young", 4, 1)
    take("right", 6, 0)
    take("half", 6, 0.5)
    take("adapter", 6, 1, "adapter")
    for n in range(6):  # a backlog: all of them arrive at once
        topic = "concentrator/house/smartMeterMessage/late/reading"
        late = now - timedelta(hours=1, seconds=5 * (5 - n))
        site.take(topic, reading(n, late.isoformat()), int(now.timestamp() * 1000))
    boxes = {b["id"]: b for b in site.api.get("v1/chain")["boxes"] if b["kind"] == "meter"}
    wrong = {name: b["hours"] for name, b in boxes.items() if b["reason"] == "zone"}
    assert wrong == {"vilnius": 1, "lisbon": -2}
    assert {b["state"] for b in boxes.values() if b["reason"] != "zone"} == {"ok"}
    told = command("status", "--config", str(site.config)).out
    assert "ALARM: vilnius: its times are 1 h ahead of their arrival; set its zone" in told
    assert "ALARM: lisbon: its times are 2 h behind their arrival; set its zone" in told


def test_a_look_at_many_meters_asks_the_store_little(tmp_path: Path) -> None:
    """It asked for each meter that was off, at every look: 5 s of 10 000 meters on SQLite."""
    asked = []

    class Counting(SqliteStore):
        def readings(self, meter: str, *more: Any) -> Any:
            asked.append(meter)
            return super().readings(meter, *more)

    store = Counting(tmp_path / "many.sqlite")
    names = [f"m{n}" for n in range(3 * ASKED_MAX)]
    now = int(time.time())

    def take(second: int, hours: int, *meters: str) -> None:
        batch = MessageBatch()
        stamp = datetime.fromtimestamp(now + second + hours * 3600, UTC).isoformat()
        for meter in meters:
            topic = f"concentrator/house/smartMeterMessage/{meter}/reading"
            batch.add(topic, encoded(reading(second + 100, stamp)), (now + second) * 1000)
        store.write(batch)

    for second in range(-60, 0, 10):
        take(second, 1, *names)
    checks = ZoneChecks()
    for look in range(1, 4):
        assert len(checks.hours_off(store, store.newest())) == look * ASKED_MAX
        assert len(asked) == look * ASKED_MAX
    take(0, 1, *names)
    assert checks.hours_off(store, store.newest()) == dict.fromkeys(names, 1)
    assert len(asked) == len(names)  # the newest readings say the same as before
    take(7200, 0, "m0")  # its zone was set, and the time that it stood for is over
    assert checks.hours_off(store, store.newest()).keys() == set(names) - {"m0"}
    assert len(asked) == len(names)
    store.close()
