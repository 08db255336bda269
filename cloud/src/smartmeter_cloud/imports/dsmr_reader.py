"""Exports of DSMR-reader: its hours and days as CSV, and its table of readings.

The names of the columns depend on its language, so hours and days are recognised by their number of
columns (dsmr_frontend/views/export.py). `dsmr_datalogger_dsmrreading`, exported by psql with a
header, has fixed names (dsmr_datalogger/models/reading.py).
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path

from smartmeter_cloud.imports import local_times, text_file
from smartmeter_cloud.imports.local_times import LocalClock
from smartmeter_cloud.imports.points import Point, Skipped, Unreadable, number
from smartmeter_cloud.store.rows import INTERVAL_DRAWN, INTERVAL_FED
from smartmeter_cloud.store.slices import HOUR_MS

_HOUR_COLUMNS, _DAY_COLUMNS = 6, 18
# Both tariffs of an hour add up: energy of the hour, kWh.
_OF_HOUR = {1: INTERVAL_DRAWN, 2: INTERVAL_DRAWN, 3: INTERVAL_FED, 4: INTERVAL_FED}
# The first meter readings of a day, kWh, at the time in column 11.
_DAY_TIME = 11
_OF_DAY = {12: "1.8.1", 13: "1.8.2", 14: "2.8.1", 15: "2.8.2"}
_OF_READING = {
    "electricity_delivered_1": "1.8.1",
    "electricity_delivered_2": "1.8.2",
    "electricity_returned_1": "2.8.1",
    "electricity_returned_2": "2.8.2",
    "electricity_currently_delivered": "1.7.0",
    "electricity_currently_returned": "2.7.0",
    **{f"phase_voltage_l{n}": f"{12 + 20 * n}.7.0" for n in (1, 2, 3)},
    **{f"phase_power_current_l{n}": f"{11 + 20 * n}.7.0" for n in (1, 2, 3)},
}
_TIMES_1000 = ("1.8.1", "1.8.2", "2.8.1", "2.8.2", "1.7.0", "2.7.0", INTERVAL_DRAWN, INTERVAL_FED)


class DsmrReaderFile:
    """A Source; see the module."""

    def __init__(self, path: Path, zone: tzinfo) -> None:
        """Unreadable."""
        self._path = path
        self._zone = zone
        self.skipped = Skipped()
        header = next(self._rows(), [])
        self._time = 0
        if "electricity_delivered_1" in header and "timestamp" in header:
            self._time = header.index("timestamp")
            self._codes = {header.index(n): c for n, c in _OF_READING.items() if n in header}
        elif len(header) == _HOUR_COLUMNS:
            self._codes = _OF_HOUR
        elif len(header) == _DAY_COLUMNS:
            self._time, self._codes = _DAY_TIME, _OF_DAY
        else:
            raise Unreadable(
                f"{path} is not an export of DSMR-reader: hours have {_HOUR_COLUMNS} columns, days "
                f"{_DAY_COLUMNS}, and readings a column electricity_delivered_1"
            )
        self.interval_ms = HOUR_MS if self._codes is _OF_HOUR else 0

    def points(self) -> Iterator[Point]:
        clock = LocalClock(self._zone)
        rows = enumerate(self._rows(), 1)
        next(rows, None)  # the header
        for line, row in rows:
            try:
                moment = local_times.parse(row[self._time])
                if moment is None or moment.date is None or moment.time is None:
                    raise ValueError(f"{row[self._time][:40]!r} is not a time")
                ms = clock.to_ms(moment.date + moment.time, moment.offset)
                found = list(self._values(row))
            except IndexError:
                self.skipped.note(line, "there are too few columns")
                continue
            except ValueError as e:
                self.skipped.note(line, str(e))
                continue
            for place, code, value in found:
                # The tariffs of an hour add up as two series.
                yield Point(ms, code, value, str(place) if self.interval_ms else "")

    def _values(self, row: Sequence[str]) -> Iterator[tuple[int, str, int | float]]:
        totals: dict[str, Decimal] = {}
        for place, code in self._codes.items():
            text = row[place].strip()
            if not text:
                continue
            yield place, code, number(text, 1000 if code in _TIMES_1000 else 1)
            if code[2:4] == "8.":
                totals[code] = Decimal(text)
        for direction in ("1", "2"):  # the sum of both tariffs, as the Concentrator makes it
            parts = [totals.get(f"{direction}.8.{tariff}") for tariff in "12"]
            if all(part is not None for part in parts):
                total = sum(part for part in parts if part is not None)
                yield 0, f"{direction}.8.0", number(str(total), 1000)

    def _rows(self) -> Iterator[list[str]]:
        try:
            yield from csv.reader(text_file.lines(self._path))
        except csv.Error as e:
            raise Unreadable(f"{self._path} is not CSV: {e}") from None
