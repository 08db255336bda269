"""CSV files of grid operators: the energy of quarter hours, or readings of the meter.

Columns are recognised by their names (German, French, Dutch, English) and their content. Shapes
that are known: Austria `Datum;Zeit von;Zeit bis;Verbrauch [kWh]`, Germany `Zeitstempel;Wert (kWh)`,
Switzerland `Timestamp,Bezug (kWh),Rücklieferung (kWh)`, Belgium (Fluvius) `Van (datum);Van
(tijdstip);Tot (datum);...;Register;Volume;Eenheid`, Netherlands `Datum,Tijd,Levering,Teruglevering`
in kWh.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from smartmeter_cloud.imports import local_times, text_file
from smartmeter_cloud.imports.local_times import LocalClock, Moment
from smartmeter_cloud.imports.points import (
    UNIT_NAMES,
    Point,
    Skipped,
    Unreadable,
    factor,
    number,
)
from smartmeter_cloud.store.rows import INTERVAL_DRAWN, INTERVAL_FED

START, END = "start", "end"  # of an interval
HEAD_MAX = 60  # lines before the first value
COLUMNS_MAX = 200
_SAMPLE = 2000  # lines by which the length of the intervals is recognised
_LENGTHS = tuple(timedelta(minutes=n) for n in (5, 10, 15, 20, 30, 60))

_FED = re.compile(
    "einspeis|rücklief|rückspeis|überschuss|injecti|terug|feed|export|return|excédent|2\\.8\\.|2\\.29\\."
)
_DRAWN = re.compile(
    "verbrauch|bezug|afname|verbruik|levering|consum|consomm|soutir|prélèv|import|1\\.8\\.|1\\.29\\."
)
_VALUE = re.compile("wert|value|valeur|waarde|volume|energie|energy|arbeit|menge|kwh|hoeveelheid")
_TOTAL = re.compile("zählerstand|meterstand|total|index|1\\.8\\.|2\\.8\\.")
_REGISTER = re.compile("register|registratie|obis|kennzahl|messgröße|richtung|direction")
_UNIT = re.compile("einheit|eenheid|unit|unité")
_ENDS = re.compile(r"\b(bis|to|tot|ende|end|until|fin|jusqu)")
_STARTS = re.compile(r"\b(von|ab|from|van|beginn|start|début)")
_IN_BRACKETS = re.compile(r"[\[(]\s*([A-Za-z0-9³]+)\s*[\])]|\b(?:in\s+)?([kM]?W[hH]?|kvarh)\b")


@dataclass
class Options:
    """What a person says about the file instead of leaving it to be recognised.

    columns: the name of each code's column; times: those of the time, or of date and time;
    stamp: START or END, which of an interval's its time is.
    """

    zone: tzinfo
    columns: dict[str, str] = field(default_factory=dict)
    times: Sequence[str] = ()
    unit: str = ""
    stamp: str = ""


@dataclass
class _Layout:
    """Which column is what, by its place. values: place -> code, "" where `register` says it."""

    header: list[str]
    first_line: int
    times: list[int]
    end: list[int]
    values: dict[int, str]
    register: int | None
    unit: int | None


class GridOperatorFile:
    """A Source; see the module."""

    def __init__(self, path: Path, options: Options) -> None:
        """Unreadable."""
        self._path = path
        self._options = options
        self.skipped = Skipped()
        self._delimiter = self._find_delimiter()
        self._layout = self._find_layout()
        self._length = timedelta(0)
        self._stamp = START
        self._falling = False
        self._look_at_times()
        self.interval_ms = int(self._length.total_seconds() * 1000)

    def points(self) -> Iterator[Point]:
        layout = self._layout
        clock = LocalClock(self._options.zone, self._falling)
        for line, row in self._rows():
            try:
                register = row[layout.register].strip() if layout.register is not None else ""
                moment = self._moment(row, layout.times)
                unit = row[layout.unit].strip() if layout.unit is not None else ""
                found = list(self._values(row, register, unit))
                ms = clock.to_ms(*moment, series=register)
            except IndexError:
                self.skipped.note(line, "there are too few columns")
                continue
            except ValueError as e:
                self.skipped.note(line, str(e))
                continue
            for place, code, value in found:
                is_interval = code in (INTERVAL_DRAWN, INTERVAL_FED)
                back = self.interval_ms if is_interval and self._stamp == END else 0
                yield Point(ms - back, code, value, f"{register} {place}")

    def _values(
        self, row: list[str], register: str, unit: str
    ) -> Iterator[tuple[int, str, int | float]]:
        """(place, code, value). ValueError, with a sentence, if there is none."""
        found = False
        for place, known in self._layout.values.items():
            code = known or self._code_of(register)
            if not code:
                raise ValueError(f"{register[:40]!r} is not known as import or export")
            if text := row[place].strip():
                found = True
                yield place, code, number(text, self._factor(code, unit or self._unit_in(place)))
        if not found:
            raise ValueError("there is no value")

    def _factor(self, code: str, unit: str) -> int | Decimal:
        unit = self._options.unit or unit
        known = UNIT_NAMES.get(unit.lower())
        if known is None:
            raise ValueError(f"{unit[:40]!r} is not a unit of electricity; see --unit")
        if known in ("W", "kW") and code in (INTERVAL_DRAWN, INTERVAL_FED):  # mean power
            return factor("1.7.0", known) * Decimal(self.interval_ms) / 3_600_000
        try:
            return factor(code, known)
        except Unreadable as e:
            raise ValueError(str(e)) from None

    def _unit_in(self, place: int) -> str:
        name = self._layout.header[place] if self._layout.header else ""
        found: list[str] = [unit for pair in _IN_BRACKETS.findall(name) for unit in pair if unit]
        known = [unit for unit in found if unit.lower() in UNIT_NAMES]
        units: list[str] = known or found or ["kWh"]
        return units[-1]  # operators give kWh where they say nothing

    def _code_of(self, text: str) -> str:
        text = text.lower()
        is_total = bool(_TOTAL.search(text))
        if _FED.search(text):
            return "2.8.0" if is_total else INTERVAL_FED
        if _DRAWN.search(text):
            return "1.8.0" if is_total else INTERVAL_DRAWN
        return ""

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of every line with values."""
        for line, row in enumerate(self._all_rows(), 1):
            if line >= self._layout.first_line and any(cell.strip() for cell in row):
                yield line, row

    def _all_rows(self) -> Iterator[list[str]]:
        try:
            yield from csv.reader(text_file.lines(self._path), delimiter=self._delimiter)
        except csv.Error as e:
            raise Unreadable(f"{self._path} is not CSV: {e}") from None

    def _find_delimiter(self) -> str:
        counts: Counter[str] = Counter()
        for _, line in zip(range(HEAD_MAX), text_file.lines(self._path), strict=False):
            counts.update({sign: line.count(sign) for sign in ";\t,"})
        # A comma may be that of decimals: it only separates where no other sign does.
        return next((sign for sign in ";\t,|" if counts[sign]), ";")

    def _find_layout(self) -> _Layout:
        before: list[str] = []
        for line, row in zip(range(1, HEAD_MAX + 1), self._all_rows(), strict=False):
            if len(row) > COLUMNS_MAX:
                raise Unreadable(f"{self._path} has more than {COLUMNS_MAX} columns")
            moments = [local_times.parse(cell) for cell in row]
            # A file without a header begins with a time, too.
            others = [cell for cell, m in zip(row, moments, strict=True) if m is None]
            if any(m and m.date for m in moments) and any(map(_is_number, others)):
                header = [cell.strip() for cell in before] if len(before) >= len(row) - 1 else []
                header += [""] * (len(row) - len(header))
                return self._layout_of(header, line, row, moments)
            if any(cell.strip() for cell in row):
                before = row
        raise Unreadable(
            f"{self._path}: no line with a date is among the first {HEAD_MAX}; is it a CSV file of "
            "values with their times?"
        )

    def _layout_of(
        self, header: list[str], line: int, row: list[str], moments: list[Moment | None]
    ) -> _Layout:
        names = [name.lower() for name in header]
        times, end = self._time_columns(names, moments)
        register = _only(i for i, name in enumerate(names) if _REGISTER.search(name))
        unit = _only(i for i, name in enumerate(names) if _UNIT.fullmatch(name))
        taken = {*times, *end, register, unit}
        if self._options.columns:
            values = {self._place(header, n): code for code, n in self._options.columns.items()}
            return _Layout(header, line, times, end, values, None, unit)
        free = [
            i
            for i, cell in enumerate(row)
            if i not in taken and not moments[i] and (not cell.strip() or _is_number(cell))
        ]
        values = {i: code for i in free if (code := self._code_of(names[i]))}
        if not values:
            named = [i for i in free if _VALUE.search(names[i])]
            numbers = [i for i in free if _is_number(row[i])]
            single = named if len(named) == 1 else numbers
            if len(single) == 1:
                by_register = register is not None
                values = {single[0]: "" if by_register else INTERVAL_DRAWN}
        if not values:
            shown = ", ".join(repr(name) for name in header if name) or "without names"
            raise Unreadable(
                f"{self._path}: which column has the values cannot be recognised; name it by "
                f"--column {INTERVAL_DRAWN}=NAME (its columns: {shown})"
            )
        return _Layout(header, line, times, end, values, register, unit)

    def _time_columns(
        self, names: list[str], moments: list[Moment | None]
    ) -> tuple[list[int], list[int]]:
        """The places of the time, or of date and time; and of the end, if there is one."""
        if self._options.times:
            return [self._place(names, name.lower()) for name in self._options.times], []
        found: list[list[int]] = []
        for i, moment in enumerate(moments):
            if moment is None:
                continue
            if moment.date:
                found.append([i])
            elif found and len(found[-1]) == 1 and not _time_in(moments[found[-1][0]]):
                found[-1].append(i)
            elif found:
                found.append([found[-1][0], i])  # the end has no date of its own
        whole = [places for places in found if any(_time_in(moments[i]) for i in places)]
        if not whole:
            raise Unreadable(
                f"{self._path} has a value for each day only; import values of an hour or less"
            )
        return whole[0], whole[1] if len(whole) > 1 else []

    def _place(self, names: list[str], name: str) -> int:
        lower = [n.lower() for n in names]
        if name.lower() not in lower:
            shown = ", ".join(repr(n) for n in names if n)
            raise Unreadable(f"{self._path} has no column {name!r}; its columns: {shown}")
        return lower.index(name.lower())

    def _moment(self, row: list[str], places: list[int]) -> tuple[datetime, timedelta | None]:
        """ValueError, with a sentence."""
        date: datetime | None = None
        time = offset = None
        for i in places:
            moment = local_times.parse(row[i])
            if moment is None:
                raise ValueError(f"{row[i][:40]!r} is not a time")
            date, time = moment.date or date, moment.time if moment.time is not None else time
            offset = moment.offset if moment.offset is not None else offset
        if date is None:
            raise ValueError("there is no date")
        return date + (time or timedelta(0)), offset

    def _look_at_times(self) -> None:
        """How long an interval is, whether its time is its start or end, and the lines' order."""
        seen: list[datetime] = []
        last: datetime | None = None
        length: timedelta | None = None
        for _, row in self._rows():
            try:
                last = self._moment(row, self._layout.times)[0]
                if length is None and self._layout.end:
                    length = self._moment(row, self._layout.end)[0] - last
                    length += timedelta(days=1) if length < timedelta(0) else timedelta(0)
            except (ValueError, IndexError):
                continue
            if len(seen) < _SAMPLE:
                seen.append(last)
        if not seen or last is None:
            raise Unreadable(f"{self._path} has no line with a time that can be read")
        self._falling = last < seen[0]
        codes = set(self._layout.values.values())
        if codes and not codes & {INTERVAL_DRAWN, INTERVAL_FED, ""}:
            return  # readings of the meter, at their times
        if length is None:
            steps = Counter(b - a for a, b in pairwise(sorted(set(seen))))
            length = steps.most_common(1)[0][0] if steps else None
        if length not in _LENGTHS:
            raise Unreadable(
                f"{self._path} has no values of 5 to 60 minutes: its times are "
                f"{length or 'a single one'} apart"
            )
        self._length = length
        self._stamp = self._options.stamp or self._find_stamp(
            min(seen[0], last), max(seen[0], last)
        )

    def _find_stamp(self, first: datetime, last: datetime) -> str:
        if self._layout.end:
            return START
        names = " ".join(self._layout.header[i].lower() for i in self._layout.times)
        for words, stamp in ((_STARTS, START), (_ENDS, END)):
            if words.search(names):
                return stamp
        for at, whole in ((first, START), (last, END)):  # files are of whole days
            midnight = at.replace(hour=0, minute=0, second=0)
            if at == midnight:
                return whole
            if whole == START and at == midnight + self._length:
                return END
            if whole == END and at == midnight + timedelta(days=1) - self._length:
                return START
        raise Unreadable(
            f"{self._path}: whether {first:%H:%M} is the start or the end of its interval cannot "
            "be recognised; say --stamp start or --stamp end"
        )


def _only(places: Iterator[int]) -> int | None:
    return next(iter(places), None)


def _time_in(moment: Moment | None) -> bool:
    return moment is not None and moment.time is not None


def _is_number(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True
