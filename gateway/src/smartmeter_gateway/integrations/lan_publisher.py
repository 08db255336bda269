"""The Concentrator's own messages on the LAN's broker: all are retained, and the newest counts.

It has its own connection, with MQTT 5 if the broker supports it, because only MQTT 5 reports
refused messages. The intake's connection uses 3.1.1, which costs less.
"""

import json
import threading
import time
from collections.abc import Callable

from smartmeter.wire import topics
from smartmeter_mqtt import client_ids
from smartmeter_mqtt.broker_link import BrokerLink, Listener
from smartmeter_mqtt.reasons import reason
from smartmeter_mqtt.session import Answer, ConnectOptions, Message, Session
from smartmeter_mqtt.settings import BrokerSettings

from ..monitoring import document
from ..monitoring.registry import LAN, Registry

_NAME = f"{LAN} (publishing)"
# Until a refused topic is tried again. mosquitto 2.0.11 hangs up after each, so the others wait.
_AGAIN_S = 600.0
# A connection that begins so long after the newest refusal was not lost by it: the broker may have
# new rules, so everything is tried at once. Twice as long as we wait between two connections.
_UNRELATED_S = 60.0
OFFLINE = json.dumps({"state": "offline"}).encode()


class LanPublisher(Listener):
    """start(), stop(), publish() and publish_status() may be called from any thread."""

    def __init__(
        self,
        settings: BrokerSettings,
        concentrator: str,
        registry: Registry,
        birth_topic: str | None = None,
    ) -> None:
        """birth_topic: on which Home Assistant says "online" after a start."""
        self._registry = registry
        self._lock = threading.Lock()
        self._session: Session | None = None
        # Topic -> its newest payload, so that a slow broker gets fewer messages and none too late.
        self._waiting: dict[str, bytes] = {}
        self._under_way: dict[int, tuple[str, bytes]] = {}  # packet id -> topic, payload
        self._refused: set[str] = set()  # topics
        # Refused topic -> when it is tried again (monotonic s), its newest payload.
        self._held: dict[str, tuple[float, bytes]] = {}
        self._refused_at = 0.0  # when the newest refusal came, monotonic s
        self._status_topic = topics.concentrator_status(concentrator)
        will = self._status_topic, OFFLINE
        options = ConnectOptions(client_ids.of_publisher(concentrator), will=will)
        self._broker = BrokerLink(_NAME, settings, options, birth_topic, self, registry)
        # Called in the link's thread, at each new connection, because the broker may have lost
        # everything; and when Home Assistant has started, because somebody may have deleted a
        # device there.
        self.on_connected: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._broker.start()

    def stop(self, timeout: float) -> None:
        """Say that this Concentrator is offline, and end."""
        self.publish(self._status_topic, OFFLINE)
        self._broker.stop(timeout)

    def publish_status(self) -> None:
        """Publish this Concentrator's status: while it is online, its meters may be available.

        Called every few seconds, so it also tries again what was refused long ago.
        """
        now = time.monotonic()
        with self._lock:
            due = [t for t, (until, _) in self._held.items() if until <= now and self._session]
            for topic in due:
                self._waiting[topic] = self._held.pop(topic)[1]
        found = json.dumps(document.for_consumers(self._registry))
        self.publish(self._status_topic, found.encode())

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish and retain; an empty payload withdraws. False, and lost, without connection."""
        with self._lock:
            if topic in self._held:
                self._held[topic] = self._held[topic][0], payload
            elif self._session is None:
                return False
            else:
                self._waiting[topic] = payload
        self._send()
        return True

    # In the link's thread.

    def connected(self, session: Session) -> None:
        with self._lock:
            self._session = session
            self._waiting.clear()
            self._under_way.clear()
            if time.monotonic() > self._refused_at + _UNRELATED_S:
                self._held = {topic: (0.0, newest) for topic, (_, newest) in self._held.items()}
        self.publish_status()
        self.on_connected()

    def disconnected(self) -> None:
        self._session = None

    def received(self, session: Session, messages: list[Message]) -> None:
        if any(message.payload == b"online" and not message.retained for message in messages):
            self.on_connected()
        session.ack([message.packet_id for message in messages])

    def answered(self, session: Session, answers: list[Answer]) -> None:
        for answer in answers:
            with self._lock:
                topic, payload = self._under_way.pop(answer.packet_id, ("", b""))
                if answer.refused:
                    self._refused_at = time.monotonic()
                    newest = self._waiting.pop(topic, payload)
                    self._held[topic] = self._refused_at + _AGAIN_S, newest
            if answer.refused:
                self._refused.add(topic)
                self._registry.alarm(
                    "lan.refused",
                    f"the {LAN} refuses what we publish on {topic}: {reason(answer.code)}; "
                    "`smartmeter-gateway broker-rules --lan` prints the rules that it needs",
                )
            elif topic in self._refused:
                self._refused.remove(topic)
                if not self._refused:
                    self._registry.alarm("lan.refused", None)
        self._send()

    def _send(self) -> None:
        """Publish waiting messages, as far as the broker has room (MQTT 5.0, 3.3.4)."""
        with self._lock:
            session = self._session
            while session and self._waiting and session.unacknowledged < session.receive_maximum:
                topic = next(iter(self._waiting))
                payload = self._waiting.pop(topic)
                self._under_way[session.publish(topic, payload, True)] = topic, payload
