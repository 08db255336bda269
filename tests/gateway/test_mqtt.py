"""MQTT in bulk: any chunking gives the same packets, no bytes make it hang or fill the memory."""

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartmeter_mqtt import codec
from smartmeter_mqtt.codec import Control, Oversize, Parser, ProtocolError, Publish

LIMIT = 1000


def stream(version: int) -> tuple[bytes, list[object]]:
    """Packets as a broker sends them, and what the parser shall make of them."""
    five = version == codec.V5
    none = b"\x00" if five else b""
    some = b"\x07\x26\x00\x01a\x00\x01b" if five else b""  # a user property

    def sent(first: int, body: bytes) -> bytes:
        return bytes([first]) + codec._length(len(body)) + body

    long = b"p" * 300
    return (
        sent(0x20, b"\x00\x00" + none)
        + sent(0x32, b"\x00\x03a/b\x00\x07" + none + b"payload")
        + sent(0x30, b"\x00\x01x" + some + long)
        + sent(0x3B, b"\x00\x01y\x01\x02" + some + b"")
        + sent(0x32, b"\x00\x01z\x00\x09" + none + b"!" * 5000)
        + sent(0x40, b"\x00\x05")
        + sent(0x31, b"\x00\x01r" + none + b"kept"),
        [
            Control(codec.CONNACK, b"\x00\x00" + none),
            Publish(b"a/b", b"payload", b"\x00\x07", False),
            Publish(b"x", long, b"", False),
            Publish(b"y", b"", b"\x01\x02", True),
            Oversize(b"\x00\x09", b"z", 5005 + len(none)),
            Control(codec.PUBACK, b"\x00\x05"),
            Publish(b"r", b"kept", b"", True),
        ],
    )


@pytest.mark.parametrize("version", [codec.V311, codec.V5])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000, 100_000])
def test_any_chunking_gives_the_same_packets(version: int, size: int) -> None:
    data, expected = stream(version)
    parser = Parser(version, LIMIT)
    got: list[object] = []
    for at in range(0, len(data), size):
        got += parser.feed(data[at : at + size])
    assert got == expected


@given(data=st.binary(max_size=400), version=st.sampled_from([codec.V311, codec.V5]))
def test_any_bytes_give_packets_or_a_protocol_error(data: bytes, version: int) -> None:
    parser = Parser(version, LIMIT)
    try:
        for packet in parser.feed(data):
            if isinstance(packet, Control) and packet.kind == codec.CONNACK:
                codec.properties(packet.body, 2)
    except ProtocolError:
        pass


def test_a_damaged_stream_gives_packets_or_a_protocol_error() -> None:
    draw = random.Random(5)
    for version in (codec.V311, codec.V5):
        data, _ = stream(version)
        for _ in range(2000):
            damaged = bytearray(data)
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
            parser = Parser(version, LIMIT)
            with contextlib.suppress(ProtocolError):
                list(parser.feed(bytes(damaged)))


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\xff\xff\xff\xff\x01",  # a remaining length of five bytes
        b"\x30\x01\x00",  # a PUBLISH without room for a topic
        b"\x30\x04\x00\x09ab",  # a topic longer than its packet
        b"\x20\xff\xff\x01",  # a CONNACK of 32 kB
    ],
)
def test_what_cannot_be_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Parser(codec.V311, LIMIT).feed(data))


@pytest.mark.parametrize("version", [codec.V311, codec.V5])
@pytest.mark.parametrize("piece", [7, 1000, 1 << 20])
def test_what_we_publish_comes_back_whole(version: int, piece: int) -> None:
    chance = random.Random(version)
    sent = [
        (f"a/{n}", chance.randbytes(size), n % 2 == 1)
        for n, size in enumerate([0, 1, 100, 127, 128, 16_383, 16_384, 20_000] * 3)
    ]
    data = b"".join(
        codec.publish(n + 256, topic, payload, version, retain)
        for n, (topic, payload, retain) in enumerate(sent)
    )
    parser = Parser(version, 100_000)
    got = [p for at in range(0, len(data), piece) for p in parser.feed(data[at : at + piece])]
    assert got == [
        Publish(topic.encode(), payload, (n + 256).to_bytes(2, "big"), retain)
        for n, (topic, payload, retain) in enumerate(sent)
    ]


def test_a_message_too_long_is_not_kept() -> None:
    long = codec.publish(7, "smartMeterMessage/m/reading", b"x" * 3_000_000, codec.V5)
    after = codec.publish(8, "smartMeterMessage/m/reading", b"next", codec.V5)
    parser = Parser(codec.V5, 100_000)
    got = []
    for at in range(0, len(long + after), 65_536):
        got += parser.feed((long + after)[at : at + 65_536])
        assert len(parser._buffer) <= 100_000
    assert [type(p) for p in got] == [Oversize, Publish]
    assert got[1].payload == b"next"


def test_properties_of_every_kind_are_stepped_over() -> None:
    body = bytes.fromhex("1f2103e8270010000013003c240125002a011f000161260001620001630b8001")
    found = codec.properties(bytes([len(body) - 1]) + body[1:], 0)
    assert found[codec.RECEIVE_MAXIMUM] == 1000
    assert found[codec.PACKET_MAXIMUM] == 1 << 20
    assert found[codec.SERVER_KEEP_ALIVE] == 60
