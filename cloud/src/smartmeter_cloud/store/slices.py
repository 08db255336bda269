"""Slices of 15 minutes, an hour and a day: each is computed from readings or shorter slices.

Energy comes from the meter's totals, not from adding up power. So an outage loses no energy, only
the times at which it flowed. A total that falls means that the counter was reset. A total that
rises faster than energy can flow means that the meter was swapped. Such a step counts as no
energy, and as one reset. The same holds for what a sub-meter counts, in its own unit.

Grid operators give the energy of intervals instead of totals. It only counts where no total covers
its time: before the first and after the last total of a slice. What lies between two totals is
part of their difference.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from operator import le
from typing import Any, NamedTuple

QUARTER, HOUR, DAY = "quarter", "hour", "day"
TIERS = (QUARTER, HOUR, DAY)
QUARTER_MS = 900_000
HOUR_MS = 3_600_000

# A total that rises faster than by 1 MW is another meter's: a household's fuses end at 44 kW, and
# the largest direct-reading meters for transformers at some hundred.
POWER_MAX = 1_000_000  # W
STEP_MIN_MS = 60_000  # totals may be sent in steps of a kWh, and clocks be set by seconds

# What a total may rise by in an hour, by its unit. 100 m3/h is the most of a gas meter G65
# (EN 1359), and of a water meter with Q3 = 80 m3/h (ISO 4064).
RATES_MAX = {"Wh": POWER_MAX, "J": POWER_MAX * 3600, "m3": 100}

Number = int | float


class Total(NamedTuple):
    """A counter over a slice: its first and last value with their times, and what it counted.

    In Wh, or in the unit of a sub-meter.
    """

    first_time: int
    first: Number
    last_time: int
    last: Number
    used: Number
    resets: int


class Intervals(NamedTuple):
    """Wh of imported intervals outside the totals of a slice; without totals all is before."""

    before: Number | None = None  # the first total
    after: Number | None = None  # the last total


class Slice(NamedTuple):
    """What a meter sent in [start, start + a tier's length); power in W, feed-in negative."""

    start: int
    n: int  # readings
    drawn: Total | None  # of 1.8.0, or of what a sub-meter counts
    fed: Total | None  # of 2.8.0
    powers: int  # readings with a power
    power_sum: Number
    power_low: Number | None
    power_high: Number | None
    volts: tuple[Number | None, ...]  # low and high of L1, L2, L3
    drawn_intervals: Intervals = Intervals()
    fed_intervals: Intervals = Intervals()


# time, 1.8.0, 2.8.0, power, the voltages of L1, L2, L3, what else; ordered by time
Row = tuple[Any, ...]


def step(before: Number, after: Number, ms: int, rate_max: int = POWER_MAX) -> Number | None:
    """What a total counted between two readings, or None if it was reset or swapped.

    rate_max: what it may count in an hour; totals are in Wh if it is left out.
    """
    used = after - before
    most = rate_max * max(ms, STEP_MIN_MS) / HOUR_MS
    return _tidy(used) if 0 <= used <= most else None


def slice_of(start: int, rows: Sequence[Row], rate_max: int = POWER_MAX) -> Slice | None:
    """The slice that rows make; None if there are none."""
    if not rows:
        return None
    times, drawn, fed, power, *others = zip(*rows, strict=True)
    powers = [p for p in power if p is not None]
    volts: list[Number | None] = []
    for phase in others[:3]:
        known = [v for v in phase if v is not None]
        volts += [min(known, default=None), max(known, default=None)]
    return Slice(
        start,
        len(rows),
        _total(times, drawn, rate_max),
        _total(times, fed, rate_max),
        len(powers),
        _tidy(sum(powers)),
        min(powers, default=None),
        max(powers, default=None),
        tuple(volts),
    )


def merge(start: int, slices: Sequence[Slice], rate_max: int = POWER_MAX) -> Slice | None:
    """The longer slice that shorter ones, in their order, make; None if there are none."""
    if not slices:
        return None
    volts: list[Number | None] = []
    for i, choose in enumerate((min, max) * 3):
        known = [s.volts[i] for s in slices if s.volts[i] is not None]
        volts.append(choose(known) if known else None)  # type: ignore[type-var]
    imports = [(s.drawn, s.drawn_intervals) for s in slices]
    exports = [(s.fed, s.fed_intervals) for s in slices]
    drawn, drawn_intervals = _merge_energy(imports, rate_max)
    fed, fed_intervals = _merge_energy(exports, rate_max)
    return Slice(
        start,
        sum(s.n for s in slices),
        drawn,
        fed,
        sum(s.powers for s in slices),
        _tidy(sum(s.power_sum for s in slices)),
        min((s.power_low for s in slices if s.power_low is not None), default=None),
        max((s.power_high for s in slices if s.power_high is not None), default=None),
        tuple(volts),
        drawn_intervals,
        fed_intervals,
    )


def day_start(ms: int, zone: tzinfo) -> int:
    """The local midnight at or before ms."""
    local = datetime.fromtimestamp(ms // 1000, zone)
    return int(local.replace(hour=0, minute=0, second=0, fold=0).timestamp()) * 1000


def day_end(start: int, zone: tzinfo) -> int:
    """The local midnight after the one at start: 23, 24 or 25 hours later."""
    local = datetime.fromtimestamp(start // 1000, zone)
    noon = local.replace(hour=12) + timedelta(days=1)
    return day_start(int(noon.timestamp()) * 1000, zone)


def _total(times: Sequence[int], totals: Sequence[Number | None], rate_max: int) -> Total | None:
    points = [(t, total) for t, total in zip(times, totals, strict=True) if total is not None]
    if not points:
        return None
    values = [value for _, value in points]
    used: Number = values[-1] - values[0]
    resets = 0
    # If they never fall, and rise in total by no more than one step may, no step is wrong.
    if used > rate_max * STEP_MIN_MS / HOUR_MS or not all(map(le, values, values[1:])):
        used = 0
        for (earlier, before), (later, after) in pairwise(points):
            counted = step(before, after, later - earlier, rate_max)
            if counted is None:
                resets += 1
            else:
                used += counted
    return Total(*points[0], *points[-1], _tidy(used), resets)


def _merge_energy(
    parts: Sequence[tuple[Total | None, Intervals]], rate_max: int
) -> tuple[Total | None, Intervals]:
    known = [total for total, _ in parts if total is not None]
    if not known:
        return None, Intervals(_sum(intervals.before for _, intervals in parts))
    used: Number = 0
    resets = 0
    before: Number | None = None
    waiting: Number | None = None  # of intervals since the last total
    last: Total | None = None
    for total, intervals in parts:
        if intervals.before is not None:
            waiting = intervals.before + (waiting or 0)
        if total is None:
            continue
        if last is None:
            before = waiting
        else:
            silence = total.first_time - last.last_time
            counted = step(last.last, total.first, silence, rate_max)
            if counted is None:
                resets += 1
                used += waiting or 0  # the totals say nothing about this time
            else:
                used += counted
        used += total.used
        resets += total.resets
        last, waiting = total, intervals.after
    return Total(
        known[0].first_time,
        known[0].first,
        known[-1].last_time,
        known[-1].last,
        _tidy(used),
        resets,
    ), Intervals(before and _tidy(before), waiting and _tidy(waiting))


def _sum(values: Iterable[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return _tidy(sum(known)) if known else None


def _tidy(value: Number) -> Number:
    """Sums of decimals get back the decimals they are made of: 0.1 + 0.2 is 0.3.

    Six of them: a water meter may count cm3.
    """
    return value if isinstance(value, int) else round(value, 6)
