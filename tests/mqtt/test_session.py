"""One connection to a broker: real brokers, and by hand what no real broker does."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from smartmeter_mqtt.session import (
    MQTT5,
    MQTT311,
    Answer,
    ConnectOptions,
    Message,
    Refused,
    Session,
    SessionError,
    connect,
)
from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_mqtt.wakeup import Wakeup

from tools.environment.mosquitto import Mosquitto

ACCEPTED = b"\x20\x02\x00\x00"  # CONNACK of 3.1.1
ACCEPTED_5 = b"\x20\x03\x00\x00\x00"


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    made = Wakeup()
    yield made
    made.close()


def opened(
    wakeup: Wakeup, port: int, client_id: str = "a", session_s: int = 0, mqtt5: bool = True
) -> Session:
    settings = BrokerSettings("127.0.0.1", port, tls=False, mqtt5=mqtt5)
    return connect(settings, ConnectOptions(client_id, session_s), wakeup)


def turned(
    session: Session, until: Callable[[list[Message], list[Answer]], bool]
) -> tuple[list[Message], list[Answer]]:
    """All messages and answers of as many turns as it takes."""
    messages: list[Message] = []
    answers: list[Answer] = []
    end = time.monotonic() + 30
    while not until(messages, answers):
        assert time.monotonic() < end, (messages, answers)
        more = session.turn(0.1)
        messages += more[0]
        answers += more[1]
    return messages, answers


@pytest.mark.parametrize("mqtt5", [True, False])
def test_what_is_published_comes_and_comes_again_until_it_is_acknowledged(
    wakeup: Wakeup, mosquitto: Callable[..., Mosquitto], mqtt5: bool
) -> None:
    port = mosquitto().port
    session = opened(wakeup, port, session_s=600, mqtt5=mqtt5)
    assert session.version == (MQTT5 if mqtt5 else MQTT311)
    session.subscribe("x/#")
    turned(session, lambda *_: session.subscribed)
    ids = [session.publish(f"x/{n}", b"%d" % n) for n in range(5)]
    assert not session.is_idle
    messages, answers = turned(session, lambda m, a: len(m) == len(a) == 5)
    assert [(m.topic, m.payload, m.retained) for m in messages] == [
        (f"x/{n}", b"%d" % n, False) for n in range(5)
    ]
    assert answers == [Answer(n, 0) for n in ids]
    assert session.is_idle
    session.ack([m.packet_id for m in messages[:3]])
    session.publish("y", b"")  # its answer shows that the broker has read what was before it
    turned(session, lambda m, a: bool(a))
    session.close()
    again = opened(wakeup, port, session_s=600, mqtt5=mqtt5)
    messages, _ = turned(again, lambda m, a: len(m) == 2)
    assert [m.payload for m in messages] == [b"3", b"4"]
    again.close()


def test_another_thread_s_publish_wakes_the_one_that_waits(
    wakeup: Wakeup, mosquitto: Callable[..., Mosquitto]
) -> None:
    session = opened(wakeup, mosquitto().port, mqtt5=False)
    answers: list[Answer] = []

    def run() -> None:
        while not answers:
            answers.extend(session.turn(60)[1])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    time.sleep(0.2)
    packet_id = session.publish("x", b"1")
    thread.join(30)
    assert answers == [Answer(packet_id, 0)]
    session.close()


def test_what_is_refused_is_answered_with_the_reason(
    wakeup: Wakeup, mosquitto: Callable[..., Mosquitto]
) -> None:
    session = opened(wakeup, mosquitto(rules=["topic write allowed"]).port)
    ids = [session.publish("allowed", b""), session.publish("forbidden", b"")]
    _, answers = turned(session, lambda m, a: len(a) == 2)
    assert [(a.packet_id, a.refused) for a in answers] == [(ids[0], False), (ids[1], True)]


def test_the_broker_s_bounds_are_known(wakeup: Wakeup, mosquitto: Callable[..., Mosquitto]) -> None:
    bounds = ["max_packet_size 70000", "max_inflight_messages 30"]
    session = opened(wakeup, mosquitto(settings=bounds).port)
    assert (session.packet_maximum, session.receive_maximum) == (70_000, 30)
    assert opened(wakeup, mosquitto().port).packet_maximum is None


def test_what_is_not_read_waits_and_loses_nothing(
    wakeup: Wakeup, mosquitto: Callable[..., Mosquitto]
) -> None:
    session = opened(wakeup, mosquitto().port)
    session.subscribe("x")
    turned(session, lambda *_: session.subscribed)
    session.publish("x", b"1")
    assert all(session.turn(0.1, reading=False) == ([], []) for _ in range(5))
    messages, _ = turned(session, lambda m, a: bool(m and a))
    assert [m.payload for m in messages] == [b"1"]
    session.close()


def test_more_than_the_packet_ids_can_be_published(
    wakeup: Wakeup, mosquitto: Callable[..., Mosquitto]
) -> None:
    """One of the first 65 535 stays unanswered, so its packet id is passed over."""
    port = mosquitto(settings=["max_inflight_messages 0"]).port
    session = opened(wakeup, port, mqtt5=False)
    answered = 0
    for n in range(66_000):
        session.publish("x", b"")
        if n % 500 == 0:
            answered += len(session.turn(0)[1])
    while answered < 66_000:
        answered += len(session.turn(1)[1])
    assert session.is_idle
    session.close()


def test_what_was_published_before_the_goodbye_arrives(
    wakeup: Wakeup, mosquitto: Callable[..., Mosquitto]
) -> None:
    """Also if the broker is sending: it drops what it has not read once it cannot write."""
    port = mosquitto().port
    sender = opened(wakeup, port)
    sender.subscribe("x/#")
    turned(sender, lambda *_: sender.subscribed)
    expected = {f"x/{n}" for n in range(500)}
    for topic in expected:
        sender.publish(topic, b"x" * 1000, retain=True)
    sender.close()
    listener = opened(wakeup, port)
    listener.subscribe("x/#")
    arrived: set[str] = set()
    end = time.monotonic() + 10
    while arrived < expected and time.monotonic() < end:
        messages, _ = listener.turn(0.1)
        listener.ack([message.packet_id for message in messages])
        arrived |= {message.topic for message in messages}
    assert arrived == expected
    listener.close()


class ByHand:
    """A broker of a few bytes: sends `answers[n]` to the n-th connection and keeps it open."""

    def __init__(self, *answers: bytes | None, answers_pings: bool = False) -> None:
        self.pings = 0
        self._answers_pings = answers_pings
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.versions: list[int] = []
        self._kept: list[socket.socket] = []
        threading.Thread(target=self._run, args=(answers,), daemon=True).start()

    def _run(self, answers: tuple[bytes | None, ...]) -> None:
        for answer in answers:
            client, _ = self._listener.accept()
            self.versions.append(client.recv(1000)[8])
            if answer is None:
                client.close()
            else:
                client.sendall(answer)
                self._kept.append(client)
                if self._answers_pings:
                    self._answer_pings(client)
        self._listener.close()

    def _answer_pings(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client has gone
            while client.recv(2) == b"\xc0\x00":
                self.pings += 1
                time.sleep(0.3)  # so that the owner is busy before the answer comes
                client.sendall(b"\xd0\x00")

    def __enter__(self) -> "ByHand":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._kept:
            client.close()


@pytest.mark.parametrize(
    "first",
    [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b"", None],
    ids=["as 3.1.1 does", "as 5 does", "in silence", "by hanging up"],
)
def test_a_broker_that_refuses_mqtt_5_is_spoken_to_in_3_1_1(
    wakeup: Wakeup, first: bytes | None
) -> None:
    with ByHand(first, ACCEPTED) as broker:
        assert opened(wakeup, broker.port).version == MQTT311
    assert broker.versions == [5, 4]


@pytest.mark.parametrize("code", [4, 5])
def test_another_refusal_is_final(wakeup: Wakeup, code: int) -> None:
    with ByHand(bytes([0x20, 2, 0, code])) as broker, pytest.raises(Refused, match="refuses us"):
        opened(wakeup, broker.port, mqtt5=False)


@pytest.mark.parametrize("mqtt5", [True, False])
@pytest.mark.parametrize(
    "packet",
    [
        b"\x30\x05\x00\x03a\xff\xfe",  # a topic that is not UTF-8
        b"\x00\x00",
        b"\x30\xff\xff\xff\xff\xff",  # a length that does not end
        b"\x30\x02\x00\xff",  # a topic longer than its packet
        b"\x32\x03\x00\x01a",  # no packet id
        b"\x40\x01\x00",
        b"\x40\x02\xff\xff",  # the answer to what nobody published
        b"\x90\x02\x00\x01",  # a SUBACK without a code
        b"\x20\x02\x00\x00",
        b"\xe0\x02\xff\x00",
        b"\x34\x08\x00\x01a\x00\x07\x00\x00\x00",  # QoS 2, which nobody asked for
    ],
)
def test_what_is_not_mqtt_ends_the_connection_or_is_nothing(
    wakeup: Wakeup, packet: bytes, mqtt5: bool
) -> None:
    answer = (ACCEPTED_5 if mqtt5 else ACCEPTED) + packet
    with ByHand(answer) as broker, contextlib.suppress(SessionError):
        session = opened(wakeup, broker.port, mqtt5=mqtt5)
        for _ in range(3):
            messages, answers = session.turn(0.1)
            assert [m.topic for m in messages] in ([], [""])
            assert not answers


KEEP_ALIVE_1 = b"\x20\x06\x00\x00\x03\x13\x00\x01"  # CONNACK of 5: Server Keep Alive of a second


def test_a_broker_that_falls_silent_is_given_up(wakeup: Wakeup) -> None:
    with ByHand(KEEP_ALIVE_1) as broker:
        session = opened(wakeup, broker.port)
        with pytest.raises(SessionError, match="the broker is silent"):
            turned(session, lambda *_: False)


def test_an_owner_that_was_busy_reads_before_it_gives_the_broker_up(wakeup: Wakeup) -> None:
    """The spool may wait for its disk for longer than the keep-alive."""
    with ByHand(KEEP_ALIVE_1, answers_pings=True) as broker:
        session = opened(wakeup, broker.port)
        for _ in range(3):
            before = broker.pings
            turned(session, lambda *_, n=before: broker.pings > n)  # type: ignore[misc]
            time.sleep(1.2)
        session.turn(0)
        session.close()


def test_nobody_there_and_nobody_answering_are_told_apart(wakeup: Wakeup) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SessionError, match=r"^nothing listens there$"):
        opened(wakeup, port)
    with (
        ByHand(None, None) as broker,
        pytest.raises(SessionError, match="closed the connection before it answered"),
    ):
        opened(wakeup, broker.port)
