"""The description of the database is that of the real tables, and its examples run as printed."""

import re
from pathlib import Path

import pytest
from smartmeter_cloud.store.description import TABLES, VIEWS
from smartmeter_cloud.store.sql import SqlStore
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.store.test_rollups import at, roll
from tests.cloud.stores import add, opens, store
from tools.documents import sql

__all__ = ["opens", "store"]

REPOSITORY = Path(__file__).resolve().parents[3]
ALL = TABLES | VIEWS


def columns(store: SqlStore) -> dict[str, set[str]]:
    with store._reading() as db:
        if isinstance(store, SqliteStore):
            names = db.all(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                "AND name NOT LIKE 'sqlite_%'"
            )
            return {
                name: {row[1] for row in db.all(f"PRAGMA table_info({name})")} for (name,) in names
            }
        found: dict[str, set[str]] = {}
        for name, column in db.all(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name !~ '^reading_'"
        ):
            found.setdefault(name, set()).add(column)
        return found


def test_every_column_is_described_and_no_other(store: SqlStore) -> None:
    assert columns(store) == {name: set(one.columns) for name, one in ALL.items()}
    if isinstance(store, SqliteStore):
        return
    with store._reading() as db:  # PostgreSQL tells it itself
        told = db.all(
            "SELECT c.relname, a.attname, col_description(c.oid, a.attnum), obj_description(c.oid) "
            "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') "
            "AND c.relname !~ '^reading_' AND NOT a.attisdropped"
        )
    for name, column, meaning, about in told:
        assert (meaning, about) == (ALL[name].columns[column], ALL[name].about), (name, column)


def test_the_document_is_that_description() -> None:
    assert sql.FILE.read_text() == sql.text(), "type: python -m tools.documents.sql"


def queries(path: str) -> list[str]:
    """The indented statements of a document."""
    blocks = re.findall(r"(?:^    .*\n)+", (REPOSITORY / path).read_text(), re.MULTILINE)
    return [block for block in blocks if block.startswith("    SELECT ")]


@pytest.mark.parametrize("path", ["docs/sql.md", "cloud/README.md"])
def test_its_queries_run_as_printed(store: SqlStore, path: str) -> None:
    add(store, "cellar", at(0, 1000, v1_7_0=500), at(60, 1008, v1_7_0=480), at(900, 1100))
    roll(store)
    found = queries(path)
    assert found
    for query in found:
        if "timestamptz" in query and isinstance(store, SqliteStore):
            continue
        with store._reading() as db:
            rows = db.all(query)
        assert rows or "import" in query, query
