"""Decides which readings of a meter are kept if several sources bring them.

A source is the LAN broker, a serial port, or either with telegrams that are decoded here.

If the meter has a clock, the same reading from another source has the same time. Without a
clock each source stamps readings by its own clock, and most number them on their own, so no two
are the same by name. Then one source has the meter at a time: the first that is heard. What
another source brings meanwhile is a duplicate. After a silence of three times the usual interval,
the next source that is heard has the meter.

All this goes by the times of the readings, not by when they arrive. A source may deliver late
what it read while it had the meter, or while no source was heard; that is not a duplicate.
"""

import datetime
import logging
import threading
from collections import deque
from dataclasses import dataclass, field

from .validation import CheckedReading

_INTERVALS = 3
_LEAST_S, _MOST_S = 10.0, 300.0
# After the first reading, when the interval is not known yet: a minute is the longest push
# interval in use, and half of it again.
_UNKNOWN_S = 90.0
_APART_S = 2.0  # how far two clocks on NTP may differ, in whole seconds
_STRETCHES_MAX = 8  # what comes late is at most some minutes late
# Two minutes of a meter that sends every 5 s: a source may be that far behind another.
_RECENT_MAX = 24

_log = logging.getLogger("smartmeter_gateway")


@dataclass(slots=True)
class _Stretch:
    """Readings of one source from begin to end (unix s) without a silence; count of readings."""

    source: str
    begin: float
    end: float
    count: int = 1

    @property
    def until(self) -> float:
        """Until when the source keeps the meter without sending anything else (unix s)."""
        if self.count == 1:
            return self.end + _UNKNOWN_S
        usual = (self.end - self.begin) / (self.count - 1)
        return self.end + min(max(_INTERVALS * usual, _LEAST_S), _MOST_S)


@dataclass(slots=True)
class _Meter:
    """What is known of one meter: its newest reading that was kept, and the last ones by name."""

    newest: CheckedReading
    source: str  # of the newest
    sources: list[str]  # all sources of readings, duplicates included
    recent: deque[tuple[datetime.datetime, int, str]] = field(
        default_factory=lambda: deque(maxlen=_RECENT_MAX)
    )
    stretches: deque[_Stretch] = field(default_factory=lambda: deque(maxlen=_STRETCHES_MAX))

    def accepts(self, reading: CheckedReading, source: str) -> bool:
        if len(self.sources) > 1 and self._is_known(reading, source):
            return False
        # Noted from the first reading on: a second source may appear at any time.
        return reading.clock == "meter" or self._has_meter(source, reading.time.timestamp())

    def _is_known(self, reading: CheckedReading, source: str) -> bool:
        if any(
            time == reading.time and seq == reading.seq and other != source
            for time, seq, other in self.recent
        ):
            return True
        # If the meter has a clock but no counter, each source numbers the readings on its own.
        newest = self.newest
        return (
            self.source != source
            and reading.clock == newest.clock == "meter"
            and (reading.time, reading.values) == (newest.time, newest.values)
        )

    def _has_meter(self, source: str, when: float) -> bool:
        """Whether a reading of that time (unix s) counts; False if another source covers it."""
        own: _Stretch | None = None
        for stretch in self.stretches:
            if stretch.source == source and stretch.begin <= when <= stretch.until:
                own = stretch if own is None or stretch.end > own.end else own
        for stretch in self.stretches:
            if (
                stretch.source != source
                and stretch.begin - _APART_S <= when <= stretch.until
                # Of two sources that both go on, the one ahead wins; else both would yield.
                and (own is None or stretch.end > own.end)
            ):
                return False
        if own is None:
            self.stretches.append(_Stretch(source, when, when))
        elif when > own.end:
            own.end = when
            own.count += 1
        return True


class Deduplicator:
    """For all meters and any thread. The caller bounds the number of meters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._meters: dict[str, _Meter] = {}

    def forget(self, meter: str) -> None:
        """A meter begins from the start if it comes again."""
        with self._lock:
            self._meters.pop(meter, None)

    def accepts(self, meter: str, reading: CheckedReading, source: str) -> bool:
        """Whether to keep a reading; False if another source has brought it or has the meter."""
        with self._lock:
            known = self._meters.get(meter)
            if known is None:
                known = self._meters[meter] = _Meter(reading, source, [source])
            elif source not in known.sources:
                self._add_source(meter, known, reading, source)
            if not known.accepts(reading, source):
                return False
            known.newest, known.source = reading, source
            known.recent.append((reading.time, reading.seq, source))
            return True

    @staticmethod
    def _add_source(meter: str, known: _Meter, reading: CheckedReading, source: str) -> None:
        known.sources.append(source)
        _log.warning(
            "meter %s arrives over %s; %s",
            meter,
            " and by ".join(known.sources),
            "of duplicate readings the first is kept"
            if reading.clock == "meter"
            else f"it has no clock, so {known.source} is used, and another only if that is silent",
        )
