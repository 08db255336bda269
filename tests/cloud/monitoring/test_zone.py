"""Times of a meter that are whole hours off."""

from datetime import UTC, datetime, timedelta

from tests.cloud.api_process import Site
from tests.cloud.harness import command, reading

HOUR_MS = 3_600_000


def test_times_that_are_whole_hours_off_are_said(site: Site) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def take(meter: str, count: int, hours: float, clock: str = "meter") -> None:
        for n in range(count):
            arrived = now - timedelta(seconds=10 * (count - n))
            time = (arrived + timedelta(hours=hours)).isoformat()
            topic = f"concentrator/house/smartMeterMessage/{meter}/reading"
            document = reading(n + 1, time) | {"clock": clock}
            site.take(topic, document, int(arrived.timestamp() * 1000))

    take("vilnius", 6, 1)
    take("lisbon", 6, -2)
    take("young", 4, 1)
    take("right", 6, 0)
    take("half", 6, 0.5)
    take("adapter", 6, 1, "adapter")
    for n in range(6):  # a backlog: all of them arrive at once
        topic = "concentrator/house/smartMeterMessage/late/reading"
        time = now - timedelta(hours=1, seconds=5 * (5 - n))
        site.take(topic, reading(n, time.isoformat()), int(now.timestamp() * 1000))
    boxes = {b["id"]: b for b in site.api.get("v1/chain")["boxes"] if b["kind"] == "meter"}
    wrong = {name: b["hours"] for name, b in boxes.items() if b["reason"] == "zone"}
    assert wrong == {"vilnius": 1, "lisbon": -2}
    assert {b["state"] for b in boxes.values() if b["reason"] != "zone"} == {"ok"}
    told = command("status", "--config", str(site.config)).out
    assert "ALARM: vilnius: its times are 1 h ahead of their arrival; set its zone" in told
    assert "ALARM: lisbon: its times are 2 h behind their arrival; set its zone" in told
