"""The embedded broker acknowledges a message of an adapter once the Concentrator has it on disk."""

import json
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as paho
from smartmeter.wire import topics

from tests.broker.conftest import METER_A, METER_B, Broker
from tests.gateway.harness import Adapter, Client, Process, eventually, reading
from tools.environment.mosquitto import free_port

Start = Callable[..., Broker]
HELD = {"held": "smartMeterMessage/"}


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class Inside(Client):
    """This process's own client; the test decides when it acknowledges."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker.local_port, manual_ack=True, **broker.inside)
        self.got: list[paho.MQTTMessage] = []
        subscribed: list[object] = []
        self.client.on_message = lambda c, u, message: self.got.append(message)
        self.client.on_subscribe = lambda *_: subscribed.append(1)
        self.start()
        self.client.subscribe("smartMeterMessage/#", 1)
        eventually(lambda: subscribed)

    def acknowledge(self, count: int) -> None:
        eventually(lambda: len(self.got) >= count)
        for message in self.got[:count]:
            self.client.ack(message.mid, message.qos)
        del self.got[:count]


def test_a_message_is_acknowledged_when_this_process_has_acknowledged_it(broker: Start) -> None:
    running = broker(**HELD)
    inside = Inside(running)
    with running.client(METER_A) as one, running.client(METER_B) as other:
        first = one.client.publish(topics.meter(METER_A, "reading"), reading(1), qos=1)
        eventually(lambda: inside.got)
        same = other.client.publish(topics.meter(METER_B, "reading"), reading(1), qos=1)
        eventually(lambda: len(inside.got) == 2)
        time.sleep(0.3)  # the broker's own acknowledgement would be there by now
        assert not first.is_published()
        assert not same.is_published()
        inside.acknowledge(1)
        first.wait_for_publish(30)
        assert not same.is_published()
        inside.acknowledge(1)
        same.wait_for_publish(30)
        # Messages that nobody keeps wait for nothing: other topics, and what it may not write.
        one.client.publish("homeassistant/status", b"online", qos=1).wait_for_publish(30)
        foreign = topics.meter(METER_B, "reading")
        one.client.publish(foreign, reading(2), qos=1).wait_for_publish(30)
        # A retained message, and the empty one that removes it.
        for payload in (b'{"state":"online"}', b""):
            status = one.client.publish(topics.meter(METER_A, "status"), payload, 1, True)
            inside.acknowledge(1)
            status.wait_for_publish(30)
    inside.stop()


def test_a_message_that_is_not_taken_in_time_is_sent_again(broker: Start) -> None:
    running = broker(**HELD)
    inside = Inside(running)
    with running.client(METER_A, client_id="a", clean_session=False) as one:
        sent = one.client.publish(topics.meter(METER_A, "reading"), reading(1), qos=1)
        eventually(lambda: inside.got)
        inside.got.clear()
        inside.acknowledge(1)  # the copy that comes after the connection has ended
        sent.wait_for_publish(30)
    inside.stop()


def test_what_was_acknowledged_survives_a_kill_at_once(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("adapter:test-secret")
    (tmp_path / "users").chmod(0o600)
    process = Process(tmp_path / "gateway.toml")
    port = free_port()
    process.config.write_text(
        f'concentrator = "home"\n[lan]\nembedded = true\nport = {port}\nusers_file = "users"\n'
        '[cloud]\nhost = "localhost"\nport = 1\ntls = false\n'
    )
    for seq in range(6):
        process.start()
        eventually(lambda: accepts(port))
        adapter = Adapter(port, user="adapter", password="test-secret")
        adapter.start()
        adapter.publish_and_wait("m1", reading(seq))
        process.kill()
        adapter.client.loop_stop()
    with closing(sqlite3.connect(f"file:{tmp_path / 'spool.db'}?mode=ro", uri=True)) as spool:
        kept = {json.loads(row[0])["seq"] for row in spool.execute("SELECT payload FROM message")}
    assert kept == set(range(6))
