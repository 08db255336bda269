"""Imported readings: beside those that the meter itself sent, and never in their place."""

from collections.abc import Sequence

from smartmeter_cloud.store.rows import ReadingRow
from smartmeter_cloud.store.session import Session
from smartmeter_cloud.store.slices import QUARTER_MS

_MEASURED = """
SELECT DISTINCT time / ? FROM reading
WHERE meter = ? AND time >= ? AND time < ? AND seq >= 0 AND suspect = 0
"""
# They are a meter's newest only as long as it has sent nothing itself.
_NEWEST = """
UPDATE meter SET time = ?, seq = ?, suspect = 0, change = ?
WHERE id = ? AND (time IS NULL OR seq < 0 AND time < ?)
"""


def measured_quarters(db: Session, meter: int, start: int, end: int) -> set[int]:
    """The starts of the quarter hours in [start, end) in which the meter itself was read."""
    rows = db.all(_MEASURED, (QUARTER_MS, meter, start, end))
    return {quarter * QUARTER_MS for (quarter,) in rows}


def note_newest(db: Session, meter: int, rows: Sequence[ReadingRow], change: int) -> None:
    time, seq = max(row[:2] for row in rows)
    db.run(_NEWEST, (time, seq, change, meter, time))
