"""Hourly statistics of Home Assistant: its database, or the JSON of its WebSocket API.

The database is a SQLite file (home-assistant_v2.db; tables statistics and statistics_meta). JSON is
the answer to `recorder/statistics_during_period`. `state` is the meter's total at the end of an
hour.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from smartmeter_cloud.imports.points import UNIT_NAMES, Point, Skipped, Unreadable, factor, number
from smartmeter_cloud.store.slices import HOUR_MS

JSON_MAX = 256 * 1024 * 1024  # bytes; 20 years of two statistics are 60 MB
_SQLITE = b"SQLite format 3\0"
_ROWS = """
SELECT start_ts, state FROM statistics WHERE metadata_id = ? AND state IS NOT NULL ORDER BY start_ts
"""


class _Row(msgspec.Struct):
    start: int | float
    state: int | float | None = None


class _Answer(msgspec.Struct):
    result: dict[str, list[_Row]]


class HomeAssistantFile:
    """A Source; see the module. statistics: the id of each code's, as 1.8.0: sensor.cellar."""

    interval_ms = 0

    def __init__(self, path: Path, statistics: Mapping[str, str], unit: str) -> None:
        """Unreadable. unit: of JSON, which does not say it."""
        self._path = path
        self._statistics = statistics
        self._unit = unit or "kWh"
        self.skipped = Skipped()
        if not statistics:
            raise Unreadable("name the statistic of each code, as --column 1.8.0=sensor.cellar")

    def points(self) -> Iterator[Point]:
        try:
            with self._path.open("rb") as file:
                is_database = file.read(len(_SQLITE)) == _SQLITE
        except OSError as e:
            raise Unreadable(f"{self._path} cannot be read: {e.strerror}") from None
        return self._of_database() if is_database else self._of_json()

    def _of_database(self) -> Iterator[Point]:
        try:
            uri = f"{self._path.resolve().as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
                for code, name in self._statistics.items():
                    meta = db.execute(
                        "SELECT id, unit_of_measurement FROM statistics_meta "
                        "WHERE statistic_id = ?",
                        (name,),
                    ).fetchone()
                    if meta is None:
                        raise Unreadable(f"{self._path} has no statistic {name}")
                    times = self._factor(code, str(meta[1]))
                    for start, state in db.execute(_ROWS, (meta[0],)):
                        yield from self._point(code, start * 1000, state, times)
        except sqlite3.Error as e:
            raise Unreadable(f"{self._path} is not Home Assistant's database: {e}") from None

    def _of_json(self) -> Iterator[Point]:
        if self._path.stat().st_size > JSON_MAX:
            raise Unreadable(
                f"{self._path} is larger than {JSON_MAX >> 20} MB; ask for less at once"
            )
        data = self._path.read_bytes()
        try:
            try:
                found = msgspec.json.decode(data, type=_Answer).result
            except msgspec.ValidationError:
                found = msgspec.json.decode(data, type=dict[str, list[_Row]])
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as e:
            raise Unreadable(
                f"{self._path} is not the answer to recorder/statistics_during_period: {e}"
            ) from None
        for code, name in self._statistics.items():
            if name not in found:
                raise Unreadable(f"{self._path} has no statistic {name}")
            times = self._factor(code, self._unit)
            for row in found[name]:
                if row.state is not None:
                    yield from self._point(code, row.start, row.state, times)

    def _factor(self, code: str, unit: str) -> int:
        return factor(code, UNIT_NAMES.get(unit.lower(), unit))

    def _point(self, code: str, start_ms: float, state: object, times: int) -> Iterator[Point]:
        try:
            value = number(repr(state), times)
            # A hair before the hour's end: it belongs to that hour, and so to its day.
            at = int(start_ms) + HOUR_MS - 1000
        except (ValueError, OverflowError):
            self.skipped.note(0, f"the state {state!r} is not a number")
            return
        yield Point(at, code, value)
