"""A transaction on an SQL database: the common interface of SQLite and PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Protocol

Values = Sequence[Any]


class Session(Protocol):
    """SQL has ? for values, whatever the database uses."""

    def all(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of an answer."""

    def one(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        """Its first row."""

    def run(self, sql: str, values: Values = ()) -> int:
        """How many rows were changed."""

    def many(self, sql: str, rows: Sequence[Values]) -> None:
        """The same for each of rows."""
