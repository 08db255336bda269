"""The test harness of the Concentrator: a fake Cloud of a few lines, adapters, a process."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from smartmeter.wire import receipt, refusal, topics

from tests.documented import Witness


def eventually(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """what() once it is true; fails where it does not become so in time."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, f"not true after {seconds} s: {what}"
        time.sleep(0.02)
    return found


def reading(seq: int, power: int = 133, at: int | None = None) -> bytes:
    """A reading as an adapter sends it."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at or 1790000000 + seq))
    values = f'"1.7.0":{power},"2.7.0":0,"1.8.0":{1136784 + seq},"32.7.0":229.4'
    return (
        f'{{"time":"{moment}","clock":"meter","seq":{seq},"auth":"verified","values":{{{values}}}}}'
    ).encode()


class Client:
    """A paho client that is connected when it is there."""

    def __init__(self, port: int, protocol: int = paho.MQTTv311, **settings: Any) -> None:
        self.connected = threading.Event()
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            protocol=protocol,
            client_id=settings.get("client_id", ""),
            clean_session=settings.get("clean_session", True) if protocol != paho.MQTTv5 else None,
            manual_ack=settings.get("manual_ack", False),
        )
        if "user" in settings:
            self.client.username_pw_set(settings["user"], settings["password"])
        self.client.reconnect_delay_set(0.2, 1)
        self.client.max_inflight_messages_set(0)
        self.client.on_connect = lambda *_: self.connected.set()
        if "ca" in settings:
            self.client.tls_set(str(settings["ca"]), *map(str, settings.get("certificate", ())))
        self.port = port

    def start(self) -> "Client":
        self.client.connect("localhost", self.port, keepalive=10)
        self.client.loop_start()
        assert self.connected.wait(60)
        return self

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self) -> "Client":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Adapter(Client):
    """Publishes readings; knows which the broker acknowledged."""

    def publish(self, meter: str, payload: bytes, specific: str = "reading", **more: Any) -> Any:
        return self.client.publish(topics.meter(meter, specific), payload, qos=1, **more)

    def publish_and_wait(self, meter: str, payload: bytes, specific: str = "reading") -> None:
        self.publish(meter, payload, specific).wait_for_publish(30)


class Consumer(Client):
    """A program of the household on the LAN broker: everything that it has heard, by topic."""

    def __init__(self, port: int, **settings: Any) -> None:
        super().__init__(port, **settings)
        self.heard: dict[str, list[bytes]] = {}
        self._witness = Witness(lambda topic, _: topic.startswith("concentrator/"))
        self.client.on_connect = self._subscribe
        self.client.on_message = self._message

    def _subscribe(self, *_: object) -> None:
        self.client.subscribe([("homeassistant/#", 1), (topics.ALL_CONCENTRATORS, 1)])
        self.connected.set()

    def _message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        self.heard.setdefault(message.topic, []).append(message.payload)
        self._witness.hear(message.topic, message.payload)

    def stop(self) -> None:
        super().stop()
        assert not self._witness.faults

    def states(self, meter: str) -> list[dict[str, Any]]:
        """The states of a meter, numbers as they are spelled."""
        payloads = self.heard.get(topics.uplink("home", meter, topics.STATE), [])
        return [json.loads(p, parse_float=str, parse_int=str) if p else {} for p in payloads]

    def newest(self, meter: str) -> dict[str, Any]:
        """The newest of them, {} if there is none."""
        return (self.states(meter) or [{}])[-1]


class FakeCloud(Client):
    """Commits to a dict, then sends receipts, then acknowledges: in that order, as a Cloud does."""

    def __init__(self, port: int, **settings: Any) -> None:
        super().__init__(port, client_id="ingest", clean_session=False, manual_ack=True, **settings)
        self.store: dict[tuple[str, str, int], dict[str, Any]] = {}  # (meter, time, seq)
        self.order: dict[str, list[int]] = {}
        self.messages: list[tuple[str, bytes, bool]] = []
        self.statuses: dict[str, Any] = {}
        self.kinds: Counter[str] = Counter()
        self.gives_receipts = True
        # Says what of a message (meter, payload) is to be refused.
        self.refuses: Callable[[str, bytes], tuple[str, bool, str] | None] = lambda *_: None
        self.refused: list[tuple[str, bytes]] = []
        self._witness = Witness()
        self.client.on_connect = self._subscribe
        self.client.on_message = self._message

    def _subscribe(self, *_: object) -> None:
        self.client.subscribe(topics.ALL_CONCENTRATORS, 1)
        self.connected.set()

    def _message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        concentrator, meter, specific = topics.parse_uplink(message.topic)
        self.kinds[specific] += 1
        self.messages.append((message.topic, message.payload, message.retain))
        self._witness.hear(message.topic, message.payload)
        if specific == topics.STATUS:
            self.statuses[meter or concentrator] = (
                json.loads(message.payload) if message.payload else None
            )
        elif (why := self.refuses(meter or "", message.payload)) and not why[1]:
            self._refuse(concentrator, message, *why)
            self.refused.append((meter or "", message.payload))
        elif why:
            digest = self._refuse(concentrator, message, *why)
            client.publish(topics.receipts(concentrator), digest, qos=1)
        else:
            found = json.loads(message.payload)
            for r in found if specific == topics.READINGS else [found]:
                assert meter is not None
                self.store[meter, r["time"], r["seq"]] = r
                self.order.setdefault(meter, []).append(r["seq"])
            if self.gives_receipts:
                digest = receipt.digest(message.topic, message.payload)
                client.publish(topics.receipts(concentrator), digest, qos=1)
        client.ack(message.mid, message.qos)

    def stop(self) -> None:
        super().stop()
        assert not self._witness.faults

    def _refuse(
        self, concentrator: str, message: paho.MQTTMessage, reason: str, final: bool, scope: str
    ) -> bytes:
        digest = receipt.digest(message.topic, message.payload)
        payload = refusal.encode(refusal.Refusal(digest, reason, final, scope))
        self.client.publish(refusal.topic(concentrator), payload, qos=1)
        return digest

    def seqs(self, meter: str) -> set[int]:
        return {seq for m, _, seq in list(self.store) if m == meter}


class Process:
    """smartmeter-gateway run, as a process of its own."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.program = ["-m", "smartmeter_gateway"]
        self.log = config.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Process":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "run", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONFAULTHANDLER": "1"},
            )
        return self

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, text: str, seconds: float = 60.0) -> None:
        def said() -> bool:
            alive = self.process is not None and self.process.poll() is None
            assert alive or text in self.said, self.said
            return text in self.said

        eventually(said, seconds)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status: 1 where it had to end by force, after 9 s. Usual is 1 s."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler writes where all threads are
            self.process.wait()
            raise AssertionError(self.said) from None

    def __enter__(self) -> "Process":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
