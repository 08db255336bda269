"""Undelivered messages on disk: one SQLite file in WAL mode; every commit is synced.

A row is a message as it came: meter, specific topic, payload. It is deleted after the Cloud's
receipt for it. Row ids only grow; none is used twice.
"""

import fcntl
import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from smartmeter_service.private_files import hide_database

_SCHEMA_VERSION = 4
_ROW_BYTES = 120  # disk space of a row beside its payload, measured on 1 000 000 rows
# Rows deleted at once to make room.
_FIRST_ROWS = "id IN (SELECT id FROM message ORDER BY id LIMIT 500)"
_FIRST_REFUSED = "id IN (SELECT id FROM refused ORDER BY id LIMIT 500)"
# meter -> its replay guard (intake/replay_guard.py).
_MEMORY = "CREATE TABLE memory (meter TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID"
# meter -> what consumers know of it (monitoring/meter_state.py).
_STATE = "CREATE TABLE state (meter TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID"
# Meters that `smartmeter-gateway forget` names; another process writes them.
_FORGET = "CREATE TABLE forget (meter TEXT PRIMARY KEY) WITHOUT ROWID"
# Which messages the Cloud has refused, or would. In a table of its own, a row is small to write.
_REFUSED = (
    "CREATE TABLE refused (id INTEGER PRIMARY KEY, meter TEXT NOT NULL, bytes INTEGER NOT NULL)",
    "CREATE INDEX refused_meter ON refused (meter, id)",
    "ALTER TABLE total ADD COLUMN refused_dropped INTEGER NOT NULL DEFAULT 0",
)
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
    *_REFUSED,
    _STATE,
    _FORGET,
)


class Row(NamedTuple):
    """A message in the spool; id 0: an adapter's status, of which only the newest is kept."""

    id: int
    meter: str
    specific: str
    payload: bytes


class Refused(NamedTuple):
    """The Cloud refuses these rows. They stay, and are the first to go where room is needed."""

    ids: list[int]


class Released(NamedTuple):
    """The refused rows of a meter are to be sent again; of all meters where it is ""."""

    meter: str


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
        hide_database(path)
        self._connection = _connect(path)
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _SCHEMA_VERSION:
            self._connection.close()
            raise SpoolError(f"{path} was written by a newer version; install that one")
        if version < _SCHEMA_VERSION:
            self._connection.execute("BEGIN IMMEDIATE")
            self._migrate(version)
            self._connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            self._connection.execute("COMMIT")
        self._seen_version: int | None = None
        self.next, self.rows, self.bytes, self.dropped, self.refused_dropped = (
            self._connection.execute(
                "SELECT next, rows, bytes, dropped, refused_dropped FROM total"
            ).fetchone()
        )
        self.refused, self.refused_bytes = self._connection.execute(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM refused"
        ).fetchone()
        self.oldest = self._oldest()

    def _migrate(self, version: int) -> None:
        execute = self._connection.execute
        if version == 0:
            for statement in _SCHEMA:
                execute(statement)
            # Ids begin with the time in microseconds. A receipt may still come for a file that
            # was set aside, and must not delete a row of this one.
            execute("INSERT INTO total VALUES (?, 0, 0, 0, 0)", (time.time_ns() // 1000,))
            return
        if version == 1:
            execute(_MEMORY)
            execute(
                "INSERT INTO memory SELECT meter, CAST(json_object('counters', json_group_object("
                "lower(hex(title)), value), 'recent', json('[]')) AS BLOB) "
                "FROM counter GROUP BY meter"
            )
            execute("DROP TABLE counter")
        if version < 3:
            for statement in _REFUSED:
                execute(statement)
        execute(_STATE)
        execute(_FORGET)

    def write(
        self,
        messages: Sequence[tuple[str, str, bytes]],
        forget: Iterable[int],
        newest: dict[str, bytes],
        now: float,
        replay_guards: Mapping[str, bytes] = MappingProxyType({}),
        marks: Iterable[Refused | Released] = (),
        states: Mapping[str, bytes] = MappingProxyType({}),
        forgotten: Iterable[str] = (),
    ) -> list[Row]:
        """Commit new messages (meter, specific, payload), delete rows by id, and keep the bounds.

        newest: meter -> its newest status; an empty one deletes it. marks: in their order.
        states: meter -> its state. forgotten: meters that keep their messages alone.
        Returns the new rows. If sqlite3 raises an error, the spool is as it was before.
        """
        before = self._figures
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
            for mark in marks:
                self._mark(mark)
            self._keep_bounds(arrived)
            for table in ("status", "memory", "state", "forget"):
                self._connection.executemany(
                    f"DELETE FROM {table} WHERE meter = ?",  # noqa: S608 (our text)
                    [(meter,) for meter in forgotten],
                )
            self._write_status(newest)
            self._connection.executemany(
                "INSERT OR REPLACE INTO state VALUES (?, ?)", states.items()
            )
            self._connection.executemany(
                "INSERT OR REPLACE INTO memory VALUES (?, ?)", replay_guards.items()
            )
            execute(
                "UPDATE total SET next = ?, rows = ?, bytes = ?, dropped = ?, refused_dropped = ?",
                self._figures[:5],
            )
            execute("COMMIT")
        except BaseException:
            self._figures = before
            if self._connection.in_transaction:
                execute("ROLLBACK")
            raise
        self.oldest = self._oldest()
        return stored

    @property
    def _figures(self) -> tuple[int, int, int, int, int, int, int]:
        """All that is counted along the way."""
        return (
            *(self.next, self.rows, self.bytes, self.dropped, self.refused_dropped),
            *(self.refused, self.refused_bytes),
        )

    @_figures.setter
    def _figures(self, figures: tuple[int, int, int, int, int, int, int]) -> None:
        self.next, self.rows, self.bytes, self.dropped, self.refused_dropped = figures[:5]
        self.refused, self.refused_bytes = figures[5:]

    def statuses(self) -> dict[str, bytes]:
        """meter -> its newest status."""
        return dict(self._connection.execute("SELECT meter, payload FROM status"))

    def replay_guards(self) -> dict[str, bytes]:
        """meter -> its replay guard."""
        return dict(self._connection.execute("SELECT meter, payload FROM memory"))

    def states(self) -> dict[str, bytes]:
        """meter -> its state."""
        return dict(self._connection.execute("SELECT meter, payload FROM state"))

    def to_forget(self) -> list[str]:
        """Meters that another process wants to have forgotten."""
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._seen_version:  # no other process has written since
            return []
        self._seen_version = version
        return [meter for (meter,) in self._connection.execute("SELECT meter FROM forget")]

    def _write_status(self, newest: dict[str, bytes]) -> None:
        kept = [(meter, payload) for meter, payload in newest.items() if payload]
        gone = [(meter,) for meter, payload in newest.items() if not payload]
        self._connection.executemany("INSERT OR REPLACE INTO status VALUES (?, ?)", kept)
        self._connection.executemany("DELETE FROM status WHERE meter = ?", gone)

    def _mark(self, mark: Refused | Released) -> None:
        if isinstance(mark, Refused):
            new = self._connection.execute(
                "INSERT OR IGNORE INTO refused SELECT id, meter, length(payload) + ? FROM message "
                "WHERE id IN (SELECT value FROM json_each(?)) RETURNING bytes",
                (_ROW_BYTES, json.dumps(mark.ids)),
            ).fetchall()
            self.refused += len(new)
            self.refused_bytes += sum(size for (size,) in new)
        else:
            self._unmark("meter = ?1 OR ?1 = ''", mark.meter)

    def _unmark(self, where: str, value: str) -> None:
        gone = self._connection.execute(
            f"DELETE FROM refused WHERE {where} RETURNING bytes",  # noqa: S608 (our text)
            (value,),
        ).fetchall()
        self.refused -= len(gone)
        self.refused_bytes -= sum(size for (size,) in gone)

    def _delete(self, where: str, *values: object) -> int:
        gone = self._connection.execute(
            f"DELETE FROM message WHERE {where} RETURNING id, length(payload)",  # noqa: S608 (our text)
            values,
        ).fetchall()
        self.rows -= len(gone)
        self.bytes -= sum(n + _ROW_BYTES for _, n in gone)
        if self.refused and gone:
            ids = json.dumps([id for id, _ in gone])
            self._unmark("id IN (SELECT value FROM json_each(?))", ids)
        return len(gone)

    def _keep_bounds(self, now: int) -> None:
        too_old = now - self.maximum_age_s
        if self.oldest is not None and self.oldest < too_old:
            while gone := self._delete(f"{_FIRST_ROWS} AND arrived < ?", too_old):
                self.dropped += 0 if self._history else gone
        # Refused messages may wait forever: they must not take the room of the others.
        while self.refused and (
            self.bytes > self.maximum_bytes or self.refused_bytes > self.maximum_bytes / 2
        ):
            gone = self._delete(_FIRST_REFUSED)
            self.dropped += gone
            self.refused_dropped += gone
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
        """Rows after `id` in order, but for refused ones.

        At most `limit`, and about `byte_limit` bytes of payload.
        """
        rows: list[Row] = []
        size = 0
        cursor = self._connection.execute(
            "SELECT id, meter, specific, payload FROM message m WHERE id > ? "
            "AND NOT EXISTS (SELECT 1 FROM refused r WHERE r.id = m.id) ORDER BY id LIMIT ?",
            (id, limit),
        )
        for found in cursor:
            rows.append(Row(*found))
            size += len(found[3])
            if size >= byte_limit:
                break
        cursor.close()
        return rows

    def by_ids(self, ids: list[int]) -> list[Row]:
        """Those of the rows that are still there, in order."""
        found = self._connection.execute(
            "SELECT id, meter, specific, payload FROM message "
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(ids),),
        )
        return [Row(*row) for row in found.fetchall()]

    def refused_meters(self) -> list[str]:
        """The meters with refused rows."""
        return [
            meter for (meter,) in self._connection.execute("SELECT DISTINCT meter FROM refused")
        ]

    def first_refused(self, meter: str) -> Row | None:
        """The oldest refused row of a meter, or of all meters where it is ""."""
        where = "meter = ?1 " if meter else "?1 = '' "
        found = self._connection.execute(
            f"SELECT id FROM refused WHERE {where}ORDER BY id LIMIT 1",  # noqa: S608 (our text)
            (meter,),
        ).fetchone()
        return next(iter(self.by_ids([found[0]])), None) if found else None

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


def is_in_use(path: Path) -> bool:
    """Whether a Concentrator runs with this spool."""
    try:
        with open(f"{path}.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


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
