"""Publishes on the LAN the state of each meter, and announces it to Home Assistant.

A state is published within a second after the spool's commit, and again when a value ceases.
Readings of one meter that come within that time share one message.
"""

import threading
import time

from smartmeter.wire import topics
from smartmeter_service.threads import RestartedThread

from ..config.settings import HomeAssistantSettings
from ..monitoring.quantities import Quantity
from ..monitoring.registry import Registry
from ..monitoring.states import States
from . import home_assistant
from .lan_publisher import LanPublisher

_TURN_S = 0.2  # between two rounds; a meter has at most one message in each
_IDLE_S = 1.0
_AHEAD_MAX_S = 7200.0  # a round that is due later was planned before the clock was set back


class StatePublisher:
    """A thread, from start() to stop()."""

    def __init__(
        self,
        states: States,
        lan: LanPublisher,
        concentrator: str,
        home: HomeAssistantSettings | None,
        registry: Registry,
    ) -> None:
        self._states = states
        self._lan = lan
        self._concentrator = concentrator
        self._home = home
        self._reconnected = threading.Event()
        lan.on_connected = self._connected
        self._ending = threading.Event()
        self._due: dict[str, float] = {}  # meter -> when it is published again, unix s
        self._published: dict[str, bytes] = {}  # meter -> its newest state
        # Meter -> medium and values of its newest discovery message.
        self._announced: dict[str, tuple[str | None, list[Quantity]]] = {}
        self._thread = RestartedThread("state", self._run, registry.own_fault)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Publish what the spool has committed until now, and end."""
        self._ending.set()
        self._states.changed.set()
        self._thread.join(timeout)

    def _connected(self) -> None:
        self._reconnected.set()
        self._states.changed.set()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._states.changed.wait(_IDLE_S)
            self._round()
            self._ending.wait(_TURN_S)
        self._round()

    def _round(self) -> None:
        meters, gone = self._states.news()
        if self._reconnected.is_set():
            self._reconnected.clear()
            self._published.clear()
            self._announced.clear()
            meters |= self._states.meters()
        now = time.time()
        meters |= {m for m, at in self._due.items() if not now < at < now + _AHEAD_MAX_S}
        for meter in gone:
            self._withdraw(meter)
        for meter in meters - gone:
            self._publish(meter, now)

    def _publish(self, meter: str, now: float) -> None:
        made = self._states.payload(meter)
        if made is None:
            self._due.pop(meter, None)
            return
        payload, self._due[meter] = made
        if payload != self._published.get(meter):
            self._published[meter] = payload
            self._announce(meter)
            self._lan.publish(self._topic(meter), payload)

    def _announce(self, meter: str) -> None:
        if self._home is None:
            return
        found = self._states.quantities(meter)
        if self._announced.get(meter) == found:
            return
        self._announced[meter] = found
        medium, quantities = found
        self._lan.publish(
            home_assistant.topic(self._home.prefix, meter),
            home_assistant.payload(self._concentrator, meter, quantities, medium),
        )

    def _withdraw(self, meter: str) -> None:
        self._due.pop(meter, None)
        self._published.pop(meter, None)
        self._lan.publish(self._topic(meter), b"")
        if self._home is not None:
            self._announced.pop(meter, None)
            self._lan.publish(home_assistant.topic(self._home.prefix, meter), b"")

    def _topic(self, meter: str) -> str:
        return topics.uplink(self._concentrator, meter, topics.STATE)
