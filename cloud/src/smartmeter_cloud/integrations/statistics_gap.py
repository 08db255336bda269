"""Which hours Home Assistant's statistics lack, and what the meter counted in them.

While Home Assistant is away it makes no statistics, or flat ones afterwards. Its first hour after
that has all of the outage's energy. The missing hours get the meter's totals as state, and sums
between those of the hours around them. So only the distribution over the hours changes.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from smartmeter_cloud.store.slices import HOUR_MS, Slice, Total, step

_SAME = 1.0  # Wh; sums that differ by less are equal, because units may be rounded to Wh


class Hour(NamedTuple):
    """Statistics of an hour; start in ms; state is the meter's total at its end, in the unit."""

    start: int
    state: float | None
    sum: float


def missing(
    rows: Sequence[Hour], slices: Sequence[Slice], name: str, factor: int
) -> Iterator[Hour]:
    """Hours to be written, in their order.

    rows: Home Assistant's, in their order. slices: the Cloud's hours of the same time. name: drawn
    or fed. factor: Wh of the statistic's unit. Hours before the first row and after the last stay
    as they are, because nothing says how much their sums may be.
    """
    totals: list[tuple[int, Total]] = []
    for one in slices:
        total: Total | None = getattr(one, name)
        if total is not None:
            totals.append((one.start, total))
    known = {row.start: row for row in rows}
    for before, after in _around_gaps(rows, factor):
        if before.state is None:
            continue
        counted = 0.0
        last, at = before.state * factor, before.start + HOUR_MS
        for start, total in totals:
            if not before.start < start < after.start:
                continue
            counted += step(last, total.first, max(0, total.first_time - at)) or 0
            counted += total.used
            last, at = total.last, total.last_time
            # Rounding of states must not make sums fall.
            total_sum = min(before.sum + counted / factor, after.sum)
            row = known.get(start)
            if row is None or abs(row.sum - total_sum) * factor > _SAME:
                yield Hour(start, total.last / factor, round(total_sum, 6))


def _around_gaps(rows: Sequence[Hour], factor: int) -> Iterator[tuple[Hour, Hour]]:
    """The last hour before and the first after each run of hours that are missing or flat."""
    before: Hour | None = None
    flat = False
    for row in rows:
        if before is not None:
            if abs(row.sum - before.sum) * factor < _SAME:
                flat = True
                continue  # perhaps nothing was used, perhaps nobody was there
            if flat or row.start - before.start > HOUR_MS:
                yield before, row
        before, flat = row, False
