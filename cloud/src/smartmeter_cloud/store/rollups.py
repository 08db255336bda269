"""Roll-ups: dirty slices of 15 minutes and all above them are computed again from the readings."""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from operator import itemgetter
from typing import Any

from smartmeter_cloud.store import submeter_total
from smartmeter_cloud.store.accounts import medium_of
from smartmeter_cloud.store.rows import ELECTRICITY, INTERVAL_DRAWN, INTERVAL_FED, Medium
from smartmeter_cloud.store.session import Session
from smartmeter_cloud.store.slices import (
    DAY,
    HOUR,
    HOUR_MS,
    QUARTER,
    QUARTER_MS,
    Intervals,
    Number,
    Row,
    Slice,
    Total,
    day_end,
    day_start,
    merge,
    slice_of,
)

_POWER = "coalesce(obis_16_7_0, obis_1_7_0 - coalesce(obis_2_7_0, 0), -obis_2_7_0)"
# Of imported readings their further values, "" if there are none; of others NULL.
_IMPORTED = "CASE WHEN seq < 0 THEN coalesce(extra, '') END"
_EXTRA = 7  # its place
_TOTAL_COLUMNS = [
    f"{what}_{part}"
    for what in ("drawn", "fed")
    for part in ("first_time", "first", "last_time", "last", "used", "resets")
]
_INTERVAL_COLUMNS = [
    f"{what}_interval_{part}" for what in ("drawn", "fed") for part in ("before", "after")
]
_VOLT_COLUMNS = [f"u{i}_{end}" for i in (1, 2, 3) for end in ("low", "high")]
_COLUMNS = ", ".join(
    [
        "start",
        "n",
        *_TOTAL_COLUMNS,
        "powers",
        "power_sum",
        "power_low",
        "power_high",
        *_VOLT_COLUMNS,
        *_INTERVAL_COLUMNS,
    ]
)
# A slice that was made of more is kept: what it was made of is older than it is kept.
_PUT = f"""
INSERT INTO rollup (meter, tier, {_COLUMNS}) VALUES (?, ?{", ?" * (_COLUMNS.count(",") + 1)})
ON CONFLICT (meter, tier, start) DO UPDATE SET
    {", ".join(f"{column} = excluded.{column}" for column in _COLUMNS.split(", ")[1:])}
WHERE rollup.n <= excluded.n
"""


def roll(db: Session, limit: int, until: int, zone: tzinfo) -> int:
    """Computes up to limit dirty slices that begin before until again; returns how many."""
    dirty = db.all(
        "SELECT meter, start FROM dirty WHERE start < ? ORDER BY meter, start LIMIT ?",
        (until, limit),
    )
    # First of all: a write to one of these slices from now on makes it dirty again.
    db.many("DELETE FROM dirty WHERE meter = ? AND start = ?", dirty)
    media = _media(db, sorted({meter for meter, _ in dirty}))
    for meter, first, last in _runs(dirty):
        rows = _roll_run(db, meter, first, last, zone, media.get(meter, ELECTRICITY))
        db.many(_PUT, list(rows))
    return len(dirty)


def _media(db: Session, meters: Sequence[int]) -> dict[int, Medium]:
    """What those of the meters measure that are sub-meters."""
    marks = ", ".join("?" * len(meters)) or "NULL"
    rows = db.all(
        f"SELECT id, medium, units FROM meter WHERE medium <> '' AND id IN ({marks})", meters
    )
    return {meter: medium_of(medium, units) for meter, medium, units in rows}


def _runs(dirty: Sequence[tuple[Any, ...]]) -> list[tuple[int, int, int]]:
    """(meter, first, last) of slices that follow each other; dirty is in order."""
    runs: list[tuple[int, int, int]] = []
    for meter, start in dirty:
        if runs and runs[-1][0] == meter and runs[-1][2] == start - QUARTER_MS:
            runs[-1] = (meter, runs[-1][1], start)
        else:
            runs.append((meter, start, start))
    return runs


def _roll_run(
    db: Session, meter: int, first: int, last: int, zone: tzinfo, medium: Medium
) -> Iterator[tuple[Any, ...]]:
    """Rows of the slices of a meter from first to last and of all above them."""
    hours = range(first - first % HOUR_MS, last + 1, HOUR_MS)
    days = [day_start(first, zone)]
    while (end := day_end(days[-1], zone)) <= last:
        days.append(end)
    parts = {
        one.start: one
        for one in read(db, meter, QUARTER, min(hours[0], days[0]), max(hours[-1] + HOUR_MS, end))
    }
    rows = _rows(db, meter, first, last + QUARTER_MS, medium)
    rate_max = submeter_total.rate_max(medium)
    at = 0
    for start in range(first, last + 1, QUARTER_MS):
        begin, at = at, bisect_left(rows, start + QUARTER_MS, at, key=itemgetter(0))
        made = _quarter(start, rows[begin:at], rate_max)
        # Of what is older than it is kept a straggler may come in: the slice was made of more.
        if made and (start not in parts or parts[start].n <= made.n):
            parts[start] = made
            yield _row(meter, QUARTER, made)
    starts = sorted(parts)

    def merged(tier: str, start: int, end: int) -> Iterator[tuple[Any, ...]]:
        some = starts[bisect_left(starts, start) : bisect_left(starts, end)]
        if made := merge(start, [parts[s] for s in some], rate_max):
            yield _row(meter, tier, made)

    for start in hours:
        yield from merged(HOUR, start, start + HOUR_MS)
    # Of quarters, not of hours: in zones of half and quarter hours a day begins within an hour.
    for start in days:
        yield from merged(DAY, start, day_end(start, zone))


def _rows(db: Session, meter: int, start: int, end: int, medium: Medium) -> list[Row]:
    """What slices are made of: readings of [start, end) with a clock that can be believed."""
    code = submeter_total.code_of(medium)
    further = "" if code == submeter_total.IMPORT else ", extra"
    rows: list[Row] = db.all(
        "SELECT time, obis_1_8_0, obis_2_8_0, "
        f"{_POWER}, obis_32_7_0, obis_52_7_0, obis_72_7_0, {_IMPORTED}{further} "
        "FROM reading WHERE meter = ? AND time >= ? AND time < ? AND suspect = 0 "
        "ORDER BY time, seq",
        (meter, start, end),
    )
    if further:
        rows = [(row[0], submeter_total.total_in(row[8], code), *row[2:8]) for row in rows]
    return rows


def _quarter(start: int, rows: Sequence[Row], rate_max: int) -> Slice | None:
    """Imported readings only count where the meter itself was not read."""
    if all(row[_EXTRA] is None for row in rows):
        return slice_of(start, rows, rate_max)
    measured = [row for row in rows if row[_EXTRA] is None]
    made = slice_of(start, measured or rows, rate_max)
    assert made is not None
    if not measured:
        drawn, fed = (_interval_sum(rows, code) for code in (INTERVAL_DRAWN, INTERVAL_FED))
        made = made._replace(
            drawn_intervals=Intervals(drawn if made.drawn is None else None),
            fed_intervals=Intervals(fed if made.fed is None else None),
        )
    # All of them: the slice is computed again when further readings come in.
    return made._replace(n=len(rows))


def _interval_sum(rows: Sequence[Row], code: str) -> Number | None:
    found = [submeter_total.total_in(row[_EXTRA], code) for row in rows]
    known = [value for value in found if value is not None]
    return round(sum(known), 6) if known else None


def read(db: Session, meter: int, tier: str, start: int, end: int) -> list[Slice]:
    """A meter's slices that begin in [start, end)."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM rollup WHERE meter = ? AND tier = ? AND start >= ? AND start < ? "
        "ORDER BY start",
        (meter, tier, start, end),
    )
    return [_slice(row) for row in rows]


def _row(meter: int, tier: str, made: Slice) -> tuple[Any, ...]:
    nothing = (None,) * 6
    return (
        meter,
        tier,
        made.start,
        made.n,
        *(made.drawn or nothing),
        *(made.fed or nothing),
        made.powers,
        made.power_sum,
        made.power_low,
        made.power_high,
        *made.volts,
        *made.drawn_intervals,
        *made.fed_intervals,
    )


def _slice(row: tuple[Any, ...]) -> Slice:
    drawn = Total(*row[2:8]) if row[2] is not None else None
    fed = Total(*row[8:14]) if row[8] is not None else None
    intervals = Intervals(*row[24:26]), Intervals(*row[26:28])
    return Slice._make((row[0], row[1], drawn, fed, *row[14:18], tuple(row[18:24]), *intervals))
