"""How long a page waits for a store of many readings, over HTTP from a real api process."""

# ruff: noqa: S608 (SQL is put together from this file's own constants)

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.postgresql import PostgresStore
from smartmeter_cloud.store.rows import CODES, COLUMNS
from smartmeter_cloud.store.slices import day_start
from smartmeter_cloud.store.sqlite import SqliteStore

from tools.bench.cloud_load import CONCENTRATOR
from tools.environment.debian import Unavailable
from tools.environment.postgresql import Postgres
from tools.environment.prepare import program
from tools.table import Table

METERS, STEP_S = 20, 5
EACH_DAY = 86_400 // STEP_S
DAY_MS = 86_400_000
TIMES = 9  # the median is printed
TODAY = day_start(int(time.time() * 1000), UTC)

_FILL = f"""
INSERT INTO reading (meter, time, seq, received, "offset", clock, auth, suspect, {
    ", ".join(COLUMNS)
})
SELECT m.id, ? + t.n * {STEP_S * 1000}, t.n, ? + t.n * {STEP_S * 1000}, 60, 'meter', 'verified', 0,
    {
    ", ".join(
        "1136784 + t.n" if code == "1.8.0" else f"(t.n * 37 + m.id * 911) % {4000 + i}"
        for i, code in enumerate(CODES)
    )
}
FROM meter m CROSS JOIN
"""
_FILL_SQLITE = (
    f"WITH RECURSIVE t (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n < {EACH_DAY - 1}) "
    + _FILL + " t"
)  # fmt: skip
_FILL_POSTGRESQL = _FILL.replace("%", "%%") + f" generate_series(0, {EACH_DAY - 1}) AS t (n)"


def fill(store: SqliteStore | PostgresStore, rows: int) -> int:
    """Add readings of METERS meters up to yesterday, and a sparse year before; return how many."""
    days = max(1, rows // (METERS * EACH_DAY))
    year = MessageBatch()
    for meter in range(METERS):
        topic = f"concentrator/{CONCENTRATOR}/smartMeterMessage/meter-{meter:04d}/readings"
        part = [
            {
                "time": datetime.fromtimestamp(TODAY / 1000 - n * 43_200, UTC).isoformat(),
                "clock": "meter", "seq": 10**6 + n, "auth": "none",
                "values": {"1.8.0": 10**6 - 4000 * n},
            }
            for n in range(0 if meter else 730, 731)
        ]  # fmt: skip
        year.add(topic, json.dumps(part).encode(), int(time.time() * 1000))
    store.write(year)
    while store.roll(200, 2**60):
        pass
    for day in range(1, days + 1):
        start = TODAY - day * DAY_MS
        if isinstance(store, PostgresStore):
            store._make_days({start // DAY_MS})
        with store._writing() as db:
            fills = _FILL_SQLITE if isinstance(store, SqliteStore) else _FILL_POSTGRESQL
            db.run(fills, (start, start))
    while store.cluster(TODAY + 3 * 3_600_000):  # as upkeep does at night
        pass
    if isinstance(store, PostgresStore):
        with store._writing() as db:
            db.run("ANALYZE")
    return days * METERS * EACH_DAY


@contextmanager
def api(folder: Path, store_line: str) -> Iterator[tuple[str, int]]:
    """(address, process number) of an api process over that store."""
    config = folder / "cloud.toml"
    config.write_text(
        f'[broker]\ntls = false\n[store]\n{store_line}\ntime_zone = "UTC"\n'
        '[http]\nport = 0\naccess = "open"\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "smartmeter_cloud", "api", "--config", config],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], process.pid
    finally:
        process.terminate()
        process.wait()


def took(url: str) -> tuple[float, float]:
    """(first, median) ms of an answer."""
    found = []
    for _ in range(TIMES + 1):
        begin = time.perf_counter()
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310
            answer.read()
        found.append((time.perf_counter() - begin) * 1000)
    return found[0], statistics.median(found[1:])


def queries(address: str) -> Iterator[tuple[str, float, float]]:
    """(what, first ms, median ms)."""

    def span(start: int, end: int, **more: object) -> str:
        moments = {
            name: datetime.fromtimestamp(ms / 1000, UTC).isoformat()
            for name, ms in (("from", start), ("to", end))
        }
        return urllib.parse.urlencode(moments | more)

    meter = f"{address}v1/meters/meter-0000"
    day = span(TODAY - DAY_MS, TODAY)
    yield "a day of one meter", *took(f"{meter}/power?{day}")
    quarters = span(TODAY - DAY_MS, TODAY, by="quarter")
    yield "its quarters of an hour", *took(f"{meter}/energy?{quarters}")
    year = span(TODAY - 365 * DAY_MS, TODAY, by="month")
    yield "a year's monthly bars", *took(f"{meter}/energy?{year}")
    yield "the newest of all", *took(f"{address}v1/meters")


def first_paint(address: str) -> float:
    """ms until Chromium shows the page's first content; median of three, each with no cache."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        found = []
        for _ in range(3):
            context = browser.new_context()
            page = context.new_page()
            page.goto(address)
            page.locator("article").first.wait_for()
            entries = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)"
            )
            found.append(float(entries[0]))
            context.close()
        browser.close()
    return statistics.median(found)


def measure(server: Postgres, rows: int) -> list[tuple[bool, str]]:
    """Prints a table; returns the targets and whether they were met."""
    table = Table(("store", 12), ("asked", 26), ("first ms", 9), ("median ms", 10))
    found: dict[tuple[str, str], float] = {}
    paint = None
    for kind in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory() as name:
            if kind == "SQLite":
                store: SqliteStore | PostgresStore = SqliteStore(Path(name) / "smartmeter.sqlite")
                line = 'path = "smartmeter.sqlite"'
            else:
                url = server.create("queries")
                store, line = PostgresStore(url), f'url = "{url}"'
            begin = time.monotonic()
            count = fill(store, rows)
            store.close()
            table.row(kind, f"({count} readings made)", (time.monotonic() - begin) * 1000, None)
            with api(Path(name), line) as (address, _):
                for what, first, median in queries(address):
                    table.row(kind, what, first, median)
                    found[kind, what] = median
                if kind == "SQLite":
                    try:
                        paint = first_paint(address)
                        table.row(kind, "page, first content", None, paint)
                    except Unavailable as why:
                        print(why)
    verdicts = []
    for what in ("a day of one meter", "a year's monthly bars"):
        fast = all(found[kind, what] < 50 for kind in ("SQLite", "PostgreSQL"))
        verdicts.append((fast, f"{what}: under 50 ms from both stores"))
    if paint is not None:
        verdicts.append((paint < 1000, "the page's first paint: under 1 s"))
    return verdicts
