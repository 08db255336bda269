"""TLS, certificates, passwords and broker rules, on real brokers."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from smartmeter.wire import receipt, topics
from smartmeter_gateway.provisioning import broker_acl
from smartmeter_mqtt import client_ids

from tests.gateway.harness import Adapter, Client, FakeCloud, Process, eventually, reading
from tools.certificates import Authority
from tools.environment.mosquitto import Mosquitto

METER = "meter-1"
RULES = broker_acl.mosquitto("ingest").splitlines()


@pytest.fixture
def cloud_broker(mosquitto: Callable[..., Mosquitto], authority: Authority) -> Mosquitto:
    server = authority.issue("server", ("localhost", "127.0.0.1"))
    tls = (authority.certificate_path, *server)
    settings = ["use_username_as_clientid true"]
    return mosquitto(tls=tls, client_certificates=True, rules=RULES, settings=settings)


@pytest.fixture
def lan(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto(users={"adapter": "adapter's", "concentrator": "s3cret of ours"})


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path / "gateway.toml")


def configure(process: Process, lan: Mosquitto, cloud: Mosquitto, **cloud_settings: object) -> None:
    password = process.config.with_name("lan.password")
    password.write_text("s3cret of ours\n")
    password.chmod(0o600)
    lines = [f'{key} = "{value}"' for key, value in cloud_settings.items()]
    process.config.write_text(
        f'concentrator = "home"\n[lan]\nhost = "localhost"\nport = {lan.port}\n'
        f'user = "concentrator"\npassword_file = "lan.password"\n'
        f'[cloud]\nhost = "localhost"\nport = {cloud.port}\n' + "\n".join(lines)
    )


def our_adapter(lan: Mosquitto) -> Adapter:
    return Adapter(lan.port, user="adapter", password="adapter's")


def test_a_client_certificate_opens_the_way_and_only_below_its_own_id(
    process: Process, lan: Mosquitto, cloud_broker: Mosquitto, authority: Authority
) -> None:
    certificate, key = authority.issue("home")
    ca = authority.certificate_path
    configure(process, lan, cloud_broker, ca=ca, certificate=certificate, key=key)
    ingest = authority.issue("ingest")
    with (
        process,
        our_adapter(lan) as adapter,
        FakeCloud(cloud_broker.port, ca=ca, certificate=ingest) as cloud,
    ):
        process.says("LAN broker: connected")
        adapter.publish_and_wait(METER, reading(1))
        eventually(lambda: cloud.seqs(METER) == {1})
        eventually(lambda: cloud.statuses["home"]["spool"]["rows"] == 0)
    assert "s3cret" not in process.said


def test_what_the_broker_refuses_stays_and_is_alarmed(
    process: Process, lan: Mosquitto, cloud_broker: Mosquitto, authority: Authority
) -> None:
    """A certificate of another Concentrator may not write as this one; MQTT 5 gives the reason."""
    certificate, key = authority.issue("other-home")
    ca = authority.certificate_path
    configure(process, lan, cloud_broker, ca=ca, certificate=certificate, key=key)
    with process, our_adapter(lan) as adapter:
        process.says("LAN broker: connected")
        adapter.publish_and_wait(METER, reading(1))
        process.says("refuses")
        process.says("not authorized")
        process.kill()
        certificate, key = authority.issue("home")
        configure(process, lan, cloud_broker, ca=ca, certificate=certificate, key=key)
        process.start()
        ingest = authority.issue("ingest")
        with FakeCloud(cloud_broker.port, ca=ca, certificate=ingest) as cloud:
            eventually(lambda: cloud.seqs(METER) == {1})


def test_a_concentrator_can_neither_write_as_another_nor_read_another(
    cloud_broker: Mosquitto, authority: Authority
) -> None:
    """On a real mosquitto with the generated rules, by certificates."""
    ca = authority.certificate_path
    mallory = Client(cloud_broker.port, paho.MQTTv5, ca=ca, certificate=authority.issue("mallory"))
    heard: list[str] = []
    mallory.client.on_message = lambda c, u, message: heard.append(message.topic)
    answers: dict[int, int] = {}
    mallory.client.on_publish = lambda c, u, mid, code, p: answers.update({mid: code.value})
    with (
        FakeCloud(cloud_broker.port, ca=ca, certificate=authority.issue("ingest")) as cloud,
        Client(cloud_broker.port, ca=ca, certificate=authority.issue("home")) as home,
        mallory,
    ):
        mallory.client.subscribe([("concentrator/#", 1), ("cloud/#", 1), ("#", 1)])
        topic = topics.uplink("home", METER, "reading")
        home.client.publish(topic, reading(1), qos=1).wait_for_publish(5)
        eventually(lambda: cloud.seqs(METER) == {1})
        own = topics.uplink("mallory", METER, "reading")
        mallory.client.publish(own, reading(2), qos=1).wait_for_publish(5)
        eventually(lambda: cloud.seqs(METER) == {1, 2})
        eventually(lambda: topics.receipts("mallory") in heard)
        for forbidden in (topic, topics.concentrator_status("home"), topics.receipts("mallory")):
            mid = mallory.client.publish(forbidden, reading(3), qos=1).mid
            eventually(lambda mid=mid: mid in answers)
            assert answers[mid] == 0x87  # not authorized
            eventually(mallory.client.is_connected)
        forged = receipt.digest(topic, reading(1))
        mallory.client.publish(topics.receipts("home"), forged, qos=1)
        eventually(mallory.client.is_connected)
    assert cloud.seqs(METER) == {1, 2}
    assert set(heard) == {topics.receipts("mallory")}


def test_a_concentrator_cannot_throw_out_another_by_its_client_id(
    process: Process, lan: Mosquitto, cloud_broker: Mosquitto, authority: Authority
) -> None:
    ca = authority.certificate_path
    certificate, key = authority.issue("home")
    configure(process, lan, cloud_broker, ca=ca, certificate=certificate, key=key)
    mallory = authority.issue("mallory")
    with (
        process,
        our_adapter(lan) as adapter,
        FakeCloud(cloud_broker.port, ca=ca, certificate=authority.issue("ingest")) as cloud,
    ):
        process.says("cloud broker: connected")
        for n, client_id in enumerate((client_ids.of_concentrator("home"), "home")):
            with Client(cloud_broker.port, ca=ca, certificate=mallory, client_id=client_id):
                adapter.publish_and_wait(METER, reading(n))
                eventually(lambda: "home" in cloud.statuses)
        eventually(lambda: cloud.seqs(METER) == {0, 1})
        assert process.stop() == 0
    assert process.said.count("cloud broker: connected") == 1


def test_a_renewed_certificate_is_used_without_a_restart(
    process: Process, lan: Mosquitto, cloud_broker: Mosquitto, authority: Authority
) -> None:
    """The files are watched, no matter who renews them. A broken one ends no connection."""
    ca = authority.certificate_path
    certificate, key = authority.issue("home", valid_for=timedelta(days=1))
    configure(process, lan, cloud_broker, ca=ca, certificate=certificate, key=key)
    with (
        process,
        our_adapter(lan) as adapter,
        FakeCloud(cloud_broker.port, ca=ca, certificate=authority.issue("ingest")) as cloud,
    ):
        process.says("cloud broker: connected")
        certificate.write_text("half a file")
        process.says(f"cloud broker: the new certificate or key cannot be used: {certificate} and ")
        adapter.publish_and_wait(METER, reading(1))
        eventually(lambda: cloud.seqs(METER) == {1})
        assert "connects again" not in process.said
        authority.issue("home")  # into the same files
        process.says("cloud broker: not connected: it connects again, with the renewed certificate")
        process.says("over: cloud broker: the new certificate or key cannot be used")
        eventually(lambda: process.said.count("cloud broker: connected") == 2)
        adapter.publish_and_wait(METER, reading(2))
        eventually(lambda: cloud.seqs(METER) == {1, 2})


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("other ca", "its certificate is not valid: self-signed certificate in"),
        ("expired", "certificate"),
        ("no certificate", "certificate"),
        ("wrong host", "its certificate is not valid: Hostname mismatch"),
    ],
)
def test_a_peer_that_is_not_the_right_one_is_not_talked_to(
    what: str,
    said: str,
    process: Process,
    lan: Mosquitto,
    mosquitto: Callable[..., Mosquitto],
    authority: Authority,
    tmp_path: Path,
) -> None:
    hosts = ("elsewhere",) if what == "wrong host" else ("localhost",)
    server = authority.issue("server-of-trial", hosts)
    certificate, key = authority.issue("home")
    if what == "expired":
        certificate, key = authority.issue("home", valid_for=timedelta(days=-1))
    ca = authority.certificate_path
    broker = mosquitto(tls=(ca, *server), client_certificates=True)
    settings = {"ca": ca, "certificate": certificate, "key": key}
    if what == "other ca":
        settings["ca"] = Authority(tmp_path / "other").certificate_path
    if what == "no certificate":
        settings = {"ca": ca}
    configure(process, lan, broker, **settings)
    with process:
        process.says("cloud broker: not connected: ")
        process.says(said)
        assert "cloud broker: connected" not in process.said
        assert process.stop() == 0


def test_a_wrong_password_is_said_once(
    process: Process, mosquitto: Callable[..., Mosquitto]
) -> None:
    lan = mosquitto(users={"concentrator": "another"})
    configure(process, lan, mosquitto())
    with process:
        process.says(
            "LAN broker: not connected: the broker refuses us: this user is not authorized"
        )
        process.says("LAN broker (publishing): not connected: the broker refuses us: ")
        assert process.said.count("LAN broker: ") == 1
        assert process.said.count("LAN broker (publishing): ") == 1


def test_the_embedded_broker_serves_a_home_that_has_none(
    process: Process, mosquitto: Callable[..., Mosquitto], authority: Authority
) -> None:
    cloud_broker = mosquitto()
    certificate, key = authority.issue("lan-broker", ("localhost",))
    users = process.config.with_name("users")
    users.write_text("adapter:adapter's\n\nother:o\n")
    users.chmod(0o600)
    process.config.write_text(
        'concentrator = "home"\n[lan]\nembedded = true\nport = 0\nusers_file = "users"\n'
        f'certificate = "{certificate}"\nkey = "{key}"\n'
        f'[cloud]\nhost = "localhost"\nport = {cloud_broker.port}\n'
    )
    with process, FakeCloud(cloud_broker.port) as cloud:
        process.says("LAN broker: connected")
        port = int(process.said.split("listens on 127.0.0.1:")[1].split()[0])
        ca = authority.certificate_path
        with Adapter(port, user="adapter", password="adapter's", ca=ca) as adapter:
            for seq in range(20):
                adapter.publish_and_wait(METER, reading(seq))
            eventually(lambda: cloud.seqs(METER) == set(range(20)))
        stranger = Adapter(port, user="adapter", password="guessed", ca=ca)
        refused: list[str] = []
        stranger.client.on_connect = lambda c, u, f, code, p: refused.append(str(code))
        stranger.client.connect("localhost", port)
        stranger.client.loop_start()
        eventually(lambda: "Not authorized" in refused)
        stranger.stop()
        assert process.stop() == 0
