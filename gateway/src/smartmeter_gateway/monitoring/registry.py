"""What the other rooms report: counters, links, alarms, and the newest reading of each meter."""

import datetime
import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .adapter_status import AdapterStatus
from .daily_energy import DailyEnergy
from .power_curve import PowerCurve, power
from .refusals import Refusal, Refusals
from .zone_check import ZoneCheck, sentence

log = logging.getLogger("smartmeter_gateway")

_DAY_S = 86_400
_AHEAD_S = 3600
_FAR_AHEAD_S = 86_400  # the Cloud marks such readings as suspect
LAN = "LAN broker"  # the name of the link to it


@dataclass
class Meter:
    """The newest reading of a meter: its time, its values, its source, its time.monotonic().

    count: readings kept; sources: all sources of readings, kept or not. medium and units: of a
    sub-meter's values, by code. texts: by code; ratio: of transformers.
    """

    time: datetime.datetime
    values: dict[str, float]
    source: str
    arrived: float
    count: int = 0
    sources: list[str] = field(default_factory=list)
    medium: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    ratio: int = 1


@dataclass
class LinkState:
    """A connection: up or down, why, and since when (unix seconds)."""

    up: bool = False
    reason: str = "not yet connected"
    since: float = field(default_factory=time.time)


@dataclass(frozen=True)
class SpoolFigures:
    """Messages in the spool, their bytes, when the oldest came (unix s), how many were dropped.

    refused: how many of those in it the Cloud refuses.
    """

    rows: int = 0
    bytes: int = 0
    oldest: int | None = None
    dropped: int = 0
    refused: int = 0


def now_text() -> str:
    """This moment as RFC 3339 text to the second, with the local offset."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


class Registry:
    """For any thread. Hold `lock` while you read several of its parts together."""

    def __init__(self, id: str = "") -> None:
        self.id = id
        self.lock = threading.Lock()
        self.started = time.monotonic()
        self._faulty: set[str] = set()  # places whose traceback was logged
        self.adapters: dict[str, AdapterStatus] = {}  # by meter: its newest status
        self.duplicates: Counter[str] = Counter()  # by meter: came again and was not kept
        self.refused: Counter[str] = Counter()
        self.refusals = Refusals()
        self.faults: Counter[str] = Counter()
        self.links: dict[str, LinkState] = {}
        self.alarms: dict[str, str] = {}
        self.meters: dict[str, Meter] = {}
        self.curves: dict[str, PowerCurve] = {}
        self.daily_energy: dict[str, DailyEnergy] = {}
        self._zones: dict[str, ZoneCheck] = {}
        # By emulated device: how often it was asked, by what came of it.
        self.emulations: dict[str, Counter[str]] = {}
        self.spool = SpoolFigures()
        self.changed = threading.Event()  # publish now, not at the next interval

    def spooled(self, figures: SpoolFigures) -> None:
        """The spool has committed; these are its figures now."""
        self.spool = figures

    def refuse(
        self, kind: str, detail: str, origin: str = "", *, meter: str = "", field: str = ""
    ) -> None:
        """Count a message that was not taken; logged and published if its detail is news.

        origin: who sent it, by default the meter. field: of a reading, if one alone is wrong.
        """
        origin = origin or (f"meter {meter}" if meter else "an adapter")
        refusal = Refusal(meter, kind, field, detail, now_text())
        with self.lock:
            self.refused[kind] += 1
            is_news = self.refusals.note(refusal, origin)
        if is_news:
            self.changed.set()
            log.warning("refused from %s: %s (counted as %s)", origin, detail, kind)

    def emulation(self, label: str, outcome: str = "") -> None:
        """An emulated device is there, or was asked; the first request of each kind is logged."""
        with self.lock:
            counts = self.emulations.setdefault(label, Counter())
            if outcome:
                counts[outcome] += 1
            first = counts[outcome] == 1
        if first:
            log.info("%s was asked: %s (logged once, counted)", label, outcome)

    def own_fault(self, where: str) -> None:
        """Count the unexpected exception that is being handled, and raise an alarm.

        The first traceback of each place is logged. The alarm stands until a restart.
        """
        with self.lock:
            self.refused["fault"] += 1
            first = where not in self._faulty
            self._faulty.add(where)
        if first:
            log.exception("%s: an unexpected error of this program", where)
        self.alarm(
            f"fault.{where}",
            f"{where}: an unexpected error of this program; it continues. "
            "Please report it with the traceback from the log",
        )

    def link(self, name: str, up: bool, reason: str = "") -> None:
        """A connection came up or went down; logged when that or the reason changes."""
        with self.lock:
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
        """Raise an alarm, or clear it with None; logged when it changes."""
        with self.lock:
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

    def withheld(self, meter: str, text: str, by: str = "concentrator") -> None:
        """Raise the alarm for a total that is left out, or clear it with ""; by: who decodes."""
        key = f"total.{by}.{meter}"
        if text:
            self.alarm(key, f"{meter}: {text}. If its tariffs changed, restart what reads it")
        elif key in self.alarms:
            self.alarm(key, None)

    def clock(self, meter: str, when: datetime.datetime) -> None:
        """A reading came now, stamped by its meter; raises an alarm if its zone is wrong."""
        check = self._zones.get(meter)
        if check is None:
            check = self._zones[meter] = ZoneCheck()
        hours = check.note(when.timestamp() - time.time())
        key = f"zone.{meter}"
        if hours:
            self.alarm(key, sentence(meter, hours))
        elif hours == 0 and key in self.alarms:
            self.alarm(key, None)

    def reading(
        self,
        meter: str,
        when: datetime.datetime,
        values: dict[str, float],
        source: str,
        medium: str | None = None,
        units: Mapping[str, str] | None = None,
        texts: Mapping[str, str] | None = None,
        ratio: int = 1,
    ) -> None:
        """A reading was taken in from that source; `when` is its own time.

        medium and units are a sub-meter's; ratio is that of transformers.
        """
        arrived = time.monotonic()
        self._check_ahead(meter, when)
        with self.lock:
            known = self.meters.get(meter)
            if known is None:
                known = self.meters[meter] = Meter(when, values, source, arrived)
            known.time, known.values, known.source, known.arrived = when, values, source, arrived
            known.medium, known.units = medium, units or {}
            known.texts, known.ratio = texts or {}, ratio
            known.count += 1
            if source not in known.sources:
                known.sources.append(source)
            self._draw(meter, when, values)

    def _check_ahead(self, meter: str, when: datetime.datetime) -> None:
        """A time far in the future stays the newest one for long, in charts and in queries."""
        key = f"ahead.{meter}"
        if when.timestamp() - time.time() > _FAR_AHEAD_S:
            self.alarm(
                key,
                f"{meter}: its readings are more than a day ahead of this machine's clock; "
                "set the clock of the meter, of its adapter, or of this machine",
            )
        elif key in self.alarms:
            self.alarm(key, None)

    def forget(self, meter: str) -> None:
        """A meter is gone for good, or gives its place to another one."""
        for key in [key for key in self.alarms if key.endswith(f".{meter}")]:
            self.alarm(key, None)
        with self.lock:
            self._zones.pop(meter, None)
            for known in (
                *(self.adapters, self.duplicates, self.meters, self.curves),
                self.daily_energy,
            ):
                known.pop(meter, None)
            self.refusals.forget(meter)

    def duplicate(self, meter: str, source: str) -> None:
        """A reading or a telegram came again and was not kept."""
        with self.lock:
            self.duplicates[meter] += 1
            known = self.meters.get(meter)
            if known is not None and source not in known.sources:
                known.sources.append(source)

    def recall(self, meter: str, when: datetime.datetime, values: dict[str, float]) -> None:
        """A reading from before this start: it only enters the curve and the day's energy."""
        with self.lock:
            self._draw(meter, when, values)

    def _draw(self, meter: str, moment: datetime.datetime, values: dict[str, float]) -> None:
        when = moment.timestamp()
        if not -_DAY_S < when - time.time() < _AHEAD_S:
            return  # too late; or the clock is wrong, and all correct ones would look old
        watts = power(values)
        if watts is not None:
            curve = self.curves.get(meter)
            if curve is None:
                curve = self.curves[meter] = PowerCurve()
            curve.add(when, watts)
        today = self.daily_energy.get(meter)
        if today is None:
            today = self.daily_energy[meter] = DailyEnergy()
        today.add(when, values)

    def adapter_status(self, meter: str, document: Mapping[str, Any] | None) -> None:
        """A meter's status was taken in; None if it was withdrawn."""
        status = AdapterStatus.of(document) if document is not None else None
        with self.lock:
            if status is None:
                self.adapters.pop(meter, None)
            else:
                self.adapters[meter] = status
        self.withheld(meter, status.facts.get("withheld", "") if status else "", "adapter")
