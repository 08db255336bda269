"""The Concentrator's own messages on the LAN's broker, for Home Assistant.

It has its own connection, with MQTT 5 if the broker supports it, because only MQTT 5 reports
refused messages. The intake's connection uses 3.1.1, which costs less.
"""

import threading
from collections import deque

from smartmeter.wire import topics
from smartmeter_mqtt import client_ids
from smartmeter_mqtt.broker_link import BrokerLink, Listener
from smartmeter_mqtt.reasons import reason
from smartmeter_mqtt.session import Answer, ConnectOptions, Session
from smartmeter_mqtt.settings import BrokerSettings

from ..config.settings import HomeAssistantSettings
from ..monitoring.registry import LAN, Registry
from . import home_assistant

_NAME = f"{LAN} (publishing)"
_WAITING_MAX = 1000  # messages that wait for the broker's PUBACKs; then the oldest is dropped
_OWN_MAX = 1000  # messages that may be on their way back to our own intake


class LanPublisher(Listener):
    """Publishes each meter's description, and readings of our own ports like an adapter.

    start(), stop(), announce() and publish() may be called from any thread.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        concentrator: str,
        home: HomeAssistantSettings,
        registry: Registry,
    ) -> None:
        self._home = home
        self._registry = registry
        # meter -> code -> unit, and medium
        self._announced: dict[str, tuple[dict[str, str], str | None]] = {}
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._waiting: deque[tuple[str, bytes, bool]] = deque()  # topic, payload, retained
        self._under_way: dict[int, str] = {}  # packet id -> topic
        self._refused: set[str] = set()  # topics
        self._own: dict[tuple[str, bytes], None] = {}  # published, and not received back yet
        options = ConnectOptions(client_ids.of_publisher(concentrator))
        self._broker = BrokerLink(_NAME, settings, options, None, self, registry)

    def start(self) -> None:
        self._broker.start()

    def stop(self, timeout: float) -> None:
        self._broker.stop(timeout)

    def announce(self, meter: str, codes: dict[str, str], medium: str | None) -> None:
        """Announce to Home Assistant which values a meter sends: now, and at each connection."""
        self._announced[meter] = codes, medium
        topic = home_assistant.topic(self._home.prefix, meter)
        payload = home_assistant.payload(meter, codes, self._home.expire_after, medium)
        self._publish(topic, payload, retain=True)

    def publish(self, meter: str, specific: str, payload: bytes) -> None:
        """Publish a reading of one of our own ports."""
        topic = topics.meter(meter, specific)
        with self._lock:
            if len(self._own) >= _OWN_MAX:
                del self._own[next(iter(self._own))]
            self._own[topic, payload] = None
        self._publish(topic, payload, retain=specific == topics.STATUS)

    def is_own(self, topic: str, payload: bytes) -> bool:
        """Whether a received message is one of ours; each is recognized once."""
        if not self._own:
            return False
        with self._lock:
            return self._own.pop((topic, payload), False) is None

    # In the link's thread.

    def connected(self, session: Session) -> None:
        with self._lock:
            self._session = session
            self._waiting.clear()
            self._under_way.clear()
        for meter, (codes, medium) in list(self._announced.items()):
            self.announce(meter, codes, medium)

    def disconnected(self) -> None:
        self._session = None

    def answered(self, session: Session, answers: list[Answer]) -> None:
        for answer in answers:
            with self._lock:
                topic = self._under_way.pop(answer.packet_id, "")
            if answer.refused:
                self._refused.add(topic)
                self._registry.alarm(
                    "lan.refused",
                    f"the {LAN} refuses what we publish on {topic}: {reason(answer.code)}",
                )
            elif topic in self._refused:
                self._refused.remove(topic)
                if not self._refused:
                    self._registry.alarm("lan.refused", None)
        self._send()

    def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        with self._lock:
            if self._session is None:
                return  # a copy for the house; the newest is published again later
            self._waiting.append((topic, payload, retain))
            full = len(self._waiting) > _WAITING_MAX
            if full:
                self._waiting.popleft()
        text = f"the {LAN} is slow: some messages to it were dropped; the Cloud still gets them"
        self._registry.alarm("lan.slow", text if full else None)
        self._send()

    def _send(self) -> None:
        """Publish waiting messages, as far as the broker has room (MQTT 5.0, 3.3.4)."""
        with self._lock:
            session = self._session
            while session and self._waiting and session.unacknowledged < session.receive_maximum:
                topic, payload, retain = self._waiting.popleft()
                self._under_way[session.publish(topic, payload, retain)] = topic
