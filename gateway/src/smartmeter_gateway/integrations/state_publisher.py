"""Publishes on the LAN the state of each meter, and announces it to Home Assistant.

A state is published within a second after the spool's commit, and again when a value ceases.
Readings of one meter that come within that time share one message.
"""

import threading
import time

from smartmeter.wire import topics
from smartmeter_service.threads import RestartedThread

from ..monitoring.registry import Registry
from ..monitoring.states import Facts, States
from . import home_assistant
from .home_assistant import House
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
        house: House | None,
        registry: Registry,
    ) -> None:
        """house: for Home Assistant, or None without it."""
        self._states = states
        self._lan = lan
        self._concentrator = concentrator
        self._house = house
        # Meters whose discovery messages on the broker have the other form.
        self._switched = states.announce_singly(house.single) if house else set()
        self._reconnected = threading.Event()
        lan.on_connected = self._connected
        self._ending = threading.Event()
        self._due: dict[str, float] = {}  # meter -> when it is published again, unix s
        self._published: dict[str, bytes] = {}  # meter -> its newest state
        self._announced: dict[str, Facts] = {}  # meter -> what its discovery message says
        self._gone: dict[str, Facts] = {}  # forgotten, but perhaps still on the broker
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
        self._gone |= gone
        if self._reconnected.is_set():
            self._reconnected.clear()
            self._published.clear()
            self._announced.clear()
            meters |= self._states.meters()
            if self._house:
                self._publish_all(self._of_concentrator(self._house))
        now = time.time()
        meters |= {m for m, at in self._due.items() if not now < at < now + _AHEAD_MAX_S}
        self._gone = {m: facts for m, facts in self._gone.items() if not self._withdraw(m, facts)}
        for meter in meters:
            self._publish(meter, now)

    def _publish(self, meter: str, now: float) -> None:
        made = self._states.payload(meter)
        if made is None:
            self._due.pop(meter, None)
            return
        payload, self._due[meter] = made
        if payload != self._published.get(meter):
            self._published[meter] = payload
            # Before the announcement: Home Assistant then reads what its new sensors begin with.
            self._lan.publish(self._topic(meter), payload)
            self._announce(meter)

    def _announce(self, meter: str) -> None:
        facts = self._states.facts(meter)
        if self._house and facts and self._announced.get(meter) != facts:
            self._announced[meter] = facts
            messages = home_assistant.of_meter(self._house, meter, facts)
            if meter in self._switched:
                other = self._house._replace(single=not self._house.single)
                messages |= dict.fromkeys(home_assistant.of_meter(other, meter, facts), b"")
            self._publish_all(messages)

    def _withdraw(self, meter: str, facts: Facts) -> bool:
        """Take a forgotten meter off the broker; False while there is no connection to it."""
        self._due.pop(meter, None)
        self._published.pop(meter, None)
        self._announced.pop(meter, None)
        if not self._lan.publish(self._topic(meter), b""):
            return False
        # What its adapter has left there: it would come back at the next connection.
        self._lan.publish(topics.meter(meter, topics.STATUS), b"")
        if self._house:
            messages = home_assistant.of_meter(self._house, meter, facts)
            self._publish_all(dict.fromkeys(messages, b""))
        return True

    def _of_concentrator(self, house: House) -> dict[str, bytes]:
        messages = home_assistant.of_concentrator(house)
        if self._switched:
            other = house._replace(single=not house.single)
            messages |= dict.fromkeys(home_assistant.of_concentrator(other), b"")
        return messages

    def _publish_all(self, messages: dict[str, bytes]) -> None:
        for topic, payload in messages.items():
            self._lan.publish(topic, payload)

    def _topic(self, meter: str) -> str:
        return topics.uplink(self._concentrator, meter, topics.STATE)
