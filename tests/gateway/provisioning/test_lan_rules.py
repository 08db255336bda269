"""`broker-rules --lan`: the access list that it prints, on a real mosquitto."""

from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, Client, FakeCloud, eventually, reading
from tests.gateway.test_documented_programs import running
from tests.gateway.test_home import command
from tools.environment.mosquitto import Mosquitto

NOT_AUTHORIZED = 0x87
USERS = {name: f"{name}'s password" for name in ("ours", "adapter", "consumer", "m-1", "m-2")}


@pytest.fixture
def ruled(between: Between, mosquitto: Callable[..., Mosquitto]) -> Between:
    """The Concentrator, at a broker with the rules that it has printed."""
    password = between.folder / "password"
    password.write_text(USERS["ours"])
    password.chmod(0o600)
    login = 'user = "ours"\npassword_file = "password"\n'

    def configure() -> None:
        between.configure("[homeassistant]")
        text = between.process.config.read_text().replace("[cloud]", f"{login}[cloud]", 1)
        between.process.config.write_text(text)

    configure()
    rules = command("broker-rules", "--lan", "--config", str(between.process.config))
    assert rules.returncode == 0, rules.stderr
    between.lan = mosquitto(users=USERS, rules=rules.stdout.splitlines())
    configure()
    return between


def client(between: Between, user: str) -> Client:
    return Client(between.lan.port, paho.MQTTv5, user=user, password=USERS[user])


def test_everything_that_is_needed_works_and_nothing_raises_an_alarm(
    ruled: Between, cloud: FakeCloud
) -> None:
    ruled.process.start().says("LAN broker: connected")
    ruled.process.says("LAN broker (publishing): connected")
    heard: set[str] = set()
    consumer = client(ruled, "consumer")
    consumer.client.on_message = lambda c, u, message: heard.add(message.topic)
    with consumer:
        consumer.client.subscribe([("concentrator/#", 1), ("homeassistant/#", 1)])
        for user, meter in (("m-1", "m-1"), ("m-1", "m-1-3"), ("adapter", "other")):
            with Adapter(ruled.lan.port, user=user, password=USERS[user]) as adapter:
                adapter.publish_and_wait(meter, reading(1))
                eventually(lambda meter=meter: cloud.seqs(meter) == {1})
        eventually(lambda: "homeassistant/device/smartmeter_m-1/config" in heard)
    assert '"alarms":[]' in ruled.ask("/status").replace(" ", "")
    told = command("check", "--config", str(ruled.process.config))
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("m-1", "smartMeterMessage/m-2/reading"),
        ("m-1", "smartMeterMessage/m-1-9/reading"),
        ("m-1", "concentrator/home/smartMeterMessage/m-1/state"),
        ("m-1", "homeassistant/device/smartmeter_m-1/config"),
        ("adapter", "concentrator/home/status"),
        ("consumer", "smartMeterMessage/m-1/reading"),
        ("consumer", "concentrator/home/status"),
        ("consumer", "smartMeterCommand/m-1/update"),
        ("ours", "concentrator/other/status"),
    ],
)
def test_nobody_writes_what_is_another_s(ruled: Between, user: str, topic: str) -> None:
    answers: dict[int, int] = {}
    writer = client(ruled, user)
    writer.client.on_publish = lambda c, u, mid, code, p: answers.update({mid: code.value})
    with writer:
        mid = writer.client.publish(topic, b"{}", qos=1).mid
        eventually(lambda: answers.get(mid) == NOT_AUTHORIZED)


def test_an_adapter_hears_its_own_commands_alone(ruled: Between) -> None:
    heard: list[str] = []
    own = client(ruled, "m-1")
    own.client.on_message = lambda c, u, message: heard.append(message.topic)
    with own, Client(ruled.lan.port, user="adapter", password=USERS["adapter"]) as adapter:
        own.client.subscribe([("#", 1), ("smartMeterCommand/#", 1)])
        adapter.client.publish("smartMeterMessage/m-2/reading", b"{}", qos=1).wait_for_publish(5)
        own.client.publish("smartMeterMessage/m-1/reading", b"{}", qos=1).wait_for_publish(5)
    assert heard == []


def test_an_adapter_hears_why_it_is_refused(ruled: Between, tmp_path: Path) -> None:
    """The program of docs/examples, with the user that the rules have for adapters."""
    ruled.process.start().says("LAN broker (publishing): connected")
    output = tmp_path / "said"
    user = {"MQTT_USER": "adapter", "MQTT_PASSWORD": USERS["adapter"]}
    with (
        running("adapter.py", output, "127.0.0.1", str(ruled.lan.port), "my-meter", **user),
        Adapter(ruled.lan.port, user="adapter", password=USERS["adapter"]) as adapter,
    ):
        eventually(lambda: "my-meter" in ruled.ask("/status"))
        adapter.publish_and_wait("my-meter", b'{"power":133}')
        eventually(lambda: "refused: not a reading: time is missing" in output.read_text())


def test_settings_without_a_broker_of_their_own_have_no_rules(between: Between) -> None:
    users = between.folder / "users"
    users.write_text("adapter:its password\n")
    users.chmod(0o600)
    between.process.config.write_text(
        'concentrator = "home"\n[lan]\nembedded = true\nusers_file = "users"\n'
    )
    told = command("broker-rules", "--lan", "--config", str(between.process.config))
    assert told.returncode == 2
    assert "--lan: the settings name no broker in [lan]" in told.stderr
