"""Undelivered messages on disk: one SQLite file in WAL mode; every commit is synced.

A row is a message as it came: meter, specific topic, payload. It is deleted after the Cloud's
receipt for it. Row ids only grow; none is used twice.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

_SCHEMA_VERSION = 2
_ROW_BYTES = 120  # disk space of a row beside its payload, measured on 1 000 000 rows
# Rows deleted at once to make room.
_FIRST_ROWS = "id IN (SELECT id FROM message ORDER BY id LIMIT 500)"
# meter -> its replay guard (intake/replay_guard.py).
_MEMORY = "CREATE TABLE memory (meter TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID"
_SCHEMA = (
    """CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        meter TEXT NOT NULL,
        specific TEXT NOT NULL,
        payload BLOB NOT NULL,
        arrived INTEGER NOT NULL  -- unix seconds
    )""",
    "CREATE TABLE status (meter TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID",
    _MEMORY,
    """CREATE TABLE total (  -- one row
        next INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        dropped INTEGER NOT NULL
    )""",
)


class Row(NamedTuple):
    """A message in the spool; id 0: an adapter's status, of which only the newest is kept."""

    id: int
    meter: str
    specific: str
    payload: bytes


class SpoolError(Exception):
    """The spool cannot be used; one sentence says why."""


class Spool:
    """The file at `path`, for one thread. Other threads read it, each through its own Reader.

    maximum_bytes and maximum_age_s bound it. The oldest rows are dropped first and counted in
    `dropped`; a history has no receiver, so rows that are only too old do not count as lost.
    """

    def __init__(
        self, path: Path, maximum_bytes: int, maximum_age_s: int, history: bool = False
    ) -> None:
        self.path = path
        self._history = history
        self.maximum_bytes = maximum_bytes
        self.maximum_age_s = maximum_age_s
        self._connection = _connect(path)
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _SCHEMA_VERSION:
            self._connection.close()
            raise SpoolError(f"{path} was written by a newer version; install that one")
        if version == 0:
            # Ids begin with the time in microseconds. A receipt may still come for a file that
            # was set aside, and must not delete a row of this one.
            self._connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                self._connection.execute(statement)
            self._connection.execute(
                "INSERT INTO total VALUES (?, 0, 0, 0)", (time.time_ns() // 1000,)
            )
            self._is_of_this_version()
        elif version == 1:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(_MEMORY)
            self._connection.execute(
                "INSERT INTO memory SELECT meter, CAST(json_object('counters', json_group_object("
                "lower(hex(title)), value), 'recent', json('[]')) AS BLOB) "
                "FROM counter GROUP BY meter"
            )
            self._connection.execute("DROP TABLE counter")
            self._is_of_this_version()
        self.next, self.rows, self.bytes, self.dropped = self._connection.execute(
            "SELECT next, rows, bytes, dropped FROM total"
        ).fetchone()
        self.oldest = self._oldest()

    def _is_of_this_version(self) -> None:
        self._connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        self._connection.execute("COMMIT")

    def write(
        self,
        messages: Sequence[tuple[str, str, bytes]],
        forget: Iterable[int],
        newest: dict[str, bytes],
        now: float,
        replay_guards: Mapping[str, bytes] = MappingProxyType({}),
    ) -> list[Row]:
        """Commit new messages (meter, specific, payload), delete rows by id, and keep the bounds.

        newest: meter -> its newest status; an empty one deletes it.
        Returns the new rows. If sqlite3 raises an error, the spool is as it was before.
        """
        before = (self.next, self.rows, self.bytes, self.dropped)
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            stored = [
                Row(self.next + i, meter, specific, payload)
                for i, (meter, specific, payload) in enumerate(messages)
            ]
            arrived = int(now)
            self._connection.executemany(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?)", [(*row, arrived) for row in stored]
            )
            self.next += len(stored)
            self.rows += len(stored)
            self.bytes += sum(len(row.payload) + _ROW_BYTES for row in stored)
            self._delete("id IN (SELECT value FROM json_each(?))", json.dumps(list(forget)))
            self._keep_bounds(arrived)
            self._write_status(newest)
            self._connection.executemany(
                "INSERT OR REPLACE INTO memory VALUES (?, ?)", replay_guards.items()
            )
            execute(
                "UPDATE total SET next = ?, rows = ?, bytes = ?, dropped = ?",
                (self.next, self.rows, self.bytes, self.dropped),
            )
            execute("COMMIT")
        except BaseException:
            self.next, self.rows, self.bytes, self.dropped = before
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise
        self.oldest = self._oldest()
        return stored

    def statuses(self) -> dict[str, bytes]:
        """meter -> its newest status."""
        return dict(self._connection.execute("SELECT meter, payload FROM status"))

    def replay_guards(self) -> dict[str, bytes]:
        """meter -> its replay guard."""
        return dict(self._connection.execute("SELECT meter, payload FROM memory"))

    def _write_status(self, newest: dict[str, bytes]) -> None:
        kept = [(meter, payload) for meter, payload in newest.items() if payload]
        gone = [(meter,) for meter, payload in newest.items() if not payload]
        self._connection.executemany("INSERT OR REPLACE INTO status VALUES (?, ?)", kept)
        self._connection.executemany("DELETE FROM status WHERE meter = ?", gone)

    def _delete(self, where: str, *values: object) -> int:
        gone = self._connection.execute(
            f"DELETE FROM message WHERE {where} RETURNING length(payload)",  # noqa: S608 (our text)
            values,
        ).fetchall()
        self.rows -= len(gone)
        self.bytes -= sum(n + _ROW_BYTES for (n,) in gone)
        return len(gone)

    def _keep_bounds(self, now: int) -> None:
        too_old = now - self.maximum_age_s
        if self.oldest is not None and self.oldest < too_old:
            while gone := self._delete(f"{_FIRST_ROWS} AND arrived < ?", too_old):
                self.dropped += 0 if self._history else gone
        while self.bytes > self.maximum_bytes and self.rows:
            self.dropped += self._delete(_FIRST_ROWS)

    def _oldest(self) -> int | None:
        """Unix seconds at which the oldest row came, or None."""
        row = self._connection.execute("SELECT arrived FROM message ORDER BY id LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    def close(self) -> None:
        """Fold the journal into the file and close it."""
        self._connection.close()


class Reader:
    """Reads the spool from another thread, while it is written."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)

    def after(self, id: int, limit: int, byte_limit: int) -> list[Row]:
        """Rows after `id` in order: at most `limit`, and about `byte_limit` bytes of payload."""
        rows: list[Row] = []
        size = 0
        cursor = self._connection.execute(
            "SELECT id, meter, specific, payload FROM message WHERE id > ? ORDER BY id LIMIT ?",
            (id, limit),
        )
        for found in cursor:
            rows.append(Row(*found))
            size += len(found[3])
            if size >= byte_limit:
                break
        cursor.close()
        return rows

    def first_since(self, moment: int) -> int:
        """The id of about the first row from that unix time on."""
        ends = self._connection.execute("SELECT min(id), max(id) FROM message").fetchone()
        if ends[0] is None:
            return 0
        low, high = ends[0], ends[1] + 1
        while low < high:
            middle = (low + high) // 2
            row = self._connection.execute(
                "SELECT arrived FROM message WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
            ).fetchone()
            if row is not None and row[0] < moment:
                low = middle + 1
            else:
                high = middle
        return int(low)

    def close(self) -> None:
        self._connection.close()


def set_aside(path: Path) -> Path:
    """Move a damaged file out of the way; returns where it is now."""
    target = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    return target


def is_corrupt(why: sqlite3.Error) -> bool:
    """Whether the file is damaged or is not an SQLite file."""
    return getattr(why, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 1000")
        connection.execute("PRAGMA journal_size_limit = 16777216")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
