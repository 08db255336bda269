"""Home Assistant discovery: its own field names, and what its sensors make of our readings."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest
from smartmeter.wire import topics
from smartmeter_gateway.integrations import home_assistant
from smartmeter_gateway.integrations.home_assistant import House
from smartmeter_gateway.monitoring.quantities import ELECTRIC, quantity
from smartmeter_gateway.monitoring.states import Facts

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, Consumer, FakeCloud, eventually, reading
from tests.gateway.intake.test_serial import port_settings, pushing  # noqa: F401 (a fixture)

# Read out of Home Assistant's own source by tools/conformance/home_assistant.py.
# The file names the release.
SHARED = ("state_topic", "availability", "availability_mode", "device", "origin")
HOUSE = House("homeassistant", "home", cloud="cloud broker")
KNOWN = json.loads((Path(__file__).parent / "home_assistant.json").read_text())


def is_one(part: str, found: dict[str, Any]) -> None:
    """Only keys that Home Assistant's schema has, and every key that it requires."""
    schema = KNOWN[part]
    assert set(found) <= set(schema), part
    assert {key for key, wanted in schema.items() if wanted} <= set(found), part


def check(message: dict[str, Any]) -> None:
    """As device discovery does: what all components share comes from the top."""
    is_one("message", {k: v for k, v in message.items() if k != "availability_mode"})
    is_one("device", message["device"])
    assert message["device"]["identifiers"]
    is_one("origin", message["origin"])
    for entry in message["availability"]:
        is_one("availability", entry)
    for of in ("unique_id", "name"):  # a second of the same name would be called ..._2
        each = [component[of] for component in message["components"].values()]
        assert len(set(each)) == len(each)
    shared = {k: message[k] for k in SHARED if k in message}
    for component in message["components"].values():
        assert component["platform"] == "sensor"
        check_sensor(shared | {k: v for k, v in component.items() if k != "platform"})


def check_sensor(sensor: dict[str, Any]) -> None:
    is_one("sensor", {k: v for k, v in sensor.items() if k not in ("device", "origin")})
    kind = sensor.get("device_class")
    if kind and kind in KNOWN["units"]:
        assert sensor.get("unit_of_measurement") in KNOWN["units"][kind]
        assert sensor["state_class"] in KNOWN["state_classes"][kind]
    assert sensor["qos"] == 1


def facts(*codes: str, medium: str | None = None, unit: str = "", **more: Any) -> Facts:
    return Facts(medium, tuple(quantity(code, medium, unit) for code in codes), **more)


def device_of(house: House, meter: str, found: Facts) -> dict[str, Any]:
    """The message of the device-based form; there is no other."""
    messages = home_assistant.of_meter(house, meter, found)
    assert [topic for topic, payload in messages.items() if payload] == [
        f"homeassistant/device/smartmeter_{home_assistant.object_id(meter)}/config"
    ]
    made: dict[str, Any] = json.loads(list(messages.values())[-1])
    check(made)
    return made


def rendered(component: dict[str, Any], document: dict[str, Any]) -> str:
    """As Home Assistant renders a template: Jinja with value_json."""
    template = jinja2.Template(component["value_template"], undefined=jinja2.StrictUndefined)
    return template.render(value_json=document)


def test_a_sub_meter_is_a_device_with_its_own_class_and_unit() -> None:
    gas = device_of(HOUSE, "m-1", facts("24.2.1", medium="gas", unit="m3"))
    sensor = gas["components"]["24_2_1"]
    assert (sensor["device_class"], sensor["unit_of_measurement"]) == ("gas", "m³")
    assert gas["state_topic"] == "concentrator/home/smartMeterMessage/m-1/state"
    heat = device_of(HOUSE, "m-2", facts("24.2.1", medium="heat", unit="J"))
    sensor = heat["components"]["24_2_1"]
    assert (sensor["device_class"], sensor["unit_of_measurement"]) == ("energy", "MJ")
    water = device_of(HOUSE, "m-3", facts("24.2.1", medium="water", unit="m3"))
    assert water["components"]["24_2_1"]["device_class"] == "water"


def test_a_heat_meter_has_totals_temperatures_power_and_flow() -> None:
    units = {
        "6-0:1.0.0": "J",
        "6-0:1.0.1": "J",
        "6-0:2.0.0": "m3",
        "6-0:8.0.0": "W",
        "6-0:9.0.0": "m3/h",
        "6-0:10.0.0": "degC",
        "6-0:12.0.0": "K",
        "6-0:9.34.1": "m3",  # nobody says what it is
    }
    found = tuple(quantity(code, "heat", unit) for code, unit in units.items())
    assert len({q.field for q in found}) == len(found)
    message = device_of(HOUSE, "h", Facts("heat", found))
    kinds = {
        key: (sensor.get("device_class"), sensor["unit_of_measurement"], sensor["state_class"])
        for key, sensor in message["components"].items()
        if key not in ("last_reading", "silence")
    }
    assert kinds == {
        "6_0_1_0_0": ("energy", "MJ", "total_increasing"),
        "6_0_1_0_1": ("energy", "MJ", "total_increasing"),
        "6_0_2_0_0": ("water", "m³", "total_increasing"),
        "6_0_8_0_0": ("power", "W", "measurement"),
        "6_0_9_0_0": ("volume_flow_rate", "m³/h", "measurement"),
        "6_0_10_0_0": ("temperature", "°C", "measurement"),
        "6_0_12_0_0": (None, "K", "measurement"),
    }


def test_every_code_with_a_name_has_a_sensor_that_home_assistant_takes() -> None:
    message = device_of(HOUSE, "m.1", facts(*ELECTRIC, "99.99.9", has_signal=True))
    assert len(message["components"]) == len(ELECTRIC) + 3
    energy = message["components"]["1_8_0"]  # what the Energy dashboard asks of a source
    assert energy["device_class"] == "energy"
    assert energy["state_class"] == "total_increasing"
    assert energy["unit_of_measurement"] == "kWh"


def test_the_older_form_has_the_same_sensors_each_alone() -> None:
    found = facts("1.7.0", "1.8.0", has_signal=True)
    single = home_assistant.of_meter(HOUSE._replace(single=True), "m", found)
    device = home_assistant.of_meter(HOUSE, "m", found)
    whole = json.loads(device["homeassistant/device/smartmeter_m/config"])
    sensors = {topic.split("/")[-2]: json.loads(payload) for topic, payload in single.items()}
    assert sensors.keys() == whole["components"].keys()
    for key, sensor in sensors.items():
        check_sensor(sensor)
        component = whole["components"][key]
        assert {k: sensor[k] for k in component if k != "platform"} == {
            k: v for k, v in component.items() if k != "platform"
        }
        assert sensor["device"] == whole["device"]


def test_a_value_that_has_ceased_or_never_came_is_unknown_and_never_0() -> None:
    sensors = device_of(HOUSE, "m", facts("1.7.0", "32.7.0", "52.7.0"))["components"]
    document = {"power_import_w": 0, "voltage_l1_v": None}
    states = {code: rendered(sensors[code], document) for code in ("1_7_0", "32_7_0", "52_7_0")}
    # "None" is Home Assistant's PAYLOAD_NONE
    assert states == {"1_7_0": "0", "32_7_0": "None", "52_7_0": "None"}


def test_a_silent_meter_says_why_while_its_values_are_unavailable() -> None:
    message = device_of(HOUSE, "m", facts("1.7.0"))
    gone = {"state": "silent", "reason": "no bytes: is the cable on the meter?", "time": "T"}
    alive = {"state": "online", "reason": None, "time": "T"}
    available = [rendered(entry, gone) for entry in message["availability"]]
    assert available == ["offline", "offline"]
    assert message["availability_mode"] == "all"
    why = message["components"]["silence"]
    assert [entry["topic"] for entry in why["availability"]] == ["concentrator/home/status"]
    assert rendered(why, gone) == gone["reason"]
    assert rendered(why, alive) == "none"


def test_names_and_versions_and_the_page_are_those_of_the_settings() -> None:
    uuid = "0c9a1c52-7b2e-4f6e-9a43-2f1f4b8f6a02"
    house = HOUSE._replace(names={"m": "Cellar"}, page="https://pi:8710/")
    cellar = device_of(house, "m", facts("1.7.0", version="1.2.3"))["device"]
    assert (cellar["name"], cellar["sw_version"]) == ("Cellar", "1.2.3")
    assert cellar["configuration_url"] == "https://pi:8710/"
    gas = device_of(house, "m-1", facts("24.2.1", medium="gas", unit="m3"))["device"]
    assert (gas["name"], gas["model"]) == ("Cellar gas", "Gas meter")
    assert device_of(house, uuid, facts("1.7.0"))["device"]["name"] == "Smart meter 0c9a1c52"
    topic, payload = list(home_assistant.of_concentrator(house).items())[-1]
    assert topic == "homeassistant/device/smartmeter_concentrator_home/config"
    own = json.loads(payload)
    assert cellar["via_device"] == gas["via_device"] == own["device"]["identifiers"][0]


def test_the_concentrator_says_how_it_delivers() -> None:
    own = json.loads(list(home_assistant.of_concentrator(HOUSE).values())[-1])
    check(own)
    sensors = own["components"]
    up = {
        "state": "online",
        "spool": {"rows": 3},
        "alarms": ["a", "b"],
        "links": {"cloud broker": {"up": True}},
    }
    down = up | {"alarms": [], "links": {"cloud broker": {"up": False, "reason": "no route"}}}
    offline = {"state": "offline"}
    assert [rendered(sensors["delivery"], d) for d in (up, down, offline)] == [
        "connected",
        "no route",
        "None",
    ]
    assert [rendered(sensors["waiting"], d) for d in (up, offline)] == ["3", "None"]
    assert [rendered(sensors["alarms"], d) for d in (up, down)] == ["a; b", "none"]
    alone = home_assistant.of_concentrator(HOUSE._replace(cloud=None))
    assert "delivery" not in json.loads(list(alone.values())[-1])["components"]


def test_ids_stay_different_in_topics() -> None:
    assert home_assistant.object_id("a.b") != home_assistant.object_id("a_b")
    assert home_assistant.object_id("a-b") == "a-b"


def test_a_meter_announces_itself_and_again_when_it_sends_more(
    between: Between, adapter: Adapter
) -> None:
    between.configure("[homeassistant]")
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m-1", reading(1))
    topic = "homeassistant/device/smartmeter_m-1/config"
    with Consumer(between.lan.port) as house:  # later than the message: it is retained
        first = eventually(lambda: house.heard.get(topic))[0]
        check(json.loads(first))
        sensors = set(json.loads(first)["components"]) - {"last_reading", "silence"}
        assert sensors == {"1_7_0", "2_7_0", "1_8_0", "32_7_0"}
        adapter.publish_and_wait("m-1", reading(2).replace(b"32.7.0", b"52.7.0"))
        eventually(lambda: len(house.heard[topic]) == 2)
        assert "52_7_0" in json.loads(house.heard[topic][1])["components"]
        adapter.publish_and_wait("m-1", reading(3))
        adapter.publish_and_wait("m-2", reading(3))
        eventually(lambda: "homeassistant/device/smartmeter_m-2/config" in house.heard)
        assert len(house.heard[topic]) == 2


def test_what_was_announced_stays_announced_after_a_restart(
    between: Between, adapter: Adapter
) -> None:
    """Nordic meters send their totals once an hour, and power alone in between."""
    between.configure("[homeassistant]")
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m", reading(1))
    topic = "homeassistant/device/smartmeter_m/config"
    with Consumer(between.lan.port) as house:
        eventually(lambda: house.heard.get(topic))
        between.process.kill()
        between.process.start().says("LAN broker (publishing): connected")
        adapter.publish_and_wait("m", reading(2).replace(b',"1.8.0":1136786', b""))
        eventually(lambda: house.newest("m").get("time", "").endswith(":22+00:00"))
        assert all("1_8_0" in json.loads(told)["components"] for told in house.heard[topic])


def test_a_meter_on_our_own_port_is_announced_and_stored_once(
    between: Between,
    cloud: FakeCloud,
    pushing: Any,  # noqa: F811
) -> None:
    port, _ = pushing("sml")
    between.configure(port_settings(between.folder, "sml", port) + "\n[homeassistant]")
    with Consumer(between.lan.port) as house:
        between.process.start()
        eventually(lambda: len(house.states("sml")) >= 2)
        eventually(lambda: "homeassistant/device/smartmeter_sml/config" in house.heard)
        eventually(lambda: len(cloud.seqs("sml")) >= 2)
    stored = cloud.order["sml"]
    assert len(stored) == len(set(stored))


def test_the_other_form_is_withdrawn_when_the_setting_changes(
    between: Between, adapter: Adapter
) -> None:
    whole = "homeassistant/device/smartmeter_m/config"
    single = "homeassistant/sensor/smartmeter_m/1_7_0/config"
    between.configure("[homeassistant]")
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m", reading(1))
    with Consumer(between.lan.port) as house:
        eventually(lambda: house.heard.get(whole))
        for discovery, there, gone in (("single", single, whole), ("device", whole, single)):
            assert between.process.stop() == 0
            between.configure(f'[homeassistant]\ndiscovery = "{discovery}"')
            between.process.start()
            eventually(lambda: house.heard.get(there, [b""])[-1])  # noqa: B023 (called here)
            eventually(lambda: not house.heard[gone][-1])  # noqa: B023
            seq = 2 if discovery == "single" else 3
            adapter.publish_and_wait("m", reading(seq))  # with it, the form is on disk
            total = f"1136.{784 + seq}"
            eventually(lambda: house.newest("m")["energy_import_kwh"] == total)  # noqa: B023


def test_a_device_that_was_deleted_comes_back_when_home_assistant_starts(
    between: Between, adapter: Adapter
) -> None:
    between.configure("[homeassistant]")
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m", reading(1))
    topic = "homeassistant/device/smartmeter_m/config"
    with Consumer(between.lan.port) as house:
        eventually(lambda: house.heard.get(topic))
        house.client.publish(topic, b"", 1, retain=True)  # as its "Delete" does
        eventually(lambda: house.heard[topic][-1] == b"")
        house.client.publish("homeassistant/status", b"online", 1)
        eventually(lambda: house.heard[topic][-1] != b"")


@pytest.mark.parametrize("discovery", ["device", "single"])
def test_a_meter_that_is_forgotten_is_gone_everywhere(
    between: Between, adapter: Adapter, cloud: FakeCloud, discovery: str
) -> None:
    between.configure(f'[homeassistant]\ndiscovery = "{discovery}"')
    between.process.start().says("LAN broker: connected")
    adapter.publish("m", b'{"state":"online"}', topics.STATUS, retain=True)
    for meter in ("m", "m-1", "other"):
        adapter.publish_and_wait(meter, reading(1))
    with Consumer(between.lan.port) as house:
        eventually(lambda: house.newest("m") and house.newest("m-1") and house.newest("other"))
        eventually(lambda: cloud.statuses.get("m"))
        answer = gateway(between, "forget", "m")
        assert answer.stdout == "m is forgotten\n"
        eventually(lambda: house.newest("m") == house.newest("m-1") == {})
        eventually(lambda: cloud.statuses["m"] is None)
    with Consumer(between.lan.port) as later:
        eventually(lambda: later.newest("other"))
        left = [topic for topic in later.heard if "/smartmeter_m" in topic or "/m/" in topic]
        assert not left
    shown = json.loads(between.ask("/status"))
    assert set(shown["meters"]) == {"other"}
    assert not shown["adapters"]
    assert "no meter n is known; known are: other" in gateway(between, "forget", "n").stderr
    adapter.publish_and_wait("m", reading(2))  # if it is there again, it is a new one
    eventually(lambda: "m" in json.loads(between.ask("/status"))["meters"])


def test_a_meter_is_forgotten_at_the_next_start_if_none_runs(
    between: Between, adapter: Adapter
) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m", reading(1))
    with Consumer(between.lan.port) as house:
        eventually(lambda: house.newest("m"))
        assert between.process.stop() == 0
        answer = gateway(between, "forget", "m")
        assert answer.stdout == "no Concentrator runs; m is forgotten when it starts\n"
        between.process.start()
        eventually(lambda: house.states("m")[-1] == {})


def gateway(between: Between, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, with the settings of the running Concentrator."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "smartmeter_gateway",
            *arguments,
            "--config",
            between.process.config,
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
