"""The states of all meters, as the spool commits their readings.

The spool's thread hands in every batch before its commit, and stores what comes back in the same
commit. So what consumers have heard is on disk, and a restart never goes back behind it.
"""

import threading
import time
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec
from smartmeter.submeters import main_of
from smartmeter.wire import topics

from .diagnosis import silence_reason
from .meter_state import CODES_MAX, OFFLINE, ONLINE, MeterState, StateReading, payload
from .quantities import Quantity
from .registry import LAN, Registry

_AGAIN_S = 10.0  # why a meter is silent may change without any news of it
_AGAIN_MAX_S = 3600.0

_reading = msgspec.json.Decoder(StateReading)
_kept = msgspec.json.Decoder(MeterState)
_keep = msgspec.json.Encoder()


class Newest(NamedTuple):
    """A meter now. reason: why it is not online, or None. at: when a reading came, unix s.

    values, units and came (unix s) are by code, of the values that have not ceased. Numbers and
    units are the wire's; medium and units are a sub-meter's.
    """

    reason: str | None
    at: float
    medium: str | None
    values: dict[str, Decimal]
    units: dict[str, str]
    came: dict[str, float]


class _Status(msgspec.Struct):
    state: object = None
    rssi: object = None


_status = msgspec.json.Decoder(_Status)


class Row(Protocol):
    """A message that is to be committed."""

    @property
    def meter(self) -> str: ...
    @property
    def specific(self) -> str: ...
    @property
    def payload(self) -> bytes: ...


class Facts(NamedTuple):
    """What does not change with each reading.

    medium: a sub-meter's, or None; quantities: of all values that it has ever sent; version: its
    adapter's, if known; has_signal: whether its adapter has reported a signal.
    """

    medium: str | None
    quantities: tuple[Quantity, ...]
    version: str | None = None
    has_signal: bool = False


class States:
    """For any thread. changed is set once something new is committed."""

    def __init__(self, registry: Registry, kept: Mapping[str, bytes]) -> None:
        """kept: meter -> its state, as take() gave it before the restart."""
        self._registry = registry
        self._lock = threading.Lock()
        self._meters: dict[str, MeterState] = {}
        self._submeters: dict[str, set[str]] = {}  # by their main meter
        self._taken: set[str] = set()  # in the batch that is being committed
        self._new: set[str] = set()  # committed, and not yet fetched by news()
        self._gone: dict[str, Facts] = {}
        self._single = False
        self._crowded = False  # whether a meter has sent too many values
        self.changed = threading.Event()
        for meter, state in kept.items():
            try:
                self._add(meter, _kept.decode(state))
            except msgspec.MsgspecError:
                registry.own_fault("state")

    def _add(self, meter: str, state: MeterState) -> None:
        self._meters[meter] = state
        main = main_of(meter)
        if main:
            self._submeters.setdefault(main, set()).add(meter)

    def announce_singly(self, single: bool) -> set[str]:
        """From now on, meters are announced in this form; those that had the other one.

        Call it before the spool's thread starts. It is kept with the next reading of each.
        """
        with self._lock:
            switched = {m for m, state in self._meters.items() if state.single != single}
            self._single = single
            for state in self._meters.values():
                state.single = single
            return switched

    # In the spool's thread.

    def take(
        self,
        rows: Iterable[Row],
        statuses: Mapping[str, bytes],
        forgotten: Collection[str],
        now: float,
    ) -> dict[str, bytes]:
        """What a batch changes: meter -> its state, to be stored in the same commit."""
        with self._lock:
            for meter in forgotten:
                state = self._meters.pop(meter, None)
                if state:
                    self._gone[meter] = self._facts(meter, state)
                    self._submeters.get(main_of(meter), set()).discard(meter)
            taken = {row.meter for row in rows if self._take_reading(row, now)}
            for meter, status in statuses.items():
                if self._take_status(meter, status):
                    taken.add(meter)
            self._taken = taken
            return {meter: _keep.encode(self._meters[meter]) for meter in taken}

    def _take_reading(self, row: Row, now: float) -> bool:
        if row.specific != topics.READING:
            return False
        try:
            reading = _reading.decode(row.payload)
            state = self._meters.get(row.meter)
            if state is None:
                state = MeterState.new(now, submeter=self._is_submeter(row.meter, reading.medium))
                state.single = self._single
                self._add(row.meter, state)
            taken = state.take(reading, now)
            if taken and not self._crowded and state.has_left_out(reading):
                self._crowded = True
                self._registry.alarm(
                    "state.values",
                    f"meter {row.meter} sends more than {CODES_MAX} different values, and "
                    "consumers on the LAN do not get all of them; let its adapter send fewer",
                )
            return taken
        except Exception:
            # The intake has checked it, so this is our fault; it must not end the spool.
            self._registry.own_fault("state")
        return False

    @staticmethod
    def _is_submeter(meter: str, medium: str | None) -> bool:
        """Older main meters may have ids that end like a sub-meter's, but measure electricity."""
        return bool(medium and main_of(meter))

    def _take_status(self, meter: str, status: bytes) -> bool:
        state = self._meters.get(meter)
        if state is None:
            return False
        try:
            found = _status.decode(status) if status else _Status()
        except msgspec.MsgspecError:
            return False
        state.offline = found.state == OFFLINE
        if type(found.rssi) is int:
            state.signal = found.rssi
        return True

    def everything(self) -> dict[str, bytes]:
        """All states, for a new file."""
        with self._lock:
            return {meter: _keep.encode(state) for meter, state in self._meters.items()}

    def committed(self) -> None:
        """What take() gave last is on disk."""
        with self._lock:
            for meter in self._taken:
                self._new.add(meter)
                self._new |= self._submeters.get(meter, set())
            self._taken = set()
            fresh = bool(self._new or self._gone)
        if fresh:
            self.changed.set()

    # In any thread.

    def news(self) -> tuple[set[str], dict[str, Facts]]:
        """The meters with something new since the last call, and those that are forgotten."""
        with self._lock:
            self.changed.clear()
            new, self._new = self._new, set()
            gone, self._gone = self._gone, {}
            return new & self._meters.keys(), gone

    def meters(self) -> set[str]:
        """All that have sent a reading."""
        with self._lock:
            return {meter for meter, state in self._meters.items() if state.time}

    def submeters(self, meter: str) -> set[str]:
        """The sub-meters of a main meter."""
        with self._lock:
            return set(self._submeters.get(meter, ()))

    def facts(self, meter: str) -> Facts | None:
        """What a meter sends, None if it is gone."""
        with self._lock:
            state = self._meters.get(meter)
            return self._facts(meter, state) if state else None

    def _facts(self, meter: str, state: MeterState) -> Facts:
        with self._registry.lock:
            adapter = self._registry.adapters.get(meter)
        version = adapter.facts.get("version") if adapter else None
        quantities = tuple(state.quantities())
        return Facts(state.medium, quantities, version, state.signal is not None)

    def newest(self, meter: str, now: float) -> Newest | None:
        """What a meter's values are now; None if it has sent no reading."""
        with self._lock:
            found = self._meters.get(meter)
            if found is None or found.time is None:
                return None
            _, reason = self._why(meter, found, now)
            living = found.living(now)
            return Newest(
                reason,
                found.rhythm.at,
                found.medium,
                {code: value.number for code, value in living.items()},
                {code: value.unit for code, value in living.items()},
                {code: value.rhythm.at for code, value in living.items()},
            )

    def newest_of_all(self, now: float) -> dict[str, Newest]:
        """newest() of every meter that has sent a reading."""
        found = {meter: self.newest(meter, now) for meter in sorted(self.meters())}
        return {meter: newest for meter, newest in found.items() if newest}

    def reasons(self, now: float) -> dict[str, str | None]:
        """Of every meter that has sent a reading: why it is not online, or None."""
        with self._lock:
            return {m: self._why(m, found, now)[1] for m, found in self._meters.items()}

    def payload(self, meter: str) -> tuple[bytes, float] | None:
        """What to publish of a meter now, and when it will have to be published again, unix s.

        None while it is being committed, or if it is gone: there will be news of it.
        """
        now = time.time()
        with self._lock:
            found = self._meters.get(meter)
            if found is None or meter in self._taken:
                return None
            state, reason = self._why(meter, found, now)
            again = now + (_AGAIN_S if reason else _AGAIN_MAX_S)
            document = payload(found.document(now, state, reason))
            return document, min(found.next_change(now), again)

    def _why(self, meter: str, found: MeterState, now: float) -> tuple[str, str | None]:
        main = main_of(meter) if found.submeter else ""
        if main in self._meters:
            state, reason = self._why(main, self._meters[main], now)
            if state != ONLINE:
                return state, f"its main meter {main}: {reason}"
        state = found.state(now)
        if state == ONLINE:
            return state, None
        if found.astray:
            return state, "its readings have old times or times ahead: is its clock right?"
        with self._registry.lock:
            adapter = self._registry.adapters.get(meter)
            links = dict(self._registry.links)
        return state, silence_reason(adapter, links, LAN)
