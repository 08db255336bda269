"""Notices a meter whose times are whole hours off: its time zone is set wrong."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import Newest, Reading

_HOUR_MS = 3_600_000
_NEAR_MS = 30_000  # of a whole hour: meters' clocks are seldom more than half a minute wrong
_READINGS = 5
_SPAN_MS = 300_000  # a few of the arrays that a Concentrator sends once a minute
_MOST = 400  # readings of that time, one a second


# A question to the store takes 0.5 ms on SQLite, and 2 ms on PostgreSQL. If all 10 000 meters of a
# store are off, each look at the chain would take 5 to 20 s, and it is looked at every 2 s.
ASKED_MAX = 50  # of one look; the next look asks for others
_UNSURE_S = 60.0  # a meter that was not off for long is asked for again after that time
_SURE_S = 3600.0  # one that was off
_ANSWERS_MAX = 100_000  # deleted meters leave theirs


class _Answer(NamedTuple):
    newest: int  # the hours that its newest reading was off
    hours: int  # what the readings before it said
    until: float  # time.monotonic()


class ZoneChecks:
    """Remembers the answers, because the newest reading alone says that nothing has changed.

    For any thread: at worst two of them ask the store the same.
    """

    def __init__(self, asked_max: int = ASKED_MAX) -> None:
        self._asked_max = asked_max
        self._answers: dict[str, _Answer] = {}

    def hours_off(self, store: Store, newest: Sequence[Newest]) -> dict[str, int]:
        """Those of the meters whose times are whole hours off, with the hours."""
        now = time.monotonic()
        wrong: dict[str, int] = {}
        if len(self._answers) > _ANSWERS_MAX:
            self._answers.clear()
        open_questions: list[tuple[float, str, int, Newest]] = []
        for one in newest:
            meter = one.reading.meter
            hours = _apparent(one)
            if not hours:
                self._answers.pop(meter, None)
                continue
            known = self._answers.get(meter)
            if known is None or known.newest != hours:
                open_questions.append((0.0, meter, hours, one))
                continue
            if known.hours:
                wrong[meter] = known.hours
            if known.until <= now:
                open_questions.append((known.until, meter, hours, one))
        # Those that have waited longest come first.
        for _, meter, hours, one in sorted(open_questions)[: self._asked_max]:
            found = _confirmed(store, one, hours)
            until = now + (_SURE_S if found else _UNSURE_S)
            self._answers[meter] = _Answer(hours, found, until)
            wrong.pop(meter, None)
            if found:
                wrong[meter] = found
        return wrong


def _apparent(newest: Newest) -> int:
    # A sub-meter's value may be an hour old.
    return 0 if newest.medium.name else hours_ahead(newest.reading)


def _confirmed(store: Store, newest: Newest, hours: int) -> int:
    """The whole hours by which the times of a meter's last readings are ahead of their arrival.

    0 if they are not the hours of the newest. A backlog arrives at once, so it does not count.
    """
    end = newest.reading.time
    begin = end - max(_SPAN_MS, 2 * _READINGS * (newest.gap or 0))
    last = store.readings(newest.reading.meter, (begin, -1), end + 1, (), (), _MOST)
    if len(last) < _READINGS or any(hours_ahead(reading) != hours for reading in last):
        return 0
    arrived = last[-1].received - last[0].received
    return hours if 2 * arrived >= last[-1].time - last[0].time else 0


def hours_ahead(reading: Reading) -> int:
    """Whole hours from its arrival to its time; 0 if its adapter gave it, or near no hour."""
    ahead = reading.time - reading.received
    hours = round(ahead / _HOUR_MS)
    near = abs(ahead - hours * _HOUR_MS) <= _NEAR_MS
    return hours if near and reading.clock == "meter" else 0
