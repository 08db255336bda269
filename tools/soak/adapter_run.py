"""A running adapter: a virtual board with the firmware, a meter's wire, a broker with TLS.

For the soak and the bench. What lies between board and broker is seen by the clock: when the
broker's answers pass, which on a connection without subscriptions are its acknowledgements.
"""

import contextlib
import json
import os
import pty
import queue
import secrets
import select
import shutil
import socket
import threading
import time
import tty
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from cryptography.hazmat.primitives.asymmetric import rsa
from smartmeter import Reading
from smartmeter.receiver import Receiver
from smartmeter.wire.reading_encoder import to_json

from tools import flash, update
from tools.certificates import Authority
from tools.environment.mosquitto import Mosquitto
from tools.meters import forms
from tools.meters.household import Household
from tools.provision import device
from tools.provision.answers import Answers
from tools.virtual_board import VirtualBoard
from tools.virtual_board.memory import Memory

METER = "run"
_KEY = bytes(range(16))
_WIFI = {"run": "password-of-the-run"}
_INTERVAL_S = 5  # between telegrams, as meters of this form send
# Classes of tools/virtual_board/memory.py; words of 64 bits take twice the heap of any chip.
MEMORY = {"micropython32": "c3", "micropython": "psram"}
_WAIT_S = 60
_LOOK_S = 1


class Passage:
    """Carries one connection at a time from the board to the broker, and notes the answers."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.answered: queue.Queue[float] = queue.Queue()
        self._near: socket.socket | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def cut(self) -> None:
        """End the connection that passes now."""
        if self._near:
            with contextlib.suppress(OSError):
                self._near.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        while True:
            try:
                near = self._server.accept()[0]
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:  # the broker is away
                near.close()
                continue
            self._near = near
            with near, far, contextlib.suppress(OSError):
                while self._carry(near, far):
                    pass

    def _carry(self, near: socket.socket, far: socket.socket) -> bool:
        readable, _, _ = select.select([near, far], [], [])
        for s in readable:
            data = s.recv(65536)
            if not data:
                return False
            (far if s is near else near).sendall(data)
            if s is far:
                self.answered.put(time.monotonic())
        return True

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@dataclass(frozen=True)
class Way:
    """How the firmware is installed and what it publishes; boards/README.md names the ways.

    memory: of tools/virtual_board/memory.py. publishes: one of publish.what; without a key if it is
    topics.CIPHERED.
    """

    memory: Memory
    publishes: str = "reading"
    in_place: bool = False


class AdapterRun:
    """The whole setup, in `folder`, running once entered.

    binary: micropython or micropython32. image: the flash of a board that has the firmware.
    update_key: signs the updates of a board that takes them, which costs it heap. form: the
    meter's.
    """

    def __init__(
        self,
        folder: Path,
        binary: str,
        image: Path | None = None,
        update_key: rsa.RSAPrivateKey | None = None,
        way: Way | None = None,
        form: str = "kaifa-ma309",
    ) -> None:
        self._way = way or Way(MEMORY[binary])
        self._image = image
        self._update_key = update_key
        self._authority = Authority(folder / "ca")
        certificate, key = self._authority.issue("broker", ("localhost",))
        ca = self._authority.certificate_path
        passwords = {"adapter": secrets.token_hex(8), "run": secrets.token_hex(8)}
        self.broker = Mosquitto(folder / "broker", users=passwords, tls=(ca, certificate, key))
        self._passwords = passwords
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.board = VirtualBoard(
            folder / "board",
            uart=os.ttyname(self._slave),
            micropython=binary,
            memory=self._way.memory,
            networks=_WIFI,
            romfs=flash.romfs() if self._way.in_place else b"",
        )
        self._meter = forms.make(form, Household(seed=7), key=_KEY)
        self._is_keyed = self._meter.form.ciphered and self._way.publishes != "ciphered"
        self.sent_at = 0.0  # monotonic time of a telegram's last byte
        self._at = datetime.now(UTC).replace(microsecond=0).timestamp()
        self.readings: queue.Queue[dict[str, Any]] = queue.Queue()
        self.statuses: queue.Queue[dict[str, Any]] = queue.Queue()
        self.listens = threading.Event()  # while the client that takes the readings is subscribed

    def __enter__(self) -> "AdapterRun":
        self.broker.start()
        self.passage = Passage(self.broker.port)
        self._listen()
        self.board.pass_time(0)
        if self._image:
            shutil.copy(self._image, self.board.folder / "flash.img")
        else:
            self.board.start()
            flash.flash(self.board.port, self._way.in_place)
            self.board.kill()
        settings: dict[str, Any] = {
            "meter": {"id": METER, "line": "2400 8E1", "rx": 16, "tx": 17},
            "wifi": {"ssid": "run"},
            "broker": {"host": "localhost", "port": self.passage.port, "user": "adapter"},
            "publish": {"what": [self._way.publishes]},
        }
        held = {
            "wifi_password": _WIFI["run"].encode(),
            "broker_password": self._passwords["adapter"].encode(),
            "broker_ca": self._authority.certificate_path.read_bytes(),
        }
        if self._is_keyed:
            held["meter_key"] = _KEY
        if self._update_key:
            numbers = self._update_key.public_key().public_numbers()
            held["update_key"] = numbers.n.to_bytes(384, "big")
        answers = Answers(settings, held).checked()
        # not by mpremote, which needs heap of its own
        document = json.dumps(answers.settings).encode()
        names = device.adapter_settings
        self.board.set_nvs(names.NAMESPACE, {names.DOCUMENT: document} | answers.secrets)
        self.board.start()
        try:
            self.status()
        except queue.Empty:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.board.close()
        self._client.disconnect()
        self._client.loop_stop()
        self.passage.close()
        self.broker.stop()
        os.close(self._master)
        os.close(self._slave)

    def _listen(self) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("run", self._passwords["run"])
        self._client.tls_set(str(self._authority.certificate_path))
        self._client.on_message = self._arrived
        self._client.on_connect = lambda client, *_: client.subscribe("smartMeterMessage/#", 1)
        self._client.on_subscribe = lambda *_: self.listens.set()
        self._client.on_disconnect = lambda *_: self.listens.clear()
        self._client.connect("localhost", self.broker.port)
        self._client.loop_start()

    def _arrived(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic.endswith(("/raw", "/ciphered")):
            self.readings.put(_opened(message.payload, message.topic.endswith("/ciphered")))
            return
        document = json.loads(message.payload, parse_float=Decimal)
        into = self.readings if message.topic.endswith("/reading") else self.statuses
        into.put(document)

    def status(self, seconds: float = _WAIT_S) -> dict[str, Any]:
        """The next status with the adapter online; queue.Empty if it is late, or crashes."""
        while (status := self.next(self.statuses, seconds)).get("state") == "offline":
            pass
        return status

    def next(
        self, arrived: "queue.Queue[dict[str, Any]]", seconds: float = _WAIT_S
    ) -> dict[str, Any]:
        """The next of readings or statuses; queue.Empty if it is late, or the adapter crashes."""
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(queue.Empty):
                return arrived.get(timeout=min(seconds, _LOOK_S))
            if time.monotonic() > until or "adapter: crashed" in self.board.console():
                raise queue.Empty

    def update(self, version: str) -> str:
        """Push the firmware under another version; return the version that runs then."""
        assert self._update_key, "this board takes no updates"
        files = flash.sources()
        name = "lib/smartmeter/__init__.py"
        files[name] = files[name].replace(flash.version(), version)
        data = update.bundle(flash.compiled(files), version, self._update_key)
        ca = self._authority.certificate_path
        password = self._passwords["run"]
        return update.push(data, METER, "localhost", self.broker.port, ca, "run", password)

    def send(self) -> dict[str, Any]:
        """Sends a telegram on the wire; returns the meter's values."""
        self._at += _INTERVAL_S
        data, truth = self._meter.telegram(datetime.fromtimestamp(self._at, UTC))
        os.write(self._master, data)
        self.sent_at = time.monotonic()
        return truth


def _opened(telegram: bytes, is_ciphered: bool) -> dict[str, Any]:
    """The JSON of the reading in a telegram, as the Concentrator makes it; {} without one."""
    receiver = Receiver(_KEY if is_ciphered else None)
    for event in receiver.feed(telegram) + receiver.flush():
        if isinstance(event, Reading):
            document: dict[str, Any] = json.loads(to_json(event), parse_float=Decimal)
            return document
    return {}


def agrees(reading: dict[str, Any], truth: dict[str, Any]) -> bool:
    """Whether the 13 values of a published reading are those of the meter."""
    sent = {code: Decimal(str(value)) for code, value in truth["values"].items()}
    sent.setdefault("16.7.0", sent["1.7.0"] - sent["2.7.0"])
    got = reading["values"]
    return len(got) == 13 and all(sent[code] == value for code, value in got.items())
