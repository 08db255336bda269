"""The embedded broker bounds what one client can make it keep in memory."""

import socket

import paho.mqtt.client as paho
from smartmeter_broker import EmbeddedBroker

from tests.gateway.harness import Client, eventually

USERS = {"adapter": "its password"}


def logged_in(port: int) -> socket.socket:
    """A client by hand, for paho would not announce a packet that it does not send."""
    client = socket.create_connection(("127.0.0.1", port), 30)
    body = b"\x00\x04MQTT\x04\xc2\x00\x00\x00\x04hand\x00\x07adapter\x00\x0cits password"
    client.sendall(bytes([0x10, len(body)]) + body)
    assert client.recv(4) == b"\x20\x02\x00\x00"
    return client


def test_a_packet_beyond_two_megabytes_ends_its_connection_before_it_is_read() -> None:
    with EmbeddedBroker("127.0.0.1", 0, users=USERS) as broker:
        client = logged_in(broker.port)
        # A PUBLISH of 2 000 896 bytes, of which all but the topic is still to come.
        client.sendall(b"\x30\x80\x90\x7a" + b"\x00\x01x")
        assert client.recv(1) == b""
        heard: list[bytes] = []
        with Client(broker.port, user="adapter", password="its password") as other:
            other.client.on_message = lambda c, u, m: heard.append(m.payload)
            other.client.subscribe("x", 1)
            longest = b"x" * 1_900_000
            assert other.client.publish("x", longest, qos=1).rc == paho.MQTT_ERR_SUCCESS
            eventually(lambda: heard == [longest])
