"""The one way in, whatever brought a message: look at it, then spool it, or refuse and count it."""

import time
from collections.abc import Callable

from smartmeter.wire import topics

from ..config.settings import MeterSettings
from ..monitoring.registry import Status
from ..mqtt.client import Link
from ..spool.writer import ONLY_ACKNOWLEDGE, REMEMBER, Item, Spooler
from . import validation
from .deduplication import Deduplicator
from .replay_guard import Memory
from .telegram_decoder import Opener
from .validation import METERS, Refused

METERS_MAX = 10_000  # a sender that makes up meter ids must not fill the memory


class Intake:
    """For any thread: items() looks at a message, put() spools what items() gave.

    new_codes(meter, codes) is told when a meter sends values that it has not sent before.
    """

    def __init__(
        self, spooler: Spooler, status: Status, meters: tuple[MeterSettings, ...] = ()
    ) -> None:
        self._status = status
        self._meters = {meter.id: meter for meter in meters}
        self._deduplicator = Deduplicator()
        self._admitted: set[str] = set()
        for id, told in spooler.statuses().items():
            self._admitted.add(id)
            status.adapter_status(id, validation.status(told))
        self._memories = spooler.memories()
        self._openers = {id: self._opener(id) for id in self._meters}
        self._codes: dict[str, set[str]] = {}
        self.new_codes: Callable[[str, set[str]], None] = lambda meter, codes: None
        self.put = spooler.put

    def _opener(self, meter: str) -> Opener:
        # It counts from a clock that was before: never the same number twice within a second.
        return Opener(self._meters.get(meter), self.memory(meter), int(time.time() * 1000))

    def items(
        self,
        meter: str,
        specific: str,
        payload: bytes,
        way: str,
        packet_id: bytes = b"",
        link: Link | None = None,
    ) -> list[Item]:
        """A message as the spool takes it, at least one; Refused where it may not enter.

        A reading that this meter's other way has just brought is acknowledged and not kept.
        """
        if meter not in self._admitted and len(self._admitted) >= METERS_MAX:
            raise Refused(METERS, "a meter beyond the number that can be followed")
        if specific == topics.STATUS:
            document = validation.status(payload)
            self._admitted.add(meter)
            self._status.adapter_status(meter, document)
            return [(meter, specific, payload, packet_id, link)]
        validation.bounded(payload)
        if specific == topics.READING:
            return [self._reading(meter, payload, way, packet_id, link)]
        return [
            *self._open(meter, specific, payload, way),
            (meter, ONLY_ACKNOWLEDGE, b"", packet_id, link),
        ]

    def _reading(
        self, meter: str, payload: bytes, way: str, packet_id: bytes, link: Link | None
    ) -> Item:
        values = validation.reading(payload)
        self._admitted.add(meter)
        if not self._deduplicator.accepts(meter, values, way):
            self._status.duplicate(meter, way)
            # Acknowledged in its turn: behind the one that it doubles.
            return meter, ONLY_ACKNOWLEDGE, b"", packet_id, link
        self._status.reading(meter, values.time, values.values, way)
        known = self._codes.setdefault(meter, set())
        if not known.issuperset(values.values):
            known.update(values.values)
            self.new_codes(meter, set(known))
        return meter, topics.READING, payload, packet_id, link

    def _open(self, meter: str, specific: str, payload: bytes, way: str) -> list[Item]:
        opener = self._openers.get(meter) or self._opener(meter)
        opened = opener.raw(payload) if specific == topics.RAW else opener.ciphered(payload)
        self._openers[meter] = opener  # only now: not for every id that somebody makes up
        if not opened:
            self._status.duplicate(meter, f"{way} ({specific})")
            return []
        # A way of its own: an adapter may tell the same telegram as a reading, too.
        items = [self._reading(meter, p, f"{way} ({specific})", b"", None) for p in opened]
        return [*items, (meter, REMEMBER, opener.memory.kept(), b"", None)]

    def memory(self, meter: str) -> Memory:
        """What is known of a meter's telegrams from before the start; a new one where nothing."""
        return self._memories.get(meter) or Memory()

    def codes(self) -> dict[str, set[str]]:
        """meter -> all codes that it has sent since the start."""
        return {meter: set(codes) for meter, codes in list(self._codes.items())}
