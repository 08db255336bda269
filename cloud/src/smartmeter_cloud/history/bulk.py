"""Readings as a download or an export, streamed: memory does not depend on their number."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import msgspec

from smartmeter_cloud.history.properties import UNITS
from smartmeter_cloud.history.timestamps import rfc3339, rfc3339_utc
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.query import FIRST_SEQ, Query, own_code, run
from smartmeter_cloud.store.rows import CODES, ELECTRICITY, PROPERTY_PREFIX, Medium, Reading

ROWS_AT_A_TIME = 1000
ROW_GROUP = 10_000  # of Parquet

MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
SCAN_MS = 31 * 86_400_000  # of one look for codes, so that none takes long


class Column(NamedTuple):
    """The values of one code that are in one unit, "" if it has none."""

    code: str
    unit: str

    @property
    def name(self) -> str:
        """Such as `OBIS_1.8.0 [Wh]`."""
        unit = f" [{self.unit}]" if self.unit else ""
        return f"{PROPERTY_PREFIX}{self.code}{unit}"


class Layout:
    """The columns of a table, and which value of a reading belongs into which."""

    def __init__(self, columns: Sequence[Column], media: Mapping[str, Medium]) -> None:
        self.columns = tuple(columns)
        self._media = media
        self._codes: dict[str, list[str | None]] = {}  # of each column, by meter

    def values(self, r: Reading) -> list[int | float | None]:
        """One for each column, None where the reading has none."""
        codes = self._codes.get(r.meter)
        if codes is None:
            medium = self._media.get(r.meter, ELECTRICITY)
            codes = [
                c.code if unit_of(medium, own_code(r.meter, c.code)) == c.unit else None
                for c in self.columns
            ]
            self._codes[r.meter] = codes
        return [None if code is None else r.values.get(code) for code in codes]

    def further(self, r: Reading) -> tuple[int | None, str | None, str | None]:
        """The values of FURTHER, None where there is none."""
        medium = self._media.get(r.meter, ELECTRICITY).name
        texts = msgspec.json.encode(r.texts).decode() if r.texts else None
        return (r.ratio if r.ratio != 1 else None, medium or None, texts)


# Columns behind those of codes: the ratio of transformers, a sub-meter's medium, texts as JSON.
FURTHER = ("ratio", "medium", "texts")


def unit_of(medium: Medium, code: str | None) -> str:
    """A sub-meter has units of its own."""
    if code is None:
        return ""
    return medium.units.get(code) or UNITS.get(code, "")


def layout(store: Store, query: Query, renew: Callable[[], None] = lambda: None) -> Layout:
    """The default codes and all others that were stored; only the requested ones, if any are.

    A code that sub-meters send in several units has a column for each. renew: called between
    two looks into the store.
    """
    media = {m.name: m.medium for m in store.meters() if m.name in query.meters}
    further: dict[str, set[str]] = {}
    if not query.codes or not set(query.codes) <= set(CODES):
        further = {meter: _further_codes(store, query, meter, renew) for meter in media}
    others = sorted(set().union(*further.values()), key=_by_numbers)
    found = []
    for code in query.codes or (*CODES, *others):
        units = {
            unit_of(medium, own)
            for meter, medium in media.items()
            if (own := own_code(meter, code)) in CODES or own in further[meter]
        }
        found += [Column(code, unit) for unit in sorted(units or {UNITS.get(code, "")})]
    return Layout(found, media)


def _further_codes(store: Store, query: Query, meter: str, renew: Callable[[], None]) -> set[str]:
    found: set[str] = set()
    start = query.start
    # From one reading to the next stretch of time: a wrong clock may be a century off.
    while first := store.readings(meter, (start, FIRST_SEQ), query.end, (), (), 1):
        renew()
        start = first[0].time + SCAN_MS
        found |= store.further_codes(meter, first[0].time, min(start, query.end))
        renew()
    return found


def _by_numbers(code: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", code)]


def has_parquet() -> bool:
    return find_spec("pyarrow") is not None


def as_csv(readings: Iterator[Reading], form: Layout) -> Iterator[bytes]:
    """RFC 4180; what the meter did not send is empty. Texts are JSON, by code.

    readingTime has the meter's own offset from UTC, readingTimeUtc has none.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        ["meterId", "readingTime", "readingTimeUtc", "clock", "auth", "seq", "faultCode"]
        + [column.name for column in form.columns]
        + list(FURTHER)
    )
    for i, r in enumerate(readings, 1):
        fault = "CLOCK" if r.suspect else ""
        times = [rfc3339(r.time, r.offset), rfc3339_utc(r.time)]
        about = [r.meter, *times, r.clock, r.auth, r.seq, fault]
        values = [*form.values(r), *form.further(r)]
        writer.writerow(about + ["" if v is None else v for v in values])
        if i % ROWS_AT_A_TIME == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def as_parquet(readings: Iterator[Reading], form: Layout) -> Iterator[bytes]:
    """Times in ms, UTC; numbers as doubles, their unit in the column's metadata; zstd.

    Texts are JSON, by code.
    """
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    schema = pyarrow.schema(
        [
            ("meterId", pyarrow.string()),
            ("readingTime", pyarrow.timestamp("ms", tz="UTC")),
            ("clock", pyarrow.string()),
            ("auth", pyarrow.string()),
            ("seq", pyarrow.int64()),
            ("faultCode", pyarrow.string()),
            *(
                pyarrow.field(column.name, pyarrow.float64(), metadata={"unit": column.unit})
                for column in form.columns
            ),
            *zip(FURTHER, (pyarrow.int64(), pyarrow.string(), pyarrow.string()), strict=True),
        ]
    )
    sink = _Sink()
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        rows: list[Reading] = []

        def write() -> bytes:
            columns: list[object] = [
                [r.meter for r in rows],
                [r.time for r in rows],
                [r.clock for r in rows],
                [r.auth for r in rows],
                [r.seq for r in rows],
                ["CLOCK" if r.suspect else None for r in rows],
                *zip(*map(form.values, rows), strict=True),
                *zip(*map(form.further, rows), strict=True),
            ]
            arrays = [pyarrow.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            rows.clear()
            return sink.take()

        for r in readings:
            rows.append(r)
            if len(rows) == ROW_GROUP:
                yield write()
        if rows:
            yield write()
    yield sink.take()


class _Sink(io.RawIOBase):
    """A file that is read while it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def as_lines(readings: Iterator[Reading], media: Mapping[str, Medium]) -> Iterator[bytes]:
    """JSON lines: each a reading in the form it has on the wire, and its meter."""
    lines = []
    for r in readings:
        lines.append(
            msgspec.json.encode(
                {
                    "smartMeterId": r.meter,
                    "time": rfc3339(r.time, r.offset),
                    "clock": r.clock,
                    "seq": r.seq,
                    "auth": r.auth,
                    **({"faultCode": "CLOCK"} if r.suspect else {}),
                    **({"ratio": r.ratio} if r.ratio != 1 else {}),
                    "values": r.values,
                    **({"texts": r.texts} if r.texts else {}),
                    **_of_submeter(r, media.get(r.meter, ELECTRICITY)),
                }
            )
        )
        if len(lines) == ROWS_AT_A_TIME:
            yield b"\n".join(lines) + b"\n"
            lines.clear()
    if lines:
        yield b"\n".join(lines) + b"\n"


def _of_submeter(r: Reading, medium: Medium) -> dict[str, object]:
    if not medium.name:
        return {}
    units = {code: unit for code, unit in medium.units.items() if code in r.values}
    return {"medium": medium.name, "units": units}


FORMS = ("csv", "jsonl", "parquet")


def stream(
    form: str, store: Store, query: Query, renew: Callable[[], None] = lambda: None
) -> Iterator[bytes]:
    """The readings in one of FORMS. renew: called again and again while it goes on."""
    readings = _renewing(run(store, query), renew)
    if form == "jsonl":
        yield from as_lines(readings, {m.name: m.medium for m in store.meters()})
    else:
        write = as_csv if form == "csv" else as_parquet
        yield from write(readings, layout(store, query, renew))


def _renewing(readings: Iterator[Reading], renew: Callable[[], None]) -> Iterator[Reading]:
    for one in readings:
        renew()
        yield one
