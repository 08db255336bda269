"""The tools of the firmware's tests: a wire, a meter, a listener at the broker."""

import array
import contextlib
import fcntl
import json
import os
import pty
import queue
import select
import socket
import subprocess
import sys
import termios
import threading
import time
import tty
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from tests.documented import Witness
from tools import flash as install
from tools.certificates import Authority
from tools.environment.mosquitto import Mosquitto
from tools.meters import forms
from tools.meters.household import Household
from tools.provision import device
from tools.provision.answers import Answers
from tools.virtual_board import VirtualBoard

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FIRMWARE = REPOSITORY / "firmware"

METER = "test-meter"
KEY = bytes(range(16))
WIFI = {"Home": "wifi-password-of-the-tests"}
USERS = {"adapter": "adapter-password-of-the-tests", "test": "test"}

_MPREMOTE_S = 120
_WIRE_S = 30

# for what an ESP32 without PSRAM is to do
CLASSIC = pytest.mark.parametrize("board_class", ["classic"])
# for tests where 64 bits add nothing to the 32 of an ESP32
ONE_WORD_SIZE = pytest.mark.parametrize("binary", ["micropython32"], indirect=True)
# for those that take long: `make word-sizes` runs them with 64 bits, too
LONG = pytest.mark.parametrize(
    "binary",
    ["micropython32", "micropython"] if os.environ.get("WORD_SIZES") else ["micropython32"],
    indirect=True,
)


def umqtt_versions() -> list[Path | None]:
    """None for the one of prepare.py, and each folder in UMQTT_VERSIONS that holds umqtt/."""
    folder = os.environ.get("UMQTT_VERSIONS")
    found = sorted(Path(folder).glob("*/umqtt/simple.py")) if folder else []
    assert found or not folder, f"UMQTT_VERSIONS: {folder} holds no */umqtt/simple.py"
    return [None, *(f.parent.parent for f in found)]


class Hangs(Exception):
    """mpremote waits for a board that does not answer; the test shows the board's console."""


def mpremote(port: str, *arguments: str, given: str | None = None, check: bool = True) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", port, *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=_MPREMOTE_S,
        )
    except subprocess.TimeoutExpired as why:  # it waits forever for a byte that got lost
        raise Hangs(f"mpremote {arguments} hangs, having said {why.stdout!r}") from None
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def flash(folder: Path, binary: str) -> Path:
    """The flash of a board on which tools.flash has put the firmware."""
    with VirtualBoard(folder / "board", micropython=binary) as board:
        install.flash(board.port)
    return folder / "board" / "flash.img"


def changed(*changes: tuple[str, str, str]) -> dict[str, str]:
    """The sources of the firmware with other text: (name of the file, old, new)."""
    files = install.sources()
    for name, old, new in changes:
        assert old in files[name]
        files[name] = files[name].replace(old, new)
    return files


def patch(board: VirtualBoard, changes: dict[str, tuple[str, str]]) -> None:
    """Puts changed files of the firmware on the board, and restarts it until it is connected."""
    before = install.compiled(install.sources())
    after = install.compiled(changed(*[(name, old, new) for name, (old, new) in changes.items()]))
    commands: list[str] = []
    for name, data in after.items():
        if data != before.get(name):
            file = board.folder / Path(name).name
            file.write_bytes(data)
            commands += ["+", "cp", str(file), f":{name}"]
    board.wait_console("broker: connected")  # what boots is interrupted by a test of its own
    mpremote(board.port, *commands[1:])
    said = len(board.console())
    mpremote(board.port, "reset")
    board.wait_console("board: reset", 60, said)
    board.wait_console("broker: connected", 60, board.console().rindex("board: reset"))


class Wire:
    """The meter's side of a wire to the board."""

    def __init__(self, folder: Path) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = folder / "wire"
        self.path.symlink_to(os.ttyname(self._slave))

    def send(self, data: bytes) -> None:
        """Waits while the kernel's buffer is full, but not forever."""
        until = time.monotonic() + _WIRE_S
        while data:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._master, data) :]
                continue
            if time.monotonic() > until:
                raise TimeoutError(f"nobody has read the meter's wire for {_WIRE_S} s")
            select.select([], [self._master], [], 0.1)

    def taken(self) -> None:
        """Waits until the reader has read everything."""
        until = time.monotonic() + _WIRE_S
        waiting = array.array("i", (1,))
        empty = 0  # looks; the kernel hands on what was written a moment later
        while empty < 3:
            fcntl.ioctl(self._slave, termios.FIONREAD, waiting)
            empty = 0 if waiting[0] else empty + 1
            assert time.monotonic() < until, f"{waiting[0]} bytes on the wire are not taken"
            time.sleep(0.02)

    def received(self, seconds: float = 60.0) -> bytes:
        """What the board has sent within that time, as soon as there is anything."""
        readable, _, _ = select.select([self._master], [], [], seconds)
        return os.read(self._master, 4096) if readable else b""

    def clear(self) -> None:
        termios.tcflush(self._slave, termios.TCIFLUSH)

    def close(self) -> None:
        for fd in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(fd)


class TestMeter:
    """A virtual meter on the wire; a test decides when it sends telegrams."""

    __test__ = False

    def __init__(self, wire: Wire, form: str = "kaifa-ma309", **options: Any) -> None:
        self.wire = wire
        self._meter = forms.make(form, Household(seed=7), key=KEY, **options)
        self._at = datetime.now(UTC).replace(microsecond=0).timestamp()

    def set_clock(self, moment: datetime) -> None:
        self._at = moment.timestamp()

    def make(self) -> tuple[bytes, dict[str, Any]]:
        self._at += 5
        return self._meter.telegram(datetime.fromtimestamp(self._at, UTC))

    def send(self) -> dict[str, Any]:
        data, truth = self.make()
        self.wire.send(data)
        return truth


class Listener:
    """What arrives at the broker."""

    def __init__(self, broker: Mosquitto, ca: Path | None) -> None:
        self.prefix = "smartMeterMessage"
        self._got: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._witness = Witness(lambda topic, _: topic.startswith(self.prefix))
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("test", USERS["test"])
        if ca:
            self._client.tls_set(str(ca))
        self._begin(broker.port)

    def _begin(self, port: int) -> None:
        self._client.on_message = self._message
        self._client.on_connect = lambda c, *_: c.subscribe("#", 1)
        listens = threading.Event()
        self._client.on_subscribe = lambda *_: listens.set()
        self._client.reconnect_delay_set(0.2, 0.5)
        self._client.connect("localhost", port)
        self._client.loop_start()
        assert listens.wait(30), "the broker does not answer its listener"

    def _message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        self._witness.hear(message.topic, message.payload)
        self._got.put((message.topic, message.payload))

    def use(self, port: int) -> None:
        """Listens at another broker from now on, without TLS."""
        self.close()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("test", USERS["test"])
        self._begin(port)

    def payload(self, specific: str, seconds: float = 60.0, meter: str = METER) -> bytes:
        """The next message on {prefix}/{meter}/{specific}."""
        until = time.monotonic() + seconds
        while True:
            topic, payload = self._got.get(timeout=max(0.01, until - time.monotonic()))
            if topic == f"{self.prefix}/{meter}/{specific}":
                return payload

    def next(self, specific: str, seconds: float = 60.0, meter: str = METER) -> Any:
        """The JSON of it."""
        payload = self.payload(specific, seconds, meter)
        return json.loads(payload, parse_float=Decimal, parse_int=Decimal)

    def forget(self) -> None:
        """Drops what has arrived so far."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._got.get_nowait()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        assert not self._witness.faults


@dataclass
class Setup:
    """All of it; settings may be changed before provision()."""

    board: VirtualBoard
    broker: Mosquitto
    listener: Listener
    authority: Authority
    settings: dict[str, Any]
    secrets: dict[str, bytes]

    def provision(self) -> None:
        """Starts the board with what tools.provision would leave in its NVS."""
        answers = Answers(self.settings, self.secrets).checked()
        nvs = device.adapter_settings
        values = {nvs.DOCUMENT: json.dumps(answers.settings).encode()} | answers.secrets
        self.board.kill()
        self.board.set_nvs(nvs.NAMESPACE, values, nvs.SECRETS.keys() - values.keys())
        self.board.start()

    def write(self) -> None:
        """Puts the settings on the board as tools.provision does; it waits at its prompt then."""
        device.write(self.board.port, Answers(self.settings, self.secrets).checked())

    def soon(self, text: str, after: int = 0) -> None:
        """Returns once text stands on the console; the board's pauses are over at once."""
        until = time.monotonic() + 60
        while text not in self.board.console()[after:]:
            self.board.pass_time(2, 2)
            assert time.monotonic() < until, f"no {text!r}: {self.board.console()[after:]}"

    def later(self, seconds: int = 61) -> Any:
        """The status after so many seconds of the board's time, or a little more."""
        self.listener.forget()  # or a status of before would do
        self.board.pass_time(seconds, seconds)
        until = time.monotonic() + 60
        while True:
            try:
                return self.status(2)
            except queue.Empty:  # a leap of the clock may have cut it off, and it pauses now
                assert time.monotonic() < until, self.board.console()[-800:]
                self.board.pass_time(20, 20)

    def status(self, seconds: float = 60.0) -> Any:
        """The next status in which the adapter is online."""
        while (status := self.listener.next("status", seconds))["state"] == "offline":
            pass
        return status


def with_a_clock_to_turn(setup: Setup) -> None:
    """Provisions; board.pass_time() then lets time pass for the board alone."""
    setup.board.kill()
    setup.board.pass_time(0)
    setup.board.start()
    setup.provision()
    setup.status()


def agrees(reading: dict[str, Any], truth: dict[str, Any]) -> bool:
    """Whether every value of a published reading is what the meter put in."""
    sent = {code: Decimal(str(value)) for code, value in truth["values"].items()}
    sent.setdefault("16.7.0", sent["1.7.0"] - sent["2.7.0"])
    got = reading["values"]
    assert len(got) == 13, got
    return all(sent[code] == value for code, value in got.items())


class Gate:
    """A way to a broker that takes connections and lets nothing through until it is opened."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connected = threading.Event()
        self._open = False
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def open(self) -> None:
        """From now on connections go through; those that hang are ended."""
        self._open = True
        self._drop()

    def leads_to(self, broker_port: int) -> None:
        """To another broker from now on; the connections to the one before end."""
        self._broker_port = broker_port
        self._drop()

    def shut(self) -> None:
        """What goes through goes nowhere from now on, without a word; nor do new connections."""
        self._open = False

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._drop()

    def _drop(self) -> None:
        sockets, self._sockets = self._sockets, []
        for s in sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        while True:
            try:
                near = self._server.accept()[0]
            except OSError:
                return
            self._sockets.append(near)
            self.connected.set()
            if self._open:
                far = socket.create_connection(("127.0.0.1", self._broker_port))
                self._sockets.append(far)
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    def _carry(self, a: socket.socket, b: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                if self._open:
                    self._pass(data, b)
            b.shutdown(socket.SHUT_RDWR)

    def _pass(self, data: bytes, to: socket.socket) -> None:
        to.sendall(data)


class Drip(Gate):
    """A way to a broker that holds its answers back, and lets a few bytes through at a time."""

    def __init__(self, broker_port: int, size: int) -> None:
        super().__init__(broker_port)
        self._size = size
        self._held = threading.Semaphore(0)  # pieces that wait
        self._let = threading.Semaphore(0)  # pieces that may pass
        self._flows = False
        self.open()

    def held(self, seconds: float = 60.0) -> None:
        """Returns once a piece waits."""
        assert self._held.acquire(timeout=seconds), "the broker has nothing more to say"

    def let(self) -> None:
        """Lets the piece that waits pass."""
        self._let.release()

    def flow(self) -> None:
        """From now on nothing is held back."""
        self._flows = True
        self._let.release()

    def _pass(self, data: bytes, to: socket.socket) -> None:
        if to.getpeername()[1] == self._broker_port:
            to.sendall(data)
            return
        for at in range(0, len(data), self._size):
            if not self._flows:
                self._held.release()
                self._let.acquire()
            to.sendall(data[at : at + self._size])
