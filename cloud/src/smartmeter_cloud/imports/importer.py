"""Writes points of a file into the store, as readings of a meter."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from smartmeter_cloud.imports.points import Source, Unreadable
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import CODES, IMPORTED_CLOCK, IMPORTED_SEQ, Meter, ReadingRow
from smartmeter_cloud.store.slices import QUARTER_MS

AT_A_TIME = 2000  # readings in a transaction, so that ingest never waits long
POINTS_MAX = 50_000_000  # of one file: three years of ten values every 20 s
_WINDOW_MS = 31 * 86_400_000  # in which measured readings are looked for at once
_FIRST_MS = 86_400_000  # 1970-01-02
_AHEAD_MS = 86_400_000
_INSERT = "INSERT OR IGNORE INTO point VALUES (?, ?, ?, ?)"


@dataclass
class Imported:
    """What became of a file. first, last: ms of the readings that were written, or are there."""

    new: int = 0
    repeated: int = 0
    measured: int = 0  # left out, because the meter itself was read then
    first: int | None = None
    last: int | None = None


class Importer:
    def __init__(self, store: Store, meter: Meter, zone: tzinfo) -> None:
        """zone: in which the readings' times will be shown. A new meter is created."""
        self._store = store
        self._meter = meter.name
        self._new_meter = meter
        self._zone = zone

    def run(self, source: Source, progress: Callable[[int, int], None]) -> Imported:
        """Unreadable, StoreUnavailable. progress(done, all) is called with numbers of readings."""
        done = Imported()
        # A temporary file on disk: values of one time may be anywhere in the source.
        with contextlib.closing(sqlite3.connect("")) as staged:
            self._stage(staged, source)
            total = staged.execute("SELECT count(DISTINCT time) FROM point").fetchone()[0]
            if not total:
                raise Unreadable("there is no value that could be imported" + _why(source))
            if self._meter not in {m.name for m in self._store.meters()}:
                self._store.add_meter(self._new_meter)
            rows: list[ReadingRow] = []
            seen = 0
            for row in self._rows(staged, source, done):
                seen += 1
                if row is not None:
                    rows.append(row)
                if len(rows) == AT_A_TIME:
                    self._write(rows, done)
                if seen % AT_A_TIME == 0:
                    progress(seen, total)
            self._write(rows, done)
            progress(seen, total)
        return done

    def _stage(self, staged: sqlite3.Connection, source: Source) -> None:
        staged.execute(
            "CREATE TABLE point (time INTEGER, code TEXT, series TEXT, value, "
            "PRIMARY KEY (time, code, series)) WITHOUT ROWID"
        )
        latest = int(time.time() * 1000) + _AHEAD_MS
        some: list[tuple[Any, ...]] = []
        for n, point in enumerate(source.points(), 1):
            if n > POINTS_MAX:
                raise Unreadable(f"there are more than {POINTS_MAX} values; split the file")
            if not _FIRST_MS <= point.time <= latest:
                source.skipped.note(n, "its time is before 1970 or in the future")
                continue
            some.append((point.time, point.code, point.series, point.value))
            if len(some) == AT_A_TIME:
                staged.executemany(_INSERT, some)
                some.clear()
        staged.executemany(_INSERT, some)

    def _rows(
        self, staged: sqlite3.Connection, source: Source, done: Imported
    ) -> Iterator[ReadingRow | None]:
        """A row for each time; None where the meter itself was read."""
        received = int(time.time() * 1000)
        window_end = 0
        measured: set[int] = set()
        for at, values in _by_time(staged):
            if at >= window_end:
                window_end = at + _WINDOW_MS
                measured = self._store.measured_quarters(
                    self._meter, at - QUARTER_MS, window_end + source.interval_ms + QUARTER_MS
                )
            end = at + max(1, source.interval_ms)
            quarters = range(at // QUARTER_MS * QUARTER_MS, end, QUARTER_MS)
            if not measured.isdisjoint(quarters):
                done.measured += 1
                yield None
                continue
            done.first = at if done.first is None else done.first
            done.last = at
            yield self._row(at, received, values)

    def _row(self, at: int, received: int, values: dict[str, int | float]) -> ReadingRow:
        offset = datetime.fromtimestamp(at // 1000, self._zone).utcoffset()
        further = {code: value for code, value in values.items() if code not in CODES}
        return (
            at,
            IMPORTED_SEQ,
            received,
            int(offset.total_seconds()) // 60 if offset else 0,
            IMPORTED_CLOCK,
            "none",
            0,
            msgspec.json.encode(further).decode() if further else None,
            *map(values.get, CODES),
        )

    def _write(self, rows: list[ReadingRow], done: Imported) -> None:
        if rows:
            stored = self._store.import_readings(self._meter, rows)
            done.new += stored.new
            done.repeated += stored.repeated
            rows.clear()


def _by_time(staged: sqlite3.Connection) -> Iterator[tuple[int, dict[str, int | float]]]:
    """(time, values) in their order; the series of a code add up."""
    values: dict[str, int | float] = {}
    current: int | None = None
    for at, code, value in staged.execute(
        "SELECT time, code, sum(value) FROM point GROUP BY time, code ORDER BY time, code"
    ):
        if current is not None and at != current:
            yield current, values
            values = {}
        current = at
        values[code] = value if isinstance(value, int) else round(value, 6)
    if current is not None:
        yield current, values


def _why(source: Source) -> str:
    return f" ({source.skipped.first[0]})" if source.skipped.first else ""
