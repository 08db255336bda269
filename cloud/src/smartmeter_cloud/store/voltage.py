"""Voltage of each phase by slices of time, from the readings: roll-ups keep no mean of it."""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)
from smartmeter_cloud.store.rows import CODES, COLUMNS, Phase, Volts
from smartmeter_cloud.store.session import Session

_PHASES = [COLUMNS[CODES.index(code)] for code in ("32.7.0", "52.7.0", "72.7.0")]
_VALUES = ", ".join(f"avg({p}), min({p}), max({p})" for p in _PHASES)
_SENT = " OR ".join(f"{p} IS NOT NULL" for p in _PHASES)


def slices(db: Session, meter: int, start: int, end: int, width: int) -> list[Volts]:
    """Those in [start, end) that have a reading with a voltage; times and width in ms."""
    rows = db.all(
        f"SELECT (time - ?) / ? AS i, {_VALUES} FROM reading "
        f"WHERE meter = ? AND time >= ? AND time < ? AND ({_SENT}) GROUP BY i ORDER BY i",
        (start, width, meter, start, end),
    )
    return [
        Volts(
            start + row[0] * width,
            tuple(None if row[n] is None else Phase(*row[n : n + 3]) for n in (1, 4, 7)),
        )
        for row in rows
    ]
