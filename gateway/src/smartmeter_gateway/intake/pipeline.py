"""What every message passes on its way into the spool, whatever source it comes from."""

import time

from smartmeter.wire import topics

from ..config.settings import MeterSettings
from ..monitoring.registry import Registry
from ..spool.batch import Batch, NewRow
from ..spool.writer import SpoolWriter
from . import validation
from .deduplication import Deduplicator
from .publisher import Publisher
from .replay_guard import ReplayGuard
from .telegram_decoder import TelegramDecoder
from .validation import METERS, Refused

METERS_MAX = 10_000  # a client that makes up meter ids must not fill the memory


class Pipeline:
    """For any thread: take() checks a message for a batch, put() spools the batch."""

    def __init__(
        self,
        writer: SpoolWriter,
        registry: Registry,
        meters: tuple[MeterSettings, ...] = (),
        publisher: Publisher | None = None,
    ) -> None:
        self._writer = writer
        self._registry = registry
        self._publisher = publisher
        self._meters = {meter.id: meter for meter in meters}
        self._deduplicator = Deduplicator()
        self._admitted: set[str] = set()
        for id, told in writer.statuses().items():
            self._admitted.add(id)
            registry.adapter_status(id, validation.status(told))
        self._guards = {id: ReplayGuard(kept) for id, kept in writer.replay_guards().items()}
        self._decoders = {id: self._new_decoder(id) for id in self._meters}
        self._codes: dict[str, set[str]] = {}

    def put(self, batch: Batch) -> None:
        """Spool a batch; waits while too much already waits for the disk."""
        self._writer.put(batch)

    def _new_decoder(self, meter: str) -> TelegramDecoder:
        # The sequence number starts from the clock, so that a restart never repeats one.
        return TelegramDecoder(self._meters.get(meter), self.guard(meter), int(time.time() * 1000))

    def take(self, batch: Batch, meter: str, specific: str, payload: bytes, source: str) -> None:
        """Add a message to the batch. Raises Refused if it may not enter; then nothing is added.

        A reading that another source has already brought is counted and not added.
        """
        if meter not in self._admitted and len(self._admitted) >= METERS_MAX:
            raise Refused(METERS, "one meter more than can be followed")
        if specific == topics.STATUS:
            document = validation.status(payload)
            self._admitted.add(meter)
            self._registry.adapter_status(meter, document)
            batch.statuses[meter] = payload
            return
        validation.bounded(payload)
        if specific == topics.READING:
            if self._is_new(meter, payload, source):
                batch.rows.append(NewRow(meter, specific, payload))
        else:
            self._decode(batch, meter, specific, payload, f"{source} ({specific})")

    def _is_new(self, meter: str, payload: bytes, source: str) -> bool:
        values = validation.reading(payload)
        self._admitted.add(meter)
        if not self._deduplicator.accepts(meter, values, source):
            self._registry.duplicate(meter, source)
            return False
        self._registry.reading(meter, values.time, values.values, source)
        if self._publisher:
            known = self._codes.setdefault(meter, set())
            if not known.issuperset(values.values):
                known.update(values.values)
                self._publisher.announce(meter, set(known))
        return True

    def _decode(self, batch: Batch, meter: str, specific: str, payload: bytes, source: str) -> None:
        """source names the topic too: an adapter may publish a telegram also as a reading."""
        decoder = self._decoders.get(meter) or self._new_decoder(meter)
        opened = decoder.raw(payload) if specific == topics.RAW else decoder.ciphered(payload)
        self._decoders[meter] = decoder  # only now, and not for each made-up id
        if not opened:
            self._registry.duplicate(meter, source)
            return
        batch.rows += [
            NewRow(meter, topics.READING, p) for p in opened if self._is_new(meter, p, source)
        ]
        batch.replay_guards[meter] = decoder.guard.kept()

    def guard(self, meter: str) -> ReplayGuard:
        """A meter's guard from before the start, or a new one."""
        return self._guards.get(meter) or ReplayGuard()
