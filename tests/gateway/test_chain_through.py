"""Readings go through a Concentrator between two real brokers, whatever is killed on the way."""

import json
import random
import sqlite3
import threading
import time
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from smartmeter.wire import topics

from tests.faults.proxy import SWALLOW, Proxy
from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, FakeCloud, eventually, reading
from tests.gateway.test_home import command
from tools.environment.mosquitto import Mosquitto, free_port

METER = "0c9a1c52-7b2e-4f6e-9a43-2f1f4b8f6a01"
OTHER = "meter-2"


def spool_is_empty(cloud: FakeCloud) -> bool:
    status = cloud.statuses.get("home") or {}
    return status.get("spool", {}).get("rows") == 0


def test_a_reading_arrives_as_it_came(between: Between, adapter: Adapter, cloud: FakeCloud) -> None:
    between.process.start().says("LAN broker: connected")
    payload = b' {"time":"2026-11-22T21:10:05+01:00","clock":"meter","seq":40217,"auth":"none",' + (
        b'"values":{"1.8.0":1136784,"31.7.0":0.990}, "extra":[1,{}]}\n'
    )
    adapter.publish_and_wait(METER, payload)
    topic = f"concentrator/home/smartMeterMessage/{METER}/reading"
    eventually(lambda: (topic, payload, False) in cloud.messages)
    eventually(lambda: spool_is_empty(cloud))
    assert between.process.stop() == 0
    eventually(lambda: cloud.statuses["home"] == {"state": "offline"})


def test_the_start_order_does_not_matter(between: Between, adapter: Adapter) -> None:
    """Everything is there before, or comes after: the session on the LAN broker lasts."""
    between.configure(resend_after=1)
    between.lan.stop()
    between.cloud.stop()
    between.process.start().says("cloud broker: not connected")
    between.process.says("LAN broker: not connected")
    between.lan.start()
    between.process.says("LAN broker: connected")
    eventually(adapter.client.is_connected)
    adapter.publish_and_wait(METER, reading(1))
    between.cloud.start()
    with FakeCloud(between.cloud.port) as cloud:
        eventually(lambda: cloud.seqs(METER) == {1})


def test_an_outage_comes_later_in_arrays_and_live_readings_first(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    way = free_port()
    between.configure(cloud=f'[cloud]\nhost = "127.0.0.1"\nport = {way}')
    between.process.start().says("LAN broker: connected")
    for seq in range(1200):
        adapter.publish(METER if seq % 2 else OTHER, reading(seq))
    eventually(lambda: rows_in(between) == 1200)
    to_cloud = Proxy(between.cloud.port, way).start()
    eventually(lambda: len(cloud.store) == 1200)
    assert cloud.kinds["readings"] == 4  # 600 of each meter, at most 500 an array
    assert cloud.order[METER] == list(range(1, 1200, 2))
    adapter.publish_and_wait(METER, reading(5000))
    eventually(lambda: 5000 in cloud.seqs(METER))
    assert cloud.kinds["reading"] == 1
    eventually(lambda: rows_in(between) == 0)
    to_cloud.stop()


def rows_in(between: Between) -> int:
    if not between.spool.exists():
        return 0
    connection = sqlite3.connect(f"file:{between.spool}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def test_without_receipts_nothing_is_forgotten(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    """The cloud broker's PUBACK is not enough: it may be killed before anybody fetched it."""
    cloud.gives_receipts = False
    between.configure(resend_after=1)
    between.process.start().says("LAN broker: connected")
    for seq in range(100):
        adapter.publish(METER, reading(seq))
    eventually(lambda: len(cloud.store) == 100)
    assert rows_in(between) == 100
    between.process.kill()
    cloud.store.clear()
    cloud.gives_receipts = True
    between.process.start()
    eventually(lambda: cloud.seqs(METER) == set(range(100)))
    eventually(lambda: rows_in(between) == 0)


def test_a_lost_receipt_makes_it_send_again(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    cloud.gives_receipts = False
    between.configure(resend_after=1)
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait(METER, reading(1))
    eventually(lambda: cloud.kinds["reading"] >= 1)
    between.process.says("the Cloud gives no receipts")  # after resend_after
    cloud.gives_receipts = True
    eventually(lambda: rows_in(between) == 0)  # after as long again
    assert cloud.kinds["reading"] >= 2
    between.process.says("over: the Cloud gives no receipts")


def test_killed_in_traffic_loses_nothing(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    """Concentrator and both of its brokers' connections: seven SIGKILLs in traffic."""
    between.configure(resend_after=1)
    between.process.start().says("LAN broker: connected")
    acknowledged: set[int] = set()
    done = threading.Event()

    def traffic() -> None:
        while not done.is_set():
            adapter.publish(METER, reading(len(acknowledged))).wait_for_publish(60)
            acknowledged.add(len(acknowledged))

    sender = threading.Thread(target=traffic)
    sender.start()
    chance = random.Random(4)
    try:
        for round in range(7):
            time.sleep(chance.uniform(0.2, 0.8))
            if round % 3 == 2:
                between.cloud.kill()
                between.cloud.start()
            else:
                between.process.kill()
                between.process.start()
    finally:
        done.set()
        sender.join(60)
    assert len(acknowledged) > 100
    eventually(lambda: len(cloud.seqs(METER)) == len(acknowledged), 60)
    assert cloud.seqs(METER) == acknowledged
    eventually(lambda: rows_in(between) == 0)


def test_an_adapter_s_status_is_forwarded_retained_and_the_newest_survives_a_restart(
    between: Between, adapter: Adapter
) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish(METER, b'{"state":"online","frames":1}', "status", retain=True)
    adapter.publish(METER, b'{"state":"online","frames":2}', "status", retain=True)
    between.process.says("cloud broker: connected")
    between.process.stop()
    between.process.start()
    with FakeCloud(between.cloud.port) as cloud:
        eventually(lambda: cloud.statuses.get(METER) == {"state": "online", "frames": 2})
        topic = topics.uplink("home", METER, "status")
        adapter.publish(METER, b'{"state":"offline"}', "status", retain=True)
        eventually(lambda: cloud.statuses.get(METER) == {"state": "offline"})
    with FakeCloud(between.cloud.port) as late:
        eventually(lambda: any(t == topic and retained for t, _, retained in late.messages))


def test_what_no_store_can_take_is_refused_counted_and_stops_nobody(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.process.start().says("LAN broker: connected")
    poison = {
        "empty": [b""],
        "size": [b"1" * 70_000, b" " * 10_000_000],
        "json": [
            b"{",
            reading(1) + b"}",
            b"\xff\xfe",
            reading(1)[:-1] + b',"x":"\xff"}',
            reading(1)[:-1] + b',"x":' + b"[" * 60_000,
        ],
        "content": [
            b"7",
            b"{}",
            reading(1).replace(b'"1.7.0"', b'"x"'),
            reading(1).replace(b'"seq":1', b'"seq":-1'),
            reading(1).replace(b'"seq":1', b'"seq":1e400'),
            reading(1).replace(b"+00:00", b""),
            reading(1).replace(b"229.4", b'"229.4"'),
        ],
    }
    for payloads in poison.values():
        for payload in payloads:
            adapter.publish_and_wait("bad", payload)
    adapter.client.publish("smartMeterMessage/a b/reading", reading(1), qos=1)
    adapter.client.publish("smartMeterMessage/bad/else", reading(1), qos=1)
    adapter.client.publish("smartMeterMessage/bad", reading(1), qos=1)
    adapter.publish_and_wait(METER, reading(7))
    eventually(lambda: cloud.seqs(METER) == {7})
    counted = {"empty": 1, "size": 2, "json": 5, "content": 7, "topic": 3}
    eventually(lambda: cloud.statuses.get("home", {}).get("refused") == counted)
    assert {m for m, _, _ in cloud.store} == {METER}
    assert "Traceback" not in between.process.said


def test_whoever_repairs_one_field_hears_of_the_next(between: Between, adapter: Adapter) -> None:
    """A stranger's adapter that is written by trial: each refusal names field and remedy."""
    between.process.start().says("LAN broker: connected")
    tries = {
        "clock": {"time": "2026-11-22T21:10:05+01:00", "values": {"1.8.0": 1}},
        "seq": {"clock": "meter", "seq": "1"},
        "auth": {"seq": 1},
        "values": {"auth": "none", "values": {"1.8.0": -5}},
    }
    document: dict[str, object] = {}

    def newest() -> dict[str, str]:
        (found,) = json.loads(between.ask("/status"))["refusals"] or [{}]
        return dict(found)

    for field, step in tries.items():
        document |= step
        adapter.publish_and_wait("alien", json.dumps(document).encode())
        eventually(lambda field=field: newest().get("field") == field)
        assert newest()["meter"] == "alien"
        assert newest()["kind"] == "content"
        between.process.says(f"refused from meter alien: {newest()['detail']}")
    said = between.process.said.count("refused from")
    for total in (-6, -7):  # the same fault again is not logged
        adapter.publish_and_wait(
            "alien", json.dumps(document | {"values": {"1.8.0": total}}).encode()
        )
    adapter.publish_and_wait("alien", json.dumps(document | {"values": {"16.8.0": -5}}).encode())
    eventually(lambda: "alien" in json.loads(between.ask("/status"))["meters"])
    assert between.process.said.count("refused from") == said == len(tries)
    metric = 'smartmeter_gateway_newest_refusal_timestamp_seconds{field="values",kind="content",'
    assert metric + 'meter="alien"}' in between.ask("/metrics")
    shown = command("status", "--config", str(between.process.config)).stdout
    assert "last refused from meter alien: not a reading: the total 1.8.0 is below 0" in shown


def test_a_meter_of_the_future_raises_an_alarm_until_its_clock_is_right(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m-1", reading(1, at=4_070_908_800))  # 2099
    between.process.says("m-1: its readings are more than a day ahead of this machine's clock")
    eventually(lambda: cloud.seqs("m-1") == {1})  # it is kept all the same
    adapter.publish_and_wait("m-1", reading(2, at=int(time.time())))
    eventually(lambda: not json.loads(between.ask("/status"))["alarms"])


def test_telegrams_without_a_key_raise_an_alarm_that_says_what_to_do(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("locked", b"\x68" * 300, "ciphered")
    eventually(lambda: cloud.statuses.get("home", {}).get("alarms"))
    (alarm,) = cloud.statuses["home"]["alarms"]
    assert "meter locked" in alarm
    assert "key_file" in alarm


def test_numbers_that_are_none_are_refused(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.process.start().says("LAN broker: connected")
    for text in (b"NaN", b"Infinity", b"1e400", b"1" + b"0" * 400, b"true", b"[1]"):
        adapter.publish_and_wait("bad", reading(1).replace(b":133,", b":" + text + b","))
    eventually(
        lambda: sum(cloud.statuses.get("home", {"refused": {}})["refused"].values()) == 6, 30
    )
    assert not cloud.store


def test_it_ends_in_time_when_both_brokers_are_mute(between: Between) -> None:
    """Neither answers nor closes: nobody is waited for."""
    ways = [Proxy(broker.port).start() for broker in (between.lan, between.cloud)]
    text = between.process.config.read_text().replace(f"= {between.lan.port}", f"= {ways[0].port}")
    text = text.replace(f"= {between.cloud.port}", f"= {ways[1].port}")
    between.process.config.write_text(text)
    between.process.start().says("LAN broker: connected")
    between.process.says("cloud broker: connected")
    for way in ways:
        way.mode = SWALLOW
    assert between.process.stop() == 0, between.process.said
    for way in ways:
        way.stop()


def test_poison_that_is_retained_comes_at_each_connection_and_stops_nobody(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    for meter, specific, payload in (
        ("a", "reading", reading(1)),  # right, but it would come forever
        ("b", "reading", b"\xff"),
        ("c", "ciphered", b"\x68" * 300),
        ("d", "status", b"[" * 10_000),
        ("e", "status", b'{"x":"' + b"y" * 20_000 + b'"}'),
        ("f", "status", b" " * 2_000_000),
    ):
        adapter.publish(meter, payload, specific, retain=True).wait_for_publish(30)

    def refused() -> dict[str, int]:
        return dict(json.loads(between.ask("/status"))["refused"])

    for time_of in (1, 2):
        between.process.start()
        eventually(lambda n=time_of: between.process.said.count("LAN broker: connected") == n)
        adapter.publish_and_wait(METER, reading(time_of))
        eventually(lambda n=time_of: n in cloud.seqs(METER))
        eventually(lambda: refused() == {"topic": 3, "json": 1, "size": 2})
        between.process.kill()
    assert {m for m, _, _ in cloud.store} == {METER}
    assert "Traceback" not in between.process.said


def test_properties_of_mqtt_5_change_nothing(between: Between, cloud: FakeCloud) -> None:
    """Topic aliases, expiry, content types and user properties from an adapter."""
    between.process.start().says("LAN broker: connected")
    properties = Properties(PacketTypes.PUBLISH)
    properties.TopicAlias = 1
    properties.MessageExpiryInterval = 600
    properties.PayloadFormatIndicator = 1
    properties.ContentType = "no/such"
    properties.ResponseTopic = "concentrator/other/status"
    properties.CorrelationData = b"\x00" * 1000
    properties.UserProperty = [("name", "x" * 60_000)] * 10
    with Adapter(between.lan.port, paho.MQTTv5) as five:
        five.publish(METER, reading(1), properties=properties).wait_for_publish(30)
        eventually(lambda: cloud.seqs(METER) == {1})
    assert [payload for topic, payload, _ in cloud.messages if METER in topic] == [reading(1)]


def test_what_is_longer_than_the_broker_s_bound_does_not_arrive(
    between: Between, mosquitto: Callable[..., Mosquitto], cloud: FakeCloud
) -> None:
    """As `check` advises: paho reads a packet before it can refuse it."""
    between.lan = mosquitto(settings=["max_packet_size 1000000"])
    between.configure()
    between.process.start().says("LAN broker: connected")
    with Adapter(between.lan.port) as adapter, Adapter(between.lan.port) as hostile:
        hostile.publish(METER, b"[" * 3_000_000)
        eventually(lambda: not hostile.client.is_connected())
        adapter.publish_and_wait(METER, reading(1))
        eventually(lambda: cloud.seqs(METER) == {1})
        assert json.loads(between.ask("/status"))["refused"] == {}


def test_status_tells_what_a_person_needs(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait(METER, reading(3))
    eventually(lambda: cloud.statuses.get("home", {}).get("meters"))
    status = cloud.statuses["home"]
    assert status["state"] == "online"
    assert status["links"]["LAN broker"]["up"] is True
    assert status["links"]["cloud broker"]["up"] is True
    assert status["meters"][METER]["last"] == json.loads(reading(3))["time"]
    assert set(status["spool"]) == {"rows", "bytes", "oldest", "dropped", "refused"}
    between.process.kill()
    eventually(lambda: cloud.statuses["home"] == {"state": "offline"})  # the last will
