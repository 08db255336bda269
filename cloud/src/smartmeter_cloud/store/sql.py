"""The store in SQL, but for what SQLite and PostgreSQL do each in its own way."""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)

from abc import abstractmethod
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import msgspec
from smartmeter import receipt, topics

from smartmeter_cloud import rollup
from smartmeter_cloud.message import Batch
from smartmeter_cloud.query import ABOVE, BELOW, EQUAL, Condition
from smartmeter_cloud.rollup import QUARTER_MS, Slice
from smartmeter_cloud.store import StoreUnavailable, rolling, schema
from smartmeter_cloud.store import retention as retain
from smartmeter_cloud.store.certificates import SqlCertificates
from smartmeter_cloud.store.households import Households
from smartmeter_cloud.store.records import SqlRecords
from smartmeter_cloud.store.retention import Retention
from smartmeter_cloud.store.rows import (
    CODES,
    COLUMNS,
    Box,
    Bucket,
    DeadLetter,
    Newest,
    Process,
    Reading,
    ReadingRow,
    Stored,
    Sum,
)
from smartmeter_cloud.store.session import Session

DEAD_LETTERS_MAX = 1000  # the newest are kept; `counter` counts all there were

# The newest reading is the latest of those whose clock can be believed, else the latest of all.
_NEWEST = """
UPDATE meter SET gap = CASE WHEN suspect = ? THEN ? - time END,
    time = ?, seq = ?, suspect = ?, concentrator = ?, change = ?
WHERE id = ? AND (time IS NULL OR suspect > ?
    OR (suspect = ? AND (time < ? OR (time = ? AND seq < ?))))
"""
_READING = (
    'meter.name, r.time, r.seq, r."offset", r.clock, r.auth, r.suspect, r.received, r.extra, '
)
_READING += ", ".join("r." + column for column in COLUMNS)
POWER = "coalesce(obis_16_7_0, obis_1_7_0 - coalesce(obis_2_7_0, 0), -obis_2_7_0)"

_SIGNS = (ABOVE, BELOW, EQUAL)


class SqlStore(SqlRecords, SqlCertificates):
    """A Store; a database's own kind fills in the abstract methods."""

    zone: tzinfo  # whose midnight begins a day

    def __init__(self) -> None:
        self._households = Households()

    @abstractmethod
    def _insert(self, db: Session, rows: list[tuple[Any, ...]]) -> int:
        """Inserts rows (columns as in the table) but those that are there; how many were new."""

    @abstractmethod
    def _meter_ids(self, db: Session, meters: dict[str, str]) -> dict[str, int]:
        """The ids of meters (name -> Concentrator); those not known are made."""

    @abstractmethod
    def _alone(self, db: Session, what: str) -> bool:
        """Whether no other transaction does `what` at this time; none will until this one ends."""

    @abstractmethod
    def _forgotten(self, meter: str) -> None:
        """A meter's id is no longer valid."""

    @abstractmethod
    def _next_change(self, db: Session) -> int:
        """A number greater than all that readers of this store have seen."""

    def write(self, batch: Batch) -> Stored:
        with self._writing() as db:
            rows, dead = self._own_readings(db, batch)
            new = self._write_readings(db, rows) if rows else 0
            for box in batch.boxes:
                self._box(db, box)
            dead += batch.dead
            if dead:
                self._bury(db, dead)
            stored = Stored(new, len(rows) - new)
            counts = {
                "stored": stored.new,
                "repeated": stored.repeated,
                "dead": len(dead),
                "ignored": batch.ignored,
            }
            for name, n in counts.items():
                if n:
                    db.run(
                        "INSERT INTO counter VALUES (?, ?) "
                        "ON CONFLICT (name) DO UPDATE SET n = counter.n + excluded.n",
                        (name, n),
                    )
        return stored

    def _own_readings(self, db: Session, batch: Batch) -> tuple[list[ReadingRow], list[DeadLetter]]:
        """The readings, but those of a meter of one household by a Concentrator of another."""
        pairs = {(row[0], row[1]) for row in batch.readings}
        foreign = self._households.foreign(db, pairs)
        if not foreign:
            return batch.readings, []
        own, dead = [], []
        for row in batch.readings:
            if (row[0], row[1]) not in foreign:
                own.append(row)
            else:
                topic = topics.uplink(row[1], row[0], topics.READING)
                digest = receipt.digest(topic, b"another household")
                reason = "this meter belongs to another household than this Concentrator"
                dead.append(DeadLetter(digest, row[2], topic, reason, 0, b""))
        return own, dead

    def _write_readings(self, db: Session, readings: list[ReadingRow]) -> int:
        ids = self._meter_ids(db, {row[0]: row[1] for row in readings})
        newest: dict[int, tuple[tuple[bool, int, int], str]] = {}
        rows = []
        for row in readings:
            name, concentrator, received, at, seq, offset, clock, auth, suspect, extra = row[:10]
            meter = ids[name]
            rank = (not suspect, at, seq)
            if meter not in newest or newest[meter][0] < rank:
                newest[meter] = rank, concentrator
            rows.append(
                (meter, at, seq, received, offset, clock, auth, int(suspect), extra, *row[10:])
            )
        new = self._insert(db, rows)
        if not new:
            return 0
        dirty = {(row[0], row[1] - row[1] % QUARTER_MS) for row in rows if not row[7]}
        # An update, not nothing: it waits for whoever rolls up this slice at this moment.
        db.many(
            "INSERT INTO dirty VALUES (?, ?) "
            "ON CONFLICT (meter, start) DO UPDATE SET start = excluded.start",
            sorted(dirty),
        )
        change = self._next_change(db)
        for meter in sorted(newest):
            (believed, at, seq), concentrator = newest[meter]
            suspect = int(not believed)
            values = (suspect, at, at, seq, suspect, concentrator, change)
            db.run(_NEWEST, (*values, meter, suspect, suspect, at, at, seq))
        return new

    def _bury(self, db: Session, dead: Sequence[DeadLetter]) -> None:
        db.many(
            "INSERT INTO dead_letter (digest, received, topic, reason, size, payload) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
            dead,
        )
        db.run(
            "DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?",
            (DEAD_LETTERS_MAX,),
        )

    def _box(self, db: Session, box: Box) -> None:
        if box.status is None:
            db.run("DELETE FROM box WHERE kind = ? AND name = ?", (box.kind, box.name))
            return
        # A retained message comes again at each connection: it is as old as when it first came.
        same = " WHERE box.status != excluded.status" if box.retained else ""
        db.run(
            "INSERT INTO box VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, name) DO UPDATE SET "
            "concentrator = excluded.concentrator, status = excluded.status, "
            "received = excluded.received" + same,
            box[:5],
        )

    def beat(self, process: Process) -> None:
        with self._writing() as db:
            db.run(
                "INSERT INTO process VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "started = excluded.started, beat = excluded.beat, state = excluded.state",
                process,
            )

    def newest(self, after: int = 0) -> list[Newest]:
        with self._reading() as db:
            rows = db.all(
                f"SELECT {_READING}, meter.concentrator, meter.change, meter.gap "
                "FROM meter JOIN reading r ON r.meter = meter.id "
                "AND r.time = meter.time AND r.seq = meter.seq "
                "WHERE meter.change > ? ORDER BY meter.name",
                (after,),
            )
        return [Newest(reading_of(row), *row[-3:]) for row in rows]

    def first_total(self, meter: str, code: str, start: int, end: int) -> Reading | None:
        column = COLUMNS[CODES.index(code)]
        with self._reading() as db:
            row = db.one(
                f"SELECT {_READING} FROM meter JOIN reading r ON r.meter = meter.id "
                f"WHERE meter.name = ? AND r.time >= ? AND r.time < ? AND r.{column} IS NOT NULL "
                "ORDER BY r.time LIMIT 1",
                (meter, start, end),
            )
        return None if row is None else reading_of(row)

    def power(self, meter: str, start: int, end: int, width: int) -> list[Bucket]:
        with self._reading() as db:
            rows = db.all(
                "SELECT (time - ?) / ? AS i, avg(p), min(p), max(p) FROM "
                f"(SELECT time, {POWER} AS p FROM reading "
                "WHERE meter = (SELECT id FROM meter WHERE name = ?) "
                "AND time >= ? AND time < ?) AS r WHERE p IS NOT NULL GROUP BY i ORDER BY i",
                (start, width, meter, start, end),
            )
        return [Bucket(start + i * width, mean, low, high) for i, mean, low, high in rows]

    def readings(
        self,
        meter: str,
        after: tuple[int, int],
        end: int,
        conditions: Sequence[Condition],
        limit: int,
    ) -> list[Reading]:
        where = ""
        numbers = []
        for condition in conditions:
            if condition.code in CODES and condition.sign in _SIGNS:
                where += f" AND r.{COLUMNS[CODES.index(condition.code)]} {condition.sign} ?"
                numbers.append(condition.number)
        with self._reading() as db:
            rows = db.all(
                f"SELECT {_READING} FROM meter JOIN reading r ON r.meter = meter.id "
                "WHERE meter.name = ? AND r.time >= ? AND (r.time, r.seq) > (?, ?) AND r.time < ? "
                f"{where} ORDER BY r.time, r.seq LIMIT ?",
                (meter, after[0], *after, end, *numbers, limit),
            )
        return [reading_of(row) for row in rows]

    def sums(self, tier: str, start: int, end: int, least: int) -> list[Sum]:
        with self._reading() as db:
            rows = db.all(
                "SELECT start, count(*), coalesce(sum(drawn_used), 0), coalesce(sum(fed_used), 0) "
                "FROM rollup WHERE tier = ? AND start >= ? AND start < ? "
                "GROUP BY start HAVING count(*) >= ? ORDER BY start",
                (tier, start, end, least),
            )
        return [Sum(*row) for row in rows]

    def slices(self, meter: str, tier: str, start: int, end: int) -> list[Slice]:
        with self._reading() as db:
            found = db.one("SELECT id FROM meter WHERE name = ?", (meter,))
            return rolling.read(db, found[0], tier, start, end) if found else []

    def roll(self, limit: int, until: int) -> int:
        with self._writing() as db:
            if not self._alone(db, "roll"):
                return 0
            return rolling.roll(db, limit, until, self.zone)

    def forget(self, retention: Retention, now: int) -> int:
        with self._writing() as db:
            gone = retain.forget_slices(db, retention, now)
            if retention.readings is not None:
                until = now - retention.readings * retain.DAY_MS
                gone += retain.forget_readings(db, until, until)
            return gone

    def forget_meter(self, meter: str) -> int:
        gone = 0
        while True:
            with self._writing() as db:
                found = db.one("SELECT id FROM meter WHERE name = ?", (meter,))
                if not found:
                    return gone
                gone += retain.forget_meter(db, found[0])
                self._forgotten(meter)

    def boxes(self) -> list[Box]:
        with self._reading() as db:
            rows = db.all("SELECT kind, name, concentrator, status, received FROM box")
        return [Box._make((*row, False)) for row in rows]

    def processes(self) -> list[Process]:
        with self._reading() as db:
            rows = db.all("SELECT name, started, beat, state FROM process ORDER BY name")
        return [Process(*row) for row in rows]

    def counters(self) -> dict[str, int]:
        with self._reading() as db:
            return dict(db.all("SELECT name, n FROM counter"))

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        with self._reading() as db:
            rows = db.all(
                "SELECT digest, received, topic, reason, size, payload FROM dead_letter "
                "ORDER BY id DESC LIMIT ?",
                (limit,),
            )
        return [DeadLetter(*row) for row in rows]

    def _migrate(self, db: Session, words: dict[str, str], known: int) -> None:
        """Brings the tables from version `known` (0: there are none) to this program's."""
        if known > schema.VERSION:
            raise StoreUnavailable(
                f"the store has schema {known}, this program has {schema.VERSION}: "
                "install a newer smartmeter-cloud"
            )
        for version in range(known, schema.VERSION):
            for statement in schema.statements(version, words):
                db.run(statement)
        if known == 0:
            db.run("CREATE TABLE schema_version (version INTEGER NOT NULL)")
            db.run("INSERT INTO schema_version VALUES (?)", (schema.VERSION,))
        elif known < schema.VERSION:
            db.run("UPDATE schema_version SET version = ?", (schema.VERSION,))

    def _check_zone(self, db: Session) -> None:
        """Days begin at another midnight in another zone: all of them are made anew then."""
        name = str(self.zone)
        known = db.one("SELECT value FROM setting WHERE name = 'zone'")
        if known and known[0] == name:
            return
        db.run(
            "INSERT INTO setting VALUES ('zone', ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name,),
        )
        db.run("DELETE FROM rollup WHERE tier = ?", (rollup.DAY,))
        db.run(
            "INSERT INTO dirty SELECT meter, start FROM rollup WHERE tier = ? "
            "ON CONFLICT (meter, start) DO NOTHING",
            (rollup.QUARTER,),
        )


def reading_of(row: tuple[Any, ...]) -> Reading:
    meter, at, seq, offset, clock, auth, suspect, received, extra = row[:9]
    values = {
        code: value
        for code, value in zip(CODES, row[9 : 9 + len(CODES)], strict=True)
        if value is not None
    }
    if extra:
        values.update(msgspec.json.decode(extra))
    return Reading(meter, at, seq, offset, clock, auth, bool(suspect), received, values)
