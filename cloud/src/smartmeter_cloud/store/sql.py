"""The store in SQL, except what differs between SQLite and PostgreSQL."""

# ruff: noqa: S608 (SQL is put together from this file's own constants, never from what came in)

import contextlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from smartmeter.wire import refusal

from smartmeter_cloud.config.settings import Retention
from smartmeter_cloud.monitoring.observations import Box, Process
from smartmeter_cloud.store import (
    aggregates,
    dead_letters,
    households,
    imports,
    refusals,
    rollups,
    schema,
    voltage,
)
from smartmeter_cloud.store import retention as retain
from smartmeter_cloud.store.accounts import SqlAccounts, medium_of
from smartmeter_cloud.store.batch import Batch, Reason, Sender
from smartmeter_cloud.store.certificates import Revoked, SqlCertificates
from smartmeter_cloud.store.households import Households, of_households
from smartmeter_cloud.store.interface import StoreUnavailable
from smartmeter_cloud.store.query import FAR_MS
from smartmeter_cloud.store.rows import (
    ABOVE,
    BELOW,
    CODES,
    COLUMNS,
    ELECTRICITY,
    EQUAL,
    Bucket,
    Condition,
    DeadLetter,
    Medium,
    Newest,
    Reading,
    ReadingRow,
    RefusedSender,
    Stored,
    Sum,
    Volts,
    WantedLetters,
)
from smartmeter_cloud.store.session import Session
from smartmeter_cloud.store.slices import DAY, QUARTER, QUARTER_MS, Slice
from smartmeter_cloud.store.status_quota import StatusQuota

# The newest reading is the latest of those whose clock can be believed, else the latest of all.
# Its gap grows at most fourfold, from a minute on, so that an outage is not taken for an interval.
_NEWEST = """
UPDATE meter SET gap = CASE WHEN suspect = ?
        THEN min(? - time, max(4 * coalesce(gap, 0), 60000)) END,
    time = ?, seq = ?, suspect = ?, concentrator = ?, change = ?
WHERE id = ? AND (time IS NULL OR suspect > ?
    OR (suspect = ? AND (time < ? OR (time = ? AND seq < ?))))
"""
# An update, not nothing: it waits for a roll-up of this slice that runs at this moment.
DIRTY_AGAIN = "ON CONFLICT (meter, start) DO UPDATE SET start = excluded.start"
READING = 'r.time, r.seq, r."offset", r.clock, r.auth, r.suspect, r.received, r.extra, '
READING += ", ".join("r." + column for column in COLUMNS) + ", r.texts, r.ratio"
POWER = "coalesce(obis_16_7_0, obis_1_7_0 - coalesce(obis_2_7_0, 0), -obis_2_7_0)"

# Why messages are refused, and what to do. The Concentrator shows it to its household.
REVOKED = (
    "the certificates of this Concentrator are revoked; "
    "an administrator of the Cloud can invite it again"
)
_SIGNS = (ABOVE, BELOW, EQUAL)
_NUMBERS = (int, float)
_DAY_MINUTES = 1440
_further_values = msgspec.json.Decoder(dict[str, int | float]).decode
_texts = msgspec.json.Decoder(dict[str, str]).decode


class Latest(NamedTuple):
    """The latest reading of a meter in a batch."""

    meter: int
    time: int
    seq: int
    suspect: int
    concentrator: str


class SqlStore(SqlAccounts, SqlCertificates):
    """A Store; a database's own class fills in the abstract methods."""

    zone: tzinfo  # whose midnight begins a day

    def __init__(self) -> None:
        self._households = Households()
        self._revoked = Revoked()
        self._status_quota = StatusQuota()

    @abstractmethod
    def _insert(self, db: Session, rows: list[tuple[Any, ...]]) -> int:
        """Inserts rows (columns as in the table) except existing ones; how many were new."""

    @abstractmethod
    def _meter_ids(self, db: Session, meters: dict[str, str]) -> Mapping[str, int]:
        """The ids of meters (name -> Concentrator); unknown ones are created."""

    @abstractmethod
    def _alone(self, db: Session, what: str, wait: bool = False) -> bool:
        """Whether no other transaction does `what`; none will until this one ends.

        With wait it is waited for, and so always true.
        """

    @abstractmethod
    def _forgotten(self, meter: str) -> None:
        """A meter's id is no longer valid."""

    @abstractmethod
    def _next_change(self, db: Session) -> int:
        """A number greater than every number that readers of this store have seen."""

    @abstractmethod
    def _by_key(self, db: Session, keys: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], Any]:
        """(meter's id, time, seq) -> row of READING."""

    @abstractmethod
    def _named(self, column: str, cast: str) -> str:
        """SQL for what JSON in a column of r has for a code, with ? for the code.

        cast: its type where JSON has none of its own, "float8" or "text".
        """

    @property
    @abstractmethod
    def _keys_of_extra(self) -> str:
        """SQL for the codes in r.extra, and the tables that they come from."""

    def _number(self, code: str) -> tuple[str, tuple[str, ...]]:
        """SQL for the number of a code in the reading r, and its values."""
        if code in CODES:
            return f"r.{COLUMNS[CODES.index(code)]}", ()
        return self._named("extra", "float8"), (code,)

    def _meets(self, condition: Condition) -> tuple[str, tuple[str | float, ...]]:
        """SQL for a condition on the reading r, and its values."""
        assert condition.sign in _SIGNS
        if isinstance(condition.wanted, str):
            named = self._named("texts", "text")
            return f"{named} {condition.sign} ?", (condition.code, condition.wanted)
        number, name = self._number(condition.code)
        return f"{number} {condition.sign} ?", (*name, condition.wanted)

    def _has(self, code: str) -> tuple[str, tuple[str, ...]]:
        """SQL for whether the reading r says something of a code, and its values."""
        number, name = self._number(code)
        if code in CODES:
            return f"{number} IS NOT NULL", name
        text = self._named("texts", "text")
        return f"({number} IS NOT NULL OR {text} IS NOT NULL)", (*name, code)

    def write(self, batch: Batch) -> Stored:
        with self._writing() as db:
            self._take_out(db, batch)
            new = self._write_readings(db, batch.readings, batch.media) if batch.readings else 0
            boxes = self._status_quota.admitted(db, batch.boxes)
            for box in boxes:
                self._box(db, box)
            if batch.unstorable:
                dead_letters.bury(db, batch)
            stored = Stored(new, batch.size - new)
            refused = sum(map(len, batch.refused.values()))
            counts = {
                "stored": stored.new,
                "repeated": stored.repeated,
                "dead": len(batch.unstorable),
                "ignored": batch.ignored + len(batch.boxes) - len(boxes),
                "refused": refused,
            }
            for name, n in counts.items():
                if n:
                    db.run(
                        "INSERT INTO counter VALUES (?, ?) "
                        "ON CONFLICT (name) DO UPDATE SET n = counter.n + excluded.n",
                        (name, n),
                    )
        return stored

    def _take_out(self, db: Session, batch: Batch) -> None:
        """Takes out what a Concentrator may not send. It gets a refusal, and keeps it."""
        self._refuse(db, batch, batch.over_quota)
        if revoked := self._revoked.names(db):
            reason = Reason(REVOKED, refusal.CONCENTRATOR)
            refused = {s: reason for s, _ in batch.messages if s[1] in revoked}
            self._refuse(db, batch, refused)
        statuses = [(box.meter, box.concentrator) for box in batch.boxes if box.meter]
        misplaced = self._households.misplaced(db, batch.readings, statuses)
        refused = {s: Reason(reason, refusal.METER) for s, reason in misplaced.items()}
        self._refuse(db, batch, refused)

    def _refuse(self, db: Session, batch: Batch, senders: dict[Sender, Reason]) -> None:
        if senders:
            for sender, messages in batch.refuse(senders).items():
                reason, scope = senders[sender]
                meter = sender[0] if scope == refusal.METER else ""
                refusals.note(db, sender[1], meter, reason, messages)

    def _write_readings(
        self,
        db: Session,
        readings: Mapping[Sender, list[ReadingRow]],
        media: Mapping[str, Medium],
    ) -> int:
        ids = self._meter_ids(db, dict(readings.keys()))
        newest: dict[int, tuple[int, int, int, str]] = {}
        dirty: set[tuple[int, int]] = set()
        rows: list[tuple[Any, ...]] = []
        for (name, concentrator), some in readings.items():
            meter = ids[name]
            # A clock that can be believed goes before any time.
            latest = max([(-row[6], row[0], row[1], concentrator) for row in some])
            newest[meter] = max(latest, newest.get(meter, latest))
            rows += [(meter, *row) for row in some]
            quarters = {row[0] // QUARTER_MS for row in some if not row[6]}
            dirty.update([(meter, quarter * QUARTER_MS) for quarter in quarters])
        self._note_media(db, {name: medium for name, medium in media.items() if name in ids})
        new = self._insert(db, rows)
        if new:
            self._note_dirty(db, sorted(dirty))
            latest_of = [
                Latest(meter, at, seq, -believed, concentrator)
                for meter, (believed, at, seq, concentrator) in sorted(newest.items())
            ]
            self._note_newest(db, latest_of, self._next_change(db))
        return new

    def _note_media(self, db: Session, media: Mapping[str, Medium]) -> None:
        """Stores what sub-meters measure, where it is not known yet."""
        for name, medium in sorted(media.items()):
            row = db.one("SELECT medium, units FROM meter WHERE name = ?", (name,))
            known = medium_of(*row) if row else ELECTRICITY
            units = {**known.units, **medium.units}
            if known != Medium(medium.name, units):
                db.run(
                    "UPDATE meter SET medium = ?, units = ? WHERE name = ?",
                    (medium.name, msgspec.json.encode(units, order="sorted").decode(), name),
                )

    def _note_dirty(self, db: Session, slices: list[tuple[int, int]]) -> None:
        """Marks slices (meter, start) for a roll-up."""
        db.many(f"INSERT INTO dirty VALUES (?, ?) {DIRTY_AGAIN}", slices)

    def _note_newest(self, db: Session, newest: list[Latest], change: int) -> None:
        """If a meter's latest reading is the newest of all it has, it becomes `newest`."""
        rows = [
            (n.suspect, n.time, n.time, n.seq, n.suspect, n.concentrator, change,
             n.meter, n.suspect, n.suspect, n.time, n.time, n.seq)
            for n in newest
        ]  # fmt: skip
        db.many(_NEWEST, rows)

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

    def newest(self, after: int = 0, households: frozenset[str] | None = None) -> list[Newest]:
        where, names = of_households(households)
        with self._reading() as db:
            meters = db.all(
                "SELECT name, id, time, seq, concentrator, change, gap, medium, units FROM meter "
                f"WHERE change > ? AND time >= 0 AND time < {FAR_MS} AND {where} ORDER BY name",
                (after, *names),
            )
            rows = self._by_key(db, [row[1:4] for row in meters])
        return [
            Newest(
                reading_of(name, rows[key]),
                concentrator,
                change,
                gap if _is_of((gap,), int) else None,
                medium_of(medium, units),
            )
            for name, *key_parts, concentrator, change, gap, medium, units in meters
            if (key := tuple(key_parts)) in rows
        ]

    def first_total(self, meter: str, code: str, start: int, end: int) -> Reading | None:
        column = COLUMNS[CODES.index(code)]
        with self._reading() as db:
            row = db.one(
                f"SELECT {READING} FROM reading r WHERE r.meter = ? AND r.time >= ? "
                f"AND r.time < ? AND r.{column} IS NOT NULL ORDER BY r.meter, r.time LIMIT 1",
                (_id(db, meter), start, end),
            )
        return None if row is None else reading_of(meter, row)

    def power(self, meter: str, start: int, end: int, width: int) -> list[Bucket]:
        with self._reading() as db:
            rows = db.all(
                "SELECT (time - ?) / ? AS i, avg(p), min(p), max(p) FROM "
                f"(SELECT time, {POWER} AS p FROM reading "
                "WHERE meter = ? AND time >= ? AND time < ?) AS r "
                "WHERE p IS NOT NULL GROUP BY i ORDER BY i",
                (start, width, _id(db, meter), start, end),
            )
        return [Bucket(start + i * width, mean, low, high) for i, mean, low, high in rows]

    def voltage(self, meter: str, start: int, end: int, width: int) -> list[Volts]:
        with self._reading() as db:
            return voltage.slices(db, _id(db, meter), start, end, width)

    def readings(
        self,
        meter: str,
        after: tuple[int, int],
        end: int,
        conditions: Sequence[Condition],
        codes: Sequence[str],
        limit: int,
    ) -> list[Reading]:
        where = ""
        values: list[str | float] = []
        for condition in conditions:
            met, parts = self._meets(condition)
            where += f" AND {met}"
            values += parts
        if codes:
            wanted = [self._has(code) for code in codes]
            where += f" AND ({' OR '.join(has for has, _ in wanted)})"
            values += [part for _, name in wanted for part in name]
        with self._reading() as db:
            rows = db.all(
                f"SELECT {READING} FROM reading r WHERE r.meter = ? AND r.time >= ? "
                f"AND (r.time, r.seq) > (?, ?) AND r.time < ? {where} "
                "ORDER BY r.meter, r.time, r.seq LIMIT ?",
                (_id(db, meter), after[0], *after, end, *values, limit),
            )
        return [reading_of(meter, row) for row in rows]

    def import_readings(self, meter: str, rows: Sequence[ReadingRow]) -> Stored:
        with self._writing() as db:
            self._meter_ids(db, {})  # no meter is deleted from here on
            number = _id(db, meter)
            if not number:
                raise StoreUnavailable(f"meter {meter} has been deleted")
            new = self._insert(db, [(number, *row) for row in rows])
            if new:
                quarters = {row[0] // QUARTER_MS * QUARTER_MS for row in rows}
                self._note_dirty(db, [(number, start) for start in sorted(quarters)])
                imports.note_newest(db, number, rows, self._next_change(db))
        return Stored(new, len(rows) - new)

    def measured_quarters(self, meter: str, start: int, end: int) -> set[int]:
        with self._reading() as db:
            return imports.measured_quarters(db, _id(db, meter), start, end)

    def further_codes(self, meter: str, start: int, end: int) -> set[str]:
        with self._reading() as db:
            rows = db.all(
                f"SELECT DISTINCT {self._keys_of_extra} WHERE r.meter = ? AND r.time >= ? "
                "AND r.time < ? AND r.extra IS NOT NULL",
                (_id(db, meter), start, end),
            )
        return {code for (code,) in rows}

    def sums(self, start: int, end: int, households: frozenset[str] | None, now: int) -> list[Sum]:
        with self._writing() as db:
            self._alone(db, "aggregate", wait=True)
            return aggregates.hours(db, start, end, households, now)

    def slices(self, meter: str, tier: str, start: int, end: int) -> list[Slice]:
        with self._reading() as db:
            found = db.one("SELECT id FROM meter WHERE name = ?", (meter,))
            return rollups.read(db, found[0], tier, start, end) if found else []

    def roll(self, limit: int, until: int) -> int:
        with self._writing() as db:
            if not self._alone(db, "roll"):
                return 0
            return rollups.roll(db, limit, until, self.zone)

    def forget(self, retention: Retention, now: int) -> int:
        with self._writing() as db:
            gone = retain.forget_expired(db, now) + retain.forget_slices(db, retention, now)
            if retention.readings is not None:
                until = now - retention.readings * retain.DAY_MS
                gone += retain.forget_readings(db, until, until)
            return gone

    def forget_meter(self, meter: str) -> int:
        with self._reading() as db:
            submeters = households.submeters(db, meter)
        # The main meter at last: if this is interrupted, it can be deleted again.
        return sum(map(self._forget_alone, [*submeters, meter]))

    def _forget_alone(self, meter: str) -> int:
        gone = 0
        while True:
            with self._writing() as db:
                self._alone(db, "forget", wait=True)
                found = db.one("SELECT id FROM meter WHERE name = ?", (meter,))
                if not found:
                    return gone
                gone += retain.forget_meter(db, found[0])
                self._forgotten(meter)

    def boxes(self, households: frozenset[str] | None = None) -> list[Box]:
        where, names = of_households(households)
        sql = "SELECT kind, name, concentrator, status, received FROM box"
        if households is not None:
            sql += (
                f" WHERE kind = 'adapter' AND name IN (SELECT name FROM meter WHERE {where})"
                " OR kind = 'concentrator' AND name IN "
                f"(SELECT concentrator FROM meter WHERE {where})"
            )
            names *= 2
        with self._reading() as db:
            rows = db.all(sql, names)
        return [Box._make((*row, False)) for row in rows if _is_of(row, str, str, str, str, int)]

    def processes(self) -> list[Process]:
        with self._reading() as db:
            rows = db.all("SELECT name, started, beat, state FROM process ORDER BY name")
        return [Process(*row) for row in rows if _is_of(row, str, int, int, str)]

    def counters(self) -> dict[str, int]:
        with self._reading() as db:
            return dict(db.all("SELECT name, n FROM counter"))

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        with self._reading() as db:
            return dead_letters.newest(db, limit)

    def find_dead_letters(self, wanted: WantedLetters) -> list[DeadLetter]:
        with self._reading() as db:
            return dead_letters.find(db, wanted)

    def dead_letter(self, digest: bytes) -> DeadLetter | None:
        with self._reading() as db:
            return dead_letters.one(db, digest)

    def remove_dead_letter(self, digest: bytes) -> None:
        with self._writing() as db:
            db.run("DELETE FROM dead_letter WHERE digest = ?", (digest,))

    def full_dead_letters(self) -> list[str]:
        with self._reading() as db:
            return dead_letters.full(db)

    def refused_senders(self) -> list[RefusedSender]:
        with self._reading() as db:
            return refusals.known(db)

    def _migrate(self, db: Session, words: dict[str, str], known: int) -> None:
        """Updates the tables from version `known` (0: there are none) to this program's."""
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

    def _check_zone(self, db: Session, keep: bool) -> None:
        """Computes all days again if the time zone, and with it their midnight, has changed.

        With keep they stay as they are: two machines of one store need not be in one zone.
        """
        name = str(self.zone)
        known = db.one("SELECT value FROM setting WHERE name = 'zone'")
        if known and (keep or known[0] == name):
            self.zone = ZoneInfo(known[0])
            return
        db.run(
            "INSERT INTO setting VALUES ('zone', ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name,),
        )
        db.run("DELETE FROM rollup WHERE tier = ?", (DAY,))
        db.run(
            "INSERT INTO dirty SELECT meter, start FROM rollup WHERE tier = ? "
            "ON CONFLICT (meter, start) DO NOTHING",
            (QUARTER,),
        )


def _id(db: Session, meter: str) -> int:
    """A meter's id, 0 if there is none of that name.

    It is a separate query and not a join. If the planner knows the id, it reads in the order of the
    key, and skips the partitions of other days.
    """
    found = db.one("SELECT id FROM meter WHERE name = ?", (meter,))
    return found[0] if found else 0


def _is_of(row: tuple[Any, ...], *types: type) -> bool:
    """Whether a row has these types: SQLite keeps any type in any column."""
    return all(map(isinstance, row, types))


def reading_of(meter: str, row: tuple[Any, ...]) -> Reading:
    """The reading of that meter in a row of READING."""
    at, seq, offset, clock, auth, suspect, received, extra = row[:8]
    values = {
        code: value
        for code, value in zip(CODES, row[8 : 8 + len(CODES)], strict=True)
        if type(value) in _NUMBERS
    }
    if extra:
        # Only ingest writes here, and checks it. What else may be found there must not make
        # the other rows unreadable.
        with contextlib.suppress(msgspec.MsgspecError, UnicodeError):
            values.update(_further_values(extra))
    if type(offset) is not int or abs(offset) >= _DAY_MINUTES:
        offset = 0
    if type(received) is not int or not 0 <= received < FAR_MS:
        received = at
    texts: dict[str, str] = {}
    if row[-2]:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeError, TypeError):
            texts = _texts(row[-2])
    ratio = row[-1] if type(row[-1]) is int else 1
    return Reading(
        meter, at, seq, offset, clock, auth, bool(suspect), received, values, texts, ratio
    )
