"""The test harness of the Cloud: Concentrators, and the Cloud's own processes."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from smartmeter.wire import receipt, refusal, topics
from smartmeter_cloud.cli import main
from smartmeter_mqtt import client_ids

from tests.documented import Witness


def eventually(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """what() once it is true; fails if it does not become true in time."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, f"not true after {seconds} s"
        time.sleep(0.02)
    return found


def reading(seq: int = 1, time_text: str | None = None, **values: float) -> dict[str, Any]:
    """A reading as an adapter sends it; values by code with _ for the points, v1_7_0=133."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(1790000000 + seq))
    codes = {name[1:].replace("_", "."): value for name, value in values.items()}
    return {
        "time": time_text or moment,
        "clock": "meter",
        "seq": seq,
        "auth": "verified",
        "values": codes or {"1.7.0": 133, "2.7.0": 0, "1.8.0": 1136784 + seq, "32.7.0": 229.4},
    }


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


class CommandResult(NamedTuple):
    """The exit status of a command, and its output."""

    status: int
    out: str
    err: str


def command(*arguments: str) -> CommandResult:
    """A command of smartmeter-cloud that ends on its own, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main.main(list(arguments))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return CommandResult(status, out.getvalue(), err.getvalue())


class Concentrator:
    """Sends messages, and repeats those without a receipt, like a Concentrator."""

    def __init__(self, name: str, port: int, **login: Any) -> None:
        self.name = name
        self.waiting: dict[bytes, tuple[str, bytes]] = {}
        self.receipts: list[bytes] = []
        self.refusals: list[refusal.Refusal] = []
        self._witness = Witness()
        self._lock = threading.Lock()
        self.connected = threading.Event()
        client_id = login.get("client_id", client_ids.of_concentrator(name))
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id)
        if "user" in login:
            self.client.username_pw_set(login["user"], login["password"])
        if "ca" in login:
            certificate, key = login.get("certificate", (None, None))
            self.client.tls_set(str(login["ca"]), certificate, key)
        self.client.max_inflight_messages_set(0)
        self.client.reconnect_delay_set(0.1, 0.5)
        self.client.on_connect = self._subscribe
        self.client.on_message = self._answer
        self.client.connect_async("localhost", port)
        self.client.loop_start()

    def _subscribe(self, *_: object) -> None:
        self.client.subscribe(refusal.every_answer(self.name), 1)
        self.connected.set()

    def _answer(self, _: object, __: object, message: paho.MQTTMessage) -> None:
        self._witness.hear(message.topic, message.payload)
        if message.topic == refusal.topic(self.name):
            self.refusals.append(refusal.decode(message.payload))
            return
        for digest in receipt.split(message.payload):
            self.receipts.append(digest)
            with self._lock:
                self.waiting.pop(digest, None)

    def send(self, meter: str, document: Any, specific: str = "reading", **more: Any) -> bytes:
        payload = document if isinstance(document, bytes) else encoded(document)
        return self.send_raw(topics.uplink(self.name, meter, specific), payload, **more)

    def send_raw(self, topic: str, payload: bytes, **more: Any) -> bytes:
        assert self.connected.wait(60)
        digest = receipt.digest(topic, payload)
        with self._lock:
            self.waiting[digest] = topic, payload
        self.client.publish(topic, payload, qos=1, **more)
        return digest

    def send_again(self, most: int | None = None) -> None:
        """Sends the oldest of the messages without a receipt again, or all of them."""
        with self._lock:
            again = list(self.waiting.values())[:most]
        for topic, payload in again:
            self.client.publish(topic, payload, qos=1)

    def all_receipted(self, seconds: float = 60.0) -> None:
        eventually(lambda: not self.waiting, seconds)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        assert not self._witness.faults


class Process:
    """smartmeter-cloud COMMAND --config FILE. program: what Python runs instead."""

    def __init__(
        self,
        command: str,
        config: Path | None,
        *,
        program: list[str] | None = None,
        **environment: str,
    ) -> None:
        self.program = program or ["-m", "smartmeter_cloud"]
        self._arguments = [command, *(["--config", str(config)] if config else [])]
        self._environment = os.environ | {"PYTHONUNBUFFERED": "1"} | environment
        folder = config.parent if config else Path(environment["XDG_DATA_HOME"])
        self.config = config
        self.log = folder / f"{command}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, text: str, seconds: float = 60.0) -> None:
        def said() -> bool:
            assert self.process is not None
            ended = self.process.poll() is not None
            assert not ended or text in self.said, self.said
            return text in self.said

        eventually(said, seconds)

    @property
    def address(self) -> str:
        """The page's address; waits until it is printed."""
        self.says("the page is at ")
        line = next(line for line in self.said.splitlines() if "the page is at " in line)
        return line.split()[-1]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.address + path, timeout=60) as answer:
            return json.loads(answer.read())

    def refusal(self, path: str, **headers: str) -> tuple[int, str, Any]:
        """(status, content type, document) of a request that is refused."""
        request = urllib.request.Request(self.address + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                raise AssertionError(f"it was answered with {answer.status}")
        except urllib.error.HTTPError as e:
            kind = e.headers["Content-Type"]
            body = e.read()
            return e.code, kind, json.loads(body) if "json" in kind else body.decode()

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status. It has 5 s."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)
