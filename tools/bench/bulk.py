"""bulk: every reading of a large store in one download, and the memory of the api process

2 million readings (or BENCH_ROWS, if fewer), as CSV and as Parquet, from both stores. The client
reads as fast as it can, and pauses once; the server must then wait and not buffer.
"""

# ruff: noqa: S310 (every address is of a process that this file starts)

import json
import tempfile
import time
import urllib.request
from pathlib import Path

from smartmeter_cloud.store.postgresql import PostgresStore
from smartmeter_cloud.store.sqlite import SqliteStore

from tools.bench.cloud import ROWS
from tools.bench.cloud_queries import api, fill
from tools.environment.debian import Unavailable
from tools.environment.postgresql import Postgres
from tools.table import Table, verdicts

_ROWS_MAX = 2_000_000  # a minute or more for each download
_GROWTH_MB = 64  # from the first tenth of a download to its end; buffers, and no rows
_PIECE = 1 << 16
_SLOW_S = 3.0


def main() -> None:
    try:
        server = Postgres()
    except Unavailable as why:
        print(why)
        return
    server.start()
    try:
        _measure(server)
    finally:
        server.remove()


def _measure(server: Postgres) -> None:
    table = Table(
        ("store", 12), ("as", 9), ("rows", 10), ("rows/s", 9), ("MB", 7),
        ("early MB", 9), ("most MB", 9),
    )  # fmt: skip
    grown = []
    for kind in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory() as name:
            if kind == "SQLite":
                store: SqliteStore | PostgresStore = SqliteStore(Path(name) / "smartmeter.sqlite")
                line = 'path = "smartmeter.sqlite"'
            else:
                url = server.create("bulk")
                store, line = PostgresStore(url), f'url = "{url}"'
            fill(store, min(ROWS, _ROWS_MAX))
            store.close()
            for form in ("csv", "parquet"):
                with api(Path(name), line) as (address, process):
                    size, seconds, rows, early, most = _download(address, process, form)
                    rate = rows / seconds if rows else None
                    table.row(kind, form, rows, rate, size / 1e6, early, most)
                    grown.append(most - early)
    verdicts([(max(grown) < _GROWTH_MB, f"the api process grows by less than {_GROWTH_MB} MB")])


def _download(address: str, process: int, form: str) -> tuple[int, float, int | None, float, float]:
    """(bytes, seconds, rows where they can be counted, MB of the api early on, MB at the most)."""
    request = urllib.request.Request(
        f"{address}v1/meterReadings",
        json.dumps({"bulk": form}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        link = json.load(answer)["linkToBulk"]
    size = lines = 0
    early = most = 0.0
    begin = looked = time.monotonic()
    with urllib.request.urlopen(link, timeout=300) as answer:
        while piece := answer.read(_PIECE):
            if not size:
                time.sleep(_SLOW_S)
            size += len(piece)
            lines += piece.count(b"\n")
            now = time.monotonic()
            if now - looked > 0.5:
                looked = now
                most = max(most, _memory(process))
                early = early or most
    seconds = time.monotonic() - begin - _SLOW_S
    return size, seconds, lines - 1 if form == "csv" else None, early, most


def _memory(process: int) -> float:
    """MB that are in memory of a process."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000
