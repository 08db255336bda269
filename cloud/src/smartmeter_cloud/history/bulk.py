"""Readings as a download or an export, streamed: memory does not depend on their number."""

import csv
import io
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import msgspec

from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.store.query import Query
from smartmeter_cloud.store.rows import CODES, PROPERTY_PREFIX, Reading

ROWS_AT_A_TIME = 1000
ROW_GROUP = 10_000  # of Parquet

MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def _columns(query: Query) -> tuple[str, ...]:
    """The codes that have a column; all requested ones, or the default ones."""
    return query.codes or CODES


def has_parquet() -> bool:
    return find_spec("pyarrow") is not None


def as_csv(readings: Iterator[Reading], query: Query) -> Iterator[bytes]:
    """RFC 4180; a value that the meter did not send is empty."""
    codes = _columns(query)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        ["meterId", "readingTime", "faultCode", *(PROPERTY_PREFIX + code for code in codes)]
    )
    for i, r in enumerate(readings, 1):
        values = [r.values.get(code, "") for code in codes]
        fault = "CLOCK" if r.suspect else ""
        writer.writerow([r.meter, rfc3339(r.time, r.offset), fault, *values])
        if i % ROWS_AT_A_TIME == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def as_parquet(readings: Iterator[Reading], query: Query) -> Iterator[bytes]:
    """Times in ms, UTC; numbers as doubles; zstd."""
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    codes = _columns(query)
    schema = pyarrow.schema(
        [
            ("meterId", pyarrow.string()),
            ("readingTime", pyarrow.timestamp("ms", tz="UTC")),
            ("faultCode", pyarrow.string()),
            *((PROPERTY_PREFIX + code, pyarrow.float64()) for code in codes),
        ]
    )
    sink = _Sink()
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        rows: list[Reading] = []

        def write() -> bytes:
            columns: list[object] = [
                [r.meter for r in rows],
                [r.time for r in rows],
                ["CLOCK" if r.suspect else None for r in rows],
                *([r.values.get(code) for r in rows] for code in codes),
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


def as_lines(readings: Iterator[Reading], query: Query) -> Iterator[bytes]:
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
                    "values": r.values,
                }
            )
        )
        if len(lines) == ROWS_AT_A_TIME:
            yield b"\n".join(lines) + b"\n"
            lines.clear()
    if lines:
        yield b"\n".join(lines) + b"\n"


FORMS: dict[str, Callable[[Iterator[Reading], Query], Iterator[bytes]]] = {
    "csv": as_csv,
    "parquet": as_parquet,
    "jsonl": as_lines,
}
