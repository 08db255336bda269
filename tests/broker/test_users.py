"""A client with a password or a certificate has only its own topics, and cannot harm others."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from amqtt.mqtt.packet import PUBLISH, MQTTFixedHeader
from smartmeter_mqtt import client_ids

from tests.broker.conftest import METER_A, METER_B, Broker, Listening, Will, connect
from tests.broker.test_strangers import ended, works
from tests.gateway.harness import Client, eventually
from tools.certificates import Authority

Attackers = Callable[[int], socket.socket]
Start = Callable[..., Broker]


def reading_of(meter: str) -> str:
    return f"smartMeterMessage/{meter}/reading"


@pytest.fixture
def running(broker: Start) -> Broker:
    return broker()


@pytest.fixture
def inside(running: Broker) -> Iterator[Client]:
    with Client(running.local_port, **running.inside) as client:
        yield client


def written(client: Client, heard: Listening, topics: list[str]) -> list[str]:
    """Publish on each topic; return those that reached this process."""
    for topic in topics:
        client.client.publish(topic, topic.encode(), 1).wait_for_publish(30)
    last = reading_of(client.client.username or "")
    client.client.publish(last, b"the last", 1).wait_for_publish(30)
    eventually(lambda: heard.got and heard.got[-1] == (last, b"the last"))
    return [topic for topic in heard.topics() if topic in topics]


def test_a_meter_s_user_writes_for_its_own_id_alone(running: Broker, inside: Client) -> None:
    heard = Listening(inside, "#")
    mine = [reading_of(METER_A), f"smartMeterMessage/{METER_A}/status", reading_of(f"{METER_A}-1")]
    foreign = [
        reading_of(METER_B),
        reading_of(f"{METER_B}-1"),
        reading_of("new"),
        reading_of(f"{METER_A}-9"),
        reading_of(f"{METER_A}-1-1"),
        reading_of(f"{METER_A}x"),
        f"smartMeterCommand/{METER_A}/update",
        f"smartMeterCommand/{METER_B}/update",
        f"concentrator/home/smartMeterMessage/{METER_A}/state",
        "homeassistant/sensor/x/config",
        f"smartMeterMessage/{METER_A}",
    ]
    with running.client(METER_A) as client:
        assert set(written(client, heard, mine + foreign)) == set(mine)


def test_a_meter_s_user_hears_its_own_commands_alone(running: Broker, inside: Client) -> None:
    filters = {
        f"smartMeterCommand/{METER_A}/update": 1,
        f"smartMeterCommand/{METER_A}/#": 1,
        "#": 0x80,
        "+/+/+": 0x80,
        "smartMeterMessage/#": 0x80,
        f"smartMeterCommand/{METER_B}/update": 0x80,
        "smartMeterCommand/+/update": 0x80,
        "concentrator/#": 0x80,
        "$SYS/#": 0x80,
    }
    with running.client(METER_A) as client:
        heard = Listening(client, *filters)
        assert [code.value for code in heard.codes] == list(filters.values())
        for meter in (METER_B, METER_A):
            topic = f"smartMeterCommand/{meter}/update"
            inside.client.publish(topic, meter.encode(), 1).wait_for_publish(30)
        eventually(lambda: (f"smartMeterCommand/{METER_A}/update", METER_A.encode()) in heard.got)
        assert METER_B.encode() not in [payload for _, payload in heard.got]


def test_a_general_user_leaves_the_topics_of_named_meters_alone(
    running: Broker, inside: Client
) -> None:
    heard = Listening(inside, "#")
    free = [reading_of("cellar"), reading_of("adapter")]
    named = [reading_of(METER_A), reading_of(f"{METER_A}-2"), reading_of("kitchen")]
    named += [f"smartMeterCommand/{METER_A}/update", "smartMeterCommand/kitchen/update"]
    with running.client("adapter") as client:
        spied = Listening(client, "#")
        assert set(written(client, heard, free + named)) == set(free)
        for topic in (*named, "smartMeterMessage/cellar/raw"):
            inside.client.publish(topic, b"x", 1).wait_for_publish(30)
        eventually(lambda: ("smartMeterMessage/cellar/raw", b"x") in spied.got)
        assert not {*spied.topics()} & {*named}


def test_a_general_user_does_not_publish_as_the_concentrator(broker: Start) -> None:
    running = broker(reserved="concentrator/home/")
    own = [f"concentrator/home/smartMeterMessage/{METER_A}/state", "concentrator/home/status"]
    free = ["concentrator/garage/status", "homeassistant/status"]
    with (
        Client(running.local_port, **running.inside) as inside,
        running.client("adapter") as client,
    ):
        heard = Listening(inside, "#")
        told = Listening(client, "concentrator/home/#")
        assert set(written(client, heard, own + free)) == set(free)
        for topic in own:
            inside.client.publish(topic, b"true", 1).wait_for_publish(30)
        eventually(lambda: told.topics() == own)


def test_a_last_will_on_a_foreign_topic_is_refused(running: Broker, attackers: Attackers) -> None:
    for topic in (reading_of(METER_B), "#", "$SYS/x", ""):
        sock = attackers(running.port)
        sock.sendall(connect("x", METER_A, will=Will(topic, b"x")))
        assert sock.recv(4) == b"\x20\x02\x00\x05"


def publish_packet(topic: bytes, flags: int = 0, packet_id: bytes = b"") -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + packet_id + b"x"
    return MQTTFixedHeader(PUBLISH, flags, len(body)).to_bytes() + body


HIDDEN = publish_packet(b"hidden")
FORBIDDEN = {
    "a topic of the broker": publish_packet(b"$SYS/x"),
    "a topic with +": publish_packet(b"a/+/b"),
    "a topic with #": publish_packet(b"a/#"),
    "no topic": publish_packet(b""),
    "a topic with NUL": publish_packet(b"a\0b"),
    "a topic that is not UTF-8": publish_packet(b"a/\xff"),
    "a long topic that is not UTF-8": publish_packet(b"\xff" * 20_000),
    "a topic that is cut off": b"\x30\x05\x00\x20abc",
    "QoS 3": publish_packet(b"a/b", 6, b"\0\1"),
    "a PUBLISH of 256 MB": b"\x30\x80\x80\x80\x7f",
    "a SUBSCRIBE of 2 MB": b"\x82\xff\xff\x7f",
    "a SUBSCRIBE that is cut off": b"\x82\x07\x00\x01\x00\x03a/b",
    "a second CONNECT": b"\x10\x00",
    "a CONNACK": b"\x20\x02\x00\x00",
    "a type that does not exist": b"\xf0\x00",
    "a length that does not end": b"\xc0\xff\xff\xff\xff\x01",
    "a PUBLISH inside a PINGREQ": bytes([0xC0, len(HIDDEN)]) + HIDDEN,
    "a PUBLISH inside a PUBACK": bytes([0x40, 2 + len(HIDDEN)]) + b"\0\1" + HIDDEN,
    "200 open messages": b"".join(
        publish_packet(b"a/b", 4, n.to_bytes(2, "big")) for n in range(1, 200)
    ),
}


def test_a_packet_that_no_client_may_send_ends_its_connection(
    running: Broker, inside: Client, attackers: Attackers
) -> None:
    heard = Listening(inside, "hidden")
    before = running.open_files
    socks = {what: attackers(running.port) for what in FORBIDDEN}
    for n, sock in enumerate(socks.values()):
        sock.sendall(connect(f"x{n}", "adapter"))
        assert sock.recv(4) == b"\x20\x02\x00\x00"
    for what, sock in socks.items():
        sock.sendall(FORBIDDEN[what])
    assert [what for what, sock in socks.items() if not ended(sock)] == []
    works(running)
    running.has_closed_all(before)
    assert not heard.got


def test_one_user_cannot_take_all_connections(running: Broker, attackers: Attackers) -> None:
    for user, most in (("adapter", 400), (METER_B, 16)):
        answers = []
        for n in range(most + 50):
            sock = attackers(running.port)
            sock.sendall(connect(f"c{n}", user, keep_alive=0))
            answers.append(sock.recv(4)[3])
        assert answers[0] == 0
        assert answers[-1] == 3  # server unavailable
        works(running)


def test_a_flood_of_one_user_leaves_room_for_the_others(
    running: Broker, inside: Client, attackers: Attackers
) -> None:
    """Over many connections, too: what a user may send is counted over all of them."""
    heard = Listening(inside, reading_of(METER_A))
    flooding = [attackers(running.port) for _ in range(20)]
    for n, sock in enumerate(flooding):
        sock.sendall(connect(f"flood{n}", "adapter", keep_alive=0))
        assert sock.recv(4) == b"\x20\x02\x00\x00"
        sock.setblocking(False)
    flood = publish_packet(b"smartMeterMessage/x/reading") * 5_000
    with running.client(METER_A) as client:
        for n in range(100):
            for sock in flooding:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sock.send(flood)
            client.client.publish(reading_of(METER_A), str(n), 1).wait_for_publish(30)
            eventually(lambda seen=n + 1: len(heard.got) == seen, 10)


def test_a_subscriber_that_does_not_read_is_ended(
    running: Broker, inside: Client, attackers: Attackers
) -> None:
    sock = attackers(running.port)
    sock.sendall(connect("deaf", "adapter", keep_alive=0))
    assert sock.recv(4) == b"\x20\x02\x00\x00"
    sock.sendall(b"\x82\x06\x00\x01\x00\x01#\x00")
    assert sock.recv(5)[:1] == b"\x90"
    before = running.open_files
    payload = bytes(500_000)
    for _ in range(60):
        inside.client.publish("news", payload, 1).wait_for_publish(30)
    eventually(lambda: running.open_files < before)


def test_retained_messages_of_a_user_are_bounded(running: Broker) -> None:
    payload = bytes(60_000)
    with running.client(METER_A) as client:
        for n in range(120):
            client.client.publish(f"smartMeterMessage/{METER_A}/s{n}", payload, 1, retain=True)
        info = client.client.publish(f"smartMeterMessage/{METER_A}/end", b"x", 1)
        info.wait_for_publish(60)
    with Client(running.local_port, **running.inside) as client:
        heard = Listening(client, "smartMeterMessage/#")
        eventually(lambda: len(heard.got) > 60)
        inside_topic = "smartMeterMessage/x/end"
        client.client.publish(inside_topic, b"x", 1).wait_for_publish(30)
        eventually(lambda: heard.topics()[-1] == inside_topic)
        assert len(heard.got) == 4_000_000 // 60_000 + 1


def test_subscriptions_of_a_user_are_bounded(running: Broker) -> None:
    with running.client("adapter") as client:
        heard = Listening(client, *(f"a/{n}" for n in range(300)))
        codes = [code.value for code in heard.codes]
        assert codes == [1] * 100 + [0x80] * 200


def test_a_client_that_comes_twice_is_served_once(running: Broker, inside: Client) -> None:
    heard = Listening(inside, "smartMeterMessage/#")
    before = running.open_files
    ends: list[str] = []
    with running.client(METER_A, client_id="one") as first:
        first.client.on_disconnect = lambda *a: ends.append("first")
        first.client.reconnect_delay_set(60, 60)
        with running.client(METER_A, client_id="one") as second:
            eventually(lambda: ends == ["first"])
            second.client.publish(reading_of(METER_A), b"1", 1).wait_for_publish(30)
            eventually(lambda: heard.got == [(reading_of(METER_A), b"1")])
    running.has_closed_all(before)


def test_a_concentrator_with_a_certificate_is_held_to_its_own(
    broker: Start, authority: Authority
) -> None:
    certificate, key = authority.issue("broker", ("localhost",))
    ca = authority.certificate_path
    running = broker(certificate=str(certificate), key=str(key), client_ca=str(ca))
    own = {"ca": ca, "certificate": authority.issue("house-a")}
    filters = {
        "cloud/house-a/receipts": 1,
        "cloud/house-a/refusals": 1,
        "cloud/house-b/receipts": 0x80,
        "cloud/#": 0x80,
        "concentrator/house-a/#": 0x80,
    }
    with (
        Client(running.local_port, **running.inside) as inside,
        Client(running.port, client_id=client_ids.of_concentrator("house-a"), **own) as client,
    ):
        heard = Listening(inside, "#")
        told = Listening(client, *filters)
        assert [code.value for code in told.codes] == list(filters.values())
        for topic in ("concentrator/house-b/status", "cloud/house-a/receipts", reading_of("m")):
            client.client.publish(topic, b"forged", 1).wait_for_publish(30)
        client.client.publish("concentrator/house-a/status", b"mine", 1).wait_for_publish(30)
        eventually(lambda: heard.got == [("concentrator/house-a/status", b"mine")])
        for topic in ("cloud/house-b/receipts", "cloud/house-a/receipts"):
            inside.client.publish(topic, b"r", 1).wait_for_publish(30)
        eventually(lambda: told.got == [("cloud/house-a/receipts", b"r")])


def test_a_certificate_with_a_foreign_client_id_or_out_of_date_is_refused(
    broker: Start, authority: Authority
) -> None:
    certificate, key = authority.issue("broker", ("localhost",))
    ca = authority.certificate_path
    running = broker(certificate=str(certificate), key=str(key), client_ca=str(ca))
    codes: list[str] = []
    client = Client(
        running.port,
        ca=ca,
        certificate=authority.issue("house-b"),
        client_id=client_ids.of_concentrator("house-a"),
    )
    client.client.on_connect = lambda c, u, f, code, p: codes.append(str(code))
    client.client.connect("localhost", running.port)
    client.client.loop_start()
    eventually(lambda: "Not authorized" in codes)
    client.stop()
    old = authority.issue("house-c", valid_for=timedelta(days=-1))
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(*old)
    answer = b""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", running.port), 60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        client_id = client_ids.of_concentrator("house-c")
        sock.sendall(connect(client_id))
        answer = sock.recv(4)
    assert answer == b""


def test_a_client_gets_only_the_retained_messages_that_it_asks_for_and_may_see(
    running: Broker, inside: Client
) -> None:
    """When it connects, the others' subscriptions do not make the broker send it anything."""
    mine, others = f"smartMeterCommand/{METER_A}/update", f"smartMeterMessage/{METER_B}/status"
    heard = Listening(inside, "#")
    with running.client(METER_B) as other:
        other.client.publish(others, b"other", 1, retain=True).wait_for_publish(30)
    for topic in (mine, "concentrator/home/status", "free"):
        inside.client.publish(topic, topic.encode(), 1, retain=True).wait_for_publish(30)
    eventually(lambda: len(heard.got) == 4)
    for user, filters, expected in (
        (METER_A, [f"smartMeterCommand/{METER_A}/#"], {mine}),
        ("adapter", ["free"], {"free"}),
        ("adapter", ["#"], {"free", "concentrator/home/status"}),
    ):
        with running.client(user) as client:
            got = Listening(client, *filters)
            eventually(lambda e=expected, g=got: e <= set(g.topics()))
            client.client.subscribe("last", 1)
            inside.client.publish("smartMeterCommand/x/last", b"", 1).wait_for_publish(30)
            assert set(got.topics()) - {"smartMeterCommand/x/last"} == expected
