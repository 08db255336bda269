"""What consumers know of one meter: the newest of every value that it has ever sent.

Nothing here knows of threads, clocks or connections; the moment is an argument, in unix seconds.
"""

import datetime
from decimal import Decimal
from typing import Any

import msgspec
from smartmeter.obis import key_of

from .quantities import Quantity, quantity
from .rhythm import Rhythm

ONLINE, SILENT, OFFLINE = "online", "silent", "offline"

CODES_MAX = 64  # of one meter; the longest list known has about 60
# While a value has come only once: power comes at least each quarter of an hour, a total each day.
_UNKNOWN_S, _UNKNOWN_TOTAL_S = 900.0, 86_400.0
_DAY_S = 86_400.0
# A meter whose clock was set back, or that sent one time of the far future: after so long its
# older times count. Adapters repeat what they sent in their last 80 s.
_ASTRAY_S = 180.0

_number = msgspec.json.Encoder(decimal_format="number")


class StateReading(msgspec.Struct):
    """What this needs of a reading on the wire, whose numbers stay decimal."""

    time: datetime.datetime
    seq: int
    clock: str
    values: dict[str, Decimal]
    medium: str | None = None
    units: dict[str, str] | None = None


class Value(msgspec.Struct, array_like=True):
    """A value in its unit on the wire, and when it comes."""

    number: Decimal
    unit: str
    rhythm: Rhythm


class MeterState(msgspec.Struct, omit_defaults=True):
    """One meter's. It is kept on disk as it is.

    time, seq, clock, medium: of the newest reading. offline: its adapter has said so since.
    signal: the newest that its adapter has reported, in dBm. submeter: whether it comes by another
    meter, and only when something changes. single: the form of its announcement.
    astray: since when readings come only with times that are not next, or 0.
    """

    rhythm: Rhythm
    time: datetime.datetime | None = None
    seq: int = 0
    clock: str = "meter"
    medium: str | None = None
    offline: bool = False
    signal: int | None = None
    submeter: bool = False
    single: bool = False
    astray: float = 0.0
    values: dict[str, Value] = {}

    @classmethod
    def new(cls, now: float, submeter: bool = False) -> "MeterState":
        return cls(Rhythm(now), submeter=submeter)

    def take(self, reading: StateReading, now: float) -> bool:
        """Take a reading over; False if it is a repeated one or its time is not next."""
        if not self._is_next(reading, now):
            return False
        self.time, self.seq, self.clock = reading.time, reading.seq, reading.clock
        self.medium = reading.medium
        self.offline = False
        self.rhythm.heard(now)
        units = reading.units or {}
        for code, number in reading.values.items():
            unit = units.get(code, "")
            key = key_of(code)
            if key in reading.values:  # a second value of the same C.D.E keeps its code in full
                key = code
            known = self.values.get(key)
            if known is not None:
                known.number, known.unit = number, unit
                known.rhythm.heard(now)
            elif len(self.values) < CODES_MAX:
                self.values[key] = Value(number, unit, Rhythm(now))
        return True

    def has_left_out(self, reading: StateReading) -> bool:
        """Whether it had no room for a value of a reading that it has taken."""
        return len(self.values) >= CODES_MAX and not all(
            code in self.values or key_of(code) in self.values for code in reading.values
        )

    def _is_next(self, reading: StateReading, now: float) -> bool:
        when = reading.time.timestamp()
        last = self.time.timestamp() if self.time else 0.0
        if (when, reading.seq) == (last, self.seq):
            return False
        is_later = (when, reading.seq) > (last, self.seq) or self.time is None
        if is_later and when <= max(now, last) + _DAY_S:
            self.astray = 0.0
            return True
        if not self.astray:
            self.astray = now
        if now - self.astray < _ASTRAY_S:
            return False
        self.astray = 0.0
        return True

    def quantities(self) -> list[Quantity]:
        """What its values mean, of everything that it has ever sent."""
        return [quantity(code, self.medium, v.unit) for code, v in sorted(self.values.items())]

    def state(self, now: float) -> str:
        """Its own, apart from its main meter's."""
        if self.offline:
            return OFFLINE
        return SILENT if now >= self._silent_at else ONLINE

    @property
    def _silent_at(self) -> float:
        """What a sub-meter without a clock sends comes when it changes, so it is never late."""
        if self.submeter and self.clock != "meter":
            return float("inf")
        unknown = _UNKNOWN_TOTAL_S if self.medium else _UNKNOWN_S
        return self.rhythm.until(unknown)

    def _ceased_at(self, value: Value, is_total: bool) -> float:
        if self.submeter:
            return self._silent_at
        return value.rhythm.until(_UNKNOWN_TOTAL_S if is_total else _UNKNOWN_S)

    def living(self, now: float) -> dict[str, Value]:
        """Its values that have not ceased."""
        return {
            code: value
            for code, value in self.values.items()
            if now < self._ceased_at(value, quantity(code, self.medium, value.unit).total)
        }

    def next_change(self, now: float) -> float:
        """When something will cease if nothing comes, unix s; infinity if nothing can."""
        ends = [self._silent_at] + [
            self._ceased_at(value, quantity(code, self.medium, value.unit).total)
            for code, value in self.values.items()
        ]
        return min((end for end in ends if end > now), default=float("inf"))

    def document(self, now: float, state: str, reason: str | None) -> dict[str, Any]:
        """The payload's fields. state and reason: as they are now, the main meter's included."""
        found: dict[str, Any] = {
            "time": self.time.isoformat() if self.time else None,
            "state": state,
            "reason": reason,
        }
        if self.signal is not None:
            found["signal_dbm"] = None if self.offline else self.signal
        for code, value in self.values.items():
            meaning = quantity(code, self.medium, value.unit)
            ceased = now >= self._ceased_at(value, meaning.total)
            found[meaning.field] = None if ceased else value.number.scaleb(meaning.exponent)
        return found


def payload(document: dict[str, Any]) -> bytes:
    """A document as JSON; its numbers are decimal to the last digit."""
    return _number.encode(document)
