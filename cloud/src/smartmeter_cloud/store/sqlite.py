"""The store in one SQLite file: for a household, and for as many as one machine serves."""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from smartmeter_cloud.message import Batch
from smartmeter_cloud.store import StoreUnavailable
from smartmeter_cloud.store.rows import (
    CODES,
    COLUMNS,
    Box,
    Bucket,
    DeadLetter,
    Newest,
    Process,
    Reading,
    Stored,
)

SCHEMA_VERSION = 1
DEAD_LETTERS_MAX = 1000  # the newest are kept; `counter` counts all there were
BUSY_SECONDS = 5.0  # how long a writer waits for another one

# Numbers have no declared type, so SQLite keeps whole numbers whole and others as they came;
# REAL would make 133 W into 133.0 W. WITHOUT ROWID keeps a meter's readings side by side.
_SCHEMA = f"""
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE meter (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    concentrator TEXT NOT NULL,
    time INTEGER, seq INTEGER, suspect INTEGER,
    gap INTEGER,
    change INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX meter_change ON meter (change);
CREATE TABLE reading (
    meter INTEGER NOT NULL REFERENCES meter (id),
    time INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    received INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    clock TEXT NOT NULL,
    auth TEXT NOT NULL,
    suspect INTEGER NOT NULL,
    extra TEXT,
    {", ".join(COLUMNS)},
    PRIMARY KEY (meter, time, seq)
) WITHOUT ROWID;
CREATE TABLE box (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    concentrator TEXT NOT NULL,
    status TEXT NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    received INTEGER NOT NULL,
    topic TEXT NOT NULL,
    reason TEXT NOT NULL,
    size INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE process (
    name TEXT PRIMARY KEY, started INTEGER NOT NULL, beat INTEGER NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO schema_version VALUES ({SCHEMA_VERSION});
"""

_INSERT = f"INSERT OR IGNORE INTO reading VALUES ({', '.join('?' * (9 + len(CODES)))})"
# The newest reading is the latest of those whose clock can be believed, else the latest of all.
_NEWEST = """
UPDATE meter SET gap = CASE WHEN suspect = :suspect THEN :time - time END,
    time = :time, seq = :seq, suspect = :suspect, concentrator = :concentrator, change = :change
WHERE id = :meter AND (time IS NULL OR suspect > :suspect
    OR (suspect = :suspect AND (time < :time OR (time = :time AND seq < :seq))))
"""
_READING = "meter.name, r.time, r.seq, r.offset, r.clock, r.auth, r.suspect, r.received, r.extra, "
_READING += ", ".join("r." + column for column in COLUMNS)
_POWER = "coalesce(obis_16_7_0, obis_1_7_0 - coalesce(obis_2_7_0, 0), -obis_2_7_0)"


class SqliteStore:
    def __init__(self, path: Path) -> None:
        """Opens the file, and makes it where it is not there. StoreUnavailable where it cannot."""
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._meters: dict[str, int] = {}
        self._make()

    def _make(self) -> None:
        try:
            with self._writing() as db:
                if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _SCHEMA.split(";\n"):
                        db.execute(statement)
                    return
                try:
                    version = db.execute("SELECT version FROM schema_version").fetchone()[0]
                except sqlite3.OperationalError:
                    raise StoreUnavailable(f"{self.path} is a database of something else") from None
        except StoreUnavailable as e:
            self.close()
            raise StoreUnavailable(f"{e} ({self.path})") from None
        if version != SCHEMA_VERSION:
            raise StoreUnavailable(
                f"{self.path} has schema {version}, this program has {SCHEMA_VERSION}"
            )

    def _db(self) -> sqlite3.Connection:
        """This thread's own connection."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            # autocommit; transactions are begun by name. close() may come from another thread.
            db = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                db.execute("PRAGMA journal_mode = WAL")
                # A receipt says that a power cut loses nothing any more: each commit is synced.
                db.execute("PRAGMA synchronous = FULL")
            except sqlite3.Error:
                db.close()
                raise
            with self._lock:
                self._connections.append(db)
            self._local.db = db
        return db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._db()
        except sqlite3.Error as e:
            raise StoreUnavailable(f"the database says: {e}") from e

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                self._meters.clear()  # ids that were given in what has been rolled back
                raise

    def write(self, batch: Batch) -> Stored:
        with self._writing() as db:
            new = self._insert(db, batch) if batch.readings else 0
            for box in batch.boxes:
                self._box(db, box)
            if batch.dead:
                db.executemany(
                    "INSERT OR IGNORE INTO dead_letter "
                    "(digest, received, topic, reason, size, payload) VALUES (?, ?, ?, ?, ?, ?)",
                    batch.dead,
                )
                db.execute(
                    "DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?",
                    (DEAD_LETTERS_MAX,),
                )
            stored = Stored(new, len(batch.readings) - new)
            counts = {
                "stored": stored.new,
                "repeated": stored.repeated,
                "dead": len(batch.dead),
                "ignored": batch.ignored,
            }
            db.executemany(
                "INSERT INTO counter VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET n = n + excluded.n",
                [(name, n) for name, n in counts.items() if n],
            )
        return stored

    def _insert(self, db: sqlite3.Connection, batch: Batch) -> int:
        newest: dict[int, tuple[tuple[bool, int, int], str]] = {}
        rows = []
        for row in batch.readings:
            name, concentrator, received, time, seq, offset, clock, auth, suspect, extra = row[:10]
            meter = self._meters.get(name) or self._meter(db, name, concentrator)
            rank = (not suspect, time, seq)
            if meter not in newest or newest[meter][0] < rank:
                newest[meter] = rank, concentrator
            rows.append(
                (meter, time, seq, received, offset, clock, auth, suspect, extra, *row[10:])
            )
        before = db.total_changes
        db.executemany(_INSERT, rows)
        new = db.total_changes - before
        change = db.execute("SELECT coalesce(max(change), 0) + 1 FROM meter").fetchone()[0]
        for meter, ((believed, time, seq), concentrator) in newest.items():
            db.execute(
                _NEWEST,
                {
                    "meter": meter,
                    "time": time,
                    "seq": seq,
                    "suspect": not believed,
                    "concentrator": concentrator,
                    "change": change,
                },
            )
        return new

    def _meter(self, db: sqlite3.Connection, name: str, concentrator: str) -> int:
        db.execute(
            "INSERT OR IGNORE INTO meter (name, concentrator) VALUES (?, ?)", (name, concentrator)
        )
        number: int = db.execute("SELECT id FROM meter WHERE name = ?", (name,)).fetchone()[0]
        self._meters[name] = number
        return number

    def _box(self, db: sqlite3.Connection, box: Box) -> None:
        if box.status is None:
            db.execute("DELETE FROM box WHERE kind = ? AND name = ?", (box.kind, box.name))
            return
        # A retained message comes again at each connection: it is as old as when it first came.
        same = " WHERE status != excluded.status" if box.retained else ""
        db.execute(
            "INSERT INTO box VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, name) DO UPDATE SET "
            "concentrator = excluded.concentrator, status = excluded.status, "
            "received = excluded.received" + same,
            box[:5],
        )

    def beat(self, process: Process) -> None:
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO process VALUES (?, ?, ?, ?)", process)

    def newest(self, after: int = 0) -> list[Newest]:
        with self._reading() as db:
            rows = db.execute(
                f"SELECT {_READING}, meter.concentrator, meter.change, meter.gap "
                "FROM meter JOIN reading r ON r.meter = meter.id "
                "AND r.time = meter.time AND r.seq = meter.seq "
                "WHERE meter.change > ? ORDER BY meter.name",
                (after,),
            ).fetchall()
        return [Newest(_reading(row), *row[-3:]) for row in rows]

    def first_total(self, meter: str, code: str, start: int, end: int) -> Reading | None:
        column = COLUMNS[CODES.index(code)]
        with self._reading() as db:
            row = db.execute(
                f"SELECT {_READING} FROM meter JOIN reading r ON r.meter = meter.id "
                f"WHERE meter.name = ? AND r.time >= ? AND r.time < ? AND r.{column} IS NOT NULL "
                "ORDER BY r.time LIMIT 1",
                (meter, start, end),
            ).fetchone()
        return row and _reading(row)

    def power(self, meter: str, start: int, end: int, width: int) -> list[Bucket]:
        with self._reading() as db:
            rows = db.execute(
                "SELECT (time - :start) / :width, avg(p), min(p), max(p) FROM "
                f"(SELECT time, {_POWER} AS p FROM reading "
                "WHERE meter = (SELECT id FROM meter WHERE name = :meter) "
                "AND time >= :start AND time < :end) WHERE p IS NOT NULL GROUP BY 1 ORDER BY 1",
                {"meter": meter, "start": start, "end": end, "width": width},
            ).fetchall()
        return [Bucket(start + i * width, mean, low, high) for i, mean, low, high in rows]

    def boxes(self) -> list[Box]:
        with self._reading() as db:
            rows = db.execute(
                "SELECT kind, name, concentrator, status, received FROM box"
            ).fetchall()
        return [Box._make((*row, False)) for row in rows]

    def processes(self) -> list[Process]:
        with self._reading() as db:
            return [Process(*row) for row in db.execute("SELECT * FROM process ORDER BY name")]

    def counters(self) -> dict[str, int]:
        with self._reading() as db:
            return dict(db.execute("SELECT name, n FROM counter").fetchall())

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        with self._reading() as db:
            rows = db.execute(
                "SELECT digest, received, topic, reason, size, payload FROM dead_letter "
                "ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [DeadLetter(*row) for row in rows]

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


def _reading(row: tuple[Any, ...]) -> Reading:
    meter, time, seq, offset, clock, auth, suspect, received, extra = row[:9]
    values = {
        code: number
        for code, number in zip(CODES, row[9 : 9 + len(CODES)], strict=True)
        if number is not None
    }
    if extra:
        values.update(msgspec.json.decode(extra))
    return Reading(meter, time, seq, offset, clock, auth, bool(suspect), received, values)
