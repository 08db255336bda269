"""Ingest as a process between a real broker and a real file."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from smartmeter.wire import receipt, topics

from tests.cloud.conftest import Cloud
from tests.cloud.harness import Concentrator, Process, encoded, eventually, reading
from tools.certificates import Authority
from tools.environment.mosquitto import Mosquitto, free_port


def connected(cloud: Cloud) -> int:
    """How many ingestors say that they are connected to the broker."""
    return sum(json.loads(p.state)["broker"]["connected"] for p in cloud.store.processes())


def test_readings_are_stored_with_the_meters_own_numbers(cloud: Cloud) -> None:
    cloud.start("ingest").says("connected")
    house = cloud.concentrator()
    house.send("m1", reading(1, v1_7_0=133, v32_7_0=230.0, v31_7_0=0.99, v1_8_0=1136784))
    house.send("m1", [reading(2), reading(3)], "readings")
    house.all_receipted()
    assert cloud.rows() == [(3,)]
    (row,) = cloud.rows(
        "SELECT name, seq, obis_1_7_0, obis_32_7_0, obis_31_7_0, obis_2_7_0 "
        "FROM reading JOIN (SELECT id, name FROM meter) ON id = meter WHERE seq = 1"
    )
    assert [repr(value) for value in row] == ["'m1'", "1", "133", "230.0", "0.99", "None"]


def test_a_repeated_message_is_receipted_again_and_stored_once(cloud: Cloud) -> None:
    cloud.start("ingest").says("connected")
    house = cloud.concentrator()
    digests = [house.send("m1", reading(7)) for _ in range(3)]
    eventually(lambda: len(house.receipts) == 3)
    assert set(house.receipts) == set(digests)
    assert cloud.rows() == [(1,)]
    assert cloud.store.counters() == {"stored": 1, "repeated": 2}


def test_bad_messages_stop_nobody(cloud: Cloud) -> None:
    cloud.start("ingest").says("connected")
    house = cloud.concentrator()
    house.send("m1", b"\xffno JSON")
    house.send("m1", reading(1) | {"values": {"1.7.0'; DROP TABLE reading; --": 1}})
    house.send("m1", reading(2))
    house.send("m1", b"x" * (1024 * 1024 + 1))
    house.send("m1", {"a": 1}, "gossip")
    house.send("m1", reading(3))
    house.send("m1", b"y" * 3_000_000)
    house.send("m1", reading(4))
    house.all_receipted()
    assert cloud.store.counters()["dead"] == 5
    assert cloud.rows("SELECT seq FROM reading") == [(2,), (3,), (4,)]
    reasons = [dead.reason for dead in cloud.store.dead_letters(10)]
    assert [any(word in r for r in reasons) for word in ("malformed", "OBIS", "gossip", "1048577")]
    assert "3000" in reasons[0]


def test_dead_letters_are_bounded(cloud: Cloud) -> None:
    cloud.start("ingest").says("connected")
    house = cloud.concentrator()
    for i in range(1200):
        house.send("m1", b"no %d" % i)
    # What there is no room for stays with the Concentrator; nothing is thrown away for it.
    eventually(lambda: len(house.receipts) == 1000 and len(house.refusals) == 1200)
    assert cloud.rows("SELECT count(*), count(DISTINCT digest) FROM dead_letter") == [(1000, 1000)]
    assert cloud.store.counters() == {"dead": 1000, "refused": 200}
    kept = {r.digest for r in house.refusals if not r.final}
    assert kept == set(house.waiting)
    # The other Concentrators have room of their own.
    other = cloud.concentrator("house-2")
    other.send("m2", b"no")
    other.send("m2", reading(1))
    other.all_receipted()
    # What is there already is not refused when it comes again.
    house.send("m1", b"no 7")
    eventually(lambda: len(house.receipts) == 1001)
    # A person makes room.
    for dead in cloud.store.dead_letters(300):
        cloud.store.remove_dead_letter(dead.digest)
    house.send_again()
    house.all_receipted()


def test_killed_in_traffic_again_and_again_nothing_receipted_is_lost(cloud: Cloud) -> None:
    ingest = cloud.start("ingest")
    ingest.says("connected")
    house = cloud.concentrator()

    def send() -> None:
        for seq in range(3000):
            house.send("m1", reading(seq))
            if seq % 50 == 0:
                time.sleep(0.02)

    thread = threading.Thread(target=send)
    thread.start()
    for receipted in (200, 700, 1300, 2000):
        eventually(lambda n=receipted: len(house.receipts) >= n)  # type: ignore[misc]
        ingest.kill()
        ingest.start()
    thread.join()
    # What was in flight to a dead ingest waits in its session, or is sent again.
    until = time.monotonic() + 20
    while house.waiting and time.monotonic() < until:
        time.sleep(1)
        house.send_again()
    assert not house.waiting
    rows = cloud.rows("SELECT count(*), count(DISTINCT seq), min(seq), max(seq) FROM reading")
    assert rows == [(3000, 3000, 0, 2999)]
    assert cloud.rows("PRAGMA integrity_check") == [("ok",)]


def test_the_broker_may_come_later_go_and_come_back(cloud: Cloud) -> None:
    cloud.broker.stop()
    ingest = cloud.start("ingest")
    ingest.says("nothing listens there")
    cloud.broker.start()
    ingest.says("connected")
    house = cloud.concentrator()
    house.send("m1", reading(1))
    house.all_receipted()
    cloud.broker.kill()
    eventually(lambda: ingest.said.count("cannot be used") >= 2)
    cloud.broker.start()
    eventually(lambda: ingest.said.count("connected to the broker") == 2)
    house.send("m1", reading(2))
    until = time.monotonic() + 15
    while house.waiting and time.monotonic() < until:
        time.sleep(0.5)
        house.send_again()
    assert cloud.rows() == [(2,)]


def test_told_to_end_it_ends_cleanly(cloud: Cloud) -> None:
    ingest = cloud.start("ingest")
    ingest.says("connected")
    began = time.monotonic()
    assert ingest.stop() == 0
    assert time.monotonic() - began < 5
    (process,) = cloud.store.processes()
    assert json.loads(process.state)["state"] == "ended"


def test_told_to_end_without_a_broker_it_ends_cleanly(cloud: Cloud) -> None:
    cloud.broker.stop()
    ingest = cloud.start("ingest")
    ingest.says("nothing listens there")
    assert ingest.stop() == 0


def test_states_of_boxes_are_kept_retained_or_not(cloud: Cloud) -> None:
    house = cloud.concentrator()
    house.send_raw(topics.concentrator_status("house-1"), encoded({"state": "online"}), retain=True)
    cloud.start("ingest").says("connected")
    house.send("m1", reading(1))
    house.all_receipted()
    house.send("m1", {"state": "online", "framesOk": 3}, "status")
    house.all_receipted()
    boxes = {(b.kind, b.name): json.loads(b.status or "") for b in cloud.store.boxes()}
    assert boxes[("concentrator", "house-1")] == {"state": "online"}
    assert boxes[("adapter", "m1")]["framesOk"] == 3
    house.send_raw(topics.uplink("house-1", "m1", "status"), b"")
    house.all_receipted()
    assert [b.kind for b in cloud.store.boxes()] == ["concentrator"]


def test_two_ingestors_on_one_file_store_everything_once(cloud: Cloud) -> None:
    other = cloud.folder / "other.toml"
    other.write_text(
        cloud.config.read_text().replace("tls = false", 'tls = false\nclient_id = "b"')
    )
    cloud.start("ingest").says("connected")
    second = Process("ingest", other)
    try:
        eventually(lambda: connected(cloud) == 2)
        house = cloud.concentrator()
        for seq in range(500):
            house.send("m1", reading(seq))
        eventually(lambda: len(house.receipts) == 1000)
    finally:
        second.kill()
    assert cloud.rows() == [(500,)]
    assert cloud.rows("PRAGMA integrity_check") == [("ok",)]


def test_several_share_the_stream_as_a_group(cloud: Cloud) -> None:
    configs = []
    for name in ("a", "b", "c"):
        path = cloud.folder / f"{name}.toml"
        path.write_text(
            cloud.config.read_text().replace(
                "tls = false", f'tls = false\ngroup = "ingest"\nclient_id = "{name}"'
            )
        )
        configs.append(Process("ingest", path))
    try:
        eventually(lambda: connected(cloud) == 3)
        house = cloud.concentrator()
        for seq in range(300):
            house.send("m1", reading(seq))
        house.all_receipted()
        assert cloud.store.counters() == {"stored": 300}
    finally:
        for process in configs:
            process.kill()


def test_another_ingest_with_the_same_client_id_is_told(cloud: Cloud) -> None:
    first = cloud.start("ingest")
    first.says("connected")
    second = Process("ingest", cloud.config)
    try:
        first.says("broker.client_id")
    finally:
        second.kill()


def test_a_certificate_of_its_own_and_a_verified_broker(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], authority: Authority
) -> None:
    server, client = authority.issue("broker", ("localhost",)), authority.issue("cloud-ingest")
    ca = authority.certificate_path
    rules = ["user cloud-ingest", "topic read concentrator/#", "topic write cloud/+/receipts"]
    broker = mosquitto(tls=(ca, *server), client_certificates=True, rules=rules)
    secured = Cloud(tmp_path, broker)
    login = f'ca = "{ca}"\ncertificate = "{client[0]}"\nkey = "{client[1]}"'
    secured.configure(login)
    try:
        secured.start("ingest").says("connected to the broker localhost")
        # A broker of another authority is not believed.
        stranger = Authority(tmp_path / "other")
        secured.configure(login.replace(str(ca), str(stranger.certificate_path)))
        secured.start("ingest").says("its certificate is not valid")
    finally:
        secured.end()


def test_a_broker_that_refuses_receipts_is_seen_through(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto(
        users={"cloud": "test-secret", "house": "test-secret"},
        rules=[
            "user cloud",
            "topic read concentrator/#",
            "user house",
            "topic readwrite concentrator/#",
            "topic read cloud/#",
        ],
    )
    password = tmp_path / "password"
    password.write_text("test-secret\n")
    password.chmod(0o600)
    refused = Cloud(tmp_path, broker)
    refused.configure('tls = false\nuser = "cloud"\npassword_file = "password"')
    try:
        ingest = refused.start("ingest")
        ingest.says("connected")
        house = refused.concentrator("house-1", user="house", password="test-secret")
        house.send("m1", reading(1))
        # mosquitto 2.0.11 hangs up as soon as it has refused, later ones only refuse
        eventually(lambda: "write cloud/+/receipts" in ingest.said)
        assert "test-secret" not in ingest.said
    finally:
        refused.end()


def test_a_wrong_password_is_said(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto(users={"cloud": "right"})
    password = tmp_path / "password"
    password.write_text("wrong")
    password.chmod(0o600)
    refused = Cloud(tmp_path, broker)
    refused.configure('tls = false\nuser = "cloud"\npassword_file = "password"')
    try:
        refused.start("ingest").says("this user is not authorized")
    finally:
        refused.end()


@pytest.mark.parametrize("answer", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", None])
def test_a_broker_of_3_1_1_alone_is_talked_to_in_3_1_1(cloud: Cloud, answer: bytes | None) -> None:
    """answer: what an older broker says to MQTT 5; None hangs up."""
    versions: list[int] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            first = client.recv(1000)
            versions.append(first[8])
            if first[8] == 5:
                client.sendall(answer or b"")
                client.close()
                continue
            client.sendall(b"\x20\x02\x00\x00")
            packet = client.recv(1000)
            client.sendall(b"\x90\x03" + packet[2:4] + b"\x01")
            topic = topics.uplink("house-1", "m1", "reading").encode()
            body = len(topic).to_bytes(2, "big") + topic + b"\x00\x01" + encoded(reading(1))
            size = bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
            client.sendall(b"\x32" + size + body)
            got = b""
            while b"\x40\x02\x00\x01" not in got:
                got += client.recv(1000)
            answers.append(got)

    answers: list[bytes] = []
    threading.Thread(target=serve, daemon=True).start()
    port = listener.getsockname()[1]
    cloud.config.write_text(f'[broker]\nhost = "127.0.0.1"\nport = {port}\ntls = false\n')
    cloud.start("ingest").says("MQTT 3.1.1")
    eventually(lambda: answers)
    listener.close()
    assert versions == [5, 4]
    digest = receipt.digest(topics.uplink("house-1", "m1", "reading"), encoded(reading(1)))
    # the receipt goes before the acknowledgement
    assert answers[0].index(digest) < answers[0].index(b"\x40\x02\x00\x01")
    assert cloud.rows() == [(1,)]


def test_serve_needs_no_settings(tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    (tmp_path / "password").write_text("test-secret\n")
    (tmp_path / "password").chmod(0o600)
    port = free_port()
    config.write_text(
        f'[broker]\nembedded = true\nport = {port}\npassword_file = "password"\n'
        '[http]\nport = 0\naccess = "open"\n'
    )
    process = Process("serve", config)
    try:
        process.says("connected to the broker")
        house = Concentrator("house-1", port, user="concentrator", password="test-secret")
        for seq in range(20):
            house.send("m1", reading(seq))
        house.all_receipted()
        house.stop()
        (meter,) = process.get("v1/meters")
        assert meter["newest"]["seq"] == 19
        assert process.stop() == 0
    finally:
        process.kill()


@pytest.mark.usefixtures("usual_ports")
def test_interrupted_serve_ends_cleanly_and_kept_its_password(tmp_path: Path) -> None:
    for port in (1883, 8080):
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", port)), f"port {port} is taken; end what has it"
    process = Process("serve", None, XDG_DATA_HOME=str(tmp_path))
    try:
        assert process.address == "http://127.0.0.1:8080/"
        process.says("open http://127.0.0.1:8080/#login=")
        assert process.refusal("v1/meters")[0] == 401
        assert process.process is not None
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(60) == 0
        secret = tmp_path / "smartmeter-cloud" / "concentrator.password"
        assert secret.stat().st_mode & 0o077 == 0
        assert secret.read_text().strip() not in process.said
    finally:
        process.kill()
