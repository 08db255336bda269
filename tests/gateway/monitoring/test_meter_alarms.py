"""What the Concentrator says of a meter's readings that look right and are not."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from smartmeter.checks.crc import arc
from smartmeter_gateway.monitoring.zone_check import ZoneCheck

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, FakeCloud, eventually


def p1(*lines: str) -> bytes:
    text = "/TST5x\r\n\r\n" + "".join(line + "\r\n" for line in lines) + "!"
    return text.encode() + b"%04X\r\n" % arc(text.encode(), 0, len(text))


def alarms(cloud: FakeCloud) -> Callable[[], list[str]]:
    return lambda: (cloud.statuses.get("home") or {}).get("alarms", [])


def test_a_total_that_lacks_a_tariff_is_not_sent_and_raises_an_alarm(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.configure('[[meter]]\nid = "m"')
    between.process.start().says("LAN broker: connected")
    said = alarms(cloud)
    for i in range(3):
        three = [f"1-0:1.8.{n}(00000{i}.000*kWh)" for n in (1, 2, 3)]
        adapter.publish_and_wait("m", p1(*three), "raw")
    adapter.publish_and_wait("m", p1("1-0:1.7.0(00.005*kW)", *three[:2]), "raw")
    text = "1.8.0 is left out: the meter does not send all tariffs from 1.8.1 to 1.8.3"
    eventually(lambda: [f"m: {text}. If its tariffs changed, restart what reads it"] == said())
    eventually(lambda: len(cloud.store) == 4)
    totals = [r["values"].get("1.8.0") for r in cloud.store.values()]
    assert totals == [0, 3000, 6000, None]
    adapter.publish_and_wait("m", p1(*three), "raw")
    eventually(lambda: said() == [])
    # an adapter that decodes by itself says the same in its status
    adapter.publish_and_wait(
        "n", json.dumps({"state": "online", "withheld": text}).encode(), "status"
    )
    eventually(lambda: [f"n: {text}. If its tariffs changed, restart what reads it"] == said())
    adapter.publish_and_wait("n", b'{"state":"online"}', "status")
    eventually(lambda: said() == [])


def test_times_that_are_whole_hours_off_raise_an_alarm(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.process.start().says("LAN broker: connected")
    said = alarms(cloud)

    def publish(meter: str, hours: float, clock: str = "meter") -> None:
        moment = datetime.now(UTC) + timedelta(hours=hours)
        document = {"time": moment.isoformat(timespec="seconds"), "clock": clock, "auth": "none"}
        document |= {"seq": int(1000 * moment.timestamp()), "values": {"1.7.0": 5}}
        adapter.publish_and_wait(meter, json.dumps(document).encode())

    for _ in range(8):
        publish("vilnius", 1)
        publish("lisbon", -2)
        publish("right", 0)
        publish("late", 0.4)
        publish("adapter", 1, "adapter")
        time.sleep(1)
    eventually(lambda: len(said()) == 2)
    ahead, behind = sorted(said(), reverse=True)
    assert ahead.startswith("vilnius: the meter's times are 1 h ahead of their arrival")
    assert behind.startswith("lisbon: the meter's times are 2 h behind their arrival")
    assert 'zone = "Europe/Vilnius"' in ahead
    publish("vilnius", 0)
    eventually(lambda: len(said()) == 1)


def test_a_backlog_is_no_wrong_zone() -> None:
    check = ZoneCheck()
    assert [check.note(-3600 + n) for n in range(20)] == [None] * 20
    assert check.note(-2) == 0
