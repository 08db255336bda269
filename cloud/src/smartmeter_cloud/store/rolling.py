"""Rolling up: dirty slices of 15 minutes and all above them are made anew from the readings."""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)

from datetime import tzinfo
from typing import Any

from smartmeter_cloud.rollup import (
    DAY,
    HOUR,
    HOUR_MS,
    QUARTER,
    QUARTER_MS,
    Slice,
    Total,
    day_end,
    day_start,
    merge,
    slice_of,
)
from smartmeter_cloud.store.session import Session

_POWER = "coalesce(obis_16_7_0, obis_1_7_0 - coalesce(obis_2_7_0, 0), -obis_2_7_0)"
_TOTAL_COLUMNS = [
    f"{what}_{part}"
    for what in ("drawn", "fed")
    for part in ("first_time", "first", "last_time", "last", "used", "resets")
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
    ]
)
_WIDTH = _COLUMNS.count(",") + 1


def roll(db: Session, limit: int, until: int, zone: tzinfo) -> int:
    """Makes up to limit dirty slices that begin before until anew; how many."""
    dirty = db.all(
        "SELECT meter, start FROM dirty WHERE start < ? ORDER BY meter, start LIMIT ?",
        (until, limit),
    )
    # First of all: who writes to one of these slices from now on makes it dirty once more.
    db.many("DELETE FROM dirty WHERE meter = ? AND start = ?", dirty)
    hours: set[tuple[int, int]] = set()
    for meter, start in dirty:
        rows = db.all(
            f"SELECT time, obis_1_8_0, obis_2_8_0, {_POWER}, obis_32_7_0, obis_52_7_0, obis_72_7_0 "
            "FROM reading WHERE meter = ? AND time >= ? AND time < ? AND suspect = 0 "
            "ORDER BY time, seq",
            (meter, start, start + QUARTER_MS),
        )
        known = db.one(
            "SELECT n FROM rollup WHERE meter = ? AND tier = ? AND start = ?",
            (meter, QUARTER, start),
        )
        # Of what is older than it is kept a straggler may come in: the slice was made of more.
        if known is None or known[0] <= len(rows):
            _put(db, meter, QUARTER, start, slice_of(start, rows))
        hours.add((meter, start - start % HOUR_MS))
    days: set[tuple[int, int]] = set()
    for meter, start in sorted(hours):
        parts = read(db, meter, QUARTER, start, start + HOUR_MS)
        _put(db, meter, HOUR, start, merge(start, parts))
        days.add((meter, day_start(start, zone)))
    for meter, start in sorted(days):
        # Quarters, not hours: in zones of half and quarter hours a day begins within an hour.
        parts = read(db, meter, QUARTER, start, day_end(start, zone))
        _put(db, meter, DAY, start, merge(start, parts))
    return len(dirty)


def read(db: Session, meter: int, tier: str, start: int, end: int) -> list[Slice]:
    """A meter's slices that begin in [start, end)."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM rollup WHERE meter = ? AND tier = ? AND start >= ? AND start < ? "
        "ORDER BY start",
        (meter, tier, start, end),
    )
    return [_slice(row) for row in rows]


def _put(db: Session, meter: int, tier: str, start: int, made: Slice | None) -> None:
    db.run("DELETE FROM rollup WHERE meter = ? AND tier = ? AND start = ?", (meter, tier, start))
    if made is None:
        return
    nothing = (None,) * 6
    values = (
        made.start,
        made.n,
        *(made.drawn or nothing),
        *(made.fed or nothing),
        made.powers,
        made.power_sum,
        made.power_low,
        made.power_high,
        *made.volts,
    )
    db.run(
        f"INSERT INTO rollup (meter, tier, {_COLUMNS}) VALUES (?, ?{', ?' * _WIDTH})",
        (meter, tier, *values),
    )


def _slice(row: tuple[Any, ...]) -> Slice:
    drawn = Total(*row[2:8]) if row[2] is not None else None
    fed = Total(*row[8:14]) if row[8] is not None else None
    return Slice._make((row[0], row[1], drawn, fed, *row[14:18], tuple(row[18:24])))
