"""MQTT in bulk: held against paho's own packets, cut anywhere, and against garbage."""

import random

import pytest
from smartmeter_gateway import mqtt_packets as mqtt

VERSIONS = (mqtt.V311, mqtt.V5)


def stream(version: int, count: int = 50) -> tuple[bytes, list[bytes]]:
    chance = random.Random(version)
    payloads = [
        chance.randbytes(chance.choice([0, 1, 100, 127, 128, 20_000])) for _ in range(count)
    ]
    packets = [mqtt.publish(version, n + 1, f"a/{n}", p) for n, p in enumerate(payloads)]
    return b"".join(packets), payloads


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("piece", [1, 7, 1000, 1 << 20])
def test_any_cutting_gives_the_same_messages(version: int, piece: int) -> None:
    data, payloads = stream(version)
    splitter = mqtt.Splitter()
    found = []
    for at in range(0, len(data), piece):
        for first, body, size in splitter.feed(data[at : at + piece]):
            found.append(mqtt.message(version, first, body, size))
    assert [m.payload for m in found] == payloads
    assert [m.topic.decode() for m in found] == [f"a/{n}" for n in range(len(payloads))]
    assert [m.mid for m in found] == list(range(1, len(payloads) + 1))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_too_long_is_named_and_not_kept(version: int) -> None:
    long = mqtt.publish(version, 7, "smartMeterMessage/m/reading", b"x" * 3_000_000)
    after = mqtt.publish(version, 8, "smartMeterMessage/m/reading", b"next")
    splitter = mqtt.Splitter()
    found = []
    data = long + after
    for at in range(0, len(data), 65_536):
        for first, body, size in splitter.feed(data[at : at + 65_536]):
            found.append(mqtt.message(version, first, body, size))
        assert len(splitter._buffer) <= mqtt.KEPT_MAX
    assert [(m.mid, m.payload, m.size) for m in found] == [(7, b"", 3_000_000), (8, b"next", 4)]


def test_properties_of_every_kind_are_stepped_over() -> None:
    body = bytes.fromhex("1f2103e8270010000013003c240125002a011f000161260001620001630b8001")
    found, end = mqtt.properties_of(bytes([len(body) - 1]) + body[1:], 0)
    assert end == len(body)
    assert found[mqtt.RECEIVE_MAXIMUM] == 1000
    assert found[mqtt.PACKET_MAXIMUM] == 1 << 20
    assert found[mqtt.SERVER_KEEP_ALIVE] == 60


@pytest.mark.parametrize("version", VERSIONS)
def test_garbage_is_refused_and_nothing_else_happens(version: int) -> None:
    """10 000 damaged streams: messages or ProtocolError, in bounded memory."""
    data, _ = stream(version, 6)
    data = data[:3000]
    chance = random.Random(9)
    for _ in range(10_000):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 1, 3, 20])):
            damaged[chance.randrange(min(len(damaged), 400))] = chance.randrange(256)
        splitter = mqtt.Splitter()
        try:
            for first, body, size in splitter.feed(bytes(damaged)):
                if first & 0xF0 == mqtt.PUBLISH:
                    mqtt.message(version, first, body, size)
        except mqtt.ProtocolError:
            continue
        assert len(splitter._buffer) <= len(damaged)
