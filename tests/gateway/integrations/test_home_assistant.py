"""Home Assistant discovery: its own field names, and what its sensors make of our readings."""

import json
from pathlib import Path
from typing import Any

import jinja2
from smartmeter_gateway.integrations import home_assistant
from smartmeter_gateway.monitoring.quantities import ELECTRIC, Quantity, quantity

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, Consumer, FakeCloud, eventually, reading
from tests.gateway.intake.test_serial import port_settings, pushing  # noqa: F401 (a fixture)

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
    shared = {key: message[key] for key in ("state_topic", "availability", "availability_mode")}
    for component in message["components"].values():
        assert component["platform"] == "sensor"
        is_one("sensor", shared | {k: v for k, v in component.items() if k != "platform"})
        kind = component.get("device_class")
        if kind and kind in KNOWN["units"]:
            assert component["unit_of_measurement"] in KNOWN["units"][kind]
            assert component["state_class"] in KNOWN["state_classes"][kind]


def quantities(*codes: str, medium: str | None = None, unit: str = "") -> list[Quantity]:
    return [quantity(code, medium, unit) for code in codes]


def test_a_sub_meter_is_a_device_with_its_own_class_and_unit() -> None:
    gas = home_assistant.message(
        "home", "m-1", quantities("24.2.1", medium="gas", unit="m3"), "gas"
    )
    check(gas)
    (sensor,) = gas["components"].values()
    assert (sensor["device_class"], sensor["unit_of_measurement"]) == ("gas", "m³")
    assert gas["state_topic"] == "concentrator/home/smartMeterMessage/m-1/state"
    heat = home_assistant.message(
        "home", "m-2", quantities("24.2.1", medium="heat", unit="J"), "heat"
    )
    check(heat)
    (sensor,) = heat["components"].values()
    assert (sensor["device_class"], sensor["unit_of_measurement"]) == ("energy", "MJ")


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
    found = [quantity(code, "heat", unit) for code, unit in units.items()]
    assert len({q.field for q in found}) == len(found)
    message = home_assistant.message("home", "h", found, "heat")
    check(message)
    kinds = {
        key: (sensor.get("device_class"), sensor["unit_of_measurement"], sensor["state_class"])
        for key, sensor in message["components"].items()
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
    message = home_assistant.message("home", "m.1", quantities(*ELECTRIC, "99.99.9"))
    check(message)
    assert len(message["components"]) == len(ELECTRIC)
    energy = message["components"]["1_8_0"]  # what the Energy dashboard asks of a source
    assert energy["device_class"] == "energy"
    assert energy["state_class"] == "total_increasing"
    assert energy["unit_of_measurement"] == "kWh"


def test_a_value_that_has_ceased_is_unknown_and_never_0() -> None:
    """The templates, rendered as Home Assistant does it: Jinja with value_json."""
    message = home_assistant.message("home", "m", quantities("1.7.0", "32.7.0"))
    document = {"power_import_w": 0, "voltage_l1_v": None}
    states = {
        code: jinja2.Template(c["value_template"]).render(value_json=document)
        for code, c in message["components"].items()
    }
    assert states == {"1_7_0": "0", "32_7_0": "None"}  # "None" is its PAYLOAD_NONE


def test_ids_stay_different_in_topics() -> None:
    assert home_assistant.topic("ha", "a.b") != home_assistant.topic("ha", "a_b")
    assert home_assistant.topic("ha", "a-b") == "ha/device/smartmeter_a-b/config"


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
        assert set(json.loads(first)["components"]) == {"1_7_0", "2_7_0", "1_8_0", "32_7_0"}
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
