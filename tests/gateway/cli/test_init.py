"""init, check, ports, install-service: from nothing to a Concentrator that runs."""

import json
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import time
import tty
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from smartmeter_broker import EmbeddedBroker
from smartmeter_gateway.config.settings import EmbeddedSettings
from smartmeter_gateway.config.settings_file import load

from tests.gateway.conftest import Between
from tests.gateway.harness import Consumer, eventually
from tests.gateway.intake.test_serial import pushing, secret  # noqa: F401 (a fixture)
from tests.gateway.test_home import command
from tools.certificates import Authority
from tools.environment.mosquitto import Mosquitto
from tools.meters import forms
from tools.meters.household import Household

KEY = "000102030405060708090A0B0C0D0E0F"


def test_init_from_flags_and_a_pipe_writes_what_run_takes(tmp_path: Path) -> None:
    config = tmp_path / "new" / "gateway.toml"
    told = command(
        "init", "--config", str(config),
        "--set", "concentrator=home-7", "--set", "lan.host=broker.lan", "--set", "lan.user=conc",
        "--set", "port1.device=/dev/ttyUSB0", "--set", "port1.meter=m-1",
        "--set", "cloud.host=cloud.example", "--secrets", "-",
        stdin=f"lan.password=s3cret\nport1.key={KEY}\n",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    made = load(config)
    assert made.id == "home-7"
    assert made.lan is not None
    assert made.ports[0].key == bytes(range(16))
    assert made.cloud is not None
    assert made.cloud.tls
    assert "s3cret" not in config.read_text() + told.stdout + told.stderr
    for path in (config.parent / "lan.password", config.parent / "port1.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "# the broker that adapters publish to" in config.read_text()
    again = command("init", "--config", str(config), "--set", "concentrator=x")
    assert again.returncode == 2
    assert "exists already; use --force" in again.stderr


def test_init_from_a_file_of_answers(tmp_path: Path) -> None:
    config, answers = tmp_path / "gateway.toml", tmp_path / "answers.toml"
    answers.write_text(
        'concentrator = "home-8"\nhomeassistant = true\n'
        '[lan]\nembedded = true\nlisten = "0.0.0.0"\ntls = false\n'
        "[http]\nopen = true\n"
        '[[port]]\ndevice = "/dev/ttyUSB0"\nmeter = "a"\n'
        '[[port]]\ndevice = "/dev/ttyUSB1"\nmeter = "b"\nbaud = 9600\n'
    )
    arguments = ("init", "--config", str(config), "--answers", str(answers))
    told = command(
        *arguments, "--set", "port2.baud=2400", "--secrets", "-", stdin="port1.key=" + KEY
    )
    assert told.returncode == 0, told.stderr
    made = load(config)
    assert [(p.meter, p.baud, bool(p.key)) for p in made.ports] == [
        ("a", None, True),
        ("b", 2400, False),
    ]
    assert made.home is not None
    assert made.http is not None
    assert isinstance(made.lan, EmbeddedSettings)
    assert (made.lan.host, made.lan.certificate) == ("0.0.0.0", None)
    assert (made.http.host, bool(made.http.password)) == ("0.0.0.0", True)
    answers.write_text("[lan")
    assert "answers.toml: not TOML: " in command(*arguments, "--force").stderr


@pytest.mark.parametrize(
    ("settings", "pipe", "said"),
    [
        (["concentrator=a b", "lan.host=x"], "", "concentrator must be 1 to 64"),
        (["lan.host=x", "port1.device=/dev/x", "port1.baud=1"], "", "port.baud must be a whole"),
        (["port1.device=/dev/x"], "port1.key=00", "must contain 32 hex digits, but has 2"),
        (["lan.host=x", "lan.hots=y"], "", "lan.hots is not one of the questions"),
        (["lan.host=x", "lan.user=u", "lan.password=p"], "", "is a secret; give it with --secrets"),
        (['lan.host=x"y'], "", "use plain characters"),
        ([], "", "there is no source of readings; give lan.host"),
    ],
)
def test_init_leaves_nothing_half_done(
    tmp_path: Path, settings: list[str], pipe: str, said: str
) -> None:
    config = tmp_path / "gateway.toml"
    flags = [part for setting in settings for part in ("--set", setting)]
    told = command("init", "--config", str(config), *flags, "--secrets", "-", stdin=pipe)
    assert told.returncode == 2
    assert said in told.stderr
    assert told.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


class Person:
    """Somebody at a terminal who answers questions, in any order, by the words in them."""

    def __init__(self, config: Path, *options: str) -> None:
        master, slave = pty.openpty()
        self._master = master
        self.screen = b""
        self._asked = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "smartmeter_gateway", "init", "--config", str(config), *options],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def question(self) -> bytes:
        """What is asked next; b"" at the end of the program."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                if select.select([self._master], [], [], 1)[0]:
                    self.screen += os.read(self._master, 4096)
            except OSError:
                return b""
            asked = self.screen[self._asked :]
            if asked.endswith(b": "):
                self._asked = len(self.screen)
                time.sleep(0.05)  # getpass empties the line before it listens
                return asked
        raise TimeoutError(self.screen.decode())

    def type(self, text: bytes) -> None:
        os.write(self._master, text)

    def answers(self, known: dict[bytes, list[bytes]]) -> int:
        """Answer until the program ends; Enter to what is not known. The exit status."""
        while asked := self.question():
            lines = [answers for words, answers in known.items() if words in asked]
            self.type((lines[0].pop(0) if lines and lines[0] else b"") + b"\n")
        return self.process.wait(60)


def test_three_answers_make_a_concentrator_for_adapters(tmp_path: Path) -> None:
    """An adapter, no Cloud, nothing else: its broker has a CA, a certificate and a user."""
    config = tmp_path / "gateway.toml"
    person = Person(config)
    assert person.answers({}) == 0, person.screen
    made = load(config)
    assert isinstance(made.lan, EmbeddedSettings)
    assert made.lan.host == "0.0.0.0"
    assert made.lan.certificate == tmp_path / "lan.crt"
    assert (tmp_path / "lan-ca.crt").exists()
    assert made.cloud is None
    assert b"smartmeter-pair://" in person.screen
    assert b"next: smartmeter-gateway check" in person.screen


def test_a_wrong_answer_is_asked_again_at_once(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    person = Person(config, "--advanced")
    status = person.answers(
        {
            b"Announce the meters": [b"perhaps", b"nein"],
            b"Id of this Concentrator": [b"Mein Haus", b"home-9"],
            b"Maximum size": [b"lots", b"500"],
            b"Host of the MQTT": [b"localhost:1", b"localhost"],
            b"Port of the LAN": [b"99999", b"1884"],
            b"User at": [b"me"],
            b"Password": [b"hidden one"],
        }
    )
    assert status == 0, person.screen
    assert b"type yes or no, not 'perhaps'" in person.screen
    assert b"concentrator must be 1 to 64 of" in person.screen
    assert b"megabytes must be a whole number from 1 to" in person.screen
    assert b"host must be only a name or an address" in person.screen
    assert b"port must be a port, 1 to 65535" in person.screen
    assert b"hidden one" not in person.screen
    made = load(config)
    assert (made.id, made.spool.megabytes) == ("home-9", 500)
    assert (tmp_path / "lan.password").read_text() == "hidden one\n"


@pytest.mark.parametrize("key", ["Ctrl-C", "Ctrl-D"])
def test_who_cancels_loses_nothing(tmp_path: Path, key: str) -> None:
    config = tmp_path / "gateway.toml"
    person = Person(config, "--advanced")
    known = {b"Id of this": b"home-9", b"Maximum size": b"123"}
    while b"Maximum age" not in (asked := person.question()):
        person.type(next((a for words, a in known.items() if words in asked), b"") + b"\n")
    if key == "Ctrl-C":  # as the terminal would, if the program had it as its own
        person.process.send_signal(signal.SIGINT)
    else:
        person.type(b"\x04")
    assert person.answers({}) == 130
    assert b"Traceback" not in person.screen
    assert b"Your answers are kept" in person.screen
    kept = tmp_path / "gateway.toml.answers"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not config.exists()
    assert Person(config, "--advanced").answers({}) == 0
    made = load(config)
    assert (made.id, made.spool.megabytes) == ("home-9", 123)
    assert not kept.exists()


def test_check_says_line_by_line_what_is_right_and_what_is_not(
    between: Between,
    authority: Authority,
    pushing: Any,  # noqa: F811
) -> None:
    port, _ = pushing("sml")
    certificate, _ = authority.issue("home")
    other_certificate, other_key = authority.issue("other")
    ports = (
        f'[[port]]\ndevice = "{port}"\nmeter = "m"\nbaud = 9600\n'
        '[[port]]\ndevice = "/dev/no-such-port"\nmeter = "n"\nbaud = 9600\n'
    )
    between.configure(ports)
    good = command("check", "--config", str(between.process.config), "--seconds", "60")
    lines = good.stdout.splitlines()
    assert f"ok     LAN broker localhost:{between.lan.port}: connected (without TLS)" in lines
    assert f"ok     cloud broker localhost:{between.cloud.port}: connected (without TLS)" in lines
    assert any(
        f"ok     port {port}: readings come: " in line and "(9600 8N1, sml" in line
        for line in lines
    )
    assert "WRONG  port /dev/no-such-port: no such file or directory" in lines
    assert good.returncode == 1
    broker = f'[cloud]\nhost = "localhost"\nport = {between.cloud.port}\ntls = true\n'
    broker += f'ca = "{authority.certificate_path}"\nkey = "{other_key}"\n'
    between.configure(cloud=f'{broker}certificate = "{certificate}"')
    bad = command("check", "--config", str(between.process.config))
    assert f"WRONG  cloud broker: {other_key} is not the key of {certificate}" in bad.stdout
    assert "WRONG  cloud broker localhost:" in bad.stdout
    between.configure(cloud=f'{broker}certificate = "{other_certificate}"')
    bad = command("check", "--config", str(between.process.config))
    assert f"cloud broker: {other_certificate} belongs to other; the broker needs" in bad.stdout
    assert f"{between.cloud.port}: connection reset by peer; perhaps it does not speak TLS" in (
        bad.stdout
    )


def test_check_names_each_topic_that_a_broker_forbids(
    between: Between, mosquitto: Callable[..., Mosquitto]
) -> None:
    """The broker acknowledges what it forbids; only MQTT 5 says that it did."""
    between.lan = mosquitto(rules=["topic read smartMeterMessage/#"])
    between.cloud = mosquitto(rules=["topic read cloud/#"])
    between.configure("[homeassistant]")
    told = command("check", "--config", str(between.process.config))
    assert told.returncode == 1
    for broker, topic in (
        ("LAN broker", "concentrator/home/smartMeterMessage/check/state"),
        ("LAN broker", "concentrator/home/status"),
        ("LAN broker", "homeassistant/device/smartmeter_check/config"),
        ("cloud broker", "concentrator/home/smartMeterMessage/check/status"),
    ):
        is_lan = broker == "LAN broker"
        port, option = (between.lan.port, " --lan") if is_lan else (between.cloud.port, "")
        assert (
            f"WRONG  {broker} localhost:{port}: it does not let us publish on {topic}: "
            f"this user is not authorized; `smartmeter-gateway broker-rules{option}` prints"
        ) in told.stdout


def test_check_disturbs_no_consumer_of_a_running_concentrator(between: Between) -> None:
    between.configure("[homeassistant]")
    between.process.start().says("LAN broker (publishing): connected")
    with Consumer(between.lan.port) as consumer:
        eventually(lambda: consumer.heard.get("concentrator/home/status"))
        told = command("check", "--config", str(between.process.config))
        assert told.returncode == 0, told.stdout
        assert "we may publish on homeassistant/device/smartmeter_check/config" in told.stdout
        eventually(lambda: "homeassistant/device/smartmeter_check/config" in consumer.heard)
        states = [json.loads(p)["state"] for p in consumer.heard["concentrator/home/status"]]
        assert set(states) == {"online"}


@pytest.mark.parametrize("bound", [None, 10_000_000])
def test_check_advises_a_bound_for_packets(
    between: Between, mosquitto: Callable[..., Mosquitto], bound: int | None
) -> None:
    if bound:
        between.lan = mosquitto(settings=[f"max_packet_size {bound}"])
        between.configure()
    told = command("check", "--config", str(between.process.config))
    assert told.returncode == 0, told.stdout
    assert ("set max_packet_size" in told.stdout) == (bound is None)


def test_check_says_nothing_of_a_bound_that_it_cannot_know(between: Between) -> None:
    """A broker of MQTT 3.1.1 does not tell."""
    users = {"concentrator": "its password"}
    password = secret(between.folder / "password", users["concentrator"])
    with EmbeddedBroker("127.0.0.1", 0, users=users) as broker:
        between.process.config.write_text(
            f'concentrator = "home"\n[http]\nport = {between.http}\n[lan]\nhost = "127.0.0.1"\n'
            f'port = {broker.port}\nuser = "concentrator"\npassword_file = "{password}"\n'
        )
        told = command("check", "--config", str(between.process.config))
    assert f"ok     LAN broker 127.0.0.1:{broker.port}: connected (without TLS)" in told.stdout
    assert "max_packet_size" not in told.stdout


def test_check_tries_what_we_listen_on_unless_we_run(between: Between) -> None:
    secret(between.folder / "users", "adapter:its password")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        between.process.config.write_text(
            f'concentrator = "home"\n[lan]\nembedded = true\nport = {port}\nusers_file = "users"\n'
            f"[http]\nport = {between.http}\n"
        )
        told = command("check", "--config", str(between.process.config))
    assert told.returncode == 1
    free = command("check", "--config", str(between.process.config)).stdout
    assert "the port is free; no other machine reaches it\n" in free
    where = f"127.0.0.1:{port}"
    assert (
        f"WRONG  the broker inside (without TLS, users adapter) on {where}: address" in told.stdout
    )
    assert f"ok     local page on 127.0.0.1:{between.http}: the port is free" in told.stdout
    assert told.stderr == ""
    between.process.start().says("LAN broker: connected")
    told = command("check", "--config", str(between.process.config))
    assert told.returncode == 0
    assert "ok     the running Concentrator uses its ports" in told.stdout


def test_check_tells_a_wrong_key_from_a_dead_line(between: Between) -> None:
    masters = []
    lines = []
    for name in ("quiet", "keyed"):
        master, slave = pty.openpty()
        tty.setraw(slave)
        masters.append(master)
        lines.append(f'[[port]]\ndevice = "{os.ttyname(slave)}"\nmeter = "{name}"\nbaud = 2400')
    between.configure("\n".join(lines), cloud="")
    process = subprocess.Popen(
        [sys.executable, "-m", "smartmeter_gateway", "check", "--seconds", "3",
         "--config", str(between.process.config)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    wire, _ = forms.make("kaifa-ma309", Household(1)).telegram(datetime.now(UTC))
    while process.poll() is None:
        os.write(masters[1], wire)
        time.sleep(0.2)
    assert process.stdout
    said = process.stdout.read()
    assert "no bytes: is the cable on the meter" in said
    assert "telegrams that cannot be decrypted: is it this meter's key?" in said


def test_ports_answers_where_there_are_none_or_some() -> None:
    told = command("ports", "--seconds", "1")
    assert told.returncode == 0
    assert told.stdout.strip()


def test_systemd_is_told_when_it_is_ready_alive_and_stopping(
    between: Between, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        between.process.start()
        assert systemd.recv(100) == b"READY=1"
        assert systemd.recv(100) == b"WATCHDOG=1"
        between.process.stop()
        said = b""
        while said != b"STOPPING=1":
            said = systemd.recv(100)
