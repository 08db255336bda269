"""The state topic: what programs of the household hear of each meter, on the LAN broker."""

import json
import os
import pty
import time
import tty
from collections.abc import Callable
from itertools import pairwise

import pytest
from smartmeter.wire import topics
from smartmeter_gateway.integrations import lan_publisher
from smartmeter_gateway.integrations.lan_publisher import LanPublisher
from smartmeter_gateway.monitoring.registry import Registry
from smartmeter_mqtt.settings import BrokerSettings

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, Consumer, FakeCloud, eventually, reading
from tests.gateway.intake.test_submeters import telegram
from tests.gateway.test_home import command
from tools.environment.mosquitto import Mosquitto

STATUS = topics.concentrator_status("home")


def test_a_consumer_that_comes_later_hears_the_newest_of_everything(
    between: Between, adapter: Adapter
) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m-1", reading(1))
    adapter.publish_and_wait("m-1", reading(2, power=250).replace(b',"32.7.0":229.4', b""))
    with Consumer(between.lan.port) as house:
        eventually(lambda: house.newest("m-1").get("power_import_w") == "250")
        assert house.newest("m-1") == {
            "time": "2026-09-21T14:13:22+00:00",
            "state": "online",
            "reason": None,
            "power_import_w": "250",
            "power_export_w": "0",
            "energy_import_kwh": "1136.786",
            "voltage_l1_v": "229.4",
        }
        assert json.loads(house.heard[STATUS][-1])["state"] == "online"


def test_what_an_adapter_repeats_and_what_is_told_after_a_kill_never_go_back(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.process.start().says("LAN broker: connected")
    with Consumer(between.lan.port) as house:
        for seq in range(1, 21):
            adapter.publish_and_wait("m", reading(seq))
        eventually(lambda: house.newest("m").get("energy_import_kwh") == "1136.804")
        for seq in range(5, 21):
            adapter.publish_and_wait("m", reading(seq))
        between.process.kill()
        for seq in range(7, 21):  # they wait in the broker, for the Concentrator's session
            adapter.publish_and_wait("m", reading(seq))
        between.process.start()
        eventually(lambda: json.loads(house.heard[STATUS][-1])["state"] == "online")
        adapter.publish_and_wait("m", reading(21))
        eventually(lambda: house.newest("m").get("energy_import_kwh") == "1136.805")
        totals = [float(told["energy_import_kwh"]) for told in house.states("m")]
        assert all(b >= a for a, b in pairwise(totals)), totals
        times = [told["time"] for told in house.states("m")]
        assert times == sorted(times)


def test_a_total_that_comes_seldom_is_told_after_a_restart_and_lost_brokers(
    between: Between, adapter: Adapter
) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m", reading(1))
    adapter.publish_and_wait("m", reading(2).replace(b',"1.8.0":1136786', b""))
    between.process.kill()
    between.process.start()
    with Consumer(between.lan.port) as house:
        eventually(lambda: house.newest("m").get("energy_import_kwh") == "1136.785")
        with Consumer(between.lan.port) as eraser:
            topic = topics.uplink("home", "m", topics.STATE)
            eraser.client.publish(topic, b"", 1, retain=True).wait_for_publish(30)
        between.lan.stop()
        between.lan.start()
        eventually(lambda: len(house.states("m")) > 2 and house.newest("m"))
        assert house.newest("m")["energy_import_kwh"] == "1136.785"


def test_consumers_hear_that_the_concentrator_or_an_adapter_has_gone(
    between: Between, adapter: Adapter
) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish("m", b'{"state":"online"}', topics.STATUS, retain=True)
    adapter.publish_and_wait("m", reading(1))
    with Consumer(between.lan.port) as house:
        eventually(lambda: house.newest("m").get("state") == "online")
        adapter.publish("m", b'{"state":"offline"}', topics.STATUS, retain=True)
        eventually(lambda: house.newest("m").get("state") == "offline")
        assert house.newest("m")["reason"] == "its adapter is offline"
        assert house.newest("m")["power_import_w"] == "133"
        between.process.kill()
        eventually(lambda: json.loads(house.heard[STATUS][-1]) == {"state": "offline"})
        between.process.start()
        eventually(lambda: json.loads(house.heard[STATUS][-1])["state"] == "online")
        assert between.process.stop() == 0
        eventually(lambda: json.loads(house.heard[STATUS][-1]) == {"state": "offline"})


def test_a_port_with_gas_and_water_has_three_states(between: Between) -> None:
    meter, port = pty.openpty()
    tty.setraw(port)
    between.configure(
        f'[[port]]\ndevice = "{os.ttyname(port)}"\nmeter = "house"\nbaud = 115200\n'
        'values = ["1-0:1.8.1", "24.2.1", "0-2:24.2.1"]',
        cloud="",
    )
    between.process.start()
    with Consumer(between.lan.port) as house:
        for second in range(60):
            os.write(meter, telegram(second))
            if house.newest("house") and house.newest("house-2"):
                break
            time.sleep(0.5)
        assert house.newest("house")["energy_import_tariff_1_kwh"] == "1.500"
        assert house.newest("house-1")["gas_m3"] == "92.287"
        assert house.newest("house-2") == {
            "time": "2026-07-03T14:00:00+02:00",
            "state": "online",
            "reason": None,
            "water_m3": "8.579",
        }
    os.close(meter)
    os.close(port)


def test_adapters_cannot_publish_as_the_concentrator(between: Between, adapter: Adapter) -> None:
    between.process.start().says("LAN broker: connected")
    for meter, specific in (("m", "state"), ("n", "readings")):
        adapter.publish_and_wait(meter, reading(1), specific)
        between.process.says(
            f"refused from meter {meter}: {specific} is only the Concentrator's own topic; "
            "adapters publish reading"
        )
    eventually(lambda: json.loads(between.ask("/status"))["refused"] == {"topic": 2})


def test_what_the_house_s_broker_refuses_is_alarmed(
    between: Between, mosquitto: Callable[..., Mosquitto], cloud: FakeCloud
) -> None:
    """MQTT 5 gives the reason; readings go to the Cloud all the same."""
    allowed = mosquitto(rules=["topic readwrite smartMeterMessage/#"])
    between.lan = allowed
    between.configure()
    between.process.start().says("LAN broker: connected")
    with Adapter(allowed.port) as adapter:
        adapter.publish_and_wait("m-1", reading(1))
        eventually(lambda: cloud.seqs("m-1") == {1})
    between.process.says(
        "the LAN broker refuses what we publish on concentrator/home/status: "
        "this user is not authorized"
    )
    assert json.loads(between.ask("/status"))["alarms"]


def test_one_forbidden_topic_does_not_hold_up_the_others(
    between: Between, mosquitto: Callable[..., Mosquitto]
) -> None:
    """mosquitto 2.0.11 hangs up after what it forbids, so that is not tried at each connection."""
    between.lan = mosquitto(
        rules=[
            "topic readwrite smartMeterMessage/#",
            "topic readwrite concentrator/#",
            "topic read homeassistant/#",
        ]
    )
    between.configure("[homeassistant]")
    between.process.start().says("LAN broker (publishing): connected")
    with Adapter(between.lan.port) as adapter, Consumer(between.lan.port) as house:
        adapter.publish_and_wait("m-1", reading(1))
        between.process.says("refuses what we publish on homeassistant/device/smartmeter_m-1")
        for seq in range(2, 12):
            adapter.publish_and_wait("m-1", reading(seq, power=1000 + seq))
            eventually(lambda seq=seq: house.newest("m-1").get("power_import_w") == f"{1000 + seq}")
    # once for each forbidden topic: the meter's and the Concentrator's own
    assert between.process.said.count("LAN broker (publishing): not connected") <= 2
    (alarm,) = [a for a in json.loads(between.ask("/status"))["alarms"] if "homeassistant" in a]
    assert "`smartmeter-gateway broker-rules --lan` prints the rules that it needs" in alarm


def test_what_the_broker_has_refused_follows_once_it_has_new_rules(
    between: Between, mosquitto: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its restart, and not only when the refused topics are tried again anyway."""
    monkeypatch.setattr(lan_publisher, "_UNRELATED_S", 0.0)
    between.lan = mosquitto(rules=["topic readwrite smartMeterMessage/#"])
    between.configure("[homeassistant]")
    told = command("check", "--config", str(between.process.config)).stdout
    assert told.count("`smartmeter-gateway broker-rules --lan` prints the rules") == 3, told
    registry = Registry("home")
    settings = BrokerSettings("localhost", between.lan.port, tls=False)
    publisher = LanPublisher(settings, "home", registry)
    publisher.start()
    try:
        eventually(
            lambda: "concentrator/home/status: this" in registry.alarms.get("lan.refused", "")
        )
        between.lan.stop()
        between.lan.allow(["topic readwrite concentrator/#"]).start()
        with Consumer(between.lan.port) as house:
            eventually(lambda: STATUS in house.heard)
        eventually(lambda: "lan.refused" not in registry.alarms)
    finally:
        publisher.stop(10)


def test_a_meter_with_too_many_values_is_alarmed(between: Between, adapter: Adapter) -> None:
    between.process.start().says("LAN broker: connected")
    values = ",".join(f'"1.29.{n}":1' for n in range(65))
    start = reading(1).partition(b'"values"')[0]
    adapter.publish_and_wait("many", start + f'"values":{{{values}}}}}'.encode())
    between.process.says("meter many sends more than 64 different values")
