"""Home Assistant discovery: its own field names, and what its sensors make of our readings."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import paho.mqtt.client as paho
from smartmeter import ALLOWED
from smartmeter.wire import topics
from smartmeter_gateway.integrations import home_assistant

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, Client, FakeCloud, eventually, reading
from tests.gateway.intake.test_serial import port_settings, pushing  # noqa: F401 (a fixture)
from tools.environment.mosquitto import Mosquitto

# Read out of Home Assistant's own source by tools/conformance/home_assistant.py.
# The file names the release.
KNOWN = json.loads((Path(__file__).parent / "home_assistant.json").read_text())


def is_one(part: str, found: dict[str, Any]) -> None:
    """Only keys that Home Assistant's schema has, and every key that it requires."""
    schema = KNOWN[part]
    assert set(found) <= set(schema), part
    assert {key for key, wanted in schema.items() if wanted} <= set(found), part


def check(message: dict[str, Any]) -> None:
    """As device discovery does: what all components share comes from the top."""
    is_one("message", message)
    is_one("device", message["device"])
    assert message["device"]["identifiers"]
    is_one("origin", message["origin"])
    for entry in message["availability"]:
        is_one("availability", entry)
    uniques = [c["unique_id"] for c in message["components"].values()]
    assert len(set(uniques)) == len(uniques)
    shared = {key: message[key] for key in ("state_topic", "availability", "qos")}
    for component in message["components"].values():
        assert component["platform"] == "sensor"
        is_one("sensor", shared | {k: v for k, v in component.items() if k != "platform"})
        kind = component.get("device_class")
        if kind:
            assert component["unit_of_measurement"] in KNOWN["units"][kind]
            assert component["state_class"] in KNOWN["state_classes"][kind]


def test_a_sub_meter_is_a_device_with_its_own_class_and_unit() -> None:
    gas = home_assistant.message("m-1", {"24.2.1": "m3"}, 180, "gas")
    (sensor,) = gas["components"].values()
    assert (sensor["device_class"], sensor["unit_of_measurement"]) == ("gas", "m³")
    assert "expire_after" not in sensor  # it comes when it changes
    assert gas["state_topic"] == "smartMeterMessage/m-1/reading"
    assert gas["availability"][0]["topic"] == "smartMeterMessage/m/status"
    heat = home_assistant.message("m-2", {"24.2.1": "J"}, 180, "heat")
    (sensor,) = heat["components"].values()
    assert (sensor["device_class"], sensor["unit_of_measurement"]) == ("energy", "MJ")
    assert "/ 1000000" in sensor["value_template"]


def test_every_default_code_has_a_sensor_that_home_assistant_takes() -> None:
    message = home_assistant.message("m.1", dict.fromkeys((*ALLOWED, "14.7.0", "99.99.9"), ""), 180)
    check(message)
    assert len(message["components"]) == len(ALLOWED) + 1
    energy = message["components"]["1_8_0"]  # what the Energy dashboard asks of a source
    assert energy["device_class"] == "energy"
    assert energy["state_class"] == "total_increasing"
    assert energy["unit_of_measurement"] == "Wh"


def test_a_missing_value_is_an_empty_state_and_never_0() -> None:
    """The templates, rendered as Home Assistant does it: Jinja with value_json."""
    message = home_assistant.message("m", {"1.7.0": "", "32.7.0": ""}, 180)
    document = json.loads(reading(1, power=0))
    states = {
        code: jinja2.Template(c["value_template"]).render(value_json=document)
        for code, c in message["components"].items()
    }
    assert states == {"1_7_0": "0", "32_7_0": "229.4"}
    del document["values"]["32.7.0"]
    template = jinja2.Template(message["components"]["32_7_0"]["value_template"])
    assert template.render(value_json=document) == ""


def test_ids_stay_different_in_topics() -> None:
    assert home_assistant.topic("ha", "a.b") != home_assistant.topic("ha", "a_b")
    assert home_assistant.topic("ha", "a-b") == "ha/device/smartmeter_a-b/config"


class House(Client):
    """Home Assistant's ear: retained discovery, readings and status."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.heard: dict[str, list[bytes]] = {}
        self.client.on_connect = self._subscribe
        self.client.on_message = self._message

    def _subscribe(self, *_: object) -> None:
        self.client.subscribe([("homeassistant/#", 1), (topics.ALL_METERS, 1)])
        self.connected.set()

    def _message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        self.heard.setdefault(message.topic, []).append(message.payload)


def test_a_meter_announces_itself_and_again_when_it_sends_more(
    between: Between, adapter: Adapter
) -> None:
    between.configure("[homeassistant]")
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m-1", reading(1))
    topic = "homeassistant/device/smartmeter_m-1/config"
    with House(between.lan.port) as house:  # later than the message: it is retained
        first = eventually(lambda: house.heard.get(topic))[0]
        check(json.loads(first))
        assert set(json.loads(first)["components"]) == {"1_7_0", "2_7_0", "1_8_0", "32_7_0"}
        adapter.publish_and_wait("m-1", reading(2).replace(b"32.7.0", b"52.7.0"))
        eventually(lambda: len(house.heard[topic]) == 2)
        assert "52_7_0" in json.loads(house.heard[topic][1])["components"]
        adapter.publish_and_wait("m-1", reading(3))
        adapter.publish_and_wait("m-2", reading(3))
        eventually(lambda: "homeassistant/device/smartmeter_m-2/config" in house.heard)
        assert len(house.heard[topic]) == 2


def test_a_meter_on_our_own_port_is_heard_in_the_house_and_stored_once(
    between: Between,
    cloud: FakeCloud,
    pushing: Any,  # noqa: F811
) -> None:
    port, _ = pushing("sml")
    between.configure(port_settings(between.folder, "sml", port) + "\n[homeassistant]")
    with House(between.lan.port) as house:
        between.process.start()
        eventually(lambda: len(house.heard.get(topics.meter("sml", "reading"), [])) >= 2)
        eventually(lambda: "homeassistant/device/smartmeter_sml/config" in house.heard)
        eventually(lambda: topics.meter("sml", "status") in house.heard)
        eventually(lambda: len(cloud.seqs("sml")) >= 2)
    stored = cloud.order["sml"]
    assert len(stored) == len(set(stored))
    assert "duplicates" not in cloud.statuses["home"]["meters"].get("sml", {})


def test_what_the_house_s_broker_refuses_is_alarmed(
    between: Between, mosquitto: Callable[..., Mosquitto], cloud: FakeCloud
) -> None:
    """MQTT 5 gives the reason; readings go to the Cloud all the same."""
    allowed = mosquitto(rules=["topic readwrite smartMeterMessage/#"])
    between.lan = allowed
    between.configure("[homeassistant]")
    between.process.start().says("LAN broker: connected")
    between.process.says("LAN broker (publishing): connected")
    with Adapter(allowed.port) as adapter:
        adapter.publish_and_wait("m-1", reading(1))
        eventually(lambda: cloud.seqs("m-1") == {1})
    between.process.says(
        "the LAN broker refuses what we publish on homeassistant/device/smartmeter_m-1/config: "
        "this user is not authorized"
    )
    assert json.loads(between.ask("/status"))["alarms"]
