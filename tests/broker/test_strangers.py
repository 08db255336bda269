"""The embedded broker withstands clients without a password: it bounds and closes connections."""

import contextlib
import random
import socket
import ssl
import time
from collections.abc import Callable

from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.pubrel import PubrelPacket
from amqtt.mqtt.subscribe import SubscribePacket

from tests.broker.conftest import METER_A, Broker, Listening, Will, connect
from tests.gateway.harness import Client, eventually
from tools.certificates import Authority

TOPIC = f"smartMeterMessage/{METER_A}/reading"
Attackers = Callable[[int], socket.socket]
Start = Callable[..., Broker]


def works(broker: Broker, **tls: object) -> None:
    """An adapter logs in, and what it publishes arrives in this process."""
    with (
        Client(broker.local_port, **broker.inside) as inside,
        broker.client(METER_A, **tls) as adapter,
    ):
        heard = Listening(inside, "smartMeterMessage/#")
        adapter.client.publish(TOPIC, b"1", 1).wait_for_publish(30)
        eventually(lambda: heard.got == [(TOPIC, b"1")])


def ended(sock: socket.socket) -> bool:
    """Whether the broker has closed a connection."""
    sock.settimeout(30)
    try:
        while sock.recv(4096):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass  # it has closed it without reading everything
    return True


def test_a_thousand_idle_connections_stop_nobody(broker: Start, attackers: Attackers) -> None:
    running = broker()
    before = running.open_files
    held = [attackers(running.port) for _ in range(1050)]
    works(running)
    assert running.open_files < 500
    assert all(ended(sock) for sock in held)  # nobody has more than login_s to CONNECT
    running.has_closed_all(before)
    works(running)
    assert running.log.stat().st_size < 5_000


def test_a_thousand_idle_connections_before_the_tls_handshake_stop_nobody(
    broker: Start, attackers: Attackers, authority: Authority
) -> None:
    certificate, key = authority.issue("broker", ("localhost",))
    running = broker(certificate=str(certificate), key=str(key))
    before = running.open_files
    held = [attackers(running.port) for _ in range(1050)]
    works(running, ca=authority.certificate_path)
    assert running.open_files < 500
    assert all(ended(sock) for sock in held)
    running.has_closed_all(before)
    assert running.log.stat().st_size < 5_000


def test_tls_connections_that_never_say_connect_stop_nobody(
    broker: Start, attackers: Attackers, authority: Authority
) -> None:
    certificate, key = authority.issue("broker", ("localhost",))
    running = broker(certificate=str(certificate), key=str(key))
    before = running.open_files
    context = ssl.create_default_context(cafile=authority.certificate_path)
    held = [
        context.wrap_socket(attackers(running.port), server_hostname="localhost")
        for _ in range(100)
    ]
    works(running, ca=authority.certificate_path)
    assert all(ended(sock) for sock in held)
    for sock in held:
        sock.close()
    running.has_closed_all(before)


GARBAGE = {
    "a port scanner": b"",
    "a browser": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a cut CONNECT": b"\x10\x20\x00\x04MQTT\x04",
    "a TLS client": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a length that does not end": b"\x10\xff\xff\xff\xff\xff",
    "a CONNECT of 150 MB": b"\x10\x80\xd1\xc3\x47",
    "a PUBLISH first": b"\x30\x05\x00\x03a/b",
    "contradicting flags": b"\x10\x0d\x00\x04MQTT\x04\xff\x00\x3c\x00\x01x",
}


def test_what_is_no_mqtt_leaves_nothing_behind(broker: Start, attackers: Attackers) -> None:
    running = broker()
    before = running.open_files
    for said in GARBAGE.values():
        for _ in range(40):
            sock = attackers(running.port)
            sock.sendall(said)
            sock.close()
    running.has_closed_all(before)
    works(running)
    assert running.log.stat().st_size < 5_000


def test_what_is_no_mqtt_is_ended(broker: Start, attackers: Attackers) -> None:
    running = broker()
    socks = {what: attackers(running.port) for what, said in GARBAGE.items() if said}
    for what, sock in socks.items():
        sock.sendall(GARBAGE[what])
    assert [what for what, sock in socks.items() if not ended(sock)] == []


def test_changed_packets_stop_nobody(broker: Start, attackers: Attackers) -> None:
    """Any packet with any bytes changed ends its connection at most, before and after the login."""
    running = broker()
    before = running.open_files
    chance = random.Random(3)
    first = connect("x", "adapter", will=Will("a/b", b"gone"))
    later = PublishPacket.build("a/b", b"1", 7, False, 1, True).to_bytes()
    later += SubscribePacket.build([("a/#", 1)], 8).to_bytes() + PubrelPacket.build(7).to_bytes()
    for n in range(300):
        sock = attackers(running.port)
        changed = bytearray(later if n % 2 else first)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 255, chance.randrange(256)))
        with contextlib.suppress(ConnectionError):
            sock.sendall(first + changed if n % 2 else changed)
        sock.close()
    running.has_closed_all(before)
    works(running)
    said = running.log.read_text()
    assert "a connection ended by an error" not in said
    assert "failed:" not in said


def test_a_connect_that_drips_is_ended(broker: Start, attackers: Attackers) -> None:
    running = broker()
    sock = attackers(running.port)
    whole = connect("slow", METER_A)
    dripping = True
    for byte in whole * 20:
        try:
            sock.sendall(bytes([byte]))
        except OSError:
            dripping = False
            break
        time.sleep(0.2)
    assert not dripping


def test_few_open_files_are_shared_out_with_what_else_needs_them(
    broker: Start, attackers: Attackers
) -> None:
    running = broker(files=128)
    before = running.open_files
    held = [attackers(running.port) for _ in range(300)]
    works(running)
    assert running.open_files < 100
    assert all(ended(sock) for sock in held)
    running.has_closed_all(before)


def test_who_does_not_know_the_password_takes_no_session_away(
    broker: Start, attackers: Attackers
) -> None:
    """The client id alone must not end the connection or the subscriptions of its owner."""
    running = broker()
    with (
        Client(running.local_port, **running.inside, client_id="cloud") as inside,
        running.client(METER_A) as adapter,
    ):
        heard = Listening(inside, "smartMeterMessage/#")
        for clean in (True, False):
            for user, password in (("nobody", ""), (METER_A, "guessed"), (None, None)):
                for client_id in ("cloud", f"process/{running.inside['user']}/cloud"):
                    sock = attackers(running.port)
                    sock.sendall(connect(client_id, user, password, clean=clean))
                    assert sock.recv(4) == b"\x20\x02\x00\x05"
        # Nor does somebody else who does know one.
        with running.client("adapter", client_id="cloud"):
            adapter.client.publish(TOPIC, b"1", 1).wait_for_publish(30)
            eventually(lambda: heard.got == [(TOPIC, b"1")])


def test_the_password_of_this_process_is_of_no_use_from_outside(
    broker: Start, attackers: Attackers
) -> None:
    running = broker()
    user, password = running.inside["user"], running.inside["password"]
    sock = attackers(running.port)
    sock.sendall(connect("x", user, password))
    assert sock.recv(4) == b"\x20\x02\x00\x05"


def test_a_client_of_mqtt_5_is_answered(broker: Start, attackers: Attackers) -> None:
    sock = attackers(broker().port)
    sock.sendall(b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc")
    assert sock.recv(4) == b"\x20\x02\x00\x01"
    assert ended(sock)


def test_a_client_that_is_silent_is_ended_and_its_last_will_sent(
    broker: Start, attackers: Attackers
) -> None:
    running = broker()
    will = Will(f"smartMeterMessage/{METER_A}/status", b'{"state":"offline"}', retain=True)
    with Client(running.local_port, **running.inside) as inside:
        heard = Listening(inside, "smartMeterMessage/#")
        sock = attackers(running.port)
        sock.sendall(connect("a", METER_A, keep_alive=1, will=will))
        assert sock.recv(4) == b"\x20\x02\x00\x00"
        assert ended(sock)
        eventually(lambda: heard.got == [(will.topic, will.message)])
