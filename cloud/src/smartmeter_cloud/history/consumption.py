"""What a meter counted, in bars: energy, or a volume of gas or water, in the unit of the meter.

Values of gas and heat meters come every five minutes or once an hour, and a value says what flowed
before it. So what was counted between two readings belongs to the bar in which it began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from smartmeter_cloud.history import energy
from smartmeter_cloud.history.energy import GAP_MS, MONTH, bounds
from smartmeter_cloud.store.slices import (
    DAY,
    HOUR,
    HOUR_MS,
    QUARTER_MS,
    Number,
    Slice,
    Total,
    day_start,
    step,
)

AROUND_MS = 3 * 86_400_000  # what is read beside the bars: the readings before and after them


@dataclass
class Bar:
    """used: None if it is in a gap, or if there is no total."""

    start: int
    end: int
    readings: int = 0
    used: Number | None = None


@dataclass(frozen=True)
class Gap:
    """Between two readings that are in different bars: when in this time it flowed is unknown."""

    start: int
    end: int
    used: Number | None


def bars(
    slices: Sequence[Slice], by: str, zone: tzinfo, rate_max: int
) -> tuple[list[Bar], list[Gap]]:
    """Bars in their order, those without readings left out, and the gaps between them.

    slices are of the tier TIER_OF[by]. rate_max: what the meter may count in an hour.
    """
    made: dict[int, Bar] = {}
    gaps: list[Gap] = []
    last: Total | None = None
    begun: Bar | None = None
    for one in slices:
        start, end = bounds(one.start, by, zone)
        bar = made.setdefault(start, Bar(start, end))
        bar.readings += one.n
        total = one.drawn
        if total is None:
            continue
        if last is not None and begun is not None:
            silence = total.first_time - last.last_time
            used = step(last.last, total.first, silence, rate_max)
            if used is None:
                pass  # the counter was reset or swapped: what it counted before is not known
            elif begun is bar or silence <= max(GAP_MS, min(HOUR_MS, begun.end - begun.start)):
                _count(begun, used)
            else:
                gaps.append(Gap(last.last_time, total.first_time, used))
        _count(bar, total.used)
        last, begun = total, bar
    return [made[start] for start in sorted(made)], gaps


def of_energy(
    energy_bars: Sequence[energy.Bar], energy_gaps: Sequence[energy.Gap]
) -> tuple[list[Bar], list[Gap]]:
    """What a main meter of electricity imported."""
    bars = [Bar(one.start, one.end, one.n, one.drawn) for one in energy_bars]
    return bars, [Gap(one.start, one.end, one.drawn) for one in energy_gaps]


def whole(start: int, end: int, by: str, zone: tzinfo) -> tuple[int, int]:
    """[start, end) extended to whole bars."""
    return _bar_at(start, by, zone)[0], _bar_at(end - 1, by, zone)[1]


def _bar_at(ms: int, by: str, zone: tzinfo) -> tuple[int, int]:
    if by in (DAY, MONTH):
        return bounds(day_start(ms, zone), by, zone)
    return bounds(ms - ms % (HOUR_MS if by == HOUR else QUARTER_MS), by, zone)


def _count(bar: Bar, used: Number) -> None:
    total = (bar.used or 0) + used
    bar.used = total if isinstance(total, int) else round(total, 6)
