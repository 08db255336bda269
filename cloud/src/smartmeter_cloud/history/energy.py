"""Energy in bars, computed from slices; and the energy of the gaps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from smartmeter_cloud.store.slices import (
    DAY,
    HOUR,
    HOUR_MS,
    QUARTER,
    QUARTER_MS,
    Intervals,
    Number,
    Slice,
    Total,
    day_end,
    day_start,
    step,
)

MONTH = "month"
TIER_OF = {QUARTER: QUARTER, HOUR: HOUR, DAY: DAY, MONTH: DAY}

# An outage that is longer and does not fit in one bar is a gap of its own: the time of its
# energy is unknown, and a bar with all of it would be wrong.
GAP_MS = QUARTER_MS


@dataclass
class Bar:
    """Imported and exported Wh, None if there is no total; the rest as in Slice."""

    start: int
    end: int
    n: int = 0
    drawn: Number | None = None
    fed: Number | None = None
    power_low: Number | None = None
    power_high: Number | None = None
    power_sum: Number = 0
    powers: int = 0
    volts: list[Number | None] = field(default_factory=lambda: [None] * 6)


@dataclass
class Gap:
    start: int
    end: int
    drawn: Number | None = None
    fed: Number | None = None


def bars(
    slices: Sequence[Slice], before: Slice | None, by: str, zone: tzinfo
) -> tuple[list[Bar], list[Gap]]:
    """Bars in their order, those without readings left out, and the gaps between them.

    slices are of the tier TIER_OF[by]; before is the last slice before them, where there is one.
    """
    made: dict[int, Bar] = {}
    gaps: dict[int, Gap] = {}
    for one in slices:
        start, end = bounds(one.start, by, zone)
        bar = made.setdefault(start, Bar(start, end))
        _add_slice(bar, one)
    for name in ("drawn", "fed"):
        last: Total | None = getattr(before, name) if before else None
        waiting: list[tuple[Bar | None, Number]] = []  # imported intervals since the last total
        if before and (after := _intervals(before, name).after):
            waiting.append((None, after))
        for one in slices:
            bar = made[bounds(one.start, by, zone)[0]]
            intervals = _intervals(one, name)
            if intervals.before is not None:
                waiting.append((bar, intervals.before))
            total: Total | None = getattr(one, name)
            if total is None:
                continue
            _count(bar, name, total.used)
            counted = silence = None
            if last is not None:
                silence = total.first_time - last.last_time
                counted = step(last.last, total.first, silence)
            # None: the counter was reset or swapped; what it counted before is not known.
            if last is None or silence is None or counted is None:
                _count_all(waiting, name)
            elif silence <= GAP_MS or last.last_time >= bar.start:
                _count(bar, name, counted)  # the intervals are a part of it
            else:
                _count_all(waiting, name)
                rest = _tidy(counted - sum(wh for _, wh in waiting))
                if rest > 0 or not waiting:
                    gap = gaps.setdefault(last.last_time, Gap(last.last_time, total.first_time))
                    setattr(gap, name, rest)
            last = total
            waiting = [] if intervals.after is None else [(bar, intervals.after)]
        _count_all(waiting, name)
    return [made[start] for start in sorted(made)], [gaps[start] for start in sorted(gaps)]


def bounds(start: int, by: str, zone: tzinfo) -> tuple[int, int]:
    """The [start, end) of the bar that a slice at start belongs to."""
    if by == QUARTER:
        return start, start + QUARTER_MS
    if by == HOUR:
        return start, start + HOUR_MS
    if by == DAY:
        return start, day_end(start, zone)
    local = datetime.fromtimestamp(start // 1000, zone)
    first = local.replace(day=1, hour=12)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return tuple(day_start(int(d.timestamp()) * 1000, zone) for d in (first, after))  # type: ignore[return-value]


def _intervals(one: Slice, name: str) -> Intervals:
    return one.drawn_intervals if name == "drawn" else one.fed_intervals


def _count_all(waiting: Sequence[tuple[Bar | None, Number]], name: str) -> None:
    for bar, wh in waiting:
        if bar:
            _count(bar, name, wh)


def _count(bar: Bar, name: str, used: Number) -> None:
    setattr(bar, name, _tidy((getattr(bar, name) or 0) + used))


def _tidy(value: Number) -> Number:
    return value if isinstance(value, int) else round(value, 3)


def _add_slice(bar: Bar, one: Slice) -> None:
    bar.n += one.n
    bar.powers += one.powers
    bar.power_sum += one.power_sum
    bar.power_low = _least(bar.power_low, one.power_low)
    bar.power_high = _most(bar.power_high, one.power_high)
    for i in (0, 2, 4):
        bar.volts[i] = _least(bar.volts[i], one.volts[i])
        bar.volts[i + 1] = _most(bar.volts[i + 1], one.volts[i + 1])


def _least(a: Number | None, b: Number | None) -> Number | None:
    return b if a is None else a if b is None else min(a, b)


def _most(a: Number | None, b: Number | None) -> Number | None:
    return b if a is None else a if b is None else max(a, b)
