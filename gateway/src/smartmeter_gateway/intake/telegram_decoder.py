"""Decodes telegrams that adapters pass on encrypted (`ciphered`) or decrypted (`raw`).

Delivery is at least once: an adapter that lost its broker sends its last minute again. A telegram
that comes again is a duplicate, not a replay. Without a counter and a clock in it this cannot be
decided, because a meter may send the same values twice.
"""

from smartmeter import ALLOWED, Fault, Reading, Receiver, submeters
from smartmeter.tariffs import withheld
from smartmeter.wire.reading_encoder import included, stamp, to_json
from smartmeter_service.token_bucket import TokenBucket

from ..config.settings import MeterSettings
from ..monitoring.registry import now_text
from . import validation
from .replay_guard import ReplayGuard
from .validation import VALUES, Refused

# Of a core. A telegram each second takes a thousandth, and a minute of them at once 0.1 s.
SHARE, BURST_S = 0.1, 2.0


class TelegramDecoder:
    """One meter's. seq: the number from which readings without a counter are numbered."""

    def __init__(self, settings: MeterSettings, guard: ReplayGuard, seq: int) -> None:
        self._settings = settings
        self._values = ALLOWED if settings.values is None else settings.values
        self._seq = seq
        self.guard = guard
        self.computing_time = TokenBucket(SHARE, BURST_S)
        self._receiver = self._new()
        self._submeters = submeters.Changes()
        self._receiver.counters = guard.counters
        self._receiver.times = guard.times

    def _new(self) -> Receiver:
        s = self._settings
        wanted = submeters.are_named(s.id, s.values)
        return Receiver(
            s.key, s.auth_key, s.link, s.profile, s.zone, s.unencrypted, s.ratio, wanted
        )

    @property
    def withheld(self) -> str:
        """A sentence on a total that is left out, "" if there is none."""
        return withheld(self._receiver.rows)

    def ciphered(self, payload: bytes) -> list[tuple[str, bytes]]:
        """The readings (id, wire JSON) in a telegram as the meter sent it; none if it came before.

        The id is the meter's or a sub-meter's, whose reading is there if it has changed.
        Raises Refused if there is no reading in it.
        """
        return self._readings(self._receiver, payload)

    def raw(self, payload: bytes) -> list[tuple[str, bytes]]:
        """The same for a telegram that the adapter has decrypted."""
        receiver = self._new()
        receiver.rows = self._receiver.rows
        return self._readings(receiver, payload)

    def _readings(self, receiver: Receiver, payload: bytes) -> list[tuple[str, bytes]]:
        if self.guard.has(payload):
            return []
        events = receiver.feed(payload) + receiver.flush()
        readings = [event for event in events if isinstance(event, Reading)]
        if not readings:
            fault = next((event for event in events if isinstance(event, Fault)), None)
            if fault is None:
                raise Refused("noise", "no telegram in the message")
            raise Refused(fault.kind, fault.detail)
        if all(r.counter is not None or r.time is not None for r in readings if not r.channel):
            self.guard.note(payload)
        wanted = [r for r in readings if included(r, self._values)]
        if not wanted:
            raise Refused(VALUES, validation.NONE_WANTED)
        return [
            (self._id(reading), self._wire(reading))
            for reading in wanted
            if not reading.channel or self._submeters.is_new(reading)
        ]

    def _id(self, reading: Reading) -> str:
        meter = self._settings.id
        return submeters.id_of(meter, reading.channel) if reading.channel else meter

    def _wire(self, reading: Reading) -> bytes:
        self._seq += 1
        stamp(reading, now_text(), self._seq)
        return to_json(reading, self._values).encode()
