"""The attacker's and the honest senders' MQTT client, and raw connections that it keeps open."""

import fcntl
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import paho.mqtt.client as paho
from smartmeter.wire import receipt, refusal, topics

_HIGH = 1500  # paho waits with select(), which takes file descriptors below 1024
_WAIT_S = 30.0


class Login(NamedTuple):
    """Either user and password, or the files (ca, certificate, key)."""

    user: str | None = None
    password: str | None = None
    files: tuple[Path, Path, Path] | None = None


def eventually(what: Callable[[], Any], seconds: float = _WAIT_S) -> bool:
    """Whether what() becomes true within the time."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def document(seq: int, moment: float, power: int = 200) -> dict[str, Any]:
    """A reading; moment is in s since 1970."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moment))
    values = {"1.7.0": power, "2.7.0": 0, "1.8.0": 1_000_000 + seq}
    return {"time": text, "clock": "meter", "seq": seq, "auth": "verified", "values": values}


class Client:
    """An MQTT client that keeps what it receives."""

    def __init__(
        self, port: int, login: Login, client_id: str = "", will: tuple[str, bytes] | None = None
    ) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.codes: list[str] = []
        self.ends = 0
        self.connected, self.ready = threading.Event(), threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id)
        if login.user is not None:
            self.client.username_pw_set(login.user, login.password)
        if login.files:
            ca, certificate, key = map(str, login.files)
            self.client.tls_set(ca, certificate, key)
        if will:
            self.client.will_set(*will, qos=1)
        self.client.max_inflight_messages_set(0)
        self.client.reconnect_delay_set(1, 2)
        self.client.on_connect = self._connected
        self.client.on_disconnect = self._ended
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = lambda _, __, m: self.got.append((m.topic, m.payload))
        self.client.connect_async("localhost", port, keepalive=30)
        self.client.loop_start()

    def _connected(self, _: object, __: object, ___: object, code: Any, ____: object) -> None:
        self.codes.append(str(code))
        if not code.is_failure:
            self.connected.set()
            self._prepare()

    def _prepare(self) -> None:
        self.ready.set()

    def _ended(self, *_: object) -> None:
        self.ends += 1

    def is_in(self) -> bool:
        """Whether the broker lets it in; waits for an answer."""
        eventually(lambda: self.codes)
        return bool(self.codes) and self.codes[0] == "Success"

    def subscribe(self, *filters: str) -> None:
        self.client.subscribe([(f, 1) for f in filters])

    def publish(self, topic: str, payload: Any, *, retain: bool = False) -> paho.MQTTMessageInfo:
        """Waits until it is connected and listens, so that no answer is missed."""
        eventually(self.ready.is_set)
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.client.publish(topic, data, qos=1, retain=retain)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class RawConcentrator(Client):
    """A Concentrator's certificate without its program: it knows how each message was answered."""

    def __init__(self, name: str, port: int, login: Login) -> None:
        self.name = name
        super().__init__(port, login, f"concentrator-{name}")

    def _prepare(self) -> None:
        self.subscribe(refusal.every_answer(self.name))

    def send(self, meter: str, payload: Any, specific: str = topics.READING) -> bytes:
        """Publishes; returns the message's digest."""
        topic = topics.uplink(self.name, meter, specific)
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.publish(topic, data)
        return receipt.digest(topic, data)

    def receipted(self, digest: bytes) -> bool:
        own = topics.receipts(self.name)
        return any(digest in receipt.split(p) for t, p in self.got if t == own)

    def refused(self, digest: bytes) -> refusal.Refusal | None:
        own = refusal.topic(self.name)
        found = (refusal.decode(p) for t, p in self.got if t == own)
        return next((r for r in found if r.digest == digest), None)

    def answered(self, digest: bytes) -> bool:
        return self.receipted(digest) or self.refused(digest) is not None


def connection(port: int) -> socket.socket:
    """A TCP connection whose file descriptor is out of the way of select()."""
    with socket.create_connection(("127.0.0.1", port), 30) as made:
        high = fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    kept = socket.socket(fileno=high)
    kept.settimeout(30)
    return kept
