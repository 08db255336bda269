"""Writes docs/sql.md from what the Cloud's store says about its tables.

python -m tools.documents.sql
"""

from smartmeter_cloud.store.description import TABLES, VIEWS, Relation

from tools.environment.prepare import REPOSITORY

FILE = REPOSITORY / "docs" / "sql.md"

_HEAD = """# The Cloud's database

`python -m tools.documents.sql` writes this file; the tests compare it with real databases.
PostgreSQL keeps the same descriptions as comments: `\\d+ readings` in psql shows them.

You may read the database while the Cloud writes. Change it only by the Cloud's commands and API.
SQLite is a file (`[store] path`). For PostgreSQL, [role.sql](../cloud/grafana/role.sql) creates a
role that can only read.

## Examples

These run on SQLite and on PostgreSQL. A meter's last readings:

    SELECT time, power_w, energy_import_wh, energy_export_wh
    FROM readings WHERE meter = 'cellar' ORDER BY time_ms DESC LIMIT 10;

The energy of every quarter of an hour from a time on (ms since 1970 UTC), for all meters:

    SELECT meter, start, drawn_wh, fed_wh, mean_w
    FROM energy_15min WHERE start_ms >= 1790000000000 ORDER BY meter, start_ms;

Energy by household:

    SELECT household, sum(drawn_wh) AS drawn_wh, sum(fed_wh) AS fed_wh
    FROM energy_15min GROUP BY household ORDER BY household;

Readings that were imported, and not sent by the meter:

    SELECT meter, count(*) AS readings, min(time) AS first, max(time) AS last
    FROM readings WHERE clock = 'import' GROUP BY meter;

Name meters where you can: their rows are found by an index. Filter `readings` by `time_ms` and
not by `time`, for the same reason. `time`, `received` and `start` are `timestamptz` in PostgreSQL,
and text in UTC in SQLite (`2026-11-22T20:10:05.000Z`). In PostgreSQL, this is the number of a
time:

    SELECT (extract(epoch FROM timestamptz '2026-11-22 21:10:05+01') * 1000)::bigint;

"""
_BETWEEN = """## Tables

The views are easier to use. In PostgreSQL `reading` has a partition for each day.

"""


def text() -> str:
    views = "".join(_section(name, one) for name, one in VIEWS.items())
    tables = "".join(_section(name, one) for name, one in TABLES.items())
    return f"{_HEAD}## Views\n\n{views}{_BETWEEN}{tables}".rstrip() + "\n"


def _section(name: str, one: Relation) -> str:
    about = one.about[0].upper() + one.about[1:]
    rows = "".join(f"| `{column}` | {meaning} |\n" for column, meaning in one.columns.items())
    return f"### {name}\n\n{about}.\n\n| column | meaning |\n|---|---|\n{rows}\n"


if __name__ == "__main__":
    FILE.write_text(text())
    print(FILE.relative_to(REPOSITORY))
