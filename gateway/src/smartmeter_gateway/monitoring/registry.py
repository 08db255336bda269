"""What this Concentrator knows of itself: counters, links, alarms, the newest of each meter."""

import datetime
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import smartmeter

from ..intake.deduplication import Holding
from ..intake.validation import Values
from .adapter_status import Told
from .daily_energy import Today
from .diagnosis import OLD_S, why
from .power_curve import Curve, power

log = logging.getLogger("smartmeter_gateway")

METERS_MAX = 10_000  # a sender that makes up meter ids must not fill the memory
METERS = "meters"  # the kind under which a further one is refused

_KEYS_MAX = 24  # two minutes of a meter that sends every 5 s: so far one way may be behind another
_DAY_S = 86_400
_AHEAD_S = 3600
LAN = "LAN broker"  # the name of the link to it
_TOLD_MAX = 200  # refusals told with their meter; the rest is in the counters


@dataclass
class Meter:
    """The newest reading of a meter, which way it came in, and at which time.monotonic().

    keys: of the last readings, in which a slower way's are looked for; ways: all that brought any.
    """

    values: Values
    way: str
    arrived: float
    count: int = 0
    keys: deque[tuple[datetime.datetime, int, str]] = field(
        default_factory=lambda: deque(maxlen=_KEYS_MAX)
    )
    ways: list[str] = field(default_factory=list)
    holding: Holding = field(default_factory=Holding)

    def takes(self, values: Values, way: str) -> bool:
        """Whether this is to be kept; False: another way has brought it, or holds the meter."""
        if len(self.ways) > 1 and self._is_known(values, way):
            return False
        # Noted from the first reading on: that there is a second way is not known before.
        return values.clock == "meter" or self.holding.takes(way, values.time.timestamp())

    def _is_known(self, values: Values, way: str) -> bool:
        if any(t == values.time and s == values.seq and w != way for t, s, w in self.keys):
            return True
        # Where the meter has a clock and no counter, each way counts for itself.
        last = self.values
        return (
            self.way != way
            and values.clock == last.clock == "meter"
            and (values.time, values.values) == (last.time, last.values)
        )


@dataclass
class LinkState:
    """A connection: up or down, why, and since when (unix seconds)."""

    up: bool = False
    reason: str = "not yet connected"
    since: float = field(default_factory=time.time)


def now_text() -> str:
    """This moment as RFC 3339 text to the second, with the local offset."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


class Status:
    """For all threads."""

    def __init__(self, id: str = "") -> None:
        self.id = id
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._said: set[tuple[str, str]] = set()
        self._known: set[str] = set()
        self._told: dict[str, Told] = {}  # by meter: its newest status
        self._twice: Counter[str] = Counter()  # by meter: what came again and was not kept
        self.refused: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.links: dict[str, LinkState] = {}
        self.alarms: dict[str, str] = {}
        self.meters: dict[str, Meter] = {}
        self.curves: dict[str, Curve] = {}
        self._todays: dict[str, Today] = {}
        self.spool: Callable[[], dict[str, Any]] = dict
        self.changed = threading.Event()  # something that should not wait for the next interval

    def refuse(self, kind: str, detail: str, origin: str) -> None:
        """Count a message that was not taken; the first of its kind and origin is logged."""
        with self._lock:
            self.refused[kind] += 1
            first = (kind, origin) not in self._said and len(self._said) < _TOLD_MAX
            if first:
                self._said.add((kind, origin))
        if first:
            log.warning("refused from %s: %s (told once, counted as %s)", origin, detail, kind)

    def own_fault(self, where: str) -> None:
        """An exception that nobody foresaw was caught: our bug. Its first trace is logged."""
        with self._lock:
            self.refused["fault"] += 1
            first = ("fault", where) not in self._said
            self._said.add(("fault", where))
        if first:
            log.exception("%s: a fault of this program; it goes on", where)

    def link(self, name: str, up: bool, reason: str = "") -> None:
        """A connection came up or went down; logged when that changes, and once when it cannot."""
        with self._lock:
            known = self.links.get(name)
            if known is not None and known.up == up and (up or known.reason == reason):
                return
            new = LinkState(up, reason)
            if known is not None and known.up == up:
                new.since = known.since
            self.links[name] = new
        self.changed.set()
        if up:
            log.info("%s: connected", name)
        else:
            log.warning("%s: not connected: %s", name, reason)

    def alarm(self, key: str, text: str | None) -> None:
        """Raise an alarm, or take it back with None; logged when it changes."""
        with self._lock:
            before = self.alarms.get(key)
            if before == text:
                return
            if text is None:
                del self.alarms[key]
            else:
                self.alarms[key] = text
        self.changed.set()
        if text is None:
            log.info("over: %s", before)
        else:
            log.error("%s", text)

    def seen(self, meter: str, values: Values, way: str) -> bool:
        """A reading came by `way`. False where another has brought it, or holds the meter."""
        arrived = time.monotonic()
        with self._lock:
            known = self.meters.get(meter)
            if known is None:
                self._known.add(meter)
                known = self.meters[meter] = Meter(values, way, arrived, ways=[way])
            elif way not in known.ways:
                self._tell_ways(meter, known, values, way)
            if not known.takes(values, way):
                self._twice[meter] += 1
                return False
            known.values, known.way, known.arrived = values, way, arrived
            known.count += 1
            known.keys.append((values.time, values.seq, way))
            self._draw(meter, values)
            return True

    @staticmethod
    def _tell_ways(meter: str, known: Meter, values: Values, way: str) -> None:
        known.ways.append(way)
        log.warning(
            "meter %s comes by %s; %s",
            meter,
            " and by ".join(known.ways),
            "of a reading that comes by both the first is kept"
            if values.clock == "meter"
            else f"it has no clock, so {known.way} is used, and another only where that is silent",
        )

    def recall(self, meter: str, values: Values) -> None:
        """A reading of before this start: for the curve alone."""
        with self._lock:
            self._draw(meter, values)

    def _draw(self, meter: str, values: Values) -> None:
        when = values.time.timestamp()
        if not -_DAY_S < when - time.time() < _AHEAD_S:
            return  # late data, or a clock that is wrong and would make all that is right look old
        watts = power(values.values)
        if watts is not None:
            curve = self.curves.get(meter)
            if curve is None:
                curve = self.curves[meter] = Curve()
            curve.add(when, watts)
        today = self._todays.get(meter)
        if today is None:
            today = self._todays[meter] = Today()
        today.add(when, values.values)

    def came_again(self, meter: str) -> None:
        """A telegram came that was opened before: delivery may repeat."""
        with self._lock:
            self._twice[meter] += 1

    def has_room(self, meter: str) -> bool:
        """Whether readings of this meter can be followed: known, or not yet too many."""
        return meter in self._known or len(self._known) < METERS_MAX

    def know(self, meter: str, document: Mapping[str, Any] | None) -> None:
        """A meter's status was taken in; None: taken back."""
        self._known.add(meter)
        with self._lock:
            if document is None:
                self._told.pop(meter, None)
            else:
                self._told[meter] = Told.of(document)

    def document(self, values: bool = False) -> dict[str, Any]:
        """The Concentrator's status as it is published; with each meter's values for the house."""
        now = time.monotonic()
        with self._lock:
            return {
                **(self._for_the_house(now) if values else {}),
                "state": "online",
                "time": now_text(),
                "version": smartmeter.__version__,
                "uptime": int(time.monotonic() - self._started),
                "spool": self.spool(),
                "refused": dict(self.refused),
                "faults": dict(self.faults),
                "links": {
                    name: {"up": link.up, "since": int(link.since)}
                    | ({} if link.up else {"reason": link.reason})
                    for name, link in self.links.items()
                },
                "alarms": list(self.alarms.values()),
                "meters": {
                    name: {
                        "last": meter.values.time.isoformat(),
                        "way": meter.way,
                        "readings": meter.count,
                    }
                    | ({"ways": meter.ways} if meter.ways[1:] else {})
                    | ({"twice": self._twice[name]} if name in self._twice else {})
                    | (
                        {
                            "age": round(now - meter.arrived, 1),
                            "values": meter.values.values,
                            "today": self._grown(name),
                        }
                        if values
                        else {}
                    )
                    for name, meter in self.meters.items()
                },
            }

    def _grown(self, meter: str) -> dict[str, dict[str, float]]:
        today = self._todays.get(meter)
        return today.grown(time.time()) if today else {}

    def _for_the_house(self, now: float) -> dict[str, Any]:
        return {
            "concentrator": self.id,
            "silent": self._silent(now),
            "adapters": {name: told.facts for name, told in sorted(self._told.items())},
        }

    def _silent(self, now: float) -> dict[str, str]:
        """meter -> why nothing is heard of it, of those that are silent."""
        heard = {name for name, m in self.meters.items() if now - m.arrived < OLD_S}
        names = {*self.meters, *self._told} - heard
        return {name: why(self._told.get(name), self.links, LAN) for name in sorted(names)}
