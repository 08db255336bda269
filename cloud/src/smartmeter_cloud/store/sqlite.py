"""The store in one SQLite file: for a household, and for as many as one machine can serve."""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from smartmeter_service.private_files import hide_database

from smartmeter_cloud.store import households, query_budget
from smartmeter_cloud.store.interface import QueryStopped, StoreUnavailable
from smartmeter_cloud.store.rows import READING_COLUMNS, by_width
from smartmeter_cloud.store.session import Session, Values
from smartmeter_cloud.store.sql import READING, SqlStore

BUDGET_STEPS = 50_000  # of SQLite's virtual machine, about a millisecond
BUSY_SECONDS = 5.0  # how long a writer waits for another one

# Numbers have no declared type, so SQLite keeps integers as integers, and others as they came.
# REAL would turn 133 W into 133.0 W. WITHOUT ROWID keeps a meter's readings side by side.
_WORDS = {
    "integer": "INTEGER",
    "blob": "BLOB",
    "number": "",
    "serial": "INTEGER PRIMARY KEY",
    "clustered": "WITHOUT ROWID",
    "by_day": "WITHOUT ROWID",
    "loosen": "",
    "moment": "strftime('%Y-%m-%dT%H:%M:%fZ', ",
    "of_ms": " / 1000.0, 'unixepoch')",
    "round": "round(",
    "rounded": ", 6)",
    "second_level": "substr(topic, 14, instr(substr(topic, 14), '/') - 1)",
}


def _insert_of(width: int) -> str:
    columns = READING_COLUMNS[:width]
    marks = ", ".join("?" * width)
    return f"INSERT OR IGNORE INTO reading ({', '.join(columns)}) VALUES ({marks})"


class _Session:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def all(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        return self.db.execute(sql, values).fetchall()

    def one(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self.db.execute(sql, values).fetchone()
        return row

    def run(self, sql: str, values: Values = ()) -> int:
        return self.db.execute(sql, values).rowcount

    def many(self, sql: str, rows: Sequence[Values]) -> None:
        self.db.executemany(sql, rows)


class SqliteStore(SqlStore):
    def __init__(self, path: Path, zone: tzinfo = UTC, keep: bool = False) -> None:
        """Opens the file, and creates it if necessary. StoreUnavailable if it cannot.

        keep: the zone that it was made with goes before `zone`.
        """
        super().__init__()
        self.path = path
        self.zone = zone
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._meters: dict[str, int] = {}
        hide_database(path)
        try:
            with self._writing() as db:
                self._migrate(db, _WORDS, _version(db))
                self._check_zone(db, keep)
        except StoreUnavailable as e:
            self.close()
            raise StoreUnavailable(f"{path}: {e}") from None

    @classmethod
    def version_of(cls, path: Path) -> int:
        """The schema version of a file, 0 if it does not exist; changes nothing."""
        if not path.exists():
            return 0
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
                return _version(_Session(db))
        except sqlite3.Error as e:
            raise StoreUnavailable(f"the database says: {e}") from e

    def _connection(self) -> sqlite3.Connection:
        """This thread's own connection."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            # autocommit; transactions are begun by name. close() may come from another thread.
            db = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                db.execute("PRAGMA journal_mode = WAL")
                # A receipt promises that a power cut loses nothing: each commit is synced.
                db.execute("PRAGMA synchronous = FULL")
                # A meter that another process deleted must not get readings by its former id.
                db.execute("PRAGMA foreign_keys = ON")
            except sqlite3.Error:
                db.close()
                raise
            with self._lock:
                self._connections.append(db)
            self._local.db = db
        return db

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Session]:
        budget = query_budget.current.get()
        db = None
        try:
            db = self._connection()
            if budget:
                db.set_progress_handler(lambda: not budget.left, BUDGET_STEPS)
            db.execute(begin)
            try:
                yield _Session(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                self._meters.clear()  # ids that were given in what has been rolled back
                raise
        except sqlite3.Error as e:
            if budget and not budget.left:
                raise QueryStopped(f"the database says: {e}") from e
            raise StoreUnavailable(f"the database says: {e}") from e
        finally:
            if budget and db:
                db.set_progress_handler(None, 0)

    def _named(self, column: str, cast: str) -> str:
        return f"""CASE WHEN json_valid(r.{column})
            THEN json_extract(r.{column}, '$."' || ? || '"') END"""

    @property
    def _keys_of_extra(self) -> str:
        return """k.key FROM reading r,
            json_each(CASE WHEN json_valid(r.extra) THEN r.extra ELSE '{}' END) k"""

    def _reading(self) -> Any:
        return self._transaction("BEGIN")

    def _writing(self) -> Any:
        return self._transaction("BEGIN IMMEDIATE")

    def _insert(self, db: Session, rows: list[tuple[Any, ...]]) -> int:
        connection = self._connection()
        before = connection.total_changes
        for width, some in by_width(rows):
            connection.executemany(_insert_of(width), some)
        return connection.total_changes - before

    def _meter_ids(self, db: Session, meters: dict[str, str]) -> Mapping[str, int]:
        for name in meters.keys() - self._meters.keys():
            db.run(households.NEW_METER, households.new_meter(name, meters[name]))
            found = db.one("SELECT id FROM meter WHERE name = ?", (name,))
            assert found is not None
            self._meters[name] = found[0]
        return self._meters

    def _by_key(self, db: Session, keys: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], Any]:
        sql = f"SELECT {READING} FROM reading r WHERE meter = ? AND time = ? AND seq = ?"
        found = ((key, db.one(sql, key)) for key in keys)
        return {key: row for key, row in found if row}

    def _alone(self, db: Session, what: str, wait: bool = False) -> bool:
        return True  # a transaction that writes is always alone

    def _forgotten(self, meter: str) -> None:
        self._meters.pop(meter, None)

    def _next_change(self, db: Session) -> int:
        found = db.one("SELECT coalesce(max(change), 0) + 1 FROM meter")
        assert found is not None
        return int(found[0])

    def cluster(self, now: int) -> bool:
        return False  # WITHOUT ROWID keeps them so from the start

    def size(self) -> int:
        return sum(
            p.stat().st_size
            for p in (self.path, self.path.with_name(self.path.name + "-wal"))
            if p.exists()
        )

    def close(self) -> None:
        with self._lock:
            connections, self._connections = self._connections, []
        self._local = threading.local()
        for db in connections:
            db.close()


def _version(db: Session) -> int:
    if not db.one("SELECT 1 FROM sqlite_master"):
        return 0
    if not db.one("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'"):
        raise StoreUnavailable("this is the database of another program")
    found = db.one("SELECT version FROM schema_version")
    assert found is not None
    return int(found[0])
