"""What every message passes on its way into the spool, whatever source it comes from."""

import threading
import time
from collections.abc import Iterable

from smartmeter.wire import topics
from smartmeter.wire.values import by_key
from smartmeter_service.token_bucket import TokenBucket

from ..config.settings import MeterSettings
from ..monitoring.registry import Registry
from ..spool.batch import Batch, NewRow
from ..spool.writer import SpoolWriter
from . import validation
from .deduplication import Deduplicator
from .known_meters import KnownMeters
from .replay_guard import ReplayGuard
from .telegram_decoder import TelegramDecoder
from .validation import COST, METERS, RATE, SETTINGS, Refused

METERS_MAX = 10_000  # that send readings
# Readings of one meter. The fastest send two a second. An adapter that was away for a minute sends
# what it held at once, and tests and replays send far more.
READINGS_PER_S, READINGS_BURST = 20.0, 20_000.0
UNREAD_MAX = 1000  # adapters that send only their status, for example before their meter is found
UNREAD_S = 86_400.0  # the status of an adapter without readings that has been silent for so long


class Pipeline:
    """For any thread: take() checks a message for a batch, put() spools the batch."""

    def __init__(
        self,
        writer: SpoolWriter,
        registry: Registry,
        meters: tuple[MeterSettings, ...] = (),
        ports: Iterable[str] = (),
    ) -> None:
        """meters: whose telegrams are decoded here; ports: meters of our own serial ports."""
        self._writer = writer
        self._registry = registry
        self._lock = threading.Lock()  # of the two below
        self._known = KnownMeters(METERS_MAX)
        self._unread = KnownMeters(UNREAD_MAX)
        self._readings: dict[str, TokenBucket] = {}
        self._deduplicator = Deduplicator()
        for id in [meter.id for meter in meters] + list(ports):
            self._known.keep(id)
        for id, told in writer.statuses().items():
            self._take_kept_status(id, told)
        self._guards = {id: ReplayGuard(kept) for id, kept in writer.replay_guards().items()}
        # The sequence number starts from the clock, so that a restart never repeats one.
        seq = int(time.time() * 1000)
        self._decoders = {m.id: TelegramDecoder(m, self.guard(m.id), seq) for m in meters}

    def _take_kept_status(self, meter: str, payload: bytes) -> None:
        """A status from before the start. It may be one that an older version took."""
        try:
            document = validation.status(payload)
        except Refused as why:
            self._registry.refuse(why.kind, why.detail, meter=meter, field=why.field)
            return
        if meter not in self._known:
            self._unread.heard(meter)
        self._registry.adapter_status(meter, document)

    def put(self, batch: Batch) -> None:
        """Spool a batch; waits while too much already waits for the disk."""
        self._writer.put(batch)

    def take(self, batch: Batch, meter: str, specific: str, payload: bytes, source: str) -> None:
        """Add a message to the batch. Raises Refused if it may not enter; then nothing is added.

        A reading that another source has already brought is counted and not added.
        """
        if specific == topics.STATUS:
            self._take_status(batch, meter, payload)
        elif specific == topics.READING:
            validation.bounded(payload, validation.PAYLOAD_MAX)
            if self._is_new(batch, meter, payload, source):
                batch.rows.append(NewRow(meter, specific, payload))
        else:
            validation.bounded(payload, validation.TELEGRAM_MAX)
            self._decode(batch, meter, specific, payload, f"{source} ({specific})")

    def _take_status(self, batch: Batch, meter: str, payload: bytes) -> None:
        document = validation.status(payload)
        with self._lock:
            while gone := self._unread.silent_since(UNREAD_S):
                self._unread.forget(gone)
                self._withdraw(batch, gone)
            if document is None:
                self._unread.forget(meter)
            elif meter not in self._known:
                admitted, gone = self._unread.admit(meter)
                if not admitted:
                    raise Refused(
                        METERS, f"a status of one adapter more than {UNREAD_MAX} without readings"
                    )
                if gone:
                    self._withdraw(batch, gone)
        self._registry.adapter_status(meter, document)
        batch.statuses[meter] = payload

    def _withdraw(self, batch: Batch, meter: str) -> None:
        batch.statuses[meter] = b""
        self._registry.adapter_status(meter, None)

    def forget(self, meter: str) -> None:
        """Somebody takes a meter away, and its sub-meters with it."""
        batch = Batch()
        for gone in {meter} | self._writer.states.submeters(meter):
            with self._lock:
                self._known.forget(gone)
                self._unread.forget(gone)
                self._forget(batch, gone)
            if gone in self._guards:
                self._guards[gone].forget()
        self._writer.put(batch)

    def _forget(self, batch: Batch, meter: str) -> None:
        self._withdraw(batch, meter)
        self._registry.forget(meter)
        self._deduplicator.forget(meter)
        self._readings.pop(meter, None)
        batch.forgotten.add(meter)

    def _admit(self, batch: Batch, meter: str) -> None:
        """Give a meter a slot. Raises Refused if there is none."""
        with self._lock:
            admitted, gone = self._known.admit(meter)
            if not admitted:
                raise Refused(METERS, f"one meter more than the {METERS_MAX} that can be followed")
            self._unread.forget(meter)
            if gone:
                self._forget(batch, gone)

    def _is_new(self, batch: Batch, meter: str, payload: bytes, source: str) -> bool:
        values = validation.reading(payload)
        self._admit(batch, meter)
        readings = self._readings.get(meter)
        if readings is None:
            readings = self._readings[meter] = TokenBucket(READINGS_PER_S, READINGS_BURST)
        if readings.tokens <= 0:
            raise Refused(RATE, f"more than {READINGS_PER_S:g} readings of one meter a second")
        readings.take(1)
        if not self._deduplicator.accepts(meter, values, source):
            self._registry.duplicate(meter, source)
            return False
        self._registry.reading(
            *(meter, values.time, by_key(values.values), source, values.medium),
            *(by_key(values.units or {}), by_key(values.texts or {}), values.ratio),
        )
        # what a sub-meter sends may be an hour old
        if values.clock == "meter" and not values.medium:
            self._registry.clock(meter, values.time)
        return True

    def _decode(self, batch: Batch, meter: str, specific: str, payload: bytes, source: str) -> None:
        """source names the topic too: an adapter may publish a telegram also as a reading."""
        decoder = self._decoders.get(meter)
        if decoder is None:
            raise Refused(
                SETTINGS, f"a {specific} telegram of a meter that has no [[meter]] in the settings"
            )
        if decoder.computing_time.tokens <= 0:
            raise Refused(COST, "more telegrams of one meter than can be decoded in this time")
        began = time.thread_time()
        try:
            opened = decoder.raw(payload) if specific == topics.RAW else decoder.ciphered(payload)
        finally:
            decoder.computing_time.take(time.thread_time() - began)
        self._registry.withheld(meter, decoder.withheld)
        if not opened:
            self._registry.duplicate(meter, source)
            return
        batch.rows += [
            NewRow(id, topics.READING, p) for id, p in opened if self._is_new(batch, id, p, source)
        ]
        batch.replay_guards[meter] = decoder.guard.kept()

    def guard(self, meter: str) -> ReplayGuard:
        """A meter's guard from before the start, or a new one."""
        return self._guards.setdefault(meter, ReplayGuard())
