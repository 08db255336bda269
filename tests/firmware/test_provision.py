"""Provisioning: what is asked, what is refused and how, and what it says at each stage."""

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.firmware.rig import (
    KEY,
    LONG,
    METER,
    ONE_WORD_SIZE,
    REPOSITORY,
    USERS,
    WIFI,
    Setup,
    TestMeter,
)
from tools.certificates import Authority
from tools.provision import boards
from tools.provision.answers import Answers, Refused, from_file, key, secret
from tools.virtual_board import VirtualBoard

MINIMUM = """board = "ESP32_GENERIC"
[wifi]
ssid = "Home"
[broker]
host = "broker.example"
tls = false
"""


def provision(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.provision", *arguments],
        cwd=REPOSITORY,
        input=given,
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_keys_are_taken_as_they_are_handed_out() -> None:
    want = bytes(range(16))
    assert key(want.hex()) == want
    assert key(want.hex(" ").upper()) == want
    assert key(f"  {want.hex('-')}\n") == want


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("00" * 17 + "0", "32 hex digits, but this one has 35"),
        ("00" * 15, "this one has 30"),
        ("0O" * 16, "only 0-9 and A-F, but this one contains 'O'"),
    ],
)
def test_what_is_no_key_is_told_why(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        secret("meter_key", text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('[broker]\nhost = ""\n[wifi]\nssid="a"', "broker.host is text of 1 to 253"),
        ('[wifi]\nssid="a"', "broker.host is missing"),
        ('[broker]\nhost="a"', "either a section wifi or a section ethernet"),
        ('[broker]\nhost="a"\nport=0\n[wifi]\nssid="a"', "broker.port is a whole number"),
        ('board="WT32_ETH01"\n[broker]\nhost="a"\n[ethernet]', "broker.ca is missing"),
        ('[broker]\nhost="a"\n[wifi]\nssid="a"', "name the board, or both pins"),
        (MINIMUM + "[meter]\ntx=16", "meter.rx and meter.tx are the same pin"),
        (MINIMUM.replace("[broker]", "address = ['1.2.3.4']\n[broker]"), "four addresses"),
        ('[broker]\nhost="a"\nhots="b"\n[wifi]\nssid="a"', "there is no setting broker.hots"),
        (MINIMUM + '[meter]\nid="a/b"', "meter.id is 1 to 64 of A-Z"),
        (MINIMUM + '[meter]\nline="2400"', "meter.line a line is"),
        (MINIMUM + '[meter]\nline="2401 8E1"', "a baud rate is one of"),
        (MINIMUM + '[publish]\nvalues=["1.8"]', "publish.values is a list of OBIS codes"),
        ("broker=3", "broker is a section of settings"),
        (MINIMUM + "[nonsense]", "there is no section nonsense"),
        ("[wifi", "adapter.toml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, change: str, words: str) -> None:
    config = tmp_path / "adapter.toml"
    config.write_text(change)
    done = provision("--board", "/dev/null", "--config", str(config), "--secrets", "-")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_id_of_its_own_is_given_where_none_is_set(tmp_path: Path) -> None:
    config = tmp_path / "adapter.toml"
    config.write_text(MINIMUM)
    ids = {from_file(config).checked().settings["meter"]["id"] for _ in range(2)}
    assert len(ids) == 2
    assert {len(i) for i in ids} == {36}


def test_the_specification_s_adapter_configuration_is_taken(tmp_path: Path) -> None:
    config = tmp_path / "adapter.json"
    document = {
        "MeterIndividualId": "0b8f1a52-8a8e-4ad1-b7b5-6c6b3a1b2c3d",
        "OperationalPropertyMapping": [{"from": c, "to": f"OBIS_{c}"} for c in ("1.8.0", "2.8.0")],
        "CloudAuth": {"username": "adapter", "password": "of-the-tests"},
        "board": "ESP32_GENERIC",
        "wifi": {"ssid": "Home"},
        "broker": {"host": "broker.example", "tls": False},
    }
    config.write_text(json.dumps(document))
    answers = from_file(config).checked()
    assert answers.settings["meter"]["id"] == document["MeterIndividualId"]
    assert answers.settings["publish"]["values"] == ["1.8.0", "2.8.0"]
    assert answers.settings["broker"]["user"] == "adapter"
    assert answers.secrets == {"broker_password": b"of-the-tests"}
    document["OperationalPropertyMapping"] = [
        {"from": "1-0:1.8.0", "to": "OBIS_1.8.0"},
        {"from": "0-2:24.2.1", "to": "OBIS_0-2:24.2.1"},
    ]
    config.write_text(json.dumps(document))
    assert from_file(config).checked().settings["publish"]["values"] == ["1.8.0", "0-2:24.2.1"]
    document["OperationalPropertyMapping"] = [{"from": "1.8.0", "to": "OBIS_2.8.0"}]
    config.write_text(json.dumps(document))
    with pytest.raises(Refused, match="can only become OBIS_1"):
        from_file(config)


def test_secrets_that_others_can_read_are_refused(tmp_path: Path) -> None:
    config, secrets = tmp_path / "adapter.toml", tmp_path / "secrets"
    config.write_text(MINIMUM)
    secrets.write_text("meter_key=" + "00" * 16)
    secrets.chmod(0o644)
    done = provision("--board", "/dev/null", "--config", str(config), "--secrets", str(secrets))
    assert done.returncode == 1
    assert "chmod 600" in done.stderr


def test_nobody_to_ask_and_no_board_are_said() -> None:
    done = provision()
    assert (done.returncode, done.stdout) == (1, "")
    assert "this is not a terminal" in done.stderr


def test_a_board_without_firmware_is_told_how_to_get_it(binary: str, tmp_path: Path) -> None:
    config = tmp_path / "adapter.toml"
    config.write_text(MINIMUM)
    with VirtualBoard(tmp_path / "board", micropython=binary) as board:
        done = provision("--board", board.port, "--config", str(config), "--secrets", "-")
        assert done.returncode == 1
        assert "python -m tools.flash --board" in done.stderr
        assert os.listdir(tmp_path / "board" / "nvs") == []


@ONE_WORD_SIZE
def test_stages_and_hints(setup: Setup, meter: TestMeter, tmp_path: Path) -> None:
    """A wrong key: bytes come, frames come, and none opens; the tool says which and what to do."""
    process = _started(setup, tmp_path, "150")
    setup.status(120)  # several programs start before, one after the other
    meter.set_clock(datetime(2026, 11, 22, 20, tzinfo=UTC))  # under a wrong key, 1 in 65 is damage
    for _ in range(2):
        meter.send()
    assert process.stdout
    said = ""
    while "is it this meter's key" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    assert "adapter: version" in said, "it has missed the board's first words"
    assert "meter: bytes come" in said
    assert "77777777" not in said
    process.kill()
    process.wait(60)


@ONE_WORD_SIZE
def test_no_reading_in_time_is_said(setup: Setup, tmp_path: Path) -> None:
    process = _started(setup, tmp_path, "1")
    assert process.stdout
    said = process.stdout.read()
    assert process.wait(60) == 1
    assert "no reading reached the broker in 1 s" in said


def _started(setup: Setup, folder: Path, timeout: str) -> subprocess.Popen[str]:
    """tools.provision, provisioning with a key that is not the meter's."""
    ca = setup.authority.certificate_path
    config = folder / "adapter.toml"
    config.write_text(
        f'board = "ESP32_GENERIC"\n[meter]\nid = "{METER}"\nline = "2400 8E1"\n'
        f'[wifi]\nssid = "Home"\n[broker]\n'
        f'host = "localhost"\nport = {setup.broker.port}\nuser = "adapter"\nca = "{ca}"\n'
    )
    secrets = f"wifi_password={WIFI['Home']}\nmeter_key={'77' * 16}\n"
    secrets += f"broker_password={setup.secrets['broker_password'].decode()}\n"
    command = [sys.executable, "-m", "tools.provision", "--board", setup.board.port]
    command += ["--config", str(config), "--secrets", "-", "--timeout", timeout]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin
    process.stdin.write(secrets)
    process.stdin.close()
    return process


def test_no_secret_stays_from_an_earlier_time(
    new_board: Callable[..., VirtualBoard], tmp_path: Path
) -> None:
    from tools.provision import device

    board = new_board()
    plain = {"board": "WT32_ETH01", "ethernet": {}, "broker": {"host": "localhost", "tls": False}}
    device.write(board.port, Answers(dict(plain), {"meter_key": bytes(16)}).checked())
    device.write(board.port, Answers(dict(plain), {}).checked())
    assert sorted(os.listdir(tmp_path / "board" / "nvs")) == ["smartmeter.settings"]


def test_a_port_that_never_answers_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """mpremote itself waits forever for a byte that got lost in a raw paste."""
    from tools import flash
    from tools.provision import device, mpremote

    master, slave = pty.openpty()
    monkeypatch.setattr(mpremote, "_SECONDS", 1)
    with pytest.raises(mpremote.BoardRefused, match="does not answer; unplug it"):
        device.flashed(os.ttyname(slave))
    with pytest.raises(mpremote.BoardRefused, match="does not answer; unplug it"):
        flash.flash(os.ttyname(slave))
    os.close(master)
    os.close(slave)


def test_a_board_that_is_slow_to_start_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first time it gives no prompt within mpremote's 10 s, the second time it answers."""
    from tools.provision import mpremote

    slow = "import pathlib, sys; here = pathlib.Path(sys.argv[1])\n"
    slow += "print('answer') if here.exists() else (here.touch(), sys.exit(3))"
    monkeypatch.setattr(mpremote, "_RUN", slow)
    assert mpremote.run_script(str(tmp_path / "board"), "") == "answer\n"


def test_a_restart_that_comes_late_leaves_nothing_on_the_console(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the next program at the prompt would restart the board under mpremote's hands."""
    from tools.provision import watch

    master, slave = pty.openpty()
    tty.setraw(slave)
    monkeypatch.setattr(watch, "_NO_ECHO_S", 0)
    stopped = watch.until_reading(os.ttyname(slave), 1, set(), restart=True)
    assert stopped
    assert stopped.is_late
    first, second = os.read(master, 4096).split(b"\x01")[1:]
    assert first == b"import machine; machine.reset()\x04\x03"
    assert second == b"import machine; machine.reset()\x04"
    os.close(master)
    os.close(slave)


def _at_a_terminal() -> None:
    """A shell starts what runs in the background with SIGINT ignored; a terminal does not."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Person:
    """Types answers at a terminal, each to the question that it belongs to."""

    def __init__(self, *arguments: str, site: Path | None = None, cwd: Path = REPOSITORY) -> None:
        """site: the folder of the installed package; without one, the repository's is started."""
        self._master, slave = pty.openpty()
        self._said = ""
        self.transcript = ""
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "smartmeter_provision" if site else "tools.provision",
                *arguments,
            ],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(site or REPOSITORY)},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            # getpass asks at the terminal that a process has, whatever its stdin is
            preexec_fn=_at_a_terminal,
        )
        os.close(slave)

    def reads(self, words: str) -> None:
        """Returns once it has said that, after what was read before."""
        until = time.monotonic() + 90
        while words not in self._said:
            assert time.monotonic() < until, f"no {words!r}: {self._said}"
            assert select.select([self._master], [], [], 90)[0], f"no {words!r}: {self._said}"
            data = os.read(self._master, 4096).decode()
            self._said += data
            self.transcript += data
        self._said = self._said.partition(words)[2]

    def answers(self, question: str, answer: str) -> None:
        self.reads(question)
        os.write(self._master, answer.encode() + b"\n")

    def interrupts(self) -> None:
        """Types Ctrl-C."""
        os.write(self._master, b"\x03")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@LONG
def test_a_person_is_asked_again_where_an_answer_cannot_be(
    setup: Setup, meter: TestMeter, tmp_path: Path
) -> None:
    """From the first question to the first reading, with a mistake at every step."""
    no_ca = tmp_path / "notes.txt"
    no_ca.write_text("no certificate")
    person = Person("--board", setup.board.port)
    person.reads("board: ESP32_GENERIC (Generic ESP32 module with ESP32)")
    person.reads("AT Austria, BE Belgium")
    person.answers("country of the meter", "XX")
    person.reads("'XX' is not in the list")
    person.answers("country of the meter", "at")
    person.reads("2  Kaifa M110, MA309 (Netz Niederoesterreich); M-Bus, RJ12")
    person.answers("the meter [auto]: ", "2400")
    person.reads("the list has the numbers 1 to")
    person.answers("the meter [auto]: ", "2400 9E1")
    person.reads("2400 8E1")
    person.answers("the meter [auto]: ", "2")
    person.reads("M-Bus slave module (TSS721 or NCN5150)")
    person.reads("Key: encryption key.")
    person.answers("what to publish [raw]: ", "reading")
    person.reads("Wi-Fi networks in range:")
    person.reads("1  Home (-58 dBm)")
    person.answers("number or name of the Wi-Fi", "x" * 33)
    person.reads("wifi.ssid is text of 1 to 32 bytes")
    person.answers("number or name of the Wi-Fi", "1")
    person.answers("pairing code of the Concentrator", "smartmeter-pair")
    person.reads("that is not a pairing code")
    person.answers("pairing code of the Concentrator", "")
    person.answers("address of the broker: ", "")
    person.reads("This answer is required")
    person.answers("address of the broker: ", "localhost")
    person.answers("port of the broker", "mqtt")
    person.reads("broker.port is a whole number from 1 to 65535")
    person.answers("port of the broker", str(setup.broker.port))
    person.answers("user at the broker", "adapter")
    person.answers("file of the CA", str(tmp_path / "nothing"))
    person.reads("cannot be read: No such file")
    person.answers("file of the CA", str(no_ca))
    person.reads("does not contain a readable certificate or key")
    person.answers("file of the CA", str(setup.authority.certificate_path))
    person.answers("Wi-Fi password (press Enter", "not-the-password")
    person.answers("password at the broker", USERS["adapter"])
    person.answers("encryption key", "00" * 17 + "0")
    person.reads("a key has 32 hex digits, but this one has 35")
    person.answers("encryption key", "77" * 16)
    person.reads("meter_key: digest")
    person.reads("is the Wi-Fi password right")
    person.answers("Wi-Fi password (press Enter", WIFI["Home"])
    person.reads("broker: connected")
    meter.set_clock(datetime(2026, 11, 22, 20, tzinfo=UTC))  # of which the wrong key is one
    meter.send()
    person.reads("is it this meter's key")
    person.answers("encryption key", KEY.hex(" "))
    person.reads("broker: connected")
    meter.send()
    person.reads("done: the first reading has reached the broker")
    assert person.process.wait(60) == 0
    person.close()


@LONG
def test_the_stage_that_failed_is_named_and_can_be_corrected(setup: Setup, tmp_path: Path) -> None:
    """The meter is silent: the line is asked, and nothing else."""
    config, secrets = tmp_path / "adapter.toml", tmp_path / "secrets"
    config.write_text(
        'board = "ESP32_GENERIC"\n[meter]\nline = "2400 8E1"\n[wifi]\nssid = "Home"\n[broker]\n'
        f'host = "localhost"\nport = {setup.broker.port}\nuser = "adapter"\n'
        f'ca = "{setup.authority.certificate_path}"\n'
    )
    secrets.write_text(f"wifi_password={WIFI['Home']}\nbroker_password={USERS['adapter']}\n")
    secrets.chmod(0o600)
    arguments = ["--board", setup.board.port, "--config", str(config), "--secrets", str(secrets)]
    person = Person(*arguments, "--timeout", "45")
    person.reads("the broker is connected, but the meter sends nothing")
    person.answers("line of the meter [2400 8E1]: ", "2400 8X1")
    person.reads("2400 8E1")
    person.answers("line of the meter [2400 8E1]: ", "")
    person.reads("no reading reached the broker in 45 s: the broker is connected, but the meter")
    assert person.process.wait(60) == 1
    person.close()


@ONE_WORD_SIZE
def test_a_board_without_psram_gets_the_concentrator_s_help(
    new_board: Callable[..., VirtualBoard], tmp_path: Path
) -> None:
    board = new_board(memory="classic")
    person = Person("--board", board.port, cwd=tmp_path)
    person.answers("country of the meter", "no")
    person.answers("the meter [auto]: ", "aidon")
    person.reads("This board has no PSRAM")
    person.answers("what to publish [raw]: ", "")
    person.reads("number or name of the Wi-Fi")
    person.close()


@ONE_WORD_SIZE
def test_ctrl_c_keeps_the_answers_but_no_secret(
    new_board: Callable[..., VirtualBoard], authority: Authority, tmp_path: Path
) -> None:
    board = new_board(memory="psram")
    kept = tmp_path / "smartmeter-answers.json"
    person = Person("--board", board.port, cwd=tmp_path)
    person.answers("country of the meter", "")
    person.answers("the meter [auto]: ", "")
    person.answers("time zone of the meter's clock", "")
    person.answers("number or name of the Wi-Fi", "1")
    person.answers("pairing code of the Concentrator", "")
    person.answers("address of the broker: ", "broker.example")
    person.reads("port of the broker")
    _cancel(person)
    document = json.loads(kept.read_text())
    assert document["broker"] == {"host": "broker.example"}
    assert document["wifi"] == {"ssid": "Home"}

    person = Person("--board", board.port, "--config", kept.name, cwd=tmp_path)
    person.answers("port of the broker [8883]: ", "8884")
    person.answers("user at the broker", "adapter")
    person.answers("file of the CA", str(authority.certificate_path))
    person.answers("Wi-Fi password", "a-secret")
    person.reads("password at the broker")
    _cancel(person)
    assert "Boards:" not in person.transcript, "it has asked for what was kept"
    assert "a-secret" not in person.transcript + kept.read_text()

    person = Person("--board", board.port, "--config", kept.name, cwd=tmp_path)
    person.answers("Wi-Fi password", "a-secret")
    _cancel(person)
    assert "file of the CA" not in person.transcript
    answers = from_file(kept)
    assert answers.settings["broker"] == {"host": "broker.example", "port": 8884, "user": "adapter"}
    assert answers.secrets.keys() == {"broker_ca"}
    assert os.listdir(board.folder / "nvs") == []


def _cancel(person: Person) -> None:
    """Ctrl-C; again if it came between a prompt and its reading, when Python does not see it."""
    for _ in range(10):
        person.interrupts()
        with contextlib.suppress(subprocess.TimeoutExpired):
            person.process.wait(5)
            break
    person.reads("the settings on the board are unchanged")
    assert person.process.returncode == 130
    assert "Traceback" not in person.transcript
    person.close()


@ONE_WORD_SIZE
def test_only_the_stage_that_failed_is_asked_again(
    setup: Setup, meter: TestMeter, tmp_path: Path
) -> None:
    """Wi-Fi, then the broker's name, then its port."""
    config, secrets = tmp_path / "adapter.toml", tmp_path / "secrets"
    config.write_text(
        'board = "ESP32_GENERIC"\n[meter]\nline = "2400 8E1"\n[wifi]\nssid = "Hone"\n[broker]\n'
        'host = "nowhere"\nport = 1\nuser = "adapter"\n'
        f'ca = "{setup.authority.certificate_path}"\n'
    )
    secrets.write_text(
        f"wifi_password={WIFI['Home']}\nbroker_password={USERS['adapter']}\nmeter_key={KEY.hex()}\n"
    )
    secrets.chmod(0o600)
    board = setup.board
    board.kill()
    board.pass_time(0)  # so that its waits can be over at once
    board.air(names=False)
    board.start()
    arguments = ["--board", board.port, "--config", str(config), "--secrets", str(secrets)]
    person = Person(*arguments, "--timeout", "150")
    person.reads("joining Wi-Fi Hone")
    setup.soon("no Wi-Fi of that name")
    person.answers("name of the Wi-Fi [Hone]: ", "Home")
    person.answers("Wi-Fi password (press Enter to keep it): ", "")
    person.answers("host name or address of the broker [nowhere]: ", "localhost")
    board.air(names=True)
    person.reads("connection was refused")
    person.answers("host name or address of the broker [localhost]: ", "")
    person.answers("port of the broker [1]: ", str(setup.broker.port))
    person.reads("broker: connected")
    meter.send()
    person.reads("done: the first reading has reached the broker")
    assert person.process.wait(60) == 0
    for question in ("user at the broker", "password at", "file of the CA", "line of the meter"):
        assert question not in person.transcript
    person.close()


@pytest.mark.parametrize(
    ("machine", "board"),
    [
        ("Generic ESP32 module with ESP32", "ESP32_GENERIC"),
        ("ESP32C3 module with ESP32C3", "ESP32_GENERIC_C3"),
        ("Generic ESP32S3 module with Octal-SPIRAM with ESP32S3", "ESP32_GENERIC_S3"),
        ("M5Stack ATOM with ESP32", "M5STACK_ATOM"),
        ("Raspberry Pi Pico with RP2040", None),
        ("", None),
    ],
)
def test_a_board_is_known_by_what_its_micropython_says(machine: str, board: str | None) -> None:
    assert boards.of_machine(machine) == board
