"""A bug in any thread is seen, and the Concentrator goes on or ends so that it is restarted.

tests/service/test_every_thread.py holds that no thread is missing here.
"""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from smartmeter_service.threads import EXIT_STATUS

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, FakeCloud, eventually, reading
from tests.gateway.test_home import command
from tests.service import faulty
from tools.environment.mosquitto import free_port

SPOOL = "smartmeter_gateway.spool.database:Spool.write"
UPLINK = "smartmeter_gateway.uplink.forwarder:Forwarder._wait_s"
LINK = "smartmeter_mqtt.broker_link:BrokerLink._serve"
PORT = "smartmeter_gateway.intake.serial_source:SerialSource._note_silence"
STATE = "smartmeter_gateway.integrations.state_publisher:StatePublisher._round"
HTTP = "smartmeter_gateway.web.server:_Server.service_actions"
REQUEST = "smartmeter_gateway.web.server:_Handler._page"
HISTORY = "smartmeter_gateway.app:recall"
RENEWAL = "smartmeter_gateway.provisioning.est_client:Renewal._look"
PAIRING = "smartmeter_gateway.provisioning.pairing:Pairing._offer"
SNTP = "smartmeter_gateway.provisioning.sntp_server:_answer"
EMULATION = "smartmeter_gateway.integrations.emulation.http_server:_Server.service_actions"
EMULATION_UDP = "smartmeter_gateway.integrations.emulation.udp_server:UdpServer._answer"
BROKER = "amqtt.broker:Broker._run_broadcast"
MAIN = "smartmeter_gateway.app:notify"
LISTEN = "smartmeter_gateway.cli.serial_scan:_listen"


def start(between: Between, target: str, at_the_start: bool = False) -> Path:
    """Start the Concentrator with a bug in target; what to touch, so that it shows."""
    trigger = between.folder / "trigger"
    if at_the_start:
        trigger.touch()
    between.process.program = faulty.program(target, trigger, "smartmeter_gateway")
    between.process.start()
    return trigger


def status(between: Between) -> Any:
    return json.loads(between.ask("/status"))


def alarm_of(between: Between, thread: str) -> None:
    """Wait until the status and the metrics show the alarm."""
    text = f"{thread}: an unexpected error of this program; it continues."
    eventually(lambda: any(text in a for a in status(between)["alarms"]))
    assert 'smartmeter_gateway_refused_messages_total{kind="fault"} 1.0' in between.ask("/metrics")
    assert "LookupError: a bug that a test put in" in between.process.said


@pytest.mark.parametrize(
    ("target", "thread"),
    [(UPLINK, "uplink"), (LINK, " broker"), (HTTP, "http"), (STATE, "state")],
)
def test_it_goes_on(
    between: Between, adapter: Adapter, cloud: FakeCloud, target: str, thread: str
) -> None:
    trigger = start(between, target, at_the_start=target == LINK)
    between.process.says("LAN broker: connected")
    adapter.publish_and_wait("m1", reading(1))
    eventually(lambda: cloud.seqs("m1") == {1})
    if target != LINK:
        trigger.touch()
    adapter.publish_and_wait("m1", reading(2))
    eventually(lambda: cloud.seqs("m1") == {1, 2})
    alarm_of(between, thread)
    adapter.publish_and_wait("m1", reading(3))
    eventually(lambda: cloud.seqs("m1") == {1, 2, 3})
    assert between.process.stop() == 0


def test_the_spool_s_thread_ends_the_process_and_nothing_is_lost(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    trigger = start(between, SPOOL)
    between.process.says("LAN broker: connected")
    adapter.publish_and_wait("m1", reading(1))
    eventually(lambda: cloud.seqs("m1") == {1})
    trigger.touch()
    adapter.publish_and_wait("m1", reading(2))
    assert between.process.process is not None
    assert between.process.process.wait(60) == EXIT_STATUS != 0
    assert "spool: an unexpected error of this program; it ends" in between.process.said
    assert "LookupError: a bug that a test put in" in between.process.said
    between.process.start()  # as a supervisor does
    eventually(lambda: cloud.seqs("m1") == {1, 2})


def test_the_main_thread_ends_the_process(between: Between) -> None:
    trigger = start(between, MAIN)
    between.process.says("LAN broker: connected")
    trigger.touch()
    assert between.process.process is not None
    assert between.process.process.wait(60) == 1
    assert "LookupError: a bug that a test put in" in between.process.said


def test_a_request_that_fails_is_seen_and_the_next_is_answered(between: Between) -> None:
    trigger = start(between, REQUEST)
    eventually(lambda: "the local page is at" in between.process.said)
    trigger.touch()
    with pytest.raises(OSError, match="closed connection"):
        between.ask("/status")
    alarm_of(between, "http")


def test_the_history_alone_is_missing(between: Between, adapter: Adapter) -> None:
    between.configure(cloud="")
    start(between, HISTORY, at_the_start=True)
    between.process.says("LAN broker: connected")
    alarm_of(between, "history")
    adapter.publish_and_wait("m1", reading(1))
    eventually(lambda: status(between)["meters"].get("m1", {}).get("readings") == 1)


def test_a_port_is_opened_after_a_fault(between: Between) -> None:
    device = between.folder / "meter"
    between.configure(f'[[port]]\ndevice = "{device}"\nmeter = "m1"\nbaud = 9600\n')
    start(between, PORT, at_the_start=True)
    eventually(lambda: "the local page is at" in between.process.said)
    alarm_of(between, f"port {device}")
    _, other = os.openpty()
    device.symlink_to(os.ttyname(other))
    eventually(lambda: status(between)["links"][f"port {device}"]["up"])


def test_a_certificate_is_looked_at_after_a_fault(between: Between) -> None:
    for name in ("c.crt", "c.key"):
        (between.folder / name).write_text("damaged")
        (between.folder / name).chmod(0o600)
    between.configure(
        cloud='[cloud]\nhost = "localhost"\ntls = true\ncertificate = "c.crt"\nkey = "c.key"\n'
        'enroll_url = "https://localhost:1"\n'
    )
    start(between, RENEWAL, at_the_start=True)
    eventually(lambda: "the local page is at" in between.process.said)
    alarm_of(between, "renewal")
    between.process.says("the certificate could not be renewed")


def test_the_time_is_told_after_a_fault(between: Between) -> None:
    port = free_port()
    between.configure(f'[sntp]\nhost = "127.0.0.1"\nport = {port}')
    trigger = start(between, SNTP)
    between.process.says("Concentrator home runs")
    trigger.touch()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.sendto(b"\x1b" + bytes(47), ("127.0.0.1", port))
        alarm_of(between, "sntp")
        client.sendto(b"\x1b" + bytes(47), ("127.0.0.1", port))
        assert len(client.recv(512)) == 48


def test_an_adapter_is_paired_after_a_fault(between: Between) -> None:
    config = between.process.config
    config.unlink()
    made = command("init", "--config", str(config), "--set", "lan.embedded=yes",
                   "--set", "lan.listen=0.0.0.0")  # fmt: skip
    assert made.returncode == 0, made.stderr
    text = config.read_text().replace("embedded = true", "embedded = true\nport = 0")
    config.write_text(text + f"\n[http]\nport = {between.http}\n")
    start(between, PAIRING, at_the_start=True)
    eventually(lambda: "the local page is at" in between.process.said)
    alarm_of(between, "pairing")
    between.process.says("an adapter can be paired at port")


@pytest.mark.parametrize(
    ("target", "thread"), [(EMULATION, "emulation"), (EMULATION_UDP, "emulation (UDP)")]
)
def test_an_emulated_device_answers_after_a_fault(
    between: Between, target: str, thread: str
) -> None:
    http, udp = free_port(), free_port()
    between.configure(
        '[[emulate]]\ndevice = "shelly-pro-3em"\nmeter = "m1"\nhost = "127.0.0.1"\n'
        f"port = {http}\nudp_port = {udp}\n"
    )
    trigger = start(between, target)
    between.process.says("Concentrator home runs")
    trigger.touch()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.connect(("127.0.0.1", udp))
        client.send(b'{"id":1,"method":"Shelly.GetDeviceInfo"}')
        alarm_of(between, thread)
        client.send(b'{"id":2,"method":"Shelly.GetDeviceInfo"}')
        assert b"shellypro3em" in client.recv(4096)
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/shelly", timeout=30) as answer:
        assert answer.status == 200


def test_the_embedded_broker_ends_the_process(between: Between) -> None:
    users = between.folder / "users"
    users.write_text("adapter:test-secret")
    users.chmod(0o600)
    between.process.config.write_text(
        'concentrator = "home"\n[lan]\nembedded = true\nport = 0\nusers_file = "users"\n'
        f"[http]\nport = {between.http}\n"
    )
    trigger = start(between, BROKER)
    between.process.says("LAN broker: connected")
    trigger.touch()
    port = int(between.process.said.partition("listens on 127.0.0.1:")[2].split()[0])
    with Adapter(port, user="adapter", password="test-secret") as adapter:
        adapter.publish("m1", reading(1))
        adapter.publish("m1", reading(2))
        assert between.process.process is not None
        assert between.process.process.wait(60) == EXIT_STATUS
    assert "embedded broker: an unexpected error of this program; it ends" in between.process.said


def test_check_says_which_port_it_could_not_try(between: Between) -> None:
    between.configure('[[port]]\ndevice = "/dev/none"\nmeter = "m1"\nbaud = 9600\n')
    trigger = between.folder / "trigger"
    trigger.touch()
    done = subprocess.run(
        [sys.executable, *faulty.program(LISTEN, trigger, "smartmeter_gateway")]
        + ["check", "--config", str(between.process.config), "--seconds", "1"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "WRONG  port /dev/none: an unexpected error of this program" in done.stdout
