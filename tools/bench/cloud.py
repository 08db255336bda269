"""cloud: readings stored a second next to the plain recipe, and how long a page waits

A backlog waits in a real mosquitto; it is stored in PostgreSQL (fsync on) and SQLite, by
`smartmeter-cloud ingest` and with a recipe of paho, manual acknowledgements and executemany
ON CONFLICT. All share this machine's cores. Then a store of BENCH_ROWS readings (10 million)
is asked what the page asks.
"""

import os
import statistics

from tools.bench.cloud_ingest import ARRAY, Measured, by_recipe, in_postgresql, in_sqlite
from tools.bench.cloud_queries import measure
from tools.environment.debian import Unavailable
from tools.environment.postgresql import Postgres
from tools.table import Table, verdicts

ROWS = int(os.environ.get("BENCH_ROWS", "10000000"))
SINGLES, ARRAYS = min(ROWS, 60_000), min(ROWS, 400_000)
ROUNDS = 5  # in turn, so that other load affects all alike; medians are printed
SINGLE_RATIO, ARRAY_RATIO, SQLITE_RATE = 1.2, 8.0, 20_000


def ingest(server: Postgres) -> list[tuple[bool, str]]:
    """Prints a table; returns the targets and whether they were met."""
    table = Table(
        ("stored by", 20), ("as", 12), ("readings/s", 11), ("x recipe", 9), ("wrong", 6),
        ("CPU us each", 12), ("MB", 5),
    )  # fmt: skip
    ways = {
        "recipe, PostgreSQL": lambda n, size: by_recipe(server, n, size),
        "ours, PostgreSQL": lambda n, size: in_postgresql(server, n, size),
        "ours, SQLite": in_sqlite,
    }
    rates: dict[tuple[str, int], float] = {}
    wrong = 0
    for size, readings in ((1, SINGLES), (ARRAY, ARRAYS)):
        rounds: dict[str, list[Measured]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, store in ways.items():
                rounds[way].append(store(readings, size))
        for way, found in rounds.items():
            rate = rates[way, size] = statistics.median(m.rate for m in found)
            bad = max(m.wrong for m in found)
            wrong += bad
            table.row(
                way,
                "single" if size == 1 else f"{size} an array",
                rate,
                rate / rates["recipe, PostgreSQL", 1],
                bad,
                statistics.median(m.used for m in found),
                max(m.megabytes for m in found),
            )
    recipe = rates["recipe, PostgreSQL", 1]
    single, array = rates["ours, PostgreSQL", 1] / recipe, rates["ours, PostgreSQL", ARRAY] / recipe
    return [
        (wrong == 0, "nothing lost or doubled"),
        (single >= SINGLE_RATIO, f"single readings: at least {SINGLE_RATIO:g} x the recipe"),
        (array >= ARRAY_RATIO, f"arrays: at least {ARRAY_RATIO:g} x the recipe's single readings"),
        (
            rates["ours, SQLite", ARRAY] >= SQLITE_RATE,
            f"SQLite: at least {SQLITE_RATE} readings/s in arrays",
        ),
    ]


def main() -> None:
    try:
        server = Postgres()
    except Unavailable as why:
        print(why)
        return
    server.start()
    try:
        lines = ingest(server)
        print()
        lines += measure(server, ROWS)
        verdicts(lines)
    except Unavailable as why:
        print(why)
    finally:
        server.remove()
